"""The training loop: batch, loss, gradient, clip, step; now and then a look at unseen text, and a checkpoint.

Everything random in step n (its batch, its dropout masks) is made of (seed, n), and everything else it needs is in the
checkpoint. So a run that was stopped, or killed, and resumed ends with the same weights, bit for bit, as one that never
was. There is one loop for every model: it asks for forward, backward, flat and config.context_length, and no more.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from minigpt import backend
from minigpt.checkpoint import Progress, save_checkpoint
from minigpt.data import Dataset, training_batch
from minigpt.errors import InputError
from minigpt.evaluate import mean_loss
from minigpt.models.gpt import option
from minigpt.optim import SGD, Adam, AdamW, Optimizer, Schedule, clip_gradient
from minigpt.run_folder import BEST, NEWEST


@dataclass(frozen=True)
class TrainConfig:
    """How to train. Raises InputError for settings without a meaning."""

    steps: int = option(1000, "how many times to change the weights")
    batch_size: int = option(16, "texts a step looks at side by side, B")
    accumulate: int = option(1, "batches whose gradients are averaged for one step: a large batch in little memory")
    optimizer: str = option("adamw", "adamw, adam, momentum or sgd")
    learning_rate: float = option(1e-3, "size of a step at the height of the schedule")
    schedule: str = option("cosine", "how the learning rate falls: constant, linear, cosine or inverse_sqrt")
    warmup: int = option(100, "steps in which the learning rate rises from 0")
    final_share: float = option(0.1, "share of the learning rate that linear and cosine end with")
    weight_decay: float = option(0.1, "how strongly adamw pulls the matrices towards 0")
    beta1: float = option(0.9, "adam: memory of the gradient's average")
    beta2: float = option(0.99, "adam: memory of the squared gradient's average")
    momentum: float = option(0.9, "momentum: share of the last step that is kept")
    clip: float = option(1.0, "longest gradient; longer ones are shortened to it; 0: never")
    eval_every: int = option(100, "steps between two looks at the validation text")
    eval_windows: int = option(64, "how many windows of the validation text each look reads")
    save_every: int = option(100, "steps between two checkpoints")
    seed: int = option(0, "makes initial weights, batches and dropout; the same seed gives the same run")

    def __post_init__(self):
        for name in ("steps", "batch_size", "accumulate", "eval_every", "eval_windows", "save_every"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} {getattr(self, name)} is too small: choose at least 1")
        for name in ("learning_rate", "warmup", "final_share", "clip", "seed"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"{name} {getattr(self, name)} has no meaning: choose 0 or more")
        self.make_schedule()

    def make_schedule(self) -> Schedule:
        rate = self.learning_rate
        return Schedule(self.schedule, rate, self.steps, min(self.warmup, self.steps), rate * self.final_share)


def make_optimizer(model, config: TrainConfig) -> Optimizer:
    """The optimizer of that name over a packed model. Raises InputError for an unknown one."""
    makers = {
        "adamw": lambda: AdamW(model, config.beta1, config.beta2, weight_decay=config.weight_decay),
        "adam": lambda: Adam(model, config.beta1, config.beta2),
        "momentum": lambda: SGD(model, config.momentum),
        "sgd": lambda: SGD(model),
    }
    if config.optimizer not in makers:
        raise InputError(f"unknown optimizer {config.optimizer!r}: choose one of {', '.join(makers)}")
    return makers[config.optimizer]()


class Diverged(ArithmeticError):
    """The loss or the gradient is no longer a finite number; the weights were left as they were before that step."""


def add_gradient(model, ids, targets, rng, share: float) -> float:
    """Add `share` of the gradient of one batch's loss to the model's; returns the loss in nats a token."""
    loss, saved = model.forward(ids, targets, rng)
    model.backward(saved, share)
    return float(loss)  # saved goes out of scope here: it must not live on through the next forward


def train(model, optimizer: Optimizer, dataset: Dataset, config: TrainConfig, progress: Progress, folder: Path,
          report: Callable[[dict], None], should_stop: Callable[[], bool] = lambda: False) -> None:
    """Train from progress.step to config.steps, with checkpoints in `folder`; progress is kept up to date.

    report(record) is called after each step, and once before the first; a record has step, loss, learning_rate,
    gradient_norm, tokens_per_second, seconds, and validation_loss where there was an evaluation. When should_stop()
    says so, the step that is under way is finished and saved. Raises Diverged, leaving the last good checkpoint.
    """
    T, schedule = model.config.context_length, config.make_schedule()

    def look(record):
        """Evaluate, remember the best."""
        if len(dataset.validation) < 2:
            return
        loss = mean_loss(model, dataset.validation, config.batch_size, config.eval_windows)
        progress.validation_loss = record["validation_loss"] = loss
        if progress.best_validation_loss is None or loss < progress.best_validation_loss:
            progress.best_validation_loss = loss
            save_checkpoint(folder / BEST, model, optimizer, progress)

    if progress.step == 0:
        record = {"step": 0}
        look(record)
        save_checkpoint(folder / NEWEST, model, optimizer, progress)
        report(record)
    saved_step = progress.step

    while progress.step < config.steps and not should_stop():
        step, begin = progress.step, time.perf_counter()
        model.zero_grad()
        loss = 0.0
        for part in range(config.accumulate):
            ids, targets = training_batch(dataset.train, config.batch_size, T, config.seed,
                                          step * config.accumulate + part)
            rng = backend.generator(config.seed, backend.DROPOUT, step, part)
            loss += add_gradient(model, ids, targets, rng, 1 / config.accumulate) / config.accumulate
        norm, rate = clip_gradient(model, config.clip or math.inf), schedule(step)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise Diverged(f"the loss is {loss} and the gradient's norm {norm} at step {step + 1}, with learning rate "
                           f"{rate:g}")
        optimizer.step(rate)
        backend.synchronize()
        took = time.perf_counter() - begin

        progress.step += 1
        progress.seconds += took
        record = {"step": progress.step, "loss": loss, "learning_rate": rate, "gradient_norm": norm,
                  "tokens_per_second": config.accumulate * ids.size / took, "seconds": progress.seconds}
        if progress.step % config.eval_every == 0 or progress.step == config.steps:
            look(record)
        if progress.step % config.save_every == 0:
            save_checkpoint(folder / NEWEST, model, optimizer, progress)
            saved_step = progress.step
        report(record)

    if progress.step != saved_step:  # the last step, or the one after which we were asked to stop
        save_checkpoint(folder / NEWEST, model, optimizer, progress)
