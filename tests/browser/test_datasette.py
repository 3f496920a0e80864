"""Datasette, with the tags that sites put into its template."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from datasette.app import Datasette

from tests.browser.journey import (
    assert_activated_on_the_page,
    assert_held_to_the_choice,
    assert_live,
    assert_works_without_scripts,
)

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp

    from tests.browser.conftest import Visiting

TEMPLATE = """{% extends "default:base.html" %}
{% block extra_head %}
<script async src="https://www.googletagmanager.com/gtag/js?id=G-TEST"></script>
<script>
  window.dataLayer = window.dataLayer || [];
  function gtag(){dataLayer.push(arguments);}
  gtag('js', new Date());
  gtag('config', 'G-TEST');
</script>
<script>
!function(f,b,e,v,n,t,s){if(f.fbq)return;n=f.fbq=function(){n.queue.push(arguments)};n.queue=[];
t=b.createElement(e);t.async=!0;t.src=v;s=b.getElementsByTagName(e)[0];s.parentNode.insertBefore(t,s)}
(window,document,'script','https://connect.facebook.net/en_US/fbevents.js');
fbq('init', '1'); fbq('track', 'PageView');
</script>
<noscript><img height="1" width="1" src="https://www.facebook.com/tr?id=1&ev=PageView&noscript=1"/></noscript>
<link rel="preconnect" href="https://www.youtube.com">
{% endblock %}
{% block footer %}
<iframe width="560" height="315" src="https://www.youtube.com/embed/x" title="Film"></iframe>
{{ super() }}
{% endblock %}
"""
HOSTS = {
    "www.googletagmanager.com",
    "www.google-analytics.com",
    "connect.facebook.net",
    "www.facebook.com",
    "www.youtube.com",
}


@pytest.fixture
def site(tmp_path: Path) -> ASGIApp:
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "base.html").write_text(TEMPLATE)
    app: ASGIApp = Datasette([], memory=True, template_dir=str(templates)).app()
    return app


def test_it_leaks_without_the_middleware(visiting: Visiting, site: ASGIApp) -> None:
    assert_live(visiting, site, HOSTS)


def test_it_is_held_to_the_choice(visiting: Visiting, site: ASGIApp, ledger_url: str) -> None:
    assert_held_to_the_choice(visiting, site, ledger_url, HOSTS, "/_memory")


def test_what_was_held_back_is_activated_in_place(visiting: Visiting, site: ASGIApp, ledger_url: str) -> None:
    assert_activated_on_the_page(visiting, site, ledger_url, HOSTS)


def test_it_works_without_scripts(visiting: Visiting, site: ASGIApp, ledger_url: str) -> None:
    assert_works_without_scripts(visiting, site, ledger_url, {"www.facebook.com", "www.youtube.com"})
