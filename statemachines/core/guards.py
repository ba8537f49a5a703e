"""Compile guards to checks, and decide them where no event is there yet.

Limits: a guard that looks at the event or the moment is decided only by a step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .chart import Check, Configuration
from .errors import Refuse
from .functions import Condition, Every, Guard, InState, Not, Some

Resolve = Callable[[str], str]
"""Turns "#id" or "#id.child" into a path; raises LookupError with a sentence."""


def compile_guard(guard: Guard[Any, Any], resolve: Resolve) -> Check:
    """Turn a guard of the definition into a check. Raises LookupError or TypeError with a sentence."""
    match guard:
        case Condition():
            return _condition(guard)
        case Not():
            inner = compile_guard(guard.guard, resolve)
            return lambda data, event, moment, configuration: not inner(data, event, moment, configuration)
        case Every():
            every = [compile_guard(one, resolve) for one in guard.guards]
            return lambda data, event, moment, configuration: all(
                check(data, event, moment, configuration) for check in every
            )
        case Some():
            some = [compile_guard(one, resolve) for one in guard.guards]
            return lambda data, event, moment, configuration: any(
                check(data, event, moment, configuration) for check in some
            )
        case InState():
            needed = frozenset(state_paths(guard.state, resolve))
            return lambda data, event, moment, configuration: needed <= configuration.names
    raise TypeError(f"{guard!r} is no guard; write a function, and_, or_, not_ or in_state")


def _condition(guard: Condition[Any, Any]) -> Check:
    function, count = guard.function, guard.arity()
    if count == 1 and not guard.params:
        return lambda data, event, moment, configuration: function(data)
    bound = guard.bound()
    return lambda data, event, moment, configuration: bound(data, event, moment)


def state_paths(state: str | Mapping[str, Any], resolve: Resolve, above: str = "") -> Iterator[str]:
    """Yield the paths that must all be active for a state value, a path, or an id."""
    if isinstance(state, Mapping):
        for key, value in state.items():
            path = f"{above}.{key}" if above else key
            yield from state_paths(value, resolve, path) if value else [path]
    elif state.startswith("#"):
        path = resolve(state)
        if path:  # the root is always active
            yield path
    else:
        yield f"{above}.{state}" if above else state


def decide(guard: Guard[Any, Any] | None, data: Any, configuration: Configuration, resolve: Resolve) -> bool | None:
    """Say what a guard answers before an event is there, or None where that depends on the event."""

    def every(answers: list[bool | None]) -> bool | None:
        return False if False in answers else None if None in answers else True

    def opposite(answer: bool | None) -> bool | None:
        return None if answer is None else not answer

    match guard:
        case None:
            return True
        case Condition():
            if guard.arity() > 1:
                return None
            try:
                return bool(guard.bound()(data, None, None))
            except Refuse:
                return False
        case Not():
            return opposite(decide(guard.guard, data, configuration, resolve))
        case Every():
            return every([decide(one, data, configuration, resolve) for one in guard.guards])
        case Some():
            return opposite(every([opposite(decide(one, data, configuration, resolve)) for one in guard.guards]))
        case InState():
            return frozenset(state_paths(guard.state, resolve)) <= configuration.names
    raise TypeError(f"{guard!r} is no guard")
