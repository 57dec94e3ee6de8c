"""Break minigpt on purpose, one small mistake at a time, and see whether the tests notice.

    python tests/mutants.py                        every mutation of layers/, fused/, models/ and optim.py
    python tests/mutants.py layers/softmax.py      of these files only
    python tests/mutants.py --sample 40 --seed 3   some of them, drawn at random
    python tests/mutants.py --list                 say what would be tried

A mutant that the tests don't notice survives: either they are too weak there, or the mistake changes nothing that
anyone could see. The second kind is in KNOWN, each with its reason. Ends with code 1 when fewer than --least of all are
noticed or known. (Of 30 drawn at random, one more or less is chance: for a sample choose --least 0.85.)
"""

import argparse
import importlib.machinery
import multiprocessing
import multiprocessing.connection
import os
import random
import sys
import threading
from collections import Counter
from pathlib import Path

from mutation import Mutation, mutations

REPOSITORY = Path(__file__).parent.parent
PACKAGE = REPOSITORY / "minigpt"
# The tests that look at layers, models and optimizers. Those that know a file best go first; most mutants fall there.
FIRST = {"optim.py": ["test_optim"], "models/gpt_size.py": ["test_gpt"], "models/gpt.py": ["test_gpt", "test_cases"],
         "fused/attention.py": ["test_fused"], "models/ngram.py": ["test_ngram"],
         "models/ngram_smoothing.py": ["test_ngram"], "models/spelling.py": ["test_spelling"],
         "models/rnn_lm.py": ["test_rnn"], "models/classifier.py": ["test_classifier"],
         "models/neural_ngram.py": ["test_neural_ngram"],
         **{f"models/{name}.py": ["test_word2vec"] for name in ("word2vec", "fasttext", "word_vectors")},
         **{f"layers/{name}.py": ["test_rnn", "test_cases"] for name in ("rnn", "lstm", "gru")}}  # fmt: skip
FIRST_OF_LAYERS = ["test_layers", "test_attention", "test_cases"]
SUITE = ["test_layers", "test_attention", "test_gpt", "test_edges", "test_edges_models", "test_module", "test_fused",
         "test_generate", "test_rnn", "test_neural_ngram", "test_word2vec", "test_ngram", "test_spelling",
         "test_classifier", "test_cases", "test_optim", "test_train", "test_references"]  # fmt: skip
# Seconds after which a mutant is taken to hang (a loop that never ends), which is noticed too. The whole suite takes
# about a tenth of it.
HANGS = 300
# Mutants that no test can tell from the original: the line of source, the change in it, the reason.
KNOWN = {
    ("rows = xp.ones(dy.size // C, dtype=dy.dtype)", "dy  ->  dy_x_hat"): "both have one size and one dtype",
    ("for start in range(0, q.shape[-2], BLOCK):", "q  ->  r"): "both have a row for each query",
    ("end = min(start + BLOCK, q.shape[-2])", "q  ->  r"): "both have a row for each query",
    ("square = xp.minimum(x * x, 1e4)  # x**3 would be 100 times slower in NumPy than products are",
     "1e4  ->  15000.0"): "from |x| = 10 on tanh is 1 to the last digit, whatever its argument",
    ("of_all = p @ xp.full(V, 1 / V, dtype=p.dtype) if label_smoothing else None  # (N,), the mean over the vocabulary",
     "p @ xp.full(V, 1 / V, dtype=p.dtype) if label_smoothing else None  ->  (p @ xp.full(V, 1 / V, dtype=p.dtype))"):
        "computes what is then not used",
    ("dlogits[xp.arange(len(targets)), targets] -= (1 - label_smoothing) * weight", "targets  ->  weight"):
        "both have one number a row, and only their length is asked for",
    ("db = xp.ones(len(dy_rows), dtype=dy.dtype) @ dy_rows if has_bias else None", "dy  ->  dy_rows"):
        "both have one dtype",
    ("total = (x @ xp.ones(x.shape[-1], dtype=x.dtype))[..., None]  # on short rows twice as fast as x.sum(axis=-1)",
     "x  ->  largest"): "both have one dtype",
    ("dx -= y * (dx @ xp.ones(y.shape[-1], dtype=y.dtype))[..., None]", "y  ->  dx"): "both have one shape and dtype",
    ("if T == 1 and not window and valid is None:", "window  ->  S"): "makes a mask that hides nothing",
    ("if T == 1 and not window and valid is None:", "valid  ->  window"): "makes a mask that hides nothing",
    ("if window not in masks:", "window  ->  S"): "makes a mask again that is there",
    ("x /= xp.where(total == 0, 1, total)", "1  ->  2"): "only rows of zeros are divided by it",
    ("x /= xp.where(total == 0, 1, total)", "total  ->  x"): "an exponential of 0 stays 0 whatever divides it",
    ("x -= xp.maximum(largest, float(xp.finfo(x.dtype).min))", "x  ->  largest"): "both have one dtype",
    ('scores += xp.where(mask, 0, float("-inf")).astype(scores.dtype)',
     'xp.where(mask, 0, float("-inf")).astype(scores.dtype)  ->  (xp.where(mask, 0, float("-inf")))'):
        "the sum has the dtype of scores anyway",
    ('scores += xp.where(mask, 0, float("-inf")).astype(scores.dtype)', "scores  ->  v"): "both have one dtype",
    ('scores += xp.where(mask, 0, float("-inf")).astype(scores.dtype)', "0  ->  1"):
        "the same number added to all scores of a row changes no softmax",
    ("if norm > max_norm:", "norm > max_norm  ->  (norm >= max_norm)"): "where they are equal the factor is 1",
    ("table[:, 0::2] = xp.sin(angle)", "table[:, 0::2] = xp.sin(angle)  ->  table[:, 0::2] += xp.sin(angle)"):
        "the table begins as zeros",
    ("table[:, 1::2] = xp.cos(angle)", "table[:, 1::2] = xp.cos(angle)  ->  table[:, 1::2] += xp.cos(angle)"):
        "the table begins as zeros",
}
TWO_NAMES = {"c  ->  config"}  # of one object


def files(names: list[str]) -> list[Path]:
    chosen = [PACKAGE / name for name in names] or [
        *sorted(PACKAGE.glob("layers/*.py")), *sorted(PACKAGE.glob("fused/*.py")), *sorted(PACKAGE.glob("models/*.py")),
        PACKAGE / "optim.py"]
    return [path for path in chosen if path.name != "__init__.py"]


def reason(mutation: Mutation) -> str | None:
    """Why no test can notice it, where that is known."""
    same = "two names of one object" if mutation.change() in TWO_NAMES else None
    return KNOWN.get((mutation.text, mutation.change()), same)


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads one module from other source than that in its file."""

    def __init__(self, name: str, path: Path, source: bytes):
        super().__init__(name, str(path))
        self.source = source

    def get_code(self, fullname):
        return compile(self.source, self.path, "exec", dont_inherit=True)


class _Finder:
    def __init__(self, mutation: Mutation):
        parts = mutation.path.relative_to(REPOSITORY).with_suffix("").parts
        self.name, self.mutation = ".".join(parts), mutation

    def find_spec(self, name, path=None, target=None):
        if name == self.name:
            return importlib.machinery.ModuleSpec(
                name, _Loader(name, self.mutation.path, self.mutation.source()), origin=str(self.mutation.path))


def survives(mutation: Mutation | None) -> bool:
    """In a process of its own: do the tests pass with this mutation (or with none)?"""
    import pytest

    if mutation is not None:
        sys.meta_path.insert(0, _Finder(mutation))
    os.chdir(REPOSITORY)
    sys.path.insert(0, str(REPOSITORY))
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    timer = threading.Timer(HANGS, os._exit, [1])
    timer.daemon = True
    timer.start()
    name = mutation.path.relative_to(PACKAGE).as_posix() if mutation is not None else ""
    first = FIRST.get(name, FIRST_OF_LAYERS)
    for group in (first, [name for name in SUITE if name not in first]):
        tests = [str(REPOSITORY / "tests" / f"{name}.py") for name in group]
        # What PyTorch says today takes longer than all the others, and what it said is in the references.
        if pytest.main([*tests, "-x", "-q", "-p", "no:cacheprovider", "-k", "not oracles_say_today"]) != 0:
            return False
    return True


def _run(number: int, mutation: Mutation | None, results) -> None:
    results.put((number, survives(mutation)))


def run_all(todo: list[Mutation | None], workers: int, show) -> list[bool]:
    """survives() for each, `workers` at a time, each in a fresh process that can hang or crash without harm."""
    # Forking is ten times faster: what the tests import from other packages is imported once, here, minigpt never.
    context = multiprocessing.get_context("fork" if hasattr(os, "fork") and sys.platform != "darwin" else "spawn")
    import numpy  # noqa: F401
    import pytest  # noqa: F401
    import regex  # noqa: F401
    import safetensors.numpy  # noqa: F401

    outcome, running, waiting = [False] * len(todo), {}, list(enumerate(todo))
    results = context.SimpleQueue()
    while waiting or running:
        while waiting and len(running) < workers:
            number, mutation = waiting.pop(0)
            running[number] = process = context.Process(target=_run, args=(number, mutation, results))
            process.start()
        multiprocessing.connection.wait([process.sentinel for process in running.values()])
        for number in [number for number, process in running.items() if not process.is_alive()]:
            running.pop(number).join()
            while not results.empty():  # a process that crashed or hung has put nothing: noticed
                finished, alive = results.get()
                outcome[finished] = alive
            show(number, outcome[number])
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", help="below minigpt/, such as layers/softmax.py; none: all")
    parser.add_argument("--sample", type=int, default=0, help="how many to draw; 0: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--least", type=float, default=0.97, help="share that must be noticed (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--list", action="store_true", help="print the mutations and stop")
    arguments = parser.parse_args()

    todo = [mutation for path in files(arguments.files) for mutation in mutations(path)]
    if arguments.sample:
        todo = random.Random(arguments.seed).sample(todo, min(arguments.sample, len(todo)))
    if arguments.list:
        print("\n".join(map(str, todo)))
        return 0
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # the workers share the processors already
    if not run_all([None], 1, lambda number, alive: None)[0]:
        print("the tests fail without any mutation: mend that first")
        return 2

    from tqdm import tqdm

    with tqdm(total=len(todo), unit=" mutants", mininterval=0.2 if sys.stderr.isatty() else 60) as bar:

        def show(number, alive):
            bar.update()
            if alive and not reason(todo[number]):
                tqdm.write(f"survived  {todo[number]}", file=sys.stdout)

        outcome = run_all(todo, arguments.workers, show)
    total, killed = Counter(m.path for m in todo), Counter(m.path for m, alive in zip(todo, outcome) if not alive)
    for path in total:
        print(f"{path.relative_to(PACKAGE).as_posix():28} {killed[path]:5} of {total[path]:5} noticed")
    survivors = [mutation for mutation, alive in zip(todo, outcome) if alive]
    print(f"{len(todo) - len(survivors)} of {len(todo)} noticed, {1 - len(survivors) / max(len(todo), 1):.1%}")
    for mutation in survivors:
        print(f"{mutation}\n    {reason(mutation) or 'NOT NOTICED'}")
    unnoticed = sum(not reason(mutation) for mutation in survivors)
    return 0 if unnoticed <= (1 - arguments.least) * len(todo) else 1


if __name__ == "__main__":
    sys.exit(main())
