"""python -m minigpt train: from a text to a model, in one folder; or go on with a run that was stopped."""

import json
import reprlib
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from minigpt import backend
from minigpt.checkpoint import Progress, check_parameters, load_checkpoint
from minigpt.commands.options import (
    DEFAULT_PRESET,
    add_backend,
    add_fields,
    add_json,
    apply,
    existing_run,
    find_preset,
    flag,
    given,
    resized,
)
from minigpt.commands.reporter import Reporter, first_sentence, sample_prompt, say, text_bar
from minigpt.commands.size import describe
from minigpt.corpora import CORPORA, find_sources
from minigpt.data import Dataset, prepare, training_batch
from minigpt.errors import InputError
from minigpt.evaluate import evaluate
from minigpt.interrupt import stop_on_signal
from minigpt.memory import check_memory, mebibytes, peak_memory
from minigpt.models.gpt import GPT, PRESETS, GPTConfig
from minigpt.models.gpt_size import count_parameters, gpt_size, measure_saved
from minigpt.pictures import draw_attention, draw_loss
from minigpt.pieces import read_pieces
from minigpt.run_folder import (
    ATTENTION,
    CONFIG,
    LOG,
    LOSS,
    NEWEST,
    free_name,
    from_dict,
    load_run_tokenizer,
    new_run,
    read_config,
    remove_rests,
    write_json,
)
from minigpt.run_lock import locked
from minigpt.run_log import read_log
from minigpt.text.tokenizer import KINDS, train_tokenizer
from minigpt.token_file import check_ids
from minigpt.train import Diverged, train
from minigpt.train_config import TrainConfig, make_optimizer

# Settings other than TrainConfig's defaults that belong to a preset: what a model of that size is trained with.
TRAINING = {
    "tiny": dict(steps=300, batch_size=16, learning_rate=3e-3, warmup=30, eval_every=50, save_every=50),
    "small": dict(steps=4500, batch_size=12, learning_rate=5e-3, warmup=250, final_share=0.05, eval_every=500,
                  save_every=500),
}
TRAINING["small-gpt3"] = TRAINING["small"]
TRAINING["small-gpt1"] = {**TRAINING["small"], "learning_rate": 2e-3}  # post-norm bears less
# Radford et al. (2018), section 4.1; Brown et al. (2020), table 2.1, with batches that one machine can hold.
PAPERS = dict(steps=100_000, batch_size=8, accumulate=8, learning_rate=2.5e-4, warmup=2000, beta2=0.95, eval_every=1000,
              save_every=1000)

BPE_SIZE = 1024  # unless asked otherwise: a short text like the default one doesn't show more tokens often enough

# What else config.json records of a run, with the default of each flag.
RUN_SETTINGS = {"preset": "small", "dtype": "float32", "data": ["pydoc"], "tokenizer": "bpe", "tokenizer_size": None,
                "unknown": None, "validation_fraction": 0.1}


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
    add_json(parser, "one JSON object a line (step, loss, validation_loss, tokens_per_second, ...)")
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
    add_fields(parser, "training", TrainConfig(**TRAINING[DEFAULT_PRESET]))
    add_fields(parser, "shape of the model", PRESETS[DEFAULT_PRESET], leave_out=("vocab_size",))


def run(arguments) -> int:
    backend.keep_freed_memory()
    folder = arguments.resume or _started(arguments)
    read_config(folder)  # refuses what is no run before anything is written there
    with _saying_how_to_go_on(folder, f"go on with {_again(folder)}"), locked(folder):
        if arguments.resume:
            remove_rests(folder)
            _prepare_resumed(arguments)
        return _train(folder, arguments)


def _again(folder: Path) -> str:
    return f"python -m minigpt train --resume {folder}"


@contextmanager
def _saying_how_to_go_on(folder: Path, cure: str):
    """Tell what the system refuses in words that fit a run: OSErrors in here come from writing into its folder."""
    try:
        yield
    except BrokenPipeError:  # whoever read our output has had enough; nothing is wrong with the folder
        raise
    except OSError as error:
        if isinstance(error, FileNotFoundError) and error.errno is None:  # one of ours, about a file to be read
            raise
        reason = error.strerror or str(error)
        if (folder / NEWEST).is_file():
            cure = f"what was saved there is untouched; make room, or allow writing, then {cure}"
        elif cure.startswith("go on") and not folder.is_dir():
            reason, cure = "it is gone", "put it back and go on, or start a new run"
        else:
            cure = f"make room, or allow writing, then {cure}"
        raise OSError(f"{folder} can't be written ({reason}): {cure}") from None


def _started(arguments) -> Path:
    """Set up the folder of a new run: tokenizer, token ids, config.json. All that can be refused is refused here."""
    settings = {**RUN_SETTINGS, **_asked(arguments)}
    config = resized(find_preset(settings["preset"]), arguments)
    training = apply(TrainConfig(**TRAINING.get(settings["preset"], PAPERS)), arguments)
    backend.use(arguments.backend, settings["dtype"])
    _check_memory(replace(config, vocab_size=1), training)  # before the text is read; the tokenizer can only add to it
    sources = find_sources(settings["data"])
    folder = arguments.out or free_name(Path("runs"), _stem(settings["data"]))
    with _saying_how_to_go_on(folder, "try again, or choose another --out"), new_run(folder):
        unknown = settings["unknown"] or ("unk" if settings["tokenizer"] == "word" else "error")
        size = settings["tokenizer_size"] or (BPE_SIZE if settings["tokenizer"] == "bpe" else None)
        tokenizer = train_tokenizer(settings["tokenizer"], read_pieces(sources), size,
                                    "<unk>" if unknown == "unk" else "error")
        tokenizer.save(folder)
        with text_bar() as show:
            dataset = prepare(sources, tokenizer, folder / "data", settings["validation_fraction"], show)
        training_batch(dataset.train, 1, config.context_length, training.seed, 0)  # refuses a text that is too short
        config = replace(config, vocab_size=tokenizer.vocab_size)
        _check_memory(config, training)
        write_json(folder / CONFIG, {"model": config.to_dict(), "training": asdict(training), **settings})
    return folder


def _asked(arguments) -> dict:
    """Those of RUN_SETTINGS for which the user gave a flag."""
    return {key: getattr(arguments, key) for key in RUN_SETTINGS if getattr(arguments, key) is not None}


def _stem(data: list[str]) -> str:
    """A name for the run, after its text."""
    stem = "stdin" if data[0] == "-" else Path(data[0]).resolve().stem if Path(data[0]).exists() else data[0]
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in stem)[:40] or "run"


def _prepare_resumed(arguments) -> None:
    """Make the run ready to go on; flags that would change it are refused, except more --steps."""
    folder = arguments.resume
    content = _read_settings(folder)
    recorded = {**content["model"], **content["training"], **content}
    if arguments.out is not None and arguments.out.resolve() != folder.resolve():
        raise InputError(f"a resumed run stays in its folder {folder}: leave out --out")
    for key, value in {**_asked(arguments), **given(arguments, GPTConfig), **given(arguments, TrainConfig)}.items():
        name = flag("vocab_size" if key == "tokenizer_size" else key)
        if key != "steps" and value != recorded[key]:
            raise InputError(f"the run in {folder} was started with {name} {recorded[key]}, a resumed run can't "
                             f"change that to {value}: leave out {name}, or start a new run without --resume")
    steps = getattr(arguments, "steps", recorded["steps"])
    if steps < recorded["steps"]:
        raise InputError(f"the run in {folder} was started with --steps {recorded['steps']}: {steps} would cut it "
                         "short; give more, or leave out --steps")
    if steps > recorded["steps"]:
        content["training"]["steps"] = steps
        write_json(folder / CONFIG, content)
    backend.use(arguments.backend, content["dtype"])


def _read_settings(folder: Path) -> dict:
    """config.json of a run, all of it checked. Raises FileNotFoundError or InputError."""
    content = read_config(folder)
    for section, cls in (("model", GPTConfig), ("training", TrainConfig)):
        from_dict(cls, content[section], folder / CONFIG)
    wrong = sorted(content.keys() ^ {"model", "training", *RUN_SETTINGS})
    if wrong:
        raise InputError(f"{folder / CONFIG}: {reprlib.repr(wrong)} are missing or unknown: restore it, or train again")
    if not isinstance(content["data"], list) or not all(isinstance(name, str) for name in content["data"]):
        raise InputError(f"{folder / CONFIG}: data is {reprlib.repr(content['data'])}, not a list of names: restore it")
    return content


def _train(folder: Path, arguments) -> int:
    """Train the run in `folder` from its newest checkpoint to its last step, then draw and tell."""
    content = _read_settings(folder)
    shape = from_dict(GPTConfig, content["model"], folder / CONFIG)
    config = from_dict(TrainConfig, content["training"], folder / CONFIG)
    tokenizer, dataset = load_run_tokenizer(folder, shape), Dataset.open(folder / "data")
    for part in (dataset.train, dataset.validation):
        check_ids(part, tokenizer.vocab_size)
    if (folder / NEWEST).is_file():
        check_parameters(folder / NEWEST, count_parameters(shape))
    _check_memory(shape, config)
    model = GPT(shape, config.seed)
    optimizer, progress = make_optimizer(model, config), Progress()
    if (folder / NEWEST).is_file():
        progress = load_checkpoint(folder / NEWEST, model, optimizer)
    if progress.step >= config.steps and (folder / ATTENTION).is_file():  # the last file that a run writes
        say(f"the run in {folder} is complete, after {progress.step} steps: --steps {2 * config.steps} would go on")
        return 0

    size = gpt_size(model.config, config.batch_size, backend.dtype().itemsize, len(optimizer.state))
    train_text, seen_text = dataset.train_counts, dataset.validation_counts
    say(f"text     {' '.join(content['data'])}: {train_text.characters:,} characters to train on "
        f"({train_text.tokens:,} tokens), {seen_text.characters:,} to validate on")
    say("\n".join(describe(model.config, size, config.batch_size)))
    say(f"training {config.steps} steps of {config.accumulate * config.batch_size} x {model.config.context_length} "
        f"tokens on {backend.name()} in {backend.dtype()}; the run's folder is {folder}"
        + (f"; going on after step {progress.step}" if progress.step else ""))

    memory_before = peak_memory()
    with stop_on_signal() as signal_number:
        prompt = sample_prompt(first_sentence(dataset, tokenizer))
        with Reporter(model, tokenizer, prompt, folder, config.steps, progress.step, arguments.json) as report:
            try:
                train(model, optimizer, dataset, config, progress, folder, report, lambda: signal_number() != 0)
            except Diverged as error:
                report.bar.close()
                good = f"{folder / NEWEST} holds the last good checkpoint: start anew with a lower --learning-rate or "
                say(f"minigpt: {error}. {good}a longer --warmup")
                return 1
        if signal_number():
            say(f"stopped after step {progress.step} of {config.steps}, which is saved. To go on:\n"
                f"    {_again(folder)}")
            return 128 + signal_number()
    grown = peak_memory() - memory_before  # before the pictures, which need some memory of their own
    with backend.quiet():
        _finish(folder, model, dataset, tokenizer, config, progress, size, grown, arguments.json)
    return 0


def _check_memory(shape: GPTConfig, config: TrainConfig) -> None:
    vectors = {"sgd": 0, "momentum": 1}.get(config.optimizer, 2)
    size = gpt_size(shape, config.batch_size, backend.dtype().itemsize, vectors)
    if backend.name() == "numpy":  # a GPU has memory of its own, and says at once when it is full
        check_memory(size.total_memory, "choose a smaller --batch-size (--accumulate makes up for it), --d-model or "
                     "--context-length; python -m minigpt size tells what each needs")


def _finish(folder, model, dataset, tokenizer, config, progress, size, grown, as_json) -> None:
    """The last measurements, the pictures, and the command that generates more."""
    result = evaluate(model, dataset.validation, dataset.validation_counts) if len(dataset.validation) > 1 else None
    draw_loss(read_log(folder / LOG), tokenizer.vocab_size, folder / LOSS)
    ids = tokenizer.encode(first_sentence(dataset, tokenizer))[: min(24, model.config.context_length)]
    draw_attention(model.attention_maps([ids]), [tokenizer.decode([i]) for i in ids], folder / ATTENTION)

    batch = training_batch(dataset.train, config.batch_size, model.config.context_length, config.seed, 0)
    saved = measure_saved(model.forward(*batch, backend.generator(config.seed))[1], model)
    minutes, seconds = divmod(round(progress.seconds), 60)
    say(f"trained  {progress.step} steps in {minutes // 60:02}:{minutes % 60:02}:{seconds:02}")
    if result:
        say(f"result   {result.loss:.4f} nats per token, {result.bits_per_character:.4f} bits per character on all of "
            f"the validation text; best look {progress.best_validation_loss:.4f}")
    say(f"memory   {mebibytes(saved)} saved for backward ({mebibytes(size.saved)} predicted)"
        + (f"; training made the process grow by {mebibytes(grown)} ({mebibytes(size.total_memory)} predicted without "
           "what is only passing)" if grown else ""))
    say(f"pictures {folder / 'loss.png'}, {folder / 'attention.png'}")
    say(f"more     python -m minigpt generate --model {folder} --prompt \"The\" --tokens 200 --temperature 0.8")
    if as_json:
        print(json.dumps({"step": progress.step, "run": str(folder), "seconds": progress.seconds, "saved_bytes": saved,
                          "predicted_saved_bytes": size.saved, **({} if result is None else asdict(result))}))
