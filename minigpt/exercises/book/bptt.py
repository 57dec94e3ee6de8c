"""Exercise of chapter 15: an Elman network over time, and backpropagation through time."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.layers.rnn import rnn_backward, rnn_forward

SKELETON = '''\
import numpy as np


def rnn_forward(x, h, w, u, b):
    """x (T, B, I), h (B, C), w (I, C), u (C, C), b (C,) -> y (T, B, C), the state after each step, and saved.

    h is the state before the first step; saved is a tuple of what backward will need.
    """


def rnn_backward(dy, saved):
    """dy (T, B, C) -> dx (T, B, I), dh (B, C), dw (I, C), du (C, C), db (C,)."""
'''

ANSWER = '''\
import numpy as np


def rnn_forward(x, h, w, u, b):
    states = [h]
    for x_t in x:
        states.append(np.tanh(x_t @ w + states[-1] @ u + b))
    return np.stack(states[1:]), (x, w, u, states)


def rnn_backward(dy, saved):
    x, w, u, states = saved
    dx, dw, du = np.zeros_like(x), np.zeros_like(w), np.zeros_like(u)
    db = np.zeros_like(u[0])
    dh = np.zeros_like(states[0])
    for t in reversed(range(len(x))):
        dh = dh + dy[t]
        da = dh * (1 - states[t + 1] ** 2)
        dx[t] = da @ w.T
        dw += x[t].T @ da
        du += states[t].T @ da
        db += da.sum(axis=0)
        dh = da @ u.T
    return dx, dh, dw, du, db
'''


def problems(rng):
    def draw(T, B, I, C):  # noqa: E741
        shapes = {"x": (T, B, I), "h": (B, C), "w": (I, C), "u": (C, C), "b": (C,)}
        return Problem({name: rng.standard_normal(shape) for name, shape in shapes.items()})

    return [draw(3, 2, 3, 2), draw(5, 3, 2, 4), draw(1, 2, 3, 2), draw(4, 1, 1, 1)]


def _causal(functions, problem):
    x, h, w, u, b = problem.arrays.values()
    if len(x) < 2:
        return None
    other = x.copy()
    other[-1] += 1
    change = np.abs(functions[0](other, h, w, u, b)[0] - functions[0](x, h, w, u, b)[0])[:-1]
    if change.max() > 1e-12:
        return Text(f"changing the last input changes an earlier state by {change.max():.3g}",
                    f"改变最后一个输入，前面的状态变了 {change.max():.3g}")
    return None


EXERCISE = Exercise(
    name="bptt",
    chapter=15,
    title=Text("Backpropagation through time", "随时间反向传播"),
    task=Text(
        "Run h_t = tanh(x_t W + h_t-1 U + b) over all steps and return all states. Then the gradients. Each state is "
        "used twice, as an output and by the next step, so two gradients arrive at it; W, U and b are used in every "
        "step, so theirs are sums over the steps. The state before the first step has a gradient too.",
        "对所有步计算 h_t = tanh(x_t W + h_t-1 U + b)，返回所有状态。然后写梯度。每个状态用了两次：作为输出，"
        "以及被下一步用；所以有两个梯度到达它。W、U、b 每一步都用，它们的梯度是各步之和。第一步之前的状态也有梯度。"),
    functions=("rnn_forward", "rnn_backward"),
    skeleton=SKELETON,
    solution=(rnn_forward, rnn_backward),
    answer=ANSWER,
    problems=problems,
    properties=(Property("no step sees a later one", _causal),),
    hints=(
        Text("Go through the steps backwards and carry one array along: what the step after wants of this state.",
             "倒着走各步，手里带一个数组：后一步对这个状态的要求。"),
        Text("At step t: dh = (what was carried) + dy[t]; da = dh (1 - h_t²); carry da Uᵀ to the step before.",
             "在第 t 步：dh = 带来的 + dy[t]；da = dh (1 - h_t²)；把 da Uᵀ 带给前一步。"),
        Text("dW += x_tᵀ da, dU += h_t-1ᵀ da, db += the sum of da; what is carried at the end is the gradient of the "
             "first state.",
             "dW += x_tᵀ da，dU += h_t-1ᵀ da，db 加上 da 的和；最后带着的就是最初状态的梯度。"),
    ),
    wrong=(
        Wrong("state_kept", (("states[-1] @ u + b", "h @ u + b"),), "value", "first state",
              Text("every step looks at the first state: h must become the new state after each step",
                   "每一步看的都是最初的状态：每走一步，h 都要换成新的状态")),
        Wrong("last_step_only", (("        dh = da @ u.T\n", "        dh = np.zeros_like(da)\n"),),
              "gradient", "step alone",
              Text("nothing is handed to the step before: each step's gradient is that of this step alone. Carry da Uᵀ",
                   "什么也没有交给前一步：每一步只有它自己的梯度。应当带上 da Uᵀ")),
        Wrong("output_forgotten", (("dh = dh + dy[t]", "dh = dy[t] if t == len(x) - 1 else dh"),),
              "gradient", "last output",
              Text("only the last output's gradient is used: every y_t is an output, so dy[t] is added in each step",
                   "只用了最后一个输出的梯度：每个 y_t 都是输出，每一步都要加上 dy[t]")),
        Wrong("overwritten_sum", (("du += states[t].T @ da", "du = states[t].T @ da"),), "gradient", "first step alone",
              Text("dU is that of the first step alone: U is used in every step, so the steps' parts are added",
                   "dU 只剩第一步的：U 每一步都用，各步的部分应当相加")),
        Wrong("state_after", (("du += states[t].T @ da", "du += states[t + 1].T @ da"),), "gradient", "state before",
              Text("dU is made with the state after the step; U multiplied the state before it",
                   "dU 用了这一步之后的状态；与 U 相乘的是这一步之前的状态")),
        Wrong("slope_before", (("(1 - states[t + 1] ** 2)", "(1 - states[t] ** 2)"),), "gradient", "slope",
              Text("the slope of tanh is taken at the state before the step: it is 1 - h_t², of the state that the "
                   "step made",
                   "tanh 的斜率取在了前一个状态上：应当是 1 - h_t²，用这一步得到的状态")),
        Wrong("untransposed", (("dh = da @ u.T", "dh = da @ u"),), "gradient", "Uᵀ",
              Text("what is carried is da U instead of da Uᵀ: forward was h U, so the gradient goes through the "
                   "transpose",
                   "带走的是 da U，应当是 da Uᵀ：前向是 h U，梯度要经过转置")),
    ),
)  # fmt: skip
