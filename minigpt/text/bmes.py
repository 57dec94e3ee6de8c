"""Chinese words by a hidden Markov model: each character has a place in its word, and places follow each other.

    B  begins a word of several characters        研 究 生 命 的 奥 秘
    M  stands in the middle of one                B  E  B  E  S  B  E
    E  ends one
    S  is a word by itself                        words -> places -> words again: nothing is lost

Segmenting has become labelling, with four labels. The states of the model are the places, its symbols the characters:
p(character | place) says that 的 is mostly a word by itself, p(place | place) how long words are. B is followed by M
or E, and so on: what can't follow gets nothing even when counts are smoothed, so that every path spells words.

It knows no words at all, hence finds some that were in no dictionary; and as it knows no words, it also makes up some
that don't exist. Xue 2003, "Chinese word segmentation as character tagging", is where the four labels come from.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from minigpt.errors import InputError
from minigpt.text.hmm import HMM, add_k, count, from_counts, viterbi

PLACES = "BMES"
MAY_BEGIN = np.array([1, 0, 0, 1])
#                     B  M  E  S  end
MAY_FOLLOW = np.array([[0, 1, 1, 0, 0],  # after B
                       [0, 1, 1, 0, 0],  # after M
                       [1, 0, 0, 1, 1],  # after E
                       [1, 0, 0, 1, 1]])  # after S


def to_places(words: Iterable[str]) -> str:
    """The place of each character: ["研究", "的"] -> "BES". InputError for an empty word."""
    places = []
    for number, word in enumerate(words):
        if not word:
            raise InputError(f"word {number} is empty: leave it out")
        places.append("S" if len(word) == 1 else "B" + "M" * (len(word) - 2) + "E")
    return "".join(places)


def to_words(text: str, places: str) -> list[str]:
    """The words that the places spell. InputError unless there is one for each character, in an order that can be."""
    if len(text) != len(places):
        raise InputError(f"{len(text)} characters and {len(places)} places: each character needs exactly one")
    words, start = [], 0
    for end, place in enumerate(places, 1):
        if place in "ES":
            words.append(text[start:end])
            start = end
    if to_places(words) != places:  # B S, an M without a B, a word without an end, a letter that is no place
        raise InputError(f"the places {places[:20]!r} spell no words: B or S begins, M or E follows B and M, E or S "
                         f"ends")
    return words


class HMMSegmenter:
    """characters[i] is the symbol i; one more stands for every other character."""

    def __init__(self, characters: str, hmm: HMM):
        self.characters, self.hmm = characters, hmm
        self.ids = {character: i for i, character in enumerate(characters)}

    @classmethod
    def train(cls, sentences: Iterable[Sequence[str]], k: float = 0.1) -> "HMMSegmenter":
        """Count over sentences that are lists of words. InputError where there are none, or one is empty."""
        sentences = [list(words) for words in sentences]
        characters = "".join(sorted({character for words in sentences for word in words for character in word}))
        segmenter = cls(characters, None)
        labelled = (([PLACES.index(place) for place in to_places(words)], segmenter.encode("".join(words)))
                    for words in sentences)
        counts = count(labelled, len(PLACES), len(characters) + 1)
        segmenter.hmm = from_counts(counts, k, add_k(counts.emission, k), MAY_BEGIN, MAY_FOLLOW)
        return segmenter

    def encode(self, text: str) -> list[int]:
        return [self.ids.get(character, len(self.characters)) for character in text]

    def segment(self, text: str) -> list[str]:
        """The words of the most probable places. No text, no words."""
        if not text:
            return []
        states, _ = viterbi(self.hmm, self.encode(text))
        return to_words(text, "".join(PLACES[state] for state in states))
