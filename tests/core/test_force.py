"""Forcing: an operator puts an instance into a legal configuration."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from statemachines import After, Always, Done, Entry, Event, Exit, Final, InvalidValue, Machine, On, Parallel, State
from statemachines.core.force import FORCE, force
from statemachines.core.interpreter import start
from statemachines.core.snapshot import CancelTimer, SetTimer, Snapshot, Step

Data = dict[str, Any]


class Go(Event):
    pass


def log(name: str) -> Any:
    def logged(data: Data) -> Data:
        return {**data, "log": [*data.get("log", []), name]}

    logged.__name__ = name
    return logged


def is_fast(data: Data) -> bool:
    return bool(data.get("fast"))


machine = Machine(
    "m",
    State("a", Entry(log("enter_a")), Exit(log("exit_a")), After(timedelta(hours=1), "b"), On(Go, "b")),
    State("b", Entry(log("enter_b")), After(timedelta(hours=2), "a"), Always("c", when=is_fast)),
    State("c", State("c1", On(Go, "c2")), Final("c2"), Done("end")),
    Parallel(
        "p", State("x", State("x1", On(Go, "x2")), State("x2")), State("y", State("y1", On(Go, "y2")), State("y2"))
    ),
    Final("end"),
)


def forced(targets: list[str], *, entering: bool, data: Data | None = None) -> Step[Any]:
    begun = start(machine).snapshot
    return force(machine, begun, targets, data=begun.data if data is None else data, entering=entering)


def test_without_entering_only_the_configuration_and_the_old_timers_change() -> None:
    """No exit action, no entry action, no new timer; the timers of what was left are cancelled."""
    step = forced(["b"], entering=False)
    assert step.snapshot.configuration == ("b",)
    assert step.snapshot.data == {"log": ["enter_a"]}
    assert [type(command) for command in step.commands] == [CancelTimer]
    assert step.microsteps[0].event.type == FORCE


def test_with_entering_entry_actions_run_and_timers_start() -> None:
    """What the state does on entry is done, and what is eventless then is taken."""
    step = forced(["b"], entering=True)
    assert step.snapshot.data == {"log": ["enter_a", "enter_b"]}
    assert [type(command) for command in step.commands] == [CancelTimer, SetTimer]
    assert forced(["b"], entering=True, data={"fast": True}).snapshot.configuration == ("c", "c.c1")
    assert forced(["b"], entering=False, data={"fast": True}).snapshot.configuration == ("b",)


def test_what_the_targets_leave_open_is_entered_by_default() -> None:
    """A compound target brings its initial child, a region brings the other regions."""
    assert forced(["c"], entering=False).snapshot.configuration == ("c", "c.c1")
    assert forced(["p.y.y2"], entering=False).snapshot.configuration == ("p", "p.x", "p.x.x1", "p.y", "p.y.y2")
    both = forced(["p.x.x2", "p.y.y2"], entering=False)
    assert both.snapshot.configuration == ("p", "p.x", "p.x.x2", "p.y", "p.y.y2")


def test_a_final_state_is_completed_only_with_entering() -> None:
    """With entering, completion moves the machine on; without, it stays where it was put; the root's end ends it."""
    assert forced(["c.c2"], entering=True).snapshot.configuration == ("end",)
    assert forced(["c.c2"], entering=False).snapshot.configuration == ("c", "c.c2")
    assert forced(["end"], entering=False).snapshot.status == "done"


def test_the_snapshot_that_was_given_stays() -> None:
    """Forcing is as pure as a step."""
    begun = start(machine).snapshot
    kept = Snapshot(begun.configuration, dict(begun.data))
    force(machine, begun, ["b"], data={}, entering=True)
    assert (begun.configuration, begun.data) == (kept.configuration, kept.data)


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (["nowhere"], "a state, one of: a, b, c.c1, c.c2, p.x.x1, p.x.x2, p.y.y1, p.y.y2, end"),
        (["a", "b"], "states that can be active together; of the machine only one can"),
        (["p.x.x1", "p.x.x2"], "states that can be active together; of p.x only one can"),
        (["#m"], "a state inside the machine"),
        ([], "at least one state"),
    ],
)
def test_an_illegal_configuration_is_refused(targets: list[str], expected: str) -> None:
    """Unknown states, and states that exclude each other, are refused with what would be right."""
    with pytest.raises(InvalidValue) as refused:
        forced(targets, entering=True)
    assert refused.value.expected == expected
