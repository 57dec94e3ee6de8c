"""A small GPT learns with momentum and a bold learning rate, which clipping should make safe.

No step should be made with a gradient longer than 0.25: a longer one is shortened, its direction
kept. With that, the loss comes below 2.8.

What is seen: the loss explodes as if nothing were clipped, though clip_gradient is called in every
step and finds the norms that are printed.
"""

import numpy as np

from minigpt import backend
from minigpt.corpora import find_sources
from minigpt.data import training_batch
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.optim import SGD, clip_gradient
from minigpt.text.characters import CharacterTokenizer

STEPS, BATCH_SIZE, RATE, LONGEST = 200, 16, 1.0, 0.25


def train(model, optimizer, tokens, steps, seed=0):
    for step in range(steps):
        ids, targets = training_batch(tokens, BATCH_SIZE, model.config.context_length, seed, step)
        model.zero_grad()
        loss, saved = model.forward(ids, targets)
        model.backward(saved)
        optimizer.step(RATE)
        norm = clip_gradient(model, LONGEST)
        if step % 20 == 0 or step == steps - 1:
            print(f"step {step:4}  loss {float(loss):.4g}  gradient norm {norm:.4g}")


def main():
    text = find_sources(["pydoc"])[0].content.decode("utf-8")[:20_000]
    tokenizer = CharacterTokenizer.train([text])
    model = GPT(GPTConfig(tokenizer.vocab_size, 32, d_model=32, num_heads=4, num_layers=2))
    with backend.quiet():  # a ruined model overflows; the printed loss says so
        train(model, SGD(model, momentum=0.9), np.array(tokenizer.encode(text)), STEPS)


if __name__ == "__main__":
    main()
