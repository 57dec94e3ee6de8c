"""The first neural language models: values by hand, who sees whom, what they can and can't learn, bad input."""

import math
from pathlib import Path

import numpy as np
import pytest

from minigpt import backend
from minigpt.checkpoint import Progress, load_checkpoint
from minigpt.data import Dataset
from minigpt.errors import InputError
from minigpt.generate import generate
from minigpt.layers.cross_entropy import IGNORED
from minigpt.models.neural_ngram import (
    EmbeddingAttentionDense,
    EmbeddingDense,
    NeuralNgram,
    NeuralNgramConfig,
    windows_of,
)
from minigpt.optim import Adam
from minigpt.token_file import Counts
from minigpt.train import train, training_step
from minigpt.train_config import TrainConfig, make_optimizer

MODELS = [NeuralNgram, EmbeddingDense, EmbeddingAttentionDense]
SHAPE = dict(vocab_size=7, context_length=8, window=3, d_model=6, d_ff=5, num_heads=2)
models = pytest.mark.parametrize("model", MODELS)


@pytest.fixture(autouse=True)
def double_precision():
    with backend.using("numpy", "float64"):
        yield


def make(model, seed=0, **config):
    return model(NeuralNgramConfig(**{**SHAPE, **config}), seed)


def test_windows_by_hand():
    ids = np.array([[4, 5, 6]])
    assert windows_of(ids, 3, 9).tolist() == [[[9, 9, 4], [9, 4, 5], [4, 5, 6]]]
    assert windows_of(ids, 1, 9).tolist() == [[[4], [5], [6]]]


def test_a_loss_by_hand():
    """Vectors ln 2 and 0 (0 before the text), a hidden unit tanh(e_1 + e_2), logits (h, 0)."""
    model = make(NeuralNgram, vocab_size=2, window=2, d_model=1, d_ff=1, num_heads=1)
    model.embedding.w.data[...] = [[math.log(2)], [0], [0]]
    model.hidden.w.data[...], model.out.w.data[...] = 1, [[1, 0]]
    z = model(np.array([[0, 0]]))
    # tanh(ln 2) = (2 - 1/2) / (2 + 1/2) = 3/5, and tanh(ln 4) = (4 - 1/4) / (4 + 1/4) = 15/17
    np.testing.assert_allclose(z, [[[3 / 5, 0], [15 / 17, 0]]], rtol=1e-15)
    loss, _ = model.forward(np.array([[0, 0]]), np.array([[1, IGNORED]]))
    np.testing.assert_allclose(loss, math.log(1 + math.exp(3 / 5)), rtol=1e-15)


def influence(model, ids):
    """(T, T) booleans: does the output at i (row) change when the token at j does?"""
    before, T = model(ids), ids.shape[1]
    moved = np.zeros((T, T), bool)
    for j in range(T):
        other = ids.copy()
        other[0, j] = (other[0, j] + 1) % SHAPE["vocab_size"]
        moved[:, j] = (model(other) != before).any(axis=2)[0]
    return moved


@pytest.mark.parametrize("model, config, sees", [
    (NeuralNgram, {}, np.tril(np.ones((6, 6))) - np.tril(np.ones((6, 6)), -3)), (EmbeddingDense, {}, np.eye(6)),
    (EmbeddingAttentionDense, {}, np.tril(np.ones((6, 6)))),
    (EmbeddingAttentionDense, dict(causal=False), np.ones((6, 6))),
])  # fmt: skip
def test_a_position_sees_its_window_and_nothing_else(model, config, sees):
    assert (influence(make(model, **config), np.array([[3, 1, 4, 1, 5, 2]])) == sees.astype(bool)).all()


@models
def test_the_first_loss_is_that_of_a_blind_guess(model):
    ids = np.random.default_rng(0).integers(0, 50, (8, 8))
    loss, _ = make(model, vocab_size=50).forward(ids, np.roll(ids, 1))
    assert abs(loss - math.log(50)) < 0.3


def descend(model, ids, targets, steps=300, rate=0.05):
    optimizer = Adam(model)
    for _ in range(steps):
        loss, saved = model.forward(ids, targets)
        model.zero_grad()
        model.backward(saved)
        optimizer.step(rate)
    return float(loss)


def conditional_entropy(pairs):
    """Of the second of a pair given the first, in nats: what no bigram model can fall below."""
    counts = {}
    for a, b in pairs:
        counts.setdefault(a, []).append(b)
    return -sum(math.log(after.count(b) / len(after)) for after in counts.values() for b in after) / len(pairs)


def test_embedding_and_dense_become_the_table_of_bigrams():
    text = np.random.default_rng(0).integers(0, 7, 81)
    ids, targets = text[None, :-1], text[None, 1:]
    loss = descend(make(EmbeddingDense, context_length=80, d_model=8), ids, targets, 500)
    assert abs(loss - conditional_entropy(list(zip(text[:-1].tolist(), text[1:].tolist())))) < 1e-3


def test_two_tokens_of_history_know_what_one_does_not():
    """Of 0, 1 and 2 the third is the sum of the two before modulo 3: the last alone says nothing about it."""
    text = [0, 1]
    for _ in range(78):
        text.append((text[-1] + text[-2]) % 3)
    ids, targets = np.array([text[:-1]]), np.array([text[1:]])
    shape = dict(vocab_size=3, context_length=80, d_model=8, d_ff=16)
    assert descend(make(EmbeddingDense, **shape), ids, targets) > 0.6
    for direct in (False, True):
        assert descend(make(NeuralNgram, window=2, direct=direct, **shape), ids, targets) < 0.05


def test_the_two_mistakes_of_the_articles():
    """Input as target, or no mask: the loss falls below what the text allows, and the model can't predict."""
    rng = np.random.default_rng(0)
    ids, targets, new = (rng.integers(0, 7, (16, 8)) for _ in range(3))  # noise: the best honest loss is ln 7 = 1.95
    copying = make(EmbeddingDense, d_model=8)
    assert descend(copying, ids, ids) < 0.01
    assert copying.forward(new[:, :-1], new[:, 1:])[0] > 5
    text, new, losses = rng.integers(0, 4, (300, 5)), rng.integers(0, 4, (200, 5)), {}
    for causal in (True, False):
        model = make(EmbeddingAttentionDense, vocab_size=4, context_length=4, d_model=16, num_heads=1, causal=causal)
        descend(model, text[:, :-1], text[:, 1:], 120, 0.03)
        losses[causal] = float(model.forward(new[:, :-1], new[:, 1:])[0])
        if not causal:  # of a whole text the last token has no answer to look up, and that is where one writes on
            z = model(new[:, :-1])[:, -1]
            last = np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(200), new[:, -1]])
    assert losses[True] > 1.35 and losses[False] < 0.7 and last > 1.35, (losses, last)  # ln 4 = 1.386


@models
def test_the_training_loop_takes_it_and_a_checkpoint_brings_it_back(model, tmp_path: Path):
    tokens = (np.arange(300) % 5).astype("uint16")
    counts = Counts(300, 300, 300)
    settings = TrainConfig(steps=40, batch_size=4, learning_rate=0.05, warmup=0, eval_every=20, save_every=20)
    trained, losses = make(model), []
    train(trained, make_optimizer(trained, settings), Dataset(tokens, tokens[:60], counts, counts), settings,
          Progress(), tmp_path, lambda record: losses.append(record.get("loss")))
    assert losses[-1] < 0.1 * losses[1]
    again = make(model, seed=1)
    load_checkpoint(tmp_path / "newest.safetensors", again)
    ids = np.array([[0, 1, 2]])
    np.testing.assert_array_equal(again(ids), trained(ids))


@models
def test_it_writes(model):
    trained = make(model)
    descend(trained, np.arange(8)[None] % 3, np.arange(1, 9)[None] % 3, 100)
    assert [row[0] for row in generate(trained, [[0]], 5, use_cache=False)][:1] == [1]
    with pytest.raises(InputError, match="use_cache=False"):
        next(generate(trained, [[0]], 1))


@pytest.mark.parametrize("config, said", [
    (dict(window=0), "window 0 is too small"), (dict(vocab_size=0), "vocab_size 0 is too small"),
    (dict(window=9), "window 9 is longer than context_length 8"), (dict(num_heads=4), "does not divide into 4 heads"),
])  # fmt: skip
def test_numbers_without_a_meaning(config, said):
    with pytest.raises(InputError, match=said):
        NeuralNgramConfig(**{**SHAPE, **config})


@models
def test_bad_input(model):
    made, ids = make(model), np.array([[1, 2]])
    with pytest.raises(InputError, match=r"token id 7 is outside 0\.\.6"):  # 7 is the row before the text
        made(np.array([[7]]))
    with pytest.raises(InputError, match=r"shape \(2,\): give \(B, T\)"):
        made(ids[0])
    with pytest.raises(InputError, match="at least one token"):
        made.forward(ids[:, :0], ids[:, :0])
    with pytest.raises(InputError, match=r"targets \(1, 1\) don't fit"):
        made.forward(ids, ids[:, :1])
    settings = TrainConfig(batch_size=1)
    with pytest.raises(InputError, match=r"8 tokens, fewer than context_length 8 \+ 1"):
        training_step(made, make_optimizer(made, settings), np.arange(8) % 7, settings, 0)
    if model is EmbeddingAttentionDense:
        with pytest.raises(InputError, match="9 tokens are more than the context length 8"):
            made(np.zeros((1, 9), int))
