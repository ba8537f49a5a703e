"""The customer's pages: restaurants, a menu, an order to follow, and the mailbox.

Limits: only what is the customer's own; what is not is not there (404).
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from orders.mailbox import mailbox
from orders.models import Dish, Order, Restaurant
from orders.onboarding.data import Unsubscribed
from orders.onboarding.start import NAME as ONBOARDING
from orders.services import place_order
from statemachines.actors import actor_of
from statemachines.core.rejection import possible
from statemachines.engine import send
from statemachines.exceptions import EventRefused, IdempotencyConflict
from statemachines.models import MachineInstance

from . import live
from .behind import behind, told
from .cards import card, with_all
from .front import number, pace_of
from .people import open_restaurants, person
from .sending import act
from .texts import KINDS

ORDERS_SHOWN = 5
ORDERS_ON_A_PAGE = 20
MOST_OF_A_DISH = 20
ADDRESS = "Meent 12, Rotterdam"


@person("customer")
def home(request: HttpRequest, user: User) -> HttpResponse:
    """Show the restaurants, and the customer's orders."""
    mine = with_all(Order.objects.filter(customer=user))
    cards = [card(order, user, "customer") for order in mine[: ORDERS_SHOWN + 1]]
    open_ones = list(open_restaurants().prefetch_related("dishes"))
    kinds = [
        {"name": name, "restaurants": [one for one in open_ones if one.kind == kind]} for kind, name in KINDS.items()
    ]
    context = {"kinds": kinds, "cards": cards[:ORDERS_SHOWN], "more": len(cards) > ORDERS_SHOWN}
    return render(request, "orders/customer.html", {"person": user, "role": "customer", **context})


@person("customer")
def orders(request: HttpRequest, user: User) -> HttpResponse:
    """List all orders of the customer, the latest first, page by page."""
    page = Paginator(with_all(Order.objects.filter(customer=user)), ORDERS_ON_A_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "cards": [card(order, user, "customer") for order in page]}
    return render(request, "orders/orders.html", {"person": user, "role": "customer", **context})


@person("customer")
def menu(request: HttpRequest, user: User, pk: int) -> HttpResponse:
    """Show a menu, or place the order that was chosen from it: once per form, however often it is sent."""
    restaurant = get_object_or_404(open_restaurants(), pk=pk)
    dishes = list(restaurant.dishes.order_by("pk"))
    chosen, address, problem = dict.fromkeys(dishes, 0), ADDRESS, ""
    if request.method == "POST":
        chosen = {dish: min(number(request, f"dish-{dish.pk}"), MOST_OF_A_DISH) for dish in dishes}
        address = request.POST.get("address", "").strip()[:200]
        order, problem = placed(request, user, restaurant, chosen, address)
        if order is not None:
            return redirect("site:order", pk=order.pk)
    elif dishes:
        chosen[dishes[0]] = 1
    context = {
        "restaurant": restaurant,
        "kind": KINDS[restaurant.kind],
        "chosen": chosen,
        "key": uuid4().hex,
        "problem": problem,
        "address": address,
    }
    status = 400 if problem else 200
    return render(request, "orders/menu.html", {"person": user, "role": "customer", **context}, status=status)


def placed(
    request: HttpRequest, user: User, restaurant: Restaurant, chosen: dict[Dish, int], address: str
) -> tuple[Order | None, str]:
    """Place an order, or say what is missing."""
    basket = {dish: quantity for dish, quantity in chosen.items() if quantity}
    if not basket:
        return None, "Choose at least one dish."
    if not address:
        return None, "Say where the food shall be brought."
    key = request.POST.get("key", "")[:100]
    try:
        return place_order(user, restaurant, basket, address, request_key=key, pace=pace_of(request)), ""
    except IdempotencyConflict:
        return None, "This form has placed an order already. Press the button once more to place this one too."


@person("customer")
def order(request: HttpRequest, user: User, pk: int) -> HttpResponse:
    """Follow an order."""
    found = get_object_or_404(with_all(Order.objects.filter(customer=user)), pk=pk)
    shown = card(found, user, "customer")
    context = {"card": shown, "live": not shown.ended, "onboarding": onboarding_of(user)}
    return render(request, "orders/order.html", {"person": user, "role": "customer", **context})


@person("customer")
def send_event(request: HttpRequest, user: User, pk: int, name: str) -> HttpResponse:
    """Send what a button says."""
    found = get_object_or_404(Order.objects.filter(customer=user), pk=pk)
    refusal = act(request, found, user, "customer", name) if request.method == "POST" else None
    if refusal is None:
        return redirect("site:order", pk=pk)
    shown = card(refusal.order, user, "customer")
    context = {"card": shown, "refusal": refusal, "live": not shown.ended}
    return render(request, "orders/order.html", {"person": user, "role": "customer", **context}, status=409)


@person("customer")
def follow(request: HttpRequest, user: User, pk: int) -> HttpResponseBase:
    """Stream what happens to an order."""
    return live.follow(request, user, get_object_or_404(Order.objects.filter(customer=user), pk=pk).instance)


@person("customer")
def mails(request: HttpRequest, user: User) -> HttpResponse:
    """Show the customer's e-mails, and the workflow that sends them."""
    instance, folder = onboarding_of(user), settings.EMAIL_FILE_PATH
    found = mailbox(Path(folder)) if folder else []
    mine = [
        {"subject": mail["Subject"], "date": mail["Date"].datetime, "text": mail.get_content().strip()}
        for mail in found
        if mail["To"] == user.email
    ]
    moves = told(instance.registered.machine, instance.entries.order_by("-sequence")) if instance else []
    context = {
        "mails": mine[::-1],
        "instance": instance,
        "moves": moves,
        "may_leave": instance and may_leave(instance),
    }
    return render(request, "orders/mails.html", {"person": user, "role": "customer", "live": True, **context})


def may_leave(instance: MachineInstance) -> bool:
    """Say whether the workflow would take the customer's wish to leave it."""
    now = possible(instance.registered.machine, instance.snapshot())
    return "unsubscribed" in [one.event_type for one in now]


@require_POST
@person("customer")
def unsubscribe(request: HttpRequest, user: User) -> HttpResponse:
    """Leave the onboarding; who has left, or come to its end, has it as they want."""
    instance = onboarding_of(user)
    if instance is not None:
        with suppress(EventRefused):
            send(instance, Unsubscribed(), actor=actor_of(user), origin="site")
    return redirect("site:mails")


def onboarding_of(user: User) -> MachineInstance | None:
    found: MachineInstance | None = MachineInstance.objects.of(ONBOARDING).filter(key=str(user.pk)).first()
    return found


@person("customer")
def behind_mails(request: HttpRequest, user: User) -> HttpResponse:
    """Show the onboarding's machine."""
    instance = onboarding_of(user)
    return render(request, "orders/behind.html", behind(instance) if instance else {})
