from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.consent import Consent
from cookie_consent.policy import Policy, parse_policy, registry
from cookie_consent.policy.fingerprints import fingerprint_of, unpacked
from cookie_consent.policy.lasting import other_categories

OWN = [{"name": name, "category": name, "max_age": "1d"} for name in ("analytics", "login", "social")]
CHAT: dict[str, Any] = {
    "name": "Chat",
    "category": "preferences",
    "hosts": ["chat.example"],
    "cookies": [{"name": "chat_*", "max_age": "30d"}],
}
CATEGORIES = Policy(version="1").optional_ids
KNOWN = sorted(service.id for service in registry().values())


def policy(**more: Any) -> Policy:
    return parse_policy({"version": "1", "services": {"chat": CHAT}, "cookies": OWN, **more}, source="test")


def with_chat(**more: Any) -> Policy:
    return policy(services={"chat": {**CHAT, **more}})


NAMES = policy().names
AGREED = NAMES.of(["chat"])


@pytest.mark.parametrize(
    "same",
    [
        policy(version="2", retention="3y"),
        with_chat(name="Talk", purpose="Lets you talk to us", company="Chat Ltd", privacy_url="https://chat.example/p"),
        with_chat(cookies=[{"name": "chat_*", "max_age": "20d", "purpose": "x"}, {"name": "b", "max_age": "1d"}]),
        with_chat(hosts=["chat.example", "b.chat.example"]),
        policy(categories={"preferences": {"name": "Comfort", "purpose": "x"}}),
    ],
)
def test_what_was_named_stays_named(same: Policy) -> None:
    found = same.names.read(AGREED)
    assert found is not None
    assert "chat" in found.services
    assert found.categories == {"analytics", "login", "preferences", "social"}


@pytest.mark.parametrize(
    "other",
    [
        with_chat(category="advertising"),
        with_chat(cookies=[{"name": "chat_*", "max_age": "90d"}]),
        with_chat(cookies=[{"name": "chat_*"}]),
        policy(services={"talk": CHAT}),
        policy(services={}),
    ],
)
def test_another_recipient_category_or_a_longer_lifetime_was_not_named(other: Policy) -> None:
    found = other.names.read(AGREED)
    assert found is not None
    assert not found.services & {"chat", "talk"}


def counting(**cookie: Any) -> Policy:
    """Return the policy with a chat that counts by a cookie of another category."""
    return with_chat(cookies=[*CHAT["cookies"], {"name": "count", "max_age": "30d", **cookie}])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # into the service's own category, which a visitor may have granted who refused the other
        ({"category": "analytics"}, {}),
        ({"category": "analytics"}, {"category": "preferences"}),
        ({"category": "analytics"}, {"category": "social"}),
        # the service has not been named in that category
        ({}, {"category": "analytics"}),
        # it would outlive the browser though login was refused
        ({"persist": "login"}, {}),
        ({}, {"persist": "login"}),
        ({"category": "session", "persist": "login"}, {"category": "session", "persist": "analytics"}),
        # it is gone: the service's fingerprint has all of them, so this asks too
        ({"category": "analytics"}, None),
    ],
)
def test_a_cookie_that_needs_another_category_was_not_named(
    before: dict[str, Any], after: dict[str, Any] | None
) -> None:
    old, new = counting(**before).names, (counting(**after) if after is not None else policy()).names
    agreed = old.of(["chat"])
    assert "chat" in old.read(agreed).services  # type: ignore[union-attr]
    assert "chat" not in new.read(agreed).services  # type: ignore[union-attr]
    again = new.added(agreed, ["chat"])
    assert "chat" in new.read(again).services  # type: ignore[union-attr]
    assert new.read(new.reduced(again, {"preferences"}, frozenset())) == new.read(again)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # it became necessary, or no longer is: whoever agreed had it before too
        ({}, {"category": "session"}),
        ({"category": "session"}, {}),
        # the same one, with other words for it and for a shorter time
        ({"category": "analytics"}, {"category": "analytics", "purpose": "Counts", "max_age": "1d"}),
        # what is gone asks nobody
        ({}, None),
        # another cookie of the service's own category
        (None, {}),
        # one that other hosts set, which the gate does not see
        (None, {"category": "advertising", "domain": "chat.example"}),
    ],
)
def test_a_cookie_in_the_same_category_stays_named(before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
    old, new = (counting(**cookie) if cookie is not None else policy() for cookie in (before, after))
    agreed = old.names.reduced(old.names.of(["chat"]), {"preferences"}, frozenset())
    assert "chat" in new.names.read(agreed).services  # type: ignore[union-attr]


def test_a_refusal_names_no_cookie_of_a_service() -> None:
    counts = counting(category="analytics").names
    assert counts.reduced(counts.of(["chat"]), {"analytics"}, frozenset()) == NAMES.reduced(
        AGREED, frozenset(), frozenset()
    )


def test_a_service_of_the_registry_is_named_alike_whether_or_not_it_is_declared() -> None:
    """The registry's tables have what a declared service says by itself, such as its cookies of other categories."""
    builtin = Policy(version="1")
    known = {name: service for name, service in registry().items() if builtin.names.has(name)}
    assert any(
        other_categories(builtin, ((rule.name, rule) for rule in service.cookies), service.category)
        for service in known.values()
    )
    declared = Policy(version="1", services=tuple(known.values()))
    names = {name: builtin.names.of([name], categories=declared.optional_ids) for name in known}
    assert [name for name, found in names.items() if name not in declared.names.read(found).services] == []  # type: ignore[union-attr]


def test_what_cannot_be_told_from_something_declared_is_not_named() -> None:
    """Whoever agreed to the one would have agreed to the other."""
    every = NAMES.of(["chat", *KNOWN])
    owners = {}
    for name in filter(NAMES.has, KNOWN):
        (fingerprint,) = unpacked(every) - unpacked(NAMES.of({"chat", *KNOWN} - {name}, categories=CATEGORIES))
        owners[fingerprint >> 4] = name
    hashes = ((f"own-{number}", fingerprint_of("service", f"own-{number}", "analytics", "") >> 4) for number in count())
    own, other = next((name, owners[found]) for name, found in hashes if found in owners)
    with_own = policy(services={own: {"name": "Own", "category": "analytics"}})
    names = with_own.names
    assert not names.has(other)
    assert names.unnamable == {other: f"services.{own}"}
    assert names.read(names.of([own, other])).services == {own}  # type: ignore[union-attr]
    category = registry()[other].category
    granted = Consent(policy=with_own, granted=frozenset({"session", category}), named=frozenset({own}))
    assert not granted.covers(category, other)
    assert not names.offered([other]) - names.offered([])
    assert names.collisions() == []


def test_a_category_that_is_new_or_stores_longer_was_not_named() -> None:
    new = policy(cookies=[*OWN, {"name": "seen", "category": "advertising"}])
    found = new.names.read(AGREED)
    assert found is not None
    assert new.names.offered(["chat"]) - found.categories == {"advertising"}
    longer = policy(cookies=[*OWN, {"name": "seen", "category": "social", "max_age": "1y"}])
    found = longer.names.read(AGREED)
    assert found is not None
    assert longer.names.offered(["chat"]) - found.categories == {"social"}


def test_a_category_is_offered_for_what_is_declared_or_named_in_it() -> None:
    empty = Policy(version="1")
    assert empty.names.offered([]) == frozenset()
    assert empty.names.offered(["hotjar"]) == {"analytics"}
    assert empty.names.offered(["stats.example"]) == {"unclassified"}
    assert policy(services={}, cookies=[{"name": "a", "category": "social"}]).names.offered([]) == {"social"}
    signs_in = [{"name": "sid", "category": "session", "persist": "login"}]
    assert policy(services={}, cookies=signs_in).names.offered([]) == {"login"}
    assert policy(services={}, cookies=[], unknown_cookies="ask").names.offered([]) == frozenset()
    assert policy(services={}, cookies=[{"name": "a", "category": "unclassified"}]).names.offered([]) == {
        "unclassified"
    }
    assert with_chat(category="session").names.offered(["chat"]) == {"analytics", "login", "social"}


def test_undeclared_hosts_are_named_as_they_are() -> None:
    agreed = NAMES.of(["chat", "b.example", "a.example", "localhost", "No.Host", "*.c.example"])
    found = NAMES.read(agreed)
    assert found is not None
    assert found.services == {"chat", "a.example", "b.example"}
    assert found.categories >= {"unclassified"}
    assert NAMES.undeclared(agreed) == ("a.example", "b.example")
    refused = NAMES.read(NAMES.reduced(agreed, {"preferences"}, frozenset()))
    assert refused is not None
    assert refused.services == {"chat"}
    assert NAMES.reduced(agreed, {"preferences", "unclassified"}, frozenset()) == agreed
    added = NAMES.read(NAMES.added(AGREED, ["c.example"]))
    assert added is not None
    assert added.services == {"chat", "c.example"}
    for unknown_hosts in ("allow", "block"):
        other = policy(unknown_hosts=unknown_hosts).names.read(agreed)
        assert other is not None
        assert other.services == {"chat"}


def test_another_controller_has_named_nothing() -> None:
    shop = policy(controller={"name": "Shop GmbH"})
    assert shop.names.read(AGREED) is None
    agreed = shop.names.of(["chat"])
    assert policy(controller={"name": "SHOP  gmbh"}).names.read(agreed) is not None
    other = policy(controller={"name": "Other GmbH"}).names
    assert other.read(agreed) is None
    assert other.read(other.added(agreed, ["chat"])) is None


@given(st.frozensets(st.sampled_from(KNOWN), max_size=40))
def test_what_is_written_is_read(services: frozenset[str]) -> None:
    required = {name for name in services if registry()[name].category in Policy(version="1").required_ids}
    found = NAMES.read(NAMES.of(services))
    assert found is not None
    assert found.services == services - required


@given(st.binary(max_size=60))
def test_no_other_text_names_anything(data: bytes) -> None:
    try:
        found = NAMES.read(data.hex())
    except ValueError:
        return
    assert found is None or not found.services


def test_a_service_is_added_in_its_latest_form() -> None:
    longer = with_chat(cookies=[{"name": "chat_*", "max_age": "90d"}]).names
    added = longer.added(AGREED, ["chat"])
    assert len(added) == len(AGREED)
    assert longer.read(added) is not None
    assert "chat" in longer.read(added).services  # type: ignore[union-attr]


def test_a_refusal_keeps_the_categories_alone() -> None:
    kept = NAMES.reduced(AGREED, frozenset(), frozenset())
    found = NAMES.read(kept)
    assert found is not None
    assert found.services == frozenset()
    assert found.categories == NAMES.offered(["chat"])
    assert NAMES.reduced(AGREED, {"analytics"}, frozenset()) == kept
    assert NAMES.reduced(AGREED, {"preferences"}, frozenset()) == AGREED
    assert NAMES.reduced(AGREED, frozenset(), {"chat"}) == AGREED


def test_no_two_things_of_the_registry_have_one_fingerprint() -> None:
    builtin = Policy(version="1")
    assert [
        name for name in KNOWN if registry()[name].category in builtin.optional_ids and not builtin.names.has(name)
    ] == []
