"""Positions: attention sees a set, so where a token stands must be written into its vector.

Learned (GPT, BERT): a second embedding table, looked up by position instead of by token.
Sinusoidal (the first Transformer): fixed waves, so nothing is learned and there is no gradient,

    P[t, 2i] = sin(t / 10000^(2i/C)),   P[t, 2i+1] = cos(t / 10000^(2i/C))              t = 0, 1, ...; P (T, C)

Wavelengths run from 2π to 20000π. P[t + k] is P[t] turned by angles that depend on k alone, so looking k places back is
a linear map, which a head can learn. Source: Vaswani et al. (2017), section 3.5; learned: Gehring et al. (2017).
"""

from minigpt import backend
from minigpt.backend import xp
from minigpt.errors import InputError
from minigpt.layers.embedding import Embedding
from minigpt.module import Module


def sinusoidal_positions(length: int, d_model: int):
    """The table P (length, d_model). Raises InputError for an odd d_model."""
    if d_model % 2:
        raise InputError(f"d_model {d_model} is odd: sines and cosines come in pairs, choose an even d_model")
    # Quotients of integers are float64 whatever the precision in use: far positions have large angles, and large
    # angles rounded to float32 are wrong ones.
    angle = xp.arange(length)[:, None] / 10000 ** (xp.arange(0, d_model, 2) / d_model)  # (T, C/2)
    table = backend.zeros((length, d_model))
    table[:, 0::2] = xp.sin(angle)
    table[:, 1::2] = xp.cos(angle)
    return table


class LearnedPositions(Embedding):
    """One learned vector for each of `context_length` positions: an Embedding whose ids are positions."""


class SinusoidalPositions(Module):
    """The fixed table, looked up like a learned one: positions (...) -> (..., C)."""

    def __init__(self, context_length: int, d_model: int):
        self._table = sinusoidal_positions(context_length, d_model)

    def forward(self, positions):
        return self._table[backend.check_ids(positions, len(self._table), "position")], ()

    def backward(self, dy, saved):
        """Nothing to learn, and positions are integers."""
