"""The API's description is valid, complete, and of those machines only that somebody may explore."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.validation import validate_schema

from statemachines.actors import ANONYMOUS, actor_of
from statemachines.api.schema import MachineGenerator

from .conftest import Desk, client

EVENT = "/machines/helpdesk.ticket/instances/{id}/events/"


@pytest.fixture
def document(desk: Desk) -> Any:
    return client(desk.ann).get("/machines/openapi.json").json()


def test_it_is_valid_without_warnings(desk: Desk) -> None:
    """OpenAPI 3.1, by the specification's own schema; drf-spectacular has nothing to complain about."""
    GENERATOR_STATS.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = MachineGenerator(actor_of(desk.ann)).document()
    assert made["openapi"].startswith("3.1")
    validate_schema(made)
    assert not GENERATOR_STATS._warn_cache
    assert not GENERATOR_STATS._error_cache


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
