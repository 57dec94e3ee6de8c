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
# # 07 · The Transformer block: a way around everything
#
# **The question:** GPT-2 has 12 to 48 blocks, one upon the other. A stack of 48 layers of almost any other kind does
# not train: the gradient is gone, or has exploded, long before it reaches the bottom. What do two plus signs and two
# normalisations change?
#
# Running time: about 16 s on two CPU cores; needs chapters [03](03_linear.ipynb), [05](05_layer_norm.ipynb) and
# [06](06_attention.ipynb); sources studied: [block.py](../../minigpt/layers/block.py),
# [feed_forward.py](../../minigpt/layers/feed_forward.py); the documents [block](../../docs/en/layers/block.md) and
# [feed_forward](../../docs/en/layers/feed_forward.md).
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/en/07_block.ipynb)

# %%
import sys

if "google.colab" in sys.modules:  # Colab has NumPy, CuPy and matplotlib already: nothing of them is installed again
    # %pip install -q --no-deps git+https://github.com/OWNER/minigpt
    # %pip install -q regex safetensors tqdm threadpoolctl
    print("minigpt is installed")

# %%
import math
import os

import matplotlib.pyplot as plt
import numpy as np

from minigpt import backend
from minigpt.corpora import find_sources
from minigpt.data import training_batch
from minigpt.gradient_check import check_gradients
from minigpt.layers.activations import activation
from minigpt.layers.block import PostNormBlock, PreNormBlock
from minigpt.layers.feed_forward import FeedForward
from minigpt.layers.masks import causal_mask
from minigpt.models.gpt import GPT, PRESETS, GPTConfig
from minigpt.optim import Adam
from minigpt.pieces import read_pieces
from minigpt.text.characters import CharacterTokenizer

quick = bool(os.environ.get("MINIGPT_QUICK"))
backend.use("numpy", "float64")
np.set_printoptions(precision=4, suppress=True)
plt.rcParams.update({"figure.dpi": 100, "figure.constrained_layout.use": True})

# %% [markdown]
# ## 1 · One number through 48 layers
#
# Let a layer be as simple as can be, $f(x) = w\,x$, and stack 48 of them. In the second version each layer *adds* what
# it computes to what came in: $y = x + f(x)$. That plus sign is the **residual connection**.
#
# $$
# \text{plain: } \frac{dy}{dx} = w^{48} \qquad\qquad \text{residual: } \frac{dy}{dx} = (1 + w)^{48}
# $$
#
# **Predict** both for $w = 0.5$, $w = 0.01$ and $w = -0.01$, at least the order of magnitude. At the start of training
# the $w$ of real layers are small.

# %%
for w in (0.5, 0.01, -0.01):
    print(f"w = {w:5}   plain {w**48:10.1e}   residual {(1 + w) ** 48:12.4g}")

# %% [markdown]
# With small $w$ the plain stack passes nothing on, and the residual one passes on *almost exactly 1*: it begins as "do
# nothing", and each layer learns what to add. (With a large $w$ the residual stack explodes; we will come to that.)
#
# For vectors it is the same. Forward $y = x + f(x)$; a sum hands its gradient to both terms unchanged:
#
# $$
# dx = dy + \Bigl(\frac{\partial f}{\partial x}\Bigr)^{\!\mathsf T} dy
# $$
#
# The first term is $dy$ itself. Through any number of layers the gradient of the loss arrives at the bottom at least
# once as it was at the top.
#
# ## 2 · The other half of a block: feed-forward
#
# Attention moves information *between* positions. What is done with it, at each position alone, is the job of two
# linear layers with a bend between them: $y = f(x W_1 + b_1) W_2 + b_2$, $C \to F \to C$ with $F$ usually $4\,C$.
#
# By hand, with $C = 2$, $F = 3$ and $f = \max(\cdot, 0)$: **predict** $h = x W_1 + b_1$, $f(h)$ and $y$ for
# $x = (1, -2)$.

# %%
small = FeedForward(2, 3, backend.generator(7, 1), "relu")
small.w_in.w.data[...] = [[1, 0, 2], [0, 1, 1]]  # (C, F)
small.w_in.b.data[...] = [0, 1, 1]
small.w_out.w.data[...] = [[3, 1], [5, 5], [7, 7]]  # (F, C)
x = np.array([[1.0, -2.0]])  # (N, C)
h = x @ small.w_in.w.data + small.w_in.b.data
relu_forward, relu_backward = activation("relu")
a, _ = relu_forward(h)
print("h", h[0], "   f(h)", a[0], "   y", (a @ small.w_out.w.data + small.w_out.b.data)[0])
print("library", small(x)[0])

# %% [markdown]
# Read it like this: each column of $W_1$ asks a question of $x$ (three dot products); where the answer is positive,
# the row of $W_2$ with the same number is added to the result, that many times over. Unit 2 said no, so $(5, 5)$ was
# not written.
#
# **Predict:** we change the input at one of four positions. Where does the output of the feed-forward network change?

# %%
rng = backend.generator(7, 2)
x4 = rng.standard_normal((1, 4, 2))  # (B, T, C)
changed = x4.copy()
changed[0, 1] += 1
print("change at each position:", np.abs(small(changed) - small(x4)).max(axis=2)[0])

# %% [markdown]
# ### Where a block keeps its parameters
#
# **Predict:** which share of a block's parameters is in the feed-forward network, if attention has four matrices of
# $C\times C$, and $F = 4C$?

# %%
def parts_of(block):
    """name of the sublayer -> number of parameters."""
    found = {}
    for name, p in block.parameters().items():
        found[name.split(".")[0]] = found.get(name.split(".")[0], 0) + p.data.size
    return found


C = 96
counts = parts_of(PreNormBlock(C, 4, 4 * C, rng))
print(counts, " together", sum(counts.values()))
print("by formula: attention 4 C^2 + 4 C =", 4 * C * C + 4 * C, "  feed-forward 8 C^2 + 5 C =", 8 * C * C + 5 * C,
      "  two norms 4 C =", 4 * C)

names = ["small", "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "gpt3-175b"]
shares = []
for name in names:
    c = PRESETS[name]
    attention, feed_forward = 4 * c.d_model**2 + 4 * c.d_model, 2 * c.d_model * c.d_ff + c.d_ff + c.d_model
    rest = (c.vocab_size + c.context_length + 2) * c.d_model + 4 * c.d_model * c.num_layers  # both tables, all norms
    shares.append(np.array([attention * c.num_layers, feed_forward * c.num_layers, rest]))
figure, axes = plt.subplots(figsize=(7, 3.2))
left = np.zeros(len(names))
for j, (label, color) in enumerate((("attention", "tab:blue"), ("feed-forward", "tab:orange"),
                                    ("embeddings and norms", "lightgray"))):
    width = np.array([row[j] / row.sum() for row in shares])
    axes.barh(names, width, left=left, color=color, label=label)
    left += width
axes.set_yticks(range(len(names)), [f"{name} ({row.sum() / 1e6:,.1f} M)" for name, row in zip(names, shares)])
axes.invert_yaxis()
axes.set(xlabel="share of all parameters", xlim=(0, 1), title="where the parameters are")
figure.legend(ncols=3, fontsize=8, loc="outside lower center", frameon=False)
plt.show()

# %% [markdown]
# Two thirds of a block, $8C^2$ of $12C^2$, whatever $C$ is. With the same vocabulary (the five lower bars) the
# embeddings weigh less the larger the model is; the small model at the top has a vocabulary fifty times smaller.
#
# ### Exercise: feed_forward
#
# $y = f(x W_1 + b_1) W_2 + b_2$ at every position, and the gradients of $x$ and of all four parameters. The activation
# comes from the library by its name: with `f_forward, f_backward = activation(activation_name)`, `f_forward(h)`
# returns `a, saved_f`, and `f_backward(da, saved_f)` returns `dh`.

# %%
def my_feed_forward_forward(x, w_1, b_1, w_2, b_2, activation_name):
    """x (..., C), w_1 (C, F), b_1 (F,), w_2 (F, C), b_2 (C,) -> y (..., C); and saved, what backward will need."""


def my_feed_forward_backward(dy, saved):
    """dy (..., C) -> dx (..., C), dw_1 (C, F), db_1 (F,), dw_2 (F, C), db_2 (C,)."""

# %%
from minigpt.learn import check

check("feed_forward", my_feed_forward_forward, my_feed_forward_backward)

# %% [markdown]
# ## 3 · Putting the block together
#
# There are two orders in use:
#
# $$
# \begin{aligned}
# \text{pre-norm (GPT-2, GPT-3):}\quad & a = x + \text{attention}(\text{norm}_1(x)), \\
# & y = a + \text{feed-forward}(\text{norm}_2(a)) \\
# \text{post-norm (GPT-1):}\quad & a = \text{norm}_1(x + \text{attention}(x)), \\
# & y = \text{norm}_2(a + \text{feed-forward}(a))
# \end{aligned}
# $$
#
# Both in four lines, against the library. **Predict:** in which of the two has every row of $y$ mean 0 and variance 1?

# %%
rng = backend.generator(7, 3)
B, T, C, H, F = 2, 3, 6, 2, 10
x, mask = 3 * rng.standard_normal((B, T, C)) + 1, causal_mask(T)
pre, post = PreNormBlock(C, H, F, rng, std=0.5), PostNormBlock(C, H, F, rng, std=0.5)

a = x + pre.attention(pre.norm_1(x), mask)
y_pre = a + pre.feed_forward(pre.norm_2(a))
a = post.norm_1(x + post.attention(x, mask))
y_post = post.norm_2(a + post.feed_forward(a))
for name, mine, block in (("pre-norm", y_pre, pre), ("post-norm", y_post, post)):
    print(f"{name:10} equals the library: {np.allclose(mine, block(x, mask))};  means of the rows",
          mine.mean(axis=2)[0] + 0.0, " variances", mine.var(axis=2)[0])

# %% [markdown]
# Post-norm hands on normalised rows, at the price of a normalisation *on* the way past. Pre-norm keeps that way free
# of everything: $y = x + \ldots + \ldots$, and normalises only what goes into the sublayers. What comes out may grow,
# so GPT-2 has one more norm after the last block.
#
# ## 4 · Signal and gradient through 2 to 48 blocks
#
# Now towers of real blocks, with random weights of standard deviation $1/\sqrt C$, which neither shrinks nor stretches
# much. Into the bottom go four random texts of 16 positions, each number of size 1; at the top we put in a random
# gradient of size 1. Four kinds: pre-norm, post-norm, and for comparison two without residuals, with the norms and
# without them. On the way we measure three things:
#
# - the **size** of the numbers (root mean square);
# - how far the positions of a text are **apart**: the size of what is left of them when their mean is subtracted, over
#   their own size. 0 means that all positions have become the same vector;
# - the size of the **gradient** at the *last* position, on its way down.
#
# **Predict** for each kind, after 48 blocks: are the numbers still of size 1? Can the positions still be told apart?
# Does a gradient arrive at the bottom of the last position?

# %%
class NoResidual(PreNormBlock):
    """The same sublayers one after the other, with nothing led past them."""

    normalise = True

    def forward(self, x, mask=None):
        n, saved_norm_1 = self.norm_1.forward(x) if self.normalise else (x, None)
        s, saved_attention = self.attention.forward(n, mask)
        n, saved_norm_2 = self.norm_2.forward(s) if self.normalise else (s, None)
        y, saved_feed_forward = self.feed_forward.forward(n)
        return y, (saved_norm_1, saved_attention, saved_norm_2, saved_feed_forward)

    def backward(self, dy, saved):
        saved_norm_1, saved_attention, saved_norm_2, saved_feed_forward = saved
        ds = self.feed_forward.backward(dy, saved_feed_forward)
        if self.normalise:
            ds = self.norm_2.backward(ds, saved_norm_2)
        dx = self.attention.backward(ds, saved_attention)
        return self.norm_1.backward(dx, saved_norm_1) if self.normalise else dx


class NoResidualNoNorm(NoResidual):
    normalise = False


def size(array):
    """Root mean square."""
    return float(np.sqrt((array * array).mean()))


C, T = 64, 16
mask = causal_mask(T)


def tower(kind, num_layers, std=C**-0.5, out_std=None):
    """At the bottom and after each block: the signal's size, how far positions are apart, the last one's gradient."""
    rng = backend.generator(7, 4)
    blocks = [kind(C, 4, 4 * C, rng, std=std, out_std=out_std) for _ in range(num_layers)]
    h, kept = rng.standard_normal((4, T, C)), []  # (B, T, C)
    signal, apart = [size(h)], [size(h - h.mean(axis=1, keepdims=True)) / size(h)]
    for block in blocks:
        h, saved = block.forward(h, mask)
        kept.append(saved)
        signal.append(size(h))
        apart.append(size(h - h.mean(axis=1, keepdims=True)) / size(h))
    dh = rng.standard_normal(h.shape)
    gradient = [size(dh[:, -1])]
    for block, saved in zip(reversed(blocks), reversed(kept)):
        dh = block.backward(dh, saved)
        gradient.append(size(dh[:, -1]))
    return signal, apart, gradient[::-1]


KINDS = (("no residual, no norm", NoResidualNoNorm, "tab:gray", ":"),
         ("no residual, norms", NoResidual, "tab:red", "-."), ("post-norm", PostNormBlock, "tab:orange", "--"),
         ("pre-norm", PreNormBlock, "tab:blue", "-"))
deepest = {name: tower(kind, 48) for name, kind, _, _ in KINDS}
titles = ("size of the signal", "how far positions are apart", "gradient at the last position")
figure, axes = plt.subplots(1, 3, figsize=(9, 3.6))
for name, _, color, style in KINDS:
    for place, values in zip(axes, deepest[name]):
        place.semilogy(range(49), values, color=color, linestyle=style, linewidth=2, label=name)
for place, title, bottom, top in zip(axes, titles, (1e-1, 1e-6, 1e-6), (1e8, 2, 1e3)):
    place.set(xlabel="block", ylim=(bottom, top))
    place.set_title(title, fontsize=10)
    place.grid(alpha=0.3)
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8, frameon=False)
figure.suptitle("48 random blocks, weights of 1/sqrt(C); the gradient comes from the right", fontsize=10)
plt.show()
print(f"{'':22}   signal at the top   positions apart   gradient at the bottom")
for name, (signal, apart, gradient) in deepest.items():
    print(f"{name:22}   {signal[-1]:17.1e}   {apart[-1]:15.1e}   {gradient[0]:22.1e}")

# %% [markdown]
# Three things are worth a pause.
#
# **Size is the easy part.** Without norms it is a product of 48 factors a little above 1, and explodes; the norms cure
# that, with or without residuals.
#
# **And yet the tower with norms but without residuals is dead**, though all its numbers are of a healthy size. After
# twenty blocks all positions of a text hold the same vector: every attention takes means, and means of means of means
# are all alike (Dong et al., 2021, show how fast). So the top can't know which token stood where, and the gradient
# can't either: what the loss says about the last position never reaches that position's own input. It all flows into
# the first token, at which everybody looks.
#
# **The residual keeps each position's own vector in the sum.** In pre-norm it stays there for good: 48 blocks up, the
# positions differ by 58 % of their size. In post-norm each of the 96 normalisations brings a sum of two terms of about
# equal size back to size 1, so the share of the input in the variance is halved 96 times. It takes longer than without
# residuals, but at this depth little is left. (Pre-norm's gradient even grows on its way down: near the bottom the sum
# is still small, and a norm that divides by a small size multiplies the gradient by as much.)

# %%
depths = [2, 4, 8, 16, 24, 48]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8))
for name, kind, color, style in KINDS:
    at_depth = [tower(kind, L) for L in depths]
    look = {"color": color, "linestyle": style, "marker": "o"}
    axes[0].loglog(depths, [apart[-1] for _, apart, _ in at_depth], label=name, **look)
    axes[1].loglog(depths, [gradient[0] for _, _, gradient in at_depth], **look)
axes[0].set_title("positions apart, at the top", fontsize=10)
axes[1].set_title("gradient at the bottom, last position", fontsize=10)
for place, top in zip(axes, (2, 1e2)):
    place.set_xticks(depths, depths)
    place.minorticks_off()
    place.set(xlabel="blocks", ylim=(1e-6, top))
    place.grid(alpha=0.3)
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8, frameon=False)
figure.suptitle("towers of 2 to 48 blocks", fontsize=10)
plt.show()

print("the same 48 blocks with small weights, of standard deviation 0.02")
for name, kind, _, _ in KINDS:
    signal, apart, gradient = tower(kind, 48, std=0.02)
    print(f"{name:22}   {signal[-1]:17.1e}   {apart[-1]:15.1e}   {gradient[0]:22.1e}")

# %% [markdown]
# With small weights, 0.02 as in GPT, the picture changes for the two with residuals: a sublayer now adds little, so
# both towers start as "hand on what you got", and everything arrives. Without residuals nothing helps: the norms keep
# the numbers from vanishing, but not the positions apart. So a deep tower needs the residual, and post-norm needs a
# careful start as well.
#
# ## 5 · Starting small: 1/√(2L)
#
# In the pre-norm tower $h_L = h_0 + \sum_{n=1}^{2L} s_n$: each block adds two terms. At the start they are about
# independent, so variances add: with terms of variance $\sigma^2$, $\operatorname{var}(h_L) = 1 + 2L\,\sigma^2$. GPT-2
# therefore divides the weights that write into the residual by the root of the number of terms, $\sqrt{2L}$, at the
# start.
#
# **Predict** for $\sigma = 1$ and $L = 48$: the size of $h_L$ without that, and with it.

# %%
plain, scaled = [], []
for L in depths:
    plain.append(tower(PreNormBlock, L)[0][-1])
    scaled.append(tower(PreNormBlock, L, out_std=C**-0.5 / math.sqrt(2 * L))[0][-1])
figure, axes = plt.subplots(figsize=(7, 3.4))
axes.plot(depths, plain, color="tab:red", marker="o", label="all weights alike")
axes.plot(depths, scaled, color="tab:blue", marker="o", label="those that write to the residual divided by sqrt(2 L)")
axes.plot(depths, np.sqrt(1 + 2 * np.array(depths)), color="gray", linestyle=":", label="sqrt(1 + 2 L)")
axes.set(xlabel="blocks L", ylabel="root mean square of the output", ylim=(0, None), xticks=depths,
         title="size of a pre-norm tower's output at the start")
axes.grid(alpha=0.3)
axes.legend(fontsize=8)
plt.show()
print("with 48 blocks:", f"{plain[-1]:.2f} and {scaled[-1]:.2f}")

# %% [markdown]
# Without it the output grows as $\sqrt{1 + 2L}$ (a little more: the terms are neither quite of variance 1 nor quite
# independent). With it, it is the same at every depth: 96 terms of variance 1/96 add 1 to the 1 that was there, and
# $\sqrt 2 \approx 1.4$. The weights meant are those of `attention.out` and `feed_forward.w_out`.
#
# ## 6 · A block's backward by hand
#
# The forward of pre-norm was
#
# 1. $n_1 = \text{norm}_1(x)$, $\;s_1 = \text{attention}(n_1)$, $\;a = x + s_1$
# 2. $n_2 = \text{norm}_2(a)$, $\;s_2 = \text{feed-forward}(n_2)$, $\;y = a + s_2$
#
# **Predict**, before you read on, the backward: from $dy$ to $dx$, last step first. Where do two gradients meet, so
# that they must be added? (A prime stands for the backward of a layer.)
#
# $$
# \begin{aligned}
# ds_2 &= dy \\
# dn_2 &= \text{feed-forward}'(ds_2) \\
# da &= dy + \text{norm}_2'(dn_2) \\
# dn_1 &= \text{attention}'(da) \\
# dx &= da + \text{norm}_1'(dn_1)
# \end{aligned}
# $$
#
# At $a$ and at $x$: each was used twice.

# %%
rng = backend.generator(7, 5)
B, T, C, H, F = 2, 3, 6, 2, 10  # odd, unequal sizes
block = PreNormBlock(C, H, F, rng, std=0.7)
x, dy, mask = rng.standard_normal((B, T, C)), rng.standard_normal((B, T, C)), causal_mask(T)


def backward_by_hand(dy, saved, residual=True):
    saved_norm_1, saved_attention, _, saved_norm_2, saved_feed_forward, _ = saved  # the two _ are for dropout
    dn_2 = block.feed_forward.backward(dy, saved_feed_forward)
    da = block.norm_2.backward(dn_2, saved_norm_2)
    if residual:
        da = dy + da
    dn_1 = block.attention.backward(da, saved_attention)
    return da + block.norm_1.backward(dn_1, saved_norm_1)


arrays = {"x": x, **{name: p.data for name, p in block.parameters().items()}}


def gradients_of(function):
    """backward as check_gradients wants it: the gradient of the input and of every parameter, by name."""

    def backward(dy, saved):
        block.zero_grad()
        dx = function(dy, saved)
        return {"x": dx, **{name: p.grad for name, p in block.parameters().items()}}

    return backward


found = [check_gradients(lambda: block.forward(x, mask), gradients_of(function), arrays, dy)
         for function in (backward_by_hand, block.backward, lambda dy, s: backward_by_hand(dy, s, residual=False))]
print(f"{'relative errors':22}    by hand    library   residual around feed-forward forgotten")
for errors in zip(*found):
    numbers = "".join(f"{error.relative_error:11.1e}" for error in errors)
    print(f"{errors[0].array:22}{numbers}", " <- wrong" if errors[-1].relative_error > 1e-6 else "")

# %% [markdown]
# The forgotten residual leaves the gradients of the feed-forward network and its norm right: they are computed before
# the mistake is made. Everything that the backward computes after them is wrong. Backward runs through this table from
# the bottom to the top, and that is how to read it: the mistake sits between the last line that is right and the first
# that is wrong.
#
# ### Exercise: residual
#
# Half a block: $y = x + f(\text{norm}(x))$. `norm` and `f` are given as pieces with the contract of all modules here:
# `piece.forward(x)` returns `y, saved_piece`, and `piece.backward(dy, saved_piece)` returns `dx`. What backward needs,
# the pieces included, travels in `saved`.

# %%
def my_residual_forward(x, norm, f):
    """x (..., C) -> y = x + f(norm(x)) (..., C); and saved, a tuple of what backward will need.

    norm and f are pieces like the library's modules: piece.forward(x) returns y, saved_piece.
    """


def my_residual_backward(dy, saved):
    """dy (..., C) -> dx (..., C). piece.backward(dy, saved_piece) returns the gradient of the piece's input."""

# %%
from minigpt.learn import check

check("residual", my_residual_forward, my_residual_backward)

# %% [markdown]
# ## 7 · Does it matter in training?
#
# Four GPTs of chapter 08, with 12 small blocks each, the same text, the same batches, the same learning rate from the
# very first step: pre-norm and post-norm, once with the weights of section 4, $1/\sqrt C$, and once with 0.02 as GPT
# has them.
#
# **Predict** which of the four will not learn, from what you have seen of the towers. What is the best that a model
# can do whose positions can't be told apart?

# %%
backend.use("numpy", "float32")
text = "".join(read_pieces(find_sources(["pydoc"])))
tokenizer = CharacterTokenizer.train([text])
tokens = np.array(tokenizer.encode(text))
steps = 40 if quick else 160


def train(norm, std):
    model = GPT(GPTConfig(vocab_size=tokenizer.vocab_size, context_length=32, d_model=32, num_heads=2, num_layers=12,
                          norm=norm))
    for block in model.blocks:
        for p in block.parameters().values():
            if p.data.ndim == 2 and std:
                p.data *= std / p.data.std()
    optimizer, losses = Adam(model), []
    for step in range(steps):
        loss, saved = model.forward(*training_batch(tokens, 8, 32, seed=7, step=step))
        model.zero_grad()
        model.backward(saved)
        optimizer.step(0.003)
        losses.append(float(loss))
    return losses


frequency = np.bincount(tokens) / len(tokens)
entropy = -(frequency[frequency > 0] * np.log(frequency[frequency > 0])).sum()
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True)
for place, std, title in ((axes[0], 32**-0.5, "weights of 1/sqrt(C) = 0.18"), (axes[1], None, "weights of 0.02")):
    for norm, color in (("pre", "tab:blue"), ("post", "tab:orange")):
        smooth = np.convolve(train(norm, std), np.ones(10) / 10, mode="valid")
        place.plot(range(9, steps), smooth, color=color, label=f"{norm}-norm, at the end {smooth[-1]:.2f}")
    place.axhline(entropy, color="gray", linestyle=":", label=f"only how frequent each character is: {entropy:.2f}")
    place.set(xlabel="step", title=title, ylim=(2.4, 4.2))
    place.grid(alpha=0.3)
    place.legend(fontsize=8)
axes[0].set_ylabel("loss (nats per character)")
figure.suptitle("12 blocks, the same learning rate from the first step on", fontsize=10)
plt.show()
backend.use("numpy", "float64")

# %% [markdown]
# With large weights post-norm comes down to the entropy of single characters and stays there. That is just what is
# left when every position is the same vector: it can learn how frequent each character is, and nothing about which one
# comes next. Pre-norm learns from the very same start. With small weights both learn, and here post-norm even faster.
# So post-norm is no mistake, GPT-1 and BERT were trained with it; but it depends on a careful start, small weights and
# a learning rate that is warmed up (chapter 09; Xiong et al., 2020, say why), and the more so the deeper it is.
# Pre-norm forgives.

# %% [markdown]
# ## What you have learned
#
# - A residual hands its gradient past the sublayer unchanged; without it 48 blocks pass on nothing useful.
# - Pre-norm keeps the way past free, post-norm normalises on it; the order decides how deep a tower trains, and how it
#   must be started.
# - Two thirds of a block are feed-forward; each block adds two terms to the residual, hence $1/\sqrt{2L}$.
#
# **Next:** [08 · GPT](08_gpt.ipynb): everything is there; we put it together, count it and train it.
