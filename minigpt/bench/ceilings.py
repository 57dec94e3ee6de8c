"""What this machine can do at most: the fastest product of two large matrices, and how fast memory is read.

No training step can do its arithmetic faster than the first, and no token can be generated in less time than reading
all weights once takes. Both are measured, not looked up, and in the same run as what is compared with them.
"""

import time
from collections.abc import Callable

import numpy as np

from minigpt import backend
from minigpt.backend import xp
from minigpt.bench.machine import cores
from minigpt.memory import machine_memory

READ_BYTES = 512 * 2**20  # many times the caches of all but the largest servers
REPEATS = 8
ENOUGH_SECONDS = 0.05  # a product that takes as long keeps all threads busy to the end


def fastest(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Seconds of the fastest of several repetitions, after one that isn't counted."""
    work()
    best = float("inf")
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begin)
    return best


def sgemm() -> dict:
    """GFLOP/s of a large square product in the precision in use: on all threads, and on one (None if unknown).

    On a GPU: of all of it, and as long as the host needs to hear that it is done.
    """
    from threadpoolctl import threadpool_info, threadpool_limits

    def product():
        xp.matmul(a, a, out=out)
        backend.synchronize()

    size = 512
    while True:
        a = xp.ones((size, size), backend.dtype())
        out = xp.empty_like(a)
        seconds = fastest(product)
        if seconds > ENOUGH_SECONDS or size >= 8192:
            break
        size *= 2
    one = None
    if backend.name() == "numpy" and any(pool["user_api"] == "blas" for pool in threadpool_info()):
        with threadpool_limits(1, user_api="blas"):
            one = 2 * size**3 / fastest(product, 4) / 1e9
    return {"size": size, "gflops": 2 * size**3 / seconds / 1e9, "gflops_one_thread": one}


def reading() -> dict:
    """GB/s at which an array much larger than the caches is read, by the best of several ways, and each of them."""
    from concurrent.futures import ThreadPoolExecutor

    columns = 4096
    most = min(READ_BYTES, (machine_memory() or READ_BYTES) // 8)
    a = np.ones((max(most // (columns * backend.dtype().itemsize), 64), columns), backend.dtype())
    x, y = np.ones(columns, a.dtype), np.ones(len(a), a.dtype)
    with ThreadPoolExecutor(cores()) as pool:
        parts = np.array_split(a.reshape(-1), cores())
        ways = {
            "sgemv by rows": lambda: a @ x,
            "sgemv by columns": lambda: y @ a,
            "sums on threads": lambda: list(pool.map(np.sum, parts)),
            "maxima on threads": lambda: list(pool.map(np.max, parts)),
        }
        speeds = {name: a.nbytes / fastest(work, 3) / 1e9 for name, work in ways.items()}
    best = max(speeds, key=speeds.get)
    return {"bytes": a.nbytes, "gigabytes_per_second": speeds[best], "way": best, "ways": speeds}


def copying() -> dict:
    """As `reading`, for a GPU: GB/s at which its memory is read and written by the copy of a large array."""
    a = xp.ones(READ_BYTES // backend.dtype().itemsize, backend.dtype())
    out = xp.empty_like(a)

    def copy():
        out[...] = a
        backend.synchronize()

    speed, way = 2 * a.nbytes / fastest(copy) / 1e9, "a copy, read and written"
    return {"bytes": 2 * a.nbytes, "gigabytes_per_second": speed, "way": way, "ways": {way: speed}}
