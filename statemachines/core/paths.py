"""Ways through a machine: to every state, to every transition, shortest or simple, to parametrise tests with.

Limits: finds what the examples and facts that it is given lead to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from .machine import Machine
from .moves import Model, Moves, Path
from .names import edges_of
from .simulation import Happened, Simulation


def shortest(model: Model) -> Iterator[tuple[Moves, Simulation]]:
    """Yield the shortest way to each scene, and every further way that a move from there is, nearest first.

    Ends when nothing new is found, or `most` scenes were seen.
    """
    seen: set[bytes] = set()
    waiting: deque[tuple[Moves, Simulation]] = deque([((), model.simulation())])
    while waiting:
        way, simulation = waiting.popleft()
        for move in model.moves(simulation):
            after = model.take(simulation, move)
            if after is None:
                continue
            yield (*way, move), after
            key = model.scene_key(after)
            if key not in seen:
                seen.add(key)
                waiting.append(((*way, move), after))
            if len(seen) >= model.most:
                return


def simple(model: Model) -> Iterator[Path]:
    """Yield every way that comes to no scene twice, `most` at most."""
    waiting: list[tuple[Moves, Simulation, frozenset[bytes]]] = [((), model.simulation(), frozenset())]
    found = 0
    while waiting and found < model.most:
        way, simulation, seen = waiting.pop()
        if way:
            found += 1
            yield Path(model, way, ", ".join(simulation.leaves))
        after = ((move, model.take(simulation, move)) for move in model.moves(simulation))
        further = [(move, one, model.scene_key(one)) for move, one in after if one is not None]
        waiting += [((*way, move), one, seen | {key}) for move, one, key in reversed(further) if key not in seen]


def shortest_paths(machine: Machine[Any], **given: Any) -> list[Path]:
    """Return the shortest path to each scene: to each configuration with each data; keywords as of `Model`."""
    model = Model(machine, **given)
    found: dict[bytes, Path] = {}
    for way, simulation in shortest(model):
        found.setdefault(model.scene_key(simulation), Path(model, way, ", ".join(simulation.leaves)))
    return list(found.values())


def simple_paths(machine: Machine[Any], **given: Any) -> Iterator[Path]:
    """Yield all paths that come to no scene twice; keywords as of `Model`. There may be very many."""
    return simple(Model(machine, **given))


def all_states(machine: Machine[Any], **given: Any) -> list[Path]:
    """Return a shortest path to each state, to parametrise tests; keywords as of `Model`.

    For a state to which none was found, there is a path whose `play` fails and says so.
    """
    wanted = [node.path for node in machine.chart.nodes if node.parent and node.type != "history"]
    return _to(Model(machine, **given), wanted, _entered)


def all_transitions(machine: Machine[Any], **given: Any) -> list[Path]:
    """Return a shortest path to each transition, which its last move takes; as `all_states`.

    What only forbids an event is no transition.
    """
    edges = (edge for node in machine.chart.nodes for edge in edges_of(node))
    return _to(Model(machine, **given), [repr(edge) for edge in edges if not edge.forbids], _taken)


def _to(model: Model, wanted: list[str], passed: Callable[[Happened], Iterator[str]]) -> list[Path]:
    found: dict[str, Path] = {}
    for way, simulation in shortest(model):
        before = simulation.scenes[-2].journal
        for happened in simulation.scene.journal[len(before) :]:
            for target in passed(happened):
                found.setdefault(target, Path(model, way, target))
        if all(target in found for target in wanted):
            break
    return [found.get(target) or Path(model, (), target) for target in wanted]


def _entered(happened: Happened) -> Iterator[str]:
    for microstep in happened.step.microsteps:
        yield from microstep.plan.entered


def _taken(happened: Happened) -> Iterator[str]:
    for microstep in happened.step.microsteps:
        yield from map(repr, microstep.plan.edges)
