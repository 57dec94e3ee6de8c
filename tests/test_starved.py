"""No room, no right to write, no folder any more: one clear line, and what was saved before is as it was."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minigpt.cli import main
from minigpt.run_folder import replace_text

REPOSITORY = Path(__file__).parent.parent
TEXT = "the cat sat on the mat and the dog sat on the log. the frog sat in the bog.\n" * 40
TRAIN = ["train", "--preset", "tiny", "--batch-size", "2", "--steps", "6", "--eval-every", "3", "--save-every", "2",
         "--data", "text.txt", "--out", "run"]  # fmt: skip
WITHOUT_END = [*TRAIN, "--tokenizer", "char", "--steps", "1000000", "--save-every", "20"]
KEPT = "what was saved there is untouched"
posix = pytest.mark.skipif(os.name != "posix", reason="needs limits and permissions of a POSIX system")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT, encoding="utf-8")
    return tmp_path


@pytest.fixture
def trained(here):
    assert main([*TRAIN, "--tokenizer", "char"]) == 0
    return here / "run"


def restricted(command: list[str], largest_file=None, obey_permissions=False) -> list[str]:
    """The same command, which the system refuses more: what a process gives up stays so in the one that takes over."""
    script = "import ctypes, os, sys"
    if largest_file is not None:
        script += f"; import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({largest_file}, {largest_file}))"
    if obey_permissions and sys.platform == "linux":  # root may write anywhere, unless it gives that right up:
        script += "; ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)"  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE
    return [sys.executable, "-c", script + "; os.execv(sys.argv[1], sys.argv[1:])", *command]


def start(*arguments, folder=None, **restrictions):
    """The command line in a process of its own."""
    command = [sys.executable, "-m", "minigpt", *arguments]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(restricted(command, **restrictions) if restrictions else command, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, encoding="utf-8", env=environment, cwd=folder)


def refused(process) -> str:
    """The one line with which it ended; what a run told before it is not looked at."""
    _, err = process.communicate()
    lines = err.rstrip("\n").splitlines()
    assert process.returncode == 2 and "Traceback" not in err and "Exception" not in err, err
    assert [line.startswith("minigpt train: ") for line in lines].count(True) == 1, err
    assert lines[-1].startswith("minigpt train: "), err
    return lines[-1]


def content(folder: Path, *, but=()) -> dict:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name not in but}


def wait_for_checkpoint(process, folder: Path):
    while not (folder / "newest.safetensors").is_file():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


CHANGING = ("log.jsonl", "samples.txt", "lock", "config.json")


@posix
@pytest.mark.parametrize("share", [0.0, 0.1, 0.99])
def test_a_checkpoint_that_finds_no_room_leaves_the_old_one(trained, share):
    before = content(trained, but=CHANGING)
    limit = int((trained / "newest.safetensors").stat().st_size * share)
    message = refused(start("train", "--resume", "run", "--steps", "12", largest_file=limit))
    assert "run can't be written (" in message and "File too large" in message
    assert f"{KEPT}; make room, or allow writing, then go on with python -m minigpt train --resume run" in message
    assert content(trained, but=CHANGING) == before
    assert main(["train", "--resume", "run", "--steps", "12"]) == 0
    steps = [json.loads(line)["step"] for line in (trained / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert steps == list(range(13))


@posix
@pytest.mark.parametrize("tokenizer, limit", [("char", 0), ("bpe", 30), ("char", 300), ("bpe", 1000), ("char", 4000),
                                              ("bpe", 60_000), ("char", 150_000)])
def test_a_new_run_that_finds_no_room_says_so_and_can_go_on_or_leaves_nothing(here, capsys, tokenizer, limit):
    """As the limit grows, the tokenizer, the ids, config.json, the samples, the checkpoint and the pictures meet it."""
    message = refused(start(*TRAIN, "--tokenizer", tokenizer, largest_file=limit))
    assert "run can't be written (" in message and "File too large" in message
    if Path("run").exists():
        assert "then go on with python -m minigpt train --resume run" in message
        assert not list(Path("run").rglob("*.tmp"))
        assert main(["train", "--resume", "run"]) == 0
    else:
        assert "then try again, or choose another --out" in message
    assert {path.name for path in Path().iterdir()} <= {"run", "text.txt"}


def mounted(folder: Path, size: str) -> bool:
    """A disk in memory at `folder`; False where that isn't possible."""
    folder.mkdir()
    if not shutil.which("mount") or not hasattr(os, "geteuid") or os.geteuid():
        return False
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True).returncode == 0


def test_a_full_disk(here):
    disk = here / "disk"
    if not mounted(disk, "900k"):
        pytest.skip("needs the right to mount a small disk")
    try:
        Path("disk/text.txt").write_text(TEXT, encoding="utf-8")
        process = start(*TRAIN, "--tokenizer", "char", folder=disk)
        assert "No space left on device" in refused(process)
        (disk / "run").is_dir() and shutil.rmtree(disk / "run")
        subprocess.run(["mount", "-o", "remount,size=1800k", str(disk)], check=True)
        process = start(*TRAIN, "--tokenizer", "char", folder=disk)
        _, err = process.communicate()
        assert process.returncode == 0, err
        before = content(disk / "run", but=CHANGING)
        (disk / "filler").write_bytes(b"\0" * 100_000)
        with contextlib.suppress(OSError), (disk / "rest").open("wb", buffering=0) as file:
            while True:
                file.write(b"\0" * 1024)
        message = refused(start("train", "--resume", "run", "--steps", "12", folder=disk))
        assert "No space left on device" in message and KEPT in message
        assert content(disk / "run", but=CHANGING) == before
        (disk / "rest").unlink()
        (disk / "filler").unlink()
        process = start("train", "--resume", "run", "--steps", "12", folder=disk)
        _, err = process.communicate()
        assert process.returncode == 0, err
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.fixture
def read_only(tmp_path_factory):
    """A function that forbids writing into a folder, until the test is over."""
    folders = [tmp_path_factory.mktemp("probe")]
    folders[0].chmod(0o555)
    probe = [sys.executable, "-c", f"open({str(folders[0] / 'file')!r}, 'w').close()"]
    if subprocess.run(restricted(probe, obey_permissions=True), capture_output=True).returncode == 0:
        pytest.skip("this user may write anywhere")

    def forbid(folder: Path):
        folders.append(folder)
        folder.chmod(0o555)

    yield forbid
    for folder in folders:
        folder.chmod(0o755)


@posix
def test_a_folder_made_read_only_while_running(here, read_only):
    process = start(*WITHOUT_END, obey_permissions=True)
    wait_for_checkpoint(process, here / "run")
    process.send_signal(signal.SIGSTOP)
    read_only(here / "run")
    before = content(here / "run", but=CHANGING)
    process.send_signal(signal.SIGCONT)
    message = refused(process)
    assert "run can't be written (" in message and "ermission denied" in message
    assert f"{KEPT}; make room, or allow writing, then go on with python -m minigpt train --resume run" in message
    assert {name: data for name, data in content(here / "run", but=CHANGING).items() if name.suffix != ".tmp"} == {
        name: data for name, data in before.items() if name.suffix != ".tmp"}


@posix
def test_a_folder_that_is_read_only_from_the_start(trained, read_only):
    before = content(trained)
    (trained / "lock").unlink()
    read_only(trained)
    message = refused(start("train", "--resume", "run", "--steps", "12", obey_permissions=True))
    assert f"run can't be written (Permission denied): {KEPT}" in message
    assert {path: data for path, data in before.items() if path.name != "lock"} == content(trained)
    read_only(trained.parent)
    message = refused(start(*TRAIN[:-1], "new", obey_permissions=True))
    assert "new can't be written (Permission denied): make room, or allow writing, then try again, or choose" in message


@posix
def test_a_folder_deleted_while_running(here):
    process = start(*WITHOUT_END)
    wait_for_checkpoint(process, here / "run")
    process.send_signal(signal.SIGSTOP)
    shutil.rmtree(here / "run")
    process.send_signal(signal.SIGCONT)
    assert "run can't be written (it is gone): put it back and go on, or start a new run" in refused(process)
    assert not (here / "run").exists()


def test_a_disk_that_refuses_is_told_in_one_line_wherever_the_run_meets_it(trained, capsys, monkeypatch):
    """The same on every system, by a stand-in for the disk: log, pictures and config.json."""
    from minigpt import pictures, run_folder, run_log
    from minigpt.commands import train as command
    from minigpt.commands import train_messages as messages

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    before = content(trained, but=CHANGING)
    for module, name in ((run_log, "replace_text"), (messages, "draw_loss"), (messages, "draw_attention"),
                         (run_folder, "replace_text"), (pictures, "save")):
        for path in (trained / "loss.png", trained / "attention.png"):
            path.unlink(missing_ok=True)
        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.setattr(module, name, full)
            if module is run_folder:
                patch.setattr(command, "write_json", full)
            assert main(["train", "--resume", "run", *(["--steps", "9"] if module is run_folder else [])]) == 2, name
        err = capsys.readouterr().err
        assert f"minigpt train: run can't be written (No space left on device): {KEPT}" in err.splitlines()[-1]
        assert "Traceback" not in err
    capsys.readouterr()
    assert main(["train", "--resume", "run"]) == 0  # draws what is missing
    assert {path.name for path in content(trained, but=CHANGING)} == {path.name for path in before}


def test_a_text_file_is_replaced_in_one_piece(here, monkeypatch):
    Path("old.txt").write_text("old", encoding="utf-8")
    monkeypatch.setattr(os, "fsync", lambda number: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        replace_text(Path("old.txt"), "new")
    assert Path("old.txt").read_text(encoding="utf-8") == "old" and sorted(Path().iterdir()) == [
        Path("old.txt"), Path("text.txt")]
