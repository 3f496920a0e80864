"""The addresses that a declaration names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cookie_consent.banner.declaration.structure import Link

if TYPE_CHECKING:
    from cookie_consent.banner.locale import Locale

__all__ = ["browsers", "contact_link", "opt_outs", "outside_link"]

_MAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_PHONE = re.compile(r"\+[0-9][0-9 ().-]{4,24}")
_BROWSERS = {
    "chrome": ("Chrome", "https://support.google.com/chrome/answer/95647"),
    "safari": ("Safari", "https://support.apple.com/guide/safari/sfri11471/mac"),
    "firefox": ("Firefox", "https://support.mozilla.org/kb/block-websites-storing-cookies-site-data-firefox"),
    "edge": (
        "Edge",
        "https://support.microsoft.com/windows/"
        "manage-cookies-in-microsoft-edge-view-allow-block-delete-and-use-168dab11-0753-043d-7c16-ede5947fc64d",
    ),
    "android": ("Chrome, Android", "https://support.google.com/chrome/answer/95647?co=GENIE.Platform%3DAndroid"),
    "iphone": ("Safari, iPhone, iPad", "https://support.apple.com/105082"),
}
_OPT_OUTS = (
    Link(name="NAI (Network Advertising Initiative)", address="https://optout.networkadvertising.org/"),
    Link(name="DAA (Digital Advertising Alliance)", address="https://optout.aboutads.info/"),
    Link(name="EDAA (European Interactive Digital Advertising Alliance)", address="https://www.youronlinechoices.eu/"),
)


def browsers(locale: Locale) -> tuple[Link, ...]:
    """Return where each browser has its settings for cookies, with the vendor's help page."""
    return tuple(
        Link(name=name, address=address, text=locale.text(f"browsers.{key}"))
        for key, (name, address) in _BROWSERS.items()
    )


def opt_outs() -> tuple[Link, ...]:
    """Return the pages on which advertising companies accept objections."""
    return _OPT_OUTS


def outside_link(address: str) -> str:
    """Return an address that may become a link: https, mailto, tel, or a path of the site. Else an empty string."""
    lowered = address.lower()
    if lowered.startswith(("https://", "mailto:", "tel:")) or (address.startswith("/") and address[1:2] not in "/\\"):
        return address
    return ""


def contact_link(contact: str) -> str:
    """Return the address to write to or to call, where the whole text is an e-mail address or a telephone number."""
    contact = contact.strip()
    if _MAIL.fullmatch(contact):
        return f"mailto:{contact}"
    if _PHONE.fullmatch(contact):
        return "tel:" + re.sub(r"[^+0-9]", "", contact)
    return contact if contact.lower().startswith("https://") and re.fullmatch(r"\S+", contact) else ""
