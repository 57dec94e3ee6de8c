"""Exercise of chapter 09: a step of AdamW."""

import numpy as np

from minigpt import backend
from minigpt.exercises.bare_model import BareModel
from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.optim import AdamW, adamw_update

SKELETON = '''\
import numpy as np


def adamw_step(theta, g, m, v, t, learning_rate, beta1, beta2, eps, weight_decay):
    """Step number t = 1, 2, ...: theta (...), its gradient g (...), averages m (...), v (...) -> theta, m, v.

    weight_decay applies to matrices, theta.ndim >= 2; vectors don't decay.
    """
'''

ANSWER = '''\
import numpy as np


def adamw_step(theta, g, m, v, t, learning_rate, beta1, beta2, eps, weight_decay):
    m_new = beta1 * m + (1 - beta1) * g
    v_new = beta2 * v + (1 - beta2) * g * g
    m_hat = m_new / (1 - beta1**t)
    v_hat = v_new / (1 - beta2**t)
    decay = weight_decay if theta.ndim >= 2 else 0.0
    decayed = theta - learning_rate * decay * theta
    theta_new = decayed - learning_rate * m_hat / (np.sqrt(v_hat) + eps)
    return theta_new, m_new, v_new
'''


def _adamw_step(theta, g, m, v, t, learning_rate, beta1, beta2, eps, weight_decay):
    with backend.using("numpy", theta.dtype.name):
        model = BareModel([theta], [g])
        optimizer = AdamW(model, beta1, beta2, eps, weight_decay)
        optimizer.steps = t - 1
        for name, average in (("m", m), ("v", v)):
            optimizer.state[name][...] = average.reshape(-1)
        optimizer.step(learning_rate)
        return (model.arrays[0].data.copy(), *(optimizer.state[name].reshape(theta.shape) for name in "mv"))


def problems(rng):
    def problem(*shape, t, eps, weight_decay=0.1, learning_rate=0.1):
        arrays = {name: rng.standard_normal(shape) for name in ("theta", "g", "m", "v")}
        arrays["v"] = arrays["v"] ** 2
        arrays["g"].flat[0] = -abs(arrays["g"].flat[0])  # so that a missing square can't hide
        if t == 1:
            arrays["m"], arrays["v"] = np.zeros(shape), np.zeros(shape)
        return Problem(arrays, {"t": t, "learning_rate": learning_rate, "beta1": 0.9, "beta2": 0.95, "eps": eps,
                                "weight_decay": weight_decay})

    # A large eps, so that it shows where it stands; 1e-8 would be usual.
    return [problem(2, 2, t=1, eps=0.1), problem(2, 3, t=3, eps=0.01), problem(4, t=5, eps=0.1),
            problem(1, 1, t=1000, eps=1e-8, weight_decay=0.0), problem(2, 1, 3, t=2, eps=1e-8, learning_rate=0.001)]


def _scale(functions, problem):
    theta, g, m, v = problem.arrays.values()
    given = {**problem.given, "eps": 1e-30}
    step = functions[0](theta, g, m, v, **given)[0] - theta
    larger = functions[0](theta, 1000 * g, 1000 * m, 1e6 * v, **given)[0] - theta
    difference = np.abs(step - larger).max()
    if not difference < 1e-9:
        return Text(f"gradients 1000 times as large change the step by {difference:.3g}; Adam divides by their size, "
                    "so it must stay the same",
                    f"梯度全部放大 1000 倍，步子变了 {difference:.3g}；Adam 会除以梯度的大小，步子应当不变")
    return None


EXERCISE = Exercise(
    name="adamw",
    chapter=9,
    title=Text("A step of AdamW", "AdamW 的一步"),
    task=Text(
        "m = β1 m + (1 - β1) g and v = β2 v + (1 - β2) g² average the gradient and its square. Both start at 0, and "
        "m̂ = m / (1 - β1^t), v̂ = v / (1 - β2^t) undo that. Matrices decay first, θ -= η λ θ with λ = weight_decay; "
        "then every parameter moves by θ -= η m̂ / (√v̂ + eps). Return the new θ, m and v; m and v as they are without "
        "the correction, since the next step goes on from them.",
        "m = β1 m + (1 - β1) g 和 v = β2 v + (1 - β2) g² 分别是梯度与梯度平方的滑动平均。两者都从 0 开始，"
        "m̂ = m / (1 - β1^t)、v̂ = v / (1 - β2^t) 用来修正这一偏差。矩阵先做权重衰减（weight decay）：θ -= η λ θ，"
        "λ = weight_decay；然后所有参数移动：θ -= η m̂ / (√v̂ + eps)。返回新的 θ、m、v；m 和 v 是未修正的，"
        "下一步要从它们接着算。"),
    functions=("adamw_step",),
    skeleton=SKELETON,
    solution=(_adamw_step,),
    shown=(adamw_update, AdamW),
    answer=ANSWER,
    problems=problems,
    properties=(Property("the gradient's scale doesn't matter", _scale),),
    hints=(
        Text("One line each: m, v, m̂, v̂, the decay, the step. At t = 1 with m = v = 0 you should find m̂ = g and "
             "v̂ = g².",
             "一行一个：m、v、m̂、v̂、衰减、移动。t = 1、m = v = 0 时，应当得到 m̂ = g、v̂ = g²。"),
        Text("The decay doesn't go through g, or it would be divided by √v̂ as well; eps stands outside the root; t "
             "counts from 1.",
             "衰减不能加进 g，否则它也会被 √v̂ 除；eps 在根号外面；t 从 1 数起。"),
        Text("decay = weight_decay if theta.ndim >= 2 else 0; theta_new = theta - learning_rate * decay * theta - "
             "learning_rate * m_hat / (np.sqrt(v_hat) + eps).",
             "矩阵才衰减：decay = weight_decay if theta.ndim >= 2 else 0；"
             "theta_new = theta - learning_rate * decay * theta - learning_rate * m_hat / (np.sqrt(v_hat) + eps)。"),
    ),
    wrong=(
        Wrong("l2", (("    m_new = beta1", "    g = g + weight_decay * theta\n    m_new = beta1"),
                     ("decayed = theta - learning_rate * decay * theta", "decayed = theta")), "value",
              "added to the gradient",
              Text("the decay is added to the gradient (L2, as in Adam), and so divided by √v̂ as well; AdamW decays "
                   "apart from it: θ -= η λ θ",
                   "衰减加进了梯度（L2，Adam 的做法），于是也被 √v̂ 除了；AdamW 的衰减与梯度分开：θ -= η λ θ")),
        Wrong("eps_in_root", (("(np.sqrt(v_hat) + eps)", "np.sqrt(v_hat + eps)"),), "value", "inside the root",
              Text("eps stands inside the root: it belongs outside, √v̂ + eps",
                   "eps 放进了根号里面：应当在外面，√v̂ + eps")),
        Wrong("eps_uncorrected", (("learning_rate * m_hat / (np.sqrt(v_hat) + eps)",
                                   "learning_rate * (1 - beta2**t) ** 0.5 / (1 - beta1**t) * m_new / "
                                   "(np.sqrt(v_new) + eps)"),), "value", "√v and not √v̂",
              Text("eps is added to √v and not √v̂: with the corrections taken outside, it must be multiplied by √(1 - "
                   "β2^t) too",
                   "eps 加在了 √v 上，而不是 √v̂ 上：把修正提到外面时，eps 也要乘 √(1 - β2^t)")),
        Wrong("no_correction", (("m_hat = m_new / (1 - beta1**t)", "m_hat = m_new"),
                                ("v_hat = v_new / (1 - beta2**t)", "v_hat = v_new")), "value", "start at 0",
              Text("m and v are used without correction: both start at 0, so divide them by 1 - β1^t and 1 - β2^t",
                   "m 和 v 没有修正就用了：两者从 0 开始，要分别除以 1 - β1^t 和 1 - β2^t")),
        Wrong("only_m_corrected", (("v_hat = v_new / (1 - beta2**t)", "v_hat = v_new"),), "value", "v is not",
              Text("m is corrected and v is not: the first steps come out several times too large",
                   "m 修正了，v 没有：开头几步会大好几倍")),
        Wrong("t_from_0", (("beta1**t", "beta1**(t - 1)"), ("beta2**t", "beta2**(t - 1)")), "finite", "counts from 1",
              Text("the correction is made with t - 1, so that the first step divides by 1 - β^0 = 0: t counts from 1",
                   "修正用了 t - 1，第一步就除以 1 - β^0 = 0 了：t 从 1 数起")),
        Wrong("no_square", (("(1 - beta2) * g * g", "(1 - beta2) * g"),), "finite", "square of the gradient",
              Text("v averages g instead of g², the square of the gradient: where g is negative its root is NaN",
                   "v 平均的应是梯度的平方 g²，这里却是 g：g 为负时，开方得到 NaN")),
        Wrong("no_root", (("(np.sqrt(v_hat) + eps)", "(v_hat + eps)"),), "value", "without its root",
              Text("the step is divided by v̂ without its root: √v̂ is as large as a gradient, v̂ as its square",
                   "除数用了 v̂ 而没有开方：√v̂ 才与梯度同样大小，v̂ 是它的平方")),
        Wrong("decay_without_rate", (("learning_rate * decay * theta", "decay * theta"),), "value", "learning rate η",
              Text("the decay is not multiplied by the learning rate η: θ -= η λ θ",
                   "衰减没有乘学习率：应为 θ -= η λ θ")),
        Wrong("no_decay", (("decayed = theta - learning_rate * decay * theta", "decayed = theta"),), "value",
              "nothing decays",
              Text("nothing decays: a matrix first shrinks by θ -= η λ θ",
                   "没有衰减：矩阵要先缩小，θ -= η λ θ")),
        Wrong("decays_last", (
            ("    decayed = theta - learning_rate * decay * theta\n", ""),
            ("decayed - learning_rate * m_hat / (np.sqrt(v_hat) + eps)",
             "(theta - learning_rate * m_hat / (np.sqrt(v_hat) + eps)) * (1 - learning_rate * decay)")), "value",
              "decays last",
              Text("the matrix decays last, so the step just made shrinks too: decay first, then the step",
                   "衰减放在了最后，刚走的一步也被缩小了：先衰减，再移动")),
        Wrong("no_eps", (("(np.sqrt(v_hat) + eps)", "np.sqrt(v_hat)"),), "value", "eps is missing",
              Text("eps is missing: it stands beside the root and keeps the step small where v̂ is nearly 0",
                   "漏了 eps：它加在根号之外，让 v̂ 接近 0 时步子不会太大")),
        Wrong("corrected_state", (("return theta_new, m_new, v_new", "return theta_new, m_hat, v_hat"),), "value",
              "corrected averages",
              Text("the corrected averages m̂ and v̂ are returned, so that the next step would correct them once "
                   "more: return m and v",
                   "返回的是修正后的 m̂ 和 v̂，下一步会再修正一次：应当返回 m 和 v")),
        Wrong("vectors_decay", (("weight_decay if theta.ndim >= 2 else 0.0", "weight_decay"),), "odd shapes",
              "vectors",
              Text("vectors decay too: biases and the gains of norms have nothing to gain from being small; decay only "
                   "where theta.ndim >= 2",
                   "向量也衰减了：偏置和归一化的增益变小并没有好处；只有 theta.ndim >= 2 时才衰减")),
    ),
)  # fmt: skip
