"""History: append-only, and exact as of any entry."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, models, transaction
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext

from statemachines.core.events import Actor
from statemachines.engine import create, force, send, snapshot_at
from statemachines.exceptions import EventRefused, HistoryIncomplete, InvalidValue, SequenceMismatch
from statemachines.models import Effect, HistoryEntry, MachineInstance, Timer
from tests.examples.machines import Close, DoorData, Lock, NoteData, Open, door, notes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("any_store", "handed")]


@pytest.fixture
def used(ann: Actor) -> MachineInstance:
    """A door that was opened, closed and locked."""
    made = create(door.machine, "front", actor=ann)
    for event in (Open(), Close(), Lock(code="7")):
        made.send(event, actor=ann)
    return made


def test_an_instance_can_be_read_as_of_any_entry(used: MachineInstance) -> None:
    """State and typed data are what they were."""
    was = [snapshot_at(used, sequence) for sequence in (1, 2, 3, 4)]
    assert [snapshot.configuration for snapshot in was] == [("closed",), ("opened",), ("closed",), ("locked",)]
    assert [snapshot.data for snapshot in was] == [
        DoorData(),
        DoorData(opened=1),
        DoorData(opened=1),
        DoorData(opened=1, code="7"),
    ]
    assert was[-1] == used.snapshot()
    with pytest.raises(HistoryEntry.DoesNotExist):
        snapshot_at(used, 5)


def test_untyped_data_history_states_and_the_end_are_read_exactly(ann: Actor) -> None:
    """Fields that went away, recorded history states, status and output are part of what was."""
    made = create("examples.wanderer", data={"a": 1, "b": 2}, actor=ann)
    for name in ("go", "pause", "resume", "drop", "finish"):
        made.send(name, actor=ann)
        assert snapshot_at(made, made.sequence) == made.snapshot()
    assert (made.status, made.output, made.data) == ("done", {"left": ["a"]}, {"a": 1})
    assert made.history_states


def test_history_cannot_be_changed_by_the_orm(used: MachineInstance) -> None:
    """Neither a row nor a queryset can be saved again, updated or deleted; nor can its instance be deleted."""
    entry = used.entries.get(sequence=2)
    entry.event = "other"
    for change in (
        entry.save,
        entry.delete,
        lambda: used.entries.update(event="other"),
        lambda: HistoryEntry.objects.all().delete(),
        lambda: HistoryEntry.objects.bulk_update([entry], ["event"]),
    ):
        with pytest.raises(TypeError, match="append-only"), transaction.atomic():
            change()
    with pytest.raises(ProtectedError):
        used.delete()


def test_history_cannot_be_changed_by_sql() -> None:
    """On PostgreSQL a trigger keeps it, whoever asks."""
    made = create(door.machine, system=True)
    if connection.vendor != "postgresql":
        return
    plain: models.QuerySet[Any] = models.QuerySet(HistoryEntry).filter(instance=made.pk)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        plain.update(event="other")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        plain.delete()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM statemachines_machineinstance")


def test_a_change_that_was_not_kept_is_said(ann: Actor, settings: Any) -> None:
    """Patches can be off, and large ones are not kept; reading past one says where it is missing."""
    made = create(door.machine, actor=ann)
    settings.STATEMACHINES = {**settings.STATEMACHINES, "HISTORY_PATCH_MAX_BYTES": 20}
    made.send(Lock(code="a long code that does not fit"), actor=ann)
    assert made.entries.get(sequence=2).patch == {"omitted": 48}
    assert snapshot_at(made, 1).data == DoorData()
    with pytest.raises(HistoryIncomplete, match="sequence 2"):
        snapshot_at(made, 2)
    settings.STATEMACHINES = {**settings.STATEMACHINES, "HISTORY_PATCHES": False}
    assert create(door.machine, actor=ann).entries.get().patch.keys() == {"omitted"}


def test_each_entry_tells_how_long_it_took(used: MachineInstance) -> None:
    """The time from the lock to the write, in milliseconds."""
    assert all(0 < entry.duration_ms < 60_000 for entry in used.entries.all())


def test_force_puts_an_instance_anywhere_legal_with_a_reason(used: MachineInstance, ann: Actor) -> None:
    """Who, when, why, from where to where is an entry like any other; data can be set with it, checked by its type."""
    sent = force(used, "opened", reason="the key is lost", actor=ann, data={"opened": 5, "code": "", "fee": "1"})
    assert (used.state, used.sequence, sent.sequence) == ("opened", 5, 5)
    entry = used.entries.get(sequence=5)
    assert (entry.event, entry.reason, entry.actor_label) == ("statemachines.force", "the key is lost", "Ann")
    assert (entry.source, entry.target) == (["locked"], ["opened"])
    assert entry.payload == {"targets": ["opened"], "entering": False}
    assert snapshot_at(used, 5) == used.snapshot()
    used.send(Close(), actor=ann)


def test_force_starts_and_stops_what_the_states_say(ann: Actor) -> None:
    """What the left state waits for is cancelled; with `entering` the new state's timers and effects start."""
    made = create(notes.machine, data=NoteData(seconds=60), actor=ann)
    force(made, "waiting", reason="r", actor=ann)
    assert not Timer.objects.exists()
    force(made, "waiting", reason="r", actor=ann, entering=True)
    assert Timer.objects.count() == 1
    force(made, "asking", reason="r", actor=ann, entering=True)
    assert (Timer.objects.count(), Effect.objects.get().status) == (0, "waiting")
    force(made, "idle", reason="r", actor=ann)
    assert Effect.objects.get().status == "cancelled"


def test_force_is_refused_with_words(used: MachineInstance, ann: Actor) -> None:
    """No reason, an unknown state, bad data, or an instance that moved meanwhile: nothing changes."""
    with pytest.raises(InvalidValue, match="why this is done"):
        force(used, "opened", reason=" ", actor=ann)
    with pytest.raises(InvalidValue, match="a state, one of: closed, opened, locked, gone"):
        force(used, "ajar", reason="r", actor=ann)
    with pytest.raises(InvalidValue, match="field 'opened': expected int"):
        force(used, "opened", reason="r", actor=ann, data={"opened": "x"})
    with pytest.raises(SequenceMismatch):
        force(used, "opened", reason="r", actor=ann, expected_sequence=1)
    assert used.entries.count() == 4


def test_an_ended_instance_can_be_forced_back(ann: Actor) -> None:
    """The repair of an end that should not have been."""
    made = create(door.machine, actor=ann)
    force(made, "gone", reason="r", actor=ann)
    assert made.status == "done"
    with pytest.raises(EventRefused):
        send(made, Open(), actor=ann)
    force(made, "closed", reason="it stands", actor=ann)
    assert made.status == "active"
    send(made, Open(), actor=ann)


def test_reading_the_past_asks_once(used: MachineInstance, ann: Actor) -> None:
    """One query, whatever the length of the history."""
    with CaptureQueriesContext(connection) as context:
        snapshot_at(used, 4)
    assert len(context) == 1
