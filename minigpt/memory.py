"""Memory: how much there is, so that what can't fit is refused before it is asked for, and who keeps what is freed.

Asking is no test: most systems promise more memory than they have, and end the process when it uses what was promised.
"""

import contextlib
import os
import sys
from pathlib import Path

from minigpt.errors import InputError


def check_memory(needed: int, cure: str) -> None:
    """Raises InputError when `needed` bytes are more than this process could ever have."""
    there = machine_memory()
    if there is not None and needed > there:
        raise InputError(f"this needs {mebibytes(needed)} of memory and {mebibytes(there)} are there: {cure}")


def machine_memory() -> int | None:
    """Bytes of memory that this process may use at most; None where the system doesn't tell."""
    limits = []
    with contextlib.suppress(AttributeError, ValueError, OSError):
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(ImportError):
        import resource

        limits.append(resource.getrlimit(resource.RLIMIT_AS)[0])  # negative for none
    with contextlib.suppress(OSError, ValueError):  # of a container
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    if sys.platform == "win32":
        import ctypes

        kibibytes = ctypes.c_ulonglong()
        if ctypes.windll.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kibibytes)):
            limits.append(kibibytes.value * 1024)
    return min((limit for limit in limits if limit > 0), default=None)


def peak_memory() -> int:
    """The most memory this process has held so far, in bytes; 0 where the system doesn't tell (Windows)."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        # On Linux getrusage also counts what the parent held when it started this process; this line doesn't.
        status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux kibibytes


def keep_freed_memory() -> bool:
    """Ask the C library to keep the memory of freed arrays for the next ones; True where it agreed (Linux with glibc).

    A training step allocates and frees the same large arrays again and again. By default glibc gives each back to the
    system, which hands out zeroed pages the next time: over a third of a small model's step went into that. The setting
    is for the whole process, so a program asks for it; importing minigpt doesn't.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        import ctypes

        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (ImportError, OSError, AttributeError):  # no ctypes (a browser), or another C library (musl)
        return False
    M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, older_limit = -1, -3, 32 * 2**20
    return bool(mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
                and (mallopt(M_MMAP_THRESHOLD, 2**30) or mallopt(M_MMAP_THRESHOLD, older_limit)))


def release_freed_memory() -> None:
    """Give what is free back to the system, once, whatever keep_freed_memory has asked for; does nothing elsewhere."""
    with contextlib.suppress(ImportError, OSError, AttributeError, TypeError):  # another system or C library
        import ctypes

        ctypes.CDLL("libc.so.6").malloc_trim(0)


def mebibytes(count: float) -> str:
    """A number of bytes as it is said."""
    return f"{count / 2**20:,.1f} MiB" if count < 2**33 else f"{count / 2**30:,.1f} GiB"
