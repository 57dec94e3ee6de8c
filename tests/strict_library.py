"""The library of the strict stand-in for CuPy: looks like the module `cupy`, on the arrays of strict_array.py.

A name that the real CuPy lacks is an AttributeError here too; functions take arrays of the device, and of the host
nothing but shapes, axes and scalars. Only asarray and array move data to the device, and only get() moves it back.
"""

from types import SimpleNamespace

import numpy as np
from cuda_on_cpu import CpuModule
from cupy_names import read_list
from strict_array import StrictArray, call_numpy, index, operand, refuse, wrap

from minigpt import backend
from minigpt.erf import erf_numpy

VERSION, NAMES = read_list()


class StrictUfunc:
    """A ufunc: arrays of the device and scalars only, and the few methods that _kernel.pyx has a rule for."""

    def __init__(self, ufunc):
        self._ufunc, self.__name__ = ufunc, ufunc.__name__

    def __call__(self, *arguments, **options):
        if unknown := set(options) - {"out", "dtype", "casting"}:
            raise TypeError(f"CuPy's {self.__name__} has no argument {unknown}")
        if not isinstance(options.get("out"), (StrictArray, type(None))):
            refuse(options["out"], "out")
        for value in arguments:
            operand(value, self.__name__)
        return call_numpy(self.__name__, self._ufunc, arguments, options)

    def _method(self, name, supported, arguments, options):
        if self.__name__ not in supported:
            raise NotImplementedError(f"CuPy has no {self.__name__}.{name}")
        if not isinstance(arguments[0], StrictArray):
            refuse(arguments[0], f"{self.__name__}.{name}")
        return call_numpy(f"{self.__name__}.{name}", getattr(self._ufunc, name), arguments, options)

    def reduce(self, *arguments, **options):
        return self._method("reduce", ("add", "multiply"), arguments, options)

    def accumulate(self, *arguments, **options):
        return self._method("accumulate", ("add", "multiply"), arguments, options)

    def reduceat(self, *arguments, **options):
        return self._method("reduceat", ("add",), arguments, options)

    def at(self, array, indices, values):
        """Only add: subtract.at takes no floats. _routines_indexing.pyx: int64 values are refused, and ids wrap."""
        if not isinstance(array, StrictArray) or array.dtype.kind != "f":
            raise TypeError(f"{self.__name__}.at is for arrays of floats on the device")
        if self.__name__ != "add":
            raise NotImplementedError(f"{self.__name__}.at is not for arrays of floats in CuPy")
        np.add.at(array._values, index(array, indices), operand(values, "add.at"))


class StrictRandom:
    def __getattr__(self, name):
        raise AttributeError(f"random.{name}: CuPy's Generator has no normal, choice, permutation or shuffle, so all "
                             "random numbers come from minigpt.backend.generator, on the host")


class StrictMemoryHook:
    """cuda/memory_hook.pyx: a with-block, and methods that the pool calls. There is no pool here: a test calls them."""

    active = ()

    def __enter__(self):
        StrictMemoryHook.active = (*StrictMemoryHook.active, self)
        return self

    def __exit__(self, *exception):
        StrictMemoryHook.active = tuple(hook for hook in StrictMemoryHook.active if hook is not self)


CREATE = {"array", "asarray", "ascontiguousarray"}  # these alone take lists and arrays of the host
FROM_NUMBERS = {"zeros", "ones", "empty", "full", "arange", "linspace", "eye", "identity", "tri", "indices"}
JOIN = {"concatenate", "stack", "vstack", "hstack", "dstack", "column_stack"}


class StrictLibrary:
    """Looks like the module `cupy`: NumPy's functions of the names that the real one has, on StrictArrays."""

    def __init__(self):
        self.__version__, self.ndarray, self.random, self.synchronized = VERSION, StrictArray, StrictRandom(), 0
        runtime = SimpleNamespace(getDeviceProperties=lambda device: {"name": b"strict stand-in"},
                                  runtimeGetVersion=lambda: 12080, driverGetVersion=lambda: 12080,
                                  memGetInfo=lambda: (2**33, 2**34))
        device = SimpleNamespace(synchronize=self._synchronize, compute_capability="80")
        self.RawModule = CpuModule
        self.cuda = SimpleNamespace(Device=lambda: device, runtime=runtime, MemoryHook=StrictMemoryHook)
        self.get_default_memory_pool = lambda: SimpleNamespace(used_bytes=lambda: 5 * 2**20,
                                                               total_bytes=lambda: 8 * 2**20)

    def _synchronize(self):
        self.synchronized += 1

    def __getattr__(self, name):
        if name not in NAMES:
            raise AttributeError(f"CuPy {VERSION} has no {name}")
        if not hasattr(np, name) or isinstance(getattr(np, name), type(np)):
            raise NotImplementedError(f"the stand-in has no {name} yet: add it to tests/strict_array.py")
        thing = getattr(np, name)
        if isinstance(thing, np.ufunc):
            return StrictUfunc(thing)
        if isinstance(thing, type) or not callable(thing):  # dtypes, finfo, pi, newaxis
            return thing
        return lambda *arguments, **options: self._call(name, thing, arguments, options)

    def _call(self, name, function, arguments, options):
        if {"initial", "where"} & set(options):
            raise TypeError(f"CuPy's {name} has neither initial nor where")
        if name in CREATE:
            first = arguments[0]._values if isinstance(arguments[0], StrictArray) else arguments[0]
            made = function(first, *arguments[1:], **options)
            # Only from one device array to another may asarray share memory: the host's is another memory.
            return wrap(made, arguments[0]) if first is not arguments[0] else wrap(made.copy())
        if name in JOIN:
            for part in arguments[0]:
                if not isinstance(part, StrictArray):
                    refuse(part, name)
        elif name in FROM_NUMBERS:
            if isinstance(arguments[0], (StrictArray, np.ndarray)):
                raise TypeError(f"{name} takes numbers of the host, no array")
        elif not isinstance(arguments[0], StrictArray):
            refuse(arguments[0], name)
        return call_numpy(name, function, arguments, options)


LIBRARY = StrictLibrary()
SPECIAL = SimpleNamespace(erf=lambda x: call_numpy("erf", erf_numpy, (x,), {}))  # cupyx.scipy.special


def load_strict() -> backend.Library:
    """For backend.LIBRARIES: through the same door as CuPy."""
    return backend.on_device(LIBRARY, SPECIAL)
