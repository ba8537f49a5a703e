"""Instances that follow by themselves: at their next event, timer or effect, and not before."""

from __future__ import annotations

from typing import Any

import pytest

from statemachines.engine import send
from statemachines.engine.outbox import run_effect
from statemachines.exceptions import SequenceMismatch, UnknownEvent, UnknownVersion
from statemachines.models import Effect, MachineInstance, Timer
from statemachines.registry import Registered
from statemachines.testing.travel import Clock

from .conftest import Publish, forget
from .journey import UPGRADE, V1, V2
from .test_upgrades import begun, waiting

pytestmark = pytest.mark.django_db(transaction=True)


def lazy(publishing: Publish, old: Registered | None = None, text: str = UPGRADE) -> None:
    """Add version 2, to which instances follow; where `old` is given this code does not have that any more."""
    registered = publishing(V2, upgrades="lazy")
    (registered.directory / "0001_to_0002.py").write_text(text)
    if old is not None:
        forget(old)


@pytest.fixture
def old(publishing: Publish) -> Registered:
    return publishing(V1)


def events(instance: MachineInstance) -> list[tuple[str, int]]:
    return list(instance.entries.order_by("sequence").values_list("event", "version"))[2:]


def test_it_follows_at_its_next_event(old: Registered, publishing: Publish, any_store: str) -> None:
    """The upgrade and the event are two entries of one transaction, and what took the event is the new version."""
    instance = waiting()
    lazy(publishing, old)
    instance.refresh_from_db()
    assert instance.version == 1
    done = send(instance, "nudge", system=True, expected_sequence=2)
    assert (done.instance.version, done.instance.state, done.sequence) == (2, "remind", 4)
    assert events(instance) == [("statemachines.upgrade", 2), ("nudge", 2)]
    entry = instance.entries.get(sequence=3)
    assert (entry.actor_kind, entry.origin) == ("system", "lazy")


def test_a_refused_event_upgrades_nothing(old: Registered, publishing: Publish) -> None:
    """What rolls back takes the upgrade with it, and who has seen an older state is told."""
    instance = waiting()
    lazy(publishing, old)
    with pytest.raises(UnknownEvent):
        send(instance, "poke", system=True)
    with pytest.raises(SequenceMismatch):
        send(instance, "nudge", system=True, expected_sequence=1)
    instance.refresh_from_db()
    assert (instance.version, instance.sequence) == (1, 2)


def test_it_follows_when_its_timer_fires(old: Registered, publishing: Publish, machines: Clock) -> None:
    """A timer of the old version fires in the new one."""
    instance = waiting()
    lazy(publishing, old)
    machines.advance(days=1)
    if not MachineInstance.objects.filter(pk=instance.pk, state="remind").exists():
        machines.advance(seconds=1)  # the timer has another name now, and is handed over anew
    instance.refresh_from_db()
    assert (instance.version, instance.state) == (2, "remind")


@pytest.mark.parametrize("drops", [True, False])
def test_it_follows_when_its_effect_runs(old: Registered, publishing: Publish, drops: bool) -> None:
    """An effect that the old version asked for runs once, also where a worker has only the new one."""
    instance = begun()
    lazy(publishing, old if drops else None)
    assert run_effect(Effect.objects.get(instance=instance).pk, "default")
    instance.refresh_from_db()
    assert (instance.version, instance.state) == (2, "pause")
    assert Effect.objects.get(instance=instance).status == "applied"


def test_the_testing_kit_follows_as_a_worker_does(old: Registered, publishing: Publish, machines: Clock) -> None:
    """`effects.run` has an instance of a version that the code has dropped follow first, with what was faked for it."""
    instance = begun()
    lazy(publishing, old)
    machines.effects.fake("greet")
    assert [effect.status for effect in machines.effects.run()] == ["applied"]
    instance.refresh_from_db()
    assert (instance.version, instance.state) == (2, "pause")


def test_the_testing_kit_runs_nothing_that_is_let_go(old: Registered, publishing: Publish, machines: Clock) -> None:
    """An effect that the newer version lets go is over without having run; the one that it asks for itself runs."""
    begun()
    lazy(publishing, old, UPGRADE.replace("events", 'invokes={"greet": None}, events'))
    assert [(one.version, one.status) for one in machines.effects.run("greet")] == [(1, "cancelled"), (2, "applied")]


def test_the_testing_kit_tells_of_a_version_that_is_not_there(
    old: Registered, publishing: Publish, machines: Clock
) -> None:
    """Where an instance does not follow, nothing but an error tells that no worker here would run its effect."""
    begun()
    publishing(V2)
    forget(old)
    with pytest.raises(UnknownVersion):
        machines.effects.run()


def test_its_own_word_comes_first(old: Registered, publishing: Publish) -> None:
    """An instance that is pinned, or never to be upgraded, does not follow though its machine's do."""
    pinned = waiting("a")
    MachineInstance.objects.filter(pk=pinned.pk).update(upgrades="pinned")
    lazy(publishing)
    assert send(pinned, "nudge", system=True).instance.version == 1


def test_what_cannot_follow_goes_on_where_it_can(old: Registered, publishing: Publish) -> None:
    """A blocked instance is driven on its own version, and refused where this code does not have that."""
    instance = begun()
    send(instance, "ask", system=True)
    text = UPGRADE.replace(', events={"poke": None}', "")
    lazy(publishing, None, text)
    assert send(instance, "poke", system=True).instance.version == 1
    other = waiting_on_poke("b", publishing)
    forget(old)
    with pytest.raises(UnknownVersion):
        send(other, "nudge", system=True)


def waiting_on_poke(key: str, publishing: Publish) -> Any:
    """Return an instance on version 1 for which a delayed send waits."""
    made = MachineInstance.objects.get(key="a")
    row = {
        field.name: getattr(made, field.name) for field in MachineInstance._meta.concrete_fields if field.name != "id"
    }
    other = MachineInstance.objects.create(**row | {"key": key, "version": 1})
    Timer.objects.create(instance=other, name="poke", event="poke", due_at=made.updated_at, armed=1)
    return other
