"""Effects of each kind, on a machine that asks for each of them in both ways: and goes on, or waits for the result."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import msgspec

from statemachines import After, Always, Final, Invoke, Limit, Machine, On, Retry, Sensitive, State, effect, pending
from statemachines.engine import EffectCall
from statemachines.registry import register


class Job(msgspec.Struct, frozen=True):
    """`file` is where effects leave their trace; `seconds` is how long they take."""

    file: str = ""
    account: str = "a"
    seconds: float = 0.0
    answer: str = ""


class Part(msgspec.Struct, frozen=True):
    account: str


def part(data: Job) -> Part:
    return Part(data.account)


def account_of(given: Part) -> str:
    return given.account


def trace(data: Job, call: EffectCall) -> str:
    """Leave a line: key, attempt; take the time that is said, and leave another."""
    with Path(data.file).open("a") as lines:
        lines.write(f"{call.idempotency_key} {call.attempt} begins\n")
    time.sleep(data.seconds)
    with Path(data.file).open("a") as lines:
        lines.write(f"{call.idempotency_key} {call.attempt} ends\n")
    return f"attempt {call.attempt}"


@effect
def plain(data: Job, call: EffectCall) -> str:
    return trace(data, call)


@effect(retry=Retry(max_attempts=3, first_delay=timedelta(seconds=10), jitter=0), fatal=(ValueError, LookupError))
def tried(data: Job) -> str:
    return "tried"


@effect(guarantee="at_most_once")
def once(data: Job, call: EffectCall) -> str:
    return trace(data, call)


@effect(timeout=timedelta(seconds=30))
def timed(data: Job) -> str:
    return "in time"


@effect(timeout=timedelta(seconds=1), retry=Retry(max_attempts=2, first_delay=timedelta(0)))
def hasty(data: Job, call: EffectCall) -> str:
    return trace(data, call)


@effect
def asks(data: Job, call: EffectCall) -> str:
    answer: str = pending(f"token {data.account}", deadline=timedelta(hours=1))
    return answer


@effect(input=part, limit=Limit(concurrency=1, key=account_of))
def single(given: Part) -> str:
    return given.account


@effect(limit=Limit(rate=2, per=timedelta(seconds=60)))
def paced(data: Job) -> str:
    return "paced"


@effect(limit=Limit(concurrency=1, rate=1, per=timedelta(seconds=10)))
def both(data: Job) -> str:
    return "both"


EFFECTS = [plain, tried, once, timed, hasty, asks, single, paced, both]


def keep(data: Job, result: str) -> Job:
    if result == "unbearable":
        raise ZeroDivisionError(result)
    return msgspec.structs.replace(data, answer=result)


def waits_for(name: str) -> State[Job]:
    """Return the state that waits for an effect's result."""
    invoked = next(one for one in EFFECTS if one.id == name)
    return State(
        f"with_{name}",
        Invoke(invoked, "answered", do=keep, error="failed", id=name),
        On("stop", "idle"),
        On("again", f"with_{name}", reenter=True),
        On("end", "ended"),
    )


jobs = register(
    Machine(
        "jobs",
        State(
            "idle",
            *(On[Job](one.id, do=one) for one in EFFECTS),
            *(On[Job](f"invoke_{one.id}", f"with_{one.id}") for one in EFFECTS),
            On("invoke_unheard", "unheard"),
            On("pass", "passing"),
            On("say", "ended", do=plain),
        ),
        *(waits_for(one.id) for one in EFFECTS),
        State("unheard", Invoke(tried, "answered", do=keep, id="unheard")),
        State("passing", Invoke(plain, "answered", do=keep, id="passed"), Always("idle")),
        State("answered"),
        State("failed"),
        Final("ended"),
        data=Job,
    )
)


class Patient(msgspec.Struct, frozen=True):
    name: str = ""
    diagnosis: Annotated[str, Sensitive] = ""
    note: str = ""


class Letter(msgspec.Struct, frozen=True):
    to: str
    text: Annotated[str, Sensitive]


class Receipt(msgspec.Struct, frozen=True):
    number: int
    read: Annotated[str, Sensitive]


def letter(data: Patient) -> Letter:
    return Letter(data.name, data.diagnosis)


@effect(input=letter, retry=Retry(max_attempts=1))
def write_to(given: Letter) -> Receipt:
    return Receipt(1, given.text)


def written(data: Patient, result: Receipt) -> Patient:
    if not result.number:
        raise ValueError(f"cannot file {result.read}")
    return msgspec.structs.replace(data, note=str(result.number))


def forget(data: Patient) -> Patient:
    raise ValueError(f"cannot forget {data.diagnosis}")


clinic = register(
    Machine(
        "clinic",
        State("idle", On("write", "writing"), On("send", do=write_to), On("remind", "reminded")),
        State("reminded", After(timedelta(hours=1), "idle", do=forget)),
        State("writing", Invoke(write_to, "written", do=written, error="unsent", id="letter")),
        State("written"),
        State("unsent"),
        data=Patient,
    )
)
