"""What changed between two definitions: as values, and in sentences."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest

from statemachines import (
    After,
    Always,
    Done,
    Entry,
    Event,
    Exit,
    Failed,
    Final,
    Initial,
    Invoke,
    Machine,
    On,
    Parallel,
    State,
    effect,
    in_state,
    not_,
    or_,
)
from statemachines.core import sentences
from statemachines.core.comparison import compare
from statemachines.core.differences import Difference, differences, same_states
from statemachines.core.shapes import shape


class Accepted(Event):
    prep_minutes: int


class AcceptedLater(Event, tag="accepted"):
    prep_minutes: float
    by: str = ""


def yes(data: Any) -> bool:
    return True


def no(data: Any) -> bool:
    return False


def record_one(data: Any) -> Any:
    return data


def record_two(data: Any) -> Any:
    return data


@effect
def charge(data: Any) -> None:
    raise NotImplementedError


@effect
def refund(data: Any) -> None:
    raise NotImplementedError


def changed(old: State[Any] | list[Any], new: State[Any] | list[Any]) -> list[tuple[str, str, str, str]]:
    """Return kind, state, before and after of the differences of two machines with these rows."""
    machines = [Machine("m", *(rows if isinstance(rows, list) else [rows, Final("end")])) for rows in (old, new)]
    return [(one.kind, one.state, one.before, one.after) for one in differences(*machines)]


def told(old: list[Any], new: list[Any], **given: Any) -> list[str]:
    """Return the lines of the comparison that are items of lists."""
    text = compare(Machine("m", *old, **given), Machine("m", *new, **given))
    return [line.removeprefix("- ") for line in text.splitlines() if line.startswith("- ")]


def test_nothing_changed() -> None:
    """A definition differs in nothing from one that is written the same, and that is said."""
    machines = [Machine("m", State("a", On("x", "b", when=yes, do=record_one)), Final("b"), version=n) for n in (1, 2)]
    assert differences(*machines) == ()
    assert compare(*machines) == "# M: from version 1 to version 2\n\nBoth versions are the same.\n"


def test_states_that_come_and_go() -> None:
    """A state with all inside it is one difference, in document order of its machine."""
    old = [State("a", On("x", "gone")), State("gone", State("inner")), Final("end")]
    new = [State("a", On("x", "come")), State("come", State("deep")), Final("end")]
    assert changed(old, new) == [
        ("state_removed", "gone", "", ""),
        ("transition_target", "a", "a|x|0", "a|x|0"),
        ("state_added", "come", "", ""),
    ]
    assert told(old, new) == [
        "*gone* is gone.",
        "*come* is new.",
        "When **x** happens, it now becomes *come* (before: becomes *gone*).",
    ]


def test_states_that_moved_are_followed() -> None:
    """A state of one name that is elsewhere is the same state: transitions lead where they led, guards ask the same."""
    rows = [State("a", On("x", "b")), State("b", On("x", "end", when=in_state("b")), Always("a", when=not_(yes)))]
    moved = [State("a", On("x", "b")), State("b", On("x", "end", when=in_state("f.b")), Always("a", when=not_(yes)))]
    old, new = [*rows, Final("end")], [State("start", Always("f")), State("f", *moved, Final("end"))]
    assert same_states(Machine("m", *old), Machine("m", *new)) == {"": "", "a": "f.a", "b": "f.b", "end": "f.end"}
    assert told(old, new) == [
        "*start* is new.",
        "*f* is new.",
        "*a*, *b* and *end* moved into *f*.",
        "It starts as *start*, no longer as *a*.",
    ]
    assert told(new, old)[2] == "*a of f*, *b of f* and *end of f* moved out of *f*, to the top."


def test_of_several_places_the_most_alike_one_is_the_new_one() -> None:
    """Where a name is found more than once, what the states react to decides; children follow their parent."""
    old = Machine("m", State("a", State("s", On("pay", "t")), State("t", Entry(record_one))))
    new = Machine(
        "m",
        State("first", State("s", On("ship", "t")), State("t")),
        State("second", State("a", State("s", On("pay", "t")), State("t", Entry(record_one)))),
    )
    assert same_states(old, new) == {"": "", "a": "second.a", "a.s": "second.a.s", "a.t": "second.a.t"}
    assert [one.kind for one in differences(old, new) if one.kind == "state_moved"] == ["state_moved"]


def test_what_a_state_is_and_does() -> None:
    """Type, start, description, tags, what is done on entry, on exit, at the start, and what is invoked."""
    old = State("a", State("x"), State("y"), Entry(record_one), Exit(record_one), Invoke(charge, "end"), tags=["red"])
    new = State(
        "a",
        Initial("y", record_two),
        State("x"),
        State("y"),
        Entry(record_two),
        Invoke(refund, "end"),
        tags=["blue"],
        description="A state.",
    )
    assert changed(old, new)[:11] == [
        ("state_initial", "a", "a.x", "a.y"),
        ("description", "a", "", "A state."),
        ("tag_removed", "a", "red", ""),
        ("tag_added", "a", "", "blue"),
        ("entry_removed", "a", "record_one", ""),
        ("entry_added", "a", "", "record_two"),
        ("exit_removed", "a", "record_one", ""),
        ("start_added", "a", "", "record_two"),
        ("invoke_removed", "a", "charge", ""),
        ("invoke_added", "a", "", "refund"),
        ("transition_removed", "a", "a|xstate.done.actor.0.m.a|0", ""),
    ]
    lines = told([old, Final("end")], [new, Final("end")])
    assert lines[:10] == [
        "It starts as *y of a*, no longer as *x of a*.",
        "It is described anew: “A state”",
        "It no longer has the tag red.",
        "It has the tag blue now.",
        "On entering, no longer: it records one.",
        "On entering, it now records two.",
        "On leaving, no longer: it records one.",
        "When it starts by itself, it now records two.",
        "Meanwhile, no longer: it charges (an effect).",
        "Meanwhile, it now refunds (an effect).",
    ]
    back = told([new, Final("end")], [old, Final("end")])
    assert "It is no longer described." in back
    assert "When it starts by itself, no longer: it records two." in back
    assert told([State("a", State("x"))], [Parallel("a", State("x"))])[0] == (
        "It was a state with states inside and is now a state whose parts go on at the same time."
    )


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (
            On("x", "end"),
            On("y", "end"),
            ["No longer: when **x** happens, it ends as *end*.", "New: when **y** happens, it ends as *end*."],
        ),
        (On("x", "end"), On("x", "end", when=yes), ["When **x** happens, it now ends as *end* only if “yes” holds."]),
        (
            On("x", "end", when=yes),
            On("x", "end"),
            ["When **x** happens, it now ends as *end* in any case (before: if “yes” holds)."],
        ),
        (
            On("x", "end", when=yes),
            On("x", "end", when=or_(yes, no)),
            ["When **x** happens, it now ends as *end* only if “yes” holds or “no” holds (before: if “yes” holds)."],
        ),
        (On("x", "end"), On("x", "end", do=record_one), ["When **x** happens, it now also records one."]),
        (On("x", "end", do=record_one), On("x", "end"), ["When **x** happens, no longer: it records one."]),
        (
            On("x", "end", do=record_one),
            On("x", "end", do=record_two),
            ["When **x** happens, it now records two (before: records one)."],
        ),
        (
            On("x", "a", when=yes),
            On("x", "a", when=yes, reenter=True),
            ["When **x** happens, if “yes” holds, it now starts *a* over (before: stays as it is)."],
        ),
        (
            After(timedelta(minutes=20), "end"),
            After(timedelta(minutes=30), "end"),
            ["After 30 minutes, it now ends as *end* (before: after 20 minutes)."],
        ),
        (
            After(timedelta(minutes=20), "end"),
            After(timedelta(minutes=30), "a"),
            ["No longer: after 20 minutes, it ends as *end*.", "New: after 30 minutes, it stays as it is."],
        ),
        (
            Invoke(charge, "end", error="a"),
            Invoke(charge, "a", Failed("a")),
            ["When “charge” has succeeded, it now stays as it is (before: ends as *end*)."],
        ),
    ],
)
def test_transitions(old: Any, new: Any, lines: list[str]) -> None:
    """What changed in a transition is told alone: its target, its guard, what it does, its delay."""
    assert told([State("a", old), Final("end")], [State("a", new), Final("end")])[: len(lines)] == lines


def test_the_order_of_candidates() -> None:
    """The first candidate whose guard holds is taken, so their order is part of the definition."""
    one, other = On("x", "end", when=yes), On("x", "a", when=no)
    assert changed(State("a", one, other), State("a", other, one)) == [("transition_order", "a", "a|x|0", "a|x|0")]
    assert told([State("a", one, other), Final("end")], [State("a", other, one), Final("end")]) == [
        "What may follow when **x** happens is now tried in another order."
    ]


def test_completions_are_followed_where_a_state_moved() -> None:
    """Done rows and invocations are named by their state's path, and are the same when it moved."""
    flow = State("f", State("s", Invoke(charge, "t", error="t")), Final("t"), Done(do=record_one))
    kinds = [kind for kind, *_ in changed([flow], [State("top", flow)])]
    assert kinds == ["state_initial", "state_added", "state_moved"]


def test_the_result_of_a_final_state() -> None:
    """A final state's output is compared by its function's id, or by its value."""
    old, new = ([State("a", On("x", "end")), Final("end", output=output)] for output in (record_one, {"n": 1}))
    assert told(old, new) == ["Its result is no longer record one.", "Its result is now {'n': 1}."]


def test_events_and_their_payloads() -> None:
    """Events come and go by name; of a typed one the fields of its payload are compared."""
    old = [State("a", On(Accepted, "b"), On("lost", "b")), Final("b")]
    new = [State("a", On(AcceptedLater, "b"), On("found", "b")), Final("b")]
    found = [one for one in differences(Machine("m", *old), Machine("m", *new)) if one.event]
    assert found == [
        Difference("event_removed", event="lost"),
        Difference("field_type", event="accepted", name="prep_minutes", before="whole number", after="number"),
        Difference("field_added", event="accepted", name="by", before="''", after="text"),
        Difference("event_added", event="found"),
    ]
    assert told(old, new)[-4:] == [
        "**lost** is gone.",
        "**accepted**, prep minutes: number now (before: whole number).",
        "**accepted**, by: new, text, by default empty.",
        "**found** is new.",
    ]


class Courier(msgspec.Struct, frozen=True):
    name: str


class FasterCourier(msgspec.Struct, frozen=True):
    name: str
    bike: bool


class Old(msgspec.Struct, frozen=True):
    order: int
    minutes: int = 0
    note: str = ""
    courier: Courier | None = None


class New(msgspec.Struct, frozen=True):
    order: int = 1
    minutes: int = 20
    lines: tuple[str, ...] = ()
    courier: FasterCourier | None = None


def test_fields_of_the_data() -> None:
    """Fields come, go, change their type or their default, also inside a structure that both have."""
    old, new = (Machine("m", State("a"), data=data) for data in (Old, New))
    assert [line for line in compare(old, new).splitlines() if line.startswith("- ")] == [
        "- Note: gone, it was text.",
        "- Order: by default 1 now (before: nothing, it must be given).",
        "- Minutes: by default 20 now (before: 0).",
        "- Lines: new, list of text, by default empty.",
        "- Courier: faster courier or nothing now (before: courier or nothing).",
        "- Bike of courier: new, yes or no.",
    ]


def test_types_are_told_in_words() -> None:
    """Every kind of field has a name for people; a structure that holds itself is told once."""

    @dataclass
    class Everything:
        choice: Literal["a_b", "c"]
        table: dict[str, float]
        pair: tuple[int, bool]
        at: datetime
        bounded: Annotated[int, msgspec.Meta(ge=1)]
        anything: Any
        many: list[Courier]

    assert {name: field.type for name, field in shape(Everything).items()} == {
        "choice": "one of a b, c",
        "table": "number by text",
        "pair": "whole number and yes or no",
        "at": "point in time",
        "bounded": "whole number",
        "anything": "anything",
        "many": "list of courier",
        "many.name": "text",
    }
    assert shape(dict) == {}
    assert list(shape(Tree)) == ["children"]


class Tree(msgspec.Struct):
    children: list[Tree] = []


def test_every_template_is_used_and_every_sentence_has_one() -> None:
    """No template is left over, and none is missing: the core's code names each key."""
    folder = Path(inspect.getfile(sentences)).parent
    code = "".join(path.read_text() for path in folder.glob("*.py") if path.name != "sentences.py")
    words = set(re.findall(r"""["'](\w+)["']""", code))
    assert set(sentences.SENTENCES) <= words
    assert set(re.findall(r"""\bsay\(\s*["'](\w+)["']""", code)) <= set(sentences.SENTENCES)
