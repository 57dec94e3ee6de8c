"""The library's own source as the solution of an exercise."""

import inspect
import textwrap
from pathlib import Path

from minigpt.exercises.exercise import Exercise, Text

ROOT = Path(__file__).parents[2]


def solution_text(exercise: Exercise) -> str:
    """The library's functions, each under its file and line."""
    parts = []
    for function in exercise.shown or exercise.solution:
        lines, number = inspect.getsourcelines(function)
        path = Path(inspect.getsourcefile(function)).relative_to(ROOT).as_posix()
        parts.append(f"# {path}:{number}\n{textwrap.dedent(''.join(lines)).rstrip()}")
    return "\n\n\n".join(parts)


def not_yet(exercise: Exercise, seen: int, how: str) -> Text:
    """Why the solution isn't shown yet, and how to see it all the same."""
    return Text(f"the solution of {exercise.name} is shown once your answer is right, or after the third hint ({seen} "
                f"of 3 read): {how} shows it now",
                f"答对之后，或看完三条提示之后，才显示 {exercise.name} 的解答（已看 {seen}/3 条）："
                f"现在就想看，请用 {how}")
