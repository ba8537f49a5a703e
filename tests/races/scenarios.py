"""What a player can be asked to do, and the tally of what came of it.

Limits: an exception that no caller should see is told, not raised.
"""

from __future__ import annotations

import random
import time
import traceback
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction

from statemachines import Actor, Occurrence, engine
from statemachines.engine.outbox import run_effect
from statemachines.engine.timers import fire_timer
from statemachines.exceptions import (
    EventRefused,
    IdempotencyConflict,
    InstanceBusy,
    InstanceExists,
    SequenceMismatch,
)
from statemachines.models import Effect

from . import barrier

ANSWERS = (EventRefused, IdempotencyConflict, InstanceBusy, InstanceExists, SequenceMismatch)
"""What a caller may be told."""


class Tally:
    """Outcomes by name, what was done, how long each attempt took, the SQLSTATEs of statements that failed."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.done: list[Any] = []
        self.seconds: list[float] = []
        self.states: list[str] = []
        self.unexpected: list[str] = []

    def attempt(self, do: Callable[[], tuple[str, Any]]) -> None:
        """Do one thing, and count how it ended."""
        started = time.perf_counter()
        try:
            outcome, done = do()
            self.done.append(done)
        except ANSWERS as answer:
            outcome = type(answer).__name__
        except Exception:
            outcome = "unexpected"
            self.unexpected.append(traceback.format_exc())
        self.seconds.append(time.perf_counter() - started)
        self.outcomes[outcome] += 1

    def watch(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """Note statements that fail (an execute_wrapper)."""
        try:
            return execute(sql, params, many, context)
        except DatabaseError as error:
            self.states.append(getattr(error.__cause__, "sqlstate", ""))
            raise


def play(scenario: str, *, session: tuple[str, ...] = (), waits: bool = True, **arguments: Any) -> dict[str, Any]:
    """Play a scenario on a new connection, after `session`'s statements and the barrier; return its tally."""
    tally = Tally()
    try:
        with connection.cursor() as cursor:
            for statement in session:
                cursor.execute(statement)
        with connection.execute_wrapper(tally.watch):
            if waits:
                barrier.wait()
            SCENARIOS[scenario](tally, **arguments)
    except Exception:
        tally.unexpected.append(traceback.format_exc())
    finally:
        connection.close()
    return vars(tally)


def send(tally: Tally, pk: int, events: list[Any], actor: list[str], **options: Any) -> None:
    """Send events one after another; each is a name, or a name and its payload."""
    if "lock_timeout" in options:
        options["lock_timeout"] = timedelta(seconds=options["lock_timeout"])

    def one(name: str, payload: Any = None) -> tuple[str, Any]:
        sent = engine.send(pk, Occurrence(name, payload), actor=Actor(*actor), **options)
        return ("replayed" if sent.replayed else "accepted"), sent.sequence

    for event in events:
        tally.attempt(partial(one, *([event] if isinstance(event, str) else event)))


def create(tally: Tally, machine: str, key: str | None, actor: list[str], idempotency_key: str | None = None) -> None:
    def one() -> tuple[str, Any]:
        return "accepted", engine.create(machine, key, actor=Actor(*actor), idempotency_key=idempotency_key).pk

    tally.attempt(one)


def force(tally: Tally, pk: int, targets: list[str], actor: list[str]) -> None:
    """Force an instance into one state after another."""

    def one(target: str) -> tuple[str, Any]:
        return "accepted", engine.force(pk, target, reason="a race", actor=Actor(*actor)).sequence

    for target in targets:
        tally.attempt(partial(one, target))


def fire(tally: Tally, timer: int) -> None:
    tally.attempt(lambda: ("fired" if fire_timer(timer, "default") else "nothing", timer))


def effects(tally: Tally) -> None:
    """Run whatever is open until nothing is."""

    def one(pk: int) -> tuple[str, Any]:
        return ("ended" if run_effect(pk, "default") else "nothing"), pk

    while open_ones := list(Effect.objects.filter(status__in=Effect.OPEN).values_list("pk", flat=True)):
        random.shuffle(open_ones)
        for pk in open_ones:
            tally.attempt(partial(one, pk))


def rename_first(tally: Tally, pk: int, event: str, actor: list[str], *, passes: bool) -> None:
    """In a transaction of the caller's own write the groups, pass the barrier if asked to, then send."""

    def one() -> tuple[str, Any]:
        with transaction.atomic():
            Group.objects.update(name="mine")
            if passes:
                barrier.wait()
            return "accepted", engine.send(pk, event, actor=Actor(*actor)).sequence

    tally.attempt(one)


SCENARIOS: dict[str, Callable[..., None]] = {
    scenario.__name__: scenario for scenario in (send, create, force, fire, effects, rename_first)
}
