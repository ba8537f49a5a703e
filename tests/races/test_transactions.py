"""The caller's own transaction, waits that end, and what the database asks to run again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError, connection, transaction
from django.test import TestCase

from statemachines import Actor
from statemachines.engine import create, idempotency, send
from statemachines.exceptions import EventRefused, InstanceBusy
from statemachines.models import IdempotencyRecord, MachineInstance, RefusedAttempt
from statemachines.signals import transition

from . import barrier
from .conftest import PROCESSES, Race, deadlocks, linear, total
from .machines import turns, writer
from .test_processes import RACER, sends

ROWS = ("transactionid", "tuple")
"""What a session waits for that waits for a row."""

LEVELS = pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
SHORT = timedelta(milliseconds=20)


def at(level: str) -> dict[str, Any]:
    return {"session": [f"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {level}"]}


def show(setting: str = "lock_timeout") -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {setting}")
        value: str = cursor.fetchone()[0]
        return value


def limit(value: str) -> None:
    """Set the host's own limit, for its transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [value])


@contextmanager
def held_by_another(race: Race, instance: MachineInstance) -> Iterator[None]:
    """Have a process hold an instance of `writer` until the block ends."""
    with barrier.closed():
        race.players[0].call(**sends(instance, "wait", waits=False))
        barrier.until_waiting(1)
        yield
    race.players[0].answer()


@pytest.fixture
def pair(race: Race, ann: Actor) -> tuple[MachineInstance, MachineInstance]:
    return create(turns.machine, "one", actor=ann), create(turns.machine, "two", actor=ann)


def drive_two(one: MachineInstance, two: MachineInstance, ann: Actor) -> None:
    """Drive one instance, be refused the second, and go on."""
    send(one, "flip", actor=ann)
    with pytest.raises(RuntimeError, match=r"may not drive .* \(transaction.on_commit\), or from an @effect"):
        send(two, "flip", actor=ann)
    send(one, "flop", actor=ann)
    Group.objects.create(name=f"written with {one.key} at {one.sequence}")


def states(*instances: MachineInstance) -> list[int]:
    return [len(linear(instance)) for instance in instances]


def test_a_second_instance_in_a_callers_transaction_is_refused(pair: Any, ann: Actor) -> None:
    """A caller's transaction drives one instance; the second is refused with advice, and the rest commits."""
    with transaction.atomic():
        drive_two(*pair, ann)
    assert (states(*pair), Group.objects.count()) == ([3, 1], 1)
    transaction.atomic(drive_two)(*reversed(pair), ann)  # the decorator
    assert states(*pair) == [3, 3]
    with transaction.atomic(), transaction.atomic():
        drive_two(*pair, ann)
    assert states(*pair) == [5, 3]


def test_one_after_another_without_a_transaction_is_no_matter(pair: Any, ann: Actor) -> None:
    """Where each send is a transaction of its own, one instance after another may be driven."""
    for instance in pair * 2:
        send(instance, "tick", actor=ann)
    assert states(*pair) == [3, 3]


class TestInsideATestCase(TestCase):
    """The transactions that Django's TestCase opens around a test are not the caller's."""

    def test_only_the_tests_own_transactions_count(self) -> None:
        ann = Actor("user", "7")
        one, two = (create(turns.machine, actor=ann) for _ in range(2))
        for instance in (one, two):
            send(instance, "tick", actor=ann)
        for pair in ((one, two), (two, one)):
            with transaction.atomic():
                drive_two(*pair, ann)
        assert states(one, two) == [4, 4]


def test_a_refusal_that_is_caught_leaves_the_callers_transaction_usable(pair: Any, ann: Actor) -> None:
    """A refused event takes nothing from the caller's transaction, and does not count as driving its instance."""
    one, two = pair
    with transaction.atomic():
        with pytest.raises(EventRefused):
            send(one, "flop", actor=ann)
        send(two, "flip", actor=ann)
        with pytest.raises(EventRefused):
            send(two, "flip", actor=ann)
        Group.objects.create(name="written")
    assert (states(*pair), Group.objects.count(), RefusedAttempt.objects.count()) == ([1, 2], 1, 2)


def test_a_lock_lasts_until_the_callers_commit(race: Race, pair: Any, ann: Actor) -> None:
    """Who sends meanwhile waits as long as asked, is told that the instance is busy, and gets it after the commit."""
    call = sends(pair[0], "tick", waits=False, lock_timeout=SHORT.total_seconds())
    with transaction.atomic():
        send(pair[0], "tick", actor=ann)
        race.players[0].call(**call)
        assert total([race.players[0].answer()]) == {"InstanceBusy": 1}
    race.players[0].call(**call)
    assert total([race.players[0].answer()]) == {"accepted": 1}
    assert states(*pair) == [3, 1]


@pytest.mark.parametrize("store", ["orm", "postgres"])
def test_a_lock_timeout_is_for_one_send(race: Race, ann: Actor, settings: Any, store: str) -> None:
    """The host's own limit is what it was, after a success as after a busy instance, in a transaction or without."""
    settings.STATEMACHINES = {**settings.STATEMACHINES, "STORE": store}
    taken, free = create(writer.machine, actor=ann), create(writer.machine, actor=ann)
    before = show()
    with held_by_another(race, taken):
        with pytest.raises(InstanceBusy):
            send(taken, "rename", actor=ann, lock_timeout=SHORT)
        assert show() == before
        with transaction.atomic():
            limit("7s")
            with pytest.raises(InstanceBusy):
                send(taken, "rename", actor=ann, lock_timeout=SHORT)
            assert show() == "7s"
            send(free, "rename", actor=ann, lock_timeout=SHORT)
            assert show() == "7s"
        assert show() == before
    assert states(taken, free) == [2, 2]


def test_rows_that_refer_to_an_instance_do_not_wait_for_it(race: Race, ann: Actor) -> None:
    """A foreign key to an instance that somebody drives is written at once."""
    made = create(writer.machine, actor=ann)
    with held_by_another(race, made), transaction.atomic():
        limit("100ms")
        made.refusals.create(event="e", code="c", first_at=made.created_at, last_at=made.created_at)


@LEVELS
def test_a_serialization_failure_is_run_again(race: Race, pair: Any, ann: Actor, level: str) -> None:
    """Two conflicting sends both succeed at a stricter isolation level: the loser's transaction is run again."""
    with transaction.atomic():
        send(pair[0], "tick", actor=ann)
        race.players[0].call(**sends(pair[0], "tick", waits=False), **at(level))
        barrier.until_waiting(1, ROWS)
    answer = race.players[0].answer()
    assert (answer["outcomes"], answer["states"], answer["done"]) == ({"accepted": 1}, ["40001"], [3])
    assert states(*pair) == [3, 1]


@LEVELS
def test_stricter_levels_lose_nothing(race: Race, pair: Any, level: str) -> None:
    """Under load at a stricter level each event is accepted, refused, or told that the instance is busy: never half."""
    calls = [sends(pair[0], *["flip", "flop"] * 8, **at(level)) for _ in range(PROCESSES)]
    answers = race.run(*calls)
    linear(pair[0], answers)
    told = total(answers)
    assert told["accepted"] > 0
    assert told.keys() <= {"accepted", "EventRefused", "InstanceBusy"}
    assert sum(told.values()) == 16 * PROCESSES


@LEVELS
def test_one_request_is_done_once_at_stricter_levels_too(race: Race, pair: Any, level: str) -> None:
    """Idempotency holds where a rival's record cannot be seen before the transaction is run again."""
    call = sends(pair[0], "tick", idempotency_key="k", **at(level))
    told = total(race.run(*[call] * 3))
    assert told == {"accepted": 1, "replayed": 2}
    assert states(*pair) == [2, 1]


def test_a_deadlock_is_run_again_where_the_transaction_is_ours(race: Race, ann: Actor) -> None:
    """A send whose @action meets a caller that took the rows the other way round gives way, and succeeds after it."""
    made, before = create(writer.machine, actor=ann), deadlocks()
    Group.objects.create(name="contended")
    ours, theirs = race.players[:2]
    with barrier.closed():
        ours.call(**sends(made, "wait", waits=False, session=["SET deadlock_timeout = '10ms'"]))
        barrier.until_waiting(1)
        rename = {"scenario": "rename_first", "pk": made.pk, "event": "rename", "passes": False, "actor": RACER}
        theirs.call(**rename, waits=False, session=["SET deadlock_timeout = '60s'"])
        barrier.until_waiting(1, ROWS)
    answers = [ours.answer(), theirs.answer()]
    assert [(answer["done"], answer["states"]) for answer in answers] == [([3], ["40P01"]), ([2], [])]
    linear(made, answers)
    assert deadlocks() - before == 1


def test_a_deadlock_in_a_callers_transaction_is_a_busy_instance(race: Race, ann: Actor) -> None:
    """Where the caller's transaction is the one to give way it is told so, and decides itself; the other succeeds."""
    made, before = create(writer.machine, actor=ann), deadlocks()
    Group.objects.create(name="contended")
    ours, theirs = race.players[:2]
    with barrier.closed():
        rename = {"scenario": "rename_first", "pk": made.pk, "event": "rename", "passes": True, "actor": RACER}
        theirs.call(**rename, waits=False, session=["SET deadlock_timeout = '10ms'"])
        barrier.until_waiting(1)
        ours.call(**sends(made, "rename", waits=False, session=["SET deadlock_timeout = '60s'"]))
        barrier.until_waiting(1, ROWS)
    answers = [ours.answer(), theirs.answer()]
    assert [answer["outcomes"] for answer in answers] == [{"accepted": 1}, {"InstanceBusy": 1}]
    assert answers[1]["states"] == ["40P01"]
    linear(made, answers)
    assert deadlocks() - before == 1


def test_a_receiver_in_the_transaction_drives_no_second_instance(pair: Any, ann: Actor) -> None:
    """Nothing holds two instances at once, no receiver of `transition` either: all rolls back."""

    def drives_the_other(entry: Any, **given: Any) -> None:
        if entry.instance_pk == pair[0].pk:
            send(pair[1], "tick", actor=ann)

    transition.connect(drives_the_other)
    try:
        with pytest.raises(RuntimeError, match="may not drive"):
            send(pair[0], "tick", actor=ann)
    finally:
        transition.disconnect(drives_the_other)
    assert states(*pair) == [1, 1]


@pytest.mark.parametrize("error", [InstanceBusy(again=True), OperationalError("database is locked")])
def test_what_fails_after_the_commit_does_not_run_the_transaction_again(pair: Any, ann: Actor, error: Any) -> None:
    """A commit hook of the project's own that meets a busy instance fails as itself: the event stays done, once."""

    def hook() -> None:
        raise error

    def later(**given: Any) -> None:
        transaction.on_commit(hook)

    transition.connect(later)
    try:
        with pytest.raises(type(error)) as raised:
            send(pair[0], "tick", actor=ann)
    finally:
        transition.disconnect(later)
    assert raised.value is error
    assert states(*pair) == [2, 1]


def test_an_answer_of_a_rival_at_the_same_microsecond_is_not_ours(race: Race) -> None:
    """Whether a record is one's own is told by what it answers, not by when."""
    made = create(turns.machine, system=True)
    request = idempotency.Request(Actor(*RACER), "create", "races.turns", "k", {})
    idempotency.keep(request, {"instance": 1}, made.created_at, "default")
    with pytest.raises(idempotency.Taken):
        idempotency.keep(request, {"instance": 2}, made.created_at, "default")
    assert IdempotencyRecord.objects.get().answer == {"instance": 1}
