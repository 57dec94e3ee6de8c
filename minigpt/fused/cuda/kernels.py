"""CUDA kernels: how the twins beside this file compile theirs and start them on the GPU.

A kernel's source is the file NAME.cu after block_reduce.cuh; CuPy compiles it (NVRTC) when it is first used, once for
each precision, and keeps the result on disk. A start is queued on the current device's current stream, behind all that
was asked before, and nothing is waited for.

Not one of these kernels has been run on a GPU, and no gain has been measured: so none is used unless asked for
(dispatch.fused_kernels). `python -m minigpt bench --backend cupy --fused-kernels` measures them.
"""

import functools
from pathlib import Path

from minigpt import backend
from minigpt.backend import xp

THREADS = 256  # of a block, at most; a power of two
_REAL = {4: "float", 8: "double"}  # bytes of a number -> what CUDA calls it


def launch(file: str, kernel: str, blocks: int | tuple[int, int], threads: int, *arguments) -> None:
    """Starts `kernel` of file.cu with so many blocks of so many threads.

    Arrays must be contiguous, and floats of the first one's precision: the kernel sees nothing but an address. Integers
    become long long, floats that precision. Raises TypeError for other arrays.
    """
    dtype = arguments[0].dtype
    for array in arguments:
        if isinstance(array, xp.ndarray) and not (array.flags.c_contiguous and array.dtype in (dtype, bool, "int64")):
            raise TypeError(f"{kernel} takes contiguous arrays of {dtype}, bool or int64, not {array.dtype} of shape "
                            f"{array.shape}")
    grid = blocks if isinstance(blocks, tuple) else (blocks,)
    if 0 not in grid:  # nothing to do, for which CUDA has no grid
        given = [dtype.type(value) if isinstance(value, float) else value for value in arguments]
        _compiled(backend.name(), file, kernel, dtype)(grid, (threads,), tuple(given))


def threads_for(columns: int) -> int:
    """So many threads that each has a column of a row, if a block has them; a power of two, and a warp at least."""
    return min(THREADS, max(32, 1 << (columns - 1).bit_length()))


def blocks_for(size: int) -> int:
    """Blocks of THREADS threads, enough for one thread an element."""
    return -(-size // THREADS)


@functools.cache
def _compiled(library: str, file: str, kernel: str, dtype):
    return _module(library, file, dtype).get_function(kernel)


@functools.cache
def _module(library: str, file: str, dtype):
    """`library` tells the modules of different libraries apart."""
    return xp.RawModule(code=source(file), options=options(dtype))


def source(file: str) -> str:
    """The text that is compiled."""
    return "\n".join(Path(__file__).with_name(name).read_text(encoding="utf-8")
                     for name in ("block_reduce.cuh", f"{file}.cu"))


def options(dtype) -> tuple[str, ...]:
    """What the compiler is told for a precision.

    fmad: a product and a sum in one instruction would be rounded once, so that a b - c isn't 0 where c is a b, rounded.
    The plain functions round twice; and what waits for memory has time for both instructions.
    """
    return (f"-DREAL={_REAL[dtype.itemsize]}", f"-DLOWEST={float(xp.finfo(dtype).min)!r}", f"-DTHREADS={THREADS}",
            "-fmad=false")
