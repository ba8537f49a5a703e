"""The onboardings that orders began, of now or of a release before: how they ended, with which e-mails, and must have.

Limits: reads, the database and the e-mails' files. What an earlier run began on the same database is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from orders.mailbox import mailbox
from orders.models import Order
from orders.onboarding.data import OnboardingData
from orders.onboarding.effects import FIRST_DRIP, WELCOME
from orders.onboarding.machine import onboarding
from orders.onboarding.start import NAME
from statemachines.models import MachineInstance
from statemachines.querysets import MachineInstanceQuerySet

from .customers import UNSUBSCRIBER

Mails = Counter[tuple[str, str]]


@dataclass(frozen=True)
class Onboarding:
    """A customer's onboarding, and how often they got which e-mail of it, by subject. `begun`: by which version."""

    begun: int
    version: int
    state: str
    data: OnboardingData
    mails: dict[str, int]

    @property
    def expected(self) -> tuple[str, dict[str, int]]:
        if self.data.name == UNSUBSCRIBER:
            return "unsubscribed", {WELCOME: 1}
        return "onboarded", {WELCOME: 1, FIRST_DRIP: 1}

    @property
    def as_expected(self) -> bool:
        return (self.state, self.mails) == self.expected and self.version == onboarding.version


def onboardings(placed: Collection[int], former: Collection[str], mails: Mails) -> list[Onboarding]:
    """Return the onboardings that these orders began, and those of former customers, with what was sent for each."""
    found = []
    for instance in of_customers([*served(placed), *former]).order_by("pk"):
        data = instance.snapshot().data
        if instance.key in former or data.orders[0] in placed:
            begun = instance.entries.earliest("sequence").version
            got = {subject: mails[data.email, subject] for subject in (WELCOME, FIRST_DRIP)}
            sent = {subject: count for subject, count in got.items() if count}
            found.append(Onboarding(begun, instance.version, instance.state, data, sent))
    return found


def served(placed: Collection[int]) -> list[str]:
    """Return the customers who have got one of these orders at least, by the keys of their onboardings."""
    delivered = Order.objects.filter(pk__in=placed).in_state("delivered").order_by()
    return [str(pk) for pk in delivered.values_list("customer", flat=True).distinct()]


def of_customers(keys: Collection[str]) -> MachineInstanceQuerySet:
    return MachineInstance.objects.of(NAME).filter(key__in=keys)


def ended(keys: Collection[str]) -> int:
    """Count the customers whose onboarding has ended."""
    return of_customers(keys).filter(status=MachineInstance.Status.DONE).count()


def mails_in(folder: Path) -> Mails:
    """Count the e-mails in files by addressee and subject; one sent twice counts once."""
    return Counter((str(mail["To"]), str(mail["Subject"])) for mail in mailbox(folder))
