"""Five ways to turn counts into the probability of the next token, each a line over the next shorter context.

    c     how often the token followed this context, or what Kneser-Ney counts instead
    N, T  over all tokens: how often any followed it, N = Σ c, and how many different ones did, T = Σ [c > 0]
    p'    the token's probability after the context without its oldest token

    maximum likelihood   p = c / N                             exact for what was counted; 0 for all else
    add-k                p = (c + k) / (N + k V)               Lidstone (1920); k = 1 is Laplace's rule of succession
    Witten-Bell          p = (c + T p') / (N + T)              Witten & Bell (1991), method C
    Kneser-Ney           p = (max(c - d, 0) + d T p') / N      Kneser & Ney (1995); Chen & Goodman (1999)
    stupid backoff       s = c / N where c > 0, else α s'      Brants et al. (2007): a score, no probability

Do the tokens add up to 1? Let p' add up to 1. Witten-Bell: Σ c + T Σ p' = N + T. Kneser-Ney takes d ≤ 1 from each of
the T counts that aren't 0, together d T, and hands out d T. Stupid backoff: nothing is taken away for what it adds.

Where a context was never seen, N = 0 and nothing is known but p': p = p'. Add-k alone never looks at p', so there it
says 1/V; maximum likelihood has no answer of its own (0/0) and gives that of the longest context that was seen.

Every function takes arrays of one shape, or numbers in place of them: c of all V tokens after one context, with its N
and T; or, for each place of a text, the c of the token there, with N and T of the context before it.

Kneser-Ney takes c as counted at length n alone. Below, c is before how many different tokens an n-gram has come: those
lengths are asked only where the longer one is hardly known. "Francisco" may be frequent, but comes after "San" alone.
"""

import itertools

import numpy as np


def maximum_likelihood(c, total, types, lower, strength, vocab_size):
    """c / N; where N is 0, what the shorter context says."""
    return np.where(total > 0, c / np.maximum(total, 1), lower)


def add_k(c, total, types, lower, k, vocab_size):
    """As if every token had followed k times more."""
    return (c + k) / (total + k * vocab_size)


def witten_bell(c, total, types, lower, strength, vocab_size):
    """Of the N + T things seen after the context, T were a first time: so often something new is expected."""
    return np.where(total > 0, (c + types * lower) / np.maximum(total + types, 1), lower)


def kneser_ney(c, total, types, lower, discount, vocab_size):
    """A constant is taken from each count, and its sum is given to the shorter context."""
    return np.where(total > 0, (np.maximum(c - discount, 0) + discount * types * lower) / np.maximum(total, 1), lower)


def stupid_backoff(c, total, types, lower, alpha, vocab_size):
    """A score: the share where the token was seen after this context, else α times the score after the shorter one."""
    return np.where(c > 0, c / np.maximum(total, 1), alpha * lower)


SMOOTHINGS = {
    "mle": maximum_likelihood,
    "add-k": add_k,
    "witten-bell": witten_bell,
    "kneser-ney": kneser_ney,
    "stupid-backoff": stupid_backoff,
}


def estimated_discount(counts) -> float:
    """d = n_1 / (n_1 + 2 n_2), where n_r n-grams have the count r; 0.5 where a small text has no such n-grams.

    Leaving each n-gram of the text out in turn and predicting it from the rest is best done with about this d (Ney,
    Essen & Kneser 1994): the n-grams seen once stand for those not seen yet.
    """
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    return once / (once + 2 * twice) if once and twice else 0.5


def continuation_counts(levels) -> list[np.ndarray]:
    """For each length below n: before how many different tokens (a mark is one) each n-gram has come."""
    found, ends = [], np.zeros(len(levels[0].keys), dtype="int64")  # an n-gram without its oldest token: its place
    for shorter, level in itertools.pairwise(levels):
        contexts, tokens = np.divmod(level.keys, level.vocab_size)
        size = shorter.types.size - 2  # marks alone, without the oldest: marks alone, one length below
        ends = shorter.find(np.append(ends, size)[contexts], tokens)
        found.append(np.bincount(ends, minlength=len(shorter.keys)))  # each longer n-gram is another token before
    return found
