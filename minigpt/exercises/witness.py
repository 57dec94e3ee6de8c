"""Models and optimizers that look like the library's and remember what was done with them.

A measurement hands them to a student's training function. Whatever the function prints, they know which tokens the
model was taught, with which gradient each step was made, and at which learning rate.
"""

from dataclasses import dataclass

import numpy as np

from minigpt import backend
from minigpt.backend import to_host, xp
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.optim import SGD


@dataclass(frozen=True)
class Taught:
    """A batch whose gradient was computed: ids and targets (B, T), and the generator for dropout, if there was one."""

    ids: np.ndarray
    targets: np.ndarray
    rng: object


class Witness(GPT):
    """A GPT that remembers in `_taught` every batch that has gone through forward and backward."""

    def __init__(self, config: GPTConfig, seed: int = 0):
        self._taught = []
        super().__init__(config, seed)

    def forward(self, ids, targets, rng=None, valid=None):
        loss, saved = super().forward(ids, targets, rng, valid)
        return loss, (saved, Taught(to_host(ids), to_host(targets), rng))

    def backward(self, saved, dloss=1.0):
        saved, taught = saved
        self._taught.append(taught)
        super().backward(saved, dloss)


@dataclass(frozen=True)
class Step:
    """One step: the learning rate, the gradient it was made with, the batches taught since the step before."""

    learning_rate: float
    gradient: np.ndarray
    batches: list[Taught]
    due: np.ndarray | None  # the mean of these batches' gradients, computed anew


class Recorder(SGD):
    """Gradient descent that keeps a record of each step. anew: it also computes what each gradient should be."""

    def __init__(self, model: Witness, anew: bool = True):
        super().__init__(model)
        self.anew = anew
        self.model, self.records, self.seen = model, [], 0

    def step(self, learning_rate: float) -> None:
        batches, self.seen = self.model._taught[self.seen:], len(self.model._taught)
        given = to_host(self.flat.grad).copy()
        self.records.append(Step(float(learning_rate), given, batches, self._due(batches) if self.anew else None))
        super().step(learning_rate)

    def _due(self, batches) -> np.ndarray:
        given = self.flat.grad.copy()
        self.flat.grad.fill(0)
        for batch in batches:
            _, saved = GPT.forward(self.model, batch.ids, batch.targets)
            GPT.backward(self.model, saved, 1 / len(batches))
        due = to_host(self.flat.grad).copy()
        self.flat.grad[...] = given
        return due


def witness(seed: int, vocab_size: int, context_length: int = 8, scale: float = 0.0, **config) -> Witness:
    """A small one. scale: the size of its weights, drawn anew; 0 leaves them as a GPT starts."""
    shape = {"d_model": 12, "num_heads": 2, "num_layers": 1, **config}
    model = Witness(GPTConfig(vocab_size, context_length, **shape), seed)
    if scale:
        model.flat.data[...] = backend.normal(backend.generator(seed, 99), model.flat.data.shape, scale)
    return model


def length(vector) -> float:
    """Of a gradient, as one arrow."""
    return float(xp.sqrt((vector * vector).sum()))


def apart(a, b) -> float:
    """The largest difference between two arrays, over the largest number of the second."""
    return float(abs(a - b).max() / (abs(b).max() or 1))
