"""`manage.py explain`: a machine, or the difference of two versions, for people."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from statemachines import registry
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
