"""Cross-entropy of a softmax: how surprised the model is by the right answers, in nats.

    p_nv = softmax of row n of the logits               logits (N, V), targets (N,) integers
    q_nv = (1 - ε) [v = t_n] + ε / V                    the target distribution; ε is the label smoothing, 0 is none
    y    = -(1/M) Σ_n Σ_v q_nv log p_nv                 over the M rows whose target isn't ignored

    dlogits_nv = dy (p_nv - q_nv) / M                   and 0 in ignored rows

Derivation: log p_v = z_v - log Σ_j exp(z_j), so ∂log p_v/∂z_i = δ_vi - p_i. For one row
∂/∂z_i (-Σ_v q_v log p_v) = -q_i + p_i Σ_v q_v = p_i - q_i, as Σ q = 1. Softmax and logarithm are joined because apart
they lose what matters: a probability that rounds to 0 has no logarithm, and the logits do.
Sources: Bridle (1990); label smoothing, Szegedy et al. (2016), section 7.
"""

from minigpt import backend
from minigpt.backend import xp
from minigpt.errors import InputError

IGNORED = -100  # a target with this value isn't counted: padding, or what a task doesn't ask about


def check_targets(logits, targets, label_smoothing: float):
    """logits (..., V), targets (...) -> targets (N,) with 0 for those that are ignored, counted (N,) booleans, M.

    Raises InputError for a target outside 0..V-1 that isn't IGNORED, for targets of another shape, and for a
    label_smoothing outside [0, 1).
    """
    V, targets = logits.shape[-1], backend.unmoved(targets)  # counted and checked where they are
    if targets.shape != logits.shape[:-1]:  # broadcasting would take most shapes, and give a wrong loss
        raise InputError(f"targets {targets.shape} don't fit logits {logits.shape}: give one for each row, "
                         f"{logits.shape[:-1]}")
    if not 0 <= label_smoothing < 1:
        raise InputError(f"label_smoothing {label_smoothing} is outside [0, 1): choose 0 (none) to about 0.1")
    targets = targets.reshape(-1)  # (N,)
    counted = targets != IGNORED  # (N,)
    M = max(int(counted.sum()), 1)
    targets = backend.check_ids(targets * counted.astype("int64"), V, "target")  # an ignored one becomes 0
    return targets, backend.asarray(counted), M


def cross_entropy_forward(logits, targets, label_smoothing: float = 0.0):
    """logits (..., V), targets (...) integers in 0..V-1 or IGNORED -> mean loss, a 0-d array.

    When every target is ignored the loss is 0. Raises what check_targets does.
    """
    targets, counted, M = check_targets(logits, targets, label_smoothing)
    V = logits.shape[-1]
    z, rows = logits.reshape(-1, V), xp.arange(len(targets))  # (N, V), (N,)
    p = z - z.max(axis=-1, keepdims=True)  # (N, V); a constant less, which changes no difference below
    of_target = p[rows, targets]  # (N,)
    of_all = p @ xp.full(V, 1 / V, dtype=p.dtype) if label_smoothing else None  # (N,), the mean over the vocabulary
    xp.exp(p, out=p)
    total = p @ xp.ones(V, dtype=p.dtype)  # (N,)
    p /= total[:, None]
    log_total = xp.log(total)  # log p_nv = z_nv - log_total_n
    loss = (1 - label_smoothing) * (log_total - of_target)  # (N,)
    if label_smoothing:
        loss += label_smoothing * (log_total - of_all)
    loss = xp.where(counted, loss, 0)  # a product with `counted` would be NaN where an ignored row's loss is infinite
    return loss.sum() / M, (p, targets, counted, M, label_smoothing, logits.shape)


def cross_entropy_backward(dy, saved):
    """dy, a number or 0-d array -> dlogits (..., V)."""
    p, targets, counted, M, label_smoothing, shape = saved
    weight = (counted * (dy / M)).astype(p.dtype)  # (N,)
    dlogits = p * weight[:, None]  # (N, V); p itself stays as it is, so that backward can run again
    if label_smoothing:
        dlogits -= (label_smoothing / p.shape[-1]) * weight[:, None]
    dlogits[xp.arange(len(targets)), targets] -= (1 - label_smoothing) * weight
    return dlogits.reshape(shape)
