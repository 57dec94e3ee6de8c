"""A GPT that draws its own mask learns some pages of text, character by character.

Each position should predict the next character from those up to it, and from nothing else.

What is seen: the loss is next to nothing after a few hundred steps, lower than any model of
this size could have; yet the text that it writes is gibberish.
"""

import numpy as np

from minigpt.backend import xp
from minigpt.corpora import find_sources
from minigpt.data import training_batch
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.optim import AdamW
from minigpt.text.characters import CharacterTokenizer

STEPS, BATCH_SIZE, RATE = 300, 16, 3e-3


class Model(GPT):
    """The library's, but for the mask."""

    def _mask(self, T, S, window, valid):
        """(T, S) booleans, True where a query may look at a key; here T = S."""
        return xp.tri(T, S, 1, dtype=bool)


def train(model, optimizer, tokens, steps, seed=0):
    for step in range(steps):
        ids, targets = training_batch(tokens, BATCH_SIZE, model.config.context_length, seed, step)
        model.zero_grad()
        loss, saved = model.forward(ids, targets)
        model.backward(saved)
        optimizer.step(RATE)
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step:4}  loss {float(loss):.3f}")


def main():
    text = find_sources(["pydoc"])[0].content.decode("utf-8")[:20_000]
    tokenizer = CharacterTokenizer.train([text])
    model = Model(GPTConfig(tokenizer.vocab_size, 32, d_model=32, num_heads=4, num_layers=1))
    train(model, AdamW(model), np.array(tokenizer.encode(text)), STEPS)
    written = tokenizer.encode(text[:10])
    for _ in range(100):
        written.append(int(model(np.array([written[-32:]]))[0, -1].argmax()))
    print(tokenizer.decode(written))


if __name__ == "__main__":
    main()
