"""Read and write labelled text in its two common forms, so that your own corpus can take the place of ours.

    segmented: a line a sentence, words with        tagged: a line a token, its tag behind it; an empty line
    spaces between them                             ends a sentence

        研究 生命 的 奥秘 。                            They    PRON
        他 从小 学 音乐 。                              book    VERB
                                                    .       PUNCT

Files are UTF-8. A mistake is named with its line, as a corpus with a fault in line 40,000 must be mended by someone.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from minigpt.errors import InputError
from minigpt.text.base import write_file

Tagged = list[tuple[str, str]]


def read_segmented(path: Path) -> list[list[str]]:
    """The sentences of a segmented file, lists of words. Lines with white space alone are left out.

    FileNotFoundError for a missing file; InputError for one that is no UTF-8 or has no words.
    """
    sentences = [words for line in _lines(path) if (words := line.split())]  # split() knows U+3000 as well
    if not sentences:
        raise InputError(f"{path} has no words: give a file with a sentence a line and spaces between the words")
    return sentences


def read_tagged(path: Path, column: int = -1) -> list[Tagged]:
    """The sentences of a tagged file, lists of (token, tag); columns are separated by tabs, or else by spaces.

    column: which one has the tag, the last by default (the token is the first). Errors as in read_segmented; InputError
    also for a line without a tag.
    """
    sentences, sentence = [], []
    for number, line in enumerate([*_lines(path), ""], 1):
        parts = line.rstrip("\r\n").split("\t") if "\t" in line else line.split()
        if not any(part.strip() for part in parts):
            if sentence:
                sentences.append(sentence)
            sentence = []
            continue
        try:
            token, tag = parts[0].strip(), parts[column].strip()
        except IndexError:
            token = tag = ""
        if len(parts) < 2 or not token or not tag:
            raise InputError(f"{path}, line {number}: {line.strip()[:40]!r} has no token and tag in columns 1 and "
                             f"{column + 1 if column >= 0 else 'last'}: write a token, a tab or space and its tag, and "
                             f"an empty line between sentences")
        sentence.append((token, tag))
    if not sentences:
        raise InputError(f"{path} has no tokens: give a file with a token and its tag a line")
    return sentences


def write_segmented(path: Path, sentences: Iterable[Sequence[str]]) -> None:
    """One sentence a line. InputError for a word that white space would cut in two, or that is empty."""
    write_file(Path(path), "".join(" ".join(map(_whole, words)) + "\n" for words in sentences))


def write_tagged(path: Path, sentences: Iterable[Tagged]) -> None:
    """One token a line, a tab, its tag, and an empty line after each sentence. InputError as in write_segmented."""
    write_file(Path(path), "".join("".join(f"{_whole(word)}\t{_whole(tag)}\n" for word, tag in sentence) + "\n"
                                   for sentence in sentences))


def _whole(word: str) -> str:
    if len(word.split()) != 1 or word != word.strip():
        raise InputError(f"{word[:40]!r} is empty or has white space in it, which separates words in these files: cut "
                         f"it, or take the white space out")
    return word


def _lines(path: Path) -> list[str]:
    """The lines of a UTF-8 file, with or without a byte order mark; only line feeds end a line."""
    try:
        return Path(path).read_text(encoding="utf-8-sig").split("\n")
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"there is no file {path}: check the path") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8; older Chinese corpora are often "
                         f"GB18030") from None
