"""The benchmark: what it writes, the arithmetic on what it measured, and that it leaves nothing running.

How long anything takes is nowhere asserted: rounds are cut to a few milliseconds, and the numbers mean nothing here.
"""

import contextlib
import io
import json
import math
import os
import platform
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from minigpt.bench import ceilings, learning, machine, rounds, scaling, workers, workload
from minigpt.bench.blas import blas
from minigpt.bench.contender import KINDS, OPPONENTS, OURS, Contender, ContenderDied, Field
from minigpt.bench.generation import bytes_per_token
from minigpt.bench.header import describe
from minigpt.bench.minigpt_operations import KINDS as OPERATION_KINDS
from minigpt.bench.operations import clock, operations
from minigpt.bench.table import table
from minigpt.bench.workload import WORKLOADS
from minigpt.cache_blocking import processors
from minigpt.cli import main
from minigpt.errors import InputError
from minigpt.models.gpt import GPTConfig
from minigpt.models.gpt_size import training_flops_per_token
from minigpt.train_config import RECIPES, TrainConfig

REPOSITORY = Path(__file__).parent.parent
ONE_ROUND = ["--rounds", "1"]


@pytest.fixture(scope="module", autouse=True)
def in_a_hurry():
    """Rounds of milliseconds; what the machine can do is measured once, and remembered."""
    ask, ceilings = Contender.ask, []

    def remembering(self, request, **details):
        if request != "ceilings":
            return ask(self, request, **details)
        if not ceilings:
            ceilings.append(ask(self, request))
        return ceilings[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Contender, "ask", remembering)
        patch.setattr(rounds, "ROUND_SECONDS", 0.01)
        patch.setattr(rounds, "PAUSE_SECONDS", 0)
        patch.delenv("OPENBLAS_CORETYPE", raising=False)
        yield


def call(*arguments):
    """exit code, stdout, stderr of `bench` with these arguments."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(["bench", *map(str, arguments)])
        except SystemExit as stop:
            code = stop.code
    return code, out.getvalue(), err.getvalue()


def refused(*arguments) -> str:
    code, out, err = call(*arguments)
    assert code == 2 and not out
    return err.rstrip("\n").splitlines()[-1]


def load(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What `bench train` printed and wrote."""
    file = tmp_path_factory.mktemp("bench") / "train.json"
    code, out, err = call("train", "--configs", "tiny", "cpu", "--rounds", "2", "--json", file)
    assert code == 0, err
    return out, err, load(file)


# ---- what it prints and writes


def test_train_prints_the_machine_and_a_row_for_each_model(trained):
    out, err, _ = trained
    for words in ("machine", "cores", "NumPy", "kernels: ", "GFLOP/s on all threads", "GB/s", "medians of 2 rounds"):
        assert words in out
    header, *rows = out.splitlines()[-3:]
    assert header.split("  ")[0] == "model" and "tokens/s" in header and "of sgemm" in header
    assert [row.split()[:2] for row in rows] == [["tiny", "minigpt"], ["cpu", "minigpt"]]
    assert "round 2 of 2" in err and "round" not in out.splitlines()[-1]


def test_train_writes_every_round_and_figures_that_follow_from_them(trained):
    _, _, content = trained
    assert content["subject"] == "train" and content["field"]["rounds"] == 2
    assert content["machine"]["processor"] and content["machine"]["cores"] >= 1
    assert content["contenders"][OURS]["numpy"] and content["contenders"][OURS]["blas"]["name"]
    most = content["ceilings"]["sgemm"]["gflops"]
    reading = content["ceilings"]["reading"]
    assert most > 0 and reading["gigabytes_per_second"] == max(reading["ways"].values())
    assert [result["name"] for result in content["results"]] == ["tiny", "cpu"]
    for result in content["results"]:
        one = result["contenders"][OURS]
        assert len(one["rounds"]) == 2 and result["ratios"] == {} and one["peak_memory"] >= 0
        each = sorted(record["seconds"] / record["steps"] for record in one["rounds"])
        tokens = result["batch_size"] * result["model"]["context_length"]
        assert one["seconds_per_step"] == pytest.approx(sum(each) / 2)
        assert one["spread"] == pytest.approx((each[1] - each[0]) / one["seconds_per_step"])
        assert one["tokens_per_second"] == pytest.approx(tokens / one["seconds_per_step"])
        assert one["gflops"] == pytest.approx(one["tokens_per_second"] * result["flops_per_token"] / 1e9)
        assert one["share_of_sgemm"] == pytest.approx(one["gflops"] / most)


def test_generate_tells_how_far_it_is_from_the_speed_of_memory(tmp_path):
    code, out, err = call("generate", "--configs", "tiny", *ONE_ROUND, "--json", tmp_path / "g.json")
    assert code == 0, err
    assert "limit for tiny: a token reads 0.8 MB of weights" in out and "ms/token" in out
    (result,) = load(tmp_path / "g.json")["results"]
    one = result["contenders"][OURS]
    assert result["model"]["context_length"] == 1024 and one["rounds"][0]["tokens"] == workload.NEW_TOKENS
    assert one["times_the_limit"] == pytest.approx(one["token"] / result["seconds_at_memory_speed"])
    record = one["rounds"][0]
    whole = record["first_token"] + record["token"] * (workload.NEW_TOKENS - 1)
    assert record["seconds"] == pytest.approx(whole * record["steps"])


def test_ops_measures_every_operation_forward_and_backward(tmp_path):
    code, out, err = call("ops", "--configs", "tiny", *ONE_ROUND, "--json", tmp_path / "o.json")
    assert code == 0, err
    (result,) = load(tmp_path / "o.json")["results"]
    expected = [(one.name, which) for one in operations(WORKLOADS["tiny"]) for which in ("forward", "backward")]
    expected.remove(("adamw step", "backward"))
    assert [(one["name"], one["pass"]) for one in result["operations"]] == expected
    assert len(out.split("\n\n")[-1].splitlines()) == len(expected) + 1
    for one in result["operations"]:
        assert one["rate"][OURS] == pytest.approx(one["amount"] / one["seconds"][OURS] / 1e9)


def test_scaling_measures_each_point_in_fresh_processes_and_draws_them(tmp_path, monkeypatch):
    started, start = [], Contender.__init__
    monkeypatch.setattr(Contender, "__init__", lambda self, *a: (start(self, *a), started.append(self))[0])
    monkeypatch.setattr(scaling, "CONTEXTS", (8, 16))
    monkeypatch.setattr(scaling, "CONTEXT_MODEL", "tiny")
    monkeypatch.setattr(scaling, "CONTEXT_TOKENS", 32)
    monkeypatch.setattr(scaling, "BATCHES", (1, 2))
    monkeypatch.setattr(scaling, "processors", lambda: 3)
    code, out, err = call("scaling", *ONE_ROUND, "--json", tmp_path / "s.json", "--picture", tmp_path / "s.png")
    assert code == 0, err
    points = [(r["axis"], r["at"], r["batch_size"], r["model"]["context_length"])
              for r in load(tmp_path / "s.json")["results"]]
    assert points == [("context", 8, 4, 8), ("context", 16, 2, 16), ("batch", 1, 1, 64), ("batch", 2, 2, 64),
                      *(("workers", n, 12, 64) for n in (1, 2, 3))]
    assert [r["workers"] for r in load(tmp_path / "s.json")["results"] if r["axis"] == "workers"] == [1, 2, 3]
    assert len(started) == 1 + len(points)  # the first one measured the machine
    assert [line.split()[0] for line in out.splitlines()[-7:]] == [
        "context", "context", "batch", "batch", "workers", "workers", "workers"]
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")


def test_learn_makes_one_run_and_looks_at_all_of_the_validation_text(tmp_path):
    code, out, err = call("learn", "--recipe", "tiny", "--steps", "60", "--json", tmp_path / "l.json", "--picture",
                          tmp_path / "l.png")
    assert code == 0, err
    (result,) = load(tmp_path / "l.json")["results"]
    looks = result["contenders"][OURS]["looks"]
    assert [one["step"] for one in looks] == [50, 60]
    assert looks[0]["seconds"] < looks[1]["seconds"] and looks[1]["validation_loss"] < 4  # ln 97 is 4.6
    assert f"{looks[1]['validation_loss']:.4f}" in out.splitlines()[-1]
    assert result["contenders"][OURS]["bits_per_character"] == pytest.approx(looks[1]["validation_loss"] / math.log(2),
                                                                            rel=1e-3)
    assert (tmp_path / "l.png").read_bytes().startswith(b"\x89PNG")


def test_learn_takes_the_text_it_is_given_and_the_tokens_of_its_recipe(tmp_path, monkeypatch):
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat, and so did the dog. " * 200, encoding="utf-8")
    monkeypatch.setitem(learning.TOKENS, "tiny", ("bpe", 300))
    code, out, err = call("learn", "--recipe", "tiny", "--data", text, "--steps", "50", "--json", tmp_path / "l.json")
    assert code == 0, err
    (result,) = load(tmp_path / "l.json")["results"]
    assert (result["recipe"], result["tokens"], result["data"]) == ("tiny", "bpe", [str(text)])
    assert 256 < result["shape"]["vocab_size"] <= 300


class Steady:
    """A contender whose first steps are slow, and every later one takes a tenth of a second."""

    def ask(self, request, training, **details):
        steps = range(training["eval_every"], training["steps"] + 1, training["eval_every"])
        return {"looks": [{"step": step, "seconds": 100 + step / 10} for step in steps]}


@pytest.mark.parametrize("seconds, steps", [(60, 600), (1, 10), (0.001, 1)])
def test_as_many_steps_as_fit(seconds, steps):
    config = learning._fitted(seconds, TrainConfig(steps=7, learning_rate=0.25), Steady(), {})
    assert (config.steps, config.learning_rate) == (steps, 0.25) and 1 <= config.eval_every <= steps


def test_learn_for_a_time(tmp_path):
    code, out, err = call("learn", "--recipe", "tiny", "--seconds", "0.5", "--json", tmp_path / "l.json")
    assert code == 0, err
    (result,) = load(tmp_path / "l.json")["results"]
    ours = result["contenders"][OURS]
    assert ours["looks"][-1]["step"] == ours["steps"] >= 1 and f"{ours['steps']}" in out


def test_every_recipe_of_learn_is_one_of_train():
    assert set(learning.TOKENS) <= set(RECIPES)
    assert learning.RECIPE in learning.TOKENS


def test_pytorch_learns_the_same_from_the_same_start(tmp_path):
    pytest.importorskip("torch", reason="requirements-oracles.txt")
    code, out, err = call("learn", "--recipe", "tiny", "--steps", "60", "--against", "torch", "--json",
                          tmp_path / "l.json")
    assert code == 0, err
    (result,) = load(tmp_path / "l.json")["results"]
    ours, theirs = (result["contenders"][name]["looks"] for name in (OURS, "torch"))
    for one, other in zip(ours, theirs, strict=True):
        assert one["validation_loss"] == pytest.approx(other["validation_loss"], abs=2e-3)
    assert "worse by" in out


# ---- the arithmetic, on made-up numbers


def test_a_ratio_is_the_median_of_the_ratios_within_each_round():
    def records(*seconds, steps=1):
        return [{"seconds": s * steps, "steps": steps} for s in seconds]

    # A machine that is three times slower in the second round; medians of each alone would give 6 / 2 = 3.
    found = rounds.ratios({OURS: records(1, 3, 2, steps=10), "torch": records(2, 6, 10), "other": records(1, 1, 1)})
    assert found == {"torch": {"rounds": [2, 2, 5], "median": 2}, "other": {"rounds": [1, 1 / 3, 0.5], "median": 0.5}}
    assert rounds.middle(records(1, 30, 2)) == 2
    assert rounds.spread(records(1, 4, 2)) == 1.5


class Pretender:
    """A contender whose first step is slow and whose others take `seconds`."""

    def __init__(self, name, seconds, log):
        self.name, self.seconds, self.log, self.first = name, seconds, log, True

    def ask(self, request, steps):
        assert request == "round"
        self.log.append((self.name, steps))
        slow, self.first = self.first, False
        return {"seconds": self.seconds * steps + 10 * slow}


def test_rounds_alternate_and_have_as_many_steps_as_fill_their_time(monkeypatch):
    monkeypatch.setattr(rounds, "ROUND_SECONDS", 1)
    log, said = [], []
    contenders = {OURS: Pretender(OURS, 0.1, log), "torch": Pretender("torch", 3.0, log)}
    records = rounds.take_turns(contenders, 3, said.append)
    assert log[:5] == [(OURS, 1), (OURS, 1), (OURS, 10), ("torch", 1), ("torch", 1)]
    assert log[5:] == [(OURS, 10), ("torch", 1), ("torch", 1), (OURS, 10), (OURS, 10), ("torch", 1)]
    assert [record["steps"] for record in records[OURS]] == [10, 10, 10] and len(records["torch"]) == 3
    assert said[-1] == "round 3 of 3"


def test_the_operations_of_a_step_have_the_arithmetic_of_a_step():
    for one in (one for one in WORKLOADS.values() if not one.recurrent):
        flops = {op.name.split(",")[0]: op.forward + op.backward for op in operations(one) if op.unit == "GFLOP/s"}
        head = flops.pop("linear head")
        assert len(flops) == 5  # four products with weights, and attention
        whole = one.model.num_layers * sum(flops.values()) + head
        assert whole == one.tokens * training_flops_per_token(one.model)


def test_the_clock_gives_seconds_a_call(monkeypatch):
    now, calls = [0.0], []
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def work(name, takes):
        def run():
            now[0] += takes
            calls.append(name)
        return run

    run = clock({"a": {"forward": work("af", 0.003), "backward": work("ab", 0.5)}, "b": {"forward": work("bf", 0.03)}})
    found = run(2)  # 0.08 seconds each, or one call
    assert (calls.count("af"), calls.count("ab"), calls.count("bf")) == (27, 1, 3)
    assert found["operations"]["a"] == pytest.approx({"forward": 0.003, "backward": 0.5})
    assert found["operations"]["b"] == pytest.approx({"forward": 0.03})
    assert found["seconds"] == pytest.approx(27 * 0.003 + 0.5 + 3 * 0.03)


def test_a_token_of_gpt2_reads_all_weights_but_the_other_positions():
    model = workload.with_long_context(WORKLOADS["gpt2"]).model
    assert bytes_per_token(model) == 4 * (124_439_808 - 1023 * 768)


def test_the_machine_and_its_ceilings(monkeypatch):
    assert machine.processor_name() and machine.cores() >= 1
    monkeypatch.setattr(ceilings, "READ_BYTES", 2**20)
    monkeypatch.setattr(ceilings, "ENOUGH_SECONDS", 0)
    found = ceilings.sgemm()
    assert found["size"] == 512 and found["gflops"] > 0
    found = ceilings.reading()
    assert found["bytes"] == 2**20 and found["way"] in found["ways"] and len(found["ways"]) == 4


def test_a_table_is_aligned():
    assert table(["a", "b", "c"], [["long", "x", "1.0"], ["", "y", "100.0"]]) == [
        "a     b      c", "long  x    1.0", "      y  100.0"]


# ---- what the header says beside the facts


@pytest.fixture
def facts(trained):
    return {**trained[2], "load": 0.1}


def test_a_core_type_in_the_environment_is_told(facts):
    assert not [line for line in describe(facts) if line.startswith("note")]
    (note,) = [line for line in describe({**facts, "coretype": "Haswell"}) if line.startswith("note")]
    assert "OPENBLAS_CORETYPE=Haswell" in note and "half" not in note.split("can")[0]


def test_a_core_that_was_asked_for_is_told_and_whether_openblas_obeyed(facts):
    core = facts["contenders"][OURS]["blas"]["core"]
    (note,) = [line for line in describe({**facts, "blas_core": core}) if line.startswith("note")]
    assert note.endswith(f"kernels for {core}")
    (note,) = [line for line in describe({**facts, "blas_core": "Z80"}) if line.startswith("note")]
    assert note.endswith(f"kernels for Z80, but it took those for {core}")


def test_a_busy_machine_is_told(facts):
    assert "load 1.5" in describe({**facts, "load": 1.5})[-1]
    assert describe({**facts, "load": None}) == describe(facts)  # a system without load averages


@pytest.mark.parametrize("ours", ["/site-packages/numpy.libs/lib.so", "/numpy/.dylibs/lib.dylib", "/usr/lib/lib.so"])
def test_the_blas_is_numpys_whatever_else_was_imported(monkeypatch, ours):
    def pool(path, version):
        return {"user_api": "blas", "internal_api": "openblas", "version": version, "architecture": "Zen",
                "num_threads": 2, "filepath": path}

    others = [{"user_api": "openmp"}] + ([pool("/site-packages/scipy.libs/lib.so", "1")] if "numpy" in ours else [])
    monkeypatch.setattr("threadpoolctl.threadpool_info", lambda: [*others, pool(ours, "2")])
    assert blas() == {"name": "openblas", "version": "2", "core": "Zen", "threads": 2}


@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64") or blas()["name"] != "openblas",
                    reason="Haswell is a core of OpenBLAS on x86")
def test_blas_core_reaches_our_process_and_only_that():
    with Field(blas_core="Haswell").start() as contenders:
        assert contenders[OURS].ask("hello", subject="train")["blas"]["core"] == "Haswell"
    with Field().start() as contenders:
        assert contenders[OURS].ask("hello", subject="train")["blas"] == blas()


# ---- refusals, in one line


def test_bad_flags_are_refused_with_the_cure(tmp_path):
    assert "unknown configuration 'huge': choose among tiny, cpu, small, gpt2" in refused("--configs", "huge")
    assert "--rounds 0 is too small" in refused("--rounds", "0")
    assert "--workers 0 is not a number: choose 1, more, or auto" in refused("--workers", "0")
    assert "--workers many is not a number" in refused("--workers", "many")
    assert "sizes are fixed" in refused("scaling", "--configs", "tiny")
    assert "--steps 3 doesn't fit train" in refused("train", "--steps", "3")
    assert "--steps 0 doesn't fit learn" in refused("learn", "--steps", "0")
    assert "--seconds 5 doesn't fit train" in refused("train", "--seconds", "5")
    assert "--seconds nan doesn't fit learn" in refused("learn", "--seconds", "nan")
    assert "leave one out" in refused("learn", "--seconds", "5", "--steps", "5")
    assert "--recipe is for learn" in refused("train", "--recipe", "tiny")
    assert "--data is for learn" in refused("ops", "--data", "pydoc")
    assert "sizes are fixed" in refused("learn", "--configs", "tiny")
    assert "--picture is for scaling" in refused("train", "--picture", "x.png")
    assert "does not exist: make it first" in refused("--json", tmp_path / "none" / "x.json")
    assert "invalid choice: 'jax'" in refused("--against", "jax")
    assert (workers.parse_workers("auto"), workers.parse_workers("3")) == (0, 3)
    assert [workers.workers_of(count, WORKLOADS["gpt2"]) for count in (0, 2, 9)] == [1, 2, 2]
    assert workers.workers_of(0, WORKLOADS["tiny"]) == min(processors(), 16)


def test_steps_shared_by_workers_are_the_same_and_all_of_them_are_measured():
    losses = []
    for count in (1, 3):
        with Field().start() as contenders:
            ours = contenders[OURS]
            ours.ask("setup", subject="train", workload=WORKLOADS["tiny"].message(), workers=count)
            losses.append(ours.ask("round", steps=3)["loss"])
            peak = ours.ask("memory")["peak"]
            assert peak == 0 or peak > count * 2**22  # each has arrays of its own; what is shared counts once
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


def test_plain_functions_can_be_measured_alone(processes, monkeypatch):
    with Field(twins=False).start():
        pass
    assert processes[-1].args[-1] == "--no-twins"
    monkeypatch.undo()
    assert call("train", "--configs", "tiny", *ONE_ROUND, "--no-twins", "--workers", "1")[0] == 0


@pytest.mark.parametrize("opponent", OPPONENTS)
@pytest.mark.parametrize("subject, missing", [("train", "torch"), ("generate", "transformers")])
def test_an_opponent_that_is_not_installed_is_refused_with_the_cure(tmp_path, monkeypatch, subject, missing, opponent):
    if missing == "transformers":
        pytest.importorskip("torch")
    (tmp_path / f"{missing}.py").write_text("raise ImportError('No module named that')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert f"pip install {missing}, or leave --against out" in refused(subject, "--against", opponent)


def test_what_does_not_fit_into_memory_is_refused(monkeypatch):
    monkeypatch.setattr("minigpt.memory.machine_memory", lambda: 2**32)
    WORKLOADS["gpt2"].check(1)
    with pytest.raises(InputError, match="leave gpt2 out, or measure it without --against"):
        WORKLOADS["gpt2"].check(2)


# ---- processes


def test_peak_memory_is_the_process_s_own():
    """A child of a large process is not taken to be as large."""
    if sys.platform != "linux":
        pytest.skip("only Linux hands the peak of a process on to its children")
    child = "from minigpt.memory import peak_memory; print(peak_memory())"
    script = f"import subprocess, sys; x = b'1' * 10**9; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert 0 < int(done.stdout) < 3 * 10**8


@pytest.fixture
def processes(monkeypatch):
    """The processes of all contenders that a test starts."""
    found, start = [], Contender.__init__

    def remembered(self, *arguments):
        start(self, *arguments)
        found.append(self._process)

    monkeypatch.setattr(Contender, "__init__", remembered)
    return found


def test_a_contender_killed_midway_ends_the_bench_with_one_line_and_the_rest_is_kept(processes, monkeypatch, tmp_path):
    ask, asked = Contender.ask, []

    def killed_in_its_fifth_round(self, request, **details):
        asked.append(request)
        if asked.count("round") == 5:  # after three of the first model, which warmed up with some of them
            self._process.kill()
        return ask(self, request, **details)

    monkeypatch.setattr(Contender, "ask", killed_in_its_fifth_round)
    code, out, err = call("--configs", "tiny", "cpu", *ONE_ROUND, "--json", tmp_path / "t.json")
    assert code == 1 and "Traceback" not in err
    assert "the minigpt contender was ended " in err.rstrip("\n").splitlines()[-1]
    assert out.rstrip("\n").splitlines()[-1].startswith("tiny"), "what was measured is shown"
    assert [result["name"] for result in load(tmp_path / "t.json")["results"]] == ["tiny"]
    assert len(processes) == 3 and all(process.returncode is not None for process in processes)


def test_a_contender_that_breaks_is_told_by_its_last_line(processes):
    with pytest.raises(ContenderDied) as caught, Field().start() as contenders:
        contenders[OURS].ask("setup", subject="train", workload={}, workers=1)
    assert str(caught.value) == "the minigpt contender was ended with exit code 1: KeyError: 'name'"
    assert processes[0].returncode == 1


def test_a_contender_that_cannot_start_is_told(processes, monkeypatch):
    monkeypatch.setitem(KINDS, OURS, ("minigpt.bench.no_such_module", [], {}))
    with pytest.raises(ContenderDied, match=r"No module named.*no_such_module"), Field().start() as found:
        found[OURS].ask("hello", subject="train")


def test_ctrl_c_leaves_nothing_running(processes, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("minigpt.bench.training.take_turns", interrupted)
    code, _, err = call("--configs", "tiny", *ONE_ROUND)
    assert code == 130 and err.endswith("minigpt: stopped\n")
    assert len(processes) == 2 and all(process.returncode is not None for process in processes)


@pytest.mark.skipif(sys.platform != "linux", reason="finds the contender in /proc")
def test_a_killed_bench_takes_its_contender_along():
    bench = subprocess.Popen([sys.executable, "-m", "minigpt", "bench", "--configs", "tiny", "--rounds", "1000000"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
                             cwd=REPOSITORY)
    with bench:
        for line in bench.stderr:
            if "round 1 of" in line:
                break
        (child,) = map(int, Path(f"/proc/{bench.pid}/task/{bench.pid}/children").read_text(encoding="utf-8").split())
        os.kill(bench.pid, signal.SIGKILL)
    # However slow the machine is, it ends; a contender that didn't would keep this test running.
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        while ") Z " not in Path(f"/proc/{child}/stat").read_text(encoding="utf-8"):  # a zombie has ended
            time.sleep(0.05)


# ---- PyTorch, where it is installed


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="the comparison needs PyTorch: requirements-oracles.txt")


MODEL = GPTConfig(vocab_size=11, context_length=7, d_model=12, num_heads=3, num_layers=2, d_ff=20)
SMALL = workload.Workload("odd", MODEL, 5)


def unit_scale_model():
    """With weights that aren't small, so that attention and norms have something to say."""
    from minigpt import backend
    from minigpt.models.gpt import GPT

    model, rng = GPT(MODEL), backend.generator(3)
    for p in model.parameters().values():
        p.data[...] = backend.normal(rng, p.data.shape, 0.5)
    return model


def states(model, to_torch):
    return to_torch({name: p.data for name, p in model.parameters().items()})


def test_the_torch_model_is_ours_in_loss_and_after_each_step(torch):
    from minigpt import backend
    from minigpt.bench.torch_gpt import to_torch, torch_gpt, torch_optimizer, torch_training_step
    from minigpt.data import training_batch
    from minigpt.gradient_check import compare
    from minigpt.train import training_step
    from minigpt.train_config import make_optimizer

    with backend.using("numpy", "float64"):
        ours, config = unit_scale_model(), workload.train_config(SMALL)
        theirs = torch_gpt(MODEL).double()
        theirs.load_state_dict(states(ours, to_torch), strict=True)
        optimizer, their_optimizer = make_optimizer(ours, config), torch_optimizer(theirs, config)
        tokens = workload.random_tokens(MODEL.vocab_size, 200)
        before = states(ours, to_torch)
        for step in range(3):
            record = training_step(ours, optimizer, tokens, config, step)
            batch = training_batch(tokens, config.batch_size, MODEL.context_length, config.seed, step)
            loss = torch_training_step(theirs, their_optimizer, *batch, config)
            assert loss == pytest.approx(record["loss"], rel=1e-10)
            assert record["gradient_norm"] > 1, "clipping has something to do"
            after, found = states(ours, to_torch), theirs.state_dict()
            for name in before:  # what the step changed; torch divides by the norm + 1e-6 when it clips
                change, theirs_change = after[name] - before[name], found[name] - before[name]
                assert change.abs().max() > 1e-5
                assert compare(name, change.numpy(), theirs_change.numpy()).relative_error < 1e-5, name


def test_the_torch_model_drops_as_much_as_ours_and_only_in_training(torch):
    from minigpt import backend
    from minigpt.bench.torch_gpt import to_torch, torch_gpt, torch_mean_loss
    from minigpt.data import training_batch

    ours, rate = unit_scale_model(), 0.4
    theirs, plain = torch_gpt(replace(MODEL, dropout=rate)), torch_gpt(MODEL)
    for model in (theirs, plain):
        model.load_state_dict(states(ours, to_torch), strict=True)
    tokens = workload.random_tokens(MODEL.vocab_size, 200)
    measured = [torch_mean_loss(model, tokens, 3, MODEL.context_length, "cpu") for model in (theirs, theirs, plain)]
    assert measured[0] == measured[1] == measured[2]
    assert theirs.training, "evaluation leaves the model as it found it"

    ids, targets = training_batch(tokens, 16, MODEL.context_length, 0, 0)
    ours = dropping(ours, rate)
    mine = [float(ours.forward(ids, targets, backend.generator(seed))[0]) for seed in range(200)]
    theirs_losses = [theirs(torch.from_numpy(ids), torch.from_numpy(targets)).item() for _ in range(200)]
    spread = math.hypot(np.std(mine), np.std(theirs_losses)) / math.sqrt(200)
    assert abs(np.mean(mine) - np.mean(theirs_losses)) < 5 * spread
    assert np.std(mine) == pytest.approx(np.std(theirs_losses), rel=0.3)  # 200 of each: known to 7 % or so
    assert np.std(mine) > 0.01, "dropout has something to do"


def dropping(model, rate):
    """The model with dropout in all its places."""
    model.dropout.rate = rate
    for block in model.blocks:
        block.dropout.rate = block.attention.dropout = rate
    return model


def test_onednn_computes_what_pytorch_computes(torch):
    from minigpt.bench.torch_gpt import to_torch, torch_gpt
    from minigpt.bench.torch_onednn import onednn_linear
    from minigpt.gradient_check import compare

    if not torch.backends.mkldnn.is_available():
        pytest.skip("this PyTorch has no oneDNN")
    ids = torch.from_numpy(workload.random_tokens(MODEL.vocab_size, 2 * 6).reshape(2, 6))
    results = []
    for linear in (None, onednn_linear()):
        model = torch_gpt(MODEL, linear)
        model.load_state_dict(states(unit_scale_model(), to_torch))
        loss = model(ids, ids.flip(1))
        loss.backward()
        results.append({"loss": loss.detach(), **{name: p.grad for name, p in model.named_parameters()}})
    expected, found = results
    for name in expected:
        assert compare(name, found[name].numpy(), expected[name].numpy()).relative_error < 1e-4, name


def test_onednn_really_computes_every_linear_product(torch):
    """oneDNN tells each of its products when asked to: forward, dx and dW of each Linear layer, and of the head."""
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this PyTorch has no oneDNN")
    script = (
        "import torch\n"
        "from minigpt.bench.torch_gpt import torch_gpt\n"
        "from minigpt.bench.torch_onednn import onednn_linear\n"
        "from minigpt.models.gpt import GPTConfig\n"
        f"model = torch_gpt(GPTConfig(**{MODEL.to_dict()!r}), onednn_linear())\n"
        "ids = torch.ones((2, 6), dtype=torch.int64)\n"
        "model(ids, ids).backward()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, encoding="utf-8",
                          cwd=REPOSITORY, env={**os.environ, "ONEDNN_VERBOSE": "1"}, check=True)
    products = [line for line in done.stdout.splitlines()
                if ",exec," in line and (",inner_product," in line or ",matmul," in line)]
    assert len(products) == 3 * (4 * MODEL.num_layers + 1), done.stdout


def test_onednn_takes_over_all_products_of_transformers_gpt2(torch, monkeypatch):
    transformers = pytest.importorskip("transformers")
    from minigpt.bench import torch_onednn

    if not torch.backends.mkldnn.is_available():
        pytest.skip("this PyTorch has no oneDNN")
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(
        vocab_size=11, n_positions=7, n_embd=12, n_layer=2, n_head=3, initializer_range=0.5)).eval()
    ids, calls, linear = torch.arange(6)[None], [], torch_onednn.onednn_linear()
    monkeypatch.setattr(torch_onednn, "onednn_linear", lambda: lambda *a: (calls.append(a), linear(*a))[1])
    with torch.no_grad():
        expected = model(ids).logits
        torch_onednn.send_to_onednn(model)
        assert torch.allclose(model(ids).logits, expected, rtol=1e-4, atol=1e-4)
    assert len(calls) == 4 * 2 + 1


def test_both_sides_know_the_same_operations(torch):
    from minigpt.bench.torch_operations import torch_kinds

    needed = {one.kind for one in operations(SMALL)}
    assert needed == set(OPERATION_KINDS) == set(torch_kinds())


@pytest.mark.parametrize("subject, opponents",
                         [("train", OPPONENTS), ("generate", ["torch-onednn"]), ("ops", ["torch"])])
def test_against_torch_gives_a_ratio_for_each_opponent(torch, tmp_path, subject, opponents):
    if not torch.backends.mkldnn.is_available():
        opponents = ["torch"]
    if subject == "generate":
        pytest.importorskip("transformers")
    file = tmp_path / "r.json"
    code, out, err = call(subject, "--against", *opponents, "--configs", "tiny", *ONE_ROUND, "--json", file)
    assert code == 0, err
    content = load(file)
    (result,) = content["results"]
    assert list(content["contenders"]) == [*opponents, OURS]
    assert out.count("minigpt / it") >= 2 and all(name in out for name in opponents)
    if subject == "ops":
        assert all(set(one["ratios"]) == set(opponents) for one in result["operations"])
        return
    assert set(result["ratios"]) == set(opponents) and list(result["contenders"]) == [OURS, *opponents]
    cost = {name: one["token" if subject == "generate" else "seconds_per_step"]
            for name, one in result["contenders"].items()}
    for name in opponents:
        assert result["ratios"][name]["median"] == pytest.approx(cost[name] / cost[OURS])  # of a single round
        if subject == "train":  # the same batches: at the start, both are as surprised as guessing
            losses = [result["contenders"][one]["rounds"][0]["loss"] for one in (OURS, name)]
            assert losses == pytest.approx([4.17, 4.17], abs=0.2)
        else:
            assert result["contenders"][name]["rounds"][0]["tokens"] == workload.NEW_TOKENS
