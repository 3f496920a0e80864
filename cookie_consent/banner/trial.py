"""Renders the pages of a site's own templates once, so that errors are found before visitors meet them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

from cookie_consent.banner.renderer import Renderer
from cookie_consent.consent import Consent
from cookie_consent.consent.record import Notice, time_text
from cookie_consent.errors import ConfigurationError
from cookie_consent.policy import History, PastPolicy
from cookie_consent.policy.history import kept_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from cookie_consent.policy import Policy

    Pages = Iterator[tuple[str, Callable[[], object]]]
    """Names of templates, with what renders them."""

__all__ = ["try_templates"]

_NOW = datetime(2026, 11, 1, tzinfo=UTC)
_PERIOD = timedelta(days=30)
_SUBJECT = "a visitor's consent id"

_HOOKS = (
    'id="consent-root"',
    "data-endpoint=",
    "data-notice=",
    "cc-panel",
    "cc-back",
    "cc-status",
    "cc-alert",
    'data-action="refuse"',
    'data-action="accept"',
    'name="notice"',
    'name="return_to"',
)
"""What style sheet, script and server look for in the banner."""


def try_templates(
    policy: Policy, assets: Mapping[str, str], *, others: Callable[[Renderer, str], Pages] | None = None
) -> None:
    """Render every page once with the site's own templates, in each language that visitors are offered.

    ``others`` returns what a language has besides visitors' pages. Raises ``ConfigurationError`` if a template fails,
    or if the banner lacks what the built-in one has and the script needs.
    """
    renderer = Renderer(policy, assets=assets, history=_history(policy))
    for language in renderer.languages:
        for name, render in (*_pages(renderer, language), *(others(renderer, language) if others else ())):
            try:
                render()
            except Exception as error:
                where = _place(error.__traceback__) or name
                only = f" (in the language {language})" if language != renderer.languages[0] else ""
                raise ConfigurationError(f"{where}: {error}{only}; correct the template") from error
    plain = policy.model_copy(update={"banner": policy.banner.model_copy(update={"templates": None})})
    expected, found = (_asking(shows).decode() for shows in (Renderer(plain, assets=assets), renderer))
    missing = [hook for hook in _HOOKS if hook in expected and hook not in found]
    if missing:
        raise ConfigurationError(
            f"banner.html: the banner has no {', '.join(missing)}; compare your template with the built-in one"
        )


def _asking(renderer: Renderer) -> bytes:
    return renderer.banner(_undecided(renderer.policy), language=renderer.languages[0], return_to="/")


def _history(policy: Policy) -> History:
    """Return a history in which the policy has replaced one without services, so that the declaration tells of both."""
    before = policy.model_copy(
        update={"version": f"before {policy.version}", "services": (), "ask_again_since": None, "next": None}
    )
    found = History(policy, since=_NOW)
    found.learn([PastPolicy(kept=kept_of(before), since=_NOW - 2 * _PERIOD)])
    return found


def _pages(renderer: Renderer, language: str) -> Pages:
    """Yield each template of visitors' pages with what renders it, in the states that it can be in."""
    declared = next(
        (service.id for service in renderer.policy.services if service.category in renderer.policy.optional_ids), None
    )
    yield from _asking_pages(renderer, language, declared)
    yield from _placeholders(renderer, language, declared)
    yield from _stored_pages(renderer, language, declared)
    for chooser in (None, _decided(renderer.policy)):
        state = renderer.declaration_state(chooser)
        yield "declaration.html", partial(renderer.declaration_page, language, state=state)
        yield "declaration_body.html", partial(renderer.declaration_page, language, state=state, fragment=True)
    leads = [("//video.example/", "video.example")]
    yield "refresh.html", partial(renderer.refresh_notice, leads, language=language)
    for status, code in ((500, "not_saved"), (404, "not-found")):
        error: Any = {"status": status, "title_key_or_code": code, "message": "An example"}
        yield "problem.html", partial(renderer.problem, language=language, return_to="/", **error)


def _asking_pages(renderer: Renderer, language: str, service: str | None) -> Pages:
    """Yield the banner, and the page of the settings."""
    undecided, decided = _undecided(renderer.policy), _decided(renderer.policy)
    opted_out = replace(undecided, gpc=True)
    some = frozenset(filter(None, [service]))
    visit: Any = {"language": language, "return_to": "/"}
    options: Any = [{}, *({name: True} for name in ("reopened", "posted", "unsure", "in_flow"))]
    for consent in (undecided, decided, opted_out, replace(undecided, pending=some), replace(undecided, framed=True)):
        for option in options:
            yield "banner.html", partial(renderer.banner, consent, **visit, **option)
    for consent in (undecided, decided, opted_out, replace(decided, services=dict.fromkeys(some, True), visit=some)):
        yield "preferences.html", partial(renderer.preferences, consent, **visit, saved=consent.decided)


def _placeholders(renderer: Renderer, language: str, service: str | None) -> Pages:
    undecided, optional = _undecided(renderer.policy), next(iter(renderer.policy.optional_ids), "blocked")
    visit: Any = {"language": language, "return_to": "/", "address": "https://video.example/"}
    for name, category, form in product((service, None), (optional, "blocked"), (False, True)):
        held: Any = {**visit, "category": category, "service": name, "form": form}
        yield "placeholder.html", partial(renderer.placeholder, undecided, **held)


def _stored_pages(renderer: Renderer, language: str, service: str | None) -> Pages:
    """Yield the pages of what the log has: a notice, a receipt, and one of a visitor who has not chosen."""
    shown = renderer.notice(language)
    notice = Notice(hash=shown.hash, language=language, policy_version=shown.policy_version, text=shown.text)
    yield "notice.html", partial(renderer.notice_page, notice)
    formats = [("JSON", f"{renderer.prefix}/receipt?format=json")]
    nothing: dict[str, Any] = {"subject": None, "records": [], "notices": {}}
    for receipt in (_receipt(renderer.policy, notice, service), nothing):
        yield "receipt.html", partial(renderer.receipt, receipt, language=language, formats=formats)


def _undecided(policy: Policy) -> Consent:
    return Consent(policy=policy, granted=policy.required_ids)


def _decided(policy: Policy) -> Consent:
    return replace(_undecided(policy), decided=True, id=_SUBJECT, decided_at=_NOW - _PERIOD)


def _receipt(policy: Policy, notice: Notice, service: str | None) -> dict[str, Any]:
    """Return a receipt with a choice of each kind, the later one for a ``service`` alone."""
    begin, end = time_text(_NOW - _PERIOD), time_text(_NOW)
    first = {
        "action": "refused",
        "at": begin,
        "granted": [],
        "refused": sorted(policy.optional_ids),
        "granted_services": [],
        "refused_services": [],
        "channel": "banner",
        "control": "refuse-all",
        "policy_version": policy.version,
        "notice": notice.hash,
        "used": {"from": begin, "until": end},
        "expires": end,
        "expired": True,
        "recipients": [],
    }
    later = {
        **first,
        "action": "given",
        "granted": sorted(policy.optional_ids),
        "refused": [],
        "granted_services": [service] if service is not None else [],
        "channel": "phone",
        "control": "",
        "notice": None,
        "expired": False,
        "recipients": [{"name": "Video Example"}],
    }
    party = {"name": policy.controller.name} if policy.controller is not None else None
    return {"subject": _SUBJECT, "issued": end, "party": party, "records": [first, later], "notices": {}}


def _place(traceback: TracebackType | None) -> str:
    """Return the template and line in which it failed, as Jinja writes them into the traceback."""
    found = ""
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if file.endswith(".html"):
            found = f"{file}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return found
