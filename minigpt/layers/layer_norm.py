"""Layer normalisation: gives every position's vector mean 0 and variance 1, then a learned scale and shift.

    μ  = (1/C) Σ x_c            r = 1 / √((1/C) Σ (x_c - μ)² + eps)
    x̂  = (x - μ) r
    y  = x̂ g + b                                        x, y (..., C), g (C,), b (C,)

    dx̂ = dy g
    dx = r (dx̂ - mean(dx̂) - x̂ mean(dx̂ x̂))              means over the C channels of a row
    dg = Σ dy x̂,   db = Σ dy                            sums over all rows

Derivation: x_c acts on x̂ in three ways: directly, through μ and through r. With ∂μ/∂x_c = 1/C and
∂r/∂x_c = -r³ (x_c - μ) / C = -r² x̂_c / C we get ∂x̂_i/∂x_c = r (δ_ic - 1/C - x̂_i x̂_c / C); the sum Σ_i dx̂_i ∂x̂_i/∂x_c
is the line above. Variance is the mean of (x - μ)², never mean(x²) - μ², which cancels badly in float32.
Source: Ba, Kiros & Hinton (2016), eq. 3 and 4.
"""

from minigpt import backend
from minigpt.backend import xp
from minigpt.dispatch import twin
from minigpt.module import Module, Parameter


def layer_norm_forward(x, g, b, eps: float = 1e-5):
    """x (..., C), g (C,), b (C,) -> y (..., C)."""
    mean = xp.full_like(g, 1 / g.size)  # (C,): a row times this is its mean, two to three times faster than .mean()
    x_hat = x - x[..., :1]  # changes no x - μ, but makes it far more exact where a row's numbers are large and alike
    x_hat -= (x_hat @ mean)[..., None]
    r = 1 / xp.sqrt((x_hat * x_hat) @ mean + eps)[..., None]  # (..., 1)
    x_hat *= r
    y = x_hat * g
    y += b
    return y, (x_hat, r, g)


def layer_norm_backward(dy, saved):
    """dy (..., C) -> dx (..., C), dg (C,), db (C,)."""
    x_hat, r, g = saved
    C = g.size
    dy_x_hat = dy * x_hat
    # With dx̂ = dy g, both means over a row are products with g, and both sums over all rows products with ones.
    mean_dx_hat = (dy @ (g * (1 / C)))[..., None]
    projection = (dy_x_hat @ (g * (1 / C)))[..., None]  # what would only change the row's length: r undoes it
    rows = xp.ones(dy.size // C, dtype=dy.dtype)
    dg, db = rows @ dy_x_hat.reshape(-1, C), rows @ dy.reshape(-1, C)
    dx = dy * g
    dx -= mean_dx_hat
    dx -= x_hat * projection
    dx *= r
    return dx, dg, db


class LayerNorm(Module):
    """Normalises over the last axis, which has `d_model` channels; starts with gain 1 and bias 0."""

    def __init__(self, d_model: int, eps: float = 1e-5):
        self.g = Parameter(backend.zeros(d_model) + 1)
        self.b = Parameter(backend.zeros(d_model))
        self.eps = eps

    def forward(self, x):
        return twin(layer_norm_forward)(x, self.g.data, self.b.data, self.eps)

    def backward(self, dy, saved):
        dx, dg, db = twin(layer_norm_backward)(dy, saved)
        self.g.grad += dg
        self.b.grad += db
        return dx
