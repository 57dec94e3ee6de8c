"""Make tests/references/*.npz anew: python tests/freeze_references.py (needs requirements-oracles.txt; some seconds).

The numbers are those of PyTorch, transformers and nltk for the problems in references.py; nothing of ours enters but
the inputs. The same versions give the same files, byte for byte; their names are kept in each file.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that `import minigpt` works from anywhere

try:
    import nltk
    import torch
    import transformers
except ImportError as error:
    raise SystemExit(f"{error}: pip install -r requirements.txt -r requirements-oracles.txt") from None

import numpy as np
import test_generate_against_transformers as generation
import test_layers_against_torch as layers
import test_models_against_torch as models
import test_ngram_against_nltk as ngrams
import test_optim_against_torch as optimizers
from problems import built, stable_numbers
from references import FOLDER, KINDS, VERSIONS, kept

from minigpt import backend

THEIRS = {
    "layers": lambda case: layers.their_results(case, *built(case)),
    "models": models.their_results,
    "training": models.their_trained_results,
    "optimizers": optimizers.their_results,
    "schedules": optimizers.their_rates,
    "greedy": generation.their_greedy_results,
    "beams": generation.their_beam_results,
    "distributions": generation.their_distribution_results,
    "ngrams": ngrams.their_results,
}
MADE_BY = {"ngrams": (nltk, np)}  # and all else by PyTorch and transformers


def as_arrays(results: dict) -> dict:
    return {name: value.detach().numpy() if isinstance(value, torch.Tensor) else value
            for name, value in results.items()}


def fresh(kind: str) -> dict:
    """problem -> array's name -> array, computed by the oracles now."""
    with backend.using("numpy", "float64"), stable_numbers():
        return {name: kept(as_arrays(THEIRS[kind](*arguments))) for name, arguments in KINDS[kind].problems.items()}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for kind in KINDS:
        oracles = MADE_BY.get(kind, (torch, transformers, np))
        versions = ", ".join(f"{oracle.__name__} {oracle.__version__}" for oracle in oracles)
        arrays = {f"{problem}/{name}": array for problem, found in fresh(kind).items() for name, array in found.items()}
        path = FOLDER / f"{kind}.npz"
        np.savez_compressed(path, **{VERSIONS: np.array(versions)}, **arrays)
        print(f"{path.name}: {len(arrays)} arrays, {path.stat().st_size:,} bytes ({versions})")


if __name__ == "__main__":
    main()
