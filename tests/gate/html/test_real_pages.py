"""Real pages keep their bytes, their text and their tree, but for what is held back."""

from __future__ import annotations

import re
from itertools import cycle
from typing import TYPE_CHECKING

import pytest
from selectolax.lexbor import LexborHTMLParser

from cookie_consent.consent import Consent
from cookie_consent.gate import INERT_ADDRESS, TagGate
from cookie_consent.policy import UNCLASSIFIED, Policy
from cookie_consent.policy.classifier import Classifier
from cookie_consent.rewriter import Rewriter

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("markup_cache")
POLICY = Policy(version="1")
CLASSIFIER = Classifier(POLICY)
NOTHING = Consent(policy=POLICY, granted=frozenset({"session"}))
EVERYTHING = Consent(
    policy=POLICY, granted=frozenset(category.id for category in POLICY.categories) | {UNCLASSIFIED}, decided=True
)
GUARD, BANNER = b"<i>guard</i>", b"<i>banner</i>"
MADE = b"""<!DOCTYPE html><html><head><title>a</title><style>p{color:red}</style>
<style>p{background:url(//x.test/a)}</style><script src=//x.test/a.js async></script>
<script>if (a < b && c > d) { document.title = "</div>" }</script></head><body>
<p title='<img src=//x.test/no>'>a<br>b &amp; c</p><img src=//x.test/a.jpg alt="a > b"><img src=/own.jpg>
<textarea><img src=//x.test/no></textarea><iframe src=//x.test/f width=10>x</iframe>
<svg><image href=//x.test/s /><text>t</text></svg><table><tr><td style="background:url('//x.test/b')">d</table>
<p style="color:red">e<!-- <img src=//x.test/no> --></body></html>
"""
HELD_IN_MADE = 6
CARRIERS = (
    b"<script async src='https://www.googletagmanager.com/gtag/js?id=G-1'></script>",
    b'<img height=1 width=1 alt="" src="https://www.facebook.com/tr?id=1&ev=PageView&noscript=1">',
    b'<iframe src="https://www.youtube.com/embed/a" allowfullscreen title="a > b"></iframe>',
    b"<picture><source srcset='//x.test/a.webp 1x, //x.test/b.webp 2x'><img src=/own.jpg></picture>",
    b'<div style="background:url(&quot;//x.test/b&quot;)"><p>a</p></div>',
    b"<video controls poster=//x.test/p.jpg><track src=/own.vtt></video>",
    b"<embed src=//x.test/e><object data=//x.test/o></object>",
    b"<svg viewBox='0 0 1 1'><image xlink:href=//x.test/i /><g/></svg>",
)
"""Each holds at least one element that would contact another host."""
MARK = re.compile(re.escape(INERT_ADDRESS) + "[^/]*/[^/]*/")


def gated(page: bytes, consent: Consent) -> tuple[bytes, TagGate]:
    gate = TagGate(CLASSIFIER, consent, "page.example")
    rewriter = Rewriter(gate, after_head_start=lambda: GUARD, before_body_end=lambda: BANNER)
    out = rewriter.feed(page) + rewriter.end()
    assert len(out) >= len(page) + len(GUARD) + len(BANNER)
    return out.replace(GUARD, b"", 1).replace(BANNER, b"", 1), gate


def nodes(page: bytes) -> Iterator[tuple[str, dict[str, str | None], str]]:
    """Yield each element and text of the tree that a browser makes: its name, its attributes, its own text."""
    root = LexborHTMLParser(page.decode("utf-8", "replace")).root
    for node in root.traverse(include_text=True) if root is not None else ():
        is_text = node.tag == "-text"
        yield str(node.tag), {} if is_text else dict(node.attributes), str(node.text(deep=False)) if is_text else ""


def assert_only_held_differs(page: bytes) -> int:
    """Return how many elements are held back."""
    held = 0
    for (name, before, text), (other, after, shown) in zip(nodes(page), nodes(gated(page, NOTHING)[0]), strict=True):
        assert name == other
        assert text == MARK.sub("", shown)
        if "data-consent" in after:
            held += 1
        else:
            assert before == after
    return held


def test_only_what_is_held_back_differs_in_a_made_page() -> None:
    assert assert_only_held_differs(MADE) == gated(MADE, NOTHING)[1].findings.held == HELD_IN_MADE


def test_only_what_is_held_back_differs_in_public_pages(public_pages: list[bytes]) -> None:
    assert sum(map(assert_only_held_differs, public_pages)) >= 10


def test_only_what_is_held_back_differs_in_public_pages_full_of_third_parties(public_pages: list[bytes]) -> None:
    """Public pages that may be copied have few third parties; so more are put between their paragraphs."""
    carriers = cycle(CARRIERS)
    added = 0

    def carrier(match: re.Match[bytes]) -> bytes:
        nonlocal added
        added += 1
        return match[0] + next(carriers)

    crowded = [re.sub(rb"</p>(?=\s*<(?:p|div|h\d)\b)", carrier, page) for page in public_pages]
    assert sum(map(assert_only_held_differs, crowded)) >= added > 100


def test_what_is_agreed_to_stays_byte_for_byte() -> None:
    assert gated(MADE, EVERYTHING)[0] == MADE


def test_what_is_agreed_to_stays_byte_for_byte_in_public_pages(public_pages: list[bytes]) -> None:
    for page in public_pages:
        assert gated(page, EVERYTHING)[0] == page


def test_no_public_page_is_in_doubt(public_pages: list[bytes]) -> None:
    for page in public_pages:
        rewriter = Rewriter(TagGate(CLASSIFIER, NOTHING, "page.example"))
        rewriter.feed(page)
        rewriter.end()
        assert not rewriter._in_doubt
