"""`python -m parcels.traffic begin N` begins N parcels in each state; `… scan FILE` scans those that are moved.

Until the file is gone; what is refused, as this release does not know its version, is tried again. At the end it prints
how many scans were taken. Limits: moved are those whose key begins with "moved".
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from pathlib import Path

import django

django.setup()

from statemachines.engine import create, send  # noqa: E402 (models need the settings)
from statemachines.exceptions import UnknownVersion  # noqa: E402
from statemachines.models import MachineInstance  # noqa: E402

from .machines import Parcel, parcel  # noqa: E402


def begin(count: int) -> None:
    for number in range(count):
        for key, events in (("packed", []), ("stamped", ["stamp"]), ("moved", ["stamp", "collect"])):
            one = create(parcel, f"{key}-{number}", data=Parcel("Meent 12"), system=True)
            for event in events:
                send(one, event, system=True)


def scan(file: Path) -> int:
    taken = 0
    moved = list(MachineInstance.objects.filter(key__startswith="moved").values_list("pk", flat=True))
    while file.exists():
        time.sleep(0.01)  # there are other things to do on this machine
        for pk in moved:
            with suppress(UnknownVersion):
                taken += send(pk, "scan", system=True).sequence > 0
    return taken


if sys.argv[1] == "begin":
    begin(int(sys.argv[2]))
else:
    print(scan(Path(sys.argv[2])))
