"""The spelling corrector: edits counted by hand and by brute force, both factors of Bayes' rule, and held-out words."""

import math
import string

import numpy as np
import pytest

from minigpt.corpora import find_sources
from minigpt.errors import InputError
from minigpt.models.spelling import SpellingCorrector, distance, edits1, misspell, sentences, shortened

TOLD = sentences("We live in peace. They hope for peace and they work for peace. He ate a piece of cake; she wants "
                 "a piece of bread. A piece of cake! They sign a treaty of peace.")


def test_sentences_are_lists_of_small_words():
    assert sentences("Don't stop: it's 3 o’clock!\nA new\nline, and\n\nélan") == [
        ["don't", "stop"], ["it's", "o’clock"], ["a", "new", "line", "and"], ["élan"]]
    assert sentences("1 2 3 ... ??") == []


def test_the_edits_of_a_short_word():
    assert sorted(edits1("ab", "ab")) == sorted(["b", "a", "ba", "bb", "aa", "aab", "bab", "aab", "abb", "aba", "abb"])
    for word in ("a", "word", "hello", "spelling"):
        n = len(word)
        assert len(edits1(word)) == n + (n - 1) + 25 * n + 26 * (n + 1)
    assert edits1("", "xy") == ["x", "y"]


@pytest.mark.parametrize("a, b, expected", [
    ("", "", 0), ("word", "word", 0), ("word", "wrod", 1), ("word", "wor", 1), ("word", "sword", 1),
    ("word", "ward", 1), ("kitten", "sitting", 3), ("ab", "bca", 3), ("", "abc", 3), ("abcd", "badc", 2),
    ("ca", "abc", 3),
])  # fmt: skip
def test_distances_by_hand(a, b, expected):
    assert distance(a, b) == distance(b, a) == expected


def test_candidates_are_all_the_known_words_that_edits_reach():
    rng = np.random.default_rng(0)
    words = sorted({"".join(rng.choice(list("abc"), rng.integers(1, 6))) for _ in range(150)})
    corrector = SpellingCorrector([words])
    for written in [*words[::10], "cabcab", "x", "abcx", ""]:
        found = corrector.candidates(written)
        assert found == {word: distance(word, written) for word in words if distance(word, written) <= 2}
        assert {word for word, edits in found.items() if edits == 1} == {*words} & {*edits1(written)} - {written}
    assert shortened("abc") == {"abc", "ab", "ac", "bc", "a", "b", "c"} and shortened("a") == {"a", ""}


def test_both_factors_by_hand():
    corrector = SpellingCorrector(TOLD, order=2, error_rate=0.1)
    possible = 5 + 4 + 25 * 5 + 26 * 6
    assert corrector.channel("peace", 0) == pytest.approx(math.log(0.9))
    assert corrector.channel("peace", 2) == pytest.approx(math.log(0.9 * 0.1**2 / possible**2))
    found = corrector.scores(["a", "peice", "of"], 1)
    ids = [[corrector.ids[word] for word in ("a", meant, "of")] for meant in ("piece", "peace")]
    log_p = [np.log(corrector.model.text_scores(text)[1:3]).sum() for text in ids]
    assert list(found.values()) == pytest.approx([corrector.channel("piece", 1) + log_p[0],
                                                  corrector.channel("peace", 1) + log_p[1]])


def test_the_words_around_decide():
    def corrected(text):
        return " ".join(corrector.correct(text.split()))

    corrector = SpellingCorrector(TOLD)
    assert corrected("she ate a pieace of cake") == "she ate a piece of cake"
    assert corrected("we hope for pieace") == "we hope for peace"
    assert corrector.correct(["zymurgy", "treeaty"]) == ["zymurgy", "treaty"], "nothing is near enough to the first"
    assert corrector.correct([]) == []
    corrector = SpellingCorrector(sentences("The letter came from home. Fill in this form." * 50))
    assert corrected("the letter came form home") == "the letter came from home", "form is a word, but not there"
    assert corrected("fill in this form") == "fill in this form"


def test_without_context_the_frequent_word_wins():
    corrector = SpellingCorrector(TOLD, order=1)
    assert next(iter(corrector.scores(["pieace"], 0))) == "peace", "4 times, piece 3"


def test_a_misspelled_word_is_so_many_edits_away():
    rng = np.random.default_rng(1)
    for edits in (1, 2):
        found = [misspell("letter", edits, rng) for _ in range(200)]
        assert all(0 < distance("letter", wrong) <= edits + (edits == 2) for wrong in found)
        assert len(set(found)) > 100


def test_held_out_words_are_found_again():
    """Errors of our own making in text the corrector hasn't seen: of 400 such words it found 98 % in Python 3.11's."""
    found = sentences(find_sources(["pydoc"])[0].content.decode("utf-8"))
    held_out, corrector = found[9::10], SpellingCorrector([words for i, words in enumerate(found) if i % 10 != 9])
    rng, right, blind = np.random.default_rng(2), [], []
    places = [(words, i) for words in held_out for i, word in enumerate(words)
              if len(word) > 3 and word in corrector.ids]  # fmt: skip
    for number in rng.permutation(len(places))[:150]:
        words, place = places[number]
        wrong = misspell(words[place], 1 + int(rng.random() < 0.25), rng)
        best = next(iter(corrector.scores([*words[:place], wrong, *words[place + 1:]], place)), wrong)
        right.append(best == words[place])
        blind.append(wrong in corrector.ids)
    assert np.mean(right) > 0.93 and np.mean(blind) < 0.1
    words = [word for words in held_out[:12] for word in words]
    kept = [word for words in held_out[:12] for word in corrector.correct(words)]
    assert np.mean([a == b for a, b in zip(words, kept)]) > 0.97


@pytest.mark.parametrize("arguments, words", [
    (([],), "no word to learn from"), (([[]],), "no word to learn from"), ((TOLD, 0), "order 0 is outside"),
    ((TOLD, 3, 0.0), "error rate 0.0 is not between"), ((TOLD, 3, 1.0), "error rate 1.0 is not between"),
])  # fmt: skip
def test_bad_input_is_refused(arguments, words):
    with pytest.raises(InputError, match=words):
        SpellingCorrector(*arguments)


def test_other_alphabets():
    corrector = SpellingCorrector([["привет", "мир"]], alphabet="абвгдеёжзийклмнопрстуфхцчшщъыьэюя")
    assert corrector.correct(["првет", "мри"]) == ["привет", "мир"]
    assert string.ascii_lowercase == SpellingCorrector(TOLD).alphabet
