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
# # 09 · 优化器
# <!-- english: 237f607b1ca7 -->
#
# **本章的问题：** 反向告诉我们：每个权重往哪个方向走，损失会上升。那么每个权重该往相反的方向走多远？
# 为什么不简单地走“同一个倍数乘梯度”？
#
# 运行时间：两个 CPU 核上约 40 秒；需要先读 [03](03_linear.ipynb) 和 [08](08_gpt.ipynb)；研读的源代码：
# [optim.py](../../minigpt/optim.py)；文档：[optim](../../docs/zh/optim.md)。
#
# [在 Colab 中打开](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/zh/09_optim.ipynb)

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

from minigpt import backend, optim
from minigpt.corpora import find_sources
from minigpt.data import training_batch
from minigpt.evaluate import mean_loss
from minigpt.learn import check
from minigpt.memory import keep_freed_memory
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.module import Module, Parameter
from minigpt.optim import SGD, Adam, AdamW, Schedule
from minigpt.pieces import read_pieces
from minigpt.text.tokenizer import train_tokenizer

quick = bool(os.environ.get("MINIGPT_QUICK"))  # fewer steps of training, the rest unchanged
backend.use("numpy", "float64")
plt.rcParams["figure.constrained_layout.use"] = True
np.set_printoptions(precision=4, suppress=True, linewidth=110)

# %% [markdown]
# ## 一个权重
#
# 损失是 ½ a θ²，一个曲率（curvature）为 a 的碗。梯度是 a θ，所以梯度下降的一步是
# θ - η a θ = (1 - η a) θ：每一步都给 θ 乘上同一个数。取 a = 1，从 θ = 1 出发。
# **学习率（learning rate）η 取哪些值时 θ 会停在 0？η = 1、1.9、2.1 时分别会怎样？**

# %%
class Point(Module):
    """A place on a surface: a model with nothing but one vector of parameters."""

    def __init__(self, start):
        self.w = Parameter(start)
        self.pack()


def walk(make_optimizer, gradient, start, learning_rate, steps):
    """All places (steps + 1, n) that an optimizer comes by."""
    point = Point(start)
    optimizer = make_optimizer(point)
    places = [point.w.data.copy()]
    for _ in range(steps):
        point.zero_grad()
        point.w.grad += gradient(point.w.data)
        optimizer.step(learning_rate)
        places.append(point.w.data.copy())
    return np.array(places)


print("by hand, eta = 0.5:", [(1 - 0.5 * 1) ** t for t in range(5)])
print("the library:       ", walk(SGD, lambda w: 1.0 * w, [1.0], 0.5, 4)[:, 0])

figure, axes = plt.subplots(figsize=(7, 3.2))
for rate, color in zip((0.1, 1.0, 1.9, 2.1), ("#0072B2", "#009E73", "#E69F00", "#CC79A7")):
    axes.plot(walk(SGD, lambda w: w, [1.0], rate, 12)[:, 0], "o-", markersize=3, color=color, label=f"eta = {rate}")
axes.set(xlabel="step", ylabel="theta", title="Each step multiplies theta by (1 - eta a), here a = 1")
axes.legend(ncols=4, fontsize=8)
plt.show()

# %% [markdown]
# 只要 |1 - η a| < 1，即 η < 2 / a，就收敛：**最陡的曲率决定了学习率最大能取多少。**
#
# ## 两个权重：一条山谷
#
# 现在是 ½ (x² + 25 y²)：沿 x 平缓，横向陡峭。曲率 25 要求 η < 0.08。用这样的 η，x 方向的距离每步缩小不到 8 %：
# 一个方向设了限，另一个方向只好等。**先猜：学习率接近上限时，普通梯度下降的路径是什么样？
# 一个每步保留上一步 0.8 的重球呢？Adam 给两个方向同样长的步子，又会怎样？**

# %%
curvature = np.array([1.0, 25.0])
turn = np.array([[1.0, -1.0], [1.0, 1.0]]) / math.sqrt(2)  # by 45 degrees


def straight(w):
    return curvature * w  # the gradient of sum(curvature w²) / 2


def turned(w):
    return turn @ (curvature * (turn.T @ w))  # the same valley, lying diagonally


walkers = {
    "SGD, eta 0.072": (SGD, 0.072),
    "momentum 0.8, eta 0.03": (lambda model: SGD(model, momentum=0.8), 0.03),
    "Adam, eta 0.25": (lambda model: Adam(model, beta1=0.8, beta2=0.95), 0.25),
}


def draw_paths(gradient, start, title):
    figure, panels = plt.subplots(1, 3, figsize=(7.2, 3.2), sharey=True)
    x, y = np.meshgrid(np.linspace(-5, 2, 81), np.linspace(-5, 2, 81))
    places = np.stack([x, y])
    back = places if gradient is straight else np.einsum("ij,jab->iab", turn.T, places)
    height = (curvature[:, None, None] * back**2).sum(axis=0) / 2
    for axes, (name, (make, rate)) in zip(panels, walkers.items()):
        path = walk(make, gradient, start, rate, 40)
        axes.contour(x, y, height, levels=[0.5, 2, 5, 10, 20, 40, 80, 160], colors="lightgray", linewidths=0.8)
        axes.plot(*path.T, "o-", color="tab:blue", markersize=2.5, linewidth=1)
        axes.plot(0, 0, "*", color="tab:red", markersize=10)
        axes.set_title(f"{name}\ndistance left {np.linalg.norm(path[-1]):.3f}", fontsize=8)
        axes.set(xlim=(-5, 1.5), ylim=(-5, 2), aspect="equal", xlabel="x")
    panels[0].set_ylabel("y")
    figure.suptitle(title, fontsize=10)
    plt.show()


draw_paths(straight, [-4.5, 1.5], "40 steps in a valley")

# %% [markdown]
# 梯度下降在两壁之间跳来跳去。重球的速度把各步一致的部分（沿山谷）加起来，把不一致的部分（横向）抵消掉。
# Adam 把每个坐标除以它自己近来的大小，所以一开始两个坐标走得一样快，山谷的形状无关紧要。
#
# **现在把山谷转 45 度。谁的路径只是原来的路径跟着转了？谁的不是？**

# %%
draw_paths(turned, list(turn @ np.array([-4.5, 1.5])), "the same valley, turned by 45 degrees")
for name, (make, rate) in walkers.items():
    there = walk(make, turned, list(turn @ np.array([-4.5, 1.5])), rate, 40) @ turn  # turned back
    difference = np.abs(there - walk(make, straight, [-4.5, 1.5], rate, 40)).max()
    print(f"{name:24} differs from its turned path by at most {difference:.3f}")

# %% [markdown]
# SGD 和动量只做梯度的加法，而梯度随曲面一起转。Adam 逐个坐标做除法，所以它“认得”坐标轴：
# 当陡的方向和缓的方向恰好是单个权重时，它的帮助最大。网络里常常差不多如此：
# 罕见的词元、增益、偏置，它们的梯度大小相差很远。
#
# ## 手算动量
#
# u = μ u + g，θ -= η u。设梯度始终是 1，μ = 0.9：u = 1，然后 1.9，然后 2.71。**它最终趋于多少？**

# %%
u = 0.0
for step in range(1, 4):
    u = 0.9 * u + 1.0
    print(f"step {step}: u = {u:.3f}")
print("and after 200 steps:", sum(0.9**n for n in range(200)), "= 1 / (1 - 0.9)")
path = walk(lambda model: SGD(model, momentum=0.9), lambda w: np.ones(1), [0.0], 1.0, 3)
print("the library's steps: ", -np.diff(path[:, 0]))

# %% [markdown]
# 所以 0.9 的动量（momentum）会使稳定的步子长到十倍：加上动量的同时，应当减小 η。
#
# ### 练习：momentum
#
# 重球会继续滚：速度 u 保留自己的 μ 倍，再加上梯度，u = μ u + g；然后参数移动，θ -= η u。
# 返回新的 θ 和新的 u，给你的数组不要改动。这里学习率 η（learning_rate）在速度之外，与库里一致。

# %%
def momentum_step(theta, g, u, learning_rate, mu):
    """theta (...), its gradient g (...), the velocity u (...) so far -> theta (...), u (...) after the step."""

# %%
check("momentum", momentum_step)

# %% [markdown]
# ## Adam 与偏差修正，手算三步
#
# Adam 保存两个滑动平均：梯度的（m）和梯度平方的（v），β1 = 0.9，β2 = 0.999。两者都从 0 开始，
# 而没有哪个平均值应当从 0 开始：一步之后 m = 0.1 g，小了十倍；v = 0.001 g²，小了一千倍。
# **那么不加修正的步子 m / √v 长了多少倍？**
#
# 除以 1 - β^t 就能修正（bias correction），因为前 t 步的权重之和恰好是它：
# (1 - β)(1 + β + … + β^(t-1)) = 1 - β^t。取三个梯度 2、1、-1，η = 0.1：

# %%
beta1, beta2, eta = 0.9, 0.999, 0.1
m = v = 0.0
theta = 0.0
gradients = [2.0, 1.0, -1.0]
print(" t   g       m        v     m corrected  v corrected   step   uncorrected")
for t, g in enumerate(gradients, start=1):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    step = eta * m_hat / (math.sqrt(v_hat) + 1e-8)
    theta -= step
    uncorrected = eta * m / math.sqrt(v)
    print(f"{t:2} {g:4.0f} {m:8.4f} {v:8.5f}   {m_hat:8.4f}   {v_hat:10.4f}   {step:8.4f}   {uncorrected:8.4f}")
given = iter(gradients)
print("theta by hand", theta, " the library's", walk(Adam, lambda w: np.array([next(given)]), [0.0], eta, 3)[-1, 0])

# %% [markdown]
# 第一步恰好是 η，**不管梯度有多大**：把三个梯度都乘以 1000，结果不变。不加修正，它会长 √1000 / 10 = 3.16 倍，
# 而且还会先变得更糟，再慢慢变好：

# %%
t = np.arange(1, 3001)
with_correction = np.ones(len(t))
without = (1 - 0.9**t) / np.sqrt(1 - 0.999**t)
figure, axes = plt.subplots(figsize=(7, 3.2))
axes.plot(t, without, color="tab:orange", label="without correction")
axes.plot(t, with_correction, color="tab:blue", label="with")
axes.set_xscale("log")
axes.set(xlabel="step", ylabel="step length / eta", ylim=(0, None),
         title="The length of Adam's steps when the gradient never changes")
axes.legend()
plt.show()
print("largest:", without.max().round(2), "times eta, at step", t[without.argmax()])

# %% [markdown]
# ### 练习：adamw
#
# m = β1 m + (1 - β1) g 和 v = β2 v + (1 - β2) g² 分别是梯度与梯度平方的滑动平均。
# 两者都从 0 开始，m̂ = m / (1 - β1^t)、
# v̂ = v / (1 - β2^t) 用来修正这一偏差。矩阵先衰减：θ -= η λ θ，
# λ = weight_decay；然后所有参数移动：θ -= η m̂ / (√v̂ + eps)。返回新的 θ、
# m、v；m 和 v 是未修正的，下一步要从它们接着算。

# %%
def adamw_step(theta, g, m, v, t, learning_rate, beta1, beta2, eps, weight_decay):
    """Step number t = 1, 2, ...: theta (...), its gradient g (...), averages m (...), v (...) -> theta, m, v.

    weight_decay applies to matrices, theta.ndim >= 2; vectors don't decay.
    """

# %%
check("adamw", adamw_step)

# %% [markdown]
# ## 用在 GPT 上
#
# 在 Python 语言参考手册上训练一个很小的 GPT，大家的初始权重和批次都相同。学习率没选好，优化器的好坏就无从谈起，
# 所以每种都试几个学习率。**先猜：各取最好的学习率时，谁最好？它们的最佳学习率相差多少？**

# %%
backend.use("numpy", "float32")
text = "".join(read_pieces(find_sources(["pydoc"])))
tokenizer = train_tokenizer("bpe", [text[:100_000]], 320)
tokens = np.array(tokenizer.encode(text[:150_000]))
train_tokens, validation_tokens = np.split(tokens, [len(tokens) * 9 // 10])
shape = GPTConfig(tokenizer.vocab_size, context_length=32, d_model=32, num_heads=2, num_layers=2)
print(f"{len(tokens):,} tokens; {GPT(shape).flat.data.size:,} parameters")


def run(make_optimizer, schedule, steps, clip=math.inf, shape=shape, spoil=()):
    """Train from the same start on the same batches: losses, gradient norms before clipping, and the model."""
    model = GPT(shape, seed=0)
    optimizer = make_optimizer(model)
    losses, norms = [], []
    with backend.quiet():  # some of these runs are meant to fail
        for step in range(steps):
            ids, targets = training_batch(train_tokens, 16, shape.context_length, seed=0, step=step)
            if step in spoil:  # a batch of garbage, as any large collection of text has some
                targets = np.zeros_like(targets)
            loss, saved = model.forward(ids, targets)
            model.zero_grad()
            model.backward(saved)
            norms.append(optim.clip_gradient(model, clip))
            optimizer.step(schedule(step))
            losses.append(float(loss))
    return np.array(losses), np.array(norms), model


def constant(rate):
    return Schedule("constant", rate, steps=1)


def smooth(losses, width=10):
    return np.convolve(losses, np.ones(width) / width, mode="valid")

# %%
keep_freed_memory()  # a step makes the same arrays again and again; see docs/en/performance.md
steps = 40 if quick else 120
makers = {
    "SGD": (SGD, [0.03, 0.1, 0.3, 1.0]),
    "momentum 0.9": (lambda model: SGD(model, momentum=0.9), [0.01, 0.03, 0.1, 0.3]),
    "Adam": (lambda model: Adam(model, beta2=0.99), [3e-4, 1e-3, 3e-3, 1e-2]),
    "AdamW 0.1": (lambda model: AdamW(model, beta2=0.99, weight_decay=0.1), [3e-4, 1e-3, 3e-3, 1e-2]),
}
results = {name: [run(make, constant(rate), steps)[0] for rate in rates] for name, (make, rates) in makers.items()}

figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.4))
styles = zip(results, ("#E69F00", "#009E73", "#0072B2", "#CC79A7"), ("-", "-", "-", "--"))
for name, color, style in styles:
    rates, last = makers[name][1], np.array([losses[-10:].mean() for losses in results[name]])
    best = int(np.nanargmin(last))
    left.plot(smooth(results[name][best]), color=color, linestyle=style, label=f"{name}, eta {rates[best]:g}")
    right.plot(rates, np.minimum(last, 7), "o" + style, color=color, markersize=4)
left.set(xlabel="step", ylabel="training loss, mean of 10", title="Each at its best rate")
left.legend(fontsize=7)
right.set_xscale("log")
right.set(xlabel="learning rate", ylabel="loss at the end", title="... and how much the rate matters")
plt.show()

# %% [markdown]
# 最佳学习率相差 100 倍：不说优化器，单说学习率没有意义。Adam 的步长天生就是 η，所以对许多种网络，
# 好的学习率都在 10⁻³ 附近；SGD 的则取决于梯度的大小，每次都要重新找。
# 而且，学习率差 3 倍，影响可能比选 Adam 还是选动量更大。这么少的步数，AdamW 的权重衰减还看不出区别。
#
# ## 预热：有和没有
#
# 最初几步，Adam 的平均值只来自少数几个批次，权重是随机的，而每个权重都要移动 η。
# **一个四块的后置归一化（post-norm，即 GPT-1 的形式）模型，两种学习率：预热（warm-up）改变的是开头，还是结局？**

# %%
steps = 60 if quick else 150
deep = replace(shape, num_layers=4, norm="post")
figure, axes = plt.subplots(figsize=(7, 3.4))
for warmup, color in ((0, "tab:orange"), (steps // 3, "tab:blue")):
    for rate, style in ((1e-2, "-"), (5e-3, "--")):
        losses, _, _ = run(Adam, Schedule("constant", rate, steps, warmup), steps, shape=deep)
        axes.plot(smooth(losses), color=color, linestyle=style, label=f"eta {rate:g}, warm-up {warmup} steps")
frequency = np.bincount(train_tokens) / len(train_tokens)
axes.axhline(-sum(f * math.log(f) for f in frequency if f), color="black", linestyle=":",
             label="knowing only how frequent each token is")
axes.set(xlabel="step", ylabel="training loss, mean of 10", title="Four post-norm blocks, with and without warm-up")
axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# 学习率为 0.005 时，不预热也训练得很好，预热只是浪费时间。学习率为 0.01 时，最初几步就把权重抛到了一个回不来的地方：
# 损失停在只知道单个词元的频率时的水平附近。加上预热，同样的学习率就训练得很好，虽然有一两处尖峰。
# 所以预热并不能让好的学习率更好，而是让更多的学习率可用。
#
# 后置归一化的模型最需要预热：Xiong et al. (2020) 指出，它们最后几层的梯度在训练之初很大；
# 而前置归一化（pre-norm）的模型只需很少的预热，甚至不需要。
#
# ## 裁剪：有和没有
#
# 梯度的长度超过上限时，把它缩短到上限，方向不变，这叫裁剪（clipping）。**手算：梯度是 (3, 4)，上限是 1。**

# %%
point = Point([0.0, 0.0])
point.w.grad[...] = [3.0, 4.0]
print("length before:", optim.clip_gradient(point, 1.0), " after:", optim.gradient_norm(point))
print("gradient:", point.w.grad)

# %% [markdown]
# ### 练习：clip_gradient
#
# 一批坏数据就可能让步子大到训练再也救不回来。把所有数组看作一个长向量，它的范数是 √(Σ g²)，
# 对每个数组的每个元素求和。范数大于 max_norm 时，把向量缩短到 max_norm，方向不变；否则原样不动。
# 返回新数组的列表，以及裁剪之前的范数，它值得记进日志。

# %%
def clip_gradient(grads, max_norm):
    """grads: a list of arrays, together the gradient of a model -> the list of clipped arrays, the norm before."""

# %%
check("clip_gradient", clip_gradient)

# %% [markdown]
# 它有什么用？偶尔会有一个批次与众不同：一张全是零的表，一页编码错了的文字。这里故意弄坏三个批次（目标全为词元 0），
# 优化器用带动量的 SGD，它的步长与梯度成正比。**先猜：有上限 1 和没有上限，坏批次之后损失各是多少？
# 换成 Adam，还那么需要这个上限吗？**

# %%
steps = 80 if quick else 200
spoil = tuple(range(steps // 2, steps // 2 + 3))
figure, (upper, lower) = plt.subplots(2, 1, figsize=(7, 4.4), sharex=True)
for limit, color in ((math.inf, "tab:orange"), (1.0, "tab:blue")):
    losses, norms, _ = run(lambda model: SGD(model, momentum=0.9), constant(0.1), steps, limit, spoil=spoil)
    name = "no limit" if math.isinf(limit) else f"limit {limit:g}"
    upper.plot(losses, color=color, label=name)
    lower.semilogy(norms, color=color, label=name)
for axes in (upper, lower):
    axes.axvspan(spoil[0], spoil[-1], color="lightgray")
upper.set(ylabel="training loss", title="Three spoiled batches (gray)")
upper.legend()
lower.axhline(1.0, color="black", linestyle=":")
lower.set(xlabel="step", ylabel="gradient norm, before clipping")
plt.show()

# %% [markdown]
# 没有上限时，三个批次就毁掉了一百个批次学到的东西，而且再也没有恢复：速度把权重带到了很远的地方。
# 有了上限，一步最长不过上限的 η / (1 - μ) 倍，十来步之后损失就回到了原处。
# 坏批次出现之前，上限很少起作用，两条曲线几乎一样。
#
# Adam 的步长本来就有界。但它的 v 会把一个巨大的梯度记住大约 1 / (1 - β2) 步，其间所有的梯度都要除以它，
# 所以用 Adam 时通常也裁剪。
#
# ## 权重衰减：有和没有
#
# AdamW 先把每个矩阵乘以 1 - η λ，再走 Adam 的一步。看起来，把 λ θ 加到梯度里也是一回事。
# **设有两个权重，都是 1，一个的梯度是 ±10，另一个是 ±0.1。用这两种办法，哪个权重衰减得快？**

# %%
backend.use("numpy", "float64")


class Matrix(Module):
    """Like Point, but a matrix: vectors don't decay."""

    def __init__(self):
        self.w = Parameter(np.ones((1, 2)))
        self.pack()


ways = {"Adam, decay in the gradient": (Adam, 0.3), "AdamW, decay apart": (lambda m: AdamW(m, weight_decay=0.3), 0.0)}
figure, panels = plt.subplots(1, 2, figsize=(7, 3), sharey=True)
for axes, (name, (make, in_gradient)) in zip(panels, ways.items()):
    matrix = Matrix()
    optimizer, rng, seen = make(matrix), np.random.default_rng(0), []
    for _ in range(1500):
        matrix.w.grad[...] = rng.choice([-1, 1], 2) * [10, 0.1] + in_gradient * matrix.w.data
        optimizer.step(0.001)
        seen.append(matrix.w.data[0].copy())
    axes.plot(seen, label=["gradients of 10", "gradients of 0.1"])
    axes.plot((1 - 0.001 * 0.3) ** np.arange(1500), color="black", linestyle=":", label="(1 - eta lambda)^t")
    axes.set(xlabel="step", title=name)
panels[0].set_ylabel("weight")
panels[0].legend(fontsize=8)
plt.show()

# %% [markdown]
# 在 Adam 里，加进梯度的东西也要除以梯度的大小：梯度大的权重几乎感觉不到衰减，梯度小的则失去了大半。
# 与梯度分开之后，两者以同样的速率衰减，剩下的只是各步的噪声。
#
# 在 GPT 上，作用体现为矩阵的大小，而且是慢慢体现出来的：**下面哪一次训练在训练文本上最好？
# 哪一次在没见过的文本上最好？** 训练文本只留几页，这样它背得下来。

# %%
backend.use("numpy", "float32")
steps = 60 if quick else 400
every, all_tokens = max(steps // 10, 1), train_tokens
train_tokens = all_tokens[:4000]  # what run() reads
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.4))
for decay, color in ((0.0, "#E69F00"), (1.0, "#0072B2"), (3.0, "#009E73")):
    model, rows = GPT(shape, seed=0), []
    optimizer = AdamW(model, beta2=0.99, weight_decay=decay)
    for step in range(steps + 1):
        if step % every == 0:
            size = math.sqrt(sum(float((p.data**2).sum()) for p in model.parameters().values() if p.data.ndim == 2))
            rows.append((step, size, mean_loss(model, train_tokens, 16), mean_loss(model, validation_tokens, 16)))
        ids, targets = training_batch(train_tokens, 16, shape.context_length, seed=0, step=step)
        loss, saved = model.forward(ids, targets)
        model.zero_grad()
        model.backward(saved)
        optim.clip_gradient(model, 1.0)
        optimizer.step(1e-2)
    at, size, seen, unseen = np.array(rows).T
    left.plot(at, size, "o-", markersize=3, color=color, label=f"lambda = {decay:g}")
    right.plot(at, seen, "--", color=color)
    right.plot(at, unseen, "-", color=color, label=f"lambda = {decay:g}: best {unseen.min():.2f}")
train_tokens = all_tokens
left.set(xlabel="step", ylabel="length of all matrices", title="Decay holds the weights down")
left.legend(fontsize=8)
right.set(xlabel="step", ylabel="loss", title="solid: unseen text, dashed: seen")
right.legend(fontsize=8)
plt.show()

# %% [markdown]
# 没有衰减，矩阵就不停地变大。训练文本被背了下来，而在没见过的文本上，同一个模型从最初一百步起就越来越差。
# 有了衰减，矩阵停在向内拉与向外推相平衡的大小；训练文本上的损失因此高一些，没见过的文本上则更低。
# （λ = 3 很大，这是因为文本很短，又反复读了许多遍。只读一两遍的文本通常取 0.1。）
#
# ## 学习率的安排：结尾也很重要
#
# 一个批次的梯度等于真正的梯度加上噪声。学习率不变，权重就一直在谷底附近跳动，噪声一步能推多远，它就跳多远。
# 所以最后应当把学习率降下来。手算带预热的余弦：共 10 步，其中 2 步预热，从 1 降到 0.1。**哪一步最高？
# 最后一步是多少？**

# %%
schedule = Schedule("cosine", peak=1.0, steps=10, warmup=2, final=0.1)
for step in range(10):
    if step < 2:
        rate = (step + 1) / 2
    else:
        progress = (step - 2 + 1) / (10 - 2)
        rate = 0.1 + 0.9 * (1 + math.cos(math.pi * progress)) / 2
    print(f"step {step}: by hand {rate:.4f}  the library {schedule(step):.4f}")

# %% [markdown]
# ### 练习：cosine_schedule
#
# 前 warmup 步沿直线上升：peak (step + 1) / warmup，所以第一步不是 0，
# 最后一步恰好是峰值。之后的各步沿半个余弦下降：
# final + (peak - final) (1 + cos(π p)) / 2，
# 其中 p 是预热之后的步数中已完成的比例，包括这一步：最后一步 p = 1，学习率为 final。
# 返回所有步的学习率。

# %%
def cosine_schedule(steps, peak, warmup, final):
    """The learning rates of the steps 0 .. steps - 1, an array: rates (N,) with N = steps."""

# %%
check("cosine_schedule", cosine_schedule)

# %%
backend.use("numpy", "float64")
steps, rng = 400, np.random.default_rng(0)
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.4))
colors = {"constant": "#E69F00", "inverse_sqrt": "#CC79A7", "linear": "#009E73", "cosine": "#0072B2"}
for kind, color in colors.items():
    schedule = Schedule(kind, 0.3, steps, warmup=steps // 10, final=0.003)
    bowls, distances = Point(np.full(500, 3.0)), []
    optimizer = SGD(bowls)
    for step in range(steps):
        bowls.w.grad[...] = bowls.w.data + rng.standard_normal(500)  # the true gradient, and a batch's noise
        optimizer.step(schedule(step))
        distances.append(math.sqrt(float((bowls.w.data**2).mean())))
    left.plot([schedule(step) for step in range(steps)], color=color, label=kind)
    right.semilogy(distances, color=color, label=f"{kind}: {distances[-1]:.2f} at the end")
left.set(xlabel="step", ylabel="learning rate", title="Four schedules with warm-up")
left.legend(fontsize=8)
right.set(xlabel="step", ylabel="distance from the bottom", title="In a bowl, with noisy gradients")
right.legend(fontsize=8)
plt.show()

backend.use("numpy", "float32")
steps = 60 if quick else 300
for kind in ("constant", "cosine", "inverse_sqrt"):
    schedule = Schedule(kind, 1e-2, steps, warmup=steps // 10, final=5e-4)
    losses, _, model = run(lambda model: AdamW(model, beta2=0.99, weight_decay=0.1), schedule, steps, clip=1.0)
    unseen = mean_loss(model, validation_tokens, 16)
    print(f"the GPT, {kind:12}: training {losses[-20:].mean():.3f}, unseen text {unseen:.3f}")

# %% [markdown]
# 在碗里，学习率不变的那条线从第 50 步起就停滞不前；其余几条更接近谷底，学习率降得越低，离得越近。
# 那么 GPT 呢？几百步之后各个数相差不多，学习率不变也并不差：这次训练离任何谷底都还远，
# 它缺的是走过的路程，而不是平静的结尾。学习率的安排要与整个训练的长度相配：
# 训练长到受噪声限制时，它才见效。
#
# ## 学到了什么
#
# - 最陡的方向限制了学习率；动量把各步一致的部分加起来；Adam 让每个权重每步移动约 η。
# - 从 0 开始的平均值要除以 1 - β^t；权重衰减与梯度分开做，而且只作用于矩阵。
# - 预热照看开头，裁剪对付个别坏批次，降低学习率照看结尾。
#
# **下一章：** [10 · 生成](10_generate.ipynb)：模型训练好了。词元上的一个分布怎样变成一段文字？
