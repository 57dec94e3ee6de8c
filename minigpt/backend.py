"""One array backend for CPU and GPU: `xp` is NumPy or CuPy, switchable inside one process.

    from minigpt.backend import xp                     # xp.exp, xp.zeros, ... resolve when they are used
    with backend.using("numpy", "float64"): ...        # another library or precision, for a while

This is the only file that imports CuPy, and the only one that names a float dtype. Whatever differs between the two
libraries stands here behind one name. The choice is global to the process: all threads of a run share it.

Random numbers always come from a seeded generator on the host and are moved to the device afterwards. So one seed gives
the same weights, batches and dropout masks on CPU and GPU and in both precisions, and the two can be compared.
(CuPy's own Generator has no normal, choice or permutation.)
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from minigpt.erf import erf_numpy
from minigpt.errors import InputError

PRECISIONS = ("float32", "float64")
FEW_ROWS = 128


class Library(NamedTuple):
    """An array library as the backend uses it: its namespace, and what the libraries do not have in common."""

    namespace: Any
    erf: Callable
    scatter_add: Callable  # (target, ids, values), with at least one id
    synchronize: Callable


def _scatter_add_numpy(target, ids, values):
    if len(target) <= FEW_ROWS:  # a product with zeros and ones is faster than any sorting
        target += (ids == np.arange(len(target))[:, None]).astype(values.dtype) @ values
        return
    # np.add.at goes element by element. Sorted by id, equal ids are neighbours, in runs. reduceat sums a run at once,
    # but takes half a microsecond to begin one, and most runs are short. Those are added in turns, the first of each
    # run, then the second: within a turn no id occurs twice. Of word vectors' ids that makes it three times as fast.
    order = np.argsort(ids, kind="stable")
    sorted_ids = ids[order]
    starts = np.flatnonzero(np.concatenate(([True], sorted_ids[1:] != sorted_ids[:-1])))
    lengths, turns = np.diff(starts, append=len(ids)), 4
    long = lengths > turns
    if long.any():
        ends = np.cumsum(lengths[long])
        sums = np.add.reduceat(values[order[np.repeat(long, lengths)]], ends - lengths[long], axis=0)
        target[sorted_ids[starts[long]]] += sums
    starts, lengths = starts[~long], lengths[~long]
    for turn in range(turns):
        places = starts[lengths > turn] + turn
        target[sorted_ids[places]] += values[order[places]]


def _load_numpy() -> Library:
    return Library(np, erf_numpy, _scatter_add_numpy, lambda: None)


def on_device(cupy, special) -> Library:
    """CuPy and its `cupyx.scipy.special`; the tests put a strict stand-in for both through this same door."""
    return Library(cupy, special.erf, cupy.add.at, lambda: cupy.cuda.Device().synchronize())


def _load_cupy() -> Library:
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
        import cupyx.scipy.special
    except Exception as error:  # CUDARuntimeError, ImportError of a CUDA library, CompileException, ...
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"CuPy is installed but can't use a GPU here ({reason}): use --backend numpy") from None
    return on_device(cupy, cupyx.scipy.special)


LIBRARIES = {"numpy": _load_numpy, "cupy": _load_cupy}  # name -> loader; a test may add its own double of CuPy

_library, _name, _dtype = _load_numpy(), "numpy", np.dtype("float32")


class _Namespace:
    """Forwards every attribute to the library in use."""

    def __getattr__(self, name):
        return getattr(_library.namespace, name)

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
    return _library.namespace.asarray(unmoved(values))


def unmoved(values):
    """What asarray makes of the values, but where they are: NumPy's on the host, CuPy's on the device.

    To look at a value on a GPU is to wait until all that was asked of it before is done. On the host it costs nothing.
    """
    if isinstance(values, (int, float, list, tuple)):
        values = np.asarray(values)
    kind = values.dtype.kind
    return values.astype(_dtype if kind == "f" else "int64" if kind in "iu" else values.dtype, copy=False)


def to_host(array) -> np.ndarray:
    """The same values as a NumPy array; copies only when they are on a GPU."""
    return array.get() if hasattr(array, "get") else np.asarray(array)


def zeros(shape):
    """Zeros on the device, in the precision in use."""
    return _library.namespace.zeros(shape, dtype=_dtype)


def check_ids(ids, size: int, what: str):
    """Integer ids as an array on the device, after making sure that all lie in 0 .. size - 1.

    Without the check, -1 would silently mean the last row, and CuPy wraps any id. Those that come from the host are
    checked there, before they are moved. Raises InputError.
    """
    ids = unmoved(ids)
    if ids.dtype.kind != "i":
        raise InputError(f"{what}s must be integers, not {ids.dtype}")
    if ids.size:
        low, high = int(ids.min()), int(ids.max())
        if low < 0 or high >= size:
            raise InputError(f"{what} {low if low < 0 else high} is outside 0..{size - 1}: encode with the tokenizer "
                             "that the model was made for")
    return asarray(ids)


def scatter_add(target, ids, values) -> None:
    """target[ids[n]] += values[n] for every n, ids that occur twice counted twice.

    target (V, C), ids (N,), values (N, C), finite. `target[ids] += values` would keep only one of the duplicates. A GPU
    adds in no fixed order, so there, and only there, two runs can differ in the last digit.
    """
    if ids.size:
        _library.scatter_add(target, ids, values)


def generator(seed: int, *path: int) -> np.random.Generator:
    """A host random generator that depends on nothing but its arguments.

    `path` tells uses of one seed apart: generator(seed, DROPOUT, step) is the same whatever was drawn before, which is
    what lets a resumed run continue bit for bit. Raises InputError for a negative seed.
    """
    for name, number in (("seed", seed), *(("step", step) for step in path)):
        if number < 0:
            raise InputError(f"{name} {number} is negative: choose 0 or more, as in --seed 0")
    return np.random.default_rng(np.random.SeedSequence([seed, *path]))


class RowGenerators:
    """A generator for each row of a batch: a row's dropout masks don't depend on what is computed beside it.

    So a batch that is shared out to several workers gets the masks that it would get in one piece.
    """

    def __init__(self, seed: int, *path: int, rows):
        self.generators = [generator(seed, *path, row) for row in rows]

    def random(self, shape, dtype):
        """Uniform numbers in [0, 1) of that shape, whose first axis is the rows."""
        return np.stack([rng.random(shape[1:], dtype=dtype) for rng in self.generators])


# The first element of a generator's path says what the numbers are for, so that no two uses share a stream.
INITIAL_WEIGHTS, BATCHES, DROPOUT, SAMPLING = range(1, 5)


def normal(rng: np.random.Generator, shape, std: float = 1.0):
    """Normal numbers with mean 0. Drawn in float64 and then rounded, so both precisions get the same ones."""
    values = rng.standard_normal(shape)
    values *= std
    return asarray(values)


def keep_mask(rng: np.random.Generator, shape, rate: float):
    """A boolean array that is False with probability `rate`; the same one on every backend and in every precision."""
    return _library.namespace.asarray(rng.random(shape, dtype=np.float32) >= rate)


def quiet():
    """A with-block in which overflow and NaN give no warning, as on a GPU: for code that looks at the result itself."""
    return np.errstate(all="ignore")


def synchronize() -> None:
    """Wait until the device has finished: a clock read before that would time only the launches."""
    _library.synchronize()


def erf(x):
    """The error function 2/sqrt(pi) * integral from 0 to x of exp(-t^2) dt, accurate to the last digits of float64."""
    return _library.erf(x)
