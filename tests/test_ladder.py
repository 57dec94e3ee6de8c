"""The ladder: all rungs on one text, nothing held out is seen, known figures and their order, bad input in one line."""

import json
import math

import numpy as np
import pytest

from minigpt import ladder
from minigpt.backend import using
from minigpt.cli import main
from minigpt.corpora import Source
from minigpt.data import IGNORED, evaluation_batches
from minigpt.errors import InputError
from minigpt.evaluate import mean_loss
from minigpt.ladder import RUNGS, B, T, Uniform, climb, find_rungs, loss_of, prepare_text, run_steps, steps_within
from minigpt.models.gpt_size import count_parameters
from minigpt.models.ngram import NGram, NGramConfig
from minigpt.models.rnn_lm import rnn_size

KEYS = ["uniform", "unigram", "bigram", "kneser-ney", "neural-ngram", "attention", "rnn", "lstm", "gru", "gpt"]
ANIMALS = ("cat", "dog", "frog", "owl", "hen", "fox", "ant", "cow")
PLACES = ("mat", "log", "bog", "oak", "nest", "den", "hill", "field")


def story(sentences: int) -> str:
    """Animals in places, by chance, and a few words that come in the last tenth alone."""
    rng = np.random.default_rng(0)
    lines = [f"the {ANIMALS[a]} sat on the {PLACES[p]}." for a, p in rng.integers(0, 8, (sentences, 2))]
    return "\n".join([*lines[: sentences * 19 // 20], "zebras quietly quarrel.", *lines[sentences * 19 // 20:]])


@pytest.fixture(scope="module")
def sources():
    return [Source("story", content=story(900).encode("utf-8"))]


@pytest.fixture(scope="module")
def text(sources):
    return prepare_text(sources, 300)


@pytest.fixture(scope="module")
def rows(text):
    with using("numpy", "float32"):
        return {rung.key: climb(rung, text, 0.2)[1] for rung in RUNGS}


def test_the_rungs_are_the_steps_of_history():
    assert [rung.key for rung in RUNGS] == KEYS
    assert [rung.key for rung in find_rungs(["gpt", "unigram"])] == ["unigram", "gpt"]


def test_text_that_is_held_out_is_seen_by_nothing(text, sources):
    whole, decode = sources[0].content.decode("utf-8"), text.tokenizer.decode
    train, held_out = decode(text.train.ids.tolist()), decode(text.held_out.ids.tolist())
    assert train + held_out == whole and abs(len(held_out) - len(whole) / 10) < 10
    assert decode(text.seen.ids.tolist()) == train[-len(held_out):]
    assert "zebras" in held_out and "zebras" not in train
    assert text.held_out.counts.characters == len(held_out) and text.held_out.counts.tokens == len(text.held_out.ids)
    pieces = [text.tokenizer.decode([token]) for token in range(text.tokenizer.vocab_size)]
    assert any("the" in piece for piece in pieces) and not any("zeb" in piece or "qu" in piece for piece in pieces)


@pytest.mark.parametrize("key", KEYS)
def test_a_model_is_made_of_the_training_text_alone(key, text):
    """Another held-out text, and the same model."""
    other = text._replace(held_out=text.seen)
    (rung,) = find_rungs([key])
    with using("numpy", "float32"):
        if rung.learning_rate is None:
            models = [climb(rung, one, 1)[0] for one in (text, other)]
            tables = [[array for table in model.tables for array in table] for model in models]
        else:
            tables = [[run_steps(rung, one, 2)[0].flat.data] for one in (text, other)]
    assert all((ours == theirs).all() for ours, theirs in zip(*tables, strict=True))


def test_every_rung_has_a_whole_row(rows, text):
    assert list(rows) == KEYS
    for rung in RUNGS:
        row = rows[rung.key]
        assert set(row) == {"key", "name", "new", "size", "steps", "seconds", "train", "held_out", "prompt", "sample"}
        assert row["name"] == rung.name and 0 < row["train"] < 8 and 0 < row["held_out"] < 8
        assert (row["steps"] is None) == (rung.learning_rate is None) and row["seconds"] >= 0
        assert row["sample"] and row["prompt"] == text.tokenizer.decode(text.held_out.ids[:ladder.PROMPT].tolist())
    assert rows["uniform"]["size"] == 0 and rows["unigram"]["size"] == len(np.unique(text.train.ids))
    for key, size in (("gpt", count_parameters), ("gru", lambda config: rnn_size(config).parameters)):
        model = find_rungs([key])[0].make(text.tokenizer.vocab_size, text.train.ids)
        assert rows[key]["size"] == size(model.config)


def test_equal_chances_cost_log2_v_bits_a_token(rows, text):
    counts = text.held_out.counts
    assert rows["uniform"]["held_out"] == pytest.approx(
        math.log2(text.tokenizer.vocab_size) * counts.tokens / counts.characters, rel=1e-12)


def test_what_is_known_of_the_order(rows):
    assert rows["kneser-ney"]["held_out"] < rows["bigram"]["held_out"] < rows["unigram"]["held_out"]
    assert rows["unigram"]["held_out"] < rows["uniform"]["held_out"]


@pytest.mark.parametrize("key", KEYS[4:])
def test_a_network_learns_more_than_how_frequent_tokens_are(key, text, rows):
    (rung,) = find_rungs([key])
    with using("numpy", "float32"):
        model, _, _ = run_steps(rung, text, 50)
        assert text.held_out.counts.bits_per_character(loss_of(model, text.held_out.ids)) < rows["unigram"]["held_out"]


@pytest.mark.parametrize("key", KEYS)
def test_the_loss_is_that_of_every_token_but_the_first(key, text):
    """By another way: ln p of each token, one after the other, of a text that is no longer than half a window."""
    (rung,), ids = find_rungs([key]), text.held_out.ids[:T // 2]
    with using("numpy", "float64"):
        model = rung.make(text.tokenizer.vocab_size, text.train.ids)
        logits = np.concatenate([model(ids[None, :end], last_only=True)[0] for end in range(1, len(ids))])
        loss = loss_of(model, ids)
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    assert loss == pytest.approx(-log_p[np.arange(len(ids) - 1), ids[1:]].mean(), rel=1e-9)


class Reader:
    """A model whose loss at a target is how many tokens of its window stand before it."""

    class config:
        context_length = 8

    def forward(self, ids, targets):
        seen = np.broadcast_to(np.arange(1, 9), targets.shape)
        return seen[targets != IGNORED].mean(), None


@pytest.mark.parametrize("count", [2, 3, 8, 9, 10, 13, 14, 40, 41])
@pytest.mark.parametrize("overlap", [0, 1, 4, 7])
def test_windows_that_overlap_predict_every_token_once_and_from_enough(count, overlap):
    tokens, found = np.arange(count), []
    for ids, targets in evaluation_batches(tokens, 3, 8, overlap=overlap):
        rows, places = np.nonzero(targets != IGNORED)
        assert (ids[rows, places] + 1 == targets[rows, places]).all()
        assert all(place >= min(overlap, target - 1) for place, target in zip(places, targets[rows, places]))
        assert all((row != IGNORED).any() for row in targets)
        found += targets[rows, places].tolist()
    assert sorted(found) == list(range(1, count))
    expected = [t if t <= 8 else overlap + 1 + (t - 9) % (8 - overlap) for t in range(1, count)]
    assert mean_loss(Reader(), tokens, 3, overlap=overlap) == pytest.approx(np.mean(expected))


@pytest.mark.parametrize("overlap", [-1, 8, 9])
def test_an_overlap_that_leaves_nothing_new_is_refused(overlap):
    with pytest.raises(InputError, match=f"overlap {overlap} is outside 0 to 7.*choose"):
        next(evaluation_batches(np.arange(20), 3, 8, overlap=overlap))


@pytest.mark.parametrize("key", ["neural-ngram", "gru"])
def test_a_run_is_the_same_given_its_steps(key, text):
    (rung,) = find_rungs([key])
    with using("numpy", "float32"):
        (first, steps, seconds), (second, _, _) = run_steps(rung, text, 3), run_steps(rung, text, 3)
    assert steps == 3 and seconds > 0 and (first.flat.data == second.flat.data).all()


def test_as_many_steps_as_the_time_holds(text, monkeypatch):
    """A clock on which each look takes a tenth of a second, and one look a step: the first has none before it."""
    now = iter(range(10**6))
    monkeypatch.setattr(ladder.time, "perf_counter", lambda: next(now) / 10)
    (rung,) = find_rungs(["neural-ngram"])
    with using("numpy", "float32"):
        _, steps, took = run_steps(rung, text, 10**9, seconds=1)
        assert (steps, took) == (10, 1.1)
        assert steps_within(rung, text, 20) == round(20 * 10 / 1.1) and steps_within(rung, text, 1e-9) == 1


def test_settings_end_with_the_steps():
    settings = ladder.training_settings(RUNGS[-1], 400)
    assert (settings.steps, settings.warmup, settings.batch_size) == (400, 20, B)
    assert settings.make_schedule()(399) == pytest.approx(RUNGS[-1].learning_rate * settings.final_share)


def test_equal_chances_are_an_n_gram_model_that_has_counted_nothing():
    ids = np.array([3, 0, 5])
    model, counted = Uniform(7), NGram.count([ids], NGramConfig(7, 1, smoothing="add-k", k=1e12))
    assert np.abs(model.text_scores(ids) - counted.text_scores(ids)).max() < 1e-9
    assert model(ids[None]).shape == (1, 1, 7)


# The command.


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "story.txt").write_text(story(900), encoding="utf-8")

    def call(*arguments):
        try:
            code = main(["ladder", *arguments])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return call


def test_the_command_prints_a_table_and_keeps_all_of_it(here, tmp_path):
    with using("numpy", "float32"):
        code, out, err = here("--data", "story.txt", "--seconds", "0.1", "--models", "bigram", "uniform", "attention",
                              "--json", "ladder.json", "--picture", "ladder.png")
    assert code == 0
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == ["model", "uniform", "bigram", "embedding-attention-dense"]
    kept = json.loads((tmp_path / "ladder.json").read_text(encoding="utf-8"))
    assert [row["key"] for row in kept["rows"]] == ["uniform", "bigram", "attention"]
    assert kept["data"] == ["story.txt"] and kept["seconds"] == 0.1 and kept["held_out"]["tokens"] > 100
    for line, row in zip(lines[1:], kept["rows"], strict=True):
        assert f"{row['size']:,}" in line and f"{row['train']:.3f}" in line and f"{row['held_out']:.3f}" in line
    assert (tmp_path / "ladder.png").read_bytes().startswith(b"\x89PNG")
    assert "bits a character after" in err


@pytest.mark.parametrize("arguments, said", [
    (["--seconds", "0"], "choose above 0"), (["--seconds", "-3"], "choose above 0"),
    (["--seconds", "nan"], "choose above 0"), (["--seconds", "inf"], "choose above 0"),
    (["--seconds", "soon"], "soon"), (["--models", "gtp"], "did you mean gpt?"),
    (["--models", "transformer"], "choose among uniform, unigram"), (["--data", "none.txt"], "no file"),
    (["--data", "empty.txt"], "0 characters"), (["--data", "short.txt"], "give about 6,144 characters or more"),
    (["--json", "nowhere/a.json"], "a folder that exists"), (["--picture", "."], "name a file"),
])  # fmt: skip
def test_bad_input_is_one_line_before_anything_is_trained(here, tmp_path, arguments, said):
    (tmp_path / "empty.txt").write_text("", encoding="utf-8")
    (tmp_path / "short.txt").write_text(story(30), encoding="utf-8")
    code, out, err = here(*arguments)
    assert code == 2 and out == "" and said in err and len(err.splitlines()) == 1


def test_a_model_that_falls_apart_is_told(here, monkeypatch):
    broken = ladder.Rung("gpt", "GPT", "", RUNGS[-1].make, 1e30)
    monkeypatch.setattr(ladder, "RUNGS", (RUNGS[0], broken))
    with using("numpy", "float32"):
        code, out, err = here("--data", "story.txt", "--seconds", "2")
    assert code == 1 and out.splitlines()[1].startswith("uniform")
    assert "GPT: the loss is" in err and "leave it out with --models" in err
