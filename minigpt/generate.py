"""Generating text: ask for the next token, choose one, append it, ask again.

The key/value cache. Under a causal mask, appending a token changes nothing at the positions before it. Their keys and
values can therefore be kept, and only the new token goes through the model: n tokens cost n small forwards instead of
n whole ones. Positions are part of the input, though: when a text outgrows the context and its beginning is dropped,
every remaining token moves to another position and everything must be computed anew. So that this happens rarely, the
window doesn't slide token by token but drops half a context at a time.

A recurrent network keeps its state instead: of one size, and no text outgrows it.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from minigpt import backend
from minigpt.backend import to_host, xp
from minigpt.errors import InputError
from minigpt.sampling import Sampling, choose
from minigpt.text.streaming import StreamDecoder


class LayerCache:
    """Keys and values of one layer: arrays (B, H, context_length, D), filled from the front."""

    def __init__(self, context_length: int):
        self.context_length, self.length = context_length, 0
        self.k = self.v = None

    def append(self, k, v):
        """k, v (B, H, T, D) of the next T positions -> those of all positions so far, (B, H, S, D) views."""
        if self.k is None:
            B, H, _, D = k.shape
            self.k, self.v = (backend.zeros((B, H, self.context_length, D)) for _ in "kv")
        end = self.length + k.shape[2]
        self.k[:, :, self.length:end] = k
        self.v[:, :, self.length:end] = v
        self.length = end
        return self.k[:, :, :end], self.v[:, :, :end]


class Cache:
    """One LayerCache for each layer of a model."""

    def __init__(self, config):
        self.layers = [LayerCache(config.context_length) for _ in range(config.num_layers)]

    @property
    def length(self) -> int:
        """How many positions are in it."""
        return self.layers[0].length

    def reorder(self, rows) -> None:
        """Row r becomes a copy of row rows[r], as a beam search needs it."""
        for layer in self.layers:
            layer.k, layer.v = layer.k[rows], layer.v[rows]


class StateCache:
    """The state of a recurrent model (models/rnn_lm.py) after what it has read."""

    def __init__(self):
        self.state, self.length = None, 0

    def keep(self, state, tokens: int) -> None:
        """The state (L, S, B, C) after so many more tokens."""
        self.state, self.length = state, self.length + tokens

    def reorder(self, rows) -> None:
        """As Cache's."""
        self.state = self.state[:, :, rows]


def window_start(length: int, context_length: int) -> int:
    """Where the window over a text of `length` tokens begins: at 0, or at a multiple of half a context."""
    half = max(context_length // 2, 1)
    return max(0, -(-(length - context_length) // half) * half)  # rounded up


class Continuation:
    """Texts that a model is writing on: the ids of each row, and the cache of what the model has computed for them.

    Rows may differ in length. They are padded on the left, the padding is masked, and each row counts its own
    positions, so that a row's logits do not depend on its neighbours.
    Raises InputError for an empty row or an id out of range.
    """

    def __init__(self, model, prompts: Sequence[Sequence[int]], use_cache: bool = True):
        if not prompts or not all(len(prompt) for prompt in prompts):
            raise InputError("the prompt is empty: give at least one token to go on from")
        for prompt in prompts:
            backend.check_ids(np.asarray(prompt), model.config.vocab_size, "token id")
        self.model, self.use_cache = model, use_cache
        self.rows = [[int(token) for token in prompt] for prompt in prompts]
        self.cache, self.starts, self.valid, self.logits = None, None, None, None

    def next_logits(self) -> np.ndarray:
        """The logits (B, V) of each row's next token, on the host."""
        if self.logits is None:
            self.logits = self._compute_logits()
        return self.logits

    def _compute_logits(self) -> np.ndarray:
        recurrent = getattr(self.model, "recurrent", False)
        starts = [0 if recurrent else window_start(len(row), self.model.config.context_length) for row in self.rows]
        if self.cache is None or starts != self.starts:  # new, or a window has moved
            windows = [row[start:] for row, start in zip(self.rows, starts)]
            width = max(len(window) for window in windows)
            ids = np.array([[0] * (width - len(window)) + window for window in windows])
            self.valid = np.array([[False] * (width - len(window)) + [True] * len(window) for window in windows])
            cache = StateCache() if recurrent else Cache(self.model.config)
            self.starts, self.cache = starts, cache if self.use_cache else None
        else:
            ids = np.array([row[-1:] for row in self.rows])
            self.valid = np.concatenate([self.valid, np.ones((len(self.rows), 1), dtype=bool)], axis=1)
        valid = None if self.valid.all() else self.valid
        with backend.quiet():  # whoever chooses a token checks the logits, and says more than NumPy's warning
            return to_host(self.model(ids, valid, self.cache, last_only=True))[:, 0]

    def append(self, tokens: Sequence[int]) -> None:
        """One more token for each row."""
        backend.check_ids(np.asarray(tokens), self.model.config.vocab_size, "token id")
        self.next_logits()  # every token goes through the model before the next one: the cache has all but the last
        for row, token in zip(self.rows, tokens, strict=True):
            row.append(int(token))
        self.logits = None

    def reorder(self, rows: Sequence[int]) -> None:
        """Row r continues row rows[r] from now on."""
        self.rows = [list(self.rows[r]) for r in rows]
        self.logits = None if self.logits is None else self.logits[list(rows)]
        if self.cache is not None:
            self.cache.reorder(xp.asarray(rows))
            self.valid, self.starts = self.valid[list(rows)], [self.starts[r] for r in rows]


def generate(model, prompts: Sequence[Sequence[int]], max_tokens: int, sampling: Sampling | None = None, seed: int = 0,
             stop_token: int | None = None, use_cache: bool = True) -> Iterator[list[int | None]]:
    """Yields the next id of every row, up to max_tokens times; None for rows that have ended with stop_token.

    Row r draws from its own generator, made of (seed, r).
    """
    sampling = sampling or Sampling()
    texts = Continuation(model, prompts, use_cache)
    rngs = [backend.generator(seed, backend.SAMPLING, row) for row in range(len(prompts))]
    ended = [False] * len(prompts)
    for _ in range(max_tokens):
        tokens = [choose(logits, sampling, row, rng)
                  for logits, row, rng in zip(texts.next_logits(), texts.rows, rngs)]
        yield [None if over else token for token, over in zip(tokens, ended)]
        ended = [over or token == stop_token for token, over in zip(tokens, ended)]
        if all(ended):
            return
        texts.append(tokens)


def generate_text(model, tokenizer, prompt: str, max_tokens: int, sampling: Sampling | None = None, seed: int = 0,
                  stop: Sequence[str] = (), use_cache: bool = True) -> Iterator[str]:
    """Yields the text after the prompt in pieces, as it becomes certain; ends before the first of the stop strings.

    Raises InputError for an empty prompt, an empty stop string, or characters the tokenizer doesn't know.
    """
    if not prompt:
        raise InputError("the prompt is empty: give at least one character to go on from")
    if not all(stop):
        raise InputError("a stop string is empty: every text would end at once; leave it out or give some characters")
    decoder, waiting = StreamDecoder(tokenizer), ""
    for (token,) in generate(model, [tokenizer.encode(prompt)], max_tokens, sampling, seed, use_cache=use_cache):
        waiting += decoder.push(token)
        found = [place for place in (waiting.find(word) for word in stop) if place >= 0]
        if found:
            yield waiting[: min(found)]
            return
        # The end of what we have may be the beginning of a stop string: it waits until that is decided.
        keep = max((n for word in stop for n in range(1, len(word)) if waiting.endswith(word[:n])), default=0)
        if len(waiting) > keep:
            yield waiting[: len(waiting) - keep]
            waiting = waiting[len(waiting) - keep:]
    if rest := waiting + decoder.finish():
        yield rest
