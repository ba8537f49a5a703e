"""An app whose machines the engine's tests drive."""

from django.apps import AppConfig


class ExamplesConfig(AppConfig):
    name = "tests.examples"
    label = "examples"
