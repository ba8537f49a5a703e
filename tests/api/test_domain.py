"""A project's own views: a request becomes an event, an answer a response; so do others' messages."""

from __future__ import annotations

import hashlib
import hmac
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test import RequestFactory
from rest_framework.request import Request

from statemachines import Occurrence
from statemachines.api.domain import DomainView, Message, Webhook
from statemachines.exceptions import InvalidValue
from statemachines.models import HistoryEntry, MachineInstance
from tests.api.machines import Commented

from .conftest import Desk, client

SECRET = b"known to the two of us"


class Chat(DomainView):
    """What a customer says of a ticket."""

    def post(self, request: Request, pk: int) -> Any:
        ticket = MachineInstance.objects.get(pk=pk)
        return self.drive(ticket, self.event(Commented), lambda: {"said": len(ticket.data["comments"])})


class Doorbell(Webhook):
    machine = "helpdesk.bell"
    creates = True

    def verify(self, request: Request) -> bool:
        expected = hmac.new(SECRET, request.body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected, request.headers.get("X-Signature", ""))

    def map(self, request: Request) -> Message | None:
        if "bell" not in request.data:
            raise InvalidValue("message", field="bell", expected="a bell", received="none")
        if request.data.get("kind") == "news":
            return None
        return Message(request.data["bell"], Occurrence(request.data.get("event", "ping")), request.data.get("id"))

    def answer(self, instance: MachineInstance) -> Any:
        return {"bell": instance.key, "state": instance.state}


class Strict(Doorbell):
    creates = False

    def map(self, request: Request) -> Message:
        return Message("nobody", Occurrence("ping"))


def deliver(body: Any, view: type[Webhook] = Doorbell, signature: str | None = None) -> Any:
    sent = json.dumps(body).encode()
    signed = hmac.new(SECRET, sent, hashlib.sha256).hexdigest() if signature is None else signature
    request = RequestFactory().post("/", sent, content_type="application/json", headers={"X-Signature": signed})
    answer = view.as_view()(request)
    answer.render()
    return answer


def test_a_view_is_a_few_lines(desk: Desk, settings: Any) -> None:
    """The view names the event and the answer; keys, errors and 401 come with it."""
    factory, body = RequestFactory(), {"text": "Hello"}

    def say(user: Any, body: Any) -> Any:
        request = factory.post("/", json.dumps(body), content_type="application/json", HTTP_IDEMPOTENCY_KEY="k")
        request.user = user
        request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
        answer = Chat.as_view()(request, pk=desk.ticket.pk)
        answer.render()
        return answer

    assert json.loads(say(desk.ann, body).content) == {"said": 1}
    assert say(desk.ann, body)["Idempotency-Replayed"] == "true"
    assert say(desk.ann, {"text": 3}).status_code == 400
    assert say(desk.ann, {"text": "Bye"}).status_code == 422
    assert say(desk.bob, body).status_code == 403
    answer = say(AnonymousUser(), body)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Basic realm="api"')


@pytest.mark.django_db
def test_a_message_creates_and_drives() -> None:
    """A verified message is an event for the instance with its key, which is created where it is missing."""
    assert json.loads(deliver({"bell": "front"}).content) == {"bell": "front", "state": "rang"}
    entries = HistoryEntry.objects.order_by("sequence")
    assert [(entry.event, entry.actor_kind, entry.origin) for entry in entries] == [
        ("xstate.init", "webhook", "webhook"),
        ("ping", "webhook", "webhook"),
    ]


@pytest.mark.django_db
def test_a_message_delivered_twice_is_taken_once() -> None:
    """By the sender's own id of it."""
    assert "Idempotency-Replayed" not in deliver({"bell": "front", "id": "m1"})
    assert deliver({"bell": "front", "id": "m1"})["Idempotency-Replayed"] == "true"
    assert HistoryEntry.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("signature", ["", "0" * 64])
def test_a_wrong_signature_is_refused(signature: str) -> None:
    """Nothing is read of a message that is not the sender's."""
    assert deliver({"bell": "front"}, signature=signature).status_code == 401
    assert not MachineInstance.objects.exists()


@pytest.mark.django_db
def test_a_signature_is_for_one_body() -> None:
    """One that fits another message is no better than none, and one message's id is for one body alone."""
    signed = hmac.new(SECRET, json.dumps({"bell": "front"}).encode(), hashlib.sha256).hexdigest()
    assert deliver({"bell": "back"}, signature=signed).status_code == 401
    deliver({"bell": "front", "id": "m1"})
    answer = deliver({"bell": "front", "id": "m1", "event": "stop"})
    assert (answer.status_code, json.loads(answer.content)["code"]) == (422, "idempotency_conflict")
    assert MachineInstance.objects.get().state == "rang"


@pytest.mark.django_db
def test_a_message_that_comes_too_early_is_told_so() -> None:
    """What the machine refuses is 409, so that a sender who tries again is right to; the instance is there by then."""
    assert deliver({"bell": "front", "event": "stop", "id": "m1"}).status_code == 409
    deliver({"bell": "front"})
    assert deliver({"bell": "front", "event": "stop", "id": "m1"}).status_code == 200
    assert MachineInstance.objects.get().state == "silent"


@pytest.mark.django_db(transaction=True)
def test_first_messages_at_once_create_one_instance() -> None:
    """One creates it and rings; the others find it, and are the machine's to refuse."""

    def ring(number: int) -> int:
        try:
            status: int = deliver({"bell": "front", "id": str(number)}).status_code
            return status
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(ring, range(4))) == [200, 409, 409, 409]
    assert MachineInstance.objects.get().entries.count() == 2


@pytest.mark.django_db
def test_what_a_message_may_be() -> None:
    """One that means nothing here is 204, one that makes no sense 400, one for a missing instance 404."""
    assert deliver({"bell": "front", "kind": "news"}).status_code == 204
    assert deliver({"no": "bell"}).status_code == 400
    assert deliver({}, Strict).status_code == 404


def test_methods(desk: Desk) -> None:
    """A view of ours answers HEAD as GET, and OPTIONS not at all."""
    assert client(desk.ann).head(desk.address).status_code == 200
    assert client(desk.ann).options(desk.address).status_code == 405
