"""A GPT far too large for its few pages of text, and pages that are kept back for validation.

It should overfit, and the validation loss should show it: soon it no longer falls, while the
training loss goes on falling.

What is seen: the validation loss falls as far as the training loss. Other pages of the same book
cost more than four times as much.
"""

import numpy as np

from minigpt.corpora import find_sources
from minigpt.data import training_batch
from minigpt.evaluate import mean_loss
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.optim import AdamW
from minigpt.text.characters import CharacterTokenizer

STEPS, BATCH_SIZE, RATE = 500, 16, 3e-3


def split(tokens):
    """The text to train on, and its last fifth, for validation."""
    cut = len(tokens) * 4 // 5
    return tokens[:cut], tokens[cut:]


def train(model, optimizer, tokens, steps, seed=0):
    training, validation = split(tokens)
    for step in range(steps):
        if step % 100 == 0:
            seen, unseen = (mean_loss(model, part, BATCH_SIZE) for part in (training, validation))
            print(f"step {step:4}  training {seen:.3f}  validation {unseen:.3f}")
        ids, targets = training_batch(tokens, BATCH_SIZE, model.config.context_length, seed, step)
        model.zero_grad()
        loss, saved = model.forward(ids, targets)
        model.backward(saved)
        optimizer.step(RATE)
    return mean_loss(model, training, BATCH_SIZE), mean_loss(model, validation, BATCH_SIZE)


def main():
    text = find_sources(["pydoc"])[0].content.decode("utf-8")
    tokenizer = CharacterTokenizer.train([text])
    tokens = np.array(tokenizer.encode(text))
    model = GPT(GPTConfig(tokenizer.vocab_size, 16, d_model=64, num_heads=4, num_layers=2))
    seen, unseen = train(model, AdamW(model), tokens[:2000], STEPS)
    elsewhere = mean_loss(model, tokens[-2000:], BATCH_SIZE)
    print(f"at the end training {seen:.3f}  validation {unseen:.3f}  elsewhere {elsewhere:.3f}")


if __name__ == "__main__":
    main()
