"""Attention with one kernel between its two products: the twin of layers/attention.py's pair of functions on a GPU.

See attention.cu. The kernel divides by √D, so q is saved as it came; forward and backward are a pair of their own, and
what the reference saved goes back to the reference.
"""

import math

from minigpt import backend
from minigpt.backend import xp
from minigpt.fused.cuda.kernels import launch, threads_for
from minigpt.layers import attention as reference


def attention_forward(q, k, v, mask=None, dropout: float = 0.0, rng=None):
    """As layers.attention.attention_forward."""
    p = xp.ascontiguousarray(q @ k.swapaxes(-1, -2))  # (..., T, S): scores, until the kernel has been over them
    *lead, T, S = p.shape
    rows, threads, sizes = math.prod(lead) * T, threads_for(S), (T, S)
    mask, *sharing = _shared(mask, p.shape)
    scale, kept, keep = 1 / math.sqrt(q.shape[-1]), p, None
    if dropout and rng is not None:
        keep, kept = backend.keep_mask(rng, p.shape, dropout), xp.empty_like(p)
        launch("attention", "attention_forward_dropout", rows, threads, p, mask, keep, kept, *sizes, *sharing, scale,
               1 / (1 - dropout))
    else:
        launch("attention", "attention_forward", rows, threads, p, mask, *sizes, *sharing, scale)
    return kept @ v, (q, k, v, p, keep, dropout)


def attention_backward(dy, saved):
    """As layers.attention.attention_backward, for what either forward saved."""
    if len(saved) == 5:
        return reference.attention_backward(dy, saved)
    q, k, v, p, keep, rate = saved
    ds = xp.ascontiguousarray(dy @ v.swapaxes(-1, -2))  # (..., T, S): dp, until the kernel has been over it
    S, kept, scale = p.shape[-1], p, 1 / math.sqrt(q.shape[-1])
    rows, threads = p.size // S, threads_for(S)
    if keep is None:
        launch("attention", "attention_backward", rows, threads, ds, p, S, scale)
    else:
        kept = xp.empty_like(p)
        launch("attention", "attention_backward_dropout", rows, threads, ds, p, keep, kept, S, scale, 1 / (1 - rate))
    return ds @ k, ds.swapaxes(-1, -2) @ q, kept.swapaxes(-1, -2) @ dy


def _shared(mask, shape):
    """The mask as the kernel takes it: (matrices, 1 or T, S); how many matrices of scores share one; its step."""
    *lead, T, S = shape
    if mask is None:
        mask = xp.ones((1, S), dtype=bool)
    mask = mask.reshape((1,) * (len(shape) - mask.ndim) + mask.shape)
    own = max((axis + 1 for axis, size in enumerate(mask.shape[:-2]) if size > 1), default=0)  # axes it differs along
    full = (*lead[:own], *mask.shape[own:-1], S)
    return xp.ascontiguousarray(xp.broadcast_to(mask, full)), math.prod(lead[own:]), S if full[-2] > 1 else 0
