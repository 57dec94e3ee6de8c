"""Numerical edges of whole models, optimizers and choosing a token, in both precisions, every warning an error.

The smallest shapes, gradients of 0, and ruined models: NaN and infinity are told at every door. Layers: test_edges.py.
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
from minigpt.layers.attention import SelfAttention
from minigpt.layers.dropout import Dropout
from minigpt.layers.embedding import Embedding
from minigpt.layers.layer_norm import LayerNorm
from minigpt.layers.linear import Linear
from minigpt.layers.softmax import softmax_forward
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.optim import SGD, Adam, AdamW, clip_gradient
from minigpt.sampling import Sampling, distribution
from minigpt.token_file import Counts
from minigpt.train import Diverged, training_step
from minigpt.train_config import TrainConfig, make_optimizer


@pytest.fixture(autouse=True, params=["float32", "float64"])
def precision(request):
    with backend.using("numpy", request.param):
        yield request.param


def close(found, expected, tolerance=1e-6):
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def make_model(**config):
    shape = dict(vocab_size=7, context_length=5, d_model=6, num_heads=2, num_layers=2)
    model, rng = GPT(GPTConfig(**{**shape, **config})), backend.generator(1)
    for p in model.parameters().values():
        p.data[...] = backend.normal(rng, p.data.shape, 0.5)
    return model


# The smallest shapes


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


def test_dropout_of_nearly_1_leaves_everything_finite():
    model = make_model(dropout=0.999)
    loss, saved = model.forward([[1, 2, 3]], [[2, 3, 4]], backend.generator(0))
    model.backward(saved)
    assert np.isfinite(loss) and np.isfinite(model.flat.grad).all()


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
        y, saved = layer.forward(backend.zeros((0, 3, 6)))
        assert y.shape[:2] == (0, 3) and layer.backward(y, saved).shape == (0, 3, 6)
        assert not any(p.grad.any() for p in layer.parameters().values())
    table = Embedding(4, 6, rng)
    y, saved = table.forward(np.zeros((0, 3), dtype=int))
    table.backward(y, saved)
    assert y.shape == (0, 3, 6) and not table.w.grad.any()
    assert softmax_forward(backend.zeros((0, 3)))[0].shape == (0, 3)
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


@pytest.mark.parametrize("eps", [0, -1e-8, math.nan, math.inf])
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


@pytest.mark.parametrize("ruin", [math.nan, math.inf])
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
