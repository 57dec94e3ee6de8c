"""Spelling corrector: the word that was meant, behind a noisy channel that sometimes changes letters.

    w* = argmax_w  p(x | w) p(w | the words around it)        x is what was written
    p(x | w) = (1 - ε) ε^d / E(w)^d                           d edits lead from w to x, each one of the E(w) possible
    E(w) = n + (n - 1) + (a - 1) n + a (n + 1)                deletions, swaps, replacements, insertions; a letters

By Bayes' rule, p(w | x) is proportional to p(x | w) p(w): the channel says how such a mistake arises, the n-gram model
what one would write here. A writer who types every word right has ε = 0, and nothing to correct; with ε > 0 also a word
that exists may be replaced, where another one fits much better. That is the balance of the two factors.

The distance d is the least number of edits: a letter left out, put in, replaced by another, or two neighbours swapped
(Damerau 1964), where what was swapped isn't edited again. Only words up to two edits away are looked at. To find them
without comparing all: two words within two edits become the same string when each loses up to two of its letters, as
every edit is undone by leaving out one letter on one side or on both. So all words are kept under what they become.

What p(x | w) leaves out: that neighbours on the keyboard are confused more often, and that some mistakes can be made
in two ways (the l left out of "hello"). A word that isn't known is taken for a mistake if a known one is near enough.

Sources: Damerau (1964); Kernighan, Church & Gale (1990) for the channel; Mays, Damerau & Mercer (1991) for the context.
"""

import math
import re
import string
from collections import Counter, defaultdict
from itertools import combinations

import numpy as np

from minigpt import backend
from minigpt.errors import InputError
from minigpt.models.ngram import NGram, NGramConfig

FURTHEST = 2  # edits


def sentences(text: str) -> list[list[str]]:
    """The words of each sentence in small letters. Numbers and signs are dropped; . ! ? : ; and empty lines end one."""
    found = [re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", part.lower()) for part in re.split(r"[.!?:;]|\n\s*\n", text)]
    return [words for words in found if words]


def edits1(word: str, alphabet: str = string.ascii_lowercase) -> list[str]:
    """What one edit makes of a word, every way once: E(word) strings, some of them alike."""
    cuts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    deletions = [left + right[1:] for left, right in cuts if right]
    swaps = [left + right[1] + right[0] + right[2:] for left, right in cuts if len(right) > 1]
    replacements = [left + letter + right[1:] for left, right in cuts if right for letter in alphabet
                    if letter != right[0]]
    insertions = [left + letter + right for left, right in cuts for letter in alphabet]
    return deletions + swaps + replacements + insertions


def misspell(word: str, edits: int, rng: np.random.Generator, alphabet: str = string.ascii_lowercase) -> str:
    """A word with so many edits, each drawn from all that are possible; never the word itself."""
    wrong = word
    while wrong == word:
        wrong = word
        for _ in range(edits):
            wrong = str(rng.choice(edits1(wrong, alphabet)))
    return wrong


def distance(a: str, b: str) -> int:
    """The least number of edits that lead from a to b."""
    before, row = [], list(range(len(b) + 1))  # row[j]: from the first i letters of a to the first j of b
    for i, letter in enumerate(a, 1):
        before_that, before, row = before, row, [i]
        for j, other in enumerate(b, 1):
            steps = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and other == a[i - 2]:
                steps = min(steps, before_that[j - 2] + 1)
            row.append(steps)
    return row[-1]


def shortened(word: str) -> set[str]:
    """The word, and what becomes of it when up to FURTHEST of its letters are left out."""
    return {"".join(kept) for lost in range(FURTHEST + 1) if lost <= len(word)
            for kept in combinations(word, len(word) - lost)}


class SpellingCorrector:
    """Learns its words, and which follow which, from sentences: lists of words, as `sentences` makes them.

    error_rate: ε, the share of words in which a writer makes a mistake. order: that of the n-gram model; 1 looks at no
    context. Raises InputError for no words at all, or a rate outside (0, 1).
    """

    def __init__(self, sentences, order: int = 3, error_rate: float = 0.05, alphabet: str = string.ascii_lowercase):
        if not 0 < error_rate < 1:
            raise InputError(f"error rate {error_rate} is not between 0 and 1: choose for example 0.05")
        counts = Counter(word for words in sentences for word in words)
        if not counts:
            raise InputError("there is no word to learn from: give sentences, as sentences(text) makes them")
        self.order, self.error_rate, self.alphabet = order, error_rate, alphabet
        self.ids = {word: i for i, word in enumerate(sorted(counts))}
        unknown = len(self.ids)  # one id for every other word: never counted, but smoothing gives it a chance
        longest = max(map(len, sentences))
        self.model = NGram.count([[self.ids[word] for word in words] for words in sentences],
                                 NGramConfig(vocab_size=unknown + 1, order=min(order, longest)))
        self.index = defaultdict(list)
        for word in self.ids:
            for short in shortened(word):
                self.index[short].append(word)

    def candidates(self, written: str) -> dict[str, int]:
        """The known words up to FURTHEST edits away, and how many edits it takes."""
        near = {word for short in shortened(written) for word in self.index.get(short, ())}
        found = {word: distance(word, written) for word in sorted(near)}
        return {word: edits for word, edits in found.items() if edits <= FURTHEST}

    def channel(self, word: str, edits: int) -> float:
        """ln p(x | word) of an x so many edits away."""
        n, a = len(word), len(self.alphabet)
        possible = n + (n - 1) + (a - 1) * n + a * (n + 1)
        return math.log(1 - self.error_rate) + edits * (math.log(self.error_rate) - math.log(possible))

    def scores(self, words: list[str], place: int) -> dict[str, float]:
        """For each candidate of words[place], best first: ln of channel times n-gram model."""
        found = {}
        ids = [self.ids.get(word, len(self.ids)) for word in words]
        for word, edits in self.candidates(words[place]).items():
            text = [*ids[:place], self.ids[word], *ids[place + 1:]]
            with backend.quiet():  # ln 0
                log_p = np.log(self.model.text_scores(text)[place:place + self.order]).sum()  # the others don't change
            found[word] = self.channel(word, edits) + float(log_p)
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    def correct(self, words: list[str]) -> list[str]:
        """The words that were meant, decided one by one from the left; a word with no candidate stays."""
        meant = list(words)
        for place in range(len(words)):
            meant[place] = next(iter(self.scores(meant, place)), words[place])
        return meant
