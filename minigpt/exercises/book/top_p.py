"""Exercise of chapter 10: keep only the fewest tokens that reach a probability together."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.sampling import Sampling, distribution

SKELETON = '''\
import numpy as np


def keep_top_p(p, threshold):
    """p (V,) probabilities, 0 < threshold <= 1 -> q (V,), probabilities of the tokens that stay.

    Those are the fewest most probable tokens whose probabilities reach the threshold together. Of tokens that are
    equally probable the one with the smaller id comes first.
    """
'''

ANSWER = '''\
import numpy as np


def keep_top_p(p, threshold):
    order = np.argsort(-p, kind="stable")
    before = np.cumsum(p[order]) - p[order]
    stay = order[before < threshold]
    kept = np.zeros_like(p)
    kept[stay] = p[stay]
    return kept / kept.sum()
'''


def _keep_top_p(p, threshold):
    return distribution(np.log(p), Sampling(top_p=threshold)).astype(p.dtype)


def problems(rng):
    def problem(p, threshold):
        return Problem({"p": np.array(p)}, {"threshold": threshold})

    # No sum lies within rounding of the threshold: whether it is reached must not depend on the last digit.
    return [problem([0.1, 0.4, 0.2, 0.3], 0.6), problem([0.05, 0.15, 0.3, 0.1, 0.15, 0.25], 0.9),
            problem([0.1, 0.3, 0.3, 0.3], 0.5), problem([0.2, 0.8], 0.3), problem(rng.dirichlet(np.ones(5)), 1.0),
            problem([1.0], 0.5)]


def _reaches(functions, problem):
    p, threshold = problem.arrays["p"], problem.given["threshold"]
    kept = functions[0](p, threshold=threshold) > 0
    total, fewer = p[kept].sum(), p[kept].sum() - p[kept].min(initial=1.0)
    if total < threshold - 1e-9:
        return Text(f"the tokens that stay have {total:.6g} together and don't reach {threshold:g}",
                    f"留下的词元合起来只有 {total:.6g}，没有达到 {threshold:g}")
    if fewer > threshold:
        return Text(f"the tokens that stay are not the fewest: without the last of them they have {fewer:.6g}, and "
                    f"{threshold:g} was to be reached",
                    f"留下的词元不是最少的：去掉其中最后一个，还有 {fewer:.6g}，而只需达到 {threshold:g}")
    return None


def _adds_up(functions, problem):
    total = functions[0](problem.arrays["p"], **problem.given).sum()
    if not abs(total - 1) < 1e-9:
        return Text(f"the probabilities add up to {total:.6g} and not to 1", f"概率之和为 {total:.6g}，不是 1")
    return None


EXERCISE = Exercise(
    name="top_p",
    chapter=10,
    title=Text("Top-p", "top-p 采样"),
    task=Text(
        "Top-k keeps as many tokens where the model is sure as where it is not. Top-p (nucleus sampling) goes by "
        "probability: from the most probable token down, it keeps tokens until together they reach the threshold, the "
        "one that crosses it included, and makes them add up to 1 again. So at least one always stays. Every token "
        "keeps its place in p.",
        "模型很有把握时和没有把握时，top-k 保留的词元一样多。top-p（核采样，nucleus sampling）看的是概率："
        "从最可能的词元往下，保留到合起来达到阈值为止，越过阈值的那一个也算在内，再让它们加起来等于 1。"
        "所以至少总会留下一个。每个词元仍在 p 中原来的位置。"),
    functions=("keep_top_p",),
    skeleton=SKELETON,
    solution=(_keep_top_p,),
    shown=(distribution,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("the fewest that reach the threshold", _reaches),
                Property("probabilities add up to 1", _adds_up)),
    hints=(
        Text("np.argsort(-p, kind='stable') lists the ids from the most probable down; p[order] are their "
             "probabilities.",
             "np.argsort(-p, kind='stable') 从最可能的开始列出 id；p[order] 是它们的概率。"),
        Text("A token stays when what stands before it has not reached the threshold yet: the sum without itself "
             "counts.",
             "排在一个词元之前的概率之和还没达到阈值，它就留下：要看的是不包括它自己的和。"),
        Text("before = np.cumsum(p[order]) - p[order]; stay = order[before < threshold]; write p[stay] into zeros, and "
             "divide by the sum.",
             "before = np.cumsum(p[order]) - p[order]；stay = order[before < threshold]；把 p[stay] 写进全 0 数组，"
             "再除以总和。"),
    ),
    wrong=(
        Wrong("crossing_dropped", (("before = np.cumsum(p[order]) - p[order]", "before = np.cumsum(p[order])"),),
              "value", "that crosses",
              Text("the token that crosses the threshold is dropped, so that those that stay don't reach it, and a "
                   "single very probable token would leave none",
                   "越过阈值的那个词元被丢掉了：留下的达不到阈值；要是有一个词元特别可能，就一个也不剩了")),
        Wrong("one_too_many", (("order[before < threshold]", "order[: (before < threshold).sum() + 1]"),), "value",
              "one token too many",
              Text("one token too many stays: the one that crosses the threshold is the last",
                   "多留了一个词元：越过阈值的那个就是最后一个")),
        Wrong("not_renormalised", (("return kept / kept.sum()", "return kept"),), "value", "divided by",
              Text("what is left must be divided by its sum, so that it adds up to 1 again",
                   "剩下的概率要除以它们的和，重新加起来等于 1")),
        Wrong("least_first", (('np.argsort(-p, kind="stable")', 'np.argsort(p, kind="stable")'),), "value",
              "least probable",
              Text("the sum starts with the least probable tokens: argsort puts the smallest first, so sort -p",
                   "求和是从最不可能的词元开始的：argsort 把最小的放在前面，应当对 -p 排序")),
        Wrong("order_lost", (("    stay = order[before < threshold]\n", "    stay = before < threshold\n"),), "value",
              "sorted order",
              Text("the choice is made in sorted order and applied to p in the vocabulary's: order[...] says which "
                   "ids they are",
                   "选择是按排好的顺序做的，却直接用在了词表顺序的 p 上：要用 order[...] 找回各自的 id")),
        Wrong("sorted_result", (("    kept[stay] = p[stay]\n", "    kept[: len(stay)] = p[stay]\n"),), "value",
              "its place",
              Text("the result is in sorted order, the most probable first: every token keeps its place",
                   "结果成了排好序的，最可能的在最前面：每个词元应当留在原来的位置")),
        Wrong("each_above", (("order[before < threshold]", "order[p[order] >= threshold]"),), "finite",
              "by itself",
              Text("each token is compared with the threshold by itself, and none may reach it: it is their sum that "
                   "must, from the most probable down",
                   "每个词元是单独与阈值比较的，可能一个也达不到：应当看从最可能的往下累加的和")),
        Wrong("ties_reversed", (('np.argsort(-p, kind="stable")', 'np.argsort(p, kind="stable")[::-1]'),), "odd shapes",
              "equally probable",
              Text("of equally probable tokens the larger id comes first: an ascending order turned round turns the "
                   "ties round too. Sort -p, with kind='stable'",
                   "概率相同的词元里，id 大的排在了前面：把升序倒过来，并列的顺序也倒了。应当对 -p 排序，"
                   "kind='stable'")),
    ),
)  # fmt: skip
