"""An e-mail backend whose mails are lines of the ledger."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from .world import ledger


class LedgerBackend(BaseEmailBackend):
    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        for message in messages:
            key = message.extra_headers["Message-ID"].strip("<>").partition("@")[0]
            ledger().write("effect", by="mail", key=key, to=message.to[0], subject=message.subject)
        return len(messages)
