"""Layer normalisation in one kernel forward and two backward: the twin of layers/layer_norm.py's pair on a GPU.

See layer_norm.cu. Saved is what the reference saves.
"""

from minigpt.backend import xp
from minigpt.fused.cuda.kernels import launch, threads_for

HEIGHT, PARTS = 32, 1024  # rows whose parameter gradients one block adds up, at least; such blocks, at most


def layer_norm_forward(x, g, b, eps: float = 1e-5):
    """As layers.layer_norm.layer_norm_forward."""
    x, C = xp.ascontiguousarray(x), g.size
    y, x_hat, r = xp.empty_like(x), xp.empty_like(x), xp.empty((*x.shape[:-1], 1), dtype=x.dtype)
    launch("layer_norm", "layer_norm_forward", x.size // C, threads_for(C), x, g, b, y, x_hat, r, C, float(eps))
    return y, (x_hat, r, g)


def layer_norm_backward(dy, saved):
    """As layers.layer_norm.layer_norm_backward, for what either forward saved."""
    dy, x_hat, r = (xp.ascontiguousarray(array) for array in (dy, *saved[:2]))
    g, C = saved[2], dy.shape[-1]
    rows = dy.size // C
    dx = xp.empty_like(dy)
    launch("layer_norm", "layer_norm_backward_x", rows, threads_for(C), dy, x_hat, r, g, dx, C)
    height = max(HEIGHT, -(-rows // PARTS))
    parts, threads = -(-rows // height), threads_for(C)
    dg, db = (xp.empty((parts, C), dtype=dy.dtype) for _ in range(2))
    launch("layer_norm", "layer_norm_backward_parameters", (-(-C // threads), parts), threads, dy, x_hat, dg, db,
           rows, C, height)
    ones = xp.ones(parts, dtype=dy.dtype)
    return dx, ones @ dg, ones @ db
