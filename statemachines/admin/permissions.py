"""Who may do what: a permission for each kind of act, asked for the object, its absence told and traced.

A user may act on an instance who has the permission for all of them, or, where a backend of the project knows such, for
this one; and whom its machine's policy lets. Limits: the engine asks the policy again, under the lock.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import reduce
from operator import or_
from typing import Any

from django.contrib.auth import get_permission_codename
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from statemachines import registry
from statemachines.actors import actor_of
from statemachines.core.events import Actor
from statemachines.engine import refusals
from statemachines.exceptions import EventRefused, UnknownMachine
from statemachines.models import MachineInstance
from statemachines.policy import Policy, subject_of

SEND = "send_event"
FORCE = "force_transition"
EDIT = "edit_data"
OPERATE = "operate_instance"
EFFECTS = "operate_effects"
ACTS = (SEND, FORCE, EDIT, OPERATE, EFFECTS)

ORIGIN = "admin"

OF_MACHINE = "machine"
"""The parameter of an address that names the one machine whose instances are listed."""


def may(request: HttpRequest, codename: str, instance: MachineInstance | None = None) -> bool:
    """Say whether the user has a permission of instances, for all of them or for this one, and its policy agrees."""
    user: Any = request.user
    name = f"statemachines.{codename}"
    if not (user.has_perm(name) or (instance is not None and user.has_perm(name, instance))):
        return False
    return instance is None or codename == SEND or codename not in ACTS or operates(request, instance)


def operates(request: HttpRequest, instance: MachineInstance) -> bool:
    """Say whether the machine's policy lets the user do operators' acts on an instance, asked once per request."""
    known: dict[int, bool] = request.__dict__.setdefault("_statemachines_operates", {})
    if instance.pk not in known:
        policy = policy_of(instance.machine)
        known[instance.pk] = policy is None or policy.may_operate(acting(request), subject_of(instance))
    return known[instance.pk]


def sendable(request: HttpRequest, instance: MachineInstance) -> Collection[str] | None:
    """Return the events that the policy lets the user send; None where there is no policy."""
    policy = policy_of(instance.machine)
    return None if policy is None else policy.events(acting(request), subject_of(instance))


def policy_of(machine: str) -> Policy | None:
    """Return a machine's policy; None where it has none, or this code does not have the machine."""
    try:
        return registry.find(machine).policy
    except UnknownMachine:
        return None


def visible(request: HttpRequest, rows: QuerySet[Any], prefix: str = "") -> QuerySet[Any]:
    """Keep the rows of instances that the machines' policies let the user see; `prefix` leads to the instance.

    Where a list is of one machine, only its policy is asked, in words that an index answers.
    """
    chosen = request.GET.get(OF_MACHINE)
    names = [chosen] if chosen else [one.name for one in registry.machines()]
    narrowed = {name: some for name in names if (some := _narrowed(request, name)) is not None}
    seen = {name: Q(**{f"{prefix}pk__in": some.order_by().values("pk")}) for name, some in narrowed.items()}
    if chosen:
        return rows.filter(Q(**{f"{prefix}machine": chosen}), *seen.values())
    if not seen:
        return rows
    return rows.filter(reduce(or_, seen.values(), ~Q(**{f"{prefix}machine__in": list(seen)})))


def _narrowed(request: HttpRequest, machine: str) -> QuerySet[Any] | None:
    """Return a machine's instances that its policy lets the user see; None where it lets them see all."""
    policy = policy_of(machine)
    every = MachineInstance.objects.filter(machine=machine)
    some = every if policy is None else policy.visible(acting(request), every)
    return None if some is every else some


def may_view(request: HttpRequest, instance: MachineInstance | None = None) -> bool:
    """Say whether the user may see instances: by the permission to view, or by one to act on them."""
    user: Any = request.user
    names = (get_permission_codename("view", MachineInstance._meta), *ACTS)
    return any(
        user.has_perm(f"statemachines.{name}")
        or (instance is not None and user.has_perm(f"statemachines.{name}", instance))
        for name in names
    )


def acting(request: HttpRequest) -> Actor:
    """Return the signed-in user as an actor."""
    return actor_of(request.user)


def trace(request: HttpRequest, instance: MachineInstance, act: str, code: str, text: str) -> None:
    """Leave a trace of an act that was denied, or refused, to the user."""
    refusal = EventRefused(code, text, event=act, state=instance.configuration)
    refusals.record(instance.pk, refusal, acting(request), ORIGIN, instance._state.db or "default")
