"""Pictures of what is in the database: where an instance is and was, how many are where; layouts are made once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.template import Context, Template
from django.test.utils import CaptureQueriesContext

from orders.machines import order
from statemachines import Always, Machine, State, picture, registry
from statemachines.checks import check_diagrams
from statemachines.core.diagram.graph import Graph
from statemachines.core.diagram.graphviz import Graphviz
from statemachines.core.diagram.layout import Layout
from statemachines.core.events import Occurrence
from statemachines.engine import create
from statemachines.models import Effect, Timer
from tests.examples.machines import Close, Go, NoteData, Open, Stop, door, notes


class Counting:
    """An engine that counts how often it is asked, and answers with a listing's places under ELK's name."""

    name = "elk"

    def __init__(self) -> None:
        self.asked = 0

    def missing(self) -> str:
        return ""

    def layout(self, graph: Graph) -> Layout:
        self.asked += 1
        placed = Graphviz(limit=60).layout(graph)
        return Layout("elk", placed.width, placed.height, placed.boxes, placed.routes)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Counting:
    """The only engine, with nothing kept."""
    counting = Counting()
    cache.clear()
    monkeypatch.setattr(picture, "_layouts", {})
    monkeypatch.setattr(picture, "engines", lambda: [counting])
    return counting


def test_a_layout_is_made_once(engine: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process keeps it, and the cache for other processes; without both it is made again."""
    first = picture.machine_svg(order)
    assert (picture.machine_svg("orders.order"), engine.asked) == (first, 1)
    monkeypatch.setattr(picture, "_layouts", {})
    assert (picture.machine_svg(registry.find("order")), engine.asked) == (first, 1)
    monkeypatch.setattr(picture, "_layouts", {})
    cache.clear()
    picture.machine_svg(order)
    assert engine.asked == 2


def test_a_dead_cache_costs_no_picture(engine: Counting, settings: Any) -> None:
    """Where Django's cache fails, the layout is made and kept in the process."""
    settings.CACHES = {"default": {"BACKEND": "tests.diagram.test_picture.Dead"}}
    assert "<svg" in picture.machine_svg(order)
    assert "<svg" in picture.machine_svg(order)
    assert engine.asked == 1


class Dead:
    def __init__(self, location: str, params: dict[str, Any]) -> None:
        pass

    def get(self, key: str) -> None:
        raise ConnectionError("dead")

    def set(self, key: str, value: bytes, timeout: int | None) -> None:
        raise ConnectionError("dead")

    def close(self) -> None:
        pass


def test_a_stopgap_is_not_kept_for_long(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """What stands in for ELK is kept in the cache for minutes, and not in the process."""
    settings.STATEMACHINES = {"ELK_FILE": "nowhere.js"}
    cache.clear()
    monkeypatch.setattr(picture, "_layouts", {})
    text = picture.machine_svg(order)
    assert 'data-engine="graphviz"' in text
    assert picture._layouts == {}


def test_the_check_says_when_elk_is_missing(settings: Any) -> None:
    """Without elkjs an Info says who draws, and what to do."""
    settings.STATEMACHINES = {"ELK_FILE": "nowhere.js"}
    (told,) = check_diagrams(None)
    assert (told.id, told.level) == ("statemachines.I002", 20)
    assert told.msg == "Diagrams are drawn by graphviz: there is no elkjs at nowhere.js."
    assert "make vendor" in (told.hint or "")
    settings.STATEMACHINES = {"ELK_FILE": 1}
    assert check_diagrams(None) == []


@pytest.mark.django_db
def test_where_an_instance_is_and_was() -> None:
    """Active, passed and last follow from the instance and its history; operators' acts and the past do not hide it."""
    made = create(door.machine, system=True)
    made.send(Open(), system=True)
    made.send(Close(), system=True)
    made.refresh_from_db()
    over = picture.overlay_of(made)
    assert over.active == {"closed"}
    assert over.passed == {"opened"}
    assert over.last == {"opened|close|0"}
    assert over.told == "Now it is closed."


@pytest.mark.django_db
def test_states_that_were_left_at_once_were_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An eventless choice at the start is seen afterwards, though nothing ever rested there."""
    monkeypatch.setattr(registry, "_machines", dict(registry._machines))
    machine = Machine("chosen", State("choice", Always("made")), State("made"))
    registry.register(machine, app_label="examples")
    over = picture.overlay_of(create(machine, system=True))
    assert (over.active, over.passed) == ({"made"}, {"choice"})
    assert "choice|always|0" in over.last


@pytest.mark.django_db
def test_timers_and_failures() -> None:
    """A running timer tells what remains, a failed effect its id, at their states."""
    made = create(notes.machine, data=NoteData(seconds=7200), system=True)
    made.send(Occurrence("wait"), system=True)
    made.refresh_from_db()
    timer = Timer.objects.get(instance=made)
    over = picture.overlay_of(made)
    assert over.timers.keys() == {"waiting"}
    assert over.timers["waiting"].endswith("left")
    Timer.objects.filter(pk=timer.pk).update(state="", event="late")
    assert picture.overlay_of(made).timers[""].startswith("late: ")
    made.send(Stop(), system=True)
    made.send(Go(), system=True)
    Effect.objects.filter(instance=made).update(status=Effect.Status.FAILED)
    assert [*picture.overlay_of(made).failed.values()] == [("note",)]


@pytest.mark.django_db
def test_instances_are_counted_in_their_states_and_what_holds_them() -> None:
    """One query counts; each count has the link that the caller makes."""
    made = [create(door.machine, system=True) for _ in range(3)]
    made[0].send(Open(), system=True)
    with CaptureQueriesContext(connection) as queries:
        counts = picture.counted(registry.find("examples.door"), lambda path: f"/?state={path}")
    assert len(queries) == 1
    assert {path: (count.number, count.href) for path, count in counts.items()} == {
        "closed": (2, "/?state=closed"),
        "opened": (1, "/?state=opened"),
    }


@pytest.mark.parametrize(
    ("time", "told"),
    [
        (timedelta(days=2, hours=3, minutes=4), "2 d 3 h left"),
        (timedelta(hours=1, seconds=5), "1 h 5 s left"),
        (timedelta(minutes=12, seconds=30), "12 min 30 s left"),
        (timedelta(seconds=-5), "due now"),
    ],
)
def test_what_remains_is_told_short(time: timedelta, told: str) -> None:
    """The two largest units there are; what is late is due."""
    assert picture.remaining(time) == told


@pytest.mark.django_db
def test_the_template_tags_draw() -> None:
    """A page gets the SVG itself; an instance that this code does not know is told of instead."""
    made = create(door.machine, system=True)
    page = Template("{% load statemachines %}{% machine_diagram 'examples.door' counts %}§{% instance_diagram made %}")
    counts = picture.counted(registry.find("examples.door"))
    machine, instance = page.render(Context({"counts": counts, "made": made})).split("§")
    assert machine.startswith("<svg")
    assert 'class="badge count"' in machine
    assert 'class="state atomic active"' in instance
    made.version = 99
    told = Template("{% load statemachines %}{% instance_diagram made %}").render(Context({"made": made}))
    assert told == '<p class="statechart-missing">This code has no version 99 of examples.door, it has: 1.</p>'
