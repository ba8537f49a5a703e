"""The async verbs under ASGI: Django's own handler, many requests at once."""

from __future__ import annotations

import asyncio

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.test import AsyncClient

from statemachines.models import HistoryEntry, MachineInstance

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.examples.urls"),
    pytest.mark.usefixtures("handed"),
]


def test_requests_at_once_each_drive_their_instance() -> None:
    """Ten requests in one event loop: each commits its own history, and gets its refusal as data."""

    async def visit() -> list[HttpResponse]:
        client = AsyncClient()
        return await asyncio.gather(*(client.get(f"/doors/d{number}/") for number in range(10)))

    answers = async_to_sync(visit)()
    told = {"state": "opened", "refused": "not_possible", "possible": ["close"]}
    assert [(answer.status_code, answer.json()) for answer in answers] == [(409, told)] * 10
    assert MachineInstance.objects.count_by_state() == {"opened": 10}
    assert HistoryEntry.objects.filter(origin="asgi").count() == 10
