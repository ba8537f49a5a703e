"""Timers: durable, never early, never after their state was left."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from statemachines import signals
from statemachines.core.errors import MachineError
from statemachines.core.events import Actor
from statemachines.engine import (
    cancel_timer,
    create,
    fire_timer_now,
    hold,
    pause,
    postpone_timer,
    release,
)
from statemachines.engine.dispatch import LATE_SWEEP, LONGEST, TIMERS_AT_ONCE, TOGETHER, together
from statemachines.engine.outbox import APPLICATION
from statemachines.engine.sweep import MOST_OUT, claim, sweep
from statemachines.engine.timers import fire_timer, fire_timers
from statemachines.models import MachineInstance, Timer
from tests.examples.machines import Go, NoteData, Stop, notes
from tests.examples.timed import Log, acting, timed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("any_store", "handed")]


def waiting(seconds: float) -> MachineInstance:
    made = create(notes.machine, data=NoteData(seconds=seconds), system=True)
    made.send("wait", system=True)
    return made


def make_due() -> None:
    Timer.objects.update(due_at=timezone.now() - timedelta(milliseconds=1))


def test_a_timer_is_set_with_the_transition(ann: Actor) -> None:
    """Its due time is absolute: the transition's time plus the delay that the data gave."""
    made = waiting(3600)
    timer = made.timers.get()
    assert timer.due_at == made.entries.get(sequence=2).at + timedelta(hours=1)
    assert (timer.event, timer.state, timer.armed) == ("xstate.after.some_seconds.notes.waiting", "waiting", 2)


def test_a_timer_is_never_early() -> None:
    """Whoever delivers it too soon, it waits."""
    made = waiting(3600)
    assert fire_timer(made.timers.get().pk, "default") is False
    made.refresh_from_db()
    assert made.state == "waiting"


def test_a_due_timer_fires_once() -> None:
    """The first delivery moves the instance and takes the timer away; a second does nothing."""
    made = waiting(3600)
    make_due()
    pk = made.timers.get().pk
    assert (fire_timer(pk, "default"), fire_timer(pk, "default")) == (True, False)
    made.refresh_from_db()
    entry = made.entries.last()
    assert (made.state, made.sequence, Timer.objects.count()) == ("rang", 3, 0)
    assert entry is not None
    assert (entry.event, entry.actor_kind, entry.origin) == (
        "xstate.after.some_seconds.notes.waiting",
        "timer",
        "timer",
    )


def test_leaving_the_state_cancels_its_timer(ann: Actor) -> None:
    """A timer never fires after its state was left, even where its task is on the way."""
    made = waiting(0)
    pk = made.timers.get().pk
    made.send(Stop(), actor=ann)
    assert fire_timer(pk, "default") is False
    made.refresh_from_db()
    assert made.state == "idle"


def test_entering_again_starts_the_timer_anew(ann: Actor) -> None:
    """One row per timer: arming it again moves its due time, and a late delivery of the old one is too early."""
    made = waiting(3600)
    first = made.timers.get()
    Timer.objects.update(due_at=timezone.now() - timedelta(seconds=1), handed_until=timezone.now())
    made.send(Go(), actor=ann)
    second = made.timers.get()
    assert second.due_at > first.due_at
    assert (second.armed, second.handed_until) == (3, None)
    assert fire_timer(first.pk, "default") is False
    assert fire_timer(second.pk, "default") is False


def test_a_timer_that_nothing_takes_is_consumed() -> None:
    """A timer whose event selects nothing is gone, and leaves no entry."""
    made = waiting(3600)
    Timer.objects.update(event="xstate.after.1.nowhere", due_at=timezone.now() - timedelta(seconds=1))
    assert fire_timer(made.timers.get().pk, "default") is True
    made.refresh_from_db()
    assert (made.state, made.sequence, made.entries.count(), Timer.objects.count()) == ("waiting", 2, 2, 0)


def test_near_timers_are_handed_over_at_once(handed: list[Any]) -> None:
    """What is due before the next sweep goes to a worker after the commit; what is later waits for the sweep."""
    waiting(3600)
    assert handed == []
    near = waiting(0.5)
    assert handed == [("timer", near.timers.get().pk)]


def test_a_timer_is_handed_over_in_time_where_the_next_sweep_is_late(handed: list[Any]) -> None:
    """After the commit, and by a sweep, goes what is due in an interval and `LATE_SWEEP`; what is due later stays."""
    near = 1 + LATE_SWEEP.total_seconds()
    for seconds in (near, near + 60):
        waiting(seconds)
    first = Timer.objects.earliest("due_at")
    assert handed == [("timer", first.pk)]
    assert claim("default").timers == [(first.pk, first.due_at)]


def test_the_sweep_claims_due_timers_once(handed: list[Any]) -> None:
    """A batch is claimed and committed before it is handed over; another sweep finds nothing until the claim is old."""
    made = waiting(3600)
    make_due()
    timer = made.timers.get()
    assert sweep("default").timers == 1
    assert handed == [("timer", timer.pk)]
    assert claim("default").timers == []
    Timer.objects.update(handed_until=timezone.now() - timedelta(seconds=1))
    assert claim("default").timers == [(timer.pk, timer.due_at)]


def test_an_ended_instance_has_no_timers(ann: Actor) -> None:
    """Reaching the end takes every timer away, delayed sends included."""
    made = create("examples.sender", system=True)
    made.send("start", actor=ann)
    assert made.timers.get().name == "later"
    make_due()
    assert fire_timer(made.timers.get().pk, "default") is True
    made.refresh_from_db()
    assert (made.state, made.data["seen"]) == ("d", ["one", "late"])


def made(event: str, **data: Any) -> MachineInstance:
    """An instance whose timers that event has set."""
    one = create(timed.machine, data=Log(**data), system=True)
    one.send(event, system=True)
    return one


def overdue() -> list[int]:
    """Make every timer due, in the order of its due times; return them in that order."""
    rows = list(Timer.objects.order_by("due_at", "pk"))
    for number, row in enumerate(rows):
        Timer.objects.filter(pk=row.pk).update(due_at=timezone.now() - timedelta(seconds=len(rows) - number))
    return [row.pk for row in rows]


def seen(instance: MachineInstance) -> list[str]:
    instance.refresh_from_db()
    return list(instance.data["seen"])


def test_timers_due_together_fire_in_one_batch() -> None:
    """Each instance moves once, with an entry of its own, whatever the number."""
    many = [made("one") for _ in range(12)]
    assert fire_timers(overdue(), "default") == 12
    assert [seen(one) for one in many] == [["first"]] * 12
    assert {one.entries.count() for one in many} == {3}
    assert not Timer.objects.exists()


def test_two_timers_of_one_instance_fire_in_their_order() -> None:
    """In a batch too, the one that is due first comes first, each a macrostep of its own."""
    one = made("two")
    assert fire_timers(overdue()[::-1], "default") == 2
    assert seen(one) == ["first", "second"]
    assert list(one.entries.values_list("sequence", "event"))[2:] == [(3, "first"), (4, "second")]


def test_an_earlier_timer_of_the_batch_cancels_a_later_one() -> None:
    """What it cancels never fires, though it was due as well."""
    one = made("cancels")
    assert fire_timers(overdue(), "default") == 1
    assert (seen(one), Timer.objects.count()) == (["stop"], 0)


def test_an_earlier_timer_of_the_batch_replaces_a_later_one() -> None:
    """What it sets anew waits for its new time: the old one, though due, is dead."""
    one = made("replaces")
    assert fire_timers(overdue(), "default") == 1
    timer = one.timers.get()
    assert (seen(one), timer.name, timer.armed) == (["again"], "second", 3)
    assert timer.due_at > timezone.now() + timedelta(minutes=59)


def test_an_earlier_timer_of_the_batch_ends_the_instance() -> None:
    """After the end nothing fires, and nothing is left."""
    one = made("ends")
    assert fire_timers(overdue(), "default") == 1
    one.refresh_from_db()
    assert (one.state, one.status, Timer.objects.count()) == ("over", "done", 0)


def test_a_poisoned_instance_does_not_hold_up_its_batch() -> None:
    """The others fire; it is tried again after a while, its error kept."""
    good, bad, last = made("one"), made("bad"), made("one")
    assert fire_timers(overdue(), "default") == 2
    assert (seen(good), seen(bad), seen(last)) == (["first"], [], ["first"])
    timer = bad.timers.get()
    assert (timer.attempts, timer.needs_attention) == (1, False)
    assert "ZeroDivisionError" in timer.error
    assert timer.handed_until is not None
    assert timer.handed_until > timezone.now()


def test_a_fact_that_breaks_the_transaction_does_not_hold_up_its_batch() -> None:
    """A failing statement aborts the transaction: each is fired by itself then, and that one is noted."""
    good, bad, last = made("one"), made("sql"), made("one")
    assert fire_timers(overdue(), "default") == 2
    assert (seen(good), seen(bad), seen(last)) == (["first"], [], ["first"])
    assert (bad.timers.get().attempts, "no_such_column" in bad.timers.get().error) == (1, True)


def test_a_paused_instance_is_left_out_of_the_batch() -> None:
    """Its timer stays as it is, until it is resumed."""
    good, asleep = made("one"), made("one")
    pause(asleep, reason="wait", system=True)
    assert fire_timers(overdue(), "default") == 1
    assert (seen(good), seen(asleep), asleep.timers.get().attempts) == (["first"], [], 0)


def test_an_instance_of_an_unknown_version_is_left_to_who_knows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no failure: the timer is handed over again soon, to a worker with other code."""
    good, strange = made("one"), made("one")
    MachineInstance.objects.filter(pk=strange.pk).update(version=99)
    assert fire_timers(overdue(), "default") == 1
    timer = strange.timers.get()
    assert (seen(good), timer.attempts, timer.needs_attention) == (["first"], 0, False)
    assert timer.handed_until is not None


def test_an_action_gets_a_transaction_of_its_own() -> None:
    """What a machine writes by an @action in a batch is written once, with its transition."""
    first, good = create(acting.machine, data=Log(), system=True), made("one")
    assert fire_timers(overdue(), "default") == 2
    first.refresh_from_db()
    assert (first.state, seen(good), Group.objects.count()) == ("acted", ["first"], 1)


def test_a_receiver_that_raises_is_a_failure_of_its_instance_alone() -> None:
    """A receiver of `transition` is asked for each instance by itself; what it refuses is tried again."""
    good, bad = made("one"), made("one")

    def receive(sender: str, entry: Any, **given: Any) -> None:
        if entry.instance_pk == bad.pk:
            raise ValueError("not that one")

    pks = overdue()
    signals.transition.connect(receive, sender=timed.name)
    try:
        assert fire_timers(pks, "default") == 1
    finally:
        signals.transition.disconnect(receive, sender=timed.name)
    assert (seen(good), seen(bad)) == (["first"], [])
    assert (bad.timers.get().attempts, "not that one" in bad.timers.get().error) == (1, True)


def test_a_database_that_is_lost_uses_up_no_tries_of_a_timer_on_postgres() -> None:
    """The timer waits for the database, however long it takes."""
    one = waiting(3600)
    make_due()

    def receiver(**given: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    signals.transition.connect(receiver, sender=notes.name)
    try:
        with pytest.raises(OperationalError):
            fire_timer(Timer.objects.get().pk, "default")
    finally:
        signals.transition.disconnect(receiver, sender=notes.name)
    connection.close()
    assert (Timer.objects.get().attempts, Timer.objects.get().error) == (0, "")
    assert fire_timer(Timer.objects.get().pk, "default") is True
    assert one.entries.count() == 3


def test_what_fails_for_good_needs_attention_and_is_never_dropped() -> None:
    """Tried again with growing waits, then left by the sweep; an operator's word fires it, or has it tried anew."""
    bad = made("bad")
    [pk] = overdue()
    waits = []
    for _ in range(APPLICATION.max_attempts):
        assert fire_timers([pk], "default") == 0
        timer = bad.timers.get()
        assert timer.handed_until is not None
        waits.append(timer.handed_until - timezone.now())
    assert waits[5] > waits[0] * 4
    assert (timer.attempts, timer.needs_attention) == (APPLICATION.max_attempts, True)
    Timer.objects.update(handed_until=None)
    assert claim("default").timers == []
    assert fire_timers([pk], "default") == 0
    assert timer.attempts == bad.timers.get().attempts
    assert list(MachineInstance.objects.needing_attention()) == [bad]
    with pytest.raises(MachineError):
        fire_timer_now(pk, reason="try", system=True)
    assert bad.timers.get().needs_attention is True
    postpone_timer(pk, timezone.now(), reason="repaired", system=True)
    assert (bad.timers.get().needs_attention, bad.timers.get().attempts) == (False, 0)
    assert [one for one, _ in claim("default").timers] == [pk]


def test_a_timer_set_anew_is_not_blamed_for_the_old_one() -> None:
    """Arming it again begins its count anew."""
    bad = made("bad")
    fire_timers(overdue(), "default")
    assert bad.timers.get().attempts == 1
    bad.send("bad", system=True)
    timer = bad.timers.get()
    assert (timer.attempts, timer.error, timer.handed_until, timer.armed) == (0, "", None, 3)


def test_everything_held_fires_nothing() -> None:
    """Neither the sweep nor a message that is on its way; after the release all go on."""
    one = made("one")
    pks = overdue()
    hold("*", reason="a backup was restored", system=True)
    assert (fire_timers(pks, "default"), claim("default").timers) == (0, [])
    release("*")
    assert fire_timers(pks, "default") == 1
    assert seen(one) == ["first"]


def test_inside_a_callers_transaction_timers_fire_too() -> None:
    """One after another, each in a savepoint; a rollback takes everything back."""
    one = made("one")
    pks = overdue()
    with transaction.atomic():
        assert fire_timers(pks, "default") == 1
        transaction.set_rollback(True)
    assert (seen(one), one.timers.count()) == ([], 1)


def test_a_time_in_the_past_fires_at_once(handed: list[Any]) -> None:
    """A delay below zero is none: its timer is due with its transition, and handed over after the commit."""
    one = made("past")
    timer = one.timers.get()
    assert timer.due_at == one.entries.get(sequence=2).at
    assert handed == [("timer", timer.pk)]
    assert fire_timers([timer.pk], "default") == 1


def test_a_year_is_a_timer_like_any_other(handed: list[Any]) -> None:
    """365 days of 24 hours from the transition, in its row; nothing is handed over until it is near."""
    one = made("year")
    timer = one.timers.get()
    assert timer.due_at - one.entries.get(sequence=2).at == timedelta(days=365)
    assert (handed, claim("default").timers) == ([], [])


def test_fifty_milliseconds_are_waited_for() -> None:
    """A message that comes a little early waits in its worker, and fires when the time has come."""
    one = made("soon")
    timer = one.timers.get()
    assert fire_timers([timer.pk], "default") == 1
    assert one.entries.get(sequence=3).at >= timer.due_at


def test_a_message_that_is_much_too_early_is_handed_over_again(handed: list[Any]) -> None:
    """A worker whose clock is ahead neither fires it nor forgets it."""
    one = made("one")
    assert fire_timers([one.timers.get().pk], "default") == 0
    assert handed == [("timer", one.timers.get().pk)]


def test_timers_that_are_due_nearly_together_go_in_one_message() -> None:
    """What is due counts as due now; no gap is longer than TOGETHER, no message than LONGEST, and none has too many."""
    now = timezone.now()
    timers = [(1, now - timedelta(days=1)), (2, now), (3, now + TOGETHER), (4, now + TOGETHER * 2.5)]
    assert list(together(timers, now)) == [(now, [1, 2, 3]), (now + TOGETHER * 2.5, [4])]
    fits = LONGEST // TOGETHER + 1
    close = [(number, now + TOGETHER * number) for number in range(fits + 1)]
    assert list(together(close, now)) == [(now, list(range(fits))), (close[-1][1], [fits])]
    many = together([(pk, now) for pk in range(TIMERS_AT_ONCE * 2 + 50)], now)
    assert [len(pks) for _, pks in many] == [TIMERS_AT_ONCE, TIMERS_AT_ONCE, 50]


def test_a_worker_fires_a_message_of_timers_each_at_its_time() -> None:
    """It waits for the first, and from one to the next; none fires before it is due, or with the last."""
    many = [made("one") for _ in range(8)]
    begun = timezone.now() + TOGETHER
    for number, one in enumerate(many):
        one.timers.update(due_at=begun + TOGETHER * number)
    due = dict(Timer.objects.values_list("instance_id", "due_at"))
    assert fire_timers(list(Timer.objects.values_list("pk", flat=True)), "default") == 8
    fired = {one.pk: one.entries.get(sequence=3).at for one in many}
    assert all(fired[pk] >= due[pk] for pk in due)
    assert fired[many[0].pk] < due[many[-1].pk]


def test_three_hundred_timers_due_at_once_are_drained_in_batches(handed: list[Any], settings: Any) -> None:
    """Sweep after sweep hands over a batch, no more than workers can do meanwhile, each timer once."""
    settings.STATEMACHINES = {**settings.STATEMACHINES, "SWEEP_BATCH": 20}
    one = made("one")
    timer = one.timers.get()
    rows = [MachineInstance(**instance_fields(one), key=f"copy {number}") for number in range(299)]
    MachineInstance.objects.bulk_create(rows)
    copies = MachineInstance.objects.exclude(pk=one.pk)
    fields = {"name": timer.name, "event": timer.event, "due_at": timer.due_at, "armed": timer.armed}
    Timer.objects.bulk_create(Timer(instance=copy, **fields) for copy in copies)
    Timer.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert sweep("default").timers == 20 * MOST_OUT
    assert sweep("default").timers == 0, "the workers have enough before them"
    first = [pk for _, pk in handed]
    assert fire_timers(first, "default") == 200
    assert sweep("default").timers == 100
    assert fire_timers([pk for _, pk in handed[200:]], "default") == 100
    assert len({pk for _, pk in handed}) == 300
    assert set(MachineInstance.objects.values_list("sequence", flat=True)) == {3}


def test_what_workers_were_handed_ahead_of_time_is_before_them_too(settings: Any) -> None:
    """Sweeps look further ahead than to the next: two of them do not hand over more than workers may have."""
    settings.STATEMACHINES = {**settings.STATEMACHINES, "SWEEP_BATCH": 1, "SWEEP_INTERVAL_SECONDS": 60.0}
    for _ in range(MOST_OUT + 1):
        made("one")
    Timer.objects.filter(name="first").update(due_at=timezone.now() + timedelta(seconds=50))
    assert [sweep("default").timers for _ in range(2)] == [MOST_OUT, 0]


def instance_fields(one: MachineInstance) -> dict[str, Any]:
    left = {"id", "key"}
    return {field.name: getattr(one, field.name) for field in one._meta.fields if field.name not in left}


def test_many_that_fail_do_not_keep_the_rest_from_workers(settings: Any) -> None:
    """What waits for another try does not count as what workers have before them."""
    settings.STATEMACHINES = {**settings.STATEMACHINES, "SWEEP_BATCH": 1}
    for _ in range(MOST_OUT):
        made("bad")
    fire_timers(overdue(), "default")
    # However slow this machine is, the next try is still to come.
    assert Timer.objects.filter(attempts=1).update(handed_until=timezone.now() + timedelta(hours=1)) == MOST_OUT
    made("one")
    Timer.objects.filter(name="first").update(due_at=timezone.now())
    assert sweep("default").timers == 1


def test_invoked_effects_stop_when_the_machine_ends(ann: Actor) -> None:
    """What a state invoked is stopped at the end, as XState stops its children; what was only asked for goes on."""
    one = made("both")
    one.send("note", actor=ann)
    assert sorted(one.effects.values_list("invocation", "status")) == [("", "waiting"), ("job", "waiting")]
    one.send("close", actor=ann)
    assert (one.status, sorted(one.effects.values_list("invocation", "status"))) == (
        "done",
        [("", "waiting"), ("job", "cancelled")],
    )


def test_a_cancelled_timer_never_fires() -> None:
    """An operator's cancellation counts for a message that is on its way as well."""
    one = made("one")
    [pk] = overdue()
    cancel_timer(pk, reason="not wanted", system=True)
    assert (fire_timers([pk], "default"), seen(one)) == (0, [])
