"""Events, acts and times as the pages say them.

Limits: a machine's own names are read as words, in the language that they are written in.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from django.utils.text import capfirst
from django.utils.timesince import timesince
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from statemachines.core.events import INIT
from statemachines.core.words import phrase, state_in_words

OPERATORS = {
    INIT: _("Created"),
    "statemachines.force": _("Forced"),
    "statemachines.data": _("Data edited"),
    "statemachines.pause": _("Paused"),
    "statemachines.resume": _("Resumed"),
    "statemachines.cancel": _("Cancelled"),
    "statemachines.upgrade": _("Upgraded"),
    "statemachines.upgrade.revert": _("Upgrade taken back"),
    "statemachines.redact": _("Sensitive data erased"),
    "statemachines.effect.retry": _("Effect retried"),
    "statemachines.effect.skip": _("Effect skipped"),
    "statemachines.effect.result": _("Effect given a result"),
    "statemachines.timer.fire": _("Timer fired by hand"),
    "statemachines.timer.postpone": _("Timer postponed"),
    "statemachines.timer.cancel": _("Timer cancelled"),
}
"""What operators do, and the beginning, as a history names it."""


def event_in_words(name: str) -> str:
    """Name an event of the history or of a timer."""
    if name in OPERATORS:
        return str(OPERATORS[name])
    kind, _dot, rest = name.removeprefix("xstate.").partition(".")
    if name.startswith("xstate.after."):
        return gettext("Time elapsed in %(state)s") % {"state": phrase(rest.rpartition(".")[2])}
    if name.startswith("xstate.done.") or name.startswith("xstate.error."):
        which = phrase(re.sub(r"^(actor|state)\.", "", rest).rpartition(".")[2] or rest)
        told = gettext("%(what)s has ended") if kind == "done" else gettext("%(what)s has failed")
        return capfirst(told % {"what": which})
    return capfirst(phrase(name))


def states_in_words(state: str) -> str:
    """Name active leaves, as an instance's `state` column has them."""
    return capfirst(", ".join(map(state_in_words, filter(None, state.split(", ")))))


def leaves(configuration: list[str]) -> str:
    """Name the innermost of active states."""
    inner = [path for path in configuration if not any(one.startswith(f"{path}.") for one in configuration)]
    return states_in_words(", ".join(inner))


def effect_in_words(name: str) -> str:
    """Name an effect by its stored name."""
    return capfirst(phrase(name.partition(".")[2] or name))


def lasted(duration: timedelta, depth: int = 2) -> str:
    """Say how long something took: "1 hour, 5 minutes", "12 seconds"; `depth` is how many units are told."""
    if duration < timedelta(minutes=1):
        return ngettext("%(count)d second", "%(count)d seconds", duration.seconds) % {"count": duration.seconds}
    start = datetime(2000, 1, 1)
    return timesince(start, start + duration, depth=depth)


def due(at: datetime, now: datetime) -> str:
    """Say when something is due."""
    if at > now:
        return gettext("in %(time)s") % {"time": lasted(at - now)}
    return gettext("overdue by %(time)s") % {"time": lasted(now - at)}
