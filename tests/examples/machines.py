"""Small machines, one for each thing that the engine must do."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec
from django.contrib.auth.models import Group

from statemachines import (
    After,
    Event,
    Final,
    History,
    Invoke,
    Machine,
    Moment,
    On,
    Parallel,
    Refuse,
    Sensitive,
    State,
    action,
    cancel,
    effect,
    fact,
    send,
)
from statemachines.engine import EffectCall
from statemachines.registry import register

from . import jobs  # noqa: F401 (its machines are registered with these)


class DoorData(msgspec.Struct, frozen=True):
    opened: int = 0
    code: str = ""
    fee: Decimal = Decimal(0)


class Open(Event):
    code: str = ""


class Close(Event):
    pass


class Lock(Event):
    code: str


class Demolish(Event):
    pass


def count(data: DoorData) -> DoorData:
    return msgspec.structs.replace(data, opened=data.opened + 1)


def set_code(data: DoorData, event: Lock) -> DoorData:
    return msgspec.structs.replace(data, code=event.code)


def right_code(data: DoorData, event: Open) -> bool:
    if not event.code:
        raise Refuse("no_code", "Say the code.")
    return event.code == data.code


def is_old(data: DoorData) -> bool:
    return data.opened > 100


door = register(
    Machine(
        "door",
        State("closed", On(Open, "opened", do=count), On(Lock, "locked", do=set_code)),
        State("opened", On(Close, "closed"), On(Lock), tags=["passable"]),
        State("locked", On(Open, "opened", when=right_code, do=count), On(Demolish, "gone", when=is_old)),
        Final("gone"),
        data=DoorData,
        description="A door that counts how often it was opened.",
    )
)


class Nothing(msgspec.Struct, frozen=True):
    pass


class Go(Event):
    pass


class Stop(Event):
    pass


class NoteData(msgspec.Struct, frozen=True):
    """`file` is where effects leave their trace; `fail` is how often they fail first."""

    file: str = ""
    fail: int = 0
    answer: str = ""
    seconds: float = 0.0


@effect
def note(data: NoteData, call: EffectCall) -> str:
    """Add a line to the file: key, attempt. Fail the first times."""
    with Path(data.file).open("a") as lines:
        lines.write(f"{call.idempotency_key} {call.attempt}\n")
    if call.attempt <= data.fail:
        raise ConnectionError("not yet")
    return f"noted by {call.instance.key}"


def keep_answer(data: NoteData, result: str) -> NoteData:
    return msgspec.structs.replace(data, answer=result)


def some_seconds(data: NoteData) -> timedelta:
    return timedelta(seconds=data.seconds)


notes = register(
    Machine(
        "notes",
        State("idle", On(Go, "noted", do=note), On("invoke", "asking"), On("wait", "waiting")),
        State("noted", On(Go, "noted", do=note)),
        State("asking", Invoke(note, "answered", do=keep_answer, error="failed", id="asked"), On(Stop, "idle")),
        State("answered"),
        State("failed"),
        State("waiting", After(some_seconds, "rang"), On(Stop, "idle"), On(Go, "waiting", reenter=True)),
        State("rang"),
        data=NoteData,
    )
)


@action
def make_group(data: NoteData, event: Event) -> None:
    Group.objects.create(name=data.answer)


@action
def refuse(data: NoteData) -> None:
    raise Refuse("closed_today", "Come back tomorrow.")


@action
def break_down(data: NoteData) -> None:
    raise ZeroDivisionError


@fact
def groups(data: NoteData) -> int:
    return Group.objects.count()


def few_groups(data: NoteData, event: Event, moment: Moment) -> bool:
    return moment.get(groups) < 2


writer = register(
    Machine(
        "writer",
        State(
            "idle",
            On(Go, "written", do=make_group),
            On("refuse", "written", do=[make_group, refuse]),
            On("break", "written", do=[make_group, break_down]),
            On("few", "written", when=few_groups, facts=[groups]),
        ),
        State("written"),
        data=NoteData,
    )
)


class Ticks(msgspec.Struct, frozen=True):
    seen: tuple[str, ...] = ()
    at: datetime | None = None


def seen(data: Ticks, event: Event, moment: Moment) -> Ticks:
    return msgspec.structs.replace(data, seen=(*data.seen, event.type), at=moment.time)


sender = register(
    Machine(
        "sender",
        State(
            "a",
            On("start", "b", do=[send("one"), send("late", delay=timedelta(hours=1), id="later")]),
            On("endless", do=send("endless")),
        ),
        State("b", On("one", "c", do=seen), On("stop", do=cancel("later"))),
        State("c", On("stop", do=cancel("later")), On("late", "d", do=seen)),
        State("d"),
        data=Ticks,
    )
)

regions = register(
    Machine(
        "regions",
        Parallel(
            "both",
            State("left", State("l1", On("l", "l2")), Final("l2")),
            State("right", State("r1", On("r", "r2")), Final("r2")),
        ),
    )
)


def divides(data: Nothing) -> bool:
    return bool(1 / 0)


broken = register(Machine("broken", State("a", On(Go, "b", when=divides)), State("b"), data=Nothing))


class Everything(msgspec.Struct, frozen=True):
    """A field of each kind that data may have."""

    integer: int = 0
    number: float = 0.0
    amount: Decimal = Decimal(0)
    text: str = ""
    flag: bool = False
    moment: datetime | None = None
    many: tuple[int, ...] = ()
    by_name: dict[str, str] = {}
    inner: DoorData | None = None
    anything: Any = None


keeper = register(Machine("keeper", State("kept", On("keep")), data=Everything))
loose = register(Machine("loose", State("kept")))


class Account(msgspec.Struct, frozen=True):
    name: str = ""
    email: Annotated[str, Sensitive] = ""


class Moved(Event):
    email: Annotated[str, Sensitive]


@effect
def greet(data: Account) -> None:
    pass


def new_email(data: Account, event: Moved) -> Account:
    return msgspec.structs.replace(data, email=event.email)


account = register(Machine("account", State("open", On(Moved, do=[new_email, greet])), data=Account))


def drop_b(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key != "b"}


def left(data: dict[str, Any]) -> dict[str, Any]:
    return {"left": sorted(data)}


wanderer = register(
    Machine(
        "wanderer",
        State(
            "walk",
            State("near", On("go", "far")),
            State("far", On("drop", do=drop_b)),
            History("memory"),
            On("pause", "rest"),
            On("finish", "home"),
        ),
        State("rest", On("resume", "walk.memory")),
        Final("home"),
        output=left,
    )
)
