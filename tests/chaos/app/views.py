"""Events for chaos's own machines by HTTP, under an Idempotency-Key. Limits: X-User says who it is, unchecked."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from statemachines import Actor, engine
from statemachines.engine import pending
from statemachines.exceptions import EffectNotFound, EventRefused, InstanceBusy
from statemachines.models import MachineInstance


def by(request: HttpRequest) -> dict[str, Any]:
    return {
        "actor": Actor("user", request.headers["X-User"]),
        "origin": "rest",
        "idempotency_key": request.headers["Idempotency-Key"],
    }


@csrf_exempt
def create(request: HttpRequest, machine: str, key: str) -> JsonResponse:
    made = engine.create(f"chaos.{machine}", key, data=json.loads(request.body), **by(request))
    return JsonResponse({"id": made.pk}, status=201)


@csrf_exempt
def send(request: HttpRequest, machine: str, key: str, event: str) -> JsonResponse:
    instance = MachineInstance.objects.get(machine=f"chaos.{machine}", key=key)
    try:
        sent = engine.send(instance, event, **by(request))
    except EventRefused as refusal:
        return JsonResponse({"code": refusal.code, "state": instance.state}, status=409)
    except InstanceBusy as busy:
        return JsonResponse({"code": str(busy)}, status=503)
    return JsonResponse({"sequence": sent.sequence})


@csrf_exempt
def complete(request: HttpRequest, token: str) -> JsonResponse:
    try:
        done = pending.complete("chaos.ask_for_signature", token, actor=Actor("user", request.headers["X-User"]))
    except EffectNotFound as error:  # it has not told its token yet
        return JsonResponse({"code": str(error)}, status=404)
    return JsonResponse({"completed": done})
