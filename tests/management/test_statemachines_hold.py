"""`manage.py statemachines_hold`: the worst day's tool, and the first one after a restore."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from statemachines.engine import create
from statemachines.engine.sweep import claim
from statemachines.models import EffectHold, Timer
from tests.engine.works import asked, claimed, run
from tests.examples.timed import Log, timed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_workers(settings: Any) -> None:
    settings.STATEMACHINES = {"DISPATCHER": "statemachines.engine.dispatch.SweepOnly"}


def held(*arguments: str) -> str:
    out = io.StringIO()
    call_command("statemachines_hold", *arguments, stdout=out)
    return out.getvalue()


def test_kinds_of_effects_are_held_and_released() -> None:
    """Those that are named wait, others go on; the hold says who, when and why."""
    _, tried = asked("tried")
    _, other = asked("timed")
    assert held("tried", "examples.once", "--reason", "provider is down").splitlines() == [
        "examples.tried is held from now on.",
        "examples.once is held from now on.",
    ]
    assert claimed() == [other.pk]
    row = EffectHold.objects.get(name="examples.tried")
    assert (row.reason, row.actor_kind, row.actor_label) == (
        "provider is down",
        "command",
        "manage.py statemachines_hold",
    )
    assert "by manage.py statemachines_hold: provider is down" in held("--list")
    assert held("--release", "tried", "timed").splitlines() == [
        "examples.tried is released; the next sweep takes up what waits.",
        "examples.timed was not held.",
    ]
    assert claimed() == [tried.pk]
    assert run(tried) is True


def test_after_a_restore_all_is_held_and_looked_at_before_it_goes_on() -> None:
    """One command holds everything and tells what would fire; another lets it go: no timer and no effect before."""
    made, effect = asked("invoke_tried")
    create(timed.machine, data=Log(), system=True).send("one", system=True)
    Timer.objects.update(due_at=made.created_at)
    lines = held("--all", "--reason", "restored from last night", "--preview").splitlines()
    assert lines[0] == "Everything is held from now on."
    assert any(line.startswith("     1 effect   examples.tried of examples.jobs, the first at 20") for line in lines)
    assert lines[-1] == f"{1 + Timer.objects.count()} wait in all."
    assert all(line.endswith(", held") for line in lines[1:-1])
    assert (claim("default").timers, claim("default").effects) == ([], [])
    assert held("--release", "--all") == "Everything is released; the next sweep takes up what waits.\n"
    assert claimed() == [effect.pk]


def test_a_script_gets_json() -> None:
    """What was done, what is held, what waits."""
    asked("tried")
    told = json.loads(held("tried", "--reason", "down", "--list", "--preview", "--json"))
    assert told["held"] == ["examples.tried"]
    assert [(one["name"], one["reason"]) for one in told["holds"]] == [("examples.tried", "down")]
    assert [(one["kind"], one["name"], one["count"], one["held"]) for one in told["waiting"]] == [
        ("effect", "examples.tried", 1, True)
    ]
    assert json.loads(held("--release", "tried", "--json")) == {"released": {"examples.tried": True}}
    assert (held("--list"), held("--preview").splitlines()[-1]) == ("Nothing is held.\n", "1 wait in all.")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "--list or --preview"),
        (["--release", "--list"], "Name effects, or everything by --all"),
        (["--all", "tried", "--reason", "down"], "leave out the names, or --all"),
        (["tried"], "why this is done"),
        (["once", "tryed", "--reason", "down"], "examples.tried"),
        (["--release", "nothing"], "effect's stored name"),
        (["--list", "--using", "nowhere"], "There is no database 'nowhere'"),
    ],
)
def test_what_is_missing_or_wrong_is_told(arguments: list[str], told: str) -> None:
    """With what would be right; where one name is wrong nothing is held at all."""
    with pytest.raises(CommandError, match=told):
        held(*arguments)
    assert not EffectHold.objects.exists()
