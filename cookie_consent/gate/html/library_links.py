"""What a page loads of public libraries, led to the mirror on the site itself."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Protocol

from cookie_consent.gate.csp.site_policies import PLAIN, Element
from cookie_consent.gate.html.attributes import ICON_RELS, SETS, candidates_of
from cookie_consent.gate.html.quoted import Quoted
from cookie_consent.gate.html.urls import stripped, target

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from cookie_consent.gate.csp.site_policies import SitePolicies
    from cookie_consent.rewriter import StartTag

__all__ = ["MODULE_IMPORT", "ORIGINAL", "LibraryLinks", "OffersLibraries", "as_original"]

ORIGINAL = "original"
"""The last parameter of a mirrored path whose file is to come as its host has sent it."""

MODULE_IMPORT = re.compile(r"""(?:\bimport|\bfrom|\bimport\s*\()\s*(?=(?:"([^"\n]*)"|'([^'\n]*)'))""")
"""What stands before the address in an import by a module. It may be found in strings and comments too."""
_CALL = re.compile(r"""\bimport\s*\(\s*(?=(?:"([^"\n]*)"|'([^'\n]*)'))""")
"""The same in a classic script, which imports by a call alone."""
_JSON_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_TABLES = frozenset({"imports", "scopes", "integrity"})
"""The tables of an import map (HTML standard, section 8.1.6.3). Those in ``scopes`` are the scopes' own."""
_HINTS = frozenset({"preconnect", "dns-prefetch"})
_PRELOADED = {"script": "script", "style": "style", "font": "font", "image": "image", "fetch": "connect"}
_ANY = ("script", "style", "font", "image", "connect")
_SCRIPT, _STYLE, _IMAGE = ("script",), ("style",), ("image",)
_ATTRIBUTES = {
    (b"script", b"src"): _SCRIPT,
    (b"script", b"href"): _SCRIPT,
    (b"script", b"xlink:href"): _SCRIPT,
    (b"img", b"src"): _IMAGE,
    (b"img", b"srcset"): _IMAGE,
    (b"source", b"srcset"): _IMAGE,
    (b"input", b"src"): _IMAGE,
    (b"image", b"href"): _IMAGE,
    (b"image", b"xlink:href"): _IMAGE,
    (b"feimage", b"href"): _IMAGE,
    (b"feimage", b"xlink:href"): _IMAGE,
}
_MOST_RECORDED = 100
_LINK_ATTRIBUTES = frozenset({b"href", b"imagesrcset"})
_FOLDER = re.compile(r"\A[^?#]*/(?:[?#]|\Z)")
_FONT = re.compile(r"[^?#]*\.(?:woff2?|ttf|otf|eot)(?:[?#]|\Z)", re.IGNORECASE)
_SHEET = re.compile(r"[^?#]*\.css(?:[?#]|\Z)|(?:https?:)?//fonts\.googleapis\.com/", re.IGNORECASE)
_PICTURE = re.compile(r"[^?#]*\.(?:png|gif|jpe?g|webp|avif|ico)(?:[?#]|\Z)", re.IGNORECASE)


class OffersLibraries(Protocol):
    """Knows where the files of public libraries are mirrored."""

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts whose libraries are mirrored."""

    @property
    def reachable(self) -> frozenset[str]:
        """The same without those of which there is nothing at the moment."""

    @property
    def state(self) -> Hashable:
        """Changes whenever ``offers`` may return something else than before."""

    @property
    def failing(self) -> str:
        """Stands for what cannot be fetched at the moment, the same in each process; empty where all can."""

    def offers(self, address: str) -> str | None:
        """Return the path below the mirror's for an absolute address, with query and fragment; None for no library."""


class LibraryLinks:
    """Finds the mirrored paths for one page. ``prefix`` is the path of the mirror, with a slash at its end.

    An address is led to the mirror only if each of the site's own policies allows both it and the path.
    """

    def __init__(self, mirror: OffersLibraries, *, prefix: str, policies: SitePolicies) -> None:
        self._mirror = mirror
        self._prefix = prefix
        self._policies = policies
        self.count = 0
        """How many addresses have been led to the mirror."""
        self.led: dict[str, str] = {}
        """The first of them, each with its path."""

    @property
    def key(self) -> Hashable:
        """All that the answers depend on so far."""
        return (self._mirror.state, self._prefix, self._policies.key if self._policies else "")

    def path(
        self, address: str, kinds: tuple[str, ...], element: Element = PLAIN, *, folders: bool = False
    ) -> str | None:
        """Return the path for an address that is requested as one of ``kinds``; None if it is to stay.

        With ``folders``, it may stand for the files below it, as in import maps.
        """
        if "//" not in address or self._policies.hides_origin:
            return None
        mirrored = self._mirror.offers(address)
        if mirrored is None or (not folders and _FOLDER.search(mirrored) is not None):
            return None
        if _is_checked_sheet(address, kinds, element):
            mirrored = as_original(mirrored)
        path, policies = self._prefix + mirrored, self._policies
        if policies and not all(
            policies.allows(kind, place, element) for kind in kinds for place in (stripped(address), path)
        ):
            return None
        self.count += 1
        if len(self.led) < _MOST_RECORDED:
            self.led[stripped(address)] = path
        return path

    def in_attribute(self, tag: StartTag, name: bytes, value: str, place: Callable[[str], str]) -> str | None:
        """Return the value to send for an attribute with addresses, or None if nothing in it is led to the mirror.

        ``place`` makes a path of the site one that works on this page.
        """
        if tag.name == b"link" and name in _LINK_ATTRIBUTES:
            kinds = _requested_kinds(tag.get(b"rel") or "", tag.get(b"as") or "")
        else:
            kinds = _ATTRIBUTES.get((tag.name, name), ())
        if not kinds or "//" not in value:
            return None
        element = _element(tag)
        if name not in SETS:
            path = self.path(value, kinds, element)
            return place(path) if path is not None else None
        is_led = False
        candidates = []
        for address, whole in candidates_of(value):
            path = self.path(address, kinds, element)
            is_led = is_led or path is not None
            candidates.append(whole if path is None else place(path) + whole.removeprefix(address))
        return ", ".join(candidates) if is_led else None

    def for_scripts(self) -> str:
        """Return what the guard may lead there: ``*``, or for each kind its hosts or ``*``; empty for nothing."""
        policies, known = self._policies, self._mirror.hosts
        hosts = sorted(self._mirror.reachable)
        if policies.hides_origin:
            return ""
        is_free = not any(True for kind in _ANY for _ in policies.governing(kind))
        kinds: tuple[str, ...] = _ANY
        if policies.requires_trusted_types:
            kinds = tuple(kind for kind in _ANY if kind != "script")  # its address may not be a plain string
        elif is_free and len(hosts) == len(known):
            return "*"
        found = {
            kind: [host for host in hosts if policies.allows_made(kind, f"https://{host}/")]
            for kind in kinds
            if policies.allows_made(kind, self._prefix)
        }
        return " ".join(
            f"{kind}={'*' if len(named) == len(known) else ','.join(named)}" for kind, named in found.items() if named
        )

    def is_hint(self, rel: str, address: str) -> bool:
        """Say whether a link does nothing but have browsers connect to a host whose libraries are mirrored.

        ``rel`` is the link's. Where a policy of the site keeps something of that host from the mirror, it stays.
        """
        found = target(address, "")
        rels = set(rel.lower().split())
        return (
            found is not None
            and bool(rels)
            and rels <= _HINTS
            and found[0] in self._mirror.hosts
            and not self._policies.hides_origin
            and (not self._policies or all(self._policies.allows(kind, self._prefix) for kind in _ANY))
        )

    def in_header(self, address: str, rel: str, destination: str, integrity: str) -> str | None:
        """Return the path for the address of a ``Link`` header with these values of its parameters, or None.

        ``destination`` is its ``as``.
        """
        kinds = _requested_kinds(rel, destination)
        return self.path(address, kinds, Element("", integrity)) if kinds else None

    def in_css(self, address: str, tag: StartTag, *, attribute: bool) -> str | None:
        """Return the path for an address in inline CSS, or None."""
        if "//" not in address:
            return None
        if self._policies:
            kind, element = ("style attribute", PLAIN) if attribute else ("style", _element(tag))
            if not self._policies.allows_inline(kind, element):
                return None
        address = stripped(address)
        if _FONT.match(address) is not None:
            return self.path(address, ("font",))
        if _SHEET.match(address) is not None:
            return self.path(address, _STYLE)
        return self.path(address, _IMAGE if _PICTURE.match(address) is not None else ("style", "font", "image"))

    def in_import_map(self, tag: StartTag, document: str, place: Callable[[str], str]) -> tuple[str, str]:
        """Return the import map with its addresses led to the mirror: as it is to be sent, and as it is to be judged.

        What is sent also has the keys as they were, which are never fetched: script files go on using them. The map is
        untrusted. ``place`` as above.
        """

        def led(address: str) -> str:
            path = self.path(address, _SCRIPT, element, folders=True)
            return address if path is None else place(path)

        def led_string(match: re.Match[str]) -> str:
            address = json.loads(match[0], strict=False)
            found = led(address)
            return match[0] if found == address else json.dumps(found)

        element = _element(tag)
        if not self._is_editable(element):
            return document, document
        try:
            parsed = json.loads(document)
        except (ValueError, RecursionError):
            return document, document  # browsers ignore it
        judged = _JSON_STRING.sub(led_string, document)
        if judged == document or not isinstance(parsed, dict):
            return judged, judged
        completed = _with_led_keys(parsed, led)
        if completed == json.loads(judged):
            return judged, judged
        # What is escaped as half a character cannot be sent as it is.
        return (document, document) if _HALF.search(document) is not None else (_serialized(completed), judged)

    def in_script(self, tag: StartTag, text: str, place: Callable[[str], str], *, is_module: bool) -> str:
        """Return the script with the addresses that it imports led to the mirror; ``place`` as above.

        What a string or template says stays, since the script may show it, or run it where a path leads nowhere.
        """
        element = _element(tag)
        if not self._is_editable(element):
            return text
        found: list[tuple[int, int, str]] = []
        quoted: Quoted | None = None
        for match in (MODULE_IMPORT if is_module else _CALL).finditer(text):
            address, (start, end) = next((match[at], match.span(at)) for at in (1, 2) if match[at] is not None)
            if "//" not in address or (path := self.path(address, _SCRIPT, element)) is None:
                continue
            quoted = quoted if quoted is not None else Quoted(text)
            if match.end() not in quoted:
                found.append((start, end, place(path)))
        out: list[str] = []
        at = 0
        for start, end, address in found:
            out += [text[at:start], address]
            at = end
        return "".join([*out, text[at:]]) if found else text

    def _is_editable(self, element: Element) -> bool:
        """Say whether an inline script still runs when its text has changed."""
        return not self._policies or self._policies.allows_inline("script", element)


def as_original(mirrored: str) -> str:
    """Return the path of the mirror under which the same file comes as its host has sent it."""
    path, sign, fragment = mirrored.partition("#")
    return f"{path}{'&' if '?' in path else '?'}{ORIGINAL}{sign}{fragment}"


def _is_checked_sheet(address: str, kinds: tuple[str, ...], element: Element) -> bool:
    """Say whether an address may be that of a style sheet of which browsers compare the digest.

    The mirror rewrites other style sheets, so that no digest fits.
    """
    is_sheet = _SHEET.match(stripped(address)) is not None
    if kinds == _SCRIPT:
        return is_sheet  # a module imports it, and an import map that is not known yet may have its digest
    return "style" in kinds and bool(element.integrity.strip()) and (is_sheet or kinds == _STYLE)


def _with_led_keys(value: dict[str, Any], led: Callable[[str], str]) -> dict[str, Any]:
    """Return an import map with addresses led, and its keys both as they were and led."""

    def completed(table: Any) -> Any:
        if not isinstance(table, dict):
            return table
        values = {
            key: led(inner) if isinstance(inner, str) else completed(inner) if name == "scopes" else inner
            for key, inner in table.items()
        }
        return {**{led(key): inner for key, inner in values.items()}, **values}

    found = {}
    for name, part in value.items():
        found[name] = completed(part) if name in _TABLES else part
    return found


def _serialized(value: dict[str, Any]) -> str:
    """Return JSON that cannot end the script that it is the text of."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def _requested_kinds(rel: str, destination: str) -> tuple[str, ...]:
    """Return the kinds of requests for a link with these values of ``rel`` and ``as``; none if any is not known."""
    kinds: list[str] = []
    for word in rel.lower().split():
        if word == "stylesheet":
            kinds.append("style")
        elif word == "modulepreload":
            kinds.append("script")
        elif word in ICON_RELS:
            kinds.append("image")
        elif word == "preload":
            preloaded = _PRELOADED.get(destination.strip().lower())
            if preloaded is None:
                return ()
            kinds.append(preloaded)
        elif word == "prefetch":
            kinds += _ANY
        elif word not in {"alternate", "shortcut"}:
            return ()
    return tuple(kinds)


def _element(tag: StartTag) -> Element:
    names = tag.names()
    if b"nonce" not in names and b"integrity" not in names:
        return PLAIN
    return Element(tag.get(b"nonce") or "", tag.get(b"integrity") or "")
