"""The leak lab's pages in each engine: live without the gates, and silent with them until a choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engines.lab import LAB, expected, given_away
from tests.engines.limits import IDLE, LIMITS
from tests.leaklab.beyond import BEYOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.leaklab.page import Page

FEW = (
    "script",
    "stylesheet",
    "srcdoc",
    "beacon",
    "create-script",
    "http-only-cookie",
    "script-cookie",
    "local-storage",
)
"""One page of each kind."""


def hold(name: str, pages: Sequence[Page], ledger: str) -> None:
    names = {page.name for page in pages}
    live = given_away(name, pages, otherwise=IDLE[name])
    idle = {page.name for page in pages if not expected(page) <= live[page.name]}
    assert idle == set(IDLE[name]) & names
    open_ = set(LIMITS[name]) | set(BEYOND)
    held = given_away(name, pages, ledger=ledger, otherwise=open_)
    assert {page for page, leaks in held.items() if leaks} == open_ & names


def test_a_page_of_each_kind_is_held(name: str, ledger_url: str) -> None:
    pages = [page for page in LAB if page.name in FEW]
    assert len(pages) == len(FEW)
    hold(name, pages, ledger_url)


@pytest.mark.engines
def test_every_page_is_held(name: str, ledger_url: str) -> None:
    if name == "chromium":
        pytest.skip("the leak lab itself runs in Chromium")
    hold(name, LAB, ledger_url)
