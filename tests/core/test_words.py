"""Machines in words: parts, sentences, the whole explanation."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

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
    History,
    Initial,
    Invoke,
    Machine,
    On,
    Parallel,
    State,
    action,
    and_,
    assign,
    cancel,
    effect,
    guard,
    in_state,
    not_,
    or_,
    raise_,
    send,
)
from statemachines.core.english import listed, lower, negated, third_person, upper
from statemachines.core.explanation import explain
from statemachines.core.functions import Condition, Named
from statemachines.core.interpreter import start, step
from statemachines.core.words import (
    delay_in_words,
    doing_in_words,
    duration_in_words,
    event_in_words,
    event_meaning,
    guard_in_words,
    phrase,
    prose,
    refusal_in_words,
    state_in_words,
)


class Accepted(Event):
    """Somebody takes it; `prep_minutes` is how long they need.

    More is not told.
    """

    prep_minutes: int
    note: str = ""


class Bare(Event):
    pass


def yes(data: Any) -> bool:
    return True


def told(data: Any) -> bool:
    """Whether the customer was told."""
    return True


def agreed(data: Any) -> bool:
    """Whether the manager has agreed."""
    return False


def late(data: Any) -> bool:
    """It is after midnight."""
    return True


def some_value(data: Any) -> Any:
    return data


def store(data: Any) -> Any:
    """Store the answer, and tell who gave it. More is in the second sentence."""
    return data


def check(data: Any) -> Any:
    """Refuse a stranger."""
    return data


def prep_time(data: Any) -> timedelta:
    return timedelta(1)


def patience(data: Any) -> timedelta:
    """How long the customer waits."""
    return timedelta(1)


def need(data: Any) -> timedelta:
    """Return the time that the cook needs."""
    return timedelta(1)


def pickup_time(data: Any) -> datetime:
    raise NotImplementedError


def opening(data: Any) -> datetime:
    """When the shop opens."""
    raise NotImplementedError


def makes(data: Any) -> Bare:
    return Bare()


@effect
def offer_job(data: Any) -> None:
    raise NotImplementedError


@effect
def ask(data: Any) -> None:
    """Ask the courier `in_charge`."""
    raise NotImplementedError


@action
def write_ledger(data: Any) -> None:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("order_accepted", "order accepted"),
        ("charging.began", "charging began"),
        ("OrderAccepted", "order accepted"),
        ("send_SMS", "send SMS"),
        ("a", "a"),
    ],
)
def test_an_id_becomes_words(id: str, words: str) -> None:
    """Underscores, dots and capitals part words; abbreviations stay."""
    assert phrase(id) == words


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(days=1), "1 day"),
        (timedelta(minutes=20), "20 minutes"),
        (timedelta(milliseconds=50), "50 milliseconds"),
        (timedelta(minutes=90), "1 hour and 30 minutes"),
        (timedelta(days=2, hours=3, seconds=1.5), "2 days, 3 hours and 1.5 seconds"),
        (timedelta(microseconds=7), "0.007 milliseconds"),
        (timedelta(0), "0 seconds"),
        (timedelta(days=400), "400 days"),
    ],
)
def test_a_duration_is_written_out(duration: timedelta, words: str) -> None:
    """Whole units from days down, in the singular and the plural; nothing is rounded away."""
    assert duration_in_words(duration) == words


@pytest.mark.parametrize(
    ("delay", "words"),
    [
        (timedelta(minutes=20), "after 20 minutes"),
        (timedelta(0), "at once"),
        (prep_time, "after the prep time"),
        (patience, "after as long as the customer waits"),
        (need, "after the time that the cook needs"),
        (pickup_time, "at the pickup time"),
        (opening, "when the shop opens"),
        (Named(some_value, "some_days"), "after some days"),
        (Named(some_value, "prep_time"), "after the prep time"),
    ],
)
def test_a_delay_is_told_with_its_preposition(delay: Any, words: str) -> None:
    """A docstring wins over the function's name; what returns a time is told as one."""
    assert delay_in_words(delay) == words


def test_an_event_is_told_with_its_payload() -> None:
    """The payload's fields follow in parentheses, those with a default as optional; the docstring is the meaning."""
    assert event_in_words("accepted", Accepted) == "accepted (prep minutes, optionally note)"
    assert event_in_words("charging.began") == event_in_words("charging.began", Bare) == "charging began"
    assert event_meaning(Accepted) == "Somebody takes it; prep minutes is how long they need"
    assert event_meaning(Bare) == event_meaning(None) == ""


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (guard(yes, id="is_standard"), "it is standard"),
        (guard(yes, id="may_offer_again"), "it may offer again"),
        (guard(yes, id="kitchen_is_open"), "kitchen is open"),
        (guard(yes, id="right_code"), "“right code” holds"),
        (Condition(yes, "at_least", {"minutes": 3}), "“at least(minutes=3)” holds"),
        (guard(told), "the customer was told"),
        (guard(late), "it is after midnight"),
        (not_(told), "the customer was not told"),
        (not_(guard(yes, id="right_code")), "it is not so that “right code” holds"),
        (not_(and_(told, late)), "it is not so that the customer was told and it is after midnight"),
        (or_(told, not_(late)), "the customer was told or it is not after midnight"),
        (and_(), "in any case"),
        (or_(), "never"),
        (in_state({"flow": {"order_ready": {}}}), "it is in “order ready of flow”"),
    ],
)
def test_a_guard_is_a_clause(given: Any, words: str) -> None:
    """It can follow "if", also negated and combined; what cannot be read is quoted."""
    assert guard_in_words(given) == words


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (assign(some_value, id="record_answer"), "records answer"),
        (assign(some_value), "does “some value”"),
        (assign(store), "stores the answer, and tells who gave it"),
        (write_ledger, "writes ledger"),
        (offer_job, "offers job (an effect)"),
        (ask, "asks the courier in charge (an effect)"),
        (raise_(Bare()), "triggers “bare”"),
        (raise_(makes), "triggers what “makes” makes"),
        (send("nudge", delay=timedelta(minutes=5)), "sends itself “nudge” after 5 minutes"),
        (send("nudge"), "sends itself “nudge”"),
        (cancel("late_nudge"), "calls off “late nudge”"),
    ],
)
def test_what_is_done_follows_it(given: Any, words: str) -> None:
    """A docstring wins over the id; verbs stand in the third person; an effect is called one."""
    assert doing_in_words(given) == words


@pytest.mark.parametrize(
    ("instruction", "words"),
    [
        ("Carry it", "carries it"),
        ("Pay", "pays"),
        ("Pass it on", "passes it on"),
        ("Have a look", "has a look"),
        ("Find and mark the row", "finds and marks the row"),
        ("Adds a row", "adds a row"),
        ("The next courier", ""),
        ("2 rows", ""),
    ],
)
def test_the_third_person(instruction: str, words: str) -> None:
    """An instruction becomes what somebody does; what is none is left."""
    assert third_person(instruction) == words


def test_a_dead_end_is_told_as_one() -> None:
    """A state that nothing leads out of, and that waits for nothing, is told so."""
    assert explain(Machine("m", State("a", Always("b")), State("b"))).splitlines()[4:] == [
        "It starts as *a*. It never ends by itself.",
        "",
        "## A",
        "",
        "- At once, it becomes *b*.",
        "",
        "It does not stay here.",
        "",
        "## B",
        "",
        "Nothing leads out of here.",
    ]


def test_little_grammar() -> None:
    """Lists, capitals and negations are written as they are read."""
    assert [listed("abc"[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert listed("abc", "or") == "a, b or c"
    assert listed(["a, b", "c"]) == "a, b, and c"
    assert listed(["a, b", "c", "d"]) == "a, b; c; and d"
    assert [upper("a b"), lower("A b"), lower("SMS are sent"), upper("")] == ["A b", "a b", "SMS are sent", ""]
    assert negated("the one who is late may come") == ""
    assert negated("the door is open that was shut") == "the door is not open that was shut"
    assert prose("Use `some_code`.") == "Use some code"
    assert state_in_words("a.b_c") == "b c of a"


def test_a_refusal_says_what_is_what_is_missing_and_what_would_be_taken() -> None:
    """It names the states, the guards that said no, and the events that the machine waits for."""
    flow = State("flow", State("asked", On(Accepted, "signed", when=agreed), On(Bare, "signed")), State("signed"))
    machine = Machine("m", flow)
    asked = start(machine, {}).snapshot
    rejected = step(machine, asked, Accepted(1)).rejection
    assert rejected is not None
    assert refusal_in_words(machine, rejected) == (
        "“accepted” is not possible while it is asked of flow. It would need that the manager has agreed. "
        "It waits for bare. Nothing has changed."
    )
    rejected = step(machine, step(machine, asked, Bare()).snapshot, Bare()).rejection
    assert rejected is not None
    assert refusal_in_words(machine, rejected) == (
        "“bare” is not possible while it is signed of flow. It takes nothing from outside now. Nothing has changed."
    )


def test_an_explanation_tells_every_kind_of_row() -> None:
    """States stand in document order under headings, each with what it does, waits for, and comes to by itself."""
    machine = Machine(
        "parcel_service",
        On("lost", ".gone"),
        State(
            "packed",
            Entry(store, ask),
            Exit(write_ledger),
            On(Accepted, "way", when=told, do=[check, assign(some_value, id="record_answer")]),
            On(Accepted, "gone"),
            On("ping", do=raise_("pong"), description="shows that it lives"),
            On(Bare),
            After(timedelta(minutes=20), "packed", reenter=True),
            tags=["in_the_shop"],
            description="It lies there.",
        ),
        Parallel(
            "way",
            State("truck", Initial("drives", store), State("drives", On("stop", "stopped")), Final("stopped")),
            State("papers", State("made", Invoke(offer_job, "signed", Failed("made"))), Final("signed")),
            History("last", deep=True),
            Done("gone"),
        ),
        State("held", Always("way.last", when=late), On("done.*", ["way.truck.stopped", "way.papers.signed"])),
        Final("gone", output=need),
        version=2,
        description="Brings parcels.",
    )
    assert explain(machine).splitlines() == EXPLAINED.strip().splitlines()


EXPLAINED = """
# Parcel service

Brings parcels. Version 2.

It starts as *packed*. It ends as *gone*.

## Everywhere

- When **lost** happens, it ends as *gone*.

## Packed

It lies there. Tags: in the shop.

- On entering, it does this in order:
  - it stores the answer, and tells who gave it;
  - it asks the courier in charge (an effect).
- When **accepted** (prep minutes, optionally note) happens:
  - if the customer was told, it becomes *way* and records answer, but refuses a stranger;
  - otherwise it ends as *gone*.
- Shows that it lives: when **ping** happens, it stays as it is and triggers “pong”.
- When **bare** happens, it does nothing.
- After 20 minutes, it starts *packed* over.
- On leaving, it writes ledger.

Waits for: accepted, ping or lost. \x20
If nobody does anything: it starts *packed* over.

## Way

*truck* and *papers* go on at the same time; it ends when all of them have ended.

- When *way* has ended, it ends as *gone*.

### Truck

It starts as *drives*.

- When it starts by itself, it stores the answer, and tells who gave it.

#### Drives

- When **stop** happens, it becomes *stopped*.

Waits for: stop or lost. \x20
If nobody does anything: it stays here, without a time limit.

#### Stopped

Here *truck* ends.

### Papers

It starts as *made*.

#### Made

- Meanwhile, it offers job (an effect).
- When “offer job” has succeeded, it becomes *signed*.
- When “offer job” has failed, it stays as it is.

Waits for: lost. \x20
If nobody does anything: it goes on when its effect has ended.

#### Signed

Here *papers* ends.

### Last

Goes back to the states that were active in *way*, and inside them, when it was last left. \
The first time, it starts as usual.

## Held

- At once, if it is after midnight, it goes back to where it was in *way*.
- When any **done** event happens, it becomes *stopped* of *truck* of *way* and \
*signed* of *papers* of *way* at the same time.

Waits for: any done event or lost. \x20
If no condition holds, it stays here, without a time limit.

## Gone

Here it ends. Its result: the time that the cook needs.

## Events

- **lost**
- **accepted** (prep minutes, optionally note): Somebody takes it; prep minutes is how long they need.
- **ping**
- **bare**
- **stop**
"""
