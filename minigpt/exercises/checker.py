"""Checks an answer to an exercise: what is wrong with it first of all, and why, as a good teacher would say it.

The examination finds the facts, the diagnosis the reason; this is the door to both.
"""

import io

from minigpt.exercises import answers
from minigpt.exercises.diagnosis import diagnosed
from minigpt.exercises.examination import examine
from minigpt.exercises.exercise import Exercise, Text
from minigpt.exercises.verdict import Verdict


def check(exercise: Exercise, functions: list, names: list[str] | None = None, loud: bool = True) -> Verdict:
    """Check the functions of an answer, in the exercise's order, None for one that is missing.

    names: what the student calls them. loud: show what the student's code prints.
    """
    found = examine(exercise, functions, list(names or exercise.functions), loud)
    return found if isinstance(found, Verdict) else diagnosed(found, functions)


def check_source(exercise: Exercise, source: str, file: str, loud: bool = True) -> Verdict:
    """Check the text of a student's file."""
    try:
        namespace = answers.run_source(source, file, None if loud else io.StringIO())
    except (answers.Unreadable, answers.Raised) as error:
        return unread(exercise, error)
    return check(exercise, answers.functions_of(exercise, namespace), loud=loud)


def unread(exercise: Exercise, error: answers.Unreadable | answers.Raised) -> Verdict:
    """The verdict on a file that can't be run, or was stopped while it ran."""
    if isinstance(error, answers.Raised):
        fact = Text("stopped by Ctrl-C while the file ran: a loop there may never end",
                    "文件运行时被 Ctrl-C 中断：那里的循环可能永不结束")
        return Verdict(exercise, "missing", facts=(fact,), line=error.line, interrupted=True)
    return Verdict(exercise, "missing", facts=(error.what,), line=error.line)
