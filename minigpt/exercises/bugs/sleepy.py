"""A small GPT learns from large batches, each put together from four small ones (accumulation).

Twenty steps of warm-up, then half a cosine down to a tenth of the learning rate in the last step.

What is seen: it makes progress for a quarter of the run, and hardly any in the rest.
"""

import numpy as np

from minigpt.corpora import find_sources
from minigpt.data import training_batch
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.optim import AdamW, Schedule
from minigpt.text.characters import CharacterTokenizer

STEPS, BATCH_SIZE, ACCUMULATE, RATE, WARMUP = 150, 4, 4, 5e-3, 20


def train(model, optimizer, tokens, steps, seed=0):
    schedule = Schedule("cosine", RATE, steps, WARMUP, final=RATE / 10)
    total = 0.0
    model.zero_grad()
    for batch in range(steps * ACCUMULATE):
        ids, targets = training_batch(tokens, BATCH_SIZE, model.config.context_length, seed, batch)
        loss, saved = model.forward(ids, targets)
        model.backward(saved, 1 / ACCUMULATE)  # the mean of the small batches' gradients
        total += float(loss) / ACCUMULATE
        if (batch + 1) % ACCUMULATE == 0:
            optimizer.step(schedule(batch))
            if (batch + 1) % (15 * ACCUMULATE) == 0:
                print(f"step {(batch + 1) // ACCUMULATE:4}  loss {total:.3f}")
            total = 0.0
            model.zero_grad()


def main():
    text = find_sources(["pydoc"])[0].content.decode("utf-8")[:20_000]
    tokenizer = CharacterTokenizer.train([text])
    model = GPT(GPTConfig(tokenizer.vocab_size, 32, d_model=32, num_heads=4, num_layers=2))
    train(model, AdamW(model), np.array(tokenizer.encode(text)), STEPS)


if __name__ == "__main__":
    main()
