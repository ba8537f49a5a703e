"""`play`: a machine's tests without a database, in the words of the flow."""

from __future__ import annotations

import unittest
from datetime import timedelta

import pytest

from statemachines import InvalidValue, MachineError
from statemachines.core.errors import EventRefused
from statemachines.core.simulation import FIRST_MOMENT
from statemachines.testing import Run, play

from .onboarding import Unsubscribed, User, blocked, get_channel, onboarding, send_mail


def waiting() -> Run[User]:
    """A user who has the first mail."""
    run = play(onboarding, User())
    run.complete(get_channel, "friend")
    run.complete(send_mail)
    return run


def test_the_whole_way() -> None:
    """State, data, effects, timers, time and history can be asked for at any moment."""
    run = play(onboarding, {"email": "bob@example.org"})
    assert (run.state, run.effects, run.timers, run.now) == ("asking", ["get_channel"], {}, FIRST_MOMENT)
    run.complete(get_channel, "friend")
    assert (run.data.channel, run.asked(send_mail).data.channel) == ("friend", "friend")
    run.complete(send_mail)
    assert (run.timers, run.possible) == ({"1 day": timedelta(days=1)}, ["unsubscribed", "again"])
    run.advance(hours=23)
    assert not run.ended
    run.advance(timedelta(hours=1))
    assert (run.state, run.ended, run.now - FIRST_MOMENT) == ("onboarded", True, timedelta(days=1))
    assert [entry.target for entry in run.history] == [("asking",), ("welcoming",), ("waiting",), ("onboarded",)]


def test_a_refused_event_raises_with_the_journey() -> None:
    """What send() raises is the engine's refusal; the journey stands below it."""
    run = waiting()
    with pytest.raises(EventRefused) as refused:
        run.send(Unsubscribed())
    assert (refused.value.code, run.state) == ("no_reason", "waiting")
    (note,) = refused.value.__notes__
    assert "2. get_channel succeeded → welcoming" in note
    assert "It would take: unsubscribed, again." in note


def test_a_refusal_can_be_asserted_with_its_reason() -> None:
    """refuses() returns the refusal, and fails where the event is taken or the reason is another."""
    run = waiting()
    assert run.refuses(Unsubscribed(), code="no_reason").text == "Say why."
    assert run.refuses("retry").possible == ("unsubscribed", "again")
    with pytest.raises(AssertionError, match="refused as 'no_reason', not as 'ended'"):
        run.refuses(Unsubscribed(), code="ended")
    with pytest.raises(AssertionError, match=r"(?s)'unsubscribed' is taken, not refused.*it has ended in left"):
        run.refuses(Unsubscribed(reason="too much"))
    assert run.state == "waiting"


def test_being_in_a_state_can_be_asserted() -> None:
    """is_in() fails with the journey; a path that does not exist is an error with the nearest one."""
    run = waiting()
    assert run.is_in("waiting")
    with pytest.raises(AssertionError, match=r"(?s)It is not in 'left'\..*Now it is in waiting"):
        run.is_in("left")
    with pytest.raises(LookupError, match="is it 'waiting'"):
        run.is_in("wating")


def test_a_timer_can_be_waited_for_by_name() -> None:
    """elapse() moves the clock exactly to the timer's time."""
    run = waiting()
    run.elapse("1 day")
    assert run.state == "onboarded"
    with pytest.raises(AssertionError, match="No timer '1 day' runs"):
        run.elapse("1 day")


def test_a_failed_effect() -> None:
    """fail() is the failure after all tries; an outcome that nobody waits for is an error that says who waits."""
    run = play(onboarding, User())
    run.fail(get_channel, TimeoutError("too slow"))
    assert run.state == "unknown_channel"
    with pytest.raises(LookupError, match="waiting: none"):
        run.complete(get_channel, "web")
    with pytest.raises(AssertionError, match="Nothing asks for the effect 'get_channel'"):
        run.asked(get_channel)


def test_facts_are_given_and_may_change() -> None:
    """A fact is given at the beginning or later; one that is missing is said by name."""
    run = waiting()
    with pytest.raises(MachineError, match="fact blocked: asked for, and not given") as missing:
        run.send("again")
    assert "The journey" in missing.value.__notes__[0]
    run.give(blocked, True)
    assert run.refuses("again").guards == ("not_blocked",)
    run.give("blocked", lambda data: data.channel == "web")
    run.send("again")
    assert run.state == "welcoming"
    fixed = play(onboarding, facts=lambda name, data: False)
    with pytest.raises(TypeError, match="pass a dict"):
        fixed.give(blocked, True)


def test_undo_and_force() -> None:
    """A test may begin anywhere, and go back."""
    run = play(onboarding, User())
    run.force("waiting", data=User(channel="web"), entering=True)
    assert (run.data.channel, list(run.timers)) == ("web", ["1 day"])
    run.undo()
    assert (run.state, repr(run)) == ("asking", "<Run of onboarding in asking>")


def test_data_that_does_not_fit_is_refused() -> None:
    """What `create` refuses, `play` refuses."""
    with pytest.raises(InvalidValue, match="channel"):
        play(onboarding, {"channel": 1})


class UnderUnittest(unittest.TestCase):
    """The same under plain unittest, without pytest's help."""

    def test_a_failed_assertion_tells_the_journey(self) -> None:
        """is_in() and refuses() are assertions of their own."""
        run = waiting()
        with self.assertRaisesRegex(self.failureException, "The journey of onboarding so far"):  # noqa: PT027
            run.is_in("onboarded")
        run.refuses(Unsubscribed(), code="no_reason")
        run.advance(days=1)
        self.assertEqual(run.state, "onboarded")  # noqa: PT009
