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
# # 02 · A language model is a conditional distribution
#
# **The question:** what exactly is a language model, how do we say with one number how good it is, and how does that
# number tell the model where to go?
#
# Running time: about 12 s on two CPU cores; needs chapters [00](00_backend.ipynb) and [01](01_bpe.ipynb); sources
# studied: [softmax.py](../../minigpt/layers/softmax.py), [cross_entropy.py](../../minigpt/layers/cross_entropy.py); the
# documents [softmax.md](../../docs/en/layers/softmax.md) and [cross_entropy.md](../../docs/en/layers/cross_entropy.md).
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/en/02_cross_entropy.ipynb)

# %%
import sys

if "google.colab" in sys.modules:  # Colab has NumPy, CuPy and matplotlib already: nothing of them is installed again
    # %pip install -q --no-deps git+https://github.com/OWNER/minigpt
    # %pip install -q regex safetensors tqdm threadpoolctl
    print("minigpt is installed")

# %%
import math
import os
from collections import Counter
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np

from minigpt import backend
from minigpt.corpora import find_sources
from minigpt.gradient_check import numeric_gradient
from minigpt.layers.cross_entropy import cross_entropy_backward, cross_entropy_forward
from minigpt.layers.embedding import Embedding
from minigpt.layers.softmax import softmax_backward, softmax_forward
from minigpt.optim import SGD, AdamW, Schedule
from minigpt.sampling import sample
from minigpt.text.base import printable
from minigpt.text.characters import CharacterTokenizer

quick = bool(os.environ.get("MINIGPT_QUICK"))  # fewer steps of training, the rest unchanged
backend.use("numpy", "float64")
np.set_printoptions(precision=4, suppress=True)
plt.style.use("tableau-colorblind10")
plt.rcParams.update({"figure.figsize": (7, 3.2), "figure.constrained_layout.use": True})

# %% [markdown]
# ## 1 · One token after the other
#
# A language model gives every text a probability. There are far too many texts for a list, so it goes step by step. By
# the definition of conditional probability, without any assumption,
#
# $$
# p(t_1, t_2, \dots, t_n) = p(t_1)\; p(t_2 \mid t_1)\; p(t_3 \mid t_1, t_2) \cdots p(t_n \mid t_1, \dots, t_{n-1})
# $$
#
# So a language model *is* a rule that turns what came before into a distribution over the next token: V numbers, none
# negative, that add up to 1. GPT is such a rule. The simplest one that deserves the name looks at a single token back,
# a **bigram** model, and can be had by counting.
#
# **Predict:** in `abracadabra`, what follows an `a`, how often, and with which probabilities?

# %%
text = "abracadabra"
small = CharacterTokenizer.train([text])
ids = np.array(small.encode(text))
V = small.vocab_size
print("tokens", small.tokens, " ids", ids)
pairs = Counter(pairwise(text))
after_a = {right: n for (left, right), n in pairs.items() if left == "a"}
total = sum(after_a.values())
print("after a:", after_a, "->", {right: f"{n}/{total}" for right, n in after_a.items()})

# %% [markdown]
# The last `a` has nothing after it: eleven letters, ten pairs.
#
# ### Exercise: bigram_table
#
# Do it for all letters at once: n_ij counts how often token j comes right after token i, and each row is divided by its
# sum. Add a little k to every count first, so that no pair is impossible (**smoothing**). What happens to a row that
# has no counts at all?

# %%
def my_bigram_table(ids, vocab_size, k):
    """ids (T,) -> p (V, V): in row i the probabilities of what follows token i."""

# %%
from minigpt.learn import check

check("bigram_table", my_bigram_table)

# %% [markdown]
# On real text it is the same: the language reference of Python, of which every tenth line is kept apart as unseen.
# `bincount` counts pairs as the numbers i V + j.
#
# **Predict** before you look: in the row of `q`, where is the dark cell? Which letters are most often followed by a
# space? In which rows is the column `e` the darkest?

# %%
lines = find_sources(["pydoc"])[0].content.decode("utf-8").splitlines(keepends=True)
seen_text, unseen_text = "".join(line for i, line in enumerate(lines, 1) if i % 10), "".join(lines[9::10])
tokenizer = CharacterTokenizer.train([seen_text], unknown="<unk>")  # the unseen tenth may have other characters
V = tokenizer.vocab_size
seen, unseen = np.array(tokenizer.encode(seen_text)), np.array(tokenizer.encode(unseen_text))
counts = np.bincount(seen[:-1] * V + seen[1:], minlength=V * V).reshape(V, V)  # (V, V)
print(f"V = {V}; {len(seen):,} tokens seen; {np.count_nonzero(counts):,} of {V * V:,} pairs occur")

letters = " abcdefghijklmnopqrstuvwxyz"
shown = tokenizer.encode(letters)
table = counts[shown] / counts[shown].sum(axis=1, keepdims=True)
figure, axes = plt.subplots(figsize=(7, 5.6))
picture = axes.imshow(table[:, shown], cmap="Blues", vmin=0, vmax=0.6)
axes.set_xticks(range(27), ["_", *letters[1:]], family="monospace")
axes.set_yticks(range(27), ["_", *letters[1:]], family="monospace")
axes.set(xlabel="the next character (_ is a space)", ylabel="the character before",
         title="p(next | before), counted: each row is a distribution")
axes.tick_params(length=0)
figure.colorbar(picture, label="probability", shrink=0.8, extend="max")
plt.show()

# %% [markdown]
# ## 2 · How good is a model?
#
# A model said p for the token that then came. If p was 1, no surprise; if p was small, a large one. The **surprise** is
# -ln p, in **nats**: surprises of successive tokens add up, since probabilities multiply. The mean over all tokens of a
# text is the **loss**.
#
# **Predict** the surprise of p = 1, 1/2, 1/e and 0.

# %%
with backend.quiet():
    print("-ln p of 1, 1/2, 1/e, 0:", np.log(1 / np.array([1, 1 / 2, 1 / math.e, 0])))  # -ln p = ln 1/p

p = np.bincount(ids[:-1] * 5 + ids[1:], minlength=25).reshape(5, 5) + 0.0
p /= p.sum(axis=1, keepdims=True)
print("the table of abracadabra:\n", p)
surprises = [math.log(1 / p[i, j]) for i, j in pairwise(ids)]
for (left, right), surprise in list(zip(pairwise(text), surprises))[:4]:
    print(f"p({right} | {left}) = {p[small.encode(left)[0], small.encode(right)[0]]:.2f}   surprise {surprise:.4f}")
loss = sum(surprises) / len(surprises)
print(f"loss: {sum(surprises):.4f} / {len(surprises)} = {loss:.4f} nats a token, perplexity {math.exp(loss):.4f}")
with backend.quiet():
    from_library, _ = cross_entropy_forward(np.log(p)[ids[:-1]], ids[1:])
print("the library:", from_library)

# %% [markdown]
# The library's `cross_entropy_forward` takes **logits** (scores before softmax). We gave it ln p, and softmax(ln p) =
# p.
#
# **Perplexity** is exp(loss): the number of equally likely tokens among which the model would be as unsure. It lets you
# compare with guessing: over V tokens, blind guessing has the loss ln V and the perplexity V. Divided by ln 2 and
# spread over characters instead of tokens, the loss is **bits per character**, in which models with different
# tokenizers can be compared.
#
# ### Exercise: perplexity
#
# From the logarithms of the probabilities that a model gave to the tokens of a text: its perplexity, and its bits per
# character. (If you have done it in chapter 00, go on.)

# %%
def my_perplexity(log_p, characters):
    """log_p (...), natural logarithms of each token's probability -> perplexity, bits per character."""

# %%
from minigpt.learn import check

check("perplexity", my_perplexity)

# %% [markdown]
# ## 3 · Entropy, cross-entropy, and the gap between them
#
# Why should -ln p be the right measure? Say the next token is truly distributed as q, and the model says p. Letters as
# in the source: **q is the truth, p the model** (many books write H(p, q) with p for the truth). The mean surprise is
#
# $$
# H(q, p) = -\sum_v q_v \ln p_v \quad\text{(cross-entropy)}
# $$
#
# $$
# H(q) = -\sum_v q_v \ln q_v \quad\text{(entropy)}
# $$
#
# $$
# \mathrm{KL}(q \,\|\, p) = \sum_v q_v \ln \frac{q_v}{p_v} = H(q, p) - H(q) \;\ge\; 0
# $$
#
# Entropy is the mean surprise of one who knows the truth; the Kullback-Leibler divergence KL is what is paid on top for
# not knowing it. It is never negative, and that makes cross-entropy a fair judge: nothing beats saying what you
# believe, and the loss can't fall below the entropy of the text, however good the model is.
#
# **Predict:** a coin shows heads in 3 of 4 throws. A model says 1/2. What is its loss? Then it says 3/4: better or
# worse, and is the loss then 0?

# %%
q = np.array([0.75, 0.25])
entropy = -(q * np.log(q)).sum()
for first in (0.5, 0.75, 0.95):
    p = np.array([first, 1 - first])
    cross, kl = -(q * np.log(p)).sum(), (q * np.log(q / p)).sum()
    print(f"p = {p}   H(q, p) {cross:.4f} = H(q) {entropy:.4f} + KL {kl:.4f}")

grid = np.linspace(0.01, 0.99, 200)
cross = -(q[0] * np.log(grid) + q[1] * np.log(1 - grid))
figure, axes = plt.subplots()
axes.plot(grid, cross, label="cross-entropy H(q, p)")
axes.axhline(entropy, color="black", linestyle="--", label="entropy H(q)")
axes.fill_between(grid, entropy, cross, alpha=0.2, label="KL: the price of a wrong belief")
axes.axvline(0.75, color="gray", linestyle=":")
axes.set(xlabel="what the model says about heads (the truth is 0.75)", ylabel="nats", ylim=(0, 2),
         title="nothing beats the truth, and the truth isn't free")
axes.legend()
plt.show()

# %% [markdown]
# ## 4 · Counted models on real text
#
# A **unigram** model ignores what came before, a bigram looks one token back, a **trigram** two. We count all three on
# the text that is seen, with a little k added, and measure both texts.
#
# **Predict:** (a) blind guessing among V characters has which loss, about? (b) Which k is best for the text that was
# counted? (c) And for the unseen text, is it the same?

# %%
def ngram_counts(ids, n):
    """Row: the n - 1 tokens before, read as one number; column: the next token."""
    rows = sum(ids[i:len(ids) - n + 1 + i] * V ** (n - 2 - i) for i in range(n - 1)) + np.zeros(len(ids) - n + 1, int)
    return rows, ids[n - 1:], np.bincount(rows * V + ids[n - 1:], minlength=V**n).reshape(-1, V)


def ngram_loss(ids, n, counted, k):
    rows, targets, _ = ngram_counts(ids, n)
    return -np.log((counted[rows, targets] + k) / (counted.sum(axis=1)[rows] + k * V)).mean()


names = {1: "unigram", 2: "bigram", 3: "trigram"}
ks = np.logspace(-4, 2, 25)
figure, axes = plt.subplots(figsize=(7, 3.8))
axes.axhline(math.log(V), color="gray", linestyle=":", label=f"guessing: ln {V}")
print(f"guessing          {math.log(V):.4f} nats")
for n, colour in zip(names, ("#c85200", "#5f9ed1", "#006ba4")):
    counted = ngram_counts(seen, n)[2]
    on_seen, on_unseen = ([ngram_loss(text, n, counted, k) for k in ks] for text in (seen, unseen))
    best = int(np.argmin(on_unseen))
    axes.semilogx(ks, on_unseen, "-", color=colour, label=f"{names[n]}, unseen text")
    axes.semilogx(ks, on_seen, "--", color=colour, label=f"{names[n]}, seen text")
    axes.plot(ks[best], on_unseen[best], "o", color=colour)
    loss, empty = on_unseen[best], (counted.sum(axis=1) == 0).mean()
    print(f"{names[n]:8} k = {ks[best]:<7.2g} {loss:.4f} nats on unseen text = {loss / math.log(2):.3f} bits per "
          f"character, perplexity {math.exp(loss):5.2f}; rows never seen {empty:.0%}")
axes.set(xlabel="k added to each count", ylabel="loss (nats per character)", ylim=(1.5, 5.6),
         title="the text that was counted wants no smoothing, new text does (dot: best)")
axes.grid(alpha=0.3)
axes.legend(fontsize=7, ncols=2, loc="upper left")
plt.show()

# %% [markdown]
# Look at the shapes of the curves; a small distance between the two texts may only mean that one happens to be easier.
#
# More context helps, and costs: a trigram has V² rows, and most of them are never seen. Ten tokens back, the table
# would have V¹⁰ rows. That is why counting ends here, and why models with parameters that are *shared* between contexts
# begin. (The GPT of the README comes to about 1.7 bits per character on text of this kind, after two minutes.)
#
# ## 5 · Softmax: any numbers into a distribution
#
# A model that learns must be free to move its numbers wherever the slope leads. Probabilities are not free: none may be
# negative, and they must add up to 1. So the model's numbers are **logits** z, and **softmax** makes a distribution of
# them:
#
# $$
# p_v = \frac{e^{z_v}}{\sum_j e^{z_j}}
# $$
#
# **Predict** by hand for z = (2, 1, 0), with e ≈ 2.718: p up to two digits. Then: what changes when 100 is added to all
# three? And what does exp(1000) do?

# %%
z = np.array([[2.0, 1.0, 0.0]])
e = [math.exp(number) for number in z[0]]
print("exp:", e, " sum:", sum(e))
print("by hand:  ", [number / sum(e) for number in e])
print("library:  ", softmax_forward(z)[0])
print("plus 100: ", softmax_forward(z + 100)[0])
print("plus 1000:", softmax_forward(z + 1000)[0])
with backend.quiet():
    print("naively:  ", np.exp(z + 1000) / np.exp(z + 1000).sum())

# %% [markdown]
# Only differences of logits count, so the library subtracts the row's largest first, and exp never overflows.
#
# ### Exercise: softmax
#
# The backward is harder: every p depends on every z of its row. Work out ∂p_j/∂z_i for i = j and for i ≠ j first.

# %%
def my_softmax_forward(x):
    """x (..., N) -> y (..., N), rows that add up to 1; and saved, a tuple of what backward will need."""


def my_softmax_backward(dy, saved):
    """dy (..., N) -> dx (..., N)."""

# %%
from minigpt.learn import check

check("softmax", my_softmax_forward, my_softmax_backward)

# %% [markdown]
# ## 6 · Softmax and cross-entropy together: the simplest gradient there is
#
# For one row with the target t the loss is -ln p_t = -z_t + ln Σ_j exp(z_j). Its slope by z_i:
#
# $$
# \frac{\partial}{\partial z_i}\Bigl(-z_t + \ln \sum_j e^{z_j}\Bigr)
# = -[i = t] + \frac{e^{z_i}}{\sum_j e^{z_j}} = p_i - q_i
# $$
#
# with q the distribution that is 1 at the target. What the model said, minus what was right.
#
# **Predict** for z = (2, 1, 0) and the target 1: the three numbers, from the p above. Which logit will be pushed up
# when we go *against* the gradient? And what do the three add up to?

# %%
target = np.array([1])
loss, saved = cross_entropy_forward(z, target)
dz = cross_entropy_backward(1.0, saved)
p, _ = softmax_forward(z)
print(f"loss {loss:.6f}, by hand -ln p_1 = {-math.log(p[0, 1]):.6f}")
print("dz     ", dz, " sum", dz.sum())
print("p - q  ", p - np.eye(3)[target])
print("slopes ", numeric_gradient(lambda: cross_entropy_forward(z, target)[0], z))
dp = -np.eye(3)[target] / p  # the slope of -ln p_t by p, then back through softmax: the same, in two steps
print("in two ", softmax_backward(dp, softmax_forward(z)[1]))

# %% [markdown]
# ### Exercise: cross_entropy
#
# Forward and backward, for any number of rows. A row whose target is -100 doesn't count, neither in the sum nor in the
# number that it is divided by. Keep the logarithm: a probability that has rounded to 0 has none.

# %%
def my_cross_entropy_forward(logits, targets):
    """logits (..., V), targets (...) integers, -100 where not counted -> mean loss in nats, and saved, a tuple."""


def my_cross_entropy_backward(dy, saved):
    """dy, a number -> dlogits (..., V)."""

# %%
from minigpt.learn import check

check("cross_entropy", my_cross_entropy_forward, my_cross_entropy_backward)

# %% [markdown]
# ## 7 · The smallest neural model
#
# Now let a table *learn* what we have counted. The model: a table W of logits, (V, V), one row for each token. Look up
# the row of the current token, softmax it, and that is the distribution of the next. It starts at zero, so that every
# token is as likely as any other. A look-up is the library's `Embedding`; its gradient goes into the row that was
# looked up.
#
# **Predict:** (a) the loss at the start; (b) the loss that no such table can beat on the text it learns from; (c) where
# each row of probabilities will end.
#
# Hint for (c): all places with token i before them share row i. The mean of p - q over these places is zero exactly
# where p equals the mean of the q: the counted shares.

# %%
row_sums = counts.sum(axis=1, keepdims=True)
q_counted = counts / np.maximum(row_sums, 1)  # (V, V), without smoothing: the best there is on the seen text
occurring = counts > 0
limit = -(counts[occurring] * np.log(q_counted[occurring])).sum() / counts.sum()
unigram = np.bincount(seen, minlength=V) / len(seen)
unigram_limit = -(unigram[unigram > 0] * np.log(unigram[unigram > 0])).sum()


def exact_loss(w):
    """The table's loss on the whole of the seen text, from the counts: one look at V rows instead of at all tokens."""
    z = w.astype("float64")
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -(counts * log_p).sum() / counts.sum()


def train(optimizer_class, peak, steps, **options):
    """A fresh table, batches of 4,096 random places of the seen text, the loss on all of it now and then."""
    with backend.using("numpy", "float32"):
        model = Embedding(V, V, backend.generator(0), std=0.0)
        model.pack()
        optimizer, schedule = optimizer_class(model, **options), Schedule("cosine", peak, steps)
        record, looks = [(0, exact_loss(model.w.data))], set(np.logspace(0, math.log10(steps), 60).astype(int))
        for step in range(steps):
            places = backend.generator(0, backend.BATCHES, step).integers(0, len(seen) - 1, 4096)
            logits, saved = model.forward(seen[places])  # (N, V)
            loss, loss_saved = cross_entropy_forward(logits, seen[places + 1])
            model.zero_grad()
            model.backward(cross_entropy_backward(1.0, loss_saved), saved)
            optimizer.step(schedule(step))
            if step + 1 in looks:
                record.append((step + 1, exact_loss(model.w.data)))
        return model, np.array(record)


steps = 200 if quick else 1000
sgd_table, sgd_record = train(SGD, 20.0, steps)
adam_table, adam_record = train(AdamW, 0.1, steps, weight_decay=0.0)
print(f"start {sgd_record[0, 1]:.4f} = ln {V} = {math.log(V):.4f}; counted limit {limit:.4f}")
print(f"after {steps} steps: SGD {sgd_record[-1, 1]:.4f}, AdamW {adam_record[-1, 1]:.4f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.6))
for record, name, style in ((sgd_record, "SGD", "-"), (adam_record, "AdamW", "--")):
    left.plot(record[:, 0] + 1, record[:, 1], style, label=name)
    right.loglog(record[:, 0] + 1, record[:, 1] - limit, style, label=name)
for level, name, style in ((math.log(V), "ln V", ":"), (unigram_limit, "unigram, counted", "-."),
                           (limit, "bigram, counted", "-")):
    left.axhline(level, color="gray", linestyle=style, linewidth=1)
    left.text(1, level + 0.04, name, fontsize=8)
left.set(xscale="log", ylim=(2.3, 5), xlabel="step + 1", ylabel="loss on the seen text (nats)",
         title="the loss falls to the counted one")
right.set(xlabel="step + 1", ylabel="loss - counted limit (nats)", title="how far is it still?")
for ax in (left, right):
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8)
plt.show()

# %% [markdown]
# The loss falls fast at first, then slowly, towards the counted limit and never below. AdamW comes close to it. Plain
# gradient descent (SGD) is held up by rare rows: the gradient of a row is weighted by how often its token occurs, so
# the row of a token that makes up a ten-thousandth of the text moves ten thousand times more slowly than if the text
# were full of it. AdamW divides that out; chapter 09 tells how.
#
# Is it the same *table*? Each point below is one probability: counted across, learned upwards. **Predict** where the
# points of frequent and of rare tokens lie.

# %%
figure, panels = plt.subplots(1, 2, figsize=(7, 3.7), sharey=True)
common = (row_sums > 1000) & occurring
scarce = (row_sums <= 100) & occurring
for ax, model, name in zip(panels, (sgd_table, adam_table), ("SGD", "AdamW")):
    learned, _ = softmax_forward(model.w.data.astype("float64"))
    for which, label, marker, colour in ((scarce, "row seen 100 times or less", "x", "#c85200"),
                                         (common, "row seen over 1,000 times", ".", "#006ba4")):
        ax.loglog(q_counted[which], learned[which], marker, markersize=3.5, color=colour, alpha=0.6, label=label)
    ax.plot([1e-5, 1], [1e-5, 1], color="black", linewidth=0.8)
    ax.set(xlabel="probability, counted", title=name)
    worst = np.abs(learned - q_counted)[(row_sums > 1000).ravel()].max()
    print(f"{name}: frequent rows are wrong by at most {worst:.3f}")
panels[0].set_ylabel("probability, learned")
panels[0].legend(fontsize=7, markerscale=2)
figure.suptitle("what was learned against what was counted")
plt.show()

# %% [markdown]
# The crosses of SGD lie near 1/V, where all began: those rows have hardly moved.
#
# ## 8 · Let it write
#
# A model of the next token can write: draw a token from the distribution, append it, ask again.
#
# **Predict:** which of the following will have words? Which will have the right word lengths?

# %%
rng = backend.generator(3, backend.SAMPLING)


def write(distribution, length=150):
    """Sample `length` characters; distribution: the ids so far -> probabilities (V,)."""
    ids = tokenizer.encode("th")
    for _ in range(length):
        ids.append(sample(distribution(ids), rng))
    return "".join(tokenizer.tokens[i] for i in ids).replace(printable(" "), " ")


learned, _ = softmax_forward(adam_table.w.data.astype("float64"))
trigrams = ngram_counts(seen, 3)[2] + 0.001
for name, distribution in (("guessing", lambda ids: np.full(V, 1 / V)),
                           ("unigram", lambda ids: unigram),
                           ("bigram, counted", lambda ids: q_counted[ids[-1]]),
                           ("bigram, learned", lambda ids: learned[ids[-1]]),
                           ("trigram, counted", lambda ids: trigrams[ids[-2] * V + ids[-1]])):
    print(f"{name:17}| {write(distribution)}\n")

# %% [markdown]
# Guessing has neither; the unigram has its letters in the right shares and its spaces anywhere. The learned bigram
# writes as the counted one does: short-sighted, with plausible pairs and pieces about as long as words, hardly a word
# among them. The trigram has short words and beginnings and ends of long ones. All that GPT does differently is how it
# turns what came before into logits. Loss, softmax, gradient at the top and sampling stay exactly as they are here.
#
# ## What you have learned
#
# * A language model is p(next | before); its loss is the mean of -ln p, and can't fall below the entropy.
# * The gradient of softmax with cross-entropy is p - q: what was said minus what was right.
# * A table trained by gradient descent goes where counting is already; the rest of the course is better ways to use
#   context.
#
# **Next:** [03 · Backpropagation by hand](03_linear.ipynb): logits that are computed from other numbers, and how the
# gradient finds its way back through them.
