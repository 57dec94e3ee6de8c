"""A contender as the bench sees it: a process of its own behind a pipe, one JSON object a line in each direction.

NumPy and PyTorch are never timed in one process. Each brings a pool of threads whose idle members spin for a while
before they sleep, and so take the cores from the other's. Here every contender has its process, and waits on its pipe,
without using a core, while another works.
"""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import minigpt
from minigpt.errors import InputError

OURS = "minigpt"
KINDS = {  # name -> module that serves, its arguments, and what is set in its environment
    # The torch processes load NumPy for the batches alone; its threads have nothing to do there.
    OURS: ("minigpt.bench.minigpt_contender", [], {}),
    "torch": ("minigpt.bench.torch_contender", [], {"OPENBLAS_NUM_THREADS": "1"}),
    "torch-onednn": ("minigpt.bench.torch_contender", ["--onednn"], {"OPENBLAS_NUM_THREADS": "1"}),
}
OPPONENTS = [name for name in KINDS if name != OURS]


class ContenderDied(RuntimeError):
    """The process of a contender ended before it answered; the message is one line."""


class Contender:
    """A running contender; as a context manager, its process is gone when the block ends, however it ends.

    If the bench itself is killed, the contender reads the end of its pipe and exits.
    """

    def __init__(self, name: str, environment: dict[str, str] | None = None, options: tuple[str, ...] = ()):
        import subprocess
        import tempfile

        module, arguments, own = KINDS[name]
        arguments = [*arguments, *options]
        path = [str(Path(minigpt.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
        full = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path)), **own, **(environment or {})}
        self.name = name
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe that nobody reads would fill up and block
        self._process = subprocess.Popen([sys.executable, "-m", module, *arguments], env=full, text=True,
                                         encoding="utf-8", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=self._errors)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._process.kill()  # there is nothing to save
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            with contextlib.suppress(OSError):  # what was still to be written has no reader any more
                stream.close()

    def ask(self, request: str, **details) -> dict:
        """Send a request and wait for its answer.

        Raises InputError when the contender refuses, ContenderDied when it has ended.
        """
        try:
            self._process.stdin.write(json.dumps({"do": request, **details}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            line = ""
        if not line.endswith("\n"):
            raise ContenderDied(self._last_words())
        answer = json.loads(line)
        if "refused" in answer:
            raise InputError(answer["refused"])
        return answer

    def _last_words(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", errors="replace").strip().splitlines()
        how = f"with exit code {code}"
        if code < 0:
            with contextlib.suppress(ValueError):
                how = f"by {signal.Signals(-code).name}"
        if code == -9:
            how += " (the system does that when memory runs out)"
        return f"the {self.name} contender was ended {how}{': ' + lines[-1] if lines else ''}"


@dataclass(frozen=True)
class Field:
    """Who takes part, and under which conditions."""

    opponents: tuple[str, ...] = ()
    rounds: int = 7
    blas_core: str | None = None  # the kernels that OpenBLAS is told to use in our process; None leaves it the choice
    workers: int = 1  # that share a training step; 0: as many as suit
    twins: bool = True  # whether our process uses the faster twins in minigpt/fused

    @property
    def names(self) -> list[str]:
        return [OURS, *self.opponents]

    @contextlib.contextmanager
    def start(self, *names: str) -> Iterator[dict[str, Contender]]:
        """Fresh processes of all contenders, or of those named; all are gone after the block."""
        with contextlib.ExitStack() as stack:
            started = {}
            for name in names or self.names:
                ours = name == OURS
                own = {"OPENBLAS_CORETYPE": self.blas_core} if self.blas_core and ours else None
                options = ("--no-twins",) if ours and not self.twins else ()
                started[name] = stack.enter_context(Contender(name, own, options))
            yield started
