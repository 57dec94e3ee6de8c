"""Exercise of chapter 13: from a stream of ids to windows of fixed length and the token after each."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.models.neural_ngram import windows_of

SKELETON = '''\
import numpy as np


def window_targets(ids, n, before):
    """ids (T,) of a text -> windows (T - 1, n), targets (T - 1,).

    Row t of windows: the n ids up to and with ids[t], the latest last; `before` where the text has not begun yet.
    """
'''

ANSWER = '''\
import numpy as np


def window_targets(ids, n, before):
    T = len(ids)
    padded = np.concatenate([np.full(n - 1, before, ids.dtype), ids])
    windows = padded[np.arange(T - 1)[:, None] + np.arange(n)]
    return windows, ids[1:]
'''


def _window_targets(ids, n, before):
    return windows_of(ids[None, :-1], n, before)[0], ids[1:]


def problems(rng):
    def problem(T, n, before):
        return Problem({"ids": rng.permutation(np.arange(1, T + 1))}, {"n": n, "before": before})  # all different

    return [problem(5, 3, 0), problem(8, 2, 9), problem(6, 1, 7), problem(3, 5, 0), problem(2, 4, 6)]


def _last_of_a_window(functions, problem):
    windows, targets = functions[0](problem.arrays["ids"], **problem.given)
    for row in np.flatnonzero(windows[1:, -1] != targets[:-1]):
        return Text(f"the target of row {row} is {targets[row]}, but row {row + 1} ends with {windows[row + 1, -1]}: a "
                    "target is what the next window ends with",
                    f"第 {row} 行的目标是 {targets[row]}，而第 {row + 1} 行以 {windows[row + 1, -1]} 结尾："
                    "一行的目标应当就是下一个窗口的末尾")
    return None


EXERCISE = Exercise(
    name="window_targets",
    chapter=13,
    title=Text("Windows of fixed length, and their targets", "固定长度的窗口与目标"),
    task=Text(
        "A neural n-gram model sees the last n tokens and guesses the next. Make both from a text of T ids: T - 1 "
        "windows, each with n ids, oldest first, and the id that comes after each. Near the beginning a window "
        "reaches back before the text; there it has the id `before`.",
        "神经 n 元模型（neural n-gram model）看最近的 n 个词元，猜下一个。从含 T 个编号的文本得到两者：T - 1 个窗口，"
        "每个 n 个编号，最早的在前；以及每个窗口之后的那个编号。靠近开头时窗口会伸到文本之前，那里填 before。"),
    functions=("window_targets",),
    skeleton=SKELETON,
    solution=(_window_targets,),
    shown=(windows_of,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("a target ends the next window", _last_of_a_window),),
    hints=(
        Text("The last id of the text has nothing after it: it is a target, but ends no window.",
             "文本的最后一个编号后面没有东西：它是目标，但不是任何窗口的末尾。"),
        Text("With n - 1 times `before` put in front of the text, window t begins at place t.",
             "在文本前面补 n - 1 个 before，窗口 t 就从位置 t 开始。"),
        Text("padded[np.arange(T - 1)[:, None] + np.arange(n)] takes all windows at once; the targets are ids[1:].",
             "padded[np.arange(T - 1)[:, None] + np.arange(n)] 一次取出所有窗口；目标是 ids[1:]。"),
    ),
    wrong=(
        Wrong("input_as_target", (("    return windows, ids[1:]", "    return windows, ids[:-1]"),), "value",
              "copy of its input",
              Text("the target is the window's own last id: a model trained on this learns to copy its input, and its "
                   "loss falls to 0; it is a copy of its input, not a prediction",
                   "目标就是窗口自己的最后一个编号：这样训练出来的模型只会抄写输入，损失降到 0，却什么也没有预测")),
        Wrong("target_inside", (("    windows = padded[np.arange(T - 1)[:, None]",
                                 "    windows = padded[1 + np.arange(T - 1)[:, None]"),), "value",
              "holds its own target",
              Text("every window is one place too far to the right and holds its own target as its last id",
                   "每个窗口都向右多移了一位，末尾就是它自己的目标")),
        Wrong("newest_first", (("+ np.arange(n)]", "+ np.arange(n)[::-1]]"),), "value", "oldest first",
              Text("the windows run backwards: oldest first, so that the latest id stands last",
                   "窗口的顺序反了：最早的在前，最近的编号在最后")),
        Wrong("padded_behind", (("np.concatenate([np.full(n - 1, before, ids.dtype), ids])",
                                 "np.concatenate([ids, np.full(n - 1, before, ids.dtype)])"),), "value",
              "in front of the text",
              Text("the filling stands behind the text; what has not begun yet lies in front of the text",
                   "填充放到了文本后面；还没有开始的部分在文本之前")),
        Wrong("wrong_filler", (("np.full(n - 1, before, ids.dtype)", "np.zeros(n - 1, ids.dtype)"),), "odd shapes",
              "`before`",
              Text("the places before the text are filled with 0, which may be a token; fill them with `before`",
                   "文本之前填的是 0，而 0 可能是一个词元；应当填 `before`")),
    ),
)  # fmt: skip
