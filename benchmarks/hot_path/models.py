"""Orders as Django projects write them: by the ORM alone, and with django-fsm-2.

Limits: no migrations; the benchmark makes these tables anew for each run.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from django.db import models
from django_fsm import FSMField, transition

from .order import DATA


def data() -> dict[str, Any]:
    return deepcopy(DATA)


class Order(models.Model):
    data = models.JSONField(default=data)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True

    def count(self) -> None:
        self.data["changes"] += 1


class Entry(models.Model):
    event = models.CharField(max_length=255)
    source = models.CharField(max_length=255)
    target = models.CharField(max_length=255)
    payload = models.JSONField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True


class PlainOrder(Order):
    state = models.CharField(max_length=255, default="placed")

    def __str__(self) -> str:
        return f"order {self.pk}"


class PlainEntry(Entry):
    order = models.ForeignKey(PlainOrder, models.CASCADE)

    def __str__(self) -> str:
        return self.event


class FsmOrder(Order):
    state = FSMField(default="placed", protected=True)

    def __str__(self) -> str:
        return f"order {self.pk}"

    @transition(field=state, source="placed", target="offered")
    def offer(self) -> None:
        self.count()

    @transition(field=state, source="offered", target="accepted")
    def accept(self) -> None:
        self.count()

    @transition(field=state, source="accepted", target="ready")
    def mark_ready(self) -> None:
        self.count()

    @transition(field=state, source="ready", target="courier_offered")
    def offer_courier(self) -> None:
        self.count()

    @transition(field=state, source="courier_offered", target="on_the_way")
    def pick_up(self) -> None:
        self.count()

    @transition(field=state, source="on_the_way", target="delivered")
    def deliver(self) -> None:
        self.count()


class FsmEntry(Entry):
    order = models.ForeignKey(FsmOrder, models.CASCADE)

    def __str__(self) -> str:
        return self.event
