"""Elements in SVG without end tags: their texts overlap, and showing each whole would take quadratic time."""

from __future__ import annotations

import pytest

from cookie_consent import Policy
from cookie_consent.consent import Consent
from cookie_consent.gate import TagGate
from cookie_consent.policy.classifier import Classifier
from cookie_consent.rewriter import Rewriter, StartTag

LARGEST = 64 * 1024
"""Bytes of one such text that are looked at."""


class Counter:
    relative = False

    def __init__(self) -> None:
        self.shown = 0
        self.unseen = 0

    def start_tag(self, tag: StartTag) -> bool:
        return tag.name in {b"style", b"script"}

    def text(self, _: StartTag, text: bytes, *, more: bool) -> bytes:
        self.shown += len(text)
        self.unseen += more and not text
        return text


@pytest.mark.parametrize("piece", [700, 16 * 1024, 1 << 30])
@pytest.mark.parametrize("repeated", [b"<svg><style>", b"<svg><script>", b"<svg><style><a>"])
@pytest.mark.parametrize("xml", [False, True])
def test_overlapping_texts_are_shown_in_linear_size(repeated: bytes, piece: int, *, xml: bool) -> None:
    counter = Counter()
    document = repeated * (300_000 // len(repeated))
    rewriter = Rewriter(counter, xml=xml)
    for at in range(0, len(document), piece):
        rewriter.feed(document[at : at + piece])
    rewriter.end()
    assert counter.shown <= 6 * len(document) + 2 * LARGEST  # in doubt each text is shown as it may be read
    assert counter.unseen > 0


def test_texts_side_by_side_are_all_shown() -> None:
    counter = Counter()
    element = b"<svg><style>" + b"a{fill:red}" * 1000 + b"</style></svg>"
    rewriter = Rewriter(counter)
    rewriter.feed(element * 50)
    rewriter.end()
    assert counter.shown == 50 * len(b"a{fill:red}" * 1000)
    assert counter.unseen == 0


@pytest.mark.parametrize("opening", [b"<style>@import '//x.test/a';", b"<script>fbq('init', 1);"])
@pytest.mark.parametrize("xml", [False, True])
def test_what_was_not_shown_whole_is_inert(opening: bytes, *, xml: bool) -> None:
    policy = Policy(version="1")
    consent = Consent(policy=policy, granted=frozenset({"session"}))
    rewriter = Rewriter(TagGate(Classifier(policy), consent, "page.example"), xml=xml)
    document = b"<svg>" + opening * (200_000 // len(opening))
    out = rewriter.feed(document) + rewriter.end()
    # In HTML those within the text of others are no tags any more.
    assert out.count(b' type="text/plain"') == (document.count(opening) if xml else 2)
    assert opening not in out
