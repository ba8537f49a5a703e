"""Defaults of a host's REST framework that spoil every view which leans on them."""

from __future__ import annotations

from typing import Any, NoReturn

from rest_framework.filters import BaseFilterBackend
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.pagination import BasePagination
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer


def fall_over(*given: Any, **named: Any) -> NoReturn:
    raise RuntimeError("a default of the host was used")


class Denied(BasePermission):
    has_permission = fall_over


class Mute(BaseRenderer):
    media_type = "text/mute"
    format = "mute"
    render = fall_over


class Deaf(BaseParser):
    media_type = "text/deaf"
    parse = fall_over


class OnePage(BasePagination):
    paginate_queryset = fall_over


class Nothing(BaseFilterBackend):
    filter_queryset = fall_over


class Stubborn(BaseContentNegotiation):
    select_parser = fall_over
    select_renderer = fall_over
