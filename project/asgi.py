"""The project as an ASGI application."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
# Each request has a thread of its own here, so a connection that is kept open is never used again.
os.environ.setdefault("CONN_MAX_AGE", "0")

application = get_asgi_application()
