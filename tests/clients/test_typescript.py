"""A TypeScript client typed by openapi-typescript: it compiles strictly, and drives an order to its end.

Limits: part of the suite where `make vendor` has got npm's packages, which it can where npm is; see `conftest`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from project.vendor import TYPESCRIPT

from .conftest import Site


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_drives_an_order(site: Site, description: Path, tmp_path: Path) -> None:
    """What the description says of paths, bodies and answers is what the compiler checks; then it runs."""
    folder = tmp_path / "client"
    shutil.copytree(TYPESCRIPT, folder, ignore=shutil.ignore_patterns("node_modules"))
    (folder / "node_modules").symlink_to(TYPESCRIPT / "node_modules")
    run(folder, "node_modules/.bin/openapi-typescript", str(description), "-o", "api.d.ts")
    run(folder, "node_modules/.bin/tsc")
    courier = site.town.couriers[0]
    told = run(folder, "node", "drive.js", site.url, site.customer.username, site.courier.username, site.shop)
    assert json.loads(told) == {"state": "delivered", "courier": courier.name, "again": "ended"}
