"""What operators do on an instance's pages: once, on what they saw, with a reason, and only who may."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from statemachines import Entry, Machine, On, Sensitive, State, registry
from statemachines.engine import create, outbox, send
from statemachines.models import Effect, HistoryEntry, MachineInstance, RefusedAttempt, Timer
from tests.examples.machines import DoorData, NoteData, Open, account, door, notes, regions

from .conftest import ACTS, signed_in, staff
from .forms import Form

pytestmark = pytest.mark.django_db


def url(name: str, instance: MachineInstance, *args: Any) -> str:
    return reverse(f"admin:statemachines_machineinstance_{name}", args=[instance.pk, *args])


def a_door(key: str = "front", **data: Any) -> MachineInstance:
    return create(door.machine, key, data=DoorData(**data), system=True)


def waiting(seconds: float = 3600) -> MachineInstance:
    made = create(notes.machine, "w", data=NoteData(seconds=seconds), system=True)
    send(made, "wait", system=True)
    return made


def stuck(tmp_path: Any) -> Effect:
    """An effect that has failed for good."""
    made = create(notes.machine, "stuck", data=NoteData(file=str(tmp_path / "notes"), fail=9), system=True)
    send(made, "go", system=True)
    effect = Effect.objects.get(instance=made)
    for _ in range(5):
        Effect.objects.update(due_at=made.created_at)
        outbox.run_effect(effect.pk, "default")
    effect.refresh_from_db()
    assert effect.needs_attention
    return effect


def last(instance: MachineInstance) -> HistoryEntry:
    return instance.entries.latest("sequence")


class TestSend:
    def test_an_event_is_sent_with_its_payload(self, operator: Client, olga: User) -> None:
        """The form on the page has a field for each of the payload's, and the operator is the actor."""
        made = a_door()
        fields = Form(operator.get(url("change", made)), url("send", made, "lock")).fields
        assert "payload-code" in fields
        done = operator.post(url("send", made, "lock"), fields | {"payload-code": "1234"}, follow=True)
        assert done.redirect_chain == [(url("change", made), 302)]
        entry = last(made)
        assert (entry.event, entry.payload, entry.actor_label, entry.origin) == (
            "lock", {"code": "1234"}, "olga", "admin",
        )  # fmt: skip

    def test_errors_stand_at_the_field(self, operator: Client) -> None:
        """What the type asks for is asked at the field, and nothing is sent."""
        made = a_door()
        fields = Form(operator.get(url("send", made, "lock"))).fields
        page = operator.post(url("send", made, "lock"), fields)
        assert page.context["form"].payload.errors["code"]
        assert made.entries.count() == 1

    def test_a_double_click_sends_once(self, operator: Client) -> None:
        """The same form twice is one event, and the second answer says that it was done."""
        made = a_door()
        fields = Form(operator.get(url("send", made, "open"))).fields
        for _ in range(2):
            assert operator.post(url("send", made, "open"), fields).status_code == 302
        assert made.entries.count() == 2

    def test_a_stale_form_is_asked_again(self, operator: Client) -> None:
        """A form from before the instance moved does nothing: what happened is told, and it can be sent anew."""
        made = a_door()
        fields = Form(operator.get(url("send", made, "open"))).fields
        send(made, Open(), system=True)
        send(made, "close", system=True)
        page = operator.post(url("send", made, "open"), fields)
        assert page.status_code == 409
        assert [one.entry.event for one in page.context["meanwhile"]] == ["open", "close"]
        assert made.entries.count() == 3
        again = operator.post(url("send", made, "open"), Form(page).fields)
        assert again.status_code == 302
        assert last(made).event == "open"

    def test_a_refusal_says_why(self, operator: Client) -> None:
        """What the machine refuses is said in its words, and leaves a trace."""
        made = a_door(code="1234")
        send(made, door.machine.events["lock"](code="1234"), system=True)
        fields = Form(operator.get(url("send", made, "open"))).fields
        page = operator.post(url("send", made, "open"), fields)
        assert "Say the code." in page.content.decode()
        assert RefusedAttempt.objects.get().code == "no_code"

    def test_a_refused_event_is_grey_with_its_guard(self, operator: Client) -> None:
        """An event whose guard says no is no button; the guard is named."""
        made = a_door(code="1234")
        send(made, door.machine.events["lock"](code="1234"), system=True)
        page = operator.get(url("change", made))
        assert [(one.name, one.guards) for one in page.context["refused"]] == [("demolish", ["it is old"])]
        assert url("send", made, "demolish") not in page.content.decode()


class TestForce:
    def forced(self, client: Client, made: MachineInstance, **given: Any) -> Any:
        fields = Form(client.get(url("force", made))).fields
        preview = client.post(url("force", made), fields | given | {"step": "preview"})
        assert preview.templates[0].name.endswith("confirm.html"), preview.context["form"].errors
        return preview

    def test_before_and_after_then_done(self, operator: Client) -> None:
        """The confirmation draws before and after; confirmed, the history has who, why, from and to."""
        made = a_door()
        preview = self.forced(operator, made, targets="locked", reason="The key broke.")
        shown = preview.context["preview"]
        assert (shown.before, shown.after) == ("Closed", "Locked")
        assert preview.content.decode().count("<svg xmlns") >= 2
        assert made.entries.count() == 1
        confirm = Form(preview).fields | {"step": "confirm"}
        assert operator.post(url("force", made), confirm).status_code == 302
        entry = last(made)
        assert (entry.event, entry.reason, entry.actor_label) == ("statemachines.force", "The key broke.", "olga")
        assert (entry.source, entry.target) == (["closed"], ["locked"])
        # again, by a double click
        assert operator.post(url("force", made), confirm).status_code == 302
        assert made.entries.count() == 2

    def test_a_state_that_is_left_loses_its_timer_and_that_is_told(self, operator: Client) -> None:
        """The confirmation says what starts and what stops."""
        made = waiting()
        shown = self.forced(operator, made, targets="asking", entering="enter", reason="x").context["preview"]
        assert shown.starts == ["Note"]
        assert shown.stops == ["Time elapsed in waiting"]

    def test_regions_are_chosen_each(self, operator: Client) -> None:
        """In a parallel state, one state of each region; what excludes each other is refused at the field."""
        made = create(regions.machine, "r", data={}, system=True)
        fields = Form(operator.get(url("force", made))).fields | {"reason": "x", "step": "preview"}
        page = operator.post(url("force", made), fields | {"targets": ["both.left.l1", "both.left.l2"]})
        assert page.context["form"].errors["targets"]
        shown = operator.post(url("force", made), fields | {"targets": ["both.left.l2", "both.right.r2"]})
        assert shown.context["preview"].after == "L2 of left, r2 of right"

    def test_an_end_that_nobody_is_told_of_is_pointed_out(self, operator: Client) -> None:
        """Whoever moves an instance to an end inside it without entering reads that it will stay there."""
        made = create(regions.machine, "r", data={}, system=True)
        ends = {"targets": ["both.left.l2", "both.right.r2"], "reason": "x"}
        for entering, waits in (("quiet", "L2 of left, r2 of right"), ("enter", "")):
            page = self.forced(operator, made, entering=entering, **ends)
            assert page.context["preview"].waits == waits
            assert ("the instance will stay there" in page.content.decode()) is bool(waits)

    def test_it_is_refused_when_the_instance_moved(self, operator: Client) -> None:
        """Confirming what was previewed before the instance moved does nothing."""
        made = a_door()
        confirm = Form(self.forced(operator, made, targets="locked", reason="x")).fields | {"step": "confirm"}
        send(made, Open(), system=True)
        page = operator.post(url("force", made), confirm)
        assert page.status_code == 409
        assert last(made).event == "open"

    def test_data_are_edited_with_it_where_allowed(self, operator: Client) -> None:
        """Who may edit data may do so while forcing; the difference is shown and kept."""
        made = a_door()
        preview = self.forced(operator, made, targets="locked", reason="x", **{"data-code": "99"})
        assert [(one.field, one.before, one.after) for one in preview.context["preview"].changes] == [
            ("code", "", "99")
        ]
        operator.post(url("force", made), Form(preview).fields | {"step": "confirm"})
        made.refresh_from_db()
        assert (made.state, made.data["code"]) == ("locked", "99")

    def test_without_edit_data_the_data_stay(self) -> None:
        """Who may force, but not edit data, changes no data, whatever the form says."""
        client = signed_in(staff("fred", "force_transition"))
        made = a_door()
        preview = self.forced(client, made, targets="locked", reason="x", **{"data-code": "99"})
        client.post(url("force", made), Form(preview).fields | {"step": "confirm", "data-code": "99"})
        made.refresh_from_db()
        assert (made.state, made.data["code"]) == ("locked", "")


class Vault(msgspec.Struct, frozen=True):
    pin: Annotated[str, Sensitive] = "4711"


def rattle(data: Vault) -> Vault:
    raise ValueError(f"{data.pin} opens nothing")


@pytest.fixture
def vault() -> Iterator[MachineInstance]:
    """An instance whose machine knows a secret, and fails at everything."""
    machine = Machine("vault", State("shut", On("shake", do=rattle)), State("open", Entry(rattle)), data=Vault)
    registered = registry.register(machine, app_label="examples")
    yield create(machine, "v", data=Vault(), system=True)
    del registry._machines[registered.name]


def test_a_bugs_text_may_be_a_secret(operator: Client, vault: MachineInstance) -> None:
    """Where a machine's own function fails, the page says where; what it said is masked if it may hold a secret."""
    sent = operator.post(url("send", vault, "shake"), Form(operator.get(url("send", vault, "shake"))).fields)
    fields = Form(operator.get(url("force", vault))).fields | {"targets": "open", "entering": "enter", "reason": "x"}
    forced = operator.post(url("force", vault), fields | {"step": "preview"})
    for page in (sent, forced):
        assert "rattle" in page.content.decode()
        assert "opens nothing" not in page.content.decode()


class TestData:
    def test_an_edit_moves_nothing(self, operator: Client) -> None:
        """Data are edited by type; the timers run on, and the history can be read as of any entry."""
        made = waiting()
        fields = Form(operator.get(url("data", made))).fields
        preview = operator.post(url("data", made), fields | {"data-answer": "42", "reason": "Typo.", "step": "preview"})
        assert [one.field for one in preview.context["preview"].changes] == ["answer"]
        assert operator.post(url("data", made), Form(preview).fields | {"step": "confirm"}).status_code == 302
        made.refresh_from_db()
        assert (made.state, made.data["answer"], made.timers.count()) == ("waiting", "42", 1)
        assert last(made).event == "statemachines.data"
        assert operator.get(url("entry", made, made.sequence)).context["data"]["answer"] == "42"
        assert operator.get(url("entry", made, made.sequence - 1)).context["data"]["answer"] == ""

    def test_a_wrong_value_is_told_at_the_field(self, operator: Client) -> None:
        """A value of another type is refused where it stands."""
        made = a_door()
        fields = Form(operator.get(url("data", made))).fields
        page = operator.post(url("data", made), fields | {"data-fee": "much", "reason": "x", "step": "preview"})
        assert page.context["form"].typed.errors["fee"]

    def test_sensitive_values_are_masked_and_stay(self, operator: Client) -> None:
        """A masked value is never in the page, and an edit of something else keeps it."""
        made = create(account.machine, "a", data={"name": "Ann", "email": "ann@secret.example"}, system=True)
        page = operator.get(url("data", made))
        preview = operator.post(
            url("data", made), Form(page).fields | {"data-name": "Bea", "reason": "x", "step": "preview"}
        )
        done = operator.post(url("data", made), Form(preview).fields | {"step": "confirm"}, follow=True)
        for shown in (page, preview, done):
            assert "ann@secret.example" not in shown.content.decode()
        made.refresh_from_db()
        assert made.data == {"name": "Bea", "email": "ann@secret.example"}

    def test_unchanged_values_stay_as_they_are(self, operator: Client) -> None:
        """A field that is not touched keeps its exact value: 1.10 is not 1.1."""
        made = a_door(fee=Decimal("1.10"))
        fields = Form(operator.get(url("data", made))).fields | {"data-opened": "7", "reason": "x"}
        preview = operator.post(url("data", made), fields | {"step": "preview"})
        operator.post(url("data", made), Form(preview).fields | {"step": "confirm"})
        made.refresh_from_db()
        assert made.data == {"opened": 7, "code": "", "fee": "1.10"}


class TestRepair:
    def test_lifecycle(self, operator: Client) -> None:
        """Pause, resume and cancel: each with a reason, each an entry."""
        made = a_door()
        for act, status in (("pause", "paused"), ("resume", "active"), ("cancel", "cancelled")):
            fields = Form(operator.get(url("act", made, act))).fields
            assert operator.post(url("act", made, act), fields).status_code == 200  # no reason
            assert operator.post(url("act", made, act), fields | {"reason": f"to {act}"}).status_code == 302
            made.refresh_from_db()
            assert (made.status, last(made).reason) == (status, f"to {act}")

    def test_a_failed_effect_is_retried_once(self, operator: Client, tmp_path: Any) -> None:
        """The page says why it failed; a retry sent twice is one retry."""
        effect = stuck(tmp_path)
        page = operator.get(url("change", effect.instance))
        assert "ConnectionError: not yet" in page.content.decode()
        address = url("effect", effect.instance, effect.pk, "retry")
        fields = Form(operator.get(address)).fields | {"reason": "It is back."}
        for _ in range(2):
            assert operator.post(address, fields).status_code == 302
        effect.refresh_from_db()
        assert (effect.status, effect.needs_attention) == ("waiting", False)
        assert [one.reason for one in effect.instance.entries.filter(event="statemachines.effect.retry")] == [
            "It is back."
        ]

    def test_an_effect_is_skipped_or_given_a_result(self, operator: Client, tmp_path: Any) -> None:
        """A result has the type that the function returns."""
        effect = stuck(tmp_path)
        address = url("effect", effect.instance, effect.pk, "result")
        fields = Form(operator.get(address)).fields
        operator.post(address, fields | {"reason": "By hand.", "result-value": "done by hand"})
        effect.refresh_from_db()
        assert (effect.status, effect.result) == ("applied", "done by hand")
        made = create(notes.machine, "s", data=NoteData(file=str(tmp_path / "s")), system=True)
        send(made, "go", system=True)
        other = made.effects.get()
        address = url("effect", made, other.pk, "skip")
        operator.post(address, Form(operator.get(address)).fields | {"reason": "Not needed."})
        other.refresh_from_db()
        assert other.status == "skipped"

    def test_timers(self, operator: Client) -> None:
        """A timer is postponed, fired or cancelled; one that is gone is told to be gone."""
        made = waiting()
        timer = made.timers.get()
        address = url("timer", made, timer.pk, "postpone")
        fields = Form(operator.get(address)).fields
        operator.post(address, fields | {"reason": "Later.", "to": "2031-01-02T03:04:05"})
        timer.refresh_from_db()
        assert timer.due_at.isoformat() == "2031-01-02T03:04:05+00:00"
        address = url("timer", made, timer.pk, "fire")
        operator.post(address, Form(operator.get(address)).fields | {"reason": "Now."})
        made.refresh_from_db()
        assert made.state == "rang"
        assert not Timer.objects.exists()
        assert operator.get(address).status_code == 404

    def test_kinds_are_held_and_released(self, operator: Client, tmp_path: Any) -> None:
        """An effect's kind is held with a reason, shown to be, and released."""
        home = reverse("admin:statemachines_machineoverview_changelist")
        hold, release = (reverse(f"admin:statemachines_machineoverview_{name}") for name in ("hold", "release"))
        assert operator.post(hold, {"name": "examples.note", "reason": ""}).status_code == 200
        assert operator.post(hold, {"name": "examples.note", "reason": "They are down."}).status_code == 302
        assert "They are down." in operator.get(home).content.decode()
        assert operator.post(release, {"name": "examples.note"}).status_code == 302
        assert "They are down." not in operator.get(home).content.decode()


@pytest.mark.parametrize("missing", ACTS)
def test_without_its_permission_an_act_is_not_shown_and_denied_with_a_trace(missing: str, tmp_path: Any) -> None:
    """Each act needs its own permission: without it there is no button, and trying leaves a trace and does nothing."""
    client = signed_in(staff("pat", "view_machineinstance", *(one for one in ACTS if one != missing)))
    effect = stuck(tmp_path)
    made, timed = effect.instance, waiting()
    timer = timed.timers.get()
    addresses = {
        "send_event": [url("send", made, "go")],
        "force_transition": [url("force", made)],
        "edit_data": [url("data", made)],
        "operate_instance": [url("act", made, "pause"), url("act", made, "cancel")],
        "operate_effects": [url("effect", made, effect.pk, "retry"), url("timer", timed, timer.pk, "fire")],
    }
    shown = client.get(url("change", made)).content.decode() + client.get(url("change", timed)).content.decode()
    counts = HistoryEntry.objects.count()
    for codename, pages in addresses.items():
        for address in pages:
            assert (address in shown) == (codename != missing)
            assert client.get(address).status_code == (403 if codename == missing else 200)
            if codename == missing:
                assert client.post(address, {"reason": "x"}).status_code == 403
    assert HistoryEntry.objects.count() == counts
    assert {one.code for one in RefusedAttempt.objects.all()} == {"permission_denied"}
    assert RefusedAttempt.objects.count() == len(addresses[missing])


def test_acts_are_posts(operator: Client) -> None:
    """Reading any page changes nothing, and the pages without a form take no GET."""
    made = waiting()
    before = made.sequence
    timer = made.timers.get()
    for address in (
        url("change", made), url("send", made, "stop"), url("act", made, "pause"), url("force", made),
        url("data", made), url("timer", made, timer.pk, "fire"), url("entry", made, 1),
        reverse("admin:statemachines_machineoverview_hold"), reverse("admin:statemachines_machineoverview_release"),
    ):  # fmt: skip
        assert operator.get(address, {"step": "confirm", "reason": "x"}).status_code in (200, 302)
    made.refresh_from_db()
    assert made.sequence == before


def test_who_may_see_nothing_gets_nothing(client: Client) -> None:
    """Staff without a permission are refused every page; who is not signed in is asked to."""
    made = a_door()
    addresses = [url("change", made), url("send", made, "open"), url("act", made, "pause"), url("force", made),
                 url("data", made), url("entry", made, 1), reverse("admin:statemachines_machineoverview_changelist"),
                 reverse("admin:statemachines_machineinstance_changelist")]  # fmt: skip
    stranger = signed_in(staff("stan"))
    for address in addresses:
        assert stranger.get(address).status_code == 403
        assert "/login/" in client.get(address).headers["Location"]


def test_the_reader_sees_all_and_has_no_button(reader: Client, tmp_path: Any) -> None:
    """With the permission to view: the page, its effects and its history, and no form that changes anything."""
    effect = stuck(tmp_path)
    text = reader.get(url("change", effect.instance)).content.decode()
    assert "ConnectionError: not yet" in text
    for name in ("/send/", "/act/", "/force/", "/data/", "/retry/"):
        assert name not in text
