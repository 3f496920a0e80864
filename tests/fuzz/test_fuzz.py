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


@pytest.mark.parametrize(
    ("markup", "is_html"),
    [
        ("<svg><math><mtext><CARRIER>", False),  # a math right in SVG is an element of SVG
        ("<math><svg><desc><CARRIER>", False),
        ("<svg><desc><math><mtext><CARRIER>", True),
        ("<math><annotation-xml><svg><desc><CARRIER>", True),
        ("<math><annotation-xml><CARRIER>", False),
        ("<math><annotation-xml encoding=text/html><CARRIER>", True),
        ("<math><mi><mglyph><CARRIER>", False),
        ("<math><annotation-xml></br><CARRIER>", True),
    ],
)
def test_the_namespace_is_told_of_what_lexbor_finds(markup: str, is_html: bool) -> None:  # noqa: FBT001
    documents = [markup.replace("CARRIER", "object data=//evil.test/")]
    found = [[carriers for carriers, _ in readings] for readings in PARSERS["lexbor"](documents)]
    assert found == [[["object data"] if is_html else []] * 2]
    if "</br>" not in markup:  # which html5lib takes for content
        in_html5lib = [[carriers for carriers, _ in readings] for readings in PARSERS["html5lib"](documents)]
        assert in_html5lib == found


def test_comments_are_no_text() -> None:
    markup = "<math><style><!--a{background:url(//evil.test/)}--></style>"
    for parser in ("lexbor", "html5lib"):
        assert next(iter(PARSERS[parser]([markup]))) == [([], []), ([], [])]
