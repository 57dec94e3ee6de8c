"""The command line: python -m minigpt COMMAND. Results go to stdout, progress and messages to stderr.

Exit codes: 0 done; 2 bad input, told in one line; 1 the work itself failed (a run diverged, a gradient is wrong);
128 + n stopped by signal n.
"""

import argparse
import os
import sys

from minigpt.commands import evaluate, generate, gpucheck, gradcheck, size, train
from minigpt.commands.reporter import visible
from minigpt.errors import InputError

COMMANDS = {
    "train": (train, "train a GPT on any text; with no flag, on Python's own documentation for about two minutes"),
    "generate": (generate, "let a trained model write on from a prompt"),
    "evaluate": (evaluate, "measure a trained model on a text: loss, perplexity, bits per character and byte"),
    "gradcheck": (gradcheck, "check every hand-written gradient against finite differences"),
    "gpucheck": (gpucheck, "compare CuPy on this machine's GPU with NumPy, and print a table to paste"),
    "size": (size, "count a model's parameters, arithmetic and memory without building it"),
}


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        """One line, and the cure; argparse would print the whole usage first."""
        self.exit(2, f"{self.prog}: {message} ({self.prog} --help lists the flags)\n")


def make_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="minigpt", description="Language models from scratch: every gradient written by hand.")
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
        print(f"minigpt {parsed.command}: there is not enough memory ({_one_line(error)}): choose a smaller model or "
              "--batch-size", file=sys.stderr)
        return 2
    except (InputError, OSError) as error:
        print(f"minigpt {parsed.command}: {_one_line(error)}", file=sys.stderr)
        return 2


def _one_line(error: Exception) -> str:
    """The message of an error, ours or the system's. A name from a file may have line ends or worse in it."""
    message = str(error)
    if isinstance(error, OSError) and error.strerror:
        message = error.strerror + (f": {error.filename}" if error.filename else "")
    return visible(message.replace("\n", " "))
