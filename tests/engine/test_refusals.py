"""Refusals leave a trace, though what they refused rolled back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from statemachines.core.events import Actor
from statemachines.engine import create, send
from statemachines.exceptions import EventRefused, SequenceMismatch
from statemachines.models import MachineInstance, RefusedAttempt
from tests.examples.machines import Close, Open, door

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("any_store", "handed")]


def refuse(instance: MachineInstance, actor: Actor) -> None:
    with pytest.raises(EventRefused):
        instance.send(Close(), actor=actor)


def test_a_refusal_is_kept_with_who_and_why(ann: Actor) -> None:
    """Who tried what, why not, in a row of its own; the history has nothing of it."""
    made = create(door.machine, actor=ann)
    refuse(made, ann)
    attempt = made.refusals.get()
    assert (attempt.event, attempt.code, attempt.actor_label, attempt.origin) == (
        "close",
        "not_possible",
        "Ann",
        "python",
    )
    assert "does not take 'close'" in attempt.text
    assert made.entries.count() == 1


def test_refusals_of_a_kind_are_counted_not_heaped(ann: Actor) -> None:
    """Within a minute the same refusal of the same actor raises a count; another actor's, and a later one, is a row."""
    made = create(door.machine, actor=ann)
    for _ in range(3):
        refuse(made, ann)
    assert made.refusals.get().count == 3
    refuse(made, Actor("user", "8", "Bob"))
    RefusedAttempt.objects.update(first_at=timezone.now() - timedelta(minutes=2))
    refuse(made, ann)
    assert sorted(made.refusals.values_list("actor_label", "count")) == [("Ann", 1), ("Ann", 3), ("Bob", 1)]


def test_a_caught_refusal_leaves_the_callers_transaction_usable(ann: Actor) -> None:
    """The event is a savepoint of the caller's transaction: refused, it leaves that as it was, and the trace in it."""
    made = create(door.machine, actor=ann)
    with transaction.atomic():
        refuse(made, ann)
        made.send(Open(), actor=ann)
    made.refresh_from_db()
    assert (made.state, made.refusals.count()) == ("opened", 1)


def test_a_stale_writer_is_told(ann: Actor) -> None:
    """With the sequence that the caller saw, an event goes only to what the caller saw."""
    made = create(door.machine, actor=ann)
    made.send(Open(), actor=ann)
    with pytest.raises(SequenceMismatch, match="at sequence 2, not at 1") as stale:
        send(made, Close(), actor=ann, expected_sequence=1)
    assert (stale.value.expected, stale.value.actual) == (1, 2)
    assert send(made, Close(), actor=ann, expected_sequence=2).sequence == 3
