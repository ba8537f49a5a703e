"""A virtual clock that delivers a machine's timers at their exact due time, ties in the order of arming.

As in XState, a timer that is armed again without having been cancelled does not stop the older one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from statemachines.core.events import AnyEvent
from statemachines.core.snapshot import CancelTimer, Command, SetTimer


@dataclass
class Armed:
    due: timedelta
    order: int
    id: str
    event: AnyEvent


class Clock:
    def __init__(self) -> None:
        self.now = timedelta(0)
        self._armed: list[Armed] = []
        self._newest: dict[str, Armed] = {}
        self._count = 0

    def obey(self, commands: tuple[Command, ...]) -> None:
        """Arm and cancel what a step asked for."""
        for command in commands:
            if isinstance(command, SetTimer):
                assert isinstance(command.delay, timedelta)
                self._count += 1
                armed = Armed(self.now + command.delay, self._count, command.id, command.event)
                self._armed.append(armed)
                self._newest[command.id] = armed
            elif isinstance(command, CancelTimer):
                newest = self._newest.pop(command.id, None)
                if newest in self._armed:
                    self._armed.remove(newest)

    def next_due(self, until: timedelta) -> AnyEvent | None:
        """Take the next timer that is due by `until`, and move the clock to it."""
        due = min(self._armed, key=lambda armed: (armed.due, armed.order), default=None)
        if due is None or due.due > until:
            return None
        self._armed.remove(due)
        self._newest.pop(due.id, None)
        self.now = max(self.now, due.due)
        return due.event

    def clear(self) -> None:
        self._armed.clear()
        self._newest.clear()
