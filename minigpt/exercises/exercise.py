"""What an exercise is: the task, what an answer is compared with, the hints, and the wrong answers we have met.

Everything a student reads is a Text, in English and Chinese. Each exercise is one file of minigpt/exercises/book, whose
EXERCISE the checker finds by its file's name.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass, field

LANGUAGES = ("en", "zh")

# Where the checker may stop, in its order. It stops at the first thing wrong and says what to do about it.
STAGES = (
    "missing",  # the file has no such function, or it can't be read as Python
    "raised",  # the function raised an exception, or returned None, or something that is no array
    "dtype",
    "shape",
    "finite",  # NaN or infinity
    "value",  # an element of forward's result, or of a plain function's, is wrong
    "overwritten",  # an argument, or what was saved, has changed
    "gradient",  # a gradient is wrong, array by array
    "accumulate",  # a gradient that must be added to what is there overwrites it (exercises that give a grad array)
    "odd shapes",  # right on the first problem; on a later one it raises, or a shape, value or gradient is wrong
    "property",  # a law that every right answer obeys
)


@dataclass(frozen=True)
class Text:
    """The same words in both languages."""

    en: str
    zh: str

    def __call__(self, language: str) -> str:
        return self.zh if language == "zh" else self.en

    def __add__(self, other: "Text") -> "Text":
        return Text(self.en + other.en, self.zh + other.zh)


@dataclass(frozen=True)
class Problem:
    """One set of arguments for an answer.

    arrays: name -> array, forward's first arguments in their order; those of floats have a gradient, unless named in
    `constants`. given: name -> value of its other arguments, by keyword: numbers, masks, texts, lists; a plain function
    that reads no array has only these. What a function returns may be an array, a number, a text, a list, a dict, or a
    tuple of such; arrays and floats are compared with a tolerance, the rest must be equal.
    """

    arrays: dict
    given: dict = field(default_factory=dict)
    constants: tuple[str, ...] = ()

    def differentiable(self) -> list[str]:
        """The names that backward returns gradients of, in its order."""
        return [name for name, array in self.arrays.items() if array.dtype.kind == "f" and name not in self.constants]


@dataclass(frozen=True)
class Property:
    """A law: `holds(functions, problem)` is None, or a sentence with numbers that says where it is broken.

    functions: the student's, in the order of Exercise.functions.
    """

    name: str
    holds: Callable  # (functions, problem) -> Text | None


@dataclass(frozen=True)
class Wrong:
    """An answer that students give and that is wrong: Exercise.answer with some places changed.

    edits: (old, new) pairs; each old stands in the answer exactly once. stage: where the checker must stop.
    says: what the student reads then, besides the facts. When it is None, one of the general diagnoses of
    minigpt/exercises/diagnosis.py must fit. expect: words of the English message by which a test knows it.
    """

    name: str
    edits: tuple[tuple[str, str], ...]
    stage: str
    expect: str
    says: Text | None = None


@dataclass(frozen=True)
class Exercise:
    """One task for a student."""

    name: str
    chapter: int
    title: Text
    task: Text  # a paragraph or two; formulas in plain characters, shapes in the letters of docs/notation.md
    functions: tuple[str, ...]  # what an answer defines: one function, or forward and backward
    skeleton: str  # what the student's file starts as: signatures and docstrings, bodies that return None
    solution: tuple[Callable, ...]  # the library's own, in the order of `functions`, or thin adapters of it
    answer: str  # a right answer in plain NumPy, as a student would write it
    problems: Callable  # (rng) -> list of Problem: the first is small enough to print, the later ones have odd shapes
    hints: tuple[Text, Text, Text]  # from a nudge to nearly the answer
    wrong: tuple[Wrong, ...]  # at least four
    properties: tuple[Property, ...] = ()
    shown: tuple[Callable, ...] = ()  # the library's functions to show as the solution, where `solution` has adapters
    # Names of arrays that receive a gradient: it must be added to what is there. A plain function has them among its
    # arguments and changes them in place. backward(dy, saved, *grads) gets them behind saved, adds to each the gradient
    # of the problem's array of that name, and returns the remaining gradients (None when there are none).
    accumulates: tuple[str, ...] = ()
    float64_only: bool = False  # what an answer makes of float32 isn't looked at: the task has a reason for float64

    @property
    def has_backward(self) -> bool:
        return len(self.functions) == 2

    def parameters(self) -> dict[str, list[str]]:
        """The names of the parameters of each function, as the skeleton has them."""
        return {function.name: [parameter.arg for parameter in function.args.args]
                for function in ast.parse(self.skeleton).body if isinstance(function, ast.FunctionDef)}

    def wrong_answer(self, wrong: Wrong) -> str:
        """The source of a wrong answer. Raises ValueError when an edit doesn't fit the answer."""
        source = self.answer
        for old, new in wrong.edits:
            if source.count(old) != 1:
                raise ValueError(f"{self.name}, {wrong.name}: {old!r} stands {source.count(old)} times in the answer")
            source = source.replace(old, new)
        return source
