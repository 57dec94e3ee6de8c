"""Elman network: a state goes from step to step, so that each output depends on everything before it.

    h_t = tanh(x_t W + h_t-1 U + b)      x (T, B, I), W (I, C), U (C, C), b (C,), h_t (B, C); y is all the h_t

    from the last step to the first, with dh_t what reaches the state of step t from above and from step t + 1:
    dh_t   = dy_t + da_t+1 Uᵀ            da_T+1 = 0: nothing comes after the last step
    da_t   = dh_t (1 - h_t²)
    dh_0   = da_1 Uᵀ                     the gradient of the state the run began with
    dx, dW, db                           the linear layer's, of all steps at once, with da in the place of its dy
    dU     = Σ_t h_t-1ᵀ da_t

Derivation: write a_t for what tanh is taken of. h_t is used twice, as the output of step t and in a_t+1 = ... + h_t U,
so its gradient is a sum of two terms. U is used in every step, so its gradient is a sum over the steps: this is
backpropagation through time, and nothing but the chain rule on the network unrolled. Through k steps the gradient is
multiplied k times by Uᵀ and by 1 - h² <= 1: it shrinks or grows like a power, which is what chapter 15 measures.

Positions come first here, not texts: what one step needs then lies side by side. x W doesn't depend on the state, so
one product makes it for all steps; only h U has to wait for its turn.
Sources: Elman (1990); Werbos (1990), backpropagation through time; Pascanu et al. (2013), section 2.
"""

import math

from minigpt import backend
from minigpt.backend import xp
from minigpt.errors import InputError
from minigpt.layers.embedded_linear import embedded_linear_backward, embedded_linear_forward
from minigpt.layers.linear import linear_backward, linear_forward
from minigpt.module import Module, Parameter


def rnn_cell_forward(x, h, w, u, b):
    """One step. x (B, I), h (B, C), w (I, C), u (C, C), b (C,) -> the next h (B, C)."""
    h_next = xp.tanh(x @ w + h @ u + b)
    return h_next, (x, h, w, u, h_next)


def rnn_cell_backward(dh_next, saved):
    """dh_next (B, C) -> dx (B, I), dh (B, C), dw (I, C), du (C, C), db (C,)."""
    x, h, w, u, h_next = saved
    da = dh_next * (1 - h_next * h_next)  # forward was h' = tanh a, so da = dh' (1 - h'²)
    return da @ w.T, da @ u.T, x.T @ da, h.T @ da, da.sum(axis=0)


def rnn_forward(x, h, w, u, b):
    """x (T, B, I), h (B, C) before the first step, w (I, C), u (C, C), b (C,) -> y (T, B, C), the state after each."""
    check_sequence(x, h)
    y, saved_input = multiply_input(x, w, b)  # x W + b of all steps; each becomes the state in place
    first, times_u = h, step_product(u, len(h), len(y))
    for y_t in y:
        y_t += times_u(h)
        h = xp.tanh(y_t, out=y_t)
    return y, (saved_input, first, u, y)


def rnn_backward(dy, saved):
    """dy (T, B, C) -> dx (T, B, I), dh (B, C), dw (I, C), du (C, C), db (C,)."""
    saved_input, first, u, y = saved
    times_u_transposed = step_product(u.T, len(first), len(y))
    da, dh = xp.empty_like(y), xp.zeros_like(first)  # dh: what the step after t asks of its state
    for t in reversed(range(len(y))):
        slope = y[t] * y[t]
        xp.subtract(1, slope, out=slope)
        dh += dy[t]
        xp.multiply(dh, slope, out=da[t])
        dh = times_u_transposed(da[t])  # forward was a_t = ... + h_t-1 U, so h_t-1 hears da_t Uᵀ
    dx, dw, db = input_gradients(da, saved_input)
    return dx, dh, dw, recurrent_gradient(first, y, da), db


def multiply_input(x, w, b):
    """x W + b of all steps (T, B, G), in one product. x is (T, B, I), or a pair: ids (T, B), and the table (V, I)."""
    if isinstance(x, tuple):
        return embedded_linear_forward(*x, w, b)
    return linear_forward(x, w, b)


def input_gradients(da, saved):
    """da (T, B, G) -> dx (T, B, I), or the gradient of the table (V, I); dw, db."""
    backward = embedded_linear_backward if len(saved) == 2 else linear_backward  # whichever forward saved it
    return backward(da, saved)


def recurrent_gradient(first, y, da):
    """first (B, C), the state before step 0, y (T, B, C), after each, da (T, B, G) -> dU = Σ_t h_t-1ᵀ da_t (C, G)."""
    C, G = first.shape[1], da.shape[2]
    return first.T @ da[0] + y[:-1].reshape(-1, C).T @ da[1:].reshape(-1, G)  # one product for all steps but the first


def step_product(u, rows: int, steps: int):
    """A function h -> h U for h (B, C) with so many rows, prepared once and called in so many steps; U is (C, G).

    Before a product BLAS copies the right factor into an order of its own. That pays for many rows, but not for the few
    of a batch, in every step anew. OpenBLAS makes products of under 100³ multiplications without the copy. So here U is
    cut into strips of columns, narrow enough for that: one and a half to twice as fast, if there are more than a few
    steps, as cutting is a copy too. Each call overwrites the result of the one before.
    """
    C, G = u.shape
    width = next((n for n in (64, 32, 16) if G % n == 0 and rows * C * n < 100**3), G)
    if backend.name() != "numpy" or width == G or steps < 4:
        return lambda h: h @ u
    strips = xp.ascontiguousarray(u.reshape(C, -1, width).transpose(1, 0, 2))  # (G / width, C, width)
    y = xp.empty((rows, G), dtype=u.dtype)
    y_strips = y.reshape(rows, -1, width).transpose(1, 0, 2)  # (G / width, B, width), a view

    def product(h):
        xp.matmul(h, strips, out=y_strips)
        return y

    return product


def check_sequence(x, *states) -> None:
    """Raises InputError for no steps at all, and for a state that belongs to other texts than x."""
    x, axes = (x[0], 2) if isinstance(x, tuple) else (x, 3)
    if x.ndim != axes or 0 in x.shape:
        raise InputError(f"the sequence has the shape {x.shape}: give (T, B, channels), with at least one step")
    for state in states:
        if state.shape[0] != x.shape[1]:
            raise InputError(f"the state is of {state.shape[0]} texts and the batch has {x.shape[1]}: start with a new "
                             "state, or give the rows that the state belongs to")


class Recurrent(Module):
    """What the recurrent layers share: W (I, G), U (C, G), b (G,), G = C numbers for each of `gates`; and the state.

    (y, state'), saved = layer.forward(x, state)     x (T, B, I), y (T, B, C), state (S, B, C) or None for zeros
    dx, dstate = layer.backward(dy, dstate', saved)  dstate' may be None: nobody asked anything of the last state
    S is 1; an LSTM's is 2, for h and c. x may also be a pair, ids (T, B) and the table (V, I) that they are looked up
    in, which is less work where V < T B (embedded_linear.py); dx is then the table's gradient.
    """

    gates, num_states = 1, 1

    def __init__(self, inputs: int, d_model: int, rng):
        # With this standard deviation the eigenvalues of a square U fill the unit circle: none is far beyond it.
        w = backend.normal(rng, (inputs, self.gates * d_model), 1 / math.sqrt(inputs))
        self.w = Parameter(xp.asfortranarray(w))  # by columns, as in every linear layer
        self.u = Parameter(backend.normal(rng, (d_model, self.gates * d_model), 1 / math.sqrt(d_model)))
        self.b = Parameter(backend.zeros(self.gates * d_model))

    def first_state(self, x, state=None):
        """state, or where there is none zeros (S, B, C): nothing has been read yet."""
        if state is not None:
            return state
        B = (x[0] if isinstance(x, tuple) else x).shape[1]
        return backend.zeros((self.num_states, B, self.u.data.shape[0]))


class RNN(Recurrent):
    """An Elman network over time."""

    def forward(self, x, state=None):
        (h,) = self.first_state(x, state)
        y, saved = rnn_forward(x, h, self.w.data, self.u.data, self.b.data)
        return (y, y[-1:].copy()), saved

    def backward(self, dy, dstate, saved):
        dx, dh, dw, du, db = rnn_backward(joined(dy, dstate), saved)
        self.w.grad += dw
        self.u.grad += du
        self.b.grad += db
        return dx, dh[None]


def joined(dy, dstate):
    """The last state was the last output: what is asked of both (T, B, C)."""
    if dstate is None:
        return dy
    dy = dy.copy()
    dy[-1] += dstate[0]
    return dy
