"""Calls a student's functions, takes what they return, and stops with a verdict when that is nothing to go on with."""

import inspect
import io

import numpy as np

from minigpt import backend
from minigpt.exercises import answers
from minigpt.exercises.answers import Raised
from minigpt.exercises.compare import Difference
from minigpt.exercises.exercise import Exercise, Text
from minigpt.exercises.known import Known, known_problems, typed
from minigpt.exercises.shapes import Letters, say_shape
from minigpt.exercises.show import LARGE, describe, place_name, show
from minigpt.exercises.verdict import Stop, Verdict

ON_A_LATER_PROBLEM = ("raised", "shape", "value", "gradient")  # these are then "odd shapes"; NaN stays NaN


class Examiner:
    """One answer, the problems, and the problem at hand."""

    def __init__(self, exercise: Exercise, functions: list, names: list[str], loud: bool = True):
        """functions: in the exercise's order, None for what is missing. loud: show what the student's code prints."""
        self.exercise, self.functions, self.names, self.loud = exercise, functions, names, loud
        self.problems = known_problems(exercise)
        self.known = self.problems[0]  # the problem at hand
        self.letters = Letters(exercise)
        self.called, self.muted = set(), None

    # ---- calling the student's code

    def call(self, place: int, arguments, keywords):
        """Calls the student's function. Its first call prints where it will, the later ones only if they fail."""
        function = self.functions[place]
        self.muted = io.StringIO() if place in self.called or not self.loud else None
        self.called.add(place)
        try:
            inspect.signature(function).bind(*arguments, **keywords)
        except TypeError as error:
            self.stop("raised", place, self.wrong_signature(place, keywords, error), line=answers.first_line(function),
                      evidence=("signature",), why=Text("the parameters must be those of the skeleton",
                                                        "参数应与题目给出的框架一致"))
        except ValueError:  # a function written in C has no signature
            pass
        self.check_order(place)
        try:
            return answers.call(function, arguments, keywords, self.muted)
        except Raised as raised:
            self.stop_for(place, raised)

    def check_order(self, place: int):
        """The skeleton's names in another order: found by keyword they would do, by their place they would not."""
        due = self.exercise.parameters().get(self.exercise.functions[place], [])
        came = answers.parameters(self.functions[place])
        if came != due and sorted(came) == sorted(due):
            name = self.names[place]
            fact = Text(f"the parameters are in another order: {name}({', '.join(came)}) should be "
                        f"{name}({', '.join(due)})",
                        f"参数的次序不对：{name}({', '.join(came)}) 应为 {name}({', '.join(due)})")
            self.stop("raised", place, fact, line=answers.first_line(self.functions[place]), evidence=("order",))

    def forward(self, known: Known, precision: str, receivers=None) -> tuple:
        """What forward returns, and its arguments as they are afterwards."""
        receivers = known.receivers(precision) if receivers is None else receivers
        return known.outcome(lambda arguments, keywords: self.call(0, arguments, keywords), precision, receivers)

    def backward(self, known: Known, precision: str, saved, receivers=None, dy=None) -> list:
        """All gradients, in the order of the problem's arrays."""
        receivers = known.receivers(precision) if receivers is None else receivers
        dy = typed(known.dy, precision) if dy is None else dy
        with backend.using("numpy", precision):
            came = self.call(1, [dy, saved, *receivers.values()], {})
        return known.put_together(self.as_gradients(known, came), receivers)

    # ---- what came back

    def result_of(self, known: Known, precision: str, came):
        """y of (y, saved), or what a plain function returned. Stops when there is nothing."""
        right = known.results[precision]
        if not self.exercise.has_backward:
            returned, due = (came[0], right[0]) if self.exercise.accumulates else (came, right)
            if returned is None and (due is not None or answers.has_no_body(self.functions[0])):
                self.stop_for_none(0)
            return came
        if came is None:
            self.stop_for_none(0)
        if not isinstance(came, (tuple, list)) or len(came) != 2:
            kind = describe(came)
            self.stop_at_return(0, Text(f"{self.names[0]} must return two things, y and saved; it returned {kind.en}",
                                        f"{self.names[0]} 应返回两样东西：y 和 saved；它返回的是 {kind.zh}"),
                                "no pair", type(came).__name__)
        if came[0] is None:
            self.stop_at_return(0, Text(f"{self.names[0]} returned None as y",
                                        f"{self.names[0]} 返回的 y 是 None"), "no y")
        return came[0]

    def as_gradients(self, known: Known, came) -> tuple:
        """What backward returned, as a tuple of as many arrays as are due."""
        due = [f"d{name}" for name in known.problem.differentiable() if name not in self.exercise.accumulates]
        if came is None and (due or answers.has_no_body(self.functions[1])):
            self.stop_for_none(1)
        if len(due) == 1 and not isinstance(came, (tuple, list)):
            came = (came,)
        if not due:
            return ()
        if not isinstance(came, (tuple, list)) or len(came) != len(due):
            kind = describe(came)
            self.stop_at_return(1, Text(f"{self.names[1]} must return {', '.join(due)}; it returned {kind.en}",
                                        f"{self.names[1]} 应返回 {'、'.join(due)}；它返回的是 {kind.zh}"),
                                "gradients", type(came).__name__)
        for name, gradient in zip(due, came):
            if gradient is None:
                self.stop_at_return(1, Text(f"{self.names[1]} returned None as {name}",
                                            f"{self.names[1]} 返回的 {name} 是 None"), "no gradient", name)
        return tuple(came)

    # ---- stopping

    def stop(self, stage: str, place: int, *facts: Text, line=None, evidence=(), difference: Difference | None = None,
             why: Text | None = None, interrupted=False):
        """Raises Stop. why: the diagnosis, unless a known wrong answer explains more."""
        if self.known.index and stage in ON_A_LATER_PROBLEM and not interrupted:
            n, of = self.known.index + 1, len(self.problems)
            facts = (Text(f"the first problem is right, number {n} of {of} is not",
                          f"第 1 题正确，第 {n} 题（共 {of} 题）不对"), *facts)
            stage = "odd shapes"
        if difference is not None:
            evidence, why = (difference.name, difference.came), difference.why
        printed = self.muted.getvalue() if self.muted is not None and self.loud else ""
        verdict = Verdict(self.exercise, stage, self.names[place], tuple(facts), why, line, printed, interrupted,
                          (stage, place, self.known.index, *evidence))
        raise Stop(verdict, self.known, place, difference)

    def stop_for(self, place: int, raised: Raised):
        """For an exception in the student's code."""
        name, error = self.names[place], raised.error
        if isinstance(error, KeyboardInterrupt):
            self.stop("raised", place, Text(f"stopped by Ctrl-C inside {name}: a loop there may never end",
                                            f"在 {name} 里被 Ctrl-C 中断：那里的循环可能永不结束"),
                      line=raised.line, interrupted=True)
        said = answers.say_error(error)
        fact = Text(f"{name} raised {said}", f"{name} 抛出了 {said}")
        self.stop("raised", place, fact, self.arguments_as_text(place),
                  line=raised.line or answers.first_line(self.functions[place]),
                  evidence=(type(error).__name__, str(error)))

    def stop_at_return(self, place: int, what: Text, *evidence):
        self.stop("raised", place, what, line=answers.first_line(self.functions[place]), evidence=evidence,
                  why=Text("the docstring says what is to be returned", "文档字符串写明了应当返回什么"))

    def stop_for_none(self, place: int):
        name = self.names[place]
        if answers.has_no_body(self.functions[place]):
            why = Text("nothing is written in it yet", "里面还什么都没有写")
        else:
            why = Text("`return` is missing, at the end or on one of the ways through the function",
                       "少了 return：也许在最后，也许在函数的某条分支上")
        self.stop("raised", place, Text(f"{name} returned None", f"{name} 返回了 None"),
                  line=answers.first_line(self.functions[place]), evidence=("none",), why=why)

    def stop_for_difference(self, place: int, difference: Difference | None):
        if difference is not None:
            self.stop(difference.stage, place, difference.what, self.arguments_as_text(place, difference.index),
                      difference=difference)

    def wrong_signature(self, place: int, keywords, error) -> Text:
        first = list(self.known.problem.arrays) if place == 0 else \
            ["dy", "saved", *(f"d{name}" for name in self.exercise.accumulates)]
        called = f"{self.names[place]}({', '.join([*first, *(f'{name}=...' for name in keywords)])})"
        return Text(f"it is called as {called}, and doesn't take that: {error}",
                    f"它会这样被调用：{called}，但它不接受：{error}")

    def arguments_as_text(self, place: int, index=()) -> Text:
        """The arguments as far as they fit on a line; of a large array with the result's rows, the row at `index`."""
        problem, parts = self.known.problem, []
        rows = self.known.y.shape[:-1] if isinstance(self.known.y, np.ndarray) else ()
        for name, array in problem.arrays.items():
            if array.size <= LARGE:
                parts.append(f"{name} = {show(array)}")
            elif index and array.ndim > 1 and array.shape[:-1] == rows[:array.ndim - 1]:
                row = index[:array.ndim - 1]
                parts.append(f"{place_name(name, row)} = {show(array[row])}")
            else:
                parts.append(f"{name} {say_shape(array.shape, self.letters.of(name, array.shape))}")
        parts += [f"{name} = {show(value)}" for name, value in problem.given.items()]
        if place == 1:
            dy = self.known.dy
            parts.append(f"dy = {show(dy)}" if dy.size <= LARGE else f"dy {say_shape(dy.shape)}")
        return Text(f"arguments: {'; '.join(parts)}", f"参数：{'；'.join(parts)}")
