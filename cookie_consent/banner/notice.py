"""The exact text that a visitor is shown before choosing, for the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cookie_consent.banner.places import address_of
from cookie_consent.banner.view import ahead_text, purposes_of
from cookie_consent.consent import notice_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cookie_consent.banner.locale import Locale
    from cookie_consent.banner.view import CategoryView
    from cookie_consent.policy import Policy, Service

__all__ = ["NoticeText", "notice_text", "placeholder_texts"]


@dataclass(frozen=True, kw_only=True)
class NoticeText:
    """A notice in one language. ``hash`` is the SHA-256 of language, line feed and text in UTF-8, as hex.

    ``build`` is the digest of the interface that shows it.
    """

    hash: str
    language: str
    policy_version: str
    text: str
    build: str = ""


def notice_text(policy: Policy, locale: Locale, categories: Sequence[CategoryView], *, build: str = "") -> NoticeText:
    """Return the text of banner and preferences page: the information, and then the buttons."""
    t = locale.text
    purposes = purposes_of(categories, locale)
    lines = [t("banner.title"), t("banner.intro", purposes=purposes, settings=t("banner.reopen"))]
    ahead = ahead_text(categories, locale)
    lines += [ahead] if ahead else []
    if policy.controller is not None:
        lines.append(t("banner.controller", controller=policy.controller.name))
        if policy.controller.contact:
            lines.append(policy.controller.contact)
    for category in categories:
        lines += ["", f"{category.name} ({t('banner.always_on')})" if category.required else category.name]
        lines += [category.purpose] if category.purpose else []
        if category.consequence and not category.required:
            lines.append(t("banner.consequence", consequence=category.consequence))
        if category.services:
            names = t("list_separator").join(service.label for service in category.services)
            lines.append(t("banner.services", services=names))
        if category.on_demand:
            names = t("list_separator").join(service.label for service in category.on_demand)
            lines.append(t("banner.on_demand", services=names))
    lines += ["", *(f"[{t(f'banner.{key}')}]" for key in ("accept_all", "refuse_all", "settings", "save"))]
    return _notice(lines, locale, policy.version, build)


def placeholder_texts(
    service: Service, category: str, locale: Locale, version: str, *, build: str = ""
) -> tuple[NoticeText, NoticeText]:
    """Return the texts of a service's placeholders: in its place, and at the button of a form that needs it.

    ``category`` is the name of its category.
    """
    t = locale.text
    host = address_of(service).removeprefix("//")
    buttons = ["", f"[{t('frame.allow', service=service.name)}]", f"[{t('frame.visit')}]"]
    held = t("frame.held", host=host, category=category)
    place = [service.name, held, *buttons]
    form = [t("frame.form", service=service.name), held, *buttons]
    return _notice(place, locale, version, build), _notice(form, locale, version, build)


def _notice(lines: Sequence[str], locale: Locale, version: str, build: str) -> NoticeText:
    text = "\n".join(lines)
    digest = notice_hash(locale.language, text)
    return NoticeText(hash=digest, language=locale.language, policy_version=version, text=text, build=build)
