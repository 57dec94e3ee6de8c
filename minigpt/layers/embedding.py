"""Embedding: a table with one learned vector for each token id.

    y_n  = W[id_n]                                      ids (...) integers, W (V, C), y (..., C)

    dW_v = Σ over all n with id_n = v of dy_n           rows that were not looked up get zero

Looking up row v is multiplying a one-hot row with W, y = one_hot(ids) W, so dW = one_hot(ids)ᵀ dy: the linear layer's
rule, without ever writing the ones and zeros down. Ids are integers and have no gradient.

The same table can score the next token, z = h Wᵀ ("unembedding", tied weights): dh = dz W, dW = dzᵀ h.
Sources: Bengio et al. (2003), section 2, the matrix C; tied, Press & Wolf (2017).
"""

from minigpt import backend
from minigpt.module import Module, Parameter


def embedding_forward(ids, w):
    """ids (...) integers in 0..V-1, w (V, C) -> y (..., C). Raises InputError for an id outside."""
    ids = backend.check_ids(ids, w.shape[0], "token id")
    return w[ids], (ids, w.shape)


def embedding_backward(dy, saved):
    """dy (..., C) -> dw (V, C)."""
    ids, shape = saved
    dw = backend.zeros(shape)
    # An id that occurs several times must hear from all its places, so this is a sum: dw[ids] = dy would keep one.
    backend.scatter_add(dw, ids.reshape(-1), dy.reshape(-1, shape[1]))
    return dw


def unembedding_forward(h, w):
    """h (..., C), w (V, C) -> logits z = h Wᵀ (..., V): the table read the other way, a score for each of its rows."""
    rows = h.reshape(-1, h.shape[-1])  # (N, C)
    return (rows @ w.T).reshape(*h.shape[:-1], len(w)), (h, w)


def unembedding_backward(dz, saved):
    """dz (..., V) -> dh (..., C), dw (V, C)."""
    h, w = saved
    rows, dz_rows = h.reshape(-1, h.shape[-1]), dz.reshape(-1, len(w))  # (N, C), (N, V)
    dh = (dz_rows @ w).reshape(h.shape)  # forward was z = h Wᵀ, so dh = dz W ...
    return dh, dz_rows.T @ rows  # ... and dW = dzᵀ h, in the shape of the table: its transpose would be slow to add


class Embedding(Module):
    """A table of `size` vectors with `d_model` channels."""

    def __init__(self, size: int, d_model: int, rng, std: float = 0.02):
        self.w = Parameter(backend.normal(rng, (size, d_model), std))

    def forward(self, ids):
        return embedding_forward(ids, self.w.data)

    def backward(self, dy, saved):
        """Returns None: integers have no gradient."""
        self.w.grad += embedding_backward(dy, saved)
