"""A machine in the admin of the project's own models: where a row's instance is, what it may be told, and its picture.

    class OrderAdmin(WithMachine, admin.ModelAdmin):
        readonly_fields = ["machine_state", "machine_events", "machine_picture"]

Limits: shows, with links to the instance's own page, where it is driven; who may see the row may see this.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from statemachines.models import MachineInstance
from statemachines.templatetags.statemachines import instance_diagram

from .instances import machine_of
from .offered import offered
from .words import states_in_words


class WithMachine:
    """Mix it into a model admin; `machine_field` names the model's relation to its instance."""

    machine_field = "instance"
    admin_site: Any

    class Media:
        css = {"all": ["statemachines/diagram.css", "statemachines/admin.css"]}

    @admin.display(description=_("state"), empty_value="")
    def machine_state(self, row: Any) -> SafeString | None:
        """Say where the row's instance is, with a link to its page."""
        instance = self._instance(row)
        return None if instance is None else format_html(
            '<a href="{}">{}</a> <span class="sm-pill {}">{}</span>',
            self._page(instance), states_in_words(instance.state), instance.status, instance.get_status_display(),
        )  # fmt: skip

    @admin.display(description=_("possible events"), empty_value="")
    def machine_events(self, row: Any) -> SafeString | None:
        """Name the events that the row's instance would take now, with links to where they are sent."""
        instance = self._instance(row)
        machine = machine_of(instance) if instance else None
        if instance is None or machine is None:
            return None
        page = self._page(instance)
        events = [one.words for one in offered(machine, instance, sending=False) if one.verdict != "refused"]
        return format_html_join(", ", '<a href="{}#sm-events">{}</a>', ((page, words) for words in events))

    @admin.display(description=_("where it is"), empty_value="")
    def machine_picture(self, row: Any) -> SafeString | None:
        """Draw the row's instance."""
        instance = self._instance(row)
        if instance is None:
            return None
        return format_html('<div class="sm-picture">{}</div>', instance_diagram(instance))

    def _instance(self, row: Any) -> MachineInstance | None:
        found: MachineInstance | None = getattr(row, self.machine_field)
        return found

    def _page(self, instance: MachineInstance) -> str:
        name = "admin:statemachines_machineinstance_change"
        return reverse(name, args=[instance.pk], current_app=self.admin_site.name)
