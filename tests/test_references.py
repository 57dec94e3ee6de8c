"""Ours against what PyTorch, transformers and nltk computed for the same problems, without them: see references.py."""

import numpy as np
import pytest
from problems import stable_numbers
from references import CURE, DIGEST, KINDS, WHOLE, difference, digest, disagreements, frozen, load

from minigpt import backend

PROBLEMS = [(kind, problem, dtype) for kind in KINDS for problem in KINDS[kind].problems
            for dtype in KINDS[kind].tolerance]  # fmt: skip


@pytest.mark.parametrize("kind, problem, dtype", PROBLEMS)
def test_ours_agree(kind, problem, dtype):
    theirs = frozen(kind, problem)
    with backend.using("numpy", dtype), stable_numbers():
        results = KINDS[kind].ours(*KINDS[kind].problems[problem])
    wrong = disagreements(results, theirs, KINDS[kind].tolerance[dtype])
    assert not wrong, "\n".join(wrong)


def test_a_case_without_a_reference_fails_with_the_cure():
    with pytest.raises(AssertionError, match=r"layers has no frozen reference for 'new': run `python tests/freeze_"):
        frozen("layers", "new")


@pytest.mark.parametrize("kind", KINDS)
def test_no_reference_is_left_over(kind):
    left_over = set(load(kind)) - set(KINDS[kind].problems)
    assert not left_over, f"{kind} has references for what is no problem any more, {sorted(left_over)}: {CURE}"


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_are_what_the_oracles_say_today(kind):
    """Where they are installed; to rounding, as another processor may add in another order."""
    for oracle in ("torch", "transformers", "nltk"):
        pytest.importorskip(oracle, reason=f"rebuilding the references needs {oracle}: requirements-oracles.txt")
    from freeze_references import fresh

    for problem, now in fresh(kind).items():
        before = frozen(kind, problem)
        assert set(now) == set(before), CURE
        for name, array in now.items():
            off = difference(name, array, before[name])
            assert off <= KINDS[kind].tolerance["float64"] / 10, f"{kind}, {problem}, {name}: {off:.1e} off: {CURE}"


def damages(array):
    """Wrong arrays: one element off, two that traded places, rows too, one left out, the sign, a transposition."""
    one, two, rows, zero = (array.copy() for _ in range(4))
    one[3, 4] += 1e-8 * abs(array).max()
    two[2, 5], two[7, 1] = array[7, 1], array[2, 5]
    rows[[4, 9]] = array[[9, 4]]
    zero[-1, -1] = 0
    return [one, two, rows, zero, -array, array.T.reshape(array.shape)]


def test_a_digest_shows_every_damage():
    array = np.random.RandomState(0).standard_normal((35, 61))
    assert array.size > WHOLE and digest(array).size < 20
    rounded = array * (1 + 1e-13 * np.random.RandomState(1).standard_normal(array.shape))
    assert difference(DIGEST, digest(rounded), digest(array)) < 1e-10
    assert all(difference(DIGEST, digest(wrong), digest(array)) > 5e-9 for wrong in damages(array))
    assert not difference(DIGEST, digest(array * np.nan), digest(array)) <= 1
