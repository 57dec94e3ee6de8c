r"""Words as tokens: text cut into words, punctuation marks and single white-space characters, nothing thrown away.

A token then means something by itself, and sequences are short. The price: a vocabulary of tens of thousands, and still
every new name, number or spelling mistake is unknown. (Languages written without spaces, such as Chinese, come out as
whole phrases; use characters, bytes or BPE there.) That problem is what BPE (bpe.py) was brought in to solve.
"""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import regex

from minigpt.errors import InputError
from minigpt.text.base import (
    SETTINGS_FILE,
    UNKNOWN,
    Tokenizer,
    check_unknown,
    check_vocab_size,
    checked,
    damaged,
    printable,
    read_settings,
    to_utf8,
    write_file,
)

# A word, with its inner apostrophes ("don't" is one); or one white-space character; or one character of the rest. Every
# character falls under one of the three, so joining the tokens gives the text back. The pattern can't match "<unk>".
PATTERN = regex.compile(r"\w+(?:['’]\w+)*|\s|[^\w\s]")


class WordTokenizer(Tokenizer):
    """words[i] has id i. With unknown="<unk>" the last id stands for every other word."""

    kind = "word"

    def __init__(self, words: list[str], unknown: str = "error"):
        check_unknown(unknown)
        self.words = words
        self.unknown = unknown
        self.ids = {word: i for i, word in enumerate(words)}
        names = words + [UNKNOWN] * (unknown == UNKNOWN)
        super().__init__([to_utf8(name) for name in names], [printable(name) for name in names])

    @classmethod
    def train(cls, pieces: Iterable[str], vocab_size: int | None = None, unknown: str = "error", *,
              min_count: int = 1) -> "WordTokenizer":
        """The words seen at least min_count times, the most frequent first, as many as vocab_size allows.

        Ties between equally frequent words go to the one that sorts first. InputError where no word is left.
        """
        check_unknown(unknown)
        extra = int(unknown == UNKNOWN)
        check_vocab_size(vocab_size, 1 + extra, "it must hold one word" + f" and {UNKNOWN}" * extra)
        counts = Counter()
        for piece in checked(pieces):
            counts.update(PATTERN.findall(piece))
        by_frequency = sorted((word for word in counts if counts[word] >= min_count),
                              key=lambda word: (-counts[word], word))
        if not by_frequency:
            raise InputError(f"no word to learn: the text has {len(counts)} different words and none of them "
                             f"{min_count} times; give more text or a smaller min_count")
        return cls(by_frequency if vocab_size is None else by_frequency[:vocab_size - extra], unknown)

    def encode(self, text: str) -> list[int]:
        """One id a word. InputError for an unknown word, unless the vocabulary has <unk> for it."""
        to_utf8(text)
        found = PATTERN.findall(text)
        if self.unknown == UNKNOWN:
            return [self.ids.get(word, len(self.words)) for word in found]
        try:
            return [self.ids[word] for word in found]
        except KeyError as error:
            word = error.args[0]
            position = sum(map(len, found[:found.index(word)]))
            name = f"{word[:40]!r} (U+{ord(word):04X})" if len(word) == 1 else f"{word[:40]!r}"
            raise InputError(
                f"word {name} at position {position} is not in this vocabulary of "
                f"{len(self.words)} words: take it out of the text, or train a tokenizer with unknown='{UNKNOWN}', on "
                f"text that has it with a larger vocab_size, or of kind byte or bpe") from None

    def save(self, folder: Path) -> None:
        settings = {"kind": self.kind, "unknown": self.unknown, "words": self.words}
        write_file(Path(folder) / SETTINGS_FILE, json.dumps(settings, indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "WordTokenizer":
        settings = read_settings(folder, cls.kind)
        words = settings.get("words")
        if not isinstance(words, list) or not words or not all(isinstance(word, str) and word for word in words) \
                or len(set(words)) < len(words):
            raise damaged(Path(folder) / SETTINGS_FILE, "'words' must be a list of different words")
        try:
            return cls(words, settings.get("unknown"))
        except InputError as error:
            raise damaged(Path(folder) / SETTINGS_FILE, str(error)) from None
