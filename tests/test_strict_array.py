"""The stand-in is only worth something if it refuses: one line for each act that CuPy refuses too."""

import copy
import importlib.util
import math

import numpy as np
import pytest
from cupy_names import ask_cupy
from strict_array import METHODS, StrictArray
from strict_library import LIBRARY as xp

HOST = np.arange(6.0).reshape(2, 3)
ROW = [1, 2, 3]
NO = (TypeError, AttributeError, NotImplementedError, IndexError, ValueError)


def a():
    return xp.asarray(HOST)


def ids():
    return xp.asarray([0, 1, 1])


def assign(target, key, value):
    target[key] = value


def in_place(target, value):
    target += value


FORBIDDEN = {
    # Conversion to NumPy, by every door that NumPy tries
    "np.asarray(a)": lambda: np.asarray(a()),
    "np.array(a)": lambda: np.array(a()),
    "np.array([a, a])": lambda: np.array([a(), a()]),
    "np.array of a 0-d array": lambda: np.array(a().sum()),
    "np.array([sum])": lambda: np.array([a().sum(), 1.0]),
    "np.asarray(iterator of rows)": lambda: np.array(list(a())),
    "np.fromiter(a)": lambda: np.fromiter(a(), dtype=float),
    "a.__array__()": lambda: a().__array__(),
    "a.__array_interface__": lambda: a().__array_interface__,
    "a.__array_struct__": lambda: a().__array_struct__,
    "a.__array_priority__": lambda: a().__array_priority__,
    "a.__dlpack__": lambda: np.from_dlpack(a()),
    "memoryview(a)": lambda: memoryview(a()),
    "np.frombuffer(a)": lambda: np.frombuffer(a()),
    "bytes(a)": lambda: bytes(a()),
    "host[...] = a": lambda: assign(HOST.copy(), ..., a()),
    "host[0] = a[0]": lambda: assign(HOST.copy(), 0, a()[0]),
    "host[ids]": lambda: HOST[ids()],
    "host[a > 1]": lambda: HOST[a() > 1],
    # NumPy's functions on an array of the device
    "np.sum(a)": lambda: np.sum(a()),
    "np.exp(a)": lambda: np.exp(a()),
    "np.add(a, 1)": lambda: np.add(a(), 1),
    "np.matmul(host, a.T)": lambda: np.matmul(HOST, a().T),
    "np.concatenate([a, a])": lambda: np.concatenate([a(), a()]),
    "np.where(a > 1, 0, a)": lambda: np.where(a() > 1, 0, a()),
    "np.add.at(host, ids, a)": lambda: np.add.at(HOST.copy(), ids(), a()),
    "np.testing": lambda: np.testing.assert_array_equal(a(), HOST),
    # Host and device in one operation
    "a + host": lambda: a() + HOST,
    "host + a": lambda: HOST + a(),
    "a @ host": lambda: a() @ HOST.T,
    "host @ a": lambda: HOST.T @ a(),
    "a += host": lambda: in_place(a(), HOST),
    "host += a": lambda: in_place(HOST.copy(), a()),
    "a == host": lambda: a() == HOST,
    "host == a": lambda: HOST == a(),
    "a + 0-d host": lambda: a() + np.array(1.0),
    "a + list": lambda: a() + ROW,
    "list + a": lambda: ROW + a(),
    "a + None": lambda: a() + None,
    "a[...] = host": lambda: assign(a(), ..., HOST),
    "a[0] = list": lambda: assign(a(), 0, ROW),
    "a[ids of the host]": lambda: a()[np.array([0, 1])],
    "a[list]": lambda: a()[[0, 1]],
    "a[mask of the host]": lambda: a()[HOST > 1],
    "a[float ids]": lambda: a()[xp.asarray([0.0])],
    "a[True]": lambda: a()[True],
    "a[:0-d array]": lambda: a()[: ids().sum()],
    "a[two masks]": lambda: a()[xp.asarray([True, False]), xp.asarray([True, False, True])],
    "a[duplicates] = value": lambda: assign(a(), (0, ids()), 1.0),
    "a.dot(host)": lambda: a().dot(HOST.T),
    "a.take(host)": lambda: a().take(np.array([0]), 0),
    "a.fill(host)": lambda: a().fill(HOST),
    "xp.exp(host)": lambda: xp.exp(HOST),
    "xp.exp(list)": lambda: xp.exp([1.0]),
    "xp.exp(a, out=host)": lambda: xp.exp(a(), out=HOST.copy()),
    "xp.maximum(a, host)": lambda: xp.maximum(a(), HOST),
    "xp.where(host mask)": lambda: xp.where(HOST > 1, 0, a()),
    "xp.where(mask, host, 0)": lambda: xp.where(a() > 1, HOST, 0),
    "xp.concatenate([a, host])": lambda: xp.concatenate([a(), HOST]),
    "xp.concatenate([a, list])": lambda: xp.concatenate([a(), [[1, 2, 3]]]),
    "xp.sum(list)": lambda: xp.sum([1, 2]),
    "xp.sum(host)": lambda: xp.sum(HOST),
    "xp.dot(a, host)": lambda: xp.dot(a(), HOST.T),
    "xp.zeros_like(host)": lambda: xp.zeros_like(HOST),
    # What CuPy has not
    **{f"xp.{name}": lambda name=name: getattr(xp, name)
       for name in ("errstate", "block", "insert", "vecdot", "geomspace", "unstack", "nonsense")},
    "xp.scatter_add": lambda: xp.scatter_add(a(), 0, 1),
    "xp.maximum.reduce": lambda: xp.maximum.reduce(a()),
    "xp.fmax.reduce": lambda: xp.fmax.reduce(a()),
    "xp.maximum.accumulate": lambda: xp.maximum.accumulate(a()),
    "xp.multiply.reduceat": lambda: xp.multiply.reduceat(a(), ids()),
    "xp.add.reduceat(host ids)": lambda: xp.add.reduceat(a(), np.array([0, 1])),
    "xp.add.reduce(host)": lambda: xp.add.reduce(HOST),
    "xp.subtract.at": lambda: xp.subtract.at(a(), ids(), 1.0),
    "xp.maximum.at": lambda: xp.maximum.at(a(), ids(), 1.0),
    "xp.add.at(integers)": lambda: xp.add.at(xp.zeros(3, dtype="int64"), ids(), 1),
    "xp.add.at(a, host ids)": lambda: xp.add.at(a(), np.array([0]), 1.0),
    "xp.add.at(a, ids, host)": lambda: xp.add.at(a(), ids(), np.ones(3)),
    "xp.exp(where=)": lambda: xp.exp(a(), where=a() > 0),
    "a.sum(initial=)": lambda: a().sum(initial=0),
    "a.max(where=)": lambda: a().max(where=a() > 0),
    "xp.max(initial=)": lambda: xp.max(a(), initial=0),
    "a.item(index)": lambda: a().item(0),
    "a.byteswap": lambda: a().byteswap(),
    "a.ctypes": lambda: a().ctypes,
    "a.tofile, which the stand-in does not list": lambda: a().tofile("never"),
    "random.default_rng().normal": lambda: xp.random.default_rng(0).normal(),
    "random.RandomState": lambda: xp.random.RandomState(0),
    # Python's scalars
    "float(a)": lambda: float(a()),
    "int(a)": lambda: int(a()),
    "bool(a)": lambda: bool(a()),
    "bool(empty)": lambda: bool(xp.zeros(0)),
    "math.sqrt(a)": lambda: math.sqrt(a()),
    "range(0-d)": lambda: range(ids().sum()),
    "list[0-d]": lambda: ROW[ids().sum()],
    "hash(a)": lambda: hash(a()),
    "len(0-d)": lambda: len(a().sum()),
    "for in 0-d": lambda: list(a().sum()),
    "reshape(array)": lambda: a().reshape(ids()),
    "xp.zeros(array)": lambda: xp.zeros(xp.asarray([3, 2])),
    "string * 0-d": lambda: "x" * ids().sum(),
}  # fmt: skip


@pytest.mark.parametrize("act", FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_cupy_refuses_is_refused(act):
    with pytest.raises(NO):
        act()


def test_nothing_that_numpy_could_read_leaks_from_the_array():
    for name in ("__array_interface__", "__array_struct__", "__array_wrap__", "__buffer__", "__index__",
                 "__array_namespace__", "__dlpack__", "data", "ctypes", "flat", "tobytes"):
        assert not hasattr(StrictArray, name) and not hasattr(a(), name), name
    assert not hasattr(a(), "__dict__") and not hasattr(StrictArray, "__getattr__")
    assert StrictArray.__mro__ == (StrictArray, object)


def test_every_operation_stays_on_the_device():
    results = [a() + 1, 1 - a(), -a(), a() > 2, a().sum(), a().mean(axis=0), a()[0, 0], a()[:, None], a().T, a().max(),
               np.float64(2) * a(), a() @ a().T, xp.exp(a()), xp.where(a() > 1, 0, a()), *xp.split(a(), 3, axis=1),
               *a(), xp.arange(3), xp.asarray(2.0), xp.dot(a()[0], a()[0]), a().astype("float32"), copy.deepcopy(a())]
    assert all(type(result) is StrictArray for result in results)
    assert a().sum().shape == a()[0, 0].shape == ()
    assert float(a().sum()) == 15 and int(ids().max()) == 1 and bool(a()[0, 1]) and f"{a().sum():.1f}" == "15.0"
    assert a().tolist() == HOST.tolist() and type(a().sum().item()) is float and len(a()) == 2


def test_precision_follows_numpy_2_as_cupys_does():
    single = xp.asarray(np.ones(2, dtype=np.float32))
    assert (single * 2.0).dtype == (2 * single).dtype == (single * np.float32(2)).dtype == np.float32
    assert (single * np.float64(2)).dtype == (np.float64(2) * single).dtype == np.float64
    assert (single * xp.asarray(2.0)).dtype == np.float64 and (single * xp.asarray([True, False])).dtype == np.float32


def test_data_moves_only_when_asked_to():
    host = HOST.copy()
    device = xp.asarray(host)
    fetched = device.get()
    device += 1
    fetched[...] = 7
    assert host.tolist() == HOST.tolist() and device.tolist() == (HOST + 1).tolist()
    assert xp.asarray(device) is device


def test_views_share_memory_and_know_whose_it_is():
    whole = xp.zeros(6)
    part = whole[2:5].reshape(1, 3)
    part[...] = xp.ones(3)
    part *= 2
    assert whole.tolist() == [0, 0, 2, 2, 2, 0] and part.base is whole and whole.base is None
    assert (part + 1).base is None
    out = xp.exp(whole, out=whole)
    assert out is whole


def test_ids_wrap_and_duplicates_add_up_as_on_a_gpu():
    assert xp.arange(5)[xp.asarray([7, -1, 4])].tolist() == [2, 4, 4]
    total = xp.zeros((3, 2))
    xp.add.at(total, xp.asarray([0, 2, 2, 5]), xp.ones((4, 2)))
    assert total.tolist() == [[1, 1], [0, 0], [3, 3]]
    pairs = xp.zeros((2, 3))
    pairs[xp.arange(2), xp.asarray([1, 1])] -= 1
    assert pairs.tolist() == [[0, -1, 0], [0, -1, 0]]
    grid = xp.asarray(np.arange(24).reshape(2, 3, 4))
    np.testing.assert_array_equal(grid[..., xp.asarray([3, 4])].get(), grid.get()[..., [3, 0]])
    np.testing.assert_array_equal(grid[:, None, xp.asarray([2, 3])].get(), grid.get()[:, None, [2, 0]])


def test_a_gpu_gives_no_warnings():
    assert float(xp.asarray(1.0) / 0) == math.inf and math.isnan(float(xp.log(xp.asarray(-1.0))))


@pytest.mark.skipif(importlib.util.find_spec("cupy") is None, reason="CuPy is not installed")
def test_the_real_cupy_has_every_method_and_argument_of_the_stand_in():
    import cupy

    assert ask_cupy()[0] == cupy.__version__
    for name, allowed in METHODS.items():
        signature = getattr(cupy.ndarray, name).__doc__.strip().splitlines()[0]
        assert all(argument in signature for argument in allowed.split()), signature
