"""LSTM: a recurrent network with a memory that is added to, not multiplied, and gates that say what goes in and out.

    a_t = x_t W + h_t-1 U + b            W (I, 4C), U (C, 4C), b (4C,); the columns of a_t are those of i, f, o and g
    i, f, o = sigmoid,  g = tanh         input, forget and output gate, candidate: (B, C) each
    c_t = f c_t-1 + i g                  the memory cell: f is how much of the old stays, i how much of the new comes in
    h_t = o tanh(c_t)                    what is shown of it; y is all the h_t

    from the last step to the first, dh_t and dc_t being what reaches h_t and c_t:
    dh_t = dy_t + da_t+1 Uᵀ
    dc_t = dc_t+1 f_t+1 + dh_t o (1 - tanh²(c_t))
    da_o = dh tanh(c_t) o (1 - o)        da_i = dc g i (1 - i)
    da_g = dc i (1 - g²)                 da_f = dc c_t-1 f (1 - f)
    dx, dW, dU, db                       as in the Elman network, with da (T, B, 4C)

Derivation: c_t is used twice, in h_t and in c_t+1 = f c_t + ..., which gives dc its two terms; each gate's gradient is
the product rule times the slope of its sigmoid or tanh. The term dc_t+1 f_t+1 is the reason for it all: from c to c
the gradient is multiplied by the gate f alone, by no matrix and no tanh'. With f = 1 it passes any number of steps
unchanged (the "constant error carousel"). So the forget bias starts at 1, which makes f about 0.73 in a new network.
Sources: Hochreiter & Schmidhuber (1997); the forget gate, Gers et al. (2000); its bias, Jozefowicz et al. (2015).
"""

from minigpt.backend import xp
from minigpt.layers.rnn import (
    Recurrent,
    check_sequence,
    input_gradients,
    multiply_input,
    recurrent_gradient,
    step_product,
)


def lstm_cell_forward(x, h, c, w, u, b):
    """One step. x (B, I), h and c (B, C), w (I, 4C), u (C, 4C), b (4C,) -> the next h and c (B, C)."""
    gates = _squash(x @ w + h @ u + b, *_halves(b))  # (B, 4C)
    i, f, o, g = _four(gates)
    c_next = f * c + i * g
    t = xp.tanh(c_next)
    return (o * t, c_next), (x, h, c, w, u, gates, t)


def lstm_cell_backward(dh_next, dc_next, saved):
    """dh_next, dc_next (B, C) -> dx (B, I), dh, dc (B, C), dw (I, 4C), du (C, 4C), db (4C,)."""
    x, h, c, w, u, gates, t = saved
    i, f, o, g = _four(gates)
    dc = dc_next + dh_next * o * (1 - t * t)  # forward was h' = o tanh(c'), and c' also leaves the cell as it is
    da = xp.concatenate([dc * g * i * (1 - i), dc * c * f * (1 - f), dh_next * t * o * (1 - o), dc * i * (1 - g * g)],
                        axis=1)
    return da @ w.T, da @ u.T, dc * f, x.T @ da, h.T @ da, da.sum(axis=0)


def _halves(b):
    """Two rows (4C,): 1/2 for the three gates and 1 for g, and what is missing from them to 1."""
    half = xp.full_like(b, 0.5)
    half[3 * b.size // 4:] = 1
    return half, 1 - half


def _squash(a, half, rest):
    """a (B, 4C) -> the gates, in its place: as sigmoid a = 1/2 + 1/2 tanh(a/2), one tanh makes all four."""
    a *= half
    xp.tanh(a, out=a)
    a *= half
    a += rest
    return a


def _four(a):
    """a (B, 4C) -> views of its four parts (B, C)."""
    C = a.shape[1] // 4
    return a[:, :C], a[:, C:2 * C], a[:, 2 * C:3 * C], a[:, 3 * C:]


def lstm_forward(x, h, c, w, u, b):
    """x (T, B, I), h and c (B, C) before the first step, w, u, b -> all the h, y (T, B, C), and the last c (B, C)."""
    check_sequence(x, h, c)
    gates, saved_input = multiply_input(x, w, b)  # (T, B, 4C): one product for all steps; each becomes its gates
    T, B, C = *gates.shape[:2], h.shape[1]
    y, t = (xp.empty((T, B, C), dtype=gates.dtype) for _ in "yt")
    cells = xp.empty((T + 1, B, C), dtype=gates.dtype)  # c before each step, and after the last
    cells[0], first, times_u, halves = c, h, step_product(u, len(h), T), _halves(b)
    for step in range(T):
        gates[step] += times_u(h)
        i, f, o, g = _four(_squash(gates[step], *halves))
        c = xp.multiply(f, c, out=cells[step + 1])
        c += i * g
        h = xp.multiply(o, xp.tanh(c, out=t[step]), out=y[step])
    return (y, c.copy()), (saved_input, first, u, y, gates, cells, t)


def lstm_backward(dy, dc, saved):
    """dy (T, B, C), dc (B, C) of the last c, or None -> dx (T, B, I), dh, dc (B, C) of the first; dw, du, db."""
    saved_input, first, u, y, gates, cells, t = saved
    C, times_u_transposed = first.shape[1], step_product(u.T, len(first), len(y))
    da, dh, dc = xp.empty_like(gates), xp.zeros_like(first), xp.zeros_like(first) if dc is None else dc.copy()
    for step in reversed(range(len(y))):
        i, f, o, g = _four(gates[step])
        dh += dy[step]
        from_h = y[step] * t[step]
        xp.subtract(o, from_h, out=from_h)  # o (1 - t²) = o - y t
        from_h *= dh
        dc += from_h
        da_i, da_f, da_o, da_g = _four(da[step])
        xp.multiply(dc, g, out=da_i)
        xp.multiply(dc, cells[step], out=da_f)
        xp.multiply(dh, t[step], out=da_o)
        xp.multiply(dc, i, out=da_g)
        slope = gates[step] * gates[step]
        xp.subtract(gates[step, :, :3 * C], slope[:, :3 * C], out=slope[:, :3 * C])  # of a sigmoid: s (1 - s) = s - s²
        xp.subtract(1, slope[:, 3 * C:], out=slope[:, 3 * C:])  # of tanh: 1 - g²
        da[step] *= slope
        dc *= f  # what c_t-1 hears of c_t = f c_t-1 + i g: no matrix, no tanh'
        dh = times_u_transposed(da[step])
    dx, dw, db = input_gradients(da, saved_input)
    return dx, dh, dc, dw, recurrent_gradient(first, y, da), db


class LSTM(Recurrent):
    """An LSTM over time. Its state is h and c, (2, B, C)."""

    gates, num_states = 4, 2

    def __init__(self, inputs: int, d_model: int, rng):
        super().__init__(inputs, d_model, rng)
        self.b.data[d_model:2 * d_model] = 1  # a new network should remember

    def forward(self, x, state=None):
        h, c = self.first_state(x, state)
        (y, c), saved = lstm_forward(x, h, c, self.w.data, self.u.data, self.b.data)
        return (y, xp.stack([y[-1], c])), saved

    def backward(self, dy, dstate, saved):
        dc = None
        if dstate is not None:
            dy, dc = dy.copy(), dstate[1]
            dy[-1] += dstate[0]
        dx, dh, dc, dw, du, db = lstm_backward(dy, dc, saved)
        self.w.grad += dw
        self.u.grad += du
        self.b.grad += db
        return dx, xp.stack([dh, dc])
