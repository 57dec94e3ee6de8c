"""Texts and contexts for n-gram models, and what is asked of them; nltk's answers are in test_ngram_against_nltk.py."""

import numpy as np

from minigpt.models.ngram import NGram, NGramConfig

V = 7
MODELS = {
    "mle": dict(smoothing="mle"),
    "add-k": dict(smoothing="add-k", k=0.3),
    "witten-bell": dict(smoothing="witten-bell", ends_uniform=False),
    "kneser-ney": dict(smoothing="kneser-ney", discount=0.75, ends_uniform=False),
    "kneser-ney, small discount": dict(smoothing="kneser-ney", discount=0.1, ends_uniform=False),
    "stupid-backoff": dict(smoothing="stupid-backoff", alpha=0.4),
}
PROBLEMS = {f"{name}, order {order}": (name, order) for name in MODELS for order in (1, 2, 3, 5)}


def texts() -> list[list[int]]:
    """A few sentences over V - 1 of the V tokens, the last never seen: some short, one twice, one of one token."""
    rng = np.random.RandomState(3)
    found = [[int(token) for token in rng.choice(V - 1, size, p=[0.4, 0.25, 0.15, 0.1, 0.06, 0.04])]
             for size in (9, 14, 3, 25, 8)]
    return [*found, found[0], [2]]


def contexts(order: int) -> list[tuple[int, ...]]:
    """Contexts (up to order - 1 ids, V is the mark of a beginning): seen and unseen, short ones, at a beginning."""
    rng = np.random.RandomState(order)
    found = [()]
    for size in range(1, order):
        found += [tuple(int(token) for token in rng.randint(0, V, size)) for _ in range(4)]
        found += [tuple(text[start:start + size]) for text in texts()[:4] for start in (0, 5)
                  if start + size <= len(text)]  # fmt: skip
        found += [(V,) * (size - known) + tuple(texts()[3][:known]) for known in range(size)]
        found += [(V - 1,) * size]
    return sorted(set(found))


def make_model(name: str, order: int) -> NGram:
    return NGram.count(texts(), NGramConfig(vocab_size=V, order=order, **MODELS[name]))


def ngram_results(name: str, order: int) -> dict:
    """The scores of all tokens after every context, one row a context."""
    model = make_model(name, order)
    return {"scores": np.stack([model.scores(context) for context in contexts(order)])}
