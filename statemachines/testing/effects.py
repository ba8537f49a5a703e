"""Say what becomes of effects in a test with a database: run for real, faked, failed, late.

What is said of an effect holds from then on, for all instances. Effects of which nothing is said wait until `run`; one
that is pending waits for `engine.complete` or its deadline, and what is held or paused for its release.
Limits: everything goes through the engine's outbox, so attempts, results and errors are those of production.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from statemachines import registry
from statemachines.core.functions import Effect as Declared
from statemachines.core.functions import Named
from statemachines.engine import holds
from statemachines.engine.claims import retry_of
from statemachines.engine.following import follow_effect
from statemachines.engine.outbox import EffectCall, run_effect
from statemachines.exceptions import UnknownVersion
from statemachines.models import Effect, MachineInstance

Which = Declared[Any, Any] | str
"""An effect, or its name with or without its app."""


@dataclass
class Told:
    """What is said of an effect. `times`: how many tries fail; None: the next one fails for good."""

    takes: timedelta = timedelta(0)
    instead: Callable[[Any, Any, Any], Any] | None = None
    error: BaseException | None = None
    times: int | None = None


class Rounds:
    """Counts what an instance does at one moment, and raises RuntimeError where that never ends."""

    MOST = 100

    def __init__(self) -> None:
        self._counted: Counter[tuple[int, str]] = Counter()

    def count(self, instance: int, name: str) -> None:
        self._counted[instance, name] += 1
        if self._counted[instance, name] > self.MOST:
            problem = "comes at once again and again, so time never passes. Give it a guard, or a delay."
            raise RuntimeError(f"{name} of instance {instance} {problem}")


class Effects:
    """The effects that wait in a database."""

    def __init__(self, using: str, now: Callable[[], datetime]) -> None:
        self.using = using
        self.now = now
        self._told: dict[str, Told] = {}

    @property
    def waiting(self) -> list[Effect]:
        """The effects without an outcome yet, in the order in which they were asked for."""
        return list(self._open().order_by("created_at", "pk"))

    def fake(self, effect: Which, result: Any = None) -> None:
        """Have an effect end with this result, and its function not run; a function gets `(data)` or `(data, call)`."""
        told = self._of(effect)
        told.error = None
        told.instead = Named(result).bound() if callable(result) else lambda data, call, moment: result

    def fail(self, effect: Which, error: BaseException | str = "it failed", *, times: int | None = None) -> None:
        """Have an effect fail: for good, or so many `times`, tried again each time after the engine's wait."""
        told = self._of(effect)
        told.error = RuntimeError(error) if isinstance(error, str) else error
        told.times = times

    def delay(self, effect: Which, by: timedelta = timedelta(0), **given: float) -> None:
        """Have an effect take this long (`minutes=5` and such) since it was asked for, whatever its outcome."""
        self._of(effect).takes = by + timedelta(**given)

    def run(self, effect: Which | None = None, *, raises: bool = True) -> list[Effect]:
        """Run what waits and is due now, of this effect or of all, and what that asks for. Return what was run.

        An error that was not asked for is an AssertionError here; with `raises=False` it is left to the engine's
        retries alone.
        """
        done: list[Effect] = []
        rounds = Rounds()
        while (row := self._due(effect)) is not None:
            self.end(row, raises=raises)
            row.refresh_from_db(using=self.using)
            done.append(row)
            rounds.count(row.instance_id, row.name)
        return done

    def end(self, row: Effect, *, raises: bool = True) -> None:
        """Run one effect as it was told. Raises UnknownVersion where this code does not have its version."""
        self._follow(row)
        if row.status not in Effect.OPEN:
            return  # the newer version lets it go
        declared = registry.find(row.instance.machine, row.version).effect(row.name)
        told = self._told.get(_short(row.name), Told())
        if told.error is not None and told.times is None:
            last = retry_of(declared).max_attempts
            self._open().filter(pk=row.pk).update(attempts=row.attempts_before + last - 1)
        unexpected: list[Exception] = []
        real = declared.bound()

        def function(data: Any, call: EffectCall) -> Any:
            if told.error is not None and (told.times is None or call.attempt <= told.times):
                raise told.error
            try:
                return (told.instead or real)(data, call, None)
            except Exception as error:
                unexpected.append(error)
                raise

        run_effect(row.pk, self.using, function=function)
        if unexpected and raises:
            name = _short(row.name)
            hint = f"effects.fail({name}, …) says that it may, effects.fake({name}, …) runs something else."
            raise AssertionError(f"The effect {row.name} raised {unexpected[0]!r}. {hint}") from unexpected[0]

    def _follow(self, row: Effect) -> None:
        """Have an instance of a version that this code lacks follow to a newer one, where it does so by itself."""
        try:
            registry.find(row.instance.machine, row.version)
        except UnknownVersion:
            if follow_effect(row.pk, self.using):
                row.refresh_from_db(using=self.using)

    def next_told(self, until: datetime) -> tuple[datetime, Effect] | None:
        """Return the effect that was told what to do, or whose deadline is over, first until a moment, and when."""
        passes = Effect.Status.PENDING
        told = [
            (self._ready(row), row)
            for row in self._startable()
            if _short(row.name) in self._told or row.status == passes
        ]
        return min((one for one in told if one[0] <= until), key=lambda one: (one[0], one[1].pk), default=None)

    def _due(self, effect: Which | None) -> Effect | None:
        """Return the oldest effect that is due now."""
        name = None if effect is None else _name(effect)
        now = self.now()
        rows = (row for row in self._startable() if name in (None, _short(row.name)))
        return next((row for row in rows if self._ready(row) <= now), None)

    def _ready(self, row: Effect) -> datetime:
        told = self._told.get(_short(row.name), Told())
        assert row.due_at is not None  # it is startable
        if row.status == Effect.Status.PENDING:
            return row.due_at
        return max(row.due_at, row.created_at + told.takes)

    def _startable(self) -> list[Effect]:
        """Return those that a worker would take up at their time."""
        held = holds.names(self.using)
        if holds.EVERYTHING in held:
            return []
        rows = self._open().exclude(due_at=None).exclude(instance__status=MachineInstance.Status.PAUSED)
        return list(rows.exclude(name__in=held).order_by("created_at", "pk"))

    def _open(self) -> QuerySet[Effect]:
        return (
            Effect.objects.using(self.using)
            .filter(status__in=Effect.OPEN, needs_attention=False)
            .select_related("instance")
        )

    def _of(self, effect: Which) -> Told:
        return self._told.setdefault(_name(effect), Told())


def _name(effect: Which) -> str:
    return _short(effect) if isinstance(effect, str) else effect.id


def _short(name: str) -> str:
    return name.rpartition(".")[2]
