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
# # 00 · Start here: arrays, shapes, and what rounding does
#
# **The question:** a language model is a few arrays of numbers and a handful of operations on them. What must you know
# about arrays to read one, and where will they surprise you?
#
# Running time: about 6 s on two CPU cores; needs no other chapter; sources studied:
# [backend.py](../../minigpt/backend.py), [activations.py](../../minigpt/layers/activations.py),
# [module.py](../../minigpt/module.py); the documents [backend](../../docs/en/backend.md),
# [activations](../../docs/en/layers/activations.md), [module](../../docs/en/module.md), and for letters and terms
# [notation](../../docs/notation.md).
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/en/00_backend.ipynb)

# %%
import sys

if "google.colab" in sys.modules:  # Colab has NumPy, CuPy and matplotlib already: nothing of them is installed again
    # %pip install -q --no-deps git+https://github.com/OWNER/minigpt
    # %pip install -q regex safetensors tqdm threadpoolctl
    print("minigpt is installed")

# %% [markdown]
# ## How to work with these notebooks
#
# Each chapter asks one question. Read a paragraph, and where it says **Predict**, or asks something in bold, write your
# answer on paper before you run the cell below it. A wrong prediction is where you learn something; a cell that is
# merely run teaches little.
#
# The chapters import the library and redefine nothing of it. So whatever you see here is the code that trains the
# models, and you can open the file that a cell imports from: `minigpt.layers.linear` is `minigpt/layers/linear.py`.

# %%
import math
import time

import matplotlib.pyplot as plt
import numpy as np

from minigpt import backend
from minigpt.backend import xp
from minigpt.errors import InputError
from minigpt.text.characters import CharacterTokenizer

backend.use("numpy", "float32")
plt.style.use("tableau-colorblind10")
plt.rcParams.update({"figure.figsize": (7, 3.2), "figure.constrained_layout.use": True})

# %% [markdown]
# ## 1 · Text becomes whole numbers
#
# A model never sees a letter. A **tokenizer** has a list of tokens, and the place of a token in that list is its
# **id**. The simplest one takes the characters that the text has, in the order of their code points.
#
# **Predict:** the text below has nine characters. How many tokens are there, and what is the id of `t`?

# %%
text = "a cat sat"
tokenizer = CharacterTokenizer.train([text])
print("tokens", tokenizer.tokens)
print("ids   ", tokenizer.encode(text))
print("back  ", tokenizer.decode([2, 1, 4]))

# %% [markdown]
# ### Exercise: encode_characters
#
# Write what `encode` does, with an ordinary dictionary: the vocabulary is that of the text `training`, and a character
# that isn't in it gets one id more than the last. The cell below the function checks your answer; it stops at the first
# thing that is wrong and says what it is. Until you have written something, it says that nothing is there. (The `False`
# below that is what `check` returns: not solved yet.)
# `hint("encode_characters")`, which is imported from `minigpt.learn` as `check` is, helps in three steps. In a terminal
# the same exercise is `python -m minigpt learn start encode_characters`.
#
# The checker speaks your system's language. For another one set the environment variable `MINIGPT_LANGUAGE` to `en` or
# `zh` before you start Jupyter, or ask for it each time: `check(..., language="zh")`.

# %%
def my_encode_characters(text, training):
    """The ids of text, a list of integers, by the vocabulary of the text `training`."""

# %%
from minigpt.learn import check

check("encode_characters", my_encode_characters)

# %% [markdown]
# ## 2 · Shapes
#
# Ids are looked up in a table, and from there on everything is an array of floats. Its **shape** says how many numbers
# lie along each axis, and each axis has a letter, always the same one ([notation](../../docs/notation.md)): **B** texts
# side by side in a batch, **T** positions in a text, **C** channels, the numbers that describe one position. In the
# source, the shape stands at the end of the line: `# (B, T, C)`.
#
# **Predict** the shape of each expression before you run the cell. Three rules are enough: an index takes its axis
# away, a slice keeps it, and a sum takes away the axes that it runs along. `-1` means the last axis or position; in
# `reshape` it means "whatever is left".

# %%
x = xp.arange(24).reshape(2, 3, 4)  # (B, T, C)
print(x)
for expression in ("x[0]", "x[0, 1]", "x[:, -1]", "x[:, 1:]", "x.sum(axis=-1)", "x.sum(axis=(0, 1))",
                   "x.sum(axis=-1, keepdims=True)", "x.reshape(-1, 4)"):
    print(f"{expression:30} {eval(expression).shape}")

# %% [markdown]
# ### A product of matrices, by hand
#
# Almost all the time of a language model goes into products of matrices. With a (2, 3) and b (3, 2), the element in row
# n and column o of the product is Σ_i a_ni b_io: row n of the left one against column o of the right one.
#
# **Predict** the element [1, 0] on paper: the second row of a, the first column of b.

# %%
a = xp.array([[1, 2, 3], [4, 5, 6]])  # (2, 3)
b = xp.array([[1, 0], [-1, 2], [3, 1]])  # (3, 2)
terms = [int(a[1, i] * b[i, 0]) for i in range(3)]
print("by hand ", " + ".join(map(str, terms)), "=", sum(terms))
print("a @ b =\n", a @ b)

# %% [markdown]
# With more than two axes, `@` multiplies the last two and goes through the others. So (B, T, C) @ (C, F) is (B, T, F):
# the same matrix for every position of every text.
#
# ## 3 · Broadcasting
#
# Arrays of different shapes can meet. NumPy writes the shapes one below the other, **flush right**, and an axis of
# length 1 (or one that is missing on the left) is repeated as often as the other array needs it, without copying
# anything:
#
# ```
# (3, 1)
#    (4,)
# ------
# (3, 4)
# ```

# %%
def draw_grid(axes, values, title, real=None):
    """A table of numbers; where `real` is False, dotted cells that broadcasting only imagines."""
    rows, columns = values.shape
    axes.set(xlim=(-0.1, columns + 0.1), ylim=(rows + 0.1, -0.1), aspect="equal")
    axes.set_title(title, fontsize=10)
    axes.axis("off")
    for r, c in np.ndindex(rows, columns):
        exists = real is None or real[r, c]
        axes.add_patch(plt.Rectangle((c, r), 1, 1, facecolor="#cfe3f2" if exists else "white", edgecolor="#444444",
                                     linestyle="-" if exists else ":"))
        axes.text(c + 0.5, r + 0.5, f"{values[r, c]:g}", ha="center", va="center",
                  color="black" if exists else "#666666")


column, row = np.array([[10], [20], [30]]), np.array([1, 2, 3, 4])
rows_and_columns = np.indices((3, 4))
figure, axes = plt.subplots(1, 3, figsize=(7, 2.3))
draw_grid(axes[0], np.broadcast_to(column, (3, 4)), "column (3, 1)", rows_and_columns[1] == 0)
draw_grid(axes[1], np.broadcast_to(row, (3, 4)), "row (4,)", rows_and_columns[0] == 0)
draw_grid(axes[2], column + row, "column + row (3, 4)")
figure.suptitle("broadcasting: dotted cells are read, but nobody stores them", fontsize=11)
plt.show()

# %% [markdown]
# That is how a bias (O,), one number for each column, is added to every row of (N, O). It is also how the most common
# silent mistake of this whole course is made. We want to subtract from each row its own mean.
#
# **Predict:** which of the two lines is right, and does the wrong one raise an error? Ask yourself what shape
# `m.mean(axis=-1)` has and with which axis it is aligned, flush right.

# %%
m = xp.array([[0.0, 1, 2], [10, 11, 12], [20, 21, 22]])  # (3, 3)
print("without keepdims:\n", m - m.mean(axis=-1))
print("with keepdims:\n", m - m.mean(axis=-1, keepdims=True))
try:
    print(m[:2] - m[:2].mean(axis=-1))
except ValueError as error:
    print("(2, 3) - (2,):", error)

# %% [markdown]
# On a square array the wrong line gives a wrong answer and no error. On (2, 3) it fails at once. Hence a rule of this
# project: **test with dimensions that are all different**. You will meet it again as B=2, T=3, C=5.
#
# ## 4 · What lies in memory: views, strides, and a trap
#
# An array is one strip of memory, and a rule for walking through it: the **strides**, how many elements to jump for one
# step along each axis. `a.T` is the same strip with the strides exchanged. Nothing is copied: it is a **view**.
#
# **Predict** what `a.T.reshape(3, 4)` is, if `a` is (3, 4). Its shape is that of `a` again. Is it `a` again?

# %%
a = np.arange(12).reshape(3, 4)  # (3, 4)
back = a.T.reshape(3, 4)
for name, array in (("a", a), ("a.T", a.T), ("a.T.reshape(3, 4)", back)):
    steps = tuple(stride // array.itemsize for stride in array.strides)
    print(f"{name:18} shape {array.shape}, strides {steps}, a view of a: {np.shares_memory(a, array)}")

figure, axes = plt.subplots(1, 3, figsize=(7, 2.6))
for ax, array, title in zip(axes, (a, a.T, back), ("a", "a.T: the same memory", "a.T.reshape(3, 4): a copy")):
    draw_grid(ax, array, title)
    in_memory = sorted(np.ndindex(array.shape), key=lambda i: np.dot(i, array.strides))  # the order of addresses
    ys, xs = np.array(in_memory).T + 0.5
    ax.plot(xs, ys, color="#c85200", linewidth=1, alpha=0.55)
    ax.plot(xs[0], ys[0], "o", color="#c85200", alpha=0.55, markersize=14)
figure.suptitle("the line walks through memory, from the dot on", fontsize=11)
plt.show()

# %% [markdown]
# The right shape and the wrong numbers. In one public GPT, the gradient of the attention keys was computed transposed
# and then reshaped to the right shape; its tests of shapes passed. To exchange axes, transpose; to group or split
# neighbouring axes, reshape; never use one for the other.
#
# A view also shares its values:

# %%
view, copy = a[0], a[0].copy()
view[:] = -1
print("a after writing into a view of its first row:\n", a)
print("the copy, made before:", copy)

# %% [markdown]
# A function that overwrites its argument changes the caller's array. In minigpt, no forward and no backward ever does
# that: a function may overwrite what it made itself, never its arguments.
#
# ## 5 · Why arrays at all: the speed of a loop
#
# A product of two (n, n) matrices takes n³ multiplications and as many additions: 2 n³ **FLOPs**, floating-point
# operations. We time it as three Python loops and as `a @ b`, which runs compiled code made for this processor.
#
# **Predict:** by what factor is the loop slower at n = 64? Ten, a hundred, a thousand, ten thousand?

# %%
def matmul_by_loops(a, b):
    """The same product on lists of lists, one multiplication at a time."""
    n = len(a)
    return [[sum(a[i][k] * b[k][j] for k in range(n)) for j in range(n)] for i in range(n)]


def seconds(function, repeats=5):
    """The fastest of a few calls: whatever else runs on this machine only ever adds time."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


rng = backend.generator(0)
loop_sizes, array_sizes = [4, 8, 16, 32, 64, 96], [4, 8, 16, 32, 64, 96, 256, 512, 1024]
matrices = {n: backend.normal(rng, (n, n)) for n in array_sizes}
lists = {n: matrices[n].tolist() for n in loop_sizes}
loop_times = [seconds(lambda n=n: matmul_by_loops(lists[n], lists[n]), 3) for n in loop_sizes]
array_times = [seconds(lambda n=n: matrices[n] @ matrices[n]) for n in array_sizes]
at_64 = loop_times[loop_sizes.index(64)] / array_times[array_sizes.index(64)]
print(f"n = 64: the loop takes {1000 * loop_times[loop_sizes.index(64)]:.1f} ms, {at_64:,.0f} times as long as a @ b")

figure, axes = plt.subplots()
axes.loglog(loop_sizes, [2 * n**3 / t / 1e9 for n, t in zip(loop_sizes, loop_times)], "o-", label="three Python loops")
axes.loglog(array_sizes, [2 * n**3 / t / 1e9 for n, t in zip(array_sizes, array_times)], "s-", label="a @ b, float32")
axes.set(xlabel="n, matrices are (n, n)", ylabel="GFLOP per second",
         title="a loop has one speed; an array gets faster as it grows")
axes.grid(alpha=0.3, which="both")
axes.legend()
plt.show()

# %% [markdown]
# Two lessons. A loop over numbers costs three to four orders of magnitude, so the library has none in its layers. And a
# small product is slow for its size, since each call to NumPy costs about a microsecond whatever it computes: one large
# product beats many small ones. Whoever reads `x.reshape(-1, x.shape[-1]) @ w` in
# [linear.py](../../minigpt/layers/linear.py) now knows why it is written so.
#
# ## 6 · One name for two libraries: `xp`
#
# The same source runs on an NVIDIA GPU, since CuPy offers NumPy's functions there. So the library never says `np.exp`;
# it says `xp.exp`, and `xp` is whichever library is in use. Beside the library, the backend holds the **precision**:
# `float32` (4 bytes a number) for training, `float64` (8 bytes) where we want to compare numbers.

# %%
print(xp, "and", backend.asarray([1.0, 2.0]).dtype)
with backend.using("numpy", "float64"):  # for the length of this block
    print(xp, "and", backend.asarray([1.0, 2.0]).dtype)
print(xp, "again")

try:
    with backend.using("cupy"):
        print(xp)
except InputError as error:
    print("InputError:", error)

# %% [markdown]
# An `InputError` is the library's way to refuse: one line, what is wrong, what to do instead. If you have a GPU and
# CuPy, the last line shows `<xp: cupy, float32>` and everything in this course runs there too.
#
# Random numbers are always drawn on the host, from a generator with a seed, and rounded afterwards. So one seed means
# the same model in both precisions and on both kinds of machine:

# %%
for precision in ("float32", "float64"):
    with backend.using("numpy", precision):
        print(precision, backend.normal(backend.generator(7), (3,)))

# %% [markdown]
# ## 7 · What rounding does
#
# A float is a sign, a significand and a power of two. `float32` has room for 24 binary digits (about 7 decimal ones),
# `float64` for 53 (about 16). So the numbers that exist lie on a grid, and the grid becomes twice as coarse at each
# power of two.
#
# **Predict**, for `float32`: which of these are true?
#
# 1. `1 + 1e-8 == 1`
# 2. `16777216 + 1 == 16777216`  (that is 2²⁴ + 1)
# 3. `0.1 + 0.2 == 0.3`
# 4. `(1e8 + 1) - 1e8 == 1e8 - 1e8 + 1`

# %%
f = np.float32
print("1.", f(1) + f(1e-8) == f(1))
print("2.", f(16777216) + f(1) == f(16777216))
print("3.", f(0.1) + f(0.2) == f(0.3), "but in float64", 0.1 + 0.2 == 0.3)
print("4.", (f(1e8) + f(1)) - f(1e8), "against", f(1e8) - f(1e8) + f(1))
print(f"0.1 is stored as {f(0.1):.20f} in float32 and as {0.1:.20f} in float64")

# %% [markdown]
# Number 3 is true in float32 by luck: the three rounding errors happen to agree. Number 4 says that addition is not
# associative: the order in which an array is summed changes the result. What that costs shows when 0.1 is added again
# and again. The left picture is the grid; the right one the error of a running total (`cumsum`, from left to right),
# and of `sum`, which NumPy computes in pairs of halves along a row.
#
# **Predict:** after four million additions of 0.1 in float32, is the running total wrong in the seventh digit, the
# fifth, or the second?

# %%
counts = np.unique(np.logspace(1, math.log10(4_000_000), 60).astype(int))
tenths = {name: np.full(counts[-1], 0.1, dtype=name) for name in ("float32", "float64")}
running = {name: tenths[name].cumsum() for name in tenths}


def error(total, n, name):
    """How far a sum of n stored tenths is from n times the stored tenth."""
    exact = n * float(tenths[name][0])
    return abs(float(total) - exact) / exact + 1e-17  # a logarithmic axis can't show 0


figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.2))
magnitudes = np.logspace(-3, 9, 2000)
for name, style in (("float32", "-"), ("float64", "--")):
    left.loglog(magnitudes, np.spacing(magnitudes.astype(name)), style, label=name)
    right.loglog(counts, [error(running[name][n - 1], n, name) for n in counts], style, label=f"cumsum, {name}")
right.loglog(counts, [error(tenths["float32"][:n].sum(), n, "float32") for n in counts], ":", color="black",
             label="sum, float32")
left.set(xlabel="a number", ylabel="distance to the next one", title="the grid of numbers")
right.set(xlabel="how many tenths are added", ylabel="relative error", title="adding 0.1 again and again")
right.set_ylim(1e-17, 100)
for ax in (left, right):
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8, loc="upper left")
plt.show()
total, n = float(running["float32"][-1]), counts[-1]
pairwise = float(tenths["float32"].sum())
print(f"{n:,} times 0.1 in float32: cumsum {total:,.1f}, sum {pairwise:,.1f}, exact {n / 10:,.1f}")

# %% [markdown]
# Rounding errors of training are of the order of 1e-7 a number and mostly harmless, as gradients are noisy anyway. They
# matter in three places, and each has its cure in the library:
#
# * **overflow:** exp(89) is more than the largest float32 (about 3.4e38) and becomes infinity; inf/inf is then NaN,
#   "not a number". Softmax (chapter 02) subtracts the largest score first.
# * **cancellation:** the difference of two large, nearly equal numbers consists of their rounding errors. The variance
#   as E[x²] - E[x]² does that; layer normalisation (chapter 05) takes the mean of (x - μ)².
# * **underflow:** the probability of a long text is a product of many small numbers, and soon 0. So we add logarithms.
#
# **Predict** for the cell below: what is the true variance of 10000.0, 10000.1, ..., about 10000.9, and what does the
# first formula say in float32?

# %%
with backend.quiet():  # no warnings: we look at the results ourselves
    print("exp(88), exp(89) in float32:", np.exp(f(88)), np.exp(f(89)))
v = (10000 + np.arange(10) / 10).astype("float32")
print("E[x^2] - E[x]^2 :", (v * v).mean() - v.mean() ** 2)
print("mean (x - mu)^2 :", ((v - v.mean()) ** 2).mean(), "  true:", np.var(np.arange(10) / 10))
print("0.1 to the power of 400:", math.prod([0.1] * 400), "  as a logarithm:", sum(math.log(0.1) for _ in range(400)))
print("float32 times np.sqrt(5):", (v * np.sqrt(5)).dtype, "  times math.sqrt(5):", (v * math.sqrt(5)).dtype)

# %% [markdown]
# The last line is a trap of its own: `np.sqrt(5)` is a float64 scalar, and since NumPy 2 it turns the whole array into
# float64, twice the memory and half the speed from there on. For plain numbers the library uses `math`.
#
# ### Exercise: perplexity
#
# A model gave each token of a text some probability p. Its **loss** is the mean of -ln p over the tokens, and its
# **perplexity** is exp(loss): among how many equally likely tokens it seems to hesitate. A model that gives every token
# the probability 1/4 has perplexity 4. The sum of all -ln p, divided by ln 2 and by the number of characters of the
# text, is **bits per character**. Chapter 02 explains where all this comes from; here it is about rounding: you are
# given the logarithms, and now you know why. Don't go back to the product of the probabilities.

# %%
def my_perplexity(log_p, characters):
    """log_p (...), natural logarithms of each token's probability -> perplexity, bits per character."""

# %%
from minigpt.learn import check

check("perplexity", my_perplexity)

# %% [markdown]
# ## 8 · The contract: forward, saved, backward
#
# Everything that learns in this project is a pair of functions:
#
# ```
# y, saved = tanh_forward(x)          saved: a tuple of exactly what backward needs
# dx = tanh_backward(dy, saved)       the gradients, in the order of forward's array arguments
# ```
#
# `d` and a name is **the gradient of the loss with respect to that array**: how much the loss grows for each bit that
# an element grows. It has the shape of the array. The loss is one number, called L here; `dy`, the **upstream
# gradient**, comes from whatever stands behind this function, and backward turns it into `dx`. That is all of
# backpropagation, and chapter 03 is about it. For tanh, every element stands alone: y = tanh x has the slope 1 - y², so
# dx = dy (1 - y²).
#
# **Predict:** where |x| is large, tanh is flat. What does that do to dx? And what is the least that must be saved?

# %%
from minigpt.layers.activations import tanh_backward, tanh_forward

backend.use("numpy", "float64")
x = backend.asarray([-3.0, -0.5, 0.0, 2.0])
dy = backend.asarray([1.0, 1.0, 2.0, -1.0])
y, saved = tanh_forward(x)
dx = tanh_backward(dy, saved)
print("y       ", y)
print("saved   ", saved, " the same array as y:", saved[0] is y)
print("dx      ", dx)
print("by hand ", dy * (1 - y**2))

# %% [markdown]
# Is it right? Ask the definition. L = Σ dy · y is a loss whose upstream gradient is dy. Move one x up and down by a
# little ε and look at how L changes: that is the slope, without any calculus.

# %%
epsilon = 1e-5
for i in range(len(x)):
    moved = np.zeros_like(x)
    moved[i] = epsilon
    above, below = (dy * tanh_forward(x + moved)[0]).sum(), (dy * tanh_forward(x - moved)[0]).sum()
    print(f"x[{i}]: slope {(above - below) / (2 * epsilon):+.9f}   backward {dx[i]:+.9f}")

# %% [markdown]
# That is gradient checking. Every backward in the library is proved by it, for every input and every parameter; chapter
# 03 shows how such a proof can lie.
#
# A `Module` is a pair with **parameters**, the arrays that training changes. Each parameter has its values in `data`
# and its gradient in `grad`. Backward **adds** into `grad`, so that a parameter that is used twice hears from both
# places.
#
# **Predict:** we call backward twice without `zero_grad()` in between. What happens to `dx`, and what to `w.grad`?

# %%
from minigpt.layers.linear import Linear

layer = Linear(3, 2, backend.generator(1))
x = backend.normal(backend.generator(2), (4, 3))
y, saved = layer.forward(x)
first_dx = layer.backward(np.ones_like(y), saved)
first_grad = layer.w.grad.copy()
second_dx = layer.backward(np.ones_like(y), saved)
print("parameters    ", {name: p.data.shape for name, p in layer.parameters().items()})
print("dx the same   ", np.array_equal(first_dx, second_dx))
print("w.grad, ratio ", (layer.w.grad / first_grad).ravel())
layer.zero_grad()
print("after zero_grad", layer.w.grad.ravel())

# %% [markdown]
# A training step that forgets `zero_grad` goes on adding the gradients of all the steps before. It is one of the
# mistakes in the bug hunt, `python -m minigpt learn bugs`.
#
# ## 9 · How to read this project
#
# * The table in the [README](../../README.md) is the order to read in: each row needs only those above it.
# * The path is the link: chapter `03_linear` studies `minigpt/layers/linear.py`, whose document is
#   `docs/en/layers/linear.md`.
# * A layer's file always has the same order: the equations, forward and under them backward, and their derivation; then
#   the forward function, its backward directly below, and the module that owns the parameters.
# * A file imports only from lower floors, so that you can always go down and never in circles.
# * Stuck in an exercise: `python -m minigpt learn hint NAME`, three times, then `... learn solution NAME`.
#
# ## What you have learned
#
# * Shapes and broadcasting explain most errors; equal dimensions and `reshape` hide the others.
# * A float32 has 7 digits: overflow, cancellation and underflow have cures that you will meet again.
# * Whatever learns is `y, saved = forward(x)` and `dx = backward(dy, saved)`; finite differences say whether it is
#   right.
#
# **Next:** [01 · Text to tokens](01_bpe.ipynb): where to cut a text, and what each cut costs.
