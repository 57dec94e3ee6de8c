"""The rules of the house: floors, no float literals outside the backend, imports that start nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import minigpt

PACKAGE = Path(minigpt.__file__).parent
FLOORS = {
    "errors": 0, "json_file": 0, "memory": 0, "erf": 0, "backend": 0, "cache_blocking": 0, "dispatch": 0,
    "module": 1, "gradient_check": 1,
    "layers": 2, "text": 2, "download": 2, "corpora": 2, "pieces": 2, "token_file": 2, "data": 2, "optim": 2,
    "fused": 3, "models": 3,
    "cases": 4, "sampling": 4, "generate": 4, "beam_search": 4,
    "checkpoint": 4, "run_folder": 4, "run_lock": 4, "run_log": 4, "interrupt": 4, "evaluate": 4,
    "train_config": 4, "train": 4, "fit": 4, "parallel": 4, "pictures": 4,
    "exercises": 4,
    "compare_backends": 4, "layer_work": 4, "roofline": 4, "roofline_picture": 4, "profiling": 4, "bench": 4,
    "ladder": 5, "learn": 5, "commands": 5,
    "cli": 6, "__main__": 7,
}  # fmt: skip
FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__init__.py"]


def room(path: Path) -> str:
    """layers/linear.py -> layers; train.py -> train."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path):
    """The rooms of minigpt that a file imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "minigpt":
            parts = node.module.split(".")
            yield from [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
        if isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("minigpt."))


def test_a_file_imports_only_from_lower_floors_or_its_own_room():
    assert FILES
    for path in FILES:
        here = room(path)
        for other in imports(path):
            assert other == here or FLOORS[other] <= FLOORS[here], f"{path.name} imports {other}, from a higher floor"


def test_no_two_rooms_import_each_other():
    graph = {}
    for path in FILES:
        graph.setdefault(room(path), set()).update(set(imports(path)) - {room(path)})
    done = set()

    def visit(name, path):
        assert name not in path, f"circle: {' -> '.join([*path, name])}"
        if name not in done:
            for other in graph.get(name, ()):
                visit(other, [*path, name])
            done.add(name)

    for name in graph:
        visit(name, [])


def test_only_the_backend_names_a_float_dtype_or_imports_cupy():
    for path in FILES:
        if path.name == "backend.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("float16", "float32", "float64"), f"{path.name}:{node.lineno}"
            if isinstance(node, ast.keyword) and node.arg == "dtype" and isinstance(node.value, ast.Constant):
                assert not str(node.value.value).startswith("float"), f"{path.name}:{node.lineno}"
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
                assert not any(name.startswith("cupy") for name in names), f"{path.name}:{node.lineno}"


def test_importing_everything_starts_nothing():
    modules = [".".join(["minigpt", *p.relative_to(PACKAGE).with_suffix("").parts]) for p in FILES
               if p.name != "__main__.py"]
    script = (
        "import sys, numpy, safetensors.numpy, regex\n"
        "before = set(sys.modules)\n"
        f"import {', '.join(modules)}\n"
        "import threading\n"
        "assert threading.active_count() == 1, 'a thread was started'\n"
        "new = set(sys.modules) - before\n"
        "bad = new & {'cupy', 'multiprocessing', 'subprocess', 'socket', 'concurrent.futures', 'urllib.request', "
        "'matplotlib', 'tqdm', 'torch', 'transformers', 'threadpoolctl'}\n"
        "assert not bad, bad\n"
        "assert 'cupy' not in sys.modules and 'socket' not in sys.modules and 'multiprocessing' not in sys.modules\n"
        "print(len(new))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=PACKAGE.parent)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 15
