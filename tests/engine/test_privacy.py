"""Sensitive fields: masked where rows are shown, erased from the past on request."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from statemachines.core.events import Actor
from statemachines.engine import create, snapshot_at
from statemachines.engine.outbox import run_effect
from statemachines.exceptions import HistoryIncomplete
from statemachines.models import Effect, HistoryEntry, MachineInstance
from tests.examples.machines import Account, Moved, account

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("any_store", "handed")]

SECRETS = ("ann@old.example", "ann@new.example")


@pytest.fixture
def ann_moves(ann: Actor) -> MachineInstance:
    """An account whose secret is in its data, a patch, a payload and an effect's input."""
    made = create(account.machine, "ann", data=Account("Ann", SECRETS[0]), actor=ann)
    made.send(Moved(email=SECRETS[1]), actor=ann)
    run_effect(Effect.objects.get().pk, "default")
    return made


def stored() -> str:
    """Everything that the database has of history and effects, as text."""
    rows = [*HistoryEntry.objects.values("payload", "patch"), *Effect.objects.values("input", "result", "error")]
    return str(rows)


def test_admin_shows_no_secret(ann_moves: MachineInstance, admin_client: Client) -> None:
    """The pages of instance, history and effect show the mask, and the rest of the data."""
    rows = [ann_moves, *ann_moves.entries.all(), *ann_moves.effects.all()]
    for row in rows:
        name = row._meta.model_name
        page = admin_client.get(reverse(f"admin:statemachines_{name}_change", args=[row.pk])).content.decode()
        assert "•••" in page
        assert not any(secret in page for secret in SECRETS)


def test_what_this_code_does_not_know_is_masked_wholly(ann_moves: MachineInstance, admin_client: Client) -> None:
    """Without the version's types nobody can tell what is sensitive: nothing of it is shown."""
    MachineInstance.objects.update(version=99)
    page = admin_client.get(reverse("admin:statemachines_machineinstance_change", args=[ann_moves.pk]))
    assert page.context["data"] == "•••"


def test_redact_erases_the_past_and_says_so(ann_moves: MachineInstance) -> None:
    """Patches, payloads and ended effects lose the secret; the data that the instance owns now stay."""
    assert all(secret in stored() for secret in SECRETS)
    out = StringIO()
    call_command("redact", "account", "ann", "--reason", "she asked", stdout=out)
    assert "erased what is sensitive from 3 row(s)" in out.getvalue()
    assert not any(secret in stored() for secret in SECRETS)
    ann_moves.refresh_from_db()
    assert ann_moves.data == {"name": "Ann", "email": SECRETS[1]}
    last = ann_moves.entries.last()
    assert last is not None
    assert (last.event, last.reason, last.payload, last.sequence) == (
        "statemachines.redact",
        "she asked",
        {"rows": 3},
        3,
    )
    with pytest.raises(HistoryIncomplete):
        snapshot_at(ann_moves, 2)


def test_after_redaction_the_history_is_append_only_again(ann_moves: MachineInstance) -> None:
    """The permission ends with the redaction, inside the same transaction."""
    call_command("redact", "account", "ann", "--reason", "she asked", stdout=StringIO())
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statemachines.redacting', true)")
            assert cursor.fetchone() == ("off",)


def test_redact_says_what_is_missing() -> None:
    """An unknown machine and an unknown key are told."""
    with pytest.raises(CommandError, match="'nothing' is not registered"):
        call_command("redact", "nothing", "x", "--reason", "r")
    with pytest.raises(CommandError, match=r"examples\.account has no instance 'x'"):
        call_command("redact", "account", "x", "--reason", "r")
