"""Softmax in one kernel a pass: the twin of layers/softmax.py's pair on a GPU. See softmax.cu."""

from minigpt.backend import xp
from minigpt.fused.cuda.kernels import launch, threads_for


def softmax_forward(x):
    """As layers.softmax.softmax_forward."""
    x, columns = xp.ascontiguousarray(x), x.shape[-1]
    y = xp.empty_like(x)
    launch("softmax", "softmax_forward", x.size // columns, threads_for(columns), x, y, columns)
    return y, (y,)


def softmax_backward(dy, saved):
    """As layers.softmax.softmax_backward, for what either forward saved."""
    y, columns = xp.ascontiguousarray(saved[0]), dy.shape[-1]
    dy, dx = xp.ascontiguousarray(dy), xp.empty_like(y)
    launch("softmax", "softmax_backward", y.size // columns, threads_for(columns), dy, y, dx, columns)
    return dx
