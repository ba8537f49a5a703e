"""Leases: the effect of a dead worker is taken up again, that of a slow living one is not."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from statemachines.engine.claims import claim
from statemachines.engine.outbox import EffectCall, run_effect
from statemachines.models import Effect
from statemachines.testing import time_travel

from .works import Died, asked, at_once, claimed, dies, make_due, raises, returns, run, state

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("handed")]


def abandoned(event: str, attempts: int = 1) -> Effect:
    """Return an effect whose workers died, each in its attempt, and whose last lease is over."""
    _, effect = asked(event)
    for _ in range(attempts):
        with pytest.raises(Died):
            run(effect, dies)
        make_due(effect)
    effect.refresh_from_db()
    assert (effect.status, effect.attempts) == ("running", attempts)
    return effect


def test_a_slow_living_worker_keeps_its_effect(settings: Any) -> None:
    """The process renews the lease by itself, so that what takes longer than a lease is not run twice."""
    settings.STATEMACHINES = {**settings.STATEMACHINES, "EFFECT_LEASE_SECONDS": 2.0}
    made, effect = asked("invoke_tried")
    leases = []

    def slow(data: Any, call: EffectCall) -> str:
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            time.sleep(0.05)
            assert claim(effect.pk, "default") is None, "another worker would take it up"
            leases.append(Effect.objects.get(pk=effect.pk).due_at)
        return "slow"

    assert run(effect, slow) is True
    assert (effect.status, effect.attempts, state(made)) == ("applied", 1, "answered")
    assert len(set(leases)) >= 3, "it was renewed again and again"


def test_a_heartbeat_extends_the_lease() -> None:
    """By hand, too: the lease begins anew at each heartbeat, by the one clock."""
    with time_travel() as clock:
        _, effect = asked("tried")

        def beats(data: Any, call: EffectCall) -> str:
            clock.advance(seconds=50)
            assert call.heartbeat() is True
            assert Effect.objects.get(pk=effect.pk).due_at == clock.now + timedelta(seconds=60)
            return "done"

        assert run(effect, beats) is True


def test_nothing_is_renewed_beyond_the_timeout() -> None:
    """A lease ends with the attempt's deadline; after that, a heartbeat says no, and another may take it up."""
    with time_travel() as clock:
        _, effect = asked("timed")

        def hangs(data: Any, call: EffectCall) -> str:
            assert Effect.objects.get(pk=effect.pk).due_at == call.deadline == clock.now + timedelta(seconds=30)
            clock.advance(seconds=20)
            assert call.heartbeat() is True
            assert Effect.objects.get(pk=effect.pk).due_at == call.deadline
            clock.advance(seconds=10)
            assert call.heartbeat() is False
            assert claimed() == [effect.pk]
            return "late, but nobody else had it"

        assert run(effect, hangs) is True


@pytest.mark.parametrize("function", [returns("of the first"), raises(OSError("of the first"))])
def test_an_attempt_that_was_overtaken_changes_nothing(function: Any) -> None:
    """A worker that lost its lease to another can neither end the effect nor send it back, nor renew the lease."""
    made, effect = asked("invoke_tried")

    def overtaken(data: Any, call: EffectCall) -> Any:
        make_due(effect)
        with pytest.raises(Died):
            run(effect, dies)  # the second attempt: it has the effect now
        assert (call.cancelled, call.heartbeat()) == (True, False)
        return function(data, call)

    assert run(effect, overtaken) is False
    assert (effect.status, effect.attempts, effect.result, effect.error) == ("running", 2, None, "")
    make_due(effect)
    assert run(effect, returns("of the third")) is True
    made.refresh_from_db()
    assert (made.data["answer"], effect.attempts) == ("of the third", 3)


def test_workers_that_die_use_up_the_attempts() -> None:
    """An effect that kills its workers is not run for ever: after the last try the machine is told that it is lost."""
    effect = abandoned("invoke_tried", attempts=3)
    assert run(effect, dies) is True
    assert (effect.status, effect.attempts, effect.result["type"]) == ("failed", 3, "Lost")
    assert "the last of 3 tries" in effect.error
    assert state(effect.instance) == "failed"


def test_at_most_once_is_not_run_again() -> None:
    """Its worker died, and nobody knows whether it was done: it has failed, and the machine decides what then."""
    effect = abandoned("invoke_once")
    assert run(effect, dies) is True
    assert (effect.status, effect.attempts, effect.result["type"]) == ("failed", 1, "Lost")
    assert "nobody knows" in effect.result["message"]
    assert state(effect.instance) == "failed"


def test_at_most_once_is_not_tried_again_after_an_error_either() -> None:
    """An exception is its end, with no second try."""
    made, effect = asked("invoke_once")
    assert run(effect, raises(OSError("broken pipe"))) is True
    assert (effect.status, effect.attempts, state(made)) == ("failed", 1, "failed")


def test_at_most_once_that_nobody_waits_for_needs_attention() -> None:
    """Fired and forgotten, and lost: an operator has to find out."""
    effect = abandoned("once")
    assert run(effect, dies) is False
    assert (effect.status, effect.failure, effect.needs_attention) == ("ran", True, True)


def test_a_message_that_comes_too_early_costs_no_time() -> None:
    """A worker whose clock is ahead leaves the effect to the next sweep, not to that after half a minute."""
    _, effect = asked("tried")
    soon = timezone.now() + timedelta(seconds=0.5)
    Effect.objects.update(due_at=soon)
    assert claimed() == [effect.pk], "handed over for its time"
    assert claimed() == []
    assert run(effect, dies) is False, "not due yet"
    assert claimed() == [effect.pk]


def test_several_workers_are_handed_one_effect_and_one_runs_it(file: str) -> None:
    """However often its message is delivered, an effect runs once."""
    _, effect = asked("plain", file=file)
    assert sorted(at_once(4, lambda number: run_effect(effect.pk, "default"))) == [False, False, False, True]
    assert len(Path(file).read_text().splitlines()) == 2
