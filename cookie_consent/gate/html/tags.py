"""The handler that holds back the tags the visitor has not agreed to."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from cookie_consent.gate.allowed import allows_host
from cookie_consent.gate.csp.site_policies import hides_origin
from cookie_consent.gate.html.attributes import LISTS, SETS, candidates_of, css_attributes, fetching_attributes
from cookie_consent.gate.html.data_urls import data_documents, scheme_of, script_of
from cookie_consent.gate.html.findings import INLINE, OWN, PageFindings
from cookie_consent.gate.html.imports import imported_addresses
from cookie_consent.gate.html.inert import (
    ANY_HOST,
    BLOCKED,
    INERT_ADDRESS,
    hold_attribute,
    hold_value,
    make_text,
    mark_held,
)
from cookie_consent.gate.html.multibyte import as_read
from cookie_consent.gate.html.refresh import refresh_addresses
from cookie_consent.gate.html.speculation import addresses_of, leads_elsewhere
from cookie_consent.gate.html.urls import is_authority, is_relative, on_host, resolved, stripped, target
from cookie_consent.policy import UNCLASSIFIED, host_of
from cookie_consent.policy.classifier import Verdict
from cookie_consent.rewriter import CssRewriter, Replacement, Rewriter, rewrite_css

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from cookie_consent.consent import Consent
    from cookie_consent.gate.html.findings import Host
    from cookie_consent.gate.html.library_links import LibraryLinks
    from cookie_consent.policy.classifier import Classifier
    from cookie_consent.rewriter import StartTag

__all__ = ["MakePlaceholder", "TagGate", "is_policy"]

_CODE_TYPES = frozenset(
    "module application/ecmascript application/javascript application/x-ecmascript application/x-javascript "
    "text/ecmascript text/javascript text/javascript1.0 text/javascript1.1 text/javascript1.2 text/javascript1.3 "
    "text/javascript1.4 text/javascript1.5 text/jscript text/livescript text/x-ecmascript text/x-javascript".split()
) | {""}
"""The types of scripts that run (MIME Sniffing standard, section 4.6: JavaScript MIME types)."""
_RULES = "speculationrules"
_ONCE = frozenset({b"html", b"base", b"iframe"})
"""Elements that affect what follows, or whose placeholder depends on the request."""
_ADDRESS_TYPES = frozenset({"importmap", "webbundle", _RULES})
_ANY_HOST = "any-host.invalid"
_MAXIMUM_DEPTH = 4
"""How deeply documents may be nested in ``srcdoc`` attributes and ``data:`` addresses."""
_FRAMES = frozenset({b"iframe", b"frame", b"object", b"embed", b"portal", b"fencedframe"})
_FRAME_KINDS = frozenset({"html", "xml"})
_SHEETS = frozenset({"css"})
_SCRIPTS = frozenset({"script"})
_ANY_KIND = _FRAME_KINDS | _SHEETS | _SCRIPTS
_KINDS_OF = {
    b"script": _SCRIPTS,
    b"video": frozenset({"playlist"}),
    b"audio": frozenset({"playlist"}),
    b"source": frozenset({"playlist"}),
    **dict.fromkeys(_FRAMES, _FRAME_KINDS),
}
_EMBEDDING = frozenset({b"link", *_KINDS_OF})
"""Elements that may load more if a ``data:`` address tells them to."""
_LINK_KINDS = {"stylesheet": "css", "modulepreload": "script", "manifest": "json"}
_UNREAD = "it cannot be read, or is nested too deeply"
_MAXIMUM_BASES = 8
"""How many hosts the base of a page may have; beyond that, it may be any."""
_BETWEEN = re.compile(r"[\t\n\f\r ,;]+")


class MakePlaceholder(Protocol):
    """Makes the document that a frame shows until its service is consented to."""

    def __call__(self, *, category: str, service: str | None, address: str) -> str:
        """Return an HTML document; ``category`` is ``blocked`` where no choice lets the frame load."""


class TagGate:
    """Makes inert what one page loads from services that its visitor has not agreed to; each response needs its own.

    ``authority`` is the page's host, with its port if it has one. ``folder`` is the part of its path up to the last
    slash, to which relative addresses are relative; it may be left out unless the classifier ``has_own_paths``.
    ``links`` leads libraries to the mirror; without it, they are judged like anything else.
    """

    # An inert tag keeps its place. Its fetching attributes are renamed (`src` to `data-consent-src`) and a script gets
    # `type="text/plain"`. `data-consent` and `data-consent-service` list what it waits for: as many categories as
    # services, with `-` for no service.

    def __init__(
        self,
        classifier: Classifier,
        consent: Consent,
        authority: str,
        *,
        folder: str = "/",
        placeholder: MakePlaceholder | None = None,
        links: LibraryLinks | None = None,
    ) -> None:
        self._classifier = classifier
        self._consent = consent
        self._authority = authority
        self._page_host = page_host = host_of(authority)
        self._placeholder = placeholder
        self.links = links
        self._folder = folder
        self._has_own_paths = classifier.has_own_paths(page_host)
        self._tag: StartTag | None = None
        """The tag whose addresses are being judged."""
        self._base_hosts = (page_host,)
        """The hosts to which relative addresses may lead."""
        self._has_base = self._is_based = False
        """Whether there was a ``base``, and whether one of them counts in every reading of the page."""
        self._is_amp = False
        self.encoding = "utf-8"
        """The encoding of addresses that are not ASCII; empty if the page declares none."""
        self.has_root = False
        """Whether an ``html`` element has begun."""
        self.language = ""
        """The page's language, as the ``lang`` of its root element names it; empty if it names none."""
        self._is_script = False
        """Whether what is being judged is a script of the page itself."""
        self.is_told = True
        """Whether the guard tells services on this page what is agreed to. Without that, nothing loads ahead of it."""
        self._depth = 0
        self._holds = True
        self._split: tuple[StartTag, CssRewriter] | None = None
        """The style element whose text is coming in pieces."""
        self._latest_text: StartTag | None = None
        """The latest element in foreign content that was made text."""
        self.findings = PageFindings()
        """What was found on the page."""

    @property
    def relative(self) -> bool:
        """Whether relative addresses are to be judged: they lead to another host, or paths of the site are declared."""
        return self._leads_elsewhere or self._has_own_paths

    @property
    def _leads_elsewhere(self) -> bool:
        return self._base_hosts != (self._page_host,)

    @property
    def is_amp(self) -> bool:
        """Whether the page is an AMP document, which has its own consent component and is left as it is."""
        return self._is_amp

    def start_tag(self, tag: StartTag) -> bool:
        """Hold ``tag`` back if needed. Return True to be given the text of an inline script or style sheet."""
        self.findings.begin(tag.name)
        self._tag = tag
        self._is_script = self._is_own_script(tag)
        if tag.name == b"html":
            self.has_root = self.has_root or not tag.self_closing
            if tag.is_root:
                self.language = (tag.get(b"lang") or tag.get(b"xml:lang") or "").strip()
            if tag.is_root and self._classifier.policy.gate.amp:
                self._is_amp = not {b"amp", "\u26a1".encode()}.isdisjoint(tag.names())
        if self._is_amp:
            return False
        if self._depth and tag.name == b"meta" and is_policy(tag):
            self.links = None  # whether it allows the mirror is not known here
        if tag.name == b"base":
            self._take_base(tag)
            if not tag.foreign:
                return False
        refused = self._gate_addresses(tag) + self._gate_styles(tag)
        if refused:
            self._hold(tag, refused)
        if tag.name == b"style":
            return True
        return tag.name == b"script" and not refused and not _has_source(tag) and _is_judged(tag)

    def text(self, tag: StartTag, text: bytes, *, more: bool) -> bytes:
        """Hold back an inline script with the signature of a refused service, or refused addresses in a style sheet."""
        self.findings.begin(tag.name)
        self._tag = None
        self._is_script = self._is_own_script(tag)
        kind = _kind_of(tag)
        decoded = text.decode("utf-8", "surrogateescape")
        if tag.name == b"style":
            return self._style(tag, decoded, more=more)
        if self.links is not None and not tag.foreign:
            led, judged = self._led_script(tag, kind, decoded, self.links)
            text = text if led == decoded else led.encode("utf-8", "surrogateescape")
            decoded = judged
        refused = self._refused_script(decoded)
        if kind in _ADDRESS_TYPES:
            refused = self.refused_rules(decoded) if kind == _RULES else self._refused_map(decoded)
        elif kind == "module":
            refused += self._refused_imports(decoded)
        if tag.foreign and more:
            refused += self._unread
        if refused and not tag.changed:
            self._hold(tag, refused)
        return text

    def _led_script(self, tag: StartTag, kind: str, text: str, links: LibraryLinks) -> tuple[str, str]:
        """Return the script as it is to be sent, and as it is to be judged."""
        if kind == "importmap":
            return links.in_import_map(tag, text, self._on_page)
        if kind not in _CODE_TYPES:
            return text, text
        led = links.in_script(tag, text, self._on_page, is_module=kind == "module")
        return led, led

    def _on_page(self, path: str) -> str:
        """Return an address for a path of the site that works on this page."""
        is_named = self._leads_elsewhere and is_authority(self._authority)
        return f"//{self._authority}{path}" if is_named else path

    def _refused_script(self, text: str) -> list[Verdict]:
        verdicts = self._classifier.inline_script(text)
        if self.findings.observer is not None:
            self.findings.observer.script(text, verdicts)
        for verdict in verdicts:
            if not self._classifier.declares(verdict.service):
                self.findings.add_host(INLINE, verdict.service)
            if verdict.service in self._ahead:
                self.findings.add_ahead("", verdict)
        return [verdict for verdict in verdicts if not self._allows(verdict)]

    def _refused_imports(self, text: str) -> list[Verdict]:
        addresses = imported_addresses(text)
        return [*self._refused_addresses(addresses), *self._refused_in_data(addresses, _SCRIPTS)]

    def _is_own_script(self, tag: StartTag) -> bool:
        """Return whether it is a script of the page itself, rather than of a document inside it."""
        return tag.name == b"script" and self._depth == 0 and _kind_of(tag) != _RULES

    def is_repeatable(self, tag: StartTag) -> bool:
        """Say whether the decision about the tag depends only on its bytes and the visitor's consent."""
        is_new = tag.name in _ONCE or (tag.name == b"meta" and _is_refresh(tag))
        is_untold = tag.name == b"script" and not self.is_told
        return not (is_new or is_untold or tag.foreign or self._has_base or self._is_amp)

    def repeat(self, name: bytes, refused: Sequence[Verdict], hosts: Iterable[Host]) -> None:
        """Record the findings of a tag called ``name`` that is not judged again, because an equal one was."""
        self.findings.begin(name)
        for host, service in hosts:
            self.findings.add_host(host, service)
        if refused:
            self._note(refused)

    def refused_address(self, address: str) -> Verdict | None:
        """Return the verdict for which ``address`` may not be loaded on this page, or None if it may."""
        address = self._as_read(address)
        for base_host in self._base_hosts:
            verdict = self._refused_from(address, base_host)
            if verdict is not None:
                return verdict
        return None

    def _refused_from(self, address: str, base_host: str) -> Verdict | None:
        found = target(address, base_host)
        if found is None:
            return None
        if self.findings.observer is not None:
            self.findings.observer.address(address, *found, self._tag)
        is_declared = self._classifier.is_declared_own(found[0], self._page_host)
        if is_declared or self._classifier.is_own_by_domain(found[0], self._page_host):
            path = resolved(self._folder + found[1][1:]) if is_relative(address) else found[1]
            own = self._classifier.own_service(found[0], path, self._page_host, self._tag)
            if own is None:
                if not is_declared:
                    self.findings.add_host(found[0], OWN)
                return None
            verdict = own
        else:
            verdict = self._classifier.host(*found)
        is_allowed = self._allows(verdict)
        if verdict.service in self._ahead:
            self.findings.add_ahead("".join(found), verdict)
        if not (is_allowed and self._classifier.declares(verdict.service)):
            self.findings.add_host(found[0], verdict.service)
        if not is_allowed and self.findings.trace is not None:
            self.findings.trace.add_address(*found, verdict)
        return None if is_allowed else verdict

    def _as_read(self, address: str) -> str:
        return address if address.isascii() or self.encoding == "utf-8" else as_read(address, self.encoding)

    def refused_rules(self, rules: str) -> list[Verdict]:
        """Return why speculation rules may not be followed."""
        # Rules for any link on the page may lead to an unknown host.
        refused = self._refused_map(rules)
        unknown = self._classifier.host(_ANY_HOST, "/")
        return [*refused, unknown] if leads_elsewhere(rules) and not self._allows(unknown) else refused

    def _refused_map(self, document: str) -> list[Verdict]:
        addresses = addresses_of(document)
        return [*self._refused_addresses(addresses), *self._refused_in_data(addresses, _SCRIPTS)]

    def _refused_in_data(self, addresses: Iterable[str], kinds: Container[str]) -> Iterator[Verdict]:
        for address in addresses:
            yield from self._refused_document(address, kinds)[0]

    def hold_address(self, address: str) -> bool:
        """Say whether an address in a header is to be held, and record what it waits for."""
        verdict = self.refused_address(address) or next(self._refused_in_data([address], _ANY_KIND), None)
        if verdict is not None:
            self.findings.add_header(self._wait(verdict), verdict)
        return verdict is not None

    def hold_refresh(self, address: str) -> bool:
        """Say whether the address of a ``Refresh`` header is to be held, and record where it would have led."""
        is_held = self.hold_address(address)
        if is_held:
            self._note_lead(address)
        return is_held

    def _note_lead(self, address: str) -> None:
        """Record where a held refresh would have led. Addresses without a host, such as ``data:``, lead nowhere."""
        address = self._as_read(address)
        for base_host in self._base_hosts:
            found = target(address, base_host)
            if found is not None and not self._classifier.is_first_party(found[0], self._page_host):
                self.findings.add_lead(stripped(address), found[0])
                return

    def lead_link(self, address: str, rel: str, destination: str, integrity: str) -> str | None:
        """Return the address for a ``Link`` header to have instead, ``""`` to leave the link out, or None to keep it.

        ``destination`` is the link's ``as``.
        """
        if self.links is None:
            return None
        return "" if self.links.is_hint(rel, address) else self.links.in_header(address, rel, destination, integrity)

    def own(self, markup: str) -> str:
        """Return our own markup in the form that works on this page."""
        return on_host(markup, self._authority) if self._leads_elsewhere else markup

    def _take_base(self, tag: StartTag) -> None:
        """Record where relative addresses lead. The first ``base`` counts, and so does any that may be the first."""
        href = tag.get(b"href")
        if href is None or self._is_based or tag.in_document is False:
            return
        self._has_base = True
        verdict = self.refused_address(href) if tag.after_content else None
        if verdict is not None:
            self._disarm(tag, b"href", href)
            self._hold(tag, [verdict])
            return
        found = target(self._as_read(href), self._page_host)
        host = found[0] if found is not None else self._page_host
        if found is not None:
            self._folder = found[1].partition("?")[0].rpartition("/")[0] + "/"
        if host == self._classifier.policy.site:
            host = self._page_host  # a proxy has replaced ``Host``: the browser knows the page by the site's host
        possible = self._base_hosts[tag.in_document is True :]  # the page's own host stands first
        if len(possible) >= _MAXIMUM_BASES:
            host = _ANY_HOST
        self._base_hosts = (*possible, *(() if host in possible else (host,)))
        self._is_based = tag.in_document is True

    def _refused_addresses(self, addresses: Iterable[str]) -> Iterator[Verdict]:
        for address in addresses:
            verdict = self.refused_address(address)
            if verdict is not None:
                yield verdict

    def _refused_in(self, name: bytes, value: str) -> Iterator[Verdict]:
        if name in SETS:
            addresses = [address for address, _ in candidates_of(value)]
        else:
            addresses = _BETWEEN.split(value) if name in LISTS else [value]
        return self._refused_addresses(addresses)

    def _gate_addresses(self, tag: StartTag) -> list[Verdict]:
        """Disarm each attribute with an address that may not be loaded; return the verdicts."""
        refused: list[Verdict] = []
        is_gated = False
        for name in fetching_attributes(tag):
            value = tag.get(name) or ""
            led = self._led_attribute(tag, name, value)
            verdicts = list(self._refused_in(name, led))
            if verdicts:
                self._disarm(tag, name, led)
            elif led is not value:
                tag.set(name, led)
            elif tag.name in _EMBEDDING:
                verdicts, gated = self._refused_embedded(tag, value)
                if verdicts:
                    hold_attribute(tag, name)
                if gated is not None:
                    tag.add(name, gated)
                    is_gated = True
            refused += verdicts
        if tag.name == b"meta":
            refused += self._gate_refresh(tag)
        elif tag.name == b"iframe":
            refused += self._gate_frame(tag, refused, is_gated=is_gated)
        return refused

    def _gate_frame(self, tag: StartTag, refused: list[Verdict], *, is_gated: bool) -> list[Verdict]:
        """Gate the document in the frame's ``srcdoc``, or place one there if its address is refused."""
        if tag.get(b"srcdoc") is not None:
            return self._gate_document(tag)
        if refused and not is_gated:
            self._place(tag, refused[0])
        return []

    def _led_attribute(self, tag: StartTag, name: bytes, value: str) -> str:
        """Return the value with libraries led to the mirror; the same object if there are none."""
        links = self.links
        if links is None:
            return value
        if tag.name == b"link" and name == b"href" and links.is_hint(tag.get(b"rel") or "", value):
            return ""
        led = links.in_attribute(tag, name, value, self._on_page)
        return value if led is None else led

    def _gate_refresh(self, tag: StartTag) -> list[Verdict]:
        if not _is_refresh(tag):
            return []
        addresses = refresh_addresses(tag.get(b"content") or "")
        refused = [*self._refused_addresses(addresses), *self._refused_in_data(addresses, _FRAME_KINDS)]
        if refused:
            hold_attribute(tag, b"content")
            for address in addresses if self._depth == 0 else ():
                self._note_lead(address)
        return refused

    def _refused_embedded(self, tag: StartTag, address: str) -> tuple[list[Verdict], str | None]:
        """Judge the content of the address itself, if it has any; also return the address of the gated document."""
        scheme = scheme_of(address)
        if scheme == "data":
            return self._refused_document(address, _kinds_of(tag))
        if scheme == "javascript" and tag.name in _FRAMES:
            # Its result may be a document, which would load what is in the text of the script.
            script = script_of(address)
            refused = self._refused_script(script.decode("utf-8", "surrogateescape"))
            return refused + self._refused_markup(self._inner(), script)[0], None
        return [], None

    def _refused_document(self, address: str, kinds: Container[str]) -> tuple[list[Verdict], str | None]:
        """Judge a ``data:`` address that may be one of ``kinds``; also return the address of the gated document."""
        refused: list[Verdict] = []
        gated = None
        documents = list(data_documents(address)) if scheme_of(address) == "data" else []
        for document in documents:
            if document.kind not in kinds:
                continue
            if document.text is None or document.kind == "playlist":
                refused += self._unread
            elif document.kind in _FRAME_KINDS:
                verdicts, text = self._refused_markup(self._inner(), document.text, xml=document.kind == "xml")
                refused += verdicts
                if verdicts and text and len(documents) == 1 and document.kind == "html":
                    gated = document.address(text)
            else:
                refused += self._refused_text(document.kind, document.text)
        return refused, gated

    def _refused_text(self, kind: str, content: bytes) -> list[Verdict]:
        """Judge a style sheet, script or manifest in which relative addresses lead nowhere."""
        if self._depth >= _MAXIMUM_DEPTH:
            return [*self._unread]
        inner = self._inner()
        refused = inner.refused_in(kind, content.decode("utf-8", "surrogateescape"))
        self.findings.add_hosts_of(inner.findings)
        return refused

    def refused_in(self, kind: str, text: str) -> list[Verdict]:
        """Return why a style sheet (``css``), module (``script``) or JSON with addresses may not be used."""
        if kind == "css":
            refused: list[Verdict] = []
            rewrite_css(text, self._hold_address(refused))
            return refused
        return self._refused_script(text) + self._refused_imports(text) if kind == "script" else self._refused_map(text)

    def _refused_markup(self, inner: TagGate, text: bytes, *, xml: bool = False) -> tuple[list[Verdict], bytes]:
        """Gate a document inside this one; return why anything in it is held, and the gated document."""
        if self._depth >= _MAXIMUM_DEPTH:
            return [*self._unread], b""
        rewriter = Rewriter(inner, xml=xml)
        gated = rewriter.feed(text) + rewriter.end()
        self.findings.add_hosts_of(inner.findings)
        return inner.findings.refused, gated

    def _inner(self, *, is_part: bool = False, holds: bool = True) -> TagGate:
        """Return the gate of a document inside this one; with ``is_part`` it has this page's base and placeholders.

        Without ``holds`` it only leads libraries to the mirror.
        """
        placeholder = self._placeholder if is_part else None
        inner = TagGate(
            self._classifier,
            self._consent,
            self._authority,
            folder=self._folder,
            placeholder=placeholder,
            links=self.links if is_part else None,
        )
        inner._depth = self._depth + 1
        inner._holds = self._holds and holds
        inner.findings.trace, inner.findings.observer = self.findings.trace, self.findings.observer
        inner._base_hosts = self._base_hosts if is_part else (self._page_host,)
        inner.encoding = self.encoding if is_part else inner.encoding
        return inner

    @cached_property
    def _unread(self) -> list[Verdict]:
        """The verdicts for something that may load anything: it waits for every category."""
        categories = dict.fromkeys((UNCLASSIFIED, *(entry.id for entry in self._classifier.policy.categories)))
        verdicts = (Verdict(category=category, reason=_UNREAD) for category in categories)
        return [verdict for verdict in verdicts if not self._allows(verdict)]

    def _gate_document(self, tag: StartTag) -> list[Verdict]:
        """Gate the document in the ``srcdoc`` of a frame; return why anything in it is held."""
        document = (tag.get(b"srcdoc") or "").encode("utf-8", "surrogateescape")
        inner = self._inner(is_part=True)
        sandbox = tag.get(b"sandbox")
        if sandbox is not None and hides_origin(sandbox.split()):
            inner.links = None  # the mirror does not answer a document without an origin
        led = inner.links.count if inner.links is not None else 0
        refused, gated = self._refused_markup(inner, document)
        is_led = inner.links is not None and inner.links.count > led
        if refused and is_led:
            hold_value(tag, b"srcdoc", self._led_document(document))
        elif refused:
            hold_attribute(tag, b"srcdoc")
        if is_led:
            tag.set(b"srcdoc", gated.decode("utf-8", "surrogateescape"))
        elif refused and gated:
            tag.add(b"srcdoc", gated.decode("utf-8", "surrogateescape"))
        return refused

    def _led_document(self, document: bytes) -> str:
        """Return a document inside this one as it is once nothing is held, with its libraries led to the mirror."""
        inner = self._inner(is_part=True, holds=False)
        return self._refused_markup(inner, document)[1].decode("utf-8", "surrogateescape")

    def _place(self, tag: StartTag, verdict: Verdict) -> None:
        """Make a held frame show what it would load and how to allow it."""
        if self._placeholder is None:
            return
        address = tag.get(b"src") or ""
        if scheme_of(address) in {"data", "javascript"}:
            latest = reversed(self.findings.latest_hosts)
            found = verdict.host or next(
                (host for host, service in latest if host != INLINE and service == verdict.service), ""
            )
            address = f"//{found}" if found else ""
        document = self._placeholder(category=self._category(verdict), service=verdict.party, address=address)
        if b"sandbox" in tag.names():
            hold_attribute(tag, b"sandbox")  # a sandbox would disable the buttons of the placeholder
        tag.add(b"srcdoc", self.own(document))
        tag.add(b"data-consent-placeholder", "")

    def _gate_styles(self, tag: StartTag) -> list[Verdict]:
        refused: list[Verdict] = []
        present = tag.names()
        for name in css_attributes(tag):
            value = tag.get(name) if name in present else None
            if value:
                hold = self._lead_or_hold(refused, tag, attribute=True)
                gated = rewrite_css(value, hold, relative=self.relative)
                if gated != value:
                    tag.set(name, gated)
        return refused

    def _style(self, tag: StartTag, css: str, *, more: bool) -> bytes:
        refused: list[Verdict] = []
        if tag.foreign:
            # Its text is markup, where nothing can be inserted in front of an address.
            rewrite_css(css, self._hold_address(refused), relative=self.relative)
            refused += self._unread if more else []
            if refused:
                if not tag.changed:
                    self._hold(tag, refused)
                if self._latest_text is not tag:
                    self._latest_text = tag
                    make_text(tag)
            return css.encode("utf-8", "surrogateescape")
        gated = self._gated_style(tag, css, refused, more=more)
        if refused and not tag.changed:
            self._hold(tag, refused)
        elif refused:
            self._note(refused)
        return gated.encode("utf-8", "surrogateescape")

    def _gated_style(self, tag: StartTag, css: str, refused: list[Verdict], *, more: bool) -> str:
        """Rewrite a style sheet, or the next piece of one that comes in pieces."""
        hold = self._lead_or_hold(refused, tag, attribute=False)
        if self._split is None or self._split[0] is not tag:
            if not more:
                return rewrite_css(css, hold, relative=self.relative)
            self._split = (tag, CssRewriter(relative=self.relative))
        gated = self._split[1].feed(css, hold, more=more)
        self._split = self._split if more else None
        return gated

    def _hold_address(self, refused: list[Verdict]) -> _HoldAddress:
        def hold(address: str) -> str | None:
            verdict = self.refused_address(address)
            if verdict is None:
                verdict = next(self._refused_in_data([address], _SHEETS), None)
            if verdict is None:
                return None
            refused.append(verdict)
            return f"{INERT_ADDRESS}{self._category(verdict)}/{self._party(verdict)}/"

        return hold

    def _lead_or_hold(self, refused: list[Verdict], tag: StartTag, *, attribute: bool) -> _HoldAddress:
        """Return the same, but with libraries led to the mirror, for CSS that can be rewritten."""
        links, hold = self.links, self._hold_address(refused)
        if links is None:
            return hold

        def lead(address: str) -> str | None:
            path = links.in_css(address, tag, attribute=attribute)
            return Replacement(self._on_page(path)) if path is not None else hold(address)

        return lead

    def _allows(self, verdict: Verdict) -> bool:
        return not self._holds or allows_host(self._classifier.policy, self._consent, verdict, self._ahead)

    @property
    def _ahead(self) -> Container[str]:
        """The services that may load here before the visitor has chosen."""
        # Only a script can be told that consent is denied: an image or a frame in the markup says nothing of it.
        return self._consent.ahead if self._is_script and self.is_told else ()

    def _category(self, verdict: Verdict) -> str:
        """Return the category to wait for, or ``blocked`` if no choice can grant it."""
        if verdict.category == UNCLASSIFIED and verdict.service is None:
            return BLOCKED if self._classifier.policy.unknown_hosts == "block" else UNCLASSIFIED
        return verdict.category

    def _wait(self, verdict: Verdict) -> tuple[str, str]:
        """Return the category and the service or undeclared host (``-`` for none) to wait for."""
        return self._category(verdict), self._party(verdict) or "-"

    def _party(self, verdict: Verdict) -> str:
        """Return the service or the undeclared host; ``*``, which nobody can allow, for one that cannot be named."""
        is_unnamed = verdict.category == UNCLASSIFIED and self._classifier.policy.unknown_hosts == "ask"
        return verdict.party or (ANY_HOST if is_unnamed else "")

    def _note(self, refused: Sequence[Verdict]) -> dict[tuple[str, str], Verdict]:
        """Record a tag that is held back; return what it waits for."""
        waits = {self._wait(verdict): verdict for verdict in refused}
        self.findings.add_held(refused, waits)
        return waits

    def _hold(self, tag: StartTag, refused: list[Verdict]) -> None:
        waits = self._note(refused)
        if tag.name == b"script":
            make_text(tag)
        mark_held(tag, waits)

    def _disarm(self, tag: StartTag, name: bytes, value: str) -> None:
        """Rename the attribute; of several image candidates in ``value``, keep those that may load."""
        candidates = candidates_of(value) if name in SETS else ()
        kept = [whole for address, whole in candidates if self.refused_address(address) is None]
        if not kept:
            hold_attribute(tag, name)
        elif value == (tag.get(name) or ""):
            hold_attribute(tag, name)
            tag.add(name, ", ".join(kept))
        else:  # those that are led to the mirror are so in what is held, too
            hold_value(tag, name, value)
            tag.set(name, ", ".join(kept))


def is_policy(tag: StartTag) -> bool:
    """Return whether a ``meta`` has a Content-Security-Policy."""
    return (tag.get(b"http-equiv") or "").strip().lower() == "content-security-policy"


def _is_refresh(tag: StartTag) -> bool:
    return (tag.get(b"http-equiv") or "").strip().lower() == "refresh"


class _HoldAddress(Protocol):
    def __call__(self, address: str, /) -> str | None: ...


def _kinds_of(tag: StartTag) -> Container[str]:
    """Return the kinds of content that the element loads from a ``data:`` address."""
    if tag.name == b"link":
        return [_LINK_KINDS.get(word, "") for word in (tag.get(b"rel") or "").lower().split()]
    return _KINDS_OF[tag.name]


def _has_source(tag: StartTag) -> bool:
    in_html = tag.get(b"src") is not None
    in_svg = tag.get(b"href") is not None or tag.get(b"xlink:href") is not None
    if tag.may_be_html:
        return in_html and in_svg
    return in_svg if tag.foreign else in_html


def _kind_of(tag: StartTag) -> str:
    return (tag.get(b"type") or "").strip().lower()


def _is_judged(tag: StartTag) -> bool:
    kind = _kind_of(tag)
    # Some browsers used to run a script whose type has parameters.
    return kind in _ADDRESS_TYPES or kind.partition(";")[0].rstrip() in _CODE_TYPES
