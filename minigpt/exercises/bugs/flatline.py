"""A post-norm GPT with a high learning rate: 100 steps of warm-up, then half a cosine down to zero.

Post-norm models (the first Transformer, GPT-1) need the warm-up. With it, this one should end below
2.5.

What is seen: the loss falls to what letter frequencies alone explain, about 3.1, and never moves
again, although the printed learning rates are just what was asked for.
"""

import numpy as np

from minigpt.corpora import find_sources
from minigpt.data import training_batch
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.optim import Adam, Schedule
from minigpt.text.characters import CharacterTokenizer

STEPS, BATCH_SIZE, PEAK, WARMUP = 300, 16, 5e-3, 100


def train(model, optimizer, tokens, steps, seed=0):
    schedule = Schedule("cosine", PEAK, steps, WARMUP)
    for step in range(steps):
        rate = schedule(step)
        ids, targets = training_batch(tokens, BATCH_SIZE, model.config.context_length, seed, step)
        model.zero_grad()
        loss, saved = model.forward(ids, targets)
        model.backward(saved)
        optimizer.step(PEAK)
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step:4}  learning rate {rate:.5f}  loss {float(loss):.3f}")


def main():
    text = find_sources(["pydoc"])[0].content.decode("utf-8")[:20_000]
    tokenizer = CharacterTokenizer.train([text])
    config = GPTConfig(tokenizer.vocab_size, 16, d_model=32, num_heads=4, num_layers=4, norm="post")
    model = GPT(config)
    train(model, Adam(model), np.array(tokenizer.encode(text)), STEPS)


if __name__ == "__main__":
    main()
