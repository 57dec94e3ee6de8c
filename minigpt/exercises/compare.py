"""How what a student's function returned differs from what it should have.

Arrays and floats are compared with a tolerance, in float64; texts, integers and booleans must be equal; lists, tuples
and dicts are walked. The difference that is told is the first in the order of the stages, not of the places.
"""

import numbers
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from minigpt.exercises.exercise import STAGES, Text
from minigpt.exercises.shapes import Letters, guess, label, say_shape
from minigpt.exercises.show import describe, how_many, is_and_should_be, number, place_name, show

RELATIVE, OF_LARGEST = 1e-9, 1e-10  # an element may be off by so much of itself, and of the array's largest element


@dataclass(frozen=True)
class Difference:
    """What is wrong, at which stage, and where: name[index], unless the name says it all."""

    stage: str
    what: Text
    name: str
    index: tuple[int, ...] = ()
    came: object = None
    expected: object = None
    why: Text | None = None


TOO_LONG = Text(
    "a NumPy float64 such as np.sqrt(5), or an array made without dtype=, makes float64 of all it meets, and so does a "
    "NumPy integer such as mask.sum(): use math.sqrt, dtype=x.dtype, int(mask.sum())",
    "像 np.sqrt(5) 这样的 NumPy float64，或没写 dtype= 就新建的数组，会把与它运算的一切都变成 float64；"
    "mask.sum() 这样的 NumPy 整数也会：请用 math.sqrt，写上 dtype=x.dtype，写成 int(mask.sum())")
TOO_SHORT = Text(
    "digits are lost: a result has the dtype of the floats it is made of, and float64 where there are none",
    "精度丢失了：结果的类型应与参与运算的浮点数相同，没有浮点参数时是 float64")
NO_FLOAT = Text(
    "these are whole numbers: an array made of such stays whole, so write 0.0, or dtype=x.dtype; argmax and argsort "
    "give places, not values",
    "这是整数：用整数建的数组只能存整数，请写 0.0，或写上 dtype=x.dtype；argmax 和 argsort 给出的是位置，不是数值")
TRUTH = Text("these are True and False: multiply by them, or choose with np.where(mask, x, 0.0)",
             "这是 True 和 False：用它去乘，或用 np.where(mask, x, 0.0) 来选")
REORDERED = Text("these are the right results in another order: the docstring has the order",
                 "结果都对，只是次序不对：请按文档字符串的次序返回")
WHY_DTYPE = {
    "b": Text("True and False are due: a comparison such as a >= b gives them",
              "应当是 True 和 False：像 a >= b 这样的比较会给出它们"),
    "i": Text("whole numbers are due: // gives them, and dtype=int keeps them",
              "应当是整数：// 得到整数，dtype=int 保持整数"),
}


REAL = "fiub"  # the kinds of dtype that are compared as numbers: no complex ones, no objects, no dates


def how_to_make(came, expected) -> Text:
    """How what came becomes what is due."""
    if isinstance(expected, np.ndarray) and isinstance(came, (list, np.ndarray)):
        return Text("np.array(...) makes an array of it", "np.array(...) 可以把它变成数组")
    if type(expected) is list and isinstance(came, np.ndarray):
        return Text("tolist() makes a list of an array", "tolist() 可以把数组变成列表")
    if type(expected) is list and isinstance(came, Iterable) and not isinstance(came, (str, dict)):
        return Text("list(...) makes a list of it", "list(...) 可以把它变成列表")
    return Text("the docstring says what is to be returned", "文档字符串写明了应当返回什么")


def is_number(value) -> bool:
    """Whether it is one real number, of Python or NumPy."""
    return isinstance(value, (numbers.Number, np.generic, np.ndarray)) and np.ndim(value) == 0 \
        and np.asarray(value).dtype.kind in REAL


def close(came, expected, relative: float = RELATIVE, of_largest: float = OF_LARGEST) -> np.ndarray:
    """Element by element, whether it is right; infinities and NaN only where they are expected."""
    came, expected = np.asarray(came), np.asarray(expected)
    if expected.dtype.kind != "f" or came.dtype.kind not in REAL:
        return np.asarray(came == expected)
    finite = np.isfinite(expected)
    largest = np.abs(expected[finite]).max(initial=0.0) if expected.ndim else np.abs(np.where(finite, expected, 0))
    with np.errstate(all="ignore"):
        near = np.abs(came - expected) <= relative * np.abs(expected) + of_largest * largest
    return np.where(finite, near, (came == expected) | (np.isnan(came) & np.isnan(expected)))


def same(came, expected) -> bool:
    """Whether two results of any kind are equal, arrays to the tolerance, and of the same shape."""
    if isinstance(came, (tuple, list)) and isinstance(expected, (tuple, list)):
        return len(came) == len(expected) and all(same(a, b) for a, b in zip(came, expected))
    if isinstance(came, dict) and isinstance(expected, dict):
        return came.keys() == expected.keys() and all(same(came[key], expected[key]) for key in came)
    try:
        if isinstance(came, np.ndarray) or isinstance(expected, np.ndarray) or is_number(came):
            came, expected = np.asarray(came), np.asarray(expected)
            return came.shape == expected.shape and bool(close(came, expected).all())
        return bool(came == expected)
    except Exception:  # a class of the student's own, or nothing that an array can be made of
        return False


def reordered(came, expected) -> bool:
    """Whether several results are right, but in another order."""
    return len(came) == len(expected) < 5 and not same(came, expected) and any(
        same([came[i] for i in order], list(expected)) for order in permutations(range(len(expected))))


def worst(came, expected, right) -> tuple[int, ...]:
    """The index of the element that is most wrong: not finite first, then by the size of the error."""
    if expected.dtype.kind == "f":
        with np.errstate(all="ignore"):
            error = np.abs(came - expected)
        error = np.where(right, -1.0, np.where(np.isnan(error), np.inf, error))
    else:
        error = np.where(right, 0.0, 1.0)
    return tuple(int(i) for i in np.unravel_index(int(error.argmax()), error.shape))


class Comparison:
    """Finds the first difference between what came and what was expected."""

    def __init__(self, letters: Letters, sizes: dict[str, int]):
        self.letters, self.sizes = letters, sizes

    def first(self, name: str, came, expected, single=None) -> Difference | None:
        """single: what came for the same arguments in float32, and what was expected then."""
        found = list(self.walk(name, came, expected))
        if single is not None:
            found += [d for d in self.walk(name, *single, in_float32=True) if d.stage == "dtype"]
        return self.earliest(found)

    @staticmethod
    def earliest(found: list[Difference]) -> Difference | None:
        """The one at the earliest stage."""
        return min(found, key=lambda difference: STAGES.index(difference.stage), default=None)

    def walk(self, name: str, came, expected, in_float32=False):
        if isinstance(expected, (list, tuple)):
            yield from self.sequence(name, came, expected, in_float32)
        elif isinstance(expected, dict):
            yield from self.mapping(name, came, expected, in_float32)
        elif isinstance(expected, np.ndarray) and expected.ndim:
            yield from self.array(name, came, expected, in_float32)
        elif is_number(expected):
            yield from self.scalar(name, came, expected, in_float32)
        elif type(came) is not type(expected):
            yield self.other_kind(name, came, expected)
        elif came != expected:
            yield Difference("value", self.unequal(name, came, expected), name, (), came, expected)

    def other_kind(self, name, came, expected) -> Difference:
        is_, due = describe(came), describe(expected)
        if isinstance(expected, tuple) and 0 < len(expected) < 5:  # how many is not enough: a list of 2 is no pair
            parts = [describe(part) for part in expected]
            due += Text(f": {', '.join(part.en for part in parts)}", f"：{'，'.join(part.zh for part in parts)}")
        return Difference("raised", Text(f"{name} is {is_.en}, and should be {due.en}",
                                         f"{name} 是 {is_.zh}，应当是 {due.zh}"), name, (), came, expected,
                          how_to_make(came, expected))

    def unequal(self, name, came, expected) -> Text:
        text = is_and_should_be(name, show(came), show(expected))
        if isinstance(came, str) and min(len(came), len(expected)) > 5:
            at = next((i for i, (a, b) in enumerate(zip(came, expected)) if a != b), min(len(came), len(expected)))
            text += Text(f"; they differ from character {at} on", f"；从第 {at} 个字符起不同")
        return text

    def sequence(self, name, came, expected, in_float32):
        if not isinstance(came, type(expected)):
            yield self.other_kind(name, came, expected)
            return
        if isinstance(expected, tuple) and reordered(came, expected):
            yield from (replace(found, why=REORDERED) for found in self.parts(name, came, expected, in_float32))
        else:
            yield from self.parts(name, came, expected, in_float32)

    def parts(self, name, came, expected, in_float32):
        inside = []
        for i, pair in enumerate(zip(came, expected)):
            inside += self.walk(f"{name}[{i}]", *pair, in_float32)
        whole = Text("; ", "；") + is_and_should_be(name, show(came), show(expected))
        flat = not any(isinstance(value, (np.ndarray, list, tuple, dict)) for value in expected)
        if len(came) != len(expected):
            entries = "entry" if len(came) == 1 else "entries"
            text = Text(f"{name} has {len(came)} {entries}, and should have {len(expected)}",
                        f"{name} 有 {len(came)} 项，应有 {len(expected)} 项")
            if inside:
                text += Text("; the first difference: ", "；第一处不同：") + inside[0].what
            elif len(came) < len(expected):
                text += Text(f"; the first that is missing is {show(expected[len(came)])}",
                             f"；缺少的第一项是 {show(expected[len(came)])}")
            yield Difference("value", text + (whole if flat else Text("", "")), name, (), came, expected)
        elif flat and inside:
            first = inside[0]
            yield Difference(first.stage, first.what + whole, first.name, first.index, first.came, first.expected,
                             first.why)
        else:
            yield from inside

    def mapping(self, name, came, expected, in_float32):
        if not isinstance(came, dict):
            yield self.other_kind(name, came, expected)
            return
        missing = [key for key in expected if key not in came]
        extra = [key for key in came if key not in expected]
        if missing or extra:
            text = Text("", "")
            if missing:
                text += Text(f"{name} lacks the key {show(missing[0])}", f"{name} 缺少键 {show(missing[0])}")
            if extra:
                text += Text("; " if missing else f"{name} ", "；" if missing else f"{name} ")
                text += Text(f"has the key {show(extra[0])}, which doesn't belong there",
                             f"多了键 {show(extra[0])}")
            text += Text("; ", "；") + is_and_should_be(name, show(came), show(expected))
            yield Difference("value", text, name, (), came, expected)
            return
        for key in expected:
            yield from self.walk(f"{name}[{show(key)}]", came[key], expected[key], in_float32)

    def array(self, name, came, expected, in_float32):
        if type(came) is not np.ndarray and not isinstance(came, np.generic):  # a np.matrix is none: its * is @
            yield self.other_kind(name, came, expected)
            return
        if came.ndim:  # of a single number its shape says more
            yield from self.dtype(name, came, expected, in_float32)
        if came.shape != expected.shape:
            yield self.shape(name, came, expected)
        elif not in_float32:
            yield from self.values(name, came, expected)

    def scalar(self, name, came, expected, in_float32):
        if not is_number(came):
            if isinstance(came, np.ndarray) and isinstance(expected, (np.ndarray, np.generic)):
                yield self.shape(name, came, np.asarray(expected))
            elif isinstance(came, np.ndarray):
                text = Text(f"{name} is an array {came.shape}, and should be a single number",
                            f"{name} 是形状为 {came.shape} 的数组，应当是单个数")
                yield Difference("shape", text, name, (), came, expected)
            else:
                yield self.other_kind(name, came, expected)
            return
        if isinstance(came, (np.ndarray, np.generic)) and isinstance(expected, (np.ndarray, np.generic)):
            yield from self.dtype(name, np.asarray(came), np.asarray(expected), in_float32)
        elif np.asarray(expected).dtype.kind in "iub" and np.asarray(came).dtype.kind not in "iub":
            kind = type(came).__name__
            yield Difference("dtype", Text(f"{name} is the {kind} {number(came)}, and should be a whole number",
                                           f"{name} 是 {kind} 类型的 {number(came)}，应当是整数"),
                             name, (), came, expected, WHY_DTYPE["i"])
        if not in_float32:
            yield from self.values(name, np.asarray(came), np.asarray(expected))

    def dtype(self, name, came, expected, in_float32):
        kinds = {"i": "iu", "u": "iu"}.get(expected.dtype.kind, expected.dtype.kind)
        # In float32 the library's own result may be float64, where a problem has float64 weights inside a function.
        same_size = came.dtype == expected.dtype or (in_float32 and came.dtype.itemsize < expected.dtype.itemsize)
        if came.dtype.kind in kinds and (expected.dtype.kind != "f" or same_size):
            return
        due = {"f": expected.dtype, "i": "int64", "u": "int64", "b": "bool"}.get(expected.dtype.kind, expected.dtype)
        text = Text(f"{name} is {came.dtype}, and should be {due}", f"{name} 的类型是 {came.dtype}，应为 {due}")
        if in_float32:
            text += Text(", when the arguments are float32", "（参数是 float32 时）")
        why = WHY_DTYPE.get(expected.dtype.kind)
        if expected.dtype.kind == "f":
            why = {"f": TOO_LONG if in_float32 else TOO_SHORT, "b": TRUTH}.get(came.dtype.kind, NO_FLOAT)
        yield Difference("dtype", text, name, (), came, expected, why)

    def shape(self, name, came, expected) -> Difference:
        letters = self.letters.of(name, expected.shape)
        have = say_shape(came.shape, label(came.shape, expected.shape, letters, self.sizes))
        want, hint = say_shape(expected.shape, letters), guess(came.shape, expected.shape, letters, self.sizes)
        of = name.removeprefix("d")
        if name != of and of in self.letters.axes:
            text = Text(f"{name} is {have}, {of} is {want}", f"{name} 的形状是 {have}，而 {of} 是 {want}")
        else:
            text = Text(f"{name} is {have}, and should be {want}", f"{name} 的形状是 {have}，应为 {want}")
        if hint is not None:
            text += Text(": ", "：") + hint
        return Difference("shape", text, name, (), came, expected)

    def values(self, name, came, expected):
        if came.dtype.kind not in REAL:  # told as a wrong dtype
            return
        if expected.dtype.kind == "f" and came.dtype.kind == "f":
            bad = ~np.isfinite(came) & np.isfinite(expected)
            if bad.any():
                index = tuple(int(i) for i in np.argwhere(bad)[0])
                count = int(bad.sum())
                text = is_and_should_be(place_name(name, index), number(came[index]), number(expected[index]))
                if count > 1:
                    text += Text(f" ({count} of {came.size} elements are NaN or infinite)",
                                 f"（{came.size} 个元素中有 {count} 个是 NaN 或无穷大）")
                yield Difference("finite", text, name, index, came, expected)
        right = close(came, expected)
        if not right.all():
            index = worst(came, expected, right)
            text = self.wrong_values(name, index, came, expected, right)
            yield Difference("value", text, name, index, came, expected)

    def wrong_values(self, name, index, came, expected, right) -> Text:
        a, b = came[index], expected[index]
        text = is_and_should_be(place_name(name, index), number(a), number(b))
        if number(a) == number(b):
            text += Text(f" (the difference is {float(a - b):.3g})", f"（相差 {float(a - b):.3g}）")
        if came.size > 1:
            wrong = int((~right).sum())
            text += Text("; ", "；") + how_many(wrong, came.size)
            if wrong > 1 and expected.dtype.kind == "f":
                text += Text(", and this one most", "，这一个差得最多")
        return text
