from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.gate.html.refresh import refresh_addresses
from cookie_consent.gate.html.urls import target

SPACES = "\t\n\f\r "
DIGITS = "0123456789"


@pytest.mark.parametrize(
    ("value", "addresses"),
    [
        ("5", []),
        ("0;", []),
        ("0; url=/next", ["/next"]),
        (" 0 , URL = '/next' ", ["/next"]),
        ("0 /next", ["/next"]),
        (".;/next", ["/next"]),  # no digits, but a dot
        (";url=/next", []),  # no time
        ("soon; url=/next", []),
        ("-1; url=/next", []),
        ("0x; url=/next", []),
        ("\v0;url=/next", ["/next"]),  # Chromium reads a time without the white space of Unicode around it
        ("0.5.5;/next", ["/next"]),
        ("0;url", ["url"]),  # without "=" it is an address
        ("0;url /next", ["url /next"]),
        ("0;u='/next'", ["u='/next'"]),
        ("0;url=http://a.test'@x.test/", ["http://a.test'@x.test/"]),  # a quote at the beginning only opens
        ("0;'http://a.test'@x.test/'", ["http://a.test", "http://a.test'@x.test/"]),  # Chromium ends at the last quote
        ("0;'//x.test", ["//x.test"]),
        ("0;\"//x.test'", ["//x.test'"]),
        ("0;''//x.test", ["'//x.test"]),  # the standard reads nothing between the quotes
        ("0, url=//x.test", ["//x.test"]),  # as two header lines are joined
        ("0;, url=//x.test", [", url=//x.test"]),
        ("0;url=\turl=//x.test", ["url=//x.test"]),
    ],
)
def test_where_it_leads(value: str, addresses: list[str]) -> None:
    assert refresh_addresses(value) == addresses


def skipped(value: str, at: int, characters: str) -> int:
    while at < len(value) and value[at] in characters:
        at += 1
    return at


def after_separator(value: str, at: int) -> int:
    at = skipped(value, at, SPACES)
    return skipped(value, at + (value[at : at + 1] in {";", ","}), SPACES)


def standard(value: str) -> str:
    """Follow the standard's steps one by one."""
    start = skipped(value, 0, SPACES)
    at = skipped(value, start, DIGITS)
    if at == start and value[at : at + 1] != ".":
        return ""
    at = skipped(value, at, DIGITS + ".")
    if at < len(value) and value[at] not in ";," + SPACES:
        return ""
    return standard_address(value[after_separator(value, at) :])


def standard_address(text: str) -> str:
    at = 0
    if text[:1] in {"U", "u"}:
        for letters in ({"U", "u"}, {"R", "r"}, {"L", "l"}):
            if text[at : at + 1] not in letters:
                return text
            at += 1
        at = skipped(text, at, SPACES)
        if text[at : at + 1] != "=":
            return text
        at = skipped(text, at + 1, SPACES)
    quote = text[at : at + 1]
    return text[at + 1 :].partition(quote)[0] if quote in {"'", '"'} else text[at:]


def chromium(value: str) -> str:
    """Follow the loops of Chromium's ``ParseHTTPRefresh``."""
    start = at = skipped(value, 0, SPACES)
    while at < len(value) and value[at] not in ";," + SPACES:
        at += 1
    digits, _, rest = value[start:at].strip().partition(".")
    number = digits + rest.partition(".")[0]
    if at == len(value) or not set(digits + rest) <= set(DIGITS + ".") or not number:
        return ""
    return chromium_address(value[after_separator(value, at) :])


def chromium_address(text: str) -> str:
    at, end = 0, len(text)
    if text[:3].lower() == "url":
        at = skipped(text, 3, SPACES)
        at = skipped(text, at + 1, SPACES) if text[at : at + 1] == "=" else 0
    if text[at : at + 1] in {"'", '"'}:
        quote = text[at]
        at += 1
        while end > at:
            end -= 1
            if text[end] == quote:
                break
        if end == at:
            end = len(text)
    return text[at:end]


PIECES = (
    "0", "1", ".", ";", ",", " ", "\t", "\n", "\f", "\v", "\xa0", "url", "URL", "u", "r", "=", "'", '"', "//x.test/",
    "//a.test'@x.test", "/a",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=10).map("".join))
def test_both_readings_are_taken(value: str) -> None:
    expected = [address for address in (standard(value), chromium(value)) if address]
    assert refresh_addresses(value) == list(dict.fromkeys(expected))


@given(st.text(max_size=20), st.sampled_from(["", "'", '"', "url=", "url='", 'URL = "']), st.text(max_size=5))
def test_no_host_is_missed(path: str, before: str, after: str) -> None:
    address = f"//x.test/{path}".replace("'", "").replace('"', "")
    hosts = {found[0] for read in refresh_addresses(f"0;{before}{address}{after}") if (found := target(read, "a.test"))}
    assert hosts == {"x.test"}
