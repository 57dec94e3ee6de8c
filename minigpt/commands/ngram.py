"""python -m minigpt ngram: count a text, measure the model on the part it hasn't seen, score texts, write one."""

import json
import math
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from minigpt.commands.options import add_json, apply, flag
from minigpt.commands.reporter import say, text_bar, visible
from minigpt.corpora import find_sources
from minigpt.data import prepare
from minigpt.errors import InputError
from minigpt.generate import generate_text
from minigpt.models.ngram import NGram, NGramConfig
from minigpt.pieces import read_pieces
from minigpt.sampling import Sampling
from minigpt.text.base import UNKNOWN
from minigpt.text.tokenizer import KINDS, load_tokenizer, train_tokenizer
from minigpt.train_config import BPE_SIZE

LEFT_OUT = ("vocab_size", "ends_uniform")


def add_arguments(parser) -> None:
    parser.add_argument("--data", nargs="+", metavar="FILE", help="text to count: files, folders, - for standard "
                        "input, a corpus name (default: pydoc); its last tenth is kept back to measure on")
    parser.add_argument("--model", type=Path, metavar="DIR", help="take the model that --out kept there; it is then "
                        "measured on all of --data")
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep the model and its tokenizer in this folder")
    parser.add_argument("--tokenizer", choices=KINDS, default="char", help="what a token is (default: char)")
    parser.add_argument("--vocab-size", dest="tokenizer_size", type=int, metavar="N",
                        help=f"most tokens (default: {BPE_SIZE} for bpe, all for char and word)")
    for field in fields(NGramConfig):
        if field.name not in LEFT_OUT:
            parser.add_argument(flag(field.name), type=field.type, default=field.default,
                                metavar={int: "N", float: "X", str: "NAME"}[field.type],
                                help=f"{field.metadata['help']} (default: %(default)s)")
    parser.add_argument("--score", nargs="+", default=[], metavar="TEXT", help="ln p of each of these")
    parser.add_argument("--generate", type=int, default=0, metavar="N", help="write so many tokens")
    parser.add_argument("--prompt", default="The", metavar="TEXT", help="how that begins (default: The)")
    parser.add_argument("--temperature", type=float, default=1.0, metavar="X", help="below 1 safer (default: 1)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another number, another text (default: 0)")
    add_json(parser, "one JSON object")


def run(arguments) -> int:
    if arguments.generate < 0:
        raise InputError(f"--generate {arguments.generate} is negative: choose 0 or more")
    sampling = Sampling(arguments.temperature)
    model, tokenizer, measures = _loaded(arguments) if arguments.model else _counted(arguments)
    if arguments.out:
        model.save(arguments.out)
        tokenizer.save(arguments.out)
        say(f"kept     {arguments.out}")
    scores = [_score(model, tokenizer, text) for text in arguments.score]
    text = ""
    if arguments.generate:
        text = arguments.prompt + "".join(generate_text(model, tokenizer, arguments.prompt, arguments.generate,
                                                        sampling, arguments.seed, use_cache=False))
    if arguments.json:
        print(json.dumps({"measures": measures, "scores": scores, "text": text}, ensure_ascii=False))
        return 0
    for name, value in measures.items():
        print(f"{name:20} {'infinite: some token has probability 0' if value is None else format(value, '.4f')}")
    for one in scores:
        value = "-infinity" if one["log_p"] is None else f"{one['log_p']:.4f}"
        print(f"{value:>12} {one['tokens']:6} tokens  {visible(one['text'])}")
    if text:
        print(visible(text) if sys.stdout.isatty() else text)
    return 0


def _counted(arguments):
    """A new model, its tokenizer, and its measures on the text that was kept back."""
    sources = find_sources(arguments.data or ["pydoc"])
    config = apply(NGramConfig(), arguments)  # before the text is read: numbers that make no sense end here
    size = arguments.tokenizer_size or (BPE_SIZE if arguments.tokenizer == "bpe" else None)
    unknown = UNKNOWN if arguments.tokenizer == "word" else "error"
    tokenizer = train_tokenizer(arguments.tokenizer, read_pieces(sources), size, unknown)
    # Split as `train` splits, so that the figures of both can be compared.
    with _prepared(sources, tokenizer, 0.1) as dataset:
        begin = time.perf_counter()
        model = NGram.count([dataset.train], replace(config, vocab_size=tokenizer.vocab_size))
        say(f"counted  {len(dataset.train):,} tokens of {tokenizer.vocab_size:,} kinds in "
            f"{time.perf_counter() - begin:.1f} s; different n-grams, from n = 1 on: "
            + ", ".join(f"{len(keys):,}" for keys, _ in model.tables))
        return model, tokenizer, _measures(model, dataset.validation, dataset.validation_counts)


def _loaded(arguments):
    """The model that was kept, its tokenizer, and its measures on all of --data."""
    model, tokenizer = NGram.load(arguments.model), load_tokenizer(arguments.model)
    if tokenizer.vocab_size != model.config.vocab_size:
        raise InputError(f"{arguments.model}: the tokenizer has {tokenizer.vocab_size} tokens, the model "
                         f"{model.config.vocab_size}: they are not of one model; count again")
    if not arguments.data:
        return model, tokenizer, {}
    with _prepared(find_sources(arguments.data), tokenizer, 0) as dataset:
        return model, tokenizer, _measures(model, dataset.train, dataset.train_counts)


@contextmanager
def _prepared(sources, tokenizer, validation_fraction: float):
    """The text as a data.Dataset whose files are gone afterwards: ids go there, as text may be long."""
    with tempfile.TemporaryDirectory(prefix="minigpt-", ignore_cleanup_errors=True) as folder:
        with text_bar() as show:
            dataset = prepare(sources, tokenizer, Path(folder), validation_fraction, show)
        yield dataset


def _measures(model, tokens, counts) -> dict:
    """What `evaluate` prints, None where it is infinite; nothing for scores that are no probabilities."""
    if model.config.smoothing == "stupid-backoff":
        say("stupid backoff gives scores and no probabilities: there is no loss to measure")
        return {}
    loss = model.loss(tokens)
    measures = {"loss": loss, "perplexity": float(np.exp(loss)), "bits per character": counts.bits_per_character(loss),
                "bits per byte": counts.bits_per_byte(loss)}
    return {name: value if math.isfinite(value) else None for name, value in measures.items()}


def _score(model, tokenizer, text: str) -> dict:
    """ln p of a text, from its beginning; ln of the product of its scores for stupid backoff."""
    ids = tokenizer.encode(text)
    with np.errstate(divide="ignore"):  # ln 0
        log_p = float(np.log(model.text_scores(ids)).sum())
    return {"text": text, "tokens": len(ids), "log_p": log_p if math.isfinite(log_p) else None}
