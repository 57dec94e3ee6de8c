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
# # 05 · 层归一化：完整的推导
# <!-- english: 048a3d503293 -->
#
# **本章的问题：** 让每个向量均值为 0、方差为 1，只要一行代码。它的反向也是一行，却有点奇怪：
# 里面减去了两项，谁也不会凭空想到。这两项从哪里来？少了它们会出什么错？
#
# 运行时间：两个 CPU 核上约 7 秒；需要先读 [00](00_backend.ipynb) 和 [03](03_linear.ipynb)；
# 研读的源代码：[layer_norm.py](../../minigpt/layers/layer_norm.py)、[dropout.py](../../minigpt/layers/dropout.py)；
# 文档：[layer_norm](../../docs/zh/layers/layer_norm.md) 和 [dropout](../../docs/zh/layers/dropout.md)。
#
# [在 Colab 中打开](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/zh/05_layer_norm.ipynb)

# %%
import sys

if "google.colab" in sys.modules:  # Colab has NumPy, CuPy and matplotlib already: nothing of them is installed again
    # %pip install -q --no-deps git+https://github.com/OWNER/minigpt
    # %pip install -q regex safetensors tqdm threadpoolctl
    print("minigpt is installed")

# %%
import matplotlib.pyplot as plt
import numpy as np

from minigpt import backend
from minigpt.gradient_check import check_gradients, numeric_gradient
from minigpt.layers.dropout import dropout_backward, dropout_forward
from minigpt.layers.layer_norm import layer_norm_backward, layer_norm_forward

backend.use("numpy", "float64")
np.set_printoptions(precision=4, suppress=True)
plt.rcParams.update({"figure.dpi": 100, "figure.constrained_layout.use": True})

# %% [markdown]
# ## 1 · 为什么要归一化？
#
# 让一个有 64 个数的向量依次通过 30 个线性层，每层后面接一个 ReLU。
# 权重是随机的，标准差为 $s\,\sqrt{2/64}$。$s = 1$ 时，平均来说，一层不改变输入的大小。
#
# **先猜：** 如果 $s$ 大了 20 %，30 层之后大小变成了多少倍？小了 20 % 呢？先写下两个数。

# %%
rng = backend.generator(5, 1)
C, depth = 64, 30
start = rng.standard_normal((200, C))  # (N, C)
weights = [rng.standard_normal((C, C)) * (2 / C) ** 0.5 for _ in range(depth)]
ones, nothing = np.ones(C), np.zeros(C)


def sizes(scale, normalise):
    """The root mean square of the numbers after each layer."""
    x, found = start, []
    for w in weights:
        x = np.maximum(x @ (scale * w), 0)
        if normalise:
            x, _ = layer_norm_forward(x, ones, nothing)
        found.append(np.sqrt((x * x).mean()))
    return found


figure, axes = plt.subplots(figsize=(7, 3.4))
for scale, color in ((1.2, "tab:red"), (1.0, "tab:gray"), (0.8, "tab:blue")):
    axes.semilogy(range(1, depth + 1), sizes(scale, False), color=color, label=f"s = {scale}, as it comes")
    axes.semilogy(range(1, depth + 1), sizes(scale, True), color=color, linestyle=":", linewidth=3,
                  label="all three with layer norm after each" if scale == 0.8 else None)
axes.set(xlabel="layer", ylabel="root mean square", title="size of the numbers after each of 30 layers")
axes.grid(alpha=0.3)
axes.legend(fontsize=8, loc="upper left")
plt.show()
print("1.2 ** 30 =", round(1.2**30, 1), "   0.8 ** 30 =", round(0.8**30, 5))

# %% [markdown]
# 同一个倍数乘了 30 次：$1.2^{30} \approx 237$，$0.8^{30} \approx 0.001$。
# 梯度往回走时遇到的是同样的矩阵，命运也一样。训练会改变权重，所以即使开始时 $s$ 恰到好处，也不会一直如此。
# 每层之后做一次归一化，不管权重怎么变，大小总是 1：三条虚线重合在一起。
#
# ## 2 · 前向，用手算
#
# 对含 $C$ 个数的一行 $x$：
#
# $$
# \mu = \frac1C \sum_c x_c, \qquad r = \frac{1}{\sqrt{\frac1C \sum_c (x_c - \mu)^2 + \varepsilon}}, \qquad
# \hat x = (x - \mu)\, r, \qquad y = \hat x\, g + b
# $$
#
# 我们挑了五个数，让一切都能除尽；暂时取 $\varepsilon = 0$。
#
# **先猜**（在纸上算）：(4, 7, 1, 3, 5) 的均值、与均值的差、差的平方的均值、$r$ 和 $\hat x$。

# %%
x = np.array([4.0, 7.0, 1.0, 3.0, 5.0])  # (C,)
C = x.size
mean = x.sum() / C
deviation = x - mean
variance = (deviation**2).sum() / C
r = 1 / np.sqrt(variance)
x_hat = deviation * r
print("mean      ", mean)
print("deviation ", deviation)
print("variance  ", variance, "  r", r)
print("x_hat     ", x_hat, "  its mean", x_hat.mean(), "  its mean square", (x_hat**2).mean())

g, b = np.ones(C), np.zeros(C)
y, saved = layer_norm_forward(x, g, b, eps=0.0)
print("library   ", y)

# %% [markdown]
# 增益 $g$ 和偏置 $b$ 是学出来的，每个通道一个数：归一化之后，模型可以给每个通道另选尺度和均值。
# 它们从 1 和 0 开始，所以一开始 $y = \hat x$。
#
# **先猜**再运行：层归一化把 $x + 10$ 变成什么？$3x$ 呢？$-x$ 呢？

# %%
for name, changed in (("x", x), ("x + 10", x + 10), ("3 x", 3 * x), ("-x", -x), ("5 - 0.1 x", 5 - 0.1 * x)):
    print(f"{name:10}", layer_norm_forward(changed, g, b, eps=0.0)[0])

# %% [markdown]
# 整行平移，或者乘一个正数，结果都不变。$x$ 可以移动的五个方向里，有两个丢掉了。
# 请记住：**前向看不见的，反向也无从要求。** 后面那两个奇怪的项，正是这两个方向。
#
# 下图画的是 $C = 3$ 的情形，这时一行就是空间里的一个点。
# 减去均值，就是把点投影到平面 $x_1 + x_2 + x_3 = 0$ 上（我们正对着这个平面看）；
# 乘以 $r$，就是让它沿着从中心出发的射线移到半径为 $\sqrt 3$ 的圆上。

# %%
points = backend.generator(5, 2).standard_normal((40, 3)) * np.array([1.6, 1.0, 0.7]) + 1
across = np.array([[1, -1, 0] / np.sqrt(2), [1, 1, -2] / np.sqrt(6)]).T  # (3, 2): two axes in the plane
before = (points - points.mean(axis=1, keepdims=True)) @ across
after = layer_norm_forward(points, np.ones(3), np.zeros(3), eps=0.0)[0] @ across

figure, axes = plt.subplots(figsize=(5, 5))
turn = np.linspace(0, 2 * np.pi, 200)
axes.plot(np.sqrt(3) * np.cos(turn), np.sqrt(3) * np.sin(turn), color="lightgray", zorder=0)
for p, q in zip(before, after):
    axes.annotate("", q, p, arrowprops={"arrowstyle": "->", "color": "tab:gray", "alpha": 0.6})
axes.scatter(*before.T, s=18, color="tab:blue", label="x, its mean taken off")
axes.scatter(*after.T, s=18, color="tab:orange", label="x_hat: on the circle of radius sqrt(3)")
axes.set(title="layer norm of 40 rows of three numbers", aspect="equal", xlabel="first axis in the plane",
         ylabel="second axis in the plane")
axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), fontsize=8, ncols=2, frameon=False)
plt.show()

# %% [markdown]
# ## 3 · 反向：一个数起作用的三条路
#
# 已知 $dy$，即损失对 $y$ 的梯度。先走容易的两步。$y = \hat x\, g + b$ 是逐元素的，所以
#
# $$
# d\hat x = dy\, g, \qquad dg = \sum_{\text{rows}} dy\, \hat x, \qquad db = \sum_{\text{rows}} dy .
# $$
#
# 现在从 $d\hat x$ 到 $dx$。每个 $\hat x_i = (x_i - \mu)\, r$ 通过三条路依赖于 $x_c$：
#
# 1. **直接**（当 $i = c$）：$\;\partial \hat x_i / \partial x_i = r$；
# 2. **经过均值**：$\;\partial\hat x_i/\partial\mu = -r$，而 $\;\partial\mu/\partial x_c = 1/C$；
# 3. **经过 $r$**：$\;\partial\hat x_i/\partial r = x_i - \mu$，而 $\;\partial r/\partial x_c = -r^2\,\hat x_c/C$。
#
# 最后一式一步一步来，记 $v = \frac1C\sum (x_c-\mu)^2$，$r = (v + \varepsilon)^{-1/2}$：
#
# $$
# \begin{aligned}
# \frac{\partial v}{\partial x_c} &= \frac{2}{C}(x_c - \mu) - \frac{2}{C}\cdot\frac1C\sum_j (x_j - \mu)
#   = \frac{2}{C}(x_c - \mu) \\
# \frac{\partial r}{\partial v} &= -\tfrac12 (v+\varepsilon)^{-3/2} = -\tfrac12 r^3 \\
# \frac{\partial r}{\partial x_c} &= -\tfrac12 r^3\cdot\tfrac2C (x_c-\mu) = -\frac{r^2}{C}\,\hat x_c
# \end{aligned}
# $$
#
# 第一行里，各个差 $x_j - \mu$ 之和为 0，所以经过 $v$ *里面*的 $\mu$ 的那条路是断的；
# 最后一行代入了 $r\,(x_c-\mu) = \hat x_c$。
#
# 再用数字走一遍。设上面传来 $d\hat x = (2, -1, 0, 1, 3)$，让它沿三条路传下去。
#
# **先猜：** $d\hat x$ 的均值，以及 $d\hat x\,\hat x$ 的均值。第 2、3 条路需要的就只有这两个数。

# %%
dx_hat = np.array([2.0, -1.0, 0.0, 1.0, 3.0])  # (C,), with g = 1 the same as dy

way_1 = r * dx_hat

dmean = (dx_hat * -r).sum()  # every x_hat_i hears of the mean with the factor -r
way_2 = dmean * np.full(C, 1 / C)  # and every x_c has the share 1/C in the mean

dr = (dx_hat * (x - mean)).sum()
way_3 = dr * (-(r**2) * x_hat / C)

print("mean of dx_hat        ", dx_hat.mean())
print("mean of dx_hat x_hat  ", (dx_hat * x_hat).mean())
print("way 1, directly       ", way_1)
print("way 2, through mean   ", way_2)
print("way 3, through r      ", way_3)
print("dx = their sum        ", way_1 + way_2 + way_3)

# %% [markdown]
# 同样的三条路，用字母写。第 2 条路：$d\mu = -r\sum_i d\hat x_i$，每个 $x_c$ 分到 $1/C$；
# 第 3 条路：$dr = \sum_i d\hat x_i (x_i - \mu) = \frac1r\sum_i d\hat x_i\,\hat x_i$，每个 $x_c$ 分到 $-r^2\hat x_c/C$：
#
# $$
# \begin{aligned}
# dx_c &= r\,d\hat x_c \;-\; \frac{r}{C}\sum_i d\hat x_i \;-\; \frac{r}{C}\,\hat x_c\sum_i d\hat x_i\,\hat x_i \\
# dx &= r\,\bigl(d\hat x - \operatorname{mean}(d\hat x) - \hat x\,\operatorname{mean}(d\hat x\,\hat x)\bigr)
# \end{aligned}
# $$
#
# **先猜：** 用这一行和刚才打印的两个均值，$dx_1$ 是多少？（$\hat x_1 = 0$，$d\hat x_1 = 2$，$r = 1/2$。）
# 然后与库、与有限差分比较。

# %%
dx_by_hand = r * (dx_hat - dx_hat.mean() - x_hat * (dx_hat * x_hat).mean())
dx, dg, db = layer_norm_backward(dx_hat, saved)
numeric = numeric_gradient(lambda: (layer_norm_forward(x, g, b, eps=0.0)[0] * dx_hat).sum(), x)
print("one line           ", dx_by_hand)
print("library            ", dx)
print("finite differences ", numeric)

# %% [markdown]
# ## 4 · 写成矩阵
#
# 所有偏导数放在一起，就是雅可比矩阵（Jacobian）$J_{ic} = \partial\hat x_i/\partial x_c$，而 $dx = J^{\mathsf T} d\hat x$。
# 三条路各是一个矩阵：
#
# $$
# J = r\,\Bigl(I - \tfrac1C\,\mathbf 1\mathbf 1^{\mathsf T} - \tfrac1C\,\hat x\hat x^{\mathsf T}\Bigr), \qquad
# J_{ic} = r\,\bigl(\delta_{ic} - \tfrac1C - \tfrac1C\,\hat x_i\hat x_c\bigr).
# $$
#
# **先猜：** $J$ 的第一行。（$\hat x_1 = 0$：第三个矩阵在那里还剩什么？）

# %%
parts = [("directly: r I", r * np.eye(C)), ("through the mean", -r / C * np.ones((C, C))),
         ("through r", -r / C * np.outer(x_hat, x_hat))]
J = sum(matrix for _, matrix in parts)

figure, axes = plt.subplots(1, 4, figsize=(9, 3))
for place, (title, matrix) in zip(axes, [*parts, ("J = the sum", J)]):
    place.imshow(matrix, cmap="PuOr", vmin=-0.6, vmax=0.6)
    place.set(title=title, xlabel="c", ylabel="i")
    place.set_xticks(range(C), range(1, C + 1))
    place.set_yticks(range(C), range(1, C + 1))
    for i in range(C):
        for c in range(C):
            place.text(c, i, f"{matrix[i, c]:.2f}".replace("-0.00", "0.00"), ha="center", va="center", fontsize=7,
                       color="white" if matrix[i, c] > 0.3 else "black")
figure.suptitle("d x_hat_i / d x_c for x = (4, 7, 1, 3, 5): the three ways, and their sum")
plt.show()

measured = np.zeros((C, C))
for i in range(C):
    measured[i] = numeric_gradient(lambda i=i: layer_norm_forward(x, g, b, eps=0.0)[0][i], x)
print("largest difference to finite differences:", f"{np.abs(measured - J).max():.1e}")

# %% [markdown]
# softmax 的雅可比矩阵也是满的，同样没有人真的写出来：$C = 768$ 时，*每个位置*都要 59 万个数。
# 上面那一行不必造出矩阵就乘上了它：两个均值，两次减法。
#
# ### 反向把什么投影掉了
#
# 矩阵 $P = I - \frac1C\mathbf 1\mathbf 1^{\mathsf T} - \frac1C\hat x\hat x^{\mathsf T}$ 是一个投影：
# $\mathbf 1$ 与 $\hat x$ 互相垂直（$\hat x$ 的均值是 0），长度都是 $\sqrt C$；
# $P$ 把一个向量中沿这两个方向的部分去掉。
#
# **先猜：** $J / r$ 的五个特征值。再猜：$dx\cdot\mathbf 1$ 和 $dx\cdot\hat x$ 各是多少？

# %%
print("eigenvalues of J / r :", np.linalg.eigvalsh(J / r))
print("J / r applied twice is J / r :", np.allclose((J / r) @ (J / r), J / r))
print("dx . 1     =", f"{dx.sum():.1e}")
print("dx . x_hat =", f"{dx @ x_hat:.1e}")

# %% [markdown]
# 两个 0，三个 1。而且 $dx$ 与 $\mathbf 1$、与 $\hat x$ 都垂直：沿 $\mathbf 1$ 走一步是平移，沿 $\hat x$ 走一步是伸缩，
# 前向对两者都视而不见，所以梯度不该指向那里。这就是那两个奇怪的项。下图把一个 $d\hat x$ 拆开来看。

# %%
along_ones = np.full(C, dx_hat.mean())
along_x_hat = x_hat * (dx_hat * x_hat).mean()
rest = dx_hat - along_ones - along_x_hat
figure, axes = plt.subplots(1, 4, figsize=(9, 2.6), sharey=True)
for place, (title, values, color) in zip(axes, (
        ("dx_hat", dx_hat, "tab:gray"), ("along 1: taken out", along_ones, "tab:red"),
        ("along x_hat: taken out", along_x_hat, "tab:red"), ("the rest: times r, this is dx", rest, "tab:blue"))):
    place.bar(range(1, C + 1), values, color=color)
    place.axhline(0, color="black", linewidth=0.6)
    place.set_title(title, fontsize=9)
    place.set(xlabel="channel", xticks=range(1, C + 1))
plt.show()
print("squared lengths:", f"{dx_hat @ dx_hat:.2f} = {along_ones @ along_ones:.2f} + {along_x_hat @ along_x_hat:.2f}"
      f" + {rest @ rest:.2f}")

# %% [markdown]
# ### 整个数组
#
# 库里的两个函数可以处理任意多行，例如形状为 $(B, T, C)$ 的 $x$。$dx$ 逐行计算，
# 但所有行共用一个 $g$ 和一个 $b$，所以它们的梯度是**对全部 $B\,T$ 行求和**。
# 下面用不成倍数的形状、单位大小的随机数和随机的 $dy$ 来检验（第 03 章说过为什么），
# 然后再检验一种常见的错误：把 $r$ 和 $\mu$ 当成了常数。

# %%
rng = backend.generator(5, 3)
x3, g3, b3 = rng.standard_normal((2, 3, 5)), rng.standard_normal(5), rng.standard_normal(5)  # (B, T, C), (C,), (C,)
dy3 = rng.standard_normal((2, 3, 5))


def naive_backward(dy, saved):
    x_hat, r, g = saved
    return dy * g * r, (dy * x_hat).sum(axis=(0, 1)), dy.sum(axis=(0, 1))


for name, function in (("library", layer_norm_backward), ("mean and r taken as constants", naive_backward)):
    print(name)
    for error in check_gradients(lambda: layer_norm_forward(x3, g3, b3),
                                 lambda dy, saved: dict(zip("xgb", function(dy, saved))),  # noqa: B023
                                 {"x": x3, "g": g3, "b": b3}, dy3):
        print("   ", error)

# %% [markdown]
# 这个偷懒的 $dx$ 形状正确，数值却错得很远；而 $dg$ 和 $db$ 两边都对。
# 用这样的梯度也能训练，只是更差：不会有任何报错。
#
# **保存什么：** $\hat x$、$r$ 和 $g$。不保存 $x$、$\mu$、$y$：反向那一行里没有它们的位置。
# 也就是说，$\hat x$ 占 $B\,T\,C$ 个数，$r$ 占 $B\,T$ 个。
#
# ### 练习：layer_norm
#
# 写出前向和反向。前面可以有任意多个轴；`g` 和 `b` 每个通道一个数。只保存反向需要的东西。
# `check` 停在第一个不对的地方，并告诉你该怎么办；在你写出函数体之前，它会说函数什么也没有返回。

# %%
def my_layer_norm_forward(x, g, b, eps):
    """x (..., C), g (C,), b (C,) -> y (..., C), and saved, a tuple of what backward will need."""


def my_layer_norm_backward(dy, saved):
    """dy (..., C) -> dx (..., C), dg (C,), db (C,)."""

# %%
from minigpt.learn import check

check("layer_norm", my_layer_norm_forward, my_layer_norm_backward)

# %% [markdown]
# ## 5 · 为什么是层归一化，而不是批归一化
#
# 批归一化（batch normalisation）用同样的公式，沿的却是另一个轴：每个通道*在一批的各行之间*均值为 0、方差为 1。
# 六行，八个通道：

# %%
rng = backend.generator(5, 4)
rows = rng.standard_normal((6, 8)) * np.linspace(0.5, 2, 8) + np.linspace(-1, 1, 6)[:, None]  # (N, C)
figure, axes = plt.subplots(1, 2, figsize=(8, 3.2))
for place, title in zip(axes, ("layer norm: one mean a row", "batch norm: one mean a column")):
    place.imshow(rows, cmap="PuOr", vmin=-3, vmax=3)
    place.set(xlabel="channel", ylabel="row (a token)", xticks=range(8), yticks=range(6))
    place.set_title(title, fontsize=9)
for place, corner, width, height in ((axes[0], (-0.5, 1.5), 8, 1), (axes[1], (2.5, -0.5), 1, 6)):
    place.add_patch(plt.Rectangle(corner, width, height, fill=False, edgecolor="black", linewidth=3))
figure.suptitle("the numbers that one normalisation sees together", fontsize=10)
plt.show()

# %% [markdown]
# **先猜：** 我们改动*最后*一行。用层归一化，输出的哪些行会变？用批归一化呢？

# %%
def batch_norm(x):
    return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5)


changed = rows.copy()
changed[-1] += np.arange(8)
for name, norm in (("layer norm", lambda x: layer_norm_forward(x, np.ones(8), np.zeros(8))[0]),
                   ("batch norm", batch_norm)):
    print(name, "  largest change of each row:", np.abs(norm(changed) - norm(rows)).max(axis=1))

# %% [markdown]
# 用批归一化，每一行都变了。如果这些行是一段文本的各个位置，那么后面的词元刚刚改变了模型对前面词元的判断：
# 对语言模型来说，这等于提前偷看答案。在不同文本之间，它让一段文本的预测取决于旁边碰巧放了哪些文本；
# 而生成时只有一行，根本没有一批可以求均值。层归一化只需要这一行自己，训练和使用时做的是同一件事。
#
# ## 6 · eps 有什么用
#
# $r = 1/\sqrt{v + \varepsilon}$，与大多数 GPT 一样取 $\varepsilon = 10^{-5}$。
# **先猜：** 五个数全都相等的一行会变成什么？反向在那里乘的是多大的数？（$1/\sqrt{10^{-5}} \approx 316$。）

# %%
y_flat, (x_hat_flat, r_flat, _) = layer_norm_forward(np.full(5, 3.0), g, b)
print("y of a constant row:", y_flat, "  r:", r_flat)

spread = np.logspace(-6, 2, 200)  # the standard deviation of a row
figure, axes = plt.subplots(figsize=(7, 3.2))
for eps, color in ((1e-5, "tab:blue"), (1e-8, "tab:orange")):
    axes.loglog(spread, 1 / np.sqrt(spread**2 + eps), color=color, label=f"eps = {eps:.0e}")
axes.loglog(spread, 1 / spread, color="tab:gray", linestyle=":", label="eps = 0")
axes.set(xlabel="standard deviation of the row", ylabel="r, which multiplies the gradient",
         title="eps bounds the factor by which small rows are blown up")
axes.grid(alpha=0.3)
axes.legend()
plt.show()

# %% [markdown]
# 没有 $\varepsilon$，常数行就是 0/0。有了它，起伏远小于 $\sqrt\varepsilon \approx 0.003$ 的行就当作常数，
# 任何梯度最多乘以 316。代价很小：$\hat x^2$ 的均值是 $v/(v+\varepsilon)$，不恰好等于 1，
# 所以 $dx\cdot\hat x$ 也不恰好等于 0。预训练的权重要配它训练时用的 $\varepsilon$：例如 BERT 用的是 $10^{-12}$。
#
# ## 7 · float32 的陷阱：平方的均值减去均值的平方
#
# 代数上 $\frac1C\sum(x_c-\mu)^2 = \frac1C\sum x_c^2 - \mu^2$。右边只需把一行读一遍，看上去更好。
# 可是 float32 大约只有七位有效数字。
#
# **先猜：** 一行的标准差是 1，均值是 1000。$\frac1C\sum x^2$ 与 $\mu^2$ 有几位数字相同？
# 留给方差的还有几位？均值到多大时就什么也不剩了？

# %%
rng = backend.generator(5, 5)
noise = rng.standard_normal((200, 256))
offsets = np.logspace(0, 5, 26)
errors = {"mean(x^2) - mean(x)^2": [], "mean((x - mean)^2)": [], "the library (first x_c taken off)": []}
negative = []
for offset in offsets:
    x32 = (noise + offset).astype(np.float32)  # (N, C)
    exact = x32.astype(np.float64).var(axis=1)  # of the very numbers that float32 holds
    mean32 = x32.mean(axis=1)
    one_pass = (x32 * x32).mean(axis=1) - mean32 * mean32
    two_pass = ((x32 - mean32[:, None]) ** 2).mean(axis=1)
    _, (_, r32, _) = layer_norm_forward(x32, np.ones(256, "float32"), np.zeros(256, "float32"), eps=0.0)
    for name, found in zip(errors, (one_pass, two_pass, r32[:, 0].astype(np.float64) ** -2)):
        errors[name].append(np.abs(found / exact - 1).max())
    negative.append((one_pass < 0).mean())

figure, axes = plt.subplots(figsize=(7, 3.6))
for (name, values), style in zip(errors.items(), ("tab:red", "tab:gray", "tab:blue")):
    axes.loglog(offsets, values, color=style, marker=".", label=name)
axes.axhline(1, color="gray", linestyle=":")
axes.set(xlabel="mean of the row (its standard deviation is 1)", ylabel="largest relative error",
         title="the variance of a row in float32, computed in three ways")
axes.grid(alpha=0.3)
axes.legend(fontsize=8)
plt.show()
for offset in (1e3, 1e4, 1e5):
    print(f"mean {offset:8.0f}: {negative[np.abs(offsets - offset).argmin()]:.0%} of the variances came out negative")

# %% [markdown]
# 均值为 1000 时，两个数都以 1 000 00… 开头：六位相同，剩下的几乎不到一位。
# 均值到 2000 左右，误差就和方差本身一样大了；再大一些，“方差”成了负数，它的平方根是 NaN，损失也跟着变成 NaN。
# 两遍的公式先减后平方。
# 库里还多一道小心，只多一次减法：先从整行减去 $x_1$（各数之差不变），这样均值本身就是用小的数算出来的。
#
# ## 8 · dropout
#
# 块里还有一个小层。训练时，每个数以概率 `rate` 被关掉，免得模型只依赖其中某一个；
# 其余的数乘以 $1/(1-\text{rate})$。使用时什么也不做。
#
# **先猜：** `rate=0.5`，输入是 3，输出可能取哪些值？它们的均值是多少？

# %%
x6 = np.arange(1.0, 7.0)
for seed in range(3):
    y6, (keep, rate) = dropout_forward(x6, 0.5, backend.generator(seed))
    print("seed", seed, "  keep", keep.astype(int), "  y", y6)
print("same seed, same mask:", np.array_equal(dropout_forward(x6, 0.5, backend.generator(2))[0], y6))
print("dx for dy = 1:", dropout_backward(np.ones(6), (keep, rate)), "  the same mask, the same factor")
print("in use (rng=None):", dropout_forward(x6, 0.5)[0])

# %%
rng = backend.generator(5, 6)
draws = np.array([dropout_forward(x6, 0.5, rng)[0] for _ in range(2000)])  # (draws, 6)
running = draws.cumsum(axis=0) / np.arange(1, 2001)[:, None]
figure, axes = plt.subplots(figsize=(7, 3.2))
for i, color in zip((0, 2, 5), ("tab:blue", "tab:orange", "tab:gray")):
    axes.semilogx(range(1, 2001), running[:, i], color=color, label=f"x = {x6[i]:.0f}")
    axes.axhline(x6[i], color=color, linestyle=":", linewidth=1)
axes.set(xlabel="number of masks", ylabel="mean of y so far", title="the factor 1/(1 - rate) keeps the mean of y at x")
axes.grid(alpha=0.3)
axes.legend(loc="upper right")
plt.show()

# %% [markdown]
# 因为训练时均值就是对的，使用时不必再修正，也就没有“训练／使用”的开关可以忘记：
# 在 minigpt 里，只有把随机数生成器交给一层，它才会丢弃。
# 反向必须用与前向**相同**的掩码（mask），所以保存的就是掩码。
#
# ### 练习：dropout
#
# 随机数已经抽好：`u` 在 0 到 1 上均匀，`x` 的每个元素一个。`u < rate` 处的元素丢弃。
# 没有 `u`（None）就是使用时，$y = x$。

# %%
def my_dropout_forward(x, u, rate):
    """x (...), u (...) in [0, 1) or None -> y (...), and saved, a tuple of what backward will need."""


def my_dropout_backward(dy, saved):
    """dy (...) -> dx (...)."""

# %%
from minigpt.learn import check

check("dropout", my_dropout_forward, my_dropout_backward)

# %% [markdown]
# ## 学到了什么
#
# - 层归一化让一行的均值为 0、平方的均值为 1；每个输入通过三条路影响每个输出：直接、经过均值、经过 $r$。
# - 前向看不见的（平移、伸缩），反向就把它去掉：$dx$ 与 $\mathbf 1$ 和 $\hat x$ 都垂直。
# - 代数上相等的公式，在 float32 里并不相等：先减，再平方。
#
# **下一章：** [06 · 注意力：各个位置怎样互相看](06_attention.ipynb)：到现在为止，每个位置都是单独处理的。
