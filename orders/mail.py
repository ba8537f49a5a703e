"""E-mails that may be sent twice and are shown once, for effects run at least once.

Limits: plain text, to one address, from the project's DEFAULT_FROM_EMAIL.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from .conf import site_address


def mail(to: str, subject: str, template: str, context: Mapping[str, object], key: str) -> None:
    """Send an e-mail whose Message-ID is made of the idempotency key: mail programs show a second one only once."""
    body = render_to_string(template, {**context, "site": site_address()})
    EmailMessage(subject, body, to=[to], headers={"Message-ID": f"<{key}@orders>"}).send()
