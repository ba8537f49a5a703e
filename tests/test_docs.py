"""The pages in docs/ are true: their Python runs, block after block, and so do the tests that it defines."""

from __future__ import annotations

import inspect
import re
import unittest
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import TestCase

from statemachines import registry
from statemachines.testing import time_travel

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = ["admin.md", "effects.md", "onboarding.md", "operations.md", "testing.md", "timers.md"]
MODULE = "tests.examples.machines"
"""Where a page's code stands, as far as it can tell: in an app."""


@pytest.fixture
def registered() -> Iterator[None]:
    """What a page registers is forgotten after it."""
    before = {name: dict(versions) for name, versions in registry._machines.items()}
    yield
    registry._machines.clear()
    registry._machines.update(before)


@pytest.mark.django_db(transaction=True)  # none around it: the test cases of a page open and end their own
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.usefixtures("registered")
def test_a_pages_python_runs(page: str) -> None:
    """All blocks of a page run in order in one namespace, then its test functions and test cases, each by itself."""
    space: dict[str, Any] = {"__name__": MODULE}
    text = (DOCS / page).read_text()
    blocks = list(re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
    assert blocks
    for block in blocks:
        line = text.count("\n", 0, block.start(1))
        exec(compile("\n" * line + block[1], str(DOCS / page), "exec"), space)
    for case in cases(space):
        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
        assert result.testsRun
        for _, failure in result.errors + result.failures:
            pytest.fail(failure, pytrace=False)


def cases(space: dict[str, Any]) -> Iterator[type[unittest.TestCase]]:
    """Yield a page's test cases, and one for each of its test functions: the tests of a page do not meet."""
    for name, made in space.items():
        if name.startswith("test_"):
            yield type(name, (TestCase,), {"test": alone(made)})
        elif isinstance(made, type) and issubclass(made, unittest.TestCase) and made.__module__ == MODULE:
            yield made


def alone(function: Callable[..., None]) -> Callable[[Any], None]:
    """Return a test method that runs a test function as pytest would: parametrised, with `machines` where it asks."""

    def test(self: Any) -> None:
        for given in parameters(function):
            if "machines" in inspect.signature(function).parameters:
                with time_travel() as machines:
                    function(machines, **given)
            else:
                function(**given)

    return test


def parameters(function: Callable[..., None]) -> Iterator[dict[str, Any]]:
    """Yield what a test function is called with: once for each value of its one parameter, where it has one."""
    marks = [mark for mark in getattr(function, "pytestmark", ()) if mark.name == "parametrize"]
    if not marks:
        yield {}
    for mark in marks:
        name, values = mark.args
        yield from ({name: value} for value in values)
