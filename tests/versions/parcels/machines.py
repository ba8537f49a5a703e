"""A parcel on its way, as it was before somebody changed it."""

from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from statemachines import After, Final, Machine, On, State
from statemachines.registry import register


class Parcel(Struct, frozen=True):
    address: str
    scans: int = 0


def count_scan(data: Parcel) -> Parcel:
    return replace(data, scans=data.scans + 1)


parcel = Machine(
    "parcel",
    State("packed", On("stamp", "stamped")),
    State("stamped", On("collect", "in_transit")),
    State(
        "in_transit",
        On("scan", do=count_scan),
        On("deliver", "delivered"),
        After(timedelta(days=3), "lost"),
    ),
    Final("delivered"),
    Final("lost"),
    data=Parcel,
)

register(parcel)
