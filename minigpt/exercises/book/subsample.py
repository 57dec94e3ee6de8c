"""Exercise of chapter 14: how often a frequent word is kept."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.models.word2vec import keep_probability

SKELETON = '''\
import numpy as np


def keep_probability(counts, t):
    """counts (V,) of each word in a text, t > 0 -> p (V,), the probability to keep an occurrence."""
'''

ANSWER = '''\
import numpy as np


def keep_probability(counts, t):
    f = counts / counts.sum()
    p = np.sqrt(t / f) + t / f
    return np.minimum(p, 1)
'''


def _keep_probability(counts, t):
    return keep_probability(counts, t)


def problems(rng):
    return [Problem({"counts": np.array([500, 300, 190, 10])}, {"t": 0.05}),
            Problem({"counts": rng.integers(1, 1000, 7)}, {"t": 0.01}),
            Problem({"counts": np.array([1, 1, 1])}, {"t": 0.5}), Problem({"counts": np.array([9])}, {"t": 1e-4})]


def _rarer_is_kept_more(functions, problem):
    counts = problem.arrays["counts"]
    p = functions[0](counts, **problem.given)[np.argsort(counts)]
    if (np.diff(p) > 1e-12).any():
        return Text("a more frequent word is kept more often than a rarer one",
                    "更常见的词反而比更少见的词保留得多")
    return None


EXERCISE = Exercise(
    name="subsample",
    chapter=14,
    title=Text("Skipping frequent words", "跳过高频词"),
    task=Text(
        "\"The\" stands beside every noun and says little about any. So each occurrence of a word whose share of the "
        "text is f is kept with the probability √(t/f) + t/f, at most 1. t is a share too, such as 0.001: words rarer "
        "than that are always kept.",
        "“the”这样的词挨着每一个名词，却说明不了什么。所以，占文本份额为 f 的词，每次出现以概率 √(t/f) + t/f 保留，"
        "至多为 1。t 也是份额，例如 0.001：比它更少见的词总是保留（subsampling，降采样）。counts 的形状是 (V,)。"),
    functions=("keep_probability",),
    skeleton=SKELETON,
    solution=(_keep_probability,),
    shown=(keep_probability,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("rarer words are kept more often", _rarer_is_kept_more),),
    hints=(
        Text("f is a share of the text, not a count.", "f 是在文本中所占的份额，不是次数。"),
        Text("Where f is less than t the sum is over 1, which is no probability.", "f 小于 t 时和超过 1，那不是概率。"),
        Text("f = counts / counts.sum(); np.minimum(np.sqrt(t / f) + t / f, 1).",
             "f = counts / counts.sum()；np.minimum(np.sqrt(t / f) + t / f, 1)。"),
    ),
    wrong=(
        Wrong("counts_not_shares", (("counts / counts.sum()", "counts / 1.0"),), "value", "share of the text",
              Text("f is a count here: it must be a share of the text, counts / counts.sum()",
                   "这里的 f 是次数：应当是在文本中的份额，counts / counts.sum()")),
        Wrong("over_one", (("return np.minimum(p, 1)", "return p"),), "value", "over 1",
              Text("rare words get a number over 1, which is no probability: at most 1",
                   "少见的词得到大于 1 的数，那不是概率：至多为 1")),
        Wrong("discarded", (("return np.minimum(p, 1)", "return 1 - np.minimum(p, 1)"),), "value", "thrown away",
              Text("this is the probability that a word is thrown away; asked for is that it is kept",
                   "这是丢弃的概率；要求的是保留的概率")),
        Wrong("papers_formula", (("np.sqrt(t / f) + t / f", "np.sqrt(t / f)"),), "value", "t/f",
              Text("this is the paper's √(t/f) alone; the authors' program, and this exercise, add t/f",
                   "这是论文里单独的 √(t/f)；作者的程序和本题还要加上 t/f")),
        Wrong("upside_down", (("np.sqrt(t / f) + t / f", "np.sqrt(f / t) + f / t"),), "value", "upside down",
              Text("the fraction is upside down: a large f must make the probability small, so t/f",
                   "分数颠倒了：f 大，概率应当小，所以是 t/f")),
    ),
)  # fmt: skip
