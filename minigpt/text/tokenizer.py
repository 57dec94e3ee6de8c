"""Choose a tokenizer by name: train_tokenizer(kind, pieces), and load_tokenizer(folder) for one that was saved."""

import difflib
import reprlib
from collections.abc import Iterable
from pathlib import Path

from minigpt.errors import InputError
from minigpt.text.base import SETTINGS_FILE, Tokenizer, damaged, read_json
from minigpt.text.bpe import BPETokenizer
from minigpt.text.byte_level import ByteTokenizer
from minigpt.text.characters import CharacterTokenizer
from minigpt.text.words import WordTokenizer

TOKENIZERS = {cls.kind: cls for cls in (CharacterTokenizer, ByteTokenizer, WordTokenizer, BPETokenizer)}
KINDS = tuple(TOKENIZERS)


def train_tokenizer(kind: str, pieces: Iterable[str], vocab_size: int | None = None,
                    unknown: str = "error") -> Tokenizer:
    """Train a tokenizer of the named kind on text that comes in pieces, each held in memory only while it is counted.

    vocab_size is the most tokens wanted (None: the kind's own default); the tokenizer's vocab_size tells how many there
    are. The end of a piece is the end of a token: cut a long text only where white space follows something else, and
    the result is the same as for the whole. InputError: unknown kind, vocab_size too small, nothing to learn from.
    """
    return find_tokenizer(kind).train(pieces, vocab_size, unknown)


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer saved in folder, of whatever kind it is. FileNotFoundError or InputError where it can't be read."""
    path = Path(folder) / SETTINGS_FILE
    kind = read_json(path).get("kind")
    if kind not in KINDS:
        raise damaged(path, f"its kind is {reprlib.repr(kind)}, not one of {', '.join(KINDS)}")
    return find_tokenizer(kind).load(folder)


def find_tokenizer(kind: str) -> type[Tokenizer]:
    """The class of that kind. InputError offers the nearest names."""
    if kind not in TOKENIZERS:
        near = difflib.get_close_matches(str(kind).lower(), KINDS)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise InputError(f"there is no tokenizer {kind!r}: {hint}choose one of {', '.join(KINDS)}")
    return TOKENIZERS[kind]
