"""The benchmark on a GPU, on the strict stand-in for CuPy: what it counts, prints, sets and refuses.

What needs a GPU is marked; the rest is all that can be known without one.
"""

import importlib.util
import os
import sys
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cuda_on_cpu
import numpy as np
import pytest
import strict_array
import strict_library
from strict_array import StrictArray
from strict_library import LIBRARY, StrictMemoryHook, load_strict
from test_bench import MODEL, ONE_ROUND, SMALL, call, in_a_hurry, load, refused  # noqa: F401 - a fixture
from test_gpu import reason

from minigpt import backend
from minigpt.backend import to_host, xp
from minigpt.bench import ceilings, contender, device, minigpt_contender, scaling
from minigpt.bench.contender import FUSED, OURS, Contender, ContenderDied, Field
from minigpt.bench.device import counted_waits, peak_of_pool, watch
from minigpt.bench.generation import generation_table
from minigpt.bench.header import describe
from minigpt.bench.minigpt_operations import KINDS
from minigpt.bench.operations import clock, operations
from minigpt.bench.training import training_table
from minigpt.bench.workload import NEW_TOKENS, with_long_context
from minigpt.commands import bench
from minigpt.errors import InputError
from minigpt.layers.cross_entropy import IGNORED, cross_entropy_backward, cross_entropy_forward
from minigpt.layers.embedding import embedding_backward, embedding_forward
from minigpt.models.gpt import GPT
from minigpt.train import training_step
from minigpt.train_config import TrainConfig, make_optimizer

TESTS = Path(__file__).parent
CONFIGS = {"GPT-2": {}, "GPT-1": dict(norm="post", dropout=0.1), "GPT-3": dict(attention_window=3),
           "sinusoidal, untied": dict(positions="sinusoidal", tied_embedding=False, activation="gelu")}  # fmt: skip
ON_GPU = Field(backend="cupy")


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    monkeypatch.setitem(backend.LIBRARIES, "strict", load_strict)


@pytest.fixture
def as_cupy(monkeypatch, tmp_path):
    """`import cupy` finds the stand-in, in this process and in those of the contenders; ceilings are made up."""
    monkeypatch.setitem(backend.LIBRARIES, "cupy", load_strict)
    (tmp_path / "cupyx" / "scipy").mkdir(parents=True)
    files = {"cupy.py": "import sys, strict_library\nsys.modules[__name__] = strict_library.LIBRARY\n",
             "cupyx/__init__.py": "", "cupyx/scipy/__init__.py": "",
             "cupyx/scipy/special.py": "from strict_library import SPECIAL\nerf = SPECIAL.erf\n"}  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(TESTS)]))
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    ask = Contender.ask
    made_up = {"sgemm": {"size": 8192, "gflops": 1000.0, "gflops_one_thread": None},
               "reading": {"bytes": 2**30, "gigabytes_per_second": 500.0, "way": "a copy", "ways": {}}}

    def asking(self, request, **details):
        return made_up if request == "ceilings" else ask(self, request, **details)

    monkeypatch.setattr(Contender, "ask", asking)
    return tmp_path


@pytest.fixture
def nothing_starts(monkeypatch):
    def start(*_):
        raise AssertionError("a process was started")

    monkeypatch.setattr(Contender, "__init__", start)


# ---- waits for the device


@pytest.fixture
def no_hidden_waits(monkeypatch):
    """Without the operations in which CuPy waits by itself, as the size of their result depends on values."""
    hidden = {"nonzero", "flatnonzero", "argwhere", "unique", "repeat", "extract", "compress", "place", "isin"}
    monkeypatch.setattr(strict_library, "NAMES", strict_library.NAMES - hidden)
    for name in hidden & set(vars(StrictArray)):
        monkeypatch.delattr(StrictArray, name)
    index = strict_array.index

    def without_booleans(array, key, writing=False):
        parts = key if isinstance(key, tuple) else (key,)
        assert not any(isinstance(part, StrictArray) and part.dtype == bool for part in parts)
        return index(array, key, writing)

    monkeypatch.setattr(strict_array, "index", without_booleans)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_training_step_waits_for_the_device_twice(no_hidden_waits, config, accumulate):
    """For the loss of each batch, and for the gradient's norm. A third wait is a mistake: find it by its name."""
    settings = TrainConfig(batch_size=3, accumulate=accumulate)
    with backend.using("strict"):
        model = GPT(replace(MODEL, **config))
        optimizer, tokens = make_optimizer(model, settings), np.arange(100) % MODEL.vocab_size
        for step in range(2):
            with counted_waits() as counts:
                training_step(model, optimizer, tokens, settings, step)
            assert counts == {"__float__": accumulate + 1}


def test_the_contender_counts_what_a_step_waits(no_hidden_waits):
    with backend.using("strict"):
        run = minigpt_contender.train(SMALL.message(), workers=1)
        before = LIBRARY.synchronized
        assert run(3)["loss"] == pytest.approx(np.log(MODEL.vocab_size), abs=0.1)
        assert LIBRARY.synchronized == before + 2, "before the first step and after the last"
        assert watch(run) == {"waits": 2, "by": {"__float__": 2}, "peak": 5 * 2**20, "reserved": 8 * 2**20}


def test_a_token_that_is_generated_waits_once(no_hidden_waits):
    with backend.using("strict"):
        run = minigpt_contender.generation(with_long_context(SMALL).message())
        before = LIBRARY.synchronized
        assert run(1)["tokens"] == NEW_TOKENS and LIBRARY.synchronized == before + 1
        assert watch(run)["by"] == {"get": NEW_TOKENS}


@pytest.mark.parametrize("operation", operations(SMALL), ids=lambda one: one.name)
def test_no_single_operation_waits(no_hidden_waits, operation):
    with backend.using("strict"):
        both = KINDS[operation.kind](backend.generator(0), **operation.sizes)
        with counted_waits() as counts:
            for work in both.values():
                work()
        assert not counts


@pytest.mark.parametrize("where, waits", [("host", {}), ("device", {"__int__": 5})])
def test_ids_and_targets_of_the_host_are_checked_there(where, waits):
    """On the device it costs two waits for the ids, two for the targets, and one to count these."""
    def place(values):
        return np.array(values) if where == "host" else xp.asarray(np.array(values))

    with backend.using("strict"):
        model, ids = GPT(MODEL), place([[1, 2, 3], [4, 5, 6]])
        with counted_waits() as counts:
            loss, saved = model.forward(ids, ids)
            model.backward(saved)
        assert counts == waits and type(loss) is StrictArray
        for bad in (-1, 11):
            with pytest.raises(InputError, match=rf"^token id {bad} is outside 0\.\.10: encode"):
                model(place([[0, bad]]))
            with pytest.raises(InputError, match=rf"^target {bad} is outside 0\.\.10: encode"):
                model.forward(place([[0, 1]]), place([[1, bad]]))
        with pytest.raises(InputError, match=r"^token ids must be integers, not float32$"):
            model(place([[0.5]]))
        with pytest.raises(InputError, match=r"^targets must be integers, not float32$"):
            model.forward(place([[1]]), place([[0.5]]))


@pytest.mark.parametrize("kind", ["int64", "int32", "uint16", "bool"])
def test_ids_from_host_and_device_give_the_same(kind):
    rng, results = np.random.default_rng(1), []
    logits, w = rng.standard_normal((2, 3, 5)), rng.standard_normal((5, 4))
    ids = rng.integers(0, 2, (2, 3)).astype(kind)
    targets = ids.copy()
    if np.iinfo(kind if kind != "bool" else "uint8").min:
        targets[0, 1] = IGNORED
    with backend.using("numpy", "float64"):
        expected = [cross_entropy_forward(logits, targets)[0]]
    with backend.using("strict", "float64"):
        for place in (lambda values: values, xp.asarray):
            loss, saved = cross_entropy_forward(xp.asarray(logits), place(targets), 0.1)
            dlogits = cross_entropy_backward(1.0, saved)
            assert float(cross_entropy_forward(xp.asarray(logits), place(targets))[0]) == pytest.approx(expected[0])
            assert type(saved[1]) is type(saved[2]) is StrictArray and saved[1].dtype == np.int64
            found = [to_host(loss), to_host(dlogits)]
            if kind != "bool":
                y, saved = embedding_forward(place(ids), xp.asarray(w))
                found += [to_host(y), to_host(embedding_backward(y, saved))]
            results.append(found)
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_targets_that_are_all_ignored_cost_nothing_on_either_side():
    with backend.using("strict"):
        for place in (np.array, lambda values: xp.asarray(np.array(values))):
            loss, saved = cross_entropy_forward(xp.ones((2, 3)), place([IGNORED, IGNORED]))
            assert float(loss) == 0 and not to_host(cross_entropy_backward(1.0, saved)).any()


def test_the_outermost_wait_counts_and_the_array_is_left_as_it_was(monkeypatch):
    class Base:
        def get(self):
            return 2.5

        def __float__(self):
            return float(self.get())

    class Array(Base):  # as CuPy's, which inherits them
        def item(self):
            return self.get()

    before = dict(vars(Array))
    monkeypatch.setattr(LIBRARY, "ndarray", Array)
    with backend.using("strict"):
        with counted_waits() as counts:
            assert float(Array()) == Array().get() == Array().item() == float(Array()) == 2.5
        with pytest.raises(ZeroDivisionError), counted_waits() as broken:
            Array().get()
            raise ZeroDivisionError
    assert counts == {"__float__": 2, "get": 1, "item": 1} and broken == {"get": 1}
    assert dict(vars(Array)) == before and Array.get is Base.get


def test_the_peak_is_the_most_that_was_held_at_once():
    def malloc(size, pointer=1):
        for hook in StrictMemoryHook.active:
            hook.malloc_postprocess(device_id=0, size=size - 1, mem_size=size, mem_ptr=pointer, pmem_id=1)

    def free(size):
        for hook in StrictMemoryHook.active:
            hook.free_postprocess(device_id=0, mem_size=size, mem_ptr=1, pmem_id=1)

    with backend.using("strict"), peak_of_pool() as found:
        malloc(1000)
        malloc(500)
        free(1000)
        malloc(700)
        free(2**20)  # made before
        malloc(900)
        malloc(2**40, pointer=0)  # refused
    assert found == {"peak": 5 * 2**20 + 1500, "reserved": 8 * 2**20}
    assert not StrictMemoryHook.active


def test_every_name_of_the_real_cupy_that_is_replaced_or_replaces():
    """That CuPy's array can be watched, and its hook derived from, is seen without a GPU, where CuPy is installed."""
    cupy = pytest.importorskip("cupy")
    before = dict(vars(cupy.ndarray))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "_library", backend.on_device(cupy, SimpleNamespace(erf=None)))
        with counted_waits():
            assert {"get", "__float__", "__int__", "__bool__", "item"} <= {*vars(cupy.ndarray)}
    assert dict(vars(cupy.ndarray)) == before
    with type("Hook", (cupy.cuda.MemoryHook,), {"name": "test"})() as hook:
        assert callable(hook.malloc_postprocess) and callable(hook.free_postprocess)


# ---- clock and ceilings


def test_a_gpu_is_given_many_calls_before_it_is_waited_for(monkeypatch):
    now, pending, log = [0.0], [0], []
    monkeypatch.setattr("minigpt.bench.operations.time.perf_counter", lambda: now[0])

    def work():
        pending[0] += 1

    def wait():
        log.append(pending[0])
        now[0] += 0.003 * pending[0]
        pending[0] = 0

    found = clock({"a": {"forward": work}}, wait)(2)  # 0.08 seconds, 27 calls' worth
    assert log == [0, 1, 2, 4, 8, 16]
    assert found["operations"]["a"]["forward"] == pytest.approx(0.003)


def test_ceilings_are_those_of_the_device(monkeypatch):
    monkeypatch.setattr(ceilings, "READ_BYTES", 2**16)
    monkeypatch.setattr(ceilings, "ENOUGH_SECONDS", 0)
    with backend.using("strict"):
        before = LIBRARY.synchronized
        product = ceilings.sgemm()
        assert LIBRARY.synchronized == before + 1 + ceilings.REPEATS, "after each product"
        copy = ceilings.copying()
        assert LIBRARY.synchronized == before + 2 * (1 + ceilings.REPEATS)
        assert minigpt_contender.ceilings()["reading"]["way"] == copy["way"] == "a copy, read and written"
    assert product["size"] == 512 and product["gflops"] > 0 and product["gflops_one_thread"] is None
    assert copy["bytes"] == 2**17 and copy["gigabytes_per_second"] > 0
    monkeypatch.setattr(minigpt_contender, "reading", lambda: "the processor's")
    assert minigpt_contender.ceilings()["reading"] == "the processor's"


def test_a_copy_counts_what_is_read_and_what_is_written(monkeypatch):
    monkeypatch.setattr(ceilings, "READ_BYTES", 10**6)
    monkeypatch.setattr(ceilings, "fastest", lambda work: (work(), 0.001)[1])
    assert ceilings.copying()["gigabytes_per_second"] == pytest.approx(2.0)


# ---- flags, refusals, conditions


def test_without_cupy_one_line_tells_and_nothing_is_started(monkeypatch, nothing_starts):
    monkeypatch.setitem(sys.modules, "cupy", None)
    for flags in ([], ["generate"], ["ops", "--tf32"], ["scaling"], ["--against", "torch"]):
        assert refused(*flags, "--backend", "cupy").startswith("minigpt bench: CuPy is not installed: choose the line")


def test_without_a_gpu_one_line_tells_and_nothing_is_started(monkeypatch, nothing_starts):
    class Broken:
        def arange(self, *_):
            raise RuntimeError("cudaErrorInsufficientDriver: no driver")

    monkeypatch.setitem(sys.modules, "cupy", Broken())
    assert "CuPy is installed but can't use a GPU here (cudaErrorInsufficientDriver: no driver)" in refused(
        "--backend", "cupy", "--against", "torch")


def test_flags_that_do_not_go_together_are_refused_with_the_cure(as_cupy, nothing_starts, monkeypatch):
    assert "--tf32 is a precision of GPUs: add --backend cupy" in refused("--tf32")
    assert "--blas-core Haswell is for products on a processor: leave it out" in refused(
        "--backend", "cupy", "--blas-core", "Haswell")
    assert "--workers 2 with --backend cupy: one keeps a GPU busy, choose --workers 1" in refused(
        "--backend", "cupy", "--workers", "2")
    assert "torch-onednn computes on a processor: choose --against torch" in refused(
        "--backend", "cupy", "--against", "torch", "torch-onednn")
    monkeypatch.setattr(LIBRARY.cuda.Device(), "compute_capability", "75")
    assert "this GPU (compute capability 7.5) has no TF32, which came with 8.0: leave --tf32 out" in refused(
        "--backend", "cupy", "--tf32")
    assert "--fused-kernels are for GPUs: add --backend cupy" in refused("--fused-kernels")
    for subject in ("scaling", "learn"):
        assert f"--fused-kernels is not for {subject}" in refused(subject, "--backend", "cupy", "--fused-kernels")
    assert "invalid choice: 'cuda'" in refused("--backend", "cuda")


def test_one_worker_keeps_a_gpu_busy(as_cupy, monkeypatch):
    seen = []

    def measure(field, workload, *_):
        seen.append((field, workload.name))
        return {"name": workload.name}

    monkeypatch.setattr(bench, "gather", lambda field, *_: {"ceilings": {}})
    monkeypatch.setattr(bench, "describe", lambda facts: [])
    monkeypatch.setitem(bench.SUBJECTS, "train", (measure, lambda results: ["a table"], ["tiny", "cpu", "small"]))
    for flags in ([], ["--workers", "1", "--tf32"]):
        code, out, _ = call("train", "--backend", "cupy", *flags)
        assert code == 0 and ("train, TF32 on a GPU: " if "--tf32" in flags else "train, float32 on a GPU: ") in out
    assert [name for _, name in seen] == 2 * ["tiny", "cpu", "small", "gpt2"]
    assert seen[0][0] == replace(ON_GPU, workers=1) and seen[-1][0] == replace(ON_GPU, workers=1, tf32=True)
    seen.clear()
    code, out, _ = call("train")
    assert [name for _, name in seen] == ["tiny", "cpu", "small"] and "train, float32: medians" in out


class Recorded:
    """Stands for a Contender, and keeps what it was started with."""

    started = ()

    def __init__(self, *how):
        Recorded.started = (*Recorded.started, how)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.mark.parametrize("field, expected", [
    (Field(("torch",)), [(OURS, {}, ()), ("torch", {}, ())]),
    (Field(("torch",), backend="cupy"),
     [(OURS, {"CUPY_TF32": "0"}, ("--cupy",)), ("torch", {}, ("--cuda",))]),
    (Field(("torch",), backend="cupy", tf32=True, twins=False),
     [(OURS, {"CUPY_TF32": "1"}, ("--no-twins", "--cupy")), ("torch", {}, ("--cuda", "--tf32"))]),
    (Field(("torch",), backend="cupy", fused_kernels=True),
     [(OURS, {"CUPY_TF32": "0"}, ("--cupy",)), (FUSED, {"CUPY_TF32": "0"}, ("--cupy",)), ("torch", {}, ("--cuda",))]),
    (Field(("torch",), blas_core="Haswell"), [(OURS, {"OPENBLAS_CORETYPE": "Haswell"}, ()), ("torch", {}, ())]),
], ids=["processor", "float32", "TF32", "kernels", "core"])
def test_each_contender_is_told_where_and_how_to_compute(monkeypatch, field, expected):
    monkeypatch.setattr(contender, "Contender", Recorded)
    monkeypatch.setattr(Recorded, "started", ())
    with field.start():
        assert list(Recorded.started) == expected


def test_scaling_on_a_gpu_has_no_workers_and_shows_the_memory_of_the_gpu(as_cupy, monkeypatch):
    panels = []
    for name, value in (("CONTEXTS", (8,)), ("CONTEXT_MODEL", "tiny"), ("CONTEXT_TOKENS", 16), ("BATCHES", (1, 2)),
                        ("BATCH_MODEL", "tiny"), ("processors", lambda: 3)):
        monkeypatch.setattr(scaling, name, value)
    monkeypatch.setattr(scaling, "draw_curves", lambda found, path: panels.extend(found))
    code, out, err = call("scaling", "--backend", "cupy", *ONE_ROUND, "--picture", as_cupy / "s.png")
    assert code == 0, err
    assert [line.split()[0] for line in out.splitlines()[-3:]] == ["context", "batch", "batch"]
    assert [panel[2] for panel in panels if "memory" in panel[2]] == 2 * ["peak memory of the GPU (MiB)"]
    assert panels[1][3] == {OURS: ([8], [5.0])}


# ---- what is printed, of made-up numbers


def figures(**more):
    return {"tokens_per_second": 1000.0, "seconds_per_step": 0.0123, "spread": 0.1, "gflops": 50.0,
            "share_of_sgemm": 0.25, "peak_memory": 3 * 2**20, **more}


def test_the_training_table_tells_waits_and_memory_of_a_gpu():
    def table(ours, theirs):
        return training_table([{"name": "tiny", "workers": 1, "ratios": {"torch": {"median": 0.5}},
                                "contenders": {OURS: ours, "torch": theirs}}])

    header, ours, theirs = table(figures(synchronisations_per_step=2.0, reserved_memory=7 * 2**20),
                                 figures(synchronisations_per_step=1.0, reserved_memory=9 * 2**20))
    assert header.split()[-9:] == ["of", "sgemm", "syncs/step", "reserved", "peak", "memory", "minigpt", "/", "it"]
    assert ours.split()[-6:] == ["25%", "2", "7.0", "MiB", "3.0", "MiB"]
    assert theirs.split()[-7:] == ["25%", "1", "9.0", "MiB", "3.0", "MiB", "0.50"]
    lines = training_table([{"name": "tiny", "workers": 1, "ratios": {FUSED: {"median": 0.75}},
                             "contenders": {OURS: figures(), FUSED: figures()}}])
    assert lines[2].split()[:2] == [FUSED, "1"] and lines[2].endswith("0.75")
    without = table(figures(), figures())
    assert "syncs" not in without[0] and "reserved" not in without[0]
    assert without[1].split()[-3:] == ["25%", "3.0", "MiB"]


def test_the_generation_table_tells_waits_and_memory_of_a_gpu():
    one = {"first_token": 0.01, "token": 0.002, "times_the_limit": 3.0, "peak_memory": 3 * 2**20}
    result = {"name": "tiny", "bytes_per_token": 10**6, "seconds_at_memory_speed": 1e-6, "ratios": {},
              "first_token_ratios": {}, "contenders": {OURS: one}}
    assert "syncs" not in "\n".join(generation_table([result]))
    result["contenders"][OURS] = {**one, "synchronisations_per_token": 1.0, "reserved_memory": 4 * 2**20}
    *_, header, row = generation_table([result])
    assert "x limit  syncs/token  reserved  peak memory" in header
    assert row.split() == ["tiny", OURS, "10.00", "2.00", "3.00", "1", "4.0", "MiB", "3.0", "MiB"]


def test_waits_are_told_for_each_token():
    class Watched:
        def ask(self, request):
            assert request == "watch"
            return {"waits": 65, "by": {}, "peak": 10, "reserved": 20}

    assert ON_GPU.watch(Watched()) == {
        "synchronisations_per_step": 65, "peak_memory": 10, "reserved_memory": 20}
    assert ON_GPU.watch(Watched(), "token", 50)["synchronisations_per_token"] == 1.3


FACTS = {
    "machine": {"processor": "some CPU", "cores": 16, "memory": 2**37, "system": "Linux", "python": "3.12.1"},
    "date": "2026-01-01", "coretype": None, "blas_core": None, "load": None, "precision": "float32", "override": None,
    "fused_kernels": False,
    "contenders": {
        "torch": {"torch": "2.13.0", "threads": 16, "cuda": "13.0"},
        OURS: {"numpy": "2.4", "blas": {"name": "openblas", "version": "0.3", "core": "Haswell", "threads": 16},
               "gpu": {"GPU": "NVIDIA X", "driver": "for CUDA 13.1", "CUDA": "12.9", "CuPy": "14.2.0", "capability": 90,
                       "memory": 2**36}},
    },
    "ceilings": {"sgemm": {"size": 8192, "gflops": 50_000.0, "gflops_one_thread": None},
                 "reading": {"bytes": 2**30, "gigabytes_per_second": 3000.0, "way": "a copy, read and written"}},
}  # fmt: skip


def test_the_header_names_the_gpu_and_what_it_can_do():
    lines = {line[:13].strip(): line[14:] for line in describe(FACTS)}
    assert lines == {
        "machine": "some CPU, 16 cores, 128.0 GiB",
        "GPU": "NVIDIA X, 64.0 GiB, compute capability 9.0, CUDA 12.9, driver for CUDA 13.1",
        "system": "Linux, Python 3.12.1, 2026-01-01",
        OURS: "NumPy 2.4, CuPy 14.2.0 on the GPU",
        "torch": "PyTorch 2.13.0, CUDA 13.0 on the GPU",
        "sgemm": "50,000.0 GFLOP/s in float32 on the GPU (square matrices of 8192)",
        "reading": "3,000.0 GB/s (a copy, read and written, 1,024.0 MiB)",
    }


def test_the_header_tells_what_tf32_is_used_for_and_what_overrules_it():
    *rest, note = describe({**FACTS, "precision": "TF32"})
    assert note.startswith("note") and "which attention makes, it keeps to float32" in note
    assert "in TF32 on the GPU" in "\n".join(rest)
    (note,) = [line for line in describe({**FACTS, "fused_kernels": True}) if line.startswith("note")]
    assert f"{FUSED} computes with the CUDA kernels of minigpt/fused/cuda" in note
    (note,) = [line for line in describe({**FACTS, "override": "0"}) if line.startswith("note")]
    assert "NVIDIA_TF32_OVERRIDE=0 is set in your environment" in note


def test_our_contender_says_which_gpu_it_has():
    with backend.using("strict"):
        found = minigpt_contender.hello("train")
        assert found["gpu"] == {**device.gpu(), "capability": 80, "memory": 2**34}
        assert found["gpu"]["GPU"] == "strict stand-in" and found["gpu"]["CUDA"] == "12.8"
    assert "gpu" not in minigpt_contender.hello("train")


# ---- the whole command, with the stand-in in the contender's process


@pytest.mark.parametrize("subject, unit, waits", [("train", "step", 2), ("generate", "token", 1)])
def test_one_command_measures_on_the_device(as_cupy, subject, unit, waits):
    file = as_cupy / "r.json"
    code, out, err = call(subject, "--backend", "cupy", "--configs", "tiny", *ONE_ROUND, "--json", file)
    assert code == 0, err
    for words in ("GPU           strict stand-in, 16.0 GiB, compute capability 8.0, CUDA 12.8, driver for CUDA 12.8",
                  f"CuPy {LIBRARY.__version__} on the GPU", "1,000.0 GFLOP/s in float32 on the GPU", "500.0 GB/s",
                  f"{subject}, float32 on a GPU: one round", f"syncs/{unit}", "8.0 MiB", "5.0 MiB"):
        assert words in out
    content = load(file)
    one = content["results"][0]["contenders"][OURS]
    assert one[f"synchronisations_per_{unit}"] == waits
    assert (one["peak_memory"], one["reserved_memory"]) == (5 * 2**20, 8 * 2**20)
    assert content["field"]["backend"] == "cupy" and content["field"]["workers"] == 1 and not content["field"]["tf32"]


def test_single_operations_are_measured_on_the_device(as_cupy):
    code, out, err = call("ops", "--backend", "cupy", "--tf32", "--configs", "tiny", *ONE_ROUND)
    assert code == 0, err
    assert "ops, TF32 on a GPU: one round" in out and "in TF32 on the GPU" in out
    assert out.splitlines()[-1].startswith("adamw step")


@pytest.mark.skipif(bool(cuda_on_cpu.missing()), reason=cuda_on_cpu.missing())
def test_the_kernels_are_used_by_one_contender_and_not_by_the_other(as_cupy, monkeypatch):
    """Without a compiler the one that needs it can't go on."""
    pytest.importorskip("minigpt.fused.cuda.kernels", reason="there are no twins")
    monkeypatch.setenv("PATH", str(as_cupy))
    with replace(ON_GPU, fused_kernels=True).start() as contenders:
        assert list(contenders) == [OURS, FUSED]
        for one in contenders.values():
            one.ask("setup", subject="train", workload=SMALL.message(), workers=1)
        assert contenders[OURS].ask("round", steps=1)["loss"] > 0
        with pytest.raises(ContenderDied, match=r"the minigpt-fused contender was ended .*'g\+\+'"):
            contenders[FUSED].ask("round", steps=1)


# ---- PyTorch


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="the comparison needs PyTorch: requirements-oracles.txt")


def test_a_pytorch_that_cannot_use_the_gpu_is_refused_with_the_cure(torch, as_cupy):
    if torch.cuda.is_available():
        pytest.skip("this one can")
    assert "can't use the GPU: install one made for your CUDA version" in refused(
        "--backend", "cupy", "--against", "torch", "--configs", "tiny")


def test_precision_is_set_as_pytorchs_older_switch_would(torch):
    from minigpt.bench.torch_device import set_precision

    before = torch.get_float32_matmul_precision()
    try:
        for tf32 in (True, False):
            set_precision(tf32)
            assert torch.backends.cuda.matmul.allow_tf32 is tf32
    finally:
        torch.set_float32_matmul_precision(before)


def test_pytorchs_waits_are_those_of_a_step_alone(torch, monkeypatch):
    from minigpt.bench import torch_device

    mode, runs = ["default"], []

    def run(steps):
        runs.append(steps)
        for _ in range(2 + 3 * steps):  # two of the clock's, three a step
            if mode[0] == "warn":
                warnings.warn("called a synchronizing CUDA operation", stacklevel=1)
        warnings.warn("something else", stacklevel=1)

    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", lambda new: mode.__setitem__(0, new))
    for name, value in (("reset_peak_memory_stats", None), ("max_memory_allocated", 7), ("max_memory_reserved", 9)):
        monkeypatch.setattr(torch.cuda, name, lambda value=value: value)
    assert torch_device.watch(run) == {"waits": 3, "peak": 7, "reserved": 9}
    assert mode == ["default"] and runs == [1, 2]


def test_pytorchs_model_and_operations_are_made_on_one_device(torch):
    """`meta` is a device without memory: whatever is made on the processor beside it doesn't go together with it."""
    from minigpt.bench.torch_gpt import moved, torch_gpt
    from minigpt.bench.torch_operations import torch_kinds

    with torch.device("meta"):
        model = torch_gpt(MODEL)
        ids = torch.zeros((2, 6), dtype=torch.int64)
        made = {one.name: torch_kinds()[one.kind](**one.sizes) for one in operations(SMALL) if one.kind != "adamw"}
    assert {p.device.type for p in model.parameters()} == {"meta"}
    places = []
    model.position_embedding.register_forward_hook(lambda _, given, y: places.append(given[0].device.type))
    loss = model(ids, ids)  # outside of the block, as each step is
    loss.backward()
    assert loss.device.type == "meta" and places == ["meta"]
    for both in made.values():
        assert both["forward"]().device.type == "meta"
        assert {gradient.device.type for gradient in both["backward"]()} == {"meta"}
    host = torch.zeros(3)
    assert moved(host, "cpu") is host


# ---- on a real GPU


@pytest.mark.gpu
@pytest.mark.skipif(bool(reason()), reason=reason())
@pytest.mark.parametrize("precision", [[], ["--tf32"]])
@pytest.mark.parametrize("subject", ["train", "generate", "ops"])
def test_the_whole_command_on_a_gpu(tmp_path, subject, precision):
    if precision:
        with backend.using("cupy"):
            if device.compute_capability() < device.TF32_SINCE:
                pytest.skip("this GPU has no TF32")
    with_torch = []
    if importlib.util.find_spec("torch"):
        import torch

        with_torch = ["--against", "torch"] if torch.cuda.is_available() else []
    code, out, err = call(subject, "--backend", "cupy", *precision, *with_torch, "--configs", "tiny", *ONE_ROUND,
                          "--json", tmp_path / "r.json")
    assert code == 0, err
    (result,) = load(tmp_path / "r.json")["results"]
    if subject != "ops":
        one, unit, waits = result["contenders"][OURS], *{"train": ("step", 2), "generate": ("token", 1)}[subject]
        assert one[f"synchronisations_per_{unit}"] == waits, "as on the stand-in"
        assert 0 < one["peak_memory"] <= one["reserved_memory"]


@pytest.mark.gpu
@pytest.mark.skipif(bool(reason()), reason=reason())
def test_waits_are_counted_on_a_real_array():
    with backend.using("cupy"):
        a = xp.arange(3)
        with counted_waits() as counts:
            assert (float(a[1]), int(a[2]), bool(a[0]), a.get().tolist(), a[1].item()) == (1.0, 2, False, [0, 1, 2], 1)
    assert counts == Counter(["__float__", "__int__", "__bool__", "get", "item"])
