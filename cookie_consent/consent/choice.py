"""A posted choice: read from a form or from JSON, and checked against the policy."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, get_args
from urllib.parse import parse_qsl, urlsplit

from cookie_consent.consent.local_path import LONGEST_PATH, local_path
from cookie_consent.consent.record import CONTROLS
from cookie_consent.errors import ChoiceError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from cookie_consent.consent.model import Consent
    from cookie_consent.consent.record import Control
    from cookie_consent.policy import Policy

__all__ = ["Choice", "action_between", "action_of", "chosen", "grants_more", "parse_choice", "posted_language"]

_MAXIMUM_FIELDS = 512
_LONGEST_TAG = 35
"""Of a language tag, in characters: those that RFC 5646, section 4.4.1, asks for."""
ChoiceAction = Literal["given", "refused", "changed", "withdrawn"]
ChoiceChannel = Literal["banner", "preferences", "api"]
_CHANNELS = frozenset(get_args(ChoiceChannel))
_SWITCH = {"1": True, "0": False}
_TEXTS = ("return_to", "channel", "control", "build", "notice", "placeholder", "edition", "language", "url", "for")
_UNFIT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
"""Characters that neither a log nor a header can hold: control characters and surrogates."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What was posted. ``granted`` holds optional categories only; those that it does not name are refused.

    If ``granted`` is None, the choice is about ``services`` alone, and earlier answers stay.
    """

    granted: frozenset[str] | None
    services: Mapping[str, bool] = field(default_factory=dict)
    return_to: str = "/"
    channel: ChoiceChannel = "api"
    control: Control = ""
    """What the visitor used, as the form or the program says; empty where that cannot be so."""
    build: str = ""
    """The digest of the interface, as the page says."""
    notice: str | None = None
    edition: str = ""
    """The signed ``names`` that came with the notice; empty if none came."""
    language: str = ""
    url: str = ""
    visit: bool = False
    """It holds for this visit only, and nothing else changes."""
    names: str = ""
    """What the notice named, as ``Policy.names`` writes it."""
    framed: bool = False
    """The page says that it is shown in a frame."""


def parse_choice(body: bytes, content_type: str, policy: Policy) -> Choice:
    """Parse a posted choice of the given media type.

    Raises ``ChoiceError``: 415 if it is neither JSON nor a form, 400 if it cannot be parsed, and 422 for an unknown
    category, service, channel or control.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json":
        values = _from_json(body)
    elif kind == "application/x-www-form-urlencoded":
        values = _from_form(body)
    else:
        message = "send application/json or application/x-www-form-urlencoded"
        raise ChoiceError(message, status=415, code="unsupported-media-type")
    optional = {category.id for category in policy.optional}
    for category in values["granted"] or ():
        if policy.category(category) is None:
            raise ChoiceError(f"{category!r} is not a category of this site", status=422, code="unknown-category")
    for service in values["services"]:
        known = policy.known_service(service)
        if known is None:
            raise ChoiceError(f"{service!r} is not a service of this site", status=422, code="unknown-service")
        # A necessary service may be granted, which changes nothing, but not refused.
        if known.category not in optional and not values["services"][service]:
            message = f"{service!r} is necessary for this site and cannot be refused"
            raise ChoiceError(message, status=422, code="necessary-service")
    if values["channel"] not in _CHANNELS:
        raise ChoiceError(f"{values['channel']!r} is not a channel", status=422, code="unknown-channel")
    _check_visit(values)
    control = _control(values)
    return_to = local_path(values["return_to"])
    return Choice(
        granted=frozenset(values["granted"]) & optional if values["granted"] is not None else None,
        services=values["services"],
        return_to=return_to,
        channel=values["channel"],
        control=control,
        build=values["build"],
        # That of a placeholder has a name of its own, since releases that do not know it refuse unknown notices.
        notice=values["notice"] or values["placeholder"] or None,
        edition=values["edition"],
        language=values["language"][:_LONGEST_TAG],
        url=_path_of(values["url"] or return_to),
        visit=values["for"] == "visit",
        framed=values["framed"],
    )


def _check_visit(values: Mapping[str, Any]) -> None:
    if values["for"] not in {"", "visit"}:
        raise ChoiceError(f"{values['for']!r} is not a time: leave it out, or send 'visit'", status=422, code="visit")
    if values["for"] and (values["granted"] is not None or not all(values["services"].values())):
        raise ChoiceError("for a visit, services can be allowed, and nothing else answered", status=422, code="visit")


def _control(values: Mapping[str, Any]) -> Control:
    """Return the control that a choice names; empty if the answer cannot have come from it.

    A page may be older than the policy, so what *accept all* means here does not matter.
    """
    control: Control = values["control"]
    granted, services = values["granted"], values["services"]
    if control not in CONTROLS or control == "signal":  # nobody can use that one
        raise ChoiceError(f"{control!r} is not a control", status=422, code="unknown-control")
    fits = {
        "accept-all": bool(granted) and all(services.values()),
        "refuse-all": not granted and not any(services.values()),
        "close": not granted and not any(services.values()),
    }
    is_about_services = control in {"service", "placeholder"}
    return control if is_about_services == (granted is None) and fits.get(control, True) else ""


def chosen(before: Consent, choice: Choice) -> Consent:
    """Return what ``choice`` makes of the consent ``before``, without the record of the choice."""
    changed = replace(before, overruled=False, made_with_gpc=False)
    if choice.granted is not None:
        granted = choice.granted | before.policy.required_ids
        after = replace(
            changed, granted=granted, services=dict(choice.services), decided=True, visit=frozenset(), covered={}
        )
        return _naming(replace(after, pending=frozenset(), reopened=frozenset()), before, choice)
    answered = frozenset(choice.services)
    if choice.visit and choice.edition:
        coverage = before.policy.names.read(choice.names)
        answered &= coverage.services if coverage is not None else frozenset()
    # What is new in a category that is granted needs no exception from it once it is named.
    new = {name for name, on in choice.services.items() if on and name in before.pending and not choice.visit}
    named = {name for name in new if before.is_in_granted(name)}
    services = {**before.services, **{name: on for name, on in choice.services.items() if name not in named}}
    if not choice.visit:
        covered = {name: on for name, on in before.covered.items() if name not in answered}
        after = replace(changed, services=services, visit=before.visit - answered, covered=covered)
        if before.is_complete:
            after = replace(after, decided=before.pending <= answered and not before.reopened)
        after = _naming(after, before, choice)
        # What the notice did not name, or not as it is now, still waits, unless it was refused.
        unnamed = {name for name in new if after.named is not None and name not in after.named}
        pending = before.pending - (answered - unnamed)
        decided = not pending and not before.reopened if before.is_complete else after.decided
        return replace(after, pending=pending, decided=decided)
    lasting = before.lasting.services
    covered = {**before.covered, **{name: lasting[name] for name in answered & lasting.keys()}}
    services = {**before.services, **dict.fromkeys(answered, True)}
    return replace(before, services=services, visit=before.visit | answered, covered=covered)


def _naming(consent: Consent, before: Consent, choice: Choice) -> Consent:
    """Return the consent to what the notice named, and to the services which are answered one by one.

    These are covered as the notice named them, or as an earlier one did. A choice that came without what its notice
    named is one to this process's.
    """
    policy, agreed = consent.policy, {name for name, on in choice.services.items() if on}
    names = choice.names if choice.granted is not None else before.names
    refused = {name for name, on in consent.services.items() if not on}
    also = frozenset[str]()
    if choice.granted is None and before.is_complete:
        also = policy.names.within(choice.names, refused)
    if not names and consent.decided:
        return replace(consent, names="", named=None)  # made by code that knows no notice
    if choice.edition:
        for shown in (before.names, choice.names):
            names = policy.names.added(names, agreed, categories=also, shown=shown) if shown else names
    else:
        names = policy.names.added(names, agreed, categories=also)
    coverage = policy.names.read(names)
    if coverage is None:  # the notice of another controller
        services = dict.fromkeys(refused, False)
        return replace(consent, granted=policy.required_ids, services=services, names=names, named=frozenset())
    granted = consent.granted & (coverage.categories | policy.required_ids)
    unnamed = {name for name in agreed - coverage.services if policy.names.has_to_name(name)}
    services = {name: on for name, on in consent.services.items() if not on or name not in unnamed}
    return replace(consent, granted=granted, services=services, names=names, named=coverage.services)


def grants_more(before: Consent, after: Consent) -> bool:
    """Return whether ``after`` allows a category or a service that ``before`` does not."""
    services = before.services.keys() | after.services.keys()
    if before.named is not None and after.named is not None:
        services |= after.named - before.named
    return not after.granted <= before.granted or any(
        after.allows_service(service) and not before.allows_service(service) for service in services
    )


def action_of(before: Consent, after: Consent) -> ChoiceAction:
    """Return the record's action for a choice that has made ``after`` of ``before``."""
    if before.decided_at is None and not before.decided:
        return "refused" if after.is_refusal else "given"
    if grants_more(before, after):
        return "changed"
    if grants_more(after, before):
        return "withdrawn"
    if after.is_refusal:
        return "refused"
    is_same = (before.decided, before.granted, before.services) == (after.decided, after.granted, after.services)
    return "given" if is_same else "changed"


def action_between(old: AbstractSet[str] | None, new: AbstractSet[str]) -> ChoiceAction:
    """Return the record's action, given what was granted before (None if nothing was chosen) and what is now.

    Both sets hold optional categories, and ``service:ID`` for services that are granted individually.
    """
    if old is None or old == new:
        return "given" if new else "refused"
    return "withdrawn" if new < old else "changed"


def _path_of(address: str) -> str:
    """Return the path of an address, or an empty string if it is not a valid address."""
    try:
        path = urlsplit(address).path
    except ValueError:  # such as "//["
        return ""
    return _UNFIT.sub("\ufffd", path[:LONGEST_PATH])


def _unreadable(message: str) -> ChoiceError:
    return ChoiceError(message, status=400, code="unreadable")


def posted_language(body: bytes, content_type: str) -> str:
    """Return the language tag that a form sends, or an empty string. The rest of the form may be wrong."""
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        return ""
    try:
        sent = parse_qsl(body.decode("utf-8", errors="replace"), max_num_fields=_MAXIMUM_FIELDS)
    except ValueError:
        return ""
    return dict(sent).get("language", "")[:_LONGEST_TAG]


def _from_form(body: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=_MAXIMUM_FIELDS)
    except ValueError:
        raise _unreadable("the form cannot be read") from None
    values: dict[str, Any] = {"granted": [], "services": {}}
    sent = dict(pairs)
    if "granted" not in sent and _is_about_services(sent):
        values["granted"] = None
    for name, value in pairs:
        if name == "granted":
            values["granted"].append(value)
        elif name.startswith("service."):
            if value not in {"0", "1", ""}:
                raise _unreadable(f"{name} must be 1 or 0")
            if value:  # with an empty value the service follows its category
                values["services"][name.removeprefix("service.")] = _SWITCH[value]
        elif name in _TEXTS:
            values[name] = value
    return _with_defaults(values, channel="preferences")


def _is_about_services(form: Mapping[str, str]) -> bool:
    """Return whether a form in which no category is granted leaves the categories as they are, or refuses them all.

    ``answers=services`` says so. Without it, a form is about services if it names nothing but them: the forms of
    preferences pages send the notice that they show, and an empty value for each service that follows its category.
    """
    services = [value for name, value in form.items() if name.startswith("service.")]
    if "answers" in form:
        return form["answers"] == "services" and any(services)
    return bool(services) and all(services) and "notice" not in form


def _from_json(body: bytes) -> dict[str, Any]:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise _unreadable("the body is not JSON") from None
    if not isinstance(values, dict):
        raise _unreadable('send an object such as {"granted": ["analytics"]}')
    services = values.get("services", {})
    granted = values.get("granted")
    is_about_services = "granted" not in values and services
    if not is_about_services and not (isinstance(granted, list) and all(isinstance(name, str) for name in granted)):
        raise _unreadable('"granted" must be a list of category ids; an empty one refuses all')
    if not isinstance(services, dict) or not all(isinstance(on, bool) for on in services.values()):
        raise _unreadable('"services" must map service ids to true or false')
    for name in _TEXTS:
        if not isinstance(values.get(name, ""), str):
            raise _unreadable(f'"{name}" must be a text')
    if not isinstance(values.get("framed", False), bool):
        raise _unreadable('"framed" must be true or false')
    return _with_defaults({**values, "granted": granted, "services": services}, channel="api")


def _with_defaults(values: dict[str, Any], *, channel: str) -> dict[str, Any]:
    return {
        "return_to": "/",
        "channel": channel,
        "control": "",
        "build": "",
        "notice": "",
        "placeholder": "",
        "edition": "",
        "language": "",
        "url": "",
        "for": "",
        "framed": False,
        **values,
    }
