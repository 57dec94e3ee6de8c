"""Exercise of chapter 10: keep only the k most probable tokens."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.sampling import Sampling, distribution

SKELETON = '''\
import numpy as np


def keep_top_k(p, k):
    """p (V,) probabilities, k a whole number from 0 on -> q (V,), probabilities of the k most probable tokens alone.

    k = 0 means no limit. Tokens that are exactly as probable as the k-th stay too.
    """
'''

ANSWER = '''\
import numpy as np


def keep_top_k(p, k):
    least = np.sort(p)[-k] if 0 < k < len(p) else 0.0
    kept = np.where(p >= least, p, 0.0)
    return kept / kept.sum()
'''


def _keep_top_k(p, k):
    with np.errstate(divide="ignore"):  # a probability of 0 has the logit -inf, which is right
        return distribution(np.log(p), Sampling(top_k=k)).astype(p.dtype)


def problems(rng):
    def problem(p, k):
        return Problem({"p": np.array(p)}, {"k": k})

    return [problem([0.1, 0.4, 0.2, 0.3], 2), problem(rng.dirichlet(np.ones(7)), 3),
            problem([0.25, 0.5, 0.125, 0.125], 3), problem([0.2, 0.2, 0.4, 0.2], 2), problem([0.7, 0.3], 5),
            problem(rng.dirichlet(np.ones(5)), 0), problem([1.0], 1), problem([0.0, 0.75, 0.25], 1),
            problem([0.25, 0.125, 0.25, 0.25, 0.125], 2)]


def _adds_up(functions, problem):
    total = functions[0](problem.arrays["p"], **problem.given).sum()
    if not abs(total - 1) < 1e-9:
        return Text(f"the probabilities add up to {total:.6g} and not to 1", f"概率之和为 {total:.6g}，不是 1")
    return None


def _same_order(functions, problem):
    p = problem.arrays["p"]
    q = functions[0](p, **problem.given)
    first = q.argmax()
    for token in np.flatnonzero(q):
        if not abs(q[token] * p[first] - q[first] * p[token]) < 1e-9:
            return Text(f"tokens {first} and {token} were {p[first]:.4g} and {p[token]:.4g}, now they are "
                        f"{q[first]:.4g} and {q[token]:.4g}: the ratio of those that stay must not change",
                        f"词元 {first} 与 {token} 原来是 {p[first]:.4g} 与 {p[token]:.4g}，"
                        f"现在是 {q[first]:.4g} 与 {q[token]:.4g}：留下的词元之间的比例不应改变")
    return None


EXERCISE = Exercise(
    name="top_k",
    chapter=10,
    title=Text("Top-k", "top-k 采样"),
    task=Text(
        "Thousands of improbable tokens together are probable enough to spoil a text now and then. Top-k keeps the k "
        "most probable tokens, gives all others the probability 0, and makes the rest add up to 1 again. Tokens that "
        "are exactly as probable as the k-th stay as well, so that the order of the vocabulary decides nothing. k = 0, "
        "and k of V or more, change nothing.",
        "成千上万个不太可能的词元，加起来的概率足以偶尔毁掉一段文本。top-k 只保留概率最大的 k 个词元，其余概率设为 0，"
        "再让剩下的加起来等于 1。与第 k 个概率完全相同的词元也留下，这样词表的顺序就不起作用。k = 0，或 k 不小于 V 时，"
        "什么也不变。"),
    functions=("keep_top_k",),
    skeleton=SKELETON,
    solution=(_keep_top_k,),
    shown=(distribution,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("probabilities add up to 1", _adds_up), Property("ratios stay", _same_order)),
    hints=(
        Text("Which probability must a token have at least to stay? Find that number first.",
             "一个词元的概率至少要多大才能留下？先求出这个数。"),
        Text("np.sort puts the largest last: the k-th largest is np.sort(p)[-k]. Mind k = 0 and k larger than V.",
             "np.sort 把最大的放在最后：第 k 大的是 np.sort(p)[-k]。注意 k = 0 和 k 大于 V 的情形。"),
        Text("kept = np.where(p >= np.sort(p)[-k], p, 0); return kept / kept.sum().",
             "kept = np.where(p >= np.sort(p)[-k], p, 0)；返回 kept / kept.sum()。"),
    ),
    wrong=(
        Wrong("not_renormalised", (("return kept / kept.sum()", "return kept"),), "value", "divided by",
              Text("what is left must be divided by its sum, so that it adds up to 1 again",
                   "剩下的概率要除以它们的和，重新加起来等于 1")),
        Wrong("one_too_many", (("np.sort(p)[-k] if", "np.sort(p)[-k - 1] if"),), "value", "k + 1",
              Text("k + 1 tokens stay: counted from the end, the k-th largest is at -k",
                   "留下了 k + 1 个词元：从末尾数，第 k 大的在 -k 处")),
        Wrong("kth_dropped", (("p >= least", "p > least"),), "value", "k-th itself",
              Text("the k-th itself is dropped: keep p >= the k-th largest, not only p >",
                   "第 k 个自己被丢掉了：保留的条件是 p >= 第 k 大的概率，而不是 p >")),
        Wrong("least_probable", (("np.sort(p)[-k] if 0 < k < len(p) else 0.0",
                                  "np.sort(p)[k - 1] if 0 < k < len(p) else 1.0"), ("p >= least", "p <= least")),
              "value", "least probable",
              Text("the k least probable tokens stay: np.sort puts the smallest first",
                   "留下的是概率最小的 k 个：np.sort 把最小的放在最前面")),
        Wrong("softmax_again", (("return kept / kept.sum()", "return np.exp(kept) / np.exp(kept).sum()"),), "value",
              "exp(0) = 1",
              Text("this is a softmax of probabilities: tokens that were dropped come back with exp(0) = 1. Just "
                   "divide by the sum",
                   "这是对概率又做了一次 softmax：丢掉的词元又以 exp(0) = 1 回来了。除以它们的和就行")),
        Wrong("all_equal", (("np.where(p >= least, p, 0.0)", "np.where(p >= least, 1.0, 0.0).astype(p.dtype)"),),
              "value", "all the same",
              Text("the tokens that stay are all the same now; they keep their own probabilities, divided by their sum",
                   "留下的词元概率都变成一样了；它们应当保持原来的概率，只是除以总和")),
        Wrong("only_the_kept", (("return kept / kept.sum()", "kept = kept[kept > 0]\n    return kept / kept.sum()"),),
              "shape", "its place",
              Text("only the tokens that stay are returned: every token keeps its place, those that were dropped have "
                   "probability 0",
                   "只返回了留下的词元：每个词元要留在原来的位置，丢掉的概率为 0")),
        Wrong("exactly_k", (("kept = np.where(p >= least, p, 0.0)",
                             "kept = p.copy()\n    if k > 0:\n        kept[np.argsort(-p, kind='stable')[k:]] = 0"),),
              "odd shapes", "as probable as the k-th",
              Text("exactly k tokens stay, and of several that are as probable as the k-th the order of the vocabulary "
                   "chooses: keep all of them",
                   "恰好留下了 k 个，与第 k 个概率相同的词元由词表顺序决定去留：应当都留下")),
        Wrong("kth_different", (("np.sort(p)[-k]", "np.sort(np.unique(p))[-min(k, len(np.unique(p)))]"),),
              "odd shapes", "different probabilities",
              Text("these are the tokens of the k largest different probabilities: equal ones count one by one, so "
                   "the k-th is the k-th of all tokens",
                   "留下的是前 k 种不同概率的词元：相等的概率也要逐个数，第 k 个是所有词元中的第 k 个")),
        Wrong("k_above_v", (("if 0 < k < len(p) else 0.0", "if 0 < k else 0.0"),), "odd shapes",
              "no k-th",
              Text("where k is more than V there is no k-th largest: all tokens stay, as for k = 0",
                   "k 大于 V 时没有第 k 大的：所有词元都留下，与 k = 0 一样")),
    ),
)  # fmt: skip
