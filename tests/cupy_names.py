"""The names of the real CuPy: asked of the package where it is installed, read from a list everywhere else.

CuPy imports without a GPU, so a name that it lacks can be found on any machine. The list, cupy_names.txt, is made by

    pip install cupy-cuda12x && python tests/cupy_names.py
"""

import importlib
import sys
import textwrap
from pathlib import Path

LIST = Path(__file__).with_name("cupy_names.txt")
OWNERS = ("", "ndarray", "cuda", "cuda.runtime", "random.Generator", "add")  # of the attributes that the list holds
SPECIAL = "cupyx.scipy.special"  # listed under its own name


def ask_cupy() -> tuple[str, set[str]]:
    """The version, and every public name as `zeros`, `ndarray.sum`, `cuda.Device`, ... ImportError without CuPy."""
    import cupy

    names = set()
    for owner in (*OWNERS, SPECIAL):
        thing = importlib.import_module(owner) if owner == SPECIAL else cupy
        for part in owner.split(".") if owner and owner != SPECIAL else ():
            thing = getattr(thing, part)
        names |= {f"{owner}.{name}".lstrip(".") for name in dir(thing) if not name.startswith("_")}
    return cupy.__version__, names | {"__version__"}


def read_list() -> tuple[str, set[str]]:
    """What ask_cupy said when the list was made."""
    first, *lines = LIST.read_text(encoding="utf-8").splitlines()
    return first.split()[1], {name for line in lines for name in line.split()}


if __name__ == "__main__":
    version, names = ask_cupy()
    body = textwrap.fill(" ".join(sorted(names)), 120, break_long_words=False, break_on_hyphens=False)
    LIST.write_text(f"CuPy {version} has these names (made by tests/cupy_names.py):\n{body}\n", encoding="utf-8")
    print(f"{len(names)} names of CuPy {version}", file=sys.stderr)
