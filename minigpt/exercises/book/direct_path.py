"""Exercise of chapter 13: the network of Bengio et al. with its direct connections, forward and backward."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.layers.activations import tanh_backward, tanh_forward
from minigpt.layers.linear import linear_backward, linear_forward
from minigpt.models.neural_ngram import NeuralNgram

SKELETON = '''\
import numpy as np


def direct_path_forward(e, w_h, w_o, w_d):
    """e (N, I), w_h (I, F), w_o (F, V), w_d (I, V) -> z (N, V); and saved, a tuple of what backward will need."""


def direct_path_backward(dz, saved):
    """dz (N, V) -> de (N, I), dw_h (I, F), dw_o (F, V), dw_d (I, V)."""
'''

ANSWER = '''\
import numpy as np


def direct_path_forward(e, w_h, w_o, w_d):
    h = np.tanh(e @ w_h)
    z = h @ w_o + e @ w_d
    return z, (e, h, w_h, w_o, w_d)


def direct_path_backward(dz, saved):
    e, h, w_h, w_o, w_d = saved
    dh = dz @ w_o.T
    da = dh * (1 - h * h)
    de = da @ w_h.T + dz @ w_d.T
    dw_h = e.T @ da
    dw_o = h.T @ dz
    dw_d = e.T @ dz
    return de, dw_h, dw_o, dw_d
'''


def _forward(e, w_h, w_o, w_d):
    a, saved_hidden = linear_forward(e, w_h)
    h, saved_tanh = tanh_forward(a)
    z, saved_out = linear_forward(h, w_o)
    z_direct, saved_direct = linear_forward(e, w_d)
    return z + z_direct, (saved_hidden, saved_tanh, saved_out, saved_direct)


def _backward(dz, saved):
    saved_hidden, saved_tanh, saved_out, saved_direct = saved
    dh, dw_o, _ = linear_backward(dz, saved_out)
    de, dw_h, _ = linear_backward(tanh_backward(dh, saved_tanh), saved_hidden)
    de_direct, dw_d, _ = linear_backward(dz, saved_direct)
    return de + de_direct, dw_h, dw_o, dw_d


def problems(rng):
    def problem(N, I, F, V):  # noqa: E741
        shapes = {"e": (N, I), "w_h": (I, F), "w_o": (F, V), "w_d": (I, V)}
        return Problem({name: rng.standard_normal(shape) for name, shape in shapes.items()})

    return [problem(2, 3, 4, 5), problem(5, 2, 7, 3), problem(1, 1, 2, 4)]


def _linear_without_hidden(functions, problem):
    """With w_o = 0 only the direct path is left, and doubling e doubles z."""
    e, w_h, w_o, w_d = problem.arrays.values()
    off = np.abs(functions[0](2 * e, w_h, 0 * w_o, w_d)[0] - 2 * functions[0](e, w_h, 0 * w_o, w_d)[0]).max()
    if off > 1e-9:
        return Text(f"with w_o = 0 the direct path alone is left, which is linear; doubling e misses 2 z by {off:.3g}",
                    f"w_o = 0 时只剩直接通路，它是线性的；e 加倍后与 2 z 相差 {off:.3g}")
    return None


EXERCISE = Exercise(
    name="direct_path",
    chapter=13,
    title=Text("A hidden layer and a way past it", "隐藏层与绕过它的直接通路"),
    task=Text(
        "The first neural language model has two paths from the window's vectors e to the scores: through a hidden "
        "layer, and straight. z = tanh(e W_h) W_o + e W_d. e is used twice: what does that mean for its gradient? "
        "(Biases are left out; you know their rule.)",
        "第一个神经语言模型从窗口的向量 e 到分数有两条路：一条经过隐藏层，一条直达。z = tanh(e W_h) W_o + e W_d。"
        "e 用了两次：它的梯度该怎样算？（偏置略去，规则你已经知道。）"),
    functions=("direct_path_forward", "direct_path_backward"),
    skeleton=SKELETON,
    solution=(_forward, _backward),
    shown=(NeuralNgram._logits_forward, NeuralNgram._logits_backward),
    answer=ANSWER,
    problems=problems,
    properties=(Property("without the hidden layer it is linear", _linear_without_hidden),),
    hints=(
        Text("z is a sum, so dz goes unchanged into both paths.", "z 是一个和，所以 dz 原样进入两条路。"),
        Text("tanh' = 1 - tanh², so h is all you need of the hidden layer.",
             "tanh 的导数是 1 - tanh²，所以隐藏层只需要保存 h。"),
        Text("da = (dz w_oᵀ)(1 - h²); de = da w_hᵀ + dz w_dᵀ; each dw is (what came in)ᵀ (gradient of what went out).",
             "da = (dz w_oᵀ)(1 - h²)；de = da w_hᵀ + dz w_dᵀ；每个 dw 都是（输入）ᵀ（输出的梯度）。"),
    ),
    wrong=(
        Wrong("one_path", (("    de = da @ w_h.T + dz @ w_d.T", "    de = da @ w_h.T"),), "gradient", "direct path",
              Text("de has no part from the direct path: e was used twice, so its gradient is a sum of two terms",
                   "de 缺了直接通路的那一份：e 用了两次，梯度是两项之和")),
        Wrong("no_slope", (("dh * (1 - h * h)", "dh"),), "gradient", "tanh",
              Text("the gradient goes past the tanh as if it were not there: multiply with its slope, 1 - h²",
                   "梯度绕过了 tanh：要乘上它的斜率 1 - h²")),
        Wrong("slope_of_a", (("    h = np.tanh(e @ w_h)\n    z = h @ w_o + e @ w_d\n    return z, (e, h,",
                              "    a = e @ w_h\n    h = np.tanh(a)\n    z = h @ w_o + e @ w_d\n    return z, (e, a,"),
                             ("    dw_o = h.T @ dz", "    dw_o = np.tanh(h).T @ dz")), "gradient", "before the tanh",
              Text("1 - h² needs the value after the tanh; what was saved is the one before the tanh",
                   "1 - h² 里的 h 是 tanh 之后的值，保存下来的却是之前的（before the tanh）")),
        Wrong("tanh_on_both", (("    h = np.tanh(e @ w_h)\n    z = h @ w_o + e @ w_d",
                                "    h = np.tanh(e @ w_h)\n    z = np.tanh(h @ w_o + e @ w_d)"),), "value",
              "scores",
              Text("the scores themselves went through the tanh: they are logits and may be any number; only the "
                   "hidden layer bends",
                   "分数本身也过了 tanh：它们是 logits，可以是任意数；弯曲的只有隐藏层")),
        Wrong("direct_forgotten", (("h @ w_o + e @ w_d", "h @ w_o"),), "value", "W_d",
              Text("the direct path is missing from z: add e W_d", "z 里缺了直接通路：加上 e W_d")),
    ),
)  # fmt: skip
