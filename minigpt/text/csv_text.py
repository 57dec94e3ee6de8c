"""Read and write labelled texts as CSV: a table with a header, a text and its label in each row.

    text,label
    "Good, and cheap.",positive
    Never again,negative

A field with a comma, a quote or a line end in it stands in quotes, a quote in it is doubled; a row may so have several
lines. Cutting at commas reads most files right and a few texts wrong, in silence; Python's csv module knows the rules,
and here it is strict. What isn't a table is refused with its line, and not skipped: a missing tenth of the data would
never be noticed. Source: RFC 4180.
"""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from minigpt.errors import InputError
from minigpt.text.base import write_file


def read_labelled(path: Path, text: str = "text", label: str = "label", delimiter: str = ",") -> tuple[list, list]:
    """The texts and the labels of a CSV file, both strings; text and label are the names of their columns.

    FileNotFoundError for a missing file. InputError, with the line where there is one, for an empty file, one that is
    no UTF-8, a column that isn't there, a row with too many or too few fields, an empty text or label, a broken quote.
    """
    rows = _rows(Path(path), delimiter)
    _, header = next(rows, (1, None))
    if header is None:
        raise InputError(f"{path} is empty: its first line must name the columns, as in {text}{delimiter}{label}")
    places = [_place(path, header, name) for name in (text, label)]
    texts, labels = [], []
    for line, row in rows:
        if len(row) != len(header):
            raise InputError(f"{path}, line {line}: {len(row)} fields where the header has {len(header)}: put quotes "
                             f"around a field with {delimiter!r} in it, or name the file's delimiter")
        values = [row[place].strip() for place in places]
        if not all(values):
            raise InputError(f"{path}, line {line}: column {(text, label)[values.index('')]!r} is empty: fill it in, "
                             "or take the row out")
        texts.append(values[0])
        labels.append(values[1])
    if not texts:
        raise InputError(f"{path} has a header and no rows: give at least one text and its label")
    return texts, labels


def write_labelled(path: Path, texts: Iterable[str], labels: Iterable[str]) -> None:
    """A file with the columns text and label, for read_labelled. ValueError where there isn't a label for each text."""
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\r\n").writerows([("text", "label"), *zip(texts, labels, strict=True)])
    write_file(Path(path), lines.getvalue())


def _place(path: Path, header: list[str], name: str) -> int:
    if header.count(name) != 1:
        raise InputError(f"{path} has {header.count(name)} columns {name!r} in its header, "
                         f"{', '.join(header)[:200]!r}: name the column with text= and label=, or the file's delimiter")
    return header.index(name)


def _rows(path: Path, delimiter: str):
    """(the number of its first line, its fields) of each row; empty lines are left out."""
    try:
        file = path.open(encoding="utf-8-sig", newline="")  # the csv module looks at line ends itself
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"there is no file {path}: check the path") from None
    line = 1
    with file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            for row in reader:
                if row:
                    yield line, row
                line = reader.line_num + 1
        except csv.Error as error:
            raise InputError(f"{path}, line {line}: {error}: a quote that opens a field must be closed right before "
                             f"the next {delimiter!r} or line end, and one inside is doubled") from None
        except UnicodeDecodeError as error:
            raise InputError(f"{path} is not UTF-8 (byte {error.start} of what was read from line {line} on): save it "
                             "as UTF-8; Excel calls that CSV UTF-8") from None
