"""The report for a terminal: what the site sets and loads, and what of it the policy does not declare."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from cookie_consent.scanner.model import ObservedCookie, ObservedKey, ObservedRequest, ObservedSnippet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cookie_consent.scanner.judge import Judgement
    from cookie_consent.scanner.verdicts import Judged, Sort

__all__ = ["table"]

_WIDTH = 80
_MOST_FAILURES = 10
_UNITS = ((365 * 86_400, "year"), (30 * 86_400, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute"))


def table(judgement: Judgement) -> Iterator[str]:
    """Yield the lines of the report. Lines have at most 80 columns, unless the name of a host or cookie is longer."""
    scan = judgement.scan
    read = sum(1 for page in scan.pages if not page.error)
    yield f"{_plain(scan.site)}: {_number(read, 'page')} read in {scan.seconds:.1f} s"
    if scan.landed:
        yield f"The address leads to {_plain(scan.landed)}, and the scan is of that site."
    things = [thing for thing in judgement.things if not _is_plain(thing)]
    yield from _section("COOKIES", _of_sort(things, "cookie"), "none" if read else "")
    yield from _section("STORAGE KEYS", _of_sort(things, "storage"))
    yield from _section("HOSTS", _of_sort(things, "host"), "none but the site's own" if read else "")
    yield from _section("SNIPPETS", _of_sort(things, "snippet"))
    failed = [page for page in scan.pages if page.error]
    told = [f"{page.address}: {page.error}" for page in failed[:_MOST_FAILURES]]
    told += [f"and {len(failed) - _MOST_FAILURES} more"] if len(failed) > _MOST_FAILURES else []
    yield from _section(f"NOT READ: {_number(len(failed), 'page')}", _listed(told))
    yield from _section("LIMITS", _listed(f"{limit.name} {limit.value}: {limit.note}" for limit in scan.limits))
    yield from _section("WHAT COULD NOT BE SEEN", _listed(scan.unseen if read else ()))
    missing = sum(thing.is_undeclared for thing in things)
    yield ""
    is_are = "is" if missing == 1 else "are"
    if missing:
        yield f"{_number(missing, 'thing')} marked ! {is_are} not declared"
    else:
        yield "all is declared" if read else "nothing was read"


def _is_plain(thing: Judged) -> bool:
    """Return whether it is the site's own host, which every page asks."""
    return thing.sort == "host" and thing.is_own and thing.verdict.service is None


def _section(title: str, lines: Iterable[str], otherwise: str = "") -> Iterator[str]:
    """Yield a section, which is left out if it is empty and nothing is to be said then."""
    lines = list(lines)
    if lines or otherwise:
        yield from ("", title, *(lines or [f"  {otherwise}"]))


def _of_sort(things: list[Judged], sort: Sort) -> Iterator[str]:
    for thing in sorted(things, key=lambda thing: (not thing.is_undeclared, thing.verdict.category, thing.name)):
        if thing.sort == sort:
            yield f"{'!' if thing.is_undeclared else ' '} {_plain(thing.name)}"
            service = thing.verdict.service if sort != "snippet" else None  # its name is the service's
            category = "session" if thing.is_ours else thing.verdict.category
            pages = {sighting.page for one in thing.seen for sighting in one.sightings}
            parts = [category, *([service] if service else []), *_details(thing), _number(len(pages), "page")]
            yield from _wrapped(", ".join(parts), "    ")


def _details(thing: Judged) -> Iterator[str]:
    """Yield what is said of one kind of thing alone."""
    if thing.alias:
        yield f"leads to {thing.alias}"
    carriers = set[str]()
    for one in thing.seen:
        if isinstance(one, ObservedRequest):
            carriers.add(str(one.carrier))
        elif isinstance(one, ObservedCookie):
            yield f"of {one.domain if one.host_only else f'*.{one.domain}'}{one.path}"
            yield _lasts(one.lifetime)
            if one.http_only:
                yield "HttpOnly"
        elif isinstance(one, ObservedKey):
            yield str(one.kind)
            yield f"of {one.origin}"
        elif isinstance(one, ObservedSnippet):
            yield f"“{one.excerpt[:50]}”"
    if carriers:
        yield " and ".join(sorted(carriers))


def _listed(sentences: Iterable[str]) -> Iterator[str]:
    for sentence in sentences:
        yield from _wrapped(sentence, "  ")


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
