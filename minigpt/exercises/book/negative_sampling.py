"""Exercise of chapter 14: the loss of negative sampling and its gradient."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.models.word2vec import negative_sampling_backward, negative_sampling_forward

SKELETON = '''\
import numpy as np


def negative_sampling_forward(h, v):
    """h (N, C), v (N, O, C) -> mean loss, a number; and saved, a tuple of what backward will need.

    v[n, 0] is the vector of the right word of guess n, v[n, 1:] those of its negatives. O = 1 + K.
    """


def negative_sampling_backward(dy, saved):
    """dy, a number -> dh (N, C), dv (N, O, C)."""
'''

ANSWER = '''\
import numpy as np


def negative_sampling_forward(h, v):
    s = (v * h[:, None, :]).sum(axis=2)
    sign = np.ones(s.shape, s.dtype)
    sign[:, 0] = -1
    loss = np.logaddexp(0, sign * s).sum() / len(h)
    return loss, (h, v, s)


def negative_sampling_backward(dy, saved):
    h, v, s = saved
    ds = 1 / (1 + np.exp(-s))
    ds[:, 0] -= 1
    ds = ds * (dy / len(h))
    dh = (ds[:, :, None] * v).sum(axis=1)
    dv = ds[:, :, None] * h[:, None, :]
    return dh, dv
'''


def _forward(h, v):
    loss, saved = negative_sampling_forward(h[:, None], v, np.ones((len(h), 1, v.shape[1]), bool))
    return np.asarray(loss, dtype=h.dtype), saved


def _backward(dy, saved):
    dh, dv = negative_sampling_backward(dy, saved)
    return dh[:, 0], dv


def problems(rng):
    def problem(N, O, C):  # noqa: E741
        return Problem({"h": rng.standard_normal((N, C)), "v": rng.standard_normal((N, O, C))})

    large = problem(2, 3, 4)
    large.arrays["h"] *= 3000  # -ln σ(-3000) is 3000, and σ(-3000) rounds to 0
    return [problem(2, 3, 4), problem(5, 6, 2), problem(3, 1, 4), problem(1, 2, 1), large]


def _signs(functions, problem):
    """A right word that fits better lowers the loss, a negative that fits better raises it."""
    h, v = problem.arrays.values()
    _, saved = functions[0](h, v)
    dv = functions[1](1.0, saved)[1]
    along = (dv * h[:, None]).sum(axis=2)
    if (along[:, 0] > 1e-9).any() or (along[:, 1:] < -1e-9).any():
        return Text("a step would push the right word away from h, or pull a negative towards it",
                    "按这个梯度走一步，会把正确的词推离 h，或者把负样本拉近")
    return None


EXERCISE = Exercise(
    name="negative_sampling",
    chapter=14,
    title=Text("Negative sampling, forward and backward", "负采样的前向与反向"),
    task=Text(
        "Instead of a softmax over all words, ask O = K + 1 questions with yes or no for an answer: does this word "
        "belong to h? With s_o = h · v_o, the loss of a guess is -ln σ(s_0) - Σ_k ln σ(-s_k), k = 1 .. K, with "
        "σ(x) = 1 / (1 + e^-x); y is the mean over the N guesses. Scores may be as large as 10,000: softplus(x) = "
        "ln(1 + e^x) = -ln σ(-x), and np.logaddexp(0, x) computes it without overflow.",
        "不对所有词做 softmax，而是问 O = K + 1 个是非题：这个词和 h 相配吗？（负采样，negative sampling。）"
        "令 s_o = h · v_o，一次猜测的损失是 -ln σ(s_0) - Σ_k ln σ(-s_k)，k = 1 .. K，其中 σ(x) = 1 / (1 + e^-x)；"
        "y 是 N 次猜测的平均。分数可能大到 10000：softplus(x) = ln(1 + e^x) = -ln σ(-x)，"
        "np.logaddexp(0, x) 计算它而不会溢出。"),
    functions=("negative_sampling_forward", "negative_sampling_backward"),
    skeleton=SKELETON,
    solution=(_forward, _backward),
    shown=(negative_sampling_forward, negative_sampling_backward),
    answer=ANSWER,
    problems=problems,
    properties=(Property("pulls the right word, pushes the negatives", _signs),),
    hints=(
        Text("All scores at once: (v * h[:, None, :]).sum(axis=2) is (N, O).",
             "一次算出所有分数：(v * h[:, None, :]).sum(axis=2)，形状 (N, O)。"),
        Text("-ln σ(s) = softplus(-s) for the right word, -ln σ(-s) = softplus(s) for a negative.",
             "正确的词：-ln σ(s) = softplus(-s)；负样本：-ln σ(-s) = softplus(s)。"),
        Text("ds_0 = σ(s_0) - 1, ds_k = σ(s_k), all divided by N; dh = Σ_o ds_o v_o, dv_o = ds_o h.",
             "ds_0 = σ(s_0) - 1，ds_k = σ(s_k)，都除以 N；dh = Σ_o ds_o v_o，dv_o = ds_o h。"),
    ),
    wrong=(
        Wrong("all_positive", (("    sign[:, 0] = -1\n", "    sign[:] = -1\n"),), "value", "as if they were right",
              Text("the negatives are treated as if they were right words: for them it is -ln σ(-s)",
                   "负样本被当成了正确的词：它们的损失是 -ln σ(-s)")),
        Wrong("summed", (("np.logaddexp(0, sign * s).sum() / len(h)", "np.logaddexp(0, sign * s).sum()"),
                         ("ds = ds * (dy / len(h))", "ds = ds * dy")), "value", "mean over",
              Text("the losses of the N guesses are added up; asked for is their mean over N",
                   "N 次猜测的损失加了起来；要求的是平均")),
        Wrong("mean_of_all", (("np.logaddexp(0, sign * s).sum() / len(h)", "np.logaddexp(0, sign * s).mean()"),),
              "value", "N O",
              Text("this divides by N O, the number of questions; divide by N, the number of guesses",
                   "这里除以了问题的个数 N O；应当除以猜测的次数 N")),
        Wrong("no_minus_one", (("    ds[:, 0] -= 1\n", "    ds[:, 0] *= -1\n"),), "gradient", "σ(s) - 1",
              Text("the gradient of -ln σ(s) is σ(s) - 1, not -σ(s): it vanishes when the word already fits",
                   "-ln σ(s) 的梯度是 σ(s) - 1，不是 -σ(s)：词已经相配时它应当消失")),
        Wrong("h_of_the_right_word", (("dh = (ds[:, :, None] * v).sum(axis=1)", "dh = ds[:, 0, None] * v[:, 0]"),),
              "gradient", "each of the O words",
              Text("dh hears from the right word alone: h was multiplied with each of the O words",
                   "dh 只收到了正确的词那一份：h 与 O 个词都做了内积")),
        Wrong("no_mean_in_backward", (("    ds = ds * (dy / len(h))\n", "    ds = ds * dy\n"),), "gradient", "N"),
        Wrong("overflow", (("    loss = np.logaddexp(0, sign * s).sum() / len(h)\n",
                            "    loss = -np.log(1 / (1 + np.exp(sign * s))).sum() / len(h)\n"),), "finite",
              "rounds to 0",
              Text("σ of a very negative score rounds to 0, and its logarithm is infinite: take softplus instead, by "
                   "np.logaddexp",
                   "分数很负时 σ 舍入为 0，对数就是无穷大：改用 softplus，即 np.logaddexp")),
    ),
)  # fmt: skip
