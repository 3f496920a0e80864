"""``/.well-known/gpc.json`` states that the site honours Global Privacy Control (GPC, section 4)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from cookie_consent.policy import instant

if TYPE_CHECKING:
    from cookie_consent.policy import Policy

__all__ = ["gpc_response"]


def gpc_response(policy: Policy) -> Response:
    """Return the document. ``lastUpdate`` is never in the future, and is omitted if the policy has no date."""
    try:
        effective = policy.effective
        updated = instant(effective).date() if effective is not None else date.fromisoformat(policy.version)
    except ValueError:  # the version is a label
        return JSONResponse({"gpc": True})
    return JSONResponse({"gpc": True, "lastUpdate": min(updated, datetime.now(UTC).date()).isoformat()})
