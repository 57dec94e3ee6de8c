"""What a training run tells before it begins, when it is stopped or can't go on, and at its end."""

import json
import re
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from minigpt import backend
from minigpt.commands.reporter import first_sentence, sample_prompt, say
from minigpt.commands.size import describe
from minigpt.data import training_batch
from minigpt.evaluate import evaluate
from minigpt.memory import mebibytes
from minigpt.models.gpt_size import measure_saved
from minigpt.parallel.workers import describe as describe_workers
from minigpt.pictures import draw_attention, draw_loss
from minigpt.run_folder import ATTENTION, LOG, LOSS, NEWEST
from minigpt.run_log import read_log


def quoted(text) -> str:
    """An argument as it must be typed: in quotes when a shell would cut or change it."""
    text = str(text)
    return text if re.fullmatch(r"[\w./\\:-]+", text) else f'"{text}"'


def again(folder: Path) -> str:
    """The command that goes on with a run."""
    where = "" if backend.name() == "numpy" else f" --backend {backend.name()}"
    return f"python -m minigpt train --resume {quoted(folder)}{where}"


@contextmanager
def saying_how_to_go_on(folder: Path, cure: str):
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


def announce(folder, data, dataset, shape, config, size, workers: int, progress, extended: bool) -> None:
    """Text, model, work, memory and settings of a run that is about to begin or go on."""
    names = ", ".join(data[:3]) + (f" and {len(data) - 3} more" if len(data) > 3 else "")
    seen = dataset.validation_counts.characters
    say(f"text     {names}: {dataset.train_counts.characters:,} characters to train on "
        f"({dataset.train_counts.tokens:,} tokens), " + (f"{seen:,} to validate on" if seen else "none to validate on"))
    say("\n".join(describe(shape, size, config.batch_size)))
    say(f"training {config.steps} steps of {config.accumulate * config.batch_size} x {shape.context_length} "
        f"tokens on {backend.name()} in {backend.dtype()} by {describe_workers(workers)}; the run's folder is {folder}")
    if progress.step:
        say(f"         going on after step {progress.step}"
            + (f"; the learning rate follows the schedule of {config.steps} steps from here" if extended else ""))


def conclude(folder, model, dataset, tokenizer, config, progress, size, grown, as_json) -> None:
    """The last measurements, the pictures, and the command that generates more. grown: bytes, 0 where unknown."""
    validated = len(dataset.validation) > 1
    result = evaluate(model, dataset.validation, dataset.validation_counts) if validated else None
    sentence = first_sentence(dataset, tokenizer)
    draw_loss(read_log(folder / LOG), tokenizer.vocab_size, folder / LOSS)
    ids = tokenizer.encode(sentence)[: min(24, model.config.context_length)]
    draw_attention(model.attention_maps([ids]), [tokenizer.decode([i]) for i in ids], folder / ATTENTION)

    batch = training_batch(dataset.train, config.batch_size, model.config.context_length, config.seed, 0)
    saved = measure_saved(model.forward(*batch, backend.generator(config.seed))[1], model)
    minutes, seconds = divmod(round(progress.seconds), 60)
    say(f"trained  {progress.step} steps in {minutes // 60:02}:{minutes % 60:02}:{seconds:02}")
    say(f"result   {result.loss:.4f} nats per token, {result.bits_per_character:.4f} bits per character on all of the "
        f"validation text; best during training {progress.best_validation_loss:.4f}" if result else
        "result   not measured, as there is no validation text (see --validation-fraction)")
    say(f"memory   {mebibytes(saved)} saved for backward ({mebibytes(size.saved)} predicted)"
        + (f"; training made the process grow by {mebibytes(grown)} ({mebibytes(size.total_memory)} predicted, without "
           "temporary arrays)" if grown else ""))
    say(f"pictures {folder / LOSS}, {folder / ATTENTION}")
    say(f"more     python -m minigpt generate --model {quoted(folder)} --prompt {quoted(sample_prompt(sentence))} "
        "--tokens 200 --temperature 0.8")
    if as_json:
        measured = {} if result is None else {"validation_loss": result.loss, **asdict(result)}
        measured.pop("loss", None)  # in the lines before, "loss" is that of a training batch
        print(json.dumps({"step": progress.step, "run": str(folder), "seconds": progress.seconds, "saved_bytes": saved,
                          "predicted_saved_bytes": size.saved, **measured}))
