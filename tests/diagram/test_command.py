"""`manage.py diagram`: the same picture from the shell, in every format."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from orders.machines import order
from statemachines import picture, raster
from statemachines.engine import create
from statemachines.raster import NoRaster, png
from tests.examples.machines import door

ROOT = Path(__file__).resolve().parent.parent.parent
PNG = b"\x89PNG\r\n\x1a\n"


def drawn(*arguments: str) -> str:
    out = io.StringIO()
    call_command("diagram", *arguments, stdout=out)
    return out.getvalue()


def test_the_picture_is_that_of_the_pages() -> None:
    """The current version is drawn as SVG, to the output or into a file; --version names another."""
    assert drawn("order") == picture.machine_svg(order) + "\n"
    assert drawn("orders.order", "--version", "3", "-f", "svg") == picture.machine_svg(order) + "\n"


def test_mermaid_and_dot_are_text(tmp_path: Path) -> None:
    """They are printed, or written where -o says."""
    assert drawn("order", "-f", "mermaid").startswith("stateDiagram-v2\n")
    assert drawn("order", "-f", "dot", "-o", str(tmp_path / "order.dot")) == ""
    assert (tmp_path / "order.dot").read_text().startswith('digraph "order" {\n')


def test_a_png_is_twice_as_large(tmp_path: Path) -> None:
    """A PNG is made by the library of the extra."""
    drawn("door", "-f", "png", "-o", str(tmp_path / "door.png"))
    assert (tmp_path / "door.png").read_bytes().startswith(PNG)


def test_without_a_rasteriser_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the extra nor Chromium is there: the error names both. Chromium alone is run."""
    monkeypatch.setattr(raster, "find_spec", lambda name: None)
    monkeypatch.setattr(raster, "BROWSERS", ("no-such-browser",))
    with pytest.raises(CommandError, match=r'extra "png" \(pip install "django-statemachines\[png\]"\), or Chromium'):
        drawn("door", "-f", "png", "-o", os.devnull)
    monkeypatch.setattr(raster, "BROWSERS", ("false",))
    with pytest.raises(NoRaster, match="made no picture"):
        png('<svg width="1" height="1"/>')


@pytest.mark.django_db
def test_an_instance_is_drawn_where_it_is() -> None:
    """--instance names it by its key; in text formats, or where there is none, that is an error."""
    create(door.machine, "front", system=True)
    assert 'class="state atomic active"' in drawn("door", "--instance", "front")
    with pytest.raises(CommandError, match=r"examples\.door has no instance with the key 'back'"):
        drawn("door", "--instance", "back")
    with pytest.raises(CommandError, match="drawn as svg or png; mermaid tells of the machine alone"):
        drawn("door", "--instance", "front", "-f", "mermaid")


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    """An unknown machine, version or folder is an error that says so."""
    with pytest.raises(CommandError, match="'ordr' is not registered"):
        drawn("ordr")
    with pytest.raises(CommandError, match=r"no version 9 of order, it has: 3"):
        drawn("order", "--version", "9")
    with pytest.raises(CommandError, match="cannot be written: No such file or directory"):
        drawn("order", "-o", str(tmp_path / "none" / "order.svg"))


def test_no_database_is_needed(tmp_path: Path) -> None:
    """Without --instance the picture is drawn where the database cannot be had, and none is made."""
    missing = tmp_path / "none" / "db.sqlite3"
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{missing}", "DJANGO_SETTINGS_MODULE": "project.settings"}
    command = [sys.executable, "manage.py", "diagram", "order", "-f", "svg"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("<svg")
    assert all(word in done.stdout for word in ("chooser", "accepted", "ready", "canceled", "complete"))
    assert "<style" not in done.stdout
    assert 'style="' not in done.stdout
