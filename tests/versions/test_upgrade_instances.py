"""`manage.py upgrade_instances`: what it says, does, leaves, and brings back."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from statemachines.engine import send, snapshot_at
from statemachines.engine.outbox import run_effect
from statemachines.engine.sweep import sweep
from statemachines.exceptions import UnknownVersion
from statemachines.models import Effect, MachineInstance, PreviousSnapshot, Timer
from statemachines.registry import Registered
from statemachines.testing.travel import Clock

from .conftest import Publish, forget
from .journey import UPGRADE
from .test_upgrades import begun, journey, second, waiting

__all__ = ["journey"]

pytestmark = pytest.mark.django_db(transaction=True)


def run(*options: str, code: int = 0, machine: str = "journey") -> str:
    out = StringIO()
    if code:
        with pytest.raises(SystemExit) as exited:
            call_command("upgrade_instances", machine, *options, stdout=out)
        assert exited.value.code == code
    else:
        call_command("upgrade_instances", machine, *options, stdout=out)
    return out.getvalue()


def test_a_dry_run_tells_who_lands_where(journey: Registered, publishing: Publish) -> None:
    """It counts by state, names each that would stay with its reason, and changes nothing."""
    begun("a")
    waiting("b")
    waiting("c")
    send(begun("d"), "ask", system=True)
    second(publishing, UPGRADE.replace(', events={"poke": None}', ""))
    told = run("--dry-run", code=1)
    assert "examples.journey, version 2: 3 would be upgraded." in told
    assert "2  wait (version 1) → pause" in told
    assert "1  greet (version 1) → greet" in told
    assert "  d (version 1, greet): a delayed 'poke' waits" in told
    assert "Nothing was changed." in told
    assert not MachineInstance.objects.exclude(version=1).exists()
    assert "1 would be upgraded." in run("--dry-run", "--sample", "1")


def test_it_upgrades_and_says_how_fast(journey: Registered, publishing: Publish) -> None:
    """All are upgraded; a second run has nothing to do, and says so."""
    waiting("a")
    waiting("b")
    second(publishing)
    assert "examples.journey, version 2: 2 upgraded in " in run("--batch", "1")
    assert set(MachineInstance.objects.values_list("version", flat=True)) == {2}
    assert "examples.journey, version 2: 0 upgraded." in run()


def test_where_chooses(journey: Registered, publishing: Publish) -> None:
    """Conditions are filters over the instances, all of which must hold; a wrong one is told."""
    for key in ("a1", "a2", "b1"):
        waiting(key)
    second(publishing)
    run("--where", "key__startswith=a", "--where", 'data__user="a2"')
    assert list(MachineInstance.objects.filter(version=2).values_list("key", flat=True)) == ["a2"]
    with pytest.raises(CommandError, match="Cannot resolve keyword 'nothing'"):
        run("--where", "nothing=1")
    with pytest.raises(CommandError, match="is no condition"):
        run("--where", "key")


def test_what_is_asked_wrongly_is_told(journey: Registered) -> None:
    """An unknown machine, version or database, and no number, are told with what there is."""
    wrong = {("--to", "9"): "no version 9", ("--using", "x"): "no database", ("--batch", "0"): "no number above 0"}
    for options, text in wrong.items():
        with pytest.raises(CommandError, match=text):
            run(*options)
    with pytest.raises(CommandError, match="not registered"):
        run(machine="nothing")


def test_what_has_not_moved_comes_back(
    journey: Registered, publishing: Publish, machines: Clock, any_store: str
) -> None:
    """`--revert` puts back state, data, version and timers as they were, in one entry; who has moved is named."""
    back, moved = waiting("a"), waiting("b")
    before = {name: getattr(back, name) for name in ("version", "state", "configuration", "data", "status")}
    timer = Timer.objects.values("name", "event", "state", "due_at", "armed").get(instance=back)
    second(publishing)
    run()
    moved.refresh_from_db()
    send(moved, "nudge", system=True)
    told = run("--revert", "--dry-run", code=1)
    assert "examples.journey: 1 would be back on version 1." in told
    told = run("--revert", code=1)
    assert "examples.journey: 1 are back on version 1." in told
    assert "  b: has moved since its upgrade" in told
    back.refresh_from_db()
    moved.refresh_from_db()
    assert {name: getattr(back, name) for name in before} == before
    assert Timer.objects.values("name", "event", "state", "due_at", "armed").get(instance=back) == timer
    assert (moved.version, moved.state) == (2, "remind")
    entry = back.entries.latest("sequence")
    assert (entry.event, entry.payload) == ("statemachines.upgrade.revert", {"from": 2, "to": 1})
    assert snapshot_at(back, entry.sequence) == back.snapshot()
    machines.advance(days=1)
    back.refresh_from_db()
    assert (back.version, back.state) == (1, "remind")


def test_effects_come_back_as_they_were(journey: Registered, publishing: Publish) -> None:
    """An open effect gets its old names again, and one that was let go waits again."""
    instance = begun("a")
    effect = Effect.objects.get(instance=instance)
    before = (effect.name, effect.invocation, effect.state, effect.version, effect.input, effect.status)
    second(publishing, UPGRADE.replace("events", 'invokes={"greet": None}, events'))
    run()
    effect.refresh_from_db()
    assert effect.status == "cancelled"
    run("--revert")
    effect.refresh_from_db()
    assert (effect.name, effect.invocation, effect.state, effect.version, effect.input, effect.status) == before
    assert run_effect(effect.pk, "default")
    instance.refresh_from_db()
    assert (instance.version, instance.state) == (1, "wait")


def test_an_upgrade_is_taken_back_without_the_old_code(journey: Registered, publishing: Publish) -> None:
    """Where only the new version's code is there, instances can be given back to workers that have the old."""
    instance = waiting("a")
    old = journey
    second(publishing)
    run()
    forget(old)
    run("--revert")
    instance.refresh_from_db()
    assert (instance.version, instance.state) == (1, "wait")
    with pytest.raises(UnknownVersion):
        send(instance, "nudge", system=True)


def test_what_is_old_is_forgotten(journey: Registered, publishing: Publish, machines: Clock, settings: Any) -> None:
    """After the time that the settings say, an upgrade cannot be taken back any more, and the sweep forgets it."""
    waiting("a")
    second(publishing)
    run()
    sweep("default")
    assert PreviousSnapshot.objects.exists()
    settings.STATEMACHINES = {**settings.STATEMACHINES, "UPGRADE_KEEP_SECONDS": 3600}
    machines.advance(hours=2)
    assert "No instance of examples.journey has an upgrade that can be taken back." in run("--revert")
    sweep("default")
    assert not PreviousSnapshot.objects.exists()
