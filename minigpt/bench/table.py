"""Results as a table for people, and numbers as they are said."""

from minigpt.memory import mebibytes


def table(header: list[str], rows: list[list[str]], left: int = 2) -> list[str]:
    """Lines of text; the first `left` columns begin at their left, the others end at their right."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]

    def line(row):
        cells = [cell.ljust(width) if column < left else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths, strict=True))]
        return "  ".join(cells).rstrip()

    return [line(header), *map(line, rows)]


def memory(count: int) -> str:
    """Peak memory; systems that don't tell give 0."""
    return mebibytes(count) if count else "unknown"


def milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:,.{3 if seconds < 0.001 else 2 if seconds < 0.1 else 1}f}"


def times(ratio: float) -> str:
    return f"{ratio:.2f}"
