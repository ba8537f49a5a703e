"""A process that dies at one of the engine's fault points: `python -m tests.chaos.victim POINT ACT PK [KEY]`.

Acts: `send` sends Go to the instance under an idempotency key, `effect` runs the effect, `timer` fires the timer. It
ends by SIGKILL at the point, or with exit code 0 where it did not come there.
"""

from __future__ import annotations

import os
import signal
import sys

import django
from django.conf import settings


def main() -> None:
    point, act, pk, *key = sys.argv[1:]
    django.setup()
    settings.STATEMACHINES = {**settings.STATEMACHINES, "DISPATCHER": "statemachines.engine.dispatch.SweepOnly"}
    from statemachines.engine import faults, outbox, send, timers
    from tests.examples.machines import Go

    def die(reached: str) -> None:
        if reached == point:
            os.kill(os.getpid(), signal.SIGKILL)

    faults.hook = die
    match act:
        case "send":
            send(int(pk), Go(), system=True, idempotency_key=key[0])
        case "effect":
            outbox.run_effect(int(pk), "default")
        case "timer":
            timers.fire_timer(int(pk), "default")


if __name__ == "__main__":
    main()
