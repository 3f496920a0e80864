"""The parts of a policy: categories, services, cookies, hosts and the options of gate, banner and cookie.

All of them are frozen pydantic models, validated once when they are created.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path  # noqa: TC003 - pydantic reads the annotation
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from cookie_consent.policy.base import Model
from cookie_consent.policy.duration import DURATION, Lifetime, parse_duration
from cookie_consent.policy.host import ascii_host
from cookie_consent.policy.host_pattern import checked_pattern, is_host_name
from cookie_consent.policy.name_pattern import checked_name_pattern, without_runs
from cookie_consent.policy.paths import checked_pattern as checked_path_pattern
from cookie_consent.policy.signals import Signal  # noqa: TC001 - pydantic reads the annotation
from cookie_consent.policy.style import checked_style

__all__ = [
    "AS_KEPT",
    "BannerOptions",
    "Category",
    "Controller",
    "CookieOptions",
    "CookieRule",
    "GateOptions",
    "HostRule",
    "LimitOptions",
    "Model",
    "OwnRule",
    "Seconds",
    "Service",
    "StorageRule",
    "Stub",
    "Text",
]

_LONGEST = 1000 * 31_557_600
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
MIRRORED = re.compile(r"^npm:(@[a-z0-9][a-z0-9._~-]{0,99}/)?[a-z0-9][a-z0-9._~-]{0,99}$")
_IDENTIFIER = r"-?[A-Za-z_\u00a0-\U0010ffff][\w\u00a0-\U0010ffff-]*"
_SIMPLE = rf"[.#]{_IDENTIFIER}|\[{_IDENTIFIER}(?:[~|^$*]?=(?:{_IDENTIFIER}|\"[^\"\\\n]*\"|'[^'\\\n]*'))?\]"
_COMPOUND = rf"(?:{_IDENTIFIER}(?:{_SIMPLE})*|(?:{_SIMPLE})+)"
_SELECTOR = re.compile(rf"{_COMPOUND}(?:(?: *> *| +){_COMPOUND})*")
"""Selectors Level 4 without namespaces, escapes and pseudo-classes."""
_LINK = re.compile(
    r"https://[^\s/?#@\\]+(?:[/?#][^\s\\]*)?|mailto:[^\s@<>\\]+@[^\s@<>\\]+|tel:\+?[0-9][0-9().-]*",
    re.ASCII | re.IGNORECASE,
)
_POSITIONS = {
    "bar": ("bottom", "top"),
    "box": ("center",),
    "corner": ("bottom-start", "bottom-end", "top-start", "top-end"),
    "modal": ("center",),
    "inline": ("start", "element"),
}
"""The positions of each layout, its own first."""
_COOKIE_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z\[\]:/@]{1,128}")


def _slug(value: str) -> str:
    if not SLUG.fullmatch(value):
        raise ValueError("must be 1 to 32 lower-case letters, digits and hyphens, such as 'live-chat'")
    return value


def _cookie_name(value: str) -> str:
    checked = checked_name_pattern(value)
    if not _COOKIE_NAME.fullmatch(without_runs(checked)):
        raise ValueError("must be a cookie name; '*' stands for any characters, as in '_ga_*'")
    return checked


def _domain(value: str) -> str:
    domain = checked_pattern(value)
    if "*" in domain or "/" in domain:
        raise ValueError(
            "must be a domain such as 'tracker.example', without '*' and path: its subdomains are meant too"
        )
    return domain


def _storage_name(value: str) -> str:
    if not 0 < len(value) <= 128 or not value.isprintable():
        raise ValueError("must be 1 to 128 printable characters; '*' stands for any, as in '_hjid*'")
    return checked_name_pattern(value)


def _duration(value: Any) -> int:
    seconds = parse_duration(value) if isinstance(value, str) else value
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        raise ValueError("must be a duration such as '30d', '12h' or '13mo'")  # noqa: TRY004 - what pydantic takes
    if not 0 < seconds <= _LONGEST:
        raise ValueError("must be more than 0 seconds and at most 1000 years, such as '30d'")
    return seconds


def _lifetime(value: Any) -> Lifetime:
    """Return a lifetime: calendar months only where the text names months or years."""
    if isinstance(value, Lifetime):
        _duration(value.average)
        return value
    seconds = _duration(value)
    return Lifetime.parse(value) if isinstance(value, str) else Lifetime(seconds=seconds)


def _address(value: str) -> str:
    """Accept a path on the site, or an http(s) address that a browser can open."""
    if not value or re.fullmatch(r"/(?![/\\])[^\s\x00-\x1f\\]*", value):
        return value
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        is_good = parts.scheme in {"http", "https"} and (parts.port is None or parts.port > 0) and value.isprintable()
        is_good = is_good and value.lower().startswith(f"{parts.scheme}://") and not re.search(r"[\s\\]", value)
        if ":" in host:
            ipaddress.IPv6Address(host)
        elif not is_host_name(ascii_host(host).removesuffix(".")):
            is_good = False
    except ValueError:  # UnicodeError is a subclass
        is_good = False
    if not is_good:
        raise ValueError("must be an http(s) address such as 'https://shop.example/privacy', or a path: '/privacy'")
    return value


def _link(value: str) -> str:
    """Accept what a visitor can open, write to or call."""
    if value and (not _LINK.fullmatch(value) or not value.isprintable()):
        raise ValueError("must be an address such as 'https://x.example/opt-out', 'mailto:a@x.example' or 'tel:+49301'")
    return _address(value) if value[:6].lower() == "https:" else value


def _country(value: str) -> str:
    if not re.fullmatch("[A-Z]{2}", value):
        raise ValueError("must be a country's code of two capital letters, such as 'DE' (ISO 3166-1)")
    return value


def _stored(value: Any) -> Any:
    """Return the table for which a bare name stands."""
    return {"name": value} if isinstance(value, str) else value


def _mirrored(value: Any) -> Any:
    is_list = isinstance(value, list | tuple)
    if isinstance(value, bool) or (
        is_list and all(isinstance(name, str) and MIRRORED.fullmatch(name) for name in value)
    ):
        return value
    raise ValueError("must be true, false, or a list of packages to add, such as ['npm:name', 'npm:@scope/name']")


def _text(value: Any) -> Any:
    if isinstance(value, str) and not value.strip():
        raise ValueError("must not be empty")
    return value


def _service_host(value: str) -> str:
    """Accept a host pattern, or a path on the site's own hosts."""
    if not value.startswith("/"):
        return checked_pattern(value)
    if "*" in value or not value.strip("/"):
        raise ValueError("must be a part of the site such as '/stats/pixel.gif', without '*': see the key own")
    return _own_path(value)


def _own_path(value: str) -> str:
    if not re.fullmatch(r"[/*][^\s\x00-\x1f]{1,199}", value):
        raise ValueError("must be a path on the site that begins with '/' or '*', such as '*/pixel.gif'")
    return value


def _selector(value: str) -> str:
    if len(value) > 100 or not value.isprintable() or not _SELECTOR.fullmatch(value):
        raise ValueError("must be a CSS selector without pseudo-classes, such as '.g-recaptcha' or '#map'")
    return value


Slug = Annotated[str, AfterValidator(_slug)]
HostRule = Annotated[str, AfterValidator(checked_pattern)]
"""A host pattern: ``cdn.example.com`` (that host), ``*.example.com`` (its subdomains, as in a CSP source
expression, CSP Level 3, section 6.7.2.8), and either may carry a path prefix: ``www.example.com/embed/``."""
ServiceHost = Annotated[str, AfterValidator(_service_host)]
"""A host pattern, or a path prefix on the site's own hosts, such as ``/stats/pixel.gif``."""
StyleVariables = Annotated[dict[str, str], AfterValidator(checked_style)]
Mark = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,64}(=[ -~]{0,100})?$")]
"""A name, or a name and what its value is: ``tid=G-*``, where ``*`` stands for any characters."""
CookieName = Annotated[str, AfterValidator(_cookie_name)]
Selector = Annotated[str, AfterValidator(_selector)]
"""A CSS selector: names, classes, ids and attributes, and elements inside others."""
StorageName = Annotated[str, AfterValidator(_storage_name)]
PathPattern = Annotated[str, AfterValidator(checked_path_pattern)]
"""A path, decoded; ``*`` stands for any characters, at most twice."""
Mirrored = Annotated[bool | tuple[Annotated[str, Field(pattern=MIRRORED.pattern)], ...], BeforeValidator(_mirrored)]
"""Whether public libraries are mirrored, or what is added to them, such as ``npm:@scope/name``."""
Seconds = Annotated[int, BeforeValidator(_duration), WithJsonSchema({"type": "string", "pattern": DURATION})]
"""A duration such as ``30d``, ``12h``, ``13mo`` or ``2y``."""
CalendarTime = Annotated[
    Lifetime,
    BeforeValidator(_lifetime),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": DURATION}),
]
"""A duration such as ``6mo``, whose months and years are those of the calendar."""
Address = Annotated[str, AfterValidator(_address)]
"""A path on the site, or an http(s) address; empty for none."""
Link = Annotated[str, AfterValidator(_link)]
"""An https, mailto or tel address; empty for none."""
Country = Annotated[str, AfterValidator(_country)]
"""A country's code (ISO 3166-1, alpha-2), such as ``DE``."""
Text = Annotated[str | dict[str, str], BeforeValidator(_text)]
"""A text for visitors: one string, or a table from language tag to string, such as ``{en = "…", de = "…"}``."""


UNCLASSIFIED = "unclassified"
"""The category of everything that neither the site nor the registry knows."""
AS_KEPT = {"as_kept": True}
"""The context in which a policy of the log is read. How it was enforced is not kept, so that is not checked."""


class CookieRule(Model):
    """One cookie, or a family of them, that a service or the site sets."""

    name: CookieName
    """The cookie's name; ``*`` stands for any characters, as in ``_ga_*``, and ``{hex:32}`` for so many of an
    alphabet."""
    domain: Annotated[str, AfterValidator(_domain)] | None = None
    """The domain that sets it, such as ``tracker.example``: a cookie of that name of another domain is another one. By
    default it may be of any."""
    purpose: Text = ""
    """What the cookie is for, in the visitor's words."""
    category: Slug | None = None
    """The category, where it differs from the service's. The site's own cookies need one."""
    max_age: Seconds | None = None
    """The longest lifetime, such as ``30d``. A longer one is shortened to it. Without it the cookie has no limit of
    its own."""
    path: str = "/"
    """The ``Path`` that the cookie is set with. It is needed to delete the cookie."""
    persist: Slug | None = None
    """The category that lets the cookie outlive the browser session, such as ``login`` for a session cookie that
    carries a sign-in. Until it is agreed to, the cookie ends with the browser; then it keeps the lifetime that the
    application gave it."""
    party: Literal["first", "third"] = "first"
    """Whose domain it belongs to: ``first`` for the site's own, ``third`` for the service's. With ``domain`` the
    default is ``third``."""
    exempt: (
        Literal[
            "input",
            "basket",
            "authentication",
            "security",
            "load-balancing",
            "player",
            "interface",
            "choice",
            "payment",
        ]
        | None
    ) = None
    """Why it needs no consent, where it belongs to a category that is always on."""

    @model_validator(mode="before")
    @classmethod
    def _is_of_its_domain(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("domain") is not None and "party" not in values:
            return {**values, "party": "third"}
        return values


class StorageRule(Model):
    """A key of local or session storage, a database or a cache, or a family of them."""

    name: StorageName
    """The name; ``*`` stands for any characters, as in ``_hjid*``, and ``{hex:32}`` for so many of an alphabet."""
    purpose: Text = ""
    """What it is for, in the visitor's words."""


Stored = Annotated[StorageRule, BeforeValidator(_stored)]
"""The table of a storage key, or its name alone."""


class Category(Model):
    """A purpose that a visitor consents to as a whole."""

    id: Slug
    """The name of the table."""
    required: bool = False
    """Strictly necessary: always on, and not offered as a choice."""
    sale_or_sharing: bool = False
    """Global Privacy Control refuses it until the visitor deliberately chooses otherwise."""
    max_age: Seconds | None = None
    """The longest lifetime of its cookies, such as ``13mo``, whatever a cookie's own rule says. Without it only the
    cookies' own limits apply."""
    name: Text | None = None
    """What the banner calls it. A built-in category has a name in every language."""
    purpose: Text | None = None
    """What it is for. A built-in category has a text in every language."""
    consequence: Text | None = None
    """What visitors miss if they refuse it. A built-in category has a text in every language."""
    purposes: dict[Slug, Text] = {}  # noqa: RUF012 - pydantic copies it
    """What the site itself does once it is agreed to, beside what its services and cookies do, each with an id of its
    own: ``{ offers = "Shows what goes with your last order" }``. Each is shown, and a new one is asked about."""
    legal_basis: (
        Literal["consent", "contract", "legal-obligation", "vital-interests", "public-task", "legitimate-interests"]
        | None
    ) = None
    """The legal basis of a category that is always on (GDPR, Article 6(1)). All others rest on consent."""

    @model_validator(mode="after")
    def _rests_on_its_basis(self) -> Self:
        if self.legal_basis is not None and self.required == (self.legal_basis == "consent"):
            raise ValueError(
                "is always on, so its legal_basis cannot be 'consent'"
                if self.required
                else "is a choice, so its legal_basis can only be 'consent'; leave it out"
            )
        return self


class Stub(Model):
    """A global name by which the site's own code calls a service's script, and how calls to it are queued."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z_$][A-Za-z0-9_$]{0,63}$")]
    """The global name, such as ``fbq``."""
    queue: Annotated[str, Field(pattern=r"^(window\.)?[A-Za-z_$][A-Za-z0-9_$]{0,63}$")] | None = None
    """Where the function queues its calls: in a property of its own, such as ``queue``, or in a list such as
    ``window.dataLayer``. Without it the global is itself a list, such as ``_paq``."""
    methods: tuple[Annotated[str, Field(pattern=r"^[A-Za-z_$][A-Za-z0-9_$]{0,63}$")], ...] = ()
    """The methods of a list that append their name and arguments to it, such as ``ttq.track(…)``."""


class OwnRule(Model):
    """How to tell what a service loads from the site's own hosts. All that is given must be the case."""

    path: Annotated[str, AfterValidator(_own_path)]
    """The path of the address, decoded and without its query. ``*`` stands for any characters: ``*/matomo.php``."""
    query: tuple[Mark, ...] = ()
    """Parameters that the query has, such as ``idsite``, or ``tid=G-*``."""
    element: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")] | None = None
    """The element that asks for it, such as ``script``. Without it, any element or script may."""
    attributes: tuple[Mark, ...] = ()
    """Attributes that the element has, such as ``data-website-id``."""

    @model_validator(mode="after")
    def _is_limited(self) -> Self:
        if not self.path.strip("*/") and not self.query and not self.attributes:
            raise ValueError("matches the whole site: give a longer path, or what the query or the element has")
        return self


class Service(Model):
    """A program or company, usually a third party, that receives requests or sets cookies."""

    id: Slug
    """The name of the table."""
    name: str
    """What visitors know it by."""
    category: Slug
    """The category that allows it."""
    company: str = ""
    """Who runs it."""
    privacy_url: Address = ""
    """The address of its privacy policy, linked from the preferences page."""
    hosts: tuple[ServiceHost, ...] = ()
    """The hosts that it is loaded from and sends data to. ``*.x.example`` stands for the subdomains of ``x.example``. A
    path prefix may follow, as in ``www.example.com/embed/``, where ``*`` stands for any one segment:
    ``cdn.example.com/*/sdk.js``. A path alone, such as ``/stats/``, is one on the site's own hosts."""
    own: tuple[OwnRule, ...] = ()
    """How its requests to the site's own hosts are told from the site's, such as
    ``{ path = "*/matomo.php", query = ["idsite", "rec"] }``."""
    cookies: tuple[CookieRule, ...] = ()
    """The cookies that it sets."""
    inline: tuple[Annotated[str, Field(min_length=4, max_length=200)], ...] = ()
    """Texts by which an inline script is recognised as this service's, such as ``fbq(``."""
    storage: tuple[Stored, ...] = ()
    """What it stores in the browser besides cookies: keys of local and session storage, databases, caches. Each is a
    name, or a table such as ``{ name = "_hjid*", purpose = "Tells visitors apart" }``."""
    stubs: tuple[Stub, ...] = ()
    """The functions and lists by which the site's own code calls it. The guard queues these calls while it is held."""
    signals: tuple[Signal, ...] = ()
    """How it is told what the visitor has agreed to, such as
    ``{ on = "refuse", call = "fbq", args = ["consent", "revoke"] }``. ``[]`` has it told nothing."""
    google_consent_mode: bool | Literal["container"] = False
    """It reads Google's consent mode, which is told once for all services: see ``signals.google``. ``"container"`` for
    a tag manager: its own switch counts only where no other service of its category reads it."""
    consent_mode: Literal["basic", "advanced"] = "basic"
    """``advanced`` loads its scripts before visitors have chosen, told that consent is denied: it sends pings, and its
    cookies and storage stay held. After a refusal it is held like all others. Only for a service that can be told so
    before its script runs. It is your decision whether the law allows that: see Vendors are told."""
    places: tuple[Selector, ...] = ()
    """Where its script puts what it shows, as CSS selectors such as ``.g-recaptcha`` or ``#map``. A placeholder stands
    there while it is held."""
    forms: bool = False
    """Forms need it to be sent, as they need a captcha. While it is held, they say so at their button."""
    purpose: Text | None = None
    """What the site uses it for, shown on the preferences page."""
    country: Country | None = None
    """The country of the company, such as ``IE``."""
    transfers: tuple[Country, ...] = ()
    """The other countries that the data is sent to, such as ``["US"]``."""
    safeguard: (
        Literal["adequacy", "data-privacy-framework", "standard-clauses", "binding-rules", "explicit-consent"] | None
    ) = None
    """What protects data that leaves the European Economic Area (GDPR, Articles 45 to 49)."""
    retention: Seconds | None = None
    """How long the company keeps the data, such as ``14mo``."""
    opt_out_url: Link = ""
    """Where visitors can object: an https, mailto or tel address."""

    @field_validator("consent_mode")
    @classmethod
    def _can_be_told(cls, mode: str, info: ValidationInfo) -> str:
        told = info.data.get("signals")
        if mode == "basic" or info.context == AS_KEPT or told is None or "google_consent_mode" not in info.data:
            return mode  # or another key is wrong
        if not info.data["google_consent_mode"] and not any(signal.tells_before for signal in told):
            raise ValueError(
                "no signal says 'denied' to this service before a choice and before its script runs, so it has to be "
                'held: leave consent_mode out, or add such a signal: { on = "default", push = "…", args = […] }'
            )
        return mode


class Controller(Model):
    """Who is responsible for the site (GDPR, Article 4(7))."""

    name: str
    """The name of the person or company, shown in the notice."""
    contact: str = ""
    """How to reach them: an e-mail address, for example."""
    address: str = ""
    """The postal address; it may have several lines."""
    country: Country | None = None
    """The country whose law applies to what is recorded, such as ``DE``."""
    representative: str = ""
    """The representative in the European Union (GDPR, Article 27), with the address."""
    data_protection_officer: str = ""
    """How to reach the data-protection officer."""
    authority: str = ""
    """The data-protection authority that receives complaints."""
    authority_url: Link = ""
    """Where complaints can be made: an https, mailto or tel address."""


class BannerOptions(Model):
    """How the banner looks, and in which languages it is shown."""

    languages: tuple[str, ...] = ()
    """The language tags to offer; the first is the fallback. Without it, every language that has texts is offered."""
    language_cookie: Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{0,100}$")] = ""
    """The name of a cookie in which the site keeps the language that the visitor has chosen, such as
    ``django_language``. It counts where the page names no language, and before that of the browser."""
    privacy_url: Address = ""
    """The address of the site's privacy policy, linked from the banner: a path, or an http(s) address."""
    layout: Literal["bar", "box", "corner", "modal", "inline"] = "bar"
    """How it stands in the window: as a bar, as a box in the middle, in a corner, or as a box that has to be answered
    before the page can be used; ``inline`` is a part of the page itself, which covers nothing."""
    position: Literal["", "bottom", "top", "bottom-start", "bottom-end", "top-start", "top-end", "start", "element"] = (
        ""
    )
    """Where it stands: a bar at the ``bottom`` (the default) or the ``top``, a corner at ``bottom-start`` (the default)
    or another one. The start is the left side in English, and the right side in Arabic. An inline one stands at the
    ``start`` of the body (the default), or in the page's ``element`` ``<consent-banner>``; a page without that has a
    box."""
    theme: Literal["auto", "light", "dark", "page"] = "auto"
    """Light or dark: ``auto`` is what the visitor's system asks for, ``page`` the page's own ``color-scheme``."""
    style: StyleVariables = {}  # noqa: RUF012 - pydantic copies it
    """Colours, sizes and shapes, such as ``accent = "#0a6"``: the variables ``--cookie-consent-*``, named without that.
    The page's own style sheets may set them, too, and come first."""
    reopen: Literal["pill", "icon", "link", "none"] = "pill"
    """What leads back to the settings after a choice: a small button with a text or with an icon, a link of the site's
    own with the attribute ``data-consent-open``, or nothing of ours."""
    close: bool = False
    """Show an X. It refuses all, as does the Escape key in the banner, and the record says so (``close``)."""
    site_name: Annotated[str, Field(max_length=100)] = ""
    """The name of the site, shown above the title."""
    imprint_url: Address = ""
    """The address of the site's legal notice, linked from the banner: a path, or an http(s) address."""
    terms_url: Address = ""
    """The address of the site's terms, linked from the banner: a path, or an http(s) address."""
    locales: Path | None = None
    """A folder with the site's own texts. ``de.toml`` replaces single texts of that language; a file for a new
    language must contain all of them. The path is relative to the policy file."""
    templates: Path | None = None
    """A folder with the site's own Jinja templates, such as ``banner.html``, which replace the built-in ones. The path
    is relative to the policy file."""
    exclude: tuple[PathPattern, ...] = ()
    """The paths whose pages are gated and have no banner, such as ``/kiosk/*``, written as for ``gate.exclude``."""

    @model_validator(mode="before")
    @classmethod
    def _read_center(cls, values: Any) -> Any:
        # What release 0.1.0 called the box.
        if isinstance(values, dict) and values.get("position") == "center":
            return {"layout": "box", **values, "position": ""}
        return values

    @model_validator(mode="after")
    def _check_position(self) -> Self:
        fitting = _POSITIONS[self.layout]
        if self.position and self.position not in fitting:
            fix = f"write one of {', '.join(fitting)}" if len(fitting) > 1 else "leave it out"
            raise ValueError(f"the position {self.position!r} is none of the layout {self.layout!r}: {fix}")
        return self

    @property
    def place(self) -> str:
        """The position, or the layout's own."""
        return self.position or _POSITIONS[self.layout][0]


class CookieOptions(Model):
    """The consent cookie."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")] = "cookie_consent"
    """Its name. On https it is prefixed with ``__Host-``."""
    domain: HostRule | None = None
    """The domain whose subdomains share the choice. Without it the cookie belongs to one host, and has the prefix
    ``__Host-`` on https (RFC 6265bis, section 4.1.3.2)."""
    max_age: CalendarTime = Lifetime(months=6)
    """How long a choice is valid, a refusal too, such as ``6mo`` or ``180d``. After that the visitor is asked again.
    Months and years are those of the calendar."""
    https_only: bool = False
    """Mark it ``Secure`` even if the request arrived by http: for a proxy that terminates TLS without saying so."""


class LimitOptions(Model):
    """How many choices are accepted. One that grants nothing more than before is never rejected."""

    choices_per_address: Annotated[float, Field(ge=0, le=1000)] = 1.0
    """Choices per second from one address, or one IPv6 /64, after a burst of 30 times as many. 0 means no limit."""
    choices: Annotated[float, Field(ge=0, le=1_000_000)] = 100.0
    """Choices per second in each process, after a burst of 10 times as many. 0 means no limit."""


class GateOptions(Model):
    """What enforces the visitor's choice on a page. Each part can be switched off by itself."""

    html: bool = True
    """Hold tags back in the page. If false, tags are sent unchanged; guard and banner are still added to the page."""
    csp: Literal["enforce", "report-only", "off"] = "enforce"
    """Send a Content-Security-Policy that allows what is agreed to. With ``report-only`` the browser only reports."""
    guard: bool = True
    """Hold back the cookies and storage that scripts write in the browser."""
    amp: bool = False
    """Leave AMP documents unchanged: pages whose root element has the attribute ``amp``. AMP has its own consent
    component. Nothing on such a page is held back."""
    clear_site_data: Annotated[
        tuple[Literal["cache", "storage", "executionContexts"], ...],
        AfterValidator(lambda kinds: tuple(dict.fromkeys(kinds))),
    ] = ()
    """What the browser clears when consent is withdrawn, by https (Clear Site Data, section 3.1)."""
    mirror: Mirrored = True
    """Serve public libraries and fonts from the site itself, below ``mirror/``: ``true`` for those that
    are listed, or a list that adds packages of npm, such as ``["npm:my-widgets"]``."""
    payment: tuple[PathPattern, ...] = ()
    """The paths on which the bank's check (3-D Secure) may show itself in a frame that a script makes, such as
    ``/checkout/*``, written as for ``gate.exclude``. Scripts may frame any host there, by https, that is not of a
    service without consent."""
    exclude: tuple[PathPattern, ...] = ()
    """The paths that have nothing of this package: no gate, no guard, no banner, such as ``/admin/*``. ``*`` stands for
    any characters; ``/admin/*`` is ``/admin`` as well. The path counts as the application's router sees it, decoded."""
