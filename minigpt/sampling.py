"""From logits to the next token: temperature, top-k, top-p, min-p, repetition penalty.

    z_v  of tokens seen before:  z_v / r where positive, z_v r where negative      r: repetition penalty
    z / τ                                                                          τ: temperature; 0 picks the largest
    top-k   only the k most probable tokens stay
    top-p   only the fewest most probable tokens whose probabilities reach p together
    min-p   only tokens with at least min_p times the probability of the most probable one
    p = softmax(z)

in this order, which is that of Hugging Face's transformers: the filters see the distribution that temperature has made.
All of it runs on the host in float64, and one seed draws the same random numbers on every backend.

Sources: temperature, Ackley, Hinton & Sejnowski (1985); top-k, Fan et al. (2018); top-p, Holtzman et al. (2020),
section 3.1; min-p, Nguyen et al. (2024); repetition penalty, Keskar et al. (2019), section 4.1.
"""

from dataclasses import dataclass

import numpy as np

from minigpt.errors import InputError


@dataclass(frozen=True)
class Sampling:
    """How to choose the next token. The defaults change nothing. Raises InputError for values without a meaning."""

    temperature: float = 1.0
    top_k: int = 0  # 0: no limit
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0

    def __post_init__(self):
        if not 0 <= self.temperature < float("inf"):
            raise InputError(f"temperature {self.temperature} has no meaning: choose 0 (always the most probable "
                             "token) or more; 0.8 is usual")
        if self.top_k < 0:
            raise InputError(f"top-k {self.top_k} is negative: choose 0 (no limit) or more; 40 is usual")
        if not 0 < self.top_p <= 1:
            raise InputError(f"top-p {self.top_p} is outside (0, 1]: choose 1 (no limit) or less; 0.95 is usual")
        if not 0 <= self.min_p <= 1:
            raise InputError(f"min-p {self.min_p} is outside [0, 1]: choose 0 (no limit) or more; 0.05 is usual")
        if not 0 < self.repetition_penalty < float("inf"):
            raise InputError(f"repetition penalty {self.repetition_penalty} has no meaning: choose 1 (none) or a "
                             "little more, such as 1.2")


def check_logits(z: np.ndarray) -> None:
    """Raises InputError unless the largest logit of each row (..., V) is a finite number; others may be -inf."""
    if not np.isfinite(z.max(axis=-1)).all():
        raise InputError("the model's logits are not finite numbers, its training diverged: use an earlier checkpoint")


def distribution(logits: np.ndarray, sampling: Sampling, seen=()) -> np.ndarray:
    """logits (V,), ids seen before -> probabilities (V,), float64. Raises InputError for NaN among the logits."""
    z = np.array(logits, dtype=float)  # a copy in float64
    check_logits(z)
    if sampling.repetition_penalty != 1 and len(seen):
        ids = np.unique(np.asarray(seen))
        z[ids] = np.where(z[ids] > 0, z[ids] / sampling.repetition_penalty, z[ids] * sampling.repetition_penalty)
    if sampling.temperature == 0:
        return np.eye(1, len(z), int(z.argmax()))[0]  # all probability on the largest
    with np.errstate(over="ignore"):  # a tiny temperature takes all but the largest to -inf, which is right
        z = (z - z.max()) / sampling.temperature
    if 0 < sampling.top_k < len(z):
        z[z < np.partition(z, -sampling.top_k)[-sampling.top_k]] = -np.inf  # ties with the k-th stay
    if sampling.top_p < 1:
        order = np.argsort(-z, kind="stable")
        p = _softmax(z)[order]
        before = np.cumsum(p) - p  # the probability of all tokens more probable than this one
        z[order[before >= sampling.top_p]] = -np.inf  # the most probable has 0 before it and always stays
    if sampling.min_p > 0:
        p = _softmax(z)
        z[p < sampling.min_p * p.max()] = -np.inf
    return _softmax(z)


def choose(logits: np.ndarray, sampling: Sampling, seen, rng: np.random.Generator) -> int:
    """The next token's id, drawn from distribution(); at temperature 0 without writing down so many zeros."""
    if sampling.temperature == 0 and sampling.repetition_penalty == 1:
        check_logits(logits)
        return int(logits.argmax())
    return sample(distribution(logits, sampling, seen), rng)


def sample(probabilities: np.ndarray, rng: np.random.Generator) -> int:
    """An id drawn with these probabilities: where a uniform number falls on their cumulative sum."""
    cumulative = np.cumsum(probabilities)
    # Scaled by the last sum, which rounding keeps from being exactly 1; side="right" never picks a probability of 0.
    return int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))


def _softmax(z: np.ndarray) -> np.ndarray:
    p = np.exp(z - z.max())
    return p / p.sum()
