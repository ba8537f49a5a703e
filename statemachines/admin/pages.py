"""What all pages share: their context, their addresses, who may see them, and how a refusal looks.

Limits: for model admins of instances' rows, on any admin site.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from statemachines.models import MachineInstance

from . import permissions

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


class ReadOnly(Base):
    """Shows rows to those who may see their instances, and lets nobody add, change or delete one.

    `to_instance` leads from a row to its instance.
    """

    show_full_result_count = False
    to_instance: str | None = "instance__"

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
        if not self.has_view_permission(request):
            raise PermissionDenied
        instance: MachineInstance | None = self.get_object(request, unquote(object_id))
        if instance is None:
            raise Http404(gettext("There is no such machine instance."))
        if not self.has_view_permission(request, instance):
            raise PermissionDenied
        return instance

    def back(self, instance: MachineInstance, place: str = "") -> HttpResponseRedirect:
        """Return to an instance's page."""
        return HttpResponseRedirect(self.address("change", instance.pk) + place)

    def denied(self, request: HttpRequest, instance: MachineInstance | None, act: str, codename: str) -> HttpResponse:
        """Say which permission is missing, after a trace of the attempt.

        Answered, not raised: where a request is one transaction, an exception would take the trace with it.
        """
        text = gettext("%(user)s lacks the permission “%(permission)s”.") % {
            "user": request.user,
            "permission": LABELS[codename],
        }
        if instance is not None and request.method == "POST":
            permissions.trace(request, instance, act, "permission_denied", text)
        context = {"title": gettext("Not permitted"), "text": text, "instance": instance}
        return self.page(request, "denied.html", context, status=403)
