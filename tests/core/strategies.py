"""Random machines and runs of events for them.

Limits: every loop is bounded by the data. Left out is what XState itself answers with an illegal configuration: several
targets in one region, and a history state that is reached from inside without a default.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from statemachines import (
    After,
    Always,
    Done,
    Entry,
    Exit,
    Final,
    History,
    Machine,
    On,
    Parallel,
    State,
    and_,
    guard,
    in_state,
    not_,
    or_,
    raise_,
)
from statemachines.core.definition import Row
from statemachines.core.functions import Condition, Guard

NAMES = "abcdefgh"
EVENTS = ("go", "go.on", "stop")
LIMIT = 6


class Count(msgspec.Struct, frozen=True):
    n: int = 0


def inc(data: Count) -> Count:
    return Count(data.n + 1)


def is_even(data: Count) -> bool:
    return data.n % 2 == 0


def is_below(data: Count, *, limit: int) -> bool:
    return data.n < limit


BOUNDED: Guard[Count, Any] = Condition(is_below, params={"limit": LIMIT})


class Shape(msgspec.Struct, frozen=True):
    """A state before its rows are drawn; `kind` is a word of the definition."""

    kind: str
    children: tuple[Shape, ...] = ()


def shapes(depth: int) -> st.SearchStrategy[Shape]:
    leaf = st.sampled_from(["atomic", "atomic", "atomic", "final"]).map(Shape)
    if not depth:
        return leaf
    inner = st.lists(shapes(depth - 1), min_size=1, max_size=3).map(tuple)
    compound = inner.map(lambda children: Shape("compound", (Shape("atomic"), *children)))
    parallel = st.tuples(shapes(depth - 1), shapes(depth - 1)).map(lambda children: Shape("parallel", children))
    return st.one_of(leaf, compound, parallel)


@st.composite
def machines(draw: st.DrawFn) -> Machine[Count]:
    """Draw a machine of up to three levels with every kind of state and transition."""
    children = draw(st.lists(shapes(2), min_size=1, max_size=3))
    root = Shape("compound", (Shape("atomic"), *children))
    paths = list(_paths(root, ""))
    return Machine("m", *_rows(draw, root, "", paths), data=Count)


def _paths(shape: Shape, path: str) -> Iterator[str]:
    for name, child in zip(NAMES, shape.children, strict=False):
        below = f"{path}.{name}" if path else name
        yield below
        yield from _paths(child, below)


def _state(draw: st.DrawFn, shape: Shape, name: str, path: str, paths: list[str]) -> State[Count]:
    kind = {"parallel": Parallel, "final": Final}.get(shape.kind, State)
    return kind(name, *_rows(draw, shape, path, paths))


def _rows(draw: st.DrawFn, shape: Shape, path: str, paths: list[str]) -> list[Row[Count]]:
    targets = st.sampled_from([f"#m.{one}" for one in paths])
    rows: list[Row[Count]] = [_on(draw, targets) for _ in range(draw(st.integers(0, 2)))]
    if draw(st.integers(0, 4)) == 0:
        rows.append(Always(draw(targets), when=and_(BOUNDED, draw(guards(paths))), do=inc))
    if draw(st.integers(0, 4)) == 0:
        rows.append(After(timedelta(seconds=draw(st.integers(0, 3))), draw(targets), do=inc))
    if draw(st.booleans()):
        rows += [Entry(inc), Exit(inc)]
    if shape.children and path and draw(st.booleans()):
        rows.append(Done(draw(targets), when=BOUNDED, do=inc))
    if shape.kind == "compound" and draw(st.booleans()):
        rows.append(History("h", NAMES[0], deep=draw(st.booleans())))
        rows.append(On("back", "#m.h" if not path else f"#m.{path}.h", reenter=True))
    for name, child in zip(NAMES, shape.children, strict=False):
        rows.append(_state(draw, child, name, f"{path}.{name}" if path else name, paths))
    return rows


def _on(draw: st.DrawFn, targets: st.SearchStrategy[str]) -> On[Count]:
    descriptor = draw(st.sampled_from([*EVENTS, "go.*", "*"]))
    target = draw(st.none() | targets)
    reenter = draw(st.booleans())
    if draw(st.integers(0, 3)) == 0:
        return On(descriptor, target, when=BOUNDED, do=[inc, raise_(draw(st.sampled_from(EVENTS)))], reenter=reenter)
    when = draw(st.none() | st.just(guard(is_even)))
    # A wildcard also takes completions: unbounded, it could complete the same state for ever.
    return On(descriptor, target, when=BOUNDED if descriptor == "*" else when, do=inc, reenter=reenter)


def guards(paths: list[str]) -> st.SearchStrategy[Guard[Count, Any]]:
    single = st.one_of(st.just(guard(is_even)), st.sampled_from(paths).map(in_state))
    pairs = st.tuples(single, single)
    both, either = pairs.map(lambda pair: and_(*pair)), pairs.map(lambda pair: or_(*pair))
    return st.one_of(single, single.map(not_), both, either)


def runs(machine: Machine[Any]) -> st.SearchStrategy[list[str]]:
    """Draw names of events: those of clients, and those of the machine's timers and completions."""
    known = dict.fromkeys(key for node in machine.chart.nodes for key in node.edges if "*" not in key)
    return st.lists(st.sampled_from([*EVENTS, "back", *known]), max_size=8)
