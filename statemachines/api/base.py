"""What all our views share: who asks, what a request may carry, and how errors look.

Limits: takes authentication and throttling from the host, and nothing else of its REST settings.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connections, router, transaction
from django.http import Http404, HttpRequest
from django.urls import re_path
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from statemachines.actors import ANONYMOUS, actor_of
from statemachines.core.codec import codec
from statemachines.core.events import Actor
from statemachines.exceptions import InvalidValue, NotAllowed
from statemachines.models import MachineInstance

from . import problems
from .formats import Negotiation, PlainJSON, StrictJSON
from .operations import KEY
from .schema import MachineSchema

REPLAYED = "Idempotency-Replayed"
LONGEST_KEY = 255
MOST_SECONDS = 60

LOCK_WAIT = timedelta(seconds=5)
"""How long a request waits for another transaction that holds its instance, before it is answered by 503."""


class StateMachineView(APIView):
    """A view whose errors are problem details, in JSON both ways, outside the host's request transactions."""

    parser_classes = [StrictJSON]
    renderer_classes = [PlainJSON]
    permission_classes: Any = []
    content_negotiation_class = Negotiation
    metadata_class: Any = None
    versioning_class = None
    http_method_names = ["get", "post", "head"]
    schema: Any = MachineSchema()
    anonymous = False
    """Whether those are let in who are not signed in."""

    @classmethod
    def as_view(cls, *given: Any, **named: Any) -> Any:
        """Return the view; its verbs begin and end their own transactions."""
        view: Any = super().as_view(*given, **named)
        for alias in connections:
            view = transaction.non_atomic_requests(using=alias)(view)
        return view

    def initialize_request(self, request: HttpRequest, *given: Any, **named: Any) -> Request:
        """Have a body that comes in chunks read as well: the framework takes what says no length for empty."""
        if "Transfer-Encoding" in request.headers and not request.META.get("CONTENT_LENGTH"):
            request.META["CONTENT_LENGTH"] = "-1"
        return super().initialize_request(request, *given, **named)

    def get_exception_handler(self) -> Callable[..., Response]:
        return problems.answer

    def get_authenticate_header(self, request: Request) -> str:
        """Return a challenge, so that who is not signed in is answered by 401, whatever classes the host has."""
        headers = (one.authenticate_header(request) for one in self.get_authenticators())
        return next((header for header in headers if header), "Session")

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, NotAllowed) and self.actor == ANONYMOUS:
            exc = NotAuthenticated()
        return super().handle_exception(exc)

    def explorable(self, actor: Actor) -> bool:
        """Say whether somebody finds this in the API's description: by default, who is let in."""
        return self.anonymous or actor != ANONYMOUS

    @property
    def actor(self) -> Actor:
        """Who asks."""
        user: Any = self.request.user
        return actor_of(user) if getattr(user, "is_authenticated", False) else ANONYMOUS

    @property
    def using(self) -> str:
        """The database that is written; what is read to be acted on is read there."""
        return router.db_for_write(MachineInstance)

    @property
    def idempotency_key(self) -> str | None:
        """What the client calls its request, so that it is done once however often it is sent. Raises InvalidValue."""
        given = self.request.headers.get(KEY)
        if given is None:
            return None
        key = given.strip().strip('"')
        if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
            expected = f"1 to {LONGEST_KEY} printable characters"
            raise InvalidValue(f"header {KEY}", field=KEY, expected=expected, received=repr(key[:80]))
        return key

    @property
    def preferences(self) -> dict[str, str]:
        """What the Prefer header says, by name; of one that is said twice, the first (RFC 7240)."""
        told = str(self.request.headers.get("Prefer", "")).lower().split(",")
        parts = (one.partition(";")[0].partition("=") for one in reversed(told))
        return {name.strip(): value.strip().strip('"') for name, _, value in parts}

    @property
    def wait_seconds(self) -> int | None:
        """How long the client wants to wait for effects to end; None where it does not say."""
        told = self.preferences.get("wait", "")
        return min(int(told[:9]), MOST_SECONDS) if told.isdecimal() else None

    def read(self, kind: Any, what: str, **more: Any) -> Any:
        """Read the request's body, and what the address says, as a typed value. Raises InvalidValue."""
        return codec(kind, what).convert(self.body(what) | more)

    def body(self, what: str) -> dict[str, Any]:
        """Return the request's body, which is an object. Raises InvalidValue."""
        body = self.request.data
        if not isinstance(body, dict):
            raise InvalidValue(what, field="", expected="object", received=type(body).__name__)
        return dict(body)


def marked(replayed: bool) -> dict[str, str]:
    """Return the header of an answer that was given before."""
    return {REPLAYED: "true"} if replayed else {}


class Nowhere(StateMachineView):
    """What is below an API's address and is not there: whatever is asked, the answer is a problem, not a page."""

    def operation(self, method: str) -> None:
        """It is no operation."""

    def initial(self, request: Request, *given: Any, **named: Any) -> None:
        raise Http404


NOWHERE = re_path(r"^[\s\S]*/$", Nowhere.as_view())
"""The last of an API's routes."""


def is_asgi(request: HttpRequest) -> bool:
    """Say whether a request came by ASGI."""
    return hasattr(request, "scope")
