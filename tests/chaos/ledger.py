"""The independent ledger: what was done to the world, by whom, written outside the database.

Append-only JSON lines, a file per process, each line on the disk before the writer goes on. Limits: knows no engine.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PATTERN = "ledger-*.jsonl"


class Ledger:
    """Writes the lines of one process; `role` names it in the file's name."""

    def __init__(self, folder: Path, role: str) -> None:
        self.path = folder / f"ledger-{role}-{os.getpid()}.jsonl"
        self.lock = threading.Lock()
        self.file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, kind: str, **told: Any) -> None:
        """Add a line with the time; it is on the disk when this returns."""
        line = json.dumps({"kind": kind, "at": time.time(), **told}) + "\n"
        with self.lock:
            os.write(self.file, line.encode())
            os.fsync(self.file)


class Reader:
    """Follows all ledgers of a folder; each call of `new` returns the lines since the one before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.read: dict[Path, int] = {}

    def new(self) -> Iterator[dict[str, Any]]:
        """Yield the whole lines that are new; one that a killed process did not finish never comes."""
        for path in sorted(self.folder.glob(PATTERN)):
            with path.open("rb") as file:
                file.seek(self.read.get(path, 0))
                text = file.read()
            whole = text[: text.rfind(b"\n") + 1]
            self.read[path] = self.read.get(path, 0) + len(whole)
            yield from map(json.loads, whole.splitlines())
