"""JSON in and JSON out, whatever the host has set: bounded bodies, strict JSON, one renderer.

Limits: `DATA_UPLOAD_MAX_MEMORY_SIZE` bounds a body; how deep and how odd it may be is decided where it gets a type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO, Any

import msgspec
from django.conf import settings
from rest_framework.exceptions import NotAcceptable, ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.utils.mediatypes import media_type_matches

from .problems import TooLarge

JSON = "application/json"


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
            return msgspec.json.decode(body)
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
        accepted = [one.strip() for one in request.headers.get("Accept", "*/*").split(",")]
        for renderer in renderers:
            told = (str(renderer.media_type), "application/problem+json")
            if any(media_type_matches(one, offered) for one in accepted if one for offered in told):
                return renderer, str(renderer.media_type)
        raise NotAcceptable(available_renderers=renderers)
