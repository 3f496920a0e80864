"""What the applications on Django share: settings, a database with the user ann, addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["URLS", "set_up", "urlpatterns"]

URLS: list[Any] = []
urlpatterns = URLS


def set_up(folder: Path, apps: list[str], middleware: tuple[str, ...] = (), **settings: Any) -> None:
    """Configure Django with ``apps`` beside those of its admin; make the database and a superuser if there are none."""
    import django
    from django.conf import settings as configured
    from django.core.management import call_command

    configured.configure(
        SECRET_KEY="x" * 50,
        DEBUG=True,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="tests.realapps.djangos",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "django.db"}},
        MEDIA_ROOT=folder / "media",
        MEDIA_URL="/media/",
        STATIC_URL="/static/",
        USE_TZ=True,
        INSTALLED_APPS=[
            *apps,
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "django.contrib.staticfiles",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
            *middleware,
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [folder / "templates"],
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        **settings,
    )
    django.setup()
    call_command("migrate", verbosity=0)
    from django.contrib.auth import get_user_model

    users = get_user_model().objects
    if not users.exists():
        users.create_superuser("ann", "ann@shop.example", "a password of ann")
