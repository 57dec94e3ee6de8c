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
# # 01 · 从文本到词元
# <!-- english: 373d31ebf294 -->
#
# **本章的问题：** 模型看到的只有整数。文本应当在哪里切成词元（token）？每种切法要付出什么代价？
#
# 运行时间：两个 CPU 核上约 9 秒；需要先读 [00](00_backend.ipynb)；研读的源代码：
# [base.py](../../minigpt/text/base.py)、[characters.py](../../minigpt/text/characters.py)、
# [words.py](../../minigpt/text/words.py)、[byte_level.py](../../minigpt/text/byte_level.py)、
# [bpe_training.py](../../minigpt/text/bpe_training.py)、[bpe.py](../../minigpt/text/bpe.py)；文档：
# [base](../../docs/zh/text/base.md)、[characters](../../docs/zh/text/characters.md)、
# [words](../../docs/zh/text/words.md)、[byte_level](../../docs/zh/text/byte_level.md)、
# [bpe_training](../../docs/zh/text/bpe_training.md) 和 [bpe](../../docs/zh/text/bpe.md)。
#
# [在 Colab 中打开](https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks/zh/01_bpe.ipynb)

# %%
import sys

if "google.colab" in sys.modules:  # Colab has NumPy, CuPy and matplotlib already: nothing of them is installed again
    # %pip install -q --no-deps git+https://github.com/OWNER/minigpt
    # %pip install -q regex safetensors tqdm threadpoolctl
    print("minigpt is installed")

# %% [markdown]
# 有两股力往相反的方向拉。词表小，模型里的表就小，每个词元也都常见，但文本变长；
# 模型一次只看固定个数的词元，文本一长，看到的上下文就少。词表大，则恰好相反。
# 下面依次看四种答案：字符、词、字节，以及 GPT 所用的字节对编码（byte-pair encoding，BPE）。
#
# 本章用的真实文本，是每个 Python 自带的语言参考手册。每十行留出一行，当作分词器从没见过的文本。

# %%
from collections import Counter
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import regex

from minigpt.corpora import find_sources
from minigpt.errors import InputError
from minigpt.exercises import book
from minigpt.text.bpe import BYTE_TO_ID, PATTERN, BPETokenizer
from minigpt.text.bpe_training import learn_merges
from minigpt.text.byte_level import ByteTokenizer
from minigpt.text.characters import CharacterTokenizer
from minigpt.text.streaming import StreamDecoder
from minigpt.text.words import WordTokenizer

plt.style.use("tableau-colorblind10")
plt.rcParams.update({"figure.figsize": (7, 3.2), "figure.constrained_layout.use": True})

lines = find_sources(["pydoc"])[0].content.decode("utf-8").splitlines(keepends=True)
seen, unseen = "".join(line for i, line in enumerate(lines, 1) if i % 10), "".join(lines[9::10])
print(f"{len(seen):,} characters to learn from, {len(unseen):,} kept apart; they begin with:")
print(seen[:200])

# %% [markdown]
# ## 1 · 字符
#
# 词表就是出现过的字符的集合，按码位排序。不能再简单了。
#
# **先猜：** 五十万字符的英文技术文本里，大约有多少种不同的字符？遇到从没见过的字符，`encode` 该怎么办？

# %%
characters = CharacterTokenizer.train([seen])
print(characters.vocab_size, "tokens:", "".join(characters.characters).strip())
print("banana", characters.encode("banana"))
try:
    characters.encode("the word 词元")
except InputError as error:
    print("InputError:", error)

# %% [markdown]
# 它拒绝了，并说明在哪里。另一种选择，是给一切未知的东西同一个词元 `<unk>`：
# `encode` 从此不会失败，但原来是什么，就再也不知道了。
#
# ### 练习：encode_characters
#
# 自己写一个，带 `<unk>`：词表取自文本 `training`，未知的字符得到最后一个编号之后的那个编号。
# （第 00 章做过的话，直接往下读。）

# %%
def my_encode_characters(text, training):
    """The ids of text, a list of integers, by the vocabulary of the text `training`."""

# %%
from minigpt.learn import check

check("encode_characters", my_encode_characters)

# %% [markdown]
# ## 2 · 词与齐普夫定律
#
# 词本身就有意义，一段文本里词的个数也比字符少得多。代价是什么？
# 数出每个词出现的次数，按次数从多到少排列：最常见的排第 1 名。
#
# **先猜：** 如果最常见的词占全文的 5 %，第十名占多少？*不同的*词里，只出现一次的占几成？

# %%
words = WordTokenizer.train([seen])
counts = Counter(words.encode(seen))
spoken = {words.words[i]: n for i, n in counts.most_common() if words.words[i][0].isalpha()}  # no spaces, no marks
once = sum(n == 1 for n in spoken.values())
print(f"{len(spoken):,} different words; {once:,} of them ({once / len(spoken):.0%}) occur once")
print("the most frequent:", list(spoken.items())[:10])

figure, axes = plt.subplots()
frequencies = np.array(list(spoken.values()))
ranks = np.arange(1, len(frequencies) + 1)
axes.loglog(ranks, frequencies, ".", markersize=4, label="words of the text")
axes.loglog(ranks, frequencies[9] * 10 / ranks, "--", label="Zipf: frequency = constant / rank")
axes.set(xlabel="rank of the word", ylabel="how often it occurs",
         title="Zipf's law: nearly a straight line with slope -1")
axes.legend()
axes.grid(alpha=0.3)
plt.show()

# %% [markdown]
# 这就是齐普夫定律（Zipf's law）：频率大致随名次成反比下降，第一名 5 %，第十名就是 0.5 % 左右。
# （最前面几名并不准，看打印出来的次数就知道；再往下就相当准了。）它没有尽头：词表再大，新的文本总会带来新的词。
# 下一格拿大小不同的词表去编码没见过的文本，数一数有多少词是未知的。
#
# **先猜：** 即使收进见过的文本里的*全部*词，没见过的文本里还有多少词是未知的：没有、3 %、10 %，还是 30 %？

# %%
sizes = [100, 300, 1000, 3000, words.vocab_size]
for size in sizes:
    limited = WordTokenizer.train([seen], size, unknown="<unk>")
    ids = limited.encode(unseen)
    unknown = ids.count(limited.vocab_size - 1)
    known = sum(limited.words[i][0].isalnum() for i in ids if i < len(limited.words))  # words, not spaces or marks
    print(f"vocabulary of {size:5,}: {unknown / (unknown + known):6.2%} of the words of unseen text are unknown")
limited = WordTokenizer.train([seen], 1000, unknown="<unk>")
print(limited.decode(limited.encode(unseen[5000:5400])))

# %% [markdown]
# 罕见的词一个个成了文本里的空洞，而罕见的词往往正是文本要讲的东西。
#
# ## 3 · 字节
#
# UTF-8 用一到四个字节写出任何语言的任何字符。由 256 个字节值构成的词表认识它们全部，也不需要训练。
#
# **先猜：** `e`、`é`、`词` 和一张笑脸，各占几个字节？

# %%
as_bytes = ByteTokenizer()
for character in "eé词🙂":
    print(f"{character}  U+{ord(character):05X}  bytes {as_bytes.encode(character)}")
sentence = "词元不是词。"
ids = as_bytes.encode(sentence)
print(sentence, len(sentence), "characters,", len(ids), "bytes")
print("the first four bytes, decoded:", as_bytes.decode(ids[:4]))
decoder = StreamDecoder(as_bytes)
print("one at a time:", [decoder.push(i) for i in ids[:7]])

# %% [markdown]
# 从此没有未知的文本了。代价是：一个字节可能只是三分之一个字，模型可能吐出根本不成文字的字节；
# 而中文的长度变成字符数的三倍。从一个字中间切开，解码出来就是 `�`。
# 因此模型边写边显示时，`StreamDecoder` 会先扣住字节，等一个字凑齐了再放出来。
#
# ## 4 · 手算字节对编码
#
# 字节和词之间，是一把连续的尺子。从字节出发，找出相邻次数最多的一对，把它变成一个新词元；再找，再合并。
# 常见的词成为一个词元，罕见的词仍是几块碎片，没有什么是未知的。
#
# 先做一个限制：把文本切成**小块**（chunk），大致就是词，前面的空格归后面的词
# （显示为 `Ġ`，GPT-2 就这样打印这个字节）。合并（merge）决不跨过小块的边界。

# %%
sentence = "the theme of the thesis is the theory"
chunks = PATTERN.findall(sentence)
print(chunks)

# %% [markdown]
# 运行下一格之前，**先猜**一猜，在纸上数：哪一对相邻的字母最多？这里有并列。
# 规则：次数相同时，左边词元编号较小的一对胜出（字母的编号按字母表排列）。

# %%
pairs = Counter()
for chunk in chunks:
    pairs.update(pairwise(chunk))
for (left, right), count in sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:6]:
    print(f"{left!r} {right!r}: {count}")

# %% [markdown]
# 于是 `h e` 变成词元 `he`。那些位置上含 `h`、`e` 的旧对子消失了，取而代之的是 `t he`。
# 接下来交给库里的 `learn_merges`；我们打印每次合并，以及合并后句子切成了什么样。
#
# **先猜**第二次和第三次合并。

# %%
chunk_counts = Counter(chunk.encode("utf-8").translate(BYTE_TO_ID) for chunk in chunks)  # as ids under 256
merges = learn_merges(chunk_counts, num_merges=100, min_count=2)
small = BPETokenizer(merges)
steps = []
for k in range(len(merges) + 1):
    cut_so_far = BPETokenizer(merges[:k])
    steps.append([cut_so_far.tokens[i] for i in cut_so_far.encode(sentence)])
    made = " + ".join(small.tokens[i] for i in merges[k - 1]) if k else "bytes only"
    print(f"{k}  {made:12} {len(steps[k]):2} tokens  {' '.join(steps[k])}")

# %%
figure, axes = plt.subplots(figsize=(7, 0.42 * len(steps) + 0.8))
colours = ["#cfe3f2", "#ffdfc2"]
for k, tokens in enumerate(steps):
    start = 0
    for n, token in enumerate(tokens):
        new = k > 0 and token == small.tokens[256 + k - 1]
        axes.add_patch(plt.Rectangle((start, k + 0.1), len(token), 0.8, facecolor=colours[n % 2], edgecolor="black",
                                     linewidth=2 if new else 0.5))
        axes.text(start + len(token) / 2, k + 0.5, token.replace("Ġ", "_"), ha="center", va="center", fontsize=9,
                  family="monospace", weight="bold" if new else "normal")
        start += len(token)
axes.set(xlim=(-0.2, len(sentence) + 0.2), ylim=(len(steps), 0), xticks=[], yticks=np.arange(len(steps)) + 0.5,
         yticklabels=[f"{k} merges: {len(tokens)}" for k, tokens in enumerate(steps)],
         title="one merge after the other (bold: the new token; _ is a space)")
axes.tick_params(length=0)
plt.show()

# %% [markdown]
# 给新的文本**编码**时，按同样的次序做同样的合并，不管新文本里哪一对更多。没见过的词，会切成认识的碎片：

# %%
for word in (" thesis", " theses", " other", " zzz"):
    print(f"{word!r:10} -> {[small.tokens[i] for i in small.encode(word)]}")

# %% [markdown]
# ### 练习：count_pairs
#
# 训练的核心就是计数。`chunks` 是若干个编号列表，`counts` 是每个列表在文本里出现的次数。

# %%
def my_count_pairs(chunks, counts):
    """chunks: lists of ids; counts: how often the text has each of them -> {(left, right): how often}."""

# %%
from minigpt.learn import check

check("count_pairs", my_count_pairs)

# %% [markdown]
# ### 练习：merge_pair
#
# 另一半：从左到右，凡是这一对出现的地方，都换成新词元。小心 `aaa`：里面的 `a a` 能合并几次？

# %%
def my_merge_pair(ids, pair, new_id):
    """A new list: ids with new_id in each place where the two ids of pair stand side by side."""

# %%
from minigpt.learn import check

check("merge_pair", my_merge_pair)

# %% [markdown]
# 有了这两个函数，训练就是四行的循环：计数，取最大，合并，重复。但这样每次合并都要走遍全文。
# [bpe_training.py](../../minigpt/text/bpe_training.py) 说明了怎样凭三个观察，把它变成一秒钟的事，而结果相同。
#
# ## 5 · 在真实文本上训练
#
# 合并的列表*就是*分词器；列表短一些，就是小一些的分词器：
# 几千次合并里的前 768 次，正是只训练 768 次所得到的，词表为 256 + 768 = 1,024。所以只训练一次，然后截取。
#
# **先猜：** 关于 Python 的英文文本，最先合并的是什么？` 1234567` 会怎样切：一位一位，两位两位，还是整个一块？

# %%
trained = BPETokenizer.train([seen], 8192, special_tokens=())
print(f"8,192 tokens were asked for, {trained.vocab_size:,} came: then no pair stands together twice any more")
print("the first merges:", [trained.tokens[256 + i] for i in range(24)])
print("some of the last:", [trained.tokens[-1 - 12 * i][:40] for i in range(12)])
for text in (" the", "the", " The", " tokenization", " 1234567", "    return x"):
    print(f"{text!r:16} {[trained.tokens[i] for i in trained.encode(text)]}")

# %% [markdown]
# 对模型来说，` the`、`the` 和 ` The` 是三个毫不相干的词元，直到训练表明它们相干。
# 数字在奇怪的地方断开；词里有哪些字母，模型看不见。语言模型不擅长的许多事，例如拼写和算术，都是从这里开始的。
#
# ### 压缩率与词表大小
#
# **先猜：** 词表为 1,024 时，每个词元平均有几个字符？词表加倍，在 2,048 处省下的和在 512 处一样多吗？
# 大词表多出来的那些词元，训练时各能见到几次？

# %%
sizes = [256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, trained.vocab_size]
per_token = {"seen text": [], "unseen text": []}
rare = []
for size in sizes:
    tokenizer = BPETokenizer(trained.merges[:size - 256])
    ids = tokenizer.encode(seen)
    per_token["seen text"].append(len(seen) / len(ids))
    per_token["unseen text"].append(len(unseen) / len(tokenizer.encode(unseen)))
    uses = np.bincount(ids, minlength=size)[256:]  # of the merged tokens
    rare.append((uses < 20).mean() if len(uses) else 0)

figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.4))
for (name, values), style in zip(per_token.items(), ("o-", "s--")):
    left.plot(sizes, values, style, markersize=4, label=name)
left.set(xlabel="vocabulary size", ylabel="characters a token", ylim=(0, None),
         title="compression: less and less gained")
left.legend(fontsize=8)
right.plot(sizes, [100 * share for share in rare], "o-", color="#c85200", markersize=4)
right.set(xlabel="vocabulary size", ylabel="% of merged tokens", title="tokens used under 20 times", ylim=(0, 100))
for ax in (left, right):
    ax.set_xscale("log", base=2)
    ax.set_xticks([256, 512, 1024, 2048, 4096, 8192], ["256", "512", "1k", "2k", "4k", "8k"])
    ax.grid(alpha=0.3)
plt.show()
for i in (0, 4, 8, 9):
    size = sizes[i]
    print(f"{size:5,} tokens: {per_token['unseen text'][i]:.2f} characters a token, a text of 64 tokens has "
          f"{64 * per_token['unseen text'][i]:.0f} characters; a table with 96 channels {96 * size:8,} parameters")

# %% [markdown]
# 这就是取舍。词表每加倍一次，嵌入表也加倍，压缩率的提高却越来越少；
# 最后那些合并，连起来的是全文里只相邻过两次的东西。而只见过几次的东西，是学不好的。
# GPT-2 为 40 GB 文本取了 50,257 个词元；`python -m minigpt train` 为半兆字节取 1,024 个。
#
# ### 词元有多长？
#
# **先猜：** *词表*里的词元平均更长，还是*文本*里的词元平均更长？

# %%
tokenizer = BPETokenizer(trained.merges[:4096 - 256])
lengths = np.array([len(token) for token in tokenizer.token_bytes])
in_text = lengths[tokenizer.encode(unseen)]
print(f"mean length: {lengths.mean():.2f} bytes in the vocabulary, {in_text.mean():.2f} in unseen text")
longest = sorted((token for token in tokenizer.tokens if regex.fullmatch("Ġ?[A-Za-z]+", token)), key=len)[-8:]
print("the longest of letters alone:", longest)

figure, axes = plt.subplots()
bins = np.arange(1, 18)
for shift, values, label in ((-0.2, lengths, "vocabulary: each token once"), (0.2, in_text, "unseen text")):
    share = np.array([(values == n).mean() for n in bins])
    axes.bar(bins + shift, 100 * share, 0.4, label=label)
axes.set(xlabel="bytes in a token", ylabel="% of the tokens", title="short tokens are few, but used all the time",
         xticks=bins)
axes.legend()
plt.show()

# %% [markdown]
# ### 又见齐普夫
#
# **先猜：** BPE 把词元花在常见的地方。它的频率对名次的曲线，比词的更平，还是更陡？字符的呢？

# %%
figure, axes = plt.subplots(figsize=(7, 3.6))
for name, kind, style, color in (("characters", characters, "-", "#006ba4"),
                                 ("BPE, 4,096 tokens", tokenizer, "--", "#c85200"), ("words", words, ":", "black")):
    ids = kind.encode(seen)
    share = np.sort(np.bincount(ids))[::-1] / len(ids)
    share = share[share > 0]
    axes.loglog(np.arange(1, len(share) + 1), share, style, color=color, linewidth=2, label=name)
axes.set(xlabel="rank of the token", ylabel="share of all tokens", title="how evenly are the tokens used?")
axes.grid(alpha=0.3)
axes.legend()
plt.show()

# %% [markdown]
# 少数几个词占了大半文本（词之间的空格在这里也算一个词，就是第一名）；文本再多些，词的长尾会继续往右延伸，
# 没有尽头；字符则像悬崖一样断掉。
# BPE 的曲线起点更低，下降更缓，到我们指定的地方为止。
#
# ## 6 · 中文
#
# 中文没有空格，一个小块就是一整段话，直到下一个标点；而每个汉字一开始是三个字节。
# 文本取自每份 minigpt 都带着的东西：练习的题目和提示里的中文部分。其中五分之四用来学习。
#
# **先猜：** 用英文训练的分词器，一个汉字要几个词元？用这些中文训练的、同样大小的分词器呢，多于一个还是少于一个？

# %%
sources = [path.read_text(encoding="utf-8") for path in sorted(Path(book.__file__).parent.glob("*.py"))]
phrases = [text for source in sources for text in regex.findall(r'"([^"\n]*\p{Han}[^"\n]*)"', source)]
learn, test = "".join(phrases[i] + "\n" for i in range(len(phrases)) if i % 5), "".join(phrases[::5])
test = "".join(regex.findall(r"\p{Han}+[，。：；？！、]?", test))  # Chinese alone
size = 2048
kinds = {
    "bytes": ByteTokenizer(),
    f"BPE {size}, English": BPETokenizer(trained.merges[:size - 256]),
    f"BPE {size}, Chinese": BPETokenizer.train([learn], size, special_tokens=()),
    f"BPE {size}, half and half": BPETokenizer.train([seen[:3 * len(learn)], learn], size, special_tokens=()),
}
print(f"{len(learn):,} characters to learn from, {len(test):,} Chinese ones to test with: {test[:40]} ...")
table = {name: (len(kind.encode(unseen)) / len(unseen), len(kind.encode(test)) / len(test))
         for name, kind in kinds.items()}
for name, (english, chinese) in table.items():
    print(f"{name:26} tokens a character: English {english:.2f}, Chinese {chinese:.2f}")
chinese_bpe = kinds[f"BPE {size}, Chinese"]
texts = [token.decode("utf-8", "replace") for token in chinese_bpe.token_bytes]
print("the longest of Chinese:", sorted((text for text in texts if regex.fullmatch(r"\p{Han}+", text)), key=len)[-10:])
print(sum("\ufffd" in text for text in texts), "tokens hold a piece of a character")
print("cut:", " | ".join(chinese_bpe.decode([i]) for i in chinese_bpe.encode(test[:40])))

figure, axes = plt.subplots(figsize=(7, 2.8))
places = np.arange(len(table))
for shift, column, label in ((-0.2, 0, "English"), (0.2, 1, "Chinese")):
    bars = axes.barh(places + shift, [row[column] for row in table.values()], 0.4, label=label)
    axes.bar_label(bars, fmt="%.2f", fontsize=8, padding=2)
axes.set(yticks=places, yticklabels=table, xlabel="tokens a character, on unseen text",
         title="a tokenizer fits the language that it was trained on", xlim=(0, 3.4))
axes.invert_yaxis()
axes.legend()
plt.show()

# %% [markdown]
# 模型按词元付账：付的是时间，也是能回看多远。所以分词器是为谁训练的，并非小事。
# 那些半截的字也不是小事：一个词元可以是一个汉字三个字节中的两个，是许多汉字共有的开头，
# 写中文的模型得学会后面可以接什么。
#
# ## 学到了什么
#
# * 字符：词表小，文本长。词：文本短，但齐普夫定律留下空洞。字节：没有空洞，但最长。
# * BPE 一再合并最常见的一对；合并的列表按学到的次序排列，就是整个分词器。
# * 词表越大，得到的越来越少，每个词元要占表的一行，最后那些词元又太罕见，学不好。
#
# **下一章：** [02 · 语言模型是条件分布](02_cross_entropy.ipynb)：文本已经变成了数，现在来预测下一个。
