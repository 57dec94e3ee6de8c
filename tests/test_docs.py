"""The documents: both languages tell the same, and every link from one file to another leads somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ENGLISH, CHINESE = ROOT / "docs" / "en", ROOT / "docs" / "zh"
LINK = re.compile(r"\]\(([^()\s]+)\)")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def outline(text: str) -> list[tuple]:
    """What all languages of a page have in common, in its order.

    The levels of headings, blocks of code to the letter, comments (they name the tables), for each row of a table how
    many cells it has and the numbers in them, and where links lead.
    """
    found, code = [], None
    for line in text.splitlines():
        if line.startswith("```"):
            if code is None:
                code = []
            else:
                found.append(("code", *code))
                code = None
        elif code is not None:
            code.append(line)
        elif line.startswith("<!--"):
            found.append(("comment", line))
        elif line.startswith("|"):
            found.append(("row", line.count("|") - 1, *NUMBER.findall(line)))
        elif re.match("#{1,6} ", line):
            found.append(("heading", line.index(" ")))
        if code is None:
            found += [("link", target) for target in LINK.findall(line)]
    assert code is None, "a block of code has no end"
    return found


def partner(found: list[tuple]) -> list[tuple]:
    """The outline of the same page in the other language, whose links to the other language lead here."""
    other = {"../en/": "../zh/", "../zh/": "../en/"}
    return [(kind, other.get(rest[0][:6], rest[0][:6]) + rest[0][6:]) if kind == "link" else (kind, *rest)
            for kind, *rest in found]


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.md"))


def test_every_page_is_there_in_both_languages():
    assert names(ENGLISH)
    assert names(ENGLISH) == names(CHINESE)


@pytest.mark.parametrize("name", names(ENGLISH))
def test_both_languages_of_a_page_have_the_same_outline(name):
    english, chinese = (outline((folder / name).read_text(encoding="utf-8")) for folder in (ENGLISH, CHINESE))
    assert english
    assert partner(english) == chinese


def test_every_relative_link_leads_to_a_file():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    links = [(page, found[1]) for page in pages for found in outline(page.read_text(encoding="utf-8"))
             if found[0] == "link" and not re.match("https?:|mailto:|#", found[1])]
    assert len(links) > 50
    for page, target in links:
        assert (page.parent / target.partition("#")[0]).exists(), f"{page.relative_to(ROOT)}: no {target}"


PAGE = """# Title
see [one](one.md) in [the other language](../zh/page.md)
<!-- table: a -->
| a | b |
|---|---|
| 1.5 | 2,048 of [three](three.md) |
## Part
```
# x = [1](1)
```
"""


def test_the_outline_of_a_page():
    assert outline(PAGE) == [
        ("heading", 1), ("link", "one.md"), ("link", "../zh/page.md"), ("comment", "<!-- table: a -->"), ("row", 2),
        ("row", 2), ("row", 2, "1.5", "2,048"), ("link", "three.md"), ("heading", 2), ("code", "# x = [1](1)"),
    ]  # fmt: skip
    other = PAGE.replace("Title", "标题").replace("see", "见").replace(" of ", " 之 ").replace("../zh/", "../en/")
    assert partner(outline(PAGE)) == outline(other)


@pytest.mark.parametrize("old, new", [
    ("## Part", "### Part"), ("## Part\n", ""), ("x = [1]", "x = [2]"), ("x = ", "x  = "), ("one.md", "two.md"),
    ("[one](one.md)", "one"), ("| a | b |", "| a | b | c |"), ("1.5", "1.6"), ("2,048", "2,049"), ("table: a", "b"),
    ("|---|---|\n", ""), ("../zh/page.md", "../en/page.md"),
])  # fmt: skip
def test_a_difference_between_pages_is_seen(old, new):
    assert PAGE.count(old) == 1
    assert outline(PAGE.replace(old, new)) != outline(PAGE)
