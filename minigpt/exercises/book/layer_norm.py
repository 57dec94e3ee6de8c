"""Exercise of chapter 05: layer normalisation, forward and backward."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.layers.layer_norm import layer_norm_backward, layer_norm_forward

SKELETON = '''\
import numpy as np


def layer_norm_forward(x, g, b, eps):
    """x (..., C), g (C,), b (C,) -> y (..., C), and saved, a tuple of what backward will need."""


def layer_norm_backward(dy, saved):
    """dy (..., C) -> dx (..., C), dg (C,), db (C,)."""
'''

ANSWER = '''\
import numpy as np


def layer_norm_forward(x, g, b, eps):
    mean = x.mean(axis=-1, keepdims=True)
    var = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
    r = 1 / np.sqrt(var + eps)
    x_hat = (x - mean) * r
    return x_hat * g + b, (x_hat, r, g)


def layer_norm_backward(dy, saved):
    x_hat, r, g = saved
    C = x_hat.shape[-1]
    dx_hat = dy * g
    mean_1 = dx_hat.mean(axis=-1, keepdims=True)
    mean_2 = (dx_hat * x_hat).mean(axis=-1, keepdims=True)
    dx = r * (dx_hat - mean_1 - x_hat * mean_2)
    dg = (dy * x_hat).reshape(-1, C).sum(axis=0)
    db = dy.reshape(-1, C).sum(axis=0)
    return dx, dg, db
'''


def problems(rng):
    def draw(*shape, eps, scale=1.0, shift=0.0):
        x = scale * rng.standard_normal(shape) + shift
        return Problem({"x": x, "g": rng.standard_normal(shape[-1]), "b": rng.standard_normal(shape[-1])}, {"eps": eps})

    by_hand = {"x": np.array([[1.0, 2, 6, -1], [0, 4, -4, 8], [3, 3, 5, 1]]), "g": np.array([1.0, 2, -1, 3]),
               "b": np.array([0.5, 0, 10, -1])}
    alike = draw(3, 4, eps=0.1)
    alike.arrays["x"][1] = 2  # a row without any variance: only eps keeps it from a division by 0
    return [Problem(by_hand, {"eps": 0.1}), draw(2, 3, 5, eps=1e-5), draw(2, 1, 3, 4, eps=0.01, scale=3, shift=20),
            alike, draw(4, 1, eps=0.1), draw(3, eps=0.1), draw(0, 2, 3, eps=0.1)]


def _shift(functions, problem):
    x, g, b = problem.arrays.values()
    off = np.abs(functions[0](x + 3, g, b, **problem.given)[0] - functions[0](x, g, b, **problem.given)[0])
    if off.size and off.max() > 1e-9:
        return Text(f"adding 3 to all of x changes y by {off.max():.3g}; the mean is subtracted, so nothing may change",
                    f"x 全部加 3 之后，y 变化了 {off.max():.3g}；均值会被减去，所以什么都不该变")
    return None


def _rows(functions, problem):
    """dx has no part along the ones: what only shifts a row can't change the loss."""
    x, g, b = problem.arrays.values()
    y, saved = functions[0](x, g, b, **problem.given)
    sums = functions[1](np.cos(np.arange(y.size)).reshape(y.shape), saved)[0].sum(axis=-1)
    if sums.size and np.abs(sums).max() > 1e-8:
        worst = sums.flat[np.abs(sums).argmax()]
        return Text(f"a row of dx adds up to {worst:.3g}: shifting a row changes no loss, so it must be 0",
                    f"dx 有一行之和为 {worst:.3g}：整行平移不改变损失，所以应当是 0")
    return None


EXERCISE = Exercise(
    name="layer_norm",
    chapter=5,
    title=Text("Layer normalisation, forward and backward", "层归一化的前向与反向"),
    task=Text(
        "Over the C channels of each row: μ = mean of x, σ² = mean of (x - μ)², r = 1/√(σ² + eps), x̂ = (x - μ) r, y = "
        "x̂ g + b. Then dx, dg and db. The vectors g and b serve all rows. An x_c acts on the whole row of x̂ in three "
        "ways: directly, through μ, and through r.",
        "层归一化（layer normalisation）对每一行的 C 个通道进行：μ 是 x 的平均，σ² 是 (x - μ)² 的平均，"
        "r = 1/√(σ² + eps)，x̂ = (x - μ) r，y = x̂ g + b。然后求 dx、dg、db。g 和 b 由所有行共用。"
        "每个 x_c 通过三条路影响整行 x̂：直接影响，通过 μ，通过 r。"),
    functions=("layer_norm_forward", "layer_norm_backward"),
    skeleton=SKELETON,
    solution=(layer_norm_forward, layer_norm_backward),
    answer=ANSWER,
    problems=problems,
    properties=(Property("a shift changes nothing", _shift), Property("rows of dx add up to 0", _rows)),
    hints=(
        Text("axis=-1 with keepdims=True for every mean: it is (..., 1), one number a row. For backward, x̂, r and g "
             "are enough.",
             "每个平均都用 axis=-1 和 keepdims=True，得到 (..., 1)，每行一个数。反向只需要 x̂、r 和 g。"),
        Text("dg and db are sums over all rows, of dy x̂ and of dy. And dx̂ = dy g. For dx: ∂x̂_i/∂x_c = r (δ_ic - 1/C "
             "- x̂_i x̂_c / C).",
             "dg 和 db 是对所有行求和，分别是 dy x̂ 和 dy。dx̂ = dy g。求 dx 要用 ∂x̂_i/∂x_c = r (δ_ic - 1/C - x̂_i "
             "x̂_c / C)。"),
        Text("Put it into dx_c = Σ_i dx̂_i ∂x̂_i/∂x_c: dx = r (dx̂ - mean(dx̂) - x̂ mean(dx̂ x̂)), both means over the "
             "channels of a row.",
             "代入 dx_c = Σ_i dx̂_i ∂x̂_i/∂x_c，得 dx = r (dx̂ - mean(dx̂) - x̂ mean(dx̂ x̂))，"
             "两个 mean 都是对一行的通道取的。"),
    ),
    wrong=(
        Wrong("over_the_batch", (("x.mean(axis=-1, keepdims=True)", "x.mean(axis=0, keepdims=True)"),
                                 ("((x - mean) ** 2).mean(axis=-1, keepdims=True)",
                                  "((x - mean) ** 2).mean(axis=0, keepdims=True)")), "value", "batch",
              Text("the means run over axis 0, over the rows of the batch (that is batch normalisation): here each row "
                   "is normalised over its own channels, axis=-1",
                   "平均是沿轴 0 取的，即跨批中的各行（那是批归一化）：这里每一行对自己的通道归一化，axis=-1")),
        Wrong("ddof", (("((x - mean) ** 2).mean(axis=-1, keepdims=True)", "x.var(axis=-1, ddof=1, keepdims=True)"),),
              "value", "C - 1",
              Text("the variance was divided by C - 1 (ddof=1, an estimate from a sample): here it is the mean over "
                   "the C channels",
                   "方差除以了 C - 1（ddof=1，样本估计）：这里就是 C 个通道上的平均")),
        Wrong("no_root", (("1 / np.sqrt(var + eps)", "1 / (var + eps)"),), "value", "root",
              Text("x - μ was divided by the variance: the root is missing, r = 1/√(σ² + eps)",
                   "x - μ 除以了方差：漏了开方，r = 1/√(σ² + eps)")),
        Wrong("eps_outside", (("np.sqrt(var + eps)", "(np.sqrt(var) + eps)"),), "value", "eps",
              Text("eps was added outside the root: it belongs to the variance, √(σ² + eps), where its derivative "
                   "stays finite at σ = 0",
                   "eps 加在了根号外：应当加在方差上，√(σ² + eps)，这样 σ = 0 时导数仍是有限的")),
        Wrong("no_eps", (("np.sqrt(var + eps)", "np.sqrt(var)"),), "value", "eps",
              Text("eps is missing: a row whose numbers are all alike would be divided by 0",
                   "漏了 eps：一行的数全都相同时，就会除以 0")),
        Wrong("no_bias", (("x_hat * g + b", "x_hat * g"),), "value", "shift b",
              Text("the shift b was not added", "没有加上平移 b")),
        Wrong("variance_of_x", (("((x - mean) ** 2)", "(x**2)"),), "value", "mean of x²",
              Text("this is the mean of x², not of (x - μ)²: subtract the mean before squaring",
                   "这是 x² 的平均，而不是 (x - μ)² 的平均：平方之前先减去均值")),
        Wrong("mu_and_r_constant", (("r * (dx_hat - mean_1 - x_hat * mean_2)", "r * dx_hat"),), "gradient", "constants",
              Text("μ and r were taken for constants: they depend on every x of the row, which gives the two terms "
                   "with means",
                   "把 μ 和 r 当成了常数：它们依赖这一行的每个 x，由此得到带平均的两项")),
        Wrong("mu_constant", (("dx_hat - mean_1 - x_hat", "dx_hat - x_hat"),), "gradient", "mean(dx̂)",
              Text("the term - mean(dx̂) is missing: each x_c also moves μ, and with it the whole row",
                   "漏了 - mean(dx̂) 这一项：每个 x_c 还会移动 μ，从而移动整行")),
        Wrong("r_constant", (("dx_hat - mean_1 - x_hat * mean_2", "dx_hat - mean_1"),), "gradient", "x̂ mean(dx̂ x̂)",
              Text("the term - x̂ mean(dx̂ x̂) is missing: each x_c also changes the variance, and with it r",
                   "漏了 - x̂ mean(dx̂ x̂) 这一项：每个 x_c 还会改变方差，从而改变 r")),
        Wrong("sums_for_means", (("dx_hat.mean(axis=-1, keepdims=True)", "dx_hat.sum(axis=-1, keepdims=True)"),
                                 ("(dx_hat * x_hat).mean(axis=-1, keepdims=True)",
                                  "(dx_hat * x_hat).sum(axis=-1, keepdims=True)")), "gradient", "divided by C",
              Text("the two terms have sums where means belong: μ and σ² are divided by C, and so are their "
                   "derivatives",
                   "两项里用了求和而不是平均：μ 和 σ² 都除以 C，它们的导数也一样")),
        Wrong("gain_forgotten", (("dx_hat = dy * g", "dx_hat = dy"),), "gradient", "dy g",
              Text("dx̂ is dy g: forward multiplied by the gain, and so must backward",
                   "dx̂ 是 dy g：前向乘了增益 g，反向也要乘")),
        Wrong("r_forgotten", (("dx = r * (", "dx = ("),), "gradient", "factor r",
              Text("the factor r is missing: forward divided x - μ by the standard deviation, and so must backward",
                   "漏了因子 r：前向把 x - μ 除以标准差，反向也要除")),
        Wrong("dg_not_summed", (("(dy * x_hat).reshape(-1, C).sum(axis=0)", "dy * x_hat"),), "shape", "sum"),
        Wrong("db_mean", (("dy.reshape(-1, C).sum(axis=0)", "dy.reshape(-1, C).mean(axis=0)"),), "gradient", "factor"),
        Wrong("dg_without_x_hat", (("(dy * x_hat).reshape", "dy.reshape"),), "gradient", "dy x̂",
              Text("dg is the sum of dy x̂: y = x̂ g + b, so ∂y/∂g = x̂; the sum of dy alone is db",
                   "dg 是 dy x̂ 的和：y = x̂ g + b，所以 ∂y/∂g = x̂；只对 dy 求和得到的是 db")),
        Wrong("over_one_axis", (("(dy * x_hat).reshape(-1, C).sum(axis=0)", "(dy * x_hat).sum(axis=0)"),
                                ("dy.reshape(-1, C).sum(axis=0)", "dy.sum(axis=0)")), "odd shapes", "all leading axes",
              Text("dg and db were summed over the first axis only: g and b serve every row, so sum over all leading "
                   "axes",
                   "dg 和 db 只对第一个轴求了和：g 和 b 由所有行共用，要对所有前置轴求和")),
    ),
)  # fmt: skip
