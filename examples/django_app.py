"""A Django site in one file, with its admin left out of the gates, and a template that looks at the visitor's choice.

In a project of your own, the last line of the site stands in ``asgi.py``, and the settings in ``settings.py``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.template import engines
from django.urls import path

from cookie_consent import ConsentMiddleware

if TYPE_CHECKING:
    from django.http import HttpRequest

HOME = """{% load cookie_consent %}<!doctype html><html lang="en"><head><title>Library</title>
<script async src="https://www.googletagmanager.com/gtag/js?id=G-EXAMPLE"></script></head>
<body><h1>Library</h1><p>Your visit is {% if not request|allows:"analytics" %}not {% endif %}counted.</p>
</body></html>"""

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    INSTALLED_APPS=["cookie_consent.contrib.django"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY=os.environ.get("DJANGO_SECRET_KEY", "for this example only"),
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        }
    ],
)


def home(request: HttpRequest) -> HttpResponse:
    """Show the page."""
    return HttpResponse(engines["django"].from_string(HOME).render({}, request))


urlpatterns = [path("", home)]

app = ConsentMiddleware(get_asgi_application(), policy=Path(__file__).parent / "django.toml")

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
