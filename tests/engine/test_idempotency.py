"""Idempotency keys: the same request, sent again, is answered as before and done once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from statemachines import Occurrence
from statemachines.core.events import Actor
from statemachines.engine import create, send
from statemachines.engine.sweep import sweep
from statemachines.exceptions import EventRefused, IdempotencyConflict, InstanceExists
from statemachines.models import IdempotencyRecord, MachineInstance
from tests.examples.machines import Close, DoorData, Lock, Open, door

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("any_store", "handed")]


def test_the_same_event_is_done_once(ann: Actor) -> None:
    """The second time the answer is that of the first, marked, although the state would refuse it now."""
    made = create(door.machine, actor=ann)
    first = send(made, Open(), actor=ann, idempotency_key="k")
    again = send(made, Open(), actor=ann, idempotency_key="k")
    assert (first.replayed, again.replayed) == (False, True)
    assert (first.sequence, again.sequence, again.step) == (2, 2, None)
    assert (again.instance.state, made.entries.count()) == ("opened", 2)
    assert send(made, Occurrence("open", {"code": ""}), actor=ann, idempotency_key="k").replayed, "the same body"


def test_another_body_under_the_key_is_an_error(ann: Actor) -> None:
    """A key stands for one request."""
    made = create(door.machine, actor=ann)
    send(made, Open(), actor=ann, idempotency_key="k")
    with pytest.raises(IdempotencyConflict, match="'k' was used for another request"):
        send(made, Close(), actor=ann, idempotency_key="k")
    assert made.entries.count() == 2


def test_keys_are_apart_by_actor_and_target(ann: Actor) -> None:
    """Somebody else's key, or the key at another instance, is another request."""
    first, second = create(door.machine, actor=ann), create(door.machine, actor=ann)
    send(first, Open(), actor=ann, idempotency_key="k")
    assert not send(second, Open(), actor=ann, idempotency_key="k").replayed
    with pytest.raises(EventRefused):
        send(first, Open(), actor=Actor("user", "8"), idempotency_key="k")


def test_a_refusal_is_not_kept(ann: Actor) -> None:
    """A request that was refused may be sent again, when it is possible."""
    made = create(door.machine, actor=ann)
    with pytest.raises(EventRefused):
        send(made, Close(), actor=ann, idempotency_key="k")
    assert not IdempotencyRecord.objects.exists()
    send(made, Open(), actor=ann)
    assert not send(made, Close(), actor=ann, idempotency_key="k").replayed


def test_the_same_creation_creates_once(ann: Actor) -> None:
    """Also without a key of the instance; with one, only the same request gets the instance."""
    made = create(door.machine, data=DoorData(opened=1), actor=ann, idempotency_key="k")
    assert create(door.machine, data=DoorData(opened=1), actor=ann, idempotency_key="k").pk == made.pk
    with pytest.raises(IdempotencyConflict):
        create(door.machine, data=DoorData(opened=2), actor=ann, idempotency_key="k")
    named = create(door.machine, "front", actor=ann, idempotency_key="l")
    assert create(door.machine, "front", actor=ann, idempotency_key="l").pk == named.pk
    with pytest.raises(InstanceExists):
        create(door.machine, "front", actor=ann, idempotency_key="m")
    assert MachineInstance.objects.count() == 2


def test_records_are_kept_for_a_while(ann: Actor) -> None:
    """The sweep deletes what is older than the setting says."""
    made = create(door.machine, actor=ann)
    send(made, Lock(code="1"), actor=ann, idempotency_key="old")
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(days=2))
    send(made, Open(code="1"), actor=ann, idempotency_key="new")
    sweep("default")
    assert list(IdempotencyRecord.objects.values_list("key", flat=True)) == ["new"]
