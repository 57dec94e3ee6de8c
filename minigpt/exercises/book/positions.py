"""Exercise of chapter 04: the sinusoidal table of positions."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.layers.positions import sinusoidal_positions

SKELETON = '''\
import numpy as np


def positions(length, d_model):
    """The table P (T, C) for T = length and C = d_model, which is even."""
'''

ANSWER = '''\
import numpy as np


def positions(length, d_model):
    t = np.arange(length)[:, None]
    i = np.arange(d_model // 2)
    angle = t / 10000 ** (2 * i / d_model)
    table = np.zeros((length, d_model))
    table[:, 0::2] = np.sin(angle)
    table[:, 1::2] = np.cos(angle)
    return table
'''


def problems(rng):
    sizes = [(3, 4), (5, 6), (1, 2), (2, 10), (300, 2), (0, 4), (7, 1 + 2 * int(rng.integers(5, 9)) + 1)]
    return [Problem({}, {"length": length, "d_model": d_model}) for length, d_model in sizes]


def _turning(functions, problem):
    """sin a sin b + cos a cos b = cos(a - b): the product of two rows depends on their distance alone."""
    table = functions[0](**problem.given)
    for k in range(1, len(table)):
        products = (table[k:] * table[:-k]).sum(axis=1)
        if np.ptp(products) > 1e-6:
            return Text(f"P[t] · P[t + {k}] should be the same for every t, but lies between {products.min():.6g} and "
                        f"{products.max():.6g}",
                        f"对每个 t，P[t] · P[t + {k}] 都应相同，这里却在 {products.min():.6g} 和 "
                        f"{products.max():.6g} 之间")
    return None


EXERCISE = Exercise(
    name="positions",
    chapter=4,
    title=Text("Sinusoidal positions", "正弦位置编码"),
    task=Text(
        "The first Transformer's table: P[t, 2i] = sin(t / 10000^(2i/C)) and P[t, 2i+1] = cos(t / 10000^(2i/C)), for t "
        "= 0, 1, ..., T-1 and i = 0, 1, ..., C/2-1. Even columns are sines, odd columns cosines, and each pair has its "
        "own wavelength, from 2π up. Return the table (T, C).",
        "第一个 Transformer 的位置编码（positional encoding）：P[t, 2i] = sin(t / 10000^(2i/C))，"
        "P[t, 2i+1] = cos(t / 10000^(2i/C))，t = 0, 1, ..., T-1，i = 0, 1, ..., C/2-1。偶数列是正弦，奇数列是余弦，"
        "每一对有自己的波长，最短是 2π。返回形状为 (T, C) 的表。"),
    functions=("positions",),
    skeleton=SKELETON,
    solution=(sinusoidal_positions,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("the product of two rows depends on their distance", _turning),),
    hints=(
        Text("Row 0 is easy to check by eye: sin 0 = 0 and cos 0 = 1, in turn.",
             "第 0 行一眼就能检查：sin 0 = 0 与 cos 0 = 1 交替出现。"),
        Text("Make the angles first, (T, C/2): a column np.arange(T)[:, None] divided by a row of C/2 numbers.",
             "先求角度 (T, C/2)：一列 np.arange(T)[:, None] 除以一行 C/2 个数。"),
        Text("The row is 10000 ** (2 * i / C) with i = np.arange(C // 2). Then table[:, 0::2] = sin of the angles, "
             "table[:, 1::2] = cos of the same angles.",
             "这一行是 10000 ** (2 * i / C)，i = np.arange(C // 2)。然后 table[:, 0::2] 是角度的 sin，"
             "table[:, 1::2] 是同样角度的 cos。"),
    ),
    wrong=(
        Wrong("halves", (("table[:, 0::2]", "table[:, :d_model // 2]"), ("table[:, 1::2]", "table[:, d_model // 2:]")),
              "value", "in turn",
              Text("all sines come first, then all cosines, as some implementations have it; here they stand in turn: "
                   "even columns sin, odd columns cos",
                   "先放了所有正弦，再放所有余弦，有些实现就是这样；这里要求交替：偶数列 sin，奇数列 cos")),
        Wrong("exchanged", (("np.sin", "np.cos"), ("table[:, 1::2] = np.cos", "table[:, 1::2] = np.sin")), "value",
              "exchanged",
              Text("sines and cosines are exchanged: column 0 is a sine, so row 0 begins with 0",
                   "正弦和余弦对调了：第 0 列是正弦，所以第 0 行以 0 开头")),
        Wrong("from_one", (("np.arange(length)", "np.arange(1, length + 1)"),), "value", "from 0",
              Text("positions count from 0: the first row is that of t = 0, whose sines are 0",
                   "位置从 0 数起：第一行是 t = 0，其正弦全为 0")),
        Wrong("no_2", (("2 * i / d_model", "i / d_model"),), "value", "2i",
              Text("the exponent is 2i/C, with i = 0 .. C/2-1 the number of the pair: the 2 is missing, and the waves "
                   "grow only to a hundredth of their length",
                   "指数是 2i/C，i = 0 .. C/2-1 是对的序号：漏了 2，最长的波长只有应有的百分之一左右")),
        Wrong("twice_2", (("np.arange(d_model // 2)", "np.arange(0, d_model, 2)"),), "value", "already",
              Text("np.arange(0, C, 2) is already 2i, and was doubled once more: the exponent is 2i/C",
                   "np.arange(0, C, 2) 已经是 2i，又乘了一次 2：指数应当是 2i/C")),
        Wrong("multiplied", (("t / 10000", "t * 10000"),), "value", "divided",
              Text("the position was multiplied by 10000^(2i/C): it is divided, so that later pairs turn more slowly",
                   "位置乘了 10000^(2i/C)：应当相除，这样后面的对转得更慢")),
        Wrong("precedence", (("10000 ** (2 * i / d_model)", "10000 ** 2 * i / d_model"),), "value", "parentheses",
              Text("without parentheses ** comes first and t is divided by 10000² alone: the exponent is all of 2i/C, "
                   "so 10000 ** (2 * i / C)",
                   "不加括号时先算 **，t 除的只是 10000²：指数应是整个 2i/C，要写 10000 ** (2 * i / C)")),
        Wrong("own_angle_for_each_column", (
            ("    i = np.arange(d_model // 2)\n", ""), ("2 * i / d_model", "np.arange(d_model) / d_model"),
            ("np.sin(angle)", "np.sin(angle[:, 0::2])"), ("np.cos(angle)", "np.cos(angle[:, 1::2])")),
              "value", "same angle",
              Text("the sine and the cosine of a pair have different angles: column 2i+1 uses the same angle as column "
                   "2i, with exponent 2i/C",
                   "一对中的正弦和余弦用了不同的角度：第 2i+1 列与第 2i 列角度相同，指数都是 2i/C")),
        Wrong("transposed", (("return table\n", "return table.T\n"),), "shape", "transpose"),
    ),
)  # fmt: skip
