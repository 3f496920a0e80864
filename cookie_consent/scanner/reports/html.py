"""A scan and its findings as one page that needs nothing else: for those who decide, in plain words."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cookie_consent.policy import UNCLASSIFIED
from cookie_consent.scanner.compare import PHASES, Comparison, phases_of
from cookie_consent.scanner.finding import KINDS, Severity, by_whom
from cookie_consent.scanner.model import Mode, ObservedCookie, Phase

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cookie_consent.scanner.finding import Finding
    from cookie_consent.scanner.judge import Judgement
    from cookie_consent.scanner.verdicts import Judged

__all__ = ["html_report"]

_TEMPLATES = Path(__file__).parent / "templates"
_MOST_FINDINGS = 200
"""Of one kind."""
_MOST_ROWS = 500
"""Of one table."""
_LONGEST = 300
"""Characters of a name or an address."""
_MOST_SCREENSHOTS = 12
_MOST_BYTES = 8_000_000
"""Of all screenshots together."""
_PNG = b"\x89PNG\r\n\x1a\n"
_CONTROLS = re.compile(
    "[^\n\t -~\u00a0-\u200d\u2010-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
"""What is not text, or changes the direction of the text that follows."""
_SORTS = {"cookie": "cookie", "host": "contact", "storage": "storage", "snippet": "script"}
_NECESSARY = "session"
_CATEGORIES = {
    _NECESSARY: "Strictly necessary",
    "login": "Staying signed in",
    "preferences": "Personalisation",
    "analytics": "Audience measurement",
    "advertising": "Advertising",
    "social": "Social media",
    UNCLASSIFIED: "Nobody knows what for",
}


def html_report(judgement: Judgement, *, comparison: Comparison | None = None) -> str:
    """Return the page. It runs no script and fetches nothing; screenshots in it are bounded.

    ``comparison`` stands beside the findings; by default that of the scan's phases, if it has several.
    """
    if comparison is None and len(judgement.scan.phases) > 1:
        comparison = phases_of(judgement)
    css = (_TEMPLATES / "report.css").read_text("utf-8")
    scan, findings = judgement.scan, judgement.findings
    counts = {severity.value: sum(one.severity is severity for one in findings) for severity in Severity}
    others = {
        thing.verdict.service or thing.name for thing in judgement.things if not thing.is_own and thing.sort == "host"
    }
    page = (
        _environment()
        .get_template("report.html")
        .render(
            css=Markup(css),  # noqa: S704 - our own file
            digest=b64encode(sha256(css.encode()).digest()).decode(),
            scan=scan,
            is_browser=scan.mode is Mode.BROWSER,
            counts=counts,
            cookies=sum(thing.sort == "cookie" for thing in judgement.things),
            others=len(others),
            when=f"{scan.started[:16].replace('T', ' ')} UTC",
            read=sum(not page.error for page in scan.pages),
            is_gated=judgement.is_gated,
            sections=list(_sections(findings)),
            categories=list(_categories(judgement)),
            comparison=comparison,
            pages=scan.pages[:_MOST_ROWS],
            more_pages=max(len(scan.pages) - _MOST_ROWS, 0),
            screenshots=list(_screenshots(judgement)),
            phases=PHASES,
        )
    )
    return page.encode("utf-8", "replace").decode()


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )


def _shown(value: Any) -> Any:
    """Return a value as the page shows it: texts without control characters, and not endless."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    text = _CONTROLS.sub("\ufffd", value)
    # What is longer is an address with data in it, or a hostile name; image data is marked up.
    return text if len(text) <= 4 * _LONGEST else text[: 4 * _LONGEST - 1] + "…"


def _sections(findings: Sequence[Finding]) -> Iterator[dict[str, Any]]:
    """Yield the kinds of findings, the gravest first."""
    severities = list(Severity)
    groups = [(kind, [finding for finding in findings if finding.kind is kind]) for kind in KINDS]
    groups = [(kind, group) for kind, group in groups if group]
    groups.sort(key=lambda pair: min(severities.index(finding.severity) for finding in pair[1]))
    for kind, group in groups:
        title, advice = KINDS[kind]
        yield {
            "id": kind.value,
            "title": title,
            "advice": advice,
            "severity": min(group, key=lambda finding: severities.index(finding.severity)).severity.value,
            "findings": group[:_MOST_FINDINGS],
            "more": max(len(group) - _MOST_FINDINGS, 0),
        }


def _categories(judgement: Judgement) -> Iterator[dict[str, Any]]:
    """Yield what was seen by category and service, what is unknown first."""
    policy = judgement.policy
    order = [UNCLASSIFIED, *(category.id for category in reversed(policy.categories)), _NECESSARY]
    for category in dict.fromkeys(order):
        things = [thing for thing in judgement.things if _category(thing) == category and not _is_plain(thing)]
        if not things:
            continue
        rows = sorted(
            (_row(judgement, thing) for thing in things), key=lambda row: (row["service"], row["sort"], row["name"])
        )
        yield {
            "title": _CATEGORIES.get(category, category),
            "id": category,
            "rows": rows[:_MOST_ROWS],
            "more": max(len(rows) - _MOST_ROWS, 0),
        }


def _category(thing: Judged) -> str | None:
    """Return the category under which a thing stands: what keeps the choice itself is necessary."""
    return _NECESSARY if thing.is_ours else thing.verdict.category


def _is_plain(thing: Judged) -> bool:
    """Return whether it is the site's own host, which every page asks."""
    return thing.sort == "host" and thing.is_own and thing.verdict.service is None


def _row(judgement: Judgement, thing: Judged) -> dict[str, Any]:
    service = judgement.policy.known_service(thing.verdict.service) if thing.verdict.service is not None else None
    sightings = [sighting for one in thing.seen for sighting in one.sightings]
    phases = [phase for phase in Phase if any(sighting.phase is phase for sighting in sightings)]
    lifetimes = [one.lifetime for one in thing.seen if isinstance(one, ObservedCookie)]
    initiators = dict.fromkeys(by_whom(initiator) for one in thing.seen for initiator in one.initiators)
    return {
        "service": service.name
        if service is not None
        else "This site"
        if thing.is_ours or (thing.is_own and thing.verdict.known)
        else "Unknown",
        "company": service.company if service is not None else "",
        "sort": _SORTS[thing.sort],
        "name": thing.name[:_LONGEST] or "(without a name)",
        "where": thing.where if thing.sort != "host" else thing.alias and f"leads to {thing.alias}",
        "lifetime": _lifetime(lifetimes) if lifetimes else "",
        "phases": ", ".join(PHASES[phase] for phase in phases),
        "by": next(iter(initiators), "")[:_LONGEST],
        "declared": "this consent tool" if thing.is_ours else "yes" if thing.is_declared else "no",
    }


def _lifetime(lifetimes: Sequence[float | None]) -> str:
    known = [lifetime for lifetime in lifetimes if lifetime is not None]
    if not known:
        return "until the browser closes"
    seconds = max(known)
    if seconds < 2 * 3600:
        return f"{round(seconds / 60)} minutes"
    return f"{round(seconds / 3600)} hours" if seconds < 2 * 86_400 else f"{round(seconds / 86_400)} days"


def _image(file: Path, *, most: int) -> bytes:
    """Return a PNG image that is not larger, or nothing."""
    try:
        with file.open("rb") as stream:
            image = stream.read(most + 1)
    except OSError:
        return b""
    return image if image.startswith(_PNG) and len(image) <= most else b""


def _screenshots(judgement: Judgement) -> Iterator[dict[str, Any]]:
    count = size = 0
    for page in judgement.scan.pages:
        for phase, file in page.screenshots.items():
            image = _image(file, most=_MOST_BYTES - size) if count < _MOST_SCREENSHOTS else b""
            if not image:
                continue
            count, size = count + 1, size + len(image)
            # Base64 has no character that HTML knows.
            source = Markup("data:image/png;base64,") + Markup(b64encode(image).decode())  # noqa: S704
            yield {"address": page.address, "phase": PHASES[phase], "source": source}
