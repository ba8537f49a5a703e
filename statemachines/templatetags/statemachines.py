"""`{% load statemachines %}`: pictures of machines and instances, as SVG in the page.

Link `statemachines/diagram.css` for dark pages. Limits: who may see what is asked by the view.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from statemachines import picture
from statemachines.core.diagram.overlay import Count
from statemachines.core.machine import Machine
from statemachines.exceptions import UnknownMachine, UnknownVersion
from statemachines.models import MachineInstance
from statemachines.registry import Registered

register = template.Library()


@register.simple_tag
def machine_diagram(machine: Machine[Any] | Registered | str, counts: Mapping[str, Count] | None = None) -> SafeString:
    """Draw a machine, given by itself or by name; `counts` as `picture.counted` returns them."""
    return mark_safe(picture.machine_svg(machine, counts))  # every text in it is escaped by the writer


@register.simple_tag
def instance_diagram(instance: MachineInstance) -> SafeString:
    """Draw an instance; where this code does not have its machine, say so."""
    try:
        return mark_safe(picture.instance_svg(instance))  # every text in it is escaped by the writer
    except (UnknownMachine, UnknownVersion) as error:
        return format_html('<p class="statechart-missing">{}</p>', str(error))
