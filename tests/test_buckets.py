"""A vocabulary of words, and batches of sentences of different lengths."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigpt.errors import InputError
from minigpt.text.buckets import bucketed_batches, pad_batch, padded_share, truncate
from minigpt.text.vocabulary import BEGIN_ID, END_ID, PAD_ID, UNKNOWN_ID, Vocabulary

SENTENCES = [["the", "cat", "saw", "the", "dog"], ["the", "dog", "saw", "<unk>"], ["a", "cat"]]
repeatable = settings(deadline=None, derandomize=True, max_examples=100)


# the vocabulary


def test_the_most_frequent_words_first_and_ties_by_name():
    vocabulary = Vocabulary.build(SENTENCES)
    assert vocabulary.tokens == ["<pad>", "<unk>", "<bos>", "<eos>", "the", "cat", "dog", "saw", "a"]
    assert vocabulary.encode(["the", "bird", "saw"]) == [4, UNKNOWN_ID, 7]
    assert vocabulary.encode(["a"], ends=True) == [BEGIN_ID, 8, END_ID] and vocabulary.encode([]) == []
    assert vocabulary.decode([BEGIN_ID, 4, UNKNOWN_ID, END_ID, PAD_ID]) == ["the", "<unk>"]


def test_the_two_limits():
    assert Vocabulary.build(SENTENCES, min_count=3).tokens[4:] == ["the"]
    small = Vocabulary.build(SENTENCES, max_size=6)
    assert len(small) == 6 and small.tokens[4:] == ["the", "cat"]
    assert small.coverage([["the", "cat", "saw"], ["a"]]) == 0.5


def test_a_vocabulary_is_saved_and_loaded(tmp_path):
    vocabulary = Vocabulary.build([["研究", "café", "\u2028"]])
    vocabulary.save(tmp_path / "words.json")
    assert Vocabulary.load(tmp_path / "words.json").tokens == vocabulary.tokens
    with pytest.raises(FileNotFoundError):
        Vocabulary.load(tmp_path / "none.json")
    for content in ("{", "[]", "{}", '{"words": "ab"}', '{"words": [1]}'):
        (tmp_path / "words.json").write_text(content, encoding="utf-8")
        with pytest.raises(InputError, match="damaged"):
            Vocabulary.load(tmp_path / "words.json")
    (tmp_path / "words.json").write_text(json.dumps({"words": ["a", "a"]}), encoding="utf-8")
    with pytest.raises(InputError, match="twice"):
        Vocabulary.load(tmp_path / "words.json")


@pytest.mark.parametrize("sentences, options, words", [
    ([], {}, "0 different words"), ([[], []], {}, "0 different words"), (SENTENCES, {"min_count": 9}, "none of them 9"),
    (SENTENCES, {"max_size": 4}, "choose 5 or more"), (SENTENCES, {"min_count": 0}, "choose 1"),
    (["the cat"], {}, "give a list of words"),
])  # fmt: skip
def test_a_vocabulary_that_can_not_be_is_refused(sentences, options, words):
    with pytest.raises(InputError, match=words):
        Vocabulary.build(sentences, **options)


def test_ids_out_of_range_and_nothing_to_cover_are_refused():
    vocabulary = Vocabulary.build(SENTENCES)
    for i in (-1, 9):
        with pytest.raises(InputError, match=f"id {i} is outside this vocabulary of 9"):
            vocabulary.decode([i])
    with pytest.raises(InputError, match="no words"):
        vocabulary.coverage([[]])
    with pytest.raises(InputError, match="'<pad>' is in the vocabulary twice"):
        Vocabulary(["<pad>"])


# padding and truncation


def test_padding_by_hand():
    ids, mask = pad_batch([[5, 6, 7], [8], [0, 9]])
    assert ids.tolist() == [[5, 6, 7], [8, 0, 0], [0, 9, 0]] and ids.dtype == np.int64
    assert mask.tolist() == [[True, True, True], [True, False, False], [True, True, False]]
    ids, mask = pad_batch([[5, 6, 7], [8]], pad=-1, side="left")
    assert ids.tolist() == [[5, 6, 7], [-1, -1, 8]] and mask.tolist() == [[True] * 3, [False, False, True]]


def test_truncation_keeps_an_end():
    assert truncate([1, 2, 3], 2) == [1, 2] and truncate([1, 2, 3], 2, keep="last") == [2, 3]
    assert truncate([1, 2], 5) == truncate([1, 2], 5, keep="last") == [1, 2] and truncate([], 3) == []


@given(sequences=st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=9), min_size=1, max_size=9),
       side=st.sampled_from(["left", "right"]))
@repeatable
def test_the_mask_gives_every_sequence_back(sequences, side):
    ids, mask = pad_batch(sequences, 0, side)
    assert [row[real].tolist() for row, real in zip(ids, mask)] == sequences


@pytest.mark.parametrize("call, words", [
    (lambda: pad_batch([]), "0 sequences"), (lambda: pad_batch([[1], []]), "number 1 of them empty"),
    (lambda: pad_batch([[1]], side="top"), "'right' or 'left'"), (lambda: truncate([1], 0), "choose 1"),
    (lambda: truncate([1], 1, keep="middle"), "'first' or 'last'"),
    (lambda: bucketed_batches([], 2, 2, 0, 0), "0 lengths"),
    (lambda: bucketed_batches([3, 0], 2, 2, 0, 0), "smallest 0"),
    (lambda: bucketed_batches([3], 0, 2, 0, 0), "batch size 0"), (lambda: bucketed_batches([3], 1, 0, 0, 0), "width 0"),
])  # fmt: skip
def test_batches_that_can_not_be_are_refused(call, words):
    with pytest.raises(InputError, match=words):
        call()


# buckets


@given(lengths=st.lists(st.integers(1, 40), min_size=1, max_size=60), batch_size=st.integers(1, 9),
       width=st.integers(1, 50), epoch=st.integers(0, 3))
@repeatable
def test_every_sequence_comes_once_among_its_like(lengths, batch_size, width, epoch):
    batches = bucketed_batches(lengths, batch_size, width, seed=1, epoch=epoch)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for batch in batches:
        assert 1 <= len(batch) <= batch_size
        assert len({(lengths[i] - 1) // width for i in batch}) == 1
    again = bucketed_batches(lengths, batch_size, width, seed=1, epoch=epoch)
    assert [batch.tolist() for batch in batches] == [batch.tolist() for batch in again]


def test_epochs_and_seeds_differ():
    lengths = [1 + i % 7 for i in range(100)]
    drawn = [np.concatenate(bucketed_batches(lengths, 4, 2, seed, epoch)).tolist()
             for seed in (0, 1) for epoch in (0, 1)]
    assert len(set(map(tuple, drawn))) == 4


def test_buckets_save_padding():
    lengths = np.random.default_rng(0).integers(1, 65, 1000)
    plain, narrow = (padded_share(lengths, bucketed_batches(lengths, 16, width, 0, 0)) for width in (64, 4))
    assert 0.4 < plain < 0.55 and narrow < 0.06
    assert padded_share(lengths, bucketed_batches(lengths, 16, 1, 0, 0)) == 0
    assert padded_share([1, 3], [np.array([0, 1])]) == pytest.approx(2 / 6)
