"""The addresses of a site in Django."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.urls import path

from cookie_consent import consent_of

if TYPE_CHECKING:
    from django.http import HttpRequest


def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(consent_of(request).gpc), content_type="text/plain")


urlpatterns = [path("", home)]
