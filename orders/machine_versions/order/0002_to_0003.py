"""Orders of version 2 go on in the same states: version 3 has one flow more, which none of them takes.

What version 3 has patience for counts from the upgrade on: an order that hung, as nobody answered, is given up in time,
and a courier who rejects is followed by the next.
"""

from statemachines import Upgrade

upgrade = Upgrade("orders.order", 2, 3)
