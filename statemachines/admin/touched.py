"""What an act on many instances would touch: how many, in which states, and what would become of them.

Limits: says it by the definition and the status alone; guards, policies and functions decide when it is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from django.db.models import Count, QuerySet

from statemachines import shown
from statemachines.core.border import incoming
from statemachines.core.events import RESERVED, Occurrence
from statemachines.core.machine import Machine
from statemachines.exceptions import InvalidValue
from statemachines.models import BulkJob, MachineInstance

from . import filters
from .typed import TypedForm
from .words import states_in_words

TOGETHER = 10_000
"""How many ids one statement may have."""

Machines = Mapping[tuple[str, int], Machine[Any]]
"""The machines that this code has, by name and version."""


class Kind(NamedTuple):
    """Instances that are alike."""

    machine: str
    version: int
    state: str
    status: str


class Group(NamedTuple):
    """Instances in the same state, and what would become of them: "done", "refused", "depends"; "" is not known yet."""

    machine: str
    state: str
    status: str
    number: int
    verdict: str


def kinds_of(job: BulkJob) -> Counter[Kind]:
    """Count a job's instances by machine, version, state and status."""
    counted: Counter[Kind] = Counter()
    for part in _parts(job):
        for *kind, number in part.order_by().values_list(*Kind._fields).annotate(Count("pk")):
            counted[Kind(*kind)] += number
    return counted


def machines_of(kinds: Collection[Kind]) -> Machines:
    """Return the machines of some instances, as far as this code has them."""
    pairs = sorted({(kind.machine, kind.version) for kind in kinds})
    return {pair: machine for pair in pairs if (machine := shown.machine_of(*pair)) is not None}


def stuck(job: BulkJob) -> Iterator[Group]:
    """Tell those with failed effects from those without."""
    number = sum(part.filter(pk__in=filters.stuck()).count() for part in _parts(job))
    yield Group("", "", "", number, "done")
    yield Group("", "", "", job.total - number, "refused")


def groups(kinds: Mapping[Kind, int], machines: Machines, on: Collection[str], event: str | None) -> Iterator[Group]:
    """Say what becomes of each kind: of those whose status is one of `on`, where an event is sent, by their states."""
    for kind, number in sorted(kinds.items()):
        machine = machines.get((kind.machine, kind.version))
        verdict = "refused" if machine is None or kind.status not in on else "done"
        if verdict == "done" and event is not None and machine is not None:
            verdict = would_take(machine, kind.state, event) if event else ""
        label = str(MachineInstance.Status(kind.status).label)
        yield Group(kind.machine, states_in_words(kind.state), label, number, verdict)


def would_take(machine: Machine[Any], state: str, event: str) -> str:
    """Say by the definition alone whether active leaves take an event."""
    leaves = [machine.chart.by_path[path] for path in state.split(", ")]
    nodes = {node for leaf in leaves for node in (leaf, *leaf.ancestors())}
    edges = [edge for node in nodes for edge in node.candidates(event) if not edge.forbids]
    if not edges:
        return "refused"
    return "done" if any(edge.row.guard is None for edge in edges) else "depends"


def events_of(machines: Machines) -> list[str]:
    """Return the events that a client may send to some of the machines, as far as they are named."""
    keys = {key for machine in machines.values() for node in machine.chart.nodes for key in node.edges}
    typed = {name for machine in machines.values() for name in machine.events}
    return sorted({key for key in keys if not key.startswith(RESERVED) and "*" not in key} | typed)


def payload_form(machines: Machines, event: str, data: Any) -> TypedForm | None:
    """Return a form for an event's payload, by the type that the newest machine has for it."""
    types = [machine.events[event] for machine in machines.values() if event in machine.events]
    form = TypedForm(types[-1], data, prefix="payload") if types else None
    return form if form is not None and form.fields else None


def checked(machines: Machines, event: str, payload: Any) -> InvalidValue | None:
    """Check a payload by the core, on the machines that know the event."""
    for machine in machines.values():
        if event in machine.events:
            try:
                incoming(machine, Occurrence(event, payload))
            except InvalidValue as error:
                return error
    return None


def _parts(job: BulkJob) -> Iterator[QuerySet[MachineInstance]]:
    for first in range(0, job.total, TOGETHER):
        yield MachineInstance.objects.using(job._state.db).filter(pk__in=job.instances[first : first + TOGETHER])
