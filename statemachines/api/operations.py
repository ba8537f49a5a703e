"""What an endpoint does, in types: the source of its OpenAPI operation.

Limits: values; `schema` turns them into OpenAPI.
"""

from __future__ import annotations

from typing import Any

import msgspec

ALWAYS = (401, 403, 406, 429, 500, 503)
WITH_BODY = (400, 413, 415)


class Operation(msgspec.Struct, frozen=True):
    """One operation: `request` and `response` are types, or ready JSON schemas; `query` a type of parameters.

    `acts`: it changes something, under an idempotency key and the client's preferences; `matches`: under If-Match.
    """

    id: str
    summary: str
    response: Any = None
    status: int = 200
    request: Any = None
    request_name: str = ""
    query: Any = None
    acts: bool = False
    matches: bool = False
    problems: tuple[int, ...] = ()
    description: str = ""
    media_type: str = "application/json"
    examples: tuple[Any, ...] = ()

    @property
    def statuses(self) -> tuple[int, ...]:
        """The problems that may be answered."""
        more = WITH_BODY if self.request is not None else (400,) if self.query is not None else ()
        return tuple(sorted({*ALWAYS, *more, *self.problems, *((412,) if self.matches else ())}))


def operator_operation(machine: str, act: str, response: Any, request: Any) -> Operation:
    """Return the operation of an operator's act."""
    return Operation(
        f"{act}_{machine}",
        f"{act.capitalize()} an instance; an operator's act.",
        response,
        request=request,
        matches=True,
        problems=(404, 409),
    )
