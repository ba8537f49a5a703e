"""The actions and guards that the recorded cases use, and the trace that they leave.

Limits: pure; the trace is read from the microsteps, not written by the actions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from statemachines.core.events import AnyEvent, Completion, Occurrence
from statemachines.core.functions import Action, Assign, Cancel, Doing, Raise, Send

Data = dict[str, Any]


class Actions(dict[str, Callable[..., Any] | Action[Any]]):
    """The known actions; any other is skipped silently, as XState does."""

    def __missing__(self, name: str) -> Action[Any]:
        return Action(leave_data, name)


def leave_data(data: Data, **params: Any) -> None:
    """Do nothing: what a case logs is read from the microsteps."""


def set_(data: Data, *, key: str, value: Any) -> Data:
    return {**data, key: value}


def inc(data: Data, *, key: str, by: int = 1) -> Data:
    return {**data, key: data.get(key, 0) + by}


def append(data: Data, *, key: str, value: Any) -> Data:
    return {**data, key: [*data.get(key, []), value]}


def same(left: Any, right: Any) -> bool:
    """Compare as JSON does: 1, true and "1" differ, 1 and 1.0 do not."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def eq(data: Data, *, key: str, value: Any) -> bool:
    return key in data and same(data[key], value)


def gt(data: Data, *, key: str, value: Any) -> bool:
    return key in data and data[key] > value


def event_eq(data: Data, event: AnyEvent, *, key: str, value: Any) -> bool:
    assert isinstance(event, Occurrence)
    fields = {"type": event.type}
    if isinstance(event.value, dict) and not isinstance(event, Completion):
        fields |= event.value
    elif event.value is not None:
        fields["output"] = event.value
    return key in fields and same(fields[key], value)


ACTIONS = Actions({"log": Action(leave_data), "set": set_, "inc": inc, "append": append})
GUARDS = {"eq": eq, "gt": gt, "eventEq": event_eq}

# The parameter that a trace entry shows, for each assign that leaves one.
SHOWN = {"log": "label", "set": "key", "inc": "key", "append": "key"}


def trace(doing: Doing) -> str | None:
    """Return the trace entry of an action that ran, or None where it leaves none."""
    match doing:
        case Raise() | Send():
            assert isinstance(doing.event, Occurrence)
            return f"{'raise' if isinstance(doing, Raise) else 'send'}:{doing.event.type}"
        case Cancel():
            return f"cancel:{doing.id}"
        case Assign() | Action() if doing.id in SHOWN:
            return f"{doing.id}:{doing.params[SHOWN[doing.id]]}"
    return None
