"""The wheel: what is in it, and that it runs in an empty project."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

TRANSITION = """
import statemachines
from statemachines import Final, Machine, On, State
from statemachines.engine import create
from statemachines.registry import register

switch = register(Machine("switch", State("off", On("press", "on")), Final("on")), app_label="host")
made = create(switch.machine, system=True)
made.send("press", system=True)
print(statemachines.__file__, made.state, made.entries.count())
"""


def run(*command: str, cwd: Path, path: Path | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO", "PYTHON"))}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run([sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run("-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the wheel was installed into; what it depends on comes from this environment."""
    folder = tmp_path_factory.mktemp("site")
    offline = ("--no-deps", "--no-index", "--disable-pip-version-check", "-q")
    run("-m", "pip", "install", *offline, "--target", str(folder), str(wheel), cwd=folder)
    return folder


def test_it_holds_the_app_and_nothing_else(wheel: Path) -> None:
    """Every file of the app is in it, and no other but the package's description: no tests, orders or project."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = {file.relative_to(ROOT) for file in (ROOT / "statemachines").rglob("*") if file.is_file()}
    assert names == {file.as_posix() for file in files if "__pycache__" not in file.parts}
    assert {"statemachines/py.typed", "statemachines/locale/de/LC_MESSAGES/django.mo"} <= names
    assert not [name for name in names if "test" in name.rpartition("/")[2].split("_")]


def test_it_names_what_it_needs(wheel: Path) -> None:
    """Django, msgspec and QuickJS always; PostgreSQL's driver, REST framework, Celery and PNGs as extras."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        told = Parser().parsestr(archive.read(name).decode())
    assert sorted(told.get_all("Provides-Extra", [])) == ["celery", "drf", "png", "postgres"]
    needed = told.get_all("Requires-Dist", [])
    assert sorted(line.split(">")[0] for line in needed if "extra ==" not in line) == [
        "django",
        "msgspec",
        "quickjs-ng",
    ]


def test_it_runs_in_an_empty_project(installed: Path, tmp_path: Path) -> None:
    """In a new project with the app added, `migrate` and `check` pass, and an instance makes a transition."""
    run("-m", "django", "startproject", "host", ".", cwd=tmp_path)
    with (tmp_path / "host" / "settings.py").open("a") as settings:
        settings.write("\nINSTALLED_APPS += ['statemachines']\n")
        settings.write("SILENCED_SYSTEM_CHECKS = ['statemachines.I002']\n")  # without npm there is no elkjs
    run("manage.py", "migrate", "-v0", cwd=tmp_path, path=installed)
    assert "no issues" in run("manage.py", "check", cwd=tmp_path, path=installed)
    told = run("manage.py", "shell", "-v0", "-c", TRANSITION, cwd=tmp_path, path=installed)
    assert told.split() == [str(installed / "statemachines" / "__init__.py"), "on", "2"]
