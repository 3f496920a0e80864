"""The signed cookie that carries a visitor's choices."""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from itsdangerous import BadData

from cookie_consent.consent.gpc import gpc_cookie_name
from cookie_consent.consent.record import VISIT_LIFETIME
from cookie_consent.consent.signing import serializer, signed
from cookie_consent.errors import ChoiceError, ConfigurationError
from cookie_consent.policy import Lifetime, check_names
from cookie_consent.policy.cookie_prefix import HOST_PREFIX, SECURE_PREFIX, without_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cookie_consent.consent.model import Consent
    from cookie_consent.policy import CookieOptions

__all__ = [
    "XRAY_COOKIE",
    "ConsentCookie",
    "Rank",
    "StoredChoice",
    "StoredVisit",
    "is_own_cookie",
    "own_cookies",
    "secret_keys",
]

XRAY_COOKIE = "cookie_consent_xray"
"""The cookie of an owner who wants to see what is held on pages."""
MINIMUM_SECRET = 32
MAXIMUM_VALUE = 3072
"""Longer values are ignored. Ours have a few hundred bytes; browsers accept up to 4,096, attributes included."""
_VISIT_SUFFIX = "_visit"
_FRAMED_SUFFIX = "_framed"
_OPT_OUT_SUFFIX = "_opt_out"
_OPT_OUT = Lifetime(months=12)
"""How long whoever has opted out of sale and sharing is not asked again (Cal. Civ. Code 1798.135(c)(4))."""
_GRANT = 1
_REFUSAL = 2
_PARTIAL = 3
"""The format of the value, its first member. Older releases used the first one for refusals too.

``_PARTIAL`` precedes the members of either for a visitor who has answered for some services only. Releases that do not
know it read no choice at all, and ask again.
"""
_VISIT = 4
"""The format of the other cookie, of what is allowed for one visit."""
_NAMES = "-="
"""Precedes what the notice named. No service has such an id."""
_A_DAY = timedelta(days=1)


Rank = tuple[datetime, int, int]
"""A sort key: of several choices, the one with the highest rank applies."""


@dataclass(frozen=True, kw_only=True)
class StoredChoice:
    """The content of a valid cookie, which may have been set under another policy version.

    A refusal has neither subject nor record, and its time is the start of the day (UTC).
    """

    subject: str | None
    record: str | None
    policy_version: str
    decided_at: datetime
    granted: frozenset[str]
    services: dict[str, bool]
    gpc: bool
    is_partial: bool = False
    """The categories that are not granted have no answer yet."""
    names: str = ""
    """What the notice named, as ``Policy.names`` writes it. Older releases did not store it."""

    @property
    def rank(self) -> Rank:
        """Sort choices by time; of two at the same time, the one that grants less ranks higher.

        A refusal may have been made at any time of its day, so it counts as made at the end of that day.
        """
        latest = self.decided_at if self.record is not None else self.decided_at + _A_DAY
        return latest, -len(self.granted) - sum(self.services.values()), int(self.gpc)


@dataclass(frozen=True, kw_only=True)
class StoredVisit:
    """The content of a valid cookie of what is allowed for one visit."""

    subject: str
    record: str
    policy_version: str
    at: datetime
    services: frozenset[str]
    gpc: bool
    names: str = ""
    """Their names, as ``Policy.names`` writes them. Older releases did not store them."""

    def is_over(self, now: datetime) -> bool:
        """Return whether the visit is over."""
        return now - self.at > VISIT_LIFETIME


def secret_keys(secret: str | Sequence[str] | None) -> list[str]:
    """Return the keys: the first signs, all verify. None reads the environment variable ``CONSENT_SECRET``.

    Raises ``ConfigurationError`` if there is no secret, or if one has fewer than 32 characters.
    """
    if secret is None:
        secret = os.environ.get("CONSENT_SECRET", "")
    keys = [secret] if isinstance(secret, str | bytes) else list(secret)
    make = 'make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"'
    if not keys or not all(keys):
        raise ConfigurationError(f"no secret is set: pass secret=… or set CONSENT_SECRET; {make}")
    for key in keys:
        if not isinstance(key, str):
            raise ConfigurationError(f"the secret is text, not {type(key).__name__}; {make}")
        if len(key) < MINIMUM_SECRET:
            raise ConfigurationError(
                f"the secret has {len(key)} characters and needs at least {MINIMUM_SECRET}; {make}"
            )
    return keys


class ConsentCookie:
    """Writes choices to the cookie and reads them back.

    The value is signed, not encrypted: HMAC-SHA-256 by itsdangerous over a compact JSON array. If something is granted,
    it holds the random subject id and the record's id, which prove the consent. A refusal holds neither, so everybody
    who refuses on the same day has the same value. What ``read`` returns can be trusted: it was signed with one of the
    keys. A forged, truncated, oversized or malformed value is read as None, never as an error. See RFC 6265bis, section
    4.1.3.2, for the ``__Host-`` prefix.
    """

    def __init__(self, keys: Sequence[str], options: CookieOptions) -> None:
        self._options = options
        self._serializer = serializer(keys, "choices")

    def name(self, *, secure: bool) -> str:
        """Return the cookie's name; it has the ``__Host-`` prefix wherever browsers accept it."""
        return _name(self._options, secure=secure)

    def visit_name(self, *, secure: bool) -> str:
        """Return the name of the cookie of what is allowed for one visit."""
        return self.name(secure=secure) + _VISIT_SUFFIX

    def names_read(self, *, secure: bool) -> frozenset[str]:
        """Return the names under which a choice may be stored: the current one, and ``__Host-``.

        A site that now shares the choice with its subdomains has set ``__Host-`` cookies before.
        """
        names = {self.name(secure=secure)}
        if self.is_secure(secure=secure):
            names.add(HOST_PREFIX + self._options.name)
        return frozenset(names)

    def framed_name(self, *, secure: bool) -> str:
        """Return the name of the cookie for choices that are made in a page that another site shows in a frame."""
        return self.name(secure=secure) + _FRAMED_SUFFIX

    def opt_out_name(self, *, secure: bool) -> str:
        """Return the name of the cookie of an opt-out. It is not signed: forging it can only protect the visitor."""
        return self.name(secure=secure) + _OPT_OUT_SUFFIX

    @property
    def base_name(self) -> str:
        """The name without a prefix."""
        return self._options.name

    @property
    def domain(self) -> str | None:
        """The domain that shares the cookie; None for the host alone."""
        return self._options.domain

    @property
    def gpc_cookie_name(self) -> str:
        """The name of the cookie by which the guard reports Global Privacy Control."""
        return gpc_cookie_name(self._options)

    def owns(self, name: str) -> bool:
        """Return whether ``name`` is a cookie of this package, with or without a prefix."""
        return is_own_cookie(self._options, name)

    def is_choice(self, name: str) -> bool:
        """Return whether ``name`` is the consent cookie or that of a visit, with or without a prefix."""
        return without_prefix(name) in {self._options.name, self._options.name + _VISIT_SUFFIX}

    def is_framed_choice(self, name: str) -> bool:
        """Return whether ``name`` is the cookie of a choice made in a frame, with or without a prefix."""
        return without_prefix(name) == self._options.name + _FRAMED_SUFFIX

    def read(self, value: str) -> StoredChoice | None:
        """Return the choice in ``value``, or None if it was not signed with one of the keys."""
        if not value or len(value) > MAXIMUM_VALUE:
            return None
        try:
            return _decode(self._serializer.loads(value))
        except (BadData, ValueError, TypeError, KeyError, IndexError, OverflowError, OSError):  # OSError: no such time
            return None

    def read_visit(self, value: str) -> StoredVisit | None:
        """Return what ``value`` allows for one visit, or None if it was not signed with one of the keys."""
        if not value or len(value) > MAXIMUM_VALUE:
            return None
        try:
            return _decode_visit(*self._serializer.loads(value))
        except (BadData, ValueError, TypeError, OverflowError, OSError):
            return None

    def visit_header(self, consent: Consent, *, secure: bool) -> str:
        """Return the ``Set-Cookie`` value for what ``consent`` allows for this visit; it deletes the cookie if nothing.

        The cookie ends with the browser's session.
        """
        pair = f"{self.visit_name(secure=secure)}={self._visit_value(consent) if consent.visit else ''}"
        return "; ".join([pair, *([] if consent.visit else ["Max-Age=0"]), *self._scope(secure=secure)])

    def _visit_value(self, consent: Consent) -> str:
        if consent.id is None or consent.record is None or consent.decided_at is None:
            raise ValueError("what is allowed for a visit needs its record")
        ids, moment = (_pack(consent.id), _pack(consent.record)), int(datetime.now(UTC).timestamp())
        services, names = " ".join(sorted(consent.visit)), consent.policy.names.added("", consent.visit)
        return self._signed([_VISIT, *ids, moment, consent.policy_version, services, int(consent.gpc), names])

    def header(self, consent: Consent, *, secure: bool, since: datetime | None = None) -> str:
        """Return the ``Set-Cookie`` value for ``consent``, which must hold an answer.

        The cookie lasts for the policy's ``max_age``, counted from now or from ``since``.
        """
        pair = f"{self.name(secure=secure)}={self.value(consent)}"
        return "; ".join([pair, f"Max-Age={self._left(since)}", *self._scope(secure=secure)])

    def opt_out_header(self, *, secure: bool, is_over: bool = False) -> str:
        """Return the ``Set-Cookie`` value that remembers an opt-out for twelve months, or deletes it."""
        now = datetime.now(UTC)
        age = 0 if is_over else int((_OPT_OUT.end(now) - now).total_seconds())
        pair = f"{self.opt_out_name(secure=secure)}={'' if is_over else 1}"
        return "; ".join([pair, f"Max-Age={age}", *self._scope(secure=secure)])

    def framed_header(self, consent: Consent, *, secure: bool) -> str:
        """Return the ``Set-Cookie`` value for a choice made in a page that another site shows in a frame.

        Browsers reject the others there. This one is partitioned (CHIPS): it is sent below that site only. Its name is
        its own, so that it cannot replace the others where a browser does not know ``Partitioned``. It is always
        ``Secure``, as ``SameSite=None`` requires. If something is allowed for this visit only, it ends with the
        browser's session.
        """
        names = consent.policy.names.added(consent.names, consent.visit) if consent.visit else consent.names
        stored = replace(consent, visit=frozenset(), covered={}, names=names)
        pair = f"{self.framed_name(secure=secure)}={self.value(stored)}"
        lifetime = [] if consent.visit else [f"Max-Age={self._left()}"]
        domain = [f"Domain={self._options.domain}"] if self._options.domain is not None else []
        fixed = ["Path=/", "HttpOnly", "SameSite=None", *domain, "Secure", "Partitioned"]
        return "; ".join([pair, *lifetime, *fixed])

    def _left(self, since: datetime | None = None) -> int:
        """Return how many seconds are left of a lifetime that begins now or began at ``since``."""
        now = datetime.now(UTC)
        return max(0, int((self._options.max_age.end(since or now) - now).total_seconds()))

    def _scope(self, *, secure: bool) -> list[str]:
        domain = [f"Domain={self._options.domain}"] if self._options.domain is not None else []
        return ["Path=/", "HttpOnly", "SameSite=Lax", *domain, *(["Secure"] if self.is_secure(secure=secure) else [])]

    def value(self, consent: Consent) -> str:
        """Return the signed value for the lasting answers of ``consent``, which must have one (else ``ValueError``).

        Raises ``ChoiceError`` if it names too many services to fit into a cookie.
        """
        if consent.decided_at is None:
            raise ValueError("only a consent with an answer can be written to the cookie")
        moment = int(consent.decided_at.timestamp())
        consent = consent.lasting
        payload: list[Any]
        if consent.is_refusal:
            payload = [_REFUSAL, moment // 86_400, consent.policy_version]
        elif consent.id is None or consent.record is None:
            raise ValueError("a consent that grants something needs its record")
        else:
            granted = " ".join(sorted(consent.granted - consent.policy.required_ids))
            ids = _pack(consent.id), _pack(consent.record)
            payload = [_GRANT, *ids, moment, consent.policy_version, granted, int(consent.gpc)]
        if exceptions := [*_names_of(consent), *_marked(consent.services)]:
            payload.append(" ".join(exceptions))
        return self._signed(payload if consent.is_complete else [_PARTIAL, *payload])

    def _signed(self, payload: list[Any]) -> str:
        value = signed(self._serializer, payload)
        if len(value) > MAXIMUM_VALUE:
            message = "the choice names too many services; choose by category"
            raise ChoiceError(message, status=422, code="too-many-services")
        return value

    def is_secure(self, *, secure: bool) -> bool:
        """Return whether the browser uses https: ``secure`` is what the server knows, the policy may know better."""
        return secure or self._options.https_only


def own_cookies(options: CookieOptions, *, secure: bool) -> Iterator[tuple[str, str, Lifetime | None]]:
    """Yield the cookies that visitors may get from this package: what each is, its name, and its lifetime.

    None: it ends with the browser.
    """
    name = _name(options, secure=secure)
    yield "choice", name, options.max_age
    yield "visit", name + _VISIT_SUFFIX, None
    yield "opt_out", name + _OPT_OUT_SUFFIX, _OPT_OUT
    yield "gpc", gpc_cookie_name(options), None


def is_own_cookie(options: CookieOptions, name: str) -> bool:
    """Return whether ``name`` is a cookie of this package, with or without a prefix."""
    suffixes = ("", _VISIT_SUFFIX, _FRAMED_SUFFIX, _OPT_OUT_SUFFIX)
    return without_prefix(name) in {gpc_cookie_name(options), XRAY_COOKIE, *(options.name + end for end in suffixes)}


def _name(options: CookieOptions, *, secure: bool) -> str:
    if not (secure or options.https_only):
        return options.name
    return (HOST_PREFIX if options.domain is None else SECURE_PREFIX) + options.name


def _pack(uuid: str) -> str:
    return urlsafe_b64encode(UUID(uuid).bytes).rstrip(b"=").decode("ascii")


def _unpack(text: str) -> str:
    return str(UUID(bytes=urlsafe_b64decode(text + "==")))


def _decode(payload: Any) -> StoredChoice | None:
    if not isinstance(payload, list) or not payload:
        return None
    kind, *values = payload
    if kind == _PARTIAL:
        stored = _decode(values) if values[:1] != [_PARTIAL] else None
        return replace(stored, is_partial=True) if stored is not None else None
    if kind == _REFUSAL:
        return _decode_refusal(*values)
    return _decode_grant(*values) if kind == _GRANT else None


def _decode_refusal(day: Any, version: Any, services: Any = "") -> StoredChoice | None:
    if type(day) is not int or not isinstance(version, str) or not isinstance(services, str):
        return None
    exceptions, names = _exceptions(services)
    return StoredChoice(
        subject=None,
        record=None,
        policy_version=version,
        decided_at=datetime.fromtimestamp(day * 86_400, UTC),
        granted=frozenset(),
        services=dict.fromkeys(exceptions, False),
        gpc=False,
        names=names,
    )


def _decode_grant(  # noqa: PLR0917 - the members of the value
    subject: Any, record: Any, decided_at: Any, version: Any, granted: Any, gpc: Any, services: Any = ""
) -> StoredChoice | None:
    if not all(isinstance(text, str) for text in (subject, record, version, granted, services)):
        return None
    exceptions, names = _exceptions(services)
    return StoredChoice(
        subject=_unpack(subject),
        record=_unpack(record),
        policy_version=version,
        decided_at=datetime.fromtimestamp(decided_at, UTC),
        granted=frozenset(granted.split()),
        services=exceptions,
        gpc=bool(gpc),
        names=names,
    )


def _decode_visit(  # noqa: PLR0917 - the members of the value
    kind: Any, subject: Any, record: Any, at: Any, version: Any, services: Any, gpc: Any, names: Any = ""
) -> StoredVisit | None:
    if kind != _VISIT or not all(isinstance(text, str) for text in (subject, record, version, services, names)):
        return None
    check_names(names)
    return StoredVisit(
        subject=_unpack(subject),
        record=_unpack(record),
        policy_version=version,
        at=datetime.fromtimestamp(at, UTC),
        services=frozenset(services.split()),
        gpc=bool(gpc),
        names=names,
    )


def _marked(services: Mapping[str, bool]) -> list[str]:
    return [f"{'+' if on else '-'}{name}" for name, on in sorted(services.items())]


def _names_of(consent: Consent) -> list[str]:
    """Return what the answered notice named, as an entry among the services.

    Releases that do not know it take it for the refusal of a service that does not exist.
    """
    if not consent.names:
        return []
    policy = consent.policy
    own = {name for name, on in consent.services.items() if on}
    names = policy.names.reduced(consent.names, consent.granted - policy.required_ids, own)
    return [_NAMES + names]


def _exceptions(services: str) -> tuple[dict[str, bool], str]:
    """Return the services' own answers, and what the notice named. Raises ``ValueError``."""
    entries = services.split()
    names = next((entry.removeprefix(_NAMES) for entry in entries if entry.startswith(_NAMES)), "")
    check_names(names)
    return {entry[1:]: entry[0] == "+" for entry in entries if not entry.startswith(_NAMES)}, names
