"""Draft the upgrade between two versions of a machine: what is evident is filled in, the rest is left to a person.

Limits: nothing is guessed silently; what looks alike is offered, and what nobody has decided is `...` in the text.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from .chart import Node
from .events import RESERVED
from .functions import Send, spell
from .machine import Machine
from .matching import candidates
from .reach import doings_of
from .shapes import shapes

ALIKE = 0.5
"""How alike two states must be in the one or the other way for one to be offered as the other."""


def homeless(old: Machine[Any], new: Machine[Any]) -> dict[str, list[str]]:
    """Return the old leaves that have no image of their own name, each with the new states that are alike to it."""
    known = new.chart.by_path
    fresh = [node for node in new.chart.nodes if node.path not in old.chart.by_path and node.type != "history"]
    found = {}
    for leaf in (node for node in old.chart.nodes if node.leaf and node.parent is not None):
        image = known.get(leaf.path)
        if image is None or image.type == "history" or (leaf.type == "final") != (image.type == "final"):
            fits = [node for node in fresh if (node.type == "final") == (leaf.type == "final")]
            alike = {node.path: _likeness(leaf, node) for node in fits}
            close = (path for path, likeness in alike.items() if max(likeness) >= ALIKE)
            found[leaf.path] = [path for _, path in sorted((-sum(alike[path]), path) for path in close)]
    return found


def _likeness(one: Node, other: Node) -> tuple[float, float]:
    """Say how alike two states are, 0 to 1: in their names, and in what they do and react to."""
    names = SequenceMatcher(None, one.key, other.key).ratio()
    marks, others = _marks(one), _marks(other)
    return names, len(marks & others) / len(marks | others) if marks | others else 0


def _marks(node: Node) -> set[str]:
    done = [f"on entry {doing!r}" for doing in node.entry] + [f"on exit {doing!r}" for doing in node.exit]
    return {*candidates(node, {}), *done, *(one.row.effect.id for one in node.invocations)}


def draft(name: str, old: Machine[Any], new: Machine[Any], states: Mapping[str, str]) -> str:
    """Return the text of an upgrade's file. `states`: the images that somebody has decided."""
    lines = list(_arguments(old, new, states))
    function = list(_data(old, new))
    if function:
        lines.append("    data=data,")
    body = [*function, "", ""] if function else []
    call = ["upgrade = Upgrade(", f'    "{name}",', f"    {old.version},", f"    {new.version},", *lines, ")"]
    decide = " Decide what is written as three dots." if any("..." in line for line in [*body, *call]) else ""
    head = f'"""{name}, from version {old.version} to {new.version}.{decide}"""'
    return "\n".join([head, "", "from statemachines import Upgrade", "", *body, *call, ""])


def _arguments(old: Machine[Any], new: Machine[Any], states: Mapping[str, str]) -> Iterator[str]:
    rows = []
    for leaf, alike in homeless(old, new).items():
        if leaf in states:
            rows.append(f'        "{leaf}": "{states[leaf]}",')
        else:
            hint = f"alike: {', '.join(alike)}" if alike else "which state takes its place?"
            rows.append(f'        "{leaf}": ...,  # {hint}')
    yield from _dict("states", rows)
    invoked = {one.row.effect.id for node in new.chart.nodes for one in node.invocations} | new.names.effects.keys()
    yield from _dict("invokes", [_open(id, "an open one") for id in old.names.effects if id not in invoked])
    taken = [id for id in _delayed(old) if not any(node.candidates(id) for node in new.chart.nodes)]
    yield from _dict("events", [_open(id, "one that waits") for id in taken])


def _open(name: str, what: str) -> str:
    return f'        "{name}": ...,  # what becomes of {what}? a new name, or None: let it go'


def _dict(name: str, rows: list[str]) -> Iterator[str]:
    if rows:
        yield f"    {name}={{"
        yield from rows
        yield "    },"


def _delayed(machine: Machine[Any]) -> Iterator[str]:
    """Yield the events that a machine sends to itself later; one that a function makes is not known."""
    sent = (doing for node in machine.chart.nodes for doing in doings_of(node) if isinstance(doing, Send))
    names = (spell(one.event) for one in sent if one.delay is not None)
    yield from dict.fromkeys(name for name in names if not name.startswith(RESERVED))


def _data(old: Machine[Any], new: Machine[Any]) -> Iterator[str]:
    """Yield a function for the data, where their fields differ."""
    was, now = ({name: field for name, field in shapes(one)[""].items() if "." not in name} for one in (old, new))
    gone = [name for name in was if name not in now]
    come = [name for name in now if name not in was]
    other = [name for name in now if name in was and was[name].type != now[name].type]
    if not (gone or come or other):
        return
    kept = "**old"
    if gone:
        listed = ", ".join(f'"{name}"' for name in gone)
        kept = f"**{{name: value for name, value in old.items() if name not in [{listed}]}}"
    yield ""
    yield "def data(old):"
    yield "    return {"
    yield f"        {kept},"
    for name in come:
        yield f'        "{name}": {_literal(now[name].default)},  # {now[name].type}, new'
    for name in other:
        yield f'        "{name}": ...,  # {now[name].type}, was {was[name].type}: old["{name}"]'
    yield "    }"


def _literal(default: str | None) -> str:
    """Return a default as it can stand in the file; three dots where it cannot."""
    try:
        value = ast.literal_eval(default or "...")
    except (ValueError, SyntaxError):
        return "..."
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value).replace("Ellipsis", "...")
