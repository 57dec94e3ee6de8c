"""bench generate: one text, token by token, the most probable each time.

A token's arithmetic is little, but every weight must come from memory for it. So the limit is the speed of memory.
"""

from collections.abc import Callable

from minigpt.bench.contender import OURS, Field
from minigpt.bench.rounds import middle, ratios, take_turns
from minigpt.bench.table import device_cells, device_header, memory, milliseconds, table, times
from minigpt.bench.workload import NEW_TOKENS, PROMPT_LENGTH, Workload, with_long_context
from minigpt.models.gpt import GPTConfig
from minigpt.models.gpt_size import count_parameters


def bytes_per_token(config: GPTConfig, itemsize: int = 4) -> int:
    """Of the weights that one token reads: all but the positions', of which it needs one row. The tied table is read
    as a whole, for the logits."""
    return itemsize * (count_parameters(config) - (config.context_length - 1) * config.d_model)


def measure_generation(field: Field, workload: Workload, ceilings: dict, say: Callable[[str], None]) -> dict:
    """One workload, by all contenders in fresh processes."""
    workload = with_long_context(workload)
    with field.start() as contenders:
        for contender in contenders.values():
            contender.ask("setup", subject="generate", workload=workload.message())
        records = take_turns(contenders, field.rounds, lambda what: say(f"{workload.name}: {what}"))
        seen = {name: field.watch(contender, "token", NEW_TOKENS) for name, contender in contenders.items()}
    reads = bytes_per_token(workload.model)
    limit = reads / (ceilings["reading"]["gigabytes_per_second"] * 1e9)
    first, token = (lambda record: record["first_token"]), (lambda record: record["token"])
    return {
        **workload.message(), "bytes_per_token": reads, "seconds_at_memory_speed": limit,
        "contenders": {name: {"first_token": middle(records[name], first), "token": middle(records[name], token),
                              "times_the_limit": middle(records[name], token) / limit, **seen[name],
                              "rounds": records[name]} for name in records},
        "ratios": ratios(records, token), "first_token_ratios": ratios(records, first),
    }


def generation_table(results: list[dict]) -> list[str]:
    header = ["model", "contender", "ms to first", "ms/token", "x limit", *device_header(results, "token"),
              "peak memory", "minigpt / it", "to first"]
    rows, limits = [], []
    for result in results:
        for name, one in result["contenders"].items():
            found = ["", ""] if name == OURS else [times(result[kind][name]["median"])
                                                   for kind in ("ratios", "first_token_ratios")]
            rows.append([result["name"] if name == OURS else "", name, milliseconds(one["first_token"]),
                         milliseconds(one["token"]), times(one["times_the_limit"]), *device_cells(one, "token"),
                         memory(one["peak_memory"]), *found])
        limit = milliseconds(result["seconds_at_memory_speed"])
        limits.append(f"limit for {result['name']}: a token reads {result['bytes_per_token'] / 1e6:,.1f} MB of weights "
                      f"in {limit} ms")
    return [f"after a prompt of {PROMPT_LENGTH} tokens, {NEW_TOKENS} more", *limits, "", *table(header, rows)]
