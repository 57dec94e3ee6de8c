"""python -m minigpt train --profile: where the time of a training step goes, and whether it need be so long."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from minigpt import backend
from minigpt.commands.reporter import say
from minigpt.commands.size import describe
from minigpt.commands.train_settings import read_settings
from minigpt.data import Dataset
from minigpt.errors import InputError
from minigpt.layer_work import Work
from minigpt.models.gpt import GPT, LARGEST
from minigpt.models.gpt_size import gpt_size
from minigpt.profiling import PHASES, Profile, Row, profile
from minigpt.roofline import Ceilings, measure_ceilings
from minigpt.roofline_picture import draw_roofline
from minigpt.train import Diverged
from minigpt.train_config import make_optimizer

STEPS, WARM_UP = 10, 3
PICTURE = Path("roofline.png")
HEAD = f"{'':<32}{'ms':>8}{'share':>7}{'GFLOP':>9}{'MB':>8}{'GFLOP/s':>9}{'GB/s':>7}  {'bound by':<10}{'of roof':>7}"


def add_profile(parser) -> None:
    parser.add_argument("--profile", type=int, nargs="?", const=STEPS, metavar="N",
                        help=f"train nothing, but time N steps (default: {STEPS}) on this text, with these settings, "
                             "layer by layer; print FLOPs, bytes and which of the two limits each, draw a picture of "
                             "it, and leave no run behind")
    parser.add_argument("--profile-picture", type=Path, default=PICTURE, metavar="FILE",
                        help="where --profile draws its roofline, as PNG (default: %(default)s in the current folder)")


def run_profile(arguments, start) -> int:
    """Set up a run with start(arguments) in a folder that is taken away again, and profile its first steps."""
    picture, steps = arguments.profile_picture, arguments.profile
    if not 1 <= steps <= LARGEST:
        raise InputError(f"--profile {steps} steps are not 1 to {LARGEST:,}: choose for example {STEPS}")
    for name in ("resume", "out"):
        if getattr(arguments, name) is not None:
            raise InputError(f"--profile trains nothing and needs no folder: leave out --{name}")
    if picture.is_dir() or not picture.parent.is_dir():
        raise InputError(f"--profile-picture {picture} is no file in an existing folder: choose for example {PICTURE}")
    # On Windows a file that is still mapped, as after an error, can't be removed; the error matters more.
    with tempfile.TemporaryDirectory(prefix="minigpt-", ignore_cleanup_errors=True) as scratch:
        arguments.out = Path(scratch) / "run"
        try:
            found, ceilings = _profile(start(arguments), steps)
        except Diverged as error:
            say(f"minigpt train: {error}: choose a lower --learning-rate")
            return 1
    lines = [measures(row, ceilings, found.seconds) for row in found.rows]
    _print_json(lines, found, ceilings) if arguments.json else print("\n".join(table(lines, found, ceilings)))
    points = [(line.name, line.phase, line.work.flops / line.work.bytes, line.work.flops / line.seconds, line.share)
              for line in lines if line.work.flops]
    draw_roofline(points, ceilings.flops_per_second, ceilings.bytes_per_second, picture)
    say(f"picture  {picture}: every row that has FLOPs, under the machine's two ceilings")
    return 0


def _profile(folder: Path, steps: int) -> tuple[Profile, Ceilings]:
    _, shape, config = read_settings(folder)
    tokens = Dataset.open(folder / "data").train
    model = GPT(shape, config.seed)
    optimizer = make_optimizer(model, config)
    size = gpt_size(shape, config.batch_size, backend.dtype().itemsize, len(optimizer.state))
    say("\n".join(describe(shape, size, config.batch_size)))
    say(f"profile  {steps} steps of {config.accumulate * config.batch_size} x {shape.context_length} tokens, and "
        f"{steps} that aren't watched, after {WARM_UP} to warm up, on {backend.name()} in {backend.dtype()}")
    ceilings = measure_ceilings()
    return profile(model, optimizer, tokens, config, steps, WARM_UP), ceilings


@dataclass(frozen=True)
class Line:
    """A row of the profile, or several, held against the ceilings."""

    name: str
    phase: str
    seconds: float
    share: float  # of the sum of all rows
    work: Work
    bound: str
    share_of_roof: float  # the least time that the ceilings allow, over the time taken


def measures(row: Row, ceilings: Ceilings, total: float) -> Line:
    flops, moved = row.work.flops, row.work.bytes
    seconds = max(row.seconds, 1e-9)  # a clock may be too coarse to see what does next to nothing
    return Line(row.name, row.phase, seconds, seconds / total, row.work, ceilings.bound(flops, moved),
                ceilings.least_seconds(flops, moved) / seconds)


def _sum(lines: list[Line], name: str) -> Line:
    """Several rows as one, of no bound of its own: the least time of the whole is the sum of theirs."""
    seconds = sum(line.seconds for line in lines)
    return Line(name, lines[0].phase, seconds, sum(line.share for line in lines),
                sum((line.work for line in lines), Work()), "",
                sum(line.share_of_roof * line.seconds for line in lines) / seconds)


def table(lines: list[Line], found: Profile, ceilings: Ceilings) -> list[str]:
    """The profile as text of at most 100 columns."""
    text = [f"ceilings {ceilings.flops_per_second / 1e9:,.1f} GFLOP/s in products of matrices; "
            f"{ceilings.bytes_per_second / 1e9:,.1f} GB/s from and to memory;",
            f"         arithmetic is the limit from {ceilings.ridge:,.1f} FLOPs a byte on, memory below", "", HEAD]
    for phase in PHASES:
        chosen = [line for line in lines if line.phase == phase]
        text += [_written(_sum(chosen, phase)), *(_written(line, indent="  ") for line in chosen), ""]
    text += [_written(_sum(lines, "all rows"))]
    watched, plain = found.watched_seconds, found.plain_seconds
    text += ["", f"A step takes {_short(1e3 * plain)} ms when it isn't watched, {_short(1e3 * watched)} ms when it is: "
                 f"watching costs {(watched / plain - 1):+.1%}.",
             "Times are medians, exclusive of submodules. MB: 10^6 bytes that must at least be moved."]
    if any(line.share_of_roof > 1 for line in lines):
        text += ["* beyond the roof: what it needs lay in a cache, which is faster than the memory that was measured,",
                 "  or several threads shared the work (copying, the measure of memory, has one on a processor)."]
    return text


def _short(number: float) -> str:
    """About three digits, and never more than 7 characters below 10^6."""
    if number == 0:
        return "-"
    return f"{number:.2g}" if number < 0.1 else f"{number:.3g}" if number < 1000 else f"{number:,.0f}"


def _written(line: Line, indent: str = "") -> str:
    flops, moved, seconds = line.work.flops, line.work.bytes, line.seconds
    roof = f"{line.share_of_roof:.0%}{'*' if line.share_of_roof > 1 else ' '}" if moved else "- "
    return (f"{(indent + line.name)[:32]:<32}{_short(1e3 * seconds):>8}{line.share:>7.1%}{_short(flops / 1e9):>9}"
            f"{_short(moved / 1e6):>8}{_short(flops / seconds / 1e9):>9}{_short(moved / seconds / 1e9):>7}  "
            f"{line.bound or '-':<10}{roof:>8}").rstrip()


def _print_json(lines: list[Line], found: Profile, ceilings: Ceilings) -> None:
    print(json.dumps({"flops_per_second": ceilings.flops_per_second, "bytes_per_second": ceilings.bytes_per_second,
                      "ridge": ceilings.ridge}))
    for line in lines:
        work = line.work
        print(json.dumps({
            "phase": line.phase, "name": line.name, "seconds": line.seconds, "share": line.share, "flops": work.flops,
            "product_flops": work.products, "bytes": work.bytes, "flops_per_second": work.flops / line.seconds,
            "bytes_per_second": work.bytes / line.seconds, "bound": line.bound or None,
            "share_of_roof": line.share_of_roof if work.bytes else None}))  # fmt: skip
    print(json.dumps({"seconds": found.seconds, "watched_step_seconds": found.watched_seconds,
                      "plain_step_seconds": found.plain_seconds}))
