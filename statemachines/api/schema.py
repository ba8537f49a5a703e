"""OpenAPI 3.1 of the generic endpoints, by drf-spectacular, from the operations that the views declare.

A host's own schema view finds the same operations, as the schema class is set on our views. Limits: a project's own
views are told as drf-spectacular tells any view.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent, build_parameter_type

from statemachines.core.events import Event, event_type
from statemachines.core.examples import example

from .operations import Operation
from .problems import ADVICE, BUSY_SECONDS, MEDIA_TYPE, TITLES, Problem

if TYPE_CHECKING:
    Base = Any
    Generator = Any
else:
    Base = AutoSchema
    Generator = SchemaGenerator

VERSION = "3.1.1"
REF = "#/components/schemas/{name}"
JSON = "application/json"


class MachineSchema(Base):  # type: ignore[misc]
    """Tells a view's operation; a view that declares none is told as drf-spectacular does it."""

    def get_operation(self, path: str, path_regex: str, path_prefix: str, method: str, registry: Any) -> Any:
        declared = getattr(self.view, "operation", None)
        self.told: Operation | None = declared(method.upper()) if declared else None
        return super().get_operation(path, path_regex, path_prefix, method, registry)

    def get_operation_id(self) -> str:
        return super().get_operation_id() if self.told is None else self.told.id.replace(".", "_")

    def get_summary(self) -> str | None:
        return super().get_summary() if self.told is None else self.told.summary

    def get_description(self) -> str:
        return super().get_description() if self.told is None else self.told.description

    def get_tags(self) -> list[str]:
        return super().get_tags() if self.told is None else [getattr(self.view, "machine", "") or "machines"]

    def get_override_parameters(self) -> list[Any]:
        return super().get_override_parameters() if self.told is None else []

    def _get_filter_parameters(self) -> list[Any]:
        found: list[Any] = super()._get_filter_parameters() if self.told is None else []
        return found

    def _get_pagination_parameters(self) -> list[Any]:
        found: list[Any] = super()._get_pagination_parameters() if self.told is None else []
        return found

    def _get_parameters(self) -> list[Any]:
        found: list[Any] = super()._get_parameters()
        if self.told is None:
            return found
        return [*map(bounded, found), *self._query(), *self._headers()]

    def _query(self) -> list[Any]:
        if self.told is None or self.told.query is None:
            return []
        (ref,), components = msgspec.json.schema_components([self.told.query], ref_template=REF)
        schema = components[ref["$ref"].rpartition("/")[2]]
        return [
            build_parameter_type(name=name, schema=one, location="query") for name, one in schema["properties"].items()
        ]

    def _headers(self) -> list[Any]:
        told = self.told
        found = {}
        if told is not None and told.acts:
            found["Idempotency-Key"] = "Names the request: sent again, it is done once."
            found["Prefer"] = "`respond-async`, or `wait=N` to wait up to N seconds for what is invoked."
        if told is not None and told.matches:
            found["If-Match"] = "The ETag of the instance as you saw it."
        text = {"type": "string", "maxLength": 255, "pattern": r"^[!#-~][!-~]*$"}
        return [
            build_parameter_type(name=name, schema=text, location="header", description=about)
            for name, about in found.items()
        ]

    def _get_request_body(self, direction: str = "request") -> Any:
        if self.told is None:
            return super()._get_request_body(direction)
        if self.told.request is None:
            return None
        schema, shown = self._request(self.told.request)
        return {"content": {JSON: {"schema": schema} | examples(shown)}, "required": True}

    def _request(self, kind: Any) -> tuple[Any, dict[str, Any]]:
        """Return the schema of a body, and examples by name."""
        if isinstance(kind, dict):
            return kind, {"empty": {}}
        if isinstance(kind, tuple):
            return self._any_event(kind)
        made = plain_example(kind)
        if isinstance(kind, type) and issubclass(kind, Event):
            made.pop("type", None)
            return self._payload(kind), {event_type(kind): made}
        return self.schema_of(kind), {"smallest": made}

    def _payload(self, kind: type[Event]) -> Any:
        """Return the schema of an event's payload: its fields without its name."""
        from .events import without_name

        (ref,), components = msgspec.json.schema_components([kind], ref_template=REF)
        name = ref["$ref"].rpartition("/")[2]
        payload = without_name(components.pop(name)) | {"title": f"{name}Payload"}
        return self._kept({"$ref": REF.format(name=f"{name}Payload")}, {**components, f"{name}Payload": payload})

    def _any_event(self, kinds: tuple[type[Event], ...]) -> tuple[Any, dict[str, Any]]:
        """Return one of the typed events, told apart by `type`, or one that has a name only."""
        from .events import known_events

        named = sorted(set(known_events(self.view.registered.machine)) - {event_type(kind) for kind in kinds})
        refs = {event_type(kind): self.schema_of(kind) for kind in kinds}
        shown = {event_type(kind): plain_example(kind) for kind in kinds}
        for name in named:
            schema = {"type": "object", "properties": {"type": {"enum": [name]}}, "required": ["type"]}
            called = "".join(part.title() for part in name.replace(".", "_").split("_"))
            refs[name] = self._kept({"$ref": REF.format(name=called)}, {called: schema | {"title": called}})
            shown[name] = {"type": name}
        mapping = {name: ref["$ref"] for name, ref in refs.items()}
        one_of = {"oneOf": list(refs.values()), "discriminator": {"propertyName": "type", "mapping": mapping}}
        return one_of, shown

    def _get_response_bodies(self, direction: str = "response") -> Any:
        told = self.told
        if told is None:
            return super()._get_response_bodies(direction)
        found: dict[str, Any] = {str(told.status): self._success(told)}
        if told.acts:
            found["202"] = self._success(told) | {"description": "Committed; what it began goes on."}
            found["204"] = {"description": "Done, and not yours to see any more."}
        elif told.matches:
            found["204"] = {"description": "Done, and not yours to see any more."}
        for status in told.statuses:
            found[str(status)] = self._problem(status)
        return dict(sorted(found.items()))

    def _success(self, told: Operation) -> Any:
        schema = {"type": "string"} if told.media_type != JSON else self.schema_of(told.response)
        return {"content": {told.media_type: {"schema": schema}}, "description": told.summary}

    def _problem(self, status: int) -> Any:
        shown = {
            "type": f"urn:statemachines:problem:{status}",
            "title": TITLES[status],
            "status": status,
            "code": "…",
            "detail": "…",
            "advice": ADVICE[status],
        }
        headers = {
            401: ("WWW-Authenticate", "string"),
            429: ("Retry-After", "integer"),
            503: ("Retry-After", "integer"),
        }
        told: dict[str, Any] = {"description": TITLES[status]}
        if status in headers:
            name, kind = headers[status]
            told["headers"] = {name: {"schema": {"type": kind}, "description": f"e. g. {BUSY_SECONDS}"}}
        content = {"schema": self.schema_of(Problem)} | examples({TITLES[status]: shown})
        return told | {"content": {MEDIA_TYPE: content}}

    def schema_of(self, kind: Any) -> Any:
        """Return the schema of a type; the types in it become components."""
        (schema,), components = msgspec.json.schema_components([kind], ref_template=REF)
        return self._kept(schema, components)

    def _kept(self, schema: Any, components: dict[str, Any]) -> Any:
        """Register components; one whose name another has is called after its machine."""
        text = json.dumps([schema, components])
        for name, one in components.items():
            known = self.registry._components.get((name, ResolvedComponent.SCHEMA))
            if known is not None and known.schema != one:
                other = f"{self.get_tags()[0].title().replace('.', '').replace('_', '')}{name}"
                text = text.replace(f'"{REF.format(name=name)}"', f'"{REF.format(name=other)}"')
                text = text.replace(f'"{name}": {{', f'"{other}": {{')
        schema, components = json.loads(text)
        for name, one in components.items():
            made: Any = ResolvedComponent
            self.registry.register_on_missing(made(name=name, type=made.SCHEMA, schema=one, object=name))
        return schema


def bounded(parameter: Any) -> Any:
    """Give a path's number the bounds of a primary key."""
    if parameter["in"] == "path" and parameter["schema"].get("type") == "integer":
        return parameter | {"schema": {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}}
    return parameter


def examples(shown: dict[str, Any]) -> dict[str, Any]:
    return {"examples": {name: {"value": value} for name, value in shown.items()}}


def plain_example(kind: Any) -> Any:
    """Return the smallest example of a type, as JSON holds it."""
    return msgspec.to_builtins(example(kind))


class MachineGenerator(Generator):  # type: ignore[misc]
    """Makes the document of those views of ours that somebody may explore."""

    def __init__(self, actor: Any) -> None:
        super().__init__()
        self.actor = actor

    def _get_paths_and_endpoints(self) -> list[Any]:
        found = super()._get_paths_and_endpoints()
        return [one for one in found if hasattr(one[3], "operation") and one[3].explorable(self.actor)]

    def document(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        made: dict[str, Any] = self.get_schema(public=True)
        info = {"title": "State machines", "version": "1", "description": "Requests become events."}
        return made | {"openapi": VERSION, "info": info}
