"""Parts of speech by a hidden Markov model; and the baseline that any tagger must beat: each word's most frequent tag.

"They book the room", "the book": which tag a word has depends on its neighbours. The states are the tags, the symbols
the words: p(word | tag) knows that "book" can be both, p(tag | tag) that a verb hardly follows "the", and Viterbi finds
the tags that are the most probable together.

A word that was never seen has no p(word | tag). But how probable it is that a tag comes with a new word can be counted:
each different word of a tag was new once. With n(s) words under the tag s, t(s) of them different (Witten and Bell),

    p(w | s)        = n(s, w) / (n(s) + t(s))                a word that was seen
    p(new, c | s)   = t(s, c) / (n(s) + t(s))                a new word of the form c: -ing, -ed, Capital, digits, ...

where t(s, c) counts the different words of the form c. So a new word is a noun, a verb or a name, and hardly an article
(t is large for the first, tiny for the last); and one in -ly is an adverb. Nobody wrote that down: it was counted.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from minigpt.errors import InputError
from minigpt.text.hmm import HMM, count, from_counts, viterbi

Tagged = list[tuple[str, str]]  # a sentence: (word, tag), ...

SUFFIXES = ("ing", "ed", "ly", "es", "s")
FORMS = ("number", "capital", *SUFFIXES, "other")
LITTLE = 0.01  # of a different word, so that a form not seen with a tag isn't impossible


def form(word: str) -> int:
    """Which of FORMS a word has, by its look alone."""
    if word[:1].isdigit():
        return 0
    if word[:1].isupper():
        return 1
    return next((2 + i for i, suffix in enumerate(SUFFIXES) if word.endswith(suffix)), len(FORMS) - 1)


class HMMTagger:
    """words[i] is the symbol i; after them comes one for each of FORMS, for words that are not among them."""

    def __init__(self, tags: list[str], words: list[str], hmm: HMM):
        self.tags, self.words, self.hmm = tags, words, hmm
        self.ids = {word: i for i, word in enumerate(words)}

    @classmethod
    def train(cls, sentences: Iterable[Tagged], k: float = 0.1) -> "HMMTagger":
        """Count over tagged sentences; k smooths the transitions. InputError where there are none, or one is empty."""
        sentences = list(sentences)
        pairs = Counter((word, tag) for sentence in sentences for word, tag in sentence)
        words, tags = sorted({word for word, _ in pairs}), sorted({tag for _, tag in pairs})
        tagger, states = cls(tags, words, None), {tag: i for i, tag in enumerate(tags)}
        K, W, U = len(tags), len(words), len(FORMS)
        counts = count((([states[tag] for _, tag in sentence], [tagger.ids[word] for word, _ in sentence])
                        for sentence in sentences), K, W)
        new = np.full((K, U), LITTLE)  # t(s, c)
        for word, tag in pairs:
            new[states[tag], form(word)] += 1
        both = np.concatenate([counts.emission, new], axis=1)  # (K, W+U)
        tagger.hmm = from_counts(counts, k, both / both.sum(axis=1, keepdims=True))
        return tagger

    def encode(self, words: Sequence[str]) -> list[int]:
        return [self.ids[word] if word in self.ids else len(self.words) + form(word) for word in words]

    def tag(self, words: Sequence[str]) -> list[str]:
        """The most probable tags together. No words, no tags."""
        return [self.tags[state] for state in viterbi(self.hmm, self.encode(words))[0]] if len(words) else []


class MostFrequentTagger:
    """Each word has the tag that it had most often; a new word the tag with the most different words."""

    def __init__(self, best: dict[str, str], otherwise: str):
        self.best, self.otherwise = best, otherwise

    @classmethod
    def train(cls, sentences: Iterable[Tagged]) -> "MostFrequentTagger":
        pairs = Counter((word, tag) for sentence in sentences for word, tag in sentence)
        if not pairs:
            raise InputError("there are no tagged words to count: give at least one tagged sentence")
        best = {word: tag for (word, tag), _ in sorted(pairs.items(), key=lambda item: (item[1], item[0]))}
        different = Counter(tag for _, tag in sorted(pairs))
        return cls(best, different.most_common(1)[0][0])

    def tag(self, words: Sequence[str]) -> list[str]:
        return [self.best.get(word, self.otherwise) for word in words]


@dataclass(frozen=True)
class TaggingScore:
    """right, total for three kinds of words: all; those not in the training text; those that had several tags there."""

    all: tuple[int, int]
    unknown: tuple[int, int]
    ambiguous: tuple[int, int]

    @property
    def known(self) -> tuple[int, int]:
        return self.all[0] - self.unknown[0], self.all[1] - self.unknown[1]


def accuracy(counted: tuple[int, int]) -> float:
    """right / total; NaN where there was nothing to tag."""
    return counted[0] / counted[1] if counted[1] else float("nan")


def score_tagger(tag: Callable[[list[str]], list[str]], test: Sequence[Tagged],
                 training: Iterable[Tagged]) -> TaggingScore:
    """Tag the words of `test` and count. A tag that training never had is simply never guessed, and counts as wrong.

    InputError where there is no word to tag.
    """
    seen: dict[str, set[str]] = {}
    for sentence in training:
        for word, name in sentence:
            seen.setdefault(word, set()).add(name)
    counts = np.zeros((3, 2), dtype=int)
    for sentence in test:
        for (word, right), guess in zip(sentence, tag([word for word, _ in sentence])):
            kinds = [True, word not in seen, len(seen.get(word, ())) > 1]
            counts += np.outer(kinds, [guess == right, 1])
    if not counts[0, 1]:
        raise InputError("there is no word to score: give sentences that are not empty")
    return TaggingScore(*((int(right), int(total)) for right, total in counts))
