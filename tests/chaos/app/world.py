"""This process's ledger."""

from __future__ import annotations

import os
from functools import cache

from django.conf import settings

from tests.chaos.ledger import Ledger


@cache
def ledger() -> Ledger:
    return Ledger(settings.CHAOS_FOLDER, os.environ.get("CHAOS_ROLE", "process"))
