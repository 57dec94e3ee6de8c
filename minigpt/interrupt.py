"""Ctrl-C without losses: the first one asks the run to stop after its step, the second stops it at once."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def stop_on_signal() -> Iterator[Callable[[], int]]:
    """Inside, Ctrl-C (SIGINT) and SIGTERM only set a flag: the function it gives returns the signal's number, or 0.

    A second signal does what it did before. Outside the main thread signals can't be caught, and nothing changes.
    """
    caught = 0
    if threading.current_thread() is not threading.main_thread():
        yield lambda: caught
        return

    def remember(number, frame):
        nonlocal caught
        caught = number
        print("\nfinishing this step, then saving; once more stops at once", file=sys.stderr, flush=True)
        signal.signal(number, before[number])

    before = {number: signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
