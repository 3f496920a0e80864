"""Scans without what may open a session."""

from __future__ import annotations

import json

import pytest

from cookie_consent.scanner.as_dict import as_dict
from cookie_consent.scanner.judge import judge
from cookie_consent.scanner.model import Carrier, Initiator, Limit, ObservedApi, ObservedSnippet, ScannedPage, Sighting
from cookie_consent.scanner.redact import Redaction
from cookie_consent.scanner.reports.har import har
from tests.scanner.made import cookie, policy, request, scan

SECRET = "s3cr3t"
ADDRESS = f"https://me:{SECRET}@shop.example/reset?token={SECRET}&page={SECRET}#{SECRET}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://a.example/", "https://a.example/"),
        ("https://a.example/x?token=abc&b", "https://a.example/x?token=*&b"),
        ("https://a.example?x=", "https://a.example?x="),
        ("https://a.example/?12345678901234567890=1", "https://a.example/?*=*"),
        ("https://a.example/?" + "k" * 50, "https://a.example/?*"),
        ("https://u:p@a.example/", "https://a.example/"),
        ("https://u:p@q@a.example/", "https://a.example/"),
        ("wss://u@a.example:81/x#a=b", "wss://a.example:81/x"),
        (
            "it leads to https://a.example/?a=1, which is another",
            "it leads to https://a.example/?a=*, which is another",
        ),
        ("report-uri https://a.example/?k=1; img-src https:", "report-uri https://a.example/?k=*; img-src https:"),
        ("f('https://a.example/?k=1','x')", "f('https://a.example/?k=*','x')"),
        ("https://shop.example/g?tid=G-ABC&cid=1", "https://shop.example/g?tid=G-ABC&cid=*"),  # tells Google Analytics
        ("no address: a?b=c", "no address: a?b=c"),
    ],
)
def test_addresses_in_texts(text: str, expected: str) -> None:
    assert Redaction().text(text) == expected


def test_nothing_of_a_scan_holds_a_secret() -> None:
    by = [Initiator(by="script", address=ADDRESS, stack=(ADDRESS, ADDRESS))]
    seen = [Sighting(page=ADDRESS)]
    page = ScannedPage(address=ADDRESS, landed=ADDRESS, error=f"it redirects to {ADDRESS}", notes=[ADDRESS])
    page.content_security_policy = f"report-uri {ADDRESS}"
    made = scan(
        cookie("a", initiators=by, sightings=seen),
        request("https://shop.example/g", queries=[f"token={SECRET}", f"token={SECRET}2"], frame=ADDRESS),
        ObservedApi(name="canvas", script=ADDRESS),
        ObservedSnippet(service="facebook-pixel", excerpt=f"load('{ADDRESS}')"),
        site=ADDRESS,
        landed=ADDRESS,
        pages=[page],
        limits=[Limit(name="document", value=ADDRESS, note=ADDRESS)],
        unseen=[f"{ADDRESS} was not seen."],
    )
    Redaction(policy()).scan(made)
    judgement = judge(made, policy())
    written = [as_dict(made), har(made), [finding.as_dict() for finding in judgement.findings]]
    assert SECRET not in json.dumps(written)
    assert made.requests[0].queries == ["token=*"]
    assert made.pages[0].address == "https://shop.example/reset?token=*&page=*"


def test_values_are_kept_if_wanted_and_credentials_never() -> None:
    made = scan(request("https://shop.example/g", queries=["token=abc"]), site="https://u:p@shop.example/?a=b#c")
    Redaction(policy(), keep_queries=True).scan(made)
    assert made.requests[0].queries == ["token=abc"]
    assert made.site == "https://shop.example/?a=b#c"


def test_what_a_policy_tells_by_a_value_is_told_afterwards() -> None:
    text = (
        '[services.counter]\nname = "Counter"\ncategory = "analytics"\n'
        '[[services.counter.own]]\npath = "*/hit"\nquery = ["kind=view*"]'
    )
    made = scan(request("https://shop.example/hit", carrier=Carrier.IMAGE, queries=["kind=view1&who=me"]))
    Redaction(policy(text)).scan(made)
    assert made.requests[0].queries == ["kind=view1&who=*"]
    assert [thing.verdict.service for thing in judge(made, policy(text)).things] == ["counter"]
