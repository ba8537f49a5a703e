"""The host's own app."""

from django.apps import AppConfig


class LampsConfig(AppConfig):
    name = "tests.host.lamps"
    label = "lamps"
