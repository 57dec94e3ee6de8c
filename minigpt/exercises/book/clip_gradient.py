"""Exercise of chapter 09: clipping a gradient that consists of several arrays."""

import numpy as np

from minigpt import backend
from minigpt.exercises.bare_model import BareModel
from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.optim import clip_gradient

SKELETON = '''\
import numpy as np


def clip_gradient(grads, max_norm):
    """grads: a list of arrays, together the gradient of a model -> the list of clipped arrays, the norm before."""
'''

ANSWER = '''\
import numpy as np


def clip_gradient(grads, max_norm):
    norm = np.sqrt(sum((g * g).sum() for g in grads))
    scale = max_norm / norm if norm > max_norm else 1.0
    clipped = [g * scale for g in grads]
    return clipped, norm
'''


def _clip_gradient(grads, max_norm):
    with backend.using("numpy", grads[0].dtype.name):
        model = BareModel(grads, grads)
        norm = clip_gradient(model, max_norm)
        return [parameter.grad.copy() for parameter in model.arrays], norm


def problems(rng):
    def problem(*shapes, norm, max_norm):
        grads = [rng.standard_normal(shape) for shape in shapes]
        length = np.sqrt(sum((g * g).sum() for g in grads))
        return Problem({}, {"grads": [g * (norm / length) for g in grads], "max_norm": max_norm})

    return [problem(2, 3, norm=5.0, max_norm=2.0), problem((2, 3), 1, norm=0.5, max_norm=1.0),
            problem((2, 3), 1, (3, 1, 2), norm=40.0, max_norm=0.25), problem((1, 1), norm=3.0, max_norm=1.0),
            Problem({}, {"grads": [np.zeros(2), np.zeros((1, 2))], "max_norm": 1.0})]


def _norm_after(functions, problem):
    grads, max_norm = problem.given["grads"], problem.given["max_norm"]
    clipped, _ = functions[0](grads=grads, max_norm=max_norm)
    before, after = (np.sqrt(sum((g * g).sum() for g in arrays)) for arrays in (grads, clipped))
    due = min(before, max_norm)
    if not abs(after - due) < 1e-9:
        return Text(f"a gradient of norm {before:.6g}, clipped to {max_norm:g}, has the norm {after:.6g} and not "
                    f"{due:.6g}",
                    f"范数为 {before:.6g} 的梯度裁剪到 {max_norm:g}，结果的范数是 {after:.6g}，不是 {due:.6g}")
    return None


def _direction(functions, problem):
    grads = problem.given["grads"]
    clipped, _ = functions[0](**problem.given)
    a, b = (np.concatenate([g.reshape(-1) for g in arrays]) for arrays in (grads, clipped))
    sine = np.abs(a[:, None] * b[None, :] - b[:, None] * a[None, :]).max()
    if not sine < 1e-9 * max(1.0, float(a @ a)):
        return Text("the clipped gradient points in another direction: all arrays must shrink by the same factor",
                    "裁剪后的梯度改变了方向：所有数组应当缩小同样的倍数")
    return None


EXERCISE = Exercise(
    name="clip_gradient",
    chapter=9,
    title=Text("Clip the gradient by its norm", "按范数（norm）裁剪（clip）梯度"),
    task=Text(
        "A single bad batch can make a step so large that training never recovers. Take all arrays together as one "
        "long vector; its norm is √(Σ g²) over every element of every array. Where that is more than max_norm, "
        "shorten the vector to max_norm without turning it; else leave it alone. Return the list of new arrays and "
        "the norm before clipping, a number worth logging.",
        "一批坏数据就可能让步子大到训练再也救不回来。把所有数组看作一个长向量，它的范数是 √(Σ g²)，"
        "对每个数组的每个元素求和。范数大于 max_norm 时，把向量缩短到 max_norm，方向不变；否则原样不动。"
        "返回新数组的列表，以及裁剪之前的范数，它值得记进日志。"),
    functions=("clip_gradient",),
    skeleton=SKELETON,
    solution=(_clip_gradient,),
    shown=(clip_gradient,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("the norm after clipping", _norm_after), Property("the direction stays", _direction)),
    hints=(
        Text("One norm for all arrays: add up the squares of all of them before the root.",
             "所有数组共用一个范数：先把它们所有元素的平方加起来，再开方。"),
        Text("Which factor takes a vector of length norm to the length max_norm? When must the factor be 1?",
             "乘上什么因子，能把长度为 norm 的向量变成长度 max_norm？什么时候因子应当是 1？"),
        Text("scale = max_norm / norm if norm > max_norm else 1; every array times scale, as a new array.",
             "scale = max_norm / norm if norm > max_norm else 1；每个数组都乘 scale，得到新数组。"),
    ),
    wrong=(
        Wrong("each_its_own", (("clipped = [g * scale for g in grads]",
                                "own = [np.sqrt((g * g).sum()) for g in grads]\n"
                                "    clipped = [g * min(1.0, max_norm / n) for g, n in zip(grads, own)]"),), "value",
              "own norm",
              Text("each array is clipped by its own norm, which turns the gradient: one norm, of all arrays "
                   "together, and one factor",
                   "每个数组按自己的范数裁剪，梯度的方向就变了：应当用所有数组合起来的一个范数、一个因子")),
        Wrong("always", (("max_norm / norm if norm > max_norm else 1.0", "max_norm / norm"),), "odd shapes",
              "short gradient",
              Text("a short gradient is made longer: scale only where the norm is more than max_norm",
                   "短的梯度被拉长了：只有范数大于 max_norm 时才缩放")),
        Wrong("with_an_eps", (("max_norm / norm if", "max_norm / (norm + 1e-6) if"),), "value", "a little too short",
              Text("a small number is added to the norm, as PyTorch does, and the result is a little too short; "
                   "nothing can be divided by 0 here, as a norm of 0 is never more than max_norm",
                   "范数上加了一个很小的数（PyTorch 就这样做），结果略短了一点；这里不会除以 0，"
                   "因为范数为 0 时不会大于 max_norm")),
        Wrong("sum_of_norms", (("np.sqrt(sum((g * g).sum() for g in grads))",
                                "sum(np.sqrt((g * g).sum()) for g in grads)"),), "value", "norms of the arrays",
              Text("the norms of the arrays are added up: add up their squares, and take the root of the sum",
                   "把各数组的范数加起来了：应当先把平方加起来，再对总和开方")),
        Wrong("no_root", (("np.sqrt(sum((g * g).sum() for g in grads))", "sum((g * g).sum() for g in grads)"),),
              "value", "root",
              Text("the norm lacks its root: this is the sum of squares",
                   "范数漏了开方：这是平方和")),
        Wrong("by_value", (("[g * scale for g in grads]", "[np.clip(g, -max_norm, max_norm) for g in grads]"),),
              "value", "each element",
              Text("each element is clipped to ±max_norm, which turns the gradient; clip by the norm: one factor for "
                   "all",
                   "把每个元素限制在 ±max_norm 之内，梯度的方向会变；应当按范数裁剪：所有元素同乘一个因子")),
        Wrong("to_length_1", (("max_norm / norm if norm > max_norm", "1 / norm if norm > max_norm"),), "value",
              "length 1",
              Text("the gradient is shortened to length 1 and not max_norm",
                   "梯度被缩短到了长度 1，而不是 max_norm")),
        Wrong("norm_after", (("return clipped, norm", "return clipped, min(norm, max_norm)"),), "value",
              "after clipping",
              Text("the norm is that after clipping: return the one before, which shows when training is in trouble",
                   "返回的是裁剪之后的范数：应当返回裁剪之前的，它才能显示训练出了问题")),
        Wrong("in_place", (("    clipped = [g * scale for g in grads]",
                            "    for g in grads:\n        g *= scale\n    clipped = grads"),), "overwritten", "grads"),
    ),
)  # fmt: skip
