"""What is declared of an effect: values that check themselves, and sentences for what is none."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from statemachines import Limit, Retry, effect, pending
from statemachines.core.functions import Effect

SECOND = timedelta(seconds=1)


def does(data: Any, call: Any) -> None: ...


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ({"max_attempts": 0}, ValueError, "take at least 1 attempt"),
        ({"factor": 0.5}, ValueError, "a factor of 1 or more"),
        ({"first_delay": -SECOND}, ValueError, "0 <= first <= max delay"),
        ({"first_delay": 2 * SECOND, "max_delay": SECOND}, ValueError, "0 <= first <= max delay"),
        ({"jitter": 1.5}, ValueError, "jitter is a share of the wait, 0 to 1"),
        ({"first_delay": 5}, TypeError, "write first_delay=timedelta(seconds=5)"),
        ({"max_delay": 5}, TypeError, "a delay is a timedelta"),
        ({"max_attempts": "3"}, TypeError, "attempts are a whole number"),
        ({"factor": float("nan")}, TypeError, "write max_attempts=5, factor=2, jitter=0.1"),
    ],
)
def test_a_retry_that_makes_no_sense_is_refused(given: dict[str, Any], error: type[Exception], told: str) -> None:
    """Where it is written, with what was given and what would be right."""
    with pytest.raises(error, match=re.escape(told)):
        Retry(**given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "give concurrency=, rate= or both"),
        ({"concurrency": 0}, "a limit of nothing would hold the effect for ever; hold it by a command"),
        ({"rate": -1}, "a limit of nothing"),
        (
            {"rate": 1, "per": timedelta(0)},
            "rate counts per a time above zero, as in rate=30, per=timedelta(minutes=1)",
        ),
        ({"rate": 1, "per": 60}, "per=timedelta(minutes=1)"),
        ({"rate": 1, "key": "account"}, "key is a function of the effect's input"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(given: dict[str, Any], told: str) -> None:
    """Where it is written, with what would be right."""
    with pytest.raises(ValueError, match=re.escape(told)):
        Limit(**given)


async def later(data: Any) -> None: ...


def many(data: Any) -> Any:
    yield data


def three(data: Any, call: Any, more: Any) -> None: ...


def none() -> None: ...


@pytest.mark.parametrize(
    ("function", "options", "error", "told"),
    [
        ("does", {}, TypeError, "@effect stands on a function, not on 'does'; its options are keywords"),
        (later, {}, TypeError, "later: an effect is neither async nor a generator"),
        (many, {}, TypeError, "write `def`, without await or yield"),
        (three, {}, TypeError, "three: an effect takes (input) or (input, call)"),
        (none, {}, TypeError, "'none' takes 0 positional parameters"),
        (does, {"retry": 3}, TypeError, "does: retry=3; write retry=Retry(…)"),
        (does, {"limit": 3}, TypeError, "does: limit=3; write limit=Limit(…)"),
        (does, {"timeout": 30}, TypeError, "does: timeout=30; write timeout=timedelta(…)"),
        (does, {"timeout": timedelta(0)}, ValueError, "leaves no time; give one above zero, or None"),
        (does, {"queue": " "}, ValueError, "queue=' ' names no queue; name one, or leave it out"),
        (does, {"queue": 3}, ValueError, "queue=3 names no queue"),
        (does, {"fatal": "ValueError"}, TypeError, "write fatal=ValueError, or a tuple"),
        (does, {"fatal": (ValueError, KeyboardInterrupt)}, TypeError, "is no exception class"),
        (does, {"input": "account"}, TypeError, "does: input='account'; write a function of the data"),
        (does, {"input": none}, TypeError, "'none' takes 0 positional parameters"),
        (does, {"guarantee": "exactly_once"}, ValueError, "write one of at_least_once, at_most_once"),
        (does, {"guarantee": "at_most_once", "retry": Retry()}, ValueError, "is not tried again; leave retry= out"),
    ],
)
def test_what_is_no_effect_is_refused_where_it_is_declared(
    function: Any, options: dict[str, Any], error: type[Exception], told: str
) -> None:
    """With the effect's name, the option as it was given, and what to write."""
    with pytest.raises(error, match=re.escape(told)):
        Effect(function, **options)


def test_an_unknown_option_is_named() -> None:
    """A misspelt option is no silent default."""
    with pytest.raises(TypeError, match="retries"):
        effect(retries=3)(does)  # type: ignore[call-overload]


def test_what_is_right_is_kept() -> None:
    """All options together, as the outbox reads them; a single fatal error counts as a tuple."""
    retry, limit = Retry(max_attempts=1), Limit(concurrency=1)
    made = effect(retry=retry, limit=limit, timeout=SECOND, queue="slow", fatal=ValueError, guarantee="at_most_once")(
        does
    )
    assert (made.id, made.retry, made.limit, made.timeout, made.queue) == ("does", retry, limit, SECOND, "slow")
    assert (made.fatal, made.guarantee) == ((ValueError,), "at_most_once")


def test_the_documented_waits_are_the_waits() -> None:
    """1, 2, 4, 8 s and then it has failed; ten percent up and down; never longer than the most."""
    retry = Retry()
    assert [retry.delay(failed) / SECOND for failed in range(1, 5)] == [1, 2, 4, 8]
    assert [retry.delay(3, chance) / SECOND for chance in (0, 0.5, 1)] == pytest.approx([3.6, 4, 4.4])
    assert Retry(max_delay=5 * SECOND).delay(10, 1) == 5 * SECOND


@pytest.mark.parametrize("given", [{"concurrency": "2"}, {"concurrency": 1.5}, {"rate": float("inf")}])
def test_a_limit_is_a_number(given: dict[str, Any]) -> None:
    """What is none is told with what to write."""
    with pytest.raises(TypeError, match="write concurrency=2, a whole number, or rate=10"):
        Limit(**given)


@pytest.mark.parametrize(
    ("given", "told"), [({"token": 5}, "is no text; write str"), ({"deadline": 5}, "write deadline=timedelta")]
)
def test_what_is_pending_has_a_text_and_a_time(given: dict[str, Any], told: str) -> None:
    """Told in the effect's own attempt, not by the database."""
    with pytest.raises(TypeError, match=re.escape(told)):
        pending(**given)


@pytest.mark.parametrize("token", ["", "x" * 255])
def test_a_token_fits(token: str) -> None:
    """Up to what the column takes; none means the idempotency key."""
    assert pending(token).token == token
