"""Words to ids for text that is cut into words already: the most frequent ones, the rest one token, and some for use.

    <pad>  0   fills a short sentence up to the length of its batch; no loss is counted on it
    <unk>  1   every word that is not in the vocabulary
    <bos>  2   stands before a sentence,
    <eos>  3   and after it, so that a model learns where sentences begin and end

words.py cuts text itself and gives it back exactly, spaces and all; this is for words that a segmenter or a file has
cut. Two limits keep it small: a word seen once or twice teaches a model little (min_count), and each row of an
embedding costs memory (max_size). Which words are lost is for the text to say: `coverage` measures it.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from minigpt.errors import InputError
from minigpt.text.base import UNKNOWN, damaged, read_json, write_file

PAD, BEGIN, END = "<pad>", "<bos>", "<eos>"
SPECIAL = (PAD, UNKNOWN, BEGIN, END)
PAD_ID, UNKNOWN_ID, BEGIN_ID, END_ID = range(4)


class Vocabulary:
    """tokens[i] has the id i; the first four are SPECIAL."""

    def __init__(self, words: Sequence[str]):
        self.tokens = [*SPECIAL, *words]
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        if len(self.ids) < len(self.tokens):
            repeated = next(token for token, n in Counter(self.tokens).items() if n > 1)
            raise InputError(f"{repeated!r} is in the vocabulary twice: give each word once, and none of "
                             f"{', '.join(SPECIAL)}")

    @classmethod
    def build(cls, sentences: Iterable[Sequence[str]], max_size: int | None = None, min_count: int = 1) -> "Vocabulary":
        """The words seen at least min_count times, the most frequent first, max_size tokens in all, SPECIAL included.

        Of equally frequent words first the one that sorts first. In the text itself, SPECIAL are not counted as words.
        """
        if max_size is not None and max_size <= len(SPECIAL):
            raise InputError(f"max_size {max_size} leaves no room for a word beside {', '.join(SPECIAL)}: choose "
                             f"{len(SPECIAL) + 1} or more")
        if min_count < 1:
            raise InputError(f"min_count {min_count} is under 1: choose 1 to keep every word")
        counts = Counter()
        for words in sentences:
            if isinstance(words, str):
                raise InputError(f"the sentence {words[:20]!r} is a string: give a list of words, as split_words makes")
            counts.update(words)
        kept = sorted((word for word, n in counts.items() if n >= min_count and word not in SPECIAL),
                      key=lambda word: (-counts[word], word))
        if not kept:
            raise InputError(f"no word to keep: the text has {len(counts)} different words and none of them "
                             f"{min_count} times; give more text or a smaller min_count")
        return cls(kept if max_size is None else kept[:max_size - len(SPECIAL)])

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, words: Iterable[str], ends: bool = False) -> list[int]:
        """One id a word, UNKNOWN_ID for a word that isn't there; ends: with <bos> before and <eos> after."""
        ids = [self.ids.get(word, UNKNOWN_ID) for word in words]
        return [BEGIN_ID, *ids, END_ID] if ends else ids

    def decode(self, ids: Iterable[int]) -> list[str]:
        """The words of ids, without <pad>, <bos> and <eos>. InputError for an id out of range."""
        words = []
        for i in ids:
            if not 0 <= i < len(self.tokens):
                raise InputError(f"id {i} is outside this vocabulary of {len(self.tokens)} tokens: decode with the "
                                 f"vocabulary that made the ids")
            if i == UNKNOWN_ID or i >= len(SPECIAL):
                words.append(self.tokens[i])
        return words

    def coverage(self, sentences: Iterable[Sequence[str]]) -> float:
        """The share of the words of sentences that have an id of their own. InputError where there are no words."""
        counts = Counter(word in self.ids for words in sentences for word in words)
        if not counts:
            raise InputError("there are no words to look up: give sentences that are not empty")
        return counts[True] / counts.total()

    def save(self, path: Path) -> None:
        write_file(Path(path), json.dumps({"words": self.tokens[len(SPECIAL):]}, indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Read what save wrote. FileNotFoundError, or InputError for a damaged file."""
        words = read_json(Path(path)).get("words")
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise damaged(Path(path), "'words' must be a list of words")
        return cls(words)
