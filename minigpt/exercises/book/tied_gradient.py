"""Exercise of chapter 08: the gradient of a table that is used twice, at the bottom and at the top of a GPT."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.layers.embedding import embedding_backward, unembedding_backward

SKELETON = '''\
import numpy as np


def tied_gradient(ids, dx, h, dz, grad):
    """Adds the gradient of a tied table W (V, C) into grad (V, C), in place; returns nothing.

    Bottom, x = W[ids]: ids (B, T), dx (B, T, C). Top, z = h Wᵀ: h (B, T, C), dz (B, T, V).
    """
'''

ANSWER = '''\
import numpy as np


def tied_gradient(ids, dx, h, dz, grad):
    V, C = grad.shape
    np.add.at(grad, ids.reshape(-1), dx.reshape(-1, C))
    grad += dz.reshape(-1, V).T @ h.reshape(-1, C)
'''


def _tied_gradient(ids, dx, h, dz, grad):
    _, dw = unembedding_backward(dz, (h, grad))  # of the table it needs the shape here, and makes a dh nobody wants
    grad += dw
    grad += embedding_backward(dx, (ids, grad.shape))


def problems(rng):
    def problem(ids, V, C, earlier=1):
        ids = np.array(ids)
        arrays = {"ids": ids, "dx": rng.standard_normal((*ids.shape, C)), "h": rng.standard_normal((*ids.shape, C)),
                  "dz": rng.standard_normal((*ids.shape, V)), "grad": earlier * rng.standard_normal((V, C))}
        return Problem(arrays, {})

    return [problem([[2, 0, 2]], V=4, C=2, earlier=0), problem([[1, 3, 3, 0], [3, 5, 1, 1]], V=6, C=3),
            problem([[0]], V=1, C=1), problem([[1], [0], [1]], V=2, C=5)]


def _once_more(functions, problem):
    ids, dx, h, dz, grad = (array.copy() for array in problem.arrays.values())
    before = grad.copy()
    functions[0](ids, dx, h, dz, grad)
    once = grad - before
    functions[0](ids, dx, h, dz, grad)
    difference = np.abs(grad - before - 2 * once).max()
    if difference > 1e-9:
        return Text(f"a second call must add the same gradient once more, but grad is off by {difference:.3g}",
                    f"第二次调用应当再加一遍同样的梯度，但 grad 相差 {difference:.3g}")
    return None


EXERCISE = Exercise(
    name="tied_gradient",
    chapter=8,
    title=Text("The gradient of a tied table", "共享权重（tied weights）的梯度"),
    task=Text(
        "GPT uses one table W (V, C) twice: at the bottom x = W[ids], and at the top z = h Wᵀ. So W acts on the loss "
        "in two ways and its gradient has two terms: every id adds the dx of its place to its row, and the head adds "
        "dzᵀ h, summed over all positions. Add both into grad, which already holds the gradient of an earlier batch: "
        "+= and never =. An id that occurs twice must hear from both its places.",
        "GPT 把同一张表 W (V, C) 用了两次：底部 x = W[ids]，顶部 z = h Wᵀ。所以 W 通过两条路影响损失，梯度有两项："
        "每个 id 把它所在位置的 dx 加到自己那一行，输出层则加上 dzᵀ h，对所有位置求和。把两项都加进 grad；"
        "grad 里已经有前一批数据的梯度，所以要用 +=，不能用 =。一个 id 出现两次，两处的梯度都要算上。"),
    functions=("tied_gradient",),
    skeleton=SKELETON,
    solution=(_tied_gradient,),
    shown=(embedding_backward, unembedding_backward),
    answer=ANSWER,
    problems=problems,
    properties=(Property("a second call adds the same once more", _once_more),),
    accumulates=("grad",),
    hints=(
        Text("Do one term after the other. For both, first make one axis of B and T: dx.reshape(-1, C).",
             "两项一项一项来。两项都先把 B 和 T 并成一个轴：dx.reshape(-1, C)。"),
        Text("grad[ids] += rows keeps only one of the rows of an id that occurs twice; np.add.at(grad, ids, rows) adds "
             "them all.",
             "grad[ids] += rows 对重复出现的 id 只会保留其中一行；np.add.at(grad, ids, rows) 才会全部加上。"),
        Text("Top: z = h Wᵀ with rows (N, C) and (N, V), so dW = dzᵀ h: (V, N) times (N, C). grad += that, and "
             "np.add.at for the bottom.",
             "顶部：按行 z = h Wᵀ，h 是 (N, C)，dz 是 (N, V)，所以 dW = dzᵀ h，即 (V, N) 乘 (N, C)。grad += 它；"
             "底部用 np.add.at。"),
    ),
    wrong=(
        Wrong("assigns", (("    V, C = grad.shape\n", "    V, C = grad.shape\n    grad[...] = 0\n"),), "accumulate",
              "grad"),
        Wrong("new_array", (("np.add.at(grad, ids.reshape(-1), dx.reshape(-1, C))",
                             "grad = grad + dz.reshape(-1, V).T @ h.reshape(-1, C)"),
                            ("grad += dz.reshape(-1, V).T @ h.reshape(-1, C)",
                             "np.add.at(grad, ids.reshape(-1), dx.reshape(-1, C))")), "value", "new array",
              Text("nothing arrives in grad: grad = grad + ... makes a new array of that name, which the caller never "
                   "sees; add in place, grad += ...",
                   "grad 里什么也没有加上：grad = grad + ... 造了一个同名的新数组，调用者看不到它；要就地相加，"
                   "grad += ...")),
        Wrong("duplicates_lost", (("np.add.at(grad, ids.reshape(-1), dx.reshape(-1, C))",
                                   "grad[ids.reshape(-1)] += dx.reshape(-1, C)"),), "value", "twice",
              Text("grad[ids] += dx keeps one row of an id that occurs twice: use np.add.at, which adds them all",
                   "grad[ids] += dx 对出现两次的 id 只保留一行：用 np.add.at 把它们都加上")),
        Wrong("only_bottom", (("    grad += dz.reshape(-1, V).T @ h.reshape(-1, C)\n", ""),), "value", "at the top",
              Text("only the bottom is there: W is also used at the top, z = h Wᵀ, which adds dzᵀ h, in place: "
                   "grad = grad + ... would be lost",
                   "只有底部的一项：W 在顶部也用到了，z = h Wᵀ，还要加上 dzᵀ h，而且要就地相加："
                   "写成 grad = grad + ... 就丢了")),
        Wrong("only_top", (("    np.add.at(grad, ids.reshape(-1), dx.reshape(-1, C))\n", ""),), "value",
              "at the bottom",
              Text("only the top is there: W is also used at the bottom, x = W[ids], which adds dx to the rows of the "
                   "ids",
                   "只有顶部的一项：W 在底部也用到了，x = W[ids]，还要把 dx 加到各 id 的行上")),
        Wrong("top_overwrites", (("grad += dz", "grad[...] = dz"),), "value", "wipes out",
              Text("the second term is assigned and wipes out the first, and what was there before: add it, grad "
                   "+= ...",
                   "第二项用了赋值，把第一项和原有的梯度都抹掉了：应当相加，grad += ...")),
        Wrong("top_reshaped", (("dz.reshape(-1, V).T @ h.reshape(-1, C)",
                                "(h.reshape(-1, C).T @ dz.reshape(-1, V)).reshape(V, C)"),), "value", "reshaped",
              Text("hᵀ dz is (C, V), the transpose of what is needed; reshaped to (V, C) its numbers stand in the "
                   "wrong places. dzᵀ h comes out as (V, C) by itself",
                   "hᵀ dz 是 (C, V)，是所需结果的转置；reshape 成 (V, C)，数就放错了地方。dzᵀ h 本来就是 (V, C)")),
    ),
)  # fmt: skip
