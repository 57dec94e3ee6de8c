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
# # 09 · Optimizers
#
# **The question:** backward says, for every weight, in which direction the loss rises. How far should each weight go
# the other way, and why is that not simply the same number times the gradient?
#
# Running time: about 40 s on two CPU cores; needs chapters [03](03_linear.ipynb) and [08](08_gpt.ipynb); sources
# studied: [optim.py](../../minigpt/optim.py); the document [optim](../../docs/en/optim.md).
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/en/09_optim.ipynb)

# %%
import sys

if "google.colab" in sys.modules:  # Colab has NumPy, CuPy and matplotlib already: nothing of them is installed again
    # %pip install -q --no-deps git+https://github.com/OWNER/minigpt
    # %pip install -q regex safetensors tqdm threadpoolctl
    print("minigpt is installed")

# %%
import math
import os
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from minigpt import backend, optim
from minigpt.corpora import find_sources
from minigpt.data import training_batch
from minigpt.evaluate import mean_loss
from minigpt.learn import check
from minigpt.memory import keep_freed_memory
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.module import Module, Parameter
from minigpt.optim import SGD, Adam, AdamW, Schedule
from minigpt.pieces import read_pieces
from minigpt.text.tokenizer import train_tokenizer

quick = bool(os.environ.get("MINIGPT_QUICK"))  # fewer steps of training, the rest unchanged
backend.use("numpy", "float64")
plt.rcParams["figure.constrained_layout.use"] = True
np.set_printoptions(precision=4, suppress=True, linewidth=110)

# %% [markdown]
# ## One weight
#
# The loss is ½ a θ², a bowl of curvature a. Its gradient is a θ, so a step of gradient descent is
# θ - η a θ = (1 - η a) θ: each step multiplies θ by the same number. Take a = 1, start at θ = 1. **For which learning
# rates η does θ come to rest at 0? What happens at η = 1, at 1.9, at 2.1?**

# %%
class Point(Module):
    """A place on a surface: a model with nothing but one vector of parameters."""

    def __init__(self, start):
        self.w = Parameter(start)
        self.pack()


def walk(make_optimizer, gradient, start, learning_rate, steps):
    """All places (steps + 1, n) that an optimizer comes by."""
    point = Point(start)
    optimizer = make_optimizer(point)
    places = [point.w.data.copy()]
    for _ in range(steps):
        point.zero_grad()
        point.w.grad += gradient(point.w.data)
        optimizer.step(learning_rate)
        places.append(point.w.data.copy())
    return np.array(places)


print("by hand, eta = 0.5:", [(1 - 0.5 * 1) ** t for t in range(5)])
print("the library:       ", walk(SGD, lambda w: 1.0 * w, [1.0], 0.5, 4)[:, 0])

figure, axes = plt.subplots(figsize=(7, 3.2))
for rate, color in zip((0.1, 1.0, 1.9, 2.1), ("#0072B2", "#009E73", "#E69F00", "#CC79A7")):
    axes.plot(walk(SGD, lambda w: w, [1.0], rate, 12)[:, 0], "o-", markersize=3, color=color, label=f"eta = {rate}")
axes.set(xlabel="step", ylabel="theta", title="Each step multiplies theta by (1 - eta a), here a = 1")
axes.legend(ncols=4, fontsize=8)
plt.show()

# %% [markdown]
# It converges while |1 - η a| < 1, that is for η < 2 / a: **the steepest curvature decides the largest learning
# rate.**
#
# ## Two weights: a valley
#
# Now ½ (x² + 25 y²): flat along x, steep across. The curvature 25 allows η < 0.08. With such a η the distance along x
# shrinks by less than 8 % a step: one direction limits, the other waits. **Predict the path of plain gradient descent
# near the limit. Then that of a heavy ball, which keeps 0.8 of its last step. Then Adam's, which gives both
# directions steps of the same length.**

# %%
curvature = np.array([1.0, 25.0])
turn = np.array([[1.0, -1.0], [1.0, 1.0]]) / math.sqrt(2)  # by 45 degrees


def straight(w):
    return curvature * w  # the gradient of sum(curvature w²) / 2


def turned(w):
    return turn @ (curvature * (turn.T @ w))  # the same valley, lying diagonally


walkers = {
    "SGD, eta 0.072": (SGD, 0.072),
    "momentum 0.8, eta 0.03": (lambda model: SGD(model, momentum=0.8), 0.03),
    "Adam, eta 0.25": (lambda model: Adam(model, beta1=0.8, beta2=0.95), 0.25),
}


def draw_paths(gradient, start, title):
    figure, panels = plt.subplots(1, 3, figsize=(7.2, 3.2), sharey=True)
    x, y = np.meshgrid(np.linspace(-5, 2, 81), np.linspace(-5, 2, 81))
    places = np.stack([x, y])
    back = places if gradient is straight else np.einsum("ij,jab->iab", turn.T, places)
    height = (curvature[:, None, None] * back**2).sum(axis=0) / 2
    for axes, (name, (make, rate)) in zip(panels, walkers.items()):
        path = walk(make, gradient, start, rate, 40)
        axes.contour(x, y, height, levels=[0.5, 2, 5, 10, 20, 40, 80, 160], colors="lightgray", linewidths=0.8)
        axes.plot(*path.T, "o-", color="tab:blue", markersize=2.5, linewidth=1)
        axes.plot(0, 0, "*", color="tab:red", markersize=10)
        axes.set_title(f"{name}\ndistance left {np.linalg.norm(path[-1]):.3f}", fontsize=8)
        axes.set(xlim=(-5, 1.5), ylim=(-5, 2), aspect="equal", xlabel="x")
    panels[0].set_ylabel("y")
    figure.suptitle(title, fontsize=10)
    plt.show()


draw_paths(straight, [-4.5, 1.5], "40 steps in a valley")

# %% [markdown]
# Gradient descent jumps from wall to wall. The ball's velocity adds up what all steps agree on (along the valley) and
# cancels what they don't (across). Adam divides each coordinate by its own recent size, so at first both coordinates
# walk equally fast, and the valley's shape doesn't matter.
#
# **Now turn the valley by 45 degrees. Whose path will be the same path, turned, and whose won't?**

# %%
draw_paths(turned, list(turn @ np.array([-4.5, 1.5])), "the same valley, turned by 45 degrees")
for name, (make, rate) in walkers.items():
    there = walk(make, turned, list(turn @ np.array([-4.5, 1.5])), rate, 40) @ turn  # turned back
    difference = np.abs(there - walk(make, straight, [-4.5, 1.5], rate, 40)).max()
    print(f"{name:24} differs from its turned path by at most {difference:.3f}")

# %% [markdown]
# SGD and momentum only ever add gradients up, and those turn with the surface. Adam divides coordinate by coordinate,
# so it does know the axes: its help is largest where the steep and the flat directions are single weights. In
# networks they often are nearly so: rare tokens, gains, biases have gradients of very different size.
#
# ## Momentum, by hand
#
# u = μ u + g, θ -= η u. With a gradient that is always 1 and μ = 0.9: u = 1, then 1.9, then 2.71. **Where does it
# end?**

# %%
u = 0.0
for step in range(1, 4):
    u = 0.9 * u + 1.0
    print(f"step {step}: u = {u:.3f}")
print("and after 200 steps:", sum(0.9**n for n in range(200)), "= 1 / (1 - 0.9)")
path = walk(lambda model: SGD(model, momentum=0.9), lambda w: np.ones(1), [0.0], 1.0, 3)
print("the library's steps: ", -np.diff(path[:, 0]))

# %% [markdown]
# So momentum of 0.9 makes steady steps ten times as long: whoever adds momentum should take a smaller η.
#
# ### Exercise: momentum
#
# A heavy ball rolls on: the velocity u keeps the share μ of itself and takes up the gradient, u = μ u + g; then the
# parameters move by θ -= η u. Return the new θ and the new u, and leave the arrays you were given as they are. Here η
# (learning_rate) stands outside the velocity, as in the library.

# %%
def momentum_step(theta, g, u, learning_rate, mu):
    """theta (...), its gradient g (...), the velocity u (...) so far -> theta (...), u (...) after the step."""

# %%
check("momentum", momentum_step)

# %% [markdown]
# ## Adam and its bias correction, three steps by hand
#
# Adam keeps two running averages, of the gradient (m) and of its square (v), with β1 = 0.9 and β2 = 0.999. Both start
# at 0, which no average of anything has a right to do: after one step m = 0.1 g, ten times too small, and v = 0.001
# g², a thousand times too small. **So the uncorrected step m / √v is by which factor too long?**
#
# Dividing by 1 - β^t undoes it, because the weights of t steps add up to exactly that:
# (1 - β)(1 + β + … + β^(t-1)) = 1 - β^t. Three gradients, 2, 1 and -1, and η = 0.1:

# %%
beta1, beta2, eta = 0.9, 0.999, 0.1
m = v = 0.0
theta = 0.0
gradients = [2.0, 1.0, -1.0]
print(" t   g       m        v     m corrected  v corrected   step   uncorrected")
for t, g in enumerate(gradients, start=1):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    step = eta * m_hat / (math.sqrt(v_hat) + 1e-8)
    theta -= step
    uncorrected = eta * m / math.sqrt(v)
    print(f"{t:2} {g:4.0f} {m:8.4f} {v:8.5f}   {m_hat:8.4f}   {v_hat:10.4f}   {step:8.4f}   {uncorrected:8.4f}")
given = iter(gradients)
print("theta by hand", theta, " the library's", walk(Adam, lambda w: np.array([next(given)]), [0.0], eta, 3)[-1, 0])

# %% [markdown]
# The first step is η, exactly, **whatever the gradient's size**: multiply all three gradients by 1000, and nothing
# changes. Without the correction it would be √1000 / 10 = 3.16 times as long, and it gets worse before it gets
# better:

# %%
t = np.arange(1, 3001)
with_correction = np.ones(len(t))
without = (1 - 0.9**t) / np.sqrt(1 - 0.999**t)
figure, axes = plt.subplots(figsize=(7, 3.2))
axes.plot(t, without, color="tab:orange", label="without correction")
axes.plot(t, with_correction, color="tab:blue", label="with")
axes.set_xscale("log")
axes.set(xlabel="step", ylabel="step length / eta", ylim=(0, None),
         title="The length of Adam's steps when the gradient never changes")
axes.legend()
plt.show()
print("largest:", without.max().round(2), "times eta, at step", t[without.argmax()])

# %% [markdown]
# ### Exercise: adamw
#
# m = β1 m + (1 - β1) g and v = β2 v + (1 - β2) g² average the gradient and its square. Both start at 0, and m̂ = m /
# (1 - β1^t), v̂ = v / (1 - β2^t) undo that. Matrices decay first, θ -= η λ θ with λ = weight_decay; then every
# parameter moves by θ -= η m̂ / (√v̂ + eps). Return the new θ, m and v; m and v as they are without the correction,
# since the next step goes on from them.

# %%
def adamw_step(theta, g, m, v, t, learning_rate, beta1, beta2, eps, weight_decay):
    """Step number t = 1, 2, ...: theta (...), its gradient g (...), averages m (...), v (...) -> theta, m, v.

    weight_decay applies to matrices, theta.ndim >= 2; vectors don't decay.
    """

# %%
check("adamw", adamw_step)

# %% [markdown]
# ## On the GPT
#
# A tiny GPT on Python's language reference, the same weights and the same batches for everyone. An optimizer with a
# bad learning rate proves nothing, so each one is tried with several. **Predict: which one is best at its best rate?
# And how far apart are their best rates?**

# %%
backend.use("numpy", "float32")
text = "".join(read_pieces(find_sources(["pydoc"])))
tokenizer = train_tokenizer("bpe", [text[:100_000]], 320)
tokens = np.array(tokenizer.encode(text[:150_000]))
train_tokens, validation_tokens = np.split(tokens, [len(tokens) * 9 // 10])
shape = GPTConfig(tokenizer.vocab_size, context_length=32, d_model=32, num_heads=2, num_layers=2)
print(f"{len(tokens):,} tokens; {GPT(shape).flat.data.size:,} parameters")


def run(make_optimizer, schedule, steps, clip=math.inf, shape=shape, spoil=()):
    """Train from the same start on the same batches: losses, gradient norms before clipping, and the model."""
    model = GPT(shape, seed=0)
    optimizer = make_optimizer(model)
    losses, norms = [], []
    with backend.quiet():  # some of these runs are meant to fail
        for step in range(steps):
            ids, targets = training_batch(train_tokens, 16, shape.context_length, seed=0, step=step)
            if step in spoil:  # a batch of garbage, as any large collection of text has some
                targets = np.zeros_like(targets)
            loss, saved = model.forward(ids, targets)
            model.zero_grad()
            model.backward(saved)
            norms.append(optim.clip_gradient(model, clip))
            optimizer.step(schedule(step))
            losses.append(float(loss))
    return np.array(losses), np.array(norms), model


def constant(rate):
    return Schedule("constant", rate, steps=1)


def smooth(losses, width=10):
    return np.convolve(losses, np.ones(width) / width, mode="valid")

# %%
keep_freed_memory()  # a step makes the same arrays again and again; see docs/en/performance.md
steps = 40 if quick else 120
makers = {
    "SGD": (SGD, [0.03, 0.1, 0.3, 1.0]),
    "momentum 0.9": (lambda model: SGD(model, momentum=0.9), [0.01, 0.03, 0.1, 0.3]),
    "Adam": (lambda model: Adam(model, beta2=0.99), [3e-4, 1e-3, 3e-3, 1e-2]),
    "AdamW 0.1": (lambda model: AdamW(model, beta2=0.99, weight_decay=0.1), [3e-4, 1e-3, 3e-3, 1e-2]),
}
results = {name: [run(make, constant(rate), steps)[0] for rate in rates] for name, (make, rates) in makers.items()}

figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.4))
styles = zip(results, ("#E69F00", "#009E73", "#0072B2", "#CC79A7"), ("-", "-", "-", "--"))
for name, color, style in styles:
    rates, last = makers[name][1], np.array([losses[-10:].mean() for losses in results[name]])
    best = int(np.nanargmin(last))
    left.plot(smooth(results[name][best]), color=color, linestyle=style, label=f"{name}, eta {rates[best]:g}")
    right.plot(rates, np.minimum(last, 7), "o" + style, color=color, markersize=4)
left.set(xlabel="step", ylabel="training loss, mean of 10", title="Each at its best rate")
left.legend(fontsize=7)
right.set_xscale("log")
right.set(xlabel="learning rate", ylabel="loss at the end", title="... and how much the rate matters")
plt.show()

# %% [markdown]
# The best rates lie a factor of 100 apart: without its optimizer a learning rate says nothing. Adam's steps have
# length η by construction, so its good rates are around 10⁻³ for networks of many kinds; SGD's depend on the
# gradient's scale and have to be found anew. And a factor of 3 in the rate can matter more than the choice between
# Adam and momentum. In so few steps AdamW's decay makes no difference yet.
#
# ## Warm-up: with and without
#
# In the first steps Adam's averages come from a few batches, the weights are random, and yet every weight moves by η.
# **A post-norm model (as GPT-1) of four blocks, at two learning rates: what will warm-up change, the beginning or the
# end?**

# %%
steps = 60 if quick else 150
deep = replace(shape, num_layers=4, norm="post")
figure, axes = plt.subplots(figsize=(7, 3.4))
for warmup, color in ((0, "tab:orange"), (steps // 3, "tab:blue")):
    for rate, style in ((1e-2, "-"), (5e-3, "--")):
        losses, _, _ = run(Adam, Schedule("constant", rate, steps, warmup), steps, shape=deep)
        axes.plot(smooth(losses), color=color, linestyle=style, label=f"eta {rate:g}, warm-up {warmup} steps")
frequency = np.bincount(train_tokens) / len(train_tokens)
axes.axhline(-sum(f * math.log(f) for f in frequency if f), color="black", linestyle=":",
             label="knowing only how frequent each token is")
axes.set(xlabel="step", ylabel="training loss, mean of 10", title="Four post-norm blocks, with and without warm-up")
axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# At 0.005 the model trains well without warm-up, and warm-up only costs it time. At 0.01 the first steps throw the
# weights to a place from which this run doesn't come back: the loss stays at about what knowing the frequencies of
# single tokens gives. With warm-up the same rate trains well, a spike or two included. So warm-up doesn't make a good
# rate better, it makes more rates good.
#
# Post-norm models need it most: Xiong et al. (2020) show that at the start the gradients of their last layers are
# large, and that pre-norm models can do with little or none.
#
# ## Clipping: with and without
#
# Where a gradient is longer than a limit, it is shortened to that limit, its direction kept. **By hand: the gradient
# (3, 4), limit 1.**

# %%
point = Point([0.0, 0.0])
point.w.grad[...] = [3.0, 4.0]
print("length before:", optim.clip_gradient(point, 1.0), " after:", optim.gradient_norm(point))
print("gradient:", point.w.grad)

# %% [markdown]
# ### Exercise: clip_gradient
#
# A single bad batch can make a step so large that training never recovers. Take all arrays together as one long
# vector; its norm is √(Σ g²) over every element of every array. Where that is more than max_norm, shorten the vector
# to max_norm without turning it; else leave it alone. Return the list of new arrays and the norm before clipping, a
# number worth logging.

# %%
def clip_gradient(grads, max_norm):
    """grads: a list of arrays, together the gradient of a model -> the list of clipped arrays, the norm before."""

# %%
check("clip_gradient", clip_gradient)

# %% [markdown]
# What is it good for? Now and then a batch is unlike all others: a table of zeros, a page in a foreign encoding. Here
# three batches are spoiled on purpose (all targets token 0), and the optimizer is SGD with momentum, whose step is as
# long as the gradient. **Predict the loss after each of them, with and without a limit of 1. Would Adam
# need the limit as much?**

# %%
steps = 80 if quick else 200
spoil = tuple(range(steps // 2, steps // 2 + 3))
figure, (upper, lower) = plt.subplots(2, 1, figsize=(7, 4.4), sharex=True)
for limit, color in ((math.inf, "tab:orange"), (1.0, "tab:blue")):
    losses, norms, _ = run(lambda model: SGD(model, momentum=0.9), constant(0.1), steps, limit, spoil=spoil)
    name = "no limit" if math.isinf(limit) else f"limit {limit:g}"
    upper.plot(losses, color=color, label=name)
    lower.semilogy(norms, color=color, label=name)
for axes in (upper, lower):
    axes.axvspan(spoil[0], spoil[-1], color="lightgray")
upper.set(ylabel="training loss", title="Three spoiled batches (gray)")
upper.legend()
lower.axhline(1.0, color="black", linestyle=":")
lower.set(xlabel="step", ylabel="gradient norm, before clipping")
plt.show()

# %% [markdown]
# Without a limit, three batches undo what a hundred have learned, and the run doesn't recover: the velocity has sent
# the weights far away. With it a step is never longer than η / (1 - μ) times the limit, and some ten steps later the
# loss is where it was. Before the spoiled batches the limit hardly acts, and both runs are nearly the same.
#
# Adam's steps have a bounded length anyway. But its v remembers a huge gradient for about 1 / (1 - β2) steps, in
# which all others are divided by it, so that clipping is usual with Adam too.
#
# ## Weight decay: with and without
#
# AdamW first multiplies every matrix by 1 - η λ and then makes Adam's step. It would seem the same to add λ θ to the
# gradient. **Take two weights, both 1, one with gradients ±10, one with gradients ±0.1. Which of them decays faster,
# by each of the two ways?**

# %%
backend.use("numpy", "float64")


class Matrix(Module):
    """Like Point, but a matrix: vectors don't decay."""

    def __init__(self):
        self.w = Parameter(np.ones((1, 2)))
        self.pack()


ways = {"Adam, decay in the gradient": (Adam, 0.3), "AdamW, decay apart": (lambda m: AdamW(m, weight_decay=0.3), 0.0)}
figure, panels = plt.subplots(1, 2, figsize=(7, 3), sharey=True)
for axes, (name, (make, in_gradient)) in zip(panels, ways.items()):
    matrix = Matrix()
    optimizer, rng, seen = make(matrix), np.random.default_rng(0), []
    for _ in range(1500):
        matrix.w.grad[...] = rng.choice([-1, 1], 2) * [10, 0.1] + in_gradient * matrix.w.data
        optimizer.step(0.001)
        seen.append(matrix.w.data[0].copy())
    axes.plot(seen, label=["gradients of 10", "gradients of 0.1"])
    axes.plot((1 - 0.001 * 0.3) ** np.arange(1500), color="black", linestyle=":", label="(1 - eta lambda)^t")
    axes.set(xlabel="step", title=name)
panels[0].set_ylabel("weight")
panels[0].legend(fontsize=8)
plt.show()

# %% [markdown]
# In Adam whatever is added to the gradient is divided by the gradient's size as well: the weight with large gradients
# hardly feels its decay, the other one loses most of what it was. Apart from the gradient, both decay at the same rate,
# and what is left is the noise of their steps.
#
# On the GPT the effect shows in the size of the matrices, and slowly: **which of these runs is best on the training
# text, and which on text it hasn't seen?** The training text is cut to a few pages, so that it can be learned by
# heart.

# %%
backend.use("numpy", "float32")
steps = 60 if quick else 400
every, all_tokens = max(steps // 10, 1), train_tokens
train_tokens = all_tokens[:4000]  # what run() reads
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.4))
for decay, color in ((0.0, "#E69F00"), (1.0, "#0072B2"), (3.0, "#009E73")):
    model, rows = GPT(shape, seed=0), []
    optimizer = AdamW(model, beta2=0.99, weight_decay=decay)
    for step in range(steps + 1):
        if step % every == 0:
            size = math.sqrt(sum(float((p.data**2).sum()) for p in model.parameters().values() if p.data.ndim == 2))
            rows.append((step, size, mean_loss(model, train_tokens, 16), mean_loss(model, validation_tokens, 16)))
        ids, targets = training_batch(train_tokens, 16, shape.context_length, seed=0, step=step)
        loss, saved = model.forward(ids, targets)
        model.zero_grad()
        model.backward(saved)
        optim.clip_gradient(model, 1.0)
        optimizer.step(1e-2)
    at, size, seen, unseen = np.array(rows).T
    left.plot(at, size, "o-", markersize=3, color=color, label=f"lambda = {decay:g}")
    right.plot(at, seen, "--", color=color)
    right.plot(at, unseen, "-", color=color, label=f"lambda = {decay:g}: best {unseen.min():.2f}")
train_tokens = all_tokens
left.set(xlabel="step", ylabel="length of all matrices", title="Decay holds the weights down")
left.legend(fontsize=8)
right.set(xlabel="step", ylabel="loss", title="solid: unseen text, dashed: seen")
right.legend(fontsize=8)
plt.show()

# %% [markdown]
# Without decay the matrices grow and grow. The training text is learned by heart, and on unseen text the same model
# gets worse from its first hundred steps on. Decay holds the matrices at a size where what pulls them in balances
# what pushes them out; the loss on the training text is higher for it, and on unseen text lower. (λ = 3 is a lot: the
# text is tiny and read many times. For a text that is read once or twice, 0.1 is usual.)
#
# ## Schedules: the end matters too
#
# A batch's gradient is the true one and noise. At a constant rate the weights keep jumping about the bottom of the
# valley, as far as the noise pushes them in a step. So the rate should fall in the end. The cosine with a warm-up, by
# hand, 10 steps of which 2 are warm-up, from 1 to 0.1. **At which step is it highest? What is it at the last step?**

# %%
schedule = Schedule("cosine", peak=1.0, steps=10, warmup=2, final=0.1)
for step in range(10):
    if step < 2:
        rate = (step + 1) / 2
    else:
        progress = (step - 2 + 1) / (10 - 2)
        rate = 0.1 + 0.9 * (1 + math.cos(math.pi * progress)) / 2
    print(f"step {step}: by hand {rate:.4f}  the library {schedule(step):.4f}")

# %% [markdown]
# ### Exercise: cosine_schedule
#
# The first `warmup` steps rise in a straight line, peak (step + 1) / warmup, so that the first one is not 0 and the
# last one is the peak. The steps after them fall along half a cosine, final + (peak - final) (1 + cos(π p)) / 2,
# where p is the share of those steps that is done, this one included: the last step of all has p = 1 and the rate
# `final`. Return the rates of all steps.

# %%
def cosine_schedule(steps, peak, warmup, final):
    """The learning rates of the steps 0 .. steps - 1, an array: rates (N,) with N = steps."""

# %%
check("cosine_schedule", cosine_schedule)

# %%
backend.use("numpy", "float64")
steps, rng = 400, np.random.default_rng(0)
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.4))
colors = {"constant": "#E69F00", "inverse_sqrt": "#CC79A7", "linear": "#009E73", "cosine": "#0072B2"}
for kind, color in colors.items():
    schedule = Schedule(kind, 0.3, steps, warmup=steps // 10, final=0.003)
    bowls, distances = Point(np.full(500, 3.0)), []
    optimizer = SGD(bowls)
    for step in range(steps):
        bowls.w.grad[...] = bowls.w.data + rng.standard_normal(500)  # the true gradient, and a batch's noise
        optimizer.step(schedule(step))
        distances.append(math.sqrt(float((bowls.w.data**2).mean())))
    left.plot([schedule(step) for step in range(steps)], color=color, label=kind)
    right.semilogy(distances, color=color, label=f"{kind}: {distances[-1]:.2f} at the end")
left.set(xlabel="step", ylabel="learning rate", title="Four schedules with warm-up")
left.legend(fontsize=8)
right.set(xlabel="step", ylabel="distance from the bottom", title="In a bowl, with noisy gradients")
right.legend(fontsize=8)
plt.show()

backend.use("numpy", "float32")
steps = 60 if quick else 300
for kind in ("constant", "cosine", "inverse_sqrt"):
    schedule = Schedule(kind, 1e-2, steps, warmup=steps // 10, final=5e-4)
    losses, _, model = run(lambda model: AdamW(model, beta2=0.99, weight_decay=0.1), schedule, steps, clip=1.0)
    unseen = mean_loss(model, validation_tokens, 16)
    print(f"the GPT, {kind:12}: training {losses[-20:].mean():.3f}, unseen text {unseen:.3f}")

# %% [markdown]
# In the bowl the constant rate ends where it has been since step 50; the others come nearer, and the more so the
# smaller their rate gets. And on the GPT? After a few hundred steps the numbers lie close together, and constant is
# no worse: this run is far from any bottom, and what it lacks is distance walked, not a calmer end. A schedule
# belongs to a whole run: it pays where a run is long enough for the noise to be what limits it.
#
# ## What you have learned
#
# - The steepest direction limits the learning rate; momentum adds up what the steps agree on; Adam gives every weight
#   steps of about η.
# - Averages that start at 0 must be divided by 1 - β^t; decay acts apart from the gradient, on matrices only.
# - Warm-up guards the beginning, clipping the odd batch, decay of the rate the end.
#
# **Next:** [10 · Generation](10_generate.ipynb): the model is trained. How does a distribution over tokens become a
# text?
