"""Show a docstring as it is written: its prose as paragraphs, what is indented or aligned in it letter by letter.

Our docstrings are plain text. Sphinx reads them as reStructuredText, in which a star or a bar may mean anything.
"""

import inspect
import re
from importlib import import_module
from itertools import groupby


def to_rst(lines: list[str]) -> list[str]:
    """The lines of a docstring as reStructuredText."""
    found = []
    for empty, group in groupby(lines, key=lambda line: not line.strip()):
        if empty:
            continue
        paragraph = list(group)
        if any(re.match(r"\s|[-*] |\d+\. |\(\d+\) |.*\S  +\S", line) for line in paragraph):
            found += ["::", "", *("    " + line for line in paragraph), ""]
        else:
            found += [prose(" ".join(paragraph)), ""]
    return found


def prose(text: str) -> str:
    """A paragraph in which nothing has a meaning but `code`."""
    parts = re.split(r"`([^`]+)`", text)
    escaped = [re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", part) for part in parts]
    return "\\ " + "".join(f"\\ ``{parts[i]}``\\ " if i % 2 else part for i, part in enumerate(escaped))


def process(app, what, name, obj, options, lines: list[str]) -> None:
    """Sphinx's event autodoc-process-docstring: changes the lines in their place."""
    lines[:] = to_rst(lines)


def skip(app, what, name, obj, skipped: bool, options) -> bool:
    """Sphinx's event autodoc-skip-member: only what can be called has a place of its own.

    Constants and fields stand in the source with the comments that explain them, and fields in the class's signature.
    """
    return skipped or not (callable(obj) or isinstance(obj, property | classmethod | staticmethod))


def source_address(domain: str, info: dict) -> str | None:
    """Where the site shows the lines of a function or class; linkcode asks. Relative to its own API page."""
    if domain != "py" or not info["module"]:
        return None
    found = module = import_module(info["module"])
    for part in info["fullname"].split("."):
        found = getattr(found, part, None)
    if isinstance(found, property):
        found = found.fget
    try:
        line = inspect.getsourcelines(inspect.unwrap(found))[1]
    except (TypeError, OSError):  # a constant, or what dataclass made
        return None
    if inspect.getmodule(found) is not module:
        return None
    path = info["module"].replace(".", "/")
    return "../" * path.count("/") + f"source/{path}.py.html#line-{line}"
