"""``GET state``: the visitor's choices, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from starlette.requests import Request

    from cookie_consent.consent import Consent

__all__ = ["get_state", "state_of"]


async def get_state(request: Request, consent: Consent) -> Response:  # noqa: ARG001 - an endpoint's signature
    """Return the state."""
    return JSONResponse(state_of(consent))


def state_of(consent: Consent) -> dict[str, Any]:
    """Return the state as JSON values, sorted."""
    return {
        "decided": consent.decided,
        "granted": sorted(consent.granted),
        "refused": sorted(consent.refused),
        "unanswered": sorted(consent.unanswered),
        "services": dict(sorted(consent.services.items())),
        "named": list(consent.effective_names) if consent.effective_names is not None else None,
        "pending": sorted(consent.pending),
        "visit": sorted(consent.visit),
        "id": consent.id,
        "policy_version": consent.policy_version,
        "decided_at": consent.decided_at.isoformat() if consent.decided_at is not None else None,
    }
