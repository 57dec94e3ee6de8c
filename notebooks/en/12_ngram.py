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
# # 12 · n-grams: a language model by counting
#
# **The question.** How far does one get without learning anything, only by counting what came after what? And what
# does a model say about a text of which it has seen nothing quite like it?
#
# Running time: about 25 s on two CPU cores; needs chapter [02](02_cross_entropy.ipynb); sources studied:
# [ngram.py](../../minigpt/models/ngram.py), [ngram_smoothing.py](../../minigpt/models/ngram_smoothing.py),
# [spelling.py](../../minigpt/models/spelling.py), the documents [ngram](../../docs/en/models/ngram.md),
# [smoothing](../../docs/en/models/ngram_smoothing.md) and [spelling](../../docs/en/models/spelling.md).
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/en/12_ngram.ipynb)

# %%
import sys

if "google.colab" in sys.modules:  # Colab has NumPy, CuPy and matplotlib already: nothing of them is installed again
    # %pip install -q --no-deps git+https://github.com/OWNER/minigpt
    # %pip install -q regex safetensors tqdm threadpoolctl
    print("minigpt is installed")

# %%
import os
import re
from collections import Counter
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from minigpt import backend
from minigpt.corpora import find_sources
from minigpt.generate import generate_text
from minigpt.models.ngram import NGram, NGramConfig
from minigpt.models.spelling import SpellingCorrector, distance, edits1, misspell, sentences
from minigpt.text.base import printable
from minigpt.text.characters import CharacterTokenizer

quick = bool(os.environ.get("MINIGPT_QUICK"))  # fewer words to correct, the rest unchanged
np.set_printoptions(precision=4, suppress=True)
plt.style.use("tableau-colorblind10")
plt.rcParams.update({"figure.figsize": (7, 3.2), "figure.constrained_layout.use": True})

# %% [markdown]
# ## 1 · Counting
#
# Chapter 02 had a table of pairs. An **n-gram** is $n$ tokens in a row, and an n-gram model predicts the last from the
# $n-1$ before it, its **context**. All of a text's n-grams of length 3 ("trigrams"), the beginning included:
#
# **Predict** for `abracadabra`: how many trigrams are there, how many different ones, and which come twice? The two
# marks `^` in front make a trigram end at the first letter too.

# %%
text, n = "abracadabra", 3
padded = "^" * (n - 1) + text
trigrams = Counter(padded[i:i + n] for i in range(len(text)))
print(sum(trigrams.values()), "trigrams,", len(trigrams), "different:", dict(trigrams))

# %% [markdown]
# One for each letter: a mark is never predicted, it only stands before. The library keeps such counts, for each
# length, as sorted numbers: `context · V + token`, where `context` is the place of the shorter n-gram in *its* array.
# The source file tells why that is quick: a million tokens are counted in a few seconds, up to $n = 5$.
#
# ### Exercise: count_ngrams
#
# The same for a list of ids and any $n$.

# %%
def my_count_ngrams(ids, n, mark):
    """ids: a list of whole numbers -> {(n ids): how often}, with n - 1 times `mark` before the text."""

# %%
from minigpt.learn import check

check("count_ngrams", my_count_ngrams)

# %% [markdown]
# The share of each token among what followed a context is its **conditional probability**,
# $p(w \mid h) = c(hw) / c(h)$. No other table makes the counted text more probable (**maximum likelihood**).
#
# **Predict** the row of `a`; then the row of `^`, the beginning.

# %%
small = CharacterTokenizer.train([text])
ids = small.encode(text)
model = NGram.count([ids], NGramConfig(vocab_size=small.vocab_size, order=2, smoothing="mle"))
print("    ", "      ".join(small.tokens))
for name, context in [("^", [model.start]), *((token, [i]) for i, token in enumerate(small.tokens))]:
    print(name, model.probabilities(context))

# %% [markdown]
# ## 2 · A table of real words
#
# Now words, in the sentences of Python's documentation. Rows are contexts of one word, columns are words that come
# next. First the counts, then what they say as probabilities; a picture shows the same table.
#
# **Predict:** after `a`, can `the` come? After which of these words is the next one easiest to guess?

# %%
everything = find_sources(["pydoc"])[0].content.decode("utf-8")
told = sentences(everything)
words = sorted({word for sentence in told for word in sentence})
word_ids = {word: i for i, word in enumerate(words)}
told_ids = [[word_ids[word] for word in sentence] for sentence in told]
print(f"{len(told):,} sentences, {sum(map(len, told)):,} words, {len(words):,} of them different")
word_model = NGram.count(told_ids, NGramConfig(vocab_size=len(words), order=3, smoothing="mle"))

before = ["the", "a", "of", "is", "in", "to", "if", "must", "python", "default"]
after = ["the", "a", "of", "is", "not", "be", "following", "object", "value", "function"]
table = np.array([word_model.probabilities([word_ids[b]])[[word_ids[w] for w in after]] for b in before])
print(" " * 8, *(f"{word:>9}" for word in after))
for word, row in zip(before, table):
    print(f"{word:8}", *(f"{p:9.3f}" if p else f"{'-':>9}" for p in row))

# %%
figure, axes = plt.subplots(figsize=(7, 4))
picture = axes.imshow(table, cmap="Blues", vmin=0, vmax=0.25, aspect="auto")
for (i, j), p in np.ndenumerate(table):
    if p >= 0.0005:
        axes.text(j, i, f"{100 * p:.0f}" if p >= 0.01 else "<1", ha="center", va="center", fontsize=7,
                  color="white" if p > 0.15 else "black")
axes.set_xticks(range(len(after)), after, rotation=40, ha="right")
axes.set_yticks(range(len(before)), before)
axes.set(xlabel="next word", ylabel="word before", title="p(next word | word before) in percent; empty: never seen")
figure.colorbar(picture, label="probability", extend="max")
plt.show()

# %% [markdown]
# Grammar shows without anybody having told it: an article hardly ever follows an article (where one does, `a` is the
# name of something), and `must` wants `be` or `not`. And many squares are empty.
#
# ## 3 · What was never seen
#
# A tenth of the text is kept back. What share of *its* n-grams never occurred in the rest?
#
# **Predict** for $n = 1, 2, 3, 5$: for characters, and for words. (The full table has $V^n$ cells; 100 characters and
# $n = 5$ make ten thousand million.)

# %%
tokenizer = CharacterTokenizer.train([everything])
seam = re.compile(r"\s").search(everything, round(0.9 * len(everything))).start()
seen_text, unseen_text = everything[:seam], everything[seam:]
seen, unseen = np.array(tokenizer.encode(seen_text)), np.array(tokenizer.encode(unseen_text))
longest = 8
counted = NGram.count([seen], NGramConfig(vocab_size=tokenizer.vocab_size, order=longest))
word_counted = NGram.count(told_ids[:-len(told) // 10], NGramConfig(vocab_size=len(words), order=5))


def never_seen(model, texts, order):
    """The share of the n-grams of texts that the model hasn't counted."""
    maximum = NGram(replace(model.config, order=order, smoothing="stupid-backoff", alpha=1e-9), model.tables[:order])
    scores = np.concatenate([maximum.text_scores(ids) for ids in texts])
    return (scores < 1e-7).mean()  # at least one step back


shares = {"characters": [never_seen(counted, [unseen], n) for n in range(1, 9)],
          "words": [never_seen(word_counted, told_ids[-len(told) // 10:], n) for n in range(1, 6)]}
print("different n-grams counted, characters:", *(f"{len(keys):,}" for keys, _ in counted.tables))
figure, axes = plt.subplots()
for (name, values), marker in zip(shares.items(), "os"):
    axes.plot(range(1, len(values) + 1), values, marker=marker, label=name)
    print(f"{name:10} never seen:", *(f"{share:.1%}" for share in values))
axes.set(xlabel="n", ylabel="share never seen before", ylim=(-0.02, 1),
         title="the longer an n-gram, the more often it is new")
axes.grid(alpha=0.3)
axes.legend()
plt.show()

# %% [markdown]
# Two of three word trigrams in new text are new, and one in seven of the character 5-grams. To each of them maximum
# likelihood gives the probability 0: an infinite loss, as one single zero makes the product of all factors 0.

# %%
for n in (1, 2, 5):
    model = NGram(replace(counted.config, order=n, smoothing="mle"), counted.tables[:n])
    print(f"maximum likelihood, n = {n}: perplexity {model.perplexity(seen):.3f} on the counted text, "
          f"{model.perplexity(unseen):.3f} on new text")

# %% [markdown]
# ## 4 · Stupid backoff: ask the shorter context
#
# The first cure that comes to mind: where the context has no answer, forget its oldest token and ask again, with a
# factor α = 0.4 for each step.
#
# **Predict** for `abracadabra`: the score of `b` after `ra`. And what all scores after `ra` add up to: 1?
#
# ### Exercise: backoff

# %%
def my_backoff(counts, context, token, alpha):
    """counts: {piece of text: how often it occurred} -> the score of token after context, a number."""

# %%
from minigpt.learn import check

check("backoff", my_backoff)

# %%
stupid = NGram.count([ids], NGramConfig(vocab_size=small.vocab_size, order=3, smoothing="stupid-backoff"))
scores = stupid.scores(small.encode("ra"))
print(dict(zip(small.tokens, scores.round(4).tolist())), " sum", scores.sum().round(4))

# %% [markdown]
# `ra` was followed by `c` once, so `c` gets 1, and nothing is left: but the others get something too. These are
# **scores, not probabilities**. They can rank, and generate; a perplexity they don't have, and the library refuses to
# make one up. Whoever gives to the unseen must take from the seen. How much?
#
# ## 5 · How much to take
#
# Church and Gale let the data answer. Count in one half of the text; then look how often the same n-grams come in the
# other half.
#
# **Predict:** word pairs that one half has exactly once: how often does the other half have them, on average? Those
# with 2? With 5?

# %%
halves = [Counter(pair for sentence in told[half::2] for pair in zip(["^", *sentence], sentence)) for half in (0, 1)]
found = {r: [] for r in range(1, 10)}
for one, other in (halves, halves[::-1]):
    for pair, count in one.items():
        if count in found:
            found[count].append(other[pair])
again = np.array([np.mean(values) for values in found.values()])
for r, mean in zip(found, again):
    print(f"seen {r} times in one half: {mean:.2f} times in the other, {r - mean:.2f} less ({len(found[r]):,} pairs)")

figure, axes = plt.subplots(figsize=(7, 3.4))
rs = np.array(list(found))
less = (rs - again)[1:].mean()
axes.plot(rs, rs, color="gray", linestyle=":", label="as often")
axes.plot(rs, rs - less, color="gray", label=f"{less:.2f} less")
axes.plot(rs, again, "o", markersize=7, label="the other half")
axes.set(xlabel="times a pair was seen in one half", ylabel="times in the other (mean)",
         title="a count promises too much, by about the same amount")
axes.grid(alpha=0.3)
axes.legend()
plt.show()

# %% [markdown]
# Every count is too high, and by about the same amount however large it is: about 1 in this small text (0.75 in the
# newspapers that Church and Gale took), less for a count of 1, which has no more to give. So **absolute discounting**:
# take the same $d$ from every count, and give what was taken, $d\,T$ from $T$ different followers, to the shorter
# context:
#
# $$
# p(w \mid h) = \frac{\max(c(hw) - d,\, 0)}{N} + \frac{d\,T}{N}\; p'(w)
# $$
#
# ## 6 · To whom: Kneser-Ney
#
# $p'$ is asked where the context is hardly known. Is frequency the right answer there? Take "San Francisco": the
# second word is frequent, but only after the first.
#
# **Predict:** a text says "X San Francisco" for ten different X. Nothing is known of the context. How probable is
# "Francisco", compared with "San", by frequency? And how probable *should* it be?

# %%
san, francisco = 0, 1
trip = [token for other in range(2, 12) for token in (other, san, francisco)]
for smoothing in ("witten-bell", "kneser-ney"):
    model = NGram.count([trip], NGramConfig(vocab_size=12, order=2, smoothing=smoothing))
    alone, after_san = model.probabilities([]), model.probabilities([san])
    print(f"{smoothing:12} p(San) {alone[san]:.3f}   p(Francisco) {alone[francisco]:.3f}   "
          f"p(Francisco | San) {after_san[francisco]:.3f}")

# %% [markdown]
# Kneser and Ney count, for $p'$, after how many *different* tokens a token has come. By hand for `abracadabra`, with
# $d = 0.75$. Different pairs, the beginning included: ^a, ra, ca, da, ab, br, ac, ad.
#
# **Predict** $p'$ of `a` and of `b` (without anything below), then $p(b \mid a)$: after `a` came `b` twice, `c` and `d`
# once.

# %%
before_a, before_b, pairs = 4, 1, 8
lower_a, lower_b = before_a / pairs, before_b / pairs
print("p'(a)", lower_a, " p'(b)", lower_b)
N, T, c, d = 4, 3, 2, 0.75
print("p(b | a) = (2 - 0.75) / 4 + 0.75 * 3 / 4 * p'(b) =", (c - d) / N + d * T / N * lower_b)
model = NGram.count([ids], NGramConfig(vocab_size=5, order=2, discount=0.75, ends_uniform=False))
p = model.probabilities(small.encode("a"))
print("library:", dict(zip(small.tokens, p.round(6).tolist())), " sum", round(p.sum(), 12))

# %% [markdown]
# (`ends_uniform=False`: single tokens are the end. Otherwise they are discounted too, in favour of $1/V$, so that a
# token never seen has a chance as well.)
#
# ### Exercise: kneser_ney
#
# For all pairs at once.

# %%
def my_kneser_ney(counts, d):
    """counts (V, V), how often token j followed token i -> p (V, V), p[i, j] of j after i."""

# %%
from minigpt.learn import check

check("kneser_ney", my_kneser_ney)

# %% [markdown]
# ## 7 · Which is best?
#
# The characters of the kept tenth, in bits each. Counting is done once: a model of order 3 is the first three lengths
# of the table.
#
# **Predict:** which method wins at which $n$? Does more context ever hurt? For comparison: the GPT of the README comes
# to 1.71 bits per character on the same tenth, after two minutes of training. Counting took one second.

# %%
methods = {"add-k": dict(k=0.01), "witten-bell": {}, "kneser-ney": {}}
curves = {}
for smoothing, options in methods.items():
    config = replace(counted.config, smoothing=smoothing, **options)
    models = [NGram(replace(config, order=n), counted.tables[:n]) for n in range(1, longest + 1)]
    curves[smoothing] = [model.bits_per_character(unseen, len(unseen)) for model in models]
    print(f"{smoothing:12}", *(f"{bits:.3f}" for bits in curves[smoothing]))

figure, axes = plt.subplots(figsize=(7, 3.8))
for (smoothing, bits), style, color in zip(curves.items(), ("^--", "s-.", "o-"), ("tab:blue", "tab:orange", "purple")):
    axes.plot(range(1, longest + 1), bits, style, color=color, label=smoothing)
axes.axhline(1.706, color="black", linestyle=":", label="a small GPT, two minutes")
axes.set(xlabel="n", ylabel="bits per character, new text", ylim=(1.4, 5),
         title="longer contexts help as long as the unseen is handled well")
axes.grid(alpha=0.3)
axes.legend()
plt.show()

# %% [markdown]
# Add-k gets worse from $n = 5$ on: long contexts were seen once or never, and it spreads most of what it has evenly.
# The two others go to the shorter context instead. Witten-Bell trusts a context seen once too much, and turns at
# $n = 6$. Kneser-Ney goes on improving, and at $n = 8$ it beats the two-minute GPT: the text is small and repeats
# itself, which is where counting is strong. Chapter 17 gives all models the same time and looks again.
#
# ## 8 · Writing
#
# Five models write on. Beside each text: what share of its pieces of 12 characters stands in the counted text, letter
# for letter.
#
# **Predict:** that share for $n = 3$ and for $n = 8$.

# %%
spoken = {}
for n in (1, 2, 3, 5, 8):
    model = NGram(replace(counted.config, order=n), counted.tables[:n])
    spoken[n] = "The " + "".join(generate_text(model, tokenizer, "The ", 500, seed=3, use_cache=False))
    pieces = [spoken[n][i:i + 12] for i in range(len(spoken[n]) - 11)]
    print(f"n = {n}: {np.mean([piece in seen_text for piece in pieces]):.0%} of its pieces of 12 characters are copied")
    print("   ", printable(spoken[n][:110]))

# %% [markdown]
# Over a third of the last text is copied, and the subject changes wherever seven characters fit two places. Longer
# contexts copy more. That is the end of this road: nothing tells the model that "a function" and "the function" have
# anything to do with each other. Each row of the table stands alone. From the next chapter on, tokens are vectors, and
# what is learned about one serves its neighbours.
#
# ## 9 · Scoring: where does a text surprise?
#
# The model gives every character of a sentence its surprise, $-\log_2 p$.
#
# **Predict:** at which characters of the sentence below does it jump?

# %%
sentence = "The value of the expresion is returned."
model = NGram(replace(counted.config, order=6), counted.tables[:6])
surprise = -np.log2(model.text_scores(tokenizer.encode(sentence)))
figure, axes = plt.subplots(figsize=(7.4, 2.6))
axes.bar(range(len(sentence)), surprise, color=["tab:red" if s > 8 else "tab:blue" for s in surprise])
axes.set_xticks(range(len(sentence)), ["_" if c == " " else c for c in sentence], family="monospace")
axes.set(ylabel="surprise (bits)", title="a spelling mistake surprises")
plt.show()
for other in (sentence, "The value of the expression is returned.", "returned is expression the of value The."):
    print(f"{model.log_probability(tokenizer.encode(other)) / np.log(2):8.1f} bits  {other}")

# %% [markdown]
# ## 10 · A spelling corrector
#
# Someone wrote $x$. What was meant? Bayes: $p(w \mid x) \propto p(x \mid w)\, p(w \mid \text{around})$. The second
# factor is our n-gram model of words. The first, the **noisy channel**, says how such a mistake arises: a letter lost,
# put in, replaced, or two neighbours swapped.
#
# **Predict:** how many strings are one edit away from a word of five letters, with an alphabet of 26?
#
# ### Exercise: edits1

# %%
def my_edits1(word, alphabet):
    """A sorted list of the different strings, other than word, that one edit makes of it."""

# %%
from minigpt.learn import check

check("edits1", my_edits1)

# %%
print("peace:", len(edits1("peace")), "edits,", len({*edits1("peace")} - {"peace"}), "different strings")
print("distances of peice to piece, peace, pie:", *(distance("peice", word) for word in ("piece", "peace", "pie")))
taught = told[:-len(told) // 10]
correctors = {order: SpellingCorrector(taught, order) for order in (1, 2, 3)}
written = ["the", "valie", "of", "the", "experssion", "si", "returned"]
print(" ".join(written), "->", " ".join(correctors[3].correct(written)))
for order in (1, 3):
    best = list(correctors[order].scores(written, 5).items())[:4]
    print(f"order {order}, candidates for 'si':", *(f"{word} {score:.1f}" for word, score in best))

# %% [markdown]
# Now measured: words of the kept sentences, each with one or two errors drawn by `misspell`. How many does each
# corrector find again? Order 1 knows how frequent each word is and nothing else.
#
# **Predict:** what does the context bring, for one error, and for two?

# %%
places = [(sentence, i) for sentence in told[-len(told) // 10:] for i, word in enumerate(sentence)
          if len(word) > 3 and word in correctors[1].ids]  # fmt: skip
results = {}
for edits in (1, 2):
    rng = backend.generator(12, edits)
    chosen = [places[int(i)] for i in rng.permutation(len(places))[:60 if quick else 250]]
    wrong = [misspell(sentence[i], edits, rng) for sentence, i in chosen]
    for order, corrector in correctors.items():
        right = [next(iter(corrector.scores([*sentence[:i], bad, *sentence[i + 1:]], i)), bad) == sentence[i]
                 for (sentence, i), bad in zip(chosen, wrong)]
        results[edits, order] = np.mean(right)
for edits in (1, 2):
    print(f"{edits} edit(s):", *(f"order {order} {results[edits, order]:.1%}" for order in correctors))

figure, axes = plt.subplots(figsize=(7, 2.8))
for edits, shift, color in ((1, -0.18, "tab:blue"), (2, 0.18, "tab:orange")):
    axes.bar([order + shift for order in correctors], [results[edits, order] for order in correctors], 0.34,
             color=color, label=f"{edits} error{'s' if edits > 1 else ''} in the word")
axes.set(xticks=list(correctors), xlabel="order of the n-gram model (1: no context)", ylabel="found again",
         ylim=(0.7, 1), title="context helps where spelling alone can't decide")
figure.legend(loc="outside right upper", fontsize=8)
plt.show()

# %% [markdown]
# The errors were drawn just as the channel believes, and the vocabulary is small: with real mistakes and all of
# English it is harder. The rule stays the same.
#
# ## What was learned
#
# - An n-gram model is a table of counts. It is exact about what it saw, and its quality is decided by what it says of
#   the rest.
# - Kneser-Ney takes the same $d$ from every count and hands it out by how many different contexts a token has had; its
#   probabilities add up to 1, those of stupid backoff don't.
# - Any such model, turned round by Bayes' rule, reads what is noisy: a spelling corrector in a hundred lines.
#
# Next: [13 · the first neural models](13_neural_ngram.ipynb), where contexts that were never seen are near to others
# that were.
