"""Exercise of chapter 07: the feed-forward network of a block, with the gradients of all its parameters."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.layers.activations import activation
from minigpt.layers.feed_forward import FeedForward
from minigpt.layers.linear import linear_backward, linear_forward

SKELETON = '''\
import numpy as np

from minigpt.layers.activations import activation  # activation("relu") is the pair relu_forward, relu_backward


def feed_forward_forward(x, w_1, b_1, w_2, b_2, activation_name):
    """x (..., C), w_1 (C, F), b_1 (F,), w_2 (F, C), b_2 (C,) -> y (..., C); and saved, what backward will need."""


def feed_forward_backward(dy, saved):
    """dy (..., C) -> dx (..., C), dw_1 (C, F), db_1 (F,), dw_2 (F, C), db_2 (C,)."""
'''

ANSWER = '''\
import numpy as np

from minigpt.layers.activations import activation  # activation("relu") is the pair relu_forward, relu_backward


def feed_forward_forward(x, w_1, b_1, w_2, b_2, activation_name):
    f_forward, f_backward = activation(activation_name)
    h = x @ w_1 + b_1
    a, saved_f = f_forward(h)
    y = a @ w_2 + b_2
    return y, (x, w_1, h, f_backward, saved_f, a, w_2)


def feed_forward_backward(dy, saved):
    x, w_1, h, f_backward, saved_f, a, w_2 = saved
    x_rows = x.reshape(-1, x.shape[-1])
    a_rows = a.reshape(-1, a.shape[-1])
    dy_rows = dy.reshape(-1, dy.shape[-1])
    dw_2 = a_rows.T @ dy_rows
    db_2 = dy_rows.sum(axis=0)
    da = dy @ w_2.T
    dh = f_backward(da, saved_f)
    dh_rows = dh.reshape(-1, dh.shape[-1])
    dw_1 = x_rows.T @ dh_rows
    db_1 = dh_rows.sum(axis=0)
    dx = dh @ w_1.T
    return dx, dw_1, db_1, dw_2, db_2
'''


def _forward(x, w_1, b_1, w_2, b_2, activation_name):
    f_forward, f_backward = activation(activation_name)
    h, saved_1 = linear_forward(x, w_1, b_1)
    a, saved_f = f_forward(h)
    y, saved_2 = linear_forward(a, w_2, b_2)
    return y, (saved_1, f_backward, saved_f, saved_2)


def _backward(dy, saved):
    saved_1, f_backward, saved_f, saved_2 = saved
    da, dw_2, db_2 = linear_backward(dy, saved_2)
    dx, dw_1, db_1 = linear_backward(f_backward(da, saved_f), saved_1)
    return dx, dw_1, db_1, dw_2, db_2


def problems(rng):
    def problem(name, *shape, hidden):
        C, F = shape[-1], hidden
        arrays = {"x": rng.standard_normal(shape), "w_1": rng.standard_normal((C, F)), "b_1": rng.standard_normal(F),
                  "w_2": rng.standard_normal((F, C)), "b_2": rng.standard_normal(C)}
        return Problem(arrays, {"activation_name": name})

    return [problem("relu", 3, 2, hidden=5), problem("gelu", 2, 3, hidden=4), problem("gelu", 2, 3, 5, hidden=7),
            problem("relu", 1, 4, 2, hidden=3), problem("gelu", 1, 1, hidden=1)]


def _each_position_alone(functions, problem):
    x, *weights = problem.arrays.values()
    y, _ = functions[0](x, *weights, **problem.given)
    other = x.copy()
    other[(0,) * (x.ndim - 1)] += 1  # the first row; the others stay
    rows = np.abs(functions[0](other, *weights, **problem.given)[0] - y).reshape(-1, x.shape[-1]).max(axis=-1)
    if rows[1:].size and rows[1:].max() > 1e-9:
        row = int(rows[1:].argmax()) + 1
        return Text(f"changing x in row 0 changes y in row {row} by {rows[row]:.3g}: the network must work on each "
                    "position alone",
                    f"只改变 x 的第 0 行，y 的第 {row} 行却变了 {rows[row]:.3g}：这个网络应当对每个位置单独计算")
    return None


EXERCISE = Exercise(
    name="feed_forward",
    chapter=7,
    title=Text("The feed-forward network", "前馈网络（feed-forward network）"),
    task=Text(
        "y = f(x W_1 + b_1) W_2 + b_2, the same two layers at every position, whatever axes come before C. The "
        "activation f comes from the library by its name: f_forward, f_backward = activation(activation_name), where "
        "f_forward(h) returns a and what f_backward(da, saved_f) needs to return dh. Then the gradients of x and of "
        "all four parameters, which hear from every position.",
        "y = f(x W_1 + b_1) W_2 + b_2：每个位置都用同样的两层，C 之前有几个轴都行。"
        "激活函数（activation function）f 按名字从库里取：f_forward, f_backward = activation(activation_name)，"
        "f_forward(h) 返回 a 和 saved_f，f_backward(da, saved_f) 返回 dh。然后写 x 和四个参数的梯度："
        "每个位置都对参数的梯度有贡献。"),
    functions=("feed_forward_forward", "feed_forward_backward"),
    skeleton=SKELETON,
    solution=(_forward, _backward),
    shown=(FeedForward, linear_backward),
    answer=ANSWER,
    problems=problems,
    properties=(Property("each position is computed alone", _each_position_alone),),
    hints=(
        Text("Three steps forward: h = x W_1 + b_1, a = f(h), y = a W_2 + b_2. Backward takes them from the last to "
             "the first, and each needs what its own forward step saw.",
             "前向分三步：h = x W_1 + b_1，a = f(h)，y = a W_2 + b_2。反向从最后一步走到第一步，"
             "每一步都要用到它自己前向时的输入。"),
        Text("A linear layer y = x W + b has dx = dy Wᵀ, dW = xᵀ dy, db = Σ dy. For dW and db first make one axis of "
             "all those before the last: x.reshape(-1, C).",
             "线性层 y = x W + b 的梯度是 dx = dy Wᵀ，dW = xᵀ dy，db = Σ dy。算 dW 和 db 之前，"
             "先把最后一个轴之前的轴并成一个：x.reshape(-1, C)。"),
        Text("With rows: dW_2 = aᵀ dy, db_2 = Σ dy, da = dy W_2ᵀ, dh = f_backward(da, saved_f), dW_1 = xᵀ dh, db_1 = Σ "
             "dh, dx = dh W_1ᵀ.",
             "按行写：dW_2 = aᵀ dy，db_2 = Σ dy，da = dy W_2ᵀ，dh = f_backward(da, saved_f)，dW_1 = xᵀ dh，"
             "db_1 = Σ dh，dx = dh W_1ᵀ。"),
    ),
    wrong=(
        Wrong("activation_on_output", (("    a, saved_f = f_forward(h)\n    y = a @ w_2 + b_2",
                                        "    a = h\n    y, saved_f = f_forward(a @ w_2 + b_2)"),), "value",
              "belongs between the two",
              Text("the activation stands after the second layer; it belongs between the two, which without it would "
                   "be one linear layer",
                   "激活函数放到了第二层之后；它应当在两层之间，否则两层合起来只是一个线性层")),
        Wrong("no_b_2", (("y = a @ w_2 + b_2", "y = a @ w_2"),), "value", "b_2",
              Text("b_2 is not added to the result", "结果没有加上 b_2")),
        Wrong("slope_forgotten", (("dh = f_backward(da, saved_f)", "dh = da"),), "gradient", "f_backward",
              Text("the gradient passes the activation unchanged: dh = da f'(h), which is f_backward(da, saved_f)",
                   "梯度经过激活函数时没有变：dh = da f'(h)，也就是 f_backward(da, saved_f)")),
        Wrong("dw_2_from_h", (("a_rows = a.reshape(-1, a.shape[-1])", "a_rows = h.reshape(-1, h.shape[-1])"),),
              "gradient", "what multiplied W_2",
              Text("dW_2 is made with h, before the activation; what multiplied W_2 in forward was a = f(h)",
                   "算 dW_2 时用了激活之前的 h；前向里与 W_2 相乘的是 a = f(h)")),
        Wrong("bias_sees_da", (("db_1 = dh_rows.sum(axis=0)",
                                "db_1 = da.reshape(-1, da.shape[-1]).sum(axis=0)"),), "gradient", "before the",
              Text("db_1 sums da, the gradient after the activation; b_1 is added before the activation, so it hears "
                   "dh",
                   "db_1 加起来的是激活之后的梯度 da；b_1 是在激活之前加上的，所以应当是 dh 之和")),
        Wrong("mean", (("dw_1 = x_rows.T @ dh_rows", "dw_1 = x_rows.T @ dh_rows / len(x_rows)"),), "gradient",
              "a mean where a sum belongs"),
        Wrong("bias_over_first_axis", (("db_2 = dy_rows.sum(axis=0)", "db_2 = dy.sum(axis=0)"),), "odd shapes",
              "all axes",
              Text("db_2 sums over the first axis alone; b_2 was added at every position, so the sum runs over all "
                   "axes but the last",
                   "db_2 只沿第一个轴求和；b_2 加在每个位置上，所以除最后一个轴外，所有的轴都要求和")),
        Wrong("transposed", (("dw_1 = x_rows.T @ dh_rows", "dw_1 = dh_rows.T @ x_rows"),), "shape", "dw_1"),
    ),
)  # fmt: skip
