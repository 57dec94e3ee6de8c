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


def device_header(results: list[dict], unit: str) -> list[str]:
    """The columns that there are only where everyone was on a GPU."""
    figures = [one for result in results for one in result["contenders"].values()]
    return [f"syncs/{unit}", "reserved"] if any(device_cells(one, unit) for one in figures) else []


def device_cells(figures: dict, unit: str) -> list[str]:
    """How often the host waited for the GPU, and the memory that was kept for it."""
    waits = figures.get(f"synchronisations_per_{unit}")
    return [] if waits is None else [f"{waits:g}", memory(figures["reserved_memory"])]
