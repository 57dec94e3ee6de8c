"""The contender's end of the pipe: read a request, do it, answer, until the pipe is closed."""

import json
import os
import sys
from collections.abc import Callable

from minigpt.errors import InputError
from minigpt.memory import peak_memory

Round = Callable[[int], dict]  # (steps) -> what they took, "seconds" among it


def serve(subjects: dict[str, Callable[..., Round]], watch: Callable[[Round], dict] | None = None,
          **handlers: Callable[..., dict]) -> None:
    """Serve "setup" (with a subject and what it needs), then any number of "round"s of it; "memory"; and `handlers`.

    On a GPU also "watch", which is answered by what `watch` finds out about the work that was set up.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)  # whatever a library prints must not come between the answers
    work: list[Round] = []

    def setup(subject: str, **details) -> dict:
        work[:] = [subjects[subject](**details)]
        return {}

    handlers = {"setup": setup, "round": lambda steps: work[0](steps), "watch": lambda: watch(work[0]),
                "memory": lambda: {"peak": peak_memory()}, **handlers}
    try:
        for line in iter(sys.stdin.readline, ""):
            request = json.loads(line)
            try:
                answer = handlers[request.pop("do")](**request)
            except InputError as error:
                answer = {"refused": str(error)}
            except MemoryError as error:
                answer = {"refused": f"there is not enough memory ({error}): choose a smaller configuration"}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()
    except (KeyboardInterrupt, BrokenPipeError):
        pass  # the bench was stopped, and says so itself
