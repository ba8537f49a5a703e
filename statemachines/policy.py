"""Who may do what with a machine's instances: one policy per machine, in code, for REST, the admin and Python alike.

Everything is denied that a policy does not allow. The engine's verbs ask the policy of a machine that has one, unless
the project itself acts (`system=True`); what concerns an instance is asked under its lock.
Limits: says who may, not whether it is possible now; that is the machine's to say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from .core.events import Actor, AnyEvent
from .core.machine import Machine
from .core.snapshot import Snapshot

if TYPE_CHECKING:
    from .models import MachineInstance
    from .querysets import MachineInstanceQuerySet


class Subject(msgspec.Struct, frozen=True):
    """An instance as a policy, or a public view, is asked about it: what it is called, and its snapshot."""

    machine: Machine[Any]
    pk: int
    key: str
    status: str
    sequence: int
    snapshot: Snapshot[Any]
    created_at: datetime

    @property
    def data(self) -> Any:
        """What it owns, typed."""
        return self.snapshot.data

    @property
    def states(self) -> tuple[str, ...]:
        """The active leaves."""
        return self.machine.chart.configuration(self.snapshot.configuration).leaves

    @property
    def tags(self) -> list[str]:
        """The tags of all active states, sorted."""
        return sorted(self.machine.tags_of(self.snapshot))


def subject_of(instance: MachineInstance) -> Subject:
    """Return what there is to ask about a row. Raises UnknownMachine and UnknownVersion."""
    return Subject(
        instance.registered.machine,
        instance.pk,
        instance.key,
        instance.status,
        instance.sequence,
        instance.snapshot(),
        instance.created_at,
    )


class Policy:
    """Denies all; a project's subclass allows what it overrides. `anonymous`: let those in who are not signed in."""

    anonymous = False

    def may_explore(self, actor: Actor) -> bool:
        """Say whether somebody may read the machine's definition, and simulate it."""
        return False

    def visible(self, actor: Actor, instances: MachineInstanceQuerySet) -> MachineInstanceQuerySet:
        """Keep the instances that somebody may see."""
        return instances.none()

    def sees(self, actor: Actor, instance: MachineInstance) -> bool:
        """Say whether somebody may see an instance; by default, `visible` is asked for that one row."""
        alone = type(instance).objects.using(instance._state.db).filter(pk=instance.pk)
        return self.visible(actor, alone).exists()

    def visible_rows(self, actor: Actor, rows: Sequence[MachineInstance]) -> Iterable[MachineInstance]:
        """Keep the rows, just read, that somebody may see; by default `visible` reads them again, in one query.

        Each open stream asks this whenever its instance moved. Override it where a row itself says who may see it:
        hundreds of people's streams then need no query each. It has to agree with `visible`.
        """
        again = type(rows[0]).objects.using(rows[0]._state.db).filter(pk__in=[row.pk for row in rows])
        return self.visible(actor, again)

    def may_create(self, actor: Actor, key: str | None, input: Any) -> bool:
        """Say whether somebody may create an instance from this typed input; `key` is None where they gave none."""
        return False

    def events(self, actor: Actor, subject: Subject) -> Collection[str]:
        """Name the events that somebody may send to an instance that is in this state."""
        return ()

    def may_send(self, actor: Actor, subject: Subject, event: AnyEvent) -> bool:
        """Say whether somebody may send this very event; by default, whether `events` has its name."""
        return event.type in self.events(actor, subject)

    def may_operate(self, actor: Actor, subject: Subject) -> bool:
        """Say whether somebody may pause, resume and cancel an instance, or force it into a state."""
        return False
