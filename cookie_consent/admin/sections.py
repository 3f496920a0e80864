"""The sections of the operator's page of statistics: each has a plot and its table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cookie_consent.admin.plots import Series, bars, line, shares
from cookie_consent.ledger import make_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from cookie_consent.banner import Locale, Renderer
    from cookie_consent.ledger import Interval, LedgerStats, StatsTable

__all__ = ["Column", "Section", "make_sections", "share_text", "spaced"]

_MOST_BARS = 12
_OUTCOMES = ("all", "some", "none")


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table."""

    label: str
    is_number: bool


@dataclass(frozen=True, kw_only=True)
class Section:
    """A plot with its heading, description and table. ``table`` is the name of the CSV download."""

    id: str
    heading: str
    about: str
    plot: Markup
    table: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    legend: Sequence[tuple[str, str]] = ()


def spaced(number: float) -> str:
    """Return a whole number with narrow spaces between thousands, for all languages (ISO 80000-1, section 7.3.1)."""
    return f"{number:,.0f}".replace(",", "\u202f")


def share_text(share: float) -> str:
    """Return a share (0 to 1) as a percentage."""
    return f"{share * 100:.1f}\u202f%"


def make_sections(found: LedgerStats, by: Interval, *, renderer: Renderer, language: str) -> list[Section]:
    """Return all sections of the page."""
    maker = _Maker(found, by, renderer, language)
    return [maker.choices(), maker.categories(), maker.withdrawals(), maker.gpc(), *maker.groups()]


class _Maker:
    def __init__(self, found: LedgerStats, by: Interval, renderer: Renderer, language: str) -> None:
        self._found = found
        self._by: Interval = by
        self._renderer = renderer
        self._language = renderer.operator_locale(language).language
        self._locale: Locale = renderer.operator_locale(language)
        self._t = self._locale.text
        self._days = make_table(found, "days", by=by)
        self._starts = [_start(str(row[0]), by) for row in self._days.rows]

    def choices(self) -> Section:
        outcomes = self._found.outcomes
        values = {name: spaced(outcomes.get(name, 0)) for name in _OUTCOMES}
        about = self._t("stats.about_choices", total=spaced(self._found.total), **values)
        series = [Series(kind=name, label=self._t(f"stats.{name}"), values=self._column(name)) for name in _OUTCOMES]
        heading = self._t(f"stats.choices_by_{self._by}")
        return Section(
            id="choices",
            heading=heading,
            about=about,
            plot=bars(series, self._starts, title=heading, description=about, name="plot-choices"),
            legend=[(one.kind, one.label) for one in reversed(series)],
            **self._by_time("choices", *_OUTCOMES, "first"),
        )

    def withdrawals(self) -> Section:
        about = self._t("stats.about_withdrawals", total=spaced(self._found.withdrawals))
        heading = self._t("stats.withdrawals")
        series = Series(kind="line", label=heading, values=self._column("withdrawals"))
        return Section(
            id="withdrawals",
            heading=heading,
            about=about,
            plot=line(series, self._starts, title=heading, description=about, name="plot-withdrawals"),
            **self._by_time("withdrawals", "choices"),
        )

    def gpc(self) -> Section:
        share = share_text(self._found.gpc / self._found.total)
        about = self._t("stats.about_gpc", total=spaced(self._found.gpc), share=share)
        heading = self._t("stats.gpc_share")
        pairs = zip(self._column("gpc"), self._column("choices"), strict=True)
        values = [100 * gpc / total if total else 0.0 for gpc, total in pairs]
        series = Series(kind="line", label=f"{heading} (%)", values=values)
        return Section(
            id="gpc",
            heading=f"{heading} (%)",
            about=about,
            plot=line(series, self._starts, title=heading, description=about, name="plot-gpc"),
            **self._by_time("gpc", "choices"),
        )

    def categories(self) -> Section:
        rows = [(self._name(name), share.accepted) for name, share in self._found.categories().items()]
        table = make_table(self._found, "categories")
        return self._shares("categories", self._t("stats.about_categories"), rows, table)

    def groups(self) -> list[Section]:
        sections = []
        for kind, name in (("language", "languages"), ("policy_version", "policy_versions")):
            table = make_table(self._found, name)
            sums: dict[str, list[float]] = {}
            for group, _, granted, refused, _ in table.rows:
                known = sums.setdefault(str(group), [0, 0])
                known[0] += float(granted)
                known[1] += float(granted) + float(refused)
            rows = [(self._group(kind, group), yes / total if total else 0.0) for group, (yes, total) in sums.items()]
            sections.append(self._shares(name, self._t("stats.about_groups"), rows[-_MOST_BARS:], table))
        return sections

    def _shares(self, name: str, about: str, rows: list[tuple[str, float]], table: StatsTable) -> Section:
        heading = self._t(f"stats.acceptance_{name}")
        shown = [(label, share, share_text(share)) for label, share in rows]
        description = self._t("list_separator").join(f"{label}: {text}" for label, _, text in shown)
        rtl = self._locale.direction == "rtl"
        return Section(
            id=name,
            heading=heading,
            about=about,
            plot=shares(shown, title=heading, description=description, name=f"plot-{name}", rtl=rtl),
            table=name,
            columns=[
                Column(label=self._t(f"stats.{column}"), is_number=column in {"granted", "refused", "accepted"})
                for column in table.columns
            ],
            rows=[
                [self._cell(column, value) for column, value in zip(table.columns, row, strict=True)]
                for row in table.rows
            ],
        )

    def _by_time(self, *columns: str) -> dict[str, Any]:
        places = [self._days.columns.index(name) for name in columns]
        return {
            "table": "days",
            "columns": [
                Column(label=self._t(f"stats.by_{self._by}"), is_number=False),
                *(Column(label=self._t(f"stats.{name}"), is_number=True) for name in columns),
            ],
            "rows": [
                [start, *(spaced(float(row[place])) for place in places)]
                for start, row in zip(self._starts, self._days.rows, strict=True)
            ],
        }

    def _column(self, name: str) -> list[float]:
        place = self._days.columns.index(name)
        return [float(row[place]) for row in self._days.rows]

    def _cell(self, column: str, value: str | float) -> str:
        if isinstance(value, float):
            return share_text(value)
        if isinstance(value, int):
            return spaced(value)
        return self._name(value) if column == "category" else self._group(column, value)

    def _name(self, category: str) -> str:
        return self._renderer.category_name(category, self._language)

    def _group(self, kind: str, value: str) -> str:
        if value or kind != "language":
            return value
        return self._t("stats.no_notice")


def _start(day: str, by: Interval) -> str:
    return day[:7] if by == "month" else day
