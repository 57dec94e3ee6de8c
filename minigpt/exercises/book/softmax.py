"""Exercise of chapter 02: softmax and its backward."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.layers.softmax import softmax_backward, softmax_forward

SKELETON = '''\
import numpy as np


def softmax_forward(x):
    """x (..., N) -> y (..., N), rows that add up to 1; and saved, a tuple of what backward will need."""


def softmax_backward(dy, saved):
    """dy (..., N) -> dx (..., N)."""
'''

ANSWER = '''\
import numpy as np


def softmax_forward(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    y = e / e.sum(axis=-1, keepdims=True)
    return y, (y,)


def softmax_backward(dy, saved):
    (y,) = saved
    return y * (dy - (dy * y).sum(axis=-1, keepdims=True))
'''


def problems(rng):
    def draw(*shape):
        return rng.standard_normal(shape)

    return [Problem({"x": draw(2, 3)}), Problem({"x": draw(2, 3, 5)}), Problem({"x": draw(1, 1)}),
            Problem({"x": draw(3, 4) + np.array([[1000.0], [0], [-1000]])}),
            Problem({"x": draw(2, 4) + np.array([1000.0, 0, 999, -1000])})]


def _rows(functions, problem):
    y, _ = functions[0](problem.arrays["x"])
    sums = y.sum(axis=-1)
    worst = np.unravel_index(np.abs(sums - 1).argmax(), sums.shape)
    if abs(sums[worst] - 1) > 1e-9:
        row = tuple(int(i) for i in worst)
        return Text(f"row {row} adds up to {sums[worst]:.6g} and not to 1",
                    f"第 {row} 行之和为 {sums[worst]:.6g}，不是 1")
    return None


def _shift(functions, problem):
    x = problem.arrays["x"]
    difference = np.abs(functions[0](x + 3)[0] - functions[0](x)[0]).max()
    if difference > 1e-9:
        return Text(f"adding 3 to all scores changes a probability by {difference:.3g}; only differences may count",
                    f"所有分数加 3 之后，概率变化了 {difference:.3g}；起作用的只应是分数之差")
    return None


EXERCISE = Exercise(
    name="softmax",
    chapter=2,
    title=Text("Softmax, forward and backward", "softmax 的前向与反向"),
    task=Text(
        "Turn each row of scores into probabilities, y_i = exp(x_i) / Σ_j exp(x_j), along the last axis, whatever axes "
        "come before it. Scores may be as large as 1000. Then the gradient: every y_j depends on every x_i of its row.",
        "把每一行分数变成概率：y_i = exp(x_i) / Σ_j exp(x_j)，沿最后一个轴计算，前面可以有任意多个轴。"
        "分数可能大到 1000。然后写梯度：同一行里，每个 y_j 都依赖于每个 x_i。"),
    functions=("softmax_forward", "softmax_backward"),
    skeleton=SKELETON,
    solution=(softmax_forward, softmax_backward),
    answer=ANSWER,
    problems=problems,
    properties=(Property("rows add up to 1", _rows), Property("a shift changes nothing", _shift)),
    hints=(
        Text("The sum runs along the last axis: keepdims=True keeps the shapes fit for the division.",
             "求和沿最后一个轴；加上 keepdims=True，形状才能直接相除。"),
        Text("exp(1000) is infinite. Which number may you subtract from a whole row without changing the result?",
             "exp(1000) 是无穷大。给整行减去哪个数，结果不变？"),
        Text("∂y_j/∂x_i = y_j (δ_ij - y_i). Put it into dx_i = Σ_j dy_j ∂y_j/∂x_i: one term has Σ_j dy_j y_j, a number "
             "a row.",
             "∂y_j/∂x_i = y_j (δ_ij - y_i)。代入 dx_i = Σ_j dy_j ∂y_j/∂x_i，其中一项含有 Σ_j dy_j y_j，每行一个数。"),
    ),
    wrong=(
        Wrong("whole_array", ((".sum(axis=-1, keepdims=True)\n    return y, (y,)", ".sum()\n    return y, (y,)"),),
              "value", "sum over the whole array",
              Text("the sum over the whole array divides each row: every row must have a sum of its own",
                   "除数用了整个数组的和：每一行应当除以自己那一行的和")),
        Wrong("no_shift", (("x - x.max(axis=-1, keepdims=True)", "x"),), "finite", "subtract",
              Text("exp of a large score is infinite: subtract the row's largest score first, it changes nothing",
                   "大分数的 exp 是无穷大：先减去该行的最大值，结果不变")),
        Wrong("shift_of_all", (("x.max(axis=-1, keepdims=True)", "x.max()"),), "finite", "of all rows",
              Text("the largest score of all rows was subtracted: in a row far below it every exp becomes 0, and 0 / 0 "
                   "is NaN; each row needs its own largest",
                   "减去的是所有行的最大值：远低于它的行，exp 全变成 0，而 0 / 0 是 NaN；每一行要减去自己的最大值")),
        Wrong("elementwise", (("y * (dy - (dy * y).sum(axis=-1, keepdims=True))", "dy * y * (1 - y)"),), "gradient",
              "elementwise",
              Text("this is the derivative of y_i by x_i alone, as if softmax were elementwise: each x_i also changes "
                   "the other y_j of its row",
                   "这只是 y_i 对 x_i 的导数，好像 softmax 是逐元素的：每个 x_i 还会改变同一行其他的 y_j")),
        Wrong("no_upstream", (("y * (dy - (dy * y).sum(axis=-1, keepdims=True))",
                               "y * (1 - (dy * y).sum(axis=-1, keepdims=True))"),), "gradient", "dy",
              Text("the first term has no dy: the upstream gradient multiplies both terms",
                   "第一项漏了 dy：两项都要乘上游梯度")),
        Wrong("sign", (("return y * (dy", "return -y * (dy"),), "gradient", "sign"),
        Wrong("overwrites", (("    e = np.exp(x - x.max(axis=-1, keepdims=True))",
                              "    x -= x.max(axis=-1, keepdims=True)\n    e = np.exp(x)"),), "overwritten", "x"),
        Wrong("no_return", (("    return y, (y,)", "    y, (y,)"),), "raised", "None"),
    ),
)  # fmt: skip
