"""The README is true: its Python runs, and its commands and files exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from statemachines.models import Effect, Timer

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text()


@pytest.mark.django_db
def test_its_machine_and_its_use_run_as_they_stand() -> None:
    """The two blocks, one after the other, do what the comments say."""
    definition, use = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)[:2]
    assert len(definition.splitlines()) <= 35
    ann, bob = (User.objects.create_user(name) for name in ("ann", "bob"))
    space = {"__name__": "tests.examples.machines", "ann": ann, "bob": bob}
    exec(definition, space)
    exec(use, space)
    assert (Effect.objects.get().name, Timer.objects.count()) == ("examples.ask_manager", 0)


def test_its_commands_are_targets_and_its_links_exist() -> None:
    """`make …` in the text is a target of the Makefile; each link leads to a file."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z-]+)", TEXT)) <= targets
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
