"""Parts of a machine in words: names, times, events, guards, what is done, why an event is refused.

Where somebody has described a thing, that is taken: a description, or the first line of a function's docstring; else
its id is read as words. Limits: plain text in English, no markup, no whole documents.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, get_type_hints

import msgspec

from .english import DETERMINERS, HELPERS, VERBS, listed, lower, negated, third_person
from .events import AnyEvent, Event, Occurrence
from .functions import (
    Cancel,
    Condition,
    Doing,
    Effect,
    Every,
    Function,
    Guard,
    InState,
    Named,
    Not,
    Raise,
    Send,
    Some,
    named,
)
from .guards import state_paths
from .machine import Machine
from .sentences import UNITS, say
from .snapshot import Rejection


def phrase(id: str) -> str:
    """Read an id as words: `order_accepted`, `order.accepted` and `OrderAccepted` are "order accepted"."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_.\-\s]+", " ", id).strip()
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in spaced.split(" "))


def prose(text: str) -> str:
    """Read `code` in a docstring as words, and end without a full stop."""
    return re.sub(r"`([\w.]+)`", lambda found: phrase(found[1]), text.strip()).rstrip(".")


def summary(function: Function | Named) -> str:
    """Return the first sentence of a function's docstring without its full stop; "" where there is none."""
    inner = function.function if isinstance(function, Named) else function
    text = inspect.getdoc(inner) if inspect.isroutine(inner) else None
    return prose(re.split(r"\.\s+(?=[A-Z])", text.splitlines()[0])[0]) if text else ""


def duration_in_words(duration: timedelta) -> str:
    """Write a duration out: "1 day", "1 hour and 30 minutes", "1.5 seconds", "50 milliseconds"."""
    minutes, rest = divmod(duration, timedelta(minutes=1))
    hours, seconds = minutes // 60 % 24, rest.total_seconds()
    short = 0 < seconds < 1
    counts = (minutes // 1440, hours, minutes % 60, 0 if short else seconds, seconds * 1000 if short else 0)
    parts = [f"{count:g} {unit}{'s' * (count != 1)}" for count, unit in zip(counts, UNITS, strict=True) if count]
    return listed(parts) or f"0 {UNITS[3]}s"


def delay_in_words(delay: timedelta | Function | Named, id: str | None = None) -> str:
    """Say when something comes that was put off: "after 20 minutes", "after the prep time", "at the pickup time"."""
    if isinstance(delay, timedelta):
        return say("after", delay=duration_in_words(delay)) if delay else say("at_once")
    given = named(delay)
    text = value_in_words(given)
    key = "at" if _returns(given.function) is datetime else "after"
    if text.startswith("how long "):
        return say("after", delay=say("as_long_as", what=text.removeprefix("how long ")))
    if text.startswith("when "):
        return text
    name = phrase(id or given.id)
    return say(key, delay=text or (name if name.split(" ")[0] in DETERMINERS else say("the", name=name)))


def value_in_words(function: Function | Named) -> str:
    """Say what a function returns, by its docstring: "Return the time to cook." is "the time to cook"."""
    return re.sub(r"^(return|give|compute|calculate|tell|say) ", "", lower(summary(function)))


def _returns(function: Function) -> Any:
    try:
        return get_type_hints(function).get("return")
    except (TypeError, NameError, AttributeError):
        return None


def event_in_words(name: str, event: type[Event] | None = None) -> str:
    """Name an event, with the fields of its payload: "restaurant accepted (prep minutes)"."""
    fields = payload_in_words(event) if event else ""
    return f"{phrase(name)} ({fields})" if fields else phrase(name)


def payload_in_words(event: type[Event]) -> str:
    """Name the fields of an event's payload."""
    fields = msgspec.structs.fields(event)
    return ", ".join(phrase(one.name) if one.required else say("optional", name=phrase(one.name)) for one in fields)


def event_meaning(event: type[Event] | None) -> str:
    """Return the first line of an event class's docstring; "" where there is none."""
    text = event.__dict__.get("__doc__") if event else None
    return prose(inspect.cleandoc(text).splitlines()[0]) if text else ""


def state_in_words(path: str) -> str:
    """Name a state by its path, innermost first: "create order of standard"."""
    *above, name = map(phrase, path.split("."))
    return say("inside", name=name, parent=above[-1]) if above else name


def quoted_state(path: str) -> str:
    """Name a state by its path in quotes, innermost first."""
    return say("quoted", name=state_in_words(path))


def guard_in_words(guard: Guard[Any, Any], state: Callable[[str], str] = quoted_state) -> str:
    """Say a guard as a clause that can follow "if": "it may offer again". `state` names one by its path."""
    match guard:
        case Condition():
            return _condition(guard)
        case Not():
            clause = guard_in_words(guard.guard, state)
            plain = isinstance(guard.guard, Condition | InState)
            return (plain and negated(clause)) or say("not_so", what=clause)
        case Every():
            return listed(guard_in_words(one, state) for one in guard.guards) or say("always_holds")
        case Some():
            return listed((guard_in_words(one, state) for one in guard.guards), "or") or say("never_holds")
        case InState():
            paths = state_paths(guard.state, lambda id: id.removeprefix("#"))
            return say("in_state", states=listed(map(state, paths)))
    raise TypeError(f"{guard!r} is no guard")


def _condition(guard: Condition[Any, Any]) -> str:
    text = summary(guard)
    asked = re.match(r"(?:(?:say|tell|check|return|decide|ask) )?(?:true )?(?:whether|if) (.+)", text, re.IGNORECASE)
    if asked:
        return asked[1]
    words = text or phrase(repr(guard))
    first = words.split(" ", 1)[0].lower()
    if first in HELPERS:
        return say("it", what=lower(words))
    clause = any(f" {word} " in words for word in HELPERS)
    return lower(words) if clause else say("holds", what=words)


def doing_in_words(doing: Doing | Named) -> str:
    """Say what is done as what follows "it": "records acceptance", "asks the restaurant (an effect)"."""
    match doing:
        case Raise():
            return say("raises", event=_made(doing.event))
        case Send():
            if doing.delay is None:
                return say("sends", event=_made(doing.event))
            return say("sends_later", event=_made(doing.event), delay=delay_in_words(doing.delay))
        case Cancel():
            return say("cancels", event=say("quoted", name=phrase(doing.id)))
        case Effect():
            return say("effect", what=_done(doing))
    return _done(doing)


def _made(event: AnyEvent | Function | Named) -> str:
    if isinstance(event, Event | Occurrence):
        return say("quoted", name=phrase(event.type))
    return say("made_by", what=say("quoted", name=phrase(named(event).id)))


def _done(function: Named) -> str:
    text = summary(function)
    if text:
        return third_person(text) or say("does", what=text)
    words = phrase(function.id)
    if words.split(" ", 1)[0] not in VERBS:
        return say("does", what=phrase(repr(function)))
    given = ", ".join(f"{phrase(name)} {value}" for name, value in function.params.items())
    return (third_person(words) or words) + (f" ({given})" if given else "")


def refusal_in_words(machine: Machine[Any], rejection: Rejection) -> str:
    """Say for people why an event was not taken, and what would be."""
    leaves = [path for path in rejection.state if not any(one.startswith(f"{path}.") for one in rejection.state)]
    event = say("quoted", name=phrase(rejection.event_type))
    told = [say("refused", event=event, states=listed(map(state_in_words, leaves)))]
    guards = _known_guards(machine)
    if rejection.guards:
        needed = (guard_in_words(guards[one]) if one in guards else phrase(one) for one in rejection.guards)
        told.append(say("refused_because", guards=listed(needed, "or")))
    if rejection.possible:
        told.append(say("instead", events=listed(map(phrase, rejection.possible), "or")))
    else:
        told.append(say("nothing_possible"))
    return " ".join([*told, say("unchanged")])


def _known_guards(machine: Machine[Any]) -> Mapping[str, Guard[Any, Any]]:
    """Return the guards of a machine's transitions as a rejection names them."""
    edges = (edge for node in machine.chart.nodes for edges in (*node.edges.values(), node.always) for edge in edges)
    return {repr(edge.row.guard): edge.row.guard for edge in edges if edge.row.guard is not None}
