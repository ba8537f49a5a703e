"""What the tests of effects do: ask for one, run it, look at it, die in the middle.

Limits: `run` is a worker's part in this process; real workers are in `tests.workers`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import connection, connections
from django.utils import timezone

from statemachines.engine import create, faults
from statemachines.engine.outbox import run_effect
from statemachines.engine.sweep import claim
from statemachines.models import Effect, MachineInstance
from tests.examples.jobs import Job, jobs


class Died(BaseException):
    """The worker's process is gone: nothing in it catches this, as nothing catches a power cut."""


def asked(event: str, key: str | None = None, **data: Any) -> tuple[MachineInstance, Effect]:
    """Return an instance that has asked for an effect, and that effect."""
    made = create(jobs.machine, key, data=Job(**data), system=True)
    made.send(event, system=True)
    return made, Effect.objects.get(instance=made)


def run(effect: Effect, function: Callable[..., Any] | None = None) -> bool:
    """Run an effect as a worker does, with a function in its place, and read what has become of it."""
    try:
        return run_effect(effect.pk, "default", function=function)
    finally:
        effect.refresh_from_db()


def returns(value: Any) -> Callable[..., Any]:
    return lambda input, call: value


def raises(error: BaseException) -> Callable[..., Any]:
    def function(input: Any, call: Any) -> Any:
        raise error

    return function


def dies(input: Any, call: Any) -> Any:
    raise Died


def make_due(effect: Effect) -> None:
    """Let the time pass that an effect waits for, or its lease."""
    Effect.objects.filter(pk=effect.pk).update(due_at=timezone.now() - timedelta(seconds=1))


def claimed() -> list[int]:
    """Return what a sweep hands over."""
    return [pk for pk, _, _ in claim("default").effects]


def state(instance: MachineInstance) -> str:
    instance.refresh_from_db()
    return str(instance.state)


@contextmanager
def dying_at(point: str) -> Iterator[None]:
    """Die where a fault point is reached first."""

    def hook(reached: str) -> None:
        if reached == point:
            faults.hook = None
            raise Died

    faults.hook = hook
    try:
        yield
    except Died:
        pass
    finally:
        faults.hook = None


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Do work in so many threads, each with a connection of its own."""

    def alone(number: int) -> Any:
        try:
            return work(number)
        finally:
            connections.close_all()

    if connection.in_atomic_block:
        raise RuntimeError("threads see committed rows only: take transactional tests")
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(alone, range(count)))
