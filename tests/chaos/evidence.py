"""What the checker judges by: the tables, read with plain SQL, the ledger, and the published definitions.

Limits: reads, and puts in order; decides nothing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from .ledger import Reader
from .statechart import Statechart

TABLES = {
    "instances": "SELECT * FROM statemachines_machineinstance ORDER BY id",
    "entries": "SELECT *, extract(epoch FROM at)::float8 AS seconds FROM statemachines_historyentry "
    "ORDER BY instance_id, sequence, id",
    "timers": "SELECT * FROM statemachines_timer ORDER BY id",
    "effects": "SELECT *, key::text AS key, extract(epoch FROM created_at)::float8 AS created, "
    "extract(epoch FROM ended_at)::float8 AS ended FROM statemachines_effect ORDER BY id",
    "requests": "SELECT * FROM statemachines_idempotencyrecord ORDER BY id",
    "orders": "SELECT o.*, u.username, i.data, i.state FROM orders_order o JOIN auth_user u ON u.id = o.customer_id "
    "LEFT JOIN statemachines_machineinstance i ON i.id = o.instance_id ORDER BY o.id",
    "users": "SELECT id, username FROM auth_user",
}
Row = dict[str, Any]


class Evidence:
    def __init__(self, url: str, folder: Path) -> None:
        with psycopg.connect(url, row_factory=dict_row) as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            rows = {name: connection.execute(sql).fetchall() for name, sql in TABLES.items()}
        self.instances: list[Row] = rows["instances"]
        self.timers: list[Row] = rows["timers"]
        self.effects: list[Row] = rows["effects"]
        self.orders: list[Row] = rows["orders"]
        self.users = {row["username"]: str(row["id"]) for row in rows["users"]}
        self.entries = grouped(rows["entries"], "instance_id")
        self.effects_of = grouped(self.effects, "instance_id")
        self.requests = grouped(rows["requests"], "key")
        published = json.loads((folder / "definitions.json").read_text())
        self.charts = {(one["machine"], one["version"]): Statechart(one) for one in published}
        lines = grouped(Reader(folder).new(), "kind")
        self.done = grouped(lines["effect"], "key")
        self.asked = lines["request"]
        self.faults = lines["fault"]
        self.monkey = sorted(lines["monkey"], key=lambda line: line["began"])
        self.twice = lines["twice"]


def grouped(rows: Any, by: str) -> dict[Any, list[Row]]:
    found: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[by]].append(row)
    return found
