"""fastText: the vector of a word is the mean of the vectors of its pieces, so that an unseen word has one too.

    pieces of "where", n = 3 to 6, between < and >:  <wh whe her ere re>  <whe wher here ere>  ...  <where where>
    row of a piece    V + FNV-1a(its UTF-8) mod buckets        pieces that fall into one bucket share a vector
    x_word            mean of the word's own row, if it is in the vocabulary, and of the rows of its pieces

    drow = dx / (number of rows), for each of them

Everything else is word2vec. What "walked" and "talked" have in common, -ed and -alk, is learned once, so words with
endings profit most. In Chinese, where most words are two characters that each mean something, take n = 1 to 2.

FNV-1a, 32 bits: start at 2166136261; for each byte b: h = (h xor b) · 16777619 mod 2³². fastText takes b as a *signed*
byte: from 128 on, as in any Chinese character, the xor flips the upper 24 bits as well. Whoever leaves that out reads
fastText's files and finds other rows. Source: Bojanowski et al. (2017), section 3.2; hash: Fowler, Noll & Vo.
"""

from dataclasses import dataclass

import numpy as np

from minigpt import backend
from minigpt.backend import xp
from minigpt.errors import InputError
from minigpt.models.gpt import option
from minigpt.models.word2vec import Word2Vec, Word2VecConfig
from minigpt.models.word_vectors import WordVectors


@dataclass(frozen=True)
class FastTextConfig(Word2VecConfig):
    """word2vec's, and how words are cut. Raises InputError for numbers without a meaning."""

    shortest: int = option(3, "characters of the shortest pieces, < and > counted")
    longest: int = option(6, "characters of the longest pieces; 0: words have no pieces, which is word2vec")
    buckets: int = option(2_000_000, "rows for all pieces together; a small text needs far fewer")

    def __post_init__(self):
        super().__post_init__()
        if self.shortest < 1 or self.buckets < 1:
            raise InputError(f"shortest {self.shortest} and buckets {self.buckets} must both be 1 or more")
        if self.longest and self.longest < self.shortest:
            raise InputError(f"longest {self.longest} is less than shortest {self.shortest}: choose at least as much, "
                             "or 0 for no pieces")


def fnv1a(data: bytes) -> int:
    """The 32-bit hash of fastText, which reads bytes as signed numbers."""
    h = 2166136261
    for byte in data:
        h = ((h ^ (byte | 0xFFFFFF00 if byte >= 128 else byte)) * 16777619) & 0xFFFFFFFF
    return h


def pieces(word: str, shortest: int, longest: int) -> list[str]:
    """The character n-grams of <word>, from left to right; not < and > by themselves, which are in every word."""
    marked = f"<{word}>"
    return [marked[start:end] for start in range(len(marked))
            for end in range(start + shortest, min(start + longest, len(marked)) + 1)
            if marked[start:end] not in ("<", ">")]


class FastText(Word2Vec):
    """The input table has a row for each word and then `buckets` rows for pieces; the output table is word2vec's."""

    def __init__(self, config: FastTextConfig, counts: dict[str, int], seed: int = 0):
        super().__init__(config, counts, seed)
        rows = [self.rows_of(word) for word in self.words]
        self._count = np.array([len(r) for r in rows])  # (V,), rows of each word
        self._first = np.cumsum(self._count) - self._count  # (V,), where they begin in _rows
        self._rows = np.concatenate(rows)

    def _input_rows(self) -> int:
        return len(self.words) + self.config.buckets

    def rows_of(self, word: str) -> list[int]:
        """The rows of the input table that a word's vector is the mean of."""
        c = self.config
        found = [len(self.words) + fnv1a(piece.encode("utf-8")) % c.buckets
                 for piece in pieces(word, c.shortest, c.longest)]
        return ([self.ids[word]] if word in self.ids else []) + found

    def vector(self, word: str) -> np.ndarray:
        """The vector (C,) of any word, seen or not. Raises InputError where it has no pieces either."""
        rows = self.rows_of(word)
        if not rows:
            raise InputError(f"{word[:40]!r} is not in the vocabulary and too short for pieces of "
                             f"{self.config.shortest}: train with a smaller `shortest`")
        return backend.to_host(self.inputs.data[xp.asarray(rows)].mean(axis=0))

    def _look_up(self, ids):
        host = backend.to_host(ids)
        count = self._count[host]  # (T,)
        owner = np.repeat(np.arange(len(host)), count)  # (R,), the place that each row belongs to
        within = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
        rows = backend.asarray(self._rows[self._first[host][owner] + within])  # (R,)
        share = backend.asarray(1 / count)[:, None]  # (T, 1)
        owner = backend.asarray(owner)
        x = backend.zeros((len(host), self.config.d_model))
        backend.scatter_add(x, owner, self.inputs.data[rows])
        return x * share, (rows, owner, share)

    def _look_up_rows(self, dx, saved):
        rows, owner, share = saved
        return rows, (dx * share)[owner]

    def vectors(self) -> WordVectors:
        """The vectors of the vocabulary, each put together from its rows."""
        return WordVectors(self.words, np.stack([self.vector(word) for word in self.words]))
