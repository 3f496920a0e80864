"""A small part of the fuzz with fixed seeds; ``make fuzz MINUTES=5`` searches on."""

from __future__ import annotations

import pytest

from tests.fuzz.parsers import PARSERS
from tests.fuzz.search import batch, misses, wrong


@pytest.mark.parametrize(
    ("parser", "seed"), [("lexbor", "make-test/0"), ("lexbor", "make-test/1"), ("html5lib", "make-test/2")]
)
def test_nothing_is_missed(parser: str, seed: str) -> None:
    assert list(misses(parser, seed)) == []


def test_a_seed_gives_the_same_documents() -> None:
    assert batch("1/0") == batch("1/0") != batch("1/1")


@pytest.mark.parametrize("parser", ["lexbor", "html5lib"])
def test_what_is_live_is_found(parser: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The documents as they are, without a gate."""
    monkeypatch.setattr("tests.fuzz.search.gated", lambda markup: markup)
    documents = [
        ("<svg>", "<image href=//evil.test/ />"),
        ("<p style='background:url(//evil.test/)'>",),
        ("<img src=/a>",),
    ]
    assert [bool(what) for what in wrong(parser, documents)] == [True, True, False]


def test_scripting_is_on_and_off() -> None:
    for parser in ("lexbor", "html5lib"):
        off, on = next(iter(PARSERS[parser](["<noscript><img src=//evil.test/></noscript>"])))
        assert (off[0], on[0]) == (["img src"], [])
