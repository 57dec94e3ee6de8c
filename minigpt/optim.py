"""Optimizers, learning-rate schedules and clipping: how a gradient becomes a step.

With θ the parameters, g the gradient and η the learning rate of step t = 1, 2, ...:

    SGD          θ -= η g
    momentum     u = μ u + g                            θ -= η u
    Adam         m = β1 m + (1 - β1) g                  m̂ = m / (1 - β1^t)
                 v = β2 v + (1 - β2) g²                 v̂ = v / (1 - β2^t)
                                                        θ -= η m̂ / (√v̂ + eps)
    AdamW        θ -= η λ θ  first, then Adam           decay of the weights, apart from the gradient (times η, as in
                                                        most libraries; the paper's has the schedule's factor only)

Adam divides by the gradient's recent size, so every weight moves at about η a step whatever its gradient's scale; the
divisions by 1 - β^t undo that both averages start at zero. In plain Adam, decay added to g would be divided as well, so
that weights with large gradients hardly decay; AdamW therefore decays apart from it. Only matrices decay: a bias or a
norm's gain has nothing to gain from being small.

Sources: momentum, Polyak (1964); η stands outside the velocity here and inside in Sutskever et al. (2013), which is
the same while η is constant; Adam, Kingma & Ba (2015), algorithm 1; AdamW,
Loshchilov & Hutter (2019), algorithm 2; clipping, Pascanu et al. (2013), algorithm 1.
"""

import math
from dataclasses import dataclass

from minigpt.backend import xp
from minigpt.cache_blocking import each_piece
from minigpt.dispatch import twin
from minigpt.errors import InputError
from minigpt.module import Module


class Optimizer:
    """Steps over the vector of a packed model. `state`: vectors that a checkpoint keeps, by name; `steps` taken."""

    state_names: tuple[str, ...] = ()

    def __init__(self, model: Module, weight_decay: float = 0.0):
        if weight_decay < 0:
            raise InputError(f"weight decay {weight_decay} is negative: choose 0 (none) to about 0.1")
        self.flat, self.weight_decay, self.steps = model.flat, weight_decay, 0
        self.decayed = sum(p.data.size for p in model.parameters().values() if p.data.ndim >= 2)  # they come first
        self.state = {name: xp.zeros_like(self.flat.data) for name in self.state_names}

    def step(self, learning_rate: float) -> None:
        """Change every parameter by one step; the gradient is left as it is."""
        self.steps += 1
        decay = 1 - learning_rate * self.weight_decay

        def update(piece):
            data, state = self.flat.data[piece], (self.state[name][piece] for name in self.state_names)
            if self.weight_decay:
                data[:max(self.decayed - piece.start, 0)] *= decay
            self._update(data, self.flat.grad[piece], learning_rate, *state)

        each_piece(update, self.flat.data.size)  # the temporary arrays of a piece fit into a cache

    def _update(self, data, grad, learning_rate, *state) -> None:
        """Change data, and state, in place."""
        raise TypeError(f"{type(self).__name__} has no rule for a step")


class SGD(Optimizer):
    """Gradient descent on batches; with momentum μ > 0, a heavy ball's."""

    def __init__(self, model: Module, momentum: float = 0.0, weight_decay: float = 0.0):
        if not 0 <= momentum < 1:
            raise InputError(f"momentum {momentum} is outside [0, 1): 0.9 is usual")
        self.state_names, self.momentum = (("velocity",) if momentum else ()), momentum
        super().__init__(model, weight_decay)

    def _update(self, data, grad, learning_rate, velocity=None):
        if velocity is not None:
            velocity *= self.momentum
            velocity += grad
            grad = velocity
        data -= learning_rate * grad


def adamw_update(data, grad, m, v, rate: float, beta1: float, beta2: float, eps: float) -> None:
    """θ, its gradient, m and v, all (N,): takes the gradient in, and moves θ by -rate m / (√v + eps), in place."""
    m *= beta1
    m += (1 - beta1) * grad
    v *= beta2
    square = grad * grad
    square *= 1 - beta2
    v += square
    step = xp.sqrt(v)
    step += eps
    xp.divide(m, step, out=step)
    step *= rate
    data -= step


class AdamW(Optimizer):
    """Adam with decoupled weight decay; `weight_decay=0` is Adam."""

    state_names = ("m", "v")

    def __init__(self, model: Module, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8,
                 weight_decay: float = 0.01):
        for name, beta in (("beta1", beta1), ("beta2", beta2)):
            if not 0 <= beta < 1:
                raise InputError(f"{name} {beta} is outside [0, 1): 0.9 and 0.95 to 0.999 are usual")
        if not 0 < eps < math.inf:
            raise InputError(f"eps {eps} has no meaning: a gradient of 0 is divided by it, so choose a little above 0; "
                             "1e-8 is usual")
        self.beta1, self.beta2, self.eps = beta1, beta2, eps
        super().__init__(model, weight_decay)

    def _update(self, data, grad, learning_rate, m, v):
        # η m̂ / (√v̂ + eps) = α m / (√v + eps'), with both corrections, which are numbers, outside the arrays
        correction = math.sqrt(1 - self.beta2**self.steps)
        rate = learning_rate * correction / (1 - self.beta1**self.steps)
        twin(adamw_update)(data, grad, m, v, rate, self.beta1, self.beta2, self.eps * correction)


class Adam(AdamW):
    """Adam without decay."""

    def __init__(self, model: Module, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8):
        super().__init__(model, beta1, beta2, eps, weight_decay=0.0)


def gradient_norm(model: Module) -> float:
    """The length of the whole gradient as one vector."""
    grad = model.flat.grad
    return math.sqrt(float(xp.dot(grad, grad)))


def clip_gradient(model: Module, max_norm: float) -> float:
    """Shorten the gradient to max_norm where it is longer, keeping its direction; returns the length before."""
    norm = gradient_norm(model)
    if norm > max_norm:
        grad, factor = model.flat.grad, max_norm / norm

        def shorten(piece):
            grad[piece] *= factor

        each_piece(shorten, grad.size)
    return norm


SCHEDULES = ("constant", "linear", "cosine", "inverse_sqrt")


@dataclass(frozen=True)
class Schedule:
    """The learning rate of each step 0 .. steps - 1.

    First a linear warm-up over `warmup` steps: η (step + 1) / warmup, which reaches `peak` at its end. Then
    constant       peak;
    linear         straight down to `final` at the last step;
    cosine         half a cosine down to `final` at the last step (Loshchilov & Hutter (2017), eq. 5, one cycle);
    inverse_sqrt   peak √(warmup / (step + 1)), without end (Vaswani et al. (2017), eq. 3).
    Raises InputError for an unknown kind.
    """

    kind: str
    peak: float
    steps: int
    warmup: int = 0
    final: float = 0.0

    def __post_init__(self):
        if self.kind not in SCHEDULES:
            raise InputError(f"unknown schedule {self.kind!r}: choose one of {', '.join(SCHEDULES)}")

    def __call__(self, step: int) -> float:
        if step < self.warmup:
            return self.peak * (step + 1) / self.warmup
        if self.kind == "constant":
            return self.peak
        if self.kind == "inverse_sqrt":
            return self.peak * math.sqrt(max(self.warmup, 1) / max(step + 1, 1))
        # From 0 at the end of the warm-up to 1 at the last step.
        progress = min((step - self.warmup + 1) / max(self.steps - self.warmup, 1), 1.0)
        remaining = 1 - progress if self.kind == "linear" else 0.5 * (1 + math.cos(math.pi * progress))
        return self.final + (self.peak - self.final) * remaining
