"""The roofline: whether arithmetic or memory limits a computation, and how near it comes to that limit.

A processor has two ceilings: π FLOPs a second, and β bytes a second between it and its memory. A computation of F FLOPs
that must move M bytes takes at least F/π for the one and M/β for the other; as both go on at once, the longer decides:

    least time       = max(F/π, M/β)
    attainable speed = F / least time = min(π, I β)         I = F/M, its arithmetic intensity in FLOPs a byte

Over I, on two logarithmic axes, that is a roof: it rises with the slope of β up to the ridge I = π/β, and is flat from
there. Left of the ridge memory is the limit, and only moving less helps; right of it arithmetic is.

Both ceilings are measured, with this process's own array library, as the best of several tries: π by a product of large
square matrices, β by copying an array far larger than any cache, whose bytes count once for reading and once for
writing. On a processor NumPy copies, adds and multiplies with one thread, while its matrix products take several, so
a product can be faster than this β allows; and what lies in a cache isn't limited by memory at all. Both show as more
than 100 % of the roof. They are no mistakes, but the roof's limits as a model.

Sources: the roofline, Williams, Waterman & Patterson (2009); measuring β by copying, McCalpin (1995), STREAM.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from minigpt import backend
from minigpt.backend import xp

COPIED = 2**27  # bytes of the array that is copied: four times a large cache of 32 MiB, as STREAM asks
SMALLEST, LARGEST = 512, 4096  # rows of the matrices that are multiplied
LONG_ENOUGH = 0.03  # seconds of a product after which larger ones would be no faster


@dataclass(frozen=True)
class Ceilings:
    """What the machine can do at best."""

    flops_per_second: float
    bytes_per_second: float

    @property
    def ridge(self) -> float:
        """The intensity, in FLOPs a byte, from which arithmetic is the limit."""
        return self.flops_per_second / self.bytes_per_second

    def bound(self, flops: float, moved: float) -> str:
        """What limits it: "arithmetic" from the ridge on, "memory" before; "" for what does and moves nothing."""
        if not flops and not moved:
            return ""
        return "arithmetic" if flops >= self.ridge * moved else "memory"

    def least_seconds(self, flops: float, moved: float) -> float:
        """No program can be faster, where the ceilings hold."""
        return max(flops / self.flops_per_second, moved / self.bytes_per_second)


def measure_ceilings(clock: Callable[[], float] = time.perf_counter) -> Ceilings:
    """Both ceilings of the array library and the precision in use. Takes about a second, and 256 MiB."""
    return Ceilings(_product_speed(clock), _copy_speed(clock))


def _product_speed(clock) -> float:
    fastest, n = 0.0, SMALLEST
    while True:
        a = backend.zeros((n, n)) + 1
        seconds = _least(lambda a=a: a @ a, clock)
        fastest = max(fastest, 2 * n**3 / seconds)
        if seconds > LONG_ENOUGH or n >= LARGEST:
            return fastest
        n *= 2


def _copy_speed(clock) -> float:
    source = backend.zeros(COPIED // backend.dtype().itemsize) + 1  # written to: pages of zeros may be one and the same
    target = xp.zeros_like(source)

    def copy():
        target[...] = source

    return 2 * COPIED / _least(copy, clock)


def _least(action, clock, tries: int = 5) -> float:
    """Seconds of the fastest try, after one that isn't counted."""
    action()
    seconds = []
    for _ in range(tries):
        backend.synchronize()
        begin = clock()
        action()
        backend.synchronize()
        seconds.append(clock() - begin)
    return min(seconds)
