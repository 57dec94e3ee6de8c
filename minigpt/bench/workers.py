"""How many workers share a training step, and what memory they hold together."""

import contextlib
import os
from pathlib import Path

from minigpt.errors import InputError
from minigpt.memory import peak_memory
from minigpt.parallel.workers import choose_workers


def parse_workers(text: str) -> int:
    """What is given as --workers: a number, or 0 for auto. Raises InputError for what is neither."""
    if text == "auto":
        return 0
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"--workers {text} is not a number: choose 1, more, or auto")
    return int(text)


def workers_of(count: int, workload) -> int:
    """So many, or for 0 what suits; in any case no more than there are rows."""
    chosen = count or choose_workers(workload.batch_size, workload.size.parameters)
    return min(chosen, workload.batch_size)


def memory_together() -> int:
    """Bytes: the peak of this process, or what it and its workers hold now, if that is more.

    What several processes share is counted in parts that add up to one (the system's "proportional set size"). Freed
    memory is kept for the next step, so what they hold now is what they ever held.
    """
    held = 0
    for process in (os.getpid(), *_children()):
        with contextlib.suppress(OSError, ValueError, IndexError):
            text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
            held += int(text.split("\nPss:")[1].split()[0]) * 1024
    return max(held, peak_memory())


def _children() -> list[int]:
    path = Path("/proc/self/task", str(os.getpid()), "children")  # not there but on Linux: elsewhere they are threads
    return [int(word) for word in path.read_text(encoding="ascii").split()] if path.is_file() else []
