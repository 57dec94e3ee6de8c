"""Training processes killed at random moments, again and again, end with the same bits as one that never was.

MINIGPT_KILLS says how many kills (6 without it; 100 take some minutes), MINIGPT_SEED which moments.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import safetensors
import safetensors.numpy

KILLS = int(os.environ.get("MINIGPT_KILLS", "6"))
SEED = int(os.environ.get("MINIGPT_SEED", "0"))
REPOSITORY = Path(__file__).parent.parent
TEXT = "the cat sat on the mat and the dog sat on the log. the frog sat in the bog.\n" * 40
TRAIN = ["train", "--preset", "tiny", "--d-model", "64", "--tokenizer", "char", "--dropout", "0.1", "--steps", "60",
         "--batch-size", "4", "--eval-every", "5", "--save-every", "2", "--data", "text.txt"]  # fmt: skip
CHECKPOINTS = ("newest.safetensors", "best.safetensors")


def start(folder: Path, *arguments):
    """The command in a process of its own, beside the folder of its run."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen([sys.executable, "-m", "minigpt", *arguments], stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True, encoding="utf-8", env=environment, cwd=folder.parent)


def state(path: Path) -> dict:
    """Everything in a checkpoint but how long it took."""
    with safetensors.safe_open(path, framework="numpy") as file:
        header = file.metadata()
        tensors = {name: file.get_tensor(name).tobytes() for name in file.keys()}  # noqa: SIM118
    progress = json.loads(header["progress"])
    del progress["seconds"]
    return {**tensors, "progress": progress, "steps": header["optimizer_steps"]}


def log(folder: Path) -> list[dict]:
    """The records of a run, less what depends on the clock."""
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in ("seconds", "tokens_per_second")}
            for line in lines]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with text.txt and a run that was left alone, and how many seconds that took."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    begin = time.perf_counter()
    process = start(folder / "run", *TRAIN, "--out", "run")
    _, err = process.communicate()
    assert process.returncode == 0, err
    return folder / "run", time.perf_counter() - begin


def kill(process, moment: str, folder: Path, rng: random.Random, seconds: float) -> bool:
    """Kill the process at such a moment; False where it had ended by then."""
    temporary = [folder / f"{name}.tmp" for name in CHECKPOINTS]
    if moment == "during a save":
        saves = rng.randrange(20)  # so many are let pass
        while process.poll() is None and saves >= 0:
            if any(path.exists() for path in temporary):
                saves -= 1
                while saves >= 0 and process.poll() is None and any(path.exists() for path in temporary):
                    pass
    else:
        if moment == "while training":
            while process.poll() is None and not (folder / "log.jsonl").is_file():
                time.sleep(0.002)
            seconds /= 2
        time.sleep(rng.random() * seconds)
    if process.poll() is not None:
        return False
    process.kill()
    process.communicate()
    return process.returncode != 0


def check_after_kill(folder: Path, whole: Path) -> None:
    """What a killed run leaves behind is whole, as far as it got."""
    if (folder / "config.json").is_file():
        assert (folder / "config.json").read_bytes() == (whole / "config.json").read_bytes()
    for name in CHECKPOINTS:
        if (folder / name).is_file():
            safetensors.numpy.load_file(folder / name)
    if (folder / "log.jsonl").is_file():
        for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()[:-1]:
            assert "step" in json.loads(line)


def test_runs_killed_at_random_moments_end_with_the_same_bits(whole, tmp_path):
    whole, seconds = whole
    rng = random.Random(SEED)
    moments = ["anywhere", "while training", "during a save"]
    found = {"anywhere": 0, "while training": 0, "during a save": 0, "temporary file left": 0, "setting up": 0}
    kills = runs = 0
    while kills < KILLS:
        runs += 1
        folder = tmp_path / str(runs) / "run"
        folder.parent.mkdir()
        shutil.copy(whole.parent / "text.txt", folder.parent)
        arguments, err = [*TRAIN, "--out", "run"], ""
        for _ in range(20):
            process = start(folder, *arguments)
            moment = moments[kills % len(moments)]
            more = kills < KILLS and rng.random() < 0.8
            if more and kill(process, moment, folder, rng, seconds):
                kills += 1
                found[moment] += 1
                found["temporary file left"] += any((folder / f"{name}.tmp").exists() for name in CHECKPOINTS)
                check_after_kill(folder, whole)
                if (folder / "config.json").is_file():
                    arguments = ["train", "--resume", "run"]
                else:  # it had not begun, so there is nothing to go on with
                    found["setting up"] += 1
                    if folder.exists():
                        shutil.rmtree(folder)
                continue
            _, err = process.communicate()
            assert process.returncode == 0, err
            break
        assert process.returncode == 0
        for name in CHECKPOINTS:
            assert state(folder / name) == state(whole / name), (runs, name)
        assert log(folder) == log(whole)
        assert (folder / "config.json").read_bytes() == (whole / "config.json").read_bytes()
        assert {path.name for path in folder.rglob("*")} == {path.name for path in whole.rglob("*")}, runs
    print(f"{kills} kills of {runs} runs: {found}")
    if KILLS >= 6:
        assert found["temporary file left"], "no kill fell into a save"
