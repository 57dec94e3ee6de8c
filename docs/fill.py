"""Fill the code and the output of the documents, so that neither can differ from the library.

    python docs/fill.py [FILE ...]      fill these pages, or all
    python docs/fill.py --check         change nothing: name the pages that would change; the test does this

In a page stands a comment, and below it the block that is filled:

    <!-- source: minigpt/layers/softmax.py softmax_forward softmax_backward -->
    ```python
    what the file has under these names: functions, classes, Class.method, constants; `module` is its docstring
    ```

    <!-- run -->
    ```python
    print(softmax_forward(x))           written by the author; all such blocks of a page are one program, in float64
    ```

    ```text
    what the block printed
    ```
"""

import argparse
import ast
import contextlib
import functools
import io
import itertools
import re
import sys
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SOURCE = re.compile(r"<!-- source: (\S+) ([^>]+?) -->")
RUN = "<!-- run -->"
FENCE = "```"


class Wrong(Exception):
    """A page that can't be filled; the message says where and why."""


def definition(source: str, name: str) -> str:
    """The lines of one name in a file's source, with its decorators and the comment right above it."""
    tree = ast.parse(source)
    if name == "module":
        return ast.get_docstring(tree) or ""
    body, found = tree.body, None
    for part in name.split("."):
        found = next((node for node in body if part in names(node)), None)
        if found is None:
            raise KeyError(name)
        body = getattr(found, "body", [])
    lines = source.splitlines()
    start = min([found.lineno, *(decorator.lineno for decorator in getattr(found, "decorator_list", []))]) - 1
    indent = " " * found.col_offset
    while start and lines[start - 1].startswith(indent + "#"):
        start -= 1
    return "\n".join(line.removeprefix(indent) for line in lines[start : found.end_lineno])


def names(node) -> list[str]:
    """What a statement defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]


def code_of(path: str, wanted: list[str]) -> list[str]:
    """The lines of the names in a file of the repository; functions and classes two lines apart, constants together."""
    file = ROOT / path
    if not file.is_file():
        raise Wrong(f"there is no file {path}")
    source, parts = file.read_text(encoding="utf-8"), []
    for name in wanted:
        try:
            parts.append(definition(source, name))
        except KeyError:
            raise Wrong(f"{path} has no {name}") from None
    text = parts[0]
    for before, after in itertools.pairwise(parts):
        short = "\n" not in before + after
        text += ("\n" if short else "\n\n\n") + after
    return text.splitlines()


@functools.cache
def outputs(blocks: tuple[str, ...]) -> list[list[str]]:
    """What each block of one program prints, in float64 and with numbers to 4 decimals."""
    import numpy as np

    from minigpt import backend

    namespace, printed = {"__name__": "page"}, []
    with backend.using("numpy", "float64"), np.printoptions(precision=4, suppress=True, linewidth=100):
        for number, block in enumerate(blocks, 1):
            stream = io.StringIO()
            try:
                with contextlib.redirect_stdout(stream):
                    exec(compile(block, f"run block {number}", "exec"), namespace)
            except Exception as error:
                line = traceback.extract_tb(error.__traceback__)[1].lineno
                raise Wrong(f"run block {number}, line {line}: {type(error).__name__}: {error}") from error
            # Whether a rounded zero is -0 depends on the order of a sum, that is on the machine.
            text = re.sub(r"-(0\.0*)(?![0-9])", r" \1", stream.getvalue())
            printed.append([line.rstrip() for line in text.rstrip().splitlines()])
    return printed


def block_at(lines: list[str], start: int, comment: str) -> tuple[int, int]:
    """First and last line, the fences, of the block of code that begins at `start` or after empty lines."""
    while start < len(lines) and not lines[start].strip():
        start += 1
    if start == len(lines) or not lines[start].startswith(FENCE):
        raise Wrong(f"no block of code follows {comment}")
    end = next((i for i in range(start + 1, len(lines)) if lines[i].startswith(FENCE)), None)
    if end is None:
        raise Wrong(f"the block after {comment} has no end")
    return start, end


def comments(lines: list[str]):
    """(line number, comment) of each source or run comment that isn't itself in a block of code."""
    inside = False
    for number, line in enumerate(lines):
        if line.startswith(FENCE):
            inside = not inside
        elif not inside and (line == RUN or SOURCE.fullmatch(line)):
            yield number, line
        elif not inside and re.match("<!-- *(run|source)", line):
            raise Wrong(f"line {number + 1} is neither {RUN} nor <!-- source: FILE NAME ... -->: {line}")


def fill(text: str) -> str:
    """The page with all its blocks filled."""
    lines = text.splitlines()
    programs = []
    for number, comment in comments(lines):
        if comment == RUN:
            start, end = block_at(lines, number + 1, comment)
            programs.append("\n".join(lines[start + 1 : end]) + "\n")
    printed = list(outputs(tuple(programs)))
    # From the end of the page to its start, so that the line numbers above stay right.
    for number, comment in reversed(list(comments(lines))):
        start, end = block_at(lines, number + 1, comment)
        if comment != RUN:
            path, wanted = SOURCE.fullmatch(comment).groups()
            lines[start + 1 : end] = code_of(path, wanted.split())
            continue
        output, following = printed.pop(), end + 1
        while following < len(lines) and not lines[following].strip():
            following += 1
        if following < len(lines) and lines[following] == FENCE + "text":
            start, end = block_at(lines, following, comment)
            lines[start + 1 : end] = output
        elif output:
            lines[end + 1 : end + 1] = ["", FENCE + "text", *output, FENCE]
    return "\n".join(lines) + "\n"


def blocks(text: str) -> list[str]:
    """The blocks of code of a page, with their fences."""
    return re.findall(r"^```.*?^```$", text, re.M | re.S)


def pages() -> list[Path]:
    return sorted((ROOT / "docs").rglob("*.md"))


def faults(page: Path) -> list[str]:
    """What is wrong with a page: blocks that differ from the source or the output, or from the other language's."""
    text = page.read_text(encoding="utf-8")
    try:
        found = [] if fill(text) == text else ["a block differs from the library: run python docs/fill.py"]
    except Wrong as error:
        return [str(error)]
    english = Path(str(page).replace(f"{ROOT / 'docs' / 'zh'}", f"{ROOT / 'docs' / 'en'}"))
    if english != page and english.exists():
        ours, theirs = blocks(text), blocks(english.read_text(encoding="utf-8"))
        if len(ours) != len(theirs):
            found.append(f"{len(ours)} blocks of code, and {len(theirs)} in English")
        found += [f"block {number} differs from the English one, from {block.splitlines()[:2]} on"
                  for number, (block, other) in enumerate(zip(ours, theirs), 1) if block != other]
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="pages (all, when there is none)")
    parser.add_argument("--check", action="store_true", help="name what would change, and change nothing")
    parsed = parser.parse_args(arguments)
    failed = False
    for page in [file.resolve() for file in parsed.files] or pages():
        try:
            name = page.relative_to(ROOT).as_posix()
            if parsed.check:
                found = faults(page)
                print(*(f"{name}: {fault}\n" for fault in found), sep="", end="")
                failed |= bool(found)
                continue
            text = page.read_text(encoding="utf-8")
            filled = fill(text)
        except Wrong as error:
            print(f"{name}: {error}")
            failed = True
            continue
        if filled != text:
            page.write_text(filled, encoding="utf-8", newline="\n")
            print(f"{name} filled")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
