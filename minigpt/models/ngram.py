"""n-gram model: how probable a token is after the n - 1 tokens before it, by counting how often it came after them.

    p(w_1 ... w_T) = Π_t p(w_t | w_1 ... w_t-1)        the chain rule, exact
                   ≈ Π_t p(w_t | w_t-n+1 ... w_t-1)    only the last n - 1 tokens matter: Markov's assumption
    p(w | h) = c(h w) / c(h)                           maximum likelihood; ngram_smoothing.py has what is done better

The beginning. Before each text stand n - 1 marks. A mark is no token: nothing predicts it, it has no place among the V,
and in a context it is written as the id V. So every token of a text, also the first, ends exactly one n-gram of each
length, and the n-grams of length k are the ends of those of length k + 1: counts of all lengths fit together. An end of
a text is nothing special: whoever wants sentences to end has a token for it and puts it behind each.

The table. The n-grams of length k are a sorted array of numbers, context · V + token, where `context` is the place of
the first k - 1 tokens in the array of that length. The tokens seen after a context so stand side by side, and finding
an n-gram is one binary search for each of its tokens. The context of marks alone has the place behind the last.

Sources: Markov (1913); Shannon (1948); Jelinek & Mercer (1980); Kneser & Ney (1995); Chen & Goodman (1999).
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from minigpt import backend
from minigpt.errors import InputError
from minigpt.json_file import is_number, parse_json
from minigpt.models.gpt import LARGEST, option
from minigpt.models.ngram_smoothing import SMOOTHINGS, continuation_counts, estimated_discount, maximum_likelihood

FILE = "ngram.safetensors"


@dataclass(frozen=True)
class NGramConfig:
    """What is counted, and what is made of the counts. Raises InputError when the numbers make no sense."""

    vocab_size: int = option(256, "number of different tokens, V (set by the tokenizer)")
    order: int = option(5, "n: each token is predicted from the n - 1 before it")
    smoothing: str = option("kneser-ney", f"one of {', '.join(SMOOTHINGS)}")
    k: float = option(0.1, "add-k: what is added to every count")
    discount: float = option(0.0, "kneser-ney: what is taken from every count, up to 1; 0 estimates it for each length")
    alpha: float = option(0.4, "stupid-backoff: the factor for each token that is given up")
    ends_uniform: bool = option(True, "witten-bell, kneser-ney: below single tokens come V equal chances; no: nothing")

    def __post_init__(self):
        for name, most in (("vocab_size", LARGEST), ("order", 100)):
            if not 1 <= getattr(self, name) <= most:
                raise InputError(f"{name} {getattr(self, name)} is outside 1 to {most:,}: choose for example "
                                 f"{type(self).__dataclass_fields__[name].default}")
        if self.smoothing not in SMOOTHINGS:
            raise InputError(f"unknown smoothing {self.smoothing!r}: choose one of {', '.join(SMOOTHINGS)}")
        if not 0 < self.k < math.inf:
            raise InputError(f"k {self.k} must be above 0: choose for example 0.1, or the smoothing mle to add nothing")
        if not 0 <= self.discount <= 1:
            raise InputError(f"discount {self.discount} is outside 0 to 1: choose for example 0.75, or 0 to estimate")
        if not 0 < self.alpha <= 1:
            raise InputError(f"alpha {self.alpha} is outside 0 to 1: choose 0.4, as Brants et al. did")

    # What generate.py asks of a model: any text fits, and no layer keeps anything from token to token.
    context_length, num_layers = LARGEST, 0


class Level:
    """The different n-grams of one length, as a sorted array of context · V + token, and their counts."""

    def __init__(self, keys, counts, vocab_size: int):
        """keys (N,), counts (N,). The last context is that of marks alone, after which every text has a token."""
        context = keys // vocab_size
        types = np.bincount(context)
        self.keys, self.vocab_size, self.ends = keys, vocab_size, np.cumsum(types)
        # The place -1 stands for what was never seen; there, at the end, every count is 0.
        self.counts, self.types = np.append(counts, 0), np.append(types, 0)
        self.totals = np.append(np.bincount(context, counts), 0)

    def find(self, contexts, tokens):
        """The places of the n-grams context · V + token; -1 where there is none, and where the context is -1."""
        wanted = np.asarray(contexts, dtype="int64") * self.vocab_size + tokens  # below 0 for -1, and no key is
        places = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where(self.keys[places] == wanted, places, -1)

    def followers(self, context: int):
        """The tokens seen after a context, and the count of each."""
        end = self.ends[context] if context >= 0 else 0
        places = slice(end - self.types[context], end)
        return self.keys[places] % self.vocab_size, self.counts[places]


class NGram:
    """A model made of counts: NGram.count(texts, config), then probabilities, loss, generate (use_cache=False).

    Counting is done on the processor, and numbers are float64, whatever backend is in use.
    """

    def __init__(self, config: NGramConfig, tables):
        """tables: for each length 1 .. n the sorted keys and their counts, as `count` makes them."""
        V = config.vocab_size
        self.config, self.tables, self.start = config, tables, V
        self.below = 0.0 if config.smoothing == "stupid-backoff" else 1 / V  # what single tokens fall back to
        self.levels = [Level(keys, counts, V) for keys, counts in tables]
        self.strengths = [{"add-k": config.k, "stupid-backoff": config.alpha}.get(config.smoothing, 0)] * config.order
        if config.smoothing == "kneser-ney":
            counted = [*continuation_counts(self.levels), tables[-1][1]]
            self.levels = [Level(keys, counts, V) for (keys, _), counts in zip(tables, counted)]
            self.strengths = [config.discount or estimated_discount(counts) for counts in counted]

    @classmethod
    def count(cls, texts, config: NGramConfig) -> "NGram":
        """The model of texts, each a sequence of ids (T,) with a beginning of its own; one long text is [ids].

        Raises InputError for ids out of range, and when no text has as many tokens as the order.
        """
        texts = [checked_ids(text, config.vocab_size) for text in texts]
        longest = max(map(len, texts), default=0)
        if longest < config.order:
            raise InputError(f"the longest text has {longest} tokens, and the order is {config.order}: give more text"
                             + (f", or choose an order up to {longest}" if longest else ""))
        ids = np.concatenate(texts)  # (T,)
        beginnings = np.cumsum([0, *map(len, texts)])[:-1]
        beginnings = beginnings[beginnings < len(ids)]  # an empty text at the end begins nowhere
        tables, places, size = [], np.zeros(len(ids), dtype="int64"), 0
        for _ in range(config.order):
            contexts = shifted(places, beginnings, size)  # (T,): the n-gram that ends one token before
            keys, places, counts = np.unique(contexts * config.vocab_size + ids, return_inverse=True,
                                             return_counts=True)
            tables.append((keys, counts))
            size = len(keys)
        return cls(config, tables)

    def scores(self, context=()) -> np.ndarray:
        """What each of the V tokens has after the context, ids (S,) -> (V,): probabilities, but for stupid backoff.

        Of the context the last n - 1 ids count. Fewer are taken for all that is known; where they are the beginning of
        a text, say so with the id V, `start`, in front: `padded` does.
        """
        context = checked_ids(context, self.config.vocab_size + 1)
        marks = int((context == self.start).sum())
        if (context[:marks] != self.start).any():
            raise InputError(f"the id {self.start} marks the beginning of a text: it can't stand behind a token")
        s = self.below
        for length, level in enumerate(self.levels[:len(context) + 1]):
            place = self._place(context[len(context) - length:])
            c = np.zeros(self.config.vocab_size)
            tokens, counts = level.followers(place)
            c[tokens] = counts
            s = self._mix(length, c, level.totals[place], level.types[place], s)
        return s

    def probabilities(self, context=()) -> np.ndarray:
        """p (V,) of the next token, which adds up to 1. InputError for stupid backoff, which has none."""
        self._check_probabilities()
        return self.scores(context)

    def text_scores(self, ids) -> np.ndarray:
        """What each token of a text, ids (T,), has after all before it -> (T,); all places at once."""
        ids = checked_ids(ids, self.config.vocab_size)
        s, places, size = np.full(len(ids), self.below), np.zeros(len(ids), dtype="int64"), 0
        for length, level in enumerate(self.levels):
            contexts = shifted(places, [0][:len(ids)], size)
            places, size = level.find(contexts, ids), len(level.keys)
            s = self._mix(length, level.counts[places], level.totals[contexts], level.types[contexts], s)
        return s

    def log_probability(self, ids) -> float:
        """ln p of a text from its beginning, ids (T,): what sentences are compared by; -inf where p is 0."""
        self._check_probabilities()
        with backend.quiet():  # ln 0
            return float(np.log(self.text_scores(ids)).sum())

    def loss(self, ids) -> float:
        """Nats per token of a text, ids (T,), from its beginning: -1/T Σ ln p. InputError for an empty text."""
        if not len(ids):
            raise InputError("the text to measure is empty: give at least one token")
        return -self.log_probability(ids) / len(ids)

    def perplexity(self, ids) -> float:
        """exp(loss): as unsure as if choosing evenly among so many tokens."""
        return float(np.exp(self.loss(ids)))

    def bits_per_character(self, ids, characters: int) -> float:
        """The text's loss, spread over its characters; this compares models that cut the text differently."""
        return self.loss(ids) * len(ids) / (characters * math.log(2))

    def padded(self, ids):
        """ids with the n - 1 marks of a beginning in front: the context after a text of these tokens."""
        return np.concatenate([np.full(self.config.order - 1, self.start), np.asarray(ids, dtype="int64")])

    def __call__(self, ids, valid=None, cache=None, last_only=False):
        """ids (B, T) -> ln of scores (B, T, V), or (B, 1, V): what generate.py asks for. valid: False on padding."""
        if cache is not None:
            raise InputError("an n-gram model keeps no cache: generate with use_cache=False")
        ids = backend.to_host(backend.unmoved(ids))
        valid = np.ones(ids.shape, dtype=bool) if valid is None else backend.to_host(valid)
        logits = np.zeros((len(ids), 1 if last_only else ids.shape[1], self.config.vocab_size))
        with backend.quiet():  # ln 0
            for row, keep, out in zip(ids, valid, logits):
                text = self.padded(row[keep])
                for back in range(min(keep.sum(), len(out))):  # from the end, where rows of any length meet
                    out[-1 - back] = np.log(self.scores(text[:len(text) - back]))
        return logits

    def save(self, folder: Path) -> None:
        """Write the counts and the configuration into folder/ngram.safetensors, in one piece."""
        path = Path(folder) / FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = {f"{name}.{length}": array.astype("int64") for length, table in enumerate(self.tables, 1)
                   for name, array in zip(("keys", "counts"), table)}
        temporary = path.with_name(path.name + ".tmp")
        safetensors.numpy.save_file(tensors, temporary, metadata={"config": json.dumps(asdict(self.config))})
        temporary.replace(path)

    @classmethod
    def load(cls, folder: Path) -> "NGram":
        """What save wrote. FileNotFoundError where it isn't, InputError where it is damaged."""
        path = Path(folder) / FILE
        if not path.is_file():
            raise FileNotFoundError(f"there is no n-gram model {path}: make one with python -m minigpt ngram --out")
        try:
            with safetensors.safe_open(path, framework="numpy") as file:
                config = read_config(file.metadata()["config"])
                tables = [tuple(file.get_tensor(f"{name}.{length}") for name in ("keys", "counts"))
                          for length in range(1, config.order + 1)]
            check_tables(tables, config.vocab_size)
            return cls(config, tables)
        except (safetensors.SafetensorError, LookupError, TypeError, ValueError, MemoryError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0][:200]
            raise InputError(f"{path} is damaged ({reason}): count again") from None

    def _mix(self, length: int, c, total, types, lower):
        """One step from the context of length - 1 tokens to that of `length`."""
        smooth = SMOOTHINGS[self.config.smoothing]
        if length == 0 and not self.config.ends_uniform and smooth is not SMOOTHINGS["add-k"]:
            smooth = maximum_likelihood
        return smooth(c, total, types, lower, self.strengths[length], self.config.vocab_size)

    def _place(self, context) -> int:
        """Where a context stands among the n-grams of its length; -1 when it was never seen."""
        place = 0
        for level, token in zip(self.levels, context):
            place = len(level.keys) if token == self.start else int(level.find(place, token))
        return place

    def _check_probabilities(self) -> None:
        if self.config.smoothing == "stupid-backoff":
            raise InputError("stupid backoff gives scores that don't add up to 1, so there are no probabilities and no "
                             "perplexity: use scores, or another smoothing")


def checked_ids(ids, size: int) -> np.ndarray:
    """ids (T,) on the host. InputError unless all are integers in 0 .. size - 1."""
    ids = np.asarray(backend.to_host(ids))
    if ids.ndim != 1:
        raise InputError(f"ids have the shape {ids.shape}: give one row of them, (T,)")
    if not ids.size:
        return ids.astype("int64")
    return backend.to_host(backend.check_ids(ids, size, "token id"))


def shifted(places, beginnings, size: int):
    """For each place of a text what stands at the place before it, (T,) -> (T,); `size` where a text begins."""
    before = np.roll(places, 1).astype("int64")  # wide enough for context · V + token on every machine
    before[beginnings] = size
    return before


def read_config(text: str) -> NGramConfig:
    """The configuration from its JSON. Raises ValueError or TypeError for anything else."""
    values, known = parse_json(text), NGramConfig.__dataclass_fields__
    if set(values) != set(known):
        raise ValueError("its configuration has other fields")
    for name, value in values.items():
        kind = known[name].type
        if not (is_number(value) if kind is float else type(value) is kind):
            raise ValueError(f"its {name} is no {kind.__name__}")
    return NGramConfig(**values)


def check_tables(tables, vocab_size: int) -> None:
    """Raises ValueError unless the tables could have come from counting."""
    contexts, total = 0, tables[0][1].sum()
    for keys, counts in tables:
        if not (keys.dtype == counts.dtype == "int64" and keys.shape == counts.shape == (keys.size,) and keys.size
                and keys[0] >= 0 and (np.diff(keys) > 0).all() and keys[-1] // vocab_size == contexts
                and counts.min() >= 1 and counts.sum() == total):
            raise ValueError("its counts don't fit together")
        contexts = keys.size
