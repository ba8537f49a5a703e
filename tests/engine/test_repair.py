"""What an operator does with one timer or effect: each act, each refusal, each in the history."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from statemachines import registry
from statemachines.core.errors import MachineError
from statemachines.core.events import Actor
from statemachines.engine import (
    cancel_timer,
    create,
    fire_timer_now,
    give_result,
    pause,
    postpone_timer,
    retry_effect,
    skip_effect,
)
from statemachines.engine.outbox import run_effect
from statemachines.exceptions import InvalidValue, NotAllowed, OperationRefused
from statemachines.models import Effect, HistoryEntry, MachineInstance, Timer
from statemachines.policy import Policy
from tests.examples.timed import Log, timed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("any_store", "handed")]


def made(event: str) -> MachineInstance:
    one = create(timed.machine, data=Log(), system=True)
    one.send(event, system=True)
    return one


def asked(**given: Any) -> tuple[MachineInstance, Effect]:
    one = made("ask")
    Effect.objects.update(**given)
    return one, one.effects.get()


def act(one: MachineInstance) -> HistoryEntry:
    """The entry of the operator's act: the one after the instance's own two."""
    found: HistoryEntry = one.entries.get(sequence=3)
    return found


def test_a_timer_fires_before_its_time(ann: Actor) -> None:
    """The act and the transition are two entries of one transaction."""
    one = made("one")
    fire_timer_now(one.timers.get().pk, reason="customer calls", actor=ann)
    one.refresh_from_db()
    assert (one.data["seen"], one.timers.count()) == (["first"], 0)
    assert (act(one).event, act(one).actor_label, act(one).reason) == (
        "statemachines.timer.fire",
        "Ann",
        "customer calls",
    )
    assert act(one).payload["timer"] == "first"
    assert one.entries.get(sequence=4).event == "first"


def test_a_timer_that_failed_for_good_is_fired_by_hand(ann: Actor) -> None:
    """That is how it is retried at once; it needs no attention then."""
    one = made("one")
    Timer.objects.update(needs_attention=True, attempts=8, error="broken")
    fire_timer_now(one.timers.get().pk, reason="repaired", actor=ann)
    assert act(one).payload["needs_attention"] is True
    assert not MachineInstance.objects.needing_attention().exists()


def test_firing_is_refused_while_it_is_paused_and_fails_as_the_machine_does(ann: Actor) -> None:
    """Neither leaves an entry, and the timer stays."""
    one, bad = made("one"), made("bad")
    pause(one, reason="wait", actor=ann)
    with pytest.raises(OperationRefused) as refused:
        fire_timer_now(one.timers.get().pk, reason="now", actor=ann)
    assert refused.value.code == "paused"
    with pytest.raises(MachineError):
        fire_timer_now(bad.timers.get().pk, reason="now", actor=ann)
    assert (one.entries.count(), bad.entries.count(), Timer.objects.count()) == (3, 2, 2)


def test_a_timer_is_postponed_or_tried_anew(handed: list[Any], ann: Actor) -> None:
    """To any aware time, with all its tries; one that is near then is handed over at once."""
    one = made("one")
    timer = one.timers.get()
    later = timezone.now() + timedelta(days=2)
    postpone_timer(timer.pk, later, reason="holiday", actor=ann)
    assert (one.timers.get().due_at, handed) == (later, [])
    assert act(one).payload["due_at"] == timer.due_at.isoformat()
    assert act(one).payload["to"] == later.isoformat()
    Timer.objects.update(needs_attention=True, attempts=8, handed_until=later)
    postpone_timer(timer.pk, timezone.now(), reason="repaired", actor=ann)
    again = one.timers.get()
    assert (again.needs_attention, again.attempts, again.handed_until) == (False, 0, None)
    assert handed == [("timer", timer.pk)]


def test_a_naive_time_is_refused(ann: Actor) -> None:
    """Nobody guesses in which zone it is meant."""
    one = made("one")
    with pytest.raises(InvalidValue, match="aware"):
        postpone_timer(one.timers.get().pk, datetime(2030, 1, 1), reason="later", actor=ann)


def test_a_timer_is_cancelled(ann: Actor) -> None:
    """It is gone, and the history says what it was."""
    one = made("one")
    cancel_timer(one.timers.get().pk, reason="not needed", actor=ann)
    assert (one.timers.count(), act(one).event, act(one).payload["timer"]) == (0, "statemachines.timer.cancel", "first")


def test_a_timer_that_is_gone_is_refused(ann: Actor) -> None:
    """It fired, or its state was left."""
    one = made("one")
    pk = one.timers.get().pk
    fire_timer_now(pk, reason="now", actor=ann)
    for repair in (fire_timer_now, cancel_timer):
        with pytest.raises(OperationRefused) as refused:
            repair(pk, reason="again", actor=ann)
        assert refused.value.code == "timer_gone"


def test_an_effect_is_tried_anew_at_once(handed: list[Any], ann: Actor) -> None:
    """Its tries begin anew, whatever it waited for."""
    one, effect = asked(attempts=4, due_at=timezone.now() + timedelta(hours=1))
    handed.clear()
    retry_effect(effect.pk, reason="provider is back", actor=ann)
    effect.refresh_from_db()
    assert (effect.attempts_before, effect.needs_attention, handed) == (4, False, [("effect", effect.pk)])
    assert act(one).payload == {"effect": "examples.work", "status": "waiting", "attempts": 4, "after": "waiting"}
    assert run_effect(effect.pk, "default") is True


def test_a_failure_that_nobody_handled_is_tried_anew(ann: Actor) -> None:
    """The failure is forgotten, and the function runs again."""
    one, effect = asked(status="ran", failure=True, result={"type": "E", "message": "m"}, needs_attention=True)
    retry_effect(effect.pk, reason="repaired", actor=ann)
    effect.refresh_from_db()
    assert (effect.status, effect.failure, effect.result, effect.needs_attention) == ("waiting", False, None, False)
    assert act(one).payload["after"] == "waiting"


def test_a_result_that_could_not_be_applied_is_applied_anew(ann: Actor) -> None:
    """The function does not run again: what it did is done."""
    one, effect = asked(status="ran", result="worked", needs_attention=True, applications=8, ran_at=timezone.now())
    retry_effect(effect.pk, reason="machine repaired", actor=ann)
    assert run_effect(effect.pk, "default") is True
    one.refresh_from_db()
    assert (one.data["seen"], one.state) == (["worked"], "idle")


def test_an_effect_is_skipped(ann: Actor) -> None:
    """It ends without having run, and its state stays."""
    one, effect = asked(needs_attention=True)
    skip_effect(effect.pk, reason="done by phone", actor=ann)
    effect.refresh_from_db()
    one.refresh_from_db()
    assert (effect.status, effect.needs_attention, one.state) == ("skipped", False, "asking")
    assert (act(one).event, act(one).payload["after"]) == ("statemachines.effect.skip", "skipped")


@pytest.mark.parametrize("status", ["waiting", "pending"])
def test_an_effect_is_given_its_result(status: str, ann: Actor) -> None:
    """The machine gets it at once, from the operator."""
    one, effect = asked(status=status)
    assert give_result(effect.pk, "by hand", reason="asked them", actor=ann) is True
    one.refresh_from_db()
    effect.refresh_from_db()
    assert (one.data["seen"], effect.status) == (["by hand"], "applied")
    assert act(one).payload["result"] == "by hand"
    assert one.entries.get(sequence=4).actor_label == "Ann"


def test_a_result_of_another_type_is_refused(ann: Actor) -> None:
    """What the function could not have returned, nobody gives."""
    one, effect = asked()
    with pytest.raises(InvalidValue):
        give_result(effect.pk, 7, reason="asked them", actor=ann)
    assert one.entries.count() == 2


@pytest.mark.parametrize("status", ["running", "applied", "cancelled", "skipped"])
@pytest.mark.parametrize("repair", [retry_effect, skip_effect, partial(give_result, result="x")])
def test_what_runs_or_has_ended_is_not_repaired(status: str, repair: Any, ann: Actor) -> None:
    """It has told its machine, or is about to."""
    one, effect = asked(status=status)
    with pytest.raises(OperationRefused) as refused:
        repair(pk=effect.pk, reason="so", actor=ann)
    assert (refused.value.code, one.entries.count()) == (f"effect_{status}", 2)


def test_repairs_ask_for_a_reason_and_an_actor(ann: Actor) -> None:
    """And for something that is there."""
    one = made("one")
    with pytest.raises(InvalidValue, match="reason"):
        cancel_timer(one.timers.get().pk, reason="", actor=ann)
    with pytest.raises(NotAllowed):
        cancel_timer(one.timers.get().pk, reason="so")
    with pytest.raises(OperationRefused, match="no effect"):
        skip_effect(0, reason="so", actor=ann)


def test_repairs_ask_the_machines_policy(ann: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may not operate an instance may not repair what belongs to it."""
    effect = asked()[1]
    timer = made("one").timers.get()
    monkeypatch.setattr(registry.find(timed.name), "policy", Policy())
    with pytest.raises(NotAllowed):
        retry_effect(effect.pk, reason="so", actor=ann)
    with pytest.raises(NotAllowed):
        cancel_timer(timer.pk, reason="so", actor=ann)
    skip_effect(effect.pk, reason="the project itself", system=True)
