"""Which services with places the banner's script is told of."""

from __future__ import annotations

import json

import pytest

from cookie_consent.banner.places import LATE_PLACEHOLDER, PLACES_PLACEHOLDER, banner_script, late_banner_script
from cookie_consent.policy import parse_policy


def told(services: dict[str, dict[str, str]]) -> dict[str, list[str | int]]:
    policy = parse_policy({"version": "1", "services": services}, source="test")
    late, ids = json.loads(banner_script(LATE_PLACEHOLDER, policy, late="banner-more.1.js"))
    assert late == "banner-more.1.js"
    rows = json.loads(late_banner_script(PLACES_PLACEHOLDER, policy))
    return {name: [name, *row] for name, row in zip(ids.split(), rows, strict=True)}


@pytest.mark.parametrize(
    ("service", "place"),
    [("turnstile", ".cf-turnstile"), ("friendly-captcha", ".frc-captcha"), ("altcha", "altcha-widget")],
)
def test_a_captcha_that_a_site_asks_for_has_its_place(service: str, place: str) -> None:
    """They are on by default, and need no place then. Decision 22 says how a site asks for them."""
    assert service not in told({})
    row = told({service: {"category": "preferences"}})[service]
    assert row[3:] == [place, 1]
