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
# # 13 · 第一个神经语言模型
# <!-- english: 73d987437c0b -->
#
# **问题。** 计数表对没见过的上文一无所知。“猫在走”对它预测“狗在走”毫无帮助。怎样才能让从一句话学到的东西，
# 帮到所有与它相像的句子？
#
# 运行时间：两个 CPU 核上约 12 秒；先读 [04](04_embedding.ipynb)、[06](06_attention.ipynb) 和
# [08](08_gpt.ipynb)；要研究的源代码：[neural_ngram.py](../../minigpt/models/neural_ngram.py)，文档
# [neural_ngram](../../docs/zh/models/neural_ngram.md)。
#
# [在 Colab 中打开](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/zh/13_neural_ngram.ipynb)

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
from minigpt.cases import CASES, check_case
from minigpt.corpora import find_sources
from minigpt.data import training_batch
from minigpt.evaluate import mean_loss
from minigpt.generate import generate
from minigpt.layers.cross_entropy import cross_entropy_forward
from minigpt.layers.softmax import softmax_forward
from minigpt.models.neural_ngram import (
    EmbeddingAttentionDense,
    EmbeddingDense,
    NeuralNgram,
    NeuralNgramConfig,
    windows_of,
)
from minigpt.models.word_vectors import WordVectors
from minigpt.optim import Adam
from minigpt.text.characters import CharacterTokenizer

quick = bool(os.environ.get("MINIGPT_QUICK"))
backend.use("numpy", "float64")
np.set_printoptions(precision=4, suppress=True)
plt.rcParams.update({"figure.dpi": 100, "figure.constrained_layout.use": True})


def descend(model, batch, steps, rate):
    """Adam, the learning rate rising for 20 steps and then falling in a line; batch(step) -> ids, targets."""
    optimizer, losses = Adam(model), []
    for step in range(steps):
        loss, saved = model.forward(*batch(step))
        model.zero_grad()
        model.backward(saved)
        optimizer.step(rate * min(1, (step + 1) / 20) * (1 - 0.9 * step / steps))
        losses.append(float(loss))
    return losses

# %% [markdown]
# ## 1 · 计数做不到的事
#
# 六种动物，六种动作，句子是“the 动物 动作”。兽类做其中三种，鸟类做另外三种。
# 每种动物只和它三种动作中的两种一起出现过。第三种的概率是多少？
#
# **先猜一猜**：计数表怎么看从未出现的一对？你又怎么看？

# %%
animals = ["cat", "dog", "horse", "robin", "gull", "hawk"]
verbs = ["walks", "runs", "eats", "flies", "sings", "nests"]
words = ["the", *animals, *verbs]
unseen = [(a, 3 * (a // 3) + a % 3) for a in range(6)]  # cat-walks, dog-runs, horse-eats, robin-flies, ...
seen = [(a, v) for a in range(6) for v in range(6) if a // 3 == v // 3 and (a, v) not in unseen]
ids = np.array([[0, 1 + a] for a, v in seen])  # (B, T): "the", animal
targets = np.array([[1 + a, 7 + v] for a, v in seen])  # animal, verb

counts = np.zeros((6, 6))
for a, v in seen:
    counts[a, v] += 1
table = counts / counts.sum(axis=1, keepdims=True)

shape = dict(vocab_size=len(words), context_length=2, window=2, d_model=2, d_ff=6)
guesses = np.zeros((6, 6))
for seed in range(10):  # ten networks, each from other first weights, and their mean
    model = NeuralNgram(NeuralNgramConfig(**shape), seed)
    descend(model, lambda step: (ids, targets), 60, 0.05)
    z = model(np.array([[0, 1 + a] for a in range(6)]))[:, -1]
    guesses += softmax_forward(z)[0][:, 7:] / 10

figure, axes = plt.subplots(1, 2, figsize=(8, 3.6))
titles = ("counted: 0 where never seen", "neural: never seen, not impossible")
for place, p, title in zip(axes, (table, guesses), titles):
    place.imshow(p, cmap="Blues", vmin=0, vmax=0.6)
    place.set_title("p(verb | animal), " + title, fontsize=9)
    place.set_xticks(range(6), verbs, fontsize=8, rotation=30)
    place.set_yticks(range(6), animals, fontsize=8)
    for a in range(6):
        for v in range(6):
            place.text(v, a, f"{p[a, v]:.2f}", ha="center", va="center", fontsize=8,
                       color="white" if p[a, v] > 0.35 else "black",
                       fontweight="bold" if (a, v) in unseen else None)
plt.show()
same = np.mean([guesses[pair] for pair in unseen])
other = np.mean([guesses[a, v] for a in range(6) for v in range(6) if a // 3 != v // 3])
print(f"never seen: with a verb of its own kind {same:.3f}, with one of the other kind {other:.3f}")

# %% [markdown]
# 两类词对出现的次数一样多：都是零次。网络却分得清它们，因为猫、狗和马已经靠到了一起（它们有共同的动作），
# 而预测是词所在位置的光滑函数。
#
# ## 2 · 窗口
#
# 模型看见最近的 $n$ 个词元，最新的在最后。文本开始之前是一个专门的词元。文本的每个位置都是一个训练样本。
# **先猜一猜**第一行。

# %%
text = np.array([[5, 1, 4, 2]])
for window, target in zip(windows_of(text, 3, before=9)[0], [*text[0, 1:], "?"]):
    print(window, "->", target)

# %% [markdown]
# ### 练习：window_targets
#
# 从含 T 个编号的文本得到窗口，以及每个窗口之后的编号。

# %%
def my_window_targets(ids, n, before):
    """ids (T,) -> windows (T - 1, n), the latest id last; targets (T - 1,)."""

# %%
from minigpt.learn import check

check("window_targets", my_window_targets)

# %% [markdown]
# ## 3 · 手算一个窗口
#
# 窗口里的向量并排成为 $e$；然后 $h = \tanh(e\,W_h + b_h)$，$z = h\,W_o + b_o + e\,W_d$。取
# $n = 2$，$C = 2$，$F = 3$，$V = 4$，带直接通路 $W_d$。运行之前**先猜一猜**每个数组的形状。

# %%
small = NeuralNgram(NeuralNgramConfig(vocab_size=4, context_length=3, window=2, d_model=2, d_ff=3, direct=True), seed=1)
small.direct.w.data[...] = 0.5
E = small.embedding.w.data  # (V + 1, C)
e = np.concatenate([E[3], E[1]])  # the window (3, 1)
h = np.tanh(e @ small.hidden.w.data + small.hidden.b.data)
z = h @ small.out.w.data + small.out.b.data + e @ small.direct.w.data
p = softmax_forward(z)[0]
for name, array in (("E", E), ("e", e), ("h", h), ("z", z), ("p", p)):
    print(f"{name} {array.shape}:\n{array}")
print("the library's z for the text 3, 1:", small(np.array([[3, 1]]))[0, 1])

# %% [markdown]
# 反向从末尾走回来。$z$ 是和，两条路都得到 $dz$；$e$ 用了两次，梯度有两项：
#
# $$
# dh = dz\,W_o^{\mathsf T}
# \qquad
# da = dh\,(1 - h^2)
# \qquad
# de = da\,W_h^{\mathsf T} + dz\,W_d^{\mathsf T}
# $$
#
# 目标是 2，手算的结果与库给出的 $E$ 的梯度放在一起看。**先猜一猜**：$dE$ 的哪些行是 0？

# %%
dz = p - np.eye(4)[2]
dh = dz @ small.out.w.data.T
da = dh * (1 - h * h)
de = da @ small.hidden.w.data.T + dz @ small.direct.w.data.T
print("de, two vectors:", de)
_, saved = small.forward(np.array([[3, 1]]), np.array([[-100, 2]]))  # only the second position counts
small.backward(saved)
print("dE by the library:\n", small.embedding.w.grad)
for case in CASES:
    if case.subject == "NextToken":
        worst = max(check_case(case), key=lambda error: error.relative_error)
        print(f"{case.name}: worst gradient {worst.array}, relative error {worst.relative_error:.0e}")

# %% [markdown]
# ### 练习：direct_path
#
# 两条路的前向与反向，不带偏置。

# %%
def my_direct_path_forward(e, w_h, w_o, w_d):
    """e (N, I), w_h (I, F), w_o (F, V), w_d (I, V) -> z (N, V); and saved, a tuple of what backward will need."""


def my_direct_path_backward(dz, saved):
    """dz (N, V) -> de (N, I), dw_h (I, F), dw_o (F, V), dw_d (I, V)."""

# %%
from minigpt.learn import check

check("direct_path", my_direct_path_forward, my_direct_path_backward)

# %% [markdown]
# ## 4 · 真实文本，更长的窗口
#
# 随每个 Python 附带的那份文本，一个字符一个字符地读。窗口分别是 1、2、4、8 个字符，步数相同。窗口为 1 就是二元模型。
# **先猜一猜**：每次加倍，收获和上一次一样多吗？

# %%
backend.use("numpy", "float32")
text = find_sources(["pydoc"])[0].content.decode("utf-8")
tokenizer = CharacterTokenizer.train([text], 64, unknown="<unk>")
ids = np.array(tokenizer.encode(text))
train_ids, unseen_ids = ids[: int(0.9 * len(ids))], ids[int(0.9 * len(ids)):][:20000]
steps, bits, networks = 100 if quick else 500, {}, {}
for n in (1, 2, 4, 8):
    model = NeuralNgram(NeuralNgramConfig(vocab_size=64, context_length=32, window=n, d_model=16, d_ff=96))
    descend(model, lambda step: training_batch(train_ids, 32, 32, 0, step), steps, 0.005)
    bits[n], networks[n] = mean_loss(model, unseen_ids, 64) / np.log(2), model
    print(f"window {n}: {bits[n]:.3f} bits a character on unseen text")

figure, axes = plt.subplots(figsize=(6, 3))
axes.plot(list(bits), list(bits.values()), marker="o", color="tab:blue")
axes.set_xscale("log", base=2)
axes.set_xticks([1, 2, 4, 8], [1, 2, 4, 8])
axes.set(xlabel="characters in the window", ylabel="bits a character", title="what a longer window buys, unseen text")
axes.grid(alpha=0.3)
plt.show()

# %% [markdown]
# 每次加倍，收获都更少：近处的字符说明得最多，而步数不多时，远处的权重还没怎么学到。窗口的每个位置有自己的权重，
# 在一个位置学到的，对另一个位置毫无帮助；
# 循环网络（第 15 章）和注意力弥补的正是这一点。
#
# 顺带学到的向量：窗口为 4 的网络的表 $E$，画在向量散布最开的平面里。**先猜一猜**：哪些字符会聚在一起？

# %%
vectors = WordVectors([*tokenizer.tokens, "start"], networks[4].embedding.w.data)
letters = [c for c in tokenizer.tokens if len(c) == 1 and c.isascii() and c.isalnum()]
places = vectors.plane(letters)
figure, axes = plt.subplots(figsize=(7, 4.5))
for letter, (x, y) in zip(letters, places):
    kind = "aeiou".find(letter) >= 0, letter.isupper(), letter.isdigit()
    color = "tab:red" if kind[0] else "tab:green" if kind[1] else "tab:purple" if kind[2] else "tab:blue"
    axes.text(x, y, letter, color=color, fontsize=12, ha="center", va="center")
axes.set(xlim=(places[:, 0].min() - 0.1, places[:, 0].max() + 0.1),
         ylim=(places[:, 1].min() - 0.1, places[:, 1].max() + 0.1),
         title="vectors of characters: vowels red, capitals green, digits purple, the rest blue")
plt.show()

# %% [markdown]
# ## 5 · 两个小网络，正确的做法
#
# 入门文章常给出两个三层的网络：嵌入、全连接、softmax；以及中间加一层注意力的。这里两个都有，**目标是下一个词元**，
# 并且带**因果掩码**。
# 文章里的代码常有两种错误之一：目标就是输入自己（`fit(x, x)`），或者注意力没有掩码。这时报告出来的损失都漂亮极了。
#
# 四个网络，同一份文本，各看三个数：训练时报告的损失；在没见过的文本*之后*预测下一个字符的损失，这时答案不在眼前；
# 以及抄写最后一个字符的损失。
#
# **先猜一猜**两种错误的那三个数。

# %%
T = 16
shape = dict(vocab_size=64, context_length=T, d_model=48, num_heads=4)
variants = {
    "embedding, dense": (EmbeddingDense, {}, False),
    "embedding, attention, dense": (EmbeddingAttentionDense, {}, False),
    "mistake: no mask": (EmbeddingAttentionDense, dict(causal=False), False),
    "mistake: target = input": (EmbeddingAttentionDense, {}, True),
}  # fmt: skip
unseen_x, unseen_y = training_batch(unseen_ids, 500, T, 1, 0)
curves, results, trained = {}, {}, {}
for name, (kind, config, copying) in variants.items():
    model = trained[name] = kind(NeuralNgramConfig(**shape, **config))

    def batch(step, copying=copying):
        x, y = training_batch(train_ids, 32, T, 0, step)
        return x, x if copying else y

    curves[name] = descend(model, batch, steps, 0.01)
    z = model(unseen_x)[:, -1]  # the last position: what comes after is not among the inputs
    results[name] = (np.mean(curves[name][-20:]), float(cross_entropy_forward(z, unseen_y[:, -1])[0]),
                     float(cross_entropy_forward(z, unseen_x[:, -1])[0]))
    print(f"{name:28} reported {results[name][0]:8.4f}   predicting {results[name][1]:7.3f}   "
          f"copying {results[name][2]:7.3f}")
print(f"{'a blind guess, ln 64':28}          {np.log(64):8.3f}")

# %%
colors = ("tab:gray", "tab:blue", "tab:orange", "tab:red")
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6))
for (name, losses), color in zip(curves.items(), colors):
    axes[0].plot(losses, color=color, label=name)
axes[0].set(title="the loss that training reports", xlabel="step", ylabel="nats a character")
axes[0].legend(fontsize=7)
bars = axes[1].barh(list(results)[::-1], [results[name][1] for name in results][::-1], color=colors[::-1])
axes[1].bar_label(bars, fmt="%.2f", fontsize=8)
axes[1].axvline(np.log(64), color="black", linestyle=":")
axes[1].set_title("loss of predicting what comes next (dotted: blind guess)", fontsize=9)
axes[1].set_xlim(0, 1.15 * max(r[1] for r in results.values()))
axes[1].tick_params(labelsize=7)
plt.show()

prompt = tokenizer.encode("The value of the")
for name, model in trained.items():
    written = [row[0] for row in generate(model, [prompt], 40, use_cache=False, seed=1)]
    print(f"{name:28} {tokenizer.decode(written)!r}")

# %% [markdown]
# - **目标等于输入**，这道题解得完美，却一文不值：网络笃定地把最后一个字符再说一遍，预测下一个字符时比瞎猜差得多。
# - **没有掩码**更危险，因为看起来一切正常。在位置 $t$，答案就明摆在 $t + 1$ 处，注意力一百步左右就找得到。
#   实际使用时没有 $t + 1$，它就不如老老实实的那个网络。
#   损失比别人在同类文本上报告的低很多，应当去查泄漏，而不是高兴。
# - 做对了，注意力胜过只有全连接的网络，后者只看得见一个字符。
#
# [第 06 章](06_attention.ipynb)第 6 节有一个测试，一秒钟就能查出这种泄漏：改动一个输入，看哪些输出变了。
#
# ## 你学到了什么
#
# - 所有上文共用词向量，从一句话学到的东西就成了所有与它相像的句子的证据。
# - 窗口上的隐藏层，不过是 $\tanh$、两个乘积和一个 softmax；用了两次的东西，梯度有两项。
# - 目标必须是下一个词元，任何位置都不能看见自己的答案：否则损失量的是抄写。
#
# **下一章**：词向量在这里是副产品。在 [14 · word2vec](14_word2vec.ipynb) 里，只学词向量。
