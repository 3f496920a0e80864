"""Read Global Privacy Control (GPC) from a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookie_consent.policy import CookieOptions

__all__ = ["GPC_HEADER", "GPC_PATH", "gpc_cookie_name", "sends_gpc"]

GPC_HEADER = b"sec-gpc"
GPC_PATH = "/.well-known/gpc.json"


def sends_gpc(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Return whether any ``Sec-GPC`` header is ``1`` (GPC, section 3.3).

    Proxies may repeat the header or join its lines (RFC 9110, section 5.2). One ``1`` among them is enough.
    """
    for name, value in headers:
        if name == GPC_HEADER and b"1" in value and any(part.strip() == b"1" for part in value.split(b",")):
            return True
    return False


def gpc_cookie_name(options: CookieOptions) -> str:
    """Return the name of the cookie by which the guard reports GPC if no header arrives.

    It needs no signature: forging it can only protect the visitor.
    """
    return f"{options.name}_gpc"
