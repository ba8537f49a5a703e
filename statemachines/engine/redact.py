"""Erase what is sensitive from an instance's past, and let the history say so.

An effect's error may hold any value, so that its text goes; class and places stay. Limits: what the instance owns now
stays, and so does what an effect that is still open needs; those are changed by the machine, or by force.
"""

from __future__ import annotations

from django.db import connections
from django.db.models import QuerySet

from statemachines import shown
from statemachines.core.events import Actor
from statemachines.models import Effect, HistoryEntry, PreviousSnapshot, Timer

from .transaction import Driven, drive

REDACT = "statemachines.redact"
"""The name of the event that history gets."""


def redact(pk: int, reason: str, actor: Actor, using: str) -> int:
    """Erase what is sensitive from an instance's history, effects and errors; return how many rows changed.

    Erased entries are marked, so that reading the instance as of then says why it cannot; its
    last upgrade cannot be taken back any more. Raises InstanceNotFound,
    UnknownVersion.
    """

    def work(driven: Driven) -> int:
        _allow(using, "on")
        PreviousSnapshot.objects.using(using).filter(instance=driven.pk).delete()
        changed = _entries(driven, using) + _effects(driven, using) + _timers(driven, using)
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
        machine = shown.machine_of(driven.registered.name, entry.version) or driven.machine
        patch = shown.masked_patch(machine, entry.patch)
        payload = shown.masked_payload(machine, entry.event, entry.payload)
        if (patch, payload) != (entry.patch, entry.payload):
            marked = patch if patch == entry.patch else {**patch, "redacted": True}
            # The plain queryset: the model's own refuses every update.
            rows: QuerySet[HistoryEntry] = QuerySet(HistoryEntry, using=using).filter(pk=entry.pk)
            changed += rows.update(patch=marked, payload=payload)
    return changed


def _effects(driven: Driven, using: str) -> int:
    changed = 0
    for effect in Effect.objects.using(using).filter(instance=driven.pk).select_related("instance").iterator():
        erased = {"error": shown.effect_error(effect)}
        if effect.status not in Effect.OPEN:
            erased |= {"input": shown.effect_input(effect), "result": shown.effect_result(effect)}
        elif effect.failure and effect.needs_attention:  # nobody waits for it
            erased["result"] = shown.effect_result(effect)
        new = {name: value for name, value in erased.items() if value != getattr(effect, name)}
        if new:
            changed += Effect.objects.using(using).filter(pk=effect.pk).update(**new)
    return changed


def _timers(driven: Driven, using: str) -> int:
    changed = 0
    for timer in Timer.objects.using(using).filter(instance=driven.pk).exclude(error="").select_related("instance"):
        error = shown.timer_error(timer)
        if error != timer.error:
            changed += Timer.objects.using(using).filter(pk=timer.pk).update(error=error)
    return changed
