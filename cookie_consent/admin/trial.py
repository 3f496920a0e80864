"""The operator's pages with examples, for a trial of a site's own templates."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from cookie_consent.admin.figures import stats_values
from cookie_consent.admin.page import admin_values
from cookie_consent.endpoints.reports import Finding
from cookie_consent.endpoints.reports.finding import SCRIPT_ERROR, Observation
from cookie_consent.ledger import LedgerStats
from cookie_consent.policy import Inventory
from cookie_consent.policy.classifier import Classifier

if TYPE_CHECKING:
    from collections.abc import Callable

    from cookie_consent.banner import Renderer
    from cookie_consent.banner.trial import Pages
    from cookie_consent.policy import Policy

__all__ = ["operator_pages"]

_DAY = date(2026, 11, 1)
_UNCOUNTED = LedgerStats(is_complete=False)


def operator_pages(policy: Policy) -> Callable[[Renderer, str], Pages]:
    """Return a function that yields each template, with what renders it in a language.

    They are rendered with figures, without any, and where the log cannot be read.
    """
    classifier, inventory = Classifier(policy), Inventory(policy)
    none = admin_values([], classifier, inventory)
    for host in ("named.example", "waiting.example"):
        for path in ("/", "/shop"):
            inventory.meet((), hosts=[host], path=path)
        inventory.answered(inventory.names)
    seen = [_finding(reason) for reason in ("undeclared", "refused", "own", SCRIPT_ERROR)]
    some = admin_values(seen, classifier, inventory)

    def pages(renderer: Renderer, language: str) -> Pages:
        for values, failure in ((some, ""), (none, ""), (none, "An example")):
            yield "admin.html", partial(renderer.admin, language=language, **values, failure=failure)
        for found, failure in ((_stats(policy, language), ""), (_UNCOUNTED, ""), (LedgerStats(), "An example")):
            shown = stats_values(found, "90", renderer=renderer, language=language)
            yield "stats.html", partial(renderer.stats, language=language, **shown, failure=failure)

    return pages


def _stats(policy: Policy, language: str) -> LedgerStats:
    """Return the figures of a log with one record, by which everything optional was granted."""
    counted = {("action", "given"): 1, ("outcome", "all"): 1, ("first", ""): 1, ("gpc", ""): 1}
    granted = {("granted", name): 1 for name in policy.optional_ids}
    groups = {(*measure, policy.version, language): count for measure, count in {**counted, **granted}.items()}
    return LedgerStats(days={_DAY: counted}, groups=groups)


def _finding(reason: str) -> Finding:
    seen = Observation(kind="host", name="px.example", directive="img-src", reason=reason)
    return Finding(observation=seen, paths=("/",), count=1, first=_DAY, last=_DAY)
