"""What can be wrong with a definition, an event or a step.

Limits: plain values; the engine adds what only it can know.
"""

from __future__ import annotations

from collections.abc import Sequence


class DefinitionError(ValueError):
    """A machine that cannot be interpreted; `problems` holds every finding, each with what to write instead."""

    def __init__(self, machine: str, problems: Sequence[str]) -> None:
        self.machine = machine
        self.problems = tuple(problems)
        listed = "".join(f"\n  - {problem}" for problem in self.problems)
        super().__init__(f"Machine {machine!r} cannot be built:{listed}")


class UpgradeError(ValueError):
    """An upgrade that does not fit the two versions; `problems` holds every finding, each with what would be right."""

    def __init__(self, upgrade: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        listed = "".join(f"\n  - {problem}" for problem in self.problems)
        super().__init__(f"The upgrade of {upgrade} does not fit:{listed}")


class UpgradeBlocked(ValueError):
    """An instance that an upgrade cannot take along, and why not; it stays as it is."""


class InvalidValue(ValueError):
    """Data or an event that does not fit its type; names the field, what was expected and what was received."""

    def __init__(self, what: str, *, field: str, expected: str, received: str) -> None:
        self.what = what
        self.field = field
        self.expected = expected
        self.received = received
        place = f"{what}, field {field!r}" if field else what
        super().__init__(f"{place}: expected {expected}, received {received}.")


class UnknownEvent(ValueError):
    """An event type that no state of the machine ever takes."""

    def __init__(self, machine: str, event_type: str, known: Sequence[str]) -> None:
        self.machine = machine
        self.event_type = event_type
        self.known = tuple(known)
        super().__init__(f"Machine {machine!r} takes no event {event_type!r}. It takes: {', '.join(known) or 'none'}.")


class Refuse(Exception):
    """Raised by a guard, an assign or an action to refuse an event for a business reason.

    `code` is stable and for programs, `text` is for people.
    """

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        self.text = text
        super().__init__(text)


class EventRefused(Exception):
    """The instance does not take the event now; nothing changed.

    `code`: "not_possible", "ended", or that of the machine's `Refuse`. `state`: active paths; `possible`: names of the
    events that would be taken; `guards`: those that said no.
    """

    def __init__(
        self,
        code: str,
        text: str,
        *,
        event: str,
        state: Sequence[str] = (),
        possible: Sequence[str] = (),
        guards: Sequence[str] = (),
    ) -> None:
        self.code = code
        self.text = text
        self.event = event
        self.state = tuple(state)
        self.possible = tuple(possible)
        self.guards = tuple(guards)
        super().__init__(text)


class MachineError(Exception):
    """A bug in a machine's own function, or a loop that never rests: everything rolls back, it is never a refusal."""

    def __init__(self, machine: str, state: str, function: str, problem: str) -> None:
        self.machine = machine
        self.state = state
        self.function = function
        self.problem = problem
        super().__init__(f"Machine {machine!r}, state {state!r}, {function}: {problem}")
