"""The single operations that a training step is made of, at the sizes it has them: how much work each of them is.

Products are counted in FLOPs, nothing skipped; everything else in the bytes that it cannot do without: each input read
once, each output written once. Backward of a product is two products; of the others, it reads what came in and dy, and
writes dx.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from minigpt.bench.workload import Workload
from minigpt.models.gpt_size import count_parameters

SLICE_SECONDS = 0.04  # for each pass of each operation in a round


@dataclass(frozen=True)
class Operation:
    """kind and sizes say what to do; flops or bytes, of forward and backward, how much that is."""

    name: str
    kind: str
    sizes: dict
    unit: str  # "GFLOP/s" or "GB/s"
    forward: int
    backward: int

    def message(self) -> dict:
        return asdict(self)


def operations(workload: Workload, itemsize: int = 4) -> list[Operation]:
    """All operations of a training step of that workload."""
    c, N = workload.model, workload.tokens
    B, T, C, F, H, V = workload.batch_size, c.context_length, c.d_model, c.d_ff, c.num_heads, c.vocab_size

    def linear(what, inputs, outputs):
        products = 2 * N * inputs * outputs
        return Operation(f"linear {what}, {inputs} to {outputs}", "linear",
                         dict(rows=N, inputs=inputs, outputs=outputs), "GFLOP/s", products, 2 * products)

    def elements(kind, numbers, sizes, forward=2, backward=3):
        return Operation(kind, kind, sizes, "GB/s", forward * numbers * itemsize, backward * numbers * itemsize)

    scores = 2 * B * H * T * T * (C // H)  # of one product: q kᵀ, or p v
    return [
        linear("q, k, v", C, 3 * C), linear("after heads", C, C), linear("into d_ff", C, F),
        linear("out of d_ff", F, C), linear("head", C, V),
        Operation("attention causal", "attention", dict(shape=[B, H, T, C // H]), "GFLOP/s", 2 * scores, 4 * scores),
        elements("softmax", B * H * T * T, dict(shape=[B, H, T, T])),
        elements("layer_norm", N * C, dict(rows=N, channels=C)),
        elements("gelu_tanh", N * F, dict(rows=N, channels=F)),
        elements("cross_entropy", N * V, dict(rows=N, vocabulary=V), 1, 2),
        Operation("embedding", "embedding", dict(shape=[B, T], vocabulary=V, channels=C), "GB/s",
                  2 * N * C * itemsize, (N + V) * C * itemsize),
        Operation("adamw step", "adamw", dict(workload=workload.message()), "GB/s",
                  7 * count_parameters(c) * itemsize, 0),  # reads θ, g, m, v; writes θ, m, v
    ]


def clock(passes: dict[str, dict[str, Callable[[], object]]],
          synchronize: Callable[[], None] | None = None) -> Callable[[int], dict]:
    """The rounds of a contender: passes[operation]["forward" or "backward"] is called again and again for a while.

    A round goes through all of them; each answer is seconds a call. synchronize: for a GPU, what waits until it has
    done all calls. To wait after each would leave it idle between them, so they are queued, twice as many each time.
    """

    def seconds_a_call(work, least):
        wait, calls, queue = synchronize or (lambda: None), 0, 1
        wait()
        begin = time.perf_counter()
        while (took := time.perf_counter() - begin) < least or not calls:
            for _ in range(queue):
                work()
            wait()
            calls += queue
            queue *= 2 if synchronize else 1
        return took / calls

    def run(steps: int) -> dict:
        begin = time.perf_counter()
        found = {name: {which: seconds_a_call(work, steps * SLICE_SECONDS) for which, work in both.items()}
                 for name, both in passes.items()}
        return {"seconds": time.perf_counter() - begin, "operations": found}

    return run
