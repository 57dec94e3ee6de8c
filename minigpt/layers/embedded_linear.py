"""Embedding and linear layer in one: a looked-up row times a matrix is a looked-up row of the product.

    A   = W_e W + b               W_e (V, I), W (I, O), b (O,), A (V, O)
    y_n = A[id_n]                 ids (...) integers, y (..., O); the same as W_e[id_n] W + b

    dA_v = Σ over all n with id_n = v of dy_n           the embedding's rule, for the table A
    dW_e = dA Wᵀ,   dW = W_eᵀ dA,   db = 1ᵀ dA          the linear layer's rule, for its input W_e

Derivation: the rows of W_e[ids] W are products of single rows of W_e, and equal ids have equal products. So V rows are
multiplied instead of one for each token, forward and backward: of a batch of 2,048 characters, 65 different ones, a
thirtieth. In return, rows of O numbers are looked up and added up instead of rows of I. With more words in the
vocabulary than tokens in the batch it would be more work.
"""

from minigpt.layers.embedding import embedding_backward, embedding_forward
from minigpt.layers.linear import linear_backward, linear_forward


def embedded_linear_forward(ids, table, w, b=None):
    """ids (...) integers in 0..V-1, table (V, I), w (I, O), b (O,) or None -> y (..., O).

    Raises InputError for an id outside.
    """
    a, saved_linear = linear_forward(table, w, b)  # (V, O)
    y, saved_lookup = embedding_forward(ids, a)
    return y, (saved_linear, saved_lookup)


def embedded_linear_backward(dy, saved):
    """dy (..., O) -> dtable (V, I), dw (I, O), db (O,), or None where there was no b."""
    saved_linear, saved_lookup = saved
    return linear_backward(embedding_backward(dy, saved_lookup), saved_linear)
