"""Two scans of a site beside each other, or the phases of one: what is set and contacted in each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cookie_consent.scanner.model import ObservedRequest, Phase

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cookie_consent.scanner.judge import Judgement
    from cookie_consent.scanner.verdicts import Judged

__all__ = ["PHASES", "Comparison", "compare", "phases_of"]

PHASES = {
    Phase.UNDECIDED: "before an answer",
    Phase.REFUSED: "after refusing",
    Phase.ACCEPTED: "after accepting",
}
"""The phases in plain words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Counts in columns. ``rows`` are the totals; ``parties`` are the other companies' services and hosts."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]
    parties: tuple[tuple[str, tuple[int, ...]], ...]


_Column = tuple[str, "Judgement", Phase]


def compare(before: Judgement, after: Judgement, *, names: tuple[str, str] = ("before", "after")) -> Comparison:
    """Return two scans side by side, such as a site without and with the middleware, for each phase of both."""
    phases = [phase for phase in Phase if phase in before.scan.phases and phase in after.scan.phases]
    pairs = zip(names, (before, after), strict=True)
    return _compared([(f"{PHASES[phase]}, {name}", judgement, phase) for name, judgement in pairs for phase in phases])


def phases_of(judgement: Judgement) -> Comparison:
    """Return the phases of one scan side by side."""
    return _compared([(PHASES[phase], judgement, phase) for phase in Phase if phase in judgement.scan.phases])


def _compared(columns: Sequence[_Column]) -> Comparison:
    things = [list(_in_phase(judgement, phase)) for _, judgement, phase in columns]
    needed = [judgement.policy.required_ids for _, judgement, _ in columns]
    totals = {
        "Cookies": [sum(thing.sort == "cookie" for thing in column) for column in things],
        "Cookies that are not necessary": [
            sum(thing.sort == "cookie" and thing.verdict.category not in ids for thing in column)
            for column, ids in zip(things, needed, strict=True)
        ],
        "Storage keys": [sum(thing.sort == "storage" for thing in column) for column in things],
        "Hosts of others that were contacted": [
            len({thing.name for thing in column if thing.sort == "host" and not thing.is_own}) for column in things
        ],
        "Addresses of others that were asked for without being necessary": [
            sum(_requests(thing, phase) for thing in column if _is_others(thing) and thing.verdict.category not in ids)
            for column, ids, (_, _, phase) in zip(things, needed, columns, strict=True)
        ],
    }
    parties: dict[str, list[int]] = {}
    for place, (column, (_, _, phase)) in enumerate(zip(things, columns, strict=True)):
        for thing in filter(_is_others, column):
            row = parties.setdefault(thing.verdict.service or thing.name, [0] * len(columns))
            row[place] += _requests(thing, phase)
    ordered = sorted(parties.items(), key=lambda row: (-sum(row[1]), row[0]))
    return Comparison(
        columns=tuple(name for name, _, _ in columns),
        rows=tuple((name, tuple(counts)) for name, counts in totals.items()),
        parties=tuple((name, tuple(counts)) for name, counts in ordered if any(counts)),
    )


def _is_others(thing: Judged) -> bool:
    return thing.sort == "host" and (not thing.is_own or thing.verdict.service is not None)


def _in_phase(judgement: Judgement, phase: Phase) -> Iterator[Judged]:
    """Yield what was seen in a phase; requests only if they were made."""
    for thing in judgement.things:
        made = [one for one in thing.seen if not isinstance(one, ObservedRequest) or one.is_made]
        if not thing.is_ours and any(sighting.phase is phase for one in made for sighting in one.sightings):
            yield thing


def _requests(thing: Judged, phase: Phase) -> int:
    """Return how many addresses of a host were asked for in a phase; repetitions are not told apart by phase."""
    return sum(
        isinstance(one, ObservedRequest) and one.is_made and any(seen.phase is phase for seen in one.sightings)
        for one in thing.seen
    )
