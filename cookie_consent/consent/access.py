"""Whether an application has looked at a visitor's consent, so that its answer may depend on it."""

from __future__ import annotations

from typing import Any

from cookie_consent.consent.model import Consent

__all__ = ["is_read", "tracked"]


class _TrackedConsent(Consent):
    """A consent that notes when its first attribute is asked for; until then it is but a reference to another."""

    __slots__ = ("_original",)

    def __getattribute__(self, name: str) -> Any:
        consent = _get(self)
        if consent is not None:
            _set(self, None)
            object.__setattr__(self, "__dict__", consent.__dict__)
        if name == "__class__":
            return Consent  # it compares, copies and prints as one
        return object.__getattribute__(self, name)

    def __reduce__(self) -> tuple[Any, ...]:  # copies are of the plain kind
        return object.__new__, (Consent,), self.__dict__


_new = object.__new__
_slot: Any = _TrackedConsent.__dict__["_original"]
_get = _slot.__get__
_set = _slot.__set__


def tracked(consent: Consent) -> Consent:
    """Return the same consent for one request, with a note of whether it is read. Every request makes one."""
    shown = _new(_TrackedConsent)
    _set(shown, consent)
    return shown


def is_read(consent: Consent) -> bool:
    """Say whether somebody has looked at what ``tracked`` returned."""
    return _get(consent) is None
