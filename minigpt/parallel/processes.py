"""Workers that are processes: copies of this one, made by fork, on shared memory.

fork copies a process with all it has, so a worker needs no setting-up: it has the model, the tokens and the settings.
Weights and gradients lie in memory that all of them see (an anonymous shared mapping: it has no name that could be left
behind, and is gone with the last process that uses it). What goes through the pipes is a step's number and a loss.

A worker that dies takes its end of the pipe with it, and so does the process it works for: whoever is left notices at
the next word, and ends. Linux only; see workers.default_kind.
"""

import contextlib
import os
import signal
import sys
import warnings

import numpy as np

from minigpt import backend
from minigpt.memory import shared_memory
from minigpt.parallel.share import WorkerLost, add, add_gradient


def shared_zeros(size: int) -> np.ndarray:
    """A vector of zeros, in the precision in use, that processes forked from this one share with it."""
    return np.frombuffer(shared_memory(size * backend.dtype().itemsize), backend.dtype(), size)


class Processes:
    """This process and count - 1 copies of it."""

    def __init__(self, model, tokens, config, count: int):
        self.model, self.tokens, self.config, self.count = model, tokens, config, count
        model.pack(shared_zeros)
        self.gradients = [shared_zeros(model.flat.grad.size) for _ in range(count - 1)]
        self.pipes, self.numbers = [], []
        for rank in range(1, count):
            self._fork(rank)

    def _fork(self, rank: int) -> None:
        from multiprocessing.connection import Pipe

        ours, theirs = Pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        with warnings.catch_warnings():
            # Python 3.12 warns of threads, as a copy has only the one that forked. Ours are those of the BLAS library,
            # which is prepared for fork, and are at rest: start_workers has limited it to one thread.
            warnings.simplefilter("ignore", DeprecationWarning)
            number = os.fork()
        if number == 0:
            _work(theirs, self.model.replica(self.gradients[rank - 1]), self.tokens, self.config, rank, self.count)
        theirs.close()
        self.pipes.append(ours)
        self.numbers.append(number)

    def gradient(self, step: int) -> float:
        """As Alone's. Raises WorkerLost."""
        for rank, pipe in enumerate(self.pipes, 1):
            with self._noticing_its_end(rank):
                pipe.send(step)
        self.model.zero_grad()
        loss = add_gradient(self.model, self.tokens, self.config, step, 0, self.count)
        for rank, pipe in enumerate(self.pipes, 1):
            with self._noticing_its_end(rank):
                answer = pipe.recv()
            if isinstance(answer, Exception):
                raise answer
            loss += answer
            add(self.model.flat.grad, self.gradients[rank - 1])
        return loss

    @contextlib.contextmanager
    def _noticing_its_end(self, rank: int):
        try:
            yield
        except (EOFError, OSError):
            number = self.numbers[rank - 1]
            with contextlib.suppress(ChildProcessError):
                code = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
                self.numbers[rank - 1] = None
                reason = f"by signal {-code}, {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
                raise WorkerLost(f"worker {rank} of {self.count} (process {number}) was ended {reason}") from None
            raise WorkerLost(f"worker {rank} of {self.count} (process {number}) is gone") from None

    def close(self) -> None:
        """End the workers; they have nothing to lose."""
        for pipe in self.pipes:
            pipe.close()
        for number in filter(None, self.numbers):
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(number, signal.SIGKILL)
                os.waitpid(number, 0)
        self.pipes, self.numbers = [], []


def _work(pipe, replica, tokens, config, rank: int, count: int) -> None:
    """What a worker does, until the pipe is closed at the other end. Never returns: the copy ends here."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM):  # sent to the whole group: who asked us decides when to stop
            signal.signal(number, signal.SIG_IGN)
        # Copied with the process: the lock of the run's folder, the log, the other workers' pipes. Held open here, they
        # would outlive the process that they belong to.
        os.closerange(3, pipe.fileno())
        os.closerange(pipe.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
        while True:
            step = pipe.recv()
            try:
                replica.zero_grad()
                with backend.quiet():
                    answer = add_gradient(replica, tokens, config, step, rank, count)
            except Exception as error:  # told to the one who can tell the user
                answer = error
            pipe.send(answer)
    except (EOFError, OSError):
        pass
    finally:
        os._exit(0)  # no clean-up: what there is to clean up belongs to the original
