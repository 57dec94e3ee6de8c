"""From `--data` to text: sources, downloads and pieces (minigpt/corpora.py, download.py, pieces.py)."""

import codecs
import dataclasses
import functools
import gc
import hashlib
import http.server
import importlib
import io
import os
import re
import socket
import sys
import threading
import tracemalloc
import types
from pathlib import Path
from unittest import mock

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from minigpt import download, pieces
from minigpt.corpora import Source, find_sources
from minigpt.download import DOWNLOADS, cache_folder, fetch
from minigpt.errors import InputError
from minigpt.pieces import read_pieces


def message_of(caught) -> str:
    """The message of a caught error, which must be one line."""
    message = str(caught.value)
    assert message and "\n" not in message and "\r" not in message
    return message


def text_of(sources) -> str:
    return "".join(read_pieces(sources))


def memory(content: bytes, name: str = "memory") -> Source:
    return Source(name, content=content)


# Finding the sources


def test_a_file_is_read_as_it_is(tmp_path):
    path = tmp_path / "a.bin"  # named by itself, a file may be called anything
    path.write_bytes("one\r\ntwo\rthrée\n\n".encode())
    assert text_of(find_sources([str(path)])) == "one\r\ntwo\rthrée\n\n"


def test_several_files_in_the_order_given_with_a_newline_only_where_one_is_missing(tmp_path):
    names = []
    for name, content in (("c", "no newline"), ("a", "has one\n"), ("e", ""), ("b", "\ufefflast")):
        (tmp_path / name).write_text(content, encoding="utf-8", newline="")
        names.append(str(tmp_path / name))
    assert text_of(find_sources(names)) == "no newline\nhas one\nlast"


def test_a_folder_is_its_visible_text_files_in_order_of_their_paths(tmp_path):
    text_files = ("a/z.txt", "a.txt", "B.TXT", "a-b.md", "a/b/c.py")
    for name in (*text_files, "photo.png", ".hidden.txt", ".git/x.txt", "a/.b/y.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    (tmp_path / "folder.txt").mkdir()
    sources = find_sources([str(tmp_path)])
    assert text_of(sources).split("\n") == ["B.TXT", "a-b.md", "a.txt", "a/b/c.py", "a/z.txt"]
    assert sources[0].path == tmp_path / "B.TXT"


def test_a_hidden_folder_may_be_named_itself(tmp_path):
    (tmp_path / ".notes").mkdir()
    (tmp_path / ".notes" / "a.txt").write_text("text", encoding="utf-8")
    assert text_of(find_sources([str(tmp_path / ".notes")])) == "text"


def test_a_folder_without_text_says_so(tmp_path):
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    with pytest.raises(InputError) as caught:
        find_sources([str(tmp_path)])
    assert str(tmp_path) in message_of(caught) and "name the files" in message_of(caught)


def test_standard_input_can_be_read_twice_and_its_copy_is_removed(monkeypatch):
    content = ("ein Wört\r\n" * 20_000).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="ascii"))
    sources = find_sources(["-"])
    first, second = read_pieces(sources, 1000), read_pieces(sources, 1000)
    for one, other in zip(first, second, strict=True):  # even both at once
        assert one == other
    assert text_of(sources) == content.decode()
    copy = sources[0].path
    assert copy.exists()
    del sources, first, second, one, other
    gc.collect()
    assert not copy.exists()


def test_standard_input_twice_is_refused():
    with pytest.raises(InputError) as caught:
        find_sources(["-", "-"])
    assert "twice" in message_of(caught)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_can_be_read_twice(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"through a pipe",))
    writer.start()
    sources = find_sources([str(pipe)])
    writer.join()
    assert text_of(sources) == text_of(sources) == "through a pipe"


def test_pydoc_is_the_topics_in_sorted_order():
    topics = importlib.import_module("pydoc_data.topics").topics
    text = text_of(find_sources(["pydoc"]))
    assert text == "\n".join(topics[topic] for topic in sorted(topics))
    assert len(text) > 400_000


def test_the_order_of_the_topics_in_this_python_does_not_matter(monkeypatch):
    topics = types.SimpleNamespace(topics={"b": "second\n", "a": "first\n"})
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", topics)
    assert text_of(find_sources(["pydoc"])) == "first\n\nsecond\n"


def test_without_pydoc_the_message_names_the_flag(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)  # makes the import fail
    with pytest.raises(InputError) as caught:
        find_sources(["pydoc"])
    assert "pydoc_data" in message_of(caught) and "--data FILE" in message_of(caught)


def test_a_local_file_wins_over_a_corpus_of_the_same_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("shakespeare").write_text("mine", encoding="utf-8")
    Path("pydoc").mkdir()
    Path("pydoc/a.txt").write_text("mine too", encoding="utf-8")
    assert text_of(find_sources(["shakespeare", "pydoc"])) == "mine\nmine too"


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("shakespear", "did you mean shakespeare?"),
        ("NAMES", "did you mean names?"),
        ("pydocs", "did you mean pydoc?"),
        ("missing/input.txt", "names, pydoc, shakespeare"),
        ("", "names, pydoc, shakespeare"),
        ("two\nlines\0", "names, pydoc, shakespeare"),
        ("text itself " * 1000, "names, pydoc, shakespeare"),
    ],
)
def test_a_name_that_is_nothing_offers_what_there_is(name, cure):
    with pytest.raises(FileNotFoundError) as caught:
        find_sources([name])
    message = message_of(caught)
    assert cure in message and repr(name)[1:40].rstrip("'") in message and len(message) < 250


def test_no_name_at_all_is_refused():
    with pytest.raises(InputError) as caught:
        find_sources([])
    assert "--data" in message_of(caught)


def test_a_source_that_is_gone_or_can_not_be_opened(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("text", encoding="utf-8")
    sources = find_sources([str(path)])
    path.unlink()
    with pytest.raises(FileNotFoundError) as caught:
        text_of(sources)
    assert str(path) in message_of(caught)
    path.mkdir()  # opening a folder fails on every system, whoever the user is
    with pytest.raises(InputError) as caught:
        text_of(sources)
    assert str(path) in message_of(caught) and "permissions" in message_of(caught)


# Downloads


CONTENT = b"Emma\nOlivia\n"


def serve_from(monkeypatch, url: str, content: bytes = CONTENT) -> str:
    """Lets the corpus "names" be `content` at `url`; returns its sha256."""
    sha256 = hashlib.sha256(content).hexdigest()
    corpus = dataclasses.replace(DOWNLOADS["names"], url=url, num_bytes=len(content), sha256=sha256)
    monkeypatch.setitem(DOWNLOADS, "names", corpus)
    monkeypatch.setenv("no_proxy", "*")
    return sha256


def test_a_download_is_kept_and_not_repeated(tmp_path, monkeypatch, capsys):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    (tmp_path / "names").write_bytes(CONTENT)
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        serve_from(monkeypatch, f"http://127.0.0.1:{server.server_port}/names")
        cache = tmp_path / "new" / "cache"
        try:
            sources = find_sources(["names"], cache)
        finally:
            server.shutdown()
            thread.join()
    assert text_of(sources) == CONTENT.decode()
    assert [path.name for path in cache.iterdir()] == ["names.txt"]  # and no temporary file
    output = capsys.readouterr()
    assert output.out == "" and "downloading http://127.0.0.1" in output.err
    assert text_of(find_sources(["names"], cache)) == CONTENT.decode()  # the server is gone by now
    assert capsys.readouterr().err == ""


def test_a_download_with_the_wrong_content_is_not_kept(tmp_path, monkeypatch):
    page = tmp_path / "page"
    page.write_bytes(CONTENT[:-1] + b"!")
    sha256 = serve_from(monkeypatch, page.as_uri())
    with pytest.raises(InputError) as caught:
        fetch("names", tmp_path / "cache")
    message = message_of(caught)
    assert "wrong content" in message and sha256 in message and str(tmp_path / "cache" / "names.txt") in message
    assert page.as_uri() in message and not (tmp_path / "cache").exists()


def test_a_download_that_is_too_long_is_cut_off(tmp_path, monkeypatch):
    page = tmp_path / "page"
    page.write_bytes(CONTENT + b"x" * 100_000)
    serve_from(monkeypatch, page.as_uri())
    with pytest.raises(InputError) as caught:
        fetch("names", tmp_path)
    assert f"({len(CONTENT) + 1} bytes" in message_of(caught)


def test_without_a_network_the_message_says_what_to_do_by_hand(tmp_path, monkeypatch):
    with socket.socket() as unused:  # a port that nobody answers on
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/names"
    sha256 = serve_from(monkeypatch, url)
    with pytest.raises(InputError) as caught:
        find_sources(["names"], tmp_path)
    message = message_of(caught)
    assert "could not be downloaded" in message and "by hand" in message
    assert all(part in message for part in (url, str(tmp_path / "names.txt"), sha256))

    (tmp_path / "names.txt").write_bytes(CONTENT)
    assert text_of(find_sources(["names"], tmp_path)) == CONTENT.decode()


@pytest.mark.parametrize("reply", [b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nEmma", b"what?\r\n\r\n", b""])
def test_an_answer_that_breaks_off_or_is_none_is_an_input_error(tmp_path, monkeypatch, reply):
    with socket.create_server(("127.0.0.1", 0)) as server:
        serve_from(monkeypatch, f"http://127.0.0.1:{server.getsockname()[1]}/names")

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(reply)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(InputError) as caught:
            fetch("names", tmp_path)
        thread.join()
    assert "by hand" in message_of(caught) and not list(tmp_path.iterdir())


def test_a_file_put_in_the_cache_by_hand_is_checked(tmp_path):
    (tmp_path / "shakespeare.txt").write_bytes(b"To be")
    with pytest.raises(InputError) as caught:
        fetch("shakespeare", tmp_path)
    assert "delete the file" in message_of(caught) and DOWNLOADS["shakespeare"].sha256 in message_of(caught)


def test_a_cache_folder_that_can_not_be_made_names_the_variable(tmp_path, monkeypatch):
    (tmp_path / "page").write_bytes(CONTENT)
    serve_from(monkeypatch, (tmp_path / "page").as_uri())
    with pytest.raises(InputError) as caught:
        fetch("names", tmp_path / "page" / "cache")
    assert "MINIGPT_CACHE" in message_of(caught)


def test_the_corpora_on_the_web_are_the_published_ones():
    shakespeare, names = DOWNLOADS["shakespeare"], DOWNLOADS["names"]
    assert shakespeare.url.endswith("/karpathy/char-rnn/master/data/tinyshakespeare/input.txt")
    assert shakespeare.num_bytes == 1_115_394 and shakespeare.sha256.startswith("86c4e6aa")
    assert names.url.endswith("/karpathy/makemore/master/names.txt")
    assert names.num_bytes == 228_145 and names.sha256.startswith("0a30b555")
    assert all(len(corpus.sha256) == 64 and corpus.url.startswith("https://") for corpus in DOWNLOADS.values())


def test_the_cache_folder_of_each_platform(tmp_path, monkeypatch):
    monkeypatch.setattr(download.Path, "home", lambda: tmp_path)
    for name in ("MINIGPT_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)

    def on(platform):
        with mock.patch.object(sys, "platform", platform):
            return cache_folder()

    assert on("linux") == tmp_path / ".cache" / "minigpt"
    assert on("darwin") == tmp_path / "Library" / "Caches" / "minigpt"
    assert on("win32") == tmp_path / "AppData" / "Local" / "minigpt"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert on("linux") == tmp_path / "xdg" / "minigpt"
    assert on("win32") == tmp_path / "local" / "minigpt"
    monkeypatch.setenv("MINIGPT_CACHE", str(tmp_path / "mine"))
    assert on("linux") == on("darwin") == on("win32") == tmp_path / "mine"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "names.txt").write_bytes(CONTENT)
    serve_from(monkeypatch, "http://127.0.0.1:1/")
    assert fetch("names") == tmp_path / "mine" / "names.txt"


# Pieces

# Letters, digits, signs; one to four bytes of UTF-8; white space of every sort, and what only `re` takes for it.
INTERESTING = "aB1.'s ‘é中😀\n\r\t\x85\u00a0\u3000\u2028\x1c\x1f\ufeff"
CHARACTERS = st.sampled_from(INTERESTING) | st.characters(codec="utf-8")
TEXTS = st.text(CHARACTERS, max_size=20) | st.text(CHARACTERS, min_size=50, max_size=200)
GPT2_PATTERN = regex.compile(r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
WORD_PATTERNS = [regex.compile(r"\w+(?:['’]\w+)*|\s|[^\w\s]"), re.compile(r"\s+|\S+"), re.compile(r"\b\w+\b|.", re.S)]


def is_legal(text: str, place: int) -> bool:
    """Right before white space that follows something else, by both definitions of white space."""
    before, after = text[place - 1], text[place]
    return not before.isspace() and regex.match(r"\s", after) is not None


@settings(deadline=None, max_examples=300)
@given(TEXTS, st.integers(1, 6), st.integers(1, 9))
def test_pieces_are_the_text_and_end_at_the_first_legal_place(text, size, block):
    with mock.patch.object(pieces, "_BLOCK", block):
        if not text.removeprefix("\ufeff"):
            with pytest.raises(InputError):
                list(read_pieces([memory(text.encode())], size))
            return
        parts = list(read_pieces([memory(text.encode())], size))
    text = text.removeprefix("\ufeff")
    assert "".join(parts) == text and all(parts)
    begin = 0
    for part in parts:
        last = begin + len(part) == len(text)
        places = [i for i in range(begin + size, min(begin + 16 * size + 1, len(text))) if is_legal(text, i)]
        if places:
            assert begin + len(part) == places[0]
        else:
            assert len(part) == min(16 * size, len(text) - begin) and (last or len(part) == 16 * size)
        begin += len(part)


@settings(deadline=None, max_examples=300)
@given(TEXTS, st.integers(1, 6))
def test_tokens_of_the_pieces_are_tokens_of_the_text(text, size):
    if not (text := text.replace("\ufeff", "")):
        return
    with mock.patch.object(pieces, "_LONGEST", 1 << 30):  # no cut in the middle of a word
        parts = list(read_pieces([memory(text.encode())], size))
    for pattern in [GPT2_PATTERN, *WORD_PATTERNS]:
        assert [match for part in parts for match in pattern.findall(part)] == pattern.findall(text)


def test_every_end_of_a_piece_is_white_by_both_definitions():
    characters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    white = {c for c in characters if pieces.END_OF_PIECE.search("a" + c)}
    assert white == set(regex.findall(r"\s", "".join(characters))) and all(c.isspace() for c in white)
    solid = {c for c in characters if pieces.END_OF_PIECE.search(c + " ")}
    assert not any(c.isspace() for c in solid) and len(solid) > 1_000_000


def test_a_text_without_white_space_is_cut_at_the_bound():
    text = "中文" * 100_000
    parts = list(read_pieces([memory(text.encode())], 1000))
    assert "".join(parts) == text and {len(part) for part in parts[:-1]} == {16_000}


def test_pieces_are_about_the_size_asked_for():
    text = "some words to read " * 50_000
    lengths = [len(part) for part in read_pieces([memory(text.encode())], 10_000)]
    assert all(10_000 <= length < 10_010 for length in lengths[:-1]) and lengths[-1] < 10_010


@settings(deadline=None, max_examples=300)
@given(TEXTS, st.binary(min_size=1, max_size=4), st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 9))
def test_the_offset_of_a_bad_byte_is_exact(text, junk, place, size, block):
    content = text.encode()
    place %= len(content) + 1
    content = content[:place] + junk + content[place:]
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        expected = f"byte 0x{content[error.start]:02x} at offset {error.start}:"
    else:
        return  # the junk happened to be text
    with mock.patch.object(pieces, "_BLOCK", block), pytest.raises(InputError) as caught:
        list(read_pieces([memory(b"first file"), memory(content, "second.txt")], size))
    message = message_of(caught)
    assert message.startswith("second.txt is not UTF-8") and expected in message and "convert" in message


@pytest.mark.parametrize("end", [b"\xe4\xb8", b"\xf0\x9f\x98", b"\xc3"])
def test_a_character_cut_off_by_the_end_of_the_file(end):
    content = b"a" * 65_535 + end  # so that a block ends inside the character
    with pytest.raises(InputError) as caught:
        text_of([memory(content)])
    assert f"byte 0x{end[0]:02x} at offset 65535:" in message_of(caught)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
def test_utf_16_is_recognised_by_its_mark(encoding):
    mark = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""
    with pytest.raises(InputError) as caught:
        text_of([memory(mark + "text".encode(encoding), "notes.txt")])
    message = message_of(caught)
    assert f"looks like {encoding[:6].upper()}" in message and "offset 0" in message and "save it as UTF-8" in message


@pytest.mark.parametrize("block", [1, 2, 3, 4, 1000])
def test_only_a_mark_at_the_start_of_a_file_is_dropped(monkeypatch, block):
    monkeypatch.setattr(pieces, "_BLOCK", block)
    sources = [memory(codecs.BOM_UTF8 + "a\ufeffb\n".encode()), memory(codecs.BOM_UTF8 * 2 + b"c")]
    assert text_of(sources) == "a\ufeffb\n\ufeffc"


@pytest.mark.parametrize("contents", [[b""], [codecs.BOM_UTF8], [b"", b"", b"", b""]])
def test_no_text_at_all_is_refused(contents):
    sources = [memory(content, f"file{i}.txt") for i, content in enumerate(contents)]
    with pytest.raises(InputError) as caught:
        list(read_pieces(sources))
    message = message_of(caught)
    assert "no text in file0.txt" in message and "file3.txt" not in message and "isn't empty" in message


def test_a_corpus_streams_in_far_less_memory_than_it_has(tmp_path):
    path = tmp_path / "large.txt"
    path.write_bytes("some words, ein paar Wörter\n".encode() * 600_000)  # 17 MB
    tracemalloc.start()
    characters = sum(len(part) for part in read_pieces(find_sources([str(path)]), 1 << 16))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert characters == 28 * 600_000 and peak < path.stat().st_size / 10
