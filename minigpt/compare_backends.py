"""Does another array library give NumPy's numbers? Every case, twenty training steps and some texts, on both.

Both libraries get the same random numbers, as these come from the host. What is left are the roundings of sums taken in
another order and of exp, tanh and erf; so the difference is measured against the largest number of each array, and a
wrong kernel, a wrapped index or a lost duplicate shows at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from minigpt import backend
from minigpt.backend import to_host
from minigpt.beam_search import beam_search
from minigpt.cases import CASES, Case
from minigpt.dispatch import without_twins
from minigpt.generate import generate
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.sampling import Sampling
from minigpt.train import training_step
from minigpt.train_config import TrainConfig, make_optimizer

LIMITS = {"float64": 1e-10, "float32": 5e-5}
STEPS = 20
_SHAPE = GPTConfig(vocab_size=23, context_length=9, d_model=20, num_heads=5, num_layers=2, d_ff=31)


@dataclass(frozen=True)
class Difference:
    """How far the library is from NumPy in one comparison, at the worst element of the worst array."""

    name: str
    precision: str
    worst: float  # relative to the largest number of that array; inf for another shape or dtype, or NaN
    array: str
    limit: float

    @property
    def passed(self) -> bool:
        return self.worst <= self.limit


def relative_difference(expected: np.ndarray, found: np.ndarray) -> float:
    """The largest |found - expected| over the largest |expected|; arrays of next to nothing are measured as 1e-3."""
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return float("inf")
    if found.size == 0:
        return 0.0
    worst = float(np.abs(found - expected).max()) / max(float(np.abs(expected).max()), 1e-3)
    return worst if worst == worst else float("inf")  # NaN is equal to nothing, not even itself


def case_arrays(case: Case) -> dict[str, np.ndarray]:
    """The output and every gradient of a case, computed on the library in use."""
    rng = backend.generator(7)
    problem = case.build(rng)
    y, saved = problem.forward()
    gradients = problem.gradients(backend.normal(rng, y.shape), saved)
    return {"y": to_host(y), **{name: to_host(gradient).copy() for name, gradient in gradients.items()}}


def scatter_arrays() -> dict[str, np.ndarray]:
    """Very many numbers added up in very few rows, which a GPU does all at once."""
    rng = backend.generator(8)
    target, ids = backend.zeros((5, 3)), backend.asarray(rng.integers(0, 4, 2000))  # the last row gets nothing
    backend.scatter_add(target, ids, backend.normal(rng, (2000, 3)))
    return {"sums": to_host(target)}


def training_arrays() -> dict[str, np.ndarray]:
    """The losses and gradient norms of 20 steps with AdamW, dropout, clipping and warm-up, and the model's last words.

    Not the weights: where a gradient is 0 but for rounding (that of a key's bias always is), Adam makes steps of it.
    """
    config = TrainConfig(steps=STEPS, batch_size=4, accumulate=2, warmup=5, learning_rate=3e-3)
    model = GPT(GPTConfig(**{**_SHAPE.to_dict(), "dropout": 0.1}), seed=3)
    optimizer = make_optimizer(model, config)
    tokens = np.arange(500) ** 2 % _SHAPE.vocab_size
    records = [training_step(model, optimizer, tokens, config, step) for step in range(STEPS)]
    backend.synchronize()
    return {"loss": np.array([record["loss"] for record in records]),
            "gradient norm": np.array([record["gradient_norm"] for record in records]),
            "logits": to_host(model(tokens[None, :_SHAPE.context_length]))}


def generated_arrays() -> dict[str, np.ndarray]:
    """Token ids after prompts of unequal length, beyond the context: sampled, with and without cache; and by beams."""
    model = GPT(_SHAPE, seed=4)
    rng = backend.generator(9)
    for p in model.parameters().values():
        p.data[...] = backend.normal(rng, p.data.shape, 0.5)
    prompts, sampling = [[1, 2, 3], [4]], Sampling(temperature=0.9, top_k=10, repetition_penalty=1.1)
    texts = {"cached" if cached else "uncached": np.array(list(generate(model, prompts, 15, sampling, 5,
                                                                        use_cache=cached)))
             for cached in (True, False)}
    return {**texts, "beams": np.array(beam_search(model, [1, 2], 8, beams=3)[0][1])}


def compare(library: str) -> Iterator[Difference]:
    """Every comparison of `library` with NumPy, one by one. Raises InputError where the library can't be used."""
    with backend.using(library):
        pass  # so that a missing library is told at once
    whole = [("scatter_add of duplicates", scatter_arrays), (f"{STEPS} training steps", training_arrays),
             ("generated tokens", generated_arrays)]
    subjects = [(case.name, lambda case=case: case_arrays(case)) for case in CASES] + whole
    for precision, limit in LIMITS.items():
        for name, compute in subjects:
            with backend.using("numpy", precision), without_twins():  # whose sums are taken in an order of their own
                expected = compute()
            with backend.using(library, precision):
                found = compute()
            worst, array = max((relative_difference(expected[key], found[key]), key) for key in expected)
            yield Difference(name, precision, worst, array, limit)
