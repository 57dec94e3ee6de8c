"""What every tokenizer is: a list of tokens, each a few bytes of UTF-8; the position in the list is the token's id.

A model sees only whole numbers. A tokenizer cuts text into tokens and gives their ids (`encode`), and turns ids back
into text (`decode`). Where to cut is the one question on which the four kinds differ; everything else is here:

    kind    a token is                          tokens          unknown text is possible
    char    one character                       about 100       yes
    byte    one byte of the text's UTF-8        256             no
    word    a word, a space, a punctuation mark 10,000 or more  yes
    bpe     a frequent run of bytes             as many as asked no

Because every token stands for bytes, decoding is the same for all: join the bytes, read them as UTF-8.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from minigpt.errors import InputError
from minigpt.json_file import parse_json

UNKNOWN = "<unk>"
SETTINGS_FILE = "tokenizer.json"


class Tokenizer:
    """The base of CharacterTokenizer, ByteTokenizer, WordTokenizer and BPETokenizer.

    token_bytes[id] is what the token stands for, tokens[id] how it is printed in a table or a picture. A subclass has
    `kind`, `encode`, `save` and the two class methods that build one: `train` (from text) and `load` (from a folder).
    """

    kind: str

    def __init__(self, token_bytes: list[bytes], tokens: list[str]):
        self.token_bytes = token_bytes
        self.tokens = tokens

    @property
    def vocab_size(self) -> int:
        return len(self.token_bytes)

    @classmethod
    def train(cls, pieces: Iterable[str], vocab_size: int | None = None, unknown: str = "error") -> "Tokenizer":
        """Build a vocabulary of at most vocab_size tokens from text that comes in pieces, read once, one at a time."""
        raise NotImplementedError

    def encode(self, text: str) -> list[int]:
        """The ids of text. InputError where text holds something the vocabulary can't express."""
        raise NotImplementedError

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids. A model may produce any ids at all: bytes that are no valid UTF-8 become U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The UTF-8 of ids, which may begin or end inside a character. InputError for an id out of range.

        Without the check token_bytes[-1] would be the last token: a mistake elsewhere would look like text.
        """
        parts, size = [], self.vocab_size
        for token in ids:
            if not 0 <= token < size:
                raise InputError(f"token id {token} is outside this vocabulary of {size} tokens (ids 0 to {size - 1}): "
                                 f"decode with the tokenizer that made the ids")
            parts.append(self.token_bytes[token])
        return b"".join(parts)

    def save(self, folder: Path) -> None:
        """Write tokenizer.json (and what else the kind needs) into folder, which is made where it is missing."""
        raise NotImplementedError

    @classmethod
    def load(cls, folder: Path) -> "Tokenizer":
        """Read what save wrote. FileNotFoundError for a missing file, InputError for a damaged one."""
        raise NotImplementedError


def to_utf8(text: str, offset: int = 0) -> bytes:
    """text in UTF-8. InputError, naming the position (counted from offset), for a lone surrogate.

    A Python string can hold half of a UTF-16 pair. Such a half is no character and has no UTF-8, so it could never be
    given back by decode.
    """
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"lone surrogate U+{ord(text[error.start]):04X} at position {offset + error.start}: it is "
                         f"half a character and has no UTF-8; remove it, or read the file again as UTF-8") from None


def checked(pieces: Iterable[str]) -> Iterator[str]:
    """The same pieces, one at a time, each known to have UTF-8."""
    if isinstance(pieces, str):  # a str is an iterable of one-character strings: nothing would be learned from those
        raise InputError("pieces is one string, not several: give a list, [text]")
    offset = 0
    for piece in pieces:
        to_utf8(piece, offset)
        offset += len(piece)
        yield piece


def check_vocab_size(vocab_size: int | None, smallest: int, why: str) -> None:
    """InputError where vocab_size is under smallest; why says what needs that many."""
    if vocab_size is not None and vocab_size < smallest:
        raise InputError(f"vocab_size {vocab_size} is too small: {why}; choose {smallest} or more")


def check_unknown(unknown: str) -> None:
    """InputError unless unknown is one of the two answers to text that is not in the vocabulary."""
    if unknown not in ("error", UNKNOWN):
        raise InputError(f"unknown={unknown!r} is not a choice: choose 'error' (refuse such text) or '{UNKNOWN}' "
                         f"(give it the id of one token for everything unknown)")


def printable(text: str) -> str:
    """text as it can stand in a table or a picture: a visible blank, escapes for control characters."""
    return "".join("␣" if c == " " else c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def write_file(path: Path, text: str) -> None:
    """Write all of text or nothing: a run killed half-way leaves the old file, never half a new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    temporary.replace(path)


def read_file(path: Path) -> str:
    """The text of one of a tokenizer's files. FileNotFoundError, or InputError where it is no UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"no tokenizer file {path}: name the folder of a trained model, or train one") from None
    except UnicodeDecodeError as error:
        raise damaged(path, f"byte {error.start} is not UTF-8") from None


def read_json(path: Path) -> dict:
    """The object in a JSON file. Errors as in read_file; InputError also where it is no JSON object."""
    try:
        content = parse_json(read_file(path))
    except json.JSONDecodeError as error:
        raise damaged(path, f"no valid JSON at line {error.lineno}, column {error.colno}") from None
    except InputError:
        raise
    except ValueError as error:
        raise damaged(path, f"no valid JSON: {error}") from None
    if not isinstance(content, dict):
        raise damaged(path, "it holds no JSON object")
    return content


def read_settings(folder: Path, kind: str) -> dict:
    """The content of folder/tokenizer.json, which must be of this kind. Errors as in read_json."""
    path = Path(folder) / SETTINGS_FILE
    settings = read_json(path)
    if settings.get("kind") != kind:
        raise InputError(f"{path} has kind {settings.get('kind')!r}, not {kind!r}: use load_tokenizer, which looks")
    return settings


def damaged(path: Path, what: str) -> InputError:
    """The error for a file that exists and can't be used."""
    return InputError(f"{path} is damaged ({what}): copy it again from where it was trained, or train again")
