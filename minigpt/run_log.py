"""The log of a run, log.jsonl: one JSON object a line for each step, in the order in which they were made.

A line is written when its step is done, and the checkpoint follows later; so the log of a killed run may be ahead of
its checkpoint, and may end in half a line.
"""

from pathlib import Path

from minigpt.json_file import is_number, parse_json
from minigpt.run_folder import replace_text

NUMBERS = ("loss", "validation_loss")  # what is drawn, where a record has it
MOST = 1e38  # about the largest number in float32


def read_log(path: Path) -> list[dict]:
    """The records of a log. Lines that are none (half a line, or changed by hand) are passed over."""
    return [record for _, record in _read(path)]


def forget_after(path: Path, step: int) -> None:
    """Drop what was logged after the checkpoint of that step, from which the run goes on: it will be made again.

    Step 0 isn't a step but the look before the first: a run that goes on from there reports it again, too.
    """
    if path.is_file():
        kept = [line for line, record in _read(path) if step and 0 <= record["step"] <= step]
        replace_text(path, "".join(line + "\n" for line in kept))


def _read(path: Path):
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            record = parse_json(line)
        except ValueError:
            continue
        if isinstance(record, dict) and isinstance(record.get("step"), int) and all(
                is_number(record[name]) and abs(record[name]) < MOST for name in ("step", *NUMBERS) if name in record):
            yield line, record
