"""The settings of a training run, and what they choose: the optimizer and the schedule.

The same for every model; the defaults suit a small GPT with AdamW. Flags of the command line are made from the fields.
"""

import math
from dataclasses import dataclass

from minigpt.errors import InputError
from minigpt.models.gpt import LARGEST, option
from minigpt.optim import SGD, Adam, AdamW, Optimizer, Schedule

OPTIMIZERS = {
    "adamw": lambda model, c: AdamW(model, c.beta1, c.beta2, weight_decay=c.weight_decay),
    "adam": lambda model, c: Adam(model, c.beta1, c.beta2),
    "momentum": lambda model, c: SGD(model, c.momentum),
    "sgd": lambda model, c: SGD(model),
}


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
    eval_every: int = option(100, "steps between two evaluations on the validation text")
    eval_windows: int = option(64, "how many windows of the validation text each evaluation reads")
    save_every: int = option(100, "steps between two checkpoints")
    seed: int = option(0, "makes initial weights, batches and dropout; the same seed gives the same run")

    def __post_init__(self):
        for name in ("steps", "batch_size", "accumulate", "eval_every", "eval_windows", "save_every"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} {getattr(self, name)} is too small: choose at least 1")
            if getattr(self, name) > LARGEST:
                raise InputError(f"{name} is too large: choose at most {LARGEST:,}")
        for name in ("learning_rate", "warmup", "final_share", "weight_decay", "clip", "seed"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"{name} {getattr(self, name)} has no meaning: choose 0 or more")
        for name in ("beta1", "beta2", "momentum"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"{name} {getattr(self, name)} is outside [0, 1): 0.9 to 0.999 are usual")
        if self.optimizer not in OPTIMIZERS:
            raise InputError(f"unknown optimizer {self.optimizer!r}: choose one of {', '.join(OPTIMIZERS)}")
        self.make_schedule()

    def make_schedule(self) -> Schedule:
        rate = self.learning_rate
        return Schedule(self.schedule, rate, self.steps, min(self.warmup, self.steps), rate * self.final_share)


BPE_SIZE = 1024  # unless asked otherwise: a short text like the default one doesn't show more tokens often enough

# Settings other than TrainConfig's defaults that belong to a preset: what a model of that size is trained with.
RECIPES = {
    "tiny": dict(steps=300, batch_size=16, learning_rate=3e-3, warmup=30, eval_every=50, save_every=50),
    "small": dict(steps=4900, batch_size=12, learning_rate=5e-3, warmup=250, final_share=0.05, eval_every=500,
                  save_every=500),
}
# nanoGPT's for a laptop's processor, in its README: https://github.com/karpathy/nanoGPT
RECIPES["nanogpt"] = dict(steps=2000, batch_size=12, learning_rate=1e-3, warmup=100, final_share=0.1, weight_decay=0.1,
                          beta1=0.9, beta2=0.99, clip=1.0, eval_every=250, save_every=250)
RECIPES["small-gpt3"] = RECIPES["small"]
RECIPES["small-gpt1"] = {**RECIPES["small"], "learning_rate": 2e-3}  # post-norm bears less
# Radford et al. (2018), section 4.1, and Brown et al. (2020), appendix B, with batches that one machine can hold.
PAPERS = dict(steps=100_000, batch_size=8, accumulate=8, learning_rate=2.5e-4, warmup=2000, beta2=0.95, eval_every=1000,
              save_every=1000)


def make_optimizer(model, config: TrainConfig) -> Optimizer:
    """The optimizer that the configuration names, over a packed model."""
    return OPTIMIZERS[config.optimizer](model, config)
