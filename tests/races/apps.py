"""An app whose machines several processes drive at once."""

from django.apps import AppConfig


class RacesConfig(AppConfig):
    name = "tests.races"
    label = "races"
