"""How far a long command is: a bar where rich is installed and somebody looks on, else a line every few seconds.

Limits: counts; what it counts is in the command.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

LINE_SECONDS = 5

Advance = Callable[[int], None]


@contextmanager
def progress(title: str, total: int, write: Callable[[str], object]) -> Iterator[Advance]:
    """Yield what is told how many more are done."""
    if sys.stdout.isatty() and find_spec("rich"):
        with _bar(title, total) as bar:
            yield bar
        return
    started = told_at = time.monotonic()
    done = 0

    def advance(more: int) -> None:
        nonlocal done, told_at
        done += more
        if time.monotonic() - told_at >= LINE_SECONDS:
            told_at = time.monotonic()
            write(f"{title}: {done} of {total}, {done / (told_at - started):.0f} a second")

    yield advance


@contextmanager
def _bar(title: str, total: int) -> Iterator[Advance]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns) as bar:
        task = bar.add_task(title, total=total)
        yield lambda more: bar.advance(task, more)
