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
# # 10 · 生成
# <!-- english: b1addb010f7f -->
#
# **本章的问题：** 语言模型给出每个可能的下一个词元的概率。这怎样变成一段文字？为什么概率最大的文字不是最好的？
# 为什么每多写一个词元，代价并不等于把前面的全文再算一遍？
#
# 运行时间：两个 CPU 核上约 30 秒；需要先读 [02](02_cross_entropy.ipynb)、[06](06_attention.ipynb) 和
# [08](08_gpt.ipynb)；研读的源代码：[generate.py](../../minigpt/generate.py)、
# [sampling.py](../../minigpt/sampling.py)、[beam_search.py](../../minigpt/beam_search.py)；
# 文档：[generate](../../docs/zh/generate.md)、
# [sampling](../../docs/zh/sampling.md) 和 [beam_search](../../docs/zh/beam_search.md)。
#
# [在 Colab 中打开](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/zh/10_generate.ipynb)

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
# 先准备一个可用的模型：第 08 章的小 GPT，在 Python 语言参考手册上训练。

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
# ## 温度
#
# 三个词元，logits 是 2、1、0。softmax 把它们变成 0.665、0.245、0.090。温度（temperature）先把 logits 除以 τ。
# **τ = 0.5 和 τ = 2 时，第一个的概率是大于还是小于 0.665？τ 趋于 0 和无穷大时又剩下什么？**
# 起作用的只是 logits 之差，两个概率之比是 exp(差 / τ)：

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
# 温度改变概率之间的差距，从不改变它们的次序。再看真实的分布：两个提示（prompt）之后各会出现什么。
# **哪一个留下的可能更多？**

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
# ### 练习：temperature
#
# 先把 logits 除以温度（temperature）τ，再做 softmax：
# p = softmax(z / τ)。τ 小于 1 时，可能的词元更可能；大于 1 时，各词元更接近。
# 温度 0 是极限情形，即贪心选择：全部概率给最大的 logit；有几个并列最大时，给第一个。
# logits 可能大到 1000。

# %%
def with_temperature(logits, temperature):
    """logits (V,), temperature a number from 0 on -> p (V,), the probabilities to draw the next token from."""

# %%
check("temperature", with_temperature)

# %% [markdown]
# ## 截去尾巴：top-k 与 top-p
#
# 词表有 512 个词元，其中大多数在这里都不对。每一个的概率都微乎其微，但合起来就不小了，
# 何况一段 100 个词元的文字要抽 100 次。以 0.5、0.25、0.15、0.1 为例。
#
# - **top-k**：只留概率最大的 k 个。k = 2 时留下 0.5 和 0.25，再除以它们的和。
# - **top-p**：只留概率之和达到 p 的最少几个。**p = 0.7 时是几个？0.75 呢？0.76 呢？**

# %%
p = np.array([0.5, 0.25, 0.15, 0.1])
print("sums so far:", np.cumsum(p), "  before each:", np.cumsum(p) - p)
print("top-k 2:    ", p[:2] / p[:2].sum(), " the library:", distribution(np.log(p), Sampling(top_k=2)))
for limit in (0.7, 0.75, 0.76):
    print(f"top-p {limit}: ", distribution(np.log(p), Sampling(top_p=limit)))

# %% [markdown]
# 一个词元只要排在它**之前**的概率之和还不到 p，就留下。所以概率最大的那个总会留下。
#
# 现在看那两个提示。**top-k 取 k = 8，两处都留 8 个。top-p 取 p = 0.8，第一处会留几个，第二处呢？**

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
# top-k 在哪里都留同样多：模型有把握时嫌多，可能性很多时嫌少。top-p 则看分布本身。
# （min-p 留下的是概率不低于最大值某个比例的词元。）
#
# ### 练习：top_k
#
# 成千上万个不太可能的词元，加起来的概率足以偶尔毁掉一段文本。top-k 只保留概率最大的 k 个词元，
# 其余概率设为 0，再让剩下的加起来等于 1。与第 k 个概率完全相同的词元也留下，这样词表的顺序就不起作用。
# k = 0，或 k 不小于 V 时，什么也不变。

# %%
def keep_top_k(p, k):
    """p (V,) probabilities, k a whole number from 0 on -> q (V,), probabilities of the k most probable tokens alone.

    k = 0 means no limit. Tokens that are exactly as probable as the k-th stay too.
    """

# %%
check("top_k", keep_top_k)

# %% [markdown]
# ### 练习：top_p
#
# 模型很有把握时和没有把握时，top-k 保留的词元一样多。top-p（核采样，
# nucleus sampling）看的是概率：从最可能的词元往下，保留到合起来达到阈值为止，
# 越过阈值的那一个也算在内，再让它们加起来等于 1。所以至少总会留下一个。每个词元仍在 p 中原来的位置。

# %%
def keep_top_p(p, threshold):
    """p (V,) probabilities, 0 < threshold <= 1 -> q (V,), probabilities of the tokens that stay.

    Those are the fewest most probable tokens whose probabilities reach the threshold together. Of tokens that are
    equally probable the one with the smaller id comes first.
    """

# %%
check("top_p", keep_top_p)

# %% [markdown]
# ### 文字会变成什么样
#
# 同样的提示，同样的随机数，四种设置。**哪一段会重复？哪一段会散架？**

# %%
def continuation(prompt, n, sampling, seed=0):
    return [row[0] for row in generate(gpt, [tokenizer.encode(prompt)], n, sampling, seed)]


for title, sampling in {"temperature 0": Sampling(0), "temperature 0.7": Sampling(0.7), "as it is": Sampling(),
                        "temperature 1.5": Sampling(1.5)}.items():
    print(f"--- {title}\nThe value{ascii(tokenizer.decode(continuation('The value', 60, sampling, seed=3)))[1:-1]}")

# %% [markdown]
# 温度为 0 时，文字很快就翻来覆去说同样的话；温度为 1.5 时则散了架：不太可能的词元也频频出场。
#
# ## 束搜索：看得比下一个词元更远
#
# 贪心搜索（greedy search）每次取概率最大的词元，而且不能反悔。束搜索（beam search）保留概率最大的 b 段**文本**。
# 设想一个世界，下一个词只取决于上一个词：
#
# | 前一个词 | the | a | cat | dog |
# |---|---|---|---|---|
# | （开头）so | 0.6 | 0.4 | | |
# | the | | | 0.55 | 0.45 |
# | a | | | 0.1 | 0.9 |
#
# **在 so 之后，贪心搜索选哪两个词？概率最大的是哪两个词？** 库里的束搜索只向模型要 logits，所以这张表也可以充当模型。

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
# 两束找到了 “a dog”：更好的文本以较差的词开头。束搜索的代价相当于并排写这么多段文本，
# 而且不保证找到最好的：最好的那段可能以第三好的词开头。
#
# ### 练习：beam_step
#
# 束搜索（beam search）同时保留几段文本，一段文本的分数是它所有词元的对数概率之和。
# log_p 给出每段文本下一个词元的对数概率；延续的分数等于文本的分数加上词元的对数概率。
# 在全部 B V 个延续中选出最好的 beams 个（不够时全选），最好的在前；分数相同时，先取靠前的文本，
# 再取小的词元。几个延续可以来自同一段文本，也可能有的文本一个也没有。

# %%
def beam_step(scores, log_p, beams):
    """scores (B,) of the texts so far, log_p (B, V) of each text's next token -> rows (K,), tokens (K,), best (K,).

    The K = beams best continuations, best first: which text each continues, with which token, and its score.
    """

# %%
check("beam_step", beam_step)

# %% [markdown]
# ### 搜索得更好，结果却更差
#
# 束搜索能找到概率更大的文本。**它们会更好吗？让训练好的模型分别用束搜索和采样来写，再与真实文本比较：
# 在模型自己看来每段的概率有多大；连续四个词元的组合有多少是前文里已经出现过的。**

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
# 束越多，文本的概率越大，重复也越多：八束时约一半的四词元组合是重复的，而真实文本里不到二十分之一。
# 真实文本在模型看来每个词元的代价，是束搜索所找到的三倍以上。
# 人写的并不是概率最大的话，否则就没有新东西可说了。搜索得越好，这一点只会越明显。
#
# 温度为 1 的采样，代价与真实文本差不多，这正是应有的结果：
# 前者是模型分布的熵（entropy），后者是它与文本的交叉熵（cross-entropy）。
# 温度为 0.7 时代价更低，却仍不打转。所以开放的文本用采样来写，
# 束搜索则用于正确答案很少的任务，例如翻译（Holtzman et al., 2020）。
#
# ## 键值缓存
#
# 写第 n + 1 个词元时，模型要看前 n 个词元。**是不是什么都得为它们重算一遍？** 手算注意力：先有三个词元，
# 每个两个通道，然后来了第四个：

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
# 前三行没有变：没有哪个词元会看它后面的东西。所以新词元需要的是它自己的查询，以及所有词元的键和值。
# 旧的查询不会再被用到；旧的键和值还会用到，所以把它们留着，这就是键值缓存（key/value cache）。
#
# ### 练习：cached_attention
#
# 在因果掩码下，新的词元不影响它之前的任何东西，所以已有 P 个位置的键和值可以留着，只有 T 个新位置要经过模型。
# 把新的键和值接在缓存后面，让新的查询去看全部 S = P + T 个位置，每个查询只看自己和它之前的：
# 查询 i 在位置 P + i。结果必须与一次算完全部时相同。P 可以是 0（输入提示时），之后每个词元 T 为 1。

# %%
def cached_attention(q, k, v, cache_k, cache_v):
    """Causal attention of T new positions over P cached ones and themselves.

    q (B, H, T, D), k (B, H, T, D), v (B, H, T, D), cache_k (B, H, P, D), cache_v (B, H, P, D)
    -> y (B, H, T, D), and the new cache: all keys (B, H, S, D) and all values (B, H, S, D), S = P + T.
    """

# %%
check("cached_attention", cached_attention)

# %% [markdown]
# **结果会不会变？** 一种是整段文本一次算完，另一种是带着缓存逐个词元算：

# %%
ids = validation_tokens[None, :10].astype(int)
with backend.using("numpy", "float64"):
    exact = GPT(shape, seed=0)
    cache = Cache(shape)
    token_by_token = [exact(ids[:, t:t + 1], cache=cache)[0, 0] for t in range(10)]
    print("largest difference:", np.abs(np.array(token_by_token) - exact(ids)[0]).max())
    print("the cache holds", cache.length, "positions; keys of the first layer", cache.layers[0].k.shape)

# %% [markdown]
# 它省下了什么？**先猜两条曲线的形状：再写一个词元所需的毫秒数，随已有词元数怎样变化？**

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
# 没有缓存时，每个词元要对整段文本做一次前向，所以 n 个词元大约要 n² / 2 次“单词元前向”。有了缓存，每个只要一次，
# 随长度增长的只剩注意力，那只是一小部分。
#
# 它也不是白来的：每个词元、每层要存两个 C 维向量，一共 2 L T C 个数。
# **GPT-2 small 的全部权重，和 GPT-3 一个完整上下文的缓存，哪个更大？**

# %%
print("                 weights    cache of one full context (float32)")
for preset in ("small", "gpt2", "gpt2-xl", "gpt3-175b"):
    c = PRESETS[preset]
    numbers = 2 * c.num_layers * c.context_length * c.d_model
    print(f"{preset:10} {4 * count_parameters(c) / 2**20:12,.1f} MiB {4 * numbers / 2**20:12,.1f} MiB")
held = sum(layer.k.nbytes + layer.v.nbytes for layer in cache.layers)
print(f"the cache in float64 above: by hand {2 * 3 * 64 * 64 * 8:,} bytes, held {held:,}")

# %% [markdown]
# 服务器同时回答许多人：权重大家共用，缓存每人一份。正因如此，后来的模型让几个头共用一套键和值。
#
# 文本长过上下文时，开头必须丢掉，于是每个词元都换了位置，整个缓存作废。
# 所以本库一次丢掉半个上下文，而不是每次丢一个词元。
#
# ## 同时处理几个提示
#
# 提示有长有短，数组却是整齐的。**应当填充在哪一边？要掩掉什么？**

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
# 填充（padding）放在左边，这样最后一列就是每一行的最后一个词元。填充处的键对所有词元都掩掉，位置从第一个真词元数起。
# 这样每一行的结果就不受邻行影响，而这正是此类代码的测试应当检查的。
#
# ## 学到了什么
#
# - 温度使分布变平或变尖，top-k 与 top-p 截去尾巴；词元的次序始终不变。
# - 束搜索找到概率更大的文本，而它们会重复自己：真实文本并不是概率最大的文本。
# - 过去的键和值不再变化，所以留着：每个词元只需一次小的前向，代价是 2 L T C 个数。
#
# 这是 GPT 的最后一章：从数组（[00](00_backend.ipynb)）一直到模型写出的文字。训练一个自己的模型，只要一条命令：
# `python -m minigpt train --data YOUR-FILE`。
#
# **下一章：** [11 · 准备文本：计数之前要做什么，大模型又不再需要什么](11_segmentation.ipynb)。从那里开始，走一遍通向这里的路：从计数到循环网络。
