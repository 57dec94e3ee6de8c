"""python -m minigpt docs, and what the site is made of. Where MINIGPT_SITE names a built site, that too."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest
from course import ROOT, script

from minigpt.cli import main
from minigpt.commands import docs

stage = script("docs/website/stage.py")
docstrings = script("docs/website/docstrings.py")
BUILT = os.environ.get("MINIGPT_SITE")
needs_site = pytest.mark.skipif(not BUILT, reason="MINIGPT_SITE doesn't name a built site")


def refused(capsys, *arguments) -> str:
    assert main(["docs", *map(str, arguments)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_an_installed_minigpt_says_that_the_documents_are_not_there(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    assert "comes without its documents; get the source" in refused(capsys)


def test_what_is_missing_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(docs, "find_spec", lambda name: None if name == "furo" else name)
    line = refused(capsys, "--out", tmp_path)
    assert "(furo): pip install -r requirements-docs.txt" in line


def test_no_strange_folder_is_written_to(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(docs, "find_spec", lambda name: name)
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    assert "thesis.txt is in it" in refused(capsys, "--out", tmp_path)
    assert "choose another --out" in refused(capsys, "--out", tmp_path / "thesis.txt")


def test_the_site_is_built_and_opened(tmp_path, capsys, monkeypatch):
    opened, started = [], []

    def build(command):
        started.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(docs, "find_spec", lambda name: name)
    monkeypatch.setattr("subprocess.run", build)
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert main(["docs", "--out", str(tmp_path / "site"), "--no-open"]) == 0 and not opened
    assert main(["docs", "--out", str(tmp_path / "site")]) == 0
    assert opened == [(tmp_path / "site" / "index.html").as_uri()]
    assert started[0] == [sys.executable, str(ROOT / "docs" / "website" / "build.py"), str(tmp_path / "site")]
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / "site" / "index.html")] * 2
    monkeypatch.setattr("subprocess.run", lambda command: subprocess.CompletedProcess(command, 1))
    assert main(["docs", "--out", str(tmp_path / "site")]) == 1 and len(opened) == 1


@pytest.mark.parametrize("path, language, page", [
    ("docs/en/layers/softmax.md", "en", ("en", "layers/softmax")), ("docs/zh/index.md", "en", ("zh", "index")),
    ("docs/notation.md", "zh", ("zh", "notation")), ("README.md", "zh", ("en", "readme")),
    ("notebooks/zh/05_x.ipynb", "zh", ("zh", "chapters/05_x")), ("CONTRIBUTING.md", "zh", ("zh", "contributing")),
    ("minigpt/optim.py", "zh", ("zh", "source/minigpt/optim.py")), ("LICENSE", "en", ("en", "source/LICENSE")),
])  # fmt: skip
def test_the_page_of_a_file(path, language, page):
    assert stage.page_of(PurePosixPath(path), language) == page


def test_links_lead_from_page_to_page(tmp_path):
    one = stage.Stage(ROOT, tmp_path, "zh")
    text = ("[a](../../en/layers/softmax.md) [b](../../../minigpt/layers/softmax.py) [c](layer_norm.md#x)\n"
            "`[d](e.md)`\n"
            "![f](../../pictures/loss.png) [g](https://h) [i](#j) [k](../../../notebooks/zh/05_x.ipynb)\n")
    assert one.relink(text, PurePosixPath("docs/zh/layers/softmax.md"), "layers/softmax") == (
        "[a](other:../../en/layers/softmax.html) [b](../source/minigpt/layers/softmax.py.md) "
        "[c](../layers/layer_norm.md#x)\n`[d](e.md)`\n"
        "![f](../pictures/loss.png) [g](https://h) [i](#j) [k](../chapters/05_x.ipynb)\n")
    assert (tmp_path / "pictures" / "loss.png").exists() and one.sources == {PurePosixPath("minigpt/layers/softmax.py")}


def test_a_link_to_nothing_is_named(tmp_path):
    with pytest.raises(stage.Missing, match="there is no minigpt"):
        stage.Stage(ROOT, tmp_path, "en").relink("[a](../../minigpt/nothing.py)", PurePosixPath("docs/en/a.md"), "a")


def test_no_blank_comes_between_chinese_lines(tmp_path):
    one = stage.Stage(ROOT, tmp_path, "zh")
    text = "# 题\n第一行，\n第二行。\n**第三**行 and\nlatin\n行，\nas：\n1. 项\n- 目\n```\n码\n码\n```\n"
    joined = "# 题\n第一行，第二行。**第三**行 and\nlatin\n行，as：\n1. 项\n- 目\n```\n码\n码\n```\n"
    assert one.relink(text, PurePosixPath("docs/zh/a.md"), "a") == joined
    assert stage.Stage(ROOT, tmp_path, "en").relink(text, PurePosixPath("docs/en/a.md"), "a") == text


def test_a_docstring_as_rst():
    lines = ["Adds *a* to `b`: see c_.", "On.", "", "    y = a * b", "    z = |a|", "", "- one", "- two"]
    assert docstrings.to_rst(lines) == [
        r"\ Adds \*a\* to \ ``b``\ \: see c\_\. On\.", "", "::", "", "        y = a * b", "        z = |a|", "",
        "::", "", "    - one", "    - two", ""]
    assert docstrings.to_rst(["y = f(x)     forward", "dx = g(dy)   backward"])[0] == "::"
    address = docstrings.source_address("py", {"module": "minigpt.layers.softmax", "fullname": "softmax_forward"})
    assert address.startswith("../../source/minigpt/layers/softmax.py.html#line-")


def test_words_of_a_chinese_page():
    pytest.importorskip("sphinx", reason="requirements-docs.txt is not installed")
    search = script("docs/website/search.py")
    assert search.split("层归一化 LayerNorm(x)，d_model") == [
        "层", "归", "一", "化", "层归", "归一", "一化", "LayerNorm", "x", "d_model"]


@pytest.mark.skipif(not shutil.which("node"), reason="no node to run it")
def test_the_browser_splits_as_the_index_does():
    pytest.importorskip("sphinx", reason="requirements-docs.txt is not installed")
    search = script("docs/website/search.py")
    query = "梯度检查 of a layer_norm, 词 注意力"
    program = search.SPLIT + f"console.log(splitQuery({query!r}).join(' '))"
    done = subprocess.run(["node", "-e", program], capture_output=True, text=True, encoding="utf-8", check=True)
    asked = done.stdout.split()
    assert asked == ["梯度", "度检", "检查", "of", "a", "layer_norm", "词", "注意", "意力"]
    assert set(asked) <= set(search.split(query))


def test_a_chapter_may_not_complain_but_of_fonts():
    pytest.importorskip("nbclient", reason="requirements-docs.txt is not installed")
    nbformat = pytest.importorskip("nbformat")
    execute = script("docs/website/execute.py")

    def run(words):
        code = f"import sys\nprint({words!r}, file=sys.stderr)\nprint('done')"
        return execute.run(ROOT, nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)]), "00_one")

    ((_, outputs),) = run("findfont: Font family ['STIXGeneral'] not found. Falling back to DejaVu Sans.")
    assert [(output["name"], output["text"]) for output in outputs] == [("stdout", "done\n")]
    with pytest.raises(execute.Failed, match=r"00_one\.py, code cell 1 writes to standard error: a warning"):
        run("a warning")


# A built site: .ci/run builds one and sets MINIGPT_SITE.


def html(language: str) -> dict[str, str]:
    folder = Path(BUILT) / language
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.html")}


@needs_site
def test_nothing_is_loaded_from_elsewhere():
    for language in ("en", "zh"):
        for name, text in html(language).items():
            loaded = re.findall(r'<(?:script|img|iframe|source)\b[^>]*\bsrc="([^"]*)"', text)
            loaded += re.findall(r'<link\b(?![^>]*rel="(?:canonical|author)")[^>]*\bhref="([^"]*)"', text)
            assert loaded and not [address for address in loaded if re.match("(https?:)?//", address)], name
        for path in (Path(BUILT) / language / "_static").rglob("*.css"):
            assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", path.read_text(encoding="utf-8")), path


@needs_site
def test_every_page_is_there_in_both_languages_and_says_so():
    english, chinese = html("en"), html("zh")
    assert set(english) - {"readme.html"} == set(chinese) - {"readme.html"}
    for name, text in english.items():
        (address,) = set(re.findall(r'class="language-switch[^"]*" href="([^"]*)"', text))
        assert (Path(BUILT) / "en" / name).parent.joinpath(address).resolve() == (
            Path(BUILT) / "zh" / (name if name in chinese else "index.html")).resolve()


@needs_site
def test_links_of_the_site_lead_somewhere():
    for language in ("en", "zh"):
        folder, pages = Path(BUILT) / language, html(language)
        ids = {name: set(re.findall(r'\bid="([^"]*)"', text)) for name, text in pages.items()}
        for name, text in pages.items():
            for address in re.findall(r'<a\b[^>]*\bhref="([^"]*)"', text):
                path, _, anchor = address.partition("#")
                if re.match("[a-z]+:", address) or not path:
                    continue
                there = Path(os.path.normpath((folder / name).parent / path))
                assert there.exists(), f"{language}/{name}: {address}"
                key = os.path.relpath(there, folder).replace(os.sep, "/")
                assert not anchor or key not in ids or anchor in ids[key], f"{language}/{name}: {address}"


@needs_site
def test_chapters_have_their_pictures_and_formulas_in_the_site():
    for language in ("en", "zh"):
        chapters = {name: text for name, text in html(language).items() if name.startswith("chapters/")}
        assert chapters
        for name, text in chapters.items():
            assert len(re.findall(r'<img [^>]*src="\.\./_images/', text)) >= 3, name
        assert "_static/mathjax/tex-chtml-full.js" in html(language)["layers/softmax.html"]
    assert list((Path(BUILT) / "en" / "_static" / "mathjax").rglob("MathJax_Main-Regular.woff"))


@needs_site
@pytest.mark.parametrize("words, page", [
    ("梯度检查", "gradient_check"), ("层归一化", "layers/layer_norm"), ("注意力", "layers/attention"),
])  # fmt: skip
def test_chinese_words_are_in_the_index(words, page):
    """What the browser asks for, pair by pair, is there, and leads to the page."""
    import json

    text = (Path(BUILT) / "zh" / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    number = index["docnames"].index(page)
    for pair in (words[i : i + 2] for i in range(len(words) - 1)):
        found = [index[kind].get(pair, []) for kind in ("terms", "titleterms")]
        assert any(number in (each if isinstance(each, list) else [each]) for each in found), pair
