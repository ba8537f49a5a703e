"""Upgrades: what does not fit is found when they are loaded, and what becomes of an instance that is taken over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from statemachines import After, Always, Entry, Final, History, Invoke, Machine, On, Parallel, State, effect
from statemachines.core.crossing import Crossing, arrive
from statemachines.core.errors import UpgradeBlocked, UpgradeError
from statemachines.core.events import NO_MOMENT
from statemachines.core.snapshot import SetTimer, Step
from statemachines.core.upgrade import Held, HeldEffect, HeldTimer, Upgrade

DAY = timedelta(days=1)


class V1(msgspec.Struct, frozen=True):
    user: str


class V2(msgspec.Struct, frozen=True):
    user: str
    channel: str


@effect
def welcome(data: Any) -> None:
    pass


@effect
def thank(data: Any) -> None:
    pass


@effect
def look_up(data: Any) -> None:
    pass


def rows(*first: State[Any], day: str = "wait", delay: timedelta = DAY, mail: Any = welcome) -> tuple[Any, ...]:
    return (
        *first,
        State("mail", Invoke(mail, day)),
        State(day, After(delay, "end"), On("nudge", "end")),
        Final("end"),
    )


V1_MACHINE = Machine("m", *rows(), data=V1)


def crossing(new: Machine[Any], old: Machine[Any] = V1_MACHINE, **given: Any) -> Crossing:
    return Crossing(Upgrade("m", 1, 2, **given), old, new)


def second(*first: State[Any], **given: Any) -> Machine[Any]:
    return Machine("m", *rows(*first, **given), data=V1, version=2)


def timer(state: str, delay: str = "86400000", was: str | None = None) -> HeldTimer:
    name = f"xstate.after.{delay}.m.{state}"
    return HeldTimer(name, name, state, was=name if was is None else was)


def finds(new: Machine[Any], old: Machine[Any] = V1_MACHINE, **given: Any) -> list[str]:
    with pytest.raises(UpgradeError) as raised:
        crossing(new, old, **given)
    return list(raised.value.problems)


# What is found when an upgrade is loaded


def test_every_old_state_needs_an_image_that_exists() -> None:
    """A state that the new version does not have, and an image that does not exist, are found with what was meant."""
    assert finds(second(day="wait_a_day")) == ["'wait' has no image in version 2; name one in states={'wait': …}"]
    assert finds(second(day="wait_a_day"), states={"wait": "wait_day"})[0] == (
        "states='wait': version 2 has no state 'wait_day'; did you mean 'wait_a_day'?"
    )
    assert finds(second(), states={"wiat": "wait"}) == [
        "states='wiat': version 1 has no such state; did you mean 'wait'?"
    ]
    crossing(second(day="wait_a_day"), states={"wait": "wait_a_day"})


def test_final_leads_to_final() -> None:
    """An upgrade neither revives an instance nor ends one."""
    assert "'end' is final, its image 'wait' is not; final are: end" in finds(second(), states={"end": "wait"})
    assert "'wait' is not final, its image 'end' is: an upgrade ends nothing" in finds(second(), states={"wait": "end"})


def test_states_that_are_active_together_stay_so() -> None:
    """Images of different regions that exclude each other are found, and so are those of one state."""
    both = Machine("m", Parallel("p", State("l", State("l1")), State("r", State("r1"))))
    one = Machine("m", State("p", State("l1"), State("r1")), version=2)
    assert finds(one, both, states={"p.l.l1": "p.l1", "p.r.r1": "p.r1"}) == [
        "'p.l.l1' and 'p.r.r1' are active together, their images 'p.l1' and 'p.r1' cannot be"
    ]


def test_a_field_without_a_default_has_to_come_from_somewhere() -> None:
    """Data that the new type needs and the old ones do not have are asked for."""
    new = Machine("m", *rows(), data=V2, version=2)
    assert finds(new) == ["the data of version 2 need 'channel', which has no default; give it in data="]
    crossing(new, data=lambda data: {**data, "channel": "web"})


def test_a_function_says_what_it_may_return() -> None:
    """A function for states lists its images, which must exist, and may return no others."""
    assert finds(second(), states=lambda state, data: state) == [
        "states is a function; list in images= every state that it may return"
    ]
    assert finds(second(), states=lambda state, data: state, images=["nowhere"])
    loose = crossing(second(), states=lambda state, data: "mail", images=["wait"])
    with pytest.raises(UpgradeBlocked, match="'wait' gives mail, which images= does not list"):
        loose.take(Held(("wait",), {"user": "1"}))


def test_names_that_are_not_there_are_found() -> None:
    """Events, effects and states that are named and do not exist are told."""
    found = finds(
        second(), events={"old": "gone"}, invokes={"welcom": None, "welcome": "thnk"}, timers={"x": "drop"}, enter=["y"]
    )
    assert [one.split(":")[0] for one in found] == [
        "timers",
        "enter",
        "events='old'",
        "invokes='welcom'",
        "invokes='welcome'",
    ]


# What becomes of an instance


def test_data_and_states_are_mapped() -> None:
    """The data function gets plain data with the old and the new leaves, and its answer is plain data again."""
    seen: list[Any] = []

    def data(old: dict[str, Any], was: tuple[str, ...], now: tuple[str, ...], prepared: str) -> V2:
        seen.append((old, was, now))
        return V2(old["user"], prepared)

    new = Machine("m", *rows(day="day"), data=V2, version=2)
    held = crossing(new, states={"wait": "day"}, data=data).take(Held(("wait",), {"user": "1"}), "web")
    assert (held.configuration, held.data) == (("day",), {"user": "1", "channel": "web"})
    assert seen == [({"user": "1"}, ("wait",), ("day",))]


def test_a_timer_of_a_state_that_goes_on_keeps_counting() -> None:
    """Its name follows its state, also where its length is another now; it is not started again."""
    held = Held(("wait",), {"user": "1"}, timers=(timer("wait"),))
    (kept,) = crossing(second(day="day"), states={"wait": "day"}).take(held).timers
    assert (kept.name, kept.state, kept.was) == ("xstate.after.86400000.m.day", "day", timer("wait").name)
    (longer,) = crossing(second(delay=2 * DAY)).take(held).timers
    assert (longer.name, longer.was) == ("xstate.after.172800000.m.wait", timer("wait").name)
    assert crossing(second()).take(Held(("wait",), {})).timers == ()  # it has fired already


def test_timers_of_states_that_are_gone_die_and_new_ones_start() -> None:
    """What the old version did not have is started on arrival; what the new one does not have is forgotten."""
    held = Held(("wait",), {}, timers=(timer("wait"),))
    assert crossing(second(day="day"), states={"wait": "mail"}).take(held).timers == ()
    patient = Machine("m", State("mail", Invoke(welcome, "wait")), State("wait", On("nudge", "end")), Final("end"))
    (new,) = crossing(second(), patient).take(Held(("wait",), {})).timers
    assert (new.state, new.was) == ("wait", "")


@pytest.mark.parametrize(("timing", "was"), [("restart", [""]), ("drop", [])])
def test_timers_are_overridden_per_state(timing: str, was: list[str]) -> None:
    """A state's timers start anew or go where the upgrade says so."""
    held = Held(("wait",), {}, timers=(timer("wait"),))
    assert [one.was for one in crossing(second(), timers={"wait": timing}).take(held).timers] == was


def test_an_effect_of_a_state_that_goes_on_goes_on() -> None:
    """It keeps its row, under the name that the new state waits by; it is not asked for again."""
    held = Held(("mail",), {"user": "1"}, effects=(HeldEffect("welcome", "0.m.mail", "mail", {"user": "1"}, 5),))
    (same,) = crossing(second()).take(held).effects
    assert (same.invocation, same.was) == ("0.m.mail", 5)
    moved = Machine("m", State("a", State("mail", Invoke(welcome, id="hello"))), State("wait"), Final("end"), version=2)
    (other,) = crossing(moved, states={"mail": "a.mail"}).take(held).effects
    assert (other.invocation, other.state, other.was) == ("hello", "a.mail", 5)
    assert crossing(second()).take(Held(("mail",), {})).effects == ()  # it has ended already


def test_an_open_effect_that_nobody_speaks_of_blocks() -> None:
    """Where the state goes on and does not wait for the effect any more, somebody says what becomes of it."""
    held = Held(("mail",), {}, effects=(HeldEffect("welcome", "0.m.mail", "mail", {}, 5),))
    new = second(mail=thank)
    with pytest.raises(UpgradeBlocked, match="'welcome' is open"):
        crossing(new).take(held)
    (thanked,) = crossing(new, invokes={"welcome": "thank"}).take(held).effects
    assert (thanked.effect, thanked.was) == ("thank", 5)
    (fresh,) = crossing(new, invokes={"welcome": None}).take(held).effects
    assert (fresh.effect, fresh.was) == ("thank", 0)


def test_what_a_vanished_state_invoked_is_let_go() -> None:
    """A compound state without an image takes its effect with it."""
    old = Machine("m", State("around", Invoke(welcome), State("in", On("go", "#m.end"))), Final("end"))
    new = Machine("m", State("in", On("go", "end")), Final("end"), version=2)
    held = Held(("around", "around.in"), {}, effects=(HeldEffect("welcome", "0.m.around", "around", {}, 5),))
    after = crossing(new, old, states={"around.in": "in"}).take(held)
    assert (after.configuration, after.effects) == (("in",), ())


def test_an_effect_that_works_on_the_data_gets_the_new_ones() -> None:
    """Its input is mapped as the data are, where it is the data of its time; anything else is left as it is."""
    new = Machine("m", *rows(), data=V2, version=2)
    over = crossing(new, data=lambda data: {**data, "channel": "web"})
    effects = (HeldEffect("welcome", "0.m.mail", "mail", {"user": "1"}, 5),)
    (mapped,) = over.take(Held(("mail",), {"user": "1"}, effects=effects)).effects
    assert mapped.input == {"user": "1", "channel": "web"}
    effects = (HeldEffect("welcome", "0.m.mail", "mail", 7, 5),)
    assert over.take(Held(("mail",), {"user": "1"}, effects=effects)).effects[0].input == 7


def test_a_delayed_send_is_mapped_or_blocks() -> None:
    """What the new version does not take has to be renamed, or let go."""
    held = Held(("wait",), {}, timers=(HeldTimer("later", "poke", "", was="later"),))
    with pytest.raises(UpgradeBlocked, match="a delayed 'poke' waits"):
        crossing(second()).take(held)
    assert [one.event for one in crossing(second(), events={"poke": "nudge"}).take(held).timers] == ["nudge"]
    assert crossing(second(), events={"poke": None}).take(held).timers == ()


def remembering(*states: str, deep: bool = False, version: int = 1) -> Machine[Any]:
    return Machine(
        "m",
        State("work", *(State(one, State("inner")) for one in states), History("memory", deep=deep)),
        State("rest", On("back", "work.memory")),
        version=version,
    )


def test_what_is_remembered_is_mapped() -> None:
    """History states remember the images, a deep one leaves and a shallow one children of its parent."""
    for deep, was, now in ((False, "work.a", "work.b"), (True, "work.a.inner", "work.b.inner")):
        states = {"work.a": "work.b", "work.a.inner": "work.b.inner"}
        over = crossing(remembering("b", deep=deep, version=2), remembering("a", deep=deep), states=states)
        held = over.take(Held(("rest",), {}, history={"work.memory": (was,)}))
        assert held.history == {"work.memory": (now,)}
    outside = {"work.a": "rest", "work.a.inner": "work.b.inner"}
    assert finds(remembering("b", version=2), remembering("a"), states=outside) == [
        "'work.memory' may remember 'work.a', which has no image inside work; name one in states="
    ]


def test_regions_without_an_image_are_entered_by_default() -> None:
    """A new region begins in its initial state."""
    new = Machine("m", Parallel("p", State("one", *rows()), State("two", State("x"), State("y"))), version=2)
    states = {"mail": "p.one.mail", "wait": "p.one.wait", "end": "p.one.end"}
    held = crossing(new, states=states, data=lambda data: data).take(Held(("wait",), {}))
    assert held.configuration == ("p", "p.one", "p.one.wait", "p.two", "p.two.x")


# What happens on arrival


def arrived(new: Machine[Any], held: Held, **given: Any) -> Step[Any]:
    return arrive(new, held, held.data, NO_MOMENT, **given)


def test_entry_effects_do_not_run_again() -> None:
    """What a state does on entry is not done, unless the upgrade has it entered."""
    new = Machine("m", State("wait", Entry(welcome), After(DAY, "end")), State("mail"), Final("end"), version=2)
    held = crossing(new).take(Held(("wait",), {}, timers=(timer("wait"),)))
    assert arrived(new, held).commands == ()
    again = crossing(new, enter=["wait"]).take(Held(("wait",), {}, timers=(timer("wait"),)))
    kinds = [type(one).__name__ for one in arrived(new, again, enter=["wait"]).commands]
    assert kinds == ["StartEffect", "SetTimer"]


def test_new_timers_and_invocations_start() -> None:
    """What a new state waits for is started on arrival, by the new version's own definition."""
    new = second(State("look", Invoke(look_up, "mail"), After(2 * DAY, "mail")))
    held = crossing(new, states={"wait": "look"}).take(Held(("wait",), {"user": "1"}, timers=(timer("wait"),)))
    assert [one.was for one in held.timers] == [
        timer("wait").name
    ]  # the state goes on as another, and so does its timer
    (start,) = arrived(new, held).commands
    assert (type(start).__name__, start.state) == ("StartEffect", "look")
    (late,) = (
        crossing(second(), Machine("m", State("mail", Invoke(welcome)), State("wait"), Final("end")))
        .take(Held(("wait",), {}))
        .timers
    )
    (command,) = arrived(second(), Held(("wait",), {}, timers=(late,))).commands
    assert isinstance(command, SetTimer)
    assert command.delay == DAY


def test_eventless_transitions_are_taken_afterwards() -> None:
    """After the mapping the machine runs until it rests, unless it is told not to."""
    new = Machine("m", State("wait", Always("end")), State("mail"), Final("end"), version=2)
    held = crossing(new).take(Held(("wait",), {}))
    assert arrived(new, held).snapshot.status == "done"
    assert arrived(new, held, always=False).snapshot.configuration == ("wait",)


def test_an_ended_instance_stays_ended() -> None:
    """It keeps its output, and nothing starts."""
    held = crossing(second()).take(Held(("end",), {}, status="done", output=7))
    step = arrived(second(), held)
    assert (step.snapshot.status, step.snapshot.output, step.commands) == ("done", 7, ())
