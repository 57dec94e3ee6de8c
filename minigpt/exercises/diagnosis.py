"""Why an answer is wrong: one of the exercise's known wrong answers, else what fits any exercise.

A known wrong answer is told only when it stops at the same stage with the same result, and gives what the student's
gives on every problem.
"""

import contextlib
import functools
import io
from dataclasses import replace

import numpy as np

from minigpt import backend
from minigpt.exercises import answers
from minigpt.exercises.compare import is_number, same
from minigpt.exercises.examination import examine
from minigpt.exercises.exceptions import meaning
from minigpt.exercises.exercise import Exercise, Text
from minigpt.exercises.hypotheses import Evidence, exchanged_with, general
from minigpt.exercises.known import DOUBLE, known_problems, typed
from minigpt.exercises.shapes import Letters
from minigpt.exercises.verdict import Stop, Verdict


def diagnosed(stop: Stop, functions: list) -> Verdict:
    """The verdict that the checker stopped with, and why, where that is known."""
    verdict = stop.verdict
    if verdict.interrupted:
        return verdict
    says = known_wrong(verdict, functions)
    if says is None:
        says = from_evidence(stop) or unsteady(stop, functions)
    if says is not None and verdict.stage == "dtype" and verdict.diagnosis is not None:  # both are worth knowing
        verdict = replace(verdict, facts=(*verdict.facts, verdict.diagnosis))
    return replace(verdict, diagnosis=says or verdict.diagnosis)


def known_wrong(verdict: Verdict, functions: list) -> Text | None:
    """What the exercise says about the wrong answer that is this one, on every problem or at least up to this one.

    An answer with two mistakes, of which one shows only on a later problem, is told of the one it stopped at.
    """
    place, so_far = verdict.evidence[1], verdict.evidence[2] + 1
    mine, second = None, None
    for wrong, its, its_verdict in planted(verdict.exercise):
        if wrong.says is None or not same(its_verdict.evidence, verdict.evidence):
            continue
        if mine is None:
            mine = trace(verdict.exercise, functions, place)
        theirs = trace(verdict.exercise, its, place)
        if same(theirs, mine):
            return wrong.says
        if second is None and verdict.stage != "property" and same(theirs[:so_far], mine[:so_far]):
            second = wrong.says
    return second


@functools.lru_cache(maxsize=4)
def planted(exercise: Exercise) -> tuple:
    """Each known wrong answer with its functions and the verdict on it."""
    found = []
    for wrong in exercise.wrong:
        muted = io.StringIO()
        try:
            namespace = answers.run_source(exercise.wrong_answer(wrong), f"<{exercise.name}, {wrong.name}>", muted)
        except answers.Unreadable:  # its own diagnosis then
            continue
        functions = answers.functions_of(exercise, namespace)
        with contextlib.redirect_stdout(muted):
            stop = examine(exercise, functions, list(exercise.functions), loud=False)
        if isinstance(stop, Stop):
            found.append((wrong, functions, stop.verdict))
    return tuple(found)


def trace(exercise: Exercise, functions: list, place: int) -> list:
    """What a function gives on every problem, an exception for what it raised."""
    found = []
    for known in known_problems(exercise):
        arguments, keywords = known.arguments(DOUBLE)
        try:
            with backend.using("numpy", DOUBLE):
                came = answers.call(functions[0], arguments, keywords, io.StringIO())
                if place == 0:
                    came = came[0] if exercise.has_backward and isinstance(came, tuple) and came else came
                else:
                    receivers = known.receivers(DOUBLE)
                    rest = answers.call(functions[1], [typed(known.dy, DOUBLE), came[1], *receivers.values()], {},
                                        io.StringIO())
                    came = (rest, receivers)
        except answers.Raised as raised:
            if isinstance(raised.error, KeyboardInterrupt):
                raise KeyboardInterrupt from None
            came = type(raised.error).__name__
        except (TypeError, IndexError):  # forward gave no pair
            came = "no pair"
        found.append((came, arguments if place == 0 else None))
    return found


def from_evidence(stop: Stop) -> Text | None:
    """A general diagnosis: of an exception, or of the difference between two arrays or numbers."""
    known, difference, exercise = stop.known, stop.difference, stop.verdict.exercise
    if difference is None:
        return meaning(*stop.verdict.evidence[3:]) if len(stop.verdict.evidence) == 5 else None
    if difference.stage == "accumulate":
        return overwrote(stop)
    if difference.stage not in ("shape", "value", "gradient") or not (
            is_number(difference.expected) or isinstance(difference.expected, np.ndarray)):
        return None
    came, expected = np.asarray(difference.came), np.asarray(difference.expected)
    inputs = {name: array for name, array in known.problem.arrays.items() if isinstance(array, np.ndarray)}
    letters = Letters(exercise)
    evidence = Evidence(came, expected, difference.name, letters.sizes(inputs), inputs)
    if stop.place == 1:
        names = known.problem.differentiable()
        at = [f"d{name}" for name in names].index(difference.name)
        evidence = replace(evidence, y=np.asarray(known.y), dy=known.dy, gradient=lambda dy: known.gradient(dy)[at])
        others = dict(zip([f"d{name}" for name in names], known.gradients[DOUBLE]))
        exchanged = exchanged_with(others, evidence)
        if exchanged is not None:
            return exchanged
    return general(evidence)


def unsteady(stop: Stop, functions: list) -> Text | None:
    """Another result at every call, where it should be given what it is given."""
    exercise = stop.verdict.exercise
    if stop.place or stop.difference is None or stop.difference.why is not None:
        return None
    if same(trace(exercise, functions, 0), trace(exercise, functions, 0)):
        return None
    return Text("each call with the same arguments gives another result: does it draw random numbers, or keep "
                "something from the call before?",
                "参数相同，每次调用的结果却不同：是自己抽了随机数，还是保留了上一次调用的东西？")


def overwrote(stop: Stop) -> Text:
    """A gradient that should have been added to what is there."""
    known, difference = stop.known, stop.difference
    name = difference.name
    if stop.place == 0:
        gradient = known.results[DOUBLE][1][name]
    else:
        gradient = dict(zip(known.problem.differentiable(), known.gradients[DOUBLE]))[name.removeprefix("d")]
    if same(difference.came, gradient):
        return Text("the gradient overwrites what was there: a parameter that is used twice hears from both uses, so "
                    "add to it, with +=", "梯度覆盖了原有的值：一个参数用了两次，就要收到两份梯度，所以要用 += 累加")
    if same(difference.came, difference.expected - gradient):
        return Text("nothing was added to the array: `grad = grad + ...` makes a new one, `grad += ...` changes it",
                    "数组没有改变：grad = grad + ... 会新建一个数组，grad += ... 才会改动它")
    return Text("what is there must stay, and the gradient be added to it", "原有的值要保留，再把梯度加上去")
