"""JSON that anybody may have written: whatever is wrong with it is told in one line."""

import json
import sys


def parse_json(text: str):
    """The value that a JSON text stands for. Raises ValueError, with a message of one line."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def is_number(value) -> bool:
    """Whether it is a number that a float can hold: JSON also knows true, NaN, 1e400 and integers of any length."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
