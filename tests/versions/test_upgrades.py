"""Upgrades of real rows: what becomes of instances, their timers and effects, in every way that they can be begun."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from statemachines.core.events import SYSTEM, Actor
from statemachines.engine import create, send, snapshot_at
from statemachines.engine.outbox import run_effect
from statemachines.engine.upgrades import Batch, upgrade, upgrade_all
from statemachines.exceptions import UpgradeBlocked
from statemachines.models import Effect, MachineInstance, PreviousSnapshot, Timer
from statemachines.registry import Registered
from statemachines.testing.travel import Clock

from .conftest import Publish
from .journey import UPGRADE, V1, V2, Journey

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "examples.journey"


@pytest.fixture
def journey(publishing: Publish) -> Registered:
    """Version 1 in the code; `second` adds version 2 and the upgrade."""
    return publishing(V1)


def second(publishing: Publish, text: str = UPGRADE) -> Registered:
    registered = publishing(V2)
    (registered.directory / "0001_to_0002.py").write_text(text)
    return registered


def begun(key: str = "a", **data: Any) -> MachineInstance:
    return create(NAME, key, data=Journey(key, **data), system=True)


def waiting(key: str = "a", **data: Any) -> MachineInstance:
    made = begun(key, **data)
    assert run_effect(Effect.objects.get(instance=made).pk, "default")
    made.refresh_from_db()
    assert made.state == "wait"
    return made


def all_of(**given: Any) -> list[Batch]:
    return list(upgrade_all(NAME, 2, reason="v2", actor=SYSTEM, using="default", **given))


def up(instance: MachineInstance) -> MachineInstance:
    return upgrade(instance, reason="v2", system=True)


def test_an_instance_is_upgraded_in_one_entry(journey: Registered, publishing: Publish, any_store: str) -> None:
    """State, data and version change together, and history has one entry with actor, from and to."""
    instance = waiting()
    second(publishing)
    after = upgrade(instance, reason="the channel counts", actor=Actor("user", "7", "Ann"))
    assert (after.version, after.state, after.data["channel"], after.sequence) == (2, "pause", "before", 3)
    entry = after.entries.get(sequence=3)
    assert (entry.event, entry.payload, entry.version) == ("statemachines.upgrade", {"from": 1, "to": 2}, 2)
    assert (entry.source, entry.target, entry.actor_label) == (["wait"], ["pause"], "Ann")
    assert (entry.reason, entry.patch) == ("the channel counts", {"set": {"channel": "before"}})


def test_the_past_can_still_be_read(journey: Registered, publishing: Publish) -> None:
    """An upgraded instance is read as of any entry, in the type of the version that it had then."""
    instance = waiting()
    second(publishing)
    up(instance)
    assert snapshot_at(instance, 2).data == Journey("a")
    now = snapshot_at(instance, 3)
    assert (now.configuration, now.data.channel) == (("pause",), "before")


def test_the_day_goes_on_counting(journey: Registered, publishing: Publish, machines: Clock) -> None:
    """A timer of a state that continues fires when it was due before, in the new version."""
    instance = waiting()
    due = Timer.objects.get(instance=instance).due_at
    second(publishing)
    machines.advance(hours=20)
    up(instance)
    assert Timer.objects.get(instance=instance).due_at == due
    machines.advance(hours=4)
    instance.refresh_from_db()
    assert (instance.version, instance.state) == (2, "remind")


def test_nobody_gets_a_second_mail(journey: Registered, publishing: Publish, tmp_path: Path) -> None:
    """An effect that was open goes on as the same one: it runs once, and its result leads on in the new version."""
    trace = tmp_path / "trace"
    instance = begun(file=str(trace))
    effect = Effect.objects.get(instance=instance)
    second(publishing)
    up(instance)
    same = Effect.objects.get(instance=instance)
    assert (same.pk, same.key, same.version, same.status) == (effect.pk, effect.key, 2, "waiting")
    assert same.input["channel"] == "before"
    assert run_effect(same.pk, "default")
    instance.refresh_from_db()
    assert (instance.state, trace.read_text()) == ("pause", "greeted a\n")


def test_what_runs_during_the_upgrade_is_applied_after_it(journey: Registered, publishing: Publish) -> None:
    """A worker that runs an effect while its instance is upgraded finds the new version when it has the result."""
    instance = begun()
    effect = Effect.objects.get(instance=instance)

    def meanwhile(data: Any, call: Any) -> None:
        second(publishing)
        up(instance)

    assert run_effect(effect.pk, "default", function=meanwhile)
    instance.refresh_from_db()
    effect.refresh_from_db()
    assert (instance.version, instance.state, effect.status) == (2, "pause", "applied")


def test_what_cannot_go_along_stays_and_says_why(journey: Registered, publishing: Publish) -> None:
    """A delayed send that the new version does not take blocks its instance alone, visibly."""
    stays, goes = begun("a"), waiting("b")
    send(stays, "ask", system=True)
    second(publishing, UPGRADE.replace(', events={"poke": None}', ""))
    (batch,) = all_of()
    told = {one.key: (one.status, one.reason) for one in batch.outcomes}
    assert told["b"] == ("upgraded", "")
    assert told["a"][0] == "blocked"
    assert "a delayed 'poke' waits" in told["a"][1]
    for one, version in ((stays, 1), (goes, 2)):
        one.refresh_from_db()
        assert one.version == version
    with pytest.raises(UpgradeBlocked, match="poke"):
        up(stays)


def test_a_function_that_fails_blocks_its_instance_alone(journey: Registered, publishing: Publish) -> None:
    """What the upgrade's own functions raise, and data that do not fit the new type, are reasons."""
    for key in ("a", "b", "c"):
        waiting(key)
    text = UPGRADE.replace(
        'lambda data: {**data, "channel": "before"}',
        'lambda data: {**data, "channel": {"a": "x", "b": 7}[data["user"]]}',
    )
    second(publishing, text)
    told = {one.key: one.reason for batch in all_of() for one in batch.outcomes}
    assert told["a"] == ""
    assert "field 'channel': expected str, received int" in told["b"]
    assert told["c"] == "the upgrade's own function raised KeyError('c')"


def test_a_dry_run_changes_nothing(journey: Registered, publishing: Publish) -> None:
    """It tells what would become of each instance, and every table is as it was."""
    instance = waiting()
    second(publishing)
    (batch,) = all_of(write=False)
    (one,) = batch.outcomes
    assert (one.status, one.source, one.target) == ("upgraded", "wait", "pause")
    before = (instance.version, instance.sequence, instance.updated_at)
    instance.refresh_from_db()
    assert (instance.version, instance.sequence, instance.updated_at) == before
    assert not PreviousSnapshot.objects.exists()


def test_all_are_upgraded_in_batches(journey: Registered, publishing: Publish, any_store: str) -> None:
    """Batches go through all instances once; a second run finds nothing to do."""
    for number in range(5):
        waiting(str(number))
    second(publishing)
    assert [len(batch.outcomes) for batch in all_of(batch=2)] == [2, 2, 1]
    assert set(MachineInstance.objects.values_list("version", "state")) == {(2, "pause")}
    assert all_of() == []


def test_policies_and_ended_ones_are_left_alone(journey: Registered, publishing: Publish) -> None:
    """An instance that is never to be upgraded stays, and so do ended ones, unless they are asked for."""
    waiting("a")
    MachineInstance.objects.filter(pk=waiting("b").pk).update(upgrades="never")
    ended = waiting("c")
    send(ended, "nudge", system=True)
    assert run_effect(Effect.objects.get(instance=ended, status="waiting").pk, "default")
    second(publishing)
    assert [one.key for batch in all_of() for one in batch.outcomes] == ["a"]
    assert [(one.key, one.target) for batch in all_of(ended=True) for one in batch.outcomes] == [("c", "done")]
    ended.refresh_from_db()
    assert (ended.version, ended.status) == (2, "done")


def test_where_no_way_leads_nothing_is_done(journey: Registered, publishing: Publish) -> None:
    """Without an upgrade instances stay, and the reason says how to begin one."""
    instance = waiting()
    publishing(V2)
    (batch,) = all_of()
    assert "makeupgrade begins one" in batch.outcomes[0].reason
    with pytest.raises(UpgradeBlocked, match="makeupgrade"):
        up(instance)


def test_what_is_prepared_is_prepared_for_a_batch(journey: Registered, publishing: Publish) -> None:
    """`prepare` gets the data of a whole batch, once, and the functions get what it returned."""
    for key in ("a", "b"):
        waiting(key)
    text = """
from statemachines import Upgrade

asked = []

def prepare(data):
    asked.append(len(data))
    return {one["user"]: f"of {one['user']}" for one in data}

def data(old, was, now, channels):
    return {**old, "channel": channels[old["user"]]}

upgrade = Upgrade("journey", 1, 2, states={"wait": "pause"}, data=data, prepare=prepare, events={"poke": None})
"""
    second(publishing, text)
    all_of()
    assert sorted(one.data["channel"] for one in MachineInstance.objects.all()) == ["of a", "of b"]


def test_a_rate_is_kept(journey: Registered, publishing: Publish) -> None:
    """At most so many instances are upgraded in a second."""
    for number in range(3):
        waiting(str(number))
    second(publishing)
    begun_at = timezone.now()
    assert [len(batch.outcomes) for batch in all_of(per_second=4, batch=1)] == [1, 1, 1]
    assert timezone.now() - begun_at > timedelta(seconds=0.7)
