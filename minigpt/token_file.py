"""Token ids in a file: 2 or 4 bytes an id, one after the other, with a small JSON description beside it.

    train.bin     the ids, little-endian uint16 or uint32
    train.json    {"dtype": "<u2", "tokens": ..., "characters": ..., "bytes": ...}

The file is written as the text streams by and read through a memory map: the operating system brings in only the pages
that are touched, so neither writing nor reading needs memory for more than a piece of it.
"""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minigpt.errors import InputError
from minigpt.json_file import parse_json

_REDO = "delete it and prepare the data again"


class Counts(NamedTuple):
    """How much text a file of ids stands for; `characters` are Unicode code points, `bytes` those of its UTF-8."""

    tokens: int
    characters: int
    bytes: int

    def bits_per_character(self, loss: float) -> float:
        """`loss`, in nats a token, as bits a character: spread over the characters, with ln 2 nats to the bit."""
        return loss * self.tokens / (self.characters * math.log(2))

    def bits_per_byte(self, loss: float) -> float:
        """`loss`, in nats a token, as bits a byte of UTF-8."""
        return loss * self.tokens / (self.bytes * math.log(2))


def token_dtype(vocab_size: int) -> np.dtype:
    """The smallest of little-endian uint16 and uint32 that holds the ids 0..vocab_size-1, on every machine alike."""
    return np.dtype("<u2" if vocab_size <= 1 << 16 else "<u4")


def check_ids(tokens: np.ndarray, vocab_size: int) -> None:
    """Raises InputError, naming the first wrong one, unless all ids are in 0..vocab_size-1. Reads all of `tokens`."""
    for begin in range(0, len(tokens), 1 << 20):  # in blocks, as it may be larger than memory
        block = tokens[begin : begin + (1 << 20)]
        wrong = np.flatnonzero((block < 0) | (block >= vocab_size))
        if wrong.size:
            raise InputError(
                f"token id {block[wrong[0]]} at position {begin + wrong[0]} is outside the vocabulary of {vocab_size} "
                "tokens: these ids were made with another tokenizer; prepare the data again"
            )


def write_tokens(pieces: Iterable[str], tokenizer, path: Path) -> Counts:
    """Tokenizes the pieces one by one into the file `path`, and its description into the .json beside it.

    Under a temporary name until it is whole: an interrupted call leaves nothing that looks finished.
    """
    dtype = token_dtype(tokenizer.vocab_size)
    tokens = characters = num_bytes = 0
    temporary = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with temporary.open("wb") as file:
            for piece in pieces:
                ids = np.array(tokenizer.encode(piece), dtype=np.int64)
                check_ids(ids, tokenizer.vocab_size)  # an id too large for the dtype would wrap around to a wrong one
                file.write(ids.astype(dtype).tobytes())
                tokens += len(ids)
                characters += len(piece)
                num_bytes += len(piece.encode("utf-8"))
        _description(path).unlink(missing_ok=True)  # so that an old description never stands beside a new file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    counts = Counts(tokens, characters, num_bytes)
    write_text(_description(path), json.dumps({"dtype": dtype.str, **counts._asdict()}, indent=1) + "\n")
    return counts


def open_tokens(path: Path) -> np.ndarray:
    """The ids in a file of `write_tokens`: a read-only 1-D memory map, uint16 or uint32.

    Raises FileNotFoundError when a file is missing, InputError when its length or its description is wrong.
    """
    dtype, counts = _describe(path)
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise _missing(path) from None
    if size != counts.tokens * dtype.itemsize:
        raise InputError(
            f"{path} has {size} bytes, but {counts.tokens} tokens of {dtype.itemsize} bytes are "
            f"{counts.tokens * dtype.itemsize}: it was cut short or changed; {_REDO}"
        )
    if size == 0:
        return np.zeros(0, dtype)  # an empty file can't be mapped
    return np.memmap(path, dtype=dtype, mode="r")


def read_counts(path: Path) -> Counts:
    """How much text the ids in the file `path` stand for. Raises as `open_tokens` does."""
    return _describe(path)[1]


def _describe(path: Path) -> tuple[np.dtype, Counts]:
    description = _description(path)
    try:
        content = parse_json(description.read_text(encoding="utf-8"))
        counts = Counts(*(content[name] for name in Counts._fields))
        # Every character takes 1 to 4 bytes; where there are tokens, some text was behind them.
        if (any(type(count) is not int or not 0 <= count < 1 << 50 for count in counts)
                or not counts.characters <= counts.bytes <= 4 * counts.characters
                or counts.characters < min(counts.tokens, 1)):
            raise ValueError
        dtype = {"<u2": np.dtype("<u2"), "<u4": np.dtype("<u4")}[content["dtype"]]
    except FileNotFoundError:
        raise _missing(description) from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{description} does not describe a file of token ids: {_REDO}") from None
    return dtype, counts


def _description(path: Path) -> Path:
    return path.with_suffix(".json")


def _missing(path: Path) -> FileNotFoundError:
    return FileNotFoundError(f"there is no {path}, which belongs to the token ids of a dataset: prepare the data again")


def write_text(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    temporary.replace(path)
