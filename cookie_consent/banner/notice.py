"""The exact text that a visitor is shown before choosing, for the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cookie_consent.banner.view import purposes_of
from cookie_consent.consent import notice_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cookie_consent.banner.locale import Locale
    from cookie_consent.banner.view import CategoryView
    from cookie_consent.policy import Policy

__all__ = ["NoticeText", "notice_text"]


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
    text = "\n".join(lines)
    digest = notice_hash(locale.language, text)
    return NoticeText(hash=digest, language=locale.language, policy_version=policy.version, text=text, build=build)
