"""The training loop and its checkpoints: resumed is uninterrupted, nothing good is ever lost."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import safetensors.numpy

from minigpt import backend, checkpoint
from minigpt.checkpoint import Progress, load_checkpoint, save_checkpoint
from minigpt.data import Dataset, training_batch
from minigpt.errors import InputError
from minigpt.evaluate import evaluate, mean_loss
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.optim import AdamW
from minigpt.run_folder import BEST, NEWEST
from minigpt.token_file import Counts
from minigpt.train import Diverged, train
from minigpt.train_config import TrainConfig, make_optimizer

MODEL = GPTConfig(vocab_size=13, context_length=8, d_model=12, num_heads=3, num_layers=2, dropout=0.1)
SETTINGS = TrainConfig(steps=12, batch_size=3, accumulate=2, warmup=3, eval_every=4, eval_windows=5, save_every=5)


@pytest.fixture
def dataset():
    ids = (np.arange(400) * 7 % 13 + np.arange(400) // 13 % 3) % 13  # something that can be learned
    return Dataset(ids[:300].astype("uint16"), ids[300:].astype("uint16"), Counts(300, 300, 300), Counts(100, 100, 100))


def run(folder, dataset, settings=SETTINGS, stop_after=None, resume=False, **model):
    folder.mkdir(exist_ok=True)
    gpt = GPT(replace(MODEL, **model), settings.seed)
    optimizer, progress, records = make_optimizer(gpt, settings), Progress(), []
    if resume:
        progress = load_checkpoint(folder / NEWEST, gpt, optimizer)
    train(gpt, optimizer, dataset, settings, progress, folder, records.append,
          lambda: stop_after is not None and progress.step >= stop_after)
    return gpt, optimizer, progress, records


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "momentum", "sgd"])
@pytest.mark.parametrize("stops", [[5], [1, 2, 7], [11]])
def test_a_resumed_run_ends_with_the_same_bits(tmp_path, dataset, optimizer, stops):
    settings = replace(SETTINGS, optimizer=optimizer)
    whole, whole_optimizer, whole_progress, records = run(tmp_path / "whole", dataset, settings)
    pieces = []
    for number, stop in enumerate([*stops, None]):
        gpt, parts_optimizer, progress, some = run(tmp_path / "parts", dataset, settings, stop, resume=number > 0)
        pieces += some
    np.testing.assert_array_equal(gpt.flat.data, whole.flat.data)
    for name, vector in whole_optimizer.state.items():
        np.testing.assert_array_equal(parts_optimizer.state[name], vector)
    for one, other in zip(records, pieces, strict=True):
        for key in ("step", "loss", "validation_loss", "learning_rate", "gradient_norm"):
            assert one.get(key) == other.get(key)
    assert (progress.step, progress.best_validation_loss) == (12, whole_progress.best_validation_loss)
    best = [(tmp_path / run / BEST) for run in ("whole", "parts")]
    tensors = [safetensors.numpy.load_file(path) for path in best]
    assert all(np.array_equal(tensors[0][name], tensors[1][name]) for name in tensors[0])


def test_a_run_killed_between_checkpoints_goes_back_to_the_last_one_and_ends_the_same(tmp_path, dataset):
    whole, *_ = run(tmp_path / "whole", dataset)

    class Killed(BaseException):
        pass

    def report(record):
        if record["step"] == 9:  # four steps after the checkpoint at 5
            raise Killed

    (tmp_path / "killed").mkdir()
    gpt = GPT(MODEL)
    with pytest.raises(Killed):
        train(gpt, make_optimizer(gpt, SETTINGS), dataset, SETTINGS, Progress(), tmp_path / "killed", report)
    gpt, _, progress, records = run(tmp_path / "killed", dataset, resume=True)
    assert records[0]["step"] == 6
    np.testing.assert_array_equal(gpt.flat.data, whole.flat.data)


def test_different_seeds_are_different_runs(tmp_path, dataset):
    a, b = (run(tmp_path / str(seed), dataset, replace(SETTINGS, seed=seed))[0].flat.data for seed in (0, 1))
    assert not np.array_equal(a, b)


def test_the_loss_falls(tmp_path, dataset):
    *_, records = run(tmp_path / "run", dataset, replace(SETTINGS, steps=150, learning_rate=1e-2), dropout=0.0)
    seen = [r["validation_loss"] for r in records if "validation_loss" in r]
    assert seen[0] == pytest.approx(math.log(13), abs=0.1)
    assert seen[-1] < 0.5 * seen[0]


def test_the_best_checkpoint_is_the_best_and_not_the_newest(tmp_path, dataset):
    settings = replace(SETTINGS, steps=40, warmup=0, schedule="linear", eval_every=1, learning_rate=0.02,
                       final_share=100.0)  # a rate that rises until it ruins the model
    _, _, progress, records = run(tmp_path / "run", dataset, settings)
    seen = [r["validation_loss"] for r in records if "validation_loss" in r]
    assert min(seen) < seen[-1]
    model = GPT(MODEL)
    load_checkpoint(tmp_path / "run" / BEST, model)
    assert mean_loss(model, dataset.validation, 3, settings.eval_windows) == min(seen) == progress.best_validation_loss


def test_accumulation_is_one_large_batch(tmp_path, dataset):
    with backend.using("numpy", "float64"):
        settings = replace(SETTINGS, steps=1)
        gpt = run(tmp_path / "run", dataset, settings, dropout=0.0)[0]
        expected = GPT(replace(MODEL, dropout=0.0))
        batches = [training_batch(dataset.train, 3, 8, 0, part) for part in range(2)]
        ids, targets = (np.concatenate(parts) for parts in zip(*batches))
        _, saved = expected.forward(ids, targets)
        expected.backward(saved)
        norm = np.linalg.norm(expected.flat.grad)
        expected.flat.grad[:] *= min(1, settings.clip / norm)
        optimizer = AdamW(expected, settings.beta1, settings.beta2, weight_decay=settings.weight_decay)
        optimizer.step(settings.make_schedule()(0))
        np.testing.assert_allclose(gpt.flat.data, expected.flat.data, rtol=0, atol=1e-9)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_good_checkpoint(tmp_path, dataset, accumulate):
    folder = tmp_path / "run"
    folder.mkdir()
    gpt = GPT(MODEL)
    optimizer, progress = make_optimizer(gpt, SETTINGS), Progress()

    def spoil(record):
        if record["step"] == 7:
            gpt.flat.data[5] = np.nan

    settings = replace(SETTINGS, accumulate=accumulate)
    with pytest.raises(Diverged, match=r"the loss is nan.*at step 8, learning rate 0\.0"):
        train(gpt, optimizer, dataset, settings, progress, folder, spoil)
    good = GPT(MODEL)
    assert load_checkpoint(folder / NEWEST, good).step == 5
    assert np.isfinite(good.flat.data).all()


@pytest.mark.parametrize("spoilt_after, evaluated", [(4, True), (9, False), (11, True)])
def test_a_step_that_ruins_the_model_is_not_saved(tmp_path, dataset, spoilt_after, evaluated, monkeypatch):
    """Finite weights can still give NaN. Checkpoints are due after steps 5 and 10, evaluations after 4, 8 and 12."""
    folder = tmp_path / "run"
    folder.mkdir()
    gpt = GPT(MODEL)
    optimizer = make_optimizer(gpt, SETTINGS)
    step = optimizer.step

    def ruin(learning_rate):
        step(learning_rate)
        if optimizer.steps == spoilt_after + (0 if spoilt_after == 4 else 1):
            gpt.flat.data[:] = 1e30

    monkeypatch.setattr(optimizer, "step", ruin)
    with pytest.raises(Diverged, match="the validation loss is nan" if evaluated else "the loss is nan after step 10"):
        train(gpt, optimizer, dataset, SETTINGS, Progress(), folder, lambda record: None)
    for name in (NEWEST, BEST):
        good = GPT(MODEL)
        assert load_checkpoint(folder / name, good).step <= spoilt_after
        assert math.isfinite(mean_loss(good, dataset.validation, 3))


def test_a_run_without_validation_text(tmp_path, dataset):
    without = Dataset(dataset.train, dataset.validation[:0], dataset.train_counts, Counts(0, 0, 0))
    _, _, progress, records = run(tmp_path / "run", without)
    assert progress.best_validation_loss is None and not any("validation_loss" in r for r in records)
    assert (tmp_path / "run" / NEWEST).is_file() and not (tmp_path / "run" / BEST).exists()


def test_records_are_complete(tmp_path, dataset):
    *_, records = run(tmp_path / "run", dataset)
    assert [r["step"] for r in records] == list(range(13))
    assert [r["step"] for r in records if "validation_loss" in r] == [0, 4, 8, 12]
    for r in records[1:]:
        assert r["tokens_per_second"] > 0 and r["gradient_norm"] > 0 and json.dumps(r)


# ---- checkpoints


@pytest.fixture
def saved(tmp_path):
    model = GPT(MODEL, 1)
    optimizer = make_optimizer(model, SETTINGS)
    optimizer.steps = 7
    for vector in optimizer.state.values():
        vector[:] = backend.normal(backend.generator(2), vector.shape)
    path = tmp_path / NEWEST
    save_checkpoint(path, model, optimizer, Progress(7, 1.5, 1.25, 3.0))
    return path, model, optimizer


def test_a_checkpoint_gives_everything_back(saved):
    path, model, optimizer = saved
    other = GPT(MODEL, 2)
    other_optimizer = make_optimizer(other, SETTINGS)
    assert load_checkpoint(path, other, other_optimizer) == Progress(7, 1.5, 1.25, 3.0)
    np.testing.assert_array_equal(other.flat.data, model.flat.data)
    assert other_optimizer.steps == 7
    for name in ("m", "v"):
        np.testing.assert_array_equal(other_optimizer.state[name], optimizer.state[name])
    for_inference = GPT(MODEL, 3)
    load_checkpoint(path, for_inference)
    np.testing.assert_array_equal(for_inference.flat.data, model.flat.data)


def test_a_save_that_fails_leaves_the_old_checkpoint_and_no_rest(saved, monkeypatch):
    path, model, optimizer = saved
    before = path.read_bytes()

    def full(tensors, temporary, metadata):
        temporary.write_bytes(b"half a file")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.safetensors.numpy, "save_file", full)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(path, model, optimizer, Progress(8))
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("length", [0, 4, 100, -1])
def test_a_cut_checkpoint_is_refused_and_changes_nothing(saved, length):
    path, _, _ = saved
    path.write_bytes(path.read_bytes()[:length])
    model = GPT(MODEL, 2)
    before = model.flat.data.copy()
    with pytest.raises(InputError, match=r"newest\.safetensors is damaged \(.*\): train again"):
        load_checkpoint(path, model)
    np.testing.assert_array_equal(model.flat.data, before)


@pytest.mark.parametrize("spoil, words", [
    (lambda t: t.update({"final_norm.g": np.full(12, np.nan, "float32")}), "final_norm.g holds NaN or infinity"),
    (lambda t: t.update({"final_norm.g": np.ones(11, "float32")}), r"is float32 \(11,\), the model's is \(12,\)"),
    (lambda t: t.update({"final_norm.g": np.ones(12, "int32")}), "final_norm.g is int32"),
    (lambda t: t.pop("final_norm.g"), r"it lacks \['final_norm.g'\] and has \[\]"),
    (lambda t: t.update({"more": np.ones(2, "float32")}), r"it lacks \[\] and has \['more'\]"),
])  # fmt: skip
def test_a_checkpoint_of_something_else_is_refused(saved, spoil, words):
    path, model, optimizer = saved
    with safetensors.safe_open(path, framework="numpy") as file:
        header = file.metadata()
    tensors = dict(safetensors.numpy.load_file(path))
    spoil(tensors)
    safetensors.numpy.save_file(tensors, path, metadata=header)
    before = model.flat.data.copy()
    with pytest.raises(InputError, match=words):
        load_checkpoint(path, model, optimizer)
    np.testing.assert_array_equal(model.flat.data, before)


def test_a_safetensors_file_that_is_no_checkpoint_is_refused(saved):
    path, model, _ = saved
    safetensors.numpy.save_file({"a": np.ones(3, "float32")}, path)
    with pytest.raises(InputError, match="is damaged"):
        load_checkpoint(path, model)
    with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
        load_checkpoint(path.with_name("none.safetensors"), model)


# ---- evaluation and settings


def test_evaluation_weighs_every_token_once(dataset):
    with backend.using("numpy", "float64"):
        model = GPT(replace(MODEL, dropout=0.0))
        ids = dataset.validation[:30].astype(int)
        losses = []
        for start in range(0, 29, 8):  # window by window, token by token
            window = ids[start:start + 9]
            z = model([window[:-1]])[0]
            log_p = z - np.log(np.exp(z).sum(-1, keepdims=True))
            losses += [-log_p[i, token] for i, token in enumerate(window[1:])]
        assert len(losses) == 29
        for batch_size in (1, 3, 10):
            assert mean_loss(model, ids, batch_size) == pytest.approx(np.mean(losses), abs=1e-12)
        result = evaluate(model, ids, Counts(30, 60, 90))
        assert result.perplexity == pytest.approx(math.exp(np.mean(losses)))
        assert result.bits_per_character == pytest.approx(np.mean(losses) / math.log(2) / 2)
        assert result.bits_per_byte == pytest.approx(np.mean(losses) / math.log(2) / 3)


@pytest.mark.parametrize("change, words", [
    (dict(steps=0), "steps 0 is too small"), (dict(batch_size=-1), "batch_size -1 is too small"),
    (dict(learning_rate=-0.1), "learning_rate -0.1 has no meaning"), (dict(clip=math.nan), "clip nan has no meaning"),
    (dict(beta2=1.0), r"beta2 1.0 is outside \[0, 1\)"), (dict(momentum=-0.5), "momentum -0.5 is outside"),
    (dict(weight_decay=-1), "weight_decay -1 has no meaning"),
    (dict(seed=-1), "seed -1 has no meaning"), (dict(schedule="step"), "unknown schedule 'step'"),
])  # fmt: skip
def test_settings_without_a_meaning_are_refused(change, words):
    with pytest.raises(InputError, match=words):
        replace(SETTINGS, **change)


def test_an_unknown_optimizer_offers_the_known():
    with pytest.raises(InputError, match="unknown optimizer 'lion': choose one of adamw, adam, momentum, sgd"):
        replace(SETTINGS, optimizer="lion")
