"""python -m minigpt gpucheck: NumPy against CuPy on this machine's GPU, as a table to paste into a report."""

import json
import platform
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import date

import numpy as np

from minigpt import backend
from minigpt.bench.device import gpu
from minigpt.commands.options import add_json
from minigpt.compare_backends import LIMITS, Difference, compare
from minigpt.dispatch import fused_kernels


def add_arguments(parser) -> None:
    add_json(parser, "one JSON object a line: first the machine, then name, precision, worst, array, limit, passed")
    parser.add_argument("--fused-kernels", action="store_true",
                        help="compare CuPy with the CUDA kernels of minigpt/fused/cuda, which otherwise are not used")


def machine() -> dict[str, str]:
    """Where the numbers were made. Raises InputError when there is no CuPy or no GPU."""
    with backend.using("cupy"):
        return {**gpu(), "NumPy": np.__version__, "Python": platform.python_version(),
                "system": platform.platform(terse=True), "date": date.today().isoformat()}


def _differences(fused: bool) -> Iterator[Difference]:
    with fused_kernels() if fused else nullcontext():
        yield from compare("cupy")


def run(arguments) -> int:
    facts = machine()
    if arguments.json:
        print(json.dumps(facts))
    else:
        print("\n".join(f"{name:8} {value}" for name, value in facts.items()))
        print(f"\n{'NumPy against CuPy':36} {'precision':9} {'worst difference':>16}  array")
    failed = compared = 0
    for found in _differences(arguments.fused_kernels):
        failed, compared = failed + (not found.passed), compared + 1
        if arguments.json:
            print(json.dumps({**vars(found), "passed": found.passed}))
        else:
            print(f"{found.name:36} {found.precision:9} {found.worst:16.1e}  {found.array}"
                  f"{'' if found.passed else '   WRONG'}")
    verdict = f"all {compared} agree" if not failed else f"{failed} of {compared} do not agree"
    limits = ", ".join(f"{precision} {limit:g}" for precision, limit in LIMITS.items())
    print(f"{verdict} (largest difference over largest number of an array, limit: {limits})", file=sys.stderr)
    return 1 if failed else 0
