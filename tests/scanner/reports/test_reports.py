"""Findings as SARIF, JUnit, text and a page."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import html5lib
import jsonschema
import pytest

from cookie_consent.scanner.compare import compare, phases_of
from cookie_consent.scanner.finding import KINDS, Finding, Kind, Severity
from cookie_consent.scanner.judge import judge
from cookie_consent.scanner.model import Initiator, Limit, Phase, ScannedPage
from cookie_consent.scanner.reports.html import html_report
from cookie_consent.scanner.reports.junit import junit_report
from cookie_consent.scanner.reports.sarif import sarif_report
from cookie_consent.scanner.reports.text import findings_text
from tests.scanner.made import ALL_PHASES, SITE, cookie, key, policy, request, scan

if TYPE_CHECKING:
    from cookie_consent.scanner.judge import Judgement

SCHEMA = json.loads((Path(__file__).parent / "sarif.schema.json").read_text("utf-8"))
GA = "https://www.google-analytics.com/analytics.js"
HOSTILE = (
    "<script>alert(1)</script>",
    "\x00\x1b[31mred\x07",
    "]]>&amp;</failure>",
    "\ud800\udfff\ufffe",
    "\u202egnp.exe",
    '"><img src=x onerror=alert(1)>',
    "a" * 5000,
    "{{ 7*7 }}",
    "[link](javascript:alert(1))",
)


def pictured(page: ScannedPage, folder: Path, size: int) -> ScannedPage:
    file = folder / "picture.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * size)
    page.screenshots[Phase.UNDECIDED] = file
    return page


def hostile() -> Judgement:
    things: list[Any] = []
    for text in HOSTILE:
        by = [Initiator(by=text, address=text, line=3)]
        things += [cookie(text, domain=text, initiators=by), key(text), cookie(text, Phase.UNDECIDED, initiators=by)]
    pages = [ScannedPage(address=text, title=text, error=text) for text in HOSTILE]
    for page in pages:
        page.screenshots[Phase.UNDECIDED] = Path(__file__)
    limits = [Limit(name=text, value=text, note=text) for text in HOSTILE]
    return judge(scan(*things, pages=pages, limits=limits, unseen=list(HOSTILE)), policy())


def usual() -> Judgement:
    return judge(
        scan(cookie("odd"), cookie("_ga", Phase.UNDECIDED), request(GA, Phase.UNDECIDED, Phase.ACCEPTED)), policy()
    )


@pytest.mark.parametrize("make", [usual, hostile])
@pytest.mark.parametrize("file", [None, "conf/é consent.toml"])
def test_sarif_is_valid(make: Any, file: str | None) -> None:
    judgement = make()
    log = json.loads(sarif_report(judgement.scan, judgement.findings, policy_file=file))
    jsonschema.validate(log, SCHEMA)
    (run,) = log["runs"]
    assert len(run["results"]) == len(judgement.findings)
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == [kind.value for kind in KINDS]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]


def test_sarif_stands_at_the_page_or_at_the_declaration() -> None:
    text = 'version = "1"\n\n[services.google-analytics]\ncategory = "session"\n'
    judgement = judge(scan(cookie("odd")), policy(text))
    results = json.loads(sarif_report(judgement.scan, judgement.findings))["runs"][0]["results"]
    uris = {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in results}
    assert uris == {SITE}
    log = sarif_report(judgement.scan, judgement.findings, policy_file="consent.toml", policy_text=text)
    places = {one["ruleId"]: one["locations"][0] for one in json.loads(log)["runs"][0]["results"]}
    wrong = places["wrong-category"]["physicalLocation"]
    assert wrong["region"]["startLine"] == 3
    assert wrong["artifactLocation"]["uri"] == "consent.toml"
    assert places["undeclared-cookie"]["logicalLocations"][0]["fullyQualifiedName"] == SITE


def test_the_schema_here_refuses_what_is_no_sarif() -> None:
    log = json.loads(sarif_report(usual().scan, usual().findings))
    log["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(log, SCHEMA)


@pytest.mark.parametrize("make", [usual, hostile])
def test_junit_is_xml_and_counts_what_fails(make: Any) -> None:
    judgement = make()
    text = junit_report(judgement.scan, judgement.findings)
    root = ET.fromstring(text.encode())  # noqa: S314 - our own
    assert int(root.attrib["failures"]) == len(root.findall(".//failure")) == sum(f.fails for f in judgement.findings)
    assert int(root.attrib["tests"]) == len(root.findall(".//testcase"))
    assert {suite.attrib["name"] for suite in root} == {kind.value for kind in Kind}
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e\ufffe]", text)


@pytest.mark.parametrize("make", [usual, hostile])
def test_text_has_no_control_characters(make: Any) -> None:
    text = findings_text(make().findings)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e\ud800-\udfff]", text)
    assert "undeclared-cookie" in text


def elements(page: str) -> Any:
    return html5lib.parse(page, namespaceHTMLElements=False)


def test_a_page_holds_hostile_names_as_text_and_nothing_of_them_is_markup() -> None:
    page = html_report(hostile())
    tree = elements(page)
    assert tree.findall(".//script") == []
    assert tree.findall(".//img") == []  # what is no PNG is left out
    assert [name for element in tree.iter() for name in element.attrib if name.startswith("on")] == []
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e\ud800-\udfff]", page)
    assert "{{ 7*7 }}" in page
    assert "<script>alert(1)</script>" in "".join(tree.itertext())


def test_a_page_fetches_nothing(tmp_path: Path) -> None:
    pages = [pictured(ScannedPage(address=SITE, status=200), tmp_path, 100)]
    page = html_report(judge(scan(cookie("odd"), pages=pages), policy()))
    tree = elements(page)
    assert [image.attrib["src"][:22] for image in tree.findall(".//img")] == ["data:image/png;base64,"]
    assert tree.findall(".//link") == []
    assert tree.findall(".//a") == []
    assert "url(" not in page
    assert "@import" not in page
    policies = [meta.attrib["content"] for meta in tree.findall(".//meta") if "http-equiv" in meta.attrib]
    assert len(policies) == 1
    assert policies[0].startswith("default-src 'none'; style-src 'sha256-")


def test_a_picture_that_is_gone_is_left_out(tmp_path: Path) -> None:
    page = pictured(ScannedPage(address=SITE, status=200), tmp_path, 100)
    page.screenshots[Phase.UNDECIDED].unlink()
    assert "<img " not in html_report(judge(scan(cookie("odd"), pages=[page]), policy()))


def test_screenshots_are_bounded(tmp_path: Path) -> None:
    pages = [pictured(ScannedPage(address=f"{SITE}{number}"), tmp_path, 3_000_000) for number in range(50)]
    page = html_report(judge(scan(pages=pages), policy()))
    assert len(page) < 12_000_000
    assert page.count("<img ") == 2


def test_many_findings_make_no_endless_page() -> None:
    things = [cookie(f"odd{'x' * (number % 50)}{chr(97 + number % 26)}") for number in range(3000)]
    page = html_report(judge(scan(*things), policy()))
    assert len(page) < 2_000_000
    assert "more</p>" in page


def test_headings_are_in_order_and_ids_are_unique() -> None:
    tree = elements(html_report(usual()))
    levels = [int(element.tag[1]) for element in tree.iter() if re.fullmatch("h[1-6]", str(element.tag))]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [element.attrib["id"] for element in tree.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids))


def test_what_keeps_the_choice_is_no_unknown_thing() -> None:
    page = html_report(judge(scan(cookie("cookie_consent")), policy()))
    text = " ".join("".join(elements(page).itertext()).split())
    assert "Strictly necessary (session)" in text
    assert "Nobody knows" not in text
    assert "Unknown" not in text


def test_phases_side_by_side() -> None:
    things = (
        cookie("_ga", Phase.UNDECIDED, Phase.ACCEPTED),
        cookie("cookie_consent", Phase.REFUSED),
        request(GA, Phase.ACCEPTED),
        request("https://www.google-analytics.com/collect", Phase.ACCEPTED, Phase.UNDECIDED),
        request("https://x.example/a.js", Phase.UNDECIDED, is_made=False),
    )
    found = phases_of(judge(scan(*things, phases=ALL_PHASES), policy()))
    assert found.columns == ("before an answer", "after refusing", "after accepting")
    rows = dict(found.rows)
    assert rows["Cookies"] == (1, 0, 1)  # this package's own does not count
    assert rows["Hosts of others that were contacted"] == (1, 0, 1)
    assert found.parties == (("google-analytics", (1, 0, 2)),)


def test_before_and_after() -> None:
    before = judge(scan(cookie("_ga", Phase.UNDECIDED), request(GA, Phase.UNDECIDED)), policy())
    after = judge(scan(cookie("cookie_consent")), policy())
    found = compare(before, after, names=("without", "with"))
    assert found.columns == ("before an answer, without", "before an answer, with")
    assert dict(found.rows)["Cookies that are not necessary"] == (1, 0)
    page = html_report(before, comparison=found)
    assert "before an answer, without" in page
    assert "google-analytics" in page


def test_every_kind_and_severity_can_be_shown() -> None:
    findings = [
        Finding(kind=kind, severity=severity, subject="x", message="m") for kind in Kind for severity in Severity
    ]
    judgement = usual().with_findings(findings)
    page = html_report(judgement)
    assert all(title in page.replace("&#39;", "'") for title, _ in KINDS.values())
    assert all(kind.value in findings_text(findings) for kind in Kind)
