r"""Byte-pair encoding on bytes, as GPT-2 has it: frequent runs of bytes are tokens, and no text is ever unknown.

Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"; Sennrich et al. 2016. Between bytes (short
vocabulary, long sequences) and words (the reverse, and unknown words) there is a scale, and vocab_size says where on it
to stand. Three steps:

    text       " lowest"                 cut into chunks by PATTERN
    bytes      Ġ l o w e s t             256 tokens that write everything (byte_level.py)
    merges     Ġlow est                  two neighbours become one token, in the order that training learned

Token i is byte number i of GPT-2's order for i < 256, then what merge i - 256 makes, then the special tokens. So the
list of merges is the whole model; bpe_training.py learns it.
"""

import heapq
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import regex

from minigpt.errors import InputError
from minigpt.text.base import (
    SETTINGS_FILE,
    Tokenizer,
    check_unknown,
    check_vocab_size,
    checked,
    damaged,
    read_file,
    read_json,
    read_settings,
    to_utf8,
    write_file,
)
from minigpt.text.bpe_training import Pair, learn_merges
from minigpt.text.byte_level import byte_to_unicode

# GPT-2's chunks: an English contraction; letters, digits or other signs, each with at most one space in front; white
# space, less its last character where something follows. Merges stay inside a chunk, so that "dog", "dog." and "dog!"
# share a token. Every character belongs to some chunk, and no chunk has white space after something else.
PATTERN = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
BYTE_ORDER = list(byte_to_unicode())  # the byte of each id under 256
BYTE_TO_ID = bytes(sorted(range(256), key=BYTE_ORDER.__getitem__))  # for bytes.translate, which looks each byte up
DEFAULT_VOCAB_SIZE = 4096
END_OF_TEXT = "<|endoftext|>"
HEADER = "#version: 0.2"
MOST_TO_LEARN = 2**22  # bytes of different chunks: half a million words
CACHED_CHUNKS, CACHED_LENGTH = 2**16, 64  # text repeats its words, so their ids are kept; a bound keeps memory small


class BPETokenizer(Tokenizer):
    """merges[i] is the pair of ids that token 256 + i is made of; the special tokens have the last ids."""

    kind = "bpe"

    def __init__(self, merges: Sequence[Pair], special_tokens: Sequence[str] = ()):
        letters = byte_to_unicode()
        token_bytes = [bytes([byte]) for byte in BYTE_ORDER]
        for left, right in merges:
            if not (0 <= left < len(token_bytes) and 0 <= right < len(token_bytes)):
                raise InputError(f"merge {len(token_bytes) - 256} joins tokens {left} and {right}, but there are only "
                                 f"{len(token_bytes)} tokens before it: give the merges in the order they were learned")
            token_bytes.append(token_bytes[left] + token_bytes[right])
        tokens = ["".join(letters[byte] for byte in token) for token in token_bytes] + list(special_tokens)
        repeated = [token for token, count in Counter(tokens).items() if count > 1 or not token]
        if repeated:
            raise InputError(f"token {repeated[0]!r} is in the vocabulary twice or is empty: choose special tokens "
                             f"that are no part of ordinary text, such as {END_OF_TEXT}")
        super().__init__(token_bytes + [to_utf8(token) for token in special_tokens], tokens)
        self.merges = list(merges)
        self.merged = {pair: 256 + i for i, pair in enumerate(merges)}  # pair -> its token; a lower id is merged first
        self.special_ids = {token: 256 + len(merges) + i for i, token in enumerate(special_tokens)}
        self.cache: dict[str, list[int]] = {}

    @classmethod
    def train(cls, pieces: Iterable[str], vocab_size: int | None = None, unknown: str = "error", *,
              special_tokens: Sequence[str] = (END_OF_TEXT,), min_count: int = 2) -> "BPETokenizer":
        """Learn merges until there are vocab_size tokens (None: 4,096) or no pair is left that is seen min_count times.

        A pair seen once would save one token in one place and tell nothing about the language: hence 2. Which pair
        comes first among equals: see learn_merges. `unknown` is for the other kinds: to bytes, nothing is unknown.
        """
        check_unknown(unknown)
        smallest = 256 + len(special_tokens)
        check_vocab_size(vocab_size, smallest, f"256 bytes and {len(special_tokens)} special tokens are always there")
        counts = Counter()
        for piece in checked(pieces):
            counts.update(PATTERN.findall(piece))
        size = DEFAULT_VOCAB_SIZE if vocab_size is None else vocab_size
        return cls(learn_merges(most_frequent(counts), size - smallest, min_count), special_tokens)

    def encode(self, text: str, special: bool = False) -> list[int]:
        """The ids of text. InputError only for a lone surrogate.

        special: give the special tokens written in text their ids. By default they are text like any other, so that
        what a user types can't end a document or change roles.
        """
        to_utf8(text)
        if not special or not self.special_ids:
            return self.encode_ordinary(text)
        longest_first = sorted(self.special_ids, key=len, reverse=True)  # where one special token begins with another
        ids = []
        for part in regex.split("(" + "|".join(map(regex.escape, longest_first)) + ")", text):
            ids.extend([self.special_ids[part]] if part in self.special_ids else self.encode_ordinary(part))
        return ids

    def encode_ordinary(self, text: str) -> list[int]:
        """encode without special tokens, for text known to have no lone surrogate."""
        ids = []
        for chunk in PATTERN.findall(text):
            known = self.cache.get(chunk)
            if known is None:
                known = apply_merges(list(chunk.encode("utf-8").translate(BYTE_TO_ID)), self.merged)
                if len(chunk) <= CACHED_LENGTH:
                    if len(self.cache) >= CACHED_CHUNKS:
                        self.cache.clear()
                    self.cache[chunk] = known
            ids.extend(known)
        return ids

    def save(self, folder: Path) -> None:
        """Write vocab.json and merges.txt as GPT-2 has them, and tokenizer.json last: where it is, all is there."""
        vocabulary = {token: i for i, token in enumerate(self.tokens)}
        lines = [HEADER, *(f"{self.tokens[left]} {self.tokens[right]}" for left, right in self.merges)]
        write_file(Path(folder) / "vocab.json", json.dumps(vocabulary))
        write_file(Path(folder) / "merges.txt", "\n".join(lines) + "\n")
        settings = {"kind": self.kind, "special_tokens": list(self.special_ids)}
        write_file(Path(folder) / SETTINGS_FILE, json.dumps(settings) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "BPETokenizer":
        settings, merges_path = read_settings(folder, cls.kind), Path(folder) / "merges.txt"
        tokenizer = cls.from_gpt2_files(Path(folder) / "vocab.json", merges_path)
        # Where merges are missing at the end, the tokens that they make look like special ones.
        if settings.get("special_tokens", list(tokenizer.special_ids)) != list(tokenizer.special_ids):
            raise damaged(merges_path, "it does not make all the tokens of vocab.json")
        return tokenizer

    @classmethod
    def from_gpt2_files(cls, vocab_path: Path, merges_path: Path) -> "BPETokenizer":
        """Read a vocabulary in GPT-2's format, GPT-2's own included. FileNotFoundError; InputError where it is damaged.

        The merges say what the tokens are, so the vocabulary only adds the special tokens at its end; but if it numbers
        the others differently, the two files are from different tokenizers, and every text would come out wrong.
        """
        ids = {letter: i for i, letter in enumerate(byte_to_unicode().values())}
        merges = []
        header, *lines = read_file(merges_path).rstrip("\n").split("\n")
        if not header.startswith("#version"):
            raise damaged(merges_path, f"its first line is not {HEADER!r}")
        for number, line in enumerate(lines, start=2):
            left, _, right = line.partition(" ")
            if left not in ids or right not in ids or left + right in ids:
                raise damaged(merges_path, f"line {number} does not join two tokens made before into a new one")
            merges.append((ids[left], ids[right]))
            ids[left + right] = len(ids)
        vocabulary = read_json(vocab_path)
        if not all(isinstance(i, int) for i in vocabulary.values()):
            raise damaged(vocab_path, "not every token has a whole number as its id")
        special_tokens = sorted(vocabulary.keys() - ids.keys(), key=vocabulary.get)
        if vocabulary != ids | {token: len(ids) + i for i, token in enumerate(special_tokens)}:
            raise damaged(vocab_path, f"its {len(vocabulary)} tokens are not those that {merges_path.name} makes")
        try:
            return cls(merges, special_tokens)
        except InputError as error:
            raise damaged(vocab_path, str(error)) from None


def most_frequent(counts: Counter[str], room: int = MOST_TO_LEARN) -> dict[bytes, int]:
    """The chunks to learn from, as ids under 256: all of them, or the most frequent ones that `room` bytes hold.

    Learning takes some 70 bytes of memory for each byte of different chunks. No natural text has so many that it
    matters; but one without any spaces is a single chunk, of which we then take the beginning.
    """
    kept = Counter()
    for chunk, count in counts.most_common():
        ids = chunk.encode("utf-8")[:room].translate(BYTE_TO_ID)
        kept[ids] += count
        room -= len(ids)
        if not room:
            break
    return kept


def apply_merges(ids: list[int], merged: dict[Pair, int]) -> list[int]:
    """Merge ids as training did: always the pair that was learned first, from the left, until no pair is known.

    Searching the whole chunk for the best pair before each merge takes n² steps, and a chunk may be a million letters
    without a space. So the pairs lie in a heap, and each position knows the one before and the one after it (a linked
    list): a merge touches its two neighbours only, n log n steps in all.
    """
    end, gone = len(ids), -1
    ids = [*ids, gone]  # beyond the end stands something that is in no pair
    before, after = list(range(-1, end)), list(range(1, end + 2))
    heap = [(merged[pair], i) for i, pair in enumerate(pairwise(ids)) if pair in merged]
    heapq.heapify(heap)
    while heap:
        token, left = heapq.heappop(heap)
        right = after[left]
        if merged.get((ids[left], ids[right])) != token:
            continue  # an earlier merge took one of the two
        ids[left], ids[right] = token, gone
        after[left], before[after[right]] = after[right], left
        for i in (before[left], left):
            if i >= 0 and (ids[i], ids[after[i]]) in merged:
                heapq.heappush(heap, (merged[ids[i], ids[after[i]]], i))
    return [token for token in ids if token != gone]
