"""A table of scores learns which character follows which, from pairs of neighbours.

Row v of the table, through a softmax, is the distribution of the character after v. Counting gives
the best such table at once, and gradient descent should come close to its loss.

What is seen: the loss of a table of zeros isn't ln V, as it must be, and after some hundred steps
it is infinite.
"""

import numpy as np

from minigpt import backend
from minigpt.backend import xp
from minigpt.corpora import find_sources
from minigpt.text.characters import CharacterTokenizer

STEPS, BATCH_SIZE, RATE = 3000, 256, 30.0


def probabilities(w, ids):
    """w (V, V), ids (N,) -> p (N, V): for each id, the distribution of the next."""
    z = w[ids]
    e = xp.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


def train(tokens, vocab_size, steps, seed=0):
    """The table w (V, V) after so many steps of gradient descent."""
    w, rows = backend.zeros((vocab_size, vocab_size)), np.arange(BATCH_SIZE)
    for step in range(steps):
        rng = backend.generator(seed, backend.BATCHES, step)
        places = rng.integers(0, len(tokens) - 1, BATCH_SIZE)
        ids, targets = tokens[places], tokens[places + 1]
        p = probabilities(w, ids)
        if step % 500 == 0:
            print(f"step {step:5}  loss {-np.log(p[rows, targets]).mean():.3f}")
        dz = p / BATCH_SIZE  # the softmax's and the logarithm's backward in one: (p - one_hot) / N
        dz[rows, targets] -= 1 / BATCH_SIZE
        backend.scatter_add(w, ids, -RATE * dz)
    return w


def counted_loss(tokens, vocab_size):
    """The loss of the counted table: the lowest of all tables on this text."""
    counts = np.zeros((vocab_size, vocab_size))
    np.add.at(counts, (tokens[:-1], tokens[1:]), 1)
    p = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return -np.log(p[tokens[:-1], tokens[1:]]).mean()


def main():
    text = find_sources(["pydoc"])[0].content.decode("utf-8")[:50_000]
    tokenizer = CharacterTokenizer.train([text])
    tokens = np.array(tokenizer.encode(text))
    V = tokenizer.vocab_size
    print(f"ln V {np.log(V):.3f}  counted table {counted_loss(tokens, V):.3f}")
    with backend.quiet():  # a logarithm of 0 is infinite; the printed loss says so
        p = probabilities(train(tokens, V, STEPS), tokens[:-1])
        print(f"trained     loss {-np.log(p[np.arange(len(p)), tokens[1:]]).mean():.3f}")


if __name__ == "__main__":
    main()
