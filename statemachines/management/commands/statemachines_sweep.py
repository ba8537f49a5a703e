"""Do the work of Beat and its workers in one process: for projects without Celery, or while its workers are down.

Limits: one thing after another, so a slow effect delays what comes after it; several such processes share the work.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, close_old_connections, connections, router

from statemachines import conf
from statemachines.engine import clock, jobs
from statemachines.engine.dispatch import together
from statemachines.engine.outbox import run_effect
from statemachines.engine.sweep import Swept, claim, record, tidy
from statemachines.engine.timers import fire_timers
from statemachines.models import MachineInstance

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Fire the timers and run the effects that are due, in this process, without Celery."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--loop", action="store_true", help="go on until SIGINT or SIGTERM")
        parser.add_argument("--using", metavar="ALIAS", help="the database; by default the one that the app writes to")

    def handle(self, *, loop: bool, using: str | None, **options: Any) -> None:
        """Sweep once; with `loop` every interval, and at once again while there is more to do."""
        alias = using or router.db_for_write(MachineInstance)
        if alias not in connections:
            raise CommandError(f"There is no database {alias!r}; name one of: {', '.join(connections)}.")
        stop = stop_signal() if loop else threading.Event()
        total: Counter[str] = Counter()
        while True:
            done = survived(sweep, alias, stop) if loop else sweep(alias, stop)
            total += done
            if told(done):
                self.stdout.write(told(done))
            if not loop or stop.is_set():
                break
            if not done["timers fired"] + done["effects ended"]:
                stop.wait(conf.get("SWEEP_INTERVAL_SECONDS"))
        if loop:
            self.stdout.write(f"Stopped. {told(total) or 'Nothing was due'}.")


def sweep(using: str, stop: threading.Event) -> Counter[str]:
    """Claim a batch and do it: due timers, effects, then what is due before the next sweep, each at its time.

    What raises is logged. After `stop` no further effect is begun; the claimed timers still fire. What is
    kept for some time only goes too, and acts on many instances are done, as by Beat's sweep and its workers.
    """
    done: Counter[str] = Counter()
    claimed = claim(using)
    tidy(claimed.now, using)
    work = [(at, "", pks) for at, pks in together(claimed.timers, claimed.now)]
    work += [(max(at, claimed.now), "effect", [pk]) for pk, _, at in claimed.effects]
    for due_at, effect, pks in sorted(work):
        if not effect or not stop.is_set():
            wait_until(due_at, using)
            done += ran(pks[0], using) if effect else fired(pks, using)
    for pk in jobs.claim(using):
        while jobs.run(pk, using) and not stop.is_set():
            pass
    record(Swept(len(claimed.timers), len(claimed.effects)), using)
    return done


def fired(pks: list[int], using: str) -> Counter[str]:
    """Fire timers; return how they are counted."""
    count = fire_timers(pks, using)
    return Counter({"timers fired": count, "timers not fired": len(pks) - count})


def ran(pk: int, using: str) -> Counter[str]:
    """Run an effect; return how it is counted."""
    try:
        return Counter({"effects ended" if run_effect(pk, using) else "effects not ended": 1})
    except Exception:
        logger.exception("The effect %s failed; the sweep will try it again.", pk)
        return Counter(errors=1)


def survived(work: Callable[[str, threading.Event], Counter[str]], using: str, stop: threading.Event) -> Counter[str]:
    """Outlive a database that is away: its connection is made anew at the next sweep."""
    close_old_connections()
    try:
        return work(using, stop)
    except DatabaseError:
        logger.exception("The database %s cannot be swept now; trying again.", using)
        return Counter({"errors": 1})


def wait_until(due_at: datetime, using: str) -> None:
    """Sleep until a time of the database's clock, which decides whether a timer is early."""
    while (left := (due_at - clock.now(using)).total_seconds()) > 0:
        time.sleep(left)


def stop_signal() -> threading.Event:
    """Return what SIGINT or SIGTERM sets; a second one ends the process as if this were not here."""
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, ask)
    return stop


def told(done: Counter[str]) -> str:
    """Return what was done, as a line."""
    return ", ".join(f"{what}: {number}" for what, number in done.items() if number)
