"""Fire timers: each once, never early, never after its state was left.

Limits: which are due is found by the sweep; a timer that was replaced or cancelled since fires nothing.
"""

from __future__ import annotations

from statemachines.core.border import event_from
from statemachines.core.events import Actor
from statemachines.models import Timer

from .transaction import Driven, drive


def fire_timer(pk: int, using: str) -> bool:
    """Deliver a timer's event to its instance, where it is still set and due. Return whether it was.

    Raises what the machine's functions raise; the timer then stays and is tried again.
    """
    timers = Timer.objects.using(using)
    instance = timers.filter(pk=pk).values_list("instance_id", flat=True).first()
    if instance is None:
        return False

    def work(driven: Driven) -> bool:
        timer = timers.filter(pk=pk).first()
        if timer is None or timer.due_at > driven.now:
            return False
        driven.timers_gone.add(timer.name)
        event = event_from(driven.machine, timer.event, timer.payload)
        driven.take(event, Actor("timer", timer.name, "timer"), "timer", refusable=False)
        return True

    return drive(instance, using, work)
