"""Statistics of the log, from daily counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Literal, get_args

from sqlalchemy import and_, case, func, or_, select

from cookie_consent.ledger.schema import rollups

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection

    from cookie_consent.policy.duration import Lifetime

__all__ = ["INTERVALS", "LAPSED", "Interval", "LedgerStats", "Share", "read_stats", "whole_days"]

Interval = Literal["day", "week", "month"]
INTERVALS: tuple[Interval, ...] = get_args(Interval)
_EPOCH = date(1970, 1, 1)
_FILLED = 5000
LAPSED = ("lapsed", "")
_BY_DAY = ("action", "outcome", "first", "gpc")


@dataclass(frozen=True, kw_only=True)
class Share:
    """How many records granted a category, and how many refused it."""

    granted: int
    refused: int

    @property
    def accepted(self) -> float:
        """The share (0 to 1) of the records with this category that granted it."""
        offered = self.granted + self.refused
        return self.granted / offered if offered else 0.0


@dataclass(frozen=True, kw_only=True)
class LedgerStats:
    """Counts for the days (UTC) from ``since`` to before ``until``; None means no limit.

    ``days`` counts each day by measure (``rollup.Measure``) and value; ``lapsed`` by days counts the consents whose
    lifetime has ended on it and that no later choice had replaced. ``groups`` counts all days by measure, value, policy
    version and language. ``is_complete`` is false while some records are not counted yet.
    """

    since: date | None = None
    until: date | None = None
    is_complete: bool = True
    days: Mapping[date, Mapping[tuple[str, str], int]] = field(default_factory=dict)
    groups: Mapping[tuple[str, str, str, str], int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Number of records."""
        return sum(self.actions.values())

    @property
    def first_choices(self) -> int:
        """Records without a previous one: the number of visitors who chose for the first time."""
        return sum(self._counts("first", 0).values())

    @property
    def withdrawals(self) -> int:
        """Records that took back earlier consent and granted nothing new."""
        return self.actions.get("withdrawn", 0)

    @property
    def lapsed(self) -> int:
        """Consents whose lifetime has ended. Nobody sees that happen: it follows from when they were given."""
        return sum(numbers.get(LAPSED, 0) for numbers in self.days.values())

    @property
    def gpc(self) -> int:
        """Records caused by Global Privacy Control."""
        return sum(self._counts("gpc", 0).values())

    @property
    def actions(self) -> dict[str, int]:
        """Records by action."""
        return self._counts("action", 0)

    @property
    def channels(self) -> dict[str, int]:
        """Records by channel."""
        return self._counts("channel", 0)

    @property
    def policy_versions(self) -> dict[str, int]:
        """Records by policy version."""
        return self._counts("action", 1)

    @property
    def languages(self) -> dict[str, int]:
        """Records by the language of the notice; "" for those without a notice."""
        return self._counts("action", 2)

    @property
    def outcomes(self) -> dict[str, int]:
        """Records by outcome: ``all``, ``some`` or ``none`` of the categories were granted."""
        return self._counts("outcome", 0)

    def acceptance(self) -> dict[str, float]:
        """Return the share (0 to 1) of records that granted each category."""
        return {name: share.accepted for name, share in self.categories().items()}

    def categories(self) -> dict[str, Share]:
        """Return how often each category was granted and refused."""
        granted, refused = self._counts("granted", 0), self._counts("refused", 0)
        return {
            name: Share(granted=granted.get(name, 0), refused=refused.get(name, 0))
            for name in sorted({*granted, *refused})
        }

    def categories_by(self, what: Literal["policy_version", "language"]) -> dict[str, dict[str, Share]]:
        """Return ``categories`` for each policy version or language."""
        at = 2 if what == "policy_version" else 3
        split: dict[str, dict[tuple[str, str, str, str], int]] = {}
        for key, number in self.groups.items():
            split.setdefault(key[at], {})[key] = number
        return {name: LedgerStats(groups=groups).categories() for name, groups in sorted(split.items())}

    def by(self, interval: Interval) -> dict[date, Counter[tuple[str, str]]]:
        """Return the counts of each day, week (from Monday) or month, by its first day.

        Periods without records are included, unless the range is longer than 5,000 days.
        """
        found: dict[date, Counter[tuple[str, str]]] = {}
        for day, numbers in self.days.items():
            found.setdefault(_start(day, interval), Counter()).update(numbers)
        first = self.since or min(found, default=None)
        last = self.until - timedelta(days=1) if self.until is not None else max(found, default=None)
        if first is not None and last is not None and (last - first).days < _FILLED:
            for start in _starts(first, last, interval):
                found.setdefault(start, Counter())
        return dict(sorted(found.items()))

    def _counts(self, measure: str, part: int) -> dict[str, int]:
        found: Counter[str] = Counter()
        for (name, *rest), number in self.groups.items():
            if name == measure:
                found[rest[part]] += number
        return dict(sorted(found.items()))


def whole_days(since: datetime | None, until: datetime | None) -> tuple[date | None, date | None]:
    """Return the first day (UTC) of a time range, and the day after its last."""
    first = since.astimezone(UTC).date() if since is not None else None
    last = until.astimezone(UTC) if until is not None else None
    if last is None:
        return first, None
    is_midnight = last.time() == datetime.min.time()
    return first, last.date() if is_midnight else last.date() + timedelta(days=1)


def read_stats(
    connection: Connection,
    *,
    since: date | None = None,
    until: date | None = None,
    is_complete: bool = True,
    lifetime: Lifetime | None = None,
) -> LedgerStats:
    """Read the counts for the days from ``since`` to before ``until``.

    ``lifetime`` is that of a choice; without it nothing has lapsed.
    """
    bounds = []
    if since is not None:
        bounds.append(rollups.c.day >= (since - _EPOCH).days)
    if until is not None:
        bounds.append(rollups.c.day < (until - _EPOCH).days)
    number = func.sum(rollups.c.number)
    by_day = (rollups.c.day, rollups.c.measure, rollups.c.value)
    query = select(*by_day, number).where(rollups.c.measure.in_(_BY_DAY), *bounds).group_by(*by_day)
    days: dict[date, dict[tuple[str, str], int]] = {}
    for day, measure, value, sum_ in connection.execute(query):
        days.setdefault(_EPOCH + timedelta(days=day), {})[measure, value] = int(sum_)
    if lifetime is not None:
        for day, ended in _lapses(connection, lifetime).items():
            if ended > 0 and (since is None or day >= since) and (until is None or day < until):
                days.setdefault(day, {})[LAPSED] = ended
    by_group = (rollups.c.measure, rollups.c.value, rollups.c.policy_version, rollups.c.language)
    groups = {
        (measure, value, version, language): int(sum_)
        for measure, value, version, language, sum_ in connection.execute(
            select(*by_group, number).where(rollups.c.measure != "replaced", *bounds).group_by(*by_group)
        )
    }
    return LedgerStats(since=since, until=until, is_complete=is_complete, days=days, groups=groups)


def _lapses(connection: Connection, lifetime: Lifetime) -> Counter[date]:
    """Return how many consents have lapsed on each day that is over: those given, less those replaced since."""
    is_consent = and_(rollups.c.measure == "outcome", rollups.c.value != "none")
    signed = case((rollups.c.measure == "replaced", -rollups.c.number), else_=rollups.c.number)
    query = select(rollups.c.day, func.sum(signed)).where(or_(is_consent, rollups.c.measure == "replaced"))
    found: Counter[date] = Counter()
    today = datetime.now(UTC).date()
    for number, left in connection.execute(query.group_by(rollups.c.day)):
        start = datetime.combine(_EPOCH + timedelta(days=number), datetime.min.time(), UTC)
        try:
            end = lifetime.end(start).date()
        except (OverflowError, ValueError):  # beyond the year 9999
            continue
        if end < today:
            found[end] += int(left)
    return found


def _start(day: date, interval: Interval) -> date:
    if interval == "week":
        return max(day, date.min + timedelta(days=7)) - timedelta(days=day.weekday())
    return day.replace(day=1) if interval == "month" else day


def _starts(first: date, last: date, interval: Interval) -> Iterator[date]:
    start = _start(first, interval)
    while start <= last:
        yield start
        following = start + timedelta(days={"day": 1, "week": 7, "month": 32}[interval])
        start = _start(following, interval)
