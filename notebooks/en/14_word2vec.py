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
# # 14 · word2vec and fastText: vectors of words
#
# **The question.** In chapter 13 vectors of words were a by-product. What is the least that one must compute to get
# them,
# what do they know, and how does one find out?
#
# Running time: about 16 s on two CPU cores; needs chapters [04](04_embedding.ipynb) and
# [13](13_neural_ngram.ipynb); sources studied: [word2vec.py](../../minigpt/models/word2vec.py),
# [fasttext.py](../../minigpt/models/fasttext.py), [word_vectors.py](../../minigpt/models/word_vectors.py),
# [worlds.py](../../minigpt/text/worlds.py), the documents [word2vec](../../docs/en/models/word2vec.md),
# [fasttext](../../docs/en/models/fasttext.md) and [word_vectors](../../docs/en/models/word_vectors.md).
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/en/14_word2vec.ipynb)

# %%
import sys

if "google.colab" in sys.modules:  # Colab has NumPy, CuPy and matplotlib already: nothing of them is installed again
    # %pip install -q --no-deps git+https://github.com/OWNER/minigpt
    # %pip install -q regex safetensors tqdm threadpoolctl
    print("minigpt is installed")

# %%
import os
import re
import time

import matplotlib.pyplot as plt
import numpy as np

from minigpt import backend
from minigpt.corpora import find_sources
from minigpt.memory import keep_freed_memory
from minigpt.models.fasttext import FastText, FastTextConfig, fnv1a, pieces
from minigpt.models.word2vec import (
    NegativeSampler,
    Word2Vec,
    Word2VecConfig,
    count_words,
    keep_probability,
    negative_sampling_backward,
    negative_sampling_forward,
    train_vectors,
)
from minigpt.text.worlds import make_world

quick = bool(os.environ.get("MINIGPT_QUICK"))
backend.use("numpy", "float64")
np.set_printoptions(precision=4, suppress=True)
plt.rcParams.update({"figure.dpi": 100, "figure.constrained_layout.use": True})

# %% [markdown]
# ## 1 · A word is known by its neighbours
#
# "She poured the ___ into a cup." You know a good deal about the word that is missing. Skip-gram turns this into a
# task:
# from each neighbour of a word, guess the word. The pairs for a window of 2 on each side. **Predict:** how many are
# there?

# %%
sentence = ["she", "poured", "the", "tea", "slowly"]
pairs = [(sentence[t], sentence[s]) for t in range(5) for s in range(max(t - 2, 0), min(t + 3, 5)) if s != t]
print(len(pairs), "pairs:", *(f"{a}-{b}" for a, b in pairs))

# %% [markdown]
# ### Exercise: skip_gram_pairs

# %%
def my_skip_gram_pairs(ids, window):
    """ids (T,) -> pairs (P, 2): a centre and a neighbour, in the order of the centres, then from left to right."""

# %%
from minigpt.learn import check

check("skip_gram_pairs", my_skip_gram_pairs)

# %% [markdown]
# ## 2 · Yes or no instead of one of V
#
# A softmax over 100,000 words is 100,000 inner products a guess. **Negative sampling** asks $K + 1$ questions
# instead: does
# this word belong to the neighbour's vector $h$? Yes for the real one, no for $K$ words drawn at random:
#
# $$
# L = -\ln\sigma(h\cdot y_c) - \sum_{k=1}^{K}\ln\sigma(-h\cdot y_{v_k}),
# \qquad
# ds = \sigma(s) - t
# $$
#
# with $t = 1$ for the real word and 0 for the others. By hand: the scores are $\ln 3$ for the real word and 0 for one
# negative. **Predict** both probabilities, the loss, and the two $ds$.

# %%
h = np.array([[[1.0, 0.0]]])  # (N, S, C): one window, one neighbour
y = np.array([[[np.log(3), 1.0], [0.0, 2.0]]])  # (N, 1 + K, C): the real word, one negative
s = (h @ y.swapaxes(1, 2))[0, 0]
sigma = 1 / (1 + np.exp(-s))
ds = sigma - np.array([1, 0])
print("scores", s, " sigma", sigma, " loss", -np.log(sigma[0]) - np.log(1 - sigma[1]), " ds", ds)
print("dh", ds @ y[0], " dy", np.outer(ds, h[0, 0]).tolist())
loss, saved = negative_sampling_forward(h, y, np.ones((1, 1, 2), bool))
dh, dy = negative_sampling_backward(1.0, saved)
print("library:", float(loss), dh[0, 0], dy[0].tolist())

# %% [markdown]
# ### Exercise: negative_sampling

# %%
def my_negative_sampling_forward(h, v):
    """h (N, C), v (N, O, C), the right word first -> mean loss, a number; and saved."""


def my_negative_sampling_backward(dy, saved):
    """dy, a number -> dh (N, C), dv (N, O, C)."""

# %%
from minigpt.learn import check

check("negative_sampling", my_negative_sampling_forward, my_negative_sampling_backward)

# %% [markdown]
# ## 3 · Which words are drawn, which are skipped
#
# Two curves on the words of the text that comes with Python. Negatives are drawn in proportion to $count^{3/4}$.
# Frequent
# words are skipped: an occurrence of a word whose share of the text is $f$ stays with probability $\sqrt{t/f} + t/f$.
#
# **Predict:** "the" is 7 of 100 words. With $t = 0.001$, how many of 100 occurrences stay?

# %%
text = find_sources(["pydoc"])[0].content.decode("utf-8")
sentences = [re.findall(r"[a-z_]+", paragraph.lower()) for paragraph in text.split("\n\n")]
counts = count_words(sentences)
ordered = np.array(sorted(counts.values(), reverse=True))
share = ordered / ordered.sum()
kept = keep_probability(ordered, 1e-3)
top = counts.most_common(1)[0][0]
print(f"{ordered.sum()} words, {len(ordered)} different; {top!r} is {100 * share[0]:.1f} percent of them, "
      f"{100 * kept[0]:.0f} of 100 occurrences stay")

figure, axes = plt.subplots(1, 2, figsize=(9, 3.3))
rank = np.arange(1, len(ordered) + 1)
axes[0].loglog(rank, share, color="tab:blue", label="in the text")
axes[0].loglog(rank, NegativeSampler(ordered).p, color="tab:orange", label="as negatives: power 3/4")
axes[0].set(title="share of each word", xlabel="rank", ylabel="share")
axes[1].semilogx(rank, kept, color="tab:green")
axes[1].set(title="probability that an occurrence stays, t = 0.001", xlabel="rank", ylim=(0, 1.05))
axes[0].legend(fontsize=8)
for place in axes:
    place.grid(alpha=0.3)
plt.show()

# %% [markdown]
# How does one draw from 5,000 unequal probabilities quickly? Walker's **alias method**: as many columns as words,
# all of
# one height; a column holds its own word and, where that doesn't fill it, part of another. A draw is a column and a
# height.
# The table for counts 16, 5, 1, 1, and what 100,000 draws give:

# %%
sampler = NegativeSampler([16, 5, 1, 1])
print("p          ", sampler.p)
print("own share  ", sampler.share, " the rest of the column is word", sampler.alias)
print("drawn      ", np.bincount(sampler.draw(backend.generator(14), 100_000)) / 100_000)

# %% [markdown]
# ### Exercise: subsample

# %%
def my_keep_probability(counts, t):
    """counts (V,) of each word in a text, t > 0 -> p (V,), the probability to keep an occurrence."""

# %%
from minigpt.learn import check

check("subsample", my_keep_probability)

# %% [markdown]
# ## 4 · A world whose answers are known
#
# Do vectors know relations? On a text where the relations are known one can count. `make_world` makes sentences from
# templates, about capitals, men and women, one and many; france and paris share words of their own
# (french, croissants), and
# france and japan share templates. Then the questions: *france is to paris as japan is to ...*, answered by the word
# nearest
# to $paris - france + japan$.
#
# **Predict:** how many of the 446 questions does a model answer by chance, with 216 words?

# %%
backend.use("numpy", "float32")
world = make_world("en", 4_000 if quick else 12_000)
print(*(" ".join(sentence) for sentence in world.sentences[:4]), sep="\n")
models = {}
variants = {"skip-gram": {}, "cbow": dict(kind="cbow"), "cbow, full softmax": dict(kind="cbow", negatives=0)}
for name, config in variants.items():
    model = Word2Vec(Word2VecConfig(d_model=32, min_count=1, **config), count_words(world.sentences))
    records = []
    train_vectors(model, world.sentences, epochs=8, learning_rate=0.1, report=records.append)
    models[name] = model.vectors()
    right = {relation: models[name].accuracy(questions) for relation, questions in world.questions.items()}
    first, last = records[0]["loss"], records[-1]["loss"]
    print(f"{name:18} loss {first:.2f} to {last:.2f}, right: "
          + ", ".join(f"{relation} {100 * share:.0f}%" for relation, share in right.items()))
vectors = models["skip-gram"]
print("neighbours of paris:", [word for word, _ in vectors.neighbours("paris", 5)])
print("france : paris = japan :", vectors.analogy("france", "paris", "japan"))

# %%
shown = {"capital": ("france paris germany berlin japan tokyo china beijing egypt cairo", "tab:blue"),
         "gender": ("king queen father mother actor actress boy girl", "tab:orange"),
         "plural": ("cat cats dog dogs tree trees mouse mice", "tab:green")}
figure, axes = plt.subplots(1, 3, figsize=(10, 3.8))
for place, (relation, (words, color)) in zip(axes, shown.items()):
    words = words.split()
    xy = vectors.plane(words)
    for i in range(0, len(words), 2):
        place.plot(*xy[i:i + 2].T, color=color, alpha=0.5)
    for word, (x, y) in zip(words, xy):
        place.text(x, y, word, fontsize=8, ha="center", va="center")
    place.set_title(f"{relation}: a line for each pair", fontsize=9)
    place.margins(0.15)
    place.tick_params(labelsize=7)
plt.show()

# %% [markdown]
# The lines of a relation run nearly parallel: that *is* the analogy. In the plane of the first two principal
# components, one
# direction separates the two sides of a relation.
#
# ### Exercise: cosine_neighbours

# %%
def my_cosine_neighbours(vectors, word, count):
    """vectors (V, C), word in 0 .. V - 1 -> ids (count,) of the words with the largest cosine, without itself."""

# %%
from minigpt.learn import check

check("cosine_neighbours", my_cosine_neighbours)

# %% [markdown]
# In Chinese the same, with words that a segmenter has cut (here the templates know them). **Predict:** 老师 is to
# 老师们 as 学生
# is to which word?

# %%
chinese = make_world("zh", 4_000 if quick else 12_000)
model = Word2Vec(Word2VecConfig(d_model=32, min_count=1), count_words(chinese.sentences))
train_vectors(model, chinese.sentences, epochs=8, learning_rate=0.1)
for a, b, c in (("法国", "巴黎", "日本"), ("国王", "王后", "爸爸"), ("老师", "老师们", "学生")):
    print(a, b, c, "->", model.vectors().analogy(a, b, c)[0][0])
print(f"of all {len(chinese.all_questions())} questions {100 * model.vectors().accuracy(chinese.all_questions()):.0f}%")

# %% [markdown]
# ## 5 · Real text, and how fast
#
# 63,000 words of a reference manual are very little; vectors are usually learned from a thousand times as much, and
# more.
# Still, words of one kind find each other. A batch of windows is a few products of matrices; the document says how
# that was
# made fast.

# %%
model = Word2Vec(Word2VecConfig(), counts)
keep_freed_memory()  # else the system is asked for the same memory again and again
epochs, start = 2 if quick else 10, time.process_time()
train_vectors(model, sentences, epochs=epochs, learning_rate=0.05)
seconds = time.process_time() - start
print(f"{len(model.words)} vectors; {epochs * ordered.sum() / seconds:,.0f} words in a second of processor time")
real = model.vectors()
for word in ("integer", "import", "class", "two", "file"):
    print(f"{word:8}", [near for near, _ in real.neighbours(word, 6)])

# %% [markdown]
# ## 6 · fastText: a vector for a word never seen
#
# The vector of a word is the mean of the vectors of its pieces: 3 to 6 characters of `<word>`, hashed into a table
# by FNV-1a.
# We leave "birds" out of the text and ask for its vector all the same. **Predict** the pieces of "cats" with 3
# characters,
# and a neighbour of "birds".

# %%
print(pieces("cats", 3, 3), "rows", [fnv1a(piece.encode()) % 2000 for piece in pieces("cats", 3, 3)])
hidden = [[word for word in sentence if word != "birds"] for sentence in world.sentences[:6_000]]
model = FastText(FastTextConfig(d_model=24, min_count=1, buckets=2000, longest=4), count_words(hidden))
train_vectors(model, hidden, epochs=8, learning_rate=0.1)
print("'birds' was seen:", "birds" in model.ids)
near = model.vectors().neighbours(model.vector("birds"), 8)

figure, axes = plt.subplots(figsize=(6, 2.8))
axes.barh([word for word, _ in near][::-1], [cosine for _, cosine in near][::-1], color="tab:purple")
axes.set(title="nearest to 'birds', a word that was never seen", xlabel="cosine", xlim=(0, 1))
plt.show()

# %% [markdown]
# ## What you have learned
#
# - Vectors come from guessing a word from its neighbours; yes-no questions make it cheap, and the gradient is
#   $\sigma(s) - t$.
# - What words share, contexts of their own or a role, adds up in the vectors: that is why analogies work, where they
#   do.
# - Pieces of words give vectors to words never seen, which is the idea that subword tokens took over.
#
# **Next:** a window has an end. [15 · Recurrent networks](15_rnn.ipynb) carry what they have read along.
