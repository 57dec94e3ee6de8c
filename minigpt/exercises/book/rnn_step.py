"""Exercise of chapter 15: one step of an Elman network and its backward."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.layers.rnn import rnn_cell_backward, rnn_cell_forward

SKELETON = '''\
import numpy as np


def rnn_step_forward(x, h, w, u, b):
    """x (B, I), h (B, C), w (I, C), u (C, C), b (C,) -> the next h (B, C), and saved, what backward will need."""


def rnn_step_backward(dh_next, saved):
    """dh_next (B, C) -> dx (B, I), dh (B, C), dw (I, C), du (C, C), db (C,)."""
'''

ANSWER = '''\
import numpy as np


def rnn_step_forward(x, h, w, u, b):
    a = x @ w + h @ u + b
    h_next = np.tanh(a)
    return h_next, (x, h, w, u, h_next)


def rnn_step_backward(dh_next, saved):
    x, h, w, u, h_next = saved
    da = dh_next * (1 - h_next ** 2)
    dx = da @ w.T
    dh = da @ u.T
    dw = x.T @ da
    du = h.T @ da
    db = da.sum(axis=0)
    return dx, dh, dw, du, db
'''


def problems(rng):
    def draw(B, I, C, scale=1.0):  # noqa: E741
        shapes = {"x": (B, I), "h": (B, C), "w": (I, C), "u": (C, C), "b": (C,)}
        return Problem({name: scale * rng.standard_normal(shape) for name, shape in shapes.items()})

    return [draw(2, 3, 2), draw(3, 5, 4), draw(1, 1, 3), draw(4, 2, 1), draw(2, 3, 5, 0.3)]


def _between(functions, problem):
    h_next = functions[0](*problem.arrays.values())[0]
    worst = float(np.abs(h_next).max())
    if worst > 1:
        return Text(f"a state of size {worst:.3g}: tanh lies between -1 and 1, so must the state",
                    f"状态里有大小为 {worst:.3g} 的数：tanh 在 -1 与 1 之间，状态也应当如此")
    return None


EXERCISE = Exercise(
    name="rnn_step",
    chapter=15,
    title=Text("One step of an Elman network", "Elman 网络的一步"),
    task=Text(
        "The next state is h' = tanh(x W + h U + b). Then the gradients of all five: the input, the state before, "
        "the two matrices and the bias, from dh', the gradient of the new state. The state before has a gradient "
        "like any other input: backpropagation through time hands it on to the step before.",
        "下一个状态是 h' = tanh(x W + h U + b)。然后由新状态的梯度 dh' 写出全部五个梯度：输入、前一个状态、"
        "两个矩阵和偏置。前一个状态与别的输入一样有梯度：随时间反向传播正是把它交给再前面的一步。"),
    functions=("rnn_step_forward", "rnn_step_backward"),
    skeleton=SKELETON,
    solution=(rnn_cell_forward, rnn_cell_backward),
    answer=ANSWER,
    problems=problems,
    properties=(Property("a state lies between -1 and 1", _between),),
    hints=(
        Text("Call what tanh is taken of a. First da, then everything else is the linear layer twice.",
             "把 tanh 的自变量叫 a。先求 da，其余就是两次线性层。"),
        Text("The slope of tanh is 1 - tanh², and tanh of a is h', which you have.",
             "tanh 的斜率是 1 - tanh²，而 tanh a 就是你已有的 h'。"),
        Text("da = dh' (1 - h'²); dx = da Wᵀ, dh = da Uᵀ, dW = xᵀ da, dU = hᵀ da, db = the sum of da over the rows.",
             "da = dh' (1 - h'²)；dx = da Wᵀ，dh = da Uᵀ，dW = xᵀ da，dU = hᵀ da，db 是 da 对各行求和。"),
    ),
    wrong=(
        Wrong("no_bend", (("h_next = np.tanh(a)", "h_next = a"),), "value", "without tanh",
              Text("this is x W + h U + b without tanh: a state could grow without end",
                   "少了 tanh，只有 x W + h U + b：状态可以无限增长")),
        Wrong("no_memory", (("a = x @ w + h @ u + b", "a = x @ w + b"),), "value", "state before",
              Text("the state before doesn't come in: without h U the network remembers nothing",
                   "前一个状态没有用上：没有 h U，网络什么也记不住")),
        Wrong("transposed", (("h @ u + b", "h @ u.T + b"),), "value", "transposed",
              Text("U stands transposed in the forward pass: a = x W + h U + b",
                   "前向中 U 被转置了：a = x W + h U + b")),
        Wrong("slope_of_argument", (("(1 - h_next ** 2)", "(1 - np.tanh(h_next) ** 2)"),), "gradient", "already",
              Text("tanh is taken of h', which is already tanh a: its slope is 1 - h'²",
                   "又对 h' 取了 tanh，而 h' 已经是 tanh a：斜率是 1 - h'²")),
        Wrong("no_slope", (("da = dh_next * (1 - h_next ** 2)", "da = dh_next"),), "gradient", "slope of tanh",
              Text("the slope of tanh, 1 - h'², is missing: da = dh' (1 - h'²)",
                   "漏了 tanh 的斜率 1 - h'²：da = dh' (1 - h'²)")),
        Wrong("du_from_next", (("du = h.T @ da", "du = h_next.T @ da"),), "gradient", "state before",
              Text("dU is made with the new state; U multiplied the state before, so dU = hᵀ da",
                   "dU 用了新的状态；与 U 相乘的是前一个状态，所以 dU = hᵀ da")),
        Wrong("sign", (("dh = da @ u.T", "dh = -da @ u.T"),), "gradient", "sign"),
    ),
)  # fmt: skip
