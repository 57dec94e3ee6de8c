"""python -m minigpt ladder: every model of the course on one text, trained for the same time; a table and a picture."""

from pathlib import Path

from minigpt.bench.machine import machine
from minigpt.bench.table import table
from minigpt.commands.reporter import say, visible
from minigpt.corpora import find_sources
from minigpt.errors import InputError
from minigpt.ladder import RUNGS, SECONDS, climb, find_rungs, prepare_text
from minigpt.memory import keep_freed_memory
from minigpt.pictures import draw_ladder
from minigpt.run_folder import write_json
from minigpt.train import Diverged

LONGEST = 86_400  # a day
WIDTH = 44  # characters of a sample in the table


def add_arguments(parser) -> None:
    parser.add_argument("--seconds", type=float, default=SECONDS, metavar="N",
                        help="how long each network is trained; counting takes what it takes (default: %(default)g)")
    parser.add_argument("--data", nargs="+", default=["pydoc"], metavar="TEXT", help="text: files, folders, - for "
                        "standard input, a corpus name (default: pydoc); its last tenth is held out")
    parser.add_argument("--models", nargs="+", metavar="NAME",
                        help=f"only these (default: all): {', '.join(rung.key for rung in RUNGS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there that was measured")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the ladder there, as a PNG")


def run(arguments) -> int:
    if not 0 < arguments.seconds <= LONGEST:
        raise InputError(f"--seconds {arguments.seconds:g} is no time to train for: choose above 0, up to {LONGEST:,}")
    for path in (arguments.json, arguments.picture):
        if path and (path.is_dir() or not path.parent.is_dir()):
            raise InputError(f"{path} can't be written: name a file, in a folder that exists")
    rungs, rows = find_rungs(arguments.models), []
    text = prepare_text(find_sources(arguments.data))
    facts = {"data": arguments.data, "seconds": arguments.seconds, "vocab_size": text.tokenizer.vocab_size,
             "train": text.train.counts._asdict(), "held_out": text.held_out.counts._asdict(), "machine": machine()}
    for part in ("train", "held_out"):
        say(f"{part.replace('_', ' '):9}{facts[part]['characters']:10,} characters {facts[part]['tokens']:9,} tokens")
    keep_freed_memory()
    try:
        for rung in rungs:
            _, row = climb(rung, text, arguments.seconds)
            rows.append(row)
            say(f"{rung.name}: {row['held_out']:.3f} bits a character after {row['seconds']:.1f} s")
            if arguments.json:  # after each, so that what was measured is kept
                write_json(arguments.json, {**facts, "rows": rows})
    except Diverged as error:
        say(f"minigpt ladder: {rung.name}: {error}: leave it out with --models")
        return 1
    finally:
        print("\n".join(ladder_table(rows)), flush=True)
    if arguments.picture:
        draw_ladder(rows, arguments.picture)
    return 0


def ladder_table(rows: list[dict]) -> list[str]:
    """Bits a character of the training text and of the held-out text, and how each model goes on with the latter."""
    header = ["model", "counts, weights", "steps", "seconds", "bits: train", "held out", "  writes".ljust(WIDTH)]
    cells = [[row["name"], f"{row['size']:,}", f"{row['steps']:,}" if row["steps"] else "-", f"{row['seconds']:.1f}",
              f"{row['train']:.3f}", f"{row['held_out']:.3f}",
              f"  {visible(' '.join(row['sample'].split()))}"[:WIDTH].ljust(WIDTH)] for row in rows]
    return table(header, cells, left=1)
