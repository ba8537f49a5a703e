"""The tables: instances, their history, their timers, and the outbox of their effects.

Foreign keys to the instance have no index of their own: each table has one that begins with the instance.
Limits: only `engine` writes them; `MachineInstance.send` delegates to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from django.db import models
from django.utils.translation import gettext_lazy as _

from . import registry
from .core.codec import codec
from .core.events import Actor, AnyEvent
from .core.snapshot import Snapshot
from .fields import ConfigurationField
from .querysets import AppendOnlyQuerySet, EffectQuerySet, MachineInstanceQuerySet, append_only

if TYPE_CHECKING:
    from .engine import Sent


class MachineVersion(models.Model):
    """A published version of a machine: `definition` is the text of its file, `fingerprint` that of its structure.

    `migrate` records it, and nothing changes it after that.
    """

    machine = models.CharField(_("machine"), max_length=200)
    version = models.PositiveIntegerField(_("version"))
    fingerprint = models.CharField(_("fingerprint"), max_length=64)
    definition = models.TextField(_("definition"))
    recorded_at = models.DateTimeField(_("recorded at"), auto_now_add=True)

    class Meta:
        verbose_name = _("machine version")
        verbose_name_plural = _("machine versions")
        constraints = [models.UniqueConstraint(fields=["machine", "version"], name="statemachines_machine_version")]

    def __str__(self) -> str:
        return f"{self.machine} version {self.version}"


class MachineInstance(models.Model):
    """A running, or ended, instance of a machine. `key` is the project's own name for it, unique per machine."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        PAUSED = "paused", _("paused")
        DONE = "done", _("done")
        CANCELLED = "cancelled", _("cancelled")

    class Upgrades(models.TextChoices):
        PINNED = "pinned", _("when an operator does it")
        LAZY = "lazy", _("by itself, at its next event")
        NEVER = "never", _("never")

    ENDED = (Status.DONE, Status.CANCELLED)

    machine = models.CharField(_("machine"), max_length=200)
    version = models.PositiveIntegerField(_("version"))
    key = models.CharField(_("key"), max_length=255)
    state = models.TextField(_("state"), help_text=_("The active leaves."))
    configuration = ConfigurationField(_("active states"), default=list)
    data = models.JSONField(_("data"), default=dict)
    history_states = models.JSONField(_("history states"), default=dict)
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.ACTIVE)
    output = models.JSONField(_("output"), null=True, default=None)
    sequence = models.BigIntegerField(_("sequence"), default=0)
    upgrades = models.CharField(
        _("upgrades"),
        max_length=10,
        choices=Upgrades,
        blank=True,
        default="",
        db_default="",
        help_text=_("Blank: as its machine."),
    )
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))

    objects = MachineInstanceQuerySet.as_manager()

    class Meta:
        verbose_name = _("machine instance")
        verbose_name_plural = _("machine instances")
        constraints = [models.UniqueConstraint(fields=["machine", "key"], name="statemachines_instance_key")]
        indexes = [
            models.Index(fields=["machine", "state"], name="statemachines_instance_state"),
            models.Index(fields=["machine", "status", "version"], name="statemachines_instance_status"),
        ]
        permissions = [
            ("send_event", _("Can send events to instances")),
            ("force_transition", _("Can force instances into a state")),
            ("edit_data", _("Can edit what instances own")),
            ("operate_instance", _("Can pause, resume and cancel instances")),
            ("operate_effects", _("Can repair effects and timers")),
        ]

    def __str__(self) -> str:
        return f"{self.machine} {self.key}"

    @property
    def registered(self) -> registry.Registered:
        """The machine that it is an instance of. Raises UnknownMachine and UnknownVersion."""
        return registry.find(self.machine, self.version)

    def snapshot(self) -> Snapshot[Any]:
        """Return the state and the typed data as the core takes them."""
        machine = self.registered.machine
        return Snapshot(
            configuration=tuple(self.configuration),
            data=codec(machine.data_type, f"data of {self.machine}").load(self.data),
            history={path: tuple(paths) for path, paths in self.history_states.items()},
            status="done" if self.status in self.ENDED else "active",
            output=self.output,
        )

    def send(self, event: AnyEvent, *, actor: Actor | None = None, system: bool = False) -> Sent:
        """Send an event; see `statemachines.engine.send`."""
        from .engine import send  # the one import upwards: models are below the engine that writes them

        return send(self, event, actor=actor, system=system)


class PreviousSnapshot(models.Model):
    """What an instance was before its last upgrade, for some time, so that this can be taken back.

    `version` is the one that it was on, `sequence` that of the upgrade. `snapshot` is its state and data, the timers
    that went or were renamed, and the effects that were.
    """

    instance = models.OneToOneField(
        MachineInstance, models.CASCADE, related_name="previous", verbose_name=_("instance"), primary_key=True
    )
    version = models.PositiveIntegerField(_("version"))
    sequence = models.BigIntegerField(_("sequence"))
    snapshot = models.JSONField(_("snapshot"))
    at = models.DateTimeField(_("at"), db_index=True)

    class Meta:
        verbose_name = _("previous snapshot")
        verbose_name_plural = _("previous snapshots")

    def __str__(self) -> str:
        return f"{self.instance_id}: version {self.version}"


class HistoryEntry(models.Model):
    """One committed macrostep. Append-only; `(instance, sequence)` is unique, so a history is linear by constraint.

    `payload` is the event's, `source` and `target` are active paths before and after. `patch` is what changed:
    `{"set": {field: new value}, "unset": [field]}` in the data, `"history"` for recorded history states, `"ended":
    {"output": …}` at the end, each where there is something; `{"omitted": bytes}` where it was not kept, `"redacted"`
    where what was sensitive has been erased.
    `duration_ms` is the time from the lock to the write. Rows are never updated or deleted, nor is an instance that has
    some: a trigger sees to it, as a foreign key that is checked at each commit would cost 4 % of a transition.
    """

    instance = models.ForeignKey(
        MachineInstance,
        models.PROTECT,
        related_name="entries",
        verbose_name=_("instance"),
        db_index=False,
        db_constraint=False,
    )
    sequence = models.BigIntegerField(_("sequence"))
    event = models.CharField(_("event"), max_length=255)
    payload = models.JSONField(_("payload"), default=dict)
    facts = models.JSONField(_("facts"), default=dict)
    source = models.JSONField(_("from"), default=list)
    target = models.JSONField(_("to"), default=list)
    microsteps = models.JSONField(_("microsteps"), default=list)
    patch = models.JSONField(_("change of data"), default=dict)
    actor_kind = models.CharField(_("kind of actor"), max_length=50)
    actor_id = models.CharField(_("actor's id"), max_length=255, blank=True)
    actor_label = models.CharField(_("actor"), max_length=255, blank=True)
    origin = models.CharField(_("origin"), max_length=50, blank=True)
    reason = models.TextField(_("reason"), blank=True)
    version = models.PositiveIntegerField(_("version"))
    duration_ms = models.FloatField(_("duration in ms"), default=0)
    at = models.DateTimeField(_("at"))

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        verbose_name = _("history entry")
        verbose_name_plural = _("history entries")
        ordering = ["instance", "sequence"]
        constraints = [models.UniqueConstraint(fields=["instance", "sequence"], name="statemachines_history_linear")]

    def __str__(self) -> str:
        return f"{self.sequence}: {self.event}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row. Raises TypeError for one that is there already."""
        if not self._state.adding:
            raise append_only()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise TypeError."""
        raise append_only()


class Timer(models.Model):
    """A durable timer: deliver an event at a time. `name` is unique per instance; arming it again replaces it.

    `armed` is the sequence that set it, by which a late firing knows that it is about another one. Where its event
    fails it is tried again after `handed_until`; at last an operator has to look at it: `needs_attention`.
    """

    instance = models.ForeignKey(
        MachineInstance, models.CASCADE, related_name="timers", verbose_name=_("instance"), db_index=False
    )
    name = models.CharField(_("name"), max_length=255)
    event = models.CharField(_("event"), max_length=255)
    payload = models.JSONField(_("payload"), null=True, default=None)
    state = models.CharField(_("state"), max_length=255, blank=True)
    due_at = models.DateTimeField(_("due at"))
    armed = models.BigIntegerField(_("armed at sequence"))
    handed_until = models.DateTimeField(_("handed over until"), null=True, default=None)
    attempts = models.PositiveIntegerField(_("failed attempts"), db_default=0)
    error = models.TextField(_("error"), blank=True, db_default="")
    needs_attention = models.BooleanField(_("needs attention"), db_default=False)

    class Meta:
        verbose_name = _("timer")
        verbose_name_plural = _("timers")
        constraints = [models.UniqueConstraint(fields=["instance", "name"], name="statemachines_timer_name")]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(needs_attention=False), name="statemachines_timer_due"),
            models.Index(
                fields=["instance"], condition=models.Q(needs_attention=True), name="statemachines_timer_attention"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} at {self.due_at}"


class Effect(models.Model):
    """An effect that a transition asked for: written with it, run after it, ended once.

    `key` is its idempotency key, the same over all attempts. `invocation` is set where a state waits for the result.
    `due_at` is the next attempt while it waits, the end of the lease while it runs, the deadline while somebody outside
    completes it. `result` is what the function returned, or with `failure` the error that the machine is told of; it is
    committed before it is applied. What nobody can go on with by itself `needs_attention`.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        CANCELLING = "cancelling", _("running, not wanted any more")
        PENDING = "pending", _("completed from outside")
        RAN = "ran", _("ran, result not applied yet")
        APPLIED = "applied", _("applied")
        IGNORED = "ignored", _("ignored")
        CANCELLED = "cancelled", _("cancelled")
        FAILED = "failed", _("failed")
        SKIPPED = "skipped", _("skipped")

    OPEN = (Status.WAITING, Status.RUNNING, Status.CANCELLING, Status.PENDING, Status.RAN)

    instance = models.ForeignKey(
        MachineInstance, models.CASCADE, related_name="effects", verbose_name=_("instance"), db_index=False
    )
    sequence = models.BigIntegerField(_("asked for at sequence"))
    key = models.UUIDField(_("idempotency key"), unique=True)
    name = models.CharField(_("name"), max_length=255)
    invocation = models.CharField(_("invocation"), max_length=255, blank=True)
    state = models.CharField(_("state"), max_length=255, blank=True)
    version = models.PositiveIntegerField(_("version"))
    input = models.JSONField(_("input"), default=dict)
    limit_key = models.CharField(_("limited by"), max_length=255, blank=True, db_default="")
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.WAITING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    attempts_before = models.PositiveIntegerField(_("attempts before an operator had it tried anew"), db_default=0)
    admitted = models.BooleanField(_("may start at its time, as far as its rate goes"), db_default=False)
    due_at = models.DateTimeField(_("due at"), null=True)
    handed_until = models.DateTimeField(_("handed over until"), null=True, default=None)
    token = models.CharField(_("token"), max_length=255, blank=True, db_default="")
    result = models.JSONField(_("result"), null=True, default=None)
    failure = models.BooleanField(_("failure"), db_default=False)
    applications = models.PositiveIntegerField(_("failed applications"), db_default=0)
    error = models.TextField(_("error"), blank=True)
    needs_attention = models.BooleanField(_("needs attention"), db_default=False)
    created_at = models.DateTimeField(_("created at"))
    ran_at = models.DateTimeField(_("ran at"), null=True, default=None)
    ended_at = models.DateTimeField(_("ended at"), null=True, default=None)

    objects = EffectQuerySet.as_manager()

    class Meta:
        verbose_name = _("effect")
        verbose_name_plural = _("effects")
        constraints = [
            models.UniqueConstraint(
                fields=["name", "token"], condition=~models.Q(token=""), name="statemachines_effect_token"
            )
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(
                    status__in=["waiting", "running", "cancelling", "pending", "ran"], needs_attention=False
                ),
                name="statemachines_effect_open",
            ),
            models.Index(fields=["instance", "sequence"], name="statemachines_effect_of"),
            models.Index(
                fields=["instance"], condition=models.Q(needs_attention=True), name="statemachines_effect_attention"
            ),
            models.Index(
                fields=["name", "limit_key"],
                condition=models.Q(status__in=["running", "cancelling"]),
                name="statemachines_effect_running",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.get_status_display()})"


class EffectHold(models.Model):
    """An operator's word that no effect of this kind may start, on any instance; "*" holds all effects and timers."""

    EVERYTHING = "*"

    name = models.CharField(_("effect"), max_length=255, unique=True)
    reason = models.TextField(_("reason"))
    actor_kind = models.CharField(_("kind of actor"), max_length=50)
    actor_id = models.CharField(_("actor's id"), max_length=255, blank=True)
    actor_label = models.CharField(_("actor"), max_length=255, blank=True)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("held effect")
        verbose_name_plural = _("held effects")

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class EffectPace(models.Model):
    """When an effect with a limit may start next; the row is locked while that is decided."""

    name = models.CharField(_("effect"), max_length=255)
    key = models.CharField(_("key"), max_length=255, blank=True)
    next_at = models.DateTimeField(_("next start at"), null=True, default=None)

    class Meta:
        verbose_name = _("effect's pace")
        verbose_name_plural = _("effects' pace")
        constraints = [models.UniqueConstraint(fields=["name", "key"], name="statemachines_effect_pace")]

    def __str__(self) -> str:
        return f"{self.name} {self.key}".strip()


class SweepRecord(models.Model):
    """The last sweep, in one row: a dead Beat shows by its age."""

    at = models.DateTimeField(_("at"))
    timers = models.PositiveIntegerField(_("timers handed over"))
    effects = models.PositiveIntegerField(_("effects handed over"))

    class Meta:
        verbose_name = _("sweep")
        verbose_name_plural = _("sweeps")

    def __str__(self) -> str:
        return str(self.at)


class RefusedAttempt(models.Model):
    """An event that was refused: who tried what, why not, and how often within a minute."""

    instance = models.ForeignKey(
        MachineInstance, models.CASCADE, related_name="refusals", verbose_name=_("instance"), db_index=False
    )
    event = models.CharField(_("event"), max_length=255)
    code = models.CharField(_("code"), max_length=100)
    text = models.TextField(_("text"))
    actor_kind = models.CharField(_("kind of actor"), max_length=50)
    actor_id = models.CharField(_("actor's id"), max_length=255, blank=True)
    actor_label = models.CharField(_("actor"), max_length=255, blank=True)
    origin = models.CharField(_("origin"), max_length=50, blank=True)
    count = models.PositiveIntegerField(_("count"), default=1)
    first_at = models.DateTimeField(_("first at"))
    last_at = models.DateTimeField(_("last at"))

    class Meta:
        verbose_name = _("refused attempt")
        verbose_name_plural = _("refused attempts")
        indexes = [models.Index(fields=["instance", "first_at"], name="statemachines_refusal_of")]

    def __str__(self) -> str:
        return f"{self.event}: {self.code}"


class IdempotencyRecord(models.Model):
    """The answer that a request got, to be given again where it is sent again."""

    actor = models.CharField(_("actor"), max_length=310)
    operation = models.CharField(_("operation"), max_length=20)
    target = models.CharField(_("target"), max_length=255)
    key = models.CharField(_("key"), max_length=255)
    body_hash = models.CharField(_("hash of the body"), max_length=64)
    answer = models.JSONField(_("answer"))
    created_at = models.DateTimeField(_("created at"), db_index=True)

    class Meta:
        verbose_name = _("idempotency record")
        verbose_name_plural = _("idempotency records")
        constraints = [
            models.UniqueConstraint(fields=["actor", "operation", "target", "key"], name="statemachines_idempotency")
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.target}: {self.key}"


class MachineOverview(MachineInstance):
    """A machine with all its instances: what the admin's pages of machines are about. No table."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = _("machine")
        verbose_name_plural = _("machines")


class BulkJob(models.Model):
    """One act on many instances: which, what, by whom, how far. `instances` are their ids, until all is done.

    `position` is how many are done with; `leased_until` is when another worker may take it up. `refusals` are the first
    that were refused or failed, each with its key and why.
    """

    class Status(models.TextChoices):
        PLANNED = "planned", _("not confirmed")
        RUNNING = "running", _("running")
        DONE = "done", _("done")

    act = models.CharField(_("act"), max_length=50)
    parameters = models.JSONField(_("parameters"), default=dict)
    instances = models.JSONField(_("instances"), default=list)
    total = models.PositiveIntegerField(_("total"), default=0)
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.PLANNED)
    position = models.PositiveIntegerField(_("position"), default=0)
    done = models.PositiveIntegerField(_("done"), default=0)
    refused = models.PositiveIntegerField(_("refused"), default=0)
    failed = models.PositiveIntegerField(_("failed"), default=0)
    refusals = models.JSONField(_("refusals"), default=list)
    reason = models.TextField(_("reason"), blank=True)
    actor_kind = models.CharField(_("kind of actor"), max_length=50)
    actor_id = models.CharField(_("actor's id"), max_length=255, blank=True)
    actor_label = models.CharField(_("actor"), max_length=255, blank=True)
    leased_until = models.DateTimeField(_("leased until"), null=True, default=None)
    created_at = models.DateTimeField(_("created at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, default=None)

    class Meta:
        verbose_name = _("bulk operation")
        verbose_name_plural = _("bulk operations")
        default_permissions = ("view",)
        indexes = [models.Index(fields=["id"], condition=models.Q(status="running"), name="statemachines_bulk_running")]

    def __str__(self) -> str:
        return f"{self.act}: {self.total}"
