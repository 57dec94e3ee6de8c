"""Generation with a key/value cache, written by hand: each new token goes through the model alone.

The keys and values of all tokens before it are in the cache, so the logits should be those of the
whole text at once, but for rounding. The model has learnt one sentence by heart.

What is seen: without the cache it recites the sentence; with it, it soon writes nothing sensible.
"""

import numpy as np

from minigpt.generate import Cache
from minigpt.layers.embedding import unembedding_forward
from minigpt.layers.masks import causal_mask
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.optim import AdamW
from minigpt.text.characters import CharacterTokenizer

SENTENCE, STEPS = "a rose is a rose is a rose, and roses are as red as a rose is.", 150


def next_logits(model, ids, cache):
    """ids (B, T), the next T tokens -> logits (B, V) of the one after; the cache grows by T."""
    T, S = ids.shape[1], cache.length + ids.shape[1]
    positions = np.arange(T)
    h = model.token_embedding(ids) + model.position_embedding(positions)
    for block, layer_cache in zip(model.blocks, cache.layers):
        h = block(h, causal_mask(T, S), None, layer_cache)
    h = model.final_norm(h[:, -1:])
    return unembedding_forward(h, model.token_embedding.w.data)[0][:, 0]


def generate(model, prompt, tokens):
    """The prompt's ids and those of the most probable text after it."""
    cache, written = Cache(model.config), list(prompt)
    z = next_logits(model, np.array([written]), cache)
    for _ in range(tokens):
        written.append(int(z[0].argmax()))
        z = next_logits(model, np.array([written[-1:]]), cache)
    return written


def main():
    tokenizer = CharacterTokenizer.train([SENTENCE])
    tokens = tokenizer.encode(SENTENCE)
    model = GPT(GPTConfig(tokenizer.vocab_size, len(tokens), d_model=32, num_heads=4, num_layers=2))
    optimizer = AdamW(model)
    for _ in range(STEPS):
        model.zero_grad()
        loss, saved = model.forward(np.array([tokens[:-1]]), np.array([tokens[1:]]))
        model.backward(saved)
        optimizer.step(5e-3)
    print(f"loss           {float(loss):.3f}")
    written = tokens[:8]
    while len(written) < len(tokens):
        written.append(int(model(np.array([written]))[0, -1].argmax()))
    print("without cache ", tokenizer.decode(written))
    print("with cache    ", tokenizer.decode(generate(model, tokens[:8], len(tokens) - 9)))


if __name__ == "__main__":
    main()
