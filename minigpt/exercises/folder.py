"""The folder in which a student works: one file an exercise, and progress.json, which says how far each is.

Nothing that a student wrote is ever overwritten: `start` refuses where a file is, `reset` keeps a copy.
"""

import contextlib
import hashlib
import itertools
import json
import re
import unicodedata
from pathlib import Path

from minigpt.errors import InputError
from minigpt.exercises.catalogue import exercises
from minigpt.exercises.exercise import Exercise, Text
from minigpt.json_file import parse_json
from minigpt.run_folder import replace_text

DEFAULT = Path("exercises")
PROGRESS = "progress.json"
PACKAGE = Path(__file__).parents[1]

NOT_STARTED, STARTED, SOLVED = "not started", "started", "solved"
CHANGED = "changed"  # since it was solved: to be checked again before anything is said
STATES = {
    NOT_STARTED: Text("-", "-"),
    STARTED: Text("started", "进行中"),
    SOLVED: Text("solved", "已完成"),
}


class Folder:
    """A student's folder. Raises InputError when it lies inside minigpt itself."""

    def __init__(self, path: Path, language: str):
        self.path, self.language = path, language
        if path.resolve().is_relative_to(PACKAGE):
            inside = Text(f"{path} lies inside minigpt itself: choose another --folder, or a folder of your own",
                          f"{path} 在 minigpt 内部：请换到自己的文件夹，或用 --folder 另选一个")
            raise InputError(inside(language))

    def file(self, name: str) -> Path:
        return self.path / f"{name}.py"

    def command(self, action: str, name: str = "") -> str:
        """What to type for an action on this folder."""
        words = ["python -m minigpt learn", action, name]
        if self.path != DEFAULT:
            shown = str(self.path)
            words.append(f"--folder {shown}" if re.fullmatch(r"[\w./\\:~-]+", shown) else f'--folder "{shown}"')
        return " ".join(word for word in words if word)

    # ---- progress.json

    def progress(self) -> dict:
        """{"last": name or None, "exercises": {name: {"hints": seen, "solved": hash of the file or None}}}."""
        path = self.path / PROGRESS
        try:
            content = parse_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {"last": None, "exercises": {}}
        except (NotADirectoryError, PermissionError) as error:
            raise self.refused(error) from None
        except ValueError as error:
            raise self.damaged(str(error)) from None
        entries = content.get("exercises") if isinstance(content, dict) else None
        if not isinstance(entries, dict) or not all(
                isinstance(entry, dict) and type(entry.get("hints")) is int
                and isinstance(entry.get("solved"), (str, type(None))) for entry in entries.values()):
            lacks = Text("it lacks the hints and marks of the exercises", "缺少提示数和完成标记")
            raise self.damaged(lacks(self.language))
        return {"last": content.get("last"), "exercises": entries}

    def damaged(self, why: str) -> InputError:
        return InputError(Text(f"{self.path / PROGRESS} is damaged ({why}): delete it; your answers stay, only which "
                               "are solved and which hints you have read is forgotten",
                               f"{self.path / PROGRESS} 已损坏（{why}）：请删除它；你的答案不受影响，"
                               "只会忘掉哪些已完成、看过哪些提示")(self.language))

    def refused(self, error: OSError) -> InputError:
        why = error.strerror or error
        return InputError(Text(f"{self.path} can't be used ({why}): choose another --folder",
                               f"{self.path} 无法使用（{why}）：请用 --folder 另选一个文件夹")(self.language))

    def change(self, name: str, last: bool = True, **values) -> None:
        """Write values of an exercise into progress.json, which is replaced in one piece. last: it is now worked on."""
        progress = self.progress()
        entry = progress["exercises"].setdefault(name, {"hints": 0, "solved": None})
        entry |= values
        if last:
            progress["last"] = name
        with self.writing():
            replace_text(self.path / PROGRESS, json.dumps(progress, indent=2) + "\n")

    @contextlib.contextmanager
    def writing(self):
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            yield
        except OSError as error:
            raise self.refused(error) from None

    def entry(self, name: str) -> dict:
        return self.progress()["exercises"].get(name, {"hints": 0, "solved": None})

    def last(self) -> str | None:
        """The exercise that was worked on last, if its file is still there."""
        name = self.progress()["last"]
        return name if name in exercises() and self.file(name).is_file() else None

    def started(self) -> list[str]:
        return [name for name in exercises() if self.file(name).is_file()]

    def state(self, name: str) -> str:
        if not self.file(name).is_file():
            return NOT_STARTED
        solved = self.entry(name)["solved"]
        if solved is None:
            return STARTED
        return SOLVED if solved == self.fingerprint(name) else CHANGED

    def fingerprint(self, name: str) -> str:
        return hashlib.sha256(self.file(name).read_bytes()).hexdigest()

    # ---- files

    def start(self, exercise: Exercise) -> Path:
        """Write the file to begin with. Raises InputError when there is one already."""
        path = self.file(exercise.name)
        if not path.exists():
            self.progress()  # a damaged one is refused before anything is written
        with self.writing():
            try:
                with path.open("x", encoding="utf-8", newline="\n") as file:
                    file.write(self.beginning(exercise))
            except FileExistsError:
                reset = self.command("reset", exercise.name)
                there = Text(f"{path} is there already and stays as it is: go on with it, or begin anew with {reset}, "
                             "which keeps a copy",
                             f"{path} 已经存在，不会改动：请接着写，或用 {reset} 重新开始（会保留一份副本）")
                raise InputError(there(self.language)) from None
        self.change(exercise.name)
        return path

    def reset(self, exercise: Exercise) -> Path | None:
        """Begin anew; returns where the old file was copied to, None when there was none."""
        path, copy = self.file(exercise.name), None
        with self.writing():
            if path.exists():
                copy = next(p for n in itertools.count(1) if not (p := path.with_name(f"{path.name}.{n}")).exists())
                path.replace(copy)
            replace_text(path, self.beginning(exercise))
        self.change(exercise.name, solved=None, hints=0)
        return copy

    def beginning(self, exercise: Exercise) -> str:
        """The skeleton, with the task above it as comments."""
        head = Text(f"Exercise {exercise.name}, chapter {exercise.chapter:02}: ",
                    f"练习 {exercise.name}，第 {exercise.chapter:02} 章：")
        check = Text("# To check it: ", "# 检查：")(self.language) + self.command("check", exercise.name)
        hint = Text("# For a hint:  ", "# 提示：")(self.language) + self.command("hint", exercise.name)
        title, task = comment((head + exercise.title)(self.language)), comment(exercise.task(self.language))
        return f"{title}\n#\n{task}\n#\n{check}\n{hint}\n\n{exercise.skeleton}"


def comment(text: str, width: int = 100) -> str:
    """The text as lines of comments. Chinese has no spaces to break at: there a line ends after any character."""
    lines = []
    for paragraph in text.split("\n"):
        line = ""
        for word in words(paragraph):
            if line and columns(line + word.rstrip()) > width - 2:
                lines.append(line.rstrip())
                line = word.lstrip()
            else:
                line += word
        lines.append(line.rstrip())
    return "\n".join(f"# {line}".rstrip() for line in lines)


def words(text: str):
    """The pieces between which a line may end: words with the space behind them, single wide characters.

    A closing mark stays with what is before it.
    """
    piece = ""
    for character in text:
        wide = unicodedata.east_asian_width(character) in "WF"
        closing = character in "，。；：、）？！”》】"
        if piece and not closing and (piece[-1] == " " or wide or unicodedata.east_asian_width(piece[-1]) in "WF"):
            yield piece
            piece = ""
        piece += character
    if piece:
        yield piece


def columns(text: str) -> int:
    """How wide a text is in a terminal, where Chinese characters take two columns."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
