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
FUSED = "minigpt-fused"  # the same with the CUDA kernels of minigpt/fused/cuda, to see what they win
KINDS = {  # name -> module that serves, its arguments, and what is set in its environment
    # The torch processes load NumPy for the batches alone; its threads have nothing to do there.
    OURS: ("minigpt.bench.minigpt_contender", [], {}),
    FUSED: ("minigpt.bench.minigpt_contender", ["--fused-kernels"], {}),
    "torch": ("minigpt.bench.torch_contender", [], {"OPENBLAS_NUM_THREADS": "1"}),
    "torch-onednn": ("minigpt.bench.torch_contender", ["--onednn"], {"OPENBLAS_NUM_THREADS": "1"}),
}
OWN = (OURS, FUSED)
OPPONENTS = [name for name in KINDS if name not in OWN]


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
    backend: str = "numpy"  # "cupy": everyone computes on the GPU
    tf32: bool = False  # whether products on the GPU may round what they multiply to TF32
    fused_kernels: bool = False  # whether FUSED takes part

    @property
    def names(self) -> list[str]:
        return [*(OWN if self.fused_kernels else [OURS]), *self.opponents]

    @property
    def on_gpu(self) -> bool:
        return self.backend != "numpy"

    @property
    def precision(self) -> str:
        return "TF32" if self.tf32 else "float32"

    @contextlib.contextmanager
    def start(self, *names: str) -> Iterator[dict[str, Contender]]:
        """Fresh processes of all contenders, or of those named; all are gone after the block."""
        with contextlib.ExitStack() as stack:
            started = {}
            for name in names or self.names:
                started[name] = stack.enter_context(Contender(name, *self._conditions(ours=name in OWN)))
            yield started

    def _conditions(self, ours: bool) -> tuple[dict[str, str], tuple[str, ...]]:
        """What is set in the environment of a contender, and its options."""
        environment, options = {}, []
        if self.blas_core and ours:
            environment["OPENBLAS_CORETYPE"] = self.blas_core
        if not self.twins and ours:
            options.append("--no-twins")
        if self.on_gpu and ours:
            options.append("--cupy")
            environment["CUPY_TF32"] = str(int(self.tf32))  # CuPy reads it at its first product
        elif self.on_gpu:
            options += ["--cuda", "--tf32"] if self.tf32 else ["--cuda"]
        return environment, tuple(options)

    def watch(self, contender: Contender, unit: str = "step", units: int = 1) -> dict:
        """The peak memory of a contender that has worked.

        On a GPU: that of one more round's work, which is not timed and has so many units, what is reserved for it, and
        how often the host waits for the GPU in each.
        """
        if not self.on_gpu:
            return {"peak_memory": contender.ask("memory")["peak"]}
        seen = contender.ask("watch")
        return {f"synchronisations_per_{unit}": seen["waits"] / units, "peak_memory": seen["peak"],
                "reserved_memory": seen["reserved"]}
