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
# # 04 · 嵌入：从编号到向量
# <!-- english: 3abfc83bce9d -->
#
# **本章的问题：** 词元（token）是一张表里的编号，而编号没有含义：17 并不比 16“多”什么。网络计算的却是向量。
# 编号怎样变成向量？向量怎样学会有所指？网络又怎么知道它站在哪个位置？
#
# 运行时间：两个 CPU 核上约 8 秒；需要先读 [02](02_cross_entropy.ipynb) 和 [03](03_linear.ipynb)；
# 研读的源代码：[embedding.py](../../minigpt/layers/embedding.py)、
# [positions.py](../../minigpt/layers/positions.py)；文档：[embedding](../../docs/zh/layers/embedding.md) 和
# [positions](../../docs/zh/layers/positions.md)。
#
# [在 Colab 中打开](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/zh/04_embedding.ipynb)

# %%
import sys

if "google.colab" in sys.modules:  # Colab has NumPy, CuPy and matplotlib already: nothing of them is installed again
    # %pip install -q --no-deps git+https://github.com/OWNER/minigpt
    # %pip install -q regex safetensors tqdm threadpoolctl
    print("minigpt is installed")

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from minigpt import backend
from minigpt.corpora import find_sources
from minigpt.errors import InputError
from minigpt.gradient_check import compare, numeric_gradient
from minigpt.layers.cross_entropy import cross_entropy_backward, cross_entropy_forward
from minigpt.layers.embedding import (
    Embedding,
    embedding_backward,
    embedding_forward,
    unembedding_backward,
    unembedding_forward,
)
from minigpt.layers.linear import Linear
from minigpt.layers.positions import LearnedPositions, sinusoidal_positions
from minigpt.module import Module
from minigpt.optim import Adam
from minigpt.pieces import read_pieces
from minigpt.text.characters import CharacterTokenizer
from minigpt.text.words import WordTokenizer

quick = bool(os.environ.get("MINIGPT_QUICK"))
backend.use("numpy", "float64")
np.set_printoptions(precision=4, suppress=True)
plt.rcParams.update({"figure.dpi": 100, "figure.constrained_layout.use": True})

# %% [markdown]
# ## 1 · 一张表，和查表
#
# 表 $W$ 为 $V$ 个词元各存一行，每行 $C$ 个数，这就是嵌入（embedding）。
# 取五个词元、三个通道，填上一眼能看出来处的数：第 3 行是 30、31、32。
#
# **先猜：** 编号的形状是 $(2, 3)$，结果是什么形状？最后一行是什么？

# %%
V, C = 5, 3
W = 10.0 * np.arange(V)[:, None] + np.arange(C)  # (V, C)
ids = np.array([[1, 3, 3], [0, 4, 1]])  # (B, T)
y, saved = embedding_forward(ids, W)
print("W:\n", W)
print("shape of the result:", y.shape)
print("result:\n", y)

# %% [markdown]
# 什么也没有算，只是把行抄了过来。但这其实是一次矩阵乘法：
# 把每个编号写成一行 0，只在它的位置上放一个 1（独热，one-hot），得到 $(N, V)$，再乘以 $W$：

# %%
one_hot = np.eye(V)[ids.reshape(-1)]  # (N, V)
print("one-hot rows:\n", one_hot.astype(int))
print("one_hot W equals the lookup:", np.array_equal(one_hot @ W, y.reshape(-1, C)))

figure, axes = plt.subplots(1, 3, figsize=(7, 3.2), width_ratios=(5, 3, 3))
for place, matrix, title, cmap in ((axes[0], one_hot, "one_hot(ids)  (N, V)", "Greys"),
                                   (axes[1], W, "times W  (V, C)", "viridis"),
                                   (axes[2], one_hot @ W, "= y  (N, C)", "viridis")):
    place.imshow(matrix, cmap=cmap, vmin=0, vmax=1 if cmap == "Greys" else 45)
    place.set_title(title, fontsize=9)
    for i, j in np.ndindex(matrix.shape):
        color = "white" if matrix[i, j] and (cmap == "Greys" or matrix[i, j] < 25) else "black"
        color = "white" if cmap != "Greys" and matrix[i, j] < 25 else color
        place.text(j, i, f"{matrix[i, j]:.0f}", ha="center", va="center", fontsize=8, color=color)
    place.set(xticks=[], yticks=range(len(matrix)))
axes[0].set_yticklabels([f"id {i}" for i in ids.reshape(-1)])
figure.suptitle("looking up rows is multiplying with one-hot rows", fontsize=10)
plt.show()

# %% [markdown]
# **先猜：** GPT-2 的 $V = 50257$，$C = 768$。一个词元做这次乘法要多少次乘法和加法？查表要多少次？

# %%
print(f"product: {2 * 50257 * 768:,} FLOPs a token; lookup: 0, it copies 768 numbers")

# %% [markdown]
# ## 2 · 反向：用同一行的，加起来
#
# 第 03 章的线性层给出 $dW = x^{\mathsf T} dy$。这里的 $x$ 是独热矩阵，所以
#
# $$
# dW = \operatorname{onehot}(ids)^{\mathsf T}\,dy, \qquad dW_v = \sum_{n:\ id_n = v} dy_n .
# $$
#
# 一个词元的那一行，得到所有查过它的位置的意见之和；没有人查过的行得到 0。
#
# 为了看清是谁加了什么，让六个位置的 $dy$ 依次为 1、10、100、……，编号为 1、3、3、0、4、1。
# **先猜** $dW$ 的五行。

# %%
dy = 10.0 ** np.arange(6)[:, None] * np.ones(C)  # (N, C)
dW = embedding_backward(dy.reshape(2, 3, C), saved)
print("dW:\n", dW)
print("one_hot^T dy is the same:", np.array_equal(one_hot.T @ dy, dW))

# %% [markdown]
# 词元 1 出现在两个位置，它们说 1 和 100000；词元 3 也在两个位置；词元 2 一次也没有。
# 下面是人人都会犯一次的两个错误。**先猜：** `dW[ids] = dy` 之后第 3 行是多少？`dW[ids] += dy` 之后呢？

# %%
flat = ids.reshape(-1)
assigned, added = np.zeros((V, C)), np.zeros((V, C))
assigned[flat] = dy
added[flat] += dy
backend_way = np.zeros((V, C))
backend.scatter_add(backend_way, flat, dy)
print("row 3:  dW[ids] = dy ", assigned[3], "  dW[ids] += dy ", added[3], "  scatter_add", backend_way[3])

# %% [markdown]
# NumPy 把 `dW[ids] += dy` 读作“取出这些行，加上，放回去”。第 3 行取了两次，都是原来的样子，又放回两次：
# 后一份盖掉了前一份。没有报错，没有警告；常见的词元只从其中一个位置学习，
# 而编号各不相同的测试永远发现不了。`backend.scatter_add` 则每一份都算上。
#
# ### 练习：embedding
#
# 前向查表，编号可以是任意形状；反向返回整张表的梯度。
# 不许用库里的 `scatter_add`；可以用 NumPy 的 `np.add.at`，或者乘以独热的行。

# %%
def my_embedding_forward(ids, w):
    """ids (...) integers, w (V, C) -> y (..., C), and saved, a tuple of what backward will need."""


def my_embedding_backward(dy, saved):
    """dy (..., C) -> dw (V, C). Ids are integers and have no gradient."""

# %%
from minigpt.learn import check

check("embedding", my_embedding_forward, my_embedding_backward)

# %% [markdown]
# ## 3 · 向量学到了什么？
#
# 没有人告诉网络一个词是什么意思。向量从随机数开始，唯一的压力是根据周围的词预测词。
# 我们取能做到这件事的最小的网络：前面两个词和后面两个词的向量取平均，经过一个线性层，
# 给每个可能站在中间的词一个分数（这是 Mikolov 等 2013 年的“连续词袋”，continuous bag of words）。
#
# $$
# h = \tfrac14\,(W_{id_1} + W_{id_2} + W_{id_3} + W_{id_4}), \qquad z = h\,U + b
# $$
#
# 文本是 Python 自带的参考手册，十万个词，改成小写，去掉空白；除了最常见的 600 个词，其余都是 `<unk>`。
# 训练的每一步由 Adam 来走，它是改进了的梯度下降，第 09 章会讲。
#
# **先猜：** 哪些词的向量会离“must”最近？离“int”呢？离“returns”呢？
# 既然只问网络哪个词填得进空格，“近”又能是什么意思？

# %%
text = "".join(read_pieces(find_sources(["pydoc"]))).lower()
tokenizer = WordTokenizer.train([text], vocab_size=600, unknown="<unk>")
white = [token for token, word in enumerate(tokenizer.words) if word.isspace()]
tokens = np.array(tokenizer.encode(text))
tokens = tokens[~np.isin(tokens, white)]
print(f"{len(tokens):,} words; {(tokens == len(tokenizer.words)).mean():.0%} of them are none of the 600 in the table")


class MiddleWord(Module):
    """ids of the words around (N, 4) -> logits of the word in the middle (N, V)."""

    def __init__(self, vocab_size, d_model, rng):
        self.table = Embedding(vocab_size, d_model, rng, std=0.1)
        self.out = Linear(d_model, vocab_size, rng, std=0.1)
        self.pack()

    def forward(self, ids):
        y, saved_table = self.table.forward(ids)  # (N, 4, C)
        z, saved_out = self.out.forward(y.mean(axis=1))
        return z, (y.shape, saved_table, saved_out)

    def backward(self, dz, saved):
        shape, saved_table, saved_out = saved
        dh = self.out.backward(dz, saved_out)  # (N, C)
        dy = np.broadcast_to(dh[:, None] / shape[1], shape)  # forward was a mean, so each of the four gets a quarter
        self.table.backward(dy, saved_table)


backend.use("numpy", "float32")
model = MiddleWord(tokenizer.vocab_size, 16, backend.generator(0, backend.INITIAL_WEIGHTS))
at_start = model.table.w.data.copy()
optimizer = Adam(model)
around = np.array([-2, -1, 1, 2])
steps, losses = 300 if quick else 2000, []
for step in range(steps):
    middle = backend.generator(0, backend.BATCHES, step).integers(2, len(tokens) - 2, 256)  # (N,)
    z, saved = model.forward(tokens[middle[:, None] + around])
    loss, saved_loss = cross_entropy_forward(z, tokens[middle])
    model.zero_grad()
    model.backward(cross_entropy_backward(1.0, saved_loss), saved)
    optimizer.step(0.01 * (1 - step / steps))
    losses.append(float(loss))
backend.use("numpy", "float64")
print(f"loss: {losses[0]:.2f} nats at first (guessing blindly is ln {tokenizer.vocab_size} = "
      f"{np.log(tokenizer.vocab_size):.2f}), {np.mean(losses[-100:]):.2f} at the end")

# %% [markdown]
# 两个向量有多像，看它们夹角的**余弦**（cosine），$a\cdot b/(|a||b|)$：方向相同为 1，互相垂直为 0。
# （先减去平均向量：所有词共有的东西说明不了什么。）

# %%
table = model.table.w.data.astype("float64")
table -= table.mean(axis=0)
unit = table / np.linalg.norm(table, axis=1, keepdims=True)
for word in ("must", "int", "returns", "true", "two", "they", "first"):
    if word in tokenizer.ids:  # each Python's reference is a little different
        cosine = unit @ unit[tokenizer.ids[word]]
        nearest = np.argsort(-cosine)[1:6]
        print(f"{word:8}", "   ".join(f"{tokenizer.tokens[token]} {cosine[token]:.2f}" for token in nearest))

# %% [markdown]
# 每个词十六个数，画不出来；两个数就可以。**主成分**（principal components）：减去平均，
# 找出向量之间差别最大的两个互相垂直的方向。它们就是这张表的前两个右奇异向量。

# %%
colors = ("tab:red", "tab:blue", "tab:orange", "black", "tab:purple")
groups = {"auxiliary verbs": "may must can will would should cannot could might does",
          "types": "int float str list tuple dict bytes set string integer",
          "small words before a noun": "the a an its their this these any each every no another some",
          "numbers": "0 1 2 3 4 5 8 9 10", "what a function does": "returns raises calls yields evaluates"}
chosen = [(tokenizer.ids[word], word, color) for words, color in zip(groups.values(), colors)
          for word in words.split() if word in tokenizer.ids]


def principal_components(vectors):
    """Rows (N, C) in the two directions in which they differ most -> (N, 2)."""
    centred = vectors - vectors.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    return centred @ directions[:2].T


figure, axes = plt.subplots(1, 2, figsize=(9, 5.2))
for place, vectors, title in ((axes[0], at_start, "before training"), (axes[1], model.table.w.data, "after training")):
    flat = principal_components(vectors[[token for token, _, _ in chosen]].astype("float64"))
    place.scatter(*flat.T, s=0)  # only for the limits
    for (_, word, color), (across, up) in zip(chosen, flat):
        place.text(across, up, word, color=color, ha="center", va="center", fontsize=8)
    place.set_title(title)
    place.margins(0.1)
for label, color in zip(groups, colors):
    axes[0].scatter([], [], color=color, label=label)
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize=8, frameon=False)
figure.suptitle("the vectors of some words, two of sixteen dimensions (PCA)", fontsize=10)
plt.show()

# %% [markdown]
# 填得进同样空格的词，最后指向了同样的方向：助动词，函数所做的事，真与假。没有人说过什么是动词，什么是数。
# 也要注意向量*不*知道什么：“raises”和“attributeerror”离“returns”近，
# 是因为它们站在同样的词旁边，而不是因为意思相同；“true”和“false”意思相反，却是最亲近的一对。
# 图中有些词叠在一起，在十六维里其实分得很开：两个方向只是影子。
#
# ## 4 · 词元站在哪里？
#
# **先猜：** “dog bites man”和“man bites dog”，各把三个向量加起来，差是多少？

# %%
dog, bites, man = backend.generator(4, 1).standard_normal((3, 4))  # (C,) each
print("difference of the sums:", (dog + bites + man) - (man + bites + dog))

# %% [markdown]
# 注意力（第 06 章）差不多也是这样相加的：单凭它自己，看到的只是集合，没有次序。
# 所以词元站在哪里，必须写*进*它的向量：再加上第二个向量，每个位置一个。
#
# ### 正弦位置：固定的波
#
# $$
# P_{t,2i} = \sin\frac{t}{10000^{2i/C}}, \qquad P_{t,2i+1} = \cos\frac{t}{10000^{2i/C}}
# $$
#
# 手算 $C = 4$：有两个频率，$1/10000^0 = 1$ 和 $1/10000^{2/4} = 1/100$。
# **先猜** $t = 0$ 的那一行（不用计算器），以及 $t = 100$ 时慢的那一对的第二个数。

# %%
for t in (0, 1, 100):
    fast, slow = t / 10000**0, t / 10000**0.5
    print(f"t = {t:3}", np.array([np.sin(fast), np.cos(fast), np.sin(slow), np.cos(slow)]))
print("library:\n", sinusoidal_positions(101, 4)[[0, 1, 100]])

# %%
P = sinusoidal_positions(64, 32)  # (T, C)
figure, axes = plt.subplots(1, 2, figsize=(9, 4))
picture = axes[0].imshow(P, cmap="PuOr", vmin=-1, vmax=1, aspect="auto")
figure.colorbar(picture, ax=axes[0])
axes[0].set(title="the table P: a row for each position", xlabel="channel", ylabel="position t")
for channel, color, style in ((0, "tab:blue", "-"), (6, "tab:orange", "-"), (12, "black", "--"), (18, "tab:red", ":")):
    axes[1].plot(P[:, channel], color=color, linestyle=style, label=f"channel {channel}")
axes[1].set(title="four columns: fast waves and slow ones", xlabel="position t", ylim=(-1.7, 1.1))
axes[1].grid(alpha=0.3)
axes[1].legend(loc="lower center", fontsize=8, ncols=2)
plt.show()

# %% [markdown]
# 它像一只有许多指针的钟：快的指针区分相邻的位置，慢的指针区分远近。
#
# 为什么既要正弦*又*要余弦？因为这样一对数就是圆上的一个点，往前走 $k$ 个位置，就转过角度 $k\,\omega_i$，
# 与 $t$ 无关。由此有两个结论：
#
# $$
# P_t\cdot P_{t+k} = \sum_i \bigl(\sin t\omega_i \sin (t+k)\omega_i + \cos t\omega_i\cos(t+k)\omega_i\bigr)
#  = \sum_i \cos k\,\omega_i
# $$
#
# 所以内积**只取决于距离**；而“往回 $k$ 个位置”是一个固定的矩阵，由旋转组成，后面的层可以学会它。
#
# **先猜：** $C = 32$ 时，一个位置与自己的内积。（有多少个 0 的余弦？）

# %%
print("P_t . P_t of five positions:", (P[:5] * P[:5]).sum(axis=1))
angle = 3 * 10000.0 ** -(np.arange(0, 32, 2) / 32)  # by how much each pair turns over 3 positions
turned = np.empty_like(P)
turned[:, 0::2] = P[:, 0::2] * np.cos(angle) + P[:, 1::2] * np.sin(angle)
turned[:, 1::2] = P[:, 1::2] * np.cos(angle) - P[:, 0::2] * np.sin(angle)
print("turned by that, every row is the one 3 places on:", np.allclose(turned[:-3], P[3:]))

figure, axes = plt.subplots(figsize=(7, 3.4))
for t, style in ((20, {"linewidth": 6, "alpha": 0.3}), (30, {"linewidth": 3, "alpha": 0.6}), (40, {"linewidth": 1})):
    axes.plot(np.arange(-20, 21), P[t - 20:t + 21] @ P[t], label=f"t = {t}", **style)
axes.set(xlabel="distance k", ylabel="P(t) . P(t + k)", title="dot products of positions: distance alone counts")
axes.grid(alpha=0.3)
axes.legend()
plt.show()

# %% [markdown]
# ### 练习：positions
#
# 第 4 节的表 $P$，不用对 $t$ 的循环：一列位置除以一行波长，所有角度就一次得到。

# %%
def my_positions(length, d_model):
    """The table P (T, C) for T = length and C = d_model, which is even."""

# %%
from minigpt.learn import check

check("positions", my_positions)

# %% [markdown]
# ### 学出来的位置：第二张表
#
# GPT 和 BERT 干脆为每个位置学一个向量，放在第二张表里，按位置来查。这样它就可以是任务所要的任何样子。
# 来看一个只有位置起作用的任务：每行都是同一种格式，
#
#     2031-07-19 08:55:13
#
# 只用位置的向量来预测那里的字符：分数 $z_t = P_t\,U^{\mathsf T}$。
#
# **先猜：** 19 个位置中，哪些会得到几乎相同的向量？对同样这些位置，正弦的表又会怎么说？

# %%
rng = backend.generator(4, 2)
fields = rng.integers([2000, 1, 1, 0, 0, 0], [2100, 13, 29, 24, 60, 60], size=(2000, 6))
lines = ["{:04}-{:02}-{:02} {:02}:{:02}:{:02}".format(*row) for row in fields]
signs = CharacterTokenizer.train(lines)
targets = np.array([signs.encode(line) for line in lines])  # (lines, T)
T = targets.shape[1]


class FromPosition(Module):
    def __init__(self, rng):
        self.positions = LearnedPositions(T, 8, rng, std=0.3)
        self.out = Linear(8, signs.vocab_size, rng)
        self.pack()


clock = FromPosition(rng)
optimizer = Adam(clock)
for step in range(300):
    rows = backend.generator(4, backend.BATCHES, step).integers(0, len(lines), 64)
    P_learned, saved_positions = clock.positions.forward(np.arange(T))  # (T, C)
    z, saved_out = clock.out.forward(P_learned)  # (T, V)
    loss, saved_loss = cross_entropy_forward(np.broadcast_to(z, (64, *z.shape)), targets[rows])
    clock.zero_grad()
    dz = cross_entropy_backward(1.0, saved_loss).sum(axis=0)  # the same z served 64 lines, so their gradients add up
    clock.positions.backward(clock.out.backward(dz, saved_out), saved_positions)
    optimizer.step(0.03)
print(lines[0], "  loss", round(float(loss), 3))

figure, axes = plt.subplots(1, 2, figsize=(9, 4.8))
for place, table, title in ((axes[0], clock.positions.w.data, "learned: what stands there?"),
                            (axes[1], sinusoidal_positions(T, 8), "sinusoidal: how far apart?")):
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    picture = place.imshow(unit @ unit.T, cmap="PuOr", vmin=-1, vmax=1)
    place.set_title(title, fontsize=10)
    place.set_xticks(range(T), list(lines[0].replace(" ", "_")), family="monospace")
    place.set_yticks(range(T), list(lines[0].replace(" ", "_")), family="monospace")
figure.colorbar(picture, ax=axes)
figure.suptitle("cosine of the vectors of 19 positions", fontsize=10)
plt.show()

# %% [markdown]
# 两个连字符的位置学到的向量相同，两个冒号也是：任务从来不问是两个中的哪一个。
# 数字的位置按那里可能出现哪些数字分成了几组。固定的波对任务一无所知，对距离无所不知。
#
# 学出来的表，训练到哪里就到哪里为止：

# %%
try:
    clock.positions.forward([T])
except InputError as error:
    print("InputError:", error)

# %% [markdown]
# （报错里说的是词元编号，因为位置的表用同一段代码来查。）
# 波则对任何 $t$ 都算得出来。（至于只*见过*短文本的模型，碰到远的位置会怎么办，是另一回事。）
#
# ## 5 · 把表反过来读
#
# 网络的另一端是隐藏向量 $h$，$V$ 个词元各要一个分数。表里正好为每个词元存着一个向量，
# 那就与每一行求内积：$z = h\,W^{\mathsf T}$，这叫反嵌入（unembedding）。
# 不需要第二张表（“权重绑定”，tied weights；Press 与 Wolf，2017）。
#
# 手算，$V = 3$，$C = 2$。**先猜** $h = (1, 2)$ 的三个分数。

# %%
W = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, -1.0]])  # (V, C)
h = np.array([[1.0, 2.0]])  # (N, C)
for v, row in enumerate(W):
    print(f"token {v}: {h[0]} . {row} = {h[0] @ row}")
z, saved_z = unembedding_forward(h, W)
print("library:", z)
dh, dW = unembedding_backward(np.array([[0.5, 0.25, -0.75]]), saved_z)
print("dz = (0.5, 0.25, -0.75):  dh = dz W =", dh[0])
print("dW = dz^T h =\n", dW)

# %% [markdown]
# $dW$ 要慢慢读。用第 02 章的 $dz = p - q$，正确词元的那一行 $dz$ 为负，
# 所以逆着梯度走一步，会把它的向量移**向** $h$，其余的都移开。
# 这一步里表的*每一行*都在学，而查表只动出现过的行。
#
# 如果一张表两头都用，它的梯度就有两项。所需的规则还是第 03 章那一条：梯度相加。
# 下面是最小的绑定模型 $z = W_{id} W^{\mathsf T}$，以及忘掉其中一项的后果。

# %%
rng = backend.generator(4, 3)
W, ids, targets = rng.standard_normal((5, 3)), np.array([0, 2, 2, 4]), np.array([1, 3, 0, 4])


def tied_loss():
    h, _ = embedding_forward(ids, W)
    z, _ = unembedding_forward(h, W)
    return cross_entropy_forward(z, targets)[0]


h, saved_h = embedding_forward(ids, W)
z, saved_z = unembedding_forward(h, W)
loss, saved_loss = cross_entropy_forward(z, targets)
dh, dW_top = unembedding_backward(cross_entropy_backward(1.0, saved_loss), saved_z)
dW_bottom = embedding_backward(dh, saved_h)
numeric = numeric_gradient(tied_loss, W)
for name, gradient in (("both terms", dW_top + dW_bottom), ("only the top", dW_top), ("only the bottom", dW_bottom)):
    print(f"{name:16}", compare("W", gradient, numeric))

# %% [markdown]
# **想一想。** 在这个最小的模型里，词元 $a$ 之后是词元 $b$ 的分数 $z$ 为 $W_a\cdot W_b$。
# 英语里“th”很常见，“ht”很少见。为什么这个模型永远学不会？
# **先猜** $W W^{\mathsf T}$ 里哪两个数不管怎么训练都必定相等。

# %%
scores = W @ W.T
print("score of token 3 after token 1:", scores[1, 3], "   of token 1 after token 3:", scores[3, 1])
total, table = 124_439_808, 50257 * 768
print(f"GPT-2's table has {table:,} numbers, {table / total:.0%} of the whole model: a second one is a lot to save")

# %% [markdown]
# $W W^{\mathsf T}$ 是对称的。两次使用之间，必须有什么东西把“我是什么”变成“接下来是什么”：
# 那就是 Transformer 的块，第 05 到 07 章。
#
# ### 练习：unembedding
#
# $z = h\,W^{\mathsf T}$，$h$ 可以有任意多个轴；两个梯度的形状各与所属的数组相同。

# %%
def my_unembedding_forward(h, w):
    """h (..., C), w (V, C) -> logits z (..., V), and saved, a tuple of what backward will need."""


def my_unembedding_backward(dz, saved):
    """dz (..., V) -> dh (..., C), dw (V, C)."""

# %%
from minigpt.learn import check

check("unembedding", my_unembedding_forward, my_unembedding_backward)

# %% [markdown]
# ## 学到了什么
#
# - 查表就是乘以一个谁也不写出来的独热矩阵；它的反向把同一词元在所有位置的意见**加**起来。
# - 填得进同样空格的词元，向量变得相似；没有人告诉过它们什么是数。
# - 次序要另外加进去：固定的波，其内积说出距离；或者学出来的第二张表。词元的表两头都能用。
#
# **下一章：** [05 · 层归一化：完整的推导](05_layer_norm.ipynb)：向量要穿过许多层，一路上必须保持大小；
# 怎样做到，这对梯度又意味着什么。
