"""What changes for visitors from one policy to the next."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cookie_consent.policy import Change, Policy, changes, parse_policy, registry
from cookie_consent.policy.lasting import other_categories

MIRRORED = {
    "category-offered": "category-emptied",
    "category-emptied": "category-offered",
    "category-added": "category-removed",
    "category-optional": "category-required",
    "purpose-added": "purpose-removed",
    "service-added": "service-removed",
    "cookie-added": "cookie-removed",
    "storage-added": "storage-removed",
    "longer": "shorter",
    "service-ahead": "service-held",
}
MIRRORED |= {there: here for here, there in MIRRORED.items()}
BASE = """
version = "1"
controller = { name = "Shop Ltd." }
[categories.analytics]
max_age = "1y"
[categories.partners]
name = "Partners"
purpose = "Offers of partners"
consequence = "None are shown"
[services.chat]
name = "Chat"
category = "preferences"
hosts = ["chat.example"]
cookies = [{ name = "chat", max_age = "30d", purpose = "Keeps it open" }, { name = "count", category = "analytics" }]
storage = ["chat_state"]
retention = "1y"
[[cookies]]
name = "sid"
category = "session"
[[cookies]]
name = "theme"
category = "preferences"
"""


def policy(text: str) -> Policy:
    return parse_policy(tomllib.loads(text), source="test")


def found(text: str) -> dict[tuple[str, str], tuple[str | None, str | None, bool]]:
    """Return what changes from the base."""
    return {(each.kind, each.subject): (each.old, each.new, each.asks) for each in changes(policy(BASE), policy(text))}


@pytest.mark.parametrize(
    ("old", "new", "kind", "subject", "values"),
    [
        # the label that people read asks nobody by itself
        ('version = "1"', 'version = "2"', "version", "version", ("1", "2", False)),
        (
            'version = "1"',
            'version = "1"\neffective = 2026-12-01',
            "effective",
            "effective",
            (None, "2026-12-01", False),
        ),
        (
            'version = "1"',
            'version = "1"\nask_again_since = 2026-12-01',
            "asked-again",
            "ask_again_since",
            (None, "2026-12-01", True),
        ),
        ('"Shop Ltd."', '"Other Ltd."', "controller", "controller", ("Shop Ltd.", "Other Ltd.", True)),
        # another spelling is the same controller
        ('"Shop Ltd."', '"SHOP LTD"', "text", "controller.name", ("Shop Ltd.", "SHOP LTD", False)),
        ('name = "Chat"', 'name = "Talk"', "text", "services.chat.name", ("Chat", "Talk", False)),
        (
            '"Offers of partners"',
            '"Offers"',
            "text",
            "categories.partners.purpose",
            ("Offers of partners", "Offers", False),
        ),
        ('"Keeps it open"', '"Keeps"', "text", "services.chat.cookies.chat.purpose", ("Keeps it open", "Keeps", False)),
        ('"preferences"\nhosts', '"social"\nhosts', "service-moved", "services.chat", ("preferences", "social", True)),
        # nobody is asked about what is always on
        (
            '"preferences"\nhosts',
            '"session"\nhosts',
            "service-moved",
            "services.chat",
            ("preferences", "session", False),
        ),
        (
            "[services.chat]",
            "[services.youtube]\n[services.chat]",
            "service-added",
            "services.youtube",
            (None, "social", True),
        ),
        ("[services.chat]", "[services.talk]", "service-removed", "services.chat", ("preferences", None, False)),
        (
            "[categories.partners]",
            "[categories.friends]",
            "category-added",
            "categories.friends",
            (None, "friends", True),  # it is the site's own, and says what for
        ),
        (
            "[categories.partners]",
            "[categories.partners]\nrequired = true",
            "category-required",
            "categories.partners",
            ("optional", "required", False),
        ),
        # a service whose category is removed counts as unclassified
        (
            "[categories.partners]",
            "[categories.social]\nremove = true\n[categories.partners]",
            "category-removed",
            "categories.social",
            ("social", None, False),
        ),
        ('"30d"', '"31d"', "longer", "services.chat.cookies.chat", ("30d", "31d", False)),
        ('"30d"', '"32d"', "longer", "services.chat.cookies.chat", ("30d", "32d", False)),
        ('"30d"', '"2y"', "longer", "services.chat.cookies.chat", ("30d", "2y", True)),
        ('"30d"', '"4w"', "shorter", "services.chat.cookies.chat", ("30d", "4w", False)),
        ('max_age = "30d", ', "", "longer", "services.chat.cookies.chat", ("30d", "no limit", True)),
        # the category limits the cookies of the site and its services
        ('max_age = "1y"', 'max_age = "2y"', "longer", "services.chat.cookies.count", ("1y", "2y", True)),
        ('max_age = "1y"', 'max_age = "1d"', "shorter", "services.chat.cookies.count", ("1y", "1d", False)),
        ('retention = "1y"', 'retention = "2y"', "longer", "services.chat.retention", ("1y", "2y", False)),
        # it outlives the browser once the visitor has agreed to login
        (
            'category = "session"',
            'category = "session"\npersist = "login"',
            "longer",
            "cookies.sid",
            ("session", "no limit", True),
        ),
        ('name = "theme"', 'name = "look"', "cookie-added", "cookies.look", (None, "no limit", False)),
        ('name = "theme"', 'name = "look"', "cookie-removed", "cookies.theme", ("no limit", None, False)),
        ('category = "session"', 'category = "login"', "cookie-moved", "cookies.sid", ("session", "login", True)),
        (
            'max_age = "1y"',
            'max_age = "1y"\npurposes = { offers = "Shows more" }',
            "purpose-added",
            "categories.analytics.purposes.offers",
            (None, "Shows more", True),
        ),
        # a service's cookie in another category is asked about by itself
        (
            ', category = "analytics"',
            "",
            "cookie-moved",
            "services.chat.cookies.count",
            ("analytics", "preferences", True),
        ),
        ('name = "count"', 'name = "sum"', "cookie-added", "services.chat.cookies.sum", (None, "1y", True)),
        (
            'max_age = "30d",',
            'max_age = "30d", persist = "login",',
            "cookie-moved",
            "services.chat.cookies.chat",
            ("preferences", "login", True),
        ),
        ('"chat_state"', '"state"', "storage-added", "services.chat.storage.state", (None, "state", False)),
    ],
)
def test_a_change_is_named(
    old: str, new: str, kind: str, subject: str, values: tuple[str | None, str | None, bool]
) -> None:
    assert old in BASE
    assert found(BASE.replace(old, new))[kind, subject] == values


def test_a_longer_cookie_that_is_always_on_asks_nobody() -> None:
    always = BASE + '[categories.preferences]\nrequired = true\nlegal_basis = "contract"\n'
    (change,) = changes(policy(always), policy(always.replace('"30d"', '"60d"')))
    assert (change.kind, change.asks) == ("longer", False)


def test_what_visitors_do_not_meet_is_no_change() -> None:
    other = BASE.replace('version = "1"', 'version = "1"\n[gate]\ncsp = "report-only"\n[limits]\nchoices = 3')
    assert (
        found(other.replace('controller = { name = "Shop Ltd." }\n', "") + '[controller]\nname = "Shop Ltd."\n') == {}
    )


def _optional(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=values)


DURATION = st.sampled_from(["30d", "4w", "1mo", "1y", "24h"])
CATEGORY = st.sampled_from(["session", "login", "preferences", "analytics", "social"])
TEXT = st.sampled_from(["One", "ONE.", "Two"])
COOKIE = st.builds(
    lambda name, rest: {"name": name, **rest},
    st.sampled_from(["a", "b", "c*"]),
    _optional(
        max_age=DURATION,
        category=CATEGORY,
        purpose=TEXT,
        party=st.sampled_from(["first", "third"]),
        persist=st.just("login"),
    ),
)
SERVICE = st.builds(
    lambda category, rest: {"name": "S", "hosts": ["s.example"], "category": category, **rest},
    CATEGORY,
    _optional(cookies=st.lists(COOKIE, max_size=3), storage=st.just(["k"]), retention=DURATION, purpose=TEXT),
)
DOCUMENT = st.builds(
    lambda version, rest: {"version": version, **rest},
    st.sampled_from(["1", "2"]),
    _optional(
        controller=st.builds(lambda name: {"name": name}, TEXT),
        services=st.dictionaries(st.sampled_from(["s", "t"]), SERVICE),
        cookies=st.lists(st.builds(lambda rule: {"category": "session", **rule}, COOKIE), max_size=3),
        categories=_optional(
            social=st.just({"remove": True}),
            analytics=_optional(
                purposes=st.dictionaries(st.sampled_from(["sizes", "offers"]), TEXT),
                max_age=DURATION,
                required=st.booleans(),
                name=TEXT,
                sale_or_sharing=st.booleans(),
            ),
        ),
        retention=DURATION,
        ask_again_since=st.sampled_from(["2026-01-01", "2026-02-01"]),
    ),
)


def _allowed(document: dict[str, Any]) -> bool:
    """Return whether nothing names a category that the policy removes."""
    return "social" not in document.get("categories", {}) or "'social'" not in str(
        [document.get("services"), document.get("cookies")]
    )


POLICIES = DOCUMENT.filter(_allowed).map(lambda document: parse_policy(document, source="test"))


@settings(max_examples=60, deadline=None)
@given(POLICIES)
def test_a_policy_does_not_differ_from_itself(same: Policy) -> None:
    assert changes(same, same.model_copy(deep=True)) == []


@settings(max_examples=100, deadline=None)
@given(POLICIES, POLICIES)
def test_the_way_back_mirrors_the_way_there(old: Policy, new: Policy) -> None:
    there, back = changes(old, new), changes(new, old)
    mirrored = {(MIRRORED.get(each.kind, each.kind), each.subject, each.new, each.old) for each in there}
    assert mirrored == {(each.kind, each.subject, each.old, each.new) for each in back}
    assert len(mirrored) == len(there) == len(back)


def _apart(old: Policy, new: Policy) -> set[str]:
    """Return the cookies of services that visitors can refuse, which lay in a further category that they can refuse."""
    keys = set()
    after = {service.id: service for service in new.services}
    for was in old.services:
        now = after.get(was.id)
        if now is not None and now.category in new.optional_ids:
            others = new.optional_ids - {now.category}
            needed = other_categories(old, [(rule.name, rule) for rule in was.cookies], was.category)
            keys |= {f"services.{was.id}.cookies.{name}" for name, found in needed.items() if found & others}
    return keys


@settings(max_examples=200, deadline=None)
@given(POLICIES, POLICIES)
def test_texts_labels_and_what_is_gone_ask_nobody(old: Policy, new: Policy) -> None:
    quiet = {"version", "effective", "text", "shorter", "category-required"}
    found = changes(old, new)
    assert not [each for each in found if each.asks and each.kind in quiet]
    # A service without such a cookie is another one to whom had refused that category: see decision 26.
    removed = {each.subject for each in found if each.kind == "cookie-removed"}
    asked = {each.subject for each in found if each.asks and each.kind.endswith("-removed")}
    assert asked == removed & _apart(old, new)


@settings(max_examples=200, deadline=None)
@given(POLICIES, POLICIES)
def test_who_is_asked_about_a_service_is_who_has_not_been_told(old: Policy, new: Policy) -> None:
    covered = new.names.read(old.names.of(old.names.declared, categories=old.optional_ids))
    asked = {each.subject.split(".")[1] for each in changes(old, new) if each.asks and each.subject[:9] == "services."}
    if covered is not None:
        assert new.names.declared - covered.services == asked & new.names.declared


def test_changes_come_in_the_order_of_their_kinds() -> None:
    new = BASE.replace('version = "1"', 'version = "2"') + "[services.youtube]\n"
    found = changes(policy(BASE), policy(new))
    assert all(isinstance(each, Change) for each in found)
    assert [each.kind for each in found][:2] == ["version", "service-added"]


def test_a_cookie_of_several_rules_asks_when_one_of_them_needs_another_category() -> None:
    def of(category: str) -> Policy:
        rules = [{"name": "a", "category": category, "persist": "login", "max_age": "30d"}, {"name": "a"}]
        service = {"name": "S", "hosts": ["s.example"], "category": "social", "cookies": rules}
        return parse_policy({"version": "1", "services": {"s": service}}, source="test")

    found = changes(of("session"), of("preferences"))[-1]
    assert (found.kind, found.subject, found.asks) == ("cookie-moved", "services.s.cookies.a", True)
    assert (found.old, found.new) == ("login, social", "login, preferences, social")


def test_another_purpose_of_the_registry_asks_and_other_words_do_not() -> None:
    def of(**more: str) -> Policy:
        return parse_policy({"version": "1", "services": {"youtube": more}}, source="test")

    other = next(key for key in sorted(registry().purposes) if key != of().services[0].purpose)
    for new, asks in ((of(purpose=other), True), (of(purpose="Films, in our words"), False)):
        (found,) = changes(of(), new)
        assert (found.subject, found.asks) == ("services.youtube.purpose", asks)
        covered = new.names.read(of().names.of(["youtube"]))
        assert covered is not None
        assert ("youtube" not in covered.services) is asks


def test_a_service_that_begins_to_load_before_consent_is_told_and_asks_nobody() -> None:
    def of(mode: str | None, category: str = "analytics") -> Policy:
        service = {"google-analytics": {"consent_mode": mode, "category": category}} if mode is not None else {}
        return parse_policy({"version": "1", "services": service}, source="test")

    def told(old: Policy, new: Policy) -> list[tuple[str, str | None, str | None, bool]]:
        found = [each for each in changes(old, new) if each.subject == "services.google-analytics.consent_mode"]
        return [(each.kind, each.old, each.new, each.asks) for each in found]

    ahead = ("service-ahead", "basic", "advanced", False)
    assert told(of("basic"), of("advanced")) == told(of(None), of("advanced")) == [ahead]
    assert told(of("advanced"), of("basic")) == [("service-held", "advanced", "basic", False)]
    assert told(of("advanced"), of(None)) == told(of("advanced"), of("advanced")) == []
    covered = of("advanced").names.read(of("basic").names.of(["google-analytics"], categories=["analytics"]))
    assert covered is not None
    assert "google-analytics" in covered.services
