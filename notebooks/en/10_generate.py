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
# # 10 · Generation
#
# **The question:** a language model gives a probability for every next token. How does that become a text? Why isn't
# the most probable text the best one, and why doesn't each further token cost as much as the whole text before it?
#
# Running time: about 30 s on two CPU cores; needs chapters [02](02_cross_entropy.ipynb), [06](06_attention.ipynb) and
# [08](08_gpt.ipynb); sources studied: [generate.py](../../minigpt/generate.py),
# [sampling.py](../../minigpt/sampling.py), [beam_search.py](../../minigpt/beam_search.py); the documents
# [generate](../../docs/en/generate.md),
# [sampling](../../docs/en/sampling.md) and [beam_search](../../docs/en/beam_search.md).
#
# [Open in Colab](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/en/10_generate.ipynb)

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
from collections import Counter
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np

from minigpt import backend
from minigpt.beam_search import beam_search
from minigpt.corpora import find_sources
from minigpt.generate import Cache, Continuation, generate
from minigpt.layers.attention import attention_forward
from minigpt.layers.masks import causal_mask
from minigpt.layers.softmax import softmax_forward
from minigpt.learn import check
from minigpt.memory import keep_freed_memory
from minigpt.models.gpt import GPT, PRESETS, GPTConfig
from minigpt.models.gpt_size import count_parameters
from minigpt.optim import AdamW
from minigpt.pieces import read_pieces
from minigpt.sampling import Sampling, distribution
from minigpt.text.tokenizer import train_tokenizer
from minigpt.train import training_step
from minigpt.train_config import TrainConfig

quick = bool(os.environ.get("MINIGPT_QUICK"))  # fewer steps of training, the rest unchanged
plt.rcParams["figure.constrained_layout.use"] = True
np.set_printoptions(precision=4, suppress=True, linewidth=110)

# %% [markdown]
# A model to work with first: the small GPT of chapter 08 on Python's language reference.

# %%
backend.use("numpy", "float32")
text = "".join(read_pieces(find_sources(["pydoc"])))
tokenizer = train_tokenizer("bpe", read_pieces(find_sources(["pydoc"])), 512)
tokens = np.array(tokenizer.encode(text))
train_tokens, validation_tokens = np.split(tokens, [len(tokens) * 9 // 10])
shape = GPTConfig(vocab_size=512, context_length=64, d_model=64, num_heads=4, num_layers=3)
keep_freed_memory()  # a step makes the same arrays again and again; see docs/en/performance.md
steps = 60 if quick else 800
recipe = TrainConfig(steps=steps, batch_size=12, learning_rate=4e-3, warmup=steps // 15, weight_decay=0.1)
gpt = GPT(shape, seed=0)
optimizer = AdamW(gpt, recipe.beta1, recipe.beta2, weight_decay=recipe.weight_decay)
for step in range(steps):
    record = training_step(gpt, optimizer, train_tokens, recipe, step)
print(f"step {record['step']}: loss {record['loss']:.2f} nats a token")


def name(token):
    """A token as a label: ASCII, and _ for a blank."""
    return ascii(tokenizer.decode([token])).strip("'\"").replace(" ", "_")

# %% [markdown]
# ## Temperature
#
# Three tokens with the logits 2, 1, 0. Softmax makes them 0.665, 0.245 and 0.090. Temperature divides the logits
# first. **What do temperatures of 0.5 and 2 make of the first one: more or less than 0.665? And what is left at 0 and
# at infinity?** Only differences between logits count, and the ratio of two probabilities is exp(difference / τ):

# %%
backend.use("numpy", "float64")
logits = np.array([2.0, 1.0, 0.0])
for tau in (0.5, 1.0, 2.0, 100.0):
    e = np.exp(logits / tau)
    by_hand = e / e.sum()
    print(f"tau {tau:5}: exp {e} / {e.sum():.3f} = {by_hand}   ratio of the first two {by_hand[0] / by_hand[1]:.3f}")
    assert np.allclose(by_hand, distribution(logits, Sampling(temperature=tau)))
print("tau     0:", distribution(logits, Sampling(temperature=0)))

# %% [markdown]
# Temperature changes how far apart the probabilities are, and never their order. Now a real distribution, of what
# follows two prompts. **Which of the two leaves more open?**

# %%
prompts = ["The value of the", "raise a ValueErr"]
real = [gpt(np.array([tokenizer.encode(prompt)]))[0, -1].astype(float) for prompt in prompts]  # (V,) each


def entropy(p):
    return -float(np.sum(p[p > 0] * np.log(p[p > 0])))


figure, panels = plt.subplots(2, 3, figsize=(7.2, 4.6), sharey="row")
for row, (prompt, z) in enumerate(zip(prompts, real)):
    shown = np.argsort(-z)[:12]
    for axes, tau in zip(panels[row], (0.5, 1.0, 2.0)):
        p = distribution(z, Sampling(temperature=tau))
        axes.bar(range(12), p[shown], color="tab:blue")
        axes.set_xticks(range(12), [name(token) for token in shown], rotation=90, fontsize=7, family="monospace")
        axes.set_title(f"tau {tau}, entropy {entropy(p):.2f} nats", fontsize=8)
    panels[row, 0].set_ylabel("probability")
    panels[row, 0].annotate(f'"{prompt}" ...', (0.97, 0.85), xycoords="axes fraction", ha="right", fontsize=8)
figure.suptitle("Temperature: the same order, another spread (12 most probable tokens)", fontsize=10)
plt.show()

# %% [markdown]
# ### Exercise: temperature
#
# Divide the logits by the temperature τ, then take the softmax: p = softmax(z / τ). Below 1 the probable tokens
# become more probable, above 1 all become more alike. Temperature 0 is the limit, greedy choice: all probability on
# the largest logit, on the first one where several are equal. Logits may be as large as 1000.

# %%
def with_temperature(logits, temperature):
    """logits (V,), temperature a number from 0 on -> p (V,), the probabilities to draw the next token from."""

# %%
check("temperature", with_temperature)

# %% [markdown]
# ## Cutting the tail: top-k and top-p
#
# The vocabulary has 512 tokens, and most of them are wrong here. Each has hardly any probability, but all together
# they have some, and a text of 100 tokens draws 100 times. Take 0.5, 0.25, 0.15, 0.1.
#
# - **top-k**: only the k most probable stay. k = 2 leaves 0.5 and 0.25, divided by their sum.
# - **top-p**: the fewest that reach p together stay. **How many are that for p = 0.7? For 0.75? For 0.76?**

# %%
p = np.array([0.5, 0.25, 0.15, 0.1])
print("sums so far:", np.cumsum(p), "  before each:", np.cumsum(p) - p)
print("top-k 2:    ", p[:2] / p[:2].sum(), " the library:", distribution(np.log(p), Sampling(top_k=2)))
for limit in (0.7, 0.75, 0.76):
    print(f"top-p {limit}: ", distribution(np.log(p), Sampling(top_p=limit)))

# %% [markdown]
# A token stays when the probability **before** it is still below p. So the most probable one always stays.
#
# Now the two prompts. **Top-k with k = 8 keeps 8 tokens after both. How many will top-p with p = 0.8 keep after the
# first, and after the second?**

# %%
figure, panels = plt.subplots(2, 3, figsize=(7.2, 4.8), sharey="row")
settings = {"all tokens": Sampling(), "top-k 8": Sampling(top_k=8), "top-p 0.8": Sampling(top_p=0.8)}
for row, (prompt, z) in enumerate(zip(prompts, real)):
    shown = np.argsort(-z)[:25]
    before = distribution(z, Sampling())
    for axes, (title, sampling) in zip(panels[row], settings.items()):
        p = distribution(z, sampling)
        axes.bar(range(25), before[shown], color="lightgray", label="before")
        axes.bar(range(25), p[shown], width=0.5, color="tab:blue", label="after")
        axes.set_title(f"{title}: {np.count_nonzero(p)} tokens", fontsize=8)
        axes.set_xticks([])
    panels[row, 0].set(ylabel="probability", xlabel=f'"{prompt}" ...')
panels[0, 2].legend(fontsize=8)
figure.suptitle("The 25 most probable tokens, before and after", fontsize=10)
plt.show()

# %% [markdown]
# Top-k keeps the same number everywhere, too many where the model is sure and too few where much is possible. Top-p
# looks at the distribution. (And min-p keeps what has at least a given share of the largest probability.)
#
# ### Exercise: top_k
#
# Thousands of improbable tokens together are probable enough to spoil a text now and then. Top-k keeps the k most
# probable tokens, gives all others the probability 0, and makes the rest add up to 1 again. Tokens that are exactly
# as probable as the k-th stay as well, so that the order of the vocabulary decides nothing. k = 0, and k of V or
# more, change nothing.

# %%
def keep_top_k(p, k):
    """p (V,) probabilities, k a whole number from 0 on -> q (V,), probabilities of the k most probable tokens alone.

    k = 0 means no limit. Tokens that are exactly as probable as the k-th stay too.
    """

# %%
check("top_k", keep_top_k)

# %% [markdown]
# ### Exercise: top_p
#
# Top-k keeps as many tokens where the model is sure as where it is not. Top-p (nucleus sampling) goes by probability:
# from the most probable token down, it keeps tokens until together they reach the threshold, the one that crosses it
# included, and makes them add up to 1 again. So at least one always stays. Every token keeps its place in p.

# %%
def keep_top_p(p, threshold):
    """p (V,) probabilities, 0 < threshold <= 1 -> q (V,), probabilities of the tokens that stay.

    Those are the fewest most probable tokens whose probabilities reach the threshold together. Of tokens that are
    equally probable the one with the smaller id comes first.
    """

# %%
check("top_p", keep_top_p)

# %% [markdown]
# ### What it does to a text
#
# The same prompt, the same random numbers, four settings. **Which text will repeat itself? Which will fall apart?**

# %%
def continuation(prompt, n, sampling, seed=0):
    return [row[0] for row in generate(gpt, [tokenizer.encode(prompt)], n, sampling, seed)]


for title, sampling in {"temperature 0": Sampling(0), "temperature 0.7": Sampling(0.7), "as it is": Sampling(),
                        "temperature 1.5": Sampling(1.5)}.items():
    print(f"--- {title}\nThe value{ascii(tokenizer.decode(continuation('The value', 60, sampling, seed=3)))[1:-1]}")

# %% [markdown]
# At temperature 0 the text soon says the same again and again, at 1.5 it falls apart: there the improbable tokens have
# their day.
#
# ## Beam search: look further than the next token
#
# Greedy search takes the most probable token each time and can't take it back. Beam search keeps the b most probable
# **texts**. A world of four words, in which the next word depends on the last one only:
#
# | after | the | a | cat | dog |
# |---|---|---|---|---|
# | (start) the word "so" | 0.6 | 0.4 | | |
# | the | | | 0.55 | 0.45 |
# | a | | | 0.1 | 0.9 |
#
# **Which two words does greedy search choose after "so", and which two are the most probable?** The library's beam
# search asks a model only for logits, so this table will do as one.

# %%
words = ["so", "the", "a", "cat", "dog"]
tiny = 1e-9  # stands for "never"
table = np.log(np.array([[tiny, 0.6, 0.4, tiny, tiny],
                         [tiny, tiny, tiny, 0.55, 0.45],
                         [tiny, tiny, tiny, 0.1, 0.9],
                         [1, tiny, tiny, tiny, tiny],
                         [1, tiny, tiny, tiny, tiny]]))


class TableModel:
    """What the library's generation needs of a model, over a table of which word follows which."""

    config = SimpleNamespace(vocab_size=5, context_length=8, num_layers=1)

    def __call__(self, ids, valid=None, cache=None, last_only=False):
        return table[ids[:, -1:]]  # (B, 1, V)


print("greedy: so -> the (0.6) -> cat (0.55):", f"{0.6 * 0.55:.2f}", "   but so -> a -> dog:", f"{0.4 * 0.9:.2f}")
for beams in (1, 2):
    for score, found in beam_search(TableModel(), [0], 2, beams, length_penalty=0, use_cache=False):
        print(f"{beams} beams: {' '.join(words[w] for w in found):8} log p {score:.3f}, p {math.exp(score):.3f}")

# %%
level_1 = {"the": (0.6, 3.0), "a": (0.4, 1.0)}
level_2 = {("the", "cat"): (0.55, 3.5), ("the", "dog"): (0.45, 2.5),
           ("a", "cat"): (0.1, 1.5), ("a", "dog"): (0.9, 0.5)}
total = {pair: level_1[pair[0]][0] * p for pair, (p, _) in level_2.items()}
kept = sorted(total, key=total.get)[-2:]
figure, axes = plt.subplots(figsize=(7, 3.4))
box = {"boxstyle": "round", "facecolor": "white", "edgecolor": "gray"}
for word, (p, y) in level_1.items():
    axes.plot([0, 1], [2, y], color="tab:blue", linewidth=3)
    axes.text(0.5, (2 + y) / 2 - 0.35, f"{p:g}", ha="center")
    axes.text(1, y, f"{word}\n{p:.2f}", ha="center", va="center", bbox=box)
for (first, second), (p, y) in level_2.items():
    stays = (first, second) in kept
    color, thick = ("tab:blue", 3) if stays else ("lightgray", 1.5)
    axes.plot([1, 2], [level_1[first][1], y], color=color, linewidth=thick)
    axes.text(1.55, (level_1[first][1] + y) / 2 - 0.3, f"{p:g}", ha="center", color="black" if stays else "gray")
    axes.text(2, y, f"{second}\n{total[first, second]:.2f}", ha="center", va="center", bbox=box,
              color="black" if stays else "gray")
axes.text(0, 2, "so", ha="center", va="center", bbox=box)
axes.plot([0, 1, 2], [2.12, 3.12, 3.62], color="tab:orange", linestyle="--", label="greedy")
axes.set(xlim=(-0.2, 2.3), ylim=(0, 4.1), title="Two beams: the two most probable texts of each length stay (blue)")
axes.axis("off")
axes.legend(loc="upper left")
plt.show()

# %% [markdown]
# Two beams find "a dog": the better text began with the worse word. The beam costs as much as so many texts side by
# side, and it isn't certain to find the best one, as that may begin with the third-best word.
#
# ### Exercise: beam_step
#
# A beam search keeps several texts, and a text's score is the log-probability of all its tokens. log_p has for each
# text the log-probabilities of the next token; a continuation's score is the text's plus the token's. Of all B V
# continuations choose the `beams` best (or all, when there are fewer), best first; of equal ones first that of the
# earlier text, then the smaller token. Several may come from one text, and a text may end without any.

# %%
def beam_step(scores, log_p, beams):
    """scores (B,) of the texts so far, log_p (B, V) of each text's next token -> rows (K,), tokens (K,), best (K,).

    The K = beams best continuations, best first: which text each continues, with which token, and its score.
    """

# %%
check("beam_step", beam_step)

# %% [markdown]
# ### Where a better search is worse
#
# Beam search finds more probable texts. **Will they be better? Let the trained model write, by beam search and by
# sampling, and compare with the real text: how probable each is, in the model's own eyes, and how many groups of four
# tokens have occurred in it before.**

# %%
def nats(prompt, new):
    """Mean of -log p(token) over the new tokens, by the model itself."""
    ids = np.array([[*prompt, *new]])
    p, _ = softmax_forward(gpt(ids[:, :-1])[0])  # (T, V)
    return float(-np.log(p[np.arange(len(prompt) - 1, ids.shape[1] - 1), new]).mean())


def repeated(new):
    """Share of the groups of four tokens that occurred before in the same text."""
    groups = Counter(tuple(new[i:i + 4]) for i in range(len(new) - 3))
    return 1 - len(groups) / groups.total()


backend.use("numpy", "float32")
length, starts = 48, (200, 1400, 3100, 4700, 6100, 7900)
contexts = [validation_tokens[start:start + 12].tolist() for start in starts]
writers = {"beams 8": lambda c: beam_search(gpt, c, length, 8)[0][1],
           "beams 4": lambda c: beam_search(gpt, c, length, 4)[0][1],
           "greedy": lambda c: [t for (t,) in generate(gpt, [c], length, Sampling(0))],
           "tau 0.7": lambda c: [t for (t,) in generate(gpt, [c], length, Sampling(0.7))],
           "top-p 0.9": lambda c: [t for (t,) in generate(gpt, [c], length, Sampling(top_p=0.9))],
           "tau 1": lambda c: [t for (t,) in generate(gpt, [c], length, Sampling())],
           "tau 1.5": lambda c: [t for (t,) in generate(gpt, [c], length, Sampling(1.5))]}
texts = {writer: [write(context) for context in contexts] for writer, write in writers.items()}
texts["real text"] = [validation_tokens[start + 12:start + 12 + length].tolist() for start in starts]
cost = {writer: np.mean([nats(c, new) for c, new in zip(contexts, many)]) for writer, many in texts.items()}
again = {writer: np.mean([repeated(new) for new in many]) for writer, many in texts.items()}

figure, panels = plt.subplots(1, 2, figsize=(7.2, 3.4), sharey=True)
labels = ("nats a token, to the model", "share of repeated groups of 4")
for axes, values, label in zip(panels, (cost, again), labels):
    colors = ["tab:orange" if writer == "real text" else "tab:blue" for writer in values]
    axes.barh(list(values), list(values.values()), color=colors)
    axes.set_xlabel(label)
panels[0].invert_yaxis()
figure.suptitle("What is most probable is not most like real text", fontsize=10)
plt.show()
print("beams 4:", ascii(tokenizer.decode(texts["beams 4"][0]))[1:-1])

# %% [markdown]
# The more beams, the more probable the text, and the more it repeats itself: with eight beams about half of its
# groups of four, in the real text hardly one in twenty. The real text costs the model more than three times what beam
# search finds. People don't write what is most probable, or they would say nothing new. A better search only shows it
# more clearly.
#
# Sampling at temperature 1 costs about as much as the real text, as it should: the first is the entropy of the
# model's distribution, the second its cross-entropy with the text. At 0.7 it is cheaper and still doesn't run in
# circles. So open text is sampled, and beam search is for tasks with few right answers, such as translation (Holtzman
# et al., 2020).
#
# ## The key/value cache
#
# To write token n + 1 the model must look at n tokens. **Must it compute everything for them again?** Attention by
# hand, three tokens of two channels, then a fourth one comes:

# %%
backend.use("numpy", "float64")
rng = np.random.default_rng(0)
q, k, v = rng.standard_normal((3, 4, 2)).round(1)  # (T=4, D=2) each
three, _ = attention_forward(q[:3], k[:3], v[:3], causal_mask(3))
four, _ = attention_forward(q, k, v, causal_mask(4))
print("with three tokens\n", three, "\nwith a fourth\n", four)

scores = q[3] @ k.T / math.sqrt(2)  # (4,): only the new query, against all keys
weights = np.exp(scores) / np.exp(scores).sum()
print("the last row alone: weights", weights, "times v:", weights @ v)

# %% [markdown]
# The first three rows are the same: no token looks at what comes after it. So for the new token the model needs its
# own query, and the keys and values of all. The old queries will never be asked again; old keys and values will, so
# they are kept.
#
# ### Exercise: cached_attention
#
# Under a causal mask a new token changes nothing before it, so the keys and values of the P positions so far are kept
# and only the T new ones go through the model. Append the new keys and values behind the cached ones and let the new
# queries attend to all S = P + T, each to itself and what is before it: query i stands at position P + i. The result
# must be that of attention over everything at once. P may be 0 (the prompt), and T is 1 for each token after that.

# %%
def cached_attention(q, k, v, cache_k, cache_v):
    """Causal attention of T new positions over P cached ones and themselves.

    q (B, H, T, D), k (B, H, T, D), v (B, H, T, D), cache_k (B, H, P, D), cache_v (B, H, P, D)
    -> y (B, H, T, D), and the new cache: all keys (B, H, S, D) and all values (B, H, S, D), S = P + T.
    """

# %%
check("cached_attention", cached_attention)

# %% [markdown]
# **Does it change the result?** The whole text at once, and token by token with a cache:

# %%
ids = validation_tokens[None, :10].astype(int)
with backend.using("numpy", "float64"):
    exact = GPT(shape, seed=0)
    cache = Cache(shape)
    token_by_token = [exact(ids[:, t:t + 1], cache=cache)[0, 0] for t in range(10)]
    print("largest difference:", np.abs(np.array(token_by_token) - exact(ids)[0]).max())
    print("the cache holds", cache.length, "positions; keys of the first layer", cache.layers[0].k.shape)

# %% [markdown]
# And what does it save? **Predict the shape of both curves: milliseconds for one more token, against the number of
# tokens that are there.**

# %%
backend.use("numpy", "float32")
longer = GPT(GPTConfig(vocab_size=512, context_length=512, d_model=128, num_heads=4, num_layers=4), seed=0)
lengths = [16, 64, 128, 192, 256, 320, 384, 448, 500]
milliseconds = {}
for use_cache in (True, False):
    milliseconds[use_cache] = []
    for length in lengths:
        row = Continuation(longer, [[1] * length], use_cache)
        row.next_logits()  # the prompt itself isn't timed
        times = []
        for _ in range(3 if quick else 7):
            begin = time.perf_counter()
            row.append([2])
            row.next_logits()
            times.append(1000 * (time.perf_counter() - begin))
        milliseconds[use_cache].append(min(times))  # what else the machine does only ever adds

figure, axes = plt.subplots(figsize=(7, 3.4))
axes.plot(lengths, milliseconds[False], "o-", color="tab:orange", label="everything anew")
axes.plot(lengths, milliseconds[True], "o-", color="tab:blue", label="with the cache")
axes.set(xlabel="tokens so far", ylabel="ms for one more", ylim=(0, None), title="The cost of one more token")
axes.legend()
plt.show()
print(f"at {lengths[-1]} tokens: {milliseconds[False][-1] / milliseconds[True][-1]:.0f} times as fast")

# %% [markdown]
# Without the cache a token costs a forward over the whole text, so n tokens cost about n² / 2 token-forwards. With it
# each costs one, and only attention, a small part, still grows with the length.
#
# It isn't free: two vectors of C numbers a token and layer, 2 L T C numbers in all. **Which is more for GPT-3: the
# weights of GPT-2 small, or the cache of a single full context?**

# %%
print("                 weights    cache of one full context (float32)")
for preset in ("small", "gpt2", "gpt2-xl", "gpt3-175b"):
    c = PRESETS[preset]
    numbers = 2 * c.num_layers * c.context_length * c.d_model
    print(f"{preset:10} {4 * count_parameters(c) / 2**20:12,.1f} MiB {4 * numbers / 2**20:12,.1f} MiB")
held = sum(layer.k.nbytes + layer.v.nbytes for layer in cache.layers)
print(f"the cache in float64 above: by hand {2 * 3 * 64 * 64 * 8:,} bytes, held {held:,}")

# %% [markdown]
# A server answers many people at once: each has a cache of their own, while all share the weights. That is why later
# models let several heads share their keys and values.
#
# When the text outgrows the context, its beginning must go, every token moves to another position, and the whole
# cache is worthless. The library therefore drops half a context at a time, and not one token each time.
#
# ## Several prompts at once
#
# Prompts differ in length, arrays don't. **On which side would you pad, and what must be masked?**

# %%
prompts = ["The", "An object is", "For example, the function"]
rows = [tokenizer.encode(prompt) for prompt in prompts]
batch = Continuation(gpt, rows)
together = batch.next_logits()
print("lengths", [len(row) for row in rows])
print("real tokens, left-padded so that all rows end together:")
print(batch.valid.astype(int))
for row, prompt in enumerate(prompts):
    alone = Continuation(gpt, [rows[row]]).next_logits()[0]
    print(f"{prompt!r:30} differs from alone by at most {np.abs(together[row] - alone).max():.1e}")

width = max(len(row) for row in rows)
padded = np.array([[0] * (width - len(row)) + row for row in rows])
careless = gpt(padded, last_only=True)[:, 0]  # padding taken for text
print("without the mask and the positions that it implies:")
p, wrong = (softmax_forward(z)[0] for z in (together, careless))
for row, prompt in enumerate(prompts):
    print(f"{prompt!r:30} differs by {np.abs(p[row] - wrong[row]).sum() / 2:.2f} (0: the same, 1: nothing in common)")

# %%
figure, panels = plt.subplots(1, 3, figsize=(7.2, 2.9))
mask = causal_mask(width)[None] & batch.valid[:, None, :]  # (B, T, S)
for axes, row in zip(panels, range(3)):
    labels = ["(pad)"] * (width - len(rows[row])) + [name(token) for token in rows[row]]
    axes.imshow(mask[row], cmap="Blues", vmin=0, vmax=1.5)
    axes.set_xticks(range(width), labels, rotation=90, fontsize=7, family="monospace")
    axes.set_yticks(range(width), labels, fontsize=7, family="monospace")
    axes.set_title(f"row {row}", fontsize=9)
figure.suptitle("Who may look at whom: each line is a token that looks (blue: it may)", fontsize=10)
plt.show()

# %% [markdown]
# Padding stands on the left, so that the last column is the last token of every row. Its keys are masked for
# everybody, and positions are counted from the first real token. Then a row's result doesn't depend on its
# neighbours, and that is what the test of such code must ask.
#
# ## What you have learned
#
# - Temperature spreads or sharpens, top-k and top-p cut the tail; the order of the tokens never changes.
# - Beam search finds more probable texts, and those repeat themselves: real text isn't the most probable one.
# - Keys and values of the past never change, so they are kept: one small forward a token, for 2 L T C numbers.
#
# This was the last chapter of the GPT: from arrays ([00](00_backend.ipynb)) to a text that a model writes. A model of
# your own is one command away: `python -m minigpt train --data YOUR-FILE`.
#
# **Next:** [11 · Preparing text: what must be done before counting, and what a large model no longer
# needs](11_segmentation.ipynb), and with it the road that led here, from counting to recurrent networks.
