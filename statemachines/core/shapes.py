"""The fields of a type of data or of a payload, each with its type in words, so that two versions can be compared.

Limits: a type without fields of its own (a dict) has none here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import inspect

from .english import listed
from .sentences import PLAIN_TYPES, say
from .words import phrase

if TYPE_CHECKING:
    from .machine import Machine


class Field(NamedTuple):
    """`default` is as Python writes it; None where a value must be given."""

    type: str
    default: str | None


Shape = dict[str, Field]
"""Fields by path: those of a structure inside follow it as "outer.inner"."""


class Recorded(NamedTuple):
    """Stands for a data type that is not at hand: what `shapes` told of a machine that was published."""

    shapes: Mapping[str, Shape]


def shapes(machine: Machine[Any]) -> Mapping[str, Shape]:
    """Return the fields of a machine's data, under "", and of the payload of each typed event, under its name."""
    if isinstance(machine.data_type, Recorded):
        return machine.data_type.shapes
    return {"": shape(machine.data_type), **{name: shape(event) for name, event in machine.events.items()}}


def shape(type: Any) -> Shape:
    """Return the fields of a structure, dataclass or typed dict."""
    return dict(_fields(inspect.type_info(type), "", ()))


def _fields(info: inspect.Type, above: str, around: tuple[Any, ...]) -> Iterator[tuple[str, Field]]:
    """Yield the fields of the structures in a type; one that holds itself is not followed again."""
    if isinstance(info, inspect.StructType | inspect.DataclassType | inspect.TypedDictType | inspect.NamedTupleType):
        if info.cls in around:
            return
        for field in info.fields:
            path = f"{above}{field.name}"
            yield path, Field(type_in_words(field.type), _default(field))
            yield from _fields(field.type, f"{path}.", (*around, info.cls))
    for inner in _inside(info):
        yield from _fields(inner, above, around)


def _inside(info: inspect.Type) -> tuple[inspect.Type, ...]:
    match info:
        case inspect.Metadata():
            return (info.type,)
        case inspect.UnionType():
            return info.types
        case inspect.CollectionType():
            return (info.item_type,)
        case inspect.DictType():
            return (info.value_type,)
        case inspect.TupleType():
            return info.item_types
    return ()


def _default(field: inspect.Field) -> str | None:
    if field.default is not msgspec.NODEFAULT:
        return repr(field.default)
    return None if field.default_factory is msgspec.NODEFAULT else repr(field.default_factory())


def type_in_words(info: inspect.Type) -> str:
    """Name a type: "whole number", "list of offer", "courier or nothing", "one of standard, courier driven"."""
    plain = PLAIN_TYPES.get(type(info).__name__)
    if plain:
        return plain
    match info:
        case inspect.Metadata():
            return type_in_words(info.type)
        case inspect.UnionType():
            return listed(
                map(type_in_words, sorted(info.types, key=lambda one: isinstance(one, inspect.NoneType))), "or"
            )
        case inspect.LiteralType():
            return say("one_of", values=", ".join(phrase(str(value)) for value in info.values))
        case inspect.CollectionType():
            return say("list_of", type=type_in_words(info.item_type))
        case inspect.TupleType():
            return listed(map(type_in_words, info.item_types))
        case inspect.DictType():
            return say("by", value=type_in_words(info.value_type), key=type_in_words(info.key_type))
    return phrase(getattr(getattr(info, "cls", None), "__name__", type(info).__name__))
