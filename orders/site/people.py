"""Who looks at a page: in each role somebody, so that one browser's windows can be three people.

In the demo a visitor plays the people of the group "visitors", by one click; elsewhere people sign in, and are
themselves in every role that they have. Limits: says who it is; what they may do, the machine's policy says.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django_htmx.http import HttpResponseClientRedirect

from orders import conf
from orders.models import Courier, Restaurant

ROLES = ("customer", "restaurant", "courier")
VISITORS = "visitors"
"""The group of those whom a visitor may play."""

View = Callable[..., HttpResponseBase]


def playable() -> QuerySet[User]:
    """Return whom a visitor may play; nobody where that is not allowed."""
    people = User.objects.filter(groups__name=VISITORS) if conf.may_play() else User.objects.none()
    return people.select_related("courier").prefetch_related("restaurants").order_by("pk")


def roles_of(user: User) -> tuple[str, ...]:
    """Name what somebody can be here; only who is nothing else is shown as a customer."""
    working = (("restaurant", bool(user.restaurants.all())), ("courier", hasattr(user, "courier")))
    return tuple(role for role, holds in working if holds) or ("customer",)


def name_of(user: User, role: str) -> str:
    """Return what somebody is called in a role."""
    if role == "restaurant":
        return ", ".join(restaurant.name for restaurant in user.restaurants.all())
    return user.get_full_name() or user.get_username()


def play(request: HttpRequest, user: User) -> str:
    """Have a visitor play somebody from now on, and return the role; a courier goes to work."""
    (role, *_) = roles_of(user)
    if role == "courier":
        Courier.objects.filter(user=user).update(at_work=True)
    request.session[f"plays_{role}"] = user.pk
    return role


def played(request: HttpRequest, role: str) -> User | None:
    """Return who looks, in this role: whom the visitor plays, else who is signed in and has it."""
    found = playable().filter(pk=request.session.get(f"plays_{role}")).first()
    if found is None and isinstance(request.user, User) and (role == "customer" or role in roles_of(request.user)):
        return request.user
    return found


def person(role: str) -> Callable[[View], View]:
    """Give a view the person who looks, after the request; who is nobody in that role is sent to the front page."""

    def decorate(view: View) -> View:
        @wraps(view)
        def seen(request: HttpRequest, *given: Any, **named: Any) -> HttpResponseBase:
            user = played(request, role)
            return away(request, role) if user is None else view(request, user, *given, **named)

        return never_cache(xframe_options_sameorigin(seen))

    return decorate


def away(request: HttpRequest, role: str) -> HttpResponseBase:
    """Send who is nobody in a role to the front page; as a whole, where only a part of a page was asked for."""
    front = f"{resolve_url('site:front')}?nobody={role}"
    return HttpResponseClientRedirect(front) if request.headers.get("HX-Request") else redirect(front)


def only_in_play(view: View) -> View:
    """Hide a view where nobody may be played."""

    @wraps(view)
    def seen(request: HttpRequest, *given: Any, **named: Any) -> HttpResponseBase:
        if not conf.may_play():
            raise Http404
        return view(request, *given, **named)

    return never_cache(seen)


def open_restaurants() -> QuerySet[Restaurant]:
    """Return the restaurants to order from: where visitors play, those that one of them answers for, and shops."""
    everywhere = Restaurant.objects.order_by("-kind", "name")
    if not (conf.may_play() and playable().exists()):
        return everywhere
    return everywhere.filter(Q(owner__groups__name=VISITORS) | Q(owner=None))
