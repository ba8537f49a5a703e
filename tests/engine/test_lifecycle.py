"""Pause, resume, cancel: what waits meanwhile, in which order it is taken, who is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, transaction
from django.utils import timezone

from statemachines.core.errors import EventRefused
from statemachines.core.events import Actor
from statemachines.engine import (
    acancel,
    apause,
    aresume,
    cancel,
    create,
    force,
    give_result,
    pause,
    resume,
    retry_effect,
    send,
    snapshot_at,
)
from statemachines.engine.outbox import run_effect
from statemachines.engine.sweep import claim
from statemachines.engine.timers import fire_timers
from statemachines.exceptions import InvalidValue, NotAllowed, OperationRefused, SequenceMismatch
from statemachines.models import Effect, MachineInstance, Timer
from tests.examples.timed import Log, timed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("any_store", "handed")]


def made(*events: str, **data: Any) -> MachineInstance:
    one = create(timed.machine, data=Log(**data), system=True)
    for event in events:
        one.send(event, system=True)
    return one


def stop(one: MachineInstance, ann: Actor) -> None:
    pause(one, reason="look first", actor=ann)


def go_on(one: MachineInstance, ann: Actor, **given: Any) -> MachineInstance:
    return resume(one, reason="seen", actor=ann, **given)


def seen(one: MachineInstance) -> list[str]:
    one.refresh_from_db()
    return list(one.data["seen"])


def due(name: str, ago: float) -> None:
    Timer.objects.filter(name=name).update(due_at=timezone.now() - timedelta(seconds=ago))


def ran(one: MachineInstance, ago: float) -> Effect:
    """Have the instance's effect a committed result that is not applied yet."""
    effect = one.effects.get()
    at = timezone.now() - timedelta(seconds=ago)
    Effect.objects.filter(pk=effect.pk).update(status="ran", result="worked", ran_at=at, due_at=timezone.now())
    return effect


def test_pausing_is_an_entry_that_moves_nothing(ann: Actor) -> None:
    """Who, when, why, before and after; the object that was passed is up to date."""
    one = made("one")
    assert pause(one, reason=" look first ", actor=ann) is one
    assert (one.status, one.state, one.sequence) == ("paused", "idle", 3)
    entry = one.entries.get(sequence=3)
    assert (entry.event, entry.actor_label, entry.reason) == ("statemachines.pause", "Ann", "look first")
    assert (entry.payload, entry.source, entry.target) == ({"before": "active", "after": "paused"}, ["idle"], ["idle"])


def test_a_paused_instance_takes_no_event_of_a_client(ann: Actor) -> None:
    """It is refused with the code `paused`, and nothing changes."""
    one = made("one")
    stop(one, ann)
    with pytest.raises(EventRefused) as refused:
        send(one, "two", actor=ann)
    assert (refused.value.code, one.entries.count()) == ("paused", 3)


def test_due_timers_wait_for_the_resume_and_are_taken_in_order(ann: Actor) -> None:
    """By their due time, each a macrostep of its own; what is not due stays."""
    one = made("two")
    stop(one, ann)
    due("second", 20)
    due("first", 10)
    assert fire_timers(list(Timer.objects.values_list("pk", flat=True)), "default") == 0
    assert claim("default").timers == []
    go_on(one, ann)
    assert (one.status, seen(one)) == ("active", ["second", "first"])
    told = list(one.entries.values_list("sequence", "event", "reason"))[3:]
    assert told == [(4, "statemachines.resume", "seen"), (5, "second", ""), (6, "first", "")]


@pytest.mark.parametrize(("ago", "order"), [(5, ["first", "worked"]), (15, ["worked", "first"])])
def test_timers_and_results_are_merged_by_time(ago: float, order: list[str], ann: Actor) -> None:
    """A result counts from when it came, a timer from when it was due."""
    one = made("one", "both")
    stop(one, ann)
    effect = ran(one, ago)
    Timer.objects.update(event="note", due_at=timezone.now() - timedelta(seconds=10))
    assert run_effect(effect.pk, "default") is False
    go_on(one, ann)
    assert [{"note": "first"}.get(event, event) for event in seen(one)] == order
    effect.refresh_from_db()
    assert effect.status == "applied"


def test_a_result_whose_state_a_timer_left_is_ignored(ann: Actor) -> None:
    """The timer came first and entered the state anew: the old result is not the new invocation's."""
    one = made("ask")
    stop(one, ann)
    old = ran(one, 5)
    due("xstate.after.7200000.timed.asking", 10)
    go_on(one, ann)
    old.refresh_from_db()
    assert (old.status, one.state, seen(one)) == ("ignored", "asking", [])
    assert [effect.status for effect in one.effects.exclude(pk=old.pk)] == ["waiting"]


def test_what_the_machine_fails_at_needs_attention_and_the_rest_goes_on(ann: Actor) -> None:
    """One broken timer neither keeps the instance paused nor swallows the others."""
    one = made("bad", "two")
    stop(one, ann)
    due("first", 30)
    due("broken", 20)
    due("second", 10)
    go_on(one, ann)
    assert (one.status, seen(one)) == ("active", ["first", "second"])
    assert [(timer.name, timer.needs_attention) for timer in one.timers.all()] == [("broken", True)]


def test_shifted_timers_are_put_off_by_the_pause(ann: Actor) -> None:
    """As if time had stood still: none fires that was not due before, however long the pause."""
    one = made("one")
    stop(one, ann)
    before = one.timers.get().due_at
    go_on(one, ann, shift_timers=True)
    paused, resumed = (one.entries.get(sequence=number) for number in (3, 4))
    assert one.timers.get().due_at - before == resumed.at - paused.at
    assert resumed.payload["shift_timers"] is True


def test_a_broken_timer_that_was_overdue_before_the_pause_is_shifted_once(ann: Actor) -> None:
    """It is found again at the second try, whatever its due time is then."""
    one = made("bad")
    due("broken", 10)
    stop(one, ann)
    go_on(one, ann, shift_timers=True)
    assert (one.status, one.timers.get().needs_attention) == ("active", True)


def test_what_is_near_is_handed_over_at_the_resume(handed: list[Any], ann: Actor) -> None:
    """The sweep has passed it by: a timer that is due soon, an effect that waits."""
    one = made("both", "note")
    soon = made("one")
    for each in (one, soon):
        stop(each, ann)
    Timer.objects.update(due_at=timezone.now() + timedelta(seconds=0.9), handed_until=timezone.now())
    Effect.objects.update(handed_until=timezone.now() + timedelta(seconds=30))
    handed.clear()
    go_on(one, ann)
    go_on(soon, ann)
    assert sorted(handed) == sorted(
        [("timer", soon.timers.get().pk), *(("effect", effect.pk) for effect in one.effects.all())]
    )
    assert set(Effect.objects.values_list("handed_until", flat=True)) == {None}


def test_no_effect_of_a_paused_instance_starts(ann: Actor) -> None:
    """Neither by a message on its way nor by the sweep; after the resume it runs."""
    one = made("ask")
    stop(one, ann)
    effect = one.effects.get()
    assert (run_effect(effect.pk, "default"), claim("default").effects) == (False, [])
    go_on(one, ann)
    assert run_effect(effect.pk, "default") is True
    assert seen(one) == ["worked 1"]


def test_force_leaves_it_paused(ann: Actor) -> None:
    """A repair works on a paused instance; it goes on only by a resume."""
    one = made("wait")
    stop(one, ann)
    force(one, "idle", reason="back", actor=ann)
    assert (one.state, one.status, one.timers.count()) == ("idle", "paused", 0)
    go_on(one, ann)
    assert one.status == "active"


def test_a_forced_end_ends_a_paused_instance(ann: Actor) -> None:
    """What has ended is not paused."""
    one = made("one")
    stop(one, ann)
    force(one, "over", reason="enough", actor=ann, entering=True)
    assert (one.status, one.timers.count()) == ("done", 0)
    with pytest.raises(OperationRefused, match="done"):
        go_on(one, ann)


@pytest.mark.parametrize("paused", [False, True])
@pytest.mark.parametrize(
    ("status", "after"),
    [("waiting", "cancelled"), ("running", "cancelling"), ("pending", "cancelled"), ("ran", "ignored")],
)
def test_cancelling_ends_everything(status: str, after: str, paused: bool, ann: Actor) -> None:
    """Timers are gone, open effects end; one that runs is told. The state stays, and the history says why."""
    one = made("one", "both")
    Effect.objects.update(status=status, result="x" if status == "ran" else None)
    if paused:
        stop(one, ann)
    cancel(one, reason="customer left", actor=ann)
    assert (one.status, one.state, one.timers.count()) == ("cancelled", "busy.job.doing, busy.other.open", 0)
    assert one.effects.get().status == after
    entry = one.entries.last()
    assert entry is not None
    assert (entry.reason, entry.payload["before"]) == ("customer left", "paused" if paused else "active")
    assert snapshot_at(one, one.sequence) == one.snapshot()
    assert claim("default").timers == []


def test_a_cancelled_instance_refuses_clients_and_operators(ann: Actor) -> None:
    """`ended` for an event, a plain sentence for the rest; a timer's message does nothing."""
    one = made("one")
    pk = one.timers.get().pk
    cancel(one, reason="enough", actor=ann)
    with pytest.raises(EventRefused) as refused:
        send(one, "one", actor=ann)
    assert refused.value.code == "ended"
    for act in (pause, resume, cancel):
        with pytest.raises(OperationRefused) as told:
            act(one, reason="why", actor=ann)
        assert told.value.code == "cancelled"
    assert (fire_timers([pk], "default"), one.entries.count()) == (0, 3)


def test_force_brings_a_cancelled_instance_back(ann: Actor) -> None:
    """A repair of a cancellation by mistake: it is active again, and history reads so."""
    one = made("one")
    cancel(one, reason="wrong one", actor=ann)
    force(one, "waiting", reason="it was the wrong one", actor=ann, entering=True)
    assert (one.status, one.state, one.timers.count()) == ("active", "waiting", 1)
    assert [snapshot_at(one, number).status for number in (2, 3, 4)] == ["active", "done", "active"]
    send(one, "leave", actor=ann)
    assert one.state == "idle"


def test_an_entry_after_the_end_says_that_it_has_ended(ann: Actor) -> None:
    """A repair of an effect that outlives its machine leaves the history readable as of then."""
    one = made("both", "note")
    send(one, "close", actor=ann)
    effect = one.effects.get(invocation="")
    retry_effect(effect.pk, reason="again", actor=ann)
    one.refresh_from_db()
    assert (one.status, snapshot_at(one, one.sequence).status) == ("done", "done")


@pytest.mark.parametrize("act", [pause, cancel])
def test_acts_ask_for_a_reason_an_actor_and_the_right_sequence(act: Any, ann: Actor) -> None:
    """Who has seen another state than this, gives no reason, or is nobody, changes nothing."""
    one = made("one")
    with pytest.raises(InvalidValue, match="reason"):
        act(one, reason=" ", actor=ann)
    with pytest.raises(NotAllowed):
        act(one, reason="why")
    with pytest.raises(SequenceMismatch):
        act(one, reason="why", actor=ann, expected_sequence=1)
    assert one.entries.count() == 2
    act(one, reason="why", actor=ann, expected_sequence=2)


def test_an_act_in_a_callers_transaction_goes_with_it(handed: list[Any], ann: Actor) -> None:
    """A rollback takes the resume back, with all that it took; nothing is handed over."""
    one = made("one", "bad")
    stop(one, ann)
    due("first", 5)
    due("broken", 3)
    handed.clear()
    with transaction.atomic():
        go_on(one, ann)
        transaction.set_rollback(True)
    assert (seen(one), one.status, one.timers.count(), handed) == ([], "paused", 2, [])
    with transaction.atomic():
        go_on(one, ann)
    assert (seen(one), one.status) == (["first"], "active")


def test_of_two_pauses_at_once_one_is_refused(ann: Actor) -> None:
    """The lock decides; the second hears that it is paused already."""
    one = made("one")

    def attempt(number: int) -> str:
        try:
            pause(one.pk, reason=f"number {number}", actor=ann)
        except OperationRefused as refused:
            return refused.code
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(attempt, range(2))) == ["done", "paused"]
    assert one.entries.filter(event="statemachines.pause").count() == 1


def test_a_given_result_waits_while_it_is_paused(ann: Actor) -> None:
    """An operator's result is kept, and taken at the resume."""
    one = made("ask")
    stop(one, ann)
    assert give_result(one.effects.get().pk, "by hand", reason="asked them", actor=ann) is False
    go_on(one, ann)
    assert (seen(one), one.state) == (["by hand"], "idle")


def test_acts_are_there_for_async_code(ann: Actor) -> None:
    """`apause`, `aresume` and `acancel` do the same."""
    one = made("one")
    for act, status in ((apause, "paused"), (aresume, "active"), (acancel, "cancelled")):
        assert async_to_sync(act)(one.pk, reason="why", actor=ann).status == status
