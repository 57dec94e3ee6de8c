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
# # 15 · 循环网络，以及时间对梯度做了什么
# <!-- english: 347ff269f320 -->
#
# **问题。** n 元模型和固定窗口的网络，只看得到固定个数的词元。网络怎样才能读任意长的文本，一个词元接一个词元，
# 并且记住？
# 又为什么，*学会*该记住什么，会这么难？
#
# 运行时间：两个 CPU 核上约 10 秒；需要第 [03](03_linear.ipynb)、[08](08_gpt.ipynb) 和 [09](09_optim.ipynb) 章；
# 研读的源码：
# [rnn.py](../../minigpt/layers/rnn.py)、[rnn_lm.py](../../minigpt/models/rnn_lm.py)，
# 文档 [rnn](../../docs/zh/layers/rnn.md) 和 [rnn_lm](../../docs/zh/models/rnn_lm.md)。
#
# [在 Colab 中打开](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/zh/15_rnn.ipynb)

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
from minigpt.corpora import find_sources
from minigpt.data import continued_batch, training_batch
from minigpt.evaluate import mean_loss
from minigpt.gradient_check import check_gradients
from minigpt.layers.rnn import rnn_backward, rnn_cell_forward, rnn_forward
from minigpt.learn import check
from minigpt.models.rnn_lm import RNNLM, CarriedState, RNNConfig, carried_loss
from minigpt.optim import SGD, Adam, clip_gradient, gradient_norm
from minigpt.pieces import read_pieces
from minigpt.text.tokenizer import train_tokenizer
from minigpt.train import training_step
from minigpt.train_config import TrainConfig, make_optimizer

quick = bool(os.environ.get("MINIGPT_QUICK"))
backend.use("numpy", "float64")
np.set_printoptions(precision=4, suppress=True)
plt.rcParams.update({"figure.dpi": 100, "figure.constrained_layout.use": True})

# %% [markdown]
# ## 1 · 一步一步传下去的状态
#
# Elman（1990）的网络有一个状态（state）$h$，是一个向量。每一步，新的输入都被混进去：
#
# $$
# h_t = \tanh(x_t W + h_{t-1} U + b)
# $$
#
# 每一步的 $W$、$U$、$b$ 都是同一个。取两个通道，一个输入通道，$U$ 负责调换：通道 0 里的到通道 1，通道 1 里的到通道 0。
# 第一步输入 1，之后一直是 0。
#
# **先预测：**哪几步的通道 0 不是零？那个 1 会消失吗？

# %%
x = np.array([1.0, 0, 0, 0, 0]).reshape(5, 1, 1)  # (T, B, I): steps come first
w = np.array([[1.0, 0.0]])  # (I, C)
u = np.array([[0.0, 1.0], [1.0, 0.0]])  # (C, C)
b = np.zeros(2)
h = np.zeros((1, 2))
for t in range(5):
    a = x[t] @ w + h @ u + b
    h = np.tanh(a)
    print(f"step {t}: a {a[0]}   h {h[0]}")

y, saved = rnn_forward(x, np.zeros((1, 2)), w, u, b)
print("library:\n", y[:, 0])
print("one step of it:", rnn_cell_forward(x[0], np.zeros((1, 2)), w, u, b)[0])

# %% [markdown]
# 那个 1 在两个通道之间来回走，每一步小一点：$\tanh$ 把一切都压小。所以状态*有*记忆，只是痕迹会淡去。
#
# 注意库里做了而我们的循环没做的事。$x_t W$ 不需要状态，所以一次乘积就算好所有步的。必须等的 $h_{t-1} U$ 是一次又一次的小乘积，
# 为此先把 $U$ 一次切成条（[rnn.py](../../minigpt/layers/rnn.py) 里的 `step_product`）。而当输入是小词表里的词元时，
# 如第 4 至 6 节，每个*词*只与 $W$ 乘一次，再去查乘积：见
# [embedded_linear](../../docs/zh/layers/embedded_linear.md)。
#
# ## 2 · 随时间反向传播
#
# 展开来看，这是一个 $T$ 层的网络，各层权重相同。每一步的状态用了两次：作为输出，以及被下一步用。
# 把 $\tanh$ 的自变量记作 $a_t$：
#
# $$
# \begin{aligned}
# dh_t &= dy_t + da_{t+1} U^{\mathsf T} \\
# da_t &= dh_t\,(1 - h_t^2)
# \end{aligned}
# $$
#
# 而 $dU = \sum_t h_{t-1}^{\mathsf T} da_t$ 是各步之和，因为 $U$ 每一步都用；$dW$ 与 $db$ 也一样。这就是随时间反向传播
# （backpropagation through time）。
#
# 我们要求最后一步的通道 0 大一些。**先预测：**哪些输入有梯度：偶数步的，奇数步的，还是全部？

# %%
dy = np.zeros((5, 1, 2))
dy[4, 0, 0] = 1
da, from_next = np.zeros((5, 1, 2)), np.zeros((1, 2))
for t in reversed(range(5)):
    dh = dy[t] + from_next
    da[t] = dh * (1 - y[t] ** 2)
    from_next = da[t] @ u.T
    print(f"step {t}: dh {dh[0]}   da {da[t, 0]}   dx {(da[t] @ w.T)[0]}")
before = np.concatenate([np.zeros((1, 1, 2)), y[:-1]])  # the state before each step
print("dU by hand:\n", sum(before[t].T @ da[t] for t in range(5)))
dx, dh, dw, du, db = rnn_backward(dy, saved)
print("library, dU:\n", du, "\ndx:", dx.ravel())

# %% [markdown]
# 梯度也在两个通道之间来回，只不过是倒着走。最后由单位大小的数和有限差分来裁决：

# %%
rng = backend.generator(15, 1)
arrays = {"x": rng.standard_normal((6, 2, 3)), "h": rng.standard_normal((2, 4)), "w": rng.standard_normal((3, 4)),
          "u": rng.standard_normal((4, 4)), "b": rng.standard_normal(4)}
for error in check_gradients(lambda: rnn_forward(**arrays),
                             lambda dy, saved: dict(zip(arrays, rnn_backward(dy, saved))),
                             arrays, rng.standard_normal((6, 2, 4))):
    print(error)

# %% [markdown]
# ### 练习：rnn_step
#
# 一步，以及它的五个梯度。

# %%
def my_rnn_step_forward(x, h, w, u, b):
    """x (B, I), h (B, C), w (I, C), u (C, C), b (C,) -> the next h (B, C), and saved, what backward will need."""


def my_rnn_step_backward(dh_next, saved):
    """dh_next (B, C) -> dx (B, I), dh (B, C), dw (I, C), du (C, C), db (C,)."""

# %%
check("rnn_step", my_rnn_step_forward, my_rnn_step_backward)

# %% [markdown]
# ### 练习：bptt
#
# 所有的步，前向与反向。每个状态有两个梯度到来；结果中有三个是各步之和。

# %%
def my_rnn_forward(x, h, w, u, b):
    """x (T, B, I), h (B, C), w (I, C), u (C, C), b (C,) -> y (T, B, C), the state after each step, and saved."""


def my_rnn_backward(dy, saved):
    """dy (T, B, C) -> dx (T, B, I), dh (B, C), dw (I, C), du (C, C), db (C,)."""

# %%
check("bptt", my_rnn_forward, my_rnn_backward)

# %% [markdown]
# ## 3 · 消失与爆炸，量给你看
#
# 从第 $t$ 步的状态到 $k$ 步之前的状态，梯度要乘 $k$ 次，每次乘 $U^{\mathsf T}$，再乘 $1 - h^2 \le 1$。
# 一个数乘了又乘，不是趋于 0，
# 就是趋于无穷。为了单看 $U$ 的作用，取 $U = s\,Q$，$Q$ 正交，只是 64 维里的一个旋转，$s$ 是倍数。
# 一个长度为 1 的梯度从 60 步中的最后一步进来；
# 在之前的每一步，它有多长？
#
# **先预测：**输入极小时（这时 $1 - h^2 \approx 1$），$s = 0.9$，50 步之后有多长？$s = 1.1$ 呢？再想：输入大的时候，
# 会有什么不同？

# %%
def gradient_lengths(scale, size, T=60, C=64):
    """The length of the gradient at each step, counted backwards from the last; inputs of that size."""
    rng = backend.generator(15, 2)
    u = scale * np.linalg.qr(rng.standard_normal((C, C)))[0]
    x, dy = size * rng.standard_normal((T, 1, C)), np.zeros((T, 1, C))
    dy[-1, 0] = rng.standard_normal(C)
    dy /= np.linalg.norm(dy)
    w = np.eye(C)  # so that dx is da itself
    dx = rnn_backward(dy, rnn_forward(x, np.zeros((1, C)), w, u, np.zeros(C))[1])[0]
    return np.linalg.norm(dx[::-1, 0], axis=1)


figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
for place, size, title in zip(axes, (1e-8, 0.5), ("tiny inputs: tanh is a straight line", "inputs of size 0.5")):
    for scale, color in zip((0.7, 0.9, 1.0, 1.1, 1.3), ("tab:purple", "tab:blue", "black", "tab:orange", "tab:red")):
        lengths = gradient_lengths(scale, size)
        place.semilogy(lengths, color=color, label=f"s = {scale}")
        print(f"{title:40} s = {scale}: after 50 steps {lengths[50]:.2e}")
    place.set(title=title, xlabel="steps back from the last", ylim=(1e-12, 1e8))
    place.grid(alpha=0.3)
axes[0].set_ylabel("length of the gradient")
axes[0].legend(fontsize=8)
plt.show()

# %% [markdown]
# 左边就是 $s^{50}$：$0.9^{50} = 0.005$，$1.1^{50} = 117$。右边第二个因子也来了：状态大的地方 $1 - h^2$ 小，
# 连放大的 $U$（$s = 1.3$）
# 也留不住梯度。消失（vanishing）是常态；爆炸（exploding）需要大的 $U$ 和小的状态，可它一旦发生，就在训练的某一步里，
# 毫无预兆。
#
# 消失了的梯度并不是总和为 0：$dU$ 是各步的*和*，近处的那些步给得足够多。所以网络会学，只是只学近处的东西。
# 这就是为什么没人察觉。
#
# ## 4 · 它能学到多远以前？
#
# 最直白的、需要记忆的问题：给出 4 个字母之一，然后是 $k$ 步噪声字母，然后问：
# 第一个是哪个？瞎猜的网络 100 次里对 25 次。
#
# **先预测：**一个 32 通道的 Elman 网络，用几百步 Adam，能学会多远的距离？

# %%
backend.use("numpy", "float32")
B = 64


def recall_batch(step, k):
    """ids and targets (B, k + 2): a letter 0-3, k of noise 4-7, the question 8; only the answer is counted."""
    rng = backend.generator(15, backend.BATCHES, step)
    first = rng.integers(0, 4, (B, 1))
    ids = np.concatenate([first, rng.integers(4, 8, (B, k)), np.full((B, 1), 8)], axis=1)
    targets = np.full((B, k + 2), -100)
    targets[:, -1] = first[:, 0]
    return ids, targets


def learn_to_recall(cell, k, steps, seed=1):
    """Share of right answers on unseen sequences after so many steps."""
    model = RNNLM(RNNConfig(vocab_size=9, context_length=k + 2, d_model=32, num_layers=1, cell=cell), seed)
    optimizer = Adam(model)
    for step in range(steps):
        loss, saved = model.forward(*recall_batch(step, k))
        model.zero_grad()
        model.backward(saved)
        clip_gradient(model, 1.0)
        optimizer.step(0.003)
    ids, targets = recall_batch(10**6, k)
    return (model(ids)[:, -1].argmax(axis=1) == targets[:, -1]).mean()


distances = (1, 2, 3, 4, 6, 8, 16)
steps = 100 if quick else 400
right = {k: learn_to_recall("rnn", k, steps) for k in distances}
figure, axes = plt.subplots(figsize=(7, 2.8))
axes.plot(distances, [100 * right[k] for k in distances], color="tab:blue", marker="o", label="Elman network")
axes.axhline(25, color="gray", linestyle=":", label="guessing")
axes.set(xlabel="steps between the letter and the question", ylabel="right answers (%)", ylim=(0, 105),
         title=f"what was the first letter? after {steps} steps of training")
axes.grid(alpha=0.3)
axes.legend(fontsize=8)
plt.show()
for k in distances:
    print(f"{k:3} steps back: {right[k]:.0%} right")

# %% [markdown]
# 近的学得一点不差，再远几步的就完全学不会：网络相同，权重个数相同，只是回去的路更长。网络本来*能*记得更久，
# 可没有梯度告诉它，就没有用。
# （多训练一些、权重小一些，界限会移动；第 16 章用结构来移动它。）
#
# ## 5 · 裁剪的作用
#
# 对付爆炸有一个朴素的办法：梯度长过一个界限时，保持方向，把它缩短（Pascanu 等，2013），
# 叫梯度裁剪（gradient clipping）。我们在 Python
# 自己的文档上训练一个字符级的语言模型，用普通的梯度下降、大的学习率和放大的 $U$；一次原样，一次裁剪到长度 1。
#
# **先预测：**训练过程中梯度的长度；沿着长度为 100 的梯度走一步会怎样。

# %%
text = "".join(read_pieces(find_sources(["pydoc"])))[:200_000 if not quick else 60_000]
tokenizer = train_tokenizer("char", [text])
ids = np.array(tokenizer.encode(text))
tokens, held_out = ids[:-10_000], ids[-10_000:]
V, T, C = tokenizer.vocab_size, 32, 64
print(f"{len(tokens):,} characters to train on, {V} different ones; ln {V} = {math.log(V):.2f}")


def train_plain(clip, steps, rate=2.0):
    """Losses and gradient lengths of training by plain gradient descent."""
    model = RNNLM(RNNConfig(vocab_size=V, context_length=T, d_model=C, num_layers=1, cell="rnn"), seed=2)
    model.layers[0].w.data[...] *= 0.1  # small states, a large U: section 3 says what that leads to
    model.layers[0].u.data[...] *= 1.6
    optimizer, losses, norms = SGD(model), [], []
    for step in range(steps):
        loss, saved = model.forward(*training_batch(tokens, 16, T, 0, step))
        model.zero_grad()
        model.backward(saved)
        norms.append(clip_gradient(model, clip) if clip else gradient_norm(model))
        losses.append(float(loss))
        optimizer.step(rate)
    return losses, norms


steps = 60 if quick else 300
runs = {"not clipped": train_plain(None, steps), "clipped to 1": train_plain(1.0, steps)}
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4))
for (name, (losses, norms)), color in zip(runs.items(), ("tab:red", "tab:blue")):
    axes[0].semilogy(losses, color=color, label=name, linewidth=1)
    axes[1].semilogy(norms, color=color, label=name, linewidth=1)
    print(f"{name}: longest gradient {max(norms):.3g}, mean loss of the last 30 steps {np.mean(losses[-30:]):.3f}")
axes[0].axhline(math.log(V), color="gray", linestyle=":", label="ln V")
axes[0].set(title="loss", xlabel="step", ylabel="nats per character")
axes[1].axhline(1, color="gray", linestyle=":", label="the limit")
axes[1].set(title="length of the gradient, before clipping", xlabel="step")
for place in axes:
    place.grid(alpha=0.3)
    place.legend(fontsize=8)
plt.show()

# %% [markdown]
# 不裁剪时，一个长梯度就把权重甩到损失比瞎猜还大的地方，下一个梯度又很长。裁剪之后，每一步的长度由我们定。
# 裁剪不会让梯度变对，只是让错的梯度闯不了祸。
# 对*消失*它毫无办法：没有的梯度，没法拉长。
#
# ## 6 · 截断，与往下传的状态
#
# 一本书有一百万个字符，而反向需要前向得到的每一个状态。所以文本要切成 $T$ 步的窗口。窗口有两种开始的办法：从零开始，
# 或者从前一个窗口的最后状态开始，
# 只当它是一些数。两种办法里，梯度都止于接缝（所谓截断，truncated）；第二种里，*记忆*不止于接缝。
#
# 第二种办法要求窗口一个接一个：文本切成 $B$ 条，第 $b$ 行读第 $b$ 条。
#
# **先预测**下面打印的两批。

# %%
for step in (0, 1):
    window, targets, first = continued_batch(np.arange(26), 2, 4, step)
    print("step", step, "the front of the text" if first else "going on", "\n", window)

# %%
config = TrainConfig(steps=100 if quick else 1000, batch_size=16, optimizer="adam", learning_rate=0.005, warmup=20)
short = RNNConfig(vocab_size=V, context_length=16, d_model=96, num_layers=1, cell="rnn")
models = {}
for name in ("zeros", "carried"):
    model = RNNLM(short, seed=3)
    optimizer = make_optimizer(model, config)
    worker = CarriedState(model, tokens, config) if name == "carried" else None
    for step in range(config.steps):
        training_step(model, optimizer, tokens, config, step, worker)
    models[name] = model
bits = 1 / math.log(2)
print("bits per character on held-out text        windows from zeros   one state carried through")
for name, model in models.items():
    print(f"trained with windows from {name:8}         {bits * mean_loss(model, held_out, 16):.3f}                "
          f"{bits * carried_loss(model, held_out):.3f}")

# %% [markdown]
# 同样的权重，两种问法都可以。**先预测：**在 16 步的窗口里，“zeros” 的损失在哪个位置最高？

# %%
def loss_by_position(model, carry):
    """Mean loss at each place of a window, over the held-out text read by 8 rows."""
    T, state, found = model.config.context_length, None, []
    for step in range((len(held_out) - 1) // 8 // T):
        window, targets, _ = continued_batch(held_out, 8, T, step)
        logits, state = model.read(window, state if carry else None)
        z = logits - logits.max(axis=2, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(axis=2, keepdims=True))
        found.append(-np.take_along_axis(log_p, targets[:, :, None], axis=2)[:, :, 0].mean(axis=0))
    return np.mean(found, axis=0)


figure, axes = plt.subplots(figsize=(7, 3))
axes.plot(bits * loss_by_position(models["zeros"], False), color="tab:red", marker="o", label="each window from zeros")
axes.plot(bits * loss_by_position(models["carried"], True), color="tab:blue", marker="o", label="state carried")
axes.set(xlabel="place in the window", ylabel="bits per character", ylim=(0, None),
         title="what is it worth to remember the windows before?")
axes.grid(alpha=0.3)
axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# 从零开始时，每个窗口的头几个字符没有任何依据，只能猜。状态往下传时，就没有“头几个字符”。再看一眼上面的表：
# 好处大半来自*怎么问*模型；
# 从零训练的那个也可以带着状态来问，尽管没人教过它怎么用旧的状态。
#
# 本库的训练循环对所有模型一律从零开始：窗口因此可以随机抽取，可以由多个工作者分担，中断之后也能一位不差地重来。
# `CarriedState` 是另一种选择。
#
# ### 练习：carry_state
#
# 一个窗口一个窗口地读一段文本，不管在哪里切开，结果都要与一次读完相同。

# %%
def my_read_in_windows(x, h, w, u, b, window):
    """x (T, B, I) in windows of so many steps, h (B, C) before the first -> y (T, B, C), and the last state (B, C)."""

# %%
check("carry_state", my_read_in_windows)

# %% [markdown]
# ## 学到了什么
#
# - 循环网络用一组权重和一个大小固定的状态读任意长的文本；它的梯度就是把网络展开之后的链式法则，带着各步之和。
# - 穿过 $k$ 步，梯度要乘 $k$ 次：多半会消失，只学得到近处的；有时会爆炸，裁剪让祸害变小。
# - 状态可以从窗口带到窗口，而梯度止于接缝。
#
# **接下来：**一个靠相加而不是相乘的状态，以及决定什么进、什么出的门：[16 · LSTM 与 GRU](16_lstm.ipynb)。
