from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cookie_consent.gate.html.attributes import CSS_ATTRIBUTES
from cookie_consent.rewriter import MAXIMUM_TAG, Rewriter, StartTag
from cookie_consent.rewriter.prefilter_patterns import BREAKOUT, FOREIGN_NAMES, RISKY_VALUE

PIECES = (
    "<p>", "</p>", "text", "<", ">", "<!--", "-->", "--!>", "<!-->", "<!", "<?x", "</",
    "<img src=x>", "<IMG SRC='a>b'>", "<script>", "</script>", "<script src=a>", "<style>",
    "</style >", "<svg>", "</svg>", "<title>", "</title/>", "<noscript>", "</noscript>",
    "<textarea>", "</textarea>", "<math>", "<mtext>", "</math>", "<![CDATA[", "]]>", '"', "'", "=",
    " ", "/", "<a b=c d='e' f=\"g\">", "<foreignObject>", "</foreignObject>", "<body>", "</body>",
    "</html>", "-", "<plaintext>", "<iframe src=//x>", "</iframe>", "é", "\x00",
)  # fmt: skip


class Recorder:
    """Marks every tag that it is shown."""

    relative = True

    def __init__(self) -> None:
        self.seen: list[tuple[bytes, dict[bytes, str | None]]] = []
        self.texts: list[bytes] = []

    def start_tag(self, tag: StartTag) -> bool:
        self.seen.append((tag.name, {name: tag.get(name) for name in tag.names()}))
        return tag.name in {b"script", b"style"} and tag.get(b"src") is None

    def text(self, tag: StartTag, text: bytes, *, more: bool) -> bytes:  # noqa: ARG002
        self.texts.append(text)
        tag.set(b"data-length", str(len(text)))
        return text


def rewrite(*parts: bytes) -> tuple[bytes, Recorder]:
    recorder = Recorder()
    rewriter = Rewriter(recorder, before_body_end=lambda: b"[END]")
    return b"".join([*map(rewriter.feed, parts), rewriter.end()]), recorder


def names(document: str) -> list[bytes]:
    return [name for name, _ in rewrite(document.encode())[1].seen]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("<img src=a>", [b"img"]),
        ("<!-- <img src=a> -->", []),
        ("<!--><img src=a>-->", [b"img"]),  # "<!-->" is a whole comment
        ("<!---><img src=a>-->", [b"img"]),
        ("<!-- --!><img src=a>", [b"img"]),
        ("<!--!><img src=a>-->", []),  # "!" right after the opening does not end it
        ("<? <img src=a>", []),  # a bogus comment goes to the first ">"
        ("</ <img src=a><img src=b>", [b"img"]),
        ("<!doctype html><img src=a>", [b"img"]),
        ("<![CDATA[<img src=a>]]><img src=b>", [b"img"]),  # outside SVG a bogus comment
        ("<svg><![CDATA[<img src=a>]]></svg>", []),
        ("<title><img src=a></title><img src=b>", [b"title", b"img"]),
        ("<textarea><img src=a></textareax></textarea >", [b"textarea"]),
        ("<script>'<img src=a>'</script><img src=b>", [b"script", b"img"]),
        ("<script><!-- <script></script><img src=a></script><img src=b>", [b"script", b"img"]),  # double escaped
        ("<script><!-- </script><img src=b>", [b"script", b"img"]),  # escaped: the end tag counts
        ("<script><!--><script></script><img src=b>", [b"script", b"img"]),
        ("<style><img src=a></style>", [b"style"]),
        ("<svg><style><img src=a></style></svg>", [b"style", b"img"]),  # a live image
        # In HTML inside SVG raw text is read as markup too: all open elements decide what an end tag closes.
        ("<svg><title><style><img src=a></style></title></svg>", [b"style", b"img"]),
        ("<svg><p><style><img src=a></style>", [b"style"]),  # p breaks out
        ("<svg/><style><img src=a></style>", [b"style"]),
        ("<math><mi><p>a</p></mi><style><img src=a>", [b"style", b"img"]),
        ("<math><svg><title><style><img src=a>", [b"style", b"img"]),  # an "svg" of MathML
        # To older parsers a style in a select is markup.
        (
            "<select><style><img src=a></style></select><style><img src=a>",
            [b"select", b"style", b"img", b"style", b"img"],
        ),
        ("<div><svg></div><![CDATA[><img src=a>]]>", [b"img"]),  # the end tag closes both
        ("<svg><title>a</title><path d='M0 0'/></svg><img src=a>", [b"img"]),
        ("<svg><path d='M0 0'/><image href=a></image></svg>", [b"image"]),
        ("<svg><path fill='url(a)'/></svg>", [b"path"]),
        ('<svg><use href="#a" xlink:href="b"/></svg>', [b"use"]),
        ("<svg><title><img src=a></title></svg>", [b"img"]),
        ("<svg><path d='></svg><img src=a>'/></svg>", []),
        ("<svg><p></svg><style><img src=a></style>", [b"style"]),
        ("<svg><g></svg><title><img src=a></title>", [b"title"]),
        ("<math></svg><noframes><img src=a></noframes>", [b"img"]),
        ("<noscript><img src=a></noscript>", [b"noscript", b"img"]),
        ("<noscript><!-- </noscript><img src=a> -->", [b"noscript", b"img"]),
        ("<plaintext><img src=a>", [b"plaintext"]),
        ("<a title='<img src=a>'>", []),
        ("<a title=<img src=a>", []),  # one tag, with an unquoted value
        ("<p a='x'b=\"y\"style=c(>", [b"p"]),
        ("<p/style=c()>", [b"p"]),
        ("<p =style=c()>", []),  # an attribute named "=style"
        ("<img/src=a/><imgx src=a>", [b"img"]),
        ("< img src=a>", []),
        ("<img src=a", []),  # unfinished: no tag
        ("<IMG\nSRC\n=\na>", [b"img"]),
        ("<table background=a>", [b"table"]),
    ],
)  # fmt: skip
def test_tags_that_are_seen(document: str, expected: list[bytes]) -> None:
    assert names(document) == expected


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("<svg><title>a</title><g><path d='M0 0'/><use href=\"#a\"/></g></svg><img src=//a>", [b"img"]),
        ("<svg><path d='M0 0'/><image href=a></image></svg>", [b"image"]),
        ("<svg><path fill='url(a)'/></svg>", [b"path"]),
        ('<svg><use href="#a" xlink:href="b"/></svg>', [b"use"]),
        ("<svg><USE HREF=b /></svg>", [b"use"]),
        ("<svg><title><img src=//a></title></svg>", [b"img"]),
        ("<svg><path d='></svg><img src=//a>'/></svg>", []),
        ("<svg><p></svg><style><img src=a></style>", [b"style"]),
        ("<svg><g></svg><title><img src=//a></title>", [b"title"]),
        ("<svg><a><svg><style><img src=//a></style></svg></a></svg>", [b"style", b"img"]),
        ("<math></svg><noframes><img src=//a></noframes>", [b"img"]),
    ],
)
def test_a_picture_that_only_draws_is_passed_over(document: str, expected: list[bytes]) -> None:
    """Only where relative addresses lead to the page's own host: references within the page are such."""
    recorder = Recorder()
    recorder.relative = False
    rewriter = Rewriter(recorder)
    rewriter.feed(document.encode())
    rewriter.end()
    assert [name for name, _ in recorder.seen] == expected


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("<img src=a src=b>", "a"),
        ("<img SRC='a' src=b>", "a"),
        ("<img src='\"a\"'>", '"a"'),
        ("<img src='&#x68;ttps&colon;&sol;&sol;x'>", "https://x"),
        ("<img src='a?b&copy=1&amp;c&copyx&copy;'>", "a?b&copy=1&c&copyx©"),
        ("<img src=a\"b'c>", "a\"b'c"),
        ("<img alt='>' src=x>", "x"),
        ("<img src=>", ""),
        ("<img src = 'a' >", "a"),
        ("<img src='&#0;&#x110000;&#128;'>", "\ufffd\ufffd€"),
    ],
)
def test_attribute_values(tag: str, value: str) -> None:
    assert rewrite(tag.encode())[1].seen[0][1][b"src"] == value


def test_edits_change_only_their_bytes() -> None:
    tag = StartTag(b"<IMG  alt = 'a'\tSRC=x  >")
    tag.rename(b"src", b"data-src")
    tag.set(b"alt", 'b"&')
    tag.set(b"data-consent", "social")
    assert tag.to_bytes() == b'<IMG data-consent="social"  alt="b&quot;&amp;"\tdata-src=x  >'


def test_insertion_stands_before_the_first_body_end() -> None:
    assert rewrite(b"<p>a<!-- </body> --></body></html>")[0] == b"<p>a<!-- </body> -->[END]</body></html>"
    assert rewrite(b"<p>a")[0] == b"<p>a[END]"
    assert rewrite(b"<p>a<!-- b")[0] == b"<p>a<!-- b-->[END]"
    assert rewrite(b"<title>a")[0] == b"<title>a</title>[END]"
    assert rewrite(b"<p>a <img src='")[0] == b"<p>a [END]"
    assert rewrite(b"")[0] == b"[END]"


def test_a_tag_over_the_bound_loses_its_attributes() -> None:
    big = b"<img alt='" + b"x" * (MAXIMUM_TAG + 10) + b"' src=//evil.example/a>"
    document = b"<p>" + big + b"<p>after"
    whole, _ = rewrite(document)
    split, _ = rewrite(*[document[at : at + 4096] for at in range(0, len(document), 4096)])
    assert whole == split == b"<p><img><p>after[END]"


@settings(max_examples=500)
@given(st.lists(st.sampled_from(PIECES), max_size=40), st.data())
def test_output_does_not_depend_on_the_split(pieces: list[str], data: st.DataObject) -> None:
    document = "".join(pieces).encode()
    whole, recorder = rewrite(document)
    cut = data.draw(st.integers(0, len(document)))
    for parts in ([document[:cut], document[cut:]], [document[at : at + 1] for at in range(len(document))]):
        out, other = rewrite(*parts)
        assert out == whole
        assert other.seen == recorder.seen
        assert other.texts == recorder.texts


@pytest.mark.parametrize(
    ("tag", "renamed"),
    [
        ("<img src=a>", "<img data-src=a>"),
        ("<img SRC=a src=b>", "<img data-src=a data-src=b>"),  # or the second one would count
        ("<img alt=src src=a>", "<img alt=src data-src=a>"),  # the word stands in a value as well
        ("<img srcset=src src=a>", "<img srcset=src data-src=a>"),
        ("<img alt=' src=b'src=a>", "<img alt=' src=b'data-src=a>"),
        ("<img/src/=a>", "<img/data-src/=a>"),
    ],
)
def test_an_attribute_is_renamed_where_it_stands(tag: str, renamed: str) -> None:
    start_tag = StartTag(tag.encode())
    start_tag.rename(b"src", b"data-src")
    assert start_tag.to_bytes() == renamed.encode()


@pytest.mark.parametrize("name", sorted(CSS_ATTRIBUTES))
def test_what_is_read_as_css_is_suspect(name: bytes) -> None:
    """The names are known in ``gate``; here it counts how they end."""
    for value in (b'"url(//x)"', b"'url(//x)'", b"url(//x)", b'"u\\72l(//x)"', b'"url&lpar;//x)"', b" 'a'"):
        assert RISKY_VALUE.search(b"<p " + name + b"=" + value + b">") is not None
        assert RISKY_VALUE.search(b"<p " + name.upper() + b"=" + value + b">") is not None


def test_no_shape_ends_foreign_content() -> None:
    assert not FOREIGN_NAMES & BREAKOUT


PLACES = (
    ("<html><body class=a><p>x", "<html><body class=a>[body]<p>x"),
    ("<body><body>", "<body>[body]<body>"),
    ("<consent-banner/>a", "<consent-banner/>[consent-banner]a"),
    ("<CONSENT-BANNER b='>'>c", "<CONSENT-BANNER b='>'>[consent-banner]c"),
    ("<consent-banners><p title='<consent-banner>'>", None),
    ("<!--<consent-banner>--><textarea><consent-banner></textarea>", None),
    ("<template><consent-banner></template>", None),
    ("<table><consent-banner>", None),
    ("<svg><consent-banner></svg>", None),
    ("<noscript><consent-banner></noscript>", None),
)  # fmt: skip


@pytest.mark.parametrize(("document", "expected"), PLACES)
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_what_is_inserted_at_the_beginning_of_an_element(document: str, expected: str | None, size: int) -> None:
    rewriter = Rewriter(Recorder(), after_start=lambda name: b"[" + name + b"]")
    data = document.encode()
    parts = [rewriter.feed(data[at : at + size]) for at in range(0, len(data), size)]
    assert b"".join([*parts, rewriter.end()]).decode() == (expected or document)
