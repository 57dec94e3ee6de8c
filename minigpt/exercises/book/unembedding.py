"""Exercise of chapter 04: scores for the next token from the table itself, forward and backward."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.layers.embedding import unembedding_backward, unembedding_forward

SKELETON = '''\
import numpy as np


def unembedding_forward(h, w):
    """h (..., C), w (V, C) -> logits z (..., V), and saved, a tuple of what backward will need."""


def unembedding_backward(dz, saved):
    """dz (..., V) -> dh (..., C), dw (V, C)."""
'''

ANSWER = '''\
import numpy as np


def unembedding_forward(h, w):
    return h @ w.T, (h, w)


def unembedding_backward(dz, saved):
    h, w = saved
    rows, dz_rows = h.reshape(-1, h.shape[-1]), dz.reshape(-1, dz.shape[-1])
    return dz @ w, dz_rows.T @ rows
'''


def problems(rng):
    def draw(*leading, vocab, channels):
        return Problem({"h": rng.standard_normal((*leading, channels)), "w": rng.standard_normal((vocab, channels))})

    by_hand = {"h": np.array([[1.0, 2], [0, -1], [3, 1]]), "w": np.array([[1.0, 0], [0, 1], [1, 1], [2, -1]])}
    return [Problem(by_hand), draw(2, 3, vocab=7, channels=5), draw(vocab=3, channels=4),
            draw(2, 1, 3, vocab=1, channels=4), draw(4, vocab=5, channels=1), draw(0, 2, vocab=3, channels=2)]


def _look_up(functions, problem):
    """The gradient of one score is a look-up: dh is the row of that token."""
    h, w = problem.arrays.values()
    z, saved = functions[0](h, w)
    v = len(w) - 1
    dz = np.zeros_like(z)
    dz[..., v] = 1
    off = np.abs(functions[1](dz, saved)[0] - w[v])
    if off.size and off.max() > 1e-9:
        return Text(f"the gradient of the score of token {v} alone should be row {v} of w at every place, and is "
                    f"{off.max():.3g} off",
                    f"只对词元 {v} 的分数求梯度时，每个位置的 dh 都应是 w 的第 {v} 行，这里相差 {off.max():.3g}")
    return None


EXERCISE = Exercise(
    name="unembedding",
    chapter=4,
    title=Text("Unembedding, forward and backward", "反嵌入的前向与反向"),
    task=Text(
        "The embedding table, read the other way: the score of token v is the product of the model's vector with the "
        "row of v, z_v = Σ_c h_c w_vc, that is z = h wᵀ. With w (V, C) as it is stored, not transposed. Then dh and "
        "dw, in the shapes of h and w; the places of all leading axes of h use the one table.",
        "把嵌入表反过来用，称为反嵌入（unembedding）：词元 v 的分数是模型的向量与第 v 行的内积，z_v = Σ_c h_c w_vc，"
        "即 z = h wᵀ。w 按存储的样子是 (V, C)，没有转置。然后求 dh 和 dw，形状分别与 h、w 相同；"
        "h 的所有前置轴上的位置共用这一张表。"),
    functions=("unembedding_forward", "unembedding_backward"),
    skeleton=SKELETON,
    solution=(unembedding_forward, unembedding_backward),
    answer=ANSWER,
    problems=problems,
    properties=(Property("one score's gradient is a row of the table", _look_up),),
    hints=(
        Text("It is a linear layer without bias whose weights are stored as (V, C): take its rules and exchange what "
             "was exchanged.",
             "这就是没有偏置的线性层，只是权重存成了 (V, C)：套用线性层的规则，把对调的地方对调回来。"),
        Text("dh_c = Σ_v dz_v w_vc, and dw_vc = Σ_n dz_nv h_nc over all places n.",
             "dh_c = Σ_v dz_v w_vc；dw_vc = Σ_n dz_nv h_nc，对所有位置 n 求和。"),
        Text("dh = dz w. For dw make both two-dimensional, (N, V) and (N, C): dw = dzᵀ h is (V, C), in this order.",
             "dh = dz w。求 dw 时先把两者变成二维 (N, V) 和 (N, C)：dw = dzᵀ h 的形状是 (V, C)，次序不能反。"),
    ),
    wrong=(
        Wrong("not_transposed", (("h @ w.T", "h @ w"),), "raised", "wᵀ",
              Text("h (..., C) doesn't fit w (V, C): the sum runs over the channels of both, z = h wᵀ",
                   "h (..., C) 与 w (V, C) 不能相乘：求和的是两者的通道，z = h wᵀ")),
        Wrong("reshaped", (("h @ w.T", "h @ w.reshape(w.shape[::-1])"),), "value", "reshape",
              Text("w.reshape has the right shape and the wrong order: a transpose, w.T, exchanges rows and columns",
                   "w.reshape 形状对了，次序却错了：转置 w.T 才是行列互换")),
        Wrong("probabilities", (("    return h @ w.T, (h, w)", "    e = np.exp(h @ w.T)\n"
                                 "    return e / e.sum(axis=-1, keepdims=True), (h, w)"),), "value", "softmax",
              Text("these are probabilities: logits are the scores before the softmax, which the loss applies itself",
                   "这是概率：logits 是 softmax 之前的分数，softmax 由损失函数自己去做")),
        Wrong("scaled", (("h @ w.T,", "h @ w.T / w.shape[1] ** 0.5,"),), "value", "√C",
              Text("the scores were divided by √C: that belongs to attention, logits are plain products",
                   "分数除以了 √C：那是注意力里的做法，logits 就是内积本身")),
        Wrong("dw_transposed", (("dz_rows.T @ rows", "rows.T @ dz_rows"),), "shape", "transpose"),
        Wrong("dw_not_summed", (("dz_rows.T @ rows", "dz[..., :, None] * h[..., None, :]"),), "shape", "sum"),
        Wrong("dw_mean", (("dz_rows.T @ rows", "dz_rows.T @ rows / len(rows)"),), "gradient", "factor"),
        Wrong("dw_last_row", (("    return dz @ w, dz_rows.T @ rows", "    for dz_n, h_n in zip(dz_rows, rows):\n"
                               "        dw = np.outer(dz_n, h_n)\n    return dz @ w, dw"),), "gradient", "last place",
              Text("dw is that of the last place alone: the loop assigns where it should add, dw += np.outer(dz_n, "
                   "h_n)",
                   "dw 只是最后一个位置的：循环里应当累加而不是赋值，dw += np.outer(dz_n, h_n)")),
        Wrong("dh_by_a_reshape", (("dz @ w, dz_rows",
                                     "(w.reshape(w.shape[::-1]) @ dz_rows.T).T.reshape(h.shape), dz_rows"),),
              "gradient", "dz w",
              Text("dh has the right shape and the wrong numbers, because w was reshaped: forward was z = h wᵀ, so dh "
                   "= dz w, with w as it is",
                   "dh 形状对了，数却错了，因为 w 被 reshape 过：前向是 z = h wᵀ，所以 dh = dz w，w 原样使用")),
        Wrong("only_two_axes", (("dz_rows.T @ rows", "dz.T @ h"),), "odd shapes", "reshape",
              Text("dz.T reverses all axes, and with three of them the product is no sum over places: make dz and h "
                   "two-dimensional with reshape(-1, ...) first",
                   "dz.T 会颠倒全部的轴，有三个轴时这个乘积就不再是对位置求和：先用 reshape(-1, ...) 把 dz 和 h 变成二"
                   "维")),
    ),
)  # fmt: skip
