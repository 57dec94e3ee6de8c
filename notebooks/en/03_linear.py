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
# # 03 · Backpropagation by hand
#
# **The question:** to learn, a model needs the slope of its loss along every one of its weights. How can all of them be
# computed at the cost of about two more forward passes, and how do we know that they are right?
#
# Running time: about 7 s on two CPU cores; needs chapters [00](00_backend.ipynb) and
# [02](02_cross_entropy.ipynb); sources studied: [linear.py](../../minigpt/layers/linear.py),
# [activations.py](../../minigpt/layers/activations.py), [gradient_check.py](../../minigpt/gradient_check.py); the
# documents [linear](../../docs/en/layers/linear.md), [activations](../../docs/en/layers/activations.md) and
# [gradient_check](../../docs/en/gradient_check.md).
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/en/03_linear.ipynb)

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
from minigpt.cases import CASES, check_case
from minigpt.gradient_check import check_gradients, compare, numeric_gradient
from minigpt.layers.activations import (
    ACTIVATIONS,
    gelu_backward,
    gelu_forward,
    gelu_tanh_backward,
    relu_backward,
    relu_forward,
    tanh_backward,
    tanh_forward,
)
from minigpt.layers.cross_entropy import cross_entropy_backward, cross_entropy_forward
from minigpt.layers.linear import Linear, linear_backward, linear_forward
from minigpt.layers.softmax import softmax_backward, softmax_forward

quick = bool(os.environ.get("MINIGPT_QUICK"))  # fewer steps of training, the rest unchanged
backend.use("numpy", "float64")
np.set_printoptions(precision=4, suppress=True)
plt.style.use("tableau-colorblind10")
plt.rcParams.update({"figure.figsize": (7, 3.2), "figure.constrained_layout.use": True})
blue, orange = "#006ba4", "#c85200"

# %% [markdown]
# ## 1 · A linear layer: y = x W + b
#
# Every output is a weighted sum of all inputs, plus a bias. x has a row for each position; W is (I, O), inputs by
# outputs.
#
# **Predict** y[1, 0] on paper: row 1 of x against column 0 of W, plus b[0].

# %%
x = np.array([[1.0, 2.0, 0.0], [-1.0, 1.0, 3.0]])  # (N, I) = (2, 3)
w = np.array([[1.0, -1.0], [0.0, 2.0], [2.0, 1.0]])  # (I, O) = (3, 2)
b = np.array([0.5, -0.5])  # (O,)
print("y[1, 0] =", " + ".join(f"({x[1, i]:g})({w[i, 0]:g})" for i in range(3)), f"+ {b[0]}",
      "=", sum(x[1, i] * w[i, 0] for i in range(3)) + b[0])
y, saved = linear_forward(x, w, b)
print("y =\n", y)

# %% [markdown]
# ## 2 · The chain rule, first with numbers
#
# A loss L depends on y, and y on w. Move w a little: y moves by ∂y/∂w times as much, and L by ∂L/∂y times that.
#
# $$
# \frac{\partial L}{\partial w} = \frac{\partial L}{\partial y}\,\frac{\partial y}{\partial w}
# $$
#
# If w acts on several y, the effects **add up**. These two sentences are all of backpropagation. The rest is
# bookkeeping: go from the loss backwards, and at each function turn the slope by its result, dy, into the slopes by its
# arguments.
#
# **Predict:** L = (w x - t)² with w = 3, x = 2, t = 5. What is ∂L/∂w?

# %%
weight, value, t = 3.0, 2.0, 5.0
y_number = weight * value  # y = w x
dy_number = 2 * (y_number - t)  # L = (y - t)^2, so dL/dy = 2 (y - t)
dw_number = dy_number * value  # dy/dw = x
print(f"y = {y_number}, L = {(y_number - t) ** 2}, dy = {dy_number}, dw = dy x = {dw_number}")
moved = [((weight + step) * value - t) ** 2 for step in (1e-5, -1e-5)]
print(f"slope by moving w: {(moved[0] - moved[1]) / 2e-5:.6f}")

# %% [markdown]
# ### The chain rule with shapes
#
# Now a whole layer. From y_no = Σ_i x_ni W_io + b_o we read: W_io acts on y_no in **every row** n, with the factor
# x_ni. So
#
# $$
# dW_{io} = \sum_n x_{ni}\, dy_{no} \qquad dx_{ni} = \sum_o dy_{no}\, W_{io} \qquad db_o = \sum_n dy_{no}
# $$
#
# Each gradient has the shape of its array. That alone nearly decides the formula, if all dimensions differ.
#
# **Predict:** dy is (N, O), x is (N, I), W is (I, O). Which product of two of them, transposed where needed, has the
# shape (I, O)? Which has (N, I)?

# %%
shapes = {"dy": (4, 2), "x": (4, 3), "W": (3, 2)}  # N = 4, I = 3, O = 2
shapes |= {name + "^T": shape[::-1] for name, shape in shapes.items()}
for wanted, name in (((3, 2), "dW (I, O)"), ((4, 3), "dx (N, I)")):
    fits = [f"{left} {right}" for left, (rows, inner) in shapes.items() for right, (other, columns) in shapes.items()
            if inner == other and (rows, columns) == wanted and "dy" in left + right]
    print(f"{name}: {fits}")

dy = np.array([[1.0, 0.0], [2.0, -1.0]])  # (N, O)
print(f"by hand dW[2, 0] = x[0,2] dy[0,0] + x[1,2] dy[1,0] = {x[0, 2] * dy[0, 0]:g} + {x[1, 2] * dy[1, 0]:g} = "
      f"{x[0, 2] * dy[0, 0] + x[1, 2] * dy[1, 0]:g}")
dx, dw, db = linear_backward(dy, saved)
print("dW = x^T dy =\n", dw)
print("dx = dy W^T =\n", dx)
print("db =", db)

# %% [markdown]
# b is added to every row, so it hears from every row: a sum. If x has more axes in front, say (B, T, I), they all count
# as rows.
#
# ### Exercise: linear
#
# Forward and the three gradients, whatever axes x has in front.

# %%
def my_linear_forward(x, w, b):
    """x (..., I), w (I, O), b (O,) -> y (..., O), and saved, a tuple of what backward will need."""


def my_linear_backward(dy, saved):
    """dy (..., O) -> dx (..., I), dw (I, O), db (O,)."""

# %%
from minigpt.learn import check

check("linear", my_linear_forward, my_linear_backward)

# %% [markdown]
# ## 3 · Activations: the bend
#
# **Predict:** two linear layers, one after the other, 3 → 100 → 2. How many linear layers does it take to replace them?

# %%
rng = backend.generator(0)
w1, w2 = backend.normal(rng, (3, 100)), backend.normal(rng, (100, 2))
two_layers = linear_forward(linear_forward(x, w1)[0], w2)[0]
print("two layers:\n", two_layers, "\none with W1 W2, of shape", (w1 @ w2).shape, ":\n", linear_forward(x, w1 @ w2)[0])

# %% [markdown]
# One. Between them must stand a function that isn't linear, an **activation function**. It acts on each element alone,
# so its backward is dx = dy f'(x), element by element, and the gradient that passes is what the slope lets pass.
#
# In use are relu, max(0, x); tanh; sigmoid, 1 / (1 + e⁻ˣ); silu, x sigmoid(x); and gelu, x Φ(x), where Φ(x) is the
# share of a standard normal distribution that lies below x, and its slope φ(x) the density.
#
# **Predict:** where is the slope 0 or nearly so (nothing is learned there)? Which of them has a slope above 1, and
# which one is negative somewhere?

# %%
points = np.linspace(-5, 5, 501)
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.4))
for name, style in (("relu", "-"), ("tanh", "--"), ("sigmoid", ":"), ("silu", "-."), ("gelu", (0, (6, 2)))):
    forward, backward = ACTIVATIONS[name]
    value, kept = forward(points)
    slope = backward(np.ones_like(points), kept)  # dy = 1 gives f' itself
    left.plot(points, value, linestyle=style, label=name)
    right.plot(points, slope, linestyle=style, label=name)
    print(f"{name:8} slope from {slope.min():+.3f} to {slope.max():+.3f}")
left.set(xlabel="x", title="f(x)", ylim=(-1.5, 3))
right.set(xlabel="x", title="its slope: what backward lets pass")
for ax in (left, right):
    ax.grid(alpha=0.3)
left.legend(fontsize=8)
plt.show()

one = np.array([1.0])
phi = (1 + math.erf(1 / math.sqrt(2))) / 2
print(f"gelu(1) by hand: 1 times Phi(1) = {phi:.6f}; library {gelu_forward(one)[0][0]:.6f}")
density = math.exp(-0.5) / math.sqrt(2 * math.pi)
print(f"its slope, Phi(1) + 1 phi(1) = {phi + density:.6f}; library {gelu_backward(one, gelu_forward(one)[1])[0]:.6f}")

# %% [markdown]
# ### Exercise: gelu
#
# GPT-2's activation, in the form with tanh: y = x (1 + tanh u) / 2 with u = √(2/π) (x + 0.044715 x³), very close to
# x Φ(x). Differentiate a product, and the inside of tanh as well; (tanh u)' = 1 - tanh² u.

# %%
def my_gelu_forward(x):
    """x (...) -> y (...), element by element; and saved, a tuple of what backward will need."""


def my_gelu_backward(dy, saved):
    """dy (...) -> dx (...)."""

# %%
from minigpt.learn import check

check("gelu", my_gelu_forward, my_gelu_backward)

# %% [markdown]
# ## 4 · A two-layer network, every number of it
#
# x → linear → relu → linear → softmax and cross-entropy → L. Two rows, two inputs, three hidden units, two classes.
# First forward; each function hands over what its backward will need.
#
# **Predict** the first row of the hidden layer, before and after relu.

# %%
x = np.array([[1.0, 2.0], [-1.0, 1.0]])  # (N, I)
w1, b1 = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 1.0]]), np.array([0.0, -0.5, 1.0])  # (I, F), (F,)
w2, b2 = np.array([[0.5, -0.5], [0.0, 0.5], [-0.5, 0.5]]), np.array([0.5, 0.0])  # (F, O), (O,)
targets = np.array([1, 0])

u, saved_1 = linear_forward(x, w1, b1)  # (N, F)
h, saved_relu = relu_forward(u)  # (N, F)
z, saved_2 = linear_forward(h, w2, b2)  # (N, O)
loss, saved_loss = cross_entropy_forward(z, targets)
for name, array in (("u = x W1 + b1", u), ("h = relu u", h), ("z = h W2 + b2", z),
                    ("p = softmax z", softmax_forward(z)[0])):
    print(f"{name:14}", *array)
print("L", loss, " by hand", -(math.log(softmax_forward(z)[0][0, 1]) + math.log(softmax_forward(z)[0][1, 0])) / 2)

# %% [markdown]
# Now backwards, in reverse order. Each line takes the slope by its result and gives the slopes by its arguments.
#
# **Predict** before each line: (a) dz, from chapter 02: (p - q) / N. (b) Which element of du must be 0, and why? (c)
# What is the use of the last line's dx?

# %%
dz = cross_entropy_backward(1.0, saved_loss)
dh, dw2, db2 = linear_backward(dz, saved_2)
du = relu_backward(dh, saved_relu)
dx, dw1, db1 = linear_backward(du, saved_1)
for name, array in (("dz = (p - q)/N", dz), ("dh = dz W2^T", dh), ("du = dh [u > 0]", du), ("dx = du W1^T", dx),
                    ("dW2 = h^T dz", dw2), ("db2", db2), ("dW1 = x^T du", dw1), ("db1", db1)):
    print(f"{name:16}", *np.atleast_2d(array))

# %% [markdown]
# Check one: dW1[1, 0] is x[0,1] du[0,0] + x[1,1] du[1,0]. In the second row u[1,0] was negative, relu was flat there,
# and so that weight hears nothing from that row. As to dx: here nobody needs it, for below x there is only data. Were
# there another layer below, this would be its dy.

# %%
print("dW1[1, 0] by hand:", x[0, 1] * du[0, 0] + x[1, 1] * du[1, 0], " library:", dw1[1, 0])

figure, axes = plt.subplots(figsize=(7.4, 2.9))
boxes = ["linear", "relu", "linear", "softmax,\ncross-entropy"]
arrays = ["x (2,2)", "u (2,3)", "h (2,3)", "z (2,2)", "L ()"]
for n, box in enumerate(boxes):
    axes.add_patch(plt.Rectangle((2 * n + 0.6, 0.4), 1.05, 1.2, facecolor="#eeeeee", edgecolor="black"))
    axes.text(2 * n + 1.13, 1, box, ha="center", va="center", fontsize=7.5)
for n, name in enumerate(arrays):
    start, end = 2 * n - 0.3, 2 * n + 0.55
    axes.annotate("", (end, 1.3), (start, 1.3), arrowprops=dict(arrowstyle="->", color=blue))
    axes.annotate("", (start, 0.7), (end, 0.7), arrowprops=dict(arrowstyle="->", color=orange))
    axes.text((start + end) / 2, 1.42, name, ha="center", fontsize=8, color=blue)
    slope = "dL = 1" if name == "L ()" else "d" + name
    axes.text((start + end) / 2, 0.42, slope, ha="center", fontsize=8, color=orange)
for n, kept in ((0, "x, W1"), (1, "u"), (2, "h, W2"), (3, "p, targets")):
    axes.text(2 * n + 1.13, 1.75, f"saved: {kept}", ha="center", fontsize=8, style="italic")
for n, given in ((0, "dW1 (2,3)\ndb1 (3,)"), (2, "dW2 (3,2)\ndb2 (2,)")):
    axes.annotate(given, (2 * n + 1.13, 0.4), (2 * n + 1.13, -0.35), ha="center", fontsize=8, color=orange,
                  arrowprops=dict(arrowstyle="<-", color=orange))
axes.set(xlim=(-0.5, 8.8), ylim=(-0.5, 2), title="forward (blue, left to right) and backward (orange, right to left)")
axes.axis("off")
plt.show()

# %% [markdown]
# The cost: each linear layer's backward is two products as large as the forward's one. So a backward pass takes about
# two forward passes, however many weights there are. To move each weight and run forward twice would take two passes
# **for each weight**.
#
# ### Does it learn? The one thing that no linear model can
#
# Four points, two classes: the class is 1 where exactly one of the inputs is 1 (XOR). No straight line parts them.
#
# **Predict:** what is the lowest loss that a model without the bend can reach?

# %%
corners, classes = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([0, 1, 1, 0])


def train_xor(bend, steps, seed=1):
    """Gradient descent on the four points; returns the layers and the loss of each step."""
    rng = backend.generator(seed)
    layers, losses = [Linear(2, 8, rng), Linear(8, 2, rng)], []
    for _ in range(steps):
        u, saved_1 = layers[0].forward(corners)
        h, saved_bend = tanh_forward(u) if bend else (u, None)
        z, saved_2 = layers[1].forward(h)
        loss, saved_loss = cross_entropy_forward(z, classes)
        for layer in layers:
            layer.zero_grad()
        dh = layers[1].backward(cross_entropy_backward(1.0, saved_loss), saved_2)
        layers[0].backward(tanh_backward(dh, saved_bend) if bend else dh, saved_1)
        for layer in layers:
            for p in layer.parameters().values():
                p.data -= 0.5 * p.grad
        losses.append(float(loss))
    return layers, losses


steps = 200 if quick else 1000
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.3))
for bend, name, style in ((True, "with tanh", "-"), (False, "without", "--")):
    layers, losses = train_xor(bend, steps)
    left.semilogy(losses, style, label=name)
    print(f"{name:9} loss after {steps} steps: {losses[-1]:.5f}")
    if bend:
        across = np.linspace(-0.5, 1.5, 101)
        plane = np.stack(np.meshgrid(across, across), axis=-1)  # (101, 101, 2)
        p_one = softmax_forward(layers[1](tanh_forward(layers[0](plane))[0]))[0][..., 1]
left.axhline(math.log(2), color="gray", linestyle=":", label="ln 2")
left.set(xlabel="step", ylabel="loss (nats)", title="XOR: only the bend learns it")
left.legend(fontsize=8)
picture = right.imshow(p_one, origin="lower", extent=(-0.5, 1.5, -0.5, 1.5), cmap="PuOr", vmin=0, vmax=1)
for point, label in zip(corners, classes):
    right.text(*point, label, ha="center", va="center", bbox=dict(boxstyle="circle", facecolor="white"))
right.set(title="p(class 1) over the plane", xlabel="first input", ylabel="second input")
figure.colorbar(picture, shrink=0.8)
plt.show()

# %% [markdown]
# ## 5 · Is this gradient right? Ask the definition
#
# $$
# \frac{\partial L}{\partial a} \approx \frac{L(a + \varepsilon) - L(a - \varepsilon)}{2\varepsilon}
# $$
#
# It is slow, and needs no derivation: a judge for what was derived. L must be one number; for a function with an array
# as its result, take L = Σ dy · y, whose upstream gradient is just dy.
#
# ### Exercise: numeric_gradient
#
# Move one element at a time, and put it back **exactly**. The result has the shape and the type of the array.

# %%
def my_numeric_gradient(array, loss, epsilon):
    """array (...), loss(array) -> a number; the gradient of loss (...), by central differences."""

# %%
from minigpt.learn import check

check("numeric_gradient", my_numeric_gradient)

# %% [markdown]
# ### How small should ε be?
#
# Two errors pull in opposite directions. The curve bends between a - ε and a + ε: an error of order ε² (of order ε, if
# only one side is moved). And L itself is rounded, to about 1e-16 of its size in float64; the division by 2ε magnifies
# that: an error of order 1e-16 / ε.
#
# **Predict:** where is the valley in float64, and how deep? Where in float32, with its 1e-7? (The sum ε² + u/ε is
# smallest near ε = u^⅓.)

# %%
values = np.array([0.3, -1.2, 0.8, 2.0])
true_slope = gelu_backward(np.ones(4), gelu_forward(values)[1])
epsilons = np.logspace(-12, 0, 61)
figure, axes = plt.subplots(figsize=(7, 3.6))
for precision, one_sided, style, colour in (("float64", False, "-", blue), ("float64", True, "--", blue),
                                            ("float32", False, "-", orange), ("float32", True, "--", orange)):
    errors = []
    with backend.using("numpy", precision):
        a = backend.asarray(values)
        for epsilon in epsilons:
            step = a.dtype.type(epsilon)
            below = gelu_forward(a)[0] if one_sided else gelu_forward(a - step)[0]
            slope = (gelu_forward(a + step)[0] - below) / (step if one_sided else 2 * step)
            errors.append(np.abs(slope - true_slope).max() / np.abs(true_slope).max())
    name = f"{precision}, {'one side' if one_sided else 'both sides'}"
    axes.loglog(epsilons, errors, style, color=colour, label=name)
    best = int(np.argmin(errors))
    print(f"{name:19}: best epsilon {epsilons[best]:.0e}, error {errors[best]:.0e}")
axes.axvline(1e-5, color="gray", linestyle=":")
axes.text(1.3e-5, 2, "the library's 1e-5", fontsize=8, color="gray")
axes.set(xlabel="epsilon", ylabel="relative error of the slope", ylim=(1e-13, 10),
         title="too small is as bad as too large: the V of gradient checking")
axes.grid(alpha=0.3)
axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# So the library checks in float64, with both sides and ε = 1e-5: a right gradient then agrees to nine or ten digits. In
# float32 the same ε leaves two or three, and the best ε, some hundred times as large, about five; and a loss that is a
# sum over many elements is rounded more coarsely still. Real mistakes can hide there.
#
# ## 6 · How a gradient check can lie
#
# A check that passes proves something only if a wrong gradient would have failed. So we plant wrong gradients, and look
# at which checks notice.
#
# ### The first lie: tiny weights and an absolute tolerance
#
# The mistake is the one of chapter 00: a gradient computed transposed, then reshaped to the right shape. The network:
# three linear layers with tanh between them. The check: "all elements within 1e-4". People like small weights (0.02 is
# usual for GPT) and such a check looks strict.
#
# **Predict:** all weights and inputs get the scale s. By about which power of s does the gradient of the first layer's
# weights shrink? And the error, relative to the gradient?

# %%
rng = backend.generator(5)
unit = [backend.normal(rng, shape) for shape in ((7, 5), (5, 6), (6, 3), (3, 2))]  # x, W1, W2, W3
dy = backend.normal(rng, (7, 2))


def first_layer_gradients(scale):
    """The gradient of W1: by finite differences, by a right backward, and by one with the planted mistake."""
    x, w1, w2, w3 = (scale * array for array in unit)

    def forward():
        u1, saved_1 = linear_forward(x, w1)
        h1, saved_h1 = tanh_forward(u1)
        u2, saved_2 = linear_forward(h1, w2)
        h2, saved_h2 = tanh_forward(u2)
        y, saved_3 = linear_forward(h2, w3)
        return y, (saved_1, saved_h1, saved_2, saved_h2, saved_3)

    saved_1, saved_h1, saved_2, saved_h2, saved_3 = forward()[1]
    dh2, _, _ = linear_backward(dy, saved_3)
    dh1, _, _ = linear_backward(tanh_backward(dh2, saved_h2), saved_2)
    _, right, _ = linear_backward(tanh_backward(dh1, saved_h1), saved_1)
    wrong = np.ascontiguousarray(right.T).reshape(right.shape)  # the shape fits, the numbers are in the wrong places
    return numeric_gradient(lambda: (forward()[0] * dy).sum(), w1), right, wrong


scales = np.logspace(-2.5, 0, 16)
absolute, relative = [], []
for scale in scales:
    numeric, right, wrong = first_layer_gradients(scale)
    absolute.append(np.abs(wrong - numeric).max())
    relative.append(compare("W1", wrong, numeric).relative_error)
figure, axes = plt.subplots(figsize=(7, 3.5))
axes.loglog(scales, absolute, "o-", color=blue, markersize=4, label="absolute error of the wrong gradient")
axes.loglog(scales, relative, "s--", color=orange, markersize=4, label="relative error of the wrong gradient")
axes.axhspan(1e-8, 1e-4, alpha=0.12, color=blue)
axes.axhline(1e-4, color=blue, linewidth=0.8)
axes.text(0.9, 2e-6, "passes 'within 1e-4'", ha="right", fontsize=9, color=blue)
axes.axvline(0.02, color="gray", linestyle=":")
axes.text(0.021, 3e-8, "0.02, GPT's scale", fontsize=8, color="gray")
axes.set(xlabel="scale of weights and inputs", ylabel="error of dW1", ylim=(1e-8, 100),
         title="small weights make a wrong gradient small, not right")
axes.legend(fontsize=8)
plt.show()
numeric, right, wrong = first_layer_gradients(0.02)
print("scale 0.02: wrong gradient within 1e-4:", np.allclose(wrong, numeric, rtol=0, atol=1e-4))
print("            right:", compare("W1", right, numeric))
print("            wrong:", compare("W1", wrong, numeric))

# %% [markdown]
# The gradient is a product of x, W2 and W3, so it shrinks as s³, and the absolute error with it: at GPT's scale it
# slips under the tolerance. The relative error is about the same at every scale: the numbers are simply wrong. So:
# **weights of unit scale, and errors relative to the array's own largest gradient.**
#
# ### The second lie: ones as the upstream gradient
#
# "Take L = Σ y": then dy is all ones, and the code is short. **Predict:** each row of a softmax adds up to 1, whatever
# x is. What is the true gradient of Σ y? Which mistakes can such a check see?

# %%
planted = {  # a wrong backward of softmax or of tanh, and of a linear layer's weights
    "softmax, right": (softmax_forward, softmax_backward),
    "softmax, sign flipped": (softmax_forward, lambda dy, saved: -softmax_backward(dy, saved)),
    "softmax, twice too large": (softmax_forward, lambda dy, saved: 2 * softmax_backward(dy, saved)),
    "softmax, dy forgotten in a term": (
        softmax_forward, lambda dy, saved: saved[0] * (1 - (dy * saved[0]).sum(axis=-1, keepdims=True))),
    "tanh, dy forgotten": (tanh_forward, lambda dy, saved: 1 - saved[0] ** 2),
    "linear, dW with dy forgotten": (
        lambda w: linear_forward(unit[0], w), lambda dy, saved: saved[0].T @ np.ones_like(dy)),
}
rng = backend.generator(6)
results = {}
for name, (forward, backward) in planted.items():
    argument = backend.normal(rng, (5, 3))
    y, kept = forward(argument)
    for kind, upstream in (("ones", np.ones_like(y)), ("random", backend.normal(rng, y.shape))):
        numeric = numeric_gradient(lambda f=forward, a=argument, up=upstream: (f(a)[0] * up).sum(), argument)
        results[name, kind] = np.abs(backward(upstream, kept) - numeric).max()

figure, axes = plt.subplots(figsize=(7, 3.2))
places = np.arange(len(planted))
for shift, kind, colour in ((-0.2, "ones", orange), (0.2, "random", blue)):
    axes.barh(places + shift, [max(results[name, kind], 1e-13) for name in planted], 0.4, color=colour, left=1e-13,
              label=f"dy: {kind}")
axes.axvline(1e-8, color="gray", linestyle=":")
axes.text(1.3e-8, -0.55, "noticed from here on", fontsize=8, color="gray", va="bottom")
axes.set(yticks=places, yticklabels=planted, xscale="log", xlim=(1e-13, 100), ylim=(len(planted) - 0.4, -1),
         xlabel="largest absolute error that the check sees", title="with dy = 1 five wrong gradients look right")
axes.legend(fontsize=8, loc="upper right")
plt.show()

# %% [markdown]
# With ones, every softmax gradient is 0, so even a wrong sign passes, and whoever forgets dy can't be caught, as
# multiplying by 1 changes nothing. So: **a random upstream gradient.**
#
# ### The third lie: the error measured in the wrong way
#
# The mistake this time is subtle: forward is the exact GELU, backward the slope of its tanh form. We look at each
# element: how large its gradient is, and how far off it is. Three ways to judge: absolute, "within 1e-3"; relative,
# *element by element*; relative to the largest gradient *of the array*, as the library does.
#
# **Predict:** GELU is flat at x = -0.75 and far to the left. What is the elementwise relative error of a *right*
# gradient there?

# %%
places = np.concatenate([np.linspace(-7, 3, 200), [-0.7517915]])
_, kept = gelu_forward(places)
right = gelu_backward(np.ones_like(places), kept)
wrong = gelu_tanh_backward(np.ones_like(places), ACTIVATIONS["gelu_tanh"][0](places)[1])
numeric = numeric_gradient(lambda: gelu_forward(places)[0].sum(), places)

figure, axes = plt.subplots(figsize=(7, 3.9))
for gradient, name, marker, colour in ((right, "right gradient", ".", blue), (wrong, "wrong gradient", "x", orange)):
    axes.loglog(np.abs(numeric) + 1e-14, np.abs(gradient - numeric) + 1e-14, marker, color=colour, markersize=4,
                label=name)
sizes = np.array([1e-14, 2])
axes.axhline(1e-3, color="black", linestyle=":", label="absolute: within 1e-3")
axes.plot(sizes, 1e-6 * sizes, "k--", linewidth=1, label="relative, each element: 1e-6")
axes.axhline(1e-6 * np.abs(numeric).max(), color="black", label="relative to the array: 1e-6")
axes.set(xlabel="size of the element's gradient", ylabel="its error", xlim=(1e-11, 2), ylim=(1e-13, 100),
         title="a point above a line fails that test")
axes.legend(fontsize=7, loc="upper left")
axes.grid(alpha=0.3)
plt.show()
for gradient, name in ((right, "right"), (wrong, "wrong")):
    error = np.abs(gradient - numeric)
    print(f"{name}: absolute, within 1e-3: {'passes' if (error < 1e-3).all() else 'fails'}; each element relative: "
          f"{'passes' if (error <= 1e-6 * np.abs(numeric)).all() else 'fails'}; relative to the array: "
          f"{'passes' if compare('x', gradient, numeric).relative_error < 1e-6 else 'fails'}")

# %% [markdown]
# The absolute test lets the wrong gradient pass. The elementwise one fails the *right* gradient: the error of finite
# differences is about 1e-10 whatever the gradient's size, and where the gradient is 1e-8 that is a hundredth of it.
# Whoever meets that will loosen the tolerance until it stops, and then it notices nothing. Relative to the array, the
# right one passes and the wrong one fails. (An array in which one gradient is a million times the others would hide
# those others: one more reason for unit scale.)
#
# ### Two more, in one cell
#
# **Predict:** (a) relu at x = 10⁻⁷ with ε = 10⁻⁵: the right slope is 1; what do finite differences say? (b) Someone
# takes x · sigmoid(1.5 x) for GELU, and derives *its* gradient correctly. Does the check notice?

# %%
kink = np.array([1e-7])
print("relu at 1e-7: backward", relu_backward(np.ones(1), relu_forward(kink)[1]),
      " finite differences", numeric_gradient(lambda: relu_forward(kink)[0].sum(), kink))


def other_gelu_forward(x):
    s = 0.5 * (1 + np.tanh(0.75 * x))  # sigmoid(1.5 x)
    return x * s, (x, s)


def other_gelu_backward(dy, saved):
    x, s = saved
    return dy * (s + 1.5 * x * s * (1 - s))


x = backend.normal(backend.generator(8), (3, 5))
dy = backend.normal(backend.generator(9), (3, 5))
print(*check_gradients(lambda: other_gelu_forward(x), lambda dy, saved: {"x": other_gelu_backward(dy, saved)},
                       {"x": x}, dy))
print("largest difference from GELU itself:", np.abs(other_gelu_forward(x)[0] - gelu_forward(x)[0]).max())

# %% [markdown]
# (a) Across the kink, the two sides disagree: a false alarm, and no fault of backward. (b) It can't notice: gradient
# checking asks whether backward is the derivative of *this* forward, not whether forward is what you meant. For that
# one needs a second opinion: a value worked out by hand, or another library. minigpt compares every layer with PyTorch
# as well ([CONTRIBUTING](../../CONTRIBUTING.md)).
#
# ## 7 · Every gradient in the library
#
# [cases.py](../../minigpt/cases.py) has a line for each forward and backward, with odd, unequal dimensions and
# unit-scale values; `python -m minigpt gradcheck` checks all of them. Here are those of the chapters so far.

# %%
subjects = {"linear", "Linear", "softmax", "cross_entropy", *ACTIVATIONS}
for case in CASES:
    if case.subject in subjects:
        print(f"{case.name:32}", ", ".join(f"{e.array} {e.relative_error:.0e}" for e in check_case(case)))

# %% [markdown]
# ## What you have learned
#
# * Backward goes from the loss to the inputs; each function turns the slope by its result into slopes by its arguments,
#   and effects that come together add up. Shapes nearly decide the formulas.
# * All gradients together cost about two forward passes.
# * Finite differences are the judge; they need float64, ε near 1e-5, unit-scale values, a random upstream gradient,
#   unequal dimensions and relative errors, and they can't tell whether forward is what was meant.
#
# **Next:** [04 · Embeddings: from ids to vectors](04_embedding.ipynb): how a token gets a vector, and why that is a
# linear layer in disguise.
