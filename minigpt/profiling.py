"""Where a training step spends its time: every module's forward and backward, the loss, clipping, the optimizer.

For as long as a step is watched, the methods of the model's modules, and the few functions that the model and the
training step call by name, are replaced by ones that read the clock before and after. The layers know nothing of it,
their results are the same bit for bit, and afterwards everything is as it was. Times are exclusive: what a module
spends inside its submodules is theirs, so that every moment is counted once,

    own time of a call = its time - the time of the calls inside it

and rows of the profile add up to the step. The work of reading clocks and keeping books belongs to no row: it is the
difference between a watched step and the sum of its rows. Watched and unwatched steps alternate, so that both meet the
same machine, and of every row the median over the steps is taken, which one interruption doesn't move.
"""

import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from minigpt import backend
from minigpt import train as training
from minigpt.layer_work import (
    Work,
    clip_work,
    cross_entropy_work,
    linear_work,
    module_work,
    optimizer_work,
    zero_work,
)
from minigpt.layers.attention import SelfAttention
from minigpt.layers.block import PostNormBlock, PreNormBlock
from minigpt.layers.dropout import Dropout
from minigpt.layers.feed_forward import FeedForward
from minigpt.module import Module
from minigpt.optim import Optimizer
from minigpt.parallel import share
from minigpt.train_config import TrainConfig

PHASES = ("forward", "backward", "update", "other")
# What a module with submodules does itself.
OWN = {SelfAttention: "products", FeedForward: "activation", PreNormBlock: "residuals", PostNormBlock: "residuals"}
REST = "rest"


@dataclass(frozen=True)
class Row:
    """One kind of operation, all its calls in a step together: those of all blocks, and of all accumulated batches."""

    phase: str
    name: str
    seconds: float  # a step, the median over the steps
    work: Work  # a step


@dataclass(frozen=True)
class Profile:
    """rows: in the order of PHASES, in each the longest first. Seconds are medians."""

    rows: tuple[Row, ...]
    watched_seconds: float  # of a step while it was watched
    plain_seconds: float  # of a step as it is without

    @property
    def seconds(self) -> float:
        return sum(row.seconds for row in self.rows)


class Stopwatch:
    """Adds up exclusive times and work by phase and name. `clock`: time.perf_counter, or a test's own."""

    def __init__(self, clock: Callable[[], float]):
        self.clock = clock
        self.seconds: dict[tuple[str, str], float] = {}
        self.work: dict[tuple[str, str], Work] = {}
        self._inside = [0.0]  # seconds spent in the calls inside each call that is under way

    def timed(self, function, phase: str, name: str, count: Callable[[tuple, object], Work] | None = None):
        """`function`, watched. count(arguments, result) tells the work of one call."""
        key = phase, name

        def watched(*arguments, **options):
            backend.synchronize()  # a GPU may still be at work for the caller, whose time this is
            begin = self.clock()
            self._inside.append(0.0)
            result = function(*arguments, **options)
            backend.synchronize()
            took = self.clock() - begin
            self.seconds[key] = self.seconds.get(key, 0.0) + took - self._inside.pop()
            if count:
                self.work[key] = self.work.get(key, Work()) + count(arguments, result)
            self._inside[-1] += self.clock() - begin  # with the bookkeeping, which is no time of the caller's
            return result

        return watched


@contextmanager
def watching(model, optimizer: Optimizer, config: TrainConfig, watch: Stopwatch) -> Iterator[None]:
    """A with-block in which all that a training step calls is watched; also after an exception all is put back."""
    with ExitStack() as stack:

        def replace(owner, name, phase, label, count=None):
            before, own = getattr(owner, name), name in vars(owner)  # a method belongs to the class: only hidden
            setattr(owner, name, watch.timed(before, phase, label, count))
            stack.callback(*(setattr, owner, name, before) if own else (delattr, owner, name))

        for label, module in labelled_modules(model):
            for forward in (True, False):
                phase = "forward" if forward else "backward"
                replace(module, phase, phase, label, _module_counter(module, forward, model.config))
        file = sys.modules[type(model).__module__]
        for name, (phase, label, count) in MODEL_FUNCTIONS.items():
            if hasattr(file, name):
                replace(file, name, phase, label, count)
        replace(share, "training_batch", "other", "batch")
        replace(model, "zero_grad", "update", "zero_grad", lambda arguments, result: zero_work(model))
        replace(training, "clip_gradient", "update", "clip",
                lambda arguments, norm: clip_work(model, norm > config.clip > 0))
        replace(optimizer, "step", "update", "optimizer", lambda arguments, result: optimizer_work(model, optimizer))
        yield


def _module_counter(module, forward: bool, config):
    def count(arguments, result):
        y_or_dy = result[0] if forward else arguments[0]
        return module_work(module, forward, getattr(y_or_dy, "shape", ()), config)

    return count


def _tied_head_forward(arguments, result):
    h, w = arguments[:2]
    return linear_work(True, h.size // h.shape[-1], *w.T.shape, bias=False)


def _tied_head_backward(arguments, result):
    dh, dw = result  # which the model itself then adds to the embedding's gradient
    return linear_work(False, dh.size // dh.shape[-1], *dw.T.shape, bias=False, adds=False)


# Functions that a model calls without a module around them, by their names in its file.
MODEL_FUNCTIONS = {
    "unembedding_forward": ("forward", "head", _tied_head_forward),
    "unembedding_backward": ("backward", "head", _tied_head_backward),
    "cross_entropy_forward": ("forward", "cross_entropy",
                              lambda arguments, result: cross_entropy_work(True, arguments[0].shape)),
    "cross_entropy_backward": ("backward", "cross_entropy",
                               lambda arguments, result: cross_entropy_work(False, result.shape)),
}  # fmt: skip


def labelled_modules(model: Module) -> Iterator[tuple[str, Module]]:
    """Every module of the tree, once, with its path, but for its number in a list: all blocks share their labels.

    A Dropout that drops nothing is left out: it returns its argument.
    """
    seen = set()

    def walk(thing, path):
        if isinstance(thing, Module):
            if id(thing) not in seen:
                seen.add(id(thing))
                children = [pair for name, child in vars(thing).items() if not name.startswith("_")
                            for pair in walk(child, f"{path}.{name}" if path else name)]
                if not (isinstance(thing, Dropout) and thing.rate == 0):
                    yield _label(path, OWN.get(type(thing), REST) if children else ""), thing
                yield from children
        elif isinstance(thing, (list, tuple, dict)):
            for key, child in thing.items() if isinstance(thing, dict) else enumerate(thing):
                yield from walk(child, f"{path}.{key}")

    yield from walk(model, "")


def _label(path: str, own: str) -> str:
    """blocks.0.attention, products -> blocks attention.products"""
    return re.sub(r"\.\d+(\.|$)", " ", f"{path}.{own}" if own else path).strip() if path else f"{own} of the model"


def profile(model, optimizer: Optimizer, tokens, config: TrainConfig, steps: int = 10, warm_up: int = 3,
            clock: Callable[[], float] = time.perf_counter) -> Profile:
    """Make 2 `steps` training steps on `tokens` after the warm-up, every other one watched. Changes the weights."""
    plain, watched, watches = [], [], []
    for number in range(warm_up + 2 * steps):
        if number >= warm_up and (number - warm_up) % 2 == 0:
            backend.synchronize()
            begin = clock()
            training.training_step(model, optimizer, tokens, config, number)
            backend.synchronize()
            plain.append(clock() - begin)
        else:
            watch = Stopwatch(clock)
            with watching(model, optimizer, config, watch):
                step = watch.timed(training.training_step, "other", "rest of the step")
                begin = clock()
                step(model, optimizer, tokens, config, number)
                took = clock() - begin
            if number >= warm_up:
                watches.append(watch)
                watched.append(took)
    rows = [Row(*key, statistics.median(watch.seconds[key] for watch in watches), watches[0].work.get(key, Work()))
            for key in watches[0].seconds]
    rows.sort(key=lambda row: (PHASES.index(row.phase), -row.seconds))
    return Profile(tuple(rows), statistics.median(watched), statistics.median(plain))
