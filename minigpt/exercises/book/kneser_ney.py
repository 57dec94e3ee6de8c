"""Exercise of chapter 12: interpolated Kneser-Ney for pairs of tokens."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.models import ngram_smoothing

SKELETON = '''\
import numpy as np


def kneser_ney(counts, d):
    """counts (V, V), how often token j followed token i -> p (V, V), p[i, j] of j after i."""
'''

ANSWER = '''\
import numpy as np


def kneser_ney(counts, d):
    seen = counts > 0
    before = seen.sum(axis=0)
    lower = before / before.sum()
    total = counts.sum(axis=1, keepdims=True)
    types = seen.sum(axis=1, keepdims=True)
    p = (np.maximum(counts - d, 0) + d * types * lower) / np.maximum(total, 1)
    return np.where(total > 0, p, lower)
'''


def solution(counts, d):
    seen = counts > 0
    lower = seen.sum(axis=0) / seen.sum()  # (V,): before how many different tokens each has come
    total, types = counts.sum(axis=1, keepdims=True), seen.sum(axis=1, keepdims=True)  # (V, 1)
    return ngram_smoothing.kneser_ney(counts, total, types, lower, d, len(counts))


def problems(rng):
    def draw(V, share):
        counts = rng.integers(1, 6, (V, V)) * (rng.random((V, V)) < share)
        counts[0, V - 1] = 3
        return counts

    unseen = draw(6, 0.5)
    unseen[2] = 0
    return [Problem({"counts": np.array([[0, 8, 1], [1, 2, 0], [0, 4, 0]])}, {"d": 0.75}),
            Problem({"counts": draw(7, 0.4)}, {"d": 0.5}),
            Problem({"counts": unseen}, {"d": 0.9}),
            Problem({"counts": np.array([[4]])}, {"d": 0.3}),
            Problem({"counts": draw(9, 0.2)}, {"d": 1.0})]


def _rows(functions, problem):
    sums = functions[0](problem.arrays["counts"], **problem.given).sum(axis=1)
    worst = int(np.abs(sums - 1).argmax())
    if abs(sums[worst] - 1) > 1e-9:
        return Text(f"row {worst} adds up to {sums[worst]:.6g} and not to 1: what was taken away must be handed out",
                    f"第 {worst} 行之和为 {sums[worst]:.6g}，不是 1：减去的部分要全部分出去")
    return None


EXERCISE = Exercise(
    name="kneser_ney",
    chapter=12,
    title=Text("Interpolated Kneser-Ney", "插值 Kneser-Ney 平滑"),
    task=Text(
        "counts (V, V) has in row i how often each token j came right after token i. Take d from each count that isn't "
        "0 and hand the sum out by a distribution over single tokens: p_ij = (max(n_ij - d, 0) + d T_i q_j) / N_i, "
        "where N_i is the sum of row i and T_i how many different tokens came after i. What is special is q: not how "
        "frequent j is, but after how many different tokens it has come, q_j = |{i: n_ij > 0}| / |{(i, j): n_ij > 0}|. "
        "A row of zeros gets q itself.",
        "counts (V, V) 的第 i 行是各个词元 j 紧跟在词元 i 之后的次数。从每个不为 0 的计数中减去 d，减下来的总和再按"
        "单个词元的分布分出去：p_ij = (max(n_ij - d, 0) + d T_i q_j) / N_i，其中 N_i 是第 i 行之和，"
        "T_i 是 i 之后出现过多少种不同的词元。特别之处在于 q：看的不是 j 有多常见，而是它接在多少种不同的词元之后："
        "q_j = |{i: n_ij > 0}| / |{(i, j): n_ij > 0}|。全为零的一行取 q 本身。"),
    functions=("kneser_ney",),
    skeleton=SKELETON,
    solution=(solution,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("rows add up to 1", _rows),),
    shown=(ngram_smoothing.kneser_ney, ngram_smoothing.continuation_counts),
    hints=(
        Text("counts > 0 is a table of booleans: its sums over rows and over columns are the two numbers of different "
             "tokens that you need.",
             "counts > 0 是一张布尔表：它按行、按列的和，就是你需要的两种“不同词元的个数”。"),
        Text("T_i sums over what comes after (axis 1, keepdims), the counts behind q over what comes before (axis 0).",
             "T_i 对后面的词元求和（沿轴 1，加 keepdims），q 背后的计数对前面的词元求和（沿轴 0）。"),
        Text("np.maximum(counts - d, 0) keeps zeros at 0. For the rows of zeros, divide by np.maximum(N, 1) and choose "
             "with np.where(N > 0, p, q).",
             "np.maximum(counts - d, 0) 让 0 仍为 0。全零的行：先除以 np.maximum(N, 1)，"
             "再用 np.where(N > 0, p, q) 选择。"),
    ),
    wrong=(
        Wrong("frequencies", (("before = seen.sum(axis=0)", "before = counts.sum(axis=0)"),), "value", "frequency",
              Text("q is the frequency of each token here: count instead after how many different tokens it has come, "
                   "that is the whole idea of Kneser and Ney",
                   "这里的 q 是词元的频率：应当数它接在多少种不同的词元之后，这正是 Kneser 和 Ney 的想法")),
        Wrong("followers", (("before = seen.sum(axis=0)", "before = seen.sum(axis=1)"),), "value", "come after it",
              Text("q counts how many different tokens come after it: what is asked is before, the sum over axis 0",
                   "q 数的是它之后有多少种词元：要数的是它之前的，沿轴 0 求和")),
        Wrong("negative", (("np.maximum(counts - d, 0)", "(counts - d)"),), "value", "never seen",
              Text("d was also taken from pairs that were never seen, which have nothing to give: max(n - d, 0)",
                   "从未出现的对也被减了 d，而它们没有可减的：应为 max(n - d, 0)")),
        Wrong("not_handed_out", ((" + d * types * lower", ""),), "value", "never handed out",
              Text("what was taken away is never handed out: add d T_i q_j",
                   "减下来的部分没有分出去：加上 d T_i q_j")),
        Wrong("d_once", (("d * types * lower", "d * lower"),), "value", "a single count",
              Text("only d is handed out, what was taken from a single count: a row has T_i of them, together d T_i",
                   "只分出了 d，即从一个计数里减下来的：一行有 T_i 个这样的计数，合计 d T_i")),
        Wrong("even", (("d * types * lower", "d * types / len(counts)"),), "value", "evenly",
              Text("what was taken is handed out evenly, 1/V to each: hand it out by q",
                   "减下来的部分平均分给了每个词元（各 1/V）：应当按 q 分")),
        Wrong("no_keepdims", (("counts.sum(axis=1, keepdims=True)", "counts.sum(axis=1)"),), "value", "keepdims",
              Text("row sums of the shape (V,) line up with the last axis, so column j was divided by the sum of row "
                   "j: keepdims=True makes them (V, 1)",
                   "形状为 (V,) 的行和会与最后一个轴对齐，于是第 j 列除以了第 j 行的和：加 keepdims=True，"
                   "变成 (V, 1)")),
        Wrong("empty_row", (("np.where(total > 0, p, lower)", "p"),), "odd shapes", "row of zeros",
              Text("a row of zeros got zeros: nothing followed this token, so all that is known is q",
                   "全零的一行仍是零：这个词元之后从未出现过什么，能用的只有 q")),
        Wrong("not_a_number", (("/ np.maximum(total, 1)", "/ total"), ("np.where(total > 0, p, lower)", "p")), "finite",
              "0 / 0",
              Text("a token that nothing ever followed gives 0 / 0: its row is q",
                   "某个词元之后从未出现过什么，于是 0 / 0：这一行应当是 q")),
    ),
)  # fmt: skip
