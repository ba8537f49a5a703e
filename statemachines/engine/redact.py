"""Erase what is sensitive from an instance's past, and let the history say so.

Limits: what the instance owns now stays; that is changed by its machine, or by force.
"""

from __future__ import annotations

from django.db import connections
from django.db.models import QuerySet

from statemachines import shown
from statemachines.core.events import Actor
from statemachines.core.privacy import mask
from statemachines.models import Effect, HistoryEntry

from .transaction import Driven, drive

REDACT = "statemachines.redact"
"""The name of the event that history gets."""


def redact(pk: int, reason: str, actor: Actor, using: str) -> int:
    """Erase the sensitive fields from the history and the ended effects of an instance; return how many rows changed.

    Erased entries are marked, so that reading the instance as of then says why it cannot. Raises InstanceNotFound,
    UnknownVersion.
    """

    def work(driven: Driven) -> int:
        _allow(using, "on")
        changed = _entries(driven, using) + _effects(driven, using)
        _allow(using, "off")
        driven.note(REDACT, {"rows": changed}, actor, "python", reason)
        return changed

    return drive(pk, using, work)


def _allow(using: str, whether: str) -> None:
    """Let this transaction change history rows, where the database guards them."""
    if connections[using].vendor == "postgresql":
        with connections[using].cursor() as cursor:
            cursor.execute("SELECT set_config('statemachines.redacting', %s, true)", [whether])


def _entries(driven: Driven, using: str) -> int:
    changed = 0
    for entry in HistoryEntry.objects.using(using).filter(instance=driven.pk).iterator():
        patch = shown.masked_patch(driven.machine, entry.patch)
        payload = shown.masked_payload(driven.machine, entry.event, entry.payload)
        if (patch, payload) != (entry.patch, entry.payload):
            marked = patch if patch == entry.patch else {**patch, "redacted": True}
            # The plain queryset: the model's own refuses every update.
            rows: QuerySet[HistoryEntry] = QuerySet(HistoryEntry, using=using).filter(pk=entry.pk)
            changed += rows.update(patch=marked, payload=payload)
    return changed


def _effects(driven: Driven, using: str) -> int:
    changed = 0
    ended = Effect.objects.using(using).filter(instance=driven.pk).exclude(status__in=Effect.OPEN)
    for effect in ended.iterator():
        masked = mask(driven.machine.data_type, effect.input)
        if masked != effect.input:
            changed += ended.filter(pk=effect.pk).update(input=masked)
    return changed
