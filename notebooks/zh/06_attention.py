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
# # 06 · 注意力：各个位置怎样互相看
# <!-- english: a258b08c8552 -->
#
# **本章的问题：** 到现在为止，文本的每个位置都是单独处理的。“它”字如果不往回看，就无从知道自己指的是什么。
# 一个位置怎样去看，怎样*选择*看哪里，这种选择又是怎样学会的？
#
# 运行时间：两个 CPU 核上约 16 秒；需要先读 [02](02_cross_entropy.ipynb)、[03](03_linear.ipynb) 和
# [04](04_embedding.ipynb)；研读的源代码：[attention.py](../../minigpt/layers/attention.py)、
# [masks.py](../../minigpt/layers/masks.py)、[softmax.py](../../minigpt/layers/softmax.py)；
# 文档：[attention](../../docs/zh/layers/attention.md)、[masks](../../docs/zh/layers/masks.md) 和
# [softmax](../../docs/zh/layers/softmax.md)。
#
# [在 Colab 中打开](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/zh/06_attention.ipynb)

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
from minigpt.gradient_check import check_gradients
from minigpt.layers.attention import (
    SelfAttention,
    attention_backward,
    attention_forward,
    merge_heads,
    split_heads,
)
from minigpt.layers.cross_entropy import IGNORED
from minigpt.layers.masks import causal_mask, padding_mask
from minigpt.layers.softmax import softmax_forward
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.optim import Adam

quick = bool(os.environ.get("MINIGPT_QUICK"))
backend.use("numpy", "float64")
np.set_printoptions(precision=4, suppress=True)
plt.rcParams.update({"figure.dpi": 100, "figure.constrained_layout.use": True})

# %% [markdown]
# ## 1 · 对前面的内容加权求和
#
# 四个位置，每个位置有一个含两个数的向量。把信息往后传，最简单的办法是：
# 每个位置取**自己和前面所有位置的平均**。先写成循环，一次一个位置。
#
# **先猜**结果的四行。

# %%
v = np.array([[4.0, 0.0], [0.0, 8.0], [2.0, 1.0], [2.0, 3.0]])  # (T, D)
T = len(v)
for t in range(T):
    print("position", t, "gets", v[: t + 1].mean(axis=0))

# %% [markdown]
# 平均就是加权求和，而四个加权和就是一次矩阵乘法：$p$ 的第 $t$ 行是位置 $t$ 给全部四个位置的权重。
# 为了不让任何位置往后看，对角线右边必须是什么？
#
# **先猜** $p$ 的第三行。

# %%
triangle = causal_mask(T)  # (T, T) booleans
p = triangle / triangle.sum(axis=1, keepdims=True)
print("who may see whom:\n", triangle.astype(int))
print("weights p:\n", p)
print("p v:\n", p @ v)

# %% [markdown]
# 同样的权重还有第二种做法，而这一种可以*学习*。先给每一对位置一个分数，全是 0；
# 不许看的地方放 $-\infty$；再对每一行做 softmax。$e^{-\infty} = 0$，而分数相等，权重就相等。

# %%
scores = np.where(triangle, 0.0, -np.inf)
print("scores:\n", scores)
print("softmax of each row:\n", softmax_forward(scores)[0])

# %% [markdown]
# 现在权重由分数而来，分数可以是任意的数。那么分数应当从哪里来？
#
# ## 2 · 分数来自比较
#
# 每个位置给出三个向量：**查询**（query）$q$（我在找什么？）、**键**（key）$k$（我有什么可供查找？）
# 和**值**（value）$v$（如果选中我，我交出什么？）。
# 位置 $t$ 给位置 $j$ 的分数是内积 $q_t\cdot k_j$，两个向量方向一致时就大：
#
# $$
# s = \frac{q\,k^{\mathsf T}}{\sqrt D}, \qquad p = \operatorname{softmax}(s), \qquad y = p\,v
# $$
#
# $\sqrt D$ 的用处在第 3 节说明。取三个位置，$D = 4$，于是 $\sqrt D = 2$。第二个查询是零向量。
#
# **先猜：** (a) 第三个查询 $(2,0,0,2)$ 的各个分数；(b) 在因果掩码（causal mask）之下，第二个位置的权重；
# (c) 所有值的最后一个通道都是 1，那么 $y$ 的最后一个通道是什么？

# %%
q = np.array([[1.0, 0, 1, 0], [0, 0, 0, 0], [2, 0, 0, 2]])  # (T, D)
k = np.array([[1.0, 1, 0, 1], [0, 1, 2, 0], [1, 0, 0, 0]])  # (T, D)
v = np.array([[10.0, 0, 0, 1], [0, 10, 0, 1], [0, 0, 10, 1]])  # (T, D)
mask = causal_mask(3)

products = q @ k.T  # (T, T)
scaled = products / 2
masked = np.where(mask, scaled, -np.inf)
e = np.exp(masked)
p = e / e.sum(axis=1, keepdims=True)
y = p @ v
for name, array in (("q k^T", products), ("... / 2", scaled), ("... masked", masked), ("exp", e), ("p", p), ("y", y)):
    print(f"{name}:\n{array}")

# %%
y_library, saved = attention_forward(q, k, v, mask)
print("library:\n", y_library)
print("largest difference:", np.abs(y - y_library).max())

# %% [markdown]
# 第三个位置最看重第一个（权重 0.67：它们的向量合得来），其次是它自己，最不看重第二个。
# 零查询与谁都不特别相合，得到的就是普通的平均。最后一个通道处处是 1：权重之和为 1，一堆 1 的平均还是 1。
#
# 做选择的只是一次比较，而比较有梯度。用一个倍数让查询变得尖锐，平均就变成了查表。
#
# **先猜：** 把分数 $(2, 0, 1)$ 乘以 0，或乘以 10，权重各是多少？

# %%
factors = (0, 0.5, 1, 2, 4, 10)
rows = np.array([softmax_forward(factor * scaled[2])[0] for factor in factors])  # (6, T)
figure, axes = plt.subplots(figsize=(7, 2.8))
left = np.zeros(len(factors))
for j, color in enumerate(("tab:blue", "tab:orange", "tab:gray")):
    axes.barh([str(f) for f in factors], rows[:, j], left=left, color=color, label=f"position {j}")
    left += rows[:, j]
axes.set(xlabel="weight", ylabel="factor", xlim=(0, 1), title="softmax of a factor times the scores (2, 0, 1)")
figure.legend(fontsize=8, ncols=3, loc="outside lower center", frameon=False)
plt.show()

# %% [markdown]
# ## 3 · 为什么要除以 √D？
#
# 设 $q$ 和 $k$ 里的数相互独立，均值为 0，方差为 1。那么每个乘积 $q_d\,k_d$ 的均值为 0、方差为 1，
# 而 $q\cdot k$ 是 $D$ 个这样的乘积之和。
#
# **先猜：** $D = 64$ 时 $q\cdot k$ 的标准差。再猜：分数有这么大时，32 个键当中最大的权重是什么样子？

# %%
rng = backend.generator(6, 1)
widths = [1, 4, 16, 64, 256, 1024]
found = {"raw": [], "scaled": []}  # (standard deviation of the scores, largest weight, size of the softmax's slope)
for D in widths:
    queries, keys = rng.standard_normal((300, 1, D)), rng.standard_normal((300, 32, D))
    raw = (queries @ keys.swapaxes(1, 2))[:, 0]  # (300, S)
    for name, s in (("raw", raw), ("scaled", raw / np.sqrt(D))):
        weights = softmax_forward(s)[0]
        slope = (weights * (1 - weights)).sum(axis=1).mean()  # the diagonal of the softmax's Jacobian, p (1 - p)
        found[name].append((s.std(), weights.max(axis=1).mean(), slope))

figure, axes = plt.subplots(1, 3, figsize=(9, 3.2))
titles = ("standard deviation of scores", "mean of the largest of 32 weights", "sum of p (1 - p): its slope")
for number, (place, title) in enumerate(zip(axes, titles)):
    for name, color in (("raw", "tab:red"), ("scaled", "tab:blue")):
        label = "q k" if name == "raw" else "q k / sqrt(D)"
        place.plot(widths, [row[number] for row in found[name]], color=color, marker="o", label=label)
    place.set_xscale("log")
    place.set_xticks(widths, widths, fontsize=8)
    place.minorticks_off()
    place.set_title(title, fontsize=9)
    place.set_xlabel("D, numbers in q and in k")
    place.grid(alpha=0.3)
axes[0].plot(widths, np.sqrt(widths), color="gray", linestyle=":", label="square root of D")
axes[0].set_yscale("log")
axes[0].set_yticks([1, 4, 16, 32], [1, 4, 16, 32])
axes[0].minorticks_off()
axes[0].legend(fontsize=8)
plt.show()
for D, row in zip(widths, found["raw"]):
    print(f"D = {D:5}: q k has the standard deviation {row[0]:6.2f}; its largest weight is {row[1]:.3f} on average")

# %% [markdown]
# $\sqrt{64} = 8$；分数在 $\pm 8$ 左右时，什么都还没学，一个键就几乎拿走了全部权重。
# 第三幅图说明了为什么这很要紧：softmax 传回的梯度与 $p\,(1-p)$ 成比例，$p$ 为 0 或 1 的地方就没有梯度。
# 除以 $\sqrt D$ 之后，不论多宽，分数的方差都是 1，softmax 就停留在能学习的范围里。
#
# ## 4 · softmax 的雅可比矩阵
#
# 一行里各个权重对各个分数的斜率是 $\partial p_j/\partial s_i = p_j(\delta_{ij} - p_i)$；
# 写成矩阵，即雅可比矩阵（Jacobian），就是 $\operatorname{diag}(p) - p\,p^{\mathsf T}$。
#
# **先猜：** 这个矩阵每一行之和是多少？当某个权重为 1 时，矩阵是什么样子？

# %%
figure, axes = plt.subplots(1, 3, figsize=(9, 3.2))
for place, factor in zip(axes, (0, 1, 6)):
    weights = softmax_forward(factor * np.array([2.0, 1.0, 0.0, 1.5]))[0]
    jacobian = np.diag(weights) - np.outer(weights, weights)
    place.imshow(jacobian, cmap="PuOr", vmin=-0.3, vmax=0.3)
    for i in range(4):
        for j in range(4):
            place.text(j, i, f"{jacobian[i, j]:.2f}".replace("-0.00", "0.00"), ha="center", va="center", fontsize=8,
                       color="white" if jacobian[i, j] > 0.15 else "black")
    place.set(xticks=range(4), yticks=range(4))
    place.set_title("p = " + np.array2string(weights, precision=2), fontsize=9)
    print("p", weights, "  row sums", jacobian.sum(axis=1) + 0.0)
figure.suptitle("Jacobian of the softmax: even weights, uneven ones, and almost one single weight", fontsize=10)
plt.show()

# %% [markdown]
# 每行之和为 0：一个权重升高多少，其余的合起来就降低多少。某个权重接近 1 时，整个矩阵接近 0：
# 所谓“饱和”就是这个意思。乘以这个矩阵并不需要矩阵：
#
# $$
# ds_i = \sum_j dp_j\,p_j(\delta_{ij} - p_i) = p_i\Bigl(dp_i - \sum_j dp_j\,p_j\Bigr).
# $$
#
# 用话说：每个权重的梯度，减去所有梯度的*加权平均*。
# **先猜：** $p = (\frac12,\frac14,\frac14)$，$dp = (1, 0, 2)$，加权平均是多少？$ds$ 呢？

# %%
p3, dp3 = np.array([0.5, 0.25, 0.25]), np.array([1.0, 0.0, 2.0])
print("weighted mean of dp:", p3 @ dp3)
print("ds:", p3 * (dp3 - p3 @ dp3))
print("with the matrix:", (np.diag(p3) - np.outer(p3, p3)) @ dp3)

# %% [markdown]
# ## 5 · 反向，一步一步来
#
# 前向是 $s = q k^{\mathsf T}/\sqrt D$，$p = \operatorname{softmax}(s)$，$y = p v$。
# 对乘积 $C = A B$，第 03 章得到 $dA = dC\,B^{\mathsf T}$，$dB = A^{\mathsf T} dC$。从末尾开始：
#
# $$
# \begin{aligned}
# dv &= p^{\mathsf T} dy \\
# dp &= dy\,v^{\mathsf T} \\
# ds &= p\,\bigl(dp - \textstyle\sum_j dp_j p_j\bigr) \\
# dq &= ds\,k/\sqrt D \\
# dk &= ds^{\mathsf T} q/\sqrt D
# \end{aligned}
# $$
#
# 第三行是逐行计算的；最后一行，乘积里出现的是 $k^{\mathsf T}$，所以它的梯度要转置回来。
# 掩码不需要单独一行。为什么？（不许看的地方，$p$ 是多少？）
#
# 还是第 2 节的数，$dy$ 只看一个数：设 $L$ 就是第三个位置上 $y$ 的第一个通道，所以 $dy$ 在那里是 1，别处是 0。
# **先猜：** $dp$ 的最后一行。要让这个数变大，哪个键应当靠近第三个查询，哪些应当离远？

# %%
dy = np.zeros((3, 4))
dy[2, 0] = 1.0
p = saved[3]
dv = p.T @ dy
dp = dy @ v.T
ds = p * (dp - (dp * p).sum(axis=1, keepdims=True))
dq = ds @ k / 2
dk = ds.T @ q / 2
for name, array in (("dp", dp), ("ds", ds), ("dq", dq), ("dk", dk), ("dv", dv)):
    print(f"{name}:\n{array}")
for name, mine, library in zip(("dq", "dk", "dv"), (dq, dk, dv), attention_backward(dy, saved)):
    print(name, "equals the library's:", np.allclose(mine, library))

# %% [markdown]
# 第三个查询给第一个键的分数升高，这个数就变大，因为那个键的值在这个通道里有东西；
# 另外两个分数升高，它就变小，合起来正好一样多。（训练的一步是*逆着*这个梯度走，让损失变小。）
#
# 有一个陷阱值得知道。$q^{\mathsf T} ds$ 是 $dk$ 的转置，形状为 $(D, T)$。
# 有人看到形状不对，就把它 reshape 成 $(T, D)$：形状对了，数却放错了地方，任何检查形状的测试都不会发现。
# 梯度检查可以发现，只要尺寸互不相等，数值大小在 1 左右：

# %%
rng = backend.generator(6, 2)
q4, k4, v4 = rng.standard_normal((3, 4)), rng.standard_normal((5, 4)), rng.standard_normal((5, 4))  # T 3, S 5, D 4
dy4, mask4 = rng.standard_normal((3, 4)), causal_mask(3, 5)


def reshaped_backward(dy, saved):
    dq, dk, dv = attention_backward(dy, saved)
    return dq, dk.T.reshape(dk.shape), dv


for name, function in (("library", attention_backward), ("dk reshaped instead of transposed", reshaped_backward)):
    print(name)
    for error in check_gradients(lambda: attention_forward(q4, k4, v4, mask4),
                                 lambda dy, saved: dict(zip("qkv", function(dy, saved))),  # noqa: B023
                                 {"q": q4, "k": k4, "v": v4}, dy4):
        print("   ", error)

# %% [markdown]
# ### 练习：attention
#
# 第 2 节和第 5 节的全部内容，前面的轴（批量、头）可以有任意多个。什么也不许看的查询得到 0。
# 不要调用库里的 softmax：它和它的梯度，你在第 02 章已经学过。

# %%
def my_attention_forward(q, k, v, mask=None):
    """q (..., T, D), k (..., S, D), v (..., S, D) -> y (..., T, D); and saved, a tuple of what backward will need.

    mask: booleans that broadcast to (..., T, S), True where attention is allowed. A row without any gives zeros.
    """


def my_attention_backward(dy, saved):
    """dy (..., T, D) -> dq (..., T, D), dk (..., S, D), dv (..., S, D)."""

# %%
from minigpt.learn import check

check("attention", my_attention_forward, my_attention_backward)

# %% [markdown]
# ## 6 · 掩码：因果性与填充，改动一处就看得见
#
# “没有一个位置看得到未来”，这样的承诺应当检验，而不是相信。
# 我们取一整个自注意力层，它用一个线性层从同一个 $x$ 得到 $q$、$k$ 和 $v$；
# 改动位置 $j$ 的输入，再量出每个位置 $i$ 的输出变了多少。
#
# **先猜**有掩码时的图：哪些格子恰好是 0？八个位置中改动位置 5，哪些输出会动？

# %%
rng = backend.generator(6, 3)
T, C = 8, 12
layer = SelfAttention(C, num_heads=2, rng=rng, std=C**-0.5)
x = rng.standard_normal((1, T, C))  # (B, T, C)


def influence(mask):
    """How much the output at position i (row) changes when the input at position j (column) does."""
    before, changes = layer(x, mask), np.zeros((T, T))
    for j in range(T):
        other = x.copy()
        other[0, j] += rng.standard_normal(C)
        changes[:, j] = np.abs(layer(other, mask) - before).max(axis=2)[0]
    return changes


figure, axes = plt.subplots(1, 3, figsize=(9, 3.5))
choices = (("no mask", None), ("causal", causal_mask(T)), ("causal, window of 3", causal_mask(T, window=3)))
for place, (title, mask) in zip(axes, choices):
    changes = influence(mask)
    place.imshow(changes, cmap="Blues", vmin=0)
    place.set(title=title, xlabel="input changed at j", xticks=range(T), yticks=range(T))
    for i, j in zip(*np.nonzero(changes == 0)):
        place.text(j, i, "0", ha="center", va="center", fontsize=7, color="gray")
axes[0].set_ylabel("output that moves, i")
figure.suptitle("which output hears of which input (0: not a single bit changed)", fontsize=10)
plt.show()

# %% [markdown]
# 有了掩码，对角线上方恰好是 0：不是很小，就是 0。
# 正因为如此，一遍前向可以同时训练全部 $T$ 个预测：位置 $t$ 没有看到 $t + 1$ 处的答案。
# 带窗口的是 GPT-3 的变体，每隔一层用一次。
#
# **生成时**只有一个新词元在查询，前面所有词元都是键：$T = 1$ 个查询，$S$ 个键。
# 所以掩码是从右下角数起的。**先猜** `causal_mask(1, 4)` 和 `causal_mask(2, 4)`。

# %%
print(causal_mask(1, 4).astype(int))
print(causal_mask(2, 4).astype(int))

# %% [markdown]
# **填充（padding）。** 同一批里长短不一的文本，要用没有意义的词元补齐，这里补在左边。谁也不许看它们。
# 我们把填充的内容改成荒唐的数。
#
# **先猜：** 真实位置的输出变化多少？还有：填充的位置什么也不许看，它的 softmax 对着一个空集，会给出什么？

# %%
valid = np.array([[False, False, False, True, True, True, True, True]])  # (B, S)
mask = causal_mask(T) & padding_mask(valid)  # (B, 1, T, S)
other = x.copy()
other[0, :3] = 1e6
difference = np.abs(layer(other, mask) - layer(x, mask)).max(axis=2)[0]
print("change of the output at each position:", difference)
heads, (_, _, _, p, _) = attention_forward(q4, k4, v4, np.zeros((3, 5), dtype=bool))
print("weights where nothing may be seen: all 0, not NaN:", np.array_equal(p, np.zeros((3, 5))))

# %% [markdown]
# ### 练习：causal_mask
#
# $T$ 个查询是 $S$ 个位置中的最后 $T$ 个。返回形状为 $(T, S)$ 的布尔数组，查询可以看的键为 True：
# 它自己和它之前的一切；`window` = n > 0 时，只看其中最后 n 个，包括它自己。

# %%
def my_causal_mask(queries, keys, window=0):
    """Booleans (T, S) for T = queries and S = keys, S >= T: True where the query may look at the key.

    The queries are the last T of the S positions. window: how many positions back a query sees, itself included; 0
    means no limit.
    """

# %%
from minigpt.learn import check

check("causal_mask", my_causal_mask)

# %% [markdown]
# ## 7 · 多个头
#
# 一次 softmax 在每个位置只做一次选择。可是一个词也许同时需要两样东西：它所修饰的名词，以及紧挨在前面的那个词。
# 所以把 $C$ 个通道切成 $H$ 份，每份 $D = C/H$ 个通道，各自比较，各自选择，这就是多头（multi-head）。
#
# `split_heads` 把 $(B, T, H\,D)$ 变成 $(B, H, T, D)$。**先猜：** 0 到 11 这些数里，头 1 拿到哪些？
# （两个位置，六个通道，两个头。）

# %%
x6 = np.arange(12).reshape(1, 2, 6)  # (B, T, C)
print("x:\n", x6[0])
print("head 0:\n", split_heads(x6, 2)[0, 0])
print("head 1:\n", split_heads(x6, 2)[0, 1])
print("reshape(1, 2, 2, 3), the usual mistake; 'head 0':\n", x6.reshape(1, 2, 2, 3)[0, 0])
print("merge undoes split:", np.array_equal(merge_heads(split_heads(x6, 2)), x6))

# %% [markdown]
# 只用 reshape，形状是对的，内容是错的：它的“头 0”拿到了位置 0 的全部通道。
# 必须交换轴的次序，先 `reshape(B, T, H, D)`，再 `transpose(0, 2, 1, 3)`。
# 这里 $T$ 和 $H$ 都是 2，所以形状不会暴露这个错误。
#
# 两个头并不比一个头多费计算：$H$ 个宽度为 $D = C/H$ 的乘积。变多的是权重 $p$ 的个数，每段文本 $H\,T^2$ 个。
#
# ### 练习：split_heads
#
# 头 $h$ 占通道 $hD$ 到 $(h+1)D - 1$。这里什么也不计算，数只是换了位置；
# 所以反向就是把它们搬回去，合并各个头的结果用的也是这个函数。

# %%
def my_split_heads_forward(x, num_heads):
    """x (B, T, C) -> y (B, H, T, D) with H = num_heads, D = C / H; and saved, a tuple of what backward will need."""


def my_split_heads_backward(dy, saved):
    """dy (B, H, T, D) -> dx (B, T, C): every number goes back to where it came from. This also merges heads."""

# %%
from minigpt.learn import check

check("split_heads", my_split_heads_forward, my_split_heads_backward)

# %% [markdown]
# ## 8 · 训练过的注意力
#
# 训练过的模型看哪里？先是随机的字母，然后同样的字母再来一遍，也许还有第三遍：
#
#     d k a h f p c d k a h f p c d k ...
#
# 重复的那一段有多长（6 到 16 个字母）、由哪些字母组成，每段文本都不同。只需预测重复的部分；背是背不出来的。
# 看到“k”，模型必须找到前面的“k”，再说出它后面是什么。
#
# **先猜**这需要哪两步。一个头要看的是前面那个“k”*之后*的位置。可是那个位置的键是由它自己的字母“a”做出来的，
# 而查询是由“k”做出来的。“k”要在哪里才能进入“a”的键？
#
# 模型就是第 08 章的 GPT，原样拿来，两层，每层一个头；另有一个只有一层，用来比较。

# %%
backend.use("numpy", "float32")
V, T, B = 16, 32, 32  # letters a to p


def repeated_letters(step):
    """ids and targets (B, T) each, and the length of the repeated piece of each row (B,)."""
    rng = backend.generator(6, backend.BATCHES, step)
    ids, lengths = np.empty((B, T + 1), dtype="int64"), rng.integers(6, V + 1, B)
    targets = np.full((B, T), IGNORED)
    for row, n in enumerate(lengths):
        ids[row] = np.resize(rng.permutation(V)[:n], T + 1)
        targets[row, n:] = ids[row, n + 1:]  # only what has occurred before can be known
    return ids[:, :-1], targets, lengths


def head_scores(model, ids, lengths):
    """Mean weights. Layer 1: on the position just before. Last layer: on those after earlier places of the letter."""
    first, last = (p[:, 0] for p in (model.attention_maps(ids)[0], model.attention_maps(ids)[-1]))  # (B, T, T)
    before = np.mean([first[row, t, t - 1] for row, n in enumerate(lengths) for t in range(1, n)])
    after = np.mean([last[row, t, t - n + 1::-n].sum() for row, n in enumerate(lengths) for t in range(n, T)])
    return before, after


def train(num_layers, steps):
    model = GPT(GPTConfig(vocab_size=V, context_length=T, d_model=48, num_heads=1, num_layers=num_layers,
                          tied_embedding=False), seed=1)
    optimizer, losses, scores = Adam(model), [], []
    test_ids, _, test_lengths = repeated_letters(10**6)
    for step in range(steps):
        if step % 10 == 0:
            scores.append((step, *head_scores(model, test_ids, test_lengths)))
        ids, targets, _ = repeated_letters(step)
        loss, saved = model.forward(ids, targets)
        model.zero_grad()
        model.backward(saved)
        optimizer.step(0.003 * min(1, (step + 1) / 50))
        losses.append(float(loss))
    return model, losses, np.array(scores)


steps = 150 if quick else 400
model, losses, scores = train(2, steps)
_, losses_of_one, _ = train(1, steps)
print(f"loss in the last 20 steps: {np.mean(losses[-20:]):.3f} with two layers, {np.mean(losses_of_one[-20:]):.3f} "
      f"with one; guessing blindly is ln {V} = {np.log(V):.3f}")

# %%
ids, _, lengths = repeated_letters(10**6)
row = int(np.flatnonzero(lengths == 9)[0])
letters = ["abcdefghijklmnop"[i] for i in ids[row]]
shown = 24
figure, axes = plt.subplots(1, 2, figsize=(9, 5.2))
titles = ("layer 1: looks at the letter just before", "layer 2: looks at what came after this letter before")
for place, p, title in zip(axes, model.attention_maps(ids[row:row + 1]), titles):
    place.imshow(p[0, 0, :shown, :shown], cmap="Blues", vmin=0, vmax=1)
    place.set_title(title, fontsize=10)
    place.set_xticks(range(shown), letters[:shown], family="monospace", fontsize=8)
    place.set_yticks(range(shown), letters[:shown], family="monospace", fontsize=8)
    place.set(xlabel="key", ylabel="query")
figure.suptitle("trained attention, 9 letters that repeat; each row is a position, dark is where it looks", fontsize=10)
plt.show()

figure, axes = plt.subplots(1, 2, figsize=(9, 3.3))
axes[0].plot(losses, color="tab:blue", label="two layers")
axes[0].plot(losses_of_one, color="tab:orange", label="one layer")
axes[0].axhline(np.log(V), color="gray", linestyle=":", label="ln 16")
axes[0].set(title="loss", xlabel="step", ylabel="nats per letter", ylim=(0, None))
axes[1].plot(scores[:, 0], scores[:, 1], color="tab:gray", label="layer 1: on the letter just before")
axes[1].plot(scores[:, 0], scores[:, 2], color="tab:blue", label="layer 2: on what came after it before")
axes[1].set(title="mean attention weight at the right place", xlabel="step", ylim=(0, 1))
for place in axes:
    place.grid(alpha=0.3)
    place.legend(fontsize=8)
plt.show()
backend.use("numpy", "float64")

# %% [markdown]
# 这不是谁设计进去的。在第 1 层，每个位置取来了前一个位置的向量，于是“a”所在的位置也带上了“在 k 之后”。
# 在第 2 层，查询“我是 k”与它比较，就找到每个“在 k 之后”的位置，那里的值说出是哪个字母。
# （前九行还没有东西重复，也不计入目标，第 2 层看哪里都行。再往下，第 1 层有些行看得漫无目的，因为更早的位置已经够用。）
# 这样的一对头叫做**归纳头**（induction head；Olsson 等，2022）。右图是它诞生的过程：
# 两个头找到位置的那几步，正是损失下降的那几步。只有一层就没有第二次看的机会，损失停在一个多奈特。

# %% [markdown]
# ## 学到了什么
#
# - 注意力是值的加权平均；权重是查询与键比较之后的 softmax，所以看哪里是可以学会的。
# - $1/\sqrt D$ 让 softmax 停留在有梯度的地方；softmax 之前放上 $-\infty$，权重以及经过它的一切梯度就恰好是 0。
# - 一个头在每个位置只做一次选择；两层能做到一层做不到的事：找到一样东西上次出现的地方。
#
# **下一章：** [07 · Transformer 块：绕过一切的路](07_block.ipynb)：单靠注意力只能混合；它会得到一个搭档、
# 一条绕过两者的路，以及 48 层高塔中的一个位置。
