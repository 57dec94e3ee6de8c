"""bench learn: one whole training run by everyone, to the same recipe: what was learned, and how long it took.

Unless told otherwise the recipe is nanoGPT's for a processor (preset nanogpt), over characters, and the text is the one
that `train` takes when it is told none; recipe small is what `train` does by itself, with its tokens. All get the
same text, split, batches, initial weights and learning rates, and is looked at after the same steps, on all of the
validation text; only training is on the clock. Or all get the same time: how many steps fit is measured beforehand, for
the learning rate has to know the last one.
"""

import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from minigpt.bench.contender import OURS, Field
from minigpt.bench.table import table
from minigpt.bench.workers import workers_of
from minigpt.bench.workload import Workload
from minigpt.corpora import find_sources
from minigpt.data import Dataset, prepare
from minigpt.evaluate import mean_loss
from minigpt.models.gpt import PRESETS
from minigpt.pieces import read_pieces
from minigpt.text.tokenizer import train_tokenizer
from minigpt.train_config import BPE_SIZE, RECIPES, TrainConfig

RECIPE, TEXT = "nanogpt", ["pydoc"]
TOKENS = {"nanogpt": ("char", None), "tiny": ("char", None), "small": ("bpe", BPE_SIZE)}  # recipe -> kind, vocabulary
TRIAL = 100  # steps that are warm-up, and twice as many that tell the speed: some seconds, as machines are noisy


def measure_learning(field: Field, recipe: str, data: list[str], steps: int | None, say: Callable[[str], None],
                     seconds: float | None = None) -> dict:
    """recipe: one of TOKENS; data: as for `train`; steps: how many, if not the recipe's; seconds: as many as fit."""
    config = TrainConfig(**{**RECIPES[recipe], **({"steps": steps} if steps else {})})
    with tempfile.TemporaryDirectory(prefix="minigpt-", ignore_cleanup_errors=True) as folder:
        sources = find_sources(data)
        kind, vocab_size = TOKENS[recipe]
        tokenizer = train_tokenizer(kind, read_pieces(sources), vocab_size)
        counts = prepare(sources, tokenizer, Path(folder)).validation_counts
        shape = replace(PRESETS[recipe], vocab_size=tokenizer.vocab_size)
        workers = workers_of(field.workers, Workload(recipe, shape, config.batch_size))
        details, found = {"data": folder, "shape": asdict(shape)}, {}
        for name in field.names:  # one after the other: a run is long enough to meet good and bad moments
            mine = {**details, "workers": workers} if name == OURS else details
            own = config
            if seconds is not None:
                say(f"{name}: how many steps fit into {seconds:g} seconds?")
                with field.start(name) as contenders:
                    own = _fitted(seconds, config, contenders[name], mine)
            say(f"{name}: {own.steps} steps")
            with field.start(name) as contenders:
                found[name] = {**contenders[name].ask("learn", **mine, training=asdict(own)), "steps": own.steps}
    for one in found.values():
        one["bits_per_character"] = counts.bits_per_character(one["looks"][-1]["validation_loss"])
    return {**details, "training": asdict(config), "recipe": recipe, "tokens": kind, "data": data, "workers": workers,
            "contenders": found}


def _fitted(seconds: float, config: TrainConfig, contender, details: dict) -> TrainConfig:
    """The same settings with as many steps as this contender makes in so many seconds, by its speed in a few."""
    trial = replace(config, steps=3 * TRIAL, warmup=TRIAL, eval_every=TRIAL)
    first, *_, last = contender.ask("learn", **details, training=asdict(trial))["looks"]
    steps = max(round(seconds * (last["step"] - first["step"]) / (last["seconds"] - first["seconds"])), 1)
    return replace(config, steps=steps, eval_every=max(steps // 9, 1))


def look(model, dataset: Dataset, batch_size: int) -> float:
    """Nats per token over all of the validation text."""
    return mean_loss(model, dataset.validation, batch_size)


def learning_table(result: dict) -> list[str]:
    ours = result["contenders"][OURS]
    rows = []
    for name, one in result["contenders"].items():
        last, versus = one["looks"][-1], ["", ""]
        if name != OURS:
            versus = [f"{last['validation_loss'] - ours['looks'][-1]['validation_loss']:+.4f}",
                      f"{last['seconds'] / ours['looks'][-1]['seconds']:.2f}"]
        rows.append([name, f"{last['step']}", f"{last['seconds']:,.1f}", f"{last['validation_loss']:.4f}",
                     f"{one['bits_per_character']:.4f}", *versus])
    return table(["contender", "steps", "seconds", "validation loss", "bits per character", "worse by",
                  "minigpt / it"], rows, left=1)


def learning_curves(result: dict) -> list[tuple]:
    """For pictures.draw_curves: the loss over the seconds that went into it."""
    curves = {name: ([one["seconds"] for one in found["looks"]], [one["validation_loss"] for one in found["looks"]])
              for name, found in result["contenders"].items()}
    title = f"preset {result['recipe']}, tokens: {result['tokens']}"
    return [(title, "seconds of training", "validation loss (nats per token)", curves)]
