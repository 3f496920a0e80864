"""A gate that recalls what it decided about equal tags decides the same, and takes note of the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cookie_consent.consent import Consent
from cookie_consent.gate import CachingTagGate, TagCache, TagGate
from cookie_consent.policy import Policy
from cookie_consent.policy.classifier import Classifier
from cookie_consent.rewriter import MAXIMUM_TEXT, Rewriter, StartTag

POLICY = Policy.model_validate(
    {
        "version": "1",
        "services": [
            {
                "id": "film",
                "name": "Film",
                "category": "marketing",
                "hosts": ["film.example"],
                "inline": ["filmPlayer("],
            },
            {"id": "count", "name": "Count", "category": "analytics", "hosts": ["count.example"]},
        ],
    }
)
CLASSIFIER = Classifier(POLICY)
REQUIRED = frozenset({"session"})
CONSENTS = [
    Consent(policy=POLICY, granted=REQUIRED),
    Consent(policy=POLICY, granted=REQUIRED | {"analytics"}, decided=True),
    Consent(policy=POLICY, granted=REQUIRED, decided=True, services={"film": True}),
    Consent(policy=POLICY, granted=REQUIRED | {"unclassified"}, decided=True, services={"count": False}),
]
HOSTS = ["page.example", "film.example", "page.example:8443"]
PIECES = (
    "<html>", "<html amp>", "<head>", "</head>", "<body>", "<p>", "text", "<base href=//film.example/>", "<base>",
    "<img src=//film.example/a.jpg>", "<img src=/own.jpg srcset='//count.example/a 1x, /b 2x'>",
    "<img src=//x.example>", "<img src=//x.example:81>", "<script src=//count.example/c.js></script>",
    "<script>filmPlayer()</script>",
    "<script type=module>import '//x.example/m.js'</script>", "<script>own()</script>", "<style>", "</style>",
    "<style>p{background:url(//x.example/a.png)}</style>", "<style style='a:url(//film.example)'>p{}</style>",
    "<p style='background:url(//count.example/b)'>", "<iframe src=//film.example/v></iframe>", "<svg>", "</svg>",
    "<iframe srcdoc='<img src=//film.example>'></iframe>", "<image href=//film.example/a.svg>", "<noscript>",
    "</noscript>", "<link rel=stylesheet href=//x.example/s.css>", "<meta http-equiv=refresh content='1;//x.example'>",
    '<script type=speculationrules>{"prefetch":[{"urls":["//film.example/"]}]}</script>', "<script>", "</script>",
)  # fmt: skip
DOCUMENTS = st.lists(
    st.tuples(
        st.lists(st.sampled_from(PIECES), max_size=8).map("".join), st.sampled_from(CONSENTS), st.sampled_from(HOSTS)
    ),
    min_size=1,
    max_size=6,
)


def gated(document: bytes, consent: Consent, host: str, cache: TagCache | None) -> tuple[object, ...]:
    """Return the page, and all that its gate has taken note of."""
    gate = TagGate(CLASSIFIER, consent, host, placeholder=lambda **held: f"{sorted(held)}")
    rewriter = Rewriter(gate if cache is None else CachingTagGate(gate, cache, (consent.state, host)))
    page = rewriter.feed(document) + rewriter.end()
    return (
        page,
        gate.findings.hosts,
        gate.findings.waiting,
        gate.findings.refused,
        gate.findings.held,
        gate.is_amp,
        gate.has_root,
    )


@settings(max_examples=500)
@given(DOCUMENTS)
def test_nothing_depends_on_what_came_before(documents: list[tuple[str, Consent, str]]) -> None:
    cache = TagCache()
    for document, consent, host in documents * 2:
        page = document.encode()
        assert gated(page, consent, host, cache) == gated(page, consent, host, None)


@pytest.mark.parametrize(
    "document",
    [
        b"<img src=//film.example/a.jpg>",
        b"<script>filmPlayer()</script>",
        b"<style>p{background:url(//x.example/a.png)}</style>",
        b"<script src=/own.js></script>",
    ],
)
def test_an_equal_tag_is_not_judged_again(document: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = TagCache()
    first = gated(document, CONSENTS[0], HOSTS[0], cache)

    def fail(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(TagGate, "start_tag", fail)
    monkeypatch.setattr(TagGate, "text", fail)
    assert gated(document, CONSENTS[0], HOSTS[0], cache) == first
    for consent, host in ((CONSENTS[1], HOSTS[0]), (CONSENTS[0], HOSTS[1])):  # but for another visitor it is
        with pytest.raises(AssertionError):
            gated(document, consent, host, cache)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("<img src=/a.jpg>", "<base href=//film.example/><img src=/a.jpg>"),
        ("<image href=//film.example/a>", "<svg><image href=//film.example/a></svg>"),
        ("<img src=//film.example/a.jpg>", "<html amp><img src=//film.example/a.jpg>"),
        ("<p style='fill:url(//film.example/a)'>", "<svg><p style='fill:url(//film.example/a)'>"),
    ],
)
def test_an_equal_tag_elsewhere_is_judged_where_it_stands(first: str, second: str) -> None:
    for documents in ((first, second), (second, first)):
        cache = TagCache()
        for document in documents:
            page = document.encode()
            assert gated(page, CONSENTS[0], HOSTS[0], cache) == gated(page, CONSENTS[0], HOSTS[0], None)


def test_the_end_of_a_held_script_does_not_speak_for_a_script_of_its_own() -> None:
    pieces: list[bytes] = []

    class Listener:
        relative = False

        def start_tag(self, _: StartTag) -> bool:
            return True

        def text(self, _: StartTag, text: bytes, *, more: bool) -> bytes:  # noqa: ARG002
            pieces.append(text)
            return text

    long = b"<script>filmPlayer();" + b"a" * MAXIMUM_TEXT + b";filmPlayer()</script>"
    Rewriter(Listener()).feed(long)
    assert len(pieces) > 1
    cache = TagCache()
    for page in (long, b"<script>" + pieces[-1] + b"</script>"):
        assert gated(page, CONSENTS[0], HOSTS[0], cache) == gated(page, CONSENTS[0], HOSTS[0], None)


@pytest.mark.parametrize("size", [MAXIMUM_TEXT - 10, MAXIMUM_TEXT + 10, 2 * MAXIMUM_TEXT + 10])
def test_long_texts_come_out_the_same(size: int) -> None:
    cache = TagCache()
    for end in (b"own()", b"filmPlayer()"):
        document = b"<script>" + b"a" * size + end + b"</script><p>"
        for _ in range(2):
            assert gated(document, CONSENTS[0], HOSTS[0], cache) == gated(document, CONSENTS[0], HOSTS[0], None)


def test_a_long_page_of_equal_tags_takes_no_memory() -> None:
    gate = TagGate(CLASSIFIER, CONSENTS[0], HOSTS[0])
    rewriter = Rewriter(CachingTagGate(gate, TagCache(), None))
    rewriter.feed(b"<img src=//film.example/a.jpg>" * 1000)
    assert gate.findings.held == 1000
    assert len(gate.findings.latest_hosts) == len(gate.findings.latest_refused) == 1


def test_a_long_tag_is_not_kept_with_its_text_either() -> None:
    cache, tag = TagCache(), b"<script title='" + b"a" * 70_000 + b"'>"
    gated(tag + b"filmPlayer()</script>", CONSENTS[0], HOSTS[0], cache)
    visitor = (None, (CONSENTS[0].state, HOSTS[0]))
    assert cache.get((*visitor, tag, b"")) is cache.get((*visitor, tag, b"filmPlayer()")) is None


def test_no_more_is_kept_than_its_size() -> None:
    cache = TagCache(size=20_000)
    often = b"<img src=//film.example/often.jpg>"
    for number in range(100):
        gated(often + b"<img src=//film.example/%d.jpg>" % number, CONSENTS[0], HOSTS[0], cache)
    visitor = (None, (CONSENTS[0].state, HOSTS[0]))
    kept = [n for n in range(100) if cache.get((*visitor, b"<img src=//film.example/%d.jpg>" % n, b"")) is not None]
    assert 0 < len(kept) < 40
    assert 99 in kept
    assert cache.get((*visitor, often, b"")) is not None
