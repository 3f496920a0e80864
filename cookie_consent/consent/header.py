"""The request header ``X-Consent``, by which an application that is not in Python learns what is agreed to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookie_consent.consent.model import Consent

__all__ = ["HEADER_NAME", "HEADER_NAMES", "header_value"]

HEADER_NAME = b"x-consent"
HEADER_NAMES = frozenset(b"x%cconsent" % byte for byte in range(256) if not bytes([byte]).isalnum())
"""What clients may not send. CGI, WSGI and PHP give an application many spellings under one name, as ``X_Consent``."""
_ID = re.compile(r"[a-z0-9][a-z0-9.:-]{0,252}")


def header_value(consent: Consent) -> bytes:
    """Return the header's value for a consent.

    It is a Dictionary of structured fields (RFC 9651, section 3.2): ``decided``, a boolean; ``categories`` and
    ``services``, lists of the ids that are allowed. Of services it has those that the policy declares or the visitor
    has answered for.
    """
    candidates = {service.id for service in consent.policy.services}
    candidates.update(consent.services, consent.effective_names or ())
    services = filter(consent.allows_service, candidates)
    decided = "?1" if consent.decided else "?0"
    return f"decided={decided}, categories={_list(consent.granted)}, services={_list(services)}".encode("ascii")


def _list(ids: Iterable[str]) -> str:
    return "(" + " ".join(f'"{each}"' for each in sorted(ids) if _ID.fullmatch(each)) + ")"
