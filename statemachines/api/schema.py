"""OpenAPI 3.1 of the generic endpoints, by drf-spectacular, from the operations that the views declare.

A host's own schema view finds the same operations, as the schema class is set on our views. Limits: what a serializer
shows, drf-spectacular tells.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import msgspec
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent, build_parameter_type, is_serializer
from drf_spectacular.settings import SPECTACULAR_DEFAULTS, patched_settings

from statemachines.core.events import Event, event_type
from statemachines.core.examples import example

from .operations import ANSWERED, HEADERS, UNCHANGED, Operation
from .problems import MEDIA_TYPE, TITLES, Problem, typical

if TYPE_CHECKING:
    Base = Any
    Generator = Any
else:
    Base = AutoSchema
    Generator = SchemaGenerator

SERVING = ("SERVE_", "DEFAULT_GENERATOR_CLASS")
"""Settings of drf-spectacular's own views, which cannot be patched, and are not used."""

SETTINGS = {name: value for name, value in SPECTACULAR_DEFAULTS.items() if not name.startswith(SERVING)} | {
    "OAS_VERSION": "3.1.1",
    "TITLE": "State machines",
    "VERSION": "1",
    "DESCRIPTION": "Requests become events.",
}
one_at_a_time = threading.Lock()
"""Settings are patched for the whole process."""

REF = "#/components/schemas/{name}"
JSON = "application/json"
RETRY = ("Retry-After", "integer", "After how many seconds it may be sent again.")
PROBLEM_HEADERS = {401: ("WWW-Authenticate", "string", "How to sign in."), 429: RETRY, 503: RETRY}
BOUNDS = {"minimum": -(2**63), "maximum": 2**63 - 1}
KINDS = {str: "string", int: "integer", bool: "boolean"}


class MachineSchema(Base):  # type: ignore[misc]
    """Tells a view's operation; a view that declares none is told as drf-spectacular does it."""

    def get_operation(self, path: str, path_regex: str, path_prefix: str, method: str, registry: Any) -> Any:
        declared = getattr(self.view, "operation", None)
        self.told: Operation | None = declared(method.upper()) if declared else None
        return super().get_operation(path, path_regex, path_prefix, method, registry)

    def is_excluded(self) -> bool:
        """Leave out what a view says is no operation of its own."""
        return super().is_excluded() or (self.told is None and hasattr(self.view, "operation"))

    def get_operation_id(self) -> str:
        named = self.told is not None and self.told.id
        return named.replace(".", "_") if named else super().get_operation_id()

    def get_summary(self) -> str | None:
        return super().get_summary() if self.told is None else self.told.summary

    def get_description(self) -> str:
        return super().get_description() if self.told is None else self.told.description

    def get_tags(self) -> list[str]:
        """Return the machine; a project's own views are found by their address."""
        machine = getattr(self.view, "machine", None)
        return super().get_tags() if machine is None else [machine]

    def get_auth(self) -> list[Any]:
        found: list[Any] = super().get_auth()
        return [*found, {}] if getattr(self.view, "anonymous", False) else found

    @property
    def by_serializer(self) -> bool:
        """Say whether drf-spectacular is to find out what is answered, and how lists are asked for."""
        return self.told is None or self.told.response is None

    def get_override_parameters(self) -> list[Any]:
        return super().get_override_parameters() if self.by_serializer else []

    def _get_filter_parameters(self) -> list[Any]:
        found: list[Any] = super()._get_filter_parameters() if self.by_serializer else []
        return found

    def _get_pagination_parameters(self) -> list[Any]:
        found: list[Any] = super()._get_pagination_parameters() if self.by_serializer else []
        return found

    def _get_parameters(self) -> list[Any]:
        found: list[Any] = super()._get_parameters()
        if self.told is None:
            return found
        query = self._query()
        named = {one["name"] for one in query}
        return [*(bounded(one) for one in found if one["name"] not in named), *query, *self._headers()]

    def _query(self) -> list[Any]:
        if self.told is None or self.told.query is None:
            return []
        (ref,), components = msgspec.json.schema_components([self.told.query], ref_template=REF)
        fields = components[ref["$ref"].rpartition("/")[2]]["properties"]
        return [build_parameter_type(name=name, schema=typed(one), location="query") for name, one in fields.items()]

    def _headers(self) -> list[Any]:
        return [
            build_parameter_type(name=name, schema=schema, location="header", description=about)
            for name, (schema, about) in HEADERS.items()
            if self.told is not None and name in self.told.headers
        ]

    def _get_request_body(self, direction: str = "request") -> Any:
        if self.told is None or self.told.request is None:
            return super()._get_request_body(direction) if self.by_serializer else None
        schema, shown = self._request(self.told.request, self.told.given)
        return {"content": {JSON: {"schema": schema} | examples(shown)}, "required": self._is_needed(schema)}

    def _is_needed(self, schema: Any) -> bool:
        """Say whether a body has to be there: none at all is read as an object without fields."""
        name = schema.get("$ref", "").rpartition("/")[2]
        known = self.registry._components.get((name, ResolvedComponent.SCHEMA))
        return "oneOf" in schema or bool((known.schema if known else schema).get("required"))

    def _request(self, kind: Any, given: tuple[str, ...]) -> tuple[Any, dict[str, Any]]:
        """Return the schema of a body without what is given elsewhere, and examples by name."""
        if isinstance(kind, dict):
            return kind, {"empty": {}}
        if isinstance(kind, tuple):
            return self._any_event(kind)
        if not (isinstance(kind, type) and issubclass(kind, Event)):
            return self.schema_of(kind), example_of(kind)
        gone = ("type", *given)
        shown = {n: {k: v for k, v in one.items() if k not in gone} for n, one in example_of(kind).items()}
        return self._payload(kind, gone), shown

    def _payload(self, kind: type[Event], gone: tuple[str, ...]) -> Any:
        """Return the schema of an event's payload: its fields without those that are said elsewhere, as its name."""
        from .events import without

        (ref,), components = msgspec.json.schema_components([kind], ref_template=REF)
        name = ref["$ref"].rpartition("/")[2]
        called = f"{name}Payload" + "".join(f"Without{field.title()}" for field in gone[1:])
        payload = without(components.pop(name), *gone)
        return self._kept({"$ref": REF.format(name=called)}, {**components, called: payload})

    def _any_event(self, kinds: tuple[type[Event], ...]) -> tuple[Any, dict[str, Any]]:
        """Return one of the typed events, told apart by `type`, or one that has a name only."""
        from .events import known_events

        named = sorted(set(known_events(self.view.registered.machine)) - {event_type(kind) for kind in kinds})
        refs = {event_type(kind): self.schema_of(kind) for kind in kinds}
        shown = {name: one for kind in kinds for name, one in example_of(kind).items()}
        for name in named:
            schema = {"type": "object", "properties": {"type": {"const": name}}, "required": ["type"]}
            called = "".join(part.title() for part in name.replace(".", "_").split("_"))
            refs[name] = self._kept({"$ref": REF.format(name=called)}, {called: schema})
            shown[name] = {"type": name}
        mapping = {name: ref["$ref"] for name, ref in refs.items()}
        one_of = {"oneOf": list(refs.values()), "discriminator": {"propertyName": "type", "mapping": mapping}}
        return one_of, shown

    def _get_response_bodies(self, direction: str = "response") -> Any:
        told = self.told
        if told is None:
            return super()._get_response_bodies(direction)
        success = self._success(told)
        found: dict[str, Any] = {str(told.status): success}
        for status in told.statuses:
            if status == 202:
                found["202"] = success | {"description": "Committed; what it began goes on."}
            elif status in UNCHANGED:
                found[str(status)] = {"description": UNCHANGED[status]}
            else:
                found[str(status)] = self._problem(status)
        return dict(sorted(found.items()))

    def _success(self, told: Operation) -> Any:
        if told.response is None:
            (made,) = super()._get_response_bodies().values()
        elif is_serializer(told.response):
            made = self._get_response_for_code(told.response, str(told.status))
        else:
            shown = examples(example_of(told.response)) if told.media_type == JSON else {}
            body = {"schema": self.schema_of(told.response)} | shown
            made = {"content": {told.media_type: body}}
        headers = {name: about for asked in told.headers for name, about in ANSWERED.get(asked, {}).items()}
        shown = {name: {"description": about, "schema": {"type": "string"}} for name, about in headers.items()}
        return made | {"description": told.summary or "Done."} | ({"headers": shown} if shown else {})

    def _problem(self, status: int) -> Any:
        content = {"schema": self.schema_of(Problem)} | examples({TITLES[status]: typical(status)})
        told = {"description": TITLES[status], "content": {MEDIA_TYPE: content}}
        if status in PROBLEM_HEADERS:
            name, kind, about = PROBLEM_HEADERS[status]
            told["headers"] = {name: {"schema": {"type": kind}, "description": about}}
        return told

    def schema_of(self, kind: Any) -> Any:
        """Return the schema of a type, or one that is ready; the types in it become components."""
        if isinstance(kind, dict):
            return kind
        (schema,), components = msgspec.json.schema_components([kind], ref_template=REF)
        return self._kept(schema, components)

    def _kept(self, schema: Any, components: dict[str, Any]) -> Any:
        """Register components; one whose name another has is called after its machine."""
        schema, components = typed([schema, components])
        while taken := self._taken(components):
            text = json.dumps([schema, components])
            for name in taken:
                other = f"{self.get_tags()[0].title().replace('.', '').replace('_', '')}{name}"
                text = text.replace(f'"{REF.format(name=name)}"', f'"{REF.format(name=other)}"')
                text = text.replace(f'"{name}": {{', f'"{other}": {{')
            schema, components = json.loads(text)
        for name, one in components.items():
            made: Any = ResolvedComponent
            self.registry.register_on_missing(made(name=name, type=made.SCHEMA, schema=one, object=name))
        return schema

    def _taken(self, components: dict[str, Any]) -> list[str]:
        """Return the names that others have; first those of components that refer to no other such."""
        known = {name: self.registry._components.get((name, ResolvedComponent.SCHEMA)) for name in components}
        taken = [name for name, one in components.items() if known[name] and known[name].schema != one]
        refs = {name: json.dumps(components[name]) for name in taken}
        firm = [name for name in taken if not any(REF.format(name=one) + '"' in refs[name] for one in taken)]
        return firm or taken


def typed(schema: Any) -> Any:
    """Give what is one of some values a type, which tools look for, and to whole numbers the border's bounds."""
    if isinstance(schema, list):
        return [typed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: typed(one) for name, one in schema.items()}
    values = made.get("enum")
    if made.get("type") == "object" and isinstance(made.get("title"), str):
        del made["title"]  # a component may be called otherwise
    if made.get("type") == "integer":
        return BOUNDS | made
    if isinstance(values, list) and "type" not in made:
        kinds = sorted({"null" if one is None else KINDS[type(one)] for one in values})
        made["type"] = kinds if len(kinds) > 1 else kinds[0]
        if len(values) == 1:
            made["const"] = made.pop("enum")[0]
    return made


def bounded(parameter: Any) -> Any:
    """Give a path's number the bounds of a primary key."""
    if parameter["in"] == "path" and parameter["schema"].get("type") == "integer":
        return parameter | {"schema": {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}}
    return parameter


def examples(shown: dict[str, Any]) -> dict[str, Any]:
    return {"examples": {name: {"value": value} for name, value in shown.items()}} if shown else {}


def example_of(kind: Any) -> dict[str, Any]:
    """Return the smallest example of a type, as JSON holds it, by name; none where nobody can make one."""
    try:
        made = {} if isinstance(kind, dict) else msgspec.to_builtins(example(kind))
    except TypeError:
        return {}
    return {event_type(kind) if isinstance(kind, type) and issubclass(kind, Event) else "smallest": made}


class MachineGenerator(Generator):  # type: ignore[misc]
    """Makes the document of those views of ours that somebody may explore."""

    def __init__(self, actor: Any) -> None:
        super().__init__()
        self.actor = actor

    def _get_paths_and_endpoints(self) -> list[Any]:
        found = super()._get_paths_and_endpoints()
        return [one for one in found if hasattr(one[3], "explorable") and one[3].explorable(self.actor)]

    def document(self) -> dict[str, Any]:
        """Return the OpenAPI document, whatever the host has set."""
        with one_at_a_time, patched_settings(SETTINGS):
            made: dict[str, Any] = self.get_schema(public=True)
        return made
