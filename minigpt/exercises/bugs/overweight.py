"""A language model whose one table looks characters up and scores the next one (tied weights).

The table has a vector for each of V characters. Used twice, it should count once: V · C parameters
fewer than with a table for each use, and each use teaches the other.

What is seen: the model has V · C parameters more than it should. At the start it computes what it
ought to; trained, it doesn't: a character's vector below and above are two different ones.
"""

import numpy as np

from minigpt import backend
from minigpt.corpora import find_sources
from minigpt.data import training_batch
from minigpt.layers.block import PreNormBlock
from minigpt.layers.cross_entropy import cross_entropy_backward, cross_entropy_forward
from minigpt.layers.embedding import Embedding, unembedding_backward, unembedding_forward
from minigpt.layers.masks import causal_mask
from minigpt.module import Module, Parameter
from minigpt.optim import AdamW
from minigpt.text.characters import CharacterTokenizer

STEPS, BATCH_SIZE, T, C = 200, 16, 16, 32


class Model(Module):
    def __init__(self, vocab_size, seed=0):
        rng = backend.generator(seed, backend.INITIAL_WEIGHTS)
        self.table = Embedding(vocab_size, C, rng, std=0.1)
        self.block = PreNormBlock(C, 4, 4 * C, rng)
        self.out = Parameter(self.table.w.data)
        self.pack()

    def forward(self, ids):
        """ids (B, T) -> logits (B, T, V)."""
        h, saved_table = self.table.forward(ids)
        h, saved_block = self.block.forward(h, causal_mask(ids.shape[1]))
        z, saved_out = unembedding_forward(h, self.out.data)
        return z, (saved_table, saved_block, saved_out)

    def backward(self, dz, saved):
        saved_table, saved_block, saved_out = saved
        dh, dw = unembedding_backward(dz, saved_out)
        self.out.grad += dw
        self.table.backward(self.block.backward(dh, saved_block), saved_table)


def train(model, optimizer, tokens, steps, seed=0):
    for step in range(steps):
        ids, targets = training_batch(tokens, BATCH_SIZE, T, seed, step)
        model.zero_grad()
        z, saved = model.forward(ids)
        loss, saved_loss = cross_entropy_forward(z, targets)
        model.backward(cross_entropy_backward(1.0, saved_loss), saved)
        optimizer.step(3e-3)
        if step % 50 == 0:
            print(f"step {step:4}  loss {float(loss):.3f}")


def main():
    text = find_sources(["pydoc"])[0].content.decode("utf-8")[:20_000]
    tokenizer = CharacterTokenizer.train([text])
    model = Model(tokenizer.vocab_size)
    print(f"{model.flat.data.size:,} parameters; V · C = {tokenizer.vocab_size * C:,}")
    train(model, AdamW(model), np.array(tokenizer.encode(text)), STEPS)
    apart = float(abs(model.table.w.data - model.out.data).max())
    print(f"a character's two vectors differ by up to {apart:.3f}")


if __name__ == "__main__":
    main()
