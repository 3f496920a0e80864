from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent import Consent, Policy
from cookie_consent.gate.csp.policies import LARGEST_POLICY, ContentSecurityPolicies
from cookie_consent.gate.csp.sources import HostSource, fit
from cookie_consent.policy import Service, parse_policy
from cookie_consent.policy.classifier import Classifier
from cookie_consent.policy.host_pattern import is_below
from cookie_consent.policy.site_domain import site_domain
from tests.gate.csp.matching import allows

if TYPE_CHECKING:
    from collections.abc import Iterable

EVERYTHING = ("session", "login", "preferences", "analytics", "advertising", "social", "unclassified")

REGISTERED = ("google-analytics", "microsoft-ads", "youtube", "facebook-pixel", "hotjar")
NAMED = frozenset({*REGISTERED, "chat", "code", "many"})
"""What the answered notices have named: services of the registry, and the tests' own."""


def made(**document: Any) -> ContentSecurityPolicies:
    document = {"version": "1", "gate": {"csp": "enforce"}, **document}
    policy = parse_policy(document, source="test")
    return ContentSecurityPolicies(Classifier(policy), report_path="/_consent/report")


def header(
    policies: ContentSecurityPolicies,
    *granted: str,
    services: dict[str, bool] | None = None,
    named: frozenset[str] | None = NAMED,
    **place: Any,
) -> str:
    """Return the policy of a state of consent; empty where there is none."""
    consent = Consent(
        policy=Policy(version="1"), granted=frozenset({"session", *granted}), services=services or {}, named=named
    )
    sent = dict(policies.headers(consent, **{"host": "site.test", **place}))
    return sent.get(b"content-security-policy", b"").decode("ascii")


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://site.test/a.js", True),
        ("http://site.test/a.js", True),  # the page's host, by http as well
        ("https://site.test:8443/a", True),  # and on another port
        ("wss://site.test/socket", True),
        ("ws://site.test:9000/socket", True),
        ("https://sub.site.test/", False),  # the policy says that the site is shop.example
        ("https://a.b.shop.example/", True),  # a host of the site's domain
        ("wss://a.shop.example:9000/", True),
        ("https://cdn.shop.example/a", True),  # first_party
        ("https://a.static.example:444/", True),
        ("https://static.example/", False),  # *.static.example is its subdomains
        ("https://shop.example/", True),  # site
        ("data:image/png,", True),
        ("blob:https://site.test/1", True),
        ("about:invalid", True),  # what the guard lets a held request ask for
        ("https://www.google-analytics.com/collect", False),
        ("https://unknown.test/", False),
        ("https://evil-site.test/", False),
    ],
)
def test_before_consent(url: str, allowed: bool) -> None:  # noqa: FBT001
    policies = made(site="shop.example", first_party=["cdn.shop.example", "*.static.example"])
    assert allows(header(policies), url) is allowed
    assert allows(header(policies), url, page="http://site.test/") is allowed


@pytest.mark.parametrize(
    "host", ["github.io", "co.uk", "test", "127.0.0.1", "[::1]", "x" * 260 + ".test", "*.test", "a;b.test"]
)
def test_no_wildcard_for_a_suffix_or_an_address(host: str) -> None:
    assert f"*.{host}" not in header(made(), host=host)


LABELS = st.sampled_from(["a", "site", "test", "co", "uk", "github", "io", "amazonaws", "com", "kobe", "jp", "1"])
MADE = made()


@given(st.lists(LABELS, max_size=5).map(".".join))
def test_every_wildcard_for_the_site_is_of_a_domain_of_one_owner(host: str) -> None:
    own = header(MADE, host=host).partition(" data:")[0]
    wildcards = {part.partition("://*.")[2].removesuffix(":*") for part in own.split() if "://*." in part}
    assert wildcards == {site_domain(host)} - {None}


def test_inline_code_and_reports() -> None:
    policies = made()
    text = header(policies, root_path="/a b")
    assert "'unsafe-inline' 'unsafe-eval'" in text
    assert text.endswith("; report-uri /a%20b/_consent/report")
    consent = Consent(policy=Policy(version="1"), granted=frozenset({"session"}))
    secure = dict(policies.headers(consent, host="site.test", secure=True))
    assert secure[b"content-security-policy"].endswith(b"; report-to cookie-consent")
    assert secure[b"reporting-endpoints"] == b'cookie-consent="/_consent/report"'


@pytest.mark.parametrize(
    ("granted", "services", "url", "allowed"),
    [
        (["analytics"], {}, "https://www.google-analytics.com/g/collect", True),  # known to the registry only
        (["analytics"], {}, "https://www.google-analytics.com:8443/g", True),
        (["analytics"], {}, "https://bat.bing.com/", False),  # advertising
        (["analytics"], {"google-analytics": False}, "https://www.google-analytics.com/", False),
        ([], {"youtube": True}, "https://www.youtube.com/embed/x", True),
        ([], {"youtube": True}, "https://www.facebook.com/plugins/", False),
        (["preferences"], {}, "https://chat.example/a", True),  # declared
        (["preferences"], {}, "wss://chat.example/socket", True),
        (["preferences"], {}, "https://maps.example/embed/1", True),  # a folder
        (["preferences"], {}, "https://maps.example/other", False),
        (["preferences"], {}, "https://maps.example/tr?id=1", True),  # a prefix that ends within a name
        (["preferences"], {}, "https://maps.example/tr/1", True),
        (["preferences"], {}, "https://maps.example/track", False),  # which CSP cannot express
        (["preferences"], {}, "https://maps.example/a,b;c/1", True),  # what would end the source or the directive
        (["preferences"], {}, "https://unpkg.com/x", False),  # the site says: analytics
        (["analytics"], {}, "https://unpkg.com/x", True),
    ],
)
def test_after_consent(granted: list[str], services: dict[str, bool], url: str, allowed: bool) -> None:  # noqa: FBT001
    hosts = ["chat.example", "maps.example/embed/", "maps.example/tr", "maps.example/a,b;c/"]
    policies = made(
        services={
            "chat": {"name": "Chat", "category": "preferences", "hosts": hosts},
            "code": {"name": "Code", "category": "analytics", "hosts": ["unpkg.com"]},
        }
    )
    assert allows(header(policies, *granted, services=services), url) is allowed


def test_nothing_refused_needs_no_policy() -> None:
    assert header(made(), *EVERYTHING, named=None) == ""
    assert header(made(), *EVERYTHING)
    assert header(made(), *EVERYTHING, named=None, services={"youtube": False})
    assert header(made(unknown_hosts="block"), *EVERYTHING, named=None)
    assert header(made(unknown_hosts="allow"), *EVERYTHING[:-1], named=None) == ""


@pytest.mark.parametrize(
    ("rule", "granted", "allowed"),
    [
        ("allow", (), True),
        ("ask", ("unclassified",), True),
        ("ask", ("analytics",), False),
        ("block", ("unclassified",), False),
    ],
)
def test_unknown_hosts_are_allowed_as_they_are_observed(rule: str, granted: tuple[str, ...], allowed: bool) -> None:  # noqa: FBT001
    policies = made(unknown_hosts=rule)
    assert not allows(header(policies, *granted, named=None), "https://met.test/a.js")
    policies.observe(["met.test", "evil.test; script-src *", "a, b"])
    assert allows(header(policies, *granted, named=None), "https://met.test/a.js") is allowed
    assert allows(header(policies, *granted, named=None), "wss://met.test/a.js") is allowed
    assert "evil" not in header(policies, *granted, named=None)
    assert not allows(header(policies, *granted, named=None), "https://bat.bing.com/")


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("met.test", ""),
        ("bat.bing.com", "bing-ads"),  # of the registry
        ("code.example", "code"),  # of the policy
        ("a.wide.example", "code"),  # by a pattern
    ],
)
def test_a_host_that_was_agreed_to_by_name_is_held_once_its_service_is_known(host: str, service: str) -> None:
    hosts = ["code.example", "*.wide.example"]
    policies = made(services={"code": {"name": "Code", "category": "analytics", "hosts": hosts}})
    url, named = f"https://{host}/a.js", frozenset({host})
    assert allows(header(policies, services={host: True}, named=frozenset()), url) is not bool(service)
    assert allows(header(policies, "unclassified", named=named), url) is not bool(service)
    # The service itself is asked about.
    assert allows(header(policies, "analytics", "advertising", named=named | {service}), url) is bool(service)


def test_hosts_met_are_bounded_and_the_latest_are_kept() -> None:
    policies = made(unknown_hosts="allow")
    for number in range(2000):
        policies.observe([f"h{number}.{'x' * 40}.test"])
    text = header(policies)
    assert len(text) <= LARGEST_POLICY
    assert allows(text, f"https://h1999.{'x' * 40}.test/")
    assert not allows(text, f"https://h0.{'x' * 40}.test/")


@pytest.mark.parametrize(
    "host",
    [
        "x.test; script-src *",  # another directive
        "x.test, default-src *",  # another policy
        "*",
        "x.test *",
        "x.test\r\nset-cookie: a=b",
        "[::1]",  # cannot be written; 'self' stands for it
        "a" * 300,
        "b\u00fccher.test",
        "",
    ],
)
def test_hostile_host_headers_change_nothing(host: str) -> None:
    assert header(made(), host=host).startswith("default-src 'self' data: ")


def test_report_only_and_off() -> None:
    consent = Consent(policy=Policy(version="1"), granted=frozenset({"session"}))
    names = [name for name, _ in made(gate={"csp": "report-only"}).headers(consent, host="x")]
    assert names == [b"content-security-policy-report-only"]
    assert made(gate={"csp": "off"}).headers(consent, host="x") == ()


LABEL = st.text("abcdefghij-", min_size=1, max_size=20).map(lambda text: f"x{text}x")
HOST = st.builds(".".join, st.lists(LABEL, min_size=2, max_size=4))
PATTERN = st.builds(str.__add__, st.sampled_from(["", "", "*."]), HOST)
PATH = st.sampled_from(["", "", "", "/a/", "/tr", "/a?b=", "/\u00e9;,/"])
SOURCE = st.builds(HostSource, host=PATTERN, path=PATH, service=st.sampled_from(["one", "two"]))
FAMILY = st.builds(
    lambda domain, labels, service: [
        HostSource(host=domain, service=service),
        *(HostSource(host=f"{label}.{domain}", service=service) for label in labels),
    ],
    HOST,
    st.lists(LABEL, max_size=30),
    st.sampled_from(["one", "two"]),
)
SOURCES = st.lists(FAMILY, max_size=12).flatmap(
    lambda families: st.lists(SOURCE, max_size=60).map(lambda single: [*single, *(s for f in families for s in f)])
)


def address(source: HostSource, scheme: str = "https") -> str:
    return f"{scheme}://{source.host.replace('*', 'any')}{source.path.partition('?')[0] or '/'}"


def has_below(sources: Iterable[HostSource], domain: str) -> bool:
    return any(is_below(source.host, domain) for source in sources)


@given(SOURCES, st.lists(SOURCE, max_size=8), st.integers(0, 3000))
def test_the_size_is_kept_and_what_is_granted_matches(
    granted: list[HostSource], refused: list[HostSource], size: int
) -> None:
    text, left_out = fit(granted, size, has_refused_below=partial(has_below, refused))
    policy = f"default-src {text}"
    assert len(text) <= size
    left = {source.host for source in left_out}
    for source in granted:
        is_left = source.host in left or any(is_below(source.host, host[2:]) for host in left if host[0] == "*")
        assert is_left or allows(policy, address(source))
    unfolded = fit(granted, 1_000_000)[0]
    for source in refused:  # folding opens no host of a refused service
        assert allows(policy, address(source)) <= allows(f"default-src {unfolded}", address(source))
    if len(unfolded) <= size:
        assert (text, left_out) == (unfolded, ())
        assert all(allows(policy, address(source, "wss")) for source in granted)


def test_hosts_are_folded_to_a_domain_of_the_same_service_only() -> None:
    def sources(service: str, *hosts: str) -> list[HostSource]:
        return [HostSource(host=host, service=service) for host in hosts]

    shop = sources("shop", "shop.example", *(f"server{number}.shop.example" for number in range(20)))
    suffix = sources("uk", *(f"a{number}.co.uk" for number in range(5)))
    text, left_out = fit([*shop, *suffix], 300)
    assert not left_out
    assert "*.shop.example:*" in text
    assert "*.co.uk" not in text
    other = sources("other", "deep.server.shop.example")
    text, left_out = fit([*shop, *suffix], 300, has_refused_below=partial(has_below, other))
    assert "*.shop.example" not in text
    assert left_out


@pytest.mark.parametrize(("count", "own"), [(0, 0), (30, 10), (500, 0), (0, 500)])
def test_the_header_is_bounded_whatever_is_declared(count: int, own: int) -> None:
    hosts = tuple(f"host{number}.of-some-length.example" for number in range(count))
    service = Service(id="many", name="Many", category="analytics", hosts=hosts)
    first_party = tuple(f"own{number}.{'x' * 40}.example" for number in range(own))
    policy = Policy(version="1", services=(service,), first_party=first_party)
    policy = policy.model_copy(update={"gate": policy.gate.model_copy(update={"csp": "enforce"})})
    policies = ContentSecurityPolicies(Classifier(policy), report_path="/_consent/report")
    text = header(policies, *EVERYTHING[:-1], host="h" * 255, root_path="/root" * 50)
    assert len(text) <= LARGEST_POLICY
    assert text.endswith("/_consent/report")
    consent = Consent(policy=policy, granted=frozenset(EVERYTHING[:-1]), named=NAMED)
    assert bool(policies.left_out(consent)) == (500 in {count, own})


def test_what_has_no_room_is_refused() -> None:
    hosts = [f"host{number}.example" for number in range(40)]
    policies = made(services={"many": {"name": "Many", "category": "analytics", "hosts": hosts}})
    text = header(policies, "analytics", named=None)  # the whole registry
    assert len(text) <= LARGEST_POLICY
    consent = Consent(policy=Policy(version="1"), granted=frozenset({"session", "analytics"}))
    left_out = policies.left_out(consent)
    assert len(left_out) > 100
    for host in left_out:
        assert not allows(text, f"https://{host.replace('*', 'any')}/"), host
    assert not allows(text, "https://bat.bing.com/")


def test_a_service_with_many_hosts_leaves_room_for_others() -> None:
    many = [HostSource(host=f"many.{number}.example", service="many") for number in range(500)]
    others = [HostSource(host=f"{number}.other.example", service=f"other{number}") for number in range(40)]
    text, left_out = fit([*many, *others], 2000)
    assert {source.service for source in left_out} == {"many"}
    assert left_out[-1] is many[-1]
    for source in (many[0], *others):
        assert allows(f"default-src {text}", address(source)), source.host
