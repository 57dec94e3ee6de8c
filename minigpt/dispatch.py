"""Dispatch: which implementation of an operation computes, the one of layers/ or its faster twin in fused/."""

import functools
import importlib
from collections.abc import Iterator
from contextlib import contextmanager

from minigpt import backend

_twins_in_use = True


def twin(function):
    """The faster twin of a function of layers/, where there is one and it is in use; else the function itself.

    The twin of layers/NAME.py's function is the one of the same name in fused/NAME.py. It computes the same, faster and
    less readably, on NumPy. Its backward takes what its own forward saved, and what the function's did.
    """
    if not _twins_in_use or backend.name() != "numpy" or not function.__module__.startswith("minigpt.layers."):
        return function
    return _find_twin(function)


@functools.cache
def _find_twin(function):
    try:
        room = importlib.import_module(function.__module__.replace(".layers.", ".fused."))
    except ModuleNotFoundError:  # there need be none
        return function
    return getattr(room, function.__name__, function)


@contextmanager
def without_twins() -> Iterator[None]:
    """A with-block in which only the functions of layers/ compute: to compare, or to look into what they save."""
    global _twins_in_use
    before, _twins_in_use = _twins_in_use, False
    try:
        yield
    finally:
        _twins_in_use = before
