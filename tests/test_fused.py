"""Every twin in minigpt/fused computes what its reference computes: values, gradients, on every mask it may meet."""

import importlib
import inspect
import warnings
from pathlib import Path

import numpy as np
import pytest

from minigpt import backend, dispatch
from minigpt.cache_blocking import PIECE
from minigpt.cases import CASES
from minigpt.dispatch import twin, without_twins
from minigpt.gradient_check import check_gradients
from minigpt.layers.activations import gelu_tanh_forward
from minigpt.layers.attention import attention_backward, attention_forward
from minigpt.layers.masks import causal_mask, padding_mask
from minigpt.models.gpt import GPT, GPTConfig

FUSED = Path(backend.__file__).parent / "fused"
ROOMS = [path.stem for path in sorted(FUSED.glob("*.py")) if path.stem != "__init__"] if FUSED.is_dir() else []
pytestmark = pytest.mark.skipif(not ROOMS, reason="there are no twins")
TOLERANCE = {"float64": 1e-12, "float32": 2e-5}


def arrays(shape, keys=None, seed=0):
    """q, k, v and dy of unit scale; keys: another number of them than of queries."""
    rng = backend.generator(seed)
    other = (*shape[:-2], shape[-2] if keys is None else keys, shape[-1])
    return [backend.normal(rng, s) for s in (shape, other, other, shape)]


def run(q, k, v, dy, *rest):
    """y, dq, dk, dv, and what was saved, of whichever pair is in use."""
    y, saved = twin(attention_forward)(q, k, v, *rest)
    return [y, *twin(attention_backward)(dy, saved)], saved


@pytest.mark.parametrize("room", ROOMS)
def test_a_twin_has_the_names_and_signatures_of_its_reference(room):
    twins, reference = (importlib.import_module(f"minigpt.{folder}.{room}") for folder in ("fused", "layers"))
    functions = [name for name in vars(twins) if name.endswith(("_forward", "_backward"))]
    assert functions
    for name in functions:
        assert inspect.signature(getattr(twins, name)) == inspect.signature(getattr(reference, name))
        assert twin(getattr(reference, name)) is getattr(twins, name)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", [(2, 3, 65, 5), (1, 2, 128, 4), (3, 1, 200, 7), (1, 1, 64, 3), (2, 150, 6), (70, 3)])
def test_causal_attention(shape, dtype):
    with backend.using("numpy", dtype):
        q, k, v, dy = arrays(shape)
        watched = [array.copy() for array in (q, k, v, dy)]
        mask = causal_mask(shape[-2])
        ours, saved = run(q, k, v, dy, mask)
        assert len(saved) == 6, "the twin was not in use"
        with without_twins():
            expected, _ = run(q, k, v, dy, mask)
        for name, one, other in zip(("y", "dq", "dk", "dv"), ours, expected):
            assert one.dtype == dtype and one.shape == other.shape
            assert np.abs(one - other).max() <= TOLERANCE[dtype] * np.abs(other).max(), name
        for before, now in zip(watched, (q, k, v, dy)):
            np.testing.assert_array_equal(before, now)
        for first, second in zip(ours[1:], twin(attention_backward)(dy, saved)):
            np.testing.assert_array_equal(first, second)  # backward twice: the same bits


def test_its_gradient_is_the_derivative_of_its_own_forward():
    with backend.using("numpy", "float64"):
        q, k, v, dy = arrays((1, 2, 67, 3))
        mask, forward, backward = causal_mask(67), *map(twin, (attention_forward, attention_backward))
        errors = check_gradients(lambda: forward(q, k, v, mask),
                                 lambda dy, saved: dict(zip("qkv", backward(dy, saved))), dict(q=q, k=k, v=v), dy)
        assert [error.array for error in errors] == ["q", "k", "v"]
        for error in errors:
            assert error.relative_error < 1e-6, str(error)


def test_scores_of_ten_thousand_are_no_trouble():
    q, k, v, dy = arrays((1, 2, 100, 4))
    q *= 5e3
    ours, _ = run(q, k, v, dy, causal_mask(100))
    with without_twins():
        expected, _ = run(q, k, v, dy, causal_mask(100))
    for name, one, other in zip(("y", "dq", "dk", "dv"), ours, expected):
        assert np.isfinite(one).all(), name
        # Every softmax is saturated, so that dq and dk are 0 but for rounding; of what, is the size of dp times k or q.
        scale = np.abs(k if name == "dq" else q).max() if name in ("dq", "dk") else np.abs(other).max()
        assert np.abs(one - other).max() <= 1e-6 * scale, name


@pytest.mark.parametrize("size", [1e8, 1e10, 1e18])
def test_no_length_is_too_long(size):
    """Scores that float32 holds are no trouble, even where a product of squared lengths is not: without a warning."""
    q, k, v = (np.full((1, 1, 5, 4), number, np.float32) for number in (size, size, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y, _ = twin(attention_forward)(q, k, v, causal_mask(5))
    assert (y == 1).all()


OTHERS = {
    "no mask": ((1, 2, 80, 3), None, lambda: (None,)),
    "banded": ((1, 2, 80, 3), None, lambda: (causal_mask(80, window=9),)),
    "padding": ((2, 2, 80, 3), None, lambda: (causal_mask(80) & padding_mask(np.arange(80) >= [[3], [0]]),)),
    "more keys": ((1, 2, 70, 3), 90, lambda: (causal_mask(70, 90),)),
    "dropout": ((1, 2, 80, 3), None, lambda: (causal_mask(80), 0.3, backend.generator(1))),
}


@pytest.mark.parametrize("shape, keys, rest", OTHERS.values(), ids=OTHERS)
def test_what_it_does_not_know_it_leaves_to_the_reference(shape, keys, rest):
    q, k, v, dy = arrays(shape, keys)
    ours, saved = run(q, k, v, dy, *rest())
    with without_twins():
        expected, reference_saved = run(q, k, v, dy, *rest())
    assert len(saved) == len(reference_saved) == 5
    for one, other in zip(ours, expected):
        np.testing.assert_array_equal(one, other)


def test_dropout_keeps_it_away_only_where_something_is_dropped():
    q, k, v, dy = arrays((1, 2, 80, 3))
    for rest in ((causal_mask(80), 0.3), (causal_mask(80), 0.0, backend.generator(1))):  # inference; no dropout at all
        assert len(run(q, k, v, dy, *rest)[1]) == 6


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_case_is_the_same_with_and_without(case):
    results = []
    for block in (without_twins, lambda: backend.using("numpy", "float64")):
        with backend.using("numpy", "float64"), block():
            rng = backend.generator(7)
            problem = case.build(rng)
            y, saved = problem.forward()
            results.append([y, *problem.gradients(backend.normal(rng, y.shape), saved).values()])
    for one, other in zip(*results):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12 * max(np.abs(other).max(), 1e-3))


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_whole_model_over_a_long_context(norm):
    config = GPTConfig(vocab_size=23, context_length=150, d_model=20, num_heads=5, num_layers=2, d_ff=31, norm=norm)
    ids = np.random.default_rng(0).integers(0, 23, (2, 151))
    results = []
    with backend.using("numpy", "float64"):
        for twins in (True, False):
            model = GPT(config)
            model.flat.data[...] = backend.normal(backend.generator(2), model.flat.data.shape, 0.3)
            with backend.using("numpy", "float64") if twins else without_twins():
                loss, saved = model.forward(ids[:, :-1], ids[:, 1:])
                model.backward(saved)
            results.append((float(loss), model.parameters()))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-13)
    for name, p in results[0][1].items():
        other = results[1][1][name].grad
        assert np.abs(p.grad - other).max() <= 1e-11 * max(np.abs(other).max(), 1e-3), name


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("size", [0, 1, 1000, PIECE, 2 * PIECE + 7])
def test_gelu_has_the_same_bits(size, dtype):
    with backend.using("numpy", dtype):
        x = backend.normal(backend.generator(0), (size, 1), 3.0)
        x[:6] = np.array([0, 1e30, -1e30, 1e15, 101, -101])[:size, None]
        before, (y, (slope,)) = x.copy(), twin(gelu_tanh_forward)(x)
        with without_twins():
            assert twin(gelu_tanh_forward) is gelu_tanh_forward
            expected, (expected_slope,) = gelu_tanh_forward(x)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(slope, expected_slope)
    np.testing.assert_array_equal(x, before)
    assert y.dtype == dtype and slope.shape == y.shape == x.shape


def test_attention_maps_are_those_of_the_reference():
    model = GPT(GPTConfig(vocab_size=11, context_length=90, d_model=8, num_heads=2, num_layers=1))
    (p,) = model.attention_maps([list(range(11)) * 8])
    assert p.shape == (1, 2, 88, 88)
    np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=1e-5)
    assert not np.triu(p[0, 0], 1).any()


def test_without_the_folder_the_reference_is_used(monkeypatch):
    def no_such_room(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", no_such_room)
    dispatch._find_twin.cache_clear()
    try:
        assert twin(attention_forward) is attention_forward
    finally:
        dispatch._find_twin.cache_clear()
