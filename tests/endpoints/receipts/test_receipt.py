from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.applications import Starlette

from cookie_consent import ConsentMiddleware, Ledger
from cookie_consent.consent import edition_digest
from cookie_consent.endpoints.receipts.receipt import make_receipt
from cookie_consent.ledger import Notice, new_record_id, time_text
from cookie_consent.ledger.inventory import InventoryStore
from cookie_consent.ledger.revisions import SharedHistory
from cookie_consent.policy import History, Inventory, Policy, parse_policy
from tests.declaring import own_cookies
from tests.ledger.making import make

if TYPE_CHECKING:
    from cookie_consent import ConsentRecord

NOW = datetime.now(UTC)
NOTICE = Notice(hash=sha256(b"en\nMay we?").hexdigest(), language="en", policy_version="1", text="May we?")
POLICY = parse_policy({"version": "1", "controller": {"name": "Shop Ltd"}}, source="test")


def days_ago(days: float, **values: object) -> ConsentRecord:
    at = NOW - timedelta(days=days)
    return make(**{"id": new_record_id(at), "subject": "me", "at": at, **values})  # type: ignore[arg-type]


def test_a_receipt_is_of_the_past_year_and_says_how_choices_were_used(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    old, first, second = days_ago(400), days_ago(300, notice=NOTICE.hash), days_ago(20, notice=NOTICE.hash)
    third = days_ago(10)
    ledger.append([old, first, days_ago(5, subject="you"), second, third], [NOTICE])
    receipt = make_receipt(ledger, POLICY, "me")
    assert (receipt["subject"], receipt["controller"]) == ("me", "Shop Ltd")
    assert [record["id"] for record in receipt["records"]] == [first.id, second.id, third.id]
    shown = {"language": "en", "policy_version": "1", "text": "May we?", "url": f"/_consent/notice/{NOTICE.hash}"}
    assert receipt["notices"] == {NOTICE.hash: shown}
    assert [record["expired"] for record in receipt["records"]] == [True, False, False]
    assert [record["expires"] for record in receipt["records"]] == [
        time_text(POLICY.cookie.max_age.end(at)) for at in (first.at, second.at, third.at)
    ]
    assert receipt["party"] == {"type": "controller", "name": "Shop Ltd"}
    assert {"A7-3", "A15", "A17", "A77"} <= {*receipt["rights"]}

    def text(at: datetime) -> str:
        return at.isoformat(timespec="microseconds").replace("+00:00", "Z")

    assert [record["used"]["until"] for record in receipt["records"]] == [
        text(POLICY.cookie.max_age.end(first.at)),  # the cookie ended before the next choice
        text(third.at),
        text(POLICY.cookie.max_age.end(third.at)),
    ]
    assert receipt["records"][1]["used"]["from"] == text(second.at)
    ledger.erase("me")
    assert make_receipt(ledger, POLICY, "me")["records"] == []
    ledger.close()


def test_a_signal_makes_no_choice_last_longer(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    choice = days_ago(100)
    signal = days_ago(60, action="signal", channel="gpc", previous=choice.id)
    twin = days_ago(59, action="signal", channel="gpc", previous=signal.id)
    orphan = days_ago(10, action="signal", channel="gpc", previous=new_record_id(NOW - timedelta(days=300)))
    ledger.append([choice, signal, twin])
    first, second, third = make_receipt(ledger, POLICY, "me")["records"]
    assert (second["action"], second["channel"], second["previous"]) == ("signal", "gpc", choice.id)
    assert first["used"]["until"] == second["used"]["from"] == second["at"]
    assert third["used"]["until"] == time_text(POLICY.cookie.max_age.end(choice.at))
    ledger.append([orphan])
    assert make_receipt(ledger, POLICY, "me")["records"][-1]["used"]["until"] == time_text(
        POLICY.cookie.max_age.end(orphan.at)
    )
    ledger.close()


def test_what_was_allowed_for_a_visit_ends_with_it_and_ends_no_choice(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    choice = days_ago(100)
    visit = days_ago(60, channel="visit", previous=choice.id)
    again = days_ago(59.5, channel="visit", previous=visit.id)
    signal = days_ago(50, action="signal", channel="gpc", previous=again.id)
    ledger.append([choice, visit, again, signal])
    first, second, third, last = make_receipt(ledger, POLICY, "me")["records"]
    assert first["used"]["until"] == last["used"]["from"]
    assert second["used"]["until"] == third["at"]
    assert third["used"]["until"] == third["expires"] == time_text(again.at + timedelta(days=1))
    assert third["expired"]
    assert first["expires"] == last["expires"] == time_text(POLICY.cookie.max_age.end(choice.at))
    ledger.close()


def test_of_very_many_choices_the_latest_are_given(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    written = [days_ago(100 - at / 20) for at in range(1005)]
    ledger.append(written)
    records = make_receipt(ledger, POLICY, "me")["records"]
    assert [record["id"] for record in records] == [record.id for record in written[-1000:]]
    ledger.close()


@pytest.mark.anyio
async def test_a_visitor_gets_only_what_is_his(ledger_url: str, secret: str) -> None:
    policy = parse_policy({"version": "1", "cookies": own_cookies()}, source="test")
    app = ConsentMiddleware(Starlette(), policy, secret=secret, ledger=ledger_url)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as me:
        nothing = await me.get("/_consent/receipt")
        assert nothing.json() == {"subject": None, "records": [], "notices": {}}
        mine = (await me.post("/_consent/choices", json={"granted": ["analytics"]})).json()["id"]
        async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as you:
            await you.post("/_consent/choices", json={"granted": []})
        answer = await me.get("/_consent/receipt")
    app.ledger.close()
    assert answer.headers["cache-control"] == "no-store"
    receipt = answer.json()
    assert receipt["subject"] == mine
    assert [record["subject"] for record in receipt["records"]] == [mine]
    assert receipt["records"][0]["granted"] == ["analytics"]


def recipients(ledger: Ledger, policy: Policy = POLICY) -> list[list[str]]:
    records = make_receipt(ledger, policy, "me")["records"]
    return [[recipient["service"] for recipient in record["recipients"]] for record in records]


def test_recipients_are_those_that_the_answered_notice_named(ledger_url: str) -> None:
    ledger, granted = Ledger(ledger_url), ("analytics", "preferences", "social")
    found = Inventory(POLICY)
    found.meet(["youtube", "google-analytics"])
    first = edition_digest(found.names)
    found.meet(["vimeo"])
    second = edition_digest(found.names)
    film = edition_digest(POLICY.names.added("", ["soundcloud"]))
    InventoryStore(ledger, POLICY.site).save(found.take_news())
    choice = days_ago(9, granted=granted, edition=first, policy_version="0")
    last = days_ago(8, granted=granted, edition=second, refused_services=("youtube",), previous=choice.id)
    placeholder = days_ago(
        7,
        granted=granted,
        granted_services=("soundcloud",),
        refused_services=("youtube",),
        edition=film,
        control="placeholder",
        previous=last.id,
    )
    signal = days_ago(6, granted=("analytics",), action="signal", channel="gpc", previous=placeholder.id)
    unknown = days_ago(5, granted=granted, edition="0" * 16)
    ledger.append([choice, last, placeholder, signal, unknown])
    assert recipients(ledger) == [
        ["google-analytics", "youtube"],
        ["google-analytics", "vimeo"],
        ["google-analytics", "vimeo", "soundcloud"],
        ["google-analytics"],
        [],
    ]


def test_a_service_that_was_added_under_the_same_version_is_no_recipient_of_earlier_answers(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    before, after = (
        parse_policy({"version": "1", "services": {name: {} for name in names}}, source="test")
        for names in (["vimeo"], ["vimeo", "youtube"])
    )
    ledger.append([days_ago(3, granted=("preferences", "social"), edition=edition_digest(before.names.of(["vimeo"])))])
    assert recipients(ledger, before) == [["vimeo"]]
    assert recipients(ledger, after) == [[]]


def test_recipients_under_earlier_policies_are_told_as_these_had_them(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    chat = {"name": "Chat", "company": "Old Chat Inc", "country": "US", "category": "preferences", "hosts": ["c.test"]}
    documents: list[dict[str, object]] = [
        {"version": "1", "services": {"chat": chat, "vimeo": {}}, "inventory": True},
        {"version": "2", "services": {"chat": {**chat, "company": "New Chat Ltd"}, "youtube": {}}},
        {"version": "3", "services": {"youtube": {}}},
    ]
    first, second, third = (parse_policy(document, source="test") for document in documents)
    for days, policy in ((9, first), (6, second), (3, third)):
        history = History(policy, since=NOW - timedelta(days=days))
        SharedHistory(ledger, policy.site, history, clock=NOW.timestamp).exchange()
    granted = ("preferences", "social")
    met = Inventory(first)
    met.meet(["soundcloud"])
    InventoryStore(ledger, first.site).save(met.take_news())
    editions = [edition_digest(names) for names in (met.names, second.names.of(second.names.declared))]
    asked = days_ago(8, granted=granted, edition=editions[0], policy_version="1", refused_services=("vimeo",))
    by_name = days_ago(
        7, edition="0" * 16, policy_version="1", granted_services=("chat",), granted=(), control="service"
    )
    later = days_ago(5, granted=("preferences",), edition=editions[1], policy_version="2")
    other = days_ago(4, granted=granted, edition=editions[1], policy_version="1")  # no such notice of that policy
    ledger.append([asked, by_name, later, other])
    told = [
        {entry["service"]: entry["name"] for entry in record["recipients"]}
        for record in make_receipt(ledger, third, "me")["records"]
    ]
    assert [list(each) for each in told] == [["chat", "soundcloud"], ["chat"], ["chat"], []]
    assert [each["chat"] for each in told[:3]] == ["Old Chat Inc", "Old Chat Inc", "New Chat Ltd"]


def test_a_chain_of_records_is_read_once(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, granted = Ledger(ledger_url), ("analytics", "social")
    records = [days_ago(300, granted=granted, edition=edition_digest(Inventory(POLICY).names))]
    for day in range(40):
        more = {"granted_services": ("youtube",), "control": "placeholder", "previous": records[-1].id}
        records.append(days_ago(200 - day, granted=granted, **more))
    ledger.append(records)
    asked: list[str] = []
    monkeypatch.setattr(ledger, "record", asked.append)
    assert len(make_receipt(ledger, POLICY, "me")["records"]) == 41
    assert asked == []
