"""A small workflow to play with: an e-mail, a day, another one; the channel is asked for first."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from statemachines import After, Event, Final, Invoke, Machine, Moment, On, Refuse, State, effect, fact


class User(msgspec.Struct, frozen=True):
    email: str = "ann@example.org"
    channel: str = ""


class Unsubscribed(Event):
    reason: str = ""


@effect
def get_channel(data: User) -> str:
    raise ConnectionError("nobody may ask in a test")


@effect
def send_mail(data: User) -> None:
    raise ConnectionError("nobody may send in a test")


@fact
def blocked(data: User) -> bool:
    raise AssertionError("nobody may read in a test")


def keep_channel(data: User, result: str) -> User:
    return msgspec.structs.replace(data, channel=result)


def not_blocked(data: User, event: object, moment: Moment) -> bool:
    return not moment.get(blocked)


def needs_reason(data: User, event: Unsubscribed) -> User:
    if not event.reason:
        raise Refuse("no_reason", "Say why.")
    return data


onboarding = Machine(
    "onboarding",
    State("asking", Invoke(get_channel, "welcoming", do=keep_channel, error="unknown_channel")),
    State("welcoming", Invoke(send_mail, "waiting", error="unreachable"), On(Unsubscribed, "left", do=needs_reason)),
    State(
        "waiting",
        After(timedelta(days=1), "onboarded"),
        On(Unsubscribed, "left", do=needs_reason),
        On("again", "welcoming", when=not_blocked, facts=[blocked]),
    ),
    State("unknown_channel", On("retry", "asking")),
    State("unreachable"),
    Final("onboarded"),
    Final("left"),
    data=User,
)
