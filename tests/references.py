"""What others compute for our problems, kept in tests/references/*.npz, so that comparing needs no PyTorch.

For each kind of problem one file; in it "problem/array" -> the array in float64 (token ids: int64). A large array is
kept as a digest instead: its largest magnitude, and 16 projections on random directions. Each of these sums has a part
of every element, so none can be wrong, or at another's place, without moving them. freeze_references.py makes the
files; what is asked, and how closely ours must agree, is here.
"""

import functools
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from generation_problems import BEAM, GREEDY, beam_results, distribution_results, greedy_results
from ngram_problems import PROBLEMS as NGRAMS
from ngram_problems import ngram_results
from problems import (
    GRADIENT_SIZES,
    MODELS,
    OPTIMIZERS,
    SCALES,
    built,
    model_results,
    optimizer_results,
    schedule_results,
    trained_results,
)

from minigpt.backend import to_host
from minigpt.cases import CASES
from minigpt.optim import SCHEDULES

FOLDER = Path(__file__).parent / "references"
CURE = "run `python tests/freeze_references.py` (it needs requirements-oracles.txt) and commit tests/references/"
WHOLE = 400  # up to this many elements an array is kept as it is
PROJECTIONS, DIGEST = 16, " digest"
VERSIONS = "versions"  # the one entry of a file that isn't an array to compare: what made it


def case_results(case) -> dict:
    problem, dy = built(case)
    y, saved = problem.forward()
    return {"output": y, **problem.gradients(dy, saved)}


@dataclass(frozen=True)
class Kind:
    """Problems of one kind: name -> arguments of `ours`, which returns name -> array."""

    ours: object
    problems: dict
    tolerance: dict = field(default_factory=dict)  # dtype -> largest difference, relative to an array's largest value


KINDS = {
    "layers": Kind(case_results, {case.name: (case,) for case in CASES}, {"float64": 1e-10, "float32": 2e-5}),
    "models": Kind(model_results, {
        f"{name}, {scale}{', padded' if padded else ''}": (name, scale, padded)
        for name in MODELS for scale in SCALES for padded in (False, True)
    }, {"float64": 1e-9}),
    "training": Kind(trained_results, {"ten steps": ()}, {"float64": 1e-8}),
    "optimizers": Kind(optimizer_results, {f"{name}, gradients {size:g}": (name, size)
                                           for name in OPTIMIZERS for size in GRADIENT_SIZES}, {"float64": 1e-13}),
    "schedules": Kind(schedule_results, {kind: (kind,) for kind in SCHEDULES}, {"float64": 1e-13}),
    "greedy": Kind(greedy_results, {name: (name,) for name in GREEDY}, {"float64": 0}),
    "beams": Kind(beam_results, {name: (name,) for name in BEAM}, {"float64": 2e-6}),  # transformers scores in float32
    "ngrams": Kind(ngram_results, NGRAMS, {"float64": 1e-12}),
    "distributions": Kind(distribution_results, {f"logits {n}": (n,) for n in range(5)}, {"float64": 1e-12}),
}  # fmt: skip


@functools.cache
def directions(size: int) -> np.ndarray:
    return np.random.RandomState(size).standard_normal((PROJECTIONS, size))


def digest(array: np.ndarray) -> np.ndarray:
    """A small array as it is; of a large one its largest magnitude and its projections: see above."""
    if array.size <= WHOLE:
        return array
    return np.array([np.abs(array).max(), *(directions(array.size) @ array.ravel())])


def kept(results: dict) -> dict:
    """Results as they are kept: in float64 or int64, with the shape (and that it is a digest) in each array's name."""
    found = {}
    for name, array in results.items():
        array = to_host(array)
        array = array.astype("int64" if array.dtype.kind in "iu" else "float64")
        found[f"{name} {array.shape}{DIGEST if array.size > WHOLE else ''}"] = digest(array)
    return found


def difference(name: str, ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference of two kept arrays, relative to the largest value; a digest begins with that."""
    if ours.dtype.kind == "i":
        return 0.0 if np.array_equal(ours, theirs) else float("inf")
    scale = np.abs(theirs[0]) if name.endswith(DIGEST) else np.abs(theirs).max()
    worst = np.abs(ours - theirs).max()
    return float(worst / scale) if scale > 0 else float(worst)


@functools.cache
def load(kind: str) -> dict:
    """problem -> array's name -> array, as frozen; nothing where the file is missing."""
    path, problems = FOLDER / f"{kind}.npz", {}
    if path.exists():
        with np.load(path) as arrays:
            for name in arrays:
                if name != VERSIONS:
                    problem, array = name.split("/")
                    problems.setdefault(problem, {})[array] = arrays[name]
    return problems


def frozen(kind: str, problem: str) -> dict:
    """The arrays of one problem; without them, a failure that names the cure."""
    assert problem in load(kind), f"{kind} has no frozen reference for {problem!r}: {CURE}"
    return load(kind)[problem]


def disagreements(results: dict, theirs: dict, tolerance: float) -> list[str]:
    """A line for each array of results that isn't within tolerance of the frozen one. Prints the worst."""
    ours = kept(results)
    if set(ours) != set(theirs):
        return [f"other arrays or shapes: {', '.join(sorted(set(ours) ^ set(theirs)))}; if that is meant, {CURE}"]
    found = {name: difference(name, ours[name], theirs[name]) for name in ours}
    worst = max(found, key=found.get)
    print(f"worst of {len(found)} arrays: {worst}, relative difference {found[worst]:.1e}")
    return [f"{name}: relative difference {d:.1e} is above {tolerance:.0e}" for name, d in found.items()
            if not d <= tolerance]  # fmt: skip
