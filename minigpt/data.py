"""From text to batches: tokenized once into files of ids, which are then cut into what a model is trained on.

`prepare` writes a folder that a run can be resumed from without the text:

    train.bin       train.json          the ids, and what they stand for (token_file.py)
    validation.bin  validation.json
    dataset.json                        written last: which text and which tokenizer the files were made from

The text is split before it is tokenized, the last part for validation. Split afterwards, the seam could lie inside a
character (a byte-level token may hold half of one), and with a vocabulary that has <unk> no one could say any more how
many characters the validation tokens stand for. That number must be exact: a loss in nats a token depends on the
tokenizer, and only bits a character or a byte can be compared between tokenizers.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minigpt import backend
from minigpt.corpora import Source
from minigpt.errors import InputError
from minigpt.pieces import END_OF_PIECE, read_pieces
from minigpt.token_file import Counts, open_tokens, read_counts, write_text, write_tokens

IGNORED = -100  # a target with this value isn't counted by the loss; the same number as in layers/cross_entropy.py
_FORMAT = 1  # part of the fingerprint: a higher number here and every dataset is written anew


@dataclass(frozen=True, eq=False)
class Dataset:
    """The two parts of a corpus: memory-mapped 1-D arrays of ids (uint16 or uint32), and the text they stand for."""

    train: np.ndarray
    validation: np.ndarray
    train_counts: Counts
    validation_counts: Counts

    @classmethod
    def open(cls, folder: Path) -> "Dataset":
        """The dataset that `prepare` wrote into `folder`; the text isn't needed. Raises as `open_tokens` does."""
        train, validation = folder / "train.bin", folder / "validation.bin"
        return cls(open_tokens(train), open_tokens(validation), read_counts(train), read_counts(validation))


def prepare(
    sources: Sequence[Source],
    tokenizer,
    folder: Path,
    validation_fraction: float = 0.1,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """The dataset of `sources` in `folder`: written there, or opened if the same text and tokenizer wrote it before.

    `validation_fraction` of the characters, at the end of the text, become the validation part. The seam moves on to
    the end of a word where one is near, so that the ids of both parts, joined, are those of the whole text.
    `progress(done, total)` is called with numbers of characters while tokenizing, which can take long.
    Raises InputError for a fraction outside [0, 1), and what read_pieces and tokenizer.encode raise.
    """
    if not 0 <= validation_fraction < 1:
        raise InputError(f"validation fraction {validation_fraction} is not in [0, 1): choose for example 0.1")
    # Reading the whole text to see whether it is the same costs far less than tokenizing it, and unlike a file's name
    # and date it can't be wrong. The split needs the number of characters anyway.
    total, made_from = _measure(read_pieces(sources), tokenizer, validation_fraction)
    record = folder / "dataset.json"
    if record.is_file() and record.read_bytes() == made_from.encode("ascii"):
        with contextlib.suppress(InputError, FileNotFoundError):  # damaged since: written anew
            return Dataset.open(folder)

    record.unlink(missing_ok=True)  # from here on until it is written again, this folder is not finished
    pieces = read_pieces(sources)
    if progress:
        pieces = _reporting(pieces, progress, total)
    before, after = split(pieces, total, total - round(total * validation_fraction))
    train = write_tokens(before, tokenizer, folder / "train.bin")
    validation = write_tokens(after, tokenizer, folder / "validation.bin")
    if train.characters + validation.characters != total:
        raise InputError("the text changed while it was read: wait until nothing writes to it, then run again")
    write_text(record, made_from)
    return Dataset.open(folder)


def _measure(pieces: Iterable[str], tokenizer, validation_fraction: float) -> tuple[int, str]:
    """The number of characters, and a JSON text that is the same only for the same text, tokenizer and fraction."""
    total, text = 0, hashlib.sha256()
    for piece in pieces:
        total += len(piece)
        text.update(piece.encode("utf-8"))
    vocabulary = hashlib.sha256()
    for token in range(tokenizer.vocab_size):
        vocabulary.update(tokenizer.decode_bytes([token]).hex().encode("ascii") + b"\n")
    made_from = {
        "format": _FORMAT,
        "text_sha256": text.hexdigest(),
        "tokenizer": tokenizer.kind,
        "vocabulary_sha256": vocabulary.hexdigest(),
        "validation_fraction": validation_fraction,
    }
    return total, json.dumps(made_from, indent=1) + "\n"


def _reporting(pieces: Iterable[str], progress: Callable[[int, int], None], total: int) -> Iterator[str]:
    done = 0
    for piece in pieces:
        yield piece
        done += len(piece)
        progress(done, total)


def split(pieces: Iterator[str], total: int, position: int) -> tuple[Iterator[str], Iterator[str]]:
    """The pieces up to about `position` and those after it; the second stream is to be read after the first.

    total: how many characters there are. The seam moves on to the end of a word where one is near.
    """
    rest = []

    def before() -> Iterator[str]:
        left = position  # characters that still belong to the first stream
        while left and (piece := next(pieces, "")):
            if len(piece) > left:
                # In a text with hardly any white space the next end of a word may be far: give away half at most.
                place = END_OF_PIECE.search(piece, left, left + (total - position) // 2)
                end = place.start() if place else left
                rest.append(piece[end:])
                piece = piece[:end]
            left = max(left - len(piece), 0)
            yield piece

    def after() -> Iterator[str]:
        yield from rest
        yield from pieces

    return before(), after()


def training_batch(
    tokens: np.ndarray, batch_size: int, context_length: int, seed: int, step: int
) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets of one training step, int64 (B, T) each: B windows at random places, targets one further.

    A pure function: the places are drawn from a generator made of (seed, step) for this one call, so there is no state
    to save. A resumed run gets at step n exactly the batch it would have got, and can neither repeat nor skip one.
    Raises InputError when `tokens` has fewer than context_length + 1, the inputs and the target after the last.
    """
    _check_sizes(batch_size, context_length)
    T, num_tokens = context_length, len(tokens)
    check_length(num_tokens, T)
    # (B,); the last window ends with the last token
    starts = backend.generator(seed, backend.BATCHES, step).integers(0, num_tokens - T, size=batch_size)
    windows = tokens[starts[:, None] + np.arange(T + 1)]  # (B, T+1)
    return windows[:, :-1].astype(np.int64), windows[:, 1:].astype(np.int64)


def continued_batch(
    tokens: np.ndarray, batch_size: int, context_length: int, step: int
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Inputs and targets of one step, int64 (B, T) each, whose rows go on where those of the step before ended.

    The text is cut into B strips of equal length, and each row reads its own strip window by window; then all begin
    again. For models that carry a state from window to window. Also returns whether this is the first window of the
    strips, where no state fits. A pure function of the step; nothing is drawn.
    Raises InputError when the strips are shorter than a window and the target after it.
    """
    _check_sizes(batch_size, context_length)
    T, strip = context_length, (len(tokens) - 1) // batch_size
    if strip < T:
        raise InputError(f"the text has {len(tokens)} tokens, too few for {batch_size} strips of context_length "
                         f"{T} and the target after the last: choose a smaller batch_size or context_length, or give "
                         "more text")
    window = step % (strip // T)
    starts = np.arange(batch_size) * strip + window * T  # (B,)
    windows = tokens[starts[:, None] + np.arange(T + 1)].astype(np.int64)  # (B, T+1)
    return windows[:, :-1], windows[:, 1:], window == 0


def check_length(num_tokens: int, context_length: int) -> None:
    """Raises InputError unless so many tokens hold one window, and the target after its last input."""
    if num_tokens < context_length + 1:
        raise InputError(
            f"the training text has {num_tokens} tokens, fewer than context_length {context_length} + 1: "
            f"choose --context-length {max(num_tokens - 1, 1)} or less, or give more text"
        )


def evaluation_batches(
    tokens: np.ndarray, batch_size: int, context_length: int, limit: int | None = None, overlap: int = 0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Inputs and targets, int64 (B, T), that predict every token after the first exactly once, in order.

    The windows lie one after the other. Where the last one reaches beyond the text, its inputs are 0 and its targets
    IGNORED, which the loss doesn't count; so batches differ in how many targets count, and their mean losses must be
    weighted by that number. The last batch may have fewer rows. With `limit`, only so many windows, evenly spaced over
    the whole text and always the same ones, so that evaluations during a run can be compared. With `overlap`, each
    window but the first begins with the last so many tokens of the one before, which it reads and doesn't predict.
    Raises InputError, when the first batch is asked for, for fewer than 2 tokens: there is nothing to predict.
    """
    _check_sizes(batch_size, context_length)
    if not 0 <= overlap < context_length:
        raise InputError(f"overlap {overlap} is outside 0 to {context_length - 1}: windows of {context_length} tokens "
                         "then predict nothing, or leave gaps; choose for example half of the window")
    T, num_tokens, stride = context_length, len(tokens), context_length - overlap
    if num_tokens < 2:
        raise InputError(f"the text to evaluate on has {num_tokens} tokens; at least 2 are needed: give more text")
    if limit is not None and limit < 1:
        raise InputError(f"limit {limit} leaves no window to evaluate on: choose 1 or more, or None for all")
    num_windows = max(-(-(num_tokens - 1 - overlap) // stride), 1)  # rounded up
    chosen = num_windows if limit is None else min(limit, num_windows)
    for first in range(0, chosen, batch_size):
        rows = np.arange(first, min(first + batch_size, chosen))
        starts = rows * num_windows // chosen * stride  # (B,)
        positions = starts[:, None] + np.arange(T + 1)  # (B, T+1)
        windows = tokens[np.minimum(positions, num_tokens - 1)].astype(np.int64)
        has_target = positions[:, 1:] < num_tokens
        new = has_target & ((np.arange(T) >= overlap) | (starts[:, None] == 0))  # not predicted by the window before
        yield np.where(has_target, windows[:, :-1], 0), np.where(new, windows[:, 1:], IGNORED)


def _check_sizes(batch_size: int, context_length: int) -> None:
    if batch_size < 1 or context_length < 1:
        raise InputError(f"batch size {batch_size} and context length {context_length} must both be 1 or more")
