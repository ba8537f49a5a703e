"""What all pages have in common: they escape what they show, need no inline code, ask little, fit any admin site."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from statemachines import Actor, engine
from statemachines.engine import create, jobs, outbox, send
from statemachines.models import BulkJob, Effect, MachineInstance, RefusedAttempt, Timer
from tests.examples.machines import NoteData, notes

from .forms import Form

pytestmark = pytest.mark.django_db

EVIL = "<script>alert('1')</script>"
MALLORY = Actor("user", "66", EVIL)


class Shown:
    """An instance to which everything has happened, with texts that are markup, and the pages that show it."""

    def __init__(self) -> None:
        self.stuck = create(notes.machine, EVIL, data=NoteData(file=EVIL, answer=EVIL), actor=MALLORY)
        send(self.stuck, "go", actor=MALLORY)
        self.effect = self.stuck.effects.get()
        for _ in range(5):
            Effect.objects.update(due_at=self.stuck.created_at)
            outbox.run_effect(self.effect.pk, "default")
        engine.pause(self.stuck, reason=EVIL, actor=MALLORY)
        engine.resume(self.stuck, reason=EVIL, actor=MALLORY)
        self.timed = create(notes.machine, "timed", data=NoteData(seconds=3600, answer=EVIL), actor=MALLORY)
        send(self.timed, "wait", actor=MALLORY)
        self.timer = self.timed.timers.get()
        Timer.objects.update(needs_attention=True, error=f"ValueError: {EVIL}")
        now = timezone.now()
        RefusedAttempt.objects.create(
            instance=self.stuck, event=EVIL, code=EVIL, text=EVIL, actor_kind="user", actor_label=EVIL,
            first_at=now, last_at=now,
        )  # fmt: skip
        engine.hold("examples.note", reason=EVIL, actor=MALLORY)
        me = Actor("user", str(User.objects.get(username="olga").pk), "olga")
        self.planned = jobs.plan("pause", [self.stuck.pk, self.timed.pk], {}, actor=me)
        self.sending = jobs.plan("send", [self.stuck.pk, self.timed.pk], {}, actor=me)
        self.done = jobs.plan("cancel", [self.stuck.pk], {}, actor=MALLORY)
        BulkJob.objects.filter(pk=self.done.pk).update(
            status="done", reason=EVIL, refusals=[{"instance": self.stuck.pk, "key": EVIL, "why": EVIL}]
        )

    @property
    def pages(self) -> dict[str, str]:
        def of(model: str, name: str, *args: Any) -> str:
            return reverse(f"admin:statemachines_{model}_{name}", args=args)

        stuck, timed, one, two = self.stuck.pk, self.timed.pk, self.effect.pk, self.timer.pk
        return {
            "list": of("machineinstance", "changelist"),
            "instance": of("machineinstance", "change", stuck),
            "timed": of("machineinstance", "change", timed),
            "send": of("machineinstance", "send", stuck, "go"),
            "act": of("machineinstance", "act", stuck, "cancel"),
            "effect": of("machineinstance", "effect", stuck, one, "result"),
            "timer": of("machineinstance", "timer", timed, two, "postpone"),
            "force": of("machineinstance", "force", stuck),
            "data": of("machineinstance", "data", stuck),
            "entry": of("machineinstance", "entry", stuck, 2),
            "machines": of("machineoverview", "changelist"),
            "machine": of("machineoverview", "change", "examples.notes"),
            "jobs": of("bulkjob", "changelist"),
            "planned": of("bulkjob", "change", self.planned.pk),
            "sending": of("bulkjob", "change", self.sending.pk) + "?event=go",
            "done": of("bulkjob", "change", self.done.pk),
            "effects": of("effect", "changelist"),
            "effect row": of("effect", "change", one),
            "timers": of("timer", "changelist"),
            "timer row": of("timer", "change", two),
            "entries": of("historyentry", "changelist"),
            "entry row": of("historyentry", "change", self.stuck.entries.latest("sequence").pk),
            "refusals": of("refusedattempt", "changelist"),
            "refusal row": of("refusedattempt", "change", RefusedAttempt.objects.latest("pk").pk),
        }


@pytest.fixture
def shown(olga: User) -> Shown:
    return Shown()


def confirmations(client: Client, shown: Shown) -> list[str]:
    """Return the pages that follow a form: before and after, and what is wrong with what was sent."""
    force, data = shown.pages["force"], shown.pages["data"]
    forced = Form(client.get(force)).fields | {"targets": "waiting", "entering": "enter", "reason": EVIL}
    edited = Form(client.get(data)).fields | {"data-answer": EVIL * 2, "reason": EVIL}
    sent = [
        (force, forced | {"step": "preview"}),
        (force, forced | {"step": "preview", "targets": EVIL}),
        (data, edited | {"step": "preview"}),
        (data, edited | {"step": "preview", "data-seconds": EVIL}),
        (data, edited | {"step": "confirm", "sequence": "1"}),
        (shown.pages["send"].replace("/go/", "/nothing-like-it/"), {"sequence": "1", "once": EVIL}),
    ]
    return [client.post(address, fields).content.decode() for address, fields in sent]


def test_markup_is_text_in_every_page(operator: Client, shown: Shown) -> None:
    """What people and machines wrote (keys, data, reasons, names, errors) is never markup, in pages and pictures."""
    texts = [operator.get(address).content.decode() for address in shown.pages.values()]
    texts += confirmations(operator, shown)
    for text in texts:
        assert "<script>alert" not in text
    assert sum("&lt;script&gt;alert" in text for text in texts) > 20


def test_pages_need_no_inline_code(operator: Client, shown: Shown) -> None:
    """Under `script-src 'self'; style-src 'self'` everything works: no inline script, style, handler or address."""
    pages = {name: operator.get(address).content.decode() for name, address in shown.pages.items()}
    pages |= {str(number): text for number, text in enumerate(confirmations(operator, shown))}
    for name, text in pages.items():
        tags = re.findall(r"<[a-zA-Z][^>]*>", text)
        for tag in tags:
            attributes = re.findall(r'\s([\w:-]+)(?:="([^"]*)")?', tag)
            named = {attribute.lower() for attribute, _value in attributes}
            assert "style" not in named, (name, tag)
            assert not any(one.startswith("on") for one in named), (name, tag)
            assert not any(value.startswith("javascript:") for _name, value in attributes), (name, tag)
            assert not tag.startswith("<style"), (name, tag)
            assert not tag.startswith("<script") or "src" in named, (name, tag)


MOST = {"list": 10, "instance": 20, "timed": 20, "entry": 11, "force": 11, "machines": 24, "machine": 8, "planned": 7}
"""Statements of a page, five of which are the session, the user, and what they may do."""


def test_pages_ask_little(operator: Client, shown: Shown) -> None:
    """A page takes a fixed number of statements, whatever an instance has been through."""
    for number in range(40):
        send(shown.timed, "go", actor=MALLORY)
        Effect.objects.create(
            instance=shown.timed, sequence=number, key=uuid4(), name="examples.note", version=1, input={},
            status="failed", error="x", created_at=timezone.now(),
        )  # fmt: skip
    address = reverse("admin:statemachines_machineinstance_change", args=[shown.timed.pk])
    for name, page in {**shown.pages, "timed": address}.items():
        with CaptureQueriesContext(connection) as captured:
            assert operator.get(page).status_code == 200
        assert len(captured) <= MOST.get(name, 9), name


def test_another_site_links_to_itself(operator: Client, shown: Shown, settings: Any) -> None:
    """On an admin site of another name all links and forms stay on that site, after acts too."""
    settings.ROOT_URLCONF = "tests.admin.sites"
    for name, page in shown.pages.items():
        text = operator.get(page.replace("/admin/", "/office/", 1)).content.decode()
        links = re.findall(r'(?:href|action)="(/[^"]*)"', text)
        assert any(link.startswith("/office/statemachines/") for link in links), name
        assert not [link for link in links if link.startswith("/admin/")], name
    address = shown.pages["act"].replace("/admin/", "/office/", 1)
    done = operator.post(address, Form(operator.get(address)).fields | {"reason": "x"})
    assert done.headers["Location"].startswith("/office/statemachines/")


def test_what_is_no_number_has_no_separators(operator: Client, shown: Shown, settings: Any) -> None:
    """With thousands separated, keys, sequences and versions are written as they are, and forms work."""
    settings.USE_THOUSAND_SEPARATOR = True
    settings.LANGUAGE_CODE = "de"
    MachineInstance.objects.filter(pk=shown.stuck.pk).update(sequence=12345, version=1234)
    text = operator.get(shown.pages["instance"]).content.decode()
    assert "1234" in text
    assert not re.search(r"12\.345|1\.234", text)
    MachineInstance.objects.filter(pk=shown.timed.pk).update(sequence=12345)
    address = reverse("admin:statemachines_machineinstance_act", args=[shown.timed.pk, "pause"])
    assert operator.post(address, Form(operator.get(address)).fields | {"reason": "x"}).status_code == 302


def test_the_operators_language_is_spoken(operator: Client, shown: Shown) -> None:
    """In German every page is German, except for the machines' own names."""
    german = {"headers": {"accept-language": "de"}}
    with translation.override("de"):
        for name, page in shown.pages.items():
            assert operator.get(page, **german).status_code == 200, name
        text = operator.get(shown.pages["instance"], **german).content.decode()
    for word in ("Was jetzt geschehen kann", "Zeitleiste", "Wirkungen", "Von Hand", "Pausieren"):
        assert word in text
