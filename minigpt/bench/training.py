"""bench train: whole training steps."""

from collections.abc import Callable

from minigpt.bench.contender import OURS, OWN, Field
from minigpt.bench.rounds import middle, ratios, spread, take_turns
from minigpt.bench.table import device_cells, device_header, memory, milliseconds, table, times
from minigpt.bench.workers import workers_of
from minigpt.bench.workload import Workload


def measure_training(field: Field, workload: Workload, ceilings: dict, say: Callable[[str], None]) -> dict:
    """One workload, by all contenders in fresh processes."""
    workload.check(0 if field.on_gpu else len(field.names))
    workers = workers_of(field.workers, workload)
    with field.start() as contenders:
        for contender in contenders.values():
            contender.ask("setup", subject="train", workload=workload.message(),
                          **({"workers": workers} if contender.name in OWN else {}))
        records = take_turns(contenders, field.rounds, lambda what: say(f"{workload.name}: {what}"))
        seen = {name: field.watch(contender) for name, contender in contenders.items()}
    flops = workload.size.flops_per_token
    return {
        **workload.message(), "workers": workers, "flops_per_token": flops,
        "contenders": {name: {**_figures(records[name], workload, flops, ceilings["sgemm"]["gflops"]),
                              **seen[name], "rounds": records[name]} for name in records},
        "ratios": ratios(records),
    }


def _figures(records: list[dict], workload: Workload, flops: int, most_gflops: float) -> dict:
    seconds = middle(records)
    gflops = workload.tokens / seconds * flops / 1e9
    return {"seconds_per_step": seconds, "tokens_per_second": workload.tokens / seconds, "gflops": gflops,
            "share_of_sgemm": gflops / most_gflops, "spread": spread(records)}


def training_table(results: list[dict]) -> list[str]:
    header = ["model", "contender", "workers", "tokens/s", "ms/step", "spread", "GFLOP/s", "of sgemm",
              *device_header(results, "step"), "peak memory", "minigpt / it"]
    rows = []
    for result in results:
        for name, one in result["contenders"].items():
            speed = [f"{one['tokens_per_second']:,.0f}", milliseconds(one["seconds_per_step"]), f"{one['spread']:.0%}",
                     f"{one['gflops']:,.1f}", f"{one['share_of_sgemm']:.0%}"]
            rows.append([result["name"] if name == OURS else "", name, f"{result['workers']}" if name in OWN else "",
                         *speed, *device_cells(one, "step"), memory(one["peak_memory"]),
                         "" if name == OURS else times(result["ratios"][name]["median"])])
    return table(header, rows)
