"""Sampling, the key/value cache, batches of unequal prompts, stop strings, beam search."""

import itertools
import math

import numpy as np
import pytest

from minigpt import backend
from minigpt.beam_search import beam_search
from minigpt.errors import InputError
from minigpt.generate import Continuation, generate, generate_text, window_start
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.sampling import Sampling, choose, distribution, sample
from minigpt.text.byte_level import ByteTokenizer

CONFIGS = {
    "GPT-2": {},
    "GPT-1": {"norm": "post"},
    "GPT-3": {"attention_window": 3},
    "sinusoidal, untied": {"positions": "sinusoidal", "tied_embedding": False},
}
PROMPTS = [[1, 2, 3], [4], [5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6]]  # shorter and longer than the context of 8


@pytest.fixture(autouse=True)
def double_precision():
    with backend.using("numpy", "float64"):
        yield


def make_model(vocab_size=17, **config):
    model = GPT(GPTConfig(vocab_size=vocab_size, context_length=8, d_model=12, num_heads=3, num_layers=3, **config))
    rng = backend.generator(3)
    for p in model.parameters().values():
        p.data[...] = backend.normal(rng, p.data.shape, 0.7)
    return model


@pytest.fixture(params=CONFIGS)
def model(request):
    return make_model(**CONFIGS[request.param])


def all_logits(model, prompts, tokens, use_cache):
    texts, logits = Continuation(model, prompts, use_cache), []
    for token in tokens:
        logits.append(texts.next_logits())
        texts.append([token] * len(prompts))
    return np.stack(logits)


def test_cached_logits_equal_those_computed_anew(model):
    tokens = [3, 14, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9]  # beyond the context, so that the window moves
    for prompts in ([PROMPTS[0]], PROMPTS):
        cached, anew = (all_logits(model, prompts, tokens, use_cache) for use_cache in (True, False))
        np.testing.assert_allclose(cached, anew, rtol=0, atol=1e-12)
    assert np.ptp(cached) > 0.1  # they do differ from token to token


def test_a_row_of_a_batch_equals_the_row_alone(model):
    tokens = [3, 14, 1, 5, 9, 2, 6, 5]
    together = all_logits(model, PROMPTS, tokens, True)
    for row, prompt in enumerate(PROMPTS):
        alone = all_logits(model, [prompt], tokens, True)
        np.testing.assert_allclose(together[:, row], alone[:, 0], rtol=0, atol=1e-12)


def test_asking_twice_changes_nothing_and_appending_unasked_loses_nothing():
    model = make_model()
    texts, whole = Continuation(model, [[1, 2]]), model([[1, 2, 3, 4, 5]])[0]
    np.testing.assert_array_equal(texts.next_logits(), texts.next_logits())
    for token in (3, 4, 5):
        texts.append([token])
    np.testing.assert_allclose(texts.next_logits()[0], whole[-1], rtol=0, atol=1e-12)
    with pytest.raises(InputError, match="token id 17 is outside"):
        texts.append([17])


def test_logits_are_those_of_the_whole_forward(model):
    ids = [1, 2, 3, 4, 5, 6]
    whole = model([ids])[0]
    texts = Continuation(model, [ids[:2]])
    for position in range(1, 6):
        np.testing.assert_allclose(texts.next_logits()[0], whole[position], rtol=0, atol=1e-12)
        texts.append(ids[position + 1:position + 2] or [0])


def test_the_cache_is_used(monkeypatch):
    model, widths = make_model(), []
    forward = GPT.__call__

    def watched(self, ids, *rest, **named):
        widths.append(ids.shape[1])
        return forward(self, ids, *rest, **named)

    monkeypatch.setattr(GPT, "__call__", watched)
    list(generate(model, [[1, 2, 3]], 9))
    assert widths == [3, 1, 1, 1, 1, 1, 5, 1, 1]  # at 9 tokens the window drops the first 4


def test_the_window_moves_by_halves():
    assert [window_start(n, 8) for n in range(1, 18)] == [0] * 8 + [4] * 4 + [8] * 4 + [12]
    assert [window_start(n, 5) for n in range(4, 10)] == [0, 0, 2, 2, 4, 4]
    assert [window_start(n, 1) for n in range(1, 4)] == [0, 1, 2]
    assert all(0 < n - window_start(n, c) <= c for n in range(1, 50) for c in range(1, 12))


def test_generation_is_decided_by_the_seed_and_by_nothing_else(model):
    def run(prompts, seed, **options):
        return list(generate(model, prompts, 12, Sampling(temperature=1.5), seed, **options))

    assert run(PROMPTS, 1) == run(PROMPTS, 1) == run(PROMPTS, 1, use_cache=False)
    assert run(PROMPTS, 1) != run(PROMPTS, 2)
    assert [row[:1] for row in run(PROMPTS, 1)] == run(PROMPTS[:1], 1)
    same = run([[1, 2]] * 2, 1)
    assert [a for a, b in same] != [b for a, b in same]  # two rows draw differently


def test_greedy_takes_the_largest_logit(model):
    texts = Continuation(model, [[1, 2]])
    for (token,) in generate(model, [[1, 2]], 10, Sampling(temperature=0)):
        assert token == texts.next_logits()[0].argmax()
        texts.append([token])


def test_rows_end_at_the_stop_token():
    model = make_model()
    free = [token for (token,) in generate(model, [[1, 2]], 12, seed=5)]
    stop = free[4]
    ended = list(generate(model, [[1, 2], [3]], 12, seed=5, stop_token=stop))
    first = free.index(stop)
    assert [row[0] for row in ended[: first + 1]] == free[: first + 1]
    assert all(row[0] is None for row in ended[first + 1:])


# ---- distributions


def z(*probabilities):
    return np.log(np.array(probabilities))


def test_each_filter_by_hand():
    logits = z(0.5, 0.2, 0.2, 0.06, 0.04)
    cases = [
        (Sampling(), [0.5, 0.2, 0.2, 0.06, 0.04]),
        (Sampling(temperature=0), [1, 0, 0, 0, 0]),
        (Sampling(temperature=0.5), np.array([25, 4, 4, 0.36, 0.16]) / 33.52),
        (Sampling(top_k=1), [1, 0, 0, 0, 0]),
        (Sampling(top_k=4), np.array([50, 20, 20, 6, 0]) / 96),
        (Sampling(top_k=2), np.array([5, 2, 2, 0, 0]) / 9),  # a tie with the second stays
        (Sampling(top_k=99), [0.5, 0.2, 0.2, 0.06, 0.04]),
        (Sampling(top_p=0.4), [1, 0, 0, 0, 0]),
        (Sampling(top_p=0.6), np.array([5, 2, 0, 0, 0]) / 7),  # 0.5 is not enough, 0.7 is
        (Sampling(top_p=0.95), np.array([50, 20, 20, 6, 0]) / 96),
        (Sampling(min_p=0.3), np.array([5, 2, 2, 0, 0]) / 9),
        (Sampling(min_p=1.0), [1, 0, 0, 0, 0]),
        (Sampling(top_k=3, top_p=0.8), np.array([5, 2, 2, 0, 0]) / 9),
        (Sampling(top_k=3, top_p=0.7), np.array([5, 2, 0, 0, 0]) / 7),  # of the renormalised 5/9, 2/9, 2/9
    ]
    for sampling, expected in cases:
        np.testing.assert_allclose(distribution(logits, sampling), expected, rtol=0, atol=1e-12, err_msg=str(sampling))


def test_the_repetition_penalty_lowers_what_was_seen_whatever_its_sign():
    logits = np.array([2.0, -1.0, 0.5])
    p = distribution(logits, Sampling(repetition_penalty=2.0), seen=[0, 1, 1])
    expected = np.exp([1.0, -2.0, 0.5])
    np.testing.assert_allclose(p, expected / expected.sum(), atol=1e-12)
    np.testing.assert_array_equal(logits, [2.0, -1.0, 0.5])


def test_extreme_logits_and_infinite_ones():
    np.testing.assert_array_equal(distribution(np.array([1e4, -1e4, 0.0]), Sampling(temperature=0.1)), [1, 0, 0])
    np.testing.assert_array_equal(distribution(np.array([-np.inf, 3.0]), Sampling(top_p=0.9)), [0, 1])


def test_a_tiny_temperature_is_greedy():
    np.testing.assert_array_equal(distribution(np.array([1.0, 3.0, 2.0]), Sampling(temperature=1e-310)), [0, 1, 0])


def test_logits_that_are_not_numbers_are_refused():
    for logits in ([np.nan, 1.0], [np.inf, 1.0], [-np.inf, -np.inf]):
        with pytest.raises(InputError, match="its training diverged: use an earlier checkpoint"):
            distribution(np.array(logits), Sampling())


def test_samples_have_the_frequencies_of_the_distribution():
    p, rng = np.array([0.5, 0.0, 0.3, 0.2]), backend.generator(0)
    counts = np.bincount([sample(p, rng) for _ in range(20_000)], minlength=4) / 20_000
    assert counts[1] == 0
    np.testing.assert_allclose(counts, p, atol=0.015)


@pytest.mark.parametrize("options, words", [
    (dict(temperature=-1), "temperature -1 has no meaning: choose 0"), (dict(temperature=math.nan), "temperature nan"),
    (dict(top_k=-3), "top-k -3 is negative: choose 0"), (dict(top_p=0), r"top-p 0 is outside \(0, 1\]"),
    (dict(top_p=1.5), r"top-p 1.5 is outside \(0, 1\]: choose"), (dict(min_p=2), r"min-p 2 is outside \[0, 1\]"),
    (dict(repetition_penalty=0), "repetition penalty 0 has no meaning"),
])  # fmt: skip
def test_settings_without_a_meaning_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        Sampling(**options)


# ---- text


def test_text_streams_in_pieces_that_are_the_whole():
    model, tokenizer = make_model(vocab_size=256), ByteTokenizer()
    pieces = list(generate_text(model, tokenizer, "Ab", 30, seed=2))
    ids = [token for (token,) in generate(model, [tokenizer.encode("Ab")], 30, seed=2)]
    assert "".join(pieces) == tokenizer.decode(ids)
    assert len(pieces) > 3


class Scripted:
    """A model that writes a given text, whatever it is asked: the stop strings can then be checked by hand."""

    def __init__(self, text):
        self.ids = text.encode("utf-8")
        self.config = GPTConfig(vocab_size=256, context_length=1000)
        self.prompt_length = None

    def __call__(self, ids, valid=None, cache=None, last_only=False):
        if self.prompt_length is None:
            self.prompt_length = len(ids[0])
        logits = np.full((1, 1, 256), -1e9)
        logits[0, 0, self.ids[len(ids[0]) - self.prompt_length]] = 0
        return logits


@pytest.mark.parametrize("stop, expected", [
    ([], "one two, one three"), ([","], "one two"), (["three"], "one two, one "), (["nine"], "one two, one three"),
    (["one th", "two, on!"], "one two, "), (["o"], ""), (["ree", "thr"], "one two, one "),
])  # fmt: skip
def test_text_ends_before_the_first_stop_string_and_never_shows_its_beginning(stop, expected):
    shown = ""
    for piece in generate_text(Scripted("one two, one three"), ByteTokenizer(), "x", 18, Sampling(temperature=0),
                               stop=stop, use_cache=False):
        shown += piece
        assert expected.startswith(shown)  # nothing is shown that must be taken back
    assert shown == expected


def test_characters_of_several_bytes_come_whole():
    def pieces(text, tokens):
        return list(generate_text(Scripted(text), ByteTokenizer(), "x", tokens, Sampling(top_k=1), use_cache=False))

    assert pieces("é漢字🙂.", 13) == ["é", "漢", "字", "🙂", "."]
    assert "".join(pieces("漢字", 4)) == "漢�"  # the budget ended in the middle of a character


@pytest.mark.parametrize("run, words", [
    (lambda m: next(generate_text(m, ByteTokenizer(), "", 3)), "the prompt is empty"),
    (lambda m: next(generate_text(m, ByteTokenizer(), "x", 3, stop=[""])), "a stop string is empty"),
    (lambda m: next(generate(m, [[1], []], 3)), "the prompt is empty"),
    (lambda m: next(generate(m, [], 3)), "the prompt is empty"),
    (lambda m: next(generate(m, [[1, 17]], 3)), r"token id 17 is outside 0\.\.16"),
    (lambda m: next(generate(m, [[-1]], 3)), "token id -1 is outside"),
    (lambda m: beam_search(m, [1], 3, beams=0), "0 beams"),
    (lambda m: m([list(range(9))]), "9 tokens are more than the context length 8"),
])  # fmt: skip
def test_what_can_not_be_continued_is_refused(run, words):
    with pytest.raises(InputError, match=words):
        run(make_model())


# ---- beam search


def log_probability(model, prompt, continuation):
    logits = model([[*prompt, *continuation]])[0]
    logits = logits - logits.max(-1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return sum(log_p[len(prompt) - 1 + i, token] for i, token in enumerate(continuation))


@pytest.fixture
def small_model():
    return make_model(vocab_size=4, tied_embedding=False)


def test_with_enough_beams_the_search_is_exhaustive(small_model):
    texts = list(itertools.product(range(4), repeat=4))
    expected = sorted(((log_probability(small_model, [1, 2], c) / 4, list(c)) for c in texts), reverse=True)
    found = beam_search(small_model, [1, 2], 4, beams=256)
    assert [ids for _, ids in found] == [ids for _, ids in expected]
    np.testing.assert_allclose([score for score, _ in found], [score for score, _ in expected], atol=1e-10)


def test_beams_find_what_a_plain_search_over_sets_of_texts_finds(small_model):
    """The same algorithm once more, naively: keep the 3 best texts, extend each by every token."""
    texts = [()]
    for _ in range(5):
        longer = [(*text, token) for text in texts for token in range(4)]
        texts = sorted(longer, key=lambda c: -log_probability(small_model, [1, 2], c))[:3]
    assert [tuple(ids) for _, ids in beam_search(small_model, [1, 2], 5, beams=3)] == texts


def test_one_beam_is_greedy_and_the_cache_changes_nothing(model):
    greedy = [token for (token,) in generate(model, [[1, 2]], 12, Sampling(temperature=0))]
    assert beam_search(model, [1, 2], 12, beams=1)[0][1] == greedy
    cached, anew = (beam_search(model, [1, 2], 12, 3, use_cache=use_cache) for use_cache in (True, False))
    assert [ids for _, ids in cached] == [ids for _, ids in anew]


@pytest.mark.parametrize("penalty", [0.0, 1.0, 2.0, -1.0])
def test_ended_texts_compete_by_score(small_model, penalty):
    """All texts of up to 4 tokens that end with token 3 or at the limit, scored one by one."""
    def is_text(c):
        return 3 not in c[:-1] and (len(c) == 4 or c[-1] == 3)

    texts = [c for n in range(1, 5) for c in itertools.product(range(4), repeat=n) if is_text(c)]
    scored = [(log_probability(small_model, [1, 2], c) / len(c)**penalty, list(c)) for c in texts]
    found = beam_search(small_model, [1, 2], 4, beams=256, length_penalty=penalty, stop_token=3)
    assert [ids for _, ids in found] == [ids for _, ids in sorted(scored, reverse=True)]
    # A narrow search may miss texts, but what it finds has the right score and the right order.
    few = beam_search(small_model, [1, 2], 4, beams=2, length_penalty=penalty, stop_token=3)
    lookup = {tuple(ids): score for score, ids in scored}
    assert [score for score, _ in few] == sorted((score for score, _ in few), reverse=True)
    for score, ids in few:
        assert score == pytest.approx(lookup[tuple(ids)], abs=1e-10)


def test_no_tokens_asked_for_gives_an_empty_text(model):
    assert beam_search(model, [1, 2], 0) == [(0.0, [])]
    assert list(generate(model, [[1, 2]], 0)) == []


@pytest.mark.parametrize("sampling", [Sampling(temperature=0), Sampling(temperature=0, repetition_penalty=1.5),
                                      Sampling(temperature=0.8, top_k=3)], ids=["greedy", "penalty", "drawn"])
def test_a_chosen_token_is_one_drawn_from_the_distribution(sampling):
    rng = np.random.default_rng(0)
    for number in range(20):
        logits, seen = rng.standard_normal(9).astype(np.float32), [0, 3]
        expected = sample(distribution(logits, sampling, seen), np.random.default_rng(number))
        assert choose(logits, sampling, seen, np.random.default_rng(number)) == expected
    assert choose(np.array([1.0, 2.0, 2.0]), Sampling(temperature=0), [], rng) == 1  # a tie: the lowest id


def test_greedy_choice_refuses_logits_that_are_no_numbers():
    with pytest.raises(InputError, match="not finite"):
        choose(np.array([1.0, np.nan]), Sampling(temperature=0), [], np.random.default_rng(0))
