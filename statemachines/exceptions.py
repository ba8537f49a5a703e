"""What the engine raises: refusals, which are answers, apart from bugs (`MachineError`, from the core).

Limits: each carries its data as attributes; how they look over HTTP is decided elsewhere.
"""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist, PermissionDenied

from .core.errors import (
    DefinitionError,
    EventRefused,
    InvalidValue,
    MachineError,
    Refuse,
    UnknownEvent,
    UpgradeBlocked,
    UpgradeError,
)

__all__ = [
    "DefinitionError",
    "EffectNotFound",
    "EventRefused",
    "HistoryIncomplete",
    "IdempotencyConflict",
    "InstanceBusy",
    "InstanceExists",
    "InstanceNotFound",
    "InvalidValue",
    "MachineError",
    "NoUpgrade",
    "NotAllowed",
    "OperationRefused",
    "Refuse",
    "SequenceMismatch",
    "UnknownEvent",
    "UnknownMachine",
    "UnknownVersion",
    "UpgradeBlocked",
    "UpgradeError",
]


class NotAllowed(PermissionDenied):
    """Nobody, or somebody who may not, asked for something. Say who it is by `actor=`, or `system=True`."""


class InstanceExists(ValueError):
    """An instance of that machine with that key is there already."""

    def __init__(self, machine: str, key: str) -> None:
        self.machine = machine
        self.key = key
        super().__init__(f"An instance of {machine} with the key {key!r} exists; use it, or choose another key.")


class InstanceNotFound(ObjectDoesNotExist):
    """There is no such instance."""

    def __init__(self, which: object) -> None:
        super().__init__(f"There is no machine instance {which!r}.")


class EffectNotFound(ObjectDoesNotExist):
    """No effect of that name has that token; where it was begun a moment ago, try again."""

    def __init__(self, name: str, token: str) -> None:
        super().__init__(f"There is no effect {name!r} with the token {token!r}; if it has just begun, try again.")


class OperationRefused(ValueError):
    """What an operator asked for makes no sense now; nothing changed. `code` is stable, the text says what would."""

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        super().__init__(text)


class InstanceBusy(Exception):
    """Somebody else holds the instance, or the database asked to try again; nothing changed. Retry after a moment.

    `again`: another try may succeed at once (a deadlock, a serialization failure), where the transaction is run anew.
    """

    def __init__(self, *, again: bool = False) -> None:
        self.again = again
        super().__init__("The instance is busy; nothing changed. Try again in a moment.")


class SequenceMismatch(ValueError):
    """The instance has moved since the caller saw it; nothing changed."""

    def __init__(self, expected: int, actual: int) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(f"The instance is at sequence {actual}, not at {expected}: look at it again, then decide.")


class IdempotencyConflict(ValueError):
    """The idempotency key was used with another body; nothing changed."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"The idempotency key {key!r} was used for another request; use a new key for a new request.")


class HistoryIncomplete(LookupError):
    """A change of data was not kept in the history, so what came after it cannot be told exactly."""

    def __init__(self, sequence: int) -> None:
        self.sequence = sequence
        super().__init__(f"The change of data at sequence {sequence} was not kept: it was off, too large, or erased.")


class UnknownMachine(LookupError):
    """No machine is registered under that name."""


class UnknownVersion(ImproperlyConfigured):
    """This code does not have the version of the machine that the instance is on; it leaves the instance alone."""


class NoUpgrade(LookupError):
    """No upgrade leads from the one version to the other."""

    def __init__(self, machine: str, start: int, end: int) -> None:
        super().__init__(
            f"No upgrade of {machine} leads from version {start} to {end}; "
            + ("manage.py makeupgrade begins one." if start < end else "write one beside those that lead forward.")
        )
