"""python -m minigpt docs: the documents and the executed chapters as a site for the browser, in both languages."""

import sys
from importlib.util import find_spec
from pathlib import Path

from minigpt.errors import InputError

ROOT = Path(__file__).parent.parent.parent
NEEDED = ("sphinx", "myst_nb", "furo", "sphinx-mathjax-offline", "jupytext", "nbstripout", "ipykernel")


def add_arguments(parser) -> None:
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where the site goes (default: build/site)")
    parser.add_argument("--no-open", action="store_true", help="build it, and open no browser")


def check(root: Path, out: Path) -> Path:
    """The script that builds the site. Raises InputError where it can't be built, or not there."""
    script = root / "docs" / "website" / "build.py"
    if not script.is_file():
        raise InputError(f"there is no {script}: an installed minigpt comes without its documents; get the source, "
                         "and run python -m minigpt docs in its folder")
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise InputError(f"the site is built by packages that are not here ({', '.join(missing)}): "
                         "pip install -r requirements-docs.txt")
    strange = [path.name for path in sorted(out.iterdir()) if path.name not in ("en", "zh", "index.html")] \
        if out.is_dir() else []
    if strange or (out.exists() and not out.is_dir()):
        raise InputError(f"{out} is not an empty folder, and no site that was built before"
                         f"{f' ({strange[0]} is in it)' if strange else ''}: choose another --out")
    return script


def run(arguments) -> int:
    import subprocess
    import webbrowser

    out = (arguments.out or ROOT / "build" / "site").resolve()
    script = check(ROOT, out)
    code = subprocess.run([sys.executable, str(script), str(out)]).returncode
    if code:
        return 1
    start = out / "index.html"
    print(start)
    if not arguments.no_open:
        webbrowser.open(start.as_uri())
    return 0
