from __future__ import annotations

from cookie_consent.policy import Inventory, InventoryEvent, Policy, parse_policy

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
    assert set(found.undeclared) == {"vimeo", "youtube"}
    clock.now += DAY / 2
    found.answered(found.names)  # others who answer do not keep it longer
    clock.now += DAY / 2 + 1
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


def test_an_undeclared_host_is_named_once_two_paths_have_loaded_it() -> None:
    for policy in (Policy(version="1"), parse_policy({"version": "1", "services": {"youtube": {}}}, source="test")):
        found = inventory(policy)
        for path in ("/post", "/post", "/post/", "//POST"):
            found.meet([], hosts=["x.example"], path=path)
            assert found.undeclared == ()
            assert "unclassified" not in found.categories
        found.meet([], hosts=["x.example", "localhost", "[::1]", "bad host"], path="/")
        found.meet([], hosts=["localhost", "[::1]", "bad host"], path="/a")
        assert found.undeclared == ("x.example",)
        assert "unclassified" in found.categories
    for rule in ("allow", "block"):
        closed = inventory(Policy(version="1", unknown_hosts=rule))
        closed.meet([], hosts=["x.example"], path="/a")
        closed.meet([], hosts=["x.example"], path="/b")
        assert closed.undeclared == ()


def test_undeclared_cookies_have_their_category_offered_where_visitors_are_asked_about_them() -> None:
    clock = Clock()
    asking = inventory(parse_policy({"version": "1", "unknown_cookies": "ask", "services": {"youtube": {}}}, source=""))
    assert asking.categories == {"social"}
    asking.meet([], categories=["unclassified"])
    assert asking.categories == {"social", "unclassified"}
    late = inventory(Policy(version="1", unknown_cookies="ask"), clock)
    late.meet(["youtube"])
    late.answered(late.names)
    late.meet([], categories=["unclassified"])
    assert late.categories == {"social"}
    assert len(late.waiting) == 1
    clock.now += DAY + 1
    late.meet([], categories=["unclassified"])
    assert late.categories == {"social", "unclassified"}
    for rule in ("session", "allow", "block"):
        closed = inventory(Policy(version="1", unknown_cookies=rule))
        closed.meet([], categories=["unclassified"])
        assert closed.categories == frozenset()


def test_the_hosts_that_were_met_first_are_named_and_no_more_than_fit() -> None:
    found = inventory()
    hosts = [f"h{number}.example" for number in range(60)]
    for path in "/a", "/b":
        found.meet([], hosts=hosts, path=path)
    assert set(found.undeclared) == set(hosts[:50])
    long = inventory()
    hosts = [f"{'x' * 60}.{'y' * 60}.h{number}.example" for number in range(20)]
    for path in "/a", "/b":
        long.meet([], hosts=hosts, path=path)
    assert set(long.undeclared) == set(hosts[:7])


def test_hosts_of_one_path_alone_do_not_pile_up() -> None:
    found = inventory()
    found.meet([], hosts=["first.example"], path="/a")
    for number in range(2_000):
        found.meet([], hosts=[f"h{number}.example"], path="/a")
    found.meet([], hosts=["first.example", "h1999.example"], path="/b")
    assert found.undeclared == ("h1999.example",)


def test_categories_are_offered_for_the_known_cookies_that_the_site_sets() -> None:
    found = inventory()
    found.meet([], categories=["login", "session", "other"])
    assert found.categories == {"login"}
    coverage = Policy(version="1").names.read(found.names)
    assert coverage is not None
    assert coverage.asked == {"login"}


def test_two_processes_name_the_same_once_they_have_exchanged_what_they_met() -> None:
    clock = Clock()
    here, there = inventory(clock=clock), inventory(clock=clock)

    def exchange() -> None:
        news = [*here.take_news(), *there.take_news()]
        here.learn(news)
        there.learn(news)

    here.meet(["youtube"], categories=["login"])
    there.meet(["vimeo"])
    there.meet([], hosts=["x.example"], path="/a")
    there.meet([], hosts=["x.example"], path="/b")
    exchange()
    assert here.names == there.names
    assert set(here.undeclared) == {"vimeo", "x.example", "youtube"}
    assert {"login", "social", "unclassified"} <= here.categories
    clock.now += 1
    there.answered(there.names)
    exchange()
    clock.now += 1
    here.meet(["google-analytics"])
    exchange()
    for found in here, there:
        assert [event.name for event in found.waiting] == ["google-analytics"]
        assert found.due is not None
        assert abs(found.due - (1_001 + DAY)) < 1
    clock.now += DAY
    for found in here, there:
        found.meet([])
        assert "google-analytics" in found.undeclared
        assert found.due is None
    assert here.names == there.names


def test_what_waits_is_named_once_it_is_accepted() -> None:
    found = inventory()
    found.meet(["youtube"])
    found.answered(found.names)
    found.meet(["vimeo"])
    assert set(found.undeclared) == {"youtube"}
    found.accept()
    assert set(found.undeclared) == {"vimeo", "youtube"}
    found.meet(["google-analytics"])
    assert set(found.undeclared) == {"vimeo", "youtube"}


def test_what_another_policy_can_name_is_not_learnt() -> None:
    declared = inventory(parse_policy({"version": "1", "services": {"soundcloud": {}}}, source="test"))
    kinds = (("service", "vimeo"), ("category", "login"), ("host", "localhost"))
    declared.learn(InventoryEvent(kind=kind, name=name, at=1) for kind, name in kinds)  # type: ignore[arg-type]
    assert declared.offered == {"soundcloud"}
    assert declared.categories == {"social"}


def test_an_answer_to_an_earlier_policy_does_not_close_the_notice_of_this_one() -> None:
    clock = Clock()
    before = inventory(clock=clock)
    before.meet(["youtube"])
    before.answered(before.names)
    clock.now += 1
    for words, is_open in (({"version": "2"}, False), ({"controller": {"name": "Other"}}, True)):
        after = inventory(parse_policy({"version": "1", **words}, source="test"), clock)
        after.learn(before.events)
        after.meet(["vimeo"])
        assert ("vimeo" in after.undeclared) is is_open
        after.answered(after.names)
        after.meet(["soundcloud"])
        assert "soundcloud" not in after.undeclared


def test_answers_that_the_last_release_has_noted_still_close() -> None:
    found = inventory()
    found.learn([InventoryEvent(kind="answered", name="1000000000", at=1_000_000_000)])
    found.meet(["vimeo"])
    assert found.undeclared == ()


def test_the_history_has_all_that_notices_have_named() -> None:
    clock = Clock()
    found = inventory(clock=clock)
    seen = [found.names]
    for service in ("youtube", "vimeo"):
        found.meet([service])
        seen.append(found.names)
    found.answered(found.names)
    found.meet(["soundcloud"])
    clock.now += DAY + 1
    found.meet([])
    assert found.history == (*seen, found.names)


def test_libraries_are_listed_and_change_no_notice() -> None:
    found = inventory()
    before = found.names
    found.answered(before)
    found.meet_libraries(["unpkg.com/vue@3", "unpkg.com/vue@3", "x" * 999, *(f"unpkg.com/{n:03}" for n in range(200))])
    assert found.names == before
    assert found.waiting == ()
    assert found.libraries == (*(f"unpkg.com/{n:03}" for n in range(99)), "unpkg.com/vue@3")
    other = inventory()
    other.learn(found.take_news())
    assert (other.libraries, other.names) == (found.libraries, before)


def test_an_answer_counts_though_the_clock_of_another_host_is_ahead() -> None:
    clock = Clock()
    found = inventory(clock=clock)
    found.learn([InventoryEvent(kind="service", name="youtube", at=int((clock.now + 3600) * 1_000_000))])
    for _ in range(3):
        found.answered(found.names)
        clock.now += 1
    assert [event.kind for event in found.take_news()] == ["answered"]
    found.meet(["vimeo"])
    assert [event.name for event in found.waiting] == ["vimeo"]
    again = inventory(clock=clock)
    again.learn(found.events)
    assert (again.names, again.waiting) == (found.names, found.waiting)


def test_an_answer_that_closes_nothing_is_noted_once_a_day() -> None:
    """A host that learnt of a service later may have noted it before the answer."""
    clock = Clock()
    found = inventory(clock=clock)
    found.meet(["youtube"])
    found.answered(found.names)
    (answer,) = (event for event in found.events if event.kind == "answered")
    late = inventory(clock=clock)
    late.learn([InventoryEvent(kind="answered", name=answer.name, at=999_000_000), *found.events[:1]])
    for _ in range(3):
        late.answered(late.names)
        clock.now += 1
    assert late.take_news() == []
    clock.now += DAY
    late.answered(late.names)
    late.answered(late.names)
    assert len(late.take_news()) == 1
