"""Parsers that build a tree, and what would be fetched in it."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING, Any, Protocol
from xml.etree.ElementTree import Comment

import html5lib
from selectolax.lexbor import LexborHTMLParser, LexborNode

from cookie_consent.rewriter import rewrite_css
from tests.fuzz.grammar import EVIL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["PARSERS", "Findings", "Parse"]

Findings = tuple[list[str], list[str]]
"""The carriers that are live in a tree, and the texts that its forms would send."""
_HTML = "http://www.w3.org/1999/xhtml"
_SVG = "http://www.w3.org/2000/svg"
_MATH = "http://www.w3.org/1998/Math/MathML"
_XLINK = "http://www.w3.org/1999/xlink"
_HTML_ADDRESSES = {
    "img": "src", "script": "src", "iframe": "src", "link": "href", "embed": "src", "object": "data", "video": "poster",
    "input": "src", "frame": "src",
}  # fmt: skip
_SVG_ELEMENTS = frozenset({"image", "use", "feimage", "script"})
_NOT_IN_FOREIGN = frozenset({"object", "video", "script", "iframe", "link", "frame", "input", "td"})
_SVG_POINTS = frozenset({"foreignobject", "desc", "title"})
_MATH_POINTS = frozenset({"mi", "mtext"})
_GLYPHS = frozenset({"mglyph", "malignmark"})
_BREAKOUTS = frozenset({"p", "div", "b", "li", "h1", "nobr", "table", "body", "br"})
_PAINTED = ("style", "fill")
_EITHER = "either"
"""The namespace, where a parser does not tell."""


class Parse(Protocol):
    """Builds the trees of documents; yields for each document what is found in it with and without scripting."""

    def __call__(self, documents: Sequence[str]) -> Iterator[list[Findings]]: ...


def carrier(namespace: str, name: str, attributes: dict[str, str | None], text: str) -> str | None:
    """Return what an element would fetch from the other host, or None."""
    name = name.lower()
    return _address(namespace, name, attributes) or _style(namespace, name, attributes, text)


def _address(namespace: str, name: str, attributes: dict[str, str | None]) -> str | None:
    if namespace in {_HTML, _EITHER}:
        key = _HTML_ADDRESSES.get(name)
        if key is not None and EVIL in (attributes.get(key) or ""):
            return f"{name} {key}"
        if name == "meta" and attributes.get("http-equiv") == "refresh" and EVIL in (attributes.get("content") or ""):
            return "meta refresh"
        if name in {"td", "body", "table"} and EVIL in (attributes.get("background") or ""):
            return f"{name} background"
    if namespace == _SVG or (namespace == _EITHER and name == "image"):
        for key in ("href", "xlink:href"):
            if name in _SVG_ELEMENTS and EVIL in (attributes.get(key) or ""):
                return f"svg {name} {key}"
    return None


def _style(namespace: str, name: str, attributes: dict[str, str | None], text: str) -> str | None:
    for key in _PAINTED if namespace == _SVG else ("style",):
        if _fetches(attributes.get(key) or ""):
            return f"{name} {key}"
    if name == "style" and _fetches(text) and (attributes.get("type") or "text/css") == "text/css":
        return "style text"
    return None


class _Base:
    """What relative addresses lead to, in tree order, and whether there is one."""

    def __init__(self) -> None:
        self._first: str | None = None
        self._is_used = False

    def take(self, name: str, attributes: dict[str, str | None]) -> None:
        if name == "base" and self._first is None:
            self._first = attributes.get("href")
        self._is_used = self._is_used or (name == "img" and attributes.get("src") == "own.png")

    @property
    def carriers(self) -> list[str]:
        return ["address on another base"] if self._is_used and EVIL in (self._first or "") else []


def _fetches(css: str) -> bool:
    found: list[str] = []
    if EVIL in css:
        rewrite_css(css, found.append)
    return any(address.startswith("//") for address in found)


def _lexbor(documents: Sequence[str]) -> Iterator[list[Findings]]:
    for markup in documents:
        yield [_in_lexbor(markup, scripting=scripting) for scripting in (False, True)]


def _in_lexbor(markup: str, *, scripting: bool) -> Findings:
    carriers: list[str] = []
    texts: list[str] = []
    base = _Base()
    root = LexborHTMLParser(markup, scripting=scripting).root
    for node in root.traverse(include_text=False) if root is not None else ():
        name = str(node.tag)
        if name[0] in "-_":
            continue
        attributes = node.attributes
        if name == "img" or (name == "base" and not _is_foreign(node)):
            base.take(name, attributes)
        if attributes or name == "style":
            text = node.text(deep=True) if name == "style" else ""
            found = carrier(_EITHER, name, attributes, text)
            if found is not None and name in _NOT_IN_FOREIGN and _is_foreign(node):
                found = None
            if found is not None:
                carriers.append(found)
        if name == "textarea" and not _is_foreign(node):
            texts.append(node.text(deep=True))
    return carriers + base.carriers, texts


def _is_foreign(node: LexborNode) -> bool:
    """Say whether an element is one of SVG or MathML, which lexbor does not tell."""
    return _namespace(node) != _HTML


def _namespace(node: LexborNode) -> str:
    """Return the namespace of an element, which follows from its name and what it stands in.

    Start tags in foreign content become elements of what they stand in, whatever their name: a ``math`` right in SVG
    is an element of SVG. Those that break out never stand in it, but for what the end tags ``</p>`` and ``</br>`` make.
    """
    name, parent = str(node.tag).lower(), node.parent
    if parent is None:
        return _HTML
    around, outer = _namespace(parent), str(parent.tag).lower()
    if around == _SVG and outer not in _SVG_POINTS:
        return _HTML if name in _BREAKOUTS else _SVG
    if around == _MATH and (name in _GLYPHS or (outer not in _MATH_POINTS and not _is_annotation(parent, name))):
        return _HTML if name in _BREAKOUTS else _MATH
    return {"svg": _SVG, "math": _MATH}.get(name, _HTML)


def _is_annotation(parent: LexborNode, name: str) -> bool:
    """Say whether what stands in an element is of HTML, or an ``svg``, since it is an ``annotation-xml``."""
    return parent.tag == "annotation-xml" and (name == "svg" or bool(parent.attributes.get("encoding")))


def _html5lib(documents: Sequence[str]) -> Iterator[list[Findings]]:
    for markup in documents:
        with contextlib.suppress(AssertionError, AttributeError, IndexError, KeyError, TypeError, RecursionError):
            # html5lib has faults of its own, at which it builds no tree.
            yield [_in_html5lib(markup, scripting=scripting) for scripting in (False, True)]
            continue
        yield []


def _in_html5lib(markup: str, *, scripting: bool) -> Findings:
    carriers: list[str] = []
    texts: list[str] = []
    base = _Base()
    tree = html5lib.HTMLParser().parse(markup, scripting=scripting)
    for comment in tree.iter(Comment):
        comment.text = ""  # which ``itertext`` takes for text
    for node in tree.iter():
        if not isinstance(node.tag, str):
            continue
        namespace, _, name = node.tag.rpartition("}")
        namespace = namespace.removeprefix("{")
        attributes = {key.replace(f"{{{_XLINK}}}", "xlink:"): value for key, value in node.attrib.items()}
        found = carrier(namespace, name, attributes, "".join(node.itertext()))
        if found is not None:
            carriers.append(found)
        if namespace == _HTML:
            base.take(name, attributes)
            if name == "textarea":
                texts.append("".join(node.itertext()))
    # It knows no templates, in which a base does not count.
    return carriers + ([] if "<template" in markup else base.carriers), texts


_IN_PAGE = """documents => documents.map(markup => [...new DOMParser().parseFromString(markup, "text/html")
  .querySelectorAll("*")].map(node => [node.namespaceURI, node.localName,
    Object.fromEntries([...node.attributes].map(attribute => [attribute.name, attribute.value])),
    node.localName === "style" || node.localName === "textarea" ? node.textContent : ""]))"""
_FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


class _Chromium:
    """Chromium's ``DOMParser``, which builds trees as the browser does without scripting, and fetches nothing."""

    def __init__(self) -> None:
        self._page: Any = None

    def __call__(self, documents: Sequence[str]) -> Iterator[list[Findings]]:
        if self._page is None:
            from playwright.sync_api import sync_playwright

            browser = (
                sync_playwright().start().chromium.launch(executable_path=shutil.which("chromium"), args=list(_FLAGS))
            )
            self._page = browser.new_page()
        for nodes in self._page.evaluate(_IN_PAGE, list(documents)):
            found = [carrier(*node) for node in nodes]
            base = _Base()
            for namespace, name, attributes, _ in nodes:
                if namespace == _HTML:
                    base.take(name, attributes)
            texts = [text for namespace, name, _, text in nodes if name == "textarea" and namespace == _HTML]
            yield [([*filter(None, found), *base.carriers], texts)]


PARSERS: dict[str, Parse] = {"lexbor": _lexbor, "html5lib": _html5lib, "chromium": _Chromium()}
