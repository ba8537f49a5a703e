"""A button that was clicked: its event is sent, and where it is refused the page says what happened meanwhile.

Limits: one event for one order; whose order it is, the view has asked.
"""

from __future__ import annotations

from typing import Any

import msgspec
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest
from msgspec import Struct

from orders.models import Order
from statemachines.actors import actor_of
from statemachines.engine import send
from statemachines.exceptions import EventRefused, IdempotencyConflict, InvalidValue, NotAllowed, UnknownVersion

from .acts import act_of
from .cards import Happening, data_of, lines, with_all
from .texts import EARLIER

WORDS = {
    "offer_lapsed": "This offer is not open any more: it was rejected, or its time was over.",
    "not_your_offer": "This offer was made to another courier.",
    "not_your_delivery": "Another courier brings this order.",
}


class Refusal(Struct, frozen=True):
    """Why an event was not taken, for people: what was wanted, why not, and what happened since they looked."""

    order: Order
    wanted: str
    text: str
    meanwhile: list[Happening]


def act(request: HttpRequest, order: Order, user: User, role: str, name: str) -> Refusal | None:
    """Send the event that a form holds, once per form. Raises Http404 where the role has no such button."""
    wanted = act_of(role, name)
    if wanted is None:
        raise Http404
    form: Any = request.POST
    key = form.get("key", "")[:100] or None
    try:
        send(order.instance, wanted.read(form.dict()), actor=actor_of(user), origin="site", idempotency_key=key)
    except msgspec.ValidationError as error:
        return refusal(request, order, wanted.label[""], f"That form was not filled in right: {error}.")
    except (EventRefused, NotAllowed, InvalidValue, IdempotencyConflict, UnknownVersion) as error:
        return refusal(request, order, wanted.label[""], reason(error))
    return None


def reason(error: Exception) -> str:
    """Tell a refusal in the words of the site; what only a program asks about is told shortly."""
    if isinstance(error, EventRefused):
        return WORDS.get(error.code, "Things have moved on since you looked.")
    if isinstance(error, UnknownVersion):
        return EARLIER.sentence
    return "This is not yours to decide."


def refusal(request: HttpRequest, order: Order, wanted: str, text: str) -> Refusal:
    seen = request.POST.get("seen", "")
    fresh = with_all(Order.objects.filter(pk=order.pk)).get()
    since = int(seen) if seen.isdecimal() and len(seen) < 19 else fresh.instance.sequence
    return Refusal(fresh, wanted, text, lines(fresh.instance, data_of(fresh), since))
