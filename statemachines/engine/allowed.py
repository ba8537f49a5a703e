"""Ask a machine's policy, where it has one, before anything is done.

Limits: a machine without a policy trusts who calls from Python.
"""

from __future__ import annotations

from typing import Any

from statemachines import registry
from statemachines.core.errors import EventRefused
from statemachines.core.events import Actor, AnyEvent
from statemachines.exceptions import NotAllowed
from statemachines.policy import Subject

from .transaction import Driven


def creates(registered: registry.Registered, actor: Actor, key: str | None, input: Any, *, system: bool) -> None:
    """Raise NotAllowed where somebody may not create an instance."""
    policy = registry.find(registered.name).policy
    if policy is not None and not system and not policy.may_create(actor, key, input):
        raise NotAllowed(f"{told(actor)} may not create an instance of {registered.name} like this.")


def sends(driven: Driven, actor: Actor, event: AnyEvent, *, system: bool) -> None:
    """Raise NotAllowed where somebody may not send an event to an instance as it is now, under its lock."""
    policy = registry.find(driven.registered.name).policy
    if policy is not None and not system and not policy.may_send(actor, _subject(driven), event):
        raise NotAllowed(f"{told(actor)} may not send {event.type!r} to {driven.name} {driven.row.key}.")


def operates(driven: Driven, actor: Actor, what: str, *, system: bool) -> None:
    """Raise NotAllowed where somebody may not do an operator's act on an instance, under its lock."""
    policy = registry.find(driven.registered.name).policy
    if policy is not None and not system and not policy.may_operate(actor, _subject(driven)):
        raise NotAllowed(f"{told(actor)} may not {what} {driven.name} {driven.row.key}.")


def _subject(driven: Driven) -> Subject:
    row, snapshot = driven.row, driven.snapshot
    assert snapshot is not None  # loaded
    return Subject(driven.machine, row.pk, row.key, row.status, row.sequence, snapshot, row.created_at)


def refusal(event: AnyEvent | str, denied: NotAllowed) -> EventRefused:
    """Return the trace that a denied event leaves."""
    return EventRefused("not_allowed", str(denied), event=event if isinstance(event, str) else event.type)


def told(actor: Actor) -> str:
    return actor.label or f"{actor.kind} {actor.id}".strip()
