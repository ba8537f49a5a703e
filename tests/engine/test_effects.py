"""Effects: each ends exactly once, whatever dies when; results are committed before they are applied."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from statemachines import registry, signals
from statemachines.core.effects import Retry
from statemachines.core.events import Actor
from statemachines.engine import cancel, faults, give_result, pause, resume, retry_effect, skip_effect
from statemachines.engine.outbox import APPLICATION, EffectCall, run_effect
from statemachines.exceptions import OperationRefused
from statemachines.models import Effect, EffectHold, MachineInstance
from tests.examples.jobs import Part, jobs

from .works import Died, asked, claimed, dies, dying_at, make_due, raises, returns, run, state

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("any_store", "handed")]


def needs_attention(instance: MachineInstance) -> bool:
    return instance in MachineInstance.objects.needing_attention()


def ended(effect: Effect) -> str:
    """Return how it ended; nothing that has ended is open, and all that has ended says when."""
    effect.refresh_from_db()
    assert (effect.status in Effect.OPEN) is (effect.ended_at is None)
    return str(effect.status)


def test_nothing_is_asked_for_by_a_transition_that_died_before_its_commit(handed: list[Any]) -> None:
    """A crash before the commit leaves neither the transition nor its effect."""
    made, effect = asked("plain")
    handed.clear()
    with dying_at(faults.BEFORE_COMMIT):
        made.send("say", system=True)
    made.refresh_from_db()
    assert (made.sequence, Effect.objects.count(), handed) == (effect.sequence, 1, [])


def test_what_was_never_handed_over_the_sweep_finds(handed: list[Any], file: str) -> None:
    """A crash between the commit and the hand-over costs nothing but the time to the next sweep."""
    with dying_at(faults.AFTER_COMMIT):
        asked("invoke_plain", file=file)
    effect = Effect.objects.get()
    assert (handed, claimed()) == ([], [effect.pk])
    assert run(effect) is True
    assert state(effect.instance) == "answered"


@pytest.mark.parametrize("point", [faults.EFFECT_RAN, ""])
def test_a_worker_that_died_before_the_result_was_committed_has_another_run_it(point: str, file: str) -> None:
    """Nothing came of it, so that after its lease it is run again, as the second attempt under the same key."""
    made, effect = asked("invoke_plain", file=file)
    with dying_at(point) if point else pytest.raises(Died):
        run(effect, None if point else dies)
    effect.refresh_from_db()
    assert (effect.status, effect.attempts, effect.result) == ("running", 1, None)
    assert run(effect) is False, "its lease is not over"
    make_due(effect)
    assert claimed() == [effect.pk]
    assert run(effect) is True
    assert (ended(effect), effect.attempts, effect.result) == ("applied", 2, "attempt 2")
    assert state(made) == "answered"


def test_a_worker_that_died_before_the_application_has_another_apply_it(file: str) -> None:
    """The result is there, so that the function is not run again."""
    made, effect = asked("invoke_plain", file=file)
    with dying_at(faults.RESULT_COMMITTED):
        run(effect)
    effect.refresh_from_db()
    assert (effect.status, effect.result, state(made)) == ("ran", "attempt 1", "with_plain")
    make_due(effect)
    assert claimed() == [effect.pk]
    assert run(effect, dies) is True
    assert (ended(effect), effect.attempts, state(made)) == ("applied", 1, "answered")


def test_a_worker_that_died_while_it_applied_has_another_apply_it(file: str) -> None:
    """The application is one transaction: what dies in it leaves the result to be applied."""
    made, effect = asked("invoke_plain", file=file)
    with dying_at(faults.BEFORE_COMMIT):
        run(effect)
    assert (effect.status, state(made)) == ("ran", "with_plain")
    make_due(effect)
    assert run(effect, dies) is True
    assert (ended(effect), state(made), made.entries.count()) == ("applied", "answered", 3)


def test_backoff_is_as_declared() -> None:
    """An effect's own Retry says when: 10 s, then 20 s, and the third failure is the last."""
    _, effect = asked("tried")
    for attempt, seconds in ((1, 10), (2, 20)):
        run(effect, raises(OSError("down")))
        assert (effect.status, effect.attempts) == ("waiting", attempt)
        wait = (effect.due_at - timezone.now()).total_seconds()
        assert seconds - 2 < wait <= seconds
        make_due(effect)
    run(effect, raises(OSError("down")))
    assert (effect.status, effect.failure, effect.needs_attention) == ("ran", True, True)


def test_the_waits_are_what_the_page_says() -> None:
    """Each wait is `factor` times the last, to `max_delay`; jitter spreads it, never beyond that."""
    retry = Retry(
        max_attempts=9, first_delay=timedelta(seconds=2), factor=3, max_delay=timedelta(minutes=5), jitter=0.5
    )
    assert [retry.delay(failed).total_seconds() for failed in range(1, 7)] == [2, 6, 18, 54, 162, 300]
    assert [retry.delay(2, chance).total_seconds() for chance in (0, 0.5, 1)] == [3, 6, 9]
    assert retry.delay(9, 1) == timedelta(minutes=5)
    assert Retry(factor=10).delay(10_000) == timedelta(hours=1)


@pytest.mark.parametrize("error", [ValueError("no"), UnicodeDecodeError("utf-8", b"x", 0, 1, "no"), KeyError("no")])
def test_a_fatal_error_is_not_tried_again(error: Exception) -> None:
    """What `fatal` names, subclasses too, ends the tries at once; the machine is told its class and text."""
    made, effect = asked("invoke_tried")
    assert run(effect, raises(error)) is True
    assert (ended(effect), effect.attempts, state(made)) == ("failed", 1, "failed")
    assert made.entries.get(sequence=3).payload == {"type": type(error).__name__, "message": str(error)}


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("cannot be told")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (LookupError("a\x00b"), "a\ufffdb"),
        (LookupError("lone \ud800"), "lone ?"),
        (LookupError("x" * 1_000_000), f"{'x' * 2500} … {'x' * 2500}"),
        (type("Odd", (Unspeakable, LookupError), {})(), "(its text cannot be had: RuntimeError)"),
    ],
    ids=["nul", "surrogate", "long", "unspeakable"],
)
def test_any_error_can_be_kept(error: Exception, told: str) -> None:
    """An exception whose text no database takes fails its attempt, and nothing else."""
    made, effect = asked("invoke_tried")
    run(effect, raises(error))
    assert (ended(effect), effect.result["message"], state(made)) == ("failed", told, "failed")
    assert len(effect.error) <= 20_010


@pytest.mark.parametrize("result", [3, None, object(), float("nan"), "a\x00b", {1, 2}])
def test_a_result_of_a_wrong_type_fails_the_attempt(result: object) -> None:
    """What the function says that it returns, and what JSON holds, is checked before the result is committed."""
    made, effect = asked("invoke_plain")
    assert run(effect, returns(result)) is False
    assert (effect.status, effect.attempts, effect.result, state(made)) == ("waiting", 1, None, "with_plain")
    assert "result of plain" in effect.error
    make_due(effect)
    assert run(effect, returns("right")) is True
    assert (ended(effect), effect.error, made.entries.count()) == ("applied", "", 3)


def test_a_failing_application_is_tried_again_alone(handed: list[Any]) -> None:
    """The function is not run again; after the last try somebody has to look at it, and may have it tried anew."""
    made, effect = asked("invoke_tried")
    run(effect, returns("unbearable"))
    for count in range(1, APPLICATION.max_attempts):
        assert (effect.status, effect.applications, effect.needs_attention) == ("ran", count, False)
        assert "ZeroDivisionError" in effect.error
        assert effect.due_at > timezone.now()
        make_due(effect)
        assert run(effect, dies) is False
    assert (effect.needs_attention, effect.attempts, state(made)) == (True, 1, "with_tried")
    assert needs_attention(made)
    make_due(effect)
    assert claimed() == []
    retry_effect(effect.pk, reason="fixed", system=True)
    assert handed[-1] == ("effect", effect.pk)
    assert run(effect, dies) is False, "the application alone is tried"
    assert (effect.status, effect.applications) == ("ran", 1)
    give_result(effect.pk, "bearable", reason="by hand", system=True)
    assert (ended(effect), state(made), needs_attention(made)) == ("applied", "answered", False)


def broken_constraint() -> None:
    EffectHold.objects.bulk_create(EffectHold(name="twice", reason="", at=timezone.now()) for _ in range(2))


def own_bug() -> None:
    raise KeyError("secret")


def too_slow() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 20")
        cursor.execute("SELECT pg_sleep(5)")


def lost_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


@contextmanager
def receiving(breaks: Callable[[], None]) -> Iterator[None]:
    """Have a receiver of the project's break in the transaction of each transition."""

    def receiver(**given: Any) -> None:
        breaks()

    signals.transition.connect(receiver, sender=jobs.name)
    try:
        yield
    finally:
        signals.transition.disconnect(receiver, sender=jobs.name)


def fails_in_the_application(breaks: Callable[[], None]) -> None:
    made, effect = asked("invoke_tried")
    with receiving(breaks):
        assert run(effect, returns("kept")) is False
        assert (effect.status, effect.applications, effect.needs_attention) == ("ran", 1, False)
        assert effect.due_at > timezone.now()
        Effect.objects.update(applications=APPLICATION.max_attempts - 1)
        make_due(effect)
        assert run(effect, dies) is False
        assert effect.needs_attention is True
    retry_effect(effect.pk, reason="mended", system=True)
    assert run(effect, dies) is True
    assert (ended(effect), effect.attempts, state(made)) == ("applied", 1, "answered")


@pytest.mark.parametrize("breaks", [broken_constraint, own_bug])
def test_whatever_fails_in_the_application_is_counted(breaks: Callable[[], None]) -> None:
    """A statement that the database refuses, or a bug of a receiver, is not tried for ever: somebody has to look."""
    fails_in_the_application(breaks)


def test_an_application_that_takes_too_long_is_counted_on_postgres() -> None:
    """A statement that runs into its time limit does so each time."""
    fails_in_the_application(too_slow)


def test_a_database_that_is_lost_uses_up_no_tries_on_postgres() -> None:
    """The result waits for the database, however long it takes."""
    made, effect = asked("invoke_tried")
    with receiving(lost_database), pytest.raises(OperationalError):
        run_effect(effect.pk, "default", function=returns("kept"))
    connection.close()
    effect.refresh_from_db()
    assert (effect.status, effect.applications, effect.error) == ("ran", 0, "")
    make_due(effect)
    assert run(effect, dies) is True
    assert (ended(effect), state(made)) == ("applied", "answered")


def test_what_fails_after_the_commit_is_not_taken_for_the_application() -> None:
    """A hook of the project's that fails leaves the effect applied, and its error is raised as it is."""
    made, effect = asked("invoke_tried")
    with receiving(lambda: transaction.on_commit(own_bug)), pytest.raises(KeyError):
        run_effect(effect.pk, "default", function=returns("kept"))
    assert (ended(effect), effect.applications, state(made)) == ("applied", 0, "answered")


def unheard() -> tuple[MachineInstance, Effect]:
    """Return an effect that failed for good, in a state that does not handle it."""
    made, effect = asked("invoke_unheard")
    run(effect, raises(ValueError("no")))
    assert (effect.status, effect.failure, effect.needs_attention) == ("ran", True, True)
    assert (state(made), made.sequence) == ("unheard", 2), "nothing happened to the machine"
    return made, effect


def test_an_operator_retries_what_needs_attention() -> None:
    """With all its tries anew, under its old key, counting on."""
    made, effect = unheard()
    key = effect.key
    retry_effect(effect.pk, reason="it is up again", actor=Actor("user", "7"), using="default")
    effect.refresh_from_db()
    assert (effect.status, effect.result, effect.needs_attention) == ("waiting", None, False)
    calls: list[EffectCall] = []

    def works(data: Any, call: EffectCall) -> str:
        calls.append(call)
        return "done"

    assert run(effect, works) is True
    assert (calls[0].idempotency_key, calls[0].attempt) == (str(key), 2)
    assert (ended(effect), state(made), needs_attention(made)) == ("applied", "answered", False)


def test_an_operator_skips_what_needs_attention() -> None:
    """It ends as skipped; the state that waits stays, until somebody sends an event or forces it."""
    made, effect = unheard()
    skip_effect(effect.pk, reason="done by phone", system=True)
    assert (ended(effect), state(made), needs_attention(made)) == ("skipped", "unheard", False)
    with pytest.raises(OperationRefused, match="cannot be tried again"):
        retry_effect(effect.pk, reason="too late", system=True)


def test_an_operator_gives_the_result_that_was_missing() -> None:
    """The machine goes on with it as with the effect's own."""
    made, effect = unheard()
    assert give_result(effect.pk, "by phone", reason="asked them", system=True) is True
    made.refresh_from_db()
    assert (ended(effect), made.state, made.data["answer"]) == ("applied", "answered", "by phone")


def test_leaving_the_state_while_it_runs_cancels_it() -> None:
    """The running function sees `cancelled`, `heartbeat` says no; its result is recorded and ignored."""
    made, effect = asked("invoke_tried")
    seen = []

    def slow(data: Any, call: EffectCall) -> str:
        seen.append((call.cancelled, call.heartbeat()))
        made.send("stop", system=True)
        seen.append((call.cancelled, call.heartbeat()))
        return "too late"

    assert run(effect, slow) is False
    assert seen == [(False, True), (True, False)]
    assert (ended(effect), effect.result, state(made), made.entries.count()) == ("ignored", "too late", "idle", 3)


def test_a_cancelled_effect_that_fails_is_cancelled() -> None:
    """Nobody tries again what nobody wants."""
    made, effect = asked("invoke_tried")

    def stopped(data: Any, call: EffectCall) -> str:
        made.send("stop", system=True)
        raise OSError("interrupted")

    assert run(effect, stopped) is False
    assert (ended(effect), "interrupted" in effect.error, state(made)) == ("cancelled", True, "idle")


def test_a_cancelled_effect_whose_worker_died_is_cancelled() -> None:
    """After its lease it ends, and is not run again."""
    made, effect = asked("invoke_tried")
    with pytest.raises(Died):
        run(effect, dies)
    made.send("stop", system=True)
    effect.refresh_from_db()
    assert effect.status == "cancelling"
    make_due(effect)
    assert claimed() == [effect.pk]
    assert run(effect, dies) is False
    assert (ended(effect), effect.attempts) == ("cancelled", 1)


def test_a_result_that_waits_when_the_state_is_left_is_ignored() -> None:
    """Committed, not applied, and then unwanted: it ends as ignored, a failure as failed."""
    for function, status in ((returns("late"), "ignored"), (raises(ValueError("late")), "failed")):
        made, effect = asked("invoke_tried")
        with dying_at(faults.RESULT_COMMITTED):
            run(effect, function)
        made.send("stop", system=True)
        assert (ended(effect), state(made)) == (status, "idle")


def test_entering_again_asks_anew_and_an_old_result_does_not_count() -> None:
    """Results are matched by the effect that this entry asked for, not by the invocation's name alone."""
    made, first = asked("invoke_tried")

    def overtaken(data: Any, call: EffectCall) -> str:
        made.send("again", system=True)
        return "of the first entry"

    assert run(first, overtaken) is False
    second = Effect.objects.exclude(pk=first.pk).get()
    assert (ended(first), second.status, second.invocation, state(made)) == (
        "ignored",
        "waiting",
        first.invocation,
        "with_tried",
    )
    assert first.key != second.key
    assert run(second, returns("of the second")) is True
    made.refresh_from_db()
    assert made.data["answer"] == "of the second"


def test_what_is_left_in_the_step_that_entered_it_never_was() -> None:
    """A state that is passed in one step asks for nothing."""
    made, effect = asked("plain")
    made.send("pass", system=True)
    assert (state(made), list(Effect.objects.all())) == ("idle", [effect])


def test_an_instance_that_ends_leaves_nothing_open() -> None:
    """What its states invoked is cancelled; what its last transition asked for still runs."""
    made, invoked = asked("invoke_tried")
    made.send("end", system=True)
    assert (ended(invoked), state(made)) == ("cancelled", "ended")
    made, last = asked("say")
    assert (state(made), last.status) == ("ended", "waiting")
    assert run(last, returns("said")) is True
    assert ended(last) == "applied"


def test_cancelling_an_instance_stops_all_of_its_effects() -> None:
    """An operator's cancel stops what was asked for and not yet run, and what runs is told."""
    made, effect = asked("plain")

    def slow(data: Any, call: EffectCall) -> str:
        cancel(made, reason="a mistake", system=True)
        return "too late" if call.cancelled else "not told"

    run(effect, slow)
    assert (ended(effect), effect.result) == ("ignored", "too late")


def test_a_paused_instance_starts_nothing_and_keeps_results(handed: list[Any]) -> None:
    """While it is paused no effect starts, and a result that comes waits; resuming applies it."""
    made, effect = asked("invoke_tried")
    pause(made, reason="wait", system=True)
    assert (run(effect, dies), effect.status, claimed()) == (False, "waiting", [])
    resume(made, system=True)

    def slow(data: Any, call: EffectCall) -> str:
        pause(made, reason="wait", system=True)
        assert call.cancelled is False
        return "kept"

    assert run(effect, slow) is False
    assert (effect.status, effect.result, state(made)) == ("ran", "kept", "with_tried")
    make_due(effect)
    assert (claimed(), run(effect, dies)) == ([], False)
    resume(made, system=True)
    assert (ended(effect), state(made)) == ("applied", "answered")


def test_code_that_does_not_know_the_version_leaves_effects_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is the function run nor a result applied; code that knows the version does it later."""
    made, effect = asked("invoke_tried")
    other, ran = asked("invoke_tried")
    with dying_at(faults.RESULT_COMMITTED):
        run(ran, returns("kept"))
    make_due(ran)
    with monkeypatch.context() as patched:
        patched.setitem(registry._machines, "examples.jobs", {9: registry.find("jobs")})
        assert (run(effect, dies), effect.status, effect.attempts) == (False, "waiting", 0)
        assert (run(ran, dies), ran.status) == (False, "ran")
    make_due(ran)
    assert (run(effect, returns("done")), run(ran, dies)) == (True, True)
    assert (state(made), state(other)) == ("answered", "answered")


def test_a_result_waits_for_code_that_knows_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment between the run and the application leaves the result committed, and no error."""
    made, effect = asked("invoke_tried")
    known = registry.find("jobs")

    def deployed(data: Any, call: EffectCall) -> str:
        MachineInstance.objects.filter(pk=made.pk).update(version=9)
        return "kept"

    assert run(effect, deployed) is False
    assert (effect.status, effect.result, effect.needs_attention) == ("ran", "kept", False)
    make_due(effect)
    monkeypatch.setitem(registry._machines, "examples.jobs", {known.version: known, 9: known})
    assert run(effect, dies) is True
    assert (ended(effect), state(made)) == ("applied", "answered")


def test_the_selected_input_is_stored_and_given() -> None:
    """With `input=` only what is selected is stored with the row; the function gets it, typed."""
    _, effect = asked("single", account="b")
    assert (effect.input, effect.limit_key) == ({"account": "b"}, "b")
    seen = []
    run(effect, lambda given, call: seen.append(given) or given.account)
    assert seen == [Part("b")]


def test_the_call_says_what_it_is() -> None:
    """The call names its instance, its attempt, and a deadline where the effect has a timeout."""
    made, effect = asked("timed", key="seven")
    calls: list[EffectCall] = []

    def looks(data: Any, call: EffectCall) -> str:
        calls.append(call)
        return "seen"

    run(effect, looks)
    call = calls[0]
    assert (call.instance.pk, call.instance.machine, call.instance.key) == (made.pk, "examples.jobs", "seven")
    assert (call.idempotency_key, call.attempt) == (str(effect.key), 1)
    assert call.deadline is not None
    assert timedelta(seconds=25) < call.deadline - timezone.now() <= timedelta(seconds=30)
