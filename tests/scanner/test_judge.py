"""What is wrong on a scanned site."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent.policy import parse_policy
from cookie_consent.scanner.finding import KINDS, Kind, Severity
from cookie_consent.scanner.judge import judge
from cookie_consent.scanner.model import Carrier, ConsentTool, Limit, Mode, ObservedApi, Phase, ScannedPage
from tests.scanner.made import ALL_PHASES, SITE, cookie, key, policy, request, scan, seen, snippet

if TYPE_CHECKING:
    from cookie_consent.scanner.finding import Finding

GA = "https://www.google-analytics.com/analytics.js"
DAY = 86_400


def found(judgement: Any, kind: Kind) -> list[Finding]:
    return [finding for finding in judgement.findings if finding.kind is kind]


def test_every_kind_has_a_title_and_advice() -> None:
    assert set(KINDS) == set(Kind)
    assert all(title and advice.endswith(".") for title, advice in KINDS.values())


@pytest.mark.parametrize(
    ("thing", "kind", "severity", "service"),
    [
        (cookie("_ga"), Kind.UNDECLARED_COOKIE, Severity.ERROR, "google-analytics"),
        (cookie("__Secure-_ga"), Kind.UNDECLARED_COOKIE, Severity.ERROR, "google-analytics"),
        (cookie("csrftoken"), Kind.UNDECLARED_COOKIE, Severity.WARNING, "django"),  # necessary, but not declared
        (cookie("odd_name"), Kind.UNDECLARED_COOKIE, Severity.WARNING, ""),
        (request(GA), Kind.UNDECLARED_HOST, Severity.ERROR, "google-analytics"),
        (request("https://unknown.example/x.js"), Kind.UNDECLARED_HOST, Severity.WARNING, ""),
        (key("_hjSession_1"), Kind.UNDECLARED_STORAGE, Severity.ERROR, "hotjar"),
        (key("odd_key"), Kind.UNDECLARED_STORAGE, Severity.WARNING, ""),
        (snippet("facebook-pixel"), Kind.UNDECLARED_SNIPPET, Severity.ERROR, "facebook-pixel"),
        # A path of a known service on the site's own host.
        (
            request("https://shop.example/matomo.php", queries=["idsite=1&rec=1"]),
            Kind.UNDECLARED_HOST,
            Severity.ERROR,
            "matomo-cloud",
        ),
    ],
    ids=lambda value: getattr(value, "name", None) or getattr(value, "address", None),
)
def test_what_is_not_declared_is_found_until_its_lines_are_in_the_policy(
    thing: Any, kind: Kind, severity: Severity, service: str
) -> None:
    finding = found(judge(scan(thing), policy()), kind)[0]
    assert (finding.severity, finding.service) == (severity, service)
    assert finding.sightings
    assert finding.initiators
    document = tomllib.loads(f'version = "1"\n{finding.lines}')
    assert found(judge(scan(thing), parse_policy(document, source="test")), kind) == []


def test_the_sites_own_hosts_and_this_packages_own_things_are_not_found() -> None:
    things = (
        cookie("__Host-cookie_consent"),
        cookie("cookie_consent", Phase.UNDECIDED),
        key("cookie_consent.said"),
        request("https://shop.example/a.js", Phase.UNDECIDED),
        request("https://cdn.shop.example/a.js", Phase.UNDECIDED),
        request("https://shop.example/_consent/assets/banner.js", Phase.UNDECIDED),
    )
    judgement = judge(scan(*things), policy())
    assert not [finding for finding in judgement.findings if finding.fails]
    assert judgement.is_gated
    assert not judge(scan(cookie("csrftoken")), policy()).is_gated


@pytest.mark.parametrize("domain", ["tracker.example", "shop.example.evil.example"])
@pytest.mark.parametrize("name", ["csrftoken", "PHPSESSID", "sessionid", "cookie_consent", "__Host-cookie_consent"])
def test_the_name_of_a_necessary_cookie_makes_none_of_another_host_necessary(name: str, domain: str) -> None:
    judgement = judge(scan(cookie(name, Phase.UNDECIDED, domain=domain)), policy())
    (thing,) = judgement.things
    assert not thing.verdict.known
    assert not thing.is_declared
    assert not thing.is_ours
    assert found(judgement, Kind.UNDECLARED_COOKIE)
    assert found(judgement, Kind.BEFORE_CONSENT)


def test_a_cookie_of_a_known_host_is_of_its_service() -> None:
    judgement = judge(scan(cookie("whatever", domain="www.google-analytics.com")), policy())
    assert [thing.verdict.service for thing in judgement.things] == ["google-analytics"]


def test_what_an_undeclared_host_stores_is_told_with_the_host() -> None:
    things = (
        request("https://x.example/p.gif"),
        cookie("id", domain="x.example"),
        key("k", origin="https://x.example"),
    )
    kinds = [finding.kind for finding in judge(scan(*things), policy()).findings if finding.fails]
    assert kinds == [Kind.UNDECLARED_HOST]


def test_a_cookie_of_another_host_is_declared_with_its_domain() -> None:
    thing = cookie("odd", domain="x.example")
    (finding,) = found(judge(scan(thing), policy()), Kind.UNDECLARED_COOKIE)
    document = tomllib.loads(finding.lines)
    assert document["cookies"][0]["domain"] == "x.example"
    assert not found(judge(scan(thing), policy(finding.lines)), Kind.UNDECLARED_COOKIE)


def test_names_with_ids_are_one_finding() -> None:
    things = [cookie(f"cart_{number}00000") for number in range(10, 20)]
    (finding,) = found(judge(scan(*things), policy()), Kind.UNDECLARED_COOKIE)
    assert finding.subject == "cookie cart_*"
    assert finding.count == 10


def test_a_fingerprint_does_not_depend_on_the_page_the_phase_or_the_sites_host() -> None:
    one = found(judge(scan(cookie("odd")), policy()), Kind.UNDECLARED_COOKIE)[0]
    elsewhere = scan(cookie("odd", Phase.REFUSED, domain="127.0.0.1"), site="http://127.0.0.1:8000/")
    other = found(judge(elsewhere, policy()), Kind.UNDECLARED_COOKIE)[0]
    assert one.fingerprint == other.fingerprint
    assert one.fingerprint != found(judge(scan(cookie("other")), policy()), Kind.UNDECLARED_COOKIE)[0].fingerprint


@pytest.mark.parametrize(
    ("phase", "kind"),
    [(Phase.UNDECIDED, Kind.BEFORE_CONSENT), (Phase.REFUSED, Kind.AFTER_REFUSAL), (Phase.ACCEPTED, None)],
)
@pytest.mark.parametrize("make", [lambda phase: cookie("_ga", phase), lambda phase: request(GA, phase)])
def test_what_needs_consent_is_found_without_it(make: Any, phase: Phase, kind: Kind | None) -> None:
    judgement = judge(scan(make(phase)), policy("[services.google-analytics]"))
    wrong = [finding for finding in judgement.findings if finding.kind in {Kind.BEFORE_CONSENT, Kind.AFTER_REFUSAL}]
    assert [(finding.kind, finding.severity) for finding in wrong] == ([(kind, Severity.ERROR)] if kind else [])


@pytest.mark.parametrize(
    ("thing", "severity", "is_said"),
    [
        (request(GA, Phase.UNDECIDED), Severity.NOTE, True),
        (request(GA, Phase.REFUSED), Severity.ERROR, False),
        (cookie("_ga", Phase.UNDECIDED), Severity.ERROR, False),  # what it stores is held all the same
    ],
)
def test_advanced_mode_is_noted(thing: Any, severity: Severity, is_said: bool) -> None:  # noqa: FBT001
    lines = '[services.google-analytics]\nconsent_mode = "advanced"'
    judgement = judge(scan(thing), policy(lines))
    kinds = {Kind.BEFORE_CONSENT, Kind.AFTER_REFUSAL}
    (finding,) = [finding for finding in judgement.findings if finding.kind in kinds]
    assert finding.severity is severity
    assert finding.message.endswith(": the policy has it in advanced mode.") is is_said


def test_a_necessary_service_may_be_used_before_consent() -> None:
    judgement = judge(scan(request("https://js.stripe.com/v3", Phase.UNDECIDED)), policy("[services.stripe]"))
    assert not found(judgement, Kind.BEFORE_CONSENT)


def test_what_pages_only_name_is_a_note() -> None:
    thing = request(GA, Phase.UNDECIDED, is_made=False)
    (finding,) = found(judge(scan(thing, mode=Mode.HTTP), policy()), Kind.BEFORE_CONSENT)
    assert finding.severity is Severity.NOTE


def test_what_nobody_knows_and_pages_only_name_is_told_once() -> None:
    thing = request("https://odd.example/x.js", Phase.UNDECIDED, is_made=False)
    judgement = judge(scan(thing, mode=Mode.HTTP), policy())
    assert [finding.kind for finding in judgement.findings if "odd.example" in finding.message] == [
        Kind.UNDECLARED_HOST
    ]


def test_of_the_pages_themselves_it_is_said_that_it_was_them() -> None:
    things = [
        replace(request("https://odd.example/x.js", Phase.UNDECIDED), **seen(Phase.UNDECIDED, by=by, address=address))
        for by, address in (("markup", SITE), ("markup", SITE), ("header", SITE), ("script", f"{SITE}a.js"))
    ]
    (finding,) = found(judge(scan(*things), policy()), Kind.UNDECLARED_HOST)
    assert finding.setters == ("the page's markup", "the page's headers", f"script {SITE}a.js")


@pytest.mark.parametrize(
    ("mode", "lifetime", "expected"),
    [("session", None, 0), ("session", 60.0, 1), ("allow", 60.0, 0), ("ask", None, 1), ("block", None, 1)],
)
def test_unknown_cookies_are_wrong_before_consent_as_the_policy_says(
    mode: str, lifetime: float | None, expected: int
) -> None:
    thing = cookie("odd", Phase.UNDECIDED, lifetime=lifetime)
    judgement = judge(scan(thing), policy(unknown_cookies=mode))
    assert len(found(judgement, Kind.BEFORE_CONSENT)) == expected


def test_what_the_middleware_prevents_fails_a_check_only_where_it_runs() -> None:
    bare = judge(scan(cookie("_ga", Phase.UNDECIDED, lifetime=700 * DAY)), policy("[services.google-analytics]"))
    assert bare.fails
    assert not bare.for_declarations().fails
    own = cookie("cookie_consent")
    gated = judge(scan(cookie("_ga", Phase.UNDECIDED), own), policy("[services.google-analytics]"))
    assert gated.for_declarations().fails


@pytest.mark.parametrize(
    ("declared", "lifetime", "expected"),
    [
        ('category = "preferences"\nmax_age = "30d"', 40 * DAY, 1),
        ('category = "preferences"\nmax_age = "30d"', 30 * DAY, 0),
        ('category = "preferences"', 4000 * DAY, 0),
        ('category = "session"', 10 * DAY, 1),  # ends with the browser
        ('category = "session"', None, 0),
        ('category = "analytics"', 500 * DAY, 1),  # the category's limit is 13 months
    ],
)
def test_a_cookie_that_lives_longer_than_declared(declared: str, lifetime: float | None, expected: int) -> None:
    declaring = policy(f'[[cookies]]\nname = "own"\n{declared}')
    assert len(found(judge(scan(cookie("own", lifetime=lifetime)), declaring), Kind.OUTLIVED)) == expected


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ('[services.google-analytics]\ncategory = "session"', Severity.ERROR),
        ('[services.google-analytics]\ncategory = "preferences"', Severity.WARNING),
        ('[services.google-analytics]\ncategory = "advertising"', None),  # stricter
        ("[services.google-analytics]", None),
        ('[[cookies]]\nname = "_ga"\ncategory = "session"', Severity.ERROR),
        ('[[cookies]]\nname = "_ga_*"\ncategory = "login"', Severity.WARNING),
        ('[[cookies]]\nname = "own"\ncategory = "session"', None),
        # A known host under another name, in a category of the site's own that is always on.
        (
            '[categories.needed]\nrequired = true\nname = "N"\npurpose = "P"\nconsequence = "C"\n'
            '[services.mine]\nname = "Mine"\ncategory = "needed"\nhosts = ["www.google-analytics.com"]',
            Severity.ERROR,
        ),
        (
            '[services.mine]\nname = "Mine"\ncategory = "session"\ncookies = [{name = "_fbp"}]',
            Severity.ERROR,
        ),
    ],
)
def test_a_more_lenient_category_than_is_known(text: str, severity: Severity | None) -> None:
    wrong = found(judge(scan(), policy(text)), Kind.WRONG_CATEGORY)
    assert [finding.severity for finding in wrong] == ([severity] if severity else [])
    assert all(finding.key for finding in wrong)


CLOAKED = request("https://m.shop.example/t", aliases=("shop.example.sc.omtrdc.net",), carrier=Carrier.IMAGE)


def test_a_service_behind_one_of_the_sites_own_hosts() -> None:
    judgement = judge(scan(CLOAKED), policy())
    (finding,) = found(judgement, Kind.CLOAKED)
    assert finding.severity is Severity.ERROR
    assert finding.service
    (undeclared,) = found(judgement, Kind.UNDECLARED_HOST)
    again = judge(scan(CLOAKED), policy(undeclared.lines))
    assert not [finding for finding in again.findings if finding.fails]
    # Declared by its name alone, the service's hosts are known, but not this one.
    by_name = judge(scan(CLOAKED), policy(f"[services.{finding.service}]"))
    assert found(by_name, Kind.CLOAKED)[0].severity is Severity.ERROR


def test_hosting_is_no_cloak() -> None:
    thing = request("https://www.shop.example/", aliases=("shop.cdn.jsdelivr.net", "cdn.jsdelivr.net"))
    judgement = judge(scan(thing), policy())
    assert not judgement.fails


@pytest.mark.parametrize(
    ("mode", "phases", "expected"),
    [(Mode.BROWSER, ALL_PHASES, 2), (Mode.HTTP, ALL_PHASES, 0), (Mode.BROWSER, (Phase.UNDECIDED,), 0)],
)
def test_what_is_declared_and_was_not_seen(mode: Mode, phases: tuple[Phase, ...], expected: int) -> None:
    text = '[services.google-analytics]\n[services.hotjar]\n[[cookies]]\nname = "own"\ncategory = "session"'
    judgement = judge(scan(cookie("_ga"), mode=mode, phases=phases), policy(text))
    missed = found(judgement, Kind.MISSING)
    assert len(missed) == expected
    assert not any(finding.fails for finding in missed)


def test_scripts_that_read_out_the_device() -> None:
    def judged(script: str, text: str = "", *phases: Phase) -> Severity:
        api = ObservedApi(name="canvas", script=script, **seen(*phases))
        return found(judge(scan(api), policy(text)), Kind.FINGERPRINTING)[0].severity

    assert judged("https://x.example/f.js") is Severity.WARNING
    assert judged("https://shop.example/f.js") is Severity.NOTE
    declared = "[services.google-analytics]"
    assert judged(GA, declared) is Severity.NOTE
    assert judged(GA, declared, Phase.UNDECIDED) is Severity.WARNING


@pytest.mark.parametrize(
    ("state", "phase", "severity"),
    [
        ("gcs=G100", Phase.UNDECIDED, Severity.NOTE),
        ("gcs=G111", Phase.UNDECIDED, Severity.ERROR),
        ("gcs=G101", Phase.REFUSED, Severity.ERROR),
        ("gcs=G111", Phase.ACCEPTED, Severity.NOTE),
    ],
)
def test_signals_that_say_more_than_the_visitor(state: str, phase: Phase, severity: Severity) -> None:
    tool = ConsentTool(name="Google Consent Mode", state=state, **seen(phase))
    assert [finding.severity for finding in found(judge(scan(tool), policy()), Kind.CONSENT_MODE)] == [severity]


def test_another_consent_tool() -> None:
    other = ConsentTool(name="Other CMP", **seen())
    assert found(judge(scan(other), policy()), Kind.CONSENT_TOOL)[0].severity is Severity.NOTE
    own = ConsentTool(name="cookie_consent", **seen())
    (finding,) = found(judge(scan(other, own), policy()), Kind.CONSENT_TOOL)
    assert finding.severity is Severity.WARNING


def test_session_cookies_without_their_attributes() -> None:
    text = '[[cookies]]\nname = "own"\ncategory = "session"'
    (finding,) = found(judge(scan(cookie("own")), policy(text)), Kind.INSECURE_COOKIE)
    assert "Secure and HttpOnly" in finding.message
    assert not finding.fails
    safe = cookie("own", secure=True, http_only=True)
    assert not found(judge(scan(safe), policy(text)), Kind.INSECURE_COOKIE)


def test_pages_that_could_not_be_read() -> None:
    pages = [
        ScannedPage(address=SITE, error="timeout"),
        ScannedPage(address=f"{SITE}a", status=404),
        ScannedPage(address=f"{SITE}b", status=200),
    ]
    unread = found(judge(scan(pages=pages), policy()), Kind.NOT_READ)
    assert [finding.severity for finding in unread] == [Severity.ERROR, Severity.NOTE]
    assert judge(scan(is_empty=True), policy()).fails


def test_findings_are_in_the_order_of_their_weight() -> None:
    things = (cookie("odd"), cookie("_ga", Phase.UNDECIDED), CLOAKED)
    severities = [finding.severity for finding in judge(scan(*things), policy()).findings]
    assert severities == sorted(severities, key=list(Severity).index)


def test_hostile_names_and_many_of_them() -> None:
    names = ["\x00\x1b[31m", "a" * 2000, "{hex}", "*", "\ud800", "<script>", '"', "\u202e", "", "{" * 50, "a*b*c*d*"]
    things: list[Any] = [make(name) for name in names for make in (cookie, key)]
    things += [cookie(name, domain=domain) for name in names for domain in ("", "[", "*.x", "é.example", "1.2.3.4")]
    things += [replace(request(GA), host=host, address=f"https://{host}/") for host in ("[", "", "*", "a b", "::1")]
    judgement = judge(scan(*things, site="http://["), policy())
    for finding in judgement.findings:
        tomllib.loads(finding.lines)
        parse_policy({"version": "1", **tomllib.loads(finding.lines)}, source="test")
        assert finding.fingerprint


def test_notes_are_bounded_and_errors_are_not() -> None:
    pages = [ScannedPage(address=f"{SITE}{number}", status=404) for number in range(1000)]
    judgement = judge(scan(*[cookie(f"odd{'x' * number}") for number in range(50)], pages=pages), policy())
    assert len(found(judgement, Kind.NOT_READ)) < 300
    assert len(found(judgement, Kind.UNDECLARED_COOKIE)) == 50


@pytest.mark.parametrize(
    "thing", [request(GA, Phase.UNDECIDED, is_made=False), snippet("facebook-pixel", Phase.UNDECIDED)]
)
def test_what_pages_only_name_is_no_use_before_consent_in_a_browser(thing: Any) -> None:
    assert found(judge(scan(thing), policy()), Kind.BEFORE_CONSENT) == []
    (told,) = found(judge(scan(thing, mode=Mode.HTTP), policy()), Kind.BEFORE_CONSENT)
    assert told.severity is Severity.NOTE  # there nobody can say more


def test_where_a_form_leads_needs_no_declaration_but_what_is_loaded_from_there_does() -> None:
    form = request("https://pay.test/", carrier=Carrier.FORM, is_made=False)
    assert found(judge(scan(form), policy()), Kind.UNDECLARED_HOST) == []
    both = judge(scan(form, request("https://pay.test/a.js")), policy())
    assert len(found(both, Kind.UNDECLARED_HOST)) == 1


def test_the_absence_of_the_middleware_fails_where_it_is_required() -> None:
    judgement = judge(scan(cookie("_ga", Phase.UNDECIDED)), policy("[services.google-analytics]"))
    (absent,) = found(judgement.for_declarations(), Kind.NOT_GATED)
    assert not absent.fails
    assert not judgement.for_declarations().fails
    required = judgement.for_declarations(requires_gate=True)
    assert [one.severity for one in found(required, Kind.NOT_GATED)] == [Severity.ERROR]
    assert [one.severity for one in found(required, Kind.BEFORE_CONSENT)] == [Severity.ERROR]
    gated = judge(scan(cookie("cookie_consent", Phase.UNDECIDED)), policy()).for_declarations(requires_gate=True)
    assert not gated.fails
    assert found(gated, Kind.NOT_GATED) == []


@pytest.mark.parametrize(
    ("name", "value", "fails"),
    [
        ("--seconds", "300", True),
        ("--total-bytes", "1", True),
        ("browser", "3", True),
        ("--no-robots", "https://shop.example", True),  # nothing else of the host was read
        ("--no-robots", "robots.txt", False),
        ("--pages", "100", False),
        ("--depth", "5", False),
        ("cookies", "10000", False),
    ],
)
def test_a_scan_that_ended_early_is_told(name: str, value: str, *, fails: bool) -> None:
    judgement = judge(scan(limits=[Limit(name=name, value=value, note="more was not read")]), policy())
    (finding,) = found(judgement, Kind.INCOMPLETE)
    assert finding.fails is fails
    assert finding.message == f"The scan reached {name} {value}: more was not read."


def test_what_is_told_by_a_later_query_or_by_an_element_is_found() -> None:
    hit = request("https://shop.example/c", Phase.UNDECIDED, queries=["a=1", "b=2", "v=2&tid=G-1&gtm=1&en=x"])
    script = request("https://shop.example/s.js", Phase.UNDECIDED, services=["umami-cloud"])
    judgement = judge(scan(hit, script), policy())
    services = {finding.service for finding in found(judgement, Kind.UNDECLARED_HOST)}
    assert "umami-cloud" in services
    text = '[services.n]\nname = "N"\ncategory = "analytics"\n[[services.n.own]]\npath = "/c"\nquery = ["b=2"]'
    assert "n" in {thing.verdict.service for thing in judge(scan(hit), policy(text)).things}
    # On other hosts the marks say nothing: there the host decides.
    other = request("https://x.example/s.js", services=["umami-cloud"])
    assert [thing.verdict.service for thing in judge(scan(other), policy()).things] == [None]
