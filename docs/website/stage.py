"""Lay out the pages of one language for Sphinx, in a folder of their own.

    repository                        page
    docs/LANGUAGE/index.md            index, with the tables of contents
    docs/LANGUAGE/layers/softmax.md   layers/softmax
    docs/notation.md                  notation (it is in both languages)
    README.md, README.zh.md           readme
    notebooks/LANGUAGE/05_x.py        chapters/05_x, with what it printed and drew
    minigpt/layers/softmax.py         api/layers/softmax, from the docstrings, and source/minigpt/layers/softmax.py
    any other file that is linked     source/...

The documents' links lead from file to file, so that they work wherever the repository is read. Here each becomes a link
from page to page; one that leads to the other language becomes an address there.
"""

import functools
import json
import os
import re
import shutil
from pathlib import Path, PurePosixPath

from cjk import join_lines

LANGUAGES = ("en", "zh")
CAPTIONS = {
    "en": {"chapters": "Chapters", "documents": "Documents", "guides": "Guides", "reference": "Reference"},
    "zh": {"chapters": "章节", "documents": "文档", "guides": "指南", "reference": "参考"},
}
TITLES = {"en": {"api": "API", "source": "Source files"}, "zh": {"api": "API 参考", "source": "源文件"}}
CODE = re.compile(r"(^```.*?^```$|`[^`\n]*`)", re.M | re.S)
TARGET = re.compile(r"\]\(([^()\s]+)\)")
READMES = {"README.md": "en", "README.zh.md": "zh"}
LEXERS = {".py": "python", ".toml": "toml", ".json": "json", ".yml": "yaml", ".sh": "bash"}


def page_of(path: PurePosixPath, language: str) -> tuple[str, str]:
    """(language, name of the page) that shows a file of the repository to who reads in `language`."""
    parts = path.parts
    if str(path) in READMES:
        return READMES[str(path)], "readme"
    if str(path) == "CONTRIBUTING.md":
        return language, "contributing"
    if str(path) == "docs/notation.md":
        return language, "notation"
    if parts[0] == "docs" and parts[1] in LANGUAGES and path.suffix == ".md":
        return parts[1], "/".join(parts[2:]).removesuffix(".md")
    if parts[0] == "notebooks" and len(parts) == 3 and path.suffix in (".ipynb", ".py"):
        return parts[1], f"chapters/{path.stem}"
    return language, f"source/{path}"


class Missing(Exception):
    """A link that leads nowhere; the message says which."""


class Stage:
    """The folder of one language. Files that don't change keep their time, so Sphinx reads only what is new."""

    def __init__(self, root: Path, folder: Path, language: str):
        self.root, self.folder, self.language = root, folder, language
        self.written: set[Path] = set()
        self.sources: set[PurePosixPath] = set()  # files that need a source page

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        self.written.add(path)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")

    def copy(self, source: Path, name: str) -> None:
        path = self.folder / name
        self.written.add(path)
        if not path.exists() or path.read_bytes() != source.read_bytes():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, path)

    def finish(self) -> None:
        """Remove what an earlier build left and this one did not write."""
        for path in [path for path in self.folder.rglob("*") if path.is_file()]:
            if path not in self.written:
                path.unlink()

    def link(self, target: str, file: PurePosixPath, page: str) -> str:
        """Where a link of `file` leads on the site, as its page says it."""
        path, mark, anchor = target.partition("#")
        if re.match(r"https?:|mailto:", target) or not path:
            return target
        there = PurePosixPath(os.path.normpath(file.parent / path).replace(os.sep, "/"))
        up = "../" * page.count("/")
        if there.suffix in (".png", ".svg"):
            name = f"pictures/{there.name}"
            self.copy(self.root / there, name)
            return up + name
        if (self.root / there).is_dir():
            return f"{up}source/index.md"
        language, name = page_of(there, self.language)
        if language != self.language:
            return f"other:{up}../{language}/{name}.html{mark}{anchor}"
        if name.startswith("source/"):
            if not (self.root / there).is_file():
                raise Missing(f"{file} links to {target}, and there is no {there}")
            self.sources.add(there)
        return f"{up}{name}{'.ipynb' if name.startswith('chapters/') else '.md'}{mark}{anchor}"

    def relink(self, text: str, file: PurePosixPath, page: str) -> str:
        """A text of `file` with its links as `page` needs them; code stays as it is."""
        parts = CODE.split(text)
        parts[::2] = [TARGET.sub(lambda found: f"]({self.link(found[1], file, page)})", part) for part in parts[::2]]
        text = "".join(parts)
        return join_lines(text) if self.language == "zh" else text

    def page(self, file: Path, more: str = "") -> str:
        """Write the page of a document; returns its name."""
        path = PurePosixPath(file.relative_to(self.root).as_posix())
        name = page_of(path, self.language)[1]
        self.write(f"{name}.md", self.relink(file.read_text(encoding="utf-8"), path, name) + more)
        return name

    def chapter(self, file: Path, notebook, outputs: list[tuple]) -> str:
        """Write the page of a notebook, with the outputs of its code cells; returns its name."""
        path = PurePosixPath(file.relative_to(self.root).as_posix())
        name = page_of(path, self.language)[1]
        results = iter(outputs)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = self.relink(cell.source, path, name)
            else:
                cell.execution_count, cell.outputs = next(results)
        self.write(f"{name}.ipynb", json.dumps(notebook, ensure_ascii=False, indent=1))
        return name

    def source(self, path: PurePosixPath) -> str:
        """Write the page that shows a file of the repository; returns its name. Search leaves it out."""
        text = (self.root / path).read_text(encoding="utf-8")
        name = f"source/{path}"
        fence = "`" * max(3, *(len(ticks) + 1 for ticks in re.findall("`+", text + "`")))
        links = []
        up, inner = "../" * name.count("/"), PurePosixPath(*path.parts[1:]).with_suffix("")
        if path.parts[0] == "minigpt" and (self.root / "docs" / self.language / f"{inner}.md").exists():
            links.append(f"[docs/{self.language}/{inner}.md]({up}{inner}.md)")
        if path.parts[0] == "minigpt" and inner in modules(self.root):
            links.append(f"[minigpt.{str(inner).replace('/', '.')}]({up}api/{inner}.rst)")
        self.write(f"{name}.md", f"---\nnosearch: true\norphan: true\n---\n# {path}\n\n" + " · ".join(links)
                   + f"\n\n{fence}{LEXERS.get(path.suffix, 'text')}\n{text.rstrip()}\n{fence}\n")
        return name

    def api(self, module: PurePosixPath) -> str:
        """Write the API page of a module of the package, `layers/softmax`; returns its name."""
        dotted = "minigpt." + str(module).replace("/", ".")
        up = "../" * len(module.parts)
        lines = [dotted, "=" * len(dotted), "", f":doc:`minigpt/{module}.py <{up}source/minigpt/{module}.py>`"]
        if (self.root / "docs" / self.language / f"{module}.md").exists():
            lines[-1] += f" · :doc:`docs/{self.language}/{module}.md <{up}{module}>`"
        self.write(f"api/{module}.rst", "\n".join([*lines, "", f".. automodule:: {dotted}", "   :members:",
                                                   "   :undoc-members:", "   :member-order: bysource", ""]))
        return f"api/{module}"


@functools.cache
def modules(root: Path) -> list[PurePosixPath]:
    """The modules with an API page: all that have something to call. The exercises themselves are tables of text."""
    found = [path.relative_to(root / "minigpt").with_suffix("") for path in sorted((root / "minigpt").rglob("*.py"))
             if path.read_text(encoding="utf-8").strip() and path.stem != "__main__"]
    found = [PurePosixPath(path.as_posix()) for path in found if path.parts[0] != "exercises" or len(path.parts) < 3]
    return sorted(found, key=lambda path: (len(path.parts) > 1, path))


def toctree(names: list[str], caption: str = "") -> str:
    options = ":hidden:\n" + (f":caption: {caption}\n" if caption else "")
    return f"\n```{{toctree}}\n{options}\n" + "\n".join(f"/{name}" for name in names) + "\n```\n"


def lay_out(root: Path, folder: Path, language: str, chapters: list[tuple]) -> None:
    """Write all pages of a language; chapters are (text file, notebook, outputs)."""
    stage = Stage(root, folder, language)
    home = root / "docs" / language / "index.md"
    order = [page_of(PurePosixPath(os.path.normpath(f"docs/{language}/{target}").replace(os.sep, "/")), language)[1]
             for target in TARGET.findall(home.read_text(encoding="utf-8")) if target.endswith(".md")]
    lists = {"chapters": [stage.chapter(*chapter) for chapter in chapters], "documents": [], "guides": []}
    for file in sorted((root / "docs" / language).rglob("*.md")):
        if file != home:
            name = stage.page(file)
            lists["documents" if (root / "minigpt" / f"{name}.py").exists() else "guides"].append(name)
    readme = root / ("README.zh.md" if language == "zh" else "README.md")
    lists["guides"] += [stage.page(file) for file in (readme, root / "CONTRIBUTING.md", root / "docs" / "notation.md")
                        if file.exists()]
    for names in (lists["documents"], lists["guides"]):
        names.sort(key=lambda name: (order.index(name) if name in order else len(order), name))
    contents = [stage.api(module) for module in modules(root)]
    title = TITLES[language]
    stage.write("api/index.md", f"# {title['api']}\n\n"
                + "\n".join(f"- [minigpt.{name[4:].replace('/', '.')}](../{name}.rst)" for name in contents)
                + "\n" + toctree(contents))
    stage.sources |= {PurePosixPath(path.relative_to(root).as_posix()) for path in (root / "minigpt").rglob("*.py")}
    lists["reference"] = ["api/index", "source/index"]
    stage.page(home, "".join(toctree(names, CAPTIONS[language][kind]) for kind, names in lists.items() if names))
    files = sorted(stage.sources)
    stage.write("source/index.md", f"---\nnosearch: true\n---\n# {title['source']}\n\n"
                + "\n".join(f"- [{path}](../{stage.source(path)}.md)" for path in files) + "\n")
    stage.finish()
