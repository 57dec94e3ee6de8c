"""Every optimizer and schedule against torch.optim, step by step, to float64's rounding."""

import numpy as np
import pytest
from problems import (
    FINAL,
    GRADIENT_SIZES,
    OPTIMIZERS,
    PEAK,
    RATES,
    STEPS,
    WARMUP,
    StableGenerator,
    Weights,
    gradients_of_steps,
    optimizer_results,
    schedule_results,
)
from torch_oracle import assert_agree, leaves, torch

from minigpt import backend
from minigpt.optim import SCHEDULES, clip_gradient


@pytest.fixture(autouse=True)
def double_precision():
    with backend.using("numpy", "float64"):
        yield


def theirs(make, decay=0.0, **options):
    """torch's optimizer with two groups of parameters, as training scripts write it: only matrices decay."""
    return lambda tensors: make([dict(params=[t for t in tensors if t.ndim >= 2], weight_decay=decay),
                                 dict(params=[t for t in tensors if t.ndim < 2], weight_decay=0.0)], **options)


TWINS = {
    "SGD": theirs(torch.optim.SGD),
    # Without momentum, decay added to the gradient (theirs) and decay apart from it (ours) are the same.
    "SGD decay": theirs(torch.optim.SGD, 0.3),
    "momentum": theirs(torch.optim.SGD, momentum=0.8),
    "Adam": theirs(torch.optim.Adam),
    "Adam, other settings": theirs(torch.optim.Adam, betas=(0.8, 0.95), eps=1e-3),
    "AdamW": theirs(torch.optim.AdamW, 0.01),  # 0.01 is the default of both
    "AdamW, other settings": theirs(torch.optim.AdamW, 0.3, betas=(0.7, 0.9), eps=1e-2),
}


def their_results(name, size) -> dict:
    """problems.optimizer_results, computed by PyTorch."""
    tensors = leaves({path: p.data for path, p in Weights().parameters().items()})
    optimizer, rows = TWINS[name](list(tensors.values())), {path: [] for path in tensors}
    for rate, gradients in zip(RATES, gradients_of_steps(size)):
        for path, tensor in tensors.items():
            tensor.grad = torch.tensor(gradients[path])
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        for path, tensor in tensors.items():
            rows[path].append(tensor.detach().clone())
    return {path: torch.stack(values) for path, values in rows.items()}


@pytest.mark.parametrize("size", GRADIENT_SIZES, ids=["", "gradients near eps"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_parameters_after_each_step(name, size):
    assert_agree(optimizer_results(name, size), their_results(name, size), 1e-14)


@pytest.mark.parametrize("longest", [0.5, 1e4])
def test_clipping(longest):
    model, rng = Weights(), StableGenerator(1)
    model.flat.grad[:] = rng.standard_normal(model.flat.grad.size)
    tensors = leaves({path: p.data for path, p in model.parameters().items()})
    for path, p in model.parameters().items():
        tensors[path].grad = torch.tensor(p.grad)
    norm = clip_gradient(model, longest)
    their_norm = torch.nn.utils.clip_grad_norm_(tensors.values(), longest)
    # 1e-6: they divide by norm + 1e-6 to be safe from a norm of 0, which is never above ours.
    assert_agree({"norm": np.array(norm), **{path: p.grad for path, p in model.parameters().items()}},
                 {"norm": their_norm, **{path: t.grad for path, t in tensors.items()}}, 1e-6)


schedulers = torch.optim.lr_scheduler
LATER = {  # after the warm-up; their count starts at the last step of it
    "constant": lambda o: schedulers.ConstantLR(o, factor=1.0),
    "linear": lambda o: schedulers.LinearLR(o, 1.0, FINAL / PEAK, total_iters=STEPS - WARMUP),
    "cosine": lambda o: schedulers.CosineAnnealingLR(o, T_max=STEPS - WARMUP, eta_min=FINAL),
    "inverse_sqrt": lambda o: schedulers.LambdaLR(o, lambda n: ((n + WARMUP) / WARMUP) ** -0.5),
}


def rates(make_scheduler, count):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=PEAK)
    scheduler, result = make_scheduler(optimizer), []
    for _ in range(count):
        result.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return result


def their_rates(kind) -> dict:
    """problems.schedule_results, computed by PyTorch."""
    warm = rates(lambda o: schedulers.LinearLR(o, start_factor=1 / WARMUP, total_iters=WARMUP - 1), WARMUP)
    return {"rates": np.array(warm + rates(LATER[kind], STEPS - WARMUP + 1)[1:])}


@pytest.mark.parametrize("kind", SCHEDULES)
def test_schedules(kind):
    np.testing.assert_allclose(schedule_results(kind)["rates"], their_rates(kind)["rates"], rtol=1e-13)
