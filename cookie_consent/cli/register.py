"""``cookie-consent export register``: the site's entry in the record of processing activities (GDPR, Article 30(1))."""

from __future__ import annotations

import json
import math
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cookie_consent.banner.declaration.lifetime import duration_in
from cookie_consent.banner.declaration.markdown import escaped
from cookie_consent.banner.locale import load_locales
from cookie_consent.banner.view import category_views
from cookie_consent.cli.log import open_log
from cookie_consent.cli.options import LedgerOption, OutputOption, PolicyOption  # noqa: TC001 - typer reads the annotations
from cookie_consent.cli.output import writer
from cookie_consent.errors import ConfigurationError, LedgerError
from cookie_consent.ledger.exports.destination import find_output
from cookie_consent.ledger.inventory import InventoryStore
from cookie_consent.policy import UNCLASSIFIED, Inventory, home_of, policy_in_force
from cookie_consent.policy.lasting import SESSION, lasts
from cookie_consent.policy.name_pattern import without_runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cookie_consent.banner.view import CategoryView
    from cookie_consent.policy import Controller, CookieRule, Lifetime, Policy, Service

__all__ = ["export_app", "register_entry"]

_SUBJECTS = ["visitors of the site"]
_SENT = "what browsers send with a request: IP address, address of the page, browser and language"
_RECORDED = [
    "a random consent id",
    "what was granted and refused, when, how and with which control",
    "the notice that was shown, its language and version",
    "the path of the page and the family of the browser",
    "a note of the operator, for choices by phone, on paper or in person",
]
_MEASURES = [
    "Third parties' content, cookies and stored data wait for consent, on the server and in the browser.",
    "A refusal leaves no id in the browser. IP addresses are not recorded.",
    "The record of choices is append-only; with a key it is sealed in a signed Merkle tree, so that changes are found.",
    "What identifies a visitor can be erased from the record, and records are deleted after their time.",
    "Browsers' reports are kept without queries, ids or IP addresses.",
]
_BASES = {
    "consent": "consent (Article 6(1)(a))",
    "contract": "contract (Article 6(1)(b))",
    "legal-obligation": "legal obligation (Article 6(1)(c))",
    "vital-interests": "vital interests (Article 6(1)(d))",
    "public-task": "public task (Article 6(1)(e))",
    "legitimate-interests": "legitimate interests (Article 6(1)(f))",
}
_SAFEGUARDS = {
    "adequacy": "adequacy decision (Article 45)",
    "data-privacy-framework": "EU-US Data Privacy Framework (Article 45)",
    "standard-clauses": "standard contractual clauses (Article 46)",
    "binding-rules": "binding corporate rules (Article 47)",
    "explicit-consent": "explicit consent (Article 49)",
}
_TITLES = {
    "purpose": "Purpose",
    "legal_basis": "Legal basis",
    "data_subjects": "Categories of data subjects",
    "data": "Categories of personal data",
    "retention": "Time limits for erasure",
}
_UNDECLARED = "not declared in the policy"

export_app = typer.Typer(no_args_is_help=True, help="Export what the policy says, for other documents.")


class RegisterFormat(StrEnum):
    """What ``export register`` writes."""

    MARKDOWN = "markdown"
    JSON = "json"


@export_app.callback()
def export_group() -> None:
    """Keep ``register`` a command of a group: typer makes the only command of an application the application itself."""


@export_app.command("register")
def register(
    *,
    output_format: Annotated[
        RegisterFormat, typer.Option("--format", help="The file format.")
    ] = RegisterFormat.MARKDOWN,
    output: OutputOption = None,
    policy: PolicyOption = None,
    ledger: LedgerOption = None,
) -> None:
    """Write the entry for the record of processing activities (GDPR, Article 30), in English, from the policy.

    Where notices also name what pages were found to use, that is read from the log. The entry is a draft for whoever
    keeps that record: what the policy does not say is named as missing.
    """
    declared = policy_in_force(policy)
    entry = register_entry(declared, _met(declared, ledger))
    is_json = output_format is RegisterFormat.JSON
    text = json.dumps(entry, ensure_ascii=False, indent=2) if is_json else "\n".join(_markdown(entry))
    with writer(None if output in {None, "-"} else find_output(output)) as stream:
        stream.write(f"{text}\n")


def _met(policy: Policy, url: str | None) -> Inventory:
    """Return what the site's notices name. Without a log, that is what the policy declares."""
    found = Inventory(policy)
    if policy.has_inventory or policy.unknown_hosts == "ask":
        try:
            log = open_log(url)
            found.learn(InventoryStore(log, policy.site).read())
            log.close()
        except LedgerError as error:
            typer.echo(f"without what pages were found to use: {error}", err=True)
    return found


def register_entry(policy: Policy, inventory: Inventory | None = None) -> dict[str, Any]:
    """Return the entry, ready for JSON, with what the site's ``inventory`` names beside what the policy declares.

    Raises ``ConfigurationError`` if the policy names no controller.
    """
    controller = policy.controller
    if controller is None:
        raise ConfigurationError(
            'the register names the controller; add [controller] with name = "…" and contact = "…" to the policy'
        )
    inventory = inventory if inventory is not None else Inventory(policy)
    met = tuple(filter(None, map(policy.known_service, inventory.undeclared)))
    if met:
        policy = policy.model_copy(update={"services": (*policy.services, *met)})
    views = category_views(policy, load_locales()["en"], offered=inventory.categories)
    return {
        "article": "GDPR, Article 30(1)",
        "site": policy.site,
        "policy_version": policy.version,
        "controller": {name: value for name, value in controller.model_dump().items() if value},
        "activities": [_keeping(policy), *(_activity(policy, view) for view in views)],
        "security": _MEASURES,
        "missing": [*_missing(policy, controller)],
    }


def _missing(policy: Policy, controller: Controller) -> Iterator[str]:
    """Yield the keys of what the entry needs and the policy does not say."""
    asked = ("contact", "address", "data_protection_officer")
    yield from (f"controller.{name}" for name in asked if not getattr(controller, name))
    if policy.retention is None:
        yield "retention"
    for service in policy.services:
        names = ["company", "country", "retention", *(["safeguard"] if service.transfers else [])]
        yield from (f"services.{service.id}.{name}" for name in names if not getattr(service, name))


def _keeping(policy: Policy) -> dict[str, Any]:
    """Return the keeping of the choices themselves."""
    kept = _duration(policy.retention) if policy.retention is not None else "no time limit is set"
    return {
        "name": "Record of choices",
        "purpose": "Proving that visitors have consented or refused (Article 7(1)), and remembering it for them",
        "legal_basis": _BASES["legal-obligation"],
        "data_subjects": _SUBJECTS,
        "data": _RECORDED,
        "retention": [f"records: {kept}", f"consent cookie: {_duration(policy.cookie.max_age)}"],
        "recipients": [],
    }


def _activity(policy: Policy, view: CategoryView) -> dict[str, Any]:
    category = policy.category(view.id)
    basis = category.legal_basis if category is not None else None
    services = [service for service in policy.services if home_of(policy, service.category) == view.id]
    own = [rule for rule in policy.cookies if home_of(policy, rule.category or UNCLASSIFIED) == view.id]
    stored = [*_stored(policy, own, view.id)]
    for service in services:
        stored += _stored(policy, service.cookies, service.category)
        stored += [f"{without_runs(rule.name)} (browser storage)" for rule in service.storage]
    kept = [f"{service.name}: {_duration(service.retention)}" for service in services if service.retention is not None]
    return {
        "name": view.name,
        "purpose": view.purpose or _UNDECLARED,
        "legal_basis": _BASES[basis or "consent"] if basis or not view.required else _UNDECLARED,
        "data_subjects": _SUBJECTS,
        "data": [*stored, *([_SENT] if services else [])],
        "retention": kept,
        "recipients": [_recipient(service) for service in services],
    }


def _stored(policy: Policy, rules: tuple[CookieRule, ...] | list[CookieRule], default: str) -> Iterator[str]:
    for rule in rules:
        seconds = lasts(policy, rule, home_of(policy, rule.category or default))
        if seconds == SESSION:
            lifetime = "until the browser closes"
        else:
            lifetime = "no limit" if math.isinf(seconds) else _duration(int(seconds))
        yield f"{without_runs(rule.name)} (cookie, {lifetime})"


def _recipient(service: Service) -> dict[str, Any]:
    return {
        "service": service.name,
        "company": service.company or None,
        "country": service.country,
        "third_countries": list(service.transfers),
        "safeguard": _SAFEGUARDS[service.safeguard] if service.safeguard is not None else None,
        "privacy_url": service.privacy_url or None,
    }


def _duration(duration: int | Lifetime) -> str:
    return duration_in(load_locales()["en"], duration)


def _markdown(entry: dict[str, Any]) -> Iterator[str]:
    yield from ("# Record of processing activities: consent and cookies", "")
    site = f"{escaped(entry['site'])}, " if entry["site"] else ""
    yield f"{site}policy version {escaped(entry['policy_version'])} ({entry['article']})"
    yield from ("", "## Controller", "")
    for name, value in entry["controller"].items():
        yield f"- {escaped(name.replace('_', ' ').capitalize())}: {escaped(', '.join(value.splitlines()))}"
    for activity in entry["activities"]:
        yield from ("", f"## {escaped(activity['name'])}", "")
        for key, title in _TITLES.items():
            value = activity[key]
            if not value:
                continue
            yield f"- {title}: {escaped('; '.join(value) if isinstance(value, list) else value)}"
        if not activity["recipients"]:
            yield "- Recipients: none"
            continue
        yield "- Recipients, transfers and safeguards:"
        yield from (f"    - {_line(recipient)}" for recipient in activity["recipients"])
    yield from ("", "## Technical and organisational measures", "")
    yield from (f"- {escaped(measure)}" for measure in entry["security"])
    if entry["missing"]:
        yield from ("", "## Missing in the policy", "", *(f"- `{name}`" for name in entry["missing"]))


def _line(recipient: dict[str, Any]) -> str:
    parts = [recipient["service"]]
    parts += [text for text in (recipient["company"], recipient["country"]) if text and text != recipient["service"]]
    if recipient["third_countries"]:
        parts.append(f"transfers to {', '.join(recipient['third_countries'])}")
        parts.append(recipient["safeguard"] or "no safeguard declared")
    return escaped("; ".join(parts))
