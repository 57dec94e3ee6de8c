"""Name the Chinese files whose English has changed since they were translated.

    python docs/translations.py                    name the stale ones
    python docs/translations.py --stamp FILE ...   these Chinese files tell what the English ones tell today

Each Chinese file (docs/zh, notebooks/zh, README.zh.md) has a line <!-- english: HASH -->, the hash of the English prose
that it was made from. Prose is what a translator translates: no code, no comments, not where links lead, and no matter
how its lines are broken. Whether code, formulas and links are the same in both languages, other tests ask.
"""

import argparse
import hashlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAMP = re.compile(r"<!-- english: (\w*) -->")


def chinese_files(root: Path = ROOT) -> list[Path]:
    readme = root / "README.zh.md"
    return [*sorted((root / "docs" / "zh").rglob("*.md")), *sorted((root / "notebooks" / "zh").glob("*.py")),
            *([readme] if readme.exists() else [])]


def english_of(path: Path, root: Path = ROOT) -> Path:
    """The file that a Chinese one was translated from."""
    if path.name == "README.zh.md":
        return root / "README.md"
    folder, _, *rest = path.relative_to(root).parts
    return root.joinpath(folder, "en", *rest)


def prose(path: Path) -> str:
    """The words of a document, or of the markdown cells of a notebook's text, with one space between them."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        cells = re.findall(r"^# %% \[markdown\]\n(.*?)(?=^# %%|\Z)", text, re.M | re.S)
        text = re.sub(r"^# ?", "", "\n".join(cells), flags=re.M)
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r"\]\([^()\s]+\)", "]", text)
    return " ".join(text.split())


def fingerprint(english: Path) -> str:
    return hashlib.sha256(prose(english).encode()).hexdigest()[:12]


def fault(path: Path, root: Path = ROOT) -> str | None:
    """What is wrong with a Chinese file's stamp; None when the English has not changed."""
    english = english_of(path, root)
    if not english.exists():
        return f"there is no {english.relative_to(root).as_posix()}"
    found = STAMP.search(path.read_text(encoding="utf-8"))
    if found is None:
        return "has no line <!-- english: HASH -->: write one with 000000000000, and stamp it"
    if found[1] != fingerprint(english):
        return f"{english.relative_to(root).as_posix()} has changed since: translate what is new, and stamp it"
    return None


def stale(root: Path = ROOT) -> list[str]:
    """`name: fault` of each Chinese file that has one."""
    found = [(path, fault(path, root)) for path in chinese_files(root)]
    return [f"{path.relative_to(root).as_posix()}: {reason}" for path, reason in found if reason]


def stamp(path: Path, root: Path = ROOT) -> None:
    text = path.read_text(encoding="utf-8")
    line = f"<!-- english: {fingerprint(english_of(path, root))} -->"
    if not STAMP.search(text) and path.suffix == ".md":
        text = line + "\n" + text
    elif not STAMP.search(text):
        text = re.sub(r"^# # .+\n", lambda title: f"{title[0]}# {line}\n", text, count=1, flags=re.M)
    path.write_text(STAMP.sub(line, text, count=1), encoding="utf-8", newline="\n")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--stamp", nargs="+", type=Path, metavar="FILE", help="Chinese files that are up to date now")
    parsed = parser.parse_args(arguments)
    if parsed.stamp:
        files = [path.resolve() for path in parsed.stamp]
        known = chinese_files()
        for path in files:
            if path not in known or not english_of(path).exists():
                parser.error(f"{path} is no Chinese file that has an English one")
            stamp(path)
        return 0
    found = stale()
    print(*(f"{line}\n" for line in found), sep="", end="")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
