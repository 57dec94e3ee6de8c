"""GELU with its slope in one kernel, both forms: the twins of layers/activations.py's forwards on a GPU.

See activations.cu. Saved is what the references save, and their backwards take it: dy times the slope.
"""

from minigpt.backend import xp
from minigpt.fused.cuda.kernels import THREADS, blocks_for, launch


def gelu_forward(x):
    """As layers.activations.gelu_forward."""
    return _forward("gelu_forward", x)


def gelu_tanh_forward(x):
    """As layers.activations.gelu_tanh_forward."""
    return _forward("gelu_tanh_forward", x)


def _forward(kernel, x):
    x = xp.ascontiguousarray(x)
    y, slope = xp.empty_like(x), xp.empty_like(x)
    launch("activations", kernel, blocks_for(x.size), THREADS, x, y, slope, x.size)
    return y, (slope,)
