"""The project's addresses: the site, its admin, the orders' API, and that of all machines."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("orders.site.urls")),
    path("admin/", admin.site.urls),
    path("api/machines/", include("statemachines.api.urls")),
    path("api/", include("orders.urls")),
]
