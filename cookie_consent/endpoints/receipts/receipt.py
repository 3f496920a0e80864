"""A visitor's receipt: their choices of the past year, the notices they were shown, and how each choice was used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cookie_consent.consent.record import VISIT_LIFETIME
from cookie_consent.endpoints.receipts.origin import choice_behind
from cookie_consent.endpoints.receipts.party import party_of, recipients_of, services_of
from cookie_consent.ledger import time_text
from cookie_consent.ledger.inventory import answered_editions
from cookie_consent.policy import DEFAULT_PREFIX
from cookie_consent.policy.rights import RIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cookie_consent.ledger import ConsentRecord, Ledger
    from cookie_consent.policy import Policy

__all__ = ["make_receipt"]

_PERIOD = timedelta(days=366)
_MOST = 1000


def make_receipt(ledger: Ledger, policy: Policy, subject: str, *, prefix: str = DEFAULT_PREFIX) -> dict[str, Any]:
    """Return the receipt, ready for JSON. Raises ``LedgerError``.

    ``records`` are the latest 1,000 of the past year, oldest first. Each has ``used``, the period in which the site
    applied it: until the visitor's next choice, or until the consent cookie expired. A choice ``expires`` with its
    cookie, and what was allowed for a visit after a day at the latest; it has ``expired`` if nothing has replaced it
    before. ``recipients`` are those that the answered notices named, as far as the policy tells, or an earlier one in
    the log. ``notices`` are the texts they were shown, by the hash that the records name, each with its address below
    ``prefix``. ``rights`` are those of the GDPR, by article. Erased records belong to no visitor, so they are missing.
    """
    now = datetime.now(UTC)
    newest = list(ledger.records(since=now - _PERIOD, subject=subject, limit=_MOST, newest_first=True))
    records = newest[::-1]
    find = _finder(ledger, records)
    hashes = dict.fromkeys(record.notice for record in records if record.notice is not None)
    editions = answered_editions(ledger, policy)
    notices = [notice for name in hashes if (notice := ledger.notice(name)) is not None]
    return {
        "subject": subject,
        "issued": time_text(now),
        "controller": policy.controller.name if policy.controller is not None else None,
        "party": party_of(policy),
        "rights": list(RIGHTS),
        "records": [
            {
                **_with_use(record, _chosen_at(find, record), end, policy, now),
                "recipients": recipients_of(services_of(find, record, policy, editions)),
            }
            for record, end in zip(records, _ends(records), strict=True)
        ],
        "notices": {
            notice.hash: {
                "language": notice.language,
                "policy_version": notice.policy_version,
                "text": notice.text,
                "url": f"{prefix}/notice/{notice.hash}",
            }
            for notice in notices
        },
    }


def _finder(ledger: Ledger, records: Iterable[ConsentRecord]) -> Callable[[str], ConsentRecord | None]:
    """Return a function that finds a record by its id, and asks the log only once, and only for other ones."""
    known: dict[str, ConsentRecord | None] = {record.id: record for record in records}

    def find(name: str) -> ConsentRecord | None:
        if name not in known:
            known[name] = ledger.record(name)
        return known[name]

    return find


def _ends(records: Sequence[ConsentRecord]) -> list[datetime | None]:
    """Return when another choice replaced each; None if none has.

    One for a visit replaces others for a visit only.
    """
    ends: list[datetime | None] = []
    following: datetime | None = None
    following_choice: datetime | None = None
    for record in reversed(records):
        ends.append(following if record.channel == "visit" else following_choice)
        following = record.at
        if record.channel != "visit":
            following_choice = record.at
    return ends[::-1]


def _chosen_at(find: Callable[[str], ConsentRecord | None], record: ConsentRecord) -> datetime:
    """Return the start of the cookie's lifetime. A record of GPC does not extend it, so its choice counts if known."""
    choice = choice_behind(find, record)
    return choice.at if choice is not None else record.at


def _with_use(
    record: ConsentRecord, chosen_at: datetime, following: datetime | None, policy: Policy, now: datetime
) -> dict[str, Any]:
    is_for_visit = record.channel == "visit"
    expires = record.at + VISIT_LIFETIME if is_for_visit else policy.cookie.max_age.end(chosen_at)
    end = expires if following is None else min(following, expires)
    return {
        **record.as_dict(),
        "used": {"from": time_text(record.at), "until": time_text(end)},
        "expires": time_text(expires),
        "expired": expires <= now and (following is None or expires < following),
    }
