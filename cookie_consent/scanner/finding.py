"""What is wrong on a scanned site, and what to do about it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookie_consent.scanner.model import Initiator, Seen, Sighting

__all__ = ["KINDS", "Finding", "Kind", "Severity", "by_whom", "seen_where"]

_MOST_EVIDENCE = 5
"""The most sightings, and the most initiators, that are stored with a finding."""


class Severity(StrEnum):
    """How much a finding matters. A check fails on errors and warnings."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Kind(StrEnum):
    """What is wrong. The values are stable: they stand in reports and baselines."""

    UNDECLARED_COOKIE = "undeclared-cookie"
    UNDECLARED_HOST = "undeclared-host"
    UNDECLARED_STORAGE = "undeclared-storage"
    UNDECLARED_SNIPPET = "undeclared-snippet"
    BEFORE_CONSENT = "before-consent"
    AFTER_REFUSAL = "after-refusal"
    CLOAKED = "cloaked"
    WRONG_CATEGORY = "wrong-category"
    OUTLIVED = "outlived"
    CONSENT_MODE = "consent-mode"
    CONSENT_TOOL = "consent-tool"
    FINGERPRINTING = "fingerprinting"
    INSECURE_COOKIE = "insecure-cookie"
    DEAD_LINK = "dead-link"
    NOT_READ = "not-read"
    NOT_GATED = "not-gated"
    INCOMPLETE = "incomplete"
    MISSING = "missing"
    RESOLVED = "resolved"


KINDS: dict[Kind, tuple[str, str]] = {
    Kind.BEFORE_CONSENT: (
        "Used before the visitor has answered",
        "What is not strictly necessary needs consent first (ePrivacy Directive, Article 5(3)). Put the middleware "
        "outermost, so that nothing passes it, and look whether the policy names the right category.",
    ),
    Kind.AFTER_REFUSAL: (
        "Used although the visitor has refused",
        "A refusal must hold everywhere. Look what sets or contacts it, and whether that passes the middleware.",
    ),
    Kind.CLOAKED: (
        "Another company behind one of the site's own hosts",
        "DNS leads this host to a service, so what it sets counts as the site's own in browsers. Declare the host with "
        "its service, so that it is held like the service's other hosts.",
    ),
    Kind.WRONG_CATEGORY: (
        "Declared in a more lenient category than is known",
        "The registry knows a stricter category. Correct the declaration, or record why it is right and accept the "
        "finding in the baseline.",
    ),
    Kind.UNDECLARED_HOST: (
        "Hosts that the policy does not declare",
        "Visitors are not told about these hosts. Declare each with its service and category, or remove it from the "
        "pages.",
    ),
    Kind.UNDECLARED_COOKIE: (
        "Cookies that the policy does not declare",
        "Visitors are not told about these cookies. Find out what each is for, and declare it; or remove what sets it.",
    ),
    Kind.UNDECLARED_STORAGE: (
        "Storage that the policy does not declare",
        "The law treats storage in the browser like cookies. Declare each key with the service that writes it.",
    ),
    Kind.UNDECLARED_SNIPPET: (
        "Scripts of services that the policy does not declare",
        "A script in the page starts the service. Declare the service, or remove the script.",
    ),
    Kind.OUTLIVED: (
        "Cookies that live longer than declared",
        "Shorten the lifetime where the cookie is set, or declare the real one.",
    ),
    Kind.CONSENT_MODE: (
        "What Google Consent Mode tells Google",
        "The signals must say what the visitor chose. Until then they must say that everything is denied.",
    ),
    Kind.CONSENT_TOOL: (
        "Another consent tool",
        "Two tools ask visitors twice, and neither knows the other's answer. Remove one of them.",
    ),
    Kind.FINGERPRINTING: (
        "Scripts that read out the device",
        "What reads out a device to recognise it needs consent like a cookie. Find out what the script does.",
    ),
    Kind.INSECURE_COOKIE: (
        "Cookies that could be read or stolen",
        "Set the cookie with Secure, and with HttpOnly unless a script has to read it (RFC 6265bis, section 8).",
    ),
    Kind.DEAD_LINK: (
        "Privacy links that lead nowhere",
        "Visitors must be able to read the privacy policy. Correct the address.",
    ),
    Kind.NOT_GATED: (
        "The middleware does not run",
        "Nothing on the site shows that it does: no cookie, no address and no dialogue of its own. Put it back, "
        "outermost. If its pages are not at /_consent, say so with --prefix.",
    ),
    Kind.NOT_READ: (
        "Pages that could not be read",
        "Nothing is known about what they set. Correct the page or the link, and scan again.",
    ),
    Kind.INCOMPLETE: (
        "Limits that the scan reached",
        "What was not looked at may hold more. Raise the limit, or have fewer pages read with --pages.",
    ),
    Kind.MISSING: (
        "Declared, but never seen",
        "Perhaps the site does not use it any more; then remove it from the policy. Or it shows itself only where the "
        "scan does not come, such as after signing in.",
    ),
    Kind.RESOLVED: (
        "In the baseline, but not found any more",
        "Write the baseline again with --write-baseline.",
    ),
}
"""Each kind with its title and what to do, the most pressing first."""


_OF_PAGES = {"markup": "markup", "header": "headers"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, with its evidence."""

    kind: Kind
    severity: Severity
    subject: str
    """What it is about, such as ``cookie _ga``. With the kind it tells the finding from others in every scan."""
    message: str
    """What is wrong, in a sentence."""
    lines: str = ""
    """TOML that declares it, or empty."""
    service: str = ""
    category: str = ""
    key: str = ""
    """The key of the policy that it is about, such as ``services.matomo``, or empty."""
    sightings: tuple[Sighting, ...] = ()
    initiators: tuple[Initiator, ...] = ()
    count: int = 0
    """How often it was seen."""

    @property
    def advice(self) -> str:
        """What to do."""
        return KINDS[self.kind][1]

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits, which stay the same as long as the finding does."""
        return hashlib.sha256(f"{self.kind}\0{self.subject}".encode("utf-8", "surrogatepass")).hexdigest()[:32]

    @property
    def fails(self) -> bool:
        """Return whether a check fails by it."""
        return self.severity is not Severity.NOTE

    @property
    def setters(self) -> tuple[str, ...]:
        """Who set or asked for it, for people. The pages on which it was seen are not named again."""
        pages = {seen.page for seen in self.sightings}
        own = {one for one in self.initiators if one.by in _OF_PAGES and one.address in pages}
        told = (f"the page's {_OF_PAGES[one.by]}" if one in own else by_whom(one) for one in self.initiators)
        return tuple(dict.fromkeys(told))

    def as_dict(self) -> dict[str, Any]:
        """Return the values, ready for JSON."""
        return {
            "kind": self.kind.value,
            "severity": self.severity.value,
            "subject": self.subject,
            "message": self.message,
            "advice": self.advice,
            "lines": self.lines,
            "service": self.service,
            "category": self.category,
            "key": self.key,
            "count": self.count,
            "fingerprint": self.fingerprint,
            "seen": [{"page": seen.page, "phase": seen.phase.value, "act": seen.act.value} for seen in self.sightings],
            "set_by": [by_whom(one) for one in self.initiators],
        }


def seen_where(things: Iterable[Seen]) -> dict[str, Any]:
    """Return the fields of a finding that tell where and by whom things were seen."""
    things = list(things)
    sightings = dict.fromkeys(sighting for thing in things for sighting in thing.sightings)
    initiators = dict.fromkeys(initiator for thing in things for initiator in thing.initiators)
    return {
        "sightings": tuple(sightings)[:_MOST_EVIDENCE],
        "initiators": tuple(initiators)[:_MOST_EVIDENCE],
        "count": sum(thing.count for thing in things),
    }


def by_whom(initiator: Initiator) -> str:
    """Return who set or asked for something, for people: ``script https://x.example/a.js:12``."""
    line = f":{initiator.line}" if initiator.line and initiator.address else ""
    return f"{initiator.by} {initiator.address}{line}".rstrip()
