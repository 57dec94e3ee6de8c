"""Run the notebooks for the site, each once: the English one, whose code the Chinese one shares.

What a notebook printed and drew is kept under a name made of everything that it depends on: its code, the library,
MINIGPT_QUICK and the versions of Python and NumPy. So a second build runs only what has changed.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

# What Matplotlib says of the fonts of a machine, and of having looked for them, is no fault of a chapter's.
FONTS = re.compile(r"^(?:findfont: |Matplotlib is building the font cache).*\n?", re.M)


class Failed(Exception):
    """A notebook doesn't run; the message says which, where and why."""


def fingerprint(root: Path, code: list[str]) -> str:
    import numpy as np

    found = hashlib.sha256()
    for part in (sys.version, np.__version__, os.environ.get("MINIGPT_QUICK", ""), *code):
        found.update(part.encode() + b"\0")
    for path in sorted((root / "minigpt").rglob("*.py")):
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:20]


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(root: Path, notebook, name: str, kept: Path, say) -> list[tuple]:
    """(execution count, outputs) of each code cell. `kept` is the folder of what earlier builds found."""
    file = kept / f"{name}-{fingerprint(root, [cell.source for cell in code_cells(notebook)])}.json"
    if file.exists():
        return json.loads(file.read_text(encoding="utf-8"))
    say(f"running {name}")
    found = run(root, notebook, name)
    kept.mkdir(parents=True, exist_ok=True)
    for old in kept.glob(f"{name}-*.json"):
        old.unlink()
    file.write_text(json.dumps(found), encoding="utf-8")
    return found


def run(root: Path, notebook, name: str) -> list[tuple]:
    """As a student would run it: a new kernel in the notebook's own folder, from the first cell to the last."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    client = NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(root / "notebooks" / "en")}})
    paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    # One thread: on a machine that does something else as well, two that wait for each other are ten times slower.
    environment = {"OPENBLAS_NUM_THREADS": "1", **os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    try:
        client.execute(env=environment, stderr=subprocess.DEVNULL)  # the kernel's own log, no cell's
    except CellExecutionError as error:
        raise Failed(f"notebooks/en/{name}.py, code cell {client.code_cells_executed}: {error.ename}: {error.evalue}"
                     ) from error
    except DeadKernelError as error:
        raise Failed(f"notebooks/en/{name}.py: the kernel died, perhaps for want of memory") from error
    for number, cell in enumerate(code_cells(notebook), 1):
        for output in [output for output in cell.outputs if output.get("name") == "stderr"]:
            if complaint := FONTS.sub("", output.text).strip():
                raise Failed(f"notebooks/en/{name}.py, code cell {number} writes to standard error: {complaint}")
            cell.outputs.remove(output)
    return [(cell.execution_count, cell.outputs) for cell in code_cells(notebook)]
