"""`pytest --machine-coverage`: what of each machine the tests did, whether by play, by simulation or by the engine.

Under pytest-xdist the workers tell the controller, which reports. Limits: what other processes do (Celery's workers) is
not seen; machines of one name that are not registered count as one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from statemachines.core.coverage import Coverage, Observer, observing
from statemachines.core.machine import Machine

from .report import as_html, as_json, lines, percent

SENT = "machine_coverage"
"""The key of what a worker tells its controller."""


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("statemachines", "statemachines")
    group.addoption(
        "--machine-coverage",
        nargs="?",
        const="",
        metavar="NAME,…",
        help="tell what of the machines was never done; with names, of these alone, else of all that are registered",
    )
    group.addoption("--machine-coverage-json", type=Path, metavar="FILE", help="write machine coverage as JSON")
    group.addoption("--machine-coverage-html", type=Path, metavar="FILE", help="write machine coverage as a page")
    group.addoption(
        "--machine-coverage-fail-under", type=float, metavar="N", help="fail where less than N %% of a machine was done"
    )


def is_wanted(config: pytest.Config) -> bool:
    """Say whether any of the options asks for machine coverage."""
    names = ("", "_json", "_html", "_fail_under")
    return not config.option.collectonly and any(
        config.getoption(f"machine_coverage{name}") is not None for name in names
    )


class MachineCoverage:
    """Looks on while tests run; reports in the one process, or in the controller."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        given = config.getoption("machine_coverage") or ""
        self.names = [name.strip() for name in given.split(",") if name.strip()]
        short = {name.rpartition(".")[2] for name in self.names}
        self.observer = Observer((lambda name: name in short) if short else (lambda name: True))
        self.found: dict[str, Coverage] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Iterator[None]:
        """Look on from before the first test to after the last."""
        with observing(self.observer):
            return (yield)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker saw; one that crashed tells nothing."""
        sent = getattr(node, "workeroutput", {}).get(SENT, b"[]")
        self.add(msgspec.json.decode(sent, type=list[Coverage]))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Add this process's own; tell the controller, or write files and judge."""
        self.add([self.observer.coverage(machine, name) for name, machine in self.machines()])
        output = getattr(self.config, "workeroutput", None)
        if output is not None:
            output[SENT] = msgspec.json.encode(list(self.found.values()))
            return
        self.write()
        if self.too_little() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("machine coverage")
        for one in self.found.values():
            for line in lines(one):
                terminalreporter.write_line(line)
        for problem in self.too_little():
            terminalreporter.write_line(f"FAIL {problem}", red=True)

    def add(self, found: list[Coverage]) -> None:
        for one in found:
            known = self.found.get(one.machine)
            self.found[one.machine] = known | one if known else one

    def machines(self) -> Iterator[tuple[str, Machine[Any]]]:
        """Yield what is of interest here: registered machines, and such as are asked for or there is no registry."""
        registered = _registered()
        for name, machine in registered.items():
            if not self.names or name in self.names or machine.name in self.names:
                yield name, machine
        for machine in self.observer.machines():
            wanted = machine.name in self.names if self.names else not registered
            if wanted and machine not in registered.values():
                yield machine.name, machine

    def too_little(self) -> list[str]:
        """Return why the run fails, where it does."""
        least = self.config.getoption("machine_coverage_fail_under")
        if least is None:
            return []
        short = [one for one in self.found.values() if one.percent < least]
        known = {name.rpartition(".")[2] for name in self.found}
        unknown = [name for name in self.names if name.rpartition(".")[2] not in known]
        return [f"{one.machine}: {percent(one)} % is less than {least:g} %." for one in short] + [
            f"{name}: no such machine is registered, or ran." for name in unknown
        ]

    def write(self) -> None:
        found = list(self.found.values())
        for option, content in (("json", as_json(found)), ("html", as_html(found).encode())):
            path = self.config.getoption(f"machine_coverage_{option}")
            if path is not None:
                path.write_bytes(content)


def _registered() -> dict[str, Machine[Any]]:
    """Return the project's machines by stored name; none where there is no Django."""
    if "statemachines.registry" not in sys.modules:
        return {}
    from statemachines import registry

    return {one.name: one.machine for one in registry.machines()}
