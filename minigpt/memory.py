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


_keeping = False


def keep_freed_memory() -> bool:
    """Ask the C library to keep the memory of freed arrays for the next ones; True where it agreed (Linux with glibc).

    A training step allocates and frees the same large arrays again and again. By default glibc gives each back to the
    system, which hands out zeroed pages the next time: over a third of a small model's step went into that. The setting
    is for the whole process, so a program asks for it; importing minigpt doesn't.
    """
    global _keeping
    if not sys.platform.startswith("linux"):
        return False
    try:
        import ctypes

        libc = ctypes.CDLL("libc.so.6")
        mallopt = libc.mallopt
    except (ImportError, OSError, AttributeError):  # no ctypes (a browser), or another C library (musl)
        return False
    M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, older_limit = -1, -3, 32 * 2**20
    _keeping = bool(mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
                    and (mallopt(M_MMAP_THRESHOLD, 2**30) or mallopt(M_MMAP_THRESHOLD, older_limit)))
    if _keeping:
        _reserve_large_pages(libc)
    return _keeping


def release_freed_memory() -> None:
    """Give what is free back to the system, once, whatever keep_freed_memory has asked for; does nothing elsewhere."""
    with contextlib.suppress(ImportError, OSError, AttributeError, TypeError):  # another system or C library
        import ctypes

        libc = ctypes.CDLL("libc.so.6")
        libc.malloc_trim(0)
        if _keeping:
            _reserve_large_pages(libc)  # what was reserved is given back too


RESERVED = 2**30


def _reserve_large_pages(libc) -> None:
    """Let the heap of the C library grow by a gibibyte of addresses, and ask Linux for large pages there.

    Addresses take no memory until something is written to them. A processor looks up where each page lies, and keeps a
    few thousand answers at hand: enough for 12 MiB in pages of 4 KiB, for all of a model in pages of 2 MiB.
    """
    import ctypes

    M_TOP_PAD, MADV_HUGEPAGE, usual, block = -2, 14, 128 * 2**10, 2**24
    if (machine_memory() or 0) < 4 * RESERVED:
        return
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    libc.mallopt(M_TOP_PAD, RESERVED)
    libc.free(libc.malloc(block))  # makes it grow, by the block and the padding
    libc.mallopt(M_TOP_PAD, usual)
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.endswith("[heap]"):
                start, end = (int(address, 16) for address in line.split()[0].split("-"))
                libc.madvise(start, end - start, MADV_HUGEPAGE)  # where it is refused, everything works as before


def shared_memory(size: int):
    """`size` bytes of zeros that processes forked from this one share with it, in large pages where there are any."""
    import mmap

    memory = mmap.mmap(-1, max(size, 1))
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def mebibytes(count: float) -> str:
    """A number of bytes as it is said."""
    return f"{count / 2**20:,.1f} MiB" if count < 2**33 else f"{count / 2**30:,.1f} GiB"
