"""The problems of an exercise, and what is right for them: by the library, and by finite differences."""

import copy
import functools

import numpy as np

from minigpt import backend
from minigpt.exercises import answers
from minigpt.exercises.exercise import Exercise, Problem
from minigpt.gradient_check import numeric_gradient

SINGLE, DOUBLE = backend.PRECISIONS


def typed(value, precision: str):
    """A copy of an argument with its floats in that precision; Python's own numbers have none."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.astype(precision) if value.dtype.kind == "f" else value.copy()
    if isinstance(value, dict):
        return {key: typed(item, precision) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(typed(item, precision) for item in value)
    return copy.deepcopy(value)


def holds_floats(value) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(holds_floats, value))
    return isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind == "f"


def copied(value):
    """A copy to compare with later, or None of what can't be copied."""
    try:
        return copy.deepcopy(value)
    except Exception:  # a generator, a lock, ...: nothing that `changed` looks at
        return None


def changed(name: str, before, after) -> str | None:
    """The name of the first part of a value that has changed: saved[1]. Objects of other kinds aren't compared."""
    if isinstance(before, np.ndarray):
        equal = after.shape == before.shape and after.dtype == before.dtype and \
            np.array_equal(after, before, equal_nan=before.dtype.kind == "f")
        return None if equal else name
    if isinstance(before, (list, tuple, dict)):
        keys = before.keys() if isinstance(before, dict) else range(len(before))
        if len(before) != len(after) or (isinstance(before, dict) and keys != after.keys()):
            return name
        parts = (changed(f"{name}[{key!r}]", before[key], after[key]) for key in keys)
        part = next((part for part in parts if part), None)
        return name if part and all(isinstance(before[key], (int, float, str)) for key in keys) else part
    if isinstance(before, (int, float, str, set, np.generic)):
        return None if before == after or before != before else name
    return None


class Known:
    """One problem and what is right for it.

    results: precision -> what the right function returns; y alone, of a forward. gradients: precision -> list.
    """

    def __init__(self, exercise: Exercise, index: int, problem: Problem, rng):
        self.exercise, self.index, self.problem = exercise, index, problem
        values = (*problem.arrays.values(), *problem.given.values())
        both = any(map(holds_floats, values)) and not exercise.float64_only
        self.precisions = (DOUBLE, SINGLE) if both else (DOUBLE,)
        self.results = {precision: self.right_result(precision) for precision in self.precisions}
        self.y = self.results[DOUBLE]
        if exercise.has_backward:
            self.results = {precision: y for precision, (y, _) in self.results.items()}
            self.y = self.results[DOUBLE]
            self.dy = np.asarray(rng.standard_normal(np.shape(self.y)))
            self.gradients = {precision: self.gradient(self.dy, precision) for precision in self.precisions}

    def arguments(self, precision: str) -> tuple[list, dict]:
        """Fresh copies of forward's arguments."""
        return [typed(array, precision) for array in self.problem.arrays.values()], typed(self.problem.given, precision)

    # ---- gradients that are added to an array

    def receivers(self, precision: str, fill: float = 0) -> dict:
        """Name -> array that a gradient is added to, full of one number."""
        found = {}
        for name in self.exercise.accumulates:
            found[name] = typed(self.problem.arrays.get(name, self.problem.given.get(name)), precision)
            found[name][...] = fill
        return found

    def put_together(self, gradients, receivers: dict) -> list:
        """Gradients that were returned and those that were added to an array, in the order of the problem's arrays."""
        rest = [name for name in self.problem.differentiable() if name not in receivers]
        if len(rest) == 1 and not isinstance(gradients, (tuple, list)):
            gradients = (gradients,)
        found = {**dict(zip(rest, gradients or ())), **receivers}
        return [found[name] for name in self.problem.differentiable()]

    # ---- running a function on the problem

    def outcome(self, call, precision: str, receivers: dict) -> tuple:
        """What a function returns, and its arguments (name -> value) as they are afterwards.

        call(arguments, keywords) calls it. A plain function gets the receivers among its arguments; what it returns is
        then (returned, receivers), for both are its result.
        """
        arguments, keywords = self.arguments(precision)
        mine = {} if self.exercise.has_backward else receivers
        arguments = [mine.get(name, value) for name, value in zip(self.problem.arrays, arguments)]
        keywords = {name: mine.get(name, value) for name, value in keywords.items()}
        with backend.using("numpy", precision):
            result = call(arguments, keywords)
        after = {**dict(zip(self.problem.arrays, arguments)), **keywords}
        after = {name: value for name, value in after.items() if name not in mine}
        return (result, mine) if mine else result, after

    def right_result(self, precision: str):
        def call(arguments, keywords):
            with answers.quiet():
                return self.exercise.solution[0](*arguments, **keywords)

        return self.outcome(call, precision, self.receivers(precision))[0]

    def gradient(self, dy, precision: str = DOUBLE) -> list:
        """The library's gradients, one for each differentiable array."""
        forward, backward = self.exercise.solution
        arguments, keywords = self.arguments(precision)
        receivers = self.receivers(precision)
        with backend.using("numpy", precision), answers.quiet():
            _, saved = forward(*arguments, **keywords)
            gradients = backward(typed(np.asarray(dy), precision), saved, *receivers.values())
        return self.put_together(gradients, receivers)

    @functools.cached_property
    def numeric(self) -> list:
        """The gradients by finite differences of the library's forward."""
        arguments, keywords = self.arguments(DOUBLE)
        arrays = dict(zip(self.problem.arrays, arguments))

        def loss():
            y, _ = self.exercise.solution[0](*arguments, **copy.deepcopy(keywords))
            return np.sum(y * self.dy)

        with backend.using("numpy", DOUBLE), answers.quiet():
            return [numeric_gradient(loss, arrays[name]) for name in self.problem.differentiable()]


@functools.lru_cache(maxsize=64)
def known_problems(exercise: Exercise) -> tuple[Known, ...]:
    """The problems, the same numbers at every check."""
    rng = np.random.default_rng(0)
    problems = exercise.problems(rng)
    return tuple(Known(exercise, index, problem, rng) for index, problem in enumerate(problems))
