"""Mistakes that explain a wrong array, whatever the exercise: a flipped sign, a factor, a missing sum, ...

A hypothesis is told only when it explains every element, on numbers drawn at random; a scalar, which a factor always
explains, needs a factor that has a name. A false diagnosis costs a student more than none.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import permutations

import numpy as np

from minigpt.exercises.compare import same
from minigpt.exercises.exercise import Text
from minigpt.exercises.known import DOUBLE, SINGLE

NEAR = 1e-6  # of the array's largest element: finite differences are good to 1e-9


@dataclass(frozen=True)
class Evidence:
    """A wrong array, the right one, and what hypotheses may look at besides."""

    came: np.ndarray
    expected: np.ndarray
    name: str = "y"
    sizes: dict = field(default_factory=dict)  # letter of a dimension -> size
    inputs: dict = field(default_factory=dict)  # name -> array
    y: np.ndarray | None = None  # forward's result, when it is a gradient that is wrong
    dy: np.ndarray | None = None
    gradient: Callable | None = None  # dy -> the right gradient of this array for another dy


def fits(came, expected) -> bool:
    """Whether a hypothesis explains every element."""
    came, expected = np.asarray(came), np.asarray(expected)
    if came.shape != expected.shape or not np.isfinite(came).all() or not np.isfinite(expected).all():
        return False
    if came.dtype.kind in "iub" and expected.dtype.kind in "iub":
        return bool((came == expected).all())
    return bool((np.abs(came - expected) <= NEAR * np.abs(expected).max(initial=0)).all())


def distinct(array) -> int:
    """How many different sizes there are among the elements that aren't 0: with few, much fits by chance."""
    return len(np.unique(np.round(np.abs(array[array != 0]).astype("complex").real, 12)))


# ---- the hypotheses: Evidence -> Text | None, the surest first


def nothing_done(e: Evidence) -> Text | None:
    for name, array in e.inputs.items():
        if array.size > 1 and array.shape == e.came.shape and distinct(array) > 2 and np.array_equal(array, e.came):
            return Text(f"this is {name} itself: nothing has been done to it", f"这就是 {name} 本身：什么也没有做")
    if e.gradient is not None and e.dy.size > 1 and e.dy.shape == e.came.shape and fits(e.came, e.dy):
        return Text("this is dy itself: nothing has been done to it", "这就是 dy 本身：什么也没有做")
    if e.expected.dtype.kind == "f" and not e.came.any():
        return Text("it is zero everywhere", "它处处为零")
    return None


def exchanged_truth(e: Evidence) -> Text | None:
    if e.expected.dtype.kind == "b" and e.came.dtype.kind == "b" and np.array_equal(e.came, ~e.expected):
        return Text("True and False are exchanged", "True 和 False 互换了")
    return None


def sign(e: Evidence) -> Text | None:
    if e.expected.dtype.kind != "b" and e.expected.any() and fits(e.came, -e.expected):
        return Text("the sign is flipped: every element is minus the right one", "符号反了：每个元素都是正确值的相反数")
    return None


def forgot_upstream(e: Evidence) -> Text | None:
    if e.gradient is None or np.allclose(e.dy, 1):
        return None
    if fits(e.came, e.gradient(np.ones_like(e.dy))) and e.came.any():
        return Text("the upstream gradient dy is forgotten: this is the gradient for a dy of ones",
                    "忘了上游梯度 dy：这是 dy 全为 1 时的梯度")
    if e.dy.ndim and fits(e.came, e.gradient(np.ones_like(e.dy)) * e.dy if e.dy.shape == e.expected.shape else np.nan):
        return Text("dy multiplies the sum of the derivatives from outside: it belongs inside the sum, as each output "
                    "has a dy of its own", "dy 被放到了求和之外相乘：每个输出有自己的 dy，它应在求和号之内")
    return None


def upstream_twice(e: Evidence) -> Text | None:
    if e.gradient is not None and fits(e.came, e.gradient(e.dy * e.dy)):
        return Text("the upstream gradient dy is multiplied in twice", "上游梯度 dy 乘了两次")
    return None


def elementwise_softmax(e: Evidence) -> Text | None:
    y = e.y
    if y is None or y.shape != e.came.shape or y.ndim == 0 or (y < 0).any() or not np.allclose(y.sum(axis=-1), 1):
        return None
    if fits(e.came, e.dy * y * (1 - y)):
        return Text("softmax is treated as elementwise: y (1 - y) is the derivative of y_i by x_i alone, but x_i also "
                    "changes the other y_j of its row",
                    "把 softmax 当作逐元素函数了：y (1 - y) 只是 y_i 对 x_i 的导数，但 x_i 还会改变同一行其他的 y_j")
    return None


def counts(e: Evidence) -> list[tuple[str, int]]:
    """What a factor may be the number of: the letters of the dimensions, rows, elements. The surest come first."""
    found = list(e.sizes.items())
    for shape in (np.shape(e.expected if e.y is None else e.y), *(array.shape for array in e.inputs.values())):
        letters = [next((letter for letter, size in e.sizes.items() if size == n), "") for n in shape[:-1]]
        found.append(("·".join(letters) if all(letters) else "the number of rows", math.prod(shape[:-1])))
        found.append(("the number of elements", math.prod(shape)))
    return [(name, count) for name, count in found if count > 2]


def named(e: Evidence, ratio: float) -> Text | None:
    """What a factor is, where it is a size, its root or another number with a name."""
    if abs(ratio - 2) < NEAR or abs(ratio - 0.5) < NEAR:  # what is 2 here may be a size, or just twice
        twos = [name + letter for letter, size in e.sizes.items() for name, two in (("", 2), ("√", 4)) if size == two]
        return Text(f" ({', '.join(twos)} is 2 here)", f"（这里 {'、'.join(twos)} 是 2）") if twos else Text("", "")
    for name, count in counts(e):
        zh = {"the number of elements": "元素个数", "the number of rows": "行数"}.get(name, name)
        for value, words in (
            (count, Text(f", which is {name}: a sum where a mean belongs, or a division by a mean?",
                         f"，即 {zh}：应当求平均的地方求了和，或者除以了平均？")),
            (1 / count, Text(f", which is 1/{name}: a mean where a sum belongs, or a division by a sum?",
                             f"，即 1/{zh}：应当求和的地方求了平均，或者除以了和？")),
            (math.sqrt(count), Text(f", which is √{name}: a division by √{name} is missing",
                                    f"，即 √{zh}：少除了一次 √{zh}")),
            (1 / math.sqrt(count), Text(f", which is 1/√{name}: one division by √{name} too many",
                                        f"，即 1/√{zh}：多除了一次 √{zh}")),
        ):  # fmt: skip
            if abs(ratio / value - 1) < NEAR:
                return words
    for value, name in ((math.log(2), "ln 2"), (1 / math.log(2), "1/ln 2")):
        if abs(ratio / value - 1) < NEAR:
            return Text(f", which is {name}: nats and bits are mixed up", f"，即 {name}：奈特和比特弄混了")
    return None


def factor(e: Evidence) -> Text | None:
    """Off by one constant. A single number is always off by some: then the factor must have a name."""
    if e.expected.dtype.kind == "b" or not e.expected.any():
        return None
    at = np.unravel_index(int(np.abs(e.expected).argmax()), e.expected.shape)
    ratio = float(e.came[at] / e.expected[at])
    if ratio == 0 or abs(ratio - 1) < NEAR or not math.isfinite(ratio) or not fits(e.came, ratio * e.expected):
        return None
    name = named(e, abs(ratio))
    if distinct(e.expected) < 3 and (name is None or e.expected.dtype.kind != "f"):
        return None
    minus = Text(", and the sign is flipped", "，而且符号反了") if ratio < 0 else Text("", "")
    return Text(f"off by a constant factor: every element is {abs(ratio):.6g} times the right one",
                f"差一个常数因子：每个元素都是正确值的 {abs(ratio):.6g} 倍") + (name or Text("", "")) + minus


def transposed(e: Evidence) -> Text | None:
    """Axes exchanged, whether the shape shows it or a reshape has hidden it."""
    if not 2 <= e.expected.ndim <= 5 or e.came.size != e.expected.size:
        return None
    if distinct(e.expected) < (3 if e.came.shape == e.expected.shape else 1) and e.expected.dtype.kind != "b":
        return None
    for order in permutations(range(e.expected.ndim)):
        turned = e.expected.transpose(order)
        if order == tuple(range(e.expected.ndim)) or same(turned.ravel(), e.expected.ravel()):
            continue
        if e.came.shape == turned.shape and fits(e.came, turned):
            return Text(f"it is transposed: these are the right numbers, with the axes in the order {order}",
                        f"转置了：数都对，但轴的次序是 {order}")
        if e.came.shape == e.expected.shape and fits(e.came.ravel(), turned.ravel()):
            return Text("the right numbers in another order: a reshape cuts the same row of numbers anew and never "
                        "exchanges axes, that is what swapaxes and transpose do",
                        "数都对，次序不对：reshape 只是把同一串数重新分段，不会交换轴；"
                        "要交换轴，请用 swapaxes 或 transpose")
    return None


def not_summed(e: Evidence) -> Text | None:
    """The sum over the rows is missing: still there as axes, or only one row counts."""
    extra = e.came.ndim - e.expected.ndim
    if extra > 0 and math.prod(e.came.shape[:extra]) > 1 and fits(e.came.sum(axis=tuple(range(extra))), e.expected):
        return Text("the sum over the batch is missing: added up over its leading axes, it is right",
                    "缺少对批量的求和：沿前面的轴加起来就对了")
    if e.gradient is None or e.dy.ndim < 2 or e.came.shape != e.expected.shape or not e.came.any():
        return None
    for axis in range(e.dy.ndim - 1):
        for i in range(e.dy.shape[axis] if e.dy.shape[axis] > 1 else 0):
            part = np.zeros_like(e.dy)
            chosen = (slice(None),) * axis + (i,)
            part[chosen] = e.dy[chosen]
            if fits(e.came, e.gradient(part)):
                only = f"dy[{', '.join([':'] * axis + [str(i)])}]"
                return Text(f"only {only} counts: the sum over axis {axis} of dy is missing",
                            f"只算了 {only}：缺少沿 dy 的轴 {axis} 的求和")
    return None


def constant_offset(e: Evidence) -> Text | None:
    """The difference is the same along an axis: a term such as a mean over it is missing."""
    if e.expected.dtype.kind == "b" or e.came.shape != e.expected.shape or e.expected.ndim == 0:
        return None
    difference = e.came.astype(DOUBLE) - e.expected
    scale = np.abs(difference).max(initial=0)
    if e.expected.dtype.kind in "iu":
        if len(np.unique(e.expected)) > 2 and np.ptp(difference) == 0 and scale:
            d = int(difference.flat[0])
            return Text(f"every element is too {'large' if d > 0 else 'small'} by {abs(d)}",
                        f"每个元素都{'大' if d > 0 else '小'}了 {abs(d)}")
        return None
    if scale < NEAR * np.abs(e.expected).max() or e.expected.size < 3:
        return None
    if np.ptp(difference) <= NEAR * scale and np.ptp(e.expected) > NEAR * scale:
        d = f"{difference.flat[0]:.6g}"
        return Text(f"every element is off by the same number, {d}: a constant term is missing, or one too many",
                    f"每个元素都差同一个数 {d}：少了或多了一个常数项")
    for axis in reversed(range(e.expected.ndim)):
        # What is constant along the axis itself, as any axis of length 1 is, proves nothing.
        if (np.ptp(difference, axis=axis) <= NEAR * scale).all() \
                and (np.ptp(e.expected, axis=axis) > NEAR * np.abs(e.expected).max()).any():
            return Text(f"along axis {axis} the error is the same for all elements: a term that is one number there, "
                        "such as a bias, or a mean or a sum over this axis, is missing or wrong",
                        f"沿轴 {axis}，各元素的误差相同：少了（或算错了）一个沿该轴不变的项，"
                        "例如偏置，或沿该轴的平均或求和")
    return None


FUNCTIONS = {
    "the logarithm": (np.log, "对数"), "the exponential": (np.exp, "指数"), "the square": (np.square, "平方"),
    "the square root": (np.sqrt, "平方根"), "one divided by": (np.reciprocal, "倒数"),
    "the binary logarithm": (np.log2, "以 2 为底的对数"),
}  # fmt: skip


def rounded(e: Evidence) -> Text | None:
    """Too few digits: // or an int on the way, or float32 although the arguments are float64."""
    if e.expected.dtype.kind != "f" or e.came.shape != e.expected.shape or distinct(e.expected) < 3:
        return None
    if e.came.any() and (np.array_equal(e.came, np.floor(e.expected)) or np.array_equal(e.came, np.trunc(e.expected))):
        return Text("the digits behind the point are cut off: / divides, // cuts off, and an array of whole numbers "
                    "does so too", "小数部分被截掉了：/ 是除法，// 会取整，整数数组也会")
    if e.came.dtype == DOUBLE and np.array_equal(e.came, e.came.astype(SINGLE)) and (
            np.abs(e.came - e.expected) <= 1e-5 * np.abs(e.expected).max()).all():
        return Text("only about seven digits are right: something was computed in float32, though the arguments are "
                    "float64", "只有大约七位数字是对的：参数是 float64，中间却用 float32 算了")
    return None


def of_a_function(e: Evidence) -> Text | None:
    """A last step is missing or too much: the logarithm of the right value, ..."""
    if e.expected.dtype.kind != "f" or e.came.shape != e.expected.shape:
        return None
    with np.errstate(all="ignore"):
        for name, (function, zh) in FUNCTIONS.items():
            if fits(e.came, function(e.expected)):
                of = "" if name.endswith("by") else " of"
                return Text(f"this is {name}{of} the right value", f"这是正确值的{zh}")
    return None


def exchanged_with(others: dict, e: Evidence) -> Text | None:
    """It is another one of the gradients that are due."""
    for name, array in others.items():
        if name != e.name and array.size > 1 and fits(e.came, array):
            return Text(f"this is {name}: the gradients are returned in another order than the arguments",
                        f"这是 {name}：返回梯度的次序与参数的次序不同")
    return None


HYPOTHESES = (nothing_done, exchanged_truth, rounded, sign, forgot_upstream, upstream_twice, elementwise_softmax,
              not_summed, transposed, factor, constant_offset, of_a_function)  # fmt: skip


def general(e: Evidence) -> Text | None:
    """The first hypothesis that explains all of the difference."""
    if e.came.dtype.kind not in "fiub" or e.expected.dtype.kind not in "fiub" or e.came.size == 0:
        return None
    with np.errstate(all="ignore"):
        for hypothesis in HYPOTHESES:
            if e.came.shape != e.expected.shape and hypothesis not in (not_summed, transposed):
                continue
            found = hypothesis(e)
            if found is not None:
                return found
    return None
