"""One run of the demo, when servers are up: prepare, play the sample orders, report, serve.

Limits: orders the parts; each does its own work.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.management import call_command

from . import former, people, report, restaurants, visitors
from .kitchen import Kitchen, listening
from .onboardings import Onboarding, mails_in, onboardings
from .outcomes import Outcome, figures, outcomes
from .processes import Children
from .sample import sample_orders
from .simulation import play
from .stage import LOOK_SECONDS, Stage

DEADLINE_SECONDS = 110
"""When all must have ended, after which the demo tells what has not."""

SHOWN = ("rejects", "lapses", "accepts")
"""The couriers of the order whose journey is told: one that shows much."""


class Run:
    def __init__(self, folder: Path, site_port: int, kitchen_port: int) -> None:
        self.began = time.monotonic()
        self.out = report.console()
        self.folder = folder
        self.site_port = site_port
        self.kitchen_port = kitchen_port
        self.site = f"http://127.0.0.1:{site_port}"
        self.orders = sample_orders()
        self.kitchen = Kitchen(folder / "webhooks.jsonl")
        self.former: list[str] = []

    def prepare(self) -> None:
        """Migrate, load people and restaurants, and begin what the release before has left."""
        self.out.print(f"Starting on {self.site}/; logs in {report.short(self.folder)}")
        call_command("migrate", verbosity=0)
        visitors.draw()
        people.load(self.orders, f"http://127.0.0.1:{self.kitchen_port}")
        self.former = former.begin()

    def main_job(self, processes: Children) -> bool:
        """Play all orders, report, and return whether each ended as it must, and each customer's onboarding."""
        began = time.monotonic()
        stage = asyncio.run(self.play(processes))
        seconds = time.monotonic() - began
        found = outcomes(stage.placed, stage.surprises)
        mails = mails_in(self.folder / "mail")
        welcomed = onboardings(stage.placed, self.former, mails)
        for text in stage.failed:
            self.out.print(text, style="bold red", markup=False)
        self.report(found, welcomed, mails.total(), seconds)
        return len(found) == len(self.orders) and all(one.as_expected for one in (*found, *welcomed))

    async def play(self, processes: Children) -> Stage:
        """Let the people act until all orders and onboardings have ended, or the deadline has passed.

        Meanwhile former customers' onboardings are upgraded.
        """
        waiting = bool(self.former)
        deadline, ended = time.monotonic() + DEADLINE_SECONDS, asyncio.Event()
        stage = Stage(self.site, settings.ORDERS_SECONDS_PER_MINUTE)
        self.kitchen.told = partial(restaurants.told, stage)
        async with listening(self.kitchen, self.kitchen_port):
            playing = asyncio.create_task(play(stage, self.orders, ended))
            with report.meter(self.out, len(self.orders)) as meter:
                while not playing.done() and time.monotonic() < deadline:
                    processes.check(meter.tell)
                    at = await sync_to_async(figures)(list(stage.placed), self.former)
                    if waiting and at.placed >= former.BESIDE:
                        waiting = False
                        upgraded = await sync_to_async(former.upgrade)()
                        meter.tell(f"{upgraded} onboardings of version 1 were upgraded, beside all this.")
                    over = at.ended + len(stage.failed) == len(self.orders) and at.onboarded == at.served
                    meter.show(at, last=over)
                    if over:
                        await stage.settle()
                        break
                    await asyncio.sleep(LOOK_SECONDS / 2)
            ended.set()
            await playing
        return stage

    def report(self, found: list[Outcome], welcomed: list[Onboarding], mails: int, seconds: float) -> None:
        """Print one order's journey, the outcomes, what went wrong, and where to look further."""
        if not found:
            return
        shown = next((one for one in found if one.sample.script.couriers == SHOWN), found[0])
        who = shown.sample.customer
        title = f"{who.name} orders at {shown.sample.restaurant}: order {shown.order.pk}, flow {shown.sample.flow}"
        self.out.print(report.journey(shown.order, title))
        self.out.print(report.table_of_outcomes(found))
        report.failures(self.out, found)
        good = sum(one.as_expected for one in found)
        sent = sum(self.kitchen.keys.values())
        self.out.print(
            f"[bold]{good} of {len(self.orders)} orders ended as they must[/], in {seconds:.0f} s "
            f"({time.monotonic() - self.began:.0f} s with the start)."
        )
        report.welcomes(self.out, welcomed, settings.ORDERS_SECONDS_PER_DAY)
        self.out.print(f"Outside the database: {sent} webhooks under {len(self.kitchen.keys)} keys, {mails} e-mails.\n")
        self.out.print(report.addresses(self.site, self.folder, found))

    def serve(self, processes: Children) -> None:
        """Hand the town over to visitors, and keep the site up until a signal ends the demo."""
        visitors.hand_over()
        self.out.print(f"\n[bold]Now it is your turn: open {self.site}/[/]")
        self.out.print(
            "Order as Amara Okafor at Pho 79, cook as Pho 79, deliver as Ines Duarte: each click opens a window."
        )
        self.out.print("The site stays up until Ctrl-C.")
        while True:
            processes.check(self.out.print)
            time.sleep(LOOK_SECONDS)
