"""Softmax: turns a row of scores into a row of probabilities.

    y_i  = exp(x_i) / Σ_j exp(x_j)                      x, y (..., N), along the last axis

    dx_i = y_i (dy_i - Σ_j dy_j y_j)

Derivation: every output depends on every input through the sum, so the Jacobian is full, ∂y_j/∂x_i = y_j (δ_ij - y_i).
Then dx_i = Σ_j dy_j y_j (δ_ij - y_i) = y_i dy_i - y_i Σ_j dy_j y_j. Adding a constant to a row changes nothing, so the
row's largest score is subtracted first and exp can't overflow. Source: Bridle (1990).
"""

from minigpt.backend import xp


def softmax_in_place(x):
    """Overwrites x (..., N) with its softmax and returns it. A row of nothing but -inf becomes zeros, not NaN."""
    largest = x.max(axis=-1, keepdims=True)
    # Where every score is -inf, so is the largest, and -inf - -inf is NaN. A finite number in its place gives exp = 0.
    x -= xp.maximum(largest, float(xp.finfo(x.dtype).min))
    xp.exp(x, out=x)
    total = (x @ xp.ones(x.shape[-1], dtype=x.dtype))[..., None]  # on short rows twice as fast as x.sum(axis=-1)
    x /= xp.where(total == 0, 1, total)
    return x


def softmax_forward(x):
    """x (..., N) -> y (..., N), rows that add up to 1."""
    y = softmax_in_place(x.copy())
    return y, (y,)


def softmax_backward(dy, saved):
    """dy (..., N) -> dx (..., N)."""
    (y,) = saved
    dx = dy * y
    dx -= y * (dx @ xp.ones(y.shape[-1], dtype=y.dtype))[..., None]
    return dx
