"""AdamW written by hand trains a small GPT, with strong weight decay.

Decay should pull the weight matrices towards 0, so that only what the data asks for stays large.
Nothing else should be pulled anywhere.

What is seen: the gains of the norms, 1 at the start, sink to a half, and the loss ends higher than
it should.
"""

import numpy as np

from minigpt.backend import xp
from minigpt.corpora import find_sources
from minigpt.data import training_batch
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.text.characters import CharacterTokenizer

STEPS, BATCH_SIZE, RATE, DECAY = 300, 16, 3e-3, 1.0
BETA1, BETA2, EPS = 0.9, 0.99, 1e-8


class AdamW:
    def __init__(self, model):
        self.parameters, self.steps = list(model.parameters().values()), 0
        self.m = [xp.zeros_like(p.data) for p in self.parameters]
        self.v = [xp.zeros_like(p.data) for p in self.parameters]

    def step(self, rate):
        self.steps += 1
        for p, m, v in zip(self.parameters, self.m, self.v):
            p.data *= 1 - rate * DECAY
            m += (1 - BETA1) * (p.grad - m)
            v += (1 - BETA2) * (p.grad * p.grad - v)
            m_hat, v_hat = m / (1 - BETA1**self.steps), v / (1 - BETA2**self.steps)
            p.data -= rate * m_hat / (xp.sqrt(v_hat) + EPS)


def train(model, optimizer, tokens, steps, seed=0):
    for step in range(steps):
        ids, targets = training_batch(tokens, BATCH_SIZE, model.config.context_length, seed, step)
        model.zero_grad()
        loss, saved = model.forward(ids, targets)
        model.backward(saved)
        optimizer.step(RATE)
        if step % 50 == 0 or step == steps - 1:
            gains = [p.data for name, p in model.parameters().items() if name.endswith(".g")]
            gain = float(xp.concatenate(gains).mean())
            print(f"step {step:4}  loss {float(loss):.3f}  mean gain {gain:.3f}")


def main():
    text = find_sources(["pydoc"])[0].content.decode("utf-8")[:20_000]
    tokenizer = CharacterTokenizer.train([text])
    model = GPT(GPTConfig(tokenizer.vocab_size, 32, d_model=32, num_heads=4, num_layers=2))
    train(model, AdamW(model), np.array(tokenizer.encode(text)), STEPS)


if __name__ == "__main__":
    main()
