"""Renders the pages of a site's own templates once, so that errors are found before visitors meet them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from cookie_consent.banner.renderer import Renderer
from cookie_consent.consent import Consent
from cookie_consent.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from cookie_consent.policy import Policy

__all__ = ["try_templates"]

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


def try_templates(policy: Policy, assets: Mapping[str, str]) -> None:
    """Render banner, preferences page, declaration, placeholders and error page with the site's own templates.

    Raises ``ConfigurationError`` if one fails, or if the banner lacks what the built-in one has and the script needs.
    """
    renderer = Renderer(policy, assets=assets)
    for name, render in _pages(renderer):
        try:
            render()
        except Exception as error:
            where = _place(error.__traceback__) or name
            raise ConfigurationError(f"{where}: {error}; correct the template") from error
    plain = policy.model_copy(update={"banner": policy.banner.model_copy(update={"templates": None})})
    expected, found = (_asking(shows).decode() for shows in (Renderer(plain, assets=assets), renderer))
    missing = [hook for hook in _HOOKS if hook in expected and hook not in found]
    if missing:
        raise ConfigurationError(
            f"banner.html: the banner has no {', '.join(missing)}; compare your template with the built-in one"
        )


def _asking(renderer: Renderer) -> bytes:
    undecided = Consent(policy=renderer.policy, granted=renderer.policy.required_ids)
    return renderer.banner(undecided, language=renderer.languages[0], return_to="/")


def _pages(renderer: Renderer) -> list[tuple[str, Callable[[], object]]]:
    policy, language = renderer.policy, renderer.languages[0]
    undecided = Consent(policy=policy, granted=policy.required_ids)
    decided = Consent(policy=policy, granted=policy.required_ids, decided=True)
    opted_out = Consent(policy=policy, granted=policy.required_ids, gpc=True)
    visit: Any = {"language": language, "return_to": "/"}
    states = [
        ("banner.html", partial(renderer.banner, consent, **visit, reopened=reopened))
        for consent in (undecided, decided, opted_out)
        for reopened in (False, True)
    ]
    optional = next(iter(policy.optional_ids), "blocked")
    services = [
        next((service.id for service in policy.services if service.category in policy.optional_ids), None),
        None,
    ]
    held = {"category": optional, "address": "https://video.example/"}
    placeholders = [
        ("placeholder.html", partial(renderer.placeholder, undecided, **visit, **held, service=service, form=form))
        for service in services
        for form in (False, True)
    ]
    return [
        *states,
        *(("preferences.html", partial(renderer.preferences, each, **visit)) for each in (undecided, decided)),
        ("declaration.html", partial(renderer.declaration_page, language)),
        ("declaration_body.html", partial(renderer.declaration_page, language, fragment=True)),
        *placeholders,
        ("refresh.html", partial(renderer.refresh_notice, [("//video.example/", "video.example")], language=language)),
        (
            "problem.html",
            partial(
                renderer.problem,
                language=language,
                status=500,
                title_key_or_code="not_saved",
                message="An example",
                return_to="/",
            ),
        ),
    ]


def _place(traceback: TracebackType | None) -> str:
    """Return the template and line in which it failed, as Jinja writes them into the traceback."""
    found = ""
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if file.endswith(".html"):
            found = f"{file}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return found
