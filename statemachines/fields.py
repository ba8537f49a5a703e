"""The column of active states, and the lookup that asks whether one is among them, on each database.

Limits: `configuration__includes="a.b"` matches compound states too, since all active paths are stored.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.lookups import Lookup
from django.db.models.sql.compiler import SQLCompiler

if TYPE_CHECKING:
    Base = Lookup[Any]
else:
    Base = Lookup  # takes no type arguments at run time


class ConfigurationField(models.JSONField):
    """A list of paths."""


@ConfigurationField.register_lookup
class Includes(Base):
    """Hold where a path is among the active ones."""

    lookup_name = "includes"
    prepare_rhs = False

    def get_db_prep_lookup(self, value: Any, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        return "%s", [str(value)]

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        column, params = self.process_lhs(compiler, connection)
        return f"{column} @> %s::jsonb", [*params, json.dumps([self.rhs])]

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        column, params = self.process_lhs(compiler, connection)
        return f"EXISTS (SELECT 1 FROM json_each({column}) WHERE value = %s)", [*params, str(self.rhs)]
