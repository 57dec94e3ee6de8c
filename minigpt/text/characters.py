"""Characters as tokens: the smallest vocabulary that can write the text, in the order of the code points.

The first tokenizer to read: the whole idea is a dictionary from character to id. English needs about 100 tokens, so the
model is small, but a page is thousands of tokens long, and a character that was not in the text to train on has no id.
"""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

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


class CharacterTokenizer(Tokenizer):
    """characters[i] has id i. With unknown="<unk>" the last id stands for every other character."""

    kind = "char"

    def __init__(self, characters: str, unknown: str = "error"):
        check_unknown(unknown)
        self.characters = characters
        self.unknown = unknown
        self.ids = {character: i for i, character in enumerate(characters)}
        names = list(characters) + [UNKNOWN] * (unknown == UNKNOWN)
        super().__init__([to_utf8(name) for name in names], [printable(name) for name in names])

    @classmethod
    def train(cls, pieces: Iterable[str], vocab_size: int | None = None,
              unknown: str = "error") -> "CharacterTokenizer":
        """The characters of the text; the most frequent ones where there are more than vocab_size allows.

        Ties between equally frequent characters go to the lower code point. InputError where there is no text.
        """
        check_unknown(unknown)
        extra = int(unknown == UNKNOWN)
        check_vocab_size(vocab_size, 1 + extra, "it must hold one character" + f" and {UNKNOWN}" * extra)
        counts = Counter()
        for piece in checked(pieces):
            counts.update(piece)
        if not counts:
            raise InputError("the text to train on is empty: a character vocabulary needs at least one character")
        by_frequency = sorted(counts, key=lambda character: (-counts[character], character))
        kept = by_frequency if vocab_size is None else by_frequency[:vocab_size - extra]
        return cls("".join(sorted(kept)), unknown)

    def encode(self, text: str) -> list[int]:
        """One id a character. InputError for an unknown character, unless the vocabulary has <unk> for it."""
        to_utf8(text)
        if self.unknown == UNKNOWN:
            return [self.ids.get(character, len(self.characters)) for character in text]
        try:
            return [self.ids[character] for character in text]
        except KeyError as error:
            character = error.args[0]
            raise InputError(
                f"character {character!r} (U+{ord(character):04X}) at position {text.index(character)} is not in this "
                f"vocabulary of {len(self.characters)} characters: take it out of the text, or train a tokenizer on "
                f"text that has it, with unknown='{UNKNOWN}', or of kind byte or bpe") from None

    def save(self, folder: Path) -> None:
        settings = {"kind": self.kind, "unknown": self.unknown, "characters": self.characters}
        write_file(Path(folder) / SETTINGS_FILE, json.dumps(settings, indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "CharacterTokenizer":
        settings = read_settings(folder, cls.kind)
        characters = settings.get("characters")
        if not isinstance(characters, str) or not characters or len(set(characters)) < len(characters):
            raise damaged(Path(folder) / SETTINGS_FILE, "'characters' must be a string of different characters")
        try:
            return cls(characters, settings.get("unknown"))
        except InputError as error:
            raise damaged(Path(folder) / SETTINGS_FILE, str(error)) from None
