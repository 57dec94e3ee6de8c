"""Checkpoints: the state of a run in one safetensors file, complete or not there at all.

The file holds each parameter under its name, the optimizer's vectors as "optimizer.m" and so on, and the progress of
the run as JSON in the header. It is written under a temporary name, forced to the disk, and renamed over the old one,
which the system does in one piece: killed at any moment, a run leaves either the old checkpoint or the new one.
Safetensors hold numbers and nothing else; a pickle could run any code when it is opened.
"""

import json
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import safetensors
import safetensors.numpy

from minigpt.backend import asarray, to_host
from minigpt.errors import InputError


@dataclass
class Progress:
    """How far a run has come; everything that the next step needs besides weights and optimizer state."""

    step: int = 0
    validation_loss: float | None = None  # of the latest evaluation
    best_validation_loss: float | None = None
    seconds: float = 0.0  # spent so far, over all sessions of the run


def save_checkpoint(path: Path, model, optimizer, progress: Progress) -> None:
    """Replace the checkpoint at `path` in one piece. OSError where the disk refuses; the old one is then untouched."""
    tensors = {name: to_host(p.data) for name, p in model.parameters().items()}
    tensors |= {f"optimizer.{name}": to_host(vector) for name, vector in optimizer.state.items()}
    header = {"progress": json.dumps(asdict(progress)), "optimizer_steps": str(optimizer.steps)}
    temporary = path.with_name(path.name + ".tmp")
    try:
        safetensors.numpy.save_file(tensors, temporary, metadata=header)
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except safetensors.SafetensorError as error:
        raise OSError(f"{temporary} can't be written: {error}") from None
    finally:
        temporary.unlink(missing_ok=True)


def load_checkpoint(path: Path, model, optimizer=None) -> Progress:
    """Fill model (and optimizer) from the checkpoint at `path`.

    Raises FileNotFoundError, or InputError when the file is damaged or was made for another shape of model.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}: has the run been started, and saved once?")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            progress = Progress(**json.loads(header["progress"]))
            steps = int(header["optimizer_steps"])
            wanted = {name: p.data for name, p in model.parameters().items()}
            if optimizer is not None:
                wanted |= {f"optimizer.{name}": vector for name, vector in optimizer.state.items()}
            stored = set(file.keys())
            if optimizer is None:
                stored = {name for name in stored if not name.startswith("optimizer.")}
            if stored != set(wanted):
                raise InputError(f"{path} is of another model (it lacks {sorted(set(wanted) - stored)[:3]} and has "
                                 f"{sorted(stored - set(wanted))[:3]}): use the config.json that lies beside it")
            loaded = {name: file.get_tensor(name) for name in wanted}
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path} is damaged ({reason}): use another checkpoint of the run") from None
    for name, array in loaded.items():
        if array.shape != wanted[name].shape or array.dtype.kind != "f":
            raise InputError(f"{path}: {name} is {array.dtype} {array.shape}, the model's is {wanted[name].shape}; use "
                             "the config.json that lies beside it")
        if not math.isfinite(float(abs(array).sum())):
            raise InputError(f"{path}: {name} holds NaN or infinity: use another checkpoint of the run")
    for name, array in loaded.items():  # only now, so that a bad file changes nothing
        wanted[name][...] = asarray(array)
    if optimizer is not None:
        optimizer.steps = steps
    return progress
