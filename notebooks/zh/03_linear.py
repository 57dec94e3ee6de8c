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
# # 03 · 手写反向传播
# <!-- english: 0d55e5edb9f3 -->
#
# **本章的问题：** 模型要学习，就需要损失沿每一个权重的斜率。
# 怎样只花大约两次前向的代价，就把它们全部算出来？又怎样知道算得对？
#
# 运行时间：两个 CPU 核上约 7 秒；需要先读 [00](00_backend.ipynb) 和
# [02](02_cross_entropy.ipynb)；研读的源代码：[linear.py](../../minigpt/layers/linear.py)、
# [activations.py](../../minigpt/layers/activations.py)、[gradient_check.py](../../minigpt/gradient_check.py)；
# 文档：[linear](../../docs/zh/layers/linear.md)、[activations](../../docs/zh/layers/activations.md) 和
# [gradient_check](../../docs/zh/gradient_check.md)。
#
# [在 Colab 中打开](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/zh/03_linear.ipynb)

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
from minigpt.cases import CASES, check_case
from minigpt.gradient_check import check_gradients, compare, numeric_gradient
from minigpt.layers.activations import (
    ACTIVATIONS,
    gelu_backward,
    gelu_forward,
    gelu_tanh_backward,
    relu_backward,
    relu_forward,
    tanh_backward,
    tanh_forward,
)
from minigpt.layers.cross_entropy import cross_entropy_backward, cross_entropy_forward
from minigpt.layers.linear import Linear, linear_backward, linear_forward
from minigpt.layers.softmax import softmax_backward, softmax_forward

quick = bool(os.environ.get("MINIGPT_QUICK"))  # fewer steps of training, the rest unchanged
backend.use("numpy", "float64")
np.set_printoptions(precision=4, suppress=True)
plt.style.use("tableau-colorblind10")
plt.rcParams.update({"figure.figsize": (7, 3.2), "figure.constrained_layout.use": True})
blue, orange = "#006ba4", "#c85200"

# %% [markdown]
# ## 1 · 线性层：y = x W + b
#
# 每个输出都是全部输入的加权和，再加一个偏置。x 每个位置一行；W 的形状是 (I, O)：输入乘输出。
#
# **先猜：** 在纸上算出 y[1, 0]：x 的第 1 行，对 W 的第 0 列，再加 b[0]。

# %%
x = np.array([[1.0, 2.0, 0.0], [-1.0, 1.0, 3.0]])  # (N, I) = (2, 3)
w = np.array([[1.0, -1.0], [0.0, 2.0], [2.0, 1.0]])  # (I, O) = (3, 2)
b = np.array([0.5, -0.5])  # (O,)
print("y[1, 0] =", " + ".join(f"({x[1, i]:g})({w[i, 0]:g})" for i in range(3)), f"+ {b[0]}",
      "=", sum(x[1, i] * w[i, 0] for i in range(3)) + b[0])
y, saved = linear_forward(x, w, b)
print("y =\n", y)

# %% [markdown]
# ## 2 · 链式法则，先用数来看
#
# 损失 L 依赖 y，y 依赖 w。w 移动一点点，y 移动它的 ∂y/∂w 倍，L 再移动那个的 ∂L/∂y 倍。
#
# $$
# \frac{\partial L}{\partial w} = \frac{\partial L}{\partial y}\,\frac{\partial y}{\partial w}
# $$
#
# 如果 w 作用于好几个 y，各路影响**相加**。这就是链式法则（chain rule），也是反向传播的全部。
# 其余只是记账：从损失出发往回走，在每个函数处，把对结果的斜率 dy 变成对各个自变量的斜率。
#
# **先猜：** L = (w x - t)²，w = 3，x = 2，t = 5。∂L/∂w 是多少？

# %%
weight, value, t = 3.0, 2.0, 5.0
y_number = weight * value  # y = w x
dy_number = 2 * (y_number - t)  # L = (y - t)^2, so dL/dy = 2 (y - t)
dw_number = dy_number * value  # dy/dw = x
print(f"y = {y_number}, L = {(y_number - t) ** 2}, dy = {dy_number}, dw = dy x = {dw_number}")
moved = [((weight + step) * value - t) ** 2 for step in (1e-5, -1e-5)]
print(f"slope by moving w: {(moved[0] - moved[1]) / 2e-5:.6f}")

# %% [markdown]
# ### 带形状的链式法则
#
# 现在看整个层。从 y_no = Σ_i x_ni W_io + b_o 可以读出：W_io 在**每一行** n 都作用于 y_no，系数是 x_ni。所以
#
# $$
# dW_{io} = \sum_n x_{ni}\, dy_{no} \qquad dx_{ni} = \sum_o dy_{no}\, W_{io} \qquad db_o = \sum_n dy_{no}
# $$
#
# 每个梯度的形状与它的数组相同。只要各维度互不相等，单凭这一点，公式就几乎定下来了。
#
# **先猜：** dy 是 (N, O)，x 是 (N, I)，W 是 (I, O)。哪两个相乘（必要时转置），形状是 (I, O)？哪两个得到 (N, I)？

# %%
shapes = {"dy": (4, 2), "x": (4, 3), "W": (3, 2)}  # N = 4, I = 3, O = 2
shapes |= {name + "^T": shape[::-1] for name, shape in shapes.items()}
for wanted, name in (((3, 2), "dW (I, O)"), ((4, 3), "dx (N, I)")):
    fits = [f"{left} {right}" for left, (rows, inner) in shapes.items() for right, (other, columns) in shapes.items()
            if inner == other and (rows, columns) == wanted and "dy" in left + right]
    print(f"{name}: {fits}")

dy = np.array([[1.0, 0.0], [2.0, -1.0]])  # (N, O)
print(f"by hand dW[2, 0] = x[0,2] dy[0,0] + x[1,2] dy[1,0] = {x[0, 2] * dy[0, 0]:g} + {x[1, 2] * dy[1, 0]:g} = "
      f"{x[0, 2] * dy[0, 0] + x[1, 2] * dy[1, 0]:g}")
dx, dw, db = linear_backward(dy, saved)
print("dW = x^T dy =\n", dw)
print("dx = dy W^T =\n", dx)
print("db =", db)

# %% [markdown]
# b 加到每一行上，所以它要听每一行的意见：求和。如果 x 前面有更多的轴，例如 (B, T, I)，它们都算作行。
#
# ### 练习：linear
#
# 写出前向和三个梯度，x 前面有多少个轴都行。

# %%
def my_linear_forward(x, w, b):
    """x (..., I), w (I, O), b (O,) -> y (..., O), and saved, a tuple of what backward will need."""


def my_linear_backward(dy, saved):
    """dy (..., O) -> dx (..., I), dw (I, O), db (O,)."""

# %%
from minigpt.learn import check

check("linear", my_linear_forward, my_linear_backward)

# %% [markdown]
# ## 3 · 激活函数：那个弯
#
# **先猜：** 两个线性层一前一后，3 → 100 → 2。要几个线性层才能代替它们？

# %%
rng = backend.generator(0)
w1, w2 = backend.normal(rng, (3, 100)), backend.normal(rng, (100, 2))
two_layers = linear_forward(linear_forward(x, w1)[0], w2)[0]
print("two layers:\n", two_layers, "\none with W1 W2, of shape", (w1 @ w2).shape, ":\n", linear_forward(x, w1 @ w2)[0])

# %% [markdown]
# 一个就够。两层之间必须有一个不是线性的函数，即激活函数（activation function）。
# 它只管每个元素自己，所以反向是逐元素的 dx = dy f'(x)：斜率放过多少，梯度就通过多少。
#
# 常用的有：relu，即 max(0, x)；tanh；sigmoid，即 1 / (1 + e⁻ˣ)；silu，即 x sigmoid(x)；
# gelu，即 x Φ(x)，其中 Φ(x) 是标准正态分布落在 x 以下的比例，它的斜率 φ(x) 就是概率密度。
#
# **先猜：** 哪些地方斜率为 0 或几乎为 0（在那里什么也学不到）？哪些函数的斜率会超过 1？哪些在某处为负？

# %%
points = np.linspace(-5, 5, 501)
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.4))
for name, style in (("relu", "-"), ("tanh", "--"), ("sigmoid", ":"), ("silu", "-."), ("gelu", (0, (6, 2)))):
    forward, backward = ACTIVATIONS[name]
    value, kept = forward(points)
    slope = backward(np.ones_like(points), kept)  # dy = 1 gives f' itself
    left.plot(points, value, linestyle=style, label=name)
    right.plot(points, slope, linestyle=style, label=name)
    print(f"{name:8} slope from {slope.min():+.3f} to {slope.max():+.3f}")
left.set(xlabel="x", title="f(x)", ylim=(-1.5, 3))
right.set(xlabel="x", title="its slope: what backward lets pass")
for ax in (left, right):
    ax.grid(alpha=0.3)
left.legend(fontsize=8)
plt.show()

one = np.array([1.0])
phi = (1 + math.erf(1 / math.sqrt(2))) / 2
print(f"gelu(1) by hand: 1 times Phi(1) = {phi:.6f}; library {gelu_forward(one)[0][0]:.6f}")
density = math.exp(-0.5) / math.sqrt(2 * math.pi)
print(f"its slope, Phi(1) + 1 phi(1) = {phi + density:.6f}; library {gelu_backward(one, gelu_forward(one)[1])[0]:.6f}")

# %% [markdown]
# ### 练习：gelu
#
# GPT-2 的激活函数，用 tanh 写的那种形式：y = x (1 + tanh u) / 2，其中 u = √(2/π) (x + 0.044715 x³)，
# 与 x Φ(x) 非常接近。要对乘积求导，也别忘了 tanh 里面的部分；(tanh u)' = 1 - tanh² u。

# %%
def my_gelu_forward(x):
    """x (...) -> y (...), element by element; and saved, a tuple of what backward will need."""


def my_gelu_backward(dy, saved):
    """dy (...) -> dx (...)."""

# %%
from minigpt.learn import check

check("gelu", my_gelu_forward, my_gelu_backward)

# %% [markdown]
# ## 4 · 一个两层网络，每个数都看得见
#
# x → 线性 → relu → 线性 → softmax 与交叉熵 → L。两行、两个输入、三个隐藏单元、两个类别。
# 先做前向；每个函数都交出它的反向将来要用的东西。
#
# **先猜：** 隐藏层的第一行，relu 之前和之后各是多少？

# %%
x = np.array([[1.0, 2.0], [-1.0, 1.0]])  # (N, I)
w1, b1 = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 1.0]]), np.array([0.0, -0.5, 1.0])  # (I, F), (F,)
w2, b2 = np.array([[0.5, -0.5], [0.0, 0.5], [-0.5, 0.5]]), np.array([0.5, 0.0])  # (F, O), (O,)
targets = np.array([1, 0])

u, saved_1 = linear_forward(x, w1, b1)  # (N, F)
h, saved_relu = relu_forward(u)  # (N, F)
z, saved_2 = linear_forward(h, w2, b2)  # (N, O)
loss, saved_loss = cross_entropy_forward(z, targets)
for name, array in (("u = x W1 + b1", u), ("h = relu u", h), ("z = h W2 + b2", z),
                    ("p = softmax z", softmax_forward(z)[0])):
    print(f"{name:14}", *array)
print("L", loss, " by hand", -(math.log(softmax_forward(z)[0][0, 1]) + math.log(softmax_forward(z)[0][1, 0])) / 2)

# %% [markdown]
# 现在反着走，次序颠倒。每一行接过对结果的斜率，给出对自变量的斜率。
#
# 每一行之前**先猜**：（一）dz，见第 02 章：(p - q) / N。（二）du 的哪个元素必定为 0？为什么？
# （三）最后一行的 dx 有什么用？

# %%
dz = cross_entropy_backward(1.0, saved_loss)
dh, dw2, db2 = linear_backward(dz, saved_2)
du = relu_backward(dh, saved_relu)
dx, dw1, db1 = linear_backward(du, saved_1)
for name, array in (("dz = (p - q)/N", dz), ("dh = dz W2^T", dh), ("du = dh [u > 0]", du), ("dx = du W1^T", dx),
                    ("dW2 = h^T dz", dw2), ("db2", db2), ("dW1 = x^T du", dw1), ("db1", db1)):
    print(f"{name:16}", *np.atleast_2d(array))

# %% [markdown]
# 验算一个：dW1[1, 0] 等于 x[0,1] du[0,0] + x[1,1] du[1,0]。
# 第二行里 u[1,0] 是负的，relu 在那里是平的，所以这个权重听不到那一行的意见。
# 至于 dx，这里没有人用它，因为 x 下面只有数据；如果下面还有一层，它就是那一层的 dy。

# %%
print("dW1[1, 0] by hand:", x[0, 1] * du[0, 0] + x[1, 1] * du[1, 0], " library:", dw1[1, 0])

figure, axes = plt.subplots(figsize=(7.4, 2.9))
boxes = ["linear", "relu", "linear", "softmax,\ncross-entropy"]
arrays = ["x (2,2)", "u (2,3)", "h (2,3)", "z (2,2)", "L ()"]
for n, box in enumerate(boxes):
    axes.add_patch(plt.Rectangle((2 * n + 0.6, 0.4), 1.05, 1.2, facecolor="#eeeeee", edgecolor="black"))
    axes.text(2 * n + 1.13, 1, box, ha="center", va="center", fontsize=7.5)
for n, name in enumerate(arrays):
    start, end = 2 * n - 0.3, 2 * n + 0.55
    axes.annotate("", (end, 1.3), (start, 1.3), arrowprops=dict(arrowstyle="->", color=blue))
    axes.annotate("", (start, 0.7), (end, 0.7), arrowprops=dict(arrowstyle="->", color=orange))
    axes.text((start + end) / 2, 1.42, name, ha="center", fontsize=8, color=blue)
    slope = "dL = 1" if name == "L ()" else "d" + name
    axes.text((start + end) / 2, 0.42, slope, ha="center", fontsize=8, color=orange)
for n, kept in ((0, "x, W1"), (1, "u"), (2, "h, W2"), (3, "p, targets")):
    axes.text(2 * n + 1.13, 1.75, f"saved: {kept}", ha="center", fontsize=8, style="italic")
for n, given in ((0, "dW1 (2,3)\ndb1 (3,)"), (2, "dW2 (3,2)\ndb2 (2,)")):
    axes.annotate(given, (2 * n + 1.13, 0.4), (2 * n + 1.13, -0.35), ha="center", fontsize=8, color=orange,
                  arrowprops=dict(arrowstyle="<-", color=orange))
axes.set(xlim=(-0.5, 8.8), ylim=(-0.5, 2), title="forward (blue, left to right) and backward (orange, right to left)")
axes.axis("off")
plt.show()

# %% [markdown]
# 代价：每个线性层的反向是两次乘积，各和前向那一次一样大。
# 所以不管有多少权重，一次反向大约相当于两次前向。
# 如果逐个移动权重、每次做两遍前向，那就是**每个权重**两遍。
#
# ### 它学得会吗？线性模型唯独做不到的事
#
# 四个点，两个类别：恰有一个输入为 1 时类别为 1，这叫异或（XOR）。没有一条直线能把两类分开。
#
# **先猜：** 没有那个弯的模型，损失最低能到多少？

# %%
corners, classes = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([0, 1, 1, 0])


def train_xor(bend, steps, seed=1):
    """Gradient descent on the four points; returns the layers and the loss of each step."""
    rng = backend.generator(seed)
    layers, losses = [Linear(2, 8, rng), Linear(8, 2, rng)], []
    for _ in range(steps):
        u, saved_1 = layers[0].forward(corners)
        h, saved_bend = tanh_forward(u) if bend else (u, None)
        z, saved_2 = layers[1].forward(h)
        loss, saved_loss = cross_entropy_forward(z, classes)
        for layer in layers:
            layer.zero_grad()
        dh = layers[1].backward(cross_entropy_backward(1.0, saved_loss), saved_2)
        layers[0].backward(tanh_backward(dh, saved_bend) if bend else dh, saved_1)
        for layer in layers:
            for p in layer.parameters().values():
                p.data -= 0.5 * p.grad
        losses.append(float(loss))
    return layers, losses


steps = 200 if quick else 1000
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.3))
for bend, name, style in ((True, "with tanh", "-"), (False, "without", "--")):
    layers, losses = train_xor(bend, steps)
    left.semilogy(losses, style, label=name)
    print(f"{name:9} loss after {steps} steps: {losses[-1]:.5f}")
    if bend:
        across = np.linspace(-0.5, 1.5, 101)
        plane = np.stack(np.meshgrid(across, across), axis=-1)  # (101, 101, 2)
        p_one = softmax_forward(layers[1](tanh_forward(layers[0](plane))[0]))[0][..., 1]
left.axhline(math.log(2), color="gray", linestyle=":", label="ln 2")
left.set(xlabel="step", ylabel="loss (nats)", title="XOR: only the bend learns it")
left.legend(fontsize=8)
picture = right.imshow(p_one, origin="lower", extent=(-0.5, 1.5, -0.5, 1.5), cmap="PuOr", vmin=0, vmax=1)
for point, label in zip(corners, classes):
    right.text(*point, label, ha="center", va="center", bbox=dict(boxstyle="circle", facecolor="white"))
right.set(title="p(class 1) over the plane", xlabel="first input", ylabel="second input")
figure.colorbar(picture, shrink=0.8)
plt.show()

# %% [markdown]
# ## 5 · 这个梯度对吗？去问定义
#
# $$
# \frac{\partial L}{\partial a} \approx \frac{L(a + \varepsilon) - L(a - \varepsilon)}{2\varepsilon}
# $$
#
# 它很慢，但不需要推导，正好给推导出来的东西当裁判。
# L 必须是一个数；函数的结果是数组时，取 L = Σ dy · y，它的上游梯度恰好就是 dy。
# 这叫中心差分（central differences），是有限差分（finite differences）的一种。
#
# ### 练习：numeric_gradient
#
# 每次移动一个元素，然后**分毫不差**地放回去。结果的形状和类型与数组相同。

# %%
def my_numeric_gradient(array, loss, epsilon):
    """array (...), loss(array) -> a number; the gradient of loss (...), by central differences."""

# %%
from minigpt.learn import check

check("numeric_gradient", my_numeric_gradient)

# %% [markdown]
# ### ε 应当多小？
#
# 两种误差往相反的方向拉。a - ε 与 a + ε 之间曲线是弯的：误差为 ε² 量级（只移动一边则为 ε 量级）。
# 而 L 本身是舍入过的，在 float64 里约为它自身的 1e-16；除以 2ε 又把它放大：误差为 1e-16 / ε 量级。
#
# **先猜：** 在 float64 里谷底在哪里？有多深？在 float32 里呢，那里是 1e-7？（ε² + u/ε 大约在 ε = u^⅓ 处最小。）

# %%
values = np.array([0.3, -1.2, 0.8, 2.0])
true_slope = gelu_backward(np.ones(4), gelu_forward(values)[1])
epsilons = np.logspace(-12, 0, 61)
figure, axes = plt.subplots(figsize=(7, 3.6))
for precision, one_sided, style, colour in (("float64", False, "-", blue), ("float64", True, "--", blue),
                                            ("float32", False, "-", orange), ("float32", True, "--", orange)):
    errors = []
    with backend.using("numpy", precision):
        a = backend.asarray(values)
        for epsilon in epsilons:
            step = a.dtype.type(epsilon)
            below = gelu_forward(a)[0] if one_sided else gelu_forward(a - step)[0]
            slope = (gelu_forward(a + step)[0] - below) / (step if one_sided else 2 * step)
            errors.append(np.abs(slope - true_slope).max() / np.abs(true_slope).max())
    name = f"{precision}, {'one side' if one_sided else 'both sides'}"
    axes.loglog(epsilons, errors, style, color=colour, label=name)
    best = int(np.argmin(errors))
    print(f"{name:19}: best epsilon {epsilons[best]:.0e}, error {errors[best]:.0e}")
axes.axvline(1e-5, color="gray", linestyle=":")
axes.text(1.3e-5, 2, "the library's 1e-5", fontsize=8, color="gray")
axes.set(xlabel="epsilon", ylabel="relative error of the slope", ylim=(1e-13, 10),
         title="too small is as bad as too large: the V of gradient checking")
axes.grid(alpha=0.3)
axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# 所以库里用 float64、两边移动、ε = 1e-5 来检查：正确的梯度能对上九到十位数字。
# 在 float32 里，同样的 ε 只剩两三位；最好的 ε 要大几百倍，也只有五位左右；
# 如果损失是许多元素之和，舍入还要更粗。真正的错误可以藏在里面。
#
# ## 6 · 梯度检查怎样骗人
#
# 检查通过，只有在错误的梯度通不过的前提下，才算证明了什么。所以我们故意埋下错误的梯度，看看哪些检查会发觉。
#
# ### 第一个谎言：极小的权重加绝对容差
#
# 错误就是第 00 章那个：梯度算出来是转置的，再 reshape 成正确的形状。
# 网络是三个线性层，中间夹着 tanh。检查是“每个元素相差不超过 1e-4”。
# 大家喜欢小权重（GPT 通常用 0.02），这样的检查看上去也很严格。
#
# **先猜：** 所有权重和输入的尺度都是 s。第一层权重的梯度大约按 s 的几次方缩小？误差相对于梯度呢？

# %%
rng = backend.generator(5)
unit = [backend.normal(rng, shape) for shape in ((7, 5), (5, 6), (6, 3), (3, 2))]  # x, W1, W2, W3
dy = backend.normal(rng, (7, 2))


def first_layer_gradients(scale):
    """The gradient of W1: by finite differences, by a right backward, and by one with the planted mistake."""
    x, w1, w2, w3 = (scale * array for array in unit)

    def forward():
        u1, saved_1 = linear_forward(x, w1)
        h1, saved_h1 = tanh_forward(u1)
        u2, saved_2 = linear_forward(h1, w2)
        h2, saved_h2 = tanh_forward(u2)
        y, saved_3 = linear_forward(h2, w3)
        return y, (saved_1, saved_h1, saved_2, saved_h2, saved_3)

    saved_1, saved_h1, saved_2, saved_h2, saved_3 = forward()[1]
    dh2, _, _ = linear_backward(dy, saved_3)
    dh1, _, _ = linear_backward(tanh_backward(dh2, saved_h2), saved_2)
    _, right, _ = linear_backward(tanh_backward(dh1, saved_h1), saved_1)
    wrong = np.ascontiguousarray(right.T).reshape(right.shape)  # the shape fits, the numbers are in the wrong places
    return numeric_gradient(lambda: (forward()[0] * dy).sum(), w1), right, wrong


scales = np.logspace(-2.5, 0, 16)
absolute, relative = [], []
for scale in scales:
    numeric, right, wrong = first_layer_gradients(scale)
    absolute.append(np.abs(wrong - numeric).max())
    relative.append(compare("W1", wrong, numeric).relative_error)
figure, axes = plt.subplots(figsize=(7, 3.5))
axes.loglog(scales, absolute, "o-", color=blue, markersize=4, label="absolute error of the wrong gradient")
axes.loglog(scales, relative, "s--", color=orange, markersize=4, label="relative error of the wrong gradient")
axes.axhspan(1e-8, 1e-4, alpha=0.12, color=blue)
axes.axhline(1e-4, color=blue, linewidth=0.8)
axes.text(0.9, 2e-6, "passes 'within 1e-4'", ha="right", fontsize=9, color=blue)
axes.axvline(0.02, color="gray", linestyle=":")
axes.text(0.021, 3e-8, "0.02, GPT's scale", fontsize=8, color="gray")
axes.set(xlabel="scale of weights and inputs", ylabel="error of dW1", ylim=(1e-8, 100),
         title="small weights make a wrong gradient small, not right")
axes.legend(fontsize=8)
plt.show()
numeric, right, wrong = first_layer_gradients(0.02)
print("scale 0.02: wrong gradient within 1e-4:", np.allclose(wrong, numeric, rtol=0, atol=1e-4))
print("            right:", compare("W1", right, numeric))
print("            wrong:", compare("W1", wrong, numeric))

# %% [markdown]
# 梯度是 x、W2、W3 的乘积，所以按 s³ 缩小，绝对误差也跟着缩小：到了 GPT 的尺度，就从容差底下溜过去了。
# 相对误差在每个尺度上都差不多：这些数就是错的。
# 所以：**权重取单位尺度，误差相对于该数组自身最大的梯度来算。**
#
# ### 第二个谎言：上游梯度全是 1
#
# “取 L = Σ y”：这样 dy 全是 1，代码也短。
# **先猜：** 不管 x 是什么，softmax 每一行的和都是 1。Σ y 的真实梯度是多少？这样的检查看得出哪些错误？

# %%
planted = {  # a wrong backward of softmax or of tanh, and of a linear layer's weights
    "softmax, right": (softmax_forward, softmax_backward),
    "softmax, sign flipped": (softmax_forward, lambda dy, saved: -softmax_backward(dy, saved)),
    "softmax, twice too large": (softmax_forward, lambda dy, saved: 2 * softmax_backward(dy, saved)),
    "softmax, dy forgotten in a term": (
        softmax_forward, lambda dy, saved: saved[0] * (1 - (dy * saved[0]).sum(axis=-1, keepdims=True))),
    "tanh, dy forgotten": (tanh_forward, lambda dy, saved: 1 - saved[0] ** 2),
    "linear, dW with dy forgotten": (
        lambda w: linear_forward(unit[0], w), lambda dy, saved: saved[0].T @ np.ones_like(dy)),
}
rng = backend.generator(6)
results = {}
for name, (forward, backward) in planted.items():
    argument = backend.normal(rng, (5, 3))
    y, kept = forward(argument)
    for kind, upstream in (("ones", np.ones_like(y)), ("random", backend.normal(rng, y.shape))):
        numeric = numeric_gradient(lambda f=forward, a=argument, up=upstream: (f(a)[0] * up).sum(), argument)
        results[name, kind] = np.abs(backward(upstream, kept) - numeric).max()

figure, axes = plt.subplots(figsize=(7, 3.2))
places = np.arange(len(planted))
for shift, kind, colour in ((-0.2, "ones", orange), (0.2, "random", blue)):
    axes.barh(places + shift, [max(results[name, kind], 1e-13) for name in planted], 0.4, color=colour, left=1e-13,
              label=f"dy: {kind}")
axes.axvline(1e-8, color="gray", linestyle=":")
axes.text(1.3e-8, -0.55, "noticed from here on", fontsize=8, color="gray", va="bottom")
axes.set(yticks=places, yticklabels=planted, xscale="log", xlim=(1e-13, 100), ylim=(len(planted) - 0.4, -1),
         xlabel="largest absolute error that the check sees", title="with dy = 1 five wrong gradients look right")
axes.legend(fontsize=8, loc="upper right")
plt.show()

# %% [markdown]
# 全用 1 时，softmax 的梯度都是 0，连符号错了也能通过；忘了 dy 的人也抓不到，因为乘以 1 什么也不变。
# 所以：**上游梯度要随机。**
#
# ### 第三个谎言：误差的量法不对
#
# 这回的错误很隐蔽：前向是精确的 GELU，反向却是它的 tanh 形式的斜率。
# 我们逐个元素看：梯度多大，差了多少。有三种判法：
# 绝对的，“相差不超过 1e-3”；相对的，*逐元素*；相对于*整个数组*最大的梯度，库里就是这样。
#
# **先猜：** GELU 在 x = -0.75 处和左边远处是平的。在那些地方，*正确的*梯度逐元素的相对误差是多少？

# %%
places = np.concatenate([np.linspace(-7, 3, 200), [-0.7517915]])
_, kept = gelu_forward(places)
right = gelu_backward(np.ones_like(places), kept)
wrong = gelu_tanh_backward(np.ones_like(places), ACTIVATIONS["gelu_tanh"][0](places)[1])
numeric = numeric_gradient(lambda: gelu_forward(places)[0].sum(), places)

figure, axes = plt.subplots(figsize=(7, 3.9))
for gradient, name, marker, colour in ((right, "right gradient", ".", blue), (wrong, "wrong gradient", "x", orange)):
    axes.loglog(np.abs(numeric) + 1e-14, np.abs(gradient - numeric) + 1e-14, marker, color=colour, markersize=4,
                label=name)
sizes = np.array([1e-14, 2])
axes.axhline(1e-3, color="black", linestyle=":", label="absolute: within 1e-3")
axes.plot(sizes, 1e-6 * sizes, "k--", linewidth=1, label="relative, each element: 1e-6")
axes.axhline(1e-6 * np.abs(numeric).max(), color="black", label="relative to the array: 1e-6")
axes.set(xlabel="size of the element's gradient", ylabel="its error", xlim=(1e-11, 2), ylim=(1e-13, 100),
         title="a point above a line fails that test")
axes.legend(fontsize=7, loc="upper left")
axes.grid(alpha=0.3)
plt.show()
for gradient, name in ((right, "right"), (wrong, "wrong")):
    error = np.abs(gradient - numeric)
    print(f"{name}: absolute, within 1e-3: {'passes' if (error < 1e-3).all() else 'fails'}; each element relative: "
          f"{'passes' if (error <= 1e-6 * np.abs(numeric)).all() else 'fails'}; relative to the array: "
          f"{'passes' if compare('x', gradient, numeric).relative_error < 1e-6 else 'fails'}")

# %% [markdown]
# 绝对的判法放过了错的梯度。逐元素的判法冤枉了*对的*梯度：不管梯度多大，有限差分的误差总在 1e-10 左右，
# 梯度只有 1e-8 的地方，那就是百分之一了。遇到的人会把容差一再放宽，直到不再报错，于是它什么也看不出了。
# 相对于整个数组，对的通过，错的通不过。
# （如果数组里有一个梯度是其余的一百万倍，其余的就被它掩盖：这又是要用单位尺度的一个理由。）
#
# ### 还有两个，放在一格里
#
# **先猜：**（一）relu 在 x = 10⁻⁷ 处，ε = 10⁻⁵：正确的斜率是 1，有限差分说多少？
# （二）有人把 x · sigmoid(1.5 x) 当作 GELU，并且*正确地*推导了它的梯度。检查会发觉吗？

# %%
kink = np.array([1e-7])
print("relu at 1e-7: backward", relu_backward(np.ones(1), relu_forward(kink)[1]),
      " finite differences", numeric_gradient(lambda: relu_forward(kink)[0].sum(), kink))


def other_gelu_forward(x):
    s = 0.5 * (1 + np.tanh(0.75 * x))  # sigmoid(1.5 x)
    return x * s, (x, s)


def other_gelu_backward(dy, saved):
    x, s = saved
    return dy * (s + 1.5 * x * s * (1 - s))


x = backend.normal(backend.generator(8), (3, 5))
dy = backend.normal(backend.generator(9), (3, 5))
print(*check_gradients(lambda: other_gelu_forward(x), lambda dy, saved: {"x": other_gelu_backward(dy, saved)},
                       {"x": x}, dy))
print("largest difference from GELU itself:", np.abs(other_gelu_forward(x)[0] - gelu_forward(x)[0]).max())

# %% [markdown]
# （一）跨过折点，两边说法不一：这是虚惊，不怪反向。
# （二）它不可能发觉：梯度检查问的是反向是不是*这个*前向的导数，而不是前向是不是你想要的。
# 那需要另一种意见：手算的值，或者另一个库。
# minigpt 的每一层还和 PyTorch 比较过（见 [CONTRIBUTING](../../CONTRIBUTING.md)）。
#
# ## 7 · 库里的每一个梯度
#
# [cases.py](../../minigpt/cases.py) 里，每一对前向和反向都占一行，维度奇特而互不相等，数值为单位尺度；
# `python -m minigpt gradcheck` 检查全部。这里只看到目前为止各章的。

# %%
subjects = {"linear", "Linear", "softmax", "cross_entropy", *ACTIVATIONS}
for case in CASES:
    if case.subject in subjects:
        print(f"{case.name:32}", ", ".join(f"{e.array} {e.relative_error:.0e}" for e in check_case(case)))

# %% [markdown]
# ## 学到了什么
#
# * 反向从损失走到输入；每个函数把对结果的斜率变成对自变量的斜率，汇合到一处的影响相加。形状几乎决定了公式。
# * 全部梯度加在一起，大约只花两次前向。
# * 有限差分是裁判；它需要 float64、1e-5 左右的 ε、单位尺度的数值、随机的上游梯度、互不相等的维度和相对误差；
#   而前向是不是你想要的，它说不出来。
#
# **下一章：** [04 · 嵌入：从编号到向量](04_embedding.ipynb)：词元怎样得到向量，为什么那其实是一个线性层。
