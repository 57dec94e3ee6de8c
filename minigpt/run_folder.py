"""The folder of a run: everything that training makes, under names that never change.

    config.json          shape of the model, training settings, and what the data was
    tokenizer.json       (and vocab.json, merges.txt for BPE)
    data/                the text as token ids
    newest.safetensors   the latest checkpoint, which --resume continues from
    best.safetensors     the one with the lowest validation loss, which generate and evaluate use
    log.jsonl            one line for each step
    samples.txt          generated text, before, during and after
    loss.png  attention.png
    lock                 held by the process that trains; it means nothing when none does
"""

import contextlib
import itertools
import json
import os
import reprlib
import shutil
from dataclasses import fields
from pathlib import Path

from minigpt import backend
from minigpt.checkpoint import check_parameters, load_checkpoint
from minigpt.errors import InputError
from minigpt.json_file import is_number, parse_json
from minigpt.memory import check_memory
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.models.gpt_size import count_parameters, generation_bytes
from minigpt.run_lock import LOCK, locked
from minigpt.text.tokenizer import load_tokenizer

CONFIG, NEWEST, BEST, LOG, SAMPLES = "config.json", "newest.safetensors", "best.safetensors", "log.jsonl", "samples.txt"
LOSS, ATTENTION = "loss.png", "attention.png"


def free_name(parent: Path, stem: str) -> Path:
    """parent/stem-1, or -2, ...: the first that isn't taken."""
    return next(path for n in itertools.count(1) if not (path := parent / f"{stem}-{n}").exists())


@contextlib.contextmanager
def new_run(folder: Path):
    """Make the folder of a run. If the setting-up inside the with-block fails, what it made is taken away again.

    Raises InputError when the folder already holds something, or another process is setting it up.
    """
    _check_empty(folder)
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    ours = False
    try:
        with locked(folder):
            _check_empty(folder)  # another process may have been faster
            ours = True
            try:
                yield
            except BaseException:
                with contextlib.suppress(OSError):  # Windows removes no file that is still mapped; the reason matters
                    for path in folder.iterdir():
                        if path.name != LOCK:
                            shutil.rmtree(path) if path.is_dir() else path.unlink()
                raise
    except BaseException:
        with contextlib.suppress(OSError):
            if ours:
                (folder / LOCK).unlink()
            for path in made:  # the innermost first, if there is nothing in it
                path.rmdir()
        raise


def _check_empty(folder: Path) -> None:
    """Raises InputError unless a run may begin in the folder."""
    if folder.exists() and (not folder.is_dir() or any(path.name != LOCK for path in folder.iterdir())):
        hint = ""
        if (folder / CONFIG).is_file():
            hint = "continue it with --resume, or "
        elif (folder / LOCK).is_file():
            hint = "if a run was killed there before its first step, delete the folder, or "
        raise InputError(f"{folder} already exists and isn't empty: {hint}choose another --out")


def write_json(path: Path, content: dict) -> None:
    """In one piece, like a checkpoint."""
    replace_text(path, json.dumps(content, indent=2) + "\n")


def replace_text(path: Path, text: str) -> None:
    """Write a file in one piece: killed at any moment, a run leaves either the old file or the new one."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_rests(folder: Path) -> None:
    """Remove the temporary files of a run that was killed while it wrote them, ours and those of safetensors."""
    for path in [*folder.glob("*.tmp"), *folder.glob(".tmp*")]:
        path.unlink()


def read_config(folder: Path) -> dict:
    """The content of config.json. Raises FileNotFoundError or InputError."""
    path = folder / CONFIG
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no run {folder}: train one with python -m minigpt train --out {folder}")
    if not path.is_file():
        raise FileNotFoundError(f"{folder} is not the folder of a run: it has no {CONFIG}")
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON ({error}): restore it, or train again") from None
    if not isinstance(content, dict) or not all(isinstance(content.get(key), dict) for key in ("model", "training")):
        raise InputError(f"{path} lacks the sections model and training: restore it, or train again")
    return content


def from_dict(cls, values: dict, path: Path):
    """A configuration dataclass from JSON. Raises InputError for missing or unknown fields, and for wrong types."""
    known = {field.name: field for field in fields(cls)}
    if set(values) != set(known):
        wrong = [name if len(name) <= 40 else name[:40] + "..." for name in sorted(set(values) ^ set(known))]
        shown = ", ".join(wrong[:20]) + (", ..." if len(wrong) > 20 else "")
        raise InputError(f"{path}: the fields {shown} are missing or unknown: it is of another version")
    for name, value in values.items():
        expected = type(known[name].default)
        fits = is_number(value) if expected is float else type(value) is expected
        if not fits:
            raise InputError(f"{path}: {name} is {reprlib.repr(value)}, which is not of type {expected.__name__}")
    try:
        return cls(**values)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def load_model(folder: Path, checkpoint: Path | None = None):
    """The model of a run, from the checkpoint named or else the best, and its tokenizer.

    A run without evaluations has no best checkpoint; then it is the newest.

    Raises FileNotFoundError or InputError, each naming the file.
    """
    shape = from_dict(GPTConfig, read_config(folder)["model"], folder / CONFIG)
    tokenizer = load_run_tokenizer(folder, shape)
    path = checkpoint or folder / (BEST if (folder / BEST).is_file() else NEWEST)
    check_parameters(path, count_parameters(shape))
    check_memory(generation_bytes(shape, backend.dtype().itemsize), "take a machine with more")
    model = GPT(shape)
    load_checkpoint(path, model)
    return model, tokenizer


def load_run_tokenizer(folder: Path, shape: GPTConfig):
    """The tokenizer of a run, which must be the one that its model was made for. Raises as load_tokenizer does."""
    tokenizer = load_tokenizer(folder)
    if tokenizer.vocab_size != shape.vocab_size:
        raise InputError(f"{folder}: the tokenizer has {tokenizer.vocab_size} tokens, the model "
                         f"{shape.vocab_size}: they are not of one run; restore the one that was changed")
    return tokenizer
