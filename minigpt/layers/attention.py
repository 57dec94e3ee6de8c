"""Attention: every position takes a weighted average of the values of others, the weights coming from a comparison.

    s = q kᵀ / √D                  q (..., T, D), k and v (..., S, D), s and p (..., T, S)
    p = softmax(s)                 over the keys; a masked key has s = -inf and gets p = 0
    y = p v                        y (..., T, D)

    dv = pᵀ dy
    dp = dy vᵀ
    ds = p (dp - Σ_j dp_j p_j)     the softmax's rule, row by row; 0 where masked, because p is 0 there
    dq = ds k / √D
    dk = dsᵀ q / √D                (T, S) transposed times (T, D): it comes out as (S, D), never reshape it into shape

Derivation: y = p v and s = q kᵀ are products of matrices, for which C = A B gives dA = dC Bᵀ and dB = Aᵀ dC.
Without 1/√D the scores of unit-variance q and k would have variance D, and the softmax would start out saturated.
Source: Vaswani et al. (2017), eq. 1 and section 3.2.
"""

import math

from minigpt.backend import xp
from minigpt.dispatch import twin
from minigpt.errors import InputError
from minigpt.layers.dropout import dropout_backward, dropout_forward
from minigpt.layers.linear import Linear
from minigpt.layers.softmax import softmax_backward, softmax_in_place
from minigpt.module import Module


def attention_forward(q, k, v, mask=None, dropout: float = 0.0, rng=None):
    """q (..., T, D), k (..., S, D), v (..., S, D) -> y (..., T, D).

    mask: booleans that broadcast to (..., T, S), True where attention is allowed; a row without any gives zeros.
    dropout: the rate at which single weights are dropped when there is an rng.
    """
    q = q * (1 / math.sqrt(q.shape[-1]))  # dividing q rather than s: D numbers a row instead of S
    scores = q @ k.swapaxes(-1, -2)  # (..., T, S)
    if mask is not None:
        scores += xp.where(mask, 0, float("-inf")).astype(scores.dtype)
    p = softmax_in_place(scores)
    p_kept, saved_dropout = dropout_forward(p, dropout, rng)
    return p_kept @ v, (q, k, v, p, saved_dropout)


def attention_backward(dy, saved):
    """dy (..., T, D) -> dq (..., T, D), dk (..., S, D), dv (..., S, D)."""
    q, k, v, p, saved_dropout = saved  # q is divided by √D already
    dp_kept = dy @ v.swapaxes(-1, -2)  # forward was y = p v, so dp = dy vᵀ ...
    p_kept = dropout_backward(p, saved_dropout)  # dropout is its own transpose: this is what multiplied v
    dv = p_kept.swapaxes(-1, -2) @ dy  # ... and dv = pᵀ dy
    ds = softmax_backward(dropout_backward(dp_kept, saved_dropout), (p,))
    dq = ds @ k
    dq *= 1 / math.sqrt(q.shape[-1])
    return dq, ds.swapaxes(-1, -2) @ q, dv


def split_heads(x, num_heads: int):
    """(B, T, H * D) -> (B, H, T, D): each head is a slice of the channels. A view."""
    B, T, C = x.shape
    return x.reshape(B, T, num_heads, C // num_heads).transpose(0, 2, 1, 3)


def merge_heads(x):
    """(B, H, T, D) -> (B, T, H * D): undoes split_heads, and is its transpose."""
    B, H, T, D = x.shape
    return x.transpose(0, 2, 1, 3).reshape(B, T, H * D)


def check_heads(d_model: int, num_heads: int) -> None:
    """Raises InputError unless the channels divide evenly among the heads."""
    if num_heads < 1 or d_model % num_heads:
        raise InputError(f"d_model {d_model} does not divide into {num_heads} heads: choose num_heads that divides "
                         "d_model")


class SelfAttention(Module):
    """Multi-head self-attention: q, k and v are three views of one product x W_qkv; heads run side by side.

    x (B, T, C) -> y (B, T, C). Linear layers: qkv (C, 3C), its columns in the order q, k, v, and out (C, C).
    """

    def __init__(self, d_model: int, num_heads: int, rng, dropout: float = 0.0, std: float = 0.02,
                 out_std: float | None = None):
        check_heads(d_model, num_heads)
        self.qkv = Linear(d_model, 3 * d_model, rng, std)
        self.out = Linear(d_model, d_model, rng, std if out_std is None else out_std)
        self.num_heads, self.dropout = num_heads, dropout

    def forward(self, x, mask=None, rng=None, cache=None):
        """cache: None, or an object whose append(k, v) returns all keys and values so far (see generate.py)."""
        qkv, saved_qkv = self.qkv.forward(x)  # (B, T, 3C)
        q, k, v = (split_heads(part, self.num_heads) for part in xp.split(qkv, 3, axis=-1))  # (B, H, T, D)
        if cache is not None:
            k, v = cache.append(k, v)  # (B, H, S, D)
        heads, saved_attention = twin(attention_forward)(q, k, v, mask, self.dropout, rng)
        y, saved_out = self.out.forward(merge_heads(heads))
        return y, (saved_qkv, saved_attention, saved_out)

    def backward(self, dy, saved):
        saved_qkv, saved_attention, saved_out = saved
        dheads = split_heads(self.out.backward(dy, saved_out), self.num_heads)
        parts = twin(attention_backward)(dheads, saved_attention)  # dq, dk, dv (B, H, T, D)
        dqkv = xp.concatenate([merge_heads(part) for part in parts], axis=-1)  # (B, T, 3C)
        return self.qkv.backward(dqkv, saved_qkv)


def attention_weights(saved):
    """The weights p (B, H, T, S) in what SelfAttention.forward saved, without a twin: worth a picture."""
    _, (_, _, _, p, _), _ = saved
    return p


class CrossAttention(Module):
    """Multi-head attention from one sequence to another: q from x, k and v from `memory`, as a translator needs it.

    x (B, T, C), memory (B, S, C) -> y (B, T, C). backward returns dx and dmemory.
    """

    def __init__(self, d_model: int, num_heads: int, rng, dropout: float = 0.0, std: float = 0.02):
        check_heads(d_model, num_heads)
        self.q = Linear(d_model, d_model, rng, std)
        self.kv = Linear(d_model, 2 * d_model, rng, std)
        self.out = Linear(d_model, d_model, rng, std)
        self.num_heads, self.dropout = num_heads, dropout

    def forward(self, x, memory, mask=None, rng=None):
        q, saved_q = self.q.forward(x)
        kv, saved_kv = self.kv.forward(memory)
        q, k, v = (split_heads(part, self.num_heads) for part in (q, *xp.split(kv, 2, axis=-1)))
        heads, saved_attention = twin(attention_forward)(q, k, v, mask, self.dropout, rng)
        y, saved_out = self.out.forward(merge_heads(heads))
        return y, (saved_q, saved_kv, saved_attention, saved_out)

    def backward(self, dy, saved):
        saved_q, saved_kv, saved_attention, saved_out = saved
        dheads = split_heads(self.out.backward(dy, saved_out), self.num_heads)
        dq, dk, dv = twin(attention_backward)(dheads, saved_attention)
        dkv = xp.concatenate([merge_heads(dk), merge_heads(dv)], axis=-1)
        return self.q.backward(merge_heads(dq), saved_q), self.kv.backward(dkv, saved_kv)
