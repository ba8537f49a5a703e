"""The API's description is valid, complete, and of those machines only that somebody may explore."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from statemachines.actors import ANONYMOUS, actor_of
from statemachines.api.schema import MachineGenerator

from .conftest import Desk, client

EVENT = "/machines/helpdesk.ticket/instances/{id}/events/"


@pytest.fixture
def document(desk: Desk) -> Any:
    return client(desk.ann).get("/machines/openapi.json").json()


@pytest.fixture
def project(capsys: pytest.CaptureFixture[str]) -> Any:
    """The description of all that the project has, as `manage.py spectacular` makes it."""
    call_command("spectacular", validate=True, fail_on_warn=True, format="openapi-json", urlconf="project.urls")
    return json.loads(capsys.readouterr().out)


def test_it_is_valid_without_warnings(desk: Desk) -> None:
    """OpenAPI 3.1, by the specification's own schema; drf-spectacular has nothing to complain about."""
    GENERATOR_STATS.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = MachineGenerator(actor_of(desk.ann)).document()
    assert made["openapi"].startswith("3.1")
    validate_schema(made)
    validate(made)
    assert not GENERATOR_STATS._warn_cache
    assert not GENERATOR_STATS._error_cache


def test_the_project_is_described(project: Any) -> None:
    """The host's own command finds the machines' operations and those of the project's views, without a warning."""
    validate(project)
    named = {operation["operationId"]: operation for _, operation in operations(project)}
    assert {"restaurant_order_accept", "customer_order_create", "restaurant_accepted_orders_order"} <= set(named)
    accept = named["restaurant_order_accept"]
    body = accept["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/RestaurantAcceptedPayload"}
    assert {"200", "400", "401", "403", "404", "409", "422"} <= set(accept["responses"])
    assert [one["name"] for one in accept["parameters"]] == ["id", "Idempotency-Key"]


def operations(document: Any) -> Iterator[tuple[str, Any]]:
    for path, methods in document["paths"].items():
        yield from ((f"{method} {path}", operation) for method, operation in methods.items())


@pytest.mark.parametrize("which", ["document", "project"])
def test_examples_are_true(which: str, request: pytest.FixtureRequest) -> None:
    """Every body of JSON that is described has an example, and each example is as its schema says."""
    described = request.getfixturevalue(which)
    for name, operation in operations(described):
        for part in (operation.get("requestBody", {}), *operation["responses"].values()):
            for kind, body in part.get("content", {}).items():
                schema = Draft202012Validator(body["schema"] | {"components": described["components"]})
                shown = body.get("examples", {})
                assert shown or "json" not in kind, name
                for one in shown.values():
                    schema.validate(one["value"])


def test_each_event_is_an_operation(document: Any) -> None:
    """Typed by its payload, and with examples; beside them stands one operation for any event, told apart by name."""
    operation = document["paths"][f"{EVENT}commented/"]["post"]
    assert operation["operationId"] == "commented_helpdesk_ticket"
    body = operation["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/CommentedPayload"}
    assert body["examples"]["commented"]["value"] == {"text": "a"}
    payload = document["components"]["schemas"]["CommentedPayload"]
    assert (list(payload["properties"]), payload["required"]) == (["text"], ["text"])
    any_event = document["paths"][EVENT]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(any_event["discriminator"]["mapping"]) >= {"commented", "noted", "closed", "check"}
    assert len(any_event["oneOf"]) == len(any_event["discriminator"]["mapping"])


def test_each_operation_tells_its_problems(document: Any) -> None:
    """Every operation has problem responses with examples, and an id of its own."""
    ids = set()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            ids.add(operation["operationId"])
            told = operation["responses"]["401"]["content"]["application/problem+json"]
            assert told["schema"] == {"$ref": "#/components/schemas/Problem"}, (path, method)
            assert told["examples"]
    assert len(ids) == sum(map(len, document["paths"].values()))


def test_all_references_lead_somewhere(document: Any) -> None:
    """Each component that is referred to is there."""

    def refs(node: Any) -> Any:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for one in node.values():
                yield from refs(one)
        elif isinstance(node, list):
            for one in node:
                yield from refs(one)

    found = set(refs(document))
    assert found
    for ref in found:
        assert ref.rpartition("/")[2] in document["components"]["schemas"], ref


def test_it_tells_of_what_one_may_explore(desk: Desk) -> None:
    """Who may not explore a machine does not learn of its events."""
    paths = MachineGenerator(ANONYMOUS).document()["paths"]
    assert not [path for path in paths if "ticket" in path]
    assert [path for path in paths if "bell" in path]
