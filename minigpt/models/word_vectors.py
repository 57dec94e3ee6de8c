"""Word vectors in use: the nearest words, analogies, a picture, and word2vec's two file formats.

    cosine       cos(a, b) = a·b / (|a| |b|)               the angle alone; a vector's length tells mostly how frequent
    neighbours   the words with the largest cosine
    analogy      a is to b as c is to ?                    argmax of cos(d, b - a + c) over d, at unit length (3CosAdd)
    plane        the two directions in which the vectors differ most: the first two right singular vectors of the
                 vectors, their mean subtracted (principal components)

    text file    "V C", a line;  then V lines "word x_1 ... x_C"
    binary file  "V C", a line;  then V times: word, a space, C little-endian floats of 4 bytes, a line feed

Sources: Mikolov et al. (2013c), "Linguistic regularities", for the analogies; the name 3CosAdd, Levy & Goldberg (2014);
the formats are those that word2vec's program writes.
"""

import difflib
from pathlib import Path

import numpy as np

from minigpt.errors import InputError

FLOAT = np.dtype("<f4")  # the files' own format, whatever the precision in use


class WordVectors:
    """words[i] has vectors[i]; vectors (V, C) on the host. Raises InputError where they don't fit together."""

    def __init__(self, words: list[str], vectors: np.ndarray):
        vectors = np.asarray(vectors)
        if vectors.ndim != 2 or len(words) != len(vectors) or not len(words) or not vectors.shape[1]:
            raise InputError(f"{len(words)} words and vectors {vectors.shape}: give (V, C), one row for each word")
        if not np.isfinite(vectors).all():
            raise InputError("the vectors hold NaN or infinity: train again with a smaller learning rate or batch")
        self.words, self.vectors = list(words), vectors
        self.ids = {word: place for place, word in enumerate(self.words)}
        if len(self.ids) < len(self.words):
            twice = next(word for place, word in enumerate(self.words) if self.ids[word] != place)
            raise InputError(f"the word {twice[:40]!r} has two vectors: leave one of them out")

    def id(self, word: str) -> int:
        """The row of a word. Raises InputError, with the nearest spellings, for one outside the vocabulary."""
        if word not in self.ids:
            near = difflib.get_close_matches(word, self.words)
            hint = f"did you mean {' or '.join(near)}?" if near else "fastText has vectors for unseen words"
            raise InputError(f"{word[:40]!r} is not among these {len(self.words)} words: {hint}")
        return self.ids[word]

    def vector(self, word: str) -> np.ndarray:
        return self.vectors[self.id(word)]

    def unit(self) -> np.ndarray:
        """All vectors (V, C) at length 1; a vector of zeros stays one."""
        length = np.sqrt((self.vectors**2).sum(axis=1, keepdims=True))
        return self.vectors / np.where(length == 0, 1, length)

    def cosine(self, a: str, b: str) -> float:
        unit = self.unit()
        return float(unit[self.id(a)] @ unit[self.id(b)])

    def neighbours(self, of, count: int = 10, without=()) -> list[tuple[str, float]]:
        """The words nearest to a word, itself left out, or to a vector (C,), with their cosines."""
        if isinstance(of, str):
            of, without = self.vector(of), (of, *without)
        of = np.asarray(of)
        if of.shape != self.vectors.shape[1:]:
            raise InputError(f"the vector has the shape {of.shape}, these have {self.vectors.shape[1]} channels: give "
                             "one of theirs")
        scores = self.unit() @ of / max(float(np.sqrt(of @ of)), 1e-30)
        scores[[self.id(word) for word in without]] = -np.inf
        best = np.argsort(-scores, kind="stable")[:max(min(count, len(self.words) - len(set(without))), 0)]
        return [(self.words[i], float(scores[i])) for i in best]

    def analogy(self, a: str, b: str, c: str, count: int = 1) -> list[tuple[str, float]]:
        """a is to b as c is to ...: the words nearest to b - a + c. Without a, b and c, which would often win."""
        unit = self.unit()
        return self.neighbours(unit[self.id(b)] - unit[self.id(a)] + unit[self.id(c)], count, (a, b, c))

    def accuracy(self, questions) -> float:
        """The share of questions (a, b, c, d) whose analogy is d. Raises InputError for none."""
        if not questions:
            raise InputError("there is no question to answer: give at least one (a, b, c, d)")
        return sum(self.analogy(a, b, c)[0][0] == d for a, b, c, d in questions) / len(questions)

    def plane(self, words: list[str]) -> np.ndarray:
        """The places (len(words), 2) of words in the plane of their first two principal components."""
        if len(words) < 3 or self.vectors.shape[1] < 2:
            raise InputError(f"{len(words)} words of {self.vectors.shape[1]} channels have no plane: give at least 3 "
                             "words and 2 channels")
        x = np.stack([self.vector(word) for word in words])
        x = x - x.mean(axis=0)
        directions = np.linalg.svd(x, full_matrices=False)[2][:2]  # (2, C); the data is x = U S directions
        # A direction and its opposite are equally good: take the one whose largest entry is positive.
        largest = directions[np.arange(2), np.abs(directions).argmax(axis=1)]
        return x @ (directions * np.sign(largest)[:, None]).T

    def save(self, path: Path, binary: bool = False) -> None:
        """Write all vectors in word2vec's format. Raises InputError for words that it can't hold."""
        for word in self.words:
            if not word or any(c.isspace() for c in word):
                raise InputError(f"the word {word[:40]!r} is empty or has white space in it, which this format takes "
                                 "as the end of a word: replace it, by _ for example")
        rows = self.vectors.astype(FLOAT)
        temporary = Path(path).with_name(Path(path).name + ".tmp")
        with temporary.open("wb") as file:
            file.write(f"{rows.shape[0]} {rows.shape[1]}\n".encode("ascii"))
            for word, row in zip(self.words, rows):
                numbers = row.tobytes() if binary else " ".join(row.astype(str)).encode("ascii")  # shortest exact
                file.write(word.encode("utf-8") + b" " + numbers + b"\n")
        temporary.replace(path)

    @classmethod
    def load(cls, path: Path, binary: bool = False, d_model: int | None = None) -> "WordVectors":
        """Read word2vec's format, text or binary; d_model: how many channels there must be.

        Raises FileNotFoundError, and InputError for a file that is cut short or damaged.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {path}: check the path")
        data = path.read_bytes()
        header, _, body = data.partition(b"\n")
        numbers = header.split()
        if len(header) > 50 or len(numbers) != 2 or not all(number.isdigit() for number in numbers):
            raise InputError(f"{path} doesn't begin with the number of words and of channels, as in \"10000 100\", but "
                             f"with {header[:30]!r}: is it a file of word2vec?")
        V, C = int(numbers[0]), int(numbers[1])
        if not V or not C:
            raise InputError(f"{path} says that it holds {V} words of {C} channels: there is nothing in it")
        if d_model is not None and C != d_model:
            raise InputError(f"{path} has vectors of {C} channels, not {d_model}: make the model with d_model {C}")
        if V * (2 + (C * FLOAT.itemsize if binary else 2 * C)) > len(body) + 1:  # before memory is taken for it
            raise InputError(f"{path} says that it holds {V} words of {C} channels, but {len(body)} bytes are too few "
                             "for that: it was cut short, or it is of the other kind (binary or text)")
        words, vectors = (_read_binary if binary else _read_text)(path, body, V, C)
        try:
            return cls(words, vectors)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None


def _read_binary(path: Path, body: bytes, V: int, C: int):
    words, vectors, place, size = [], np.empty((V, C), FLOAT), 0, C * FLOAT.itemsize
    for i in range(V):
        space = body.find(b" ", place)
        if space < 0 or space + 1 + size > len(body):
            raise InputError(f"{path} ends in word {i + 1} of {V}: it was cut short; get it again")
        words.append(_word(path, body[place:space].lstrip(b"\n"), i))  # some programs write line feeds, some don't
        vectors[i] = np.frombuffer(body, FLOAT, C, space + 1)
        place = space + 1 + size
    if body[place:].strip(b"\n"):
        raise InputError(f"{path} goes on after its {V} words of {C} channels: the first line doesn't fit the rest")
    return words, vectors


def _read_text(path: Path, body: bytes, V: int, C: int):
    lines = body.removesuffix(b"\n").split(b"\n")
    if len(lines) != V:
        raise InputError(f"{path} has {len(lines)} words, its first line says {V}: it was cut short, or changed")
    words, vectors = [], np.empty((V, C), FLOAT)
    for i, line in enumerate(lines):
        word, *numbers = line.rstrip(b" \r").split(b" ")
        if len(numbers) != C:
            raise InputError(f"{path}: word {i + 1} has {len(numbers)} numbers, the first line says {C}: it was cut "
                             "short, or changed")
        words.append(_word(path, word, i))
        try:
            vectors[i] = [float(number) for number in numbers]
        except ValueError:
            raise InputError(f"{path}: word {i + 1}, {words[i][:40]!r}, has something that is no number") from None
    return words, vectors


def _word(path: Path, word: bytes, i: int) -> str:
    try:
        return word.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path}: word {i + 1} is not UTF-8: is the file binary, or of another program?") from None
