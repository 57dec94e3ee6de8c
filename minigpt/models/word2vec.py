"""word2vec: vectors for words, learned by guessing a word from its neighbours.

A window is a word, the centre c, and up to `window` words on each side. x_i is the input vector of the word at place i,
y_v the output vector of word v. Skip-gram guesses the centre from each neighbour by itself, h = x_i; CBOW from all at
once, h = the mean of x_i. Each guess is scored by one of two losses:

    full softmax         p = softmax(Y h)        loss = -ln p_c                     work: V inner products a guess
    negative sampling    s_v = h·y_v             loss = -ln σ(s_c) - Σ_k ln σ(-s_k)       K + 1, for K random words k

With t_v = [v = c], the gradient of both is the same but for whom it concerns:

    ds_v = p_v - t_v, for all V                  ds_v = σ(s_v) - t_v, for the centre and the K words
    dh   = Σ_v ds_v y_v                          dy_v = ds_v h

Derivation: d(-ln σ(s))/ds = -(1 - σ(s)) = σ(s) - 1, and d(-ln σ(-s))/ds = σ(s). The rest are rules of a product.
The K words of a window are drawn once and serve all of its guesses, so that the scores of a window are one small
product of matrices, (neighbours, C) by (C, K + 1). A drawn word that is the centre itself is not counted.

The vectors are trained by plain gradient descent on the sum over a batch of windows: rows that don't occur in the batch
are not touched, which is why this is fast; at 10,000 words a dense gradient would be a hundred times the work.
Sources: Mikolov et al. (2013a) for both models; (2013b), sections 2.2 and 2.3, for negatives, the 3/4 and subsampling,
written there from the centre outwards: the pairs are the same. Shared negatives: Ji et al. (2016).
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from minigpt import backend
from minigpt.backend import xp
from minigpt.dispatch import twin
from minigpt.errors import InputError
from minigpt.layers.cross_entropy import IGNORED, cross_entropy_backward, cross_entropy_forward
from minigpt.layers.embedding import unembedding_backward, unembedding_forward
from minigpt.models.gpt import option
from minigpt.models.word_vectors import WordVectors
from minigpt.module import Module, Parameter


@dataclass(frozen=True)
class Word2VecConfig:
    """The shape of the model and of its windows. Raises InputError for numbers without a meaning."""

    d_model: int = option(100, "length of a vector, C")
    window: int = option(5, "most words on each side of the centre; each window draws its own reach from 1 to this")
    kind: str = option("skip-gram", "skip-gram: guess from each neighbour; cbow: from their mean")
    negatives: int = option(5, "random words a window is compared with, K; 0: the full softmax")
    min_count: int = option(5, "rarer words are left out of the vocabulary")
    subsample: float = option(1e-3, "words more frequent than this share of the text are often skipped; 0: none is")

    def __post_init__(self):
        for name, least in (("d_model", 1), ("window", 1), ("negatives", 0), ("min_count", 1), ("subsample", 0)):
            if not getattr(self, name) >= least:
                raise InputError(f"{name} {getattr(self, name)} is too small: choose at least {least}")
        if self.kind not in ("skip-gram", "cbow"):
            raise InputError(f"unknown kind {self.kind!r}: choose skip-gram or cbow")


def windows_forward(x, size: int):
    """x (N + S - 1, C) -> (N, S, C): at each place the S vectors from there on."""
    N = len(x) - size + 1
    return x[xp.arange(N)[:, None] + xp.arange(size)], (x.shape, size)


def windows_backward(dy, saved):
    """dy (N, S, C) -> dx (N + S - 1, C): a vector hears from each of the windows that it stands in."""
    shape, size = saved
    dx = backend.zeros(shape)
    for place in range(size):
        dx[place:place + len(dy)] += dy[:, place]
    return dx


def window_mean_forward(x, valid):
    """x (N, S, C), valid (N, S) booleans -> the mean of the valid vectors (N, 1, C); 0 where there are none."""
    share = valid / xp.maximum(valid.sum(axis=1, keepdims=True), 1)  # (N, S)
    share = share.astype(x.dtype)[:, None, :]  # (N, 1, S)
    return share @ x, (share,)


def window_mean_backward(dy, saved):
    """dy (N, 1, C) -> dx (N, S, C)."""
    (share,) = saved
    return share.swapaxes(1, 2) @ dy  # forward was y = share x


def negative_sampling_forward(h, y, counted):
    """h (N, S, C), y (N, 1 + K, C): the centre's vector, then the negatives' -> mean loss a guess, a 0-d array.

    counted (N, S, 1 + K): False where a window has no neighbour at a place, or where a negative doesn't count.
    """
    s = h @ y.swapaxes(1, 2)  # (N, S, 1 + K)
    s[..., 0] *= -1  # -ln σ(s) is softplus(-s), and -ln σ(-s) is softplus(s)
    e = xp.exp(-xp.abs(s))  # at most 1: softplus(s) = max(s, 0) + ln(1 + e^-|s|) can't overflow
    M = xp.maximum(counted[..., 0].sum(), 1)
    loss = ((xp.maximum(s, 0) + xp.log(1 + e)) * counted).sum()
    ds = xp.where(s < 0, e, 1) / (1 + e) * counted  # σ(s), the slope of softplus
    ds[..., 0] *= -1
    return loss / M.astype(h.dtype), (h, y, ds, M)


def negative_sampling_backward(dy, saved):
    """dy, a number or 0-d array -> dh (N, S, C), dy of the output vectors (N, 1 + K, C)."""
    h, y, ds, M = saved
    ds = ds * xp.asarray(dy / M).astype(h.dtype)
    return ds @ y, ds.swapaxes(1, 2) @ h  # forward was s = h yᵀ


class NegativeSampler:
    """Draws words with probability count^(3/4), so that rare words are heard of more often than they occur.

    Walker's alias method: cut V columns of equal width; column v holds word v up to `share[v]`, and above that one
    other word, `alias[v]`, which had too much for its own. A draw is a column and a height: two look-ups whatever V
    is, where a search in the cumulative distribution takes log V steps through memory, five times as long at V = 5,000.
    """

    def __init__(self, counts, power: float = 0.75):
        weights = np.asarray(counts, dtype=float) ** power
        self.p = weights / weights.sum()
        height = self.p * len(weights)  # 1 on average
        self.share, self.alias = np.ones(len(weights)), np.arange(len(weights))
        low, high = list(np.flatnonzero(height < 1)), list(np.flatnonzero(height >= 1))
        while low and high:
            small, large = low.pop(), high[-1]
            self.share[small], self.alias[small] = height[small], large
            height[large] -= 1 - height[small]  # what fills up the column of `small`
            if height[large] < 1:
                low.append(high.pop())

    def draw(self, rng: np.random.Generator, shape) -> np.ndarray:
        column = rng.integers(0, len(self.share), shape)
        return np.where(rng.random(shape) < self.share[column], column, self.alias[column])


def keep_probability(counts, subsample: float) -> np.ndarray:
    """The probability with which each word of a text is kept, √(t/f) + t/f at most 1; f its share, t `subsample`.

    This is what the authors' program does; their paper has √(t/f) alone (2013b, eq. 5).
    """
    ratio = subsample / (np.asarray(counts) / np.sum(counts))
    return np.minimum(np.sqrt(ratio) + ratio, 1) if subsample else np.ones(len(counts))


class Word2Vec(Module):
    """One table of input vectors and one of output vectors over the words that occur `min_count` times.

    counts: how often each word occurs in the text to train on. Raises InputError where no word is left.
    """

    def __init__(self, config: Word2VecConfig, counts: dict[str, int], seed: int = 0):
        self.config = config
        self.words = sorted((w for w in counts if counts[w] >= config.min_count), key=lambda w: (-counts[w], w))
        if not self.words:
            raise InputError(f"no word to learn: the text has {len(counts)} different words and none of them "
                             f"{config.min_count} times; give more text or a smaller min_count")
        self.counts = np.array([counts[w] for w in self.words])
        self.ids = {word: place for place, word in enumerate(self.words)}
        rng = backend.generator(seed, backend.INITIAL_WEIGHTS)
        # As in the authors' program: inputs small, outputs 0. A first guess is then 1/2 for every word.
        self.inputs = Parameter((rng.random((self._input_rows(), config.d_model)) - 0.5) / config.d_model)
        self.outputs = Parameter(backend.zeros((len(self.words), config.d_model)))
        self.pack()

    def _input_rows(self) -> int:
        return len(self.words)

    def forward(self, ids, valid, negatives=None):
        """ids (N + 2w,): N centres with w words on each side; valid (N, 2w + 1): who is a neighbour -> loss, saved.

        negatives (N, K): ids to compare with; None: all words, by the full softmax. The loss is the mean over all
        guesses: pairs of a centre and a neighbour, or windows where the model is cbow.
        """
        w = self.config.window
        ids = backend.check_ids(ids, len(self.words), "word id")
        valid, centres = backend.asarray(valid), ids[w:len(ids) - w]  # (N, 2w + 1), (N,)
        x, saved_look_up = self._look_up(ids)  # (N + 2w, C): once for each word, not once for each pair
        h, saved_windows = windows_forward(x, 2 * w + 1)  # (N, 2w + 1, C)
        saved_mean = None
        if self.config.kind == "cbow":
            h, saved_mean = window_mean_forward(h, valid)  # (N, 1, C)
            valid = valid.any(axis=1, keepdims=True)  # (N, 1)
        if negatives is None:
            z, saved_scores = unembedding_forward(h, self.outputs.data)  # (N, S, V)
            loss, saved_loss = twin(cross_entropy_forward)(z, xp.where(valid, centres[:, None], IGNORED))
            return loss, (saved_look_up, saved_windows, saved_mean, saved_loss, saved_scores, None)
        negatives = backend.check_ids(negatives, len(self.words), "word id")
        rows = xp.concatenate([centres[:, None], negatives], axis=1)  # (N, 1 + K)
        kept = rows != centres[:, None]
        kept[:, 0] = True
        loss, saved_loss = negative_sampling_forward(h, self.outputs.data[rows], valid[:, :, None] & kept[:, None, :])
        return loss, (saved_look_up, saved_windows, saved_mean, saved_loss, None, rows)

    def row_gradients(self, saved, dloss=1.0):
        """(ids, gradients) of the input rows, then of the output rows; ids None: a gradient of the whole table."""
        saved_look_up, saved_windows, saved_mean, saved_loss, saved_scores, rows = saved
        if rows is None:
            dh, d_out = unembedding_backward(twin(cross_entropy_backward)(dloss, saved_loss), saved_scores)
        else:
            dh, d_out = negative_sampling_backward(dloss, saved_loss)
            rows, d_out = rows.reshape(-1), d_out.reshape(-1, d_out.shape[-1])
        if saved_mean:
            dh = window_mean_backward(dh, saved_mean)
        return *self._look_up_rows(windows_backward(dh, saved_windows), saved_look_up), rows, d_out

    def backward(self, saved, dloss=1.0):
        """Adds dloss times the gradient of the loss into both tables' grad."""
        self._add(self.inputs.grad, self.outputs.grad, self.row_gradients(saved, dloss))

    def step(self, ids, valid, negatives, rate: float) -> tuple[float, int]:
        """Gradient descent on the sum over a batch's guesses, on the rows that occur in it -> mean loss, guesses."""
        guesses = int(valid.any(axis=1).sum() if self.config.kind == "cbow" else valid.sum())
        loss, saved = self.forward(ids, valid, negatives)
        self._add(self.inputs.data, self.outputs.data, self.row_gradients(saved, -rate * guesses))
        return float(loss), guesses

    def _add(self, inputs, outputs, gradients) -> None:
        ids, d_in, rows, d_out = gradients
        backend.scatter_add(inputs, ids, d_in)
        if rows is None:
            outputs += d_out
        else:
            backend.scatter_add(outputs, rows, d_out)

    def _look_up(self, ids):
        """ids (T,) -> their input vectors (T, C), and saved."""
        return self.inputs.data[ids], ids

    def _look_up_rows(self, dx, saved):
        """dx (T, C) -> ids and gradients of rows of the input table."""
        return saved, dx

    def vectors(self) -> WordVectors:
        """The input vectors, which are what is used afterwards."""
        return WordVectors(self.words, backend.to_host(self.inputs.data))


def count_words(sentences: Iterable[Sequence[str]]) -> Counter:
    """How often each word occurs. Raises InputError for a text without words."""
    counts = Counter()
    for sentence in sentences:
        if isinstance(sentence, str):  # a str is a sequence of characters: vectors of letters would be learned
            raise InputError(f"a sentence is the string {sentence[:30]!r}: give it as a list of words")
        counts.update(sentence)
    if not counts:
        raise InputError("the corpus is empty: give at least one sentence of two words")
    return counts


def batches(model: Word2Vec, ids, sentence, rng, size: int) -> Iterator[tuple]:
    """One pass over a text -> ids (N + 2w,), valid (N, 2w + 1) of each batch, and how far in the text it ends.

    ids, sentence (n,): word ids, and the number of the sentence that each stands in: no window reaches into another.
    """
    w = model.config.window
    kept = np.flatnonzero(rng.random(len(ids)) < keep_probability(model.counts, model.config.subsample)[ids])
    padded = np.pad(ids[kept], w)
    around = np.pad(sentence[kept], w, constant_values=-1)  # beyond both ends: a sentence that no word is in
    offsets = np.abs(np.arange(-w, w + 1))
    for start in range(0, len(kept), size):
        end = min(start + size, len(kept))
        places = np.arange(start, end)[:, None] + np.arange(2 * w + 1)  # (N, 2w + 1)
        reach = rng.integers(1, w + 1, (end - start, 1))  # near neighbours are thus seen more often than far ones
        valid = (around[places] == around[start + w:end + w, None]) & (offsets <= reach) & (offsets > 0)
        yield padded[start:end + 2 * w], valid, kept[end - 1] + 1


def train_vectors(model: Word2Vec, sentences: Sequence[Sequence[str]], epochs: int = 5, learning_rate: float = 0.025,
                  seed: int = 0, batch_size: int = 256, report=lambda record: None) -> None:
    """Gradient descent over all sentences, the learning rate falling in a line to 0.

    Words outside the vocabulary are left out before windows are made. report(record) after each epoch: epoch, loss (the
    mean over its guesses), words. Raises InputError for a text in which no window has two words of the vocabulary, and
    for a training that diverges.
    """
    known = [[model.ids[word] for word in sentence if word in model.ids] for sentence in sentences]
    known = [sentence for sentence in known if len(sentence) > 1]
    if not known:
        raise InputError("no sentence has two words of the vocabulary, so that none has a neighbour: give longer "
                         "sentences, or a smaller min_count")
    ids = np.concatenate(known)
    sentence = np.repeat(np.arange(len(known)), [len(words) for words in known])
    sampler, K = NegativeSampler(model.counts), model.config.negatives
    # A batch's gradients are added up: a word that occurs in it n times takes n steps at once, without looking where
    # the first has led, and with many it overshoots. So the most frequent word may occur about eight times.
    left = model.counts * keep_probability(model.counts, model.config.subsample)
    batch_size = max(min(batch_size, int(8 * left.sum() / left.max())), 1)
    for epoch in range(epochs):
        rng, total, count = backend.generator(seed, backend.BATCHES, epoch), 0.0, 0
        for batch, valid, done in batches(model, ids, sentence, rng, batch_size):
            negatives = sampler.draw(rng, (len(valid), K)) if K else None
            rate = learning_rate * max(1 - (epoch + done / len(ids)) / epochs, 1e-4)
            loss, guesses = model.step(batch, valid, negatives, rate)
            total, count = total + loss * guesses, count + guesses
        if not math.isfinite(total):
            raise InputError(f"the loss is {total} in epoch {epoch + 1}: choose a learning rate below "
                             f"{learning_rate:g}")
        report({"epoch": epoch + 1, "loss": total / max(count, 1), "words": len(ids)})
