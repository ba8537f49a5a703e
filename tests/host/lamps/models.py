"""A user model whose keys are no integers, and a row that views write beside an event."""

from __future__ import annotations

from uuid import uuid4

from django.contrib.auth.models import AbstractUser
from django.db import models


class Person(AbstractUser):
    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)


class Visit(models.Model):
    path = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.path
