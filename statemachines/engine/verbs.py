"""What can be done with instances: create one, send it an event, force it into a state.

Limits: each verb is one transaction (a savepoint inside the caller's); how it runs is in `transaction`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar
from uuid import uuid4

import msgspec
from asgiref.sync import sync_to_async

from statemachines import registry
from statemachines.core.border import incoming, payload_of, starting
from statemachines.core.codec import codec
from statemachines.core.events import Actor, AnyEvent
from statemachines.core.machine import Machine
from statemachines.core.snapshot import Step
from statemachines.exceptions import EventRefused, InstanceExists, InvalidValue, NotAllowed, SequenceMismatch
from statemachines.models import MachineInstance

from . import allowed, idempotency, refusals
from .asking import located, reasoned, where, who
from .macrosteps import Macrosteps
from .transaction import Driven, begin, drive

T = TypeVar("T")


class Sent(msgspec.Struct, frozen=True):
    """What an event did: the instance as it is now, the sequence of its history entry, and the core's Step.

    `replayed`: the same request was done before; `sequence` is that of then, and there is no `step`.
    """

    instance: MachineInstance
    sequence: int
    step: Step[Any] | None = None
    replayed: bool = False


def create(
    machine: Machine[Any] | str,
    key: str | None = None,
    *,
    data: Any = None,
    actor: Actor | None = None,
    system: bool = False,
    origin: str = "python",
    idempotency_key: str | None = None,
    using: str | None = None,
) -> MachineInstance:
    """Create an instance of a machine and enter its initial states.

    `data` is of the machine's data type, or of its `input=` type where it has one; plain JSON data is converted.
    The machine's policy is asked whether `actor` may, unless it is the project itself that does it (`system`).
    `key` is unique per machine, by default a new UUID. With an `idempotency_key`, the same request sent again returns
    the instance that it created. Raises InstanceExists, InvalidValue, EventRefused, NotAllowed, IdempotencyConflict.
    """
    registered = registry.of(machine)
    by = who(actor, system=system)
    input = starting(registered.machine, registered.name, data)
    allowed.creates(registered, by, key, input, system=system)
    alias = where(using)
    request = None
    if idempotency_key is not None:
        body = {"key": key, "data": msgspec.to_builtins(input)}
        request = idempotency.Request(by, "create", registered.name, idempotency_key, body)

    def work(begun: Macrosteps) -> Macrosteps:
        begun.begin(input, by, origin)
        if request is not None:
            idempotency.keep(request, {"instance": begun.pk}, begun.now, alias)
        return begun

    def made() -> MachineInstance:
        named = _key(key)
        begun = begin(registered, named, alias, work, alone=request is None)
        instance = MachineInstance(pk=begun.pk, key=named, created_at=begun.now)
        return fresh(instance, begun, alias)

    def again(answer: dict[str, Any]) -> MachineInstance:
        instance: MachineInstance = MachineInstance.objects.using(alias).get(pk=answer["instance"])
        return instance

    return made() if request is None else _once(request, alias, made, again)


def send(
    instance: MachineInstance | int,
    event: AnyEvent | str,
    *,
    actor: Actor | None = None,
    system: bool = False,
    origin: str = "python",
    idempotency_key: str | None = None,
    expected_sequence: int | None = None,
    lock_timeout: timedelta | None = None,
    using: str | None = None,
) -> Sent:
    """Send an event to an instance; it is taken, or refused and nothing changes.

    `instance` (or its primary key) is read anew under its lock; one that was passed is brought up to date. There the
    machine's policy is asked whether `actor` may, unless it is the project itself that does it (`system`).
    `expected_sequence`: refuse where the instance has moved since. `lock_timeout`: how long to wait for another
    transaction, by default without limit. Raises EventRefused, InvalidValue, UnknownEvent, NotAllowed,
    InstanceNotFound, InstanceBusy, SequenceMismatch, IdempotencyConflict, MachineError.
    """
    by = who(actor, system=system)
    given, alias = located(instance, using)
    request = None
    if idempotency_key is not None:
        body = {"event": event} if isinstance(event, str) else {"event": event.type, "payload": payload_of(event)}
        request = idempotency.Request(by, "send", str(given.pk), idempotency_key, body)

    def work(driven: Driven) -> tuple[Driven, Step[Any]]:
        expect(driven, expected_sequence)
        typed = incoming(driven.machine, event)
        allowed.sends(driven, by, typed, system=system)
        taken = driven.take(typed, by, origin, refusable=True)
        if request is not None:
            idempotency.keep(request, {"sequence": driven.entries[0].sequence}, driven.now, alias)
        return driven, taken

    def sent() -> Sent:
        driven, taken = drive(given.pk, alias, work, lock_timeout=lock_timeout)
        return _sent(given, driven, taken, alias)

    def again(answer: dict[str, Any]) -> Sent:
        given.refresh_from_db(using=alias)
        return Sent(given, answer["sequence"], replayed=True)

    try:
        return sent() if request is None else _once(request, alias, sent, again)
    except EventRefused as refusal:
        refusals.record(given.pk, refusal, by, origin, alias)
        raise
    except NotAllowed as denied:
        refusals.record(given.pk, allowed.refusal(event, denied), by, origin, alias)
        raise


def force(
    instance: MachineInstance | int,
    targets: str | Sequence[str],
    *,
    reason: str,
    actor: Actor | None = None,
    system: bool = False,
    data: Any = None,
    entering: bool = False,
    origin: str = "python",
    expected_sequence: int | None = None,
    lock_timeout: timedelta | None = None,
    using: str | None = None,
) -> Sent:
    """Put an instance into any legal configuration: a repair, with a reason, in the history like all else.

    `targets`: paths or "#id"s. `entering`: run entry actions and effects and start timers, else nothing starts.
    `data`: what the instance owns from now on, by default what it has. Raises InvalidValue where the targets name no
    state or exclude each other, and what `send` raises.
    """
    by = who(actor, system=system)
    why = reasoned("force", reason)
    given, alias = located(instance, using)
    listed = [targets] if isinstance(targets, str) else list(targets)

    def work(driven: Driven) -> tuple[Driven, Step[Any]]:
        expect(driven, expected_sequence)
        allowed.operates(driven, by, "force", system=system)
        new = None if data is None else driven.data_codec.convert(msgspec.to_builtins(data))
        return driven, driven.force(listed, new, by, origin, why, entering=entering)

    driven, taken = drive(given.pk, alias, work, lock_timeout=lock_timeout)
    return _sent(given, driven, taken, alias)


acreate = sync_to_async(create)
asend = sync_to_async(send)
aforce = sync_to_async(force)


def _once(request: idempotency.Request, using: str, do: Callable[[], T], replay: Callable[[dict[str, Any]], T]) -> T:
    """Do a request, or give the answer that it got before, also where a rival does it at this moment."""
    answer = idempotency.answer(request, using)
    if answer is not None:
        return replay(answer)
    try:
        return do()
    except (idempotency.Taken, InstanceExists, EventRefused, SequenceMismatch):
        # A rival may have done this very request since it was looked up: its own doing is why this one fails.
        answer = idempotency.answer(request, using)
        if answer is None:
            raise
        return replay(answer)


def expect(driven: Driven, sequence: int | None) -> None:
    if sequence is not None and driven.row.sequence != sequence:
        raise SequenceMismatch(sequence, driven.row.sequence)


def _sent(instance: MachineInstance, driven: Driven, taken: Step[Any], using: str) -> Sent:
    instance.key, instance.created_at = driven.row.key, driven.row.created_at
    return Sent(fresh(instance, driven, using), driven.entries[0].sequence, taken)


def fresh(instance: MachineInstance, done: Macrosteps, using: str) -> MachineInstance:
    """Bring an instance up to date with what was written, without asking the database again."""
    change = done.written
    assert change is not None  # a transaction that took an event wrote
    instance._state.db, instance._state.adding = using, False
    instance.machine, instance.version = done.registered.name, done.registered.version
    instance.state, instance.status, instance.sequence = change.state, change.status, change.sequence
    assert done.snapshot is not None  # what is written was there
    instance.configuration = list(done.snapshot.configuration)
    instance.data = msgspec.json.decode(change.data)
    instance.history_states = {path: list(paths) for path, paths in done.snapshot.history.items()}
    instance.output = None if change.output is None else msgspec.json.decode(change.output)
    instance.updated_at = change.at
    return instance


def _key(key: str | None) -> str:
    if key is None:
        return uuid4().hex
    checked = codec(str, "key")
    checked.encode(key)
    if not 1 <= len(key) <= 255:
        raise InvalidValue("key", field="", expected="1 to 255 characters", received=f"{len(key)}")
    return key
