"""A step of Adam in one kernel: the twin of optim.py's adamw_update on a GPU. See optim.cu."""

from minigpt.fused.cuda.kernels import THREADS, blocks_for, launch


def adamw_update(data, grad, m, v, rate: float, beta1: float, beta2: float, eps: float) -> None:
    """As optim.adamw_update."""
    launch("optim", "adamw_update", blocks_for(data.size), THREADS, data, grad, m, v, data.size, float(rate),
           float(beta1), 1 - float(beta1), float(beta2), 1 - float(beta2), float(eps))
