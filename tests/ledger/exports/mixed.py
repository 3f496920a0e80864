"""Records of many kinds, for the tests of exports."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cookie_consent.consent.record import CONTROLS
from cookie_consent.ledger import new_record_id
from tests.ledger.making import NOTICE, START, make

if TYPE_CHECKING:
    from cookie_consent import ConsentRecord, Ledger

ODD = (
    "=1+1",
    "@sum",
    "+49",
    "-x",
    "\tx",
    "a,b",
    'say "no"',
    "line\nbreak",
    "a\r\n=b",
    "'",
    '=",\r',
    "ä\u2028\x85",
    "",
)
CHOICES = (
    {"granted": ("analytics", "social"), "refused": ("advertising",)},
    {"granted": (), "refused": ("advertising", "analytics", "social"), "action": "refused", "notice": NOTICE.hash},
    {"granted": ("analytics",), "refused": (), "granted_services": ("youtube",), "refused_services": ("vimeo", "x")},
    {"granted": (), "refused": ("analytics",), "action": "withdrawn", "channel": "phone", "region": "DE"},
    {"granted": ("=odd", "a,b"), "refused": ('"',), "action": "signal", "channel": "gpc", "policy_version": "2"},
)


def mixed(count: int, *, days: float = 1.0) -> list[ConsentRecord]:
    """Return records, ``days`` days apart, in the order of their ids."""
    records: list[ConsentRecord] = []
    for number in range(count):
        at = START + timedelta(days=days * number, microseconds=number)
        records.append(
            make(
                0,
                id=new_record_id(at),
                at=at,
                url=ODD[number % len(ODD)],
                previous=records[-1].id if number % 3 == 1 else None,
                user_agent_family="Firefox" if number % 2 else "",
                ip="192.0.2.0" if number % 5 == 0 else "",
                control=CONTROLS[number % len(CONTROLS)],
                edition="0123456789abcdef" if number % 2 else "",
                regime="opt-in" if number % 3 else "",
                note=ODD[-number % len(ODD)],
                **CHOICES[number % len(CHOICES)],
            )
        )
    return records


def fill(ledger: Ledger, records: list[ConsentRecord]) -> None:
    """Put the records, and the notice that some name, into a log."""
    ledger.append(records, [NOTICE])
