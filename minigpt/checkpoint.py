"""Checkpoints: the state of a run in one safetensors file, complete or not there at all.

The file holds each parameter under its name, what the optimizer remembers of it as "optimizer.m.NAME" and so on, and
the progress of the run as JSON in the header. It is written under a temporary name, forced to the disk, and renamed
over the old one, which the system does in one piece: killed at any moment, a run leaves either the old checkpoint or
the new one. Safetensors hold numbers and nothing else; a pickle could run any code when it is opened.
"""

import json
import math
import os
import reprlib
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from minigpt.backend import asarray, quiet, to_host, xp
from minigpt.errors import InputError
from minigpt.json_file import is_number, parse_json

LARGEST = 10**10  # a run of more steps, or seconds, than that is none


@dataclass
class Progress:
    """How far a run has come; everything that the next step needs besides weights and optimizer state."""

    step: int = 0
    validation_loss: float | None = None  # of the latest evaluation
    best_validation_loss: float | None = None
    seconds: float = 0.0  # spent so far, over all sessions of the run


def save_checkpoint(path: Path, model, optimizer, progress: Progress) -> None:
    """Replace the checkpoint at `path` in one piece. OSError where the disk refuses; the old one is then untouched."""
    # Row by row, whatever the order in memory: save_file would write down the memory as it lies, under the same shape.
    tensors = {name: np.ascontiguousarray(to_host(array)) for name, array in _arrays(model, optimizer).items()}
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


def _arrays(model, optimizer) -> dict:
    """Everything in a checkpoint by its name there: each parameter, and for each the part of the optimizer's state."""
    arrays = {name: p.data for name, p in model.parameters().items()}
    for state, vector in (optimizer.state if optimizer is not None else {}).items():
        arrays |= {f"optimizer.{state}.{name}": view for name, view in model.views(vector).items()}
    return arrays


@contextmanager
def _opened(path: Path):
    """The checkpoint file, open. InputError for whatever is wrong with it, FileNotFoundError where there is none."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}: has the run been started, and saved once?")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            yield file
    except InputError:
        raise
    except (safetensors.SafetensorError, LookupError, TypeError, ValueError, AttributeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise InputError(f"{path} is damaged ({reason}): {_use_another(path)}") from None


def check_parameters(path: Path, count: int) -> None:
    """Raises InputError unless the checkpoint is of a model with so many parameters; asked before building that."""
    with _opened(path) as file:
        names = [name for name in list(file.keys()) if not name.startswith("optimizer.")]
        stored = sum(math.prod(file.get_slice(name).get_shape()) for name in names)
    if stored != count:
        raise InputError(f"{path} holds {stored:,} parameters, the model's are {count:,}: use the config.json that "
                         "lies beside it")


def load_checkpoint(path: Path, model, optimizer=None) -> Progress:
    """Fill model (and optimizer) from the checkpoint at `path`.

    Raises FileNotFoundError, or InputError when the file is damaged or was made for another shape of model.
    """
    wanted = _arrays(model, optimizer)
    with _opened(path) as file:
        header = file.metadata() or {}
        progress, steps = _read_progress(header["progress"]), int(header["optimizer_steps"])
        if not 0 <= steps <= LARGEST:
            raise ValueError("optimizer_steps has no meaning")
        stored = {name for name in list(file.keys()) if optimizer is not None or not name.startswith("optimizer.")}
        if stored != set(wanted):
            lacks, has = (reprlib.repr(sorted(names)) for names in (set(wanted) - stored, stored - set(wanted)))
            raise InputError(f"{path} is of another model (it lacks {lacks} and has {has}): use the config.json that "
                             "lies beside it")
        loaded = {name: file.get_tensor(name) for name in wanted}
    for name, array in loaded.items():
        if array.shape != wanted[name].shape or array.dtype.kind != "f":
            raise InputError(f"{path}: {name} is {array.dtype} {array.shape}, the model's is {wanted[name].shape}; use "
                             "the config.json that lies beside it")
        with quiet():  # a float64 may be too large for a float32
            loaded[name] = asarray(array)
        if not xp.isfinite(loaded[name]).all():
            raise InputError(f"{path}: {name} holds NaN or infinity: {_use_another(path)}")
    for name, array in loaded.items():  # only now, so that a bad file changes nothing
        wanted[name][...] = array
    if optimizer is not None:
        optimizer.steps = steps
    return progress


def _read_progress(text: str) -> Progress:
    """Raises ValueError or TypeError for anything that isn't the progress of a run."""
    values = parse_json(text)
    progress = Progress(**values)
    losses = (progress.validation_loss, progress.best_validation_loss)
    if (set(values) != set(asdict(progress)) or type(progress.step) is not int or not is_number(progress.seconds)
            or not all(loss is None or is_number(loss) for loss in losses)
            or not (0 <= progress.step <= LARGEST and 0 <= progress.seconds <= LARGEST)):
        raise ValueError("its progress has no meaning")
    return progress


def _use_another(path: Path) -> str:
    others = [other for other in sorted(path.parent.glob("*.safetensors")) if other.name != path.name]
    return f"name another one, {others[0]}" if others else "train again"
