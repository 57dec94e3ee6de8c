"""Byte-pair encoding against the tokenizers package: the same merges from the same text, the same ids for any string.

Skipped where tokenizers isn't installed. More examples: MINIGPT_EXAMPLES=5000 python -m pytest tests/test_bpe_against*

Two things are checked apart. Ties: its trainer, too, takes the pair with the highest count, then the lower id on the
left, then the lower on the right, so no merge differs anywhere; texts below with hundreds of ties show it. Characters:
which are letters, digits and white space is Unicode's to say, and each package carries the version of its day. The one
test that looks at every code point there is finds where these differ: only at characters that the older version hasn't
got. All other tests leave those out.
"""

import functools
import os
import random
import unicodedata
from pydoc_data.topics import topics

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minigpt.errors import InputError
from minigpt.text import bpe
from minigpt.text.bpe import END_OF_TEXT, BPETokenizer

tokenizers = pytest.importorskip("tokenizers", reason="the comparison needs tokenizers: requirements-oracles.txt")

BYTE_LEVEL = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
many_examples = settings(deadline=None, derandomize=True, max_examples=int(os.environ.get("MINIGPT_EXAMPLES", "300")))

ENGLISH = "\n\n".join(topics[name] for name in sorted(topics))[:200_000]
CHINESE = """语言模型做的事只有一件：看着前面的词，猜下一个词。猜得多了，它就学会了语法、常识，甚至一点幽默。
我们从零开始，一行一行地写：先写词表，再写注意力，然后写反向传播。每一个梯度都要自己推导，每一步都要能够检验。
学而时习之，不亦说乎？有朋自远方来，不亦乐乎？——孔子（公元前551年—公元前479年）。注意力机制、注意力权重、注意力头。
"""
MIXED = """GPT模型 uses BPE分词, 词表 of 50257 tokens. naïve café, Straße, ΑΒΓ αβγ, привет, שלום עולם, مرحبا, हिन्दी।
I'm you're he's we'll they've she'd don't IT'S WE'LL I'M 'tis ''s  3.14159 ½ Ⅷ ٣٤ 10³ e\u0301 a\u0308\u0323
👩‍👩‍👧‍👦 🇨🇳 👍🏽 ❤️ 👍👍
def f(x):\n\tif x != 0:\r\n        return {"键": [x, 'y']}   # 注释\n\n
\u3000\u3000缩进\u00a0\u00a0nbsp \u200b\u2028end   """

CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"]
SPACES = [" ", "   ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u0085", "\u2028", "\u2029", "\u1680", "\u2003",
          "\u180e", "\u200b", "\ufeff", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x1f"]  # fmt: skip
PIECES = [*CONTRACTIONS, *map(str.upper, CONTRACTIONS), "'", "’s", "''", *SPACES, "a", "the", "Zz", "don", "1", "42",
          "²", "Ⅷ", "٣", ".", "!?", "—", "_", "世", "界。", "注意力", "👍🏽", "👩‍👩‍👧",
          "🇨🇳", "\u200d", "e\u0301", "\u0301",
          "ש", "לום", "مر", "\u202e", "ह", "ि", "\x00", "\x7f", "\ufffd", "\U0010ffff", "\ue000",
          END_OF_TEXT]  # fmt: skip


def train_theirs(texts, vocab_size, min_count=2):
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = BYTE_LEVEL
    tokenizer.train_from_iterator(texts, tokenizers.trainers.BpeTrainer(
        vocab_size=vocab_size, min_frequency=min_count, show_progress=False, initial_alphabet=BYTE_LEVEL.alphabet()))
    return tokenizer


def train_both(texts, vocab_size, min_count=2):
    ours = BPETokenizer.train(texts, vocab_size, special_tokens=[], min_count=min_count)
    theirs = train_theirs(texts, vocab_size, min_count)
    assert {token: i for i, token in enumerate(ours.tokens)} == theirs.get_vocab()
    return ours, theirs


@functools.cache
def mixed_vocabulary():
    """Both tokenizers, with merges in every script of the texts above."""
    return train_both([ENGLISH[:50_000], CHINESE * 3, MIXED * 3], 2000)


def their_chunks(text):
    return [text[start:end] for _, (start, end) in BYTE_LEVEL.pre_tokenize_str(text)]


@functools.cache
def characters_cut_otherwise() -> frozenset[str]:
    """Every character that makes a difference among letters, digits, signs and white space; all of Unicode is tried."""
    def differs(characters):  # [ac][1][c][.] of a letter, [a][c1c][.] of a digit, [a][c][1][c.] of a sign, or all apart
        text = "".join(f"a{c}1{c}." for c in characters)
        return bpe.PATTERN.findall(text) != their_chunks(text)

    everything = [chr(i) for i in range(0x110000) if not 0xD800 <= i < 0xE000]
    blocks = [everything[i:i + 256] for i in range(0, len(everything), 256)]
    return frozenset(c for block in blocks if differs(block) for c in block if differs(c))


any_character = st.characters(exclude_categories=["Cs"]).filter(lambda c: c not in characters_cut_otherwise())
any_text = st.lists(st.sampled_from(PIECES) | any_character | st.sampled_from(MIXED + CHINESE),
                    max_size=40).map("".join)  # fmt: skip


# training


@pytest.mark.parametrize("text, vocab_size", [
    (ENGLISH, 3000), (CHINESE, 600), (CHINESE + MIXED, 1000), (MIXED, 10_000)
], ids=["English", "Chinese", "both", "to the end"])  # fmt: skip
@pytest.mark.parametrize("min_count", [1, 2, 5])
def test_the_same_merges(text, vocab_size, min_count):
    ours, theirs = train_both([text], vocab_size, min_count)
    assert ours.encode(MIXED + CHINESE) == theirs.encode(MIXED + CHINESE).ids


@pytest.mark.parametrize("alphabet", ["ab", "abc ", "abcdefgh ", "一二三 ", "a\u0301's1 \n", " \n\t"])
def test_the_same_merges_where_most_counts_are_equal(alphabet):
    for seed in range(10):
        rng = random.Random(seed)
        text = "".join(rng.choice(alphabet) for _ in range(10 ** rng.randint(1, 3)))
        train_both([text], 800, min_count=rng.randint(1, 3))


@many_examples
@given(st.lists(st.text("ab ", max_size=40) | st.text("aab'é\n", max_size=40) | any_text, max_size=3),
       st.integers(256, 400), st.integers(1, 3))  # fmt: skip
@example(["aaaaaaa aaaa aaaaaaaaaa baaaaab"] * 2, 400, 1)
def test_the_same_merges_and_ids_of_any_text(texts, vocab_size, min_count):
    ours, theirs = train_both(texts, vocab_size, min_count)
    everything = "".join(texts)
    assert ours.encode(everything) == theirs.encode(everything).ids


# encoding


def test_every_character_is_of_the_same_kind_but_those_that_one_unicode_has_not_got():
    newest = tuple(map(int, unicodedata.unidata_version.split("."))) > (16,)  # Python's Unicode: theirs is 16
    strange = [f"U+{ord(c):04X}" for c in characters_cut_otherwise() if not newest and unicodedata.category(c) != "Cn"]
    assert not strange
    assert len(characters_cut_otherwise()) < 50_000


@many_examples
@given(any_text)
@example("\x00\x00 \x00a\x00")
@example("don't DON'T we'll WE'LL 's'S 'rE've")
@example("👩‍👩‍👧‍👦 👍🏽👍🏽 🇨🇳🇫🇷 ❤️ 1️⃣")
@example("e\u0301 e\u0301\u0323\u0301 \u0301a")
@example("\u202eשלום עולם\u202c مرحبا ١٢٣")
@example("   \n\n \t\t\r\n \u00a0\u00a0 \u3000\u3000a \u3000b")
@example("a\x1cb\x1d\x1e c\x1f \x85 d\x85\x85e \u200b f\u200b\u200bg")
def test_the_same_ids_of_any_string(text):
    ours, theirs = mixed_vocabulary()
    ids = ours.encode(text)
    assert ids == theirs.encode(text).ids
    assert ours.decode(ids) == text


@pytest.mark.parametrize("text", ["a" * 10_001, "ab" * 5_000, "世界" * 3_000, " " * 9_999 + "x", "the " * 5_000])
def test_the_same_ids_of_long_texts(text):
    ours, theirs = mixed_vocabulary()
    assert ours.encode(text) == theirs.encode(text).ids


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\udc00\ud800"])
def test_both_refuse_lone_surrogates(text):
    ours, theirs = mixed_vocabulary()
    with pytest.raises(InputError, match="lone surrogate"):
        ours.encode(text)
    with pytest.raises((UnicodeEncodeError, TypeError)):
        theirs.encode(text)


def test_the_tokenizers_package_reads_our_files_and_finds_our_special_tokens(tmp_path):
    ours = BPETokenizer.train([ENGLISH[:20_000], MIXED], 700, special_tokens=[END_OF_TEXT, "<|end", "<|pad|>"])
    ours.save(tmp_path)
    model = tokenizers.models.BPE.from_file(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt"))
    theirs = tokenizers.Tokenizer(model)
    theirs.pre_tokenizer, theirs.decoder = BYTE_LEVEL, tokenizers.decoders.ByteLevel()
    text = f"{MIXED}{END_OF_TEXT}{CHINESE}<|end <|pad|><|endoftext|>{END_OF_TEXT}"
    assert ours.encode(text) == theirs.encode(text).ids
    theirs.add_special_tokens(list(ours.special_ids))
    ids = ours.encode(text, special=True)
    assert theirs.encode(text).ids == ids
    assert theirs.decode(ids, skip_special_tokens=False) == ours.decode(ids) == text
