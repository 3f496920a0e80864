"""The scanner beside lexbor, a parser that builds the whole tree, and beside itself reading every tag."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from cookie_consent.rewriter import Rewriter, StartTag

pytestmark = pytest.mark.usefixtures("markup_cache")
PIECES = (
    "<p>", "</p>", "text", "<", ">", "<!--", "-->", "--!>", "<!-->", "<!", "<?x", "</", "<img src=//x>",
    "<IMG SRC='//a>b'>", "<img src=/own>", "<script>", "</script>", "<script src=//a>", "<style>", "</style >", "<svg>",
    "</svg>", "<title>", "</title>", "<textarea>", "</textarea>", "<math>", "<mtext>", "</math>", "</mtext>",
    "<![CDATA[", "]]>", '"', "'", "=", " ", "/", "<a b=c d='e' f=\"g\">", '<a title="', "<foreignObject>",
    "</foreignObject>", "<body>", "</body>", "</html>", "-", "<iframe src=//x>", "</iframe>", "<div>", "</div>",
    "<select>", "<option>", "</select>", "<annotation-xml encoding=text/html>", "<desc>", "</desc>", "<font color=x>",
    "<xmp>", "</xmp>", "<embed src=//x>", '<p style="a:url(//x)">', "<input type=image src=//x>", "<svg/>", "<td>",
    "<table>", "</table>", "<template>", "</template>", "<br/>", "</br>", "<button>", "<plaintext>", "<b>", "</b>",
    "<mi>", "</mi>", "<frameset>", "<noframes>", "</noframes>", "<p a=b(c>", "<p title='a>b'>", "<p ping =//x>",
    "<path d='a'/>", '<use href="#a"/>', "<use href=//x>", "<g>", "</g>", "<path fill='url(//x)'>",
)  # fmt: skip
# Where these stand a tree builder drops tags, or the scanner reads raw text as markup on purpose.
NOT_PLAIN = (
    "select",
    "option",
    "templ",
    "oreign",
    "desc",
    "frame",
    "mtext",
    "mi>",
    "annot",
    "svg",
    "math",
    "tab",
    "td",
    "CDATA",
)
PLAIN_PIECES = tuple(piece for piece in PIECES if not any(name in piece for name in NOT_PLAIN))
CARRIERS = frozenset({"img", "script", "iframe", "embed", "input"})


class Finder:
    relative = False

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def start_tag(self, tag: StartTag) -> bool:
        if "//" in (tag.get(b"src") or "") and tag.name.decode() in CARRIERS:
            self.seen[tag.name.decode()] += 1
            tag.rename(b"src", b"data-src")
        if "url(" in (tag.get(b"style") or ""):
            self.seen["style"] = 1
            tag.rename(b"style", b"data-style")
        if "//" in (tag.get(b"ping") or ""):
            tag.rename(b"ping", b"data-ping")
        return False

    def text(self, _: StartTag, text: bytes, *, more: bool) -> bytes:  # noqa: ARG002
        return text


def scanned(document: str, *, all_tags: bool = False) -> tuple[bytes, Counter[str]]:
    finder = Finder()
    rewriter = Rewriter(finder, all_tags=all_tags)
    return rewriter.feed(document.encode()) + rewriter.end(), finder.seen


def parsed(document: str) -> Counter[str]:
    found: Counter[str] = Counter()
    root = LexborHTMLParser(document).root
    for node in root.traverse(include_text=False) if root is not None else ():
        attributes = node.attributes
        if "//" in (attributes.get("src") or "") and node.tag in CARRIERS:
            found[str(node.tag)] += 1
        if "url(" in (attributes.get("style") or ""):
            found["style"] = 1  # of formatting elements a tree builder makes copies
    return found


@settings(max_examples=400)
@given(st.lists(st.sampled_from(PIECES), max_size=16).map("".join))
def test_no_carrier_is_missed(document: str) -> None:
    """A tag may also become text, where it is a tag to some parsers only."""
    assert not parsed(scanned(document)[0].decode())


@settings(max_examples=400)
@given(st.lists(st.sampled_from(PLAIN_PIECES), max_size=16).map("".join))
def test_no_carrier_is_invented(document: str) -> None:
    assert not scanned(document)[1] - parsed(document)


@settings(max_examples=400)
@given(st.lists(st.sampled_from(PIECES), max_size=16).map("".join))
def test_passing_over_markup_finds_the_same_as_reading_every_tag(document: str) -> None:
    assert scanned(document) == scanned(document, all_tags=True)


@settings(max_examples=400)
@given(st.lists(st.sampled_from(PIECES), max_size=16).map("".join), st.data())
def test_passing_over_markup_does_not_depend_on_the_pieces(document: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(document)))
    rewriter = Rewriter(Finder())
    parts = (document[:at], document[at:])
    assert b"".join(rewriter.feed(part.encode()) for part in parts) + rewriter.end() == scanned(document)[0]
