"""What the text of a script names in literals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.scanner.script import script_evidence

COOKIES = [
    ('document.cookie = "seen=1; path=/"', ("seen",)),
    ("document.cookie='a=1';document . cookie\n=\n`b=${x}`", ("a", "b")),
    ('window.document["cookie"] = "c = 1"', ("c",)),
    ('cookieStore.set("d", 1); cookieStore.set({name: "e", value: 1})', ("d", "e")),
    ("Cookies.set('f', 1)", ("f",)),
    ('if (document.cookie == "g=1") {}', ()),  # a comparison
    ('document.cookie.indexOf("h=")', ()),
    ('document.cookie = "i"', ()),  # no name that could be read
    ('document.cookie = "__Host-j=1"', ("__Host-j",)),
    ('document.cookies = "k=1"', ()),
]


@pytest.mark.parametrize(("text", "names"), COOKIES)
def test_cookies(text: str, names: tuple[str, ...]) -> None:
    assert script_evidence(text).cookies == names


STORAGE = [
    ('localStorage.setItem("a", 1); sessionStorage.setItem(`b:c d`, 2)', ("a", "b:c d")),
    ("localStorage['c'] = 1; localStorage['d'] == 1; localStorage['e']", ("c",)),
    ('indexedDB.open("f"); caches . open( "g" )', ("f", "g")),
    ('localStorage.getItem("h")', ()),
    ('mylocalStorage.setItem("i", 1)', ()),
]


@pytest.mark.parametrize(("text", "names"), STORAGE)
def test_storage(text: str, names: tuple[str, ...]) -> None:
    assert script_evidence(text).storage == names


def test_names_that_are_computed_are_counted() -> None:
    found = script_evidence(
        "document.cookie = name + '=1'; document.cookie = `${a}=1`; Cookies.set(x, 1); localStorage.setItem(key, 1)"
    )
    assert (found.cookies, found.storage) == ((), ())
    assert (found.computed_cookies, found.computed_storage) == (3, 1)


HOSTS = [
    ('"https://a.example/x.js"', ("a.example",)),
    ("'//b.example'", ("b.example",)),
    ("`wss://c.example:8443/socket`", ("c.example",)),
    (r'{"src": "https:\/\/d.example\/x"}', ("d.example",)),
    ('"https://E.example?x"', ("e.example",)),
    ("// see https://f.example/", ()),  # no literal
    ('"/local/x.js", "https://", "http://localhost/"', ()),
    ('"x https://g.example/"', ()),
]


@pytest.mark.parametrize(("text", "hosts"), HOSTS)
def test_hosts(text: str, hosts: tuple[str, ...]) -> None:
    assert script_evidence(text).hosts == hosts


@given(
    st.text()
    | st.lists(st.sampled_from(["document", ".cookie", "=", '"', "'", "`", "a", "//", "\\", " "])).map("".join)
)
def test_no_text_breaks_it(text: str) -> None:
    found = script_evidence(text)
    for name in (*found.cookies, *found.storage, *found.hosts):
        assert 0 < len(name) <= 253


@pytest.mark.parametrize(
    "piece", ['"', "document", "document .", "document.cookie=", '"//a.', "localStorage[ ", "Cookies.set({ ", '"\\']
)
def test_time_is_linear(piece: str) -> None:
    """A megabyte of it, and a megabyte of spaces behind it: with quadratic time nobody would wait for the end."""
    script_evidence(piece * (1_000_000 // len(piece)))
    script_evidence((piece + " " * 1000) * 1000)
