"""Facts about masks and attention, stated without their formula: who sees whom, and what comes of it."""

import math

import numpy as np
import pytest

from minigpt import backend
from minigpt.errors import InputError
from minigpt.layers.attention import (
    CrossAttention,
    SelfAttention,
    attention_backward,
    attention_forward,
    merge_heads,
    split_heads,
)
from minigpt.layers.block import PostNormBlock, PreNormBlock
from minigpt.layers.masks import causal_mask, padding_mask

BLOCKS = pytest.mark.parametrize("block", [PreNormBlock, PostNormBlock])


@pytest.fixture(autouse=True)
def double_precision():
    with backend.using("numpy", "float64"):
        yield


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def equal(a, b, tolerance=1e-14):
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


# Masks


@pytest.mark.parametrize("arguments, rows", [
    ((4,), ["x...", "xx..", "xxx.", "xxxx"]),
    ((4, 4, 1), ["x...", ".x..", "..x.", "...x"]),
    ((4, 4, 2), ["x...", "xx..", ".xx.", "..xx"]),
    ((4, None, 9), ["x...", "xx..", "xxx.", "xxxx"]),
    ((2, 5), ["xxxx.", "xxxxx"]),
    ((2, 5, 3), [".xxx.", "..xxx"]),
    ((1, 5), ["xxxxx"]),
    ((1, 1), ["x"]),
])  # fmt: skip
def test_who_sees_whom(arguments, rows):
    assert ["".join(".x"[int(seen)] for seen in row) for row in causal_mask(*arguments)] == rows


def test_padding_hides_the_keys_that_are_no_tokens():
    valid = np.array([[False, True, True], [True, True, True]])
    assert padding_mask(valid).shape == (2, 1, 1, 3)
    both = causal_mask(3) & padding_mask(valid)
    assert both[0, 0].tolist() == [[False] * 3, [False, True, False], [False, True, True]]
    assert both[1, 0].tolist() == causal_mask(3).tolist()


def test_more_queries_than_keys_are_refused():
    with pytest.raises(InputError, match="5 queries can't be the last of 4 keys"):
        causal_mask(5, 4)
    with pytest.raises(InputError, match="window -1 is negative"):
        causal_mask(3, window=-1)


# Attention


def test_equal_scores_give_the_mean_of_the_values_that_may_be_seen():
    v = normal(1, 4, 3)
    y, _ = attention_forward(np.zeros((1, 4, 2)), normal(1, 4, 2), v, causal_mask(4))
    equal(y[0], [v[0, :i].mean(axis=0) for i in (1, 2, 3, 4)])


def test_attention_by_hand():
    """D = 4, so scores are halved: 2 ln 3 and 0 become ln 3 and 0, and the weights 3/4 and 1/4."""
    q = np.array([[2 * math.log(3), 0, 0, 0]])
    k, v = np.array([[1.0, 5, 5, 5], [0, 9, 9, 9]]), np.array([[8.0, 0, 4, 0], [0, 8, 4, 0]])
    equal(attention_forward(q, k, v)[0], [[6, 2, 4, 0]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_masked_has_no_influence_however_large(dtype):
    q, k, v = (normal(2, 3, 5, seed=seed).astype(dtype) for seed in (0, 1, 2))
    mask = np.array([True, False, True])
    y, saved = attention_forward(q, k, v, mask)
    equal(y, attention_forward(q, k[:, mask], v[:, mask])[0], 1e-6)
    k[:, 1], v[:, 1] = 1e4, 1e30
    np.testing.assert_array_equal(attention_forward(q, k, v, mask)[0], y)
    _, dk, dv = attention_backward(q, saved)
    assert not dk[:, 1].any() and not dv[:, 1].any() and dk[:, [0, 2]].all()


def test_a_row_that_sees_nothing_gives_zeros_and_gets_no_gradient():
    y, saved = attention_forward(normal(2, 3, 5), normal(2, 4, 5), normal(2, 4, 5), np.array([[True], [False], [True]]))
    assert not y[:, 1].any() and y[:, [0, 2]].all()
    dq, dk, dv = attention_backward(normal(2, 3, 5, seed=1), saved)
    assert not dq[:, 1].any() and np.isfinite(dk).all() and np.isfinite(dv).all()


def test_one_token_sees_itself_alone():
    v = normal(2, 1, 5)
    y, saved = attention_forward(normal(2, 1, 5, seed=1), normal(2, 1, 5, seed=2), v, causal_mask(1))
    equal(y, v)
    dq, dk, dv = attention_backward(np.ones((2, 1, 5)), saved)
    assert not dq.any() and not dk.any() and (dv == 1).all()


def test_extreme_scores_choose_one_value():
    q, k, v = np.array([[1e4, 0]]), np.array([[1e4, 0], [-1e4, 0]]), np.array([[1.0, 2], [3, 4]])
    assert attention_forward(q, k, v)[0].tolist() == [[1, 2]]


def test_dropped_weights_drop_their_values():
    """With one-hot values the output is the weights: each is either gone or doubled."""
    q, k, v = normal(6, 5), normal(7, 5), np.eye(7)
    weights, _ = attention_forward(q, k, v)
    dropped, _ = attention_forward(q, k, v, dropout=0.5, rng=backend.generator(0))
    kept = dropped != 0
    assert 10 < kept.sum() < 32
    equal(dropped, 2 * weights * kept)


# Heads and modules


def test_a_head_is_a_slice_of_the_channels():
    x = normal(2, 3, 12)
    heads = split_heads(x, 4)
    assert heads.shape == (2, 4, 3, 3)
    np.testing.assert_array_equal(heads[:, 1], x[:, :, 3:6])
    np.testing.assert_array_equal(merge_heads(heads), x)


@pytest.mark.parametrize("make", [SelfAttention, CrossAttention])
@pytest.mark.parametrize("d_model, heads", [(6, 4), (6, 0), (6, -2), (3, 6)])
def test_channels_that_do_not_divide_are_refused(make, d_model, heads):
    with pytest.raises(InputError, match=f"d_model {d_model} does not divide into {heads} heads: choose num_heads"):
        make(d_model, heads, backend.generator(0))


def unit(module):
    for seed, p in enumerate(module.parameters().values()):
        p.data[...] = normal(*p.data.shape, seed=seed)
    return module


def test_self_attentions_columns_are_q_k_v():
    layer, x = unit(SelfAttention(6, 2, backend.generator(0))), normal(2, 5, 6)
    layer.qkv.w.data[:, :6], layer.qkv.b.data[:6] = 0, 0  # q = 0: all scores are equal
    v = x @ layer.qkv.w.data[:, 12:] + layer.qkv.b.data[12:]
    equal(layer(x), np.broadcast_to(layer.out(v.mean(axis=1, keepdims=True)), x.shape), 1e-12)


def test_cross_attentions_columns_are_k_v_and_its_mask_hides_memory():
    layer, x, memory = unit(CrossAttention(6, 2, backend.generator(0))), normal(2, 3, 6), normal(2, 4, 6, seed=1)
    layer.kv.w.data[:, :6], layer.kv.b.data[:6] = 0, 0
    v = (memory @ layer.kv.w.data[:, 6:] + layer.kv.b.data[6:])[:, :2]
    mask = padding_mask(np.array([[True, True, False, False]] * 2))
    equal(layer(x, memory, mask), np.broadcast_to(layer.out(v.mean(axis=1, keepdims=True)), x.shape), 1e-12)


@BLOCKS
@pytest.mark.parametrize("window", [0, 1, 3])
def test_a_change_is_felt_at_its_place_and_after_it_as_far_as_the_window(block, window):
    layer, x, changed = unit(block(6, 2, 7, backend.generator(0))), normal(2, 8, 6), normal(2, 8, 6)
    changed[:, 3] += normal(6, seed=9)
    mask = causal_mask(8, window=window)
    felt = (layer(x, mask) != layer(changed, mask)).any(axis=(0, 2))
    assert felt.tolist() == [3 <= t < 3 + (window or 8) for t in range(8)]


@BLOCKS
def test_a_block_whose_sublayers_say_nothing_passes_its_input_on(block):
    layer, x = unit(block(6, 2, 7, backend.generator(0))), normal(2, 5, 6)
    for linear in (layer.attention.out, layer.feed_forward.w_out):
        linear.w.data[...], linear.b.data[...] = 0, 0
    equal(layer(x), x if block is PreNormBlock else layer.norm_2(layer.norm_1(x)))


class Growing:
    """The smallest cache: all keys and values so far."""

    k = v = None

    def append(self, k, v):
        self.k = k if self.k is None else np.concatenate([self.k, k], axis=2)
        self.v = v if self.v is None else np.concatenate([self.v, v], axis=2)
        return self.k, self.v


@BLOCKS
@pytest.mark.parametrize("window", [0, 2])
def test_a_block_fed_in_parts_through_a_cache_says_the_same(block, window):
    layer, x, cache, parts = unit(block(6, 2, 7, backend.generator(0))), normal(2, 6, 6), Growing(), []
    for start, end in [(0, 3), (3, 4), (4, 6)]:
        parts.append(layer(x[:, start:end], causal_mask(end - start, end, window), None, cache))
    equal(np.concatenate(parts, axis=1), layer(x, causal_mask(6, window=window)), 1e-12)
