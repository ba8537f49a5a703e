"""The way in: what this is, whom to be, three windows on one page, and how fast time passes.

Limits: the project's sign-in is elsewhere; here it is one click, and only where visitors may play.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from orders import conf
from orders.models import Order, Restaurant
from statemachines import picture, registry

from . import live
from .people import ROLES, name_of, only_in_play, open_restaurants, play, playable, played, roles_of
from .texts import KINDS

PACES = {60.0: "as it does", 10.0: "6 ×", 3.0: "20 ×", 1.0: "60 × as fast"}
"""How long a minute of an order may last, in seconds."""
HOMES = {role: f"site:{role}" for role in ROLES}


@never_cache
def front(request: HttpRequest) -> HttpResponse:
    """Explain the site in one screen."""
    registered = registry.find("orders.order")
    counts = picture.counted(registered)
    context = {
        "people": people(request),
        "picture": picture.machine_svg(registered, counts),
        "total": Order.objects.count(),
        "ended": [(end, counts[end].number) for end in ("delivered", "canceled") if end in counts],
        "may_play": conf.may_play(),
        "nobody": request.GET.get("nobody") if request.GET.get("nobody") in ROLES else "",
        **speeds(request),
    }
    return render(request, "orders/front.html", context)


def people(request: HttpRequest) -> dict[str, list[dict[str, Any]]]:
    """Return whom a visitor may be, by role, and whom they are already."""
    found: dict[str, list[dict[str, Any]]] = {role: [] for role in ROLES}
    for user in playable():
        for role in roles_of(user)[:1]:
            now = request.session.get(f"plays_{role}") == user.pk
            kinds = ", ".join(KINDS[restaurant.kind] for restaurant in user.restaurants.all())
            found[role].append({"user": user, "role": role, "name": name_of(user, role), "about": kinds, "now": now})
    found["restaurant"].sort(key=lambda one: one["about"])  # those first in whose orders all three meet
    return found


@require_POST
@only_in_play
def sign_in(request: HttpRequest) -> HttpResponse:
    """Be somebody."""
    return redirect(HOMES[play(request, get_object_or_404(playable(), pk=number(request, "user")))])


@require_POST
@only_in_play
def speed(request: HttpRequest) -> HttpResponse:
    """Say how long a minute lasts for the orders that this visitor places."""
    given = request.POST.get("pace", "")
    request.session["pace"] = next((pace for pace in PACES if str(pace) == given), conf.play_seconds_per_minute())
    back = request.POST.get("next", "")
    return redirect(back if url_has_allowed_host_and_scheme(back, {request.get_host()}) else "site:front")


def speeds(request: HttpRequest) -> dict[str, Any]:
    return {"paces": PACES, "pace": pace_of(request)}


def pace_of(request: HttpRequest) -> float | None:
    """Return the pace of this visitor's orders; None is the settings'."""
    return float(request.session.get("pace", conf.play_seconds_per_minute())) if conf.may_play() else None


@only_in_play
def stage(request: HttpRequest) -> HttpResponse:
    """Show all three roles side by side, for who shows it to others. Choosing a kind of restaurant casts the play."""
    kind = request.POST.get("kind", "")
    if request.method == "POST" and kind in KINDS:
        cast_play(request, kind)
        return redirect("site:stage")
    restaurant = Restaurant.objects.filter(pk=request.session.get("stage")).first()
    roles = [role for role in ROLES if role != "restaurant" or (restaurant and restaurant.owner_id)]
    context = {"kinds": KINDS, "restaurant": restaurant, "roles": roles, **speeds(request)}
    return render(request, "orders/stage.html", context | {"ready": playable().exists()})


@only_in_play
def stage_live(request: HttpRequest) -> HttpResponseBase:
    """Stream for the whole stage what concerns any of those who are played: a browser holds few streams open."""
    who = {role: user for role in ROLES if (user := played(request, role))}
    return live.board(request, who)


def cast_play(request: HttpRequest, kind: str) -> None:
    """Have the visitor play a customer, a courier, and who answers for a restaurant of a kind."""
    restaurant = open_restaurants().filter(kind=kind).first()
    cast: dict[str, User] = {}
    for user in playable():
        cast.setdefault(roles_of(user)[0], user)
    if restaurant is not None and restaurant.owner is not None:
        cast["restaurant"] = restaurant.owner
    for role, user in cast.items():
        if role != "courier" or played(request, role) is None:
            play(request, user)
    request.session["stage"] = restaurant and restaurant.pk


def number(request: HttpRequest, name: str) -> int:
    """Return a number from a form; 0, which nothing has, where it is none."""
    given = request.POST.get(name, "")
    return int(given) if given.isdecimal() and len(given) < 10 else 0
