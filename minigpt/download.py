"""The two corpora fetched by URL, at the user's request only, and checked byte for byte.

A download is trusted for its SHA-256 and for nothing else. Only content with the right checksum is written, and under a
temporary name first, so a file that stands in the cache folder under its own name is whole. Without a network the same
file may be put there by hand; every error message says where, and which checksum it must have.

The cache folder is MINIGPT_CACHE where that is set, else the platform's usual place for a user's caches:
    Linux     $XDG_CACHE_HOME/minigpt, else ~/.cache/minigpt
    macOS     ~/Library/Caches/minigpt
    Windows   %LOCALAPPDATA%/minigpt
"""

import hashlib
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from minigpt.errors import InputError


@dataclass(frozen=True)
class Download:
    """A file on the web: where it is, what it is called in the cache folder, how long it is, and its SHA-256."""

    url: str
    file_name: str
    num_bytes: int
    sha256: str


DOWNLOADS = {
    # Two small corpora: 40,000 lines of plays, and 32,000 first names, one a line.
    "shakespeare": Download(
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        "shakespeare.txt",
        1_115_394,
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    ),
    "names": Download(
        "https://raw.githubusercontent.com/karpathy/makemore/master/names.txt",
        "names.txt",
        228_145,
        "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
    ),
}


def cache_folder() -> Path:
    """The folder for downloads, as described above; it is not created here."""
    chosen = os.environ.get("MINIGPT_CACHE")
    if chosen:
        return Path(chosen)
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "minigpt"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "minigpt"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "minigpt"


def fetch(name: str, cache: Path | None = None) -> Path:
    """The path of the corpus `name` (a key of DOWNLOADS) in the cache folder, downloaded if it isn't there yet.

    Raises InputError, with what to do by hand, when the network, the checksum or the folder fails.
    """
    corpus = DOWNLOADS[name]
    path = (cache or cache_folder()) / corpus.file_name
    if path.is_file():
        # Checked at every use, since a file may also have been put here by hand; at this size it costs milliseconds.
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != corpus.sha256:
            raise InputError(
                f"{path} is not the corpus {name!r}: its sha256 is {found}, expected {corpus.sha256}: "
                "delete the file and run again"
            )
        return path
    by_hand = f"get {corpus.url} by hand and save it as {path} (sha256 {corpus.sha256})"
    content = _download(name, corpus, path, by_hand)
    found = hashlib.sha256(content).hexdigest()
    if found != corpus.sha256:
        raise InputError(
            f"the download of the corpus {name!r} has the wrong content ({len(content)} bytes, sha256 {found}); "
            f"a proxy's page, or a broken connection: {by_hand}"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, content)
    except OSError as error:
        raise InputError(
            f"the corpus {name!r} can't be kept in {path.parent} ({error.strerror or error}): "
            "set the environment variable MINIGPT_CACHE to a folder that you may write to"
        ) from error
    return path


def _download(name: str, corpus: Download, path: Path, by_hand: str) -> bytes:
    # Imported only here: these open sockets, and minigpt must also import where there are none (a browser).
    import http.client
    import urllib.request

    print(f"downloading {corpus.url} to {path}", file=sys.stderr)
    try:
        with urllib.request.urlopen(corpus.url, timeout=30) as response:
            # One byte more than there should be: enough to see that a page is too long, and never more than that.
            return response.read(corpus.num_bytes + 1)
    except (OSError, http.client.HTTPException) as error:
        reason = " ".join(str(getattr(error, "reason", "") or error).split()) or type(error).__name__
        raise InputError(f"the corpus {name!r} could not be downloaded ({reason}): {by_hand}") from error


def _write(path: Path, content: bytes) -> None:
    # A name of its own, so that two runs that download at the same time don't write into each other's file.
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, suffix=".part", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(content)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
    temporary.replace(path)
