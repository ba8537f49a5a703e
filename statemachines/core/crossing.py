"""Take instances from one version of a machine to another: an upgrade, held against both definitions.

Every fault of the upgrade is found when the two are put together, all at once. What depends on the configuration alone
is worked out once for each. Limits: pure; what waits for an instance is given and returned as values.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from .chart import KEPT_CONFIGURATIONS, Configuration, Delay, Edge, Invocation, Node
from .definition import Transition
from .errors import UpgradeBlocked, UpgradeError
from .events import Moment, Occurrence
from .fitting import problems
from .interpreter import perform, rest
from .machine import Machine
from .operations import Operation, Run, start_delay, start_invocation
from .plan import Plan, entering_operations, forced_plan
from .shapes import shapes
from .snapshot import Microstep, Snapshot, Step
from .upgrade import UPGRADE, Held, HeldEffect, HeldTimer, Upgrade, call, listed


class Arrival(NamedTuple):
    """Where a configuration leads. `timers` and `invocations`: by old name, what they go on as; None: it is let go.

    An invocation that is not in there has no image, and nobody has said what becomes of it.
    """

    configuration: Configuration
    timers: dict[str, tuple[Node, Delay]]
    invocations: dict[str, tuple[Node, Invocation] | None]
    starting: tuple[HeldTimer, ...]
    invoking: tuple[HeldEffect, ...]


class Crossing:
    """Raises UpgradeError with everything that does not fit."""

    def __init__(self, upgrade: Upgrade, old: Machine[Any], new: Machine[Any]) -> None:
        found = list(problems(upgrade, old, new))
        if found:
            raise UpgradeError(repr(upgrade), found)
        self.upgrade = upgrade
        self.old = old
        self.new = new
        self._fields = {name for name in shapes(old)[""] if "." not in name}
        self._arrivals: dict[tuple[tuple[str, ...], tuple[str, ...]], Arrival] = {}

    def take(self, held: Held, prepared: Any = None) -> Held:
        """Return an instance of the old version as one of the new. Raises UpgradeBlocked, and what a function raises.

        Nothing is run: what is to be started is marked so, and `arrive` starts it.
        """
        before = self.old.chart.configuration(held.configuration)
        images = {leaf: self._images(leaf, held.data, prepared) for leaf in before.leaves}
        arrival = self._arrival(before, images)
        upgrade, after = self.upgrade, arrival.configuration
        data = held.data
        if upgrade.data is not None:
            data = msgspec.to_builtins(call(upgrade.data, data, before.leaves, after.leaves, prepared), str_keys=True)
        return Held(
            configuration=after.paths,
            data=data,
            history=dict(self._history(held, prepared)),
            status=held.status,
            output=held.output,
            timers=(*self._timers(held, arrival), *(() if held.status == "done" else arrival.starting)),
            effects=(*self._effects(held, arrival, prepared), *(() if held.status == "done" else arrival.invoking)),
        )

    def _images(self, state: str, data: Any, prepared: Any) -> tuple[str, ...]:
        """Return the images of an active or remembered state."""
        upgrade = self.upgrade
        if upgrade.image is None:
            return listed(upgrade.states.get(state, state))
        images = listed(call(upgrade.image, state, data, prepared))
        unknown = [image for image in images if image not in upgrade.images]
        if unknown or not images:
            raise UpgradeBlocked(
                f"states={state!r} gives {', '.join(unknown) or 'nothing'}, which images= does not list"
            )
        return images

    def _arrival(self, before: Configuration, images: dict[str, tuple[str, ...]]) -> Arrival:
        key = before.paths, tuple(image for leaf in images.values() for image in leaf)
        known = self._arrivals.get(key)
        if known is None:
            if len(self._arrivals) >= KEPT_CONFIGURATIONS:
                self._arrivals.clear()
            known = self._arrivals[key] = self._arrived(before, images)
        return known

    def _arrived(self, before: Configuration, images: dict[str, tuple[str, ...]]) -> Arrival:
        chart = self.new.chart
        targets = dict.fromkeys(chart.by_path[image] for leaf in images.values() for image in leaf)
        edge = Edge(chart.name, chart.root, Transition(), UPGRADE, 0)
        edge.targets = tuple(targets)
        after = forced_plan(chart, chart.intern((chart.root,)), edge, {}, entering=False).then
        if clash := chart.clash(after.nodes):
            raise UpgradeBlocked(
                f"{', '.join(before.leaves)} would lead to {' and '.join(clash[1])}, which exclude each other"
            )
        going = _Going(self, before, after, images)
        starting = tuple(
            HeldTimer(delay.event, delay.event, node.path)
            for node in after.nodes
            for delay in node.delays
            if self.timing(node) == "restart" or (self.timing(node) == "keep" and delay not in going.known)
        )
        invoking = tuple(
            HeldEffect(one.row.effect.id, one.id, node.path)
            for node in after.nodes
            for one in node.invocations
            if one not in going.known or node.path in self.upgrade.enter
        )
        return Arrival(after, going.timers, going.invocations, starting, invoking)

    def timing(self, node: Node) -> str:
        return "restart" if node.path in self.upgrade.enter else self.upgrade.timers.get(node.path, "keep")

    def _timers(self, held: Held, arrival: Arrival) -> Iterator[HeldTimer]:
        for timer in held.timers:
            if timer.state:
                found = arrival.timers.get(timer.event)
                if found is not None:
                    node, delay = found
                    yield msgspec.structs.replace(timer, name=delay.event, event=delay.event, state=node.path)
            elif (event := self.upgrade.events.get(timer.event, timer.event)) is not None:
                if not any(node.candidates(event) for node in self.new.chart.nodes):
                    raise UpgradeBlocked(
                        f"a delayed {timer.event!r} waits, which version {self.new.version} does not take; "
                        f"say in events= what becomes of it"
                    )
                yield msgspec.structs.replace(timer, event=event)

    def _effects(self, held: Held, arrival: Arrival, prepared: Any) -> Iterator[HeldEffect]:
        active = {node.path for node in arrival.configuration.nodes}
        for one in held.effects:
            if one.invocation in arrival.invocations:
                found = arrival.invocations[one.invocation]
                if found is not None:
                    node, invocation = found
                    where = {"effect": invocation.row.effect.id, "invocation": invocation.id, "state": node.path}
                    yield msgspec.structs.replace(one, **where, input=self._input(one, prepared))
            elif not one.invocation:
                effect = self.upgrade.invokes.get(one.effect, one.effect)
                if effect is not None:
                    if effect not in self.new.names.effects:
                        raise self._open(one)
                    state = next(
                        (path for path in listed(self.upgrade.states.get(one.state, one.state)) if path in active), ""
                    )
                    yield msgspec.structs.replace(one, effect=effect, state=state, input=self._input(one, prepared))
            else:
                raise self._open(one)

    def _open(self, one: HeldEffect) -> UpgradeBlocked:
        return UpgradeBlocked(
            f"the effect {one.effect!r} is open, and version {self.new.version} has none in its place; say in invokes= "
            "what becomes of it, or wait until it has ended"
        )

    def _input(self, one: HeldEffect, prepared: Any) -> Any:
        """Return an effect's input for the new version: where it is the data of its time, that is mapped too."""
        if self.upgrade.data is None or not isinstance(one.input, dict) or set(one.input) != self._fields:
            return one.input
        return msgspec.to_builtins(call(self.upgrade.data, one.input, (), (), prepared), str_keys=True)

    def _history(self, held: Held, prepared: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Map what history states remember; one that the new version does not have forgets."""
        for path, remembered in held.history.items():
            node = self.new.chart.by_path.get(listed(self.upgrade.states.get(path, path))[0])
            if node is not None and node.history is not None and node.parent is not None:
                images = [image for one in remembered for image in self._images(one, held.data, prepared)]
                yield node.path, tuple(dict.fromkeys(self._remembered(node, image) for image in images))

    def _remembered(self, history: Node, image: str) -> str:
        """Return what a history state remembers for an image: a leaf where it is deep, else a child of its parent."""
        assert history.history is not None
        node = self.new.chart.by_path[image]
        while not history.history.deep and node.parent is not None and node.parent is not history.parent:
            node = node.parent
        if history.parent is None or not node.inside(history.parent):
            raise UpgradeBlocked(f"{history.path!r} would remember {image!r}, which is not inside {history.parent!r}")
        return node.path


class _Going:
    """What of an old configuration goes on in the new one: by old name, timers and invocations.

    `known`: the delays and invocations of the new version that the old one had as well.
    """

    def __init__(
        self, crossing: Crossing, before: Configuration, after: Configuration, images: dict[str, tuple[str, ...]]
    ) -> None:
        self.crossing = crossing
        self.upgrade = crossing.upgrade
        self.timers: dict[str, tuple[Node, Delay]] = {}
        self.invocations: dict[str, tuple[Node, Invocation] | None] = {}
        self.known: set[Delay | Invocation] = set()
        for node in before.nodes:
            going = self._images(node, after, images)
            if not going:
                self.invocations |= dict.fromkeys(one.id for one in node.invocations)
            for image in going:
                self._pair(node, image)

    def _images(self, node: Node, after: Configuration, images: dict[str, tuple[str, ...]]) -> list[Node]:
        """Return the active states that an active state goes on as: a leaf's images, else that of its name."""
        paths = images[node.path] if node.path in images else listed(self.upgrade.states.get(node.path, node.path))
        found = (self.crossing.new.chart.by_path.get(path) for path in paths)
        return [image for image in found if image in after.active]

    def _pair(self, node: Node, image: Node) -> None:
        for was, delay in _paired(node.delays, image.delays):
            self.known.add(delay)
            if self.crossing.timing(image) == "keep":
                self.timers[was.event] = (image, delay)
        free = list(image.invocations)
        for one in node.invocations:
            effect = one.row.effect.id
            wanted = self.upgrade.invokes.get(one.id, self.upgrade.invokes.get(effect, effect))
            found = next((other for other in free if wanted in (other.id, other.row.effect.id)), None)
            if found is not None:
                free.remove(found)
                self.known.add(found)
            if image.path in self.upgrade.enter or wanted is None:
                self.invocations[one.id] = None
            elif found is not None:
                self.invocations[one.id] = (image, found)


def arrive(
    machine: Machine[Any], held: Held, data: Any, moment: Moment, enter: Collection[str] = (), *, always: bool = True
) -> Step[Any]:
    """Start what is to be started of an instance that was taken over, and take what is eventless.

    `data` are its data in the new version's type. Raises MachineError or Refuse.
    """
    if held.status == "done":
        return Step(Snapshot(held.configuration, data, held.history, "done", held.output))
    chart = machine.chart
    configuration = chart.configuration(held.configuration)
    edge = Edge(chart.name, chart.root, Transition(), UPGRADE, 0)
    entered = [node for node in configuration.nodes if node.path in enter]
    planned = Plan([edge], (), entered, _starting(configuration, held, entered), {}, configuration, stays=False)
    run = Run(data, Occurrence(UPGRADE), moment)
    perform(chart, run, planned)
    return rest(chart, run, configuration, held.history, [Microstep(run.event, planned)], ask_eventless=always)


def _starting(configuration: Configuration, held: Held, entered: Collection[Node]) -> Iterator[Operation]:
    timers = {one.event for one in held.timers if not one.was}
    invocations = {one.invocation for one in held.effects if not one.was}
    for node in configuration.nodes:
        if node in entered:
            yield from entering_operations(node, by_default=False)
        else:
            yield from (start_delay(node, one) for one in node.delays if one.event in timers)
            yield from (start_invocation(node, one) for one in node.invocations if one.id in invocations)


def _paired(old: Sequence[Delay], new: Sequence[Delay]) -> Iterator[tuple[Delay, Delay]]:
    """Pair delays of one id, then what is left in order: a state's timer that has another length is the same timer."""
    left, free = list(old), list(new)
    for one in old:
        same = next((other for other in free if other.id == one.id), None)
        if same is not None:
            left.remove(one)
            free.remove(same)
            yield one, same
    yield from zip(left, free, strict=False)
