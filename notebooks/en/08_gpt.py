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
# # 08 · GPT
#
# **The question:** every part is there: embeddings, attention, feed-forward networks, norms, a loss. What do they
# become when they are put together, how large is the result, what does it know before training, and what does it learn
# first?
#
# Running time: about 30 s on two CPU cores; needs chapters [02](02_cross_entropy.ipynb) and
# [04](04_embedding.ipynb) to [07](07_block.ipynb); sources studied: [gpt.py](../../minigpt/models/gpt.py),
# [gpt_size.py](../../minigpt/models/gpt_size.py); the documents [gpt](../../docs/en/models/gpt.md) and
# [gpt_size](../../docs/en/models/gpt_size.md), for the batches [data](../../docs/en/data.md).
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/en/08_gpt.ipynb)

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

from minigpt import backend
from minigpt.corpora import find_sources
from minigpt.data import training_batch
from minigpt.dispatch import without_twins
from minigpt.evaluate import mean_loss
from minigpt.generate import generate, generate_text
from minigpt.layers.cross_entropy import cross_entropy_forward
from minigpt.layers.masks import causal_mask
from minigpt.layers.softmax import softmax_forward
from minigpt.learn import check
from minigpt.memory import keep_freed_memory
from minigpt.models import gpt_size
from minigpt.models.gpt import GPT, PRESETS, GPTConfig
from minigpt.optim import AdamW
from minigpt.pieces import read_pieces
from minigpt.sampling import Sampling
from minigpt.text.tokenizer import train_tokenizer
from minigpt.train import training_step
from minigpt.train_config import TrainConfig

quick = bool(os.environ.get("MINIGPT_QUICK"))  # fewer steps of training, the rest unchanged
backend.use("numpy", "float64")
plt.rcParams["figure.constrained_layout.use"] = True
np.set_printoptions(precision=3, suppress=True, linewidth=110)

# %% [markdown]
# ## A GPT is five lines
#
# Take one so small that every number can be printed: six tokens, four positions, four channels, two heads, two
# blocks. The text is `2 0 5 3`. **Before you run the cell: which shape does each line give, and how many numbers does
# the last one hold?**

# %%
config = GPTConfig(vocab_size=6, context_length=4, d_model=4, num_heads=2, num_layers=2)
model = GPT(config, seed=1)
ids = np.array([[2, 0, 5, 3]])  # (B=1, T=4)

tokens = model.token_embedding(ids)  # (B, T, C): which token
places = model.position_embedding(list(range(4)))  # (T, C): where it stands
h = tokens + places  # (B, T, C)
print("tokens", tokens.shape, "+ places", places.shape, "= h", h.shape)
for block in model.blocks:
    h = block(h, causal_mask(4))
    print("block ->", h.shape)
h = model.final_norm(h)
z = h @ model.token_embedding.w.data.T  # (B, T, V): how well each row of the table fits
print("logits", z.shape)
print(z[0])
print("largest difference from model(ids):", np.abs(z - model(ids)).max())

# %% [markdown]
# That is the whole model. Four positions, and at each of them a score for each of the six tokens: 24 numbers. The
# shape of h never changes on the way, so a model may have 2 blocks or 96.
#
# One text asks **four questions at once**. The mask lets position t see the tokens up to t, and its target is the
# token at t + 1. The targets are therefore the text itself, one further. (Not the input: a model whose target is its
# own input has nothing to predict, for the answer stands before it.)

# %%
text = [2, 0, 5, 3, 1]
inputs, targets = text[:-1], text[1:]
for t in range(len(inputs)):
    print(f"position {t} sees {inputs[:t + 1]} and is asked for {targets[t]}")

# %% [markdown]
# ### Exercise: next_token_targets
#
# A language model is trained to predict the next token, so the target at each position is the id that follows the
# input there. Cut the first `end` ids into windows of context_length inputs, one after the other, so that every id
# after the first is a target exactly once. What comes after `end` is validation text and must not be seen, not even
# as the last target. The last window may not fill up: there the inputs are 0 and the targets -100, the number that
# the loss leaves out.

# %%
def next_token_targets(ids, context_length, end):
    """ids (N,) of a text, of which the first `end` are for training -> inputs (B, T), targets (B, T).

    T = context_length. The B windows lie one after the other; each target is the id after its input. Where the last
    window reaches beyond the training text, inputs are 0 and targets -100, which the loss doesn't count.
    """

# %%
check("next_token_targets", next_token_targets)

# %% [markdown]
# ## What does it know before training?
#
# **Predict: what is the loss of an untrained model with a vocabulary of 1024 tokens?** Begin with four tokens. All
# logits 0 means p = 1/4 for each, whatever the answer is, and the loss is -ln(1/4) = ln 4.

# %%
zeros = np.zeros((1, 4))
p, _ = softmax_forward(zeros)
print("p =", p[0], "  -ln p =", -np.log(p[0, 2]), "  ln 4 =", math.log(4))
print("the library's loss:", float(cross_entropy_forward(zeros, np.array([2]))[0]))

untrained = GPT(GPTConfig(vocab_size=1024, context_length=64, d_model=96, num_heads=4, num_layers=3), seed=0)
rng = np.random.default_rng(0)
random_ids = rng.integers(0, 1024, (4, 65))
loss, _ = untrained.forward(random_ids[:, :-1], random_ids[:, 1:])
print(f"1024 tokens: loss {float(loss):.4f}, ln 1024 = {math.log(1024):.4f}")

# %% [markdown]
# Near ln V, but a little above it. Why above? The logits aren't exactly 0. Let them be random with mean 0 and
# standard deviation s. The loss is ln Σ exp(z_v) - z_target. The mean of exp(z) is exp(s²/2) for a normal z, so the
# sum is about V exp(s²/2), and its logarithm ln V + s²/2; the target's own logit is 0 on average:
#
# $$ \text{loss} \approx \ln V + \frac{s^2}{2} $$
#
# Every bit of confidence without knowledge costs. How large is s? The last norm makes h a vector with C numbers of
# variance 1, and each logit is its product with a row of weights of standard deviation 0.02: s ≈ 0.02 √C, about 0.2
# here. The next cell makes the head's weights larger and larger, and compares.

# %%
scales = np.array([0.3, 1, 2, 4, 6, 8, 10, 12])
stds, losses = [], []
for scale in scales:
    louder = GPT(replace(untrained.config, tied_embedding=False), seed=0)  # a head of its own, which can be scaled
    louder.head.w.data *= scale
    z = louder(random_ids[:, :-1])
    stds.append(float(z.std()))
    losses.append(float(cross_entropy_forward(z, random_ids[:, 1:])[0]))
stds = np.array(stds)

figure, axes = plt.subplots(figsize=(7, 3.6))
axes.plot(stds, math.log(1024) + stds**2 / 2, color="tab:gray", linestyle="--", label="ln V + s*s/2")
axes.plot(stds, losses, "o", color="tab:blue", label="measured on random tokens")
axes.axhline(math.log(1024), color="black", linestyle=":", label="ln V")
axes.annotate("as the library starts", (stds[1], losses[1]), xytext=(stds[1] + 0.1, losses[1] + 1.2),
              arrowprops={"arrowstyle": "->"})
axes.set(xlabel="s, standard deviation of the logits", ylabel="loss (nats a token)",
         title="An untrained model: the louder, the worse")
axes.legend()
plt.show()

# %% [markdown]
# So a first loss far above ln V is a sign of weights that start too large (or of a mistake in the loss); a first loss
# far **below** ln V is a sign that the answer leaks: a missing mask, or targets that aren't shifted.
#
# There is one thing that an untrained GPT with tied weights does believe. **Which token does it think comes next?**

# %%
p, _ = softmax_forward(untrained(random_ids[:1, :12])[0])  # (12, V)
print("the input          ", random_ids[0, :12])
print("most probable next ", p.argmax(axis=-1))
print("its probability    ", p.max(axis=-1), f"  evenly: {1 / 1024:.3f}")

# %% [markdown]
# The token itself, nearly everywhere. Its embedding enters the residual path at the bottom and, as the blocks add
# little at first, arrives at the top nearly unchanged, where the same table asks which row it resembles. It costs
# almost nothing, and a few steps of training remove it: see what the model below writes at step 0, and at step 10.
#
# ## How large is it?
#
# Count the small model by hand: V = 6, T = 4, C = 4, F = 16, L = 2. **Take a pencil before you run this.**
#
# | part | formula | numbers |
# |---|---|---|
# | token table | V C | 24 |
# | positions | T C | 16 |
# | attention: q, k, v, out | 4 C² + 4 C | 80 a block |
# | feed-forward: in, out | 2 C F + F + C | 148 a block |
# | two norms: g and b | 4 C | 16 a block |
# | last norm | 2 C | 8 |

# %%
by_hand = 6 * 4 + 4 * 4 + 2 * (4 * 4**2 + 4 * 4 + 2 * 4 * 16 + 16 + 4 + 4 * 4) + 2 * 4
print("by hand", by_hand, " in the model's vector", model.flat.data.size, " predicted",
      gpt_size.count_parameters(config))
for name, p in list(model.parameters().items())[:6]:
    print(f"  {name:30} {p.data.shape}")

# %% [markdown]
# ### Exercise: count_parameters
#
# From the bottom up: a table of V token vectors and one of T position vectors, each of C channels; L blocks; a last
# layer norm; and the head that turns C channels into V logits, without a bias. A block has two layer norms (a gain
# and a shift each), the linear layers of q, k, v and of the output in attention, all (C, C) with a bias, and the two
# of the feed-forward network, (C, F) and (F, C) with a bias each. With tied_embedding the head is the token table
# itself and adds nothing.

# %%
def count_parameters(vocab_size, context_length, d_model, num_heads, num_layers, d_ff, tied_embedding):
    """The number of parameters of a GPT with pre-norm blocks and learned positions, an int; tied weights once."""

# %%
check("count_parameters", count_parameters)

# %% [markdown]
# Now the published sizes. **Predict: of the parameters of GPT-2 small (124 million), which share is attention? And of
# GPT-3 (175 billion), which share is the token table?**

# %%
def parts(c):
    """Parameters by what they are for."""
    C, F, L = c.d_model, c.d_ff, c.num_layers
    return {"token table": c.vocab_size * C, "positions": c.context_length * C, "attention": L * (4 * C * C + 4 * C),
            "feed-forward": L * (2 * C * F + F + C), "norms": L * 4 * C + (2 * C if c.norm == "pre" else 0)}


names = ["small", "gpt1", "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "gpt3-125m", "gpt3-175b"]
colors = ["#0072B2", "#56B4E9", "#E69F00", "#009E73", "#CC79A7"]  # told apart by colour-blind readers too
figure, axes = plt.subplots(figsize=(7, 4))
for row, name in enumerate(names):
    counted = parts(PRESETS[name])
    total, left = gpt_size.count_parameters(PRESETS[name]), 0.0
    assert sum(counted.values()) == total
    for (part, number), color in zip(counted.items(), colors):
        axes.barh(row, 100 * number / total, left=left, color=color, label=part if row == 0 else None)
        left += 100 * number / total
    axes.text(101, row, f"{total / 1e6:,.1f} M", va="center", fontsize=9)
axes.set_yticks(range(len(names)), names)
axes.invert_yaxis()
axes.set(xlim=(0, 118), xlabel="share of the parameters (%)", title="Where the parameters are")
axes.set_xticks(range(0, 101, 20))
figure.legend(loc="outside lower center", ncols=5, fontsize=8)
plt.show()

# %% [markdown]
# In GPT-2 small less than a quarter is attention and nearly a third the table; in GPT-3 the table is 0.4 %. A block
# has 12 C² parameters (with F = 4 C), a third of them attention and two thirds feed-forward; the table has V C. So the
# table weighs much in small models and vanishes in large ones.
#
# Memory is more than parameters. Training with Adam keeps four numbers for each: weight, gradient, and two averages.
# And forward saves what backward needs, which grows with the batch. Is that prediction true? The model can be asked.

# %%
with without_twins():  # the faster attention saves other arrays
    _, saved = model.forward(ids, ids)  # any targets will do
print("saved for backward: predicted", gpt_size.gpt_size(config, batch_size=1, itemsize=8).saved, "bytes, held",
      gpt_size.measure_saved(saved, model), "bytes")

figure, axes = plt.subplots(figsize=(7, 3.6))
for row, name in enumerate(names[1:6]):
    size, left = gpt_size.gpt_size(PRESETS[name], batch_size=4), 0.0
    kinds = {"weights": size.weights, "gradients": size.gradients, "Adam's averages": size.optimizer,
             "saved for backward, 4 texts": size.saved}
    for (kind, number), color in zip(kinds.items(), colors):
        axes.barh(row, number / 2**30, left=left, color=color, label=kind if row == 0 else None)
        left += number / 2**30
    axes.text(left + 0.8, row, f"{left:.1f} GiB", va="center", fontsize=9)
axes.set_yticks(range(5), names[1:6])
axes.invert_yaxis()
axes.set(xlabel="GiB (float32, full context)", title="What training holds in memory", xlim=(0, 1.16 * left))
figure.legend(loc="outside lower center", ncols=2, fontsize=8)
plt.show()
print(f"gpt3-175b, the weights alone: {gpt_size.gpt_size(PRESETS['gpt3-175b']).weights / 2**30:,.0f} GiB")

# %% [markdown]
# The 32 bytes too few are the numbers of the 4 positions, which all texts share. What is saved outweighs the
# parameters already for four texts. Most of it is attention's weights, H T² numbers a layer and text, and what the
# feed-forward network saves; both can be recomputed instead of kept, at the price of time.
#
# ## Can it learn anything? One sentence
#
# The first test of any new model: give it a single batch and train until it knows that by heart. If it can't, there
# is a mistake, and no amount of data will mend it. **Predict: how low can the loss get? Some letters are followed by
# different letters in different places; is that a limit?**

# %%
backend.use("numpy", "float32")
sentence = "the cat sat on the mat and the rat sat on the hat."
letters = train_tokenizer("char", [sentence])
sentence_ids = np.array([letters.encode(sentence)])  # (1, T + 1)
T = sentence_ids.shape[1] - 1
parrot = GPT(GPTConfig(letters.vocab_size, T, d_model=32, num_heads=2, num_layers=2), seed=0)
optimizer = AdamW(parrot, weight_decay=0.0)
losses, written = [], {}
steps = 60 if quick else 200
for step in range(steps + 1):
    if step in (0, 10, 30, 60, 100, 200):
        new = [ids[0] for ids in generate(parrot, [letters.encode("t")], T, Sampling(temperature=0))]
        written[step] = "t" + letters.decode(new)
    loss, saved = parrot.forward(sentence_ids[:, :-1], sentence_ids[:, 1:])
    losses.append(float(loss))
    parrot.zero_grad()
    parrot.backward(saved)
    optimizer.step(3e-3)
for step, line in written.items():
    print(f"step {step:3}  loss {losses[step]:6.3f}  {line}")

# %%
figure, axes = plt.subplots(figsize=(7, 3.2))
axes.semilogy(losses, color="tab:blue")
axes.axhline(math.log(letters.vocab_size), color="black", linestyle=":",
             label=f"guessing evenly: ln {letters.vocab_size}")
counts = np.bincount(sentence_ids[0, 1:]) / T
axes.axhline(-sum(f * math.log(f) for f in counts if f), color="tab:orange", linestyle="--",
             label="knowing only how frequent each letter is")
axes.set(xlabel="step", ylabel="loss (nats a letter)", title="One sentence, learned by heart")
axes.legend()
plt.show()

# %% [markdown]
# There is no such limit: after "the" and a blank come c, m, r and h, but what stands before, or the position alone,
# tells which. The loss goes towards 0. (At step 30 the most probable letter is the right one everywhere, and the loss
# is still far from 0: to be right and to be sure are two things.) First the model learns which letters are frequent
# (the dashed line), then what follows what, then the sentence.
#
# A model that knows one sentence by heart knows nothing about language. For that it needs more text than it can
# memorise.
#
# ## Real text
#
# The text is Python's own language reference, which is on every disk. A BPE vocabulary of 512 tokens is learned on it
# (chapter 01); the last tenth is kept for validation. (The text differs a little between versions of Python, and so
# will your numbers.) **Predict the order: what will the model learn first, second, third?** Two numbers help to see
# it: the loss of knowing only how frequent each token is, and of knowing only which token follows which, both counted
# on the training text and measured on the validation text.

# %%
text = "".join(read_pieces(find_sources(["pydoc"])))
tokenizer = train_tokenizer("bpe", read_pieces(find_sources(["pydoc"])), 512)
tokens = np.array(tokenizer.encode(text))
train_tokens, validation_tokens = np.split(tokens, [len(tokens) * 9 // 10])
print(f"{len(text):,} characters, {len(tokens):,} tokens, vocabulary {tokenizer.vocab_size}")

single = np.bincount(train_tokens, minlength=512) / len(train_tokens)
pairs = np.zeros((512, 512))
np.add.at(pairs, (train_tokens[:-1], train_tokens[1:]), 1)
conditional = (pairs + 5 * single) / (pairs.sum(axis=1, keepdims=True) + 5)  # a pair never seen isn't impossible
follows = conditional[validation_tokens[:-1], validation_tokens[1:]]
levels = {"guessing evenly": math.log(512),
          "single tokens counted": -float(np.log(np.maximum(single, 1e-6)[validation_tokens]).mean()),
          "pairs counted": -float(np.log(np.maximum(follows, 1e-6)).mean())}
for name, level in levels.items():
    print(f"{name:22} {level:.3f} nats a token")

# %%
shape = GPTConfig(vocab_size=512, context_length=64, d_model=64, num_heads=4, num_layers=3)
keep_freed_memory()  # a step makes the same arrays again and again; see docs/en/performance.md
steps = 60 if quick else 800
recipe = TrainConfig(steps=steps, batch_size=12, learning_rate=4e-3, warmup=steps // 15, weight_decay=0.1)
gpt = GPT(shape, seed=0)
optimizer = AdamW(gpt, recipe.beta1, recipe.beta2, weight_decay=recipe.weight_decay)
print(f"{gpt.flat.data.size:,} parameters, {steps} steps of {recipe.batch_size} x {shape.context_length} tokens")

look_at = sorted({0, steps // 45, steps // 15, steps // 5, steps})
prompt, curve, seen = "The example", [], []
for step in range(steps + 1):
    if step in look_at or step % max(steps // 10, 1) == 0:
        seen.append((step, mean_loss(gpt, validation_tokens, 16, 64)))
    if step in look_at:
        sample = "".join(generate_text(gpt, tokenizer, prompt, 40, Sampling(0.8), seed=1))
        print(f"--- step {step}, validation loss {seen[-1][1]:.2f}\n{prompt}{ascii(sample)[1:-1]}")
    if step < steps:
        curve.append(training_step(gpt, optimizer, train_tokens, recipe, step)["loss"])

# %%
figure, axes = plt.subplots(figsize=(7, 4))
axes.plot(np.arange(1, steps + 1), curve, color="tab:blue", alpha=0.35, linewidth=0.8, label="training, each batch")
axes.plot(*zip(*seen), "o-", color="tab:red", markersize=4, label="validation")
for (name, level), style in zip(levels.items(), (":", "--", "-.")):
    axes.axhline(level, color="black", linestyle=style, linewidth=1)
    axes.text(steps, level + 0.04, name, ha="right", fontsize=8)
axes.set(xlabel="step", ylabel="loss (nats a token)",
         title="The curve falls through one kind of knowledge after another")
axes.legend(loc="lower left")
plt.show()

# %% [markdown]
# The samples tell the same: first any tokens, then the frequent ones, then fitting pairs and words, then the manners
# of a manual. Below the last line the model must use more than one token of context, as a table of pairs can hardly do
# better.
#
# ## Where does the loss fall?
#
# The loss is a mean over positions, and the first ones have little to go by. **Predict the curve: the loss at
# position 1, which has seen one token, at position 8, at position 64.** Random windows of the validation text, the
# mean at each position:

# %%
windows, answers = training_batch(validation_tokens, 64 if quick else 512, 64, seed=5, step=0)
logits = np.concatenate([gpt(windows[rows:rows + 32]) for rows in range(0, len(windows), 32)])  # (N, T, V)
at = np.array([float(cross_entropy_forward(logits[:, t], answers[:, t])[0]) for t in range(64)])  # (T,)

figure, axes = plt.subplots(figsize=(7, 3.6))
axes.plot(np.arange(1, 65), at, ".", color="tab:blue", alpha=0.5, label="each position")
for a, b in ((0, 1), (1, 2), (2, 4), (4, 8), (8, 16), (16, 32), (32, 64)):
    axes.hlines(at[a:b].mean(), a + 0.7, b + 0.3, color="tab:red", linewidth=3, label="mean" if a == 0 else None)
axes.axhline(levels["pairs counted"], color="black", linestyle="-.", linewidth=1, label="pairs counted")
axes.set_xscale("log", base=2)
axes.set_xticks([1, 2, 4, 8, 16, 32, 64], [1, 2, 4, 8, 16, 32, 64])
axes.set(xlabel="how many tokens the model has seen", ylabel="loss (nats a token)",
         title="More context, lower loss")
axes.legend()
plt.show()

# %% [markdown]
# The model beats the table of pairs by what it makes of the tokens further back. At position 1, where both have seen
# one token, it is behind the table, which was counted exactly, while the model has to share its few parameters. From
# two tokens on it is ahead. The first doublings of the context help most; beyond 16 tokens this small and briefly
# trained model gains nothing that these windows could show. And within one text the loss is far from even:

# %%
start = 3000
passage = validation_tokens[start:start + 41]
z = gpt(passage[None, :-1])[0]
surprise = [float(cross_entropy_forward(z[t:t + 1], passage[t + 1:t + 2])[0]) for t in range(40)]

figure, axes = plt.subplots(figsize=(7, 3.4))
axes.bar(range(40), surprise, color="tab:blue")
labels = [ascii(tokenizer.decode([token])).strip("'\"").replace(" ", "_") for token in passage[1:]]
axes.set_xticks(range(40), labels, rotation=90, fontsize=7, family="monospace")
axes.axhline(math.log(512), color="black", linestyle=":", label="guessing evenly")
axes.set(ylabel="-ln p(token)", title="How surprised the model is by each token (_ is a blank)")
axes.legend()
plt.show()

# %% [markdown]
# The ends of words and of names that have just been seen cost little; the first token of a new word costs much. That
# is where a text says something.
#
# ## One table, two uses: tied weights
#
# The token table W is used twice: at the bottom a row is looked up, at the top every row is scored, z = h Wᵀ. So W
# hears from both. **Predict: the tokens 2, 0, 5, 3 went in. Which rows of W get a gradient from the bottom, and which
# from the top?**
#
# Take the same weights in an untied model, whose head is a matrix of its own; there the two terms lie in two places.

# %%
backend.use("numpy", "float64")
answers = np.array([[0, 5, 3, 1]])
tied = GPT(config, seed=1)
untied = GPT(replace(config, tied_embedding=False), seed=1)
for name, p in tied.parameters().items():
    untied.parameters()[name].data[...] = p.data
untied.head.w.data[...] = tied.token_embedding.w.data.T
for either in (tied, untied):
    loss, saved = either.forward(ids, answers)
    either.backward(saved)
    print(f"loss {float(loss):.6f}, parameters {either.flat.data.size}")
bottom, top = untied.token_embedding.w.grad, untied.head.w.grad.T  # (V, C) each
print("tied - (bottom + top):", np.abs(tied.token_embedding.w.grad - (bottom + top)).max())

figure, axes = plt.subplots(1, 3, figsize=(7, 3))
most = np.abs(tied.token_embedding.w.grad).max()
for panel, array, title in zip(axes, (bottom, top, tied.token_embedding.w.grad),
                               ("bottom: looked up", "top: scored", "their sum")):
    image = panel.imshow(array, cmap="RdBu", vmin=-most, vmax=most)
    panel.set(title=title, xlabel="channel", ylabel="token")
figure.colorbar(image, ax=axes, shrink=0.7)
figure.suptitle("The gradient of the token table has two terms")
plt.show()

# %% [markdown]
# Row 1 and row 4 never went in: nothing from the bottom. From the top every row gets something, also row 4, which is
# neither input nor target: its score should fall. As both places add with `+=`, the model's code has no line for
# tying.
#
# The untied model has V C parameters more. In GPT-2 small that would be 39 million on 124.
#
# ### Exercise: tied_gradient
#
# GPT uses one table W (V, C) twice: at the bottom x = W[ids], and at the top z = h Wᵀ. So W acts on the loss in two
# ways and its gradient has two terms: every id adds the dx of its place to its row, and the head adds dzᵀ h, summed
# over all positions. Add both into grad, which already holds the gradient of an earlier batch: += and never =. An id
# that occurs twice must hear from both its places.

# %%
def tied_gradient(ids, dx, h, dz, grad):
    """Adds the gradient of a tied table W (V, C) into grad (V, C), in place; returns nothing.

    Bottom, x = W[ids]: ids (B, T), dx (B, T, C). Top, z = h Wᵀ: h (B, T, C), dz (B, T, V).
    """

# %%
check("tied_gradient", tied_gradient)

# %% [markdown]
# ## What you have learned
#
# - A GPT is a table, a few equal blocks, a norm, and the table again; its targets are its input, one further.
# - Before training the loss is about ln V + s²/2; training falls through frequencies, then pairs, then context.
# - Parameters, memory and FLOPs follow from the configuration alone: 12 C² a block, V C for the table, and what is
#   saved.
#
# **Next:** [09 · Optimizers](09_optim.ipynb): all this was trained by "AdamW", whatever that is. Which step does a
# gradient call for?
