"""Feed-forward network: the same small two-layer network at every position, where a block does its thinking.

    y  = f(x W_1 + b_1) W_2 + b_2                       x, y (..., C), W_1 (C, F), W_2 (F, C)

    da = dy W_2ᵀ,   dh = da f'(h),   dx = dh W_1ᵀ       h = x W_1 + b_1, a = f(h); the chain rule, last step first

F is usually 4 C, which puts two thirds of a block's parameters here. Source: Vaswani et al. (2017), eq. 2.
"""

from minigpt.dispatch import twin
from minigpt.layers.activations import activation
from minigpt.layers.linear import Linear
from minigpt.module import Module


class FeedForward(Module):
    """x (..., C) -> y (..., C), through F = d_ff hidden units and the activation function of that name."""

    def __init__(self, d_model: int, d_ff: int, rng, activation_name: str = "gelu_tanh", std: float = 0.02,
                 out_std: float | None = None):
        self.w_in = Linear(d_model, d_ff, rng, std)
        self.w_out = Linear(d_ff, d_model, rng, std if out_std is None else out_std)
        self._f_forward, self._f_backward = activation(activation_name)

    def forward(self, x):
        h, saved_in = self.w_in.forward(x)
        a, saved_f = twin(self._f_forward)(h)
        y, saved_out = self.w_out.forward(a)
        return y, (saved_in, saved_f, saved_out)

    def backward(self, dy, saved):
        saved_in, saved_f, saved_out = saved
        da = self.w_out.backward(dy, saved_out)
        return self.w_in.backward(twin(self._f_backward)(da, saved_f), saved_in)
