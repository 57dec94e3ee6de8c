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
# # 16 · LSTM 与 GRU：门，和一个靠相加的记忆
# <!-- english: 4265cfb1d8de -->
#
# **问题。** 在 Elman 网络里，状态每一步都被乘，几步之内梯度就死了。状态要是什么样，
# 才能从一百步之前发生的事里学到东西？
#
# 运行时间：两个 CPU 核上约 25 秒；需要第 [15](15_rnn.ipynb) 章；研读的源码：
# [lstm.py](../../minigpt/layers/lstm.py)、[gru.py](../../minigpt/layers/gru.py)、
# [rnn_lm.py](../../minigpt/models/rnn_lm.py)，文档 [lstm](../../docs/zh/layers/lstm.md)、
# [gru](../../docs/zh/layers/gru.md) 和 [rnn_lm](../../docs/zh/models/rnn_lm.md)。
#
# [在 Colab 中打开](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/zh/16_lstm.ipynb)

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

import matplotlib.pyplot as plt
import numpy as np

from minigpt import backend
from minigpt.corpora import find_sources
from minigpt.data import training_batch
from minigpt.evaluate import mean_loss
from minigpt.generate import generate_text
from minigpt.layers.gru import gru_cell_backward, gru_cell_forward
from minigpt.layers.lstm import lstm_backward, lstm_cell_backward, lstm_cell_forward, lstm_forward
from minigpt.layers.rnn import rnn_backward, rnn_forward
from minigpt.learn import check
from minigpt.models.rnn_lm import RNNLM, RNNConfig, rnn_size
from minigpt.optim import Adam, clip_gradient
from minigpt.pieces import read_pieces
from minigpt.sampling import Sampling
from minigpt.text.tokenizer import train_tokenizer

quick = bool(os.environ.get("MINIGPT_QUICK"))
backend.use("numpy", "float64")
np.set_printoptions(precision=4, suppress=True)
plt.rcParams.update({"figure.dpi": 100, "figure.constrained_layout.use": True})
COLORS = {"rnn": "tab:red", "lstm": "tab:blue", "gru": "tab:orange", "gru_before": "tab:purple"}

# %% [markdown]
# ## 1 · 只被相加的单元
#
# Hochreiter 与 Schmidhuber（1997）把问题倒过来问：从一步到下一步的路要是什么样，梯度才不变长也不变短？它得乘以 1。
# 于是有了第二个状态，
# 记忆单元（cell）$c$；从 $c$ 到下一个 $c$ 的路上没有矩阵，也没有 $\tanh$。门口站着三个门（gate），
# 都是 0 与 1 之间的数：
#
# $$
# \begin{aligned}
# i, f, o &= \sigma(\ldots), \quad g = \tanh(\ldots) && \text{each of } x_t W + h_{t-1} U + b \\
# c_t &= f\,c_{t-1} + i\,g \\
# h_t &= o\,\tanh(c_t)
# \end{aligned}
# $$
#
# 取一个通道，每个数都跟得上；$g = \tanh(x)$，门只由偏置决定：偏置 50 是开，-50 是关。单元从 2 开始，输入是 0.7。
#
# **先预测**走一步之后的 $c$：(a) 全开；(b) 输入门关；(c) 输入门和遗忘门都关；(d) 遗忘门半开（偏置 0），其余全开。

# %%
x, zero, c = np.array([[0.7]]), np.zeros((1, 1)), np.array([[2.0]])
w, u = np.array([[0.0, 0.0, 0.0, 1.0]]), np.zeros((1, 4))  # columns: i, f, o, g
print("tanh(0.7) =", math.tanh(0.7))
for name, (i, f, o) in dict(a=(50, 50, 50), b=(-50, 50, 50), c=(-50, -50, 50), d=(50, 0, 50)).items():
    gates = 1 / (1 + np.exp(-np.array([i, f, o], dtype=float)))
    by_hand = gates[1] * 2 + gates[0] * math.tanh(0.7)
    bias = np.array([i, f, o, 0.0])
    (h, c_next), saved = lstm_cell_forward(x, zero, c, w, u, bias)
    heard = lstm_cell_backward(zero, np.ones((1, 1)), saved)[2]
    print(f"({name}) i, f, o = {gates.round(2)}: c by hand {by_hand:.4f}, library {c_next.item():.4f}, "
          f"h {h.item():.4f}; of a gradient of 1 the old cell hears {heard.item():.2f}")

# %% [markdown]
# 要紧的是最后一个数：新单元听到的，旧单元听到它的 $f$ 倍，再没有别的因子。$f = 1$ 时原样传过去，这一步如此，
# 每一步都如此：
# *常误差传送带*（constant error carousel）。
#
# ## 2 · 传送带与矩阵
#
# 100 步。一边是 Elman 网络，$U$ 是一个旋转（对它来说没有更好的了），输入大小为 0.5；
# 另一边是遗忘门停在 $f$ 的 LSTM 单元。
#
# **先预测：**$f = 0.99$ 时，100 步之后梯度剩多少？$f = 0.73$ 呢（偏置为 1 时就是它）？$f = 0.5$ 呢（偏置为 0）？

# %%
rng = backend.generator(16, 1)
T, C = 101, 32
x = 0.5 * rng.standard_normal((T, 1, C))
q = np.linalg.qr(rng.standard_normal((C, C)))[0]
dy, zeros = np.zeros((T, 1, C)), np.zeros((1, C))
dy[-1, 0, 0] = 1
elman = rnn_backward(dy, rnn_forward(x, zeros, np.eye(C), q, np.zeros(C))[1])[0]
figure, axes = plt.subplots(figsize=(7, 3.4))
axes.semilogy(np.linalg.norm(elman[::-1, 0], axis=1), color="tab:red", label="Elman, U a rotation")
for f, color in zip((1.0, 0.99, 0.9, 0.73, 0.5), plt.cm.Blues(np.linspace(1, 0.4, 5))):
    bias = np.concatenate([np.zeros(C), np.full(C, 50.0 if f == 1 else math.log(f / (1 - f))), np.zeros(2 * C)])
    w_g = np.concatenate([np.zeros((C, 3 * C)), np.eye(C)], axis=1)
    _, saved = lstm_forward(x, zeros, zeros, w_g, np.zeros((C, 4 * C)), bias)
    lengths = []
    for steps in range(0, T, 10):  # the gradient of the first cell, after so many steps
        part = lstm_forward(x[:max(steps, 1)], zeros, zeros, w_g, np.zeros((C, 4 * C)), bias)[1]
        dc = lstm_backward(np.zeros((max(steps, 1), 1, C)), dy[-1], part)[2] if steps else dy[-1]
        lengths.append(np.linalg.norm(dc))
    axes.semilogy(range(0, T, 10), lengths, color=color, marker=".", label=f"LSTM cell, f = {f}")
    print(f"f = {f:4}: after 100 steps {lengths[-1]:.3g}; f to the power 100 is {f**100:.3g}")
axes.set(xlabel="steps back", ylabel="length of the gradient", ylim=(1e-12, 3),
         title="what is left of a gradient of length 1")
axes.grid(alpha=0.3)
axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# 所以 LSTM 并没有废除幂的规律，而是让网络自己选底数：$f$ 是一个门，是学来的，每个通道、每一步各有各的。
# 要记住的时候它可以是 1，句子结束时可以是 0。
# 本库的遗忘偏置从 1 开始（Jozefowicz 等，2015），好让它在学到东西之前就更接近于记住。
#
# ### 练习：lstm_step
#
# 一步，以及它的全部梯度。状态是一个数组：h 与 c。

# %%
def my_lstm_step_forward(x, state, w, u, b):
    """x (B, I), state (2, B, C): h and c, w (I, 4C), u (C, 4C), b (4C,) -> the next state (2, B, C), and saved.

    The 4C columns are those of i, f, o, g.
    """


def my_lstm_step_backward(dstate_next, saved):
    """dstate_next (2, B, C) -> dx (B, I), dstate (2, B, C), dw (I, 4C), du (C, 4C), db (4C,)."""

# %%
check("lstm_step", my_lstm_step_forward, my_lstm_step_backward)

# %% [markdown]
# ## 3 · GRU：一个状态，两个门，和两个同名的网络
#
# Cho 等（2014）只用一个状态：$z$ 说它留下多少，$1 - z$ 说新提议 $n$ 进来多少。第二个门 $r$ 说新提议要看旧状态的多少：
#
# $$
# h' = (1 - z)\,n + z\,h, \qquad n = \tanh(x W_n + b_n + m)
# $$
#
# 他们的 $m$ 是 $(r\,h)\,U_n$：先重置，后相乘。cuDNN 和 PyTorch 取 $m = r\,(h\,U_n + b_u)$：先相乘，后重置，
# 因为这样一次乘积 $h\,U$
# 就够三处用。取两个通道，$h = (2, 0)$，$r = (1, 0)$，$z = 0$，$U_n$ 把两个通道对调。
#
# **先预测**两种写法的 $m$。

# %%
h, nothing = np.array([[2.0, 0.0]]), np.zeros((1, 1))
u_n = np.array([[0.0, 1.0], [1.0, 0.0]])
r = np.array([[1.0, 0.0]])
print("before: (r h) U_n =", (r * h) @ u_n, "  after: r (h U_n) =", r * (h @ u_n))
u = np.hstack([np.zeros((2, 4)), u_n])  # columns: r, z, n
bias = np.array([50.0, -50, -50, -50, 0, 0])
for name, b_u in (("before, Cho et al.", None), ("after, cuDNN and PyTorch", np.zeros(2))):
    h_next, saved = gru_cell_forward(nothing, h, np.zeros((1, 6)), u, bias, b_u)
    print(f"{name:26} h' = {h_next[0]}, dh of a gradient of ones = {gru_cell_backward(np.ones((1, 2)), saved)[1][0]}")

# %% [markdown]
# 权重相同，函数不同，而形状看不出来。谁要载入权重，就必须知道它们是在哪一种 GRU 里训练的。本库两种都有：
# `gru`（后重置）与 `gru_before`。
#
# ### 练习：gru_step
#
# Cho 等的 GRU。写反向之前，先数一数 $h$ 用在几处。

# %%
def my_gru_step_forward(x, h, w, u, b):
    """x (B, I), h (B, C), w (I, 3C), u (C, 3C), b (3C,) -> the next h (B, C), and saved.

    The 3C columns are those of r, z, n. The reset is before the product, as in Cho et al. (2014).
    """


def my_gru_step_backward(dh_next, saved):
    """dh_next (B, C) -> dx (B, I), dh (B, C), dw (I, 3C), du (C, 3C), db (3C,)."""

# %%
check("gru_step", my_gru_step_forward, my_gru_step_backward)

# %% [markdown]
# ## 4 · 再问一次：多远以前
#
# 第 15 章的问题：4 个字母之一，然后 $k$ 步噪声，然后问：是哪个字母？距离为 8 时，Elman 网络就把它弄丢了。
# 第 2 节对 LSTM 也有一个警告：
# $f = 0.73$ 时，64 步之后梯度只剩 $10^{-9}$。所以我们试两个遗忘偏置，1 和 4（$f = 0.98$）；GRU 里担当此任的是 $z$，
# 试 0 和 4。
#
# **先预测：**距离 64 时，五个之中谁答得出来？

# %%
backend.use("numpy", "float32")
B = 32


def recall_batch(step, k):
    """ids and targets (B, k + 2): a letter 0-3, k of noise 4-7, the question 8; only the answer is counted."""
    rng = backend.generator(15, backend.BATCHES, step)
    first = rng.integers(0, 4, (B, 1))
    ids = np.concatenate([first, rng.integers(4, 8, (B, k)), np.full((B, 1), 8)], axis=1)
    targets = np.full((B, k + 2), -100)
    targets[:, -1] = first[:, 0]
    return ids, targets


def learn_to_recall(cell, keep, k, steps, seed=1):
    """Share of right answers on unseen sequences, every 20 steps of training. keep: the bias of f, or of z."""
    model = RNNLM(RNNConfig(vocab_size=9, context_length=k + 2, d_model=32, num_layers=1, cell=cell), seed)
    if keep is not None:
        model.layers[0].b.data[32:64] = keep  # the second gate: f of an LSTM, z of a GRU
    optimizer, right = Adam(model), []
    test_ids, test_targets = recall_batch(10**6, k)
    for step in range(steps):
        loss, saved = model.forward(*recall_batch(step, k))
        model.zero_grad()
        model.backward(saved)
        clip_gradient(model, 1.0)
        optimizer.step(0.003)
        if step % 20 == 19:
            right.append((model(test_ids)[:, -1].argmax(axis=1) == test_targets[:, -1]).mean())
    return right


distances = (8, 64)
steps = 100 if quick else 300
contestants = (("rnn", None, "-"), ("lstm", 1, ":"), ("lstm", 4, "-"), ("gru", 0, ":"), ("gru", 4, "-"))
figure, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True)
for place, k in zip(axes, distances):
    for cell, keep, style in contestants:
        right, name = learn_to_recall(cell, keep, k, steps), cell if keep is None else f"{cell}, bias {keep}"
        place.plot(range(20, steps + 1, 20), 100 * np.array(right), color=COLORS[cell], linestyle=style, label=name)
        print(f"{k:3} steps back, {name:12}: {right[-1]:.0%} right at the end")
    place.axhline(25, color="gray", linestyle=":")
    place.set(title=f"{k} steps back", xlabel="step of training", ylim=(0, 105))
    place.grid(alpha=0.3)
axes[0].set_ylabel("right answers (%)")
figure.legend(*axes[1].get_legend_handles_labels(), fontsize=8, loc="outside right center")
plt.show()

# %% [markdown]
# 8 步时，带门的网络都找到了那个字母，Elman 网络没有。64 步时，训练开始之前胜负已定：门一开始就开着（偏置 4）
# 的 LSTM 和 GRU 一学就会；
# 偏置为 1 的 LSTM 什么也没学到，因为它的梯度长度只有 $0.73^{64}$；偏置为 0 的 GRU 碰运气学到一部分。
# 门只有本来就开得够大，听得见为什么该开着，
# 才学得会一直开着。（点线是瞎猜；测试序列只有 32 条，运气好的瞎猜能到 38%。）
#
# ## 5 · 权重一样多，文本一样
#
# LSTM 有四组矩阵，Elman 网络只有一组，宽度相同时权重差不多是四倍，这样比不公平。我们给每个模型大约 60,000 个参数，
# Elman 网络因此可以更宽；
# 所有模型在同样的字符批上训练同样多的步。
#
# **先预测**最后的名次。谁走一步最慢？

# %%
text = "".join(read_pieces(find_sources(["pydoc"])))[:200_000 if not quick else 60_000]
tokenizer = train_tokenizer("char", [text])
ids = np.array(tokenizer.encode(text))
tokens, held_out = ids[:-10_000], ids[-10_000:]
V, T, BUDGET = tokenizer.vocab_size, 48, 60_000


def config_of(cell):
    """The widest model of this cell within the budget."""
    configs = (RNNConfig(vocab_size=V, context_length=T, d_model=d, num_layers=1, cell=cell) for d in range(8, 400))
    return max((c for c in configs if rnn_size(c).parameters <= BUDGET), key=lambda c: c.d_model)


steps = 80 if quick else 500
models, curves, bits = {}, {}, 1 / math.log(2)
for cell in COLORS:
    config = config_of(cell)
    model = RNNLM(config, seed=4)
    optimizer, curve, begin = Adam(model), [], time.perf_counter()
    for step in range(steps):
        loss, saved = model.forward(*training_batch(tokens, 16, T, 0, step))
        model.zero_grad()
        model.backward(saved)
        clip_gradient(model, 1.0)
        optimizer.step(0.01 * min(1, (step + 1) / 50) * (1 - 0.9 * step / steps))
        curve.append(bits * float(loss))
    seconds = time.perf_counter() - begin
    models[cell], curves[cell] = model, curve
    print(f"{cell:10} {config.d_model:4} channels, {rnn_size(config).parameters:,} parameters: "
          f"{bits * mean_loss(model, held_out, 16):.3f} bits per character, {1000 * seconds / steps:.1f} ms a step")

# %%
figure, axes = plt.subplots(figsize=(7, 3.4))
for cell, curve in curves.items():
    smooth = np.convolve(curve, np.ones(20) / 20, mode="valid")
    axes.plot(range(19, 19 + len(smooth)), smooth, color=COLORS[cell], label=cell)
axes.set(xlabel="step", ylabel="bits per character (training)", ylim=(2, 5),
         title="about 60,000 parameters each, the same batches; means of 20 steps")
axes.grid(alpha=0.3)
axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# 你的预测也许与此不同，大多数人都会如此。参数个数相同时，Elman 网络有 149 个通道，LSTM 只有 80 个。500 步之内，
# 在这种主要由最近几个字符决定下一个字符的
# 文本上，两个 GRU 在留出的文本上略胜于它；而 LSTM 要先学很多，门才派得上用场，落在后面。两个 GRU 之间的差别，
# 比换一个种子还小。
#
# 所以门并不是普遍的改进。它们换来的是*够得远*，付出的是宽度和时间；合不合算，取决于任务要看多远，也取决于训练多久。
# 第 4 节与这一节正是它的两面。
# （有几分钟空闲时，试试十倍的步数。）
#
# ## 6 · 看看门里面
#
# 训练好的 LSTM 留着什么，什么时候放手？我们读一段留出的文本，看它的遗忘门：每行一个通道，取门变化最大的 24 个；
# 每列一个字符。
#
# **先预测：**在哪些字符上，会有许多门关上？

# %%
model = models["lstm"]
piece = tokenizer.decode(held_out[2000:2064].tolist())
_, saved = model.forward(held_out[None, 2000:2064], held_out[None, 2001:2065])
gates = saved[0][1][0][1][4][:, 0]  # of layer 0: (T, 4C), the columns i, f, o, g
C = model.config.d_model
forget = gates[:, C:2 * C]  # (T, C)
chosen = np.argsort(-forget.std(axis=0))[:24]
chosen = chosen[np.argsort(forget[:, chosen].mean(axis=0))]
figure, axes = plt.subplots(figsize=(9, 3.8))
image = axes.imshow(forget[:, chosen].T, cmap="Blues", vmin=0, vmax=1, aspect="auto")
axes.set_xticks(range(len(piece)), [character if character.isprintable() and character.isascii() else "~"
                                    for character in piece], family="monospace", fontsize=7)
axes.set(ylabel="channel", title="forget gates while reading (~ is a line break): dark keeps, white forgets")
figure.colorbar(image)
plt.show()
mean = forget.mean(axis=1)
white = np.array([character.isspace() for character in piece])
print(f"mean forget gate at white space {mean[white].mean():.3f}, elsewhere {mean[~white].mean():.3f}")
half_life = math.log(0.5) / np.log(forget.mean(axis=0))
print(f"steps until half is forgotten, by channel: from {half_life.min():.1f} to {half_life.max():.0f}, "
      f"median {np.median(half_life):.1f}")

# %% [markdown]
# 中间那段长长的白色是一串空格：那里没有值得留的东西，网络学会了丢掉；少数通道穿过它一直留着，也许是在数数。
# 在单词之内，别的通道随着每个字母开开关关。
# 一两步之内就忘掉一半的通道，是眼前字母的特征；要几十步才忘掉一半的，带着的是关于这一行的什么。
#
# 再看这样的模型写什么，状态就是它的缓存：

# %%
pieces = generate_text(model, tokenizer, "The ", 300, Sampling(temperature=0.7), seed=1)
print("The " + "".join(pieces))

# %% [markdown]
# ## 学到了什么
#
# - LSTM 的单元被一个门缩放，再加上新的，所以沿着它的梯度只乘 $f$；$f = 1$ 可以把它带到任意远，而 $f$ 何时该是多少，
#   由网络去学。
# - GRU 有一个状态、两个门；有两个不同的函数都叫这个名字，区别在于重置的位置。
# - 门用宽度和时间换来够得远：必须知道很久以前的某件事时，全靠它们；最近几个字符就够用时，几乎没有差别。
#
# **下一章：** [17 · 阶梯](17_ladder.ipynb)。
