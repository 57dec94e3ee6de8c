"""What the comparisons with PyTorch share: arrays into tensors, and one measure of agreement.

PyTorch is no dependency of minigpt: where it isn't installed, every file that imports this one is skipped. To see how
closely each array agrees: python -m pytest -rP tests/test_layers_against_torch.py
"""

import pytest

from minigpt.backend import to_host
from minigpt.gradient_check import compare

torch = pytest.importorskip("torch", reason="the comparison needs PyTorch: requirements-oracles.txt")
torch.set_num_threads(1)  # these arrays are small: threads would only wait for each other


def leaf(array, dtype: str = "float64"):
    """A tensor of the same numbers that collects a gradient."""
    return torch.tensor(to_host(array), dtype=getattr(torch, dtype), requires_grad=True)


def leaves(arrays: dict, dtype: str = "float64") -> dict:
    return {name: leaf(array, dtype) for name, array in arrays.items()}


def assert_agree(ours: dict, theirs: dict, tolerance: float) -> None:
    """The same names, and every array within `tolerance` of its twin, relative to the array's own largest value.

    ours: name -> array; theirs: name -> tensor or array. Prints how far the worst array is off, for `pytest -rP`.
    """
    theirs = {name: t.detach().numpy() if isinstance(t, torch.Tensor) else to_host(t) for name, t in theirs.items()}
    assert set(ours) == set(theirs)
    errors = [compare(name, to_host(ours[name]), theirs[name]) for name in ours]
    worst = max(errors, key=lambda error: error.relative_error)
    print(f"worst of {len(errors)} arrays: {worst.array}, relative difference {worst.relative_error:.1e}")
    wrong = [f"{e.array}: relative difference {e.relative_error:.1e}, worst at {e.index}: ours {e.analytic:.17g}, "
             f"torch {e.numeric:.17g}" for e in errors if not e.relative_error <= tolerance]
    assert not wrong, "\n".join([f"above {tolerance:.0e}:", *wrong])
