"""What a scan without a browser says that it could not see."""

from __future__ import annotations

import pytest

from cookie_consent.scanner.model import Mode, Phase
from cookie_consent.scanner.unseen import unseen_by_crawl
from tests.scanner.made import request, scan


@pytest.mark.parametrize(
    ("hosts", "told"),
    [
        (["a.example"], "1 other host was not asked: cookies of its answers are not in this list."),
        (["a.example", "b.example"], "2 other hosts were not asked: cookies of their answers are not in this list."),
    ],
)
def test_numbers_agree(hosts: list[str], told: str) -> None:
    seen = scan(*(request(f"https://{host}/a.js", Phase.UNDECIDED, is_made=False) for host in hosts), mode=Mode.HTTP)
    assert told in unseen_by_crawl(seen, inline=0, skipped=0, held=0)
