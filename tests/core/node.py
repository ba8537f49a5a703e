"""The real XState, where node and npm are found: installed once into a folder that git ignores.

Limits: `missing` says why it cannot be used; nothing here runs without it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = "xstate@5.33.3"
ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / PACKAGE.replace("@", "-")
SCRIPT = Path(__file__).with_name("xstate.mjs")
INSTALL_SECONDS = 120


@cache
def missing() -> str | None:
    """Return why XState cannot be run here, or None where it can; installs it the first time."""
    if not (shutil.which("node") and shutil.which("npm")):
        return "node and npm are not there"
    if CACHE.exists():
        return None
    CACHE.parent.mkdir(exist_ok=True)
    (CACHE.parent / ".gitignore").write_text("*\n", encoding="utf-8")
    with tempfile.TemporaryDirectory(dir=CACHE.parent) as folder:
        command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", folder, PACKAGE]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return f"npm did not install {PACKAGE} within {INSTALL_SECONDS} s"
        if done.returncode:
            return f"npm did not install {PACKAGE}: {done.stderr.strip()[-300:]}"
        made = Path(folder) / "done"
        made.mkdir()
        (Path(folder) / "node_modules").rename(made / "node_modules")
        if not CACHE.exists():  # another process may have been faster
            made.rename(CACHE)
    return None


def play(runs: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Run each `{"config", "context"?, "events"}` in XState; return its snapshots, the first one before any event."""
    done = subprocess.run(
        ["node", str(SCRIPT), str(CACHE)], input=json.dumps(runs), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    played: list[list[dict[str, Any]]] = json.loads(done.stdout)
    return played
