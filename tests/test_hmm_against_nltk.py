"""Viterbi's path, joint probability and likelihood against nltk.tag.hmm on the same tables, to 1e-9.

nltk has no end of a sentence: there it is made one more state that gives one more symbol. It counts in bits.
"""

import math

import numpy as np
import pytest
from test_hmm import drawn

from minigpt.text.hmm import log_joint, log_likelihood, viterbi
from minigpt.text.tagging import HMMTagger
from minigpt.text.templates import make_sentences

pytest.importorskip("nltk", reason="the comparison needs nltk: requirements-oracles.txt")


def twin(hmm):
    """nltk's model with the same tables and one more state and symbol, END."""
    from nltk.probability import DictionaryConditionalProbDist, DictionaryProbDist
    from nltk.tag.hmm import HiddenMarkovModelTagger

    K, V = hmm.emission.shape

    def row(log_p):
        """nltk takes logarithms in bits; 0 is -1e300 there."""
        return DictionaryProbDist({i: p / math.log(2) if p > -np.inf else -1e300 for i, p in log_p.items()}, log=True)

    states, symbols = [f"s{i}" for i in range(K + 1)], list(range(V + 1))
    moves = {f"s{i}": row({**{f"s{j}": hmm.transition[i, j] for j in range(K)}, f"s{K}": hmm.end[i]}) for i in range(K)}
    moves[f"s{K}"] = row(dict.fromkeys(states, -np.inf))
    emission = {f"s{i}": row({**dict(enumerate(hmm.emission[i])), V: -np.inf}) for i in range(K)}
    emission[f"s{K}"] = row({**dict.fromkeys(range(V), -np.inf), V: 0.0})
    start = row({**{f"s{i}": p for i, p in enumerate(hmm.start)}, f"s{K}": -np.inf})
    return HiddenMarkovModelTagger(symbols, states, DictionaryConditionalProbDist(moves),
                                   DictionaryConditionalProbDist(emission), start)


def compare(hmm, texts):
    theirs, end, worst = twin(hmm), hmm.emission.shape[1], 0.0
    for symbols in texts:
        unlabelled = [(o, None) for o in [*symbols, end]]
        states, log_p = viterbi(hmm, symbols)
        names = theirs.best_path_simple([*symbols, end])
        assert [int(name[1:]) for name in names[:-1]] == states
        labelled = [(o, f"s{s}") for o, s in zip([*symbols, end], [*states, len(hmm.start)])]
        joint, likelihood = (theirs.log_probability(text) * math.log(2) for text in (labelled, unlabelled))
        for ours, right in ((log_p, joint), (log_joint(hmm, states, symbols), joint),
                            (log_likelihood(hmm, symbols), likelihood)):
            worst = max(worst, abs(ours - right) / max(1, abs(right)))
    print(f"worst of {len(texts)} texts: {worst:.1e}")
    assert worst < 1e-9


@pytest.mark.parametrize("end", [True, False])
@pytest.mark.parametrize("K, V, T", [(2, 3, 1), (3, 4, 7), (5, 6, 40)])
def test_random_models_agree(K, V, T, end):
    compare(drawn(K, V, K + T, end), np.random.default_rng(T).integers(0, V, (4, T)).tolist())


def test_a_trained_tagger_agrees():
    tagger = HMMTagger.train(make_sentences("en", "train", 300))
    compare(tagger.hmm, [tagger.encode([word for word, _ in sentence])
                         for sentence in make_sentences("en", "test", 10)])
