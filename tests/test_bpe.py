"""Byte-pair encoding: training against a trainer that recounts everything, and GPT-2's formats and rules.

Against another implementation: test_bpe_against_tokenizers.py.
"""

import json
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minigpt.errors import InputError
from minigpt.text import bpe
from minigpt.text.bpe import BYTE_TO_ID, BPETokenizer, apply_merges, most_frequent
from minigpt.text.bpe_training import learn_merges
from minigpt.text.byte_level import byte_to_unicode
from minigpt.text.tokenizer import load_tokenizer

few_letters = st.text("ab ", max_size=40) | st.text("aab'é\n", max_size=40)
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
repeatable = settings(deadline=None, derandomize=True, max_examples=150)
LOWEST = "low low low low low lower lower newest newest newest newest newest newest widest widest widest"
ENGLISH = """A tokenizer isn't a model. It cuts the text: the words it's seen often stay whole, and those it hasn't seen
are spelled with the pieces that it knows. They're learned once, in 1994's way; we'll count, merge, and count again.\n
    The trainer counts the pairs of the text, merges the pair that it counted most, and then counts the pairs again.
从零开始，从零开始。Tokenizers tokenize the tokenized tokens' tokens — naïve cafés, 1234 1235 ... !!!\r\n\t\tend  \n"""


def merge_everywhere(ids: list[int], pair, new_id: int) -> list[int]:
    merged = []
    for token in ids:
        if merged and (merged[-1], token) == pair:
            merged[-1] = new_id
        else:
            merged.append(token)
    return merged


def brute_force_merges(chunk_counts, num_merges: int, min_count: int):
    """The definition, word for word: count all pairs, take the best, merge it everywhere, begin again."""
    chunks = [(list(chunk), count) for chunk, count in chunk_counts.items()]
    merges = []
    while len(merges) < num_merges:
        counts = Counter()
        for ids, count in chunks:
            for pair in pairwise(ids):
                counts[pair] += count
        best = min(counts, key=lambda pair: (-counts[pair], pair), default=None)
        if best is None or counts[best] < min_count:
            break
        chunks = [(merge_everywhere(ids, best, 256 + len(merges)), count) for ids, count in chunks]
        merges.append(best)
    return merges


def brute_force_encode(ids: list[int], merges) -> list[int]:
    for i, pair in enumerate(merges):
        ids = merge_everywhere(ids, pair, 256 + i)
    return ids


def message_of(call, *arguments, error=InputError, **options) -> str:
    with pytest.raises(error) as caught:
        call(*arguments, **options)
    message = str(caught.value)
    assert "\n" not in message and len(message) > 30, message
    return message


def merged_tokens(tokenizer: BPETokenizer) -> list[str]:
    return tokenizer.tokens[256:256 + len(tokenizer.merges)]


# training


def test_a_vocabulary_worked_by_hand():
    """The chunks: "low" 1, " low" 4, " lower" 2, " newest" 6, " widest" 3.

    (e, s) and (s, t) stand together 9 times, and e has the lower id: "es", then "est". Then (l, o) and (o, w), 7 times:
    "lo", "low". Of the pairs that are there 6 times the one that begins with e comes first: "ew"; and n is next:
    "new". Of (new, est), (Ġ, low) and (Ġ, new), still 6 each, those with Ġ, a byte, come before the one with "new", a
    token of two merges, and "low" is older than "new": "Ġlow", "Ġnew". Last "Ġnewest".
    """
    tokenizer = BPETokenizer.train([LOWEST], 256 + 9, special_tokens=[])
    assert merged_tokens(tokenizer) == ["es", "est", "lo", "low", "ew", "new", "Ġlow", "Ġnew", "Ġnewest"]
    assert [tokenizer.tokens[i] for i in tokenizer.encode(" lowest new")] == ["Ġlow", "est", "Ġnew"]
    assert tokenizer.vocab_size == 265


@repeatable
@given(st.dictionaries(st.binary(min_size=1, max_size=12) | st.text("abc", min_size=1, max_size=12).map(str.encode),
                       st.integers(1, 4), max_size=8), st.integers(0, 40), st.integers(1, 3))
@example({b"aaa": 1, b"aaaa": 1, b"aaaaaaa": 2}, 40, 1)
@example({b"abab": 1, b"baba": 2, b"abba": 1}, 40, 1)
@example({bytes([0, 255, 0, 255]): 1}, 40, 1)
def test_incremental_training_equals_recounting(chunk_counts, num_merges, min_count):
    merges = learn_merges(chunk_counts, num_merges, min_count)
    assert merges == brute_force_merges(chunk_counts, num_merges, min_count)
    tokenizer = BPETokenizer(merges)
    assert len(set(tokenizer.token_bytes)) == 256 + len(merges), "no two merges make the same token"


def test_training_on_english_equals_recounting():
    tokenizer = BPETokenizer.train([ENGLISH * 2], 420, min_count=1)
    counts = Counter()
    for chunk in bpe.PATTERN.findall(ENGLISH * 2):
        counts[chunk.encode().translate(bpe.BYTE_TO_ID)] += 1
    assert tokenizer.merges == brute_force_merges(counts, 420 - 257, 1)
    assert tokenizer.vocab_size == 420


@pytest.mark.parametrize("text, chunks", [
    ("Hello world", ["Hello", " world"]),
    ("I'm we'll DON'T it's he'S", ["I", "'m", " we", "'ll", " DON", "'", "T", " it", "'s", " he", "'", "S"]),
    ("a  b   c", ["a", " ", " b", "  ", " c"]),
    ("x = 12+3.5", ["x", " =", " 12", "+", "3", ".", "5"]),
    ("end.\n\n  next \n", ["end", ".", "\n\n ", " next", " \n"]),
    ("a\tb\r\nc", ["a", "\t", "b", "\r", "\n", "c"]),
    ("你好，世界", ["你好", "，", "世界"]),
    (" 's 've've", [" '", "s", " '", "ve", "'ve"]),
    ("a_b ² e\u0301", ["a", "_", "b", " ²", " e", "\u0301"]),
])
def test_text_is_cut_as_gpt2_cuts_it(text, chunks):
    assert bpe.PATTERN.findall(text) == chunks


@repeatable
@given(any_text)
def test_chunks_join_to_the_text(text):
    assert "".join(bpe.PATTERN.findall(text)) == text


def test_merges_stay_inside_chunks_and_pieces():
    assert "".join(merged_tokens(BPETokenizer.train(["ab ab ab! ab"], 400))) == "abĠab"
    assert merged_tokens(BPETokenizer.train(["a", "b", "a", "b"], 400)) == []


def test_a_small_text_gives_fewer_tokens():
    tokenizer = BPETokenizer.train(["aaaa abc"], 5000)
    assert tokenizer.vocab_size == 258 and merged_tokens(tokenizer) == ["aa"], "other pairs are seen once"
    assert BPETokenizer.train([]).vocab_size == 257
    assert merged_tokens(BPETokenizer.train(["abc"], 5000, min_count=1)) == ["ab", "abc"]
    assert merged_tokens(BPETokenizer.train(["abc"], 5000, min_count=0)) == ["ab", "abc"]


def test_the_default_size_is_4096():
    text = " ".join(a + b + c for a in "abcdefghijklmnop" for b in "qrstuvwxyz" for c in "abcdefghijklmnopqrstuvwxyz")
    assert BPETokenizer.train([text, " ", text]).vocab_size == 4096


# encoding


@repeatable
@given(few_letters, few_letters)
def test_encoding_applies_the_merges_in_order(text, other):
    tokenizer = BPETokenizer.train([text, other], 300, min_count=1)
    expected = []
    for chunk in bpe.PATTERN.findall(other + text):
        expected += brute_force_encode(list(chunk.encode().translate(bpe.BYTE_TO_ID)), tokenizer.merges)
    assert tokenizer.encode(other + text) == expected
    assert tokenizer.encode(other + text) == expected, "again, now from the cache"


@repeatable
@given(any_text)
def test_any_text_comes_back_from_a_vocabulary_of_other_text(text):
    tokenizer = BPETokenizer.train([ENGLISH], 400)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.decode(tokenizer.encode(text, special=True)) == text


@pytest.mark.parametrize("text", ["a" * 100_001, "ab" * 50_000, "世" * 30_000, " " * 100_000, "the" * 30_000])
def test_a_very_long_chunk_is_encoded(text):
    tokenizer = BPETokenizer.train([text[:1000]], 300)
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert len(ids) < len(text) / 50
    assert not tokenizer.cache, "long chunks are not kept"


def test_apply_merges_leaves_its_argument_alone():
    ids = [64, 65, 64, 65]
    assert apply_merges(ids, {(64, 65): 256, (256, 256): 257}) == [257]
    assert ids == [64, 65, 64, 65]
    assert apply_merges([], {}) == [] and apply_merges([1], {}) == [1]


def test_the_cache_is_bounded_and_changes_nothing(monkeypatch):
    monkeypatch.setattr(bpe, "CACHED_CHUNKS", 5)
    tokenizer = BPETokenizer.train([ENGLISH], 400)
    first = tokenizer.encode(ENGLISH)
    for word in ENGLISH.split():
        tokenizer.encode(word)
        assert 0 < len(tokenizer.cache) <= 5
    first_again = tokenizer.encode(ENGLISH)
    assert first == first_again
    first_again.clear()
    assert tokenizer.encode(ENGLISH) == first, "what the caller does to the list does not reach the cache"
    one_chunk = tokenizer.encode("the")
    one_chunk.append(0)
    assert tokenizer.encode("the") == one_chunk[:-1]


# special tokens


def test_special_tokens_are_plain_text_unless_asked_for():
    text = "one<|endoftext|>two<|endoftext|><|endoftext|>"
    tokenizer = BPETokenizer.train([text, text], 300)
    end = tokenizer.vocab_size - 1
    assert tokenizer.special_ids == {"<|endoftext|>": end} and tokenizer.tokens[end] == "<|endoftext|>"
    plain, special = tokenizer.encode(text), tokenizer.encode(text, special=True)
    assert end not in plain and plain == tokenizer.encode_ordinary(text)
    assert special == [*tokenizer.encode("one"), end, *tokenizer.encode("two"), end, end]
    assert tokenizer.decode(plain) == tokenizer.decode(special) == text
    assert tokenizer.encode("", special=True) == []


def test_the_longest_special_token_is_found():
    tokenizer = BPETokenizer([], ["<a>", "<a>b", ".*"])
    assert tokenizer.encode("<a>b<a>.*", special=True) == [257, 256, 258]
    without = BPETokenizer([(64, 65)])
    assert without.encode("ab", special=True) == without.encode("ab") == [256]


@pytest.mark.parametrize("special_tokens, named", [(["<s>", "<s>"], "'<s>'"), ([""], "''"), (["a"], "'a'"),
                                                   (["low"], "'low'")])
def test_special_tokens_must_be_told_from_others(special_tokens, named):
    assert f"token {named} is in" in message_of(BPETokenizer.train, [LOWEST], special_tokens=special_tokens)


def test_special_tokens_count_in_the_size():
    assert "choose 258 or more" in message_of(BPETokenizer.train, [LOWEST], 257, special_tokens=["<s>", "</s>"])
    assert BPETokenizer.train([LOWEST], 260, special_tokens=["<s>", "</s>"]).vocab_size == 260
    assert "U+D800" in message_of(BPETokenizer, [], ["<\ud800>"])


@pytest.mark.parametrize("merges", [[(0, 256)], [(-1, 0)], [(0, 1), (257, 0)]])
def test_merges_of_tokens_not_made_yet_are_refused(merges):
    assert f"merge {len(merges) - 1} joins" in message_of(BPETokenizer, merges)


# GPT-2's files


def test_the_files_are_as_gpt2_writes_them(tmp_path):
    BPETokenizer.train([LOWEST + "\n"], 264).save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["merges.txt", "tokenizer.json", "vocab.json"]
    lines = (tmp_path / "merges.txt").read_bytes().split(b"\n")
    assert lines == [b"#version: 0.2", b"e s", b"es t", b"l o", b"lo w", b"e w", b"n ew", "Ġ low".encode(), b""]
    text = (tmp_path / "vocab.json").read_text("ascii")
    assert text.startswith('{"!": 0, "\\"": 1, "#": 2, ') and "\\u0120" in text
    vocabulary = json.loads(text)
    assert list(vocabulary.values()) == list(range(264))
    assert list(vocabulary)[:256] == list(byte_to_unicode().values())
    assert list(vocabulary)[256:] == ["es", "est", "lo", "low", "ew", "new", "Ġlow", "<|endoftext|>"]


def test_files_written_by_others_load(tmp_path):
    tokenizer = BPETokenizer.train([LOWEST], special_tokens=["<s>", "</s>"])
    tokenizer.save(tmp_path)
    vocab, merges = tmp_path / "vocab.json", tmp_path / "merges.txt"
    vocabulary = json.loads(vocab.read_text("utf-8"))
    vocab.write_text(json.dumps(vocabulary, ensure_ascii=False, sort_keys=True, indent=2), encoding="utf-8")
    merges.write_bytes(merges.read_bytes().rstrip(b"\n").replace(b"\n", b"\r\n"))
    for loaded in (BPETokenizer.from_gpt2_files(vocab, merges), load_tokenizer(tmp_path)):
        assert loaded.merges == tokenizer.merges and loaded.tokens == tokenizer.tokens
        assert loaded.special_ids == tokenizer.special_ids


@pytest.mark.parametrize("name", ["vocab.json", "merges.txt"])
def test_a_missing_file_is_named(name, tmp_path):
    BPETokenizer.train([LOWEST]).save(tmp_path)
    (tmp_path / name).unlink()
    assert str(tmp_path / name) in message_of(load_tokenizer, tmp_path, error=FileNotFoundError)


@pytest.mark.parametrize("name, old, new, said", [
    ("merges.txt", "l o\n", "", "line 4 does not join"),
    ("merges.txt", "l o\n", "l  o\n", "line 4 does not join"),
    ("merges.txt", "l o\n", "l o\nl o\n", "line 5 does not join"),
    ("merges.txt", "l o\n", "lo\n", "line 4 does not join"),
    ("merges.txt", "#version: 0.2\n", "", "its first line is not '#version: 0.2'"),
    ("vocab.json", '"es": 256', '"es": 257', "are not those that merges.txt makes"),
    ("vocab.json", '"es": 256, ', "", "are not those that merges.txt makes"),
    ("vocab.json", '"es": 256', '"es": "256"', "whole number"),
    ("vocab.json", ': 265}', ': 266}', "are not those that merges.txt makes"),
    ("vocab.json", "{", "[", "no valid JSON"),
])
def test_a_damaged_file_is_named(name, old, new, said, tmp_path):
    BPETokenizer.train([LOWEST], 266).save(tmp_path)
    path = tmp_path / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    message = message_of(load_tokenizer, tmp_path)
    assert str(path) in message and said in message


def test_training_learns_from_the_most_frequent_chunks_that_there_is_room_for():
    counts = Counter({"ab": 3, "ccc": 5, "d": 9, "é": 1})
    everything = {chunk.encode().translate(BYTE_TO_ID): count for chunk, count in counts.items()}
    assert most_frequent(counts) == everything
    cut = most_frequent(counts, 5)
    assert cut == {b"d".translate(BYTE_TO_ID): 9, b"ccc".translate(BYTE_TO_ID): 5, b"a".translate(BYTE_TO_ID): 3}
    assert most_frequent(Counter({"xyz": 2, "xyw": 1}), 5) == {b"xyz".translate(BYTE_TO_ID): 2,
                                                              b"xy".translate(BYTE_TO_ID): 1}
