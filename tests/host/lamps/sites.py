"""An admin site of the host's own, under a name and an address of its own."""

from django.contrib import admin


class Office(admin.AdminSite):
    site_header = "The lamps' office"

    def __init__(self, name: str = "office") -> None:
        super().__init__(name)
