"""The backend: switching, random numbers, and what differs between libraries."""

import builtins
import math
import sys
import types

import numpy as np
import pytest

from minigpt import backend
from minigpt.backend import xp
from minigpt.errors import InputError


def test_using_switches_and_comes_back_even_after_an_exception():
    assert (backend.name(), backend.dtype()) == ("numpy", "float32")
    with pytest.raises(ZeroDivisionError), backend.using("numpy", "float64"):
        assert backend.zeros(3).dtype == "float64"
        assert backend.asarray([1.5]).dtype == "float64"
        raise ZeroDivisionError
    assert backend.zeros(3).dtype == "float32"
    assert xp.exp is np.exp


def test_asarray_keeps_integers_and_booleans():
    assert backend.asarray(np.array([1, 2], dtype=np.uint16)).dtype == "int64"
    assert backend.asarray([1, 2]).dtype == "int64"
    assert backend.asarray(np.array([True])).dtype == "bool"
    assert backend.asarray(2.0).shape == ()


@pytest.mark.parametrize("arguments, words",
                         [(("tensorflow", "float32"), "numpy, cupy"), (("numpy", "int8"), "float32")])
def test_unknown_library_or_precision_offers_the_known(arguments, words):
    with pytest.raises(InputError, match=words):
        backend.use(*arguments)


def test_asking_for_cupy_without_it_is_one_clear_line(monkeypatch):
    real = builtins.__import__

    def without_cupy(name, *rest):
        if name == "cupy":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_cupy)
    with pytest.raises(InputError, match=r"requirements-gpu.txt.*--backend numpy") as caught:
        backend.use("cupy")
    assert "\n" not in str(caught.value)
    assert backend.name() == "numpy"


def test_cupy_without_a_gpu_fails_at_the_first_kernel_and_says_so(monkeypatch):
    def no_driver(count):
        raise RuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected\nmore")

    monkeypatch.setitem(sys.modules, "cupy", types.SimpleNamespace(arange=no_driver))  # imports, as the real one does
    with pytest.raises(InputError, match=r"no CUDA-capable device.*--backend numpy") as caught:
        backend.use("cupy")
    assert "\n" not in str(caught.value)
    assert backend.name() == "numpy"


def test_random_numbers_are_the_same_in_both_precisions_and_for_any_order_of_use():
    drawn = []
    for dtype in ("float32", "float64"):
        with backend.using("numpy", dtype):
            backend.generator(1, 2).random(10)  # other uses don't disturb
            rng = backend.generator(1, backend.DROPOUT, 7)
            drawn.append((backend.normal(rng, (4, 5)), backend.keep_mask(rng, (100,), 0.25)))
    np.testing.assert_array_equal(drawn[0][0], drawn[1][0].astype(np.float32))
    np.testing.assert_array_equal(drawn[0][1], drawn[1][1])
    assert not np.array_equal(backend.normal(backend.generator(1, 3, 7), (20,)),
                              backend.normal(backend.generator(1, 3, 8), (20,)))


def test_keep_mask_has_the_rate():
    kept = backend.keep_mask(backend.generator(0), (100_000,), 0.3).mean()
    assert abs(kept - 0.7) < 0.01


@pytest.mark.parametrize("rows", [backend.FEW_ROWS, backend.FEW_ROWS + 1, 5000])
def test_scatter_add_counts_duplicates(rows):
    """Few rows and many go different ways; so do ids that occur often, now and then, and once."""
    rng = np.random.default_rng(0)
    for count, size in ((0, 7), (1, 7), (50, 7), (50, 15), (50, 40), (50, rows)):
        ids, values = rng.integers(rows - size, rows, count), rng.standard_normal((count, 3))
        target = rng.standard_normal((rows, 3))
        expected = target.copy()
        np.add.at(expected, ids, values)
        backend.scatter_add(target, ids, values)
        np.testing.assert_allclose(target, expected, rtol=0, atol=1e-14)


def test_ids_out_of_range_are_refused_not_wrapped():
    np.testing.assert_array_equal(backend.check_ids([0, 4], 5, "token id"), [0, 4])
    for ids, number in (([-1, 2], "-1"), ([0, 5], "5")):
        with pytest.raises(InputError, match=rf"token id {number} is outside 0\.\.4"):
            backend.check_ids(ids, 5, "token id")
    with pytest.raises(InputError, match="must be integers"):
        backend.check_ids([0.5], 5, "token id")


def test_erf_is_exact_to_the_last_digits():
    x = np.concatenate([np.linspace(-7, 7, 20_001), [0.0, -0.0, np.inf, -np.inf, 1e-300, np.nan]])
    expected = np.array([math.erf(value) for value in x])
    np.testing.assert_allclose(backend.erf(x), expected, rtol=0, atol=3e-16)
    assert np.signbit(backend.erf(np.array([-0.0])))[0]
    single = backend.erf(x.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, rtol=0, atol=3e-7)
