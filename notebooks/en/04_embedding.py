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
# # 04 · Embeddings: from ids to vectors
#
# **The question:** a token is a number from a list, and the list has no meaning: 17 is not "more" than 16. A network
# computes with vectors. How does an id become a vector, how does the vector learn to mean something, and how does the
# network know at which place it stands?
#
# Running time: about 8 s on two CPU cores; needs chapters [02](02_cross_entropy.ipynb) and
# [03](03_linear.ipynb); sources studied: [embedding.py](../../minigpt/layers/embedding.py),
# [positions.py](../../minigpt/layers/positions.py); the documents [embedding](../../docs/en/layers/embedding.md) and
# [positions](../../docs/en/layers/positions.md).
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/en/04_embedding.ipynb)

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
from minigpt.corpora import find_sources
from minigpt.errors import InputError
from minigpt.gradient_check import compare, numeric_gradient
from minigpt.layers.cross_entropy import cross_entropy_backward, cross_entropy_forward
from minigpt.layers.embedding import (
    Embedding,
    embedding_backward,
    embedding_forward,
    unembedding_backward,
    unembedding_forward,
)
from minigpt.layers.linear import Linear
from minigpt.layers.positions import LearnedPositions, sinusoidal_positions
from minigpt.module import Module
from minigpt.optim import Adam
from minigpt.pieces import read_pieces
from minigpt.text.characters import CharacterTokenizer
from minigpt.text.words import WordTokenizer

quick = bool(os.environ.get("MINIGPT_QUICK"))
backend.use("numpy", "float64")
np.set_printoptions(precision=4, suppress=True)
plt.rcParams.update({"figure.dpi": 100, "figure.constrained_layout.use": True})

# %% [markdown]
# ## 1 · A table, and looking things up
#
# The table $W$ has one row of $C$ numbers for each of the $V$ tokens. Five tokens, three channels; we fill it so that
# every number says where it comes from: row 3 holds 30, 31, 32.
#
# **Predict:** which shape has the result for ids of shape $(2, 3)$? What is its last row?

# %%
V, C = 5, 3
W = 10.0 * np.arange(V)[:, None] + np.arange(C)  # (V, C)
ids = np.array([[1, 3, 3], [0, 4, 1]])  # (B, T)
y, saved = embedding_forward(ids, W)
print("W:\n", W)
print("shape of the result:", y.shape)
print("result:\n", y)

# %% [markdown]
# Nothing is computed: rows are copied. Yet it is a product of matrices in disguise. Write each id as a row of zeros
# with a single 1 at its place ("one-hot"), $(N, V)$, and multiply with $W$:

# %%
one_hot = np.eye(V)[ids.reshape(-1)]  # (N, V)
print("one-hot rows:\n", one_hot.astype(int))
print("one_hot W equals the lookup:", np.array_equal(one_hot @ W, y.reshape(-1, C)))

figure, axes = plt.subplots(1, 3, figsize=(7, 3.2), width_ratios=(5, 3, 3))
for place, matrix, title, cmap in ((axes[0], one_hot, "one_hot(ids)  (N, V)", "Greys"),
                                   (axes[1], W, "times W  (V, C)", "viridis"),
                                   (axes[2], one_hot @ W, "= y  (N, C)", "viridis")):
    place.imshow(matrix, cmap=cmap, vmin=0, vmax=1 if cmap == "Greys" else 45)
    place.set_title(title, fontsize=9)
    for i, j in np.ndindex(matrix.shape):
        color = "white" if matrix[i, j] and (cmap == "Greys" or matrix[i, j] < 25) else "black"
        color = "white" if cmap != "Greys" and matrix[i, j] < 25 else color
        place.text(j, i, f"{matrix[i, j]:.0f}", ha="center", va="center", fontsize=8, color=color)
    place.set(xticks=[], yticks=range(len(matrix)))
axes[0].set_yticklabels([f"id {i}" for i in ids.reshape(-1)])
figure.suptitle("looking up rows is multiplying with one-hot rows", fontsize=10)
plt.show()

# %% [markdown]
# **Predict:** GPT-2 has $V = 50257$ and $C = 768$. How many multiplications and additions would the product take for
# one token, and how many the lookup?

# %%
print(f"product: {2 * 50257 * 768:,} FLOPs a token; lookup: 0, it copies 768 numbers")

# %% [markdown]
# ## 2 · Backward: who shared a row adds up
#
# The linear layer of chapter 03 gave $dW = x^{\mathsf T} dy$. Here $x$ is the one-hot matrix, so
#
# $$
# dW = \operatorname{onehot}(ids)^{\mathsf T}\,dy, \qquad dW_v = \sum_{n:\ id_n = v} dy_n .
# $$
#
# The row of a token gets the sum of what all places say that looked it up; rows that nobody looked up get zero.
#
# To see who adds what, let $dy$ be 1, 10, 100, ... for the six places in turn, with the ids 1, 3, 3, 0, 4, 1.
# **Predict** the five rows of $dW$.

# %%
dy = 10.0 ** np.arange(6)[:, None] * np.ones(C)  # (N, C)
dW = embedding_backward(dy.reshape(2, 3, C), saved)
print("dW:\n", dW)
print("one_hot^T dy is the same:", np.array_equal(one_hot.T @ dy, dW))

# %% [markdown]
# Token 1 stood at two places, which say 1 and 100000; token 3 at two others; token 2 nowhere. Now the two mistakes
# that everyone makes once. **Predict** what row 3 is after `dW[ids] = dy`. And after `dW[ids] += dy`?

# %%
flat = ids.reshape(-1)
assigned, added = np.zeros((V, C)), np.zeros((V, C))
assigned[flat] = dy
added[flat] += dy
backend_way = np.zeros((V, C))
backend.scatter_add(backend_way, flat, dy)
print("row 3:  dW[ids] = dy ", assigned[3], "  dW[ids] += dy ", added[3], "  scatter_add", backend_way[3])

# %% [markdown]
# NumPy reads `dW[ids] += dy` as "take these rows, add, put them back". Row 3 is taken twice as it was before, and put
# back twice: the second copy wins. No error, no warning; frequent tokens just learn from one of their places, and a
# test whose ids are all different never finds out. `backend.scatter_add` counts all of them.
#
# ### Exercise: embedding
#
# Forward looks up, for ids of any shape; backward returns the gradient of the whole table. The library's `scatter_add`
# is not allowed; NumPy's `np.add.at` or a product with one-hot rows is.

# %%
def my_embedding_forward(ids, w):
    """ids (...) integers, w (V, C) -> y (..., C), and saved, a tuple of what backward will need."""


def my_embedding_backward(dy, saved):
    """dy (..., C) -> dw (V, C). Ids are integers and have no gradient."""

# %%
from minigpt.learn import check

check("embedding", my_embedding_forward, my_embedding_backward)

# %% [markdown]
# ## 3 · What do the vectors learn?
#
# Nobody tells a network what a word means. The vectors start as random numbers, and the only pressure is to predict
# words from the words around them. We take the smallest network that does it: the mean of the vectors of the two words
# before and the two after, one linear layer, a score for each word that may stand in the middle (this is the
# "continuous bag of words" of Mikolov et al., 2013).
#
# $$
# h = \tfrac14\,(W_{id_1} + W_{id_2} + W_{id_3} + W_{id_4}), \qquad z = h\,U + b
# $$
#
# The text is Python's own reference, 100 thousand words, in lower case, white space left out; all but the 600 most
# frequent words are `<unk>`. Its steps are made by Adam, a refined gradient descent that chapter 09 explains.
#
# **Predict:** which words will have the vectors closest to "must"? To "int"? To "returns"? What can "close" mean, when
# the network is only asked which word fits into a gap?

# %%
text = "".join(read_pieces(find_sources(["pydoc"]))).lower()
tokenizer = WordTokenizer.train([text], vocab_size=600, unknown="<unk>")
white = [token for token, word in enumerate(tokenizer.words) if word.isspace()]
tokens = np.array(tokenizer.encode(text))
tokens = tokens[~np.isin(tokens, white)]
print(f"{len(tokens):,} words; {(tokens == len(tokenizer.words)).mean():.0%} of them are none of the 600 in the table")


class MiddleWord(Module):
    """ids of the words around (N, 4) -> logits of the word in the middle (N, V)."""

    def __init__(self, vocab_size, d_model, rng):
        self.table = Embedding(vocab_size, d_model, rng, std=0.1)
        self.out = Linear(d_model, vocab_size, rng, std=0.1)
        self.pack()

    def forward(self, ids):
        y, saved_table = self.table.forward(ids)  # (N, 4, C)
        z, saved_out = self.out.forward(y.mean(axis=1))
        return z, (y.shape, saved_table, saved_out)

    def backward(self, dz, saved):
        shape, saved_table, saved_out = saved
        dh = self.out.backward(dz, saved_out)  # (N, C)
        dy = np.broadcast_to(dh[:, None] / shape[1], shape)  # forward was a mean, so each of the four gets a quarter
        self.table.backward(dy, saved_table)


backend.use("numpy", "float32")
model = MiddleWord(tokenizer.vocab_size, 16, backend.generator(0, backend.INITIAL_WEIGHTS))
at_start = model.table.w.data.copy()
optimizer = Adam(model)
around = np.array([-2, -1, 1, 2])
steps, losses = 300 if quick else 2000, []
for step in range(steps):
    middle = backend.generator(0, backend.BATCHES, step).integers(2, len(tokens) - 2, 256)  # (N,)
    z, saved = model.forward(tokens[middle[:, None] + around])
    loss, saved_loss = cross_entropy_forward(z, tokens[middle])
    model.zero_grad()
    model.backward(cross_entropy_backward(1.0, saved_loss), saved)
    optimizer.step(0.01 * (1 - step / steps))
    losses.append(float(loss))
backend.use("numpy", "float64")
print(f"loss: {losses[0]:.2f} nats at first (guessing blindly is ln {tokenizer.vocab_size} = "
      f"{np.log(tokenizer.vocab_size):.2f}), {np.mean(losses[-100:]):.2f} at the end")

# %% [markdown]
# How alike two vectors are says the **cosine** of the angle between them, $a\cdot b/(|a||b|)$: 1 for the same
# direction, 0 for right angles. (The mean vector is subtracted first: what all words share tells nothing.)

# %%
table = model.table.w.data.astype("float64")
table -= table.mean(axis=0)
unit = table / np.linalg.norm(table, axis=1, keepdims=True)
for word in ("must", "int", "returns", "true", "two", "they", "first"):
    if word in tokenizer.ids:  # each Python's reference is a little different
        cosine = unit @ unit[tokenizer.ids[word]]
        nearest = np.argsort(-cosine)[1:6]
        print(f"{word:8}", "   ".join(f"{tokenizer.tokens[token]} {cosine[token]:.2f}" for token in nearest))

# %% [markdown]
# Sixteen numbers for each word can't be drawn; two can. **Principal components**: subtract the mean, and find the two
# directions at right angles in which the vectors differ most. They are the first two right singular vectors of the
# table.

# %%
colors = ("tab:red", "tab:blue", "tab:orange", "black", "tab:purple")
groups = {"auxiliary verbs": "may must can will would should cannot could might does",
          "types": "int float str list tuple dict bytes set string integer",
          "small words before a noun": "the a an its their this these any each every no another some",
          "numbers": "0 1 2 3 4 5 8 9 10", "what a function does": "returns raises calls yields evaluates"}
chosen = [(tokenizer.ids[word], word, color) for words, color in zip(groups.values(), colors)
          for word in words.split() if word in tokenizer.ids]


def principal_components(vectors):
    """Rows (N, C) in the two directions in which they differ most -> (N, 2)."""
    centred = vectors - vectors.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    return centred @ directions[:2].T


figure, axes = plt.subplots(1, 2, figsize=(9, 5.2))
for place, vectors, title in ((axes[0], at_start, "before training"), (axes[1], model.table.w.data, "after training")):
    flat = principal_components(vectors[[token for token, _, _ in chosen]].astype("float64"))
    place.scatter(*flat.T, s=0)  # only for the limits
    for (_, word, color), (across, up) in zip(chosen, flat):
        place.text(across, up, word, color=color, ha="center", va="center", fontsize=8)
    place.set_title(title)
    place.margins(0.1)
for label, color in zip(groups, colors):
    axes[0].scatter([], [], color=color, label=label)
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize=8, frameon=False)
figure.suptitle("the vectors of some words, two of sixteen dimensions (PCA)", fontsize=10)
plt.show()

# %% [markdown]
# Words that fit into the same gaps have ended up in the same direction: the auxiliary verbs, what a function does,
# true and false. Nobody said what a verb or a number is. Note what the vectors do *not* know: "raises" and
# "attributeerror" lie near "returns", because they stand near the same words, not because they mean the same; and
# opposites such as "true" and "false" are the closest of friends. In the picture some words overlap that are well
# apart in sixteen dimensions: two directions are a shadow.
#
# ## 4 · Where does a token stand?
#
# **Predict:** "dog bites man" and "man bites dog": add up the three vectors of each. What is the difference?

# %%
dog, bites, man = backend.generator(4, 1).standard_normal((3, 4))  # (C,) each
print("difference of the sums:", (dog + bites + man) - (man + bites + dog))

# %% [markdown]
# Attention (chapter 06) adds up in much the same way: by itself it sees a set, and no order. So where a token stands
# must be written *into* its vector: a second vector is added, one for each position.
#
# ### Sinusoidal positions: fixed waves
#
# $$
# P_{t,2i} = \sin\frac{t}{10000^{2i/C}}, \qquad P_{t,2i+1} = \cos\frac{t}{10000^{2i/C}}
# $$
#
# By hand for $C = 4$: there are two frequencies, $1/10000^0 = 1$ and $1/10000^{2/4} = 1/100$.
# **Predict** the row of $t = 0$ (no calculator needed) and the second number of the row of $t = 100$ in the slow pair.

# %%
for t in (0, 1, 100):
    fast, slow = t / 10000**0, t / 10000**0.5
    print(f"t = {t:3}", np.array([np.sin(fast), np.cos(fast), np.sin(slow), np.cos(slow)]))
print("library:\n", sinusoidal_positions(101, 4)[[0, 1, 100]])

# %%
P = sinusoidal_positions(64, 32)  # (T, C)
figure, axes = plt.subplots(1, 2, figsize=(9, 4))
picture = axes[0].imshow(P, cmap="PuOr", vmin=-1, vmax=1, aspect="auto")
figure.colorbar(picture, ax=axes[0])
axes[0].set(title="the table P: a row for each position", xlabel="channel", ylabel="position t")
for channel, color, style in ((0, "tab:blue", "-"), (6, "tab:orange", "-"), (12, "black", "--"), (18, "tab:red", ":")):
    axes[1].plot(P[:, channel], color=color, linestyle=style, label=f"channel {channel}")
axes[1].set(title="four columns: fast waves and slow ones", xlabel="position t", ylim=(-1.7, 1.1))
axes[1].grid(alpha=0.3)
axes[1].legend(loc="lower center", fontsize=8, ncols=2)
plt.show()

# %% [markdown]
# It is a clock with many hands: the fast ones tell neighbours apart, the slow ones tell near from far.
#
# Why sine *and* cosine? Because then a pair is a point on a circle, and moving on by $k$ positions turns it by the
# angle $k\,\omega_i$, whatever $t$ is. Two consequences:
#
# $$
# P_t\cdot P_{t+k} = \sum_i \bigl(\sin t\omega_i \sin (t+k)\omega_i + \cos t\omega_i\cos(t+k)\omega_i\bigr)
#  = \sum_i \cos k\,\omega_i
# $$
#
# so the dot product **depends on the distance alone**; and "$k$ places back" is one fixed matrix, made of rotations,
# which a later layer can learn.
#
# **Predict:** the dot product of a position with itself, for $C = 32$. (How many cosines of 0?)

# %%
print("P_t . P_t of five positions:", (P[:5] * P[:5]).sum(axis=1))
angle = 3 * 10000.0 ** -(np.arange(0, 32, 2) / 32)  # by how much each pair turns over 3 positions
turned = np.empty_like(P)
turned[:, 0::2] = P[:, 0::2] * np.cos(angle) + P[:, 1::2] * np.sin(angle)
turned[:, 1::2] = P[:, 1::2] * np.cos(angle) - P[:, 0::2] * np.sin(angle)
print("turned by that, every row is the one 3 places on:", np.allclose(turned[:-3], P[3:]))

figure, axes = plt.subplots(figsize=(7, 3.4))
for t, style in ((20, {"linewidth": 6, "alpha": 0.3}), (30, {"linewidth": 3, "alpha": 0.6}), (40, {"linewidth": 1})):
    axes.plot(np.arange(-20, 21), P[t - 20:t + 21] @ P[t], label=f"t = {t}", **style)
axes.set(xlabel="distance k", ylabel="P(t) . P(t + k)", title="dot products of positions: distance alone counts")
axes.grid(alpha=0.3)
axes.legend()
plt.show()

# %% [markdown]
# ### Exercise: positions
#
# The table $P$ of section 4, without a loop over $t$: a column of positions divided by a row of wavelengths gives all
# angles at once.

# %%
def my_positions(length, d_model):
    """The table P (T, C) for T = length and C = d_model, which is even."""

# %%
from minigpt.learn import check

check("positions", my_positions)

# %% [markdown]
# ### Learned positions: a second table
#
# GPT and BERT simply learn a vector for each position, in a second table that is looked up by position. It can then be
# whatever the task makes of it. A task in which nothing but the position counts: lines that are all of one form,
#
#     2031-07-19 08:55:13
#
# Predict the character at each place from the vector of the place alone: logits $z_t = P_t\,U^{\mathsf T}$.
#
# **Predict:** which of the 19 positions will have almost the same vector? What will the sinusoidal table say about the
# same positions?

# %%
rng = backend.generator(4, 2)
fields = rng.integers([2000, 1, 1, 0, 0, 0], [2100, 13, 29, 24, 60, 60], size=(2000, 6))
lines = ["{:04}-{:02}-{:02} {:02}:{:02}:{:02}".format(*row) for row in fields]
signs = CharacterTokenizer.train(lines)
targets = np.array([signs.encode(line) for line in lines])  # (lines, T)
T = targets.shape[1]


class FromPosition(Module):
    def __init__(self, rng):
        self.positions = LearnedPositions(T, 8, rng, std=0.3)
        self.out = Linear(8, signs.vocab_size, rng)
        self.pack()


clock = FromPosition(rng)
optimizer = Adam(clock)
for step in range(300):
    rows = backend.generator(4, backend.BATCHES, step).integers(0, len(lines), 64)
    P_learned, saved_positions = clock.positions.forward(np.arange(T))  # (T, C)
    z, saved_out = clock.out.forward(P_learned)  # (T, V)
    loss, saved_loss = cross_entropy_forward(np.broadcast_to(z, (64, *z.shape)), targets[rows])
    clock.zero_grad()
    dz = cross_entropy_backward(1.0, saved_loss).sum(axis=0)  # the same z served 64 lines, so their gradients add up
    clock.positions.backward(clock.out.backward(dz, saved_out), saved_positions)
    optimizer.step(0.03)
print(lines[0], "  loss", round(float(loss), 3))

figure, axes = plt.subplots(1, 2, figsize=(9, 4.8))
for place, table, title in ((axes[0], clock.positions.w.data, "learned: what stands there?"),
                            (axes[1], sinusoidal_positions(T, 8), "sinusoidal: how far apart?")):
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    picture = place.imshow(unit @ unit.T, cmap="PuOr", vmin=-1, vmax=1)
    place.set_title(title, fontsize=10)
    place.set_xticks(range(T), list(lines[0].replace(" ", "_")), family="monospace")
    place.set_yticks(range(T), list(lines[0].replace(" ", "_")), family="monospace")
figure.colorbar(picture, ax=axes)
figure.suptitle("cosine of the vectors of 19 positions", fontsize=10)
plt.show()

# %% [markdown]
# The learned vectors of the two dashes are the same, and so are those of the two colons: the task never asks which of
# the two it is. The digits fall into groups by which digits can stand there. The fixed waves know nothing of the task
# and all about distance.
#
# A learned table ends where training ended:

# %%
try:
    clock.positions.forward([T])
except InputError as error:
    print("InputError:", error)

# %% [markdown]
# (The message speaks of token ids because the table of positions is looked up with the same code.) The waves can be
# computed for any $t$. (That a model has *seen* only short texts, and what it then makes of far positions, is another
# matter.)
#
# ## 5 · The table read the other way
#
# At the other end of the network stands a hidden vector $h$, and each of the $V$ tokens needs a score. The table has a
# vector for each of them, so take the dot product with every row: $z = h\,W^{\mathsf T}$. No second table is needed
# ("tied" weights; Press & Wolf, 2017).
#
# By hand, $V = 3$, $C = 2$. **Predict** the three scores of $h = (1, 2)$.

# %%
W = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, -1.0]])  # (V, C)
h = np.array([[1.0, 2.0]])  # (N, C)
for v, row in enumerate(W):
    print(f"token {v}: {h[0]} . {row} = {h[0] @ row}")
z, saved_z = unembedding_forward(h, W)
print("library:", z)
dh, dW = unembedding_backward(np.array([[0.5, 0.25, -0.75]]), saved_z)
print("dz = (0.5, 0.25, -0.75):  dh = dz W =", dh[0])
print("dW = dz^T h =\n", dW)

# %% [markdown]
# Read $dW$ slowly. With $dz = p - q$ of chapter 02, the row of the right token has a negative $dz$, so a step against
# the gradient moves its vector **towards** $h$, and all others away from it. In one step *every* row of the table
# learns, while the lookup moves only the rows that occurred.
#
# If the table is used at both ends, its gradient has both terms. The rule of chapter 03 is all that is needed:
# gradients are added. Here is the smallest tied model, $z = W_{id} W^{\mathsf T}$, and what happens if one term is
# forgotten.

# %%
rng = backend.generator(4, 3)
W, ids, targets = rng.standard_normal((5, 3)), np.array([0, 2, 2, 4]), np.array([1, 3, 0, 4])


def tied_loss():
    h, _ = embedding_forward(ids, W)
    z, _ = unembedding_forward(h, W)
    return cross_entropy_forward(z, targets)[0]


h, saved_h = embedding_forward(ids, W)
z, saved_z = unembedding_forward(h, W)
loss, saved_loss = cross_entropy_forward(z, targets)
dh, dW_top = unembedding_backward(cross_entropy_backward(1.0, saved_loss), saved_z)
dW_bottom = embedding_backward(dh, saved_h)
numeric = numeric_gradient(tied_loss, W)
for name, gradient in (("both terms", dW_top + dW_bottom), ("only the top", dW_top), ("only the bottom", dW_bottom)):
    print(f"{name:16}", compare("W", gradient, numeric))

# %% [markdown]
# **A question to think about.** In this smallest model $z$ for token $b$ after token $a$ is $W_a\cdot W_b$. "th" is
# frequent in English, "ht" is rare. Why can this model never learn that? **Predict** two numbers of the matrix
# $W W^{\mathsf T}$ that must be equal, whatever the training does.

# %%
scores = W @ W.T
print("score of token 3 after token 1:", scores[1, 3], "   of token 1 after token 3:", scores[3, 1])
total, table = 124_439_808, 50257 * 768
print(f"GPT-2's table has {table:,} numbers, {table / total:.0%} of the whole model: a second one is a lot to save")

# %% [markdown]
# A product $W W^{\mathsf T}$ is symmetric. Something must stand between the two uses that turns "what I am" into "what
# comes next": the Transformer's blocks, chapters 05 to 07.
#
# ### Exercise: unembedding
#
# $z = h\,W^{\mathsf T}$ for $h$ with any number of axes, and both gradients in the shapes of what they belong to.

# %%
def my_unembedding_forward(h, w):
    """h (..., C), w (V, C) -> logits z (..., V), and saved, a tuple of what backward will need."""


def my_unembedding_backward(dz, saved):
    """dz (..., V) -> dh (..., C), dw (V, C)."""

# %%
from minigpt.learn import check

check("unembedding", my_unembedding_forward, my_unembedding_backward)

# %% [markdown]
# ## What you have learned
#
# - A lookup is a product with a one-hot matrix that nobody writes down; its backward **adds** what all places of a
#   token say.
# - Vectors become similar when their tokens fit into the same gaps; nobody told them what a number is.
# - Order has to be added: fixed waves, whose dot product tells the distance, or a second learned table. The token
#   table itself is read both ways.
#
# **Next:** [05 · Layer normalisation: the full derivation](05_layer_norm.ipynb): vectors go through many layers, and
# must keep their size on the way; how, and what that does to gradients.
