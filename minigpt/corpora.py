"""From what stands behind `--data` to sources of UTF-8 text: files, folders, standard input, corpora known by name.

Nothing is read here that can be read later: a source only says where its bytes are, and can be opened as often as one
likes, since text is read twice, once to train the tokenizer and once to encode it. pieces.py turns sources into text.
"""

import contextlib
import difflib
import importlib
import io
import shutil
import sys
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from minigpt.download import DOWNLOADS, fetch
from minigpt.errors import InputError

CORPORA = tuple(sorted(["pydoc", *DOWNLOADS]))

# In a folder, a file counts as text by the end of its name; to read any other file, name the file itself.
TEXT_SUFFIXES = (
    *(".txt", ".text", ".md", ".markdown", ".rst", ".tex", ".org", ".adoc", ".srt"),
    *(".html", ".htm", ".xml", ".css", ".csv", ".tsv", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".ini"),
    *(".py", ".c", ".h", ".cc", ".cpp", ".hpp", ".rs", ".go", ".java", ".js", ".ts", ".sh", ".sql", ".lua", ".rb"),
)


@dataclass(frozen=True)
class Source:
    """One stretch of UTF-8 bytes that can be read as often as one likes: a file, or bytes held in memory."""

    name: str  # as messages call it
    path: Path | None = None
    content: bytes = b""

    def open(self) -> BinaryIO:
        """A fresh binary file at byte 0. Raises FileNotFoundError or InputError when the file can't be opened."""
        if self.path is None:
            return io.BytesIO(self.content)
        try:
            return self.path.open("rb")
        except FileNotFoundError:
            raise FileNotFoundError(f"{self.name} is no longer there: put it back, or change --data") from None
        except OSError as error:
            raise InputError(f"{self.name} can't be read ({error.strerror}): change its permissions") from error


def find_sources(names: Sequence[str], cache: Path | None = None) -> list[Source]:
    """The sources behind the names given to `--data`, in the order given.

    A name is a file; a folder, which stands for the text files anywhere below it, hidden ones left out, in the order of
    their paths; "-", which is standard input, read to its end here; or one of CORPORA. A file or folder wins over a
    corpus of the same name. `cache` is the folder for downloads (default: download.cache_folder()).
    Raises FileNotFoundError for a name that is none of these, and InputError for a folder without text, for "-" given
    twice, and for a corpus that can't be had.
    """
    if not names:
        raise InputError("no text was named: give --data a file, a folder, - or one of " + ", ".join(CORPORA))
    if list(names).count("-") > 1:
        raise InputError("--data names - twice, but standard input can be read only once: name it once")
    return [source for name in names for source in _find(name, cache)]


def _find(name: str, cache: Path | None) -> list[Source]:
    if name == "-":
        return [_spool("standard input", sys.stdin.buffer)]
    path = Path(name)
    if name and _exists(path):  # Path("") would be the current folder
        if path.is_dir():
            return _files_below(path)
        if path.is_file():
            return [Source(name, path)]
        with path.open("rb") as stream:  # a named pipe, as in --data <(command)
            return [_spool(name, stream)]
    if name == "pydoc":
        return [Source(name, content=_pydoc().encode("utf-8"))]
    if name in DOWNLOADS:
        return [Source(name, fetch(name, cache))]
    near = difflib.get_close_matches(name.lower(), CORPORA)
    cure = f"did you mean {' or '.join(near)}?" if near else f"check the spelling, or take one of {', '.join(CORPORA)}"
    shown = name if len(name) <= 80 else name[:77] + "..."
    raise FileNotFoundError(f"--data {shown!r} is no file, no folder and no corpus: {cure}")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # too long for a path, say because it is the text itself
        return False


def _files_below(folder: Path) -> list[Source]:
    # Sorted, since the order in which a folder lists its files differs between machines; by the path written with /,
    # since \ on Windows would sort elsewhere.
    files = sorted(
        (path for path in folder.rglob("*") if path.suffix.lower() in TEXT_SUFFIXES),
        key=lambda path: path.relative_to(folder).as_posix(),
    )
    visible = [path for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    sources = [Source(str(path), path) for path in visible if path.is_file()]
    if not sources:
        raise InputError(
            f"the folder {folder} has no text file in it (.txt, .md, .py, ..., not hidden): name the files themselves"
        )
    return sources


def _spool(name: str, stream: BinaryIO) -> Source:
    # A pipe can be read only once, so its bytes go to a file: they may be more than memory holds.
    with tempfile.NamedTemporaryFile(prefix="minigpt-", suffix=".txt", delete=False) as file:
        source = Source(name, Path(file.name))
        weakref.finalize(source, _remove, source.path)  # when the source is gone, at the latest when Python ends
        shutil.copyfileobj(stream, file)
    return source


def _remove(path: Path) -> None:
    # Windows removes no file that is still open; a temporary file left behind is no reason to fail.
    with contextlib.suppress(OSError):
        path.unlink()


def _pydoc() -> str:
    """What `help()` knows of the language, half a million characters of English; a little different in each Python."""
    try:
        topics = importlib.import_module("pydoc_data.topics").topics
    except ImportError:
        raise InputError(
            "this Python comes without pydoc_data, the text minigpt trains on by default: "
            "name a UTF-8 text file with --data FILE"
        ) from None
    return "\n".join(topics[topic] for topic in sorted(topics))
