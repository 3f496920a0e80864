"""The attributes that make a browser fetch, and how to read those that hold several addresses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cookie_consent.rewriter import StartTag

__all__ = ["CSS_ATTRIBUTES", "ICON_RELS", "LISTS", "SETS", "candidates_of", "css_attributes", "fetching_attributes"]

_ANYWHERE = (b"background", b"ping")
_OWN_ADDRESSES = {
    b"script": (b"src", b"attributionsrc"),
    b"img": (b"src", b"srcset", b"attributionsrc"),
    b"image": (b"src", b"srcset"),  # outside SVG browsers take it for an img
    b"iframe": (b"src",),
    b"frame": (b"src",),
    b"source": (b"src", b"srcset"),
    b"video": (b"src", b"poster"),
    b"audio": (b"src",),
    b"track": (b"src",),
    b"embed": (b"src", b"code"),
    b"object": (b"data", b"classid", b"codebase", b"archive"),
    b"applet": (b"code", b"codebase", b"archive"),
    b"portal": (b"src",),
    b"fencedframe": (b"src",),
}
_ADDRESSES = {name: (*attributes, *_ANYWHERE) for name, attributes in _OWN_ADDRESSES.items()}
_LINK = (b"href", b"imagesrcset", *_ANYWHERE)
_IMAGE_INPUT = (b"src", *_ANYWHERE)
_FOREIGN = (b"href", b"xlink:href", b"src", *_ANYWHERE)
_PARAMETER = (b"value", *_ANYWHERE)
_PARAMETER_NAMES = frozenset({"src", "movie", "code", "url", "data", "filename"})
"""Parameters of an ``object`` that browsers have used as its address."""
_ANIMATED = (b"to", b"from", b"by", b"values")
"""The values that an animation sets an attribute to (SMIL Animation, section 3.2.2)."""
_ANIMATIONS = frozenset({b"set", b"animate", b"animatecolor", b"animatemotion", b"animatetransform"})
SETS = frozenset({b"srcset", b"imagesrcset"})
"""Attributes with image candidates (HTML standard, section 4.8.4.2.1)."""
LISTS = frozenset({b"ping", b"archive", b"attributionsrc", *_ANIMATED})
"""Attributes with several addresses, separated by spaces, commas or semicolons."""
_STYLE = (b"style",)
CSS_ATTRIBUTES = (
    *_STYLE,
    *b"fill stroke filter mask clip-path marker marker-start marker-mid marker-end cursor".split(),
)
"""Attributes read as CSS; all but ``style`` in SVG only."""
_ANIMATED_CSS = (*CSS_ATTRIBUTES, *_ANIMATED)
ICON_RELS = frozenset(
    "icon apple-touch-icon apple-touch-icon-precomposed apple-touch-startup-image mask-icon fluid-icon".split()
)
"""The values of ``rel`` with which a link loads an image."""
_FETCHING_RELS = ICON_RELS | frozenset(
    "stylesheet preload modulepreload prefetch preconnect dns-prefetch prerender manifest search import subresource "
    "compression-dictionary".split()
)
_CANDIDATE = re.compile(r"[\t\n\f\r ,]*([^\t\n\f\r ]+)")
_DESCRIPTORS = re.compile(r"(?:[^,(]|\([^)]*+\)?+)*+,?+")


def fetching_attributes(tag: StartTag) -> list[bytes]:
    """Return the names of the attributes of ``tag`` whose addresses a browser fetches without being asked to."""
    present = tag.names()
    if tag.may_be_html:
        attributes = tuple(dict.fromkeys((*_foreign_attributes(tag), *_html_attributes(tag))))
    else:
        attributes = _foreign_attributes(tag) if tag.foreign else _html_attributes(tag)
    return [key for key in attributes if key in present]


def _html_attributes(tag: StartTag) -> tuple[bytes, ...]:
    name = tag.name
    attributes = _ADDRESSES.get(name, _ANYWHERE)
    if name == b"link":
        if not _FETCHING_RELS.isdisjoint((tag.get(b"rel") or "").lower().split()):
            attributes = _LINK
    elif name == b"input" and (tag.get(b"type") or "").lower() == "image":
        attributes = _IMAGE_INPUT
    elif name == b"param" and (tag.get(b"name") or "").lower() in _PARAMETER_NAMES:
        attributes = _PARAMETER
    return attributes


def _foreign_attributes(tag: StartTag) -> tuple[bytes, ...]:
    if tag.name in _ANIMATIONS:
        return (*_ANIMATED, *_ANYWHERE) if _animates_address(tag) else _ANYWHERE
    return _FOREIGN if tag.name != b"a" else _ANYWHERE


def css_attributes(tag: StartTag) -> tuple[bytes, ...]:
    """Return the names of the attributes of ``tag`` that would be read as CSS, whether or not it has them."""
    if not tag.foreign:
        return _STYLE
    return _ANIMATED_CSS if tag.name in _ANIMATIONS and not _animates_address(tag) else CSS_ATTRIBUTES


def _animates_address(tag: StartTag) -> bool:
    """Say whether the animation sets ``href``, with any prefix that may be bound to XLink."""
    return (tag.get(b"attributename") or "").strip().lower().rpartition(":")[2] == "href"


def candidates_of(srcset: str) -> list[tuple[str, str]]:
    """Return the address and the whole text of each candidate in a ``srcset``."""
    found = []
    at = 0
    while (match := _CANDIDATE.match(srcset, at)) is not None:
        address = match[1]
        at = match.end()
        if address.endswith(","):
            address = address.rstrip(",")
            whole = address
        else:
            descriptors = _DESCRIPTORS.match(srcset, at)
            at = descriptors.end() if descriptors is not None else at
            whole = srcset[match.start(1) : at].rstrip(", \t\n\f\r")
        if address:
            found.append((address, whole))
    return found
