"""What the name and the value of something unknown look like. A hint for people, on which no program may decide."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from math import ceil, isfinite, log2
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import unquote

from pydantic import ValidationError

from cookie_consent.policy.duration import UNITS, duration_text
from cookie_consent.policy.model import UNCLASSIFIED, CookieRule, StorageRule
from cookie_consent.policy.toml_string import quoted
from cookie_consent.policy.trackers import is_like_tracker, words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["Hint", "Party", "cookie_hints", "host_hints", "storage_hints"]

Party: TypeAlias = Literal["first", "third"]
"""Whether something belongs to the site, or to a host of another one."""

_LONGEST_NAME = 256
_LONGEST_VALUE = 4096
"""No more characters of a name or a value are looked at."""
_LASTING = 30 * UNITS["d"]
"""What a visit needs does not last longer. Random text that does recognises a visitor."""
_MOST_KEYS = 3


@dataclass(frozen=True, kw_only=True)
class Hint:
    """What something looks like."""

    text: str
    """What it looks like, and what to do about it: one sentence in English."""
    category: str | None
    """The category that it would be declared in if the hint is right. None where only finding out helps."""
    lines: str
    """TOML for the policy file that declares it so; a comment where no rule can have this name."""


@dataclass(frozen=True)
class _Kind:
    """What some words in a name mean."""

    category: str
    text: str
    words: frozenset[str]
    parts: tuple[str, ...] = ()
    """Texts that tell it wherever they stand in the name, within longer words too."""
    lasts: bool = True
    """Whether it may last longer than a visit."""


_NECESSARY = (
    _Kind(
        "session",
        "looks like a CSRF token: declare it as session if the site's own server sets it",
        frozenset({"antiforgery"}),
        ("csrf", "xsrf", "requestverificationtoken", "authenticity_token"),
    ),
    _Kind(
        "session",
        "looks like the id of a session: declare it as session if the site's own server sets it",
        frozenset({"sess", "session", "sid", "sessid"}),
        ("sessionid", "sessid", "session_id", "session-id"),
        lasts=False,
    ),
    _Kind(
        "session",
        "looks like a basket: declare it as session if it keeps what a visitor has put there",
        frozenset({"cart", "basket", "checkout", "trolley"}),
        ("shoppingcart", "shopping_cart", "minicart"),
        lasts=False,
    ),
    _Kind(
        "session",
        "looks like load balancing: declare it as session if it only says which server answers",
        frozenset({"lb", "sticky", "affinity", "backend", "routeid", "serverid"}),
        ("loadbalanc", "load_balanc"),
        lasts=False,
    ),
    _Kind(
        "session",
        "looks like a choice about cookies: declare it as session if it keeps nothing else, "
        "and see whether another consent tool is still on the site",
        frozenset({"gdpr", "ccpa", "tcf", "cmp"}),
        ("consent", "cookiebar", "cookienotice", "cookie_notice", "cookiepolicy"),
    ),
    _Kind(
        "login",
        "looks like a sign-in: declare it as login if it keeps visitors signed in",
        frozenset({"auth", "login", "remember", "rememberme", "signin", "sso", "oauth", "oidc", "openid"}),
        ("loggedin", "logged_in", "remember_me"),
    ),
)
_PREFERENCES = (
    _Kind(
        "preferences",
        "looks like a language or region: declare it as preferences if the visitor has chosen it",
        frozenset({"lang", "language", "locale", "country", "region", "timezone", "tz"}),
        ("locale", "language", "i18n"),
    ),
    _Kind(
        "preferences",
        "looks like a currency: declare it as preferences if the visitor has chosen it",
        frozenset({"currency"}),
        ("currency",),
    ),
    _Kind(
        "preferences",
        "looks like a setting of the page: declare it as preferences if the visitor has chosen it",
        frozenset(
            {"theme", "darkmode", "dark", "layout", "font", "contrast", "sidebar", "dismissed", "hide", "hidden"}
        ),
        ("darkmode", "dark_mode", "colorscheme", "color_scheme"),
    ),
)
_OPEN = (
    _Kind(
        UNCLASSIFIED,
        "its name speaks of a token: find out what the token admits to",
        frozenset({"jwt", "token", "tokens", "tkn"}),
    ),
)
_TRACKING = (
    _Kind(
        "analytics",
        "looks like the variant of an experiment: declare it as analytics, with the service that runs the experiment",
        frozenset({"ab", "abtest", "exp", "experiment", "experiments", "variant", "variation", "split", "cohort"}),
        ("abtest", "ab_test", "experiment"),
    ),
    _Kind(
        "analytics",
        "looks like counting visitors: find out who sets it, and declare it as analytics",
        frozenset({
            "analytics", "anonymous", "client", "device", "fingerprint", "fp", "guid", "heatmap", "metrics", "pageview",
            "pageviews", "pixel", "stat", "stats", "telemetry", "track", "tracker", "tracking", "uid", "uuid", "visit",
            "visitor", "visitors", "visits",
        }),
        ("visitor", "analytics", "tracking", "fingerprint"),
    ),
    _Kind(
        "advertising",
        "looks like where a visitor came from: find out who reads it, and declare it as advertising",
        frozenset({
            "ad", "ads", "adid", "advert", "aff", "affiliate", "campaign", "clid", "clickid", "referral", "referrer",
            "retargeting", "utm",
        }),
        ("gclid", "fbclid", "msclkid", "dclid", "gbraid", "wbraid", "yclid", "ttclid", "affiliate", "campaign", "utm_"),
    ),
)  # fmt: skip
_HOSTS = (
    _Kind(
        "analytics",
        "its name speaks of counting visitors: find out who runs it",
        frozenset({
            "analytics", "beacon", "collect", "collector", "events", "heatmap", "metrics", "pixel", "rum", "stat",
            "stats", "telemetry", "track", "tracker", "tracking",
        }),
    ),
    _Kind(
        "advertising",
        "its name speaks of advertising: find out who runs it",
        frozenset({"ad", "ads", "adserver", "adservice", "adsystem", "advert", "affiliate", "bid", "rtb", "sync"}),
    ),
    _Kind(
        UNCLASSIFIED,
        "its name speaks of delivering files: whoever runs it still sees who asks, so find out what is loaded",
        frozenset({"assets", "cdn", "files", "fonts", "images", "img", "media", "static"}),
    ),
)  # fmt: skip

_UUID = re.compile(r"\{?[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?")
_JWT = re.compile(r"eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]*")
_GA = re.compile(r"G[AS][0-9]\.[0-9]{1,3}\.[0-9A-Za-z$.-]{6,}")
_VERSIONED = re.compile(r"[a-z]{2,6}\.[0-9]{1,2}\.[0-9]{10,13}\.[0-9A-Za-z._-]{4,}")
_EPOCH = re.compile(r"1[0-9]{9}(?:[0-9]{3})?")
"""Seconds or milliseconds since 1970, from 2001 to 2033."""
_RANDOM = re.compile(r"[0-9A-Za-z_+/.=~%-]{16,}")
_LOCALE = re.compile(r"([a-z]{2})(?:[-_][A-Za-z]{2,4})?")
_LEAST_ENTROPY = 3.0
"""Bits a character. Hexadecimal digits have up to 4, words of a language hardly ever as much over 16 characters."""
_LANGUAGES = frozenset(
    re.findall(
        "..",
        "arbgbncacscydadeeleneseteufafifrgaglguhehihrhuhyidisitjakakkkmknkoltlvmkmlmnmrmsmynbnenlnnnopaplpspt"
        "roruskslsqsrsvswtatethtltrukuruzvizhzu",
    )
)
"""Codes of ISO 639-1, one after another."""
_CURRENCIES = frozenset(
    "AED ARS AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK JPY KES KRW KWD MAD MXN MYR "
    "NGN NOK NZD PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR".split()
)
"""Codes of ISO 4217."""


def cookie_hints(
    name: str,
    *,
    value: str = "",
    lifetime: float | None = None,
    party: Party | None = None,
    domain: str | None = None,
    categories: Collection[str] | None = None,
) -> tuple[Hint, ...]:
    """Return what a cookie looks like that neither the policy nor the registry knows; empty if that tells nothing.

    ``lifetime`` is in seconds, None if it is unknown or ends with the browser. ``domain`` is the one to which a cookie
    of another site belongs. ``categories`` are those of the policy: by default the built-in ones. It never raises, and
    takes time that is linear in the length of what is given.

    *session* and *login* are named only if nothing speaks against it: a name that the registry has for something
    else, a word of tracking beside it, another site that sets it.
    """
    if lifetime is not None and not isfinite(lifetime):
        lifetime = None
    return tuple(
        Hint(text=text, category=category, lines=_cookie_lines(name, category, lifetime, domain))
        for text, category in _looks(name, value, lifetime, party, categories)
    )


def storage_hints(name: str, *, categories: Collection[str] | None = None) -> tuple[Hint, ...]:
    """Return the same for a key of local or session storage."""
    lines = _storage_lines(name)
    # Storage has no end, and lines name the service rather than a category.
    return tuple(
        Hint(text=text, category=category, lines=lines) for text, category in _looks(name, "", None, None, categories)
    )


def host_hints(host: str) -> tuple[Hint, ...]:
    """Return what the name of an unknown host speaks of. ``lines`` is empty, as a service must be found first."""
    found = set(words(host.rpartition(".")[0]))  # of the last label one could only learn where it was registered
    return tuple(Hint(text=kind.text, category=_shown(kind), lines="") for kind in _HOSTS if kind.words & found)


def _looks(
    name: str, value: str, lifetime: float | None, party: Party | None, categories: Collection[str] | None
) -> Iterator[tuple[str, str | None]]:
    """Yield what it looks like, and the category that would follow."""
    name, value = name[:_LONGEST_NAME], value[:_LONGEST_VALUE]
    tracking = [kind for kind in _TRACKING if _has(kind, name)]
    kinds = [*tracking, *(kind for kind in _PREFERENCES if _has(kind, name))]
    shapes = list(_shapes(value, lifetime))
    speaks_against = (
        tracking or party == "third" or any(category not in {None, "preferences"} for _, category in shapes)
    )
    if not speaks_against and not is_like_tracker(name):
        is_short = lifetime is None or lifetime <= _LASTING
        kinds += [kind for kind in _NECESSARY if (kind.lasts or is_short) and _has(kind, name)]
    kinds = kinds or [kind for kind in _OPEN if _has(kind, name)]
    said = [(kind.text, _shown(kind)) for kind in kinds]
    for text, category in [*said, *shapes]:
        yield text, category if category is None or categories is None or category in categories else None
    if party == "third":
        yield "another site keeps it: find out what is loaded from there", None


def _has(kind: _Kind, name: str) -> bool:
    lower = name.lower()
    return not kind.words.isdisjoint(words(name)) or any(part in lower for part in kind.parts)


def _shown(kind: _Kind) -> str | None:
    return kind.category if kind.category != UNCLASSIFIED else None


def _shapes(value: str, lifetime: float | None) -> Iterator[tuple[str, str | None]]:
    """Yield what the value looks like."""
    text = unquote(value, errors="replace").strip('" ')
    if _GA.fullmatch(text) or _VERSIONED.fullmatch(text):
        yield "its value has the form of an id for measuring visitors: find out who sets it", "analytics"
    elif _JWT.fullmatch(text):
        yield "its value is a JSON Web Token, which says who somebody is: find out who reads it", None
    elif (keys := _json_keys(text)) is not None:
        named = f", with the keys {', '.join(map(quoted, keys))}" if keys else ""
        yield f"its value is JSON{named}: see what it says of the visitor", None
    elif _EPOCH.fullmatch(text):
        yield "its value is a moment: it remembers when something happened", None
    elif text in _CURRENCIES:
        yield "its value is a currency: declare it as preferences if the visitor has chosen it", "preferences"
    elif (locale := _LOCALE.fullmatch(text)) is not None and locale[1] in _LANGUAGES:
        yield "its value is a language: declare it as preferences if the visitor has chosen it", "preferences"
    elif _UUID.fullmatch(text) or _is_random(text):
        if lifetime is None:
            yield "its value is an identifier: what it is for, its value does not tell", None
        elif lifetime > _LASTING:
            yield f"an identifier that lasts {_lasting(lifetime)}: likely counts visitors; find out who sets it", None


def _json_keys(text: str) -> list[str] | None:
    """Return the first keys of a JSON object, which may be in Base64; None if it is nothing like that."""
    if not text.startswith(("{", "eyJ", "ey")):
        return None
    if not text.startswith("{"):
        try:
            text = urlsafe_b64decode(text.replace("+", "-").replace("/", "_") + "=" * (-len(text) % 4)).decode()
        except ValueError:
            return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return [key[:32] for key in list(found)[:_MOST_KEYS]] if isinstance(found, dict) else None


def _is_random(text: str) -> bool:
    if _RANDOM.fullmatch(text) is None or not any(c.isdigit() for c in text) or not any(c.isalpha() for c in text):
        return False
    return _entropy(text[:64]) >= _LEAST_ENTROPY


def _entropy(text: str) -> float:
    """Return the bits a character, by how often each of them occurs."""
    shares = [text.count(character) / len(text) for character in set(text)]
    return -sum(share * log2(share) for share in shares)


def _lasting(seconds: float) -> str:
    months = round(seconds / UNITS["mo"])
    return f"{months} months" if months > 1 else f"{round(seconds / UNITS['d'])} days"


def _cookie_lines(name: str, category: str | None, lifetime: float | None, domain: str | None) -> str:
    # As a rule, "a*" would declare many other cookies besides.
    if not _names_one(name) or not _is_valid(CookieRule, name=name, domain=domain):
        return f"# this cookie cannot be declared under its name:\n# {quoted(name[:_LONGEST_NAME])}"
    lines = ["[[cookies]]", f"name = {quoted(name)}"]
    lines += [f"domain = {quoted(domain)}"] if domain is not None else []
    lines.append(_category_line(category))
    if lifetime is not None and lifetime > 0 and category not in {"session", None}:
        days = ceil(lifetime / UNITS["d"])
        lines.append(f'max_age = "{duration_text(days * UNITS["d"])}"')
    return "\n".join(lines)


def _storage_lines(name: str) -> str:
    if not _names_one(name) or not _is_valid(StorageRule, name=name):
        return f"# this key cannot be declared under its name:\n# {quoted(name[:_LONGEST_NAME])}"
    return f"# in the table of the service whose script sets it:\n# storage = [{quoted(name)}]"


def _category_line(category: str | None) -> str:
    if category is None:
        return f'category = "{UNCLASSIFIED}"  # say what it is for'
    return f'category = "{category}"  # if that is what it is for'


def _names_one(name: str) -> bool:
    return not any(character in name for character in "*{}")


def _is_valid(model: type[CookieRule | StorageRule], **values: str | None) -> bool:
    try:
        model.model_validate(values)
    except ValidationError:
        return False
    return True
