"""Examines an answer stage by stage and stops at the first thing wrong.

First forward (or the plain function) on all problems, then backward, then the laws that both obey; in each the stages
of minigpt/exercises/exercise.py in their order. What is right comes from the library. A gradient is compared with
finite differences of the library's forward: by then the student's own has been found equal to it.
"""

import inspect
import io

import numpy as np

from minigpt import backend
from minigpt.exercises import answers
from minigpt.exercises.answers import Raised
from minigpt.exercises.compare import Comparison, Difference, describe, how_many, number, place_name, same, show
from minigpt.exercises.exercise import Exercise, Problem, Text
from minigpt.exercises.known import DOUBLE, SINGLE, Known, changed, copied, known_problems, typed
from minigpt.exercises.shapes import Letters, say_shape
from minigpt.exercises.verdict import Stop, Verdict
from minigpt.gradient_check import compare

TOLERANCE = 1e-6  # of a gradient against finite differences, relative to the array's largest
ON_A_LATER_PROBLEM = ("raised", "shape", "value", "gradient")  # these are then "odd shapes"; NaN stays NaN
LARGE = 12  # elements: an argument with more isn't shown whole
WHOSE = {
    "saved": Text("backward may run again, so saved must stay what it was",
                  "反向可能再跑一次，所以 saved 必须保持原样"),
    "argument": Text("whoever called may still need it, so make something new",
                     "调用者可能还要用它，所以请另算出新的"),
}


class Examination:
    """One answer under examination."""

    def __init__(self, exercise: Exercise, functions: list, names: list[str], loud: bool = True):
        """functions: in the exercise's order, None for what is missing. loud: show what the student's code prints."""
        self.exercise, self.functions, self.names, self.loud = exercise, functions, names, loud
        self.problems = known_problems(exercise)
        self.known = self.problems[0]  # the problem at hand
        self.letters = Letters(exercise)
        self.called, self.muted = set(), None

    def run(self) -> Verdict:
        """The verdict on an answer that is right. Raises Stop for one that isn't."""
        for place, stages in enumerate((self.check_forward, self.check_backward)[:len(self.functions)]):
            if self.functions[place] is None:
                self.known = self.problems[0]
                right = Text(f"{self.names[0]} is right. ", f"{self.names[0]} 正确。") if place else Text("", "")
                self.stop("missing", place, right + Text(f"Now define a function {self.names[place]}.",
                                                         f"请定义函数 {self.names[place]}。"))
            for known in self.problems:
                self.known = known
                stages(known)
        self.check_properties()
        return Verdict(self.exercise, None, facts=(self.what_was_checked(),))

    def what_was_checked(self) -> Text:
        problems, laws = len(self.problems), len(self.exercise.properties)
        text = Text(f"checked on {problems} problem{'s' if problems > 1 else ''}", f"检查了 {problems} 道题")
        if self.exercise.has_backward:
            text += Text(", gradients against finite differences", "，梯度与有限差分一致")
        if laws:
            text += Text(f", {laws} law{'s' if laws > 1 else ''}", f"，{laws} 条性质")
        return text

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
        try:
            return answers.call(function, arguments, keywords, self.muted)
        except Raised as raised:
            self.stop_for(place, raised)

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

    # ---- forward, or a plain function

    def check_forward(self, known: Known):
        pair, name = self.exercise.has_backward, "y" if self.exercise.has_backward else "result"
        results = {}
        for precision in known.precisions:
            came, after = self.forward(known, precision)
            results[precision] = self.result_of(known, precision, came)
            if precision == DOUBLE:
                after_double = after
        comparison = Comparison(self.letters, self.letters.sizes(known.problem.arrays))
        if self.exercise.accumulates and not pair:
            self.compare_receivers(known, comparison, name, results)
        else:
            single = (results[SINGLE], known.results[SINGLE]) if SINGLE in results else None
            self.stop_for_difference(0, comparison.first(name, results[DOUBLE], known.results[DOUBLE], single))
        self.check_arguments(0, known, after_double)
        again = self.result_of(known, DOUBLE, self.forward(known, DOUBLE)[0])
        if not same(again, results[DOUBLE]):
            self.stop("overwritten", 0, Text(f"{self.names[0]} called twice with the same arguments gives two results",
                                             f"用同样的参数调用 {self.names[0]} 两次，结果不同"),
                      evidence=("twice",), why=Text(
                          "it keeps something between calls, in a global variable or a default argument",
                          "它在两次调用之间保留了什么，也许用了全局变量，或可变的默认参数"))

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

    def compare_receivers(self, known: Known, comparison: Comparison, name: str, results: dict):
        """A plain function that adds a gradient to an array: first to zeros, then to ones."""
        right = known.results
        for receiver in self.exercise.accumulates:
            single = (results[SINGLE][1][receiver], right[SINGLE][1][receiver]) if SINGLE in results else None
            self.stop_for_difference(0, comparison.first(receiver, results[DOUBLE][1][receiver],
                                                         right[DOUBLE][1][receiver], single))
        if right[DOUBLE][0] is not None:
            single = (results[SINGLE][0], right[SINGLE][0]) if SINGLE in results else None
            self.stop_for_difference(0, comparison.first(name, results[DOUBLE][0], right[DOUBLE][0], single))
        before = known.receivers(DOUBLE, fill=1)
        (_, after), _ = self.forward(known, DOUBLE, copied(before))
        for receiver, came in after.items():
            self.check_added(0, receiver, came, before[receiver], right[DOUBLE][1][receiver])

    def check_added(self, place: int, name: str, came, before, gradient):
        right = before + gradient
        if same(came, right):
            return
        index = tuple(int(i) for i in np.unravel_index(int(np.abs(came - right).argmax()), right.shape))
        was, added, due, now = (number(array[index]) for array in (before, gradient, right, came))
        at = place_name(name, index)
        fact = Text(f"{at} was {was} and its gradient is {added}: it should be {due} now, and is {now}",
                    f"{at} 原来是 {was}，它的梯度是 {added}：现在应为 {due}，却是 {now}")
        self.stop("accumulate", place, fact, difference=Difference("accumulate", fact, name, index, came, right))

    def check_arguments(self, place: int, known: Known, after: dict, before: dict | None = None):
        """Whether arguments, or what was saved, are still what they were."""
        if before is None:
            arguments, before = known.arguments(DOUBLE)
            before |= dict(zip(known.problem.arrays, arguments))
        for name, now in after.items():
            if isinstance(now, np.random.Generator):  # it is there to be drawn from
                continue
            part = changed(name, before[name], now) if before[name] is not None else None
            if part is None:
                continue
            fact = Text(f"{self.names[place]} has changed {part}", f"{self.names[place]} 改动了 {part}")
            if part == name:
                fact += Text(f": it was {show(before[name])}, and is {show(now)} now",
                             f"：原来是 {show(before[name])}，现在是 {show(now)}")
            whose = WHOSE["saved" if name == "saved" else "argument"]
            self.stop("overwritten", place, fact, evidence=(part, copied(now)), why=whose + Text(
                f": {name} -= ..., {name}[i] = ... and out={name} change the array that was given, and "
                f"{name} = {name} - ... makes another",
                f"：{name} -= ...、{name}[i] = ... 和 out={name} 改动的是传进来的数组，"
                f"{name} = {name} - ... 才会新建一个"))

    # ---- backward

    def check_backward(self, known: Known):
        names = [f"d{name}" for name in known.problem.differentiable()]
        if not names:
            return
        (_, saved), after = self.forward(known, DOUBLE)
        dy, saved_before = typed(known.dy, DOUBLE), copied(saved)
        came = {DOUBLE: self.backward(known, DOUBLE, saved, dy=dy)}
        first, again = copied(came[DOUBLE]), self.once_more(known, saved)
        if SINGLE in known.precisions:
            came[SINGLE] = self.backward(known, SINGLE, self.forward(known, SINGLE)[0][1])
        self.compare_kinds(known, names, came)
        self.check_arguments(1, known, after)
        self.check_arguments(1, known, {"saved": saved, "dy": dy},
                             {"saved": saved_before, "dy": typed(known.dy, DOUBLE)})
        self.check_twice(known, saved, first, again)
        self.check_gradients(known, names, first)
        before = known.receivers(DOUBLE, fill=1)
        given = copied(before)
        if before:
            self.backward(known, DOUBLE, saved, given)
        right = dict(zip(known.problem.differentiable(), known.gradients[DOUBLE]))
        for name, array in given.items():
            self.check_added(1, f"d{name}", array, before[name], right[name])

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

    def compare_kinds(self, known: Known, names: list[str], came: dict):
        """dtype, shape and NaN of all gradients; their values come later."""
        comparison = Comparison(self.letters, self.letters.sizes(known.problem.arrays))
        found = []
        for i, name in enumerate(names):
            single = (came[SINGLE][i], known.gradients[SINGLE][i]) if SINGLE in came else None
            found.append(comparison.first(name, came[DOUBLE][i], known.gradients[DOUBLE][i], single))
        found = [difference for difference in found if difference is not None and difference.stage != "value"]
        self.stop_for_difference(1, comparison.earliest(found))

    def once_more(self, known: Known, saved) -> list | None:
        """What backward gives when it runs again; None when it can't."""
        try:
            return self.backward(known, DOUBLE, saved)
        except Stop as stop:
            if stop.verdict.interrupted:
                raise
            return None

    def check_twice(self, known: Known, saved, first, again):
        """The same dy and saved give the same gradients again, also when forward has run on something else between."""
        if not same(again, first):
            fact = Text(f"{self.names[1]} called twice with the same dy and saved gives two results",
                        f"用同样的 dy 和 saved 调用 {self.names[1]} 两次，结果不同")
            self.stop("overwritten", 1, fact, evidence=("twice",),
                      why=Text("the first call changes something that the second needs",
                               "第一次调用改动了第二次要用的东西"))
        self.forward(self.problems[(known.index + 1) % len(self.problems)], DOUBLE)
        if not same(self.once_more(known, saved), first):
            fact = Text(f"{self.names[1]} gives another result once {self.names[0]} has run on other arguments",
                        f"{self.names[0]} 处理过别的参数之后，{self.names[1]} 的结果变了")
            self.stop("overwritten", 1, fact, evidence=("elsewhere",), why=Text(
                          "what backward needs must be in `saved`: a global variable holds only the latest call's",
                          "反向需要的东西应放进 saved：全局变量里只有最近一次调用的"))

    def check_gradients(self, known: Known, names: list[str], came: list):
        """Array by array, against finite differences."""
        rounding = 1e-10 * (1 + float(np.abs(known.y * known.dy).sum()))  # what the difference of two sums can't tell
        right, wrong = [], []
        for name, gradient, numeric in zip(names, came, known.numeric):
            error = compare(name, np.asarray(gradient), numeric)
            far = error.relative_error > TOLERANCE and abs(error.analytic - error.numeric) > rounding
            (wrong if far else right).append((name, np.asarray(gradient), numeric, error))
        if not wrong:
            return
        name, gradient, numeric, error = wrong[0]
        at, moved = place_name(name, error.index), place_name(name[1:], error.index)
        analytic, slope = number(error.analytic), number(error.numeric)
        fact = Text(f"{at} is {analytic}, and should be {slope} by finite differences: where {moved} moves a bit, the "
                    "sum of dy · y moves so many times as far",
                    f"{at} 是 {analytic}，按有限差分应为 {slope}，即 {moved} 变动一点时，Σ dy · y 变动的倍数")
        if gradient.size > 1:
            scale = max(np.abs(gradient).max(), np.abs(numeric).max())
            count = int((np.abs(gradient - numeric) > TOLERANCE * scale).sum())
            fact += Text("; ", "；") + how_many(count, gradient.size)
        facts = [fact]
        for others, en, zh in ((right, "right", "正确的有"), (wrong[1:], "wrong too", "不对的还有")):
            if others:
                found = [other for other, *_ in others]
                facts.append(Text(f"{en}: {', '.join(found)}", f"{zh}：{'、'.join(found)}"))
        self.stop("gradient", 1, *facts, self.arguments_as_text(1, error.index),
                  difference=Difference("gradient", fact, name, error.index, gradient, numeric))

    # ---- laws

    def check_properties(self):
        for law in self.exercise.properties:
            for known in self.problems:
                self.known, self.muted = known, io.StringIO()
                problem = Problem(typed(known.problem.arrays, DOUBLE), typed(known.problem.given, DOUBLE),
                                  known.problem.constants)
                try:
                    with backend.using("numpy", DOUBLE):
                        broken = answers.call(law.holds, [tuple(self.functions), problem], {}, self.muted)
                except Raised as raised:
                    if isinstance(raised.error, KeyboardInterrupt) or raised.line is not None:
                        self.stop_for(0, raised)
                    raise raised.error from None  # no line of the student's: the law itself is at fault
                if broken is not None:
                    self.stop("property", 0, broken, self.arguments_as_text(0), evidence=(law.name,))


def examine(exercise: Exercise, functions: list, names: list[str], loud: bool = True) -> Verdict | Stop:
    """The verdict when all is right, else the Stop, from which a diagnosis can be made."""
    try:
        return Examination(exercise, functions, names, loud).run()
    except Stop as stop:
        return stop
