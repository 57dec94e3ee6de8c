"""Memory: who keeps what is freed, and in pages of which size."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minigpt.memory import RESERVED, keep_freed_memory, machine_memory, shared_memory


def test_freed_memory_is_kept_only_where_the_c_library_can(monkeypatch):
    assert keep_freed_memory() in (True, False)  # whatever this system is, asking does no harm
    monkeypatch.setattr(sys, "platform", "win32")
    assert keep_freed_memory() is False


REPORT = """
from pathlib import Path
from minigpt.memory import keep_freed_memory, peak_memory, release_freed_memory

def heaps():
    parts = Path("/proc/self/smaps").read_text(encoding="utf-8").split("VmFlags:")
    sizes = [int(part.split("Size:")[1].split()[0]) for part in parts[:-1] if "[heap]" in part]
    flags = [after.splitlines()[0].split() for part, after in zip(parts, parts[1:]) if "[heap]" in part]
    return sum(sizes), any("hg" in each for each in flags)

before, kept = peak_memory(), keep_freed_memory()
print(kept, *heaps())
release_freed_memory()
print(kept, *heaps(), peak_memory() - before)
"""


@pytest.mark.skipif((machine_memory() or 0) < 4 * RESERVED, reason="there is too little memory to reserve any")
@pytest.mark.skipif(not Path("/sys/kernel/mm/transparent_hugepage").is_dir(), reason="this system has none")
def test_large_pages_are_asked_for_and_none_is_taken():
    """In a process of its own, as the settings are for all of it. Sizes in KiB."""
    run = subprocess.run([sys.executable, "-c", REPORT], capture_output=True, text=True, encoding="utf-8", check=True)
    first, second = (line.split() for line in run.stdout.splitlines())
    if first[0] == "False":
        pytest.skip("another C library")
    for report in (first, second):
        assert int(report[1]) * 1024 >= RESERVED and report[2] == "True"
    assert int(second[3]) < 2**25  # bytes


def test_shared_memory_is_zero_and_as_long_as_asked():
    for size in (0, 1, 3 * 2**21):
        memory = np.frombuffer(shared_memory(size), np.uint8)
        assert len(memory) == max(size, 1) and not memory.any()
