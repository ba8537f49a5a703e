"""Two admin sites beside each other: the stock one, and one of a project's own under another name."""

from django.contrib import admin
from django.urls import path

from statemachines.admin import register

office = admin.AdminSite("office")
register(office)

urlpatterns = [path("admin/", admin.site.urls), path("office/", office.urls)]
