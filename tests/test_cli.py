"""The command line as a user meets it: what it prints where, what it leaves on disk, and how it refuses bad input."""

import builtins
import json
import math
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minigpt.cases import CASES
from minigpt.cli import main
from minigpt.commands.reporter import visible
from minigpt.parallel.workers import describe
from minigpt.train_config import RECIPES

REPOSITORY = Path(__file__).parent.parent
TEXT = "the cat sat on the mat and the dog sat on the log. the frog sat in the bog.\n" * 40
TINY = ["--preset", "tiny", "--tokenizer", "char"]
SMALL = [*TINY, "--steps", "8", "--batch-size", "4", "--eval-every", "4", "--save-every", "3"]


def call(capsys, *arguments):
    """exit code, stdout, stderr of one command."""
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    return code, out, err


def last_line(err):
    return err.rstrip("\n").splitlines()[-1]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with text.txt and a finished run in it."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    assert main(["train", *SMALL, "--data", str(folder / "text.txt"), "--out", str(folder / "run")]) == 0
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty current folder with a text in it."""
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT, encoding="utf-8")
    return tmp_path


# ---- what the commands do


def test_train_fills_its_folder(trained):
    names = {path.name for path in (trained / "run").iterdir()}
    assert names == {"config.json", "tokenizer.json", "data", "newest.safetensors", "best.safetensors", "log.jsonl",
                     "samples.txt", "loss.png", "attention.png", "lock"}  # fmt: skip
    for picture in ("loss.png", "attention.png"):
        assert (trained / "run" / picture).read_bytes().startswith(b"\x89PNG")
    log = [json.loads(line) for line in (trained / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [record["step"] for record in log] == list(range(9))
    samples = (trained / "run" / "samples.txt").read_text(encoding="utf-8")
    assert [f"after {step} of 8 steps" in samples for step in (0, 2, 4, 6, 8)] == [True] * 5


def test_the_number_of_workers_is_recorded_and_a_resumed_run_keeps_it(here, capsys):
    train = ["train", *SMALL, "--data", "text.txt", "--out", "run", "--workers", "3"]
    code, _, err = call(capsys, *train)
    assert code == 0 and describe(3) in err
    config = Path("run/config.json")
    assert json.loads(config.read_text(encoding="utf-8"))["workers"] == 3
    assert describe(3) in call(capsys, "train", "--resume", "run", "--steps", "10")[2]
    assert describe(1) in call(capsys, "train", "--resume", "run", "--steps", "12", "--workers", "1")[2]
    assert "choose --workers 1 to 4" in call(capsys, "train", "--resume", "run", "--steps", "14", "--workers", "5")[2]
    content = json.loads(config.read_text(encoding="utf-8"))
    del content["workers"]  # a run from before there were any
    config.write_text(json.dumps(content), encoding="utf-8")
    code, _, err = call(capsys, "train", "--resume", "run", "--steps", "14")
    assert code == 0 and describe(1) in err
    for wrong in (0, 5, "2", 1.5, True):
        config.write_text(json.dumps({**content, "workers": wrong}), encoding="utf-8")
        code, _, err = call(capsys, "train", "--resume", "run", "--steps", "16")
        assert code == 2 and "not 1 to 4" in last_line(err)


def test_nanogpts_recipe_is_a_preset_over_characters(here, capsys):
    train = ["train", "--preset", "nanogpt", "--steps", "2", "--batch-size", "2", "--data", "text.txt", "--out"]
    code, _, err = call(capsys, *train, "run")
    assert code == 0, err
    content = json.loads(Path("run/config.json").read_text(encoding="utf-8"))
    assert content["tokenizer"] == "char" and content["model"]["d_model"] == 128 and content["model"]["dropout"] == 0
    recipe = RECIPES["nanogpt"]
    assert (recipe["steps"], recipe["batch_size"], recipe["learning_rate"], recipe["warmup"]) == (2000, 12, 1e-3, 100)
    assert (recipe["final_share"], recipe["beta1"], recipe["beta2"], recipe["weight_decay"]) == (0.1, 0.9, 0.99, 0.1)
    call(capsys, *train, "words", "--tokenizer", "word")
    assert json.loads(Path("words/config.json").read_text(encoding="utf-8"))["tokenizer"] == "word"


def test_train_shows_samples_on_stdout_and_everything_else_on_stderr(here, capsys):
    code, out, err = call(capsys, "train", *SMALL, "--data", "text.txt")
    assert code == 0
    assert out.count("--- after ") == 5 and "tokens" not in out
    for words in ("parameters", "MFLOPs a token", "saved for backward", "predicted", "bits per character",
                  "loss.png", "python -m minigpt generate --model"):
        assert words in err
    assert Path("runs/text-1/best.safetensors").is_file()
    command = next(line for line in err.splitlines() if "minigpt generate" in line)
    assert f"--model {Path('runs/text-1')}" in command
    assert call(capsys, "train", *SMALL, "--data", "text.txt")[0] == 0 and Path("runs/text-2").is_dir()


def test_train_json_is_one_object_a_line(here, capsys):
    code, out, err = call(capsys, "train", *SMALL, "--data", "text.txt", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    steps = [line for line in lines if "loss" in line and "run" not in line]
    assert code == 0 and [line["step"] for line in steps] == list(range(1, 9))
    assert {"step", "loss", "learning_rate", "gradient_norm", "tokens_per_second", "seconds"} <= set(steps[0])
    assert [line["step"] for line in lines[:-1] if "validation_loss" in line] == [0, 4, 8]
    assert len([line for line in lines if "sample" in line]) == 5
    final = lines[-1]
    assert final["run"] == str(Path("runs/text-1")) and final["bits_per_character"] > 0
    assert "loss" not in final and final["perplexity"] == pytest.approx(math.exp(final["validation_loss"]))
    assert final["saved_bytes"] == pytest.approx(final["predicted_saved_bytes"], rel=0.01)


def test_the_default_tokens_are_bpe(here, capsys):
    flags = [flag for flag in SMALL if flag not in ("--tokenizer", "char")]
    assert call(capsys, "train", *flags, "--data", "text.txt", "--out", "run")[0] == 0
    assert json.loads(Path("run/tokenizer.json").read_text(encoding="utf-8"))["kind"] == "bpe"
    assert Path("run/vocab.json").is_file() and Path("run/merges.txt").is_file()


@pytest.mark.parametrize("tokenizer", ["char", "byte", "word", "bpe"])
def test_every_tokenizer_trains_generates_and_evaluates(here, capsys, tokenizer):
    size = ["--vocab-size", "300"] if tokenizer == "bpe" else []
    assert call(capsys, "train", *SMALL, "--data", "text.txt", "--tokenizer", tokenizer, *size, "--out", "run")[0] == 0
    code, out, _ = call(capsys, "generate", "--model", "run", "--prompt", "the cat", "--tokens", "5")
    assert code == 0 and out.startswith("the cat") and len(out) > len("the cat") + 1
    code, out, _ = call(capsys, "evaluate", "--model", "run", "--data", "text.txt", "--json")
    result = json.loads(out)
    assert code == 0 and result["characters"] == result["bytes"] == len(TEXT)
    assert result["perplexity"] == pytest.approx(math.exp(result["loss"]))
    assert result["bits_per_character"] == pytest.approx(
        result["loss"] * result["tokens"] / math.log(2) / result["characters"])


def test_every_architecture_trains(here, capsys):
    flags = [["--norm", "post", "--dropout", "0.1"], ["--attention-window", "4", "--positions", "sinusoidal"],
             ["--tied-embedding", "no", "--activation", "relu", "--d-ff", "40", "--optimizer", "momentum"]]
    for number, extra in enumerate(flags):
        code, _, err = call(capsys, "train", *SMALL, "--data", "text.txt", "--out", f"run{number}", *extra)
        assert code == 0, err
    model = json.loads(Path("run2/config.json").read_text(encoding="utf-8"))["model"]
    assert (model["tied_embedding"], model["activation"], model["d_ff"]) == (False, "relu", 40)


def test_generate_is_decided_by_its_seed_and_takes_every_flag(trained, capsys):
    def generate(*flags):
        code, out, err = call(capsys, "generate", "--model", trained / "run", "--prompt", "the", "--tokens", 30, *flags)
        assert code == 0, err
        return out

    assert generate("--seed", 1) == generate("--seed", 1) != generate("--seed", 2)
    assert generate("--seed", 1) == generate("--seed", 1, "--no-cache")
    assert generate("--temperature", 0) == generate("--temperature", 0, "--seed", 9) == generate("--top-k", 1)
    assert generate("--beams", 1) == generate("--temperature", 0)
    assert len(generate("--temperature", 0.8, "--top-k", 40, "--top-p", 0.95, "--min-p", 0.01,
                        "--repetition-penalty", 1.1)) == len("the") + 30 + 1
    long = generate("--seed", 1)
    cut = generate("--seed", 1, "--stop", long[10:12])
    assert long.startswith(cut.rstrip("\n")) and long[10:12] not in cut[3:]
    answer = json.loads(generate("--seed", 1, "--json"))
    assert answer["prompt"] + answer["text"] == long[:-1]


def test_generate_takes_a_prompt_longer_than_the_context(trained, capsys):
    prompt = TEXT[:100].replace("\n", " ")
    code, out, _ = call(capsys, "generate", "--model", trained / "run", "--prompt", prompt, "--tokens", 40)
    assert code == 0 and out.startswith(prompt) and len(out) == 100 + 40 + 1


def test_evaluate_without_data_takes_the_validation_text(trained, capsys):
    code, out, err = call(capsys, "evaluate", "--model", trained / "run")
    assert code == 0 and re.search(r"over 3\d\d tokens, 3\d\d characters", err)  # a tenth of the text
    for words in ("loss", "perplexity", "bits per character", "bits per byte"):
        assert words in out


def test_gradcheck_prints_every_array_and_says_all_is_well(capsys):
    code, out, err = call(capsys, "gradcheck", "LayerNorm", "attention")
    attentions = [case for case in CASES if case.subject == "attention"]
    arrays = len(("x", "g", "b")) + len(("q", "k", "v")) * len(attentions)
    assert code == 0 and f"all {arrays} gradients agree" in err
    assert len(out.splitlines()) == 1 + arrays
    code, out, _ = call(capsys, "gradcheck", "linear", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [(line["name"], line["array"]) for line in lines] == [
        ("linear", "x"), ("linear", "w"), ("linear", "b"), ("linear no bias", "x"), ("linear no bias", "w")]
    assert all(line["relative_error"] < 1e-6 and line["passed"] for line in lines)


def test_gradcheck_fails_aloud_when_a_gradient_is_wrong(capsys, monkeypatch):
    from minigpt.layers import layer_norm

    right = layer_norm.layer_norm_backward

    def wrong(dy, saved):
        dx, dg, db = right(dy, saved)
        return dx, -dg, db

    monkeypatch.setattr(layer_norm, "layer_norm_backward", wrong)
    code, out, err = call(capsys, "gradcheck", "LayerNorm")
    assert code == 1 and "1 of 3 gradients are wrong" in err
    assert out.count("WRONG") == 1 and "backward says" in out


def test_size_counts_what_no_machine_could_hold(capsys):
    code, out, _ = call(capsys, "size", "--preset", "gpt3-175b", "--json")
    assert code == 0 and json.loads(out)["parameters"] == 174_604_259_328
    code, out, _ = call(capsys, "size", "--preset", "gpt2", "--d-model", 60)
    assert code == 0 and "d_ff 240" in out


@pytest.mark.parametrize("command", [[], ["train"], ["generate"], ["evaluate"], ["gradcheck"], ["size"]])
def test_help(capsys, command):
    code, out, _ = call(capsys, *command, "--help")
    assert code == 0 and "usage: python -m minigpt" in out
    assert "==SUPPRESS==" not in out


def test_train_help_explains_every_flag(capsys):
    out = call(capsys, "train", "--help")[1]
    for flag in ("--data", "--tokenizer", "--vocab-size", "--preset", "--steps", "--batch-size", "--learning-rate",
                 "--eval-every", "--save-every", "--seed", "--out", "--backend", "--dtype", "--resume", "--d-model",
                 "--num-layers", "--num-heads", "--context-length", "--d-ff", "--dropout", "--json"):
        assert f"{flag} " in out


def test_control_characters_do_not_reach_a_terminal():
    assert visible("a\x1b[31mb\x07\tc\nd é漢\x7f") == "a\ufffd[31mb\ufffd\tc\nd é漢\ufffd"


def test_the_printed_command_generates(here, capsys):
    """Typed as printed, also for a folder with a blank in it and a text that has no English."""
    Path("诗.txt").write_text("床前明月光，疑是地上霜。举头望明月，低头思故乡。\n" * 60, encoding="utf-8")
    code, _, err = call(capsys, "train", *SMALL, "--data", "诗.txt", "--out", "my run")
    assert code == 0, err
    command = next(line for line in err.splitlines() if line.startswith("more")).removeprefix("more").strip()
    words = shlex.split(command)
    assert words[:4] == ["python", "-m", "minigpt", "generate"] and words[words.index("--model") + 1] == "my run"
    assert call(capsys, *words[3:])[0] == 0


def test_a_short_run_warms_up_and_looks_in_proportion(here, capsys):
    call(capsys, "train", "--preset", "small", "--d-model", "16", "--steps", "16", "--data", "text.txt", "--out", "run")
    training = json.loads(Path("run/config.json").read_text(encoding="utf-8"))["training"]
    assert (training["warmup"], training["eval_every"], training["save_every"]) == (1, 2, 2)
    call(capsys, "train", *SMALL, "--warmup", "7", "--data", "text.txt", "--out", "asked")
    training = json.loads(Path("asked/config.json").read_text(encoding="utf-8"))["training"]
    assert (training["warmup"], training["eval_every"], training["save_every"]) == (7, 4, 3)


def test_a_run_without_validation_text_says_so(here, capsys):
    code, _, err = call(capsys, "train", *SMALL, "--data", "text.txt", "--validation-fraction", "0", "--out", "run")
    assert code == 0 and "none to validate on" in err and "result   not measured" in err
    assert "kept no validation text: give --data FILE" in refused(capsys, "evaluate", "--model", "run")


def test_a_checkpoint_can_be_named(trained, tmp_path, capsys):
    run, few = tmp_path / "run", ["--prompt", "the", "--tokens", "3"]
    shutil.copytree(trained / "run", run)
    shutil.copy(run / "best.safetensors", run / "kept.safetensors")
    (run / "best.safetensors").write_bytes(b"spoilt")
    code, out, err = call(capsys, "generate", "--model", run, *few)
    assert code == 2 and f"name another one, {run / 'kept.safetensors'}" in err
    for name in ("kept", "newest"):
        assert call(capsys, "generate", "--model", run / f"{name}.safetensors", *few)[0] == 0
    shutil.copy(run / "kept.safetensors", run / "best.safetensors")
    (run / "newest.safetensors").write_bytes(b"spoilt")
    assert call(capsys, "train", "--resume", run, "--steps", 12)[0] == 2
    assert json.loads((run / "config.json").read_text(encoding="utf-8"))["training"]["steps"] == 8  # as before
    code, _, err = call(capsys, "train", "--resume", run / "best.safetensors", "--steps", 12)
    assert code == 0 and "follows the schedule of 12 steps from here" in err


# ---- stopping and going on


def weights(folder):
    return (folder / "newest.safetensors").read_bytes()


def test_resume_ends_with_the_same_bytes(here, capsys):
    flags = ["--data", "text.txt", *SMALL]
    assert call(capsys, "train", *flags, "--out", "whole")[0] == 0
    assert call(capsys, "train", *flags, "--out", "parts")[0] == 0
    assert tensors("whole") == tensors("parts")


def tensors(folder):
    import safetensors.numpy

    return {name: array.tobytes() for name, array in
            safetensors.numpy.load_file(Path(folder) / "newest.safetensors").items()}


def start(*arguments):
    """The command in a process of its own."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen([sys.executable, "-m", "minigpt", *arguments], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, encoding="utf-8", env=environment)


def wait_for_step(folder, step, process):
    log = Path(folder) / "log.jsonl"
    while process.poll() is None:
        if log.is_file() and len(log.read_text(encoding="utf-8").splitlines()) > step:
            return
        time.sleep(0.01)
    raise AssertionError(process.communicate())


LONG = [*TINY, "--steps", "60", "--eval-every", "20", "--save-every", "10", "--dropout", "0.1", "--batch-size", "8"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    process = start("train", *LONG, "--data", str(folder / "text.txt"), "--out", str(folder / "run"))
    assert process.wait() == 0, process.communicate()
    process.communicate()
    return tensors(folder / "run")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process's child alone")
@pytest.mark.parametrize("name, code", [("SIGINT", 130), ("SIGTERM", 143)])
def test_ctrl_c_saves_and_says_how_to_go_on(here, uninterrupted, name, code):
    process = start("train", *LONG, "--data", "text.txt", "--out", "run")
    wait_for_step("run", 13, process)
    process.send_signal(getattr(signal, name))
    out, err = process.communicate()
    assert process.returncode == code and "Traceback" not in err
    assert "is saved. To go on:\n    python -m minigpt train --resume run" in err
    process = start("train", "--resume", "run")
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert "going on after step" in err
    assert tensors("run") == uninterrupted
    log = [json.loads(line)["step"] for line in Path("run/log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert log == list(range(61))


def test_a_killed_run_is_resumed_to_the_same_weights(here, uninterrupted):
    process = start("train", *LONG, "--data", "text.txt", "--out", "run")
    wait_for_step("run", 27, process)
    process.kill()
    process.communicate()
    process = start("train", "--resume", "run")
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert tensors("run") == uninterrupted
    log = [json.loads(line)["step"] for line in Path("run/log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert log == list(range(61))  # the steps made twice are logged once


def test_a_finished_run_can_be_made_longer_and_otherwise_is_left_alone(trained, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(trained / "run", run)
    before = weights(run)
    code, _, err = call(capsys, "train", "--resume", run)
    assert code == 0 and "is complete" in err and "--steps 16" in err and weights(run) == before
    code, _, err = call(capsys, "train", "--resume", run, "--steps", 12)
    assert code == 0 and "going on after step 8" in err
    assert json.loads((run / "config.json").read_text(encoding="utf-8"))["training"]["steps"] == 12
    assert call(capsys, "train", "--resume", run / "newest.safetensors")[0] == 0  # the file stands for its folder


def test_a_diverging_run_says_where_and_keeps_the_last_good_checkpoint(here, capsys):
    code, _, err = call(capsys, "train", *SMALL, "--data", "text.txt", "--out", "run", "--optimizer", "sgd",
                        "--learning-rate", "1e30", "--schedule", "constant", "--clip", "0", "--warmup", "0")
    assert code == 1 and "Traceback" not in err
    assert "at step " in err and "learning rate 1e+30" in err and "norm" in err
    assert "holds the last good checkpoint; start anew with a lower --learning-rate" in err
    assert call(capsys, "generate", "--model", "run", "--prompt", "the", "--tokens", "3")[0] == 0


def test_training_goes_on_when_nobody_reads_its_samples(here):
    process = start("train", *LONG, "--data", "text.txt", "--out", "run")
    process.stdout.read(5)
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 0, err
    assert "nobody reads standard output any more: training goes on" in err and "Traceback" not in err
    assert len(Path("run/log.jsonl").read_text(encoding="utf-8").splitlines()) == 61


def test_output_into_a_closed_pipe_is_no_error(trained):
    process = start("generate", "--model", str(trained / "run"), "--prompt", "the", "--tokens", "3000")
    process.stdout.read(5)
    process.stdout.close()
    assert process.wait() == 0
    assert process.stderr.read() == ""
    process.stderr.close()


# ---- bad input: one line with the cure, exit code 2, nothing lost


def refused(capsys, *arguments):
    """The one line with which a command refuses; nothing new may lie in the current folder afterwards."""
    before = sorted(Path().rglob("*"))
    code, out, err = call(capsys, *arguments)
    assert code == 2, (code, out, err)
    assert out == "" and err.count("\n") == 1 and err.startswith(("minigpt", "python -m minigpt")), err
    assert "Traceback" not in err
    assert sorted(Path().rglob("*")) == before
    return err


BAD_TRAINING = {
    "empty file": (["--data", "empty.txt"], "there is no text in empty.txt: 0 characters; give --data a file that"),
    "too short": (["--data", "short.txt"], "fewer than context_length 32 + 1: choose --context-length"),
    "not UTF-8": (["--data", "latin1.txt"], "offset 3"),
    "missing file": (["--data", "nothing.txt"], "'nothing.txt' is no file, no folder and no corpus"),
    "missing folder": (["--data", "no/such/folder"], "is no file, no folder and no corpus"),
    "empty folder": (["--data", "folder"], "has no text file in it"),
    "nearly a corpus": (["--data", "pydocs"], "did you mean pydoc?"),
    "heads": (["--d-model", "6", "--num-heads", "4"], "d_model 6 does not divide into 4 heads: choose num_heads that"),
    "preset": (["--preset", "tinny"], "unknown preset 'tinny': did you mean tiny?"),
    "preset far away": (["--preset", "zzz"], "choose one of tiny, small"),
    "tokenizer": (["--tokenizer", "chars"], "choose from"),
    "vocabulary": (["--tokenizer", "bpe", "--vocab-size", "10"], "256"),
    "number": (["--steps", "many"], "invalid int value: 'many'"),
    "steps": (["--steps", "0"], "steps 0 is too small: choose at least 1"),
    "flag": (["--layers", "3"], "unrecognized arguments: --layers 3: did you mean --num-layers?"),
    "flag of another name": (["--lr", "3"], "python -m minigpt train: unrecognized arguments: --lr 3"),
    "seed": (["--seed", "-1"], "seed -1"),
    "optimizer": (["--optimizer", "adamm"], "choose one of adamw, adam, momentum, sgd"),
    "schedule": (["--schedule", "cos"], "choose one of constant, linear, cosine, inverse_sqrt"),
    "yes or no": (["--tied-embedding", "maybe"], "'maybe' is neither yes nor no"),
    "fraction": (["--validation-fraction", "1.5"], "1.5"),
    "no cupy": (["--backend", "cupy"], "--backend numpy"),
}


@pytest.mark.parametrize("flags, words", BAD_TRAINING.values(), ids=BAD_TRAINING)
def test_train_refuses(here, capsys, monkeypatch, flags, words):
    Path("empty.txt").touch()
    Path("short.txt").write_text("too short", encoding="utf-8")
    Path("latin1.txt").write_bytes("caf\xe9 au lait".encode("latin-1"))
    Path("folder").mkdir()
    if "cupy" in flags:
        monkeypatch.setitem(sys.modules, "cupy", None)  # makes `import cupy` fail
    if "--preset" not in flags:
        flags = ["--preset", "tiny", *flags]
    if "--tokenizer" not in flags:
        flags = [*flags, "--tokenizer", "char"]
    if "--data" not in flags:
        flags = [*flags, "--data", "text.txt"]
    assert words in refused(capsys, "train", *flags)


def test_train_says_when_python_comes_without_pydoc_data(here, capsys, monkeypatch):
    real = builtins.__import__
    monkeypatch.setitem(sys.modules, "pydoc_data", None)
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    assert builtins.__import__ is real
    message = refused(capsys, "train")
    assert "pydoc_data" in message and "--data FILE" in message


def test_train_does_not_overwrite(trained, here, capsys):
    shutil.copytree(trained / "run", "run")
    before = weights(Path("run"))
    assert "continue it with --resume, or choose another --out" in refused(
        capsys, "train", *SMALL, "--data", "text.txt", "--out", "run")
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("x", encoding="utf-8")
    assert "choose another --out" in refused(capsys, "train", *SMALL, "--data", "text.txt", "--out", "mine")
    assert weights(Path("run")) == before


BAD_RESUMES = {
    "shape": (["--d-model", "64"], "was started with --d-model 32, a resumed run can't change that to 64"),
    "training": (["--learning-rate", "0.5"], "--learning-rate"),
    "seed": (["--seed", "3"], "--seed 0"),
    "data": (["--data", "other.txt"], "--data"),
    "tokenizer": (["--tokenizer", "byte"], "--tokenizer char"),
    "vocabulary": (["--vocab-size", "300"], "--vocab-size"),
    "preset": (["--preset", "small"], "--preset tiny"),
    "precision": (["--dtype", "float64"], "--dtype float32"),
    "fewer steps": (["--steps", "4"], "started with --steps 8: 4 would cut it short"),
    "elsewhere": (["--out", "there"], "leave out --out"),
}


@pytest.mark.parametrize("flags, words", BAD_RESUMES.values(), ids=BAD_RESUMES)
def test_resume_refuses_a_changed_run(trained, here, capsys, flags, words):
    shutil.copytree(trained / "run", "run")
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    assert words in refused(capsys, "train", "--resume", "run", *flags)
    assert all(path.read_bytes() == content for path, content in before.items())


@pytest.mark.parametrize("command", [["train", "--resume"], ["evaluate", "--model"],
                                     ["generate", "--prompt", "x", "--model"]])
def test_a_missing_or_broken_run_is_refused(trained, here, capsys, command):
    assert "there is no run nowhere" in refused(capsys, *command, "nowhere")
    Path("mine").mkdir()
    assert "mine is not the folder of a run: it has no config.json" in refused(capsys, *command, "mine")
    shutil.copytree(trained / "run", "run")
    config = Path("run/config.json")
    good = config.read_text(encoding="utf-8")
    for bad, words in (("{", "is not valid JSON"), ("[1]", "lacks the sections"), ("{}", "lacks the sections"),
                       (good.replace('"d_model": 32', '"d_modle": 32'), "d_model, d_modle are missing or unknown"),
                       (good.replace('"d_model": 32', '"d_model": "32"'), "d_model is '32', which is not of type int"),
                       (good.replace('"d_model": 32', '"d_model": 36'), "the model's are")):
        config.write_text(bad, encoding="utf-8")
        assert words in refused(capsys, *command, "run")
    config.write_text(good, encoding="utf-8")
    for name in ("newest.safetensors", "best.safetensors"):
        Path("run", name).write_bytes(b"\x08")
    if command[0] != "train":  # a finished run is not read by train
        assert "is damaged" in refused(capsys, *command, "run")


BAD_GENERATION = {
    "empty prompt": (["--prompt", ""], "the prompt is empty: give at least one character"),
    "unknown character": (["--prompt", "the Ω"], "U+03A9"),
    "temperature": (["--prompt", "x", "--temperature", "-1"], "temperature -1.0 has no meaning: choose 0"),
    "top-p 0": (["--prompt", "x", "--top-p", "0"], "top-p 0.0 is outside (0, 1]"),
    "top-p 2": (["--prompt", "x", "--top-p", "2"], "top-p 2.0 is outside (0, 1]"),
    "top-k": (["--prompt", "x", "--top-k", "-1"], "top-k -1 is negative"),
    "tokens": (["--prompt", "x", "--tokens", "-1"], "--tokens -1 is negative"),
    "beams": (["--prompt", "the", "--beams", "-2"], "--beams -2 is negative: choose 0 (off)"),
    "beams at random": (["--prompt", "the", "--beams", "2", "--top-p", "0.5"], "nothing at random: leave out --top-p"),
    "dash": (["--prompt", "-x"], "as in --prompt=-x"),
    "beams, no prompt": (["--prompt", "", "--beams", "2"], "the prompt is empty"),
    "stop": (["--prompt", "the", "--stop", ""], "a stop string is empty"),
    "seed": (["--prompt", "the", "--seed", "-4"], "seed -4 is negative"),
    "no prompt": ([], "--prompt"),
}


@pytest.mark.parametrize("flags, words", BAD_GENERATION.values(), ids=BAD_GENERATION)
def test_generate_refuses(trained, here, capsys, flags, words):
    assert words in refused(capsys, "generate", "--model", trained / "run", *flags)


def test_evaluate_refuses(trained, here, capsys):
    Path("empty.txt").touch()
    Path("greek.txt").write_text("αβγ", encoding="utf-8")
    Path("latin1.txt").write_bytes(b"caf\xe9 au lait")
    for flags, words in ((["--data", "empty.txt"], "empty"), (["--data", "greek.txt"], "U+03B1"),
                         (["--data", "latin1.txt"], "offset 3"), (["--data", "none.txt"], "is no file"),
                         (["--batch-size", "0"], "batch size 0")):
        assert words in refused(capsys, "evaluate", "--model", trained / "run", *flags)


def test_gradcheck_and_size_refuse_unknown_names(here, capsys):
    assert "did you mean layer_norm" in refused(capsys, "gradcheck", "layernorm")
    assert "did you mean gpt2" in refused(capsys, "size", "--preset", "gtp2")


def test_no_command_is_refused_with_a_hint(here, capsys):
    assert "--help" in refused(capsys)
    assert "--help" in refused(capsys, "trian")


def test_a_defect_of_ours_keeps_its_traceback(trained, monkeypatch):
    import minigpt.commands.evaluate as command

    monkeypatch.setattr(command, "evaluate", lambda *rest: [][1])
    with pytest.raises(IndexError):
        main(["evaluate", "--model", str(trained / "run")])
