"""The smallest things that a microstep does, compiled: each changes the run, and nothing else.

Limits: outside a `Run`, an operation reads only what it was compiled from.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from .chart import Delay, Invocation, Node
from .events import AnyEvent, Completion, Event, Moment, Occurrence, done_state
from .functions import Action, Assign, Bound, Cancel, Doing, Effect, Function, Named, Raise, Send, named, spell
from .snapshot import CancelTimer, Command, RunAction, SendEvent, SetTimer, StartEffect, StopEffect


class Run:
    """What changes while a macrostep runs: the only mutable thing in the interpreter, never seen outside it."""

    __slots__ = ("commands", "data", "done", "event", "moment", "output", "queue")

    def __init__(self, data: Any, event: AnyEvent, moment: Moment) -> None:
        self.data = data
        self.event = event
        self.moment = moment
        self.queue: list[AnyEvent] = []
        self.commands: list[Command] = []
        self.done = False
        self.output: Any = None


class Operation:
    """`run` does it; `doing` is the action of the definition that it stems from, where it stems from one.

    `changes`: XState makes a new snapshot for it, with new data or other children.
    """

    __slots__ = ("changes", "doing", "run", "state")

    def __init__(
        self, run: Callable[[Run], None], state: str, doing: Doing | None = None, *, changes: bool = False
    ) -> None:
        self.run = run
        self.state = state
        self.doing = doing
        self.changes = changes or isinstance(doing, Assign)

    def __repr__(self) -> str:
        return repr(self.doing or self.run.__name__)


def compile_doing(doing: Doing, state: str) -> Operation:
    """Compile an action of the definition; `state` is the path of the state that it belongs to."""
    run: Callable[[Run], None]
    match doing:
        case Assign():
            run = _assign(doing)
        case Raise():
            make = _event(doing.event)

            def run(run: Run) -> None:
                run.queue.append(make(run.data, run.event, run.moment))
        case Send():
            run = _send(doing)
        case Cancel():
            cancelled = CancelTimer(doing.id)

            def run(run: Run) -> None:
                run.commands.append(cancelled)
        case Effect():
            run = _start(doing, state, "")
        case Action():

            def run(run: Run) -> None:
                run.commands.append(RunAction(doing, state, run.data, run.event))

    return Operation(run, state, doing)


def _start(effect: Effect[Any, Any], state: str, invocation: str) -> Callable[[Run], None]:
    select = None if effect.input is None else effect.input.bound()

    def start(run: Run) -> None:
        input = run.data if select is None else select(run.data, run.event, run.moment)
        run.commands.append(StartEffect(effect, state, input, run.event, invocation))

    return start


def _assign(doing: Assign[Any, Any]) -> Callable[[Run], None]:
    function, count = doing.function, doing.arity()
    if count == 1 and not doing.params:

        def run(run: Run) -> None:
            run.data = function(run.data)
    elif count == 2 and not doing.params:

        def run(run: Run) -> None:
            run.data = function(run.data, run.event)
    else:
        bound = doing.bound()

        def run(run: Run) -> None:
            run.data = bound(run.data, run.event, run.moment)

    return run


def _event(event: AnyEvent | Function | Named) -> Bound:
    if isinstance(event, Event | Occurrence):
        return lambda data, occasion, moment: event
    return named(event).bound()


def _send(doing: Send[Any, Any]) -> Callable[[Run], None]:
    make, id = _event(doing.event), doing.id or ""
    if doing.delay is None:

        def run(run: Run) -> None:
            run.commands.append(SendEvent(make(run.data, run.event, run.moment)))
    else:
        wait = compile_delay(doing.delay)

        def run(run: Run) -> None:
            due = _due(wait, run, spell(doing.delay))
            run.commands.append(SetTimer(id, due, make(run.data, run.event, run.moment)))

    return run


def compile_delay(delay: timedelta | Function | Named) -> timedelta | Bound:
    """Compile what a definition gives as a delay."""
    return delay if isinstance(delay, timedelta) else named(delay).bound()


def _due(wait: timedelta | Bound, run: Run, name: str) -> timedelta | datetime:
    due = wait if isinstance(wait, timedelta) else wait(run.data, run.event, run.moment)
    if isinstance(due, timedelta) or (isinstance(due, datetime) and due.tzinfo is not None):
        return due
    raise TypeError(f"{name}: a delay must be a timedelta or an aware datetime, not {due!r}")


def start_delay(node: Node, delay: Delay) -> Operation:
    """Set the timer of a delayed transition."""
    event = Occurrence(delay.event)
    if isinstance(delay.value, timedelta):
        fixed = SetTimer(delay.event, delay.value, event, node.path)

        def set_timer(run: Run) -> None:
            run.commands.append(fixed)
    else:
        wait = delay.value

        def set_timer(run: Run) -> None:
            run.commands.append(SetTimer(delay.event, _due(wait, run, delay.event), event, node.path))

    return Operation(set_timer, node.path)


def cancel_delay(node: Node, delay: Delay) -> Operation:
    """Cancel the timer of a delayed transition."""
    command = CancelTimer(delay.event)

    def cancel_timer(run: Run) -> None:
        run.commands.append(command)

    return Operation(cancel_timer, node.path)


def start_invocation(node: Node, invocation: Invocation) -> Operation:
    """Start what a state invokes."""
    effect = invocation.row.effect
    return Operation(_start(effect, node.path, invocation.id), node.path, effect, changes=True)


def stop_invocation(node: Node, invocation: Invocation) -> Operation:
    """Stop what a state invoked."""
    command = StopEffect(invocation.id)

    def stop(run: Run) -> None:
        run.commands.append(command)

    return Operation(stop, node.path, changes=True)


def raise_done(node: Node, output: Bound | None) -> Operation:
    """Raise the completion of a compound or parallel state, with its final state's output (SCXML 3.7)."""
    name = done_state(node.id)

    def completed(run: Run) -> None:
        value = None if output is None else output(run.data, run.event, run.moment)
        run.queue.append(Completion(name, value))

    return Operation(completed, node.path)


def finish(root: Node, last: Node) -> Operation:
    """End the machine; its output may use that of the final state that completed it."""
    name = done_state(last.id)

    def finished(run: Run) -> None:
        run.done = True
        if root.output is not None:
            value = None if last.output is None else last.output(run.data, run.event, run.moment)
            run.output = root.output(run.data, Completion(name, value), run.moment)

    return Operation(finished, root.path)
