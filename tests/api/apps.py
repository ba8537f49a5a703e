"""An app whose machine the tests of the REST API drive."""

from django.apps import AppConfig


class HelpdeskConfig(AppConfig):
    name = "tests.api"
    label = "helpdesk"
