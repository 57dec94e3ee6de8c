"""python -m minigpt train: from a text to a model, in one folder; or go on with a run that was stopped."""

from dataclasses import asdict, replace
from pathlib import Path

from minigpt import backend
from minigpt.checkpoint import Progress, check_parameters, load_checkpoint
from minigpt.commands.options import DEFAULT_PRESET, add_backend, add_fields, add_json, existing_run
from minigpt.commands.reporter import Reporter, first_sentence, sample_prompt, say, text_bar
from minigpt.commands.train_messages import again, announce, conclude, saying_how_to_go_on
from minigpt.commands.train_profile import add_profile, run_profile
from minigpt.commands.train_settings import (
    check_training_memory,
    new_settings,
    read_settings,
    resumed_settings,
    workers_or_auto,
)
from minigpt.corpora import CORPORA, find_sources
from minigpt.data import Dataset, check_length, prepare
from minigpt.interrupt import stop_on_signal
from minigpt.memory import keep_freed_memory, peak_memory
from minigpt.models.gpt import GPT, PRESETS
from minigpt.models.gpt_size import count_parameters, gpt_size
from minigpt.parallel.share import WorkerLost
from minigpt.parallel.workers import start_workers
from minigpt.pieces import read_pieces
from minigpt.run_folder import (
    ATTENTION,
    CONFIG,
    NEWEST,
    free_name,
    load_run_tokenizer,
    new_run,
    read_config,
    remove_rests,
    write_json,
)
from minigpt.run_lock import locked
from minigpt.text.tokenizer import KINDS, train_tokenizer
from minigpt.token_file import check_ids
from minigpt.train import Diverged, train
from minigpt.train_config import BPE_SIZE, RECIPES, TrainConfig, make_optimizer


def add_arguments(parser) -> None:
    parser.usage = "python -m minigpt train [--data TEXT ...] [--preset NAME] [--steps N] [--out DIR] [more, see below]"
    parser.add_argument("--resume", type=existing_run, metavar="DIR",
                        help="go on with the run in this folder; no other flag is needed, --steps may be raised")
    parser.add_argument("--preset", metavar="NAME",
                        help=f"shape and settings to start from, which the flags below change (default: "
                             f"{DEFAULT_PRESET}): {', '.join(PRESETS)}")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the run (default: a new one in runs/)")
    add_backend(parser)
    parser.add_argument("--dtype", choices=backend.PRECISIONS,
                        help="float32 is twice as fast, float64 more precise (default: float32)")
    parser.add_argument("--workers", type=workers_or_auto, metavar="N|auto",
                        help="how many compute each step's gradient, a share of the batch each (default: auto, one a "
                             "processor); the number changes no result but for rounding")
    add_json(parser, "one JSON object a line (step, loss, validation_loss, tokens_per_second, ...)")
    add_profile(parser)
    text = parser.add_argument_group("text and tokens")
    text.add_argument("--data", nargs="+", metavar="TEXT",
                      help=f"UTF-8 files, folders, - for standard input, or a corpus: {', '.join(CORPORA)} "
                           "(default: pydoc, the language reference that comes with Python)")
    text.add_argument("--tokenizer", choices=KINDS, help="what a token is (default: bpe)")
    text.add_argument("--vocab-size", type=int, metavar="N", dest="tokenizer_size", help=f"most tokens it learns "
                      f"(default: {BPE_SIZE} for bpe, as many as there are for char and word)")
    text.add_argument("--unknown", choices=("error", "unk"), help="characters or words outside the vocabulary: refuse "
                      "them, or read them as <unk> (default: unk for word, error for char)")
    text.add_argument("--validation-fraction", type=float, metavar="X",
                      help="share of the text, its end, that is kept for measuring (default: 0.1)")
    add_fields(parser, "training", TrainConfig(**RECIPES[DEFAULT_PRESET]))
    add_fields(parser, "shape of the model", PRESETS[DEFAULT_PRESET], leave_out=("vocab_size",))


def run(arguments) -> int:
    keep_freed_memory()
    if arguments.profile is not None:
        return run_profile(arguments, _start)
    folder, checkpoint = arguments.resume or (_start(arguments), None)
    read_config(folder)  # refuses what is no run before anything is written there
    with saying_how_to_go_on(folder, f"go on with {again(folder)}"), locked(folder):
        remove_rests(folder)
        content, shape, config = resumed_settings(arguments, folder) if arguments.resume else read_settings(folder)
        backend.use(arguments.backend, content["dtype"])
        return _train(folder, checkpoint, content, shape, config, arguments.json)


def _start(arguments) -> Path:
    """Set up the folder of a new run: tokenizer, token ids, config.json. All that can be refused is refused here."""
    settings, shape, config = new_settings(arguments)
    backend.use(arguments.backend, settings["dtype"])
    check_training_memory(replace(shape, vocab_size=1), config)  # before the text is read: tokens only add to it
    sources = find_sources(settings["data"])
    folder = arguments.out or free_name(Path("runs"), _stem(settings["data"]))
    with saying_how_to_go_on(folder, "try again, or choose another --out"), new_run(folder):
        unknown = settings["unknown"] or ("unk" if settings["tokenizer"] == "word" else "error")
        vocab_size = settings["tokenizer_size"] or (BPE_SIZE if settings["tokenizer"] == "bpe" else None)
        tokenizer = train_tokenizer(settings["tokenizer"], read_pieces(sources), vocab_size,
                                    "<unk>" if unknown == "unk" else "error")
        tokenizer.save(folder)
        with text_bar() as show:
            counts = prepare(sources, tokenizer, folder / "data", settings["validation_fraction"], show).train_counts
        check_length(counts.tokens, shape.context_length)
        shape = replace(shape, vocab_size=tokenizer.vocab_size)
        check_training_memory(shape, config)
        write_json(folder / CONFIG, {"model": asdict(shape), "training": asdict(config), **settings})
    return folder


def _stem(data: list[str]) -> str:
    """A name for the run, after its text."""
    stem = "stdin" if data[0] == "-" else Path(data[0]).resolve().stem if Path(data[0]).exists() else data[0]
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in stem)[:40] or "run"


def _train(folder: Path, checkpoint: Path | None, content: dict, shape, config: TrainConfig, as_json: bool) -> int:
    """Train the run in `folder`, from the checkpoint (the newest unless named) to its last step; the exit code."""
    tokenizer, dataset = load_run_tokenizer(folder, shape), Dataset.open(folder / "data")
    for part in (dataset.train, dataset.validation):
        check_ids(part, tokenizer.vocab_size)
    if checkpoint is None and (folder / NEWEST).is_file():
        checkpoint = folder / NEWEST
    if checkpoint:
        check_parameters(checkpoint, count_parameters(shape))
    check_training_memory(shape, config)
    model = GPT(shape, config.seed)
    optimizer = make_optimizer(model, config)
    progress = load_checkpoint(checkpoint, model, optimizer) if checkpoint else Progress()
    if progress.step >= config.steps and (folder / ATTENTION).is_file():  # the last file that a run writes
        say(f"the run in {folder} is complete, after {progress.step} steps: --steps {2 * config.steps} would go on")
        return 0
    extended = config.steps > content["training"]["steps"]
    if extended:
        content["training"]["steps"] = config.steps
        write_json(folder / CONFIG, content)

    size = gpt_size(shape, config.batch_size, backend.dtype().itemsize, len(optimizer.state))
    announce(folder, content["data"], dataset, shape, config, size, content["workers"], progress, extended)
    memory_before, prompt = peak_memory(), sample_prompt(first_sentence(dataset, tokenizer))
    # The workers first: what a process has when it is copied, its copies have as well.
    with (start_workers(model, dataset.train, config, content["workers"]) as workers,
          stop_on_signal() as signal_number):
        with Reporter(model, tokenizer, prompt, folder, config.steps, progress.step, as_json,
                      progress.validation_loss) as report:
            try:
                train(model, optimizer, dataset, config, progress, folder, report, lambda: signal_number() != 0,
                      workers)
            except WorkerLost as error:
                report.bar.close()
                say(f"minigpt train: {error}, for want of memory perhaps: {folder / NEWEST} holds the last checkpoint; "
                    f"go on with {again(folder)}, or with fewer --workers")
                return 1
            except Diverged as error:
                report.bar.close()
                say(f"minigpt train: {error}: {folder / NEWEST} holds the last good checkpoint; start anew "
                    "with a lower --learning-rate or a longer --warmup")
                return 1
        if signal_number():
            say(f"stopped after step {progress.step} of {config.steps}, which is saved. To go on:\n    {again(folder)}")
            return 128 + signal_number()
    grown = peak_memory() - memory_before  # before the pictures, which need some memory of their own
    with backend.quiet():
        conclude(folder, model, dataset, tokenizer, config, progress, size, grown, as_json)
    return 0
