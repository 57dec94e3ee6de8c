"""Problems that others solve too: whole models, batches, optimizers. Their twins are in test_*_against_torch.py.

Every number is drawn from RandomState, whose stream NumPy has promised never to change (NEP 19; Generator's may), and
rounded to float32. So the references kept in tests/references/ need no inputs beside them, and both precisions start
from the same numbers.
"""

import math
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np

from minigpt import backend
from minigpt.layers.cross_entropy import IGNORED
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.module import Module, Parameter
from minigpt.optim import SGD, Adam, AdamW, Schedule, clip_gradient


class StableGenerator:
    """As much of a Generator as minigpt uses."""

    def __init__(self, *seed: int):
        self.state = np.random.RandomState(seed)

    def standard_normal(self, shape):
        return self.state.standard_normal(shape).astype("float32").astype("float64")

    def random(self, shape=(), dtype="float64"):
        return self.state.random_sample(shape).astype(dtype)


@contextmanager
def stable_numbers():
    """Inside, backend.generator gives stable ones: weights and dropout masks are then the same with every NumPy."""
    with patch.object(backend, "generator", StableGenerator):
        yield


def built(case):
    """A case of minigpt/cases.py -> the problem, and an upstream gradient for it. Call it inside stable_numbers().

    With weights of unit scale some seeds give a model so steep that float32's rounding alone moves a gradient by 5e-5
    (seed 6 does); with this one it is 2e-6, far from the 2e-5 that is required.
    """
    rng = StableGenerator(21)
    problem = case.build(rng)
    return problem, backend.normal(rng, problem.forward()[0].shape)


# ---- whole models, of odd and unequal sizes throughout, so that nothing fits by chance

B, T, V, C, HEADS, LAYERS, F, CONTEXT = 2, 17, 97, 35, 5, 3, 61, 23
MODELS = {
    "GPT-2": dict(),
    "GPT-1": dict(norm="post", d_ff=4 * C),  # the twin in transformers knows no other d_ff
    "GPT-3": dict(attention_window=4),
}
SCALES = ("unit", "products")  # every weight has variance 1, so most softmaxes saturate; or every product has


def make_model(name: str = "GPT-2", scale: str = "products", seed: int = 7) -> GPT:
    shape = dict(vocab_size=V, context_length=CONTEXT, d_model=C, num_heads=HEADS, num_layers=LAYERS, d_ff=F)
    model, rng = GPT(GPTConfig(**{**shape, **MODELS[name]})), StableGenerator(seed)
    for path, p in model.parameters().items():
        product = scale == "products" and p.data.ndim == 2 and "embedding" not in path
        p.data[...] = backend.normal(rng, p.data.shape, 1 / math.sqrt(p.data.shape[0]) if product else 1)
    if name == "GPT-3":  # the twin, GPT-Neo, has no biases there
        for path in without_twin(model):
            model.parameters()[path].data.fill(0)
    return model


def without_twin(model) -> set[str]:
    return {path for path in model.parameters() if model.config.attention_window and "qkv.b" in path}


def batch(padded=False, seed=0):
    """ids, targets (B, T), and valid or None: one row padded on the left, its padding ignored as a target."""
    text = np.random.RandomState(seed).randint(0, V, (B, T + 1), dtype="int64")
    ids, targets = text[:, :-1], text[:, 1:].copy()
    targets[1, 3] = IGNORED
    if not padded:
        return ids, targets, None
    valid = np.ones((B, T), bool)
    valid[0, :5] = False
    return ids, np.where(valid, targets, IGNORED), valid


def real_positions(valid):
    """What stands on padding is nobody's business."""
    return slice(None) if valid is None else valid


def model_results(name, scale, padded) -> dict:
    """Logits, loss, and the gradient of every parameter."""
    model, (ids, targets, valid) = make_model(name, scale), batch(padded)
    loss, saved = model.forward(ids, targets, valid=valid)
    model.backward(saved)
    gradients = {path: p.grad for path, p in model.parameters().items() if path not in without_twin(model)}
    return {"logits": model(ids, valid)[real_positions(valid)], "loss": loss, **gradients}


def trained_results() -> dict:
    """Parameters after ten steps of AdamW with warm-up, clipping, and each step's gradient summed over two batches."""
    model = make_model()
    optimizer = AdamW(model, 0.9, 0.95, 1e-8, weight_decay=0.1)
    schedule = Schedule("constant", peak=0.01, steps=10, warmup=4)
    norms = []
    for step in range(10):
        model.zero_grad()
        for half in (0, 1):
            ids, targets, _ = batch(seed=2 * step + half)
            _, saved = model.forward(ids, targets)
            model.backward(saved, dloss=0.5)
        norms.append(clip_gradient(model, 1.0))
        optimizer.step(schedule(step))
    return {"norms": np.array(norms), **{path: p.data for path, p in model.parameters().items()}}


# ---- optimizers and schedules

RATES = [0.1, 0.03, 0.2, 0.0, 0.07, 0.1, 0.1]
GRADIENT_SIZES = (1.0, 1e-7)  # the second is near Adam's eps
OPTIMIZERS = {
    "SGD": SGD,
    "SGD decay": lambda model: SGD(model, weight_decay=0.3),
    "momentum": lambda model: SGD(model, momentum=0.8),
    "Adam": Adam,
    "Adam, other settings": lambda model: Adam(model, 0.8, 0.95, 1e-3),
    "AdamW": AdamW,
    "AdamW, other settings": lambda model: AdamW(model, 0.7, 0.9, 1e-2, 0.3),
}


class Weights(Module):
    """Matrices, which decay, between vectors, which don't."""

    def __init__(self):
        rng = StableGenerator(0)
        self.parts = [Parameter(rng.standard_normal(shape)) for shape in [(3, 7), (5,), (7, 2), (1,)]]
        self.pack()


def gradients_of_steps(size):
    """For each step, a gradient for each of Weights' parameters."""
    rng = StableGenerator(1)
    return [{path: size * rng.standard_normal(p.data.shape) for path, p in Weights().parameters().items()}
            for _ in RATES]


def optimizer_results(name, size) -> dict:
    """The values of every parameter after each step, one row a step."""
    model = Weights()
    optimizer, rows = OPTIMIZERS[name](model), {path: [] for path in model.parameters()}
    for rate, gradients in zip(RATES, gradients_of_steps(size)):
        for path, p in model.parameters().items():
            p.grad[...] = gradients[path]
        optimizer.step(rate)
        for path, p in model.parameters().items():
            rows[path].append(p.data.copy())
    return {path: np.stack(values) for path, values in rows.items()}


PEAK, STEPS, WARMUP, FINAL = 0.3, 23, 5, 0.02


def schedule_results(kind) -> dict:
    """The learning rate of every step."""
    schedule = Schedule(kind, PEAK, STEPS, WARMUP, FINAL)
    return {"rates": np.array([schedule(step) for step in range(STEPS)])}
