"""Normalisation, sentences, words and stop-words: hand-made examples, and what must never be lost."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minigpt.errors import InputError
from minigpt.text.normalise import FORMS, fold_case, half_width, normalise
from minigpt.text.segmentation import MaximumMatching
from minigpt.text.sentences import split_sentences, split_words
from minigpt.text.stopwords import BOTH, CHINESE, ENGLISH, remove_stopwords

SEPARATORS = "\x1c\x1d\x1e\x1f"  # white space to Python's str.split, but not to Unicode
any_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=SEPARATORS))
written = st.text("aB .!?。！？…\"”'（）\n3中文é\u0301-’")
repeatable = settings(deadline=None, derandomize=True, max_examples=200)


# normalisation


def test_the_two_ways_to_write_an_accent_become_one():
    assert normalise("caf\u00e9") == normalise("cafe\u0301") == "caf\u00e9"
    assert normalise("caf\u00e9", "NFD") == "cafe\u0301"


def test_compatibility_also_joins_what_only_looks_different():
    assert normalise("①ﬁ²Ａ，ｶﾞ") == "①ﬁ²Ａ，ｶﾞ"
    assert normalise("①ﬁ²Ａ，ｶﾞ", "NFKC") == "1fi2A,ガ"


def test_case_folding_is_more_than_lower_case():
    assert fold_case("STRASSE") == fold_case("Straße") == "strasse"
    assert "Straße".lower() == "straße" and fold_case("ΣΑΣ") == fold_case("σας")


def test_width_spares_chinese_punctuation_unless_asked():
    assert half_width("ＡＢｃ１２　，。！") == "ABc12 ，。！"
    assert half_width("ＡＢｃ１２　，。！（～）", punctuation=True) == "ABc12 ,。!(~)"


def test_every_full_width_form_is_its_ascii_twin():
    for code in range(0xFF01, 0xFF5F):
        assert half_width(chr(code), punctuation=True) == unicodedata.normalize("NFKC", chr(code))


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("form", FORMS)
@repeatable
@given(text=any_text)
@example(text="\u0345\u0301Å ſ\u0323 ŉ İ ΐ ͅ Ａ́")
def test_normalising_twice_is_normalising_once(form, lower, text):
    once = normalise(text, form, lower=lower, narrow=True)
    assert normalise(once, form, lower=lower, narrow=True) == once
    assert unicodedata.is_normalized(form, once)


def test_an_unknown_form_is_refused():
    with pytest.raises(InputError, match="choose one of NFC, NFD, NFKC, NFKD"):
        normalise("x", "nfc")


# sentences

SENTENCES = [
    ["Dr. Li paid $3.50 for it.", "It was late."],
    ['"Stop!" he said.', '"Why?"', "She went."],
    ["See Fig. 3, e.g. the top... and so on.", "Wait...", "What?"],
    ["He left at 5 p.m. and slept.", "Really?!", "Yes (of course.)", "So what."],
    ["J. Smith and I.", "Then Mr. Wu came."],
    ["I live in the U.S.", "He likes it."],
    ["他说：“你好！”", "然后走了。", "真的吗？！", "是的……", "好吧。"],
    ["他问（是谁？）", "没有人回答"],
    ["中文。", "English here.", "再来3.5元。"],
]


@pytest.mark.parametrize("sentences", SENTENCES, ids=lambda s: s[0])
def test_sentences_end_where_they_should(sentences):
    assert split_sentences(" ".join(sentences)) == sentences
    if "。" in sentences[0]:
        assert split_sentences("".join(sentences)) == sentences


def test_a_heading_ends_at_an_empty_line():
    assert split_sentences("A title\n\nno stop here\n") == ["A title", "no stop here"]
    assert split_sentences("one line\nand its end. ") == ["one line\nand its end."]


def test_no_text_has_no_sentences_and_no_words():
    for text in ("", " \n\t\n "):
        assert split_sentences(text) == [] and split_words(text) == []


@repeatable
@given(text=any_text | written)
def test_splitting_loses_white_space_alone(text):
    sentences = split_sentences(text)
    assert "".join("".join(sentences).split()) == "".join(text.split())
    assert all(sentence and sentence == sentence.strip() for sentence in sentences)
    words = split_words(text)
    assert "".join(words) == "".join(text.split())
    assert all(words)


# words


def test_english_words_keep_their_inner_marks():
    assert split_words("Don't pay $3.50, Mr. Wu's well-known U.S. friend... (e.g. 12,000 or 50%)") == [
        "Don't", "pay", "$", "3.50", ",", "Mr.", "Wu's", "well-known", "U.S.", "friend", "...", "(", "e.g.", "12,000",
        "or", "50%", ")"]  # fmt: skip
    assert split_words("naïve cafe\u0301s it's 10:30") == ["naïve", "cafe\u0301s", "it's", "10:30"]


def test_chinese_is_cut_by_the_segmenter_that_is_given():
    assert split_words("我用iPhone写3.5行。") == ["我", "用", "iPhone", "写", "3.5", "行", "。"]
    matching = MaximumMatching(["研究", "生命"])
    assert split_words("他研究生命, OK。", matching.forward) == ["他", "研究", "生命", ",", "OK", "。"]


# stop-words


def test_stopwords_go_whatever_their_case_and_no_stays():
    assert remove_stopwords(["The", "garden", "is", "not", "in", "THE", "river"]) == ["garden", "not", "river"]
    assert remove_stopwords(["我", "不", "喜欢", "这个", "的", "音乐"]) == ["不", "喜欢", "音乐"]
    assert remove_stopwords(["the", "的"], CHINESE) == ["the"] and remove_stopwords([]) == []


def test_the_lists_are_clean():
    assert BOTH == ENGLISH | CHINESE and not ENGLISH & CHINESE
    assert all(word == word.strip().casefold() for word in BOTH)
    assert not {"not", "no", "never", "不", "没", "没有"} & BOTH
