"""A helpdesk: customers open tickets of their own, staff work on them; what staff note is not for customers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from django.contrib.auth.models import User
from msgspec import Meta

from statemachines import After, Event, Final, Invoke, Machine, On, Refuse, Sensitive, State, effect
from statemachines.core.events import Actor
from statemachines.models import HistoryEntry, MachineInstance
from statemachines.policy import Policy, Subject
from statemachines.querysets import MachineInstanceQuerySet
from statemachines.registry import register


class TicketData(msgspec.Struct, frozen=True):
    owner: str
    title: Annotated[str, Meta(min_length=1, max_length=100)]
    priority: Annotated[int, Meta(ge=1, le=5)] = 3
    comments: tuple[str, ...] = ()
    secret: Annotated[str, Sensitive] = ""
    checked: str = ""
    hours: float = 0.5
    room: int | None = None
    isnull: str = "no"


class Commented(Event, tag="commented"):
    """Somebody says something."""

    text: Annotated[str, Meta(min_length=1, max_length=1000)]


class Noted(Event, tag="noted"):
    """Staff note something that is not for the customer."""

    secret: str
    level: Literal["low", "high"] = "low"


class Closed(Event, tag="closed"):
    """It is done."""


class Reopened(Event, tag="reopened"):
    """It is not done after all."""


class Broken(Event, tag="broken"):
    """Trips over a bug of the machine."""


def comment(data: TicketData, event: Commented) -> TicketData:
    if event.text == "spam":
        raise Refuse("spam", "This is spam.")
    return msgspec.structs.replace(data, comments=(*data.comments, event.text))


def note(data: TicketData, event: Noted) -> TicketData:
    return msgspec.structs.replace(data, secret=event.secret)


def trip(data: TicketData) -> TicketData:
    raise ZeroDivisionError(f"the secret is {data.secret}")


def discussed(data: TicketData) -> bool:
    return bool(data.comments)


@effect
def check(data: TicketData) -> str:
    """Check the ticket."""
    return data.title.upper()


def keep_check(data: TicketData, result: str) -> TicketData:
    return msgspec.structs.replace(data, checked=result)


ticket = Machine(
    "ticket",
    State(
        "open",
        On(Commented, do=comment),
        On(Noted, do=note),
        On(Closed, "closed", when=discussed),
        On(Broken, do=trip),
        On("check", "checking"),
        After(timedelta(days=7), "closed"),
        tags=["at_work"],
    ),
    State("checking", Invoke(check, "open", do=keep_check, error="open"), tags=["at_work"]),
    State("closed", On(Reopened, "open"), On("archive", "archived")),
    Final("archived"),
    data=TicketData,
    description="A customer's question.",
)


class PublicTicket(msgspec.Struct, frozen=True):
    """What is shown of a ticket; `secret` to staff only."""

    title: str
    state: tuple[str, ...]
    comments: tuple[str, ...]
    checked: str
    secret: str | None = None


class PublicStep(msgspec.Struct, frozen=True):
    at: datetime
    event: str


def is_staff(actor: Actor) -> bool:
    return actor.kind == "user" and User.objects.filter(pk=actor.id, is_staff=True).exists()


def public(subject: Subject, actor: Actor) -> PublicTicket:
    data = subject.data
    secret = None if data.owner == actor.id else data.secret
    return PublicTicket(data.title, subject.states, data.comments, data.checked, secret)


def public_step(entry: HistoryEntry, actor: Actor) -> PublicStep:
    return PublicStep(entry.at, entry.event)


class Helpdesk(Policy):
    """Customers have their own tickets, staff all."""

    def may_explore(self, actor: Actor) -> bool:
        return actor.kind == "user"

    def visible(self, actor: Actor, instances: MachineInstanceQuerySet) -> MachineInstanceQuerySet:
        return instances if is_staff(actor) else instances.filter(data__owner=actor.id)

    def visible_rows(self, actor: Actor, rows: Sequence[MachineInstance]) -> list[MachineInstance]:
        own = [row for row in rows if row.data["owner"] == actor.id]
        return own if len(own) == len(rows) or not is_staff(actor) else list(rows)

    def may_create(self, actor: Actor, key: str | None, input: Any) -> bool:
        return input.owner == actor.id and not (input.secret or input.checked or input.comments)

    def events(self, actor: Actor, subject: Subject) -> tuple[str, ...]:
        if is_staff(actor):
            return ("commented", "noted", "closed", "check", "archive", "broken")
        return ("commented", "closed", "reopened", "broken") if subject.data.owner == actor.id else ()

    def may_operate(self, actor: Actor, subject: Subject) -> bool:
        return is_staff(actor)


register(
    ticket,
    policy=Helpdesk(),
    public=public,
    public_history=public_step,
    indexed=["priority", "title", "hours", "room", "isnull"],
)


class Ping(Event):
    pass


class Open(Policy):
    """Everybody may all, signed in or not."""

    anonymous = True

    def may_explore(self, actor: Actor) -> bool:
        return True

    def visible(self, actor: Actor, instances: MachineInstanceQuerySet) -> MachineInstanceQuerySet:
        return instances

    def may_create(self, actor: Actor, key: str | None, input: Any) -> bool:
        return True

    def events(self, actor: Actor, subject: Subject) -> tuple[str, ...]:
        return ("ping", "stop")


register(
    Machine("bell", State("silent", On(Ping, "rang")), State("rang", On(Ping), On("stop", "silent"), tags=["loud"])),
    policy=Open(),
)
