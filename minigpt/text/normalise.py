r"""Make texts that mean the same look the same: Unicode's forms, case, and the width of letters.

One word can be written in several ways that a computer takes for different ones: é is U+00E9, or e and U+0301; a title
is in capitals; a Chinese text has "ＡＢＣ" and "ABC". Counted apart, each of them is rarer than the word really is. But
everything that is made the same can't be told apart again:

    step          makes the same                        loses
    NFC           é (one character, or two)             nothing that is seen
    NFKC          also ①, ², ﬁ, Ａ and 1, 2, fi, A       2⁵ becomes 25
    fold_case     Word, WORD, word; ß and ss            US and us, the beginning of a sentence, names
    half_width    Ａ１ and A1                            which of them was written

Source: The Unicode Standard, Annex 15 (normalisation forms); section 3.13 (case folding); the table of half-width and
full-width forms, U+FF01 to U+FF5E, which stand 0xFEE0 above their ASCII twins.
"""

import unicodedata

from minigpt.errors import InputError

FORMS = ("NFC", "NFD", "NFKC", "NFKD")  # composed or decomposed; K: also what only looks different ("compatibility")
FULL_WIDTH = {code + 0xFEE0: chr(code) for code in range(0x21, 0x7F)} | {0x3000: " "}
LETTERS_AND_DIGITS = {full: half for full, half in FULL_WIDTH.items() if half.isalnum() or half == " "}


def normalise(text: str, form: str = "NFC", lower: bool = False, narrow: bool = False) -> str:
    """text in one of Unicode's FORMS; lower: case folded; narrow: full-width letters and digits made half-width.

    In that order, with the form once more at the end: folding case may take a text out of it. InputError for a form
    that doesn't exist. normalise(normalise(text)) is normalise(text).
    """
    if form not in FORMS:
        raise InputError(f"there is no Unicode form {form!r}: choose one of {', '.join(FORMS)}")
    text = unicodedata.normalize(form, text)
    if narrow:
        text = half_width(text)
    if lower:
        text = fold_case(text)
    return unicodedata.normalize(form, text)


def fold_case(text: str) -> str:
    """Lower case, and more: ß becomes ss and the Greek final ς becomes σ, so that all cases of a word are one."""
    return text.casefold()


def half_width(text: str, punctuation: bool = False) -> str:
    """Full-width Latin letters, digits and spaces in half width; with punctuation, ，！？（） and the like as well.

    Chinese punctuation is full-width by nature, and the end of a Chinese sentence is found by it: so it stays, unless
    asked for.
    """
    return text.translate(FULL_WIDTH if punctuation else LETTERS_AND_DIGITS)
