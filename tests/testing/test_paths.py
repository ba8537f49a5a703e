"""Ways through a machine, found by trying what may happen: each can be played, and none is longer than it must be."""

from __future__ import annotations

import enum
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest

from orders.machines import order
from statemachines import After, Event, Final, Machine, MachineError, Occurrence, On, State
from statemachines.core.errors import UnknownEvent
from statemachines.core.examples import example, result_of
from statemachines.core.moves import Model
from statemachines.testing import Path, all_states, all_transitions, shortest_paths, simple_paths

from .onboarding import Unsubscribed, User, get_channel, onboarding
from .order import WAYS

ONBOARDING: dict[str, Any] = {
    "events": {Unsubscribed: [Unsubscribed(), Unsubscribed(reason="too much")]},
    "results": {get_channel: ["friend"]},
    "facts": {"blocked": False},
}


class Count(msgspec.Struct, frozen=True):
    n: int = 0


@pytest.mark.parametrize("path", all_transitions(order, **WAYS), ids=str)
def test_every_transition_of_the_order_can_be_taken(path: Path) -> None:
    """A path to a transition takes it with its last move, and leads there whenever it is played."""
    simulation = path.play()
    taken = [edge for step in simulation.scene.journal[-1].step.microsteps for edge in step.plan.edges]
    assert path.target in map(repr, taken)


def test_every_state_of_the_order_can_be_entered() -> None:
    """A path to a state is as short as can be, also to one that is only passed through."""
    paths = {path.target: path for path in all_states(order, **WAYS)}
    assert all(path.moves for path in paths.values())
    assert len(paths) == len(order.chart.nodes) - 1
    assert str(paths["standard.order_ready"]) == (
        "standard.order_ready: restaurant_accepted(prep_minutes=20) → after prep_time"
    )
    assert [len(paths[name].moves) for name in ("flow_chooser", "standard.delivery_complete", "canceled")] == [1, 5, 2]


def test_outcomes_of_effects_are_moves() -> None:
    """What a state invoked succeeds with each of its results, or fails."""
    paths = {path.target: path for path in all_states(onboarding, **ONBOARDING)}
    assert str(paths["unreachable"]) == "unreachable: get_channel succeeded → send_mail failed"
    assert paths["onboarded"].play().snapshot.data == User(channel="friend")
    assert all(path.moves for path in all_transitions(onboarding, **ONBOARDING))


def test_paths_to_scenes_are_shortest() -> None:
    """There is one path to each scene, and every simple path to it is at least as long."""
    model = Model(onboarding, **ONBOARDING)
    shortest = {model.scene_key(path.play()): path for path in shortest_paths(onboarding, **ONBOARDING)}
    simple = list(simple_paths(onboarding, **ONBOARDING))
    assert {model.scene_key(path.play()) for path in simple} == set(shortest)
    assert all(len(path.moves) >= len(shortest[model.scene_key(path.play())].moves) for path in simple)


def test_a_simple_path_comes_to_no_scene_twice() -> None:
    """Of a ring of states, the simple paths stop where it closes."""
    ring = Machine("ring", *(State(name, On("go", after), On("back", "a")) for name, after in ["ab", "bc", "ca"]))
    assert [path.target for path in simple_paths(ring)] == ["a", "b", "c"]


def test_data_that_grow_are_cut_off_or_left_out() -> None:
    """Where each round makes new data, `most` ends it; `identity` says what of them counts."""

    def more(data: Count) -> Count:
        return Count(data.n + 1)

    counter = Machine("counter", State("on", On("more", "on", do=more), On("off", "done")), Final("done"), data=Count)
    assert len(shortest_paths(counter, most=50)) == 50
    assert len(shortest_paths(counter, identity=lambda data: None)) == 2
    assert len(shortest_paths(counter, identity=lambda data: min(data.n, 3))) == 8


def test_where_no_way_leads_the_path_says_so() -> None:
    """A transition that no example takes has a path without moves, whose play() names what could help."""

    def never_holds(data: object, event: object) -> bool:
        return False

    never = Machine("never", State("a", On("go", "b", when=never_holds)), State("b"))
    (path,) = all_transitions(never)
    assert str(path) == "a|go|0: no way found"
    with pytest.raises(LookupError, match=r"No way leads to 'a\|go\|0'; give examples that do"):
        path.play()


def test_examples_of_what_is_not_there_are_refused() -> None:
    """A misspelt event or effect is an error that names those that there are."""
    with pytest.raises(UnknownEvent, match=r"takes no event 'unsubscribe'\. It takes: again, retry, unsubscribed"):
        all_states(onboarding, events={"unsubscribe": []})
    with pytest.raises(LookupError, match="no effect 'send', it has: get_channel, send_mail"):
        all_states(onboarding, results={"send": [1]})


def test_events_may_all_come_from_one_function() -> None:
    """A function of the snapshot may name every event that is tried."""
    two = Machine("two", State("a", On("go", "b"), On("jump", "c")), State("b", On("go", "c")), State("c"))
    paths = shortest_paths(two, events=lambda snapshot: [Occurrence("go")])
    assert [path.target for path in paths] == ["a", "b", "c"]


def test_a_machine_that_breaks_is_an_error_with_the_move() -> None:
    """An exception in a function is found on the way, and told with the move that raised it."""

    def broken(data: dict[str, Any]) -> dict[str, Any]:
        raise ZeroDivisionError

    bad = Machine("bad", State("a", After(timedelta(minutes=5), "b", do=broken)), State("b"))
    with pytest.raises(MachineError, match="ZeroDivisionError") as error:
        all_states(bad)
    assert error.value.__notes__ == ["This came of after 5 minutes."]


class Color(enum.Enum):
    RED = "red"


class Everything(Event):
    yes: bool
    count: Annotated[int, msgspec.Meta(ge=3)]
    even: Annotated[int, msgspec.Meta(gt=4, multiple_of=2)]
    low: Annotated[float, msgspec.Meta(lt=-2)]
    name: Annotated[str, msgspec.Meta(min_length=3)]
    kind: Literal["b", "a"]
    color: Color
    price: Decimal
    at: datetime
    day: date
    hour: time
    wait: timedelta
    key: UUID
    maybe: int | None
    either: str | int
    some: Annotated[list[int], msgspec.Meta(min_length=2)]
    none: tuple[int, ...]
    pair: tuple[int, str]
    unique: set[str]
    by_name: dict[str, int]
    inner: User
    any: Any
    given: int = 5


def test_examples_are_made_from_the_type() -> None:
    """A payload for which nobody gave an example is the smallest that its type allows, and always the same."""
    made = example(Everything)
    assert msgspec.convert(msgspec.to_builtins(made), Everything) == made == example(Everything)
    assert (made.count, made.even, made.low, made.name, made.kind) == (3, 6, -3, "aaa", "a")
    assert (made.at, made.maybe, made.some, made.given) == (datetime(2030, 1, 1, 12, tzinfo=UTC), None, [1, 1], 5)


def test_what_cannot_be_made_is_said() -> None:
    """A pattern needs an example by hand, and the error says for which field."""

    class Coded(Event):
        code: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]

    with pytest.raises(TypeError, match=r"example of .*Coded.*\.code can be made"):
        example(Coded)
    with pytest.raises(TypeError, match=r"\.code"):
        all_states(Machine("coded", State("a", On(Coded, "b")), State("b")))


def test_results_are_made_from_the_annotation() -> None:
    """The result of an effect without examples is of the type that its function returns; None where that is unknown."""

    def told() -> int:
        return 7

    assert (result_of(told), result_of(lambda: 7)) == (1, None)
