"""Data parallelism: the gradient of a step, computed by several workers, each for its share of the batch.

    g = 1/B Σ_b ∇ loss_b  =  Σ_w (B_w / B) g_w          worker w has B_w of the B rows, and g_w is their mean gradient

A batch's gradient is a mean over its rows, and a row knows nothing of the others, so it doesn't matter who computes
which: replicas of the model share the weights, each adds up the gradient of its own rows in a vector of its own, and
the sum of these vectors is the gradient. With any number of workers it is the same but for rounding, dropout included,
since every row draws its masks from a generator of its own.

Why this is faster than one worker whose matrix products run on all processors: everything between the products (norms,
softmax, activations) runs on all of them too, each works on half of the data, which half the cache holds, and nobody
waits for the other after every product, but once a step.

The same idea at every size: threads, which share memory but take turns at running Python (its global lock); processes,
which don't (processes.py); machines, where the sum goes over a network. Source: Valiant (1990), the pattern; Goyal et
al. (2017), section 3, the bookkeeping of averages.
"""

from minigpt import backend
from minigpt.cache_blocking import each_piece
from minigpt.data import training_batch


class WorkerLost(RuntimeError):
    """A worker ended before its work was done: killed, or out of memory. The weights are those of the step before."""


def add_gradient(model, tokens, config, step: int, rank: int = 0, workers: int = 1) -> float:
    """Adds worker `rank`'s share of the gradient of a step into the model's; returns its share of the loss.

    tokens: 1-D ids; config: a TrainConfig, for batch_size, accumulate and seed.
    """
    loss, rows = 0.0, share(config.batch_size, rank, workers)
    weight = len(rows) / config.batch_size / config.accumulate
    for part in range(step * config.accumulate, (step + 1) * config.accumulate):
        ids, targets = training_batch(tokens, config.batch_size, model.config.context_length, config.seed, part)
        rng = backend.RowGenerators(config.seed, backend.DROPOUT, part, rows=rows)
        part_loss, saved = model.forward(ids[rows.start:rows.stop], targets[rows.start:rows.stop], rng)
        model.backward(saved, weight)
        loss += float(part_loss) * weight
        del saved  # or it would live on through the next forward: twice the memory
    return loss


def share(batch_size: int, rank: int, workers: int) -> range:
    """The rows of worker `rank`, as even as can be: 7 rows for 3 workers are 2, 2 and 3."""
    return range(batch_size * rank // workers, batch_size * (rank + 1) // workers)


def add(total, gradient) -> None:
    """total += gradient, two vectors of a whole model."""

    def add_piece(piece):
        total[piece] += gradient[piece]

    each_piece(add_piece, total.size)
