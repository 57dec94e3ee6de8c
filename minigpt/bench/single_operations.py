"""bench ops: each operation of a training step alone, forward and backward."""

from collections.abc import Callable

from minigpt.bench.contender import OURS, Field
from minigpt.bench.operations import Operation, operations
from minigpt.bench.rounds import middle, ratios, take_turns
from minigpt.bench.table import milliseconds, table, times
from minigpt.bench.workload import Workload


def measure_operations(field: Field, workload: Workload, ceilings: dict, say: Callable[[str], None]) -> dict:
    """All operations of one workload, by all contenders in fresh processes."""
    workload.check(0 if field.on_gpu else len(field.names))
    todo = operations(workload)
    with field.start() as contenders:
        for contender in contenders.values():
            contender.ask("setup", subject="ops", operations=[one.message() for one in todo])
        records = take_turns(contenders, field.rounds, lambda what: say(f"{workload.name}: {what}"))
    return {**workload.message(), "rounds": records,
            "operations": [_figures(one, which, amount, records) for one in todo
                           for which, amount in (("forward", one.forward), ("backward", one.backward)) if amount]}


def _figures(operation: Operation, which: str, amount: int, records: dict[str, list[dict]]) -> dict:
    def cost(record):
        return record["operations"][operation.name][which]

    seconds = {name: middle(own, cost) for name, own in records.items()}
    return {"name": operation.name, "pass": which, "unit": operation.unit, "amount": amount, "seconds": seconds,
            "rate": {name: amount / s / 1e9 for name, s in seconds.items()}, "ratios": ratios(records, cost)}


def operations_table(results: list[dict]) -> list[str]:
    lines = []
    for result in results:
        names = list(result["rounds"])
        header = [result["name"], "pass"]
        for name in names:
            header += [f"{name} ms", "speed"] + (["minigpt / it"] if name != OURS else [])
        rows = []
        for one in result["operations"]:
            row = [one["name"], one["pass"]]
            for name in names:
                row += [milliseconds(one["seconds"][name]), f"{one['rate'][name]:,.1f} {one['unit']}"]
                row += [times(one["ratios"][name]["median"])] if name != OURS else []
            rows.append(row)
        lines += [*table(header, rows), ""]
    return lines[:-1]
