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
# # 07 · Transformer 块：绕过一切的路
# <!-- english: 8911e9a37461 -->
#
# **本章的问题：** GPT-2 有 12 到 48 个块，一个叠在另一个上面。换成几乎任何别的层，48 层都训练不起来：
# 梯度还远没有到达底部，就已经消失或爆炸。两个加号和两次归一化，改变了什么？
#
# 运行时间：两个 CPU 核上约 16 秒；需要先读 [03](03_linear.ipynb)、[05](05_layer_norm.ipynb) 和
# [06](06_attention.ipynb)；研读的源代码：[block.py](../../minigpt/layers/block.py)、
# [feed_forward.py](../../minigpt/layers/feed_forward.py)；文档：[block](../../docs/zh/layers/block.md) 和
# [feed_forward](../../docs/zh/layers/feed_forward.md)。
#
# [在 Colab 中打开](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/zh/07_block.ipynb)

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
from minigpt.data import training_batch
from minigpt.gradient_check import check_gradients
from minigpt.layers.activations import activation
from minigpt.layers.block import PostNormBlock, PreNormBlock
from minigpt.layers.feed_forward import FeedForward
from minigpt.layers.masks import causal_mask
from minigpt.models.gpt import GPT, PRESETS, GPTConfig
from minigpt.optim import Adam
from minigpt.pieces import read_pieces
from minigpt.text.characters import CharacterTokenizer

quick = bool(os.environ.get("MINIGPT_QUICK"))
backend.use("numpy", "float64")
np.set_printoptions(precision=4, suppress=True)
plt.rcParams.update({"figure.dpi": 100, "figure.constrained_layout.use": True})

# %% [markdown]
# ## 1 · 一个数穿过 48 层
#
# 让一层简单到不能再简单：$f(x) = w\,x$，叠 48 层。在第二种做法里，每层把算出的结果*加*到输入上：$y = x + f(x)$。
# 这个加号就是**残差连接**（residual connection）。
#
# $$
# \text{plain: } \frac{dy}{dx} = w^{48} \qquad\qquad \text{residual: } \frac{dy}{dx} = (1 + w)^{48}
# $$
#
# **先猜：** $w = 0.5$、$w = 0.01$ 和 $w = -0.01$ 时两者各是多少，至少猜出数量级。训练刚开始时，真实的层的 $w$ 都很小。

# %%
for w in (0.5, 0.01, -0.01):
    print(f"w = {w:5}   plain {w**48:10.1e}   residual {(1 + w) ** 48:12.4g}")

# %% [markdown]
# $w$ 很小时，普通的叠法什么也传不过去，残差的叠法传过去的*几乎恰好是 1*：
# 它从“什么也不做”开始，每层学的是要加上什么。（$w$ 大时残差的叠法会爆炸，后面会讲到。）
#
# 对向量也是一样。前向是 $y = x + f(x)$；加法把梯度原样交给两项：
#
# $$
# dx = dy + \Bigl(\frac{\partial f}{\partial x}\Bigr)^{\!\mathsf T} dy
# $$
#
# 第一项就是 $dy$ 本身。不管经过多少层，损失的梯度至少有一份，到达底部时还是顶部的样子。
#
# ## 2 · 块的另一半：前馈网络
#
# 注意力在位置*之间*搬运信息。搬来的信息怎么用，由每个位置单独处理，
# 靠的是两个线性层，中间有一个弯：$y = f(x W_1 + b_1) W_2 + b_2$，$C \to F \to C$，$F$ 通常是 $4\,C$。
# 这就是前馈网络（feed-forward network）。
#
# 手算，$C = 2$，$F = 3$，$f = \max(\cdot, 0)$：**先猜** $x = (1, -2)$ 时的 $h = x W_1 + b_1$、$f(h)$ 和 $y$。

# %%
small = FeedForward(2, 3, backend.generator(7, 1), "relu")
small.w_in.w.data[...] = [[1, 0, 2], [0, 1, 1]]  # (C, F)
small.w_in.b.data[...] = [0, 1, 1]
small.w_out.w.data[...] = [[3, 1], [5, 5], [7, 7]]  # (F, C)
x = np.array([[1.0, -2.0]])  # (N, C)
h = x @ small.w_in.w.data + small.w_in.b.data
relu_forward, relu_backward = activation("relu")
a, _ = relu_forward(h)
print("h", h[0], "   f(h)", a[0], "   y", (a @ small.w_out.w.data + small.w_out.b.data)[0])
print("library", small(x)[0])

# %% [markdown]
# 可以这样读：$W_1$ 的每一列向 $x$ 提一个问题（三个内积）；答案为正的地方，
# 就把 $W_2$ 中同一编号的行按这个倍数加到结果上。第 2 个单元说“不”，所以 $(5, 5)$ 没有写进去。
#
# **先猜：** 四个位置中改动一个位置的输入，前馈网络的输出在哪里会变？

# %%
rng = backend.generator(7, 2)
x4 = rng.standard_normal((1, 4, 2))  # (B, T, C)
changed = x4.copy()
changed[0, 1] += 1
print("change at each position:", np.abs(small(changed) - small(x4)).max(axis=2)[0])

# %% [markdown]
# ### 一个块的参数在哪里
#
# **先猜：** 如果注意力有四个 $C\times C$ 的矩阵，而 $F = 4C$，那么一个块的参数有多大份额在前馈网络里？

# %%
def parts_of(block):
    """name of the sublayer -> number of parameters."""
    found = {}
    for name, p in block.parameters().items():
        found[name.split(".")[0]] = found.get(name.split(".")[0], 0) + p.data.size
    return found


C = 96
counts = parts_of(PreNormBlock(C, 4, 4 * C, rng))
print(counts, " together", sum(counts.values()))
print("by formula: attention 4 C^2 + 4 C =", 4 * C * C + 4 * C, "  feed-forward 8 C^2 + 5 C =", 8 * C * C + 5 * C,
      "  two norms 4 C =", 4 * C)

names = ["small", "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "gpt3-175b"]
shares = []
for name in names:
    c = PRESETS[name]
    attention, feed_forward = 4 * c.d_model**2 + 4 * c.d_model, 2 * c.d_model * c.d_ff + c.d_ff + c.d_model
    rest = (c.vocab_size + c.context_length + 2) * c.d_model + 4 * c.d_model * c.num_layers  # both tables, all norms
    shares.append(np.array([attention * c.num_layers, feed_forward * c.num_layers, rest]))
figure, axes = plt.subplots(figsize=(7, 3.2))
left = np.zeros(len(names))
for j, (label, color) in enumerate((("attention", "tab:blue"), ("feed-forward", "tab:orange"),
                                    ("embeddings and norms", "lightgray"))):
    width = np.array([row[j] / row.sum() for row in shares])
    axes.barh(names, width, left=left, color=color, label=label)
    left += width
axes.set_yticks(range(len(names)), [f"{name} ({row.sum() / 1e6:,.1f} M)" for name, row in zip(names, shares)])
axes.invert_yaxis()
axes.set(xlabel="share of all parameters", xlim=(0, 1), title="where the parameters are")
figure.legend(ncols=3, fontsize=8, loc="outside lower center", frameon=False)
plt.show()

# %% [markdown]
# 一个块的三分之二：$12C^2$ 中的 $8C^2$，不管 $C$ 是多少。词表相同时（下面五条），模型越大，嵌入占的份额越小；
# 最上面的小模型，词表只有它们的五十分之一。
#
# ### 练习：feed_forward
#
# 每个位置上 $y = f(x W_1 + b_1) W_2 + b_2$，以及 $x$ 和四个参数的梯度。
# 激活函数按名字从库里取：`f_forward, f_backward = activation(activation_name)`，
# 其中 `f_forward(h)` 返回 `a, saved_f`，`f_backward(da, saved_f)` 返回 `dh`。

# %%
def my_feed_forward_forward(x, w_1, b_1, w_2, b_2, activation_name):
    """x (..., C), w_1 (C, F), b_1 (F,), w_2 (F, C), b_2 (C,) -> y (..., C); and saved, what backward will need."""


def my_feed_forward_backward(dy, saved):
    """dy (..., C) -> dx (..., C), dw_1 (C, F), db_1 (F,), dw_2 (F, C), db_2 (C,)."""

# %%
from minigpt.learn import check

check("feed_forward", my_feed_forward_forward, my_feed_forward_backward)

# %% [markdown]
# ## 3 · 把块拼起来
#
# 有两种次序在用，前置归一化（pre-norm）和后置归一化（post-norm）：
#
# $$
# \begin{aligned}
# \text{pre-norm (GPT-2, GPT-3):}\quad & a = x + \text{attention}(\text{norm}_1(x)), \\
# & y = a + \text{feed-forward}(\text{norm}_2(a)) \\
# \text{post-norm (GPT-1):}\quad & a = \text{norm}_1(x + \text{attention}(x)), \\
# & y = \text{norm}_2(a + \text{feed-forward}(a))
# \end{aligned}
# $$
#
# 各写成两行，与库比较。**先猜：** 哪一种的 $y$ 每行均值为 0、方差为 1？

# %%
rng = backend.generator(7, 3)
B, T, C, H, F = 2, 3, 6, 2, 10
x, mask = 3 * rng.standard_normal((B, T, C)) + 1, causal_mask(T)
pre, post = PreNormBlock(C, H, F, rng, std=0.5), PostNormBlock(C, H, F, rng, std=0.5)

a = x + pre.attention(pre.norm_1(x), mask)
y_pre = a + pre.feed_forward(pre.norm_2(a))
a = post.norm_1(x + post.attention(x, mask))
y_post = post.norm_2(a + post.feed_forward(a))
for name, mine, block in (("pre-norm", y_pre, pre), ("post-norm", y_post, post)):
    print(f"{name:10} equals the library: {np.allclose(mine, block(x, mask))};  means of the rows",
          mine.mean(axis=2)[0] + 0.0, " variances", mine.var(axis=2)[0])

# %% [markdown]
# 后置归一化交出的是归一化过的行，代价是旁路*上面*也有归一化。
# 前置归一化让这条路上什么也没有：$y = x + \ldots + \ldots$，只归一化进入子层的东西。
# 出来的结果则可能越来越大，所以 GPT-2 在最后一个块之后还有一次归一化。
#
# ## 4 · 信号和梯度穿过 2 到 48 个块
#
# 现在用真正的块叠成塔，随机权重的标准差为 $1/\sqrt C$，这样既不太缩小也不太放大。
# 底部放进四段随机文本，每段 16 个位置，数的大小为 1；顶部放进大小为 1 的随机梯度。
# 塔有四种：前置归一化、后置归一化，另有两种没有残差，一种有归一化，一种没有，用来比较。一路上测三样东西：
#
# - 数的**大小**（均方根）；
# - 一段文本的各个位置**相差多远**：减去它们的平均之后剩下的大小，除以原来的大小。0 表示所有位置成了同一个向量；
# - *最后*一个位置上的**梯度**，在往下走的路上有多大。
#
# **先猜**每一种塔在 48 个块之后：数的大小还是 1 吗？各个位置还分得清吗？最后一个位置的底部还有梯度到达吗？

# %%
class NoResidual(PreNormBlock):
    """The same sublayers one after the other, with nothing led past them."""

    normalise = True

    def forward(self, x, mask=None):
        n, saved_norm_1 = self.norm_1.forward(x) if self.normalise else (x, None)
        s, saved_attention = self.attention.forward(n, mask)
        n, saved_norm_2 = self.norm_2.forward(s) if self.normalise else (s, None)
        y, saved_feed_forward = self.feed_forward.forward(n)
        return y, (saved_norm_1, saved_attention, saved_norm_2, saved_feed_forward)

    def backward(self, dy, saved):
        saved_norm_1, saved_attention, saved_norm_2, saved_feed_forward = saved
        ds = self.feed_forward.backward(dy, saved_feed_forward)
        if self.normalise:
            ds = self.norm_2.backward(ds, saved_norm_2)
        dx = self.attention.backward(ds, saved_attention)
        return self.norm_1.backward(dx, saved_norm_1) if self.normalise else dx


class NoResidualNoNorm(NoResidual):
    normalise = False


def size(array):
    """Root mean square."""
    return float(np.sqrt((array * array).mean()))


C, T = 64, 16
mask = causal_mask(T)


def tower(kind, num_layers, std=C**-0.5, out_std=None):
    """At the bottom and after each block: the signal's size, how far positions are apart, the last one's gradient."""
    rng = backend.generator(7, 4)
    blocks = [kind(C, 4, 4 * C, rng, std=std, out_std=out_std) for _ in range(num_layers)]
    h, kept = rng.standard_normal((4, T, C)), []  # (B, T, C)
    signal, apart = [size(h)], [size(h - h.mean(axis=1, keepdims=True)) / size(h)]
    for block in blocks:
        h, saved = block.forward(h, mask)
        kept.append(saved)
        signal.append(size(h))
        apart.append(size(h - h.mean(axis=1, keepdims=True)) / size(h))
    dh = rng.standard_normal(h.shape)
    gradient = [size(dh[:, -1])]
    for block, saved in zip(reversed(blocks), reversed(kept)):
        dh = block.backward(dh, saved)
        gradient.append(size(dh[:, -1]))
    return signal, apart, gradient[::-1]


KINDS = (("no residual, no norm", NoResidualNoNorm, "tab:gray", ":"),
         ("no residual, norms", NoResidual, "tab:red", "-."), ("post-norm", PostNormBlock, "tab:orange", "--"),
         ("pre-norm", PreNormBlock, "tab:blue", "-"))
deepest = {name: tower(kind, 48) for name, kind, _, _ in KINDS}
titles = ("size of the signal", "how far positions are apart", "gradient at the last position")
figure, axes = plt.subplots(1, 3, figsize=(9, 3.6))
for name, _, color, style in KINDS:
    for place, values in zip(axes, deepest[name]):
        place.semilogy(range(49), values, color=color, linestyle=style, linewidth=2, label=name)
for place, title, bottom, top in zip(axes, titles, (1e-1, 1e-6, 1e-6), (1e8, 2, 1e3)):
    place.set(xlabel="block", ylim=(bottom, top))
    place.set_title(title, fontsize=10)
    place.grid(alpha=0.3)
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8, frameon=False)
figure.suptitle("48 random blocks, weights of 1/sqrt(C); the gradient comes from the right", fontsize=10)
plt.show()
print(f"{'':22}   signal at the top   positions apart   gradient at the bottom")
for name, (signal, apart, gradient) in deepest.items():
    print(f"{name:22}   {signal[-1]:17.1e}   {apart[-1]:15.1e}   {gradient[0]:22.1e}")

# %% [markdown]
# 有三点值得停下来想一想。
#
# **大小是容易的部分。** 没有归一化，它是 48 个略大于 1 的因子之积，于是爆炸；
# 有了归一化就好了，不管有没有残差。
#
# **可是有归一化而没有残差的塔已经死了**，虽然它的数大小都很健康。二十个块之后，一段文本的所有位置都是同一个向量：
# 每次注意力都取平均，平均的平均的平均，就全都一样了（有多快，见 Dong 等，2021）。
# 于是顶部无从知道哪个词元在哪里，梯度也不知道：损失对最后一个位置的意见，到不了那个位置自己的输入，
# 全都流进了第一个词元，因为人人都看得到它。
#
# **残差让每个位置自己的向量留在和里。** 在前置归一化里，它一直留在那里：48 个块之上，各个位置仍相差其大小的 58 %。
# 在后置归一化里，96 次归一化，每次都把大小差不多的两项之和缩回到 1，所以输入在方差中所占的份额减半 96 次。
# 它比没有残差撑得久，但在这个深度也所剩无几。
# （前置归一化的梯度往下走时还会变大：靠近底部时和还很小，归一化除以一个小的数，梯度就乘上了同样的倍数。）

# %%
depths = [2, 4, 8, 16, 24, 48]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8))
for name, kind, color, style in KINDS:
    at_depth = [tower(kind, L) for L in depths]
    look = {"color": color, "linestyle": style, "marker": "o"}
    axes[0].loglog(depths, [apart[-1] for _, apart, _ in at_depth], label=name, **look)
    axes[1].loglog(depths, [gradient[0] for _, _, gradient in at_depth], **look)
axes[0].set_title("positions apart, at the top", fontsize=10)
axes[1].set_title("gradient at the bottom, last position", fontsize=10)
for place, top in zip(axes, (2, 1e2)):
    place.set_xticks(depths, depths)
    place.minorticks_off()
    place.set(xlabel="blocks", ylim=(1e-6, top))
    place.grid(alpha=0.3)
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8, frameon=False)
figure.suptitle("towers of 2 to 48 blocks", fontsize=10)
plt.show()

print("the same 48 blocks with small weights, of standard deviation 0.02")
for name, kind, _, _ in KINDS:
    signal, apart, gradient = tower(kind, 48, std=0.02)
    print(f"{name:22}   {signal[-1]:17.1e}   {apart[-1]:15.1e}   {gradient[0]:22.1e}")

# %% [markdown]
# 权重小的时候，比如 GPT 的 0.02，有残差的两种就不同了：一个子层现在只加上很少的东西，
# 所以两座塔一开始都是“把收到的交出去”，什么都能到达。没有残差就没有办法：归一化能让数不至于消失，却不能让各个位置分开。
# 所以深的塔需要残差，而后置归一化还需要一个小心的开始。
#
# ## 5 · 从小处开始：1/√(2L)
#
# 在前置归一化的塔里，$h_L = h_0 + \sum_{n=1}^{2L} s_n$：每个块加上两项。开始时各项大致独立，所以方差相加：
# 若每项的方差为 $\sigma^2$，则 $\operatorname{var}(h_L) = 1 + 2L\,\sigma^2$。
# 因此 GPT-2 在开始时把写入残差的权重除以项数的平方根 $\sqrt{2L}$。
#
# **先猜：** $\sigma = 1$，$L = 48$ 时，不除的话 $h_L$ 有多大？除了呢？

# %%
plain, scaled = [], []
for L in depths:
    plain.append(tower(PreNormBlock, L)[0][-1])
    scaled.append(tower(PreNormBlock, L, out_std=C**-0.5 / math.sqrt(2 * L))[0][-1])
figure, axes = plt.subplots(figsize=(7, 3.4))
axes.plot(depths, plain, color="tab:red", marker="o", label="all weights alike")
axes.plot(depths, scaled, color="tab:blue", marker="o", label="those that write to the residual divided by sqrt(2 L)")
axes.plot(depths, np.sqrt(1 + 2 * np.array(depths)), color="gray", linestyle=":", label="sqrt(1 + 2 L)")
axes.set(xlabel="blocks L", ylabel="root mean square of the output", ylim=(0, None), xticks=depths,
         title="size of a pre-norm tower's output at the start")
axes.grid(alpha=0.3)
axes.legend(fontsize=8)
plt.show()
print("with 48 blocks:", f"{plain[-1]:.2f} and {scaled[-1]:.2f}")

# %% [markdown]
# 不除的话，输出按 $\sqrt{1 + 2L}$ 增长（还要多一点：各项的方差不恰好是 1，也不完全独立）。
# 除了之后，任何深度都一样：96 项，每项方差 1/96，在原有的 1 上加了 1，于是是 $\sqrt 2 \approx 1.4$。
# 所说的权重就是 `attention.out` 和 `feed_forward.w_out` 的权重。
#
# ## 6 · 手写一个块的反向
#
# 前置归一化的前向是
#
# 1. $n_1 = \text{norm}_1(x)$，$\;s_1 = \text{attention}(n_1)$，$\;a = x + s_1$
# 2. $n_2 = \text{norm}_2(a)$，$\;s_2 = \text{feed-forward}(n_2)$，$\;y = a + s_2$
#
# 往下读之前**先猜**反向：从 $dy$ 到 $dx$，最后一步最先。在哪里有两个梯度相遇，必须相加？（一撇表示某一层的反向。）
#
# $$
# \begin{aligned}
# ds_2 &= dy \\
# dn_2 &= \text{feed-forward}'(ds_2) \\
# da &= dy + \text{norm}_2'(dn_2) \\
# dn_1 &= \text{attention}'(da) \\
# dx &= da + \text{norm}_1'(dn_1)
# \end{aligned}
# $$
#
# 在 $a$ 处和 $x$ 处：两者都用了两次。

# %%
rng = backend.generator(7, 5)
B, T, C, H, F = 2, 3, 6, 2, 10  # odd, unequal sizes
block = PreNormBlock(C, H, F, rng, std=0.7)
x, dy, mask = rng.standard_normal((B, T, C)), rng.standard_normal((B, T, C)), causal_mask(T)


def backward_by_hand(dy, saved, residual=True):
    saved_norm_1, saved_attention, _, saved_norm_2, saved_feed_forward, _ = saved  # the two _ are for dropout
    dn_2 = block.feed_forward.backward(dy, saved_feed_forward)
    da = block.norm_2.backward(dn_2, saved_norm_2)
    if residual:
        da = dy + da
    dn_1 = block.attention.backward(da, saved_attention)
    return da + block.norm_1.backward(dn_1, saved_norm_1)


arrays = {"x": x, **{name: p.data for name, p in block.parameters().items()}}


def gradients_of(function):
    """backward as check_gradients wants it: the gradient of the input and of every parameter, by name."""

    def backward(dy, saved):
        block.zero_grad()
        dx = function(dy, saved)
        return {"x": dx, **{name: p.grad for name, p in block.parameters().items()}}

    return backward


found = [check_gradients(lambda: block.forward(x, mask), gradients_of(function), arrays, dy)
         for function in (backward_by_hand, block.backward, lambda dy, s: backward_by_hand(dy, s, residual=False))]
print(f"{'relative errors':22}    by hand    library   residual around feed-forward forgotten")
for errors in zip(*found):
    numbers = "".join(f"{error.relative_error:11.1e}" for error in errors)
    print(f"{errors[0].array:22}{numbers}", " <- wrong" if errors[-1].relative_error > 1e-6 else "")

# %% [markdown]
# 忘了残差，前馈网络和它的归一化的梯度仍然正确：它们在出错之前就算好了。反向在那之后算出来的全都错了。
# 反向是从这张表的底部走到顶部的，表也就该这样读：错误就在最后一行对的和第一行错的之间。
#
# ### 练习：residual
#
# 半个块：$y = x + f(\text{norm}(x))$。`norm` 和 `f` 已经给出，它们与这里所有模块的约定相同：
# `piece.forward(x)` 返回 `y, saved_piece`，`piece.backward(dy, saved_piece)` 返回 `dx`。
# 反向需要的一切，包括这两个部件，都放在 `saved` 里。

# %%
def my_residual_forward(x, norm, f):
    """x (..., C) -> y = x + f(norm(x)) (..., C); and saved, a tuple of what backward will need.

    norm and f are pieces like the library's modules: piece.forward(x) returns y, saved_piece.
    """


def my_residual_backward(dy, saved):
    """dy (..., C) -> dx (..., C). piece.backward(dy, saved_piece) returns the gradient of the piece's input."""

# %%
from minigpt.learn import check

check("residual", my_residual_forward, my_residual_backward)

# %% [markdown]
# ## 7 · 训练时要紧吗？
#
# 四个第 08 章的 GPT，各有 12 个小块，文本相同，批次相同，从第一步起学习率相同：
# 前置和后置归一化，一次用第 4 节的权重 $1/\sqrt C$，一次用 GPT 的 0.02。
#
# **先猜：** 根据你在塔里看到的，四个里面哪一个学不会？如果模型分不清各个位置，它最好能做到什么程度？

# %%
backend.use("numpy", "float32")
text = "".join(read_pieces(find_sources(["pydoc"])))
tokenizer = CharacterTokenizer.train([text])
tokens = np.array(tokenizer.encode(text))
steps = 40 if quick else 160


def train(norm, std):
    model = GPT(GPTConfig(vocab_size=tokenizer.vocab_size, context_length=32, d_model=32, num_heads=2, num_layers=12,
                          norm=norm))
    for block in model.blocks:
        for p in block.parameters().values():
            if p.data.ndim == 2 and std:
                p.data *= std / p.data.std()
    optimizer, losses = Adam(model), []
    for step in range(steps):
        loss, saved = model.forward(*training_batch(tokens, 8, 32, seed=7, step=step))
        model.zero_grad()
        model.backward(saved)
        optimizer.step(0.003)
        losses.append(float(loss))
    return losses


frequency = np.bincount(tokens) / len(tokens)
entropy = -(frequency[frequency > 0] * np.log(frequency[frequency > 0])).sum()
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True)
for place, std, title in ((axes[0], 32**-0.5, "weights of 1/sqrt(C) = 0.18"), (axes[1], None, "weights of 0.02")):
    for norm, color in (("pre", "tab:blue"), ("post", "tab:orange")):
        smooth = np.convolve(train(norm, std), np.ones(10) / 10, mode="valid")
        place.plot(range(9, steps), smooth, color=color, label=f"{norm}-norm, at the end {smooth[-1]:.2f}")
    place.axhline(entropy, color="gray", linestyle=":", label=f"only how frequent each character is: {entropy:.2f}")
    place.set(xlabel="step", title=title, ylim=(2.4, 4.2))
    place.grid(alpha=0.3)
    place.legend(fontsize=8)
axes[0].set_ylabel("loss (nats per character)")
figure.suptitle("12 blocks, the same learning rate from the first step on", fontsize=10)
plt.show()
backend.use("numpy", "float64")

# %% [markdown]
# 权重大时，后置归一化降到单个字符的熵，就停在那里。所有位置都是同一个向量时，能做的恰好就是这么多：
# 学会每个字符有多常见，至于下一个是哪个，一无所知。前置归一化从同样的开始却学得动。
# 权重小时，两种都学得动，在这里后置归一化甚至更快。
# 所以后置归一化不是错误，GPT-1 和 BERT 就是这样训练的；但它依赖小心的开始：小的权重，慢慢升高的学习率
# （预热，见第 09 章；原因见 Xiong 等，2020），越深越是如此。前置归一化则宽容得多。

# %% [markdown]
# ## 学到了什么
#
# - 残差把梯度原样交过子层；没有它，48 个块传不下任何有用的东西。
# - 前置归一化让旁路畅通，后置归一化在旁路上归一化；次序决定了塔能有多深，以及该怎样开始。
# - 一个块的三分之二是前馈网络；每个块向残差加上两项，所以有 $1/\sqrt{2L}$。
#
# **下一章：** [08 · GPT](08_gpt.ipynb)：零件齐了，把它们拼起来，数清参数，再训练。
