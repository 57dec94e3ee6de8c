"""Examines an answer stage by stage and stops at the first thing wrong.

First forward (or the plain function) on all problems, then backward, then the laws that both obey; in each the stages
of minigpt/exercises/exercise.py in their order. What is right comes from the library. A gradient is compared with
finite differences of the library's forward: by then the student's own has been found equal to it.
"""

import io

import numpy as np

from minigpt import backend
from minigpt.exercises import answers
from minigpt.exercises.answers import Raised
from minigpt.exercises.compare import Comparison, Difference, same
from minigpt.exercises.examiner import Examiner
from minigpt.exercises.exercise import Exercise, Problem, Text
from minigpt.exercises.known import DOUBLE, SINGLE, Known, changed, copied, typed
from minigpt.exercises.show import how_many, number, place_name, was_and_is
from minigpt.exercises.verdict import Stop, Verdict
from minigpt.gradient_check import compare

TOLERANCE = 1e-6  # of a gradient against finite differences, relative to the array's largest
WHOSE = {
    "saved": Text("backward may run again, so saved must stay what it was",
                  "反向可能再跑一次，所以 saved 必须保持原样"),
    "argument": Text("whoever called may still need it, so make something new",
                     "调用者可能还要用它，所以请另算出新的"),
}
CHANGES_ARRAY = Text(
    ": {0} -= ..., {0}[i] = ... and out={0} change the array that was given, and {0} = {0} - ... makes another",
    "：{0} -= ...、{0}[i] = ... 和 out={0} 改动的是传进来的数组，{0} = {0} - ... 才会新建一个")
CHANGES_LIST = Text(
    ": {0}.append, .pop, .sort and {0}[i] = ... change the list that was given; list({0}) makes another",
    "：{0}.append、.pop、.sort 和 {0}[i] = ... 改动的是传进来的列表；list({0}) 才会新建一个")


class Examination(Examiner):
    """One answer under examination."""

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
                fact += was_and_is(name, before[name], now)
            whose = WHOSE["saved" if name == "saved" else "argument"]
            changes = CHANGES_LIST if part == name and isinstance(now, list) else CHANGES_ARRAY
            self.stop("overwritten", place, fact, evidence=(part, copied(now)),
                      why=whose + Text(changes.en.format(name), changes.zh.format(name)))

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
