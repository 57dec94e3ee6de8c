"""Word vectors: samplers, windows, losses by hand, what is learned of a small world, files, bad input."""

import math
from collections import Counter

import numpy as np
import pytest

from minigpt import backend
from minigpt.errors import InputError
from minigpt.models.fasttext import FastText, FastTextConfig, fnv1a, pieces
from minigpt.models.word2vec import (
    NegativeSampler,
    Word2Vec,
    Word2VecConfig,
    batches,
    count_words,
    keep_probability,
    negative_sampling_backward,
    negative_sampling_forward,
    train_vectors,
)
from minigpt.models.word_vectors import WordVectors
from minigpt.text.worlds import make_world

SENTENCES = [["a", "b", "c", "d"], ["b", "a", "d", "c", "a"], ["d", "b", "a"]] * 20


def make(cls=Word2Vec, sentences=SENTENCES, **config):
    shape = dict(d_model=6, window=2, negatives=3, min_count=1, subsample=0.0)
    settings = (FastTextConfig if cls is FastText else Word2VecConfig)(**{**shape, **config})
    return cls(settings, count_words(sentences))


# Samplers


def test_the_three_quarter_power_by_hand():
    np.testing.assert_allclose(NegativeSampler([16, 1]).p, [8 / 9, 1 / 9])


@pytest.mark.parametrize("counts", [[1], [5, 5], [100, 3, 1, 1], list(range(1, 60)), [10**6, *[1] * 500]])
def test_columns_and_aliases_add_up_to_the_distribution(counts):
    sampler = NegativeSampler(counts)
    V = len(counts)
    total = sampler.share / V + np.bincount(sampler.alias, (1 - sampler.share) / V, V)
    np.testing.assert_allclose(total, sampler.p, rtol=0, atol=1e-12)
    drawn = np.bincount(sampler.draw(backend.generator(0), 20_000), minlength=V) / 20_000
    assert np.abs(drawn - sampler.p).max() < 0.015


def test_subsampling_by_hand():
    """f = 0.1 and t = 0.001: √0.01 + 0.01."""
    np.testing.assert_allclose(keep_probability([10, 89, 1], 0.001)[0], 0.11)
    assert keep_probability([1, 9_999], 0.001)[0] == 1 and (keep_probability([1, 9], 0) == 1).all()


# Windows


def pairs_of(batch, valid, window):
    return [(int(batch[n + window]), int(batch[n + s])) for n, s in zip(*np.nonzero(valid))]


@pytest.mark.parametrize("size", [1, 2, 100])
def test_windows_stay_inside_their_sentence_and_every_centre_comes_once(size):
    model = make(sentences=[["a", "b", "c"], ["d", "e"]], window=1)
    ids, sentence = np.arange(5), np.array([0, 0, 0, 1, 1])
    found = Counter()
    ends = []
    for batch, valid, done in batches(model, ids, sentence, backend.generator(0), size):
        found.update(pairs_of(batch, valid, 1))
        ends.append(int(done))
    assert found == Counter([(0, 1), (1, 0), (1, 2), (2, 1), (3, 4), (4, 3)]) and ends[-1] == 5


def test_the_reach_of_a_window_is_uniform():
    """Of a window of 4 a neighbour at distance d is seen with probability (5 - d) / 4."""
    ids = np.zeros(4000, int)
    batch, valid, _ = next(batches(make(window=4), ids, ids, backend.generator(0), 4000))
    assert np.abs(valid[4:-4].mean(axis=0) - [0.25, 0.5, 0.75, 1, 0, 1, 0.75, 0.5, 0.25]).max() < 0.03


# Losses


def test_negative_sampling_by_hand():
    """h·y is ln 3 for the word and 0 for one negative: σ = 3/4 and 1/2, loss ln(4/3) + ln 2, ds = (-1/4, 1/2)."""
    h, y = np.array([[[1.0, 0.0]]]), np.array([[[math.log(3), 1.0], [0.0, 2.0]]])
    loss, saved = negative_sampling_forward(h, y, np.ones((1, 1, 2), bool))
    np.testing.assert_allclose(loss, math.log(4 / 3) + math.log(2))
    dh, dy = negative_sampling_backward(1.0, saved)
    np.testing.assert_allclose(dh, [[[-math.log(3) / 4, 0.75]]])
    np.testing.assert_allclose(dy, [[[-0.25, 0], [0.5, 0]]])


def test_huge_scores_stay_finite():
    h, y = np.array([[[1000.0], [-1000.0]]]), np.array([[[1.0], [1.0]]])
    loss, saved = negative_sampling_forward(h, y, np.ones((1, 2, 2), bool))
    np.testing.assert_allclose(loss, 1000)
    assert all(np.isfinite(g).all() for g in negative_sampling_backward(1.0, saved))


@pytest.mark.parametrize("config", [dict(), dict(kind="cbow"), dict(negatives=0), dict(kind="cbow", negatives=0)])
@pytest.mark.parametrize("cls", [Word2Vec, FastText])
def test_a_step_goes_down_the_gradient_of_the_sum(cls, config):
    with backend.using("numpy", "float64"):
        extra = dict(buckets=20) if cls is FastText else {}
        stepped, other = (make(cls, **config, **extra) for _ in range(2))
        rng = backend.generator(1)
        for p, q in zip(stepped.parameters().values(), other.parameters().values()):
            p.data[...] = rng.standard_normal(p.data.shape)
            q.data[...] = p.data
        ids, valid = np.array([0, 1, 2, 3, 0, 0]), rng.random((2, 5)) < 0.7
        negatives = None if "negatives" in config else np.array([[0, 1, 1], [2, 3, 3]])
        loss, guesses = stepped.step(ids, valid, negatives, 0.1)
        expected, saved = other.forward(ids, valid, negatives)
        other.backward(saved, guesses)
        assert loss == float(expected)
        for p, q in zip(stepped.parameters().values(), other.parameters().values()):
            np.testing.assert_allclose(p.data, q.data - 0.1 * q.grad, rtol=1e-12, atol=1e-14)


def test_a_negative_that_is_the_centre_does_not_count():
    model = make()
    ids, valid = np.array([0, 1, 2, 3, 0]), np.array([[True, True, False, True, True]])
    losses = [model.forward(ids, valid, np.array([negatives]))[0] for negatives in ([2, 2, 2], [2, 1, 2])]
    np.testing.assert_allclose(losses, [math.log(2), 2 * math.log(2)], rtol=1e-6)  # outputs begin at 0: each ln 2


# Learning


@pytest.mark.parametrize("language, config", [
    ("en", dict()), ("zh", dict()), ("zh", dict(kind="cbow")), ("en", dict(kind="cbow", negatives=0)),
], ids=["en", "zh", "zh, cbow", "en, cbow, softmax"])  # fmt: skip
def test_a_world_is_learned(language, config):
    """capital, gender and plural: at least nine of ten analogies, of 200 words; by chance it would be one of 200."""
    world = make_world(language, 8_000)
    model = make(sentences=world.sentences, d_model=24, window=5, subsample=1e-3, **config)
    losses = []
    train_vectors(model, world.sentences, epochs=8, learning_rate=0.1, report=lambda r: losses.append(r["loss"]))
    vectors = model.vectors()
    assert losses[-1] < losses[0]
    for relation, questions in world.questions.items():
        assert vectors.accuracy(questions) > 0.9, relation


def test_one_seed_gives_one_result():
    def trained(seed):
        model = make()
        train_vectors(model, SENTENCES, epochs=2, seed=seed)
        return model.inputs.data

    np.testing.assert_array_equal(trained(3), trained(3))
    assert (trained(3) != trained(4)).any()


def test_few_words_and_no_subsampling_do_not_overshoot():
    """Six words, one of them half of the text: a batch of 256 windows would diverge."""
    rng = np.random.default_rng(0)
    sentences = [["the" if i % 2 else "abcde"[rng.integers(5)] for i in range(20)] for _ in range(100)]
    model, records = make(sentences=sentences, d_model=50, window=5), []
    train_vectors(model, sentences, epochs=5, report=records.append)
    assert [(record["epoch"], record["words"]) for record in records] == [(epoch, 2000) for epoch in range(1, 6)]
    assert records[-1]["loss"] < records[0]["loss"] and np.abs(model.inputs.data).max() < 10


# fastText


def test_pieces_by_hand():
    assert pieces("ab", 3, 6) == ["<ab", "<ab>", "ab>"]
    assert pieces("a", 1, 2) == ["<a", "a", "a>"]
    assert pieces("北京", 2, 3) == ["<北", "<北京", "北京", "北京>", "京>"]
    assert pieces("where", 3, 3) == ["<wh", "whe", "her", "ere", "re>"] and pieces("where", 3, 0) == []


def test_the_hash_is_fasttexts():
    """The first three are in FNV's own list; with bytes from 128 on fastText's differs, these are gensim's numbers."""
    assert [fnv1a(text) for text in (b"", b"a", b"foobar")] == [0x811C9DC5, 0xE40C292C, 0xBF9CF968]
    assert [fnv1a(text.encode()) for text in ("北京", "é", "<国王>")] == [1017908609, 1023043777, 2966024202]


def test_an_unseen_word_gets_the_mean_of_its_pieces():
    model = make(FastText, [["walk", "walked", "talk"]] * 9, buckets=50)
    rows = [len(model.words) + fnv1a(p.encode()) % 50 for p in pieces("talked", 3, 6)]
    np.testing.assert_allclose(model.vector("talked"), model.inputs.data[rows].mean(axis=0), rtol=1e-6)
    own = [model.ids["walk"], *(len(model.words) + fnv1a(p.encode()) % 50 for p in pieces("walk", 3, 6))]
    np.testing.assert_allclose(model.vectors().vector("walk"), model.inputs.data[own].mean(axis=0), rtol=1e-6)


def test_without_pieces_fasttext_is_word2vec():
    plain, with_pieces = make(), make(FastText, longest=0, buckets=1)
    with_pieces.inputs.data[:4] = plain.inputs.data
    for model in (plain, with_pieces):
        train_vectors(model, SENTENCES, epochs=2)
    np.testing.assert_allclose(with_pieces.vectors().vectors, plain.vectors().vectors, rtol=1e-5, atol=1e-7)
    with pytest.raises(InputError, match="'x' is not in the vocabulary and too short"):
        with_pieces.vector("x")


def test_fasttext_places_an_unseen_plural_near_its_kin():
    world = make_world("en", 6_000)
    hidden = [[word for word in sentence if word != "birds"] for sentence in world.sentences]
    model = make(FastText, hidden, d_model=24, window=5, subsample=1e-3, buckets=2000, longest=4)
    train_vectors(model, hidden, epochs=8, learning_rate=0.1)
    near = [word for word, _ in model.vectors().neighbours(model.vector("birds"), 5)]
    assert "birds" not in model.ids and "bird" in near


# Vectors in use

SQUARE = WordVectors(["man", "woman", "king", "queen", "apple"],
                     np.array([[1.0, 0], [1, 1], [3, 0], [3, 3], [-1, 0.1]]))


def test_cosine_and_neighbours_by_hand():
    assert math.isclose(SQUARE.cosine("man", "woman"), math.sqrt(0.5))
    near = [word for word, _ in SQUARE.neighbours("man", 3)]
    assert near[0] == "king" and set(near[1:]) == {"woman", "queen"}
    assert SQUARE.neighbours("man")[0][1] == 1 and len(SQUARE.neighbours("man")) == 4
    assert [word for word, _ in SQUARE.neighbours(np.array([0.0, 2]), 1, without=["queen"])] == ["woman"]


def test_an_analogy_by_hand():
    assert SQUARE.analogy("man", "king", "woman")[0][0] == "queen"
    assert SQUARE.accuracy([("man", "king", "woman", "queen"), ("man", "king", "woman", "apple")]) == 0.5


def test_the_plane_shows_the_two_widest_directions():
    rng = np.random.default_rng(0)
    flat = rng.standard_normal((9, 2)) * [5, 2]
    rotation = np.linalg.qr(rng.standard_normal((6, 6)))[0][:2]
    found = WordVectors(list("abcdefghi"), flat @ rotation + 3).plane(list("abcdefghi"))
    distances = [np.linalg.norm(p[:, None] - p[None], axis=2) for p in (found, flat)]
    np.testing.assert_allclose(*distances, atol=1e-12)
    assert found[:, 0].var() >= found[:, 1].var() and abs(found[:, 0] @ found[:, 1]) < 1e-9


@pytest.mark.parametrize("binary", [False, True])
def test_files_come_back_to_the_bit(binary, tmp_path):
    rng = np.random.default_rng(0)
    vectors = np.concatenate([rng.standard_normal((3, 4)), [[1e-38, -0.0, 3e38, 10.0]]]).astype("float32")
    written = WordVectors(["the", "北京", "a_b", "é"], vectors)
    written.save(tmp_path / "v", binary)
    read = WordVectors.load(tmp_path / "v", binary, d_model=4)
    assert read.words == written.words and read.vectors.tobytes() == vectors.tobytes()
    assert (tmp_path / "v").read_bytes().startswith(b"4 4\nthe ")


@pytest.mark.parametrize("binary", [False, True])
def test_a_file_cut_short_anywhere_is_refused(binary, tmp_path):
    path = tmp_path / "v"
    SQUARE.save(path, binary)
    whole = path.read_bytes()
    for length in range(len(whole) - 1):  # the last line feed may be missing
        path.write_bytes(whole[:length])
        try:
            read = WordVectors.load(path, binary)
        except InputError as error:
            assert "\n" not in str(error)
        else:  # a number that lost its last digits is still a number, and no one can know
            assert not binary and length > len(whole) - 5 and read.words == SQUARE.words


@pytest.mark.parametrize("content, said", [
    (b"", "doesn't begin with the number"), (b"two 3\n", "doesn't begin with the number"),
    (b"1 2 3\na 1 2\n", "doesn't begin with the number"), (b"-1 2\n", "doesn't begin with the number"),
    (b"0 2\n", "nothing in it"), (b"99999999999 100\na 1 2\n", "too few"), (b"1 2\na 1 2 3\n", "has 3 numbers"),
    (b"2 2\na 1 2\nb 1111\n", "word 2 has 1 numbers"), (b"1 2\na 1 2\nb 1 2\n", "2 words, its first line says 1"),
    (b"1 2\na 1 x\n", "no number"), (b"1 2\n\xff 1 2\n", "not UTF-8"), (b"2 2\na 1 2\na 1 2\n", "'a' has two vectors"),
    (b"1 2\na 1 nan\n", "NaN"),
])  # fmt: skip
def test_a_wrong_text_file(content, said, tmp_path):
    (tmp_path / "v").write_bytes(content)
    with pytest.raises(InputError, match=said):
        WordVectors.load(tmp_path / "v")


def test_other_wrong_files(tmp_path):
    path = tmp_path / "v"
    with pytest.raises(FileNotFoundError, match="check the path"):
        WordVectors.load(path)
    SQUARE.save(path, binary=True)
    with pytest.raises(InputError, match="vectors of 2 channels, not 3"):
        WordVectors.load(path, binary=True, d_model=3)
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(InputError, match="goes on after its 5 words of 2 channels"):
        WordVectors.load(path, binary=True)
    with pytest.raises(InputError, match="'new york' is empty or has white space"):
        WordVectors(["new york"], np.ones((1, 2))).save(path)


# Bad input


def test_an_empty_corpus_and_one_without_windows():
    for nothing in ([], [[]]):
        with pytest.raises(InputError, match="the corpus is empty"):
            count_words(nothing)
    with pytest.raises(InputError, match="give it as a list of words"):
        count_words(["a sentence"])
    with pytest.raises(InputError, match="2 different words and none of them 5 times"):
        make(sentences=[["a", "b"]], min_count=5)
    with pytest.raises(InputError, match="no sentence has two words of the vocabulary"):
        train_vectors(make(), [["a"], ["b"], ["x", "a"]])


def test_a_corpus_shorter_than_the_window_is_no_fault():
    train_vectors(make(window=50), [["a", "b"]], epochs=1)


def test_a_word_outside_the_vocabulary():
    vectors = make(sentences=[["king", "kings"]] * 5).vectors()
    with pytest.raises(InputError, match="'kink' is not among these 2 words: did you mean king or kings"):
        vectors.vector("kinkk"[:4])
    with pytest.raises(InputError, match="fastText has vectors for unseen words"):
        vectors.neighbours("zzz")
    with pytest.raises(InputError, match=r"word id 4 is outside 0\.\.3"):
        make().forward(np.array([0, 1, 4, 1, 0]), np.ones((1, 5), bool), np.zeros((1, 3), int))


@pytest.mark.parametrize("config, said", [
    (dict(window=0), "window 0"), (dict(d_model=0), "d_model 0"), (dict(negatives=-1), "negatives -1"),
    (dict(kind="glove"), "unknown kind 'glove'"), (dict(subsample=float("nan")), "subsample nan"),
])  # fmt: skip
def test_numbers_without_a_meaning(config, said):
    with pytest.raises(InputError, match=said):
        Word2VecConfig(**config)
    for pieces_of, words in ((dict(shortest=0), "shortest 0"), (dict(shortest=4, longest=3), "longest 3 is less")):
        with pytest.raises(InputError, match=words):
            FastTextConfig(**pieces_of)


def test_a_training_that_diverges_stops():
    with pytest.raises(InputError, match="choose a learning rate below 1e"), backend.quiet():
        train_vectors(make(), SENTENCES, learning_rate=1e20)


def test_vectors_that_do_not_fit():
    with pytest.raises(InputError, match=r"2 words and vectors \(1, 3\)"):
        WordVectors(["a", "b"], np.ones((1, 3)))
    with pytest.raises(InputError, match=r"the vector has the shape \(3,\), these have 2 channels"):
        SQUARE.neighbours(np.ones(3))
    with pytest.raises(InputError, match="have no plane"):
        SQUARE.plane(["man", "king"])
    with pytest.raises(InputError, match="no question"):
        SQUARE.accuracy([])


# Worlds


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_world_has_the_words_of_its_questions(language):
    world = make_world(language, 5000, seed=1)
    words = count_words(world.sentences)
    assert len(world.sentences) == 5000 and world == make_world(language, 5000, seed=1)
    assert set(world.questions) == {"capital", "gender", "plural"}
    for a, b, c, d in world.all_questions():
        assert len({a, b, c, d}) == 4 and min(words[word] for word in (a, b, c, d)) > 3
    for questions in world.questions.values():  # n pairs, n (n - 1) questions
        n = len({(a, b) for a, b, _, _ in questions})
        assert len(set(questions)) == n * (n - 1)


def test_there_is_no_such_world():
    for arguments, said in ((("fr",), "no world in 'fr'"), (("en", 0), "0 sentences")):
        with pytest.raises(InputError, match=said):
            make_world(*arguments)
