"""Puts the host's own site in the place of the stock admin's."""

from django.contrib.admin.apps import AdminConfig


class OfficeConfig(AdminConfig):
    default_site = "tests.host.lamps.sites.Office"
