"""What a training run shows: a progress bar on stderr, samples or JSON lines on stdout, a log on disk."""

import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path

from minigpt import backend
from minigpt.errors import InputError
from minigpt.generate import generate_text
from minigpt.run_folder import LOG, SAMPLES
from minigpt.run_log import forget_after
from minigpt.sampling import Sampling


def say(message: str) -> None:
    """A message to the person at the terminal; standard output stays for results."""
    print(visible(message), file=sys.stderr, flush=True)


def visible(text: str) -> str:
    """Text without control characters other than line ends and tabs: a young model writes any, and terminals obey."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


@contextmanager
def text_bar():
    """A function for data.prepare to call: a bar for long texts, nothing for those that take less than two seconds."""
    from tqdm import tqdm

    with tqdm(desc="text to tokens", unit=" characters", unit_scale=True, delay=2, leave=False, file=sys.stderr) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


class Reporter:
    """Called with the record of each step. A sample is generated before, after, and three times in between."""

    def __init__(self, model, tokenizer, prompt: str, folder: Path, steps: int, done: int, as_json: bool,
                 validation_loss: float | None = None, sample_tokens: int = 160):
        from tqdm import tqdm  # imported here: it brings a monitoring thread

        self.model, self.tokenizer, self.prompt, self.sample_tokens = model, tokenizer, prompt, sample_tokens
        self.folder, self.steps, self.as_json, self.unread = folder, steps, as_json, False
        self.validation_loss = validation_loss  # of the latest evaluation, so that a resumed run has one to show
        forget_after(folder / LOG, done)
        self.log = (folder / LOG).open("a", encoding="utf-8", newline="\n")
        # In a terminal the line is redrawn; in a file each redrawing is a line, so there it comes seldom.
        self.bar = tqdm(total=steps, initial=done, dynamic_ncols=True, file=sys.stderr,
                        bar_format="{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} {elapsed}<{remaining}{postfix}",
                        mininterval=0.2 if sys.stderr.isatty() else 10)
        self.tokens_per_second = None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.bar.close()
        self.log.close()

    def __call__(self, record: dict) -> None:
        self.validation_loss = record.get("validation_loss", self.validation_loss)
        if self.as_json:
            self.print(json.dumps(record))
        self.log.write(json.dumps(record) + "\n")
        self.log.flush()
        if record["step"]:
            speed = record["tokens_per_second"]  # of one step, which jumps; shown is a mean that forgets slowly
            self.tokens_per_second = 0.95 * (self.tokens_per_second or speed) + 0.05 * speed
            shown = {"loss": f"{record['loss']:.3f}", "tok/s": f"{self.tokens_per_second:,.0f}"}
            if self.validation_loss is not None:
                shown["val"] = f"{self.validation_loss:.3f}"
            self.bar.set_postfix(shown, refresh=False)
            self.bar.update()
        if any(record["step"] == self.steps * quarter // 4 for quarter in range(5)):
            self.sample(record["step"])

    def sample(self, step: int) -> None:
        """Generate from the same prompt with the same random numbers each time, so that only the model differs."""
        try:
            with backend.quiet():
                text = "".join(generate_text(self.model, self.tokenizer, self.prompt, self.sample_tokens,
                                             Sampling(temperature=0.8), seed=0))
        except InputError:  # logits that are not finite: the next step's loss will say so and end the run
            return
        text = visible(text)
        with (self.folder / SAMPLES).open("a", encoding="utf-8", newline="\n") as file:
            file.write(f"--- after {step} of {self.steps} steps ---\n{self.prompt}{text}\n\n")
        if self.as_json:
            self.print(json.dumps({"step": step, "sample": self.prompt + text}, ensure_ascii=False))
        else:
            self.bar.clear()
            self.print(f"\n--- after {step} of {self.steps} steps ---\n{self.prompt}{text}\n")
            self.bar.refresh()

    def print(self, text: str) -> None:
        """To standard output; when its reader has gone (as in `| head`), training goes on without one."""
        if self.unread:
            return
        try:
            print(text, flush=True)
        except OSError:  # BrokenPipeError, and on Windows a plain OSError
            self.unread = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the error would come again at the end
            say("nobody reads standard output any more: training goes on, and the samples are in "
                f"{self.folder / SAMPLES}")


def first_sentence(dataset, tokenizer) -> str:
    """The first line of the validation text that reads like a sentence; the whole beginning where none does."""
    ids = dataset.validation if len(dataset.validation) else dataset.train
    text = tokenizer.decode(int(token) for token in ids[:4000])
    lines = [line.strip() for line in text.splitlines()[1:-1]]  # the outermost may be cut in the middle of a character
    for line in lines:
        letters = sum(character.isalpha() or character == " " for character in line)
        if len(line) >= 30 and line.count(" ") >= 4 and letters >= 0.95 * len(line):
            return line
    return max(lines, key=len, default="") or text


def sample_prompt(sentence: str) -> str:
    """The first words of a sentence, enough to begin a sample with."""
    return " ".join(sentence.split(" ")[:2])[:20]
