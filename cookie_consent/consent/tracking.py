"""Whether an application has looked at a visitor's consent, so that its answer may depend on it."""

from __future__ import annotations

from typing import Any

from cookie_consent.consent.model import Consent

__all__ = ["is_read", "unread"]

_new = object.__new__
_set = object.__setattr__


class _Unread(Consent):
    """A consent that nobody has looked at; the first access to an attribute turns it into a plain ``Consent``.

    So a request pays for one small object, and an application that reads it pays once.
    """

    def __getattribute__(self, name: str) -> Any:
        _set(self, "__class__", Consent)
        return object.__getattribute__(self, name)


def unread(consent: Consent) -> Consent:
    """Return the same consent for one request, with a note of whether it is read."""
    copy = _new(_Unread)
    _set(copy, "__dict__", consent.__dict__)
    return copy


def is_read(consent: Consent) -> bool:
    """Say whether somebody has looked at what ``unread`` returned."""
    return type(consent) is not _Unread
