"""Questions about many instances, answered in SQL.

Limits: reads; the verbs that write are in `engine`.
"""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models
from django.db.models import Count

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
