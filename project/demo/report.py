"""What the demo shows: progress, one order's journey, outcomes, the onboardings, and where to look further.

On a terminal the progress moves; in a pipe it is a line every few seconds. Limits: shows values, decides nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from django.utils.timezone import localtime
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from orders.models import Order
from statemachines.models import HistoryEntry

from .onboardings import Onboarding
from .outcomes import Figures, Outcome, effects_by_sequence, plain
from .people import COURIERS, PASSWORD, login_of

PIPE_WIDTH = 120
LINE_SECONDS = 5.0


def console() -> Console:
    """Return where to print: as wide as the terminal, and of a fixed width in a pipe."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


class Meter:
    """The progress of the main job."""

    def __init__(self, out: Console, total: int) -> None:
        self.out = out
        self.total = total
        self.started = self.last = time.monotonic()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self.progress = Progress(*columns, console=out, transient=True, disable=not out.is_terminal)
        self.task = self.progress.add_task("orders", total=total)

    def show(self, at: Figures, *, last: bool) -> None:
        """Show the figures; the last ones in any case."""
        told = f"{at.placed} placed, {at.placed - at.ended} under way, {at.delivered} delivered, {at.canceled} canceled"
        told += f"; {at.onboarded} of {at.served} customers onboarded"
        self.progress.update(self.task, completed=at.ended, description=told)
        now = time.monotonic()
        if not self.out.is_terminal and (now - self.last >= LINE_SECONDS or last):
            self.last = now
            self.out.print(f"{now - self.started:4.0f} s  {told}")

    def tell(self, text: str) -> None:
        """Print a line without breaking the bar."""
        self.progress.console.print(text, style="yellow")


@contextmanager
def meter(out: Console, total: int) -> Iterator[Meter]:
    made = Meter(out, total)
    with made.progress:
        yield made


def journey(order: Order, title: str) -> Table:
    """Tell an order's way: each transition with its time, event, states, actor and effects."""
    table = plain_table(title)
    for heading in ("when", "event", "from", "to", "who", "effects"):
        table.add_column(heading, overflow="fold")
    effects = effects_by_sequence(order)
    entries: Sequence[HistoryEntry] = list(order.instance.entries.all())
    for entry in entries:
        table.add_row(
            f"{localtime(entry.at):%H:%M:%S.%f}"[:-5],
            event(entry),
            leaf(entry.source),
            leaf(entry.target),
            entry.actor_label if entry.actor_kind == "user" else entry.actor_kind,
            "\n".join(effects.get(entry.sequence, ())),
        )
    return table


def plain_table(title: str) -> Table:
    """Make a table without frame: its columns need the width."""
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def event(entry: HistoryEntry) -> str:
    """Name an event with its payload; a timer's by its delay."""
    if entry.event.startswith("xstate.after."):
        return f"⏱ {plain(entry.event)}"
    if entry.event == "xstate.init":
        return "placed"
    return "\n  ".join([entry.event, *(f"{name} {value}" for name, value in entry.payload.items())])


def leaf(paths: Sequence[str]) -> str:
    """Name the innermost active state; which flow it is in, the title says."""
    return paths[-1].rpartition(".")[2] if paths else ""


def table_of_outcomes(outcomes: Sequence[Outcome]) -> Table:
    """Count per flow how orders should end and how they did, by end and by the event that led there."""
    table = plain_table("Outcomes, expected and actual")
    for heading in ("flow", "end", "by"):
        table.add_column(heading)
    for heading in ("expected", "actual", ""):
        table.add_column(heading, justify="right")
    expected = Counter((one.sample.flow, one.sample.expected.end, one.sample.expected.event) for one in outcomes)
    actual = Counter((one.sample.flow, one.end, one.event) for one in outcomes)
    wrong = {(one.sample.flow, one.end, one.event) for one in outcomes if not one.as_expected}
    last = ""
    for key in sorted(expected | actual, key=lambda key: (key[0], key[1] != "delivered", key[1], key[2])):
        flow, end, by = key
        if last and flow != last:
            table.add_section()
        good = key not in wrong and expected[key] == actual[key]
        table.add_row(
            flow if flow != last else "",
            end,
            by,
            str(expected[key]),
            str(actual[key]),
            "[green]✓[/]" if good else "[bold red]✗[/]",
        )
        last = flow
    return table


def failures(out: Console, outcomes: Sequence[Outcome]) -> None:
    """Print each order that did not end as it must, with its history."""
    for one in outcomes:
        if one.as_expected:
            continue
        expected = one.sample.expected
        out.print(
            f"[bold red]Sample {one.sample.number}, order {one.order.pk}[/]: expected {expected.path} by "
            f"{expected.event}, found {one.path} ({one.end}) by {one.event}."
        )
        for surprise in one.surprises:
            out.print(f"  {surprise}", markup=False)
        out.print(journey(one.order, f"History of order {one.order.pk}"))


def welcomes(out: Console, found: Sequence[Onboarding], day_seconds: float) -> None:
    """Tell how the onboardings went, and each that did not go as it must. An earlier run may have made them all."""
    if not found:
        return
    good = [one for one in found if one.as_expected]
    again = sum(len(one.data.orders) > 1 for one in good)
    left = [one.data.name for one in good if one.state == "unsubscribed"]
    out.print(
        f"[bold]{len(good)} of {len(found)} onboardings went as they must[/]: "
        f"a welcome e-mail with the first order, a day ({day_seconds:g} s) later a drip e-mail.\n"
        f"{again} customers had ordered again by then; "
        f"{' and '.join(left) or 'nobody'} unsubscribed in time, and got no drip e-mail."
    )
    if older := [one for one in good if one.begun < one.version]:
        one = older[0]
        out.print(
            f"{len(older)} of them had been begun by version {one.begun}: upgraded while they waited for their day "
            f"({one.data.seconds_per_day:g} s), they ended as version {one.version}, and nobody got an e-mail twice."
        )
    for one in found:
        if not one.as_expected:
            state, mails = one.expected
            text = f"{one.data.name}: expected {state} with {mails}, found {one.state} with {one.mails}"
            text += f" on version {one.version}."
            out.print(text, style="bold red", markup=False)


def addresses(site: str, folder: Path, outcomes: Sequence[Outcome]) -> Table:
    """Tell where to look, and as whom."""
    grid = Table.grid(padding=(0, 2))
    for _ in range(3):
        grid.add_column(overflow="fold")
    customer, restaurant = outcomes[0].sample.customer.name, outcomes[0].sample.restaurant
    for what, where, who in (
        ("admin", f"{site}/admin/", "admin"),
        ("API of a customer", f"{site}/api/customer/orders/", login_of(customer)),
        ("API of a restaurant", f"{site}/api/restaurant/orders/", login_of(restaurant)),
        ("API of a courier", f"{site}/api/courier/deliveries/", login_of(COURIERS[0])),
    ):
        grid.add_row(what, where, f"login {who} / {PASSWORD}")
    grid.add_row("logs", short(folder))
    grid.add_row("e-mails", short(folder / "mail"))
    grid.add_row("webhooks", short(folder / "webhooks.jsonl"))
    return grid


def short(path: Path) -> str:
    """Name a path from where the demo was started, where it lies below that."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
