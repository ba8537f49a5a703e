"""The admin site at an address of the host's own, and the views."""

from django.contrib import admin
from django.urls import path

from . import views

urlpatterns = [
    path("office/", admin.site.urls),
    path("lamps/<key>/make", views.make),
    path("lamps/<key>/press", views.press),
    path("lamps/<key>/press-twice", views.press_twice),
]
