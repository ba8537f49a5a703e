"""A host that has set everything otherwise than this repository's project."""

import os

import environ

from .alone import SQLITE

SECRET_KEY = "of a host in the tests"
DEBUG = False
ALLOWED_HOSTS = ["testserver"]
INSTALLED_APPS = [
    "tests.host.lamps.office.OfficeConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "rest_framework",
    "django_celery_beat",
    "tests.host.lamps",
    "statemachines",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "tests.host.lamps.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "string_if_invalid": "INVALID",
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
DATABASES = {"default": environ.Env.db_url_config(os.environ["HOST_DATABASE_URL"]) | {"ATOMIC_REQUESTS": True}}
POSTGRESQL = {"server_side_binding": True, "isolation_level": 3}  # 3: REPEATABLE READ
DATABASES["default"]["OPTIONS"] = SQLITE if DATABASES["default"]["ENGINE"].endswith("sqlite3") else POSTGRESQL
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
AUTH_USER_MODEL = "lamps.Person"
LANGUAGE_CODE = "de"
USE_THOUSAND_SEPARATOR = True
TIME_ZONE = "Asia/Kathmandu"
STATIC_URL = "assets/"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["tests.host.rest.Denied"],
    "DEFAULT_RENDERER_CLASSES": ["tests.host.rest.Mute"],
    "DEFAULT_PARSER_CLASSES": ["tests.host.rest.Deaf"],
    "DEFAULT_PAGINATION_CLASS": "tests.host.rest.OnePage",
    "DEFAULT_FILTER_BACKENDS": ["tests.host.rest.Nothing"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "tests.host.rest.Stubborn",
    "EXCEPTION_HANDLER": "tests.host.rest.fall_over",
    "COERCE_DECIMAL_TO_STRING": False,
    "UNAUTHENTICATED_USER": None,
    "PAGE_SIZE": 1,
}
STATEMACHINES = {"DISPATCHER": "statemachines.engine.dispatch.SweepOnly"}
