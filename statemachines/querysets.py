"""Questions about many instances, answered in SQL.

Limits: reads; the verbs that write are in `engine`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NoReturn

from django.db import models
from django.db.models import Case, Count, Exists, F, OuterRef, Q, Value, When

from . import registry
from .core.machine import Machine


class MachineInstanceQuerySet(models.QuerySet[Any]):
    def of(self, machine: Machine[Any] | str) -> MachineInstanceQuerySet:
        """Keep the instances of a machine, of any version."""
        return self.filter(machine=registry.of(machine).name)

    def in_state(self, path: str) -> MachineInstanceQuerySet:
        """Keep the instances in which a state is active: "standard" as well as "standard.order_ready"."""
        return self.filter(configuration__includes=path)

    def count_by_state(self) -> dict[str, int]:
        """Count the instances by their active leaves."""
        counted = self.order_by("state").values_list("state").annotate(Count("pk"))
        return dict(counted)

    def needing_attention(self) -> MachineInstanceQuerySet:
        """Keep the instances that do not go on by themselves: an effect or a timer of theirs failed for good."""
        effects = self.model._meta.get_field("effects").related_model._default_manager
        timers = self.model._meta.get_field("timers").related_model._default_manager
        stuck = {"instance": OuterRef("pk"), "needs_attention": True}
        return self.filter(Exists(effects.filter(**stuck)) | Exists(timers.filter(**stuck)))


class EffectQuerySet(models.QuerySet[Any]):
    def stop(self, at: datetime) -> int:
        """End those that are open, as what invoked them is gone; return how many there were.

        One that runs now is only told so: it ends when its worker hears of it, or when its lease is over.
        """
        running, ran = Q(status__in=["running", "cancelling"]), Q(status="ran")
        ended = Case(
            When(running, then=Value("cancelling")),
            When(ran & Q(failure=True), then=Value("failed")),
            When(ran, then=Value("ignored")),
            default=Value("cancelled"),
        )
        return self.filter(status__in=self.model.OPEN).update(
            status=ended, ended_at=Case(When(running, then=F("ended_at")), default=Value(at)), needs_attention=False
        )


def append_only() -> TypeError:
    """Return the error of changing history."""
    return TypeError(
        "History is append-only: an entry is neither changed nor deleted. `manage.py redact` erases secrets."
    )


class AppendOnlyQuerySet(models.QuerySet[Any]):
    def update(self, **given: Any) -> NoReturn:
        """Raise TypeError."""
        raise append_only()

    def delete(self) -> NoReturn:
        """Raise TypeError."""
        raise append_only()
