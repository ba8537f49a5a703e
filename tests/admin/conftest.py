"""Operators of several kinds, and the client that each is signed in with."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

ACTS = ("send_event", "force_transition", "edit_data", "operate_instance", "operate_effects")


def staff(name: str, *codenames: str) -> User:
    """Return a member of staff who has these permissions of instances."""
    user = User.objects.create_user(name, password="secret", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="statemachines", codename__in=codenames)
    )
    return user


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture(autouse=True)
def no_workers(settings: Any) -> None:
    """Nothing is handed over: the tests do it."""
    settings.STATEMACHINES = {**settings.STATEMACHINES, "DISPATCHER": "statemachines.engine.dispatch.SweepOnly"}


@pytest.fixture
def olga(db: None) -> User:
    """An operator with every permission."""
    return staff("olga", "view_machineinstance", *ACTS)


@pytest.fixture
def operator(olga: User) -> Client:
    return signed_in(olga)


@pytest.fixture
def reader(db: None) -> Client:
    """Somebody who may look, and touch nothing."""
    return signed_in(staff("rita", "view_machineinstance"))
