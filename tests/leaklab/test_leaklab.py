"""Nothing leaves before consent, after refusal, after withdrawal; with consent all is as without the gates.

The lab runs once for all tests here. ``make leaklab`` sees all columns, prints them and runs the tests marked
``leaklab`` too.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import threading
from typing import TYPE_CHECKING

import pytest

from tests.leaklab.__main__ import DOCUMENT
from tests.leaklab.beyond import BEYOND, OF_UNKNOWN_HOSTS
from tests.leaklab.corpus import PAGES
from tests.leaklab.lab import BEFORE, COLUMNS, SEEN, SHORT, run
from tests.leaklab.peers import PEERS
from tests.leaklab.table import leaking, totals, totals_in

if TYPE_CHECKING:
    from tests.leaklab.lab import Results
    from tests.leaklab.page import Page
    from tests.leaklab.visit import Seen

STALE = "bring docs/leaks.md up to date: python -m tests.leaklab --update"
OURS = ("before", "refused", "withdrawn")
PAGES_BY_NAME = {page.name: page for page in PAGES}


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest) -> Results:
    """Run the lab in a thread: another module's browser may still hold this one's event loop."""
    if SEEN in request.config.stash:
        return request.config.stash[SEEN]
    chromium_path = str(request.getfixturevalue("chromium_path"))
    columns = COLUMNS if any(item.get_closest_marker("leaklab") for item in request.session.items) else SHORT
    found: list[Results | BaseException] = []

    def work() -> None:
        try:
            found.append(
                asyncio.run(run(chromium_path, shell=shutil.which("chromium-headless-shell"), columns=columns))
            )
        except BaseException as error:  # noqa: BLE001 - raised again in the test's own thread
            found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


def test_the_tests_look_at_every_page_without_a_gate_and_with_both() -> None:
    assert {"none", *OURS, "accepted"} <= set(SHORT) < set(COLUMNS)


def test_each_contact_tells_its_page() -> None:
    assert len(PAGES) >= 60
    assert len(PAGES_BY_NAME) == len(PAGES)
    leaks = [leak for page in PAGES for leak in page.leaks]
    assert len(set(leaks)) == len(leaks)


def test_every_page_is_live(results: Results) -> None:
    assert set(results) == set(PAGES_BY_NAME)
    wrong = {
        name: (sorted(page.leaks), sorted(results[name]["none"].leaks))
        for name, page in PAGES_BY_NAME.items()
        if results[name]["none"].leaks != page.leaks
    }
    assert wrong == {}


@pytest.mark.parametrize("column", OURS)
def test_nothing_leaves_but_what_is_beyond_every_server(results: Results, column: str) -> None:
    """An entry that leaks no more must go from the list. What can be withdrawn was named, and so is known."""
    assert all(column in seen for seen in results.values())
    beyond = set(BEYOND) - OF_UNKNOWN_HOSTS if column == "withdrawn" else set(BEYOND)
    assert leaking(results, column) == beyond


@pytest.mark.leaklab
def test_each_gate_stops_what_the_other_lets_pass(results: Results) -> None:
    """Both are needed, and neither lets more pass than nothing at all would."""
    for column in ("html", "csp"):
        for name, page in PAGES_BY_NAME.items():
            assert results[name][column].leaks <= page.leaks
    assert leaking(results, "html") - leaking(results, "csp")
    assert leaking(results, "csp") - leaking(results, "html")


@pytest.mark.leaklab
@pytest.mark.parametrize("name", ["speculation-rules", "speculation-links", "speculation-file"])
def test_the_html_gate_alone_holds_speculation_rules(results: Results, name: str) -> None:
    """Chromium does not follow them where the tests of all other carriers look."""
    assert results[name]["html"].leaks == set()


ADDRESS = re.compile(r"https://[^\s']+")


def errors_of(page: Page, seen: Seen) -> frozenset[str]:
    """Return the errors. Those of a library have the address that it has in the mirror."""
    return frozenset(ADDRESS.sub("...", error) for error in seen.errors) if page.mirrored else seen.errors


@pytest.mark.parametrize("column", ["activated", "accepted"])
def test_with_consent_all_is_as_without_the_gates(results: Results, column: str) -> None:
    wrong = {}
    for name, page in PAGES_BY_NAME.items():
        without, seen = results[name]["none"], results[name].get(column)
        if seen is None:
            assert column == "activated"
            continue
        is_excused = page.next_time if column == "activated" else page.once
        differences = {
            "hosts, cookies and storage": (page.agreed, page.agreed if is_excused else seen.leaks),
            "order": (without.order, seen.order),
            "new errors": (frozenset(), errors_of(page, seen) - errors_of(page, without)),
        }
        found = {what: pair for what, pair in differences.items() if pair[0] != pair[1]}
        if found or not seen.leaks <= page.agreed:
            wrong[name] = found
    assert wrong == {}


def test_most_pages_were_activated(results: Results) -> None:
    """Where the visitor is led away, and after a click, there is no page to activate."""
    assert sum("activated" in seen for seen in results.values()) > len(PAGES) * 0.8


@pytest.mark.leaklab
@pytest.mark.parametrize("peer", [peer.name for peer in PEERS])
def test_the_peers_are_set_up(results: Results, peer: str) -> None:
    """What is annotated is held, and comes alive when it is accepted."""
    assert results["script"][peer].leaks == set()
    assert results["script"][f"{peer}, accepted"].leaks == {PAGES_BY_NAME["script"].third}


def test_the_documentation_shows_what_was_seen(results: Results) -> None:
    """Ours to the page; a script in the page races with what it is to hold, and loses now and then one more."""
    document = DOCUMENT.read_text("utf-8")
    shown = dict(zip(BEFORE, totals_in(document), strict=True))
    seen = totals(results)
    assert shown.keys() == seen.keys()
    for column, text in shown.items():
        number, of, pages = text.split()
        assert (of, int(pages)) == ("of", len(PAGES)), STALE
        if not any(column in of_page for of_page in results.values()):
            continue
        assert abs(int(number) - seen[column]) <= (0 if column in ("none", *OURS) else 2), (column, STALE)
    for name in BEYOND:
        assert f"`{name}`" in document
