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
# # 00 · 从这里开始：数组、形状，以及舍入做了什么
# <!-- english: bfd2d32370b2 -->
#
# **本章的问题：** 语言模型不过是几个装着数的数组，加上寥寥几种运算。
# 要读懂它，关于数组必须先知道什么？哪些地方会让你吃惊？
#
# 运行时间：两个 CPU 核上约 6 秒；不需要先读别的章；研读的源代码：
# [backend.py](../../minigpt/backend.py)、[activations.py](../../minigpt/layers/activations.py)、
# [module.py](../../minigpt/module.py)；文档：[backend](../../docs/zh/backend.md)、
# [activations](../../docs/zh/layers/activations.md)、[module](../../docs/zh/module.md)，
# 以及字母和术语的约定[记号](../../docs/notation.md)。
#
# [在 Colab 中打开](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/zh/00_backend.ipynb)

# %%
import sys

if "google.colab" in sys.modules:  # Colab has NumPy, CuPy and matplotlib already: nothing of them is installed again
    # %pip install -q --no-deps git+https://github.com/OWNER/minigpt
    # %pip install -q regex safetensors tqdm threadpoolctl
    print("minigpt is installed")

# %% [markdown]
# ## 怎样使用这些笔记本
#
# 每章只问一个问题。读一段文字；看到**先猜**二字，或者加粗的问题，就先把答案写在纸上，再运行下面的单元格。
# 猜错的地方，正是学到东西的地方；只是按一下运行，学不到多少。
#
# 各章只导入这个库，不重新定义库里已有的任何东西。
# 所以你在这里看到的，就是训练模型的那些代码；
# 单元格从哪里导入，你就可以打开哪个文件：`minigpt.layers.linear` 就是 `minigpt/layers/linear.py`。

# %%
import math
import time

import matplotlib.pyplot as plt
import numpy as np

from minigpt import backend
from minigpt.backend import xp
from minigpt.errors import InputError
from minigpt.text.characters import CharacterTokenizer

backend.use("numpy", "float32")
plt.style.use("tableau-colorblind10")
plt.rcParams.update({"figure.figsize": (7, 3.2), "figure.constrained_layout.use": True})

# %% [markdown]
# ## 1 · 文本变成整数
#
# 模型从来看不见字母。**分词器**（tokenizer）手里有一张词元（token）表，
# 词元在表中的位置就是它的**编号**（id）。
# 最简单的分词器直接用文本里出现过的字符，按码位排序。
#
# **先猜：** 下面的文本有九个字符。一共有几种词元？`t` 的编号是多少？

# %%
text = "a cat sat"
tokenizer = CharacterTokenizer.train([text])
print("tokens", tokenizer.tokens)
print("ids   ", tokenizer.encode(text))
print("back  ", tokenizer.decode([2, 1, 4]))

# %% [markdown]
# ### 练习：encode_characters
#
# 用一个普通的字典，写出 `encode` 所做的事：词表取自文本 `training`，词表里没有的字符，编号取最后一个编号加 1。
# 函数下面的单元格会检查你的答案：它停在第一个错处，告诉你错在哪里。什么都还没写的时候，它就说里面是空的。
# （再下面的 `False` 是 `check` 的返回值：还没做对。）
# `hint("encode_characters")` 分三步给提示，它和 `check` 一样从 `minigpt.learn` 导入。
# 在终端里，同一道题是 `python -m minigpt learn start encode_characters`。
#
# 检查器默认说你系统的语言。要它说中文，在启动 Jupyter 之前设好环境变量：Linux 和 macOS 上用
# `MINIGPT_LANGUAGE=zh jupyter lab notebooks/zh` 启动；Windows PowerShell 里先执行 `$env:MINIGPT_LANGUAGE = "zh"`。
# 也可以每次单独要求：`check(..., language="zh")`。

# %%
def my_encode_characters(text, training):
    """The ids of text, a list of integers, by the vocabulary of the text `training`."""

# %%
from minigpt.learn import check

check("encode_characters", my_encode_characters)

# %% [markdown]
# ## 2 · 形状
#
# 编号拿去查表，从此以后，一切都是浮点数的数组。
# 数组的**形状**（shape）说的是每个轴（axis）上有几个数；每个轴有一个固定的字母（见[记号](../../docs/notation.md)）：
# **B** 是一批中并列的文本数，**T** 是一条文本的位置数，**C** 是通道数，即描述一个位置所用的数的个数。
# 源代码把形状写在行尾：`# (B, T, C)`。
#
# **先猜**出每个表达式的形状，再运行。三条规则就够了：
# 下标去掉它所在的轴；切片保留那个轴；求和去掉它所沿的轴。
# `-1` 表示最后一个轴或最后一个位置；在 `reshape` 里，它表示“剩下多少就是多少”。

# %%
x = xp.arange(24).reshape(2, 3, 4)  # (B, T, C)
print(x)
for expression in ("x[0]", "x[0, 1]", "x[:, -1]", "x[:, 1:]", "x.sum(axis=-1)", "x.sum(axis=(0, 1))",
                   "x.sum(axis=-1, keepdims=True)", "x.reshape(-1, 4)"):
    print(f"{expression:30} {eval(expression).shape}")

# %% [markdown]
# ### 手算一次矩阵乘法
#
# 语言模型几乎所有的时间都花在矩阵乘法上。设 a 的形状为 (2, 3)，b 为 (3, 2)，
# 乘积中第 n 行第 o 列的元素是 Σ_i a_ni b_io：左边的第 n 行，对右边的第 o 列。
#
# **先猜：** 在纸上算出元素 [1, 0]：a 的第二行，b 的第一列。

# %%
a = xp.array([[1, 2, 3], [4, 5, 6]])  # (2, 3)
b = xp.array([[1, 0], [-1, 2], [3, 1]])  # (3, 2)
terms = [int(a[1, i] * b[i, 0]) for i in range(3)]
print("by hand ", " + ".join(map(str, terms)), "=", sum(terms))
print("a @ b =\n", a @ b)

# %% [markdown]
# 如果不止两个轴，`@` 乘的是最后两个轴，对其余的轴逐一进行。
# 所以 (B, T, C) @ (C, F) 得到 (B, T, F)：每条文本的每个位置，乘的都是同一个矩阵。
#
# ## 3 · 广播
#
# 形状不同的数组也可以相遇。NumPy 把两个形状上下对齐，**靠右**排列；
# 长度为 1 的轴（或者左边缺少的轴）按对方的需要重复，但什么也不复制：这叫广播（broadcasting）。
#
# ```
# (3, 1)
#    (4,)
# ------
# (3, 4)
# ```

# %%
def draw_grid(axes, values, title, real=None):
    """A table of numbers; where `real` is False, dotted cells that broadcasting only imagines."""
    rows, columns = values.shape
    axes.set(xlim=(-0.1, columns + 0.1), ylim=(rows + 0.1, -0.1), aspect="equal")
    axes.set_title(title, fontsize=10)
    axes.axis("off")
    for r, c in np.ndindex(rows, columns):
        exists = real is None or real[r, c]
        axes.add_patch(plt.Rectangle((c, r), 1, 1, facecolor="#cfe3f2" if exists else "white", edgecolor="#444444",
                                     linestyle="-" if exists else ":"))
        axes.text(c + 0.5, r + 0.5, f"{values[r, c]:g}", ha="center", va="center",
                  color="black" if exists else "#666666")


column, row = np.array([[10], [20], [30]]), np.array([1, 2, 3, 4])
rows_and_columns = np.indices((3, 4))
figure, axes = plt.subplots(1, 3, figsize=(7, 2.3))
draw_grid(axes[0], np.broadcast_to(column, (3, 4)), "column (3, 1)", rows_and_columns[1] == 0)
draw_grid(axes[1], np.broadcast_to(row, (3, 4)), "row (4,)", rows_and_columns[0] == 0)
draw_grid(axes[2], column + row, "column + row (3, 4)")
figure.suptitle("broadcasting: dotted cells are read, but nobody stores them", fontsize=11)
plt.show()

# %% [markdown]
# 偏置（bias）(O,) 是每列一个数，就是这样加到 (N, O) 的每一行上的。
# 整门课里最常见的无声错误，也是这样犯下的。现在要从每一行里减去这一行自己的平均值。
#
# **先猜：** 下面两行哪一行对？错的那一行会报错吗？
# 问问自己：`m.mean(axis=-1)` 的形状是什么？靠右对齐时，它对上的是哪个轴？

# %%
m = xp.array([[0.0, 1, 2], [10, 11, 12], [20, 21, 22]])  # (3, 3)
print("without keepdims:\n", m - m.mean(axis=-1))
print("with keepdims:\n", m - m.mean(axis=-1, keepdims=True))
try:
    print(m[:2] - m[:2].mean(axis=-1))
except ValueError as error:
    print("(2, 3) - (2,):", error)

# %% [markdown]
# 在方阵上，错的那行给出错的答案，却不报错；在 (2, 3) 上，它立刻失败。
# 因此这个项目有一条规矩：**测试时让各个维度互不相等**。以后你会反复见到 B=2、T=3、C=5。
#
# ## 4 · 内存里是什么：视图、步长和一个陷阱
#
# 数组是一长条内存，加上一条行走规则，即**步长**（strides）：沿每个轴走一步，要跳过几个元素。
# `a.T` 还是那条内存，只是两个步长换了位置。什么也没有复制：它是一个**视图**（view）。
#
# **先猜：** 设 `a` 为 (3, 4)，`a.T.reshape(3, 4)` 是什么？它的形状又和 `a` 一样了。内容也一样吗？

# %%
a = np.arange(12).reshape(3, 4)  # (3, 4)
back = a.T.reshape(3, 4)
for name, array in (("a", a), ("a.T", a.T), ("a.T.reshape(3, 4)", back)):
    steps = tuple(stride // array.itemsize for stride in array.strides)
    print(f"{name:18} shape {array.shape}, strides {steps}, a view of a: {np.shares_memory(a, array)}")

figure, axes = plt.subplots(1, 3, figsize=(7, 2.6))
for ax, array, title in zip(axes, (a, a.T, back), ("a", "a.T: the same memory", "a.T.reshape(3, 4): a copy")):
    draw_grid(ax, array, title)
    in_memory = sorted(np.ndindex(array.shape), key=lambda i: np.dot(i, array.strides))  # the order of addresses
    ys, xs = np.array(in_memory).T + 0.5
    ax.plot(xs, ys, color="#c85200", linewidth=1, alpha=0.55)
    ax.plot(xs[0], ys[0], "o", color="#c85200", alpha=0.55, markersize=14)
figure.suptitle("the line walks through memory, from the dot on", fontsize=11)
plt.show()

# %% [markdown]
# 形状对了，数全错了位置。
# 有一个公开的 GPT，注意力中键的梯度算出来是转置的，然后被 reshape 成正确的形状；
# 它对形状的测试照样通过。
# 交换轴用转置，合并或拆开相邻的轴用 reshape，两者绝不能互相代替。
#
# 视图还共享数值：

# %%
view, copy = a[0], a[0].copy()
view[:] = -1
print("a after writing into a view of its first row:\n", a)
print("the copy, made before:", copy)

# %% [markdown]
# 函数如果改写了实参，调用者的数组也就变了。
# 在 minigpt 里，前向和反向都不这样做：函数可以改写自己造出来的数组，决不改写实参。
#
# ## 5 · 为什么要用数组：循环有多慢
#
# 两个 (n, n) 矩阵相乘，要 n³ 次乘法和同样多次加法，即 2 n³ 次**浮点运算**（FLOPs）。
# 我们分别用三重 Python 循环和 `a @ b` 来算，并计时；后者运行的是为这种处理器编译好的代码。
#
# **先猜：** n = 64 时，循环慢多少倍？十倍，百倍，千倍，还是万倍？

# %%
def matmul_by_loops(a, b):
    """The same product on lists of lists, one multiplication at a time."""
    n = len(a)
    return [[sum(a[i][k] * b[k][j] for k in range(n)) for j in range(n)] for i in range(n)]


def seconds(function, repeats=5):
    """The fastest of a few calls: whatever else runs on this machine only ever adds time."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


rng = backend.generator(0)
loop_sizes, array_sizes = [4, 8, 16, 32, 64, 96], [4, 8, 16, 32, 64, 96, 256, 512, 1024]
matrices = {n: backend.normal(rng, (n, n)) for n in array_sizes}
lists = {n: matrices[n].tolist() for n in loop_sizes}
loop_times = [seconds(lambda n=n: matmul_by_loops(lists[n], lists[n]), 3) for n in loop_sizes]
array_times = [seconds(lambda n=n: matrices[n] @ matrices[n]) for n in array_sizes]
at_64 = loop_times[loop_sizes.index(64)] / array_times[array_sizes.index(64)]
print(f"n = 64: the loop takes {1000 * loop_times[loop_sizes.index(64)]:.1f} ms, {at_64:,.0f} times as long as a @ b")

figure, axes = plt.subplots()
axes.loglog(loop_sizes, [2 * n**3 / t / 1e9 for n, t in zip(loop_sizes, loop_times)], "o-", label="three Python loops")
axes.loglog(array_sizes, [2 * n**3 / t / 1e9 for n, t in zip(array_sizes, array_times)], "s-", label="a @ b, float32")
axes.set(xlabel="n, matrices are (n, n)", ylabel="GFLOP per second",
         title="a loop has one speed; an array gets faster as it grows")
axes.grid(alpha=0.3, which="both")
axes.legend()
plt.show()

# %% [markdown]
# 两条教训。逐个数的循环要慢三到四个数量级，所以这个库的层里没有这种循环。
# 其次，小的乘积就其大小而言很慢，因为每调用一次 NumPy，不管算什么，总要花约一微秒：
# 一次大乘积胜过许多次小乘积。
# 读到 [linear.py](../../minigpt/layers/linear.py) 里的 `x.reshape(-1, x.shape[-1]) @ w`，
# 你就知道为什么这样写了。
#
# ## 6 · 两个库，一个名字：`xp`
#
# 同一份源代码也能在 NVIDIA GPU 上运行，因为 CuPy 在那里提供了 NumPy 的函数。
# 所以库里从不写 `np.exp`，而写 `xp.exp`；`xp` 就是当前在用的那个库。
# 后端（backend）除了选库，还管**精度**：训练用 `float32`（每个数 4 字节），
# 需要比较数值时用 `float64`（8 字节）。

# %%
print(xp, "and", backend.asarray([1.0, 2.0]).dtype)
with backend.using("numpy", "float64"):  # for the length of this block
    print(xp, "and", backend.asarray([1.0, 2.0]).dtype)
print(xp, "again")

try:
    with backend.using("cupy"):
        print(xp)
except InputError as error:
    print("InputError:", error)

# %% [markdown]
# `InputError` 是这个库拒绝输入的方式：只有一行，说明哪里不对、该怎么做。
# 如果你有 GPU 和 CuPy，最后一行会显示 `<xp: cupy, float32>`，整门课也都能在那里运行。
#
# 随机数总是在主机上由带种子（seed）的生成器抽取，然后才舍入。
# 所以同一个种子，在两种精度、两种机器上都是同一个模型：

# %%
for precision in ("float32", "float64"):
    with backend.using("numpy", precision):
        print(precision, backend.normal(backend.generator(7), (3,)))

# %% [markdown]
# ## 7 · 舍入做了什么
#
# 一个浮点数由符号、有效数字和 2 的幂组成。
# `float32` 放得下 24 位二进制有效数字（约合十进制 7 位），`float64` 放得下 53 位（约 16 位）。
# 所以真正存在的数排在一张网格上，每过一个 2 的幂，网格就粗一倍。
#
# **先猜：** 在 `float32` 里，下面哪几个成立？
#
# 1. `1 + 1e-8 == 1`
# 2. `16777216 + 1 == 16777216`（即 2²⁴ + 1）
# 3. `0.1 + 0.2 == 0.3`
# 4. `(1e8 + 1) - 1e8 == 1e8 - 1e8 + 1`

# %%
f = np.float32
print("1.", f(1) + f(1e-8) == f(1))
print("2.", f(16777216) + f(1) == f(16777216))
print("3.", f(0.1) + f(0.2) == f(0.3), "but in float64", 0.1 + 0.2 == 0.3)
print("4.", (f(1e8) + f(1)) - f(1e8), "against", f(1e8) - f(1e8) + f(1))
print(f"0.1 is stored as {f(0.1):.20f} in float32 and as {0.1:.20f} in float64")

# %% [markdown]
# 第 3 个在 float32 里成立，纯属运气：三个舍入误差碰巧吻合。
# 第 4 个说明加法不满足结合律：求和的次序会改变结果。
# 把 0.1 一遍遍加起来，就看得出代价。左图是那张网格；
# 右图是从左到右累加（`cumsum`）的误差，以及 `sum` 的误差：NumPy 沿一行求和时，是两半两半成对地加的。
#
# **先猜：** 在 float32 里把 0.1 加四百万次，累加的结果从第几位开始错？第七位、第五位，还是第二位？

# %%
counts = np.unique(np.logspace(1, math.log10(4_000_000), 60).astype(int))
tenths = {name: np.full(counts[-1], 0.1, dtype=name) for name in ("float32", "float64")}
running = {name: tenths[name].cumsum() for name in tenths}


def error(total, n, name):
    """How far a sum of n stored tenths is from n times the stored tenth."""
    exact = n * float(tenths[name][0])
    return abs(float(total) - exact) / exact + 1e-17  # a logarithmic axis can't show 0


figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.2))
magnitudes = np.logspace(-3, 9, 2000)
for name, style in (("float32", "-"), ("float64", "--")):
    left.loglog(magnitudes, np.spacing(magnitudes.astype(name)), style, label=name)
    right.loglog(counts, [error(running[name][n - 1], n, name) for n in counts], style, label=f"cumsum, {name}")
right.loglog(counts, [error(tenths["float32"][:n].sum(), n, "float32") for n in counts], ":", color="black",
             label="sum, float32")
left.set(xlabel="a number", ylabel="distance to the next one", title="the grid of numbers")
right.set(xlabel="how many tenths are added", ylabel="relative error", title="adding 0.1 again and again")
right.set_ylim(1e-17, 100)
for ax in (left, right):
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8, loc="upper left")
plt.show()
total, n = float(running["float32"][-1]), counts[-1]
pairwise = float(tenths["float32"].sum())
print(f"{n:,} times 0.1 in float32: cumsum {total:,.1f}, sum {pairwise:,.1f}, exact {n / 10:,.1f}")

# %% [markdown]
# 训练时，舍入误差大约是每个数 1e-7，多半无害，因为梯度本来就有噪声。
# 要紧的地方有三处，每一处在库里都有对策：
#
# * **上溢**（overflow）：exp(89) 超过了最大的 float32（约 3.4e38），变成无穷大；
#   inf/inf 又变成 NaN，即“不是数”。softmax（第 02 章）先减去最大的分数。
# * **相消**（cancellation）：两个很大又几乎相等的数相减，剩下的全是舍入误差。
#   用 E[x²] - E[x]² 求方差就是这样；层归一化（第 05 章）求的是 (x - μ)² 的平均。
# * **下溢**（underflow）：长文本的概率是许多小数的乘积，很快就成了 0。所以我们把对数加起来。
#
# **先猜：** 10000.0、10000.1、……、10000.9 的方差实际是多少？第一个公式在 float32 里会算出什么？

# %%
with backend.quiet():  # no warnings: we look at the results ourselves
    print("exp(88), exp(89) in float32:", np.exp(f(88)), np.exp(f(89)))
v = (10000 + np.arange(10) / 10).astype("float32")
print("E[x^2] - E[x]^2 :", (v * v).mean() - v.mean() ** 2)
print("mean (x - mu)^2 :", ((v - v.mean()) ** 2).mean(), "  true:", np.var(np.arange(10) / 10))
print("0.1 to the power of 400:", math.prod([0.1] * 400), "  as a logarithm:", sum(math.log(0.1) for _ in range(400)))
print("float32 times np.sqrt(5):", (v * np.sqrt(5)).dtype, "  times math.sqrt(5):", (v * math.sqrt(5)).dtype)

# %% [markdown]
# 最后一行本身就是一个陷阱：`np.sqrt(5)` 是 float64 标量，自 NumPy 2 起，
# 它会把整个数组变成 float64，从此内存翻倍、速度减半。对普通的数，库里用 `math`。
#
# ### 练习：perplexity
#
# 模型给文本的每个词元一个概率 p。**损失**（loss）是 -ln p 对各词元的平均，
# **困惑度**（perplexity）是 exp(损失)：模型好像在多少个等可能的词元之间犹豫。
# 如果每个词元都得到概率 1/4，困惑度就是 4。
# 全部 -ln p 之和，除以 ln 2，再除以文本的字符数，就是**每字符比特数**（bits per character）。
# 这些从何而来，第 02 章会讲；这里要练的是舍入：给你的是对数，现在你知道为什么了。不要回头去算概率的乘积。

# %%
def my_perplexity(log_p, characters):
    """log_p (...), natural logarithms of each token's probability -> perplexity, bits per character."""

# %%
from minigpt.learn import check

check("perplexity", my_perplexity)

# %% [markdown]
# ## 8 · 约定：前向、saved、反向
#
# 这个项目里，凡是能学习的东西都是一对函数：
#
# ```
# y, saved = tanh_forward(x)          saved: a tuple of exactly what backward needs
# dx = tanh_backward(dy, saved)       the gradients, in the order of forward's array arguments
# ```
#
# 前向（forward）的 saved 是一个元组，恰好装着反向（backward）要用的东西；
# 反向按前向的数组实参的次序返回梯度（gradient）。
# 名字前加一个 `d`，就是**损失对这个数组的梯度**：某个元素增大一点点，损失增大多少。
# 它的形状与那个数组相同。损失是一个数，这里叫 L；
# `dy` 叫**上游梯度**（upstream gradient），来自这个函数后面的部分，反向把它变成 `dx`。
# 这就是反向传播（backpropagation）的全部，第 03 章专门讲它。
# tanh 的每个元素各自独立：y = tanh x 的斜率是 1 - y²，所以 dx = dy (1 - y²)。
#
# **先猜：** |x| 很大的地方，tanh 是平的，dx 会怎样？最少必须保存什么？

# %%
from minigpt.layers.activations import tanh_backward, tanh_forward

backend.use("numpy", "float64")
x = backend.asarray([-3.0, -0.5, 0.0, 2.0])
dy = backend.asarray([1.0, 1.0, 2.0, -1.0])
y, saved = tanh_forward(x)
dx = tanh_backward(dy, saved)
print("y       ", y)
print("saved   ", saved, " the same array as y:", saved[0] is y)
print("dx      ", dx)
print("by hand ", dy * (1 - y**2))

# %% [markdown]
# 它对吗？去问定义。L = Σ dy · y 这个损失，上游梯度恰好就是 dy。
# 把某个 x 上下各移动一点点 ε，看 L 变了多少：这就是斜率，不用任何微积分。

# %%
epsilon = 1e-5
for i in range(len(x)):
    moved = np.zeros_like(x)
    moved[i] = epsilon
    above, below = (dy * tanh_forward(x + moved)[0]).sum(), (dy * tanh_forward(x - moved)[0]).sum()
    print(f"x[{i}]: slope {(above - below) / (2 * epsilon):+.9f}   backward {dx[i]:+.9f}")

# %% [markdown]
# 这就是梯度检查（gradient checking）。库里的每个反向，对每个输入、每个参数，都用它证明过；
# 这样的证明会怎样骗人，第 03 章会讲。
#
# 模块（module）是带有**参数**（parameters）的一对函数，参数就是训练要改变的数组。
# 每个参数的值在 `data` 里，梯度在 `grad` 里。反向把梯度**加**进 `grad`，
# 这样，用了两次的参数就能听到两处的意见。
#
# **先猜：** 连续调用两次反向，中间不调用 `zero_grad()`。`dx` 会怎样？`w.grad` 呢？

# %%
from minigpt.layers.linear import Linear

layer = Linear(3, 2, backend.generator(1))
x = backend.normal(backend.generator(2), (4, 3))
y, saved = layer.forward(x)
first_dx = layer.backward(np.ones_like(y), saved)
first_grad = layer.w.grad.copy()
second_dx = layer.backward(np.ones_like(y), saved)
print("parameters    ", {name: p.data.shape for name, p in layer.parameters().items()})
print("dx the same   ", np.array_equal(first_dx, second_dx))
print("w.grad, ratio ", (layer.w.grad / first_grad).ravel())
layer.zero_grad()
print("after zero_grad", layer.w.grad.ravel())

# %% [markdown]
# 训练时如果忘了 `zero_grad`，以前各步的梯度就会一直加下去。
# 捉虫游戏 `python -m minigpt learn bugs` 里就有这个错误。
#
# ## 9 · 怎样读这个项目
#
# * [README](../../README.zh.md) 中的表就是阅读次序：每一行只需要它上面的那些行。
# * 路径就是链接：`03_linear` 这一章研读 `minigpt/layers/linear.py`，对应的文档是
#   `docs/zh/layers/linear.md`。
# * 每个层的文件次序都一样：先是公式，前向在上，反向在下，并有推导；
#   然后是前向函数，紧接着是它的反向，最后是拥有参数的模块。
# * 一个文件只从更低的楼层导入，所以总可以往下读，不会绕圈子。
# * 练习卡住了：`python -m minigpt learn hint NAME` 可用三次，然后是 `... learn solution NAME`。
#
# ## 学到了什么
#
# * 大多数错误可以从形状和广播看出来；其余的藏在相等的维度和 `reshape` 后面。
# * float32 只有 7 位数字：上溢、相消、下溢都有对策，以后还会遇到。
# * 能学习的东西都是 `y, saved = forward(x)` 和 `dx = backward(dy, saved)`；对不对，有限差分说了算。
#
# **下一章：** [01 · 从文本到词元](01_bpe.ipynb)：文本在哪里切开，每种切法要付出什么。
