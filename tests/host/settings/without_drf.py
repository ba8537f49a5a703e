"""The hostile host where Django REST framework is not installed."""

from .hostile import *  # noqa: F403
from .hostile import INSTALLED_APPS

INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "rest_framework"]
