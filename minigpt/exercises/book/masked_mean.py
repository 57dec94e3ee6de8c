"""Exercise of chapter 11: the mean of a text's real tokens, forward and backward."""

import numpy as np

from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong
from minigpt.layers.masked_mean import masked_mean_backward, masked_mean_forward

SKELETON = '''\
import numpy as np


def masked_mean_forward(x, mask):
    """x (B, T, C), mask (B, T) booleans, True where real -> y (B, C); and saved, a tuple of what backward will need."""


def masked_mean_backward(dy, saved):
    """dy (B, C) -> dx (B, T, C)."""
'''

ANSWER = '''\
import numpy as np


def masked_mean_forward(x, mask):
    real = mask[:, :, None].astype(x.dtype)
    count = np.maximum(real.sum(axis=1), 1)
    return (x * real).sum(axis=1) / count, (real, count)


def masked_mean_backward(dy, saved):
    real, count = saved
    return real * (dy / count)[:, None, :]
'''


def problems(rng):
    def draw(lengths, T, C, left=False):
        mask = np.arange(T) < np.array(lengths)[:, None]
        return Problem({"x": rng.standard_normal((len(lengths), T, C)), "mask": mask[:, ::-1] if left else mask})

    by_hand = {"x": np.array([[[1.0, 2], [3, 6], [90, 90]], [[2, 4], [4, 4], [6, 1]]]),
               "mask": np.array([[True, True, False], [True, True, True]])}
    return [Problem(by_hand), draw([4, 1, 3], 5, 2, left=True), draw([0, 2], 3, 4), draw([1], 1, 1)]


def _padding(functions, problem):
    """Whatever stands at the padding, the mean is the same."""
    x, mask = problem.arrays["x"], problem.arrays["mask"]
    change = np.abs(functions[0](np.where(mask[:, :, None], x, 7.0), mask)[0] - functions[0](x, mask)[0]).max()
    if change > 1e-9:
        return Text(f"other numbers at the padding change a mean by {change:.3g}: nothing there may count",
                    f"换掉填充处的数，平均变化了 {change:.3g}：那里的东西不该算数")
    return None


EXERCISE = Exercise(
    name="masked_mean",
    chapter=11,
    title=Text("The mean of the real tokens, forward and backward", "真实词元的平均：前向与反向"),
    task=Text(
        "In a batch short texts are filled up. Make one vector of each text: the mean of x over the positions where "
        "mask is True, and over those alone. A text without any gets zeros. Then the gradient of x.",
        "一批里的短文本是填充过的。把每篇文本变成一个向量：只在 mask 为 True 的位置上对 x 取平均。"
        "一个真实词元都没有的文本得到零。然后写 x 的梯度。"),
    functions=("masked_mean_forward", "masked_mean_backward"),
    skeleton=SKELETON,
    solution=(masked_mean_forward, masked_mean_backward),
    answer=ANSWER,
    problems=problems,
    properties=(Property("padding doesn't count", _padding),),
    hints=(
        Text("Two sums over T: one of the vectors that are real, one of how many these are.",
             "沿 T 有两个和：一个把真实的向量加起来，一个数它们有几个。"),
        Text("mask is (B, T) and x is (B, T, C): give the mask an axis of length 1 at the end. A count of 0 must not "
             "divide.",
             "mask 是 (B, T)，x 是 (B, T, C)：给 mask 末尾加一个长度为 1 的轴。个数为 0 时不能拿来除。"),
        Text("y = Σ_t w_t x_t with w = mask / count, so dx_t = w_t dy: dy needs an axis for T in the middle.",
             "y = Σ_t w_t x_t，其中 w = mask / 个数，所以 dx_t = w_t dy：dy 的中间要加一个 T 轴。"),
    ),
    wrong=(
        Wrong("whole_length", (("np.maximum(real.sum(axis=1), 1)", "np.full_like(real.sum(axis=1), x.shape[1])"),),
              "value", "longest",
              Text("each text is divided by T, the length of the longest one: divide by its own number of real tokens",
                   "每篇文本都除以了 T，即最长文本的长度：应当除以它自己的真实词元数")),
        Wrong("no_mask", (("(x * real).sum(axis=1)", "x.sum(axis=1)"),), "value", "padding",
              Text("what stands at the padding was added up too: multiply with the mask before the sum",
                   "填充处的东西也加进去了：求和之前先乘掩码")),
        Wrong("divides_by_zero", (("np.maximum(real.sum(axis=1), 1)", "real.sum(axis=1)"),), "finite", "0 / 0",
              Text("a text without a real token is divided by none, 0 / 0: divide by at least 1",
                   "一个真实词元都没有的文本，除成了 0 / 0：除数至少取 1")),
        Wrong("backward_without_mask", (("return real * (dy / count)[:, None, :]",
                                         "return np.ones_like(real) * (dy / count)[:, None, :]"),), "gradient", "hears",
              Text("padding hears of dy: it wasn't in the mean, so its gradient is 0",
                   "填充处也得到了 dy：它没有参与平均，梯度应为 0")),
        Wrong("not_divided", (("(dy / count)[:, None, :]", "dy[:, None, :]"),), "gradient", "share",
              Text("every real token gets the whole of dy and not its share: forward divided by the number of tokens, "
                   "so backward does too",
                   "每个真实词元得到了整个 dy，而不是它的一份：前向除以了词元数，反向也要除")),
        Wrong("sign", (("return real *", "return -real *"),), "gradient", "sign"),
    ),
)  # fmt: skip
