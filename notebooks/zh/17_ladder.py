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
# # 17 · 阶梯
# <!-- english: 763cda9c1bc4 -->
#
# 从瞎猜到 GPT：按历史的次序排列的十个语言模型。**每个都拿到同样的文本和同样的时间。每一步换来了什么？**
#
# 运行时间：在两个 CPU 核心上约 90 秒；需要先学第 02、08、12、13、15 和 16 章；研读的源码：
# [ladder.py](../../minigpt/ladder.py)，文档 [ladder](../../docs/zh/ladder.md)，其中有完整阶梯的结果，
# 每个网络训练一分钟。
#
# [在 Colab 中打开](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/zh/17_ladder.ipynb)

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
# ## 一段文本，一把尺子
#
# Python 的语言参考手册，约五十万个字符。最后十分之一留出不用：没有模型见过它，分词器也没有。
# **学了 1024 个字节对之后，一个词元平均有多少个字符？**

# %%
text = prepare_text(find_sources(["pydoc"]))
counts = text.held_out.counts
for name, part in (("train", text.train), ("held out", text.held_out)):
    print(f"{name:9} {part.counts.characters:8,} characters {part.counts.tokens:8,} tokens: "
          f"{part.counts.characters / part.counts.tokens:.2f} characters a token")

# %% [markdown]
# 先看地面：认为每个词元都同样可能的模型。手算一个数。V = 1024 时，每个词元不论是什么都要
# log2 1024 = 10 比特；而 N 个词元代表这么多个字符：
#
# 每字符比特数 = 10 · N / 字符数
#
# 一元模型（unigram）是下一级：一个词元的代价是 -log2（它在训练文本中所占的份额）。
# **原来三个半比特，能省下多少：半个，还是更多？**

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
# ## 十个模型，同样的时间
#
# 现在全部来一遍。计数不到一秒；这里每个网络十二秒，在 `python -m minigpt ladder` 里是一分钟。
# **先把你的猜测写下来：哪个模型需要的比特最少？训练文本与留出文本在哪里相差最远？**

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
# 从左往右读。
#
# - **从均匀到一元**：有些词元很常见。没有上下文，就已经省了半个比特。
# - **到二元**（bigram）：一个词元的上下文。这是最大的一步，而且不用任何梯度。
# - **到五元**：四个词元。它在训练文本上几乎不费比特，因为那里的五个一组它几乎都见过：
#   横线与柱顶之间的差距，就是背下来的部分。然而它在留出文本上也好，因为 Kneser-Ney 对长上下文的信任，
#   只到它见过的程度为止。
# - **各个网络**从头开始：随机的权重，十二秒的时间。它们每一步能换来多少，要看最后几级。
#   表格读一遍文本就学会了，网络要读许多遍，每次只走一小步。
#
# 时间在这里就是货币。时间多了，每个网络都会下降，计数模型却停在原处；在 [ladder](../../docs/zh/ladder.md)
# 的表里，每个网络有一分钟。文本是另一种货币：每多看一个词元的上下文，计数就需要更多的文本。
#
# ## 谁会吃惊，吃惊到什么程度？
#
# 各模型丢比特的地方也不同。取五元模型和 GRU，看留出文本里每个词元各要多少比特。
# **哪一个有更多几乎不费比特的词元？有多少词元超过 12 比特，比瞎猜还贵？**

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
# 表格在见过的地方很有把握：这就是它高高的第一根柱子。网络只走了这么几步，几乎从来没有把握，
# 但不论上下文见没见过，它都有一个看法。它们错在不同的词元上。所以混合起来应当比两者都好：
#
# p_mix = λ p + (1 - λ) q
#
# 循环模型就是这样进入语音识别的：每个都作为 n 元模型的另一半。
#
# ### 练习：interpolate
#
# p (T,) 是一个模型给文本中 T 个词元的概率（每个位置上取真实出现的那个词元），q (T,) 是另一个模型的。
# 混合模型给每个词元 λ p + (1 - λ) q，λ 即 `weight`。返回它在这段文本上的每字符比特数：
# 各概率的 -log2 之和，除以这些词元所代表的 `characters` 个字符。

# %%
def interpolate(p, q, weight, characters):
    """p (T,), q (T,): what two models gave to each token of a text -> the mixture's bits per character."""

# %%
check("interpolate", interpolate)

# %% [markdown]
# 先混合，再取对数。反过来，两个代价的平均，永远胜不过较好的那个模型。
# **猜一猜：λ 取多少时混合模型最好，好百分之几个比特？**

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
# ### 练习：mixture_weight
#
# 这条曲线试了 41 次。有更好的办法。不妨设想：对每个词元，混合模型先选一个模型，以概率 λ 选 p，再让它说话。
# 谁说了话是看不见的，但是 p 的可能性算得出来：它在这个词元的概率中所占的份额，λ p / (λ p + (1 - λ) q)。
# 这些份额在整段文本上的平均，就是一个更好的 λ。从 λ = `weight` 开始，返回 rounds 轮之后的 λ。
# （这就是期望最大化（expectation and maximisation, EM）。）

# %%
def mixture_weight(p, q, weight, rounds):
    """p (T,), q (T,): what two models gave to each token; weight: of p, to begin with -> the weight after rounds."""

# %%
check("mixture_weight", mixture_weight)

# %% [markdown]
# ## 诚实起见
#
# λ 是在留出文本上选的，各网络的学习率和 dropout 也是，每个试了几次。严格说来，用来做选择的文本就不再是没见过的了；
# 只在几个值里选一个数，占不到多大便宜，但若是比赛，就应当再留出第三部分，只供最后一次测量。
# 另外，台阶的次序只是**对这段文本和这段时间**而言的次序。五十万个字符、一分钟，这是计数的天下。
# **要让 GPT 排到第一，你得改变什么？** `python -m minigpt ladder --seconds 300 --models kneser-ney gru gpt`
# 是一个可以试的答案。
#
# ## 学到了什么
#
# - 留出文本上的每字符比特数，可以把一张计数表和一个 GPT 放在一起比较，不管它们用什么词元。
# - 每一级都换来了一样东西：频率、上下文、共享的向量、没有尽头的记忆、深度；每一样也都要付出时间。
#   文本少、时间短的时候，平滑得好的表格很难胜过。
# - 错在不同词元上的模型，合起来更好：要混合概率，而不是代价。
#
# Transformer 之前的部分到此结束。接下来，把最后一级训练得久一些：`python -m minigpt train`，
# 并想着这座阶梯，再读一遍第 [08](08_gpt.ipynb) 章。
