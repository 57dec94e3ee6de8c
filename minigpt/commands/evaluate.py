"""python -m minigpt evaluate: loss, perplexity, bits per character and per byte of a trained model on a text."""

import json
import math
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from minigpt import backend
from minigpt.commands.options import add_backend, add_json, existing_run
from minigpt.corpora import find_sources
from minigpt.data import Dataset, prepare
from minigpt.errors import InputError
from minigpt.evaluate import evaluate
from minigpt.memory import check_memory
from minigpt.models.gpt_size import saved_bytes
from minigpt.run_folder import load_model
from minigpt.token_file import check_ids


def add_arguments(parser) -> None:
    parser.add_argument("--model", required=True, type=existing_run, metavar="DIR", help="folder of a training run")
    parser.add_argument("--data", nargs="+", metavar="FILE", help="text to evaluate on: files, folders, - for standard "
                        "input, a corpus name; without it, the run's own validation text")
    parser.add_argument("--batch-size", type=int, default=16, metavar="N", help="windows side by side (default: 16)")
    add_backend(parser)
    add_json(parser, "one JSON object")


def run(arguments) -> int:
    backend.use(arguments.backend)
    model, tokenizer = load_model(*arguments.model)
    if backend.name() == "numpy":
        check_memory(saved_bytes(model.config, arguments.batch_size, backend.dtype().itemsize),
                     "choose a smaller --batch-size")
    if arguments.data is None:
        dataset = Dataset.open(arguments.model.folder / "data")
        if len(dataset.validation) < 2:
            raise InputError(f"the run in {arguments.model.folder} kept no validation text: give --data FILE")
        check_ids(dataset.validation, tokenizer.vocab_size)
        result = evaluate(model, dataset.validation, dataset.validation_counts, arguments.batch_size)
    else:
        # Ids go to a file like those of training, so that a text larger than memory can be evaluated.
        with tempfile.TemporaryDirectory(prefix="minigpt-", ignore_cleanup_errors=True) as folder:
            dataset = prepare(find_sources(arguments.data), tokenizer, Path(folder), validation_fraction=0)
            result = evaluate(model, dataset.train, dataset.train_counts, arguments.batch_size)
            del dataset  # lets go of the mapped file, which Windows would otherwise not remove
    if arguments.json:
        finite = {name: value if math.isfinite(value) else None for name, value in asdict(result).items()}
        print(json.dumps(finite))  # JSON has no infinity
    else:
        print(f"loss                 {result.loss:.4f} nats per token")
        print(f"perplexity           {result.perplexity:.3f}")
        print(f"bits per character   {result.bits_per_character:.4f}")
        print(f"bits per byte        {result.bits_per_byte:.4f}")
        counts = f"{result.tokens:,} tokens, {result.characters:,} characters, {result.bytes:,} bytes"
        print(f"over {counts}", file=sys.stderr)
    return 0
