"""The machine: a definition with a name, a version and the types of its data and events, compiled when it is made.

Limits: a value. It knows no instance, no database, no other version of itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar
from typing import Final as Fixed

from .build import build
from .chart import Node
from .definition import D, Row, State
from .errors import DefinitionError, MachineError
from .events import Event
from .names import Names, event_classes
from .plan import Plan, start_plan
from .snapshot import Snapshot

Given = TypeVar("Given")
StateValue = str | dict[str, "StateValue"]


class Machine(State[D]):
    """A statechart under a name. Its rows are those of a state; `data=` is the type of what an instance owns.

    `input=` and `initial=`: where an instance is created from something else than its data, the type of that, and the
    pure function that makes the data from it. `events=`: typed events that only a wildcard takes.
    Raises DefinitionError with every problem at once.
    """

    def __init__(
        self,
        name: str,
        *rows: Row[D],
        data: type[D] | Any = dict,
        version: int = 1,
        input: type[Given] | None = None,
        initial: Callable[[Given], D] | None = None,
        parallel: bool = False,
        events: Sequence[type[Event]] = (),
        tags: Sequence[str] = (),
        description: str = "",
        meta: Mapping[str, Any] | None = None,
        output: Any = None,
    ) -> None:
        super().__init__(name, *rows, tags=tags, description=description, meta=meta, output=output)
        self.version: Fixed = version
        self.data_type: Fixed[Any] = data
        self.input_type: Fixed[Any] = input or data
        self.initial: Fixed = initial
        self.type = "parallel" if parallel else "state"
        self.chart: Fixed = build(self)
        self.events, problems = event_classes(self.chart.nodes, events)
        if problems:
            raise DefinitionError(name, problems)

        self.start_plan: Fixed[Plan] = self._start_plan()
        self.names: Fixed = Names(self.chart.root)

    def __repr__(self) -> str:
        return f"<Machine {self.name} version {self.version}>"

    def _start_plan(self) -> Plan:
        try:
            return start_plan(self.chart)
        except MachineError as error:
            raise DefinitionError(self.name, [f"state {error.state!r}: {error.problem}"]) from error

    def initial_data(self, input: Any = None) -> D:
        """Return the data that a new instance starts with. Raises TypeError where it cannot be made from `input`."""
        if self.initial is not None:
            made: D = self.initial(input)
            return made
        given: D = self.data_type() if input is None else input
        return given

    def value(self, snapshot: Snapshot[D]) -> StateValue:
        """Return the state value as XState writes it: "a", or {"a": "b"}, with a key per region."""
        active = set(snapshot.configuration)
        return _value(self.chart.root, active)

    def tags_of(self, snapshot: Snapshot[D]) -> frozenset[str]:
        """Return the tags of all active states."""
        active = self.chart.configuration(snapshot.configuration).nodes
        return frozenset(tag for node in active for tag in node.state.tags)

    @classmethod
    def from_xstate(cls, config: Mapping[str, Any], **implementations: Any) -> Machine[dict[str, Any]]:
        """Read XState v5 JSON; see `statemachines.core.xstate.read` for the keywords."""
        from .xstate import read

        return read(config, **implementations)

    def to_xstate(self) -> dict[str, Any]:
        """Write XState v5 JSON; functions appear by their ids."""
        from .xstate import write

        return write(self)


def _value(node: Node, active: Collection[str]) -> StateValue:
    below = [child for child in node.children if child.path in active]
    if node.type == "compound" and len(below) == 1 and below[0].leaf:
        return below[0].key
    return {child.key: _value(child, active) for child in below}
