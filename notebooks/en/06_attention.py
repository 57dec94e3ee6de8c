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
# # 06 · Attention: how positions look at each other
#
# **The question:** up to here every position of a text was treated alone. "It" can't know what it stands for without
# looking back. How does a position look, how does it *choose* where to look, and how is the choosing learned?
#
# Running time: about 16 s on two CPU cores; needs chapters [02](02_cross_entropy.ipynb), [03](03_linear.ipynb) and
# [04](04_embedding.ipynb); sources studied: [attention.py](../../minigpt/layers/attention.py),
# [masks.py](../../minigpt/layers/masks.py), [softmax.py](../../minigpt/layers/softmax.py); the documents
# [attention](../../docs/en/layers/attention.md), [masks](../../docs/en/layers/masks.md) and
# [softmax](../../docs/en/layers/softmax.md).
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/en/06_attention.ipynb)

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
from minigpt.gradient_check import check_gradients
from minigpt.layers.attention import (
    SelfAttention,
    attention_backward,
    attention_forward,
    merge_heads,
    split_heads,
)
from minigpt.layers.cross_entropy import IGNORED
from minigpt.layers.masks import causal_mask, padding_mask
from minigpt.layers.softmax import softmax_forward
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.optim import Adam

quick = bool(os.environ.get("MINIGPT_QUICK"))
backend.use("numpy", "float64")
np.set_printoptions(precision=4, suppress=True)
plt.rcParams.update({"figure.dpi": 100, "figure.constrained_layout.use": True})

# %% [markdown]
# ## 1 · A weighted sum of what came before
#
# Four positions, each with a vector of two numbers. The simplest way to hand information forward: every position gets
# the **mean of itself and everything before it**. First as a loop, one position at a time.
#
# **Predict** the four rows of the result.

# %%
v = np.array([[4.0, 0.0], [0.0, 8.0], [2.0, 1.0], [2.0, 3.0]])  # (T, D)
T = len(v)
for t in range(T):
    print("position", t, "gets", v[: t + 1].mean(axis=0))

# %% [markdown]
# A mean is a weighted sum, and four weighted sums are one product of matrices: row $t$ of $p$ holds the weights that
# position $t$ gives to all four. What must stand to the right of the diagonal so that nobody looks ahead?
#
# **Predict** the third row of $p$.

# %%
triangle = causal_mask(T)  # (T, T) booleans
p = triangle / triangle.sum(axis=1, keepdims=True)
print("who may see whom:\n", triangle.astype(int))
print("weights p:\n", p)
print("p v:\n", p @ v)

# %% [markdown]
# There is a second way to make the same weights, and this one can *learn*. Start with a score for every pair, all 0;
# put $-\infty$ where looking is forbidden; take the softmax of each row. $e^{-\infty} = 0$, and equal scores give
# equal weights.

# %%
scores = np.where(triangle, 0.0, -np.inf)
print("scores:\n", scores)
print("softmax of each row:\n", softmax_forward(scores)[0])

# %% [markdown]
# So now weights come from scores, and scores may be any numbers. Where should they come from?
#
# ## 2 · Scores come from a comparison
#
# Each position puts out three vectors: a **query** $q$ (what am I looking for?), a **key** $k$ (what do I offer?) and
# a **value** $v$ (what do I hand over if I am chosen?). The score of position $t$ for position $j$ is the dot product
# $q_t\cdot k_j$, large where the two point the same way:
#
# $$
# s = \frac{q\,k^{\mathsf T}}{\sqrt D}, \qquad p = \operatorname{softmax}(s), \qquad y = p\,v
# $$
#
# Section 3 says what $\sqrt D$ is for. We take three positions and $D = 4$, so $\sqrt D = 2$. The second query is
# zero.
#
# **Predict:** (a) the scores of the third query, $(2,0,0,2)$; (b) the weights of the second position under the causal
# mask; (c) the last channel of $y$, knowing that the last channel of all values is 1.

# %%
q = np.array([[1.0, 0, 1, 0], [0, 0, 0, 0], [2, 0, 0, 2]])  # (T, D)
k = np.array([[1.0, 1, 0, 1], [0, 1, 2, 0], [1, 0, 0, 0]])  # (T, D)
v = np.array([[10.0, 0, 0, 1], [0, 10, 0, 1], [0, 0, 10, 1]])  # (T, D)
mask = causal_mask(3)

products = q @ k.T  # (T, T)
scaled = products / 2
masked = np.where(mask, scaled, -np.inf)
e = np.exp(masked)
p = e / e.sum(axis=1, keepdims=True)
y = p @ v
for name, array in (("q k^T", products), ("... / 2", scaled), ("... masked", masked), ("exp", e), ("p", p), ("y", y)):
    print(f"{name}:\n{array}")

# %%
y_library, saved = attention_forward(q, k, v, mask)
print("library:\n", y_library)
print("largest difference:", np.abs(y - y_library).max())

# %% [markdown]
# The third position prefers the first (weight 0.67: their vectors fit), a little the third, least of all the second.
# The zero query fits nothing in particular, and gets a plain mean. The last channel is 1 everywhere: weights add up to
# 1, and a mean of ones is one.
#
# Nothing but a comparison chose, and a comparison has a gradient. Let a factor sharpen the query, and the mean becomes
# a look-up.
#
# **Predict:** with the scores $(2, 0, 1)$ multiplied by 0, and by 10: which weights?

# %%
factors = (0, 0.5, 1, 2, 4, 10)
rows = np.array([softmax_forward(factor * scaled[2])[0] for factor in factors])  # (6, T)
figure, axes = plt.subplots(figsize=(7, 2.8))
left = np.zeros(len(factors))
for j, color in enumerate(("tab:blue", "tab:orange", "tab:gray")):
    axes.barh([str(f) for f in factors], rows[:, j], left=left, color=color, label=f"position {j}")
    left += rows[:, j]
axes.set(xlabel="weight", ylabel="factor", xlim=(0, 1), title="softmax of a factor times the scores (2, 0, 1)")
figure.legend(fontsize=8, ncols=3, loc="outside lower center", frameon=False)
plt.show()

# %% [markdown]
# ## 3 · Why divide by √D?
#
# Let the numbers in $q$ and $k$ be independent, with mean 0 and variance 1. Each product $q_d\,k_d$ then has mean 0
# and variance 1, and $q\cdot k$ is a sum of $D$ of them.
#
# **Predict:** the standard deviation of $q\cdot k$ for $D = 64$. Then: with scores of that size, what does the largest
# weight among 32 keys look like?

# %%
rng = backend.generator(6, 1)
widths = [1, 4, 16, 64, 256, 1024]
found = {"raw": [], "scaled": []}  # (standard deviation of the scores, largest weight, size of the softmax's slope)
for D in widths:
    queries, keys = rng.standard_normal((300, 1, D)), rng.standard_normal((300, 32, D))
    raw = (queries @ keys.swapaxes(1, 2))[:, 0]  # (300, S)
    for name, s in (("raw", raw), ("scaled", raw / np.sqrt(D))):
        weights = softmax_forward(s)[0]
        slope = (weights * (1 - weights)).sum(axis=1).mean()  # the diagonal of the softmax's Jacobian, p (1 - p)
        found[name].append((s.std(), weights.max(axis=1).mean(), slope))

figure, axes = plt.subplots(1, 3, figsize=(9, 3.2))
titles = ("standard deviation of scores", "mean of the largest of 32 weights", "sum of p (1 - p): its slope")
for number, (place, title) in enumerate(zip(axes, titles)):
    for name, color in (("raw", "tab:red"), ("scaled", "tab:blue")):
        label = "q k" if name == "raw" else "q k / sqrt(D)"
        place.plot(widths, [row[number] for row in found[name]], color=color, marker="o", label=label)
    place.set_xscale("log")
    place.set_xticks(widths, widths, fontsize=8)
    place.minorticks_off()
    place.set_title(title, fontsize=9)
    place.set_xlabel("D, numbers in q and in k")
    place.grid(alpha=0.3)
axes[0].plot(widths, np.sqrt(widths), color="gray", linestyle=":", label="square root of D")
axes[0].set_yscale("log")
axes[0].set_yticks([1, 4, 16, 32], [1, 4, 16, 32])
axes[0].minorticks_off()
axes[0].legend(fontsize=8)
plt.show()
for D, row in zip(widths, found["raw"]):
    print(f"D = {D:5}: q k has the standard deviation {row[0]:6.2f}; its largest weight is {row[1]:.3f} on average")

# %% [markdown]
# $\sqrt{64} = 8$, and with scores of $\pm 8$ one key takes nearly everything before anything has been learned. The
# third panel is the reason that matters: the softmax passes a gradient on in proportion to $p\,(1-p)$, and where $p$
# is 0 or 1 there is none. Divided by $\sqrt D$, the scores have variance 1 at every width, and the softmax stays where
# it can learn.
#
# ## 4 · The softmax's Jacobian
#
# The slopes of all weights by all scores of a row are $\partial p_j/\partial s_i = p_j(\delta_{ij} - p_i)$; as a
# matrix, the Jacobian, $\operatorname{diag}(p) - p\,p^{\mathsf T}$.
#
# **Predict:** what do the rows of this matrix add up to? What does the matrix look like when one weight is 1?

# %%
figure, axes = plt.subplots(1, 3, figsize=(9, 3.2))
for place, factor in zip(axes, (0, 1, 6)):
    weights = softmax_forward(factor * np.array([2.0, 1.0, 0.0, 1.5]))[0]
    jacobian = np.diag(weights) - np.outer(weights, weights)
    place.imshow(jacobian, cmap="PuOr", vmin=-0.3, vmax=0.3)
    for i in range(4):
        for j in range(4):
            place.text(j, i, f"{jacobian[i, j]:.2f}".replace("-0.00", "0.00"), ha="center", va="center", fontsize=8,
                       color="white" if jacobian[i, j] > 0.15 else "black")
    place.set(xticks=range(4), yticks=range(4))
    place.set_title("p = " + np.array2string(weights, precision=2), fontsize=9)
    print("p", weights, "  row sums", jacobian.sum(axis=1) + 0.0)
figure.suptitle("Jacobian of the softmax: even weights, uneven ones, and almost one single weight", fontsize=10)
plt.show()

# %% [markdown]
# Rows add up to 0: raising one weight lowers the others by as much together. When one weight is nearly 1 the whole
# matrix is nearly 0: this is what "saturated" means. Multiplying by the matrix needs no matrix:
#
# $$
# ds_i = \sum_j dp_j\,p_j(\delta_{ij} - p_i) = p_i\Bigl(dp_i - \sum_j dp_j\,p_j\Bigr).
# $$
#
# In words: each weight's gradient, less the *weighted mean* of all gradients. **Predict** with
# $p = (\frac12,\frac14,\frac14)$ and $dp = (1, 0, 2)$: the weighted mean, and $ds$.

# %%
p3, dp3 = np.array([0.5, 0.25, 0.25]), np.array([1.0, 0.0, 2.0])
print("weighted mean of dp:", p3 @ dp3)
print("ds:", p3 * (dp3 - p3 @ dp3))
print("with the matrix:", (np.diag(p3) - np.outer(p3, p3)) @ dp3)

# %% [markdown]
# ## 5 · Backward, step by step
#
# The forward was $s = q k^{\mathsf T}/\sqrt D$, $p = \operatorname{softmax}(s)$, $y = p v$. For a product $C = A B$
# chapter 03 gave $dA = dC\,B^{\mathsf T}$ and $dB = A^{\mathsf T} dC$. From the end:
#
# $$
# \begin{aligned}
# dv &= p^{\mathsf T} dy \\
# dp &= dy\,v^{\mathsf T} \\
# ds &= p\,\bigl(dp - \textstyle\sum_j dp_j p_j\bigr) \\
# dq &= ds\,k/\sqrt D \\
# dk &= ds^{\mathsf T} q/\sqrt D
# \end{aligned}
# $$
#
# The third line goes row by row; in the last one, $k^{\mathsf T}$ stood in the product, so its gradient is transposed
# back. The mask needs no line of its own. Why? (What is $p$ where it is forbidden to look?)
#
# The numbers of section 2 again, with a $dy$ that looks at one number only: $L$ is the first channel of $y$ at the
# third position, so $dy$ is 1 there and 0 elsewhere. **Predict:** the last row of $dp$. Which key must come nearer to
# the third query to make that number grow, and which must move away?

# %%
dy = np.zeros((3, 4))
dy[2, 0] = 1.0
p = saved[3]
dv = p.T @ dy
dp = dy @ v.T
ds = p * (dp - (dp * p).sum(axis=1, keepdims=True))
dq = ds @ k / 2
dk = ds.T @ q / 2
for name, array in (("dp", dp), ("ds", ds), ("dq", dq), ("dk", dk), ("dv", dv)):
    print(f"{name}:\n{array}")
for name, mine, library in zip(("dq", "dk", "dv"), (dq, dk, dv), attention_backward(dy, saved)):
    print(name, "equals the library's:", np.allclose(mine, library))

# %% [markdown]
# The number grows with the third query's score for the first key, whose value has something in that channel, and falls
# with the scores for the other two, by as much together. (A step of training would go *against* this gradient, to make
# a loss smaller.)
#
# A trap worth knowing. $q^{\mathsf T} ds$ is $dk$ transposed, of shape $(D, T)$. Someone whose shapes don't fit
# reshapes it to $(T, D)$: the shape is right now, the numbers stand in the wrong places, and no shape test ever
# complains. The gradient check does, on odd sizes with values of unit scale:

# %%
rng = backend.generator(6, 2)
q4, k4, v4 = rng.standard_normal((3, 4)), rng.standard_normal((5, 4)), rng.standard_normal((5, 4))  # T 3, S 5, D 4
dy4, mask4 = rng.standard_normal((3, 4)), causal_mask(3, 5)


def reshaped_backward(dy, saved):
    dq, dk, dv = attention_backward(dy, saved)
    return dq, dk.T.reshape(dk.shape), dv


for name, function in (("library", attention_backward), ("dk reshaped instead of transposed", reshaped_backward)):
    print(name)
    for error in check_gradients(lambda: attention_forward(q4, k4, v4, mask4),
                                 lambda dy, saved: dict(zip("qkv", function(dy, saved))),  # noqa: B023
                                 {"q": q4, "k": k4, "v": v4}, dy4):
        print("   ", error)

# %% [markdown]
# ### Exercise: attention
#
# All of sections 2 and 5, for any number of axes in front (batch, heads). A query that may look at nothing gives 0.
# Don't call the library's softmax: you know it and its gradient from chapter 02.

# %%
def my_attention_forward(q, k, v, mask=None):
    """q (..., T, D), k (..., S, D), v (..., S, D) -> y (..., T, D); and saved, a tuple of what backward will need.

    mask: booleans that broadcast to (..., T, S), True where attention is allowed. A row without any gives zeros.
    """


def my_attention_backward(dy, saved):
    """dy (..., T, D) -> dq (..., T, D), dk (..., S, D), dv (..., S, D)."""

# %%
from minigpt.learn import check

check("attention", my_attention_forward, my_attention_backward)

# %% [markdown]
# ## 6 · Masks: causality and padding, seen by changing something
#
# A promise such as "no position sees the future" should be tested, not believed. We take a whole self-attention layer,
# which makes $q$, $k$ and $v$ from one $x$ by a linear layer, change the input at one position $j$, and measure how
# much the output changes at each position $i$.
#
# **Predict** the picture with the mask: which squares are exactly 0? If you change position 5 of 8, which outputs
# move?

# %%
rng = backend.generator(6, 3)
T, C = 8, 12
layer = SelfAttention(C, num_heads=2, rng=rng, std=C**-0.5)
x = rng.standard_normal((1, T, C))  # (B, T, C)


def influence(mask):
    """How much the output at position i (row) changes when the input at position j (column) does."""
    before, changes = layer(x, mask), np.zeros((T, T))
    for j in range(T):
        other = x.copy()
        other[0, j] += rng.standard_normal(C)
        changes[:, j] = np.abs(layer(other, mask) - before).max(axis=2)[0]
    return changes


figure, axes = plt.subplots(1, 3, figsize=(9, 3.5))
choices = (("no mask", None), ("causal", causal_mask(T)), ("causal, window of 3", causal_mask(T, window=3)))
for place, (title, mask) in zip(axes, choices):
    changes = influence(mask)
    place.imshow(changes, cmap="Blues", vmin=0)
    place.set(title=title, xlabel="input changed at j", xticks=range(T), yticks=range(T))
    for i, j in zip(*np.nonzero(changes == 0)):
        place.text(j, i, "0", ha="center", va="center", fontsize=7, color="gray")
axes[0].set_ylabel("output that moves, i")
figure.suptitle("which output hears of which input (0: not a single bit changed)", fontsize=10)
plt.show()

# %% [markdown]
# With the mask, exact zeros above the diagonal: not small, zero. That is what allows one pass to train on all $T$
# predictions at once: position $t$ has not seen the answer at $t + 1$. The window is GPT-3's variant, in every second
# layer.
#
# **In generation** one new token asks, and all earlier ones are keys: $T = 1$ query, $S$ keys. Masks therefore count
# from the lower-right corner. **Predict** `causal_mask(1, 4)` and `causal_mask(2, 4)`.

# %%
print(causal_mask(1, 4).astype(int))
print(causal_mask(2, 4).astype(int))

# %% [markdown]
# **Padding.** Texts of unequal length in one batch are filled up with tokens that mean nothing; here on the left.
# Nobody may look at them. We change the padding to something absurd.
#
# **Predict:** by how much do the outputs of the real positions change? And what does a padded position give that may
# look at nothing at all: its softmax is over an empty set?

# %%
valid = np.array([[False, False, False, True, True, True, True, True]])  # (B, S)
mask = causal_mask(T) & padding_mask(valid)  # (B, 1, T, S)
other = x.copy()
other[0, :3] = 1e6
difference = np.abs(layer(other, mask) - layer(x, mask)).max(axis=2)[0]
print("change of the output at each position:", difference)
heads, (_, _, _, p, _) = attention_forward(q4, k4, v4, np.zeros((3, 5), dtype=bool))
print("weights where nothing may be seen: all 0, not NaN:", np.array_equal(p, np.zeros((3, 5))))

# %% [markdown]
# ### Exercise: causal_mask
#
# $T$ queries are the last $T$ of $S$ positions. Return booleans $(T, S)$: True where the query may look at the key, at
# itself and everything before it; with `window` = n > 0, only at the last n of those, itself included.

# %%
def my_causal_mask(queries, keys, window=0):
    """Booleans (T, S) for T = queries and S = keys, S >= T: True where the query may look at the key.

    The queries are the last T of the S positions. window: how many positions back a query sees, itself included; 0
    means no limit.
    """

# %%
from minigpt.learn import check

check("causal_mask", my_causal_mask)

# %% [markdown]
# ## 7 · Several heads
#
# One softmax makes one choice per position. A word may need two things at once: the noun it belongs to, and the word
# just before. So the $C$ channels are cut into $H$ slices of $D = C/H$; each slice compares and chooses for itself.
#
# `split_heads` turns $(B, T, H\,D)$ into $(B, H, T, D)$. **Predict:** which of the numbers 0 to 11 has head 1?
# (Two positions, six channels, two heads.)

# %%
x6 = np.arange(12).reshape(1, 2, 6)  # (B, T, C)
print("x:\n", x6[0])
print("head 0:\n", split_heads(x6, 2)[0, 0])
print("head 1:\n", split_heads(x6, 2)[0, 1])
print("reshape(1, 2, 2, 3), the usual mistake; 'head 0':\n", x6.reshape(1, 2, 2, 3)[0, 0])
print("merge undoes split:", np.array_equal(merge_heads(split_heads(x6, 2)), x6))

# %% [markdown]
# The reshape alone has the right shape and the wrong content: its "head 0" holds all channels of position 0. The order
# of the axes has to be exchanged, `reshape(B, T, H, D)` and then `transpose(0, 2, 1, 3)`. Here $T$ and $H$ are both 2,
# so no shape would give the mistake away.
#
# Two heads cost no more arithmetic than one: $H$ products of width $D = C/H$. What grows is the number of weights $p$,
# $H\,T^2$ for each text.
#
# ### Exercise: split_heads
#
# Head $h$ owns the channels $hD$ to $(h+1)D - 1$. Nothing is computed, numbers only move; so backward moves them back,
# which is also how the results of the heads are merged.

# %%
def my_split_heads_forward(x, num_heads):
    """x (B, T, C) -> y (B, H, T, D) with H = num_heads, D = C / H; and saved, a tuple of what backward will need."""


def my_split_heads_backward(dy, saved):
    """dy (B, H, T, D) -> dx (B, T, C): every number goes back to where it came from. This also merges heads."""

# %%
from minigpt.learn import check

check("split_heads", my_split_heads_forward, my_split_heads_backward)

# %% [markdown]
# ## 8 · Attention that has been trained
#
# Where does a trained model look? Random letters, then the same letters again, and perhaps again:
#
#     d k a h f p c d k a h f p c d k ...
#
# How long the repeated piece is (6 to 16 letters) and which letters it has is new in every text. Only the repetition
# is to be predicted; nothing can be learned by heart. After a "k" the model must find the earlier "k" and say what
# came after it.
#
# **Predict** which two steps that takes. One head is to look at the place *after* the earlier "k". But the key of that
# place was made from its own letter, "a", and the query is made from "k". Where could the "k" get into the key of "a"?
#
# The model is the GPT of chapter 08, taken as it is, with two layers and a single head in each, and for comparison one
# with a single layer.

# %%
backend.use("numpy", "float32")
V, T, B = 16, 32, 32  # letters a to p


def repeated_letters(step):
    """ids and targets (B, T) each, and the length of the repeated piece of each row (B,)."""
    rng = backend.generator(6, backend.BATCHES, step)
    ids, lengths = np.empty((B, T + 1), dtype="int64"), rng.integers(6, V + 1, B)
    targets = np.full((B, T), IGNORED)
    for row, n in enumerate(lengths):
        ids[row] = np.resize(rng.permutation(V)[:n], T + 1)
        targets[row, n:] = ids[row, n + 1:]  # only what has occurred before can be known
    return ids[:, :-1], targets, lengths


def head_scores(model, ids, lengths):
    """Mean weights. Layer 1: on the position just before. Last layer: on those after earlier places of the letter."""
    first, last = (p[:, 0] for p in (model.attention_maps(ids)[0], model.attention_maps(ids)[-1]))  # (B, T, T)
    before = np.mean([first[row, t, t - 1] for row, n in enumerate(lengths) for t in range(1, n)])
    after = np.mean([last[row, t, t - n + 1::-n].sum() for row, n in enumerate(lengths) for t in range(n, T)])
    return before, after


def train(num_layers, steps):
    model = GPT(GPTConfig(vocab_size=V, context_length=T, d_model=48, num_heads=1, num_layers=num_layers,
                          tied_embedding=False), seed=1)
    optimizer, losses, scores = Adam(model), [], []
    test_ids, _, test_lengths = repeated_letters(10**6)
    for step in range(steps):
        if step % 10 == 0:
            scores.append((step, *head_scores(model, test_ids, test_lengths)))
        ids, targets, _ = repeated_letters(step)
        loss, saved = model.forward(ids, targets)
        model.zero_grad()
        model.backward(saved)
        optimizer.step(0.003 * min(1, (step + 1) / 50))
        losses.append(float(loss))
    return model, losses, np.array(scores)


steps = 150 if quick else 400
model, losses, scores = train(2, steps)
_, losses_of_one, _ = train(1, steps)
print(f"loss in the last 20 steps: {np.mean(losses[-20:]):.3f} with two layers, {np.mean(losses_of_one[-20:]):.3f} "
      f"with one; guessing blindly is ln {V} = {np.log(V):.3f}")

# %%
ids, _, lengths = repeated_letters(10**6)
row = int(np.flatnonzero(lengths == 9)[0])
letters = ["abcdefghijklmnop"[i] for i in ids[row]]
shown = 24
figure, axes = plt.subplots(1, 2, figsize=(9, 5.2))
titles = ("layer 1: looks at the letter just before", "layer 2: looks at what came after this letter before")
for place, p, title in zip(axes, model.attention_maps(ids[row:row + 1]), titles):
    place.imshow(p[0, 0, :shown, :shown], cmap="Blues", vmin=0, vmax=1)
    place.set_title(title, fontsize=10)
    place.set_xticks(range(shown), letters[:shown], family="monospace", fontsize=8)
    place.set_yticks(range(shown), letters[:shown], family="monospace", fontsize=8)
    place.set(xlabel="key", ylabel="query")
figure.suptitle("trained attention, 9 letters that repeat; each row is a position, dark is where it looks", fontsize=10)
plt.show()

figure, axes = plt.subplots(1, 2, figsize=(9, 3.3))
axes[0].plot(losses, color="tab:blue", label="two layers")
axes[0].plot(losses_of_one, color="tab:orange", label="one layer")
axes[0].axhline(np.log(V), color="gray", linestyle=":", label="ln 16")
axes[0].set(title="loss", xlabel="step", ylabel="nats per letter", ylim=(0, None))
axes[1].plot(scores[:, 0], scores[:, 1], color="tab:gray", label="layer 1: on the letter just before")
axes[1].plot(scores[:, 0], scores[:, 2], color="tab:blue", label="layer 2: on what came after it before")
axes[1].set(title="mean attention weight at the right place", xlabel="step", ylim=(0, 1))
for place in axes:
    place.grid(alpha=0.3)
    place.legend(fontsize=8)
plt.show()
backend.use("numpy", "float64")

# %% [markdown]
# Nobody built this in. In layer 1 each position has fetched the vector of its predecessor, so that the place of "a"
# now also carries "comes after k". In layer 2 the query "I am k" is compared with that, and finds every place that
# comes after a "k"; its value says which letter stands there. (In the first nine rows nothing has been repeated yet,
# no target is counted there, and layer 2 looks anywhere. Where layer 1 looks nowhere in particular, far down, earlier
# places already say enough.) Such a pair of heads is called an **induction head** (Olsson et al., 2022), and the
# right-hand picture shows it being born: the loss falls in the same steps in which both heads find their places. One
# layer has no second look, and stays at more than a nat.

# %% [markdown]
# ## What you have learned
#
# - Attention is a weighted mean of values; the weights are the softmax of comparisons between queries and keys, which
#   is why where to look can be learned.
# - $1/\sqrt D$ keeps the softmax where it has a gradient; $-\infty$ before the softmax makes a weight, and with it
#   every gradient through it, exactly 0.
# - A head makes one choice a position; two layers can do what one can't: find the place where something stood before.
#
# **Next:** [07 · The Transformer block: a way around everything](07_block.ipynb): attention alone only mixes; it gets a
# partner, a way around both, and a place in a tower of 48.
