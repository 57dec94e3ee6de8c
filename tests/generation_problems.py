"""Texts to be continued by ours and by transformers: greedily, by beam search, and one token's distribution.

The model's weights are of a scale that gives changing texts, in which no choice is so close that rounding could turn it
(test_generate_against_transformers.py makes sure of that).
"""

import itertools

import numpy as np
from problems import V, make_model

from minigpt.beam_search import beam_search
from minigpt.generate import generate
from minigpt.sampling import Sampling, distribution

PROMPTS = [[int(token) for token in np.random.RandomState(0).randint(0, V, n, dtype="int64")] for n in (3, 7, 1, 5)]
TOKENS = 15  # the longest prompt and these fill the context but for one
STOP = 8  # a token that ends some of these texts early, some late and some never
GREEDY = {
    "plain": dict(prompts=PROMPTS),
    "stop token": dict(prompts=PROMPTS, stop_token=STOP),
    # One prompt alone: transformers counts the padding of shorter ones as tokens seen.
    "repetition penalty": dict(prompts=PROMPTS[:1], sampling=Sampling(temperature=0, repetition_penalty=1.3)),
}
BEAM = {f"{beams} beams, penalty {penalty}, {'no stop' if stop is None else 'stop'}, prompt {prompt}":
        dict(prompt=PROMPTS[prompt], beams=beams, length_penalty=penalty, stop_token=stop)
        for beams, penalty, stop, prompt in itertools.product(
            (2, 3, 5), (-1.0, 0.0, 0.5, 1.0, 2.0), (None, STOP), (0, 1))}  # fmt: skip
SAMPLINGS = [
    Sampling(), Sampling(temperature=0.1), Sampling(temperature=3.0),
    *(Sampling(top_k=k) for k in (1, 2, 7, V - 1, V, 1000)),
    *(Sampling(top_p=p) for p in (1e-9, 0.1, 0.5, 0.9, 0.999, 1 - 1e-12)),
    *(Sampling(min_p=p) for p in (1e-9, 0.05, 0.5, 1.0)),
    *(Sampling(repetition_penalty=r) for r in (0.5, 1.2, 5.0)),
    Sampling(0.7, 40, 0.95, 0.01, 1.1), Sampling(1.5, 5, 0.5), Sampling(0.9, 0, 0.8, 0.3),
    Sampling(2.0, 10, 0.9, 0.1, 0.8),
]  # fmt: skip


def make_writer():
    model = make_model("GPT-2", "unit", seed=1)
    p = model.parameters()
    p["token_embedding.w"].data[...] *= 0.2  # else the longest embeddings win everywhere
    p["final_norm.b"].data.fill(0)
    p["final_norm.g"].data[...] = abs(p["final_norm.g"].data)
    return model


def as_table(rows) -> np.ndarray:
    """Texts of different lengths as one array, with -1 where a text has ended."""
    return np.array(list(itertools.zip_longest(*rows, fillvalue=-1))).T


def greedy_results(name) -> dict:
    options = {"sampling": Sampling(temperature=0), **GREEDY[name]}
    steps = generate(make_writer(), max_tokens=TOKENS, **options)
    return {"tokens": as_table([[token for token in row if token is not None] for row in zip(*steps)])}


def beam_results(name) -> dict:
    found = beam_search(make_writer(), max_tokens=TOKENS, **BEAM[name])
    return {"scores": np.array([score for score, _ in found]), "tokens": as_table([ids for _, ids in found])}


def random_logits(n: int):
    """The n-th problem of a distribution: logits (V,) of some spread, and ids seen before."""
    rng = np.random.RandomState(n)
    return rng.standard_normal(V) * 10 ** rng.uniform(-1, 1.5), rng.randint(0, V, 20, dtype="int64")


def distribution_results(n: int) -> dict:
    logits, seen = random_logits(n)
    return {"probabilities": np.stack([distribution(logits, sampling, seen) for sampling in SAMPLINGS])}
