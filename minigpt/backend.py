"""One array backend for CPU and GPU: `xp` is NumPy or CuPy, switchable inside one process.

    from minigpt.backend import xp                     # xp.exp, xp.zeros, ... resolve when they are used
    with backend.using("numpy", "float64"): ...        # another library or precision, for a while

This is the only file that imports CuPy, and the only one that names a float dtype. Whatever differs between the two
libraries stands here behind one name. The choice is global to the process: all threads of a run share it.

Random numbers always come from a seeded generator on the host and are moved to the device afterwards. So one seed gives
the same weights, batches and dropout masks on CPU and GPU and in both precisions, and the two can be compared.
(CuPy's own Generator has no normal, choice or permutation.)
"""

import functools
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from minigpt.errors import InputError

PRECISIONS = ("float32", "float64")


def _load_numpy():
    return np


def _load_cupy():
    try:
        import cupy
    except ImportError:
        raise InputError(
            "CuPy is not installed: choose the line for your CUDA version in requirements-gpu.txt and install it, "
            "or use --backend numpy"
        ) from None
    try:
        # On a machine without a GPU `import cupy` succeeds; only the first kernel fails. So the probe runs one.
        float((cupy.arange(3) + 1).sum())
    except Exception as error:  # CUDARuntimeError, ImportError of a CUDA library, CompileException, ...
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"CuPy is installed but can't use a GPU here ({reason}): use --backend numpy") from None
    return cupy


LIBRARIES = {"numpy": _load_numpy, "cupy": _load_cupy}  # name -> loader; a test may add its own double of CuPy

_library, _name, _dtype = np, "numpy", np.dtype("float32")


class _Namespace:
    """Forwards every attribute to the library in use."""

    def __getattr__(self, name):
        return getattr(_library, name)

    def __repr__(self):
        return f"<xp: {_name}, {_dtype}>"


xp = _Namespace()


def use(library: str = "numpy", dtype: str = "float32") -> None:
    """Switch to `library` ("numpy" or "cupy") and `dtype` ("float32" or "float64") from here on.

    Arrays made before keep their library and precision. Raises InputError when CuPy or a GPU is missing.
    """
    global _library, _name, _dtype
    if library not in LIBRARIES:
        raise InputError(f"unknown backend {library!r}: choose one of {', '.join(LIBRARIES)}")
    if dtype not in PRECISIONS:
        raise InputError(f"unknown dtype {dtype!r}: choose one of {', '.join(PRECISIONS)}")
    _library, _name, _dtype = LIBRARIES[library](), library, np.dtype(dtype)


@contextmanager
def using(library: str = "numpy", dtype: str = "float32") -> Iterator[None]:
    """`use` for the length of a with-block; what was in use before comes back, also after an exception."""
    global _library, _name, _dtype
    before = _library, _name, _dtype
    use(library, dtype)
    try:
        yield
    finally:
        _library, _name, _dtype = before


def name() -> str:
    """The library in use: "numpy" or "cupy"."""
    return _name


def dtype() -> np.dtype:
    """The float precision in use."""
    return _dtype


def asarray(values):
    """An array on the device: floats in the precision in use, integers as int64, booleans as they are."""
    if isinstance(values, (int, float, list, tuple)):
        values = np.asarray(values)
    kind = values.dtype.kind
    if kind == "f":
        return _library.asarray(values, dtype=_dtype)
    return _library.asarray(values, dtype="int64") if kind in "iu" else _library.asarray(values)


def to_host(array) -> np.ndarray:
    """The same values as a NumPy array; copies only when they are on a GPU."""
    return array.get() if hasattr(array, "get") else np.asarray(array)


def zeros(shape):
    """Zeros on the device, in the precision in use."""
    return _library.zeros(shape, dtype=_dtype)


def check_ids(ids, size: int, what: str):
    """Integer ids as an array on the device, after making sure that all lie in 0 .. size - 1.

    Without the check, -1 would silently mean the last row, and CuPy wraps any id. Raises InputError.
    """
    ids = asarray(ids)
    if ids.dtype.kind != "i":
        raise InputError(f"{what} must be integers, not {ids.dtype}")
    if ids.size:
        low, high = int(ids.min()), int(ids.max())
        if low < 0 or high >= size:
            raise InputError(f"{what} {low if low < 0 else high} is outside 0..{size - 1}: encode with the tokenizer "
                             "that the model was made for")
    return ids


def scatter_add(target, ids, values) -> None:
    """target[ids[n]] += values[n] for every n, ids that occur twice counted twice.

    target (V, C), ids (N,), values (N, C). `target[ids] += values` would keep only one of the duplicates.
    """
    if _name == "cupy":
        _library.add.at(target, ids, values)
        return
    if ids.size == 0:
        return
    # np.add.at goes element by element. Sorted by id, equal ids are neighbours, and reduceat sums each run at once.
    order = np.argsort(ids, kind="stable")
    sorted_ids = ids[order]
    starts = np.flatnonzero(np.concatenate(([True], sorted_ids[1:] != sorted_ids[:-1])))
    target[sorted_ids[starts]] += np.add.reduceat(values[order], starts, axis=0)


def generator(seed: int, *path: int) -> np.random.Generator:
    """A host random generator that depends on nothing but its arguments.

    `path` tells uses of one seed apart: generator(seed, DROPOUT, step) is the same whatever was drawn before, which is
    what lets a resumed run continue bit for bit. Raises InputError for a negative seed.
    """
    if seed < 0:
        raise InputError(f"seed {seed} is negative: choose 0 or more")
    return np.random.default_rng(np.random.SeedSequence([seed, *path]))


# The first element of a generator's path says what the numbers are for, so that no two uses share a stream.
INITIAL_WEIGHTS, BATCHES, DROPOUT, SAMPLING = range(1, 5)


def normal(rng: np.random.Generator, shape, std: float = 1.0):
    """Normal numbers with mean 0. Drawn in float64 and then rounded, so both precisions get the same ones."""
    return asarray(rng.standard_normal(shape) * std)


def keep_mask(rng: np.random.Generator, shape, rate: float):
    """A boolean array that is False with probability `rate`; the same one on every backend and in every precision."""
    return _library.asarray(rng.random(shape, dtype=np.float32) >= rate)


def quiet():
    """A with-block in which overflow and NaN give no warning, as on a GPU: for code that looks at the result itself."""
    return np.errstate(all="ignore")


def keep_freed_memory() -> bool:
    """Ask the C library to keep the memory of freed arrays for the next ones; True where it agreed (Linux with glibc).

    A training step allocates and frees the same large arrays again and again. By default glibc gives each back to the
    system, which hands out zeroed pages the next time: over a third of a small model's step went into that. The setting
    is for the whole process, so a program asks for it; importing minigpt doesn't.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        import ctypes

        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (ImportError, OSError, AttributeError):  # no ctypes (a browser), or another C library (musl)
        return False
    M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, older_limit = -1, -3, 32 * 2**20
    return bool(mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
                and (mallopt(M_MMAP_THRESHOLD, 2**30) or mallopt(M_MMAP_THRESHOLD, older_limit)))


def synchronize() -> None:
    """Wait until the device has finished: a clock read before that would time only the launches."""
    if _name == "cupy":
        _library.cuda.Device().synchronize()


def erf(x):
    """The error function 2/sqrt(pi) * integral from 0 to x of exp(-t^2) dt, accurate to the last digits of float64."""
    if _name == "cupy":
        from cupyx.scipy.special import erf as cupy_erf

        return cupy_erf(x)
    return _erf_numpy(x)


_ERF_STEP, _ERF_END, _ERF_TERMS = 1 / 32, 6.0, 9  # erf(6) is 1 to within 2e-17


@functools.cache
def _erf_table() -> np.ndarray:
    """Row n: the n-th Taylor coefficient of erf at each grid point c = 0, 1/32, ..., 6."""
    c = np.arange(0, _ERF_END + _ERF_STEP, _ERF_STEP)
    table = np.empty((_ERF_TERMS, len(c)))
    table[0] = [math.erf(point) for point in c]
    # The n-th derivative of exp(-x^2) is (-1)^n H_n(x) exp(-x^2) with the Hermite polynomials
    # H_0 = 1, H_1 = 2x, H_n+1 = 2x H_n - 2n H_n-1.
    before, hermite = np.zeros_like(c), np.ones_like(c)
    for n in range(1, _ERF_TERMS):
        table[n] = (-1) ** (n - 1) * 2 / math.sqrt(math.pi) * hermite * np.exp(-c * c) / math.factorial(n)
        before, hermite = hermite, 2 * c * hermite - 2 * (n - 1) * before
    return table


def _erf_numpy(x):
    """NumPy has no erf, and math.erf takes one number: so a Taylor series about the nearest point of a fine grid."""
    magnitude = np.minimum(np.abs(x), _ERF_END)
    nearest = np.rint(magnitude / _ERF_STEP)
    h = magnitude - nearest * _ERF_STEP  # at most 1/64, so that h^9 is below float64's resolution
    nearest = np.where(np.isnan(h), 0, nearest).astype(np.intp)  # NaN has no grid point; h carries it through
    table = _erf_table().astype(x.dtype)
    result = table[-1][nearest]
    for row in table[-2::-1]:
        result = result * h + row[nearest]
    return np.copysign(result, x)
