"""What lists are filtered by, typed and answered in SQL, and pages by cursor.

Limits: newest first; a cursor is a place in that order, so that what is added meanwhile neither repeats nor hides.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache, reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from django.db.models import Q
from django.db.models.fields.json import KeyTransform
from django.http import QueryDict
from msgspec import UNSET, Meta, UnsetType, inspect

from statemachines.core.codec import Codec
from statemachines.exceptions import InvalidValue
from statemachines.querysets import MachineInstanceQuerySet
from statemachines.registry import Registered, versions_of

from .formats import Time

Number = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Place = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Text = Annotated[str, Meta(min_length=1, max_length=255)]
SCALARS = (
    inspect.BoolType,
    inspect.FloatType,
    inspect.DecimalType,
    inspect.DateTimeType,
    inspect.DateType,
    inspect.UUIDType,
    inspect.EnumType,
    inspect.LiteralType,
)


class Page(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which page of a list: how many, and from where on, as the page before said in `next`."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    cursor: Place | UnsetType = UNSET


class Filters(Page, kw_only=True):
    """Which instances: in a state, with a tag, of a status…"""

    state: Annotated[str, Meta(min_length=1, max_length=1000)] | UnsetType = UNSET
    tag: Text | UnsetType = UNSET
    status: Literal["active", "paused", "done", "cancelled"] | UnsetType = UNSET
    version: Number | UnsetType = UNSET
    key: Text | UnsetType = UNSET
    search: Text | UnsetType = UNSET
    created_from: Time | UnsetType = UNSET
    created_before: Time | UnsetType = UNSET
    updated_from: Time | UnsetType = UNSET
    updated_before: Time | UnsetType = UNSET


@lru_cache
def filters_of(registered: Registered) -> type[Filters]:
    """Return the filters of a machine: those of all, and its indexed fields as `data.<field>`."""
    types = _types(registered.machine.data_type)
    fields = [(f"data_{name}", _scalar(types.get(name)) | UnsetType, UNSET) for name in registered.indexed]
    rename = {f"data_{name}": f"data.{name}" for name in registered.indexed}
    made = msgspec.defstruct(
        "Filters", fields, bases=(Filters,), kw_only=True, forbid_unknown_fields=True, rename=rename, module=__name__
    )
    return made  # type: ignore[return-value]


def _types(data: Any) -> dict[str, Any]:
    """Return the types of the data's fields, by their names in JSON."""
    info = inspect.type_info(data)
    if not isinstance(info, inspect.StructType | inspect.DataclassType):
        return {}
    hints = get_type_hints(data, include_extras=True)
    return {field.encode_name: hints[field.name] for field in info.fields}


def _scalar(kind: Any) -> Any:
    """Return the type that a filter by a field has: the field's own without None, where a text can stand for it."""
    if get_origin(kind) in (Union, UnionType):
        return _scalar(reduce(or_, (one for one in get_args(kind) if one is not type(None))))
    info = inspect.type_info(kind) if kind is not None else None
    if isinstance(info, inspect.IntType):
        return Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
    return kind if isinstance(info, SCALARS) else Text


def asked(kind: type[Any], given: QueryDict) -> Any:
    """Read the query as a typed value. Raises InvalidValue for what is unknown, given twice, or does not fit."""
    for name, values in given.lists():
        if len(values) > 1:
            raise InvalidValue("query", field=name, expected="one value", received=str(len(values)))
    checks = Codec(kind, "query")
    made = checks.load(given.dict(), strict=False)
    checks.encode(made)
    for field in msgspec.structs.fields(kind):
        if isinstance(value := getattr(made, field.name), datetime):
            setattr(made, field.name, _in_utc(field.encode_name, value, str(given[field.encode_name])))
    return made


def _in_utc(name: str, value: datetime, given: str) -> datetime:
    """Return a time as a database takes it, whatever its offset. Raises InvalidValue, also for a number of seconds."""
    try:
        if ":" in given:
            return value.astimezone(UTC)
    except OverflowError:
        pass  # before the first year, or after the last
    raise InvalidValue("query", field=name, expected="RFC3339 encoded datetime", received=given)


def filtered(found: MachineInstanceQuerySet, registered: Registered, by: Filters) -> MachineInstanceQuerySet:
    """Keep the instances that the filters name."""
    exact: dict[str, Any] = {"status": by.status, "version": by.version, "key": by.key, "key__contains": by.search}
    exact |= {"created_at__gte": by.created_from, "created_at__lt": by.created_before}
    exact |= {"updated_at__gte": by.updated_from, "updated_at__lt": by.updated_before}
    exact |= {"configuration__includes": by.state, "pk__lt": by.cursor}
    fields = _set({name: getattr(by, f"data_{name}") for name in registered.indexed})
    for place, (name, value) in enumerate(fields.items()):  # a key of data may be called as a lookup is
        found = found.alias(**{f"field{place}": KeyTransform(name, "data")})
        exact[f"field{place}"] = msgspec.to_builtins(value)
    found = found.filter(**_set(exact))
    return found if by.tag is UNSET else found.filter(tagged(registered, by.tag))


def _set(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not UNSET}


def tagged(registered: Registered, tag: str) -> Q:
    """Return the condition that a state with a tag is active, in any version that this code has."""
    places = {
        (one.version, node.path)
        for one in versions_of(registered.name)
        for node in one.machine.chart.nodes
        if tag in node.state.tags and node.parent is not None
    }
    conditions = [Q(version=version, configuration__includes=path) for version, path in sorted(places)]
    return reduce(or_, conditions, Q(pk__in=[]))
