"""The app in projects that have set everything otherwise, or have not installed what it can do without."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import WITHOUT_CELERY, WITHOUT_DRF, Host

ASK = ("commands", "parts", "journey", "requests", "admin")


@pytest.fixture(scope="module")
def hostile(ask: Callable[..., Host], own_database: str) -> Host:
    return ask("hostile", *ASK, "keys", "people", "operators", database=own_database)


@pytest.fixture(scope="module")
def without_celery(ask: Callable[..., Host]) -> Host:
    return ask("without_celery", *ASK, without=WITHOUT_CELERY)


@pytest.fixture(scope="module")
def without_drf(ask: Callable[..., Host]) -> Host:
    return ask("without_drf", *ASK, without=WITHOUT_DRF)


@pytest.fixture(scope="module")
def alone(ask: Callable[..., Host]) -> Host:
    without = (*WITHOUT_CELERY, *WITHOUT_DRF, "psycopg", "environ")
    return ask("alone", "commands", "parts", "journey", "busy", without=without)


@pytest.fixture(scope="module")
def replica(ask: Callable[..., Host]) -> Host:
    return ask("replica", "commands", "replicated", "journey")


@pytest.fixture(scope="module")
def themed(ask: Callable[..., Host]) -> Host:
    return ask("themed", "commands", "journey", "operators")


@pytest.fixture(params=["hostile", "without_celery", "without_drf"])
def host(request: pytest.FixtureRequest) -> Host:
    found: Host = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["hostile", "without_celery", "without_drf", "alone", "replica", "themed"])
def any_host(request: pytest.FixtureRequest) -> Host:
    found: Host = request.getfixturevalue(request.param)
    return found


def test_a_host_migrates_and_checks(any_host: Host) -> None:
    """No host's settings ask for a migration of this app, and `migrate` and `check` find nothing wrong."""
    told = any_host["commands"]
    assert (told["makemigrations"], told["migrate"]) == ("No changes detected\n", "")
    assert "ERRORS" not in told["check"]
    assert "WARNINGS" not in told["check"]


def test_a_host_runs_an_instance(any_host: Host) -> None:
    """An event, an invoked effect and a timer take an instance through its states, by the sweep alone."""
    told = any_host["journey"]
    assert told["states"] == ["off", "on", "warm", "off"]
    assert told["printed"] == ["effects ended: 1", "timers fired: 1"]


def test_the_connections_options_do_not_matter(hostile: Host) -> None:
    """On PostgreSQL under REPEATABLE READ, with parameters bound by the server, an instance runs all the same."""
    assert hostile["parts"]["options"] == {"server_side_binding": True, "isolation_level": 3}
    assert hostile["journey"]["states"][-1] == "off"


def test_an_event_is_part_of_its_request(host: Host) -> None:
    """Under ATOMIC_REQUESTS what a view sent commits with it, with its own rows, and is gone where the view breaks."""
    told = host["requests"]
    made, pressed = [200, "off", 1, 0, []], [200, "on", 2, 1, ["/lamps/hall/press"]]
    assert (told["hall/make"], told["hall/press"]) == (made, pressed)
    assert told["hall/press?break"] == [500, *pressed[1:]]


def test_a_refusal_leaves_the_request_usable(host: Host) -> None:
    """A view that handles a refusal goes on writing in the same transaction, and what was taken before stays."""
    assert host["requests"]["hall/press-twice"] == [409, "off", 3, 1, ["/lamps/hall/press", "taken", "refused"]]


def test_keys_are_this_apps_own(hostile: Host) -> None:
    """The host's DEFAULT_AUTO_FIELD is for its models; this app's keys are large integers in every project."""
    kinds = hostile["keys"]
    assert (kinds.pop("lamps.Visit"), kinds.pop("lamps.Person")) == ("AutoField", "UUIDField")
    assert len(kinds) >= 4
    assert set(kinds.values()) == {"BigAutoField", "OneToOneField"}  # what an instance has once has its key


def test_a_user_of_any_kind_is_an_actor(hostile: Host) -> None:
    """A user model of the host's own, with a UUID for a key, stands in the history by that."""
    told = hostile["people"]
    assert told["actor"] == ["user", told["person"], "bob"]


def test_the_admin_is_on_the_hosts_own_site(host: Host) -> None:
    """Every page is on the site that the host made its default, at its address, and needs no other."""
    told = host["admin"]
    assert (told["site"], told["status"]) == ("Office", [200, 200])
    assert {"MachineInstance", "HistoryEntry", "Timer", "Effect"} <= set(told["models"])


def test_another_language_and_its_numbers_break_no_page(host: Host) -> None:
    """In German, with separators between thousands, keys in links stay keys, and the app speaks German."""
    told = host["admin"]
    assert (told["links"], told["separated"], told["german"]) == (True, False, True)


def test_no_page_uses_a_name_that_is_not_there(host: Host) -> None:
    """A host that marks invalid names in templates sees none."""
    assert host["admin"]["invalid"] is False


@pytest.mark.parametrize("name", ["hostile", "themed"])
def test_operators_have_their_pages_everywhere(name: str, request: pytest.FixtureRequest) -> None:
    """Where requests are transactions, and where a theme replaces the templates, each page is there and works."""
    told = request.getfixturevalue(name)["operators"]
    assert told["status"] == [200] * 11
    assert all(told["texts"])
    assert told["invalid"] == []
    assert told["paused"] == [302, "paused", "boss"]


def test_no_picture_is_laid_out_inside_a_transaction(hostile: Host) -> None:
    """Under ATOMIC_REQUESTS too: a layout may take seconds."""
    assert set(hostile["operators"]["drawn"]) == {False}


def test_a_denied_attempt_leaves_a_trace_where_requests_are_transactions(hostile: Host) -> None:
    """The answer is a 403, nothing was done, and the trace stays."""
    told = hostile["operators"]
    assert (told["denied"], told["traces"]) == ([403, "paused"], 1)


def test_without_celery_nothing_of_it_is_loaded(without_celery: Host) -> None:
    """The sweep alone does the work, and the check says who must run it."""
    told = without_celery["parts"]
    assert told["dispatcher"] == "statemachines.engine.dispatch.SweepOnly"
    assert not {"celery", "kombu", "django_celery_beat"} & set(told["loaded"])
    assert "statemachines.I001" in without_celery["commands"]["check"]
    assert "statemachines_sweep --loop" in without_celery["commands"]["check"]


def test_without_rest_framework_nothing_of_it_is_loaded(without_drf: Host) -> None:
    """Celery's part works without it."""
    loaded = without_drf["parts"]["loaded"]
    assert "rest_framework" not in loaded
    assert "celery" in loaded


def test_the_app_alone_is_enough(alone: Host) -> None:
    """With no other app, no Celery, no REST framework and no PostgreSQL driver, instances run."""
    assert alone["parts"]["loaded"] == []
    assert alone["journey"]["states"][-1] == "off"


def test_what_was_read_from_a_replica_is_driven_on_the_primary(replica: Host) -> None:
    """An instance read from a replica that is behind moves from its true state, and the replica is never written."""
    told = replica["replicated"]
    assert told["states"] == ["replica", "off", "on", "off", "off", "default"]
    assert told["entries"] == {"default": 3, "replica": 1}


def test_beats_entry_is_made_on_the_primary_alone(replica: Host) -> None:
    """Also where the router reads from a database that has no tables yet."""
    assert replica["replicated"]["beat"] == {"default": 1, "replica": 0}


def test_a_database_that_is_locked_is_busy(alone: Host) -> None:
    """While another connection holds SQLite's write lock, an event waits as long as the connection may, then is told
    to come again; nothing has changed, and afterwards it is taken."""
    told = alone["busy"]
    assert told["told"] == "The instance is busy; nothing changed. Try again in a moment."
    assert 0.2 <= told["waited"] < 5
    assert (told["before"], told["after"]) == ("off", "on")
