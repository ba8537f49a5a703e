"""What is said of an effect beside its function: how it is tried again, how fast it may run, what it may answer.

Limits: values and arithmetic; the outbox obeys them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from math import isfinite
from typing import Any, Literal

import msgspec

LONGEST_TOKEN = 255
"""Characters of a token."""

Guarantee = Literal["at_least_once", "at_most_once"]
"""What a crash means: the effect is run again, or it has failed and nobody knows whether it was done."""


def _is_number(value: object) -> bool:
    """Say whether it is a finite number."""
    return isinstance(value, int | float) and isfinite(value)


class Retry(msgspec.Struct, frozen=True):
    """When a failing effect is tried again: after `first_delay`, then `factor` times as long each, to `max_delay`.

    `jitter` spreads each wait by that share up and down, so that many that failed together do not come back together.
    With the defaults and no jitter the waits are 1, 2, 4 and 8 s, and the fifth failure is the last. Raises ValueError,
    TypeError.
    """

    max_attempts: int = 5
    first_delay: timedelta = timedelta(seconds=1)
    factor: float = 2
    max_delay: timedelta = timedelta(hours=1)
    jitter: float = 0.1

    def __post_init__(self) -> None:
        none = timedelta(0)
        if not isinstance(self.max_attempts, int) or not all(_is_number(one) for one in (self.factor, self.jitter)):
            raise TypeError(f"{self!r}: write max_attempts=5, factor=2, jitter=0.1; attempts are a whole number")
        if not isinstance(self.first_delay, timedelta) or not isinstance(self.max_delay, timedelta):
            raise TypeError(f"{self!r}: a delay is a timedelta; write first_delay=timedelta(seconds=5)")
        if self.max_attempts < 1 or self.factor < 1 or not none <= self.first_delay <= self.max_delay:
            raise ValueError(f"{self!r}: take at least 1 attempt, a factor of 1 or more, and 0 <= first <= max delay")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"{self!r}: jitter is a share of the wait, 0 to 1")

    def delay(self, failed: int, chance: float = 0.5) -> timedelta:
        """Return the wait after so many failures; `chance`, 0 to 1, is where in the jitter's range it falls."""
        try:
            wait = min(self.first_delay * self.factor ** (failed - 1), self.max_delay)
        except OverflowError:  # a power beyond any delay
            wait = self.max_delay
        return min(wait * (1 + self.jitter * (2 * chance - 1)), self.max_delay)


class Limit(msgspec.Struct, frozen=True):
    """How much of an effect may happen at once: `concurrency` runs at a time, `rate` starts per `per`, evenly spaced.

    `key`, a pure function of the effect's input, gives each value that it returns a limit of its own (a restaurant, an
    account); without it the limit is one for all. Starts never come faster than `rate`, but for one that comes late by
    less than a second, or than the time between two. Raises ValueError, TypeError.
    """

    concurrency: int | None = None
    rate: float | None = None
    per: timedelta = timedelta(seconds=1)
    key: Callable[[Any], object] | None = None

    def __post_init__(self) -> None:
        if self.concurrency is None and self.rate is None:
            raise ValueError("Limit() limits nothing; give concurrency=, rate= or both")
        if not isinstance(self.concurrency, int | None) or not (self.rate is None or _is_number(self.rate)):
            raise TypeError(f"{self!r}: write concurrency=2, a whole number, or rate=10")
        if (self.concurrency is not None and self.concurrency < 1) or (self.rate is not None and self.rate <= 0):
            raise ValueError(f"{self!r}: a limit of nothing would hold the effect for ever; hold it by a command")
        if not isinstance(self.per, timedelta) or self.per <= timedelta(0):
            raise ValueError(f"{self!r}: rate counts per a time above zero, as in rate=30, per=timedelta(minutes=1)")
        if self.key is not None and not callable(self.key):
            raise ValueError(f"{self!r}: key is a function of the effect's input, as in key=account_of")

    @property
    def spacing(self) -> timedelta:
        """The time between two starts; zero where the rate is not limited."""
        return timedelta(0) if self.rate is None else self.per / self.rate


class Pending(msgspec.Struct, frozen=True):
    """An effect that has begun something which somebody else will complete; `token` is how they name it."""

    token: str = ""
    deadline: timedelta | datetime | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.token, str):
            raise TypeError(f"the token {self.token!r} is no text; write str(…)")
        if not isinstance(self.deadline, timedelta | datetime | None):
            raise TypeError(
                f"the deadline {self.deadline!r} is no time; write deadline=timedelta(…), or an aware datetime"
            )
        if len(self.token) > LONGEST_TOKEN:
            raise ValueError(f"the token has {len(self.token)} characters, at most {LONGEST_TOKEN} fit")
        if isinstance(self.deadline, datetime) and self.deadline.tzinfo is None:
            raise ValueError(f"the deadline {self.deadline.isoformat()} is naive; give one with a time zone")


def pending(token: str = "", *, deadline: timedelta | datetime | None = None) -> Any:
    """Return this from an effect that is completed later, from outside: by a webhook, by a person.

    `token` names it there (a payment's id); by default it is the call's idempotency key. After the `deadline`, aware
    or from now, it has failed. The type is that of any result, so that the function can say what the result will be.
    """
    return Pending(token, deadline)


class Failure(msgspec.Struct, frozen=True):
    """What a `Failed` row's functions get as the event's value: the exception's class and text."""

    type: str
    message: str = ""


class TimedOut(Exception):
    """Nobody completed it in time."""


class Lost(Exception):
    """Its worker died, and it may be run at most once: nobody knows whether it was done."""
