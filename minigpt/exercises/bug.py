"""What a bug of the hunt is, and how a student's file is measured.

The script with the mistake is minigpt/exercises/bugs/NAME.py; all that is told of it, and the measurement that says
whether it is mended, is BUG in minigpt/exercises/remedies/NAME.py. A measurement runs the functions of the student's
file on data and models of its own and looks at what happened, not at what was printed: at the weights, at the gradient
a step was made with, at the tokens a model was taught. So whoever repairs the script in another way passes too, and who
only hides the symptom does not.
"""

import contextlib
import importlib
import io
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from minigpt import backend
from minigpt.errors import InputError
from minigpt.exercises.exercise import Text

HERE = Path(__file__).parent
Edits = tuple[tuple[str, str], ...]  # (old, new): each old stands in the script exactly once


@dataclass(frozen=True)
class Bug:
    """One script with one mistake."""

    name: str
    chapter: int
    title: Text
    symptom: Text
    guilty: tuple[str, ...]  # the line with the mistake; where something is missing, every line it could stand beside
    mended: Edits
    why: Text  # what was wrong, what it does, and where the library has it right
    hints: tuple[Text, Text, Text]
    measure: Callable  # (Script, seed) -> Text | None: what is still wrong, with numbers
    others: tuple[Edits, ...] = ()  # different repairs that are right too
    dodges: tuple[tuple[Edits, str], ...] = ()  # repairs that only hide the symptom, and words of what is said to them

    @property
    def script(self) -> str:
        """The text of the script as it is handed out."""
        return (HERE / "bugs" / f"{self.name}.py").read_text(encoding="utf-8")

    def edited(self, edits: Edits) -> str:
        """The script with some places changed. Raises ValueError when an edit doesn't fit."""
        source = self.script
        for old, new in edits:
            if source.count(old) != 1:
                raise ValueError(f"{self.name}: {old!r} stands {source.count(old)} times in the script")
            source = source.replace(old, new)
        return source

    def is_guilty(self, line: str) -> bool:
        return line.strip() in self.guilty


def bugs() -> list[Bug]:
    """All of them, in the order of their chapters."""
    names = sorted(path.stem for path in (HERE / "remedies").glob("*.py") if path.stem != "__init__")
    found = [importlib.import_module(f"minigpt.exercises.remedies.{name}").BUG for name in names]
    return sorted(found, key=lambda bug: (bug.chapter, bug.name))


class MissingName(Exception):
    """The student's file no longer has something that the measurement calls."""


class Script:
    """What a student's file defines, as attributes. The file is run as a module is: not its `main`."""

    def __init__(self, source: str, path: Path):
        self._names = {"__name__": "hunted", "__file__": str(path)}
        exec(compile(source, str(path), "exec"), self._names)

    def __getattr__(self, name):
        if name not in self._names:
            raise MissingName(name)
        return self._names[name]


def measure(bug: Bug, source: str, path: Path, seed: int = 0) -> Text | None:
    """None when the file is mended, or what is still wrong with it."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), backend.using("numpy", "float64"), backend.quiet():
            return bug.measure(Script(source, path), seed)
    except MissingName as missing:
        return Text(f"the file has no `{missing}` any more, which the measurement needs: keep the names of functions "
                    "and constants",
                    f"文件里没有 `{missing}` 了，而测量要用到它：请保留函数和常量的名字")
    except SyntaxError as error:
        return Text(f"line {error.lineno} can't be read as Python: {error.msg}",
                    f"第 {error.lineno} 行不是合法的 Python：{error.msg}")
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        if not lines:
            return Text(f"the file can't be measured ({reason}): keep the functions' arguments and what they return",
                        f"文件无法测量（{reason}）：请保留函数的参数和返回的东西")
        return Text(f"line {lines[-1]} raised {reason}", f"第 {lines[-1]} 行抛出了 {reason}")


def find_bug(name: str) -> Bug:
    """The bug of that name. Raises InputError that offers the nearest."""
    import difflib

    known = {bug.name: bug for bug in bugs()}
    if name not in known:
        near = difflib.get_close_matches(name, known)
        hint = f"did you mean {' or '.join(near)}?" if near else f"choose one of {', '.join(known)}"
        raise InputError(f"there is no bug called {name!r}: {hint}")
    return known[name]
