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
# # 16 · LSTM and GRU: gates, and a memory that is added to
#
# **The question.** In an Elman network the state is multiplied at every step, and the gradient dies within a few of
# them. What must a state be like, so that what happened a hundred steps ago can still be learned from?
#
# Running time: about 25 s on two CPU cores; needs chapter [15](15_rnn.ipynb); sources studied:
# [lstm.py](../../minigpt/layers/lstm.py), [gru.py](../../minigpt/layers/gru.py),
# [rnn_lm.py](../../minigpt/models/rnn_lm.py), the documents [lstm](../../docs/en/layers/lstm.md),
# [gru](../../docs/en/layers/gru.md) and [rnn_lm](../../docs/en/models/rnn_lm.md).
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/en/16_lstm.ipynb)

# %%
import sys

if "google.colab" in sys.modules:  # Colab has NumPy, CuPy and matplotlib already: nothing of them is installed again
    # %pip install -q --no-deps git+https://github.com/OWNER/minigpt
    # %pip install -q regex safetensors tqdm threadpoolctl
    print("minigpt is installed")

# %%
import math
import os
import time

import matplotlib.pyplot as plt
import numpy as np

from minigpt import backend
from minigpt.corpora import find_sources
from minigpt.data import training_batch
from minigpt.evaluate import mean_loss
from minigpt.generate import generate_text
from minigpt.layers.gru import gru_cell_backward, gru_cell_forward
from minigpt.layers.lstm import lstm_backward, lstm_cell_backward, lstm_cell_forward, lstm_forward
from minigpt.layers.rnn import rnn_backward, rnn_forward
from minigpt.learn import check
from minigpt.models.rnn_lm import RNNLM, RNNConfig, rnn_size
from minigpt.optim import Adam, clip_gradient
from minigpt.pieces import read_pieces
from minigpt.sampling import Sampling
from minigpt.text.tokenizer import train_tokenizer

quick = bool(os.environ.get("MINIGPT_QUICK"))
backend.use("numpy", "float64")
np.set_printoptions(precision=4, suppress=True)
plt.rcParams.update({"figure.dpi": 100, "figure.constrained_layout.use": True})
COLORS = {"rnn": "tab:red", "lstm": "tab:blue", "gru": "tab:orange", "gru_before": "tab:purple"}

# %% [markdown]
# ## 1 · A cell that is only added to
#
# Hochreiter and Schmidhuber (1997) turned the question round: what must the way from step to step be, so that a
# gradient keeps its length? It must be multiplied by 1. So there is a second state, the cell $c$, and the way from
# $c$ to the next $c$ has no matrix and no $\tanh$. Three gates, numbers between 0 and 1, stand at its doors:
#
# $$
# \begin{aligned}
# i, f, o &= \sigma(\ldots), \quad g = \tanh(\ldots) && \text{each of } x_t W + h_{t-1} U + b \\
# c_t &= f\,c_{t-1} + i\,g \\
# h_t &= o\,\tanh(c_t)
# \end{aligned}
# $$
#
# One channel, so that every number can be followed; $g = \tanh(x)$, and the gates are set by the bias alone: a bias
# of 50 opens, one of -50 shuts. The cell starts at 2, and the input is 0.7.
#
# **Predict** $c$ after one step with (a) everything open, (b) the input gate shut, (c) input and forget gates shut,
# (d) the forget gate half open (bias 0), the rest open.

# %%
x, zero, c = np.array([[0.7]]), np.zeros((1, 1)), np.array([[2.0]])
w, u = np.array([[0.0, 0.0, 0.0, 1.0]]), np.zeros((1, 4))  # columns: i, f, o, g
print("tanh(0.7) =", math.tanh(0.7))
for name, (i, f, o) in dict(a=(50, 50, 50), b=(-50, 50, 50), c=(-50, -50, 50), d=(50, 0, 50)).items():
    gates = 1 / (1 + np.exp(-np.array([i, f, o], dtype=float)))
    by_hand = gates[1] * 2 + gates[0] * math.tanh(0.7)
    bias = np.array([i, f, o, 0.0])
    (h, c_next), saved = lstm_cell_forward(x, zero, c, w, u, bias)
    heard = lstm_cell_backward(zero, np.ones((1, 1)), saved)[2]
    print(f"({name}) i, f, o = {gates.round(2)}: c by hand {by_hand:.4f}, library {c_next.item():.4f}, "
          f"h {h.item():.4f}; of a gradient of 1 the old cell hears {heard.item():.2f}")

# %% [markdown]
# The last number is the point: what the new cell hears, the old one hears times $f$, and times nothing else. With $f
# = 1$ it is passed on whole, at this step and at every step: the *constant error carousel*.
#
# ## 2 · The carousel against the matrix
#
# 100 steps. An Elman network with a rotation as $U$ (nothing better is possible for it) and inputs of size 0.5, beside
# LSTM cells whose forget gate stands at $f$.
#
# **Predict:** how much of the gradient is left after 100 steps with $f = 0.99$? With $f = 0.73$, which is what a bias
# of 1 gives? With $f = 0.5$, a bias of 0?

# %%
rng = backend.generator(16, 1)
T, C = 101, 32
x = 0.5 * rng.standard_normal((T, 1, C))
q = np.linalg.qr(rng.standard_normal((C, C)))[0]
dy, zeros = np.zeros((T, 1, C)), np.zeros((1, C))
dy[-1, 0, 0] = 1
elman = rnn_backward(dy, rnn_forward(x, zeros, np.eye(C), q, np.zeros(C))[1])[0]
figure, axes = plt.subplots(figsize=(7, 3.4))
axes.semilogy(np.linalg.norm(elman[::-1, 0], axis=1), color="tab:red", label="Elman, U a rotation")
for f, color in zip((1.0, 0.99, 0.9, 0.73, 0.5), plt.cm.Blues(np.linspace(1, 0.4, 5))):
    bias = np.concatenate([np.zeros(C), np.full(C, 50.0 if f == 1 else math.log(f / (1 - f))), np.zeros(2 * C)])
    w_g = np.concatenate([np.zeros((C, 3 * C)), np.eye(C)], axis=1)
    _, saved = lstm_forward(x, zeros, zeros, w_g, np.zeros((C, 4 * C)), bias)
    lengths = []
    for steps in range(0, T, 10):  # the gradient of the first cell, after so many steps
        part = lstm_forward(x[:max(steps, 1)], zeros, zeros, w_g, np.zeros((C, 4 * C)), bias)[1]
        dc = lstm_backward(np.zeros((max(steps, 1), 1, C)), dy[-1], part)[2] if steps else dy[-1]
        lengths.append(np.linalg.norm(dc))
    axes.semilogy(range(0, T, 10), lengths, color=color, marker=".", label=f"LSTM cell, f = {f}")
    print(f"f = {f:4}: after 100 steps {lengths[-1]:.3g}; f to the power 100 is {f**100:.3g}")
axes.set(xlabel="steps back", ylabel="length of the gradient", ylim=(1e-12, 3),
         title="what is left of a gradient of length 1")
axes.grid(alpha=0.3)
axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# So an LSTM doesn't abolish the law of powers. It lets the network choose the base: $f$ is a gate, learned, for each
# channel and each step. It may be 1 while something is to be remembered, and 0 when a sentence ends. The library lets
# the forget bias start at 1 (Jozefowicz et al., 2015), to be nearer to remembering before anything is learned.
#
# ### Exercise: lstm_step
#
# One step with all its gradients. The state is one array: h and c.

# %%
def my_lstm_step_forward(x, state, w, u, b):
    """x (B, I), state (2, B, C): h and c, w (I, 4C), u (C, 4C), b (4C,) -> the next state (2, B, C), and saved.

    The 4C columns are those of i, f, o, g.
    """


def my_lstm_step_backward(dstate_next, saved):
    """dstate_next (2, B, C) -> dx (B, I), dstate (2, B, C), dw (I, 4C), du (C, 4C), db (4C,)."""

# %%
check("lstm_step", my_lstm_step_forward, my_lstm_step_backward)

# %% [markdown]
# ## 3 · GRU: one state, two gates, and two networks of that name
#
# Cho et al. (2014) do with one state: $z$ says how much of it stays, and $1 - z$ how much of a proposal $n$ comes in.
# A second gate $r$ says how much of the old state the proposal looks at:
#
# $$
# h' = (1 - z)\,n + z\,h, \qquad n = \tanh(x W_n + b_n + m)
# $$
#
# Their $m$ is $(r\,h)\,U_n$: reset, then multiply. cuDNN and PyTorch take $m = r\,(h\,U_n + b_u)$: multiply, then
# reset, for then one product $h\,U$ serves all three. Two channels, $h = (2, 0)$, $r = (1, 0)$, $z = 0$, and a $U_n$
# that exchanges the channels.
#
# **Predict** $m$ in both variants.

# %%
h, nothing = np.array([[2.0, 0.0]]), np.zeros((1, 1))
u_n = np.array([[0.0, 1.0], [1.0, 0.0]])
r = np.array([[1.0, 0.0]])
print("before: (r h) U_n =", (r * h) @ u_n, "  after: r (h U_n) =", r * (h @ u_n))
u = np.hstack([np.zeros((2, 4)), u_n])  # columns: r, z, n
bias = np.array([50.0, -50, -50, -50, 0, 0])
for name, b_u in (("before, Cho et al.", None), ("after, cuDNN and PyTorch", np.zeros(2))):
    h_next, saved = gru_cell_forward(nothing, h, np.zeros((1, 6)), u, bias, b_u)
    print(f"{name:26} h' = {h_next[0]}, dh of a gradient of ones = {gru_cell_backward(np.ones((1, 2)), saved)[1][0]}")

# %% [markdown]
# Same weights, other function, and the shapes don't tell. Whoever loads weights must know which GRU they were trained
# in. The library has both: `gru` (after) and `gru_before`.
#
# ### Exercise: gru_step
#
# The GRU of Cho et al. Before you begin with backward, count the places at which $h$ is used.

# %%
def my_gru_step_forward(x, h, w, u, b):
    """x (B, I), h (B, C), w (I, 3C), u (C, 3C), b (3C,) -> the next h (B, C), and saved.

    The 3C columns are those of r, z, n. The reset is before the product, as in Cho et al. (2014).
    """


def my_gru_step_backward(dh_next, saved):
    """dh_next (B, C) -> dx (B, I), dh (B, C), dw (I, 3C), du (C, 3C), db (3C,)."""

# %%
check("gru_step", my_gru_step_forward, my_gru_step_backward)

# %% [markdown]
# ## 4 · How far back, once more
#
# Chapter 15's question: one of 4 letters, then $k$ steps of noise, then: which letter was it? The Elman network lost
# it at a distance of 8. Section 2 has a warning for the LSTM as well: with $f = 0.73$ a gradient is down to $10^{-9}$
# after 64 steps. So we try two forget biases, 1 and 4 ($f = 0.98$); and for the GRU, whose $z$ has the same office, 0
# and 4.
#
# **Predict:** which of the five answers at a distance of 64?

# %%
backend.use("numpy", "float32")
B = 32


def recall_batch(step, k):
    """ids and targets (B, k + 2): a letter 0-3, k of noise 4-7, the question 8; only the answer is counted."""
    rng = backend.generator(15, backend.BATCHES, step)
    first = rng.integers(0, 4, (B, 1))
    ids = np.concatenate([first, rng.integers(4, 8, (B, k)), np.full((B, 1), 8)], axis=1)
    targets = np.full((B, k + 2), -100)
    targets[:, -1] = first[:, 0]
    return ids, targets


def learn_to_recall(cell, keep, k, steps, seed=1):
    """Share of right answers on unseen sequences, every 20 steps of training. keep: the bias of f, or of z."""
    model = RNNLM(RNNConfig(vocab_size=9, context_length=k + 2, d_model=32, num_layers=1, cell=cell), seed)
    if keep is not None:
        model.layers[0].b.data[32:64] = keep  # the second gate: f of an LSTM, z of a GRU
    optimizer, right = Adam(model), []
    test_ids, test_targets = recall_batch(10**6, k)
    for step in range(steps):
        loss, saved = model.forward(*recall_batch(step, k))
        model.zero_grad()
        model.backward(saved)
        clip_gradient(model, 1.0)
        optimizer.step(0.003)
        if step % 20 == 19:
            right.append((model(test_ids)[:, -1].argmax(axis=1) == test_targets[:, -1]).mean())
    return right


distances = (8, 64)
steps = 100 if quick else 300
contestants = (("rnn", None, "-"), ("lstm", 1, ":"), ("lstm", 4, "-"), ("gru", 0, ":"), ("gru", 4, "-"))
figure, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True)
for place, k in zip(axes, distances):
    for cell, keep, style in contestants:
        right, name = learn_to_recall(cell, keep, k, steps), cell if keep is None else f"{cell}, bias {keep}"
        place.plot(range(20, steps + 1, 20), 100 * np.array(right), color=COLORS[cell], linestyle=style, label=name)
        print(f"{k:3} steps back, {name:12}: {right[-1]:.0%} right at the end")
    place.axhline(25, color="gray", linestyle=":")
    place.set(title=f"{k} steps back", xlabel="step of training", ylim=(0, 105))
    place.grid(alpha=0.3)
axes[0].set_ylabel("right answers (%)")
figure.legend(*axes[1].get_legend_handles_labels(), fontsize=8, loc="outside right center")
plt.show()

# %% [markdown]
# At 8 steps all gated networks find the letter, and the Elman network doesn't. At 64 it is decided before training
# begins: with gates that start open (bias 4) LSTM and GRU learn it at once; the LSTM with bias 1 learns nothing, for
# its gradient has the length $0.73^{64}$, and the GRU with bias 0 gets part of it, with luck. A gate can learn
# to stay open only if it was open enough to hear why it should. (The dotted line is guessing; with 32 test sequences
# a lucky guess reaches 38 %.)
#
# ## 5 · The same number of weights, the same text
#
# An LSTM has four matrices where an Elman network has one, so at equal width it has nearly four times the weights.
# That would be no fair contest. We give every model about 60,000 parameters, which lets the Elman network be wider,
# and train all for the same number of steps on the same batches of characters.
#
# **Predict** the order at the end. And who takes the longest for a step?

# %%
text = "".join(read_pieces(find_sources(["pydoc"])))[:200_000 if not quick else 60_000]
tokenizer = train_tokenizer("char", [text])
ids = np.array(tokenizer.encode(text))
tokens, held_out = ids[:-10_000], ids[-10_000:]
V, T, BUDGET = tokenizer.vocab_size, 48, 60_000


def config_of(cell):
    """The widest model of this cell within the budget."""
    configs = (RNNConfig(vocab_size=V, context_length=T, d_model=d, num_layers=1, cell=cell) for d in range(8, 400))
    return max((c for c in configs if rnn_size(c).parameters <= BUDGET), key=lambda c: c.d_model)


steps = 80 if quick else 500
models, curves, bits = {}, {}, 1 / math.log(2)
for cell in COLORS:
    config = config_of(cell)
    model = RNNLM(config, seed=4)
    optimizer, curve, begin = Adam(model), [], time.perf_counter()
    for step in range(steps):
        loss, saved = model.forward(*training_batch(tokens, 16, T, 0, step))
        model.zero_grad()
        model.backward(saved)
        clip_gradient(model, 1.0)
        optimizer.step(0.01 * min(1, (step + 1) / 50) * (1 - 0.9 * step / steps))
        curve.append(bits * float(loss))
    seconds = time.perf_counter() - begin
    models[cell], curves[cell] = model, curve
    print(f"{cell:10} {config.d_model:4} channels, {rnn_size(config).parameters:,} parameters: "
          f"{bits * mean_loss(model, held_out, 16):.3f} bits per character, {1000 * seconds / steps:.1f} ms a step")

# %%
figure, axes = plt.subplots(figsize=(7, 3.4))
for cell, curve in curves.items():
    smooth = np.convolve(curve, np.ones(20) / 20, mode="valid")
    axes.plot(range(19, 19 + len(smooth)), smooth, color=COLORS[cell], label=cell)
axes.set(xlabel="step", ylabel="bits per character (training)", ylim=(2, 5),
         title="about 60,000 parameters each, the same batches; means of 20 steps")
axes.grid(alpha=0.3)
axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# Perhaps you predicted otherwise, as most would. At equal parameters the Elman network has 149 channels and the LSTM
# 80. In 500 steps, on a text where the last few characters decide most of the next one, the two GRUs come out a
# little ahead of it on the held-out text, and the LSTM, which has the most to learn before its gates are of any use,
# stays behind. The two GRUs differ by less than another seed would.
#
# So gates are no general improvement. They buy *reach*, and pay with width and time; whether that is a bargain
# depends on how far back the task looks, and on how long you train. Section 4 and this one are the two sides of it.
# (Try ten times the steps, when you have some minutes.)
#
# ## 6 · Looking into the gates
#
# What does a trained LSTM keep, and when does it let go? We read a piece of the held-out text and look at the forget
# gates: a row for each of 24 channels, those whose gate varies most; a column for each character.
#
# **Predict:** at which characters will many gates shut?

# %%
model = models["lstm"]
piece = tokenizer.decode(held_out[2000:2064].tolist())
_, saved = model.forward(held_out[None, 2000:2064], held_out[None, 2001:2065])
gates = saved[0][1][0][1][4][:, 0]  # of layer 0: (T, 4C), the columns i, f, o, g
C = model.config.d_model
forget = gates[:, C:2 * C]  # (T, C)
chosen = np.argsort(-forget.std(axis=0))[:24]
chosen = chosen[np.argsort(forget[:, chosen].mean(axis=0))]
figure, axes = plt.subplots(figsize=(9, 3.8))
image = axes.imshow(forget[:, chosen].T, cmap="Blues", vmin=0, vmax=1, aspect="auto")
axes.set_xticks(range(len(piece)), [character if character.isprintable() and character.isascii() else "~"
                                    for character in piece], family="monospace", fontsize=7)
axes.set(ylabel="channel", title="forget gates while reading (~ is a line break): dark keeps, white forgets")
figure.colorbar(image)
plt.show()
mean = forget.mean(axis=1)
white = np.array([character.isspace() for character in piece])
print(f"mean forget gate at white space {mean[white].mean():.3f}, elsewhere {mean[~white].mean():.3f}")
half_life = math.log(0.5) / np.log(forget.mean(axis=0))
print(f"steps until half is forgotten, by channel: from {half_life.min():.1f} to {half_life.max():.0f}, "
      f"median {np.median(half_life):.1f}")

# %% [markdown]
# The long white part is a run of blanks: nothing there is worth keeping, and the network has learned to drop it; a
# few channels keep on through it, and count it perhaps. Within words other channels open and shut with each letter. A
# channel that forgets half within a step or two is a feature of the current letters, one that takes dozens of steps
# carries something about the line.
#
# And what such a model writes, with the state as its cache:

# %%
pieces = generate_text(model, tokenizer, "The ", 300, Sampling(temperature=0.7), seed=1)
print("The " + "".join(pieces))

# %% [markdown]
# ## What you have learned
#
# - An LSTM's cell is scaled by a gate and added to, so the gradient along it is multiplied by $f$ alone; $f = 1$
#   carries it any distance, and the network learns when $f$ should be what.
# - A GRU has one state and two gates; two different functions go by this name, and they differ in where the reset
#   stands.
# - Gates buy reach with width and time: where something far back must be known they decide everything, where the last
#   few characters do, hardly anything.
#
# **Next:** [17 · The ladder](17_ladder.ipynb).
