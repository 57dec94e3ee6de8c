"""Dropout: during training, switch each element off with probability `rate`, so that none can be relied upon.

    y  = x m / (1 - rate)       m_i = 1 with probability 1 - rate, else 0; x, m, y (...)

    dx = dy m / (1 - rate)      the same elements, the same factor

The factor keeps the expected value of y equal to x, so inference just leaves the layer out. Training hands a random
generator down through forward; without one (`rng=None`) there is no dropout. A layer has no "training mode" to forget.
Source: Srivastava et al. (2014), section 4; the factor at training time ("inverted dropout") is section 10.
"""

from minigpt import backend
from minigpt.errors import InputError
from minigpt.module import Module


def dropout_forward(x, rate: float, rng=None):
    """x (...) -> y (...). rng: a generator from minigpt.backend, or None for inference."""
    if rng is None or rate == 0:
        return x, None
    keep = backend.keep_mask(rng, x.shape, rate)
    return x * keep * (1 / (1 - rate)), (keep, rate)


def dropout_backward(dy, saved):
    """dy (...) -> dx (...)."""
    if saved is None:
        return dy
    keep, rate = saved
    return dy * keep * (1 / (1 - rate))


class Dropout(Module):
    """Dropout with a fixed rate, 0 <= rate < 1. Raises InputError for another."""

    def __init__(self, rate: float):
        if not 0 <= rate < 1:
            raise InputError(f"dropout {rate} is not a probability below 1: choose 0 (none) to about 0.5")
        self.rate = rate

    def forward(self, x, rng=None):
        return dropout_forward(x, self.rate, rng)

    def backward(self, dy, saved):
        return dropout_backward(dy, saved)
