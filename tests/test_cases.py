"""What every line of minigpt/cases.py must pass; nothing here knows any layer by name."""

import ast
from pathlib import Path

import numpy as np
import pytest

import minigpt
from minigpt import backend
from minigpt.backend import to_host
from minigpt.cases import CASES, check_case

cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def flat(saved):
    """All arrays in a saved tuple, however nested."""
    if isinstance(saved, (tuple, list)):
        return [array for part in saved for array in flat(part)]
    return [saved] if hasattr(saved, "dtype") else []


@cases
@pytest.mark.parametrize("seed", [0, 1])
def test_gradient_agrees_with_finite_differences(case, seed):
    for error in check_case(case, seed):
        assert error.relative_error < 1e-6, str(error)


@cases
def test_backward_twice_gives_the_same_bits_and_overwrites_nothing(case):
    with backend.using("numpy", "float64"):
        rng = backend.generator(2)
        problem = case.build(rng)
        y, saved = problem.forward()
        dy = backend.normal(rng, y.shape)
        watched = [*problem.arrays().values(), dy, *flat(saved)]
        before = [to_host(array).copy() for array in watched]
        first = {name: to_host(g).copy() for name, g in problem.gradients(dy, saved).items() if g is not None}
        second = problem.gradients(dy, saved)
        for name, gradient in first.items():
            np.testing.assert_array_equal(gradient, second[name], err_msg=name)
        for old, new in zip(before, watched):
            np.testing.assert_array_equal(old, new)


@cases
def test_parameter_gradients_are_added(case):
    with backend.using("numpy", "float64"):
        rng = backend.generator(3)
        problem = case.build(rng)
        y, saved = problem.forward()
        dy = backend.normal(rng, y.shape)
        once = {n: p.grad.copy() for n, p in problem.module.parameters().items() if problem.gradients(dy, saved)}
        problem.backward(dy, saved)  # without zeroing in between
        for name, p in problem.module.parameters().items():
            # In one pass, or on top of another: the order of a sum may round differently, nothing more.
            np.testing.assert_allclose(p.grad, 2 * once[name], rtol=1e-12, atol=1e-12 * np.abs(p.grad).max())


@cases
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_precision_in_is_precision_out(case, dtype):
    with backend.using("numpy", dtype):
        rng = backend.generator(4)
        problem = case.build(rng)
        y, saved = problem.forward()
        assert y.dtype == dtype
        for name, gradient in problem.gradients(backend.normal(rng, y.shape), saved).items():
            assert gradient.dtype == dtype, name
        for array in flat(saved):
            assert array.dtype == dtype or array.dtype.kind in "ib"


@cases
def test_float32_agrees_with_float64(case):
    results = []
    for dtype in ("float32", "float64"):
        with backend.using("numpy", dtype):
            rng = backend.generator(6)
            problem = case.build(rng)
            y, saved = problem.forward()
            gradients = problem.gradients(backend.normal(rng, y.shape), saved)
            results.append({"y": y, **{n: to_host(g).copy() for n, g in gradients.items()}})
    for name, exact in results[1].items():
        error = np.abs(results[0][name] - exact).max()
        assert error <= 2e-5 * max(np.abs(exact).max(), 1e-3), f"{name}: {error:.1e}"


def test_every_layer_and_model_has_a_case():
    subjects = {case.subject for case in CASES}
    package, wanted = Path(minigpt.__file__).parent, set()
    for path in [*package.glob("layers/*.py"), *package.glob("models/*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name.endswith("_forward"):
                wanted.add(node.name.removesuffix("_forward"))
            if isinstance(node, ast.ClassDef) and any(isinstance(n, ast.FunctionDef) and n.name == "forward"
                                                      for n in node.body):
                wanted.add(node.name)
    assert wanted, "found no layers: is the search broken?"
    assert wanted - subjects == set(), "add a line to minigpt/cases.py"
