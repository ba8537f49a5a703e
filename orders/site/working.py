"""The boards of restaurants and couriers: their orders, each with the buttons that its machine would take now.

Limits: only what is theirs; what is not is not there (404).
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render

from orders.models import Courier, Offer, Order
from statemachines.models import MachineInstance

from . import live
from .behind import behind
from .cards import Card, card, with_all
from .front import number
from .people import person
from .sending import Refusal, act

ENDED_SHOWN = 4


def own(user: User, role: str) -> Any:
    """Return the orders of a person in a role: those of their restaurants; those offered to them, or carried."""
    if role == "customer":
        return Order.objects.filter(customer=user)
    if role == "restaurant":
        return Order.objects.of_restaurants_of(user)
    return Order.objects.filter(pk__in=Offer.objects.filter(courier__user=user).values("order"))


def cards(user: User, role: str) -> dict[str, list[Card]]:
    """Return the board: what runs, and what has ended of late."""
    mine = with_all(own(user, role))
    running = [card(order, user, role) for order in mine.exclude(instance__status__in=MachineInstance.ENDED)]
    ended = [card(order, user, role) for order in mine.filter(instance__status__in=MachineInstance.ENDED)[:ENDED_SHOWN]]
    if role == "courier":
        running = [one for one in running if one.buttons]
        ended = [one for one in ended if one.data.courier and one.data.courier.user == str(user.pk)]
    return {"running": running[::-1], "ended": ended}


def board(request: HttpRequest, user: User, role: str, refusal: Refusal | None = None) -> HttpResponse:
    context = {"person": user, "role": role, "live": True, "refusal": refusal, **cards(user, role)}
    return render(request, f"orders/{role}.html", context, status=409 if refusal else 200)


def views(role: str) -> dict[str, Any]:
    """Make the views of a role: its board, its events, its stream."""

    @person(role)
    def home(request: HttpRequest, user: User) -> HttpResponse:
        return board(request, user, role)

    @person(role)
    def send_event(request: HttpRequest, user: User, pk: int, name: str) -> HttpResponse:
        order = get_object_or_404(own(user, role), pk=pk)
        refusal = act(request, order, user, role, name) if request.method == "POST" else None
        return redirect(f"site:{role}") if refusal is None else board(request, user, role, refusal)

    return {"home": home, "send_event": send_event}


def stream(role: str) -> Any:
    """Make the view of a role's stream."""

    @person(role)
    def streamed(request: HttpRequest, user: User) -> HttpResponseBase:
        return live.board(request, {role: user})

    return streamed


def scenes(role: str) -> Any:
    """Make the view of what is behind a role's page: of the order that is named, else of the one that moved last."""

    @person(role)
    def shown(request: HttpRequest, user: User, pk: int | None = None) -> HttpResponse:
        mine = own(user, role).select_related("instance").order_by("-instance__updated_at")
        order = get_object_or_404(mine, pk=pk) if pk else mine.first()
        return render(request, "orders/behind.html", behind(order.instance) if order else {})

    return shown


@person("courier")
def at_work(request: HttpRequest, user: User) -> HttpResponse:
    """Go to work, or home: who is at home is not asked."""
    if request.method == "POST":
        Courier.objects.filter(user=user).update(at_work=bool(number(request, "at_work")))
    return redirect("site:courier")
