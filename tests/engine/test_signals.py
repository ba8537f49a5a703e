"""Signals: inside the transaction, and after the commit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from statemachines.core.events import Actor
from statemachines.engine import acreate, aforce, asend, create
from statemachines.models import MachineInstance
from statemachines.signals import Announced, transition, transitioned
from tests.examples.machines import Open, door

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("any_store", "handed")]


@pytest.fixture
def heard() -> Iterator[list[tuple[str, Announced]]]:
    """What receivers of the door's signals heard, in order."""
    taken: list[tuple[str, Announced]] = []

    def inside(sender: str, entry: Announced, **given: Any) -> None:
        taken.append(("inside", entry))

    def after(sender: str, entry: Announced, **given: Any) -> None:
        taken.append(("after", entry))

    name = "".join(["examples", ".door"])  # as it is written in a project: equal to the sender, another object
    transition.connect(inside, sender=name)
    transitioned.connect(after, sender=name)
    yield taken
    transition.disconnect(inside, sender=name)
    transitioned.disconnect(after, sender=name)


def test_each_entry_is_announced_inside_and_after(heard: list[tuple[str, Announced]], ann: Actor) -> None:
    """With machine, instance, sequence, event, from, to, status and actor."""
    made = create(door.machine, actor=ann)
    made.send(Open(), actor=ann)
    assert [(when, entry.event) for when, entry in heard] == [
        ("inside", "xstate.init"),
        ("after", "xstate.init"),
        ("inside", "open"),
        ("after", "open"),
    ]
    assert heard[-1][1] == Announced("examples.door", made.pk, 2, "open", ("closed",), ("opened",), "active", ann)


def test_a_receiver_inside_can_stop_it(ann: Actor) -> None:
    """An exception inside the transaction rolls all back."""
    made = create(door.machine, actor=ann)

    def stop(**given: Any) -> None:
        raise ZeroDivisionError

    transition.connect(stop, sender=door.name)
    try:
        with pytest.raises(ZeroDivisionError):
            made.send(Open(), actor=ann)
    finally:
        transition.disconnect(stop, sender=door.name)
    made.refresh_from_db()
    assert (made.state, made.entries.count()) == ("closed", 1)


def test_a_receiver_after_the_commit_undoes_nothing(ann: Actor) -> None:
    """An exception after the commit is logged; the event stays, and the caller gets its answer."""
    made = create(door.machine, actor=ann)

    def fail(**given: Any) -> None:
        raise ZeroDivisionError

    transitioned.connect(fail, sender=door.name)
    try:
        made.send(Open(), actor=ann)
    finally:
        transitioned.disconnect(fail, sender=door.name)
    made.refresh_from_db()
    assert made.state == "opened"


def test_the_verbs_can_be_awaited(ann: Actor) -> None:
    """`acreate`, `asend` and `aforce` do in async code what their twins do."""

    async def drive() -> MachineInstance:
        made = await acreate(door.machine, actor=ann)
        await asend(made, Open(), actor=ann)
        sent = await aforce(made, "locked", reason="r", actor=ann)
        return sent.instance

    made = async_to_sync(drive)()
    made.refresh_from_db()
    assert (made.state, made.sequence) == ("locked", 3)
