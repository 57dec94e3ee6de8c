"""GRU: one state, two gates. How far is it kept (z), and how much of it does the new proposal look at (r)?

    r = sigmoid(x W_r + h U_r + b_r)     W (I, 3C), U (C, 3C), b (3C,); their columns in the order r, z, n
    z = sigmoid(x W_z + h U_z + b_z)     h is the state before the step, (B, C)
    n = tanh(x W_n + b_n + m)            the proposal, of which m is the part that looks back:
        m = (r h) U_n                    reset before the product: Cho et al.
        m = r (h U_n + b_u)              reset after it: cuDNN and PyTorch; one product h U serves r, z and n
    h' = (1 - z) n + z h                 y is all the h'

    dz  = dh' (h - n)                    da_z = dz z (1 - z)
    dn  = dh' (1 - z)                    da_n = dn (1 - n²), the gradient of n's argument
    before:  d(rh) = da_n U_nᵀ           dr = d(rh) h           dh gets d(rh) r           dU_n = (r h)ᵀ da_n
    after:   ds = da_n r                 dr = da_n (h U_n + b_u)  dh gets ds U_nᵀ  dU_n = hᵀ ds   db_u = Σ ds
    da_r = dr r (1 - r)                  dh also gets dh' z + [da_r da_z] [U_r U_z]ᵀ; the rest as in the Elman network

Derivation: h' mixes h and n, so the product rule gives dz, dn and the direct way dh' z: with z = 1 the gradient passes
unchanged, as along an LSTM's cell. The two variants are not the same function: r scales channels of h before U_n mixes
them, or those of the result after. Only the second has a bias inside the reset, b_u, for the product is an affine map.
Sources: Cho et al. (2014), eq. 5 to 8; the second variant as in the documents of PyTorch's GRU.
"""

from minigpt import backend
from minigpt.backend import xp
from minigpt.layers.activations import sigmoid_in_place
from minigpt.layers.rnn import (
    Recurrent,
    check_sequence,
    input_gradients,
    joined,
    multiply_input,
    recurrent_gradient,
    step_product,
)
from minigpt.module import Parameter


def gru_cell_forward(x, h, w, u, b, b_u=None):
    """One step. x (B, I), h (B, C), w (I, 3C), u (C, 3C), b (3C,), b_u (C,) or None -> the next h (B, C).

    With b_u the reset comes after the product, without it before.
    """
    gates = x @ w + b
    h_next, s = _step(gates, h, [_times(part) for part in _parts(u, b_u is not None)], b_u)
    return h_next, (x, h, w, u, b_u is not None, gates, s)


def gru_cell_backward(dh_next, saved):
    """dh_next (B, C) -> dx (B, I), dh (B, C), dw (I, 3C), du (C, 3C), db (3C,), and db_u (C,) where there was one."""
    x, h, w, u, after, gates, s = saved
    da = xp.empty_like(gates)
    da_u = xp.empty_like(gates) if after else da
    dh = _step_back(dh_next, h, [_times(part.T) for part in _parts(u, after)], gates, s, da, da_u)
    C = h.shape[1]
    du = xp.concatenate([h.T @ da_u[:, :2 * C], (h if after else s).T @ da_u[:, 2 * C:]], axis=1)
    gradients = da @ w.T, dh, x.T @ da, du, da.sum(axis=0)
    return (*gradients, da_u[:, 2 * C:].sum(axis=0)) if after else gradients


def _three(a):
    """a (B, 3C) -> views of its three parts (B, C)."""
    C = a.shape[1] // 3
    return a[:, :C], a[:, C:2 * C], a[:, 2 * C:]


def _parts(u, after: bool):
    """u (C, 3C) -> the matrices that a step multiplies with: all of it at once, or [U_r U_z] first and U_n later."""
    C = u.shape[0]
    return [u] if after else [u[:, :2 * C], u[:, 2 * C:]]


def _times(matrix):
    return lambda rows: rows @ matrix


def _step(a, h, products, b_u):
    """a (B, 3C), x W + b, which becomes the gates r, z, n -> the next h (B, C), and s (B, C): r h, or h U_n + b_u.

    products: for each of _parts(u), the function that multiplies rows with it.
    """
    C = h.shape[1]
    r, z, n = _three(a)
    product = products[0](h)
    a[:, :2 * C] += product[:, :2 * C]
    sigmoid_in_place(a[:, :2 * C])
    if b_u is None:
        s = r * h
        n += products[1](s)
    else:
        s = product[:, 2 * C:] + b_u
        n += r * s
    xp.tanh(n, out=n)
    h_next = h - n  # (1 - z) n + z h = n + z (h - n)
    h_next *= z
    h_next += n
    return h_next, s


def _step_back(dh_next, h, products, gates, s, da, da_u):
    """Fills da (B, 3C), the gradient of x W + b, and da_u (B, 3C), that of the products with U; returns dh (B, C).

    Reset before, both are the same, and so is the array. Reset after, they differ in the columns of n. products: as in
    _step, with the parts transposed.
    """
    C = h.shape[1]
    (r, z, n), (da_r, da_z, da_n) = _three(gates), _three(da)
    xp.multiply(n, n, out=da_n)
    xp.subtract(1, da_n, out=da_n)
    da_n *= dh_next
    dh = dh_next * z
    da_n -= da_n * z  # dh' (1 - n²) (1 - z)
    xp.subtract(h, n, out=da_z)
    da_z *= dh_next
    if da_u is da:  # forward was m = s U_n, s = r h
        ds = products[1](da_n)
        xp.multiply(ds, h, out=da_r)
        dh += ds * r
    else:  # forward was m = r s, s = h U_n + b_u
        xp.multiply(da_n, s, out=da_r)
    slope = 1 - gates[:, :2 * C]  # of the sigmoids: s (1 - s)
    slope *= gates[:, :2 * C]
    da[:, :2 * C] *= slope
    if da_u is da:
        dh += products[0](da[:, :2 * C])
    else:
        da_u[...] = da
        da_u[:, 2 * C:] *= r
        dh += products[0](da_u)
    return dh


def gru_forward(x, h, w, u, b, b_u=None):
    """x (T, B, I), h (B, C) before the first step, weights as the cell's -> y (T, B, C), the state after each step."""
    check_sequence(x, h)
    gates, saved_input = multiply_input(x, w, b)  # (T, B, 3C): one product for all steps; each becomes its gates
    first, products = h, [step_product(part, len(h), len(gates)) for part in _parts(u, b_u is not None)]
    y, s = (xp.empty((*gates.shape[:2], h.shape[1]), dtype=gates.dtype) for _ in "ys")
    for t in range(len(gates)):
        y[t], s[t] = _step(gates[t], h, products, b_u)
        h = y[t]
    return y, (saved_input, first, u, b_u is not None, y, gates, s)


def gru_backward(dy, saved):
    """dy (T, B, C) -> dx (T, B, I), dh (B, C), dw, du, db, and db_u where there was one, as the cell's."""
    saved_input, first, u, after, y, gates, s = saved
    C, dh = first.shape[1], xp.zeros_like(first)
    products = [step_product(part.T, len(first), len(y)) for part in _parts(u, after)]
    da = xp.empty_like(gates)
    da_u = xp.empty_like(gates) if after else da
    for t in reversed(range(len(y))):
        dh += dy[t]
        da_t = da[t]
        dh = _step_back(dh, y[t - 1] if t else first, products, gates[t], s[t], da_t, da_u[t] if after else da_t)
    dx, dw, db = input_gradients(da, saved_input)
    if after:
        return dx, dh, dw, recurrent_gradient(first, y, da_u), db, da_u[:, :, 2 * C:].sum(axis=(0, 1))
    du_n = s.reshape(-1, C).T @ da[:, :, 2 * C:].reshape(-1, C)  # U_n looked at r h, which s is
    return dx, dh, dw, xp.concatenate([recurrent_gradient(first, y, da[:, :, :2 * C]), du_n], axis=1), db


class GRU(Recurrent):
    """A GRU over time; reset_after chooses the variant."""

    gates = 3

    def __init__(self, inputs: int, d_model: int, rng, reset_after: bool = True):
        super().__init__(inputs, d_model, rng)
        self.b_u = Parameter(backend.zeros(d_model)) if reset_after else None

    def forward(self, x, state=None):
        (h,) = self.first_state(x, state)
        y, saved = gru_forward(x, h, self.w.data, self.u.data, self.b.data, self.b_u.data if self.b_u else None)
        return (y, y[-1:].copy()), saved

    def backward(self, dy, dstate, saved):
        dx, dh, *gradients = gru_backward(joined(dy, dstate), saved)
        for p, gradient in zip((self.w, self.u, self.b, self.b_u), gradients):
            p.grad += gradient
        return dx, dh[None]
