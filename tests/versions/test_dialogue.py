"""A machine is changed while its instances run: the whole dialogue at a terminal, as docs/versions.md tells it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection

from statemachines.models import HistoryEntry, MachineInstance
from tests.workers import environment, eventually

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="its processes need a database that they share"),
]
ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "versions.md"
EACH = 6
"""How many parcels there are in each state."""

SETTINGS = """
from project.settings import *

INSTALLED_APPS = [*INSTALLED_APPS, "parcels"]
SILENCED_SYSTEM_CHECKS = ["statemachines.I002", "statemachines.I106"]
"""
EDIT = {
    "    scans: int = 0\n": "    scans: int = 0\n    grams: int = 0\n",
    '    State("packed", On("stamp", "stamped")),\n': '    State("packed", On("collect", "on_the_road")),\n',
    '    State("stamped", On("collect", "in_transit")),\n': "",
    '        "in_transit",\n': '        "on_the_road",\n',
}
"""A state is renamed, another is gone, and the data have one field more."""


class Terminal:
    """Runs commands in a project of its own, whose app is `parcels`, and keeps what was typed and shown."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.app = folder / "parcels"
        self.lines: list[str] = []
        shutil.copytree(Path(__file__).parent / "parcels", self.app, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "parcel_settings.py").write_text(SETTINGS)
        path = os.pathsep.join([str(folder), str(ROOT)])
        self.env = environment("parcel_settings") | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}

    def manage(self, *words: str, typed: str = "", code: int = 0) -> str:
        """Run `manage.py` and return what it shows; `typed` is what the user answers."""
        command = [sys.executable, str(ROOT / "manage.py"), *words]
        done = subprocess.run(
            command, env=self.env, cwd=self.folder, input=typed, text=True, capture_output=True, timeout=120
        )
        shown = (done.stdout + done.stderr).replace(f"{self.folder}/", "").strip()
        assert done.returncode == code, shown
        self.lines += [f"$ manage.py {' '.join(words)}", *([shown] if shown else []), ""]
        return shown

    def edits(self, file: str, words: str, changes: dict[str, str]) -> None:
        """Change a file of the app; the transcript tells it in words."""
        path = self.app / file
        text = path.read_text()
        for old, new in changes.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        path.write_text(text)
        self.lines += [f"# parcels/{file}: {words}", ""]

    @contextmanager
    def traffic(self, name: str) -> Iterator[Path]:
        """Scan parcels, with the code as it is now, until the block ends; yield the file that then tells how often."""
        going, told = self.folder / f"{name}.going", self.folder / f"{name}.told"
        going.touch()
        self.lines += [f"# From here on the {name} release sends events.", ""]
        with told.open("w") as out:
            command = [sys.executable, "-m", "parcels.traffic", "scan", str(going)]
            process = subprocess.Popen(command, env=self.env, cwd=self.folder, stdout=out, stderr=out)
            try:
                yield told
            finally:
                going.unlink()
                process.wait(30)


def scans(version: int) -> int:
    """Count the parcels that were scanned in this version."""
    entries = HistoryEntry.objects.filter(event="scan", version=version)
    return entries.order_by().values("instance").distinct().count()


def by_version() -> set[tuple[int, str, str]]:
    """Return where the parcels are: version, kind and state."""
    rows = MachineInstance.objects.values_list("version", "key", "state")
    return {(version, key.partition("-")[0], state) for version, key, state in rows}


def test_a_machine_is_changed_while_its_instances_run(tmp_path: Path) -> None:
    """Edit, check, draft, decide, try, upgrade beside traffic of both releases, take back; it is said as documented."""
    at = Terminal(tmp_path)
    at.manage("makeupgrade", "parcel")
    at.manage("migrate", "--verbosity", "0")
    subprocess.run([sys.executable, "-m", "parcels.traffic", "begin", str(EACH)], env=at.env, cwd=tmp_path, check=True)
    with at.traffic("old") as old:
        eventually(lambda: scans(1) == EACH, old)
        at.edits("machines.py", "in_transit becomes on_the_road, stamped goes, the data gain grams", EDIT)
        at.manage("makeupgrade", "parcel", "--check", code=1)
        at.manage("makeupgrade", "parcel", typed="y\n")
        at.edits("machines.py", "version=2", {"    data=Parcel,\n": "    data=Parcel,\n    version=2,\n"})
        at.manage("upgrade_instances", "parcel", "--dry-run", code=1)
        at.edits(
            "machine_versions/parcel/0001_to_0002.py",
            'who is stamped is packed: "stamped": "packed"',
            {'"stamped": ...,  # which state takes its place?': '"stamped": "packed",'},
        )
        at.manage("makeupgrade", "parcel", "--check")
        at.manage("migrate", "--verbosity", "0")
        at.manage("upgrade_instances", "parcel", "--dry-run")
        assert {version for version, _, _ in by_version()} == {1}
        with at.traffic("new") as new:
            at.manage("upgrade_instances", "parcel")
            eventually(lambda: scans(2) == EACH, new)
    assert by_version() == {(2, "packed", "packed"), (2, "stamped", "packed"), (2, "moved", "on_the_road")}
    taken = sum(int(told.read_text()) for told in (old, new))
    moved = MachineInstance.objects.filter(key__startswith="moved")
    assert sum(one.data["scans"] for one in moved) == taken == HistoryEntry.objects.filter(event="scan").count()
    at.manage("upgrade_instances", "parcel", "--revert", code=1)
    assert by_version() == {(1, "packed", "packed"), (1, "stamped", "stamped"), (2, "moved", "on_the_road")}
    transcript = "\n".join(at.lines)
    if plain(transcript) not in plain(DOCS.read_text()):
        pytest.fail(f"{DOCS.name} tells it otherwise:\n{transcript}", pytrace=False)


def plain(text: str) -> str:
    """Leave out how fast it was."""
    return re.sub(r"in [\d.]+ s, \d+ a second", "in … s, … a second", text)
