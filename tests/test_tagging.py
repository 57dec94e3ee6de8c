"""Parts of speech by a hidden Markov model, the baseline, and files of labelled text."""

import math

import numpy as np
import pytest

from minigpt.errors import InputError
from minigpt.text.tagged_text import read_segmented, read_tagged, write_segmented, write_tagged
from minigpt.text.tagging import FORMS, HMMTagger, MostFrequentTagger, accuracy, form, score_tagger
from minigpt.text.templates import make_sentences, words_of

SMALL = [[("they", "PRON"), ("book", "VERB"), ("rooms", "NOUN")], [("the", "DET"), ("book", "NOUN")],
         [("a", "DET"), ("book", "NOUN")], [("they", "PRON"), ("see", "VERB"), ("rooms", "NOUN")]]  # fmt: skip


def test_neighbours_decide_where_the_word_alone_can_not():
    tagger, baseline = HMMTagger.train(SMALL), MostFrequentTagger.train(SMALL)
    assert tagger.tag(["they", "book", "rooms"]) == ["PRON", "VERB", "NOUN"]
    assert tagger.tag(["the", "book"]) == ["DET", "NOUN"]
    assert baseline.tag(["they", "book", "rooms"]) == ["PRON", "NOUN", "NOUN"]
    assert tagger.tag([]) == baseline.tag([]) == []


def test_emissions_by_hand():
    """NOUN: 4 words, of which 2 different, so 6 and a little in all; VERB: 2 and 2."""
    tagger = HMMTagger.train(SMALL)
    p = np.exp(tagger.hmm.emission[tagger.tags.index("NOUN")])
    total = 4 + 2 + 0.01 * len(FORMS)
    assert p[tagger.ids["book"]] == pytest.approx(2 / total) and p[tagger.ids["see"]] == 0
    assert p[len(tagger.words) + form("toys")] == pytest.approx(1.01 / total)
    assert np.exp(tagger.hmm.emission).sum(axis=1).tolist() == pytest.approx([1] * len(tagger.tags))


def test_forms_of_new_words():
    words = ("85", "Zoe", "sailing", "sailed", "gladly", "boxes", "cats", "sail", "云")
    assert [FORMS[form(word)] for word in words] == [
        "number", "capital", "ing", "ed", "ly", "es", "s", "other", "other"]  # fmt: skip


def test_a_new_word_is_never_of_a_closed_kind():
    tagger = HMMTagger.train(make_sentences("en", "train", 1000))
    assert tagger.tag(["Xu", "goes", "gladly", "to", "the", "zebra", "."]) == [
        "PROPN", "VERB", "ADV", "ADP", "DET", "NOUN", "PUNCT"]


def test_held_out_sentences_are_scored_as_the_documents_say():
    for language in ("en", "zh"):
        train, test = make_sentences(language, "train", 2000, 1), make_sentences(language, "test", 500, 1)
        hmm, baseline = (score_tagger(cls.train(train).tag, test, train) for cls in (HMMTagger, MostFrequentTagger))
        for score in (hmm, baseline):
            print(language, {kind: f"{accuracy(getattr(score, kind)):.4f}"
                             for kind in ("all", "known", "unknown", "ambiguous")})
        assert 0.75 < accuracy(baseline.all) < accuracy(hmm.all) < 0.98
        assert accuracy(hmm.ambiguous) > accuracy(baseline.ambiguous) + 0.1
        assert accuracy(hmm.unknown) < accuracy(hmm.known)


def test_scores_by_hand():
    score = score_tagger(lambda words: ["NOUN"] * len(words), [[("book", "VERB"), ("cat", "NOUN")], [], [("see", "X")]],
                         SMALL)
    assert score.all == (1, 3) and score.unknown == (1, 1) and score.known == (0, 2) and score.ambiguous == (0, 1)
    assert accuracy(score.unknown) == 1.0 and math.isnan(accuracy((0, 0)))


@pytest.mark.parametrize("train", [HMMTagger.train, MostFrequentTagger.train])
def test_no_sentences_teach_nothing(train):
    with pytest.raises(InputError, match="at least one"):
        train([])


def test_empty_sentences_are_refused():
    with pytest.raises(InputError, match="sequence 1 has 0"):
        HMMTagger.train([*SMALL[:1], []])
    with pytest.raises(InputError, match="no word to score"):
        score_tagger(list, [[]], SMALL)


# files


def test_files_give_back_what_was_written(tmp_path):
    for language in ("en", "zh"):
        sentences = make_sentences(language, "test", 20)
        write_tagged(tmp_path / "tagged.txt", sentences)
        assert read_tagged(tmp_path / "tagged.txt") == sentences
        write_segmented(tmp_path / "words.txt", words_of(sentences))
        assert read_segmented(tmp_path / "words.txt") == words_of(sentences)


def put(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def test_columns_spaces_marks_and_line_ends(tmp_path):
    path = put(tmp_path / "a.txt", "\ufeffThey PRP B-NP O\r\nsee VBP B-VP O\r\n\r\n\r\n# NN X I-PER\r\n")
    assert read_tagged(path) == [[("They", "O"), ("see", "O")], [("#", "I-PER")]]
    assert read_tagged(path, column=1) == [[("They", "PRP"), ("see", "VBP")], [("#", "NN")]]
    path = put(tmp_path / "b.txt", "New York\tPROPN\n")
    assert read_tagged(path) == [[("New York", "PROPN")]]
    path = put(tmp_path / "c.txt", "研究\u3000生命  的\n\n \n他\n")
    assert read_segmented(path) == [["研究", "生命", "的"], ["他"]]


@pytest.mark.parametrize("content, words", [
    ("They PRON\nbook\n", "line 2: 'book' has no token and tag"), ("They\tPRON\nbook\t\n", "line 2"),
    ("\tPRON\n", "line 1"), ("\n \n", "has no tokens"), ("", "has no tokens"), (b"caf\xe9 NOUN", "not UTF-8 .byte 3"),
])  # fmt: skip
def test_a_faulty_tagged_file_is_refused(tmp_path, content, words):
    with pytest.raises(InputError, match=words):
        read_tagged(put(tmp_path / "f.txt", content))


def test_a_missing_column_and_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="columns 1 and 4"):
        read_tagged(put(tmp_path / "f.txt", "a b c\n"), column=3)
    for read in (read_tagged, read_segmented):
        with pytest.raises(FileNotFoundError, match="check the path"):
            read(tmp_path / "none.txt")
    with pytest.raises(InputError, match="has no words"):
        read_segmented(put(tmp_path / "e.txt", " \n\u3000\n"))


@pytest.mark.parametrize("word", ["", "two words", " x", "a\tb", "a\nb"])
def test_a_word_that_a_file_could_not_give_back_is_refused(tmp_path, word):
    with pytest.raises(InputError, match="white space"):
        write_segmented(tmp_path / "f.txt", [["good", word]])
    with pytest.raises(InputError, match="white space"):
        write_tagged(tmp_path / "f.txt", [[("good", word)]])
