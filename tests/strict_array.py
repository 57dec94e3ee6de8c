"""The array of the strict stand-in for CuPy: NumPy inside, and a refusal wherever CuPy refuses.

Code that runs on it hands no device array to NumPy, no host array to the device, and uses nothing CuPy lacks. What CuPy
does was read in its source, version 14 (file names below are of cupy/_core): core.pyx for conversion, operators and
methods; _kernel.pyx and _scalar.pyx for what a kernel takes (arrays of its own, Python and NumPy scalars, nothing
else) and for the methods of ufuncs; _routines_indexing.pyx for indexing and assignment.

The array forwards nothing it does not list: one forwarded `__array_interface__` and NumPy would read it in silence.
Where CuPy converts or computes something undefined in silence, the stand-in is the stricter one, and a comment says so.
"""

import operator

import numpy as np

SCALARS = (int, float, complex, np.generic)  # _scalar.pyx, CScalar: Python's own, and NumPy's with their own dtype

# Methods and the arguments that CuPy's have: no `initial`, no `where`, and item() takes none.
METHODS = {
    **dict.fromkeys(["all", "any", "max", "min"], "axis out keepdims"),
    **dict.fromkeys(["argmax", "argmin"], "axis out dtype keepdims"),
    **dict.fromkeys(["sum", "mean", "prod"], "axis dtype out keepdims"),
    **dict.fromkeys(["var", "std"], "axis dtype out ddof keepdims"),
    **dict.fromkeys(["cumsum", "cumprod"], "axis dtype out"),
    **dict.fromkeys(["copy", "flatten", "ravel"], "order"),
    "argsort": "axis kind", "sort": "axis kind", "astype": "dtype order casting subok copy", "dot": "b out",
    "fill": "value", "nonzero": "", "repeat": "repeats axis", "round": "decimals out", "squeeze": "axis",
    "swapaxes": "axis1 axis2", "take": "indices axis out", "view": "dtype type", "item": "", "tolist": "",
}  # fmt: skip


def refuse(value, where: str):
    raise TypeError(f"{where} takes no {type(value).__module__}.{type(value).__name__} of the host: CuPy refuses it "
                    "(use xp.asarray to move it there, array.get() to fetch)")


def operand(value, where: str):
    """A device array's values, or a scalar; _kernel.pyx, _preprocess_arg: anything else is refused."""
    if isinstance(value, StrictArray):
        return value._values
    return value if isinstance(value, SCALARS) else refuse(value, where)


def wrap(result, *parents):
    """Arrays and NumPy scalars as device arrays: in CuPy whatever comes of an operation is one, 0-d sums too."""
    if isinstance(result, (tuple, list)):
        return type(result)(wrap(part, *parents) for part in result)
    if not isinstance(result, (np.ndarray, np.generic)):
        return result
    for parent in parents:  # the very same array, such as `out`, stays the same object
        if result is parent._values:
            return parent
    made = StrictArray()
    made._values, made.base = np.asarray(result), None
    for parent in parents:
        if made._values.base is not None and np.may_share_memory(made._values, parent._values):
            made.base = parent if parent.base is None else parent.base
    return made


def index(array, key, writing: bool = False):
    """NumPy's index for `array[key]`. Integers of an index array wrap around, however far out they are, as in CuPy.

    CuPy would move host arrays and lists to the device in silence, again at each use: refused here. So is writing to
    one place twice, of which CuPy's documentation says that the result is undefined.
    """
    parts = key if isinstance(key, tuple) else (key,)
    widths = [part.ndim if isinstance(part, StrictArray) and part.dtype == bool else int(part is not None and
              part is not Ellipsis) for part in parts]
    axis, ready, arrays = 0, [], []
    for part, width in zip(parts, widths):
        if isinstance(part, StrictArray):
            values = part._values
            if values.dtype.kind in "iu":
                values = np.asarray(values % max(array.shape[axis], 1))
                arrays.append(values)
            elif values.dtype.kind != "b":
                raise IndexError(f"an index array must be of integers or booleans, not {values.dtype}")
            part = values
        elif isinstance(part, bool) or not isinstance(part, (int, np.integer, slice, type(None), type(Ellipsis))):
            refuse(part, "an index")  # a slice to an array's value needs __index__, which the array hasn't
        ready.append(part)
        axis += array.ndim - sum(widths) if part is Ellipsis else width
    if sum(isinstance(part, StrictArray) and part.dtype == bool for part in parts) > 1:
        raise IndexError("an index with two boolean arrays is not to be relied on in CuPy")
    if writing and arrays:
        places = np.stack([part.ravel() for part in np.broadcast_arrays(*arrays)])
        if np.unique(places, axis=1).shape[1] < places.shape[1]:
            raise IndexError("an index names one place twice: what CuPy then stores is undefined")
    return tuple(ready)


class StrictArray:
    """An array on a device that does not exist. Made by the library's functions alone."""

    __slots__ = ("_values", "base")
    __hash__ = None
    __array_ufunc__ = None  # np.exp(a) fails, and for host + a Python asks __radd__, which refuses

    def __array__(self, *arguments, **options):
        raise TypeError("Implicit conversion to a NumPy array is not allowed: use .get()")

    def __array_function__(self, function, types, arguments, options):
        # CuPy would compute np.sum(a) on the device; stricter, as the house's rule is to say xp.sum
        raise TypeError(f"numpy.{function.__name__} was given an array of the device: use xp.{function.__name__}")

    def get(self) -> np.ndarray:
        return self._values.copy()

    shape, dtype, ndim, size, nbytes, itemsize, flags = (
        property(lambda self, name=name: getattr(self._values, name))
        for name in ("shape", "dtype", "ndim", "size", "nbytes", "itemsize", "flags"))
    T = property(lambda self: wrap(self._values.T, self))

    def reshape(self, *shape, order="C"):
        return wrap(self._values.reshape(*shape, order=order), self)  # an array as shape has no __index__

    def transpose(self, *axes):
        return wrap(self._values.transpose(*axes), self)

    def __getitem__(self, key):
        return wrap(self._values[index(self, key)], self)

    def __setitem__(self, key, value):
        self._values[index(self, key, writing=True)] = operand(value, "assignment")

    def __len__(self):
        return len(self._values)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __bool__(self):
        if self.size == 0:
            raise ValueError("the truth value of an empty array is ambiguous")
        return bool(self._values)

    def __int__(self):
        return int(self._values)

    def __float__(self):
        return float(self._values)  # as in CuPy: NumPy's own rules for size 1

    def __repr__(self):
        return f"strict {self._values!r}"

    def __format__(self, form):
        return format(self._values, form)


def _add_operators():
    def binary(name, swapped):
        function = getattr(operator, name)

        def apply(self, other):
            pair = self._values, operand(other, name)
            with np.errstate(all="ignore"):  # a GPU gives no warnings
                return wrap(function(*(reversed(pair) if swapped else pair)), self)

        return apply

    def in_place(name):
        def apply(self, other):
            values = operand(other, name)
            with np.errstate(all="ignore"):
                self._values = getattr(operator, name)(self._values, values)
            return self

        return apply

    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "lshift", "rshift", "and_", "or_", "xor"):
        bare = name.rstrip("_")
        setattr(StrictArray, f"__{bare}__", binary(name, swapped=False))
        setattr(StrictArray, f"__r{bare}__", binary(name, swapped=True))
        setattr(StrictArray, f"__i{bare}__", in_place(f"i{bare}"))
    for name in ("matmul", "lt", "le", "eq", "ne", "gt", "ge"):
        setattr(StrictArray, f"__{name}__", binary(name, swapped=False))
    for function in (operator.neg, operator.pos, operator.abs, operator.invert):
        setattr(StrictArray, f"__{function.__name__}__", lambda self, f=function: wrap(f(self._values), self))


def _add_methods():
    def method(name, allowed):
        def call(self, *arguments, **options):
            if len(arguments) > len(allowed) or not set(options) <= set(allowed):
                raise TypeError(f"CuPy's ndarray.{name} has no more arguments than ({', '.join(allowed)})")
            return call_numpy(f"ndarray.{name}", getattr(np.ndarray, name), (self, *arguments), options)

        return call

    for name, allowed in METHODS.items():
        setattr(StrictArray, name, method(name, allowed.split()))


def call_numpy(name, function, arguments, options):
    """function on the arrays' values; shapes, axes, dtypes and the like pass, arrays of the host don't."""
    parents = []

    def unwrap(value):
        if isinstance(value, StrictArray):
            parents.append(value)
            return value._values
        if isinstance(value, (tuple, list)):
            return type(value)(unwrap(part) for part in value)
        return refuse(value, name) if isinstance(value, np.ndarray) else value

    arguments = [unwrap(value) for value in arguments]
    options = {key: unwrap(value) for key, value in options.items()}
    with np.errstate(all="ignore"):
        return wrap(function(*arguments, **options), *parents)


_add_operators()
_add_methods()
