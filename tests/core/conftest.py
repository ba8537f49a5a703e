"""Tests against the real XState are collected only where node and npm are found; the summary says where not."""

from __future__ import annotations

import pytest

from . import node

WHY_NOT = node.missing()
collect_ignore = ["test_xstate_node.py"] if WHY_NOT else []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if WHY_NOT:
        terminalreporter.write_line(f"tests/core/test_xstate_node.py was not collected: {WHY_NOT}")
