"""The scripts that make the course, for its tests. They stand beside what they make, outside of every package."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parent.parent


def script(path: str):
    """The module that a script of the repository is."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build, fill, translations = script("notebooks/build.py"), script("docs/fill.py"), script("docs/translations.py")
EXERCISES = {path.stem for path in (ROOT / "minigpt" / "exercises" / "book").glob("*.py") if path.stem != "__init__"}


def markdown(path: Path) -> str:
    """What a document, or the markdown cells of a notebook's text, says."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return text
    return "\n\n".join(body for kind, body in build.cells(text) if kind == "markdown")


def pages() -> list[Path]:
    """Everything that is read: the documents and the texts of the notebooks, in both languages."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), *build.sources()]
