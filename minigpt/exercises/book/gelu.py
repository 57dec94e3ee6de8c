"""Exercise of chapter 03: GELU in its tanh form, forward and backward."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.layers.activations import gelu_tanh_backward, gelu_tanh_forward

SKELETON = '''\
import numpy as np


def gelu_forward(x):
    """x (...) -> y (...), element by element; and saved, a tuple of what backward will need."""


def gelu_backward(dy, saved):
    """dy (...) -> dx (...)."""
'''

ANSWER = '''\
import math

import numpy as np


def gelu_forward(x):
    c = math.sqrt(2 / math.pi)
    u = c * (x + 0.044715 * x * x * x)
    return 0.5 * x * (1 + np.tanh(u)), (x,)


def gelu_backward(dy, saved):
    (x,) = saved
    c = math.sqrt(2 / math.pi)
    t = np.tanh(c * (x + 0.044715 * x * x * x))
    du = c * (1 + 3 * 0.044715 * x * x)
    return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * du)
'''


def problems(rng):
    def draw(*shape):
        return Problem({"x": 1.5 * rng.standard_normal(shape)})

    return [Problem({"x": np.array([-2.0, -1, 0, 1, 2])}), draw(2, 3, 5), draw(1, 1), draw(7), draw(0, 3),
            Problem({"x": np.array([[-30.0, -4, 4], [1e-3, 9, 100]])})]


def _difference(functions, problem):
    """x Φ(x) - (-x) Φ(-x) = x (Φ(x) + Φ(-x)) = x; the tanh form keeps this law, as tanh is odd."""
    x = problem.arrays["x"]
    off = np.abs(functions[0](x)[0] - functions[0](-x)[0] - x)
    if x.size and off.max() > 1e-9:
        return Text(f"gelu(x) - gelu(-x) = x for every x, and is {off.max():.3g} off",
                    f"对每个 x 都有 gelu(x) - gelu(-x) = x，这里相差 {off.max():.3g}")
    return None


EXERCISE = Exercise(
    name="gelu",
    chapter=3,
    title=Text("GELU, forward and backward", "GELU 的前向与反向"),
    task=Text(
        "The activation of GPT-2, element by element: y = x (1 + tanh u) / 2 with u = √(2/π) (x + 0.044715 x³). Then "
        "its gradient. An element of y depends on one element of x only, so dx = dy f'(x); f' takes the product rule "
        "and the chain rule, and (tanh u)' = 1 - tanh² u.",
        "GPT-2 的激活函数（activation），逐元素计算：y = x (1 + tanh u) / 2，其中 u = √(2/π) (x + 0.044715 x³)。"
        "然后求梯度。y 的一个元素只依赖 x 的一个元素，所以 dx = dy f'(x)；求 f' 要用乘积法则和链式法则，"
        "(tanh u)' = 1 - tanh² u。"),
    functions=("gelu_forward", "gelu_backward"),
    skeleton=SKELETON,
    solution=(gelu_tanh_forward, gelu_tanh_backward),
    answer=ANSWER,
    problems=problems,
    properties=(Property("gelu(x) - gelu(-x) = x", _difference),),
    hints=(
        Text("y is a product of two factors that both depend on x, x/2 and 1 + tanh u: f' has two terms.",
             "y 是两个因子的乘积：x/2 和 1 + tanh u，两者都依赖 x，所以 f' 有两项。"),
        Text("With t = tanh u: f' = (1 + t)/2 + (x/2) · dt/dx, and dt/dx = (1 - t²) · du/dx.",
             "令 t = tanh u：f' = (1 + t)/2 + (x/2) · dt/dx，而 dt/dx = (1 - t²) · du/dx。"),
        Text("du/dx = √(2/π) (1 + 3 · 0.044715 x²). All of it is multiplied by dy.",
             "du/dx = √(2/π) (1 + 3 · 0.044715 x²)。最后整个乘以 dy。"),
    ),
    wrong=(
        Wrong("erf_form", (("np.tanh(u))", "np.vectorize(math.erf, otypes=[x.dtype])(x / math.sqrt(2)))"),),
              "value", "erf",
              Text("this is x Φ(x) with erf, as BERT has it; the tanh form, GPT-2's, differs from it by up to 0.0005",
                   "这是用 erf 写的 x Φ(x)，即 BERT 的形式；GPT-2 用的 tanh 形式与它最多相差约 0.0005")),
        Wrong("square", (("x + 0.044715 * x * x * x)\n    return", "x + 0.044715 * x * x)\n    return"),),
              "value", "cube",
              Text("u has the cube of x, not its square", "u 里是 x 的三次方，不是平方")),
        Wrong("factor_of_x_alone", (("u = c * (x + 0.044715 * x * x * x)", "u = c * x + 0.044715 * x * x * x"),),
              "value", "both terms",
              Text("√(2/π) multiplies both terms of u, x and 0.044715 x³: mind the parentheses",
                   "√(2/π) 要乘 u 的两项，即 x 和 0.044715 x³：注意括号")),
        Wrong("root_of_two_pi", (("c = math.sqrt(2 / math.pi)\n    u", "c = math.sqrt(2 * math.pi)\n    u"),), "value",
              "√(2/π)",
              Text("the factor is √(2/π) = 0.798 and not √(2π) = 2.507", "系数是 √(2/π) = 0.798，不是 √(2π) = 2.507")),
        Wrong("root_in_float64", (("c = math.sqrt(2 / math.pi)\n    u", "c = np.sqrt(2 / np.pi)\n    u"),),
              "dtype", "math.sqrt",
              Text("np.sqrt of a number is a NumPy float64, which makes float64 of a float32 array: math.sqrt gives a "
                   "Python number, which doesn't",
                   "np.sqrt 对一个数返回 NumPy 的 float64，会把 float32 数组变成 float64；"
                   "math.sqrt 返回 Python 的数，就不会")),
        Wrong("no_one", (("(1 + np.tanh(u))", "np.tanh(u)"),), "value", "1 + tanh",
              Text("the 1 of 1 + tanh u is missing: for large x the result must be x, for very negative x nearly 0",
                   "1 + tanh u 漏了 1：x 很大时结果应当接近 x，很负时接近 0")),
        Wrong("no_product_rule", (("0.5 * (1 + t) + 0.5 * x", "0.5 * x"),), "gradient", "product rule",
              Text("the first term of the product rule is missing: x itself changes too, which gives (1 + t)/2",
                   "漏了乘积法则的第一项：x 本身也在变，由此得到 (1 + t)/2")),
        Wrong("second_term_missing", ((" + 0.5 * x * (1 - t * t) * du", ""),), "gradient", "second term",
              Text("the second term of the product rule is missing: u depends on x as well, which gives (x/2) (1 - t²) "
                   "du/dx",
                   "漏了乘积法则的第二项：u 也依赖 x，由此得到 (x/2) (1 - t²) du/dx")),
        Wrong("no_inner_derivative", (("(1 - t * t) * du", "(1 - t * t)"),), "gradient", "du/dx",
              Text("the inner derivative is missing: the chain rule multiplies 1 - t² by du/dx",
                   "漏了内层导数：按链式法则，1 - t² 还要乘 du/dx")),
        Wrong("cube_without_3", (("3 * 0.044715", "0.044715"),), "gradient", "3 x²",
              Text("the derivative of x³ is 3 x²: the 3 is missing in du/dx", "x³ 的导数是 3 x²：du/dx 里漏了 3")),
        Wrong("tanh_not_squared", (("(1 - t * t)", "(1 - t)"),), "gradient", "tanh²",
              Text("the derivative of tanh u is 1 - tanh² u: t must be squared",
                   "tanh u 的导数是 1 - tanh² u：t 要平方")),
        Wrong("no_upstream", (("return dy * (", "return ("),), "gradient", "upstream"),
    ),
)  # fmt: skip
