"""A strict Content-Security-Policy on every page: scripts, styles, pictures and frames from files of this site alone.

Limits: Django has such a middleware from 6.0 on, and 5.2 has not; where a view sets a policy, that one is kept.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

HEADER = "Content-Security-Policy"
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)


class ContentSecurity(MiddlewareMixin):
    """Puts the policy on every answer."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        response.headers.setdefault(HEADER, POLICY)
        return response
