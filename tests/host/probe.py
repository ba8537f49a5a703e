"""Run in a process of its own: set a host up, do what the tests ask for, print what came of it as JSON.

`python -m tests.host.probe SETTINGS [--without PACKAGE]… QUESTION…`; each question is a function of this module.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import sqlite3
import sys
import time
import traceback
from contextlib import closing, redirect_stderr
from typing import Any

from .absent import hide


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("settings")
    parser.add_argument("--without", action="append", default=[])
    parser.add_argument("questions", nargs="+")
    asked = parser.parse_args()
    hide(asked.without)
    os.environ["DJANGO_SETTINGS_MODULE"] = f"tests.host.settings.{asked.settings}"
    import django

    django.setup()
    json.dump({question: answer(question) for question in asked.questions}, sys.stdout)


def answer(question: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = globals()[question]()
        return found
    except BaseException:
        return {"error": traceback.format_exc()}


def command(*arguments: str, **options: Any) -> str:
    from django.core.management import call_command

    out = io.StringIO()
    with redirect_stderr(out):
        call_command(*arguments, **options, stdout=out, stderr=out)
    return out.getvalue()


def commands() -> dict[str, Any]:
    """What `makemigrations --check`, `migrate` and `check` print."""
    return {
        "makemigrations": command("makemigrations", "--check", "--dry-run"),
        "migrate": command("migrate", verbosity=0),
        "check": command("check"),
    }


def keys() -> dict[str, Any]:
    """The kinds of primary keys."""
    from django.apps import apps

    labels = ("statemachines", "lamps")
    return {
        model._meta.label: type(model._meta.pk).__name__
        for model in apps.get_models()
        if model._meta.app_label in labels
    }


def journey() -> dict[str, Any]:
    """One lamp through its states: by an event, an effect and a timer, both by the sweep."""
    from statemachines.engine import create

    from .lamps.machines import Press, lamp

    made = create(lamp.machine, "journey", system=True)
    states = [made.state]
    made.send(Press(), system=True)
    states.append(made.state)
    printed = ""
    for _ in range(2):
        printed += command("statemachines_sweep")
        made.refresh_from_db(using="default")
        states.append(made.state)
    return {"states": states, "printed": printed.splitlines(), "data": made.data}


def parts() -> dict[str, Any]:
    """Which optional packages are loaded, the dispatcher that is used, the options of the database's connection."""
    from django.db import connection

    from statemachines import conf

    names = ("celery", "kombu", "django_celery_beat", "rest_framework", "psycopg")
    return {
        "loaded": [name for name in names if name in sys.modules],
        "dispatcher": conf.dispatcher(),
        "options": connection.settings_dict["OPTIONS"],
    }


def requests() -> dict[str, Any]:
    """Events sent by views, each in the transaction of its request."""
    from django.test import Client

    from statemachines.models import MachineInstance

    from .lamps.models import Visit

    client = Client(raise_request_exception=False)

    def post(path: str) -> list[Any]:
        response = client.post(f"/lamps/{path}")
        lamp = MachineInstance.objects.get(key="hall")
        paths = list(Visit.objects.order_by("pk").values_list("path", flat=True))
        return [response.status_code, lamp.state, lamp.entries.count(), lamp.effects.count(), paths]

    asked = ("hall/make", "hall/press", "hall/press?break", "hall/press-twice")
    return {path: post(path) for path in asked}


def admin() -> dict[str, Any]:
    """The pages of the host's own admin site, for a row whose key has a thousands separator when it is localised."""
    from django.contrib import admin as stock
    from django.contrib.auth import get_user_model
    from django.test import Client
    from django.urls import reverse
    from django.utils import timezone

    from statemachines.models import MachineInstance

    person = get_user_model().objects.create_superuser("ann", "ann@lamps.example", "secret")
    client = Client(headers={"accept-language": "de"})
    client.force_login(person)
    now = timezone.now()
    row = MachineInstance.objects.create(
        pk=1234567, machine="lamps.lamp", version=1, key="big", state="off", created_at=now, updated_at=now
    )
    listed = client.get(reverse("admin:statemachines_machineinstance_changelist"))
    page = client.get(reverse("admin:statemachines_machineinstance_change", args=[row.pk]))
    pages = (listed.content + page.content).decode()
    return {
        "site": type(stock.site._wrapped if hasattr(stock.site, "_wrapped") else stock.site).__name__,
        "models": sorted(model.__name__ for model in stock.site._registry if model._meta.app_label == "statemachines"),
        "status": [listed.status_code, page.status_code],
        "links": f"/office/statemachines/machineinstance/{row.pk}/change/" in pages,
        "separated": "1.234.567/change" in pages,
        "invalid": "INVALID" in pages,
        "german": "Maschineninstanz" in pages,
    }


def operators() -> dict[str, Any]:
    """Each page about a lamp, for a superuser and for staff without a permission; and whether it was drawn inside a
    transaction of the request."""
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client
    from django.urls import reverse

    from statemachines import picture
    from statemachines.engine import create
    from statemachines.models import RefusedAttempt

    from .lamps.machines import Press, lamp

    made = create(lamp.machine, "operated", system=True)
    made.send(Press(), system=True)
    layout_of, held = picture.layout_of, []

    def watched(*arguments: Any) -> Any:
        held.append(connection.in_atomic_block)
        return layout_of(*arguments)

    picture.layout_of = watched

    def of(name: str, *arguments: Any, model: str = "machineinstance") -> str:
        return reverse(f"admin:statemachines_{model}_{name}", args=arguments)

    addresses = [
        of("changelist"), of("change", made.pk), of("send", made.pk, "press"), of("act", made.pk, "pause"),
        of("force", made.pk), of("data", made.pk), of("entry", made.pk, 1),
        of("effect", made.pk, made.effects.get().pk, "skip"),
        of("changelist", model="machineoverview"), of("change", "lamps.lamp", model="machineoverview"),
        of("changelist", model="bulkjob"),
    ]  # fmt: skip
    clients = {}
    for name in ("boss", "clerk"):
        person = get_user_model().objects.create_user(name, is_staff=True, is_superuser=name == "boss")
        clients[name] = Client()
        clients[name].force_login(person)
    pages = [clients["boss"].get(address) for address in addresses]
    given = {"sequence": made.sequence, "once": "a token", "reason": "x"}
    paused = clients["boss"].post(of("act", made.pk, "pause"), given)
    made.refresh_from_db()
    picture.layout_of = layout_of
    return {
        "status": [page.status_code for page in pages],
        "texts": ["operated" in page.content.decode() for page in pages[:8]],
        "invalid": [address for address, page in zip(addresses, pages, strict=True) if b"INVALID" in page.content],
        "drawn": held,
        "paused": [paused.status_code, made.status, made.entries.latest("sequence").actor_label],
        "denied": [clients["clerk"].post(of("act", made.pk, "resume"), given).status_code, made.status],
        "traces": RefusedAttempt.objects.count(),
    }


def people() -> dict[str, Any]:
    """An actor made from a user whose key is a UUID, in the history of what they did."""
    from django.contrib.auth import get_user_model

    from statemachines.actors import actor_of
    from statemachines.engine import create

    from .lamps.machines import lamp

    person = get_user_model().objects.create_user("bob")
    made = create(lamp.machine, "people", actor=actor_of(person))
    entry = made.entries.get()
    return {"person": str(person.pk), "actor": [entry.actor_kind, entry.actor_id, entry.actor_label]}


def replicated() -> dict[str, Any]:
    """A lamp that was read from a replica, which stays behind all the time, and is driven."""
    from django.conf import settings
    from django.db import connections
    from django_celery_beat.models import PeriodicTask

    from statemachines.engine import create
    from statemachines.models import HistoryEntry, MachineInstance

    from .lamps.machines import Press, lamp

    command("migrate", database="replica", verbosity=0)
    beat = {alias: PeriodicTask.objects.using(alias).count() for alias in connections}
    create(lamp.machine, "hall", system=True)
    connections.close_all()
    shutil.copy(settings.DATABASES["default"]["NAME"], settings.DATABASES["replica"]["NAME"])
    read = MachineInstance.objects.get(key="hall")
    states = [read._state.db, read.state]
    states.append(read.send(Press(), system=True).instance.state)
    again = MachineInstance.objects.get(key="hall")  # still the old one
    states += [again.state, again.send(Press(), system=True).instance.state, again._state.db]
    entries = {alias: HistoryEntry.objects.using(alias).count() for alias in connections}
    return {"states": states, "entries": entries, "beat": beat}


def busy() -> dict[str, Any]:
    """An event while another connection holds SQLite's one write lock, and one after it let go."""
    from django.db import connection

    from statemachines.engine import create
    from statemachines.exceptions import InstanceBusy

    from .lamps.machines import Press, lamp

    made = create(lamp.machine, "busy", system=True)
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        try:
            made.send(Press(), system=True)
            told = ""
        except InstanceBusy as error:
            told = str(error)
        waited = time.monotonic() - began
        other.execute("ROLLBACK")
    made.refresh_from_db()
    before = made.state
    return {"told": told, "waited": waited, "before": before, "after": made.send(Press(), system=True).instance.state}


if __name__ == "__main__":
    main()
