"""Numerical edges, in both precisions, with every warning an error: the right value or a clear error, no silent NaN.

A layer may meet NaN or infinity only after a model has been ruined. Then it hands NaN on, in whole rows, and the doors
(a training step, an evaluation, choosing a token) say so. The doors' tests: test_edges_models.py.
"""

import math

import numpy as np
import pytest

from minigpt import backend
from minigpt.layers.activations import ACTIVATIONS
from minigpt.layers.attention import SelfAttention, attention_backward, attention_forward
from minigpt.layers.cross_entropy import IGNORED, cross_entropy_backward, cross_entropy_forward
from minigpt.layers.dropout import Dropout, dropout_forward
from minigpt.layers.layer_norm import LayerNorm, layer_norm_backward, layer_norm_forward
from minigpt.layers.masks import causal_mask
from minigpt.layers.softmax import softmax_backward, softmax_forward

INF, NAN = math.inf, math.nan


@pytest.fixture(autouse=True, params=["float32", "float64"])
def precision(request):
    with backend.using("numpy", request.param):
        yield request.param


def array(values):
    return backend.asarray(np.array(values, dtype=float))


def normal(*shape, seed=0):
    return backend.normal(backend.generator(seed), shape)


def close(found, expected, tolerance=1e-6):
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


# Softmax and cross-entropy


def test_logits_of_ten_thousand():
    y, saved = softmax_forward(array([[1e4, -1e4, 0], [-1e4, -1e4, -1e4], [1e4, 1e4, -1e4]]))
    close(y, [[1, 0, 0], [1 / 3] * 3, [0.5, 0.5, 0]])
    close(softmax_backward(array([[1, 2, 3]] * 3), saved), [[0] * 3, [-1 / 3, 0, 1 / 3], [-0.25, 0.25, 0]])
    for smoothing in (0.0, 0.1):
        loss, saved = cross_entropy_forward(array([[1e4, -1e4, 1e4]] * 2), np.array([1, 0]), smoothing)
        # log p is -ln 2 for the two large logits and -20000 - ln 2 for the small one
        rows = [(1 - smoothing) * far + smoothing * 2e4 / 3 + math.log(2) for far in (2e4, 0)]
        close(loss, sum(rows) / 2)
        q = (1 - smoothing) * np.eye(3)[[1, 0]] + smoothing / 3
        close(cross_entropy_backward(1.0, saved), (np.array([[0.5, 0, 0.5]] * 2) - q) / 2)


def test_equal_logits_of_any_size():
    for value in (0.0, 1e4, -1e4, 1e30):
        close(softmax_forward(array([[value] * 4]))[0], [[0.25] * 4])
        loss, saved = cross_entropy_forward(array([[value] * 4]), np.array([2]), 0.2)
        close(loss, math.log(4))
        close(cross_entropy_backward(1.0, saved), [[0.2, 0.2, -0.6, 0.2]])


def test_a_target_whose_probability_rounds_to_0_has_a_loss_and_a_gradient():
    logits = array([[0.0, 1000.0, 3.0]])  # e^-1000 is 0 in both precisions
    assert softmax_forward(logits)[0][0, 0] == 0
    loss, saved = cross_entropy_forward(logits, np.array([0]))
    close(loss, 1000)
    assert cross_entropy_backward(1.0, saved).tolist() == [[-1, 1, 0]]


def test_a_target_that_is_impossible_costs_infinity_and_not_nan():
    loss, saved = cross_entropy_forward(array([[-INF, 0.0]]), np.array([0]))
    assert loss == INF
    assert cross_entropy_backward(1.0, saved).tolist() == [[-1, 1]]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_an_ignored_row_has_no_influence_whatever_is_in_it(smoothing):
    good = [0.5, -1.0, 2.0]
    alone, saved_alone = cross_entropy_forward(array([good]), np.array([2]), smoothing)
    for row in ([1e4, -1e4, 0.0], [-INF, 0.0, 1.0], [3.0, -INF, -INF]):
        loss, saved = cross_entropy_forward(array([row, good]), np.array([IGNORED, 2]), smoothing)
        assert loss == alone
        dlogits = cross_entropy_backward(1.0, saved)
        assert not dlogits[0].any()
        close(dlogits[1:], cross_entropy_backward(1.0, saved_alone))


def test_nothing_but_ignored_rows_and_no_rows_at_all():
    for logits, targets in ((normal(2, 3), np.array([IGNORED] * 2)), (normal(0, 3), np.zeros(0, dtype=int))):
        loss, saved = cross_entropy_forward(logits, targets, 0.1)
        assert loss == 0
        dlogits = cross_entropy_backward(1.0, saved)
        assert dlogits.shape == logits.shape and not dlogits.any()


def test_a_softmax_of_nan_or_infinity_is_a_whole_row_of_nan_and_no_other_row():
    with backend.quiet():
        for bad in (NAN, INF):
            y, _ = softmax_forward(array([[bad, 1, 2], [1, 1, 1]]))
            assert np.isnan(y[0]).all()
            close(y[1], [1 / 3] * 3)
    with pytest.raises(RuntimeWarning, match="invalid value"):
        softmax_forward(array([[INF, 1, 2]]))  # unless told to be quiet, NumPy says it first


# Layer norm, activations, dropout


@pytest.mark.parametrize("value", [0.0, 7.0, 0.1, -1000.1, 12345.678, 1e9 / 7, 1e30])
@pytest.mark.parametrize("C", [1, 3, 33, 96])
def test_layer_norm_of_a_constant_row_is_the_bias(value, C):
    """The mean of equal numbers may round to another number, and eps is small against what is then left."""
    b = normal(C)
    y, saved = layer_norm_forward(array([[value] * C]), normal(C, seed=1), b)
    np.testing.assert_array_equal(y[0], b)
    dx, dg, db = layer_norm_backward(normal(1, C, seed=2), saved)
    assert np.isfinite(dx).all() and abs(dx.sum()) < 1e-2 and not dg.any() and db.any()


def test_layer_norm_does_not_see_a_large_common_part():
    x = np.round(np.random.default_rng(0).standard_normal((4, 33)) * 64) / 64  # exact in float32 at 1e4 too
    close(LayerNorm(33)(array(x + 1e4)), LayerNorm(33)(array(x)), 1e-5)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_of_huge_numbers(name, precision):
    forward, backward = ACTIVATIONS[name]
    for size in (30.0, 1e13, 1e20, 1e38, *((1e200, 1e308) if precision == "float64" else ())):
        y, saved = forward(array([size, -size]))
        bounded = {"sigmoid": (1, 0), "tanh": (1, -1)}.get(name)
        np.testing.assert_array_equal(y, array(bounded or (size, 0)) if size > 30 else y)
        close(y, array(bounded or (size, 0)))
        close(backward(array([1.0, 1.0]), saved), [0, 0] if bounded else [1, 0])


def test_dropout_of_0_and_of_nearly_1():
    x = np.full((1000, 1000), 1.0, dtype=backend.dtype())
    assert Dropout(0.0)(x, backend.generator(0)) is x
    y, saved = dropout_forward(x, 0.999, backend.generator(0))
    kept = y[y != 0]
    close(kept, 1000, 1e-3)
    assert 800 < len(kept) < 1200 and y.dtype == x.dtype
    np.testing.assert_array_equal(Dropout(0.999).backward(x, saved), y)  # linear: the same mask, the same factor


# Attention


def test_attention_over_one_token():
    layer, x = SelfAttention(6, 2, backend.generator(0), std=1.0), normal(3, 1, 6)
    y, saved = layer.forward(x, causal_mask(1))
    v = (x @ layer.qkv.w.data + layer.qkv.b.data)[..., 12:]
    close(y, v @ layer.out.w.data + layer.out.b.data, 1e-5)
    layer.backward(normal(3, 1, 6, seed=1), saved)
    assert not layer.qkv.w.grad[:, :12].any() and layer.qkv.w.grad[:, 12:].all()  # nothing to choose: no dq, no dk


def test_attention_scores_of_ten_thousand():
    q, k, v = array([[100.0, 0]]), array([[200.0, 1], [-200, 1]]), array([[1.0, 2], [3, 4]])
    y, saved = attention_forward(q, k, v)
    assert y.tolist() == [[1, 2]]
    assert all(np.isfinite(gradient).all() for gradient in attention_backward(array([[1.0, 1]]), saved))
