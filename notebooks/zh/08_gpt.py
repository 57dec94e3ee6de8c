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
# <!-- english: 5f88f57e62ad -->
#
# **本章的问题：** 零件都齐了：嵌入、注意力、前馈网络、归一化、损失。
# 把它们装在一起会得到什么？它有多大？训练之前它知道什么？训练时最先学会什么？
#
# 运行时间：两个 CPU 核上约 30 秒；需要先读 [02](02_cross_entropy.ipynb)，以及
# [04](04_embedding.ipynb) 到 [07](07_block.ipynb)；研读的源代码：[gpt.py](../../minigpt/models/gpt.py)、
# [gpt_size.py](../../minigpt/models/gpt_size.py)；文档：[gpt](../../docs/zh/models/gpt.md) 和
# [gpt_size](../../docs/zh/models/gpt_size.md)，批次见 [data](../../docs/zh/data.md)。
#
# [在 Colab 中打开](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/zh/08_gpt.ipynb)

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
# ## GPT 就是五行代码
#
# 取一个小到每个数都能打印出来的模型：六个词元（token），四个位置，四个通道，两个头，两个块。文本是 `2 0 5 3`。
# **运行之前先想：每一行得到什么形状？最后一行一共有多少个数？**

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
# 整个模型就是这样。四个位置，每个位置给六个词元各打一个分：一共 24 个数。一路上 h 的形状始终不变，
# 所以模型可以有 2 个块，也可以有 96 个。
#
# 一段文本同时提出**四个问题**。掩码（mask）让位置 t 只看见到 t 为止的词元，而它的目标是 t + 1 处的词元。
# 所以目标就是文本自己往后挪一位。（目标不是输入本身：如果拿输入当目标，答案就摆在眼前，没有什么可预测的了。）

# %%
text = [2, 0, 5, 3, 1]
inputs, targets = text[:-1], text[1:]
for t in range(len(inputs)):
    print(f"position {t} sees {inputs[:t + 1]} and is asked for {targets[t]}")

# %% [markdown]
# ### 练习：next_token_targets
#
# 语言模型学的是预测下一个词元，所以每个位置的目标是该位置输入之后的那个 id。
# 把前 `end` 个 id 切成一个接一个的窗口，每个窗口 context_length 个输入，
# 使得第一个之后的每个 id 恰好做一次目标。`end` 之后是验证文本，一个也不能看到，连最后一个目标也不行。
# 最后一个窗口可能填不满：多出的地方输入为 0，目标为 -100，损失不计这个值。

# %%
def next_token_targets(ids, context_length, end):
    """ids (N,) of a text, of which the first `end` are for training -> inputs (B, T), targets (B, T).

    T = context_length. The B windows lie one after the other; each target is the id after its input. Where the last
    window reaches beyond the training text, inputs are 0 and targets -100, which the loss doesn't count.
    """

# %%
check("next_token_targets", next_token_targets)

# %% [markdown]
# ## 训练之前它知道什么？
#
# **先猜：词表有 1024 个词元的模型，还没训练时损失是多少？** 先从四个词元想起。logits 全为 0 时每个词元的概率都是
# p = 1/4，不管答案是哪一个，损失都是 -ln(1/4) = ln 4。

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
# 接近 ln V，但略高一点。为什么会高？因为 logits 并不恰好是 0。设它们是均值为 0、标准差为 s 的随机数。损失等于
# ln Σ exp(z_v) - z_target。对正态分布的 z，exp(z) 的均值是 exp(s²/2)，所以和约为 V exp(s²/2)，取对数得
# ln V + s²/2；目标自己的 logit 平均为 0：
#
# $$ \text{loss} \approx \ln V + \frac{s^2}{2} $$
#
# 没有知识却有主张，每一分都要付代价。s 有多大？最后的归一化使 h 成为 C 个方差为 1 的数，
# 每个 logit 是它与一行权重的内积，权重的标准差为 0.02：s ≈ 0.02 √C，这里约为 0.2。
# 下一个单元把输出层的权重一步步放大，与公式比较。

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
# 所以，如果最初的损失远高于 ln V，说明初始权重太大（或者损失写错了）；如果远**低于** ln V，说明答案泄漏了：
# 漏了掩码，或者目标没有错开一位。
#
# 权重绑定（tied weights）的 GPT 在训练之前确实相信一件事。**它认为下一个词元是哪个？**

# %%
p, _ = softmax_forward(untrained(random_ids[:1, :12])[0])  # (12, V)
print("the input          ", random_ids[0, :12])
print("most probable next ", p.argmax(axis=-1))
print("its probability    ", p.max(axis=-1), f"  evenly: {1 / 1024:.3f}")

# %% [markdown]
# 几乎处处都是这个词元自己。它的嵌入从底部进入残差通路；各个块起初加进去的东西很少，所以它几乎原样到达顶部，
# 而顶部又用同一张表来问“它像哪一行”。这几乎不增加损失，训练几步之后就消失了：
# 看看下文的模型在第 0 步和第 10 步写了什么。
#
# ## 它有多大？
#
# 先用手数这个小模型：V = 6，T = 4，C = 4，F = 16，L = 2。**请先拿起铅笔，再运行。**
#
# | 部分 | 公式 | 个数 |
# |---|---|---|
# | 词元表 | V C | 24 |
# | 位置 | T C | 16 |
# | 注意力：q、k、v、out | 4 C² + 4 C | 每块 80 |
# | 前馈网络：in、out | 2 C F + F + C | 每块 148 |
# | 两个归一化：g 和 b | 4 C | 每块 16 |
# | 最后的归一化 | 2 C | 8 |

# %%
by_hand = 6 * 4 + 4 * 4 + 2 * (4 * 4**2 + 4 * 4 + 2 * 4 * 16 + 16 + 4 + 4 * 4) + 2 * 4
print("by hand", by_hand, " in the model's vector", model.flat.data.size, " predicted",
      gpt_size.count_parameters(config))
for name, p in list(model.parameters().items())[:6]:
    print(f"  {name:30} {p.data.shape}")

# %% [markdown]
# ### 练习：count_parameters
#
# 自下而上：V 个词元向量的表，T 个位置向量的表，每个向量 C 个通道；L 个块；
# 最后一个层归一化（layer normalisation）；以及把 C 个通道变成 V 个 logits 的输出层，
# 没有偏置。每个块有两个层归一化（各有一个增益和一个平移），注意力中 q、k、v 和输出的线性层，
# 形状都是 (C, C)，都带偏置，还有前馈网络的两层 (C, F) 和 (F, C)，也都带偏置。
# tied_embedding 为真时，输出层就是词元表本身，不增加参数。

# %%
def count_parameters(vocab_size, context_length, d_model, num_heads, num_layers, d_ff, tied_embedding):
    """The number of parameters of a GPT with pre-norm blocks and learned positions, an int; tied weights once."""

# %%
check("count_parameters", count_parameters)

# %% [markdown]
# 再看已发表的各种规模。**先猜：GPT-2 small（1.24 亿参数）里注意力占几成？GPT-3（1750 亿）里词元表占几成？**

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
# GPT-2 small 里注意力不到四分之一，词元表将近三分之一；GPT-3 里词元表只占 0.4 %。
# 每个块有 12 C² 个参数（F = 4 C 时），三分之一在注意力，三分之二在前馈网络；词元表有 V C 个。
# 所以词元表在小模型里分量很重，在大模型里几乎可以忽略。
#
# 内存不只是参数。用 Adam 训练时，每个参数要存四个数：权重、梯度和两个平均值。此外，前向还要保存反向所需的数据，
# 它随批量增大。预测得准不准？可以直接问模型。

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
# 少算的 32 字节是 4 个位置的编号，所有文本共用。只有四段文本，保存的数据就已经超过参数了。
# 其中大部分是注意力的权重（每层、每段文本 H T² 个数）和前馈网络保存的数据；两者都可以不存，等反向时重算，用时间换内存。
#
# ## 它到底能不能学？一句话
#
# 任何新模型的第一项检验：只给它一个批次，训练到背下来为止。如果连这个都做不到，那就是有错，数据再多也没有用。
# **先猜：损失能降到多低？有些字母在不同的地方后面跟着不同的字母，这是不是一个下限？**

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
# 没有这样的下限：“the” 加空格之后可能是 c、m、r、h，但看看前文，甚至只看位置，就知道是哪一个。损失趋于 0。
# （第 30 步时，每处概率最大的字母都已经对了，而损失离 0 还远：对，和有把握，是两回事。）
# 模型先学会哪些字母常见（虚线），再学会什么后面跟什么，最后学会整句话。
#
# 背下一句话的模型对语言一无所知。要学语言，就需要比它能背下的更多的文本。
#
# ## 真正的文本
#
# 文本是 Python 自带的语言参考手册，每台机器上都有。在它上面学一个 512 个词元的 BPE 词表（第 01 章）；
# 最后十分之一留作验证。（各个 Python 版本的文本略有不同，所以你得到的数也会略有不同。）**先猜顺序：模型先学会什么，
# 其次是什么，然后又是什么？** 两个数可以帮助判断：只知道每个词元有多常见时的损失，
# 以及只知道哪个词元跟在哪个后面时的损失；两者都在训练文本上计数，在验证文本上测量。

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
# 样本讲的是同一件事：先是随便什么词元，然后是常见的词元，然后是搭配和单词，最后是手册的口气。
# 要降到最后一条线以下，模型必须用到不止一个词元的上下文，因为词元对的表很难做得更好了。
#
# ## 损失在哪里下降？
#
# 损失是各位置的平均，而最前面的位置几乎没有依据。**先猜这条曲线：只看过一个词元的位置 1，位置 8，位置 64，
# 损失各是多少？** 取验证文本的随机窗口，对每个位置求平均：

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
# 模型胜过词元对的表，靠的是更早的词元。在位置 1，两者都只看过一个词元，模型落后于那张表：表是精确数出来的，
# 而模型要用为数不多的参数兼顾一切。有两个词元它就领先了。上下文加倍，最初几次帮助最大；
# 超过 16 个词元之后，这个又小又训练得短的模型已经没有这些窗口看得出的收益。
# 在同一段文本之内，损失也很不均匀：

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
# 单词的后半截和刚出现过的名字代价很小；新单词的第一个词元代价很大。文本的信息就在那里。
#
# ## 一张表，两个用处：权重绑定
#
# 词元表 W 用了两次：在底部查出一行，在顶部给每一行打分，z = h Wᵀ。所以 W 从两处得到梯度。
# **先猜：输入是词元 2、0、5、3。W 的哪些行从底部得到梯度，哪些行从顶部得到？**
#
# 用同样的权重做一个不绑定的模型，它的输出层有自己的矩阵；这样两项就分别落在两个地方。

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
# 第 1 行和第 4 行没有输入过：从底部得不到梯度。从顶部每一行都得到一些，连第 4 行也一样，它既不是输入也不是目标：
# 它的分数应当降低。两处都用 `+=` 累加，所以模型的代码里没有一行是专为绑定而写的。
#
# 不绑定的模型多出 V C 个参数。对 GPT-2 small 来说，就是在 1.24 亿之外再加 3900 万。
#
# ### 练习：tied_gradient
#
# GPT 把同一张表 W (V, C) 用了两次：底部 x = W[ids]，顶部 z = h Wᵀ。
# 所以 W 通过两条路影响损失，梯度有两项：每个 id 把它所在位置的 dx 加到自己那一行，
# 输出层则加上 dzᵀ h，对所有位置求和。把两项都加进 grad；grad 里已经有前一批数据的梯度，
# 所以要用 +=，不能用 =。一个 id 出现两次，两处的梯度都要算上。

# %%
def tied_gradient(ids, dx, h, dz, grad):
    """Adds the gradient of a tied table W (V, C) into grad (V, C), in place; returns nothing.

    Bottom, x = W[ids]: ids (B, T), dx (B, T, C). Top, z = h Wᵀ: h (B, T, C), dz (B, T, V).
    """

# %%
check("tied_gradient", tied_gradient)

# %% [markdown]
# ## 学到了什么
#
# - GPT 就是一张表、若干相同的块、一个归一化，再加上同一张表；它的目标是输入往后挪一位。
# - 训练之前损失约为 ln V + s²/2；训练使它依次降过词频、词元对、上下文。
# - 参数、内存和运算量只由配置决定：每块 12 C²，词元表 V C，再加上保存的数据。
#
# **下一章：** [09 · 优化器](09_optim.ipynb)：以上训练都用了“AdamW”，却没有说它是什么。有了梯度，该走怎样的一步？
