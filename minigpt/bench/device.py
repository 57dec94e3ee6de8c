"""A GPU as the bench sees it: which one it is, how often a step waits for it, and how much of its memory a step takes.

The processor only hands work over to a GPU, and goes on while that computes. It must wait where Python asks for a
value: float(loss), a.get(), if a: ... After each such wait the GPU has nothing to do until the next call reaches it. So
the waits of a step are counted, and the bench adds none: it synchronises before and after a round, never within.

Written after CuPy's source and documentation, and tested on a stand-in: nothing here has been measured on a GPU by us.
"""

import contextlib
import functools
from collections import Counter
from collections.abc import Iterator

from minigpt.backend import xp
from minigpt.bench.serve import Round

WAITING = ("get", "item", "tolist", "__float__", "__int__", "__bool__", "__index__", "__complex__")  # if it has them
TF32_SINCE = 80  # compute capability 8.0, Ampere


def gpu() -> dict[str, str]:
    """Its name and the versions of what drives it; CuPy must be in use."""

    def version(number):
        return f"{number // 1000}.{number % 1000 // 10}"  # 12080 is CUDA 12.8

    return {
        "GPU": xp.cuda.runtime.getDeviceProperties(0)["name"].decode(),
        "driver": f"for CUDA {version(xp.cuda.runtime.driverGetVersion())}",
        "CUDA": version(xp.cuda.runtime.runtimeGetVersion()),
        "CuPy": xp.__version__,
    }  # fmt: skip


def compute_capability() -> int:
    """What the GPU can do, in NVIDIA's numbers: 80 is 8.0."""
    return int(xp.cuda.Device().compute_capability)


def gpu_memory() -> int:
    """Bytes of memory on the GPU, free or not."""
    return xp.cuda.runtime.memGetInfo()[1]


@contextlib.contextmanager
def counted_waits() -> Iterator[Counter]:
    """A with-block in which each wait for the device is counted, by the method of an array that made it.

    One method may be made of another, as float(a) of a.get(): the outermost counts. A wait that CuPy makes within an
    operation is not seen. It makes one where the size of a result depends on values: a boolean array as an index,
    nonzero, unique, repeat. minigpt uses none of these in a step.
    """
    array, counts, inside = xp.ndarray, Counter(), False

    def counting(name, method):
        @functools.wraps(method)
        def call(*arguments, **options):
            nonlocal inside
            if inside:
                return method(*arguments, **options)
            counts[name], inside = counts[name] + 1, True
            try:
                return method(*arguments, **options)
            finally:
                inside = False

        return call

    own = dict(vars(array))  # CuPy's array inherits most of these methods: then there is nothing to put back
    names = [name for name in WAITING if hasattr(array, name)]
    for name in names:
        setattr(array, name, counting(name, getattr(array, name)))
    try:
        yield counts
    finally:
        for name in names:
            if name in own:
                setattr(array, name, own[name])
            else:
                delattr(array, name)


@contextlib.contextmanager
def peak_of_pool() -> Iterator[dict]:
    """A with-block that leaves behind {"peak": the most bytes that arrays held at once, "reserved": what CuPy holds}.

    CuPy takes memory from the system in blocks, hands parts of them out, and gives none back by itself. Every part is
    told to a hook, which costs time: not for a block that is timed.
    """
    pool, found = xp.get_default_memory_pool(), {}

    class Watch(xp.cuda.MemoryHook):
        name = "minigpt bench"

        def __init__(self):
            self.held = self.peak = pool.used_bytes()

        def malloc_postprocess(self, **facts):
            if facts["mem_ptr"]:  # 0 where there was no memory left
                self.held += facts["mem_size"]
                self.peak = max(self.peak, self.held)

        def free_postprocess(self, **facts):
            self.held -= facts["mem_size"]

    with Watch() as watch:
        yield found
    found |= {"peak": watch.peak, "reserved": pool.total_bytes()}


def watch(run: Round) -> dict:
    """One more step, which isn't timed: its waits, in all and by their kind, and its memory."""
    with counted_waits() as counts, peak_of_pool() as memory:
        run(1)
    return {"waits": counts.total(), "by": dict(counts), **memory}
