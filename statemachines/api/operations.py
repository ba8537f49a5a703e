"""What an endpoint does, in types: the source of its OpenAPI operation.

Limits: values; `schema` turns them into OpenAPI.
"""

from __future__ import annotations

from typing import Any

import msgspec

ALWAYS = (401, 403, 406, 429, 500, 503)
WITH_BODY = (400, 413, 415)

KEY = "Idempotency-Key"
PREFER = "Prefer"
IF_MATCH = "If-Match"
IF_NONE_MATCH = "If-None-Match"
LAST_EVENT = "Last-Event-ID"

TEXT = {"type": "string"}
HEADERS = {
    KEY: (TEXT | {"pattern": "^[!#-~]{1,255}$"}, "Names the request: sent again, it is done once."),
    PREFER: (TEXT, "`respond-async`, or `wait=N` to wait up to N seconds for what is invoked."),
    IF_MATCH: (TEXT, "The ETag of the instance as you saw it."),
    IF_NONE_MATCH: (TEXT, "The ETag of the instance as you have it: 304 if it is still the same."),
    LAST_EVENT: (TEXT | {"pattern": "^[0-9]{1,18}$"}, "The sequence after which to go on."),
}
"""What a client may say in headers, and what that does."""

MEANT = {
    KEY: {422},
    PREFER: {202, 204},
    IF_MATCH: {412},
    IF_NONE_MATCH: {304},
    LAST_EVENT: {400},
}
"""What may be answered because of a header."""

ANSWERED = {
    KEY: {"Idempotency-Replayed": "`true` where the request was done before."},
    PREFER: {"Preference-Applied": "What was heeded of it.", "Effects-Pending": "How much of what is invoked is open."},
    IF_MATCH: {"ETag": "Names the instance as you see it, for If-Match."},
    IF_NONE_MATCH: {"ETag": "Names the instance as you see it, for If-Match and If-None-Match."},
}
"""What is answered in headers."""

UNCHANGED = {204: "Done, and not yours to see any more.", 304: "It is as you have it."}
"""Answers with no body."""


class Operation(msgspec.Struct, frozen=True):
    """One operation: `request` and `response` are types, or ready JSON schemas; `query` a type of parameters.

    `response`: None where drf-spectacular finds the view's serializer. `given`: fields of the request that the address
    says. `headers`: those that a client may send.
    """

    id: str
    summary: str
    response: Any = None
    status: int = 200
    request: Any = None
    given: tuple[str, ...] = ()
    query: Any = None
    headers: tuple[str, ...] = ()
    problems: tuple[int, ...] = ()
    description: str = ""
    media_type: str = "application/json"

    @property
    def statuses(self) -> tuple[int, ...]:
        """What may be answered beside success: problems, and what has no body."""
        more = WITH_BODY if self.request is not None else (400,) if self.query is not None else ()
        meant = (status for name in self.headers for status in MEANT[name])
        return tuple(sorted({*ALWAYS, *more, *self.problems, *meant}))


def operator_operation(machine: str, act: str, response: Any, request: Any) -> Operation:
    """Return the operation of an operator's act."""
    return Operation(
        f"{act}_{machine}",
        f"{act.capitalize()} an instance; an operator's act.",
        response,
        request=request,
        headers=(PREFER, IF_MATCH),
        problems=(404, 409),
    )
