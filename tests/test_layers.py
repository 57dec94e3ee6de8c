"""Facts about single layers that no formula is needed for: values worked by hand, invariances, edges, refusals.

Finite differences compare a backward with its own forward, so what both share (how large eps is, whether dropout
happens at all) must be stated apart. Masks and attention have a file of their own, test_attention.py.
"""

import math

import numpy as np
import pytest

from minigpt import backend
from minigpt.errors import InputError
from minigpt.layers.activations import ACTIVATIONS, activation
from minigpt.layers.attention import CrossAttention, SelfAttention
from minigpt.layers.block import PostNormBlock, PreNormBlock
from minigpt.layers.cross_entropy import IGNORED, cross_entropy_backward, cross_entropy_forward
from minigpt.layers.dropout import Dropout, dropout_forward
from minigpt.layers.embedding import Embedding
from minigpt.layers.feed_forward import FeedForward
from minigpt.layers.layer_norm import LayerNorm, layer_norm_backward, layer_norm_forward
from minigpt.layers.linear import Linear, linear_backward, linear_forward
from minigpt.layers.positions import SinusoidalPositions, sinusoidal_positions
from minigpt.layers.softmax import softmax_backward, softmax_forward

BLOCKS = pytest.mark.parametrize("block", [PreNormBlock, PostNormBlock])


@pytest.fixture(autouse=True)
def double_precision():
    with backend.using("numpy", "float64"):
        yield


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def equal(a, b, tolerance=1e-14):
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


# Linear, activations


def test_one_head_is_enough():
    x = normal(1, 3, 6)
    assert SelfAttention(6, 1, backend.generator(0))(x).shape == (1, 3, 6)


def test_linear_by_hand():
    layer = Linear(2, 3, backend.generator(0))
    layer.w.data[...], layer.b.data[...] = [[1, 2, 3], [4, 5, 6]], [10, 20, 30]
    equal(layer(np.array([[1.0, 2.0]])), [[19, 32, 45]])
    y, saved = linear_forward(np.array([[1.0, 2.0]]), layer.w.data)
    equal(y, [[9, 12, 15]])
    dx, dw, db = linear_backward(np.array([[1.0, 0, -1]]), saved)
    assert dx.tolist() == [[-2, -2]] and dw.tolist() == [[1, 0, -1], [2, 0, -2]] and db is None


def test_initial_weights_have_the_promised_spread_and_biases_are_zero():
    rng = backend.generator(0)
    for w, std in [(Linear(400, 300, rng).w, 1 / 20), (Linear(400, 300, rng, std=0.3).w, 0.3),
                   (Embedding(400, 300, rng).w, 0.02), (Embedding(400, 300, rng, std=0.5).w, 0.5)]:
        assert w.data.std() == pytest.approx(std, rel=0.02) and abs(w.data.mean()) < 0.02 * std
    assert not Linear(4, 3, rng).b.data.any() and Linear(4, 3, rng, bias=False).b is None


@pytest.mark.parametrize("make", [
    lambda *a, **b: SelfAttention(60, 2, *a, **b), lambda *a, **b: CrossAttention(60, 2, *a, **b),
    lambda *a, **b: FeedForward(60, 90, *a, **b), lambda *a, **b: PreNormBlock(60, 2, 90, *a, **b),
    lambda *a, **b: PostNormBlock(60, 2, 90, *a, **b),
], ids=["SelfAttention", "CrossAttention", "FeedForward", "PreNormBlock", "PostNormBlock"])  # fmt: skip
def test_all_matrices_of_a_sublayer_have_one_spread_unless_told_otherwise(make):
    for options, std in [({}, 0.02), (dict(std=0.3), 0.3)]:
        for name, p in make(backend.generator(0), **options).parameters().items():
            assert p.data.ndim == 1 or p.data.std() == pytest.approx(std, rel=0.05), name


@BLOCKS
def test_a_block_gives_its_outputs_the_spread_of_outputs_and_starts_its_norms_neutral(block):
    made = block(60, 2, 90, backend.generator(0), std=0.1, out_std=0.01)
    for linear, std in [(made.attention.qkv, 0.1), (made.attention.out, 0.01), (made.feed_forward.w_in, 0.1),
                        (made.feed_forward.w_out, 0.01)]:
        assert linear.w.data.std() == pytest.approx(std, rel=0.05)
    for norm in (made.norm_1, made.norm_2):
        assert (norm.g.data == 1).all() and (norm.b.data == 0).all()


@pytest.mark.parametrize("name, at_one, at_minus_one", [  # Φ(1) = 0.841..., σ(1) = 0.731..., tanh 1 = 0.761...
    ("relu", 1, 0), ("sigmoid", 0.7310585786300049, 0.2689414213699951),
    ("tanh", 0.7615941559557649, -0.7615941559557649), ("silu", 0.7310585786300049, -0.2689414213699951),
    ("gelu", 0.8413447460685429, -0.15865525393145707), ("gelu_tanh", 0.8411919906082768, -0.15880800939172324),
])  # fmt: skip
def test_activations_at_known_points_and_far_out(name, at_one, at_minus_one):
    forward, backward = activation(name)
    equal(forward(np.array([1.0, -1.0]))[0], [at_one, at_minus_one])
    high, low = {"sigmoid": (1, 0), "tanh": (1, -1)}.get(name, (1e4, 0))
    for dtype in ("float32", "float64"):
        x = np.array([1e4, -1e4], dtype=dtype)
        y, saved = forward(x)
        np.testing.assert_array_equal(y, np.array([high, low], dtype=dtype))
        np.testing.assert_array_equal(backward(x * 0 + 1, saved), [1 if high == 1e4 else 0, 0])


def test_every_activation_has_known_points_above():
    assert set(ACTIVATIONS) == {"relu", "sigmoid", "tanh", "silu", "gelu", "gelu_tanh"}


def test_relu_has_no_slope_at_zero():
    forward, backward = ACTIVATIONS["relu"]
    assert backward(np.ones(3), forward(np.array([-0.0, 0.0, 1e-300]))[1]).tolist() == [0, 0, 1]


@BLOCKS
def test_a_blocks_activation_is_the_one_it_was_asked_for(block):
    x = normal(1, 3, 4)
    outputs = [block(4, 2, 5, backend.generator(0), activation_name=name, std=1)(x) for name in ACTIVATIONS]
    assert len({output.tobytes() for output in outputs}) == len(ACTIVATIONS)


# Softmax, cross-entropy


def test_softmax_by_hand_rows_sum_to_one_and_shifts_change_nothing():
    equal(softmax_forward(np.log([[1.0, 2.0, 4.0]]))[0], [[1 / 7, 2 / 7, 4 / 7]])
    x = normal(3, 5)
    y, saved = softmax_forward(x)
    equal(y.sum(axis=-1), np.ones(3))
    equal(softmax_forward(x + np.array([[7], [-300], [0.5]]))[0], y, 1e-12)
    equal(softmax_backward(normal(3, 5, seed=1), saved).sum(axis=-1), np.zeros(3))  # so shifting has slope 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softmax_of_extreme_scores(dtype):
    x = np.array([[1e4, -1e4, 1e4], [-1e4, -1e4, -1e4], [0, 1e4, -np.inf], [-np.inf] * 3], dtype=dtype)
    y, saved = softmax_forward(x)
    equal(y, [[0.5, 0, 0.5], [1 / 3] * 3, [0, 1, 0], [0] * 3], 1e-7)
    equal(softmax_backward(np.array([[1, 2, 3]] * 4, dtype=dtype), saved),
          [[-0.5, 0, 0.5], [-1 / 3, 0, 1 / 3], [0] * 3, [0] * 3], 1e-6)


def test_cross_entropy_by_hand():
    """Probabilities 1/8, 2/8, 5/8; two rows count, the third is ignored."""
    logits = np.log([[1.0, 2.0, 5.0], [3.0, 3.0, 2.0], [9.0, 1.0, 1.0]]) + 4
    targets = np.array([2, 0, IGNORED])
    loss, saved = cross_entropy_forward(logits, targets)
    equal(loss, (math.log(8 / 5) + math.log(8 / 3)) / 2)
    equal(cross_entropy_backward(1.0, saved), np.array([[1, 2, -3], [-5, 3, 2], [0, 0, 0]]) / 16)
    equal(cross_entropy_backward(-6.0, saved), np.array([[1, 2, -3], [-5, 3, 2], [0, 0, 0]]) * -6 / 16)
    assert IGNORED == -100  # as PyTorch and most data sets have it


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, 1.5, float("nan")])
def test_label_smoothing_that_has_no_meaning_is_refused(smoothing):
    with pytest.raises(InputError, match=r"is outside \[0, 1\): choose 0 \(none\)"):
        cross_entropy_forward(np.zeros((1, 3)), np.array([2]), smoothing)


def test_label_smoothing_by_hand():
    loss, saved = cross_entropy_forward(np.log([[1.0, 2.0, 5.0], [1.0, 1.0, 1.0]]), np.array([2, IGNORED]), 0.3)
    equal(loss, 0.8 * math.log(8 / 5) + 0.1 * math.log(8 / 1) + 0.1 * math.log(8 / 2))
    equal(cross_entropy_backward(1.0, saved), [[1 / 8 - 0.1, 2 / 8 - 0.1, 5 / 8 - 0.8], [0, 0, 0]])


def test_equal_logits_cost_ln_v_and_one_class_costs_nothing():
    equal(cross_entropy_forward(np.full((2, 3, 7), 5.0), np.arange(6).reshape(2, 3))[0], math.log(7))
    loss, saved = cross_entropy_forward(normal(3, 1), np.array([0, IGNORED, 0]))
    assert loss == 0 and not cross_entropy_backward(1.0, saved).any()


def test_nothing_counted_is_no_loss_and_no_gradient():
    loss, saved = cross_entropy_forward(normal(2, 4), np.array([IGNORED, IGNORED]), 0.1)
    assert loss == 0 and not cross_entropy_backward(1.0, saved).any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cross_entropy_of_extreme_logits(dtype):
    """A right answer of probability e^-20000 costs 20000: rows of very different size don't disturb each other."""
    logits = np.array([[1e4, -1e4], [-1e4, 1e4], [-1e4, -1e4]], dtype=dtype)
    loss, saved = cross_entropy_forward(logits, np.array([1, 1, 0]))
    assert float(loss) == pytest.approx((20000 + 0 + math.log(2)) / 3, rel=1e-6)
    equal(cross_entropy_backward(1.0, saved), np.array([[1, -1], [0, 0], [-0.5, 0.5]]) / 3, 1e-7)


# Embedding, positions


@pytest.mark.parametrize("dy", [0.5, np.float64(0.5)], ids=["a number", "of NumPy"])
def test_the_losss_gradient_keeps_the_precision_whatever_it_is_multiplied_with(dy):
    logits = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
    for smoothing in (0.0, 0.1):
        _, saved = cross_entropy_forward(logits, [1, 2, IGNORED], smoothing)
        dlogits = cross_entropy_backward(dy, saved)
        assert dlogits.dtype == np.float32
        np.testing.assert_allclose(2 * dlogits, cross_entropy_backward(1.0, saved), rtol=1e-6)


def test_yes_and_no_are_targets_too():
    logits = np.array([[0.0, 1.0], [2.0, 0.0]])
    loss, _ = cross_entropy_forward(logits, np.array([True, False]))
    assert float(loss) == float(cross_entropy_forward(logits, [1, 0])[0])


def test_embedding_refuses_ids_outside_and_counts_those_that_occur_twice():
    table = Embedding(5, 3, backend.generator(0))
    for bad in (-1, 5):
        with pytest.raises(InputError, match=rf"token id {bad} is outside 0\.\.4"):
            table(np.array([0, bad]))
    _, saved = table.forward(np.array([4, 1, 4]))
    table.backward(np.array([[1.0, 2, 3], [10, 20, 30], [100, 200, 300]]), saved)
    assert table.w.grad.tolist() == [[0] * 3, [10, 20, 30], [0] * 3, [0] * 3, [101, 202, 303]]


def test_sinusoidal_positions_by_hand():
    equal(sinusoidal_positions(3, 4), [[0, 1, 0, 1], [math.sin(1), math.cos(1), math.sin(0.01), math.cos(0.01)],
                                       [math.sin(2), math.cos(2), math.sin(0.02), math.cos(0.02)]])
    with backend.using("numpy", "float32"):
        assert abs(sinusoidal_positions(100_000, 2)[-1, 0] - math.sin(99_999)) < 1e-7


def test_a_shift_of_positions_is_a_rotation():
    table, k, rate = sinusoidal_positions(50, 6), 7, 10000 ** (-2 / 6)
    turn = np.array([[math.cos(k * rate), -math.sin(k * rate)], [math.sin(k * rate), math.cos(k * rate)]])
    equal(table[k:, 2:4], table[:-k, 2:4] @ turn, 1e-12)


def test_positions_that_do_not_exist_are_refused():
    with pytest.raises(InputError, match="d_model 5 is odd"):
        sinusoidal_positions(3, 5)
    for bad in (-1, 7):
        with pytest.raises(InputError, match=rf"position {bad} is outside 0\.\.6"):
            SinusoidalPositions(7, 4)(np.array([bad]))


# Layer norm, dropout


def test_layer_norm_makes_mean_0_and_variance_1():
    y = LayerNorm(50)(normal(3, 50) * 20 + 5)
    equal(y.mean(axis=-1), np.zeros(3))
    equal(y.var(axis=-1), np.ones(3), 1e-6)  # not exactly, for eps
    equal(LayerNorm(50)(normal(3, 50) * 20 - 300), y, 1e-10)


def test_layer_norm_by_hand_shows_eps():
    x = np.array([0.003, -0.003])  # mean 0, variance 9e-6
    one, zero = np.ones(2), np.zeros(2)
    equal(layer_norm_forward(x, one, zero)[0], x / math.sqrt(1.9e-5))
    equal(LayerNorm(2)(x), x / math.sqrt(1.9e-5))
    equal(LayerNorm(2, eps=1e-6)(x), x / math.sqrt(1e-5))
    equal(layer_norm_forward(x, 3 * one, one)[0], 3 * x / math.sqrt(1.9e-5) + 1)


def test_a_constant_row_gives_the_bias_and_a_finite_gradient():
    b = normal(4)
    y, saved = layer_norm_forward(np.full((1, 4), 7.0), normal(4, seed=1), b)
    equal(y, b[None])
    dx, dg, db = layer_norm_backward(np.ones((1, 4)), saved)
    assert np.isfinite(dx).all() and not dg.any() and (db == 1).all()


def test_layer_norm_keeps_its_digits_far_from_zero_in_float32():
    with backend.using("numpy", "float32"):
        x = np.array([[4096.0, 4097.0, 4098.0, 4099.0]], dtype="float32")
        equal(LayerNorm(4)(x), np.array([[-3, -1, 1, 3]]) / math.sqrt(5), 1e-5)


def test_dropout_keeps_the_expectation_and_drops_the_share_it_was_asked_for():
    x = np.full((200, 500), 3.0)
    y, _ = dropout_forward(x, 0.3, backend.generator(0))
    assert set(np.unique(y.round(12))) == {0, round(3 / 0.7, 12)}
    assert (y == 0).mean() == pytest.approx(0.3, abs=0.01) and y.mean() == pytest.approx(3, abs=0.03)
    assert (Dropout(0.3)(x, backend.generator(0)) == y).all()


def test_dropout_is_nothing_at_inference_and_nothing_by_default():
    x = normal(2, 3)
    for made in (SelfAttention(6, 2, backend.generator(0)), CrossAttention(6, 2, backend.generator(0)),
                 PreNormBlock(6, 2, 7, backend.generator(0)), PostNormBlock(6, 2, 7, backend.generator(0))):
        assert getattr(made.dropout, "rate", made.dropout) == 0
    assert Dropout(0.9)(x) is x and Dropout(0.0)(x, backend.generator(0)) is x


@pytest.mark.parametrize("rate", [1, 1.5, -0.1])
def test_dropout_refuses_what_is_no_rate(rate):
    with pytest.raises(InputError, match=f"dropout {rate} is not a probability below 1"):
        Dropout(rate)


class Watched:
    """A generator that notes the shapes of what it was asked for, which are those of the masks."""

    def __init__(self):
        self.shapes, self.rng = [], backend.generator(0)

    def random(self, shape, **options):
        self.shapes.append(shape)
        return self.rng.random(shape, **options)


@BLOCKS
def test_a_block_drops_attention_weights_and_both_sublayers_outputs(block):
    rng = Watched()
    block(6, 2, 7, backend.generator(0), dropout=0.5)(normal(3, 4, 6), None, rng)
    assert rng.shapes == [(3, 2, 4, 4), (3, 4, 6), (3, 4, 6)]


def test_cross_attention_drops_its_weights():
    rng = Watched()
    CrossAttention(6, 2, backend.generator(0), dropout=0.5)(normal(3, 4, 6), normal(3, 5, 6), None, rng)
    assert rng.shapes == [(3, 2, 4, 5)]
