from __future__ import annotations

from cookie_consent.policy import Inventory, Policy, parse_policy

DAY = 86_400


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def inventory(policy: Policy | None = None, clock: Clock | None = None) -> Inventory:
    return Inventory(policy or Policy(version="1"), clock=clock or Clock())


def test_what_the_pages_load_is_named_at_once_while_nobody_has_answered() -> None:
    found = inventory()
    before = found.names
    found.meet(["youtube", "stripe", "unknown"])
    found.meet(["google-analytics"])
    assert found.undeclared == ("google-analytics", "youtube")  # Stripe is necessary, so nobody is asked
    assert found.offered == {"google-analytics", "youtube"}
    assert found.names != before
    assert Policy(version="1").names.undeclared(found.names) == found.undeclared


def test_an_answered_notice_changes_once_a_day() -> None:
    clock = Clock()
    found = inventory(clock=clock)
    found.meet(["youtube"])
    found.answered("another notice")
    found.meet(["vimeo"])
    found.answered(found.names)
    found.meet(["google-analytics"])
    assert found.undeclared == ("vimeo", "youtube")
    clock.now += DAY / 2
    found.answered(found.names)  # others who answer do not keep it longer
    clock.now += DAY / 2
    found.meet(["youtube"])
    assert list(found.undeclared) == ["google-analytics", "vimeo", "youtube"]


def test_a_policy_that_declares_services_names_these_alone() -> None:
    declared = parse_policy({"version": "1", "services": {"youtube": {}}}, source="test")
    found = inventory(declared)
    found.meet(["vimeo"])
    assert (set(found.offered), found.undeclared) == ({"youtube"}, ())
    both = inventory(parse_policy({"version": "1", "inventory": True, "services": {"youtube": {}}}, source="test"))
    both.meet(["vimeo", "youtube"])
    assert (set(both.offered), both.undeclared) == ({"youtube", "vimeo"}, ("vimeo",))
    none = inventory(parse_policy({"version": "1", "inventory": False}, source="test"))
    none.meet(["vimeo"])
    assert none.offered == frozenset()
