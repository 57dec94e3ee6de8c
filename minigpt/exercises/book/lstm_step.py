"""Exercise of chapter 16: one step of an LSTM and its backward."""

import numpy as np

from minigpt import backend
from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.layers.lstm import lstm_cell_backward, lstm_cell_forward

SKELETON = '''\
import numpy as np


def lstm_step_forward(x, state, w, u, b):
    """x (B, I), state (2, B, C): h and c, w (I, 4C), u (C, 4C), b (4C,) -> the next state (2, B, C), and saved.

    The 4C columns are those of i, f, o, g.
    """


def lstm_step_backward(dstate_next, saved):
    """dstate_next (2, B, C) -> dx (B, I), dstate (2, B, C), dw (I, 4C), du (C, 4C), db (4C,)."""
'''

ANSWER = '''\
import numpy as np


def sigmoid(a):
    return 0.5 * (1 + np.tanh(0.5 * a))


def lstm_step_forward(x, state, w, u, b):
    h, c = state
    a_i, a_f, a_o, a_g = np.split(x @ w + h @ u + b, 4, axis=1)
    i, f, o = sigmoid(a_i), sigmoid(a_f), sigmoid(a_o)
    g = np.tanh(a_g)
    c_next = f * c + i * g
    h_next = o * np.tanh(c_next)
    return np.stack([h_next, c_next]), (x, h, c, w, u, i, f, o, g, c_next)


def lstm_step_backward(dstate_next, saved):
    x, h, c, w, u, i, f, o, g, c_next = saved
    dh_next, dc_next = dstate_next
    t = np.tanh(c_next)
    dc = dc_next + dh_next * o * (1 - t ** 2)
    da_i = dc * g * i * (1 - i)
    da_f = dc * c * f * (1 - f)
    da_o = dh_next * t * o * (1 - o)
    da_g = dc * i * (1 - g ** 2)
    da = np.concatenate([da_i, da_f, da_o, da_g], axis=1)
    dstate = np.stack([da @ u.T, dc * f])
    return da @ w.T, dstate, x.T @ da, h.T @ da, da.sum(axis=0)
'''


def _forward(x, state, w, u, b):
    with backend.using("numpy", x.dtype.name):
        (h, c), saved = lstm_cell_forward(x, *state, w, u, b)
        return np.stack([h, c]), saved


def _backward(dstate, saved):
    dx, dh, dc, dw, du, db = lstm_cell_backward(*dstate, saved)
    return dx, np.stack([dh, dc]), dw, du, db


def problems(rng):
    def draw(B, I, C):  # noqa: E741
        shapes = {"x": (B, I), "state": (2, B, C), "w": (I, 4 * C), "u": (C, 4 * C), "b": (4 * C,)}
        return Problem({name: rng.standard_normal(shape) for name, shape in shapes.items()})

    return [draw(1, 3, 2), draw(3, 5, 4), draw(2, 1, 3), draw(4, 2, 1)]


def _carousel(functions, problem):
    x, state, w, u, b = problem.arrays.values()
    C = state.shape[2]
    bias = np.concatenate([np.full(C, -60.0), np.full(C, 60.0), np.zeros(2 * C)])
    c_next = functions[0](x, state, 0 * w, 0 * u, bias)[0][1]
    difference = np.abs(c_next - state[1]).max()
    if difference > 1e-9:
        return Text(f"with f = 1 and i = 0 the cell must stay as it is; it changes by {difference:.3g}",
                    f"f = 1、i = 0 时单元应当保持不变；它却变了 {difference:.3g}")
    return None


EXERCISE = Exercise(
    name="lstm_step",
    chapter=16,
    title=Text("One step of an LSTM", "LSTM 的一步"),
    task=Text(
        "a = x W + h U + b has 4C columns, those of i, f, o and g in this order; i, f, o are sigmoids, g is a tanh. "
        "Then c' = f c + i g and h' = o tanh(c'). The state is (2, B, C): h and c. In backward, two gradients "
        "arrive: that of h' and that of c'.",
        "a = x W + h U + b 有 4C 列，依次属于 i、f、o、g；i、f、o 用 sigmoid，g 用 tanh。然后 c' = f c + i g，h' = "
        "o tanh(c')。状态是 (2, B, C)：h 与 c。反向时有两个梯度到来：h' 的和 c' 的。"),
    functions=("lstm_step_forward", "lstm_step_backward"),
    skeleton=SKELETON,
    solution=(_forward, _backward),
    shown=(lstm_cell_forward, lstm_cell_backward),
    answer=ANSWER,
    problems=problems,
    properties=(Property("an open cell keeps what it has", _carousel),),
    hints=(
        Text("Write forward line by line with a name for every gate; save the gates. Backward goes through the lines "
             "from the last to the first.",
             "前向一行一行写，每个门都取名，并保存下来。反向把这些行从最后一行走到第一行。"),
        Text("c' is used twice: it is returned, and it is in h'. So dc = dc' + dh' o (1 - tanh²c').",
             "c' 用了两次：它被返回，又在 h' 里。所以 dc = dc' + dh' o (1 - tanh²c')。"),
        Text("da_i = dc g i (1 - i); da_f = dc c f (1 - f); da_o = dh' tanh(c') o (1 - o); da_g = dc i (1 - g²); the "
             "cell before gets dc f.",
             "da_i = dc g i (1 - i)；da_f = dc c f (1 - f)；da_o = dh' tanh(c') o (1 - o)；da_g = dc i (1 - g²)；"
             "前一个单元得到 dc f。"),
    ),
    wrong=(
        Wrong("torch_order", (("a_i, a_f, a_o, a_g = np", "a_i, a_f, a_g, a_o = np"),), "value", "PyTorch",
              Text("the columns are read in PyTorch's order i, f, g, o; here they stand in the order i, f, o, g",
                   "按 PyTorch 的顺序 i、f、g、o 读了各列；这里的顺序是 i、f、o、g")),
        Wrong("coupled", (("c_next = f * c + i * g", "c_next = f * c + (1 - f) * g"),), "value", "1 - f",
              Text("the new comes in by 1 - f instead of i: these are coupled gates, as in a GRU",
                   "新内容按 1 - f 而不是按 i 进来：那是联动的门，像 GRU")),
        Wrong("no_tanh", (("h_next = o * np.tanh(c_next)", "h_next = o * c_next"),), "value", "tanh(c')",
              Text("h' = o c' lacks the tanh: h' = o tanh(c')", "h' = o c' 少了 tanh：h' = o tanh(c')")),
        Wrong("cell_only_through_h", (("dc = dc_next + dh_next", "dc = dh_next"),), "gradient", "carousel",
              Text("the gradient that arrives at c' itself is left out: without it there is no carousel. dc = dc' + "
                   "dh' o (1 - tanh²c')",
                   "漏了直接到达 c' 的梯度：没有它就没有传送带。dc = dc' + dh' o (1 - tanh²c')")),
        Wrong("forget_from_new", (("da_f = dc * c * f", "da_f = dc * c_next * f"),), "gradient", "cell before",
              Text("f's gradient is made with the new cell: f multiplied the cell before, c",
                   "f 的梯度用了新的单元：与 f 相乘的是前一个单元 c")),
        Wrong("cell_unscaled", (("dc * f])", "dc])"),), "gradient", "through f",
              Text("the cell before gets the whole of dc: it was multiplied by f, so its gradient goes through f",
                   "前一个单元得到了整个 dc：它乘过 f，梯度也要乘 f")),
        Wrong("slopes", (("da_g = dc * i * (1 - g ** 2)", "da_g = dc * i * g * (1 - g)"),), "gradient", "tanh, not",
              Text("g is a tanh, not a sigmoid: its slope is 1 - g²", "g 是 tanh，不是 sigmoid：斜率是 1 - g²")),
    ),
)  # fmt: skip
