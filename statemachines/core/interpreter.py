"""Run a machine one macrostep at a time: `start` and `step`, pure and deterministic (SCXML 3.13, XState v5's variant).

Limits: no clock, no database, no waiting. What is to be done outside comes back as commands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from .chart import Chart, Configuration, Edge
from .errors import MachineError, Refuse
from .events import INIT, NO_MOMENT, AnyEvent, Moment, Occurrence
from .operations import Run
from .plan import Plan, plan
from .rejection import reject
from .selection import eventless, select, select_eventless, selector
from .snapshot import Microstep, Snapshot, Step

if TYPE_CHECKING:
    from .machine import Machine

D = TypeVar("D")

MAX_MICROSTEPS = 10_000
"""A macrostep that takes more never rests."""

KEPT_EVENTS = 1_000
"""How many event names a configuration remembers what they enable; more are looked up each time."""

observer: Callable[[Chart, AnyEvent, Sequence[Microstep]], None] | None = None
"""Told of every macrostep in this process, while somebody looks on; see `coverage.observing`."""


def start(machine: Machine[D], input: Any = None, *, moment: Moment = NO_MOMENT) -> Step[D]:
    """Enter a machine's initial states and run it until it rests.

    `input` is what the machine's `input=` type says, by default the data itself. Raises MachineError or Refuse.
    """
    chart = machine.chart
    run = Run(machine.initial_data(input), Occurrence(INIT, input), moment)
    first = machine.start_plan
    microsteps = [Microstep(run.event, first)]
    perform(chart, run, first)
    return rest(chart, run, first.then, dict(first.recorded), microsteps)


def step(machine: Machine[D], snapshot: Snapshot[D], event: AnyEvent, *, moment: Moment = NO_MOMENT) -> Step[D]:
    """Take one event and run until the machine rests (a macrostep); the snapshot is left as it was.

    An event that selects nothing is consumed, and the Step's `rejection` says why. Raises MachineError or Refuse.
    """
    if snapshot.status != "active":
        return Step(snapshot, rejection=reject(machine, snapshot, event))
    chart = machine.chart
    configuration = chart.configuration(snapshot.configuration)
    run = Run(snapshot.data, event, moment)
    edges = _select(configuration, run)
    history = snapshot.history
    microsteps = []
    if edges:
        planned = plan(chart, configuration, edges, history)
        perform(chart, run, planned)
        configuration = planned.then
        history = {**history, **planned.recorded} if planned.recorded else history
        microsteps.append(Microstep(event, planned))
    rested = rest(chart, run, configuration, history, microsteps)
    if all(edge.forbids for edge in edges):
        rejection = reject(machine, snapshot, event)
        return Step(rested.snapshot, rested.microsteps, rested.commands, rejection)
    return rested


def _select(configuration: Configuration, run: Run) -> tuple[Edge, ...]:
    """Return the transitions that the run's event enables."""
    event = run.event
    name = event.type
    try:
        asked = configuration.on[name]
    except KeyError:
        asked = selector(configuration, name)
        if len(configuration.on) < KEPT_EVENTS:
            configuration.on[name] = asked
    if asked is None:
        return ()
    return select(asked, run.data, event, run.moment, configuration)


def perform(chart: Chart, run: Run, planned: Plan) -> None:
    """Run a plan's operations in order."""
    operation = None
    try:
        for operation in planned.operations:
            operation.run(run)
    except (Refuse, MachineError):
        raise
    except Exception as error:
        assert operation is not None
        raise MachineError(chart.name, operation.state or "(root)", repr(operation), f"raised {error!r}") from error


def rest(
    chart: Chart,
    run: Run,
    configuration: Configuration,
    history: Mapping[str, tuple[str, ...]],
    microsteps: list[Microstep],
    *,
    ask_eventless: bool = True,
) -> Step[Any]:
    """Take eventless transitions and raised events until none is left: the rest of the macrostep."""
    while not run.done:
        lines = configuration.always
        if lines is None:
            lines = configuration.always = eventless(configuration)
        edges: tuple[Edge, ...] = ()
        if lines and ask_eventless:
            edges = select_eventless(lines, run.data, run.event, run.moment, configuration)
        from_event = not edges
        if from_event:
            if not run.queue:
                break
            run.event = run.queue.pop(0)
            edges = _select(configuration, run)
        ask_eventless = True
        if edges:
            planned = plan(chart, configuration, edges, history)
            perform(chart, run, planned)
            configuration = planned.then
            history = {**history, **planned.recorded} if planned.recorded else history
            microsteps.append(Microstep(run.event, planned))
            # An eventless round that changes nothing would be selected again and again: XState asks only once.
            ask_eventless = from_event or not planned.idle
            if len(microsteps) > MAX_MICROSTEPS:
                raise _endless(chart, microsteps)
    status: Literal["active", "done"] = "done" if run.done else "active"
    if observer is not None:
        observer(chart, microsteps[0].event if microsteps else run.event, microsteps)
    snapshot = Snapshot(configuration.paths, run.data, history, status, run.output)
    return Step(snapshot, tuple(microsteps), tuple(run.commands))


def _endless(chart: Chart, microsteps: list[Microstep]) -> MachineError:
    """Name the transitions that go round."""
    last = [edge for microstep in microsteps[-20:] for edge in microstep.plan.edges]
    names = ", ".join(dict.fromkeys(repr(edge) for edge in last))
    problem = f"never rests: after {MAX_MICROSTEPS} microsteps it still takes {names}. Give one of them a guard."
    return MachineError(chart.name, last[-1].source.path or "(root)", repr(last[-1]), problem)
