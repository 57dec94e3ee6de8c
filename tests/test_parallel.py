"""Workers: any number of any kind computes the same gradient; whoever dies is noticed, and nobody is left behind."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from minigpt import backend
from minigpt.cache_blocking import processors
from minigpt.errors import InputError
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.parallel.share import WorkerLost, share
from minigpt.parallel.workers import (
    KINDS,
    LARGE,
    check_workers,
    choose_workers,
    default_kind,
    describe,
    start_workers,
)
from minigpt.train import training_step
from minigpt.train_config import TrainConfig, make_optimizer

REPOSITORY = Path(__file__).parent.parent
SHAPE = GPTConfig(vocab_size=13, context_length=6, d_model=12, num_heads=3, num_layers=2, dropout=0.2)
SETTINGS = TrainConfig(steps=8, batch_size=7, accumulate=2, warmup=3)
TOKENS = (np.arange(300) * 7 % 13 + np.arange(300) // 13 % 3) % 13
can_fork = pytest.mark.skipif(default_kind() != "processes", reason="this system can't copy processes")
kinds = pytest.mark.parametrize("kind", [pytest.param("processes", marks=can_fork), "threads"])


def trained(count, kind=None, steps=5, settings=SETTINGS):
    """The weights after some steps with so many workers, and the records of the steps."""
    model = GPT(SHAPE, seed=3)
    optimizer = make_optimizer(model, settings)
    with start_workers(model, TOKENS, settings, count, kind) as workers:
        records = [training_step(model, optimizer, TOKENS, settings, step, workers) for step in range(steps)]
    return model.flat.data.copy(), records


@kinds
@pytest.mark.parametrize("count", [2, 3, 7])
def test_any_number_of_workers_computes_the_same_steps(count, kind):
    with backend.using("numpy", "float64"):
        alone, expected = trained(1)
        weights, records = trained(count, kind)
    np.testing.assert_allclose(weights, alone, rtol=0, atol=1e-11)  # Adam makes steps of what is 0 but for rounding
    for one, other in zip(records, expected):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-13)
        assert one["gradient_norm"] == pytest.approx(other["gradient_norm"], rel=1e-12)


@kinds
def test_every_parameter_gets_the_whole_gradient(kind):
    with backend.using("numpy", "float64"):
        alone, shared = GPT(SHAPE, seed=3), GPT(SHAPE, seed=3)
        with start_workers(alone, TOKENS, SETTINGS) as workers:
            loss = workers.gradient(4)
        with start_workers(shared, TOKENS, SETTINGS, 3, kind) as workers:
            workers.gradient(3)  # what an earlier step left must not show
            assert workers.gradient(4) == pytest.approx(loss, rel=1e-13)
        for (name, p), q in zip(alone.parameters().items(), shared.parameters().values()):
            assert np.abs(p.grad).max() > 0, name
            np.testing.assert_allclose(q.grad, p.grad, rtol=0, atol=1e-12 * np.abs(p.grad).max(), err_msg=name)


@can_fork
def test_threads_and_processes_give_the_same_bits():
    np.testing.assert_array_equal(trained(3, "processes")[0], trained(3, "threads")[0])


def test_every_row_is_someones_and_shares_are_even():
    for batch_size in (1, 2, 7, 16):
        for workers in range(1, batch_size + 1):
            shares = [share(batch_size, rank, workers) for rank in range(workers)]
            assert [row for rows in shares for row in rows] == list(range(batch_size))
            assert {len(rows) for rows in shares} <= {batch_size // workers, -(-batch_size // workers)}


def test_a_rows_masks_do_not_depend_on_its_neighbours():
    masks = {rows: backend.keep_mask(backend.RowGenerators(1, backend.DROPOUT, 4, rows=rows), (len(rows), 5, 3), 0.5)
             for rows in (range(4), range(2), range(2, 4))}
    np.testing.assert_array_equal(masks[range(4)], np.concatenate([masks[range(2)], masks[range(2, 4)]]))
    assert not (masks[range(4)][0] == masks[range(4)][1]).all()


def test_a_replica_shares_weights_and_has_gradients_of_its_own():
    model = GPT(SHAPE)
    gradient = backend.zeros(model.flat.grad.size)
    replica = model.replica(gradient)
    model.token_embedding.w.data[0, 0] = 7
    assert replica.token_embedding.w.data[0, 0] == 7 and replica.flat.data is model.flat.data
    replica.blocks[1].attention.qkv.b.grad += 1
    assert gradient.sum() == 3 * SHAPE.d_model and not model.flat.grad.any()
    assert replica.config == model.config and replica.blocks[0] is not model.blocks[0]


def test_packing_again_moves_everything_and_optimizers_follow():
    model = GPT(SHAPE)
    optimizer, before, vectors = make_optimizer(model, SETTINGS), model.flat.data.copy(), []

    def allocate(size):
        vectors.append(backend.zeros(size))
        return vectors[-1]

    model.flat.grad += 1
    model.pack(allocate)
    assert model.flat.data is vectors[0] and model.flat.grad is vectors[1]
    np.testing.assert_array_equal(vectors[0], before)
    assert (vectors[1] == 1).all()
    optimizer.step(0.1)
    assert (vectors[0] != before).all() and np.shares_memory(model.final_norm.g.data, vectors[0])


@pytest.mark.parametrize("count", [0, 8])
def test_more_workers_than_rows_are_refused(count):
    with (pytest.raises(InputError, match=r"choose --workers 1 to 7"),
          start_workers(GPT(SHAPE), TOKENS, SETTINGS, count)):
        pass


def test_several_workers_on_a_gpu_are_refused(monkeypatch):
    monkeypatch.setattr(backend, "name", lambda: "cupy")
    with pytest.raises(InputError, match="choose --workers 1"), start_workers(GPT(SHAPE), TOKENS, SETTINGS, 2):
        pass


def test_as_many_as_there_are_processors_but_no_more_than_rows():
    assert 1 <= processors() <= os.cpu_count()
    assert choose_workers(1, 1000) == 1
    assert choose_workers(10**6, 1000) == processors()
    assert choose_workers(10**6, LARGE + 1) == 1  # a gradient for each would cost more than it wins
    assert check_workers(3, 3) == 3


@pytest.mark.parametrize("platform, fork, kind", [
    ("linux", True, "processes"), ("linux", False, "threads"), ("darwin", True, "threads"),
    ("win32", False, "threads")])
def test_processes_only_where_copying_one_is_safe(monkeypatch, platform, fork, kind):
    monkeypatch.setattr(sys, "platform", platform)
    if fork:
        monkeypatch.setattr(os, "fork", lambda: None, raising=False)
    else:
        monkeypatch.delattr(os, "fork", raising=False)
    assert default_kind() == kind and kind in KINDS
    assert describe(3).startswith(f"3 {kind}") and ("can't copy" in describe(3)) == (kind == "threads")
    assert describe(1) == "this process alone"


@kinds
def test_what_goes_wrong_in_a_worker_is_told(kind, monkeypatch):
    def fails_elsewhere(model, tokens, config, step, rank=0, workers=1):
        if rank == 1:
            raise ValueError(f"rank {rank} in step {step}")
        return 0.0

    for file in ("threads", "processes"):
        monkeypatch.setattr(f"minigpt.parallel.{file}.add_gradient", fails_elsewhere)
    with (pytest.raises(ValueError, match="rank 1 in step 9"),
          start_workers(GPT(SHAPE), TOKENS, SETTINGS, 2, kind) as workers):
        workers.gradient(9)


@can_fork
@pytest.mark.parametrize("when", ["waiting", "computing"])
def test_a_killed_worker_is_named_and_the_weights_stay(when, monkeypatch):
    if when == "computing":
        monkeypatch.setattr("minigpt.parallel.processes.add_gradient", lambda *arguments: time.sleep(60)
                            if arguments[4] == 2 else 0.0)
    model = GPT(SHAPE)
    before = model.flat.data.copy()
    with start_workers(model, TOKENS, SETTINGS, 3, "processes") as workers:
        number, others = workers.numbers[1], list(workers.numbers)
        if when == "waiting":
            os.kill(number, signal.SIGKILL)
        else:
            threading.Timer(0.5, os.kill, (number, signal.SIGKILL)).start()
        with pytest.raises(WorkerLost, match=rf"worker 2 of 3 \(process {number}\) was ended by signal 9, SIGKILL"):
            workers.gradient(0)
    np.testing.assert_array_equal(model.flat.data, before)
    for other in others:  # nobody is left, not even as a zombie
        with pytest.raises(ProcessLookupError):
            os.kill(other, 0)


# ---- the command

TRAIN = ["train", "--preset", "tiny", "--tokenizer", "char", "--batch-size", "4", "--steps", "100000", "--save-every",
         "5", "--eval-every", "100000", "--workers", "3", "--data", "text.txt", "--out", "run"]  # fmt: skip


def start(folder, *arguments):
    (folder / "text.txt").write_text("the cat sat on the mat and the dog sat on the log.\n" * 40, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen([sys.executable, "-m", "minigpt", *arguments], stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True, encoding="utf-8", env=environment, cwd=folder)


def wait_for(condition):
    while not condition():
        time.sleep(0.01)


def children(number: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{number}/task/{number}/children").read_text(encoding="ascii").split()]


def gone(number: int) -> bool:
    """Whether the process has ended. A zombie has: in a container without init nobody may ever fetch it."""
    try:
        return Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


@can_fork
def test_a_killed_worker_ends_the_run_which_can_be_resumed(tmp_path):
    process = start(tmp_path, *TRAIN)
    log, newest = tmp_path / "run" / "log.jsonl", tmp_path / "run" / "newest.safetensors"
    wait_for(lambda: process.poll() is not None or (log.is_file() and log.read_text(encoding="utf-8").count("\n") > 12))
    workers = children(process.pid)
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    _, err = process.communicate()
    assert process.returncode == 1
    assert "worker 1 of 3" in err and "SIGKILL" in err and "--resume run" in err and "Traceback" not in err
    assert all(gone(worker) for worker in workers)
    assert safetensors.numpy.load_file(newest)
    assert json.loads((tmp_path / "run" / "config.json").read_text(encoding="utf-8"))["workers"] == 3

    steps = log.read_text(encoding="utf-8").count("\n") - 1
    process = start(tmp_path, "train", "--resume", "run", "--workers", "1")
    wait_for(lambda: process.poll() is not None or log.read_text(encoding="utf-8").count("\n") > steps + 10)
    assert not children(process.pid)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130


@can_fork
def test_workers_end_with_the_run_however_it_ends(tmp_path):
    before = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()  # noqa: PTH112, PTH208
    process = start(tmp_path, *TRAIN)
    log = tmp_path / "run" / "log.jsonl"
    wait_for(lambda: process.poll() is not None or (log.is_file() and log.stat().st_size > 1000))
    workers = children(process.pid)
    process.kill()
    process.communicate()
    wait_for(lambda: all(gone(worker) for worker in workers))
    assert len(workers) == 2
    assert before >= (set(os.listdir("/dev/shm")) if before else set())  # noqa: PTH208

    process = start(tmp_path, "train", "--resume", "run")  # the lock of the folder died with the run
    size = log.stat().st_size
    wait_for(lambda: process.poll() is not None or log.stat().st_size > size + 1000)
    workers = children(process.pid)
    for number in (*workers, process.pid):  # Ctrl-C reaches the whole group
        os.kill(number, signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130 and "Traceback" not in err
    assert len(workers) == 2 and all(gone(worker) for worker in workers)


def test_a_batch_smaller_than_the_workers_is_one_line(tmp_path):
    process = start(tmp_path, *TRAIN[:-2], "--batch-size", "2")
    _, err = process.communicate()
    assert process.returncode == 2 and err.count("\n") == 1 and "choose --workers 1 to 2" in err


