"""A classifier of texts and what it needs: the masked mean, labelled CSV files, a short training loop."""

import csv

import numpy as np
import pytest

from minigpt import backend
from minigpt.errors import InputError
from minigpt.fit import fit
from minigpt.layers.masked_mean import masked_mean_backward, masked_mean_forward
from minigpt.models.classifier import ClassifierConfig, TextClassifier
from minigpt.models.rnn_lm import RNNLM, RNNConfig
from minigpt.optim import SGD
from minigpt.text.buckets import bucketed_batches, pad_batch
from minigpt.text.csv_text import read_labelled, write_labelled
from minigpt.train import Diverged


@pytest.fixture(autouse=True)
def double_precision():
    with backend.using("numpy", "float64"):
        yield


# the masked mean


def test_a_mean_by_hand():
    x = np.array([[[1.0, 2], [3, 6], [100, 100]], [[5, 5], [7, 7], [9, 9]], [[1, 1], [1, 1], [1, 1]]])
    mask = np.array([[True, True, False], [True, True, True], [False, False, False]])
    y, saved = masked_mean_forward(x, mask)
    np.testing.assert_allclose(y, [[2, 4], [7, 7], [0, 0]], rtol=1e-15)
    dx = masked_mean_backward(np.array([[2.0, 4], [3, 6], [1, 1]]), saved)
    np.testing.assert_allclose(dx, [[[1, 2], [1, 2], [0, 0]], [[1, 2]] * 3, [[0, 0]] * 3], rtol=1e-15)
    alone, _ = masked_mean_forward(x, np.array([[False, True, False]] * 3))
    np.testing.assert_array_equal(alone, x[:, 1])


# the classifier

SEQUENCES = [[3, 1, 4], [1, 5], [9, 2, 6, 5, 3], [5]]


def unit_scale(**config):
    """A model with weights of unit scale, so that nothing is too small to be seen."""
    model = TextClassifier(ClassifierConfig(**{**dict(vocab_size=11, num_classes=3, d_model=6, context_length=9),
                                               **config}))
    model.flat.data[...] = backend.normal(backend.generator(1), model.flat.data.shape)
    return model


@pytest.mark.parametrize("layers", [0, 1, 2])
@pytest.mark.parametrize("side", ["right", "left"])
def test_a_text_has_the_same_logits_alone_and_in_a_batch(layers, side):
    model = unit_scale(num_layers=layers)
    together = model(*pad_batch(SEQUENCES, side=side))
    for row, sequence in enumerate(SEQUENCES):
        np.testing.assert_allclose(together[row], model([sequence])[0], rtol=1e-12, atol=1e-12)


def test_what_stands_at_the_padding_does_not_matter():
    model = unit_scale()
    ids, valid = pad_batch(SEQUENCES)
    other = np.where(valid, ids, 7)
    np.testing.assert_allclose(model(ids, valid), model(other, valid), rtol=1e-12)
    assert np.abs(model(ids) - model(other)).max() > 0.01  # without the mask it does


def test_two_classes_are_a_sigmoid_of_the_difference():
    model = unit_scale(num_classes=2)
    ids, valid = pad_batch(SEQUENCES)
    targets = np.array([0, 1, 1, 0])
    z = model(ids, valid)
    p = 1 / (1 + np.exp(z[:, 0] - z[:, 1]))
    binary = -np.mean(targets * np.log(p) + (1 - targets) * np.log(1 - p))
    loss, _ = model.forward(ids, targets, valid=valid)
    np.testing.assert_allclose(loss, binary, rtol=1e-12)


def test_a_new_model_guesses_and_a_bag_knows_no_order():
    model = TextClassifier(ClassifierConfig(vocab_size=11, num_classes=3, context_length=9))
    assert abs(float(model.forward([[3, 1, 4]], [2])[0]) - np.log(3)) < 0.2
    bag, blocks = unit_scale(num_layers=0), unit_scale(num_layers=1)
    blocks.position_embedding.w.data[...] = 0
    np.testing.assert_allclose(bag([[3, 1, 4]]), bag([[4, 3, 1]]), rtol=1e-12)
    np.testing.assert_allclose(blocks([[3, 1, 4]]), blocks([[4, 3, 1]]), rtol=1e-10)  # nor does attention by itself
    assert np.abs(unit_scale()([[3, 1, 4]]) - unit_scale()([[4, 3, 1]])).max() > 0.01  # but with positions it does


def test_it_learns_what_takes_word_order():
    """Which of two marks comes first: nothing that counting words could tell."""
    rng = backend.generator(3)
    sequences, targets = [], []
    for _ in range(300):
        sequence = rng.integers(2, 9, size=rng.integers(4, 9)).tolist()
        first, second = sorted(rng.choice(len(sequence), 2, replace=False))
        label = int(rng.integers(2))
        sequence[first], sequence[second] = label, 1 - label
        sequences.append(sequence)
        targets.append(label)
    targets, lengths = np.array(targets), [len(sequence) for sequence in sequences[:200]]

    def batches(epoch):
        for rows in bucketed_batches(lengths, 20, width=3, seed=0, epoch=epoch):
            ids, valid = pad_batch([sequences[i] for i in rows])
            yield dict(ids=ids, targets=targets[rows], valid=valid)

    correct = {}
    for layers in (0, 1):
        model = TextClassifier(ClassifierConfig(vocab_size=9, context_length=8, num_layers=layers))
        losses = fit(model, batches, 40, 3e-3)
        assert losses[-1] < losses[0]
        ids, valid = pad_batch(sequences[200:])
        correct[layers] = np.mean(model(ids, valid).argmax(axis=-1) == targets[200:])
    assert correct[1] > 0.9 and correct[0] < 0.65


@pytest.mark.parametrize("arguments, words", [
    (dict(ids=[[1, 2]], targets=[3]), "target 3 is outside 0..2"),
    (dict(ids=[[1, 11]], targets=[0]), "token id 11 is outside 0..10"),
    (dict(ids=[[1, 2]], targets=[[0, 1]]), r"targets \(1, 2\) don't fit logits \(1, 3\)"),
    (dict(ids=[1, 2], targets=[0]), r"give \(B, T\)"),
    (dict(ids=[[]], targets=[0]), "at least one token"),
    (dict(ids=[[1] * 10], targets=[0]), "10 tokens are more than the context length 9: shorten texts with truncate"),
    (dict(ids=[[1, 2]], targets=[0], valid=np.ones((1, 3), dtype=bool)), r"valid is bool \(1, 3\) and ids \(1, 2\)"),
    (dict(ids=[[1, 2]], targets=[0], valid=np.ones((1, 2))), "valid is float64"),
])  # fmt: skip
def test_what_does_not_fit_the_model_is_refused(arguments, words):
    with pytest.raises(InputError, match=words):
        unit_scale().forward(**arguments)


@pytest.mark.parametrize("config, words", [
    (dict(num_classes=1), "num_classes is 1: choose 2 to"), (dict(vocab_size=0), "vocab_size is 0: choose 1 to"),
    (dict(num_layers=-1), "num_layers is -1: choose 0 to"), (dict(d_model=7), "d_model 7 does not divide into 2 heads"),
    (dict(dropout=1.5), "dropout"),
])  # fmt: skip
def test_a_shape_that_can_not_be_is_refused(config, words):
    with pytest.raises(InputError, match=words):
        ClassifierConfig(**config)


# the training loop


def test_a_step_by_hand():
    """One weight vector, one batch: θ - η g, with the gradient clipped to the length asked for."""
    model, batch = unit_scale(), dict(ids=[[3, 1, 4]], targets=[1])
    loss, saved = model.forward(**batch)
    model.zero_grad()
    model.backward(saved)
    gradient, before = model.flat.grad.copy(), model.flat.data.copy()
    assert np.linalg.norm(gradient) > 0.01
    for clip, factor in ((0, 1), (0.01, 0.01 / np.linalg.norm(gradient))):
        model.flat.data[...] = before
        assert fit(model, lambda epoch: [batch], 1, 0.1, SGD(model), clip) == [float(loss)]
        np.testing.assert_allclose(model.flat.data, before - 0.1 * factor * gradient, rtol=1e-12, atol=1e-14)


def test_each_epoch_asks_for_its_batches_and_tells_their_mean():
    asked, model = [], RNNLM(RNNConfig(5, 4, d_model=3, num_layers=1, dropout=0.5))

    def batches(epoch):
        asked.append(epoch)
        return [dict(ids=[[1, 2]], targets=[[2, 3]])] * (epoch + 1)

    first = fit(model, batches, 3, 0.0)  # a learning rate of 0: only dropout changes from step to step
    assert asked == [0, 1, 2] and len(first) == 3 and len(set(first)) == 3
    assert fit(model, batches, 3, 0.0) == first and fit(model, batches, 3, 0.0, seed=1) != first


def test_the_loss_of_an_epoch_is_the_mean_of_its_batches():
    model = unit_scale()
    one, two = dict(ids=[[3, 1, 4]], targets=[1]), dict(ids=[[1, 5]], targets=[0])
    separate = [float(model.forward(**batch)[0]) for batch in (one, two)]
    assert fit(model, lambda epoch: [one, two], 2, 0.0) == [sum(separate) / 2] * 2


def test_no_batches_and_a_loss_that_is_not_finite_are_told():
    model = unit_scale()
    once = iter([dict(ids=[[3, 1, 4]], targets=[1])])
    with pytest.raises(InputError, match="epoch 1 has no batches"):
        fit(model, lambda epoch: once, 2)
    model.flat.data[...] = np.nan
    with pytest.raises(Diverged, match=r"nan .*at step 1: choose a learning rate under 0.001"):
        fit(model, lambda epoch: [dict(ids=[[3, 1, 4]], targets=[1])], 1)


# labelled CSV

TEXTS = ['Good, and "cheap".', "two\nlines", "无话可说", "plain", "two\r\nlines", "two\rlines"]
LABELS = ["positive", "negative", "中", "a,b", "1", "0"]


def written(folder, content, encoding="utf-8"):
    path = folder / "texts.csv"
    path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
    return path


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "new folder" / "texts.csv"
    write_labelled(path, TEXTS, LABELS)
    assert read_labelled(path) == (TEXTS, LABELS)
    with path.open(encoding="utf-8", newline="") as file:  # and by the csv module itself
        assert list(csv.reader(file)) == [["text", "label"], *map(list, zip(TEXTS, LABELS))]
    with pytest.raises(ValueError, match="argument"):
        write_labelled(path, TEXTS, LABELS[1:])
    assert read_labelled(path) == (TEXTS, LABELS)


@pytest.mark.parametrize("content, options", [
    ("text,label\nfine,1\n\nbad,0\n", {}), ("text,label\r\nfine,1\r\nbad,0", {}),
    ("id\tstars\treview\n7\t1\tfine\n8\t0\tbad\n", dict(text="review", label="stars", delimiter="\t")),
    ("\ufefftext,label\n fine ,1\nbad, 0\n", {}), ('"label","text"\n1,"fine"\n0,"bad"\n', {}),
])  # fmt: skip
def test_forms_of_a_file(tmp_path, content, options):
    assert read_labelled(written(tmp_path, content), **options) == (["fine", "bad"], ["1", "0"])


@pytest.mark.parametrize("content, words", [
    ("", "is empty: its first line must name the columns, as in text,label"), ("\n\n", "is empty"),
    ("text,label\n", "a header and no rows"),
    ("review,label\nfine,1\n", "has 0 columns 'text' in its header, 'review, label': name the column with text="),
    ("text,text,label\na,b,c\n", "has 2 columns 'text'"),
    ("text,label\nfine,1\nso, so,0\n", "line 3: 3 fields where the header has 2: put quotes"),
    ('text,label\n"two\nlines",1\n\nbad\n', "line 5: 1 fields where"),
    ("text,label\nfine,\n", "line 2: column 'label' is empty"), ("text,label\n ,1\n", "line 2: column 'text' is empty"),
    ('text,label\nfine,1\n"never closed,1\nbad,0\n', "line 3: unexpected end of data"),
    ('text,label\n"so" so,1\n', "line 2: .*a quote that opens a field must be closed"),
    (b"text,label\n\xff\xfe,1\n", "is not UTF-8"), ("text,label\n差,1\n".encode("gb18030"), "is not UTF-8"),
])  # fmt: skip
def test_a_file_that_is_no_table_is_refused_with_its_line(tmp_path, content, words):
    with pytest.raises(InputError, match=words):
        read_labelled(written(tmp_path, content))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="check the path"):
        read_labelled(tmp_path / "none.csv")
