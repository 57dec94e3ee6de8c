"""Exercises in a notebook: check an answer, ask for a hint, see the library's solution.

    from minigpt.learn import check, hint, solution

    check("softmax", softmax_forward, softmax_backward)     # prints what is wrong; true when all is right
    hint("softmax")                                         # the next of three hints each time
    solution("softmax")                                     # once it is solved, or after the third hint

In a terminal the same is `python -m minigpt learn`. Language: language="zh", or the environment variable
MINIGPT_LANGUAGE, or the system's.
"""

from minigpt.errors import InputError
from minigpt.exercises.answers import tell_when_slow
from minigpt.exercises.catalogue import find
from minigpt.exercises.checker import check as check_functions
from minigpt.exercises.exercise import Text
from minigpt.exercises.language import choose
from minigpt.exercises.solution import not_yet, solution_text


class Answer:
    """True or false, as the answer was right or wrong. A notebook shows nothing of it: the message says it all."""

    def __init__(self, right: bool):
        self.right = right

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return "right" if self.right else "wrong"  # what a failed assert shows

    def _ipython_display_(self) -> None:
        """What a notebook calls for the last line of a cell."""


_hints: dict[str, int] = {}  # exercise -> how many of its hints were shown
_solved: set[str] = set()


def check(name: str, *functions, language: str | None = None) -> Answer:
    """Print what is wrong with the functions, or that all is right; true when it is.

    Raises InputError for an unknown exercise and for another number of functions than it has, never for a wrong answer.
    """
    language = choose(language)
    exercise = find(name, language)
    if not 1 <= len(functions) <= len(exercise.functions):
        raise InputError(f"{name} has {len(exercise.functions)} function{'s' if len(exercise.functions) > 1 else ''}, "
                         f"{len(functions)} given: call check({name!r}, {', '.join(exercise.functions)})")
    given = [function if callable(function) else None for function in functions]
    given += [None] * (len(exercise.functions) - len(given))
    names = [getattr(function, "__name__", due) for function, due in zip(given, exercise.functions)]
    with tell_when_slow(lambda text: print(text(language))):
        verdict = check_functions(exercise, given, names)
    print(verdict.text(language))
    if verdict.passed:
        _solved.add(name)
    elif not verdict.interrupted and _hints.get(name, 0) < len(exercise.hints):
        print((Text("  A hint: ", "  需要提示：") + typed("hint", name))(language))
    return Answer(verdict.passed)


def hint(name: str, language: str | None = None) -> None:
    """Print the next hint; after the last one, that one again."""
    language = choose(language)
    exercise = find(name, language)
    number = min(_hints.get(name, 0) + 1, len(exercise.hints))
    _hints[name] = number
    print(say_hint(exercise, number)(language))
    if number == len(exercise.hints):
        print((Text("The last one. The solution: ", "这是最后一条提示。看解答：") + typed("solution", name))(language))


def solution(name: str, yes: bool = False, language: str | None = None) -> None:
    """Print the library's source, when the exercise is solved, all hints were read, or yes=True."""
    language = choose(language)
    exercise = find(name, language)
    if yes or name in _solved or _hints.get(name, 0) >= len(exercise.hints):
        print(solution_text(exercise))
    else:
        print(not_yet(exercise, _hints.get(name, 0), typed("solution", name, ", yes=True").en)(language))


def typed(function: str, name: str, more: str = "") -> Text:
    """What to type in a cell: the notebook may have imported `check` alone."""
    return Text(*2 * (f'from minigpt.learn import {function}; {function}("{name}"{more})',))


def say_hint(exercise, number: int) -> Text:
    """Hint 1, 2 or 3, with its number."""
    of = len(exercise.hints)
    return Text(f"Hint {number} of {of}: ", f"提示 {number}/{of}：") + exercise.hints[number - 1]
