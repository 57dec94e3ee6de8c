"""A small GPT learns a page of text, character by character, and then writes.

It should learn which character comes next.

What is seen: the loss falls to nothing within a hundred steps; when it writes, it repeats the last
character of the prompt for ever.
"""

import numpy as np

from minigpt import backend
from minigpt.corpora import find_sources
from minigpt.generate import generate_text
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.optim import AdamW
from minigpt.sampling import Sampling
from minigpt.text.characters import CharacterTokenizer

STEPS, BATCH_SIZE, RATE = 200, 16, 3e-3


def batch(tokens, T, seed, step):
    """ids (B, T) and targets (B, T) of one step: windows at random places of the text."""
    starts = backend.generator(seed, backend.BATCHES, step).integers(0, len(tokens) - T, BATCH_SIZE)
    windows = tokens[starts[:, None] + np.arange(T + 1)]  # (B, T + 1)
    ids = windows[:, :-1]
    targets = windows[:, :-1]
    return ids, targets


def train(model, optimizer, tokens, steps, seed=0):
    for step in range(steps):
        ids, targets = batch(tokens, model.config.context_length, seed, step)
        model.zero_grad()
        loss, saved = model.forward(ids, targets)
        model.backward(saved)
        optimizer.step(RATE)
        if step % 20 == 0:
            print(f"step {step:4}  loss {float(loss):.3f}")


def main():
    text = find_sources(["pydoc"])[0].content.decode("utf-8")[:20_000]
    tokenizer = CharacterTokenizer.train([text])
    model = GPT(GPTConfig(tokenizer.vocab_size, 32, d_model=32, num_heads=4, num_layers=2))
    train(model, AdamW(model), np.array(tokenizer.encode(text)), STEPS)
    written = generate_text(model, tokenizer, text[:20], 60, Sampling(temperature=0.5))
    print(text[:20] + "".join(written))


if __name__ == "__main__":
    main()
