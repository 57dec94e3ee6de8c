"""One folder, one process: a lock that the system lets go of when its process ends, however it ends.

Two runs that write into one folder would ruin each other's checkpoints and log. A file that merely says "taken" would
outlive a kill and lock the run out of its own folder for ever. So the file `lock` only carries a lock of the operating
system's, which is gone with the process; the file itself stays, and means nothing.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from minigpt.errors import InputError

LOCK = "lock"
_PLACE = 1 << 30  # Windows locks single bytes, and nobody else may read one: this is far behind what the file says


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Inside the with-block the folder is ours alone. Raises InputError when another process has it."""
    with (folder / LOCK).open("a+b", buffering=0) as file:
        if not _take(file):
            file.seek(0)
            holder = file.read(20).decode("ascii", "replace").strip()
            raise InputError(f"another process{f' ({holder})' if holder else ''} is training in {folder}: wait until "
                             "it has ended, or stop it, or choose another --out")
        with contextlib.suppress(OSError):  # on a full disk: the number is there for the message only
            file.truncate(0)
            file.write(f"{os.getpid()}\n".encode("ascii"))
        try:
            yield
        finally:
            file.truncate(0)


def _take(file) -> bool:
    """Lock the file for this process; False where another one has it. Closing the file ends the lock."""
    try:
        import fcntl
    except ImportError:
        return _take_on_windows(file)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a network's file system without locks: better to train unprotected than not at all
        pass
    return True


def _take_on_windows(file) -> bool:
    try:
        import msvcrt
    except ImportError:  # a browser, where no second process could come
        return True
    file.seek(_PLACE)
    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except PermissionError:
        return False
    return True
