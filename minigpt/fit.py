"""The shortest training loop: whatever batches there are, over and over.

train.py cuts windows out of one long text, keeps checkpoints and goes on after a kill. This is for the small jobs that
don't need that: sentences of different lengths, labelled texts, an experiment in a notebook. For each batch

    loss, saved = model.forward(**batch)        forward
    model.backward(saved)                       backward, into gradients that were set to zero
    clip_gradient, optimizer.step               the step

and an epoch is one pass over all batches.
"""

import math
from collections.abc import Callable, Iterable

from minigpt import backend
from minigpt.errors import InputError
from minigpt.optim import Adam, Optimizer, clip_gradient
from minigpt.train import Diverged


def fit(model, batches: Callable[[int], Iterable[dict]], epochs: int, learning_rate: float = 1e-3,
        optimizer: Optimizer | None = None, clip: float = 1.0, seed: int = 0) -> list[float]:
    """Trains a packed model for so many epochs; returns the mean loss of the batches of each.

    batches(epoch) gives the batches of an epoch: the arguments of model.forward by name, ids, targets and, where rows
    are padded, valid. Everything random is made of (seed, step). optimizer: Adam unless given; clip: the longest
    gradient, 0 for any. Raises InputError where there are no batches, Diverged where the loss is no longer finite.
    """
    optimizer, step, losses = optimizer or Adam(model), 0, []
    for epoch in range(epochs):
        total, count = 0.0, 0
        for batch in batches(epoch):
            model.zero_grad()
            loss, saved = model.forward(**batch, rng=backend.generator(seed, backend.DROPOUT, step))
            model.backward(saved)
            norm = clip_gradient(model, clip or math.inf)
            if not (math.isfinite(loss) and math.isfinite(norm)):
                raise Diverged(f"the loss is {loss} and the gradient's norm {norm} at step {step + 1}: choose a "
                               f"learning rate under {learning_rate:g}")
            optimizer.step(learning_rate)
            total, count, step = total + float(loss), count + 1, step + 1
        if not count:
            raise InputError(f"epoch {epoch} has no batches: batches(epoch) must give at least one, and be a function, "
                             "so that each epoch has its own")
        losses.append(total / count)
    return losses
