"""The core is plain Python."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

from statemachines import core

MODULES = ["statemachines", *(found.name for found in pkgutil.walk_packages(core.__path__, "statemachines.core."))]
HEAVY = ("django", "rest_framework", "celery", "kombu", "psycopg")


@pytest.mark.parametrize("names", [MODULES[:1], MODULES], ids=["front door", "every module"])
def test_importing_loads_no_framework(names: list[str]) -> None:
    """Importing the front door, or every module of the core, loads no Django, DRF, Celery or database driver."""
    script = f"import sys, importlib; [importlib.import_module(n) for n in {names}]; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.splitlines()}
    assert loaded.isdisjoint(HEAVY)
