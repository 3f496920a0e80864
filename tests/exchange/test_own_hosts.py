"""Hosts of the site's own domain, from the page to the report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import HTMLResponse

from cookie_consent.endpoints.reports.store import ReportStore
from cookie_consent.policy.classifier import Classifier
from cookie_consent.testing import ConsentClient, make_policy
from tests.gate.csp.matching import allows

if TYPE_CHECKING:
    from cookie_consent.endpoints.reports import Finding

pytestmark = pytest.mark.anyio

CSP = "content-security-policy"
OWN = (
    "<!doctype html><head><link rel=stylesheet href='https://static.site.test/a.css'></head>"
    "<img src='https://site.test/logo.png'><script src='https://cdn.site.test/app.js'></script>"
    "<style>a{background:url(//img.site.test:8443/a.png)}</style><img src=//WWW.SITE.TEST./b>"
)


def findings(client: ConsentClient) -> list[Finding]:
    client.site.reports.flush()
    return ReportStore(client.ledger).read()


async def test_hosts_of_the_pages_domain_pass_untouched_and_are_listed() -> None:
    async with ConsentClient(HTMLResponse(OWN), base_url="https://www.site.test") as client:
        page = await client.get("/")
        body = {"path": "/", "held": [{"kind": "host", "name": "api.site.test"}, {"kind": "host", "name": "x.test"}]}
        assert (await client.post("/_consent/report", json=body)).status_code == 204
        found = {
            (each.observation.name, each.observation.directive, each.observation.reason) for each in findings(client)
        }
    for piece in OWN.split("</head>"):
        assert piece.removeprefix("<!doctype html><head>") in page.text
    assert "data-consent=" not in page.text
    assert ' data-site="site.test"' in page.text
    for url in (
        "https://static.site.test/a.css",
        "https://site.test/",
        "wss://a.b.site.test:9/",
        "http://cdn.site.test/",
    ):
        assert allows(page.headers[CSP], url, page="http://www.site.test/"), url
    assert not allows(page.headers[CSP], "https://evilsite.test/", page="https://www.site.test/")
    assert found == {
        ("static.site.test", "link", "own"),
        ("site.test", "img", "own"),
        ("cdn.site.test", "script", "own"),
        ("img.site.test", "style", "own"),
        ("api.site.test", "script", "own"),
        ("x.test", "script", "undeclared"),
    }


@pytest.mark.parametrize(
    ("host", "policy"),
    [
        ("a.github.io", {}),
        ("github.io", {}),
        ("127.0.0.1:8000", {}),
        ("www.site.test", {"first_party_site": False}),
        ("evil.test", {"site": "shop.example"}),  # the policy says which site it is, whatever Host says
    ],
)
async def test_what_is_not_of_the_same_site_is_held(host: str, policy: dict[str, Any]) -> None:
    name = host.partition(":")[0]
    others = ["b.github.io", "1.127.0.0.1", "x.127.0.0.1", "cdn.site.test", f"cdn.{name}", "x.test"]
    others = [other for other in others if not (other == "cdn.a.github.io" and name == "a.github.io")]
    page = "".join(f"<img src='https://{other}/'>" for other in others)
    async with ConsentClient(HTMLResponse(page), policy=make_policy(**policy), base_url=f"https://{host}") as client:
        answer = await client.get("/")
    assert answer.text.count("data-consent-src=") == len(others)
    if name != "a.github.io" and not policy.get("site"):
        assert "data-site=" not in answer.text
    for other in others:
        assert not allows(answer.headers[CSP], f"https://{other}/", page=f"https://{host}/"), other
    assert "*.github.io" not in answer.headers[CSP]


PROXIED = {"host": "127.0.0.1:8000", "x-forwarded-host": "shop.example", "x-forwarded-proto": "https"}


@pytest.mark.parametrize("base", ["", "<base href='https://shop.example/en/'>"])
async def test_a_proxy_that_replaces_host(base: str) -> None:
    page = (
        f"<!doctype html><head>{base}<link rel=stylesheet href='https://shop.example/static/site.css'></head>"
        "<img src='https://img.shop.example/logo.png'><img src='http://127.0.0.1:8000/a'><img src=/own>"
    )
    async with ConsentClient(
        HTMLResponse(page), policy=make_policy(site="shop.example"), base_url="https://x.test"
    ) as client:
        answer = await client.get("/", headers=PROXIED)
        held = {"path": "/", "held": [{"kind": "host", "name": "cdn.shop.example"}]}
        origin = {**PROXIED, "origin": "https://shop.example"}
        assert (await client.post("/_consent/report", json=held, headers=origin)).status_code == 204
        violation = {
            "document-uri": "https://shop.example/",
            "blocked-uri": "https://x.test/a.js",
            "effective-directive": "script-src",
        }
        content, sent = json.dumps({"csp-report": violation}), {**origin, "content-type": "application/csp-report"}
        assert (await client.post("/_consent/report", content=content, headers=sent)).status_code == 204
        choice = await client.post(
            "/_consent/choices", json={"granted": []}, headers={**origin, "accept": "application/json"}
        )
        found = {(each.observation.name, each.observation.reason) for each in findings(client)}
    assert "data-consent=" not in answer.text
    assert 'src="/_consent/assets/guard.' in answer.text
    assert ' data-site="shop.example"' in answer.text
    for url in ("https://shop.example/static/site.css", "https://img.shop.example/", "wss://shop.example/"):
        assert allows(answer.headers[CSP], url, page="https://shop.example/"), url
    assert choice.status_code == 200
    assert found == {("img.shop.example", "own"), ("cdn.shop.example", "own"), ("x.test", "undeclared")}


async def test_cookies_of_the_sites_domain_are_deleted_where_a_proxy_replaces_host() -> None:
    refused = {"name": "theme", "category": "preferences"}
    for site, host, domains in (
        ("www.shop.example", "127.0.0.1:8000", {"", "www.shop.example", "shop.example"}),
        ("*.shop.example", "app:8000", {"", "shop.example"}),
        ("shop.example", "www.shop.example", {"", "www.shop.example", "shop.example"}),  # it is not replaced
        ("shop.example", "shop.other", {"", "shop.other", "shop.example"}),
        (None, "127.0.0.1:8000", {""}),
    ):
        policy = make_policy(site=site, cookies=[refused]) if site else make_policy(cookies=[refused])
        async with ConsentClient(HTMLResponse("<p>a"), policy=policy, base_url="https://x.test") as client:
            answer = await client.get("/", headers={**PROXIED, "host": host, "cookie": "theme=1"})
        sent = [value for value in answer.headers.get_list("set-cookie") if value.startswith("theme=;")]
        assert {value.partition("; Domain=")[2].partition(";")[0] for value in sent} == domains, (site, host)


async def test_a_beacon_that_the_guard_held_on_an_own_host_is_reported_with_its_service() -> None:
    held = [
        ("www.shop.example", "matomo-cloud"),  # the page's own host
        ("img.shop.example", "matomo-cloud"),
        ("api.shop.example", "of-nobody"),
        ("www.shop.example", "of-nobody"),
        ("www.shop.example", "x" * 9000),
        ("other.test", "matomo-cloud"),  # that of another host is found out here
    ]
    entries: list[dict[str, Any]] = [{"kind": "host", "name": name, "service": service} for name, service in held]
    body = {"path": "/a", "held": [*entries, {"kind": "host", "name": "www.shop.example", "service": 1}]}
    tag = "<img src='/matomo.php?idsite=1&rec=1'>"
    policy = make_policy(site="www.shop.example")
    async with ConsentClient(HTMLResponse(tag), policy=policy, base_url="https://www.shop.example") as client:
        assert (await client.post("/_consent/report", json=body)).status_code == 204
        posted = findings(client)
        await client.get("/", headers={"accept": "text/html"})
        every = findings(client)
    seen = {(each.observation.name, each.observation.service, each.observation.reason) for each in posted}
    assert seen == {
        ("www.shop.example", "matomo-cloud", "undeclared"),
        ("img.shop.example", "matomo-cloud", "undeclared"),
        ("api.shop.example", "", "own"),
        ("other.test", "", "undeclared"),
    }
    assert {each.observation.directive for each in every if each.observation.service == "matomo-cloud"} == {
        "script",
        "img",
    }
    named = [each for each in every if each.observation.service == "matomo-cloud"]
    assert all(each.is_open(Classifier(policy)) for each in named)
    declared = make_policy(site="www.shop.example", services={"matomo-cloud": {}})
    assert not any(each.is_open(Classifier(declared)) for each in named)
