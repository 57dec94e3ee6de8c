"""python -m minigpt gradcheck: every hand-written gradient against finite differences, as a table."""

import difflib
import json
import math
import sys

from minigpt.cases import CASES, check_case
from minigpt.commands.options import add_json
from minigpt.errors import InputError

TOLERANCE = 1e-6


def add_arguments(parser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="layers to check, such as attention or LayerNorm; "
                        "none: all of them")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="draws weights, inputs and upstream gradients")
    add_json(parser, "one JSON object a line: name, array, relative_error, ...")


def choose(names: list[str]):
    """The cases whose name, or its first word, is among names. Raises InputError that offers the nearest."""
    if not names:
        return CASES
    for name in names:
        if not any(name in (case.name, case.subject) for case in CASES):
            subjects = list(dict.fromkeys(case.subject for case in CASES))
            near = difflib.get_close_matches(name, subjects)
            hint = f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(subjects)}"
            raise InputError(f"there is nothing called {name!r} to check: {hint}")
    return [case for case in CASES if case.name in names or case.subject in names]


def run(arguments) -> int:
    failed = checked = 0
    cases = choose(arguments.names)
    if not arguments.json:
        print(f"{'case':36} {'array':34} {'relative error':>14}")
    for case in cases:
        for error in check_case(case, arguments.seed):
            good = error.relative_error < TOLERANCE
            failed, checked = failed + (not good), checked + 1
            if arguments.json:
                numbers = {name: value if math.isfinite(value := getattr(error, name)) else None  # JSON has no infinity
                           for name in ("relative_error", "analytic", "numeric")}
                print(json.dumps({"name": case.name, "array": error.array, "passed": good, "index": error.index,
                                  **numbers}))
            else:
                print(f"{case.name:36} {error.array:34} {error.relative_error:14.1e}{'' if good else '   WRONG'}")
                if not good:
                    print(f"  {error}")
    verdict = f"all {checked} gradients agree" if not failed else f"{failed} of {checked} gradients are wrong"
    print(f"{verdict} (float64, central differences, relative error below {TOLERANCE:g})", file=sys.stderr)
    return 1 if failed else 0
