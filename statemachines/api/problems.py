"""Errors as RFC 9457 problem details: a stable `code` for programs, what is wrong and what to do for people.

Limits: an error of a machine, or of this code, says nothing of itself to the client: the log has it, by its reference.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from math import ceil
from typing import Any
from uuid import uuid4

import msgspec
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404
from msgspec import UNSET, UnsetType
from rest_framework import exceptions as drf
from rest_framework.response import Response

from statemachines.exceptions import (
    EventRefused,
    IdempotencyConflict,
    InstanceBusy,
    InstanceExists,
    InstanceNotFound,
    InvalidValue,
    MachineError,
    OperationRefused,
    SequenceMismatch,
    UnknownEvent,
    UnknownMachine,
    UnknownVersion,
)

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
BUSY_SECONDS = 1
DEPLOY_SECONDS = 30

TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Refused",
    412: "Changed meanwhile",
    413: "Too large",
    415: "Unsupported media type",
    422: "Idempotency key used for another request",
    429: "Too many requests",
    500: "Internal error",
    501: "Not available here",
    503: "Not available now",
}

ADVICE = {
    400: "Correct the request as the detail says, then send it again.",
    401: "Sign in, then send the request again.",
    403: "Ask for the right to do this, or sign in as somebody who has it.",
    404: "Look at the address, and at who you are signed in as.",
    405: "Use a method that the Allow header names.",
    406: "Accept application/json.",
    409: "Look at the state and at the possible events, then decide.",
    412: "Read the instance again, then decide.",
    413: "Send less.",
    415: "Send application/json.",
    422: "Use a new key for a new request.",
    429: "Wait as long as Retry-After says.",
    500: "Report the reference; sending it again may not help.",
    501: "Use polling: wait_for, or read again.",
    503: "Send it again after as long as Retry-After says, with the same Idempotency-Key.",
}


CODES = {
    400: "invalid",
    401: "not_authenticated",
    403: "not_allowed",
    404: "not_found",
    406: "not_acceptable",
    409: "not_possible",
    412: "changed",
    413: "too_large",
    415: "unsupported_media_type",
    422: "idempotency_conflict",
    429: "throttled",
    500: "internal",
    501: "needs_asgi",
    503: "busy",
}
"""The code that a status mostly has; a refusal of a machine, and whatever is more exact, has one of its own."""


class Problem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What went wrong. `code` is stable; `advice` says what to do. The rest is there where it makes sense."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    advice: str
    field: str | UnsetType = UNSET
    expected: str | UnsetType = UNSET
    received: str | UnsetType = UNSET
    event: str | UnsetType = UNSET
    state: tuple[str, ...] | UnsetType = UNSET
    possible: tuple[str, ...] | UnsetType = UNSET
    guards: tuple[str, ...] | UnsetType = UNSET
    reference: str | UnsetType = UNSET


class Unavailable(Exception):
    """Something that this server, or this moment, does not offer."""

    def __init__(self, status: int, code: str, text: str) -> None:
        self.status = status
        self.code = code
        super().__init__(text)


class TooLarge(Exception):
    """A body with more bytes than are read."""


class Known(msgspec.Struct):
    """What is answered to an exception."""

    status: int
    code: str
    detail: str
    members: dict[str, Any] = {}
    headers: dict[str, str] = {}


def answer(exc: Exception, context: Mapping[str, Any]) -> Response:
    """Return the problem that an exception is to the client; what is nobody's mistake but ours is logged, once."""
    known = _of_machines(exc) or _of_requests(exc) or _unavailable(exc) or _bug(exc, context)
    response = response_of(known)
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django would log it again, without the reason
    return response


def typical(status: int) -> dict[str, Any]:
    """Return what a problem of some status typically looks like, as an example."""
    return msgspec.to_builtins(problem_of(Known(status, CODES[status], "…"))) | {"detail": "What was wrong."}  # type: ignore[no-any-return]


def response_of(known: Known) -> Response:
    """Return a problem as a response."""
    return Response(problem_of(known), known.status, headers=known.headers, content_type=MEDIA_TYPE)


def problem_of(known: Known) -> Problem:
    return Problem(
        type=f"urn:statemachines:problem:{known.status}",
        title=TITLES.get(known.status, "Error"),
        status=known.status,
        code=known.code,
        detail=known.detail,
        advice=ADVICE.get(known.status, ""),
        **known.members,
    )


def _of_machines(exc: Exception) -> Known | None:
    match exc:
        case InvalidValue():
            members = {"field": exc.field, "expected": exc.expected, "received": exc.received}
            return Known(400, "invalid", str(exc), members)
        case UnknownEvent():
            members = {"event": exc.event_type, "field": "type", "expected": ", ".join(exc.known)}
            return Known(400, "unknown_event", str(exc), members | {"received": exc.event_type})
        case EventRefused():
            return Known(
                409,
                exc.code,
                exc.text,
                {"event": exc.event, "state": exc.state, "possible": exc.possible, "guards": exc.guards},
            )
        case OperationRefused():
            return Known(409, exc.code, str(exc))
        case InstanceExists():
            return Known(409, "exists", str(exc))
        case SequenceMismatch():
            return Known(412, "changed", "The instance is not as you saw it: the ETag of If-Match is another now.")
        case IdempotencyConflict():
            return Known(422, "idempotency_conflict", str(exc))
        case InstanceBusy():
            return Known(503, "busy", str(exc), headers={"Retry-After": str(BUSY_SECONDS)})
        case UnknownVersion() | UnknownMachine():
            text = "This server does not have the version of the machine that the instance is on; another one may."
            return Known(503, "unknown_version", text, headers={"Retry-After": str(DEPLOY_SECONDS)})
        case InstanceNotFound():
            return Known(404, "not_found", "There is no such instance, or it is not yours to see.")
    return None


def _of_requests(exc: Exception) -> Known | None:
    match exc:
        case Http404():
            return Known(404, "not_found", "There is nothing here, or it is not yours to see.")
        case TooLarge() | RequestDataTooBig():
            return Known(413, "too_large", str(exc))
        case SuspiciousOperation():  # Django's bounds, as that of the number of parameters
            return Known(400, "malformed", str(exc))
        case Unavailable():
            return Known(exc.status, exc.code, str(exc))
        case drf.APIException():
            return _of_framework(exc)
        case PermissionDenied():
            return Known(403, "not_allowed", str(exc) or "You may not do this.")
    return None


def _of_framework(exc: drf.APIException) -> Known:
    codes = exc.get_codes()
    code = codes if isinstance(codes, str) else "invalid"
    if exc.status_code == 403:  # the framework's own name for it is another
        code = CODES[403]
    headers: dict[str, str] = {}
    if header := getattr(exc, "auth_header", ""):
        headers["WWW-Authenticate"] = header
    if isinstance(exc, drf.Throttled):
        wait: float | None = getattr(exc, "wait", None)
        headers["Retry-After"] = str(max(1, ceil(wait or 0)))
    detail = exc.detail if isinstance(exc.detail, str) else msgspec.json.encode(exc.detail, enc_hook=str).decode()
    return Known(exc.status_code, code, str(detail), headers=headers)


def _unavailable(exc: Exception) -> Known | None:
    if not isinstance(exc, OperationalError | InterfaceError):
        return None
    logger.error("The database cannot be used: %s", exc)
    headers = {"Retry-After": str(BUSY_SECONDS)}
    text = "The database cannot be reached at this moment; whether anything was done is not known."
    return Known(503, "unavailable", text, headers=headers)


def _bug(exc: Exception, context: Mapping[str, Any]) -> Known:
    """Log everything about a bug in one record, and tell the client only where to find that."""
    reference = uuid4().hex
    request = context["request"]
    where = f"{request.method} {request.path} (reference {reference})"
    logger.error("%s failed: %s", where, exc, exc_info=exc)
    if isinstance(exc, MachineError):
        return Known(500, "machine_error", "The machine is broken here; nothing changed.", {"reference": reference})
    text = "Something is broken here; whether anything was done, the instance shows."
    return Known(500, "internal", text, {"reference": reference})
