"""What all pages share: their context, their addresses, who may see them, and how a refusal looks.

Limits: for model admins of instances' rows, on any admin site.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import connections, router, transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from statemachines.models import MachineInstance

from . import filters, permissions

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:
    Base = admin.ModelAdmin  # takes no type arguments at run time

LABELS = {
    permissions.SEND: _("Can send events to instances"),
    permissions.FORCE: _("Can force instances into a state"),
    permissions.EDIT: _("Can edit what instances own"),
    permissions.OPERATE: _("Can pause, resume and cancel instances"),
    permissions.EFFECTS: _("Can repair effects and timers"),
}


COUNTED = 1_000
"""As many rows are counted; of more it is said that there are more."""

MOST_KEYS = 1_000
"""How many keys may be sought at once."""


def unheld(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Keep a view out of the request's transaction, where a project has such: no picture is drawn inside one.

    What is done by a page is a transaction of its own, and so is the trace of what is not.
    """
    for alias in connections:
        transaction.non_atomic_requests(alias)(view)
    return view


class Counted(int):
    """A number that is written as "more than" where counting has stopped."""

    def __str__(self) -> str:
        return gettext("more than %(count)d") % {"count": COUNTED} if self > COUNTED else int.__repr__(self)


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """A paginator that counts no further than it must."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return Counted(rows.order_by().values("pk")[: COUNTED + 1].count())

    @cached_property
    def num_pages(self) -> int:
        return -(-min(self.count, COUNTED) // self.per_page) or 1


class ReadOnly(Base):
    """Shows rows to those who may see their instances, and lets nobody add, change or delete one.

    `to_instance` leads from a row to its instance, where policies say which are seen. Lists are fast on millions of
    rows: nothing is counted in full, and instances are found by their whole key.
    """

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    sortable_by = ()
    ordering = ("-id",)
    search_help_text = _("A whole key; several are separated by spaces.")
    to_instance: str | None = None

    @property
    def using(self) -> str:
        """The database that the list is read from."""
        return router.db_for_read(MachineInstance)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find whole keys, by the unique index; a key may have spaces in it."""
        term = search_term.strip()
        if not term:
            return queryset, False
        keys = list(dict.fromkeys([term, *re.split(r"[\s,;]+", term)]))[:MOST_KEYS]
        of_any = filters.any_machine(request, queryset, self.using, self.to_instance or "")
        return of_any.filter(**{f"{self.to_instance}key__in": keys}), False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return rows if self.to_instance is None else permissions.visible(request, rows, self.to_instance)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return permissions.may_view(request, obj if isinstance(obj, MachineInstance) else None)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return permissions.may_view(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Pages(ReadOnly):
    """A model admin with pages of its own."""

    def page(self, request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
        """Render a page as the admin site's own ones are."""
        request.current_app = self.admin_site.name
        common = {**self.admin_site.each_context(request), "opts": self.opts, "is_popup": False, "subtitle": None}
        return TemplateResponse(request, f"admin/statemachines/{template}", {**common, **context}, status=status)

    def address(self, name: str, *args: Any, model: str = "machineinstance") -> str:
        """Return the address of a page on this admin site."""
        return reverse(f"admin:statemachines_{model}_{name}", args=args, current_app=self.admin_site.name)

    def found(self, request: HttpRequest, object_id: str) -> MachineInstance:
        """Return the instance that a page is about. Raises Http404, and PermissionDenied where it may not be seen."""
        instance: MachineInstance | None = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, instance):
            raise PermissionDenied
        if instance is None:
            raise Http404(gettext("There is no such machine instance."))
        return instance

    def back(self, instance: MachineInstance, place: str = "") -> HttpResponseRedirect:
        """Return to an instance's page."""
        return HttpResponseRedirect(self.address("change", instance.pk) + place)

    def denied(self, request: HttpRequest, instance: MachineInstance | None, act: str, codename: str) -> HttpResponse:
        """Say which permission is missing, after a trace of the attempt."""
        text = gettext("%(user)s lacks the permission “%(permission)s”.") % {
            "user": request.user,
            "permission": LABELS[codename],
        }
        if instance is None:
            logger.warning("%s was denied: %s", act, text)
        elif request.method == "POST":
            permissions.trace(request, instance, act, "permission_denied", text)
        context = {"title": gettext("Not permitted"), "text": text, "instance": instance}
        return self.page(request, "denied.html", context, status=403)
