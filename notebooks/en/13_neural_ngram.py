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
# # 13 · The first neural language model
#
# **The question.** A table of counts knows nothing of a context that it has not seen. "The cat is walking" says
# nothing
# to it about "the dog is walking". How can what is learned of one sentence help with all sentences like it?
#
# Running time: about 12 s on two CPU cores; needs chapters [04](04_embedding.ipynb), [06](06_attention.ipynb) and
# [08](08_gpt.ipynb); sources studied: [neural_ngram.py](../../minigpt/models/neural_ngram.py), the document
# [neural_ngram](../../docs/en/models/neural_ngram.md).
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/en/13_neural_ngram.ipynb)

# %%
import sys

if "google.colab" in sys.modules:  # Colab has NumPy, CuPy and matplotlib already: nothing of them is installed again
    # %pip install -q --no-deps git+https://github.com/OWNER/minigpt
    # %pip install -q regex safetensors tqdm threadpoolctl
    print("minigpt is installed")

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from minigpt import backend
from minigpt.cases import CASES, check_case
from minigpt.corpora import find_sources
from minigpt.data import training_batch
from minigpt.evaluate import mean_loss
from minigpt.generate import generate
from minigpt.layers.cross_entropy import cross_entropy_forward
from minigpt.layers.softmax import softmax_forward
from minigpt.models.neural_ngram import (
    EmbeddingAttentionDense,
    EmbeddingDense,
    NeuralNgram,
    NeuralNgramConfig,
    windows_of,
)
from minigpt.models.word_vectors import WordVectors
from minigpt.optim import Adam
from minigpt.text.characters import CharacterTokenizer

quick = bool(os.environ.get("MINIGPT_QUICK"))
backend.use("numpy", "float64")
np.set_printoptions(precision=4, suppress=True)
plt.rcParams.update({"figure.dpi": 100, "figure.constrained_layout.use": True})


def descend(model, batch, steps, rate):
    """Adam, the learning rate rising for 20 steps and then falling in a line; batch(step) -> ids, targets."""
    optimizer, losses = Adam(model), []
    for step in range(steps):
        loss, saved = model.forward(*batch(step))
        model.zero_grad()
        model.backward(saved)
        optimizer.step(rate * min(1, (step + 1) / 20) * (1 - 0.9 * step / steps))
        losses.append(float(loss))
    return losses

# %% [markdown]
# ## 1 · What counting can't do
#
# Six animals, six things they do, sentences "the ANIMAL VERB". Mammals do three of the things, birds the other three.
# Each animal has been seen with only two of its three verbs. What is the probability of the third?
#
# **Predict:** what does the table of counts say of a pair that was never seen? What do you say?

# %%
animals = ["cat", "dog", "horse", "robin", "gull", "hawk"]
verbs = ["walks", "runs", "eats", "flies", "sings", "nests"]
words = ["the", *animals, *verbs]
unseen = [(a, 3 * (a // 3) + a % 3) for a in range(6)]  # cat-walks, dog-runs, horse-eats, robin-flies, ...
seen = [(a, v) for a in range(6) for v in range(6) if a // 3 == v // 3 and (a, v) not in unseen]
ids = np.array([[0, 1 + a] for a, v in seen])  # (B, T): "the", animal
targets = np.array([[1 + a, 7 + v] for a, v in seen])  # animal, verb

counts = np.zeros((6, 6))
for a, v in seen:
    counts[a, v] += 1
table = counts / counts.sum(axis=1, keepdims=True)

shape = dict(vocab_size=len(words), context_length=2, window=2, d_model=2, d_ff=6)
guesses = np.zeros((6, 6))
for seed in range(10):  # ten networks, each from other first weights, and their mean
    model = NeuralNgram(NeuralNgramConfig(**shape), seed)
    descend(model, lambda step: (ids, targets), 60, 0.05)
    z = model(np.array([[0, 1 + a] for a in range(6)]))[:, -1]
    guesses += softmax_forward(z)[0][:, 7:] / 10

figure, axes = plt.subplots(1, 2, figsize=(8, 3.6))
titles = ("counted: 0 where never seen", "neural: never seen, not impossible")
for place, p, title in zip(axes, (table, guesses), titles):
    place.imshow(p, cmap="Blues", vmin=0, vmax=0.6)
    place.set_title("p(verb | animal), " + title, fontsize=9)
    place.set_xticks(range(6), verbs, fontsize=8, rotation=30)
    place.set_yticks(range(6), animals, fontsize=8)
    for a in range(6):
        for v in range(6):
            place.text(v, a, f"{p[a, v]:.2f}", ha="center", va="center", fontsize=8,
                       color="white" if p[a, v] > 0.35 else "black",
                       fontweight="bold" if (a, v) in unseen else None)
plt.show()
same = np.mean([guesses[pair] for pair in unseen])
other = np.mean([guesses[a, v] for a in range(6) for v in range(6) if a // 3 != v // 3])
print(f"never seen: with a verb of its own kind {same:.3f}, with one of the other kind {other:.3f}")

# %% [markdown]
# Both kinds of pair have been seen equally often: never. The network tells them apart, because cat, dog and horse
# have
# come to lie near each other (they share verbs), and its prediction is a smooth function of where a word lies.
#
# ## 2 · Windows
#
# The model sees the last $n$ tokens, the newest last. Before the text begins stands a token of its own. Every
# position of
# a text is a training example. **Predict** the first row.

# %%
text = np.array([[5, 1, 4, 2]])
for window, target in zip(windows_of(text, 3, before=9)[0], [*text[0, 1:], "?"]):
    print(window, "->", target)

# %% [markdown]
# ### Exercise: window_targets
#
# Windows and what comes after each, from a text of T ids.

# %%
def my_window_targets(ids, n, before):
    """ids (T,) -> windows (T - 1, n), the latest id last; targets (T - 1,)."""

# %%
from minigpt.learn import check

check("window_targets", my_window_targets)

# %% [markdown]
# ## 3 · One window by hand
#
# The vectors of the window side by side make $e$; then $h = \tanh(e\,W_h + b_h)$ and $z = h\,W_o + b_o + e\,W_d$. We
# take
# $n = 2$, $C = 2$, $F = 3$, $V = 4$ and the direct path $W_d$. **Predict** the shape of each array before you run it.

# %%
small = NeuralNgram(NeuralNgramConfig(vocab_size=4, context_length=3, window=2, d_model=2, d_ff=3, direct=True), seed=1)
small.direct.w.data[...] = 0.5
E = small.embedding.w.data  # (V + 1, C)
e = np.concatenate([E[3], E[1]])  # the window (3, 1)
h = np.tanh(e @ small.hidden.w.data + small.hidden.b.data)
z = h @ small.out.w.data + small.out.b.data + e @ small.direct.w.data
p = softmax_forward(z)[0]
for name, array in (("E", E), ("e", e), ("h", h), ("z", z), ("p", p)):
    print(f"{name} {array.shape}:\n{array}")
print("the library's z for the text 3, 1:", small(np.array([[3, 1]]))[0, 1])

# %% [markdown]
# Backward is a walk from the end. $z$ is a sum, so both paths get $dz$; $e$ was used twice, so its gradient has two
# terms:
#
# $$
# dh = dz\,W_o^{\mathsf T}
# \qquad
# da = dh\,(1 - h^2)
# \qquad
# de = da\,W_h^{\mathsf T} + dz\,W_d^{\mathsf T}
# $$
#
# By hand, for the target 2, beside the library's gradient of the two rows of $E$. **Predict:** which rows of $dE$
# are 0?

# %%
dz = p - np.eye(4)[2]
dh = dz @ small.out.w.data.T
da = dh * (1 - h * h)
de = da @ small.hidden.w.data.T + dz @ small.direct.w.data.T
print("de, two vectors:", de)
_, saved = small.forward(np.array([[3, 1]]), np.array([[-100, 2]]))  # only the second position counts
small.backward(saved)
print("dE by the library:\n", small.embedding.w.grad)
for case in CASES:
    if case.subject == "NextToken":
        worst = max(check_case(case), key=lambda error: error.relative_error)
        print(f"{case.name}: worst gradient {worst.array}, relative error {worst.relative_error:.0e}")

# %% [markdown]
# ### Exercise: direct_path
#
# Both paths, forward and backward, without biases.

# %%
def my_direct_path_forward(e, w_h, w_o, w_d):
    """e (N, I), w_h (I, F), w_o (F, V), w_d (I, V) -> z (N, V); and saved, a tuple of what backward will need."""


def my_direct_path_backward(dz, saved):
    """dz (N, V) -> de (N, I), dw_h (I, F), dw_o (F, V), dw_d (I, V)."""

# %%
from minigpt.learn import check

check("direct_path", my_direct_path_forward, my_direct_path_backward)

# %% [markdown]
# ## 4 · Real text, longer windows
#
# The text that comes with every Python, character by character. Networks with windows of 1, 2, 4 and 8 characters,
# equally
# many steps each. A window of 1 is a bigram model. **Predict:** does each doubling gain as much as the one before?

# %%
backend.use("numpy", "float32")
text = find_sources(["pydoc"])[0].content.decode("utf-8")
tokenizer = CharacterTokenizer.train([text], 64, unknown="<unk>")
ids = np.array(tokenizer.encode(text))
train_ids, unseen_ids = ids[: int(0.9 * len(ids))], ids[int(0.9 * len(ids)):][:20000]
steps, bits, networks = 100 if quick else 500, {}, {}
for n in (1, 2, 4, 8):
    model = NeuralNgram(NeuralNgramConfig(vocab_size=64, context_length=32, window=n, d_model=16, d_ff=96))
    descend(model, lambda step: training_batch(train_ids, 32, 32, 0, step), steps, 0.005)
    bits[n], networks[n] = mean_loss(model, unseen_ids, 64) / np.log(2), model
    print(f"window {n}: {bits[n]:.3f} bits a character on unseen text")

figure, axes = plt.subplots(figsize=(6, 3))
axes.plot(list(bits), list(bits.values()), marker="o", color="tab:blue")
axes.set_xscale("log", base=2)
axes.set_xticks([1, 2, 4, 8], [1, 2, 4, 8])
axes.set(xlabel="characters in the window", ylabel="bits a character", title="what a longer window buys, unseen text")
axes.grid(alpha=0.3)
plt.show()

# %% [markdown]
# Each doubling buys less: near characters tell most, and in few steps the weights of far ones are barely learned.
# Every
# place in the window has its own weights, so what was learned at one place says nothing about another; that is what a
# recurrent network (chapter 15) and attention mend.
#
# The vectors that were learned on the way: the table $E$ of the network with a window of 4, in the plane in which its
# vectors differ most. **Predict:** which characters lie together?

# %%
vectors = WordVectors([*tokenizer.tokens, "start"], networks[4].embedding.w.data)
letters = [c for c in tokenizer.tokens if len(c) == 1 and c.isascii() and c.isalnum()]
places = vectors.plane(letters)
figure, axes = plt.subplots(figsize=(7, 4.5))
for letter, (x, y) in zip(letters, places):
    kind = "aeiou".find(letter) >= 0, letter.isupper(), letter.isdigit()
    color = "tab:red" if kind[0] else "tab:green" if kind[1] else "tab:purple" if kind[2] else "tab:blue"
    axes.text(x, y, letter, color=color, fontsize=12, ha="center", va="center")
axes.set(xlim=(places[:, 0].min() - 0.1, places[:, 0].max() + 0.1),
         ylim=(places[:, 1].min() - 0.1, places[:, 1].max() + 0.1),
         title="vectors of characters: vowels red, capitals green, digits purple, the rest blue")
plt.show()

# %% [markdown]
# Nobody told it what a vowel is.
#
# ## 5 · Two small networks, done properly
#
# Introductory articles show two networks of three layers: embedding, dense, softmax; and the same with attention in
# between. Both are here, with **targets that are the next token** and a **causal mask**. The articles' code often
# has one of
# two mistakes: the targets are the input itself (`fit(x, x)`), or attention has no mask. Both then report a splendid
# loss.
#
# Four networks on the same text. Three numbers of each: the loss it reports while training; the loss of predicting
# what
# comes *after* an unseen text, when the answer isn't there to look at; and the loss of copying the last character.
#
# **Predict** the three numbers of the two mistakes.

# %%
T = 16
shape = dict(vocab_size=64, context_length=T, d_model=48, num_heads=4)
variants = {
    "embedding, dense": (EmbeddingDense, {}, False),
    "embedding, attention, dense": (EmbeddingAttentionDense, {}, False),
    "mistake: no mask": (EmbeddingAttentionDense, dict(causal=False), False),
    "mistake: target = input": (EmbeddingAttentionDense, {}, True),
}  # fmt: skip
unseen_x, unseen_y = training_batch(unseen_ids, 500, T, 1, 0)
curves, results, trained = {}, {}, {}
for name, (kind, config, copying) in variants.items():
    model = trained[name] = kind(NeuralNgramConfig(**shape, **config))

    def batch(step, copying=copying):
        x, y = training_batch(train_ids, 32, T, 0, step)
        return x, x if copying else y

    curves[name] = descend(model, batch, steps, 0.01)
    z = model(unseen_x)[:, -1]  # the last position: what comes after is not among the inputs
    results[name] = (np.mean(curves[name][-20:]), float(cross_entropy_forward(z, unseen_y[:, -1])[0]),
                     float(cross_entropy_forward(z, unseen_x[:, -1])[0]))
    print(f"{name:28} reported {results[name][0]:8.4f}   predicting {results[name][1]:7.3f}   "
          f"copying {results[name][2]:7.3f}")
print(f"{'a blind guess, ln 64':28}          {np.log(64):8.3f}")

# %%
colors = ("tab:gray", "tab:blue", "tab:orange", "tab:red")
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6))
for (name, losses), color in zip(curves.items(), colors):
    axes[0].plot(losses, color=color, label=name)
axes[0].set(title="the loss that training reports", xlabel="step", ylabel="nats a character")
axes[0].legend(fontsize=7)
bars = axes[1].barh(list(results)[::-1], [results[name][1] for name in results][::-1], color=colors[::-1])
axes[1].bar_label(bars, fmt="%.2f", fontsize=8)
axes[1].axvline(np.log(64), color="black", linestyle=":")
axes[1].set_title("loss of predicting what comes next (dotted: blind guess)", fontsize=9)
axes[1].set_xlim(0, 1.15 * max(r[1] for r in results.values()))
axes[1].tick_params(labelsize=7)
plt.show()

prompt = tokenizer.encode("The value of the")
for name, model in trained.items():
    written = [row[0] for row in generate(model, [prompt], 40, use_cache=False, seed=1)]
    print(f"{name:28} {tokenizer.decode(written)!r}")

# %% [markdown]
# - **Target = input** is solved perfectly and worth nothing: the network says the last character again, with
#   certainty, and
#   is far worse than a blind guess at what comes next.
# - **No mask** is the more dangerous one, since everything looks right. At position $t$ the answer stands in plain
#   sight at
#   $t + 1$, and attention finds it in about a hundred steps. In use there is no $t + 1$, and it is worse than its
#   honest
#   twin. A loss far below what others report on such text is a reason to look for a leak, not to rejoice.
# - Done properly, attention beats the dense network alone, which sees a single character.
#
# Section 6 of [chapter 06](06_attention.ipynb) has the test that finds such a leak in a second: change one input,
# and see
# which outputs move.
#
# ## What you have learned
#
# - Vectors shared by all contexts make what is learned of one sentence evidence for those like it.
# - A hidden layer over a window is $\tanh$, two products and a softmax; what is used twice has a gradient of two
#   terms.
# - Targets must be the next token and no position may see its own: else the loss measures copying.
#
# **Next:** the vectors were a by-product here. In [14 · word2vec](14_word2vec.ipynb) nothing else is learned.
