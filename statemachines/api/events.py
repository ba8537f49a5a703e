"""Events over HTTP: what is possible now and why not, and sending one.

Limits: names beginning with `xstate.` or `statemachines.` never come from outside. Who may not send an event does not
find it among the possible ones either.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from rest_framework.request import Request
from rest_framework.response import Response

from statemachines import engine
from statemachines.core.border import event_names
from statemachines.core.events import Event, Occurrence
from statemachines.core.machine import Machine
from statemachines.core.rejection import Verdict, possible
from statemachines.exceptions import EventRefused, InvalidValue
from statemachines.models import MachineInstance
from statemachines.policy import subject_of

from . import base
from .instances import ORIGIN, OfMachine
from .operations import IF_MATCH, KEY, PREFER, Operation
from .public import shapes


class PossibleEvent(msgspec.Struct, omit_defaults=True):
    """What an event would meet now. `verdict`: "taken" and "refused" are decided, "depends" is by its payload.

    `schema`: JSON schema of the payload. `guards`: those that say no; `why`: what else is in the way.
    """

    type: str
    verdict: Verdict
    schema: dict[str, Any]
    guards: tuple[str, ...] | UnsetType = UNSET
    why: str | UnsetType = UNSET


class PossibleEvents(msgspec.Struct):
    """The events that who asks may send."""

    sequence: int
    events: list[PossibleEvent]


@lru_cache
def payload_schema(kind: type[Event] | None) -> dict[str, Any]:
    """Return the JSON schema of an event's payload, complete in itself: its fields without its name."""
    if kind is None:
        return {"type": "object"}
    (schema,), components = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    payload = without(components.pop(schema["$ref"].rpartition("/")[2]), "type")
    return payload | {"$defs": components} if components else payload


def without(schema: dict[str, Any], *fields: str) -> dict[str, Any]:
    """Return the schema of an event without some fields, as the one that names it."""
    properties = {name: one for name, one in schema["properties"].items() if name not in fields}
    required = [name for name in schema["required"] if name not in fields]
    return schema | {"properties": properties, "required": required}


class Events(OfMachine):
    """An instance's possible events; and a place to send any."""

    def operation(self, method: str) -> Operation | None:
        if method == "GET":
            return Operation(
                f"possible_events_of_{self.machine}",
                "Say which events you could send now, with which payloads, and why others would be refused.",
                PossibleEvents,
                problems=(404,),
            )
        return Operation(
            f"send_to_{self.machine}",
            "Send any event; its name stands in `type`.",
            shapes(self.registered).instance,
            request=tuple(self.registered.machine.events.values()),
            headers=(KEY, PREFER, IF_MATCH),
            problems=(404, 409),
        )

    def get(self, request: Request, pk: int) -> Response:
        instance = self.instance(pk)
        return Response(PossibleEvents(instance.sequence, self.possible(instance)))

    def possible(self, instance: MachineInstance) -> list[PossibleEvent]:
        """Return what those events would meet now that who asks may send."""
        subject = subject_of(instance)
        machine, allowed = subject.machine, set(self.policy.events(self.actor, subject))
        found = {one.event_type: one for one in possible(machine, subject.snapshot)}
        told = []
        for name in (*found, *(name for name in event_names(machine) if name not in found)):
            if name in allowed:
                schema, one = payload_schema(machine.events.get(name)), found.get(name)
                if instance.status != MachineInstance.Status.ACTIVE:
                    told.append(PossibleEvent(name, "refused", schema, why=f"The instance is {instance.status}."))
                elif one is None:
                    told.append(PossibleEvent(name, "refused", schema, why="No active state takes it."))
                else:
                    told.append(PossibleEvent(name, one.verdict, schema, one.guards or UNSET))
        return told

    def post(self, request: Request, pk: int) -> Response:
        body = self.body("event")
        name = body.pop("type", None)
        if not isinstance(name, str):
            raise InvalidValue("event", field="type", expected="str", received=type(name).__name__)
        return self.send(pk, name, body)

    def send(self, pk: int, name: str, payload: dict[str, Any]) -> Response:
        """Send an event on behalf of who asks, and answer with the instance as it is then."""
        instance = self.instance(pk)
        try:
            sent = engine.send(
                instance,
                Occurrence(name, payload or None),
                actor=self.actor,
                origin=ORIGIN,
                idempotency_key=self.idempotency_key,
                expected_sequence=self.expected(instance),
                lock_timeout=base.LOCK_WAIT,
                using=self.using,
            )
        except EventRefused as refusal:
            allowed = set(self.policy.events(self.actor, subject_of(instance)))
            refusal.possible = tuple(name for name in refusal.possible if name in allowed)
            raise
        return self.acted(sent.instance, replayed=sent.replayed)


class OneEvent(Events):
    """Send one event; the body is its payload."""

    event = ""
    http_method_names = ["post"]

    def operation(self, method: str) -> Operation | None:
        """Return the operation of an event that has a route of its own."""
        if not self.event:
            return None
        kind = self.registered.machine.events.get(self.event)
        return Operation(
            f"{self.event}_{self.machine}",
            f"Send {self.event}.",
            shapes(self.registered).instance,
            request={"type": "object"} if kind is None else kind,
            headers=(KEY, PREFER, IF_MATCH),
            problems=(404, 409),
            description=(kind.__doc__ or "") if kind else "",
        )

    def post(self, request: Request, pk: int, type: str = "") -> Response:
        body = self.body(f"event {self.event or type}")
        if "type" in body:
            what = f"event {self.event or type}"
            raise InvalidValue(what, field="type", expected="no such field: the address names it", received="one")
        return self.send(pk, self.event or type, body)


def known_events(machine: Machine[Any]) -> list[str]:
    """Return the names of events that have a route of their own: those that fit into an address as they are."""
    return [name for name in event_names(machine) if name.replace("_", "a").replace(".", "a").isalnum()]
