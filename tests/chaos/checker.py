"""Prove that nothing was lost and nothing doubled, from the tables, the ledger and the published definitions alone.

`complaints` returns what is wrong, in sentences with the evidence; an empty list is the proof. It imports nothing of
the engine or of the orders. Limits: guards are not evaluated (a transition is right where the definition allows it);
delays that the data decide are known here for the machines of the run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from .evidence import Evidence, Row
from .statechart import Outcome, Statechart

CLOCK_SECONDS = 0.002
"""How far the clocks of two processes of one machine are read apart."""

DELAYS: dict[str, Callable[[Row], float]] = {
    "restaurant_patience": lambda data: 20 * data["seconds_per_minute"],
    "courier_patience": lambda data: 15 * data["seconds_per_minute"],
    "prep_time": lambda data: data["acceptance"]["prep_minutes"] * data["seconds_per_minute"],
    "one_day": lambda data: data["seconds_per_day"],
}
"""The machines' named delays, in seconds, worked out from their data once more."""

QUIET: dict[str, Callable[[Row], bool]] = {
    "orders.offer_to_courier": lambda data: data["offers"][-1]["courier"] is None,  # nobody was there to be asked
    "orders.get_acquisition_channel": lambda data: True,  # it only looks something up
    "orders.start_onboarding": lambda data: True,  # its trace is an instance: see `onboardings`
}
"""Effects that leave no line in the ledger, by their input."""

ENDED = ("done", "cancelled")
OPEN = ("waiting", "running", "cancelling", "pending", "ran")


def complaints(evidence: Evidence) -> list[str]:
    """Return everything that is wrong."""
    checks = (instances, effects, ledger, requests, places, onboardings, counters)
    return [complaint for check in checks for complaint in check(evidence)]


def instances(evidence: Evidence) -> Iterator[str]:
    """Every instance ended, by a linear history each step of which its published definition allows."""
    for instance in evidence.instances:
        who = f"{instance['machine']} {instance['key']} (instance {instance['id']})"
        entries = evidence.entries[instance["id"]]
        if instance["status"] != "done":
            yield f"{who} has not ended: it is {instance['status']} in {instance['state']!r}."
        sequences = [entry["sequence"] for entry in entries]
        if sequences != list(range(1, len(entries) + 1)):
            yield f"{who}: its history is not linear: {told_twice(sequences)}."
            continue
        if instance["sequence"] != len(entries) or instance["configuration"] != entries[-1]["target"]:
            where = f"{instance['configuration']} at {instance['sequence']}"
            yield f"{who}: the row is in {where}, its history ends with {entries[-1]}."
        for before, after in pairwise(entries):
            if after["source"] != before["target"] or after["at"] < before["at"]:
                yield f"{who}: entry {after['sequence']} does not go on where entry {before['sequence']} ended."
        for one in History(evidence, instance, entries).wrong():
            yield f"{who}: {one}"


class History:
    """One instance's entries, held against the definition: transitions, the effects they ask for, timers."""

    def __init__(self, evidence: Evidence, instance: Row, entries: list[Row]) -> None:
        self.instance = instance
        self.entries = entries
        self.chart: Statechart = evidence.charts[instance["machine"], instance["version"]]
        self.stored = {known["name"]: id for id, known in self.chart.effects.items()}
        self.rows = evidence.effects_of[instance["id"]]
        self.armed: dict[str, tuple[float, float]] = {}

    def wrong(self) -> Iterator[str]:
        for entry in self.entries:
            asked = Counter(
                (self.stored[row["name"]], row["invocation"])
                for row in self.rows
                if row["sequence"] == entry["sequence"]
            )
            source, target = self.chart.leaves(entry["source"]), self.chart.leaves(entry["target"])
            possible = [
                outcome
                for outcome in self.chart.outcomes(source, entry["event"])
                if outcome.moved and self.chart.leaves(node.path for node in outcome.target) == target
            ]
            if not possible:
                yield f"entry {entry['sequence']}: {entry['event']} cannot lead from {set(source)} to {set(target)}."
                return
            fitting = [outcome for outcome in possible if outcome.effects == asked]
            if not fitting:
                which = f"entry {entry['sequence']} ({entry['event']})"
                yield f"{which} asks for the effects {dict(possible[0].effects)}, there are {dict(asked)}."
            yield from self.timer(entry)
            self.arm(entry, (fitting or possible)[0])
        if strangers := {row["sequence"] for row in self.rows} - {entry["sequence"] for entry in self.entries}:
            yield f"it has effects of entries {strangers}, which are not in its history."

    def timer(self, entry: Row) -> Iterator[str]:
        """A timer fires once, when it is due, and never after its state was left."""
        if entry["actor_kind"] != "timer":
            return
        name = entry["actor_id"]
        since = self.armed.pop(name, None)
        if since is None:
            yield f"entry {entry['sequence']}: the timer {name} fired, but it was not set (any more)."
        elif entry["seconds"] < sum(since) - CLOCK_SECONDS:
            early = sum(since) - entry["seconds"]
            yield f"entry {entry['sequence']}: the timer {name} fired {early:.3f} s too early."

    def arm(self, entry: Row, outcome: Outcome) -> None:
        """Note what an entry set and cancelled."""
        for path in outcome.left:
            for name in self.chart.by_path[path].timers():
                self.armed.pop(name, None)
        for name in outcome.cancels:
            self.armed.pop(name, None)
        active = {node.path for node in outcome.target}
        for path in outcome.entered:
            for name, delay in self.chart.by_path[path].timers().items() if path in active else ():
                self.armed[name] = entry["seconds"], self.seconds(delay)
        for name, _, delay in outcome.sends:
            if delay is not None:
                self.armed[name] = entry["seconds"], self.seconds(delay)

    def seconds(self, delay: Any) -> float:
        if str(delay).replace(".", "", 1).isdecimal():
            return float(delay) / 1000
        return DELAYS[delay](self.instance["data"])


def effects(evidence: Evidence) -> Iterator[str]:
    """Every effect ended once: what ran was applied, and a result that a state waited for is in its history once."""
    for effect in evidence.effects:
        who = name_of(effect)
        if effect["status"] in OPEN or effect["needs_attention"] or effect["ended_at"] is None:
            yield f"{who} has not ended: {effect['error'] or 'no error'}."
        if effect["status"] in ("applied", "failed") and effect["ran_at"] is None:
            yield f"{who} was {effect['status']}, though nobody committed that it ran."
        if effect["status"] == "failed" and guarantee(evidence, effect) != "at_most_once":
            yield f"{who} failed for good: {effect['error'][-300:]}"
        if not effect["invocation"]:
            continue
        kind = {"applied": "done", "failed": "error"}.get(effect["status"])
        told = [
            entry
            for entry in evidence.entries[effect["instance_id"]]
            if entry["at"] == effect["ended_at"] and entry["event"].endswith(f".actor.{effect['invocation']}")
        ]
        wanted = [f"xstate.{kind}.actor.{effect['invocation']}"] if kind else []
        if (found := [entry["event"] for entry in told]) != wanted:
            yield f"{who}: its history tells {found or 'nothing'} of it, it should tell {wanted or 'nothing'}."
    for instance, entries in evidence.entries.items():
        completions = sum(".actor." in entry["event"] for entry in entries)
        ended = sum(
            row["status"] in ("applied", "failed") and bool(row["invocation"]) for row in evidence.effects_of[instance]
        )
        if completions != ended:
            yield f"instance {instance}: {completions} completions in its history, of {ended} effects."
    for timer in evidence.timers:
        yield f"timer {timer['name']} of instance {timer['instance_id']} was left behind, due at {timer['due_at']}."


def ledger(evidence: Evidence) -> Iterator[str]:
    """What the world saw was asked for by a committed entry, as often as attempts say; what was applied, it saw."""
    rows = {row["key"]: row for row in evidence.effects}
    for key, lines in evidence.done.items():
        row = rows.get(key)
        if row is None:
            yield f"the ledger has {lines[0]['by']} under the key {key}, which no committed effect has."
            continue
        who, most = name_of(row), 1 if guarantee(evidence, row) == "at_most_once" else row["attempts"]
        if lines[0]["at"] < row["created"] - CLOCK_SECONDS:
            yield f"{who} started before the transition that asked for it."
        if len(lines) > most:
            yield f"{who} ran {len(lines)} times, at most {most} can be."
        attempts = Counter(line["attempt"] for line in lines if "attempt" in line)
        if attempts and max(attempts.values()) > 1:
            yield f"{who} ran twice as one attempt: {dict(attempts)}."
    for fault in evidence.faults:
        row = rows.get(fault.get("key", ""))
        known = fault["point"].startswith("after a result is committed") and row is not None
        if known and (row["attempts"] > fault["attempt"] or row["status"] == "failed"):
            yield f"{name_of(row)} was not left at attempt {fault['attempt']}, whose result was committed."
    for key, row in rows.items():
        quiet = QUIET.get(row["name"], lambda data: False)
        if row["status"] == "applied" and key not in evidence.done and not quiet(row["input"]):
            yield f"{name_of(row)} was applied, but the ledger does not know of it."


def requests(evidence: Evidence) -> Iterator[str]:
    """What a client was told is so: accepted, it is in the history exactly once; refused, it is not. No stranger is."""
    entries = {(str(id), entry["sequence"]): entry for id, every in evidence.entries.items() for entry in every}
    accounted: Counter[tuple[str, int]] = Counter()
    for asked in evidence.asked:
        if asked["event"] == "complete":
            continue
        who = f"{asked['event']} of {asked['user']} (key {asked['key']}, {asked['tries']} tries)"
        if asked["status"] == 0:
            yield f"{who} was never answered."
        if asked["event"] in ("place", "create"):
            continue
        records = evidence.requests[asked["key"]]
        accepted = asked["status"] == 200
        if asked["status"] != 0 and len(records) != accepted:
            yield f"{who} was answered {asked['status']}, and is recorded {len(records)} times."
        for record in records:
            place = record["target"], record["answer"]["sequence"]
            accounted[place] += 1
            entry = entries.get(place)
            user = evidence.users.get(asked["user"], asked["user"])
            if entry is None or (entry["event"], entry["actor_kind"], entry["actor_id"]) != (
                asked["event"],
                "user",
                user,
            ):
                yield f"{who} was accepted as entry {place}, which is {entry and entry['event']}."
    for place, entry in entries.items():
        client = entry["actor_kind"] == "user" and entry["event"] != "xstate.init" and ".actor." not in entry["event"]
        if client and accounted[place] != 1:
            yield f"entry {place} ({entry['event']}) is the event of {accounted[place]} requests of clients."


def places(evidence: Evidence) -> Iterator[str]:
    """An order that a client has an answer for was placed once, by that request; chaos's instances likewise."""
    orders = Counter(order["request_key"] for order in evidence.orders)
    sent = {asked["key"] for asked in evidence.asked if asked["event"] == "place"}
    keys = Counter((row["machine"], row["key"]) for row in evidence.instances)
    for asked in evidence.asked:
        if asked["event"] == "place" and orders[asked["key"]] != (asked["status"] == 201):
            yield f"an order answered by {asked['status']} (key {asked['key']}) is there {orders[asked['key']]} times."
        if (
            asked["event"] == "create"
            and keys[f"chaos.{asked['path'].split('/')[2]}", asked["path"].split("/")[3]] != 1
        ):
            yield f"{asked['path']} was answered by {asked['status']}, and is not there."
    for order in evidence.orders:
        if order["request_key"] not in sent or order["instance_id"] is None:
            yield f"order {order['id']} is nobody's, or has no instance."


def onboardings(evidence: Evidence) -> Iterator[str]:
    """Whoever had an order delivered is onboarded once, and each of these orders is told of at most once."""
    delivered: dict[str, set[int]] = {}
    for order in evidence.orders:
        if order["state"] == "delivered":
            delivered.setdefault(str(order["customer_id"]), set()).add(order["id"])
    begun = {row["key"]: row["data"] for row in evidence.instances if row["machine"] == "orders.onboarding"}
    if begun.keys() != delivered.keys():
        odd = sorted(begun.keys() ^ delivered.keys())
        yield f"customers {odd} are onboarded without a delivered order, or the other way round."
    for user, data in begun.items():
        if len(set(data["orders"])) != len(data["orders"]) or not set(data["orders"]) <= delivered.get(user, set()):
            yield f"the onboarding of {user} knows the orders {data['orders']}, of {delivered.get(user)}."


def counters(evidence: Evidence) -> Iterator[str]:
    """No update is lost: a count is the number of its events; an errand's result is its own effect's."""
    for row in evidence.instances:
        entries = evidence.entries[row["id"]]
        if row["machine"] == "chaos.counter":
            counted = sum(entry["event"] == "count" for entry in entries)
            if row["data"]["count"] != counted:
                yield f"counter {row['key']} counts {row['data']['count']}, its history {counted}."
        if row["machine"] == "chaos.errand" and row["state"] != "failed":
            key = next(
                (effect["key"] for effect in evidence.effects_of[row["id"]] if effect["invocation"] == "fetch"), ""
            )
            if row["data"]["fetched"] != f"fetched by {key}":
                yield f"errand {row['key']} has the result {row['data']['fetched']!r}, not that of {key}."


def told_twice(sequences: list[int]) -> str:
    """Say what is wrong with sequences that should be 1, 2, 3…"""
    twice = [number for number, count in Counter(sequences).items() if count > 1]
    missing = sorted(set(range(1, max(sequences, default=0) + 1)) - set(sequences))
    return f"twice {twice}, missing {missing}, {len(sequences)} entries"


def guarantee(evidence: Evidence, effect: Row) -> str:
    for chart in evidence.charts.values():
        for known in chart.effects.values():
            if known["name"] == effect["name"]:
                return str(known["guarantee"])
    raise LookupError(f"No definition names the effect {effect['name']}.")


def name_of(effect: Row) -> str:
    return (
        f"effect {effect['name']} of instance {effect['instance_id']}, entry {effect['sequence']} "
        f"(key {effect['key']}, {effect['status']}, {effect['attempts']} attempts)"
    )
