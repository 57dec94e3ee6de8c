"""Masked mean: one vector for a whole text, the average of those of its real tokens.

    w_bt = m_bt / M_b                   m (B, T), 1 where a real token stands, else 0; M_b = Σ_t m_bt, at least 1
    y_b  = Σ_t w_bt x_bt                x (B, T, C), y (B, C)

    dx_bt = w_bt dy_b                   every real token hears the same, padding hears nothing

Derivation: y is linear in x with weights that don't depend on it, so ∂y_bc/∂x_btc = w_bt.
A plain mean over T would divide by the length of the longest text of the batch, and average in what stands at the
padding: the same text would get another vector beside another neighbour. A row without a real token gives zeros.
Source: pooling by the mean, Iyyer et al. (2015), section 2; Reimers & Gurevych (2019), section 3.
"""

from minigpt.backend import xp


def masked_mean_forward(x, mask):
    """x (B, T, C), mask (B, T) booleans, True where a token is real -> y (B, C)."""
    real = mask.astype(x.dtype)  # (B, T)
    weights = real / xp.maximum(real.sum(axis=1, keepdims=True), 1)
    return (weights[:, None, :] @ x)[:, 0], (weights,)  # one row of weights times T rows of x


def masked_mean_backward(dy, saved):
    """dy (B, C) -> dx (B, T, C)."""
    (weights,) = saved
    return weights[:, :, None] * dy[:, None, :]  # forward was y = Σ_t w_t x_t, so dx_t = w_t dy
