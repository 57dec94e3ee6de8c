"""Characters, bytes, words, and what all tokenizers share: nothing is lost, and bad input is named."""

import json
from itertools import pairwise

import numpy as np
import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minigpt.errors import InputError
from minigpt.text.base import printable, write_file
from minigpt.text.bpe import BPETokenizer
from minigpt.text.byte_level import ByteTokenizer, byte_to_unicode
from minigpt.text.characters import CharacterTokenizer
from minigpt.text.streaming import StreamDecoder
from minigpt.text.tokenizer import KINDS, load_tokenizer, train_tokenizer
from minigpt.text.words import WordTokenizer

AWKWARD = {
    "empty": "",
    "NUL": "a\0b\0",
    "Chinese": "从零开始，手写反向传播。",
    "joined emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽!",
    "combining marks": "e\u0301 a\u0308\u0323 \u0301 क्षि",
    "right to left": "שלום, עולם! مرحبا \u200fx\u200e",
    "spaces": "   a  b   \n\n\n  c \t\t d    ",
    "line ends": "one\r\ntwo\rthree\n\r\n\u2028\x85\x0b\x0c",
    "separators": "a\x1cb\x1d\x1e\x1f c\xa0d\u3000e",
    "contractions": "I'm we'll DON'T he'S it's 'tis rock'n'roll x'' ’ve",
    "numbers": "3.14 1,000 ²½ Ⅷ ٣ 1a2",
    "special token": "<|endoftext|><unk> <|endoftext|",
    "code": "def __init__(self, *args): return f'{x!r}'  # _",
    "last code points": "\uffff\U0010ffff\ue000",
}
any_text = st.text(st.characters(exclude_categories=["Cs"]))
repeatable = settings(deadline=None, derandomize=True, max_examples=60)
SAMPLE = "The quick brown fox doesn't jump over the lazy dog. \n" * 3


def message_of(call, *arguments, error=InputError, **options) -> str:
    with pytest.raises(error) as caught:
        call(*arguments, **options)
    message = str(caught.value)
    assert "\n" not in message and len(message) > 30, message
    return message


# nothing is lost


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", AWKWARD)
def test_decode_gives_awkward_text_back(kind, name):
    text = AWKWARD[name]
    tokenizer = train_tokenizer(kind, [text, "x"])
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode_bytes(ids) == text.encode("utf-8")


@pytest.mark.parametrize("kind", KINDS)
@repeatable
@given(text=any_text)
@example(text="'s")
def test_decode_gives_any_text_back(kind, text):
    tokenizer = train_tokenizer(kind, [text, "x"])
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("kind", KINDS)
def test_every_tokenizer_has_the_same_interface(kind):
    tokenizer = train_tokenizer(kind, iter([SAMPLE]))
    assert tokenizer.kind == kind
    assert tokenizer.vocab_size == len(tokenizer.tokens) == len(tokenizer.token_bytes)
    assert all(isinstance(token, str) and token and not regex.search(r"\s|\p{Cc}", token) for token in tokenizer.tokens)
    ids = tokenizer.encode(SAMPLE)
    assert all(type(token) is int for token in ids)
    assert tokenizer.encode("") == [] and tokenizer.decode([]) == "" and tokenizer.decode_bytes([]) == b""
    assert tokenizer.decode(np.array(ids, dtype=np.uint16)) == SAMPLE
    assert tokenizer.decode(iter(ids)) == SAMPLE


@pytest.mark.parametrize("kind", KINDS)
@repeatable
@given(text=any_text | st.text("ab'12 .\n\t\r"), data=st.data())
def test_pieces_cut_before_white_space_equal_the_whole(kind, text, data):
    cuts = [i for i in range(1, len(text)) if regex.match(r"\S\s", text[i - 1:i + 1])]
    chosen = sorted(data.draw(st.sets(st.sampled_from(cuts)))) if cuts else []
    pieces = [text[start:end] for start, end in pairwise([0, *chosen, len(text)])]
    assert "".join(pieces) == text
    whole = train_tokenizer(kind, [text, "x x"])
    in_pieces = train_tokenizer(kind, [*pieces, "x x"])
    assert in_pieces.tokens == whole.tokens
    assert [token for piece in pieces for token in whole.encode(piece)] == whole.encode(text)


# the vocabularies


def test_characters_are_numbered_by_code_point():
    tokenizer = CharacterTokenizer.train(["ba", "é\n", "世b"])
    assert tokenizer.characters == "\nabé世"
    assert tokenizer.encode("b世\n") == [2, 4, 0]
    assert tokenizer.tokens == ["\\n", "a", "b", "é", "世"]
    assert tokenizer.vocab_size == 5


def test_the_most_frequent_characters_are_kept():
    assert CharacterTokenizer.train(["zzz yy xx w"], vocab_size=3).characters == " xz"  # a tie of x and y, 2 each
    tokenizer = CharacterTokenizer.train(["zzz yy xx w"], vocab_size=3, unknown="<unk>")
    assert tokenizer.characters == " z" and tokenizer.vocab_size == 3


def test_bytes_are_their_own_ids():
    tokenizer = ByteTokenizer.train([], vocab_size=5000)
    assert tokenizer.vocab_size == 256
    assert tokenizer.encode("A é世") == [65, 32, 0xC3, 0xA9, 0xE4, 0xB8, 0x96]
    assert tokenizer.tokens[65] == "A" and tokenizer.tokens[32] == "Ġ" and tokenizer.tokens[10] == "Ċ"


def test_the_byte_table_is_that_of_gpt2():
    table = byte_to_unicode()
    assert sorted(table) == list(range(256)) and len(set(table.values())) == 256
    assert list(table)[:3] == [33, 34, 35] and list(table)[187:190] == [255, 0, 1]
    assert [table[byte] for byte in (0, 32, 33, 126, 127, 160, 161, 172, 173, 174, 255)] == list("ĀĠ!~ġł¡¬Ń®ÿ")
    assert all(c.isprintable() and not c.isspace() for c in table.values())


def test_words_are_cut_without_loss():
    tokenizer = WordTokenizer.train(["Don't stop: rock'n'roll's  __init__ 'x' 2²!\r\n"])
    found = [tokenizer.words[i] for i in tokenizer.encode("Don't stop: rock'n'roll's  __init__ 'x' 2²!\r\n")]
    assert found == ["Don't", " ", "stop", ":", " ", "rock'n'roll's", " ", " ", "__init__", " ", "'", "x", "'", " ",
                     "2", "²", "!", "\r", "\n"]


def test_words_are_numbered_by_frequency_then_alphabet():
    pieces = ["b a c b a d", " b"]
    assert WordTokenizer.train(pieces).words == [" ", "b", "a", "c", "d"]
    assert WordTokenizer.train(pieces, vocab_size=4).words == [" ", "b", "a", "c"]
    assert WordTokenizer.train(pieces, vocab_size=4, unknown="<unk>").tokens == ["␣", "b", "a", "<unk>"]
    assert WordTokenizer.train(pieces, min_count=2).words == [" ", "b", "a"]
    assert WordTokenizer.train(["z y"], vocab_size=2).words == [" ", "y"]


@pytest.mark.parametrize("kind, known, last", [("char", "hat", "<unk>"), ("word", "the hat", "<unk>")])
def test_unknown_text_gets_the_last_id(kind, known, last):
    tokenizer = train_tokenizer(kind, ["the hat"], unknown="<unk>")
    assert tokenizer.tokens[-1] == last
    ids = tokenizer.encode(known + "€")
    assert ids[:-1] == train_tokenizer(kind, ["the hat"]).encode(known)
    assert ids[-1] == tokenizer.vocab_size - 1
    assert tokenizer.decode(ids) == known + "<unk>"
    assert tokenizer.decode(tokenizer.encode("<unk>")) != "", "the text <unk> is no way to write the token"
    assert len(tokenizer.encode("<unk>")) > 1


def test_printable_shows_what_can_not_be_seen():
    assert printable(" a\n\t\0\u2028é世") == "␣a\\n\\t\\x00\\u2028é世"


# streaming


@pytest.mark.parametrize("kind", KINDS)
@repeatable
@given(data=st.data(), text=any_text)
def test_streaming_gives_the_text_of_decode(kind, data, text):
    tokenizer = train_tokenizer(kind, [text, "é世👍"])
    for ids in (tokenizer.encode(text), data.draw(st.lists(st.integers(0, tokenizer.vocab_size - 1)))):
        decoder = StreamDecoder(tokenizer)
        parts = [decoder.push(token) for token in ids]
        assert "".join([*parts, decoder.finish()]) == tokenizer.decode(ids)


def test_streaming_waits_for_a_whole_character():
    decoder = StreamDecoder(ByteTokenizer())
    assert [decoder.push(byte) for byte in "a世b".encode()] == ["a", "", "", "世", "b"]
    assert decoder.finish() == ""
    assert [decoder.push(0xE4), decoder.push(0xB8), decoder.finish()] == ["", "", "\ufffd"]
    assert decoder.push(65) == "A", "finish leaves it ready for the next text"
    assert "token id 256" in message_of(decoder.push, 256)


def test_bytes_that_are_no_text_become_replacement_characters():
    assert ByteTokenizer().decode([65, 0xFF, 66]) == "A\ufffdB"
    assert ByteTokenizer().decode_bytes([65, 0xFF, 66]) == b"A\xffB"


# files


@pytest.mark.parametrize("unknown", ["error", "<unk>"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_tokenizer_is_the_saved_one(kind, unknown, tmp_path):
    folder = tmp_path / "deep" / "folder"
    text = SAMPLE + "".join(AWKWARD.values())
    saved = train_tokenizer(kind, [text], unknown=unknown)
    saved.save(folder)
    for loaded in (load_tokenizer(folder), load_tokenizer(str(folder)), type(saved).load(folder)):
        assert type(loaded) is type(saved)
        assert loaded.tokens == saved.tokens and loaded.token_bytes == saved.token_bytes
        assert loaded.encode(text) == saved.encode(text)
    if kind in ("char", "word"):
        assert loaded.unknown == unknown
    assert json.loads((folder / "tokenizer.json").read_text("utf-8"))["kind"] == kind
    assert not list(folder.glob("*.tmp"))


def test_writing_fails_whole(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    write_file(path, "old\n")
    assert path.read_bytes() == b"old\n", "the same line ends on every system"
    with pytest.raises(UnicodeEncodeError):
        write_file(path, "new \ud800")
    assert path.read_bytes() == b"old\n"


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_folder_is_named(kind, tmp_path):
    folder = tmp_path / "nowhere"
    for load in (load_tokenizer, type(train_tokenizer(kind, ["x"])).load):
        message = message_of(load, folder, error=FileNotFoundError)
        assert str(folder) in message and "train" in message


@pytest.mark.parametrize("content, said", [
    (b'{"kind": "char"', "line 1, column"),
    (b"", "line 1, column 1"),
    (b"[1]", "no JSON object"),
    (b'{"kind": "\xff"}', "byte 10 is not UTF-8"),
    (b"{}", "its kind is None"),
    (b'{"kind": ["char"]}', "its kind is ['char']"),
    (b'{"kind": "char", "unknown": "error"}', "'characters' must be"),
    (b'{"kind": "char", "unknown": "error", "characters": ""}', "'characters' must be"),
    (b'{"kind": "char", "unknown": "error", "characters": "aba"}', "'characters' must be"),
    (b'{"kind": "char", "unknown": "error", "characters": "a\\ud800"}', "U+D800 at position 0"),
    (b'{"kind": "char", "characters": "ab"}', "unknown=None"),
    (b'{"kind": "word", "unknown": "error", "words": "ab"}', "'words' must be"),
    (b'{"kind": "word", "unknown": "error", "words": []}', "'words' must be"),
    (b'{"kind": "word", "unknown": "error", "words": ["a", 1]}', "'words' must be"),
    (b'{"kind": "word", "unknown": "error", "words": ["a", ""]}', "'words' must be"),
    (b'{"kind": "word", "unknown": "error", "words": ["a", "b", "a"]}', "'words' must be"),
    (b'{"kind": "word", "unknown": "maybe", "words": ["a"]}', "unknown='maybe'"),
])
def test_a_damaged_file_is_named(content, said, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    message = message_of(load_tokenizer, tmp_path)
    assert str(path) in message and said in message and "train again" in message


def test_a_file_of_another_kind_is_refused(tmp_path):
    ByteTokenizer().save(tmp_path)
    for cls in (CharacterTokenizer, WordTokenizer, BPETokenizer):
        message = message_of(cls.load, tmp_path)
        assert "'byte'" in message and repr(cls.kind) in message and "load_tokenizer" in message
    CharacterTokenizer("a").save(tmp_path)
    assert "'char'" in message_of(ByteTokenizer.load, tmp_path)


# bad input


@pytest.mark.parametrize("kind, offered", [("chars", "char"), ("bytes", "byte"), ("words", "word"), ("BPE", "bpe"),
                                           ("wordpiece", "word"), ("zzz", None), (None, None)])
def test_an_unknown_kind_offers_the_nearest(kind, offered):
    message = message_of(train_tokenizer, kind, ["text"])
    assert repr(kind) in message and "char, byte, word, bpe" in message
    assert (f"did you mean {offered}?" in message) if offered else ("did you mean" not in message)


@pytest.mark.parametrize("kind", KINDS)
def test_ids_out_of_range_are_refused(kind):
    tokenizer = train_tokenizer(kind, ["some text"])
    size = tokenizer.vocab_size
    for token in (-1, size, 10**20, np.int64(-1)):
        for call in (tokenizer.decode, tokenizer.decode_bytes):
            message = message_of(call, [0, token, 0])
            assert f"token id {token} " in message and f"{size} tokens" in message and f"0 to {size - 1}" in message


@pytest.mark.parametrize("unknown", ["error", "<unk>"])
@pytest.mark.parametrize("kind", KINDS)
def test_lone_surrogates_are_refused_with_their_position(kind, unknown):
    tokenizer = train_tokenizer(kind, ["abc"], unknown=unknown)
    assert "U+DC80 at position 3" in message_of(tokenizer.encode, "abc\udc80")
    if kind != "byte":  # which reads no text to train
        assert "U+D800 at position 5" in message_of(train_tokenizer, kind, ["abc", "ab\ud800"], unknown=unknown)


def test_an_unknown_character_is_named():
    tokenizer = CharacterTokenizer.train(["hello"])
    message = message_of(tokenizer.encode, "hel\u00e9o\u4e16\u00e9")
    for part in ("'é'", "U+00E9", "position 3", "4 characters", "<unk>"):
        assert part in message
    assert "'\\n' (U+000A) at position 0" in message_of(tokenizer.encode, "\n")


def test_an_unknown_word_is_named():
    tokenizer = WordTokenizer.train(["to be or not"])
    message = message_of(tokenizer.encode, "to be or never to never")
    for part in ("'never'", "position 9", "5 words", "<unk>"):
        assert part in message
    assert "'?' (U+003F) at position 5" in message_of(tokenizer.encode, "to be?")
    assert len(message_of(tokenizer.encode, "x" * 10_000)) < 400


@pytest.mark.parametrize("kind, smallest", [("char", 1), ("byte", 256), ("word", 1), ("bpe", 257)])
def test_a_vocabulary_that_is_too_small_is_refused(kind, smallest):
    message = message_of(train_tokenizer, kind, ["aa b"], smallest - 1)
    assert f"vocab_size {smallest - 1} " in message and f"choose {smallest} or more" in message
    assert train_tokenizer(kind, ["aa b"], smallest).vocab_size == smallest
    if kind in ("char", "word"):
        assert "choose 2 or more" in message_of(train_tokenizer, kind, ["aa b"], 1, unknown="<unk>")


def test_nothing_to_learn_from_is_refused():
    assert "empty" in message_of(CharacterTokenizer.train, [])
    assert "empty" in message_of(CharacterTokenizer.train, ["", ""])
    assert "0 different words" in message_of(WordTokenizer.train, [""])
    assert "2 different words" in message_of(WordTokenizer.train, ["a "], min_count=2)


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_arguments_are_refused(kind):
    assert "unknown='ignore'" in message_of(train_tokenizer, kind, ["text"], unknown="ignore")
    if kind != "byte":
        assert "[text]" in message_of(train_tokenizer, kind, "text")
