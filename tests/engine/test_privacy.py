"""Sensitive fields: masked where rows are shown, erased from the past on request."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from statemachines import shown
from statemachines.core.events import Actor
from statemachines.engine import create, give_result, snapshot_at
from statemachines.engine.outbox import run_effect
from statemachines.engine.timers import fire_timers
from statemachines.exceptions import HistoryIncomplete
from statemachines.models import Effect, HistoryEntry, MachineInstance, Timer
from tests.examples.jobs import Letter, Patient, Receipt, clinic
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


DIAGNOSIS = "gastritis"


def failing(input: Letter, call: Any) -> Receipt:
    raise OSError(f"no ink for {input.text}\nand none for {input.text}")


def patient(event: str, function: Any) -> MachineInstance:
    """Return a patient whose effect has ended, or needs attention, and whose diagnosis is in each of its columns."""
    made = create(clinic.machine, data=Patient("Ann", DIAGNOSIS), system=True)
    made.send(event, system=True)
    run_effect(Effect.objects.get(instance=made).pk, "default", function=function)
    return made


def reminded() -> MachineInstance:
    """Return a patient whose timer's event the machine fails at."""
    made = create(clinic.machine, data=Patient("Ann", DIAGNOSIS), system=True)
    made.send("remind", system=True)
    Timer.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert fire_timers([Timer.objects.get().pk], "default") == 0
    assert DIAGNOSIS in Timer.objects.get().error
    return made


def given() -> MachineInstance:
    """Return a patient whose failed effect an operator gave a result."""
    made = patient("send", failing)
    give_result(Effect.objects.get().pk, {"number": 1, "read": DIAGNOSIS}, reason="by hand", system=True)
    return made


ENDINGS: dict[str, Callable[[], MachineInstance]] = {
    "a result": lambda: patient("write", None),
    "an error that the machine took": lambda: patient("write", failing),
    "an error that nobody waits for": lambda: patient("send", failing),
    "a result that cannot be applied": lambda: patient("write", lambda *given: Receipt(0, DIAGNOSIS)),
    "a timer that fails": reminded,
    "a result that was given": given,
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_an_effect_knows_is_masked_wherever_it_is_shown(
    ending: str, admin_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """Results, errors and tracebacks of effects and timers: on no page of the admin, in no line of the log."""
    made = ENDINGS[ending]()
    rows = [made, *made.entries.all(), *made.effects.all(), *made.timers.all()]
    for row in rows:
        name = row._meta.model_name
        page = admin_client.get(reverse(f"admin:statemachines_{name}_change", args=[row.pk]), follow=True)
        assert page.status_code == 200
        assert DIAGNOSIS not in page.content.decode(), name
    shown_of = [shown.effect_input, shown.effect_result, shown.effect_error]
    told = [show(effect) for effect in made.effects.all() for show in shown_of]
    told += [shown.timer_error(timer) for timer in made.timers.all()]
    told += [shown.payload(entry) for entry in made.entries.all()]
    assert DIAGNOSIS not in str(told)
    assert DIAGNOSIS not in caplog.text


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_shown_of_an_error_still_helps(ending: str) -> None:
    """Of a masked traceback the exceptions' classes and the places in the code stay."""
    made = ENDINGS[ending]()
    told = [shown.effect_error(one) for one in made.effects.all()] + [
        shown.timer_error(one) for one in made.timers.all()
    ]
    for error in filter(None, told):
        assert re.search(r'File ".*", line \d+, in (failing|written|forget)', error)
        assert re.search(r"^(OSError|ValueError): •••$", error, re.M)


@pytest.mark.parametrize("ending", ENDINGS)
def test_redact_erases_what_effects_and_timers_knew(ending: str) -> None:
    """What has ended, and every error's text, is gone from the tables; an open effect keeps what it needs."""
    made = ENDINGS[ending]()
    call_command("redact", "clinic", made.key, "--reason", "she asked", stdout=StringIO())
    entries = str(list(made.entries.values("payload", "patch")))
    errors = str([*made.effects.values("error"), *made.timers.values("error")])
    ended = str(list(made.effects.exclude(status__in=Effect.OPEN).values("input", "result")))
    assert DIAGNOSIS not in entries + errors + ended
