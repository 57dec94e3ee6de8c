"""The checker itself: it must see each kind of wrong gradient, or it proves nothing."""

import numpy as np
import pytest

from minigpt import backend
from minigpt.gradient_check import check_gradients, compare, numeric_gradient
from minigpt.layers.layer_norm import layer_norm_backward, layer_norm_forward
from minigpt.layers.linear import linear_backward, linear_forward


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    arrays = dict(x=rng.standard_normal((4, 3)), w=rng.standard_normal((3, 3)), b=rng.standard_normal(3))
    return arrays, rng.standard_normal((4, 3))


def errors(arrays, dy, backward):
    with backend.using("numpy", "float64"):
        results = check_gradients(lambda: linear_forward(**arrays),
                                  lambda dy, saved: dict(zip("xwb", backward(dy, saved))), arrays, dy)
    return {r.array.split()[0]: r for r in results}


def test_a_right_gradient_passes(problem):
    assert max(r.relative_error for r in errors(*problem, linear_backward).values()) < 1e-8


@pytest.mark.parametrize("spoil", [
    lambda dx, dw, db: (dx, dw.T, db), lambda dx, dw, db: (-dx, dw, db), lambda dx, dw, db: (dx, dw, db / 4),
    lambda dx, dw, db: (dx, dw, db * 0), lambda dx, dw, db: (dx * 1.00001, dw, db),
    lambda dx, dw, db: (dx, dw, db[None]), lambda dx, dw, db: (dx * np.nan, dw, db),
])  # fmt: skip
def test_a_wrong_gradient_is_named(problem, spoil):
    results = errors(*problem, lambda dy, saved: spoil(*linear_backward(dy, saved)))
    assert sum(r.relative_error > 1e-6 for r in results.values()) == 1


def test_the_report_names_array_element_and_both_values(problem):
    def spoiled(dy, saved):
        dx, dw, db = linear_backward(dy, saved)
        dw[2, 1] += 5
        return dx, dw, db

    worst = errors(*problem, spoiled)["w"]
    assert worst.index == (2, 1)
    assert worst.analytic == pytest.approx(worst.numeric + 5)
    for part in ("w", "(2, 1)", f"{worst.analytic:.10g}", f"{worst.numeric:.10g}"):
        assert part in str(worst)


def test_ones_as_upstream_gradient_would_miss_what_random_ones_find():
    """Layer norm's row has mean 0 whatever x is: with dy = 1 and g = 1, dx is 0, and so is many a wrong dx."""
    rng = np.random.default_rng(0)
    arrays = dict(x=rng.standard_normal((4, 5)), g=np.ones(5), b=np.zeros(5))

    def forgets_the_projection(dy, saved):
        x_hat, r, g = saved
        dx_hat = dy * g
        return dict(zip("xgb", (r * (dx_hat - dx_hat.mean(-1, keepdims=True)), *layer_norm_backward(dy, saved)[1:])))

    with backend.using("numpy", "float64"):
        ones, random = (check_gradients(lambda: layer_norm_forward(**arrays), forgets_the_projection, arrays, dy)[0]
                        for dy in (np.ones((4, 5)), rng.standard_normal((4, 5))))
    assert abs(ones.analytic) < 1e-12 and abs(ones.numeric) < 1e-8
    assert random.relative_error > 0.1


def test_numeric_gradient_puts_the_array_back():
    x = np.random.default_rng(0).standard_normal((2, 3))
    before = x.copy()
    gradient = numeric_gradient(lambda: (x**3).sum(), x)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_allclose(gradient, 3 * x**2, atol=1e-8)


def test_compare_takes_zero_gradients_and_empty_arrays():
    assert compare("a", np.zeros(3), np.zeros(3)).relative_error == 0
    assert compare("a", np.full(3, 1e-3), np.zeros(3)).relative_error == 1
    assert compare("a", np.zeros((0, 2)), np.zeros((0, 2))).relative_error == 0


def test_a_single_number_is_compared_too():
    assert compare("loss", np.array(3.0), np.array(2.0)).relative_error == pytest.approx(1 / 3)
    assert compare("loss", np.array(np.nan), np.array(2.0)).relative_error == np.inf
