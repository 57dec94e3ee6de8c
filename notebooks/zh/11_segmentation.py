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
# # 11 · 准备文本：计数之前要做什么，大模型又不再需要什么
# <!-- english: 9d234e35b2d0 -->
#
# **本章的问题。** 第 01 章把文本切成词元，就完事了。而在那之前的五十年里，文本先要经过一排机器：规范化，切成句子和词，给每个词标上词性。它们各做什么，
# 怎样造出来，大模型还需要其中哪些？
#
# 运行时间：两个 CPU 核上约 13 秒；需要第 [00](00_backend.ipynb)、[01](01_bpe.ipynb) 章；研读的源码：
# [segmentation.py](../../minigpt/text/segmentation.py)、[hmm.py](../../minigpt/text/hmm.py)、
# [bmes.py](../../minigpt/text/bmes.py)、[tagging.py](../../minigpt/text/tagging.py)、
# [buckets.py](../../minigpt/text/buckets.py)；文档：[segmentation](../../docs/zh/text/segmentation.md)、
# [hmm](../../docs/zh/text/hmm.md)、[bmes](../../docs/zh/text/bmes.md)、[tagging](../../docs/zh/text/tagging.md)、
# [sentences](../../docs/zh/text/sentences.md)、[buckets](../../docs/zh/text/buckets.md)。
#
# [在 Colab 中打开](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/zh/11_segmentation.ipynb)

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

from minigpt.text.bmes import PLACES, HMMSegmenter, to_places
from minigpt.text.buckets import bucketed_batches, pad_batch, padded_share
from minigpt.text.hmm import HMM, log_likelihood, viterbi
from minigpt.text.normalise import normalise
from minigpt.text.segmentation import MaximumMatching, score_segmentation
from minigpt.text.sentences import split_sentences, split_words
from minigpt.text.stopwords import remove_stopwords
from minigpt.text.tagging import HMMTagger, MostFrequentTagger, accuracy, score_tagger
from minigpt.text.templates import make_sentences, words_of
from minigpt.text.vocabulary import Vocabulary

quick = bool(os.environ.get("MINIGPT_QUICK"))
np.set_printoptions(precision=4, suppress=True)
plt.style.use("tableau-colorblind10")
plt.rcParams.update({"figure.figsize": (7, 3.2), "figure.dpi": 100, "figure.constrained_layout.use": True})

# %% [markdown]
# ## 1 · 同一个词，两种写法
#
# **先猜：** 下面两个词在屏幕上一模一样，它们相等吗？长度各是几？最后一行经过 NFKC 会变成什么，哪些变化无害，哪些有害？

# %%
composed, decomposed = "caf\u00e9", "cafe\u0301"
print(composed, decomposed, composed == decomposed, len(composed), len(decomposed))
print("after NFC:", normalise(composed) == normalise(decomposed))
for text in ("ＧＰＴ　２", "ﬁne", "2⁵ ①", "好，你呢？", "US Straße"):
    print(f"{text}   NFKC: {normalise(text, 'NFKC')}   and case folded: {normalise(text, 'NFKC', lower=True)}")

# %% [markdown]
# NFC 丢掉的都是看不见的，永远该做。其余的都有损失：2⁵ 变成了 25，US（美国）变成了 us（我们）。靠数词工作的程序，所得也许大于所失；
# 要把文本重新写出来的模型，则只有损失。
#
# ## 2 · 句子到哪里为止？
#
# **先猜：** 每一行有几个句子？哪一行不懂意思就分不出来？

# %%
for text in ("Dr. Li paid $3.50, e.g. for tea. Why? Nobody knows.", '"Stop!" he said. She went.',
             "他说：“你好！”然后走了。真的吗？！", "She left the U.S. Army bases stay."):
    print(split_sentences(text))
print(split_words("Dr. Li doesn't pay $3.50 for the well-known tea."))
print("without stop-words:", remove_stopwords(split_words("The film was not good, but the music was.")))

# %% [markdown]
# 英文的词差不多自己就切好了，因为有空格。（还可以切得更细，把 walked 切成 walk，即词干提取；我们不做，理由见[文档](../../docs/zh/text/sentences.md)。）
# 中文没有空格，工作才刚刚开始。
#
# ## 3 · 用词典切中文
#
# 从前往后，每次取词典中能匹配的最长的词；或者同样地从后往前。
#
# **先猜：** 词典里有 研究、研究生、生命、的、起源，两个方向各把 研究生命的起源 切成什么？词典里有 从小、小学、学，从小学（从小就学）又切成什么？

# %%
matching = MaximumMatching(["研究", "研究生", "生命", "的", "起源", "从小", "小学", "学", "才", "能", "才能"])
for text in ("研究生命的起源", "从小学", "才能", "植物园"):
    print(text, "   forward:", " | ".join(matching.forward(text)), "   backward:", " | ".join(matching.backward(text)))

# %%
syllables = ["yan", "jiu", "sheng", "ming", "de", "qi", "yuan"]
figure, axes = plt.subplots(figsize=(7, 2.4))
for row, cut in enumerate((matching.forward, matching.backward)):
    start = 0
    for number, word in enumerate(cut("研究生命的起源")):
        axes.add_patch(plt.Rectangle((start + 0.04, row + 0.12), len(word) - 0.08, 0.76, edgecolor="black",
                                     facecolor=("#cfe3f2", "#ffdfc2")[number % 2]))
        axes.text(start + len(word) / 2, row + 0.5, " ".join(syllables[start:start + len(word)]), ha="center",
                  va="center")
        start += len(word)
axes.set(xlim=(0, 7), ylim=(2, 0), yticks=[0.5, 1.5], yticklabels=["forward", "backward"], xticks=range(8),
         xlabel="place in the text, in characters", title="where words overlap, the two directions differ")
plt.show()

# %% [markdown]
# 词与词交叠的地方，两个方向的结果不同，至少知道这里有疑问。才能 也可以是 才 能（只有这样才能够）：两个方向都取长词，什么也看不出来。词典里没有的词，就碎成单字。
#
# ### 练习：maximum_matching
#
# 从前往后。words 是一个列表；没有词能匹配的地方，取单个字。

# %%
def my_maximum_matching(text, words):
    """The words of text, a list: at each place the longest one of `words` that fits, or else one character."""

# %%
from minigpt.learn import check

check("maximum_matching", my_maximum_matching)

# %% [markdown]
# ## 4 · 效果如何？一份已知答案的文本
#
# 要有标准答案，才能打分。我们的句子由模板生成，答案按构造就是已知的；测试句出自**另外的模板**，还含有训练句里没有的词。这些句子有意做得有歧义，
# 所以分数说明的是方法之间的差别，不是它们在报纸上有多好。
#
# 一个词的两端都对，才算对：精确率（precision）是切出的词里对的比例，召回率（recall）是正确的词里被找到的比例。
#
# **先猜：** 正确的是 研究 | 生命，我们切成 研究生 | 命，精确率是多少？切成 研 | 究 | 生命 呢，精确率和召回率各是多少？

# %%
for ours in (["研究生", "命"], ["研", "究", "生命"]):
    score = score_segmentation([ours], [["研究", "生命"]])
    print(ours, f"precision {score.precision:.3f}, recall {score.recall:.3f}, F1 {score.f1:.3f}")

train, test = make_sentences("zh", "train", 2000, seed=1), make_sentences("zh", "test", 500, seed=1)
known, right = {word for sentence in train for word, _ in sentence}, words_of(test)
texts = ["".join(words) for words in right]
print(f"{len(known)} different words in {len(train):,} sentences to learn from; to test:")
for words in right[:3]:
    print("   ", " | ".join(words))

# %% [markdown]
# ## 5 · 词就是字的位置
#
# 没人把 植物园 收进词典，词典就永远不认识它。可是字知道一些事：的 多半独自成词，园 常在词尾。给每个字标上位置：**B** 开头，**M** 中间，**E** 结尾，**S** 单字。分词变成了标注。
#
# **先猜：** 我们 | 在 | 植物园 的标注是什么？

# %%
print(to_places(["我们", "在", "植物园"]))

# %% [markdown]
# ### 练习：bmes_tags
#
# 两个方向一起写：words 的标注，以及标注 places 在 text 中拼出的词。

# %%
def my_bmes_tags(words, text, places):
    """words: a list -> their places, a string of B, M, E, S; and the list of words that `places` spell in `text`."""

# %%
check("bmes_tags", my_bmes_tags)

# %% [markdown]
# 位置看不见，字看得见；位置取决于前一个位置，字取决于自己的位置。这就是**隐马尔可夫模型**（hidden Markov model）：
#
# $$
# p(s, o) = p(s_1) \prod_t p(s_t \mid s_{t-1}) \prod_t p(o_t \mid s_t)
# $$
#
# 三张表靠计数学来。那么怎样从 $K^T$ 条序列里找出最好的状态？
#
# ## 6 · 手算维特比
#
# 两个状态，起始各 1/2。保持原状态的概率 3/4。状态 0 以 7/8 给出符号 0，状态 1 以 7/8 给出符号 1。我们看到 0 1 0。
#
# **先猜：** 模型会相信状态变了两次，还是认为那个 1 只是偶然？
#
# 对每个状态，记住到达它的最好路径的概率，以及从哪里来。只有到达每个状态的最好路径，才可能是整条最好路径的一部分：后面的事，不管前面是怎么来的。

# %%
start, stay, gives = np.array([1, 1]) / 2, np.array([[3, 1], [1, 3]]) / 4, np.array([[7, 1], [1, 7]]) / 8
seen = [0, 1, 0]
best = start * gives[:, seen[0]]
print("t = 0: best", best)
for t in (1, 2):
    ways = best[:, None] * stay  # row: where from, column: where to
    print(f"t = {t}: ways from (row) to (column)\n{ways}\n       best comes from {ways.argmax(axis=0)}")
    best = ways.max(axis=0) * gives[:, seen[t]]
    print("       best", best)
hmm = HMM(np.log(start), np.log(stay), np.log(gives), np.zeros(2))
states, log_p = viterbi(hmm, seen)
print("library:", states, np.exp(log_p), " all eight ways together:", np.exp(log_likelihood(hmm, seen)))

# %% [markdown]
# 最后在状态 0 最好，它来自 0，再前面也是 0：一个符号敌不过两边的邻居。库里用的是对数相加，因为几百个概率相乘，浮点数就成了 0。
# 把取最大换成求和，同样的循环给出所见之物的概率：前向算法（forward algorithm）。
#
# ### 练习：viterbi
#
# 所有的表都是对数；$T K^2$ 步；最后往回走。

# %%
def my_viterbi(start, transition, emission, symbols):
    """start (K,), transition (K, K), emission (K, V): logarithms; symbols (T,) -> states (T,) and ln p of them."""

# %%
check("viterbi", my_viterbi)

# %% [markdown]
# ## 7 · 词典对隐马尔可夫模型
#
# **先猜：** 谁赢？谁找出更多从没见过的词？如果词典收了测试里的全部词，只剩下歧义，最大匹配又有多好？

# %%
matching, segmenter = MaximumMatching(known), HMMSegmenter.train(words_of(train))
complete = MaximumMatching(known | {word for words in right for word in words})
methods = {"every character": list, "forward": matching.forward, "backward": matching.backward,
           "both": matching.bidirectional, "backward, complete": complete.backward, "HMM": segmenter.segment}
scores = {name: score_segmentation([cut(text) for text in texts], right, known) for name, cut in methods.items()}
for name, score in scores.items():
    print(f"{name:20} precision {score.precision:.3f}  recall {score.recall:.3f}  F1 {score.f1:.3f}  "
          f"of {score.unknown} unknown words {score.unknown_recall:.3f}")

figure, axes = plt.subplots(figsize=(7, 3))
places = np.arange(len(scores))
for shift, values, label in ((-0.2, [score.f1 for score in scores.values()], "F1"),
                             (0.2, [score.unknown_recall for score in scores.values()], "recall of unknown words")):
    bars = axes.barh(places + shift, values, 0.4, label=label)
    axes.bar_label(bars, fmt="%.2f", fontsize=8, padding=2)
axes.set(yticks=places, yticklabels=scores, xlim=(0, 1.12), title="Chinese words on sentences from other templates")
axes.invert_yaxis()
figure.legend(fontsize=8, ncols=2, loc="outside lower center", frameon=False)
plt.show()

for words, text in zip(right, texts):
    if matching.backward(text) != words and segmenter.segment(text) != words:
        print("right:   ", " | ".join(words))
        print("backward:", " | ".join(matching.backward(text)))
        print("HMM:     ", " | ".join(segmenter.segment(text)))
        break

# %% [markdown]
# 各有各的错：词典把未知词切碎，模型把已知词切错，还会造词。词典再完整也不够：有歧义的地方要看整个句子。模型学到了什么，可以直接看。
# 有些零是规则（B 后面不能是 S），有一个出自文本：我们的句子都以标点结尾，所以 E 后面不会结束。
#
# **先猜：** B 后面更可能是 E 还是 M？中文的词大多有多长？

# %%
moves = np.exp(np.concatenate([segmenter.hmm.transition, segmenter.hmm.end[:, None]], axis=1))
figure, axes = plt.subplots(figsize=(5, 3.2))
axes.imshow(moves, cmap="Blues", vmin=0, vmax=1)
for i in range(4):
    for j in range(5):
        axes.text(j, i, f"{moves[i, j]:.2f}", ha="center", va="center", color="white" if moves[i, j] > 0.5 else "black")
axes.set(xticks=range(5), xticklabels=[*PLACES, "end"], yticks=range(4), yticklabels=list(PLACES), xlabel="next place",
         ylabel="place", title="p(next place | place)")
plt.show()

# %% [markdown]
# ## 8 · 词性：还是同一个模型
#
# 把位置换成词性，把字换成词，分词器就成了标注器。基线（baseline）给每个词它最常有的词性。
#
# **先猜：** “they book the book.”，基线会给出哪些词性？在测试句上，训练时有几种词性的那些词，能比基线多对多少？

# %%
english, english_test = make_sentences("en", "train", 2000, seed=1), make_sentences("en", "test", 500, seed=1)
tagger, baseline = HMMTagger.train(english), MostFrequentTagger.train(english)
words = ["they", "book", "the", "book", "."]
print("baseline:", baseline.tag(words))
print("HMM:     ", tagger.tag(words))

results = {}
for language, learn, held_out in (("English", english, english_test), ("Chinese", train, test)):
    for name, kind in (("most frequent", MostFrequentTagger), ("HMM", HMMTagger)):
        results[f"{language}, {name}"] = score_tagger(kind.train(learn).tag, held_out, learn)
for name, score in results.items():
    print(f"{name:24}", "  ".join(f"{kind} {accuracy(getattr(score, kind)):.3f} of {getattr(score, kind)[1]:,}"
                                  for kind in ("all", "known", "unknown", "ambiguous")))

# %% [markdown]
# 得 0.82 分的标注器，除了词什么也不知道。看了邻居，有歧义的词从 0.58 升到 0.90。中文的未知词，基线反而对得更多：它一律说是名词；模型在那里没有词尾可以依靠。
#
# 下面的网格里，每个词对每种词性有一个点。灰线是到达每个点的最好路径，粗线是维特比往回走的那一条。
#
# **先猜：** “they open the light.”：open 和 light 各可以是哪些词性？哪条路胜出？

# %%
words = ["they", "open", "the", "light", "."]
h, o = tagger.hmm, tagger.encode(words)
shown = [tagger.tags.index(tag) for tag in ("PRON", "DET", "ADJ", "NOUN", "VERB", "PUNCT")]
best, points, back = h.start + h.emission[:, o[0]], [], []
points.append(best)
for symbol in o[1:]:
    ways = best[:, None] + h.transition
    back.append(ways.argmax(axis=0))
    best = ways.max(axis=0) + h.emission[:, symbol]
    points.append(best)
path, _ = viterbi(h, o)

figure, axes = plt.subplots(figsize=(7, 3.6))
for t, column in enumerate(points):
    for row, state in enumerate(shown):
        if column[state] > -np.inf:
            axes.plot(t, row, "o", color="#006ba4", markersize=7)
            axes.text(t + 0.05, row - 0.18, f"{column[state]:.1f}", fontsize=8)
            if t and back[t - 1][state] in shown:
                axes.plot([t - 1, t], [shown.index(back[t - 1][state]), row], color="gray", linewidth=1)
axes.plot(range(len(words)), [shown.index(state) for state in path], color="#c85200", linewidth=3, zorder=0)
axes.set(xticks=range(len(words)), xticklabels=words, yticks=range(len(shown)), xlim=(-0.3, len(words) - 0.5),
         ylim=(-0.6, 5.4), yticklabels=[tagger.tags[state] for state in shown],
         title="best log probability of a way to each tag")
axes.invert_yaxis()
plt.show()
for words in (["they", "open", "the", "light", "."], ["they", "open", "the", "light", "garden", "."]):
    print(words, tagger.tag(words))

# %% [markdown]
# 到了 light，形容词和名词几乎一样好，名词略微领先。在后面放上 garden，形容词就赢了：后来的词把领先翻转了过来。所以每种词性的最好路径都要留到最后，然后才往回走。
#
# ### 要多少文本？
#
# **先猜：** 基线每个词学一种词性，模型还要学哪些词性相接。哪一个需要更多的文本？

# %%
sizes = [10, 30, 100, 300, 1000, 3000] if not quick else [10, 100, 1000]
pool = make_sentences("en", "train", sizes[-1], seed=2)
curves = {name: [accuracy(score_tagger(kind.train(pool[:n]).tag, english_test, pool[:n]).all) for n in sizes]
          for name, kind in (("most frequent tag", MostFrequentTagger), ("HMM", HMMTagger))}
figure, axes = plt.subplots()
for (name, values), style in zip(curves.items(), ("s--", "o-")):
    axes.semilogx(sizes, values, style, label=name)
axes.set(xlabel="sentences to learn from", ylabel="share of tags right", ylim=(0, 1),
         title="neighbours help at every size; both stop where templates differ")
axes.grid(alpha=0.3)
axes.legend()
plt.show()
print({name: [round(value, 3) for value in values] for name, values in curves.items()})

# %% [markdown]
# ## 9 · 从词到数组
#
# 词切好了；模型要的是行行等长的数。先是有两道限制的词表，然后是填充。
#
# **先猜：** 词表只有 100 个词元时，测试文本有多大比例的词有自己的编号？收进训练文本的全部词呢？

# %%
for size in (20, 50, 100, None):
    vocabulary = Vocabulary.build(words_of(english), max_size=size)
    print(f"{len(vocabulary):4} tokens: {vocabulary.coverage(words_of(english_test)):.3f} of the words")
sentences = [vocabulary.encode(words, ends=True) for words in words_of(english[:3])]
ids, mask = pad_batch(sentences)
print(ids)
print(mask.astype(int))

# %% [markdown]
# ### 练习：pad_batch
#
# 先截到 longest，再在右边填充。掩码说明哪些是真实的。小心：编号可能恰好等于 pad。

# %%
def my_pad_batch(sequences, longest, pad):
    """B lists of ids -> ids (B, T) and mask (B, T), True where an id is real; T is at most `longest`."""

# %%
check("pad_batch", my_pad_batch)

# %% [markdown]
# 填充的部分算了也白算。让长度相近的句子凑在一起，即**分桶**（bucketing），填充就少了。
#
# **先猜：** 长度均匀分布在 1 到 64，每批 16 个，随机抽取。数组有多大比例是填充？用宽度为 4 的桶呢？

# %%
lengths = np.random.default_rng(0).integers(1, 65, 4000)
widths = [1, 2, 4, 8, 16, 32, 64]
shares = [padded_share(lengths, bucketed_batches(lengths, 16, width, seed=0, epoch=0)) for width in widths]
figure, axes = plt.subplots(1, 2, figsize=(8, 3.2))
axes[0].semilogx(widths, [100 * share for share in shares], "o-", base=2)
axes[0].set(xlabel="width of a bucket", ylabel="% of the array", title="padding", ylim=(0, None), xticks=widths)
axes[0].set_xticks(widths, widths)
axes[0].grid(alpha=0.3)
batch = bucketed_batches(lengths, 16, 64, seed=0, epoch=0)[0]
axes[1].imshow(pad_batch([[1] * lengths[i] for i in batch])[1], cmap="Blues", aspect="auto", vmax=1.3)
axes[1].set(xlabel="position", ylabel="sentence", title="a batch without buckets: blue is text")
plt.show()
print({width: round(share, 3) for width, share in zip(widths, shares)})

# %% [markdown]
# ## 10 · 大模型还需要什么
#
# | 步骤 | 靠数词的模型 | 大语言模型 |
# |---|---|---|
# | NFC | 要 | 要，否则看起来一样的两种写法是不同的词元 |
# | 大小写、全半角、NFKC | 多半要 | 不要：字节什么都能写，而且模型要能原样写回 |
# | 切句子 | 要 | 不要；准备数据和打分时要 |
# | 中文分词 | 要 | 不要：用字或 BPE；搜索和词频统计要 |
# | 停用词、词干提取 | 搜索和分类时用 | 不要：它们就是句子 |
# | 词性 | 用作特征 | 不要：对预测有用的，它自己会学 |
# | 词表 | 词的，带 `<unk>` | 子词的，不带 |
# | 填充、分桶 | 要 | 同时回答许多问题时要；训练时把文本接起来再切 |
#
# 右边一列不是白来的。规则所知道的，模型要自己学，用的文本多一千倍。
#
# **学到了什么**
#
# * 规范化把意思相同的合在一起，也忘掉了差别：NFC 总是要做，其余的只在不必写回时才做。
# * 隐马尔可夫模型是三张计数表，维特比用 $T K^2$ 步找出最好的状态：分词和词性标注是同一件事。
# * 分数要与基线相比才有意义，要在没学过的句子上算，未知词要另外数。
#
# **下一章：** [12 · n 元语法](12_ngram.ipynb)：p(下一个 | 前面) 这样的表，成为语言模型。
