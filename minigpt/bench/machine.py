"""Where the numbers are made: processor, cores, memory, system."""

import contextlib
import os
import platform
import sys
from pathlib import Path

from minigpt.memory import machine_memory


def processor_name() -> str:
    """The name that the processor gives itself; Python's own platform.processor() knows the family at best."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name") and ":" in line:
                return line.split(":", 1)[1].strip()
    if sys.platform == "darwin":
        import subprocess

        with contextlib.suppress(OSError, subprocess.SubprocessError):
            return subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True,
                                  encoding="utf-8", check=True).stdout.strip()
    if sys.platform == "win32":
        import winreg

        with contextlib.suppress(OSError), winreg.OpenKey(
                winreg.HKEY_LOCAL_MACHINE, r"HARDWARE\DESCRIPTION\System\CentralProcessor\0") as key:
            return str(winreg.QueryValueEx(key, "ProcessorNameString")[0]).strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine() -> dict:
    """The facts that hold for every contender."""
    return {"processor": processor_name(), "cores": cores(), "memory": machine_memory(),
            "system": platform.platform(terse=True), "python": platform.python_version()}
