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
# # 12 · n 元语法：靠数数的语言模型
# <!-- english: 6c23ed1d13e5 -->
#
# **本章的问题：** 什么也不学，只数一数什么后面跟着什么，能走多远？遇到一段从没见过类似内容的文本，
# 这样的模型又能说什么？
#
# 运行时间：两个 CPU 核上约 25 秒；需要先读 [02](02_cross_entropy.ipynb)；研读的源代码：
# [ngram.py](../../minigpt/models/ngram.py)、[ngram_smoothing.py](../../minigpt/models/ngram_smoothing.py)、
# [spelling.py](../../minigpt/models/spelling.py)；文档：[n 元语法](../../docs/zh/models/ngram.md)、
# [平滑](../../docs/zh/models/ngram_smoothing.md)、[拼写纠错](../../docs/zh/models/spelling.md)。
#
# [在 Colab 中打开](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/zh/12_ngram.ipynb)

# %%
import sys

if "google.colab" in sys.modules:  # Colab has NumPy, CuPy and matplotlib already: nothing of them is installed again
    # %pip install -q --no-deps git+https://github.com/OWNER/minigpt
    # %pip install -q regex safetensors tqdm threadpoolctl
    print("minigpt is installed")

# %%
import os
import re
from collections import Counter
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from minigpt import backend
from minigpt.corpora import find_sources
from minigpt.generate import generate_text
from minigpt.models.ngram import NGram, NGramConfig
from minigpt.models.spelling import SpellingCorrector, distance, edits1, misspell, sentences
from minigpt.text.base import printable
from minigpt.text.characters import CharacterTokenizer

quick = bool(os.environ.get("MINIGPT_QUICK"))  # fewer words to correct, the rest unchanged
np.set_printoptions(precision=4, suppress=True)
plt.style.use("tableau-colorblind10")
plt.rcParams.update({"figure.figsize": (7, 3.2), "figure.constrained_layout.use": True})

# %% [markdown]
# ## 1 · 数数
#
# 第 02 章有过一张词元对的表。**n 元组**（n-gram）是连续的 $n$ 个词元；n 元语法模型由前 $n-1$ 个词元，
# 即**上下文**（context），
# 预测最后一个。下面列出一段文本的所有三元组（trigram），连开头也算上。
#
# **先猜：** `abracadabra` 有多少个三元组？有多少种不同的？哪些出现两次？前面放两个标记 `^`，
# 第一个字母处也就有一个三元组结束。

# %%
text, n = "abracadabra", 3
padded = "^" * (n - 1) + text
trigrams = Counter(padded[i:i + n] for i in range(len(text)))
print(sum(trigrams.values()), "trigrams,", len(trigrams), "different:", dict(trigrams))

# %% [markdown]
# 每个字母对应一个：标记从不被预测，只放在前面。库里把每种长度的这些计数存成排好序的数：`context · V + token`，
# 其中 `context` 是短一级的 n 元组在*它那个*数组里的位置。为什么这样快，源文件里有说明：一百万个词元，数到 $n = 5$，
# 只要几秒。
#
# ### 练习：count_ngrams
#
# 对编号的列表和任意的 $n$ 做同样的事。

# %%
def my_count_ngrams(ids, n, mark):
    """ids: a list of whole numbers -> {(n ids): how often}, with n - 1 times `mark` before the text."""

# %%
from minigpt.learn import check

check("count_ngrams", my_count_ngrams)

# %% [markdown]
# 每个词元在某个上下文的后续中所占的比例，就是它的**条件概率**：$p(w \mid h) = c(hw) / c(h)$。
# 没有别的表能让数过的文本概率更大，这叫**最大似然**（maximum likelihood）。
#
# **先猜** `a` 那一行；再猜 `^`（开头）那一行。

# %%
small = CharacterTokenizer.train([text])
ids = small.encode(text)
model = NGram.count([ids], NGramConfig(vocab_size=small.vocab_size, order=2, smoothing="mle"))
print("    ", "      ".join(small.tokens))
for name, context in [("^", [model.start]), *((token, [i]) for i, token in enumerate(small.tokens))]:
    print(name, model.probabilities(context))

# %% [markdown]
# ## 2 · 一张真实词语的表
#
# 现在换成词，取自 Python 文档里的句子。行是一个词的上下文，列是接下来的词。先看数字，再用图显示同一张表。
#
# **先猜：** `a` 后面会出现 `the` 吗？这些词里，哪一个后面最容易猜？

# %%
everything = find_sources(["pydoc"])[0].content.decode("utf-8")
told = sentences(everything)
words = sorted({word for sentence in told for word in sentence})
word_ids = {word: i for i, word in enumerate(words)}
told_ids = [[word_ids[word] for word in sentence] for sentence in told]
print(f"{len(told):,} sentences, {sum(map(len, told)):,} words, {len(words):,} of them different")
word_model = NGram.count(told_ids, NGramConfig(vocab_size=len(words), order=3, smoothing="mle"))

before = ["the", "a", "of", "is", "in", "to", "if", "must", "python", "default"]
after = ["the", "a", "of", "is", "not", "be", "following", "object", "value", "function"]
table = np.array([word_model.probabilities([word_ids[b]])[[word_ids[w] for w in after]] for b in before])
print(" " * 8, *(f"{word:>9}" for word in after))
for word, row in zip(before, table):
    print(f"{word:8}", *(f"{p:9.3f}" if p else f"{'-':>9}" for p in row))

# %%
figure, axes = plt.subplots(figsize=(7, 4))
picture = axes.imshow(table, cmap="Blues", vmin=0, vmax=0.25, aspect="auto")
for (i, j), p in np.ndenumerate(table):
    if p >= 0.0005:
        axes.text(j, i, f"{100 * p:.0f}" if p >= 0.01 else "<1", ha="center", va="center", fontsize=7,
                  color="white" if p > 0.15 else "black")
axes.set_xticks(range(len(after)), after, rotation=40, ha="right")
axes.set_yticks(range(len(before)), before)
axes.set(xlabel="next word", ylabel="word before", title="p(next word | word before) in percent; empty: never seen")
figure.colorbar(picture, label="probability", extend="max")
plt.show()

# %% [markdown]
# 没有人教过它，语法却显出来了：冠词后面几乎不会再跟冠词（真跟了的地方，`a` 是某个东西的名字）；
# `must` 后面要 `be` 或 `not`。
# 还有许多格子是空的。
#
# ## 3 · 从没见过的
#
# 留出十分之一的文本。*它的* n 元组里，有多大比例从未在其余部分出现过？
#
# **先猜** $n = 1, 2, 3, 5$ 时，字符的比例和词的比例。（完整的表有 $V^n$ 格；100 个字符、$n = 5$，就是一百亿格。）

# %%
tokenizer = CharacterTokenizer.train([everything])
seam = re.compile(r"\s").search(everything, round(0.9 * len(everything))).start()
seen_text, unseen_text = everything[:seam], everything[seam:]
seen, unseen = np.array(tokenizer.encode(seen_text)), np.array(tokenizer.encode(unseen_text))
longest = 8
counted = NGram.count([seen], NGramConfig(vocab_size=tokenizer.vocab_size, order=longest))
word_counted = NGram.count(told_ids[:-len(told) // 10], NGramConfig(vocab_size=len(words), order=5))


def never_seen(model, texts, order):
    """The share of the n-grams of texts that the model hasn't counted."""
    maximum = NGram(replace(model.config, order=order, smoothing="stupid-backoff", alpha=1e-9), model.tables[:order])
    scores = np.concatenate([maximum.text_scores(ids) for ids in texts])
    return (scores < 1e-7).mean()  # at least one step back


shares = {"characters": [never_seen(counted, [unseen], n) for n in range(1, 9)],
          "words": [never_seen(word_counted, told_ids[-len(told) // 10:], n) for n in range(1, 6)]}
print("different n-grams counted, characters:", *(f"{len(keys):,}" for keys, _ in counted.tables))
figure, axes = plt.subplots()
for (name, values), marker in zip(shares.items(), "os"):
    axes.plot(range(1, len(values) + 1), values, marker=marker, label=name)
    print(f"{name:10} never seen:", *(f"{share:.1%}" for share in values))
axes.set(xlabel="n", ylabel="share never seen before", ylim=(-0.02, 1),
         title="the longer an n-gram, the more often it is new")
axes.grid(alpha=0.3)
axes.legend()
plt.show()

# %% [markdown]
# 新文本中，词的三元组有三分之二是新的，字符的五元组有七分之一是新的。最大似然给它们每一个的概率都是 0，
# 于是损失无穷大：
# 连乘里只要有一个 0，整个乘积就是 0。

# %%
for n in (1, 2, 5):
    model = NGram(replace(counted.config, order=n, smoothing="mle"), counted.tables[:n])
    print(f"maximum likelihood, n = {n}: perplexity {model.perplexity(seen):.3f} on the counted text, "
          f"{model.perplexity(unseen):.3f} on new text")

# %% [markdown]
# ## 4 · 笨回退：去问更短的上下文
#
# 最先想到的补救办法：上下文没有答案时，忘掉其中最旧的一个词元再问一次，每退一步乘一个因子 α = 0.4。
#
# **先猜** `abracadabra` 中，`b` 在 `ra` 之后的分数。`ra` 之后所有分数加起来是 1 吗？
#
# ### 练习：backoff

# %%
def my_backoff(counts, context, token, alpha):
    """counts: {piece of text: how often it occurred} -> the score of token after context, a number."""

# %%
from minigpt.learn import check

check("backoff", my_backoff)

# %%
stupid = NGram.count([ids], NGramConfig(vocab_size=small.vocab_size, order=3, smoothing="stupid-backoff"))
scores = stupid.scores(small.encode("ra"))
print(dict(zip(small.tokens, scores.round(4).tolist())), " sum", scores.sum().round(4))

# %% [markdown]
# `ra` 后面出现过一次 `c`，所以 `c` 得 1，已经没有剩余了；可别的字母也还有分。这些是**分数，不是概率**。
# 它们可以用来排序和生成，但没有困惑度（perplexity），库也不肯替它编一个。要给没见过的，就必须从见过的那里拿。拿多少？
#
# ## 5 · 拿多少
#
# Church 和 Gale 让数据来回答。在文本的一半里数，再看同样的 n 元组在另一半里来了几次。
#
# **先猜：** 在一半里恰好出现一次的词对，在另一半里平均出现几次？出现 2 次的呢？5 次的呢？

# %%
halves = [Counter(pair for sentence in told[half::2] for pair in zip(["^", *sentence], sentence)) for half in (0, 1)]
found = {r: [] for r in range(1, 10)}
for one, other in (halves, halves[::-1]):
    for pair, count in one.items():
        if count in found:
            found[count].append(other[pair])
again = np.array([np.mean(values) for values in found.values()])
for r, mean in zip(found, again):
    print(f"seen {r} times in one half: {mean:.2f} times in the other, {r - mean:.2f} less ({len(found[r]):,} pairs)")

figure, axes = plt.subplots(figsize=(7, 3.4))
rs = np.array(list(found))
less = (rs - again)[1:].mean()
axes.plot(rs, rs, color="gray", linestyle=":", label="as often")
axes.plot(rs, rs - less, color="gray", label=f"{less:.2f} less")
axes.plot(rs, again, "o", markersize=7, label="the other half")
axes.set(xlabel="times a pair was seen in one half", ylabel="times in the other (mean)",
         title="a count promises too much, by about the same amount")
axes.grid(alpha=0.3)
axes.legend()
plt.show()

# %% [markdown]
# 每个计数都偏高，而且不论大小，偏高的量都差不多：在这段不长的文本里大约是 1（Church 和 Gale 用的报纸文本里是 0.75）；
# 计数为 1 的少一些，因为它没有更多可减的。于是有了**绝对折扣**（absolute discounting）：从每个计数里减去同样的 $d$，
# $T$ 种不同的后续一共减下 $d\,T$，交给更短的上下文：
#
# $$
# p(w \mid h) = \frac{\max(c(hw) - d,\, 0)}{N} + \frac{d\,T}{N}\; p'(w)
# $$
#
# ## 6 · 给谁：Kneser-Ney
#
# 用到 $p'$ 的时候，正是上下文不熟悉的时候。这时频率是正确的答案吗？以 “San Francisco” 为例：第二个词很常见，
# 但只跟在第一个词后面。
#
# **先猜：** 一段文本对十个不同的 X 说 “X San Francisco”。对上下文一无所知时，按频率算，
# “Francisco” 的概率与 “San” 相比如何？
# *应当*如何？

# %%
san, francisco = 0, 1
trip = [token for other in range(2, 12) for token in (other, san, francisco)]
for smoothing in ("witten-bell", "kneser-ney"):
    model = NGram.count([trip], NGramConfig(vocab_size=12, order=2, smoothing=smoothing))
    alone, after_san = model.probabilities([]), model.probabilities([san])
    print(f"{smoothing:12} p(San) {alone[san]:.3f}   p(Francisco) {alone[francisco]:.3f}   "
          f"p(Francisco | San) {after_san[francisco]:.3f}")

# %% [markdown]
# Kneser 和 Ney 为 $p'$ 数的是：一个词元接在多少种*不同的*词元之后。用 `abracadabra` 手算，取 $d = 0.75$。
# 不同的对，连同开头：^a、ra、ca、da、ab、br、ac、ad。
#
# **先猜** `a` 和 `b` 的 $p'$（下面不再有更短的一级），再猜 $p(b \mid a)$：`a` 之后，`b` 来过两次，`c`、`d` 各一次。

# %%
before_a, before_b, pairs = 4, 1, 8
lower_a, lower_b = before_a / pairs, before_b / pairs
print("p'(a)", lower_a, " p'(b)", lower_b)
N, T, c, d = 4, 3, 2, 0.75
print("p(b | a) = (2 - 0.75) / 4 + 0.75 * 3 / 4 * p'(b) =", (c - d) / N + d * T / N * lower_b)
model = NGram.count([ids], NGramConfig(vocab_size=5, order=2, discount=0.75, ends_uniform=False))
p = model.probabilities(small.encode("a"))
print("library:", dict(zip(small.tokens, p.round(6).tolist())), " sum", round(p.sum(), 12))

# %% [markdown]
# （`ends_uniform=False`：到单个词元为止。否则单个词元也要打折扣，分给 $1/V$，这样从未见过的词元也有机会。）
#
# ### 练习：kneser_ney
#
# 一次算出所有的对。

# %%
def my_kneser_ney(counts, d):
    """counts (V, V), how often token j followed token i -> p (V, V), p[i, j] of j after i."""

# %%
from minigpt.learn import check

check("kneser_ney", my_kneser_ney)

# %% [markdown]
# ## 7 · 哪种最好？
#
# 留出的那十分之一里的字符，每个要多少比特？数只需数一次：3 元的模型就是这张表的前三级。
#
# **先猜：** 在各个 $n$ 上，哪种方法胜出？上下文变长，会不会反而变差？作为比较：README 里的 GPT 训练两分钟，
# 在同一段文本上是每字符 1.71 比特。
# 数数只用了一秒。

# %%
methods = {"add-k": dict(k=0.01), "witten-bell": {}, "kneser-ney": {}}
curves = {}
for smoothing, options in methods.items():
    config = replace(counted.config, smoothing=smoothing, **options)
    models = [NGram(replace(config, order=n), counted.tables[:n]) for n in range(1, longest + 1)]
    curves[smoothing] = [model.bits_per_character(unseen, len(unseen)) for model in models]
    print(f"{smoothing:12}", *(f"{bits:.3f}" for bits in curves[smoothing]))

figure, axes = plt.subplots(figsize=(7, 3.8))
for (smoothing, bits), style, color in zip(curves.items(), ("^--", "s-.", "o-"), ("tab:blue", "tab:orange", "purple")):
    axes.plot(range(1, longest + 1), bits, style, color=color, label=smoothing)
axes.axhline(1.706, color="black", linestyle=":", label="a small GPT, two minutes")
axes.set(xlabel="n", ylabel="bits per character, new text", ylim=(1.4, 5),
         title="longer contexts help as long as the unseen is handled well")
axes.grid(alpha=0.3)
axes.legend()
plt.show()

# %% [markdown]
# 加 k 从 $n = 5$ 起变差：长的上下文只见过一次或从未见过，而它把手里的大部分平均撒了出去。另外两种则去问更短的上下文。
# Witten-Bell 太相信只见过一次的上下文，到 $n = 6$ 掉头向上。Kneser-Ney 一直在变好，$n = 8$ 时胜过了训练两分钟的 GPT：
# 文本不长，又常有重复，正是数数的长处。第 17 章会给所有模型同样的时间，再比一次。
#
# ## 8 · 写作
#
# 五个模型来续写。每段文本旁边给出：它的 12 字符片段中，有多大比例一字不差地出现在数过的文本里。
#
# **先猜** $n = 3$ 和 $n = 8$ 时的这个比例。

# %%
spoken = {}
for n in (1, 2, 3, 5, 8):
    model = NGram(replace(counted.config, order=n), counted.tables[:n])
    spoken[n] = "The " + "".join(generate_text(model, tokenizer, "The ", 500, seed=3, use_cache=False))
    pieces = [spoken[n][i:i + 12] for i in range(len(spoken[n]) - 11)]
    print(f"n = {n}: {np.mean([piece in seen_text for piece in pieces]):.0%} of its pieces of 12 characters are copied")
    print("   ", printable(spoken[n][:110]))

# %% [markdown]
# 最后一段有三分之一以上是抄来的；哪里有七个字符同时适合两处，话题就在哪里转弯。上下文越长，抄得越多。
# 这条路走到头了：没有任何东西告诉模型，“a function” 和 “the function” 有什么关系。表的每一行各自为政。
# 从下一章起，词元变成向量，从一个词元学到的东西，也惠及它的邻居。
#
# ## 9 · 打分：文本在哪里令人意外？
#
# 模型给出句子里每个字符的意外程度，$-\log_2 p$。
#
# **先猜：** 下面这个句子，意外程度会在哪些字符处突然升高？

# %%
sentence = "The value of the expresion is returned."
model = NGram(replace(counted.config, order=6), counted.tables[:6])
surprise = -np.log2(model.text_scores(tokenizer.encode(sentence)))
figure, axes = plt.subplots(figsize=(7.4, 2.6))
axes.bar(range(len(sentence)), surprise, color=["tab:red" if s > 8 else "tab:blue" for s in surprise])
axes.set_xticks(range(len(sentence)), ["_" if c == " " else c for c in sentence], family="monospace")
axes.set(ylabel="surprise (bits)", title="a spelling mistake surprises")
plt.show()
for other in (sentence, "The value of the expression is returned.", "returned is expression the of value The."):
    print(f"{model.log_probability(tokenizer.encode(other)) / np.log(2):8.1f} bits  {other}")

# %% [markdown]
# ## 10 · 拼写纠错器
#
# 有人写下了 $x$。他想写的是什么？贝叶斯公式：$p(w \mid x) \propto p(x \mid w)\, p(w \mid \text{around})$。
# 第二个因子是我们的词的 n 元语法模型（around 指周围的词）。第一个是**噪声信道**（noisy channel），
# 说的是这样的错误怎样产生：
# 丢掉一个字母、多出一个、换掉一个，或交换相邻的两个。
#
# **先猜：** 字母表有 26 个字母，与一个五字母的词相差一步编辑的字符串有多少个？
#
# ### 练习：edits1

# %%
def my_edits1(word, alphabet):
    """A sorted list of the different strings, other than word, that one edit makes of it."""

# %%
from minigpt.learn import check

check("edits1", my_edits1)

# %%
print("peace:", len(edits1("peace")), "edits,", len({*edits1("peace")} - {"peace"}), "different strings")
print("distances of peice to piece, peace, pie:", *(distance("peice", word) for word in ("piece", "peace", "pie")))
taught = told[:-len(told) // 10]
correctors = {order: SpellingCorrector(taught, order) for order in (1, 2, 3)}
written = ["the", "valie", "of", "the", "experssion", "si", "returned"]
print(" ".join(written), "->", " ".join(correctors[3].correct(written)))
for order in (1, 3):
    best = list(correctors[order].scores(written, 5).items())[:4]
    print(f"order {order}, candidates for 'si':", *(f"{word} {score:.1f}" for word, score in best))

# %% [markdown]
# 现在来测量：取留出句子里的词，每个由 `misspell` 造出一个或两个错误。每个纠错器能找回多少？
# 1 元只知道每个词有多常见，别的一概不知。
#
# **先猜：** 对一个错误和两个错误，上下文各能带来什么？

# %%
places = [(sentence, i) for sentence in told[-len(told) // 10:] for i, word in enumerate(sentence)
          if len(word) > 3 and word in correctors[1].ids]  # fmt: skip
results = {}
for edits in (1, 2):
    rng = backend.generator(12, edits)
    chosen = [places[int(i)] for i in rng.permutation(len(places))[:60 if quick else 250]]
    wrong = [misspell(sentence[i], edits, rng) for sentence, i in chosen]
    for order, corrector in correctors.items():
        right = [next(iter(corrector.scores([*sentence[:i], bad, *sentence[i + 1:]], i)), bad) == sentence[i]
                 for (sentence, i), bad in zip(chosen, wrong)]
        results[edits, order] = np.mean(right)
for edits in (1, 2):
    print(f"{edits} edit(s):", *(f"order {order} {results[edits, order]:.1%}" for order in correctors))

figure, axes = plt.subplots(figsize=(7, 2.8))
for edits, shift, color in ((1, -0.18, "tab:blue"), (2, 0.18, "tab:orange")):
    axes.bar([order + shift for order in correctors], [results[edits, order] for order in correctors], 0.34,
             color=color, label=f"{edits} error{'s' if edits > 1 else ''} in the word")
axes.set(xticks=list(correctors), xlabel="order of the n-gram model (1: no context)", ylabel="found again",
         ylim=(0.7, 1), title="context helps where spelling alone can't decide")
figure.legend(loc="outside right upper", fontsize=8)
plt.show()

# %% [markdown]
# 这些错误正是照信道的假设造的，词表也不大：真实的错误、整个英语，要难得多。规则还是同一条。
#
# ## 学到了什么
#
# - n 元语法模型是一张计数的表。它对见过的东西准确无误，好坏取决于它对其余的怎么说。
# - Kneser-Ney 从每个计数里拿走同样的 $d$，再按一个词元接过多少种不同的上下文分出去；它的概率之和为 1，笨回退的不是。
# - 任何这样的模型，用贝叶斯公式反过来，就能读出带噪声的东西：一百行的拼写纠错器。
#
# 下一章：[13 · 最初的神经模型](13_neural_ngram.ipynb)，在那里，没见过的上下文与见过的可以是近邻。
