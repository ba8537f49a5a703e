"""Creating instances and sending them events."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from statemachines import Occurrence
from statemachines.core.events import Actor
from statemachines.engine import create, send
from statemachines.exceptions import (
    EventRefused,
    InstanceExists,
    InstanceNotFound,
    InvalidValue,
    MachineError,
    NotAllowed,
    UnknownEvent,
    UnknownMachine,
)
from statemachines.models import Effect, HistoryEntry, MachineInstance, Timer
from tests.examples.machines import Close, Demolish, DoorData, Go, Lock, NoteData, Open, broken, door, notes, writer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("any_store", "handed")]


def statements(context: CaptureQueriesContext) -> list[str]:
    """The statements between BEGIN and COMMIT, savepoints of the test's own transaction apart."""
    return [
        query["sql"] for query in context if not query["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT"))
    ]


def test_an_instance_starts_in_its_initial_state_with_one_history_entry(ann: Actor) -> None:
    """Creation is the first macrostep: sequence 1, by whom, with the data that it started with."""
    made = create(door.machine, "front", data=DoorData(fee=Decimal("1.10")), actor=ann)
    assert (made.machine, made.version, made.key, made.state) == ("examples.door", 1, "front", "closed")
    assert (made.sequence, made.status, made.configuration) == (1, "active", ["closed"])
    assert made.snapshot().data == DoorData(fee=Decimal("1.10"))
    entry = made.entries.get()
    assert (entry.sequence, entry.event, entry.source, entry.target) == (1, "xstate.init", [], ["closed"])
    assert (entry.actor_kind, entry.actor_id, entry.actor_label) == ("user", "7", "Ann")
    assert entry.patch == {"set": {"opened": 0, "code": "", "fee": "1.10"}}


def test_plain_data_is_converted_and_checked(ann: Actor) -> None:
    """Data may be given as JSON holds it; what does not fit names the field, and nothing is created."""
    assert create("examples.door", data={"fee": "2.50"}, actor=ann).snapshot().data.fee == Decimal("2.50")
    with pytest.raises(InvalidValue) as refused:
        create("examples.door", "bad", data={"opened": "twice"}, actor=ann)
    assert (refused.value.field, refused.value.expected, refused.value.received) == ("opened", "int", "str")
    assert not MachineInstance.objects.filter(key="bad").exists()


def test_a_key_is_used_once_per_machine(ann: Actor) -> None:
    """A second instance of the key is refused; inside a caller's transaction, which stays usable."""
    create(door.machine, "front", actor=ann)
    with transaction.atomic():
        with pytest.raises(InstanceExists, match="front"):
            create(door.machine, "front", actor=ann)
        create(notes.machine, "front", actor=ann)
    assert MachineInstance.objects.filter(key="front").count() == 2


def test_an_event_moves_the_instance_and_is_recorded(ann: Actor) -> None:
    """State, data, sequence and history change together; the passed instance is brought up to date."""
    made = create(door.machine, actor=ann)
    sent = send(made, Open(), actor=ann, origin="api")
    assert sent.instance is made
    assert (made.state, made.sequence, sent.sequence, made.data["opened"]) == ("opened", 2, 2, 1)
    entry = made.entries.get(sequence=2)
    assert (entry.event, entry.payload, entry.source, entry.target) == ("open", {"code": ""}, ["closed"], ["opened"])
    assert (entry.patch, entry.origin, entry.version) == ({"set": {"opened": 1}}, "api", 1)
    assert entry.microsteps == [
        {
            "event": "open",
            "transitions": ["closed|open|0"],
            "exited": ["closed"],
            "entered": ["opened"],
            "actions": ["count"],
        }
    ]
    assert entry.at == made.updated_at


def test_events_may_be_named_and_come_as_plain_data(ann: Actor) -> None:
    """A name with plain payload becomes the machine's typed event."""
    made = create(door.machine, actor=ann)
    made.send(Occurrence("lock", {"code": "42"}), actor=ann)
    assert made.data["code"] == "42"
    with pytest.raises(InvalidValue, match=r"event open, field 'code': expected str, received int"):
        made.send(Occurrence("open", {"code": 1}), actor=ann)
    with pytest.raises(InvalidValue, match=r"event open, field 'colour': expected no such field"):
        made.send(Occurrence("open", {"colour": "red"}), actor=ann)
    with pytest.raises(UnknownEvent, match=r"'explode'.*close, demolish, lock, open"):
        made.send("explode", actor=ann)
    with pytest.raises(UnknownEvent):
        made.send(Go(), actor=ann)


@pytest.mark.parametrize("name", ["xstate.init", "xstate.done.state.door", "xstate.after.5.door.closed"])
def test_reserved_events_never_come_from_a_client(ann: Actor, name: str) -> None:
    """Completions and timers are made by the machine alone."""
    made = create(door.machine, actor=ann)
    with pytest.raises(InvalidValue, match="does not begin with"):
        made.send(name, actor=ann)


def test_a_refused_event_changes_nothing_and_says_what_would_be_taken(ann: Actor) -> None:
    """A refusal names state, possible events and the guards that said no, and leaves every row as it was."""
    made = create(door.machine, actor=ann)
    made.send(Lock(code="42"), actor=ann)
    before = MachineInstance.objects.values().get()
    with pytest.raises(EventRefused) as refused:
        made.send(Open(code="41"), actor=ann)
    refusal = refused.value
    assert (refusal.code, refusal.event, refusal.state) == ("not_possible", "open", ("locked",))
    assert (refusal.possible, refusal.guards) == (("open",), ("right_code",))
    assert "examples.door in locked does not take 'open' (right_code said no). It would take: open." in refusal.text
    with pytest.raises(EventRefused) as refused:
        made.send(Demolish(), actor=ann)
    assert refused.value.guards == ("is_old",)
    assert MachineInstance.objects.values().get() == before
    assert made.entries.count() == 2


def test_a_forbidden_event_is_refused(ann: Actor) -> None:
    """A forbidden transition is selected, but it is no transition that a client could want."""
    made = create(door.machine, actor=ann)
    made.send(Open(), actor=ann)
    with pytest.raises(EventRefused) as refused:
        made.send(Lock(code="1"), actor=ann)
    assert refused.value.possible == ("close",)


def test_a_refuse_in_a_guard_is_the_refusal_of_the_event(ann: Actor) -> None:
    """A machine's own refusal reaches the client with its code and text."""
    made = create(door.machine, actor=ann)
    made.send(Lock(code="42"), actor=ann)
    with pytest.raises(EventRefused) as refused:
        made.send(Open(), actor=ann)
    told = refused.value
    assert (told.code, told.text, told.state) == ("no_code", "Say the code.", ("locked",))
    assert told.possible == ("open",)


def test_an_ended_instance_refuses(ann: Actor) -> None:
    """An instance that has ended says so."""
    made = create(door.machine, data=DoorData(opened=101), actor=ann)
    made.send(Lock(code="42"), actor=ann)
    made.send(Demolish(), actor=ann)
    assert made.status == "done"
    with pytest.raises(EventRefused, match="has ended") as refused:
        made.send(Open(), actor=ann)
    assert refused.value.code == "ended"


def test_nobody_is_denied(ann: Actor) -> None:
    """Without an actor nothing goes, unless the caller says that it is the system."""
    with pytest.raises(NotAllowed):
        create(door.machine)
    made = create(door.machine, system=True)
    with pytest.raises(NotAllowed):
        send(made, Open())
    send(made, Open(), system=True)
    assert [entry.actor_kind for entry in made.entries.all()] == ["system", "system"]


def test_what_is_not_there_is_said(ann: Actor) -> None:
    """An unknown instance and an unknown machine are errors of their own."""
    with pytest.raises(InstanceNotFound):
        send(987654, Open(), actor=ann)
    with pytest.raises(UnknownMachine, match=r"'dor' is not registered; known: .*examples\.door"):
        create("dor", actor=ann)
    assert create("door", actor=ann).machine == "examples.door"


def test_an_action_commits_with_its_transition(ann: Actor) -> None:
    """What an @action writes is there when the transition is."""
    made = create(writer.machine, data=NoteData(answer="cooks"), actor=ann)
    made.send(Go(), actor=ann)
    assert (made.state, Group.objects.get().name) == ("written", "cooks")


def test_an_action_that_refuses_or_breaks_rolls_all_back(ann: Actor) -> None:
    """A `Refuse` is a refusal, any other exception a MachineError that names the function; neither leaves a trace."""
    made = create(writer.machine, data=NoteData(answer="cooks"), actor=ann)
    with pytest.raises(EventRefused, match="Come back tomorrow"):
        made.send("refuse", actor=ann)
    with pytest.raises(MachineError, match=r"examples\.writer.*idle.*action break_down.*ZeroDivisionError"):
        made.send("break", actor=ann)
    made.refresh_from_db()
    assert (made.state, made.sequence, Group.objects.count()) == ("idle", 1, 0)


def test_a_fact_is_read_under_the_lock_and_recorded(ann: Actor) -> None:
    """A guard sees the database through a fact, whose value stands in the history."""
    first, second = (create(writer.machine, actor=ann) for _ in range(2))
    Group.objects.create(name="one")
    first.send("few", actor=ann)
    assert first.entries.get(sequence=2).facts == {"groups": 1}
    Group.objects.create(name="two")
    with pytest.raises(EventRefused):
        second.send("few", actor=ann)


def test_a_bug_in_a_guard_is_no_refusal(ann: Actor) -> None:
    """Nobody mistakes a bug for a refusal: it names machine, state and function."""
    made = create(broken.machine, actor=ann)
    with pytest.raises(MachineError, match=r"'broken', state 'a', guard divides: raised ZeroDivisionError"):
        made.send(Go(), actor=ann)


def test_instances_are_found_and_counted_by_state_in_sql(ann: Actor) -> None:
    """List, filter and count by state need no Python."""
    for code in ("", "1", "2"):
        made = create(door.machine, actor=ann)
        if code:
            made.send(Lock(code=code), actor=ann)
    both = create("examples.regions", actor=ann)
    both.send("l", actor=ann)
    of_doors = MachineInstance.objects.of(door.machine)
    assert of_doors.in_state("locked").count() == 2
    assert of_doors.count_by_state() == {"closed": 1, "locked": 2}
    found = MachineInstance.objects.in_state("both.right")
    assert [one.state for one in found] == ["both.left.l2, both.right.r1"]
    assert not MachineInstance.objects.in_state("both.lef").exists()


def test_what_an_instance_sends_to_itself_is_taken_in_the_same_transaction(ann: Actor) -> None:
    """A `send` without delay is a macrostep of its own, with its own history entry."""
    made = create("examples.sender", actor=ann)
    made.send("start", actor=ann)
    assert (made.state, made.data["seen"]) == ("c", ["one"])
    assert [(entry.event, entry.origin) for entry in made.entries.all()][1:] == [("start", "python"), ("one", "send")]
    assert made.timers.get().name == "later"
    made.send("stop", actor=ann)
    assert not Timer.objects.exists()


def test_sending_to_itself_without_end_is_an_error(ann: Actor) -> None:
    """An instance that never stops sending to itself is named, not waited for."""
    made = create("examples.sender", actor=ann)
    with pytest.raises(MachineError, match="without end"):
        made.send("endless", actor=ann)
    assert made.entries.count() == 1


def test_a_plain_transition_costs_three_statements_at_most(ann: Actor, any_store: str) -> None:
    """Between BEGIN and COMMIT stand one that locks, and the writes; the caller's instance is not read again."""
    made = create(door.machine, actor=ann)
    with CaptureQueriesContext(connection) as context, transaction.atomic():
        send(made, Open(), actor=ann)
    # The reference store reads PostgreSQL's clock by a statement of its own.
    assert len(statements(context)) == {"postgres": 2, "orm": 4 if connection.vendor == "postgresql" else 3}[any_store]


def test_timers_and_effects_are_written_with_the_transition(ann: Actor, any_store: str) -> None:
    """On PostgreSQL a transition costs two statements, whatever timers and effects it sets and cancels."""
    made = create(notes.machine, data=NoteData(seconds=60), actor=ann)
    made.send("wait", actor=ann)
    with CaptureQueriesContext(connection) as context:
        made.send(Go(), actor=ann)
    few = {"postgres": 2, "orm": 6}[any_store]
    assert len(statements(context)) <= few
    with CaptureQueriesContext(connection) as context:
        made.send("stop", actor=ann)
    assert len(statements(context)) <= few
    with CaptureQueriesContext(connection) as context:
        made.send("invoke", actor=ann)
    assert len(statements(context)) <= few
    assert (Timer.objects.count(), Effect.objects.count(), HistoryEntry.objects.count()) == (0, 1, 5)


def test_close_is_not_taken_twice(ann: Actor) -> None:
    """The second of two equal events is refused."""
    made = create(door.machine, actor=ann)
    made.send(Open(), actor=ann)
    made.send(Close(), actor=ann)
    with pytest.raises(EventRefused):
        made.send(Close(), actor=ann)
