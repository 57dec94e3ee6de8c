"""A small GPT learns some pages by plain gradient descent: θ -= η g, g of this step's batch.

With this learning rate the loss should sink steadily, to under 3 after 200 steps.

What is seen: it sinks for some steps, ever faster, then shoots past the valley, up and away.
"""

import numpy as np

from minigpt import backend
from minigpt.corpora import find_sources
from minigpt.data import training_batch
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.optim import SGD
from minigpt.text.characters import CharacterTokenizer

STEPS, BATCH_SIZE, RATE = 200, 16, 0.5


def train(model, optimizer, tokens, steps, seed=0):
    for step in range(steps):
        ids, targets = training_batch(tokens, BATCH_SIZE, model.config.context_length, seed, step)
        loss, saved = model.forward(ids, targets)
        model.backward(saved)
        optimizer.step(RATE)
        if step % 20 == 0 or step == steps - 1:
            print(f"step {step:4}  loss {float(loss):.3f}")


def main():
    text = find_sources(["pydoc"])[0].content.decode("utf-8")[:20_000]
    tokenizer = CharacterTokenizer.train([text])
    model = GPT(GPTConfig(tokenizer.vocab_size, 32, d_model=32, num_heads=4, num_layers=2))
    with backend.quiet():  # a ruined model overflows; the printed loss says so
        train(model, SGD(model), np.array(tokenizer.encode(text)), STEPS)


if __name__ == "__main__":
    main()
