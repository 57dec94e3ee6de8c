"""Files that are damaged, or made to do damage: every command works, or refuses in one line; never more than that.

MINIGPT_FUZZ says how many files to make up for each of the tests that do (100 without it). For each of them: no
traceback, no warning, exit code 0, 2, or 1 where the training diverges; at most MOST_MEMORY bytes for Python and NumPy
together; nothing written outside the run's folder, and nothing in it by a command that only reads.
"""

import contextlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minigpt import backend
from minigpt.cli import main
from minigpt.commands import train_messages

RUNS = int(os.environ.get("MINIGPT_FUZZ", "100"))
MOST_MEMORY = 64 * 2**20
TEXT = "the cat sat on the mat and the dog sat on the log. the frog sat in the bog.\n" * 20
TRAIN = ["--preset", "tiny", "--d-model", "8", "--context-length", "8", "--num-layers", "1", "--batch-size", "2",
         "--steps", "2", "--eval-windows", "2", "--eval-every", "1", "--save-every", "1"]  # fmt: skip
COMMANDS = {
    "resume": ["train", "--resume", "run", "--steps", "3"],
    "generate": ["generate", "--model", "run", "--prompt", "the", "--tokens", "9"],
    "evaluate": ["evaluate", "--model", "run", "--json"],
}
found = Counter()  # (command, exit code) -> how often; printed at the end

many = settings(max_examples=RUNS, deadline=None, database=None, derandomize=RUNS <= 1000,
                suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module", params=["char", "bpe"])
def trained(request, tmp_path_factory):
    """A folder with text.txt, and a finished run in it."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    size = ["--vocab-size", "300"] if request.param == "bpe" else []
    call(folder, "train", *TRAIN, "--tokenizer", request.param, *size, "--data", "text.txt", "--out", "run")
    return folder


@pytest.fixture(scope="module", autouse=True)
def told():
    yield
    print(f"\nhostile files: {sum(found.values())} commands, {dict(sorted(found.items()))}")


@pytest.fixture
def undrawn(monkeypatch):
    """Pictures take half a second each, and only the log can harm them."""
    monkeypatch.setattr(train_messages, "draw_loss", lambda records, vocab_size, path: path.touch())
    monkeypatch.setattr(train_messages, "draw_attention", lambda maps, labels, path: path.touch())


def call(folder: Path, *arguments) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command in that folder."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(list(arguments))
    backend.use("numpy", "float32")
    return code, out.getvalue(), err.getvalue()


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check(folder: Path, command: str, *arguments) -> str:
    """Run a command, and hold it to the rules above; returns what it told on stderr."""
    before = content(folder)
    arguments = list(arguments) or COMMANDS[command]
    tracemalloc.start()
    try:
        code, out, err = call(folder, *arguments)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    found[command, code] += 1
    assert peak < MOST_MEMORY, f"{peak:,} bytes"
    lines = err.rstrip("\n").split("\n")
    if code == 2:
        assert lines[-1].startswith(f"minigpt {arguments[0]}: ") and len(lines[-1]) < 1000, err[:3000]
        assert sum(line.startswith("minigpt ") for line in lines) == 1, err[:3000]
    else:
        assert code == 0 or (code == 1 and lines[-1].startswith("minigpt train: the ")), err[:3000]
    assert "Traceback" not in err and "Warning" not in err
    assert all(character.isprintable() or character in "\n\t\r" for character in err)
    after = content(folder)
    if arguments[0] == "train":
        run = folder / "run"
        before, after = ({path: data for path, data in files.items() if run not in path.parents}
                         for files in (before, after))
    assert after == before
    return lines[-1] if code else ""


@contextlib.contextmanager
def copied(trained: Path):
    """A folder with a copy of the trained run, for one use."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        shutil.copytree(trained / "run", Path(folder, "run"))
        yield Path(folder)


def check_all(trained: Path, name: str, data: bytes) -> dict[str, str]:
    """What each command says when the file has that content."""
    said = {}
    for command in COMMANDS:
        with copied(trained) as folder:
            Path(folder, "run", name).write_bytes(data)
            said[command] = check(folder, command)
    return said


# ---- made by hand: each refused with the right words

LONG = 10**5
NUMBERS = {"huge": "1e400", "many digits": "1" + "0" * 400, "more than Python reads": "1" * 5000, "NaN": "NaN",
           "negative": "-1", "text": '"x"', "nothing": "null", "yes": "true", "list": "[1]", "deep": "[" * LONG,
           "deep and whole": "[" * 900 + "]" * 900, "long text": '"' + "x" * LONG + '"', "escape": r'"\u001b[31m\n"',
           "half a character": r'"\ud800"'}  # fmt: skip


def replaced(trained: Path, name: str, key: str, value: str) -> bytes:
    """The JSON file with another value, as it is written, behind one key; the key is sought in depth."""
    tree = json.loads((trained / "run" / name).read_text(encoding="utf-8"))
    owner = next(part for part in (tree, *filter(lambda part: isinstance(part, dict), tree.values())) if key in part)
    owner[key] = "HERE"
    return json.dumps(tree).replace('"HERE"', value).encode()


@pytest.mark.parametrize("value", NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize("name, key", [("config.json", "d_model"), ("config.json", "dropout"),
                                       ("config.json", "learning_rate"), ("config.json", "data"),
                                       ("data/train.json", "tokens"), ("data/validation.json", "characters")])
def test_a_value_that_is_none(trained, undrawn, name, key, value):
    said = check_all(trained, name, replaced(trained, name, key, value))
    assert Path(name).name in said["resume"] or "--steps" in said["resume"], said


@pytest.mark.parametrize("key, value", [("d_model", 10**9), ("d_ff", 10**9), ("num_layers", 10**9), ("d_model", 10**8),
                                        ("context_length", 10**9), ("vocab_size", 10**9), ("d_model", 10**30)])
def test_a_model_that_would_take_all_memory_is_refused_before_it_is_built(trained, undrawn, key, value):
    said = check_all(trained, "config.json", replaced(trained, "config.json", key, str(value)))
    for message in said.values():
        assert any(words in message for words in ("use the config.json that lies beside it", "is too large: choose at",
                                                  "does not divide", "they are not of one run")), message


def test_settings_that_would_take_all_memory_are_refused(trained, undrawn, tmp_path):
    said = check_all(trained, "config.json", replaced(trained, "config.json", "batch_size", "100000000"))
    assert "of memory and" in said["resume"] and "choose a smaller --batch-size" in said["resume"]
    config = json.loads(replaced(trained, "config.json", "context_length", "900000000"))
    config["model"]["positions"] = "sinusoidal"  # not stored, so the checkpoint can't tell
    with copied(trained) as folder:
        run = folder / "run"
        (run / "config.json").write_text(json.dumps(config), encoding="utf-8")
        for name in ("newest.safetensors", "best.safetensors"):
            tensors = {key: array for key, array in safetensors.numpy.load_file(run / name).items()
                       if "position" not in key}
            safetensors.numpy.save_file(tensors, run / name, {"progress": "{}", "optimizer_steps": "2"})
        for command in ("generate", "resume"):
            assert "of memory and" in check(folder, command)
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    for flags in (["--d-model", "200000000"], ["--batch-size", "1000000000"], ["--num-layers", "900000000"],
                  ["--context-length", "100000000"]):
        message = check(tmp_path, "train", "train", *TRAIN, "--data", "text.txt", "--out", "run", *flags)
        assert "of memory and" in message
        assert not (tmp_path / "run").exists()
    with copied(trained) as folder:
        message = check(folder, "evaluate", *COMMANDS["evaluate"], "--batch-size", "1000000000")
        assert "of memory and" in message and "--batch-size" in message


def test_unknown_and_missing_keys(trained, undrawn):
    for name, section in (("config.json", None), ("config.json", "model"), ("config.json", "training")):
        tree = json.loads((trained / "run" / name).read_text(encoding="utf-8"))
        part = tree[section] if section else tree
        part["steps\n\x1b[31m"] = 1
        message = check_all(trained, name, json.dumps(tree).encode())["resume"]
        assert "missing or unknown" in message
        del part["steps\n\x1b[31m"]
        part["steps"], part["x" * LONG] = "many", 1
        assert check_all(trained, name, json.dumps(tree).encode())["resume"]
        del part["x" * LONG]
        del part["seed" if section == "training" else "d_model" if section else "preset"]
        assert check_all(trained, name, json.dumps(tree).encode())["resume"]


SPOILT_TEXT = {"empty": b"", "binary": bytes(range(256)), "UTF-16": "{}".encode("utf-16"), "mark": b"\xef\xbb\xbf{}",
               "not JSON": b"{'a': 1}", "array": b"[]", "number": b"1e400", "deep": b"[" * LONG, "zeros": bytes(1000),
               "deep object": b'{"a":' * LONG, "cut": b'{"kind": "char"', "digits": b"1" * 5000}  # fmt: skip
TEXT_FILES = ("config.json", "tokenizer.json", "vocab.json", "merges.txt", "data/train.json", "data/validation.json")


@pytest.mark.parametrize("data", SPOILT_TEXT.values(), ids=SPOILT_TEXT)
def test_a_text_file_that_is_something_else(trained, undrawn, data):
    for name in TEXT_FILES:
        if (trained / "run" / name).is_file():
            said = check_all(trained, name, data)
            assert Path(name).name in said["resume"] and len(said["resume"]) < 400, said


def test_a_log_that_is_something_else_is_read_as_far_as_it_makes_sense(trained):
    good = (trained / "run" / "log.jsonl").read_bytes()
    lines = [b'{"step": 1, "loss": "x"}', b'{"step": 1, "loss": 1e400}', b'{"step": "x"}', b'{"step": 1e400}', b"[1]",
             b'{"step": 1, "validation_loss": [1]}', b'{"step": ' + b"9" * 400 + b', "loss": 2}', b"[" * LONG,
             b'{"step": true, "loss": 1}', b'{"step": 1, "loss": 1e308}', b'{"step": -5, "loss": 2}', b"\xff\xfe", b"",
             b'{"loss": 1}', b'{"step": 1, "loss": 1']  # fmt: skip
    for log in (good + b"\n".join(lines), b"\n".join(lines) + b"\n" + good, b"", bytes(1000), good[:-20]):
        with copied(trained) as folder:
            Path(folder, "run/log.jsonl").write_bytes(log)
            for picture in ("loss.png", "attention.png"):
                Path(folder, "run", picture).unlink()
            assert check(folder, "resume") == ""
            records = [json.loads(line) for line in Path(folder, "run/log.jsonl").read_bytes().splitlines()]
            assert records[-1]["step"] == 3 and Path(folder, "run/loss.png").stat().st_size


def test_vocabularies_that_contradict_themselves(trained, undrawn):
    if not (trained / "run/merges.txt").is_file():
        for characters in ("", "aa", "ab\ud800", 1, ["a"], None):
            said = check_all(trained, "tokenizer.json", json.dumps(
                {"kind": "char", "unknown": "error", "characters": characters}).encode())
            assert all("tokenizer.json is damaged" in message for message in said.values())
        return
    vocabulary = json.loads((trained / "run/vocab.json").read_text(encoding="utf-8"))
    merges = (trained / "run/merges.txt").read_text(encoding="utf-8").split("\n")
    names = list(vocabulary)
    for change in ({names[3]: 4}, {names[3]: None}, {names[3]: "3"}, {names[-1]: 10**400}, {"more": -1}, {"": 300},
                   {"\ud800": len(names)}, {names[5]: 5.5}):
        assert "vocab.json" in check_all(trained, "vocab.json", json.dumps(vocabulary | change).encode())["generate"]
    without = {name: i for name, i in vocabulary.items() if i != 65}
    assert "vocab.json" in check_all(trained, "vocab.json", json.dumps(without).encode())["generate"]
    twice = json.dumps(vocabulary).replace("{", '{"!": 7, ', 1).encode()
    assert check_all(trained, "vocab.json", twice)  # of two values for one name JSON takes the last
    for lines in ([*merges[:2], merges[1], *merges[2:]], [*merges, "Ġunknown token"], [*merges, "a"], merges[:-5],
                  merges[1:], merges[:1] + merges[2:], [*merges, "a b c"], [*merges, "a " + "b" * LONG],
                  [*merges, "\x1b[31m b"]):
        assert "merges.txt" in check_all(trained, "merges.txt", "\n".join(lines).encode())["generate"]


def test_token_files_of_the_wrong_length_or_with_ids_beyond_the_vocabulary(trained, undrawn):
    for name in ("data/train.bin", "data/validation.bin"):
        good = (trained / "run" / name).read_bytes()
        for data in (good[:-1], good + b"\0", b"", good * 2, good[:2]):
            assert "was cut short or changed" in check_all(trained, name, data)["resume"]
        ids = np.frombuffer(good, "<u2").copy()
        ids[-1] = 60000
        message = check_all(trained, name, ids.tobytes())["resume"]
        assert f"token id 60000 at position {len(ids) - 1} is outside the vocabulary of" in message
    for change in ({"characters": 0, "bytes": 0}, {"characters": 1, "bytes": 10**9}, {"bytes": 1}, {"dtype": "<f4"},
                   {"dtype": ["<u2"]}, {"dtype": "<u4"}, {"tokens": "12"}, {"tokens": 12.0}, {"tokens": -1}):
        description = json.loads((trained / "run/data/validation.json").read_text(encoding="utf-8")) | change
        said = check_all(trained, "data/validation.json", json.dumps(description).encode())
        assert said["resume"] and said["evaluate"]


# ---- checkpoints


def header_of(data: bytes) -> tuple[dict, bytes]:
    size = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def with_header(header: dict, rest: bytes, length=None) -> bytes:
    text = json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + rest


def both(folder: Path, spoil) -> None:
    """Change the bytes of both checkpoints of a run."""
    for name in ("newest.safetensors", "best.safetensors"):
        path = folder / "run" / name
        path.write_bytes(spoil(path.read_bytes()))


def check_checkpoint(trained: Path, spoil) -> list[str]:
    said = []
    for command in COMMANDS:
        with copied(trained) as folder:
            both(folder, spoil)
            before = Path(folder, "run/newest.safetensors").read_bytes()
            said.append(check(folder, command))
            if said[-1]:
                assert Path(folder, "run/newest.safetensors").read_bytes() == before
    return said


def test_a_checkpoint_cut_at_every_kind_of_place(trained, undrawn):
    data = (trained / "run/newest.safetensors").read_bytes()
    header = 8 + int.from_bytes(data[:8], "little")
    middle = (header + len(data)) // 2
    for length in (0, 1, 7, 8, 9, header // 2, header - 1, header, header + 1, middle, len(data) - 1):
        assert all("is damaged" in message for message in check_checkpoint(trained, lambda data, n=length: data[:n]))
    assert all("is damaged" in message for message in check_checkpoint(trained, lambda data: data + b"\0"))


@pytest.mark.parametrize("length", [0, 1, 2**31, 2**32, 2**60, 2**63, 2**64 - 1])
def test_a_header_said_to_be_of_another_length(trained, undrawn, length):
    said = check_checkpoint(trained, lambda data: length.to_bytes(8, "little") + data[8:])
    assert all("is damaged" in message for message in said)


def change_tensor(**change):
    def spoil(data):
        header, rest = header_of(data)
        header["final_norm.g"] |= change
        return with_header(header, rest)

    return spoil


def change_header(**change):
    def spoil(data):
        header, rest = header_of(data)
        header["__metadata__"] |= change
        return with_header(header, rest)

    return spoil


def progress(step=2, loss=1.0, seconds=1.0):
    return change_header(progress=f'{{"step": {step}, "validation_loss": 1, "best_validation_loss": {loss}, '
                                  f'"seconds": {seconds}}}')


SPOILT_CHECKPOINTS = {
    "overlapping": change_tensor(data_offsets=[0, 32]), "outside": change_tensor(data_offsets=[10**6, 10**6 + 32]),
    "backwards": change_tensor(data_offsets=[32, 0]), "far outside": change_tensor(data_offsets=[2**63, 2**63 + 32]),
    "offsets no numbers": change_tensor(data_offsets=["0", "32"]), "shape": change_tensor(shape=[4, 2]),
    "huge shape": change_tensor(shape=[2**40, 2**40]), "overflowing shape": change_tensor(shape=[2**62, 4]),
    "negative shape": change_tensor(shape=[-8]), "half precision": change_tensor(dtype="F16"),
    "integers": change_tensor(dtype="I32"), "bfloat16": change_tensor(dtype="BF16", shape=[16]),
    "unknown type": change_tensor(dtype="F31"), "booleans": change_tensor(dtype="BOOL", shape=[32]),
    "no progress": change_header(progress=""), "progress deep": change_header(progress="[" * LONG),
    "progress list": change_header(progress="[1, 2]"), "progress of nothing": change_header(progress="{}"),
    "unknown key": change_header(progress='{"stop": 1}'),
    "step text": progress(step='"2"'), "step -1": progress(step=-1), "step 2.5": progress(step=2.5),
    "step huge": progress(step="9" * 50), "step too long": progress(step="9" * 5000), "loss NaN": progress(loss="NaN"),
    "loss text": progress(loss='"x"'), "seconds huge": progress(seconds="1e300"), "seconds": progress(seconds="true"),
    "steps text": change_header(optimizer_steps="x"), "steps -1": change_header(optimizer_steps="-1"),
    "steps huge": change_header(optimizer_steps="9" * 400), "steps too long": change_header(optimizer_steps="9" * 5000),
}  # fmt: skip


@pytest.mark.parametrize("spoil", SPOILT_CHECKPOINTS.values(), ids=SPOILT_CHECKPOINTS)
def test_a_checkpoint_that_lies_about_itself(trained, undrawn, spoil):
    for message in check_checkpoint(trained, spoil):
        assert "newest.safetensors" in message or "best.safetensors" in message


def change_tensors(change):
    def spoil(data):
        header, _ = header_of(data)
        tensors = {name: array.copy() for name, array in safetensors.numpy.load(data).items()}
        change(tensors)
        return safetensors.numpy.save(tensors, header["__metadata__"])

    return spoil


def fill(value, dtype="float32"):
    return change_tensors(lambda t: t.update({"final_norm.g": np.full(8, value, dtype)}))


def test_a_checkpoint_with_wrong_tensors(trained, undrawn):
    for spoil, words in (
        (change_tensors(lambda t: t.pop("final_norm.g")), "parameters, the model's are"),
        (change_tensors(lambda t: t.update({"final_norm.h": t.pop("final_norm.g")})), "it lacks ['final_norm.g']"),
        (change_tensors(lambda t: t.update({"x" * LONG: t.pop("final_norm.g")})), "it lacks ['final_norm.g']"),
        (change_tensors(lambda t: t.update({"more": np.ones(1)})), "parameters, the model's are"),
        (change_tensors(lambda t: t.clear()), "parameters, the model's are"),
        (fill(np.nan), "holds NaN or infinity"), (fill(-np.inf), "holds NaN or infinity"),
        (fill(1e300, "float64"), "holds NaN or infinity"), (fill(1, "int64"), "is int64"),
    ):  # fmt: skip
        assert all(words in message for message in check_checkpoint(trained, spoil))
    assert check_checkpoint(trained, fill(1, "float64")) == check_checkpoint(trained, fill(1, "float16")) == [""] * 3
    assert all(check_checkpoint(trained, fill(3e38)))  # finite, but what it computes isn't


# ---- made up by the machine

integers = st.sampled_from([-(2**63), -1, 0, 1, 2, 3, 7, 10**13, 2**63, 10**40])
leaves = st.one_of(
    st.none(), st.booleans(), integers, st.floats(), st.text(max_size=8),
    st.sampled_from(["\ud800", "\x00", "\n\x1b[31m", "x" * LONG, "<u2", "<u4", "float64", "char", "bpe", "word", "byte",
                     "<unk>", "post", "sinusoidal", "relu", "sgd", "momentum", "linear"]),
)  # fmt: skip
values = st.one_of(leaves, st.lists(leaves, max_size=3), st.dictionaries(st.text(max_size=5), leaves, max_size=3))
written = st.sampled_from(["1e400", "-1e400", "NaN", "[" * LONG, "1" * 5000, "1" + "0" * 400, "[" * 900 + "]" * 900, "",
                           "{", '"\\ud800"', "0x10", "1_000", "01"])  # fmt: skip


def places(tree, path=()):
    """Every place in a JSON tree."""
    yield path
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


def spoil_json(tree, draw) -> bytes:
    """Change, remove, rename or add something somewhere in a JSON tree."""
    holder = {"root": tree}
    path = ("root", *draw(st.sampled_from(list(places(tree))[:400])))
    owner = holder
    for key in path[:-1]:
        owner = owner[key]
    kind = draw(st.sampled_from(["value", "value", "text", "remove", "add", "rename"]))
    inserted = None
    if kind == "value":
        owner[path[-1]] = draw(values)
    elif kind == "text":
        owner[path[-1]], inserted = "HERE", draw(written)
    elif kind == "remove" and len(path) > 1:
        del owner[path[-1]]
    elif isinstance(owner, dict) and len(path) > 1:
        owner[draw(st.text(max_size=6) | st.sampled_from(["steps", "kind", "data", "model"]))] = (
            owner.pop(path[-1]) if kind == "rename" else draw(values))
    text = json.dumps(holder.get("root"))
    if inserted is not None:
        text = text.replace('"HERE"', inserted)
    return text.encode()


def spoil_bytes(data: bytes, draw) -> bytes:
    """Cut, change, remove, insert or exchange bytes; or other bytes altogether."""
    kind = draw(st.sampled_from(["cut", "change", "remove", "insert", "repeat", "other", "encoding"]))
    place = draw(st.integers(0, max(len(data) - 1, 0)))
    end = min(place + draw(st.integers(1, 64)), len(data))
    if kind == "cut":
        return data[:place]
    if kind == "change":
        return data[:place] + draw(st.binary(min_size=end - place, max_size=end - place)) + data[end:]
    if kind == "remove":
        return data[:place] + data[end:]
    if kind == "insert":
        return data[:place] + draw(st.binary(max_size=16)) + data[place:]
    if kind == "repeat":
        return data[:end] + data[place:]
    if kind == "encoding":
        text = data.decode("latin-1")
        return draw(st.sampled_from([text.encode("utf-16"), b"\xef\xbb\xbf" + data, data.replace(b"\n", b"\r\n"),
                                     text.encode("utf-8"), bytes(64) + data]))  # fmt: skip
    return draw(st.binary(max_size=200))


def spoil_checkpoint(data: bytes, draw) -> bytes:
    header, rest = header_of(data)
    kind = draw(st.sampled_from(["bytes", "header", "length", "numbers", "progress"]))
    if kind == "bytes":
        return spoil_bytes(data, draw)
    if kind == "length":
        return with_header(header, rest, draw(st.integers(0, 2**64 - 1) | st.integers(0, 2 * len(data))))
    if kind == "numbers":
        place = draw(st.integers(0, len(rest) // 4 - 1)) * 4
        value = draw(st.floats(width=32) | st.sampled_from([3e38, -3e38, 1e-45, np.nan, np.inf]))
        return with_header(header, rest[:place] + np.array(value, "<f4").tobytes() + rest[place + 4 :])
    if kind == "progress":
        progress = spoil_json(json.loads(header["__metadata__"]["progress"]), draw).decode()
        header["__metadata__"]["progress"] = progress
        return with_header(header, rest)
    text = spoil_json(header, draw)
    return len(text).to_bytes(8, "little") + text + rest


@many
@given(data=st.data())
def test_made_up_runs(trained, undrawn, data):
    """One file of a run, spoilt."""
    draw = data.draw
    files = sorted(path.relative_to(trained / "run").as_posix() for path in content(trained / "run"))
    names = [name for name in files if not name.endswith((".png", "lock", "samples.txt"))]
    name = draw(st.sampled_from([*names, "config.json", "newest.safetensors"]))
    with copied(trained) as folder:
        path = folder / "run" / name
        good = path.read_bytes()
        if name.endswith(".safetensors"):
            spoilt = spoil_checkpoint(good, draw)
            both(folder, lambda _: spoilt)
        elif name.endswith(".json") and draw(st.booleans()):
            path.write_bytes(spoil_json(json.loads(good), draw))
        elif name.endswith(".jsonl") and draw(st.booleans()):
            lines = good.splitlines()
            spoilt = spoil_json(json.loads(draw(st.sampled_from(lines))), draw)
            path.write_bytes(b"\n".join([*lines[:1], spoilt, *lines[1:]]))
        elif name.endswith(".txt") and draw(st.booleans()):
            lines = good.decode().split("\n")
            random.Random(draw(st.integers(0, 2**32))).shuffle(lines)
            path.write_bytes("\n".join(lines).encode())
        else:
            path.write_bytes(spoil_bytes(good, draw))
        check(folder, draw(st.sampled_from(list(COMMANDS))))


@pytest.mark.parametrize("tokenizer", ["char", "byte", "word", "bpe"])
@pytest.mark.parametrize("spaces", [False, True], ids=["without spaces", "with spaces"])
def test_one_endless_line(tmp_path, tokenizer, spaces):
    """A line of 50 MB (200 kB unless the whole is asked for), in 1 GiB of memory, libraries and all."""
    size = 50_000_000 if RUNS > 1000 else 200_000
    rng = np.random.default_rng(0)
    letters = rng.integers(ord("a"), ord("z") + 1, size, dtype="uint8")
    if spaces:
        letters[rng.random(size) < 0.2] = ord(" ")
    (tmp_path / "text.txt").write_bytes(letters.tobytes())
    command = [sys.executable, "-m", "minigpt", "train", *TRAIN, "--tokenizer", tokenizer, "--data", "text.txt",
               "--out", "run"]  # fmt: skip
    if sys.platform == "linux":
        limit = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30)); "
        command = [sys.executable, "-c", limit + "os.execv(sys.argv[1], sys.argv[1:])", *command]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, encoding="utf-8")
    found["train", done.returncode] += 1
    if tokenizer == "word" and (size == 50_000_000 or not spaces):  # millions of words, or a few that are endless
        words = "there is not enough memory: choose" if size == 50_000_000 else "fewer than context_length 8 + 1"
        assert done.returncode == 2 and words in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr
    else:
        assert done.returncode == 0, done.stderr[-2000:]


texts = st.one_of(
    st.binary(max_size=400),
    st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.builds(lambda text, encoding: (text * 30).encode(encoding), st.text("abc \r\n\t\0é漢🙂", min_size=1),
              st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "gb18030"])),
    st.sampled_from([b"", b"\n" * 300, b" " * 300, b"\r\n" * 200, b"\xef\xbb\xbf", b"\0" * 300, b"a" * 5000,
                     TEXT.replace("\n", "\r\n").encode(), b"\xef\xbb\xbf" + TEXT.encode(), TEXT.encode("utf-16")]),
)  # fmt: skip


@many
@given(text=texts, tokenizer=st.sampled_from(["char", "byte", "word", "bpe"]), fraction=st.sampled_from(["0", "0.1"]))
def test_made_up_texts(undrawn, text, tokenizer, fraction):
    """A text to train on that may be none."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "text.txt").write_bytes(text)
        size = ["--vocab-size", "260"] if tokenizer == "bpe" else []
        said = check(folder, "train", "train", *TRAIN, "--tokenizer", tokenizer, *size, "--data", "text.txt", "--out",
                     "run", "--validation-fraction", fraction)
        if said:
            assert not (folder / "run").exists()
        else:
            check(folder, "generate", *COMMANDS["generate"][:-3], "\ufeff\r\n漢", "--tokens", "2")
            check(folder, "evaluate", *COMMANDS["evaluate"], "--data", "text.txt")


@pytest.mark.parametrize("error, words", [
    (MemoryError(), "minigpt generate: there is not enough memory: choose a smaller model"),
    (MemoryError("Unable to allocate 4 TiB"), "there is not enough memory (Unable to allocate 4 TiB): choose"),
])
def test_memory_that_runs_out_is_told_in_one_line(trained, monkeypatch, error, words):
    from minigpt.commands import generate

    def load_model(*arguments):
        raise error

    monkeypatch.setattr(generate, "load_model", load_model)
    with copied(trained) as folder:
        assert words in check(folder, "generate")


def test_a_name_that_is_no_text_is_told(trained, capfd):
    """On Linux a file's name may be any bytes, and standard error may be any encoding's."""
    with copied(trained):
        assert main(["train", "--data", "caf\udce9.txt", "--out", "nowhere"]) == 2
    assert "is no file, no folder and no corpus" in capfd.readouterr().err
