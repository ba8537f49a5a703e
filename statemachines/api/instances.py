"""Instances over HTTP: create, list, read, their history, and an operator's acts.

Limits: an instance that somebody may not see is not there for them (404).
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import lru_cache, partial
from typing import Annotated, Any, NamedTuple

import msgspec
from django.http import Http404
from django.urls import reverse
from msgspec import UNSET, Meta, UnsetType
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from statemachines import engine, registry
from statemachines.actors import ANONYMOUS
from statemachines.core.events import Actor
from statemachines.engine import idempotency
from statemachines.models import MachineInstance
from statemachines.policy import Policy, subject_of
from statemachines.registry import Registered

from . import base
from .base import MOST_SECONDS, StateMachineView, marked
from .operations import IF_NONE_MATCH, KEY, PREFER, Operation, operator_operation
from .public import camel, etag, sequence_of, shapes, shown, shown_entry
from .queries import Page, Text, asked, filtered, filters_of
from .waiting import PREFERENCE, in_turn, settle, wait

ORIGIN = "rest"


class OfMachine(StateMachineView):
    """A view of one machine; its policy decides what there is."""

    machine = ""
    """The stored name; given by the route."""

    def initial(self, request: Request, *given: Any, **named: Any) -> None:
        super().initial(request, *given, **named)
        if self.actor == ANONYMOUS and not self.anonymous:
            raise NotAuthenticated

    @property
    def registered(self) -> Registered:
        return registry.find(self.machine)

    @property
    def policy(self) -> Policy:
        policy = self.registered.policy
        assert policy is not None  # there are routes only to machines that have one
        return policy

    @property
    def anonymous(self) -> bool:  # type: ignore[override]  # decided by the policy
        return self.policy.anonymous

    def explorable(self, actor: Actor) -> bool:
        return self.policy.may_explore(actor)

    def address(self, name: str, **more: Any) -> str:
        """Return the absolute address of one of this machine's routes."""
        namespace = self.request.resolver_match.namespace if self.request.resolver_match else ""
        named = f"{namespace}:{self.machine}-{name}" if namespace else f"{self.machine}-{name}"
        return self.request.build_absolute_uri(reverse(named, kwargs=more))

    def instance(self, pk: int) -> MachineInstance:
        """Return an instance that who asks may see. Raises Http404."""
        found = MachineInstance.objects.using(self.using).filter(machine=self.registered.name, pk=pk)
        instance: MachineInstance | None = self.policy.visible(self.actor, found).first()
        if instance is None:
            raise Http404
        return instance

    def expected(self, instance: MachineInstance) -> int | None:
        """Return the sequence that the client wants to act on, by If-Match."""
        header = self.request.headers.get("If-Match")
        if header is None or header.strip() == "*":
            return None
        return sequence_of(header, etag(self.registered, instance, self.actor))

    def shown(self, instance: MachineInstance, status: int = 200, **headers: str) -> Response:
        """Return an instance as who asks is shown it, with its ETag."""
        headers["ETag"] = etag(self.registered, instance, self.actor)
        return Response(shown(self.registered, instance, self.actor), status, headers=headers)

    def acted(self, instance: MachineInstance, *, replayed: bool = False, status: int = 200) -> Response:
        """Answer after an act: as the client prefers, and with no content where they see the instance no more."""
        headers, seconds, later = marked(replayed), self.wait_seconds, "respond-async" in self.preferences
        if seconds is not None:
            pending = settle(instance, self.using, seconds)
            headers |= {PREFERENCE: f"wait={seconds}", "Effects-Pending": str(pending)}
            instance.refresh_from_db(using=self.using)
            later = later and pending > 0
        if later:
            headers[PREFERENCE] = "respond-async"
        if not self.policy.sees(self.actor, instance):
            return Response(None, 204, headers=marked(replayed))
        headers["Location"] = self.address("instance", pk=instance.pk)
        return self.shown(instance, 202 if later else status, **headers)

    def page(self, items: list[Any], limit: int, cursor: int, kind: Any) -> Response:
        """Return a page of at most `limit`; a further item shows that there is a next one, behind `cursor`."""
        more = None
        if len(items) > limit:
            query = self.request.query_params.copy()
            query["cursor"] = str(cursor)
            more = self.request.build_absolute_uri(f"{self.request.path}?{query.urlencode()}")
        return Response(kind(items=items[:limit], next=more))


class Instances(OfMachine):
    """The instances of a machine."""

    def operation(self, method: str) -> Operation:
        made = shapes(self.registered)
        if method == "GET":
            kind = filters_of(self.registered)
            return Operation(f"list_{self.machine}", "List the instances that you may see.", made.page, query=kind)
        return Operation(
            f"create_{self.machine}",
            f"Create an instance of {self.machine}.",
            made.instance,
            status=201,
            request=creation(self.registered),
            headers=(KEY, PREFER),
            problems=(409,),
        )

    def get(self, request: Request) -> Response:
        by = asked(filters_of(self.registered), request.query_params)
        found = self.policy.visible(self.actor, MachineInstance.objects.filter(machine=self.registered.name))
        rows = list(filtered(found, self.registered, by).order_by("-pk")[: by.limit + 1])
        items = [shown(self.registered, row, self.actor) for row in rows]
        return self.page(items, by.limit, rows[: by.limit][-1].pk if rows else 0, shapes(self.registered).page)

    def post(self, request: Request) -> Response:
        wanted = self.read(creation(self.registered), f"creation of {self.machine}")
        given = getattr(wanted, start_field(self.registered))
        key = None if wanted.key is UNSET else wanted.key
        input = None if given is UNSET else given
        replayed = self._known(key, input)
        made = engine.create(
            self.registered.name,
            key,
            data=input,
            actor=self.actor,
            origin=ORIGIN,
            idempotency_key=self.idempotency_key,
            using=self.using,
        )
        return self.acted(made, replayed=replayed, status=201)

    def _known(self, key: str | None, input: Any) -> bool:
        """Say whether this very request was done before. Raises IdempotencyConflict."""
        if self.idempotency_key is None:
            return False
        body = {"key": key, "data": msgspec.to_builtins(input)}
        request = idempotency.Request(self.actor, "create", self.registered.name, self.idempotency_key, body)
        return idempotency.answer(request, self.using) is not None


def start_field(registered: Registered) -> str:
    """Return what a machine's beginning is called: its data, or its input where it has a type of that."""
    return "data" if registered.machine.initial is None else "input"


@lru_cache
def creation(registered: Registered) -> Any:
    """Return the type of a creation's body."""
    fields = [("key", Text | UnsetType, UNSET), start_of(registered, start_field(registered))]
    return msgspec.defstruct(
        f"{camel(registered.name)}Creation", fields, kw_only=True, forbid_unknown_fields=True, module=__name__
    )


def start_of(registered: Registered, name: str) -> tuple[Any, ...]:
    """Return the field for what a machine begins with; it may be left out where the machine can do without."""
    kind = registered.machine.input_type
    try:
        registered.machine.initial_data()
    except Exception:
        return (name, kind)
    return (name, kind | UnsetType, UNSET)


class Wait(msgspec.Struct, forbid_unknown_fields=True):
    """Until when to wait: a state (its path) or a tag, and for how many seconds at most."""

    wait_for: Text | UnsetType = UNSET
    timeout: Annotated[float, Meta(ge=0, le=MOST_SECONDS)] = 30


class Seen(NamedTuple):
    """An instance at one look, and whether it was where it is waited for."""

    instance: MachineInstance
    there: bool


class Instance(OfMachine):
    """One instance."""

    def initial(self, request: Request, *given: Any, **named: Any) -> None:
        """Sign in as one of few where it is going to wait: those who wait are many, and hold no connection."""
        with in_turn() if "wait_for" in request.query_params else nullcontext():
            super().initial(request, *given, **named)

    def operation(self, method: str) -> Operation:
        kind = shapes(self.registered).instance
        return Operation(
            f"read_{self.machine}",
            "Read an instance.",
            kind,
            query=Wait,
            headers=(IF_NONE_MATCH,),
            problems=(404,),
        )

    def get(self, request: Request, pk: int) -> Response:
        by = asked(Wait, request.query_params)
        if by.wait_for is not UNSET:
            look = partial(self._at, pk, by.wait_for)
            with in_turn():
                first = look()
            seen = wait(first.instance, first, look, lambda seen: seen.there, self.using, by.timeout)
            return self.shown(seen.instance, 200, **{"Wait-Reached": "true" if seen.there else "false"})
        instance = self.instance(pk)
        tag = etag(self.registered, instance, self.actor)
        known = [one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")]
        if tag in known or "*" in known:
            return Response(None, 304, headers={"ETag": tag})
        return self.shown(instance)

    def _at(self, pk: int, place: str) -> Seen:
        """Look whether a state, or one with a tag, is active; the policy is asked each time. Raises Http404."""
        instance = self.instance(pk)
        return Seen(instance, place in instance.configuration or place in subject_of(instance).tags)


class History(OfMachine):
    """What happened to an instance, oldest first."""

    def operation(self, method: str) -> Operation:
        kind = shapes(self.registered).history_page
        return Operation(f"history_of_{self.machine}", "Read an instance's history.", kind, query=Page, problems=(404,))

    def get(self, request: Request, pk: int) -> Response:
        by = asked(Page, request.query_params)
        entries = self.instance(pk).entries.order_by("sequence")
        if by.cursor is not UNSET:
            entries = entries.filter(sequence__gt=by.cursor)
        rows = list(entries[: by.limit + 1])
        items = [shown_entry(self.registered, row, self.actor) for row in rows]
        cursor = rows[: by.limit][-1].sequence if rows else 0
        return self.page(items, by.limit, cursor, shapes(self.registered).history_page)


class Reason(msgspec.Struct, forbid_unknown_fields=True):
    """Why an operator does something."""

    reason: Annotated[str, Meta(min_length=1, max_length=1000, pattern=r"\S")]


class Act(OfMachine):
    """An operator's act on an instance: pause, resume or cancel."""

    act = ""

    def operation(self, method: str) -> Operation:
        return operator_operation(self.machine, self.act, shapes(self.registered).instance, Reason)

    def post(self, request: Request, pk: int) -> Response:
        instance = self.instance(pk)
        given = self.read(Reason, self.act)
        verb = {"pause": engine.pause, "resume": engine.resume, "cancel": engine.cancel}[self.act]
        done = verb(
            instance,
            reason=given.reason,
            actor=self.actor,
            origin=ORIGIN,
            expected_sequence=self.expected(instance),
            lock_timeout=base.LOCK_WAIT,
            using=self.using,
        )
        return self.acted(done)
