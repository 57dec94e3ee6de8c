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
# # 05 · Layer normalisation: the full derivation
#
# **The question:** a layer that gives every vector mean 0 and variance 1 is one line. Its backward is a line as well,
# but a stranger one: two terms are subtracted that nobody would guess. Where do they come from, and what would go
# wrong without them?
#
# Running time: about 7 s on two CPU cores; needs chapters [00](00_backend.ipynb) and [03](03_linear.ipynb); sources
# studied: [layer_norm.py](../../minigpt/layers/layer_norm.py), [dropout.py](../../minigpt/layers/dropout.py); the
# documents [layer_norm](../../docs/en/layers/layer_norm.md) and [dropout](../../docs/en/layers/dropout.md).
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/en/05_layer_norm.ipynb)

# %%
import sys

if "google.colab" in sys.modules:  # Colab has NumPy, CuPy and matplotlib already: nothing of them is installed again
    # %pip install -q --no-deps git+https://github.com/OWNER/minigpt
    # %pip install -q regex safetensors tqdm threadpoolctl
    print("minigpt is installed")

# %%
import matplotlib.pyplot as plt
import numpy as np

from minigpt import backend
from minigpt.gradient_check import check_gradients, numeric_gradient
from minigpt.layers.dropout import dropout_backward, dropout_forward
from minigpt.layers.layer_norm import layer_norm_backward, layer_norm_forward

backend.use("numpy", "float64")
np.set_printoptions(precision=4, suppress=True)
plt.rcParams.update({"figure.dpi": 100, "figure.constrained_layout.use": True})

# %% [markdown]
# ## 1 · Why normalise at all?
#
# Send a vector of 64 numbers through 30 linear layers, one after the other, each followed by a ReLU. The weights are
# random, with a standard deviation of $s\,\sqrt{2/64}$. With $s = 1$ a layer keeps the size of its input, on average.
#
# **Predict:** by what factor has the size changed after 30 layers if $s$ is 20 % too large? And 20 % too small? Write
# two numbers down.

# %%
rng = backend.generator(5, 1)
C, depth = 64, 30
start = rng.standard_normal((200, C))  # (N, C)
weights = [rng.standard_normal((C, C)) * (2 / C) ** 0.5 for _ in range(depth)]
ones, nothing = np.ones(C), np.zeros(C)


def sizes(scale, normalise):
    """The root mean square of the numbers after each layer."""
    x, found = start, []
    for w in weights:
        x = np.maximum(x @ (scale * w), 0)
        if normalise:
            x, _ = layer_norm_forward(x, ones, nothing)
        found.append(np.sqrt((x * x).mean()))
    return found


figure, axes = plt.subplots(figsize=(7, 3.4))
for scale, color in ((1.2, "tab:red"), (1.0, "tab:gray"), (0.8, "tab:blue")):
    axes.semilogy(range(1, depth + 1), sizes(scale, False), color=color, label=f"s = {scale}, as it comes")
    axes.semilogy(range(1, depth + 1), sizes(scale, True), color=color, linestyle=":", linewidth=3,
                  label="all three with layer norm after each" if scale == 0.8 else None)
axes.set(xlabel="layer", ylabel="root mean square", title="size of the numbers after each of 30 layers")
axes.grid(alpha=0.3)
axes.legend(fontsize=8, loc="upper left")
plt.show()
print("1.2 ** 30 =", round(1.2**30, 1), "   0.8 ** 30 =", round(0.8**30, 5))

# %% [markdown]
# A factor is applied 30 times: $1.2^{30} \approx 237$ and $0.8^{30} \approx 0.001$. The gradient on its way back meets
# the same matrices and suffers the same fate. Training moves the weights, so even a perfect $s$ at the start does not
# stay perfect. With a normalisation after each layer the size is 1 whatever the weights do: the three dotted lines lie
# on one another.
#
# ## 2 · Forward, by hand
#
# For one row $x$ of $C$ numbers:
#
# $$
# \mu = \frac1C \sum_c x_c, \qquad r = \frac{1}{\sqrt{\frac1C \sum_c (x_c - \mu)^2 + \varepsilon}}, \qquad
# \hat x = (x - \mu)\, r, \qquad y = \hat x\, g + b
# $$
#
# We take five numbers for which everything comes out even, and $\varepsilon = 0$ for the moment.
#
# **Predict**, on paper: the mean of (4, 7, 1, 3, 5), the deviations from it, their mean square, $r$ and $\hat x$.

# %%
x = np.array([4.0, 7.0, 1.0, 3.0, 5.0])  # (C,)
C = x.size
mean = x.sum() / C
deviation = x - mean
variance = (deviation**2).sum() / C
r = 1 / np.sqrt(variance)
x_hat = deviation * r
print("mean      ", mean)
print("deviation ", deviation)
print("variance  ", variance, "  r", r)
print("x_hat     ", x_hat, "  its mean", x_hat.mean(), "  its mean square", (x_hat**2).mean())

g, b = np.ones(C), np.zeros(C)
y, saved = layer_norm_forward(x, g, b, eps=0.0)
print("library   ", y)

# %% [markdown]
# The gain $g$ and the bias $b$ are learned, one number a channel: after the normalisation the model may choose another
# scale and another mean for each channel. They start at 1 and 0, so at first $y = \hat x$.
#
# **Predict** before running: what does layer norm make of $x + 10$? Of $3x$? Of $-x$?

# %%
for name, changed in (("x", x), ("x + 10", x + 10), ("3 x", 3 * x), ("-x", -x), ("5 - 0.1 x", 5 - 0.1 * x)):
    print(f"{name:10}", layer_norm_forward(changed, g, b, eps=0.0)[0])

# %% [markdown]
# Shifting the row and stretching it (by a positive factor) change nothing. Two of the five directions in which $x$ can
# move are lost. Keep that in mind: **what the forward does not see, the backward cannot ask for.** We will meet both
# directions again as the two strange terms.
#
# The picture shows it for $C = 3$, where a row is a point in space. Subtracting the mean projects the point onto the
# plane $x_1 + x_2 + x_3 = 0$ (we look straight onto that plane), and multiplying by $r$ moves it along the ray from
# the centre to the circle of radius $\sqrt 3$.

# %%
points = backend.generator(5, 2).standard_normal((40, 3)) * np.array([1.6, 1.0, 0.7]) + 1
across = np.array([[1, -1, 0] / np.sqrt(2), [1, 1, -2] / np.sqrt(6)]).T  # (3, 2): two axes in the plane
before = (points - points.mean(axis=1, keepdims=True)) @ across
after = layer_norm_forward(points, np.ones(3), np.zeros(3), eps=0.0)[0] @ across

figure, axes = plt.subplots(figsize=(5, 5))
turn = np.linspace(0, 2 * np.pi, 200)
axes.plot(np.sqrt(3) * np.cos(turn), np.sqrt(3) * np.sin(turn), color="lightgray", zorder=0)
for p, q in zip(before, after):
    axes.annotate("", q, p, arrowprops={"arrowstyle": "->", "color": "tab:gray", "alpha": 0.6})
axes.scatter(*before.T, s=18, color="tab:blue", label="x, its mean taken off")
axes.scatter(*after.T, s=18, color="tab:orange", label="x_hat: on the circle of radius sqrt(3)")
axes.set(title="layer norm of 40 rows of three numbers", aspect="equal", xlabel="first axis in the plane",
         ylabel="second axis in the plane")
axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), fontsize=8, ncols=2, frameon=False)
plt.show()

# %% [markdown]
# ## 3 · Backward: the three ways in which one number acts
#
# Given is $dy$, the gradient of the loss with respect to $y$. Two easy steps first. $y = \hat x\, g + b$ works element
# by element, so
#
# $$
# d\hat x = dy\, g, \qquad dg = \sum_{\text{rows}} dy\, \hat x, \qquad db = \sum_{\text{rows}} dy .
# $$
#
# Now from $d\hat x$ to $dx$. Every $\hat x_i = (x_i - \mu)\, r$ depends on $x_c$ in three ways:
#
# 1. **directly**, if $i = c$: $\;\partial \hat x_i / \partial x_i = r$;
# 2. **through the mean**: $\;\partial\hat x_i/\partial\mu = -r$, and $\;\partial\mu/\partial x_c = 1/C$;
# 3. **through $r$**: $\;\partial\hat x_i/\partial r = x_i - \mu$, and $\;\partial r/\partial x_c = -r^2\,\hat x_c/C$.
#
# The last one step by step, with $v = \frac1C\sum (x_c-\mu)^2$ and $r = (v + \varepsilon)^{-1/2}$:
#
# $$
# \begin{aligned}
# \frac{\partial v}{\partial x_c} &= \frac{2}{C}(x_c - \mu) - \frac{2}{C}\cdot\frac1C\sum_j (x_j - \mu)
#   = \frac{2}{C}(x_c - \mu) \\
# \frac{\partial r}{\partial v} &= -\tfrac12 (v+\varepsilon)^{-3/2} = -\tfrac12 r^3 \\
# \frac{\partial r}{\partial x_c} &= -\tfrac12 r^3\cdot\tfrac2C (x_c-\mu) = -\frac{r^2}{C}\,\hat x_c
# \end{aligned}
# $$
#
# In the first line the deviations $x_j - \mu$ add up to 0, so the way through the $\mu$ *inside* $v$ is closed; in the
# last one $r\,(x_c-\mu) = \hat x_c$ was put in.
#
# The same with numbers. Let $d\hat x = (2, -1, 0, 1, 3)$ come from above, and send it down the three ways.
#
# **Predict:** the mean of $d\hat x$, and the mean of $d\hat x\,\hat x$. These two numbers are all that ways 2 and 3
# need.

# %%
dx_hat = np.array([2.0, -1.0, 0.0, 1.0, 3.0])  # (C,), with g = 1 the same as dy

way_1 = r * dx_hat

dmean = (dx_hat * -r).sum()  # every x_hat_i hears of the mean with the factor -r
way_2 = dmean * np.full(C, 1 / C)  # and every x_c has the share 1/C in the mean

dr = (dx_hat * (x - mean)).sum()
way_3 = dr * (-(r**2) * x_hat / C)

print("mean of dx_hat        ", dx_hat.mean())
print("mean of dx_hat x_hat  ", (dx_hat * x_hat).mean())
print("way 1, directly       ", way_1)
print("way 2, through mean   ", way_2)
print("way 3, through r      ", way_3)
print("dx = their sum        ", way_1 + way_2 + way_3)

# %% [markdown]
# Now the same three with letters. In way 2, $d\mu = -r\sum_i d\hat x_i$, of which each $x_c$ gets $1/C$; in way 3,
# $dr = \sum_i d\hat x_i (x_i - \mu) = \frac1r\sum_i d\hat x_i\,\hat x_i$, of which each $x_c$ gets $-r^2\hat x_c/C$:
#
# $$
# \begin{aligned}
# dx_c &= r\,d\hat x_c \;-\; \frac{r}{C}\sum_i d\hat x_i \;-\; \frac{r}{C}\,\hat x_c\sum_i d\hat x_i\,\hat x_i \\
# dx &= r\,\bigl(d\hat x - \operatorname{mean}(d\hat x) - \hat x\,\operatorname{mean}(d\hat x\,\hat x)\bigr)
# \end{aligned}
# $$
#
# **Predict** with this line and the two means that were just printed: what is $dx_1$? ($\hat x_1 = 0$,
# $d\hat x_1 = 2$, $r = 1/2$.) Then compare with the library and with finite differences.

# %%
dx_by_hand = r * (dx_hat - dx_hat.mean() - x_hat * (dx_hat * x_hat).mean())
dx, dg, db = layer_norm_backward(dx_hat, saved)
numeric = numeric_gradient(lambda: (layer_norm_forward(x, g, b, eps=0.0)[0] * dx_hat).sum(), x)
print("one line           ", dx_by_hand)
print("library            ", dx)
print("finite differences ", numeric)

# %% [markdown]
# ## 4 · The same as a matrix
#
# All partial derivatives together are the Jacobian, $J_{ic} = \partial\hat x_i/\partial x_c$, and
# $dx = J^{\mathsf T} d\hat x$.
# Each of the three ways is one matrix:
#
# $$
# J = r\,\Bigl(I - \tfrac1C\,\mathbf 1\mathbf 1^{\mathsf T} - \tfrac1C\,\hat x\hat x^{\mathsf T}\Bigr), \qquad
# J_{ic} = r\,\bigl(\delta_{ic} - \tfrac1C - \tfrac1C\,\hat x_i\hat x_c\bigr).
# $$
#
# **Predict:** the first row of $J$. ($\hat x_1 = 0$: what is left of the third matrix there?)

# %%
parts = [("directly: r I", r * np.eye(C)), ("through the mean", -r / C * np.ones((C, C))),
         ("through r", -r / C * np.outer(x_hat, x_hat))]
J = sum(matrix for _, matrix in parts)

figure, axes = plt.subplots(1, 4, figsize=(9, 3))
for place, (title, matrix) in zip(axes, [*parts, ("J = the sum", J)]):
    place.imshow(matrix, cmap="PuOr", vmin=-0.6, vmax=0.6)
    place.set(title=title, xlabel="c", ylabel="i")
    place.set_xticks(range(C), range(1, C + 1))
    place.set_yticks(range(C), range(1, C + 1))
    for i in range(C):
        for c in range(C):
            place.text(c, i, f"{matrix[i, c]:.2f}".replace("-0.00", "0.00"), ha="center", va="center", fontsize=7,
                       color="white" if matrix[i, c] > 0.3 else "black")
figure.suptitle("d x_hat_i / d x_c for x = (4, 7, 1, 3, 5): the three ways, and their sum")
plt.show()

measured = np.zeros((C, C))
for i in range(C):
    measured[i] = numeric_gradient(lambda i=i: layer_norm_forward(x, g, b, eps=0.0)[0][i], x)
print("largest difference to finite differences:", f"{np.abs(measured - J).max():.1e}")

# %% [markdown]
# A softmax has a full Jacobian too, and nobody writes it down: with $C = 768$ it would be 590 thousand numbers *for
# each position*. The one line above multiplies by it without ever making it: two means, two subtractions.
#
# ### What the backward projects out
#
# The matrix $P = I - \frac1C\mathbf 1\mathbf 1^{\mathsf T} - \frac1C\hat x\hat x^{\mathsf T}$ is a projection:
# $\mathbf 1$ and $\hat x$ are at right angles (the mean of $\hat x$ is 0), both have the length $\sqrt C$, and $P$
# takes out of a vector what lies along either.
#
# **Predict:** the five eigenvalues of $J / r$. Then: what is $dx\cdot\mathbf 1$, and what is $dx\cdot\hat x$?

# %%
print("eigenvalues of J / r :", np.linalg.eigvalsh(J / r))
print("J / r applied twice is J / r :", np.allclose((J / r) @ (J / r), J / r))
print("dx . 1     =", f"{dx.sum():.1e}")
print("dx . x_hat =", f"{dx @ x_hat:.1e}")

# %% [markdown]
# Two zeros, three ones. And $dx$ is orthogonal to $\mathbf 1$ and to $\hat x$: a step along $\mathbf 1$ would shift
# the row, a step along $\hat x$ would stretch it, the forward sees neither, so the gradient must not point there.
# These are the two strange terms. The picture takes a $d\hat x$ apart.

# %%
along_ones = np.full(C, dx_hat.mean())
along_x_hat = x_hat * (dx_hat * x_hat).mean()
rest = dx_hat - along_ones - along_x_hat
figure, axes = plt.subplots(1, 4, figsize=(9, 2.6), sharey=True)
for place, (title, values, color) in zip(axes, (
        ("dx_hat", dx_hat, "tab:gray"), ("along 1: taken out", along_ones, "tab:red"),
        ("along x_hat: taken out", along_x_hat, "tab:red"), ("the rest: times r, this is dx", rest, "tab:blue"))):
    place.bar(range(1, C + 1), values, color=color)
    place.axhline(0, color="black", linewidth=0.6)
    place.set_title(title, fontsize=9)
    place.set(xlabel="channel", xticks=range(1, C + 1))
plt.show()
print("squared lengths:", f"{dx_hat @ dx_hat:.2f} = {along_ones @ along_ones:.2f} + {along_x_hat @ along_x_hat:.2f}"
      f" + {rest @ rest:.2f}")

# %% [markdown]
# ### Whole arrays
#
# The library's two functions work on any number of rows, $x$ of shape $(B, T, C)$. $dx$ is computed row by row, but
# the one $g$ and the one $b$ serve all rows, so their gradients are **sums over all $B\,T$ rows**. A check on odd
# shapes, with random values of unit scale and a random $dy$ (chapter 03 said why), and then once more with the usual
# mistake: someone treats $r$ and $\mu$ as constants.

# %%
rng = backend.generator(5, 3)
x3, g3, b3 = rng.standard_normal((2, 3, 5)), rng.standard_normal(5), rng.standard_normal(5)  # (B, T, C), (C,), (C,)
dy3 = rng.standard_normal((2, 3, 5))


def naive_backward(dy, saved):
    x_hat, r, g = saved
    return dy * g * r, (dy * x_hat).sum(axis=(0, 1)), dy.sum(axis=(0, 1))


for name, function in (("library", layer_norm_backward), ("mean and r taken as constants", naive_backward)):
    print(name)
    for error in check_gradients(lambda: layer_norm_forward(x3, g3, b3),
                                 lambda dy, saved: dict(zip("xgb", function(dy, saved))),  # noqa: B023
                                 {"x": x3, "g": g3, "b": b3}, dy3):
        print("   ", error)

# %% [markdown]
# The naive $dx$ has the right shape and is wrong by a large part; $dg$ and $db$ are right in both. A model trains with
# such a gradient, only worse: nothing crashes.
#
# **What is saved:** $\hat x$, $r$ and $g$. Not $x$, not $\mu$, not $y$: backward's line has no place for them. That is
# $B\,T\,C$ numbers for $\hat x$ and $B\,T$ for $r$.
#
# ### Exercise: layer_norm
#
# Write the forward and the backward. Rows may come in any number of axes; `g` and `b` have one number a channel. Save
# just what backward needs. `check` stops at the first thing wrong and says what to do about it; until you have filled
# in the bodies, it will say that nothing was returned.

# %%
def my_layer_norm_forward(x, g, b, eps):
    """x (..., C), g (C,), b (C,) -> y (..., C), and saved, a tuple of what backward will need."""


def my_layer_norm_backward(dy, saved):
    """dy (..., C) -> dx (..., C), dg (C,), db (C,)."""

# %%
from minigpt.learn import check

check("layer_norm", my_layer_norm_forward, my_layer_norm_backward)

# %% [markdown]
# ## 5 · Layer norm, and not batch norm
#
# Batch normalisation uses the same formula along the other axis: each channel gets mean 0 and variance 1 *over the
# rows of the batch*. Six rows of eight channels:

# %%
rng = backend.generator(5, 4)
rows = rng.standard_normal((6, 8)) * np.linspace(0.5, 2, 8) + np.linspace(-1, 1, 6)[:, None]  # (N, C)
figure, axes = plt.subplots(1, 2, figsize=(8, 3.2))
for place, title in zip(axes, ("layer norm: one mean a row", "batch norm: one mean a column")):
    place.imshow(rows, cmap="PuOr", vmin=-3, vmax=3)
    place.set(xlabel="channel", ylabel="row (a token)", xticks=range(8), yticks=range(6))
    place.set_title(title, fontsize=9)
for place, corner, width, height in ((axes[0], (-0.5, 1.5), 8, 1), (axes[1], (2.5, -0.5), 1, 6)):
    place.add_patch(plt.Rectangle(corner, width, height, fill=False, edgecolor="black", linewidth=3))
figure.suptitle("the numbers that one normalisation sees together", fontsize=10)
plt.show()

# %% [markdown]
# **Predict:** we change the *last* row. Which rows of the output change with layer norm? Which with batch norm?

# %%
def batch_norm(x):
    return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5)


changed = rows.copy()
changed[-1] += np.arange(8)
for name, norm in (("layer norm", lambda x: layer_norm_forward(x, np.ones(8), np.zeros(8))[0]),
                   ("batch norm", batch_norm)):
    print(name, "  largest change of each row:", np.abs(norm(changed) - norm(rows)).max(axis=1))

# %% [markdown]
# With batch norm every row has changed. If the rows are the positions of a text, a later token has just changed what
# the model says about an earlier one: in a language model that is reading the answer in advance. Across texts it makes
# the prediction for one text depend on which others lie beside it, and generation, with a single row, has no batch to
# take a mean of. Layer norm needs nothing but the row itself, and does the same in training and in use.
#
# ## 6 · What eps is for
#
# $r = 1/\sqrt{v + \varepsilon}$, and $\varepsilon = 10^{-5}$ as in most GPTs. **Predict:** what becomes of a row of
# five equal numbers? By what factor does the backward multiply there? ($1/\sqrt{10^{-5}} \approx 316$.)

# %%
y_flat, (x_hat_flat, r_flat, _) = layer_norm_forward(np.full(5, 3.0), g, b)
print("y of a constant row:", y_flat, "  r:", r_flat)

spread = np.logspace(-6, 2, 200)  # the standard deviation of a row
figure, axes = plt.subplots(figsize=(7, 3.2))
for eps, color in ((1e-5, "tab:blue"), (1e-8, "tab:orange")):
    axes.loglog(spread, 1 / np.sqrt(spread**2 + eps), color=color, label=f"eps = {eps:.0e}")
axes.loglog(spread, 1 / spread, color="tab:gray", linestyle=":", label="eps = 0")
axes.set(xlabel="standard deviation of the row", ylabel="r, which multiplies the gradient",
         title="eps bounds the factor by which small rows are blown up")
axes.grid(alpha=0.3)
axes.legend()
plt.show()

# %% [markdown]
# Without $\varepsilon$ a constant row is 0/0. With it, rows that differ by much less than
# $\sqrt\varepsilon \approx 0.003$ count as constant, and no gradient is multiplied by more than 316. There is a price,
# a tiny one: the mean of $\hat x^2$ is $v/(v+\varepsilon)$, not quite 1, so $dx\cdot\hat x$ is not quite 0.
# Pre-trained weights belong to the $\varepsilon$ they were trained with: BERT, say, has $10^{-12}$.
#
# ## 7 · A trap in float32: the mean of squares less the square of the mean
#
# Algebra says $\frac1C\sum(x_c-\mu)^2 = \frac1C\sum x_c^2 - \mu^2$. The right side needs only one pass over the row,
# so it looks better. float32 keeps about seven digits.
#
# **Predict:** a row has standard deviation 1 and mean 1000. How many digits do $\frac1C\sum x^2$ and $\mu^2$ have in
# common? How many are left for the variance? From which mean on is nothing left?

# %%
rng = backend.generator(5, 5)
noise = rng.standard_normal((200, 256))
offsets = np.logspace(0, 5, 26)
errors = {"mean(x^2) - mean(x)^2": [], "mean((x - mean)^2)": [], "the library (first x_c taken off)": []}
negative = []
for offset in offsets:
    x32 = (noise + offset).astype(np.float32)  # (N, C)
    exact = x32.astype(np.float64).var(axis=1)  # of the very numbers that float32 holds
    mean32 = x32.mean(axis=1)
    one_pass = (x32 * x32).mean(axis=1) - mean32 * mean32
    two_pass = ((x32 - mean32[:, None]) ** 2).mean(axis=1)
    _, (_, r32, _) = layer_norm_forward(x32, np.ones(256, "float32"), np.zeros(256, "float32"), eps=0.0)
    for name, found in zip(errors, (one_pass, two_pass, r32[:, 0].astype(np.float64) ** -2)):
        errors[name].append(np.abs(found / exact - 1).max())
    negative.append((one_pass < 0).mean())

figure, axes = plt.subplots(figsize=(7, 3.6))
for (name, values), style in zip(errors.items(), ("tab:red", "tab:gray", "tab:blue")):
    axes.loglog(offsets, values, color=style, marker=".", label=name)
axes.axhline(1, color="gray", linestyle=":")
axes.set(xlabel="mean of the row (its standard deviation is 1)", ylabel="largest relative error",
         title="the variance of a row in float32, computed in three ways")
axes.grid(alpha=0.3)
axes.legend(fontsize=8)
plt.show()
for offset in (1e3, 1e4, 1e5):
    print(f"mean {offset:8.0f}: {negative[np.abs(offsets - offset).argmin()]:.0%} of the variances came out negative")

# %% [markdown]
# With a mean of 1000 both numbers begin with 1 000 00…: six digits in common, hardly one left. From about 2000 on the
# error is as large as the variance itself; a little further on a "variance" is negative, its root NaN, and the loss
# with it. The two-pass formula subtracts first and squares
# afterwards. The library takes one more precaution, which costs one subtraction: it first takes $x_1$ off the row
# (which changes no difference), so that the mean itself is computed from small numbers.
#
# ## 8 · Dropout
#
# The other small layer of a block. In training each number is switched off with probability `rate`, so that none can
# be relied upon, and the others are multiplied by $1/(1-\text{rate})$. In use nothing is done.
#
# **Predict:** with `rate=0.5`, which values can an output have whose input is 3? What is their mean?

# %%
x6 = np.arange(1.0, 7.0)
for seed in range(3):
    y6, (keep, rate) = dropout_forward(x6, 0.5, backend.generator(seed))
    print("seed", seed, "  keep", keep.astype(int), "  y", y6)
print("same seed, same mask:", np.array_equal(dropout_forward(x6, 0.5, backend.generator(2))[0], y6))
print("dx for dy = 1:", dropout_backward(np.ones(6), (keep, rate)), "  the same mask, the same factor")
print("in use (rng=None):", dropout_forward(x6, 0.5)[0])

# %%
rng = backend.generator(5, 6)
draws = np.array([dropout_forward(x6, 0.5, rng)[0] for _ in range(2000)])  # (draws, 6)
running = draws.cumsum(axis=0) / np.arange(1, 2001)[:, None]
figure, axes = plt.subplots(figsize=(7, 3.2))
for i, color in zip((0, 2, 5), ("tab:blue", "tab:orange", "tab:gray")):
    axes.semilogx(range(1, 2001), running[:, i], color=color, label=f"x = {x6[i]:.0f}")
    axes.axhline(x6[i], color=color, linestyle=":", linewidth=1)
axes.set(xlabel="number of masks", ylabel="mean of y so far", title="the factor 1/(1 - rate) keeps the mean of y at x")
axes.grid(alpha=0.3)
axes.legend(loc="upper right")
plt.show()

# %% [markdown]
# Because the mean is right in training, nothing has to be corrected in use, and there is no switch between the two to
# forget: in minigpt a layer drops only when it is handed a random generator. The backward must use the **same** mask
# as the forward, hence the mask is what is saved.
#
# ### Exercise: dropout
#
# The random numbers are drawn already: `u`, evenly from 0 to 1, one for each element of `x`. An element is dropped
# where `u < rate`. Without `u` (None), in use, $y = x$.

# %%
def my_dropout_forward(x, u, rate):
    """x (...), u (...) in [0, 1) or None -> y (...), and saved, a tuple of what backward will need."""


def my_dropout_backward(dy, saved):
    """dy (...) -> dx (...)."""

# %%
from minigpt.learn import check

check("dropout", my_dropout_forward, my_dropout_backward)

# %% [markdown]
# ## What you have learned
#
# - Layer norm makes a row's mean 0 and its mean square 1; every input acts on every output in three ways: directly,
#   through the mean, through $r$.
# - What the forward does not see (a shift, a stretch), the backward takes out: $dx$ is orthogonal to $\mathbf 1$ and
#   to $\hat x$.
# - Formulas that algebra calls equal are not equal in float32: subtract first, then square.
#
# **Next:** [06 · Attention: how positions look at each other](06_attention.ipynb): so far every position was treated
# alone.
