"""How good a model is at predicting a text it was not trained on.

    loss                 -1/N Σ log p(token | the tokens before it), nats a token
    perplexity           exp(loss): as unsure as if choosing evenly among so many tokens
    bits per character   loss · N / (characters · ln 2), and per byte likewise

Loss and perplexity depend on the tokenizer, since longer tokens are harder to guess; bits per character and per byte do
not, so they alone compare models that cut the text differently. Source: Shannon (1951); Jelinek et al. (1977).
"""

import math
from dataclasses import dataclass

from minigpt import backend
from minigpt.data import evaluation_batches
from minigpt.errors import InputError
from minigpt.layers.cross_entropy import IGNORED
from minigpt.token_file import Counts


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation, and how much text it was made on."""

    loss: float
    perplexity: float
    bits_per_character: float
    bits_per_byte: float
    tokens: int
    characters: int
    bytes: int


def mean_loss(model, tokens, batch_size: int, limit: int | None = None, overlap: int = 0) -> float:
    """Nats per token over `tokens` (1-D ids), in windows side by side; with limit, over so many windows spread evenly.

    Each token after the first is predicted once, from those before it in its window: at least `overlap` of them, but at
    the beginning of the text.
    """
    total, count = 0.0, 0
    for ids, targets in evaluation_batches(tokens, batch_size, model.config.context_length, limit, overlap):
        counted = int((targets != IGNORED).sum())  # the last window is padded: batches don't weigh the same
        total += float(model.forward(ids, targets)[0]) * counted
        count += counted
    return total / count


def evaluate(model, tokens, counts: Counts, batch_size: int = 16) -> Evaluation:
    """Every measure, over all of `tokens`; counts: how many characters and bytes they stand for.

    The very first token has nothing before it and isn't predicted; in the bits per character and per byte it is taken
    to cost as much as the others on average.
    """
    with backend.quiet():
        loss = mean_loss(model, tokens, batch_size)
    if not math.isfinite(loss):
        raise InputError(f"the loss is {loss}: the model's weights are ruined; use another checkpoint of the run")
    perplexity = math.exp(loss) if loss < 700 else float("inf")
    return Evaluation(loss, perplexity, counts.bits_per_character(loss), counts.bits_per_byte(loss), *counts)
