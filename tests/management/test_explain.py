"""`manage.py explain`: a machine, or the difference of two versions, for people."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from statemachines import Final, Machine, On, State, registry
from statemachines.core.explanation import explain


def told(*arguments: str) -> str:
    out = io.StringIO()
    call_command("explain", *arguments, stdout=out)
    return out.getvalue()


def test_the_order_is_told() -> None:
    """The current version is told, flows under headings of their own; --version names another."""
    text = told("order")
    assert text == told("orders.order", "--version", "3") == explain(registry.find("order").machine)
    assert text.startswith("# Order\n\nAn order, from the customer's wish to its end. Version 3.\n")
    assert (
        "- When **restaurant rejected** (optionally reason) happens, "
        "it becomes *order canceled* and writes down the reason.\n"
        "- When **customer canceled** happens, it becomes *order canceled* "
        "and writes down why: the customer canceled.\n"
        "- After the time that a restaurant has to answer, it becomes *order canceled* "
        "and writes down why: the restaurant never answered.\n"
        "\n"
        "Waits for: restaurant accepted, restaurant rejected or customer canceled.  \n"
        "If nobody does anything: it becomes *order canceled*.\n"
    ) in text


def test_what_is_not_there_is_told() -> None:
    """An unknown machine or version is an error that names the known ones."""
    with pytest.raises(CommandError, match="'ordr' is not registered"):
        told("ordr")
    with pytest.raises(CommandError, match=r"no version 9 of orders\.order, it has: 3"):
        told("orders.order", "--version", "9")


def test_the_difference_of_two_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """--diff tells what changed from one version to another, in either direction."""
    monkeypatch.setattr(registry, "_machines", {})
    for version, target in ((1, "won"), (2, "lost")):
        rows = State("a", On("end", target)), Final("won"), Final("lost")
        registry.register(Machine("game", *rows, version=version), app_label="examples")
    assert told("game", "--diff", "1", "2") == (
        "# Game: from version 1 to version 2\n\n## A\n\n"
        "- When **end** happens, it now ends as *lost* (before: ends as *won*).\n"
    )
    assert "ends as *won* (before: ends as *lost*)" in told("game", "--diff", "2", "1")
    assert told("game", "--diff", "2", "2").endswith("Both versions are the same.\n")


def test_a_difference_needs_versions_that_are_there() -> None:
    """Where only one version is registered, that is said with its number."""
    with pytest.raises(CommandError, match=r"no version 2 of orders\.order, it has: 3\. .* A difference needs two"):
        told("orders.order", "--diff", "2", "3")
    with pytest.raises(CommandError, match="not allowed with argument"):
        told("order", "--diff", "2", "3", "--version", "3")
