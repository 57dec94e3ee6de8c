"""The table of cases: one line for every forward and backward in minigpt.

A line says how to build a small problem: odd, unequal dimensions (so that no transposition fits by chance), weights and
inputs of unit scale. From it come the gradient check of every input and parameter (`python -m minigpt gradcheck`), and
the tests that run each case in both precisions, twice, and on every backend. A layer without a line fails the tests.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from minigpt import backend
from minigpt.gradient_check import ArrayError, check_gradients
from minigpt.layers.activations import ACTIVATIONS
from minigpt.layers.attention import CrossAttention, SelfAttention, attention_backward, attention_forward
from minigpt.layers.block import PostNormBlock, PreNormBlock
from minigpt.layers.cross_entropy import IGNORED, cross_entropy_backward, cross_entropy_forward
from minigpt.layers.dropout import Dropout, dropout_backward, dropout_forward
from minigpt.layers.embedding import (
    Embedding,
    embedding_backward,
    embedding_forward,
    unembedding_backward,
    unembedding_forward,
)
from minigpt.layers.feed_forward import FeedForward
from minigpt.layers.layer_norm import LayerNorm, layer_norm_backward, layer_norm_forward
from minigpt.layers.linear import Linear, linear_backward, linear_forward
from minigpt.layers.masks import causal_mask, padding_mask
from minigpt.layers.positions import LearnedPositions, SinusoidalPositions
from minigpt.layers.softmax import softmax_backward, softmax_forward
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.module import Module


@dataclass
class Problem:
    """A case, built: the arrays to differentiate by, and the two passes over them."""

    inputs: dict  # name -> float array that forward reads
    forward: Callable  # () -> y, saved
    backward: Callable  # (dy, saved) -> the gradients of the inputs, in their order
    module: Module = field(default_factory=Module)  # owner of the parameters, if there are any
    given: Callable = dict  # () -> forward's other arguments: masks, ids, generators

    def arrays(self) -> dict:
        """Everything that has a gradient: inputs, then parameters."""
        return {**self.inputs, **{name: p.data for name, p in self.module.parameters().items()}}

    def gradients(self, dy, saved) -> dict:
        """The gradient of each of `arrays()`, from one backward over zeroed parameters."""
        self.module.zero_grad()
        input_gradients = dict(zip(self.inputs, self.backward(dy, saved)))
        return {**input_gradients, **{name: p.grad for name, p in self.module.parameters().items()}}


@dataclass(frozen=True)
class Case:
    """name: what is checked (its first word is the function's stem or the class), then a remark on the variant."""

    name: str
    build: Callable  # (host random generator) -> Problem

    @property
    def subject(self) -> str:
        return self.name.split()[0]


def _given(fixed: dict | None) -> Callable:
    """Arguments without a gradient; a function among them is called anew for each pass (a generator, say)."""
    return lambda: {name: value() if callable(value) else value for name, value in (fixed or {}).items()}


def _function(name, forward, backward, fixed=None, **shapes) -> Case:
    """A pair of pure functions; `shapes` are the inputs with a gradient, `fixed` the other arguments."""

    def build(rng):
        inputs, given = {key: backend.normal(rng, shape) for key, shape in shapes.items()}, _given(fixed)

        def gradients(dy, saved):
            result = backward(dy, saved)
            return result if isinstance(result, tuple) else (result,)

        return Problem(inputs, lambda: forward(**inputs, **given()), gradients, given=given)

    return Case(name, build)


def _module(name, make, fixed=None, **shapes) -> Case:
    """A Module made by make(rng), all its parameters then drawn anew at unit scale."""

    def build(rng):
        module = make(rng)
        for p in module.parameters().values():
            p.data[...] = backend.normal(rng, p.data.shape)
        inputs, given = {key: backend.normal(rng, shape) for key, shape in shapes.items()}, _given(fixed)

        def gradients(dy, saved):
            if isinstance(module, GPT):
                module.backward(saved, dy)
                return ()
            result = module.backward(dy, saved)
            return result if isinstance(result, tuple) else (result,)

        return Problem(inputs, lambda: module.forward(**inputs, **given()), gradients, module, given)

    return Case(name, build)


def _gpt(remark, ids, targets, valid=None, rng=None, **config) -> Case:
    shape = dict(vocab_size=11, context_length=7, d_model=6, num_heads=2, num_layers=2, d_ff=9)
    fixed = dict(ids=_array(ids), targets=_array(targets), rng=rng)
    if valid:
        fixed["valid"] = _array(valid)
    return _module(f"GPT {remark}", lambda rng: GPT(GPTConfig(**{**shape, **config})), fixed)


def _array(values):
    return lambda: backend.asarray(values)


def _rng():
    return backend.generator(5, backend.DROPOUT)


_IDS = [[3, 10, 0, 3, 7], [1, 1, 4, 9, 2]]  # ids that occur twice, the first and the last of the vocabulary
_TARGETS = [[10, 0, 3, 7, 7], [1, 4, 9, 2, IGNORED]]
_VALID = [[False, False, True, True, True], [True] * 5]
_QKV = dict(q=(2, 2, 3, 5), k=(2, 2, 4, 5), v=(2, 2, 4, 5))

CASES = [
    _function("linear", linear_forward, linear_backward, x=(2, 3, 5), w=(5, 7), b=(7,)),
    _function("linear no bias", linear_forward, lambda dy, saved: linear_backward(dy, saved)[:2], x=(4, 5), w=(5, 7)),
    _module("Linear", lambda rng: Linear(5, 7, rng), x=(2, 3, 5)),
    _module("Linear no bias", lambda rng: Linear(5, 7, rng, bias=False), x=(2, 3, 5)),
    *(_function(name, forward, backward, x=(2, 3, 5)) for name, (forward, backward) in ACTIVATIONS.items()),
    _function("softmax", softmax_forward, softmax_backward, x=(2, 3, 5)),
    _function("cross_entropy", cross_entropy_forward, cross_entropy_backward,
              dict(targets=_array([[1, 6, 0], [2, 2, 5]])), logits=(2, 3, 7)),
    _function("cross_entropy ignored", cross_entropy_forward, cross_entropy_backward,
              dict(targets=_array([[IGNORED, 6, 0], [2, IGNORED, 5]])), logits=(2, 3, 7)),
    _function("cross_entropy ignored, smoothed", cross_entropy_forward, cross_entropy_backward,
              dict(targets=_array([[1, 6, 0], [2, IGNORED, 5]]), label_smoothing=0.1), logits=(2, 3, 7)),
    _function("embedding", embedding_forward, embedding_backward, dict(ids=_array(_IDS)), w=(11, 3)),
    _function("unembedding", unembedding_forward, unembedding_backward, h=(2, 3, 5), w=(11, 5)),
    _module("Embedding", lambda rng: Embedding(11, 3, rng), dict(ids=_array(_IDS))),
    _function("layer_norm", layer_norm_forward, layer_norm_backward, x=(2, 3, 5), g=(5,), b=(5,)),
    _module("LayerNorm", lambda rng: LayerNorm(5), x=(2, 3, 5)),
    _function("dropout", dropout_forward, dropout_backward, dict(rate=0.3, rng=_rng), x=(2, 3, 5)),
    _function("dropout inference", dropout_forward, dropout_backward, dict(rate=0.3), x=(2, 3, 5)),
    _module("Dropout", lambda rng: Dropout(0.3), dict(rng=_rng), x=(2, 3, 5)),
    _module("LearnedPositions", lambda rng: LearnedPositions(7, 3, rng), dict(ids=_array([1, 2, 3, 6]))),
    _module("SinusoidalPositions", lambda rng: SinusoidalPositions(7, 4), dict(positions=_array([1, 2, 6]))),
    _function("attention", attention_forward, attention_backward, **_QKV),
    _function("attention causal", attention_forward, attention_backward, dict(mask=lambda: causal_mask(3, 4)), **_QKV),
    _function("attention banded", attention_forward, attention_backward,
              dict(mask=lambda: causal_mask(3, 4, window=2)), **_QKV),
    _function("attention banded, cached", attention_forward, attention_backward,
              dict(mask=lambda: causal_mask(2, 7, window=3)), q=(3, 1, 2, 5), k=(3, 1, 7, 5), v=(3, 1, 7, 5)),
    _function("attention causal, padding", attention_forward, attention_backward,
              dict(mask=lambda: causal_mask(4) & padding_mask(backend.asarray(_VALID)[:, 1:])),
              q=(2, 3, 4, 5), k=(2, 3, 4, 5), v=(2, 3, 4, 5)),
    _function("attention padding", attention_forward, attention_backward,  # the second row has nothing to attend to
              dict(mask=lambda: padding_mask(backend.asarray([[False, True, True, True], [False] * 4]))), **_QKV),
    _function("attention dropout", attention_forward, attention_backward,
              dict(mask=lambda: causal_mask(3, 4), dropout=0.3, rng=_rng), **_QKV),
    _module("SelfAttention", lambda rng: SelfAttention(6, 2, rng), x=(2, 3, 6)),
    _module("SelfAttention banded", lambda rng: SelfAttention(10, 2, rng),
            dict(mask=lambda: causal_mask(7, window=3)), x=(3, 7, 10)),
    _module("SelfAttention padding", lambda rng: SelfAttention(6, 3, rng),
            dict(mask=lambda: padding_mask(backend.asarray(_VALID))), x=(2, 5, 6)),
    _module("SelfAttention causal, dropout", lambda rng: SelfAttention(6, 3, rng, dropout=0.3),
            dict(mask=lambda: causal_mask(5), rng=_rng), x=(2, 5, 6)),
    _module("CrossAttention", lambda rng: CrossAttention(6, 2, rng), x=(2, 3, 6), memory=(2, 5, 6)),
    _module("CrossAttention padding", lambda rng: CrossAttention(6, 3, rng),
            dict(mask=lambda: padding_mask(backend.asarray(_VALID))), x=(2, 3, 6), memory=(2, 5, 6)),
    _module("CrossAttention padding, dropout", lambda rng: CrossAttention(6, 2, rng, dropout=0.3),
            dict(mask=lambda: padding_mask(backend.asarray([[False, True, True], [True] * 3])), rng=_rng),
            x=(2, 5, 6), memory=(2, 3, 6)),
    _module("FeedForward", lambda rng: FeedForward(5, 7, rng), x=(2, 3, 5)),
    _module("FeedForward relu", lambda rng: FeedForward(5, 7, rng, "relu"), x=(2, 3, 5)),
    *(_module(f"{block.__name__}{remark}", lambda rng, block=block, rate=rate: block(6, 2, 7, rng, rate),
              dict(mask=lambda: causal_mask(5), rng=_rng), x=(2, 5, 6))
      for block in (PreNormBlock, PostNormBlock) for remark, rate in (("", 0.0), (" dropout", 0.3))),
    *(_module(f"{block.__name__} gelu, banded", lambda rng, block=block: block(10, 2, 7, rng, activation_name="gelu"),
              dict(mask=lambda: causal_mask(5, window=3)), x=(3, 5, 10)) for block in (PreNormBlock, PostNormBlock)),
    _gpt("GPT-2", _IDS, _TARGETS),
    _gpt("GPT-1, dropout", _IDS, _TARGETS, norm="post", dropout=0.2, rng=_rng),
    _gpt("GPT-3 band, padding", _IDS, _TARGETS, _VALID, attention_window=2, dropout=0.2, rng=_rng),
    _gpt("untied, sinusoidal", _IDS, _TARGETS, tied_embedding=False, positions="sinusoidal", activation="gelu"),
]


def check_case(case: Case, seed: int = 0) -> list[ArrayError]:
    """The gradient errors of every input and parameter of a case, in float64 on the library in use."""
    with backend.using(backend.name(), "float64"):
        rng = backend.generator(seed)
        problem = case.build(rng)
        dy = backend.normal(rng, problem.forward()[0].shape)
        return check_gradients(problem.forward, lambda dy, saved: problem.gradients(dy, saved), problem.arrays(), dy)
