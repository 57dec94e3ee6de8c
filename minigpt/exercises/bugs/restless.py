"""A GPT trained with dropout, and its loss on a validation text.

The loss on the validation text is a property of the model: measured twice, it should be the same
number twice.

What is seen: every measurement gives another number, and all of them are worse than what
`python -m minigpt evaluate` finds for the same model.
"""

import numpy as np

from minigpt import backend
from minigpt.corpora import find_sources
from minigpt.data import IGNORED, evaluation_batches, training_batch
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.optim import AdamW
from minigpt.text.characters import CharacterTokenizer

STEPS, BATCH_SIZE, RATE = 200, 16, 3e-3
RNG = backend.generator(1, backend.DROPOUT)


def validation_loss(model, tokens):
    """Nats a token on the whole of `tokens`."""
    total = count = 0
    for ids, targets in evaluation_batches(tokens, BATCH_SIZE, model.config.context_length):
        counted = int((targets != IGNORED).sum())  # the last window may be padded
        loss, _ = model.forward(ids, targets, RNG)
        total, count = total + float(loss) * counted, count + counted
    return total / count


def train(model, optimizer, tokens, steps, seed=0):
    for step in range(steps):
        ids, targets = training_batch(tokens, BATCH_SIZE, model.config.context_length, seed, step)
        model.zero_grad()
        loss, saved = model.forward(ids, targets, RNG)
        model.backward(saved)
        optimizer.step(RATE)
        if step % 50 == 0:
            print(f"step {step:4}  loss {float(loss):.3f}")


def main():
    text = find_sources(["pydoc"])[0].content.decode("utf-8")[:20_000]
    tokenizer = CharacterTokenizer.train([text])
    tokens = np.array(tokenizer.encode(text))
    config = GPTConfig(tokenizer.vocab_size, 32, d_model=32, num_heads=4, num_layers=2, dropout=0.5)
    model = GPT(config)
    train(model, AdamW(model), tokens[:18_000], STEPS)
    for attempt in ("first", "again"):
        print(f"{attempt}      validation {validation_loss(model, tokens[18_000:]):.4f}")


if __name__ == "__main__":
    main()
