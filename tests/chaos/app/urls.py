"""The project's addresses, and those of chaos's own machines."""

from django.urls import include, path

from . import views

urlpatterns = [
    path("api/", include("orders.urls")),
    path("chaos/complete/<str:token>/", views.complete),
    path("chaos/<str:machine>/<str:key>/", views.create),
    path("chaos/<str:machine>/<str:key>/<str:event>/", views.send),
]
