"""docs/hosts.md is true where a machine can tell."""

from __future__ import annotations

import re
from pathlib import Path

from celery import Celery
from django.core.management import get_commands, load_command_class

from statemachines.beat import NAME

DOCS = Path(__file__).resolve().parents[2] / "docs"
TEXT = (DOCS / "hosts.md").read_text()


def test_its_code_runs() -> None:
    """The blocks of Python, one after the other, in a project's settings and its Celery module."""
    space = {"INSTALLED_APPS": [], "app": Celery("host", set_as_current=False)}
    for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(block, space)
    assert space["INSTALLED_APPS"] == ["statemachines", "django_celery_beat"]
    assert NAME in space["app"].conf.beat_schedule


def test_its_commands_and_links_are_there() -> None:
    """Each `manage.py …` is a command that knows the options named, each link leads to a file."""
    named = re.findall(r"`manage\.py ([a-z_]+)([^`]*)`", TEXT)
    assert {command for command, _ in named} >= {"migrate", "check", "statemachines_sweep"}
    for command, rest in named:
        parser = load_command_class(get_commands()[command], command).create_parser("manage.py", command)
        parser.parse_args(rest.split())
    assert all((DOCS / link).exists() for link in re.findall(r"\]\(([^)]+)\)", TEXT))
    assert f"`{NAME}`" in TEXT
