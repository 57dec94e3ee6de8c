r"""Cut text into sentences and words, in English and Chinese: rules, and the places where rules are not enough.

A Chinese full stop is used for nothing else. An English one also ends abbreviations and stands in numbers, so a dot
ends a sentence only where

    "… at 3.5 m."  white space or the end follows, after any closing quotes and brackets,
    "Dr. Li"       the word before it is no abbreviation that something follows, and no single letter ("J. Smith"),
    "etc. and"     and what comes next does not begin with a small letter.

That is right nearly always, and can't be always: "He lives in the U.S. He likes it." needs to be understood. Chinese
has no such problem with sentences, and a greater one with words: nothing separates them (segmentation.py, bmes.py).
"""

from collections.abc import Callable

import regex

# After these a sentence goes on, mostly with a name or a number, so that a capital letter proves nothing.
ABBREVIATIONS = """mr mrs ms dr prof st jr sr gen rep sen rev hon capt lt col sgt mt no vol fig eq sec ch pp ed
vs cf e.g i.e approx jan feb mar apr jun jul aug sep sept oct nov dec"""
ABBREVIATIONS = frozenset(ABBREVIATIONS.split())
CLOSING = r"""["'”’»)\]」』）】》]*"""
# One candidate for an end: Chinese marks stand for themselves, English ones need white space or the end of the text. A
# new line with an empty one after it ends a sentence too, as headings have no stop.
END = regex.compile(rf"(?:[。！？…]+{CLOSING})|(?:[.!?]+{CLOSING})(?=\s|\Z|\p{{Han}})|(?=\n\s*\n)")
WORD_BEFORE = regex.compile(r"[\p{L}.]*\Z")

# In this order: numbers with their inner marks; abbreviations such as U.S. or e.g.; titles that keep their dot; runs of
# Han; words with inner apostrophes and hyphens; a run of dots; any other sign alone.
WORD = regex.compile(r"\d+(?:[.,:]\d+)*%?|(?:\p{L}\.){2,}|(?i:(?:mr|mrs|ms|dr|prof|st|jr|vs|etc)\.)"
                     r"|\p{Han}+|(?:(?!\p{Han})[\p{L}\p{M}\p{N}_])+(?:['’-](?:(?!\p{Han})[\p{L}\p{M}\p{N}_])+)*"
                     r"|\.{2,}|…+|—+|\S")
HAN = regex.compile(r"\p{Han}")


def split_sentences(text: str) -> list[str]:
    """The sentences of text, without the white space around them; nothing else is lost. No sentence is empty."""
    sentences, start = [], 0
    for found in END.finditer(text):
        if not _goes_on(text, found):
            sentences.append(text[start:found.end()].strip())
            start = found.end()
    sentences.append(text[start:].strip())
    return [sentence for sentence in sentences if sentence]


def _goes_on(text: str, found: regex.Match) -> bool:
    """Whether the sentence goes on after what could have been its end."""
    marks = found.group().rstrip("\"'”’»)]」』）】》")
    if not marks:
        return False  # an empty line
    following = text[found.end():].lstrip()[:1]
    if marks[0] == "…" or set(marks) == {"."}:
        if following.islower():
            return True
        if marks == ".":
            word = WORD_BEFORE.search(text, max(0, found.start() - 20), found.start()).group().lower()
            return bool(following) and (word in ABBREVIATIONS or (len(word) == 1 and word != "i"))
    return following.islower() and found.group() != marks  # "Stop!" he said.


def split_words(text: str, segment: Callable[[str], list[str]] = list) -> list[str]:
    """The words, numbers and signs of text, without white space.

    segment cuts a run of Chinese characters into words: a segmenter's method, or list, which makes each character one.
    """
    words = []
    for found in WORD.findall(text):
        words.extend(segment(found) if HAN.match(found) else [found])
    return words
