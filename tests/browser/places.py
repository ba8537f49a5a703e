"""Where the pages are, and a mail server that is not.

Limits: of the app's pages, on the stock admin site.
"""

from __future__ import annotations

from django.urls import reverse

from statemachines.models import MachineInstance

NO_MAIL_SERVER = {
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend", "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": 9,
}  # fmt: skip


def address(name: str, *args: object) -> str:
    """Return the address of one of the app's admin pages."""
    return reverse(f"admin:statemachines_{name}", args=args)


def page_of(instance: MachineInstance, name: str = "change", *args: object) -> str:
    return address(f"machineinstance_{name}", instance.pk, *args)
