"""JSON in and JSON out, whatever the host has set: bounded bodies, strict JSON, one renderer.

Limits: `DATA_UPLOAD_MAX_MEMORY_SIZE` bounds a body; how deep and how odd it may be is decided where it gets a type.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import IO, Annotated, Any

import msgspec
from django.conf import settings
from msgspec import Meta
from rest_framework.exceptions import NotAcceptable, ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.utils.mediatypes import media_type_matches

from .problems import TooLarge

JSON = "application/json"


Time = Annotated[datetime, Meta(tz=True)]
"""A time that says its zone, as RFC 3339 has it."""


def number(text: str) -> float | int:
    """Read a number with a fraction or an exponent; one that is whole is an integer, as JSON Schema has it."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is out of range")
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


decoder = msgspec.json.Decoder(Any, float_hook=number)


class StrictJSON(BaseParser):
    """Reads a body of JSON. Raises TooLarge and ParseError."""

    media_type = JSON

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read() if most is None else stream.read(most + 1)
        if most is not None and len(body) > most:
            raise TooLarge(f"A body has at most {most} bytes.")
        try:
            return decoder.decode(body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError) as error:
            raise ParseError(f"The body is no JSON: {error}", code="malformed") from error


class PlainJSON(BaseRenderer):
    """Writes typed values, and what serializers return, as JSON."""

    media_type = JSON
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return b"" if data is None else msgspec.json.encode(data, enc_hook=str)


class Negotiation(BaseContentNegotiation):
    """One format each way; problem details are JSON too."""

    def select_parser(self, request: Request, parsers: Sequence[BaseParser]) -> BaseParser | None:  # type: ignore[override]
        return next((one for one in parsers if media_type_matches(one.media_type, request.content_type)), None)

    def select_renderer(  # type: ignore[override]
        self, request: Request, renderers: Sequence[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        given = request.headers.get("Accept") or "*/*"
        accepted = [one.partition(";")[0].strip() for one in given.split(",")]  # JSON has no variants
        for renderer in renderers:
            told = (str(renderer.media_type), "application/problem+json")
            if any(media_type_matches(one, offered) for one in accepted if one for offered in told):
                return renderer, str(renderer.media_type)
        raise NotAcceptable(available_renderers=renderers)
