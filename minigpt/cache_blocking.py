"""Cache blocking: a long computation on every element alone is cut into pieces that fit into a processor's cache.

A chain of ten operations on a large array goes through memory ten times, as each makes an array that no cache holds.
Cut into pieces, all but the first and the last of them stay in the cache. Pieces that stand alone can also be given to
several threads.
"""

import contextvars
import functools
import os
from pathlib import Path

import numpy as np

from minigpt import backend

PIECE = 32 * 1024  # elements: the temporary arrays of a computation over one piece fit into a processor's cache
LONG_PIECE = 256 * 1024  # for a thread each
GPU_PIECE = 16 * 2**20  # on a GPU: to start each operation costs time, so few pieces, of bounded memory


def in_pieces(function, *arrays):
    """function(*arrays), a tuple of arrays, computed piece by piece; function must act on every element alone.

    `arrays` have one shape, and so have the results. For GELU's chain it is twice as fast. A GPU has other ways, and
    small arrays need none: there it is one call.
    """
    shape, size = arrays[0].shape, arrays[0].size
    if backend.name() != "numpy" or size <= PIECE:
        return function(*arrays)
    flat, outputs = [array.reshape(-1) for array in arrays], None
    for start in range(0, size, PIECE):
        piece = slice(start, start + PIECE)
        results = function(*(array[piece] for array in flat))
        if outputs is None:
            outputs = [np.empty(size, result.dtype) for result in results]
        for output, result in zip(outputs, results):
            output[piece] = result
    return tuple(output.reshape(shape) for output in outputs)


def each_piece(function, size: int) -> None:
    """function(piece) for the slices that a vector of `size` elements is cut into, on all processors where it is long.

    For what is done to a whole model's parameters at once. NumPy lets go of Python's lock while it computes, so that
    threads run side by side, if only the pieces are long: 256 Ki elements. At 64 Ki a thread waits for the lock longer
    than it computes, and two of them are slower than one. A GPU gets few and very long ones.
    """
    length = LONG_PIECE if backend.name() == "numpy" else GPU_PIECE
    pieces = [slice(start, min(start + length, size)) for start in range(0, size, length)]
    if backend.name() != "numpy" or len(pieces) < 2 * processors():
        for piece in pieces:
            function(piece)
    else:
        contexts = [contextvars.copy_context() for _ in pieces]  # NumPy's settings, such as quiet(), are a thread's own
        list(_threads(os.getpid()).map(lambda context, piece: context.run(function, piece), contexts, pieces))


@functools.cache
def _threads(process: int):
    """One thread a processor. `process`: a forked copy of this process has none of its threads and needs its own."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(processors(), "minigpt pieces")


@functools.cache
def processors() -> int:
    """Processors that this process may use, counting those that share a core once where the system tells."""
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    cores = set()
    for number in usable:
        path = Path(f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list")
        try:
            cores.add(path.read_text(encoding="ascii"))
        except OSError:  # not Linux
            return len(usable)
    return len(cores)
