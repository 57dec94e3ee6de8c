"""n-gram models: values by hand, the definitions once more with dictionaries, sums, files, generation, bad input."""

import functools
import json
import math
import shutil
from collections import Counter, defaultdict
from dataclasses import asdict, replace

import numpy as np
import pytest
import safetensors.numpy
from ngram_problems import MODELS, V, contexts, make_model, texts

from minigpt import backend
from minigpt.errors import InputError
from minigpt.generate import generate, generate_text
from minigpt.models.ngram import FILE, NGram, NGramConfig
from minigpt.models.ngram_smoothing import SMOOTHINGS, estimated_discount
from minigpt.sampling import Sampling
from minigpt.text.bpe import BPETokenizer
from minigpt.text.characters import CharacterTokenizer

A, B, R, C, D = range(5)
ABRACADABRA = [A, B, R, A, C, A, D, A, B, R, A]


def model_of(ids, order, smoothing, vocab_size=5, **options):
    return NGram.count([ids], NGramConfig(vocab_size=vocab_size, order=order, smoothing=smoothing, **options))


# ---- by hand: a b r a c a d a b r a


def test_maximum_likelihood_by_hand():
    model = model_of(ABRACADABRA, 2, "mle")
    assert model.probabilities([A]).tolist() == [0, 0.5, 0, 0.25, 0.25]  # after a: b twice, c, d
    assert model.probabilities([B]).tolist() == [0, 0, 1, 0, 0]
    assert model.probabilities([]).tolist() == [5 / 11, 2 / 11, 2 / 11, 1 / 11, 1 / 11]
    assert model.probabilities([model.start]).tolist() == [1, 0, 0, 0, 0]  # every text began with a
    trigram = model_of(ABRACADABRA, 3, "mle")
    assert trigram.probabilities([B, B]).tolist() == [0, 0, 1, 0, 0], "b b never came: what follows b"


def test_add_k_by_hand():
    model = model_of(ABRACADABRA, 2, "add-k", k=0.5)
    np.testing.assert_allclose(model.probabilities([A]), np.array([0.5, 2.5, 0.5, 1.5, 1.5]) / 6.5, rtol=1e-15)
    unseen = model_of([A, B, A], 2, "add-k", k=0.5).probabilities([D])
    np.testing.assert_allclose(unseen, 0.2, rtol=1e-15)


def test_witten_bell_by_hand():
    single = (np.array([5, 2, 2, 1, 1]) + 5 * 0.2) / (11 + 5)  # 11 tokens, 5 different ones
    after_a = (np.array([0, 2, 0, 1, 1]) + 3 * single) / (4 + 3)
    model = model_of(ABRACADABRA, 2, "witten-bell")
    np.testing.assert_allclose(model.probabilities([]), single, rtol=1e-15)
    np.testing.assert_allclose(model.probabilities([A]), after_a, rtol=1e-15)


def test_kneser_ney_by_hand():
    # Different pairs, ^ being the beginning: ^a ra ca da, ab, br, ac, ad: a comes after 4 tokens, each other after 1.
    single = (np.array([4, 1, 1, 1, 1]) - 0.75 + 0.75 * 5 * 0.2) / 8
    after_a = (np.array([0, 1.25, 0, 0.25, 0.25]) + 0.75 * 3 * single) / 4
    model = model_of(ABRACADABRA, 2, "kneser-ney", discount=0.75)
    np.testing.assert_allclose(model.probabilities([]), single, rtol=1e-15)
    np.testing.assert_allclose(model.probabilities([A]), after_a, rtol=1e-15)


def test_stupid_backoff_by_hand():
    model = model_of(ABRACADABRA, 3, "stupid-backoff", alpha=0.4)
    expected = [0.16 * 5 / 11, 0.4 * 2 / 4, 0.16 * 2 / 11, 1, 0.4 * 1 / 4]  # after r a: c; after a: b, c, d
    np.testing.assert_allclose(model.scores([R, A]), expected, rtol=1e-15)
    assert model.scores([R, A]).sum() > 1.3, "scores, no probabilities"


def test_francisco_comes_after_san_alone():
    san, francisco, others = 0, 1, range(2, 12)
    text = [token for other in others for token in (other, san, francisco)]  # francisco: 10 times, all after san
    kneser_ney, witten_bell = (model_of(text, 2, name, 12).probabilities([]) for name in ("kneser-ney", "witten-bell"))
    assert witten_bell[francisco] == witten_bell[san] and kneser_ney[francisco] < 0.15 * kneser_ney[san]
    assert model_of(text, 2, "kneser-ney", 12).probabilities([san])[francisco] > 0.9


def test_the_discount_is_estimated_for_each_length():
    assert estimated_discount(np.array([1, 1, 1, 2, 5])) == 3 / (3 + 2)
    assert estimated_discount(np.array([2, 2])) == estimated_discount(np.array([1, 1])) == 0.5
    model = model_of(ABRACADABRA, 2, "kneser-ney")
    assert model.strengths == [0.5, 5 / (5 + 2 * 3)]  # pairs: ^a ac ca ad da once, ab br ra twice


# ---- the definitions once more, with dictionaries


@functools.cache
def counted(n):
    """For each context of n - 1 ids, how often each token followed; the beginning is V."""
    found = defaultdict(Counter)
    for text in texts():
        padded = [V] * 9 + text
        for end in range(9, len(padded)):
            found[tuple(padded[end - n + 1:end])][padded[end]] += 1
    return found


@functools.cache
def continued(n):
    """The same with the number of different tokens before the n-gram."""
    found = defaultdict(Counter)
    for context, tokens in counted(n + 1).items():
        for token in tokens:
            found[context[1:]][token] += 1
    return found


def by_definition(name, order, context, token):
    """p(token | context), by recursion over shorter contexts down to 1/V."""
    options = {**asdict(NGramConfig()), **MODELS[name]}

    @functools.cache
    def p(context):
        n = len(context) + 1
        follow = (continued if options["smoothing"] == "kneser-ney" and n < order else counted)(n)[context]
        c, total, types = follow[token], sum(follow.values()), len(set(follow) - {t for t in follow if not follow[t]})
        lower = p(context[1:]) if context else (0 if options["smoothing"] == "stupid-backoff" else 1 / V)
        if options["smoothing"] == "add-k":
            return (c + options["k"]) / (total + options["k"] * V)
        if options["smoothing"] == "stupid-backoff":
            return c / total if c else options["alpha"] * lower
        if total == 0:
            return lower
        if options["smoothing"] == "mle":
            return c / total
        if options["smoothing"] == "witten-bell":
            return (c + types * lower) / (total + types)
        return (max(c - options["discount"], 0) + options["discount"] * types * lower) / total

    return p(context)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("name", MODELS)
def test_the_definitions(name, order):
    model = make_model(name, order)
    model = NGram(replace(model.config, ends_uniform=True), model.tables)
    for context in contexts(order):
        expected = [by_definition(name, order, context, token) for token in range(V)]
        np.testing.assert_allclose(model.scores(context), expected, rtol=1e-13, atol=1e-16)


# ---- what holds for every model


@pytest.mark.parametrize("ends_uniform", [True, False])
@pytest.mark.parametrize("smoothing", [name for name in SMOOTHINGS if name != "stupid-backoff"])
def test_probabilities_add_up_to_1_after_every_context(smoothing, ends_uniform):
    rng = np.random.default_rng(5)
    text = (rng.zipf(1.3, 4000) - 1) % 60
    model = model_of(text, 4, smoothing, vocab_size=64, ends_uniform=ends_uniform)
    tried = [text[start:start + size] for start in range(0, 3900, 40) for size in range(5)]  # seen, short and long
    tried += [rng.integers(0, 64, size) for size in range(1, 5) for _ in range(50)]  # mostly unseen
    tried += [[model.start] * size + list(text[:known]) for size in range(1, 4) for known in range(4 - size)]
    tried += [[63, 63, 63], [int(text[-1]), 63], [63, int(text[0])]]
    for context in tried:
        p = model.probabilities(context)
        assert p.shape == (64,) and p.min() >= 0 and abs(p.sum() - 1) < 1e-9
        if smoothing != "mle" and ends_uniform:
            assert p.min() > 0


@pytest.mark.parametrize("name", MODELS)
def test_all_places_of_a_text_at_once_are_the_contexts_one_by_one(name):
    model = make_model(name, 4)
    for text in (texts()[3], [5, 5, 6, 0, 0, 1, 2, 6], [0]):
        one_by_one = [model.scores(model.padded(text[:t]))[token] for t, token in enumerate(text)]
        np.testing.assert_allclose(model.text_scores(text), one_by_one, rtol=1e-14, atol=0)
    assert model.text_scores([]).shape == (0,)


def test_texts_have_beginnings_of_their_own():
    apart, joined = (NGram.count(some, NGramConfig(vocab_size=2, order=2, smoothing="mle"))
                     for some in ([[0, 0], [1, 1], []], [[0, 0, 1, 1]]))
    assert apart.probabilities([0]).tolist() == [1, 0] and joined.probabilities([0]).tolist() == [0.5, 0.5]
    assert apart.probabilities([2]).tolist() == [0.5, 0.5] and joined.probabilities([2]).tolist() == [1, 0]


def test_the_measures_of_a_text():
    model = model_of(ABRACADABRA, 2, "mle")
    p = [1, 0.5, 1, 1, 0.25, 1, 0.25, 1, 0.5, 1, 1]  # a | ^, b | a, r | b, ...
    assert model.log_probability(ABRACADABRA) == pytest.approx(math.log(math.prod(p)), abs=1e-12)
    assert model.loss(ABRACADABRA) == pytest.approx(6 * math.log(2) / 11, abs=1e-12)
    assert model.perplexity(ABRACADABRA) == pytest.approx(2 ** (6 / 11), abs=1e-12)
    assert model.bits_per_character(ABRACADABRA, 22) == pytest.approx(6 / 22, abs=1e-12)
    assert model.log_probability([B, A]) == -math.inf and model.perplexity([B, A]) == math.inf
    assert model.log_probability([]) == 0


def test_a_longer_memory_helps_and_smoothing_decides_on_new_text():
    words = "the cat sat on the mat and the dog sat on the log while the frog in the bog saw the cat and the dog run "
    text = "".join(np.random.RandomState(0).permutation(words.split() * 60).tolist())
    tokenizer = CharacterTokenizer.train([text])
    ids = np.array(tokenizer.encode(text))
    seen, unseen = ids[:3000], ids[3000:]
    loss = {(name, order): model_of(seen, order, name, tokenizer.vocab_size).loss(unseen)
            for name in ("kneser-ney", "witten-bell", "add-k") for order in (1, 2, 3, 4)}
    for name in ("kneser-ney", "witten-bell"):
        assert loss[name, 1] > loss[name, 2] + 0.3 > loss[name, 3] + 0.5
    assert loss["kneser-ney", 4] < loss["add-k", 4] - 0.02


def test_precision_and_library_in_use_do_not_matter():
    with backend.using("numpy", "float32"):
        single = make_model("kneser-ney", 3).scores([0, 1])
    with backend.using("numpy", "float64"):
        double = make_model("kneser-ney", 3).scores([0, 1])
    assert single.dtype == double.dtype == "float64" and (single == double).all()


# ---- generation, by the library's own sampling


def test_generation_draws_from_the_probabilities():
    model = make_model("kneser-ney", 3)
    drawn = Counter(next(generate(model, [[0, 1]], 1, seed=seed, use_cache=False))[0] for seed in range(2000))
    share = np.array([drawn[token] / 2000 for token in range(V)])
    np.testing.assert_allclose(share, model.probabilities(model.padded([0, 1])), atol=0.04)


def test_generation_writes_what_must_come_and_stops_nowhere():
    tokenizer = CharacterTokenizer.train(["abcd"])
    model = NGram.count([tokenizer.encode("abcd" * 5)], NGramConfig(vocab_size=4, order=3, smoothing="mle"))
    assert "".join(generate_text(model, tokenizer, "a", 9, use_cache=False)) == "bcdabcdab"
    stupid = NGram(replace(model.config, smoothing="stupid-backoff"), model.tables)
    assert "".join(generate_text(stupid, tokenizer, "da", 5, Sampling(temperature=0), use_cache=False)) == "bcdab"


def test_rows_of_unequal_length_do_not_disturb_each_other():
    model, prompts = make_model("witten-bell", 4), [[1], [0, 1, 2, 3, 0, 1], [5, 5]]
    for prompt in prompts:
        logits = model(np.array([prompt]))
        assert logits.shape == (1, len(prompt), V)
        np.testing.assert_array_equal(logits[:, -1:], model(np.array([prompt]), last_only=True))
        np.testing.assert_allclose(np.exp(logits[0, 0]), model.probabilities(model.padded(prompt[:1])))
    greedy = [list(generate(model, [prompt], 6, Sampling(temperature=0), use_cache=False)) for prompt in prompts]
    at_once = list(generate(model, prompts, 6, Sampling(temperature=0), use_cache=False))
    assert [[step[row] for step in at_once] for row in range(3)] == [[step[0] for step in one] for one in greedy]


def test_any_tokenizer_will_do():
    text = "the cat sat on the mat. " * 20
    tokenizer = BPETokenizer.train([text], 270)
    model = NGram.count([tokenizer.encode(text)], NGramConfig(vocab_size=tokenizer.vocab_size, order=3))
    assert model.bits_per_character(tokenizer.encode(text), len(text)) < 0.3
    assert "cat" in "".join(generate_text(model, tokenizer, "the", 30, use_cache=False))


# ---- files


@pytest.mark.parametrize("name", MODELS)
def test_a_saved_model_is_the_same_when_it_is_loaded(tmp_path, name):
    model = make_model(name, 3)
    model.save(tmp_path / "new")
    loaded = NGram.load(tmp_path / "new")
    assert loaded.config == model.config and loaded.strengths == model.strengths
    for context in contexts(3):
        np.testing.assert_array_equal(loaded.scores(context), model.scores(context))
    assert [path.name for path in (tmp_path / "new").iterdir()] == [FILE]


def rewritten(folder, change):
    """The saved model of `folder` with its tensors and configuration changed."""
    path = folder / FILE
    with safetensors.safe_open(path, framework="numpy") as file:
        config = json.loads(file.metadata()["config"])
        tensors = {name: file.get_tensor(name) for name in list(file.keys())}
    change(tensors, config)
    safetensors.numpy.save_file(tensors, path, metadata={"config": json.dumps(config)})


def unsorted(tensors, config):
    tensors["keys.2"] = tensors["keys.2"][::-1].copy()


def no_beginning(tensors, config):
    keys, counts = tensors["keys.3"], tensors["counts.3"]
    keep = keys // V < len(tensors["keys.2"])
    counts[0] += counts[~keep].sum()
    tensors.update({"keys.3": keys[keep], "counts.3": counts[keep]})


DAMAGE = {
    "unsorted": unsorted,
    "a count of 0": lambda tensors, config: tensors["counts.1"].__setitem__(0, 0),
    "other sums": lambda tensors, config: tensors["counts.3"].__setitem__(0, 99),
    "no beginning": no_beginning,
    "a context beyond the last": lambda tensors, config: tensors["keys.3"].__setitem__(-1, 10**9),
    "an end that was never counted": lambda tensors, config: tensors["keys.1"].__setitem__(-1, V - 1),
    "floats": lambda tensors, config: tensors.update({"keys.1": tensors["keys.1"].astype("float32")}),
    "a length missing": lambda tensors, config: tensors.pop("keys.3"),
    "an unknown field": lambda tensors, config: config.update(colour="blue"),
    "a field missing": lambda tensors, config: config.pop("alpha"),
    "a field of another type": lambda tensors, config: config.update(order="3"),
    "a wrong smoothing": lambda tensors, config: config.update(smoothing="sandpaper"),
    "another vocabulary": lambda tensors, config: config.update(vocab_size=3),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_refused(tmp_path, damage):
    make_model("kneser-ney", 3).save(tmp_path)
    rewritten(tmp_path, lambda tensors, config: None)
    NGram.load(tmp_path)
    rewritten(tmp_path, DAMAGE[damage])
    with pytest.raises(InputError, match=r"ngram\.safetensors is damaged \(.+\): count again"):
        NGram.load(tmp_path)


def test_a_file_cut_short_or_missing_is_refused(tmp_path):
    make_model("mle", 2).save(tmp_path)
    whole = (tmp_path / FILE).read_bytes()
    for size in (0, 4, 100, len(whole) - 1):
        (tmp_path / FILE).write_bytes(whole[:size])
        with pytest.raises(InputError, match="is damaged"):
            NGram.load(tmp_path)
    shutil.rmtree(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no n-gram model"):
        NGram.load(tmp_path)


# ---- bad input


@pytest.mark.parametrize("options, words", [
    (dict(order=0), "order 0 is outside 1 to 100: choose for example 5"), (dict(order=101), "order 101 is outside"),
    (dict(vocab_size=0), "vocab_size 0 is outside"), (dict(smoothing="sandpaper"), "choose one of mle, add-k"),
    (dict(k=0.0), "k 0.0 must be above 0"), (dict(k=math.inf), "k inf"),
    (dict(discount=1.5), "discount 1.5 is outside"),
    (dict(discount=-0.1), "discount -0.1 is outside"), (dict(alpha=0.0), "alpha 0.0 is outside"),
    (dict(alpha=1.1), "alpha 1.1 is outside"),
])  # fmt: skip
def test_numbers_that_make_no_sense_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        NGramConfig(**options)


@pytest.mark.parametrize("some, words", [
    ([], "longest text has 0 tokens, and the order is 3: give more text$"),
    ([[]], "longest text has 0 tokens"), ([[0, 1], [1]], "has 2 tokens, .* or choose an order up to 2"),
    ([[0, 1, 7]], "token id 7 is outside 0..6: encode with the tokenizer"), ([[0, -1, 2]], "token id -1 is outside"),
    ([[0.5, 1, 2]], "must be integers"), ([[[0, 1, 2]]], r"shape \(1, 3\): give one row"),
])  # fmt: skip
def test_texts_that_can_not_be_counted_are_refused(some, words):
    with pytest.raises(InputError, match=words):
        NGram.count(some, NGramConfig(vocab_size=V, order=3))


def test_contexts_and_texts_with_a_word_outside_the_vocabulary_are_refused():
    model = make_model("kneser-ney", 3)
    with pytest.raises(InputError, match=r"token id 8 is outside 0..7"):
        model.scores([0, 8])
    with pytest.raises(InputError, match="can't stand behind a token"):
        model.scores([0, V])
    with pytest.raises(InputError, match=r"token id 7 is outside 0..6"):
        model.loss([0, V])
    with pytest.raises(InputError, match="text to measure is empty"):
        model.loss([])
    with pytest.raises(InputError, match="use_cache=False"):
        list(generate(model, [[0]], 2))


def test_stupid_backoff_refuses_to_speak_of_probability():
    model = make_model("stupid-backoff", 3)
    for ask in (lambda: model.probabilities([0]), lambda: model.perplexity([0, 1]), lambda: model.log_probability([0])):
        with pytest.raises(InputError, match="don't add up to 1"):
            ask()
    assert model.scores([0]).shape == (V,)
