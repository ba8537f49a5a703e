"""The onboarding workflow, version 1, as its figure draws it: a welcome e-mail, a day, the first drip e-mail.

Ours, beside the figure: the customer may unsubscribe at any time, further orders are noted, and whom no e-mail reaches
is not waited for. Limits: the definition; what it names stands in `data` (pure) and `effects` (the world).
"""

from statemachines import After, Final, Invoke, Machine, On, State

from .data import OnboardingData, OrderedAgain, Unsubscribed, add_order, one_day
from .effects import send_first_drip_email, send_welcome_email

onboarding = Machine(
    "onboarding",
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
    version=1,
    data=OnboardingData,
    description="What a new customer hears from us after their first delivered order.",
)
