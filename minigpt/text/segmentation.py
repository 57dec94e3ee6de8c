"""Chinese words by a dictionary: take the longest word that fits, from the front, from the back, or both.

The oldest method, and still a hard one to beat where the dictionary is good: no training, no probabilities, one loop.
With "研究", "研究生", "生命" in the dictionary,

    forward    研究生 命    the longest word at the beginning, then go on behind it
    backward   研究 生命    the longest word at the end, then go on before it

Such a string, in which two words overlap, is where the two differ; where they agree they are mostly right. Where they
differ, `bidirectional` takes the one with fewer words, then the one with fewer single characters, then the backward one
(Chinese puts what is described at the end, so reading from there errs less often). A string that can be one word or
two, such as 才能, both cut in the same way, right or wrong. What the dictionary lacks falls into single characters.

A segmentation is measured by its words as spans: precision is the share of its words that are right, recall the share
of the right words that it found, F1 = 2 P R / (P + R).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from minigpt.errors import InputError


class MaximumMatching:
    """Segmentation by a dictionary, which is all there is to it: a set of words and the length of the longest."""

    def __init__(self, words: Iterable[str]):
        self.words = frozenset(word for word in words if word)
        if not self.words:
            raise InputError("the dictionary has no words: give at least one, such as those of a segmented corpus")
        self.longest = max(map(len, self.words))

    def forward(self, text: str) -> list[str]:
        """From the front: at each place the longest word of the dictionary, or one character where none fits."""
        found, start = [], 0
        while start < len(text):
            end = min(start + self.longest, len(text))
            while end > start + 1 and text[start:end] not in self.words:
                end -= 1
            found.append(text[start:end])
            start = end
        return found

    def backward(self, text: str) -> list[str]:
        """From the back: the longest word that ends here, or one character where none fits."""
        found, end = [], len(text)
        while end > 0:
            start = max(end - self.longest, 0)
            while start < end - 1 and text[start:end] not in self.words:
                start += 1
            found.append(text[start:end])
            end = start
        return found[::-1]

    def bidirectional(self, text: str) -> list[str]:
        """The better of the two: fewer words, then fewer single characters, then the backward one."""
        both = self.backward(text), self.forward(text)  # min takes the first of equals
        return min(both, key=lambda words: (len(words), sum(len(word) == 1 for word in words)))


@dataclass(frozen=True)
class SegmentationScore:
    """How many words a segmentation has, how many the right one has, and how many they share; all else follows."""

    proposed: int
    right: int
    shared: int
    unknown: int = 0  # of the right words, those that are in no dictionary that was given
    unknown_found: int = 0

    @property
    def precision(self) -> float:
        return self.shared / self.proposed

    @property
    def recall(self) -> float:
        return self.shared / self.right

    @property
    def f1(self) -> float:
        return 2 * self.shared / (self.proposed + self.right)  # the same as 2 P R / (P + R), and never 0 / 0

    @property
    def unknown_recall(self) -> float:
        """Of the words that were not in the dictionary, the share that was found all the same; NaN without any."""
        return self.unknown_found / self.unknown if self.unknown else float("nan")


def spans(words: Sequence[str]) -> set[tuple[int, int]]:
    """(start, end) of each word, in characters: two words are the same only in the same place."""
    found, start = set(), 0
    for word in words:
        found.add((start, start + len(word)))
        start += len(word)
    return found


def score_segmentation(proposed: Sequence[Sequence[str]], right: Sequence[Sequence[str]],
                       known: Iterable[str] = ()) -> SegmentationScore:
    """Count over all sentences. known: the words of the training text or dictionary; the others are counted apart.

    InputError for an empty list, a sentence without words, and sentences that are not the same text.
    """
    if not right or len(proposed) != len(right):
        raise InputError(f"{len(proposed)} sentences were segmented and {len(right)} are given as right: the two lists "
                         f"must be equally long, and not empty")
    known, totals = frozenset(known), [0] * 5
    for number, (ours, theirs) in enumerate(zip(proposed, right)):
        if "".join(ours) != "".join(theirs) or not theirs:
            raise InputError(f"sentence {number} is {''.join(ours)[:20]!r} in one list and {''.join(theirs)[:20]!r} in "
                             f"the other: a segmentation must keep every character, and a sentence needs one at least")
        ours, start = spans(ours), 0
        totals[0] += len(ours)
        for word in theirs:
            hit = (start, start + len(word)) in ours
            new = bool(known) and word not in known
            start += len(word)
            totals[1] += 1
            totals[2] += hit
            totals[3] += new
            totals[4] += new and hit
    return SegmentationScore(*totals)
