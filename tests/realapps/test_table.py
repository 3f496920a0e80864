"""The table tells what is not as promised, and nothing passes by default."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.realapps.libraries import library
from tests.realapps.row import load, names
from tests.realapps.table import BEGIN, END, cells, faults, updated
from tests.realapps.visit import COLUMNS, Seen, same

OWN = load("htmx")
CDN = load("fasthtml")


def seen(**columns: Seen) -> dict[str, Seen]:
    return {column: columns.get(column, Seen()) for column in COLUMNS}


@pytest.mark.parametrize("name", names())
def test_every_row_can_be_loaded_without_its_framework(name: str) -> None:
    assert load(name).path.startswith("/")


def test_an_application_that_works_has_no_faults() -> None:
    assert faults(OWN, seen()) == []
    assert cells(OWN, seen()) == ["htmx site", *["yes"] * 4, "0 of 0", "0/0/0", "0/0/0", "", ""]


@pytest.mark.parametrize(
    ("columns", "fault"),
    [
        ({"bare": Seen(failed="no list")}, "bare: no list"),
        ({"undecided": Seen(failed="no list")}, "undecided: no list"),
        ({"refused": Seen(failed="no list")}, "refused: no list"),
        ({"accepted": Seen(failed="no list")}, "accepted: no list"),
        ({"undecided": Seen(contacts=["a.test"])}, "undecided: contacts a.test"),
        ({"refused": Seen(contacts=["a.test"])}, "refused: contacts a.test"),
        ({"accepted": Seen(errors=["x is not defined"])}, "accepted: new error: x is not defined"),
    ],
)
def test_what_is_not_as_promised_is_told(columns: dict[str, Seen], fault: str) -> None:
    assert fault in faults(OWN, seen(**columns))


def test_what_is_contacted_only_once_it_is_accepted_was_held() -> None:
    both, one = Seen(contacts=["a.test", "b.test"]), Seen(contacts=["a.test"])
    assert cells(OWN, seen(bare=both, undecided=one, accepted=both))[-2] == "b.test"


def test_elements_that_moved_or_are_missing_are_told() -> None:
    bare = Seen(boxes={">main:1": [0, 0, 10, 10], ">p:1": [0, 10, 10, 10], ">p:2": [0, 20, 10, 10]})
    there = Seen(boxes={">main:1": [0, 1, 10, 10], ">p:1": [0, 12, 10, 10]})
    found = faults(OWN, {**seen(undecided=there, refused=bare, accepted=bare), "bare": bare})
    assert [fault.split(" from")[0] for fault in found] == ["undecided: moved: >p:1", "undecided: moved: >p:2"]


def test_libraries_of_a_cdn_come_from_the_site_itself() -> None:
    (host,) = CDN.cdn
    bare, wrapped = Seen(contacts=[host]), Seen(mirrored=[host])
    columns = {**dict.fromkeys(COLUMNS, wrapped), "bare": bare}
    assert faults(CDN, columns) == []
    assert cells(CDN, columns)[-4:] == ["0/0/0", "0/0/0", "", host]
    assert faults(CDN, {**columns, "refused": Seen()}) == [f"refused: the site itself serves nothing of {host}"]
    assert faults(CDN, {**columns, "undecided": Seen(failed="no htmx", mirrored=[host])}) == ["undecided: no htmx"]
    assert faults(CDN, {**columns, "bare": Seen()}), "one that does not load from the CDN is no row of a CDN"


def test_what_the_user_asks_for_may_contact_the_hosts_that_it_needs() -> None:
    shop = replace(OWN, needed=frozenset({"pay.test"}))
    columns = seen(**dict.fromkeys(COLUMNS, Seen(contacts=["pay.test"])))
    assert faults(shop, columns) == []
    assert cells(shop, columns)[5] == "0 of 0"
    assert "undecided: contacts pay.test" in faults(OWN, columns)
    assert faults(shop, {**columns, "bare": Seen()}), "one that does not contact them bare needs nothing"


def test_a_row_that_took_too_long_is_a_fault() -> None:
    assert faults(OWN, {}) == ["it took too long"]


def test_what_differs_from_run_to_run_is_left_out_of_errors() -> None:
    assert same("404 https://app.test:4711/a/0123456789abcdef.js?v=1") == same(
        "404 https://app.test:33/a/fedcba9876543210.js?v=22"
    )


def test_the_document_gets_the_table() -> None:
    titles = {OWN.title, CDN.title, "Zope"}
    lines = [f"| {title} | old |" for title in ("FastHTML", "Gone", "htmx site", "Zope")]
    document = updated("\n".join(["before", BEGIN, *lines, END, "after"]), {OWN: seen()}, titles)
    assert "| htmx site | yes |" in document
    assert "| htmx site | old |" not in document
    assert document.index("| FastHTML | old |") < document.index("| htmx site |") < document.index("| Zope | old |")
    assert "Gone" not in document, "an application that is no longer seen"
    assert document.endswith(f"{END}\nafter")


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("code.jquery.com", "/jquery-3.7.1.min.js"),
        ("cdn.jsdelivr.net", "/gh/gnat/css-scope-inline@main/script.js"),
        ("cdn.jsdelivr.net", "/npm/no-such-package@1/x.js"),
        ("unpkg.com", "/htmx.org/../../package.json"),
    ],
)
def test_no_library_is_made_up(host: str, path: str) -> None:
    assert library(host, path) is None
