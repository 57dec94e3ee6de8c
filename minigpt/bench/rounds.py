"""Rounds by turns, medians over rounds, and the ratio of two contenders.

A machine's speed drifts: other programs, heat, a neighbour in the next virtual machine. Contenders that work by turns
see the same drift, so the ratio is taken within each round, and the median of these ratios is robust against a round
that something disturbed.
"""

import time
from collections.abc import Callable
from statistics import median

from minigpt.bench.contender import OURS, Contender

ROUND_SECONDS = 1.0
PAUSE_SECONDS = 0.25  # longer than idle threads spin, of any BLAS and OpenMP that we know of


def warm_up(contender: Contender) -> int:
    """Run until memory is touched and code is loaded; how many steps fill a round."""
    contender.ask("round", steps=1)
    took = contender.ask("round", steps=1)["seconds"]
    steps = max(1, round(ROUND_SECONDS / max(took, 1e-6)))
    if steps > 1:
        took = contender.ask("round", steps=steps)["seconds"] / steps  # the second step alone may still be a slow one
        steps = max(1, round(ROUND_SECONDS / max(took, 1e-6)))
    return steps


def take_turns(contenders: dict[str, Contender], rounds: int, say: Callable[[str], None]) -> dict[str, list[dict]]:
    """The record of every round of every contender; a record is its answer, and the number of steps."""
    steps = {}
    for name, contender in contenders.items():
        say(f"warming up {name}")
        steps[name] = warm_up(contender)
    records = {name: [] for name in contenders}
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        # Every second round the other way round, so that nobody always comes after the same one.
        for name in list(contenders)[::1 if number % 2 == 0 else -1]:
            if len(contenders) > 1:
                time.sleep(PAUSE_SECONDS)
            records[name].append({"steps": steps[name], **contenders[name].ask("round", steps=steps[name])})
    return records


def seconds_per_step(record: dict) -> float:
    return record["seconds"] / record["steps"]


def middle(records: list[dict], cost: Callable[[dict], float] = seconds_per_step) -> float:
    """The median over rounds of what `cost` reads from a record."""
    return median(cost(record) for record in records)


def spread(records: list[dict]) -> float:
    """How far the rounds are apart, as a share of their median: much, where something else used the machine."""
    costs = [seconds_per_step(record) for record in records]
    return (max(costs) - min(costs)) / median(costs)


def ratios(records: dict[str, list[dict]], cost: Callable[[dict], float] = seconds_per_step) -> dict[str, dict]:
    """For each opponent, how many times as fast as it we are: in every round, and the median of these."""
    found = {}
    for name in records:
        if name != OURS:
            each = [cost(theirs) / cost(ours) for ours, theirs in zip(records[OURS], records[name], strict=True)]
            found[name] = {"rounds": each, "median": median(each)}
    return found
