"""Receipts and notices of the log in the words of a language, for their pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cookie_consent.banner.declaration.structure import Fact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cookie_consent.banner.locale import Locale
    from cookie_consent.consent.record import Notice
    from cookie_consent.policy import Policy

__all__ = ["notice_facts", "receipt_view"]

_CONTROLS = {
    "accept-all": "banner.accept_all",
    "refuse-all": "banner.refuse_all",
    "close": "banner.close",
    "save": "banner.save",
    "preferences": "preferences.title",
    "service": "receipt.single",
    "placeholder": "receipt.placeholder",
    "signal": "receipt.signal_control",
}
_CHANNELS = {
    "api": "receipt.program",
    "gpc": "receipt.signal_control",
    "visit": "receipt.placeholder",
    "preferences": "preferences.title",
    "phone": "receipt.phone",
    "paper": "receipt.paper",
    "in-person": "receipt.in_person",
}


def notice_facts(notice: Notice, locale: Locale) -> list[Fact]:
    """Return what is said of a notice above its text."""
    return [_fact(locale, "version", notice.policy_version), _fact(locale, "hash", notice.hash)]


def receipt_view(
    receipt: Mapping[str, Any], policy: Policy, locale: Locale, *, base: str, name_of: Callable[[str], str]
) -> dict[str, Any]:
    """Return the values of ``receipt.html``. ``base`` is the path of the endpoints, ``name_of`` names a category."""
    party = receipt.get("party") or {}
    about = [_fact(locale, "issued", _time(locale, receipt["issued"]))] if receipt.get("issued") else []
    who = [party[name] for name in ("name", "address", "contact") if party.get(name)]
    if who:
        about.append(Fact(key="party", label=locale.text("declaration.responsible_title"), text="\n".join(who)))
    entries = []
    for record in reversed(receipt["records"]):
        title = locale.text("receipt.lapsed" if record["action"] == "expired" else f"receipt.{record['action']}")
        facts = _facts(record, policy, locale, base, name_of)
        entries.append({"title": f"{_time(locale, record['at'])}: {title}", "facts": facts})
    return {"subject": receipt["subject"], "about": about, "entries": entries}


def _facts(
    record: Mapping[str, Any], policy: Policy, locale: Locale, base: str, name_of: Callable[[str], str]
) -> list[Fact]:
    def list_of(names: Iterable[str]) -> str:
        return locale.text("list_separator").join(names)

    def service(name: str) -> str:
        known = policy.known_service(name)
        return known.name if known is not None else name

    facts = []
    for what in ("granted", "refused"):
        names = [*map(name_of, record[what]), *map(service, record[f"{what}_services"])]
        facts.append(_fact(locale, f"{what}_label", list_of(names)))
    how = _CONTROLS.get(record["control"]) or _CHANNELS.get(record["channel"], "")
    facts += [
        _fact(locale, "how", locale.text(how) if how else ""),
        _fact(locale, "from", _time(locale, record["used"]["from"])),
        _fact(locale, "until", _time(locale, record["used"]["until"])),
        _fact(locale, "lapsed", locale.text("receipt.expired") if record["expired"] else ""),
        _fact(locale, "recipients", list_of(dict.fromkeys(entry["name"] for entry in record["recipients"]))),
        _fact(locale, "version", record["policy_version"]),
    ]
    if record["notice"]:
        facts.append(_fact(locale, "notice", record["notice"][:16], link=f"{base}/notice/{record['notice']}"))
    return [fact for fact in facts if fact.text]


def _fact(locale: Locale, key: str, text: str, link: str = "") -> Fact:
    return Fact(key=key, label=locale.text(f"receipt.{key}"), text=text, link=link)


def _time(locale: Locale, text: str) -> str:
    return locale.format_time(datetime.fromisoformat(text).astimezone(UTC))
