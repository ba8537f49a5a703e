"""Upgrade a batch of instances in one transaction, each in one entry of its history; what cannot go along stays.

What it was before is kept, so that an instance that has not moved since can be brought back.
Limits: which instances are upgraded, and in which batches, is up to `upgrades`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, Literal, NamedTuple

import msgspec
from django.db import DatabaseError

from statemachines import registry, signals
from statemachines.core.border import event_from, succeeded
from statemachines.core.codec import codec
from statemachines.core.crossing import Crossing, arrive
from statemachines.core.events import Actor, Moment, Occurrence
from statemachines.core.snapshot import Snapshot
from statemachines.core.upgrade import UPGRADE, Held, HeldEffect, HeldTimer
from statemachines.exceptions import (
    EventRefused,
    InvalidValue,
    MachineError,
    NotAllowed,
    NoUpgrade,
    UnknownMachine,
    UnknownVersion,
    UpgradeBlocked,
)
from statemachines.models import Effect, MachineInstance, Timer
from statemachines.policy import Subject
from statemachines.registry import Registered
from statemachines.upgrades import way

from . import allowed
from .changes import Change, NewEntry, NewTimer, Previous, Row
from .macrosteps import Macrosteps, encode
from .patches import patch
from .store import Store
from .transaction import told
from .versions import known
from .words import told as words

Status = Literal["upgraded", "blocked"]
TIMER = ("name", "event", "payload", "state", "armed", "due_at")
EFFECT = ("pk", "name", "invocation", "state", "version", "input", "status")
HISTORY = dict[str, tuple[str, ...]]


class Outcome(NamedTuple):
    """What became of an instance, or would: `target` is its new state, `reason` why it stays on its version."""

    pk: int
    key: str
    version: int
    status: Status
    source: str
    target: str = ""
    reason: str = ""


@dataclass(slots=True)
class Order:
    """What is wanted: where to, and who says so; `policy`: whether the machine's is asked if they may."""

    name: str
    to: int
    actor: Actor
    origin: str
    reason: str
    policy: bool = False


@dataclass(slots=True)
class Candidate:
    """An instance on its way, with what waits for it; `held` is it in the version that it has come to."""

    row: Row
    held: Held
    timers: dict[str, Timer] = field(default_factory=dict)
    effects: dict[int, Effect] = field(default_factory=dict)
    problem: str = ""


def upgrade_rows(rows: Sequence[Row], store: Store, order: Order, using: str, *, write: bool) -> list[Outcome]:
    """Upgrade locked instances, or where nothing is to be written tell what would become of them.

    Raises UnknownVersion where this code does not have the version, or not as it was recorded; DatabaseError where a
    function of the machine broke the transaction.
    """
    registered = known(order.name, order.to, using)
    candidates = _candidates(rows, registered, using)
    by_version: dict[int, list[Candidate]] = defaultdict(list)
    for one in candidates:
        by_version[one.row.version].append(one)
    arrived = [done for version, group in by_version.items() for done in _taken(version, group, registered, order)]
    if write and arrived:
        _write(arrived, store, registered, using)
    done = {one.pk: one for one in arrived}
    return [_outcome(one, done.get(one.row.pk)) for one in candidates]


def _outcome(one: Candidate, done: Arrived | None) -> Outcome:
    row = one.row
    if done is None:
        return Outcome(row.pk, row.key, row.version, "blocked", leaves(row.configuration), reason=one.problem)
    target = done.machine.chart.configuration(done.snapshot.configuration).leaves if done.snapshot else ()
    return Outcome(row.pk, row.key, row.version, "upgraded", leaves(row.configuration), ", ".join(target))


@lru_cache(maxsize=1_000)
def leaves(configuration: str) -> str:
    paths = _paths(configuration)
    return ", ".join(sorted(one for one in paths if not any(other.startswith(f"{one}.") for other in paths)))


def _candidates(rows: Sequence[Row], registered: Registered, using: str) -> list[Candidate]:
    """Gather what waits for instances: three questions for all of them."""
    pks = [row.pk for row in rows]
    timers: dict[int, dict[str, Timer]] = defaultdict(dict)
    effects: dict[int, dict[int, Effect]] = defaultdict(dict)
    for timer in Timer.objects.using(using).filter(instance__in=pks):
        timers[timer.instance_id][timer.name] = timer
    for effect in Effect.objects.using(using).filter(instance__in=pks, status__in=Effect.OPEN):
        effects[effect.instance_id][effect.pk] = effect
    return [
        Candidate(row, _held(row, timers[row.pk], effects[row.pk], registered), timers[row.pk], effects[row.pk])
        for row in rows
    ]


def _held(row: Row, timers: Mapping[str, Timer], effects: Mapping[int, Effect], registered: Registered) -> Held:
    prefix = f"{registered.app_label}."
    return Held(
        configuration=_paths(row.configuration),
        data=msgspec.json.decode(row.data),
        history={} if row.history_states == "{}" else msgspec.json.decode(row.history_states, type=HISTORY),
        status="done" if row.status in MachineInstance.ENDED else "active",
        output=None if row.output is None else msgspec.json.decode(row.output),
        timers=tuple(HeldTimer(one.name, one.event, one.state, one.payload, was=one.name) for one in timers.values()),
        effects=tuple(
            HeldEffect(one.name.removeprefix(prefix), one.invocation, one.state, one.input, was=one.pk)
            for one in effects.values()
            if one.status != Effect.Status.CANCELLING
        ),
    )


@lru_cache(maxsize=1_000)
def _paths(configuration: str) -> tuple[str, ...]:
    return msgspec.json.decode(configuration, type=tuple[str, ...])


def _taken(version: int, group: list[Candidate], registered: Registered, order: Order) -> list[Arrived]:
    """Take instances of one version over, step by step; what is prepared is prepared for all of them."""
    try:
        crossings = way(order.name, version, order.to)
    except NoUpgrade as error:
        for one in group:
            one.problem = str(error)
        return []
    going = group
    for crossing in crossings:
        prepare = crossing.upgrade.prepare
        prepared = prepare([one.held.data for one in going]) if prepare and going else None
        going = [one for one in going if _tried(one, partial(_over, one, crossing, prepared))]
    arrived = []
    for one in going:
        made = Arrived(registered, one)
        if _tried(one, partial(made.arrive, crossings[-1], order)) and _tried(one, partial(made.ask, order)):
            arrived.append(made)
    return arrived


def _over(one: Candidate, crossing: Crossing, prepared: Any) -> None:
    one.held = crossing.take(one.held, prepared)


def _tried(one: Candidate, work: Callable[[], None]) -> bool:
    """Do something with an instance; where it fails, that is why the instance stays."""
    try:
        work()
    except (UpgradeBlocked, InvalidValue, EventRefused, UnknownVersion, UnknownMachine, NotAllowed) as error:
        one.problem = str(error)
    except MachineError as error:
        if isinstance(error.__cause__, DatabaseError):  # the transaction is broken
            raise error.__cause__ from error
        one.problem = str(error)
    except DatabaseError:
        raise
    except Exception as error:
        one.problem = f"the upgrade's own function raised {error!r}"
    return not one.problem


class Arrived(Macrosteps):
    """The macrosteps of an instance that has come to its new version."""

    def __init__(self, registered: Registered, candidate: Candidate) -> None:
        row = candidate.row
        super().__init__(registered, None, row.pk, row.sequence, row.now)
        self.candidate = candidate
        self.lifecycle = row.status

    def arrive(self, crossing: Crossing, order: Order) -> None:
        """Start what is new, take what is eventless, and note it all as one entry. Raises what a step raises."""
        candidate, upgrade = self.candidate, crossing.upgrade
        held, row = candidate.held, candidate.row
        data = self.data_codec.convert(held.data)
        self._carry_timers()
        self._check_effects()
        self.snapshot = Snapshot(held.configuration, data, held.history, held.status, held.output)
        with self._functions(UPGRADE, refusable=False):
            moment = Moment(order.actor, order.origin, self.now, self._facts(UPGRADE, data, Occurrence(UPGRADE)))
            step = arrive(self.machine, held, data, moment, upgrade.enter, always=upgrade.always)
            self.sequence += 1
            self.entries.append(
                NewEntry(
                    sequence=self.sequence,
                    event=UPGRADE,
                    payload=encode({"from": row.version, "to": order.to}).decode(),
                    facts=encode(moment.facts).decode() if moment.facts else "{}",
                    source=row.configuration,
                    target=self.machine.chart.configuration(step.snapshot.configuration).json,
                    microsteps=words(step.microsteps),
                    patch=self._patch(step.snapshot),
                    actor=order.actor,
                    origin=order.origin,
                    reason=order.reason,
                    version=self.machine.version,
                    at=self.now,
                )
            )
            for command in step.commands:
                self._obey(command, moment)
            self.snapshot = step.snapshot
        self._drain(order.actor)

    def ask(self, order: Order) -> None:
        """Ask the policy, where it is to be asked, of the instance as it has arrived. Raises NotAllowed."""
        policy, row, snapshot = registry.find(order.name).policy, self.candidate.row, self.snapshot
        if order.policy and policy is not None and snapshot is not None:
            subject = Subject(self.machine, row.pk, row.key, row.status, row.sequence, snapshot, row.created_at)
            if not policy.may_operate(order.actor, subject):
                raise NotAllowed(f"{allowed.told(order.actor)} may not upgrade {order.name} {row.key}.")

    def _patch(self, snapshot: Snapshot[Any]) -> str:
        """Return what changed, with both sides plain; what history states remember is told anew as a whole."""
        before = Snapshot((), msgspec.json.decode(self.candidate.row.data))
        plain = msgspec.json.decode(self._data(snapshot.data))
        return patch(before, msgspec.structs.replace(snapshot, data=plain))

    def _carry_timers(self) -> None:
        """Keep each timer that goes on, under its new name and with its due time, and drop the rest."""
        candidate = self.candidate
        going = {one.was: one for one in candidate.held.timers if one.was}
        self.timers_gone |= candidate.timers.keys() - going.keys()
        for was, held in going.items():
            row = candidate.timers[was]
            if not held.state:
                event_from(self.machine, held.event, held.payload)  # or it could not be delivered
            if (held.name, held.event, held.state) != (row.name, row.event, row.state):
                self.timers_gone.add(was)
                payload = None if held.payload is None else encode(held.payload).decode()
                self.timers[held.name] = NewTimer(held.name, held.event, payload, held.state, row.due_at, row.armed)

    def _check_effects(self) -> None:
        """Refuse effects whose input, or result that waits, does not fit the new version."""
        for held in self.candidate.held.effects:
            if held.was:
                declared, row = self.machine.names.effects[held.effect], self.candidate.effects[held.was]
                codec(declared.input_type(self.machine.data_type), f"input of {held.effect}").load(held.input)
                if row.status == Effect.Status.RAN and not row.failure:
                    succeeded(declared, held.invocation, row.result)

    def change(self) -> Change:
        """Return everything that is to be written, what the instance was before included."""
        change = super().change()
        change.previous = Previous(self.candidate.row.version, encode(self._before()).decode())
        return change

    def _before(self) -> dict[str, Any]:
        row, candidate = self.candidate.row, self.candidate
        names = ("configuration", "data", "history_states", "status", "output", "sequence")
        return {name: getattr(row, name) for name in names} | {
            "timers": [_values(one, TIMER) for one in candidate.timers.values()],
            "effects": [_values(one, EFFECT) for one in candidate.effects.values()],
        }

    def carry_effects(self) -> tuple[list[Effect], list[int]]:
        """Return the effects that go on, changed, and the keys of those that are let go."""
        going = {one.was: one for one in self.candidate.held.effects if one.was}
        rows = self.candidate.effects.values()
        for row in rows:
            held = going.get(row.pk)
            if held is not None:
                row.name = f"{self.registered.app_label}.{held.effect}"
                row.invocation, row.state, row.input = held.invocation, held.state, held.input
                row.version = self.machine.version
        gone = [row.pk for row in rows if row.pk not in going and row.status != Effect.Status.CANCELLING]
        return [row for row in rows if row.pk in going], gone


def _values(row: Timer | Effect, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _write(arrived: Sequence[Arrived], store: Store, registered: Registered, using: str) -> None:
    effects, now = Effect.objects.using(using), arrived[0].now
    changes = [one.change() for one in arrived]  # before the effects are changed, as it tells what they were
    carried = [one.carry_effects() for one in arrived]
    if going := [row for rows, _ in carried for row in rows]:
        effects.bulk_update(going, ["name", "invocation", "state", "input", "version"], batch_size=500)
    if gone := [pk for _, pks in carried for pk in pks]:
        effects.filter(pk__in=gone).stop(now)
    told(store.write_all(changes), now, using)
    for change in changes:
        signals.announce(registered.name, change, using)
