"""The onboarding workflow, version 2, as its figure draws it: what brought the customer, a welcome, a day, a reminder.

Instances of version 1 follow when they go on (`orders/machine_versions/onboarding`). Ours, beside the figure: the
customer may unsubscribe at any time, further orders are noted, and whom no e-mail reaches is not waited for.
Limits: the definition; what it names stands in `data` (pure) and `effects` (the world).
"""

from statemachines import After, Final, Invoke, Machine, On, State

from .data import OnboardingData, OrderedAgain, Unsubscribed, add_order, one_day, record_channel
from .effects import get_acquisition_channel, send_first_drip_email, send_welcome_email

onboarding = Machine(
    "onboarding",
    State(
        "get_acquisition_channel",
        Invoke(
            get_acquisition_channel,
            "send_welcome_email",
            do=record_channel,
            error="send_welcome_email",
            label="acquisition channel received",
        ),
        description="We look up what brought the customer to us; the welcome depends on it.",
    ),
    State(
        "send_welcome_email",
        Invoke(send_welcome_email, "await_first_drip_email", error="unreachable", label="sent welcome email"),
        description="The customer is welcomed.",
    ),
    State(
        "await_first_drip_email",
        After(one_day, "send_first_drip_email"),
        description="The customer is left in peace for a day.",
    ),
    State(
        "send_first_drip_email",
        Invoke(send_first_drip_email, "onboarded", error="unreachable", label="sent first drip email"),
        description="The customer is reminded of us.",
    ),
    On(Unsubscribed, ".unsubscribed"),
    On(OrderedAgain, do=add_order),
    Final("onboarded", tags=["ended"], description="The customer knows us."),
    Final("unsubscribed", tags=["ended"], description="The customer wants no e-mails."),
    Final("unreachable", tags=["ended"], description="No e-mail reaches the customer."),
    version=2,
    data=OnboardingData,
    description="What a new customer hears from us after their first delivered order.",
)
