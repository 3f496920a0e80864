"""For the tests of a site: its application held to a policy, and clients that have chosen, without secret or file.

::

    async with ConsentClient(app, granted={"analytics"}) as client:
        page = await client.get("/")
        (record,) = client.ledger.records()
"""

from __future__ import annotations

import inspect
import secrets
from typing import TYPE_CHECKING, Any, Protocol

import anyio
import httpx

from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger import Ledger
from cookie_consent.middleware import ConsentMiddleware
from cookie_consent.policy import DEFAULT_PREFIX, Policy, parse_policy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from starlette.types import ASGIApp

__all__ = ["ConsentClient", "choose", "make_policy", "wrap"]

_AS_A_BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def make_policy(**tables: Any) -> Policy:
    """Return a policy with these keys of the policy file, such as ``services={"google-analytics": {}}``.

    Raises ``PolicyError``.
    """
    return parse_policy({"version": "test", **tables}, source="make_policy")


def wrap(
    app: ASGIApp, policy: str | Path | Policy | None = None, *, ledger: Ledger | None = None, prefix: str | None = None
) -> ConsentMiddleware:
    """Return the application held to a policy, with a secret of its own and a log in memory unless one is given.

    An application that is wrapped already, or to which ``add_middleware`` has added the middleware, keeps its policy,
    prefix and admin token, unless others are given here. Raises ``ConfigurationError``, and ``PolicyError`` for a wrong
    policy.
    """
    kept = _arguments(app)
    if isinstance(app, ConsentMiddleware):
        app = app.app
    site = ConsentMiddleware(
        app,
        policy=policy if policy is not None else kept.get("policy"),
        secret=secrets.token_urlsafe(32),
        ledger=ledger if ledger is not None else Ledger("sqlite://", memory=True),
        prefix=prefix if prefix is not None else kept.get("prefix", DEFAULT_PREFIX),
        admin_token=kept.get("admin_token"),
        dev=False,
    )
    site.check()
    return site


def _arguments(app: ASGIApp) -> dict[str, Any]:
    """Return what the middleware was given where the application has one; Starlette keeps what is to be added."""
    if isinstance(app, ConsentMiddleware):
        return vars(app.options)
    for added in getattr(app, "user_middleware", ()):  # the outermost comes first
        if added.cls is ConsentMiddleware:
            return inspect.signature(ConsentMiddleware).bind(app, *added.args, **added.kwargs).arguments
    return {}


class ConsentClient(httpx.AsyncClient):
    """A client of an application, which asks as a browser that has chosen; see ``wrap`` for what it does to ``app``.

    With ``granted`` it has agreed to these categories and refused all others when the block begins; ``services`` are
    exceptions to that. Without either it has not chosen. It takes all other arguments of ``httpx.AsyncClient``.
    """

    def __init__(
        self,
        app: ASGIApp,
        policy: str | Path | Policy | None = None,
        *,
        granted: Iterable[str] | None = None,
        services: Mapping[str, bool] | None = None,
        ledger: Ledger | None = None,
        prefix: str | None = None,
        **options: Any,
    ) -> None:
        self.site = wrap(app, policy, ledger=ledger, prefix=prefix)
        """The wrapped application."""
        self._choice = (tuple(granted or ()), services) if granted is not None or services else None
        headers = httpx.Headers(_AS_A_BROWSER)
        headers.update(options.pop("headers", None))
        super().__init__(
            transport=httpx.ASGITransport(app=self.site),
            headers=headers,
            **{"base_url": "http://testserver", **options},
        )

    @property
    def ledger(self) -> Ledger:
        """The log of choices."""
        return self.site.ledger

    @property
    def policy(self) -> Policy:
        """The policy that the application is held to."""
        return self.site.policy

    async def choose(self, *granted: str, services: Mapping[str, bool] | None = None) -> dict[str, Any]:
        """Agree to these categories, and refuse all others; return the state. See ``choose``."""
        return _state(await self.post(_address(self.site.prefix), json=_body(granted, services)), granted)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        if self._choice is not None:
            granted, services = self._choice
            try:
                await self.choose(*granted, services=services)
            except BaseException:
                await self.aclose()
                raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        try:
            await super().__aexit__(kind, error, trace)
        finally:
            await anyio.to_thread.run_sync(self.site.close)

    async def aclose(self) -> None:
        """Close the client, and end what the application does beside its answers. The log can still be read."""
        try:
            await super().aclose()
        finally:
            await anyio.to_thread.run_sync(self.site.close)


class _Client(Protocol):
    """What ``choose`` needs of a client: Starlette's and FastAPI's ``TestClient``, and ``httpx.Client``, have it."""

    def post(self, url: Any, *, json: Any = None) -> Any: ...


def choose(
    client: _Client,
    *granted: str,
    services: Mapping[str, bool] | None = None,
    prefix: str = DEFAULT_PREFIX,
) -> dict[str, Any]:
    """Have a client agree to these categories and refuse all others; return the state, as ``GET state`` does.

    ``services`` are exceptions: a service's id, and whether it is agreed to. The choice is posted as the banner does,
    so that it is in the log, and the client has the cookie. Raises ``ConfigurationError`` where it is not taken, and
    where a category is not granted because nothing is declared in it.
    """
    return _state(client.post(_address(prefix), json=_body(granted, services)), granted)


def _address(prefix: str) -> str:
    return f"{prefix}/choices"


def _body(granted: Iterable[str], services: Mapping[str, bool] | None) -> dict[str, Any]:
    return {"granted": list(granted), "services": dict(services or {})}


def _state(response: Any, granted: Iterable[str]) -> dict[str, Any]:
    if response.status_code != httpx.codes.OK:
        raise ConfigurationError(f"the choice was not taken ({response.status_code}): {response.text}")
    state: dict[str, Any] = response.json()
    # The endpoint records it as not granted, as pages may be older than the policy. A test would go on without knowing.
    if missing := sorted(set(granted).difference(state["granted"])):
        raise ConfigurationError(
            f"{missing[0]!r} was not granted: nothing is declared in this category, so no visitor is asked about it; "
            "declare a service or a cookie in it, as with policy=make_policy(services={'google-analytics': {}})"
        )
    return state
