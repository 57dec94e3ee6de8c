"""bench scaling: how time and memory of a training step grow with context, batch and workers.

Each point is measured in fresh processes, as the peak memory of a process never falls again.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from minigpt.bench.contender import OURS, Field
from minigpt.bench.table import memory, milliseconds, table, times
from minigpt.bench.training import measure_training
from minigpt.bench.workload import WORKLOADS, Workload
from minigpt.cache_blocking import processors
from minigpt.pictures import draw_curves

CONTEXTS, CONTEXT_MODEL, CONTEXT_TOKENS = (64, 128, 256, 512, 1024), "small", 2048
BATCHES, BATCH_MODEL = (1, 2, 4, 8, 16, 32, 64), "cpu"


def axes(workers: int, on_gpu: bool = False) -> dict[str, list[tuple[int, Workload, int]]]:
    """axis -> its points: the number on the axis, the workload, and the workers."""
    def at_context(T):
        base = WORKLOADS[CONTEXT_MODEL]
        return replace(base, model=replace(base.model, context_length=T), batch_size=max(1, CONTEXT_TOKENS // T))

    return {
        "context": [(T, at_context(T), workers) for T in CONTEXTS],
        "batch": [(B, replace(WORKLOADS[BATCH_MODEL], batch_size=B), workers) for B in BATCHES],
        "workers": [(n, WORKLOADS[BATCH_MODEL], n) for n in range(1, processors() + 1)]
        if processors() > 1 and not on_gpu else [],
    }


def measure_scaling(field: Field, ceilings: dict, say: Callable[[str], None]):
    """Yields the result of each point, as of bench train, with its axis and its place there."""
    for axis, points in axes(field.workers, field.on_gpu).items():
        for at, workload, workers in points:
            result = measure_training(replace(field, workers=workers), workload, ceilings,
                                      lambda what, axis=axis, at=at: say(f"{axis} {at}: {what}"))
            yield {"axis": axis, "at": at, **result}


def scaling_table(results: list[dict]) -> list[str]:
    header = ["axis", "at", "contender", "batch", "ms/step", "spread", "tokens/s", "GFLOP/s", "peak memory",
              "minigpt / it"]
    rows = [[result["axis"] if name == OURS else "", f"{result['at']}" if name == OURS else "", name,
             f"{result['batch_size']}", milliseconds(one["seconds_per_step"]), f"{one['spread']:.0%}",
             f"{one['tokens_per_second']:,.0f}", f"{one['gflops']:,.1f}", memory(one["peak_memory"]),
             "" if name == OURS else times(result["ratios"][name]["median"])]
            for result in results for name, one in result["contenders"].items()]
    return table(header, rows, left=3)


def draw_scaling(results: list[dict], path: Path) -> None:
    """Two panels for each axis: time of a step or tokens a second, and peak memory."""
    base, batch = WORKLOADS[CONTEXT_MODEL].model, WORKLOADS[BATCH_MODEL].model
    titles = {"context": f"{CONTEXT_TOKENS} tokens a step, {base.num_layers} layers, {base.d_model} channels",
              "batch": f"batch of texts of {batch.context_length} tokens, {batch.num_layers} layers, "
                       f"{batch.d_model} channels",
              "workers": "workers that share a step"}
    panels = []
    for axis in dict.fromkeys(result["axis"] for result in results):
        points = [result for result in results if result["axis"] == axis]

        def curves(value, points=points):
            return {name: ([p["at"] for p in points], [value(p["contenders"][name]) for p in points])
                    for name in points[0]["contenders"]}

        speed = curves((lambda one: 1000 * one["seconds_per_step"]) if axis == "context"
                       else (lambda one: one["tokens_per_second"]))
        panels.append((titles[axis], axis, "ms per step" if axis == "context" else "tokens per second", speed))
        where = "GPU" if "reserved_memory" in points[0]["contenders"][OURS] else "process"
        panels.append((titles[axis], axis, f"peak memory of the {where} (MiB)",
                       curves(lambda one: one["peak_memory"] / 2**20)))
    draw_curves(panels, path)
