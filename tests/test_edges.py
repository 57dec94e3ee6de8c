"""Numerical edges, in both precisions, with every warning an error: the right value or a clear error, no silent NaN.

A layer may meet NaN or infinity only after a model has been ruined. Then it hands NaN on, in whole rows, and the doors
(a training step, an evaluation, choosing a token) say so. Facts about single layers are in test_layers.py.
"""

import math

import numpy as np
import pytest

from minigpt import backend
from minigpt.beam_search import beam_search
from minigpt.data import training_batch
from minigpt.errors import InputError
from minigpt.evaluate import evaluate
from minigpt.generate import generate
from minigpt.layers.activations import ACTIVATIONS
from minigpt.layers.attention import SelfAttention, attention_backward, attention_forward
from minigpt.layers.cross_entropy import IGNORED, cross_entropy_backward, cross_entropy_forward
from minigpt.layers.dropout import Dropout, dropout_forward
from minigpt.layers.embedding import Embedding
from minigpt.layers.layer_norm import LayerNorm, layer_norm_backward, layer_norm_forward
from minigpt.layers.linear import Linear
from minigpt.layers.masks import causal_mask
from minigpt.layers.softmax import softmax_backward, softmax_forward
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.optim import SGD, Adam, AdamW, clip_gradient
from minigpt.sampling import Sampling, distribution
from minigpt.token_file import Counts
from minigpt.train import Diverged, training_step
from minigpt.train_config import TrainConfig, make_optimizer

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


def make_model(**config):
    shape = dict(vocab_size=7, context_length=5, d_model=6, num_heads=2, num_layers=2)
    model, rng = GPT(GPTConfig(**{**shape, **config})), backend.generator(1)
    for p in model.parameters().values():
        p.data[...] = backend.normal(rng, p.data.shape, 0.5)
    return model


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
    model = make_model(dropout=0.999)
    loss, saved = model.forward([[1, 2, 3]], [[2, 3, 4]], backend.generator(0))
    model.backward(saved)
    assert np.isfinite(loss) and np.isfinite(model.flat.grad).all()


# Attention, and the smallest shapes


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


@pytest.mark.parametrize("config", [dict(context_length=1), dict(vocab_size=1), dict(d_model=1, num_heads=1),
                                    dict(vocab_size=1, context_length=1, num_layers=1, d_ff=1)])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_the_smallest_models_train_and_write(config, norm):
    model = make_model(**config, norm=norm)
    V, T = model.config.vocab_size, model.config.context_length
    settings = TrainConfig(batch_size=1, steps=3, warmup=0)
    optimizer, tokens = make_optimizer(model, settings), np.arange(50) % V
    losses = [training_step(model, optimizer, tokens, settings, step)["loss"] for step in range(3)]
    assert all(math.isfinite(loss) for loss in losses) and np.isfinite(model.flat.data).all()
    if V == 1:
        assert losses == [0, 0, 0] and not model.flat.grad.any()
    written = [token for (token,) in generate(model, [[0]], 4, seed=1)]
    assert len(written) == 4 and all(0 <= token < V for token in written)
    assert math.isfinite(beam_search(model, [0], 3, beams=2)[0][0])
    assert training_batch(tokens, 1, T, 0, 0)[0].shape == (1, T)


def test_sequences_shorter_than_the_context_say_what_their_part_of_a_longer_one_says():
    model = make_model()
    ids = [[3, 1, 4, 1, 5]]
    for length in (1, 2, 4):
        close(model([ids[0][:length]]), model(ids)[:, :length], 1e-5)
        loss, saved = model.forward([ids[0][:length]], [ids[0][1:length + 1]] if length < 5 else ids)
        model.backward(saved)
        assert np.isfinite(loss) and np.isfinite(model.flat.grad).all()


def test_no_rows_go_through_every_layer_and_no_tokens_are_refused_by_a_model():
    rng = backend.generator(0)
    for layer in (Linear(6, 4, rng), LayerNorm(6), SelfAttention(6, 2, rng), Dropout(0.5)):
        y, saved = layer.forward(normal(0, 3, 6))
        assert y.shape[:2] == (0, 3) and layer.backward(y, saved).shape == (0, 3, 6)
        assert not any(p.grad.any() for p in layer.parameters().values())
    table = Embedding(4, 6, rng)
    y, saved = table.forward(np.zeros((0, 3), dtype=int))
    table.backward(y, saved)
    assert y.shape == (0, 3, 6) and not table.w.grad.any()
    assert softmax_forward(normal(0, 3))[0].shape == (0, 3)
    for shape in ((0, 3), (2, 0), (3,)):
        with pytest.raises(InputError, match="with at least one token"):
            make_model()(np.zeros(shape, dtype=int))
    with pytest.raises(InputError, match="the prompt is empty"):
        list(generate(make_model(), [[1], []], 2))


# Optimizers


@pytest.mark.parametrize("make", [Adam, lambda model: AdamW(model, weight_decay=0.0), SGD,
                                  lambda model: SGD(model, momentum=0.9)], ids=["Adam", "AdamW", "SGD", "momentum"])
def test_a_zero_gradient_moves_nothing(make):
    model = make_model()
    optimizer, before = make(model), model.flat.data.copy()
    model.zero_grad()
    for _ in range(3):
        assert clip_gradient(model, 1.0) == 0
        optimizer.step(0.1)
    np.testing.assert_array_equal(model.flat.data, before)
    assert not model.flat.grad.any()


@pytest.mark.parametrize("eps", [0, -1e-8, NAN, INF])
def test_adam_refuses_an_eps_that_could_divide_0_by_0(eps):
    with pytest.raises(InputError, match=r"eps .* has no meaning"):
        Adam(make_model(), eps=eps)


def test_adam_with_gradients_whose_squares_vanish():
    model = make_model()
    optimizer, before = Adam(model), model.flat.data.copy()
    model.flat.grad[...] = 1e-30  # squared, 0 in float32
    optimizer.step(0.1)
    assert np.isfinite(model.flat.data).all() and abs(model.flat.data - before).max() < 1e-6


def test_clipping_ends_with_the_length_it_was_asked_for():
    model = make_model()
    for size in (1e-15, 1.0, 1e15):
        model.flat.grad[...] = size
        before = clip_gradient(model, 1e-3)
        after = math.sqrt(float((model.flat.grad.astype(float) ** 2).sum()))
        assert before == pytest.approx(size * math.sqrt(model.flat.grad.size), rel=1e-5)
        assert after == pytest.approx(min(before, 1e-3), rel=1e-5)


# A ruined model: every door says so


@pytest.mark.parametrize("ruin", [NAN, INF])
def test_a_ruined_model_is_told_at_every_door(ruin):
    model, settings = make_model(), TrainConfig(batch_size=2)
    model.blocks[0].norm_1.g.data[0] = ruin
    tokens = np.arange(60) % 7
    weights = model.flat.data.copy()
    with pytest.raises(Diverged, match="loss is nan"):
        training_step(model, make_optimizer(model, settings), tokens, settings, 0)
    np.testing.assert_array_equal(model.flat.data, weights)
    with pytest.raises(InputError, match="loss is nan"):
        evaluate(model, tokens, Counts(60, 60, 60))
    for use_cache in (True, False):
        with pytest.raises(InputError, match="not finite numbers"):
            list(generate(model, [[1, 2]], 2, use_cache=use_cache))
        with pytest.raises(InputError, match="not finite numbers"):
            beam_search(model, [1, 2], 2, use_cache=use_cache)


def test_probabilities_from_extreme_logits():
    z = np.array([1e4, -1e4, 0.0])
    for sampling in (Sampling(), Sampling(0), Sampling(1e-300), Sampling(top_k=2, top_p=0.5, min_p=0.5)):
        assert distribution(z, sampling).tolist() == [1, 0, 0]
    close(distribution(np.full(4, -1e4), Sampling(0.5, top_k=2)), [0.25] * 4)
    close(distribution(z, Sampling(1e9)), [1 / 3] * 3, 1e-4)
    assert distribution(np.zeros(1), Sampling(top_k=5, top_p=0.1)).tolist() == [1]
