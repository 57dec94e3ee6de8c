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
# # 15 · Recurrent networks, and what time does to a gradient
#
# **The question.** An n-gram and a network over a window see a fixed number of tokens. How can a network read a text of
# any length, one token after the other, and remember? And why is it so hard to *learn* what to remember?
#
# Running time: about 10 s on two CPU cores; needs chapters [03](03_linear.ipynb), [08](08_gpt.ipynb) and
# [09](09_optim.ipynb); sources studied: [rnn.py](../../minigpt/layers/rnn.py),
# [rnn_lm.py](../../minigpt/models/rnn_lm.py), the documents [rnn](../../docs/en/layers/rnn.md) and
# [rnn_lm](../../docs/en/models/rnn_lm.md).
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/en/15_rnn.ipynb)

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
from minigpt.data import continued_batch, training_batch
from minigpt.evaluate import mean_loss
from minigpt.gradient_check import check_gradients
from minigpt.layers.rnn import rnn_backward, rnn_cell_forward, rnn_forward
from minigpt.learn import check
from minigpt.models.rnn_lm import RNNLM, CarriedState, RNNConfig, carried_loss
from minigpt.optim import SGD, Adam, clip_gradient, gradient_norm
from minigpt.pieces import read_pieces
from minigpt.text.tokenizer import train_tokenizer
from minigpt.train import training_step
from minigpt.train_config import TrainConfig, make_optimizer

quick = bool(os.environ.get("MINIGPT_QUICK"))
backend.use("numpy", "float64")
np.set_printoptions(precision=4, suppress=True)
plt.rcParams.update({"figure.dpi": 100, "figure.constrained_layout.use": True})

# %% [markdown]
# ## 1 · A state that goes from step to step
#
# The network of Elman (1990) has a state $h$, a vector. At each step it mixes the new input into it:
#
# $$
# h_t = \tanh(x_t W + h_{t-1} U + b)
# $$
#
# The same $W$, $U$, $b$ at every step. Two channels, one input channel, and $U$ that turns: what was in channel 0
# goes to channel 1, and what was in channel 1 goes to channel 0. The input is 1 at the first step and then 0 for
# ever.
#
# **Predict:** at which steps is channel 0 not zero? Does the 1 ever disappear?

# %%
x = np.array([1.0, 0, 0, 0, 0]).reshape(5, 1, 1)  # (T, B, I): steps come first
w = np.array([[1.0, 0.0]])  # (I, C)
u = np.array([[0.0, 1.0], [1.0, 0.0]])  # (C, C)
b = np.zeros(2)
h = np.zeros((1, 2))
for t in range(5):
    a = x[t] @ w + h @ u + b
    h = np.tanh(a)
    print(f"step {t}: a {a[0]}   h {h[0]}")

y, saved = rnn_forward(x, np.zeros((1, 2)), w, u, b)
print("library:\n", y[:, 0])
print("one step of it:", rnn_cell_forward(x[0], np.zeros((1, 2)), w, u, b)[0])

# %% [markdown]
# The 1 goes to and fro between the channels, at every step a little smaller: $\tanh$ presses everything together. So
# the state *has* a memory, of things whose traces fade.
#
# Note what the library does that our loop doesn't. $x_t W$ needs no state, so one product makes it for all steps. What
# has to wait, $h_{t-1} U$, is a small product again and again, and for these $U$ is cut into strips once
# (`step_product` in [rnn.py](../../minigpt/layers/rnn.py)). And where the inputs are tokens of a small vocabulary, as
# in sections 4 to 6, each *word* is multiplied with $W$ once, and the products are looked up: see
# [embedded_linear](../../docs/en/layers/embedded_linear.md).
#
# ## 2 · Backpropagation through time
#
# Unrolled, this is a network with $T$ layers, all with the same weights. The state of a step is used twice: as
# output, and by the next step. With $a_t$ for what $\tanh$ is taken of:
#
# $$
# \begin{aligned}
# dh_t &= dy_t + da_{t+1} U^{\mathsf T} \\
# da_t &= dh_t\,(1 - h_t^2)
# \end{aligned}
# $$
#
# and $dU = \sum_t h_{t-1}^{\mathsf T} da_t$, a sum over the steps, since $U$ is used in each; $dW$ and $db$ likewise.
#
# We ask for more of channel 0 at the last step. **Predict:** which inputs have a gradient: the even ones, the odd ones,
# all?

# %%
dy = np.zeros((5, 1, 2))
dy[4, 0, 0] = 1
da, from_next = np.zeros((5, 1, 2)), np.zeros((1, 2))
for t in reversed(range(5)):
    dh = dy[t] + from_next
    da[t] = dh * (1 - y[t] ** 2)
    from_next = da[t] @ u.T
    print(f"step {t}: dh {dh[0]}   da {da[t, 0]}   dx {(da[t] @ w.T)[0]}")
before = np.concatenate([np.zeros((1, 1, 2)), y[:-1]])  # the state before each step
print("dU by hand:\n", sum(before[t].T @ da[t] for t in range(5)))
dx, dh, dw, du, db = rnn_backward(dy, saved)
print("library, dU:\n", du, "\ndx:", dx.ravel())

# %% [markdown]
# The gradient goes to and fro between the channels as well, backwards. Numbers of unit scale and finite differences
# have the last word:

# %%
rng = backend.generator(15, 1)
arrays = {"x": rng.standard_normal((6, 2, 3)), "h": rng.standard_normal((2, 4)), "w": rng.standard_normal((3, 4)),
          "u": rng.standard_normal((4, 4)), "b": rng.standard_normal(4)}
for error in check_gradients(lambda: rnn_forward(**arrays),
                             lambda dy, saved: dict(zip(arrays, rnn_backward(dy, saved))),
                             arrays, rng.standard_normal((6, 2, 4))):
    print(error)

# %% [markdown]
# ### Exercise: rnn_step
#
# One step, and its five gradients.

# %%
def my_rnn_step_forward(x, h, w, u, b):
    """x (B, I), h (B, C), w (I, C), u (C, C), b (C,) -> the next h (B, C), and saved, what backward will need."""


def my_rnn_step_backward(dh_next, saved):
    """dh_next (B, C) -> dx (B, I), dh (B, C), dw (I, C), du (C, C), db (C,)."""

# %%
check("rnn_step", my_rnn_step_forward, my_rnn_step_backward)

# %% [markdown]
# ### Exercise: bptt
#
# All steps, forward and backward. Two gradients arrive at each state; three of the results are sums over the steps.

# %%
def my_rnn_forward(x, h, w, u, b):
    """x (T, B, I), h (B, C), w (I, C), u (C, C), b (C,) -> y (T, B, C), the state after each step, and saved."""


def my_rnn_backward(dy, saved):
    """dy (T, B, C) -> dx (T, B, I), dh (B, C), dw (I, C), du (C, C), db (C,)."""

# %%
check("bptt", my_rnn_forward, my_rnn_backward)

# %% [markdown]
# ## 3 · Vanishing and exploding, measured
#
# From the state at step $t$ to the one $k$ steps before, the gradient is multiplied $k$ times, each time by
# $U^{\mathsf T}$ and by $1 - h^2 \le 1$. A number multiplied again and again goes to 0 or to infinity. To see $U$
# alone at work, we take $U = s\,Q$ with $Q$ orthogonal, a mere rotation in 64 dimensions, and a scale $s$. A gradient
# of length 1 comes in at the last of 60 steps; how long is it at each step before?
#
# **Predict:** with tiny inputs (so that $1 - h^2 \approx 1$) and $s = 0.9$: how long is it after 50 steps? And with
# $s = 1.1$? Then: what changes when the inputs are large?

# %%
def gradient_lengths(scale, size, T=60, C=64):
    """The length of the gradient at each step, counted backwards from the last; inputs of that size."""
    rng = backend.generator(15, 2)
    u = scale * np.linalg.qr(rng.standard_normal((C, C)))[0]
    x, dy = size * rng.standard_normal((T, 1, C)), np.zeros((T, 1, C))
    dy[-1, 0] = rng.standard_normal(C)
    dy /= np.linalg.norm(dy)
    w = np.eye(C)  # so that dx is da itself
    dx = rnn_backward(dy, rnn_forward(x, np.zeros((1, C)), w, u, np.zeros(C))[1])[0]
    return np.linalg.norm(dx[::-1, 0], axis=1)


figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
for place, size, title in zip(axes, (1e-8, 0.5), ("tiny inputs: tanh is a straight line", "inputs of size 0.5")):
    for scale, color in zip((0.7, 0.9, 1.0, 1.1, 1.3), ("tab:purple", "tab:blue", "black", "tab:orange", "tab:red")):
        lengths = gradient_lengths(scale, size)
        place.semilogy(lengths, color=color, label=f"s = {scale}")
        print(f"{title:40} s = {scale}: after 50 steps {lengths[50]:.2e}")
    place.set(title=title, xlabel="steps back from the last", ylim=(1e-12, 1e8))
    place.grid(alpha=0.3)
axes[0].set_ylabel("length of the gradient")
axes[0].legend(fontsize=8)
plt.show()

# %% [markdown]
# On the left $s^{50}$: $0.9^{50} = 0.005$, $1.1^{50} = 117$. On the right the second factor joins in: where the state
# is large, $1 - h^2$ is small, and even a $U$ that enlarges ($s = 1.3$) loses the gradient. To vanish is the ordinary
# case; to explode takes a large $U$ and small states, but then it happens in one step of training, unannounced.
#
# A vanished gradient is not 0 in total: $dU$ is a *sum* over the steps, and the near ones give enough. So the network
# learns, but only what is near. That is why nobody notices.
#
# ## 4 · How far back can it learn?
#
# The plainest question that needs a memory: show one of 4 letters, then $k$ steps of noise letters, then ask: which
# was the first? A network that guesses is right in 25 of 100 cases.
#
# **Predict:** up to which distance will an Elman network with 32 channels learn it, in some hundred steps of Adam?

# %%
backend.use("numpy", "float32")
B = 64


def recall_batch(step, k):
    """ids and targets (B, k + 2): a letter 0-3, k of noise 4-7, the question 8; only the answer is counted."""
    rng = backend.generator(15, backend.BATCHES, step)
    first = rng.integers(0, 4, (B, 1))
    ids = np.concatenate([first, rng.integers(4, 8, (B, k)), np.full((B, 1), 8)], axis=1)
    targets = np.full((B, k + 2), -100)
    targets[:, -1] = first[:, 0]
    return ids, targets


def learn_to_recall(cell, k, steps, seed=1):
    """Share of right answers on unseen sequences after so many steps."""
    model = RNNLM(RNNConfig(vocab_size=9, context_length=k + 2, d_model=32, num_layers=1, cell=cell), seed)
    optimizer = Adam(model)
    for step in range(steps):
        loss, saved = model.forward(*recall_batch(step, k))
        model.zero_grad()
        model.backward(saved)
        clip_gradient(model, 1.0)
        optimizer.step(0.003)
    ids, targets = recall_batch(10**6, k)
    return (model(ids)[:, -1].argmax(axis=1) == targets[:, -1]).mean()


distances = (1, 2, 3, 4, 6, 8, 16)
steps = 100 if quick else 400
right = {k: learn_to_recall("rnn", k, steps) for k in distances}
figure, axes = plt.subplots(figsize=(7, 2.8))
axes.plot(distances, [100 * right[k] for k in distances], color="tab:blue", marker="o", label="Elman network")
axes.axhline(25, color="gray", linestyle=":", label="guessing")
axes.set(xlabel="steps between the letter and the question", ylabel="right answers (%)", ylim=(0, 105),
         title=f"what was the first letter? after {steps} steps of training")
axes.grid(alpha=0.3)
axes.legend(fontsize=8)
plt.show()
for k in distances:
    print(f"{k:3} steps back: {right[k]:.0%} right")

# %% [markdown]
# Near things are learned perfectly, things a few steps further not at all: same network, same number of weights, only
# the way back is longer. That the network *can* remember longer is no help when no gradient tells it so. (More
# training and smaller weights move the limit; chapter 16 moves it by the architecture.)
#
# ## 5 · Clipping at work
#
# Against exploding there is a plain remedy: when the gradient is longer than a limit, keep its direction and shorten it
# (Pascanu et al., 2013). We train a language model on characters of Python's own documentation, with plain gradient
# descent, a large learning rate and a $U$ that enlarges; once as it is, once clipped to length 1.
#
# **Predict:** the length of the gradient as training goes on, and what one step along a gradient of length 100 does.

# %%
text = "".join(read_pieces(find_sources(["pydoc"])))[:200_000 if not quick else 60_000]
tokenizer = train_tokenizer("char", [text])
ids = np.array(tokenizer.encode(text))
tokens, held_out = ids[:-10_000], ids[-10_000:]
V, T, C = tokenizer.vocab_size, 32, 64
print(f"{len(tokens):,} characters to train on, {V} different ones; ln {V} = {math.log(V):.2f}")


def train_plain(clip, steps, rate=2.0):
    """Losses and gradient lengths of training by plain gradient descent."""
    model = RNNLM(RNNConfig(vocab_size=V, context_length=T, d_model=C, num_layers=1, cell="rnn"), seed=2)
    model.layers[0].w.data[...] *= 0.1  # small states, a large U: section 3 says what that leads to
    model.layers[0].u.data[...] *= 1.6
    optimizer, losses, norms = SGD(model), [], []
    for step in range(steps):
        loss, saved = model.forward(*training_batch(tokens, 16, T, 0, step))
        model.zero_grad()
        model.backward(saved)
        norms.append(clip_gradient(model, clip) if clip else gradient_norm(model))
        losses.append(float(loss))
        optimizer.step(rate)
    return losses, norms


steps = 60 if quick else 300
runs = {"not clipped": train_plain(None, steps), "clipped to 1": train_plain(1.0, steps)}
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4))
for (name, (losses, norms)), color in zip(runs.items(), ("tab:red", "tab:blue")):
    axes[0].semilogy(losses, color=color, label=name, linewidth=1)
    axes[1].semilogy(norms, color=color, label=name, linewidth=1)
    print(f"{name}: longest gradient {max(norms):.3g}, mean loss of the last 30 steps {np.mean(losses[-30:]):.3f}")
axes[0].axhline(math.log(V), color="gray", linestyle=":", label="ln V")
axes[0].set(title="loss", xlabel="step", ylabel="nats per character")
axes[1].axhline(1, color="gray", linestyle=":", label="the limit")
axes[1].set(title="length of the gradient, before clipping", xlabel="step")
for place in axes:
    place.grid(alpha=0.3)
    place.legend(fontsize=8)
plt.show()

# %% [markdown]
# Unclipped, one long gradient throws the weights to where the loss is above that of guessing, and the next is long
# again. Clipped, each step has a length that we chose. Clipping doesn't make gradients right; it keeps wrong ones
# from doing harm. Against *vanishing* it does nothing: a gradient that isn't there can't be lengthened.
#
# ## 6 · Truncation, and a state that is carried
#
# A book has a million characters, and backward needs every state that forward made. So the text is cut into windows of
# $T$ steps. Two ways to begin a window: with zeros, or with the last state of the window before, taken as mere numbers.
# In both the gradient ends at the seam ("truncated"); in the second the *memory* doesn't.
#
# For the second, windows must continue each other: the text is cut into $B$ strips, and row $b$ reads strip $b$.
#
# **Predict** the two batches printed here.

# %%
for step in (0, 1):
    window, targets, first = continued_batch(np.arange(26), 2, 4, step)
    print("step", step, "the front of the text" if first else "going on", "\n", window)

# %%
config = TrainConfig(steps=100 if quick else 1000, batch_size=16, optimizer="adam", learning_rate=0.005, warmup=20)
short = RNNConfig(vocab_size=V, context_length=16, d_model=96, num_layers=1, cell="rnn")
models = {}
for name in ("zeros", "carried"):
    model = RNNLM(short, seed=3)
    optimizer = make_optimizer(model, config)
    worker = CarriedState(model, tokens, config) if name == "carried" else None
    for step in range(config.steps):
        training_step(model, optimizer, tokens, config, step, worker)
    models[name] = model
bits = 1 / math.log(2)
print("bits per character on held-out text        windows from zeros   one state carried through")
for name, model in models.items():
    print(f"trained with windows from {name:8}         {bits * mean_loss(model, held_out, 16):.3f}                "
          f"{bits * carried_loss(model, held_out):.3f}")

# %% [markdown]
# The same weights can be asked in both ways. **Predict:** where within a window of 16 is the loss of "zeros" highest?

# %%
def loss_by_position(model, carry):
    """Mean loss at each place of a window, over the held-out text read by 8 rows."""
    T, state, found = model.config.context_length, None, []
    for step in range((len(held_out) - 1) // 8 // T):
        window, targets, _ = continued_batch(held_out, 8, T, step)
        logits, state = model.read(window, state if carry else None)
        z = logits - logits.max(axis=2, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(axis=2, keepdims=True))
        found.append(-np.take_along_axis(log_p, targets[:, :, None], axis=2)[:, :, 0].mean(axis=0))
    return np.mean(found, axis=0)


figure, axes = plt.subplots(figsize=(7, 3))
axes.plot(bits * loss_by_position(models["zeros"], False), color="tab:red", marker="o", label="each window from zeros")
axes.plot(bits * loss_by_position(models["carried"], True), color="tab:blue", marker="o", label="state carried")
axes.set(xlabel="place in the window", ylabel="bits per character", ylim=(0, None),
         title="what is it worth to remember the windows before?")
axes.grid(alpha=0.3)
axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# From zeros, the first characters of each window are guessed with nothing to go by. With the state carried there is no
# first character. Look at the table again: most of the gain comes from how a model is *asked*; the one that was trained
# from zeros can be asked with a state as well, though nobody taught it what to do with an old one.
#
# The training loop of this library takes zeros, for every model alike: windows can then be drawn at random, shared
# among workers, and repeated to the bit after an interruption. `CarriedState` is the other choice.
#
# ### Exercise: carry_state
#
# Read a text in windows so that the result is that of reading it whole, wherever it is cut.

# %%
def my_read_in_windows(x, h, w, u, b, window):
    """x (T, B, I) in windows of so many steps, h (B, C) before the first -> y (T, B, C), and the last state (B, C)."""

# %%
check("carry_state", my_read_in_windows)

# %% [markdown]
# ## What you have learned
#
# - A recurrent network reads a text of any length with one set of weights and a state of fixed size; its gradient is
#   the chain rule on the network unrolled, with sums over the steps.
# - Through $k$ steps a gradient is multiplied $k$ times: mostly it vanishes, and only what is near is learned;
#   sometimes it explodes, and clipping keeps the damage small.
# - The state can be carried from window to window while the gradient ends at the seam.
#
# **Next:** a state that is added to instead of multiplied, and gates that say what goes in and out:
# [16 · LSTM and GRU](16_lstm.ipynb).
