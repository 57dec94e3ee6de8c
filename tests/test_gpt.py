"""Whole models: what holds for any GPT, whatever its weights."""

import math
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest

from minigpt import backend
from minigpt.dispatch import without_twins
from minigpt.errors import InputError
from minigpt.generate import Cache
from minigpt.layers import attention as layers_attention
from minigpt.layers import linear as layers_linear
from minigpt.layers.activations import ACTIVATIONS
from minigpt.layers.cross_entropy import IGNORED
from minigpt.layers.embedding import unembedding_forward
from minigpt.models import gpt as models_gpt
from minigpt.models.gpt import GPT, PRESETS, GPTConfig
from minigpt.models.gpt_size import (
    count_parameters,
    generation_bytes,
    gpt_size,
    measure_saved,
    saved_bytes,
    training_flops_per_token,
)
from minigpt.optim import Adam
from minigpt.train_config import TrainConfig

SMALL = GPTConfig(vocab_size=31, context_length=9, d_model=12, num_heads=3, num_layers=2, d_ff=20)
VARIANTS = {
    "GPT-2": SMALL,
    "GPT-1": replace(SMALL, norm="post"),
    "GPT-3": replace(SMALL, attention_window=3),
    "untied, sinusoidal": replace(SMALL, tied_embedding=False, positions="sinusoidal"),
    "dropout": replace(SMALL, dropout=0.1),
    "relu": replace(SMALL, activation="relu"),
    "sigmoid": replace(SMALL, activation="sigmoid"),
}
variants = pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS)


def random_ids(shape, vocab_size=31, seed=0):
    return np.random.default_rng(seed).integers(0, vocab_size, shape)


@variants
def test_the_loss_begins_near_that_of_guessing_blindly(config):
    ids = random_ids((8, 10))
    loss, _ = GPT(config).forward(ids[:, :-1], ids[:, 1:])
    assert float(loss) == pytest.approx(math.log(31), abs=0.1)


@variants
def test_one_batch_is_learned_by_heart(config):
    model, ids = GPT(config), random_ids((3, 10))
    optimizer = Adam(model)
    for _ in range(300):
        model.zero_grad()
        loss, saved = model.forward(ids[:, :-1], ids[:, 1:])
        model.backward(saved)
        optimizer.step(0.01)
    assert float(loss) < 0.05


@variants
def test_a_later_token_changes_nothing_before_it(config):
    with backend.using("numpy", "float64"):
        model, ids = GPT(config), random_ids((2, 9))
        before = model(ids)
        for position in range(9):
            changed = ids.copy()
            changed[:, position] = (changed[:, position] + 1) % 31
            after = model(changed)
            np.testing.assert_array_equal(after[:, :position], before[:, :position])
            assert (after[:, position] != before[:, position]).any(axis=-1).all()


def test_the_band_reaches_exactly_as_far_as_its_window():
    """One banded layer after one dense one with no attention: then only the band carries anything."""
    with backend.using("numpy", "float64"):
        model = GPT(replace(SMALL, attention_window=3))
        for name, p in model.parameters().items():
            if name.startswith("blocks.0.attention"):
                p.data[...] = 0
        ids = random_ids((1, 9))
        changed = ids.copy()
        changed[0, 2] += 1
        moved = (model(changed) != model(ids)).any(axis=-1)[0]
        assert list(moved) == [False, False, True, True, True, False, False, False, False]


@variants
def test_padding_on_the_left_changes_nothing(config):
    with backend.using("numpy", "float64"):
        model, ids, targets = GPT(config), random_ids((1, 5)), random_ids((1, 5), seed=1)
        padded = np.concatenate([random_ids((1, 3), seed=2), ids], axis=1)
        valid = np.array([[False] * 3 + [True] * 5])
        np.testing.assert_allclose(model(padded, valid)[:, 3:], model(ids), rtol=0, atol=1e-13)

        ignored = np.concatenate([np.full((1, 3), IGNORED), targets], axis=1)
        gradients = []
        for arguments in ((ids, targets), (padded, ignored, None, valid)):
            model.zero_grad()
            loss, saved = model.forward(*arguments)
            model.backward(saved)
            gradients.append((float(loss), model.flat.grad.copy()))
        assert gradients[0][0] == pytest.approx(gradients[1][0], abs=1e-13)
        np.testing.assert_allclose(gradients[0][1], gradients[1][1], rtol=0, atol=1e-13)


def test_accumulated_halves_are_the_whole():
    with backend.using("numpy", "float64"):
        model, ids = GPT(SMALL), random_ids((4, 10))
        results = []
        for parts in ([ids], [ids[:2], ids[2:]]):
            model.zero_grad()
            for part in parts:
                _, saved = model.forward(part[:, :-1], part[:, 1:])
                model.backward(saved, 1 / len(parts))
            results.append(model.flat.grad.copy())
        np.testing.assert_allclose(results[0], results[1], rtol=0, atol=1e-15)


def test_dropout_happens_only_with_a_generator_and_is_decided_by_it():
    model, ids = GPT(replace(SMALL, dropout=0.3)), random_ids((2, 10))
    def loss(rng):
        return float(model.forward(ids[:, :-1], ids[:, 1:], rng)[0])

    assert loss(None) == loss(None)
    assert loss(backend.generator(1)) == loss(backend.generator(1)) != loss(backend.generator(2))
    assert loss(backend.generator(1)) != loss(None)


def test_one_seed_is_one_model_in_both_precisions():
    def weights(seed, dtype):
        with backend.using("numpy", dtype):
            return GPT(SMALL, seed).flat.data

    np.testing.assert_array_equal(weights(1, "float32"), weights(1, "float64").astype("float32"))
    assert not np.array_equal(weights(1, "float32"), weights(2, "float32"))


def test_initial_weights_have_the_published_spread():
    parameters = GPT(replace(SMALL, d_model=96, d_ff=384, num_layers=4, vocab_size=500)).parameters()
    for name, p in parameters.items():
        kind = name.split(".", 2)[-1]
        if p.data.ndim == 1:
            assert (p.data == (1 if name.endswith(".g") else 0)).all(), name
        else:
            expected = 0.02 / math.sqrt(8) if kind in ("attention.out.w", "feed_forward.w_out.w") else 0.02
            assert p.data.std() == pytest.approx(expected, rel=0.05), name


def test_gpt1_scales_no_initial_weights_for_its_depth():
    for name, p in GPT(replace(SMALL, norm="post", d_model=96, d_ff=384, num_layers=4)).parameters().items():
        assert p.data.ndim == 1 or p.data.std() == pytest.approx(0.02, rel=0.1), name


def test_dense_and_banded_layers_alternate_and_the_first_is_dense():
    assert [replace(SMALL, num_layers=5, attention_window=3).window(layer) for layer in range(5)] == [0, 3, 0, 3, 0]


def test_a_configuration_stays_as_it_was_checked():
    with pytest.raises(FrozenInstanceError):
        SMALL.d_model = 13


def test_attention_maps_are_causal_and_their_rows_add_up_to_one():
    for config in (VARIANTS["GPT-1"], VARIANTS["GPT-3"]):
        maps = GPT(config).attention_maps(random_ids((2, 9)))
        assert [p.shape for p in maps] == [(2, 3, 9, 9)] * 2
        for p in maps:
            np.testing.assert_allclose(p.sum(-1), 1, rtol=1e-6)
            assert not np.triu(p, 1).any()
    assert not np.tril(maps[1], -3).any() and np.tril(maps[0], -3).any()  # the second layer sees three positions


@pytest.fixture
def layers_alone():
    """A prediction is of what the functions of layers/ save."""
    with without_twins():
        yield


@variants
def test_size_is_predicted(config, layers_alone):
    model, ids = GPT(config), random_ids((5, 10))
    assert count_parameters(config) == model.flat.data.size
    _, saved = model.forward(ids[:, :-1], ids[:, 1:], backend.generator(0))
    # Positions and masks are shared by all rows and left out of the prediction: a few bytes here.
    assert measure_saved(saved, model) == pytest.approx(saved_bytes(config, 5), rel=2e-3)


@variants
def test_each_further_row_saves_what_is_predicted_to_the_byte(config, layers_alone):
    """What is shared by all rows drops out of the difference."""
    model, measured = GPT(config), []
    for rows in (3, 8):
        ids = random_ids((rows, 10))
        _, saved = model.forward(ids[:, :-1].copy(), ids[:, 1:].copy(), backend.generator(0))
        measured.append(measure_saved(saved, model))
    assert measured[1] - measured[0] == saved_bytes(config, 8) - saved_bytes(config, 3)


def test_a_twin_saves_one_number_a_query_and_head_more():
    """In a single block: the sums of the softmax, which the weights have not been divided by yet."""
    model, ids = GPT(SMALL), random_ids((3, 9))
    with without_twins():
        before = measure_saved(model.forward(ids, ids)[1], model)
    assert measure_saved(model.forward(ids, ids)[1], model) - before == 4 * (2 * 3 * 3 * 9)  # layers, rows, heads, T


def test_sizes_follow_precision_batch_and_optimizer():
    size, n = gpt_size(SMALL, batch_size=3, itemsize=8, optimizer_vectors=1), count_parameters(SMALL)
    assert (size.parameters, size.weights, size.gradients, size.optimizer) == (n, 8 * n, 8 * n, 8 * n)
    assert size.saved == saved_bytes(SMALL, 3, 8) and size.flops_per_token == training_flops_per_token(SMALL)


def test_a_models_own_memory_is_not_counted_wherever_it_lies():
    model, ids, measured = GPT(SMALL), random_ids((2, 9)), []
    for allocate in (backend.zeros, lambda size: np.frombuffer(bytearray(4 * size), np.float32)):
        model.pack(allocate)
        measured.append(measure_saved(model.forward(ids, ids)[1], model))
    assert measured[0] == measured[1]


def test_published_sizes():
    millions = {name: count_parameters(PRESETS[name]) / 1e6 for name in PRESETS}
    assert count_parameters(PRESETS["gpt2"]) == 124_439_808  # the published weights have just as many
    for name, published in {"gpt1": 117, "gpt2-medium": 355, "gpt2-large": 774, "gpt2-xl": 1558,
                            "gpt3-125m": 125, "gpt3-175b": 175_000}.items():
        assert millions[name] == pytest.approx(published, rel=0.005), name


@pytest.mark.parametrize("config", [SMALL, VARIANTS["untied, sinusoidal"]], ids=["tied", "untied"])
def test_flops_are_those_of_the_products_that_run(config, monkeypatch):
    flops = 0

    def linear(x, w, b=None):
        nonlocal flops
        flops += 2 * x.size * w.shape[1]
        return linear_forward(x, w, b)

    def unembedding(h, w):
        nonlocal flops
        flops += 2 * h.size * len(w)
        return unembedding_forward(h, w)

    def attention(q, k, v, *rest):
        nonlocal flops
        flops += 2 * 2 * q.size * k.shape[-2]  # q kᵀ and p v
        return attention_forward(q, k, v, *rest)

    linear_forward, attention_forward = layers_linear.linear_forward, layers_attention.attention_forward
    monkeypatch.setattr(layers_linear, "linear_forward", linear)
    monkeypatch.setattr(models_gpt, "unembedding_forward", unembedding)
    monkeypatch.setattr(layers_attention, "attention_forward", attention)
    ids = random_ids((2, 10))
    GPT(config).forward(ids[:, :-1], ids[:, 1:])
    assert 3 * flops == training_flops_per_token(config) * 2 * 9  # backward makes two products of each one


def test_masks_are_counted_to_the_byte_and_only_where_something_is_dropped():
    c = replace(SMALL, dropout=0.0)
    tokens = 3 * c.context_length
    assert (saved_bytes(c, 3) - tokens * (8 + 8 + 1)) % 4 == 0  # ids, targets, what is counted; the rest is float32
    masks = c.d_model + c.num_layers * (c.num_heads * c.context_length + 2 * c.d_model)
    assert saved_bytes(replace(c, dropout=0.5), 3) - saved_bytes(c, 3) == tokens * masks


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_what_each_activation_saves_is_predicted(name, layers_alone):
    config = replace(SMALL, activation=name, d_ff=200)  # so wide that one array more or less would show
    model, ids = GPT(config), random_ids((3, 10))
    _, saved = model.forward(ids[:, :-1], ids[:, 1:])
    assert measure_saved(saved, model) == pytest.approx(saved_bytes(config, 3), rel=5e-3)


def test_the_largest_sizes_are_still_taken():
    assert GPTConfig(vocab_size=models_gpt.LARGEST).vocab_size == 10**9
    with pytest.raises(InputError, match="vocab_size is too large"):
        GPTConfig(vocab_size=models_gpt.LARGEST + 1)


def test_a_cache_and_new_tokens_together_must_fit_into_the_context():
    model = GPT(SMALL)
    cache = Cache(SMALL)
    model(random_ids((1, 6)), cache=cache)
    with pytest.raises(InputError, match="10 tokens are more than the context length 9"):
        model(random_ids((1, 4)), cache=cache)


@pytest.mark.parametrize("cls", [GPTConfig, TrainConfig])
def test_every_field_of_a_configuration_has_a_comment(cls):
    for field in fields(cls):
        assert len(field.metadata["help"].split()) >= 3, field.name


@pytest.mark.parametrize("config", [SMALL, VARIANTS["untied, sinusoidal"]], ids=["learned", "sinusoidal"])
def test_the_memory_of_generating_is_predicted(config):
    model, cache = GPT(config), Cache(config)
    model(random_ids((1, 9)), cache=cache)
    table = getattr(model.position_embedding, "_table", np.zeros(0))
    held = [model.flat.data, table, *(array for layer in cache.layers for array in (layer.k, layer.v))]
    assert sum(array.nbytes for array in held) == generation_bytes(config)


def test_memory_adds_up():
    size = gpt_size(SMALL, batch_size=2)
    assert size.optimizer == 2 * size.weights == 2 * size.gradients
    assert size.total_memory == 4 * size.weights + size.saved
    assert gpt_size(SMALL, 2, itemsize=8).weights == 2 * size.weights == 8 * size.parameters


@pytest.mark.parametrize("change, words", [
    (dict(d_model=6, num_heads=4), "d_model 6 does not divide into 4 heads: choose num_heads that divides d_model"),
    (dict(num_layers=0), "num_layers 0 is too small: choose at least 1"), (dict(vocab_size=0), "vocab_size 0"),
    (dict(num_heads=0), "num_heads 0"), (dict(d_ff=-1), "d_ff -1 is negative"),
    (dict(attention_window=-1), "attention_window -1 is negative"),
    (dict(norm="middle"), "unknown norm 'middle': choose pre or post"),
    (dict(positions="rotary"), "unknown positions 'rotary': choose learned or sinusoidal"),
    (dict(d_model=9, num_heads=3, positions="sinusoidal"), "d_model 9 is odd"),
    (dict(activation="swish"), "unknown activation 'swish': choose one of relu"),
    (dict(dropout=1.0), r"dropout 1.0 is not a probability below 1"),
])  # fmt: skip
def test_shapes_that_do_not_fit_are_refused(change, words):
    with pytest.raises(InputError, match=words):
        replace(SMALL, **change)


@pytest.mark.parametrize("ids, targets, words", [
    ([[31]], [[0]], r"token id 31 is outside 0\.\.30"), ([[-1]], [[0]], r"token id -1 is outside 0\.\.30"),
    ([[0]], [[31]], r"target 31 is outside 0\.\.30"), ([[0]], [[-1]], r"target -1 is outside"),
    ([[0.5]], [[0]], "token ids must be integers"), ([0, 1], [0, 1], r"shape \(2,\): give \(B, T\)"),
    ([[]], [[]], r"shape \(1, 0\)"),
    ([[0, 1, 2]], [[1]], r"targets \(1, 1\) don't fit logits \(1, 3, 31\): give one"),
    ([[0] * 10], [[0] * 10], "10 tokens are more than the context length 9"),
])  # fmt: skip
def test_ids_that_do_not_fit_are_refused(ids, targets, words):
    with pytest.raises(InputError, match=words):
        GPT(SMALL).forward(ids, targets)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (3, 1)])
def test_smallest_shapes(shape):
    config = replace(SMALL, vocab_size=1)
    model, ids = GPT(config), np.zeros(shape, dtype=int)
    loss, saved = model.forward(ids, ids)
    model.backward(saved)
    assert float(loss) == 0 and not model.flat.grad.any()  # with one token there is nothing to be wrong about
