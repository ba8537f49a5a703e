"""A simulation is one instance in memory: it decides as the engine does, and time passes as it is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from statemachines import Actor, After, Final, Invoke, Machine, Moment, On, Refuse, State, effect, fact, send
from statemachines.core.effects import Failure
from statemachines.core.errors import EventRefused, InvalidValue, MachineError, UnknownEvent
from statemachines.core.events import Occurrence
from statemachines.core.journey import journey
from statemachines.core.simulation import FIRST_MOMENT, Simulation
from tests.examples.machines import Close, Go, Lock, Moved, Open, Stop, account, door, notes, sender

ANN = Actor("user", "7", "Ann")


class Tank(msgspec.Struct, frozen=True):
    litres: int = 0
    answer: str = ""
    by: str = ""


@fact
def price(data: Tank) -> int:
    raise AssertionError("a simulation reads no database")


@effect
def order_oil(data: Tank) -> str:
    raise AssertionError("a simulation runs no effect")


@effect
def note(data: Tank) -> None:
    raise AssertionError("a simulation runs no effect")


def cheap(data: Tank, event: object, moment: Moment) -> bool:
    return bool(moment.get(price) < 10)


def sign(data: Tank, event: object, moment: Moment) -> Tank:
    assert moment.actor is not None
    return msgspec.structs.replace(data, by=moment.actor.label)


def delivered(data: Tank, result: str) -> Tank:
    return msgspec.structs.replace(data, answer=result)


def never(data: Tank) -> Tank:
    raise Refuse("not_today", "No oil today.")


tank = Machine(
    "tank",
    State(
        "empty",
        On("buy", "ordering", when=cheap, facts=[price], do=[sign, note]),
        On("beg", "ordering", do=never),
        After(timedelta(hours=1), do=note),
        After(timedelta(hours=2), "forgotten", do=never),
    ),
    State("ordering", Invoke(order_oil, "full", do=delivered, error="empty"), On("stop", "empty")),
    Final("full"),
    State("forgotten"),
    data=Tank,
)


def begun(**facts: object) -> Simulation:
    made = Simulation(tank, facts=facts)
    made.start()
    return made


def test_it_begins_in_the_initial_state_at_a_fixed_time() -> None:
    """Two simulations of one machine are equal: the clock begins at a fixed moment."""
    one, other = begun(), begun()
    assert (one.leaves, one.scene.now) == (("empty",), FIRST_MOMENT)
    assert one.scene.timers == other.scene.timers
    assert Simulation(tank, now=datetime(2040, 1, 1, tzinfo=UTC)).scene.now.year == 2040


def test_an_act_before_the_beginning_is_an_error_that_says_so() -> None:
    """What has not begun has no state."""
    with pytest.raises(RuntimeError, match="call start"):
        Simulation(tank).snapshot  # noqa: B018 (the access is the test)
    with pytest.raises(RuntimeError, match="begun already"):
        begun().start()


def test_input_is_checked_as_the_engine_checks_it() -> None:
    """Plain data become the machine's type, and what does not fit names the field."""
    made = Simulation(tank)
    made.start({"litres": 3})
    assert made.snapshot.data == Tank(3)
    with pytest.raises(InvalidValue, match="litres"):
        Simulation(tank).start({"litres": "many"})


def test_facts_are_given_by_fact_by_name_or_by_function() -> None:
    """A fact's value is given; so is a function of the data, or one function for all facts."""
    for facts in ({price: 5}, {"price": 5}, {price: lambda data: 5}, lambda name, data: 5):
        made = Simulation(tank, facts=facts)  # type: ignore[arg-type]
        made.start()
        made.send("buy", actor=ANN)
        assert made.leaves == ("ordering",)
        assert made.scene.journal[-1].facts == {"price": 5}


def test_a_fact_that_a_guard_needs_must_be_given() -> None:
    """A missing fact is an error that says how to give it, and only when a function looks at it."""
    made = begun()
    with pytest.raises(MachineError, match=r"pass facts=\{'price': …\}"):
        made.send("buy")
    made.advance(minutes=61)


def test_an_event_that_selects_nothing_is_refused_and_changes_nothing() -> None:
    """A refusal names the state, the guards that said no and what would be taken; the scene is the one before."""
    made = begun(price=50)
    before = made.scene
    with pytest.raises(EventRefused, match="does not take 'buy'") as refused:
        made.send("buy", actor=ANN)
    assert (refused.value.code, refused.value.state, refused.value.guards) == ("not_possible", ("empty",), ("cheap",))
    assert refused.value.possible == ("buy", "beg")
    assert made.scene is before


def test_a_refuse_of_a_function_is_the_refusal_of_the_event() -> None:
    """`Refuse` keeps its code; raised where nobody sent the event, it is a bug."""
    made = begun()
    with pytest.raises(EventRefused, match="No oil today") as refused:
        made.send("beg")
    assert refused.value.code == "not_today"
    with pytest.raises(MachineError, match="nobody sent it"):
        made.advance(hours=2)
    assert made.scene.now == FIRST_MOMENT


def test_clients_send_only_events_that_clients_may_send() -> None:
    """Reserved names and unknown events are errors, as at the engine's border."""
    with pytest.raises(InvalidValue, match="xstate"):
        begun().send("xstate.done.actor.0.tank.ordering")
    with pytest.raises(UnknownEvent, match="It takes: beg, buy, stop"):
        begun().send("fly")


def test_timers_fire_at_their_time_in_order() -> None:
    """Each timer sees the clock at its own due time."""
    made = Simulation(sender.machine)
    made.start()
    made.send("start")
    assert [timer.name for timer in made.scene.timers] == ["later"]
    assert made.advance(hours=3) == 1
    assert made.snapshot.data.at == FIRST_MOMENT + timedelta(hours=1)
    assert made.scene.now == FIRST_MOMENT + timedelta(hours=3)


def test_what_an_instance_sends_to_itself_is_a_macrostep_of_its_own() -> None:
    """Own sends are taken after the macrostep; without end they are an error."""
    made = Simulation(sender.machine)
    made.start()
    made.send("start")
    assert [(one.event.type, one.origin) for one in made.scene.journal] == [
        ("xstate.init", "simulation"),
        ("start", "simulation"),
        ("one", "send"),
    ]
    endless = Simulation(sender.machine)
    endless.start()
    with pytest.raises(MachineError, match="sends to itself without end"):
        endless.send("endless")


def test_a_timer_is_one_row_per_name() -> None:
    """Arming again replaces, leaving cancels, `cancel` stops a delayed send."""
    made = Simulation(notes.machine)
    made.start({"seconds": 60})
    made.send("wait")
    made.advance(seconds=40)
    made.send(Go())
    assert [timer.due for timer in made.scene.timers] == [FIRST_MOMENT + timedelta(seconds=100)]
    made.send(Stop())
    assert made.scene.timers == ()
    sent = Simulation(sender.machine)
    sent.start()
    sent.send("start")
    sent.send("stop")
    assert sent.scene.timers == ()


def test_an_ended_instance_has_no_timers_and_takes_nothing() -> None:
    """At the end the timers are gone, and an event is refused as `ended`."""
    made = Simulation(
        Machine("short", State("a", On("end", "b", do=send("late", delay=timedelta(1), id="late"))), Final("b"))
    )
    made.start()
    made.send("end")
    assert (made.snapshot.status, made.scene.timers) == ("done", ())
    with pytest.raises(EventRefused) as refused:
        made.send("end")
    assert refused.value.code == "ended"


def test_time_that_never_passes_is_an_error() -> None:
    """A timer that is due at once again and again ends as an error, not as a loop."""
    made = Simulation(Machine("hasty", State("a", After(timedelta(0), "a", reenter=True))))
    made.start()
    with pytest.raises(MachineError, match="time never passes"):
        made.advance()
    with pytest.raises(ValueError, match="only passes"):
        made.advance(hours=-1)


def test_an_invoked_effect_completes_with_its_result() -> None:
    """The result reaches the machine as plain data, as from the engine's outbox."""
    made = begun(price=1)
    made.send("buy", actor=ANN)
    assert [(one.name, bool(one.invocation)) for one in made.scene.effects] == [("note", False), ("order_oil", True)]
    asked = made.complete(order_oil, "12 litres")
    assert asked.data.by == "Ann"
    assert (made.snapshot.status, made.snapshot.data.answer) == ("done", "12 litres")
    assert [one.name for one in made.scene.effects] == ["note"]


def test_an_effect_that_nobody_waits_for_ends_quietly() -> None:
    """Completing or failing a fire-and-forget effect moves nothing."""
    made = begun()
    made.advance(hours=1)
    made.fail(note)
    assert (made.scene.effects, made.leaves, len(made.scene.journal)) == ((), ("empty",), 2)


def test_an_invoked_effect_fails_with_an_error_event() -> None:
    """The machine gets the error as the engine tells it."""
    made = begun(price=1)
    made.send("buy", actor=ANN)
    made.fail("order_oil", ConnectionError("no line"))
    assert made.leaves == ("empty",)
    event = made.scene.journal[-1].event
    assert isinstance(event, Occurrence)
    assert event.value == Failure("ConnectionError", "no line")


def test_leaving_the_state_stops_what_it_invoked() -> None:
    """An effect that is not wanted any more has no outcome."""
    made = begun(price=1)
    made.send("buy", actor=ANN)
    made.send("stop")
    with pytest.raises(LookupError, match=r"No effect 'order_oil' waits for an outcome; waiting: note\."):
        made.complete(order_oil, "late")


def test_force_is_an_operators_repair() -> None:
    """It goes anywhere, and starts nothing unless it is said."""
    made = begun()
    made.force("ordering", reason="to see", data={"litres": 2})
    assert (made.leaves, made.snapshot.data.litres, made.scene.effects, made.scene.timers) == (("ordering",), 2, (), ())
    made.force("empty", entering=True)
    assert len(made.scene.timers) == 2


def test_every_act_can_be_undone_and_a_copy_goes_its_own_way() -> None:
    """Scenes are immutable: undo() returns to the one before, a copy leaves the original alone."""
    made = Simulation(door.machine)
    made.start()
    first = made.scene
    made.send(Lock(code="1"))
    other = made.copy()
    made.undo()
    assert made.scene is first
    other.send(Open(code="1"))
    assert (made.leaves, other.leaves) == (("closed",), ("opened",))
    made.undo()
    with pytest.raises(RuntimeError, match="nothing to undo"):
        made.undo()


def test_the_journey_is_told_in_words() -> None:
    """Events with payload and sender, states, actions, time, timers, effects, and what would be taken."""
    made = begun(price=1)
    assert journey(Simulation(tank)) == "tank has not begun."
    made.advance(hours=1)
    made.send("buy", actor=ANN)
    made.fail(order_oil)
    assert journey(made).splitlines() == [
        "The journey of tank so far:",
        "   1. begins → empty",
        "   2. 1 hour later: after 1 hour stays in empty",
        "      did note",
        "   3. buy by Ann → ordering",
        "      did sign, note, order_oil",
        "   4. order_oil failed → empty",
        "Now, 1 hour after the beginning, it is in empty.",
        "  It would take: buy, beg.",
        "  Timers: 1 hour (in 1 hour), 2 hours (in 2 hours).",
        "  Effects that wait: note, note.",
    ]


def test_the_journey_names_the_reason_and_the_end() -> None:
    """A repair is told with its reason, an end as an end."""
    made = begun()
    made.force("full", reason="it was full all the time", actor=ANN)
    told = journey(made)
    assert "because it was full all the time" in told
    assert "it has ended in full" in told


def test_the_journey_keeps_secrets() -> None:
    """Fields that are marked as sensitive are masked."""
    made = Simulation(account.machine)
    made.start()
    made.send(Moved(email="ann@example.org"))
    assert "moved(email='•••')" in journey(made)


def test_typed_events_are_sent_as_they_are() -> None:
    """A typed event, its name and its payload mean the same."""
    made = Simulation(door.machine)
    made.start()
    made.send(Open())
    made.send(Occurrence("close"))
    made.send("open")
    made.send(Close())
    assert made.snapshot.data.opened == 2
