r"""A hidden Markov model: what is seen is made by states that are not, and each state depends on the one before it.

    s_1     ->  s_2     ->  ...  ->  s_T  -> end        states: parts of speech, or places in a word
     |           |                    |
    o_1         o_2                  o_T                symbols: words, or characters

    p(s, o) = p(s_1) ∏_t p(s_t | s_t-1) ∏_t p(o_t | s_t) p(end | s_T)

Three tables of probabilities, each learned by counting. With K states there are Kᵀ sequences of states; both questions
that one asks are answered in T K² steps, because all that the future needs to know of the past is the last state:

    Viterbi: the best states       δ_1(j) = ln p(j) + ln p(o_1 | j)
                                   δ_t(j) = max_i [δ_t-1(i) + ln p(j | i)] + ln p(o_t | j)     and which i it was
                                   best   = max_j [δ_T(j) + ln p(end | j)]                     then back the way it came

    forward: the probability       α_t(j) = ln Σ_i exp[α_t-1(i) + ln p(j | i)] + ln p(o_t | j)
    of the symbols, all states     ln p(o) = ln Σ_j exp[α_T(j) + ln p(end | j)]

The same lines with a sum in the place of the maximum. Both work because p(j | i) does not depend on anything before i,
so the maximum (the sum) over all beginnings can be taken before the next factor comes. In logarithms, as a product of
some hundred probabilities is smaller than the smallest float; ln 0 = -inf is a number like any other here.

Sources: Viterbi 1967; Rabiner 1989, "A tutorial on hidden Markov models and selected applications in speech
recognition" (the names α and δ).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from minigpt.errors import InputError


@dataclass(frozen=True, eq=False)
class HMM:
    """Logarithms of the probabilities, K states and V symbols. A row of `transition` and its `end` add up to 1."""

    start: np.ndarray  # (K,)    ln p(s_1)
    transition: np.ndarray  # (K, K)  ln p(s_t = column | s_t-1 = row)
    emission: np.ndarray  # (K, V)  ln p(symbol | state)
    end: np.ndarray  # (K,)    ln p(end | s_T); zeros for a model in which a sequence may end anywhere


@dataclass(frozen=True, eq=False)
class Counts:
    """How often each happened: the same shapes as in HMM."""

    start: np.ndarray
    transition: np.ndarray
    emission: np.ndarray
    end: np.ndarray


def count(sequences: Iterable[tuple[Sequence[int], Sequence[int]]], num_states: int, num_symbols: int) -> Counts:
    """Count over (states, symbols), two lists of ids of the same length for each sequence.

    InputError without sequences, for one of length 0 or of two lengths, and for ids out of range.
    """
    K, V = num_states, num_symbols
    start, transition, emission, end = np.zeros(K), np.zeros((K, K)), np.zeros((K, V)), np.zeros(K)
    for number, (states, symbols) in enumerate(sequences):
        if len(states) != len(symbols) or not len(states):
            raise InputError(f"sequence {number} has {len(states)} states and {len(symbols)} symbols: it needs as many "
                             f"of one as of the other, and at least one; leave empty sentences out")
        s, o = _ids(states, K, "state"), _ids(symbols, V, "symbol")
        start[s[0]] += 1
        end[s[-1]] += 1
        np.add.at(transition, (s[:-1], s[1:]), 1)  # add.at: a pair that occurs twice counts twice
        np.add.at(emission, (s, o), 1)
    if not start.any():
        raise InputError("there are no sequences to count: give at least one labelled sentence")
    return Counts(start, transition, emission, end)


def add_k(counts, k: float, allowed=1) -> np.ndarray:
    """counts (..., N) -> probabilities (..., N): (count + k) / (total + k N), so that what was not seen is possible.

    allowed (..., N): 0 where something can't be and shall get nothing. InputError for a row in which nothing is left.
    """
    if k < 0:
        raise InputError(f"k = {k} is negative: choose 0 (what was not seen is impossible) or more, such as 0.1")
    raised = counts + k * np.broadcast_to(allowed, np.shape(counts))
    totals = raised.sum(axis=-1, keepdims=True)
    if (totals == 0).any():
        row = int(np.flatnonzero(totals.ravel() == 0)[0])
        raise InputError(f"state {row} was never seen, so nothing is known of it: give sentences that have it, leave "
                         f"it out, or smooth with k > 0")
    return raised / totals


def from_counts(counts: Counts, k: float, emission: np.ndarray, allowed_start=1, allowed_moves=1) -> HMM:
    """Start and transitions smoothed by add_k; emission (K, V) are probabilities, as each use has its own smoothing.

    To end is one more place where a state can go: allowed_moves is (K, K + 1), the end last, and each row adds up to 1.
    """
    moves = add_k(np.concatenate([counts.transition, counts.end[:, None]], axis=1), k, allowed_moves)  # (K, K+1)
    with np.errstate(divide="ignore"):  # ln 0 is -inf, as it should
        return HMM(np.log(add_k(counts.start, k, allowed_start)), np.log(moves[:, :-1]), np.log(emission),
                   np.log(moves[:, -1]))


def viterbi(hmm: HMM, symbols: Sequence[int]) -> tuple[list[int], float]:
    """The most probable states of these symbols, and ln p(states, symbols). Of equal ones, those of lower ids.

    InputError for no symbols, for ids out of range, and where no states at all can give these symbols.
    """
    o = _observed(hmm, symbols)
    K, T = len(hmm.start), len(o)
    came_from = np.zeros((T, K), dtype=int)  # [t, j]: the state before, on the best way to state j at t
    best = hmm.start + hmm.emission[:, o[0]]  # (K,)
    for t in range(1, T):
        ways = best[:, None] + hmm.transition  # (K, K): from each row to each column
        came_from[t] = ways.argmax(axis=0)
        best = ways.max(axis=0) + hmm.emission[:, o[t]]
    best = best + hmm.end
    states = [int(best.argmax())]
    if best[states[0]] == -np.inf:
        raise InputError(f"no sequence of states can give these {T} symbols: some symbol or step was never seen in "
                         f"training; smooth with k > 0")
    for t in range(T - 1, 0, -1):
        states.append(int(came_from[t, states[-1]]))
    return states[::-1], float(best[states[0]])


def log_likelihood(hmm: HMM, symbols: Sequence[int]) -> float:
    """ln p(symbols), over all sequences of states; -inf where none can give them. InputError as in viterbi."""
    o = _observed(hmm, symbols)
    alpha = hmm.start + hmm.emission[:, o[0]]  # (K,)
    for t in range(1, len(o)):
        alpha = log_sum_exp(alpha[:, None] + hmm.transition) + hmm.emission[:, o[t]]
    return float(log_sum_exp(alpha + hmm.end))


def log_joint(hmm: HMM, states: Sequence[int], symbols: Sequence[int]) -> float:
    """ln p(states, symbols): the equation above, factor by factor."""
    s, o = _ids(states, len(hmm.start), "state"), _observed(hmm, symbols)
    return float(hmm.start[s[0]] + hmm.transition[s[:-1], s[1:]].sum() + hmm.emission[s, o].sum() + hmm.end[s[-1]])


def log_sum_exp(x: np.ndarray) -> np.ndarray:
    """ln Σ exp(x) over the first axis. The largest is taken out first, so that the sum is at least 1: no underflow."""
    largest = x.max(axis=0)
    largest = np.where(largest == -np.inf, 0, largest)  # -inf - -inf would be NaN
    with np.errstate(divide="ignore"):
        return np.log(np.exp(x - largest).sum(axis=0)) + largest


def _observed(hmm: HMM, symbols: Sequence[int]) -> np.ndarray:
    if not len(symbols):
        raise InputError("a sequence of 0 symbols has no states: leave empty sentences out")
    return _ids(symbols, hmm.emission.shape[1], "symbol")


def _ids(values: Sequence[int], size: int, what: str) -> np.ndarray:
    ids = np.asarray(values)
    if ids.dtype.kind not in "iu" or ids.min() < 0 or ids.max() >= size:
        raise InputError(f"the {what}s {ids.tolist()[:8]} must be integers from 0 to {size - 1}: number them with the "
                         f"lists that the model was made with")
    return ids
