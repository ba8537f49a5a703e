"""Machine coverage: what the tests never made a machine do, in this process, under workers, in words."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from statemachines import After, Final, History, Machine, On, Parallel, State
from statemachines.core import interpreter, selection
from statemachines.core.coverage import Coverage, Observer, observing
from statemachines.core.events import Occurrence
from statemachines.core.interpreter import start, step
from statemachines.engine import create, send
from statemachines.testing import all_states, play
from statemachines.testing.report import as_html, as_json, lines
from tests.examples.machines import Open, door

from .onboarding import Unsubscribed, User, get_channel, onboarding, send_mail
from .test_plugin import pytest_on

EGGS = """
import pytest
from datetime import timedelta
from statemachines import After, Final, Machine, On, State
from statemachines.testing import all_states, play

def is_big(data):
    return data.get("big", False)

egg = Machine("egg",
    State("raw", After(timedelta(minutes=5), "boiled"), On("drop", "broken", when=is_big), On("drop", "rescued")),
    Final("boiled"), Final("broken"), Final("rescued"))

def test_boiled():
    play(egg).advance(minutes=5)

def test_dropped():
    play(egg).send("drop")
"""


def seen_by(observer: Observer) -> Coverage:
    return observer.coverage(onboarding)


def missing(coverage: Coverage, kind: str) -> list[str]:
    return [item.key for item in coverage.missing if item.kind == kind]


def test_everything_that_a_machine_does_is_noted() -> None:
    """States, transitions, both answers of guards, timers, and both outcomes of what is invoked are told apart."""
    observer = Observer()
    with observing(observer):
        run = play(onboarding, User(), facts={"blocked": False})
        run.complete(get_channel, "friend")
        run.complete(send_mail)
        run.send("again")
        run.complete(send_mail)
        run.advance(days=1)
    seen = seen_by(observer)
    assert missing(seen, "state") == ["unknown_channel", "unreachable", "left"]
    assert missing(seen, "guard_true") == missing(seen, "timer") == []
    assert missing(seen, "guard_false") == ["waiting|again|0"]
    assert missing(seen, "outcome") == [
        "xstate.error.actor.0.onboarding.asking",
        "xstate.error.actor.0.onboarding.welcoming",
    ]
    assert "welcoming|unsubscribed|0" in missing(seen, "transition")
    assert "asking|xstate.done.actor.0.onboarding.asking|0" not in missing(seen, "transition")
    assert seen.percent == pytest.approx(100 * (1 - len(seen.missing) / len(seen.items)))


def test_what_refuses_is_no_transition() -> None:
    """A transition whose assign refuses was not taken; a guard that said no was still asked."""
    observer = Observer()
    with observing(observer):
        run = play(onboarding, User(), facts={"blocked": True})
        run.complete(get_channel, "friend")
        run.refuses(Unsubscribed(), code="no_reason")
        run.complete(send_mail)
        run.refuses("again")
    seen = seen_by(observer)
    assert "welcoming|unsubscribed|0" in missing(seen, "transition")
    assert missing(seen, "guard_false") == []
    assert missing(seen, "guard_true") == ["waiting|again|0"]


def test_guards_before_the_one_that_holds_said_no() -> None:
    """Of several candidates those before the chosen one said no, and those after it were not asked."""

    def first(data: dict[str, int]) -> bool:
        return data["n"] == 1

    def second(data: dict[str, int]) -> bool:
        return data["n"] == 2

    def third(data: dict[str, int]) -> bool:
        return data["n"] == 3

    rows = [On("go", name, when=guard) for name, guard in zip("bcd", [first, second, third], strict=True)]
    choice = Machine("choice", State("a", *rows), *map(State, "bcd"))
    observer = Observer()
    with observing(observer):
        step(choice, start(choice, {"n": 2}).snapshot, Occurrence("go"))
    seen = observer.coverage(choice)
    assert missing(seen, "guard_false") == ["a|go|1", "a|go|2"]
    assert missing(seen, "guard_true") == ["a|go|0", "a|go|2"]


def test_regions_and_history() -> None:
    """States of all regions count; a history state is none of its own, the way back through it is a transition."""
    on = State("on", State("low", On("more", "high")), State("high"), On("off", "off"), History("last"))
    lamp = Machine("lamp", State("off", On("on", "on.last")), on)
    both = Machine(
        "both", Parallel("all", State("x", State("x1", On("go", "x2")), State("x2")), State("y", State("y1")))
    )
    observer = Observer()
    with observing(observer):
        play(lamp).send("on")
        play(both)
    assert missing(observer.coverage(lamp), "state") == ["on.high"]
    assert missing(observer.coverage(both), "state") == ["all.x.x2"]


def test_one_machine_may_be_looked_at_alone() -> None:
    """What is not wanted is not kept."""
    observer = Observer(lambda name: name == "another")
    with observing(observer):
        play(onboarding, User())
    assert set() == observer.events == observer.taken == observer.answers == observer.entered


@pytest.mark.django_db
def test_the_engine_is_seen() -> None:
    """What the engine does in this process counts as what a simulation does."""
    by_engine, by_play = Observer(), Observer()
    with observing(by_engine):
        send(create(door.machine, data={}, system=True), Open(), system=True)
    with observing(by_play):
        play(door.machine, {}).send(Open())
    assert by_engine.coverage(door.machine) == by_play.coverage(door.machine)
    assert by_engine.taken


def test_observers_may_be_several() -> None:
    """One that comes later takes nothing from those before it, and is gone after its block, whatever happens there."""
    outer, inner = Observer(), Observer()
    with observing(outer):
        with pytest.raises(LookupError), observing(inner):
            play(onboarding, User()).complete(send_mail)
        play(onboarding, User()).fail(get_channel)
    play(onboarding, User()).complete(get_channel, "friend")
    assert missing(seen_by(inner), "state") == [node.path for node in onboarding.chart.nodes[2:]]
    assert "unknown_channel" not in missing(seen_by(outer), "state")
    assert "welcoming" in missing(seen_by(outer), "state")


def test_a_search_for_ways_is_no_test() -> None:
    """What is only tried to find a path does not count; playing the path does."""
    observer = Observer()
    with observing(observer):
        paths = all_states(onboarding, facts={"blocked": False})
        assert observer.events == set()
        next(path for path in paths if path.target == "waiting").play()
    assert missing(seen_by(observer), "state") == ["unknown_channel", "unreachable", "onboarded", "left"]


def test_nobody_looks_on_otherwise() -> None:
    """After an observation the interpreter is as it was before it."""
    before = interpreter.observer, selection.first is selection._first
    with observing(Observer()):
        assert interpreter.observer is not None
    assert (interpreter.observer, selection.first is selection._first) == before


def test_a_report_is_told_in_words() -> None:
    """What is missing stands in lists by kind, in words, for the terminal, as JSON and as a page."""

    def is_hot(data: dict[str, int]) -> bool:
        """Whether the water boils."""
        return bool(data)

    pot = Machine("pot", State("cold", After(timedelta(minutes=5), "hot", when=is_hot)), Final("hot"))
    observer = Observer()
    with observing(observer):
        play(pot).advance(minutes=5)
    seen = observer.coverage(pot, "kitchen.pot")
    assert list(lines(seen)) == [
        "kitchen.pot version 1: 50 % (3 of 6)",
        "  States that it was never in:",
        "    - hot",
        "  Transitions that were never taken:",
        "    - in cold: After 5 minutes, if the water boils, it ends as hot",
        "  Conditions that never held:",
        "    - in cold: the water boils, after 5 minutes",
    ]
    told = json.loads(as_json([seen]))["machines"]["kitchen.pot"]
    assert (told["version"], told["percent"]) == (1, 50)
    assert {item["key"]: item["done"] for item in told["items"] if item["kind"] == "state"} == {
        "cold": True,
        "hot": False,
    }
    page = as_html([seen])
    assert "<h2>kitchen.pot version 1: 50 % (3 of 6)</h2>" in page
    assert "<li><code>cold</code> After 5 minutes, if the water boils, it ends as hot</li>" in page


def test_two_observations_add_up() -> None:
    """What one worker saw and what another saw is what both saw."""
    first, second = Observer(), Observer()
    with observing(first):
        play(onboarding, User()).fail(get_channel)
    with observing(second):
        play(onboarding, User()).complete(get_channel, "friend")
    both = seen_by(first) | seen_by(second)
    assert both.done == seen_by(first).done | seen_by(second).done
    assert len(both.missing) < min(len(seen_by(first).missing), len(seen_by(second).missing))


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_pytest_reports(tmp_path: Path, workers: list[str]) -> None:
    """The run ends with the report, in one process and under workers, writes files, and fails under the limit."""
    files = ["--machine-coverage-json", str(tmp_path / "c.json"), "--machine-coverage-html", str(tmp_path / "c.html")]
    asked = ["-p", "no:django", "--machine-coverage", "--machine-coverage-fail-under=80", *files, *workers]
    done = pytest_on(tmp_path, EGGS, *asked)
    assert "egg version 1: 70 % (7 of 10)" in done.stdout, done.stdout
    assert "    - in raw: When drop happens, if it is big, it ends as broken" in done.stdout
    assert "FAIL egg: 70 % is less than 80 %." in done.stdout
    assert (done.returncode, "2 passed" in done.stdout) == (1, True)
    assert json.loads((tmp_path / "c.json").read_bytes())["machines"]["egg"]["percent"] == 70
    assert "<h2>egg version 1: 70 % (7 of 10)</h2>" in (tmp_path / "c.html").read_text()


def test_pytest_reports_what_is_asked_for(tmp_path: Path) -> None:
    """With names, these machines alone are told; one that is not there fails where a limit is set."""
    asked = ["-p", "no:django", "--machine-coverage=egg,ham", "--machine-coverage-fail-under=50"]
    done = pytest_on(tmp_path, EGGS, *asked)
    assert "FAIL ham: no such machine is registered, or ran." in done.stdout
    assert done.returncode == 1
    done = pytest_on(tmp_path, EGGS, "-p", "no:django", "--machine-coverage=egg", "--machine-coverage-fail-under=70")
    assert done.returncode == 0, done.stdout


def test_without_the_option_nothing_is_told(tmp_path: Path) -> None:
    """Nobody looks on unless asked to."""
    done = pytest_on(tmp_path, EGGS, "-p", "no:django")
    assert (done.returncode, "machine coverage" in done.stdout) == (0, False)
