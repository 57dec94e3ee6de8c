"""The hidden Markov model against a number worked by hand, and against the sum and the maximum over all paths."""

import itertools
import math

import numpy as np
import pytest

from minigpt.errors import InputError
from minigpt.text.hmm import HMM, add_k, count, from_counts, log_joint, log_likelihood, log_sum_exp, viterbi


def drawn(K, V, seed, end=True, zeros=False):
    """A model of random probabilities; zeros: some of them 0."""
    rng = np.random.default_rng(seed)
    start, moves, emission = rng.dirichlet(np.ones(K)), rng.dirichlet(np.ones(K + 1), K), rng.dirichlet(np.ones(V), K)
    if zeros:
        moves[0, 0] = emission[-1, 0] = 0
    if not end:  # a text may end anywhere
        moves[:, :-1] /= moves[:, :-1].sum(axis=1, keepdims=True)
        moves[:, -1] = 1
    with np.errstate(divide="ignore"):
        return HMM(np.log(start), np.log(moves[:, :-1]), np.log(emission), np.log(moves[:, -1]))


def every_path(hmm, symbols):
    """(states, probability) of all Kᵀ paths, as a plain product of probabilities."""
    for states in itertools.product(range(len(hmm.start)), repeat=len(symbols)):
        p = math.exp(hmm.start[states[0]]) * math.exp(hmm.end[states[-1]])
        for before, after in itertools.pairwise(states):
            p *= math.exp(hmm.transition[before, after])
        for state, symbol in zip(states, symbols):
            p *= math.exp(hmm.emission[state, symbol])
        yield list(states), p


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("K, V, T", [(1, 1, 1), (2, 3, 1), (2, 3, 6), (3, 2, 5), (4, 5, 4)])
def test_viterbi_is_the_maximum_and_forward_the_sum_over_all_paths(K, V, T, end, zeros):
    if zeros and K == 1:
        return
    hmm = drawn(K, V, 10 * K + T, end, zeros)
    for symbols in np.random.default_rng(T).integers(0, V, (5, T)).tolist():
        paths = list(every_path(hmm, symbols))
        best, p = max(paths, key=lambda path: path[1])
        states, log_p = viterbi(hmm, symbols)
        assert states == best and log_p == pytest.approx(math.log(p), abs=1e-10)
        assert log_joint(hmm, states, symbols) == pytest.approx(log_p, abs=1e-10)
        assert log_likelihood(hmm, symbols) == pytest.approx(math.log(sum(p for _, p in paths)), abs=1e-10)


def test_the_probabilities_of_all_texts_of_a_length_add_up_to_one():
    hmm = drawn(3, 2, 4, end=False)
    total = sum(math.exp(log_likelihood(hmm, symbols)) for symbols in itertools.product(range(2), repeat=6))
    assert total == pytest.approx(1, abs=1e-12)


def test_half_of_the_texts_end_at_each_length_where_half_of_them_should():
    even = drawn(2, 2, 1, end=False)
    hmm = HMM(even.start, even.transition + math.log(0.5), even.emission, np.log([0.5, 0.5]))
    for T in range(1, 8):
        total = sum(math.exp(log_likelihood(hmm, symbols)) for symbols in itertools.product(range(2), repeat=T))
        assert total == pytest.approx(0.5**T, abs=1e-12)


def test_counts_by_hand():
    counts = count([([0, 1, 1], [2, 0, 0]), ([1], [1])], num_states=2, num_symbols=3)
    assert counts.start.tolist() == [1, 1] and counts.end.tolist() == [0, 2]
    assert counts.transition.tolist() == [[0, 1], [0, 1]]
    assert counts.emission.tolist() == [[0, 0, 1], [2, 1, 0]]
    hmm = from_counts(counts, 0.5, add_k(counts.emission, 1))
    assert np.exp(hmm.start).tolist() == pytest.approx([0.5, 0.5])
    assert np.exp(hmm.transition[0]).tolist() == pytest.approx([0.2, 0.6]) and np.exp(hmm.end[0]) == pytest.approx(0.2)
    assert np.exp(hmm.emission).ravel().tolist() == pytest.approx([1 / 4, 1 / 4, 2 / 4, 3 / 6, 2 / 6, 1 / 6])
    moves = np.exp(np.concatenate([hmm.transition, hmm.end[:, None]], axis=1))
    assert moves.sum(axis=1).tolist() == pytest.approx([1, 1])


def test_a_model_learned_from_its_own_samples_is_the_model():
    hmm = drawn(3, 4, 7, end=False)
    rng, sequences = np.random.default_rng(0), []
    p = [np.exp(table) for table in (hmm.start, hmm.transition, hmm.emission)]
    for _ in range(400):
        states = [rng.choice(3, p=p[0])]
        for _ in range(49):
            states.append(rng.choice(3, p=p[1][states[-1]]))
        sequences.append((states, [rng.choice(4, p=p[2][s]) for s in states]))
    counts = count(sequences, 3, 4)
    assert np.abs(add_k(counts.emission, 0) - p[2]).max() < 0.03
    assert np.abs(add_k(counts.transition, 0) - p[1]).max() < 0.03


def test_ties_go_to_the_lower_state():
    even = np.log(np.full((2, 2), 0.5))
    assert viterbi(HMM(even[0], even, even, np.zeros(2)), [0, 1, 0])[0] == [0, 0, 0]


def test_a_long_text_does_not_underflow():
    hmm = drawn(3, 4, 2)
    symbols = np.random.default_rng(3).integers(0, 4, 5000).tolist()
    states, log_p = viterbi(hmm, symbols)
    assert log_p == pytest.approx(log_joint(hmm, states, symbols), rel=1e-12)
    assert log_p < log_likelihood(hmm, symbols) < -1000


def test_log_sum_exp_of_nothing_possible():
    x = np.array([[-np.inf, 0.0, -2000.0], [-np.inf, 0.0, -2000.0]])
    assert log_sum_exp(x).tolist() == [-np.inf, pytest.approx(math.log(2)), pytest.approx(-2000 + math.log(2))]


# bad input


def test_impossible_symbols_are_told():
    hmm = drawn(2, 2, 3)
    hmm.emission[:, 1] = -np.inf
    assert log_likelihood(hmm, [0, 1]) == -np.inf
    with pytest.raises(InputError, match="smooth with k > 0"):
        viterbi(hmm, [0, 1])


@pytest.mark.parametrize("call", [viterbi, log_likelihood])
@pytest.mark.parametrize("symbols, words", [([], "leave empty sentences out"), ([0, 2], "from 0 to 1"),
                                            ([-1], "from 0 to 1"), ([0.5], "integers")])
def test_symbols_that_are_none_are_refused(call, symbols, words):
    with pytest.raises(InputError, match=words):
        call(drawn(2, 2, 0), symbols)


@pytest.mark.parametrize("sequences, words", [
    ([], "at least one labelled sentence"), ([([], [])], "sequence 0 has 0 states"),
    ([([0], [0]), ([0, 1], [0])], "sequence 1 has 2 states and 1 symbols"),
    ([([2], [0])], "states .2. must be integers"), ([([0], [5])], "symbols .5. must be"),
])  # fmt: skip
def test_sequences_that_can_not_be_counted_are_refused(sequences, words):
    with pytest.raises(InputError, match=words):
        count(sequences, 2, 2)


def test_a_state_that_was_never_seen_needs_smoothing():
    counts = count([([0, 0], [0, 1])], 2, 2)
    with pytest.raises(InputError, match="state 1 was never seen"):
        add_k(counts.emission, 0)
    assert add_k(counts.emission, 1)[1].tolist() == [0.5, 0.5]
    with pytest.raises(InputError, match="k = -1 is negative"):
        add_k(counts.emission, -1)
    with pytest.raises(InputError, match="state 1"):
        add_k(counts.transition, 1, np.array([[1, 1], [0, 0]]))
