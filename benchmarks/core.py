"""`python -m benchmarks.core`: how many events per second of CPU time the core takes, beside XState on node.

Two machines, a flat one and one with nesting, regions and a guard on both; every transition runs one assign, and the
events go round. `hot` steps on live snapshots; `rehydrate` does what a row-based engine does: JSON to snapshot, one
step, back to JSON. XState's own: `hot` is an actor, `pure` its `transition`; the latter rehydrated by `resolveState`.
Rounds are interleaved and the median counts, for other work disturbs both alike.
Without node, only our own numbers are there. Limits: no database; see the engine's benchmark for that.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import msgspec

from statemachines import Machine, Occurrence, On, Parallel, State, and_, in_state
from statemachines.core.interpreter import start, step
from statemachines.core.snapshot import Snapshot
from tests.core.node import CACHE, missing

SCRIPT = Path(__file__).with_name("xstate.mjs")
WARM_UP = 0.3
"""Seconds that a program runs before it is measured."""

OURS = ("hot", "rehydrate")
THEIRS = ("hot", "pure", "rehydrate", "pure_rehydrate")


class Count(msgspec.Struct, frozen=True):
    n: int = 0


def bump(data: Count) -> Count:
    return Count(data.n + 1)


def go(event: str, target: str) -> On[Count]:
    return On(event, target, do=bump)


FLAT = {
    "offer": "placed",
    "accept": "offered",
    "mark_ready": "accepted",
    "offer_courier": "ready",
    "pick_up": "courier_offered",
    "deliver": "on_the_way",
    "reset": "delivered",
}
NESTED = ("pay", "accept", "offer", "assign", "ready", "at_restaurant", "pickup", "arrive", "deliver", "reset")


def flat() -> Machine[Count]:
    sources = list(FLAT.values())
    targets = [*sources[1:], sources[0]]
    states = (State(source, go(event, target)) for (event, source), target in zip(FLAT.items(), targets, strict=True))
    return Machine("order", *states, data=Count)


def nested() -> Machine[Count]:
    both = and_(in_state("active.kitchen.done"), in_state("active.courier.there"))
    return Machine(
        "order",
        State("placed", go("pay", "active")),
        Parallel(
            "active",
            On("pickup", "delivering", when=both, do=bump),
            State(
                "kitchen",
                State("waiting", go("accept", "cooking")),
                State("cooking", go("ready", "done")),
                State("done"),
            ),
            State(
                "courier",
                State("searching", go("offer", "offered")),
                State("offered", go("assign", "assigned")),
                State("assigned", go("at_restaurant", "there")),
                State("there"),
            ),
        ),
        State("delivering", State("on_the_way", go("arrive", "at_door")), State("at_door"), go("deliver", "delivered")),
        State("delivered", go("reset", "placed")),
        data=Count,
    )


CHARTS: dict[str, tuple[Machine[Count], tuple[str, ...]]] = {
    "flat": (flat(), tuple(FLAT)),
    "nested": (nested(), NESTED),
}


def cycle(machine: Machine[Count], names: tuple[str, ...], mode: str) -> Callable[[], None]:
    """Return what takes every event once, and ends where it began."""
    events = [Occurrence(name) for name in names]
    live = start(machine).snapshot
    text = msgspec.json.encode(live)
    encode, decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(Snapshot[Count]).decode

    def hot() -> None:
        nonlocal live
        for event in events:
            live = step(machine, live, event).snapshot
        assert live.configuration == ("placed",)

    def rehydrate() -> None:
        nonlocal text
        for event in events:
            text = encode(step(machine, decode(text), event).snapshot)

    return hot if mode == "hot" else rehydrate


def ours(chart: str, mode: str, seconds: float) -> float:
    """Return our events per second of CPU time."""
    machine, names = CHARTS[chart]
    run = cycle(machine, names, mode)
    count, begun = 0, time.process_time()
    while time.process_time() - begun < WARM_UP:
        run()
    begun = time.process_time()
    while (spent := time.process_time() - begun) < seconds:
        run()
        count += len(names)
    return count / spent


def theirs(chart: str, mode: str, seconds: float) -> float:
    """Return XState's events per second of CPU time."""
    command = ["node", *map(str, (SCRIPT, CACHE, chart, mode, seconds, WARM_UP))]
    return float(json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout))


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=0.5, help="CPU time of one measurement")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    without = missing()
    measures = [("statemachines", ours, OURS), *([] if without else [("XState 5", theirs, THEIRS)])]
    found: dict[tuple[str, str, str], list[float]] = {}
    for _ in range(given.rounds):
        for chart in CHARTS:
            for name, measure, modes in measures:
                for mode in modes:
                    found.setdefault((chart, mode, name), []).append(measure(chart, mode, given.seconds))
    print(f"{'machine':10}{'mode':16}{'engine':16}{'events / CPU s':>15}{'ours / theirs':>15}")
    for (chart, mode, name), rates in found.items():
        mine = median(found[chart, "rehydrate" if "rehydrate" in mode else "hot", "statemachines"])
        ratio = "" if name == "statemachines" else f"{mine / median(rates):.2f}"
        print(f"{chart:10}{mode:16}{name:16}{median(rates):>15,.0f}{ratio:>15}")
    if without:
        print(f"XState was not measured: {without}.")


if __name__ == "__main__":
    main()
