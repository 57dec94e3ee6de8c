"""Dispatch: which implementation of an operation computes, the plain function or its faster twin in fused/.

The twin of a function in layers/NAME.py or optim.py has its name and stands in a file of that name, on NumPy in fused/,
on a GPU in fused/cuda/. It computes the same, faster and less readably. Its backward takes what its own forward saved,
and what the function's did.

A twin is used where it has a measured gain. Those for GPUs have been run on none yet, so they are used only in a block
of fused_kernels().
"""

import functools
import importlib
from collections.abc import Iterator
from contextlib import contextmanager

from minigpt import backend

_in_use = {"minigpt.fused": True, "minigpt.fused.cuda": False}


def twin(function):
    """The faster twin of a function, where there is one and it is in use; else the function itself."""
    room = "minigpt.fused" if backend.name() == "numpy" else "minigpt.fused.cuda"
    if not _in_use[room] or not function.__module__.startswith(("minigpt.layers.", "minigpt.optim")):
        return function
    return _find_twin(function, room)


@functools.cache
def _find_twin(function, room: str):
    try:
        file = importlib.import_module(f"{room}.{function.__module__.rpartition('.')[2]}")
    except ModuleNotFoundError:  # there need be none
        return function
    return getattr(file, function.__name__, function)


@contextmanager
def without_twins() -> Iterator[None]:
    """A with-block in which only the plain functions compute: to compare, or to look into what they save."""
    with _using(dict.fromkeys(_in_use, False)):
        yield


@contextmanager
def fused_kernels() -> Iterator[None]:
    """A with-block in which a GPU computes with the kernels of fused/cuda; NumPy does as without."""
    with _using({"minigpt.fused.cuda": True}):
        yield


@contextmanager
def _using(rooms: dict[str, bool]) -> Iterator[None]:
    global _in_use
    before, _in_use = _in_use, _in_use | rooms
    try:
        yield
    finally:
        _in_use = before
