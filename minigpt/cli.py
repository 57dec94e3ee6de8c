"""The command line: python -m minigpt COMMAND. Results go to stdout, progress and messages to stderr.

Exit codes: 0 done; 2 bad input, told in one line; 1 the work itself failed (a run diverged, a gradient is wrong);
128 + n stopped by signal n.
"""

import argparse
import difflib
import os
import sys

from minigpt.commands import bench, docs, evaluate, generate, gpucheck, gradcheck, ladder, learn, ngram, size, train
from minigpt.commands.reporter import visible
from minigpt.errors import InputError

COMMANDS = {
    "train": (train, "train a GPT on any text; with no flag, on Python's own documentation for about two minutes"),
    "generate": (generate, "let a trained model continue a prompt"),
    "evaluate": (evaluate, "measure a trained model on a text: loss, perplexity, bits per character and byte"),
    "gradcheck": (gradcheck, "check every hand-written gradient against finite differences"),
    "gpucheck": (gpucheck, "compare CuPy on this machine's GPU with NumPy, and print a table to paste"),
    "size": (size, "count a model's parameters, arithmetic and memory without building it"),
    "ngram": (ngram, "count n-grams of any text, measure the model, score texts and write one"),
    "ladder": (ladder, "train every model of the course for the same time on one text, and compare them in one table"),
    "learn": (learn, "exercises that answer back: write a forward, a backward, a small function"),
    "bench": (bench, "measure how fast minigpt is on this machine, beside PyTorch where that is installed"),
    "docs": (docs, "build the documents and the executed chapters as a site, and open it in the browser"),
}


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        """One line, and the cure; argparse would print the whole usage first."""
        if message.endswith("expected one argument"):
            message += "; a text that begins with - is written behind an equals sign, as in --prompt=-x"
        self.exit(2, f"{self.prog}: {message} ({self.prog} --help lists the flags)\n")

    def parse_known_args(self, args=None, namespace=None):
        """Refuse an unknown flag here, where its command is known, and offer the nearest of the command's own."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown and self.prog.count(" ") > 2:
            flags = [flag for action in self._actions for flag in action.option_strings]
            near = difflib.get_close_matches(unknown[0].split("=")[0], flags, n=2)
            hint = f": did you mean {' or '.join(near)}?" if near else ""
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return found, unknown


def make_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m minigpt",
                     description="Language models from scratch: every gradient written by hand.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    for name, (module, description) in COMMANDS.items():
        sub = commands.add_parser(name, help=description, description=description[0].upper() + description[1:] + ".",
                                  allow_abbrev=False)
        module.add_arguments(sub)
        sub.set_defaults(run=module.run)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure") and not stream.isatty():
            # A redirected stream on Windows would refuse most characters; a file's name may hold what is no character.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    parsed = make_parser().parse_args(arguments)
    try:
        code = parsed.run(parsed)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader of our output has had enough, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("minigpt: stopped", file=sys.stderr)
        return 130
    except MemoryError as error:
        reason = f" ({_one_line(error)})" if str(error) else ""
        print(f"minigpt {parsed.command}: there is not enough memory{reason}: choose a smaller model, --batch-size or "
              "--vocab-size", file=sys.stderr)
        return 2
    except (InputError, OSError) as error:
        print(f"minigpt {parsed.command}: {_one_line(error)}", file=sys.stderr)
        return 2


def _one_line(error: Exception) -> str:
    """The message of an error, ours or the system's. A name from a file may be endless, or have line ends in it."""
    message = str(error)
    if isinstance(error, OSError) and error.strerror:
        message = error.strerror + (f": {error.filename}" if error.filename else "")
    if len(message) > 700:
        message = f"{message[:350]} ... {message[-350:]}"
    return visible(message.replace("\n", " "))
