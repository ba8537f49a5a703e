"""The type checker is the first to refuse a row that does not fit."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
MARK = "# E: "


def test_marked_lines_and_no_others() -> None:
    """mypy accepts what is right, and refuses exactly the lines that are marked as wrong."""
    files = [HERE / "accepted.py", HERE / "refused.py"]
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--hide-error-context", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE.parents[1], check=False)
    found = {(Path(path).name, int(line)) for path, line in re.findall(r"^(.*?):(\d+): error:", done.stdout, re.M)}
    marked = {
        (file.name, number)
        for file in files
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if MARK in line
    }
    assert found == marked, done.stdout
