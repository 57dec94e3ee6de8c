"""Sentences of different lengths in one array: cut what is too long, fill up what is short, keep equals together.

An array has equal rows, sentences have not. Filled up to the longest, most of a batch may be <pad>, for which a model
works and learns nothing. So sentences of about the same length come into one bucket, and batches are drawn from one
bucket each: the waste shrinks, and what is drawn is still different in each epoch.

All functions here are pure: the same arguments give the same batches, and an epoch's are drawn from (seed, epoch).
"""

from collections.abc import Sequence

import numpy as np

from minigpt import backend
from minigpt.errors import InputError


def truncate(sequence: Sequence[int], length: int, keep: str = "first") -> list[int]:
    """At most `length` ids: the first ones, or the last ones (where the end matters most, as in a dialogue)."""
    if length < 1:
        raise InputError(f"length {length} leaves nothing of a sequence: choose 1 or more")
    if keep not in ("first", "last"):
        raise InputError(f"keep={keep!r} is not a choice: choose 'first' or 'last'")
    return list(sequence[:length] if keep == "first" else sequence[-length:])


def pad_batch(sequences: Sequence[Sequence[int]], pad: int = 0, side: str = "right") -> tuple[np.ndarray, np.ndarray]:
    """B sequences -> ids, int64 (B, T), and mask (B, T), True where an id is real. T is the longest one's length.

    side: where the padding goes. Left keeps the last ids in the last column, which is what a model that reads on from
    there wants. The mask says what is real: an id may well be equal to `pad`. InputError for no sequences, or an empty
    one, of which no model could learn anything.
    """
    if side not in ("right", "left"):
        raise InputError(f"side={side!r} is not a choice: choose 'right' or 'left'")
    lengths = np.array([len(sequence) for sequence in sequences])
    if not len(lengths) or not lengths.all():
        raise InputError(f"a batch of {len(lengths)} sequences" + (f", number {int(lengths.argmin())} of them empty"
                         if len(lengths) else "") + ": give at least one, and leave empty ones out")
    places = np.arange(lengths.max())  # (T,)
    mask = places < lengths[:, None]  # (B, T)
    if side == "left":
        mask = mask[:, ::-1]
    ids = np.full(mask.shape, pad, dtype=np.int64)
    ids[mask] = np.concatenate([np.asarray(sequence) for sequence in sequences])  # row by row: the mask's own order
    return ids, mask


def bucketed_batches(lengths: Sequence[int], batch_size: int, width: int, seed: int, epoch: int) -> list[np.ndarray]:
    """The numbers of the sequences in each batch of an epoch: every sequence once, at most batch_size a batch.

    A bucket has the lengths 1 .. width, width + 1 .. 2 width, and so on. Within it the order is drawn, then it is cut
    into batches (the last may be smaller), then the order of all batches is drawn. A width of 1 wastes nothing, but
    makes small batches of rare lengths; a large one is a plain shuffle.
    """
    if batch_size < 1 or width < 1:
        raise InputError(f"batch size {batch_size} and width {width} must both be 1 or more")
    lengths = np.asarray(lengths, dtype=int)
    if not len(lengths) or lengths.min() < 1:
        raise InputError(f"{len(lengths)} lengths" + (f", the smallest {lengths.min()}" if len(lengths) else "")
                         + ": give at least one sequence, and leave empty ones out")
    rng = backend.generator(seed, backend.BATCHES, epoch)
    batches = []
    buckets = (lengths - 1) // width
    for bucket in np.unique(buckets):
        members = rng.permutation(np.flatnonzero(buckets == bucket))
        batches += [members[i : i + batch_size] for i in range(0, len(members), batch_size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def padded_share(lengths: Sequence[int], batches: Sequence[np.ndarray]) -> float:
    """How much of the arrays is padding, from 0 to nearly 1, when each batch is filled up to its longest sequence."""
    lengths = np.asarray(lengths)
    cells = sum(len(batch) * int(lengths[batch].max()) for batch in batches)
    return 1 - sum(int(lengths[batch].sum()) for batch in batches) / cells
