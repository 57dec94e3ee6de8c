"""Chinese words: maximum matching and the hidden Markov model, on ambiguous strings and on sentences never seen."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigpt.errors import InputError
from minigpt.text.bmes import HMMSegmenter, to_places, to_words
from minigpt.text.segmentation import MaximumMatching, score_segmentation, spans
from minigpt.text.templates import make_sentences, words_of

WORDS = ["研究", "研究生", "生命", "的", "起源", "从小", "小学", "学", "大学", "大学生", "生活", "和服", "服务"]
repeatable = settings(deadline=None, derandomize=True, max_examples=200)
TRAIN, TEST = (make_sentences("zh", part, number, 1) for part, number in (("train", 2000), ("test", 500)))
KNOWN = {word for sentence in TRAIN for word, _ in sentence}
RIGHT = words_of(TEST)


# maximum matching


@pytest.mark.parametrize("text, forward, backward", [
    ("研究生命的起源", "研究生 命 的 起源", "研究 生命 的 起源"),
    ("从小学", "从小 学", "从 小学"),
    ("大学生活", "大学生 活", "大学 生活"),
    ("和服务", "和服 务", "和 服务"),
    ("大学x生活", "大学 x 生活", "大学 x 生活"),
    ("学", "学", "学"),
    ("", "", ""),
])  # fmt: skip
def test_the_longest_word_is_taken_from_either_end(text, forward, backward):
    matching = MaximumMatching(WORDS)
    assert matching.forward(text) == forward.split()
    assert matching.backward(text) == backward.split()


def test_bidirectional_takes_fewer_words_then_fewer_single_characters_then_backward():
    assert MaximumMatching(["ab", "bcd"]).bidirectional("abcd") == ["a", "bcd"]
    assert MaximumMatching(["abc", "cd", "d"]).bidirectional("abcd") == ["ab" "c", "d"]
    assert MaximumMatching(WORDS).bidirectional("研究生命") == ["研究", "生命"]
    assert MaximumMatching(["ab", "bc"]).bidirectional("abc") == ["a", "bc"]


@repeatable
@given(words=st.lists(st.text("甲乙丙", max_size=4), min_size=1).filter(any), text=st.text("甲乙丙丁"))
def test_matching_keeps_every_character_and_invents_no_word(words, text):
    matching = MaximumMatching(words)
    for cut in (matching.forward, matching.backward, matching.bidirectional):
        assert "".join(cut(text)) == text
        assert all(len(word) == 1 or word in words for word in cut(text))


def test_a_dictionary_needs_words():
    with pytest.raises(InputError, match="no words"):
        MaximumMatching(["", ""])


# places


def test_places_by_hand():
    assert to_places(["他", "喜欢", "图书馆", "一二三四"]) == "SBEBMEBMME"
    assert to_words("他喜欢图书馆", "SBEBME") == ["他", "喜欢", "图书馆"]
    assert to_places([]) == "" and to_words("", "") == []


@given(words=st.lists(st.text(min_size=1)))
@repeatable
def test_words_to_places_and_back(words):
    assert to_words("".join(words), to_places(words)) == words


@pytest.mark.parametrize("places", ["B", "BS", "ME", "SE", "BBE", "BEM", "SX"])
def test_places_that_spell_no_words_are_refused(places):
    with pytest.raises(InputError, match="spell no words"):
        to_words("字" * len(places), places)


def test_each_character_needs_a_place_and_each_word_a_character():
    with pytest.raises(InputError, match="3 characters and 2 places"):
        to_words("一二三", "BE")
    with pytest.raises(InputError, match="word 1 is empty"):
        to_places(["a", ""])


# the hidden Markov model


@pytest.fixture(scope="module")
def segmenter():
    return HMMSegmenter.train(words_of(TRAIN))


def test_the_segmenter_finds_a_word_that_it_never_saw(segmenter):
    assert "植物园" not in KNOWN
    assert segmenter.segment("他们在植物园休息。") == ["他们", "在", "植物园", "休息", "。"]


@pytest.mark.parametrize("text", ["", "我", "龘", "龘靐齉", "，。", "abc研究"])
def test_any_text_can_be_segmented(segmenter, text):
    assert "".join(segmenter.segment(text)) == text


def test_a_training_text_of_single_characters_is_enough():
    assert "".join(HMMSegmenter.train([["我"], ["你", "好"]]).segment("你我他")) == "你我他"


@pytest.mark.parametrize("sentences, words", [([], "at least one labelled"), ([["我"], []], "sequence 1 has 0"),
                                              ([["我", ""]], "word 1 is empty")])
def test_a_training_text_that_is_none_is_refused(sentences, words):
    with pytest.raises(InputError, match=words):
        HMMSegmenter.train(sentences)


# scores


def test_scores_by_hand():
    assert spans(["研究", "生命", "的"]) == {(0, 2), (2, 4), (4, 5)}
    score = score_segmentation([["研究生", "命", "的"], ["好"]], [["研究", "生命", "的"], ["好"]], ["研究", "的", "好"])
    assert (score.proposed, score.right, score.shared) == (4, 4, 2)
    assert score.precision == score.recall == score.f1 == 0.5
    assert (score.unknown, score.unknown_found, score.unknown_recall) == (1, 0, 0.0)
    uneven = score_segmentation([["研", "究", "生命"]], [["研究", "生命"]])
    assert (uneven.precision, uneven.recall, uneven.f1) == (1 / 3, 1 / 2, 0.4)


@pytest.mark.parametrize("ours, theirs", [([], []), ([["我"]], []), ([["我"]], [["你"]]), ([[]], [[]])])
def test_what_can_not_be_scored_is_refused(ours, theirs):
    with pytest.raises(InputError):
        score_segmentation(ours, theirs)


def f1(cut):
    score = score_segmentation([cut("".join(words)) for words in RIGHT], RIGHT, KNOWN)
    print(f"precision {score.precision:.4f} recall {score.recall:.4f} F1 {score.f1:.4f} "
          f"unknown {score.unknown_recall:.4f}")
    return score


def test_held_out_sentences_are_scored_as_the_documents_say(segmenter):
    """The task is hard enough that no method has it all, and the methods differ as they are known to."""
    assert not set(map(tuple, RIGHT)) & set(map(tuple, words_of(TRAIN)))
    matching = MaximumMatching(KNOWN)
    forward, backward, hmm = f1(matching.forward), f1(matching.backward), f1(segmenter.segment)
    assert 0.4 < f1(list).f1 < forward.f1 < backward.f1 < hmm.f1 < 0.97
    assert f1(matching.bidirectional).f1 >= backward.f1 - 0.01
    assert hmm.unknown_recall > 0.6 > 0.2 > forward.unknown_recall
    with_all = f1(MaximumMatching(KNOWN | {word for words in RIGHT for word in words}).backward)
    assert with_all.f1 < 0.97, "overlapping words must be ambiguous even with a complete dictionary"


# templates


@pytest.mark.parametrize("language", ["en", "zh"])
def test_templates_are_as_hard_as_promised(language):
    train, test = make_sentences(language, "train", 2000), make_sentences(language, "test", 500)
    assert train == make_sentences(language, "train", 2000)
    assert train[:5] != make_sentences(language, "train", 5, seed=1)
    tags = {}
    for sentence in train:
        for word, tag in sentence:
            assert word and word == word.strip() and tag.isupper()
            tags.setdefault(word, set()).add(tag)
    running = [word for sentence in test for word, _ in sentence]
    assert sum(word not in tags for word in running) / len(running) > 0.05
    assert sum(len(tags.get(word, ())) > 1 for word in running) / len(running) > 0.1
    assert {tag for sentence in test for _, tag in sentence} <= {tag for names in tags.values() for tag in names}


@pytest.mark.parametrize("arguments", [("de", "train", 5), ("en", "dev", 5), ("en", "train", 0)])
def test_sentences_that_there_are_not_are_refused(arguments):
    with pytest.raises(InputError, match="choose"):
        make_sentences(*arguments)
