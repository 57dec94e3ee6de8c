"""Activation functions: the bend between two linear layers, without which they would collapse into one.

Each acts on every element alone, so its Jacobian is diagonal and backward is dx = dy * f'(x), element by element.

    relu        max(x, 0)                                 f' = 1 where x > 0, else 0
    sigmoid     s = 1 / (1 + e^-x)                        f' = s (1 - s)
    tanh        t = tanh x                                f' = 1 - t²
    silu        x s                                       f' = s (1 + x (1 - s))          s = sigmoid x
    gelu        x Φ(x),  Φ(x) = (1 + erf(x / √2)) / 2     f' = Φ(x) + x φ(x),  φ(x) = exp(-x²/2) / √(2π)
    gelu_tanh   x (1 + t) / 2,  t = tanh u                f' = (1 + t) / 2 + x (1 - t²) u' / 2
                u = √(2/π) (x + 0.044715 x³)              u' = √(2/π) (1 + 3 · 0.044715 x²)

Sources: ReLU, Nair & Hinton (2010); GELU and its tanh form, Hendrycks & Gimpel (2016), section 2, which also name SiLU.
GPT-1, 2 and 3 use gelu_tanh; BERT's first weights are for gelu. Shapes: x, y, dy, dx all (...).
"""

import math

from minigpt import backend
from minigpt.backend import xp
from minigpt.cache_blocking import in_pieces
from minigpt.errors import InputError


def relu_forward(x):
    return xp.maximum(x, 0), (x,)


def relu_backward(dy, saved):
    (x,) = saved
    return dy * (x > 0)  # at exactly 0 there is no derivative; everyone takes 0


def _sigmoid(x):
    # 1 / (1 + e^-x) overflows for very negative x; the same function written with tanh never does.
    return 0.5 * (1 + xp.tanh(0.5 * x))


def sigmoid_in_place(x):
    """The same, overwriting x, and returns it: for gates, whose argument nobody needs again."""
    x *= 0.5
    xp.tanh(x, out=x)
    x *= 0.5
    x += 0.5
    return x


def sigmoid_forward(x):
    s = _sigmoid(x)
    return s, (s,)


def sigmoid_backward(dy, saved):
    (s,) = saved
    return dy * s * (1 - s)


def tanh_forward(x):
    t = xp.tanh(x)
    return t, (t,)


def tanh_backward(dy, saved):
    (t,) = saved
    return dy * (1 - t * t)


def silu_forward(x):
    s = _sigmoid(x)
    return x * s, (x, s)


def silu_backward(dy, saved):
    x, s = saved
    return dy * s * (1 + x * (1 - s))


# What gelu's backward needs is its slope alone. It is cheapest in forward, where x, and what the slope shares with y,
# are at hand; and one array is saved instead of two.
def gelu_forward(x):
    y, slope = in_pieces(_gelu, x)
    return y, (slope,)


def gelu_backward(dy, saved):
    (slope,) = saved
    return dy * slope


def _gelu(x):
    """y and f'(x)."""
    cdf = 0.5 * (1 + backend.erf(x * math.sqrt(0.5)))  # Φ(x), the normal distribution's
    with backend.quiet():  # x² of a huge x is infinite, and e^-∞ = 0 is what it should be
        density = xp.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))  # φ(x) = Φ'(x)
    return x * cdf, cdf + x * density


def gelu_tanh_forward(x):
    y, slope = in_pieces(_gelu_tanh, x)
    return y, (slope,)


def gelu_tanh_backward(dy, saved):
    (slope,) = saved
    return dy * slope


def _gelu_tanh(x):
    """y and f'(x); with s = (1 + t) / 2, which makes y = x s, the slope is s + y (1 - s) 2 u'."""
    c = math.sqrt(2 / math.pi)
    with backend.quiet():  # u of a huge x is infinite, and tanh ±∞ = ±1 is what it should be
        # From |x| = 100 on t is ±1 anyway; a square that stays finite keeps 0 times infinity out of the slope.
        square = xp.minimum(x * x, 1e4)  # x**3 would be 100 times slower in NumPy than products are
        s = xp.tanh((square * (0.044715 * c) + c) * x)
    s *= 0.5
    s += 0.5
    y = x * s
    slope = 1 - s
    slope *= y  # of a huge x this is 0
    square *= 6 * 0.044715 * c
    square += 2 * c
    slope *= square
    slope += s
    return y, slope


ACTIVATIONS = {
    "relu": (relu_forward, relu_backward),
    "sigmoid": (sigmoid_forward, sigmoid_backward),
    "tanh": (tanh_forward, tanh_backward),
    "silu": (silu_forward, silu_backward),
    "gelu": (gelu_forward, gelu_backward),
    "gelu_tanh": (gelu_tanh_forward, gelu_tanh_backward),
}


def activation(name: str):
    """The pair (forward, backward) of that name. Raises InputError for an unknown one."""
    if name not in ACTIVATIONS:
        raise InputError(f"unknown activation {name!r}: choose one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]
