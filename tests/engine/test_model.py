"""The engine beside the pure core: event by event, its rows are what folding the core's steps gives.

Several instances, refusals, duplicates, timers, effects, force, and crashes between the writes and the commit.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from statemachines import Actor, InvalidValue, Moment, Occurrence, Refuse
from statemachines.core import facts
from statemachines.core.events import INIT, AnyEvent, done_actor, error_actor
from statemachines.core.force import FORCE, force
from statemachines.core.interpreter import start, step
from statemachines.core.snapshot import CancelTimer, SendEvent, SetTimer, Snapshot, StartEffect, Step, StopEffect
from statemachines.engine import EffectCall, create, send, snapshot_at
from statemachines.engine import force as force_instance
from statemachines.engine.outbox import InstanceRef, run_effect
from statemachines.engine.timers import fire_timer
from statemachines.exceptions import EventRefused, IdempotencyConflict, InstanceExists, UnknownEvent
from statemachines.models import Effect, HistoryEntry, IdempotencyRecord, MachineInstance, RefusedAttempt, Timer
from statemachines.registry import Registered
from statemachines.signals import transition
from tests.examples.machines import Close, Demolish, DoorData, Go, Lock, NoteData, Open, Stop, door, loose, notes
from tests.races.machines import Cloth, Dye, loom

ANN = Actor("user", "7", "Ann")
OF_INSTANCES = (HistoryEntry, Timer, RefusedAttempt, Effect)
BORDER = ("xstate.init", "explode", Occurrence("open", {"code": 5}))
"""What no machine takes from a client: a reserved name, an unknown one, a payload of another type."""

PLAIN = ["pick", "pick", "pause", "resume", "sell", "beside", "end", "hurry", "inspect", "beat", "late"]
MACHINES: dict[Registered, tuple[list[Any], list[Any], list[Any]]] = {
    door: (
        [DoorData(), DoorData(opened=101)],
        [Open(), Open(code="1"), Open(code="2"), Close(), Lock(code="1"), Demolish(), *BORDER],
        ["opened", "locked", "gone", "nowhere", []],
    ),
    notes: (
        [NoteData(os.devnull, seconds=3600.0), NoteData(os.devnull, fail=9, seconds=3600.0)],
        [Go(), Stop(), "invoke", "wait", *BORDER],
        ["idle", "asking", "waiting", "rang"],
    ),
    loom: (
        [None, Cloth(rows=7)],
        [*PLAIN, *map(Dye, ("red", "black", "blue")), *BORDER[:2]],
        ["paused", "selling", "sold", "work.weft.tied", ["work.warp.down", "work.weft.left"], ["paused", "work"]],
    ),
}
"""For each machine: data to begin with, events, and targets of force, legal or not."""


class Crash(BaseException):
    """The process dies between the writes and the commit."""


class Asked(msgspec.Struct):
    """An effect that the core asked for."""

    command: StartEffect
    sequence: int
    status: str = "waiting"


class Twin:
    """What an instance should be: the core's steps, folded, and what they ask for."""

    def __init__(self, registered: Registered, data: Any) -> None:
        self.registered = registered
        self.machine = registered.machine
        self.pk = 0
        self.snapshots: list[Snapshot[Any]] = []
        self.events: list[str] = []
        self.timers: dict[str, tuple[AnyEvent, str, int]] = {}
        self.effects: list[Asked] = []
        self.mailbox: list[AnyEvent] = []
        moment = Moment(ANN, facts=self.facts(INIT, None, self.machine.initial_data(data)))
        self.keep(INIT, start(self.machine, data, moment=moment))
        self.settle(0)

    @property
    def snapshot(self) -> Snapshot[Any]:
        return self.snapshots[-1]

    def copy(self) -> Twin:
        other = copy(self)
        other.snapshots, other.events, other.timers = self.snapshots[:], self.events[:], dict(self.timers)
        other.effects, other.mailbox = [copy(asked) for asked in self.effects], []
        return other

    def facts(self, event_type: str, snapshot: Snapshot[Any] | None, data: Any) -> dict[str, Any]:
        return {
            id: fact.bound()(data, None, None) for id, fact in facts.asked(self.machine, snapshot, event_type).items()
        }

    def moment(self, event_type: str) -> Moment:
        return Moment(ANN, facts=self.facts(event_type, self.snapshot, self.snapshot.data))

    def offer(self, event: AnyEvent) -> str:
        """Take a client's event, or return the code of its refusal."""
        try:
            taken = step(self.machine, self.snapshot, event, moment=self.moment(event.type))
        except Refuse as refusal:
            return refusal.code
        if taken.rejection is not None:
            return "ended" if self.snapshot.status == "done" else "not_possible"
        self.take(event)
        return ""

    def take(self, event: AnyEvent) -> None:
        """Take an event that nobody sent: it is consumed where nothing selects it."""
        begun = len(self.effects)
        self.keep(event.type, step(self.machine, self.snapshot, event, moment=self.moment(event.type)))
        self.settle(begun)

    def force(self, targets: list[str], *, entering: bool, data: Any = None) -> None:
        begun = len(self.effects)
        data, moment = self.snapshot.data if data is None else data, self.moment(FORCE)
        taken = force(self.machine, self.snapshot, targets, data=data, entering=entering, moment=moment)
        self.keep(FORCE, taken)
        self.settle(begun)

    def settle(self, begun: int) -> None:
        """Take what was sent to itself. Effects from `begun` on are new: one that is not wanted any more never was."""
        while self.mailbox and self.snapshot.status == "active":
            event = self.mailbox.pop(0)
            self.keep(event.type, step(self.machine, self.snapshot, event, moment=self.moment(event.type)))
        self.mailbox.clear()
        if self.snapshot.status == "done":
            self.timers.clear()
        self.effects[begun:] = [asked for asked in self.effects[begun:] if asked.status != "cancelled"]

    def keep(self, event_type: str, taken: Step[Any]) -> None:
        if not any(not edge.forbids for microstep in taken.microsteps for edge in microstep.plan.edges) and self.events:
            return  # it selected nothing, and was consumed
        self.snapshots.append(taken.snapshot)
        self.events.append(event_type)
        for command in taken.commands:
            match command:
                case SetTimer():
                    self.timers[command.id] = (command.event, command.state, len(self.events))
                case CancelTimer():
                    self.timers.pop(command.id, None)
                case StartEffect():
                    self.effects.append(Asked(command, len(self.events)))
                case StopEffect():
                    for asked in self.open_effects():
                        if asked.command.invocation == command.invocation:
                            asked.status = "cancelled"
                case SendEvent():
                    self.mailbox.append(command.event)

    def open_effects(self) -> list[Asked]:
        """Those that go on by themselves: one that failed, and that no state waits for, needs somebody."""
        return [asked for asked in self.effects if asked.status in Effect.OPEN and asked.status != "ran"]

    def complete(self, asked: Asked, call: EffectCall) -> None:
        """Run an effect as a worker should, at its only attempt."""
        command = asked.command
        try:
            result, status = command.effect.bound()(command.input, call, None), "applied"
            event = Occurrence(done_actor(command.invocation), result)
        except ConnectionError as error:
            status = "failed" if command.invocation else "ran"
            told = {"type": type(error).__name__, "message": str(error)}
            event = Occurrence(error_actor(command.invocation), told)
        if command.invocation:
            asked.status = "applying"  # no step may cancel what it completes
            self.take(event)
        asked.status = status

    def compare(self) -> None:
        """Hold the instance's rows against this."""
        instance = MachineInstance.objects.get(pk=self.pk)
        assert exact(instance.snapshot()) == exact(self.snapshot)
        assert (instance.sequence, instance.version) == (len(self.snapshots), self.machine.version)
        sources = [(), *(snapshot.configuration for snapshot in self.snapshots)]
        entries = HistoryEntry.objects.filter(instance=instance).order_by("sequence")
        assert [(entry.sequence, entry.event, tuple(entry.source), tuple(entry.target)) for entry in entries] == [
            (number, event, sources[number - 1], sources[number]) for number, event in enumerate(self.events, 1)
        ]
        timers = {timer.name: (timer.event, timer.state, timer.armed) for timer in instance.timers.all()}
        assert timers == {name: (event.type, *rest) for name, (event, *rest) in self.timers.items()}
        name = self.registered.effect_name
        assert list(instance.effects.order_by("pk").values_list("sequence", "name", "invocation", "status")) == [
            (asked.sequence, name(asked.command.effect), asked.command.invocation, asked.status)
            for asked in self.effects
        ]

    def compare_past(self) -> None:
        """Hold every moment of the instance's history against this."""
        instance = MachineInstance.objects.get(pk=self.pk)
        for number, snapshot in enumerate(self.snapshots, 1):
            assert exact(snapshot_at(instance, number)) == exact(snapshot), number


def exact(snapshot: Snapshot[Any]) -> bytes:
    """Return a snapshot as text, in which 1 is not True and 1.0 not 1.00."""
    return msgspec.json.encode(snapshot, order="sorted")


def rows(actor: Actor) -> list[list[dict[str, Any]]]:
    """Return what the database holds of the instances that an actor made (by key) and of the answers it got."""
    of_instances = (model.objects.filter(instance__key__startswith=actor.id) for model in OF_INSTANCES)
    found = (
        MachineInstance.objects.filter(key__startswith=actor.id),
        IdempotencyRecord.objects.filter(actor=f"user:{actor.id}"),
        *of_instances,
    )
    return [list(one.order_by("pk").values()) for one in found]


@contextmanager
def crashing() -> Iterator[None]:
    """Crash whoever writes a transition, after the rows are written."""

    def crash(**given: Any) -> None:
        raise Crash

    transition.connect(crash)
    try:
        yield
    finally:
        transition.disconnect(crash)


ends = st.sampled_from(["commit", "commit", "commit", "crash", "rollback"])
number = st.integers(0, 99)


class EngineAndCore(RuleBasedStateMachine):
    """Each rule does one thing on both sides; what ends in a crash or a rollback leaves every row as it was."""

    def __init__(self) -> None:
        super().__init__()
        self.ann = Actor("user", uuid4().hex)
        self.twins: list[Twin] = []
        self.answers: dict[tuple[int, str], tuple[int, int]] = {}

    def twin(self, which: int) -> Twin:
        return self.twins[which % len(self.twins)]

    def act(self, end: str, do: Callable[[], Any]) -> tuple[Any, bool]:
        """Do something; return what it returned or raised, and whether it lasts."""
        before = rows(self.ann) if end != "commit" else []
        try:
            if end == "crash":
                with crashing():
                    done = tell(do)
            elif end == "rollback":
                with transaction.atomic():
                    done = tell(do)
                    transaction.set_rollback(True)
            else:
                return tell(do), True
        except Crash:
            assert rows(self.ann) == before
            return None, False
        if end == "rollback":
            assert rows(self.ann) == before
        return done, end != "rollback"

    @initialize(machine=st.sampled_from(list(MACHINES)))
    def begin(self, machine: Registered) -> None:
        self.create(machine, 0, "commit")

    @rule(machine=st.sampled_from(list(MACHINES)), which=number, end=ends)
    def create(self, machine: Registered, which: int, end: str) -> None:
        """A new key is an instance, which the same request finds again; for another request the key is taken."""
        choices = MACHINES[machine][0]
        data = choices[which % len(choices)]
        key = f"{self.ann.id} {len(self.twins)}"
        asked = partial(create, machine.machine, key, data=data, actor=self.ann)
        made, lasts = self.act(end, lambda: asked(idempotency_key=key))
        if lasts:
            twin = Twin(machine, data)
            twin.pk = made.pk
            twin.compare()
            self.twins.append(twin)
            assert asked(idempotency_key=key).pk == twin.pk
            assert isinstance(tell(asked), InstanceExists)

    @rule(which=number, what=number, key=st.sampled_from([None, None, "k", "l"]), end=ends)
    def send(self, which: int, what: int, key: str | None, end: str) -> None:
        """An event is taken, refused with a trace only, or answered as it was before."""
        twin = self.twin(which)
        events = MACHINES[twin.registered][1]
        what %= len(events)
        event = events[what]
        done, lasts = self.act(end, lambda: send(twin.pk, event, actor=self.ann, idempotency_key=key))
        if key is not None and (twin.pk, key) in self.answers:
            body, sequence = self.answers[twin.pk, key]
            if events[body] == event:
                assert (done.sequence, done.replayed) == (sequence, True)
            else:
                assert isinstance(done, IdempotencyConflict)
            return
        after = twin.copy()
        if event in BORDER:
            assert isinstance(done, InvalidValue | UnknownEvent)
            return
        refused = after.offer(Occurrence(event) if isinstance(event, str) else event)
        assert refused == (done.code if isinstance(done, EventRefused) else "")
        if lasts and not refused:
            assert (done.sequence, done.replayed) == (len(twin.snapshots) + 1, False)
            self.lasts(twin, after)
            if key is not None:
                self.answers[twin.pk, key] = (what, done.sequence)

    @precondition(lambda self: any(twin.timers for twin in self.twins))
    @rule(which=number, what=number, end=ends)
    def fire(self, which: int, what: int, end: str) -> None:
        """A timer does nothing before it is due, then its event is taken, once."""
        twin = [twin for twin in self.twins if twin.timers][which % sum(bool(twin.timers) for twin in self.twins)]
        name = sorted(twin.timers)[what % len(twin.timers)]
        timer = Timer.objects.get(instance=twin.pk, name=name)
        assert fire_timer(timer.pk, "default") is False
        Timer.objects.filter(pk=timer.pk).update(due_at=timezone.now() - timedelta(seconds=1))
        done, lasts = self.act(end, lambda: fire_timer(timer.pk, "default"))
        if lasts:
            assert done is True
            after = twin.copy()
            event, *_ = after.timers.pop(name)
            after.take(event)
            self.lasts(twin, after)
        else:
            Timer.objects.filter(pk=timer.pk).update(due_at=timer.due_at)

    @precondition(lambda self: any(twin.open_effects() for twin in self.twins))
    @rule(which=number, what=number, crashes=st.booleans())
    def complete(self, which: int, what: int, crashes: bool) -> None:
        """An effect runs once and ends; where its application crashes that is done again, alone."""
        waiting = [twin for twin in self.twins if twin.open_effects()]
        twin = waiting[which % len(waiting)]
        after = twin.copy()
        place = what % len(after.open_effects())
        asked = after.open_effects()[place]
        effect = Effect.objects.filter(instance=twin.pk, status__in=Effect.OPEN, needs_attention=False)
        effect = effect.order_by("pk")[place]
        call = EffectCall(str(effect.key), 1, InstanceRef(twin.pk, twin.registered.name, effect.instance.key))
        after.complete(asked, call)
        crashed = crashes and self.crashes_applying(effect)
        if crashed or not crashes:
            assert run_effect(effect.pk, "default") is (asked.status != "ran")
        self.lasts(twin, after)
        assert Effect.objects.get(pk=effect.pk).attempts == 1
        assert run_effect(effect.pk, "default") is False

    def crashes_applying(self, effect: Effect) -> bool:
        """Run an effect and crash where its end moves the machine: nothing but its own row may change."""
        *before, _ = rows(self.ann)
        with crashing():
            try:
                run_effect(effect.pk, "default")
            except Crash:
                assert rows(self.ann)[:-1] == before
                Effect.objects.filter(pk=effect.pk).update(due_at=timezone.now() - timedelta(seconds=1))
                return True
        return False

    @rule(which=number, what=number, entering=st.booleans(), end=ends)
    def force(self, which: int, what: int, entering: bool, end: str) -> None:
        """An operator's force is what the core makes of it, also where the instance had ended."""
        twin = self.twin(which)
        choices = MACHINES[twin.registered][2]
        chosen = choices[what % len(choices)]
        targets = [chosen] if isinstance(chosen, str) else chosen
        done, lasts = self.act(
            end, lambda: force_instance(twin.pk, targets, reason="to see", actor=self.ann, entering=entering)
        )
        after = twin.copy()
        try:
            after.force(targets, entering=entering)
        except InvalidValue:
            assert isinstance(done, InvalidValue)
            return
        if lasts:
            assert done.sequence == len(twin.snapshots) + 1
            self.lasts(twin, after)

    def lasts(self, before: Twin, after: Twin) -> None:
        after.compare()
        self.twins[self.twins.index(before)] = after

    def teardown(self) -> None:
        for twin in self.twins:
            twin.compare()
            twin.compare_past()


def tell(do: Callable[[], Any]) -> Any:
    """Return what something returns, or the answer that it raises."""
    try:
        return do()
    except (EventRefused, IdempotencyConflict, InstanceExists, InvalidValue, UnknownEvent) as answer:
        return answer


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("any_store", "handed")
def test_the_engine_does_what_the_core_says(settings: Any) -> None:
    """After whatever came before, rows and history are the core's, on either store; what crashed never was."""
    settings.STATEMACHINES = {**settings.STATEMACHINES, "EFFECT_MAX_ATTEMPTS": 1}
    bounds = hypothesis_settings(
        max_examples=12,
        stateful_step_count=30,
        suppress_health_check=[HealthCheck.too_slow],
        phases=[Phase.explicit, Phase.generate],  # what fails is found in its rows: shrinking would take minutes
    )
    run_state_machine_as_test(EngineAndCore, settings=bounds)


@pytest.mark.django_db
@pytest.mark.usefixtures("any_store", "handed")
def test_the_past_is_read_to_the_letter() -> None:
    """Values that Python calls equal are told apart, and an instance that was forced on after its end goes on."""
    twin = Twin(loose, {"number": 1, "flag": 1, "kept": 1.0})
    twin.pk = create(loose.machine, data=twin.snapshot.data, actor=ANN).pk
    for data in ({"number": 1.0, "flag": True, "kept": 1.0}, {"number": 1.0, "kept": 1}):
        force_instance(twin.pk, "kept", data=data, reason="to see", actor=ANN)
        twin.force(["kept"], entering=False, data=data)
    twin.compare()
    twin.compare_past()
    twin = Twin(loom, Cloth())
    twin.pk = create(loom.machine, data=Cloth(), actor=ANN).pk
    for targets in (["sold"], ["paused"], ["sold"]):
        force_instance(twin.pk, targets, reason="to see", actor=ANN, entering=True)
        twin.force(targets, entering=True)
    twin.compare()
    twin.compare_past()


@pytest.mark.django_db
@pytest.mark.usefixtures("any_store", "handed")
def test_facts_are_read_for_whatever_an_event_enters() -> None:
    """History, and a region that comes along with its neighbour, ask for their facts as an active state does."""
    instance = create(loom.machine, actor=ANN)
    for event in ("pause", "resume"):
        send(instance, event, actor=ANN)
    assert instance.entries.get(sequence=3).facts == {"row_name": "row 0"}
    force_instance(instance, "paused", reason="to see", actor=ANN)
    send(instance, "beside", actor=ANN)
    assert instance.state == "work.warp.down, work.weft.left"
    assert instance.entries.get(sequence=5).facts == {"row_name": "row 0"}
