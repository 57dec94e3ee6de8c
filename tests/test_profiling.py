"""The profile of a training step: what is counted, what is timed, and that watching changes nothing.

Clocks are made up here: they stand still but for what a patched layer says it took. So times are exact numbers.
"""

import json
import sys
import tempfile
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text
from strict_library import load_strict

import minigpt.models.gpt
from minigpt import backend, profiling, roofline, roofline_picture
from minigpt import train as training
from minigpt.cli import main
from minigpt.commands import train_profile
from minigpt.layer_work import (
    ACTIVATION_FLOPS,
    Work,
    clip_work,
    cross_entropy_work,
    linear_work,
    module_work,
    optimizer_work,
    zero_work,
)
from minigpt.layers.activations import ACTIVATIONS
from minigpt.layers.attention import SelfAttention
from minigpt.layers.block import PostNormBlock, PreNormBlock
from minigpt.layers.dropout import Dropout
from minigpt.layers.embedding import Embedding
from minigpt.layers.feed_forward import FeedForward
from minigpt.layers.layer_norm import LayerNorm
from minigpt.layers.linear import Linear
from minigpt.layers.positions import LearnedPositions, SinusoidalPositions
from minigpt.models.gpt import GPT, GPTConfig
from minigpt.models.gpt_size import training_flops_per_token
from minigpt.module import Module
from minigpt.profiling import PHASES, Profile, Row, Stopwatch, labelled_modules, profile, watching
from minigpt.roofline import Ceilings, measure_ceilings
from minigpt.train_config import OPTIMIZERS, TrainConfig, make_optimizer

SHAPE = dict(vocab_size=11, context_length=6, d_model=12, num_heads=3, num_layers=2, d_ff=20)
CONFIGS = {"GPT-2": {}, "GPT-1 with dropout": dict(norm="post", dropout=0.1), "GPT-3": dict(attention_window=3),
           "sinusoidal, untied": dict(positions="sinusoidal", tied_embedding=False, activation="relu")}  # fmt: skip
configs = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
TOKENS = np.arange(200) ** 2 % 11
TEXT = "the cat sat on the mat and the dog sat on the log. the frog sat in the bog.\n" * 40


class Clock:
    """Says what time it was made to be; `tick` is what each look at it takes."""

    def __init__(self, tick=0.0):
        self.now, self.tick, self.looks = 0.0, tick, 0

    def __call__(self):
        self.looks += 1
        self.now += self.tick
        return self.now


def make(settings=None, **shape):
    config = settings or TrainConfig(steps=8, batch_size=3, accumulate=2, warmup=2)
    model = GPT(GPTConfig(**{**SHAPE, **shape}), seed=1)
    return model, make_optimizer(model, config), config


def takes(monkeypatch, clock, cls, method, seconds):
    """Every call of cls.method moves the clock on by `seconds`, or by what seconds() says."""
    original = getattr(cls, method)

    def slow(*arguments, **options):
        clock.now += seconds() if callable(seconds) else seconds
        return original(*arguments, **options)

    monkeypatch.setattr(cls, method, slow)


def times(found):
    return {(row.phase, row.name): row.seconds for row in found.rows if row.seconds}


# ---- what is counted

SMALL = GPTConfig(**SHAPE)
RNG = backend.generator(0)
# What, a row of it by hand: FLOPs in products, other FLOPs, bytes in float32. N 6 rows (2, 3, ...).
COUNTED = {
    "linear forward": (linear_work(True, 6, 4, 5, True), 2 * 120, 30, 4 * (24 + 20 + 5 + 30)),
    "linear backward": (linear_work(False, 6, 4, 5, True), 4 * 120, 30 + 25, 4 * (30 + 24 + 24 + 3 * 20 + 2 * 5)),
    "linear forward, no bias": (linear_work(True, 6, 4, 5, False), 240, 0, 4 * (24 + 20 + 30)),
    "linear backward, tied": (linear_work(False, 6, 4, 5, False, adds=False), 480, 0, 4 * (30 + 24 + 24 + 2 * 20)),
    "cross-entropy forward": (cross_entropy_work(True, (2, 3, 7)), 0, 5 * 42, 4 * 42 + 8 * 6),
    "cross-entropy backward": (cross_entropy_work(False, (2, 3, 7)), 0, 42, 4 * 84 + 8 * 6),
}
MODULES = {  # module, shape of y; forward: products, others, numbers, bytes besides; the same of backward
    "Linear": (Linear(4, 5, RNG), (2, 3, 5), (240, 30, 79, 0), (480, 55, 148, 0)),
    "SelfAttention": (SelfAttention(4, 2, RNG), (2, 3, 4), (4 * 6 * 3 * 4, 7 * 36, 4 * 24, 0),
                      (8 * 6 * 3 * 4, 5 * 36, 7 * 24, 0)),
    "SelfAttention, dropout": (SelfAttention(4, 2, RNG, 0.5), (2, 3, 4), (288, 9 * 36, 96, 36), (576, 9 * 36, 168, 36)),
    "FeedForward": (FeedForward(4, 5, RNG), (2, 3, 4), (0, 18 * 30, 2 * 30, 0), (0, 1 * 30, 3 * 30, 0)),
    "LayerNorm": (LayerNorm(4), (2, 3, 4), (0, 7 * 24, 2 * 24 + 8, 0), (0, 11 * 24 + 8, 3 * 24 + 20, 0)),
    "Dropout": (Dropout(0.5), (2, 3, 4), (0, 48, 48, 24), (0, 48, 48, 24)),
    "PreNormBlock": (PreNormBlock(4, 2, 5, RNG), (2, 3, 4), (0, 48, 6 * 24, 0), (0, 48, 6 * 24, 0)),
    "PostNormBlock": (PostNormBlock(4, 2, 5, RNG), (2, 3, 4), (0, 48, 6 * 24, 0), (0, 48, 6 * 24, 0)),
    "Embedding": (Embedding(9, 4, RNG), (2, 3, 4), (0, 0, 48, 48), (0, 24, 72, 48)),
    "LearnedPositions": (LearnedPositions(9, 4, RNG), (3, 4), (0, 0, 24, 24), (0, 12, 36, 24)),
    "SinusoidalPositions": (SinusoidalPositions(9, 4), (3, 4), (0, 0, 24, 24), (0, 0, 0, 0)),
}  # fmt: skip


@pytest.mark.parametrize("work, products, others, moved", COUNTED.values(), ids=COUNTED)
def test_functions_count_as_by_hand(work, products, others, moved):
    assert work == Work(products, others, moved) and work.flops == products + others


@pytest.mark.parametrize("module, shape, in_forward, in_backward", MODULES.values(), ids=MODULES)
@pytest.mark.parametrize("dtype, itemsize", [("float32", 4), ("float64", 8)])
def test_modules_count_as_by_hand(module, shape, in_forward, in_backward, dtype, itemsize):
    with backend.using("numpy", dtype):
        for forward, (products, others, numbers, besides) in zip((True, False), (in_forward, in_backward)):
            work = module_work(module, forward, shape, SMALL)
            assert work == Work(products, others, itemsize * numbers + besides)


def test_the_update_counts_as_by_hand():
    model, optimizer, _ = make()
    P = model.flat.data.size
    matrices = sum(p.data.size for p in model.parameters().values() if p.data.ndim == 2)
    assert zero_work(model) == Work(0, 0, 4 * P)
    assert clip_work(model, False) == Work(0, 2 * P, 4 * P) and clip_work(model, True) == Work(0, 3 * P, 12 * P)
    assert optimizer_work(model, optimizer) == Work(0, 13 * P + matrices, 28 * P)
    for name, (flops, moved) in {"adam": (13, 7), "momentum": (4, 5), "sgd": (2, 3)}.items():
        work = optimizer_work(model, make_optimizer(model, TrainConfig(optimizer=name)))
        assert work == Work(0, flops * P, 4 * moved * P)
    assert set(ACTIVATION_FLOPS) == set(ACTIVATIONS) and set(OPTIMIZERS) == {"adamw", "adam", "momentum", "sgd"}


@configs
def test_the_products_of_all_rows_are_the_predicted_ones(config):
    model, optimizer, settings = make(**config)
    found = profile(model, optimizer, TOKENS, settings, steps=1, warm_up=0)
    tokens = settings.accumulate * settings.batch_size * model.config.context_length
    assert sum(row.work.products for row in found.rows) == training_flops_per_token(model.config) * tokens
    forward, backward = (sum(row.work.products for row in found.rows if row.phase == phase) for phase in PHASES[:2])
    assert backward == 2 * forward
    without = {row.name for row in found.rows if not row.work.bytes}
    table = {"position_embedding"} if model.config.positions == "sinusoidal" else set()
    assert without == {"rest of the model", "batch", "rest of the step", *table}  # the table's is in backward


@pytest.mark.parametrize("clip, flops", [(0.0, 2), (1e9, 2), (1e-9, 3)])
def test_clipping_counts_the_factor_only_where_it_shortens(clip, flops):
    model, optimizer, settings = make(TrainConfig(clip=clip, batch_size=2))
    rows = profile(model, optimizer, TOKENS, settings, steps=1, warm_up=0).rows
    assert next(row.work.flops for row in rows if row.name == "clip") == flops * model.flat.data.size


# ---- what is timed


def test_every_module_has_a_row_and_blocks_share_theirs():
    model, _, _ = make(norm="post", dropout=0.1, tied_embedding=False)
    labels = [label for label, _ in labelled_modules(model)]
    block = ["residuals", "norm_1", "norm_2", "attention.products", "attention.qkv", "attention.out", "dropout",
             "feed_forward.activation", "feed_forward.w_in", "feed_forward.w_out"]  # fmt: skip
    assert sorted(labels) == sorted(["rest of the model", "token_embedding", "position_embedding", "dropout", "head",
                                     *(f"blocks {part}" for part in block * 2)])
    assert not any("dropout" in label for label, _ in labelled_modules(make()[0]))  # it returns its argument


def test_a_module_under_two_names_has_one_row():
    class Twice(Module):
        def __init__(self):
            self.first = self.second = Linear(2, 2, RNG)

    assert [label for label, _ in labelled_modules(Twice())] == ["rest of the model", "first"]


def test_the_head_is_found_whether_it_is_tied_or_not():
    for tied, shared in ((True, 2), (False, 3)):  # a tied head's dW is written; adding it is the model's own work
        model, optimizer, settings = make(TrainConfig(batch_size=3), tied_embedding=tied)
        rows = profile(model, optimizer, TOKENS, settings, steps=1, warm_up=0).rows
        work = {row.phase: row.work for row in rows if row.name == "head"}
        assert work["forward"] == Work(2 * 18 * 12 * 11, 0, 4 * (18 * 12 + 12 * 11 + 18 * 11))
        assert work["backward"].bytes == 4 * (18 * 11 + 2 * 18 * 12 + shared * 12 * 11)


def test_times_are_exclusive(monkeypatch):
    clock = Clock()
    model, optimizer, settings = make()
    for cls, seconds in ((Linear, 1.0), (SelfAttention, 100.0), (FeedForward, 1000.0), (PreNormBlock, 1e4), (GPT, 1e5)):
        takes(monkeypatch, clock, cls, "forward", seconds)
        takes(monkeypatch, clock, cls, "backward", 3 * seconds)
    takes(monkeypatch, clock, type(optimizer), "step", 7.0)
    takes(monkeypatch, clock, training, "clip_gradient", 5.0)
    takes(monkeypatch, clock, minigpt.models.gpt, "cross_entropy_forward", 11.0)
    found = profile(model, optimizer, TOKENS, settings, steps=3, warm_up=1, clock=clock)
    blocks = {"attention.qkv": 1.0, "attention.out": 1.0, "feed_forward.w_in": 1.0, "feed_forward.w_out": 1.0,
              "attention.products": 100.0, "feed_forward.activation": 1000.0, "residuals": 1e4}
    expected = {("forward", "rest of the model"): 2e5, ("backward", "rest of the model"): 6e5,
                ("forward", "cross_entropy"): 22.0, ("update", "optimizer"): 7.0, ("update", "clip"): 5.0}
    for name, seconds in blocks.items():  # 2 blocks, 2 batches of one step
        expected |= {("forward", f"blocks {name}"): 4 * seconds, ("backward", f"blocks {name}"): 12 * seconds}
    assert times(found) == expected
    assert found.seconds == found.watched_seconds == found.plain_seconds == sum(expected.values())


def test_a_moment_is_counted_once_and_bookkeeping_in_no_row():
    clock = Clock(tick=1.0)
    model, optimizer, settings = make(dropout=0.1)
    found = profile(model, optimizer, TOKENS, settings, steps=2, warm_up=1, clock=clock)
    assert all(row.seconds > 0 for row in found.rows)
    assert found.plain_seconds == 1.0 < found.seconds < found.watched_seconds


def test_reading_the_clock_inside_a_call_is_no_time_of_it():
    watch = Stopwatch(Clock(tick=1.0))
    inner = watch.timed(lambda: None, "forward", "inner")
    watch.timed(lambda: (inner(), inner()), "forward", "outer")()
    # Each call looks when it begins, when it ends, and once more after its bookkeeping. Between the outer one's first
    # two looks lie 7, of which each inner call took 2 with its bookkeeping and 1 without.
    assert watch.seconds == {("forward", "inner"): 2.0, ("forward", "outer"): 3.0}


def test_rows_are_medians_in_order(monkeypatch):
    clock = Clock()
    model, optimizer, settings = make(TrainConfig(batch_size=3))
    steps = iter([9.0, 1.0, 2.0, 1.0, 500.0, 1.0, 4.0])  # a warm-up, then plain and watched ones in turn
    takes(monkeypatch, clock, type(optimizer), "step", lambda: next(steps))
    takes(monkeypatch, clock, LayerNorm, "forward", 1.0)
    takes(monkeypatch, clock, Embedding, "forward", 1.5)
    found = profile(model, optimizer, TOKENS, settings, steps=3, warm_up=1, clock=clock)
    assert times(found)["update", "optimizer"] == 4.0 and found.plain_seconds == 1.0 + 5 * 1.0 + 2 * 1.5
    assert [PHASES.index(row.phase) for row in found.rows] == sorted(PHASES.index(row.phase) for row in found.rows)
    assert [(row.name, row.seconds) for row in found.rows if row.phase == "forward"][:5] == [
        ("blocks norm_1", 2.0), ("blocks norm_2", 2.0), ("token_embedding", 1.5), ("position_embedding", 1.5),
        ("final_norm", 1.0)]  # fmt: skip


def test_time_on_the_device_belongs_to_who_started_it(monkeypatch):
    """A GPU works on after a call has returned: its time must be found by waiting, at the end of that same call."""
    clock, started = Clock(), [0.0]

    def synchronize():
        clock.now, started[0] = clock.now + started[0], 0.0

    def launch(original):
        def forward(*arguments):
            started[0] += 2.0
            return original(*arguments)
        return forward

    monkeypatch.setattr(backend, "synchronize", synchronize)
    monkeypatch.setattr(LayerNorm, "forward", launch(LayerNorm.forward))
    monkeypatch.setattr(PreNormBlock, "forward", launch(PreNormBlock.forward))  # before its first submodule begins
    takes(monkeypatch, clock, Linear, "forward", 1.0)
    found = profile(*make()[:2], TOKENS, TrainConfig(batch_size=3), steps=2, warm_up=0, clock=clock)
    assert times(found) == {("forward", f"blocks {name}"): 2.0 * kind for name, kind in {
        "norm_1": 2.0, "norm_2": 2.0, "attention.qkv": 1.0, "attention.out": 1.0, "feed_forward.w_in": 1.0,
        "feed_forward.w_out": 1.0, "residuals": 2.0}.items()} | {("forward", "final_norm"): 2.0}
    assert found.seconds == found.plain_seconds


# ---- that watching changes nothing


@configs
@pytest.mark.parametrize("library", ["numpy", "strict"])
def test_losses_gradients_and_weights_are_the_same_bit_for_bit(config, library, monkeypatch):
    monkeypatch.setitem(backend.LIBRARIES, "strict", load_strict)

    def run(watched):
        model, optimizer, settings = make(**config)
        records, bits = [], []
        for step in range(3):
            with watching(model, optimizer, settings, Stopwatch(Clock())) if watched else backend.quiet():
                records.append(training.training_step(model, optimizer, TOKENS, settings, step))
            bits += [backend.to_host(array).tobytes() for array in (model.flat.grad, model.flat.data)]
        return records, bits

    with backend.using(library):
        assert run(True) == run(False)


def state(model, optimizer):
    """All attributes of everything that is patched."""
    owners = [module for _, module in labelled_modules(model)] + [optimizer, training, minigpt.models.gpt]
    return [dict(vars(owner)) for owner in owners]


def test_everything_is_put_back(monkeypatch):
    model, optimizer, settings = make()
    before = state(model, optimizer)
    with watching(model, optimizer, settings, Stopwatch(Clock())):
        during = state(model, optimizer)
        assert all(one != other for one, other in zip(before, during))
    assert state(model, optimizer) == before
    monkeypatch.setattr(Linear, "backward", lambda self, dy, saved: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        profile(model, optimizer, TOKENS, settings, steps=1)
    assert state(model, optimizer) == before


def test_an_attribute_of_the_object_itself_comes_back_as_it_was():
    model, optimizer, settings = make()
    norm = model.final_norm

    def own(x):
        return LayerNorm.forward(norm, x)

    norm.forward = own
    with watching(model, optimizer, settings, Stopwatch(Clock())):
        assert norm.forward is not own
    assert norm.forward is own and "backward" not in vars(norm)


# ---- the roofline


def test_the_ridge_parts_memory_from_arithmetic():
    machine = Ceilings(flops_per_second=100.0, bytes_per_second=10.0)
    assert machine.ridge == 10.0
    assert [machine.bound(flops, 7) for flops in (0, 69, 70, 71)] == ["memory", "memory", "arithmetic", "arithmetic"]
    assert machine.bound(0, 0) == "" and machine.bound(5, 0) == "arithmetic"
    assert machine.least_seconds(1000, 1) == 10.0 and machine.least_seconds(1, 1000) == 100.0
    assert machine.least_seconds(0, 50) == 5.0
    for flops, moved in ((300, 7), (7, 300), (70, 7)):  # attainable = min(peak, intensity * bandwidth)
        assert flops / machine.least_seconds(flops, moved) == pytest.approx(min(100.0, flops / moved * 10.0))


@pytest.mark.parametrize("dtype", backend.PRECISIONS)
def test_ceilings_are_work_over_the_least_time(monkeypatch, dtype):
    monkeypatch.setattr(roofline, "COPIED", 1000)
    monkeypatch.setattr(roofline, "SMALLEST", 4)
    monkeypatch.setattr(roofline, "LARGEST", 16)
    with backend.using("numpy", dtype):
        assert measure_ceilings(Clock(tick=2.0)) == Ceilings(2 * 4**3 / 2, 2 * 1000 / 2)  # 4 rows take long enough
        assert measure_ceilings(Clock(tick=0.01)).flops_per_second == pytest.approx(2 * 16**3 / 0.01)  # to the largest
    slow_once = iter([5.0, 0.25, 1.0, 2.0, 3.0])
    clock = Clock()
    assert roofline._least(lambda: setattr(clock, "now", clock.now + next(slow_once, 9.0)), clock, tries=4) == 0.25


MACHINE = Ceilings(100e9, 10e9)
FOUND = Profile((Row("forward", "product", 0.010, Work(500_000_000, 0, 1_000_000)),
                 Row("forward", "sum", 0.005, Work(0, 1_000_000, 100_000_000)),
                 Row("backward", "product", 0.020, Work(1_000_000_000, 0, 1_000_000)),
                 Row("update", "zero_grad", 0.002, Work(0, 0, 10_000_000)),
                 Row("other", "batch", 0.003, Work())), 0.041, 0.040)  # fmt: skip


def test_rows_are_held_against_the_ceilings():
    lines = [train_profile.measures(row, MACHINE, FOUND.seconds) for row in FOUND.rows]
    assert [line.bound for line in lines] == ["arithmetic", "memory", "arithmetic", "memory", ""]
    assert [line.share_of_roof for line in lines] == pytest.approx([0.5, 2.0, 0.5, 0.5, 0])
    assert [line.share for line in lines] == pytest.approx([0.25, 0.125, 0.5, 0.05, 0.075])
    text = "\n".join(train_profile.table(lines, FOUND, MACHINE))
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line.startswith(" ")}
    assert rows["sum"][1:] == ["5", "12.5%", "0.001", "100", "0.2", "20", "memory", "200%*"]
    assert rows["zero_grad"][1:] == ["2", "5.0%", "-", "10", "-", "5", "memory", "50%"]
    assert rows["batch"][1:] == ["3", "7.5%", "-", "-", "-", "-", "-", "-"]
    # 5 + 10 ms at best of the 10 + 5 that the forward pass takes
    assert next(line.split() for line in text.splitlines() if line.startswith("forward")) == [
        "forward", "15", "37.5%", "0.501", "101", "33.4", "6.73", "-", "100%"]
    assert "takes 40 ms when it isn't watched, 41 ms when it is: watching costs +2.5%" in text
    assert "* beyond the roof" in text
    slow = [train_profile.measures(row, MACHINE, FOUND.seconds) for row in FOUND.rows if row.name != "sum"]
    assert "beyond the roof" not in "\n".join(train_profile.table(slow, FOUND, MACHINE))


def test_a_row_too_short_for_the_clock_is_no_division_by_zero():
    found = Profile((Row("backward", "position_embedding", 0.0, Work()), *FOUND.rows), 0.041, 0.040)
    lines = [train_profile.measures(row, MACHINE, found.seconds) for row in found.rows]
    assert any("position_embedding" in line for line in train_profile.table(lines, found, MACHINE))


def test_names_in_the_picture_do_not_overlap(monkeypatch):
    figures = []
    monkeypatch.setattr(roofline_picture, "save", lambda figure, path: figures.append(figure))
    rng = np.random.default_rng(1)
    points = [(f"blocks feed_forward.w_{n}", PHASES[n % 3], 30 * (1 + rng.random()), 5e10 * (1 + rng.random()), n / 400)
              for n in range(25)]
    points += [("embedding", "backward", 1e-3, 1e5, 0.0)]
    roofline_picture.draw_roofline(points, 1e11, 1e10, Path("unused.png"))
    figures[0].draw_without_rendering()  # puts the names at their places
    (axes,) = figures[0].axes
    names = [text for text in axes.texts if text.get_text()]
    assert sorted(name.get_text() for name in names) == sorted(point[0] for point in points)
    boxes = [Text.get_window_extent(name) for name in names]
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    frame = axes.get_window_extent()
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1 for box in boxes)


# ---- the command

COMMAND = ["train", "--preset", "tiny", "--tokenizer", "char", "--data", "text.txt"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with nothing but a text in it, and another, empty, for what is temporary."""
    (tmp_path / "here").mkdir()
    (tmp_path / "scratch").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    monkeypatch.setattr(train_profile, "measure_ceilings", lambda: MACHINE)
    Path("text.txt").write_text(TEXT, encoding="utf-8")
    yield tmp_path
    assert list((tmp_path / "scratch").iterdir()) == []


def call(capsys, *arguments):
    code = main([*COMMAND, *arguments])
    return code, *capsys.readouterr()


def test_the_command_prints_a_table_and_leaves_a_picture_only(here, capsys):
    code, out, err = call(capsys, "--profile", "2", "--dropout", "0.1")
    assert code == 0 and sorted(path.name for path in Path().iterdir()) == ["roofline.png", "text.txt"]
    assert Path("roofline.png").read_bytes().startswith(b"\x89PNG")
    assert max(map(len, out.splitlines())) <= 100
    names = [line.split("  ")[0].strip() or line.strip().split("  ")[0] for line in out.splitlines()]
    for name in ("forward", "backward", "update", "other", "all rows", "blocks attention.qkv", "cross_entropy", "clip",
                 "optimizer", "rest of the step"):
        assert name in names
    assert "100.0 GFLOP/s in products" in out and "watching costs" in out
    assert "parameters" in err and "profile  2 steps of 16 x 32 tokens" in err and "roofline.png" in err


def test_the_command_prints_json_lines(here, capsys):
    code, out, _ = call(capsys, "--profile", "1", "--json", "--profile-picture", "mine.png", "--batch-size", "2",
                        "--accumulate", "3", "--dtype", "float64", "--optimizer", "momentum")
    first, *rows, last = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and Path("mine.png").is_file() and not Path("roofline.png").exists()
    assert first == {"flops_per_second": 100e9, "bytes_per_second": 10e9, "ridge": 10.0}
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert sum(row["seconds"] for row in rows) == pytest.approx(last["seconds"])
    optimizer = next(row for row in rows if row["name"] == "optimizer")
    assert optimizer["bytes"] == 5 * 8 * optimizer["flops"] / 4
    assert optimizer["flops_per_second"] == pytest.approx(optimizer["flops"] / optimizer["seconds"])
    for row in rows:
        assert row["bound"] == (MACHINE.bound(row["flops"], row["bytes"]) or None)
    batch = next(row for row in rows if row["name"] == "batch")
    assert batch["share_of_roof"] is None and batch["bytes"] == 0
    vocabulary = len(set(TEXT))
    shape = GPTConfig(vocab_size=vocabulary, context_length=32, d_model=32, num_heads=2, num_layers=2)
    assert sum(row["product_flops"] for row in rows) == training_flops_per_token(shape) * 6 * 32


def test_the_command_runs_on_a_device(here, capsys, monkeypatch):
    monkeypatch.setitem(backend.LIBRARIES, "cupy", load_strict)
    code, out, err = call(capsys, "--profile", "1", "--backend", "cupy", "--dropout", "0.1")
    assert code == 0 and "on cupy in float32" in err and "blocks attention.products" in out


REFUSED = {
    "no steps": (["--profile", "0"], "--profile 0 steps are not 1 to 1,000,000,000: choose for example 10"),
    "a run": (["--profile", "--resume", "run"], "leave out --resume"),
    "a folder": (["--profile", "--out", "run"], "--profile trains nothing and needs no folder: leave out --out"),
    "picture nowhere": (["--profile", "--profile-picture", "no/where.png"], "is no file in an existing folder"),
    "picture is a folder": (["--profile", "--profile-picture", "."], "is no file in an existing folder"),
    "no context": (["--profile", "--context-length", "3000"], "choose --context-length"),
}


@pytest.mark.parametrize("flags, words", REFUSED.values(), ids=REFUSED)
def test_the_command_refuses_in_one_line(here, capsys, flags, words):
    code, out, err = call(capsys, *flags)
    assert code == 2 and out == "" and words in err and err.count("\n") == 1
    assert [path.name for path in Path().iterdir()] == ["text.txt"]


def test_a_profile_that_diverges_says_so(here, capsys):
    code, out, err = call(capsys, "--profile", "1", "--learning-rate", "1e30", "--optimizer", "sgd", "--clip", "0",
                          "--warmup", "0", "--schedule", "constant")
    assert code == 1 and out == "" and "choose a lower --learning-rate" in err and "Traceback" not in err


def test_importing_the_profile_patches_nothing():
    assert sys.modules["minigpt.profiling"] is profiling
    assert training.clip_gradient.__module__ == "minigpt.optim" and "forward" not in vars(make()[0])
