"""word2vec and fastText against gensim: files both ways, samplers, hashes, neighbours, and what is learned."""

import numpy as np
import pytest

from minigpt.models.fasttext import FastText, FastTextConfig, fnv1a, pieces
from minigpt.models.word2vec import (
    NegativeSampler,
    Word2Vec,
    Word2VecConfig,
    count_words,
    keep_probability,
    train_vectors,
)
from minigpt.models.word_vectors import WordVectors
from minigpt.text.worlds import make_world

gensim = pytest.importorskip("gensim", reason="the comparison needs gensim: requirements-oracles.txt")
from gensim.models import KeyedVectors  # noqa: E402
from gensim.models.fasttext_inner import compute_ngrams, ft_hash_bytes  # noqa: E402

WORDS = ["the", "北京", "naïve", "a_b", "x" * 40, "Ω"]
VECTORS = np.random.default_rng(0).standard_normal((6, 5)).astype("float32")
WORLD = make_world("en", 12_000)


@pytest.fixture(scope="module")
def theirs():
    """gensim's skip-gram on the same world, one worker."""
    return gensim.models.Word2Vec(WORLD.sentences, vector_size=32, window=5, min_count=1, sg=1, negative=5, sample=1e-3,
                                  alpha=0.05, epochs=8, workers=1, seed=1)


@pytest.mark.parametrize("binary", [False, True])
def test_files_go_both_ways(binary, tmp_path):
    ours, back = tmp_path / "ours", tmp_path / "theirs"
    WordVectors(WORDS, VECTORS).save(ours, binary)
    read = KeyedVectors.load_word2vec_format(str(ours), binary=binary)
    assert read.index_to_key == WORDS and read.vectors.tobytes() == VECTORS.tobytes()
    read.save_word2vec_format(str(back), binary=binary)
    again = WordVectors.load(back, binary)
    assert again.words == WORDS and again.vectors.tobytes() == VECTORS.tobytes()


def test_neighbours_and_analogies_are_theirs(theirs):
    ours = WordVectors(theirs.wv.index_to_key, theirs.wv.vectors)
    for word in ("paris", "king", "many"):
        expected = theirs.wv.most_similar(word, topn=8)
        found = ours.neighbours(word, 8)
        assert [w for w, _ in found] == [w for w, _ in expected]
        np.testing.assert_allclose([s for _, s in found], [s for _, s in expected], rtol=1e-5)
    for a, b, c, _ in WORLD.all_questions()[::7]:
        assert ours.analogy(a, b, c)[0][0] == theirs.wv.most_similar(positive=[b, c], negative=[a], topn=1)[0][0]


def test_samplers_are_theirs(theirs):
    """Theirs is a cumulative table of 31 bits; and the chance to be kept, of 32."""
    words = theirs.wv.index_to_key
    counts = np.array([theirs.wv.get_vecattr(word, "count") for word in words])
    assert {word: int(n) for word, n in zip(words, counts)} == dict(count_words(WORLD.sentences))
    cumulative = np.cumsum(NegativeSampler(counts).p)
    np.testing.assert_allclose(cumulative, np.asarray(theirs.cum_table, float) / theirs.cum_table[-1], atol=2e-9)
    kept = np.array([theirs.wv.get_vecattr(word, "sample_int") for word in words]) / (2**32 - 1)
    np.testing.assert_allclose(keep_probability(counts, 1e-3), kept, atol=1e-9)


def test_what_is_learned_is_as_good_as_theirs(theirs):
    model = Word2Vec(Word2VecConfig(d_model=32, min_count=1), count_words(WORLD.sentences))
    train_vectors(model, WORLD.sentences, epochs=8, learning_rate=0.05)
    ours, questions = model.vectors(), WORLD.all_questions()
    scores = [vectors.accuracy(questions) for vectors in (ours, WordVectors(theirs.wv.index_to_key, theirs.wv.vectors))]
    print(f"analogies right, of {len(questions)}: ours {scores[0]:.3f}, gensim {scores[1]:.3f}")
    assert scores[0] > scores[1] - 0.02 and scores[0] > 0.95


@pytest.mark.parametrize("text", ["", "a", "where", "北京", "naïve Ω", "😀", "<国王们>", "\x7f\x80"])
def test_hashes_are_theirs(text):
    assert fnv1a(text.encode()) == ft_hash_bytes(text.encode())


@pytest.mark.parametrize("word", ["a", "where", "北京", "naïve"])
@pytest.mark.parametrize("shortest, longest", [(3, 6), (1, 2), (2, 4)])
def test_pieces_are_theirs(word, shortest, longest):
    expected = [piece for piece in compute_ngrams(word, shortest, longest) if piece not in ("<", ">")]
    assert sorted(pieces(word, shortest, longest)) == sorted(expected)


def test_vectors_of_seen_and_unseen_words_are_theirs():
    sentences = [["walk", "walked", "talk", "北京", "国王"]] * 5
    other = gensim.models.FastText(sentences, vector_size=7, min_count=1, bucket=50, min_n=2, max_n=4, workers=1)
    model = FastText(FastTextConfig(d_model=7, min_count=1, buckets=50, shortest=2, longest=4), count_words(sentences))
    own = other.wv.vectors_vocab[[other.wv.key_to_index[word] for word in model.words]]
    model.inputs.data[...] = np.concatenate([own, other.wv.vectors_ngrams])
    for word in (*model.words, "talked", "北极", "w"):
        np.testing.assert_allclose(model.vector(word), other.wv.get_vector(word), rtol=1e-5, atol=1e-7)
