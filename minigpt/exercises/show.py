"""Values as a message shows them: on one line, and never an endless one."""

import reprlib

import numpy as np

from minigpt.exercises.exercise import Text


class Short(reprlib.Repr):
    """Cuts what is long, and shows inside lists and tuples what `show` does outside them."""

    def repr_float(self, value, level):
        return number(value)

    repr_float64 = repr_float32 = repr_float

    def repr_function(self, value, level):
        return value.__name__  # without the address, which tells nothing and is another one each time


SHORT = Short()
SHORT.maxstring = SHORT.maxother = 60
SHORT.maxlist = SHORT.maxtuple = 12
SHORT.maxdict, SHORT.maxlevel = 8, 4
LARGE = 12  # elements: an argument with more isn't shown whole


def number(value) -> str:
    """A value as a message shows it; + 0.0 makes 0 of -0."""
    return f"{float(value) + 0.0:.6g}" if isinstance(value, (float, np.floating)) else str(value)


def show(value) -> str:
    """A value on one line; long ones are cut."""
    if isinstance(value, (float, np.floating)):
        return number(value)
    if isinstance(value, (np.ndarray, np.generic)):
        text = np.array2string(np.asarray(value), precision=4, separator=", ", threshold=40, max_line_width=10_000,
                               suppress_small=True)
        return " ".join(text.split()).replace("[ ", "[").replace(" ]", "]").replace(" ,", ",")
    return SHORT.repr(value)


def describe(value) -> Text:
    """What kind of thing it is."""
    if value is None:
        return Text("None", "None")
    if isinstance(value, np.ndarray) and type(value) is not np.ndarray:
        return Text(f"a np.{type(value).__name__}", f"np.{type(value).__name__}")
    if isinstance(value, np.ndarray):
        return Text(f"an array {value.shape} of {value.dtype}", f"数组（形状 {value.shape}，类型 {value.dtype}）")
    if isinstance(value, (tuple, list)):
        kind = type(value).__name__
        return Text(f"a {kind} of {len(value)}", f"{kind}（{len(value)} 个元素）")
    if isinstance(value, str):
        return Text(f"the text {show(value)}", f"文本 {show(value)}")
    if callable(value):
        return Text("a function", "函数")
    kind = type(value).__name__
    return Text(f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}", f"{kind} 类型的值")


def place_name(name: str, index) -> str:
    """y[0, 2]"""
    return f"{name}[{', '.join(map(str, index))}]" if len(index) else name


def is_and_should_be(name: str, came: str, expected: str) -> Text:
    return Text(f"{name} is {came}, and should be {expected}", f"{name} 是 {came}，应为 {expected}")


def how_many(wrong: int, of: int) -> Text:
    if wrong == of:
        return Text(f"{'both' if of == 2 else f'all {of}'} elements are wrong", f"{of} 个元素全都不对")
    return Text(f"{wrong} of {of} elements {'is' if wrong == 1 else 'are'} wrong", f"{of} 个元素中有 {wrong} 个不对")


def was_and_is(name: str, before, now) -> Text:
    """What a value was and what it has become; of a large array, or one in its last digits, the worst element."""
    if isinstance(before, np.ndarray) and before.shape == now.shape and before.dtype.kind == "f" and (
            before.size > LARGE or show(before) == show(now)):
        index = np.unravel_index(int(np.argmax(np.nan_to_num(np.abs(now - before), nan=np.inf))), before.shape)
        name = place_name(name, tuple(int(i) for i in index))
        before, now = before[index], now[index]
        was, is_ = number(before), number(now)
        if was == is_:  # only in the last digits
            was, is_ = repr(float(before)), repr(float(now))
    else:
        was, is_ = show(before), show(now)
    return Text(f": {name} was {was}, and is {is_} now", f"：{name} 原来是 {was}，现在是 {is_}")
