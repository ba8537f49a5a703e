"""The order that every flow drives: its way, its data, and what comes with each event.

Limits: plain values; each flow keeps them in its own manner.
"""

WAY = ["placed", "offered", "accepted", "ready", "courier_offered", "on_the_way", "delivered"]
EVENTS = ["offer", "accept", "mark_ready", "offer_courier", "pick_up", "deliver"]
NEXT = {source: (event, target) for source, event, target in zip(WAY, EVENTS, WAY[1:], strict=False)}

DATA = {
    "changes": 0,
    "customer": {"id": 90210, "name": "Ines Duarte", "phone": "+351 21 555 0142"},
    "restaurant": {"id": 318, "name": "Casa do Bacalhau"},
    "courier": None,
    "lines": [
        {"sku": "bac-02", "quantity": 1, "price": "14.50"},
        {"sku": "cal-11", "quantity": 2, "price": "4.20"},
        {"sku": "agu-05", "quantity": 2, "price": "1.50"},
    ],
    "total": "25.90",
    "currency": "EUR",
}
PAYLOAD = {"by": 12, "note": "fine"}
