"""The notebooks' form: what every chapter has, the same in both languages, and made from its text to the byte."""

import ast
import importlib
import json
import re
from pathlib import Path

import pytest
from course import EXERCISES, ROOT, build

SOURCES = build.sources()
ENGLISH = [path for path in SOURCES if path.parent.name == "en"]
PLACE = "https://colab.research.google.com/github/OWNER/minigpt/blob/main/notebooks"
WORDS = {"en": ("Open in Colab", "Running time: about"), "zh": ("在 Colab 中打开", "运行时间")}
LABELS = {"set", "set_title", "set_xlabel", "set_ylabel", "suptitle", "text", "annotate", "title", "xlabel", "ylabel"}
TAUGHT = {"beam_search", "erf", "fused", "generate", "gradient_check", "layers", "models", "optim", "sampling", "text"}
CHECK = re.compile(r'^(?:\w+\.)?check\("(\w+)"', re.M)


def name(path: Path) -> str:
    return path.relative_to(ROOT / "notebooks").as_posix()


def cells(path: Path) -> list[tuple[str, str]]:
    return build.cells(path.read_text(encoding="utf-8"))


def code(path: Path) -> list[str]:
    return [body for kind, body in cells(path) if kind == "code"]


def python(path: Path) -> ast.Module:
    """All code of a notebook; what only IPython understands is a comment in the text."""
    return ast.parse("\n".join(code(path)))


def exercises(path: Path) -> list[str]:
    return [found for body in code(path) for found in CHECK.findall(body)]


def test_chapters_are_counted_from_00_in_both_languages():
    stems = [path.stem for path in ENGLISH]
    assert stems == [path.stem for path in SOURCES if path.parent.name == "zh"]
    assert [stem[:2] for stem in stems] == [f"{number:02}" for number in range(len(stems))]


@pytest.mark.parametrize("path", ENGLISH, ids=name)
def test_both_languages_have_the_same_code_and_cells(path):
    english, chinese = cells(path), cells(path.parent.parent / "zh" / path.name)
    assert [kind for kind, _ in english] == [kind for kind, _ in chinese]
    for ours, theirs in zip(english, chinese):
        assert ours[0] == "markdown" or ours == theirs


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_chapter_has_its_form(path):
    assert build.faults(path.read_text(encoding="utf-8")) == []
    language, parts = path.parent.name, cells(path)
    first = parts[0][1]
    colab, running = WORDS[language]
    assert re.match(rf"# {path.stem[:2]} · \S", first)
    assert f"[{colab}]({PLACE}/{language}/{path.stem}.ipynb)" in build.move(first, "OWNER/minigpt")
    (line,) = [line for line in first.splitlines() if running in line]
    assert re.search(r"\d", line), "the running time has no number"
    assert re.search(r"\(\.\./\.\./minigpt/[\w/]+\.py\)", first), "no link to a source"
    assert re.search(rf"\(\.\./\.\./docs/(?:{language}/)?[\w/]+\.md\)", first), "no link to a document"
    last = [body for kind, body in parts if kind == "markdown"][-1]
    following = ENGLISH.index(path.parent.parent / "en" / path.name) + 1
    assert following == len(ENGLISH) or f"({ENGLISH[following].stem}.ipynb)" in last, "no link to what comes next"


@pytest.mark.parametrize("path", ENGLISH, ids=name)
def test_a_chapter_has_pictures_and_exercises(path):
    drawn = sum(len(re.findall(r"plt\.(?:subplots|figure|show)\(", body)) > 0 for body in code(path))
    assert drawn >= 3
    asked = exercises(path)
    assert len(set(asked)) >= 2 and set(asked) <= EXERCISES


@pytest.mark.parametrize("language", build.LANGUAGES)
def test_the_start_page_lists_all_chapters_and_exercises(language):
    page = (ROOT / "docs" / language / "index.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| \[(\d\d) · (.*)$", page, re.M))
    assert sorted(rows) == [path.stem[:2] for path in ENGLISH]
    assert all(f"/notebooks/{language}/{path.stem}.ipynb)" in rows[path.stem[:2]] for path in ENGLISH)
    listed = {number: set(re.findall("`([^`]+)`", row)) for number, row in rows.items()}
    asked = {number: set() for number in rows}
    for exercise in EXERCISES:
        chapter = importlib.import_module(f"minigpt.exercises.book.{exercise}").EXERCISE.chapter
        asked[f"{chapter:02}"].add(exercise)
    assert listed == asked


@pytest.mark.parametrize("path", ENGLISH, ids=name)
def test_labels_of_pictures_need_no_other_font(path):
    """matplotlib's own has letters and signs, but no Chinese: it prints a warning for each character that it lacks."""
    for call in ast.walk(python(path)):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in LABELS:
            for node in ast.walk(call):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    assert max(map(ord, node.value), default=0) < 0x2E80, f"code line {call.lineno}: {node.value}"


def library_names() -> set[str]:
    """Functions and classes that the chapters teach."""
    found = set()
    for path in (ROOT / "minigpt").rglob("*.py"):
        if path.relative_to(ROOT / "minigpt").parts[0].removesuffix(".py") in TAUGHT:
            found |= {node.name for node in ast.parse(path.read_text(encoding="utf-8")).body
                      if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return found


@pytest.mark.parametrize("path", ENGLISH, ids=name)
def test_a_chapter_defines_nothing_that_the_library_has(path):
    asked = {function for exercise in exercises(path)
             for function in importlib.import_module(f"minigpt.exercises.book.{exercise}").EXERCISE.functions}
    defined = {node.name for node in ast.walk(python(path)) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert defined & library_names() <= asked


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_the_notebook_is_what_its_text_makes(path):
    there = path.with_suffix(".ipynb").read_bytes().decode("utf-8")
    made = json.loads(there)["cells"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in made if "outputs" in cell)
    written = [(kind, build.join_lines(body)) for kind, body in cells(path) if kind == "markdown"]
    assert [("markdown", "".join(cell["source"])) for cell in made if cell["cell_type"] == "markdown"] == written
    pytest.importorskip("jupytext", reason="requirements-docs.txt is not installed")
    pytest.importorskip("nbstripout", reason="requirements-docs.txt is not installed")
    assert there == build.notebook(path.read_text(encoding="utf-8"))


TEXT = f"""{build.HEADER}
# %% [markdown]
# # 00 · One
# [Open in Colab]({PLACE}/en/00_one.ipynb)

# %%
{build.INSTALL}

# %%
x = 1
"""


def test_cells_of_a_text():
    (first, title), (second, install), third = build.cells(TEXT)
    assert (first, second, third) == ("markdown", "code", ("code", "x = 1"))
    assert title.startswith("# 00 · One\n[Open") and install == build.INSTALL
    assert build.faults(TEXT) == []


@pytest.mark.parametrize("old, new, said", [
    ("# %% [markdown]", "# %% [raw]", "[raw]"), ("formats: ipynb", "formats: py", "HEADER"),
    ("safetensors", "safetensor", "INSTALL"),
    ("# %%\nimport", "# %% [markdown]\n# a\n\n# %%\nimport", "and a code cell"),
])  # fmt: skip
def test_a_fault_of_form_is_told(old, new, said):
    assert TEXT.count(old) == 1
    (fault,) = build.faults(TEXT.replace(old, new))
    assert said in fault


def test_a_repository_is_put_into_the_addresses():
    moved = build.move(TEXT, "ada/mini.gpt")
    assert "github/ada/mini.gpt/blob/main/notebooks/en/00_one.ipynb" in moved and "OWNER" not in moved
    assert "    # %pip install -q --no-deps git+https://github.com/ada/mini.gpt\n" in moved
    assert build.faults(moved) == [] and build.move(moved, "OWNER/minigpt") == TEXT


def test_notebooks_are_made_checked_and_moved(tmp_path, monkeypatch, capsys):
    pytest.importorskip("jupytext", reason="requirements-docs.txt is not installed")
    pytest.importorskip("nbstripout", reason="requirements-docs.txt is not installed")
    monkeypatch.setattr(build, "FOLDER", tmp_path / "notebooks")
    monkeypatch.setattr(build.sources, "__defaults__", (tmp_path / "notebooks",))
    text = tmp_path / "notebooks" / "en" / "00_one.py"
    text.parent.mkdir(parents=True)
    text.write_text(TEXT, encoding="utf-8")
    made = text.with_suffix(".ipynb")
    assert build.main(["--check"]) == 1 and not made.exists()
    assert build.main([]) == 0
    once = made.read_bytes()
    assert b"\r" not in once and b"    %pip install" in once and build.main(["--check"]) == 0
    made.unlink()
    assert build.main([]) == 0 and made.read_bytes() == once  # no random ids
    text.write_text(TEXT + "\n# %%\ny = 2\n", encoding="utf-8")
    assert build.main(["--check"]) == 1 and "00_one.ipynb is not what it makes" in capsys.readouterr().out
    assert build.main(["--repository", "ada/minigpt"]) == 0
    assert all(b"github.com/ada/minigpt" in path.read_bytes() for path in (text, made))
    with pytest.raises(SystemExit):
        build.main(["--repository", "ada"])
