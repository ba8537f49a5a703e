"""The e-mails that Django's file backend wrote, read back: a mailbox for a demo, and the demo's count of its mails.

Limits: reads files; of what was sent twice under one Message-ID, the last is kept.
"""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import cast

BETWEEN = b"\n" + b"-" * 79 + b"\n"
"""What the backend writes after each e-mail; those of one second may share a file."""


def mailbox(folder: Path) -> list[EmailMessage]:
    """Return the e-mails in a folder, each once, in the order of the files' names."""
    texts = [text for file in sorted(folder.glob("*")) for text in file.read_bytes().split(BETWEEN)[:-1]]
    mails = [cast(EmailMessage, message_from_bytes(text, policy=policy.default)) for text in texts]
    return list({str(mail["Message-ID"]): mail for mail in mails}.values())
