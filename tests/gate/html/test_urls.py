from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.gate import target


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/x?y#z", ("a.example", "/x?y#z")),
        ("//a.example", ("a.example", "/")),
        ("/\\a.example/x", ("a.example", "/x")),  # backslashes are slashes in special schemes
        ("\\\\a.example", ("a.example", "/")),
        ("///a.example/x", ("a.example", "/x")),  # so many slashes count as two
        ("https:a.example", ("a.example", "/")),
        ("hTTps:/\\/a.example", ("a.example", "/")),
        (" \t\nhttps://a.example", ("a.example", "/")),
        ("ht\ntps://a.ex\tample/x", ("a.example", "/x")),  # tabs and newlines are dropped
        ("\x00\x1fhttps://a.example", ("a.example", "/")),
        ("https://page.example@a.example/", ("a.example", "/")),  # userinfo
        ("https://page.example:pw@a.example:8443/", ("a.example", "/")),
        ("https://a.example:/x", ("a.example", "/x")),
        ("https://A.EXAMPLE./", ("a.example", "/")),
        ("https://%61.example/", ("a.example", "/")),
        ("https://bücher.example/", ("xn--bcher-kva.example", "/")),
        ("https://ａ.example/", ("a.example", "/")),  # fullwidth letters
        ("https://faß.example/", ("xn--fa-hia.example", "/")),  # not "fass": browsers map without transition
        ("https://a。example/", ("a.example", "/")),  # an ideographic full stop is a dot
        ("https://a\u00ad.example/", ("a.example", "/")),  # soft hyphens are dropped
        ("https://☕.example/", ("xn--53h.example", "/")),  # IDNA 2008 has no such name, browsers do
        ("https://a.example/x y", ("a.example", "/x y")),
        ("https://a.example/\\x", ("a.example", "//x")),
        ("https://a.example?x", ("a.example", "/?x")),
        ("https://a.example\\@page.example/", ("a.example", "/@page.example/")),
        ("wss://a.example/x", ("a.example", "/x")),
        ("https://[::1]:80/x", ("[::1]", "/x")),
        ("https://a.example/x/../y?z/../z", ("a.example", "/y?z/../z")),  # dot segments are resolved, but for the query
        ("https://a.example/./x/%2E%2e/.y/..z/.?.", ("a.example", "/.y/..z/?.")),
        ("https://a.example/../../x/..", ("a.example", "/")),
        ("https://a.example/x/.\\..\\y", ("a.example", "/y")),
        ("https://a.example//../y#/../z", ("a.example", "/y#/../z")),
        ("/x/../y", ("page.example", "/y")),
        ("../y", ("page.example", "/../y")),  # in which folder is not known here
        ("/x", ("page.example", "/x")),
        ("x", ("page.example", "/x")),
        ("?x", ("page.example", "/?x")),
        ("", ("page.example", "/")),
        ("data:text/html,x", None),
        ("blob:https://a.example/1", None),
        ("about:blank", None),
        ("https://#consent/analytics//https://a.example/", None),  # no host, so no address
        ("https://", None),
        ("//?x", None),
        ("\\/\\#x", None),
        ("https:?x", ("", "/?x")),  # with the same scheme it is the base's: held all the same
        ("https:/?x", ("", "/?x")),
        ("JavaScript:1", None),
    ],
)
def test_target(url: str, expected: tuple[str, str] | None) -> None:
    assert target(url, "page.example") == expected


@given(st.lists(st.sampled_from(["x", "", ".", "..", "%2e", ".%2E", ".x"]), max_size=6))
def test_dot_segments_are_resolved_as_browsers_do(segments: list[str]) -> None:
    path = "/" + "/".join(segments)
    plain = [segment.lower().replace("%2e", ".") for segment in segments]
    kept: list[str] = []
    for segment in plain:  # URL standard, section 4.4, path state
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if plain and plain[-1] in {".", ".."}:
        kept.append("")
    assert target(f"https://a.example{path}", "page.example") == ("a.example", "/" + "/".join(kept))


@given(st.text(max_size=80))
def test_any_text_is_survived(url: str) -> None:
    found = target(url, "page.example")
    assert found is None or found[1].startswith("/")
