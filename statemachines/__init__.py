"""Durable state machines for Django: the names of the definition language.

Importing this loads no Django; the verbs (create, send…) are in `statemachines.engine`.
"""

from .core.definition import (
    After,
    Always,
    Done,
    Entry,
    Exit,
    Failed,
    Final,
    History,
    Initial,
    Invoke,
    On,
    Parallel,
    State,
)
from .core.effects import Failure, Limit, Retry, pending
from .core.errors import DefinitionError, InvalidValue, MachineError, Refuse
from .core.events import Actor, Event, Moment, Occurrence
from .core.functions import action, and_, assign, cancel, effect, fact, guard, in_state, not_, or_, raise_, send
from .core.machine import Machine
from .core.privacy import Sensitive
from .core.times import local_time
from .core.upgrade import Upgrade

__all__ = [
    "Actor",
    "After",
    "Always",
    "DefinitionError",
    "Done",
    "Entry",
    "Event",
    "Exit",
    "Failed",
    "Failure",
    "Final",
    "History",
    "Initial",
    "InvalidValue",
    "Invoke",
    "Limit",
    "Machine",
    "MachineError",
    "Moment",
    "Occurrence",
    "On",
    "Parallel",
    "Refuse",
    "Retry",
    "Sensitive",
    "State",
    "Upgrade",
    "action",
    "and_",
    "assign",
    "cancel",
    "effect",
    "fact",
    "guard",
    "in_state",
    "local_time",
    "not_",
    "or_",
    "pending",
    "raise_",
    "send",
]
