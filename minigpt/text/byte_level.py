"""Bytes as tokens: 256 of them write every text there is; and GPT-2's way to print a byte as a character.

UTF-8 spells every Unicode character with one to four bytes (English letters take one, Chinese characters three, most
emoji four). A vocabulary of the 256 byte values therefore knows all languages and needs no training; it pays with
longer sequences, and with ids that cut characters apart.

Source of the byte table: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners" (GPT-2).
"""

import json
from collections.abc import Iterable
from pathlib import Path

from minigpt.text.base import (
    SETTINGS_FILE,
    Tokenizer,
    check_unknown,
    check_vocab_size,
    read_settings,
    to_utf8,
    write_file,
)


def byte_to_unicode() -> dict[int, str]:
    """GPT-2's printable character for each of the 256 byte values, in the order of GPT-2's ids.

    Its vocabulary files are text, in which a space or a control byte could not be seen and would split a line. So the
    188 bytes that Latin-1 prints visibly stand for themselves and come first; the other 68 follow, written as the
    characters from U+0100 on, which no byte needs. The space (byte 32) becomes "Ġ" (U+0120) and the newline "Ċ".
    """
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in visible]
    return {byte: chr(byte) for byte in visible} | {byte: chr(256 + i) for i, byte in enumerate(others)}


class ByteTokenizer(Tokenizer):
    """The id of a token is the value of the byte."""

    kind = "byte"

    def __init__(self):
        letters = byte_to_unicode()
        super().__init__([bytes([byte]) for byte in range(256)], [letters[byte] for byte in range(256)])

    @classmethod
    def train(cls, pieces: Iterable[str], vocab_size: int | None = None, unknown: str = "error") -> "ByteTokenizer":
        """Nothing to learn: pieces is not read, and there are 256 tokens however many more vocab_size allows."""
        check_unknown(unknown)
        check_vocab_size(vocab_size, 256, "there are 256 byte values")
        return cls()

    def encode(self, text: str) -> list[int]:
        """One id a byte of the UTF-8 of text. InputError for a lone surrogate, which has none."""
        return list(to_utf8(text))

    def save(self, folder: Path) -> None:
        write_file(Path(folder) / SETTINGS_FILE, json.dumps({"kind": self.kind}) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "ByteTokenizer":
        read_settings(folder, cls.kind)
        return cls()
