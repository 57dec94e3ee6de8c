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
# # 14 · word2vec 与 fastText：词的向量
# <!-- english: f2eb49e6fdee -->
#
# **问题。** 在第 13 章，词向量是副产品。要得到它们，最少得计算什么？它们懂得什么？怎样才能知道？
#
# 运行时间：两个 CPU 核上约 16 秒；先读 [04](04_embedding.ipynb) 和 [13](13_neural_ngram.ipynb)；
# 要研究的源代码：[word2vec.py](../../minigpt/models/word2vec.py)、
# [fasttext.py](../../minigpt/models/fasttext.py)、[word_vectors.py](../../minigpt/models/word_vectors.py)、
# [worlds.py](../../minigpt/text/worlds.py)；文档：[word2vec](../../docs/zh/models/word2vec.md)、
# [fasttext](../../docs/zh/models/fasttext.md) 和 [word_vectors](../../docs/zh/models/word_vectors.md)。
#
# [在 Colab 中打开](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/zh/14_word2vec.ipynb)

# %%
import sys

if "google.colab" in sys.modules:  # Colab has NumPy, CuPy and matplotlib already: nothing of them is installed again
    # %pip install -q --no-deps git+https://github.com/OWNER/minigpt
    # %pip install -q regex safetensors tqdm threadpoolctl
    print("minigpt is installed")

# %%
import os
import re
import time

import matplotlib.pyplot as plt
import numpy as np

from minigpt import backend
from minigpt.corpora import find_sources
from minigpt.memory import keep_freed_memory
from minigpt.models.fasttext import FastText, FastTextConfig, fnv1a, pieces
from minigpt.models.word2vec import (
    NegativeSampler,
    Word2Vec,
    Word2VecConfig,
    count_words,
    keep_probability,
    negative_sampling_backward,
    negative_sampling_forward,
    train_vectors,
)
from minigpt.text.worlds import make_world

quick = bool(os.environ.get("MINIGPT_QUICK"))
backend.use("numpy", "float64")
np.set_printoptions(precision=4, suppress=True)
plt.rcParams.update({"figure.dpi": 100, "figure.constrained_layout.use": True})

# %% [markdown]
# ## 1 · 看邻词，知其词
#
# “她把___倒进杯子里。”缺的是什么词，你已经知道了不少。跳字模型（skip-gram）把这变成一道题：
# 由一个词的每个邻词去猜这个词。
# 下面是两侧各 2 个词的窗口的所有词对。**先猜一猜**：一共多少对？

# %%
sentence = ["she", "poured", "the", "tea", "slowly"]
pairs = [(sentence[t], sentence[s]) for t in range(5) for s in range(max(t - 2, 0), min(t + 3, 5)) if s != t]
print(len(pairs), "pairs:", *(f"{a}-{b}" for a, b in pairs))

# %% [markdown]
# ### 练习：skip_gram_pairs

# %%
def my_skip_gram_pairs(ids, window):
    """ids (T,) -> pairs (P, 2): a centre and a neighbour, in the order of the centres, then from left to right."""

# %%
from minigpt.learn import check

check("skip_gram_pairs", my_skip_gram_pairs)

# %% [markdown]
# ## 2 · 是非题代替 V 选一
#
# 对 100,000 个词做 softmax，每猜一次要 100,000 个内积。**负采样**（negative sampling）改问 $K + 1$ 个是非题：
# 这个词和邻词的向量 $h$ 相配吗？
# 真的那个答“是”，随机抽来的 $K$ 个答“否”：
#
# $$
# L = -\ln\sigma(h\cdot y_c) - \sum_{k=1}^{K}\ln\sigma(-h\cdot y_{v_k}),
# \qquad
# ds = \sigma(s) - t
# $$
#
# 真的那个词 $t = 1$，其余为 0。手算：真的词分数为 $\ln 3$，一个负样本分数为 0。**先猜一猜**两个概率、
# 损失和两个 $ds$。

# %%
h = np.array([[[1.0, 0.0]]])  # (N, S, C): one window, one neighbour
y = np.array([[[np.log(3), 1.0], [0.0, 2.0]]])  # (N, 1 + K, C): the real word, one negative
s = (h @ y.swapaxes(1, 2))[0, 0]
sigma = 1 / (1 + np.exp(-s))
ds = sigma - np.array([1, 0])
print("scores", s, " sigma", sigma, " loss", -np.log(sigma[0]) - np.log(1 - sigma[1]), " ds", ds)
print("dh", ds @ y[0], " dy", np.outer(ds, h[0, 0]).tolist())
loss, saved = negative_sampling_forward(h, y, np.ones((1, 1, 2), bool))
dh, dy = negative_sampling_backward(1.0, saved)
print("library:", float(loss), dh[0, 0], dy[0].tolist())

# %% [markdown]
# ### 练习：negative_sampling

# %%
def my_negative_sampling_forward(h, v):
    """h (N, C), v (N, O, C), the right word first -> mean loss, a number; and saved."""


def my_negative_sampling_backward(dy, saved):
    """dy, a number -> dh (N, C), dv (N, O, C)."""

# %%
from minigpt.learn import check

check("negative_sampling", my_negative_sampling_forward, my_negative_sampling_backward)

# %% [markdown]
# ## 3 · 抽哪些词，跳过哪些词
#
# 用随 Python 附带的那份文本里的词画两条曲线。负样本按正比于 $count^{3/4}$ 抽取。高频词要跳过：
# 在文本中份额为 $f$ 的词，每次出现以概率 $\sqrt{t/f} + t/f$ 留下。
#
# **先猜一猜**：每 100 个词里有 7 个“the”。$t = 0.001$ 时，它的 100 次出现留下多少次？

# %%
text = find_sources(["pydoc"])[0].content.decode("utf-8")
sentences = [re.findall(r"[a-z_]+", paragraph.lower()) for paragraph in text.split("\n\n")]
counts = count_words(sentences)
ordered = np.array(sorted(counts.values(), reverse=True))
share = ordered / ordered.sum()
kept = keep_probability(ordered, 1e-3)
top = counts.most_common(1)[0][0]
print(f"{ordered.sum()} words, {len(ordered)} different; {top!r} is {100 * share[0]:.1f} percent of them, "
      f"{100 * kept[0]:.0f} of 100 occurrences stay")

figure, axes = plt.subplots(1, 2, figsize=(9, 3.3))
rank = np.arange(1, len(ordered) + 1)
axes[0].loglog(rank, share, color="tab:blue", label="in the text")
axes[0].loglog(rank, NegativeSampler(ordered).p, color="tab:orange", label="as negatives: power 3/4")
axes[0].set(title="share of each word", xlabel="rank", ylabel="share")
axes[1].semilogx(rank, kept, color="tab:green")
axes[1].set(title="probability that an occurrence stays, t = 0.001", xlabel="rank", ylim=(0, 1.05))
axes[0].legend(fontsize=8)
for place in axes:
    place.grid(alpha=0.3)
plt.show()

# %% [markdown]
# 怎样从 5,000 个不等的概率里快速抽取？Walker 的**别名法**（alias method）：有多少个词就有多少列，每列一样高；
# 一列装自己的词，装不满的地方装另一个词的一部分。
# 抽一次，就是选一列、选一个高度。下面是次数为 16、5、1、1 的表，以及抽 100,000 次的结果：

# %%
sampler = NegativeSampler([16, 5, 1, 1])
print("p          ", sampler.p)
print("own share  ", sampler.share, " the rest of the column is word", sampler.alias)
print("drawn      ", np.bincount(sampler.draw(backend.generator(14), 100_000)) / 100_000)

# %% [markdown]
# ### 练习：subsample

# %%
def my_keep_probability(counts, t):
    """counts (V,) of each word in a text, t > 0 -> p (V,), the probability to keep an occurrence."""

# %%
from minigpt.learn import check

check("subsample", my_keep_probability)

# %% [markdown]
# ## 4 · 一个答案已知的世界
#
# 词向量懂得关系吗？在关系已知的文本上，可以数出来。`make_world` 用模板造句，讲首都、男女、单复数；
# france 与 paris 共有自己的词（french、croissants），
# france 与 japan 共有模板。然后出题：*france 之于 paris，如同 japan 之于……*，
# 答案是离 $paris - france + japan$ 最近的词。
#
# **先猜一猜**：词有 216 个，446 道题，乱猜能答对几道？

# %%
backend.use("numpy", "float32")
world = make_world("en", 4_000 if quick else 12_000)
print(*(" ".join(sentence) for sentence in world.sentences[:4]), sep="\n")
models = {}
variants = {"skip-gram": {}, "cbow": dict(kind="cbow"), "cbow, full softmax": dict(kind="cbow", negatives=0)}
for name, config in variants.items():
    model = Word2Vec(Word2VecConfig(d_model=32, min_count=1, **config), count_words(world.sentences))
    records = []
    train_vectors(model, world.sentences, epochs=8, learning_rate=0.1, report=records.append)
    models[name] = model.vectors()
    right = {relation: models[name].accuracy(questions) for relation, questions in world.questions.items()}
    first, last = records[0]["loss"], records[-1]["loss"]
    print(f"{name:18} loss {first:.2f} to {last:.2f}, right: "
          + ", ".join(f"{relation} {100 * share:.0f}%" for relation, share in right.items()))
vectors = models["skip-gram"]
print("neighbours of paris:", [word for word, _ in vectors.neighbours("paris", 5)])
print("france : paris = japan :", vectors.analogy("france", "paris", "japan"))

# %%
shown = {"capital": ("france paris germany berlin japan tokyo china beijing egypt cairo", "tab:blue"),
         "gender": ("king queen father mother actor actress boy girl", "tab:orange"),
         "plural": ("cat cats dog dogs tree trees mouse mice", "tab:green")}
figure, axes = plt.subplots(1, 3, figsize=(10, 3.8))
for place, (relation, (words, color)) in zip(axes, shown.items()):
    words = words.split()
    xy = vectors.plane(words)
    for i in range(0, len(words), 2):
        place.plot(*xy[i:i + 2].T, color=color, alpha=0.5)
    for word, (x, y) in zip(words, xy):
        place.text(x, y, word, fontsize=8, ha="center", va="center")
    place.set_title(f"{relation}: a line for each pair", fontsize=9)
    place.margins(0.15)
    place.tick_params(labelsize=7)
plt.show()

# %% [markdown]
# 同一种关系的线段几乎平行：类比*就是*这回事。在前两个主成分的平面里，一个方向分开了关系的两侧。
#
# ### 练习：cosine_neighbours

# %%
def my_cosine_neighbours(vectors, word, count):
    """vectors (V, C), word in 0 .. V - 1 -> ids (count,) of the words with the largest cosine, without itself."""

# %%
from minigpt.learn import check

check("cosine_neighbours", my_cosine_neighbours)

# %% [markdown]
# 中文也一样，只是词要先切好（这里模板知道什么是词）。**先猜一猜**：老师之于老师们，如同学生之于哪个词？

# %%
chinese = make_world("zh", 4_000 if quick else 12_000)
model = Word2Vec(Word2VecConfig(d_model=32, min_count=1), count_words(chinese.sentences))
train_vectors(model, chinese.sentences, epochs=8, learning_rate=0.1)
for a, b, c in (("法国", "巴黎", "日本"), ("国王", "王后", "爸爸"), ("老师", "老师们", "学生")):
    print(a, b, c, "->", model.vectors().analogy(a, b, c)[0][0])
print(f"of all {len(chinese.all_questions())} questions {100 * model.vectors().accuracy(chinese.all_questions()):.0f}%")

# %% [markdown]
# ## 5 · 真实文本，以及速度
#
# 一本参考手册的 63,000 个词非常少；词向量通常用一千倍以上的文本来学。即便如此，同类的词还是找到了彼此。
# 一批窗口就是几次矩阵乘法；
# 怎样做到快，文档里有。

# %%
model = Word2Vec(Word2VecConfig(), counts)
keep_freed_memory()  # else the system is asked for the same memory again and again
epochs, start = 2 if quick else 10, time.process_time()
train_vectors(model, sentences, epochs=epochs, learning_rate=0.05)
seconds = time.process_time() - start
print(f"{len(model.words)} vectors; {epochs * ordered.sum() / seconds:,.0f} words in a second of processor time")
real = model.vectors()
for word in ("integer", "import", "class", "two", "file"):
    print(f"{word:8}", [near for near, _ in real.neighbours(word, 6)])

# %% [markdown]
# ## 6 · fastText：没见过的词也有向量
#
# 词的向量是其片段的向量的平均：`<word>` 的 3 到 6 个字符的片段，用 FNV-1a 哈希到一张表里。我们从文本里去掉“birds”，
# 然后照样要它的向量。
# **先猜一猜**“cats”的 3 个字符的片段，以及“birds”的一个邻词。

# %%
print(pieces("cats", 3, 3), "rows", [fnv1a(piece.encode()) % 2000 for piece in pieces("cats", 3, 3)])
hidden = [[word for word in sentence if word != "birds"] for sentence in world.sentences[:6_000]]
model = FastText(FastTextConfig(d_model=24, min_count=1, buckets=2000, longest=4), count_words(hidden))
train_vectors(model, hidden, epochs=8, learning_rate=0.1)
print("'birds' was seen:", "birds" in model.ids)
near = model.vectors().neighbours(model.vector("birds"), 8)

figure, axes = plt.subplots(figsize=(6, 2.8))
axes.barh([word for word, _ in near][::-1], [cosine for _, cosine in near][::-1], color="tab:purple")
axes.set(title="nearest to 'birds', a word that was never seen", xlabel="cosine", xlim=(0, 1))
plt.show()

# %% [markdown]
# ## 你学到了什么
#
# - 由邻词猜词，就得到词向量；是非题使它便宜，梯度是 $\sigma(s) - t$。
# - 词与词共有的东西，无论是专属的上下文还是角色，都加在向量里：类比在成立的地方之所以成立，就是这个缘故。
# - 词的片段让没见过的词也有向量，后来的子词词元继承了这个想法。
#
# **下一章**：窗口总有尽头。[15 · 循环网络](15_rnn.ipynb)把读过的东西一路带着走。
