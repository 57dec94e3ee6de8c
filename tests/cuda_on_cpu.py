"""Stands for cupy.RawModule: compiles the very source of a CUDA kernel with g++, and runs it on the processor.

cuda_on_cpu.h gives the source CUDA's words. Around each run the stand-in watches what a GPU would not:

- arguments must be of the types that the kernel declares, in number and precision: a GPU would take any address;
- before and after each array lie guards that must not change, and that are NaN to whoever reads them;
- the threads of a block run in either order (`backwards`), and must meet at the same barriers.
"""

import ctypes
import functools
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from strict_array import StrictArray

SHIM = Path(__file__).with_name("cuda_on_cpu.h")
GUARD = 16384  # bytes, of 0xff, which is NaN in both precisions
KERNEL = re.compile(r'extern "C" __global__ void (\w+)\(([^)]*)\)')
OPTIONS = {"-fmad=false": "-ffp-contract=off"}  # of CUDA's compiler -> of this one
ARRAYS = {"bool": "bool", "long long": "int64"}
backwards = False  # the order in which the threads of a block run; tests change it


def missing() -> str:
    """What this machine lacks to run kernels, or nothing."""
    if not sys.platform.startswith("linux"):
        return "the stand-in for a GPU needs Linux (ucontext, ELF sections)"
    return "" if shutil.which("g++") else "the stand-in for a GPU needs g++"


class CpuModule:
    """As cupy.RawModule(code=, options=)."""

    def __init__(self, *, code: str, options: tuple[str, ...]):
        self._code, self._options = code, options

    def get_function(self, name: str):
        types = dict(KERNEL.findall(self._code))[name]
        real = "float32" if "-DREAL=float" in self._options else "float64"
        parameters = [_parameter(" ".join(one.split()), real) for one in types.split(",")]
        function = getattr(_compile(self._code, self._options), f"launch_{name}")
        function.restype = ctypes.c_bool
        return functools.partial(_launch, name, function, parameters)


def _parameter(text: str, real: str) -> tuple[str, bool, bool]:
    """'const REAL* x' -> its type in NumPy's words, whether it is an array, and whether it may be written to."""
    base = text.rpartition(" ")[0].removeprefix("const ").removesuffix("*")
    return real if base == "REAL" else ARRAYS[base], "*" in text, not text.startswith("const ")


@functools.cache
def _compile(code: str, options: tuple[str, ...]):
    launchers = []
    for name, parameters in KERNEL.findall(code):
        names = ", ".join(one.split()[-1] for one in parameters.split(","))
        launchers.append(f'extern "C" bool launch_{name}(unsigned grid_x, unsigned grid_y, unsigned block, bool order, '
                         f"{parameters}) {{\n"
                         f"    return cuda_launch(grid_x, grid_y, block, order, [=] {{ {name}({names}); }});\n}}\n")
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "kernel.cpp"), Path(folder, "kernel.so")
        source.write_text("\n".join([SHIM.read_text(encoding="utf-8"), code, *launchers]), encoding="utf-8")
        flags = [OPTIONS.get(option, option) for option in options]
        done = subprocess.run(["g++", "-std=c++20", "-O1", "-fPIC", "-shared", *flags, source, "-o", library],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return ctypes.CDLL(library)


def _launch(name, function, parameters, grid, block, arguments) -> None:
    """As a kernel of CuPy is called. Raises AssertionError for what would go wrong on a GPU."""
    assert len(arguments) == len(parameters), f"{name} has {len(parameters)} parameters, {len(arguments)} were given"
    assert len(grid) in (1, 2) and all(0 < size < (2**31, 2**16)[axis] for axis, size in enumerate(grid)), grid
    (threads,) = block
    assert 0 < threads <= 1024, block
    guarded, values = {}, []
    for value, (dtype, is_array, writable) in zip(arguments, parameters):
        if is_array:
            assert isinstance(value, StrictArray) and value.dtype == dtype, f"{name}: {value!r} is no array of {dtype}"
            if id(value) not in guarded:
                guarded[id(value)] = [value, _guard(value._values), False]
            guarded[id(value)][2] |= writable
            values.append(ctypes.c_void_p(guarded[id(value)][1].ctypes.data + GUARD))
        elif dtype == "int64":
            assert type(value) is int, f"{name}: {value!r} is no integer"
            values.append(ctypes.c_longlong(value))
        else:
            assert type(value) is np.dtype(dtype).type, f"{name}: {value!r} is no {dtype}"
            values.append(np.ctypeslib.as_ctypes_type(dtype)(value))
    assert function(*map(ctypes.c_uint, (*grid, 1)[:2]), ctypes.c_uint(threads), ctypes.c_bool(backwards), *values), (
        f"{name}: some threads of a block reach a barrier and others don't")
    for array, copy, written in guarded.values():
        inside = copy[GUARD:copy.size - GUARD].view(array.dtype).reshape(array.shape)
        assert (copy[:GUARD] == 255).all() and (copy[copy.size - GUARD:] == 255).all(), f"{name} writes beyond an array"
        if written:
            array._values[...] = inside
        else:
            assert inside.tobytes() == array._values.tobytes(), f"{name} writes to a const array"


def _guard(values: np.ndarray) -> np.ndarray:
    """Its bytes between two guards."""
    assert values.flags.c_contiguous
    copy = np.full(values.nbytes + 2 * GUARD, 255, dtype=np.uint8)
    copy[GUARD:copy.size - GUARD] = values.reshape(-1).view(np.uint8)
    return copy
