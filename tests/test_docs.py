"""The documents: both languages tell the same, what they show is the library's, and every link leads somewhere."""

import re
from pathlib import Path

import pytest
from course import ROOT, fill, markdown, pages, translations

ENGLISH, CHINESE = ROOT / "docs" / "en", ROOT / "docs" / "zh"
LINK = re.compile(r"(!?)\[[^\[\]]*\]\(([^()\s]+)\)|\]\(([^()\s]+)\)")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
FORMULA = re.compile(r"(?<![\\$])\$(?!\$)((?:[^$\\`]|\\.)+)\$")
SWAPPED = {"en": "zh", "zh": "en", "README.md": "README.zh.md", "README.zh.md": "README.md"}

# Files of the package that have an API page alone, and why; every other file has a document in each language.
API_ONLY = {
    "__main__": "starts cli",
    "bench": "docs/*/performance.md tells what it measures",
    "cache_blocking": "docs/*/performance.md tells what it wins",
    "cases": "a table for the tests; CONTRIBUTING.md tells how to add to it",
    "cli": "explains itself with --help",
    "commands": "explain themselves with --help",
    "compare_backends": "one table of python -m minigpt gpucheck",
    "corpora": "where texts are found, nothing to derive",
    "dispatch": "docs/*/performance.md tells of the twins that it finds",
    "download": "fetches a file and checks it",
    "errors": "one exception",
    "exercises": "the tasks are read where they are solved, with python -m minigpt learn",
    "fused/cuda": "docs/*/performance.md tells what the kernels fuse; each begins with its equations",
    "interrupt": "keeps a run safe, no part of the model",
    "json_file": "reads JSON",
    "layer_work": "docs/*/performance.md tells what is counted",
    "learn": "explains itself with --help",
    "memory": "asks the system how much memory there is, and to keep what is freed",
    "pictures": "draws",
    "profiling": "docs/*/performance.md tells how to read its table",
    "roofline": "docs/*/performance.md tells what the roofline is",
    "roofline_picture": "draws",
    "run_folder": "keeps a run safe, no part of the model",
    "run_lock": "keeps a run safe, no part of the model",
    "run_log": "keeps a run safe, no part of the model",
    "train_config": "its fields are the flags of python -m minigpt train",
}

# The second-level headings of a source file's document, in their order: with a gradient, and without one.
FORMS = {
    "en": (
        ["What it is for", "Forward", "Derivation", "Backward", "A number by hand", "What is saved, and why",
         "Variants", "Exercises", "Sources"],
        ["What it is for", "How it works", "A number by hand", "Variants", "Exercises", "Sources"],
    ),
    "zh": (
        ["用途", "前向", "推导", "反向", "手算一例", "保存什么，为什么", "变体", "练习", "出处"],
        ["用途", "工作原理", "手算一例", "变体", "练习", "出处"],
    ),
}  # fmt: skip


def links(line: str) -> list[tuple[str, str]]:
    """("picture" or "link", where it leads) of a line, in order; a picture that is a link's text comes first."""
    return [("picture" if picture else "link", target or outer) for picture, target, outer in LINK.findall(line)]


def outline(text: str) -> list[tuple]:
    """What all languages of a page have in common, in its order.

    The levels of headings, blocks of code and formulas to the letter, comments (they name the tables), for each row of
    a table how many cells it has and the numbers in them, pictures, and where links lead. Languages order a sentence
    differently, so the formulas within one paragraph, item or row are sorted. Anchors are headings, and translated.
    """
    found, block, fence, formulas = [], None, None, []
    for line in [*text.splitlines(), ""]:
        if block is not None:
            block.append(line)
            if line.startswith(fence):
                found.append(("formula" if fence == "$$" else "code", *block[1:-1]))
                block = None
            continue
        if not line.strip() or re.match(r"[#|]|\s*([-*]|\d+\.) |```|\$\$", line):
            found += [("formula", formula) for formula in sorted(formulas)]
            formulas = []
        single = re.fullmatch(r"\s*\$\$(.+)\$\$\s*", line)
        if single:
            found.append(("formula", single[1].strip()))
        elif line.startswith(("```", "$$")):
            block, fence = [line], "$$" if line.startswith("$$") else "```"
        elif line.startswith("<!-- english:"):
            continue
        elif line.startswith("<!--"):
            found.append(("comment", line))
        elif line.startswith("|"):
            found.append(("row", re.sub(r"\\\||`[^`]*`|\$[^$]*\$", "", line).count("|") - 1, *NUMBER.findall(line)))
        elif re.match("#{1,6} ", line):
            found.append(("heading", line.index(" ")))
        if block is None:
            found += [(kind, re.sub("#.+", "#", target)) for kind, target in links(line)]
            formulas += FORMULA.findall(re.sub(r"`[^`]*`", "", line))
    assert block is None, "a block of code or a formula has no end"
    return found


def partner(found: list[tuple]) -> list[tuple]:
    """The outline of the same page in the other language, which links to what there is in its own."""
    return [(kind, "/".join(SWAPPED.get(part, part) for part in rest[0].split("/"))) if kind == "link" else
            (kind, *rest) for kind, *rest in found]


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.md"))


def code_gone(text: str) -> str:
    """A page without its code, in blocks and in lines."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S))


def anchors(text: str) -> list[str]:
    """What GitHub and the site call the headings: small letters, no punctuation, hyphens for spaces."""
    found = []
    for heading in re.findall(r"^#{1,6} +(.+?) *$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M):
        anchor = re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "", heading).lower()).replace(" ", "-")
        found.append(anchor + (f"-{found.count(anchor)}" if anchor in found else ""))
    return found


def test_every_page_is_there_in_both_languages():
    assert names(ENGLISH)
    assert names(ENGLISH) == names(CHINESE)


PAIRS = {name: (ENGLISH / name, CHINESE / name) for name in names(ENGLISH)}
if (ROOT / "README.zh.md").exists():
    PAIRS["README.md"] = (ROOT / "README.md", ROOT / "README.zh.md")


@pytest.mark.parametrize("name", PAIRS)
def test_both_languages_of_a_page_have_the_same_outline(name):
    english, chinese = (outline(path.read_text(encoding="utf-8")) for path in PAIRS[name])
    assert english
    assert partner(english) == chinese


def test_every_relative_link_leads_to_a_file_and_a_heading_there():
    found = [(page, target) for page in pages() for _, target in links(code_gone(markdown(page)))
             if not re.match("https?:|mailto:", target)]
    assert len(found) > 50
    for page, target in found:
        path, _, anchor = target.partition("#")
        there = page.parent / path if path else page
        assert there.exists(), f"{page.relative_to(ROOT)}: no {target}"
        if anchor:
            text = there.with_suffix(".py") if there.suffix == ".ipynb" else there
            assert anchor in anchors(markdown(text)), f"{page.relative_to(ROOT)}: {path} has no #{anchor}"


def documented() -> list[str]:
    """The files of the package that a document belongs to: layers/linear, optim, ..."""
    package = ROOT / "minigpt"
    found = [path.relative_to(package).with_suffix("") for path in sorted(package.rglob("*.py"))]
    return [path.as_posix() for path in found if path.name != "__init__" and path.parts[0] not in API_ONLY
            and path.parent.as_posix() not in API_ONLY]


def test_the_list_of_what_has_no_document_is_up_to_date():
    rooms = {path.stem for path in (ROOT / "minigpt").iterdir() if path.is_dir() or path.suffix == ".py"}
    assert {name for name in API_ONLY if not (ROOT / "minigpt" / name).is_dir()} - rooms <= {"learn"}
    assert "layers/attention" in documented() and "optim" in documented() and "cli" not in documented()


@pytest.mark.parametrize("name", documented())
def test_every_file_of_the_library_has_a_document(name):
    assert (ENGLISH / f"{name}.md").exists()


DOCUMENTS = [(language, name.removesuffix(".md")) for language, folder in (("en", ENGLISH), ("zh", CHINESE))
             for name in names(folder) if (ROOT / "minigpt" / name).with_suffix(".py").exists()]


@pytest.mark.parametrize("language, name", DOCUMENTS)
def test_a_document_has_its_headings_and_links(language, name):
    page = ROOT / "docs" / language / f"{name}.md"
    text = code_gone(page.read_text(encoding="utf-8"))
    assert re.findall("^## (.+)$", text, re.M) in FORMS[language]
    assert len(re.findall("^# ", text, re.M)) == 1
    above = text.partition("\n## ")[0]
    led = [(page.parent / target).resolve() for _, target in links(above) if not target.startswith("http")]
    assert ROOT / "minigpt" / f"{name}.py" in led, "no link to the source above the first heading"
    assert ROOT / "docs" / SWAPPED[language] / f"{name}.md" in led, "no link to the other language"
    assert any(path.parent == ROOT / "tests" for path in led), "no link to a test"


# What the library and the pages show is the same.


@pytest.mark.parametrize("page", fill.pages(), ids=lambda page: page.relative_to(ROOT / "docs").as_posix())
def test_what_a_page_shows_is_what_the_library_does(page):
    assert fill.faults(page) == []


FILLED = """# Page
<!-- source: minigpt/layers/softmax.py softmax_forward -->
```python
```

<!-- run -->
```python
x = 2 / 3
print(x, -1e-9)
```

<!-- run -->
```python
import numpy as np
print(np.array([x, -1e-9]))
```

```text
```
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A repository with one page in both languages, filled."""
    monkeypatch.setattr(fill, "ROOT", tmp_path)
    source = tmp_path / "minigpt" / "layers" / "softmax.py"
    source.parent.mkdir(parents=True)
    source.write_text((ROOT / "minigpt" / "layers" / "softmax.py").read_text(encoding="utf-8"), encoding="utf-8")
    for language in FORMS:
        (tmp_path / "docs" / language).mkdir(parents=True)
        (tmp_path / "docs" / language / "page.md").write_text(FILLED, encoding="utf-8")
    assert fill.main([]) == 0
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_page_is_filled(folder, capsys):
    text = (folder / "docs" / "zh" / "page.md").read_text(encoding="utf-8")
    assert '```python\ndef softmax_forward(x):\n    """x' in text and "return y, (y,)\n```\n\n<!-- run -->" in text
    assert "```\n\n```text\n0.6666666666666666 -1e-09\n```\n\n<!-- run -->" in text
    assert text.endswith("```\n\n```text\n[0.6667 0.    ]\n```\n") or text.endswith("```text\n[ 0.6667  0.    ]\n```\n")
    assert fill.main(["--check"]) == 0 and fill.main([]) == 0


@pytest.mark.parametrize("old, new, said", [
    ("return y, (y,)", "return y, y", "differs from the library"),
    ("0.6666666666666666", "0.6666666666666667", "differs from the library"),
    ("softmax.py softmax_forward -->", "softmax.py softmax_sideways -->", "minigpt/layers/softmax.py has no softmax_s"),
    ("layers/softmax.py softmax_f", "layers/hardmax.py softmax_f", "there is no file minigpt/layers/hardmax.py"),
    ("x = 2 / 3", "x = 2 / 0", "run block 1, line 1: ZeroDivisionError"),
    ("print(np", "print(numpy", "run block 2, line 2: NameError"),
    ("<!-- source:", "<!-- source", "line 2 is neither"),
    ("import numpy as np", "import numpy as np  # here", "block 4 differs from the English one"),
])  # fmt: skip
def test_a_page_that_differs_is_named(folder, capsys, old, new, said):
    edit(folder / "docs" / "zh" / "page.md", old, new)
    assert fill.main(["--check"]) == 1
    printed = capsys.readouterr().out
    assert "docs/zh/page.md: " in printed and said in printed and "docs/en/page.md" not in printed


def test_a_change_of_the_library_is_noticed_and_filled_in(folder, capsys):
    edit(folder / "minigpt" / "layers" / "softmax.py", '"""x (..., N) -> y (..., N), rows', '"""rows')
    assert fill.main(["--check"]) == 1
    assert capsys.readouterr().out.count("differs from the library") == 2
    assert fill.main([]) == 0 and fill.main(["--check"]) == 0


@pytest.mark.parametrize("name, starts, ends", [
    ("module", "What it does.", "What it does."), ("LIMIT", "# A limit,\n# explained.", "LIMIT = 3"),
    ("double", "@cache\ndef double", "return 2 * x"), ("Box", "class Box:", "return self.size"),
    ("Box.area", "@property\ndef area(self):\n    return", "return self.size"), ("size", "size: int = 4", "int = 4"),
])  # fmt: skip
def test_what_a_name_stands_for(name, starts, ends):
    source = ('"""What it does."""\n\nfrom functools import cache\n\n# A limit,\n# explained.\nLIMIT = 3\n'
              "size: int = 4\n\n\n@cache\ndef double(x):\n    return 2 * x\n\n\nclass Box:\n    size = 3\n\n"
              "    @property\n    def area(self):\n        return self.size\n")
    found = fill.definition(source, name)
    assert found.startswith(starts) and found.endswith(ends)
    with pytest.raises(KeyError):
        fill.definition(source, name + "s")


# Chinese files record what they were translated from.


def test_no_translation_is_stale():
    assert translations.chinese_files()
    assert translations.stale() == []


NOTEBOOK = "# ---\n# ---\n\n# %% [markdown]\n# # One\n# <!-- english: 000000000000 -->\n# Two\n\n# %%\nx = 1  # one\n"


@pytest.fixture
def translated(tmp_path):
    """A repository with a document, a notebook and a README, translated and stamped."""
    for language in FORMS:
        (tmp_path / "docs" / language).mkdir(parents=True)
        (tmp_path / "docs" / language / "page.md").write_text(PAGE, encoding="utf-8")
        (tmp_path / "notebooks" / language).mkdir(parents=True)
        (tmp_path / "notebooks" / language / "00_one.py").write_text(NOTEBOOK, encoding="utf-8")
    (tmp_path / "README.md").write_text("# Read me\n", encoding="utf-8")
    (tmp_path / "README.zh.md").write_text("# 读我\n", encoding="utf-8")
    assert len(translations.chinese_files(tmp_path)) == len(translations.stale(tmp_path)) == 3
    for path in translations.chinese_files(tmp_path):
        translations.stamp(path, tmp_path)
    assert translations.stale(tmp_path) == []
    return tmp_path


@pytest.mark.parametrize("name, old, new, seen", [
    ("docs/en/page.md", "see", "look at", True), ("docs/en/page.md", "## Part", "## A part", True),
    ("docs/en/page.md", "| a | b |", "| a | c |", True), ("docs/en/page.md", "see ", "see\n", False),
    ("docs/en/page.md", "](one.md)", "](two.md)", False), ("docs/en/page.md", "# x = [1](1)", "y", False),
    ("docs/en/page.md", "table: a", "table: b", False), ("README.md", "Read", "Reed", True),
    ("notebooks/en/00_one.py", "Two", "Three", True), ("notebooks/en/00_one.py", "x = 1  # one", "x = 2", False),
])  # fmt: skip
def test_a_change_of_english_prose_makes_its_translation_stale(translated, name, old, new, seen):
    edit(translated / name, old, new)
    found = translations.stale(translated)
    if not seen:
        assert found == []
        return
    (line,) = found
    chinese = name.replace("/en/", "/zh/").replace("README.md", "README.zh.md")
    assert line.startswith(chinese + ": ") and "has changed" in line
    translations.stamp(translated / chinese, translated)
    assert translations.stale(translated) == []


def test_a_translation_without_a_hash_or_an_original_is_named(translated):
    edit(translated / "docs" / "zh" / "page.md", "<!-- english: ", "<!-- ")
    (translated / "notebooks" / "en" / "00_one.py").unlink()
    one, two = translations.stale(translated)
    assert "docs/zh/page.md: has no line" in one and "notebooks/zh/00_one.py: there is no notebooks/en/00_one.py" in two


def test_a_stamp_is_put_where_none_is(translated):
    chinese = translated / "notebooks" / "zh" / "00_one.py"
    stamped = chinese.read_text(encoding="utf-8")
    chinese.write_text(re.sub("# <!-- .*\n", "", stamped), encoding="utf-8")
    assert len(translations.stale(translated)) == 1
    translations.stamp(chinese, translated)
    assert chinese.read_text(encoding="utf-8") == stamped and translations.stale(translated) == []


# The tests' own tools.

PAGE = """# Title
see [one](one.md) in [the other language](../zh/page.md)
<!-- table: a -->
| a | b |
|---|---|
| 1.5 | 2,048 of [three](three.md) |
## Part
Here $b_1$ comes before $a$, but not `$c$`, for \\$5 or \\$6.
![a picture](a.png)
$$ y = x $$
$$
y = x W \\\\
z = 2
$$
```
# x = [1](1) $d$
```
"""


def test_the_outline_of_a_page():
    assert outline(PAGE) == [
        ("heading", 1), ("link", "one.md"), ("link", "../zh/page.md"), ("comment", "<!-- table: a -->"), ("row", 2),
        ("row", 2), ("row", 2, "1.5", "2,048"), ("link", "three.md"), ("heading", 2), ("picture", "a.png"),
        ("formula", "a"), ("formula", "b_1"), ("formula", "y = x"), ("formula", "y = x W \\\\", "z = 2"),
        ("code", "# x = [1](1) $d$"),
    ]  # fmt: skip
    other = PAGE.replace("Title", "标题").replace("see", "见").replace(" of ", " 之 ").replace("../zh/", "../en/")
    other = other.replace("$b_1$ comes before $a$", "$a$ 在 $b_1$ 之后").replace("a picture", "图")
    assert partner(outline(PAGE)) == outline("<!-- english: 0123456789ab -->\n" + other)


@pytest.mark.parametrize("old, new", [
    ("## Part", "### Part"), ("## Part\n", ""), ("x = [1]", "x = [2]"), ("# x = ", "# x  = "), ("one.md", "two.md"),
    ("[one](one.md)", "one"), ("| a | b |", "| a | b | c |"), ("1.5", "1.6"), ("2,048", "2,049"), ("table: a", "b"),
    ("|---|---|\n", ""), ("../zh/page.md", "../en/page.md"), ("$b_1$", "$b_2$"), ("$a$", "a"), ("z = 2", "z = 3"),
    ("$$ y = x $$", "$$ y = 2x $$"), ("a.png", "b.png"), ("![a", "[a"), ("$$ y = x $$\n", ""),
])  # fmt: skip
def test_a_difference_between_pages_is_seen(old, new):
    assert PAGE.count(old) == 1
    assert outline(PAGE.replace(old, new)) != outline(PAGE)


def test_the_anchors_of_a_page():
    text = "# What is saved, and why\n## A `b` of [c](d.md)\n```\n# no\n```\n## 保存什么，为什么\n## A `b` of c\n"
    assert anchors(text) == ["what-is-saved-and-why", "a-b-of-c", "保存什么为什么", "a-b-of-c-1"]
