"""Make the notebooks that are opened, notebooks/*/NN_stem.ipynb, from the text that is written, NN_stem.py beside them.

    python notebooks/build.py                            make them all
    python notebooks/build.py --check                    make nothing: name those that differ from their text
    python notebooks/build.py --repository OWNER/NAME    where the project lives, for Colab, in all of them; then make

jupytext turns the text (its py:percent form) into cells, and nbstripout takes away whatever would differ the next time:
outputs, counts, random ids. Both are in requirements-docs.txt. So the same text makes the same bytes, and a test
compares. Chinese lines are joined, as a browser shows a space where one ends (docs/cjk.py).
"""

import argparse
import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "docs"))

from cjk import join_lines

LANGUAGES = ("en", "zh")
REPOSITORY = re.compile(r"(colab\.research\.google\.com/github/|git\+https://github\.com/)[\w.-]+/[\w.-]+")
KEPT_METADATA = ("jupytext", "kernelspec")

# The head and the first code cell of every text. jupytext makes `%pip` of `# %pip`; to Python it is a comment, and the
# print is there so that the `if` isn't empty.
HEADER = """\
# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---
"""
INSTALL = """\
import sys

if "google.colab" in sys.modules:  # Colab has NumPy, CuPy and matplotlib already: nothing of them is installed again
    # %pip install -q --no-deps git+https://github.com/OWNER/minigpt
    # %pip install -q regex safetensors tqdm threadpoolctl
    print("minigpt is installed")"""


def sources(folder: Path = FOLDER) -> list[Path]:
    """The texts of all notebooks, the languages one after the other."""
    return [path for language in LANGUAGES for path in sorted((folder / language).glob("*.py"))]


def cells(text: str) -> list[tuple[str, str]]:
    """("markdown" or "code", what stands in it) for each cell of a text, with nothing but Python."""
    found = []
    for part in re.split(r"^# %%", "\n" + text, flags=re.M)[1:]:
        mark, _, body = part.partition("\n")
        if mark.strip() == "[markdown]":
            found.append(("markdown", re.sub(r"^# ?", "", body.strip("\n"), flags=re.M)))
        elif not mark.strip():
            found.append(("code", body.strip("\n")))
        else:
            raise ValueError(f"a cell begins with # %%{mark}: write # %% or # %% [markdown]")
    return found


def notebook(text: str) -> str:
    """The notebook that a text makes, as the contents of its file."""
    import jupytext
    import nbformat
    from nbstripout import strip_output

    made = strip_output(jupytext.reads(text, fmt="py:percent"), keep_output=False, keep_count=False, keep_id=False)
    made.metadata = {key: made.metadata[key] for key in KEPT_METADATA if key in made.metadata}
    for cell in made.cells:
        if cell.cell_type == "markdown":
            cell.source = join_lines(cell.source)
    # What jupytext notes about itself changes with its version, not with the text.
    made.metadata.get("jupytext", {}).pop("text_representation", None)
    made.nbformat, made.nbformat_minor = 4, 5
    nbformat.validate(made)
    return nbformat.writes(made) + "\n"


def faults(text: str) -> list[str]:
    """What is wrong with the form of a text, whatever it says; see CONTRIBUTING.md, A chapter."""
    found = []
    if not text.startswith(HEADER):
        found.append("it doesn't begin with HEADER of notebooks/build.py")
    try:
        parts = cells(text)
    except ValueError as error:
        return [*found, str(error)]
    if [kind for kind, _ in parts[:2]] != ["markdown", "code"]:
        found.append("it doesn't begin with a markdown cell and a code cell")
    elif move(parts[1][1], "OWNER/minigpt") != INSTALL:
        found.append("its first code cell isn't INSTALL of notebooks/build.py")
    return found


def move(text: str, repository: str) -> str:
    """The text with the project living at github.com/`repository`, in the links to Colab and in what is installed."""
    return REPOSITORY.sub(lambda found: found[1] + repository, text)


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def write(path: Path, text: str) -> None:
    """With the same line ends on every system, since the bytes are compared."""
    path.write_text(text, encoding="utf-8", newline="\n")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="name the notebooks that differ from their text, and stop")
    parser.add_argument("--repository", metavar="OWNER/NAME", help="where the project lives on github.com")
    parsed = parser.parse_args(arguments)
    if parsed.repository and not re.fullmatch(r"[\w.-]+/[\w.-]+", parsed.repository):
        parser.error(f"--repository {parsed.repository}: write it as OWNER/NAME")
    failed = False
    for source in sources():
        name = source.relative_to(FOLDER.parent).as_posix()
        if parsed.repository and not parsed.check:
            write(source, move(read(source), parsed.repository))
        if found := faults(read(source)):
            print(*(f"{name}: {fault}" for fault in found), sep="\n")
            failed = True
            continue
        made, target = notebook(read(source)), source.with_suffix(".ipynb")
        if made == read(target):
            continue
        if parsed.check:
            print(f"{name}: {target.name} is not what it makes: run python notebooks/build.py")
            failed = True
        else:
            write(target, made)
            print(f"{name}: {target.name} made")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
