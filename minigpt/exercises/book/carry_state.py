"""Exercise of chapter 15: a text read in windows, the state handed on from one to the next."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.layers.rnn import rnn_forward

SKELETON = '''\
import numpy as np


def read_in_windows(x, h, w, u, b, window):
    """x (T, B, I) in windows of so many steps, h (B, C) before the first -> y (T, B, C), and the last state (B, C).

    w (I, C), u (C, C), b (C,): the weights of an Elman network. The last window may be shorter.
    """
'''

ANSWER = '''\
import numpy as np


def read_in_windows(x, h, w, u, b, window):
    state = h
    parts = []
    for start in range(0, len(x), window):
        for x_t in x[start:start + window]:
            state = np.tanh(x_t @ w + state @ u + b)
            parts.append(state)
    return np.stack(parts), state
'''


def _read_in_windows(x, h, w, u, b, window):
    parts = []
    for start in range(0, len(x), window):
        y, _ = rnn_forward(x[start:start + window], h, w, u, b)
        h = y[-1]
        parts.append(y)
    return np.concatenate(parts), h.copy()


def problems(rng):
    def draw(T, B, I, C, window):  # noqa: E741
        shapes = {"x": (T, B, I), "h": (B, C), "w": (I, C), "u": (C, C), "b": (C,)}
        return Problem({name: rng.standard_normal(shape) for name, shape in shapes.items()}, {"window": window})

    return [draw(4, 2, 3, 2, 2), draw(6, 3, 2, 4, 2), draw(7, 2, 3, 2, 3), draw(5, 1, 2, 3, 1), draw(2, 2, 1, 3, 5)]


def _any_window(functions, problem):
    one, other = (functions[0](*problem.arrays.values(), window=n)[0] for n in (1, len(problem.arrays["x"])))
    difference = np.abs(one - other).max()
    if difference > 1e-12:
        return Text(f"windows of 1 step and one window give states that differ by {difference:.3g}: where the text is "
                    "cut must not matter",
                    f"每窗 1 步与只用一个窗口，状态相差 {difference:.3g}：在哪里切开不应有影响")
    return None


EXERCISE = Exercise(
    name="carry_state",
    chapter=15,
    title=Text("A state carried from window to window", "把状态从一个窗口带到下一个"),
    task=Text(
        "A text of T steps is read in windows of `window` steps by h_t = tanh(x_t W + h_t-1 U + b). Each window "
        "begins with the last state of the one before, the first with h. Return all states, (T, B, C), and the last "
        "one: the result must be that of reading the text in one piece, wherever it is cut.",
        "一段 T 步的文本，用 h_t = tanh(x_t W + h_t-1 U + b) 读，每个窗口 `window` 步。"
        "每个窗口从前一个窗口的最后状态开始，第一个从 h 开始。返回全部状态 (T, B, C) 和最后一个状态："
        "不管在哪里切开，结果都要与一次读完相同。"),
    functions=("read_in_windows",),
    skeleton=SKELETON,
    solution=(_read_in_windows,),
    shown=(rnn_forward,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("where the text is cut doesn't matter", _any_window),),
    hints=(
        Text("Two loops: over where windows begin, and over the steps of a window. What must live on from one window "
             "to the next?",
             "两层循环：窗口从哪里开始，窗口里的每一步。从一个窗口到下一个，什么要留下来？"),
        Text("Set the state once, before both loops.", "状态只设一次，在两层循环之前。"),
        Text("for start in range(0, T, window): x[start:start + window] is also right for a shorter last window.",
             "for start in range(0, T, window)：x[start:start + window] 对较短的最后一个窗口也正确。"),
    ),
    wrong=(
        Wrong("forgets", (("    for start in range(0, len(x), window):\n",
                           "    for start in range(0, len(x), window):\n        state = np.zeros_like(h)\n"),),
              "value", "zeros",
              Text("every window begins with zeros: what the windows before have read is forgotten. The state is "
                   "handed on",
                   "每个窗口都从零开始：前面窗口读过的全忘了。状态应当往下传")),
        Wrong("same_start", (("    for start in range(0, len(x), window):\n",
                              "    for start in range(0, len(x), window):\n        state = h\n"),), "value", "same h",
              Text("every window begins with the same h, that of the beginning of the text",
                   "每个窗口都从同一个 h 开始，那是文本开头的状态")),
        Wrong("ignores_first", (("    state = h\n", "    state = np.zeros_like(h)\n"),), "value", "h is ignored",
              Text("h is ignored: the first window begins with the state that it was given",
                   "没有用 h：第一个窗口要从给定的状态开始")),
        Wrong("whole_windows", (("range(0, len(x), window)", "range(0, len(x) - window + 1, window)"),), "odd shapes",
              "shorter",
              Text("the shorter last window is left out, and its steps are missing: it is read too",
                   "较短的最后一个窗口被丢掉了，它的那些步也要读")),
        Wrong("first_of_window", (("    return np.stack(parts), state", "    return np.stack(parts), parts[-window]"),),
              "value", "first state of the last window",
              Text("the state returned is the first state of the last window; to go on one needs the last",
                   "返回的是最后一个窗口的第一个状态；要接着读，需要最后一个")),
    ),
)  # fmt: skip
