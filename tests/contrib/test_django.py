"""Django's template filters ask for the consent of the request."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from django.template import Context, Engine

from cookie_consent import ConfigurationError, Consent
from cookie_consent.banner import Renderer
from cookie_consent.consent import RENDERER
from cookie_consent.testing import make_policy

LIBRARY = "cookie_consent.contrib.django.templatetags.cookie_consent"
ENGINE = Engine(libraries={"cookie_consent": LIBRARY})
POLICY = make_policy(services={"youtube": {}})


def shown(condition: str, **context: Any) -> str:
    source = f"{{% load cookie_consent %}}{{% if {condition} %}}yes{{% else %}}no{{% endif %}}"
    return str(ENGINE.from_string(source).render(Context(context)))


def asked(*granted: str, services: dict[str, bool] | None = None) -> SimpleNamespace:
    consent = Consent(policy=POLICY, granted=frozenset({"session", *granted}), services=services or {})
    return SimpleNamespace(scope={"type": "http", "consent": consent})


@pytest.mark.parametrize(
    ("condition", "request_", "expected"),
    [
        ('request|allows:"analytics"', asked("analytics"), "yes"),
        ('request|allows:"analytics"', asked(), "no"),
        ('not request|allows:"analytics"', asked(), "yes"),
        ('request|allows:"analytics" and request|allows:"social"', asked("analytics"), "no"),
        ('request|allows_service:"youtube"', asked(services={"youtube": True}), "yes"),
        ('request|allows_service:"youtube"', asked(POLICY.known_service("youtube").category), "yes"),  # type: ignore[union-attr]
        ('request|allows_service:"youtube"', asked(), "no"),
    ],
)
def test_a_template_shows_what_the_visitor_has_agreed_to(condition: str, request_: Any, expected: str) -> None:
    assert shown(condition, request=request_) == expected


@pytest.mark.parametrize("context", [{}, {"request": SimpleNamespace(scope={"type": "http"})}])
def test_a_template_without_a_consent_says_what_is_missing(context: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        shown('request|allows:"analytics"', **context)


def test_a_template_contains_the_declaration() -> None:
    renderer = Renderer(
        POLICY,
        assets={"banner.js": "/b.js", "banner.css": "/b.css", "frame.css": "/frame.css", "page.css": "/page.css"},
    )
    scope = {"type": "http", "headers": [(b"accept-language", b"es")], RENDERER: (renderer, "/shop")}
    context = Context({"request": SimpleNamespace(scope=scope)})
    for source, language in (("{% consent_declaration %}", "es"), ('{% consent_declaration "ar" %}', "ar")):
        page = ENGINE.from_string("{% load cookie_consent %}" + source).render(context)
        assert page.lstrip().startswith(f'<section class="cc-declaration" lang="{language}"')
        assert 'href="/shop/_consent/preferences"' in page
        assert "YouTube" in page


@pytest.mark.parametrize("context", [{}, {"request": SimpleNamespace(scope={"type": "http"})}])
def test_without_the_middleware_there_is_no_declaration(context: dict[str, Any]) -> None:
    template = ENGINE.from_string("{% load cookie_consent %}{% consent_declaration %}")
    with pytest.raises(ConfigurationError):
        template.render(Context(context))


@pytest.mark.server
def test_installed_as_an_application_its_library_is_found() -> None:
    code = """
import django
from django.conf import settings
from django.template import engines
settings.configure(
    INSTALLED_APPS=["cookie_consent.contrib.django"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
)
django.setup()
from django.core.management import call_command
call_command("check", fail_level="WARNING")
engines["django"].from_string('{% load cookie_consent %}')
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
