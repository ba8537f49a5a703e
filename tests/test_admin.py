"""Stock admin: everything is shown, nothing can be changed."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from statemachines.engine import create
from statemachines.models import Effect, HistoryEntry, MachineInstance, Timer
from tests.examples.machines import Go, NoteData, notes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("instance")]


@pytest.fixture
def instance() -> MachineInstance:
    """An instance with history, a timer and an effect."""
    made = create(notes.machine, "<b>n</b>", data=NoteData(seconds=60, file="<script>"), system=True)
    made.send("wait", system=True)
    other = create(notes.machine, "other", data=NoteData(), system=True)
    other.send(Go(), system=True)
    return made


@pytest.mark.parametrize("model", [MachineInstance, HistoryEntry, Timer, Effect])
def test_lists_and_pages_show_and_change_nothing(admin_client: Client, model: type) -> None:
    """A superuser sees each list and each row; there is no way to add, change or delete."""
    name = f"admin:statemachines_{model.__name__.lower()}"
    page = admin_client.get(reverse(f"{name}_changelist"), {"q": "n"} if model is not MachineInstance else {})
    assert page.status_code == 200
    row = model._default_manager.first()
    detail = reverse(f"{name}_change", args=[row.pk])
    shown = admin_client.get(detail)
    assert shown.status_code == 200
    assert b"<b>n</b>" not in shown.content
    assert admin_client.post(detail, {"key": "x"}).status_code == 403
    assert admin_client.get(reverse(f"{name}_add")).status_code == 403
    assert admin_client.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403


def test_without_the_permission_nothing_is_shown(client: Client) -> None:
    """Staff without the permission to view gets a 403."""
    client.force_login(User.objects.create_user("ann", is_staff=True))
    assert client.get(reverse("admin:statemachines_machineinstance_changelist")).status_code == 403
