"""Do an operator's act once, and only on what they saw: a double click does nothing again, a stale form does nothing.

The act's transaction holds the instance's lock, looks whether this very form was sent before, compares the sequence
that the form was made at, and keeps the form's token with what it did. Limits: `send` has both of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django import forms
from django.db import transaction

from statemachines.core.events import Actor
from statemachines.engine import clock, idempotency
from statemachines.exceptions import SequenceMismatch
from statemachines.models import MachineInstance


class OnceForm(forms.Form):
    """What makes a form valid once, on the instance as it was shown: its sequence, and a token of the form's own."""

    sequence = forms.IntegerField(widget=forms.HiddenInput)
    once = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(self, instance: MachineInstance, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, initial={"sequence": instance.sequence, "once": uuid4().hex}, **kwargs)

    def again(self, instance: MachineInstance) -> None:
        """Have it decided anew on the instance as it is now."""
        changed: Any = self.data.copy()  # type: ignore[attr-defined]  # a QueryDict
        changed["sequence"], changed["once"] = str(instance.sequence), uuid4().hex
        self.data = changed


def once(
    instance: MachineInstance, actor: Actor, act: str, token: str, body: Any, sequence: int, do: Callable[[], object]
) -> bool:
    """Do an act; return False where the form was sent before. Raises SequenceMismatch, and what `do` raises."""
    alias = instance._state.db or "default"
    request = idempotency.Request(actor, "admin", f"{instance.pk} {act}", token, body)
    with transaction.atomic(using=alias):
        locked = MachineInstance.objects.using(alias).select_for_update(no_key=True, of=("self",))
        actual = locked.values_list("sequence", flat=True).get(pk=instance.pk)
        if idempotency.answer(request, alias) is not None:
            return False
        if actual != sequence:
            raise SequenceMismatch(sequence, actual)
        do()
        idempotency.keep(request, {"act": act, "sequence": sequence}, clock.now(alias), alias)
    return True
