"""The generic endpoints, as a project includes them."""

from django.urls import include, path

urlpatterns = [path("machines/", include("statemachines.api.urls"))]
