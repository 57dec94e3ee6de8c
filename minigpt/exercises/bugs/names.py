"""A small GPT learns to spell words, letter by letter; "." begins and ends each of them.

Words differ in length, so the rows of a batch are filled up behind the end of the word. The loss
should be what a letter (or the end of a word) costs, in nats, whatever stands beside the word in
its batch.

What is seen: the loss looks splendid, but the same words one at a time cost nearly twice as much.
"""

import re
import string

import numpy as np

from minigpt import backend
from minigpt.corpora import find_sources
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.optim import AdamW

LETTERS = "." + string.ascii_lowercase
STEPS, BATCH_SIZE, LONGEST = 250, 32, 15


def batch(words):
    """A list of words -> ids (B, T) and targets (B, T)."""
    T = 1 + max(len(word) for word in words)
    ids, targets = np.zeros((len(words), T), dtype=int), np.zeros((len(words), T), dtype=int)
    for row, word in enumerate(words):
        letters = [LETTERS.index(letter) for letter in f".{word}."]
        ids[row, :len(letters) - 1] = letters[:-1]
        targets[row, :len(letters) - 1] = letters[1:]
    return ids, targets


def loss_of(model, words):
    """Nats a letter, and saved."""
    ids, targets = batch(words)
    return model.forward(ids, targets)


def train(model, optimizer, words, steps, seed=0):
    for step in range(steps):
        chosen = backend.generator(seed, backend.BATCHES, step).choice(words, BATCH_SIZE)
        model.zero_grad()
        loss, saved = loss_of(model, chosen)
        model.backward(saved)
        optimizer.step(3e-3)
        if step % 50 == 0:
            print(f"step {step:4}  loss {float(loss):.3f} nats a letter")


def main():
    text = find_sources(["pydoc"])[0].content.decode("utf-8")
    words = sorted({word for word in re.findall("[a-z]+", text) if len(word) < LONGEST})
    config = GPTConfig(len(LETTERS), LONGEST, d_model=32, num_heads=4, num_layers=2)
    model = GPT(config)
    train(model, AdamW(model), words, STEPS)
    print(f"together     {float(loss_of(model, words[:200])[0]):.3f} nats a letter")
    alone = [(float(loss_of(model, [word])[0]), len(word) + 1) for word in words[:200]]
    print(f"one by one   {sum(loss * n for loss, n in alone) / sum(n for _, n in alone):.3f}")


if __name__ == "__main__":
    main()
