"""What the policy says of the banner's looks, as it arrives in the markup and in the style sheet."""

from __future__ import annotations

from typing import Any

import pytest

from cookie_consent.banner import Renderer
from cookie_consent.consent import Consent
from cookie_consent.errors import PolicyError
from cookie_consent.policy import Policy, parse_policy

ASSETS = {"banner.js": "/_consent/assets/banner.1.js", "banner.css": "/_consent/assets/banner.1.css"}


def policy(**banner: Any) -> Policy:
    return parse_policy({"version": "1", "services": {"youtube": {}}, "banner": banner}, source="test")


def renderer(**banner: Any) -> Renderer:
    return Renderer(policy(**banner), assets=ASSETS)


def shown(renderer: Renderer, **options: Any) -> str:
    consent = Consent(policy=renderer.policy, granted=renderer.policy.required_ids)
    return renderer.banner(consent, language="en", return_to="/", **options).decode()


@pytest.mark.parametrize(
    ("banner", "classes", "element"),
    [
        ({}, "cc-bar cc-bottom", "section"),
        ({"position": "top"}, "cc-bar cc-top", "section"),
        ({"layout": "box"}, "cc-box cc-center", "section"),
        ({"position": "center"}, "cc-box cc-center", "section"),  # as 0.1.0 wrote it
        ({"layout": "corner"}, "cc-corner cc-bottom-start", "section"),
        ({"layout": "corner", "position": "top-end"}, "cc-corner cc-top-end", "section"),
        ({"layout": "modal"}, "cc-modal cc-center", "dialog"),
    ],
)
def test_the_layout_and_its_position(banner: dict[str, Any], classes: str, element: str) -> None:
    markup = shown(renderer(**banner))
    assert f'class="{classes}' in markup
    assert f'<{element} class="cc-panel"' in markup
    assert f"</{element}>" in markup
    assert ("cc-fold" in markup) == (element == "section"), "what must be answered cannot be made small"


@pytest.mark.parametrize(
    ("banner", "fix"),
    [
        ({"position": "top-end"}, "write one of bottom, top"),
        ({"layout": "corner", "position": "top"}, "write one of bottom-start, bottom-end, top-start, top-end"),
        ({"layout": "modal", "position": "top"}, "leave it out"),
    ],
)
def test_a_position_that_the_layout_does_not_have_is_refused(banner: dict[str, Any], fix: str) -> None:
    with pytest.raises(PolicyError, match=fix):
        policy(**banner)


def test_records_tell_the_looks_apart() -> None:
    looks: list[dict[str, Any]] = [{}, {"position": "top"}, {"layout": "box"}, {"layout": "modal"}]
    assert len({renderer(**look).build for look in looks}) == len(looks)
