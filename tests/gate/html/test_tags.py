from __future__ import annotations

from typing import Any

import pytest

from cookie_consent.consent import Consent
from cookie_consent.gate import INERT_ADDRESS, TagGate
from cookie_consent.policy import Policy
from cookie_consent.policy.classifier import Classifier
from cookie_consent.rewriter import MAXIMUM_TEXT, Rewriter

pytestmark = pytest.mark.usefixtures("markup_cache")


def gated(document: str, *granted: str, services: dict[str, bool] | None = None, **policy: Any) -> tuple[str, TagGate]:
    declared = Policy.model_validate({"version": "1", "first_party": ["cdn.example", "*.own.example"], **policy})
    consent = Consent(policy=declared, granted=frozenset(granted) | {"session"}, services=services or {})
    gate = TagGate(Classifier(declared), consent, "page.example")
    rewriter = Rewriter(gate)
    return (rewriter.feed(document.encode()) + rewriter.end()).decode(), gate


ALL = ("unclassified", "login", "preferences", "analytics", "advertising", "social")


@pytest.mark.parametrize(
    ("tag", "inert"),
    [
        (
            "<script src=//x.test/a async>",
            '<script type="text/plain" data-consent="unclassified" data-consent-service="x.test" '
            "data-consent-src=//x.test/a async>",
        ),
        ("<script type=module src=//x.test/a>", "data-consent-type=module data-consent-src=//x.test/a>"),
        ("<script src='&#x2f;/x.test/a'>", "data-consent-src='&#x2f;/x.test/a'>"),  # as it was written
        (
            "<img src=//x.test/a srcset='/b 1x, //x.test/c 2x'>",
            "data-consent-src=//x.test/a data-consent-srcset='/b 1x, //x.test/c 2x'>",
        ),
        ("<img src=/a srcset='/b 1x,//x.test/c 2x'>", "src=/a data-consent-srcset='/b 1x,//x.test/c 2x'>"),
        ("<IMG SRC=HTTPS://X.TEST/a>", "data-consent-src=HTTPS://X.TEST/a>"),
        (
            "<iframe src=//www.youtube.com/embed/x>",
            ' data-consent="social" data-consent-service="youtube" data-consent-src=',
        ),
        # Of duplicates the first counts, and the next one when it is gone.
        ("<img src=//x.test/a SRC=//x.test/b src=/c>", "data-consent-src=//x.test/a data-consent-src=//x.test/b data-"),
        (
            "<script type=module type=a src=//x.test/a>",
            "data-consent-type=module data-consent-type=a data-consent-src=",
        ),
        ('<script type=webbundle>{"source": "//x.test/a.wbn"}</script>', "data-consent-type=webbundle>"),
        ("<link rel='x PRECONNECT' href=//x.test>", "data-consent-href=//x.test>"),
        ("<link rel=preload as=image imagesrcset='//x.test/a 1x'>", "data-consent-imagesrcset="),
        ("<source srcset=//x.test/a>", "data-consent-srcset="),
        ("<video poster=//x.test/a src=/b>", "data-consent-poster=//x.test/a src=/b>"),
        ("<audio src=//x.test/a>", "data-consent-src="),
        ("<track src=//x.test/a>", "data-consent-src="),
        ("<embed src=//x.test/a>", "data-consent-src="),
        ("<object data=//x.test/a>", "data-consent-data="),
        ("<input type=image src=//x.test/a>", "data-consent-src="),
        ("<body background=//x.test/a>", "data-consent-background="),
        ("<a href=/ ping='/own //x.test/a'>", "data-consent-ping="),
        ("<svg><image href=//x.test/a /></svg>", "data-consent-href="),
        ("<svg><image xlink:href=//x.test/a /></svg>", "data-consent-xlink:href="),
        ("<svg><use href=//x.test/a#b /></svg>", "data-consent-href="),
        ("<meta http-equiv=Refresh content='0; url=//x.test'>", "data-consent-content='0; url=//x.test'>"),
        ("<iframe srcdoc='<img src=//x.test/a>'>", "data-consent-srcdoc='<img src=//x.test/a>'>"),
        ("<iframe srcdoc='&lt;iframe srcdoc=&quot;<img src=//x.test>&quot;&gt;'>", "data-consent-srcdoc="),
        ("<noscript><img src=//x.test/a></noscript>", "<noscript><img data-consent="),
        ("<embed code=//x.test/a>", "data-consent-code="),
        ("<object classid=http://x.test/a>", "data-consent-classid="),
        ("<param name=Movie value=//x.test/a>", "data-consent-value="),
        ("<link rel=search href=//x.test/a>", "data-consent-href="),
        ("<td background=//x.test/a>", "data-consent-background="),
        ("<svg><set attributeName=HREF to=//x.test/a />", "data-consent-to=//x.test/a"),
        ("<svg><animate attributeName=a:href values='/b;//x.test/a' />", "data-consent-values="),  # any prefix
        (
            "<svg><set attributeName=mask to='url(//x.test/a)' />",
            'to="url(https://#consent/unclassified/x.test///x.test/a)"',
        ),
        (
            "<svg><animate attributename=Cursor values='auto;u\\72l(//x.test/a)' />",
            'values="auto;u\\72l(https://#consent/unclassified/x.test///x.test/a)"',
        ),
        ("<svg><animateTransform by='url(//x.test/a)' />", 'by="url(https://#consent/unclassified/x.test///x.test/a)"'),
        ("<style>@function --f(--u:'//x.test/a'){}</style>", "'https://#consent/unclassified/x.test///x.test/a'"),
        ("<p style=\"background:--f('//x.test/a')\">", "('https://#consent/unclassified/x.test///x.test/a')"),
        (
            "<svg><style>@im<!-- -->port '//x.test/a'</style></svg>",
            '<style data-consent="unclassified" data-consent-service="x.test" type="text/plain">',
        ),
        (
            "<svg><style>@im<g>x</g>port '//x.test/a'</style></svg>",
            '<style data-consent="unclassified" data-consent-service="x.test" type="text/plain">',
        ),
        (
            "<svg><style><!-- </style> -->@import '//x.test/a'</style></svg>",
            '<style data-consent="unclassified" data-consent-service="x.test" type="text/plain">',
        ),
        (
            "<svg><style>@import &quot//x.test/a&quot;</style></svg>",
            '<style data-consent="unclassified" data-consent-service="x.test" type="text/plain">',
        ),
        # What nobody writes, and cannot be read for certain, is held.
        (
            "<svg><style><style></style></style></svg>",
            '<style data-consent="unclassified login preferences analytics advertising social" '
            'data-consent-service="* - - - - -" type="text/plain">',
        ),
        (
            "<svg><style>" + " " * 70_000 + "</style></svg>",
            'social" data-consent-service="* - - - - -" type="text/plain">',
        ),
    ],
)
def test_what_is_held_back(tag: str, inert: str) -> None:
    text, gate = gated(tag)
    assert inert in text
    assert 'data-consent="' in text
    assert gate.findings.held == 1
    assert gated(tag, *ALL)[0].startswith(tag)


@pytest.mark.parametrize(
    "tag",
    [
        "<script src=/a></script>",
        "<script src=https://page.example:8443/a></script>",
        "<img src=//cdn.example/a>",
        "<img src=//a.own.example/a>",
        "<img src=data:image/gif;base64,R0lGODlhAQABAAAAACw=>",
        "<a href=https://x.test/>x</a>",  # navigation is the visitor's own act
        "<link rel=canonical href=https://x.test/>",
        "<link rel='alternate' href=https://x.test/feed>",
        "<form action=https://x.test/></form>",
        "<!-- <img src=//x.test/a> -->",
        "<textarea><img src=//x.test/a></textarea>",
        "<script>var a = '<img src=//x.test/a>'</script>",
        '<script type=application/json>{"a": "fbq(\'init\'"}</script>',
        "<p title='<img src=//x.test/a>'>x</p>",
        "<meta http-equiv=refresh content='5; url=/next'>",
        "<meta name=description content='0; url=//x.test'>",
        "<svg><set attributeName=fill to=red /><set attributeName=href to='#a' /></svg>",
        "<svg><style>a<!-- </style> @import '//x.test/a'; -->{b:c}</style></svg>",
        "<svg><style><![CDATA[a{b:c}]]></style></svg>",
        "<p style='background:--f(1);content:\"//x.test\"'>",
        "<iframe srcdoc='<img src=/a><!-- <img src=//x.test> -->'></iframe>",
    ],
)
def test_what_is_not_touched(tag: str) -> None:
    text, gate = gated(tag)
    assert text == tag
    assert gate.findings.held == 0


@pytest.mark.parametrize(
    ("tag", "inert"),
    [
        # What a lazy loader looks for stays as the site wrote it, and nothing that it looks for is added.
        ("<img class=lazyload src=//x.test/a data-src=//x.test/b>", "data-consent-src=//x.test/a data-src=//x.test/b>"),
        (
            "<img data-srcset='//x.test/b 2x' src=//x.test/a>",
            "data-srcset='//x.test/b 2x' data-consent-src=//x.test/a>",
        ),
        ("<script type=module data-type=x src=//x.test/a>", "data-consent-type=module data-type=x data-consent-src="),
        # Of duplicates the first counts: it is ours, whatever the site calls its own.
        (
            "<img data-consent-src=b src='//x.test/&amp;'>",
            '<img data-consent-src="//x.test/&amp;" data-consent="unclassified" data-consent-service="x.test" '
            "data-consent-src=b data-consent-src=",
        ),
        (
            "<img data-consent=session src=//x.test/a>",
            '<img data-consent="unclassified" data-consent-service="x.test" data-consent=session ',
        ),
    ],
)
def test_what_the_site_itself_calls_data(tag: str, inert: str) -> None:
    assert inert in gated(tag)[0]


def test_lazy_attributes_alone_are_not_touched() -> None:
    tag = "<img class=lazyload data-src=//x.test/a data-srcset='//x.test/b 2x'><iframe data-src=//x.test/c></iframe>"
    assert gated(tag)[0] == tag


def test_base_leads_relative_addresses_elsewhere() -> None:
    style = "<style>a{--b:'c.png'}</style><p style=\"--b:'c.png'\">"
    text, gate = gated(f"<base href=https://x.test/>{style}<embed code=a>")
    assert text.count("'https://#consent/unclassified/x.test/c.png'") == 2
    assert gate.findings.held == 3
    assert gated(f"<base href=https://cdn.example/>{style}")[1].findings.held == 0
    text, _ = gated("<base href=https://x.test/><img src=a.png><script src=/b></script><base href=/><img src=c>")
    assert text.count("data-consent-src=") == 3


ADDRESS = "a{b:url(//x.test/a)}"


@pytest.mark.parametrize("before", [1, 5, len(ADDRESS), 30])
@pytest.mark.parametrize(
    ("start", "end", "held"),
    [
        ("/*", "*/" + ADDRESS, 1),
        ("/*", ADDRESS + "*/", 0),
        ("a{c:'", "';}" + ADDRESS, 1),
        ("a{c:'", ADDRESS + "'}", 0),
        ("a{c:image-set(", "'//x.test/a' 1x)}", 1),
        ("@function --f(){", "result:'//x.test/a'}", 1),
        ("", ADDRESS, 1),
        ("@media all{", ADDRESS + "}", 1),
    ],
)
def test_a_style_that_is_cut(start: str, end: str, held: int, before: int) -> None:
    css = start + " " * (MAXIMUM_TEXT - len(start) - before) + end
    text, gate = gated(f"<style>{css}</style>")
    assert gate.findings.held == held
    assert text.count(INERT_ADDRESS) == held
    assert text.replace("https://#consent/unclassified/x.test/", "").endswith(f"{css}</style>")


def test_a_service_of_its_own_overrides_its_category() -> None:
    tag = "<iframe src=https://www.youtube.com/embed/x></iframe>"
    assert gated(tag, services={"youtube": True})[0] == tag
    assert "data-consent-src" in gated(tag, "social", services={"youtube": False})[0]


def test_an_inline_script_needs_all_its_services() -> None:
    script = "<script>fbq('init', '1'); _paq.push(['trackPageView'])</script>"
    assert 'data-consent="advertising"' in gated(script, "analytics")[0]
    assert 'data-consent="analytics"' in gated(script, "advertising")[0]
    assert gated(script, "analytics", "advertising")[0] == script


def test_unknown_hosts_follow_the_policy() -> None:
    tag = "<img src=//x.test/a>"
    assert gated(tag, unknown_hosts="allow")[0] == tag
    blocked, _ = gated(tag, "unclassified", unknown_hosts="block")
    assert 'data-consent="blocked"' in blocked
