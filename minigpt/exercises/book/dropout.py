"""Exercise of chapter 05: dropout, forward and backward."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.layers.dropout import dropout_backward, dropout_forward

SKELETON = '''\
import numpy as np


def dropout_forward(x, u, rate):
    """x (...), u (...) in [0, 1) or None -> y (...), and saved, a tuple of what backward will need."""


def dropout_backward(dy, saved):
    """dy (...) -> dx (...)."""
'''

ANSWER = '''\
import numpy as np


def dropout_forward(x, u, rate):
    if u is None:
        return x, (None, rate)
    keep = u >= rate
    return x * keep / (1 - rate), (keep, rate)


def dropout_backward(dy, saved):
    keep, rate = saved
    if keep is None:
        return dy
    return dy * keep / (1 - rate)
'''


class _Drawn:
    """A generator whose random numbers have been drawn already."""

    def __init__(self, u):
        self.u = u

    def random(self, shape, dtype):
        return self.u


def solution(x, u, rate):
    return dropout_forward(x, rate, None if u is None else _Drawn(u))


def problems(rng):
    def draw(*shape, rate):
        return Problem({"x": rng.standard_normal(shape), "u": rng.random(shape)}, {"rate": rate}, constants=("u",))

    by_hand = {"x": np.array([[1.0, 2, 3], [4, 5, 6]]), "u": np.array([[0.1, 0.9, 0.4], [0.7, 0.2, 0.25]])}
    zeros = draw(4, 3, rate=0.4)
    zeros.arrays["x"][::2] = 0
    inference = Problem({"x": rng.standard_normal((2, 3))}, {"u": None, "rate": 0.5})
    return [Problem(by_hand, {"rate": 0.25}, constants=("u",)), draw(2, 3, 5, rate=0.6), zeros, draw(7, 1, rate=0.0),
            draw(1, rate=0.9), draw(0, 3, rate=0.1), inference]


def _average(functions, problem):
    """Over u at the middles of n equal steps, which is every u once, the mean of y is x exactly."""
    rate, u = problem.given["rate"], (np.arange(100) + 0.5) / 100
    mean = functions[0](np.ones(100), u, rate)[0].mean()
    if abs(mean - 1) > 1e-9:
        return Text(f"ones have the mean {mean:.6g} after dropout with rate {rate}: on average nothing may change",
                    f"全 1 的数组经过比率 {rate} 的 dropout 后平均为 {mean:.6g}：平均来说不该有变化")
    return None


EXERCISE = Exercise(
    name="dropout",
    chapter=5,
    title=Text("Dropout, forward and backward", "dropout 的前向与反向"),
    task=Text(
        "Training: with probability `rate` an element becomes 0, and the others are divided by 1 - rate, so that on "
        "average nothing changes. The random numbers u are drawn already, evenly from [0, 1), one for each element of "
        "x: an element is dropped where u < rate. Without u (None) it is inference: y = x. Backward must use the same "
        "mask as forward.",
        "训练时，每个元素以概率 rate 变成 0，其余的除以 1 - rate，使平均值不变。随机数 u 已经抽好，在 [0, 1) 上均匀，"
        "x 的每个元素一个：u < rate 处的元素丢弃。没有 u（None）就是推理：y = x。"
        "反向必须使用与前向相同的掩码（mask）。"),
    functions=("dropout_forward", "dropout_backward"),
    skeleton=SKELETON,
    solution=(solution, dropout_backward),
    answer=ANSWER,
    problems=problems,
    properties=(Property("the average stays", _average),),
    shown=(dropout_forward, dropout_backward),
    hints=(
        Text("u < rate happens with probability rate, as u is even in [0, 1). So what stays is u >= rate.",
             "u 在 [0, 1) 上均匀，u < rate 的概率正是 rate。所以留下的是 u >= rate。"),
        Text("Multiply x by a factor for each element: 0 or 1/(1 - rate). Which of these factors does backward need?",
             "给 x 的每个元素乘一个系数：0 或 1/(1 - rate)。反向需要哪些系数？"),
        Text("keep = u >= rate; y = x keep / (1 - rate), and saved has keep and rate: dx = dy keep / (1 - rate). "
             "Without u keep None instead, and let backward return dy.",
             "keep = u >= rate；y = x keep / (1 - rate)，saved 里放 keep 和 rate：dx = dy keep / (1 - rate)。"
             "没有 u 时改存 None，反向直接返回 dy。"),
    ),
    wrong=(
        Wrong("not_scaled", (("return x * keep / (1 - rate)", "return x * keep"),), "value", "1/(1 - rate)",
              Text("what stays must be multiplied by 1/(1 - rate): as it is, training sees smaller sums than inference",
                   "留下的元素要乘 1/(1 - rate)：否则训练时的总和比推理时小")),
        Wrong("factor_in_float64", (("x * keep / (1 - rate)", "x * (keep / (1 - rate))"),), "dtype", "boolean",
              Text("a boolean array divided by a number is float64, and makes float64 of x: multiply x with the mask "
                   "first, or give the factor x's dtype",
                   "布尔数组除以一个数得到 float64，会把 x 也变成 float64：先用 x 乘掩码，或把系数转成 x 的 dtype")),
        Wrong("mask_reversed", (("u >= rate", "u < rate"),), "value", "reversed",
              Text("the mask is reversed: u < rate has probability rate, and these are the elements to drop",
                   "掩码反了：u < rate 的概率是 rate，这些才是要丢弃的元素")),
        Wrong("divided_by_rate", (("x * keep / (1 - rate)", "x * keep / rate"),), "value", "stays",
              Text("the factor is 1/(1 - rate): a share of 1 - rate stays, and must stand for all (at rate 0.5 the two "
                   "agree)",
                   "系数应当是 1/(1 - rate)：留下的比例是 1 - rate，要由它代表全部（rate 为 0.5 时两者恰好相同）")),
        Wrong("scaled_down", (("x * keep / (1 - rate)", "x * keep * (1 - rate)"),), "value", "divide",
              Text("what stays became smaller: divide by 1 - rate. (Multiplying by it at inference, with nothing done "
                   "in training, is the older way.)",
                   "留下的元素变小了：应当除以 1 - rate。（训练时不缩放、推理时乘 1 - rate，是更早的做法。）")),
        Wrong("dropped_in_place", (("    return x * keep / (1 - rate)",
                                    "    x[~keep] = 0\n    return x / (1 - rate)"),), "overwritten", "x itself",
              Text("x itself was changed: the layer before may have saved it for its own backward; make a new array",
                   "x 本身被改动了：前一层可能保存了它，留给自己的反向用；应当另建数组")),
        Wrong("gradient_everywhere", (("return dy * keep / (1 - rate)", "return dy"),), "gradient", "mask",
              Text("dx = dy has no mask: what was dropped had no influence on y, so its gradient is 0, and the rest "
                   "has the factor of forward",
                   "dx = dy 没有用掩码：被丢弃的元素不影响 y，梯度为 0，其余的要乘前向的系数")),
        Wrong("gradient_not_scaled", (("dy * keep / (1 - rate)", "dy * keep"),), "gradient", "factor of forward",
              Text("the mask is right, the factor of forward is missing: what y was multiplied by, dy is too",
                   "掩码对了，但漏了前向的系数：y 乘了什么，dy 也要乘什么")),
        Wrong("mask_from_y", (("(1 - rate), (keep, rate)", "(1 - rate), (x * keep != 0, rate)"),),
              "odd shapes", "y != 0",
              Text("the mask was guessed from y != 0: an x that is 0 (after a ReLU, often half of them) may be kept "
                   "and then has a gradient; save the mask",
                   "掩码是由 y != 0 猜出来的：x 为 0 的元素（ReLU 之后常占一半）也可能被保留、也有梯度；应当保存掩码")),
        Wrong("also_at_inference", (("return x, (None", "return x * (1 - rate), (None"),), "odd shapes",
              "inference",
              Text("at inference y = x: the factor 1/(1 - rate) in training has already made the averages equal",
                   "推理时 y = x：训练时的系数 1/(1 - rate) 已经使平均值相等了")),
        Wrong("without_u_not_handled", (("    if u is None:\n        return x, (None, rate)\n", ""),),
              "odd shapes", "u is None",
              Text("u is None at inference: return x as it is, and let backward return dy",
                   "推理时 u 为 None：原样返回 x，反向原样返回 dy")),
    ),
)  # fmt: skip
