"""A site in Django, which has one set of settings for the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import setup
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

from cookie_consent import consent_of

if TYPE_CHECKING:
    from typing import Any

    from django.http import HttpRequest


def django(*, by_asgi: bool) -> Any:
    """Return the site as an ASGI or WSGI application."""
    if not settings.configured:
        settings.configure(
            ALLOWED_HOSTS=["*"],
            DEBUG_PROPAGATE_EXCEPTIONS=True,
            MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
            ROOT_URLCONF=__name__,
            SECRET_KEY="a key for tests alone",
            SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        )
    setup()
    return get_asgi_application() if by_asgi else get_wsgi_application()


def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(consent_of(request).gpc), content_type="text/plain")


def sign_in(request: HttpRequest) -> HttpResponse:
    request.session["user"] = request.session.get("user", 0) + 1
    return HttpResponse(f"visit {request.session['user']}", content_type="text/plain")


urlpatterns = [path("", home), path("sign-in", sign_in)]
