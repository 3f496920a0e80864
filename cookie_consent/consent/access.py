"""Find out whether an application has read a visitor's consent, so that its response may depend on it."""

from __future__ import annotations

from typing import Any

from cookie_consent.consent.model import Consent

__all__ = ["is_read", "tracked"]


class _TrackedConsent(Consent):
    """A consent that records whether any attribute was read. Until then it only refers to the original."""

    __slots__ = ("_original",)

    def __getattribute__(self, name: str) -> Any:
        consent = _get(self)
        if consent is not None:
            _set(self, None)
            object.__setattr__(self, "__dict__", consent.__dict__)
        if name == "__class__":
            return Consent  # so that it compares, copies and prints like one
        return object.__getattribute__(self, name)

    def __reduce__(self) -> tuple[Any, ...]:  # copies are plain consents
        return object.__new__, (Consent,), self.__dict__


_new = object.__new__
_slot: Any = _TrackedConsent.__dict__["_original"]
_get = _slot.__get__
_set = _slot.__set__


def tracked(consent: Consent) -> Consent:
    """Return an equal consent for one request, for which ``is_read`` tells whether it was read."""
    # Every request makes one, so this avoids the cost of a dataclass's constructor.
    copy = _new(_TrackedConsent)
    _set(copy, consent)
    return copy


def is_read(consent: Consent) -> bool:
    """Return whether any attribute of a consent from ``tracked`` was read."""
    return _get(consent) is None
