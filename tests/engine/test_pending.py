"""Completed from outside: an effect begins something, and a webhook or a person ends it, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from statemachines import Actor, InvalidValue, pending, registry
from statemachines.engine import complete, faults, pause, resume, retry_effect, skip_effect
from statemachines.engine import pending as module
from statemachines.engine.outbox import EffectCall
from statemachines.exceptions import EffectNotFound, InstanceBusy, NotAllowed, UnknownVersion
from statemachines.models import Effect, MachineInstance
from statemachines.testing import time_travel
from tests.examples.jobs import asks, single

from .works import asked, at_once, claimed, dies, dying_at, make_due, raises, returns, run, state

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("any_store", "handed")]

WEBHOOK = Actor("webhook", "provider")
TOKEN = "token a"


def pended(**data: Any) -> tuple[MachineInstance, Effect]:
    """Return an instance that waits for somebody outside, and the effect that began it."""
    made, effect = asked("invoke_asks", **data)
    assert run(effect) is False
    assert (effect.status, effect.token) == ("pending", f"token {effect.input['account']}")
    return made, effect


def test_a_webhook_completes_it_and_the_machine_goes_on() -> None:
    """The result reaches the machine in the call, typed, with who completed it in the history."""
    made, effect = pended()
    assert complete(asks, TOKEN, "paid", actor=WEBHOOK) is True
    made.refresh_from_db()
    effect.refresh_from_db()
    assert (made.state, made.data["answer"], effect.status) == ("answered", "paid", "applied")
    entry = made.entries.get(sequence=3)
    assert (entry.event, entry.actor_kind, entry.actor_id) == ("xstate.done.actor.asks", "webhook", "provider")


def test_only_the_first_completion_counts() -> None:
    """The same webhook again, or another result, changes nothing and says so."""
    made, _ = pended()
    assert complete("asks", TOKEN, "first", system=True) is True
    assert complete("examples.asks", TOKEN, "second", system=True) is False
    assert complete(asks, TOKEN, error="third", system=True) is False
    made.refresh_from_db()
    assert (made.data["answer"], made.sequence) == ("first", 3)


def test_of_two_at_once_on_postgres_one_completes_it() -> None:
    """However many completions come at the same moment, one is told that it was the one."""
    made, _ = pended()
    done = at_once(4, lambda number: complete(asks, TOKEN, f"by {number}", system=True))
    assert sorted(done) == [False, False, False, True]
    made.refresh_from_db()
    assert (made.data["answer"], made.sequence) == (f"by {done.index(True)}", 3)


def test_it_may_be_completed_as_failed() -> None:
    """An error from outside is the effect's failure, at once and for good."""
    for error, told in (("declined", ["RuntimeError", "declined"]), (LookupError("gone"), ["LookupError", "gone"])):
        made, effect = pended()
        assert complete(asks, TOKEN, error=error, system=True) is True
        effect.refresh_from_db()
        assert (state(made), effect.status, list(effect.result.values())) == ("failed", "failed", told)
        Effect.objects.all().delete()


def test_a_result_of_a_wrong_type_is_the_callers_error() -> None:
    """It is refused, and the effect waits on."""
    _, effect = pended()
    with pytest.raises(InvalidValue, match="result of asks"):
        complete(asks, TOKEN, 5, system=True)
    effect.refresh_from_db()
    assert (effect.status, complete(asks, TOKEN, "five", system=True)) == ("pending", True)


def test_somebody_has_to_say_who_completes_it() -> None:
    """Without an actor it is denied, unless the project itself does it."""
    pended()
    with pytest.raises(NotAllowed):
        complete(asks, TOKEN, "paid")


def test_a_completion_that_is_faster_than_the_effect_counts() -> None:
    """By the idempotency key it is accepted while the function still runs; what that returns then is nothing."""
    made, effect = asked("invoke_asks")

    def slow(data: Any, call: EffectCall) -> Any:
        assert complete(asks, call.idempotency_key, "fast", system=True) is True
        assert call.cancelled is True, "there is nothing left to do"
        return pending("token a")

    assert run(effect, slow) is False
    made.refresh_from_db()
    assert (made.state, made.data["answer"], effect.status, effect.token) == ("answered", "fast", "applied", "")


def test_a_completion_between_two_attempts_counts() -> None:
    """The attempt began the thing outside and then failed: its completion is the result, and nothing is tried again."""
    made, effect = asked("invoke_asks")
    run(effect, raises(ConnectionError("lost the answer")))
    assert effect.status == "waiting"
    assert complete(asks, str(effect.key), "done after all", system=True) is True
    assert (claimed(), state(made)) == ([], "answered")


def test_without_a_token_the_idempotency_key_names_it() -> None:
    """`pending()` alone is enough where the key travels."""
    made, effect = asked("invoke_asks")
    run(effect, returns(pending()))
    assert (effect.token, effect.due_at) == (str(effect.key), None)
    assert claimed() == [], "without a deadline it waits for ever"
    assert complete(asks, str(effect.key), "done", system=True) is True
    assert state(made) == "answered"


@pytest.mark.parametrize("token", ["unknown", "00000000-0000-4000-8000-000000000000", ""])
def test_an_unknown_token_is_told(token: str) -> None:
    """Neither an unknown token nor another effect's completes anything."""
    pended()
    with pytest.raises(EffectNotFound, match="if it has just begun, try again"):
        complete(asks, token, "paid", system=True)
    with pytest.raises(EffectNotFound):
        complete(single, TOKEN, "paid", system=True)


def test_a_token_names_one_thing() -> None:
    """A second effect that claims a token in use fails its attempt, with a sentence that says why."""
    pended()
    _, second = asked("invoke_asks")
    assert run(second) is False
    assert second.status == "waiting"
    assert "another effect examples.asks has the token 'token a'" in second.error


def test_after_the_state_was_left_a_result_is_noted_and_ignored() -> None:
    """The effect is cancelled; that the thing was done all the same stands beside it, once."""
    made, effect = pended()
    made.send("stop", system=True)
    effect.refresh_from_db()
    assert effect.status == "cancelled"
    assert [complete(asks, TOKEN, result, system=True) for result in ("late", "later")] == [False, False]
    effect.refresh_from_db()
    assert (effect.status, effect.result, state(made), made.sequence) == ("cancelled", "late", "idle", 3)


def test_a_completion_of_what_runs_unwanted_ends_it_as_ignored() -> None:
    """The state was left while the function ran: the result from outside is the one that is noted."""
    made, effect = asked("invoke_asks")

    def slow(data: Any, call: EffectCall) -> Any:
        made.send("stop", system=True)
        assert complete(asks, call.idempotency_key, "from outside", system=True) is False
        return "of its own"

    assert run(effect, slow) is False
    assert (effect.status, effect.result, state(made)) == ("ignored", "from outside", "idle")


def test_a_cancelled_function_that_returns_pending_is_cancelled() -> None:
    """Nobody waits for what it began; a completion is noted."""
    made, effect = asked("invoke_asks")

    def slow(data: Any, call: EffectCall) -> Any:
        made.send("stop", system=True)
        return pending(TOKEN)

    run(effect, slow)
    assert (effect.status, effect.token) == ("cancelled", TOKEN)
    assert complete(asks, TOKEN, "late", system=True) is False
    effect.refresh_from_db()
    assert (effect.status, effect.result) == ("cancelled", "late")


def test_after_its_deadline_it_has_failed() -> None:
    """The deadline counts from the attempt; it is an error event like any other, and a later completion is none."""
    with time_travel() as clock:
        made, effect = pended()
        begun = clock.now
        clock.set(begun + timedelta(minutes=59))
        assert (claimed(), run(effect)) == ([], False)
        clock.set(begun + timedelta(hours=1))
        assert claimed() == [effect.pk]
        assert run(effect, dies) is True
        assert (effect.status, effect.result["type"], effect.attempts) == ("failed", "TimedOut", 1)
        assert state(made) == "failed"
        assert complete(asks, TOKEN, "late", system=True) is False


def test_a_deadline_may_be_a_time() -> None:
    """An aware datetime is taken as it is; a naive one, or a token that does not fit, fails the attempt."""
    with time_travel() as clock:
        _, effect = asked("invoke_asks")
        run(effect, returns(pending(TOKEN, deadline=clock.now + timedelta(days=2))))
        assert effect.due_at == clock.now + timedelta(days=2)
        with pytest.raises(ValueError, match="naive"):
            pending(deadline=clock.now.replace(tzinfo=None))
        with pytest.raises(ValueError, match="at most 255"):
            pending("x" * 256)


def test_a_paused_instance_gets_the_result_when_it_goes_on() -> None:
    """The completion is kept; the webhook is told that it was taken."""
    made, effect = pended()
    pause(made, reason="wait", system=True)
    assert complete(asks, TOKEN, "paid", system=True) is True
    effect.refresh_from_db()
    assert (effect.status, state(made)) == ("ran", "with_asks")
    resume(made, system=True)
    assert state(made) == "answered"


def test_a_busy_instance_gets_the_result_from_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is committed is not refused to the webhook because its application has to wait."""
    made, effect = pended()

    def busy(*given: Any) -> bool:
        raise InstanceBusy(again=True)

    with monkeypatch.context() as patched:
        patched.setattr(module, "apply", busy)
        assert complete(asks, TOKEN, "paid", system=True) is True
    assert claimed() == [effect.pk]
    assert run(effect, dies) is True
    assert state(made) == "answered"


def test_a_crash_between_completion_and_application_costs_nothing() -> None:
    """The result is committed first; the sweep applies it."""
    made, effect = pended()
    with dying_at(faults.BEFORE_COMMIT):
        complete(asks, TOKEN, "paid", system=True)
    effect.refresh_from_db()
    assert (effect.status, effect.result, state(made)) == ("ran", "paid", "with_asks")
    make_due(effect)
    assert claimed() == [effect.pk]
    assert run(effect, dies) is True
    assert state(made) == "answered"


def test_code_that_does_not_know_the_version_completes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot check the result: nothing is committed, and the webhook comes again."""
    _, effect = pended()
    with monkeypatch.context() as patched:
        patched.setitem(registry._machines, "examples.jobs", {9: registry.find("jobs")})
        with pytest.raises(UnknownVersion):
            complete(asks, TOKEN, "paid", system=True)
    effect.refresh_from_db()
    assert (effect.status, complete(asks, TOKEN, "paid", system=True)) == ("pending", True)


def test_an_operator_may_end_it() -> None:
    """Skipped, or tried again after its deadline passed unheard: then a completion by its token counts again."""
    _, effect = pended()
    skip_effect(effect.pk, reason="called them", system=True)
    assert complete(asks, TOKEN, "late", system=True) is False
    _, effect = asked("asks", account="b")
    run(effect)
    make_due(effect)
    run(effect)
    assert (effect.failure, effect.needs_attention) == (True, True)
    retry_effect(effect.pk, reason="again", system=True)
    assert complete(asks, "token b", "done", system=True) is True
    effect.refresh_from_db()
    assert effect.status == "applied"
