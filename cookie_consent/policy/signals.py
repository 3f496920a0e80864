"""How vendors are told what a visitor has agreed to: calls as data, and the options of Google's consent mode."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, WithJsonSchema, model_validator

from cookie_consent.policy.base import Model

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["GOOGLE_MAPPING", "GoogleConsentMode", "Signal", "SignalOptions", "google_signals"]

_NAME = "[A-Za-z_$][A-Za-z0-9_$]{0,63}"
_PATH = re.compile(rf"{_NAME}(\.{_NAME}){{0,4}}")
_UNSAFE = frozenset({"constructor", "prototype", "__proto__", "apply", "bind", "call"})
"""Members that lead from a vendor's function to JavaScript's own."""
_REGION = r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$"


def _path(value: str) -> str:
    if not _PATH.fullmatch(value) or not _UNSAFE.isdisjoint(value.split(".")):
        raise ValueError("must be a global name such as 'fbq', or a member of one such as 'ttq.grantConsent'")
    return value


def _json(value: JsonValue) -> JsonValue:
    if any(isinstance(inner, float) and not math.isfinite(inner) for inner in _all_in(value)):
        raise ValueError("must be finite numbers: JSON has no others")
    return value


def _all_in(value: JsonValue) -> Iterator[JsonValue]:
    found = [value]
    while found:
        inner = found.pop()
        yield inner
        if isinstance(inner, dict):
            found.extend(inner.values())
        elif isinstance(inner, list):
            found.extend(inner)


Path: TypeAlias = Annotated[str, AfterValidator(_path)]
Json: TypeAlias = Annotated[JsonValue, AfterValidator(_json), WithJsonSchema({})]
State: TypeAlias = Annotated[str, Field(max_length=100)]
"""The id of a category or a service; empty for the service itself."""


class Signal(Model):
    """One call by which a vendor is told of the visitor's choice: names and JSON values."""

    on: Literal["default", "update", "grant", "lift", "refuse", "withdraw"]
    """When it is made. ``default``: on each page, first. ``update``: on each page of a visitor who has chosen or allows
    the service, and each time that what it says changes. ``grant``: on each page on which the service is allowed, and
    when it becomes so. ``refuse``: likewise where it is not allowed. ``lift``: only when it becomes allowed on a page
    where it was not. ``withdraw``: only when it ceases to be allowed."""
    undecided: bool | None = None
    """Whether ``update`` and ``refuse`` are also made for visitors who have not chosen. By default ``refuse`` is, and
    ``update`` is not. ``true`` is for vendors that keep the last answer beyond the choice, and ``false`` for those that
    would keep a refusal that nobody made."""
    call: Path | None = None
    """The function to call, such as ``fbq`` or ``posthog.opt_in_capturing``. It is called once the page has it."""
    push: Path | None = None
    """The list to which the call is added, such as ``_paq``, once the page has it."""
    set: Path | None = None
    """The property that is given the value, such as ``wp_consent_type``. What it is a member of is made. What the page
    has set itself stays, unless the value is a state."""
    form: Literal["list", "arguments", "items", "method"] = "list"
    """What is pushed: one list of the arguments (Matomo, HubSpot), one ``arguments`` object (Google), each argument by
    itself (Microsoft UET), or a call to the method that the first argument names, which a list that stands in for the
    vendor's object keeps as a list (TikTok)."""
    args: tuple[Json, ...] = ()
    """The arguments: JSON values."""
    values: State | dict[Annotated[str, Field(pattern=rf"^{_NAME}$")], State] | None = None
    """Which state follows the arguments: that of a category or a service, or a table of them such as
    ``{ ad_storage = "advertising" }``. An empty text is the service itself. A table is merged into the last argument,
    if that is one too."""
    words: tuple[Json, Json] = ("granted", "denied")
    """How the vendor says that something is allowed, and that it is not, such as ``[true, false]``."""
    late: bool = False
    """Not before the page's markup has been read, after the page's own first calls: for what these would undo, and for
    what a vendor takes only after its own set-up."""
    after: Annotated[str, Field(pattern=rf"^({_NAME})?$")] = ""
    """What the page itself must have pushed before, such as ``requireConsent``: an answer that nobody asked for could
    switch on what is off."""

    @model_validator(mode="after")
    def _has_one_target(self) -> Self:
        if sum(target is not None for target in (self.call, self.push, self.set)) != 1:
            raise ValueError("needs one of the keys call, push and set")
        if self.push is None and (self.form != "list" or self.after):
            raise ValueError("has the keys form and after only together with push")
        if self.undecided is not None and self.on not in {"update", "refuse"}:
            raise ValueError("has the key undecided only with on = 'update' and on = 'refuse'")
        if self.form == "method" and not (self.args and isinstance(self.args[0], str)):
            raise ValueError('needs the name of the method as its first argument: args = ["grantConsent"]')
        return self

    @property
    def tells_before(self) -> bool:
        """Whether it is told before a choice and before the vendor's script runs, so that it can say *denied*.

        A member of a global, such as ``posthog.opt_out_capturing``, is there only once that script has run.
        """
        if self.late or self.after or (self.call is not None and "." in self.call):
            return False
        if self.on in {"update", "refuse"}:
            return self.undecided if self.undecided is not None else self.on == "refuse"
        return self.on == "default"

    @property
    def differs(self) -> bool:
        """Whether ``undecided`` is given and not what it is by default."""
        return self.undecided is not None and self.undecided != (self.on == "refuse")


GOOGLE_MAPPING = {
    "ad_storage": "advertising",
    "ad_user_data": "advertising",
    "ad_personalization": "advertising",
    "analytics_storage": "analytics",
    "functionality_storage": "preferences",
    "personalization_storage": "preferences",
    "security_storage": "session",
}
"""Google's consent types, and the categories that allow them."""
_STAND_INS = {"advertising": "google-ads", "analytics": "google-analytics"}
"""Where none of Google's services that is told belongs to a category, a notice that asks for it asks for others: the
service that has to be named besides."""
ConsentType = Literal[
    "ad_storage",
    "ad_user_data",
    "ad_personalization",
    "analytics_storage",
    "functionality_storage",
    "personalization_storage",
    "security_storage",
]
STORED_TYPES: tuple[ConsentType, ...] = ("ad_storage", "ad_user_data", "ad_personalization", "analytics_storage")
"""The consent types with which Google's tags store ids and share data."""


class GoogleConsentMode(Model):
    """How Google's tags are told (Consent Mode v2)."""

    told: bool | None = None
    """By default it is told where a service reads it that the policy declares, or a notice names. ``true`` tells it
    always, ``false`` never."""
    data_layer: Annotated[str, Field(pattern=rf"^{_NAME}$")] = "dataLayer"
    """The name of the list that Google's tags read, where the site's snippet gives it another one."""
    mapping: dict[ConsentType, State] = {}  # noqa: RUF012 - pydantic copies it
    """Which category or service allows a consent type, such as ``{ ad_user_data = "google-ads" }``. Types that are not
    given keep their category: *advertising*, *analytics*, *preferences* or *session*. Of *advertising* and *analytics*
    that is so where one of Google's services that notices name belongs to it; otherwise they are denied."""
    regions: tuple[Annotated[str, Field(pattern=_REGION)], ...] = ()
    """Where the state before a choice applies, as ISO 3166-2 codes such as ``["DE", "US-CA"]``. Without it,
    everywhere."""
    ads_data_redaction: bool = False
    """Have Google redact ad click ids while ``ad_storage`` is denied."""
    url_passthrough: bool = False
    """Let Google carry click ids in the addresses of links while storage is denied. That is a transfer of its own."""
    gtm_event: Annotated[str, Field(pattern=rf"^({_NAME})?$")] = ""
    """The name of an event that is pushed onto the same list with each update, for triggers in Google Tag Manager."""


def _google(value: Any) -> Any:
    return {"told": value} if isinstance(value, bool) else value


class SignalOptions(Model):
    """Which vendors are told of the visitor's choice, beside what the services say."""

    google: Annotated[GoogleConsentMode, BeforeValidator(_google)] = GoogleConsentMode()
    """Google's consent mode. ``true`` and ``false`` stand for a table with ``told`` alone."""
    header: bool = True
    """Tell the application by the request header ``X-Consent``. What the client sends under that name is removed in
    either case."""


def google_signals(options: GoogleConsentMode, asked: frozenset[str]) -> tuple[Signal, ...]:
    """Return what Google is told. An update holds whatever default the page's own snippet sets after it.

    ``asked`` are the categories of its services: for these, notices ask on its behalf.
    """
    own = {kind: state if state in asked else _STAND_INS.get(state, state) for kind, state in GOOGLE_MAPPING.items()}
    values: dict[str, str] = {**own, **{str(kind): state for kind, state in options.mapping.items()}}
    where: dict[str, Any] = {"region": list(options.regions)} if options.regions else {}
    switches = [name for name in ("ads_data_redaction", "url_passthrough") if getattr(options, name)]
    first: list[dict[str, Any]] = [
        {"args": ["consent", "default", *([where] if where else [])], "values": values},
        *({"args": ["set", name, True]} for name in switches),
    ]
    said = [
        *({"on": "default", **entry} for entry in first),
        {"on": "update", "args": ["consent", "update"], "values": values},
    ]
    signals = [Signal.model_validate({"push": options.data_layer, "form": "arguments", **entry}) for entry in said]
    if options.gtm_event:
        event = {"on": "update", "push": options.data_layer, "form": "items", "args": [{"event": options.gtm_event}]}
        signals.append(Signal.model_validate({**event, "values": values}))
    return tuple(signals)
