"""Exercise of chapter 06: from channels to heads, and back."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.layers.attention import merge_heads, split_heads

SKELETON = '''\
import numpy as np


def split_heads_forward(x, num_heads):
    """x (B, T, C) -> y (B, H, T, D) with H = num_heads, D = C / H; and saved, a tuple of what backward will need."""


def split_heads_backward(dy, saved):
    """dy (B, H, T, D) -> dx (B, T, C): every number goes back to where it came from. This also merges heads."""
'''

ANSWER = '''\
import numpy as np


def split_heads_forward(x, num_heads):
    B, T, C = x.shape
    heads = x.reshape(B, T, num_heads, C // num_heads)
    return heads.transpose(0, 2, 1, 3), ()


def split_heads_backward(dy, saved):
    B, H, T, D = dy.shape
    rows = dy.transpose(0, 2, 1, 3)
    return rows.reshape(B, T, H * D)
'''


def _forward(x, num_heads):
    return split_heads(x, num_heads), ()


def _backward(dy, saved):
    return merge_heads(dy)


def problems(rng):
    def problem(*shape, heads):
        return Problem({"x": rng.standard_normal(shape)}, {"num_heads": heads})

    return [problem(1, 4, 6, heads=2), problem(2, 3, 20, heads=5), problem(3, 1, 4, heads=4), problem(2, 5, 3, heads=1),
            problem(1, 1, 1, heads=1)]


def _slices(functions, problem):
    x, H = problem.arrays["x"], problem.given["num_heads"]
    y, _ = functions[0](x, num_heads=H)
    D = x.shape[-1] // H
    for head in range(H):
        if not np.array_equal(y[:, head], x[:, :, head * D:(head + 1) * D]):
            return Text(f"head {head} is not made of the channels {head * D} to {(head + 1) * D - 1} of x",
                        f"第 {head} 个头不是 x 的通道 {head * D} 到 {(head + 1) * D - 1}")
    return None


def _round_trip(functions, problem):
    x = problem.arrays["x"]
    back = functions[1](*functions[0](x, **problem.given))
    wrong = int((back != x).sum())
    if wrong:
        return Text(f"split and merged again, {wrong} of {x.size} numbers of x stand in another place",
                    f"拆开再合并之后，x 的 {x.size} 个数中有 {wrong} 个换了位置")
    return None


EXERCISE = Exercise(
    name="split_heads",
    chapter=6,
    title=Text("Split the channels into heads, and merge them", "把通道（channel）拆成多个头，再合并"),
    task=Text(
        "x (B, T, C) has in each position the channels of H heads side by side: head h owns the channels h D to "
        "(h + 1) D - 1, with D = C / H. Attention wants each head as a matrix of its own, (B, H, T, D). Nothing is "
        "computed, numbers only move; so the gradient moves them back, from (B, H, T, D) to (B, T, C), and the same "
        "function merges the heads' results after attention.",
        "x (B, T, C) 的每个位置上，H 个头（head）的通道并排放着：头 h 占通道 h D 到 (h + 1) D - 1，D = C / H。"
        "注意力要求每个头自成一个矩阵，即 (B, H, T, D)。这里什么也不计算，数只是换了位置；所以梯度就是把它们搬回去，"
        "从 (B, H, T, D) 到 (B, T, C)。注意力之后合并各头的结果，用的也是这个函数。"),
    functions=("split_heads_forward", "split_heads_backward"),
    skeleton=SKELETON,
    solution=(_forward, _backward),
    shown=(split_heads, merge_heads),
    answer=ANSWER,
    problems=problems,
    properties=(Property("head h is a slice of the channels", _slices),
                Property("merging undoes splitting", _round_trip)),
    hints=(
        Text("Two steps: cut the last axis C in two, (H, D); then bring H in front of T. A reshape can only do the "
             "first.",
             "分两步：先把最后一个轴 C 切成两个轴 (H, D)，再把 H 移到 T 前面。reshape 只能完成第一步。"),
        Text("reshape never moves a number: it reads the same numbers in the same order. Only transpose exchanges "
             "axes.",
             "reshape 不移动任何数：还是同样的数、同样的顺序。交换轴要用 transpose。"),
        Text("x.reshape(B, T, H, D).transpose(0, 2, 1, 3). Back: the same transpose first, which is its own inverse, "
             "and then the reshape to (B, T, H D).",
             "x.reshape(B, T, H, D).transpose(0, 2, 1, 3)。往回：先做同一个 transpose（它是自己的逆），"
             "再 reshape 成 (B, T, H D)。"),
    ),
    wrong=(
        Wrong("only_reshape", (("heads = x.reshape(B, T, num_heads, C // num_heads)",
                                "heads = x.reshape(B, num_heads, T, C // num_heads)"),
                               ("heads.transpose(0, 2, 1, 3), ()", "heads, ()")), "value", "reshape alone",
              Text("reshape alone gives the right shape with the numbers in the wrong places: a head gets channels of "
                   "other heads and of other positions. Cut C into (H, D) first, then transpose",
                   "只用 reshape，形状对了，数却放错了地方：一个头里混进了别的头和别的位置的通道。先把 C 切成 (H, D)，"
                   "再 transpose")),
        Wrong("no_transpose", (("heads.transpose(0, 2, 1, 3), ()", "heads, ()"),), "shape", "before",
              Text("the axes are (B, T, H, D): the heads must come before the positions, so that each head is a matrix "
                   "(T, D)",
                   "现在的轴是 (B, T, H, D)：头要放在位置之前，这样每个头才是一个矩阵 (T, D)")),
        Wrong("for_the_scores", (("heads.transpose(0, 2, 1, 3)", "heads.transpose(0, 2, 3, 1)"),), "shape", "(T, D)",
              Text("each head comes out as (D, T), as k is needed in q kᵀ; here each head must be (T, D)",
                   "每个头成了 (D, T)，那是 q kᵀ 里 k 的样子；这里每个头应当是 (T, D)")),
        Wrong("interleaved", (("x.reshape(B, T, num_heads, C // num_heads)",
                               "x.reshape(B, T, C // num_heads, num_heads)"),
                              ("heads.transpose(0, 2, 1, 3)", "heads.transpose(0, 3, 1, 2)")), "value", "every H-th",
              Text("head h got every H-th channel, starting with h; it owns D channels that lie side by side: cut C "
                   "into (H, D), not (D, H)",
                   "头 h 取的是从 h 开始每隔 H 个的通道；它应当占相邻的 D 个通道：把 C 切成 (H, D)，而不是 (D, H)")),
        Wrong("merged_by_reshape", (("rows = dy.transpose(0, 2, 1, 3)", "rows = dy"),), "gradient", "transpose",
              Text("the way back lacks the transpose: a position's row is filled with numbers of other positions of "
                   "the same head. Bring T back before H first, then reshape",
                   "往回走时漏了 transpose：一个位置的行里填进了同一个头其他位置的数。先把 T 移回 H 之前，再 reshape")),
        Wrong("merged_interleaved", (("rows = dy.transpose(0, 2, 1, 3)", "rows = dy.transpose(0, 2, 3, 1)"),),
              "gradient", "channel by channel",
              Text("the heads are merged channel by channel (D, H) and not one after the other (H, D): W_out would "
                   "meet the channels in another order",
                   "各头是按通道交错合并的 (D, H)，而不是一个接一个 (H, D)：W_out 遇到的通道顺序就不对了")),
    ),
)  # fmt: skip
