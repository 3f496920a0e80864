"""Markup that can be read in several ways: what would be fetched in any of them is held."""

from __future__ import annotations

import re

import pytest

from cookie_consent import Policy
from cookie_consent.consent import Consent
from cookie_consent.gate import TagGate
from cookie_consent.policy.classifier import Classifier
from cookie_consent.rewriter import Rewriter
from tests.fuzz.search import wrong

pytestmark = pytest.mark.usefixtures("markup_cache")
POLICY = Policy(version="1")
CONSENT = Consent(policy=POLICY, granted=frozenset({"session"}))
PARSERS = ("lexbor", "html5lib")


def gated(markup: str, *, size: int = 1 << 20, xml: bool = False) -> str:
    rewriter = Rewriter(TagGate(Classifier(POLICY), CONSENT, "site.test"), xml=xml, before_body_end=lambda: b"[END]")
    data = markup.encode()
    out = [rewriter.feed(data[at : at + size]) for at in range(0, len(data), size)]
    return (b"".join(out) + rewriter.end()).decode()


def is_in_doubt(markup: str) -> bool:
    rewriter = Rewriter(TagGate(Classifier(POLICY), CONSENT, "site.test"))
    rewriter.feed(markup.encode())
    rewriter.end()
    return rewriter._in_doubt


HELD = [
    "<g><svg></g><![CDATA[><img src=//evil.test/>]]>",  # the end tag closes the picture as well
    '<svg></div><![CDATA[ > <p title="]]><image href=//evil.test/ />" ></svg>',  # or nothing: then CDATA is text
    "<select><svg><![CDATA[><img src=//evil.test/>]]></svg></select>",  # older parsers ignore svg in a select
    "<svg>" * 600 + "<style><img src=//evil.test/></style>",  # deeper than what is kept
    "<frameset><title><frame src=//evil.test/></title></frameset>",  # in a frameset a title is ignored
    "<frameset><plaintext><frame src=//evil.test/></frameset>",
    "<frameset><script><frame src=//evil.test/></script></frameset>",
    "<template><col><style></template><img src=//evil.test/></style>",  # behind col all else is ignored
    '<svg><desc><![CDATA[ > <p title="]]><img src=//evil.test/>">]]></desc></svg>',  # CDATA is text in desc itself
    "<svg><desc><p></desc><style><img src=//evil.test/></style>",  # the end tag of desc is ignored inside p
    "<table><tr><td><svg><desc><td><style></td><img src=//evil.test/></style>",  # closes the cell around the picture
    "<math><mi><p></mi><mglyph><style><img src=//evil.test/></style>",
    # Chromium's preload scanner builds no tree: to it CDATA is a comment, and style is raw text everywhere.
    "<svg><![CDATA[><img src=//evil.test/>]]></svg>",
    '<svg><style><p title="</style><img src=//evil.test/>"></style></svg>',
    '<svg><title/><p title="</title><img src=//evil.test/>">',
    # A phase that one reading begins and another ends.
    "<svg></a><![CDATA[<!--]]><img src=//evil.test/>-->",
    '<svg></a><style><p title="</style><img src=//evil.test/>">',
    '<svg></a><![CDATA[ <p a="]]><!-- "> <img src=//evil.test/> -->',
    "<svg><noembed><style>@import '//evil.test/';</style></noembed>",
    "<svg><style><style>a{background:url(//evil.test/)}</style></style></svg>",
    "<svg fill='url(//evil.test/)'>",  # the outermost element is one of SVG
    "<noscript><svg><desc><p></noscript><style><img src=//evil.test/></style>",
    "<noscript><select></noscript><style><img src=//evil.test/></style>",
    # A style that one reading leaves open goes on behind the end tag that is none in it.
    "<svg><noembed><img><style></noembed>a{background:url(//evil.test/)}</style>",
    "<svg><noembed><desc><p><svg><style></noembed>a{background:url(//evil.test/)}</style>",
    "<select><title><style></title>a{background:url(//evil.test/)}</style>",
    # The end tag closes the picture in new parsers, so that the style is raw text.
    '<svg></p><style><p title="<p style="background:url(//evil.test/)">',
    "<svg></p><style><!--<style>a{background:url(//evil.test/)}",
    "<svg></p><style>a{&#47;*;background:url(//evil.test/)}/**/</style>",
    "<math><annotation-xml></br><object data=//evil.test/></object>",  # what it holds is not HTML, so this leads out
    "<math><annotation-xml></p><![CDATA[><embed src=//evil.test/>]]>",
]  # fmt: skip


@pytest.mark.parametrize("markup", HELD)
@pytest.mark.parametrize("parser", PARSERS)
def test_nothing_is_live_in_any_tree(markup: str, parser: str) -> None:
    assert list(wrong(parser, [(markup,)])) == [""]


@pytest.mark.parametrize("markup", HELD)
def test_what_is_held_does_not_depend_on_the_pieces(markup: str) -> None:
    whole = gated(markup)
    assert whole == gated(markup, size=1) == gated(markup, size=7)


@pytest.mark.parametrize(
    "markup",
    [
        "<svg><style></b title='</style><img src=//evil.test/>'></style>",
        "<svg><style><!-- </style><img src=//evil.test/> --></style>",
        "<svg><style><![CDATA[ <p title='</style><img src=//evil.test/>'> ]]></style>",
        "<svg><title></title id='><img src=//evil.test/>'></svg><svg><script/></p a='</script><img src=//evil.test/>'>",
        "<svg><![CDATA[ > <p title=']]><img src=//evil.test/>'></svg>",
    ],
)
def test_what_the_preload_scanner_would_fetch_is_held(markup: str) -> None:
    """No parser reads these as it does: raw text wherever a style begins, and no CDATA."""
    out = gated(markup)
    assert out == gated(markup, size=1)
    assert "<img src=" not in out.replace("id='><img src=", "")


@pytest.mark.parametrize(
    "text",
    [
        "<!-- @import '//evil.test/'; -->",
        "<?x @import '//evil.test/'; ?>",
        "/*<b title='*/ @import url(//evil.test/); /*'>*/",
        "a{}&#47;*;@import '//evil.test/';/**/",
    ],
)
@pytest.mark.parametrize("root", ["svg", "math"])
def test_a_style_is_judged_as_the_raw_text_that_the_preload_scanner_reads(text: str, root: str) -> None:
    markup = f"<{root}><style>{text}</style></{root}>"
    out = gated(markup)
    assert out == gated(markup, size=1)
    assert '<style data-consent="unclassified" data-consent-service="evil.test" type="text/plain">' in out


def test_a_script_that_one_reading_leaves_open_does_not_run() -> None:
    out = gated("<svg><noembed><img><script></noembed>load()</script>")
    assert re.search(r'<script type="text/plain" data-consent="[^"]+" data-consent-service="[^"]+"></noembed>load', out)


def test_a_style_that_ends_in_every_reading_stays() -> None:
    markup = "<svg><noembed><style>a{fill:red}</noembed><path/></svg>"
    assert is_in_doubt(markup)
    assert gated(markup) == markup + "[END]"


def test_what_is_kept_of_a_picture_is_bounded() -> None:
    rewriter = Rewriter(TagGate(Classifier(POLICY), CONSENT, "site.test"))
    rewriter.feed(b"<svg>" + b"<g a>" * 10_000)
    assert rewriter._foreign.depth == 0
    assert rewriter._in_doubt


@pytest.mark.parametrize(
    "markup",
    [
        "<p>a<svg viewBox='0 0 1 1'><title>A</title><style>a{}</style><g><path d=''/></g></svg><!-- <b> --></p>",
        "<svg><style type='text/css'><![CDATA[ a > b {} ]]></style></svg>",  # what drawing programs write
        "<svg><foreignObject><div><p>a<p>b</div><ul><li>c</ul></foreignObject></svg>",
        "<svg><path/></path><rect/></svg><style>a{}</style><!-- <b> -->",  # an end tag too many
        "<select><option><b>a</b><svg><path/></svg></option></select><style>a{}</style>",
        "<frameset><frame src=a><noframes><p>a</p></noframes></frameset>",
        "<template><table><col><tr><td>a</td></tr></table></template>",
        "<math><mi>x</mi><mo>=</mo><annotation-xml encoding='text/html'><p>x</p></annotation-xml></math>",
        "<noscript><p>a</p></noscript><textarea><b></textarea><title>a</title>",
    ],
)
def test_there_is_no_doubt(markup: str) -> None:
    assert not is_in_doubt(markup)


@pytest.mark.parametrize(
    "markup",
    [
        "<svg></a><![CDATA[<b>]]><textarea><img src=//evil.test/></textarea>",
        "<frameset><title><b></title></frameset><textarea><frame src=//evil.test/></textarea>",
        "<svg></a><style><b></style><input value='<img src=//evil.test/>'>",
    ],
)
@pytest.mark.parametrize("parser", PARSERS)
def test_what_a_form_sends_stays(markup: str, parser: str) -> None:
    assert is_in_doubt(markup)
    assert list(wrong(parser, [(markup,)])) == [""]
    assert "<textarea>" not in markup or markup[markup.index("<textarea>") :] in gated(markup)


def test_where_there_is_doubt_no_other_reading_finds_a_tag() -> None:
    markup = "<svg></a><![CDATA[<b>]]><!-- <p> --><p title='<i>'><title>a <p id='</title>"
    assert gated(markup).endswith("<!-- &lt;p> --><p title='&lt;i>'><title>a &lt;p id='</title>[END]")


@pytest.mark.parametrize(
    ("markup", "is_held"),
    [
        ("<template><base href=/></template><base href=//evil.test/><img src=a>", True),
        ("<template><base href=//evil.test/></template><img src=a>", False),
        ("<template><template></template><base href=//evil.test/></template><img src=a>", False),
        ("<noscript><base href=//evil.test/></noscript><img src=a>", True),  # without scripting
        ("<noscript><base href=/></noscript><base href=//evil.test/><img src=a>", True),  # with scripting
        ("<svg><base href=//evil.test/></svg><img src=a>", True),  # to Chromium's preload scanner
        ("<svg><base href=/></svg><base href=//evil.test/><img src=a>", True),
        ("<base href=/><base href=//evil.test/><img src=a>", False),  # the first counts
        ("<base target=a><base href=//evil.test/><img src=a>", True),  # that has an address
        ("<table><tr><td><base href=/></td></tr><base href=//evil.test/></table><img src=a>", True),  # before it
        ("<base href=//evil.test/><img src=//site.test/a>", False),
        # Browsers load an image when the parser rests, from the base that there is by then.
        ("<img src=a><base href=//evil.test/>", True),
        ("<head><script>a</script><base href=//evil.test/></head><body><a href=b>c</a>", False),
    ],
)  # fmt: skip
def test_an_address_on_a_base_is_held_where_the_base_counts(markup: str, is_held: bool) -> None:  # noqa: FBT001
    out = gated(markup)
    assert out == gated(markup, size=1)
    assert ("data-consent=" in out) is is_held


@pytest.mark.parametrize(
    "markup",
    [
        "<body><template><body></body></template><p>end</p>|</body></html>",
        "<body><svg><title></body></title></svg><p>end</p>|</body></html>",
        "<body><svg><foreignObject><p></body></p></foreignObject></svg>|</body>",
        "<body><select></body></select>|</body>",
        "<body><template></body>",  # nothing ends it
    ],
)
def test_the_banner_stands_at_the_end_of_the_body(markup: str) -> None:
    before, mark, after = markup.partition("|")
    assert gated(before + after) == (f"{before}[END]{after}" if mark else f"{markup}</template>[END]")


XML_HELD = [
    '<html><body><![CDATA[ > <p title=" ]]><img src="//evil.test/"/><p title=""/></body></html>',
    "<html><?x > <img src='a'/> ?><!--> <p title=' --><img src='//evil.test/'/><p title=''/></html>",
    "<html><xmp><img src='//evil.test/'/></xmp></html>",  # no element has raw text
    "<?xml-stylesheet type='text/css' href='//evil.test/'?><html/>",
    "<html><h:img xmlns:h='http://www.w3.org/1999/xhtml' src='//evil.test/'/></html>",
    "<html><_h:img xmlns:_h='http://www.w3.org/1999/xhtml' src='//evil.test/'/></html>",  # a name that HTML has not
    "<html><image xmlns='http://www.w3.org/2000/svg' "
    "xmlns:l='http://www.w3.org/1999/xlink' l:href='//evil.test/'/></html>",
    "<!DOCTYPE html [<!ENTITY x \"<img src='//evil.test/'/>\">]><html>&x;</html>",
    "<!DOCTYPE html [<!ENTITY x '&#60;img src=\"//evil.test/\"/>'>]><html>&x;</html>",
    "<!DOCTYPE html [<!ENTITY a '/'><!ENTITY b '/evil.test/'>]><html><img src='&a;&b;'/></html>",
    "<!DOCTYPE html [<!ENTITY a '//evil.test/'>]><html><img src='&a;'/></html>",
    "<!DOCTYPE html [<!ATTLIST img src CDATA '//evil.test/'>]><html><img/></html>",
    "<!DOCTYPE html [<!ENTITY % p \"<!ENTITY x '&#60;img/>'>\"> %p;]><html>&x;</html>",
    "<html><style>@import '//evil.test/';</style></html>",
]  # fmt: skip


@pytest.mark.parametrize("markup", XML_HELD)
def test_xhtml_is_read_as_xml(markup: str) -> None:
    out = gated(markup, xml=True)
    assert out == gated(markup, xml=True, size=1)
    assert out.removesuffix("[END]") != markup
    for live in (" src='//evil", ' src="//evil', "<?xml-stylesheet", " l:href", "'//evil.test/'>", "ENTITY x '"):
        assert live not in out


@pytest.mark.parametrize(
    "markup",
    [
        "<html><body><![CDATA[<img src='//evil.test/'/>]]></body></html>",  # text
        "<html><!-- <img src='//evil.test/'/> --></html>",
        "<!DOCTYPE html [<!ENTITY copy2 'A &amp; B'><!ATTLIST p class CDATA 'a'><!-- ' -->]><html>&copy2;</html>",
        "<?xml version='1.0'?><?xml-stylesheet href='/own.css'?><html><script>a &lt; b</script></html>",
    ],
)
def test_xhtml_of_the_site_stays(markup: str) -> None:
    assert gated(markup, xml=True) == markup + "[END]"


@pytest.mark.parametrize(
    "style",
    [
        "@im<g>x</g>port '//evil.test/';",  # SVG leaves the text of inner elements out
        "@im<g>port</g> '//evil.test/';",  # or takes it in
        "@im<!-- -->port '//evil.test/';",
        "@import <![CDATA['//evil.]]>test/';",
        "@import &quot//evil.test/&quot;",
        "<!-- </style> -->@import '//evil.test/';",  # in SVG the end tag stands in a comment
    ],
)
def test_a_style_in_doubt_is_judged_as_svg_joins_its_text(style: str) -> None:
    doubt = "<svg><style><b></b></style></svg>"
    assert is_in_doubt(doubt)
    assert '<style data-consent="unclassified' in gated(f"{doubt}<svg><style>{style}</style></svg>")
    assert gated(f"{doubt}<svg><style>a{{fill:red}}</style></svg>").endswith("a{fill:red}</style></svg>[END]")


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_cdata_in_a_textarea_of_an_unsure_picture_keeps_what_the_form_sends(piece: int) -> None:
    text = "<![CDATA[</annotation-xml><link rel=stylesheet href=//evil.test/>"
    assert f"<textarea>{text}</textarea>" in gated(f"<svg></p><textarea>{text}</textarea>", size=piece)
