from __future__ import annotations

import pytest

from cookie_consent.exchange.kinds import USUAL_PASSIVE, kind_of, may_need_csp, needs_csp


@pytest.mark.parametrize(
    ("content_type", "destination", "governed"),
    [
        ("text/html; charset=utf-8", b"empty", True),  # a fetched page may be stored and opened later
        ("Application/XHTML+xml", None, True),
        ("image/svg+xml", b"document", True),
        ("image/svg+xml", b"image", False),  # loads nothing
        ("image/svg+xml", None, True),
        ("application/atom+xml", b"iframe", True),
        ("text/xml", b"object", True),
        ("text/xsl", None, True),  # Chromium shows it as XML
        ("", None, True),  # browsers take a closer look
        ("text", b"embed", True),
        ("multipart/x-mixed-replace; boundary=x", b"document", True),
        ("application/x-unheard-of", b"document", True),
        ("application/json", b"document", False),
        ("application/ld+json", b"document", False),
        ("application/pdf", b"embed", False),  # the browser's own viewer
        ("image/png", b"document", False),
        ("text/javascript", b"script", False),
        ("text/javascript", b"worker", True),
        ("application/x-javascript", b"serviceworker", True),
        ("text/plain", b"sharedworker", True),
        ("text/javascript", None, True),
        ("text/javascript", b"empty", True),  # what a service worker keeps
        ("application/json", b"empty", False),
        ("text/css", None, False),
        ("application/json", None, False),
    ],
)
def test_what_is_governed(content_type: str, destination: bytes | None, governed: bool) -> None:  # noqa: FBT001
    assert needs_csp(content_type.encode(), destination) is governed


def test_what_depends_on_its_destination() -> None:
    assert may_need_csp(b"image/svg+xml", b"image")
    assert may_need_csp(b"text/javascript", b"script")
    assert may_need_csp(b"text/plain", b"worker")
    assert not may_need_csp(b"application/json", None)
    assert not may_need_csp(b"image/png", b"document")


def test_what_is_taken_for_passive_at_sight_is_so() -> None:
    assert {kind_of(value) for value in USUAL_PASSIVE} == {"passive"}
