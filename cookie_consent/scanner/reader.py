"""Reads what a page names, with the code by which the gate judges pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cookie_consent.consent import Consent
from cookie_consent.exchange.charset import Charset
from cookie_consent.gate.headers import ADDRESS_HEADERS
from cookie_consent.gate.html.attributes import ICON_RELS
from cookie_consent.gate.html.inert import released, released_css
from cookie_consent.gate.html.multibyte import BothReadings, is_doubtful
from cookie_consent.gate.html.refresh import refresh_addresses
from cookie_consent.gate.html.tags import TagGate, is_policy
from cookie_consent.policy import Policy
from cookie_consent.policy.classifier import Classifier
from cookie_consent.rewriter import Rewriter
from cookie_consent.rewriter.references import decode_references
from cookie_consent.scanner.links import LONGEST, is_left_alone, parsed
from cookie_consent.scanner.model import Carrier, Initiator, ObservedRequest, ObservedSnippet
from cookie_consent.scanner.own_prefix import prefix_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cookie_consent.exchange.content_type import ContentType
    from cookie_consent.policy.classifier import Verdict
    from cookie_consent.rewriter import StartTag
    from cookie_consent.rewriter.handler import Handler
    from cookie_consent.scanner.links import Address, Site
    from cookie_consent.scanner.visit import Visit

__all__ = ["PageReader", "cleaned", "make_classifier", "marked"]

_MOST_THINGS = 2_000
"""Different addresses of one page that are listed."""
_MOST_LINKS = 2_000
_MOST_POLICIES = 10
_LONGEST_HEAD = 64 * 1024
_LONGEST_TITLE = 200
_EXCERPT = 200
_TITLE = re.compile(rb"<title(?:[\s/][^>]{0,200})?>([^<]{0,2000})", re.IGNORECASE)
_WITH_TEXT = frozenset({b"html", b"script", b"style"})
_PAGE_TAGS = frozenset({b"iframe", b"frame"})
_BANNERS = frozenset({"consent-root", "cookie-consent"})
"""The ids of what the middleware's banner stands in: of this release, and of 0.1.0."""
_LINK_RELS = frozenset({"next", "prev", "alternate", "canonical"})
_FEEDS = ("application/", "text/xml")
_CARRIERS = {
    b"script": Carrier.SCRIPT,
    b"img": Carrier.IMAGE,
    b"image": Carrier.IMAGE,
    b"input": Carrier.IMAGE,
    b"iframe": Carrier.FRAME,
    b"frame": Carrier.FRAME,
    b"object": Carrier.FRAME,
    b"embed": Carrier.FRAME,
    b"applet": Carrier.FRAME,
    b"portal": Carrier.FRAME,
    b"fencedframe": Carrier.FRAME,
    b"video": Carrier.MEDIA,
    b"audio": Carrier.MEDIA,
    b"track": Carrier.MEDIA,
    b"source": Carrier.MEDIA,
    b"a": Carrier.BEACON,
    b"area": Carrier.BEACON,
    b"meta": Carrier.REDIRECT,
    b"form": Carrier.FORM,
}
_LOADED_AS = {
    "script": Carrier.SCRIPT,
    "style": Carrier.STYLE,
    "image": Carrier.IMAGE,
    "font": Carrier.FONT,
    "video": Carrier.MEDIA,
    "audio": Carrier.MEDIA,
    "track": Carrier.MEDIA,
    "fetch": Carrier.FETCH,
    "worker": Carrier.WORKER,
}
_ENDINGS = {
    "css": Carrier.STYLE,
    **dict.fromkeys("woff woff2 ttf otf eot".split(), Carrier.FONT),
    **dict.fromkeys("js mjs".split(), Carrier.SCRIPT),
    **dict.fromkeys("png jpg jpeg gif webp avif svg ico bmp cur".split(), Carrier.IMAGE),
}
_SHEET_HOST_PATHS = re.compile(r"/css2?\Z")
"""The end of paths at which style sheets stand that have no ending, as those of font services do."""
_OF_HEADERS = {
    "link": Carrier.HINT,
    "refresh": Carrier.REDIRECT,
    "speculation-rules": Carrier.HINT,
}


def cleaned(text: str) -> str:
    """Return the text in valid Unicode, no longer than a scan remembers."""
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def make_classifier(policy: Policy | None) -> Classifier:
    """Return what recognises the inline scripts of services: those of the registry and of the policy."""
    return Classifier(policy if policy is not None else Policy(version="1"))


def marked(classifier: Classifier, host: str, path: str, tag: StartTag | None = None) -> list[str]:
    """Return the service whose marks an address carries, given as host and path with query, or the element with it."""
    found = classifier.own_service(host, path, host, tag)
    return [found.service] if found is not None and found.service is not None else []


class PageReader:
    """Reads one page, given in pieces, and adds what it names to a visit. Memory is bounded."""

    def __init__(self, address: Address, site: Site, visit: Visit, classifier: Classifier) -> None:
        self._address = address
        self._site = site
        self._visit = visit
        self._classifier = classifier
        self._base = str(address)
        self._cleaned = cleaned(self._base)
        self._has_base = False
        self._carrier: Carrier | None = None
        """What makes requests at the moment, if it is not a tag."""
        self._latest: tuple[StartTag, StartTag] | None = None
        """The latest tag, and what was read for it."""
        self._seen: set[tuple[str, ...]] = set()
        self._links: set[str] = set()
        self._head = bytearray()
        self._charset: Charset | None = None
        self._rewriter: Rewriter | None = None
        self._is_xml = False
        # A visitor who has agreed to nothing.
        consent = Consent(policy=classifier.policy, granted=frozenset())
        folder = address.path.rpartition("/")[0] + "/"
        self._gate = TagGate(classifier, consent, address.authority, folder=folder)
        self._gate.findings.observer = self

    # The document

    def begin(self, content_type: ContentType) -> None:
        """Begin a page of this type."""
        self._is_xml = content_type.essence in {"application/xhtml+xml", "image/svg+xml"}
        self._charset = Charset(content_type, is_xml=self._is_xml)

    def feed(self, data: bytes, *, final: bool = False) -> None:
        """Take the next bytes of the page."""
        if self._charset is None:
            raise RuntimeError("call begin() first")
        text = self._charset.decode(data, final=final)
        if not (self._charset.is_decided or final):
            return
        if self._rewriter is None:
            encoding = self._charset.reading
            self._gate.encoding = encoding
            judge: Handler = BothReadings(self, encoding) if is_doubtful(encoding) else self
            self._rewriter = Rewriter(judge, xml=self._is_xml, all_tags=True)
        if len(self._head) < _LONGEST_HEAD:
            self._head += text[: _LONGEST_HEAD - len(self._head)]
        self._rewriter.feed(text)
        if final:
            self._rewriter.end()
            self._visit.page.title = self._title(self._charset.reading)

    def _title(self, encoding: str) -> str:
        found = _TITLE.search(self._head)
        if found is None:
            return ""
        try:
            text = found[1].decode(encoding or "utf-8", "replace")
        except LookupError:  # a name of the web that Python does not have
            text = found[1].decode("utf-8", "replace")
        text = " ".join(decode_references(text).split())
        return cleaned(text)[:_LONGEST_TITLE]

    # The handler of the rewriter

    @property
    def relative(self) -> bool:
        """Whether to be shown relative addresses: always."""
        return True

    def start_tag(self, tag: StartTag) -> bool:
        """Note the tag's links, then let the gate judge it. Tags that the site itself holds back are read as if not."""
        if len(tag.raw) == len(tag.name) + 2 and tag.name not in _WITH_TEXT:
            return False  # without attributes, as most tags
        found = released(tag)
        self._visit.held += found is not tag
        self._latest, tag = (tag, found), found
        self._carrier = None
        if tag.get(b"id") in _BANNERS and (endpoint := tag.get(b"data-endpoint")):
            self._visit.prefix = self._visit.prefix or prefix_of(endpoint, str(self._address))
        self._note_links(tag)
        return self._gate.start_tag(tag)

    def _note_links(self, tag: StartTag) -> None:
        name = tag.name
        if name == b"base" and not self._has_base and tag.get(b"href") is not None:
            self._has_base = True
            base = parsed(tag.get(b"href") or "", self._base)
            # Each link would be as long as it, and none be followed.
            self._base = str(base) if base is not None and len(str(base)) <= LONGEST else self._base
        elif name in {b"a", b"area"}:
            if tag.get(b"download") is None:
                self._link(tag.get(b"href"))
        elif name in _PAGE_TAGS:
            self._link(tag.get(b"src"))
        elif name == b"link":
            rels = set((tag.get(b"rel") or "").lower().split())
            if rels & _LINK_RELS and not (tag.get(b"type") or "").lower().startswith(_FEEDS):
                self._link(tag.get(b"href"))
        elif name == b"form":
            self._form(tag.get(b"action"))
        elif name in {b"button", b"input"}:
            self._form(tag.get(b"formaction"))
        elif name == b"meta":
            self._meta(tag)

    def text(self, tag: StartTag, text: bytes, *, more: bool) -> bytes:
        """Let the gate judge the text of a script or style sheet."""
        self._carrier = None
        if self._latest is not None and self._latest[0] is tag:
            tag = self._latest[1]
        self._gate.text(tag, released_css(text) if tag.name == b"style" else text, more=more)
        return text

    def _meta(self, tag: StartTag) -> None:
        content = tag.get(b"content") or ""
        if is_policy(tag):
            self.add_policy(content)
        elif (tag.get(b"http-equiv") or "").strip().lower() == "refresh":
            for address in refresh_addresses(content):
                self._link(address)

    def add_policy(self, policy: str) -> None:
        """Note a Content-Security-Policy."""
        page = self._visit.page
        if page.content_security_policy.count(",") < _MOST_POLICIES:
            page.content_security_policy = cleaned(
                ", ".join(part for part in (page.content_security_policy, policy.strip()) if part)
            )

    def _link(self, written: str | None) -> None:
        if not written or written.startswith("#") or len(self._links) >= _MOST_LINKS:
            return
        address = parsed(written, self._base)
        if address is None or not self._site.has(address):
            return
        text = cleaned(str(address.without_session()))
        if text in self._links:
            return
        self._links.add(text)
        if is_left_alone(address):
            self._visit.skipped.append(text)
        else:
            self._visit.links.append(text)

    def _form(self, written: str | None) -> None:
        address = parsed(written, self._base) if written else None
        if address is not None:
            self._add(address, Carrier.FORM, "markup")

    # Headers and style sheets

    def header(self, name: str, value: str) -> None:
        """Read one response header that makes browsers contact other hosts."""
        gate = ADDRESS_HEADERS.get(name)
        if gate is None:
            return
        if name == "content-security-policy":
            self.add_policy(value)
        self._carrier = _OF_HEADERS.get(name, Carrier.BEACON)

        def look(address: str) -> bool:
            self._gate.hold_address(address)
            if name == "refresh":
                self._link(address)
            return False

        gate(value, look)
        self._carrier = None

    def sheet(self, text: str) -> None:
        """Read a style sheet that the page loads."""
        self._gate.refused_in("css", text)

    # What the gate observes

    def address(self, written: str, host: str, path: str, tag: StartTag | None) -> None:
        """Note an address that a browser would contact."""
        found = parsed(written, self._base)
        if found is None or found.host != host:  # written so that readings differ: the gate's counts
            found = parsed(f"{self._address.scheme}://{host}{path if path.startswith('/') else '/' + path}")
        if found is None:
            return
        is_header = tag is None and self._carrier is not None
        self._add(found, self._carrier_of(found, tag), "header" if is_header else "markup", tag)

    def _carrier_of(self, address: Address, tag: StartTag | None) -> Carrier:
        if self._carrier is not None and tag is None:
            return self._carrier
        if tag is None:
            return self._by_ending(address, Carrier.OTHER)
        if tag.name == b"link":
            return _carrier_of_link(tag)
        if tag.name == b"source" and tag.get(b"srcset") is not None:
            return Carrier.IMAGE
        known = _CARRIERS.get(tag.name)
        if known is Carrier.BEACON and tag.get(b"ping") is None:
            known = None  # a link does not load anything, but its style may
        return known if known is not None else self._by_ending(address, Carrier.IMAGE)

    def _by_ending(self, address: Address, otherwise: Carrier) -> Carrier:
        """Return the carrier of an address in a style sheet or a script, where only its ending tells."""
        ending = address.path.rpartition("/")[2].rpartition(".")[2].lower()
        if _SHEET_HOST_PATHS.search(address.path):
            return Carrier.STYLE
        return _ENDINGS.get(ending, otherwise)

    def script(self, text: str, verdicts: Sequence[Verdict]) -> None:
        """Note an inline script with the signature of a service."""
        self._visit.inline_scripts += 1
        for verdict in verdicts:
            excerpt = cleaned(" ".join(text[: 4 * _EXCERPT].split())[:_EXCERPT])
            if verdict.service is not None and len(self._visit.snippets) < _MOST_THINGS:
                known = {(snippet.service, snippet.excerpt) for snippet in self._visit.snippets}
                if (verdict.service, excerpt) not in known:
                    by = Initiator(by="markup", address=self._cleaned)
                    self._visit.snippets.append(
                        ObservedSnippet(service=verdict.service, excerpt=excerpt, initiators=[by])
                    )

    def _add(self, address: Address, carrier: Carrier, by: str, tag: StartTag | None = None) -> None:
        path = f"{address.path}?{address.query}" if address.query else address.path
        services = marked(self._classifier, address.host, path, tag)
        bare = address.bare
        key = (bare, carrier, *services)
        if key in self._seen or len(self._seen) >= _MOST_THINGS:
            return
        self._seen.add(key)
        self._visit.requests.append(
            ObservedRequest(
                address=cleaned(bare),
                host=address.host,
                carrier=carrier,
                is_made=False,
                queries=[cleaned(address.query)] if address.query else [],
                services=services,
                initiators=[Initiator(by=by, address=self._cleaned)],
            )
        )
        if carrier is Carrier.STYLE and self._site.has(address) and len(sheet := str(address)) <= LONGEST:
            self._visit.sheets.append(sheet)


def _carrier_of_link(tag: StartTag) -> Carrier:
    rels = set((tag.get(b"rel") or "").lower().split())
    if "stylesheet" in rels:
        return Carrier.STYLE
    if rels & ICON_RELS:
        return Carrier.IMAGE
    if "modulepreload" in rels:
        return Carrier.SCRIPT
    if "preload" in rels:
        return _LOADED_AS.get((tag.get(b"as") or "").lower(), Carrier.HINT)
    return Carrier.HINT if rels else Carrier.OTHER
