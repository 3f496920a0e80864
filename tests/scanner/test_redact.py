"""Scans without what may open a session."""

from __future__ import annotations

import json
import re
from html import escape
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cookie_consent.exchange.content_type import content_type_of
from cookie_consent.scanner.as_dict import as_dict
from cookie_consent.scanner.collector import Collector
from cookie_consent.scanner.judge import judge
from cookie_consent.scanner.links import Site, parsed
from cookie_consent.scanner.model import Carrier, Initiator, Limit, ObservedApi, ObservedSnippet, ScannedPage, Sighting
from cookie_consent.scanner.reader import PageReader, make_classifier
from cookie_consent.scanner.redact import Redaction
from cookie_consent.scanner.reports.har import har
from cookie_consent.scanner.reports.html import html_report
from cookie_consent.scanner.reports.junit import junit_report
from cookie_consent.scanner.reports.sarif import sarif_report
from cookie_consent.scanner.reports.table import table
from cookie_consent.scanner.reports.text import findings_text
from cookie_consent.scanner.set_cookies import cookies_of
from cookie_consent.scanner.visit import Additions, Visit
from tests.scanner.made import cookie, policy, request, scan

SECRET = "s3cr3t"
ADDRESS = f"https://me:{SECRET}@shop.example/reset?token={SECRET}&page={SECRET}#{SECRET}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://a.example/", "https://a.example/"),
        ("https://a.example/x?token=abc&b", "https://a.example/x?token=*&*"),
        ("https://a.example?c2VjcmV0cw==", "https://a.example?*"),
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
        ("no address: a?b c=d", "no address: a?b c=d"),
        ("it is at https://a.example/b?q=o'x&session_key=s3.", "it is at https://a.example/b?q=*&session_key=*."),
        ("see https://a.example/cb#access_token=HEAD.PAYLOAD.SIG", "see https://a.example/cb"),
        ("at https://a.example/it's?s3cr3t", "at https://a.example/it's?*"),
        ("at https://a.example/r;token=o's3cr3t", "at https://a.example/r;token=*"),
        ("at https://a.example/(S(s3cr3t))/x", "at https://a.example/(*)/x"),
        ("at https://a.example/?supersecretpassphrase", "at https://a.example/?*"),
        ("fetch('/api?token=s3')", "fetch('/api?token=*')"),
        ('fetch("/api?q=o\'x&token=s3\\"y z",1)', 'fetch("/api?q=*&token=*",1)'),
        ("fetch(`/api?s3 s3`,1)", "fetch(`/api?*`,1)"),
        ("fetch('/reset;s3 s3',1)", "fetch('/reset;*',1)"),
        ("fetch('/cb#s3')", "fetch('/cb')"),
        ("u=//a.example/?token=s3", "u=//a.example/?token=*"),
        (r"u='https:\/\/me:s3@a.example\/?token=s3'", "u='https://a.example/?token=*'"),
        ("// don't\nu+'&token=s3'", "// don't\nu+'&token=*'"),
        ("go(b+?token=s3);x;sid=s3;", "go(b+?token=*;"),
        ("a;sid=s3;b", "a;sid=*;b"),
        ("a&sid=s3)", "a&sid=*)"),
        ("x=='undefined'?y:z", "x=='undefined'?y:z"),
    ],
)
def test_addresses_in_texts(text: str, expected: str) -> None:
    assert Redaction().text(text) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("", ""),
        ("about:blank", "about:blank"),
        ("/shop/", "/shop/"),  # a cookie's path
        ("https://a.example/b?q=o'x&session_key=s3", "https://a.example/b?q=*&session_key=*"),
        ("https://a.example/cb#access_token=HEAD.PAYLOAD.SIG", "https://a.example/cb"),
        ("https://a.example/r;token=s3/x;s3;jsessionid=s3?a", "https://a.example/r;token=*/x;*;jsessionid=*?*"),
        ("https://a.example/(S(s3)F(s3))/x", "https://a.example/(*)/x"),
        ('https://me:o"s 3@a.example/?"s 3', "https://a.example/?*"),
        ("https://me:s3@[::1/?a=\ns3", "https://[::1/?a=*"),  # not well-formed
        ("blob:https://a.example/8f1c", "blob:https://a.example/8f1c"),
    ],
)
def test_an_address_is_redacted_by_its_parts(address: str, expected: str) -> None:
    assert Redaction().address(address) == expected


def test_directives_of_a_policy_are_no_parameters() -> None:
    page = ScannedPage(address="https://a.example/")
    page.content_security_policy = "img-src https://a.example;report-uri https://a.example/r?k=s3;sid=s3;font-src *"
    Redaction().scan(scan(pages=[page]))
    shown = "img-src https://a.example;report-uri https://a.example/r?k=*;sid=*;font-src *"
    assert page.content_security_policy == shown


MARK = "zqx7"
"""Stands between all characters of a secret, so that none of its pieces may be shown."""
PLACES = ("?token={}", "?page=1&token={}", "?{}", "#{}", "#access_token={}", "?a=1#{}", ";token={}", "/b;{}/c")


@settings(max_examples=60, deadline=None)
@given(
    where=st.sampled_from(PLACES),
    characters=st.text(st.sampled_from(".,;:!'\"`()[]{}<>@$*+-_~^|\\ %?#Aé"), max_size=5),
)
def test_no_output_holds_a_secret_of_an_address(where: str, characters: str) -> None:
    secret = MARK.join(["", *characters, ""])
    if ";" in where:
        secret = secret.replace("\\", "")  # which is a slash, and ends a parameter
    written = where.format(secret)
    plain = where.format(quote(secret, safe="!'()*:@.~"))  # as browsers, policies and sentences have it
    address = parsed(f"https://shop.example/reset{written}")
    assert address is not None
    visit = Visit(page=ScannedPage(address=str(address), landed=f"https://shop.example/reset{written}"))
    visit.page.error = f"it redirects to {'/reset' + written!r}, or to https://shop.example/reset{plain}, which"
    visit.page.notes = [f"It opened https://shop.example/reset{plain}."]
    reader = PageReader(address, Site(address), visit, make_classifier(policy()))
    reader.header(
        "content-security-policy", f"img-src 'self'; report-uri https://a.test/r{plain.replace(';', '%3B')}; font-src *"
    )
    reader.begin(content_type_of(b"text/html"))
    script = f"fetch({json.dumps('/a' + written)});go({json.dumps('//a.test/b' + written)})".replace("<", "\\u003c")
    single = "go('https:\\/\\/a.test\\/b{}')".format(re.sub(r"(['\\])", r"\\\1", written).replace("<", "\\x3c"))
    markup = [f"<title>Go to https://a.test/{escape(plain)}</title>"]
    markup += [f"<script>{each};fbq('init','1')</script>" for each in (script, single)]
    for attribute in ("<img src", "<script src", "<iframe src", "<link rel=stylesheet href", "<form action"):
        markup += [f'{attribute}="{base}{escape(written)}"></script></iframe>' for base in ("/a", "https://a.test/a")]
    reader.feed("".join(markup).encode(), final=True)
    made = scan(is_empty=True, site=str(address), landed=str(address))
    visit.cookies += cookies_of(["a=b"], address._replace(path=f"{address.path}/c"))
    Additions(Collector(made)).add(visit)
    assert len(made.requests) > 5
    assert len(made.snippets) == 2
    Redaction(policy()).scan(made)
    judgement = judge(made, policy())
    outputs = [json.dumps(as_dict(made)), json.dumps(har(made)), sarif_report(made, judgement.findings)]
    outputs += [junit_report(made, judgement.findings), html_report(judgement), findings_text(judgement.findings)]
    outputs += ["\n".join(table(judgement)), json.dumps([finding.as_dict() for finding in judgement.findings])]
    for output in outputs:
        assert MARK not in output.lower(), output[max(0, output.lower().index(MARK) - 200) :][:400]


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
