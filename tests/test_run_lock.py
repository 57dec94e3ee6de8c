"""Two runs into one folder: the second refuses, and no lock outlives its process."""

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from minigpt.cli import main
from minigpt.errors import InputError
from minigpt.run_folder import new_run
from minigpt.run_lock import LOCK, locked

REPOSITORY = Path(__file__).parent.parent
TRAIN = ["train", "--preset", "tiny", "--tokenizer", "char", "--data", "text.txt", "--batch-size", "2", "--steps", "2"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("the cat sat on the mat and the dog sat on the log\n" * 20, encoding="utf-8")
    return tmp_path


@pytest.fixture
def hold(here):
    """A function that starts a process which holds the lock of run/ until it is killed."""
    script = ("import sys; from pathlib import Path; from minigpt.run_lock import locked\n"
              "with locked(Path('run')): print('held', flush=True); sys.stdin.read()")
    processes = []

    def start():
        Path("run").mkdir(exist_ok=True)
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OPENBLAS_NUM_THREADS": "1"}
        processes.append(subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, text=True, env=environment))
        assert processes[0].stdout.readline() == "held\n"
        return processes[0]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def refused(capsys, *arguments) -> str:
    assert main(list(arguments)) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1, err
    return err


def content(folder: str) -> dict:
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def test_a_second_run_into_the_folder_is_refused_while_the_first_lives(hold, capsys):
    holder = hold()
    before = content("run")
    message = refused(capsys, *TRAIN, "--out", "run")
    assert f"another process ({holder.pid}) is training in run: wait until it has ended" in message
    assert content("run") == before


def test_resuming_is_refused_while_another_process_trains_and_possible_after_it_was_killed(hold, capsys):
    assert main([*TRAIN, "--out", "run"]) == 0
    capsys.readouterr()
    holder = hold()
    before = content("run")
    for flags in ([], ["--steps", "4"]):
        message = refused(capsys, "train", "--resume", "run", *flags)
        assert f"another process ({holder.pid}) is training in run" in message
    assert content("run") == before
    holder.kill()
    holder.wait()
    assert main(["train", "--resume", "run", "--steps", "4"]) == 0


def test_the_lock_is_free_again_after_the_block_and_after_an_error(here):
    for _ in range(2):
        with locked(here), pytest.raises(InputError, match="is training in"), locked(here):
            raise AssertionError("held twice")
    with pytest.raises(KeyError), locked(here):
        raise KeyError
    with locked(here):
        assert (here / LOCK).read_text(encoding="ascii") == f"{os.getpid()}\n"
    assert (here / LOCK).read_bytes() == b""


def test_a_lock_file_left_behind_blocks_nobody(here):
    (here / LOCK).write_text("12345\n", encoding="ascii")
    with locked(here):
        pass


def test_the_slower_of_two_that_set_up_one_folder_destroys_nothing(here):
    with new_run(Path("run")):
        with pytest.raises(InputError, match=f"another process \\({os.getpid()}\\)"), new_run(Path("run")):
            raise AssertionError("held twice")
        Path("run/config.json").touch()
    assert Path("run/config.json").is_file()
    with pytest.raises(InputError, match="continue it with --resume"), new_run(Path("run")):
        raise AssertionError("begun twice")


def test_a_folder_whose_setting_up_was_killed_says_what_to_do(here, capsys):
    Path("run").mkdir()
    (Path("run") / LOCK).write_text("12345\n", encoding="ascii")
    Path("run/tokenizer.json").write_text("{", encoding="ascii")
    assert "killed there before its first step, delete the folder" in refused(capsys, *TRAIN, "--out", "run")


def test_a_setting_up_that_fails_leaves_no_folder(here):
    with pytest.raises(KeyError), new_run(Path("a/b/run")):
        Path("a/b/run/data").mkdir()
        raise KeyError
    assert not Path("a").exists()


def test_a_system_without_locks_trains_unprotected(here, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", None)
    with locked(here), locked(here):
        pass


def test_a_file_system_without_locks_trains_unprotected(here, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def flock(file, how):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", flock)
    with locked(here), locked(here):
        pass


def test_windows_locks_one_byte_behind_the_text(here, monkeypatch):
    taken = []

    def locking(descriptor, how, count):
        place = os.lseek(descriptor, 0, os.SEEK_CUR)
        if taken:
            raise PermissionError(13, "Permission denied")
        taken.append((how, place, count))

    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", types.SimpleNamespace(locking=locking, LK_NBLCK=2))
    with locked(here), pytest.raises(InputError, match=f"another process \\({os.getpid()}\\)"), locked(here):
        raise AssertionError("held twice")
    assert taken == [(2, 1 << 30, 1)]
