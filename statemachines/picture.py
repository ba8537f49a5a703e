"""Pictures of machines and instances: what the database knows, laid over what the definition says.

A layout is made once for a definition and kept in the process and in Django's default cache. It is made before the
database is asked, in a process of its own and within a time limit; where ELK fails, Graphviz or a listing stands in.
Limits: reads; who may see an instance is asked by the caller.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from django.core.cache import cache
from django.db.models import Count as Number
from django.db.models import Q, QuerySet
from django.utils import timezone

from . import conf, registry
from .core.diagram.beside import Side, becoming, beside
from .core.diagram.elk import SHIPPED, Elk
from .core.diagram.engines import Engine, place, shown
from .core.diagram.graph import Graph, graph
from .core.diagram.graphviz import Graphviz
from .core.diagram.layout import Layout, key
from .core.diagram.overlay import NOTHING, Count, Overlay
from .core.diagram.svg import svg
from .core.english import listed
from .core.machine import Machine
from .core.words import phrase, state_in_words
from .exceptions import NoUpgrade
from .models import Effect, HistoryEntry, MachineInstance
from .registry import Registered
from .upgrades import way
from .versions import definition

logger = logging.getLogger(__name__)

ENTRIES = 1_000
"""How many of an instance's last history entries are read for what it passed."""
STOPGAP_SECONDS = 600
"""How long a layout is kept that is not ELK's: then ELK is tried again."""
LAYOUTS = 64
"""How many layouts a process keeps."""

_layouts: dict[str, Layout] = {}
_lock = threading.Lock()

graph_of: Callable[[Machine[Any]], Graph] = lru_cache(maxsize=LAYOUTS)(graph)
"""What is drawn of a machine, made once."""


def machine_svg(machine: Machine[Any] | Registered | str, counts: Mapping[str, Count] | None = None) -> str:
    """Draw a machine; `counts` says how many instances are in each state (see `counted`)."""
    return draw(_machine(machine), lambda: Overlay(counts=counts or {}))


def instance_svg(instance: MachineInstance) -> str:
    """Draw an instance: where it is and was, its last transition, its timers, its failed effects.

    Raises UnknownMachine and UnknownVersion where this code does not have its machine.
    """
    return draw(instance.registered.machine, lambda: overlay_of(instance))


def upgrade_svg(name: str, old: int, new: int) -> str:
    """Draw two versions of a machine side by side, and what becomes of each state, where an upgrade leads there.

    Raises UnknownMachine and UnknownVersion; UpgradeError and ImproperlyConfigured where the upgrade is faulty.
    """
    before, after = (side(definition(name, version)) for version in (old, new))
    return beside(before, after, becoming_of(name, old, new))


def becoming_of(name: str, old: int, new: int) -> dict[str, tuple[str, ...]]:
    """Return what becomes of each state, see `becoming`; nothing where no upgrade leads there."""
    try:
        return becoming([crossing.upgrade for crossing in way(name, old, new)], definition(name, old))
    except NoUpgrade:
        return {}


def side(machine: Machine[Any]) -> Side:
    """Return one half of the picture of an upgrade."""
    known = graph_of(machine)
    layout = layout_of(known)
    return Side(machine, shown(known, layout), layout)


def draw(machine: Machine[Any], overlay: Callable[[], Overlay] = lambda: NOTHING) -> str:
    """Draw a machine with what `overlay` returns; that is asked when the layout is there, not before."""
    known = graph_of(machine)
    layout = layout_of(known)
    return svg(shown(known, layout), layout, overlay())


def engines() -> list[Engine]:
    """Return the engines in the order in which they are tried."""
    return [elk(), Graphviz()]


def elk() -> Elk:
    """Return ELK as the settings have it."""
    named = conf.get("ELK_FILE")
    return Elk(Path(named) if named else SHIPPED)


def layout_of(graph: Graph) -> Layout:
    """Return a graph's layout, from the process, the cache, or an engine; one thread at a time makes one."""
    name = f"statemachines.diagram.{key(graph)}"
    with _lock:
        layout = _layouts.get(name) or _cached(name)
        if layout is None:
            layout = place(graph, engines())
            _cache(name, layout)
        if layout.engine == Elk.name:
            while len(_layouts) >= LAYOUTS:
                del _layouts[next(iter(_layouts))]
            _layouts[name] = layout
        return layout


def _cached(name: str) -> Layout | None:
    """Read the cache; one that is down, or holds something else, costs time and not the picture."""
    try:
        kept = cache.get(name)
        return None if kept is None else msgspec.json.decode(kept, type=Layout)
    except Exception:
        logger.warning("Django's cache gave no layout.", exc_info=True)
        return None


def _cache(name: str, layout: Layout) -> None:
    try:
        cache.set(name, msgspec.json.encode(layout), None if layout.engine == Elk.name else STOPGAP_SECONDS)
    except Exception:
        logger.warning("Django's cache took no layout.", exc_info=True)


def counted(
    machine: Registered, link: Callable[[str], str] = lambda path: "", among: QuerySet[MachineInstance] | None = None
) -> dict[str, Count]:
    """Count a machine's instances in each state, of all versions.

    `link` returns the page that lists a state's; `among`: those that may be seen, by default all.
    """
    rows = MachineInstance.objects.all() if among is None else among
    numbers: dict[str, int] = {}
    for leaves, number in rows.filter(machine=machine.name).order_by().values_list("state").annotate(Number("pk")):
        for path in {above for leaf in leaves.split(", ") for above in _upwards(leaf)}:
            numbers[path] = numbers.get(path, 0) + number
    return {path: Count(number, link(path)) for path, number in numbers.items()}


def overlay_of(instance: MachineInstance) -> Overlay:
    """Return what is laid over an instance's machine."""
    states = instance.registered.machine.chart.by_path.keys() - {""}
    active = frozenset(instance.configuration)
    told = instance.entries.only("instance", "source", "target", "microsteps")  # the rest may be large
    entries = list(told.order_by("-sequence")[:ENTRIES])
    leaves = instance.state.split(", ")
    return Overlay(
        active=active,
        passed=frozenset(_passed(entries)) & states - active,
        last=next((frozenset(taken) for taken in map(_taken, entries) if taken), frozenset()),
        timers=dict(_timers(instance, timezone.now())),
        failed=_failed(instance),
        told=f"Now it is {listed(map(state_in_words, leaves))}.",
    )


def _passed(entries: Iterable[HistoryEntry]) -> Iterator[str]:
    for entry in entries:
        yield from (*entry.source, *entry.target)
        for microstep in entry.microsteps:
            yield from microstep.get("entered", ())
        for transition in _taken(entry):
            yield from _upwards(transition.partition("|")[0])


def _upwards(path: str) -> Iterator[str]:
    """Yield a state's path and those of the states that hold it."""
    while path:
        yield path
        path = path.rpartition(".")[0]


def _taken(entry: HistoryEntry) -> list[str]:
    """Return the ids of the transitions that an entry tells of."""
    return [taken for microstep in entry.microsteps for taken in microstep.get("transitions", ())]


def _timers(instance: MachineInstance, now: datetime) -> Iterator[tuple[str, str]]:
    """Yield each state with what remains of its next timer; a delayed send's is the machine's own."""
    waiting: dict[str, list[tuple[datetime, str]]] = {}
    for timer in instance.timers.order_by("due_at"):
        waiting.setdefault(timer.state, []).append((timer.due_at, timer.event))
    for state, timers in waiting.items():
        due, event = timers[0]
        more = f" (and {len(timers) - 1} more)" if timers[1:] else ""
        what = "" if state else f"{phrase(event)}: "
        yield state, f"{what}{remaining(due - now)}{more}"


def remaining(time: timedelta) -> str:
    """Say how much time is left, in its two largest units: "2 h 5 min left"."""
    minutes, seconds = divmod(max(0, round(time.total_seconds())), 60)
    parts = {"d": minutes // 1440, "h": minutes // 60 % 24, "min": minutes % 60, "s": seconds}
    told = [f"{number} {unit}" for unit, number in parts.items() if number]
    return f"{' '.join(told[:2])} left" if told else "due now"


def _failed(instance: MachineInstance) -> dict[str, tuple[str, ...]]:
    """Return the ids of the effects that failed, or cannot go on, by state."""
    found: dict[str, dict[str, None]] = {}
    label = f"{instance.machine.partition('.')[0]}."
    broken = instance.effects.filter(Q(status=Effect.Status.FAILED) | Q(needs_attention=True))
    for state, name in broken.values_list("state", "name"):
        found.setdefault(state, {})[name.removeprefix(label)] = None
    return {state: tuple(names) for state, names in found.items()}


def _machine(machine: Machine[Any] | Registered | str) -> Machine[Any]:
    if isinstance(machine, str):
        return registry.find(machine).machine
    return machine.machine if isinstance(machine, Registered) else machine
