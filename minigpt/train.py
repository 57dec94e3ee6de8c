"""The training loop: batch, loss, gradient, clip, step; now and then a look at unseen text, and a checkpoint.

Everything random in step n (its batch, its dropout masks) is made of (seed, n), and everything else it needs is in the
checkpoint. So a run that was stopped, or killed, and resumed ends with the same weights, bit for bit, as one that never
was. There is one loop for every model: it asks for forward, backward, flat and config.context_length, and no more.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path

from minigpt import backend
from minigpt.checkpoint import Progress, save_checkpoint
from minigpt.data import Dataset, training_batch
from minigpt.evaluate import mean_loss
from minigpt.optim import Optimizer, clip_gradient
from minigpt.parallel.workers import Alone
from minigpt.run_folder import BEST, NEWEST
from minigpt.train_config import TrainConfig


class Diverged(ArithmeticError):
    """The loss or the gradient is no longer a finite number. No checkpoint was written since it was one."""


def _ruined(what: str, record: dict) -> Diverged:
    rate, norm = record.get("learning_rate", 0), record.get("gradient_norm", 0)
    return Diverged(f"{what} after step {record['step']}, learning rate {rate:g}, gradient norm {norm:g}")


def training_step(model, optimizer: Optimizer, tokens, config: TrainConfig, step: int, workers=None) -> dict:
    """Step number `step`, counted from 0: batches -> loss -> gradient -> clipping -> new weights; returns its record.

    workers: those of this model, tokens and config who compute the gradient (parallel/); None: it is computed here.
    Raises Diverged, and leaves the weights as they were, when the loss or the gradient is not a finite number.
    """
    with backend.quiet():  # what is not finite is told below, with more to go by than NumPy's warning has
        loss = (workers or Alone(model, tokens, config)).gradient(step)
        norm = clip_gradient(model, config.clip or math.inf)
    rate = config.make_schedule()(step)
    if not (math.isfinite(loss) and math.isfinite(norm)):
        raise Diverged(f"the loss is {loss} and the gradient's norm {norm} at step {step + 1}, learning rate {rate:g}")
    with backend.quiet():
        optimizer.step(rate)
    return {"step": step + 1, "loss": loss, "learning_rate": rate, "gradient_norm": norm}


def train(model, optimizer: Optimizer, dataset: Dataset, config: TrainConfig, progress: Progress, folder: Path,
          report: Callable[[dict], None], should_stop: Callable[[], bool] = lambda: False, workers=None) -> None:
    """Train from progress.step to config.steps, with checkpoints in `folder`; progress is kept up to date.

    report(record) is called once before the first step and after each; a record has step, loss, learning_rate,
    gradient_norm, tokens_per_second, seconds, and validation_loss where there was an evaluation. When should_stop()
    says so, the step that is under way is finished and saved. workers: as for training_step. Raises Diverged, or
    WorkerLost, leaving the last good checkpoint.
    """

    def look(record):
        """Measure the loss on unseen text; keep the model when it is the best so far."""
        if len(dataset.validation) < 2:
            return
        with backend.quiet():
            loss = mean_loss(model, dataset.validation, config.batch_size, config.eval_windows)
        if not math.isfinite(loss):
            raise _ruined(f"the validation loss is {loss}", record)
        progress.validation_loss = record["validation_loss"] = loss
        if progress.best_validation_loss is None or loss < progress.best_validation_loss:
            progress.best_validation_loss = loss
            save_checkpoint(folder / BEST, model, optimizer, progress)

    def save(record):
        """Replace the newest checkpoint, unless the step just made has ruined the model: then the old one is better."""
        batch = training_batch(dataset.train, config.batch_size, model.config.context_length, config.seed, 0)
        with backend.quiet():
            loss = float(model.forward(*batch)[0])
        if not math.isfinite(loss):
            raise _ruined(f"the loss is {loss}", record)
        save_checkpoint(folder / NEWEST, model, optimizer, progress)

    if progress.step == 0:
        record = {"step": 0}
        look(record)
        report(record)
        save(record)
    saved_step = progress.step

    while progress.step < config.steps and not should_stop():
        begin = time.perf_counter()
        record = training_step(model, optimizer, dataset.train, config, progress.step, workers)
        backend.synchronize()
        took = time.perf_counter() - begin
        progress.step, progress.seconds = record["step"], progress.seconds + took
        tokens = config.accumulate * config.batch_size * model.config.context_length
        record |= {"tokens_per_second": tokens / took, "seconds": progress.seconds}
        if progress.step % config.eval_every == 0 or progress.step == config.steps:
            look(record)
        report(record)  # before saving: a run killed between the two makes this step again, and reports it again
        if progress.step % config.save_every == 0:
            save(record)
            saved_step = progress.step

    if progress.step != saved_step:  # the last step, or the one after which we were asked to stop
        save(record)
