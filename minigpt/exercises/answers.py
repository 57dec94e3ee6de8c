"""A student's answer: read from a file, called with care, and its own line found when it raises.

Whatever a student's file does, the checker survives it: a wrong encoding, sys.exit(), endless recursion, Ctrl-C in an
endless loop.
"""

import contextlib
import inspect
import io
import linecache
import os
import sys
import sysconfig
import threading
import tokenize
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minigpt.exercises.exercise import Exercise, Text

# Code in these folders is no student's: Python's own, installed packages, and minigpt.
FOREIGN = tuple(os.path.normcase(path) + os.sep for path in {
    *(sysconfig.get_paths().get(name) or "" for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    str(Path(np.__file__).parent), str(Path(__file__).parents[1])} if path)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A place in a student's code."""

    file: str
    number: int
    text: str

    def __str__(self):
        return f"{self.file}:{self.number}"

    def say(self) -> Text:
        code = f": {self.text}" if self.text else ""
        code_zh = f"：{self.text}" if self.text else ""
        if "ipykernel" in self.file or self.file.startswith("<ipython-input"):
            return Text(f"line {self.number} of the cell{code}", f"单元格第 {self.number} 行{code_zh}")
        return Text(f"{self.file}, line {self.number}{code}", f"{self.file} 第 {self.number} 行{code_zh}")


class Unreadable(Exception):
    """The file is no Python that can be run; `what` says why, `line` where."""

    def __init__(self, what: Text, line: Line | None = None):
        super().__init__(what.en)
        self.what, self.line = what, line


class Raised(Exception):
    """A student's function raised `error`; `line` is the innermost of the student's own lines on the way to it."""

    def __init__(self, error: BaseException, line: Line | None):
        super().__init__(repr(error))
        self.error, self.line = error, line


def line_at(file: str, number: int) -> Line:
    return Line(shorter(file), number, linecache.getline(file, number).strip())


def shorter(file: str) -> str:
    """A path as the student would type it."""
    with contextlib.suppress(ValueError):
        return str(Path(file).relative_to(Path.cwd()))
    return file


def is_foreign(file: str) -> bool:
    return file.startswith("<frozen") or file.startswith("<__array_function__") or \
        os.path.normcase(file).startswith(FOREIGN)


def innermost_line(error: BaseException) -> Line | None:
    """The last of the student's own lines in a traceback."""
    found = None
    for frame, number in traceback.walk_tb(error.__traceback__):
        if not is_foreign(frame.f_code.co_filename):
            found = frame.f_code.co_filename, number
    return line_at(*found) if found else None


def running_line(thread: int) -> Line | None:
    """The student's line that a thread is at."""
    frame = sys._current_frames().get(thread)
    while frame is not None and is_foreign(frame.f_code.co_filename):
        frame = frame.f_back
    return line_at(frame.f_code.co_filename, frame.f_lineno) if frame else None


def first_line(function) -> Line | None:
    """Where a function begins."""
    code = getattr(function, "__code__", None)
    return line_at(code.co_filename, code.co_firstlineno) if code else None


def parameters(function) -> list[str]:
    """The names of its parameters, none where it can't say them."""
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []


def has_no_body(function) -> bool:
    """Whether nothing stands in a function but a docstring, `pass` or `...`."""
    def documented():
        """A docstring is a constant, which moves the place of None among them."""

    def empty():
        pass

    code = getattr(getattr(function, "__code__", None), "co_code", None)
    return code in (documented.__code__.co_code, empty.__code__.co_code)


@contextlib.contextmanager
def quiet(muted: io.StringIO | None = None):
    """No warnings of NumPy or Python, as the checker looks at the results itself; prints go into `muted` if given."""
    with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.ExitStack() as stack:
        warnings.simplefilter("ignore")
        if muted is not None:
            stack.enter_context(contextlib.redirect_stdout(muted))
        yield


def call(function, arguments, keywords, muted: io.StringIO | None = None):
    """What the function returns. Raises Raised for whatever it raises, KeyboardInterrupt and SystemExit too."""
    try:
        with quiet(muted):
            return function(*arguments, **keywords)
    except BaseException as error:  # sys.exit() too is an answer, and Ctrl-C says where an endless loop is
        raise Raised(error, innermost_line(error)) from None


@contextlib.contextmanager
def tell_when_slow(say, seconds: float = 10):
    """Inside, after so many seconds, say(Text) tells which of the student's lines is running and how to stop it."""
    thread = threading.get_ident()

    def tell():
        line = running_line(thread)
        at = Text(", at ", "，正在 ") + line.say() if line else Text("", "")
        say(Text(f"It has been running for {seconds:g} s", f"已经运行了 {seconds:g} 秒") + at
            + Text("; Ctrl-C (in a notebook, Interrupt) stops it.", "；按 Ctrl-C（在笔记本中用“中断”）可以停止。"))

    timer = threading.Timer(seconds, tell)
    with contextlib.suppress(RuntimeError):  # in a browser no thread can be started
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def read_source(path: Path) -> str:
    """The text of a Python file, with or without a byte order mark. Raises Unreadable."""
    content = path.read_bytes()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable(Text("the file is in UTF-16: save it as UTF-8", "文件是 UTF-16 编码：请另存为 UTF-8"))
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return content.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    except (SyntaxError, UnicodeDecodeError):
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            number = content.count(b"\n", 0, error.start) + 1
            byte = f"0x{content[error.start]:02x}"
            raise Unreadable(Text(f"the file is not in UTF-8: byte {byte} at offset {error.start}, in line {number}, "
                                  "can't be read; save it as UTF-8",
                                  f"文件不是 UTF-8 编码：第 {number} 行、偏移 {error.start} 处的字节 {byte} 无法读取；"
                                  "请另存为 UTF-8")) from None
        raise Unreadable(Text("the first lines name an encoding that doesn't exist: remove that comment",
                              "开头几行声明了一个不存在的编码：请删去那行注释")) from None


def run_source(source: str, file: str, muted: io.StringIO | None = None) -> dict:
    """The names that a Python text defines. Raises Unreadable when it can't be compiled or run."""
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)  # for the lines in messages
    namespace = {"__name__": Path(file).stem, "__file__": file, "__builtins__": __builtins__}
    try:
        with quiet():
            code = compile(source, file, "exec")
    except (SyntaxError, ValueError) as error:  # ValueError: a null byte, before Python 3.12
        number = getattr(error, "lineno", None) or 1
        message = getattr(error, "msg", None) or str(error)
        raise Unreadable(Text(f"Python can't read the file: {message}", f"Python 读不懂这个文件：{message}"),
                         line_at(file, number)) from None
    try:
        with quiet(muted):
            exec(code, namespace)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise Raised(error, innermost_line(error)) from None
        said = say_error(error)
        raise Unreadable(Text(f"running the file raised {said}", f"运行这个文件时抛出了 {said}"),
                         innermost_line(error)) from None
    return namespace


def functions_of(exercise: Exercise, namespace: dict) -> list:
    """The functions of an answer, None for what isn't there or is no function."""
    found = [namespace.get(name) for name in exercise.functions]
    return [function if callable(function) else None for function in found]


def say_error(error: BaseException) -> str:
    """ValueError: what it says, on one line and not endless."""
    message = " ".join(str(error).split())
    if len(message) > 300:
        message = f"{message[:200]} ... {message[-80:]}"
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
