"""Build the site: `python -m minigpt docs` runs this. One folder a language, and a start page that chooses.

    python docs/website/build.py OUT

Everything in between is kept in build/site-work: the pages as Sphinx wants them (stage.py), what the notebooks printed
and drew (execute.py), and Sphinx's own files. A warning of Sphinx is an error.
"""

import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "build" / "site-work"
sys.path[:0] = [str(HERE), str(HERE.parent), str(ROOT)]

import execute  # noqa: E402
import stage  # noqa: E402

LOCALES = {"en": "en", "zh": "zh_CN"}
START = """\
<!doctype html>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>minigpt</title>
<script>location.replace((navigator.language || "en").startsWith("zh") ? "zh/index.html" : "en/index.html")</script>
<p><a href="en/index.html">English</a> · <a href="zh/index.html">中文</a></p>
"""


def say(message: str) -> None:
    print(f"docs: {message}", file=sys.stderr, flush=True)


def notebooks():
    """The module notebooks/build.py."""
    spec = importlib.util.spec_from_file_location("notebooks_build", ROOT / "notebooks" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def chapters(language: str) -> list[tuple]:
    """(text file, notebook, outputs) of each chapter; the outputs are those of the English one."""
    import nbformat

    build, found = notebooks(), []
    for file in sorted((ROOT / "notebooks" / language).glob("*.py")):
        notebook, english = (nbformat.reads(build.notebook(path.read_text(encoding="utf-8")), as_version=4)
                             for path in (file, ROOT / "notebooks" / "en" / file.name))
        if len({tuple(cell.source for cell in execute.code_cells(each)) for each in (notebook, english)}) > 1:
            raise execute.Failed(f"notebooks/{language}/{file.name} has other code than the English one")
        found.append((file, notebook, execute.outputs(ROOT, english, file.stem, WORK / "outputs", say)))
    return found


def made_by() -> str:
    """Which version of these scripts: Sphinx's files from another one are not used again."""
    found = hashlib.sha256()
    for path in (ROOT / "docs" / "conf.py", *sorted(HERE.glob("*.py"))):
        found.update(path.read_bytes())
    return found.hexdigest()[:12]


def start_sphinx(language: str, out: Path) -> subprocess.Popen:
    """Sphinx, in a process of its own, as it can't start twice in one."""
    return subprocess.Popen(
        [sys.executable, "-m", "sphinx", "--builder", "html", "--quiet", "--no-color", "--fail-on-warning",
         "--conf-dir", str(ROOT / "docs"), "--doctree-dir", str(WORK / f"doctrees-{made_by()}" / language),
         "--define", f"language={LOCALES[language]}", str(WORK / language), str(out / language)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="backslashreplace",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip


def main(out: Path) -> int:
    try:
        for language in stage.LANGUAGES:
            stage.lay_out(ROOT, WORK / language, language, chapters(language))
    except (execute.Failed, stage.Missing) as error:
        say(str(error))
        return 1
    say("building the pages of both languages")
    running = [start_sphinx(language, out) for language in stage.LANGUAGES]
    failed = 0
    for process in running:
        print(process.communicate()[0], end="", file=sys.stderr)
        failed += process.returncode != 0
    if failed:
        say("the pages have the faults named above")
        return 1
    (out / "index.html").write_text(START, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
