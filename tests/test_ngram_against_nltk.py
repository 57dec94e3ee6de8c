"""n-gram models against nltk.lm: the same n-grams are counted, and every token's score must agree after every context.

nltk counts whatever n-grams it is given. We give it ours: for each token of a text and each length the n-gram that ends
there, with marks in front of the text. (nltk's own padding also puts marks behind a text, and has the marks in front
predicted: then a lower Kneser-Ney count takes in followers that nothing precedes, and the scores of a context don't
always add up to 1; the last test shows it.) nltk ends at single tokens, as ours does with ends_uniform=False.

Two answers differ by intent. Where a context was never seen, nltk's maximum likelihood gives every token 0, and ours
the longest context that was. And nltk has no Kneser-Ney below order 2, where there is nothing to continue.
"""

import functools

import numpy as np
import pytest
from ngram_problems import MODELS, PROBLEMS, V, contexts, make_model, ngram_results, texts

lm = pytest.importorskip("nltk.lm", reason="comparing with nltk needs it: requirements-oracles.txt")


def their_ngrams(order: int):
    """For each text the n-grams of every length that end at one of its tokens."""
    for text in texts():
        padded = [V] * (order - 1) + text
        yield [tuple(padded[end - length:end]) for end in range(order, len(padded) + 1)
               for length in range(1, order + 1)]  # fmt: skip


@functools.cache
def their_model(name: str, order: int):
    options = dict(MODELS[name])
    kind = options.pop("smoothing")
    # The one word of nltk's vocabulary that stands for all unknown ones is our last, or there would be V + 1.
    vocabulary = lm.Vocabulary(range(V - 1), unk_label=V - 1)
    known = {"vocabulary": vocabulary, "counter": lm.NgramCounter(their_ngrams(order))}
    if kind == "mle":
        return lm.MLE(order, **known)
    if kind == "add-k":
        return lm.Lidstone(options["k"], order, **known)
    if kind == "witten-bell":
        return lm.WittenBellInterpolated(order, **known)
    if kind == "kneser-ney":
        return lm.KneserNeyInterpolated(order, options["discount"], **known)
    return lm.StupidBackoff(options["alpha"], order, **known)


def longest_seen(model, context):
    while context and not model.counts[context]:
        context = context[1:]
    return context


def their_results(name: str, order: int) -> dict:
    model, rows = their_model(name, order), []
    for context in contexts(order):
        if name == "mle":
            context = longest_seen(model, context)
        if name.startswith("kneser-ney") and order == 1:
            rows.append([model.counts.unigrams.freq(token) for token in range(V)])
        else:
            rows.append([float(model.unmasked_score(token, context)) for token in range(V)])
    return {"scores": np.array(rows)}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_every_score_after_every_context(problem):
    ours, theirs = ngram_results(*PROBLEMS[problem])["scores"], their_results(*PROBLEMS[problem])["scores"]
    assert ours.shape == theirs.shape and theirs.max() > 0.1
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "stupid-backoff"])
def test_the_perplexity_of_a_text(name):
    model, theirs, text = make_model(name, 3), their_model(name, 3), texts()[1]
    padded = [V, V, *text]
    log_p = [np.log(theirs.unmasked_score(padded[t], tuple(padded[t - 2:t]))) for t in range(2, len(padded))]
    assert model.log_probability(text) == pytest.approx(sum(log_p), abs=1e-9)
    assert model.perplexity(text) == pytest.approx(np.exp(-np.mean(log_p)), abs=1e-9)


def test_maximum_likelihood_differs_only_where_nothing_was_seen():
    theirs, unseen = their_model("mle", 3), (V - 1, V - 1)
    assert all(theirs.unmasked_score(token, unseen) == 0 for token in range(V))
    assert make_model("mle", 3).scores(unseen).sum() == pytest.approx(1, abs=1e-12)


def test_padding_as_nltk_does_it_gives_kneser_ney_scores_that_do_not_add_up_to_1():
    from nltk.lm.preprocessing import padded_everygram_pipeline

    model = lm.KneserNeyInterpolated(3, 0.75)
    model.fit(*padded_everygram_pipeline(3, [[str(token) for token in text] for text in texts()]))
    known = [word for word in model.vocab if model.counts[word]]
    sums = [sum(model.score(word, context) for word in known) for context in ((), ("0",), ("<s>",))]
    assert sums[0] == pytest.approx(1) and sums[2] > 1.05
