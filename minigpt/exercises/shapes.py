"""Shapes as a reader of this project says them, "(B=2, T=3, C=5)", and what may be wrong with one.

The letters stand in the docstrings of an exercise's skeleton, as everywhere in the library: "q (..., T, D)".
"""

import ast
import re
from itertools import combinations

from minigpt.exercises.exercise import Exercise, Text

ARRAY = re.compile(r"(\w+) \(([^()]*)\)")
AXIS = re.compile(r"\.\.\.|\d+|[A-Z]\w{0,2}( ?[*+/-] ?\w+)*")

# What is missing when an axis is, by the letters of docs/notation.md.
AXES = {
    "B": Text("the batch is", "缺少批量轴"),
    "T": Text("the positions are", "缺少位置轴"),
    "S": Text("the positions of the keys are", "缺少键的位置轴"),
    "C": Text("the channels are", "缺少通道轴"),
    "H": Text("the heads are", "缺少注意力头这个轴"),
    "D": Text("the channels of a head are", "缺少每个头的通道轴"),
    "F": Text("the hidden units are", "缺少隐藏单元轴"),
    "V": Text("the vocabulary is", "缺少词表轴"),
    "N": Text("the rows are", "缺少行的轴"),
}  # fmt: skip


class Letters:
    """What the axes of an exercise's arrays are called."""

    def __init__(self, exercise: Exercise):
        self.axes: dict[str, tuple[str, ...]] = {}
        for function in ast.parse(exercise.skeleton).body:
            if isinstance(function, ast.FunctionDef):
                for name, inside in ARRAY.findall(ast.get_docstring(function) or ""):
                    axes = tuple(axis.strip() for axis in inside.split(",") if axis.strip())
                    if axes and all(AXIS.fullmatch(axis) for axis in axes):
                        self.axes.setdefault(name, axes)

    def of(self, name: str, shape: tuple[int, ...]) -> tuple[str, ...]:
        """A letter for each axis, "" for one without. The gradient dx has the axes of x."""
        axes = self.axes.get(name) or self.axes.get(name.removeprefix("d"), ())
        if "..." in axes:
            place = axes.index("...")
            axes = axes[:place] + ("",) * (len(shape) - len(axes) + 1) + axes[place + 1:]
        if len(axes) != len(shape):
            return ("",) * len(shape)
        return tuple(axis if axis.isalpha() else "" for axis in axes)

    def sizes(self, arrays: dict) -> dict[str, int]:
        """Letter -> its size in a problem."""
        found = {}
        for name, array in arrays.items():
            for letter, size in zip(self.of(name, array.shape), array.shape):
                if letter:
                    found.setdefault(letter, size)
        return found


def say_shape(shape, letters=()) -> str:
    """(2, 3), or (B=2, T=3) with letters."""
    parts = [f"{letter}={size}" if letter else str(size) for letter, size in zip(letters or ("",) * len(shape), shape)]
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def label(came, expected, letters, sizes: dict[str, int]) -> tuple[str, ...]:
    """Letters for a wrong shape: those of the right one that have the size, then any of the problem that has it."""
    left = [(letter, size) for letter, size in zip(letters, expected) if letter]
    known = [(letter, size) for letter, size in sizes.items() if letter not in dict(left)]
    found = []
    for size in came:
        for pairs in (left, known):
            fitting = [pair for pair in pairs if pair[1] == size]
            if fitting:
                pairs.remove(fitting[0])
                found.append(fitting[0][0])
                break
        else:
            found.append("")
    return tuple(found)


def guess(came, expected, letters, sizes: dict[str, int]) -> Text | None:
    """What turned the expected shape into the one that came, where it is plain."""
    names = [letter or str(place) for place, letter in enumerate(letters)]
    number_of_axes = Text(f"it has {len(came)} {'axis' if len(came) == 1 else 'axes'} instead of {len(expected)}",
                          f"有 {len(came)} 个轴，应为 {len(expected)} 个")
    if not expected:
        return Text("a single number is due, a sum or a mean over all axes", "应当是单个数，即跑遍所有轴的和或平均")
    if not came:
        return Text("it is a single number: a sum, a mean or argmax ran over all axes",
                    "这是单个数：求和、求平均或 argmax 跑遍了所有轴")
    if len(came) < len(expected):
        left_out = [gone for gone in combinations(range(len(expected)), len(expected) - len(came))
                    if came == tuple(size for place, size in enumerate(expected) if place not in gone)]
        if len(left_out) == 1:
            if len(left_out[0]) == 1:
                letter, size = letters[left_out[0][0]], expected[left_out[0][0]]
                if size == 1:
                    return Text("the axis of length 1 is missing: keepdims=True keeps it",
                                "缺少长度为 1 的轴：keepdims=True 可以保留它")
                if letter in AXES:
                    return Text(f"{AXES[letter].en} missing", AXES[letter].zh)
            gone = ", ".join(names[place] for place in left_out[0])
            axes = "axis" if len(left_out[0]) == 1 else "axes"
            return Text(f"the {axes} {gone} {'is' if axes == 'axis' else 'are'} missing", f"缺少轴 {gone}")
        return number_of_axes
    if len(came) > len(expected):
        extra = [more for more in combinations(range(len(came)), len(came) - len(expected))
                 if expected == tuple(size for place, size in enumerate(came) if place not in more)]
        if len(extra) == 1 and all(came[place] == 1 for place in extra[0]):
            return Text("there is an axis of length 1 too many, as keepdims=True leaves it",
                        "多了一个长度为 1 的轴，keepdims=True 会留下这样的轴")
        if extra and extra[0] == tuple(range(len(extra[0]))):
            labels = label(came, expected, letters, sizes)
            lead = ", ".join(labels[place] or str(came[place]) for place in extra[0])
            return Text(f"the leading {'axis' if len(extra[0]) == 1 else 'axes'} {lead} must be summed over",
                        f"前面多出的轴 {lead} 应当求和消去")
        if extra:
            return Text(f"there {'is 1 axis' if len(extra[0]) == 1 else f'are {len(extra[0])} axes'} too many",
                        f"多了 {len(extra[0])} 个轴")
        return number_of_axes
    if sorted(came) == sorted(expected):
        wrong = [place for place in range(len(came)) if came[place] != expected[place]]
        swapped = " and ".join(names[place] for place in wrong)
        if len(wrong) == 2:
            return Text(f"the axes {swapped} are exchanged", f"轴 {swapped.replace(' and ', ' 和 ')} 互换了")
        return Text("the axes are in another order", "轴的次序不对")
    wrong = [place for place in range(len(came)) if came[place] != expected[place]]
    if all(came[place] == 1 for place in wrong):
        gone = ", ".join(names[place] for place in wrong)
        return Text(f"axis {gone} has length 1: something has been summed over it",
                    f"轴 {gone} 的长度是 1：它被求和消去了")
    if len(wrong) == 1:
        place = wrong[0]
        others = [letter for letter, size in sizes.items() if size == came[place] and letter != letters[place]]
        which = f", as long as {others[0]}" if others else ""
        which_zh = f"，与 {others[0]} 一样长" if others else ""
        return Text(f"axis {names[place]} has length {came[place]} instead of {expected[place]}{which}",
                    f"轴 {names[place]} 的长度是 {came[place]}，应为 {expected[place]}{which_zh}")
    return None
