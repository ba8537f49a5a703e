"""Idempotency keys: a request that is sent again gets the answer of the first time, and does nothing twice.

A record is written in the transition's own transaction. Refusals are not kept: a request that was refused may be sent
again. Limits: kept for a set time; who may ask is decided before, each time.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction

from statemachines import conf
from statemachines.core.events import Actor
from statemachines.exceptions import IdempotencyConflict
from statemachines.models import IdempotencyRecord


class Request(msgspec.Struct, frozen=True):
    """What makes two requests the same one: who asks for what, on what, under which key, with which body."""

    actor: Actor
    operation: str
    target: str
    key: str
    body: Any

    @property
    def columns(self) -> dict[str, str]:
        who = f"{self.actor.kind}:{self.actor.id}"
        return {"actor": who, "operation": self.operation, "target": self.target, "key": self.key}

    @property
    def body_hash(self) -> str:
        return hashlib.sha256(msgspec.json.encode(self.body, order="deterministic")).hexdigest()


class Taken(Exception):
    """Another transaction wrote the record first: roll back and look it up."""


def answer(request: Request, using: str) -> dict[str, Any] | None:
    """Return the answer that a request got before, or None. Raises IdempotencyConflict where its body was another."""
    found = IdempotencyRecord.objects.using(using).filter(**request.columns).first()
    if found is None:
        return None
    if found.body_hash != request.body_hash:
        raise IdempotencyConflict(request.key)
    given: dict[str, Any] = found.answer
    return given


def keep(request: Request, given: dict[str, Any], now: datetime, using: str) -> None:
    """Keep an answer, in the transaction of what it answers. Raises Taken."""
    record = IdempotencyRecord(**request.columns, body_hash=request.body_hash, answer=given, created_at=now)
    records = IdempotencyRecord.objects.using(using)
    records.bulk_create([record], ignore_conflicts=True)  # INSERT … ON CONFLICT DO NOTHING waits for a rival's commit
    kept = records.filter(**request.columns).first()
    if kept is None or kept.answer != given:  # no two doings have one answer: a new key, or the next sequence
        raise Taken


def prune(now: datetime, using: str, batch: int) -> int:
    """Delete a batch of records that are older than they are kept; return how many."""
    old = IdempotencyRecord.objects.using(using).filter(created_at__lt=now - conf.duration("IDEMPOTENCY_KEEP_SECONDS"))
    pks = list(old.order_by("created_at").values_list("pk", flat=True)[:batch])
    if not pks:
        return 0
    with transaction.atomic(using=using):
        return IdempotencyRecord.objects.using(using).filter(pk__in=pks).delete()[0]
