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
# # 02 · 语言模型是条件分布
# <!-- english: 216ed523a57b -->
#
# **本章的问题：** 语言模型究竟是什么？怎样用一个数说出它有多好？这个数又怎样告诉模型该往哪里走？
#
# 运行时间：两个 CPU 核上约 12 秒；需要先读 [00](00_backend.ipynb) 和 [01](01_bpe.ipynb)；
# 研读的源代码：[softmax.py](../../minigpt/layers/softmax.py)、
# [cross_entropy.py](../../minigpt/layers/cross_entropy.py)；
# 文档：[softmax.md](../../docs/zh/layers/softmax.md) 和 [cross_entropy.md](../../docs/zh/layers/cross_entropy.md)。
#
# [在 Colab 中打开](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/zh/02_cross_entropy.ipynb)

# %%
import sys

if "google.colab" in sys.modules:  # Colab has NumPy, CuPy and matplotlib already: nothing of them is installed again
    # %pip install -q --no-deps git+https://github.com/OWNER/minigpt
    # %pip install -q regex safetensors tqdm threadpoolctl
    print("minigpt is installed")

# %%
import math
import os
from collections import Counter
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np

from minigpt import backend
from minigpt.corpora import find_sources
from minigpt.gradient_check import numeric_gradient
from minigpt.layers.cross_entropy import cross_entropy_backward, cross_entropy_forward
from minigpt.layers.embedding import Embedding
from minigpt.layers.softmax import softmax_backward, softmax_forward
from minigpt.optim import SGD, AdamW, Schedule
from minigpt.sampling import sample
from minigpt.text.base import printable
from minigpt.text.characters import CharacterTokenizer

quick = bool(os.environ.get("MINIGPT_QUICK"))  # fewer steps of training, the rest unchanged
backend.use("numpy", "float64")
np.set_printoptions(precision=4, suppress=True)
plt.style.use("tableau-colorblind10")
plt.rcParams.update({"figure.figsize": (7, 3.2), "figure.constrained_layout.use": True})

# %% [markdown]
# ## 1 · 一个词元接一个词元
#
# 语言模型给每段文本一个概率。文本太多了，不可能列表，所以一步一步来。
# 由条件概率的定义，不需要任何假设，就有
#
# $$
# p(t_1, t_2, \dots, t_n) = p(t_1)\; p(t_2 \mid t_1)\; p(t_3 \mid t_1, t_2) \cdots p(t_n \mid t_1, \dots, t_{n-1})
# $$
#
# 所以，语言模型*就是*一条规则：把前文变成下一个词元的分布，即 V 个非负的、和为 1 的数。
# GPT 就是这样一条规则。够格叫这个名字的最简单的规则只往回看一个词元，叫**二元模型**（bigram），数一数就能得到。
#
# **先猜：** 在 `abracadabra` 里，`a` 后面跟的是什么？各几次？概率各是多少？

# %%
text = "abracadabra"
small = CharacterTokenizer.train([text])
ids = np.array(small.encode(text))
V = small.vocab_size
print("tokens", small.tokens, " ids", ids)
pairs = Counter(pairwise(text))
after_a = {right: n for (left, right), n in pairs.items() if left == "a"}
total = sum(after_a.values())
print("after a:", after_a, "->", {right: f"{n}/{total}" for right, n in after_a.items()})

# %% [markdown]
# 最后一个 `a` 后面没有东西：十一个字母，十对。
#
# ### 练习：bigram_table
#
# 一次做完所有字母：n_ij 是词元 j 紧跟在词元 i 之后的次数，每一行除以这一行的和。
# 先给每个次数加上一点点 k，让任何一对都不是不可能的，这叫**平滑**（smoothing）。一次也没数到的行会怎样？

# %%
def my_bigram_table(ids, vocab_size, k):
    """ids (T,) -> p (V, V): in row i the probabilities of what follows token i."""

# %%
from minigpt.learn import check

check("bigram_table", my_bigram_table)

# %% [markdown]
# 在真实文本上也一样。文本是 Python 的语言参考手册，每十行留出一行，当作没见过的文本。
# `bincount` 把一对 (i, j) 当作数 i V + j 来数。
#
# 看图之前**先猜**：`q` 那一行，深色的格子在哪里？哪些字母后面最常跟空格？哪几行在 `e` 列颜色最深？

# %%
lines = find_sources(["pydoc"])[0].content.decode("utf-8").splitlines(keepends=True)
seen_text, unseen_text = "".join(line for i, line in enumerate(lines, 1) if i % 10), "".join(lines[9::10])
tokenizer = CharacterTokenizer.train([seen_text], unknown="<unk>")  # the unseen tenth may have other characters
V = tokenizer.vocab_size
seen, unseen = np.array(tokenizer.encode(seen_text)), np.array(tokenizer.encode(unseen_text))
counts = np.bincount(seen[:-1] * V + seen[1:], minlength=V * V).reshape(V, V)  # (V, V)
print(f"V = {V}; {len(seen):,} tokens seen; {np.count_nonzero(counts):,} of {V * V:,} pairs occur")

letters = " abcdefghijklmnopqrstuvwxyz"
shown = tokenizer.encode(letters)
table = counts[shown] / counts[shown].sum(axis=1, keepdims=True)
figure, axes = plt.subplots(figsize=(7, 5.6))
picture = axes.imshow(table[:, shown], cmap="Blues", vmin=0, vmax=0.6)
axes.set_xticks(range(27), ["_", *letters[1:]], family="monospace")
axes.set_yticks(range(27), ["_", *letters[1:]], family="monospace")
axes.set(xlabel="the next character (_ is a space)", ylabel="the character before",
         title="p(next | before), counted: each row is a distribution")
axes.tick_params(length=0)
figure.colorbar(picture, label="probability", shrink=0.8, extend="max")
plt.show()

# %% [markdown]
# ## 2 · 模型有多好？
#
# 后来出现的那个词元，模型事先说它的概率是 p。p 为 1，毫不意外；p 很小，大吃一惊。
# **意外程度**（surprise）就是 -ln p，单位是**奈特**（nat）：概率相乘，意外程度就相加。
# 对一段文本的所有词元取平均，就是**损失**（loss）。
#
# **先猜：** p = 1、1/2、1/e、0 时，意外程度各是多少？

# %%
with backend.quiet():
    print("-ln p of 1, 1/2, 1/e, 0:", np.log(1 / np.array([1, 1 / 2, 1 / math.e, 0])))  # -ln p = ln 1/p

p = np.bincount(ids[:-1] * 5 + ids[1:], minlength=25).reshape(5, 5) + 0.0
p /= p.sum(axis=1, keepdims=True)
print("the table of abracadabra:\n", p)
surprises = [math.log(1 / p[i, j]) for i, j in pairwise(ids)]
for (left, right), surprise in list(zip(pairwise(text), surprises))[:4]:
    print(f"p({right} | {left}) = {p[small.encode(left)[0], small.encode(right)[0]]:.2f}   surprise {surprise:.4f}")
loss = sum(surprises) / len(surprises)
print(f"loss: {sum(surprises):.4f} / {len(surprises)} = {loss:.4f} nats a token, perplexity {math.exp(loss):.4f}")
with backend.quiet():
    from_library, _ = cross_entropy_forward(np.log(p)[ids[:-1]], ids[1:])
print("the library:", from_library)

# %% [markdown]
# 库里的 `cross_entropy_forward` 要的是 **logits**，即 softmax 之前的分数。
# 我们给它 ln p，而 softmax(ln p) = p。
#
# **困惑度**（perplexity）是 exp(损失)：模型的不确定，相当于在多少个等可能的词元之间犹豫。
# 这样就能和瞎猜比较：V 个词元里瞎猜，损失是 ln V，困惑度是 V。
# 损失除以 ln 2，再摊到字符上而不是词元上，就是**每字符比特数**（bits per character）；
# 用不同分词器的模型，可以用它来比较。
#
# ### 练习：perplexity
#
# 已知模型给一段文本各个词元的概率的对数，求困惑度和每字符比特数。（第 00 章做过的话，直接往下读。）

# %%
def my_perplexity(log_p, characters):
    """log_p (...), natural logarithms of each token's probability -> perplexity, bits per character."""

# %%
from minigpt.learn import check

check("perplexity", my_perplexity)

# %% [markdown]
# ## 3 · 熵、交叉熵，以及两者之差
#
# 为什么 -ln p 是恰当的尺度？设下一个词元的真实分布是 q，模型说的是 p。
# 字母与源代码一致：**q 是真实，p 是模型**（许多书写成 H(p, q)，其中 p 是真实）。平均意外程度是
#
# $$
# H(q, p) = -\sum_v q_v \ln p_v \quad\text{(cross-entropy)}
# $$
#
# $$
# H(q) = -\sum_v q_v \ln q_v \quad\text{(entropy)}
# $$
#
# $$
# \mathrm{KL}(q \,\|\, p) = \sum_v q_v \ln \frac{q_v}{p_v} = H(q, p) - H(q) \;\ge\; 0
# $$
#
# 三行依次是**交叉熵**（cross-entropy）、**熵**（entropy，知道真相的人的平均意外程度）
# 和 **KL 散度**（Kullback-Leibler divergence，因为不知道真相而多付的部分）。
# KL 散度从不为负，所以交叉熵是公正的裁判：如实说出自己相信的分布，才最划算；模型再好，损失也低不过文本本身的熵。
#
# **先猜：** 一枚硬币，四次里有三次是正面。模型说 1/2，损失是多少？改说 3/4，是好是坏？这时损失是 0 吗？

# %%
q = np.array([0.75, 0.25])
entropy = -(q * np.log(q)).sum()
for first in (0.5, 0.75, 0.95):
    p = np.array([first, 1 - first])
    cross, kl = -(q * np.log(p)).sum(), (q * np.log(q / p)).sum()
    print(f"p = {p}   H(q, p) {cross:.4f} = H(q) {entropy:.4f} + KL {kl:.4f}")

grid = np.linspace(0.01, 0.99, 200)
cross = -(q[0] * np.log(grid) + q[1] * np.log(1 - grid))
figure, axes = plt.subplots()
axes.plot(grid, cross, label="cross-entropy H(q, p)")
axes.axhline(entropy, color="black", linestyle="--", label="entropy H(q)")
axes.fill_between(grid, entropy, cross, alpha=0.2, label="KL: the price of a wrong belief")
axes.axvline(0.75, color="gray", linestyle=":")
axes.set(xlabel="what the model says about heads (the truth is 0.75)", ylabel="nats", ylim=(0, 2),
         title="nothing beats the truth, and the truth isn't free")
axes.legend()
plt.show()

# %% [markdown]
# ## 4 · 数出来的模型，用在真实文本上
#
# **一元模型**（unigram）不看前文，二元模型往回看一个词元，**三元模型**（trigram）看两个。
# 在见过的文本上数出这三种，加上一点 k，再在两段文本上测量。
#
# **先猜：**（一）在 V 个字符里瞎猜，损失大约是多少？（二）对数过的那段文本，k 取多少最好？
# （三）对没见过的文本，也一样吗？

# %%
def ngram_counts(ids, n):
    """Row: the n - 1 tokens before, read as one number; column: the next token."""
    rows = sum(ids[i:len(ids) - n + 1 + i] * V ** (n - 2 - i) for i in range(n - 1)) + np.zeros(len(ids) - n + 1, int)
    return rows, ids[n - 1:], np.bincount(rows * V + ids[n - 1:], minlength=V**n).reshape(-1, V)


def ngram_loss(ids, n, counted, k):
    rows, targets, _ = ngram_counts(ids, n)
    return -np.log((counted[rows, targets] + k) / (counted.sum(axis=1)[rows] + k * V)).mean()


names = {1: "unigram", 2: "bigram", 3: "trigram"}
ks = np.logspace(-4, 2, 25)
figure, axes = plt.subplots(figsize=(7, 3.8))
axes.axhline(math.log(V), color="gray", linestyle=":", label=f"guessing: ln {V}")
print(f"guessing          {math.log(V):.4f} nats")
for n, colour in zip(names, ("#c85200", "#5f9ed1", "#006ba4")):
    counted = ngram_counts(seen, n)[2]
    on_seen, on_unseen = ([ngram_loss(text, n, counted, k) for k in ks] for text in (seen, unseen))
    best = int(np.argmin(on_unseen))
    axes.semilogx(ks, on_unseen, "-", color=colour, label=f"{names[n]}, unseen text")
    axes.semilogx(ks, on_seen, "--", color=colour, label=f"{names[n]}, seen text")
    axes.plot(ks[best], on_unseen[best], "o", color=colour)
    loss, empty = on_unseen[best], (counted.sum(axis=1) == 0).mean()
    print(f"{names[n]:8} k = {ks[best]:<7.2g} {loss:.4f} nats on unseen text = {loss / math.log(2):.3f} bits per "
          f"character, perplexity {math.exp(loss):5.2f}; rows never seen {empty:.0%}")
axes.set(xlabel="k added to each count", ylabel="loss (nats per character)", ylim=(1.5, 5.6),
         title="the text that was counted wants no smoothing, new text does (dot: best)")
axes.grid(alpha=0.3)
axes.legend(fontsize=7, ncols=2, loc="upper left")
plt.show()

# %% [markdown]
# 要看的是曲线的形状；两段文本之间相差一点点，也可能只是其中一段碰巧容易些。
#
# 前文长一点有好处，也有代价：三元模型有 V² 行，大多数从没见过；往回看十个词元，表就有 V¹⁰ 行。
# 所以数数到此为止，从这里开始，要用在不同前文之间*共享*参数的模型。
# （README 里的 GPT 训练两分钟后，在这类文本上大约是每字符 1.7 比特。）
#
# ## 5 · softmax：把任意的数变成分布
#
# 会学习的模型，它的数必须能自由地沿着斜率移动。概率可不自由：不能为负，和必须是 1。
# 所以模型里的数是分数，叫 **logits**，记作 z，由 **softmax** 变成分布：
#
# $$
# p_v = \frac{e^{z_v}}{\sum_j e^{z_j}}
# $$
#
# **先猜：** z = (2, 1, 0)，e ≈ 2.718，手算 p 到两位小数。三个数都加 100，会有什么变化？exp(1000) 呢？

# %%
z = np.array([[2.0, 1.0, 0.0]])
e = [math.exp(number) for number in z[0]]
print("exp:", e, " sum:", sum(e))
print("by hand:  ", [number / sum(e) for number in e])
print("library:  ", softmax_forward(z)[0])
print("plus 100: ", softmax_forward(z + 100)[0])
print("plus 1000:", softmax_forward(z + 1000)[0])
with backend.quiet():
    print("naively:  ", np.exp(z + 1000) / np.exp(z + 1000).sum())

# %% [markdown]
# 起作用的只是 logits 之差，所以库里先减去该行的最大值，exp 就决不会上溢。
#
# ### 练习：softmax
#
# 反向要难一些：每个 p 都依赖于这一行的每个 z。先分 i = j 和 i ≠ j 两种情形，算出 ∂p_j/∂z_i。

# %%
def my_softmax_forward(x):
    """x (..., N) -> y (..., N), rows that add up to 1; and saved, a tuple of what backward will need."""


def my_softmax_backward(dy, saved):
    """dy (..., N) -> dx (..., N)."""

# %%
from minigpt.learn import check

check("softmax", my_softmax_forward, my_softmax_backward)

# %% [markdown]
# ## 6 · softmax 与交叉熵合在一起：最简单的梯度
#
# 一行 logits，目标是 t，损失为 -ln p_t = -z_t + ln Σ_j exp(z_j)。它对 z_i 的斜率是：
#
# $$
# \frac{\partial}{\partial z_i}\Bigl(-z_t + \ln \sum_j e^{z_j}\Bigr)
# = -[i = t] + \frac{e^{z_i}}{\sum_j e^{z_j}} = p_i - q_i
# $$
#
# 其中 q 是在目标处为 1 的分布。模型说的，减去正确的。
#
# **先猜：** z = (2, 1, 0)，目标为 1，由上面的 p 写出这三个数。*逆着*梯度走，哪个 logit 会被推高？三个数的和是多少？

# %%
target = np.array([1])
loss, saved = cross_entropy_forward(z, target)
dz = cross_entropy_backward(1.0, saved)
p, _ = softmax_forward(z)
print(f"loss {loss:.6f}, by hand -ln p_1 = {-math.log(p[0, 1]):.6f}")
print("dz     ", dz, " sum", dz.sum())
print("p - q  ", p - np.eye(3)[target])
print("slopes ", numeric_gradient(lambda: cross_entropy_forward(z, target)[0], z))
dp = -np.eye(3)[target] / p  # the slope of -ln p_t by p, then back through softmax: the same, in two steps
print("in two ", softmax_backward(dp, softmax_forward(z)[1]))

# %% [markdown]
# ### 练习：cross_entropy
#
# 写出前向和反向，行数任意。目标为 -100 的行不计入：既不进入求和，也不进入除数。
# 始终保留对数形式：舍入成 0 的概率没有对数。

# %%
def my_cross_entropy_forward(logits, targets):
    """logits (..., V), targets (...) integers, -100 where not counted -> mean loss in nats, and saved, a tuple."""


def my_cross_entropy_backward(dy, saved):
    """dy, a number -> dlogits (..., V)."""

# %%
from minigpt.learn import check

check("cross_entropy", my_cross_entropy_forward, my_cross_entropy_backward)

# %% [markdown]
# ## 7 · 最小的神经模型
#
# 现在让一张表自己*学会*我们数出来的东西。模型是一张 logits 的表 W，形状 (V, V)，每个词元一行。
# 查出当前词元的那一行，做 softmax，就是下一个词元的分布。
# 它从零开始，此时所有词元等可能。查表用库里的 `Embedding`，梯度进入被查的那一行。
#
# **先猜：**（一）开始时的损失；（二）在它所学的文本上，任何这样的表都低不过的损失；（三）每一行概率最终停在哪里。
#
# （三）的提示：前一个词元是 i 的那些位置，共用第 i 行。
# p - q 在这些位置上的平均为零，当且仅当 p 等于这些 q 的平均，也就是数出来的比例。

# %%
row_sums = counts.sum(axis=1, keepdims=True)
q_counted = counts / np.maximum(row_sums, 1)  # (V, V), without smoothing: the best there is on the seen text
occurring = counts > 0
limit = -(counts[occurring] * np.log(q_counted[occurring])).sum() / counts.sum()
unigram = np.bincount(seen, minlength=V) / len(seen)
unigram_limit = -(unigram[unigram > 0] * np.log(unigram[unigram > 0])).sum()


def exact_loss(w):
    """The table's loss on the whole of the seen text, from the counts: one look at V rows instead of at all tokens."""
    z = w.astype("float64")
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -(counts * log_p).sum() / counts.sum()


def train(optimizer_class, peak, steps, **options):
    """A fresh table, batches of 4,096 random places of the seen text, the loss on all of it now and then."""
    with backend.using("numpy", "float32"):
        model = Embedding(V, V, backend.generator(0), std=0.0)
        model.pack()
        optimizer, schedule = optimizer_class(model, **options), Schedule("cosine", peak, steps)
        record, looks = [(0, exact_loss(model.w.data))], set(np.logspace(0, math.log10(steps), 60).astype(int))
        for step in range(steps):
            places = backend.generator(0, backend.BATCHES, step).integers(0, len(seen) - 1, 4096)
            logits, saved = model.forward(seen[places])  # (N, V)
            loss, loss_saved = cross_entropy_forward(logits, seen[places + 1])
            model.zero_grad()
            model.backward(cross_entropy_backward(1.0, loss_saved), saved)
            optimizer.step(schedule(step))
            if step + 1 in looks:
                record.append((step + 1, exact_loss(model.w.data)))
        return model, np.array(record)


steps = 200 if quick else 1000
sgd_table, sgd_record = train(SGD, 20.0, steps)
adam_table, adam_record = train(AdamW, 0.1, steps, weight_decay=0.0)
print(f"start {sgd_record[0, 1]:.4f} = ln {V} = {math.log(V):.4f}; counted limit {limit:.4f}")
print(f"after {steps} steps: SGD {sgd_record[-1, 1]:.4f}, AdamW {adam_record[-1, 1]:.4f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.6))
for record, name, style in ((sgd_record, "SGD", "-"), (adam_record, "AdamW", "--")):
    left.plot(record[:, 0] + 1, record[:, 1], style, label=name)
    right.loglog(record[:, 0] + 1, record[:, 1] - limit, style, label=name)
for level, name, style in ((math.log(V), "ln V", ":"), (unigram_limit, "unigram, counted", "-."),
                           (limit, "bigram, counted", "-")):
    left.axhline(level, color="gray", linestyle=style, linewidth=1)
    left.text(1, level + 0.04, name, fontsize=8)
left.set(xscale="log", ylim=(2.3, 5), xlabel="step + 1", ylabel="loss on the seen text (nats)",
         title="the loss falls to the counted one")
right.set(xlabel="step + 1", ylabel="loss - counted limit (nats)", title="how far is it still?")
for ax in (left, right):
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8)
plt.show()

# %% [markdown]
# 损失起初降得很快，然后慢慢降向数出来的极限，从不低于它。AdamW 已经离它很近。
# 普通的梯度下降（SGD）被罕见的行拖住：一行的梯度按它的词元出现的频率加权，
# 如果一个词元只占文本的万分之一，它那一行的移动就比满篇都是它的时候慢一万倍。
# AdamW 把这个因素除掉了；第 09 章会讲它怎么做。
#
# 得到的是同一张*表*吗？下图每个点是一个概率：横轴是数出来的，纵轴是学出来的。
# **先猜**常见词元和罕见词元的点各在哪里。

# %%
figure, panels = plt.subplots(1, 2, figsize=(7, 3.7), sharey=True)
common = (row_sums > 1000) & occurring
scarce = (row_sums <= 100) & occurring
for ax, model, name in zip(panels, (sgd_table, adam_table), ("SGD", "AdamW")):
    learned, _ = softmax_forward(model.w.data.astype("float64"))
    for which, label, marker, colour in ((scarce, "row seen 100 times or less", "x", "#c85200"),
                                         (common, "row seen over 1,000 times", ".", "#006ba4")):
        ax.loglog(q_counted[which], learned[which], marker, markersize=3.5, color=colour, alpha=0.6, label=label)
    ax.plot([1e-5, 1], [1e-5, 1], color="black", linewidth=0.8)
    ax.set(xlabel="probability, counted", title=name)
    worst = np.abs(learned - q_counted)[(row_sums > 1000).ravel()].max()
    print(f"{name}: frequent rows are wrong by at most {worst:.3f}")
panels[0].set_ylabel("probability, learned")
panels[0].legend(fontsize=7, markerscale=2)
figure.suptitle("what was learned against what was counted")
plt.show()

# %% [markdown]
# SGD 的叉大多还停在 1/V 附近，一切开始的地方：那些行几乎没有动过。
#
# ## 8 · 让它写
#
# 会预测下一个词元，就会写：从分布里抽一个词元，接在后面，再问下一个。
#
# **先猜：** 下面哪几个会写出词来？哪几个词长像样？

# %%
rng = backend.generator(3, backend.SAMPLING)


def write(distribution, length=150):
    """Sample `length` characters; distribution: the ids so far -> probabilities (V,)."""
    ids = tokenizer.encode("th")
    for _ in range(length):
        ids.append(sample(distribution(ids), rng))
    return "".join(tokenizer.tokens[i] for i in ids).replace(printable(" "), " ")


learned, _ = softmax_forward(adam_table.w.data.astype("float64"))
trigrams = ngram_counts(seen, 3)[2] + 0.001
for name, distribution in (("guessing", lambda ids: np.full(V, 1 / V)),
                           ("unigram", lambda ids: unigram),
                           ("bigram, counted", lambda ids: q_counted[ids[-1]]),
                           ("bigram, learned", lambda ids: learned[ids[-1]]),
                           ("trigram, counted", lambda ids: trigrams[ids[-2] * V + ids[-1]])):
    print(f"{name:17}| {write(distribution)}\n")

# %% [markdown]
# 瞎猜两样都没有；一元模型里各个字母的比例对了，空格却乱放。学出来的二元模型，写得和数出来的一样：
# 目光短浅，字母对像模像样，长短也像词，却几乎没有真正的词。三元模型有一些短词，以及长词的开头和结尾。
# GPT 与它不同的，只是怎样把前文变成 logits。损失、softmax、顶端的梯度和抽样，都和这里一模一样。
#
# ## 学到了什么
#
# * 语言模型就是 p(下一个 | 前文)；损失是 -ln p 的平均，低不过熵。
# * softmax 加交叉熵的梯度是 p - q：模型说的，减去正确的。
# * 用梯度下降训练的表，走向的就是数出来的表；这门课余下的内容，是更好地利用前文。
#
# **下一章：** [03 · 手写反向传播](03_linear.ipynb)：logits 由别的数算出来，梯度怎样穿过它们走回去。
