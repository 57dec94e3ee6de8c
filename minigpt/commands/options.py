"""Flags made from the fields of a configuration: --d-model for d_model, its comment as the help."""

import argparse
import difflib
from dataclasses import fields, replace
from pathlib import Path
from typing import NamedTuple

from minigpt import backend
from minigpt.errors import InputError
from minigpt.models.gpt import PRESETS

DEFAULT_PRESET = "small"


def flag(name: str) -> str:
    """d_model -> --d-model"""
    return "--" + name.replace("_", "-")


def _yes_or_no(text: str) -> bool:
    values = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in values:
        raise argparse.ArgumentTypeError(f"{text!r} is neither yes nor no")
    return values[text.lower()]


def add_fields(parser, title: str, defaults, leave_out=()) -> None:
    """One flag for each field of a configuration; absent flags leave no attribute behind.

    defaults: the configuration whose values the help shows, that of the default preset.
    """
    group = parser.add_argument_group(title)
    for field in fields(defaults):
        if field.name not in leave_out:
            kind, value = type(field.default), getattr(defaults, field.name)
            shown = ("yes" if value else "no") if kind is bool else value
            group.add_argument(flag(field.name), type=_yes_or_no if kind is bool else kind, default=argparse.SUPPRESS,
                               metavar="yes|no" if kind is bool else {int: "N", float: "X", str: "NAME"}[kind],
                               help=f"{field.metadata['help']} ({DEFAULT_PRESET}: {shown})")


def given(arguments, config_class) -> dict:
    """The fields of config_class for which the user gave a flag."""
    return {field.name: getattr(arguments, field.name) for field in fields(config_class)
            if hasattr(arguments, field.name)}


def apply(config, arguments):
    """config with the user's flags in place of its values."""
    return replace(config, **given(arguments, type(config)))


def find_preset(name: str):
    """The GPTConfig of that name. Raises InputError that offers the nearest names."""
    if name not in PRESETS:
        near = difflib.get_close_matches(name, PRESETS)
        hint = f"did you mean {' or '.join(near)}?" if near else f"choose one of {', '.join(PRESETS)}"
        raise InputError(f"unknown preset {name!r}: {hint}")
    return PRESETS[name]


def resized(config, arguments):
    """A preset changed by flags; when d_model is changed and d_ff isn't given, d_ff stays 4 times d_model."""
    changes = given(arguments, type(config))
    if "d_model" in changes and config.d_ff == 4 * config.d_model:
        changes.setdefault("d_ff", 0)
    return replace(config, **changes)


def add_backend(parser) -> None:
    parser.add_argument("--backend", choices=list(backend.LIBRARIES), default="numpy",
                        help="numpy: the processor; cupy: an NVIDIA GPU (default: %(default)s)")


def add_json(parser, what: str) -> None:
    parser.add_argument("--json", action="store_true", help=f"print {what} to standard output, for scripts")


class Run(NamedTuple):
    """A run named on the command line: by its folder, or by one checkpoint in it."""

    folder: Path
    checkpoint: Path | None


def existing_run(text: str) -> Run:
    """What is given as --model or --resume."""
    path = Path(text)
    return Run(path.parent, path) if path.suffix == ".safetensors" else Run(path, None)
