"""What was played by hand, written as a pytest file that plays it again by `play`.

Limits: registered machines, which the file asks for by their stored names.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pprint import pformat
from textwrap import indent
from typing import Any

import msgspec

from statemachines.core.border import payload_of
from statemachines.core.events import AnyEvent

HEAD = '''"""Written by `manage.py simulate {machine}`."""

from datetime import timedelta

from statemachines import Occurrence, registry
from statemachines.core.scenes import resume
from statemachines.testing import Run, play


def {name}() -> None:
    """{told}"""
    machine = registry.find({machine!r}, {version}).machine
{body}
'''


def plain(value: Any) -> Any:
    """Return a value as JSON holds it."""
    return msgspec.json.decode(msgspec.json.encode(value))


def literal(value: Any) -> str:
    """Write a value of plain data as Python."""
    return pformat(plain(value), width=110, sort_dicts=False)


def started(data: Any, facts: dict[str, Any]) -> str:
    """Write the line that starts a run."""
    given = f", facts={literal(facts)}" if facts else ""
    return f"run = play(machine, {literal(data)}{given})"


def resumed(scene: Any) -> str:
    """Write the line that goes on from a scene."""
    return f"run = Run(resume(machine, {literal(scene)}))"


def given(name: str, value: Any) -> str:
    """Write the line that gives a fact."""
    return f"run.give({name!r}, {literal(value)})"


def sent(event: AnyEvent) -> str:
    """Write the line that sends an event."""
    return f"run.send({_event(event)})"


def refused(event: AnyEvent, code: str) -> str:
    """Write the line that asserts a refusal."""
    return f"run.refuses({_event(event)}, code={code!r})"


def passed(time: timedelta) -> str:
    """Write the line that lets time pass."""
    parts = (f"{unit}={getattr(time, unit)}" for unit in ("days", "seconds", "microseconds") if getattr(time, unit))
    return f"run.advance(timedelta({', '.join(parts)}))"


def completed(effect: str, result: Any) -> str:
    """Write the line that ends an effect with a result."""
    return f"run.complete({effect!r}, {literal(result)})"


def failed(effect: str, error: str) -> str:
    """Write the line that ends an effect as failed."""
    return f"run.fail({effect!r}, {error!r})"


def as_test(machine: str, version: int, name: str, acts: Iterable[str], state: str) -> str:
    """Return the file: a test of that name, which does the acts and ends by asserting the state."""
    body = "\n".join([*acts, f"assert run.state == {state!r}"])
    told = f"What was played by hand ends in {state}."
    return HEAD.format(machine=machine, version=version, name=name, told=told, body=indent(body, "    "))


def _event(event: AnyEvent) -> str:
    payload = payload_of(event)
    return f"Occurrence({event.type!r}, {literal(payload)})" if payload else repr(event.type)
