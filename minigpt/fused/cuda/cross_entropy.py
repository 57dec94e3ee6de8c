"""Cross-entropy of a softmax in one kernel a pass: the twin of layers/cross_entropy.py's pair on a GPU.

See cross_entropy.cu. Checks, and what is saved, are the reference's.
"""

from minigpt.backend import xp
from minigpt.fused.cuda.kernels import launch, threads_for
from minigpt.layers.cross_entropy import check_targets


def cross_entropy_forward(logits, targets, label_smoothing: float = 0.0):
    """As layers.cross_entropy.cross_entropy_forward."""
    targets, counted, M = check_targets(logits, targets, label_smoothing)
    V = logits.shape[-1]
    z = xp.ascontiguousarray(logits.reshape(-1, V))  # (N, V)
    p, loss = xp.empty_like(z), xp.empty(len(z), dtype=z.dtype)
    launch("cross_entropy", "cross_entropy_forward", len(z), threads_for(V), z, targets, counted, p, loss, V,
           float(label_smoothing))
    return loss.sum() / M, (p, targets, counted, M, label_smoothing, logits.shape)


def cross_entropy_backward(dy, saved):
    """As layers.cross_entropy.cross_entropy_backward, for what either forward saved."""
    p, targets, counted, M, label_smoothing, shape = saved
    weight, V = (counted * (dy / M)).astype(p.dtype), p.shape[-1]  # (N,)
    dlogits = xp.empty_like(p)
    launch("cross_entropy", "cross_entropy_backward", len(p), threads_for(V), p, targets, weight, dlogits, V,
           float(label_smoothing))
    return dlogits.reshape(shape)
