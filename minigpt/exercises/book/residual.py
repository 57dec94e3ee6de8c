"""Exercise of chapter 07: a residual sublayer, and the two ways its gradient takes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.layers.block import PreNormBlock
from minigpt.layers.layer_norm import layer_norm_backward, layer_norm_forward
from minigpt.layers.linear import linear_backward, linear_forward

SKELETON = '''\
def residual_forward(x, norm, f):
    """x (..., C) -> y = x + f(norm(x)) (..., C); and saved, a tuple of what backward will need.

    norm and f are pieces like the library's modules: piece.forward(x) returns y, saved_piece.
    """


def residual_backward(dy, saved):
    """dy (..., C) -> dx (..., C). piece.backward(dy, saved_piece) returns the gradient of the piece's input."""
'''

ANSWER = '''\
def residual_forward(x, norm, f):
    n, saved_norm = norm.forward(x)
    s, saved_f = f.forward(n)
    y = x + s
    return y, (norm, f, saved_norm, saved_f)


def residual_backward(dy, saved):
    norm, f, saved_norm, saved_f = saved
    ds = dy
    dn = f.backward(ds, saved_f)
    dx = norm.backward(dn, saved_norm)
    return dy + dx
'''


@dataclass(frozen=True)
class Piece:
    """A part of a network with its parameters inside: forward(x) -> y, saved; backward(dy, saved) -> dx."""

    name: str
    forward: Callable
    backward: Callable

    def __repr__(self):
        return self.name


def _norm(rng, C):
    g, b = rng.standard_normal(C), rng.standard_normal(C)
    return Piece("layer norm", lambda x: layer_norm_forward(x, g.astype(x.dtype), b.astype(x.dtype)),
                 lambda dy, saved: layer_norm_backward(dy, saved)[0])


def _linear(rng, C):
    w, b = rng.standard_normal((C, C)), rng.standard_normal(C)
    return Piece("linear layer", lambda x: linear_forward(x, w.astype(x.dtype), b.astype(x.dtype)),
                 lambda dy, saved: linear_backward(dy, saved)[0])


# A sublayer that adds nothing: the block is then nothing but its residual path.
NOTHING = Piece("f = 0", lambda x: (np.zeros_like(x), ()), lambda dy, saved: np.zeros_like(dy))


def _forward(x, norm, f):
    n, saved_norm = norm.forward(x)
    s, saved_f = f.forward(n)
    return x + s, (norm, f, saved_norm, saved_f)


def _backward(dy, saved):
    norm, f, saved_norm, saved_f = saved
    return dy + norm.backward(f.backward(dy, saved_f), saved_norm)


def problems(rng):
    def problem(*shape):
        pieces = {"norm": _norm(rng, shape[-1]), "f": _linear(rng, shape[-1])}
        return Problem({"x": rng.standard_normal(shape)}, pieces)

    return [problem(2, 3), problem(2, 3, 5), problem(1, 4, 2), problem(1, 1),
            Problem({"x": rng.standard_normal((3, 4))}, {"norm": _norm(rng, 4), "f": NOTHING})]


def _identity(functions, problem):
    x = problem.arrays["x"]
    y, saved = functions[0](x, norm=problem.given["norm"], f=NOTHING)
    if np.abs(y - x).max() > 1e-9:
        return Text(f"with f = 0 the sublayer must hand x on unchanged, but y differs from x by "
                    f"{np.abs(y - x).max():.3g}",
                    f"f = 0 时，这个子层应当原样传递 x，但 y 与 x 相差 {np.abs(y - x).max():.3g}")
    dy = np.linspace(1, 2, x.size).reshape(x.shape)
    difference = np.abs(functions[1](dy, saved) - dy).max()
    if difference > 1e-9:
        return Text(f"with f = 0 the gradient must come through unchanged, but dx differs from dy by {difference:.3g}",
                    f"f = 0 时，梯度应当原样通过，但 dx 与 dy 相差 {difference:.3g}")
    return None


EXERCISE = Exercise(
    name="residual",
    chapter=7,
    title=Text("A pre-norm residual sublayer", "前置归一化（pre-norm）的残差（residual）子层"),
    task=Text(
        "Half a Transformer block: y = x + f(norm(x)). norm and f are given as pieces with the contract of all modules "
        "here: forward(x) returns y and saved, backward(dy, saved) returns dx. Chain them forward, and then backward: "
        "x acts on y in two ways, directly and through norm and f, so its gradient has two terms. What backward needs, "
        "the pieces included, travels in saved.",
        "Transformer 块的一半：y = x + f(norm(x))。norm 和 f 已经给出，它们与库里所有模块的约定相同："
        "forward(x) 返回 y 和 saved，backward(dy, saved) 返回 dx。先把它们前向串起来，再反向：x 通过两条路影响 y，"
        "一条是直接的，一条经过 norm 和 f，所以它的梯度有两项。反向需要的一切，包括这两个部件，都放在 saved 里。"),
    functions=("residual_forward", "residual_backward"),
    skeleton=SKELETON,
    solution=(_forward, _backward),
    shown=(PreNormBlock,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("with f = 0 both passes are the identity", _identity),),
    hints=(
        Text("Keep apart what you call: n = norm(x), s = f(n), y = x + s. Each piece gives you a saved of its own.",
             "把中间结果分别命名：n = norm(x)，s = f(n)，y = x + s。每个部件都会给你一个自己的 saved。"),
        Text("A sum hands its gradient to both of its terms unchanged: from y = x + s, ds = dy, and one term of dx is "
             "dy as well.",
             "加法把梯度原样传给两个加数：由 y = x + s 得 ds = dy，而 dx 的其中一项也是 dy。"),
        Text("dn = f.backward(dy, saved_f), then dx = dy + norm.backward(dn, saved_norm): last piece first, and the "
             "direct path goes around both.",
             "先 dn = f.backward(dy, saved_f)，再 dx = dy + norm.backward(dn, saved_norm)：从最后的部件开始，"
             "直接的那条路绕过两者。"),
    ),
    wrong=(
        Wrong("no_skip_backward", (("return dy + dx", "return dx"),), "gradient", "direct path",
              Text("the gradient of the direct path is missing: y = x + s, so dx has the term dy as well. Without it a "
                   "deep network hears hardly anything at its bottom",
                   "漏了直接那条路的梯度：y = x + s，所以 dx 里还有一项 dy。没有它，深层网络的底部几乎得不到梯度")),
        Wrong("only_skip", (("return dy + dx", "return dy"),), "gradient", "through f and norm",
              Text("only the direct path is there: add the gradient that comes back through f and norm",
                   "只有直接那条路：还要加上经过 f 和 norm 传回来的梯度")),
        Wrong("skip_through_norm", (("dx = norm.backward(dn, saved_norm)", "dx = norm.backward(dy + dn, saved_norm)"),
                                    ("return dy + dx", "return dx")), "gradient", "around the norm",
              Text("dy is added before the norm's backward, as if y were norm(x) + f(norm(x)); the direct path goes "
                   "around the norm: add dy after it",
                   "dy 加在了 norm 的反向之前，好像 y = norm(x) + f(norm(x))；直接的那条路绕过 norm："
                   "应当在它之后加上 dy")),
        Wrong("wrong_order", (("dn = f.backward(ds, saved_f)", "dn = norm.backward(ds, saved_norm)"),
                              ("dx = norm.backward(dn, saved_norm)", "dx = f.backward(dn, saved_f)")), "gradient",
              "last piece first",
              Text("backward goes through the pieces in forward's order; it has to be the reverse, the last piece "
                   "first: f, then norm",
                   "反向按前向的顺序经过了部件；应当倒过来，最后的部件先来：先 f，再 norm")),
        Wrong("adds_normalised", (("y = x + s", "y = n + s"),), "value", "norm(x) + f",
              Text("this is norm(x) + f(norm(x)): what is added is x itself, before the norm",
                   "这是 norm(x) + f(norm(x))：要加的是归一化之前的 x 本身")),
        Wrong("no_skip_forward", (("y = x + s", "y = s"),), "value", "x is not added",
              Text("x is not added: y = x + f(norm(x)), and not f(norm(x)) alone",
                   "没有加上 x：y = x + f(norm(x))，而不只是 f(norm(x))")),
        Wrong("post_norm", (("n, saved_norm = norm.forward(x)\n    s, saved_f = f.forward(n)\n    y = x + s",
                             "s, saved_f = f.forward(x)\n    y, saved_norm = norm.forward(x + s)"),), "value",
              "post-norm",
              Text("this is post-norm, norm(x + f(x)), as in GPT-1; asked for is pre-norm, x + f(norm(x)), as in GPT-2",
                   "这是后置归一化 norm(x + f(x))，即 GPT-1 的做法；这里要的是前置归一化 x + f(norm(x))，"
                   "即 GPT-2 的做法")),
        Wrong("no_norm", (("s, saved_f = f.forward(n)", "s, saved_f = f.forward(x)"),), "value", "f(x)",
              Text("this is x + f(x): what goes into f is norm(x)",
                   "这是 x + f(x)：进入 f 的应当是 norm(x)")),
        Wrong("in_place", (("    y = x + s\n", "    x += s\n    y = x\n"),), "overwritten", "x"),
    ),
)  # fmt: skip
