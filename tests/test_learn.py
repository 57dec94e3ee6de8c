"""Both doors to the exercises, as a student meets them: the terminal with files of their own, and the notebook."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from minigpt import backend, learn
from minigpt.cli import main
from minigpt.commands import learn as command
from minigpt.errors import InputError
from minigpt.exercises import answers, watch
from minigpt.exercises.catalogue import exercises, find
from minigpt.exercises.exercise import Text
from minigpt.exercises.folder import PACKAGE, columns, comment
from minigpt.exercises.language import choose
from minigpt.layers.softmax import softmax_backward, softmax_forward

SOFTMAX = find("softmax")
FILE = Path("exercises/softmax.py")


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setenv("MINIGPT_LANGUAGE", "en")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(capsys, *arguments):
    """exit code, stdout, stderr of `python -m minigpt learn ...`"""
    try:
        code = main(["learn", *map(str, arguments)])
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    return code, out, err


def refused(capsys, *arguments):
    """The one line with which a command refuses."""
    code, out, err = call(capsys, *arguments)
    assert code == 2 and out == "" and err.count("\n") == 1 and "Traceback" not in err, (code, out, err)
    return err


def started(capsys, name="softmax"):
    assert call(capsys, "start", name)[0] == 0


def answer(source, encoding="utf-8"):
    FILE.write_bytes(source.encode(encoding))


def progress():
    return json.loads(Path("exercises/progress.json").read_text(encoding="utf-8"))


# ---- start, check, reset


def test_from_start_to_solution(here, capsys):
    code, out, err = call(capsys, "start", "softmax")
    assert code == 0 and out.strip() == SOFTMAX.task.en and "then: python -m minigpt learn check softmax" in err
    text = FILE.read_text(encoding="utf-8")
    assert text.endswith(SOFTMAX.skeleton) and text.startswith("# Exercise softmax, chapter 02: Softmax")
    assert "Scores may be as large as 1000" in text.replace("\n# ", " ") and max(map(len, text.split("\n"))) <= 110
    code, out, err = call(capsys, "check")
    assert code == 1 and "nothing is written in it yet" in out and "learn hint softmax" in err
    assert f"{FILE}, line " in out and "def softmax_forward(x):" in out
    answer(SOFTMAX.answer)
    code, out, err = call(capsys, "check")
    following = list(exercises())[list(exercises()).index("softmax") + 1 :]
    assert code == 0 and out.startswith("softmax: right\n")
    assert not following or f"next: python -m minigpt learn start {following[0]}" in err
    code, out, err = call(capsys, "solution", "softmax")
    assert code == 0 and "# minigpt/layers/softmax.py:" in out and "def softmax_backward(dy, saved):" in out
    line = int(re.search(r"softmax\.py:(\d+)\ndef softmax_forward", out).group(1))
    source = (PACKAGE / "layers/softmax.py").read_text(encoding="utf-8").splitlines()
    assert source[line - 1].startswith("def softmax_forward")


def test_start_never_overwrites(here, capsys):
    started(capsys)
    answer("mine\n")
    assert "exercises" in refused(capsys, "start", "softmax")
    assert "learn reset softmax, which keeps a copy" in refused(capsys, "start", "softmax")
    assert FILE.read_text(encoding="utf-8") == "mine\n"


def test_reset_keeps_every_copy(here, capsys):
    started(capsys)
    for n, text in ((1, "first\n"), (2, "second\n")):
        answer(text)
        code, _, err = call(capsys, "reset", "softmax")
        assert code == 0 and f"your old file is {FILE}.{n}" in err
        assert Path(f"{FILE}.{n}").read_text(encoding="utf-8") == text
    assert FILE.read_text(encoding="utf-8").endswith(SOFTMAX.skeleton)
    assert Path(f"{FILE}.1").read_text(encoding="utf-8") == "first\n"
    FILE.unlink()
    assert call(capsys, "reset", "softmax")[0] == 0 and FILE.is_file()


def test_check_needs_something_to_check(here, capsys):
    assert "no exercise is started in exercises: begin with python -m minigpt learn start" in refused(capsys, "check")
    assert "there is no exercises" in refused(capsys, "check", "softmax")
    assert "there is no exercise 'sofmax': did you mean softmax?" in refused(capsys, "check", "sofmax")
    assert "choose from encode_characters" in refused(capsys, "start", "zzzz") or len(exercises()) == 1
    assert not Path("exercises").exists()


def test_check_takes_names_the_last_one_or_all(here, capsys):
    others = [name for name in exercises() if name != "softmax"]
    if not others:
        pytest.skip("there is one exercise only")
    started(capsys)
    started(capsys, others[0])
    assert call(capsys, "check")[1].startswith(others[0])
    code, out, _ = call(capsys, "check", "--all")
    assert code == 1 and re.findall(r"^(\w+)", out, re.M) == sorted(("softmax", others[0]),
        key=list(exercises()).index)
    answer(SOFTMAX.answer)
    assert call(capsys, "check", "softmax")[0] == 0
    assert call(capsys, "check")[1].startswith("softmax:")  # the one worked on last
    assert call(capsys, "check", "softmax", others[0])[0] == 1


@pytest.mark.parametrize("encode", [
    lambda text: b"\xef\xbb\xbf" + text.encode(),  # a byte order mark, as Notepad writes it
    lambda text: text.replace("\n", "\r\n").encode(),
    lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
    lambda text: ("# -*- coding: gbk -*-\n# 每一行\n" + text).encode("gbk"),
    lambda text: (text + "# 每一行之和为 1").encode(),
    lambda text: text.rstrip().encode(),
])  # fmt: skip
def test_files_as_editors_write_them(here, capsys, encode):
    started(capsys)
    FILE.write_bytes(encode(SOFTMAX.answer))
    assert call(capsys, "check")[0] == 0
    lines = SOFTMAX.answer.replace("    e = np", "    e = x.nothing\n    e = np")
    FILE.write_bytes(encode(lines))
    code, out, _ = call(capsys, "check")
    assert code == 1 and ": e = x.nothing" in out


@pytest.mark.parametrize("content, words", [
    (SOFTMAX.answer.encode("utf-16"), "the file is in UTF-16: save it as UTF-8"),
    (("# 每一行\n" + SOFTMAX.answer).encode("gbk"), "not in UTF-8: byte 0xd0 at offset 6, in line 1"),
    (b"# coding: klingon\n", "an encoding that doesn't exist"),
    (b"x = 1\0\n", "Python can't read the file"),
    (b"def softmax_forward(x:\n", "Python can't read the file"),
    (b"def softmax_forward(x):\nreturn x\n", "line 2: return x"),
    (b"import nothing_of_that_name\n", "ModuleNotFoundError"),
    (b"exit()\n", "SystemExit"),
    (b"1 / 0\n", "running the file raised ZeroDivisionError: division by zero\n  exercises"),
    (b"", "define a function softmax_forward"),
    (b"softmax_forward = 3\n", "define a function softmax_forward"),
])  # fmt: skip
def test_a_file_that_cannot_be_run(here, capsys, content, words):
    started(capsys)
    FILE.write_bytes(content)
    code, out, err = call(capsys, "check")
    assert code == 1 and words in out and "Traceback" not in out + err, out


def test_a_student_may_print_and_use_main(here, capsys):
    started(capsys)
    answer(SOFTMAX.answer.replace("    e = np", "    print('here', x.shape)\n    e = np")
           + "print('top')\nif __name__ == '__main__':\n    raise SystemExit\n")
    code, out, _ = call(capsys, "check")
    assert code == 0 and out.startswith("top\nhere (2, 3)\nsoftmax: right")


def test_the_backend_is_left_as_it_was(here, capsys):
    started(capsys)
    answer("from minigpt import backend\nbackend.use('numpy', 'float64')\n" + SOFTMAX.answer)
    backend.use("numpy", "float32")
    call(capsys, "check")
    assert backend.dtype() == np.dtype("float64")  # what the student chose; the checker itself changes nothing
    backend.use("numpy", "float32")
    answer(SOFTMAX.answer)
    call(capsys, "check")
    assert backend.dtype() == np.dtype("float32")


# ---- progress


def test_list_shows_how_far_one_is(here, capsys):
    def state():
        code, out, err = call(capsys, "list")
        assert code == 0 and len(out.splitlines()) == len(exercises())
        row = next(line for line in out.splitlines() if "  softmax " in line)
        assert row.startswith("02  softmax") and row.endswith("Softmax, forward and backward")
        return row.split("softmax", 1)[1].split()[0], err

    assert state() == ("-", f"0 of {len(exercises())} solved\n")
    assert not Path("exercises").exists()
    started(capsys)
    assert state()[0] == "started"
    answer(SOFTMAX.answer)
    assert state()[0] == "started"
    call(capsys, "check")
    assert state() == ("solved", f"1 of {len(exercises())} solved\n")
    answer(SOFTMAX.answer + "\n# tidied up\n")  # changed: checked again
    before = progress()["exercises"]["softmax"]["solved"]
    assert state()[0] == "solved" and progress()["exercises"]["softmax"]["solved"] != before
    answer(SOFTMAX.answer.replace("return y,", "return -y,") + "print('noise')\n")
    assert state()[0] == "started"
    assert progress()["exercises"]["softmax"]["solved"] is None
    answer(SOFTMAX.answer)
    call(capsys, "check")
    FILE.unlink()
    assert state()[0] == "-"


def test_list_does_not_move_the_place_one_is_at(here, capsys):
    others = [name for name in exercises() if name != "softmax"]
    if not others:
        pytest.skip("there is one exercise only")
    started(capsys)
    answer(SOFTMAX.answer)
    call(capsys, "check")
    started(capsys, others[0])
    answer(SOFTMAX.answer + "\n")
    call(capsys, "list")
    call(capsys, "hint", "softmax")
    assert progress()["last"] == others[0]


@pytest.mark.parametrize("content", ["", "{", "[]", "[" * 100_000, '{"exercises": 3}', '{"exercises": {"softmax": {}}}',
                                     '{"exercises": {"softmax": {"hints": "2", "solved": null}}}',
                                     '{"exercises": {"softmax": {"hints": 2, "solved": 7}}}'])
def test_a_damaged_progress_file_is_named_and_kept(here, capsys, content):
    Path("exercises").mkdir()
    path = Path("exercises/progress.json")
    path.write_text(content, encoding="utf-8")
    for arguments in (["list"], ["hint", "softmax"], ["check"], ["start", "softmax"]):
        message = refused(capsys, *arguments)
        assert "progress.json is damaged" in message and "delete it; your answers stay" in message
    assert path.read_text(encoding="utf-8") == content and not FILE.exists()


def test_progress_of_an_exercise_that_is_gone_does_no_harm(here, capsys):
    Path("exercises").mkdir()
    Path("exercises/progress.json").write_text(
        '{"last": "gone", "exercises": {"gone": {"hints": 1, "solved": null}}}', encoding="utf-8")
    assert "no exercise is started" in refused(capsys, "check")
    started(capsys)
    assert set(progress()["exercises"]) == {"gone", "softmax"}


def test_hints_come_one_by_one_and_open_the_solution(here, capsys):
    message = refused(capsys, "solution", "softmax")
    assert "(0 of 3 read)" in message and "learn solution softmax --yes shows it now" in message
    for n, text in enumerate(SOFTMAX.hints, 1):
        code, out, err = call(capsys, "hint", "softmax")
        assert code == 0 and out == f"Hint {n} of 3: {text.en}\n"
        assert ("learn solution softmax" in err) == (n == 3)
    assert call(capsys, "hint", "softmax")[1].startswith("Hint 3 of 3")
    assert call(capsys, "solution", "softmax")[0] == 0
    assert call(capsys, "solution", next(iter(exercises())), "--yes")[0] == 0


@pytest.mark.parametrize("name", exercises())
def test_every_solution_can_be_shown(here, capsys, name):
    code, out, _ = call(capsys, "solution", name, "--yes")
    assert code == 0 and re.match(r"# minigpt/[\w/]+\.py:\d+\n(def|class|@)", out), out[:200]


# ---- folders and languages


def test_another_folder_is_named_in_what_is_to_be_typed(here, capsys):
    folder = here / "my answers"
    code, _, err = call(capsys, "start", "softmax", "--folder", folder)
    assert code == 0 and f'check softmax --folder "{folder}"' in err
    assert (folder / "softmax.py").is_file() and not Path("exercises").exists()
    assert f'--folder "{folder}"' in (folder / "softmax.py").read_text(encoding="utf-8")
    assert call(capsys, "check", "--folder", folder)[0] == 1


def test_a_folder_inside_the_package_is_refused(here, capsys, monkeypatch):
    assert "lies inside minigpt itself: choose another --folder" in refused(
        capsys, "start", "softmax", "--folder", PACKAGE / "exercises")
    monkeypatch.chdir(PACKAGE)
    assert "lies inside minigpt itself" in refused(capsys, "start", "softmax")


def test_a_folder_that_cannot_be_written(here, capsys, monkeypatch):
    Path("file").write_text("x", encoding="utf-8")
    for folder in ("file", "file/deeper"):
        assert "choose another --folder" in refused(capsys, "start", "softmax", "--folder", folder)
        assert "choose another --folder" in refused(capsys, "hint", "softmax", "--folder", folder)

    def denied(self, *rest, **options):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", denied)
    message = refused(capsys, "start", "softmax")
    assert "exercises can't be used (Permission denied): choose another --folder" in message


def test_a_folder_that_can_only_be_read_is_checked_all_the_same(here, capsys, monkeypatch):
    started(capsys)
    answer(SOFTMAX.answer)

    def denied(*rest):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("minigpt.exercises.folder.replace_text", denied)
    code, out, err = call(capsys, "check")
    assert code == 0 and "softmax: right" in out and "exercises can't be used (Permission denied)" in err


def test_chinese(here, capsys, monkeypatch):
    code, out, err = call(capsys, "start", "softmax", "--language", "zh")
    assert code == 0 and out.strip() == SOFTMAX.task.zh and "请把答案写进" in err
    text = FILE.read_text(encoding="utf-8")
    assert text.startswith("# 练习 softmax，第 02 章：") and all(columns(line) <= 110 for line in text.split("\n"))
    monkeypatch.setenv("MINIGPT_LANGUAGE", "zh")
    code, out, err = call(capsys, "check")
    assert code == 1 and "诊断：里面还什么都没有写" in out and "需要提示：python -m minigpt learn hint" in err
    answer(SOFTMAX.answer)
    assert "softmax：正确" in call(capsys, "check")[1]
    assert "已完成" in call(capsys, "list")[1]
    assert "提示 1/3" in call(capsys, "hint", "softmax")[1]
    assert "已恢复初始状态" in call(capsys, "reset", "softmax")[2]
    assert "已经存在，不会改动" in refused(capsys, "start", "softmax")
    assert "还没有开始任何练习" in refused(capsys, "check", "--folder", "other")
    assert "看完三条提示" in refused(capsys, "solution", "softmax")
    assert "没有名为 'sofmax' 的练习：你要的是 softmax 吗？" in refused(capsys, "start", "sofmax")
    assert "无法使用" in refused(capsys, "start", "softmax", "--folder", FILE)
    assert "在 minigpt 内部" in refused(capsys, "start", "softmax", "--folder", PACKAGE)
    Path("exercises/progress.json").write_text("{}", encoding="utf-8")
    assert "已损坏（缺少提示数和完成标记）：请删除它" in refused(capsys, "list")


@pytest.mark.parametrize("name, shown", [("我的答案", "我的答案"), ("我的 答案", '"我的 答案"'), ("a&b", '"a&b"'),
                                         ("a-b_c.d", "a-b_c.d"), ("(1)", '"(1)"')])
def test_a_folder_is_quoted_where_a_shell_needs_it(here, capsys, name, shown):
    code, _, err = call(capsys, "start", "softmax", "--folder", name)
    assert code == 0 and f"--folder {shown}\n" in err and Path(name, "softmax.py").is_file()
    assert f"check softmax --folder {shown}\n" in Path(name, "softmax.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("environment, language", [
    ({"MINIGPT_LANGUAGE": "zh"}, "zh"), ({"MINIGPT_LANGUAGE": "zh_CN.UTF-8", "LANG": "de_DE"}, "zh"),
    ({"MINIGPT_LANGUAGE": "en", "LANG": "zh_CN.UTF-8"}, "en"), ({"LANG": "zh_CN.UTF-8"}, "zh"),
    ({"LC_ALL": "en_GB.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"), ({"LANG": "de_DE.UTF-8"}, "en"), ({"LANG": "C"}, "en"),
])  # fmt: skip
def test_the_language_comes_from_the_environment(monkeypatch, environment, language):
    for name in ("MINIGPT_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert choose() == language
    assert choose("en") == "en" and choose("zh") == "zh"


def test_the_language_of_a_windows_without_variables(monkeypatch):
    for name in ("MINIGPT_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, language in (("Chinese (Simplified)_China", "zh"), ("zh_CN", "zh"), ("English_Europe", "en"),
                           (None, "en")):
        monkeypatch.setattr("locale.getlocale", lambda name=name: (name, "cp936"))
        assert choose() == language


def test_an_unknown_language_is_refused(here, capsys, monkeypatch):
    with pytest.raises(InputError, match="choose one of en, zh"):
        choose("fr")
    monkeypatch.setenv("MINIGPT_LANGUAGE", "klingon")
    assert "MINIGPT_LANGUAGE 'klingon'" in refused(capsys, "list")


@pytest.mark.parametrize("text",
                         [SOFTMAX.task.en, SOFTMAX.task.zh, "词" * 200, "word " * 60, "x" * 300, "一，" * 70, ""])
def test_a_task_as_comments_loses_nothing(text):
    lines = comment(text).split("\n")
    assert all(line.startswith("#") for line in lines)
    joined = "".join(line.removeprefix("# ").removeprefix("#") for line in lines)
    assert joined.replace(" ", "") == text.replace(" ", "")
    assert all(columns(line) <= 104 for line in lines) or "x" * 300 in text
    assert not any(line[2:3] in "，。；：" for line in lines if len(line) > 2)


# ---- watch


class Editor:
    """Stands in for the time between two looks: does the next thing that a person would do, in the end Ctrl-C."""

    def __init__(self, *actions):
        self.actions = list(actions)

    def __call__(self):
        if not self.actions:
            raise KeyboardInterrupt
        action = self.actions.pop(0)
        if action is not None:
            action()


def watched(capsys, monkeypatch, *actions, arguments=()):
    monkeypatch.setattr(watch, "pause", Editor(*actions))
    return call(capsys, "watch", *arguments)


def write(text):
    return lambda: FILE.write_text(text, encoding="utf-8")


def test_watch_checks_what_is_saved_until_ctrl_c(here, capsys, monkeypatch):
    started(capsys)
    code, out, err = watched(capsys, monkeypatch, None, write("x = \n"), None, None, write(SOFTMAX.answer), None, None)
    assert code == 0
    heads = [line for line in out.splitlines() if line.startswith("softmax: ")]
    assert heads == ["softmax: softmax_forward did not give a result", "softmax: the file can't be run",
                     "softmax: right"]
    assert err.startswith("watching exercises") and err.endswith("no longer watching\n")
    assert len(re.findall(r"\d\d:\d\d:\d\d  exercises", err)) == 2


def test_watch_sees_editors_that_replace_the_file_and_new_exercises(here, capsys, monkeypatch):
    Path("exercises").mkdir()

    def replace():
        Path("exercises/temporary").write_text(SOFTMAX.answer, encoding="utf-8")
        FILE.unlink()

    def rename():
        Path("exercises/temporary").replace(FILE)

    code, out, _ = watched(capsys, monkeypatch, write("x = 1\n"), None, None, replace, None, rename, None)
    heads = [line for line in out.splitlines() if line.startswith("softmax: ")]
    assert code == 0 and heads == ["softmax: softmax_forward is missing", "softmax: right"]


def test_watch_waits_until_a_file_is_written_whole(here, capsys, monkeypatch):
    started(capsys)
    half = SOFTMAX.answer[:80]
    code, out, _ = watched(capsys, monkeypatch, write(""), write(half), write(SOFTMAX.answer), None)
    heads = [line for line in out.splitlines() if line.startswith("softmax: ")]
    assert heads == ["softmax: softmax_forward did not give a result", "softmax: right"]


def test_saving_again_checks_again_even_without_a_change(here, capsys, monkeypatch):
    started(capsys)
    content = FILE.read_bytes()

    def touch():
        FILE.write_bytes(content)
        os.utime(FILE, ns=(1, 1))

    _, out, _ = watched(capsys, monkeypatch, touch, None)
    assert out.count("softmax: softmax_forward did not") == 2


def test_a_change_that_leaves_the_time_as_it_was_is_seen(here, monkeypatch, capsys):
    started(capsys)
    stamp = FILE.stat().st_mtime_ns

    def write_within_the_same_second():
        FILE.write_text(SOFTMAX.answer, encoding="utf-8")
        os.utime(FILE, ns=(stamp, stamp))

    assert "softmax: right" in watched(capsys, monkeypatch, write_within_the_same_second, None)[1]


def test_ctrl_c_in_a_check_does_not_end_the_watch(here, capsys, monkeypatch):
    started(capsys)
    hangs = SOFTMAX.answer.replace("    e = np", "    while True:\n        raise KeyboardInterrupt\n    e = np")
    code, out, err = watched(capsys, monkeypatch, write(hangs), None, write(SOFTMAX.answer), None)
    assert code == 0 and "stopped by Ctrl-C inside softmax_forward" in out and "softmax: right" in out


def test_a_file_that_vanishes_between_two_looks_is_waited_for(here):
    path = Path("answer.py")
    changes = watch.changes(lambda: [path],
                            Editor(None, lambda: path.write_text("x", encoding="utf-8"), None, path.unlink,
                                                   None, lambda: path.write_text("y", encoding="utf-8"), None))
    assert next(changes) == path and next(changes) == path
    with pytest.raises(KeyboardInterrupt):
        next(changes)


def test_the_pause_is_a_real_one():
    before = time.monotonic()
    watch.pause()
    assert time.monotonic() - before >= 0.9 * watch.INTERVAL


# ---- endless loops


def test_ctrl_c_ends_check_with_the_line_and_130(here, capsys):
    started(capsys)
    answer(SOFTMAX.answer.replace("    (y,) = saved\n",
                                  "    while True:\n        raise KeyboardInterrupt\n    (y,) = saved\n"))
    code, out, err = call(capsys, "check")
    assert code == 130 and "stopped by Ctrl-C inside softmax_backward" in out
    assert ": raise KeyboardInterrupt" in out and "hint" not in err
    answer("while True:\n    raise KeyboardInterrupt\n")
    code, out, _ = call(capsys, "check")
    assert code == 130 and "stopped by Ctrl-C while the file ran" in out


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process alone")
def test_a_real_endless_loop_is_stopped_by_a_real_ctrl_c(here, capsys):
    started(capsys)
    answer(SOFTMAX.answer.replace("    e = np",
                                  "    print('in', flush=True)\n    while True:\n        x = x + 0\n    e = np"))
    # Where the tests themselves run in the background, SIGINT may be ignored; a terminal's foreground has it.
    script = ("import signal, sys; from minigpt.cli import main; "
              "signal.signal(signal.SIGINT, signal.default_int_handler); sys.exit(main(['learn', 'check']))")
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, encoding="utf-8", env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)})
    try:
        assert process.stdout.readline() == "in\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    finally:
        process.kill()
    assert process.returncode == 130 and "Traceback" not in err
    assert "stopped by Ctrl-C inside softmax_forward" in out
    assert re.search(r"softmax\.py, line \d+: (print|while True:|x = x \+ 0)", out), out


def test_a_slow_check_says_where_it_is(here, capsys):
    told = threading.Event()
    texts = []

    def say(text):
        texts.append(text)
        told.set()

    namespace = answers.run_source("def loop(told):\n    while not told.is_set():\n        told.wait(0.01)\n",
                                   "slow.py")
    with answers.tell_when_slow(say, seconds=1):  # time enough to be in the loop by then
        answers.call(namespace["loop"], [told], {})
    assert re.search(r"running for 1 s, at slow\.py, line [23]: .*Ctrl-C", texts[0].en), texts
    assert "已经运行了" in texts[0].zh
    texts.clear()
    with answers.tell_when_slow(say, seconds=60):
        pass
    assert not texts


# ---- the command itself


def test_the_bug_hunt_is_delegated_where_it_is_there(here, capsys, monkeypatch):
    class Hunt:
        @staticmethod
        def add_arguments(parser):
            parser.add_argument("name", nargs="?")

        @staticmethod
        def run(arguments):
            print("hunting", arguments.name)
            return 1

    monkeypatch.setitem(sys.modules, "a_hunt", Hunt)
    monkeypatch.setattr(command, "BUGS", "a_hunt")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: True)
    code, out, _ = call(capsys, "bugs", "mask")
    assert code == 1 and out == "hunting mask\n"


def test_help_names_every_action(here, capsys):
    code, out, _ = call(capsys, "--help")
    assert code == 0 and all(f"    {action} " in out for action in command.ACTIONS)
    assert "--help" in refused(capsys) and "did you mean" in refused(capsys, "list", "--foldr", "x")


# ---- the notebook


@pytest.fixture
def fresh(monkeypatch):
    monkeypatch.setattr(learn, "_hints", {})
    monkeypatch.setattr(learn, "_solved", set())


def test_check_in_a_notebook(fresh, capsys):
    assert learn.check("softmax", softmax_forward, softmax_backward)
    assert capsys.readouterr().out.startswith("softmax: right\n")

    def my_forward(x):
        e = np.exp(x)
        return e / e.sum(), (e / e.sum(),)

    def my_backward(dy, saved):
        return dy

    assert not learn.check("softmax", my_forward, my_backward)
    out = capsys.readouterr().out
    assert "softmax: my_forward: a wrong value" in out
    assert 'A hint: from minigpt.learn import hint; hint("softmax")' in out
    assert not learn.check("softmax", softmax_forward, my_backward, language="zh")
    out = capsys.readouterr().out
    assert "softmax：my_backward：梯度不对" in out and "这就是 dy 本身" in out


def test_a_check_at_the_end_of_a_cell_shows_nothing_below_its_message():
    result = learn.check("softmax", softmax_forward, softmax_backward)
    assert result and bool(result) is True and repr(result) == "right"
    assert repr(learn.check("softmax", lambda x: x, softmax_backward)) == "wrong"
    formatters = pytest.importorskip("IPython.core.formatters")
    assert formatters.DisplayFormatter().format(result) == ({}, {})
    assert formatters.DisplayFormatter().format(True)[0] == {"text/plain": "True"}


def test_check_in_a_notebook_takes_what_there_is(fresh, capsys):
    assert not learn.check("softmax", softmax_forward)
    assert "softmax_forward is right. Now define a function softmax_backward" in capsys.readouterr().out
    assert not learn.check("softmax", np.zeros(3), softmax_backward)
    assert "define a function softmax_forward" in capsys.readouterr().out
    for functions in ((), (softmax_forward, softmax_backward, len)):
        with pytest.raises(InputError, match=r"softmax has 2 functions, \d given: call check"):
            learn.check("softmax", *functions)
    with pytest.raises(InputError, match="did you mean softmax"):
        learn.check("softmaxx", softmax_forward)


def test_check_in_a_notebook_never_raises_for_a_wrong_answer(fresh, capsys):
    def raising(error):
        def function(*arguments, **keywords):
            raise error

        return function

    for error in (ValueError("no"), SystemExit(), KeyboardInterrupt(), RecursionError(), MemoryError(),
                  GeneratorExit()):
        assert not learn.check("softmax", raising(error), softmax_backward)
        assert type(error).__name__ in capsys.readouterr().out or isinstance(error, KeyboardInterrupt)


def test_cells_are_named_by_their_lines(fresh, capsys):
    cell = "/tmp/ipykernel_4711/123456.py"
    source = "def forward(x):\n    y = x.undefined\n    return y, ()\n"
    namespace = answers.run_source(source, cell)
    learn.check("softmax", namespace["forward"])
    assert "line 2 of the cell: y = x.undefined" in capsys.readouterr().out
    learn.check("softmax", namespace["forward"], language="zh")
    assert "单元格第 2 行：y = x.undefined" in capsys.readouterr().out


def test_hints_and_solution_in_a_notebook(fresh, capsys):
    learn.solution("softmax")
    assert 'solution("softmax", yes=True)' in capsys.readouterr().out
    for n, text in enumerate(SOFTMAX.hints, 1):
        learn.hint("softmax", language="zh")
        assert capsys.readouterr().out.startswith(f"提示 {n}/3：{text.zh}\n")
    learn.solution("softmax")
    assert "def softmax_forward(x):" in capsys.readouterr().out
    learn._hints.clear()
    learn.solution("softmax", yes=True)
    assert "def softmax_forward(x):" in capsys.readouterr().out
    learn.check("softmax", softmax_forward, softmax_backward)
    learn.solution("softmax")
    assert "def softmax_backward(dy, saved):" in capsys.readouterr().out
    with pytest.raises(InputError):
        learn.hint("nothing")


def test_lines_of_the_library_are_not_taken_for_the_students():
    assert answers.is_foreign(np.__file__) and answers.is_foreign(threading.__file__)
    assert answers.is_foreign(str(PACKAGE / "layers/softmax.py")) and not answers.is_foreign(__file__)
    try:
        softmax_forward("no array")
    except AttributeError as error:
        line = answers.innermost_line(error)
    assert line.text == 'softmax_forward("no array")'
    assert line.say() == Text(f"{line.file}, line {line.number}: {line.text}",
                              f"{line.file} 第 {line.number} 行：{line.text}")
