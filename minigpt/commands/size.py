"""python -m minigpt size: parameters, arithmetic and memory of a model, before anything is built."""

import json
import sys
from dataclasses import asdict

from minigpt.commands.options import DEFAULT_PRESET, add_fields, add_json, find_preset, resized
from minigpt.errors import InputError
from minigpt.memory import mebibytes
from minigpt.models.gpt import LARGEST, PRESETS, GPTConfig
from minigpt.models.gpt_size import GPTSize, gpt_size


def add_arguments(parser) -> None:
    parser.add_argument("--preset", default=DEFAULT_PRESET, metavar="NAME",
                        help=f"one of {', '.join(PRESETS)} (default: {DEFAULT_PRESET})")
    parser.add_argument("--batch-size", type=int, default=1, metavar="N", help="texts side by side (default: 1)")
    add_json(parser, "one JSON object")
    add_fields(parser, "shape of the model", PRESETS[DEFAULT_PRESET])


def describe(config: GPTConfig, size: GPTSize, batch_size: int) -> list[str]:
    """The prediction as lines of text."""
    window = f", every second layer sees {config.attention_window}" if config.attention_window else ""
    step = size.flops_per_token * batch_size * config.context_length
    return [
        f"model    {size.parameters:,} parameters: {config.num_layers} layers of {config.num_heads} heads, "
        f"d_model {config.d_model}, d_ff {config.d_ff}, context {config.context_length}{window}, "
        f"vocabulary {config.vocab_size}, {config.norm}-norm",
        f"work     {size.flops_per_token / 1e6:,.1f} MFLOPs a token, forward and backward; "
        f"{step / 1e9:,.1f} GFLOPs for a batch of {batch_size} x {config.context_length}",
        f"memory   {mebibytes(size.weights)} weights + {mebibytes(size.gradients)} gradients + "
        f"{mebibytes(size.optimizer)} optimizer + {mebibytes(size.saved)} saved for backward "
        f"= {mebibytes(size.total_memory)}",
    ]


def run(arguments) -> int:
    config = resized(find_preset(arguments.preset), arguments)
    if not 1 <= arguments.batch_size <= LARGEST:
        raise InputError(f"--batch-size is outside 1 to {LARGEST:,}: choose for example 16")
    size = gpt_size(config, arguments.batch_size)
    if arguments.json:
        print(json.dumps({**asdict(size), "total_memory": size.total_memory, "config": config.to_dict()}))
    else:
        print("\n".join(describe(config, size, arguments.batch_size)), file=sys.stdout)
    return 0
