"""Who computes the gradient of a step: this process alone, or several workers (share.py has the idea)."""

import contextlib
import os
import sys
from collections.abc import Iterator

from minigpt import backend
from minigpt.cache_blocking import processors
from minigpt.errors import InputError
from minigpt.parallel.share import add_gradient


class Alone:
    """One worker, this one."""

    count = 1

    def __init__(self, model, tokens, config):
        self.model, self.tokens, self.config = model, tokens, config

    def gradient(self, step: int) -> float:
        """Leaves the gradient of step number `step` in the model's grad; returns the loss."""
        self.model.zero_grad()
        return add_gradient(self.model, self.tokens, self.config, step)

    def close(self) -> None:
        """Nothing is left running."""


KINDS = ("processes", "threads")


def default_kind() -> str:
    """Processes where the system can copy a running one (Linux); threads elsewhere.

    macOS has fork too, but its own libraries, NumPy's products among them, may not be used after it.
    """
    return "processes" if sys.platform == "linux" and hasattr(os, "fork") else "threads"


def describe(count: int) -> str:
    """So many workers, in words for the user."""
    if count == 1:
        return "this process alone"
    if default_kind() == "processes":
        return f"{count} processes"
    return f"{count} threads (not processes, which are faster: this system can't copy one safely)"


@contextlib.contextmanager
def start_workers(model, tokens, config, count: int = 1, kind: str | None = None) -> Iterator:
    """`count` workers for the length of a with-block; give them to train.train, or to training_step.

    kind: "processes" or "threads", or None for what suits the system. With several workers each computes on one
    processor. Raises InputError for more workers than rows, and for several on a GPU, where one keeps it busy.
    """
    check_workers(count, config.batch_size)
    if count > 1 and backend.name() != "numpy":
        raise InputError(f"{count} workers on {backend.name()}: one keeps a GPU busy, choose --workers 1")
    if count == 1:
        yield Alone(model, tokens, config)
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # the workers are on all processors already
        if (kind or default_kind()) == "processes":
            from minigpt.parallel.processes import Processes

            workers = Processes(model, tokens, config, count)
        else:
            from minigpt.parallel.threads import Threads

            workers = Threads(model, tokens, config, count)
        try:
            yield workers
        finally:
            workers.close()


def check_workers(count: int, batch_size: int) -> int:
    """count. Raises InputError unless each of so many workers gets a row of the batch."""
    if not 1 <= count <= batch_size:
        raise InputError(f"{count} workers can't share a batch of {batch_size}: choose --workers 1 to {batch_size}")
    return count


LARGE = 30_000_000  # parameters


def choose_workers(batch_size: int, parameters: int) -> int:
    """How many workers suit this machine: one a processor, as long as each has a row.

    Each has a gradient of its own. Those of a large model take more memory, and more time to add up, than workers win:
    the products of a large model are large, and keep all processors busy by themselves.
    """
    return 1 if parameters > LARGE else min(processors(), batch_size)
