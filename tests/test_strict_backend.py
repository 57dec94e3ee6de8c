"""All of minigpt on the strict stand-in for CuPy: it runs, so it would run on a GPU, and gives NumPy's numbers."""

import json

import numpy as np
import pytest
from strict_array import StrictArray
from strict_library import LIBRARY, load_strict

from minigpt import backend, pictures
from minigpt.backend import to_host, xp
from minigpt.beam_search import beam_search
from minigpt.cases import CASES, check_case
from minigpt.checkpoint import Progress, load_checkpoint, save_checkpoint
from minigpt.cli import main
from minigpt.compare_backends import LIMITS, Difference, compare, relative_difference
from minigpt.data import Dataset
from minigpt.dispatch import twin
from minigpt.errors import InputError
from minigpt.evaluate import evaluate
from minigpt.generate import Continuation, generate, generate_text
from minigpt.layers.softmax import softmax_forward
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.models.gpt_size import gpt_size, measure_saved
from minigpt.optim import SGD, Adam, AdamW, clip_gradient
from minigpt.run_folder import NEWEST
from minigpt.sampling import Sampling
from minigpt.text.byte_level import ByteTokenizer
from minigpt.token_file import Counts
from minigpt.train import train, training_step
from minigpt.train_config import TrainConfig, make_optimizer

SHAPE = dict(vocab_size=13, context_length=8, d_model=12, num_heads=3, num_layers=2)
CONFIGS = {"GPT-2": {}, "GPT-1": dict(norm="post", dropout=0.1), "GPT-3": dict(attention_window=3),
           "sinusoidal, untied": dict(positions="sinusoidal", tied_embedding=False, activation="gelu")}  # fmt: skip
PROMPTS = [[1, 2, 3], [4], [5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6]]
configs = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)


@pytest.fixture(autouse=True)
def strict(monkeypatch):
    monkeypatch.setitem(backend.LIBRARIES, "strict", load_strict)
    monkeypatch.setitem(backend.LIBRARIES, "cupy", load_strict)  # for the commands


def on_both(compute, dtype="float64"):
    """compute() on NumPy and on the stand-in; the second must be like the first. Returns the first."""
    results = []
    for library in ("numpy", "strict"):
        with backend.using(library, dtype):
            results.append(compute())
    expected, found = ([np.asarray(part) for part in result] for result in results)
    for one, other in zip(expected, found, strict=True):
        assert relative_difference(one, other) <= (1e-12 if dtype == "float64" else 1e-6)
    return results[0]


def make_model(**config):
    model, rng = GPT(GPTConfig(**{**SHAPE, **config})), backend.generator(3)
    for p in model.parameters().values():
        p.data[...] = backend.normal(rng, p.data.shape, 0.7)
    return model


def tokens(count):
    return ((np.arange(count) * 7 % 13 + np.arange(count) // 13 % 3) % 13).astype("uint16")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_gradient_is_right_on_the_stand_in(case):
    with backend.using("strict", "float64"):
        for error in check_case(case):
            assert error.relative_error < 1e-6, str(error)


def test_every_comparison_agrees_with_numpy_in_both_precisions():
    found = list(compare("strict"))
    assert [f for f in found if not f.passed] == []
    assert {f.precision for f in found} == set(LIMITS) and len(found) == 2 * (len(CASES) + 3)
    assert all(f.worst < {"float64": 1e-13, "float32": 1e-6}[f.precision] for f in found)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nothing_leaves_the_device(case):
    """Outputs, gradients and all that forward saves are arrays of the device."""
    with backend.using("strict", "float32"):
        rng = backend.generator(1)
        problem = case.build(rng)
        y, saved = problem.forward()
        dy = backend.normal(rng, y.shape)
        for array in [y, dy, *problem.gradients(dy, saved).values()]:
            assert type(array) is StrictArray and array.dtype == np.float32

        def walk(part):
            assert not isinstance(part, (np.ndarray, np.generic))
            for child in part if isinstance(part, (tuple, list)) else ():
                walk(child)

        walk(saved)


@pytest.mark.parametrize("make", [
    lambda model: AdamW(model, weight_decay=0.1), Adam, SGD, lambda model: SGD(model, momentum=0.9, weight_decay=0.1),
], ids=["AdamW", "Adam", "SGD", "momentum"])  # fmt: skip
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_optimizer_steps_and_clipping(make, dtype):
    def compute():
        model = make_model()
        optimizer, rng = make(model), backend.generator(1)
        norms = []
        for step in range(4):
            model.flat.grad[...] = backend.normal(rng, model.flat.grad.shape)
            norms.append(clip_gradient(model, 1e9 if step % 2 else 0.5))
            optimizer.step(0.01)
        return [to_host(model.flat.data), norms, *(to_host(vector) for vector in optimizer.state.values())]

    on_both(compute, dtype)


@configs
def test_a_training_step(config):
    def compute():
        model, settings = make_model(**config), TrainConfig(batch_size=3, accumulate=2, clip=0.1)
        record = training_step(model, make_optimizer(model, settings), tokens(100), settings, 0)
        return [record["loss"], record["gradient_norm"], to_host(model.flat.data), to_host(model.flat.grad)]

    on_both(compute)


@configs
def test_generation_cached_and_not_sampled_and_by_beams(config):
    def compute():
        model, sampling = make_model(**config), Sampling(0.9, top_k=7, top_p=0.95, repetition_penalty=1.2)
        results = [list(generate(model, PROMPTS, 12, sampling, 5, use_cache=cached)) for cached in (True, False)]
        assert results[0] == results[1]
        beams = [beam_search(model, PROMPTS[2], 6, beams=3, use_cache=cached) for cached in (True, False)]
        assert [ids for _, ids in beams[0]] == [ids for _, ids in beams[1]]
        return [*results, [score for score, _ in beams[0]], *(ids for _, ids in beams[0]),
                Continuation(model, PROMPTS).next_logits()]

    on_both(compute)


def test_text_evaluation_and_attention_maps(tmp_path):
    def compute():
        model = make_model(vocab_size=256)
        text = "".join(generate_text(model, ByteTokenizer(), "ab", 6, Sampling(0), stop=["\n"]))
        loss = evaluate(model, tokens(50), Counts(50, 60, 70), batch_size=2).loss
        maps = model.attention_maps([[1, 2, 3]])
        pictures.draw_attention(maps, ["a", "b", "c"], tmp_path / "attention.png")
        return [[ord(letter) for letter in text], loss, *(to_host(layer) for layer in maps)]

    on_both(compute)
    assert (tmp_path / "attention.png").stat().st_size > 1000


def test_a_checkpoint_goes_from_one_library_to_the_other(tmp_path):
    def build():
        model = make_model()
        return model, AdamW(model)

    for here, there in (("strict", "numpy"), ("numpy", "strict")):
        path = tmp_path / f"{here}.safetensors"
        with backend.using(here):
            model, optimizer = build()
            model.flat.grad[...] = backend.normal(backend.generator(1), model.flat.grad.shape)
            optimizer.step(0.1)
            save_checkpoint(path, model, optimizer, Progress(step=7))
            wanted = to_host(model.flat.data)
        with backend.using(there):
            model, optimizer = build()
            assert load_checkpoint(path, model, optimizer).step == 7
            np.testing.assert_array_equal(to_host(model.flat.data), wanted)
            assert to_host(optimizer.state["v"]).any() and optimizer.steps == 1


def test_a_whole_run_with_evaluations_and_checkpoints(tmp_path):
    settings = TrainConfig(steps=6, batch_size=3, eval_every=3, eval_windows=4, save_every=2, warmup=2)
    data = Dataset(tokens(300), tokens(90), Counts(300, 300, 300), Counts(90, 90, 90))

    def compute():
        model, records = make_model(dropout=0.1), []
        train(model, make_optimizer(model, settings), data, settings, Progress(), tmp_path, records.append)
        assert (tmp_path / NEWEST).is_file()
        return [[r["loss"] for r in records[1:]], [r["validation_loss"] for r in records if "validation_loss" in r]]

    before = LIBRARY.synchronized
    on_both(compute)
    assert LIBRARY.synchronized == before + settings.steps  # a clock was read only after the device had finished


def test_what_is_saved_is_counted_on_the_device_too():
    def compute():
        model, ids = GPT(GPTConfig(**SHAPE, dropout=0.1)), np.zeros((2, 8), dtype=int)
        _, saved = model.forward(ids, ids, backend.generator(0))
        predicted = gpt_size(model.config, 2, 8).saved
        assert measure_saved(saved, model) == pytest.approx(predicted, rel=0.01)
        return [measure_saved(saved, model)]

    on_both(compute)


def test_ids_out_of_range_are_refused_where_the_device_would_wrap_them():
    with backend.using("strict"):
        assert xp.arange(5)[xp.asarray([7])].tolist() == [2]
        model = make_model()
        for bad in (-1, 13):
            with pytest.raises(InputError, match=rf"token id {bad} is outside 0\.\.12"):
                model([[0, bad]])
            with pytest.raises(InputError, match=rf"target {bad} is outside 0\.\.12"):
                model.forward([[0, 1]], [[1, bad]])
            with pytest.raises(InputError, match=rf"token id {bad} is outside 0\.\.12"):
                list(generate(model, [[0, bad]], 1))


def test_moving_arrays_and_mixing_libraries():
    with backend.using("strict"):
        device = backend.asarray([1.5, 2.5])
        assert type(device) is StrictArray and type(to_host(device)) is np.ndarray
        assert backend.asarray(device) is device and repr(xp) == "<xp: strict, float32>"
        assert backend.asarray(np.array([1], dtype=np.uint16)).dtype == np.int64
    with pytest.raises(TypeError, match="Implicit conversion"):
        backend.asarray(device)  # NumPy is in use again


def test_gpucheck_prints_a_table_to_paste(capsys):
    assert main(["gpucheck"]) == 0
    out, err = capsys.readouterr()
    for words in ("GPU      strict stand-in", "CUDA     12.8", "CuPy", "NumPy    " + np.__version__, "date     20"):
        assert words in out
    assert sum("float32" in line for line in out.splitlines()) == len(CASES) + 3 and "WRONG" not in out
    assert f"all {2 * (len(CASES) + 3)} agree" in err


def test_gpucheck_in_json_and_how_it_fails(capsys, monkeypatch):
    wrong = Difference("linear", "float32", 0.5, "w", 1e-5)
    monkeypatch.setattr("minigpt.commands.gpucheck.compare", lambda library: [wrong])
    assert main(["gpucheck", "--json"]) == 1
    out, err = capsys.readouterr()
    machine, row = (json.loads(line) for line in out.splitlines())
    assert machine["GPU"] == "strict stand-in" and row == {**vars(wrong), "passed": False}
    assert "1 of 1 do not agree" in err
    assert main(["gpucheck"]) == 1
    assert "WRONG" in capsys.readouterr().out


def test_gpucheck_compares_the_kernels_when_asked(capsys, monkeypatch):
    pytest.importorskip("minigpt.fused.cuda.softmax", reason="there are no twins")
    used = []

    def compare(library):
        with backend.using(library):
            used.append(twin(softmax_forward) is not softmax_forward)
        yield Difference("softmax", "float32", 0, "y", 1)

    monkeypatch.setattr("minigpt.commands.gpucheck.compare", compare)
    for flags in ([], ["--fused-kernels"], []):
        assert main(["gpucheck", *flags]) == 0
    assert used == [False, True, False]


def test_a_difference_is_measured_honestly():
    one = np.array([1.0, -2.0])
    assert relative_difference(one, one) == 0 and relative_difference(one, one * 1.25) == 0.25
    for bad in (one[:1], one.astype("float32"), np.array([1.0, np.nan])):
        assert relative_difference(one, bad) == np.inf
    assert relative_difference(one[:0], one[:0]) == 0
    assert not Difference("x", "float32", np.inf, "y", 1).passed


def test_a_broken_library_is_found_out(monkeypatch):
    """A scatter_add that loses duplicates, as a plain `target[ids] += values` would."""

    def lossy():
        def scatter_add(target, ids, values):
            rows = ids.get()
            last = [int(np.flatnonzero(rows == row)[-1]) for row in np.unique(rows)]
            target[ids[xp.asarray(last)]] += values[xp.asarray(last)]

        return load_strict()._replace(scatter_add=scatter_add)

    monkeypatch.setitem(backend.LIBRARIES, "strict", lossy)
    wrong = {found.name for found in compare("strict") if not found.passed}
    assert {"embedding", "GPT GPT-2", "scatter_add of duplicates", "20 training steps"} <= wrong
    assert "linear" not in wrong
