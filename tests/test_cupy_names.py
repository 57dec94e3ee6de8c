"""Every name that minigpt asks of its array library exists in the real CuPy."""

import ast
import importlib.util
import sys
from pathlib import Path

import pytest
from cupy_names import SPECIAL, ask_cupy, read_list
from strict_array import METHODS, StrictArray

import minigpt

PACKAGE = Path(minigpt.__file__).parent
LIBRARY = {"xp", "cupy"}  # what the library is called in the source; in backend.py also _library.namespace


def chain(node) -> list[str]:
    """The names of a.b.c, or [] where it starts with something other than a name."""
    if isinstance(node, ast.Name):
        return [node.id]
    return [*above, node.attr] if isinstance(node, ast.Attribute) and (above := chain(node.value)) else []


def names_used() -> dict[str, str]:
    """The longest chains on the library, such as `cuda.Device` -> the place where each is used."""
    used = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts = chain(node) if isinstance(node, ast.Attribute) else []
            if parts[:2] == ["_library", "namespace"]:
                parts = ["cupy", *parts[2:]]
            if len(parts) > 1 and parts[0] in LIBRARY and parts[1] != "namespace":
                name = ".".join(parts[1:])
                used[name.replace("scipy.special", SPECIAL)] = f"{path.name}:{node.lineno}"
            if len(parts) > 1 and parts[0] == "special":
                used[f"{SPECIAL}.{parts[1]}"] = f"{path.name}:{node.lineno}"
    return used


def test_every_name_used_is_in_the_list_of_cupys():
    version, known = read_list()
    used = names_used()
    assert {"exp", "where", "asarray", "zeros", "add.at", "cuda.Device", f"{SPECIAL}.erf"} <= set(used), "search broken"
    missing = {name: place for name, place in used.items() if name not in known}
    assert not missing, f"CuPy {version} has no {missing}: use another, or rebuild the list (tests/cupy_names.py)"


def test_the_stand_in_has_no_method_that_cupy_lacks():
    known = read_list()[1]
    public = {name for name in vars(StrictArray) if not name.startswith("_")}
    assert set(METHODS) <= public
    assert not {name for name in public if f"ndarray.{name}" not in known}


@pytest.mark.skipif(importlib.util.find_spec("cupy") is None, reason="CuPy is not installed: the list stands for it")
def test_every_name_used_is_in_the_cupy_installed_here():
    version, known = ask_cupy()
    missing = {name: place for name, place in names_used().items() if name not in known}
    assert not missing, f"CuPy {version} has no {missing}"
    assert "cupy" in sys.modules
