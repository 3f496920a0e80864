"""Hold back the tags that the visitor has not agreed to: the handler that the rewriter calls."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cookie_consent.classify import Verdict
from cookie_consent.gate.refresh import refresh_address
from cookie_consent.gate.urls import target
from cookie_consent.policy import UNCLASSIFIED
from cookie_consent.rewriter import Rewriter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cookie_consent.classify import Classifier
    from cookie_consent.consent import Consent
    from cookie_consent.rewriter import StartTag

__all__ = ["TagGate"]

_ADDRESSES = {
    b"script": (b"src", b"href", b"xlink:href"),
    b"img": (b"src", b"srcset"),
    b"iframe": (b"src",),
    b"frame": (b"src",),
    b"source": (b"src", b"srcset"),
    b"video": (b"src", b"poster"),
    b"audio": (b"src",),
    b"track": (b"src",),
    b"embed": (b"src",),
    b"object": (b"data",),
    b"input": (b"src",),
    b"image": (b"src", b"srcset", b"href", b"xlink:href"),
    b"use": (b"href", b"xlink:href"),
    b"feimage": (b"href", b"xlink:href"),
    b"portal": (b"src",),
}
"""The attributes that make a browser fetch, by element; those of every element are in ``_ANYWHERE``."""
_ANYWHERE = (b"background", b"ping")
_LISTS = frozenset({b"srcset", b"imagesrcset", b"ping"})
_FETCHING_RELS = frozenset(
    [
        "stylesheet",
        "preload",
        "modulepreload",
        "prefetch",
        "preconnect",
        "dns-prefetch",
        "prerender",
        "icon",
        "apple-touch-icon",
        "apple-touch-icon-precomposed",
        "mask-icon",
        "manifest",
        "pingback",
    ]
)
_CODE_TYPE = re.compile(
    r"\s*(?:|module|(?:text|application)/(?:x-)?(?:java|ecma|j|live)script\s*(?:;.*)?)\s*", re.IGNORECASE
)
_MAXIMUM_DEPTH = 4
"""Frames inside frames, each given in the other's ``srcdoc``."""
_BETWEEN = re.compile(r"[\t\n\f\r ,]+")
_BLOCKED = "blocked"
"""Stands in ``data-consent`` where the policy never lets the address load; no choice activates it."""


class TagGate:
    """Makes inert what one page loads from services that its visitor has not agreed to.

    An inert tag keeps its place, its fetching attributes are renamed (``src`` to ``data-src``), a script becomes
    ``type="text/plain"``, and ``data-consent`` and ``data-consent-service`` say what it waits for. One per response.
    """

    def __init__(self, classifier: Classifier, consent: Consent, page_host: str) -> None:
        self._classifier = classifier
        self._consent = consent
        self._page_host = page_host
        self._base_host = page_host
        self._has_base = False
        self.unclassified = False
        """Whether something undeclared was held back on this page."""
        self.held = 0
        """How many tags were held back."""
        self.first_refused: Verdict | None = None
        """Why the first of them was."""
        self._depth = 0

    def start_tag(self, tag: StartTag) -> bool:
        """Hold ``tag`` back if it must be; ask for the text of scripts that carry their code inside."""
        if tag.name == b"base":
            self._take_base(tag)
            return False
        refused, names = self._refused_otherwise(tag)
        for name in self._fetching(tag):
            verdict = self._refused(tag, name)
            if verdict is not None:
                refused = refused or verdict
                names.append(name)
        if refused is not None:
            self._hold(tag, refused, names)
            return False
        return tag.name == b"script" and not tag.foreign and tag.get(b"src") is None and _is_code(tag)

    def text(self, tag: StartTag, text: bytes) -> bytes:
        """Hold an inline script back whose text carries the mark of a refused service."""
        for verdict in self._classifier.inline_script(text.decode("utf-8", "replace")):
            if not self._allows(verdict):
                self._hold(tag, verdict, [])
                break
        return text

    def refused_address(self, address: str) -> Verdict | None:
        """Return why ``address`` may not be loaded on this page, or None if it may."""
        found = target(address, self._base_host)
        if found is None or self._classifier.is_first_party(found[0], self._page_host):
            return None
        verdict = self._classifier.host(*found)
        return None if self._allows(verdict) else verdict

    def _take_base(self, tag: StartTag) -> None:
        href = tag.get(b"href")
        if href is not None and not self._has_base:
            self._has_base = True
            found = target(href, self._page_host)
            if found is not None:
                self._base_host = found[0]

    def _fetching(self, tag: StartTag) -> Iterator[bytes]:
        present = tag.names()
        if tag.name == b"link":
            rels = (tag.get(b"rel") or "").lower().split()
            if not _FETCHING_RELS.isdisjoint(rels):
                yield from (name for name in (b"href", b"imagesrcset") if name in present)
            return
        for name in (*_ADDRESSES.get(tag.name, ()), *_ANYWHERE):
            if name in present:
                yield name

    def _refused_otherwise(self, tag: StartTag) -> tuple[Verdict | None, list[bytes]]:
        """Judge the attributes that hold more than addresses: a refresh, and the document of a frame."""
        if tag.name == b"meta" and (tag.get(b"http-equiv") or "").strip().lower() == "refresh":
            address = refresh_address(tag.get(b"content") or "")
            verdict = self.refused_address(address) if address else None
            return verdict, [b"content"] if verdict is not None else []
        if tag.name == b"iframe" and tag.get(b"srcdoc") is not None:
            verdict = self._refused_inside(tag.get(b"srcdoc") or "")
            return verdict, [b"srcdoc"] if verdict is not None else []
        return None, []

    def _refused_inside(self, document: str) -> Verdict | None:
        """Return why the document of a frame may not be shown as it is: the first tag in it that may not."""
        if self._depth >= _MAXIMUM_DEPTH:
            return Verdict(category=UNCLASSIFIED, reason="frames are nested too deeply to be judged")
        inner = TagGate(self._classifier, self._consent, self._page_host)
        inner._depth, inner._base_host = self._depth + 1, self._base_host
        rewriter = Rewriter(inner)
        rewriter.feed(document.encode("utf-8", "surrogateescape"))
        rewriter.end()
        return inner.first_refused

    def _refused(self, tag: StartTag, name: bytes) -> Verdict | None:
        value = tag.get(name) or ""
        # Every piece of a list is judged: descriptors such as "2x" look like paths of the site and pass.
        addresses = _BETWEEN.split(value) if name in _LISTS else [value]
        return next((verdict for verdict in map(self.refused_address, addresses) if verdict is not None), None)

    def _allows(self, verdict: Verdict) -> bool:
        consent = self._consent
        if verdict.service is not None and verdict.service in consent.services:
            return consent.services[verdict.service]
        if verdict.category != UNCLASSIFIED or verdict.service is not None:
            return consent.allows(verdict.category)
        rule = self._classifier.policy.unknown_hosts
        return rule == "allow" or (rule == "ask" and consent.allows(UNCLASSIFIED))

    def _hold(self, tag: StartTag, verdict: Verdict, names: list[bytes]) -> None:
        self.held += 1
        self.first_refused = self.first_refused or verdict
        category = verdict.category
        if category == UNCLASSIFIED:
            if verdict.service is None and self._classifier.policy.unknown_hosts == "block":
                category = _BLOCKED
            else:
                self.unclassified = True
        for name in names:
            tag.rename(name, b"data-" + name)
        if tag.name == b"script":
            if tag.get(b"type") is not None:
                tag.rename(b"type", b"data-type")
            tag.add(b"type", "text/plain")
        tag.add(b"data-consent", category)
        if verdict.service is not None:
            tag.add(b"data-consent-service", verdict.service)


def _is_code(tag: StartTag) -> bool:
    kind = tag.get(b"type")
    return kind is None or _CODE_TYPE.fullmatch(kind) is not None
