from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import cookie_consent.banner
from cookie_consent.banner import Renderer
from cookie_consent.consent import Consent
from cookie_consent.policy import Policy, parse_policy

LOCALES = sorted((Path(cookie_consent.banner.__file__).parent / "locales").glob("*.toml"))
ASSETS = {
    "banner.js": "/_consent/assets/banner.1.js",
    "banner.css": "/_consent/assets/banner.2.css",
    "frame.css": "/frame.css",
    "page.css": "/page.css",
}
POLICY = parse_policy(
    {
        "version": "1",
        "controller": {"name": "<b>Shop & Sons"},
        "categories": {
            "chat": {"name": "</script><img src=x>", "purpose": "'\"`", "consequence": {"de": "x", "en": "y"}}
        },
        "services": {"own": {"name": "<i>Own", "category": "chat", "hosts": ["chat.example"]}},
        "cookies": [{"name": "seen", "category": "analytics"}],
    },
    source="test",
)
# The check of a policy refuses it, and the banner makes no link of it either.
POLICY = POLICY.model_copy(update={"banner": POLICY.banner.model_copy(update={"privacy_url": "javascript:alert(1)"})})


def renderer(policy: Policy = POLICY) -> Renderer:
    return Renderer(policy, assets=ASSETS)


def consent(policy: Policy = POLICY, **values: Any) -> Consent:
    return Consent(policy=policy, **{"granted": frozenset({"session"}), **values})


@pytest.mark.parametrize("language", [path.stem for path in LOCALES])
@pytest.mark.parametrize("decided", [False, True])
def test_the_banner_is_ascii_and_escaped_in_every_language(language: str, decided: bool) -> None:  # noqa: FBT001
    html = renderer().banner(consent(decided=decided, gpc=True), language=language, return_to='/a?"><script>')
    assert html.isascii()
    text = html.decode()
    for hostile in ("<img", "<b>", "<i>", '"><script>', "javascript:"):
        assert hostile not in text
    assert " style=" not in text
    assert not re.search(r"<script(?![^>]* src=)", text)


def test_accepting_and_refusing_weigh_the_same() -> None:
    html = renderer().banner(consent(), language="en", return_to="/").decode()
    buttons = re.findall(r'<button([^>]*) data-action="[a-z]+"([^>]*)>(?:Accept|Refuse) all</button>', html)
    assert len(buttons) == 2
    assert buttons[0] == buttons[1]
    assert "checked" not in html.replace("disabled checked", "").replace("checked disabled", "")


def test_a_decided_visitor_sees_only_the_way_back() -> None:
    html = renderer().banner(consent(decided=True), language="en", return_to="/").decode()
    assert "<form" not in html
    assert "/_consent/preferences" in html


def test_the_notice_names_what_is_asked_and_its_hash_follows_its_text() -> None:
    made = renderer()
    notice = made.notice("en")
    assert all(word in notice.text for word in ("Audience measurement", "</script>", "<i>Own", "<b>Shop & Sons"))
    assert "Advertising" not in notice.text, "nothing is declared in it"
    assert re.fullmatch(r"[0-9a-f]{64}", notice.hash)
    assert notice == renderer().notice("en")
    more = POLICY.names.of({"own", "unknown.example"})
    assert "unknown.example" in made.notice("en", more).text
    assert notice.hash not in {made.notice("de").hash, made.notice("en", more).hash}
    assert notice.hash in made.banner(consent(), language="en", return_to="/").decode()


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en;q=0.5, fr;q=0.9", "fr"),
        ("xx, *;q=0.1", "en"),
        ("de;q=0, en", "en"),  # not acceptable
        ("ar-EG", "ar"),
        ("de;q=oops", None),
        ("," * 10_000, "en"),
        ("a" * 100_000, "en"),
        ("\x00\xff;;q==", "en"),
    ],
)
def test_the_language_is_negotiated(header: str, language: str | None) -> None:
    chosen = renderer(Policy.model_validate({"version": "1", "banner": {"languages": ["en", "de", "fr", "ar"]}}))
    assert chosen.language(header) == language if language is not None else chosen.language(header) in {"en", "de"}


def test_pages_are_whole_and_escaped() -> None:
    made = renderer()
    page = made.preferences(consent(), language="ar", return_to="/", saved=True)
    assert 'dir="rtl"' in page
    assert "noindex" in page
    assert "<img" not in page
    problem = made.problem(language="en", status=503, title_key_or_code="not-saved", message="<b>no", return_to="/x")
    assert "&lt;b&gt;no" in problem
    assert 'href="/x"' in problem
