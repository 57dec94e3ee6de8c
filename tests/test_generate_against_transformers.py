"""Generation against transformers' generate with the same weights, token for token; filters against its processors.

Beam search has no one definition: what differs is when to stop. Ours is what transformers calls early_stopping="never":
go on until no living text can overtake the worst of the ended ones, however long it grows, so a good text is never
missed for having been slow. (Its default, False, takes a text's score at its present length as the best it can reach;
True stops as soon as there are enough ended texts.) One beam is not compared: transformers then searches greedily and
ends with the first stop token, while ours keeps looking for a text with a better score.

Where tokens are equally probable, top-k and min-p keep all of them in both. top-p keeps as many in both but others:
ours those with the lowest ids, theirs those with the highest. And where some tokens reach p exactly, as four of five
equal ones reach 0.8, rounding decides whether one more is kept; it need not decide alike.
"""

import functools

import numpy as np
import pytest
from generation_problems import (
    BEAM,
    GREEDY,
    PROMPTS,
    SAMPLINGS,
    STOP,
    TOKENS,
    as_table,
    beam_results,
    distribution_results,
    greedy_results,
    make_writer,
    random_logits,
)
from problems import V
from test_models_against_torch import gpt2, make_gpt2, transformers
from torch_oracle import assert_agree, leaves, torch

from minigpt import backend
from minigpt.generate import Continuation
from minigpt.sampling import Sampling, distribution


@pytest.fixture(autouse=True)
def double_precision():
    with backend.using("numpy", "float64"):
        yield


@functools.cache
def their_writer():
    """make_writer's weights in a transformers model without any special tokens."""
    twin = make_gpt2().double().eval()
    weights = gpt2(leaves({path: p.data for path, p in make_writer().parameters().items()}))
    missing, unexpected = twin.load_state_dict(weights, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, "which is the token embedding"
    for config in (twin.config, twin.generation_config):
        config.bos_token_id = config.eos_token_id = config.pad_token_id = None
    return twin


def their_texts(prompts, stop_token=None, **options):
    """The generated ids of each row, up to the stop token; and transformers' whole answer."""
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    answer = their_writer().generate(
        ids, attention_mask=mask, max_new_tokens=TOKENS, do_sample=False, eos_token_id=stop_token, pad_token_id=V - 1,
        return_dict_in_generate=True, output_scores=True, **options)  # fmt: skip
    rows = [row[width:].tolist() for row in answer.sequences]
    return [row[:row.index(stop_token) + 1] if stop_token in row else row for row in rows], answer


def their_greedy_results(name) -> dict:
    options = dict(GREEDY[name])
    penalty = options.pop("sampling", Sampling()).repetition_penalty
    return {"tokens": as_table(their_texts(**options, repetition_penalty=penalty)[0])}


def their_beam_results(name, early_stopping="never") -> dict:
    o = BEAM[name]
    rows, answer = their_texts([o["prompt"]], o["stop_token"], num_beams=o["beams"], early_stopping=early_stopping,
                               num_return_sequences=o["beams"], length_penalty=o["length_penalty"])
    return {"scores": answer.sequences_scores, "tokens": as_table(rows)}


def filtered(logits, sampling, seen) -> np.ndarray:
    """distribution, by transformers' processors in the order of its generate."""
    g, steps = transformers.generation.logits_process, transformers.LogitsProcessorList()
    if sampling.repetition_penalty != 1:
        steps.append(g.RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty))
    steps.append(g.TemperatureLogitsWarper(float(sampling.temperature)))
    if sampling.top_k:
        steps.append(g.TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1:
        steps.append(g.TopPLogitsWarper(sampling.top_p))
    if sampling.min_p:
        steps.append(g.MinPLogitsWarper(sampling.min_p))
    return torch.softmax(steps(torch.tensor(np.array([seen])), torch.tensor(logits[None])), dim=-1)[0].numpy()


def their_distribution_results(n: int) -> dict:
    logits, seen = random_logits(n)
    return {"probabilities": np.stack([filtered(logits, sampling, seen) for sampling in SAMPLINGS])}


@pytest.mark.parametrize("name", GREEDY)
def test_greedy(name):
    assert (greedy_results(name)["tokens"] == their_greedy_results(name)["tokens"]).all()


def test_the_greedy_texts_are_worth_comparing():
    texts, margin = Continuation(make_writer(), PROMPTS), np.inf
    for _ in range(TOKENS):
        logits = texts.next_logits()
        second, first = np.sort(logits, axis=1)[:, -2:].T
        margin = min(margin, (first - second).min())
        texts.append(logits.argmax(axis=1))
    assert margin > 1e-3, "no near-ties, which rounding to float32 could turn"
    assert len(np.unique(greedy_results("plain")["tokens"])) >= 10
    ends = (greedy_results("stop token")["tokens"] == STOP).sum(axis=1)
    assert set(ends) == {0, 1}, "some end, some don't"


@pytest.mark.parametrize("name", BEAM)
def test_beam_search(name):
    ours, theirs = beam_results(name), their_beam_results(name)
    assert ours["tokens"].tolist() == theirs["tokens"].tolist()
    assert_agree({"scores": ours["scores"]}, {"scores": theirs["scores"]}, 2e-6)  # theirs are float32
    with backend.using("numpy", "float32"):
        assert beam_results(name)["tokens"].tolist() == ours["tokens"].tolist(), "no near-ties: rounding turns nothing"


@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_other_rules_for_stopping_find_other_texts(early_stopping):
    name = "3 beams, penalty 2.0, stop, prompt 0"
    found, earlier = beam_results(name), their_beam_results(name, early_stopping)
    assert found["tokens"].tolist() != earlier["tokens"].tolist()
    assert found["scores"][0] >= float(earlier["scores"][0]) - 1e-6, "nothing better was missed"


def test_the_found_texts_are_worth_comparing():
    found = [beam_results(name) for name in BEAM]
    lengths = {int(n) for results in found for n in (results["tokens"] >= 0).sum(axis=1)}
    assert len(lengths) > 5, "ended early and late"
    assert len({tuple(map(tuple, results["tokens"])) for results in found}) > 15


@pytest.mark.parametrize("n", range(20))
def test_filtered_distributions(n):
    ours, theirs = distribution_results(n), their_distribution_results(n)
    np.testing.assert_array_equal(ours["probabilities"] > 0, theirs["probabilities"] > 0)
    assert_agree(ours, theirs, 1e-12)


@pytest.mark.parametrize("logits", [
    np.zeros(4), np.array([0.5]), np.array([1e4, -1e4, 0, 9999]), np.array([-np.inf, 1, -np.inf, 0, 0.5]),
    np.array([2.0, 2, 2, 1, 1, -3, -3]), -np.arange(60.0),
], ids=["all equal", "one token", "huge", "impossible tokens", "ties", "steep"])  # fmt: skip
@pytest.mark.parametrize("sampling", SAMPLINGS, ids=str)
def test_filters_at_their_edges(logits, sampling):
    seen = [0, len(logits) - 1]
    ours, theirs = distribution(logits, sampling, seen), filtered(logits, sampling, seen)
    if sampling.top_p < 1:  # of equally probable tokens others are kept, but as many
        ours, theirs = np.sort(ours), np.sort(theirs)
    np.testing.assert_array_equal(ours > 0, theirs > 0)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-300)


def test_top_p_keeps_the_lowest_ids_of_a_tie_and_theirs_the_highest():
    logits, half = np.zeros(4), Sampling(top_p=0.5)
    assert distribution(logits, half).tolist() == [0.5, 0.5, 0, 0]
    assert filtered(logits, half, [0]).tolist() == [0, 0, 0.5, 0.5]
    assert [np.count_nonzero(f(np.zeros(5), Sampling(top_p=0.8), [0])) for f in (distribution, filtered)] == [4, 5]


def test_temperature_0_is_their_greedy_choice():
    for n in range(20):
        logits, _ = random_logits(n)
        assert distribution(logits, Sampling(temperature=0)).argmax() == int(torch.tensor(logits).argmax())
