"""Views that drive a lamp and write a row of their own, all in the request's one transaction."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from statemachines.engine import create, send
from statemachines.exceptions import EventRefused
from statemachines.models import MachineInstance

from .machines import Dim, Press, lamp
from .models import Visit


@require_POST
def make(request: HttpRequest, key: str) -> JsonResponse:
    made = create(lamp.machine, key, system=True)
    return JsonResponse({"state": made.state})


@require_POST
def press(request: HttpRequest, key: str) -> JsonResponse:
    Visit.objects.create(path=request.path)
    instance = MachineInstance.objects.using("default").get(key=key)
    sent = send(instance, Press(), system=True)
    if "break" in request.GET:
        raise ZeroDivisionError
    return JsonResponse({"state": sent.instance.state})


@require_POST
def press_twice(request: HttpRequest, key: str) -> JsonResponse:
    """Send what is taken and what is refused, and write after each."""
    instance = MachineInstance.objects.using("default").get(key=key)
    send(instance, Press(), system=True)
    Visit.objects.create(path="taken")
    try:
        send(instance, Dim(), system=True)
    except EventRefused:
        Visit.objects.create(path="refused")
    return JsonResponse({"state": instance.state}, status=409)
