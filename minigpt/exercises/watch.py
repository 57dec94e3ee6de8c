"""Notices when a file is saved, by looking at it twice a second: that works on every system and with every editor.

An editor may write a file in several steps, or delete it and put another in its place. So a change counts once two
looks in a row have found the same; a file that isn't there for a moment is waited for.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

INTERVAL = 0.5  # seconds


def pause() -> None:
    time.sleep(INTERVAL)


def look(path: Path) -> tuple | None:
    """What changes with the file: its time, and its content, for systems that count time in steps of seconds."""
    try:
        return path.stat().st_mtime_ns, path.read_bytes()
    except OSError:  # just being replaced, or held by the editor
        return None


def changes(paths: Callable[[], Iterable[Path]], wait: Callable[[], None] = pause) -> Iterator[Path]:
    """Each path that has been saved since the last look, for ever. paths(): which to look at, new ones included."""
    seen, unsettled = {path: look(path) for path in paths()}, {}
    while True:
        wait()
        for path in paths():
            now = look(path)
            if now is None or now == seen.get(path):
                unsettled.pop(path, None)
            elif unsettled.get(path) == now:
                seen[path] = now
                del unsettled[path]
                yield path
            else:
                unsettled[path] = now
