"""Exercise of chapter 03: a gradient by central differences, with which all others are checked."""

import numpy as np

from minigpt import gradient_check
from minigpt.exercises.exercise import Exercise, Problem, Property, Text, Wrong

SKELETON = '''\
import numpy as np


def numeric_gradient(array, loss, epsilon):
    """array (...), loss(array) -> a number; the gradient of loss (...), by central differences."""
'''

ANSWER = '''\
import numpy as np


def numeric_gradient(array, loss, epsilon):
    gradient = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        before = array[index]
        array[index] = before + epsilon
        above = loss(array)
        array[index] = before - epsilon
        below = loss(array)
        array[index] = before
        gradient[index] = (above - below) / (2 * epsilon)
    return gradient
'''
LOOP = ANSWER[ANSWER.index("    for"):]


def solution(array, loss, epsilon):
    return gradient_check.numeric_gradient(lambda: loss(array), array, epsilon)


def sum_of_cubes(array):
    return (array**3).sum()


def cubed_sum(array):
    return array.sum() ** 3


def sine_of_weighted_sum(array):
    return np.sin((array * np.arange(1, array.size + 1).reshape(array.shape)).sum() / 10)


def problems(rng):
    def draw(loss, epsilon, *shape):
        return Problem({"array": rng.standard_normal(shape)}, {"loss": loss, "epsilon": epsilon})

    first = Problem({"array": np.array([1.0, 2, -1])}, {"loss": sum_of_cubes, "epsilon": 0.1})
    return [first, draw(cubed_sum, 0.01, 4), draw(sine_of_weighted_sum, 0.01, 2, 3), draw(sum_of_cubes, 0.001, 2, 1, 3),
            draw(cubed_sum, 0.1, 1), draw(sum_of_cubes, 0.1), draw(sum_of_cubes, 0.1, 0, 2)]


def _order(functions, problem):
    """A tenth of epsilon leaves a hundredth of the error, which for the sum of cubes is epsilon² exactly."""
    x = problem.arrays["array"]
    large, small = (np.abs(functions[0](x.copy(), loss=sum_of_cubes, epsilon=epsilon) - 3 * x**2).max(initial=0)
                    for epsilon in (0.1, 0.01))
    if small > 0.02 * large + 1e-9:
        return Text(f"a tenth of epsilon should leave a hundredth of the error, but {large:.3g} became {small:.3g}",
                    f"epsilon 缩小到十分之一，误差应缩小到百分之一，这里却从 {large:.3g} 变成 {small:.3g}")
    return None


EXERCISE = Exercise(
    name="numeric_gradient",
    chapter=3,
    title=Text("A gradient by finite differences", "用有限差分求梯度"),
    task=Text(
        "Find, without any derivation, the slope of loss(array) along each element a, (L(a + ε) - L(a - ε)) / 2ε, the "
        "central difference: one element is moved at a time, all the others as they were. Return an array of the same "
        "shape, whatever the number of its axes. All is float64: in float32 the difference of two losses so close "
        "together would have hardly a digit. When you are done, `array` must hold what it held before, "
        "to the last bit: a + ε - 2ε + ε is not always a.",
        "不作任何推导，求 loss(array) 沿每个元素 a 的斜率：(L(a + ε) - L(a - ε)) / 2ε，"
        "即中心差分（central difference），每次只移动一个元素，其余保持不变。返回形状相同的数组，轴数任意。"
        "全部用 float64：两个损失如此接近，用 float32 相减几乎剩不下一位有效数字。"
        "结束时 array 必须与原来一个比特都不差：a + ε - 2ε + ε 不一定等于 a。"),
    functions=("numeric_gradient",),
    skeleton=SKELETON,
    solution=(solution,),
    answer=ANSWER,
    problems=problems,
    properties=(Property("the error falls with the square of epsilon", _order),),
    shown=(gradient_check.numeric_gradient,),
    float64_only=True,
    hints=(
        Text("np.ndindex(array.shape) gives every index of an array as a tuple, however many axes there are: "
             "array[index] is then one number.",
             "np.ndindex(array.shape) 依次给出数组的每个下标（元组），轴数不限：array[index] 就是一个数。"),
        Text("Keep the number before you move it, and assign it again in the end: what is stored comes back exactly, "
             "what is computed may not.",
             "移动之前先把原数存下来，最后再赋值回去：存下的数能原样恢复，算出来的未必。"),
        Text("For each index: before = array[index]; set before + epsilon and ask loss(array); set before - epsilon "
             "and ask again; set before; divide the difference by 2 * epsilon.",
             "对每个下标：before = array[index]；设为 before + epsilon，求 loss(array)；设为 before - epsilon，"
             "再求一次；恢复成 before；差除以 2 * epsilon。"),
    ),
    wrong=(
        Wrong("forward_difference", (
            ("        array[index] = before - epsilon\n        below = loss(array)\n        array[index] = before\n",
             "        array[index] = before\n        below = loss(array)\n"), ("(2 * epsilon)", "epsilon")), "value",
              "one-sided",
              Text("this is the one-sided difference (L(a + ε) - L(a)) / ε, whose error is of order ε; the central "
                   "one, (L(a + ε) - L(a - ε)) / 2ε, has one of order ε²",
                   "这是单侧差分 (L(a + ε) - L(a)) / ε，误差是 ε 量级；中心差分 (L(a + ε) - L(a - ε)) / 2ε 的误差是 ε² "
                   "量级")),
        Wrong("one_epsilon", (("(2 * epsilon)", "epsilon"),), "value", "2ε",
              Text("twice too large: from a - ε to a + ε it is 2ε, so divide by 2ε",
                   "大了一倍：从 a - ε 到 a + ε 的距离是 2ε，应当除以 2ε")),
        Wrong("own_epsilon", (("    gradient = np", "    epsilon = 1e-5\n    gradient = np"),), "value", "was given",
              Text("the epsilon that was given isn't used, but a much smaller one: the error of this difference is ε² "
                   "for a cube, 0.01 here",
                   "没有用传进来的 epsilon，用的是小得多的数：对立方来说，差分的误差是 ε²，这里应为 0.01")),
        Wrong("precedence", (("/ (2 * epsilon)", "/ 2 * epsilon"),), "value", "parentheses",
              Text("/ 2 * epsilon divides by 2 and multiplies by epsilon: parentheses, / (2 * epsilon)",
                   "/ 2 * epsilon 是先除以 2 再乘 epsilon：要加括号，/ (2 * epsilon)")),
        Wrong("sign", (("above - below", "below - above"),), "value", "flipped",
              Text("the sign is flipped: it is L(a + ε) - L(a - ε), the value further up first",
                   "符号反了：应当是 L(a + ε) - L(a - ε)，前面是往上移动的")),
        Wrong("all_at_once", ((LOOP, "    gradient += (loss(array + epsilon) - loss(array - epsilon)) / (2 * epsilon)\n"
                               "    return gradient\n"),), "value", "all elements",
              Text("all elements were moved at once, so each place has the sum of all slopes: move one at a time",
                   "所有元素一起移动了，于是每个位置都是全部斜率之和：每次只移动一个")),
        Wrong("moves_a_copy", (("    gradient = np.zeros_like(array)\n",
                                "    gradient = np.zeros_like(array)\n    given, array = array, array.copy()\n"),
                               ("above = loss(array)", "above = loss(given)"),
                               ("below = loss(array)", "below = loss(given)")), "value", "copy",
              Text("every slope is 0: a copy was moved (flatten and copy make one), and loss was asked about the array "
                   "that had not moved",
                   "斜率全为 0：移动的是副本（flatten、copy 都会复制），而 loss 算的是没动过的数组")),
        Wrong("not_put_back", (("        array[index] = before\n", ""),), "overwritten", "stays at",
              Text("each element stays at a - ε: put back `before` when both losses are known, or the next slope is "
                   "taken elsewhere and the weights are changed",
                   "每个元素都停在了 a - ε：两个损失求完后要恢复 before，否则下一个斜率取在了别处，权重也被改了")),
        Wrong("put_back_by_arithmetic", (("array[index] = before + epsilon", "array[index] += epsilon"),
                                         ("array[index] = before - epsilon", "array[index] -= 2 * epsilon"),
                                         ("array[index] = before\n", "array[index] += epsilon\n")),
              "overwritten", "last bit",
              Text("a + ε - 2ε + ε has rounded to another number in the last bit: keep the value and assign it again",
                   "a + ε - 2ε + ε 经过舍入，最后一位变了：先存下原值，再赋值回去")),
        Wrong("only_the_first_axis", (("in np.ndindex(array.shape)", "in range(len(array))"),
                                      ("before = array[index]\n", "before = array[index].copy()\n")), "odd shapes",
              "ndindex",
              Text("range(len(array)) walks along the first axis only, so whole rows were moved: "
                   "np.ndindex(array.shape) gives every single element",
                   "range(len(array)) 只走第一个轴，于是整行一起移动了：np.ndindex(array.shape) 才能走遍每个元素")),
    ),
)  # fmt: skip
