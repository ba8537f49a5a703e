"""One change of many kinds, written three ways: by the ORM, by one statement, and together with others' by one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from statemachines.core.events import Actor
from statemachines.engine import create
from statemachines.engine.changes import Change, NewEffect, NewEntry, NewTimer
from statemachines.engine.postgres import PostgresStore
from statemachines.engine.store import OrmStore
from statemachines.engine.sweep import claim
from statemachines.engine.timers import fire_timers
from statemachines.models import Effect, HistoryEntry, MachineInstance, Timer
from tests.examples.timed import Log, timed

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=timezone.get_default_timezone())
NAMES = ["a", "b", "c d", "é"]
JSON = ["{}", '{"a": [1, 2.50, null, "x"]}', '{"a": "\\"quoted\\" \\\\ é {}"}', "[]"]
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)

entries = st.builds(
    NewEntry, sequence=st.just(0), event=texts, payload=st.sampled_from(JSON), facts=st.sampled_from(JSON),
    source=st.sampled_from(JSON), target=st.sampled_from(JSON), microsteps=st.sampled_from(JSON),
    patch=st.sampled_from(JSON), actor=st.builds(Actor, texts, texts, texts), origin=texts, reason=texts,
    version=st.integers(1, 9), at=st.just(NOW), duration_ms=st.floats(0, 1e6),
)  # fmt: skip
timers = st.builds(
    NewTimer, name=st.sampled_from(NAMES), event=texts, payload=st.sampled_from([None, *JSON]), state=texts,
    due_at=st.integers(-99, 99).map(lambda days: NOW + timedelta(days=days)), armed=st.integers(0, 9),
)  # fmt: skip
effects = st.builds(
    NewEffect, sequence=st.integers(0, 9), key=st.builds(uuid4), name=texts, invocation=st.sampled_from(["", *NAMES]),
    state=texts, version=st.integers(1, 9), input=st.sampled_from(JSON), limit_key=texts, due_at=st.just(NOW),
)  # fmt: skip


@st.composite
def changes(draw: st.DrawFn) -> Change:
    done = draw(st.booleans())
    set_timers = {} if done else {timer.name: timer for timer in draw(st.lists(timers, max_size=3))}
    return Change(
        pk=0, state=draw(texts), configuration=draw(st.sampled_from(JSON)), data=draw(st.sampled_from(JSON)),
        history_states=draw(st.sampled_from(JSON)), status="done" if done else "active",
        output=draw(st.sampled_from([None, *JSON])), sequence=draw(st.integers(2, 99)), version=1, at=NOW,
        entries=[replace(entry, sequence=100 + at) for at, entry in enumerate(draw(st.lists(entries, max_size=3)))],
        timers=set_timers, timers_gone=draw(st.sets(st.sampled_from(NAMES))) - set_timers.keys(), all_timers_gone=done,
        effects=draw(st.lists(effects, max_size=2)), stopped=draw(st.sets(st.sampled_from(NAMES))),
    )  # fmt: skip


def rows(model: Any) -> list[dict[str, Any]]:
    """Every row without its key, in an order that does not depend on it."""
    found = [{name: value for name, value in row.items() if name != "id"} for row in model.objects.values()]
    return sorted(found, key=repr)


def written(write: Callable[[list[Change]], object], given: list[Change]) -> list[Any]:
    """Write in a transaction that is rolled back; return what the tables had then."""
    with transaction.atomic():
        write(given)
        found = [rows(model) for model in (MachineInstance, HistoryEntry, Timer, Effect)]
        transaction.set_rollback(True)
    return found


@given(st.lists(changes(), min_size=3, max_size=3))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_three_write_the_same_rows(given: list[Change]) -> None:
    """Instances, history, timers set, replaced and gone, effects started and stopped in every status."""
    if not MachineInstance.objects.exists():
        prepare()
    pks = MachineInstance.objects.order_by("pk").values_list("pk", flat=True)
    listed = [replace(change, pk=pk) for change, pk in zip(given, pks, strict=True)]
    orm, single = OrmStore("default", connection), PostgresStore("default", connection)
    reference = written(lambda changes: [orm.write(change) for change in changes], listed)
    assert written(lambda changes: [single.write(change) for change in changes], listed) == reference
    assert written(single.write_all, listed) == reference
    assert written(orm.write_all, listed) == reference


def prepare() -> None:
    """Make three instances that have timers and effects of every status already."""
    for number in range(3):
        one = create(timed.machine, f"n{number}", data=Log(), system=True)
        one.send("one", system=True)
        for name in NAMES:
            Timer.objects.create(
                instance=one, name=name, event="old", due_at=NOW, armed=1, attempts=3, error="e", needs_attention=True,
                handed_until=NOW,
            )  # fmt: skip
        for status in Effect.Status.values:
            for failure in (False, True):
                Effect.objects.create(
                    instance=one, sequence=1, key=uuid4(), name="old", invocation=NAMES[number], version=1,
                    status=status, failure=failure, needs_attention=True, due_at=NOW, created_at=NOW,
                )  # fmt: skip


def test_both_stores_read_the_same_timers() -> None:
    """What is set, in its order, and whether everything is held."""
    prepare()
    Timer.objects.filter(name="a").update(needs_attention=False, due_at=NOW - timedelta(days=1), payload={"x": [1]})
    pks = list(Timer.objects.values_list("pk", flat=True))
    read = [store("default", connection).timers(pks) for store in (OrmStore, PostgresStore)]
    plain = [[replace(timer, now=NOW) for timer in found] for found in read]
    assert plain[0] == plain[1]
    assert [timer.name for timer in plain[0]] == ["a"] * 3 + ["first"] * 3


def test_a_locked_instance_is_passed_over_and_fired_by_itself_postgres(handed: list[Any]) -> None:
    """The batch does not wait for whoever holds it; its own try gives up soon, and the next sweep finds it."""
    free, locked = (create(timed.machine, data=Log(), system=True) for _ in range(2))
    for one in (free, locked):
        one.send("one", system=True)
    Timer.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    held, over = threading.Event(), threading.Event()

    def hold_it() -> None:
        with transaction.atomic():
            MachineInstance.objects.select_for_update().get(pk=locked.pk)
            held.set()
            over.wait(30)
        connection.close()

    thread = threading.Thread(target=hold_it)
    thread.start()
    try:
        assert held.wait(10)
        pks = [pk for pk, _ in claim("default").timers]
        assert (len(pks), fire_timers(pks, "default")) == (2, 1)
    finally:
        over.set()
        thread.join()
    timer = Timer.objects.get()
    assert (timer.instance_id, timer.attempts, timer.handed_until) == (locked.pk, 0, None)
    assert fire_timers(pks, "default") == 1


def test_two_sweeps_at_once_claim_different_timers_postgres(handed: list[Any]) -> None:
    """SKIP LOCKED: while one has not committed, the other takes what is left."""
    for _ in range(4):
        create(timed.machine, data=Log(), system=True).send("one", system=True)
    Timer.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    taken: list[list[int]] = []

    def other() -> None:
        taken.append([pk for pk, _ in claim("default", timers=4).timers])
        connection.close()

    with transaction.atomic():
        mine = [pk for pk, _ in claim("default", timers=2).timers]
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(20)
    assert (len(mine), len(taken[0]), len({*mine, *taken[0]})) == (2, 2, 4)
