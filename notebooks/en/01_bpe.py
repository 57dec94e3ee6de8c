# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 · Text to tokens
#
# **The question:** a model sees nothing but whole numbers. Where should a text be cut into tokens, and what does each
# way to cut cost?
#
# Running time: about 9 s on two CPU cores; needs chapter [00](00_backend.ipynb); sources studied:
# [base.py](../../minigpt/text/base.py), [characters.py](../../minigpt/text/characters.py),
# [words.py](../../minigpt/text/words.py), [byte_level.py](../../minigpt/text/byte_level.py),
# [bpe_training.py](../../minigpt/text/bpe_training.py), [bpe.py](../../minigpt/text/bpe.py); the documents
# [base](../../docs/en/text/base.md), [characters](../../docs/en/text/characters.md),
# [words](../../docs/en/text/words.md), [byte_level](../../docs/en/text/byte_level.md),
# [bpe_training](../../docs/en/text/bpe_training.md) and [bpe](../../docs/en/text/bpe.md).
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/en/01_bpe.ipynb)

# %%
import sys

if "google.colab" in sys.modules:  # Colab has NumPy, CuPy and matplotlib already: nothing of them is installed again
    # %pip install -q --no-deps git+https://github.com/OWNER/minigpt
    # %pip install -q regex safetensors tqdm threadpoolctl
    print("minigpt is installed")

# %% [markdown]
# Two things pull in opposite directions. A small vocabulary makes the model's tables small and every token frequent,
# but the text long; and a model looks at a fixed number of tokens, so that long texts mean little context. A large
# vocabulary does the reverse. We go through four answers: characters, words, bytes, and byte-pair encoding, which GPT
# uses.
#
# The real text of this chapter is the language reference that comes with every Python. Every tenth line is kept
# apart, as text that the tokenizers have never seen.

# %%
from collections import Counter
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import regex

from minigpt.corpora import find_sources
from minigpt.errors import InputError
from minigpt.exercises import book
from minigpt.text.bpe import BYTE_TO_ID, PATTERN, BPETokenizer
from minigpt.text.bpe_training import learn_merges
from minigpt.text.byte_level import ByteTokenizer
from minigpt.text.characters import CharacterTokenizer
from minigpt.text.streaming import StreamDecoder
from minigpt.text.words import WordTokenizer

plt.style.use("tableau-colorblind10")
plt.rcParams.update({"figure.figsize": (7, 3.2), "figure.constrained_layout.use": True})

lines = find_sources(["pydoc"])[0].content.decode("utf-8").splitlines(keepends=True)
seen, unseen = "".join(line for i, line in enumerate(lines, 1) if i % 10), "".join(lines[9::10])
print(f"{len(seen):,} characters to learn from, {len(unseen):,} kept apart; they begin with:")
print(seen[:200])

# %% [markdown]
# ## 1 · Characters
#
# The vocabulary is the set of characters, in the order of their code points. Nothing could be simpler.
#
# **Predict:** about how many different characters does half a million characters of English technical text have? And
# what should `encode` do with a character that it has never seen?

# %%
characters = CharacterTokenizer.train([seen])
print(characters.vocab_size, "tokens:", "".join(characters.characters).strip())
print("banana", characters.encode("banana"))
try:
    characters.encode("the word 词元")
except InputError as error:
    print("InputError:", error)

# %% [markdown]
# It refuses, and says where. The other choice is one token for everything unknown, `<unk>`: `encode` then never fails,
# but what was there is lost.
#
# ### Exercise: encode_characters
#
# Write it yourself, with `<unk>`: the vocabulary is that of the text `training`, and an unknown character gets the id
# after the last. (If you have done it in chapter 00, go on.)

# %%
def my_encode_characters(text, training):
    """The ids of text, a list of integers, by the vocabulary of the text `training`."""

# %%
from minigpt.learn import check

check("encode_characters", my_encode_characters)

# %% [markdown]
# ## 2 · Words, and Zipf's law
#
# Words mean something by themselves, and a text has far fewer of them than characters. What do they cost? Count how
# often each word occurs, and sort them by their frequency: rank 1 is the most frequent.
#
# **Predict:** if the most frequent word makes up 5 % of a text, how often is the tenth? And what share of the
# *different* words occurs only once?

# %%
words = WordTokenizer.train([seen])
counts = Counter(words.encode(seen))
spoken = {words.words[i]: n for i, n in counts.most_common() if words.words[i][0].isalpha()}  # no spaces, no marks
once = sum(n == 1 for n in spoken.values())
print(f"{len(spoken):,} different words; {once:,} of them ({once / len(spoken):.0%}) occur once")
print("the most frequent:", list(spoken.items())[:10])

figure, axes = plt.subplots()
frequencies = np.array(list(spoken.values()))
ranks = np.arange(1, len(frequencies) + 1)
axes.loglog(ranks, frequencies, ".", markersize=4, label="words of the text")
axes.loglog(ranks, frequencies[9] * 10 / ranks, "--", label="Zipf: frequency = constant / rank")
axes.set(xlabel="rank of the word", ylabel="how often it occurs",
         title="Zipf's law: nearly a straight line with slope -1")
axes.legend()
axes.grid(alpha=0.3)
plt.show()

# %% [markdown]
# That is Zipf's law: the frequency falls about as 1/rank, so from 5 % to about 0.5 % at rank ten. (At the very top it
# is rough, as the printed counts show; further down the line is a good one.) It has no end: however large the
# vocabulary, new text brings new words. The next cell gives word vocabularies of growing size text that they haven't
# seen, and counts the words that are unknown.
#
# **Predict:** with *all* words of the seen text in the vocabulary, how many of the words of unseen text are unknown:
# none, 3 %, 10 %, 30 %?

# %%
sizes = [100, 300, 1000, 3000, words.vocab_size]
for size in sizes:
    limited = WordTokenizer.train([seen], size, unknown="<unk>")
    ids = limited.encode(unseen)
    unknown = ids.count(limited.vocab_size - 1)
    known = sum(limited.words[i][0].isalnum() for i in ids if i < len(limited.words))  # words, not spaces or marks
    print(f"vocabulary of {size:5,}: {unknown / (unknown + known):6.2%} of the words of unseen text are unknown")
limited = WordTokenizer.train([seen], 1000, unknown="<unk>")
print(limited.decode(limited.encode(unseen[5000:5400])))

# %% [markdown]
# Every rare word is a hole in the text, and rare words are often what the text is about.
#
# ## 3 · Bytes
#
# UTF-8 writes every character of every language with one to four bytes. A vocabulary of the 256 byte values knows them
# all, and needs no training.
#
# **Predict** how many bytes each of these takes: `e`, `é`, `词`, and a face.

# %%
as_bytes = ByteTokenizer()
for character in "eé词🙂":
    print(f"{character}  U+{ord(character):05X}  bytes {as_bytes.encode(character)}")
sentence = "词元不是词。"
ids = as_bytes.encode(sentence)
print(sentence, len(sentence), "characters,", len(ids), "bytes")
print("the first four bytes, decoded:", as_bytes.decode(ids[:4]))
decoder = StreamDecoder(as_bytes)
print("one at a time:", [decoder.push(i) for i in ids[:7]])

# %% [markdown]
# No text is unknown any more. The price: a byte can be a third of a character, so a model may produce bytes that are no
# text at all, and Chinese is three times as long as in characters. A cut through a character decodes to `�`. While a
# model writes, `StreamDecoder` therefore holds bytes back until their character is complete.
#
# ## 4 · Byte-pair encoding by hand
#
# Between bytes and words lies a scale. Start from bytes. Find the pair of neighbours that stands together most often,
# and make it a new token. Again, and again. Frequent words become one token, rare ones stay in pieces, nothing is
# unknown.
#
# One precaution first: the text is cut into **chunks**, roughly words, with the space in front belonging to the word
# (shown as `Ġ`, which is how GPT-2 prints that byte). Merges never cross the border of a chunk.

# %%
sentence = "the theme of the thesis is the theory"
chunks = PATTERN.findall(sentence)
print(chunks)

# %% [markdown]
# **Predict** on paper, before you run the next cell: which pair of neighbours is the most frequent? There is a tie. The
# rule: among equal counts the pair whose left token has the lower id wins (the ids of the letters are in the order of
# the alphabet).

# %%
pairs = Counter()
for chunk in chunks:
    pairs.update(pairwise(chunk))
for (left, right), count in sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:6]:
    print(f"{left!r} {right!r}: {count}")

# %% [markdown]
# So `h e` becomes the token `he`. Now the pairs with `h` and `e` at those places are gone, and `t he` is there instead.
# The library's `learn_merges` goes on; we print each merge, and below it the sentence as it is then cut.
#
# **Predict** the second and the third merge.

# %%
chunk_counts = Counter(chunk.encode("utf-8").translate(BYTE_TO_ID) for chunk in chunks)  # as ids under 256
merges = learn_merges(chunk_counts, num_merges=100, min_count=2)
small = BPETokenizer(merges)
steps = []
for k in range(len(merges) + 1):
    cut_so_far = BPETokenizer(merges[:k])
    steps.append([cut_so_far.tokens[i] for i in cut_so_far.encode(sentence)])
    made = " + ".join(small.tokens[i] for i in merges[k - 1]) if k else "bytes only"
    print(f"{k}  {made:12} {len(steps[k]):2} tokens  {' '.join(steps[k])}")

# %%
figure, axes = plt.subplots(figsize=(7, 0.42 * len(steps) + 0.8))
colours = ["#cfe3f2", "#ffdfc2"]
for k, tokens in enumerate(steps):
    start = 0
    for n, token in enumerate(tokens):
        new = k > 0 and token == small.tokens[256 + k - 1]
        axes.add_patch(plt.Rectangle((start, k + 0.1), len(token), 0.8, facecolor=colours[n % 2], edgecolor="black",
                                     linewidth=2 if new else 0.5))
        axes.text(start + len(token) / 2, k + 0.5, token.replace("Ġ", "_"), ha="center", va="center", fontsize=9,
                  family="monospace", weight="bold" if new else "normal")
        start += len(token)
axes.set(xlim=(-0.2, len(sentence) + 0.2), ylim=(len(steps), 0), xticks=[], yticks=np.arange(len(steps)) + 0.5,
         yticklabels=[f"{k} merges: {len(tokens)}" for k, tokens in enumerate(steps)],
         title="one merge after the other (bold: the new token; _ is a space)")
axes.tick_params(length=0)
plt.show()

# %% [markdown]
# To **encode** new text, the same merges are applied in the same order, whatever pairs are frequent there. A word that
# was never seen comes out in known pieces:

# %%
for word in (" thesis", " theses", " other", " zzz"):
    print(f"{word!r:10} -> {[small.tokens[i] for i in small.encode(word)]}")

# %% [markdown]
# ### Exercise: count_pairs
#
# The heart of training is a count. `chunks` are lists of ids, `counts` how often the text has each of them.

# %%
def my_count_pairs(chunks, counts):
    """chunks: lists of ids; counts: how often the text has each of them -> {(left, right): how often}."""

# %%
from minigpt.learn import check

check("count_pairs", my_count_pairs)

# %% [markdown]
# ### Exercise: merge_pair
#
# The other half: put the new token wherever the pair stands, from the left. Mind `aaa`: how often can `a a` be merged
# there?

# %%
def my_merge_pair(ids, pair, new_id):
    """A new list: ids with new_id in each place where the two ids of pair stand side by side."""

# %%
from minigpt.learn import check

check("merge_pair", my_merge_pair)

# %% [markdown]
# With these two functions, training is a loop of four lines: count, take the largest, merge, repeat. It would walk
# through the whole text for every merge. [bpe_training.py](../../minigpt/text/bpe_training.py) says how three
# observations make a second out of that, with the same result.
#
# ## 5 · Trained on real text
#
# The list of merges *is* the tokenizer, and a shorter list is a smaller tokenizer: the first 768 merges of thousands
# are what training for 768 would have found, a vocabulary of 256 + 768 = 1,024. So we train once, and cut.
#
# **Predict:** what are the first merges of English text on Python? And how is ` 1234567` cut: digit by digit, in pairs,
# as one token?

# %%
trained = BPETokenizer.train([seen], 8192, special_tokens=())
print(f"8,192 tokens were asked for, {trained.vocab_size:,} came: then no pair stands together twice any more")
print("the first merges:", [trained.tokens[256 + i] for i in range(24)])
print("some of the last:", [trained.tokens[-1 - 12 * i][:40] for i in range(12)])
for text in (" the", "the", " The", " tokenization", " 1234567", "    return x"):
    print(f"{text!r:16} {[trained.tokens[i] for i in trained.encode(text)]}")

# %% [markdown]
# To the model, ` the`, `the` and ` The` are three tokens that have nothing to do with each other until training shows
# that they have. Numbers fall into pieces at odd places, and the letters of a word cannot be seen. Much of what
# language models are bad at, such as spelling and sums, begins here.
#
# ### Compression against vocabulary size
#
# **Predict:** how many characters does a token have on average, with a vocabulary of 1,024? Does doubling the
# vocabulary save as much at 2,048 as it does at 512? And what about the tokens that the larger vocabulary has in
# addition: how often will a model see each of them in training?

# %%
sizes = [256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, trained.vocab_size]
per_token = {"seen text": [], "unseen text": []}
rare = []
for size in sizes:
    tokenizer = BPETokenizer(trained.merges[:size - 256])
    ids = tokenizer.encode(seen)
    per_token["seen text"].append(len(seen) / len(ids))
    per_token["unseen text"].append(len(unseen) / len(tokenizer.encode(unseen)))
    uses = np.bincount(ids, minlength=size)[256:]  # of the merged tokens
    rare.append((uses < 20).mean() if len(uses) else 0)

figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.4))
for (name, values), style in zip(per_token.items(), ("o-", "s--")):
    left.plot(sizes, values, style, markersize=4, label=name)
left.set(xlabel="vocabulary size", ylabel="characters a token", ylim=(0, None),
         title="compression: less and less gained")
left.legend(fontsize=8)
right.plot(sizes, [100 * share for share in rare], "o-", color="#c85200", markersize=4)
right.set(xlabel="vocabulary size", ylabel="% of merged tokens", title="tokens used under 20 times", ylim=(0, 100))
for ax in (left, right):
    ax.set_xscale("log", base=2)
    ax.set_xticks([256, 512, 1024, 2048, 4096, 8192], ["256", "512", "1k", "2k", "4k", "8k"])
    ax.grid(alpha=0.3)
plt.show()
for i in (0, 4, 8, 9):
    size = sizes[i]
    print(f"{size:5,} tokens: {per_token['unseen text'][i]:.2f} characters a token, a text of 64 tokens has "
          f"{64 * per_token['unseen text'][i]:.0f} characters; a table with 96 channels {96 * size:8,} parameters")

# %% [markdown]
# There is the trade. Each doubling of the vocabulary doubles the embedding table and gains less compression; the last
# merges join what stands together only twice in the whole text. And what is seen a few times can't be learned well.
# GPT-2 takes 50,257 tokens for 40 GB of text; `python -m minigpt train` takes 1,024 for half a megabyte.
#
# ### How long are the tokens?
#
# **Predict:** is the average token of the *vocabulary* longer or shorter than the average token of the *text*?

# %%
tokenizer = BPETokenizer(trained.merges[:4096 - 256])
lengths = np.array([len(token) for token in tokenizer.token_bytes])
in_text = lengths[tokenizer.encode(unseen)]
print(f"mean length: {lengths.mean():.2f} bytes in the vocabulary, {in_text.mean():.2f} in unseen text")
longest = sorted((token for token in tokenizer.tokens if regex.fullmatch("Ġ?[A-Za-z]+", token)), key=len)[-8:]
print("the longest of letters alone:", longest)

figure, axes = plt.subplots()
bins = np.arange(1, 18)
for shift, values, label in ((-0.2, lengths, "vocabulary: each token once"), (0.2, in_text, "unseen text")):
    share = np.array([(values == n).mean() for n in bins])
    axes.bar(bins + shift, 100 * share, 0.4, label=label)
axes.set(xlabel="bytes in a token", ylabel="% of the tokens", title="short tokens are few, but used all the time",
         xticks=bins)
axes.legend()
plt.show()

# %% [markdown]
# ### Zipf again
#
# **Predict:** BPE spends tokens where the text is frequent. Is its curve of frequency against rank flatter than that of
# the words, or steeper? And that of the characters?

# %%
figure, axes = plt.subplots(figsize=(7, 3.6))
for name, kind, style, color in (("characters", characters, "-", "#006ba4"),
                                 ("BPE, 4,096 tokens", tokenizer, "--", "#c85200"), ("words", words, ":", "black")):
    ids = kind.encode(seen)
    share = np.sort(np.bincount(ids))[::-1] / len(ids)
    share = share[share > 0]
    axes.loglog(np.arange(1, len(share) + 1), share, style, color=color, linewidth=2, label=name)
axes.set(xlabel="rank of the token", ylabel="share of all tokens", title="how evenly are the tokens used?")
axes.grid(alpha=0.3)
axes.legend()
plt.show()

# %% [markdown]
# Of the words (the space between them is one here, and the first) a few take much of the text, and with more text the
# tail of the others would go on to the right without end; the characters drop off a cliff. The curve of BPE starts
# lower, falls more gently, and ends where we tell it to.
#
# ## 6 · Chinese
#
# In Chinese there are no spaces, so a chunk is a whole phrase up to the next punctuation mark. And each character
# starts as three bytes. For text we take what every copy of minigpt has on its disk: the Chinese half of the exercises'
# tasks and hints. Four fifths are to learn from.
#
# **Predict:** how many tokens does a Chinese character take under the tokenizer that was trained on English? And under
# one of the same size that was trained on this Chinese: more or less than one?

# %%
sources = [path.read_text(encoding="utf-8") for path in sorted(Path(book.__file__).parent.glob("*.py"))]
phrases = [text for source in sources for text in regex.findall(r'"([^"\n]*\p{Han}[^"\n]*)"', source)]
learn, test = "".join(phrases[i] + "\n" for i in range(len(phrases)) if i % 5), "".join(phrases[::5])
test = "".join(regex.findall(r"\p{Han}+[，。：；？！、]?", test))  # Chinese alone
size = 2048
kinds = {
    "bytes": ByteTokenizer(),
    f"BPE {size}, English": BPETokenizer(trained.merges[:size - 256]),
    f"BPE {size}, Chinese": BPETokenizer.train([learn], size, special_tokens=()),
    f"BPE {size}, half and half": BPETokenizer.train([seen[:3 * len(learn)], learn], size, special_tokens=()),
}
print(f"{len(learn):,} characters to learn from, {len(test):,} Chinese ones to test with: {test[:40]} ...")
table = {name: (len(kind.encode(unseen)) / len(unseen), len(kind.encode(test)) / len(test))
         for name, kind in kinds.items()}
for name, (english, chinese) in table.items():
    print(f"{name:26} tokens a character: English {english:.2f}, Chinese {chinese:.2f}")
chinese_bpe = kinds[f"BPE {size}, Chinese"]
texts = [token.decode("utf-8", "replace") for token in chinese_bpe.token_bytes]
print("the longest of Chinese:", sorted((text for text in texts if regex.fullmatch(r"\p{Han}+", text)), key=len)[-10:])
print(sum("\ufffd" in text for text in texts), "tokens hold a piece of a character")
print("cut:", " | ".join(chinese_bpe.decode([i]) for i in chinese_bpe.encode(test[:40])))

figure, axes = plt.subplots(figsize=(7, 2.8))
places = np.arange(len(table))
for shift, column, label in ((-0.2, 0, "English"), (0.2, 1, "Chinese")):
    bars = axes.barh(places + shift, [row[column] for row in table.values()], 0.4, label=label)
    axes.bar_label(bars, fmt="%.2f", fontsize=8, padding=2)
axes.set(yticks=places, yticklabels=table, xlabel="tokens a character, on unseen text",
         title="a tokenizer fits the language that it was trained on", xlim=(0, 3.4))
axes.invert_yaxis()
axes.legend()
plt.show()

# %% [markdown]
# A model pays per token: in time, and in how far it can look back. So for whom a tokenizer was trained is no detail.
# Nor are its pieces of characters: a token can be two of a character's three bytes, the beginning that many characters
# share, and a model that writes Chinese has to learn what may follow.
#
# ## What you have learned
#
# * Characters: small vocabulary, long texts. Words: short texts, and Zipf's law leaves holes. Bytes: no holes, longest.
# * BPE merges the most frequent pair again and again; the list of merges is the whole tokenizer, in the order learned.
# * More vocabulary gains less and less, costs a row of a table each, and its last tokens are too rare to learn.
#
# **Next:** [02 · A language model is a conditional distribution](02_cross_entropy.ipynb): numbers for the text are
# there; now predict the next one.
