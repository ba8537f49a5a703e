"""Machines for tests of timers, pauses and repairs: delayed events that note, cancel, replace, fail, ask and end."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from django.contrib.auth.models import Group
from django.db import connection

from statemachines import (
    After,
    Event,
    Final,
    Invoke,
    Machine,
    Moment,
    Occurrence,
    On,
    Parallel,
    State,
    action,
    cancel,
    effect,
    fact,
    send,
)
from statemachines.engine import EffectCall
from statemachines.registry import register

HOUR = timedelta(hours=1)


class Log(msgspec.Struct, frozen=True):
    seen: tuple[str, ...] = ()
    wait: float = 3600.0


def note(data: Log, event: Event | Occurrence) -> Log:
    return msgspec.structs.replace(data, seen=(*data.seen, event.type))


def note_result(data: Log, result: str) -> Log:
    return msgspec.structs.replace(data, seen=(*data.seen, result))


def divide(data: Log) -> Log:
    raise ZeroDivisionError


@fact
def broken_sql(data: Log) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT no_such_column FROM statemachines_timer")
    return 0


def asks(data: Log, event: Event, moment: Moment) -> bool:
    return moment.get(broken_sql) == 0


def wait(data: Log) -> timedelta:
    return timedelta(seconds=data.wait)


@effect
def work(data: Log, call: EffectCall) -> str:
    return f"worked {call.attempt}"


@action
def make_group(data: Log) -> None:
    Group.objects.create(name="made by a timer")


timed = register(
    Machine(
        "timed",
        State(
            "idle",
            On("two", do=[send("first", delay=HOUR, id="first"), send("second", delay=2 * HOUR, id="second")]),
            On("cancels", do=[send("stop", delay=HOUR, id="stop"), send("second", delay=2 * HOUR, id="second")]),
            On("replaces", do=[send("again", delay=HOUR, id="again"), send("second", delay=2 * HOUR, id="second")]),
            On("ends", do=[send("end", delay=HOUR, id="end"), send("second", delay=2 * HOUR, id="second")]),
            On("one", do=send("first", delay=HOUR, id="first")),
            On("bad", do=send("broken", delay=HOUR, id="broken")),
            On("sql", do=send("asked", delay=HOUR, id="asked")),
            On("past", do=send("first", delay=-HOUR, id="first")),
            On("year", do=send("first", delay=timedelta(days=365), id="first")),
            On("soon", do=send("first", delay=timedelta(milliseconds=50), id="first")),
            On("wait", "waiting"),
            On("ask", "asking"),
            On("both", "busy"),
            On("first", do=note),
            On("second", do=note),
            On("stop", do=[note, cancel("second")]),
            On("again", do=[note, send("second", delay=HOUR, id="second")]),
            On("broken", do=divide),
            On("asked", do=note, when=asks, facts=[broken_sql]),
            On("end", "over"),
        ),
        State("waiting", After(wait, "idle"), On("leave", "idle")),
        State(
            "asking",
            Invoke(work, "idle", do=note_result, error="idle", id="asked"),
            After(2 * HOUR, "asking", reenter=True),
        ),
        Parallel(
            "busy",
            State("job", State("doing", Invoke(work, do=note_result, id="job"))),
            State("other", State("open", On("close", "#over")), On("note", do=[note, work])),
        ),
        Final("over", id="over"),
        data=Log,
    ),
    app_label="examples",
)

acting = register(
    Machine("acting", State("idle", After(HOUR, "acted", do=make_group)), State("acted"), data=Log),
    app_label="examples",
)
