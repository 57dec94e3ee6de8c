"""Exercise of chapter 02: cross-entropy of a softmax, forward and backward."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.layers.cross_entropy import IGNORED, cross_entropy_backward, cross_entropy_forward

SKELETON = '''\
import numpy as np


def cross_entropy_forward(logits, targets):
    """logits (..., V), targets (...) integers, -100 where not counted -> mean loss in nats, and saved, a tuple."""


def cross_entropy_backward(dy, saved):
    """dy, a number -> dlogits (..., V)."""
'''

ANSWER = '''\
import numpy as np


def cross_entropy_forward(logits, targets):
    z, t = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    rows = np.flatnonzero(t != -100)
    z = z - z.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    loss = -log_p[rows, t[rows]].mean()
    return loss, (log_p, t, rows, logits.shape)


def cross_entropy_backward(dy, saved):
    log_p, t, rows, shape = saved
    dlogits = np.zeros_like(log_p)
    dlogits[rows] = np.exp(log_p[rows])
    dlogits[rows, t[rows]] -= 1
    dlogits *= dy / len(rows)
    return dlogits.reshape(shape)
'''


def problems(rng):
    def draw(*shape, ignored=()):
        targets = rng.integers(0, shape[-1], shape[:-1])
        targets.reshape(-1)[list(ignored)] = IGNORED
        return Problem({"logits": rng.standard_normal(shape), "targets": targets})

    far = 250.0 * np.eye(3, 4)
    eighths = np.log([[1.0, 2, 4, 1], [3, 3, 1, 1], [1, 5, 1, 1]])  # the probabilities of each row, times 8
    return [Problem({"logits": eighths, "targets": np.array([2, 0, 1])}),
            draw(4, 5, ignored=(1,)), draw(2, 3, 7, ignored=(0, 4)), draw(1, 1), draw(3, 1, 2),
            Problem({"logits": far + 1000, "targets": np.array([0, 1, 2])}),
            Problem({"logits": 4 * far, "targets": np.array([1, 3, 2])})]


def _even(functions, problem):
    logits, targets = problem.arrays["logits"], problem.arrays["targets"]
    loss, V = float(functions[0](np.zeros_like(logits), targets)[0]), logits.shape[-1]
    if abs(loss - np.log(V)) > 1e-9:
        return Text(f"equal logits for {V} tokens must cost ln {V} = {np.log(V):.6g}, and cost {loss:.6g}",
                    f"{V} 个词元的 logits 全相等时，损失应为 ln {V} = {np.log(V):.6g}，得到的是 {loss:.6g}")
    return None


def _rows(functions, problem):
    _, saved = functions[0](**problem.arrays)
    sums = functions[1](1.0, saved).sum(axis=-1)
    if np.abs(sums).max() > 1e-9:
        worst = sums.flat[np.abs(sums).argmax()]
        return Text(f"a row of dlogits adds up to {worst:.3g}: adding the same to all logits of a row changes no loss, "
                    "so it must be 0",
                    f"dlogits 有一行之和为 {worst:.3g}：整行 logits 加同一个数不改变损失，所以应当是 0")
    return None


EXERCISE = Exercise(
    name="cross_entropy",
    chapter=2,
    title=Text("Cross-entropy, forward and backward", "交叉熵的前向与反向"),
    task=Text(
        "With p = softmax of a row of logits and t its target, a row costs -ln p_t. The loss is the mean over the rows "
        "that count: a target -100 means that the row isn't counted, neither in the sum nor in the number of rows. At "
        "least one row counts. Logits may be 1000 apart: never take the logarithm of a probability that has rounded to "
        "0. Then the gradient: p_v - [v = t], divided by the number of counted rows, and 0 in rows that aren't "
        "counted.",
        "设 p 是一行 logits 的 softmax，t 是这一行的目标，这一行的代价为 -ln p_t。损失，即交叉熵（cross-entropy），"
        "是计入的各行的平均：目标为 -100 的行不计入，既不进入求和，也不进入行数。至少有一行计入。"
        "logits 可能相差 1000：不要对已舍入为 0 的概率取对数。然后写梯度：p_v - [v = t]，除以计入的行数；"
        "不计入的行为 0。"),
    functions=("cross_entropy_forward", "cross_entropy_backward"),
    skeleton=SKELETON,
    solution=(cross_entropy_forward, cross_entropy_backward),
    answer=ANSWER,
    problems=problems,
    properties=(Property("equal logits cost ln V", _even), Property("rows of dlogits add up to 0", _rows)),
    hints=(
        Text("Make it (N, V) and (N,) first with reshape, and put the shape back in backward. Then one row n has one "
             "target: log_p[np.arange(N), targets] takes one number from each row.",
             "先用 reshape 变成 (N, V) 和 (N,)，反向时再恢复形状。于是第 n 行有一个目标："
             "log_p[np.arange(N), targets] 从每行取一个数。"),
        Text("ln p_v = z_v - ln Σ_j exp(z_j), after the row's largest logit was subtracted from the row: nothing "
             "overflows, and no probability is needed.",
             "先从整行减去该行最大的 logit，再用 ln p_v = z_v - ln Σ_j exp(z_j)：不会溢出，也不必先求概率。"),
        Text("rows = np.flatnonzero(targets != -100) are the rows that count, M = len(rows). In backward start from "
             "zeros, put p into these rows, subtract 1 at [rows, targets[rows]] and multiply by dy / M.",
             "rows = np.flatnonzero(targets != -100) 是计入的行，M = len(rows)。反向从全零开始，把 p 放进这些行，"
             "在 [rows, targets[rows]] 处减 1，再乘 dy / M。"),
    ),
    wrong=(
        Wrong("sum", ((".mean()", ".sum()"),), "value", "mean",
              Text("this is the sum over the rows; the loss is their mean, so that it doesn't grow with the batch",
                   "这是各行之和；损失应当取平均，这样它才不随批量增大")),
        Wrong("each_row", ((".mean()", ""),), "shape", "mean",
              Text("there is one loss for each row: backward starts from a single number, their mean",
                   "每行各有一个损失：反向传播要从一个数开始，即它们的平均")),
        Wrong("log2", (("t[rows]].mean()", "t[rows]].mean() / float(np.log(2))"),), "value", "bits",
              Text("this is in bits (logarithm to base 2); a loss is in nats, with the natural logarithm, and its "
                   "gradient has no factor 1/ln 2",
                   "这是以比特为单位（以 2 为底）；损失用奈特，即自然对数，梯度里才没有因子 1/ln 2")),
        Wrong("each_row_with_every_target", (("log_p[rows, t[rows]]", "log_p[:, t[rows]]"),), "value", "np.arange",
              Text("log_p[:, targets] takes every row with every target, (N, N) numbers; log_p[np.arange(N), targets] "
                   "takes one from each row",
                   "log_p[:, targets] 让每一行配上每一个目标，共 (N, N) 个数；log_p[np.arange(N), targets] 才是每行取一"
                   "个")),
        Wrong("no_shift", (("    z = z - z.max(axis=-1, keepdims=True)\n", ""),), "finite", "subtract",
              Text("exp of a large logit is infinite: subtract each row's largest logit first, it changes nothing",
                   "大的 logit 取 exp 是无穷大：先减去每行最大的 logit，结果不变")),
        Wrong("log_of_zero", (("log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))",
                               "log_p = np.log(np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True))"),), "finite",
              "rounded to 0",
              Text("the loss is infinite: a probability has rounded to 0, or an exp is too large. Subtract the row's "
                   "largest logit, then ln p_v = z_v - ln Σ_j exp(z_j), never through p",
                   "损失成了无穷大：概率已舍入为 0，或者 exp 太大。先减去该行最大的 logit，"
                   "再用 ln p_v = z_v - ln Σ_j exp(z_j)，不要经过 p")),
        Wrong("minus_100_as_an_index", (("np.flatnonzero(t != -100)", "np.arange(len(t))"),), "odd shapes", "-100",
              Text("-100 was used as an index: a row with the target -100 isn't counted, so leave it out first",
                   "-100 被当作了下标：目标为 -100 的行不计入，应当先排除")),
        Wrong("divides_by_all", ((".mean()", ".sum() / len(t)"),), "odd shapes", "rows that count",
              Text("the sum was divided by all rows: divide by the number of rows that count, or padding makes the "
                   "loss look better",
                   "除数用了全部行数：应当除以计入的行数，否则填充越多，损失看起来越小")),
        Wrong("ignored_rows_learn", (("np.zeros_like(log_p)\n    dlogits[rows] = np.exp(log_p[rows])",
                                      "np.exp(log_p)"),), "odd shapes", "isn't counted",
              Text("a row that isn't counted has a gradient: the loss doesn't depend on its logits, so there it must "
                   "be 0",
                   "不计入的行也有了梯度：损失与这一行的 logits 无关，梯度应当为 0")),
        Wrong("target_only", (("    dlogits[rows] = np.exp(log_p[rows])\n", ""),
                              ("dlogits[rows, t[rows]] -= 1",
                               "dlogits[rows, t[rows]] = np.exp(log_p[rows, t[rows]]) - 1")),
              "gradient", "other logits",
              Text("only the target's logit has a gradient: the other logits stand in the softmax's sum, and their "
                   "gradient is p_v",
                   "只有目标的 logit 有梯度：其他 logits 也在 softmax 的求和里，它们的梯度是 p_v")),
        Wrong("probabilities_only", (("    dlogits[rows, t[rows]] -= 1\n", ""),), "gradient", "subtract 1",
              Text("this is p: at the target subtract 1, as ln p_t also has the term z_t itself",
                   "这只是 p：在目标处还要减 1，因为 ln p_t 里还有 z_t 这一项")),
        Wrong("gradient_of_the_sum", (("dy / len(rows)", "dy"),), "gradient", "factor"),
        Wrong("no_upstream", (("dy / len(rows)", "1 / len(rows)"),), "gradient", "upstream"),
        Wrong("sign", (("dy / len(rows)", "-dy / len(rows)"),), "gradient", "sign"),
        Wrong("in_place", (("return loss, (log_p,", "return loss, (np.exp(log_p),"),
                           ("np.zeros_like(log_p)\n    dlogits[rows] = np.exp(log_p[rows])", "log_p")), "overwritten",
              "make a copy",
              Text("dlogits is the saved array itself, and -= 1 changes it: backward would give something else the "
                   "second time; make a copy first",
                   "dlogits 就是保存的那个数组，-= 1 改动了它：第二次反向会得到别的结果；请先复制一份")),
    ),
)  # fmt: skip
