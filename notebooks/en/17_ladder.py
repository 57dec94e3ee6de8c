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
# # 17 · The ladder
#
# From chance to GPT: ten language models in the order of history. **Each gets the same text and the same time. What
# did each step buy?**
#
# Running time: about 90 s on two CPU cores; needs chapters 02, 08, 12, 13, 15 and 16; source studied:
# [ladder.py](../../minigpt/ladder.py), the document [ladder](../../docs/en/ladder.md), which has the result of the full
# ladder, with a minute for each network.
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/en/17_ladder.ipynb)

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
from minigpt.commands.ladder import ladder_table
from minigpt.corpora import find_sources
from minigpt.ladder import RUNGS, climb, loss_of, prepare_text
from minigpt.layers.softmax import softmax_forward
from minigpt.learn import check
from minigpt.memory import keep_freed_memory
from minigpt.pictures import plot_ladder

quick = bool(os.environ.get("MINIGPT_QUICK"))  # less time for each network, the rest unchanged
seconds = 1 if quick else 12
plt.rcParams["figure.constrained_layout.use"] = True
backend.use("numpy", "float32")
keep_freed_memory()

# %% [markdown]
# ## One text, one measure
#
# Python's language reference, about half a million characters. Its last tenth is held out: no model sees it, nor does
# the tokenizer. **How many characters will a token have, on average, if 1024 byte pairs are learned?**

# %%
text = prepare_text(find_sources(["pydoc"]))
counts = text.held_out.counts
for name, part in (("train", text.train), ("held out", text.held_out)):
    print(f"{name:9} {part.counts.characters:8,} characters {part.counts.tokens:8,} tokens: "
          f"{part.counts.characters / part.counts.tokens:.2f} characters a token")

# %% [markdown]
# The ground first: a model that finds every token equally likely. One number by hand. With V = 1024 each token costs
# log2 1024 = 10 bits, whatever it is; and N tokens stand for so many characters:
#
# bits per character = 10 · N / characters
#
# The unigram model is the next rung: a token costs -log2 of its share of the training text. **How much will that save,
# of the three and a half bits: one half, or more?**

# %%
by_hand = math.log2(text.tokenizer.vocab_size) * counts.tokens / counts.characters
uniform, row = climb(RUNGS[0], text, seconds)
print(f"uniform: {math.log2(text.tokenizer.vocab_size):.3f} bits a token, {by_hand:.4f} bits a character; "
      f"the library says {row['held_out']:.4f}")
unigram, row = climb(RUNGS[1], text, seconds)
frequent = int(np.bincount(text.train.ids).argmax())
share = float(np.mean(text.train.ids == frequent))
print(f"unigram: the most frequent token, {text.tokenizer.decode([frequent])!r}, is {share:.5f} of the text and costs "
      f"{-math.log2(share):.3f} bits,\n         by the model {-math.log2(unigram.probabilities()[frequent]):.3f}; "
      f"all together {row['held_out']:.4f} bits a character")

# %% [markdown]
# ## Ten models, the same time
#
# Now all of them. Counting takes less than a second; the networks get twelve seconds each here, a minute in
# `python -m minigpt ladder`. **Write down your guess first: which model will need the fewest bits? And where will the
# training text and the held-out text lie furthest apart?**

# %%
models, rows = {}, []
for rung in RUNGS:
    models[rung.key], row = climb(rung, text, seconds)
    rows.append(row)
print("\n".join(ladder_table(rows)))

# %%
figure, axes = plt.subplots(figsize=(7.2, 4))
plot_ladder(axes, rows)
plt.show()

# %% [markdown]
# Read it from the left.
#
# - **uniform to unigram**: that some tokens are frequent. No context, and already half a bit.
# - **to bigram**: one token of context. The largest step of all, and it costs no gradient.
# - **to the 5-gram**: four tokens. On the training text it needs next to nothing, as it has seen nearly every group of
#   five there: what lies between the mark and the bar was learned by heart. Yet it is good on the held-out text too,
#   because Kneser-Ney trusts a long context only as far as it was seen.
# - **the networks** begin anew: with random weights, and twelve seconds. What they win per step is in the last rungs.
#   A table learns from one pass over the text, a network needs many, each a small step.
#
# Time is the currency here. With more of it every network comes down, and the counts stay where they are; in the table
# of [ladder](../../docs/en/ladder.md) each network had a minute. Text is the other currency: counts need more of it for
# every further token of context.
#
# ## Who is surprised, and how badly?
#
# Models also differ in where they lose their bits. Take the 5-gram and the GRU, and look at what each token of the
# held-out text costs. **Which of the two has more tokens that cost nearly nothing? How many tokens cost over 12 bits,
# more than a blind guess?**

# %%
ids, gru = text.held_out.ids, models["gru"]
given, state = [], None
for start in range(0, len(ids) - 1, 512):  # front to end with one state
    window = ids[start:start + 513]
    logits, state = gru.read(window[None, :-1], state)
    p, _ = softmax_forward(logits[0].astype(float))  # (T, V)
    given.append(p[np.arange(len(window) - 1), window[1:]])
p, q = models["kneser-ney"].text_scores(ids)[1:], np.concatenate(given)  # (N-1,), (N-1,)
bits = {"Kneser-Ney 5-gram": -np.log2(p), "GRU": -np.log2(q)}
print(f"the same as in the table: {loss_of(gru, ids) / math.log(2):.4f} bits a token, {bits['GRU'].mean():.4f}")
edges = np.arange(0, 21)
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.2))
for (name, cost), side, color in zip(bits.items(), (-0.2, 0.2), ("tab:gray", "tab:blue")):
    number, _ = np.histogram(np.minimum(cost, 19.9), edges)
    total, _ = np.histogram(np.minimum(cost, 19.9), edges, weights=cost)
    left.bar(edges[:-1] + 0.5 + side, number / len(cost), width=0.4, color=color, label=name)
    right.bar(edges[:-1] + 0.5 + side, total / len(cost), width=0.4, color=color)
    print(f"{name:18} under 1 bit {np.mean(cost < 1):6.1%}   over 12 bits {np.mean(cost > 12):6.1%}")
left.set(xlabel="bits that a token costs", ylabel="share of the tokens", title="How many tokens cost so much")
right.set(xlabel="bits that a token costs", ylabel="bits a token", title="What they add to the mean")
left.legend(fontsize=8)
plt.show()

# %% [markdown]
# The table is sure where it has seen the words before: that is its tall first bar. The network, after so few steps, is
# hardly ever sure, but it has an opinion after every context, seen or not. They fail at different tokens. So a mixture
# should be better than both:
#
# p_mix = λ p + (1 - λ) q
#
# This is how recurrent models entered speech recognition: each as the other half of an n-gram model.
#
# ### Exercise: interpolate
#
# p (T,) are the probabilities that one model gave to the T tokens of a text, each to the token that stood there, and q
# (T,) those of another. The mixture gives λ p + (1 - λ) q to each, with λ = `weight`. Return what it needs for the text
# in bits per character: Σ -log2 of its probabilities, over the `characters` that the tokens stand for.

# %%
def interpolate(p, q, weight, characters):
    """p (T,), q (T,): what two models gave to each token of a text -> the mixture's bits per character."""

# %%
check("interpolate", interpolate)

# %% [markdown]
# Mix first, then take the logarithm. The other order, the average of both costs, could never beat the better model.
# **Guess: at which λ is the mixture best, and by how many hundredths of a bit?**

# %%
weights = np.linspace(0, 1, 41)
scale = counts.tokens / counts.characters  # bits a token to bits a character
mixed = [-np.log2(weight * p + (1 - weight) * q).mean() * scale for weight in weights]
average = [(weight * bits["Kneser-Ney 5-gram"] + (1 - weight) * bits["GRU"]).mean() * scale for weight in weights]
best = int(np.argmin(mixed))
figure, axes = plt.subplots(figsize=(7, 3.4))
axes.plot(weights, average, color="tab:gray", linestyle="--", label="average of both costs")
axes.plot(weights, mixed, color="tab:blue", label="cost of the mixture")
axes.plot(weights[best], mixed[best], marker="o", color="tab:orange", linestyle="none",
          label=f"best: {mixed[best]:.3f} at {weights[best]:.3f}")
axes.set(xlabel="weight of the 5-gram (0: the GRU alone)", ylabel="bits per character",
         title="A mixture is better than either of its models")
axes.legend(fontsize=8)
axes.grid(alpha=0.3)
plt.show()
print(f"GRU {mixed[0]:.4f}, 5-gram {mixed[-1]:.4f}, mixture {mixed[best]:.4f} bits a character")

# %% [markdown]
# ### Exercise: mixture_weight
#
# The curve took 41 trials. There is a better way. Say that for each token the mixture first chooses one of the models,
# p with the probability λ, and lets it speak. Which one spoke is not seen, but how probably it was p is known: the
# share λ p / (λ p + (1 - λ) q) of what the token got. The mean of these shares over the text is a better λ. Begin with
# λ = `weight` and return λ after so many rounds. (This is expectation and maximisation, EM.)

# %%
def mixture_weight(p, q, weight, rounds):
    """p (T,), q (T,): what two models gave to each token; weight: of p, to begin with -> the weight after rounds."""

# %%
check("mixture_weight", mixture_weight)

# %% [markdown]
# ## A word on honesty
#
# λ was chosen on the held-out text, and so were the networks' learning rates and dropout, in a few trials each.
# Strictly, the text by which one chooses is no longer unseen; with one number chosen among a few, little is gained by
# it, but a competition would keep a third part for the last measurement. And the order of the rungs is an order **for
# this text and this time**. Half a million characters and a minute are a world for counts. **What would you have to
# change for the GPT to come first?** `python -m minigpt ladder --seconds 300 --models kneser-ney gru gpt` is one answer
# to try.
#
# ## What was learned
#
# - Bits per character on held-out text compare a table of counts with a GPT, whatever their tokens.
# - Each rung bought something: frequency, context, shared vectors, memory without end, depth; and each had a price in
#   time. On little text and little time a well-smoothed table is hard to beat.
# - Models that fail at different tokens are better together: mix probabilities, not costs.
#
# This is the end of the part on what came before the Transformer. To go on, train the last rung for longer:
# `python -m minigpt train`, and read chapter [08](08_gpt.ipynb) again with the ladder in mind.
