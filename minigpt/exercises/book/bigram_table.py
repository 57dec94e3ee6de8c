"""Exercise of chapter 02: a language model by counting, p(next token | token)."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong

SKELETON = '''\
import numpy as np


def bigram_table(ids, vocab_size, k):
    """ids (T,) -> p (V, V): in row i the probabilities of what follows token i."""
'''

ANSWER = '''\
import numpy as np


def bigram_table(ids, vocab_size, k):
    counts = np.zeros((vocab_size, vocab_size))
    np.add.at(counts, (ids[:-1], ids[1:]), 1)
    return (counts + k) / (counts.sum(axis=1, keepdims=True) + k * vocab_size)
'''


def solution(ids, vocab_size, k):
    pairs = ids[:-1] * vocab_size + ids[1:]  # (T-1,), one number for each pair, so that bincount can count them
    counts = np.bincount(pairs, minlength=vocab_size**2).reshape(vocab_size, vocab_size) + k  # (V, V)
    return counts / counts.sum(axis=1, keepdims=True)


def problems(rng):
    return [Problem({"ids": np.array([0, 1, 1, 0, 1, 2, 0])}, {"vocab_size": 3, "k": 1}),
            Problem({"ids": rng.integers(0, 5, 40)}, {"vocab_size": 6, "k": 0.25}),
            Problem({"ids": np.array([1, 1, 1, 1])}, {"vocab_size": 2, "k": 0.5}),
            Problem({"ids": np.array([2])}, {"vocab_size": 4, "k": 1}),
            Problem({"ids": np.array([0, 0, 0])}, {"vocab_size": 1, "k": 0.1})]


def _rows(functions, problem):
    sums = functions[0](problem.arrays["ids"], **problem.given).sum(axis=1)
    worst = int(np.abs(sums - 1).argmax())
    if abs(sums[worst] - 1) > 1e-9:
        return Text(f"row {worst} adds up to {sums[worst]:.6g} and not to 1: something must follow token {worst}",
                    f"第 {worst} 行之和为 {sums[worst]:.6g}，不是 1：词元 {worst} 之后总要有一个词元")
    return None


def _even(functions, problem):
    ids, V = problem.arrays["ids"], problem.given["vocab_size"]
    off = np.abs(functions[0](ids, vocab_size=V, k=1e12) - 1 / V).max()
    if off > 1e-9:
        return Text(f"with a huge k all counts are nothing, and every probability should be 1/V; one is {off:.3g} off",
                    f"k 极大时计数微不足道，每个概率都应是 1/V；有一个相差 {off:.3g}")
    return None


EXERCISE = Exercise(
    name="bigram_table",
    chapter=2,
    title=Text("A bigram model by counting", "用计数得到二元模型"),
    task=Text(
        "p_ij is the probability that token j comes right after token i: p_ij = (n_ij + k) / (Σ_j n_ij + k V), where "
        "n_ij counts how often j stands directly after i in `ids`. The k > 0 is as if each pair had been seen k times "
        "more (add-k smoothing), so that no pair is impossible. Each row adds up to 1, also that of a token never "
        "seen.",
        "p_ij 是词元（token）j 紧跟在词元 i 之后的概率：p_ij = (n_ij + k) / (Σ_j n_ij + k V)，"
        "n_ij 是 ids 中 j 紧跟 i 的次数。k > 0 相当于每一对都多见了 k 次（加 k 平滑，add-k smoothing），"
        "这样没有哪一对是不可能的。每一行之和为 1，从未出现的词元那一行也是。"),
    functions=("bigram_table",),
    skeleton=SKELETON,
    solution=(solution,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("rows add up to 1", _rows), Property("a huge k makes all alike", _even)),
    hints=(
        Text("ids[:-1] are the tokens that something follows, ids[1:] what follows them: T tokens are T - 1 pairs.",
             "ids[:-1] 是后面还有词元的那些，ids[1:] 是各自的下一个：T 个词元有 T - 1 对。"),
        Text("counts[a, b] += 1 with arrays a and b adds only once where a pair occurs several times. np.add.at, or a "
             "loop, adds each time.",
             "a、b 是数组时，counts[a, b] += 1 对重复的对只加一次。np.add.at 或循环才会每次都加。"),
        Text("Divide counts + k by its own row sums: .sum(axis=1, keepdims=True) has the shape (V, 1) and divides "
             "rows; without keepdims it is (V,) and divides columns.",
             "用 counts + k 除以它自己的行和：.sum(axis=1, keepdims=True) 的形状是 (V, 1)，除的是行；"
             "不加 keepdims 就是 (V,)，除的是列。"),
    ),
    wrong=(
        Wrong("duplicates_lost", (("np.add.at(counts, (ids[:-1], ids[1:]), 1)", "counts[ids[:-1], ids[1:]] += 1"),),
              "value", "np.add.at",
              Text("a pair that occurs several times was counted once: NumPy's counts[a, b] += 1 reads, adds and "
                   "writes each place once; use np.add.at or a loop",
                   "出现多次的对只计了一次：NumPy 的 counts[a, b] += 1 对每个位置只读、加、写一遍；"
                   "请用 np.add.at 或循环")),
        Wrong("transposed", (("(ids[:-1], ids[1:])", "(ids[1:], ids[:-1])"),), "value", "what came before",
              Text("row i counts what came before token i: the row must be the token, the column what follows it",
                   "第 i 行数的是词元 i 之前的词元：行应当是当前词元，列是它的下一个")),
        Wrong("no_smoothing", (("counts + k)", "counts)"), (" + k * vocab_size", " + 1e-300")), "value",
              "k is not used",
              Text("k is not used: it is added to every count, so that what was never seen is possible all the same",
                   "没有用到 k：每个计数都要加上 k，这样没见过的也不是不可能")),
        Wrong("not_divided", ((" / (counts.sum(axis=1, keepdims=True) + k * vocab_size)", ""),), "value", "counts",
              Text("these are the counts + k, not yet probabilities: divide each row by its sum",
                   "这还是计数加 k，不是概率：每一行要除以它的和")),
        Wrong("columns", (("axis=1, keepdims=True", "axis=0, keepdims=True"),), "value", "columns",
              Text("the columns add up to 1, not the rows: the sum over what follows runs along axis 1",
                   "加起来得 1 的是列而不是行：对下一个词元求和，要沿轴 1")),
        Wrong("no_keepdims", (("axis=1, keepdims=True", "axis=1"),), "value", "keepdims",
              Text("row sums of the shape (V,) line up with the last axis, so column j was divided by the sum of row "
                   "j: keepdims=True makes them (V, 1)",
                   "形状为 (V,) 的行和会与最后一个轴对齐，于是第 j 列除以了第 j 行的和：加 keepdims=True，变成 (V, "
                   "1)")),
        Wrong("joint", (("counts.sum(axis=1, keepdims=True) + k * vocab_size", "counts.sum() + k * vocab_size**2"),),
              "value", "joint",
              Text("the whole table adds up to 1: this is the joint probability p(i, j); the conditional p(j | i) "
                   "divides each row by its own sum",
                   "整张表之和为 1：这是联合概率 p(i, j)；条件概率 p(j | i) 要用每一行自己的和去除")),
        Wrong("k_only_above", ((" + k * vocab_size", ""),), "value", "k V",
              Text("k was added to the counts but not to their sum: V counts of a row grow by k, so their sum grows by "
                   "k V",
                   "分子加了 k，分母却没有加：一行有 V 个计数，各加 k，它们的和就多 k V")),
        Wrong("k_once_below", (("k * vocab_size", "k"),), "value", "by k alone",
              Text("the sum of a row grew by k alone: each of its V counts grows by k, so the sum grows by k V",
                   "行和只加了一个 k：V 个计数各加 k，和应当多 k V")),
        Wrong("last_token_counted", (("counts.sum(axis=1, keepdims=True)",
                                      "np.bincount(ids, minlength=vocab_size)[:, None]"),), "value", "end of the text",
              Text("the divisor counts every place of token i, also the end of the text, where nothing follows: count "
                   "pairs, the sum of the row",
                   "除数数了词元 i 的每一次出现，连文本末尾那一次也算了，而它之后没有词元：应当数对，即这一行的和")),
        Wrong("wraps_around", (("(ids[:-1], ids[1:])", "(ids, np.roll(ids, -1))"),), "value", "first token",
              Text("the first token was counted as following the last one: T tokens are only T - 1 pairs",
                   "最后一个词元之后接上了第一个：T 个词元只有 T - 1 对")),
    ),
)  # fmt: skip
