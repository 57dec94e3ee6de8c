"""The ladder: every language model of this course on the same text, in the same measure, after the same time.

    bits per character = -1 / (characters · ln 2)  Σ_t ln p(w_t | the tokens before it)

What makes the figures comparable:

text      The last tenth is held out. Nothing has seen it: the tokenizer too is made from the rest alone.
tokens    The same for all, so that only the models differ. They are byte pairs: a character or a word of the held-out
          text may be missing from the vocabulary, a byte never is. Bits per character would stay comparable with other
          tokens, but those are a step of their own.
measure   Every token of the held-out text but the first, each once, by what came before it. Counts look at n - 1
          tokens, a recurrent network reads from front to end, and what sees a window reads windows that overlap by
          half, so that no token has less than half a window to go by.
time      By the clock, for the steps of training alone. How many steps fit is measured beforehand, because the learning
          rate has to know the last one; given their number, a run is the same every time. Counting takes what it takes.

Sources: Shannon (1951), the measure; Brown et al. (1992), models compared by it, on one text.
"""

import difflib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from minigpt import backend
from minigpt.corpora import Source
from minigpt.data import split
from minigpt.errors import InputError
from minigpt.evaluate import mean_loss
from minigpt.generate import generate
from minigpt.models.gpt import GPT, LARGEST, GPTConfig
from minigpt.models.neural_ngram import EmbeddingAttentionDense, NeuralNgram, NeuralNgramConfig
from minigpt.models.ngram import NGram, NGramConfig
from minigpt.models.rnn_lm import RNNLM, CarriedState, RNNConfig, carried_loss
from minigpt.pieces import read_pieces
from minigpt.sampling import Sampling
from minigpt.text.bpe import BPETokenizer
from minigpt.token_file import Counts
from minigpt.train import Diverged, training_step
from minigpt.train_config import BPE_SIZE, TrainConfig, make_optimizer

SECONDS = 60.0  # of training for each network; with all the rest, the ladder takes less than ten minutes
HELD_OUT = 0.1
T, B = 64, 8  # tokens of a window, and windows of a batch, for every network
PROMPT, SAMPLE = 8, 32  # tokens of the held-out text that a sample begins with, and how many it goes on


class Uniform:
    """Knows nothing: each of the V tokens is as probable as any other. The ground that the ladder stands on."""

    tables = ()

    def __init__(self, vocab_size: int):
        self.config = NGramConfig(vocab_size, order=1)

    def text_scores(self, ids):
        """ids (T,) -> p (T,)."""
        return np.full(len(ids), 1 / self.config.vocab_size)

    def __call__(self, ids, valid=None, cache=None, last_only=False):
        """ids (B, T) -> logits (B, 1, V), all equal: what generate.py asks for."""
        return np.zeros((len(ids), 1, self.config.vocab_size))


@dataclass(frozen=True)
class Rung:
    """One model of the ladder."""

    key: str  # what --models calls it
    name: str
    new: str  # what it has that those before have not
    make: Callable  # (V, ids of the training text) -> the model: counted, or with its first, random weights
    learning_rate: float | None = None  # None: there is nothing to train


def _counted(order: int):
    return lambda V, ids: NGram.count([ids], NGramConfig(V, order))


def _network(model, config, **shape):
    return lambda V, ids: model(config(V, T, **shape))


# The settings are the best of a few trials on pydoc, by the held-out figure. Learning rates, after 20 s on one core:
# 2e-3, 6e-3 for the neural 5-gram; 3e-3, 8e-3 for the attention; 2e-3, 4e-3 for the Elman RNN; 5e-3, 1e-2, 1.6e-2 for
# the LSTM; 4e-3, 8e-3, 1.6e-2 for the GRU; 4e-3, 8e-3 for the GPT. Dropout and shapes, with as many steps as 60 s hold:
# LSTM without dropout 1.697, with 0.2 1.622; GRU 1.825, 1.630; Elman RNN with 0.2 1.742; GPT with 0.1, of 64 channels
# and 2 layers 1.772, of 96 and 3 1.926, of 128 and 2 1.948; attention of 192 channels 1.900. No other shape was tried.
RUNGS = (
    Rung("uniform", "uniform", "nothing", lambda V, ids: Uniform(V)),
    Rung("unigram", "unigram", "how frequent each token is", _counted(1)),
    Rung("bigram", "bigram", "the token before", _counted(2)),
    Rung("kneser-ney", "Kneser-Ney 5-gram", "four tokens, where they were seen together", _counted(5)),
    Rung("neural-ngram", "neural 5-gram", "vectors: what is learned of a token holds in every context",
         _network(NeuralNgram, NeuralNgramConfig, window=4, d_model=64, d_ff=256), 6e-3),
    Rung("attention", "embedding-attention-dense", "a whole window, weighed by what is in it",
         _network(EmbeddingAttentionDense, NeuralNgramConfig, d_model=128, num_heads=4), 8e-3),
    Rung("rnn", "Elman RNN", "a state that is handed on and on",
         _network(RNNLM, RNNConfig, cell="rnn", d_model=256, num_layers=1, dropout=0.2), 4e-3),
    Rung("lstm", "LSTM", "gates, and a path through time on which gradients last",
         _network(RNNLM, RNNConfig, cell="lstm", d_model=256, num_layers=1, dropout=0.2), 1.6e-2),
    Rung("gru", "GRU", "the same with a gate less",
         _network(RNNLM, RNNConfig, cell="gru", d_model=256, num_layers=1, dropout=0.2), 8e-3),
    Rung("gpt", "GPT", "attention in layers, each adding to what is there, all places at once",
         _network(GPT, GPTConfig, d_model=64, num_heads=4, num_layers=2, dropout=0.1), 8e-3),
)


class Part(NamedTuple):
    """A stretch of text: its tokens, and how many characters they stand for."""

    ids: np.ndarray
    counts: Counts


class Text(NamedTuple):
    """What every rung gets. seen: the end of the training text, as long as held_out, to be measured beside it."""

    tokenizer: BPETokenizer
    train: Part
    seen: Part
    held_out: Part


def prepare_text(sources: Sequence[Source], vocab_size: int = BPE_SIZE) -> Text:
    """Split where `train` splits; the tokens are learned from the training text alone.

    Raises InputError, before anything is trained, for a text that is too short.
    """
    total = sum(map(len, read_pieces(sources)))
    before, after = split(read_pieces(sources), total, total - round(total * HELD_OUT))
    train, held_out = "".join(before), "".join(after)
    tokenizer = BPETokenizer.train([train], vocab_size)

    def part(text):
        ids = np.array(tokenizer.encode(text), dtype="int64")
        return Part(ids, Counts(len(ids), len(text), len(text.encode("utf-8"))))

    text = Text(tokenizer, part(train), part(train[-len(held_out):]), part(held_out))
    if len(text.train.ids) < B * T + 1 or len(text.held_out.ids) <= PROMPT:
        raise InputError(f"the text has {len(text.train.ids)} tokens to train on and {len(text.held_out.ids)} held "
                         f"out, the ladder needs {B * T + 1} and {PROMPT + 1}: give about {12 * B * T:,} characters "
                         "or more")
    return text


def find_rungs(keys: Sequence[str] | None = None) -> list[Rung]:
    """The rungs with these keys, in the ladder's order; all for None. InputError offers the nearest."""
    known = {rung.key: rung for rung in RUNGS}
    for key in known if keys is None else keys:
        if key not in known:
            near = difflib.get_close_matches(key, known)
            hint = f"did you mean {' or '.join(near)}?" if near else f"choose among {', '.join(known)}"
            raise InputError(f"the ladder has no model {key!r}: {hint}")
    return [rung for rung in RUNGS if keys is None or rung.key in keys]


def training_settings(rung: Rung, steps: int) -> TrainConfig:
    """A network's: its learning rate rises for a twentieth of the steps, then falls in half a cosine."""
    return TrainConfig(steps=steps, batch_size=B, learning_rate=rung.learning_rate, warmup=steps // 20)


def run_steps(rung: Rung, text: Text, steps: int, seconds: float = math.inf):
    """Train a new model for so many steps, or so many seconds -> the model, the steps that it made, their seconds."""
    model = rung.make(text.tokenizer.vocab_size, text.train.ids)
    config = training_settings(rung, steps)
    optimizer = make_optimizer(model, config)
    # A recurrent network's windows continue each other, with its state; those of the others lie anywhere.
    workers = CarriedState(model, text.train.ids, config) if getattr(model, "recurrent", False) else None
    begin, step = time.perf_counter(), 0
    while step < steps and (step == 0 or time.perf_counter() < begin + seconds):
        training_step(model, optimizer, text.train.ids, config, step, workers)
        backend.synchronize()
        step += 1
    return model, step, time.perf_counter() - begin


def steps_within(rung: Rung, text: Text, seconds: float) -> int:
    """How many steps take so long, by the speed of the first ones: a twentieth of the time is spent to know it."""
    run_steps(rung, text, 1)  # the very first is slow, as memory is new to it
    _, steps, took = run_steps(rung, text, LARGEST, seconds / 20)
    return max(round(seconds * steps / took), 1)


def loss_of(model, ids) -> float:
    """Nats per token over ids (N,): all but the first, each predicted once by what stands before it."""
    if hasattr(model, "text_scores"):
        return -float(np.log(model.text_scores(ids)[1:]).mean())
    if getattr(model, "recurrent", False):
        return carried_loss(model, ids)
    return mean_loss(model, ids, B, overlap=T // 2)


def climb(rung: Rung, text: Text, seconds: float):
    """Make one model and measure it -> the model, and its row of the table.

    size: how many different n-grams were counted, or how many weights were trained; train and held_out: bits a
    character. Raises Diverged when training ruins the model.
    """
    if rung.learning_rate is None:
        begin = time.perf_counter()
        model, steps = rung.make(text.tokenizer.vocab_size, text.train.ids), None
        took = time.perf_counter() - begin
        size = sum(len(keys) for keys, _ in model.tables)
    else:
        model, steps, took = run_steps(rung, text, steps_within(rung, text, seconds))
        size = model.flat.data.size
    row = {"key": rung.key, "name": rung.name, "new": rung.new, "size": size, "steps": steps, "seconds": took}
    for name, part in (("train", text.seen), ("held_out", text.held_out)):
        row[name] = part.counts.bits_per_character(loss_of(model, part.ids))
        if not math.isfinite(row[name]):
            raise Diverged(f"the loss is {row[name]} after {steps} steps, learning rate {rung.learning_rate:g}")
    prompt = text.held_out.ids[:PROMPT]
    new = [token for (token,) in generate(model, [prompt], SAMPLE, Sampling(0.8), use_cache=False)]
    row |= {"prompt": text.tokenizer.decode(prompt.tolist()), "sample": text.tokenizer.decode(new)}
    return model, row
