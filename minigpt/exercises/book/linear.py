"""Exercise of chapter 03: the linear layer, forward and backward."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.layers.linear import linear_backward, linear_forward

SKELETON = '''\
import numpy as np


def linear_forward(x, w, b):
    """x (..., I), w (I, O), b (O,) -> y (..., O), and saved, a tuple of what backward will need."""


def linear_backward(dy, saved):
    """dy (..., O) -> dx (..., I), dw (I, O), db (O,)."""
'''

ANSWER = '''\
import numpy as np


def linear_forward(x, w, b):
    return x @ w + b, (x, w)


def linear_backward(dy, saved):
    x, w = saved
    rows, dy_rows = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
    dx = dy @ w.T
    dw = rows.T @ dy_rows
    db = dy_rows.sum(axis=0)
    return dx, dw, db
'''


def problems(rng):
    def draw(*leading, inputs, outputs):
        return Problem({"x": rng.standard_normal((*leading, inputs)), "w": rng.standard_normal((inputs, outputs)),
                        "b": rng.standard_normal(outputs)})

    by_hand = {"x": np.array([[1.0, 2], [0, 3], [-1, 1]]), "w": np.array([[1.0, 0, 2, -1], [2, -1, 0, 1]]),
               "b": np.array([10.0, -10, 0, 5])}
    return [Problem(by_hand), draw(2, 3, inputs=5, outputs=4), draw(inputs=3, outputs=2),
            draw(2, 1, 3, inputs=1, outputs=5), draw(4, inputs=3, outputs=1), draw(0, 2, inputs=3, outputs=2)]


def _alone(functions, problem):
    x, w, b = problem.arrays.values()
    rows = x.reshape(-1, x.shape[-1])
    whole = functions[0](rows, w, b)[0]
    for n, row in enumerate(rows):
        off = np.abs(functions[0](rows[n : n + 1], w, b)[0][0] - whole[n]).max()
        if off > 1e-9:
            return Text(f"row {n}, {np.round(row, 3)}, alone gives another y than among the others, by {off:.3g}: rows "
                        f"have nothing to do with each other",
                        f"第 {n} 行 {np.round(row, 3)} 单独计算时，y 与放在一起计算相差 {off:.3g}：各行互不相干")
    return None


EXERCISE = Exercise(
    name="linear",
    chapter=3,
    title=Text("Linear layer, forward and backward", "线性层的前向与反向"),
    task=Text(
        "The linear layer y = x W + b: each row of x (I numbers) becomes a row of y (O numbers), y_o = Σ_i x_i W_io + "
        "b_o, whatever axes come before the last, also none at all. Then the three gradients, each in the shape of its "
        "array: dx, dW and db, given dy. The same W and b serve all rows, so each row adds to dW and db.",
        "线性层（linear layer）y = x W + b：x 的每一行（I 个数）变成 y 的一行（O 个数），y_o = Σ_i x_i W_io + b_o，"
        "最后一个轴之前可以有任意多个轴，也可以没有。然后由 dy 求三个梯度 dx、dW、db，形状各与原数组相同。"
        "所有行共用 W 和 b，所以每一行都对 dW 和 db 有贡献。"),
    functions=("linear_forward", "linear_backward"),
    skeleton=SKELETON,
    solution=(linear_forward, linear_backward),
    answer=ANSWER,
    problems=problems,
    properties=(Property("rows don't see each other", _alone),),
    hints=(
        Text("Let the shapes lead: dx is (N, I) and comes from dy (N, O) and W (I, O). Which product of the two, one "
             "of them transposed, has that shape?",
             "让形状带路：dx 是 (N, I)，由 dy (N, O) 和 W (I, O) 得来。其中一个转置后，怎样相乘才得到这个形状？"),
        Text("∂y_no/∂W_io = x_ni, so dW_io = Σ_n x_ni dy_no: a matrix product, whose inner dimension is the rows. And "
             "∂y_no/∂b_o = 1.",
             "∂y_no/∂W_io = x_ni，所以 dW_io = Σ_n x_ni dy_no：这是矩阵乘法，被求和的维度就是行。而 ∂y_no/∂b_o = 1。"),
        Text("Make x and dy two-dimensional first, x.reshape(-1, I) and dy.reshape(-1, O). Then dW = xᵀ dy, db = sum "
             "of dy over axis 0; dx = dy Wᵀ works with any leading axes.",
             "先把 x 和 dy 变成二维：x.reshape(-1, I)、dy.reshape(-1, O)。然后 dW = xᵀ dy，db 是 dy 沿轴 0 的和；"
             "dx = dy Wᵀ 对任意前置轴都成立。"),
    ),
    wrong=(
        Wrong("no_bias", (("x @ w + b", "x @ w"),), "value", "bias b",
              Text("the bias b was not added", "没有加上偏置 b")),
        Wrong("db_not_summed", (("dy_rows.sum(axis=0)", "dy"),), "shape", "sum"),
        Wrong("db_mean", (("dy_rows.sum(axis=0)", "dy_rows.mean(axis=0)"),), "gradient", "factor"),
        Wrong("dw_mean", (("rows.T @ dy_rows", "rows.T @ dy_rows / len(rows)"),), "gradient", "factor"),
        Wrong("dw_transposed", (("rows.T @ dy_rows", "dy_rows.T @ rows"),), "shape", "transpose"),
        Wrong("dw_last_row", (("dw = rows.T @ dy_rows", "for x_n, dy_n in zip(rows, dy_rows):\n"
                               "        dw = np.outer(x_n, dy_n)"),), "gradient", "last row",
              Text("dW is that of the last row alone: the loop assigns where it should add, dw += np.outer(x_n, dy_n)",
                   "dW 只是最后一行的：循环里应当累加而不是赋值，dw += np.outer(x_n, dy_n)")),
        Wrong("dx_without_transpose", (("dy @ w.T", "dy @ w"),), "raised", "dx = dy Wᵀ",
              Text("dy (N, O) doesn't fit W (I, O): forward was y = x W, so dx = dy Wᵀ",
                   "dy (N, O) 与 W (I, O) 不能相乘：前向是 y = x W，所以 dx = dy Wᵀ")),
        Wrong("reshaped_instead_of_transposed", (("dy @ w.T", "dy @ w.reshape(w.shape[::-1])"),), "gradient", "reshape",
              Text("w.reshape has the right shape and the wrong order: it reads the numbers on in rows; a transpose, "
                   "w.T, exchanges rows and columns",
                   "w.reshape 形状对了，次序却错了：它只是按行依次重排；转置 w.T 才是行列互换")),
        Wrong("only_two_axes", (("rows.T @ dy_rows", "x.T @ dy"),), "odd shapes", "reshape",
              Text("x.T reverses all axes, and with three of them the product is no sum over rows: make x and dy "
                   "two-dimensional with reshape(-1, ...) first",
                   "x.T 会颠倒全部的轴，有三个轴时这个乘积就不再是对行求和：先用 reshape(-1, ...) 把 x 和 dy "
                   "变成二维")),
        Wrong("db_over_one_axis", (("dy_rows.sum(axis=0)", "dy.sum(axis=0)"),), "odd shapes", "all leading axes",
              Text("db was summed over the first axis only: b was added at every place, so sum over all leading axes",
                   "db 只对第一个轴求了和：b 加在了每个位置上，所以要对所有前置轴求和")),
    ),
)  # fmt: skip
