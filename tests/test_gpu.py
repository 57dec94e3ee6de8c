"""NumPy against CuPy on a real GPU; skipped where there is none."""

import functools

import numpy as np
import pytest

from minigpt import backend
from minigpt.backend import to_host
from minigpt.cases import CASES
from minigpt.commands.gpucheck import machine
from minigpt.compare_backends import LIMITS, compare, scatter_arrays
from minigpt.dispatch import fused_kernels
from minigpt.errors import InputError
from minigpt.models.gpt import GPT, GPTConfig


@functools.cache
def reason() -> str:
    """Why there is nothing to test here, or nothing."""
    try:
        with backend.using("cupy"):
            return ""
    except InputError as error:
        return f"no GPU to test: {error}"


pytestmark = [pytest.mark.gpu, pytest.mark.skipif(bool(reason()), reason=reason())]


def test_every_case_training_and_generation_agree_with_numpy():
    found = list(compare("cupy"))
    assert len(found) == 2 * (len(CASES) + 3)
    assert not [f"{f.name} {f.precision} {f.array}: {f.worst:.1e}" for f in found if not f.passed]


def test_so_they_do_with_the_kernels():
    with fused_kernels():
        found = list(compare("cupy"))
    assert not [f"{f.name} {f.precision} {f.array}: {f.worst:.1e}" for f in found if not f.passed]


@pytest.mark.parametrize("dtype", LIMITS)
def test_duplicates_are_all_added(dtype):
    with backend.using("cupy", dtype):
        target, ids = backend.zeros((3, 2)), backend.asarray(np.repeat([0, 2], [1000, 1]))
        backend.scatter_add(target, ids, backend.asarray(np.ones((1001, 2))))
        assert to_host(target).tolist() == [[1000, 1000], [0, 0], [1, 1]]
        assert set(scatter_arrays()) == {"sums"}


def test_ids_out_of_range_are_refused_not_wrapped():
    with backend.using("cupy"):
        model = GPT(GPTConfig(vocab_size=13, context_length=4, d_model=6, num_heads=2, num_layers=1))
        for bad in (-1, 13):
            with pytest.raises(InputError, match=rf"token id {bad} is outside 0\.\.12"):
                model([[0, bad]])
            with pytest.raises(InputError, match=rf"target {bad} is outside 0\.\.12"):
                model.forward([[0, 1]], [[1, bad]])


@pytest.mark.parametrize("act", ["np.asarray(a)", "np.array([a, a])", "memoryview(a)", "a + host", "host + a",
                                 "a += host", "a + list", "a[...] = host", "host[...] = a", "xp.exp(host)",
                                 "xp.exp(list)", "xp.where(host mask)", "xp.errstate", "xp.maximum.reduce",
                                 "float(a)", "range(0-d)"])
def test_what_the_stand_in_refuses_is_refused_by_cupy(act, monkeypatch):
    import cupy
    import test_strict_array

    monkeypatch.setattr(test_strict_array, "xp", cupy)
    with pytest.raises(test_strict_array.NO):
        test_strict_array.FORBIDDEN[act]()


def test_the_machine_is_named():
    assert machine()["GPU"]
