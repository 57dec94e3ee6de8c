"""From text to files of ids to batches (minigpt/token_file.py, minigpt/data.py)."""

import json
import math
import tracemalloc

import numpy as np
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from minigpt import backend, data
from minigpt.corpora import Source
from minigpt.data import Dataset, evaluation_batches, prepare, training_batch
from minigpt.errors import InputError
from minigpt.pieces import read_pieces
from minigpt.token_file import Counts, check_ids, open_tokens, read_counts, token_dtype, write_tokens


class Bytes:
    """A stand-in for a tokenizer: one token a byte of UTF-8."""

    kind = "byte"
    vocab_size = 256

    def encode(self, text):
        return list(text.encode())

    def decode_bytes(self, ids):
        return bytes(ids)


class Words:
    """Another: words and white space; what it doesn't know is lost. The spare ids only make the vocabulary larger."""

    kind = "word"

    def __init__(self, words, spare=0):
        self.words = [*words, "<unk>"]
        self.vocab_size = len(self.words) + spare
        self.ids = {word: spare + i for i, word in enumerate(words)}
        self.encoded = 0

    def encode(self, text):
        self.encoded += len(text)
        return [self.ids.get(word, self.vocab_size - 1) for word in regex.findall(r"\s|\S+", text)]

    def decode_bytes(self, ids):
        return b"".join(self.words[i % len(self.words)].encode() for i in ids)


def message_of(caught) -> str:
    """The message of a caught error, which must be one line."""
    message = str(caught.value)
    assert message and "\n" not in message
    return message


def memory(text: str) -> list[Source]:
    return [Source("memory", content=text.encode())]


# Files of ids


@pytest.mark.parametrize(("vocab_size", "dtype"), [(2, "<u2"), (65_536, "<u2"), (65_537, "<u4")])
def test_ids_come_back_from_the_file(tmp_path, vocab_size, dtype):
    assert token_dtype(vocab_size) == np.dtype(dtype)
    tokenizer = Words(["ein", " "], spare=vocab_size - 3) if vocab_size > 2 else Words([" "])
    path = tmp_path / "new" / "folder" / "ids.bin"
    pieces = ["ein Wört", " ein", "\n中文"]
    counts = write_tokens(pieces, tokenizer, path)
    assert counts == (7, 15, 20) and counts == read_counts(path)
    tokens = open_tokens(path)
    assert isinstance(tokens, np.memmap) and tokens.ndim == 1 and tokens.dtype == np.dtype(dtype)
    assert tokens.tolist() == [i for piece in pieces for i in tokenizer.encode(piece)]
    assert path.read_bytes() == np.array(tokens.tolist(), dtype=dtype).tobytes()
    assert max(tokens) == vocab_size - 1  # the largest id of all, at the edge of its dtype
    with pytest.raises(ValueError):
        tokens[0] = 1  # read-only
    assert sorted(file.name for file in path.parent.iterdir()) == ["ids.bin", "ids.json"]


@pytest.mark.parametrize("wrong", [-1, 256, 65_536])
def test_an_id_outside_the_vocabulary_is_not_written(tmp_path, wrong):
    class Broken(Bytes):
        def encode(self, text):
            return [1, 2, wrong]

    with pytest.raises(InputError) as caught:
        write_tokens(["text"], Broken(), tmp_path / "ids.bin")
    assert f"token id {wrong} at position 2" in message_of(caught) and "256" in message_of(caught)
    assert not list(tmp_path.iterdir())


def test_a_failure_half_way_leaves_what_was_there(tmp_path):
    path = tmp_path / "ids.bin"
    write_tokens(["old"], Bytes(), path)

    def breaking_off():
        yield "new"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_tokens(breaking_off(), Bytes(), path)
    assert bytes(open_tokens(path).astype(np.uint8)) == b"old"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["ids.bin", "ids.json"]


def test_an_old_description_never_describes_a_new_file(tmp_path, monkeypatch):
    path = tmp_path / "ids.bin"
    write_tokens(["old"], Bytes(), path)

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("minigpt.token_file.write_text", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_tokens(["new"], Bytes(), path)
    with pytest.raises(FileNotFoundError):
        open_tokens(path)


def test_check_ids_finds_the_first_wrong_one_in_any_block():
    tokens = np.zeros((1 << 21) + 5, dtype=np.uint16)
    check_ids(tokens, 1)
    check_ids(tokens[:0], 1)
    tokens[(1 << 20) + 7] = tokens[-1] = 50_000
    check_ids(tokens, 50_001)
    with pytest.raises(InputError) as caught:
        check_ids(tokens, 50_000)
    assert f"token id 50000 at position {(1 << 20) + 7} " in message_of(caught)
    assert "vocabulary of 50000 tokens" in message_of(caught) and "prepare the data again" in message_of(caught)


@pytest.mark.parametrize("change", [b"", b"ab", b"abc", b"abcdefgh"])
def test_a_file_of_another_length_is_refused(tmp_path, change):
    path = tmp_path / "ids.bin"
    write_tokens(["abc"], Bytes(), path)
    path.write_bytes(change)
    with pytest.raises(InputError) as caught:
        open_tokens(path)
    message = message_of(caught)
    assert f"{path} has {len(change)} bytes" in message and "are 6" in message and "prepare the data again" in message


@pytest.mark.parametrize("name", ["ids.bin", "ids.json"])
def test_a_missing_file_is_named(tmp_path, name):
    write_tokens(["abc"], Bytes(), tmp_path / "ids.bin")
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError) as caught:
        open_tokens(tmp_path / "ids.bin")
    assert str(tmp_path / name) in message_of(caught) and "prepare the data again" in message_of(caught)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"dtype": "<f4", "tokens": 1, "characters": 1, "bytes": 1}', '{"dtype": "<u2"}', "\udcff"],
)
def test_a_damaged_description_is_refused(tmp_path, content):
    write_tokens(["abc"], Bytes(), tmp_path / "ids.bin")
    (tmp_path / "ids.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError) as caught:
        read_counts(tmp_path / "ids.bin")
    assert str(tmp_path / "ids.json") in message_of(caught) and "delete it" in message_of(caught)


def test_bits_from_nats():
    counts = Counts(tokens=100, characters=400, bytes=500)
    # A uniform guess among 16 tokens is ln 16 nats, or 4 bits, a token: 400 bits in all.
    assert counts.bits_per_character(math.log(16)) == pytest.approx(1.0)
    assert counts.bits_per_byte(math.log(16)) == pytest.approx(0.8)


# The dataset

TEXT = "Der Wörter viele, 中文 too: " * 200


def test_a_dataset_has_two_parts_and_knows_what_they_stand_for(tmp_path):
    dataset = prepare(memory(TEXT), Bytes(), tmp_path / "data")
    train, validation = (bytes(part.astype(np.uint8)).decode() for part in (dataset.train, dataset.validation))
    assert train + validation == TEXT
    assert 0 <= len(train) - len(TEXT) * 9 / 10 < 10  # the seam moved on to the end of a word, and no further
    assert validation[0] == " " and train[-1] != " "
    for part, counts in ((train, dataset.train_counts), (validation, dataset.validation_counts)):
        assert counts == (len(part.encode()), len(part), len(part.encode()))


def test_counts_are_exact_for_a_vocabulary_that_loses_text(tmp_path):
    tokenizer = Words(["Der", " "])
    dataset = prepare(memory(TEXT), tokenizer, tmp_path, validation_fraction=0.25)
    assert np.concatenate([dataset.train, dataset.validation]).tolist() == tokenizer.encode(TEXT)
    a, b = dataset.train_counts, dataset.validation_counts
    seam = a.characters
    assert (a.characters + b.characters, a.bytes + b.bytes) == (len(TEXT), len(TEXT.encode()))
    assert a == (len(tokenizer.encode(TEXT[:seam])), seam, len(TEXT[:seam].encode()))
    assert 0 <= seam - len(TEXT) * 3 / 4 < 10


@settings(deadline=None)
@given(st.text("ab \n中", min_size=1, max_size=60), st.sampled_from([0, 0.1, 0.5, 0.9]), st.sampled_from([1, 3, 8, 99]))
def test_the_split_loses_nothing_and_is_near_its_place(tmp_path_factory, text, fraction, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "read_pieces", lambda sources: read_pieces(sources, size))
        dataset = prepare(memory(text), Bytes(), tmp_path_factory.mktemp("data"), fraction)
    parts = [bytes(part.astype(np.uint8)).decode() for part in (dataset.train, dataset.validation)]
    assert "".join(parts) == text
    wanted = round(len(text) * fraction)  # characters of validation
    assert math.ceil(wanted / 2) <= len(parts[1]) <= wanted
    if len(parts[1]) < wanted:
        assert parts[0][-1] not in " \n" and parts[1][0] in " \n"  # it moved only to a better place


@pytest.mark.parametrize(("text", "left"), [("x" * 94 + " yyyyy", 94), ("x" * 95 + " yyyy", 90), ("x" * 100, 90)])
def test_the_seam_does_not_move_so_far_that_little_is_left(tmp_path, text, left):
    assert len(prepare(memory(text), Bytes(), tmp_path).train) == left


def test_an_unchanged_dataset_is_not_tokenized_again(tmp_path):
    tokenizer = Words(["Der", " "])
    first = prepare(memory(TEXT), tokenizer, tmp_path).train.tolist()
    tokenizer.encoded = 0
    assert prepare(memory(TEXT), tokenizer, tmp_path).train.tolist() == first
    assert tokenizer.encoded == 0


@pytest.mark.parametrize(
    "change",
    ["text", "vocabulary", "same letters, other tokens", "kind", "fraction", "cut short", "record", "missing"],
)
def test_a_dataset_is_written_anew_when_anything_changed(tmp_path, change):
    text, tokenizer, fraction = TEXT, Words(["Der", " "]), 0.1
    prepare(memory(text), tokenizer, tmp_path, fraction)
    if change == "text":
        text = "X" + TEXT[1:]
    if change == "vocabulary":
        tokenizer = Words([" ", "Der"])
    if change == "same letters, other tokens":
        tokenizer = Words(["D", "er "])
    if change == "kind":
        tokenizer.kind = "other"
    if change == "fraction":
        fraction = 0.2
    if change == "cut short":
        (tmp_path / "train.bin").write_bytes(b"\0")
    if change == "record":
        (tmp_path / "dataset.json").write_bytes(b"\xff")
    if change == "missing":
        (tmp_path / "validation.json").unlink()
    tokenizer.encoded = 0
    dataset = prepare(memory(text), tokenizer, tmp_path, fraction)
    assert tokenizer.encoded == len(text)
    assert dataset.train.tolist() + dataset.validation.tolist() == tokenizer.encode(text)


def test_an_interrupted_preparation_is_done_again(tmp_path):
    class Interrupted(Words):
        left = 100

        def encode(self, text):
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt
            return super().encode(text)

    tokenizer = Words(["Der", " "])
    prepare(memory(TEXT), tokenizer, tmp_path)
    interrupted = Interrupted([" ", "Der"])
    interrupted.left = 2  # at the second file
    with pytest.raises(KeyboardInterrupt):
        prepare(memory(TEXT), interrupted, tmp_path)
    dataset = prepare(memory(TEXT), tokenizer, tmp_path)  # the record of the first time must not be believed
    assert dataset.train.tolist() + dataset.validation.tolist() == tokenizer.encode(TEXT)


def test_a_text_that_changes_while_it_is_read_is_noticed(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(TEXT, encoding="utf-8")

    class Meddling(Words):
        def decode_bytes(self, ids):  # called between the two readings
            path.write_text(TEXT[:-500], encoding="utf-8")
            return super().decode_bytes(ids)

    with pytest.raises(InputError) as caught:
        prepare([Source("a.txt", path)], Meddling(["Der"]), tmp_path)
    assert "changed while it was read" in message_of(caught) and not (tmp_path / "dataset.json").exists()


def test_a_dataset_opens_without_the_text(tmp_path):
    written = prepare(memory(TEXT), Bytes(), tmp_path)
    opened = Dataset.open(tmp_path)
    assert opened.train.tolist() == written.train.tolist()
    assert opened.validation.tolist() == written.validation.tolist()
    assert (opened.train_counts, opened.validation_counts) == (written.train_counts, written.validation_counts)
    with pytest.raises(FileNotFoundError) as caught:
        Dataset.open(tmp_path / "elsewhere")
    assert "elsewhere" in message_of(caught)


def test_without_validation_all_is_training(tmp_path):
    dataset = prepare(memory(TEXT), Bytes(), tmp_path, validation_fraction=0)
    assert len(dataset.train) == len(TEXT.encode()) and len(dataset.validation) == 0
    assert dataset.validation_counts == (0, 0, 0) and dataset.validation.dtype == np.uint16


@pytest.mark.parametrize("fraction", [-0.1, 1, math.nan])
def test_a_fraction_that_is_none_is_refused(tmp_path, fraction):
    with pytest.raises(InputError) as caught:
        prepare(memory(TEXT), Bytes(), tmp_path / "data", fraction)
    assert str(fraction) in message_of(caught) and "0.1" in message_of(caught) and not (tmp_path / "data").exists()


def test_an_empty_text_writes_nothing(tmp_path):
    with pytest.raises(InputError) as caught:
        prepare(memory(""), Bytes(), tmp_path / "data")
    assert "no text in memory" in message_of(caught) and not (tmp_path / "data").exists()


def test_progress_counts_all_characters(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "read_pieces", lambda sources: read_pieces(sources, 500))
    seen = []
    prepare(memory(TEXT), Bytes(), tmp_path, progress=lambda done, total: seen.append((done, total)))
    done = [pair[0] for pair in seen]
    assert done == sorted(set(done)) and len(done) > 5 and seen[-1] == (len(TEXT), len(TEXT))


def test_a_corpus_larger_than_a_bound_streams(tmp_path, monkeypatch):
    path = tmp_path / "large.txt"
    path.write_bytes("some words, ein paar Wörter\n".encode() * 300_000)  # 9 MB, 17 MB as ids
    monkeypatch.setattr(data, "read_pieces", lambda sources: read_pieces(sources, 1 << 14))
    tracemalloc.start()
    dataset = prepare([Source("large.txt", path)], Bytes(), tmp_path / "data")
    training_batch(dataset.train, 8, 64, seed=0, step=0)
    for _ in evaluation_batches(dataset.validation, 16, 64):
        pass
    check_ids(dataset.validation, 256)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(dataset.train) + len(dataset.validation) == path.stat().st_size
    assert peak < path.stat().st_size / 2


# Batches

TOKENS = np.arange(1000, 1100, dtype=np.uint16)  # every token tells its place


def test_a_training_batch_is_windows_and_the_same_one_further():
    inputs, targets = training_batch(TOKENS, 5, 7, seed=3, step=11)
    assert inputs.shape == targets.shape == (5, 7) and inputs.dtype == targets.dtype == np.int64
    assert (targets == inputs + 1).all() and (np.diff(inputs) == 1).all()
    assert type(inputs) is np.ndarray and inputs.flags.c_contiguous and not np.shares_memory(inputs, targets)


def test_a_training_batch_depends_on_nothing_but_seed_and_step():
    def batches(steps, seed=3):
        return [training_batch(TOKENS, 4, 8, seed, step) for step in steps]

    whole = batches(range(20))
    np.random.default_rng(3).random(10)
    resumed = batches(reversed(range(20)))[::-1]
    assert all((a[0] == b[0]).all() and (a[1] == b[1]).all() for a, b in zip(whole, resumed, strict=True))
    every = [tuple(inputs[:, 0]) for inputs, _ in whole + batches(range(20), seed=4)]
    assert len(set(every)) == 40  # other steps and other seeds, other batches


def test_a_memory_map_gives_the_batches_of_the_array(tmp_path):
    text = "some words, ein paar Wörter\n" * 20
    write_tokens([text], Bytes(), tmp_path / "ids.bin")
    tokens = open_tokens(tmp_path / "ids.bin")
    array = np.frombuffer(text.encode(), np.uint8)
    for mapped, plain in zip(training_batch(tokens, 4, 8, 1, 2), training_batch(array, 4, 8, 1, 2), strict=True):
        assert type(mapped) is np.ndarray and (mapped == plain).all()
    batch = next(evaluation_batches(tokens, 4, 8))
    assert all(type(part) is np.ndarray for part in batch)


def test_every_place_can_be_drawn_the_first_and_the_last_too():
    tokens = TOKENS[:6]
    starts = {int(row[0]) for step in range(20) for row in training_batch(tokens, 8, 3, 0, step)[0]}
    assert starts == {1000, 1001, 1002}
    inputs, targets = training_batch(TOKENS[:4], 2, 3, 0, 0)  # exactly context_length + 1 tokens
    assert inputs.tolist() == [[1000, 1001, 1002]] * 2 and targets.tolist() == [[1001, 1002, 1003]] * 2


def test_the_purpose_of_the_numbers_is_that_in_the_backends_list():
    places = backend.generator(3, backend.BATCHES, 11).integers(0, 93, size=5)
    assert (training_batch(TOKENS, 5, 7, seed=3, step=11)[0][:, 0] == 1000 + places).all()


def test_the_ignored_target_is_that_of_the_loss():
    cross_entropy = pytest.importorskip("minigpt.layers.cross_entropy")
    assert cross_entropy.IGNORED == data.IGNORED == -100


@pytest.mark.parametrize(("count", "cure"), [(10, "--context-length 9 or less"), (0, "--context-length 1 or less")])
def test_a_text_shorter_than_the_context_is_refused_with_numbers(count, cure):
    with pytest.raises(InputError) as caught:
        training_batch(TOKENS[:count], 4, 10, 0, 0)
    message = message_of(caught)
    assert f"has {count} tokens" in message and "context_length 10 + 1" in message and cure in message
    assert "more text" in message


@pytest.mark.parametrize(("seed", "step"), [(-1, 0), (0, -1)])
def test_a_negative_seed_or_step_is_refused(seed, step):
    with pytest.raises(InputError) as caught:
        training_batch(TOKENS, 4, 10, seed, step)
    assert "-1" in message_of(caught) and "--seed" in message_of(caught)


@pytest.mark.parametrize(("batch_size", "context_length"), [(0, 8), (4, 0), (-1, 8)])
def test_sizes_must_be_positive(batch_size, context_length):
    for call in (
        lambda: training_batch(TOKENS, batch_size, context_length, 0, 0),
        lambda: next(evaluation_batches(TOKENS, batch_size, context_length)),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert f"batch size {batch_size} and context length {context_length}" in message_of(caught)


@settings(deadline=None)
@given(st.integers(2, 100), st.integers(1, 5), st.integers(1, 40))
def test_every_token_after_the_first_is_predicted_exactly_once(count, batch_size, context_length):
    tokens = TOKENS[:count]
    predicted = []
    batches = list(evaluation_batches(tokens, batch_size, context_length))
    for inputs, targets in batches:
        assert inputs.shape == targets.shape and inputs.shape[1] == context_length
        assert inputs.dtype == targets.dtype == np.int64
        counted = targets != -100
        assert (inputs[counted] + 1 == targets[counted]).all() and (inputs[~counted] == 0).all()
        assert (np.diff(counted.astype(int)) <= 0).all() and counted[:, 0].all()  # padding only at the end of a row
        predicted += targets[counted].tolist()
    assert predicted == tokens[1:].tolist()
    assert all(len(inputs) == batch_size for inputs, _ in batches[:-1]) and 1 <= len(batches[-1][0]) <= batch_size


@settings(deadline=None)
@given(st.integers(2, 100), st.integers(1, 5), st.integers(1, 9), st.integers(1, 120))
def test_a_limit_takes_evenly_spaced_windows(count, batch_size, context_length, limit):
    def windows(limit):
        return [row for _, targets in evaluation_batches(TOKENS[:count], batch_size, context_length, limit) for row in
                targets.tolist()]  # fmt: skip

    whole, chosen = windows(None), windows(limit)
    places = [whole.index(row) for row in chosen]
    assert len(chosen) == min(limit, len(whole)) and chosen == windows(limit)
    gaps = np.diff([*places, len(whole)])
    assert places[0] == 0 and (gaps > 0).all() and max(gaps) - min(gaps) <= 1


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_predict_is_refused(count):
    with pytest.raises(InputError) as caught:
        next(evaluation_batches(TOKENS[:count], 4, 8))
    assert f"has {count} tokens" in message_of(caught) and "more text" in message_of(caught)


def test_a_limit_of_nothing_is_refused():
    with pytest.raises(InputError) as caught:
        next(evaluation_batches(TOKENS, 4, 8, limit=0))
    assert "limit 0" in message_of(caught)


def test_the_files_are_plain_json_and_plain_numbers(tmp_path):
    prepare(memory("abc abc abc"), Bytes(), tmp_path, validation_fraction=0.5)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "dataset.json", "train.bin", "train.json", "validation.bin", "validation.json"
    ]  # fmt: skip
    train = json.loads((tmp_path / "train.json").read_text(encoding="utf-8"))
    assert train == {"dtype": "<u2", "tokens": 7, "characters": 7, "bytes": 7}
    assert (tmp_path / "train.bin").read_bytes() == b"a\0b\0c\0 \0a\0b\0c\0"
    record = json.loads((tmp_path / "dataset.json").read_text(encoding="utf-8"))
    assert record["tokenizer"] == "byte" and record["validation_fraction"] == 0.5
