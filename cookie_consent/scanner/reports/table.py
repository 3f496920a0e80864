"""The report for a terminal: what the site sets and loads, and what of it the policy does not declare."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cookie_consent.scanner.links import parsed
from cookie_consent.scanner.model import Carrier

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cookie_consent.policy.classifier import Classifier, Verdict
    from cookie_consent.scanner.model import ObservedRequest, Scan, Seen

__all__ = ["Row", "rows", "table"]

_WIDTH = 80
_MOST_FAILURES = 10
_ACTIVE = frozenset({Carrier.FORM})
"""Carriers that wait for what the visitor does: they are shown, but need no declaration."""
_UNITS = ((365 * 86_400, "year"), (30 * 86_400, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute"))


@dataclass(slots=True, kw_only=True)
class Row:
    """One cookie, key, host or snippet, and what it belongs to."""

    kind: str
    """``cookies``, ``keys``, ``hosts`` or ``snippets``."""
    name: str
    category: str
    service: str | None
    is_declared: bool
    details: list[str] = field(default_factory=list)
    pages: set[str] = field(default_factory=set)


def rows(scan: Scan, classifier: Classifier) -> list[Row]:
    """Return what the scan saw, as the policy of the classifier sees it.

    Declared is what the policy itself names, and what belongs to the site. What only the registry knows is not.
    """
    start = parsed(scan.landed or scan.site)
    site = start.host if start is not None else ""
    return [
        *_cookies(scan, classifier),
        *_keys(scan, classifier),
        *_hosts(scan, classifier, site),
        *_snippets(scan, classifier),
    ]


def table(scan: Scan, classifier: Classifier) -> Iterator[str]:
    """Yield the lines of the report. Lines have at most 80 columns, unless the name of a host or cookie is longer."""
    read = sum(1 for page in scan.pages if not page.error)
    yield f"{_plain(scan.site)}: {_number(read, 'page')} read in {scan.seconds:.1f} s"
    if scan.landed:
        yield f"The address leads to {_plain(scan.landed)}, and the scan is of that site."
    found = rows(scan, classifier)
    yield from _section("COOKIES", _of_kind(found, "cookies"), "none")
    yield from _section("STORAGE KEYS", _of_kind(found, "keys"))
    yield from _section("HOSTS", _of_kind(found, "hosts"), "none but the site's own")
    yield from _section("SNIPPETS", _of_kind(found, "snippets"))
    failed = [page for page in scan.pages if page.error]
    told = [f"{page.address}: {page.error}" for page in failed[:_MOST_FAILURES]]
    told += [f"and {len(failed) - _MOST_FAILURES} more"] if len(failed) > _MOST_FAILURES else []
    yield from _section(f"NOT READ: {_number(len(failed), 'page')}", _listed(told))
    yield from _section("LIMITS", _listed(f"{limit.name} {limit.value}: {limit.note}" for limit in scan.limits))
    yield from _section("WHAT COULD NOT BE SEEN", _listed(scan.unseen))
    missing = sum(not row.is_declared for row in found)
    yield ""
    is_are = "is" if missing == 1 else "are"
    yield f"{_number(missing, 'thing')} marked ! {is_are} not declared" if missing else "all is declared"


def _section(title: str, lines: Iterable[str], otherwise: str = "") -> Iterator[str]:
    """Yield a section, which is left out if it is empty and nothing is to be said then."""
    lines = list(lines)
    if lines or otherwise:
        yield from ("", title, *(lines or [f"  {otherwise}"]))


def _of_kind(found: list[Row], kind: str) -> Iterator[str]:
    for row in sorted(found, key=lambda row: (row.is_declared, row.category, row.name)):
        if row.kind == kind:
            yield f"{' ' if row.is_declared else '!'} {_plain(row.name)}"
            service = [row.service] if row.service else []
            parts = [row.category, *service, *row.details, _number(len(row.pages), "page")]
            yield from _wrapped(", ".join(parts), "    ")


def _listed(sentences: Iterable[str]) -> Iterator[str]:
    for sentence in sentences:
        yield from _wrapped(sentence, "  ")


def _cookies(scan: Scan, classifier: Classifier) -> Iterator[Row]:
    for cookie in scan.cookies:
        verdict = classifier.cookie_of(cookie.name, cookie.domain)
        is_own = cookie.name == classifier.policy.cookie.name
        domain = cookie.domain if cookie.host_only else f"*.{cookie.domain}"
        details = [f"of {domain}{cookie.path}", _lasts(cookie.lifetime)]
        yield Row(
            kind="cookies",
            name=cookie.name,
            category="session" if is_own else verdict.category,
            service=verdict.service,
            is_declared=is_own or _is_declared(verdict, classifier),
            details=[*details, *(["HttpOnly"] if cookie.http_only else [])],
            pages=_pages(cookie),
        )


def _keys(scan: Scan, classifier: Classifier) -> Iterator[Row]:
    for key in scan.keys:
        verdict = classifier.storage(key.name)
        yield Row(
            kind="keys",
            name=key.name,
            category=verdict.category,
            service=verdict.service,
            is_declared=_is_declared(verdict, classifier),
            details=[str(key.kind), f"of {key.origin}"],
            pages=_pages(key),
        )


def _hosts(scan: Scan, classifier: Classifier, site: str) -> Iterator[Row]:
    """Yield one row for each host and service."""
    found: dict[tuple[str, str | None, str, bool], list[ObservedRequest]] = defaultdict(list)
    for request in scan.requests:
        path = "/" + "".join(request.address.split("/", 3)[3:])
        is_own = classifier.is_first_party(request.host, site)
        verdict: Verdict | None
        if is_own:
            queried = f"{path}?{request.queries[0]}" if request.queries else path
            verdict = classifier.own_service(request.host, queried, site)
        else:
            verdict = classifier.host(request.host, path)
        if verdict is None:
            continue  # the site's own
        is_declared = request.carrier in _ACTIVE or _is_declared(verdict, classifier)
        found[request.host, verdict.service, verdict.category, is_declared].append(request)
    for (host, service, category, is_declared), requests in found.items():
        carriers = sorted({str(request.carrier) for request in requests})
        pages = set[str]().union(*map(_pages, requests))
        yield Row(
            kind="hosts",
            name=host,
            category=category,
            service=service,
            is_declared=is_declared,
            details=[" and ".join(carriers)],
            pages=pages,
        )


def _snippets(scan: Scan, classifier: Classifier) -> Iterator[Row]:
    for snippet in scan.snippets:
        verdicts = classifier.inline_script(snippet.excerpt)
        known = next((verdict for verdict in verdicts if verdict.service == snippet.service), None)
        yield Row(
            kind="snippets",
            name=snippet.service,
            category=known.category if known is not None else _category(snippet.service, classifier),
            service=None,
            is_declared=classifier.declares(snippet.service),
            details=[f"“{snippet.excerpt[:50]}”"],
            pages=_pages(snippet),
        )


def _category(service: str, classifier: Classifier) -> str:
    declared = {known.id: known.category for known in classifier.policy.services}
    if service in declared:
        return declared[service]
    from cookie_consent.policy import UNCLASSIFIED, registry

    known = registry().get(service)
    return known.category if known is not None else UNCLASSIFIED


def _is_declared(verdict: Verdict, classifier: Classifier) -> bool:
    return verdict.known and (verdict.service is None or classifier.declares(verdict.service))


def _pages(thing: Seen) -> set[str]:
    return {sighting.page for sighting in thing.sightings}


def _lasts(seconds: float | None) -> str:
    if seconds is None:
        return "until the browser closes"
    for size, name in _UNITS:
        if seconds >= size:
            return _number(round(seconds / size), name)
    return _number(round(seconds), "second")


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _plain(text: str) -> str:
    """Return the text without what could change a terminal's state or the order of letters."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        _plain(text),
        _WIDTH,
        initial_indent=indent,
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
