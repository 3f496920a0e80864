"""The receipt that is offered once."""

from __future__ import annotations

import pytest

from cookie_consent.consent import ReceiptOffer

SUBJECT = "9ed924a6-66ed-437c-a29e-31b6f92d3e68"
NEW, OLD = "n" * 32, "o" * 32


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_the_offer_ends_after_an_hour() -> None:
    clock = Clock()
    offer = ReceiptOffer([NEW], clock=clock)
    text = offer.make(SUBJECT)
    clock.now += 3599
    assert offer.subject(text) == SUBJECT
    clock.now += 1
    assert offer.subject(text) is None
    clock.now -= 7200  # a text of the future
    assert offer.subject(text) is None


def test_keys_rotate() -> None:
    text = ReceiptOffer([OLD]).make(SUBJECT)
    assert ReceiptOffer([NEW, OLD]).subject(text) == SUBJECT
    assert ReceiptOffer([NEW]).subject(text) is None


@pytest.mark.parametrize("payload", [None, [], [SUBJECT], [1, 1], ["x", 1], [SUBJECT, "1"], {"a": 1}, [SUBJECT, 1, 1]])
def test_signed_nonsense_is_no_offer(payload: object) -> None:
    offer = ReceiptOffer([NEW], clock=lambda: 1.0)
    assert offer.subject(str(offer._serializer.dumps(payload))) is None


@pytest.mark.parametrize("text", ["", "x", "\ud800", "." * 10_000, "ä.ö"])
def test_any_text_is_no_offer(text: str) -> None:
    assert ReceiptOffer([NEW]).subject(text) is None
