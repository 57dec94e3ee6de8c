"""The table of cases: one line for every forward and backward in minigpt.

A line says how to build a small problem: odd, unequal dimensions (so that no transposition fits by chance), weights and
inputs of unit scale. From it come the gradient check of every input and parameter (`python -m minigpt gradcheck`), and
the tests that run each case in both precisions, twice, and on every backend. A layer without a line fails the tests.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from minigpt import backend
from minigpt.backend import xp
from minigpt.dispatch import twin
from minigpt.gradient_check import ArrayError, check_gradients
from minigpt.layers.activations import ACTIVATIONS
from minigpt.layers.attention import CrossAttention, SelfAttention, attention_backward, attention_forward
from minigpt.layers.block import PostNormBlock, PreNormBlock
from minigpt.layers.cross_entropy import IGNORED, cross_entropy_backward, cross_entropy_forward
from minigpt.layers.dropout import Dropout, dropout_backward, dropout_forward
from minigpt.layers.embedded_linear import embedded_linear_backward, embedded_linear_forward
from minigpt.layers.embedding import (
    Embedding,
    embedding_backward,
    embedding_forward,
    unembedding_backward,
    unembedding_forward,
)
from minigpt.layers.feed_forward import FeedForward
from minigpt.layers.gru import GRU, gru_backward, gru_cell_backward, gru_cell_forward, gru_forward
from minigpt.layers.layer_norm import LayerNorm, layer_norm_backward, layer_norm_forward
from minigpt.layers.linear import Linear, linear_backward, linear_forward
from minigpt.layers.lstm import LSTM, lstm_backward, lstm_cell_backward, lstm_cell_forward, lstm_forward
from minigpt.layers.masked_mean import masked_mean_backward, masked_mean_forward
from minigpt.layers.masks import causal_mask, padding_mask
from minigpt.layers.positions import LearnedPositions, SinusoidalPositions
from minigpt.layers.rnn import RNN, rnn_backward, rnn_cell_backward, rnn_cell_forward, rnn_forward
from minigpt.layers.softmax import softmax_backward, softmax_forward
from minigpt.models.classifier import ClassifierConfig, TextClassifier
from minigpt.models.fasttext import FastText, FastTextConfig
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.models.neural_ngram import (
    EmbeddingAttentionDense,
    EmbeddingDense,
    NeuralNgram,
    NeuralNgramConfig,
)
from minigpt.models.rnn_lm import RNNLM, RNNConfig
from minigpt.models.word2vec import (
    Word2Vec,
    Word2VecConfig,
    negative_sampling_backward,
    negative_sampling_forward,
    window_mean_backward,
    window_mean_forward,
    windows_backward,
    windows_forward,
)
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
            result = twin(backward)(*_apart(dy, saved))
            return result if isinstance(result, tuple) else (result,)

        return Problem(inputs, lambda: _side_by_side(*twin(forward)(**inputs, **given())), gradients, given=given)

    return Case(name, build)


def _module(name, make, fixed=None, **shapes) -> Case:
    """A Module made by make(rng), all its parameters then drawn anew at unit scale."""

    def build(rng):
        module = make(rng)
        for p in module.parameters().values():
            p.data[...] = backend.normal(rng, p.data.shape)
        inputs, given = {key: backend.normal(rng, shape) for key, shape in shapes.items()}, _given(fixed)

        def gradients(dy, saved):
            if hasattr(module, "config"):  # a model: backward(saved, dloss), and nothing comes back
                module.backward(_apart(dy, saved)[-1], dy)
                return ()
            result = module.backward(*_apart(dy, saved))
            return result if isinstance(result, tuple) else (result,)

        return Problem(inputs, lambda: _side_by_side(*module.forward(**inputs, **given())), gradients, module, given)

    return Case(name, build)


def _side_by_side(y, saved):
    """Several results (a layer's outputs and its last state) as one vector; one result as it is."""
    if not isinstance(y, tuple):
        return y, (None, saved)
    return xp.concatenate([part.reshape(-1) for part in y]), ([part.shape for part in y], saved)


def _apart(dy, saved):
    """The upstream gradient of each result, then what forward saved: the arguments of backward."""
    shapes, saved = saved
    if shapes is None:
        return dy, saved
    parts, start = [], 0
    for shape in shapes:
        size = math.prod(shape)
        parts.append(dy[start:start + size].reshape(shape))
        start += size
    return *parts, saved


def _rnn_lm(remark, **config) -> Case:
    shape = dict(vocab_size=11, context_length=5, d_model=3, num_layers=2)
    given = {name: config.pop(name) for name in ("rng", "state") if name in config}
    ids, targets = (_IDS + _IDS[::-1], _TARGETS * 2) if config.pop("four_rows", False) else (_IDS, _TARGETS)
    return _module(f"RNNLM {remark}", lambda rng: RNNLM(RNNConfig(**{**shape, **config})),
                   dict(ids=_array(ids), targets=_array(targets), **given))


def _classifier(remark, **config) -> Case:
    shape = dict(vocab_size=11, num_classes=3, context_length=7, d_model=6, num_heads=2)
    given = {name: config.pop(name) for name in ("valid", "rng") if name in config}
    return _module(f"TextClassifier {remark}", lambda rng: TextClassifier(ClassifierConfig(**{**shape, **config})),
                   dict(ids=_array(_IDS), targets=_array([2, 0]), **given))


def _gpt(remark, ids, targets, valid=None, rng=None, **config) -> Case:
    shape = dict(vocab_size=11, context_length=7, d_model=6, num_heads=2, num_layers=2, d_ff=9)
    fixed = dict(ids=_array(ids), targets=_array(targets), rng=rng)
    if valid:
        fixed["valid"] = _array(valid)
    return _module(f"GPT {remark}", lambda rng: GPT(GPTConfig(**{**shape, **config})), fixed)


def _next_token(model, remark="", **config) -> Case:
    shape = dict(vocab_size=11, context_length=7, window=3, d_model=6, d_ff=9, num_heads=2)
    return _module(f"NextToken {model.__name__}{remark}", lambda rng: model(NeuralNgramConfig(**{**shape, **config})),
                   dict(ids=_array(_IDS), targets=_array(_TARGETS)))


def _word_vectors(kind, full) -> Case:
    """Seven centres with windows of two on each side, over words of which one has no window at all."""
    fixed = dict(ids=_array(_STREAM), valid=_array(_WINDOWS), negatives=None if full else _array(_NEGATIVES))
    shape = dict(d_model=5, window=2, kind=kind, negatives=0 if full else 3, min_count=1)
    loss = "softmax" if full else "negatives"
    counts = {word: 20 - place for place, word in enumerate("abcdefghijk")}
    return _module(f"Word2Vec {kind}, {loss}", lambda rng: Word2Vec(Word2VecConfig(**shape), counts), fixed)


def _fasttext(kind) -> Case:
    fixed = dict(ids=_array(_STREAM), valid=_array(_WINDOWS), negatives=_array(_NEGATIVES))
    shape = dict(d_model=5, window=2, kind=kind, negatives=3, min_count=1, buckets=13)
    counts = {word: 20 - place for place, word in enumerate(_WORDS)}
    return _module(f"FastText {kind}", lambda rng: FastText(FastTextConfig(**shape), counts), fixed)


def _array(values):
    return lambda: backend.asarray(values)


def _rng():
    return backend.generator(5, backend.DROPOUT)


_IDS = [[3, 10, 0, 3, 7], [1, 1, 4, 9, 2]]  # ids that occur twice, the first and the last of the vocabulary
_TARGETS = [[10, 0, 3, 7, 7], [1, 4, 9, 2, IGNORED]]
_VALID = [[False, False, True, True, True], [True] * 5]
_RNN = dict(w=(5, 3), u=(3, 3), b=(3,))
_LSTM = dict(w=(5, 12), u=(3, 12), b=(12,))
_GRU = dict(w=(5, 9), u=(3, 9), b=(9,))
_STEP, _STEPS = dict(x=(2, 5), h=(2, 3)), dict(x=(4, 2, 5), h=(2, 3))
# Word vectors: 7 centres in the middle of 11 words; the windows of a word that stands alone, and of the text's ends.
_STREAM = [3, 10, 0, 3, 7, 1, 1, 4, 9, 2, 5]
_WINDOWS = [[False, True, False, True, True], [True, True, False, True, False], [False, True, False, True, False],
            [False] * 5, [True, True, False, False, False], [False, False, False, True, True],
            [True, True, False, True, True]]
_WORDS = ["a", "bc", "the", "then", "there", "北京", "e", "ff", "g", "hhh", "i"]
_NEGATIVES = [[5, 0, 8], [3, 3, 6], [1, 7, 2], [0, 0, 0], [10, 1, 4], [2, 6, 5], [9, 8, 2]]  # some are a centre
_COUNTED = [[[True, True, False], [True, False, True], [False] * 3, [True] * 3], [[False] * 3, [True] * 3, [True] * 3,
                                                                                  [True, False, False]]]
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
    _function("embedded_linear", embedded_linear_forward, embedded_linear_backward, dict(ids=_array(_IDS)),
              table=(11, 5), w=(5, 3), b=(3,)),
    _function("embedded_linear no bias", embedded_linear_forward, embedded_linear_backward, dict(ids=_array(_IDS)),
              table=(11, 5), w=(5, 3)),
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
    _function("rnn_cell", rnn_cell_forward, rnn_cell_backward, **_STEP, **_RNN),
    _function("rnn", rnn_forward, rnn_backward, **_STEPS, **_RNN),
    _function("rnn one step", rnn_forward, rnn_backward, x=(1, 2, 5), h=(2, 3), **_RNN),
    _function("lstm_cell", lstm_cell_forward, lstm_cell_backward, **_STEP, c=(2, 3), **_LSTM),
    _function("lstm", lstm_forward, lstm_backward, **_STEPS, c=(2, 3), **_LSTM),
    _function("lstm one step", lstm_forward, lstm_backward, x=(1, 2, 5), h=(2, 3), c=(2, 3), **_LSTM),
    _function("gru_cell before", gru_cell_forward, gru_cell_backward, **_STEP, **_GRU),
    _function("gru_cell after", gru_cell_forward, gru_cell_backward, **_STEP, **_GRU, b_u=(3,)),
    _function("gru before", gru_forward, gru_backward, **_STEPS, **_GRU),
    _function("gru after", gru_forward, gru_backward, **_STEPS, **_GRU, b_u=(3,)),
    _function("gru one step", gru_forward, gru_backward, x=(1, 2, 5), h=(2, 3), **_GRU, b_u=(3,)),
    _module("RNN", lambda rng: RNN(5, 3, rng), x=(4, 2, 5), state=(1, 2, 3)),
    _module("LSTM", lambda rng: LSTM(5, 3, rng), x=(4, 2, 5), state=(2, 2, 3)),
    _module("GRU before", lambda rng: GRU(5, 3, rng, reset_after=False), x=(4, 2, 5), state=(1, 2, 3)),
    _module("GRU after", lambda rng: GRU(5, 3, rng), x=(4, 2, 5), state=(1, 2, 3)),
    _rnn_lm("lstm", cell="lstm"),
    _rnn_lm("lstm, more tokens than words", cell="lstm", four_rows=True),
    _rnn_lm("rnn, untied", cell="rnn", tied_embedding=False),
    _rnn_lm("gru, dropout", cell="gru", dropout=0.3, rng=_rng),
    _rnn_lm("gru_before, carried state", cell="gru_before",
            state=lambda: backend.normal(backend.generator(5), (2, 1, 2, 3), 0.5)),
    _function("masked_mean", masked_mean_forward, masked_mean_backward,  # the last row has nothing to average
              dict(mask=_array([*_VALID, [False] * 5])), x=(3, 5, 4)),
    _classifier("two blocks", num_layers=2),
    _classifier("padding, dropout", valid=_array(_VALID), dropout=0.3, rng=_rng),
    _classifier("bag of words", valid=_array(_VALID), num_layers=0),
    _gpt("GPT-2", _IDS, _TARGETS),
    _gpt("GPT-1, dropout", _IDS, _TARGETS, norm="post", dropout=0.2, rng=_rng),
    _gpt("GPT-3 band, padding", _IDS, _TARGETS, _VALID, attention_window=2, dropout=0.2, rng=_rng),
    _gpt("untied, sinusoidal", _IDS, _TARGETS, tied_embedding=False, positions="sinusoidal", activation="gelu"),
    _function("windows", windows_forward, windows_backward, dict(size=3), x=(7, 2)),
    _function("window_mean", window_mean_forward, window_mean_backward,
              dict(valid=_array([[True, True, False], [True, False, False], [False] * 3])), x=(3, 3, 5)),
    _function("negative_sampling", negative_sampling_forward, negative_sampling_backward,
              dict(counted=_array(_COUNTED)), h=(2, 4, 5), y=(2, 3, 5)),
    _next_token(NeuralNgram),
    _next_token(NeuralNgram, " direct", direct=True, window=2),
    _next_token(EmbeddingDense),
    _next_token(EmbeddingAttentionDense),
    _next_token(EmbeddingAttentionDense, " no mask", causal=False, num_heads=3),
    *(_word_vectors(kind, full) for kind in ("skip-gram", "cbow") for full in (False, True)),
    _fasttext("skip-gram"), _fasttext("cbow"),
]


def check_case(case: Case, seed: int = 0) -> list[ArrayError]:
    """The gradient errors of every input and parameter of a case, in float64 on the library in use."""
    with backend.using(backend.name(), "float64"):
        rng = backend.generator(seed)
        problem = case.build(rng)
        dy = backend.normal(rng, problem.forward()[0].shape)
        return check_gradients(problem.forward, lambda dy, saved: problem.gradients(dy, saved), problem.arrays(), dy)
