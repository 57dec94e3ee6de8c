"""What a run is made with: presets and flags for a new one, config.json for one that goes on."""

import reprlib
from dataclasses import replace
from pathlib import Path

from minigpt import backend
from minigpt.commands.options import DEFAULT_PRESET, apply, find_preset, flag, given, resized
from minigpt.errors import InputError
from minigpt.memory import check_memory
from minigpt.models.gpt import GPTConfig
from minigpt.models.gpt_size import count_parameters, gpt_size
from minigpt.parallel.workers import check_workers, choose_workers
from minigpt.run_folder import CONFIG, from_dict, read_config
from minigpt.train_config import PAPERS, RECIPES, TrainConfig

# What else config.json records of a run, with the default of each flag.
RUN_SETTINGS = {"preset": DEFAULT_PRESET, "dtype": "float32", "data": ["pydoc"], "tokenizer": "bpe",
                "tokenizer_size": None, "unknown": None, "validation_fraction": 0.1, "workers": None}


def workers_or_auto(text: str) -> int:
    """What is given as --workers: a number, or 0 for as many as suit the machine."""
    return 0 if text == "auto" else int(text)


def new_settings(arguments) -> tuple[dict, GPTConfig, TrainConfig]:
    """RUN_SETTINGS, shape and training of a new run: the preset's, changed by the flags. Raises InputError."""
    settings = {**RUN_SETTINGS, **_asked(arguments)}
    if settings["preset"] == "nanogpt" and arguments.tokenizer is None:
        settings["tokenizer"] = "char"  # as its losses are known
    shape = resized(find_preset(settings["preset"]), arguments)
    config = apply(TrainConfig(**RECIPES.get(settings["preset"], PAPERS)), arguments)
    settings["workers"] = _workers(arguments, None, config.batch_size, count_parameters(shape))
    # A run shorter than its preset's warms up, looks and saves at shorter distances as well, unless told otherwise.
    shorter = {"warmup": config.steps // 10, "eval_every": max(config.steps // 8, 1),
               "save_every": max(config.steps // 8, 1)}
    asked = given(arguments, TrainConfig)
    return settings, shape, replace(config, **{name: min(value, getattr(config, name))
                                               for name, value in shorter.items() if name not in asked})


def _workers(arguments, recorded: int | None, batch_size: int, parameters: int) -> int:
    """What --workers says, or a resumed run's number: with another one it would go on with other roundings."""
    count = arguments.workers if arguments.workers is not None else recorded or 0
    if count == 0 or (arguments.backend != "numpy" and arguments.workers is None):
        count = choose_workers(batch_size, parameters) if arguments.backend == "numpy" else 1
    return check_workers(count, batch_size)


def _asked(arguments) -> dict:
    """Those of RUN_SETTINGS for which the user gave a flag."""
    return {key: getattr(arguments, key) for key in RUN_SETTINGS if getattr(arguments, key) is not None}


def read_settings(folder: Path) -> tuple[dict, GPTConfig, TrainConfig]:
    """The content of a run's config.json, all of it checked. Raises FileNotFoundError or InputError."""
    content, path = {"workers": 1, **read_config(folder)}, folder / CONFIG
    shape, config = (from_dict(cls, content[section], path)
                     for section, cls in (("model", GPTConfig), ("training", TrainConfig)))
    wrong = sorted(content.keys() ^ {"model", "training", *RUN_SETTINGS})
    if wrong:
        raise InputError(f"{path}: {reprlib.repr(wrong)} are missing or unknown: restore it, or train again")
    if not isinstance(content["data"], list) or not all(isinstance(name, str) for name in content["data"]):
        raise InputError(f"{path}: data is {reprlib.repr(content['data'])}, not a list of names: restore it")
    if type(content["workers"]) is not int or not 1 <= content["workers"] <= config.batch_size:
        raise InputError(f"{path}: workers is {reprlib.repr(content['workers'])}, not 1 to {config.batch_size}: "
                         "restore it")
    return content, shape, config


def resumed_settings(arguments, folder: Path) -> tuple[dict, GPTConfig, TrainConfig]:
    """read_settings, with more steps or other workers if asked for; any other change is refused: InputError."""
    content, shape, config = read_settings(folder)
    content["workers"] = arguments.workers = _workers(arguments, content["workers"], config.batch_size,
                                                        count_parameters(shape))
    recorded = {**content["model"], **content["training"], **content}
    if arguments.out is not None and arguments.out.resolve() != folder.resolve():
        raise InputError(f"a resumed run stays in its folder {folder}: leave out --out")
    for key, value in {**_asked(arguments), **given(arguments, GPTConfig), **given(arguments, TrainConfig)}.items():
        name = flag("vocab_size" if key == "tokenizer_size" else key)
        if key != "steps" and value != recorded[key]:
            was, now = (" ".join(v) if isinstance(v, list) else v for v in (recorded[key], value))
            raise InputError(f"the run in {folder} was started with {name} {was}, a resumed run can't change that to "
                             f"{now}: leave out {name}, or start a new run without --resume")
    steps = getattr(arguments, "steps", config.steps)
    if steps < config.steps:
        raise InputError(f"the run in {folder} was started with --steps {config.steps}: {steps} would cut it short; "
                         "give more, or leave out --steps")
    return content, shape, replace(config, steps=steps)


def check_training_memory(shape: GPTConfig, config: TrainConfig) -> None:
    """Raises InputError for a training that this machine's memory can't hold."""
    vectors = {"sgd": 0, "momentum": 1}.get(config.optimizer, 2)
    size = gpt_size(shape, config.batch_size, backend.dtype().itemsize, vectors)
    if backend.name() == "numpy":  # a GPU has memory of its own, and says at once when it is full
        check_memory(size.total_memory, "choose a smaller --batch-size (--accumulate makes up for it), --d-model or "
                     "--context-length; python -m minigpt size tells what each needs")
