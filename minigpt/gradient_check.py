"""Gradient checking: is a hand-written backward the derivative of its forward?

For L = Σ dy · y with a random upstream gradient dy, each element a of each input and parameter is moved a little both
ways, and the slope compared with what backward says:

    ∂L/∂a  ≈  (L(a + ε) - L(a - ε)) / 2ε                error of order ε² from the curve, and rounding / ε

In float64 with ε = 1e-5 both are about 1e-10, so a right gradient agrees to many digits and a wrong one to none. How
such a check can lie: a dy of ones hides a missing dy (and a softmax's gradient is then exactly 0); tiny weights hide a
term behind an absolute tolerance; equal dimensions hide a transposition. So: random dy, values of unit scale, odd and
unequal dimensions, and errors relative to each array's own largest gradient.
"""

from dataclasses import dataclass

import numpy as np

from minigpt.backend import to_host

EPSILON = 1e-5


@dataclass(frozen=True)
class ArrayError:
    """How far backward's gradient of one array is from finite differences, at its worst element."""

    array: str
    relative_error: float  # largest |analytic - numeric| over the array's largest |gradient|; inf for a wrong shape
    index: tuple[int, ...]
    analytic: float
    numeric: float

    def __str__(self):
        return (f"{self.array}: relative error {self.relative_error:.1e}, worst at {self.index}: "
                f"backward says {self.analytic:.10g}, finite differences {self.numeric:.10g}")


def numeric_gradient(loss, array, epsilon: float = EPSILON) -> np.ndarray:
    """∂loss/∂array by central differences. loss() -> number; `array` is moved in place and put back exactly."""
    gradient = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        before = float(array[index])
        array[index] = before + epsilon
        above = float(loss())
        array[index] = before - epsilon
        below = float(loss())
        array[index] = before
        gradient[index] = (above - below) / (2 * epsilon)
    return gradient


def compare(name: str, analytic, numeric: np.ndarray) -> ArrayError:
    """The worst element of `analytic` (any backend) against `numeric`; NaN counts as infinitely wrong."""
    analytic = to_host(analytic)
    if analytic.shape != numeric.shape:
        name = f"{name} (shape {analytic.shape} instead of {numeric.shape})"
        return ArrayError(name, float("inf"), (), np.nan, np.nan)
    if analytic.size == 0:
        return ArrayError(name, 0.0, (), 0.0, 0.0)
    difference = np.abs(analytic - numeric)
    difference = np.where(np.isnan(difference), np.inf, difference)
    index = np.unravel_index(int(np.argmax(difference)), difference.shape)
    scale = max(np.fmax.reduce(np.abs(values), axis=None, initial=0) for values in (analytic, numeric))  # skips NaN
    relative = float(difference[index] / scale) if scale > 0 else float(difference[index])
    return ArrayError(name, relative, tuple(int(i) for i in index), float(analytic[index]), float(numeric[index]))


def check_gradients(forward, backward, arrays: dict, dy) -> list[ArrayError]:
    """One ArrayError for each of `arrays` (name -> array that forward reads).

    forward() -> (y, saved); backward(dy, saved) -> {name: gradient} for the same names; dy: y's shape. Use float64.
    """
    _, saved = forward()
    gradients = backward(dy, saved)
    host_dy = to_host(dy)

    def loss():
        return np.sum(to_host(forward()[0]) * host_dy)

    return [compare(name, gradients[name], numeric_gradient(loss, array)) for name, array in arrays.items()]
