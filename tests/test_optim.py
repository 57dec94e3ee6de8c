"""Every optimizer against its published update written out for one number, every schedule against its formula."""

import math

import numpy as np
import pytest

from minigpt import backend
from minigpt.cache_blocking import LONG_PIECE
from minigpt.errors import InputError
from minigpt.module import Module, Parameter
from minigpt.optim import SGD, Adam, AdamW, Schedule, clip_gradient, gradient_norm


class Weights(Module):
    """A matrix, which decays, and a vector, which doesn't; more elements than one piece."""

    def __init__(self, size=(3, 2)):
        rng = np.random.default_rng(0)
        self.matrix, self.vector = Parameter(rng.standard_normal(size)), Parameter(rng.standard_normal(4))
        self.pack()


@pytest.fixture(autouse=True)
def double_precision():
    with backend.using("numpy", "float64"):
        yield


def run(make, rates, size=(3, 2)):
    """Parameters after each step, and the gradients that were given."""
    model, rng, history = Weights(size), np.random.default_rng(1), []
    optimizer, start = make(model), model.flat.data.copy()
    for rate in rates:
        model.flat.grad[:] = rng.standard_normal(model.flat.grad.size)
        gradient = model.flat.grad.copy()
        optimizer.step(rate)
        np.testing.assert_array_equal(model.flat.grad, gradient)
        history.append((gradient, model.flat.data.copy()))
    return start, history


RATES = [0.1, 0.05, 0.2, 0.0, 0.1]


def test_sgd_and_momentum():
    for momentum in (0.0, 0.9):
        theta, history = run(lambda m, momentum=momentum: SGD(m, momentum), RATES)
        u = np.zeros_like(theta)
        for rate, (g, after) in zip(RATES, history):
            u = momentum * u + g
            theta = theta - rate * u
            np.testing.assert_allclose(after, theta, rtol=0, atol=1e-14)


@pytest.mark.parametrize("size", [(3, 2), (2700, 1001)], ids=["one piece", "several pieces"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adam_and_adamw(decay, size):
    def make(model):
        return AdamW(model, 0.9, 0.95, 1e-8, decay) if decay else Adam(model, 0.9, 0.95, 1e-8)

    theta, history = run(make, RATES, size)
    matrix = np.arange(len(theta)) < size[0] * size[1]
    m = v = np.zeros_like(theta)
    for t, (rate, (g, after)) in enumerate(zip(RATES, history), start=1):
        m, v = 0.9 * m + 0.1 * g, 0.95 * v + 0.05 * g * g
        theta = theta - rate * decay * theta * matrix
        theta = theta - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.95**t)) + 1e-8)
        np.testing.assert_allclose(after, theta, rtol=0, atol=1e-13)


def test_adams_first_step_has_the_size_of_the_learning_rate_whatever_the_gradient():
    model = Weights()
    model.flat.grad[:] = np.logspace(-3, 3, 10) * np.array([1, -1] * 5)
    before = model.flat.data.copy()
    Adam(model).step(0.01)
    np.testing.assert_allclose(model.flat.data - before, -0.01 * np.array([1, -1] * 5), rtol=1e-4)


def test_clipping_keeps_the_direction_and_leaves_short_gradients_alone():
    model = Weights()
    model.flat.grad[:] = np.arange(10.0)
    length = math.sqrt(285)
    assert gradient_norm(model) == pytest.approx(length, rel=1e-15)
    assert clip_gradient(model, 100) == pytest.approx(length)
    np.testing.assert_array_equal(model.flat.grad, np.arange(10.0))
    assert clip_gradient(model, 2.0) == pytest.approx(length)
    np.testing.assert_allclose(model.flat.grad, np.arange(10.0) * 2 / length, rtol=1e-14)


def test_schedules():
    warm = [0.25, 0.5, 0.75, 1.0]
    assert [Schedule("constant", 1.0, 10, 4)(s) for s in range(6)] == [*warm, 1.0, 1.0]
    linear = Schedule("linear", 1.0, 8, 4, final=0.2)
    assert [linear(s) for s in range(8)] == pytest.approx([*warm, 0.8, 0.6, 0.4, 0.2])
    cosine = Schedule("cosine", 1.0, 8, 4, final=0.2)
    assert [cosine(s) for s in range(8)] == pytest.approx(
        [*warm, *(0.2 + 0.8 * (1 + math.cos(math.pi * k / 4)) / 2 for k in (1, 2, 3, 4))])
    assert cosine(7) == pytest.approx(0.2) and cosine(100) == pytest.approx(0.2)
    root = Schedule("inverse_sqrt", 1.0, 99, 4)
    assert [root(s) for s in (0, 3, 15, 63)] == pytest.approx([0.25, 1.0, 0.5, 0.25])
    assert [Schedule("inverse_sqrt", 1.0, 99)(s) for s in (0, 3, 15)] == pytest.approx([1.0, 0.5, 0.25])
    assert Schedule("cosine", 1.0, 1)(0) == pytest.approx(0.0)


@pytest.mark.parametrize("make, words", [
    (lambda: Schedule("cosin", 1, 10), "constant, linear, cosine, inverse_sqrt"),
    (lambda: SGD(Weights(), momentum=1.0), r"momentum 1.0 is outside \[0, 1\)"),
    (lambda: AdamW(Weights(), beta2=1.5), r"beta2 1.5 is outside \[0, 1\)"),
    (lambda: AdamW(Weights(), weight_decay=-1), "weight decay -1 is negative"),
])  # fmt: skip
def test_bad_settings_are_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()


def test_a_piece_boundary_is_crossed_in_these_tests():
    assert 2700 * 1001 > 10 * LONG_PIECE  # ten pieces: enough for threads on up to five processors


def test_matrices_decay_wherever_they_stand():
    """All three have the same values, in the order vector, matrix, vector; only the matrix shrinks."""

    class Between(Module):
        def __init__(self):
            self.before, self.matrix, self.after = (Parameter(np.ones(n)) for n in (3, (2, 2), 5))
            self.pack()

    model = Between()
    SGD(model, weight_decay=0.5).step(0.1)
    assert (model.before.data == 1).all() and (model.after.data == 1).all()
    np.testing.assert_allclose(model.matrix.data, 0.95)


def test_defaults_are_the_published_ones():
    """Kingma & Ba (2015), algorithm 1; Loshchilov & Hutter (2019) leave the decay open: 0.01 is what libraries use."""
    adam, adamw = Adam(Weights()), AdamW(Weights())
    assert SGD(Weights()).momentum == SGD(Weights()).weight_decay == 0
    assert not SGD(Weights()).state and set(SGD(Weights(), 0.9).state) == {"velocity"}
    assert (adam.beta1, adam.beta2, adam.eps, adam.weight_decay) == (0.9, 0.999, 1e-8, 0)
    assert (adamw.beta1, adamw.beta2, adamw.eps, adamw.weight_decay) == (0.9, 0.999, 1e-8, 0.01)
