"""How much each part of a training step calculates, and how many bytes it must at least move: a roofline's two axes.

Both follow from shapes alone. FLOPs: an addition, a multiplication, a division, a comparison, an exp, a tanh or a root
is one each (a processor takes many for the last three). An inner product of length n is n multiplications and n
additions, so A B with A (n, i) and B (i, o) takes 2 n i o. What there is once a row instead of once an element, such as
a norm's root, is left out. Numbers moved: what comes in is read once, what goes out is written once, weights are read,
and their gradients are read and written, as backward adds to them. That is the least any program could do; what one
stores on the way and reads again (the scores of attention, NumPy's temporary arrays) isn't in it, and shows as time.

N = B T rows. Under each forward stands its backward, which has dy for an input and dx for an output. It knows what
forward knew: whether that was saved or is worked out again isn't in the count.

                       FLOPs                           numbers moved            why
    Linear             2NIO + NO                       NI + IO + O + NO         x W, + b
                       4NIO + NO + IO + O              NO + 2NI + 3IO + 2O      dy Wᵀ and xᵀ dy; Σ dy; dW, db added
    attention          4NTC + 7NHT                     4NC                      q kᵀ and p v, T numbers a channel each;
                                                                                / √D, mask, max, -, exp, Σ, /; q k v, y
                       8NTC + 5NHT                     7NC                      two products for each one; dp p, Σ, -,
                                                                                p, / √D; q k v dy, dq dk dv
    activation         a NF                            2NF                      a: see ACTIVATION_FLOPS
                       b NF                            3NF                      h (or its slope) and dy in, dh out
    LayerNorm          7NC                             2NC + 2C                 Σ, -, square, Σ, r, g, b
                       11NC + 2C                       3NC + 5C                 dx: g, Σ, x̂, Σ, x̂, -, -, r; dg: 2; db: 1
    Dropout            2NC                             2NC, NC bytes of mask    x m / (1 - rate); the same backward
      of attention     2NHT, 4NHT                      NHT bytes of mask        p in forward; p and dp in backward
    residuals          2NC                             6NC                      two sums of two arrays; same backward
    Embedding          0                               2NC, 8N bytes of ids     a row of the table for each id
                       NC                              3NC, 8N bytes of ids     dy is added to rows of the gradient
    cross-entropy      5NV                             NV, 8N bytes of targets  max, -, exp, Σ, /
                       NV                              2NV, 8N bytes            (p - q) times 1/M
    zero_grad          0                               P                        P parameters
    clip               2P, or 3P where it shortens     P, or 3P                 the norm's inner product; the factor
    optimizer          2P, momentum 4P, Adam 13P       3P, 5P, 7P               θ, g and state in, θ and state out;
                                                                                AdamW's decay: 1 more for each matrix

The products, and only they, are what `training_flops_per_token` counts (models/gpt_size.py). Attention that moves no
more than this exists: Dao et al. (2022) never store the scores.
"""

import math
from dataclasses import dataclass
from functools import singledispatch

from minigpt import backend
from minigpt.layers.attention import SelfAttention
from minigpt.layers.block import PostNormBlock, PreNormBlock
from minigpt.layers.dropout import Dropout
from minigpt.layers.embedding import Embedding
from minigpt.layers.feed_forward import FeedForward
from minigpt.layers.layer_norm import LayerNorm
from minigpt.layers.linear import Linear
from minigpt.layers.positions import SinusoidalPositions

# a and b above, from layers/activations.py; what forward worked out (s, t, the slope of a GELU) backward knows.
ACTIVATION_FLOPS = {"relu": (1, 2), "sigmoid": (4, 3), "tanh": (1, 3), "silu": (5, 5), "gelu": (11, 1),
                    "gelu_tanh": (18, 1)}  # fmt: skip
OPTIMIZER_FLOPS = (2, 4, 13)  # by the number of state vectors: SGD, momentum, Adam
ID, MASK = 8, 1  # bytes of an id or a target, and of one element of a dropout mask


@dataclass(frozen=True)
class Work:
    """What one call, or many, calculates and at least moves."""

    products: int = 0  # FLOPs in products of matrices
    others: int = 0  # all other FLOPs
    bytes: int = 0

    @property
    def flops(self) -> int:
        return self.products + self.others

    def __add__(self, other: "Work") -> "Work":
        return Work(self.products + other.products, self.others + other.others, self.bytes + other.bytes)


def _work(products: int, others: int, numbers: int, others_bytes: int = 0) -> Work:
    return Work(products, others, numbers * backend.dtype().itemsize + others_bytes)


@singledispatch
def module_work(module, forward: bool, shape, config) -> Work:
    """One call of a module's forward, or else backward, without its submodules; nothing for a kind not in the table.

    shape: of forward's y and backward's dy, which is the same. config: the model's, as no layer keeps the name of its
    activation.
    """
    return Work()


@module_work.register
def _(module: Linear, forward, shape, config):
    return linear_work(forward, _rows(shape), *module.w.data.shape, module.b is not None)


def linear_work(forward: bool, N: int, I: int, O: int, bias: bool, adds: bool = True) -> Work:  # noqa: E741
    """N rows through (I, O). adds: whether backward's dW is added to a gradient, or only written."""
    bias_gradient = O if bias else 0
    if forward:
        return _work(2 * N * I * O, N * bias_gradient, N * I + I * O + bias_gradient + N * O)
    return _work(4 * N * I * O, N * bias_gradient + (I * O + bias_gradient if adds else 0),
                 N * O + 2 * N * I + (3 if adds else 2) * I * O + 2 * bias_gradient)


@module_work.register
def _(module: SelfAttention, forward, shape, config):
    B, T, C = shape
    N, scores = B * T, B * T * T * module.num_heads
    drops = scores if module.dropout else 0
    if forward:
        return _work(4 * N * T * C, 7 * scores + 2 * drops, 4 * N * C, drops * MASK)
    return _work(8 * N * T * C, 5 * scores + 4 * drops, 7 * N * C, drops * MASK)


@module_work.register
def _(module: FeedForward, forward, shape, config):
    hidden, flops = _rows(shape) * module.w_in.w.data.shape[1], ACTIVATION_FLOPS.get(config.activation, (0, 0))
    return _work(0, flops[0] * hidden, 2 * hidden) if forward else _work(0, flops[1] * hidden, 3 * hidden)


@module_work.register
def _(module: LayerNorm, forward, shape, config):
    NC, C = math.prod(shape), shape[-1]
    return _work(0, 7 * NC, 2 * NC + 2 * C) if forward else _work(0, 11 * NC + 2 * C, 3 * NC + 5 * C)


@module_work.register
def _(module: Dropout, forward, shape, config):
    NC = math.prod(shape) if module.rate else 0
    return _work(0, 2 * NC, 2 * NC, NC * MASK)


@module_work.register(PreNormBlock)
@module_work.register(PostNormBlock)
def _(module, forward, shape, config):
    return _work(0, 2 * math.prod(shape), 6 * math.prod(shape))


@module_work.register
def _(module: Embedding, forward, shape, config):
    NC, ids = math.prod(shape), _rows(shape) * ID
    return _work(0, 0, 2 * NC, ids) if forward else _work(0, NC, 3 * NC, ids)


@module_work.register
def _(module: SinusoidalPositions, forward, shape, config):
    return _work(0, 0, 2 * math.prod(shape), _rows(shape) * ID) if forward else Work()


def cross_entropy_work(forward: bool, shape) -> Work:
    """shape: (..., V), of the logits and of their gradient."""
    NV, targets = math.prod(shape), _rows(shape) * ID
    return _work(0, 5 * NV, NV, targets) if forward else _work(0, NV, 2 * NV, targets)


def zero_work(model) -> Work:
    """Setting all gradients to zero."""
    return _work(0, 0, model.flat.data.size)


def clip_work(model, shortened: bool) -> Work:
    """Measuring the gradient, and multiplying it where it was too long."""
    P = model.flat.data.size
    return _work(0, 3 * P, 3 * P) if shortened else _work(0, 2 * P, P)


def optimizer_work(model, optimizer) -> Work:
    """One step over all parameters."""
    P, vectors = model.flat.data.size, len(optimizer.state)
    decayed = sum(p.data.size for p in model.parameters().values() if p.data.ndim >= 2) if optimizer.weight_decay else 0
    return _work(0, OPTIMIZER_FLOPS[vectors] * P + decayed, (3 + 2 * vectors) * P)


def _rows(shape) -> int:
    return math.prod(shape[:-1])
